//! The measurements as text.

use std::time::Duration;

use bluewire_benches::sockets::Taken;

/// Prints a row for each server that was measured, with its time by that of the best peer.
pub(crate) fn print(names: &[&str], is_peer: &[bool], taken: &[Option<Taken>], timed: bool) {
    let peers = taken.iter().zip(is_peer).filter(|(_, is_peer)| **is_peer);
    let best = peers
        .filter_map(|(taken, _)| taken.as_ref())
        .map(|taken| if timed { taken.least() } else { taken.idle.unwrap_or(f64::NAN) })
        .fold(f64::INFINITY, f64::min);
    if !timed {
        println!("{:<26} {:>16} {:>7}", "", "B a connection", "ratio");
        for (name, taken) in rows(names, taken) {
            let idle = taken.idle.unwrap_or(f64::NAN);
            println!("{name:<26} {idle:>16.0} {:>7.2}", idle / best);
        }
        println!();
        return;
    }
    println!(
        "{:<26} {:>9} {:>9} {:>8} {:>8} {:>6} {:>6} {:>8} {:>8} {:>8} {:>9} {:>6}",
        "",
        "ns",
        "median",
        "user",
        "system",
        "ratio",
        "calls",
        "p50 µs",
        "p99",
        "p99.9",
        "1/s",
        "client",
    );
    for (name, taken) in rows(names, taken) {
        let (nanos, user) = (taken.least(), taken.least() * taken.user);
        let calls = taken.calls.map_or_else(String::new, |calls| format!("{calls:.2}"));
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|part| micros(taken.latency.at(part)));
        print!("{name:<26} {nanos:>9.0} {:>9.0} {user:>8.0} ", taken.median());
        print!("{:>8.0} {:>6.2} {calls:>6} ", nanos - user, nanos / best);
        println!("{p50:>8} {p99:>8} {p999:>8} {:>9.0} {:>6.2}", taken.rate, taken.client);
    }
    if taken.iter().flatten().any(|taken| taken.idle.is_some()) {
        let idle = |taken: &Taken| format!("{:.0}", taken.idle.unwrap_or(f64::NAN));
        let each: Vec<_> =
            rows(names, taken).map(|(name, taken)| format!("{name} {}", idle(taken))).collect();
        println!("bytes a connection: {}", each.join(", "));
    }
    println!();
}

fn rows<'a>(
    names: &'a [&'a str],
    taken: &'a [Option<Taken>],
) -> impl Iterator<Item = (&'a str, &'a Taken)> {
    let rows = names.iter().zip(taken);
    rows.filter_map(|(name, taken)| taken.as_ref().map(|taken| (*name, taken)))
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}
