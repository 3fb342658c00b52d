//! Send no faster than the peer reads.
//!
//! `send` returns when the system has taken the message. If the peer does not read, `send` waits, for
//! at most [`Flow::write_timeout`](crate::Flow::write_timeout). Most programs need nothing else.
//!
//! `feed` sends many small messages faster, because it collects them. It waits when
//! [`Flow::queue_len_max`](crate::Flow::queue_len_max) bytes are queued:
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
//! Some data is worthless when it is late, such as a live picture. Drop it instead of queueing it:
//! `try_feed` refuses with [`SendError::OutboxFull`](crate::SendError::OutboxFull) when `feed` would
//! wait.
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
//! On the callback API, `buffered_amount` returns the number of waiting bytes. A message that exceeds
//! [`Limits::outbox_len_max`](crate::Limits::outbox_len_max) fails.
//!
//! In the other direction, do nothing. While your program does not receive, Bluewire does not read,
//! and the peer has to wait.
