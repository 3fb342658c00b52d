//! A headless Chromium, driven by its DevTools protocol, which runs over WebSocket: over our own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bluewire::{Config, ConnectOptions, Message, blocking};
use serde_json::{Value, json};

use crate::peer::{Peer, TIMEOUT, skip};

pub(crate) struct Browser {
    peer: Peer,
    profile: PathBuf,
    devtools: blocking::WebSocket,
    calls: u64,
    /// Its own output, such as errors for the console.
    log: Vec<String>,
}

/// A page that is open.
pub(crate) struct Page(Value);

impl Browser {
    /// Starts one with a new profile; `None` if none is installed and that may be.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let Some(program) = find() else {
            skip("Chromium");
            return None;
        };
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("chromium-{}-{number}", std::process::id()));
        let child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-dev-shm-usage"])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Chromium starts");
        let mut peer = Peer(child);
        let stderr = BufReader::new(peer.0.stderr.take().expect("it is piped"));
        let (urls, url) = mpsc::channel();
        thread::spawn(move || {
            // To the end, or it would stop for a full pipe.
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("DevTools listening on ") {
                    let _ = urls.send(url.to_owned());
                }
            }
        });
        let url = url.recv_timeout(TIMEOUT).expect("Chromium tells its DevTools URL");
        let config = Config::default().idle_timeout(TIMEOUT).keepalive(None);
        let devtools =
            blocking::connect(ConnectOptions::new(url).config(config)).expect("DevTools");
        Some(Self { peer, profile, devtools, calls: 0, log: Vec::new() })
    }

    pub(crate) fn open(&mut self, url: &str) -> Page {
        let target = self.call("Target.createTarget", &json!({ "url": url }), None);
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &attach, None);
        let page = Page(attached["sessionId"].clone());
        self.call("Log.enable", &json!({}), Some(&page));
        page
    }

    /// The lines that a page shows, once the last one is "done".
    pub(crate) fn lines(&mut self, page: &Page) -> Vec<String> {
        let expression =
            "[...document.querySelectorAll('#log li')].map((item) => item.innerText).join('\\n')";
        let evaluate = json!({ "expression": expression });
        let started = Instant::now();
        loop {
            let result = self.call("Runtime.evaluate", &evaluate, Some(page));
            let text = result["result"]["value"].as_str().unwrap_or_default().to_owned();
            if let Some(lines) = text.strip_suffix("\ndone") {
                return lines.lines().map(str::to_owned).collect();
            }
            assert!(started.elapsed() < TIMEOUT, "the page shows {text:?}, {:?}", self.log);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Evaluates this in a page until it is true.
    pub(crate) fn wait_until(&mut self, page: &Page, expression: &str) {
        let evaluate = json!({ "expression": expression });
        let started = Instant::now();
        while self.call("Runtime.evaluate", &evaluate, Some(page))["result"]["value"] != true {
            assert!(started.elapsed() < TIMEOUT, "never: {expression}, {:?}", self.log);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the console of a page shows this.
    pub(crate) fn has_logged(&self, part: &str) -> bool {
        self.log.iter().any(|entry| entry.contains(part))
    }

    fn call(&mut self, method: &str, params: &Value, page: Option<&Page>) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(Page(session)) = page {
            call["sessionId"] = session.clone();
        }
        self.devtools.send(call.to_string().as_str()).expect("DevTools takes calls");
        loop {
            let message = self.devtools.recv().expect("DevTools goes on").expect("an answer");
            let Message::Text(text) = message else { panic!("DevTools speaks JSON") };
            let said: Value = serde_json::from_str(text).expect("DevTools speaks JSON");
            if said["method"] == "Log.entryAdded" {
                self.log.push(said["params"]["entry"]["text"].to_string());
            }
            if said["id"] == self.calls {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // In order, so that its own children end too; else it is killed.
        let close = json!({ "id": 0, "method": "Browser.close" });
        let _ = self.devtools.send(close.to_string().as_str());
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5)
            && matches!(self.peer.0.try_wait(), Ok(None))
        {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.peer.0.kill();
        let _ = self.peer.0.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|program| program.is_file())
}
