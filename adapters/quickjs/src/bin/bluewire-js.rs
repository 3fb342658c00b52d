//! `bluewire-js [--allow-unix-sockets] SCRIPT.js [ARGUMENT...]` runs a script.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;

use bluewire_quickjs::{Script, ScriptError, SocketsOptions};

fn main() -> ExitCode {
    let mut args = env::args_os().skip(1).peekable();
    let unix_sockets = args.next_if(|arg| arg == "--allow-unix-sockets").is_some();
    let Some(path) = args.next() else {
        eprintln!("usage: bluewire-js [--allow-unix-sockets] SCRIPT.js [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let args = args.map(|arg| arg.to_string_lossy().into_owned());
    let sockets = SocketsOptions::default().unix_sockets(unix_sockets);
    match Script::new(path).args(args).sockets(sockets).run() {
        Ok(()) => ExitCode::SUCCESS,
        // The exception has been reported.
        Err(ScriptError::Uncaught) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
