//! The measurements, and the table of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
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
}

impl Run {
    pub fn run(self) -> Result<(), Failure> {
        let data = self.folder.join(format!("{}", self.messages));
        if !data.join("teams.ids").exists() {
            say(&format!("loading {} messages …", self.messages));
            let _ = std::fs::remove_dir_all(&data);
            fill::fill(&data, self.messages)?;
        }
        let loaded = fill::loaded(&data)?;
        let used = self.folder.join("used");
        copy(&data, &used)?;
        let echo = Process::start(&["echo"])?;
        let delay = self.flush_delay_ms.to_string();
        let folder = used.to_str().ok_or("the folder's name is not UTF-8")?;
        let redraft = Process::start(&["server", "--data", folder, "--flush-delay-ms", &delay])?;
        say(&format!(
            "{} messages stored; ready {} ms after the start",
            self.messages,
            redraft.start.as_millis()
        ));
        let mut calls = Calls::new(loaded, token(&redraft.address)?);
        say(HEAD);
        for &connections in &self.connections {
            for kind in Work::ALL {
                if self.only.as_ref().is_none_or(|only| kind.name().contains(only.as_str())) {
                    say(&self.row(kind, connections, &echo, &redraft, &mut calls)?);
                }
            }
        }
        say(&format!("peak memory {} MiB", redraft.peak_mib()));
        drop(redraft);
        std::fs::remove_dir_all(&used)?;
        Ok(())
    }

    fn row(
        &self,
        kind: Work,
        connections: usize,
        echo: &Process,
        redraft: &Process,
        calls: &mut Calls,
    ) -> Result<String, Failure> {
        let time = Duration::from_millis(if kind.deletes() { self.time_ms / 2 } else { self.time_ms });
        let (mut shares, mut rates, mut cpu, mut per_flush) = (vec![], vec![], vec![], vec![]);
        let (mut middle, mut tail) = (vec![], vec![]);
        for _ in 0..self.pairs {
            let bare = client::run(&echo.address, connections, time, " 200 OK", work::echo())?;
            let before = (redraft.cpu_seconds(), commits(&redraft.address)?);
            let next = calls.of(kind);
            let measured = client::run(&redraft.address, connections, time, kind.expected(), next)?;
            let after = (redraft.cpu_seconds(), commits(&redraft.address)?);
            accepted(&measured)?;
            shares.push(measured.rate() / bare.rate());
            rates.push(measured.rate());
            cpu.push((after.0 - before.0) * 1e6 / measured.calls as f64);
            let flushes = (after.1 - before.1).max(1);
            per_flush.push(measured.calls as f64 / flushes as f64);
            middle.push(measured.percentile(50).as_secs_f64() * 1e3);
            tail.push(measured.percentile(99).as_secs_f64() * 1e3);
        }
        let range = format!("{:.2}–{:.2}", minimum(&shares), maximum(&shares));
        Ok(format!(
            "{:24} {connections:>4} {:>6.2} {range:>10} {:>8.0} {:>7.2} {:>7.2} {:>7.1} {:>7.1}",
            kind.name(),
            median(&mut shares),
            median(&mut rates),
            median(&mut middle),
            median(&mut tail),
            median(&mut cpu),
            median(&mut per_flush),
        ))
    }
}

const HEAD: &str = "\
call                     conn  share     spread  calls/s  p50 ms  p99 ms  cpu µs  /flush";

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn accepted(measured: &Measured) -> Result<(), Failure> {
    if measured.failures == 0 && 0 < measured.calls {
        return Ok(());
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
