//! Coming from fastwebsockets.
//!
//! | fastwebsockets | Bluewire |
//! | --- | --- |
//! | `handshake::client(executor, request, stream)` | [`connect(url)`](crate::tokio::connect()), or [`connect_over(stream, options)`](crate::tokio::connect_over) |
//! | `upgrade::upgrade(&mut request)` with hyper | [the recipe for hyper](super::hyper) |
//! | `WebSocket::after_handshake(stream, Role::Server)` | [`WebSocket::adopt_server(stream, leftover, config)`](crate::tokio::WebSocket::adopt_server) |
//! | `FragmentCollector::read_frame` | [`recv`](crate::tokio::WebSocket::recv): whole messages, put together in place |
//! | `WebSocket::read_frame` for parts | [`recv_chunk`](crate::tokio::WebSocket::recv_chunk) with [`Delivery::Chunks`](crate::Delivery::Chunks) |
//! | `write_frame(Frame::text(..))` | [`send("..")`](crate::tokio::WebSocket::send) |
//! | `ws.split(tokio::io::split)` and a `send_fn` | [`split`](crate::tokio::WebSocket::split): nothing is owed to the other half |
//! | `set_auto_close`, `set_auto_pong`, `set_writev` | the defaults; [`Config::auto_pong`](crate::Config::auto_pong) |
//! | `set_max_message_size` | [`Limits::message_len_max`](crate::Limits::message_len_max) |
//!
//! # A client
//!
//! With fastwebsockets you open a TCP stream, build the upgrade request with its key, hand both to
//! hyper, and read frames until one has the opcode of a Close. Here:
//!
//! ```
//! use bluewire::CloseCode;
//! use bluewire::tokio::connect;
//! # use bluewire::tokio::accept;
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let server = tokio::spawn(async move {
//! #     let mut socket = accept(listener.accept().await?.0).await?;
//! #     while let Some((message, mut sender)) = socket.recv_with_sender().await? {
//! #         sender.send(message).await?;
//! #     }
//! #     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! # });
//! let mut socket = connect(url).await?;
//! socket.send("Hello").await?;
//! if let Some(message) = socket.recv().await? {
//!     println!("{message:?}");
//! }
//! socket.close(CloseCode::NORMAL, "").await?;
//! # server.await?.map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What behaves differently
//!
//! - **Futures can be dropped at any point.** No byte of a frame is lost with them, so `select!`
//!   needs no care.
//! - **The rules of the RFC are checked**: the mask bit of each role, lengths in their shortest form,
//!   every control frame, text as it comes, close codes.
//! - **Both halves of a split connection answer by themselves.** There are no obligations to send a
//!   Pong or a Close for the reader.
//! - **Deadlines and keepalive** are built in, by tokio's clock.
//! - **There is no `unsafe`.** Masking and validation use vector code behind safe interfaces.
//! - **Frames are not shown.** Messages and their parts are; opcodes, masks and reserved bits belong
//!   to the engine. [`bluewire_core`] can be used by itself for more control.
