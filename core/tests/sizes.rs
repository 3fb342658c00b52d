//! The cost of a connection before anything has happened.

use bluewire_core::{Connection, Inbox, Outbox};

#[test]
fn the_state_fits_256_bytes() {
    assert!(size_of::<Connection>() <= 256, "{}", size_of::<Connection>());
}

#[test]
fn an_idle_inbox_and_outbox_fit_128_bytes_and_hold_no_memory() {
    let pair = size_of::<Inbox>() + size_of::<Outbox>();
    assert!(pair <= 128, "{pair}");
    assert_eq!((Inbox::default().capacity(), Outbox::new().capacity()), (0, 0));
}
