//! tokio's cooperative budget: connections take part in it, and a task that has used it up misses
//! nothing.

#![cfg(feature = "tokio")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::{Future, poll_fn};
use std::io::Read as _;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, duplex};
use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::runtime::{Builder, Runtime};
use ::tokio::task::coop;
use ::tokio::time::timeout;
use bluewire::tokio::WebSocket;
use bluewire::{Config, Message};

/// How many steps tokio gives a task for one turn.
const BUDGET: usize = 128;

const PATIENCE: Duration = Duration::from_secs(60);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn server<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S) -> WebSocket<S> {
    WebSocket::adopt_server(stream, &[], Config::default())
}

/// Takes all that is left of this turn.
fn use_up_the_budget(cx: &mut Context<'_>) {
    for _ in 0..=BUDGET {
        if pin!(coop::consume_budget()).poll(cx).is_pending() {
            return;
        }
    }
    panic!("the budget has no end");
}

/// Messages that came by one read are served without asking the system again.
#[test]
fn messages_that_are_served_without_io_take_part_in_the_budget() {
    let _bound = watchdog::bound();
    const COUNT: usize = 1000;
    current_thread().block_on(async {
        let (ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(&b"\x82\x81\0\0\0\0x".repeat(COUNT)).await.unwrap();
        let mut socket = server(ours);
        let (mut received, mut turns) = (0, 0);
        while received < COUNT {
            let before = received;
            poll_fn(|cx| {
                while received < COUNT {
                    let receiving = pin!(socket.recv());
                    match receiving.poll(cx) {
                        Poll::Ready(message) => {
                            assert_eq!(message.unwrap(), Some(Message::Binary(b"x")));
                            received += 1;
                        }
                        // It has asked for the next turn, which this does not give up.
                        Poll::Pending => break,
                    }
                }
                Poll::Ready(())
            })
            .await;
            assert!(received - before <= BUDGET, "{} in one turn", received - before);
            turns += 1;
            assert!(turns <= COUNT, "it stands still");
            ::tokio::task::yield_now().await;
        }
        assert!(turns >= COUNT / BUDGET, "{turns} turns");
    });
}

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (ours, listener.accept().await.unwrap().0)
}

/// The system does not report the same input twice: what is taken for "nothing there" stays lost.
async fn nothing_is_missed<S>(ours: S, mut theirs: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    theirs.write_all(b"\x82\x81\0\0\0\0x").await.unwrap();
    let mut socket = server(ours);
    // The driver has seen the input before the task without budget asks.
    ::tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..3 {
        poll_fn(|cx| {
            use_up_the_budget(cx);
            assert!(pin!(socket.recv()).poll(cx).is_pending(), "there is no budget");
            Poll::Ready(())
        })
        .await;
        ::tokio::task::yield_now().await;
    }
    let received = timeout(PATIENCE, socket.recv_owned()).await.expect("the input was missed");
    assert_eq!(received.unwrap(), Some(Message::Binary(b"x").into_owned()));

    // The same for output: it leaves once, now or with the next turn.
    {
        let mut sending = pin!(socket.send("y"));
        let mut is_sent = false;
        poll_fn(|cx| {
            use_up_the_budget(cx);
            if let Poll::Ready(sent) = sending.as_mut().poll(cx) {
                sent.unwrap();
                is_sent = true;
            }
            Poll::Ready(())
        })
        .await;
        if !is_sent {
            timeout(PATIENCE, sending).await.expect("the room was missed").unwrap();
        }
    }
    socket.send("z").await.unwrap();
    let mut frames = [0; 6];
    timeout(PATIENCE, theirs.read_exact(&mut frames)).await.expect("it leaves").unwrap();
    assert_eq!(&frames, b"\x81\x01y\x81\x01z");
}

#[test]
fn a_tcp_stream_that_is_asked_without_budget_misses_nothing() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let (ours, theirs) = tcp().await;
        nothing_is_missed(ours, theirs).await;
    });
}

#[cfg(unix)]
#[test]
fn a_unix_stream_that_is_asked_without_budget_misses_nothing() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let (ours, theirs) = ::tokio::net::UnixStream::pair().unwrap();
        nothing_is_missed(ours, theirs).await;
    });
}

#[test]
fn a_stream_in_memory_that_is_asked_without_budget_misses_nothing() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let (ours, theirs) = duplex(1024);
        nothing_is_missed(ours, theirs).await;
    });
}

/// A message that may not wait leaves within the call, whatever budget the task has left.
#[test]
fn a_message_sent_without_waiting_leaves_without_budget() {
    let _bound = watchdog::bound();
    current_thread().block_on(async {
        let (ours, theirs) = tcp().await;
        let mut theirs = theirs.into_std().unwrap();
        theirs.set_nonblocking(false).unwrap();
        theirs.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut socket = server(ours);
        poll_fn(|cx| {
            use_up_the_budget(cx);
            socket.try_send("x").unwrap();
            Poll::Ready(())
        })
        .await;
        // This thread runs nothing else meanwhile.
        let mut frame = [0; 3];
        theirs.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"\x81\x01x");
    });
}
