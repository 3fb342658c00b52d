//! Prints a capture of a connection, frame by frame: what `testkit::Captured` has written.
//!
//! `cargo run --example frames FILE [--no-payload]`

use std::error::Error;
use std::{env, fs};

use bluewire::testkit::Capture;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("usage: frames FILE [--no-payload]")?;
    let preview = match arguments.next().as_deref() {
        None => Some(80),
        Some("--no-payload") => None,
        Some(other) => return Err(format!("{other} is not known; there is --no-payload").into()),
    };
    let capture: Capture = fs::read_to_string(&path)
        .map_err(|error| format!("{path} cannot be read: {error}"))?
        .parse()
        .map_err(|error| format!("{path}: {error}"))?;
    print!("{}", capture.to_frames(preview));
    Ok(())
}
