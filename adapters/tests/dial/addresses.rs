//! Several addresses of one host.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bluewire::{ConnectError, ConnectOptions, Phase};

use crate::client::{Client, closed, dead, live, url};

/// On the other family where the machine has it.
fn live_server() -> SocketAddr {
    live(Ipv6Addr::LOCALHOST).or_else(|_| live(Ipv4Addr::LOCALHOST)).expect("there is a port")
}

#[test]
fn a_dead_first_address_does_not_keep_the_next_waiting() {
    let _bound = crate::watchdog::bound();
    let (dead, live) = (dead(), live_server());
    for &client in Client::ALL {
        // The server would be reached after this time if the addresses had to take turns.
        let options = ConnectOptions::new("ws://two-addresses.invalid/")
            .addresses([dead.address, live])
            .connect_timeout(Duration::from_secs(3600))
            .timeout(Duration::from_secs(20));
        client.connect(options).unwrap_or_else(|error| panic!("{client:?}: {error}"));
    }
}

#[test]
fn an_address_that_refuses_gives_way_to_the_next() {
    let _bound = crate::watchdog::bound();
    let (closed, live) = (closed(), live_server());
    for &client in Client::ALL {
        let options = ConnectOptions::new(url(live)).addresses([closed.address, live]);
        client.connect(options).unwrap_or_else(|error| panic!("{client:?}: {error}"));
    }
}

#[test]
fn each_address_is_reported_with_its_own_error() {
    let _bound = crate::watchdog::bound();
    let (closed, dead) = (closed(), dead());
    for &client in Client::ALL {
        let options = ConnectOptions::new("ws://two-addresses.invalid/")
            .addresses([closed.address, dead.address])
            .connect_timeout(Duration::from_millis(400));
        let error = client.fail(options);
        assert_eq!(error.phase(), Some(Phase::Tcp));
        let ConnectError::Unreachable { failures, .. } = &error else { panic!("{error:?}") };
        let told: Vec<_> = failures.iter().map(|(address, why)| (*address, why.kind())).collect();
        let expected =
            [(closed.address, ErrorKind::ConnectionRefused), (dead.address, ErrorKind::TimedOut)];
        assert_eq!(told, expected, "{client:?}");
        assert!(error.to_string().ends_with("no answer within 400 ms"), "{error}");
        let begin = "the host two-addresses.invalid could not be reached: 127.0.0.1:";
        assert!(error.to_string().starts_with(begin), "{error}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_reported() {
    let _bound = crate::watchdog::bound();
    for &client in Client::ALL {
        // RFC 6761, section 6.4: names that end so are never there. Without a network, a resolver
        // may think about it for as long as it may.
        let options =
            ConnectOptions::new("ws://nobody.invalid/").resolve_timeout(Duration::from_secs(1));
        let error = client.fail(options);
        assert_eq!(error.phase(), Some(Phase::Resolve), "{client:?}: {error:?}");
        if let ConnectError::Resolve { host, .. } = &error {
            assert_eq!(host, "nobody.invalid");
            assert!(error.to_string().starts_with("the host nobody.invalid was not found"));
        }
    }
}

#[test]
fn localhost_is_found_on_either_family() {
    let _bound = crate::watchdog::bound();
    let live = live(Ipv4Addr::LOCALHOST).expect("there is a port");
    for &client in Client::ALL {
        let options = ConnectOptions::new(format!("ws://localhost:{}/", live.port()));
        client.connect(options).unwrap_or_else(|error| panic!("{client:?}: {error}"));
    }
}
