//! Everything that a few bytes can say: every frame header, every close code, and every beginning
//! of a UTF-8 sequence, the engine against decoders that are slow and obvious.
//!
//! A release build runs all of it. A debug build takes a sample of the combinations, in which each
//! header, each code and each pair of bytes still occurs: each test says how large it is.

#[path = "../common/mod.rs"]
mod common;
#[path = "../oracle/mod.rs"]
mod oracle;

mod cases;
mod codes;
mod expected;
mod headers;
mod text;
