//! A load generator that costs little: one thread, ready-made requests, and just as much reading as finding the end of
//! an answer takes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

/// What one run measured.
pub struct Measured {
    /// Accepted calls.
    pub calls: usize,
    /// Answers that were not what was asked for.
    pub failures: usize,
    /// From the first call to the end.
    pub seconds: f64,
    /// How long each call took, sorted.
    pub latencies: Vec<Duration>,
    /// One answer that failed, for people.
    pub example: Option<String>,
}

impl Measured {
    /// Calls per second.
    pub fn rate(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    /// The latency that so many of a hundred calls stay below.
    pub fn percentile(&self, percent: usize) -> Duration {
        let place = self.latencies.len() * percent / 100;
        self.latencies.get(place.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Writes the next request into the buffer; false when there is nothing more to ask.
pub type Next = Box<dyn FnMut(&mut Vec<u8>) -> bool>;

/// Sends requests over so many keep-alive connections for so long, or until there is nothing more to ask. An answer counts as accepted if it contains `expected`.
pub fn run(
    address: &str,
    connections: usize,
    time: Duration,
    expected: &'static str,
    next: Next,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let next = Rc::new(RefCell::new(next));
    let stop = Rc::new(Cell::new(false));
    let set = LocalSet::new();
    set.block_on(&runtime, async {
        let mut streams = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let begin = Instant::now();
        let tasks: Vec<_> = streams
            .into_iter()
            .map(|stream| spawn_local(connection(stream, expected, Rc::clone(&next), Rc::clone(&stop))))
            .collect();
        let end = Rc::clone(&stop);
        let timer = spawn_local(async move {
            tokio::time::sleep(time).await;
            end.set(true);
        });
        let mut all = Measured { calls: 0, failures: 0, seconds: 0.0, latencies: Vec::new(), example: None };
        for task in tasks {
            let mut part = task.await?;
            all.calls += part.calls;
            all.failures += part.failures;
            all.latencies.append(&mut part.latencies);
            all.example = all.example.or(part.example);
        }
        timer.abort();
        all.seconds = begin.elapsed().as_secs_f64();
        all.latencies.sort_unstable();
        Ok(all)
    })
}

#[derive(Default)]
struct Part {
    calls: usize,
    failures: usize,
    latencies: Vec<Duration>,
    example: Option<String>,
}

async fn connection(
    mut stream: TcpStream,
    expected: &'static str,
    next: Rc<RefCell<Next>>,
    stop: Rc<Cell<bool>>,
) -> Part {
    let mut part = Part::default();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    while !stop.get() {
        request.clear();
        let more = (next.borrow_mut())(&mut request);
        if !more {
            break;
        }
        let begin = Instant::now();
        if stream.write_all(&request).await.is_err() || read(&mut stream, &mut answer).await.is_none() {
            part.failures += 1;
            break;
        }
        part.latencies.push(begin.elapsed());
        if find(&answer, expected.as_bytes()).is_some() {
            part.calls += 1;
        } else {
            part.failures += 1;
            part.example = Some(String::from_utf8_lossy(&answer).into_owned());
        }
    }
    part
}

/// Reads one answer, head and body.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Option<()> {
    answer.clear();
    let mut whole = usize::MAX;
    while answer.len() < whole {
        if stream.read_buf(answer).await.ok()? == 0 {
            return None;
        }
        if whole == usize::MAX
            && let Some(end) = find(answer, b"\r\n\r\n")
        {
            let head = &answer[..end];
            let length = find(head, b"content-length: ")? + 16;
            let digits: usize = head[length..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let body: usize = std::str::from_utf8(&head[length..length + digits]).ok()?.parse().ok()?;
            whole = end + 4 + body;
        }
    }
    Some(())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, part)
}
