//! Use the engine with another runtime.
//!
//! [`bluewire_core`] does no IO, so an adapter is little more than a loop: take events until there are
//! none, see to the clock, write, wait. This one is for tokio; it answers pings, keeps deadlines and
//! closes in order, as the ready ones do.
//!
//! ```
//! use bluewire_core::{Closure, Connection, Event, Inbox, Message, Outbox};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//! use tokio::time::{Instant, timeout_at};
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
//!     loop {
//!         while let Some(event) = connection.next_event(start.elapsed(), &mut inbox, &mut outbox) {
//!             if let Event::Message(message) = event {
//!                 on_message(message, &mut connection, &mut outbox);
//!             }
//!         }
//!         connection.handle_timeout(start.elapsed(), &mut outbox);
//!         while !outbox.is_empty() {
//!             let written = stream.write(outbox.unsent()).await?;
//!             outbox.sent(written);
//!         }
//!         if let Some(closure) = connection.closure() {
//!             return Ok(closure.clone());
//!         }
//!         if connection.should_shut_down() {
//!             let _ = stream.shutdown().await;
//!         }
//!         let deadline = connection.poll_timeout().map_or(start + YEAR, |after| start + after);
//!         match timeout_at(deadline, stream.read(inbox.space())).await {
//!             Ok(Ok(0) | Err(_)) => connection.receive_eof(),
//!             Ok(Ok(len)) => inbox.filled(len),
//!             Err(_) => {} // A deadline: the clock is seen to above.
//!         }
//!     }
//! }
//!
//! const YEAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);
//! # use bluewire_core::{CloseCode, Config, MaskingKeys};
//! # use std::time::Duration;
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
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The opening handshake is such a loop as well, around
//! [`ClientHandshake`](bluewire_core::ClientHandshake) or
//! [`ServerHandshake`](bluewire_core::ServerHandshake), unless another library has done it.
