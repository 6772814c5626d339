//! The measurements, and the table of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;

use crate::client::{self, Measured};
use crate::fill;
use crate::servers::Process;
use crate::work::{self, Calls, Work};

type Failure = Box<dyn std::error::Error>;

/// What to measure.
#[derive(Args)]
pub struct Run {
    /// Where the loaded folders are kept between runs.
    #[arg(long, default_value = "target/bench-data")]
    folder: PathBuf,
    /// Messages stored before anything is measured.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Pairs of echo and Redraft for each row.
    #[arg(long, default_value_t = 9)]
    pairs: usize,
    /// Milliseconds of each run.
    #[arg(long, default_value_t = 1000)]
    time_ms: u64,
    /// Keep-alive connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    connections: Vec<usize>,
    /// Only kinds of call whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Added to every flush, by the fault wrapper.
    #[arg(long, default_value_t = 0)]
    flush_delay_ms: u64,
    /// The benchmark's executable of another build, whose server is measured in the same pairs.
    #[arg(long)]
    beside: Vec<PathBuf>,
}

/// A server that is measured.
struct Build {
    name: String,
    server: Process,
    calls: Calls,
    /// The folder that it works on.
    used: PathBuf,
}

impl Run {
    pub fn run(self) -> Result<(), Failure> {
        let echo = Process::start(&["echo"])?;
        let mut builds = vec![self.build(&std::env::current_exe()?, "this")?];
        for (place, executable) in self.beside.iter().enumerate() {
            builds.push(self.build(executable, &format!("beside-{}", place + 1))?);
        }
        say(HEAD);
        for &connections in &self.connections {
            for kind in Work::ALL {
                if self.only.as_ref().is_none_or(|only| kind.name().contains(only.as_str())) {
                    self.rows(kind, connections, &echo, &mut builds)?.iter().for_each(|row| say(row));
                }
            }
        }
        for Build { name, server, used, .. } in builds {
            say(&format!("{name}: peak memory {} MiB", server.peak_mib()));
            drop(server);
            std::fs::remove_dir_all(&used)?;
        }
        Ok(())
    }

    /// Starts the server of a build on messages that this build has loaded, since builds may differ in what they store.
    fn build(&self, executable: &Path, name: &str) -> Result<Build, Failure> {
        let messages = self.messages.to_string();
        let data = self.folder.join(format!("{messages}-{name}"));
        if !data.join("teams.ids").exists() {
            say(&format!("{name}: loading {messages} messages …"));
            let _ = std::fs::remove_dir_all(&data);
            let fill = Command::new(executable)
                .args(["fill", "--messages", &messages, "--data"])
                .arg(&data)
                .status()?;
            if !fill.success() {
                return Err("the messages were not loaded".into());
            }
        }
        let used = self.folder.join(format!("used-{name}"));
        copy(&data, &used)?;
        let delay = self.flush_delay_ms.to_string();
        let folder = used.to_str().ok_or("the folder's name is not UTF-8")?;
        let server =
            Process::start_of(executable, &["server", "--data", folder, "--flush-delay-ms", &delay])?;
        let start_ms = server.start.as_millis();
        say(&format!("{name}: {messages} messages stored; ready {start_ms} ms after the start"));
        let calls = Calls::new(fill::loaded(&data)?, token(&server.address)?);
        Ok(Build { name: name.to_owned(), server, calls, used })
    }

    fn rows(
        &self,
        kind: Work,
        connections: usize,
        echo: &Process,
        builds: &mut [Build],
    ) -> Result<Vec<String>, Failure> {
        let time = Duration::from_millis(if kind.deletes() { self.time_ms / 2 } else { self.time_ms });
        let mut rows: Vec<Row> = builds.iter().map(|_| Row::default()).collect();
        for pair in 0..self.pairs {
            let bare = client::run(&echo.address, connections, time, " 200 OK", work::echo())?;
            // Each is first, last and between equally often.
            for turn in 0..builds.len() {
                let place = (pair + turn) % builds.len();
                let Build { server, calls, .. } = &mut builds[place];
                let before = (server.cpu_seconds(), commits(&server.address)?);
                let next = calls.of(kind);
                let measured = client::run(&server.address, connections, time, kind.expected(), next)?;
                let after = (server.cpu_seconds(), commits(&server.address)?);
                accepted(&measured)?;
                let row = &mut rows[place];
                row.shares.push(measured.rate() / bare.rate());
                row.rates.push(measured.rate());
                row.cpu.push((after.0 - before.0) * 1e6 / measured.calls as f64);
                let flushes = (after.1 - before.1).max(1);
                row.per_flush.push(measured.calls as f64 / flushes as f64);
                row.middle.push(measured.percentile(50).as_secs_f64() * 1e3);
                row.tail.push(measured.percentile(99).as_secs_f64() * 1e3);
            }
        }
        let line = |(build, row): (&Build, Row)| row.line(kind, connections, &build.name);
        Ok(builds.iter().zip(rows).map(line).collect())
    }
}

/// What was measured of one kind of call and one build, a value for each pair.
#[derive(Default)]
struct Row {
    shares: Vec<f64>,
    rates: Vec<f64>,
    middle: Vec<f64>,
    tail: Vec<f64>,
    cpu: Vec<f64>,
    per_flush: Vec<f64>,
}

impl Row {
    fn line(mut self, kind: Work, connections: usize, build: &str) -> String {
        let range = format!("{:.2}–{:.2}", minimum(&self.shares), maximum(&self.shares));
        format!(
            "{:24} {connections:>4} {:>6.3} {range:>10} {:>8.0} {:>7.2} {:>7.2} {:>7.1} {:>7.1}  {build}",
            kind.name(),
            median(&mut self.shares),
            median(&mut self.rates),
            median(&mut self.middle),
            median(&mut self.tail),
            median(&mut self.cpu),
            median(&mut self.per_flush),
        )
    }
}

const HEAD: &str = "\
call                     conn  share     spread  calls/s  p50 ms  p99 ms  cpu µs  /flush  build";

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn accepted(measured: &Measured) -> Result<(), Failure> {
    if measured.failures == 0 && 0 < measured.calls {
        return Ok(());
    }
    if measured.failures == 0 {
        return Err(
            "no call was left to make: the earlier rows deleted every message; load more of them".into()
        );
    }
    let example = measured.example.as_deref().unwrap_or("the connection was closed");
    Err(format!("{} calls, {} failures: {example}", measured.calls, measured.failures).into())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn minimum(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn maximum(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// A copy that the measurements may change. Its pages are written out first, so that this does not disturb them.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let name = entry?.file_name();
        std::fs::copy(from.join(&name), to.join(&name))?;
        std::fs::File::open(to.join(&name))?.sync_all()?;
    }
    Ok(())
}

fn ask(address: &str, request: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn token(address: &str) -> Result<String, Failure> {
    let form = "grant_type=client_credentials&client_id=99999999-0000-4000-8000-000000000002\
                &client_secret=bench-password&scope=https://api.botframework.com/.default";
    let request = format!(
        "POST /botframework.com/oauth2/v2.0/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = ask(address, &request)?;
    let token = answer.split("\"access_token\":\"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(token.ok_or("no token was issued")?.to_owned())
}

fn commits(address: &str) -> Result<u64, Failure> {
    let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let line = answer.lines().find(|line| line.starts_with("redraft_commits_total "));
    Ok(line.and_then(|line| line.split(' ').nth(1)).and_then(|count| count.parse().ok()).unwrap_or(0))
}
