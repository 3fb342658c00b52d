//! Section 7.1: every way in which a connection can end, and the report of it.

use std::time::Duration;

use bluewire_core::{
    CloseCode, ClosedBy, Closure, Config, Fault, Keepalive, ProtocolError, Role, State, Timeout,
};

use crate::common::{BOTH, End, Told, close_body};

/// The fields of a closure: code, reason, clean, sent, closed by, fault.
type Report = (u16, &'static str, bool, Option<u16>, ClosedBy, Option<Fault>);

const SECOND: Duration = Duration::from_secs(1);

fn close(end: &mut End, code: u16) {
    end.connection.close(end.now, CloseCode::new(code), "ours", &mut end.outbox).expect("open");
}

fn fail(end: &mut End, code: u16) {
    end.connection.fail(end.now, CloseCode::new(code), "ours", &mut end.outbox);
}

fn peer_closes(end: &mut End) {
    end.hear_frame(0x88, &close_body(4321, "theirs"));
}

fn pass(end: &mut End, seconds: u32) {
    end.now += seconds * SECOND;
    end.connection.handle_timeout(end.now, &mut end.outbox);
}

fn lost() -> Option<Fault> {
    Some(Fault::ConnectionLost)
}

fn timed_out(timeout: Timeout) -> Option<Fault> {
    Some(Fault::Timeout(timeout))
}

fn broken(error: ProtocolError) -> Option<Fault> {
    Some(Fault::Protocol(error))
}

/// Runs an end through `story` and holds its closure to `report`: there when it is closed, and not
/// before; and the same after everything that may come too late.
fn assert_ends(name: &str, story: &[fn(&mut End)], report: Report) {
    let config = Config::default()
        .keepalive(Keepalive::default().interval(20 * SECOND).timeout(5 * SECOND))
        .idle_timeout(60 * SECOND)
        .message_timeout(10 * SECOND)
        .close_timeout(3 * SECOND);
    for role in BOTH {
        let mut end = End::with(role, &config);
        for chapter in story {
            assert_eq!(end.connection.closure(), None, "{name}, {role:?}: closed too early");
            assert_ne!(end.connection.state(), State::Closed);
            chapter(&mut end);
        }
        assert_eq!(end.connection.state(), State::Closed, "{name}, {role:?}");
        let too_late: [fn(&mut End); 4] =
            [end_of_transport, peer_closes, |end| fail(end, 1011), |end| pass(end, 100)];
        for late in too_late {
            let closure = end.connection.closure().unwrap_or_else(|| panic!("{name}: no closure"));
            let told: Report = (
                closure.code.value(),
                Box::leak(closure.reason.clone()),
                closure.clean,
                closure.sent.map(CloseCode::value),
                closure.closed_by,
                closure.fault,
            );
            assert_eq!(told, report, "{name}, {role:?}");
            assert_eq!(end.connection.fault(), report.5, "{name}, {role:?}");
            assert_eq!(end.connection.poll_timeout(), None, "{name}, {role:?}");
            end.write_all();
            late(&mut end);
            assert!(end.outbox.is_empty(), "{name}, {role:?}: something laid after the end");
        }
    }
}

fn end_of_transport(end: &mut End) {
    end.hear_eof();
}

#[test]
fn closed_by_the_peer() {
    let report = (4321, "theirs", true, Some(4321), ClosedBy::Peer, None);
    assert_ends("in order", &[peer_closes, end_of_transport], report);
    let at_once: fn(&mut End) = |end| {
        end.connection.receive_eof();
        end.events();
    };
    assert_ends("and its transport with it", &[peer_closes, at_once], report);
    let with_eof: fn(&mut End) = |end| {
        end.inbox.extend(&crate::common::frame(end.role(), 0x88, &close_body(4321, "theirs")));
        end.connection.receive_eof();
        assert_eq!(end.connection.closure(), None, "events are left");
        assert_eq!(end.events(), [Told::close(4321, "theirs")]);
    };
    assert_ends("its frame is read after the end", &[with_eof], report);
    assert_ends("its transport stays open", &[peer_closes, |end| pass(end, 3)], report);

    let empty: fn(&mut End) = |end| drop(end.hear_frame(0x88, b""));
    let report = (1005, "", true, None, ClosedBy::Peer, None);
    assert_ends("without a code", &[empty, end_of_transport], report);
}

#[test]
fn closed_by_this_end() {
    let we_close: fn(&mut End) = |end| close(end, 1001);
    let report = (4321, "theirs", true, Some(1001), ClosedBy::Local, None);
    assert_ends("answered", &[we_close, peer_closes, end_of_transport], report);
    let message: fn(&mut End) = |end| drop(end.hear_frame(0x81, b"before that"));
    assert_ends("later", &[we_close, message, peer_closes, end_of_transport], report);
    assert_ends("transport stays", &[we_close, peer_closes, |end| pass(end, 3)], report);
    let now: fn(&mut End) = |end| {
        let code = CloseCode::GOING_AWAY;
        end.connection.close_now(end.now, code, "ours", &mut end.outbox).expect("open");
    };
    assert_ends("at once", &[now, peer_closes, end_of_transport], report);

    let empty: fn(&mut End) = |end| drop(end.hear_frame(0x88, b""));
    let report = (1005, "", true, Some(1001), ClosedBy::Local, None);
    assert_ends("answered without a code", &[we_close, empty, end_of_transport], report);

    let report = (1006, "", false, Some(1001), ClosedBy::Local, lost());
    assert_ends("transport lost", &[we_close, end_of_transport], report);

    let report = (1006, "", false, Some(1001), ClosedBy::Local, timed_out(Timeout::Close));
    assert_ends("not answered", &[we_close, |end| pass(end, 3)], report);
    let chatty: fn(&mut End) = |end| {
        for _ in 0..2 {
            pass(end, 1);
            end.hear_frame(0x81, b"still here");
        }
    };
    assert_ends("messages are no answer", &[we_close, chatty, |end| pass(end, 1)], report);
}

/// 7.1.5: "If _The WebSocket Connection is Closed_ and no Close control frame was received by the
/// endpoint [...], _The WebSocket Connection Close Code_ is considered to be 1006."
#[test]
fn the_transport_is_lost() {
    let report = (1006, "", false, None, ClosedBy::Transport, lost());
    assert_ends("at once", &[end_of_transport], report);
    let partly: fn(&mut End) = |end| drop(end.hear_frame(0x01, b"Hel"));
    assert_ends("inside a message", &[partly, end_of_transport], report);
    let cut: fn(&mut End) = |end| drop(end.hear(&[0x81]));
    assert_ends("inside a header", &[cut, end_of_transport], report);
    let cut: fn(&mut End) = |end| {
        let bytes = crate::common::frame(end.role(), 0x88, &close_body(1000, "cut off"));
        end.hear(&bytes[..bytes.len() - 1]);
    };
    assert_ends("inside a Close frame", &[cut, end_of_transport], report);
    let messages_left: fn(&mut End) = |end| {
        end.inbox.extend(&crate::common::frame(end.role(), 0x81, b"Hello"));
        end.connection.receive_eof();
        assert_eq!(end.connection.state(), State::Open, "events are left");
        assert_eq!(end.event(), Some(Told::text("Hello")));
        assert_eq!(end.connection.closure(), None);
        assert_eq!(end.event(), None);
    };
    assert_ends("with a message left", &[messages_left], report);

    let report = (1006, "", false, Some(1000), ClosedBy::Local, lost());
    let too_late: fn(&mut End) = |end| {
        end.connection.receive_eof();
        close(end, 1000);
        assert_eq!(end.events(), []);
    };
    assert_ends("closing too late", &[too_late], report);
}

#[test]
fn the_peer_breaks_a_rule() {
    let error = ProtocolError::ReservedOpcode(3);
    let breaks: fn(&mut End) = |end| drop(end.hear(&[0x83, 0x00]));
    let report = (1006, "", false, Some(1002), ClosedBy::Local, broken(error));
    assert_ends("and goes", &[breaks, end_of_transport], report);
    assert_ends("and stays", &[breaks, |end| pass(end, 3)], report);
    assert_ends("and closes", &[breaks, peer_closes, end_of_transport], report);
    let with_eof: fn(&mut End) = |end| {
        end.inbox.extend(&[0x83, 0x00]);
        end.connection.receive_eof();
        assert_eq!(end.events(), [Told::Failed(ProtocolError::ReservedOpcode(3))]);
    };
    assert_ends("read after the end", &[with_eof], report);

    let report = (1006, "", false, Some(1001), ClosedBy::Local, broken(error));
    assert_ends("after our Close", &[|end| close(end, 1001), breaks, end_of_transport], report);

    let text: fn(&mut End) = |end| drop(end.hear_frame(0x81, b"\xff"));
    let fault = broken(ProtocolError::InvalidUtf8);
    let report = (1006, "", false, Some(1007), ClosedBy::Local, fault);
    assert_ends("text", &[text, end_of_transport], report);

    let body: fn(&mut End) = |end| drop(end.hear_frame(0x88, b"\x03"));
    let fault = broken(ProtocolError::CloseBodyTooShort);
    let report = (1006, "", false, Some(1002), ClosedBy::Local, fault);
    assert_ends("a Close frame", &[body, end_of_transport], report);
}

#[test]
fn the_application_fails_it() {
    let fails: fn(&mut End) = |end| fail(end, 1008);
    let fault = Some(Fault::Application(CloseCode::POLICY_VIOLATION));
    let report = (1006, "", false, Some(1008), ClosedBy::Local, fault);
    assert_ends("and the peer goes", &[fails, end_of_transport], report);
    assert_ends("and the peer stays", &[fails, |end| pass(end, 3)], report);
    assert_ends("and the peer closes", &[fails, peer_closes, end_of_transport], report);

    let report = (1006, "", false, Some(1001), ClosedBy::Local, fault);
    assert_ends("after Close", &[|end| close(end, 1001), fails, end_of_transport], report);

    let report = (1006, "", false, Some(1008), ClosedBy::Local, fault);
    let after_the_end: fn(&mut End) = |end| {
        end.inbox.extend(&crate::common::frame(end.role(), 0x81, b"Hello"));
        end.connection.receive_eof();
        fail(end, 1008);
        assert_eq!(end.events(), []);
    };
    assert_ends("with a message left after the end", &[after_the_end], report);
}

#[test]
fn a_deadline_passes() {
    let partly: fn(&mut End) = |end| drop(end.hear_frame(0x01, b"Hel"));
    let fault = timed_out(Timeout::Message);
    let report = (1006, "", false, Some(1008), ClosedBy::Local, fault);
    let wait: fn(&mut End) = |end| pass(end, 10);
    assert_ends("a message", &[partly, wait, end_of_transport], report);
    assert_ends("a message, peer stays", &[partly, wait, |end| pass(end, 3)], report);

    let fault = timed_out(Timeout::Pong);
    let report = (1006, "", false, Some(1011), ClosedBy::Local, fault);
    assert_ends("a ping", &[|end| pass(end, 20), |end| pass(end, 5)], report);

    let fault = timed_out(Timeout::Idle);
    let report = (1006, "", false, Some(1001), ClosedBy::Local, fault);
    assert_ends("silence", &[|end| pass(end, 60)], report);
}

/// The fault and the code are known as soon as the connection fails; the rest when it is closed.
#[test]
fn a_fault_is_reported_before_the_end() {
    for role in BOTH {
        let mut end = End::new(role);
        assert_eq!(end.connection.fault(), None);
        end.hear(&[0x83, 0x00]);
        assert_eq!(end.connection.fault(), broken(ProtocolError::ReservedOpcode(3)));
        assert_eq!(end.connection.closure(), None);
    }
    assert_eq!(End::new(Role::Client).connection.closure(), None);
}

/// Who tests a handler with a report that was made by hand tests it with what connections report.
#[test]
fn a_report_made_by_hand_is_like_that_of_a_connection() {
    for role in BOTH {
        for (body, code, reason) in [
            (close_body(4321, "theirs"), CloseCode::new(4321), "theirs"),
            (Vec::new(), CloseCode::NO_STATUS_RECEIVED, ""),
        ] {
            let mut end = End::new(role);
            end.hear_frame(0x88, &body);
            end.hear_eof();
            assert_eq!(end.connection.closure(), Some(&Closure::new(code, reason)));
        }
        let mut end = End::new(role);
        end.hear_eof();
        assert_eq!(end.connection.closure(), Some(&Closure::new(CloseCode::ABNORMAL, "")));

        let mut end = End::new(role);
        fail(&mut end, 1011);
        end.hear_eof();
        let made = Closure::new(CloseCode::ABNORMAL, "")
            .closed_by(ClosedBy::Local)
            .sent(CloseCode::INTERNAL_ERROR)
            .fault(Fault::Application(CloseCode::INTERNAL_ERROR));
        assert_eq!(end.connection.closure(), Some(&made));
        assert!(!Closure::new(CloseCode::NORMAL, "").fault(Fault::ConnectionLost).clean);
        assert!(Closure::new(CloseCode::NORMAL, "").fault(None).sent(None).clean);
        assert!(!Closure::new(CloseCode::NORMAL, "").clean(false).clean);
    }
}
