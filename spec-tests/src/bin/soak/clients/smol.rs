//! The direct API of the smol adapter.

use bluewire::smol::{Reader, WebSocket, Writer, connect};
use bluewire::{CloseCode, Closure};
use bluewire_spec_tests::random::Random;
use smol::channel::{Receiver, Sender, unbounded};
use smol::future::zip;

use super::blocking::judge;
use super::window::Window;
use super::{Client, Manner};
use crate::course::{Course, Place};
use crate::traffic::{compare, parts};

pub(super) fn run(client: &Client, course: &Course, place: &Place) -> Result<(), String> {
    smol::block_on(async {
        let socket = connect(place.options(client.deflate)).await;
        let socket = socket.map_err(|error| error.to_string())?;
        course.tally.opened.add(1);
        if socket.deflate().is_some() != client.deflate {
            return Err(format!("agreed on {:?}", socket.deflate()));
        }
        match client.manner {
            Manner::Duplex => duplex(client, course, socket).await,
            _ => in_turn(client, course, socket).await,
        }
    })
}

async fn in_turn(client: &Client, course: &Course, mut socket: WebSocket) -> Result<(), String> {
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
                    let sent = socket.send_chunk(*part, fin).await;
                    sent.map_err(|error| format!("sends: {error}"))?;
                }
            }
            _ => socket.send(message).await.map_err(|error| format!("sends: {error}"))?,
        }
        let echo = socket.recv().await.map_err(|error| format!("receives: {error}"))?;
        compare(message, echo.ok_or("the end in place of an echo")?)?;
        client.echoed(course, message.len());
    }
    let closure = socket.close(CloseCode::NORMAL, "done").await;
    let closure = closure.map_err(|error| format!("closes: {error}"))?;
    let after = socket.recv().await.map(|message| message.map(|message| message.len()));
    judge(course, &closure, after, socket.closure())
}

/// Both directions at a time, in one task.
async fn duplex(client: &Client, course: &Course, socket: WebSocket) -> Result<(), String> {
    let (mut reader, writer) = socket.split();
    let (tell, echoes) = unbounded();
    let sending = async {
        let sent = send_all(client, course, &writer, &echoes).await;
        if sent.is_err() {
            // The reader is not to wait for what will not come.
            let _ = writer.close_now(CloseCode::GOING_AWAY, "");
        }
        sent
    };
    let (sent, received) = zip(sending, receive_all(client, course, &mut reader, tell)).await;
    let closure = sent?;
    received?;
    let after = reader.recv().await.map(|message| message.map(|message| message.len()));
    judge(course, &closure, after, reader.closure().as_ref())
}

async fn send_all(
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
            echoes.recv().await.map_err(|_| "the reader has ended")?;
            window.echoed();
        }
        let message = traffic.next();
        window.sent(message.len());
        writer.send(message).await.map_err(|error| format!("sends: {error}"))?;
    }
    while !window.is_empty() {
        echoes.recv().await.map_err(|_| "the reader has ended")?;
        window.echoed();
    }
    let closed = writer.close(CloseCode::NORMAL, "done").await;
    closed.map_err(|error| format!("closes: {error}"))?;
    writer.closed().await.map_err(|error| format!("closes: {error}"))
}

/// The same messages once more, to compare the echoes with.
async fn receive_all(
    client: &Client,
    course: &Course,
    reader: &mut Reader,
    tell: Sender<()>,
) -> Result<(), String> {
    let mut traffic = client.traffic(course);
    while let Some(echo) = reader.recv().await.map_err(|error| format!("receives: {error}"))? {
        let message = traffic.next();
        compare(message, echo)?;
        client.echoed(course, message.len());
        // It may be gone.
        let _ = tell.try_send(());
    }
    Ok(())
}
