//! What a hostile or broken client does to a server: peak memory, and how long `/healthz` takes meanwhile.
//!
//! `cargo run --release -p redraft-bench -- attack --executable PATH` runs against any `redraft`, an older one as well, so
//! that two builds can be compared in the same minutes. Each attack gets a server of its own. Everything is sent over
//! loopback and is bounded in bytes and time. Linux only.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

/// How long one question to `/healthz` waits before it counts as unanswered.
const HEALTH_WAIT: Duration = Duration::from_secs(30);

/// Between two questions to `/healthz`.
const HEALTH_PAUSE: Duration = Duration::from_millis(20);

/// How long attackers that only hold something hold it.
const HOLD: Duration = Duration::from_secs(10);

/// What to attack, and how.
#[derive(Args)]
pub struct Attack {
    /// The `redraft` to attack.
    #[arg(long, default_value = "target/release/redraft")]
    executable: PathBuf,
    /// Only attacks whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Messages of about 100 KB that are posted before histories are read.
    #[arg(long, default_value_t = 999)]
    messages: usize,
}

/// One attack: its name, a shell's words before the server is started, and what it does.
struct Kind {
    name: &'static str,
    before: &'static str,
    run: fn(&Attack, &Target) -> Result<String, Failure>,
}

const KINDS: &[Kind] = &[
    Kind { name: "eight big histories", before: "", run: histories },
    Kind { name: "eight histories, unread", before: "", run: unread_histories },
    Kind { name: "1,000 half requests", before: "", run: half_requests },
    Kind { name: "200 announced uploads", before: "", run: uploads },
    Kind { name: "ten ping floods, unread", before: "", run: ping_floods },
    Kind { name: "240 idle, 256 files", before: "ulimit -n 256; ", run: idle },
];

impl Attack {
    pub fn run(self) -> Result<(), Failure> {
        say(
            "| attack | peak memory | /healthz p50 | max | asked, unanswered | CPU | stops in | what happened |",
        );
        say("|---|---|---|---|---|---|---|---|");
        for kind in KINDS {
            if self.only.as_ref().is_none_or(|only| kind.name.contains(only.as_str())) {
                say(&self.row(kind)?);
            }
        }
        Ok(())
    }

    fn row(&self, kind: &Kind) -> Result<String, Failure> {
        let target = Target::start(&self.executable, kind.before)?;
        let happened = (kind.run)(self, &target)?;
        let health = target.health();
        let (peak, cpu) = (target.peak_mib(), target.cpu_seconds());
        let stopped = target.stop()?;
        Ok(format!(
            "| {} | {peak} MiB | {:.1} ms | {:.1} ms | {}, {} | {cpu:.1} s | {stopped:.1} s | {happened} |",
            kind.name,
            health.median_ms(),
            health.max_ms(),
            health.times.len() + health.unanswered,
            health.unanswered,
        ))
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Eight readers each ask for as much history as a page may have, and read it.
fn histories(attack: &Attack, target: &Target) -> Result<String, Failure> {
    target.fill(attack.messages)?;
    target.watch();
    let begin = Instant::now();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let address = target.address.clone();
            thread::spawn(move || get_history(&address).and_then(read_answer))
        })
        .collect();
    let (mut rows, mut bytes) = (0, 0);
    for reader in readers {
        let answer = reader.join().map_err(|_| "a reader panicked")??;
        bytes += answer.body.len();
        let page: Value = serde_json::from_slice(&answer.body)?;
        rows += page["messages"].as_array().map_or(0, Vec::len);
    }
    let took = begin.elapsed().as_secs_f64();
    Ok(format!("{rows} messages, {} MiB in {took:.1} s", bytes >> 20))
}

/// Eight ask and read nothing of the answer, and ask on connections of their own again.
fn unread_histories(attack: &Attack, target: &Target) -> Result<String, Failure> {
    target.fill(attack.messages)?;
    target.watch();
    let mut held = Vec::new();
    for _ in 0..3 {
        for _ in 0..8 {
            held.push(get_history(&target.address)?);
        }
        thread::sleep(HOLD / 2);
    }
    Ok(format!("{} answers unread, then {} MiB held", held.len(), target.memory_mib("VmRSS")))
}

/// Requests that end in the middle: half of them in the head, half after 256 KiB of a body of 1 MiB.
fn half_requests(_: &Attack, target: &Target) -> Result<String, Failure> {
    target.watch();
    let body = vec![b'x'; 256 << 10];
    let mut held = Vec::new();
    let mut refused = 0;
    for number in 0..1000 {
        let Ok(mut stream) = connect(&target.address) else {
            refused += 1;
            continue;
        };
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        let mut request = b"POST /api/chat.postMessage HTTP/1.1\r\nHost: localhost\r\nContent-Le".to_vec();
        if number % 2 == 0 {
            request.extend_from_slice(b"ngth: 1048576\r\n\r\n");
            request.extend_from_slice(&body);
        }
        refused += usize::from(stream.write_all(&request).is_err());
        held.push(stream);
    }
    thread::sleep(HOLD);
    // The connections are held until the server has been told to stop.
    target.hold(held);
    Ok(format!("{refused} not taken"))
}

/// Uploads of 8 MiB to an address that was never given out, 4 MiB of each are sent.
fn uploads(_: &Attack, target: &Target) -> Result<String, Failure> {
    target.watch();
    let answered = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..200)
        .map(|_| {
            let (address, answered) = (target.address.clone(), Arc::clone(&answered));
            thread::spawn(move || -> Option<TcpStream> {
                let mut stream = connect(&address).ok()?;
                stream.set_write_timeout(Some(HOLD)).ok()?;
                stream.set_read_timeout(Some(HOLD)).ok()?;
                let head = "POST /upload/v1/T01ATTACK/no-such-ticket HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n";
                stream.write_all(head.as_bytes()).ok()?;
                let part = vec![b'x'; 64 << 10];
                let sent = (0..64).all(|_| stream.write_all(&part).is_ok());
                let mut first = [0; 12];
                let heard = stream.read_exact(&mut first).is_ok();
                answered.fetch_add(usize::from(heard || !sent), Ordering::Relaxed);
                Some(stream)
            })
        })
        .collect();
    let held: Vec<TcpStream> =
        senders.into_iter().filter_map(|sender| sender.join().ok().flatten()).collect();
    target.hold(held);
    Ok(format!("{} refused before the end", answered.load(Ordering::Relaxed)))
}

/// Apps in Socket Mode that send pings and read nothing.
fn ping_floods(_: &Attack, target: &Target) -> Result<String, Failure> {
    target.watch();
    let stop = Arc::new(AtomicBool::new(false));
    let floods = (0..10).map(|_| target.socket()).collect::<Result<Vec<_>, _>>()?;
    let sent: Vec<_> = floods
        .into_iter()
        .map(|mut stream| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || -> Option<(usize, TcpStream)> {
                stream.set_write_timeout(Some(Duration::from_secs(1))).ok()?;
                // Masked pings of 125 bytes, under a mask of zeros.
                let ping = [&[0x89, 0x80 | 125, 0, 0, 0, 0][..], &[b'p'; 125]].concat();
                let flood = ping.repeat(512);
                let mut bytes = 0;
                while !stop.load(Ordering::Relaxed) && bytes < 256 << 20 {
                    match stream.write(&flood) {
                        Ok(0) => break,
                        // Where a ping was cut does not matter: the next one completes it as its content.
                        Ok(written) => bytes += written,
                        Err(_) => break,
                    }
                }
                Some((bytes, stream))
            })
        })
        .collect();
    thread::sleep(HOLD);
    stop.store(true, Ordering::Relaxed);
    let floods: Vec<_> = sent.into_iter().filter_map(|flood| flood.join().ok().flatten()).collect();
    let bytes: usize = floods.iter().map(|(bytes, _)| bytes).sum();
    Ok(format!("{} MiB of pings taken", bytes >> 20))
}

/// Connections that say nothing, on a server that may open 256 files.
fn idle(_: &Attack, target: &Target) -> Result<String, Failure> {
    let held: Vec<TcpStream> = (0..240).filter_map(|_| connect(&target.address).ok()).collect();
    target.watch();
    thread::sleep(HOLD);
    let posted = call(
        &target.address,
        "xoxb-attack",
        "chat.postMessage",
        &json!({"channel": "C01ATTACK", "text": "x"}),
    );
    let posted = posted.ok().filter(|answer| answer["ok"] == true).map_or("refused", |_| "accepted");
    let count = held.len();
    target.hold(held);
    Ok(format!("{count} connected; a post is {posted}"))
}

/// A server that is attacked. Killed when dropped.
struct Target {
    child: Child,
    address: String,
    folder: PathBuf,
    watch: std::sync::Mutex<Option<(Arc<AtomicBool>, thread::JoinHandle<Health>)>>,
    held: std::sync::Mutex<Vec<TcpStream>>,
}

/// How `/healthz` was answered.
#[derive(Default)]
struct Health {
    times: Vec<Duration>,
    unanswered: usize,
}

impl Health {
    fn median_ms(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }

    fn max_ms(&self) -> f64 {
        self.times.iter().max().map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

impl Target {
    fn start(executable: &Path, before: &str) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("redraft-attack-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let ready = folder.join("ready.json");
        let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("attack.yaml");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{before}exec \"$0\" \"$@\"")).arg(executable);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--seed"]).arg(seed);
        command.arg("--ready-file").arg(&ready).arg("--data").arg(folder.join("data"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let begin = Instant::now();
        let address = loop {
            let said =
                std::fs::read(&ready).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            if let Some(url) = said.as_ref().and_then(|said| said["url"].as_str()) {
                break url.trim_start_matches("http://").to_owned();
            }
            if Duration::from_secs(20) < begin.elapsed() {
                return Err(format!("{} did not start", executable.display()).into());
            }
            thread::sleep(Duration::from_millis(10));
        };
        Ok(Self { child, address, folder, watch: Default::default(), held: Default::default() })
    }

    /// Begins to ask for `/healthz`, on a new connection each time.
    fn watch(&self) {
        let stop = Arc::new(AtomicBool::new(false));
        let (address, stopped) = (self.address.clone(), Arc::clone(&stop));
        let watching = thread::spawn(move || {
            let mut health = Health::default();
            while !stopped.load(Ordering::Relaxed) {
                let begin = Instant::now();
                match healthy(&address) {
                    Some(()) => health.times.push(begin.elapsed()),
                    None => health.unanswered += 1,
                }
                thread::sleep(HEALTH_PAUSE);
            }
            health
        });
        *self.watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((stop, watching));
    }

    fn health(&self) -> Health {
        let watch = self.watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        watch.map_or_else(Health::default, |(stop, watching)| {
            stop.store(true, Ordering::Relaxed);
            watching.join().unwrap_or_default()
        })
    }

    /// Keeps connections open until the server has stopped.
    fn hold(&self, streams: Vec<TcpStream>) {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(streams);
    }

    /// Posts so many messages of about 100 KB.
    fn fill(&self, messages: usize) -> Result<(), Failure> {
        let attachment = json!({"fallback": "big", "text": "x".repeat(5000)});
        let attachments = vec![attachment; 20];
        for _ in 0..messages {
            let post = json!({"channel": "C01ATTACK", "text": "big", "attachments": attachments});
            let answer = call(&self.address, "xoxb-attack", "chat.postMessage", &post)?;
            if answer["ok"] != true {
                return Err(format!("a post was refused: {answer}").into());
            }
        }
        Ok(())
    }

    /// A connection of Socket Mode whose handshake is done.
    fn socket(&self) -> Result<TcpStream, Failure> {
        let answer = call(&self.address, "xapp-attack", "apps.connections.open", &json!({}))?;
        let url = answer["url"].as_str().ok_or_else(|| format!("no ticket: {answer}"))?;
        let path = url.trim_start_matches("ws://").split_once('/').map_or("", |(_, path)| path);
        let mut stream = connect(&self.address)?;
        write!(
            stream,
            "GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        if &head != b"HTTP/1.1 101" {
            return Err("the handshake was refused".into());
        }
        Ok(stream)
    }

    fn peak_mib(&self) -> u64 {
        self.memory_mib("VmHWM")
    }

    fn memory_mib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    /// Ends the server as an operator would; returns the seconds that this took.
    fn stop(mut self) -> Result<f64, Failure> {
        let begin = Instant::now();
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        while self.child.try_wait()?.is_none() && begin.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(begin.elapsed().as_secs_f64())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let address = address.parse().map_err(std::io::Error::other)?;
    TcpStream::connect_timeout(&address, HEALTH_WAIT)
}

fn healthy(address: &str) -> Option<()> {
    let mut stream = connect(address).ok()?;
    stream.set_read_timeout(Some(HEALTH_WAIT)).ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    answer.starts_with(b"HTTP/1.1 200").then_some(())
}

fn get_history(address: &str) -> Result<TcpStream, String> {
    let mut stream = connect(address).map_err(|failed| failed.to_string())?;
    let head = "GET /api/conversations.history?channel=C01ATTACK&limit=999 HTTP/1.1\r\nHost: localhost\r\n\
                Authorization: Bearer xoxb-attack\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).map_err(|failed| failed.to_string())?;
    Ok(stream)
}

struct Answer {
    body: Vec<u8>,
}

/// Reads an answer that ends with its connection.
fn read_answer(mut stream: TcpStream) -> Result<Answer, String> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|failed| failed.to_string())?;
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").ok_or("no whole answer")?;
    Ok(Answer { body: answer.split_off(end + 4) })
}

fn call(address: &str, token: &str, method: &str, args: &Value) -> Result<Value, Failure> {
    let body = args.to_string();
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(HEALTH_WAIT))?;
    write!(
        stream,
        "POST /api/{method} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(serde_json::from_slice(&read_answer(stream)?.body)?)
}
