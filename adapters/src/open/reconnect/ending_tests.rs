use std::io;
use std::time::Duration;

use bluewire_core::{CloseCode, Config, Connection, HeadError, Inbox, MaskingKeys, Outbox};

use super::super::samples::refused;
use super::*;
use crate::open::error::Phase;
use crate::open::error::UrlError;
use crate::open::error::{RedirectError, RedirectReason};

fn unopened(error: ConnectError) -> bool {
    Ending::Unopened(&error).is_worth_retrying()
}

/// How a client's connection ends on which this happens.
fn closure(happen: impl FnOnce(&mut Connection, &mut Inbox, &mut Outbox)) -> Closure {
    let config = Config::default().idle_timeout(Duration::from_secs(1));
    let keys = MaskingKeys::from_system();
    let mut connection = Connection::client(config, keys, Duration::ZERO);
    let (mut inbox, mut outbox) = (Inbox::default(), Outbox::new());
    happen(&mut connection, &mut inbox, &mut outbox);
    while connection.next_event(Duration::ZERO, &mut inbox, &mut outbox).is_some() {}
    connection.receive_eof();
    while connection.next_event(Duration::ZERO, &mut inbox, &mut outbox).is_some() {}
    connection.closure().expect("it has ended").clone()
}

fn closed_by_peer(code: u16) -> Closure {
    closure(|_, inbox, _| {
        inbox.extend(&[0x88, 2]);
        inbox.extend(&code.to_be_bytes());
    })
}

fn closed(closure: &Closure) -> bool {
    Ending::Closed(closure).is_worth_retrying()
}

#[test]
fn the_table_of_statuses() {
    let again = [408, 425, 429, 500, 502, 503, 504];
    for status in (200..600).chain([100, 199, 600, 999]) {
        assert_eq!(status_may_pass(status), again.contains(&status), "{status}");
    }
    assert!(unopened(refused(503, "")));
    assert!(!unopened(refused(403, "")));
}

#[test]
fn the_table_of_codes() {
    let again = [1001, 1011, 1012, 1013, 1014];
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        assert_eq!(closed(&closed_by_peer(code)), again.contains(&code), "{code}");
    }
    let without_code = closure(|_, inbox, _| inbox.extend(&[0x88, 0]));
    assert_eq!(without_code.code, CloseCode::NO_STATUS_RECEIVED);
    assert!(!closed(&without_code));
}

#[test]
fn a_connection_that_was_lost_is_worth_a_retry() {
    let lost = closure(|_, _, _| {});
    assert_eq!(lost.code, CloseCode::ABNORMAL);
    assert!(closed(&lost));
    let silent = closure(|connection, _, outbox| {
        connection.handle_timeout(Duration::from_secs(2), outbox);
    });
    assert_eq!(silent.fault, Some(Fault::Timeout(Timeout::Idle)));
    assert!(closed(&silent));
}

#[test]
fn a_close_by_this_end_or_a_broken_rule_is_not_retried() {
    let close = |connection: &mut Connection, outbox: &mut Outbox| {
        let closing = connection.close(Duration::ZERO, CloseCode::NORMAL, "", outbox);
        closing.expect("it is open");
    };
    // The peer answers with another code, or not at all.
    let answered = closure(|connection, inbox, outbox| {
        close(connection, outbox);
        inbox.extend(&[0x88, 2, 0x03, 0xf4]);
    });
    assert_eq!(answered.code, CloseCode::SERVICE_RESTART);
    assert!(!closed(&answered));
    assert!(!closed(&closure(|connection, _, outbox| close(connection, outbox))));
    let failed = closure(|connection, _, outbox| {
        connection.fail(Duration::ZERO, CloseCode::INTERNAL_ERROR, "", outbox);
    });
    assert!(!closed(&failed));
    // 5.1: "A client MUST close a connection if it detects a masked frame."
    let broken = closure(|_, inbox, _| inbox.extend(&[0x81, 0x80, 0, 0, 0, 0]));
    assert!(matches!(broken.fault, Some(Fault::Protocol(_))));
    assert!(!closed(&broken));
}

#[test]
fn the_network_may_recover_and_a_mistake_stays_one() {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let address = ([127, 0, 0, 1], 1).into();
    assert!(unopened(ConnectError::Resolve { host: "host".to_owned(), error: refused() }));
    assert!(unopened(ConnectError::Unreachable {
        host: "h".to_owned(),
        failures: vec![(address, refused())]
    }));
    assert!(unopened(ConnectError::Io(refused())));
    for phase in [Phase::Resolve, Phase::Tcp, Phase::Tls, Phase::Handshake] {
        let timeout = Duration::from_secs(1);
        assert!(unopened(ConnectError::TimedOut { phase, timeout, whole: false }), "{phase}");
    }
    assert!(unopened(ConnectError::Handshake(HandshakeError::ConnectionLost)));

    assert!(!unopened(ConnectError::Handshake(HandshakeError::WrongAccept)));
    assert!(!unopened(ConnectError::Url(UrlError::Fragment)));
    assert!(!unopened(ConnectError::Header(HeadError::ReservedHeader)));
    assert!(!unopened(ConnectError::TlsUnavailable));
    assert!(!unopened(ConnectError::Abandoned));
    assert!(!unopened(redirected()));
}

/// A redirect that leads nowhere.
fn redirected() -> ConnectError {
    let ConnectError::Refused(refusal) = refused(302, "") else {
        panic!("it is refused");
    };
    ConnectError::Redirect(RedirectError::new(RedirectReason::NoLocation, refusal))
}

#[test]
fn a_redirect_that_is_retried_by_a_rule_has_its_response() {
    let error = redirected();
    let response = Ending::Unopened(&error).response().expect("the server answered");
    assert_eq!(response.status(), 302);
}

#[test]
fn a_proxy_may_recover_and_its_rules_stay() {
    let proxy = |error| unopened(ConnectError::Proxy(error));
    let refused_by_proxy = |status| match refused(status, "") {
        ConnectError::Refused(refusal) => proxy(ProxyError::Refused(refusal)),
        error => panic!("{error:?}"),
    };
    assert!(refused_by_proxy(502) && refused_by_proxy(503));
    assert!(!refused_by_proxy(403) && !refused_by_proxy(407));
    assert!(
        proxy(ProxyError::Closed)
            && proxy(ProxyError::Unreachable { host: "p".to_owned(), failures: Vec::new() })
    );
    assert!(proxy(ProxyError::Socks(SocksReply::HostUnreachable)));
    assert!(!proxy(ProxyError::Socks(SocksReply::NotAllowed)));
    assert!(!proxy(ProxyError::AuthenticationRefused) && !proxy(ProxyError::NotSocks5));
}

#[cfg(feature = "_tls")]
#[test]
fn tls_that_broke_off_may_go_on_and_a_certificate_stays_bad() {
    use crate::tls::CertificateProblem;
    assert!(unopened(ConnectError::Tls(TlsError::EndedInHandshake)));
    assert!(unopened(ConnectError::Tls(TlsError::TimedOut(Duration::ZERO))));
    let expired = CertificateProblem::Expired(Duration::ZERO);
    assert!(!unopened(ConnectError::Tls(TlsError::Certificate(expired))));
    assert!(!unopened(ConnectError::Tls(TlsError::PlainHttp)));
    assert!(!unopened(ConnectError::Tls(TlsError::Settings(String::new()))));
}
