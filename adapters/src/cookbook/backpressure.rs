//! Send no faster than the peer reads.
//!
//! `send` returns when the system has taken the message: a peer that does not read makes it wait, at
//! most for [`Flow::write_timeout`](crate::Flow::write_timeout). That is all that most programs
//! need. Many small messages go out faster by `feed`, which lets them wait until there are enough of
//! them, and waits itself once [`Flow::queue_len_max`](crate::Flow::queue_len_max) bytes do:
//!
//! ```
//! # use std::net::TcpListener;
//! use bluewire::{CloseCode, blocking};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let server = std::thread::spawn(move || -> Result<u32, bluewire::Error> {
//! #     let mut socket = blocking::accept(listener.accept()?.0)?;
//! #     let mut received = 0;
//! #     while socket.recv()?.is_some() {
//! #         received += 1;
//! #     }
//! #     Ok(received)
//! # });
//! let mut socket = blocking::connect(url)?;
//! for row in 0..100_000 {
//!     socket.feed(&*format!("row {row}"))?;
//! }
//! socket.flush()?;
//! # socket.close(CloseCode::NORMAL, "")?;
//! # assert_eq!(server.join().unwrap()?, 100_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What cannot wait, such as a live picture, is dropped rather than queued: `try_feed` refuses with
//! [`SendError::OutboxFull`](crate::SendError::OutboxFull) where `feed` would wait.
//!
//! ```
//! # use std::net::TcpListener;
//! use bluewire::{Error, Flow, SendError, blocking};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let server = std::thread::spawn(move || blocking::accept(listener.accept().unwrap().0));
//! let mut socket = blocking::connect(url)?;
//! # let peer_that_does_not_read = server.join().unwrap();
//! socket.set_flow(Flow::default().queue_len_max(256 * 1024));
//! let mut dropped = 0;
//! for picture in vec![vec![7; 64 * 1024]; 1_000] {
//!     match socket.try_feed(&picture[..]) {
//!         Ok(()) => {}
//!         Err(Error::Send(SendError::OutboxFull)) => dropped += 1,
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! assert!(dropped > 0, "what the system and the queue did not take");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! On the callback facade, `buffered_amount` tells how much waits, and a message past
//! [`Limits::outbox_len_max`](crate::Limits::outbox_len_max) fails.
//!
//! The other way round there is nothing to do: nothing more is read from a peer while a message of
//! its is not received, and so it has to wait in turn.
