//! The direct API: one connection after the other.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::reconnect::{Ending, Jitter, RetryEvent};
#[cfg(feature = "tokio")]
use bluewire::tokio;
use bluewire::{Canceller, CloseCode, ConnectError, ConnectOptions, asynch, blocking, smol};

use crate::common::PATIENCE;
use crate::common::peer::Peer;
#[cfg(feature = "tokio")]
use crate::common::side::RUNTIME;
use crate::common::side::{Side, listener};
use crate::on_each_client;
use crate::runtimes::{OnRuntime, on_each_runtime};
use crate::server::{Down, accept_and_close, is_left_alone, late, options, refuse, soon};

enum Reconnecting {
    Blocking(blocking::Reconnecting),
    Smol(smol::Reconnecting),
    #[cfg(feature = "tokio")]
    Tokio(tokio::Reconnecting),
}

/// The same on each adapter; `$wait` waits for what `$call` is.
macro_rules! on_adapter {
    ($self:ident, $connections:ident, $call:ident => $make:expr) => {
        match $self {
            Self::Blocking($connections) => {
                macro_rules! $call {
                    ($what:expr) => {
                        $what
                    };
                }
                $make
            }
            Self::Smol($connections) => {
                macro_rules! $call {
                    ($what:expr) => {
                        ::smol::block_on($what)
                    };
                }
                $make
            }
            #[cfg(feature = "tokio")]
            Self::Tokio($connections) => {
                macro_rules! $call {
                    ($what:expr) => {
                        RUNTIME.block_on($what)
                    };
                }
                $make
            }
        }
    };
}

impl Reconnecting {
    fn new(side: Side, options: ConnectOptions) -> Self {
        let valid = "the options are valid";
        match side {
            Side::BlockingClient => {
                Self::Blocking(blocking::Reconnecting::new(options).expect(valid))
            }
            #[cfg(feature = "tokio")]
            Side::TokioClient => Self::Tokio(tokio::Reconnecting::new(options).expect(valid)),
            _ => Self::Smol(smol::Reconnecting::new(options).expect(valid)),
        }
    }

    /// The code with which the next connection ended, as reported.
    fn next(&mut self) -> Result<Option<CloseCode>, ConnectError> {
        on_adapter!(self, connections, wait => {
            let Some(mut socket) = wait!(connections.next_connection())? else { return Ok(None) };
            while let Ok(Some(_)) = wait!(socket.recv()) {}
            connections.ended(socket.closure());
            Ok(socket.closure().map(|closure| closure.code))
        })
    }

    /// Takes the next connection and drops it, and says nothing about it.
    fn take_and_drop(&mut self) -> bool {
        on_adapter!(self, connections, wait => {
            wait!(connections.next_connection()).is_ok_and(|socket| socket.is_some())
        })
    }

    fn on_retry(&mut self, tell: impl FnMut(&RetryEvent<'_>) + Send + 'static) {
        match self {
            Self::Blocking(connections) => connections.on_retry(tell),
            Self::Smol(connections) => connections.on_retry(tell),
            #[cfg(feature = "tokio")]
            Self::Tokio(connections) => connections.on_retry(tell),
        }
    }
}

fn playing<T: Send + 'static>(
    listener: &TcpListener,
    play: impl FnOnce(&TcpListener) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let listener = listener.try_clone().expect("it is a socket");
    thread::spawn(move || play(&listener))
}

on_each_client! {
    fn it_hands_out_one_connection_after_the_other(side) {
        let listener = listener();
        let server = playing(&listener, |listener| {
            refuse(listener, 503, "Retry-After: 0\r\n");
            accept_and_close(listener, 1012);
            Peer::accept(listener).end();
            refuse(listener, 429, "");
            accept_and_close(listener, 1000);
        });
        let mut connections = Reconnecting::new(side, options(&listener, soon()));
        for code in [CloseCode::SERVICE_RESTART, CloseCode::ABNORMAL, CloseCode::NORMAL] {
            assert_eq!(connections.next().expect("there is one"), Some(code));
        }
        server.join().expect("it is well");
        assert_eq!(connections.next().expect("nothing failed"), None);
        assert!(is_left_alone(&listener));
    }

    fn a_server_that_is_down_is_found_when_it_is_up(side) {
        let down = Down::new();
        let mut connections = Reconnecting::new(side, down.options(soon()));
        let server = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            accept_and_close(&down.up(), 1000);
        });
        assert_eq!(connections.next().expect("it is up"), Some(CloseCode::NORMAL));
        server.join().expect("it is well");
    }

    fn an_end_without_retries_is_an_error_once(side) {
        let listener = listener();
        let server = playing(&listener, |listener| refuse(listener, 401, ""));
        let mut connections = Reconnecting::new(side, options(&listener, soon()));
        let refused = connections.next();
        assert!(matches!(refused, Err(ConnectError::Refused(_))), "{refused:?}");
        assert!(matches!(connections.next(), Ok(None)));
        server.join().expect("it is well");
        assert!(is_left_alone(&listener));
    }

    fn too_many_in_a_row_are_the_last_error(side) {
        let listener = listener();
        let server = playing(&listener, |listener| {
            refuse(listener, 503, "");
            refuse(listener, 500, "");
        });
        let reconnect = options(&listener, soon().retries_max(1));
        match Reconnecting::new(side, reconnect).next() {
            Err(ConnectError::Refused(refusal)) => assert_eq!(refusal.head().status(), 500),
            other => panic!("{other:?}"),
        }
        server.join().expect("it is well");
    }

    fn an_end_that_was_not_told_is_followed_by_another_connection(side) {
        let listener = listener();
        let server = playing(&listener, |listener| {
            Peer::accept(listener).expect_end();
            accept_and_close(listener, 1000);
        });
        let mut connections = Reconnecting::new(side, options(&listener, soon()));
        assert!(connections.take_and_drop());
        assert_eq!(connections.next().expect("there is one"), Some(CloseCode::NORMAL));
        server.join().expect("it is well");
    }

    fn a_canceller_ends_the_wait(side) {
        let listener = listener();
        let canceller = Canceller::new();
        let reconnect = options(&listener, late()).canceller(&canceller);
        let waiting = thread::spawn(move || {
            let mut connections = Reconnecting::new(side, reconnect);
            let cancelled = connections.next();
            assert!(matches!(cancelled, Err(ConnectError::Abandoned)), "{cancelled:?}");
            assert!(matches!(connections.next(), Ok(None)));
        });
        refuse(&listener, 503, "");
        // Usually in the middle of the wait, and before it now and then: both must end it.
        thread::sleep(Duration::from_millis(20));
        canceller.cancel();
        waiting.join().expect("it is ended");
    }

    fn it_tells_of_each_failure_and_delay(side) {
        let listener = listener();
        let server = playing(&listener, |listener| {
            refuse(listener, 503, "");
            accept_and_close(listener, 1012);
            Peer::accept(listener).expect_end();
            refuse(listener, 401, "");
        });
        let delays = [1, 2, 4].map(Duration::from_millis);
        let reconnect = soon().first_delay(delays[0]).factor(2.0).delay_max(delays[2]);
        let reconnect = options(&listener, reconnect.jitter(Jitter::None));
        let mut connections = Reconnecting::new(side, reconnect);
        let (tell, told) = mpsc::channel();
        connections.on_retry(move |event| {
            let ending = match event.ending {
                Some(Ending::Unopened(ConnectError::Refused(refusal))) => refusal.head().status(),
                Some(Ending::Closed(closure)) => closure.code.value(),
                Some(ending) => panic!("{ending:?}"),
                None => 0,
            };
            let _ = tell.send((event.retry, event.delay, ending));
        });
        assert_eq!(connections.next().expect("there is one"), Some(CloseCode::SERVICE_RESTART));
        assert!(connections.take_and_drop());
        // The last failure is the error of the call.
        assert!(matches!(connections.next(), Err(ConnectError::Refused(_))));
        server.join().expect("it is well");
        let all = [(1, delays[0], 503), (2, delays[1], 1012), (3, delays[2], 0)];
        assert_eq!(told.try_iter().collect::<Vec<_>>(), all);
    }

    fn a_canceller_closes_what_is_open(side) {
        let listener = listener();
        let canceller = Canceller::new();
        let reconnect = options(&listener, soon()).canceller(&canceller);
        let receiving = thread::spawn(move || {
            let mut connections = Reconnecting::new(side, reconnect);
            // The peer's code would be worth a retry.
            let ended = connections.next().expect("it is open");
            assert_eq!(ended, Some(CloseCode::SERVICE_RESTART));
            assert!(matches!(connections.next(), Ok(None)));
        });
        let mut peer = Peer::accept(&listener);
        // It waits for a message, or is about to.
        thread::sleep(Duration::from_millis(50));
        canceller.cancel();
        assert_eq!(peer.expect_close(), 1001);
        peer.close(1012, "");
        peer.end();
        receiving.join().expect("it is ended");
        assert!(is_left_alone(&listener));
    }

    fn invalid_options_are_refused_at_once(side) {
        let url = "ftp://localhost/";
        let refused = match side {
            Side::BlockingClient => blocking::Reconnecting::new(url).map(drop),
            #[cfg(feature = "tokio")]
            Side::TokioClient => tokio::Reconnecting::new(url).map(drop),
            _ => smol::Reconnecting::new(url).map(drop),
        };
        assert!(matches!(refused, Err(ConnectError::Url(_))), "{refused:?}");
    }
}

on_each_runtime!(a_future_that_is_dropped_again_and_again_still_comes_to_its_end);

fn a_future_that_is_dropped_again_and_again_still_comes_to_its_end<R: OnRuntime>() {
    use ::smol::future::FutureExt as _;

    let down = Down::new();
    // Longer than each of the calls below: a wait that began anew would never be over.
    let delay = Duration::from_millis(500);
    let reconnect = down.options(soon().first_delay(delay).delay_max(delay));
    let mut connections = asynch::Reconnecting::<R>::new(reconnect).expect("they are valid");
    let server = thread::spawn(move || {
        thread::sleep(delay / 2);
        let listener = down.up();
        // Attempts that were dropped leave connections on which nothing comes.
        let mut accepted = listener.incoming().flatten();
        accepted.any(|stream| blocking::accept(stream).is_ok())
    });
    let start = Instant::now();
    let (mut dropped, mut patience) = (0, Duration::from_millis(20));
    let socket = R::block_on(async {
        loop {
            assert!(start.elapsed() < PATIENCE, "it does not come to its end");
            let give_up = async {
                R::sleep(patience).await;
                Ok(None)
            };
            match connections.next_connection().or(give_up).await.expect("nothing fails for good") {
                Some(socket) => return socket,
                None => dropped += 1,
            }
            if start.elapsed() > delay {
                // So that a machine that is busy can connect in the end.
                patience *= 2;
            }
        }
    });
    assert!(dropped > 2 && start.elapsed() >= delay, "{dropped} in {:?}", start.elapsed());
    drop(socket);
    assert!(server.join().expect("it is well"));
}
