//! Stay connected to a server that restarts, is overloaded, or is out of reach for a while.
//!
//! On the callback API, this is one more option. `on_open` is called for each connection, and
//! `on_close` after the last one.
//!
//! ```
//! use std::sync::mpsc;
//! use std::time::Duration;
//! use bluewire::blocking::websocketfactory;
//! use bluewire::{CloseCode, ConnectOptions, Reconnect};
//! # use bluewire::blocking;
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("ws://{}/", listener.local_addr()?);
//! # let server = std::thread::spawn(move || {
//! #     for code in [CloseCode::SERVICE_RESTART, CloseCode::NORMAL] {
//! #         let mut socket = blocking::accept(listener.accept().unwrap().0).unwrap();
//! #         assert_eq!(socket.recv().unwrap(), Some("subscribe".into()));
//! #         socket.close(code, "").unwrap();
//! #     }
//! # });
//!
//! // The defaults are those that RFC 6455 recommends: up to 5 s at first, a minute in the end.
//! let reconnect = Reconnect::default().first_delay(Duration::from_millis(100));
//! let socket = websocketfactory::create(ConnectOptions::new(url).reconnect(reconnect))?;
//!
//! let subscriber = socket.clone();
//! socket.on_open(move || subscriber.send("subscribe")); // the server has forgotten
//! socket.on_reconnect(|event| println!("again in {:?}", event.delay));
//! let (tell, end) = mpsc::channel();
//! socket.on_close(move |close| tell.send(close.code).unwrap());
//!
//! assert_eq!(end.recv()?, 1000);
//! # server.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The direct API has [`Reconnecting`](crate::blocking::Reconnecting), which hands out one
//! connection after the other. [`reconnect`](crate::reconnect) has the table of what is worth a
//! retry, and takes a rule of yours.
