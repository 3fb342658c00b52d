//! The driver in virtual time, with a socket and a peer that are made up.

mod counters;
mod deadlines;
mod ends;
#[cfg(feature = "_asynch")]
mod flushes;
mod groups;
mod orders;
mod parts;
mod publishing;
mod reading;
mod rules;
mod world;
