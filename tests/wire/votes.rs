//! A thousand votes by two hundred people in one poll, by a bot that keeps its count in the card and nowhere else.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, Say};
use crate::client::{self, Answer};
use crate::world::*;

const PEOPLE: usize = 200;
const VOTES: usize = 1000;
const AT_ONCE: usize = 16;
const OPTIONS: [&str; 3] = ["tea", "coffee", "water"];

/// The card with these counts in its text: `tea 4, coffee 0, water 1`.
fn card(counts: [usize; 3]) -> Value {
    let shown: Vec<String> =
        OPTIONS.iter().zip(counts).map(|(option, count)| format!("{option} {count}")).collect();
    let actions: Vec<Value> = OPTIONS
        .iter()
        .map(|option| json!({"type": "Action.Execute", "title": option, "verb": "vote", "data": {"for": option}}))
        .collect();
    json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
            "type": "AdaptiveCard",
            "version": "1.5",
            "body": [{"type": "TextBlock", "text": shown.join(", ")}],
            "actions": actions,
        }}],
    })
}

/// The counts that a card shows.
fn counts(activity: &Value) -> [usize; 3] {
    let shown = text_of(&activity["attachments"][0]["content"]["body"][0], "text");
    let counts: Vec<usize> =
        shown.split(", ").map(|part| part.split(' ').nth(1).unwrap().parse().unwrap()).collect();
    counts.try_into().unwrap()
}

/// What the bot needs to read its card and to write it again.
struct Poll {
    url: String,
    conversation: String,
    id: String,
    bearer: String,
    conflicts: AtomicUsize,
}

impl Poll {
    /// The card as it is now with its revision: what a bot without a memory of its own asks the server for.
    fn read(&self) -> (Value, String) {
        let body = json!({"channel": "general", "ts": self.id, "timeout_ms": 0});
        let message = &control(&self.url, "POST", "/workspaces/T01ACME/wait", &body).json["message"];
        (message["activity"].clone(), format!("\"{}\"", message["revision"]))
    }

    fn write(&self, activity: &Value, revision: Option<&str>) -> Answer {
        let url = format!(
            "{}/teams/{TENANT}/v3/conversations/{}/activities/{}",
            self.url, self.conversation, self.id
        );
        let mut headers = vec![("authorization", self.bearer.as_str())];
        headers.extend(revision.map(|revision| ("if-match", revision)));
        client::send("PUT", &url, &headers, ("application/json", activity.to_string().as_bytes()))
    }

    /// Counts one vote: reads, adds, writes; if another was quicker and the bot minds that, once more.
    fn count(&self, heard: &Heard, careful: bool) -> Say {
        let data = text_of(&heard.activity["value"]["action"]["data"], "for");
        let option = OPTIONS.iter().position(|it| *it == data).unwrap();
        loop {
            let (activity, revision) = self.read();
            let mut now = counts(&activity);
            now[option] += 1;
            let written = self.write(&card(now), careful.then_some(revision.as_str()));
            if written.status == 412 {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            assert_eq!(written.status, 200, "{}", written.body);
            let thanks = json!({
                "statusCode": 200,
                "type": "application/vnd.microsoft.activity.message",
                "value": "counted",
            });
            return Say::Json(200, thanks);
        }
    }
}

/// Lets everybody vote five times, so many at once, and gives back what the card says in the end and how often a write met
/// another one.
fn vote(careful: bool) -> ([usize; 3], usize) {
    let world = World::new();
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("voter{number}")).collect();
    for name in &people {
        world.controlled("POST", "/people", &json!({"name": name}));
    }
    let bot = Bot::of(&world, "helpdesk");
    let token = world.bot(HELPDESK);
    let posted = world.connector(&token, "POST", &format!("/{GENERAL_19}/activities"), &card([0; 3]));
    assert_eq!(posted.status, 201, "{}", posted.body);
    assert_eq!(posted.header("etag"), "\"1\"");
    let poll = Arc::new(Poll {
        url: world.server.url.clone(),
        conversation: GENERAL_19.into(),
        id: text_of(&posted.json, "id"),
        bearer: format!("Bearer {token}"),
        conflicts: AtomicUsize::new(0),
    });
    let counting = Arc::clone(&poll);
    bot.answers(move |heard| counting.count(heard, careful));
    let votes: Mutex<VecDeque<(String, &str)>> = Mutex::new(
        (0..VOTES).map(|vote| (people[vote % PEOPLE].clone(), OPTIONS[vote % OPTIONS.len()])).collect(),
    );
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((person, option)) = { votes.lock().unwrap().pop_front() } {
                    let path = format!("/workspaces/T01ACME/people/{person}/actions");
                    let press = json!({"channel": "general", "ts": poll.id, "action": option});
                    let pressed = control(&poll.url, "POST", &path, &press);
                    assert_eq!(pressed.json["answer"]["text"], "counted", "{}", pressed.body);
                }
            });
        }
    });
    assert_eq!(bot.heard().len(), VOTES, "each vote is asked about once");
    let (activity, revision) = poll.read();
    assert_eq!(revision, format!("\"{}\"", VOTES + 1), "each vote was written once");
    world.is_well();
    (counts(&activity), poll.conflicts.load(Ordering::Relaxed))
}

#[test]
fn no_vote_is_lost() {
    let (counts, conflicts) = vote(true);
    println!("votes: {counts:?} with If-Match, after {conflicts} conflicts");
    assert_eq!(counts, [334, 333, 333]);
}

/// Without `If-Match` the last write wins, and what it did not know of is gone.
#[test]
fn careless_bots_lose_votes() {
    let (counts, _) = vote(false);
    let kept: usize = counts.iter().sum();
    println!("votes: {counts:?} without If-Match: {} of {VOTES} overwritten", VOTES - kept);
    assert!((1..=VOTES).contains(&kept));
}
