//! The good ones: they send, compare the echoes, and close cleanly.

mod blocking;
mod facade;
mod smol;
mod window;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bluewire::{ConnectError, ConnectOptions};
use bluewire_spec_tests::random::Random;

use crate::course::{Course, Place};
use crate::tally::Count;
use crate::traffic::Traffic;

/// Which interface a client uses, and how.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// Sends a message and waits for its echo.
    InTurn,
    /// The same, and sends messages in fragments.
    InFragments,
    /// Sends and receives at the same time.
    Duplex,
}

type Run = fn(&Client, &Course, &Place) -> Result<(), String>;

/// Name, how it is done, whether compressed, and messages of a connection.
const CLIENTS: [(&str, Run, Manner, bool, usize); 8] = [
    ("blocking", blocking::run, Manner::InFragments, false, 400),
    ("blocking", blocking::run, Manner::Duplex, true, 2_000),
    ("smol", smol::run, Manner::InFragments, true, 300),
    ("smol", smol::run, Manner::Duplex, false, 2_000),
    ("blocking facade", facade_blocking, Manner::Duplex, false, 3_000),
    ("blocking facade", facade_blocking, Manner::InTurn, true, 300),
    ("smol facade", facade_smol, Manner::Duplex, true, 3_000),
    ("smol facade", facade_smol, Manner::InTurn, false, 400),
];

fn facade_blocking(client: &Client, course: &Course, place: &Place) -> Result<(), String> {
    facade::run(client, course, place, bluewire::blocking::websocketfactory::create)
}

fn facade_smol(client: &Client, course: &Course, place: &Place) -> Result<(), String> {
    facade::run(client, course, place, bluewire::smol::websocketfactory::create)
}

/// The function that makes a facade's connection.
type Create = fn(ConnectOptions) -> Result<bluewire::facade::WebSocket, ConnectError>;

/// A client, on one of its connections.
struct Client {
    manner: Manner,
    deflate: bool,
    messages: usize,
    /// The seed of its messages.
    seed: u64,
    echoes: Arc<Count>,
}

impl Client {
    fn traffic(&self, course: &Course) -> Traffic {
        Traffic::new(&course.pool, self.seed)
    }

    fn echoed(&self, course: &Course, len: usize) {
        self.echoes.add(1);
        course.tally.messages.add(1);
        course.tally.bytes.add(len);
    }
}

/// Starts them all; each ends when the course does.
pub(crate) fn start(course: &Arc<Course>) -> Vec<JoinHandle<()>> {
    let spawn = |(number, row)| {
        let course = Arc::clone(course);
        thread::spawn(move || work(number, row, &course))
    };
    CLIENTS.into_iter().enumerate().map(spawn).collect()
}

fn work(number: usize, row: (&str, Run, Manner, bool, usize), course: &Course) {
    let (name, run, manner, deflate, messages) = row;
    let name = format!("client {number} ({name}, {manner:?})");
    let mut random = Random::new(course.seed ^ (number as u64) << 32);
    let echoes = course.tally.expect(name.clone());
    let mut turn = number;
    while course.goes_on() {
        let place = course.place(turn);
        let seed = random.next_u64();
        let client = Client { manner, deflate, messages, seed, echoes: Arc::clone(&echoes) };
        if let Err(error) = run(&client, course, place) {
            let what = format!("{name} to {}, seed {seed:#x}: {error}", place.name);
            return course.tally.violation(what);
        }
        turn += 1;
    }
    course.tally.done(&name);
}
