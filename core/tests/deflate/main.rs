//! permessage-deflate (RFC 7692) through the public API: literal bytes, both roles, every cutting.

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod negotiation;
mod oracle;
mod random;
mod receiving;
mod sending;
mod small;

use bluewire_core::{Config, Deflate, DeflateParams, Role};
use common::End;

/// An end of a connection that has agreed on compression.
fn end_with(role: Role, config: &Config, params: DeflateParams) -> End {
    let End { connection, inbox, outbox, now } = End::with(role, config);
    End { connection: connection.with_deflate(params), inbox, outbox, now }
}

fn end(role: Role) -> End {
    end_with(role, &config(Deflate::default()), DeflateParams::default())
}

fn config(deflate: Deflate) -> Config {
    Config::default().deflate(deflate)
}
