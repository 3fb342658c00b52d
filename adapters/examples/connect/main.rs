//! An interactive client: lines typed are sent, and each event is printed as a JSON object on a
//! line of its own.
//!
//! ```text
//! cargo run --example connect -- --adapter smol ws://127.0.0.1:8088/
//! cargo run --example connect -- ws://127.0.0.1:8088/ --send Hello --send-hex 00ff
//! ```
//!
//! The exit status is 0 only after a clean close.

mod args;
mod events;

use std::io::{self, Write as _};
use std::mem;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::facade::{CloseOptions, SendOptions, WebSocket};
use bluewire::{ConnectOptions, Message, OwnedMessage, Reconnect, blocking, smol};

use args::{Adapter, Args, Mode, USAGE};

/// How long answers to lines that were sent may take once the input has ended.
const ANSWERS_GRACE: Duration = Duration::from_secs(1);

/// The events that the main thread waits for.
enum News {
    Open,
    Message,
    Line(String),
    EndOfInput,
    /// A send or the close was refused.
    Refused,
    Closed {
        was_clean: bool,
    },
}

fn main() -> ExitCode {
    let args = match args::parse(std::env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            // The reader may have closed the pipe.
            let _ = writeln!(io::stdout(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("connect: {complaint}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let options = ConnectOptions::new(&args.url)
        .protocols(args.protocols.clone())
        .connect_timeout(args.config.handshake_timeout)
        .redirects(args.redirects)
        .config(args.config.clone());
    let options = if args.reconnect { options.reconnect(Reconnect::default()) } else { options };
    let options =
        args.headers.iter().fold(options, |options, (name, value)| options.header(name, value));
    let options = if args.proxy_env { options.proxy_from_environment() } else { options };
    let options = match &args.proxy {
        Some(proxy) => options.proxy(proxy.clone()),
        None => options,
    };
    let options = match trusting(options, args.ca.as_deref()) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("connect: {complaint}");
            return ExitCode::from(2);
        }
    };
    // It lives until the conversation is over.
    #[cfg(feature = "tokio")]
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("connect: {error}");
            return ExitCode::FAILURE;
        }
    };
    let created = match args.adapter {
        Adapter::Blocking => blocking::websocketfactory::create(options),
        Adapter::Smol => smol::websocketfactory::create(options),
        #[cfg(feature = "tokio")]
        Adapter::Tokio => bluewire::tokio::websocketfactory::create_on(runtime.handle(), options),
    };
    match created {
        Ok(socket) if converse(&socket, &args) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            events::error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Trusts the authorities in the file, if there is one.
#[cfg(feature = "_tls")]
fn trusting(options: ConnectOptions, ca: Option<&str>) -> Result<ConnectOptions, String> {
    let Some(file) = ca else { return Ok(options) };
    let pem = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let tls = bluewire::tls::Tls::default().no_default_roots().root_pem(pem);
    Ok(options.tls(tls.map_err(|error| format!("{file}: {error}"))?))
}

#[cfg(not(feature = "_tls"))]
fn trusting(options: ConnectOptions, _: Option<&str>) -> Result<ConnectOptions, String> {
    Ok(options)
}

/// From open to close; whether the close was clean and nothing was refused.
fn converse(socket: &WebSocket, args: &Args) -> bool {
    let (news, inbox) = mpsc::channel();
    listen(socket, &news, args.mode == Mode::Echo);
    // Nothing more is to be sent: it closes when as many messages came as were sent.
    let mut all_sent = args.mode == Mode::SendAndClose;
    let mut reads_lines = args.mode == Mode::Interactive;
    let mut awaited = args.messages.len();
    let mut closing = false;
    let mut refused = false;
    let mut deadline = None;
    loop {
        match wait(&inbox, deadline) {
            None => {
                deadline = None;
                closing = true;
                close(socket, &news, args);
                continue;
            }
            Some(News::Open) => {
                deadline = args.timeout.map(|timeout| Instant::now() + timeout);
                for message in &args.messages {
                    send(socket, &news, message.clone());
                }
                // Once, however often it opens.
                if mem::take(&mut reads_lines) {
                    read_lines(news.clone());
                }
            }
            Some(News::Message) => awaited = awaited.saturating_sub(1),
            Some(News::Line(line)) => {
                awaited += 1;
                send(socket, &news, OwnedMessage::Text(line));
            }
            Some(News::EndOfInput) if closing => {}
            Some(News::EndOfInput) => {
                all_sent = true;
                let grace_end = Instant::now() + ANSWERS_GRACE;
                deadline = Some(deadline.map_or(grace_end, |deadline| deadline.min(grace_end)));
            }
            Some(News::Refused) => refused = true,
            Some(News::Closed { was_clean }) => return was_clean && !refused,
        }
        if all_sent && awaited == 0 && deadline.is_some() && !closing {
            deadline = Some(Instant::now());
        }
    }
}

/// Prints every event, and passes it on.
fn listen(socket: &WebSocket, news: &Sender<News>, echo: bool) {
    let (opener, opened) = (socket.clone(), news.clone());
    socket.on_open(move || {
        events::open(opener.protocol().as_deref());
        let _ = opened.send(News::Open);
    });
    let (sender, received) = (socket.clone(), news.clone());
    socket.on_message(move |message: Message<'_>| {
        events::message(message);
        if echo {
            send(&sender, &received, message.into_owned());
        }
        let _ = received.send(News::Message);
    });
    socket.on_error(|error| events::error(&error.data));
    socket.on_reconnect(events::reconnect);
    let closed = news.clone();
    socket.on_close(move |close| {
        events::close(close);
        let _ = closed.send(News::Closed { was_clean: close.was_clean });
    });
}

/// The next news; `None` at the deadline.
fn wait(inbox: &Receiver<News>, deadline: Option<Instant>) -> Option<News> {
    let next = match deadline {
        Some(deadline) => inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    match next {
        Ok(next) => Some(next),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => unreachable!("the caller has a sender"),
    }
}

fn send(socket: &WebSocket, news: &Sender<News>, message: OwnedMessage) {
    let refused = news.clone();
    socket.send(SendOptions::new(message).fail(move |data, code| {
        events::error(&format!("not sent: {data} ({code})"));
        let _ = refused.send(News::Refused);
    }));
}

fn close(socket: &WebSocket, news: &Sender<News>, args: &Args) {
    let (code, reason) = &args.close;
    let refused = news.clone();
    let closer = socket.clone();
    socket.close(CloseOptions::default().code(*code).reason(reason).fail(move |data, code| {
        events::error(&format!("not closed: {data} ({code})"));
        let _ = refused.send(News::Refused);
        // If it was the code or the reason that was refused, the connection is open yet.
        closer.close(CloseOptions::default());
    }));
}

fn read_lines(news: Sender<News>) {
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            let _ = news.send(News::Line(line));
        }
        let _ = news.send(News::EndOfInput);
    });
}
