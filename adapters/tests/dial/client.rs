//! The adapters as clients of one kind, and what they meet.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::facade::WebSocket;
#[cfg(feature = "tokio")]
use bluewire::tokio;
use bluewire::{ConnectError, ConnectOptions, Error, OwnedMessage, blocking, smol};

use crate::common::PATIENCE;
#[cfg(feature = "tokio")]
use crate::common::side::RUNTIME;

/// A text, or why there is none.
pub(crate) type Received = Result<String, Error>;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    Blocking,
    Smol,
    #[cfg(feature = "tokio")]
    Tokio,
}

impl Client {
    pub(crate) const ALL: &[Self] = &[
        Self::Blocking,
        Self::Smol,
        #[cfg(feature = "tokio")]
        Self::Tokio,
    ];

    /// Connects, and says what came of it.
    pub(crate) fn connect(self, options: ConnectOptions) -> Result<(), ConnectError> {
        match self {
            Self::Blocking => blocking::connect(options).map(drop),
            Self::Smol => ::smol::block_on(smol::connect(options)).map(drop),
            #[cfg(feature = "tokio")]
            Self::Tokio => RUNTIME.block_on(tokio::connect(options)).map(drop),
        }
    }

    /// The same where it must fail, which must not take long.
    #[track_caller]
    pub(crate) fn fail(self, options: ConnectOptions) -> ConnectError {
        let start = Instant::now();
        let error = self.connect(options).expect_err("it cannot succeed");
        assert!(start.elapsed() < 2 * PATIENCE, "{self:?} took too long: {error}");
        error
    }

    /// Connects, and receives twice.
    pub(crate) fn receive_two(self, options: ConnectOptions) -> (Received, Received) {
        match self {
            Self::Blocking => {
                let mut socket = blocking::connect(options).expect("it agrees");
                let mut receive = || socket.recv_owned().map(text);
                (receive(), receive())
            }
            Self::Smol => ::smol::block_on(async {
                let mut socket = smol::connect(options).await.expect("it agrees");
                let first = socket.recv_owned().await.map(text);
                (first, socket.recv_owned().await.map(text))
            }),
            #[cfg(feature = "tokio")]
            Self::Tokio => RUNTIME.block_on(async {
                let mut socket = tokio::connect(options).await.expect("it agrees");
                let first = socket.recv_owned().await.map(text);
                (first, socket.recv_owned().await.map(text))
            }),
        }
    }

    /// A connection of the facade's.
    pub(crate) fn create(self, options: ConnectOptions) -> WebSocket {
        let created = match self {
            Self::Blocking => blocking::websocketfactory::create(options),
            Self::Smol => smol::websocketfactory::create(options),
            #[cfg(feature = "tokio")]
            Self::Tokio => {
                let _runtime = RUNTIME.enter();
                tokio::websocketfactory::create(options)
            }
        };
        created.expect("the options are valid")
    }
}

fn text(message: Option<OwnedMessage>) -> String {
    match message {
        Some(OwnedMessage::Text(text)) => text.to_string(),
        other => panic!("no text: {other:?}"),
    }
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("ws://{address}/")
}

/// Tries it with 300 milliseconds, then with 3 and with 30 seconds: on a busy machine, a deadline may
/// come before what a test is about has happened. The attempt says whether it had.
pub(crate) fn with_more_time_each_time(attempt: impl FnMut(Duration) -> bool) {
    let mut times = [300, 3_000, 30_000].map(Duration::from_millis).into_iter();
    assert!(times.any(attempt), "30 seconds were not enough");
}

/// An address at which TCP does not answer, as long as it lives: a listener whose queue is full.
pub(crate) struct Dead {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _fillers: Vec<TcpStream>,
}

pub(crate) fn dead() -> Dead {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    rustix::net::listen(&listener, 0).expect("the queue can be short");
    let mut fillers = Vec::new();
    for _ in 0..64 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(filler) => fillers.push(filler),
            Err(_) => return Dead { address, _listener: listener, _fillers: fillers },
        }
    }
    panic!("the queue cannot be filled");
}

/// A port without a listener, as long as it lives: taken, so that no other test gets it.
pub(crate) struct Closed {
    pub(crate) address: SocketAddr,
    _taken: TcpStream,
}

pub(crate) fn closed() -> Closed {
    use rustix::net::{AddressFamily, SocketType, bind, socket};
    let taken = socket(AddressFamily::INET, SocketType::STREAM, None).expect("there is a socket");
    bind(&taken, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("there is a port");
    let taken = TcpStream::from(taken);
    Closed { address: taken.local_addr().expect("it is bound"), _taken: taken }
}

/// A server that agrees, as often as it is asked, as long as the tests run.
pub(crate) fn live(ip: impl Into<IpAddr>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((ip.into(), 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        // Whose client has gone again is no matter.
        listener.incoming().flatten().for_each(|stream| drop(blocking::accept(stream)));
    });
    Ok(address)
}

/// A server that says this to each client after its request, and keeps the connection as long as
/// the client does.
pub(crate) fn scripted(
    say: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_head(&mut stream);
            // A client that has heard enough goes.
            let _ = say(&mut stream);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    address
}

/// The head of a request, or what there is of it.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a request is ASCII")
}
