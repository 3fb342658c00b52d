//! A group with a crowd of members, some of whom never read, while others join and leave all the
//! time: whether the rest gets every message, byte for byte, and what that costs.
//!
//! ```text
//! crowd [--server blocking|smol|tokio] [--members N] [--idle N] [--churn N] [--rate N]
//!       [--bytes N] [--seconds N]
//! ```
//!
//! By default 10,000 members on tokio, 100 that never read, 100 that come and go, 1,000 messages a
//! second of 512 bytes for a minute. The clients are a process of their own. If the machine cannot
//! deliver as many, the publisher waits for the members that read, and the program says how many it
//! was. It fails if a member gets anything but all messages in order, if the memory exceeds what the
//! documentation of groups says, or if entries or sockets are left at the end.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use bluewire::group::{Group, GroupOptions, MemberKey, SlowMember};
use bluewire::{AcceptOptions, Config, ServerOptions, blocking};
use mio::{Events, Interest, Poll, Token};

const USAGE: &str = "usage: crowd [--server blocking|smol|tokio] [--members N] [--idle N] \
    [--churn N] [--rate N] [--bytes N] [--seconds N]";
/// A wait that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// The numbers in the documentation of groups: for each member, and for each that is behind.
const MEMBER: usize = 512;
const BEHIND: usize = 64 * 1024 + 12 * 1024 * 2;
const BYTES_MAX: usize = 1024 * 1024;

type Failure = Box<dyn Error>;

#[derive(Clone, Debug)]
struct Plan {
    server: String,
    members: usize,
    idle: usize,
    churn: usize,
    rate: u64,
    bytes: usize,
    seconds: u64,
}

fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let mut plan = Plan {
        server: "tokio".to_owned(),
        members: 10_000,
        idle: 100,
        churn: 100,
        rate: 1_000,
        bytes: 512,
        seconds: 60,
    };
    let mut clients = None;
    while let Some(arg) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match arg.as_str() {
            "--server" => plan.server = value,
            "--members" => plan.members = value.parse()?,
            "--idle" => plan.idle = value.parse()?,
            "--churn" => plan.churn = value.parse()?,
            "--rate" => plan.rate = value.parse()?,
            "--bytes" => plan.bytes = value.parse::<usize>()?.clamp(126, 65_535),
            "--seconds" => plan.seconds = value.parse()?,
            "--clients-of" => clients = Some(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    match clients {
        Some(server) => be_clients(server, &plan),
        None => serve(&plan),
    }
}

// The server.

fn serve(plan: &Plan) -> Result<(), Failure> {
    let group = Group::with(GroupOptions::default().slow(SlowMember::Skip).bytes_max(BYTES_MAX));
    let address = start(&plan.server, &group)?;
    let before = memory()?;
    let mut clients = Clients::start(address, plan)?;
    clients.expect("idle")?;
    until("the idle members have joined", || group.len() == plan.idle)?;
    let idle: BTreeSet<_> = group.keys().into_iter().collect();
    clients.say("readers")?;
    clients.expect("readers")?;
    until("all have joined", || group.len() == plan.members)?;
    let readers: Vec<_> = group.keys().into_iter().filter(|key| !idle.contains(key)).collect();
    let joined = memory()?;
    clients.say("churn")?;

    let (start, processor) = (Instant::now(), processor_time()?);
    let (count, peak) = publish(plan, &group, &readers)?;
    let took = start.elapsed();
    clients.say(&format!("count {count}"))?;
    clients.expect("all came")?;
    let processor = processor_time()? - processor;
    let deliveries = count * readers.len() as u64;
    println!(
        "{count} messages in {took:.1?} to {} readers: {:.0} messages and {:.0} deliveries a second",
        readers.len(),
        count as f64 / took.as_secs_f64(),
        deliveries as f64 / took.as_secs_f64(),
    );
    println!(
        "processor time of the server: {:.0} ns for a delivery",
        processor.as_nanos() as f64 / deliveries as f64
    );
    let missed: u64 = readers.iter().filter_map(|key| group.stats(*key)).map(|it| it.skipped).sum();
    let skipped: u64 = idle.iter().filter_map(|key| group.stats(*key)).map(|it| it.skipped).sum();
    println!("skipped: {skipped} for the {} idle members, {missed} for readers", idle.len());
    let bound = plan.members * MEMBER + plan.idle * (BEHIND + plan.bytes) + BYTES_MAX;
    let grown = peak.saturating_sub(joined);
    println!(
        "memory: {} MB before, {} MB with all members, at most {} MB more while publishing; \
         the bound is {} MB",
        before / 1_000_000,
        (joined - before) / 1_000_000,
        grown / 1_000_000,
        bound / 1_000_000,
    );
    clients.say("end")?;
    clients.end()?;
    until("all have left", || group.is_empty())?;
    until("all sockets are closed", || sockets(address).is_ok_and(|sockets| sockets == 0))?;
    println!("left: {} entries, {} sockets", group.len(), sockets(address)?);
    // The allocator keeps some of what was freed.
    if missed > 0 || grown > 2 * bound {
        return Err("a reader has missed messages, or the memory exceeds the bound".into());
    }
    Ok(())
}

/// Publishes at the rate, or as fast as the readers take it. How many messages, and the most memory
/// that was seen.
fn publish(plan: &Plan, group: &Group, readers: &[MemberKey]) -> Result<(u64, usize), Failure> {
    let start = Instant::now();
    let end = start + Duration::from_secs(plan.seconds);
    let (mut number, mut peak) = (0_u64, 0);
    while Instant::now() < end && number < plan.rate * plan.seconds {
        group.publish(&payload(number, plan.bytes));
        number += 1;
        if number.is_multiple_of(64) {
            peak = peak.max(memory()?);
            // A reader that is behind by a quarter of its bounds makes the publisher wait.
            let behind = |key: &MemberKey| {
                group
                    .stats(*key)
                    .is_some_and(|it| it.waiting > 256 || it.waiting_bytes > BYTES_MAX / 4)
            };
            until("the readers catch up", || !readers.iter().any(behind))?;
        }
        let due =
            start + Duration::from_secs(1) * u32::try_from(number)? / u32::try_from(plan.rate)?;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok((number, peak))
}

fn options() -> ServerOptions {
    let config = Config::default().keepalive(None);
    let accept = AcceptOptions::default().config(config);
    ServerOptions::default().accept(accept).connections_max(100_000)
}

/// Members that never read are kept for longer than this lasts.
fn flow() -> bluewire::Flow {
    bluewire::Flow::default().write_timeout(Duration::from_secs(3_600))
}

fn start(server: &str, group: &Group) -> Result<SocketAddr, Failure> {
    let group = group.clone();
    match server {
        "blocking" => {
            let server = blocking::Server::bind_with("127.0.0.1:0", options())?;
            let address = server.local_addr();
            thread::spawn(move || {
                server.serve(move |mut socket| {
                    socket.set_flow(flow());
                    if group.join(&mut socket).is_ok() {
                        while let Ok(Some(_)) = socket.recv() {}
                    }
                })
            });
            Ok(address)
        }
        "smol" => {
            let server =
                smol::block_on(bluewire::smol::Server::bind_with("127.0.0.1:0", options()))?;
            let address = server.local_addr();
            thread::spawn(move || {
                smol::block_on(server.serve(move |mut socket: bluewire::smol::WebSocket| {
                    let group = group.clone();
                    async move {
                        socket.set_flow(flow());
                        let (mut reader, writer) = socket.split();
                        if group.join(&writer).is_ok() {
                            while let Ok(Some(_)) = reader.recv().await {}
                        }
                    }
                }))
            });
            Ok(address)
        }
        "tokio" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let bound = bluewire::tokio::Server::bind_with("127.0.0.1:0", options());
            let server = runtime.block_on(bound)?;
            let address = server.local_addr();
            thread::spawn(move || {
                runtime.block_on(server.serve(move |mut socket: bluewire::tokio::WebSocket| {
                    let group = group.clone();
                    async move {
                        socket.set_flow(flow());
                        let (mut reader, writer) = socket.split();
                        if group.join(&writer).is_ok() {
                            while let Ok(Some(_)) = reader.recv().await {}
                        }
                    }
                }))
            });
            Ok(address)
        }
        _ => Err(USAGE.into()),
    }
}

/// The memory of this process that is in use.
fn memory() -> Result<usize, Failure> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("there is no such file")?.parse()?;
    Ok(pages * 4096)
}

fn processor_time() -> Result<Duration, Failure> {
    let mut nanos = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        // A thread may have ended meanwhile.
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0_u64);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The sockets of the server's connections that it has not closed.
fn sockets(server: SocketAddr) -> io::Result<usize> {
    let port = format!(":{:04X}", server.port());
    let table = fs::read_to_string("/proc/net/tcp")?;
    let open = table.lines().skip(1).filter(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().unwrap_or_default();
        local.ends_with(&port) && matches!(fields.nth(1), Some("01" | "08"))
    });
    Ok(open.count())
}

fn until(what: &str, condition: impl Fn() -> bool) -> Result<(), Failure> {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return Err(format!("waited for too long: {what}").into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The process of the clients.
struct Clients {
    process: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Clients {
    fn start(address: SocketAddr, plan: &Plan) -> Result<Self, Failure> {
        let number = |number: usize| number.to_string();
        let mut process = Command::new(env::current_exe()?)
            .args(["--clients-of", &address.to_string(), "--members", &number(plan.members)])
            .args(["--idle", &number(plan.idle), "--churn", &number(plan.churn)])
            .args(["--bytes", &number(plan.bytes)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = BufReader::new(process.stdout.take().ok_or("it is piped")?);
        Ok(Self { process, said })
    }

    fn say(&mut self, line: &str) -> Result<(), Failure> {
        Ok(writeln!(self.process.stdin.as_mut().ok_or("it is piped")?, "{line}")?)
    }

    fn expect(&mut self, expected: &str) -> Result<(), Failure> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        match line.trim() == expected {
            true => Ok(()),
            false => Err(format!("the clients say {line:?}").into()),
        }
    }

    fn end(mut self) -> Result<(), Failure> {
        match self.process.wait()?.success() {
            true => Ok(()),
            false => Err("the clients have failed".into()),
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

// The clients.

fn be_clients(server: SocketAddr, plan: &Plan) -> Result<(), Failure> {
    let next = || {
        let mut line = String::new();
        match io::stdin().read_line(&mut line)? {
            0 => Err(Failure::from("the server is gone")),
            _ => Ok(line.trim().to_owned()),
        }
    };
    let idle = (0..plan.idle).map(|_| open(server)).collect::<Result<Vec<_>, _>>()?;
    println!("idle");
    next()?;
    let mut readers = Vec::new();
    let poll = Poll::new()?;
    for token in 0..plan.members - plan.idle {
        let stream = open(server)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(token), Interest::READABLE)?;
        readers.push(Reader { stream, place: 0 });
    }
    println!("readers");
    next()?;
    let churn = plan.churn;
    thread::spawn(move || come_and_go(server, churn));
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        while let Ok(line) = next() {
            let _ = tell.send(line);
        }
    });
    read_all(poll, &mut readers, plan.bytes, &told)?;
    println!("all came");
    told.recv_timeout(PATIENCE)?;
    drop(idle);
    Ok(())
}

struct Reader {
    stream: mio::net::TcpStream,
    /// The received bytes.
    place: u64,
}

/// Reads until every reader has as many messages as the server says in the end.
fn read_all(
    mut poll: Poll,
    readers: &mut [Reader],
    bytes: usize,
    told: &std::sync::mpsc::Receiver<String>,
) -> Result<(), Failure> {
    let frame_len = bytes as u64 + 4;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 256 * 1024];
    let (mut expected, mut last) = (None, Instant::now());
    loop {
        if let Ok(line) = told.try_recv() {
            let count = line.strip_prefix("count ").ok_or("it should be a count")?;
            expected = Some(count.parse::<u64>()? * frame_len);
        }
        if expected.is_some_and(|expected| readers.iter().all(|it| it.place == expected)) {
            return Ok(());
        }
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        if !events.is_empty() {
            last = Instant::now();
        } else if expected.is_some() && last.elapsed() > PATIENCE {
            return Err("messages are missing".into());
        }
        for event in &events {
            let reader = &mut readers[event.token().0];
            loop {
                match reader.stream.read(&mut buffer) {
                    Ok(0) => return Err("a reader's connection has ended".into()),
                    Ok(len) => reader.check(&buffer[..len], bytes)?,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

impl Reader {
    /// Compares what came with what must come there, byte for byte.
    fn check(&mut self, mut came: &[u8], bytes: usize) -> Result<(), Failure> {
        let frame_len = bytes as u64 + 4;
        while !came.is_empty() {
            let number = self.place / frame_len;
            let at = usize::try_from(self.place % frame_len)?;
            let frame = frame(number, bytes);
            let len = came.len().min(frame.len() - at);
            if came[..len] != frame[at..at + len] {
                return Err(format!("message {number} is not what was published").into());
            }
            came = &came[len..];
            self.place += len as u64;
        }
        Ok(())
    }
}

/// So many clients at a time join and leave at once.
fn come_and_go(server: SocketAddr, at_a_time: usize) {
    let mut there = std::collections::VecDeque::new();
    while let Ok(stream) = open(server) {
        there.push_back(stream);
        if there.len() > at_a_time {
            there.pop_front();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A client that has done its opening handshake.
fn open(server: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )?;
    // Byte by byte, so that no frame is taken.
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 101") {
        true => Ok(stream),
        false => Err(io::Error::other("the server refuses")),
    }
}

// Helpers of both processes.

fn payload(number: u64, bytes: usize) -> Vec<u8> {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(bytes, number.to_le_bytes()[0]);
    payload
}

fn frame(number: u64, bytes: usize) -> Vec<u8> {
    let mut frame = vec![0x82, 126];
    frame.extend(u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend(payload(number, bytes));
    frame
}
