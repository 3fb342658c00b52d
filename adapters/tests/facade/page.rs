//! The three calls of the API's reference page, and its four callbacks, between the two ends of
//! this library.

use std::thread;

use bluewire::facade::{CloseOptions, SendOptions};
use bluewire::{AcceptOptions, ConnectOptions, Message};

use crate::common::log::{Log, Told, closed, text};
use crate::common::side::{Side, listener};
use crate::on_each_client;

on_each_client! {
    fn create_send_and_close_with_all_their_arguments(side) {
        let listener = listener();
        let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
        let accepted = thread::spawn(move || {
            let options = AcceptOptions::default().protocol("protocol");
            let (stream, _) = listener.accept().expect("the client connects");
            let socket = bluewire::blocking::accept_with(stream, options).expect("it is lawful");
            let socket = socket.into_facade().expect("there is a thread");
            let log = Log::default();
            log.on_open(&socket);
            log.on_error(&socket);
            log.on_close(&socket);
            let (echo, echoed) = (socket.clone(), log.clone());
            socket.on_message(move |message| {
                echoed.push(Told::Message(message.into_owned()));
                echo.send(message);
            });
            (socket, log)
        });

        let socket = side
            .create(
                ConnectOptions::new(url.clone())
                    .header("content-type", "application/json")
                    .protocols(["protocol"]),
            )
            .expect("the options are valid");
        let log = Log::default();

        let (opened, sender) = (log.clone(), socket.clone());
        socket.on_open(move || {
            opened.push(Told::Open);
            let (success, fail) = (opened.clone(), opened.clone());
            sender.send(
                SendOptions::new("send message")
                    .success(move || success.push(Told::Outcome(1, None)))
                    .fail(move |_, code| fail.push(Told::Outcome(1, Some(code.value())))),
            );
        });
        let (came, closer) = (log.clone(), socket.clone());
        socket.on_message(move |message| {
            assert!(matches!(message, Message::Text(_)));
            came.push(Told::Message(message.into_owned()));
            let (success, fail) = (came.clone(), came.clone());
            closer.close(
                CloseOptions::default()
                    .code(1000)
                    .reason("close as normal")
                    .success(move || success.push(Told::Outcome(2, None)))
                    .fail(move |_, code| fail.push(Told::Outcome(2, Some(code.value())))),
            );
        });
        log.on_close(&socket);
        log.on_error(&socket);

        let (accepted, at_server) = accepted.join().expect("it does not panic");
        let (message, close) = (text("send message"), closed(1000, "close as normal", true));
        let expected = [
            Told::Open,
            Told::Outcome(1, None),
            message.clone(),
            Told::Outcome(2, None),
            close.clone(),
        ];
        assert_eq!(log.at_end(), expected);
        assert_eq!(at_server.at_end(), [Told::Open, message, close]);
        assert_eq!(socket.url(), format!("{url}/"));
        assert_eq!(socket.protocol().as_deref(), Some("protocol"));
        let request = accepted.request().expect("there was one");
        assert_eq!(request.headers().first_str("Content-Type"), Some("application/json"));
    }
}
