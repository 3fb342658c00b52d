//! Objects that the script has lost.

use crate::peer::Peer;
use crate::run::check;

#[test]
fn an_object_that_is_lost_without_callbacks_closes_with_1001() {
    check("lost.js", |listener| {
        let peer = Peer::accept(&listener);
        assert_eq!(peer.expect_close_and_end(), 1001);
        // While connecting, the attempt is given up.
        let mut stream = Peer::accept_tcp(&listener);
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
}

#[test]
fn an_object_that_is_lost_with_callbacks_lives_on() {
    check("alive.js", |listener| {
        let mut peer = Peer::accept(&listener);
        peer.expect_text("collected");
        peer.text("still there");
        peer.close(1000, "");
        peer.expect_close();
        peer.end();
    });
}
