//! Notice a peer that is gone.
//!
//! A peer whose machine was switched off sends nothing, not even an end. Therefore a connection that
//! is quiet for [`Keepalive::interval`] is sent a Ping, and one from which nothing comes for
//! [`Keepalive::timeout`] after that is over, with the fault [`Fault::Timeout`]. Both are 20 s by
//! default, on both ends: there is nothing to do but to receive.
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
//! // A server that has stopped to do anything.
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
//! A program that is busy with something else for long lets the connection live by
//! [`attend`](crate::blocking::WebSocket::attend), or by a thread or a task of its own for the
//! [reader](crate::blocking::WebSocket::split).
