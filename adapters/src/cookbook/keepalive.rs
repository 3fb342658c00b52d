//! Detect a dead peer.
//!
//! A machine that was switched off sends nothing, not even an end of the stream. Therefore Bluewire
//! sends a Ping after [`Keepalive::interval`] without input. If nothing arrives within
//! [`Keepalive::timeout`], the connection ends with [`Fault::Timeout`]. Both are 20 s by default, on
//! both ends. Your program only has to receive.
//!
//! [`Keepalive::interval`]: crate::Keepalive::interval
//! [`Keepalive::timeout`]: crate::Keepalive::timeout
//! [`Fault::Timeout`]: crate::Fault::Timeout
//!
//! ```
//! use std::net::TcpListener;
//! use std::time::Duration;
//! use bluewire::{Config, ConnectOptions, Error, Fault, Keepalive, Timeout, blocking};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let (done, wait) = std::sync::mpsc::channel::<()>();
//! # let server = std::thread::spawn(move || -> Result<(), bluewire::Error> {
//! // A server that no longer does anything.
//! let socket = blocking::accept(listener.accept()?.0)?;
//! # let _ = wait.recv();
//! # drop(socket);
//! # Ok(())
//! # });
//!
//! let keepalive = Keepalive::default()
//!     .interval(Duration::from_millis(50))
//!     .timeout(Duration::from_millis(100));
//! let config = Config::default().keepalive(keepalive);
//! let mut socket = blocking::connect(ConnectOptions::new(url).config(config))?;
//! match socket.recv() {
//!     Err(Error::Fault(Fault::Timeout(Timeout::Pong))) => {} // reconnect
//!     other => panic!("there is nobody: {other:?}"),
//! }
//! # done.send(())?;
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If your program does something else for a long time, call
//! [`attend`](crate::blocking::WebSocket::attend) now and then, or give the
//! [reader](crate::blocking::WebSocket::split) its own thread or task.
