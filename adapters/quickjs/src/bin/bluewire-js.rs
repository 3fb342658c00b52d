//! `bluewire-js SCRIPT.js [ARGUMENT...]` runs a script.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;

use bluewire_quickjs::{Script, ScriptError};

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let Some(path) = args.next() else {
        eprintln!("usage: bluewire-js SCRIPT.js [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let args = args.map(|arg| arg.to_string_lossy().into_owned());
    match Script::new(path).args(args).run() {
        Ok(()) => ExitCode::SUCCESS,
        // What that was has been said.
        Err(ScriptError::Uncaught) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
