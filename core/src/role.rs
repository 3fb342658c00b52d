//! The words that the whole engine uses: the two ends, and the two types of message.

/// Which end of the connection this is (1.3, 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum Role {
    /// It asked for the connection, and masks what it sends.
    Client,
    /// It was asked.
    Server,
}

/// The type of a message (5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataType {
    Text,
    Binary,
}
