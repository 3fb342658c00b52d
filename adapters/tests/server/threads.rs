//! Servers on several threads: those of their own on smol, those of the runtime on tokio.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use bluewire::asynch::{Server, Writer};
use bluewire::{CloseCode, OwnedMessage, ServerOptions, blocking, smol as adapter};

use crate::fixture::*;
use crate::runtimes::{OnRuntime, on_each_runtime};

on_each_runtime!(
    a_task_that_panics_takes_no_other_with_it,
    a_connection_outlives_the_server_in_the_hands_of_others,
    threads_share_a_listener_that_is_there_already,
    no_wake_up_is_lost_between_threads,
);

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn connections_are_spread_over_the_threads_and_stay_there() {
    let _bound = crate::watchdog::bound();
    let server = smol::block_on(adapter::Server::bind_with(
        "127.0.0.1:0",
        ServerOptions::default().threads(3),
    ))
    .unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let serving = {
        let seen = Arc::clone(&seen);
        thread::spawn(move || {
            smol::block_on(server.serve(move |mut socket| {
                let seen = Arc::clone(&seen);
                async move {
                    let home = thread_name();
                    seen.lock().unwrap().insert(home.clone());
                    while let Ok(Some(message)) = socket.recv_owned().await {
                        assert_eq!(thread_name(), home);
                        if socket.send(&message).await.is_err() {
                            break;
                        }
                    }
                }
            }))
        })
    };
    // The kernel spreads them by a hash of their addresses: so many miss no thread.
    let mut sockets: Vec<_> =
        (0..100).map(|_| blocking::connect(format!("ws://{addr}/")).unwrap()).collect();
    for _ in 0..3 {
        sockets.iter_mut().for_each(speak);
    }
    let names: Vec<_> = seen.lock().unwrap().iter().cloned().collect();
    assert_eq!(names, ["bluewire-1", "bluewire-2", "bluewire-3"]);
    drop(sockets);
    smol::block_on(handle.shutdown(TIMEOUT));
    serving.join().unwrap();
}

fn a_task_that_panics_takes_no_other_with_it<R: OnRuntime>() {
    let options = ServerOptions::default().threads(1);
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || {
        R::block_on(server.serve(async |mut socket| {
            while let Ok(Some(message)) = socket.recv_owned().await {
                assert_ne!(message, OwnedMessage::Text("panic".to_owned()));
                let _ = socket.send(&message).await;
            }
        }))
    });
    let connect = || blocking::connect(format!("ws://{addr}/")).unwrap();
    let (mut first, mut second) = (connect(), connect());
    speak(&mut second);
    first.send("panic").unwrap();
    assert!(!matches!(first.recv_timeout(TIMEOUT), Ok(Some(_))));
    speak(&mut second);
    speak(&mut connect());
    drop(second);
    R::block_on(handle.shutdown(TIMEOUT));
    serving.join().unwrap();
}

fn a_connection_outlives_the_server_in_the_hands_of_others<R: OnRuntime>() {
    let options = ServerOptions::default().threads(2);
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).unwrap();
    let url = format!("ws://{}/", server.local_addr());
    let client = thread::spawn(move || blocking::connect(url).unwrap());
    let mut socket = R::block_on(server.accept()).unwrap();
    let mut client = client.join().unwrap();
    drop(server);
    // Its threads have nothing to run any more.
    let echoing = thread::spawn(move || {
        R::block_on(async move {
            while let Ok(Some(message)) = socket.recv_owned().await {
                socket.send(&message).await.unwrap();
            }
        })
    });
    for _ in 0..100 {
        speak(&mut client);
    }
    client.close(CloseCode::NORMAL, "").unwrap();
    echoing.join().unwrap();
}

fn threads_share_a_listener_that_is_there_already<R: OnRuntime>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = ServerOptions::default().threads(2);
    let server = Server::<R>::from_listener(listener, options).unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let serving = thread::spawn(move || R::block_on(server.serve(echo_on::<R>)));
    let mut sockets: Vec<_> =
        (0..20).map(|_| blocking::connect(format!("ws://{addr}/")).unwrap()).collect();
    sockets.iter_mut().for_each(speak);
    assert_eq!(handle.connections(), 20);
    drop(sockets);
    R::block_on(handle.shutdown(TIMEOUT));
    serving.join().unwrap();
}

fn no_wake_up_is_lost_between_threads<R: OnRuntime>() {
    // Messages go round through all clients, from one thread's connection to another's, by writers
    // that are used on threads that are not theirs.
    const CLIENTS: usize = 12;
    const ROUNDS: usize = 200;
    let options = ServerOptions::default().threads(3);
    let server = R::block_on(R::bind_with(("127.0.0.1", 0), options)).unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let writers = Arc::new(Mutex::new(Vec::<Writer<R, R::NetStream>>::new()));
    let sent = Arc::new(AtomicUsize::new(0));
    let serving = {
        let (writers, sent) = (Arc::clone(&writers), Arc::clone(&sent));
        thread::spawn(move || {
            R::block_on(server.serve(move |socket| {
                let (writers, sent) = (Arc::clone(&writers), Arc::clone(&sent));
                async move {
                    let (mut reader, writer) = socket.split();
                    writers.lock().unwrap().push(writer);
                    while let Ok(Some(message)) = reader.recv_owned().await {
                        let number = sent.fetch_add(1, Ordering::SeqCst);
                        let writer = writers.lock().unwrap()[number % CLIENTS].clone();
                        if writer.send(&message).await.is_err() {
                            break;
                        }
                    }
                }
            }))
        })
    };
    let (done, all_done) = mpsc::channel();
    let sockets: Vec<_> =
        (0..CLIENTS).map(|_| blocking::connect(format!("ws://{addr}/")).unwrap()).collect();
    wait_until("all are served", || writers.lock().unwrap().len() == CLIENTS);
    for socket in sockets {
        let done = done.clone();
        thread::spawn(move || {
            let (mut reader, writer) = socket.split();
            let sending = thread::spawn(move || {
                for _ in 0..ROUNDS {
                    writer.send("round").unwrap();
                }
                writer
            });
            // Each client has as many as each other, since they are dealt out in turn.
            for _ in 0..ROUNDS {
                assert!(reader.recv().unwrap().is_some());
            }
            done.send((reader, sending.join().unwrap())).unwrap();
        });
    }
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(all_done.recv_timeout(TIMEOUT).expect("a wake-up was lost"));
    }
    assert_eq!(sent.load(Ordering::SeqCst), CLIENTS * ROUNDS);
    writers.lock().unwrap().clear();
    drop(clients);
    R::block_on(handle.shutdown(TIMEOUT));
    serving.join().unwrap();
}
