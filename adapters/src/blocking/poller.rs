//! Waits for many sockets at once: by epoll on Linux, where a wait costs as much as there are
//! events, and elsewhere by `poll(2)`, where it costs as much as there are sockets.

use std::io;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd};

use super::transport::Readiness;

/// How many events a wait takes.
const EVENTS_MAX: usize = 64;

#[cfg(target_os = "linux")]
pub(super) use self::epoll::Poller;
#[cfg(not(target_os = "linux"))]
pub(super) use self::poll::Poller;

/// A source of events: the file descriptor, the id of its events, and the wanted readiness.
pub(super) type Source<'a> = (BorrowedFd<'a>, u64, Readiness);

#[cfg(target_os = "linux")]
mod epoll {
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;

    use rustix::event::epoll;
    use rustix::io::Errno;

    use super::super::transport::timespec;
    use super::*;

    pub(in super::super) struct Poller(OwnedFd);

    impl Poller {
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
        }

        /// Waits for a socket from now on, for which it has waited for this before, or not at all.
        /// When the socket is closed, that ends.
        pub(in super::super) fn change(
            &self,
            fd: impl AsFd,
            id: u64,
            before: Readiness,
            now: Readiness,
        ) -> io::Result<()> {
            let (data, flags) = (epoll::EventData::new_u64(id), flags(now));
            let changed = match before.is_none() {
                true => epoll::add(&self.0, fd, data, flags),
                false => epoll::modify(&self.0, fd, data, flags),
            };
            Ok(changed?)
        }

        pub(in super::super) fn remove(&self, fd: impl AsFd) {
            // It fails if the kernel has forgotten the socket, which is as well.
            let _ = epoll::delete(&self.0, fd);
        }

        /// Waits for events. The ids of some of those that are ready.
        pub(in super::super) fn wait<'a>(
            &self,
            _: impl Iterator<Item = Source<'a>>,
            timeout: Option<Duration>,
        ) -> io::Result<Vec<u64>> {
            let mut events = [const { MaybeUninit::uninit() }; EVENTS_MAX];
            match epoll::wait(&self.0, events.as_mut_slice(), timespec(timeout).as_ref()) {
                Ok((events, _)) => Ok(events.iter().map(|event| event.data.u64()).collect()),
                Err(Errno::INTR) => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            }
        }
    }

    fn flags(interest: Readiness) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, interest.readable);
        flags.set(epoll::EventFlags::OUT, interest.writable);
        flags
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod poll {
    use rustix::event::PollFd;

    use super::super::transport::{poll_fds, poll_flags};
    use super::*;

    /// The next wait begins its report here, so that each source has its turn.
    pub(in super::super) struct Poller(std::cell::Cell<usize>);

    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "only a test uses it"))]
    impl Poller {
        #[expect(clippy::unnecessary_wraps, reason = "epoll can fail here")]
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self(std::cell::Cell::new(0)))
        }

        #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "epoll needs it")]
        pub(in super::super) fn change(
            &self,
            _: impl AsFd,
            _: u64,
            _: Readiness,
            _: Readiness,
        ) -> io::Result<()> {
            Ok(())
        }

        #[expect(clippy::unused_self, reason = "epoll needs it")]
        pub(in super::super) fn remove(&self, _: impl AsFd) {}

        /// Waits for events of these sources. The ids of some of those that are ready.
        pub(in super::super) fn wait<'a>(
            &self,
            sources: impl Iterator<Item = Source<'a>>,
            timeout: Option<Duration>,
        ) -> io::Result<Vec<u64>> {
            let asked = sources.filter(|(_, _, interest)| !interest.is_none());
            let (mut fds, ids): (Vec<_>, Vec<_>) = asked
                .map(|(fd, id, interest)| (PollFd::from_borrowed_fd(fd, poll_flags(interest)), id))
                .unzip();
            poll_fds(&mut fds, timeout)?;
            let first = self.0.get() % ids.len().max(1);
            let ready = (first..ids.len()).chain(0..first);
            let ready = ready.filter(|&index| !fds[index].revents().is_empty());
            let ready: Vec<usize> = ready.take(EVENTS_MAX).collect();
            self.0.set(ready.last().map_or(0, |last| last + 1));
            Ok(ready.into_iter().map(|index| ids[index]).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::poll::Poller as PollPoller;
    use super::*;

    fn pairs(count: usize) -> Vec<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let pair = |_| {
            let client = TcpStream::connect(address).expect("it listens");
            (client, listener.accept().expect("one has come").0)
        };
        (0..count).map(pair).collect()
    }

    macro_rules! each_source_has_its_turn {
        ($name:ident, $poller:ty) => {
            #[test]
            fn $name() {
                let pairs = pairs(2 * EVENTS_MAX);
                let poller = <$poller>::new().expect("there is one");
                let sources = || {
                    let servers = (0..).zip(&pairs).map(|(id, (_, server))| (server, id));
                    servers.map(|(server, id)| (server.as_fd(), id, Readiness::READ))
                };
                for (fd, id, interest) in sources() {
                    poller.change(fd, id, Readiness::NONE, interest).expect("there is room");
                }
                let wait = || poller.wait(sources(), Some(Duration::ZERO)).expect("it can");
                assert!(wait().is_empty());
                for (mut client, _) in pairs.iter().map(|(client, server)| (client, server)) {
                    client.write_all(b"!").expect("it is connected");
                }
                let mut ready = wait();
                ready.extend(wait());
                ready.sort_unstable();
                assert_eq!(ready, (0..2 * EVENTS_MAX as u64).collect::<Vec<_>>());
            }
        };
    }

    each_source_has_its_turn!(each_source_of_poll_has_its_turn, PollPoller);
    #[cfg(target_os = "linux")]
    each_source_has_its_turn!(each_source_of_epoll_has_its_turn, Poller);
}
