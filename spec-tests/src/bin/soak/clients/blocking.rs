//! The direct API of the blocking adapter.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use bluewire::blocking::{Reader, WebSocket, Writer, connect};
use bluewire::{CloseCode, Closure, Error};
use bluewire_spec_tests::random::Random;

use super::window::Window;
use super::{Client, Manner};
use crate::course::{Course, Place};
use crate::traffic::{compare, parts};

pub(super) fn run(client: &Client, course: &Course, place: &Place) -> Result<(), String> {
    let socket = connect(place.options(client.deflate)).map_err(|error| error.to_string())?;
    course.tally.opened.add(1);
    if socket.deflate().is_some() != client.deflate {
        return Err(format!("agreed on {:?}", socket.deflate()));
    }
    match client.manner {
        Manner::Duplex => duplex(client, course, socket),
        _ => in_turn(client, course, socket),
    }
}

fn in_turn(client: &Client, course: &Course, mut socket: WebSocket) -> Result<(), String> {
    let mut traffic = client.traffic(course);
    let mut random = Random::new(client.seed);
    for _ in 0..client.messages {
        if !course.goes_on() {
            break;
        }
        let message = traffic.next();
        match client.manner {
            Manner::InFragments => {
                let parts = parts(message, &mut random);
                for (place, part) in parts.iter().enumerate() {
                    let fin = place + 1 == parts.len();
                    socket.send_chunk(*part, fin).map_err(|error| format!("sends: {error}"))?;
                }
            }
            _ => socket.send(message).map_err(|error| format!("sends: {error}"))?,
        }
        let echo = socket.recv().map_err(|error| format!("receives: {error}"))?;
        compare(message, echo.ok_or("the end in place of an echo")?)?;
        client.echoed(course, message.len());
    }
    let closure = socket.close(CloseCode::NORMAL, "done");
    let closure = closure.map_err(|error| format!("closes: {error}"))?;
    let after = socket.recv().map(|message| message.map(|message| message.len()));
    judge(course, &closure, after, socket.closure())
}

/// Both directions at a time, on two threads.
fn duplex(client: &Client, course: &Course, socket: WebSocket) -> Result<(), String> {
    let (mut reader, writer) = socket.split();
    let (tell, echoes) = mpsc::channel();
    let (sent, received) = thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let sent = send_all(client, course, &writer, &echoes);
            if sent.is_err() {
                // The reader is not to wait for what will not come.
                let _ = writer.close_now(CloseCode::GOING_AWAY, "");
            }
            sent
        });
        let received = receive_all(client, course, &mut reader, tell);
        (sending.join(), received)
    });
    let closure = match (sent, received) {
        (Ok(Ok(closure)), Ok(())) => closure,
        (Ok(Err(error)), _) | (_, Err(error)) => return Err(error),
        (Err(_), Ok(())) => return Err("the sending thread has panicked".to_owned()),
    };
    let after = reader.recv().map(|message| message.map(|message| message.len()));
    judge(course, &closure, after, reader.closure().as_ref())
}

fn send_all(
    client: &Client,
    course: &Course,
    writer: &Writer,
    echoes: &Receiver<()>,
) -> Result<Closure, String> {
    let mut traffic = client.traffic(course);
    let mut window = Window::default();
    for _ in 0..client.messages {
        if !course.goes_on() {
            break;
        }
        while window.is_full() {
            echoes.recv().map_err(|_| "the reader has ended")?;
            window.echoed();
        }
        let message = traffic.next();
        window.sent(message.len());
        writer.send(message).map_err(|error| format!("sends: {error}"))?;
    }
    while !window.is_empty() {
        echoes.recv().map_err(|_| "the reader has ended")?;
        window.echoed();
    }
    writer.close(CloseCode::NORMAL, "done").map_err(|error| format!("closes: {error}"))?;
    writer.closed().map_err(|error| format!("closes: {error}"))
}

/// The same messages once more, to compare the echoes with.
fn receive_all(
    client: &Client,
    course: &Course,
    reader: &mut Reader,
    tell: Sender<()>,
) -> Result<(), String> {
    let mut traffic = client.traffic(course);
    while let Some(echo) = reader.recv().map_err(|error| format!("receives: {error}"))? {
        let message = traffic.next();
        compare(message, echo)?;
        client.echoed(course, message.len());
        // It may be gone.
        let _ = tell.send(());
    }
    Ok(())
}

/// At an orderly end there is one closure, which is clean, and nothing comes after it.
pub(super) fn judge(
    course: &Course,
    closure: &Closure,
    after: Result<Option<usize>, Error>,
    again: Option<&Closure>,
) -> Result<(), String> {
    if !closure.clean || closure.code != CloseCode::NORMAL {
        return Err(format!("closed with {closure:?}"));
    }
    if !matches!(after, Ok(None)) {
        return Err(format!("after the end: {after:?}"));
    }
    if again != Some(closure) {
        return Err(format!("closed with {closure:?}, then {again:?}"));
    }
    course.tally.closed.add(1);
    Ok(())
}
