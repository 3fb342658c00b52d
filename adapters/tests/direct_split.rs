//! A connection that was split: two threads or tasks at each end.

#![cfg(all(feature = "blocking", feature = "smol"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/runtimes.rs"]
mod runtimes;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{
    AcceptOptions, CloseCode, Config, ConnectOptions, Error, Flow, Message, PreparedMessage,
    SendError,
};

/// How many messages go each way. `tools/test-windows` sends fewer: under Wine, each call goes
/// through a process that serves all.
fn message_count() -> u32 {
    let count = std::env::var("BLUEWIRE_MESSAGES").ok();
    count.map_or(100_000, |count| count.parse().expect("BLUEWIRE_MESSAGES is a number"))
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (client, server)
}

fn payload(number: u32) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(4 + number as usize % 61, number.to_le_bytes()[0]);
    payload
}

fn check(message: Message<'_>, number: u32) {
    assert_eq!(message.as_bytes(), payload(number), "message {number}");
}

const TRIED_LEN: usize = 100_000;

/// How many messages a writer takes whose peer does not read.
fn try_until_full(mut send: impl FnMut(&PreparedMessage) -> Result<(), Error>) -> u32 {
    let message = PreparedMessage::new(&[7; TRIED_LEN]);
    for sent in 0..10_000 {
        match send(&message) {
            Ok(()) => {}
            Err(Error::Send(SendError::OutboxFull)) => return sent,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("nothing bounds it");
}

mod blocking {
    use super::*;
    use bluewire::blocking::{Reader, WebSocket, Writer, accept_with, connect_over};

    fn pair_with(config: Config) -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
        let (client, server) = sockets();
        let options = AcceptOptions::default().config(config.clone());
        let server = thread::spawn(move || accept_with(server, options).unwrap());
        let options = ConnectOptions::new("ws://localhost/").config(config);
        let client = connect_over(client, options).unwrap();
        (client, server.join().unwrap())
    }

    fn pair() -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
        pair_with(Config::default())
    }

    fn receive_all(mut reader: Reader<TcpStream>) -> Reader<TcpStream> {
        for number in 0..message_count() {
            check(reader.recv().unwrap().unwrap(), number);
        }
        reader
    }

    fn send_all(writer: &Writer<TcpStream>) {
        for number in 0..message_count() {
            writer.send(&payload(number)).unwrap();
        }
    }

    #[test]
    fn two_threads_at_each_end_lose_and_reorder_nothing() {
        let _bound = watchdog::bound();
        let (client, server) = pair();
        let ends = [client, server].map(|socket| {
            let (reader, writer) = socket.split();
            let sending = writer.clone();
            let sending = thread::spawn(move || send_all(&sending));
            (thread::spawn(move || receive_all(reader)), sending, writer)
        });
        let mut rest = Vec::new();
        for (reading, sending, writer) in ends {
            sending.join().unwrap();
            rest.push((reading.join().unwrap(), writer));
        }
        let (mut server_reader, _server_writer) = rest.pop().unwrap();
        let (client_reader, client_writer) = rest.pop().unwrap();
        let server = thread::spawn(move || {
            assert_eq!(server_reader.recv().unwrap(), None);
            server_reader.closure().unwrap()
        });
        drop(client_reader);
        client_writer.close(CloseCode::NORMAL, "done").unwrap();
        assert!(client_writer.closed().unwrap().clean);
        let closure = server.join().unwrap();
        assert!(closure.clean);
        assert_eq!(&*closure.reason, "done");
    }

    #[test]
    fn four_writers_keep_their_own_order() {
        let _bound = watchdog::bound();
        let (client, server) = pair();
        let (mut reader, _writer) = server.split();
        let (_client_reader, writer) = client.split();
        let writers: Vec<_> = (0..4_u8)
            .map(|index| {
                let writer = writer.clone();
                thread::spawn(move || {
                    for number in 0..message_count() / 10 {
                        let mut message = vec![index];
                        message.extend(number.to_be_bytes());
                        if number % 7 == 0 {
                            writer.feed(&message).unwrap();
                        } else {
                            writer.send(&message).unwrap();
                        }
                    }
                    writer.flush().unwrap();
                })
            })
            .collect();
        let mut next = [0_u32; 4];
        for _ in 0..message_count() / 10 * 4 {
            let message = reader.recv().unwrap().unwrap();
            let (index, number) = message.as_bytes().split_first().unwrap();
            let next = &mut next[usize::from(*index)];
            assert_eq!(number, next.to_be_bytes());
            *next += 1;
        }
        for writer in writers {
            writer.join().unwrap();
        }
    }

    #[test]
    fn both_peers_send_much_while_the_sockets_are_full() {
        let _bound = watchdog::bound();
        let (client, server) = pair();
        let ends = [client, server].map(|socket| {
            let (mut reader, writer) = socket.split();
            let sending = thread::spawn(move || {
                for _ in 0..64 {
                    writer.send(&vec![7; 1024 * 1024]).unwrap();
                    writer.ping(b"are you there").unwrap();
                }
                writer
            });
            let reading = thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                for _ in 0..64 {
                    assert_eq!(reader.recv().unwrap().unwrap().len(), 1024 * 1024);
                }
                reader
            });
            (sending, reading)
        });
        // Kept until all are through: what is dropped takes unread bytes with it.
        let _kept =
            ends.map(|(sending, reading)| (sending.join().unwrap(), reading.join().unwrap()));
    }

    #[test]
    fn a_peer_that_does_not_read_is_left_after_the_write_timeout() {
        let _bound = watchdog::bound();
        let (mut client, _server) = pair();
        let flow = Flow::default().write_timeout(Duration::from_millis(200));
        client.set_flow(flow);
        let (_reader, writer) = client.split();
        let began = Instant::now();
        let error = loop {
            if let Err(error) = writer.send(&vec![0; 1024 * 1024]) {
                break error;
            }
        };
        assert!(matches!(&error, Error::Io(error)
            if error.kind() == std::io::ErrorKind::TimedOut));
        // Less than the default.
        assert!(began.elapsed() < Duration::from_secs(25));
    }

    #[test]
    fn a_peer_that_does_not_answer_a_close_is_left_in_time() {
        let _bound = watchdog::bound();
        let config = Config::default().close_timeout(Duration::from_millis(300));
        for reader_is_dropped in [true, false] {
            let (client, _server) = pair_with(config.clone());
            let (reader, writer) = client.split();
            let reading = if reader_is_dropped {
                drop(reader);
                None
            } else {
                Some(thread::spawn(move || {
                    let mut reader = reader;
                    reader.recv().map(|message| message.is_none()).is_err()
                }))
            };
            let began = Instant::now();
            writer.close(CloseCode::GOING_AWAY, "").unwrap();
            let closure = writer.closed().unwrap();
            assert!(!closure.clean);
            assert!(began.elapsed() < Duration::from_secs(3), "{reader_is_dropped}");
            if let Some(reading) = reading {
                assert!(reading.join().unwrap(), "the fault is told once");
            }
        }
    }

    #[test]
    fn close_within_and_close_now_do_not_wait() {
        let _bound = watchdog::bound();
        let (client, _server) = pair();
        let (_reader, writer) = client.split();
        let began = Instant::now();
        let budget = Duration::from_millis(100);
        assert!(!writer.close_within(budget, CloseCode::NORMAL, "").unwrap().clean);
        assert!(began.elapsed() < Duration::from_secs(2));

        let (client, mut server) = pair();
        let (mut reader, writer) = client.split();
        let reading = thread::spawn(move || reader.recv().is_err());
        writer.close_now(CloseCode::GOING_AWAY, "now").unwrap();
        assert!(reading.join().unwrap());
        assert_eq!(server.recv().unwrap(), None);
        assert_eq!(server.closure().unwrap().code, CloseCode::GOING_AWAY);
    }

    #[test]
    fn pings_are_answered_while_the_program_only_writes() {
        let _bound = watchdog::bound();
        let config = Config::default().keepalive(
            bluewire::Keepalive::default()
                .interval(Duration::from_millis(150))
                .timeout(Duration::from_secs(10)),
        );
        let (client, mut server) = pair_with(config);
        let (reader, writer) = client.split();
        drop(reader);
        let sending = thread::spawn(move || {
            for _ in 0..8 {
                thread::sleep(Duration::from_millis(250));
                writer.send("tick").unwrap();
            }
        });
        for _ in 0..8 {
            assert!(server.recv().unwrap().is_some());
        }
        assert!(server.round_trip().is_some());
        sending.join().unwrap();
    }

    #[test]
    fn draining_a_writer_leaves_no_more_bytes_than_it_asks_for() {
        let _bound = watchdog::bound();
        let (client, mut server) = pair();
        let (_reader, writer) = client.split();
        let sent = try_until_full(|message| writer.try_feed_prepared(message));
        let reading = thread::spawn(move || {
            for _ in 0..sent {
                assert_eq!(server.recv().unwrap().unwrap().len(), TRIED_LEN);
            }
        });
        assert!(writer.queue_len() > 1000);
        writer.drain(1000).unwrap();
        assert!(writer.queue_len() <= 1000);
        writer.flush().unwrap();
        assert_eq!(writer.queue_len(), 0);
        reading.join().unwrap();
    }

    #[test]
    fn try_send_of_a_writer_does_not_wait() {
        let _bound = watchdog::bound();
        let (client, mut server) = pair();
        let (_reader, writer) = client.split();
        let sent = try_until_full(|message| writer.try_send_prepared(message));
        let reading = thread::spawn(move || {
            for _ in 0..sent {
                assert_eq!(server.recv().unwrap().unwrap().len(), TRIED_LEN);
            }
            assert_eq!(server.recv().unwrap(), Some(Message::Text("last")));
            server
        });
        writer.flush().unwrap();
        writer.try_send("last").unwrap();
        reading.join().unwrap();
    }

    #[test]
    fn pings_are_answered_while_the_program_only_reads() {
        let _bound = watchdog::bound();
        let (client, mut server) = pair();
        let (mut reader, _writer) = client.split();
        let reading = thread::spawn(move || reader.recv_owned().unwrap());
        server.ping(b"1").unwrap();
        assert_eq!(server.recv_timeout(Duration::from_millis(300)).unwrap(), None);
        server.send("now").unwrap();
        assert!(reading.join().unwrap().is_some());
    }
}

mod asynchronous {
    use super::*;
    use crate::runtimes::{OnRuntime, on_each_runtime};
    use ::smol::future;
    use bluewire::asynch;

    type WebSocket<R> = asynch::WebSocket<R, <R as OnRuntime>::Stream>;
    type Reader<R> = asynch::Reader<R, <R as OnRuntime>::Stream>;
    type Writer<R> = asynch::Writer<R, <R as OnRuntime>::Stream>;

    on_each_runtime!(
        pings_are_answered_while_the_program_only_writes,
        two_tasks_at_each_end_lose_and_reorder_nothing,
        four_writers_on_four_threads_keep_their_own_order,
        both_peers_send_much_while_the_sockets_are_full,
        a_peer_that_does_not_read_is_left_after_the_write_timeout,
        a_peer_that_does_not_answer_a_close_is_left_in_time,
        close_within_and_close_now_do_not_wait,
        try_send_of_a_writer_needs_no_other_call,
    );

    async fn pair_with<R: OnRuntime>(config: Config) -> (WebSocket<R>, WebSocket<R>) {
        let (client, server) = sockets();
        let options = AcceptOptions::default().config(config.clone());
        let server = R::accept_over(R::stream(server), options);
        let options = ConnectOptions::new("ws://localhost/").config(config);
        let client = R::connect_over(R::stream(client), options);
        let (client, server) = future::zip(client, server).await;
        (client.unwrap(), server.unwrap())
    }

    async fn pair<R: OnRuntime>() -> (WebSocket<R>, WebSocket<R>) {
        pair_with::<R>(Config::default()).await
    }

    fn pings_are_answered_while_the_program_only_writes<R: OnRuntime>() {
        let config = Config::default().keepalive(
            bluewire::Keepalive::default()
                .interval(Duration::from_millis(150))
                .timeout(Duration::from_secs(10)),
        );
        R::block_on(async {
            let (client, mut server) = pair_with::<R>(config).await;
            let (reader, writer) = client.split();
            drop(reader);
            // On a thread of its own: the other tests keep the global executor busy.
            let sending = thread::spawn(move || {
                for _ in 0..8 {
                    thread::sleep(Duration::from_millis(250));
                    R::block_on(writer.send("tick")).unwrap();
                }
            });
            for _ in 0..8 {
                assert!(server.recv().await.unwrap().is_some());
            }
            assert!(server.round_trip().is_some());
            sending.join().unwrap();
        });
    }

    async fn receive_all<R: OnRuntime>(mut reader: Reader<R>) -> Reader<R> {
        for number in 0..message_count() {
            check(reader.recv().await.unwrap().unwrap(), number);
        }
        reader
    }

    async fn send_all<R: OnRuntime>(writer: Writer<R>) {
        for number in 0..message_count() {
            writer.send(&payload(number)).await.unwrap();
        }
    }

    fn two_tasks_at_each_end_lose_and_reorder_nothing<R: OnRuntime>() {
        R::block_on(async {
            let (client, server) = pair::<R>().await;
            let ends = [client, server].map(|socket| {
                let (reader, writer) = socket.split();
                let sending = R::start(send_all(writer.clone()));
                (R::start(receive_all(reader)), sending, writer)
            });
            let mut rest = Vec::new();
            for (reading, sending, writer) in ends {
                sending.await;
                rest.push((reading.await, writer));
            }
            let (mut server_reader, _server_writer) = rest.pop().unwrap();
            let (client_reader, client_writer) = rest.pop().unwrap();
            let server = R::start(async move {
                assert_eq!(server_reader.recv().await.unwrap(), None);
                server_reader.closure().unwrap()
            });
            drop(client_reader);
            client_writer.close(CloseCode::NORMAL, "done").await.unwrap();
            assert!(client_writer.closed().await.unwrap().clean);
            let closure = server.await;
            assert!(closure.clean);
            assert_eq!(&*closure.reason, "done");
        });
    }

    fn four_writers_on_four_threads_keep_their_own_order<R: OnRuntime>() {
        let (client, server) = R::block_on(pair::<R>());
        let (mut reader, _writer) = server.split();
        let (_client_reader, writer) = client.split();
        let writers: Vec<_> = (0..4_u8)
            .map(|index| {
                let writer = writer.clone();
                thread::spawn(move || {
                    R::block_on(async {
                        for number in 0..message_count() / 10 {
                            let mut message = vec![index];
                            message.extend(number.to_be_bytes());
                            if number % 7 == 0 {
                                writer.feed(&message).await.unwrap();
                            } else {
                                writer.send(&message).await.unwrap();
                            }
                        }
                        writer.flush().await.unwrap();
                    });
                })
            })
            .collect();
        let mut next = [0_u32; 4];
        R::block_on(async {
            for _ in 0..message_count() / 10 * 4 {
                let message = reader.recv().await.unwrap().unwrap();
                let (index, number) = message.as_bytes().split_first().unwrap();
                let next = &mut next[usize::from(*index)];
                assert_eq!(number, next.to_be_bytes());
                *next += 1;
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
    }

    fn both_peers_send_much_while_the_sockets_are_full<R: OnRuntime>() {
        R::block_on(async {
            let (client, server) = pair::<R>().await;
            let ends = [client, server].map(|socket| {
                let (mut reader, writer) = socket.split();
                let sending = R::start(async move {
                    for _ in 0..64 {
                        writer.send(&vec![7; 1024 * 1024]).await.unwrap();
                        writer.ping(b"are you there").await.unwrap();
                    }
                    writer
                });
                let reading = R::start(async move {
                    R::sleep(Duration::from_millis(200)).await;
                    for _ in 0..64 {
                        assert_eq!(reader.recv().await.unwrap().unwrap().len(), 1024 * 1024);
                    }
                    reader
                });
                (sending, reading)
            });
            // Kept until all are through: what is dropped takes unread bytes with it.
            let mut kept = Vec::new();
            for (sending, reading) in ends {
                kept.push((sending.await, reading.await));
            }
        });
    }

    fn a_peer_that_does_not_read_is_left_after_the_write_timeout<R: OnRuntime>() {
        R::block_on(async {
            let (mut client, _server) = pair::<R>().await;
            let flow = Flow::default().write_timeout(Duration::from_millis(200));
            client.set_flow(flow);
            let (_reader, writer) = client.split();
            let began = Instant::now();
            let error = loop {
                if let Err(error) = writer.send(&vec![0; 1024 * 1024]).await {
                    break error;
                }
            };
            assert!(matches!(&error, Error::Io(error)
                if error.kind() == std::io::ErrorKind::TimedOut));
            assert!(began.elapsed() < Duration::from_secs(5));
        });
    }

    fn a_peer_that_does_not_answer_a_close_is_left_in_time<R: OnRuntime>() {
        let config = Config::default().close_timeout(Duration::from_millis(300));
        for reader_is_dropped in [true, false] {
            R::block_on(async {
                let (client, _server) = pair_with::<R>(config.clone()).await;
                let (mut reader, writer) = client.split();
                let reading = if reader_is_dropped {
                    drop(reader);
                    None
                } else {
                    Some(R::start(async move { reader.recv().await.is_err() }))
                };
                let began = Instant::now();
                writer.close(CloseCode::GOING_AWAY, "").await.unwrap();
                assert!(!writer.closed().await.unwrap().clean);
                assert!(began.elapsed() < Duration::from_secs(3), "{reader_is_dropped}");
                if let Some(reading) = reading {
                    assert!(reading.await, "the fault is told once");
                }
            });
        }
    }

    fn try_send_of_a_writer_needs_no_other_call<R: OnRuntime>() {
        R::block_on(async {
            let (client, mut server) = pair::<R>().await;
            let (mut reader, writer) = client.split();
            let reading = R::start(async move { reader.recv_owned().await });
            let sent = try_until_full(|message| writer.try_send_prepared(message));
            // The reader's task writes what is left.
            for _ in 0..sent {
                assert_eq!(server.recv().await.unwrap().unwrap().len(), TRIED_LEN);
            }
            writer.try_send("last").unwrap();
            assert_eq!(server.recv().await.unwrap(), Some(Message::Text("last")));
            server.try_send("back").unwrap();
            assert_eq!(reading.await.unwrap(), Some("back".into()));
        });
    }

    fn close_within_and_close_now_do_not_wait<R: OnRuntime>() {
        R::block_on(async {
            let (client, _server) = pair::<R>().await;
            let (_reader, writer) = client.split();
            let began = Instant::now();
            let budget = Duration::from_millis(100);
            assert!(!writer.close_within(budget, CloseCode::NORMAL, "").await.unwrap().clean);
            assert!(began.elapsed() < Duration::from_secs(2));

            let (client, mut server) = pair::<R>().await;
            let (mut reader, writer) = client.split();
            let reading = R::start(async move { reader.recv().await.is_err() });
            writer.close_now(CloseCode::GOING_AWAY, "now").unwrap();
            assert!(reading.await);
            assert_eq!(server.recv().await.unwrap(), None);
            assert_eq!(server.closure().unwrap().code, CloseCode::GOING_AWAY);
        });
    }
}
