//! Send headers, and authenticate clients.
//!
//! A program sends its token in a header. A page in a browser cannot set headers; it uses cookies,
//! or sends the token as its first message. The server decides in [`ServerOptions::on_offer`],
//! which sees the head of the request and can answer with any HTTP response. The client gets the
//! whole response in [`ConnectError::Refused`].
//!
//! [`ServerOptions::on_offer`]: crate::ServerOptions::on_offer
//! [`ConnectError::Refused`]: crate::ConnectError::Refused
//!
//! ```
//! use bluewire::{ConnectError, ConnectOptions, HttpAnswer, ServerOptions, blocking};
//!
//! let refusal = HttpAnswer::new(401)?
//!     .header("WWW-Authenticate", "Bearer")?
//!     .text("get a token at /token\n");
//! let options = ServerOptions::default().on_offer(move |offer| {
//!     match offer.headers().first("Authorization") {
//!         Some(b"Bearer open sesame") => Ok(()),
//!         _ => Err(refusal.clone()),
//!     }
//! });
//! let server = blocking::Server::bind_with("127.0.0.1:0", options)?;
//! let url = format!("ws://{}/", server.local_addr());
//! # let handle = server.handle();
//! # let serving = std::thread::spawn(move || {
//! server.serve(|mut socket| drop(socket.send("come in")));
//! # });
//!
//! match blocking::connect(&*url) {
//!     Err(ConnectError::Refused(refusal)) => {
//!         assert_eq!(refusal.head().status(), 401);
//!         assert_eq!(refusal.body(), b"get a token at /token\n");
//!     }
//!     other => panic!("it should have been refused: {other:?}"),
//! }
//! let options = ConnectOptions::new(url).header("Authorization", "Bearer open sesame");
//! assert_eq!(blocking::connect(options)?.recv()?, Some("come in".into()));
//! # handle.shutdown(std::time::Duration::from_secs(5));
//! # serving.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
