//! Send the same message to many clients.
//!
//! A [`PreparedMessage`](crate::PreparedMessage) is laid out once, compressed too if that is agreed
//! on, and shared by all who send it. Here each client of a room has a queue of its own and a task
//! that empties it. A speaker waits while a queue is full, so a burst of lines throws nobody
//! out. It waits for a second at most: a client that takes nothing for so long is dropped. A client
//! that leaves is out of the room at once.
//!
//! ```
//! use std::collections::HashMap;
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use std::sync::{Arc, Mutex};
//! use std::time::{Duration, Instant};
//! use bluewire::smol::{NetStream, Server, WebSocket, connect};
//! use bluewire::{CloseCode, PreparedMessage};
//! use smol::Timer;
//! use smol::channel::{Sender, bounded};
//! use smol::future::or;
//!
//! /// How many lines may wait for a client, and how long a speaker waits for a full queue.
//! const QUEUE_LEN: usize = 100;
//! const PATIENCE: Duration = Duration::from_secs(1);
//!
//! #[derive(Clone, Default)]
//! struct Room(Arc<Mutex<HashMap<u64, Sender<PreparedMessage>>>>);
//!
//! /// A client's place in a room, until it is dropped.
//! struct Member(Room, u64);
//!
//! impl Room {
//!     fn join(&self, queue: Sender<PreparedMessage>) -> Member {
//!         static NEXT: AtomicU64 = AtomicU64::new(0);
//!         let id = NEXT.fetch_add(1, Ordering::Relaxed);
//!         self.0.lock().unwrap().insert(id, queue);
//!         Member(self.clone(), id)
//!     }
//!
//!     async fn tell(&self, line: &str) {
//!         let message = PreparedMessage::new(line);
//!         let everybody: Vec<_> =
//!             self.0.lock().unwrap().iter().map(|(id, queue)| (*id, queue.clone())).collect();
//!         // One deadline for all of them: those behind a slow client lose no time to it.
//!         let deadline = Instant::now() + PATIENCE;
//!         for (id, queue) in everybody {
//!             let queued = async {
//!                 queue.send(message.clone()).await.is_ok()
//!             };
//!             let too_late = async {
//!                 Timer::at(deadline).await;
//!                 false
//!             };
//!             if !or(queued, too_late).await {
//!                 self.0.lock().unwrap().remove(&id);
//!             }
//!         }
//!     }
//!
//!     async fn attend(self, socket: WebSocket<NetStream>) {
//!         let (queue, waiting) = bounded(QUEUE_LEN);
//!         let member = self.join(queue);
//!         let (mut reader, writer) = socket.split();
//!         let sending = async {
//!             while let Ok(message) = waiting.recv().await {
//!                 writer.send_prepared(&message).await?;
//!             }
//!             // It was removed: too far behind, unless it has left.
//!             writer.close(CloseCode::TRY_AGAIN_LATER, "too far behind").await
//!         };
//!         let receiving = async {
//!             let _member = member;
//!             while let Some(message) = reader.recv().await? {
//!                 self.tell(message.as_text().unwrap_or("(binary)")).await;
//!             }
//!             Ok::<(), bluewire::Error>(())
//!         };
//!         let _ = smol::future::try_zip(sending, receiving).await;
//!     }
//! }
//!
//! impl Drop for Member {
//!     fn drop(&mut self) {
//!         self.0.0.lock().unwrap().remove(&self.1);
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
//! # let there_are = async |expected| {
//! #     for _ in 0..2_000 {
//! #         if everybody.0.lock().unwrap().len() == expected {
//! #             return;
//! #         }
//! #         Timer::after(Duration::from_millis(5)).await;
//! #     }
//! #     panic!("there are not {expected} clients");
//! # };
//! # there_are(2).await;
//! # one.send("Hello").await?;
//! # assert_eq!(other.recv().await?, Some("Hello".into()));
//! # // A burst of more lines than a queue holds.
//! # for number in 0..1_000 {
//! #     one.feed(&*format!("line {number}")).await?;
//! # }
//! # one.flush().await?;
//! # assert_eq!(one.recv().await?, Some("Hello".into()));
//! # for number in 0..1_000 {
//! #     let line = format!("line {number}");
//! #     assert_eq!(other.recv().await?, Some((&*line).into()));
//! #     assert_eq!(one.recv().await?, Some((&*line).into()));
//! # }
//! # // A client that leaves is out at once.
//! # other.close(CloseCode::NORMAL, "").await?;
//! # there_are(1).await;
//! # // Neither without a Close frame.
//! # drop(one);
//! # there_are(0).await;
//! # drop(serving);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
