//! Short recipes. The tests run each of them.

pub mod layers;
pub mod reqwest;
