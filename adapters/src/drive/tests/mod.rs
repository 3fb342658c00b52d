//! The driver in virtual time, with a socket and a peer that are made up.

mod counters;
mod groups;
mod orders;
mod rules;
mod world;
