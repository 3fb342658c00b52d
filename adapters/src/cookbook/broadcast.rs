//! Send the same message to many clients.
//!
//! A [`Group`](crate::group::Group) encodes a message once, and compresses it once if its options
//! say so. All members share it. By default, the group does not wait for a client that does not
//! read: it closes the client with 1013 once a megabyte or 1,024 messages wait for it. In this
//! recipe, the speaker waits, for a minute at most. So a burst of lines removes no client, and a
//! client that reads nothing for a minute is closed. A client that leaves is out of the room at
//! once.
//!
//! ```
//! use std::time::Duration;
//! use bluewire::CloseCode;
//! use bluewire::group::{Group, GroupOptions, SlowMember};
//! use bluewire::smol::{NetStream, Server, WebSocket, connect};
//!
//! async fn attend(socket: WebSocket<NetStream>, room: Group) {
//!     // The publisher writes to a split connection itself, and its task sleeps on.
//!     let (mut reader, writer) = socket.split();
//!     let Ok(_key) = room.join(&writer) else { return };
//!     while let Ok(Some(message)) = reader.recv().await {
//!         let line = message.as_text().unwrap_or("(binary)");
//!         // Without `await`, this would not wait for slow clients.
//!         room.publish(line).await;
//!     }
//! }
//!
//! # smol::block_on(async {
//! let server = Server::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", server.local_addr());
//! let patience = SlowMember::Wait(Duration::from_secs(60));
//! let room = Group::with(GroupOptions::default().slow(patience).messages_max(100));
//! # let everybody = room.clone();
//! # let serving = smol::spawn(async move {
//! server.serve(move |socket| attend(socket, room.clone())).await;
//! # });
//! # let (mut one, mut other) = (connect(&*url).await?, connect(&*url).await?);
//! # let there_are = async |expected| {
//! #     for _ in 0..12_000 {
//! #         if everybody.len() == expected {
//! #             return;
//! #         }
//! #         smol::Timer::after(Duration::from_millis(5)).await;
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
//! # assert_eq!(everybody.skipped(), 0);
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
