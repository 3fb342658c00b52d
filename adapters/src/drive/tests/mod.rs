//! The driver in virtual time, with a socket and a peer that are made up.

mod groups;
mod orders;
mod rules;
mod world;
