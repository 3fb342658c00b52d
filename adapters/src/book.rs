//! The book's pages, whose Rust blocks are compiled and run as documentation tests. A test in
//! `tests/documents.rs` holds this list to the book's summary.

#[doc = include_str!("../../docs/book/src/introduction.md")]
struct Introduction;
#[doc = include_str!("../../docs/book/src/tutorial/first-connection.md")]
struct TutorialFirstConnection;
#[doc = include_str!("../../docs/book/src/tutorial/chat-server.md")]
struct TutorialChatServer;
#[doc = include_str!("../../docs/book/src/tutorial/browser.md")]
struct TutorialBrowser;
#[doc = include_str!("../../docs/book/src/tutorial/deploy.md")]
struct TutorialDeploy;
#[doc = include_str!("../../docs/book/src/howto/sending.md")]
struct HowtoSending;
#[doc = include_str!("../../docs/book/src/howto/subprotocols.md")]
struct HowtoSubprotocols;
#[doc = include_str!("../../docs/book/src/howto/authentication.md")]
struct HowtoAuthentication;
#[doc = include_str!("../../docs/book/src/howto/backpressure.md")]
struct HowtoBackpressure;
#[doc = include_str!("../../docs/book/src/howto/large-messages.md")]
struct HowtoLargeMessages;
#[doc = include_str!("../../docs/book/src/howto/testing.md")]
struct HowtoTesting;
#[doc = include_str!("../../docs/book/src/howto/observability.md")]
struct HowtoObservability;
#[doc = include_str!("../../docs/book/src/howto/memory.md")]
struct HowtoMemory;
#[doc = include_str!("../../docs/book/src/explanation/sans-io.md")]
struct ExplanationSansIo;
#[doc = include_str!("../../docs/book/src/explanation/memory.md")]
struct ExplanationMemory;
#[doc = include_str!("../../docs/book/src/explanation/timeouts.md")]
struct ExplanationTimeouts;
#[doc = include_str!("../../docs/book/src/explanation/backpressure.md")]
struct ExplanationBackpressure;
#[doc = include_str!("../../docs/book/src/explanation/security.md")]
struct ExplanationSecurity;
#[doc = include_str!("../../docs/book/src/coming-from/tungstenite.md")]
struct ComingFromTungstenite;
#[cfg(feature = "tokio")]
#[doc = include_str!("../../docs/book/src/coming-from/tokio-tungstenite.md")]
struct ComingFromTokioTungstenite;
#[cfg(feature = "tokio")]
#[doc = include_str!("../../docs/book/src/coming-from/fastwebsockets.md")]
struct ComingFromFastwebsockets;
#[doc = include_str!("../../docs/book/src/coming-from/axum.md")]
struct ComingFromAxum;
#[doc = include_str!("../../docs/book/src/coming-from/python-websockets.md")]
struct ComingFromPythonWebsockets;
#[doc = include_str!("../../docs/book/src/coming-from/ws.md")]
struct ComingFromWs;
#[doc = include_str!("../../docs/book/src/comparison.md")]
struct Comparison;
