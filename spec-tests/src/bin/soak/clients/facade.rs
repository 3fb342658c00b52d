//! The facade, over either adapter.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use bluewire::facade::{CloseEvent, CloseOptions, SendOptions, WebSocket};

use super::window::Window;
use super::{Client, Create, Manner};
use crate::PATIENCE;
use crate::course::{Course, Place};
use crate::traffic::{Traffic, compare};

/// The events of the callbacks.
#[derive(Debug)]
enum Event {
    Opened,
    Echo(usize),
    /// Something that should not be.
    Wrong(String),
    /// The `success` of the closing.
    Success,
    Closed(CloseEvent),
}

pub(super) fn run(
    client: &Client,
    course: &Course,
    place: &Place,
    create: Create,
) -> Result<(), String> {
    let (tell, events) = mpsc::channel();
    let options = place.options(client.deflate);
    let socket = create(options).map_err(|error| error.to_string())?;
    set_callbacks(&socket, &tell, client.traffic(course));
    match next(&events)? {
        Event::Opened => course.tally.opened.add(1),
        other => return Err(format!("in place of opening: {other:?}")),
    }
    if socket.extensions().is_empty() == client.deflate {
        return Err(format!("agreed on {:?}", socket.extensions()));
    }
    exchange(client, course, &socket, &tell, &events)?;
    close(socket, tell, &events)?;
    course.tally.closed.add(1);
    Ok(())
}

fn set_callbacks(socket: &WebSocket, tell: &Sender<Event>, mut traffic: Traffic) {
    // The receiver is gone once something was wrong.
    let on_open = tell.clone();
    socket.on_open(move || drop(on_open.send(Event::Opened)));
    let on_message = tell.clone();
    socket.on_message(move |echo| {
        let message = traffic.next();
        let event = match compare(message, echo) {
            Ok(()) => Event::Echo(message.len()),
            Err(error) => Event::Wrong(error),
        };
        let _ = on_message.send(event);
    });
    let on_error = tell.clone();
    socket.on_error(move |error| drop(on_error.send(Event::Wrong(error.data.clone()))));
    let on_close = tell.clone();
    socket.on_close(move |close| drop(on_close.send(Event::Closed(close.clone()))));
}

fn exchange(
    client: &Client,
    course: &Course,
    socket: &WebSocket,
    tell: &Sender<Event>,
    events: &Receiver<Event>,
) -> Result<(), String> {
    let mut traffic = client.traffic(course);
    let mut window = Window::default();
    let receive = |window: &mut Window| match next(events)? {
        Event::Echo(len) => {
            window.echoed();
            client.echoed(course, len);
            Ok(())
        }
        other => Err(format!("in place of an echo: {other:?}")),
    };
    for _ in 0..client.messages {
        if !course.goes_on() {
            break;
        }
        let message = traffic.next();
        window.sent(message.len());
        let on_fail = tell.clone();
        socket.send(SendOptions::new(message).fail(move |data, code| {
            let _ = on_fail.send(Event::Wrong(format!("not sent: {data} ({code})")));
        }));
        let alone = matches!(client.manner, Manner::InTurn);
        while window.is_full() || alone && !window.is_empty() {
            receive(&mut window)?;
        }
    }
    while !window.is_empty() {
        receive(&mut window)?;
    }
    Ok(())
}

/// One success, one close, which is clean, and then no callback is left that could report anything.
fn close(socket: WebSocket, tell: Sender<Event>, events: &Receiver<Event>) -> Result<(), String> {
    let success = tell.clone();
    let options = CloseOptions::default()
        .code(1000)
        .reason("done")
        .success(move || drop(success.send(Event::Success)))
        .fail(move |data, code| {
            let _ = tell.send(Event::Wrong(format!("not closed: {data} ({code})")));
        });
    socket.close(options);
    match (next(events)?, next(events)?) {
        (Event::Success, Event::Closed(close)) if close.was_clean && close.code == 1000 => {}
        other => return Err(format!("closed with {other:?}")),
    }
    drop(socket);
    match events.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Disconnected) => Ok(()),
        Err(RecvTimeoutError::Timeout) => Err("callbacks outlive their connection".to_owned()),
        Ok(event) => Err(format!("after the end: {event:?}")),
    }
}

fn next(events: &Receiver<Event>) -> Result<Event, String> {
    match events.recv_timeout(PATIENCE) {
        Ok(Event::Wrong(what)) => Err(what),
        event => event.map_err(|error| error.to_string()),
    }
}
