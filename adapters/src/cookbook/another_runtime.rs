//! Use the engine with another runtime.
//!
//! [`bluewire_core`] does no IO, so an adapter is little more than a loop: take all events, check the
//! clock, then wait until bytes arrive, bytes leave or a deadline passes. This adapter uses tokio. It
//! answers pings, keeps deadlines and performs the closing handshake.
//!
//! It waits for reads, writes and deadlines at the same time, so a peer that sends and never reads
//! cannot stop the clock. While too much output waits, it reads nothing. If no byte leaves for
//! `WRITE_TIMEOUT`, it ends the connection.
//!
//! ```
//! use std::io::ErrorKind;
//! use std::time::Duration;
//! use bluewire_core::{Closure, Connection, Event, Inbox, Message, Outbox};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//! use tokio::time::{Instant, sleep_until};
//!
//! /// How long output may wait without progress.
//! const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
//! /// No more is read while so many bytes wait to be written.
//! const WAITING_MAX: usize = 1024 * 1024;
//! const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
//!
//! /// Calls `on_message` with each message, and with what can answer it, until the connection ends.
//! async fn run(
//!     mut connection: Connection,
//!     mut inbox: Inbox,
//!     mut outbox: Outbox,
//!     mut stream: TcpStream,
//!     mut on_message: impl FnMut(Message<'_>, &mut Connection, &mut Outbox),
//! ) -> std::io::Result<Closure> {
//!     let start = Instant::now();
//!     let (mut reading, mut writing) = stream.split();
//!     let mut last_progress = start;
//!     loop {
//!         while let Some(event) = connection.next_event(start.elapsed(), &mut inbox, &mut outbox) {
//!             if let Event::Message(message) = event {
//!                 on_message(message, &mut connection, &mut outbox);
//!             }
//!         }
//!         connection.handle_timeout(start.elapsed(), &mut outbox);
//!         // After an orderly end the last bytes still leave.
//!         if let Some(closure) = connection.closure()
//!             && (outbox.is_empty() || !closure.clean)
//!         {
//!             return Ok(closure.clone());
//!         }
//!         if outbox.is_empty() {
//!             if connection.should_shut_down() {
//!                 let _ = writing.shutdown().await;
//!             }
//!             last_progress = Instant::now();
//!         }
//!         let may_read = connection.closure().is_none() && outbox.len() < WAITING_MAX;
//!         let deadline = connection.poll_timeout().and_then(|after| start.checked_add(after));
//!         tokio::select! {
//!             read = reading.read(inbox.space()), if may_read => match read {
//!                 Ok(0) | Err(_) => connection.receive_eof(),
//!                 Ok(len) => inbox.filled(len),
//!             },
//!             written = writing.write(outbox.unsent()), if !outbox.is_empty() => {
//!                 outbox.sent(written?);
//!                 last_progress = Instant::now();
//!             }
//!             () = sleep_until(last_progress + WRITE_TIMEOUT), if !outbox.is_empty() => {
//!                 return Err(ErrorKind::TimedOut.into());
//!             }
//!             // `handle_timeout` above does what is due.
//!             () = sleep_until(deadline.unwrap_or(start + YEAR)), if deadline.is_some() => {}
//!         }
//!     }
//! }
//! # use bluewire_core::{CloseCode, Config, Fault, MaskingKeys, Timeout};
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let stream = TcpStream::connect(listener.local_addr()?).await?;
//! # let (accepted, _) = listener.accept().await?;
//! # let server = Connection::server(Config::default(), Duration::ZERO);
//! # let echo = |message: Message<'_>, connection: &mut Connection, outbox: &mut Outbox| {
//! #     connection.send(message, outbox).unwrap();
//! # };
//! # let serving = run(server, Inbox::default(), Outbox::new(), accepted, echo);
//! # let keys = MaskingKeys::from_system();
//! # let mut client = Connection::client(Config::default(), keys, Duration::ZERO);
//! # let mut outbox = Outbox::new();
//! # client.send("Hello", &mut outbox)?;
//! # let close = |message: Message<'_>, connection: &mut Connection, outbox: &mut Outbox| {
//! #     assert_eq!(message, Message::Text("Hello"));
//! #     connection.close(Duration::ZERO, CloseCode::NORMAL, "", outbox).unwrap();
//! # };
//! # let asking = run(client, Inbox::default(), outbox, stream, close);
//! # let (served, asked) = tokio::try_join!(serving, asking)?;
//! # assert!(served.clean && asked.clean);
//! # // A peer that sends without end, and reads nothing, not even the Close frame.
//! # let mut stream = TcpStream::connect(listener.local_addr()?).await?;
//! # let (accepted, _) = listener.accept().await?;
//! # let config = Config::default().close_timeout(Duration::from_millis(300));
//! # let server = Connection::server(config, Duration::ZERO);
//! # let mut flood = b"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0".to_vec();
//! # flood.resize(flood.len() + 0x1_0000, 0);
//! # tokio::spawn(async move { while stream.write_all(&flood).await.is_ok() {} });
//! # let closing = |message: Message<'_>, connection: &mut Connection, outbox: &mut Outbox| {
//! #     let _ = match outbox.len() {
//! #         500_000.. => connection.close(Duration::ZERO, CloseCode::NORMAL, "", outbox),
//! #         _ => connection.send(message, outbox),
//! #     };
//! # };
//! # let serving = run(server, Inbox::default(), Outbox::new(), accepted, closing);
//! # let closure = tokio::time::timeout(Duration::from_secs(20), serving).await??;
//! # assert_eq!(closure.fault, Some(Fault::Timeout(Timeout::Close)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The opening handshake is such a loop as well, around
//! [`ClientHandshake`](bluewire_core::ClientHandshake) or
//! [`ServerHandshake`](bluewire_core::ServerHandshake), unless another library has done it.
