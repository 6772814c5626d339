//! What apps that listen add to the cost of an update: those that an update is nothing to, those that are told of it, and
//! those of other workspaces.
//!
//! Measures any `redraft` executable over HTTP on a durable folder, so that two builds can be compared:
//! `cargo run --release -p redraft-bench -- delivery --redraft target/release/redraft`. Every row has a server of its own;
//! all of them run at the same time and are measured in turn, because machines drift. Told apps are called over loopback.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Measured, Next, run};
use crate::directory::{CONTROL_TOKEN, Server, complain, post};
use crate::servers::say;

type Failure = Box<dyn std::error::Error>;

/// Requests at the same time.
const CONNECTIONS: usize = 64;

/// Messages that are updated in turn.
const MESSAGES: usize = 64;

/// Apps of each other workspace.
const APPS_ELSEWHERE: usize = 4;

/// Updates of a round whose events are delivered.
const TOLD_UPDATES: usize = 4000;

/// Updates of a round where apps may only be told of what mentions them, which took a hundred attempts each once.
const UNMENTIONED_UPDATES: usize = 500;

/// How long to wait for the last of them.
const TOLD_MAX: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Delivery {
    /// The executable to measure.
    #[arg(long)]
    redraft: PathBuf,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Measurements of each row.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Rows with so many apps in another channel.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    deaf: Vec<usize>,
    /// Rows with so many apps in the same channel that only hear what mentions them.
    #[arg(long, value_delimiter = ',', default_value = "100")]
    unmentioned: Vec<usize>,
    /// Rows with so many workspaces, in which nothing happens but in one.
    #[arg(long, value_delimiter = ',', default_value = "100,500")]
    workspaces: Vec<usize>,
    /// Rows with so many apps that are told of every update.
    #[arg(long, value_delimiter = ',', default_value = "1,10")]
    hearing: Vec<usize>,
}

impl Delivery {
    pub fn run(self) -> Result<(), Failure> {
        let mut worlds = vec![World::default()];
        worlds.extend(self.deaf.iter().map(|&deaf| World { deaf, ..World::default() }));
        worlds.extend(self.unmentioned.iter().map(|&unmentioned| World { unmentioned, ..World::default() }));
        worlds.extend(self.workspaces.iter().map(|&workspaces| World { workspaces, ..World::default() }));
        worlds.extend(self.hearing.iter().map(|&hearing| World { hearing, ..World::default() }));
        let mut rows = Vec::new();
        for world in worlds {
            rows.push(Row::start(world, &self.redraft)?);
        }
        for round in 0..=self.rounds {
            for place in 0..rows.len() {
                // Just before each row, the server that the others are compared with.
                let bare = rows[0].updates(self.seconds)?;
                let costs = rows[place].costs(self.seconds, &bare)?;
                // The first round warms up.
                if 0 < round {
                    rows[place].costs.push(costs);
                }
            }
        }
        say(&format!(
            "{:<42} {:>10} {:>10} {:>8} {:>15} {:>12}",
            "", "a second", "CPU µs", "ratio", "spread", "µs/delivery"
        ));
        rows.iter().for_each(|row| say(&row.line()));
        Ok(())
    }
}

/// Who listens.
#[derive(Clone, Copy, Default)]
struct World {
    /// Apps in another channel.
    deaf: usize,
    /// Apps in the same channel that only hear what mentions them.
    unmentioned: usize,
    /// All workspaces, if more than one.
    workspaces: usize,
    /// Apps that are told of every update.
    hearing: usize,
}

impl World {
    fn name(self) -> String {
        let rest = [
            (self.deaf, "apps in another channel"),
            (self.unmentioned, "in the same, not mentioned"),
            (self.workspaces, "workspaces, four apps each"),
            (self.hearing, "told of every update"),
        ];
        let named = rest.iter().find(|(count, _)| 0 < *count);
        named.map_or("no app listens".into(), |(count, what)| format!("{count} {what}"))
    }

    /// The workspace in which messages are updated.
    fn seed(self, told: &str) -> Value {
        let listener = |name: String, channel: &str, events: &[&str]| {
            json!({
                "kind": "slack", "name": name, "endpoint": told, "bot_events": events,
                "channels": [channel], "installed_by": "ada",
            })
        };
        let mut apps =
            vec![json!({"kind": "slack", "name": "writer", "bot_token": "xoxb-bench", "channels": ["work"]})];
        let all = ["message.channels"];
        apps.extend((0..self.deaf).map(|number| listener(format!("deaf-{number}"), "quiet", &all)));
        apps.extend(
            (0..self.unmentioned)
                .map(|number| listener(format!("unmentioned-{number}"), "work", &["app_mention"])),
        );
        apps.extend((0..self.hearing).map(|number| listener(format!("hearing-{number}"), "work", &all)));
        json!({
            "workspace": {"name": "Bench", "id": "T0BENCH"},
            "control_token": CONTROL_TOKEN,
            "people": [{"name": "ada", "admin": true}],
            "channels": [{"name": "general"}, {"name": "quiet"}, {"name": "work", "id": "C0WORK"}],
            "apps": apps,
        })
    }

    /// The others, in which nothing happens.
    fn elsewhere(self, told: &str) -> Vec<Value> {
        let app = |workspace: usize, number: usize| {
            json!({
                "kind": "slack", "name": format!("listener-{workspace}-{number}"), "endpoint": told,
                "bot_events": ["message.channels"], "channels": ["general"],
            })
        };
        let workspace = |workspace: usize| {
            json!({
                "workspace": {"name": format!("Other {workspace}")},
                "people": [{"name": "ada", "admin": true}],
                "apps": (0..APPS_ELSEWHERE).map(|number| app(workspace, number)).collect::<Vec<_>>(),
            })
        };
        (1..self.workspaces).map(workspace).collect()
    }
}

/// A server with its world, and what was measured.
struct Row {
    world: World,
    server: Server,
    told: Told,
    messages: Vec<String>,
    costs: Vec<Costs>,
}

/// What one round found.
struct Costs {
    rate: f64,
    /// Of an update, with what is delivered because of it.
    cpu_us: f64,
    /// That, as a part of the bare server's in the same round.
    ratio: f64,
    /// Of each event that is delivered, beside the update.
    delivery_us: Option<f64>,
}

/// How fast updates went, and what each cost the server.
struct Updates {
    rate: f64,
    cpu_us: f64,
}

impl Row {
    fn start(world: World, redraft: &PathBuf) -> Result<Self, Failure> {
        let told = Told::start()?;
        let server = Server::start(redraft, &world.seed(&told.url))?;
        server.add_workspaces(world.elsewhere(&told.url))?;
        let messages = post_messages(&server)?;
        server.until_idle();
        told.wait(world.hearing * MESSAGES)?;
        Ok(Self { world, server, told, messages, costs: Vec::new() })
    }

    /// Updates for so long, with what the server does because of them later.
    fn updates(&self, seconds: u64) -> Result<Updates, Failure> {
        let count = if 0 < self.world.unmentioned { UNMENTIONED_UPDATES } else { usize::MAX };
        let before = self.server.cpu_ms();
        let done = self.updated(Duration::from_secs(seconds), count)?;
        self.server.until_idle();
        let cpu_us = (self.server.cpu_ms() - before) * 1000.0 / done.calls.max(1) as f64;
        Ok(Updates { rate: done.rate(), cpu_us })
    }

    fn updated(&self, time: Duration, count: usize) -> Result<Measured, Failure> {
        let next = update(&self.messages, count);
        let done = run(&self.server.address, CONNECTIONS, time, "\"ok\":true", next)?;
        complain(&done);
        Ok(done)
    }

    fn costs(&self, seconds: u64, bare: &Updates) -> Result<Costs, Failure> {
        if self.world.hearing == 0 {
            let Updates { rate, cpu_us } = self.updates(seconds)?;
            return Ok(Costs { rate, cpu_us, ratio: cpu_us / bare.cpu_us, delivery_us: None });
        }
        let (before, told) = (self.server.cpu_ms(), self.told.count());
        let done = self.updated(TOLD_MAX, TOLD_UPDATES)?;
        let deliveries = done.calls * self.world.hearing;
        self.told.wait(told + deliveries)?;
        self.server.until_idle();
        let all_us = (self.server.cpu_ms() - before) * 1000.0;
        let cpu_us = all_us / done.calls as f64;
        let delivery_us = (all_us - bare.cpu_us * done.calls as f64) / deliveries as f64;
        Ok(Costs { rate: done.rate(), cpu_us, ratio: cpu_us / bare.cpu_us, delivery_us: Some(delivery_us) })
    }

    fn line(&self) -> String {
        let median = |of: fn(&Costs) -> f64| {
            let mut values: Vec<f64> = self.costs.iter().map(of).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let ratios = self.costs.iter().map(|costs| costs.ratio);
        let (low, high) =
            ratios.fold((f64::INFINITY, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        let delivery = median(|costs| costs.delivery_us.unwrap_or(f64::NAN));
        let delivery = if delivery.is_nan() { "-".into() } else { format!("{delivery:.1}") };
        format!(
            "{:<42} {:>10.0} {:>10.2} {:>8.3} {:>15} {delivery:>12}",
            self.world.name(),
            median(|costs| costs.rate),
            median(|costs| costs.cpu_us),
            median(|costs| costs.ratio),
            format!("{low:.3}–{high:.3}"),
        )
    }
}

fn post_messages(server: &Server) -> Result<Vec<String>, Failure> {
    let mut messages = Vec::new();
    for _ in 0..MESSAGES {
        let mut request = Vec::new();
        post(
            &mut request,
            "/api/chat.postMessage",
            "xoxb-bench",
            &json!({"channel": "C0WORK", "text": "begun"}),
        );
        let answer = ask(&server.address, &request)?;
        let ts = answer.split("\"ts\":\"").nth(1).and_then(|rest| rest.split('"').next());
        messages.push(ts.ok_or_else(|| format!("a post was refused: {answer}"))?.to_owned());
    }
    Ok(messages)
}

/// One call on a connection of its own.
fn ask(address: &str, request: &[u8]) -> Result<String, Failure> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address)?;
    let request = String::from_utf8_lossy(request).replacen("host:", "connection: close\r\nhost:", 1);
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn update(messages: &[String], count: usize) -> Next {
    let (messages, mut number) = (messages.to_vec(), 0);
    Box::new(move |into| {
        let ts = &messages[number % messages.len()];
        let text = format!("Build {number} of the payment service: 4 of 7 stages are done");
        number += 1;
        post(into, "/api/chat.update", "xoxb-bench", &json!({"channel": "C0WORK", "ts": ts, "text": text}));
        number <= count
    })
}

/// An endpoint for all apps of a server, on a thread of its own: counts what it is told and answers 200.
struct Told {
    url: String,
    count: Arc<AtomicUsize>,
}

impl Told {
    fn start() -> Result<Self, Failure> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/", listener.local_addr()?);
        let count = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&count);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(answer(stream, Arc::clone(&counted)));
                }
            });
        });
        Ok(Self { url, count })
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn wait(&self, count: usize) -> Result<(), Failure> {
        let begin = Instant::now();
        while self.count() < count {
            if TOLD_MAX < begin.elapsed() {
                return Err(format!("told {} times instead of {count}", self.count()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Answers every request of a connection.
async fn answer(mut stream: TcpStream, count: Arc<AtomicUsize>) {
    let mut read = Vec::new();
    while stream.read_buf(&mut read).await.is_ok_and(|bytes| 0 < bytes) {
        while let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
            let whole = end + 4 + length.and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
            if read.len() < whole {
                break;
            }
            read.drain(..whole);
            count.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
    }
}
