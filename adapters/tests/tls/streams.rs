//! Faults and oddities once the connection is open.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bluewire::tls::rustls_0_23::rustls::{ServerConnection, StreamOwned};
use bluewire::tls::{Tls, TlsError};
use bluewire::{CloseCode, ConnectOptions, Error};

use crate::certs::Identity;
use crate::on_each_adapter;
use crate::peer::{PATIENCE, Served, config, serve};
use crate::sides::{Adapter, Socket, text};

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A server that opens a WebSocket, and then does this.
fn opened<T: Send + 'static>(
    adapter: Adapter,
    play: impl FnOnce(Stream) -> T + Send + 'static,
) -> (Socket, Served<T>) {
    let (identity, root) = Identity::good();
    let served = serve(move |socket| {
        let mut config = config(&identity);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let session = ServerConnection::new(Arc::new(config)).expect("it can be made");
        let mut stream = StreamOwned::new(session, socket);
        open(&mut stream);
        play(stream)
    });
    let tls = Tls::default().root_pem(&root.pem).expect("it is a root");
    let options = ConnectOptions::new(format!("wss://localhost:{}/", served.port)).tls(tls);
    (adapter.connect(options).expect("it lets us in"), served)
}

/// Answers the request.
fn open(stream: &mut Stream) {
    use bluewire_core::{Config, Inbox, Outbox, Request, ServerHandshake};
    let mut handshake = ServerHandshake::new(Arc::new(Config::default()), Duration::ZERO);
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    loop {
        let len = stream.read(inbox.space()).expect("the request comes");
        inbox.filled(len);
        match handshake.next_request(&mut inbox, &mut outbox).expect("it is lawful") {
            None => {}
            Some(Request::Upgrade(offer)) => {
                let _connection = offer.accept(Duration::ZERO, &mut outbox);
                return stream.write_all(outbox.unsent()).expect("the response leaves");
            }
            Some(Request::Plain(head)) => panic!("{head:?}"),
        }
    }
}

/// Why a connection was lost.
fn lost(socket: &mut Socket) -> TlsError {
    match socket.recv() {
        Err(Error::Tls(error)) => error,
        other => panic!("not a failure of TLS: {other:?}"),
    }
}

on_each_adapter! {
    fn a_stream_that_is_cut_is_no_end(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            // A message, and half of one.
            stream.write_all(b"\x81\x05whole\x81\x05ha").expect("it leaves");
            stream.sock.shutdown(Shutdown::Write).expect("it is open");
            drop(stream.sock.read_to_end(&mut Vec::new()));
        });
        assert_eq!(socket.recv().expect("it is whole"), Some(text("whole")));
        let error = lost(&mut socket);
        assert!(matches!(error, TlsError::Truncated), "{error:?}");
        assert!(error.to_string().contains("close_notify"), "{error}");
        drop(socket);
        served.join();
    }

    fn an_alert_in_the_middle(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            stream.write_all(b"\x81\x05whole").expect("it leaves");
            // Bytes that look like a record and cannot be deciphered make it send a fatal alert.
            stream.conn.read_tls(&mut &b"\x17\x03\x03\0\x20bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"[..])
                .expect("it takes that");
            stream.conn.process_new_packets().expect_err("it is none");
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut stream.sock).expect("it leaves");
            }
            drop(stream.sock.read_to_end(&mut Vec::new()));
        });
        assert_eq!(socket.recv().expect("it is whole"), Some(text("whole")));
        let error = lost(&mut socket);
        let TlsError::Alert(alert) = &error else { panic!("{error:?}") };
        assert_eq!(alert.number(), 20);
        assert!(error.to_string().contains("bad record mac"), "{error}");
        drop(socket);
        served.join();
    }

    fn a_record_that_somebody_changed(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            stream.write_all(b"\x81\x05whole").expect("it leaves");
            stream.conn.writer().write_all(b"\x81\x05forged").expect("it can be enciphered");
            let mut record = Vec::new();
            stream.conn.write_tls(&mut record).expect("it is enciphered");
            record[7] ^= 1;
            stream.sock.write_all(&record).expect("it leaves");
            let mut said = Vec::new();
            drop(stream.sock.read_to_end(&mut said));
            said
        });
        assert_eq!(socket.recv().expect("it is whole"), Some(text("whole")));
        let error = lost(&mut socket);
        assert!(matches!(error, TlsError::Protocol(_)), "{error:?}");
        drop(socket);
        assert_ne!(served.join(), b"", "the peer is told by an alert");
    }

    fn something_in_the_clear_in_the_middle(adapter) {
        // Covers: 6455-10.6-1
        let (mut socket, served) = opened(adapter, |mut stream| {
            stream.sock.write_all(b"\x81\x05plain").expect("it leaves");
            drop(stream.sock.read_to_end(&mut Vec::new()));
        });
        let error = lost(&mut socket);
        assert!(matches!(error, TlsError::Protocol(_)), "{error:?}");
        drop(socket);
        served.join();
    }

    fn a_handshake_in_records_of_one_byte_and_data_in_small_ones(adapter) {
        let (identity, root) = Identity::good();
        let behind = serve(move |socket| {
            let mut config = config(&identity);
            // The smallest that rustls makes: some bytes of each.
            config.max_fragment_size = Some(32);
            let session = ServerConnection::new(Arc::new(config)).expect("it can be made");
            let mut stream = StreamOwned::new(session, socket);
            open(&mut stream);
            let mut frame = b"\x82\x7e\x03\xe8".to_vec();
            frame.extend([7; 1000]);
            for byte in frame {
                stream.write_all(&[byte]).expect("it leaves");
            }
            drop(stream.read(&mut [0; 100]));
        });
        let between = serve(move |client| in_small_records(client, behind.port));
        let tls = Tls::default().root_pem(&root.pem).expect("it is a root");
        let options = ConnectOptions::new(format!("wss://localhost:{}/", between.port)).tls(tls);
        let mut socket = adapter.connect(options).expect("it lets us in");
        let message = socket.recv().expect("it is open");
        assert_eq!(message, Some(bluewire::OwnedMessage::Binary(vec![7; 1000])));
        drop(socket);
        between.join();
    }

    fn the_handshake_names_the_host_and_the_protocol_inside(adapter) {
        // Covers: 6455-4.1-4
        let (_socket, served) = opened(adapter, |stream| {
            let alpn = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
            (stream.conn.server_name().map(str::to_owned), alpn)
        });
        assert_eq!(served.join(), (Some("localhost".to_owned()), Some(b"http/1.1".to_vec())));
    }

    fn closing_says_goodbye(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            // The client's Close frame, masked.
            let mut close = [0; 8];
            stream.read_exact(&mut close).expect("it comes");
            assert_eq!(close[..2], [0x88, 0x82]);
            stream.write_all(b"\x88\x02\x03\xe8").expect("it leaves");
            stream.conn.send_close_notify();
            stream.flush().expect("it leaves");
            stream.sock.shutdown(Shutdown::Write).expect("it is open");
            // Ends in order: an end without a close_notify would be an error.
            stream.read_to_end(&mut Vec::new()).map_err(|error| error.to_string())
        });
        let closure = socket.close(CloseCode::NORMAL, "").expect("it closes");
        assert!(closure.clean, "{closure:?}");
        assert_eq!(served.join(), Ok(0));
    }

    fn bytes_that_cannot_leave_at_once_leave_later(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            // It takes its time to read.
            let mut all = Vec::new();
            let mut some = vec![0; 100_000];
            while all.len() < 20_000_014 {
                thread::sleep(Duration::from_millis(1));
                let len = stream.read(&mut some).expect("it comes");
                all.extend_from_slice(&some[..len]);
            }
            // Unmasked, it is what was sent.
            let key: [u8; 4] = all[10..14].try_into().expect("it is there");
            all[14..].iter().zip(key.iter().cycle()).all(|(byte, key)| byte ^ key == 9)
        });
        socket.send(&vec![9; 20_000_000][..]).expect("it leaves");
        assert!(served.join());
    }

    fn a_key_update_is_answered(adapter) {
        let (mut socket, served) = opened(adapter, |mut stream| {
            for _ in 0..5 {
                stream.conn.refresh_traffic_keys().expect("it is TLS 1.3");
                stream.write_all(b"\x81\x05fresh").expect("it leaves");
                let mut frame = [0; 11];
                stream.read_exact(&mut frame).expect("it comes");
                assert_eq!(frame[..2], [0x81, 0x85]);
            }
        });
        for _ in 0..5 {
            assert_eq!(socket.recv().expect("it is open"), Some(text("fresh")));
            socket.send("again").expect("it is open");
        }
        served.join();
    }
}

/// Sits between a client and a server. From the server it passes records of its handshake on in
/// the clear with one byte in each, and all others byte by byte.
fn in_small_records(client: TcpStream, port: u16) {
    let server = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    server.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    let (mut from_client, mut to_server) =
        (client.try_clone().expect("it is open"), server.try_clone().expect("it is open"));
    let forward = thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut server, mut client) = (server, client);
    let mut header = [0; 5];
    while server.read_exact(&mut header).is_ok() {
        let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        if server.read_exact(&mut record).is_err() {
            break;
        }
        let mut bytes = Vec::new();
        match header[0] {
            22 => record.iter().for_each(|byte| bytes.extend([22, 3, 3, 0, 1, *byte])),
            _ => {
                bytes.extend(header);
                bytes.extend(record);
            }
        }
        if bytes.iter().any(|byte| client.write_all(&[*byte]).is_err()) {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    forward.join().expect("it only copies");
}
