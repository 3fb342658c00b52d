//! Connect through a proxy.
//!
//! A [`Proxy`](crate::Proxy) speaks HTTP (CONNECT) or SOCKS 5, with a user name and a password if it
//! requires them. The proxy looks up the server's name. If it refuses,
//! [`ProxyError`](crate::ProxyError) has its status and its reason.
//!
//! ```
//! use bluewire::{ConnectError, ConnectOptions, ProxyError, blocking};
//!
//! # // A proxy that wants to know who is there.
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let proxy = format!("http://{}", listener.local_addr()?);
//! # let refusing = std::thread::spawn(move || -> std::io::Result<()> {
//! #     use std::io::{Read, Write};
//! #     let (mut client, _) = listener.accept()?;
//! #     let mut request = Vec::new();
//! #     while !request.ends_with(b"\r\n\r\n") {
//! #         let mut byte = [0];
//! #         client.read_exact(&mut byte)?;
//! #         request.extend(byte);
//! #     }
//! #     client.write_all(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
//! # });
//! let options = ConnectOptions::new("wss://server.example/").proxy(proxy.parse()?);
//! match blocking::connect(options) {
//!     Err(ConnectError::Proxy(ProxyError::Refused(refusal))) => {
//!         assert_eq!(refusal.head().status(), 407);
//!     }
//!     other => panic!("it lets nobody through: {other:?}"),
//! }
//! # refusing.join().unwrap()?;
//!
//! // As other programs do it: by HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment, but never
//! // for what is near.
//! let options = ConnectOptions::new("wss://server.example/")
//!     .proxy_from_environment()
//!     .no_proxy("localhost, .internal, 10.0.0.0/8");
//! # let _ = options;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A proxy sees what goes by `ws`. By `wss` it sees the server's name and port.
