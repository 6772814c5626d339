//! The two servers, each as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use axum::{Json, Router, routing::post};
use clap::Args;
use redraft_server::config::Config;
use redraft_server::serve::Server;
use redraft_store::fault::Faults;
use redraft_store::{Options, SqliteStore};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// The bare axum JSON echo, until its standard input ends.
pub fn echo() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = Router::new().route("/", post(|Json(body): Json<Value>| async { Json(body) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        say(&listener.local_addr()?.to_string());
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        axum::serve(listener, router).with_graceful_shutdown(parent_gone()).await?;
        Ok(())
    })
}

/// Redraft on a folder, until its standard input ends.
#[derive(Args)]
pub struct Redraft {
    /// The data folder.
    #[arg(long)]
    data: PathBuf,
    /// Added to every flush, by the fault wrapper.
    #[arg(long, default_value_t = 0)]
    flush_delay_ms: u64,
}

impl Redraft {
    pub fn run(self) -> Result<(), Failure> {
        let runtime = redraft_server::serve::runtime()?;
        runtime.block_on(async {
            let faults = (0 < self.flush_delay_ms).then(Faults::register);
            let vfs = faults.as_ref().map(|faults| {
                faults.delay_flush(Duration::from_millis(self.flush_delay_ms));
                faults.vfs_name().to_owned()
            });
            let store = Arc::new(SqliteStore::open(&self.data, Options { vfs, ..Options::default() })?);
            let config = Config { listen: "127.0.0.1:0".into(), seed: Some(seed()), ..Config::default() };
            let server = Server::start_on(config, store).await?;
            say(server.started.url.trim_start_matches("http://"));
            server.run(parent_gone()).await?;
            Ok(())
        })
    }
}

/// The world of the measurements, with its tokens.
pub fn seed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seed.yaml")
}

pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn parent_gone() {
    let _ = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await;
}

/// A running server process.
pub struct Process {
    child: Child,
    /// Host and port.
    pub address: String,
    /// From the start of the process until it listened.
    pub start: Duration,
}

impl Process {
    /// Starts this executable again with these arguments, and waits until it listens.
    pub fn start(arguments: &[&str]) -> Result<Self, Failure> {
        Self::start_of(&std::env::current_exe()?, arguments)
    }

    /// The same of another build's executable.
    pub fn start_of(executable: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let begin = Instant::now();
        let mut command = Command::new(executable);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        if address.is_empty() {
            return Err(format!("{arguments:?} did not start").into());
        }
        Ok(Self { child, address: address.trim().to_owned(), start: begin.elapsed() })
    }

    /// Seconds of processor time that it has used.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }

    /// The most memory that it has held, in MiB.
    pub fn peak_mib(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
