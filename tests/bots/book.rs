//! The book whose processes are killed between post and record, against a server.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redraft_bot::{
    BookStore, Bot, BoxFuture, Certainty, Error, LEASE_MS, MessageBook, SqliteBookStore, TurnContext,
    Upserted,
};
use redraft_test::{Platform, Redraft};
use tokio::sync::mpsc;

use crate::proxy::{self, Fate};
use crate::world::{Access, BOTH};

/// How many processes are killed per platform, unless `BOTS_KILLS` says otherwise.
const KILLS: usize = 3;
/// The process that will be killed gets what it needs in this variable.
const KILLED: &str = "BOTS_KILLED";

fn bot() -> Bot {
    Bot::new(async |_: TurnContext| Ok(()))
}

/// A store by whose clock the lease of a killed process is over.
struct Later(SqliteBookStore);

impl BookStore for Later {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>> {
        self.0.get(key)
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a str>,
        record: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        self.0.swap(key, expected, record)
    }

    fn now_ms(&self) -> u64 {
        self.0.now_ms() + LEASE_MS
    }
}

/// Run by [`killed_between_post_and_record`] in a process of its own; by itself it has nothing to do.
#[tokio::test(flavor = "multi_thread")]
async fn posts_and_is_killed() {
    let Ok(given) = std::env::var(KILLED) else { return };
    let [file, key, platform, keys, url, id, secret, tenant, conversation, service_url] =
        given.split('\n').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
    let (slack, stores_keys) = (platform == "slack", keys == "true");
    let access = Access { slack, stores_keys, url, id, secret, tenant, conversation, service_url };
    let store = SqliteBookStore::open(file).await.unwrap();
    let book = MessageBook::new(&access.put_on(bot()), Arc::new(store));
    book.upsert(&key, &access.reference(), format!("{key} begins")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_post_and_record() {
    for platform in BOTH {
        kill(platform, Memory::Keys).await;
    }
}

/// As against Slack itself: the message is found again by its marker, for which the bot may read the history.
#[tokio::test(flavor = "multi_thread")]
async fn killed_and_found_in_the_history() {
    kill(Platform::Slack, Memory::History).await;
}

/// As against Teams itself, and Slack without the scope for the history: at most one duplicate each, reported as such.
#[tokio::test(flavor = "multi_thread")]
async fn killed_where_nothing_remembers() {
    for platform in BOTH {
        kill(platform, Memory::Nothing).await;
    }
}

/// By what a platform knows that a message was posted already.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Memory {
    /// Idempotency keys.
    Keys,
    /// A history that the bot may read.
    History,
    /// Neither.
    Nothing,
}

async fn kill(platform: Platform, memory: Memory) {
    let kills = std::env::var("BOTS_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let redraft = Redraft::start().seed_file(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seed.yaml"));
    let redraft = redraft.await.unwrap();
    let general = redraft.channel("general");
    let (held, mut holds) = mpsc::unbounded_channel();
    // The next process calls where the killed one did: that is part of the request under the idempotency key.
    let holding = Arc::new(AtomicBool::new(true));
    let armed = Arc::clone(&holding);
    let fate = move |request: &str| {
        let line = request.lines().next().unwrap_or_default();
        let post =
            line.contains("chat.postMessage") || line.starts_with("POST ") && line.contains("/activities");
        if post && armed.load(Ordering::SeqCst) { Fate::Held } else { Fate::Answered }
    };
    let proxy = proxy::start(redraft.url(), fate, move || held.send(()).unwrap()).await;
    let mut access = Access::of(&redraft, platform, &general).through(&proxy);
    access.stores_keys = memory == Memory::Keys;
    if memory == Memory::Nothing && access.slack {
        // A token without the scope for the history.
        "xoxb-narrow".clone_into(&mut access.secret);
    }
    let name = format!("redraft-kill-{platform:?}-{memory:?}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("book.db");

    let mut ids = Vec::new();
    for round in 0..kills {
        let key = format!("deploy-{round}");
        let Access { slack, stores_keys, url, id, secret, tenant, conversation, service_url } =
            access.clone();
        let platform = if slack { "slack" } else { "teams" };
        let keys = stores_keys.to_string();
        let given = [
            file.to_str().unwrap(),
            &key,
            platform,
            &keys,
            &url,
            &id,
            &secret,
            &tenant,
            &conversation,
            &service_url,
        ];
        holding.store(true, Ordering::SeqCst);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "book::posts_and_is_killed"])
            .env(KILLED, given.join("\n"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The server has posted it and answered; the process has not heard.
        holds.recv().await.unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
        holding.store(false, Ordering::SeqCst);

        let store = Later(SqliteBookStore::open(&file).await.unwrap());
        let book = MessageBook::new(&access.put_on(bot()), Arc::new(store));
        let entry = book.upsert(&key, &access.reference(), format!("{key} is live")).await.unwrap();
        let wanted = match memory {
            Memory::Keys => (Upserted::Posted, Certainty::Certain),
            Memory::History => (Upserted::FoundAgain, Certainty::Certain),
            Memory::Nothing => (Upserted::Posted, Certainty::Unknown),
        };
        assert_eq!((entry.how, entry.certainty), wanted);
        ids.push(entry.reference.activity_id.unwrap());
    }

    let messages = general.messages().await.unwrap();
    let of_book: Vec<_> = messages.iter().filter(|message| message.text().contains("deploy-")).collect();
    let known = |message: &&&redraft_test::Message| {
        ids.iter().any(|id| id == if access.slack { message.ts() } else { message.activity_id() })
    };
    let orphans = of_book.len() - of_book.iter().filter(known).count();
    let live = of_book.iter().filter(|message| message.text().contains("is live")).count();
    eprintln!(
        "{platform:?}, {memory:?}: {kills} killed, {} messages, {} duplicates, {orphans} orphans",
        of_book.len(),
        of_book.len() - kills
    );
    let duplicates = if memory == Memory::Nothing { kills } else { 0 };
    assert_eq!((of_book.len(), orphans, live), (kills + duplicates, duplicates, kills));
    std::fs::remove_dir_all(&folder).unwrap();
    redraft.stop().await.unwrap();
}
