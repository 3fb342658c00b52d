//! The socket that smol's connections are on: no wake-up is lost, whoever polls it and wherever.
#![cfg(feature = "smol")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use bluewire::smol::TcpSocket;
use smol::future::{FutureExt as _, yield_now};
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::{Async, Executor, Timer};

const PATIENCE: Duration = Duration::from_secs(60);

/// Ours, and the peer's, which blocks.
fn pair(own_reactor: bool) -> (TcpSocket, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    let ours = match own_reactor {
        true => TcpSocket::new(ours).unwrap(),
        false => Async::new(ours).unwrap().into(),
    };
    (ours, peer)
}

/// The result of the future, unless a wake-up was lost.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        Timer::after(PATIENCE).await;
        panic!("a wake-up was lost")
    };
    future.or(late).await
}

/// Numbers that look random, and are the same in each run.
#[derive(Clone)]
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// The bytes that a peer sends, each of which follows from its place.
fn byte(place: usize) -> u8 {
    u8::try_from(place % 251).unwrap()
}

const SOCKETS: usize = 60;
const LEN: usize = 3_000;

/// Reads a peer's bytes to the end and echoes them, and goes to another executor now and then.
async fn echo(
    mut socket: TcpSocket,
    mut place: usize,
    mut numbers: Numbers,
    executors: Arc<Vec<Executor<'static>>>,
    left: Arc<AtomicUsize>,
) {
    let mut buf = [0; 64];
    loop {
        let len = 1 + numbers.below(buf.len());
        if numbers.below(2) == 0 {
            // A future that is polled once and dropped.
            let mut once = pin!(socket.read(&mut buf[..len]));
            match poll_fn(|cx| Poll::Ready(once.as_mut().poll(cx))).await {
                Poll::Pending => {}
                Poll::Ready(read) => {
                    let len = read.unwrap();
                    if len == 0 {
                        break;
                    }
                    take(&buf[..len], &mut place);
                    socket.write_all(&buf[..len]).await.unwrap();
                }
            }
            if numbers.below(2) == 0 {
                yield_now().await;
            }
            continue;
        }
        let len = socket.read(&mut buf[..len]).await.unwrap();
        if len == 0 {
            break;
        }
        take(&buf[..len], &mut place);
        socket.write_all(&buf[..len]).await.unwrap();
        if numbers.below(8) == 0 {
            let executor = &executors[numbers.below(executors.len())];
            let others = Arc::clone(&executors);
            executor.spawn(boxed(socket, place, numbers, others, left)).detach();
            return;
        }
    }
    assert_eq!(place, LEN);
    left.fetch_sub(1, Ordering::SeqCst);
}

/// The same in a box, as what holds itself must be.
fn boxed(
    socket: TcpSocket,
    place: usize,
    numbers: Numbers,
    executors: Arc<Vec<Executor<'static>>>,
    left: Arc<AtomicUsize>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(echo(socket, place, numbers, executors, left))
}

fn take(bytes: &[u8], place: &mut usize) {
    for taken in bytes {
        assert_eq!(*taken, byte(*place), "at {place}");
        *place += 1;
    }
}

/// Sends in pieces, with pauses in which the other side finds nothing.
fn play(peer: &TcpStream, mut numbers: Numbers) {
    let bytes: Vec<u8> = (0..LEN).map(byte).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut peer, mut echoed) = (peer, Vec::new());
            peer.read_to_end(&mut echoed).unwrap();
            assert_eq!(echoed, bytes);
        });
        let (mut peer, mut rest) = (peer, &bytes[..]);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + numbers.below(200)).min(rest.len()));
            peer.write_all(piece).unwrap();
            rest = after;
            match numbers.below(4) {
                0 => thread::sleep(Duration::from_micros(50 + numbers.below(500) as u64)),
                1 => thread::yield_now(),
                _ => {}
            }
        }
        peer.shutdown(Shutdown::Write).unwrap();
    });
}

fn no_wake_up_is_lost(own_reactor: bool) {
    let executors: Arc<Vec<Executor<'static>>> =
        Arc::new((0..3).map(|_| Executor::new()).collect());
    let left = Arc::new(AtomicUsize::new(SOCKETS));
    let mut numbers = Numbers(7);
    let mut peers = Vec::new();
    for _ in 0..SOCKETS {
        let (ours, peer) = pair(own_reactor);
        numbers.below(2);
        let task = echo(ours, 0, numbers.clone(), Arc::clone(&executors), Arc::clone(&left));
        executors[numbers.below(3)].spawn(task).detach();
        peers.push((peer, numbers.clone()));
    }
    thread::scope(|scope| {
        for executor in executors.iter() {
            let left = Arc::clone(&left);
            scope.spawn(move || {
                let done = async {
                    while left.load(Ordering::SeqCst) > 0 {
                        Timer::after(Duration::from_millis(5)).await;
                    }
                };
                smol::block_on(in_time(executor.run(done)));
            });
        }
        for (peer, numbers) in peers {
            scope.spawn(move || play(&peer, numbers));
        }
    });
}

#[test]
fn no_wake_up_is_lost_in_the_own_reactor() {
    let _bound = watchdog::bound();
    no_wake_up_is_lost(true);
}

#[test]
fn no_wake_up_is_lost_in_the_plain_one() {
    let _bound = watchdog::bound();
    no_wake_up_is_lost(false);
}

/// A thread that knows nothing of any reactor.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[test]
fn a_thread_without_an_executor_is_woken() {
    let _bound = watchdog::bound();
    let (mut ours, mut peer) = pair(true);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut buf = [0; 8];
    for round in 0..100 {
        let mut read = pin!(ours.read(&mut buf));
        let polled = read.as_mut().poll(&mut cx);
        peer.write_all(&[round]).unwrap();
        let len = match polled {
            Poll::Ready(read) => read.unwrap(),
            Poll::Pending => loop {
                thread::park_timeout(PATIENCE);
                if let Poll::Ready(read) = read.as_mut().poll(&mut cx) {
                    break read.unwrap();
                }
            },
        };
        assert_eq!((len, buf[0]), (1, round));
    }
}

#[test]
fn a_task_that_is_dropped_while_it_waits_takes_no_other_with_it() {
    let _bound = watchdog::bound();
    smol::block_on(in_time(async {
        let pairs: Vec<_> = (0..20).map(|_| pair(true)).collect();
        let (mut tasks, mut peers) = (Vec::new(), Vec::new());
        for (mut ours, peer) in pairs {
            tasks.push(Some(smol::spawn(async move {
                let mut buf = [0; 8];
                ours.read(&mut buf).await.unwrap()
            })));
            peers.push(peer);
        }
        for task in tasks.iter_mut().step_by(2) {
            drop(task.take());
        }
        for mut peer in peers {
            // Those whose socket is gone may refuse.
            let _ = peer.write_all(b"Hello");
        }
        for task in tasks.into_iter().flatten() {
            assert_eq!(task.await, 5);
        }
    }));
}

#[test]
fn sockets_that_come_and_go_in_the_same_place_do_not_mix() {
    let _bound = watchdog::bound();
    smol::block_on(in_time(async {
        for round in 0..200 {
            let (mut ours, mut peer) = pair(true);
            let mut buf = [0; 16];
            {
                let mut read = pin!(ours.read(&mut buf));
                let polled = poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
            if round % 3 == 0 {
                // It goes with an event that was not seen yet.
                peer.write_all(b"unseen").unwrap();
                continue;
            }
            peer.write_all(&[round; 3]).unwrap();
            assert_eq!(ours.read(&mut buf).await.unwrap(), 3);
            assert_eq!(buf[..3], [round; 3]);
        }
    }));
}

#[test]
fn the_end_is_seen_behind_the_last_bytes() {
    let _bound = watchdog::bound();
    for own_reactor in [true, false] {
        for pause in [false, true] {
            let (mut ours, mut peer) = pair(own_reactor);
            peer.write_all(b"last").unwrap();
            drop(peer);
            if pause {
                thread::sleep(Duration::from_millis(20));
            }
            smol::block_on(in_time(async {
                let mut all = Vec::new();
                ours.read_to_end(&mut all).await.unwrap();
                assert_eq!(all, b"last");
                // And again, as often as it is asked for.
                assert_eq!(ours.read(&mut [0; 8]).await.unwrap(), 0);
            }));
        }
    }
}

#[test]
fn a_writer_is_woken_when_the_peer_reads_again() {
    let _bound = watchdog::bound();
    const LEN: usize = 20 << 20;
    for own_reactor in [true, false] {
        let (ours, mut peer) = pair(own_reactor);
        let reading = thread::spawn(move || {
            let (mut buf, mut sum) = (vec![0; 1 << 16], 0);
            thread::sleep(Duration::from_millis(50));
            loop {
                match peer.read(&mut buf).unwrap() {
                    0 => return sum,
                    len => sum += len,
                }
            }
        });
        smol::block_on(in_time(async {
            let mut ours = ours;
            let bytes = vec![1; LEN];
            ours.write_all(&bytes).await.unwrap();
            ours.close().await.unwrap();
        }));
        assert_eq!(reading.join().unwrap(), LEN);
    }
}

#[test]
fn bytes_after_a_read_that_did_not_fill_its_buffer_are_reported() {
    let _bound = watchdog::bound();
    for own_reactor in [true, false] {
        let (mut ours, mut peer) = pair(own_reactor);
        smol::block_on(in_time(async {
            let mut buf = [0; 16];
            for word in [b"one", b"two", b"end"] {
                peer.write_all(word).unwrap();
                assert_eq!(ours.read(&mut buf).await.unwrap(), 3);
                assert_eq!(&buf[..3], word);
            }
        }));
    }
}
