//! Load, SIGKILL, restart: what was acknowledged is there, nothing is there by half, no number is used twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

/// Rounds, unless the environment says otherwise.
const ROUNDS: usize = 200;

const THREADS: usize = 4;

/// What callers were told of one message.
#[derive(Clone, Debug, Default)]
struct Told {
    text: String,
    revision: u64,
    deleted: bool,
    /// Asked for last and never answered: it may or may not have been done.
    open: Option<Asked>,
}

#[derive(Clone, Debug)]
enum Asked {
    Update(String),
    Delete,
}

/// A server under load: what it told, and how often it answered.
#[derive(Default)]
struct Load {
    answers: Mutex<usize>,
    more: Condvar,
    over: AtomicBool,
    unanswered_posts: AtomicUsize,
}

impl Load {
    fn answered(&self) {
        *self.answers.lock().unwrap() += 1;
        self.more.notify_all();
    }

    /// Waits until so many calls were answered.
    fn wait_for(&self, count: usize) {
        let answers = self.answers.lock().unwrap();
        drop(self.more.wait_while(answers, |answers| *answers < count).unwrap());
    }
}

/// A generator that gives every run the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// One call; `None` if the server died before the answer was whole.
fn call(url: &str, method: &str, args: &Value) -> Option<Value> {
    let headers = [("authorization", "Bearer xoxb-deploy")];
    let body = args.to_string();
    let url = format!("{url}/api/{method}");
    let answer =
        client::try_send("POST", &url, &headers, ("application/json; charset=utf-8", body.as_bytes()))?;
    assert_eq!(answer.code(), "ok", "{method} {args}: {}", answer.body);
    Some(answer.json)
}

/// Posts, updates and deletes until the server is gone; its own messages only, so that it knows what they must be.
fn work(url: &str, load: &Load, mut random: Random, name: &str) -> BTreeMap<String, Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut alive: Vec<String> = Vec::new();
    for n in 0.. {
        if load.over.load(Ordering::Relaxed) {
            break;
        }
        let step = random.below(10);
        if step < 4 || alive.is_empty() {
            let text = format!("{name} {n} {}", "x".repeat(random.below(3000)));
            let Some(posted) = call(url, "chat.postMessage", &json!({"channel": GENERAL, "text": text}))
            else {
                load.unanswered_posts.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let ts = text_of(&posted, "ts");
            told.insert(ts.clone(), Told { text, revision: 1, ..Told::default() });
            alive.push(ts);
        } else {
            let place = random.below(alive.len());
            let ts = alive[place].clone();
            let entry = told.get_mut(&ts).unwrap();
            if step < 9 {
                let text = format!("{name} {n} changed {}", "y".repeat(random.below(3000)));
                let args = json!({"channel": GENERAL, "ts": ts, "text": text});
                if call(url, "chat.update", &args).is_none() {
                    entry.open = Some(Asked::Update(text));
                    break;
                }
                entry.text = text;
                entry.revision += 1;
            } else {
                if call(url, "chat.delete", &json!({"channel": GENERAL, "ts": ts})).is_none() {
                    entry.open = Some(Asked::Delete);
                    break;
                }
                entry.deleted = true;
                alive.swap_remove(place);
            }
        }
        load.answered();
    }
    told
}

/// One round: load on a server of this folder, and its end at an arbitrary moment.
fn round(folder: &Folder, round: usize) -> (BTreeMap<String, Told>, usize) {
    let mut server = Server::in_folder(&folder.0);
    let load = Arc::new(Load::default());
    let workers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (url, load) = (server.url.clone(), Arc::clone(&load));
            let random = Random(0x9e37_79b9 + (round * THREADS + thread) as u64 * 7919);
            std::thread::spawn(move || work(&url, &load, random, &format!("r{round} t{thread}")))
        })
        .collect();
    let mut random = Random(88_172_645 + round as u64);
    load.wait_for(1 + random.below(60));
    // Somewhere between that answer and the next ones.
    (0..random.below(20_000)).for_each(|_| std::hint::spin_loop());
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    load.over.store(true, Ordering::Relaxed);
    let mut told = BTreeMap::new();
    workers.into_iter().for_each(|worker| told.extend(worker.join().unwrap()));
    (told, load.unanswered_posts.load(Ordering::Relaxed))
}

/// All messages of the channel, as the store has them.
fn everything(server: &Server) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut args = json!({"channel": GENERAL, "limit": 999});
    loop {
        let page = call(&server.url, "conversations.history", &args).unwrap();
        for message in page["messages"].as_array().unwrap() {
            let before = found.insert(text_of(message, "ts"), message.clone());
            assert!(before.is_none(), "a ts twice");
        }
        match page["response_metadata"]["next_cursor"].as_str() {
            Some(cursor) if !cursor.is_empty() => args["cursor"] = cursor.into(),
            _ => return found,
        }
    }
}

/// The revision that the store has, by the number of revisions it gives to an administrator.
fn revision(server: &Server, ts: &str) -> u64 {
    let body = json!({"channel": "general", "ts": ts, "timeout_ms": 0});
    control(&server.url, "POST", "/workspaces/T01ACME/wait", &body).json["message"]["revision"]
        .as_u64()
        .unwrap_or(0)
}

/// Compares what was told with what is there, and takes over what an unanswered call led to.
fn compare(
    told: &mut BTreeMap<String, Told>,
    found: &BTreeMap<String, Value>,
    fresh: &BTreeSet<String>,
    server: &Server,
) {
    for (ts, told) in told.iter_mut() {
        let there = found.get(ts);
        match (told.open.take(), there) {
            (None, None) => assert!(told.deleted, "{ts} was acknowledged and is lost: {:.40}", told.text),
            (Some(Asked::Delete), None) => told.deleted = true,
            (_, Some(message)) if told.deleted => panic!("{ts} was deleted and is back: {message}"),
            (Some(Asked::Update(text)), Some(message)) if message["text"] == text.as_str() => {
                told.text = text;
                told.revision += 1;
            }
            (Some(Asked::Update(_)), None) => panic!("{ts} is lost"),
            (_, Some(message)) => assert_eq!(message["text"], told.text.as_str(), "{ts} has another text"),
        }
        if fresh.contains(ts) && !told.deleted {
            assert_eq!(revision(server, ts), told.revision, "{ts}");
            assert_eq!(found[ts].get("edited").is_some(), 1 < told.revision, "{ts}");
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds =
        std::env::var("WIRE_CRASH_ROUNDS").ok().and_then(|given| given.parse().ok()).unwrap_or(ROUNDS);
    let folder = Folder::new("crash");
    let start = Instant::now();
    let mut all: BTreeMap<String, Told> = BTreeMap::new();
    let (mut answers, mut unanswered) = (0, 0);
    for number in 0..rounds {
        let (told, open_posts) = round(&folder, number);
        answers += told.len();
        unanswered += open_posts;
        let fresh: BTreeSet<String> = told.keys().cloned().collect();
        let reused = fresh.iter().find(|ts| all.contains_key(*ts));
        assert!(reused.is_none(), "a ts was used twice: {reused:?}");
        if let (Some((last, _)), Some(first)) = (all.last_key_value(), fresh.first()) {
            assert!(last < first, "a ts before one that was handed out earlier");
        }
        all.extend(told);
        let server = Server::in_folder(&folder.0);
        let found = everything(&server);
        compare(&mut all, &found, &fresh, &server);
        let unknown = found.keys().filter(|ts| !all.contains_key(*ts)).count();
        assert!(unknown <= unanswered, "{unknown} messages that nobody asked for");
        whole_log(&server, number);
        drop(server);
    }
    println!(
        "crash: {rounds} rounds, {answers} acknowledged posts, {unanswered} unanswered ones, {:?}",
        start.elapsed()
    );
}

/// Once in a while the whole log: consecutive positions and rising times.
fn whole_log(server: &Server, round: usize) {
    if !round.is_multiple_of(20) {
        return;
    }
    let (mut after, mut last) = (0, String::new());
    loop {
        let path = format!("/workspaces/T01ACME/log?after={after}&limit=1000");
        let page = control(&server.url, "GET", &path, &Value::Null).json;
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            return;
        }
        for event in events {
            after += 1;
            let ts = text_of(event, "ts");
            assert!(event["position"] == after && last < ts, "{event}");
            last = ts;
        }
    }
}
