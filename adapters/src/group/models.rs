//! A publisher for models, and what its member must get.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::thread::{self, JoinHandle};

use super::Group;

/// How many messages the publisher publishes.
pub(crate) const MESSAGES: usize = 4;

/// A thread that publishes, first without a cork, then with one, and again without it. The number says
/// how many messages nothing holds back any more.
pub(crate) fn publisher(group: &Group) -> (JoinHandle<()>, Arc<AtomicUsize>) {
    let released = Arc::new(AtomicUsize::new(0));
    let (group, counted) = (group.clone(), Arc::clone(&released));
    let publishing = thread::spawn(move || {
        group.publish("1");
        counted.store(1, Ordering::SeqCst);
        let cork = group.cork();
        group.publish("2");
        group.publish("3");
        drop(cork);
        counted.store(3, Ordering::SeqCst);
        group.publish("4");
        counted.store(MESSAGES, Ordering::SeqCst);
    });
    (publishing, released)
}

/// How many published messages a peer has got, and how many others: `sent`. Whether a Close frame came
/// behind them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) published: usize,
    pub(crate) sent: usize,
    pub(crate) closed: bool,
}

/// Reads a server's frames.
///
/// # Panics
///
/// If published messages are out of order, or come twice, or something follows a Close frame.
pub(crate) fn got(mut written: &[u8]) -> Got {
    let mut got = Got::default();
    while let [first, len, rest @ ..] = written {
        // A part of a frame is no frame yet.
        let Some((payload, behind)) = rest.split_at_checked((*len).into()) else { break };
        assert!(!got.closed, "nothing follows a Close frame: {written:?}");
        match (first, payload) {
            (0x81, b"sent") => got.sent += 1,
            (0x81, [number]) => {
                got.published += 1;
                assert_eq!(usize::from(number - b'0'), got.published, "once and in order");
            }
            (0x88, _) => got.closed = true,
            _ => panic!("nobody has sent this: {written:?}"),
        }
        written = behind;
    }
    got
}
