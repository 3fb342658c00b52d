//! Say the same to many.
//!
//! A [`PreparedMessage`](crate::PreparedMessage) is laid out once, compressed too if that is agreed
//! on, and shared by all who send it. Here each client of a room has a queue of its own and a task
//! that empties it: one who reads slowly holds nobody up, and one who falls too far behind is dropped.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use bluewire::smol::{NetStream, Server, WebSocket, connect};
//! use bluewire::{CloseCode, PreparedMessage};
//! use smol::channel::{Sender, bounded};
//!
//! #[derive(Clone, Default)]
//! struct Room(Arc<Mutex<Vec<Sender<PreparedMessage>>>>);
//!
//! impl Room {
//!     fn tell(&self, line: &str) {
//!         let message = PreparedMessage::new(line);
//!         self.0.lock().unwrap().retain(|client| client.try_send(message.clone()).is_ok());
//!     }
//!
//!     async fn attend(self, socket: WebSocket<NetStream>) {
//!         let (queue, waiting) = bounded(100);
//!         self.0.lock().unwrap().push(queue);
//!         let (mut reader, writer) = socket.split();
//!         let sending = async {
//!             while let Ok(message) = waiting.recv().await {
//!                 writer.send_prepared(&message).await?;
//!             }
//!             writer.close(CloseCode::TRY_AGAIN_LATER, "too far behind").await
//!         };
//!         let receiving = async {
//!             while let Some(message) = reader.recv().await? {
//!                 self.tell(message.as_text().unwrap_or("(binary)"));
//!             }
//!             Ok::<(), bluewire::Error>(())
//!         };
//!         let _ = smol::future::try_zip(sending, receiving).await;
//!     }
//! }
//!
//! # smol::block_on(async {
//! let server = Server::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", server.local_addr());
//! let room = Room::default();
//! # let everybody = room.clone();
//! # let serving = smol::spawn(async move {
//! server.serve(move |socket| room.clone().attend(socket)).await;
//! # });
//! # let (mut one, mut other) = (connect(&*url).await?, connect(&*url).await?);
//! # let all_are_there = || everybody.0.lock().unwrap().len() == 2;
//! # for _ in (0..2_000).take_while(|_| !all_are_there()) {
//! #     smol::Timer::after(std::time::Duration::from_millis(5)).await;
//! # }
//! # one.send("Hello").await?;
//! # assert_eq!(other.recv().await?, Some("Hello".into()));
//! # drop(serving);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
