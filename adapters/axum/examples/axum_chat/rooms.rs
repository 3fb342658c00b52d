//! The rooms: who is in them, and what was said last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bluewire::{CloseCode, Message};
use bluewire_axum::WebSocket;
use tokio::sync::broadcast::{self, error::RecvError};

/// How many rooms there may be, how long their names, and how many lines each remembers.
const ROOMS_MAX: usize = 1000;
const NAME_LEN_MAX: usize = 64;
const HISTORY_LEN: usize = 50;

/// All rooms. A room is there as long as somebody is in it.
#[derive(Clone, Default)]
pub(crate) struct Rooms(Arc<Mutex<HashMap<String, Room>>>);

struct Room {
    history: VecDeque<Arc<str>>,
    lines: broadcast::Sender<Arc<str>>,
    guests: usize,
    last_number: u64,
}

/// One guest's stay in a room.
pub(crate) struct Visit {
    rooms: Rooms,
    room: String,
    name: String,
    joined: bool,
    history: Vec<Arc<str>>,
    lines: broadcast::Receiver<Arc<str>>,
}

impl Rooms {
    /// Enters a room, which is made if it is new; `None` if there are too many.
    pub(crate) fn enter(&self, name: &str) -> Option<Visit> {
        let mut rooms = self.lock();
        if name.len() > NAME_LEN_MAX || (rooms.len() >= ROOMS_MAX && !rooms.contains_key(name)) {
            return None;
        }
        let room = rooms.entry(name.to_owned()).or_insert_with(|| Room {
            history: VecDeque::new(),
            lines: broadcast::channel(256).0,
            guests: 0,
            last_number: 0,
        });
        room.guests += 1;
        room.last_number += 1;
        Some(Visit {
            rooms: self.clone(),
            room: name.to_owned(),
            name: format!("guest {}", room.last_number),
            joined: false,
            history: room.history.iter().cloned().collect(),
            lines: room.lines.subscribe(),
        })
    }

    /// The last lines of a room.
    pub(crate) fn history(&self, name: &str) -> Vec<String> {
        let rooms = self.lock();
        let history = rooms.get(name).map(|room| &room.history);
        history.into_iter().flatten().map(|line| line.to_string()).collect()
    }

    fn say(&self, room: &str, line: &str) {
        if let Some(room) = self.lock().get_mut(room) {
            let line = Arc::<str>::from(line);
            if room.history.len() == HISTORY_LEN {
                room.history.pop_front();
            }
            room.history.push_back(Arc::clone(&line));
            // It fails if the room is empty, which is fine.
            let _ = room.lines.send(line);
        }
    }

    fn leave(&self, name: &str) {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get_mut(name) {
            room.guests -= 1;
            if room.guests == 0 {
                rooms.remove(name);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Passes lines on in both directions until the connection ends.
    pub(crate) async fn chat(mut self, socket: WebSocket) {
        let (mut reader, writer) = socket.split();
        for line in std::mem::take(&mut self.history) {
            if writer.send(&*line).await.is_err() {
                return;
            }
        }
        self.joined = true;
        self.rooms.say(&self.room, &format!("{} joined", self.name));
        let (rooms, room, name) = (self.rooms.clone(), self.room.clone(), self.name.clone());
        let receiving = async {
            while let Ok(Some(message)) = reader.recv().await {
                if let Message::Text(text) = message {
                    rooms.say(&room, &format!("{name}: {text}"));
                }
            }
        };
        let sending = async {
            loop {
                match self.lines.recv().await {
                    Ok(line) if writer.send(&*line).await.is_ok() => {}
                    // It reads too slowly to keep up.
                    Err(RecvError::Lagged(_)) => {
                        let _ = writer.close(CloseCode::TRY_AGAIN_LATER, "too slow").await;
                        return;
                    }
                    Ok(_) | Err(RecvError::Closed) => return,
                }
            }
        };
        tokio::select! {
            () = receiving => {}
            () = sending => {}
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.joined {
            self.rooms.say(&self.room, &format!("{} left", self.name));
        }
        self.rooms.leave(&self.room);
    }
}
