//! Clients of a server whose program does not take their connections.

#![cfg(any(feature = "smol", feature = "tokio"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::Future as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use smol::future::{or, poll_once};

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use runtimes::{OnRuntime, on_each_runtime};

on_each_runtime!(
    a_client_gets_its_response_only_where_its_connection_is_taken,
    calls_that_were_dropped_leave_no_wakers,
    a_call_goes_on_when_another_that_was_woken_is_dropped,
);

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Reads what came, which takes a while if nothing did.
fn read(client: &mut TcpStream) -> Vec<u8> {
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut buf = [0; 1024];
    client.read(&mut buf).map_or_else(|_| Vec::new(), |len| buf[..len].to_vec())
}

fn a_client_gets_its_response_only_where_its_connection_is_taken<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let mut clients: Vec<_> = (0..3)
            .map(|_| {
                let mut client = TcpStream::connect(server.local_addr()).unwrap();
                client.write_all(UPGRADE).unwrap();
                client
            })
            .collect();
        // The request of each has arrived, and one of them is taken.
        let mut taken = Vec::new();
        while server.handle().connections() < clients.len() || taken.is_empty() {
            let mut accepting = pin!(server.accept());
            let tick = async {
                R::sleep(Duration::from_millis(5)).await;
                None
            };
            taken.extend(or(async { Some(accepting.as_mut().await.unwrap()) }, tick).await);
        }
        let mut answered = 0;
        for client in &mut clients {
            answered += usize::from(read(client).starts_with(b"HTTP/1.1 101 "));
        }
        assert_eq!(answered, taken.len());
        while taken.len() < clients.len() {
            taken.push(server.accept().await.unwrap());
        }
    });
}

struct Count;

impl Wake for Count {
    fn wake(self: Arc<Self>) {}
}

fn calls_that_were_dropped_leave_no_wakers<R: OnRuntime>() {
    R::block_on(async {
        let server = R::bind("127.0.0.1:0").await.unwrap();
        let counts: Vec<_> = (0..1000).map(|_| Arc::new(Count)).collect();
        for count in &counts {
            let waker = Waker::from(Arc::clone(count));
            let cx = &mut Context::from_waker(&waker);
            assert!(pin!(server.accept()).poll(cx).is_pending());
            assert!(pin!(server.accept_request()).poll(cx).is_pending());
            assert!(pin!(server.serve(async |_| {})).poll(cx).is_pending());
        }
        assert!(counts.iter().all(|count| Arc::strong_count(count) == 1));
    });
}

fn a_call_goes_on_when_another_that_was_woken_is_dropped<R: OnRuntime>() {
    R::block_on(async {
        let server = Arc::new(R::bind("127.0.0.1:0").await.unwrap());
        let url = format!("ws://{}/", server.local_addr());
        for _ in 0..50 {
            let waiting = Arc::clone(&server);
            let waiting = R::start(async move { waiting.accept().await.unwrap() });
            // It is polled last, so that the listener knows its waker.
            let mut dropped = Box::pin(server.accept());
            assert!(poll_once(&mut dropped).await.is_none());
            let client = R::start(R::connect_to(url.clone()));
            R::sleep(Duration::from_millis(2)).await;
            drop(dropped);
            drop(waiting.await);
            client.await.unwrap();
        }
    });
}
