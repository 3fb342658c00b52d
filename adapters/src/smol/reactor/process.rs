//! The set of the process, which is a single source in async-io's reactor.
//!
//! No task waits for it, but a waker that takes the set's events and wakes the tasks. async-io calls
//! it wherever it runs its reactor, on an executor's thread or its own. So it works on any executor,
//! and nothing is lost with a task that is dropped.
//!
//! async-io reports the set as long as there is something in it, so it need not be emptied at once.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};

use smol::Async;

use super::set::Set;

struct Source {
    epoll: Async<Arc<OwnedFd>>,
    set: Arc<Set>,
}

/// The set; `None` if the system refuses it.
pub(super) fn set() -> Option<Arc<Set>> {
    static SOURCE: OnceLock<Option<Arc<Source>>> = OnceLock::new();
    let source = SOURCE.get_or_init(|| Source::create().ok());
    source.as_ref().map(|source| Arc::clone(&source.set))
}

impl Source {
    fn create() -> io::Result<Arc<Self>> {
        let set = Arc::new(Set::create(None)?);
        let epoll = Async::new_nonblocking(Arc::clone(&set.epoll))?;
        let source = Arc::new(Self { epoll, set });
        source.listen()?;
        Ok(source)
    }

    /// Lets async-io call once when there is something in the set.
    fn listen(self: &Arc<Self>) -> io::Result<()> {
        let waker = Waker::from(Arc::clone(self));
        let cx = &mut Context::from_waker(&waker);
        loop {
            match self.epoll.poll_readable(cx) {
                // Its report here is the result of this call.
                Poll::Ready(reported) => reported?,
                Poll::Pending => return Ok(()),
            }
        }
    }
}

/// async-io calls this when there is something in the set.
impl Wake for Source {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set.dispatch(false, || {
            // Before the tasks' wakers, which are others' code. It changes an interest that is
            // there already, which the kernel does not refuse.
            let _ = self.listen();
        });
    }
}
