//! Send and receive a file that is larger than memory, as one message.
//!
//! With [`Delivery::Chunks`](crate::Delivery::Chunks), you receive each part of a message as it
//! arrives. Text is cut between characters. The sender passes its parts to `send_chunk`, the last
//! one with `true`, and each part becomes a fragment. Neither end holds more than one part.
//! [`Limits::message_len_max`](crate::Limits::message_len_max) still applies. Here, a high limit
//! costs no memory.
//!
//! ```
//! use std::fs::File;
//! use std::io::{Read, Write};
//! use std::net::TcpListener;
//! use bluewire::{AcceptOptions, Config, Delivery, Limits, blocking};
//!
//! # let directory = std::env::temp_dir().join(format!("bluewire-large-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let (source, target) = (directory.join("source"), directory.join("target"));
//! # std::fs::write(&source, (0..3_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>())?;
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let copy = target.clone();
//! # let server = std::thread::spawn(move || -> Result<(), bluewire::Error> {
//! # let target = copy;
//! // The receiver:
//! let limits = Limits::default()
//!     .frame_len_max(1 << 40)
//!     .message_len_max(1 << 40)
//!     .fragments_max(u32::MAX);
//! let config = Config::default().delivery(Delivery::Chunks).limits(limits);
//! let options = AcceptOptions::default().config(config);
//! let mut socket = blocking::accept_with(listener.accept()?.0, options)?;
//! let mut file = File::create(target)?;
//! while let Some((part, fin)) = socket.recv_chunk()? {
//!     file.write_all(part.as_bytes())?;
//!     if fin {
//!         socket.send("it is here")?;
//!     }
//! }
//! # Ok(())
//! # });
//!
//! // The sender:
//! let mut socket = blocking::connect(url)?;
//! let mut file = File::open(&source)?;
//! let mut part = vec![0; 64 * 1024];
//! loop {
//!     let len = file.read(&mut part)?;
//!     socket.send_chunk(&part[..len], len == 0)?;
//!     if len == 0 {
//!         break;
//!     }
//! }
//! assert_eq!(socket.recv()?, Some("it is here".into()));
//! # socket.close(bluewire::CloseCode::NORMAL, "")?;
//! # server.join().unwrap()?;
//! # assert!(std::fs::read(&source)? == std::fs::read(&target)?);
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
