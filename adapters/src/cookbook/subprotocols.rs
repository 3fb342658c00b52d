//! Agree on a subprotocol (RFC 6455, section 1.9).
//!
//! The client offers names in order of preference, and the server chooses the first one that it
//! supports. The server may choose none, so the client checks the result.
//!
//! ```
//! use std::net::TcpListener;
//! use bluewire::{AcceptOptions, CloseCode, ConnectOptions, blocking};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! let server = std::thread::spawn(move || -> Result<(), bluewire::Error> {
//!     let options = AcceptOptions::default().protocol("chat.v2").protocol("chat.v1");
//!     let mut socket = blocking::accept_with(listener.accept()?.0, options)?;
//!     match socket.protocol() {
//!         Some("chat.v2") => socket.send("welcome to the new chat")?,
//!         Some("chat.v1") => socket.send("welcome")?,
//!         _ => drop(socket.close(CloseCode::POLICY_VIOLATION, "this is a chat")?),
//!     }
//!     Ok(())
//! });
//!
//! let options = ConnectOptions::new(url).protocols(["chat.v3", "chat.v2"]);
//! let mut socket = blocking::connect(options)?;
//! assert_eq!(socket.protocol(), Some("chat.v2"));
//! assert_eq!(socket.recv()?, Some("welcome to the new chat".into()));
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
