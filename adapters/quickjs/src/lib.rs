#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod jobs;
mod native;
mod options;
mod script;
mod sockets;
mod timers;

pub use options::SocketsOptions;
pub use script::{Script, ScriptError};
pub use sockets::{MODULE_NAMES, Sockets};
