//! Loads one echo server, whichever it is. See `--help`.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bluewire_benches::sockets::{Clients, Load, Target, own_processor_time, trust};

const HELP: &str = "\
Loads an echo server with WebSocket messages of text, and compares every byte of every echo.

cargo run --release -p bluewire-benches --bin load -- URL [OPTIONS]

  URL             ws://HOST:PORT/PATH, or wss:// with --ca
  --connections N connections, all open from the beginning (100)
  --size S        bytes of a message's payload (16)
  --in-flight P   messages of a connection whose echo has not come (1)
  --seconds S     how long (5)
  --ca FILE       the certificates in PEM that a wss:// server is trusted by
  --deflate       compresses messages (RFC 7692), which are JSON of up to 65,535 bytes then
  --help          prints this, and ends

For each echo that comes, the next message leaves. Frames are masked and made before, and differ from
each other. All connections are on one thread. The last line says for how much of the time it was on
a processor: where that is near 100 %, it and not the server is the bottleneck.";

fn main() -> Result<(), Box<dyn Error>> {
    let (mut url, mut load) = (None, Load::new(100, 16, 1));
    let (mut seconds, mut ca) = (5.0, None);
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} takes a value"));
        match arg.as_str() {
            "--connections" => load = Load { connections: value()?.parse()?, ..load },
            "--size" => load = Load { len: value()?.parse()?, ..load },
            "--in-flight" => load = Load { in_flight: value()?.parse()?, ..load },
            "--seconds" => seconds = value()?.parse()?,
            "--ca" => ca = Some(PathBuf::from(value()?)),
            "--deflate" => load = load.compressed(),
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            option if option.starts_with('-') => {
                return Err(format!("there is no option {option}; see --help").into());
            }
            other => url = Some(other.to_owned()),
        }
    }
    let url = url.ok_or("which URL? See --help")?;
    if load.connections == 0 || load.in_flight == 0 {
        return Err("--connections and --in-flight are at least 1".into());
    }
    if load.compressed && !(64..=65_535).contains(&load.len) {
        return Err("with --deflate, --size is 64 to 65535".into());
    }
    let tls = ca.map(|file| trust(&file)).transpose()?;
    let target = Target::of_url(&url, tls)?;
    run(&target, load.active(load.connections), Duration::try_from_secs_f64(seconds)?)
}

fn run(target: &Target, load: Load, time: Duration) -> Result<(), Box<dyn Error>> {
    let mut clients = Clients::open(target, load)?;
    let (start, before) = (Instant::now(), own_processor_time().unwrap_or_default());
    clients.begin()?;
    let echoes = clients.run(time)? + clients.finish()?;
    let (wall, spent) =
        (start.elapsed(), own_processor_time().unwrap_or_default().saturating_sub(before));
    let latency = clients.take_latency();
    let rate = echoes as f64 / wall.as_secs_f64();
    println!("{load}: {echoes} echoes, each byte as it was sent");
    println!("{rate:.0} messages and {:.1} MB a second each way", rate * load.len as f64 / 1e6);
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1.0)] {
        println!("{name:<8} {:>10.1} µs", latency.at(part).as_secs_f64() * 1e6);
    }
    println!(
        "this program: {:.0} ns a message, on a processor {:.0} % of the time",
        spent.as_secs_f64() * 1e9 / echoes.max(1) as f64,
        100.0 * spent.as_secs_f64() / wall.as_secs_f64(),
    );
    Ok(())
}
