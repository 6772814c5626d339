//! What a change of a directory costs as the directory grows, and what others pay who wait for something else.
//!
//! Measures any `redraft` executable over HTTP, so that two builds can be compared:
//! `cargo run --release -p redraft-bench -- directory --redraft target/release/redraft`.

use std::fmt::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::client::{Measured, Next, run};
use crate::servers::say;

type Failure = Box<dyn std::error::Error>;

/// Of every server that is measured.
pub const CONTROL_TOKEN: &str = "bench-control-token";

/// Requests at the same time.
const CONNECTIONS: usize = 16;

/// People who join and leave in turn.
const JOINERS: usize = 64;

#[derive(Args)]
pub struct Directory {
    /// The executable to measure.
    #[arg(long)]
    redraft: PathBuf,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Sizes of workspaces, in channels, in which more are created.
    #[arg(long, value_delimiter = ',', default_value = "100,10000,35000,100000")]
    channels: Vec<usize>,
    /// Sizes of channels, in members, that are joined and left.
    #[arg(long, value_delimiter = ',', default_value = "10,1000,49900")]
    members: Vec<usize>,
    /// Polls of another workspace's log that wait meanwhile.
    #[arg(long, value_delimiter = ',', default_value = "0,1000")]
    waits: Vec<usize>,
}

impl Directory {
    pub fn run(self) -> Result<(), Failure> {
        let time = Duration::from_secs(self.seconds);
        say(&format!("{:<52} {:>10} {:>10} {:>12}", "", "a second", "p99 ms", "CPU ms each"));
        for count in self.channels {
            let server = Server::start(&self.redraft, &many_channels(count))?;
            server.line(
                &format!("channels created, with {count} there"),
                time,
                "\"id\"",
                create("T0BENCH"),
            )?;
        }
        for count in self.members {
            let server = Server::start(&self.redraft, &many_members(count))?;
            server.line(&format!("joins and leaves, with {count} members"), time, "\"ok\":true", join())?;
        }
        for count in self.waits {
            let server = Server::start(&self.redraft, &many_channels(1))?;
            server.add_workspace()?;
            let _waiting = server.wait(count)?;
            let what = format!("channels created, with {count} waits elsewhere");
            server.line(&what, time, "\"id\"", create("T0OTHER"))?;
        }
        Ok(())
    }
}

fn many_channels(count: usize) -> Value {
    let channel = |number| json!({"name": format!("room-{number}"), "members": ["ada"]});
    json!({
        "workspace": {"name": "Bench", "id": "T0BENCH"},
        "control_token": CONTROL_TOKEN,
        "people": [{"name": "ada", "admin": true}],
        "channels": (0..count).map(channel).collect::<Vec<_>>(),
    })
}

fn many_members(count: usize) -> Value {
    let members: Vec<String> = (0..count).map(|number| format!("member-{number}")).collect();
    let joiner = |number| json!({"name": format!("joiner-{number}"), "token": format!("xoxp-{number}")});
    let members_only = members.iter().map(|name| json!({"name": name}));
    let people: Vec<Value> = members_only.chain((0..JOINERS).map(joiner)).collect();
    json!({
        "workspace": {"name": "Bench", "id": "T0BENCH"},
        "control_token": CONTROL_TOKEN,
        "people": people,
        "channels": [
            {"name": "general", "members": ["joiner-0"]},
            {"name": "big", "id": "C0BIG", "members": members},
        ],
        "apps": [{"kind": "slack", "name": "bench", "installed_by": "joiner-0"}],
    })
}

/// A call with a JSON body.
pub fn post(into: &mut Vec<u8>, path: &str, token: &str, body: &Value) {
    let body = body.to_string();
    let length = body.len();
    into.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    );
}

fn create(workspace: &'static str) -> Next {
    let mut number = 0;
    Box::new(move |into| {
        number += 1;
        let body = json!({"name": format!("new-{number}"), "members": ["ada"]});
        post(into, &format!("/control/workspaces/{workspace}/channels"), CONTROL_TOKEN, &body);
        true
    })
}

/// Everyone joins, then everyone leaves, and so on.
fn join() -> Next {
    let mut number = 0;
    Box::new(move |into| {
        let method = if (number / JOINERS).is_multiple_of(2) { "join" } else { "leave" };
        let token = format!("xoxp-{}", number % JOINERS);
        number += 1;
        post(into, &format!("/api/conversations.{method}"), &token, &json!({"channel": "C0BIG"}));
        true
    })
}

/// A server on a folder of its own. Both end when it is dropped.
pub struct Server {
    child: Child,
    /// Host and port.
    pub address: String,
    folder: PathBuf,
}

/// Numbers the folders of this process.
static FOLDERS: AtomicUsize = AtomicUsize::new(0);

impl Server {
    /// Starts an executable on a new workspace, and waits until it has nothing to do.
    pub fn start(redraft: &PathBuf, seed: &Value) -> Result<Self, Failure> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("redraft-bench-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("seed.json");
        std::fs::write(&file, seed.to_string())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut command = Command::new(redraft);
        command.args(["serve", "--listen", &address, "--data"]).arg(folder.join("data"));
        let child = command.arg("--seed").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { child, address, folder };
        while TcpStream::connect(&server.address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{} ended: {status}", redraft.display()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        server.until_idle();
        Ok(server)
    }

    fn line(&self, what: &str, time: Duration, expected: &'static str, next: Next) -> Result<(), Failure> {
        let before = self.cpu_ms();
        let done = run(&self.address, CONNECTIONS, time, expected, next)?;
        let cpu_ms = (self.cpu_ms() - before) / done.calls.max(1) as f64;
        let p99_ms = done.percentile(99).as_secs_f64() * 1000.0;
        say(&format!("{what:<52} {:>10.0} {p99_ms:>10.1} {cpu_ms:>12.3}", done.rate()));
        complain(&done);
        Ok(())
    }

    fn add_workspace(&self) -> Result<(), Failure> {
        let other = json!({"workspace": {"name": "Other", "id": "T0OTHER"}, "people": [{"name": "ada", "admin": true}]});
        self.add_workspaces(vec![other])
    }

    /// Makes workspaces as they are declared, one after the other.
    pub fn add_workspaces(&self, seeds: Vec<Value>) -> Result<(), Failure> {
        let count = seeds.len();
        let mut seeds = seeds.into_iter();
        let next: Next = Box::new(move |into| {
            let Some(seed) = seeds.next() else { return false };
            post(into, "/control/workspaces", CONTROL_TOKEN, &seed);
            true
        });
        let made = run(&self.address, 1, Duration::from_secs(60), "\"workspace\"", next)?;
        complain(&made);
        if made.calls == count { Ok(()) } else { Err("a workspace was not made".into()) }
    }

    /// Polls of the first workspace's log that wait for something to happen there.
    fn wait(&self, count: usize) -> Result<Vec<TcpStream>, Failure> {
        let mut request = String::new();
        write!(
            request,
            "GET /control/workspaces/T0BENCH/log?after=1000000&wait_ms=60000 HTTP/1.1\r\nhost: localhost\r\n\
             authorization: Bearer {CONTROL_TOKEN}\r\n\r\n"
        )?;
        let waiting: Vec<TcpStream> =
            (0..count).map(|_| TcpStream::connect(&self.address)).collect::<Result<_, _>>()?;
        for mut stream in &waiting {
            std::io::Write::write_all(&mut stream, request.as_bytes())?;
        }
        self.until_idle();
        Ok(waiting)
    }

    /// Until the server has nothing to do: what came before is written, and checkpointed.
    pub fn until_idle(&self) {
        let (begin, mut before, mut quiet) = (Instant::now(), self.cpu_ms(), 0);
        while quiet < 3 && begin.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(200));
            let now = self.cpu_ms();
            quiet = if now - before < 10.0 { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// Milliseconds of processor time that it has used.
    pub fn cpu_ms(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) * 10.0
    }
}

/// Says what was not accepted.
pub fn complain(done: &Measured) {
    if 0 < done.failures {
        say(&format!("  {} failed: {}", done.failures, done.example.as_deref().unwrap_or("no answer")));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
