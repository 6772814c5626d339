//! Live messages against a server that keeps its platforms' rate limits, with lost requests and answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redraft_bot::{Bot, TurnContext};
use redraft_test::{Error, Platform, Redraft};

use crate::proxy::{self, Fate};
use crate::world::{Access, BOTH, app};

/// For how long a message is set 200 times a second, in seconds, unless `BOTS_STORM_SECONDS` says otherwise.
const STORM_SECONDS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sets_a_second() -> Result<(), Error> {
    let given = std::env::var("BOTS_STORM_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let seconds = given.unwrap_or(STORM_SECONDS);
    let storms = BOTH.map(|platform| tokio::spawn(storm(platform, seconds)));
    for storm in storms {
        storm.await.unwrap()?;
    }
    Ok(())
}

async fn storm(platform: Platform, seconds: u64) -> Result<(), Error> {
    let redraft = Redraft::start()
        .seed_file(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seed.yaml"))
        .rate_limits(platform)
        .await?;
    let general = redraft.channel("general");
    let (changes, reached) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, reach) = (Arc::clone(&changes), Arc::clone(&reached));
    let fate = move |request: &str| {
        if !(request.starts_with("PUT ") || request.contains("chat.update")) {
            return Fate::Answered;
        }
        let fate = match counted.fetch_add(1, Ordering::SeqCst) % 7 {
            2 => Fate::AnswerLost,
            5 => Fate::Lost,
            _ => Fate::Answered,
        };
        if fate != Fate::Lost {
            reach.lock().unwrap().push(number(request));
        }
        fate
    };
    let proxy = proxy::start(redraft.url(), fate, || {}).await;
    let access = Access::of(&redraft, platform, &general).through(&proxy);
    let bot = access.put_on(Bot::new(async |_: TurnContext| Ok(())));
    let message = bot.live(&access.reference(), "number 0 of all").await.unwrap();
    let shown = general.message().by(&app(&redraft, platform)).await?;

    let last = seconds * 200;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for number in 1..=last {
        tick.tick().await;
        message.set(format!("number {number} of all"));
    }
    message.finish().await.unwrap();
    assert_eq!(bot.shutdown().await, 0);

    let shown = general.update_of(&shown).containing(format!("number {last} of all")).await?;
    // One at a time, so this is their order on the server.
    let reached = reached.lock().unwrap().clone();
    assert!(reached.is_sorted(), "{reached:?}");
    assert_eq!(reached.last(), Some(&Some(last)));
    let changes = changes.load(Ordering::SeqCst);
    eprintln!("{platform:?}: {last} sets, {changes} calls, revision {:?}, in order", shown.revision());
    assert!(changes as u64 <= 3 + seconds * 2, "{changes} calls in {seconds} s");
    redraft.stop().await
}

/// The number that a change brings.
fn number(request: &str) -> Option<u64> {
    let (_, after) = request.split_once("number")?;
    let digits: String = after
        .chars()
        .skip(1)
        .skip_while(|it| !it.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}
