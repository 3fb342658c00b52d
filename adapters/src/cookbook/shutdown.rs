//! Stop a server without losing what clients have sent.
//!
//! [`ServerHandle::shutdown`](crate::blocking::ServerHandle::shutdown) stops listening and sends
//! every client the close code 1001, "going away". Each connection receives until its client has
//! answered: the program's loop gets every message that was sent before that, and then ends. A
//! client that has not answered when the budget ends is cut off.
//!
//! ```
//! use std::thread;
//! use std::time::Duration;
//! use bluewire::{CloseCode, blocking};
//!
//! let server = blocking::Server::bind("127.0.0.1:0")?;
//! let url = format!("ws://{}/", server.local_addr());
//! let handle = server.handle();
//! # let (stored, store) = std::sync::mpsc::channel();
//! let serving = thread::spawn(move || {
//!     server.serve(move |mut socket| {
//!         while let Ok(Some(message)) = socket.recv() {
//!             stored.send(message.into_owned()).unwrap(); // whatever it takes
//!         }
//!     })
//! });
//!
//! let mut client = blocking::connect(url)?;
//! client.send("the last words")?;
//! let client = thread::spawn(move || {
//!     while let Ok(Some(_)) = client.recv() {}
//!     client.closure().map(|closure| closure.code)
//! });
//!
//! // A program does this on SIGTERM; see the example `echo_server`.
//! let report = handle.shutdown(Duration::from_secs(5));
//! assert_eq!((report.closed, report.cut), (1, 0));
//! assert_eq!(store.recv()?, "the last words");
//! assert_eq!(client.join().unwrap(), Some(CloseCode::GOING_AWAY));
//! # serving.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
