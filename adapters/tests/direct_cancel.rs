//! Futures of the asynchronous adapters that are dropped after any number of polls lose nothing.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bluewire::asynch::{self, AsyncTransport};
use bluewire::{CloseCode, Config, Error, Message, OwnedMessage, PreparedMessage};

use runtimes::{OnRuntime, Polled, on_each_runtime, streams};

type WebSocket<R> = asynch::WebSocket<R, Choppy>;
type Halves<R> = (asynch::Reader<R, Choppy>, asynch::Writer<R, Choppy>);

on_each_runtime!(
    every_future_of_a_socket_can_be_dropped_at_any_poll,
    every_future_of_the_halves_can_be_dropped_at_any_poll,
    every_future_of_a_sender_can_be_dropped_at_any_poll,
);

/// One direction of a pipe that takes little at a time.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    closed: bool,
}

/// A stream that is often not ready, and takes and gives little when it is.
struct Choppy {
    inbound: Arc<Mutex<Pipe>>,
    outbound: Arc<Mutex<Pipe>>,
    turn: u32,
}

impl Choppy {
    fn pair() -> (Self, Self) {
        let (one, other) = (Arc::<Mutex<Pipe>>::default(), Arc::<Mutex<Pipe>>::default());
        let stream = Self { inbound: Arc::clone(&one), outbound: Arc::clone(&other), turn: 0 };
        (stream, Self { inbound: other, outbound: one, turn: 1 })
    }

    fn is_ready(&mut self) -> bool {
        self.turn += 1;
        !self.turn.is_multiple_of(3)
    }
}

impl Drop for Choppy {
    fn drop(&mut self) {
        self.outbound.lock().unwrap().closed = true;
    }
}

streams!(Choppy);

impl Polled for Choppy {
    fn poll_get(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.is_ready() {
            return Poll::Pending;
        }
        let mut pipe = self.inbound.lock().unwrap();
        if pipe.bytes.is_empty() {
            return if pipe.closed { Poll::Ready(Ok(0)) } else { Poll::Pending };
        }
        let len = buf.len().min(pipe.bytes.len()).min(1777);
        for (to, from) in buf.iter_mut().zip(pipe.bytes.drain(..len)) {
            *to = from;
        }
        Poll::Ready(Ok(len))
    }

    fn poll_put(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_ready() {
            return Poll::Pending;
        }
        let mut pipe = self.outbound.lock().unwrap();
        let len = buf.len().min(5000 - pipe.bytes.len()).min(1003);
        if len == 0 && !buf.is_empty() {
            return Poll::Pending;
        }
        pipe.bytes.extend(&buf[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_end(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbound.lock().unwrap().closed = true;
        Poll::Ready(Ok(()))
    }
}

/// Polls the future so many times, then drops it.
fn polled<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let cx = &mut Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// The bound on how often a test tries again, so that a loss shows as a failure.
const TRIES_MAX: usize = 200_000;

fn pair<R: OnRuntime>() -> (WebSocket<R>, WebSocket<R>)
where
    Choppy: AsyncTransport<R>,
{
    let (client, server) = Choppy::pair();
    let config = Config::default();
    let client = WebSocket::adopt_client(client, &[], config.clone());
    (client, WebSocket::adopt_server(server, &[], config))
}

fn messages() -> Vec<Vec<u8>> {
    let lengths = [0, 5, 130, 20_000, 1, 70_000, 125, 126, 3000, 17_000, 40_000, 2];
    lengths.iter().zip(b'a'..).map(|(len, byte)| vec![byte; *len]).collect()
}

/// Sends by all methods in turn, each dropped after so many polls.
fn send_some<R: OnRuntime>(socket: &mut WebSocket<R>, times: usize)
where
    Choppy: AsyncTransport<R>,
{
    for (number, message) in messages().iter().enumerate() {
        let sent = match number % 5 {
            0 => polled(times, socket.send(message)),
            1 => polled(times, socket.feed(message)),
            2 => polled(times, socket.send_prepared(&PreparedMessage::new(message))),
            3 => {
                let (first, second) = message.split_at(message.len() / 2);
                let _ = polled(times, socket.send_chunk(first, false));
                polled(times, socket.send_chunk(second, true))
            }
            _ => {
                let _ = polled(times, socket.ping(b"ping"));
                polled(times, socket.send(message))
            }
        };
        assert!(sent.is_none_or(|sent| sent.is_ok()));
    }
}

fn receive_some<R: OnRuntime>(
    socket: &mut WebSocket<R>,
    times: usize,
    number: usize,
) -> Option<OwnedMessage>
where
    Choppy: AsyncTransport<R>,
{
    let owned = |message: Message<'_>| message.into_owned();
    match number % 5 {
        0 => polled(times, socket.recv())?.unwrap().map(owned),
        1 => polled(times, socket.recv_owned())?.unwrap(),
        2 => polled(times, socket.recv_chunk())?.unwrap().map(|(message, _)| owned(message)),
        3 => polled(times, socket.recv_with_sender())?.unwrap().map(|(message, _)| owned(message)),
        _ => {
            let _ = polled(times, socket.attend(Duration::from_secs(60)));
            polled(times, socket.recv())?.unwrap().map(owned)
        }
    }
}

fn every_future_of_a_socket_can_be_dropped_at_any_poll<R: OnRuntime>()
where
    Choppy: AsyncTransport<R>,
{
    for times in 1..=9 {
        for client_sends in [true, false] {
            let (client, server) = pair::<R>();
            let (mut from, mut to) = if client_sends { (client, server) } else { (server, client) };
            send_some(&mut from, times);
            for (number, expected) in messages().into_iter().enumerate() {
                let received = (0..TRIES_MAX).find_map(|tried| {
                    let written = if tried % 2 == 0 {
                        polled(times, from.flush())
                    } else {
                        polled(times, from.drain(10))
                    };
                    assert!(written.is_none_or(|written| written.is_ok()));
                    receive_some(&mut to, times, number + tried)
                });
                assert_eq!(received, Some(OwnedMessage::Binary(expected)), "{number}, {times}");
            }
            close(from, to, times);
        }
    }
}

fn close<R: OnRuntime>(mut from: WebSocket<R>, to: WebSocket<R>, times: usize)
where
    Choppy: AsyncTransport<R>,
{
    let mut to = Some(to);
    let closure = (0..TRIES_MAX).find_map(|tried| {
        // The peer drops its stream when it has seen the end.
        to = to.take().and_then(|mut to| match polled(times, to.recv()) {
            Some(Ok(None)) => None,
            _ => Some(to),
        });
        let code = CloseCode::GOING_AWAY;
        if tried % 2 == 0 {
            polled(times, from.close(code, "done"))
        } else {
            polled(times, from.close_within(Duration::from_secs(60), code, "done"))
        }
    });
    let closure = closure.expect("it ends").unwrap();
    assert!(closure.clean, "{closure:?}");
    assert_eq!(closure.sent, Some(CloseCode::GOING_AWAY));
}

fn halves<R: OnRuntime>() -> [Halves<R>; 2]
where
    Choppy: AsyncTransport<R>,
{
    let (client, server) = pair::<R>();
    [client.split(), server.split()]
}

fn every_future_of_the_halves_can_be_dropped_at_any_poll<R: OnRuntime>()
where
    Choppy: AsyncTransport<R>,
{
    for times in 1..=9 {
        for client_sends in [true, false] {
            let mut ends = halves::<R>();
            if !client_sends {
                ends.reverse();
            }
            let [(mut from_reader, from), (mut to_reader, to)] = ends;
            for (number, message) in messages().iter().enumerate() {
                let sent = match number % 4 {
                    0 => polled(times, from.send(message)),
                    1 => polled(times, from.feed(message)),
                    2 => polled(times, from.send_prepared(&PreparedMessage::new(message))),
                    _ => {
                        let (first, second) = message.split_at(message.len() / 2);
                        let _ = polled(times, from.send_chunk(first, false));
                        polled(times, from.send_chunk(second, true))
                    }
                };
                assert!(sent.is_none_or(|sent| sent.is_ok()));
                let _ = polled(times, to.ping(b"ping"));
            }
            for (number, expected) in messages().into_iter().enumerate() {
                let received = (0..TRIES_MAX).find_map(|tried| {
                    if tried % 2 == 0 {
                        assert!(polled(times, from.flush()).is_none_or(|flushed| flushed.is_ok()));
                    } else {
                        // A reader writes too.
                        assert!(polled(times, from_reader.recv()).is_none());
                    }
                    match tried % 3 {
                        0 => polled(times, to_reader.recv_owned())?.unwrap(),
                        1 => polled(times, to_reader.recv())?.unwrap().map(Message::into_owned),
                        _ => {
                            let part = polled(times, to_reader.recv_chunk())?.unwrap();
                            part.map(|(message, _)| message.into_owned())
                        }
                    }
                });
                assert_eq!(received, Some(OwnedMessage::Binary(expected)), "{number}, {times}");
            }
            let begun = polled(times, from.close(CloseCode::GOING_AWAY, ""));
            assert!(begun.is_none_or(|begun: Result<(), Error>| begun.is_ok()));
            drop(from_reader);
            let closure = (0..TRIES_MAX).find_map(|tried| {
                let _ = polled(times, to_reader.recv());
                if tried % 2 == 0 {
                    polled(times, from.closed())
                } else {
                    let budget = Duration::from_secs(60);
                    polled(times, from.close_within(budget, CloseCode::NORMAL, ""))
                }
            });
            let closure = closure.expect("it ends").unwrap();
            assert!(closure.clean, "{closure:?}");
            assert_eq!(closure.sent, Some(CloseCode::GOING_AWAY));
        }
    }
}

/// A `Sender`'s futures, each dropped after so many polls, and then the message that was in hand.
fn every_future_of_a_sender_can_be_dropped_at_any_poll<R: OnRuntime>()
where
    Choppy: AsyncTransport<R>,
{
    for times in 1..=9 {
        let (mut client, mut server) = pair::<R>();
        for (number, message) in messages().into_iter().enumerate() {
            assert!(polled(TRIES_MAX, client.send("go")).is_some_and(|sent| sent.is_ok()));
            let lent = polled(TRIES_MAX, server.recv_with_sender()).expect("it is asked");
            let (_, mut sender) = lent.unwrap().unwrap();
            let sent = match number % 5 {
                0 => polled(times, sender.send(&message)),
                4 => polled(times, sender.feed(&message)),
                1 => polled(times, sender.send_prepared(&PreparedMessage::new(&message))),
                2 => {
                    let (first, second) = message.split_at(message.len() / 2);
                    let _ = polled(times, sender.send_chunk(first, false));
                    polled(times, sender.send_chunk(second, true))
                }
                _ => {
                    let _ = polled(times, sender.ping(b"ping"));
                    let _ = polled(times, sender.flush());
                    polled(times, sender.send(&message))
                }
            };
            assert!(sent.is_none_or(|sent| sent.is_ok()));
            let received = (0..TRIES_MAX).find_map(|_| {
                assert!(polled(times, server.flush()).is_none_or(|written| written.is_ok()));
                polled(times, client.recv_owned())?.unwrap()
            });
            assert_eq!(received, Some(OwnedMessage::Binary(message)), "{number}, {times}");
        }
    }
}
