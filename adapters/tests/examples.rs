//! The examples that other programs drive do as their usage says, on all adapters.
#![cfg(all(feature = "blocking", feature = "smol"))]

#[path = "common/watchdog.rs"]
mod watchdog;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bluewire::blocking::{self, AcceptOptions, WebSocket};
use bluewire::{CloseCode, Error, Message};
use serde_json::{Value, json};

const ADAPTERS: &[&str] = &[
    "blocking",
    "smol",
    #[cfg(feature = "tokio")]
    "tokio",
];
const TIMEOUT: Duration = Duration::from_secs(60);

#[test]
fn connect_sends_prints_and_closes() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let url = serve(echo);
        let args = ["--protocol", "echo", "--send", "\"q\"\\\n\u{1}é", "--send-hex", "00fF"];
        let run = Run::start("connect", adapter, &[&[&*url], &args[..]].concat());
        let (events, success) = run.finish();
        assert_eq!(
            events,
            [
                json!({ "event": "open", "protocol": "echo" }),
                json!({ "event": "message", "type": "text", "data": "\"q\"\\\n\u{1}é" }),
                json!({ "event": "message", "type": "binary", "data": "00ff" }),
                json!({ "event": "close", "code": 1000, "reason": "", "wasClean": true }),
            ]
        );
        assert!(success);
    }
}

#[test]
fn connect_sends_lines_and_closes_on_command() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let url = serve(echo);
        let mut run = Run::start("connect", adapter, &[&url]);
        let mut stdin = run.0.stdin.take().expect("it is piped");
        stdin.write_all("first\nsecond\n".as_bytes()).expect("it reads");
        drop(stdin);
        let (events, success) = run.finish();
        let messages: Vec<_> = events.iter().filter_map(|event| event["data"].as_str()).collect();
        assert_eq!(messages, ["first", "second"]);
        assert!(success);

        let (events, success) =
            Run::start("connect", adapter, &[&url, "--close", "4000", "bye"]).finish();
        let close = json!({ "event": "close", "code": 4000, "reason": "bye", "wasClean": true });
        assert_eq!(events[1..], [close]);
        assert!(success);
    }
}

/// The page runs nothing but its own script, and no other page frames it.
#[test]
fn the_page_of_the_chat_says_what_browsers_may_do_with_it() {
    use std::io::Read as _;

    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let args = ["--adapter", adapter, "--listen", "127.0.0.1:0"];
        let mut chat = Run(command("chat").args(args).spawn().expect("it starts"));
        let mut line = String::new();
        let stdout = chat.0.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it speaks");
        let address = line.trim().strip_prefix("listening on ").expect("it listens").to_owned();
        for (path, kind) in [("/", "html"), ("/page.js", "javascript"), ("/page.css", "css")] {
            let mut stream = TcpStream::connect(&address).expect("it listens");
            stream.set_read_timeout(Some(TIMEOUT)).expect("it is a socket");
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            let (head, body) = answer.split_once("\r\n\r\n").expect("there is a body");
            for header in [
                &*format!("Content-Type: text/{kind}; charset=utf-8"),
                "Content-Security-Policy: default-src 'none'; script-src 'self'; ",
                "frame-ancestors 'none'",
                "X-Content-Type-Options: nosniff",
                "X-Frame-Options: DENY",
            ] {
                assert!(head.contains(header), "{path}: {header} in {head}");
            }
            // The page has nothing that the policy forbids.
            assert!(!body.contains("<style") && !body.contains("<script>"), "{path}");
        }
        chat.0.kill().expect("it runs");
        chat.0.wait().expect("it is our child");
    }
}

#[test]
fn connect_echoes() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let (echoed, echoes) = mpsc::channel();
        let url = serve(move |mut socket| {
            for part in [&b"\0\xff"[..], b""] {
                socket.send(part)?;
                let _ = echoed.send(socket.recv()? == Some(Message::Binary(part)));
            }
            socket.close(CloseCode::NORMAL, "enough").map(drop)
        });
        let (events, success) = Run::start("connect", adapter, &[&url, "--echo"]).finish();
        assert!(echoes.iter().take(2).all(|echoed| echoed));
        let close = json!({ "event": "close", "code": 1000, "reason": "enough", "wasClean": true });
        assert_eq!(events.last(), Some(&close));
        assert!(success);
    }
}

#[test]
fn connect_connects_again_with_the_option() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let restarts = Arc::new(AtomicBool::new(true));
        let url = serve(move |mut socket| {
            let code = match restarts.swap(false, Ordering::SeqCst) {
                true => CloseCode::SERVICE_RESTART,
                false => CloseCode::NORMAL,
            };
            socket.close(code, "").map(drop)
        });
        let args = [&*url, "--echo", "--reconnect"];
        let (events, success) = Run::start("connect", adapter, &args).finish();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str()).collect();
        assert_eq!(names, ["open", "reconnect", "open", "close"].map(Some));
        assert_eq!((&events[1]["retry"], &events[1]["code"]), (&json!(1), &json!(1012)));
        assert!(success);
    }
}

#[test]
fn connect_gives_up_on_silence() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let url = serve(|_socket| {
            thread::sleep(TIMEOUT);
            Ok(())
        });
        let args = [&*url, "--echo", "--read-timeout", "0.2", "--close-timeout", "0.2"];
        let (events, success) = Run::start("connect", adapter, &args).finish();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str()).collect();
        assert_eq!(names, [Some("open"), Some("error"), Some("close")]);
        assert!(!success);
    }
}

#[test]
fn connect_takes_messages_up_to_the_limit() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let url = serve(echo);
        let run = |limit| {
            Run::start("connect", adapter, &[&url, "--max-message", limit, "--send", "five!"])
                .finish()
        };
        assert!(run("5").1);
        let (events, success) = run("4");
        assert_eq!(events[1]["event"], "error");
        assert!(!success);
    }
}

#[cfg(feature = "deflate")]
#[test]
fn connect_offers_compression_with_the_option() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let url = serve(|mut socket| {
            let agreed = if socket.deflate().is_some() { "compressed" } else { "plain" };
            socket.send(agreed.repeat(100).as_str())?;
            socket.close(CloseCode::NORMAL, "").map(drop)
        });
        for (args, told) in [(&[&*url, "--deflate"][..], "compressed"), (&[&*url], "plain")] {
            let (events, success) = Run::start("connect", adapter, args).finish();
            let told = told.repeat(100);
            assert!(events.iter().any(|event| event["data"] == told), "{adapter}: {events:?}");
            assert!(success);
        }
    }
}

#[cfg(feature = "_tls")]
#[test]
fn connect_and_echo_server_speak_tls() {
    let _bound = watchdog::bound();
    let key = rcgen::KeyPair::generate().expect("there is a key");
    let mut params = rcgen::CertificateParams::new([]).expect("no name is no bad name");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("it can sign").pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().expect("there is a key");
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("it is a name");
    let chain = params.signed_by(&key, &issuer).expect("it can sign").pem();

    let directory = std::env::temp_dir().join(format!("bluewire-examples-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("it can be made");
    let file = |name: &str, content: &str| {
        let path = directory.join(name);
        std::fs::write(&path, content).expect("it can be written");
        path.to_str().expect("it is UTF-8").to_owned()
    };
    let (root, chain) = (file("root.pem", &root), file("chain.pem", &chain));
    let key = file("key.pem", &key.serialize_pem());
    for &adapter in ADAPTERS {
        let args = ["--listen", "127.0.0.1:0", "--tls", &chain, &key];
        let mut server = Run::start("echo_server", adapter, &args);
        let mut line = String::new();
        let stdout = server.0.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let port = line.trim().rsplit(':').next().expect("it has a port");
        let url = format!("wss://localhost:{port}/");
        let trusting = Run::start("connect", adapter, &[&url, "--ca", &root, "--send", "over TLS"]);
        let (events, success) = trusting.finish();
        assert_eq!(events[1]["data"], "over TLS", "{events:?}");
        assert!(success);
        let (events, success) = Run::start("connect", adapter, &[&url, "--send", "no"]).finish();
        assert_eq!(events[0]["event"], "error", "{events:?}");
        assert!(!success);
        server.0.kill().expect("it runs");
        server.0.wait().expect("it is our child");
    }
    std::fs::remove_dir_all(&directory).expect("it is there");
}

#[test]
fn connect_goes_through_a_proxy() {
    let _bound = watchdog::bound();
    let (proxy, asked) = proxy();
    for &adapter in ADAPTERS {
        let url = serve(echo);
        let authority = url.strip_prefix("ws://").expect("it is without TLS");
        let expected = format!("CONNECT {authority} HTTP/1.1\r\n");
        let by_option = ["--proxy", &format!("http://{proxy}"), "--close", "1000", ""];
        let by_environment = ["--proxy-env", "--close", "1000", ""];
        for (args, variable, is_asked) in [
            (&by_option[..], None, true),
            (&by_environment, Some(("http_proxy", &*proxy)), true),
            (&by_environment, Some(("ALL_PROXY", &proxy)), true),
            (&by_environment, Some(("https_proxy", &proxy)), false),
            (&by_environment, None, false),
            (&by_option[2..], Some(("http_proxy", &proxy)), false),
        ] {
            let args = [&[&*url], args].concat();
            let (events, success) = Run::start_in(variable, "connect", adapter, &args).finish();
            assert!(success, "{events:?}");
            assert_eq!(asked.try_recv().ok(), is_asked.then(|| expected.clone()), "{args:?}");
        }

        let wrong = Some(("http_proxy", "https://me:secret@proxy"));
        let run = Run::start_in(wrong, "connect", adapter, &[&url, "--proxy-env"]);
        let (events, success) = run.finish();
        let error = "TLS to the proxy is not supported; its scheme must be http, socks5 or socks5h";
        assert_eq!(events, [json!({ "event": "error", "data": error })]);
        assert!(!success);
    }
}

#[test]
fn connect_follows_redirects_with_the_option() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let (there, listener) = (serve(echo), TcpListener::bind("127.0.0.1:0").expect("a port"));
        let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
        thread::spawn(move || {
            for client in listener.incoming() {
                let mut client = BufReader::new(client.expect("a client connects"));
                let mut line = String::new();
                while client.read_line(&mut line).is_ok_and(|len| len > 2) {
                    line.clear();
                }
                let answer = format!("302 Found\r\nLocation: {there}\r\nContent-Length: 0");
                // Whose client has gone again is no matter.
                let _ = write!(client.get_mut(), "HTTP/1.1 {answer}\r\n\r\n");
            }
        });
        for (redirects, followed) in [("0", false), ("1", true)] {
            let args = [&*url, "--redirects", redirects, "--close", "1000", ""];
            let (events, success) = Run::start("connect", adapter, &args).finish();
            assert_eq!(success, followed, "{events:?}");
            assert_eq!(events[0]["event"] == "open", followed, "{events:?}");
        }
    }
}

/// A proxy by CONNECT, and the first lines that it gets.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, tell) = (client.expect("a client connects"), tell.clone());
            // Whose client has gone again is no matter.
            thread::spawn(move || drop(relay(client, &tell)));
        }
    });
    (address, told)
}

fn relay(mut client: TcpStream, tell: &mpsc::Sender<String>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().expect("there is a line")?;
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let to = first.split(' ').nth(1).expect("it names a server");
    let mut server = TcpStream::connect(to)?;
    let _ = tell.send(format!("{first}\r\n"));
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut back) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Write);
    });
    std::io::copy(&mut server, &mut client)?;
    client.shutdown(std::net::Shutdown::Write)
}

#[test]
fn connect_refuses_what_it_cannot_do() {
    let _bound = watchdog::bound();
    for option in ["--ca", "--proxy", "--unheard-of"] {
        let run = Run::start("connect", "smol", &["ws://127.0.0.1:1/", option]);
        let Output { status, stderr, .. } = run.0.wait_with_output().expect("it ends");
        assert_eq!(status.code(), Some(2));
        assert!(String::from_utf8_lossy(&stderr).contains(option));
    }
}

/// The three that the README shows: word by word, and as they run.
#[test]
fn the_readme_shows_examples_that_work() {
    let _bound = watchdog::bound();
    let readme = include_str!("../../README.md");
    for source in [
        include_str!("../examples/client.rs"),
        include_str!("../examples/callbacks.rs"),
        include_str!("../examples/server.rs"),
    ] {
        let code = source.split_once("\n\n").expect("a line about it comes first").1;
        assert!(readme.contains(&format!("```rust,no_run\n{code}```")), "{code}");
    }

    echoes("server", "client", "callbacks");
}

/// The same three on tokio.
#[cfg(feature = "tokio")]
#[test]
fn the_examples_on_tokio_do_what_those_of_the_readme_do() {
    let _bound = watchdog::bound();
    echoes("tokio_server", "tokio_client", "tokio_callbacks");
}

fn echoes(server: &str, client: &str, callbacks: &str) {
    let mut server = command(server).arg("127.0.0.1:0").spawn().expect("it starts");
    let mut line = String::new();
    let stdout = server.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let address = line.trim().strip_prefix("listening on ").expect("it listens");
    for (example, printed) in
        [(client, "Text(\"Hello\")\n"), (callbacks, "Text(\"Hello\")\nclosed with 1000\n")]
    {
        let run = command(example).arg(format!("ws://{address}/")).output().expect("it runs");
        assert_eq!((&*String::from_utf8_lossy(&run.stdout), run.status.success()), (printed, true));
    }
    server.kill().expect("it runs");
    server.wait().expect("it is our child");
}

#[test]
fn autobahn_client_runs_every_case() {
    let _bound = watchdog::bound();
    for &adapter in ADAPTERS {
        let (targets, asked) = mpsc::channel();
        let url = serve(move |mut socket| {
            let target = socket.take_request().expect("a server's").target().to_owned();
            let case = target.contains("/runCase");
            let _ = targets.send(target.clone());
            if target.contains("/getCaseCount") {
                socket.send("3")?;
            } else if target.contains("case=2") {
                // As in a case where the server breaks a rule, and the client goes away.
                return Ok(());
            } else if case {
                socket.send("echo this")?;
                assert_eq!(socket.recv()?, Some(Message::Text("echo this")));
            }
            socket.close(CloseCode::NORMAL, "").map(drop)
        });
        let args = ["--url", &url, "--agent", "tested"];
        let run = Run::start("autobahn_client", adapter, &args);
        let output = run.0.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected = [
            "/getCaseCount",
            "/runCase?case=1&agent=tested",
            "/runCase?case=2&agent=tested",
            "/runCase?case=3&agent=tested",
            "/updateReports?agent=tested",
        ];
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn frames_prints_a_capture() {
    let _bound = watchdog::bound();
    let path = std::env::temp_dir().join(format!("bluewire-frames-{}", std::process::id()));
    let run = |args: &[&str]| {
        let output = command("frames").arg(&path).args(args).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("it is text");
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    std::fs::write(&path, "bluewire-capture 1 server\n0.5 > 8105 48656c6c6f\n").expect("a file");
    let frame = "0.500000000 > text fin 5 bytes";
    assert_eq!(run(&[]), (true, format!("{frame} \"Hello\"\n"), String::new()));
    assert_eq!(run(&["--no-payload"]), (true, format!("{frame}\n"), String::new()));
    std::fs::write(&path, "bluewire-capture 1 server\n0.5 >\n").expect("a file");
    let (success, _, error) = run(&[]);
    assert!(!success && error.contains("at line 2"), "{error}");
    std::fs::remove_file(&path).expect("it is there");
}

/// An example, of whose three streams each is a pipe.
fn command(example: &str) -> Command {
    let tests = std::env::current_exe().expect("it has a path");
    let directory = tests.parent().and_then(|path| path.parent()).expect("target/PROFILE/deps");
    let program = format!("{example}{}", std::env::consts::EXE_SUFFIX);
    let program = directory.join("examples").join(program);
    assert!(program.exists(), "build it first: cargo build --example {example}");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An example that runs.
struct Run(Child);

impl Run {
    fn start(example: &str, adapter: &str, args: &[&str]) -> Self {
        Self::start_in(None, example, adapter, args)
    }

    /// With this variable in the environment, and no other that names proxies.
    fn start_in(
        variable: Option<(&str, &str)>,
        example: &str,
        adapter: &str,
        args: &[&str],
    ) -> Self {
        let mut command = command(example);
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        let command = command.envs(variable).args(["--adapter", adapter]).args(args);
        Self(command.spawn().expect("it starts"))
    }

    /// The events it printed, and whether it was satisfied.
    fn finish(mut self) -> (Vec<Value>, bool) {
        let stdout = BufReader::new(self.0.stdout.take().expect("it is piped"));
        let (done, wait) = mpsc::channel();
        thread::spawn(move || {
            let lines = stdout.lines().map(|line| line.expect("it is UTF-8"));
            let events = lines.map(|line| serde_json::from_str(&line).expect("it is JSON"));
            let _ = done.send(events.collect());
        });
        let events = wait.recv_timeout(TIMEOUT);
        if events.is_err() {
            let _ = self.0.kill();
        }
        let status = self.0.wait().expect("it is our child");
        (events.expect("it ends in time"), status.success())
    }
}

/// Serves any number of connections, each on a thread of its own; the URL without a path.
fn serve(
    server: impl Fn(WebSocket<TcpStream>) -> Result<(), Error> + Clone + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, server) = (stream.expect("a client connects"), server.clone());
            thread::spawn(move || {
                let options = AcceptOptions::default().protocol("echo");
                #[cfg(feature = "deflate")]
                let options = options.deflate(bluewire::Deflate::default());
                let socket = blocking::accept_with(stream, options).expect("a handshake");
                // Some clients are there to go away.
                let _ = server(socket);
            });
        }
    });
    url
}

fn echo(mut socket: WebSocket<TcpStream>) -> Result<(), Error> {
    while let Some((message, mut sender)) = socket.recv_with_sender()? {
        sender.send(message)?;
    }
    Ok(())
}
