//! Loads one echo server, whichever it is, to look at it meanwhile:
//!
//! ```text
//! load ADDR CONNECTIONS BYTES IN_FLIGHT SECONDS
//! ```
//!
//! Prints how many messages were echoed a second.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::time::Duration;

use bluewire_benches::sockets::{Clients, Load};

const USAGE: &str = "usage: load ADDR CONNECTIONS BYTES IN_FLIGHT SECONDS";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let address = args.next().ok_or(USAGE)?;
    let mut number = || -> Result<usize, Box<dyn Error>> { Ok(args.next().ok_or(USAGE)?.parse()?) };
    let load = Load::new(number()?, number()?, number()?);
    let seconds = number()?;
    let mut clients = Clients::open(&address, load)?;
    clients.begin()?;
    let echoes = clients.run(Duration::from_secs(seconds as u64))?;
    clients.finish()?;
    println!("{} a second", echoes / seconds.max(1) as u64);
    Ok(())
}
