use std::io;

use proptest::prelude::*;

use super::super::samples::refused;
use super::*;
use crate::open::error::ConnectError;

const fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// A client on virtual time, whose attempts are refused.
struct Client {
    retries: Retries,
    now: Duration,
}

impl Client {
    fn new(settings: Reconnect) -> Self {
        Self::with_random(settings, || panic!("nothing is spread"))
    }

    fn with_random(settings: Reconnect, random: impl FnMut() -> u64 + Send + 'static) -> Self {
        // A clock need not start at zero.
        Self { retries: Retries::with_random(settings, random), now: ms(1_000_000) }
    }

    fn fails(&mut self) -> Option<Duration> {
        let error = ConnectError::Io(io::ErrorKind::ConnectionRefused.into());
        self.ended(&error)
    }

    fn ended(&mut self, error: &ConnectError) -> Option<Duration> {
        self.retries.ended(Ending::Unopened(error), self.now, SystemTime::UNIX_EPOCH)
    }

    fn is_open_for(&mut self, time: Duration) {
        self.retries.opened(self.now);
        self.now += time;
    }
}

fn settings() -> Reconnect {
    let settings = Reconnect::default().jitter(Jitter::None).stable_after(ms(10_000));
    settings.first_delay(ms(100)).delay_max(ms(1_000))
}

#[test]
fn delays_double_up_to_the_cap() {
    let mut client = Client::new(settings());
    let delays: Vec<_> = (0..6).map(|_| client.fails()).collect();
    assert_eq!(delays, [100, 200, 400, 800, 1_000, 1_000].map(|time| Some(ms(time))));
    assert_eq!(client.retries.count(), 6);
}

#[test]
fn by_default_it_waits_as_the_rfc_recommends() {
    // Covers: 6455-7.2.3-1
    let delays = |number| {
        let mut client = Client::with_random(Reconnect::default(), move || number);
        [(); 6].map(|()| client.fails().expect("there is no limit").as_secs())
    };
    assert_eq!(delays(0), [0; 6]);
    assert_eq!(delays(u64::MAX), [5, 10, 20, 40, 60, 60]);
}

#[test]
fn a_factor_need_not_be_whole_and_is_never_below_one() {
    let mut client = Client::new(settings().factor(1.5));
    assert_eq!(
        [client.fails(), client.fails(), client.fails()],
        [100, 150, 225].map(|t| Some(ms(t)))
    );
    for factor in [1.0, 0.1, -3.0, f64::NAN, f64::NEG_INFINITY] {
        let mut client = Client::new(settings().factor(factor));
        assert_eq!([client.fails(), client.fails()], [Some(ms(100)); 2], "{factor}");
    }
    let mut client = Client::new(settings().factor(f64::INFINITY));
    assert_eq!([client.fails(), client.fails()], [100, 1_000].map(|t| Some(ms(t))));
}

#[test]
fn a_stable_connection_begins_anew_and_a_short_one_does_not() {
    let mut client = Client::new(settings());
    client.fails();
    client.fails();
    client.is_open_for(ms(9_999));
    assert_eq!(client.fails(), Some(ms(400)));
    client.is_open_for(ms(10_000));
    assert_eq!(client.fails(), Some(ms(100)));
    assert_eq!(client.retries.count(), 1);
}

#[test]
fn it_gives_up_after_so_many_retries_in_a_row() {
    let mut client = Client::new(settings().retries_max(2));
    assert!(client.fails().is_some() && client.fails().is_some());
    assert_eq!(client.fails(), None);
    client.is_open_for(ms(10_000));
    assert!(client.fails().is_some());
    assert_eq!(Client::new(settings().retries_max(0)).fails(), None);
}

#[test]
fn retry_after_comes_in_addition_up_to_its_own_cap() {
    let mut client = Client::new(settings().factor(1.0).retry_after_max(ms(5_000)));
    for (value, asked) in [("0", 0), ("3", 3_000), ("5", 5_000), ("6", 5_000), ("soon", 0)] {
        let error = refused(503, &format!("Retry-After: {value}\r\n"));
        assert_eq!(client.ended(&error), Some(ms(100 + asked)), "{value}");
    }
    let date = refused(429, "retry-after: Thu, 01 Jan 1970 00:00:02 GMT\r\n");
    assert_eq!(client.ended(&date), Some(ms(2_100)));
    // It does not make a final refusal worth a retry.
    assert_eq!(client.ended(&refused(403, "Retry-After: 0\r\n")), None);
}

#[test]
fn a_rule_of_ones_own_decides_but_for_what_was_given_up() {
    let forbidden = |ending: Ending<'_>| match ending {
        Ending::Unopened(ConnectError::Refused(refusal)) => refusal.head().status() == 403,
        _ => true,
    };
    let mut client = Client::new(settings().when(forbidden));
    assert!(client.ended(&refused(403, "")).is_some());
    assert_eq!(client.ended(&refused(503, "")), None);
    assert_eq!(client.ended(&ConnectError::Abandoned), None);
}

#[test]
fn the_spread_is_by_the_numbers_that_are_given() {
    let next = |jitter, number| {
        let settings = settings().first_delay(ms(800)).jitter(jitter);
        Client::with_random(settings, move || number).fails()
    };
    assert_eq!(next(Jitter::Full, 0), Some(ms(0)));
    assert_eq!(next(Jitter::Full, u64::MAX), Some(ms(800)));
    assert_eq!(next(Jitter::Equal, 0), Some(ms(400)));
    assert_eq!(next(Jitter::Equal, u64::MAX), Some(ms(800)));
}

#[test]
fn without_numbers_of_ones_own_no_two_are_alike() {
    let hour = Duration::from_secs(3600);
    let settings = Reconnect::default().first_delay(hour).delay_max(hour);
    let error = ConnectError::Io(io::ErrorKind::ConnectionRefused.into());
    let delay = |settings: &Reconnect| {
        let mut retries = Retries::new(settings.clone());
        retries.ended(Ending::Unopened(&error), Duration::ZERO, SystemTime::UNIX_EPOCH)
    };
    let delays: std::collections::HashSet<_> = (0..64).map(|_| delay(&settings)).collect();
    assert!(delays.len() > 60, "{delays:?}");
}

fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..100_000_u64).prop_map(Duration::from_millis),
        any::<Duration>(),
        Just(Duration::MAX),
        Just(Duration::ZERO),
    ]
}

proptest! {
    #[test]
    fn delays_stay_within_their_bounds(
        first in any_time(),
        max in any_time(),
        factor in prop_oneof![1.0..4.0, any::<f64>()],
        full: bool,
        numbers in prop::collection::vec(any::<u64>(), 1..50),
    ) {
        let jitter = if full { Jitter::Full } else { Jitter::Equal };
        let settings = || Reconnect::default().first_delay(first).delay_max(max).factor(factor);
        let mut plain = Client::new(settings().jitter(Jitter::None));
        let mut given = numbers.clone().into_iter().cycle();
        let random = move || given.next().unwrap_or(0);
        let mut client = Client::with_random(settings().jitter(jitter), random);
        let mut before = Duration::ZERO;
        for _ in &numbers {
            let whole = plain.fails().expect("there is no limit");
            prop_assert!(before <= whole && whole <= max, "{before:?} {whole:?} {max:?}");
            before = whole;
            let delay = client.fails().expect("there is no limit");
            let least = if full { Duration::ZERO } else { whole / 2 };
            prop_assert!(least <= delay && delay <= whole, "{delay:?} of {whole:?}");
        }
    }
}

#[test]
fn no_delay_stays_none_and_the_longest_does_not_overflow() {
    let settings = Reconnect::default().first_delay(Duration::ZERO).jitter(Jitter::None);
    for retries in [0, 1, 2_000, u32::MAX] {
        assert_eq!(settings.delay(retries), Duration::ZERO, "{retries}");
    }
    let longest = Reconnect::default().first_delay(Duration::MAX).delay_max(Duration::MAX);
    for jitter in [Jitter::None, Jitter::Equal, Jitter::Full] {
        let settings = longest.clone().jitter(jitter).retry_after_max(Duration::MAX);
        let mut retries = Retries::with_random(settings, || u64::MAX);
        for (status, after) in [(503, "Retry-After: 99999999999999999999\r\n"), (503, "")] {
            let refused = refused(status, after);
            let ending = Ending::Unopened(&refused);
            let delay = retries.ended(ending, Duration::MAX, SystemTime::now());
            assert_eq!(delay, Some(Duration::MAX));
        }
        retries.opened(Duration::ZERO);
    }
}
