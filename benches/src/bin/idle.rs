//! What idle connections cost a server: the resident memory of the example `echo_server`, on the
//! smol adapter with one thread, with so many clients that have had one message echoed and now
//! wait.
//!
//! ```sh
//! cargo build --release --example echo_server
//! cargo run --release -p bluewire-benches --bin idle -- 5000 10000
//! ```
//!
//! It reads `/proc`, so it runs on Linux only, and takes a file descriptor for each connection in
//! either process (`ulimit -n`).
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\
    Host: 127.0.0.1\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// "Hello", masked by a key of zeros.
const HELLO: &[u8] = b"\x81\x85\0\0\0\0Hello";

fn main() -> Result<(), Box<dyn Error>> {
    let counts: Vec<usize> =
        env::args().skip(1).map(|count| count.parse()).collect::<Result<_, _>>()?;
    println!("| connections | resident before | resident after | each |");
    println!("| ---: | ---: | ---: | ---: |");
    for count in if counts.is_empty() { vec![5000, 10_000] } else { counts } {
        measure(count)?;
    }
    Ok(())
}

fn measure(count: usize) -> Result<(), Box<dyn Error>> {
    let (server, address) = start()?;
    // One connection, so that what the first one makes is not counted.
    let first = open(&address)?;
    thread::sleep(Duration::from_millis(500));
    let before = resident(server.0.id())?;
    let clients = (0..count).map(|_| open(&address)).collect::<Result<Vec<_>, _>>()?;
    thread::sleep(Duration::from_secs(2));
    let after = resident(server.0.id())?;
    let each = (after - before) / count as u64;
    println!("| {count} | {} KiB | {} KiB | {each} B |", before / 1024, after / 1024);
    drop((first, clients));
    Ok(())
}

/// A server that ends with its measurement.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> Result<(Server, String), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no parent")?;
    let program = root.join("target/release/examples/echo_server");
    let mut child = Command::new(program)
        .args(["--adapter", "smol", "--listen", "127.0.0.1:0"])
        .args(["--max-connections", "100000"])
        .env("SMOL_THREADS", "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("no standard output")?;
    let server = Server(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ").ok_or("it does not listen")?;
    Ok((server, address.to_owned()))
}

fn open(address: &str) -> Result<TcpStream, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    stream.write_all(HELLO)?;
    let mut echo = [0; 7];
    stream.read_exact(&mut echo)?;
    if &echo != b"\x81\x05Hello" {
        return Err("not the echo".into());
    }
    Ok(stream)
}

/// The bytes of a process that lie in memory.
fn resident(process: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no value")?.parse()?;
    Ok(kib * 1024)
}
