//! The differences between two outcomes, and whether they are explained.

use crate::classes::{Aspect, CLASSES, Peer};
use crate::faults::Faults;
use crate::outcome::{Ending, Outcome};
use crate::stream::Stream;

/// The outcomes of Bluewire and a peer for a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) peer: Peer,
    pub(crate) stream: &'a Stream,
    pub(crate) ours: &'a Outcome,
    pub(crate) theirs: &'a Outcome,
}

impl Comparison<'_> {
    /// The classes that explain what differs; as an error, what remains.
    pub(crate) fn explain(&self) -> Result<Vec<&'static str>, &'static str> {
        let Self { ours, theirs, .. } = self;
        if ours.events != theirs.events || !self.same_ending() {
            let class = self.class(Aspect::Outcome);
            return class.map(|class| vec![class]).ok_or("what was delivered, or how it ended");
        }
        let mut classes = Vec::new();
        for (aspect, is_same, what) in [
            (Aspect::Time, ours.ended_at == theirs.ended_at, "when it ended"),
            (Aspect::CloseFrame, ours.close_sent == theirs.close_sent, "the Close frame"),
            (Aspect::Pongs, ours.pongs == theirs.pongs, "the Pongs"),
        ] {
            if !is_same {
                classes.push(self.class(aspect).ok_or(what)?);
            }
        }
        Ok(classes)
    }

    fn class(&self, aspect: Aspect) -> Option<&'static str> {
        let mut classes = CLASSES.iter().filter(|class| class.aspect == aspect);
        classes.find(|class| (class.applies)(self)).map(|class| class.name)
    }

    fn same_ending(&self) -> bool {
        match (&self.ours.ending, &self.theirs.ending) {
            (Ending::Failed { code, .. }, Ending::Failed { code: other, .. }) => code == other,
            (ours, theirs) => ours == theirs,
        }
    }

    pub(crate) fn is_tungstenite(&self) -> bool {
        self.peer == Peer::Tungstenite
    }

    pub(crate) fn is_tokio_websockets(&self) -> bool {
        self.peer == Peer::TokioWebsockets
    }

    pub(crate) fn same_events(&self) -> bool {
        self.ours.events == self.theirs.events
    }

    /// Whether the peer went on where Bluewire failed.
    pub(crate) fn theirs_go_on(&self) -> bool {
        self.theirs.events.starts_with(&self.ours.events)
    }

    pub(crate) fn faults(&self) -> Faults {
        let all: Vec<u8> = self.stream.arrivals().flatten().copied().collect();
        Faults::of(self.stream.to, &all)
    }
}
