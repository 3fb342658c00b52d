//! One message to many connections: what Bluewire's servers and the others take for each recipient.
//!
//! ```text
//! broadcast [CONNECTIONS [BYTES [ROUNDS [SECONDS [SERVER...]]]]]
//! ```
//!
//! By default 5,000 connections, 512 bytes, 5 rounds of 2 seconds. All take turns in one run.
//! Prints the processor time for a recipient: the least round, the median, and the median of the
//! ratios to each peer in the same round. Each server takes as many open files as connections in
//! this process: raise the limit first (`ulimit -n 65536`), or name fewer servers. Bun takes part
//! if `tools/install-peers bun` has installed it, or the environment variable `BUN` names it.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::time::Duration;

use bluewire_benches::sockets::{BROADCASTERS, Effort, broadcast};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let mut number = |default: u32| args.next().map_or(Ok(default), |arg| arg.parse::<u32>());
    let (connections, len, rounds, seconds) =
        (number(5_000)?, number(512)?, number(5)?, number(2)?);
    let time = Duration::from_secs(u64::from(seconds));
    let effort = Effort { rounds: rounds as usize, time };
    let names: Vec<String> = args.collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        names.extend(BROADCASTERS);
    }
    let taken = broadcast(&names, connections as usize, len as usize, effort)?;
    let peers = ["tokio-tungstenite", "bun"];
    let of = |name: &str| {
        let place = names.iter().position(|one| *one == name)?;
        taken[place].as_ref()
    };
    for (name, taken) in names.iter().zip(&taken) {
        let Some(taken) = taken else {
            println!("{name:<18} is not installed");
            continue;
        };
        let (nanos, median) = (taken.least(), taken.median());
        print!("{name:<18} {nanos:>7.0} ns, median {median:>7.0}");
        for peer in peers.into_iter().filter(|peer| peer != name) {
            if let Some(other) = of(peer) {
                print!("   {:.2} of {peer}", taken.ratio_to(other));
            }
        }
        println!();
    }
    Ok(())
}
