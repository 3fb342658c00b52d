//! The ways to use this crate, each as a client and as a server.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use bluewire::blocking::Transport;
use bluewire::facade::CloseEvent;
use bluewire::facade::WebSocket;
use bluewire::{
    AcceptOptions, CloseCode, Closure, ConnectError, ConnectOptions, Error, Message, OwnedMessage,
    blocking,
};

use crate::peer::{TIMEOUT, bounded};
#[cfg(feature = "tokio")]
use crate::runtimes::Tokio;
use crate::runtimes::{OnRuntime, Smol};

/// The message with which a client asks a server to close, with 3999 and "going".
pub(crate) const PLEASE_CLOSE: &str = "please close";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ours {
    Blocking,
    Smol,
    BlockingFacade,
    SmolFacade,
    #[cfg(feature = "tokio")]
    Tokio,
    #[cfg(feature = "tokio")]
    TokioFacade,
}

/// How a connection ended: the peer's code and reason, and whether it was in order.
pub(crate) type Ended = (u16, String, bool);

fn ended(code: u16, reason: &str) -> Ended {
    (code, reason.to_owned(), true)
}

/// A peer's client has closed its first connection, and has had us close its second.
pub(crate) fn assert_ended(ends: &Receiver<Result<Ended, Error>>) {
    // Each connection has a thread of its own, so either may report first.
    let next = || ends.recv_timeout(TIMEOUT).expect("a connection ends").expect("in order");
    let mut both = [next(), next()];
    both.sort();
    assert_eq!(both, [ended(3999, "going"), ended(4321, "that is all")]);
}

impl Ours {
    /// As a client: has an echo server send back all kinds of messages and closes, then has it
    /// close.
    pub(crate) fn converse(self, url: &str) {
        self.converse_by(ConnectOptions::new(url));
    }

    /// The same over compression.
    #[cfg(feature = "deflate")]
    pub(crate) fn converse_compressed(self, url: &str) {
        self.converse_by(ConnectOptions::new(url).deflate(deflate()));
    }

    /// The same by these options.
    pub(crate) fn converse_by(self, options: ConnectOptions) {
        let options = options.protocols(["unheard.of", "echo"]);
        bounded(move || match self {
            Self::Blocking => converse_blocking(&options).expect("it goes well"),
            Self::Smol => Smol::block_on(converse_on::<Smol>(&options)).expect("it goes well"),
            Self::BlockingFacade => {
                converse_facade(&options, blocking::websocketfactory::create);
            }
            Self::SmolFacade => converse_facade(&options, Smol::create),
            #[cfg(feature = "tokio")]
            Self::Tokio => Tokio::block_on(converse_on::<Tokio>(&options)).expect("it goes well"),
            #[cfg(feature = "tokio")]
            Self::TokioFacade => converse_facade(&options, Tokio::create),
        });
    }

    /// As an echo server: its URL, and how each connection ended. It accepts until the process
    /// ends.
    pub(crate) fn serve(self, options: AcceptOptions) -> (String, Receiver<Result<Ended, Error>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let url = format!("ws://{}/", listener.local_addr().expect("it is bound"));
        let (ends, ended) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a client connects");
                let (options, ends) = (options.clone(), ends.clone());
                thread::spawn(move || self.echo(stream, options, &ends));
            }
        });
        (url, ended)
    }

    /// Echoes the messages of one connection, and tells how it ended.
    pub(crate) fn echo(
        self,
        stream: TcpStream,
        options: AcceptOptions,
        ends: &Sender<Result<Ended, Error>>,
    ) {
        let end = match self {
            Self::Blocking => echo_blocking(stream, options),
            Self::Smol => Smol::block_on(echo_on::<Smol>(stream, options)),
            Self::BlockingFacade => blocking::accept_with(stream, options)
                .map_err(Error::from)
                .and_then(|socket| Ok(echo_facade(&socket.into_facade()?))),
            Self::SmolFacade => accept_facade::<Smol>(stream, options).map(|it| echo_facade(&it)),
            #[cfg(feature = "tokio")]
            Self::Tokio => Tokio::block_on(echo_on::<Tokio>(stream, options)),
            #[cfg(feature = "tokio")]
            Self::TokioFacade => accept_facade::<Tokio>(stream, options).map(|it| echo_facade(&it)),
        };
        let _ = ends.send(end);
    }
}

fn samples() -> Vec<OwnedMessage> {
    vec![
        OwnedMessage::Text(String::new()),
        OwnedMessage::Text("Hello".to_owned()),
        OwnedMessage::Text("κόσμε 🌍".to_owned()),
        OwnedMessage::Binary(Vec::new()),
        OwnedMessage::Binary((0..=255).collect()),
        OwnedMessage::Text("é".repeat(35_000)),
        OwnedMessage::Binary(vec![0xab; 1 << 21]),
    ]
}

/// Settings that compress every message.
#[cfg(feature = "deflate")]
pub(crate) fn deflate() -> bluewire::Deflate {
    bluewire::Deflate::default().len_min(0)
}

fn converse_blocking(options: &ConnectOptions) -> Result<(), Error> {
    let mut socket = blocking::connect(options.clone())?;
    assert_eq!(socket.protocol(), Some("echo"));
    for sent in samples() {
        socket.send(&sent)?;
        let received = socket.recv()?.expect("a message");
        assert!(received == sent.borrow(), "{} bytes", sent.borrow().len());
    }
    socket.send_chunk("frag", false)?;
    socket.ping(b"between fragments")?;
    socket.send_chunk("ments", true)?;
    assert_eq!(socket.recv()?, Some(Message::Text("fragments")));
    assert_closure(&socket.close(CloseCode::new(4321), "that is all")?, 4321, "that is all");

    let mut socket = blocking::connect(options.clone())?;
    socket.send(PLEASE_CLOSE)?;
    assert_eq!(socket.recv()?, None);
    assert_closure(socket.closure().expect("it has ended"), 3999, "going");
    Ok(())
}

async fn converse_on<R: OnRuntime>(options: &ConnectOptions) -> Result<(), Error> {
    let mut socket = R::connect_to(options.clone()).await?;
    assert_eq!(socket.protocol(), Some("echo"));
    for sent in samples() {
        socket.send(&sent).await?;
        let received = socket.recv().await?.expect("a message");
        assert!(received == sent.borrow(), "{} bytes", sent.borrow().len());
    }
    socket.send_chunk("frag", false).await?;
    socket.ping(b"between fragments").await?;
    socket.send_chunk("ments", true).await?;
    assert_eq!(socket.recv().await?, Some(Message::Text("fragments")));
    assert_closure(&socket.close(CloseCode::new(4321), "that is all").await?, 4321, "that is all");

    let mut socket = R::connect_to(options.clone()).await?;
    socket.send(PLEASE_CLOSE).await?;
    assert_eq!(socket.recv().await?, None);
    assert_closure(socket.closure().expect("it has ended"), 3999, "going");
    Ok(())
}

fn assert_closure(closure: &Closure, code: u16, reason: &str) {
    assert_eq!((closure.code.value(), &*closure.reason, closure.clean), (code, reason, true));
}

fn converse_facade(
    options: &ConnectOptions,
    create: impl Fn(ConnectOptions) -> Result<WebSocket, ConnectError>,
) {
    let socket = create(options.clone()).expect("the arguments are valid");
    let (messages, received) = mpsc::channel();
    let closed = report_close(&socket);
    let opener = socket.clone();
    socket.on_open(move || {
        assert_eq!(opener.protocol().as_deref(), Some("echo"));
        samples().into_iter().for_each(|sent| opener.send(sent));
    });
    socket.on_message(move |message| messages.send(message.into_owned()).expect("awaited"));
    socket.on_error(|error| panic!("{}", error.data));
    for sent in samples() {
        let received = received.recv_timeout(TIMEOUT).expect("a message");
        assert!(received == sent, "{} bytes", sent.borrow().len());
    }
    socket.close((4321, "that is all"));
    assert_eq!(closed.recv_timeout(TIMEOUT), Ok(ended(4321, "that is all")));

    let socket = create(options.clone()).expect("the arguments are valid");
    let closed = report_close(&socket);
    let opener = socket.clone();
    socket.on_open(move || opener.send(PLEASE_CLOSE));
    assert_eq!(closed.recv_timeout(TIMEOUT), Ok(ended(3999, "going")));
}

pub(crate) fn echo_blocking(
    stream: impl Transport,
    options: AcceptOptions,
) -> Result<Ended, Error> {
    let mut socket = blocking::accept_with(stream, options)?;
    loop {
        match socket.recv_with_sender()? {
            None => break,
            Some((Message::Text(PLEASE_CLOSE), _)) => {
                socket.close(CloseCode::new(3999), "going")?;
                break;
            }
            Some((message, mut sender)) => sender.send(message)?,
        }
    }
    Ok(end_of(socket.closure().expect("it has ended")))
}

fn accept_facade<R: OnRuntime>(
    stream: TcpStream,
    options: AcceptOptions,
) -> Result<WebSocket, Error> {
    R::block_on(async { Ok(R::accept_over(R::stream(stream), options).await?.into_facade()) })
}

async fn echo_on<R: OnRuntime>(stream: TcpStream, options: AcceptOptions) -> Result<Ended, Error> {
    let mut socket = R::accept_over(R::stream(stream), options).await?;
    loop {
        match socket.recv_with_sender().await? {
            None => break,
            Some((Message::Text(PLEASE_CLOSE), _)) => {
                socket.close(CloseCode::new(3999), "going").await?;
                break;
            }
            Some((message, mut sender)) => sender.send(message).await?,
        }
    }
    Ok(end_of(socket.closure().expect("it has ended")))
}

fn end_of(closure: &Closure) -> Ended {
    (closure.code.value(), closure.reason.to_string(), closure.clean)
}

fn echo_facade(socket: &WebSocket) -> Ended {
    let closed = report_close(socket);
    let sender = socket.clone();
    socket.on_message(move |message| match message {
        Message::Text(PLEASE_CLOSE) => sender.close((3999, "going")),
        message => sender.send(message.into_owned()),
    });
    closed.recv_timeout(TIMEOUT).expect("it ends")
}

fn report_close(socket: &WebSocket) -> Receiver<Ended> {
    let (closes, closed) = mpsc::channel();
    socket.on_close(move |close| {
        let CloseEvent { code, reason, was_clean, .. } = close.clone();
        let _ = closes.send((code, reason, was_clean));
    });
    closed
}
