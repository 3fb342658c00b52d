use super::*;

const SIX: &str = "[2001:db8::1]:80";
const FOUR: &str = "192.0.2.1:80";
const FOUR_TOO: &str = "192.0.2.2:80";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("it is an address")
}

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().copied().map(address).collect()
}

const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

const TIMEOUTS: Timeouts = Timeouts {
    resolve: ms(5_000),
    tcp: ms(10_000),
    proxy: ms(7_000),
    tls: ms(9_000),
    handshake: ms(8_000),
    whole: ms(30_000),
};

fn target(host: &str) -> Target {
    Target {
        host: host.to_owned(),
        port: 80,
        addresses: None,
        secure: false,
        proxy: None,
        #[cfg(unix)]
        socket: None,
    }
}

/// A plan, its time, and what it said.
struct Trip {
    plan: Plan,
    now: Duration,
}

impl Trip {
    fn with(target: Target, timeouts: Timeouts) -> Self {
        // A clock need not start at zero.
        let now = ms(1_000_000);
        Self { plan: Plan::new(target, timeouts, now), now }
    }

    /// One that has its addresses.
    fn racing(list: &[&str]) -> Self {
        let mut trip = Self::with(target("name"), TIMEOUTS);
        assert!(matches!(trip.step(), Step::Resolve(..)));
        trip.came(Came::Addresses(Ok(addresses(list))));
        trip
    }

    fn securing() -> Self {
        let mut trip = Self::with(Target { secure: true, ..target("192.0.2.1") }, TIMEOUTS);
        trip.attempts(FOUR);
        trip.came(Came::Connected(address(FOUR)));
        assert!(matches!(trip.step(), Step::StartTls));
        trip
    }

    /// One that is to go through this proxy.
    fn through(proxy: &str, target: Target) -> Self {
        let proxy = Some(proxy.parse().expect("it is a proxy"));
        Self::with(Target { proxy, ..target }, TIMEOUTS)
    }

    /// One that has reached its proxy, and is about to speak to it.
    fn tunnelling(secure: bool, timeouts: Timeouts) -> Self {
        let proxy = Some("http://192.0.2.1:80".parse().expect("it is a proxy"));
        let mut trip = Self::with(Target { secure, proxy, ..target("name") }, timeouts);
        trip.attempts(FOUR);
        trip.came(Came::Connected(address(FOUR)));
        trip
    }

    /// It speaks to the proxy for at most so long.
    #[track_caller]
    fn speaks(&mut self, time: u64) -> &mut Tunnel {
        let step = self.step();
        assert!(
            matches!(step, Step::SpeakToProxy(until) if until == self.now + ms(time)),
            "{step:?}"
        );
        self.plan.tunnel().expect("it speaks")
    }

    /// The same, where the proxy answers that after a while to what is said.
    #[track_caller]
    fn is_told(&mut self, answer: &[u8]) {
        let tunnel = self.speaks(7_000);
        tunnel.sent(tunnel.unsent().len());
        assert_eq!(tunnel.receive(answer), answer.len());
        self.now += ms(10);
    }

    #[track_caller]
    fn resolves(&mut self, host: &str, port: u16) {
        let step = self.step();
        assert!(matches!(&step, Step::Resolve(of, to) if (&**of, *to) == (host, port)), "{step:?}");
    }

    fn step(&mut self) -> Step {
        self.plan.next(self.now)
    }

    fn came(&mut self, what: Came) {
        self.plan.came(what, self.now);
    }

    fn refused(&mut self, text: &str) {
        self.came(Came::Failed(address(text), io::ErrorKind::ConnectionRefused.into()));
    }

    #[track_caller]
    fn attempts(&mut self, text: &str) {
        let step = self.step();
        assert!(matches!(step, Step::Attempt(to) if to == address(text)), "{step:?}");
    }

    #[track_caller]
    fn gives_up(&mut self, text: &str) {
        let step = self.step();
        assert!(matches!(step, Step::GiveUp(to) if to == address(text)), "{step:?}");
    }

    /// There is nothing to do for this long, which passes.
    #[track_caller]
    fn waits(&mut self, time: u64) {
        let step = self.step();
        assert!(matches!(step, Step::Wait(until) if until == self.now + ms(time)), "{step:?}");
        self.now += ms(time);
    }

    #[track_caller]
    fn sends_request(&mut self) -> Budget {
        match self.step() {
            Step::SendRequest(budget) => budget,
            step => panic!("{step:?}"),
        }
    }

    #[track_caller]
    fn fails(&mut self) -> ConnectError {
        let Step::Fail(error) = self.step() else { panic!("it does not fail") };
        assert!(matches!(self.step(), Step::Wait(Duration::MAX)), "it failed twice");
        error
    }

    #[track_caller]
    fn times_out(&mut self, phase: Phase, timeout: u64, whole: bool) {
        match self.fails() {
            ConnectError::TimedOut { phase: of, timeout: after, whole: all } => {
                assert_eq!((of, after, all), (phase, ms(timeout), whole));
            }
            error => panic!("{error:?}"),
        }
    }
}

#[track_caller]
fn unreachable(error: ConnectError) -> Vec<(SocketAddr, io::ErrorKind)> {
    let ConnectError::Unreachable { failures, .. } = error else { panic!("{error:?}") };
    failures.into_iter().map(|(address, error)| (address, error.kind())).collect()
}

#[test]
fn a_name_is_looked_up_connected_to_and_asked() {
    let mut trip = Trip::with(target("name"), TIMEOUTS);
    assert!(matches!(trip.step(), Step::Resolve(..)));
    assert!(matches!(trip.step(), Step::Wait(until) if until == trip.now + ms(5_000)));
    trip.now += ms(10);
    trip.came(Came::Addresses(Ok(addresses(&[FOUR]))));
    trip.attempts(FOUR);
    assert!(matches!(trip.step(), Step::Wait(until) if until == trip.now + ms(10_000)));
    trip.now += ms(10);
    trip.came(Came::Connected(address(FOUR)));
    let budget = trip.sends_request();
    let until = trip.now + ms(8_000);
    let phase = Phase::Handshake;
    assert_eq!(budget, Budget { phase, until, timeout: ms(8_000), whole: false });
    assert!(matches!(trip.step(), Step::Wait(Duration::MAX)));
}

#[test]
fn an_address_and_addresses_that_are_given_are_not_looked_up() {
    Trip::with(target("192.0.2.1"), TIMEOUTS).attempts(FOUR);
    Trip::with(target("2001:db8::1"), TIMEOUTS).attempts(SIX);
    let given = Some(addresses(&[FOUR_TOO]));
    Trip::with(Target { addresses: given, ..target("name") }, TIMEOUTS).attempts(FOUR_TOO);
    let none = Some(Vec::new());
    let mut trip = Trip::with(Target { addresses: none, ..target("name") }, TIMEOUTS);
    assert_eq!(unreachable(trip.fails()), []);
}

#[test]
fn a_dead_first_address_costs_a_quarter_of_a_second() {
    let mut trip = Trip::racing(&[SIX, FOUR, FOUR_TOO]);
    trip.attempts(SIX);
    trip.waits(250);
    trip.attempts(FOUR);
    trip.now += ms(20);
    trip.came(Came::Connected(address(FOUR)));
    trip.gives_up(SIX);
    trip.sends_request();
}

#[test]
fn an_address_that_refuses_costs_nothing() {
    let mut trip = Trip::racing(&[SIX, FOUR]);
    trip.attempts(SIX);
    trip.now += ms(1);
    trip.refused(SIX);
    trip.attempts(FOUR);
    trip.came(Came::Connected(address(FOUR)));
    trip.sends_request();
}

#[test]
fn a_slow_address_can_win_after_the_next_has_begun() {
    let mut trip = Trip::racing(&[SIX, FOUR, FOUR_TOO]);
    trip.attempts(SIX);
    trip.waits(250);
    trip.attempts(FOUR);
    trip.waits(250);
    trip.attempts(FOUR_TOO);
    trip.came(Came::Connected(address(SIX)));
    // Too late: the caller must drop it, whatever it says.
    trip.came(Came::Connected(address(FOUR)));
    trip.gives_up(FOUR_TOO);
    trip.gives_up(FOUR);
    trip.sends_request();
}

#[test]
fn all_that_are_dead_are_reported_when_the_time_is_over() {
    let mut trip = Trip::racing(&[SIX, FOUR, FOUR_TOO]);
    trip.attempts(SIX);
    trip.waits(250);
    trip.attempts(FOUR);
    trip.refused(FOUR);
    trip.attempts(FOUR_TOO);
    trip.waits(9_750);
    trip.gives_up(FOUR_TOO);
    trip.gives_up(SIX);
    let error = trip.fails();
    assert_eq!(error.phase(), Some(Phase::Tcp));
    assert!(error.to_string().contains("[2001:db8::1]:80: no answer within 10 s"), "{error}");
    let (refused, silent) = (io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut);
    let told = [(address(FOUR), refused), (address(SIX), silent), (address(FOUR_TOO), silent)];
    assert_eq!(unreachable(error), told);
}

#[test]
fn all_that_refuse_are_reported_at_once() {
    let mut trip = Trip::racing(&[SIX, FOUR]);
    trip.attempts(SIX);
    trip.refused(SIX);
    trip.attempts(FOUR);
    trip.refused(FOUR);
    let refused = io::ErrorKind::ConnectionRefused;
    let told = [(address(SIX), refused), (address(FOUR), refused)];
    assert_eq!(unreachable(trip.fails()), told);
}

#[test]
fn a_name_without_an_address_is_unreachable() {
    assert_eq!(unreachable(Trip::racing(&[]).fails()), []);
}

#[test]
fn an_unknown_name_is_reported_with_the_name() {
    let mut trip = Trip::with(target("name"), TIMEOUTS);
    assert!(matches!(trip.step(), Step::Resolve(..)));
    trip.came(Came::Addresses(Err(io::Error::other("no such name"))));
    let error = trip.fails();
    assert_eq!(error.to_string(), "the host name was not found: no such name");
    assert_eq!(error.phase(), Some(Phase::Resolve));
}

#[test]
fn a_slow_resolver_is_not_waited_for() {
    let mut trip = Trip::with(target("name"), TIMEOUTS);
    assert!(matches!(trip.step(), Step::Resolve(..)));
    trip.waits(5_000);
    trip.times_out(Phase::Resolve, 5_000, false);
    trip.came(Came::Addresses(Ok(addresses(&[FOUR]))));
    assert!(matches!(trip.step(), Step::Wait(Duration::MAX)));
}

#[test]
fn tls_has_its_time() {
    let mut trip = Trip::securing();
    trip.waits(9_000);
    trip.times_out(Phase::Tls, 9_000, false);

    let mut trip = Trip::securing();
    trip.now += ms(8_999);
    trip.came(Came::TlsStarted);
    assert_eq!(trip.sends_request().until, trip.now + ms(8_000));
}

#[test]
fn the_time_for_all_ends_each_phase() {
    let whole = Timeouts { whole: ms(100), ..TIMEOUTS };
    let mut trip = Trip::with(target("name"), whole);
    assert!(matches!(trip.step(), Step::Resolve(..)));
    trip.waits(100);
    trip.times_out(Phase::Resolve, 100, true);

    let mut trip = Trip::with(target("192.0.2.1"), whole);
    trip.attempts(FOUR);
    trip.waits(100);
    trip.gives_up(FOUR);
    assert_eq!(unreachable(trip.fails()), [(address(FOUR), io::ErrorKind::TimedOut)]);

    let mut trip = Trip::with(Target { secure: true, ..target("192.0.2.1") }, whole);
    trip.attempts(FOUR);
    trip.now += ms(60);
    trip.came(Came::Connected(address(FOUR)));
    assert!(matches!(trip.step(), Step::StartTls));
    trip.waits(40);
    trip.times_out(Phase::Tls, 100, true);

    let mut trip = Trip::with(target("192.0.2.1"), whole);
    trip.attempts(FOUR);
    trip.now += ms(60);
    trip.came(Came::Connected(address(FOUR)));
    let budget = trip.sends_request();
    assert_eq!((budget.until, budget.whole), (trip.now + ms(40), true));
    assert!(matches!(
        budget.error(),
        ConnectError::TimedOut { phase: Phase::Handshake, whole: true, .. }
    ));
}

#[test]
fn a_proxy_alone_is_looked_up_connected_to_and_asked() {
    let mut trip = Trip::through("http://proxy:3128", target("name"));
    trip.resolves("proxy", 3128);
    trip.came(Came::Addresses(Ok(addresses(&[FOUR]))));
    trip.attempts(FOUR);
    trip.came(Came::Connected(address(FOUR)));
    let said = trip.speaks(7_000).unsent().to_vec();
    assert!(said.starts_with(b"CONNECT name:80 HTTP/1.1\r\n"), "{}", said.escape_ascii());
    trip.now += ms(10);
    assert_eq!(trip.speaks(6_990).receive(b"HTTP/1.1 200 OK\r\n\r\nbehind"), 19);
    assert_eq!(trip.sends_request().until, trip.now + ms(8_000));
    assert!(trip.plan.tunnel().is_none());

    let mut trip = Trip::tunnelling(true, TIMEOUTS);
    trip.is_told(b"HTTP/1.1 200 OK\r\n\r\n");
    assert!(matches!(trip.step(), Step::StartTls));
    trip.waits(9_000);
    trip.times_out(Phase::Tls, 9_000, false);
}

#[test]
fn a_proxy_gets_the_name_the_address_or_the_given_target() {
    let given = Target { addresses: Some(addresses(&[FOUR_TOO, SIX])), ..target("name") };
    let name = [&b"\x05\x01\x00\x03\x04name"[..], &80_u16.to_be_bytes()].concat();
    let four = [&b"\x05\x01\x00\x01\xc0\x00\x02\x01"[..], &80_u16.to_be_bytes()].concat();
    let four_too = [&b"\x05\x01\x00\x01\xc0\x00\x02\x02"[..], &80_u16.to_be_bytes()].concat();
    for (proxy, target, told) in [
        ("socks5h://[2001:db8::1]:80", target("name"), &name),
        ("socks5h://[2001:db8::1]:80", target("192.0.2.1"), &four),
        ("socks5h://[2001:db8::1]:80", given.clone(), &four_too),
        ("socks5://[2001:db8::1]:80", given, &four_too),
        ("socks5://[2001:db8::1]:80", target("192.0.2.1"), &four),
    ] {
        let mut trip = Trip::through(proxy, target);
        trip.attempts(SIX);
        trip.came(Came::Connected(address(SIX)));
        trip.is_told(b"\x05\x00");
        assert_eq!(trip.speaks(6_990).unsent(), told, "{proxy}");
    }
}

#[test]
fn a_proxy_that_takes_no_names_has_them_looked_up_first() {
    let mut trip = Trip::through("socks5://proxy", target("name"));
    trip.resolves("name", 80);
    trip.now += ms(1_000);
    trip.came(Came::Addresses(Ok(addresses(&[FOUR, SIX]))));
    trip.resolves("proxy", 1080);
    assert!(matches!(trip.step(), Step::Wait(until) if until == trip.now + ms(5_000)));
    trip.came(Came::Addresses(Ok(addresses(&[FOUR_TOO]))));
    trip.attempts(FOUR_TOO);
    trip.came(Came::Connected(address(FOUR_TOO)));
    trip.is_told(b"\x05\x00");
    assert!(trip.speaks(6_990).unsent().starts_with(b"\x05\x01\x00\x01\xc0\x00\x02\x01"));

    let mut trip = Trip::through("socks5://proxy", target("name"));
    trip.resolves("name", 80);
    trip.came(Came::Addresses(Err(io::Error::other("no such name"))));
    assert!(matches!(trip.fails(), ConnectError::Resolve { host, .. } if host == "name"));

    let mut trip = Trip::through("socks5://proxy", target("name"));
    trip.resolves("name", 80);
    trip.came(Came::Addresses(Ok(Vec::new())));
    assert_eq!(unreachable(trip.fails()), []);
}

#[test]
fn a_proxy_that_is_not_found_or_dead_is_reported_as_such() {
    let mut trip = Trip::through("http://proxy", target("name"));
    trip.resolves("proxy", 80);
    trip.came(Came::Addresses(Err(io::Error::other("no such name"))));
    let error = trip.fails();
    assert_eq!(error.to_string(), "the proxy proxy was not found: no such name");
    assert_eq!(error.phase(), Some(Phase::Resolve));

    let mut trip = Trip::through("http://192.0.2.1", target("name"));
    trip.attempts(FOUR);
    trip.refused(FOUR);
    let error = trip.fails();
    assert!(
        matches!(&error, ConnectError::Proxy(ProxyError::Unreachable { failures: list, .. }) if list.len() == 1)
    );
    assert!(
        error.to_string().starts_with("the proxy 192.0.2.1 could not be reached: 192.0.2.1:80")
    );
    assert_eq!(error.phase(), Some(Phase::Tcp));
}

#[test]
fn a_slow_proxy_is_not_waited_for() {
    let mut trip = Trip::tunnelling(false, TIMEOUTS);
    trip.speaks(7_000).receive(b"HTTP/1.1 200 O");
    trip.now += ms(7_000);
    trip.times_out(Phase::Proxy, 7_000, false);

    let mut trip = Trip::tunnelling(false, Timeouts { whole: ms(100), ..TIMEOUTS });
    trip.speaks(100);
    trip.now += ms(100);
    trip.times_out(Phase::Proxy, 100, true);

    let mut trip = Trip::tunnelling(false, TIMEOUTS);
    trip.speaks(7_000).receive(b"HTTP/1.1 502 Bad Gateway\r\n\r\nwhy it");
    trip.now += ms(7_000);
    let error = trip.fails();
    assert_eq!(error.phase(), Some(Phase::Proxy));
    let ConnectError::Proxy(ProxyError::Refused(refusal)) = error else { panic!("{error:?}") };
    assert_eq!((refusal.head().status(), refusal.body()), (502, &b"why it"[..]));
}

#[test]
fn the_proxys_reason_is_reported() {
    let mut trip = Trip::tunnelling(false, TIMEOUTS);
    trip.is_told(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(trip.fails().to_string(), "the proxy refused to connect: 403 No");
}

#[test]
fn it_can_be_cancelled_at_each_step() {
    let started = Trip::with(target("name"), TIMEOUTS);
    let mut resolving = Trip::with(target("name"), TIMEOUTS);
    assert!(matches!(resolving.step(), Step::Resolve(..)));
    let between = Trip::racing(&[SIX, FOUR]);
    let mut racing = Trip::racing(&[SIX, FOUR]);
    racing.attempts(SIX);
    racing.waits(250);
    racing.attempts(FOUR);
    let mut connected = Trip::racing(&[SIX]);
    connected.attempts(SIX);
    connected.came(Came::Connected(address(SIX)));
    let tunnelling = Trip::tunnelling(false, TIMEOUTS);
    let mut tunnelled = Trip::tunnelling(true, TIMEOUTS);
    tunnelled.is_told(b"HTTP/1.1 200 OK\r\n\r\n");
    let securing = Trip::securing();
    let mut requesting = Trip::racing(&[SIX]);
    requesting.attempts(SIX);
    requesting.came(Came::Connected(address(SIX)));
    requesting.sends_request();

    let trips = [
        started, resolving, between, racing, connected, tunnelling, tunnelled, securing, requesting,
    ];
    for (index, mut trip) in trips.into_iter().enumerate() {
        trip.came(Came::Cancelled);
        if index == 3 {
            trip.gives_up(FOUR);
            trip.gives_up(SIX);
        }
        assert!(matches!(trip.fails(), ConnectError::Abandoned), "{index}");
        // Nothing follows.
        trip.came(Came::Cancelled);
        trip.came(Came::TlsStarted);
        assert!(matches!(trip.step(), Step::Wait(Duration::MAX)), "{index}");
    }
}

#[cfg(unix)]
mod unix_sockets {
    use super::*;

    fn trip() -> Trip {
        let socket = Some("/run/chat.sock".into());
        let proxy = Some("http://192.0.2.1:80".parse().expect("it is a proxy"));
        Trip::with(Target { socket, proxy, ..target("localhost") }, TIMEOUTS)
    }

    #[track_caller]
    fn calls(trip: &mut Trip) {
        let step = trip.step();
        assert!(matches!(&step, Step::Call(path) if path.ends_with("chat.sock")), "{step:?}");
    }

    #[test]
    fn one_is_called_and_asked_at_once() {
        let mut trip = trip();
        calls(&mut trip);
        trip.came(Came::Called(Ok(())));
        assert!(matches!(trip.step(), Step::SendRequest(_)));
    }

    #[test]
    fn one_that_is_full_is_called_again_until_the_time_is_over() {
        let mut trip = trip();
        let until = trip.now + TIMEOUTS.tcp;
        let mut calls_made = 0;
        let failed = loop {
            match trip.step() {
                Step::Call(_) => {
                    calls_made += 1;
                    trip.came(Came::Called(Err(io::ErrorKind::WouldBlock.into())));
                }
                Step::Wait(time) => {
                    assert!(trip.now < time && time <= until, "{time:?}");
                    trip.now = time;
                }
                Step::Fail(error) => break error,
                step => panic!("{step:?}"),
            }
        };
        assert_eq!(trip.now, until);
        assert!(calls_made > 10);
        let ConnectError::UnixSocket { error, .. } = failed else { panic!("{failed:?}") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_unix_socket_without_a_listener_ends_it_and_so_does_a_canceller() {
        let mut trip = trip();
        calls(&mut trip);
        trip.came(Came::Called(Err(io::ErrorKind::ConnectionRefused.into())));
        assert!(matches!(trip.step(), Step::Fail(ConnectError::UnixSocket { .. })));
        let mut trip = self::trip();
        calls(&mut trip);
        trip.came(Came::Called(Err(io::ErrorKind::WouldBlock.into())));
        trip.came(Came::Cancelled);
        assert!(matches!(trip.step(), Step::Fail(ConnectError::Abandoned)));
    }
}

#[test]
fn no_time_and_all_time_are_times() {
    let times = |time| Timeouts {
        resolve: time,
        tcp: time,
        proxy: time,
        tls: time,
        handshake: time,
        whole: time,
    };
    let mut plan = Plan::new(target("name"), times(Duration::MAX), ms(5));
    assert!(matches!(plan.next(ms(5)), Step::Resolve(..)));
    assert!(matches!(plan.next(ms(6)), Step::Wait(Duration::MAX)));
    plan.came(Came::Addresses(Ok(addresses(&[FOUR]))), ms(7));
    assert!(matches!(plan.next(ms(8)), Step::Attempt(_)));
    assert!(matches!(plan.next(ms(u64::MAX)), Step::Wait(Duration::MAX)));
    plan.came(Came::Connected(address(FOUR)), ms(u64::MAX));
    let Step::SendRequest(budget) = plan.next(ms(u64::MAX)) else { panic!("it is connected") };
    assert_eq!(budget.until, Duration::MAX);

    let mut plan = Plan::new(target("name"), times(Duration::ZERO), ms(5));
    assert!(matches!(plan.next(ms(5)), Step::Fail(ConnectError::TimedOut { .. })));
}
