//! Messages for later: they are posted by the workspace's clock, once, also after a restart.

use serde_json::{Value, json};

use crate::bot::until;
use crate::support::{Folder, Server};
use crate::world::*;

/// The workspace's clock in seconds, a little later than now.
fn soon(world: &World, seconds: i64) -> i64 {
    let now = world.controlled("POST", "/clock", &json!({"advance_ms": 0}));
    let now: f64 = text_of(&now, "now").parse().unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let whole = now as i64;
    whole + seconds
}

fn schedule(world: &World, token: &str, text: &str, post_at: i64) -> Value {
    let args = json!({"channel": GENERAL, "text": text, "post_at": post_at});
    world.ok(token, "chat.scheduleMessage", &args)
}

fn advance(world: &World, seconds: i64) {
    world.controlled("POST", "/clock", &json!({"advance_ms": seconds * 1000}));
}

/// Waits until a message with this text is there.
fn wait(world: &World, text: &str) -> Value {
    let body = json!({"channel": GENERAL, "contains": text, "timeout_ms": 30_000});
    world.controlled("POST", "/wait", &body)["message"].clone()
}

fn listed(world: &World, token: &str, args: &Value) -> Vec<Value> {
    let list = world.ok(token, "chat.scheduledMessages.list", args);
    list["scheduled_messages"].as_array().unwrap().clone()
}

/// How often something was posted.
fn count(world: &World, text: &str) -> usize {
    let history = world.ok(ADA, "conversations.history", &json!({"channel": GENERAL, "limit": 999}));
    history["messages"].as_array().unwrap().iter().filter(|it| it["text"] == text).count()
}

#[test]
fn scheduling_and_posting() {
    let world = World::new();
    let post_at = soon(&world, 3600);
    let answer = schedule(&world, DEPLOY, "Stand-up *now*", post_at);
    assert_eq!((&answer["channel"], &answer["post_at"]), (&json!(GENERAL), &json!(post_at)));
    let id = text_of(&answer, "scheduled_message_id");
    assert!(id.starts_with('Q'), "{id}");
    let message = &answer["message"];
    assert_eq!(
        (&message["type"], &message["text"], &message["user"], &message["bot_id"], &message["ts"]),
        (
            &json!("delayed_message"),
            &json!("Stand-up *now*"),
            &json!("U01DEPLOY"),
            &json!("B01DEPLOY"),
            &Value::Null
        )
    );
    let all = listed(&world, DEPLOY, &json!({}));
    assert_eq!(all.len(), 1);
    assert_eq!(
        (&all[0]["id"], &all[0]["channel_id"], &all[0]["post_at"], &all[0]["text"]),
        (&json!(id), &json!(GENERAL), &json!(post_at), &json!("Stand-up *now*"))
    );
    assert!(all[0]["date_created"].as_i64().unwrap() < post_at);
    assert_eq!(count(&world, "Stand-up *now*"), 0);
    advance(&world, 3601);
    let posted = wait(&world, "Stand-up");
    assert_eq!((&posted["user"], &posted["app"]), (&json!("U01DEPLOY"), &json!("A01DEPLOY")));
    let at: f64 = text_of(&posted, "ts").parse().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let due = post_at as f64;
    assert!(due <= at, "not before its time");
    assert!(listed(&world, DEPLOY, &json!({})).is_empty());
    let again = json!({"channel": GENERAL, "scheduled_message_id": id});
    assert_eq!(
        world.slack(DEPLOY, "chat.deleteScheduledMessage", &again).code(),
        "invalid_scheduled_message_id"
    );
    // It is a message like any other now.
    let args = json!({"channel": GENERAL, "ts": posted["ts"], "text": "over"});
    assert_eq!(world.slack(DEPLOY, "chat.update", &args).code(), "ok");
}

/// Without anybody touching the clock.
#[test]
fn a_clock_that_just_goes() {
    let world = World::new();
    schedule(&world, DEPLOY, "in a moment", soon(&world, 2));
    wait(&world, "in a moment");
    assert_eq!(count(&world, "in a moment"), 1);
}

#[test]
fn once_also_after_a_restart() {
    let folder = Folder::new("scheduled");
    let world = World::on(Server::in_folder(&folder.0));
    let post_at = soon(&world, 600);
    for number in 0..20 {
        schedule(&world, DEPLOY, &format!("number {number}"), post_at + number % 3);
    }
    let taken_back = schedule(&world, DEPLOY, "taken back", post_at);
    let args = json!({"channel": GENERAL, "scheduled_message_id": taken_back["scheduled_message_id"]});
    world.ok(DEPLOY, "chat.deleteScheduledMessage", &args);
    // Killed, not stopped.
    drop(world);
    let world = World::on(Server::in_folder(&folder.0));
    assert_eq!(listed(&world, DEPLOY, &json!({})).len(), 20);
    advance(&world, 700);
    // Killed while they are posted, whatever is posted by then.
    drop(world);
    let world = World::on(Server::in_folder(&folder.0));
    wait(&world, "number 19");
    let wanted = json!({"channel": GENERAL, "contains": "number", "timeout_ms": 0});
    world.controlled("POST", "/wait", &wanted);
    for number in 0..20 {
        wait(&world, &format!("number {number}"));
        assert_eq!(count(&world, &format!("number {number}")), 1, "{number}");
    }
    assert_eq!(count(&world, "taken back"), 0);
    assert!(listed(&world, DEPLOY, &json!({})).is_empty());
}

#[test]
fn limits() {
    let world = World::new();
    let now = soon(&world, 0);
    let day = 86_400;
    for (post_at, code) in [
        (json!(now - 60), "time_in_past"),
        (json!(now + 120 * day + 600), "time_too_far"),
        (json!(now + 120 * day - 600), "ok"),
        (json!((now + day).to_string()), "ok"),
        (json!("tomorrow"), "invalid_time"),
        (json!(-5), "invalid_time"),
        (Value::Null, "invalid_arguments"),
    ] {
        let args = json!({"channel": GENERAL, "text": "x", "post_at": post_at});
        assert_eq!(world.slack(DEPLOY, "chat.scheduleMessage", &args).code(), code, "{post_at}");
    }
    // Thirty within five minutes in one channel.
    for number in 0..30 {
        schedule(&world, DEPLOY, "many", now + 7200 + number);
    }
    for (channel, at, code) in [
        (GENERAL, now + 7200, "restricted_too_many"),
        (GENERAL, now + 7200 + 299, "restricted_too_many"),
        (GENERAL, now + 7200 + 301, "ok"),
        (RANDOM, now + 7200, "ok"),
    ] {
        let args = json!({"channel": channel, "text": "one more", "post_at": at});
        assert_eq!(world.slack(DEPLOY, "chat.scheduleMessage", &args).code(), code, "{channel} {at}");
    }
    // Not in the last minute before it is posted.
    let late = schedule(&world, DEPLOY, "too late", soon(&world, 50));
    let args = json!({"channel": GENERAL, "scheduled_message_id": late["scheduled_message_id"]});
    let refused = world.slack(DEPLOY, "chat.deleteScheduledMessage", &args);
    assert_eq!(refused.code(), "invalid_scheduled_message_id");
    assert!(refused.reasons().contains("less than a minute"), "{}", refused.body);
}

/// What the caller scheduled, and nobody else's.
#[test]
fn whose_they_are() {
    let world = World::new();
    let at = soon(&world, 3600);
    let bots = schedule(&world, DEPLOY, "the bot's", at);
    schedule(&world, BEN, "ben's", at + 1);
    schedule(&world, POLL, "the other bot's", at + 2);
    for (token, text) in [(DEPLOY, "the bot's"), (BEN, "ben's"), (POLL, "the other bot's")] {
        let own = listed(&world, token, &json!({}));
        assert_eq!((own.len(), &own[0]["text"]), (1, &json!(text)), "{token}");
    }
    let args = json!({"channel": GENERAL, "scheduled_message_id": bots["scheduled_message_id"]});
    for token in [BEN, POLL] {
        let answer = world.slack(token, "chat.deleteScheduledMessage", &args);
        assert_eq!(answer.code(), "invalid_scheduled_message_id", "{token}");
    }
    let elsewhere = json!({"channel": RANDOM, "scheduled_message_id": bots["scheduled_message_id"]});
    let answer = world.slack(DEPLOY, "chat.deleteScheduledMessage", &elsewhere);
    assert_eq!(answer.code(), "invalid_scheduled_message_id");
    world.ok(DEPLOY, "chat.deleteScheduledMessage", &args);
    assert!(listed(&world, DEPLOY, &json!({})).is_empty());
}

#[test]
fn pages_and_bounds() {
    let world = World::new();
    let at = soon(&world, 3600);
    for number in 0..7 {
        schedule(&world, DEPLOY, &number.to_string(), at + number);
        let args = json!({"channel": RANDOM, "text": number.to_string(), "post_at": at + number});
        world.ok(DEPLOY, "chat.scheduleMessage", &args);
        schedule(&world, POLL, "another's", at + number);
    }
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let args = json!({"limit": 3, "cursor": cursor});
        let page = world.ok(DEPLOY, "chat.scheduledMessages.list", &args);
        walked.extend(page["scheduled_messages"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        cursor = text_of(&page["response_metadata"], "next_cursor");
        if cursor.is_empty() {
            break;
        }
    }
    let whole: Vec<Value> =
        listed(&world, DEPLOY, &json!({})).into_iter().map(|it| it["id"].clone()).collect();
    assert_eq!((walked.len(), &walked), (14, &whole));
    let bounded = json!({"channel": GENERAL, "oldest": at + 2, "latest": at + 4});
    let texts: Vec<Value> =
        listed(&world, DEPLOY, &bounded).into_iter().map(|it| it["text"].clone()).collect();
    assert_eq!(texts, ["2", "3", "4"]);
    let wrong = |args: Value| world.slack(DEPLOY, "chat.scheduledMessages.list", &args).code().to_owned();
    assert_eq!(wrong(json!({"channel": LEADS})), "invalid_channel");
    assert_eq!(wrong(json!({"cursor": "x"})), "invalid_cursor");
}

/// What forbids it when its time has come makes it go, with a line in the log.
#[test]
fn refused_when_it_is_due() {
    let world = World::new();
    let at = soon(&world, 600);
    let args = json!({"channel": RANDOM, "text": "nobody reads this", "post_at": at});
    world.ok(DEPLOY, "chat.scheduleMessage", &args);
    schedule(&world, DEPLOY, "after it", at + 1);
    world.controlled("PATCH", "/channels/random", &json!({"archived": true}));
    advance(&world, 700);
    wait(&world, "after it");
    assert!(listed(&world, DEPLOY, &json!({})).is_empty());
    world.controlled("PATCH", "/channels/random", &json!({"archived": false}));
    let history = world.ok(ADA, "conversations.history", &json!({"channel": RANDOM}));
    assert!(!history.to_string().contains("nobody reads this"));
    until("a line in the log", || {
        world.server.log.lock().unwrap().contains("a scheduled message was not posted").then_some(())
    });
}

/// In a thread, with blocks, to a person.
#[test]
fn everything_that_a_post_has() {
    let world = World::new();
    let root = world.post(BEN, GENERAL, "root");
    let at = soon(&world, 600);
    let blocks =
        json!([{"type": "section", "block_id": "b1", "text": {"type": "mrkdwn", "text": "in blocks"}}]);
    let args = json!({"channel": "#general", "text": "with blocks", "blocks": blocks, "post_at": at,
        "thread_ts": root, "reply_broadcast": true, "username": "ignored",
        "metadata": {"event_type": "e", "event_payload": {}}});
    let answer = world.ok(DEPLOY, "chat.scheduleMessage", &args);
    assert_eq!(answer["message"]["blocks"][0]["block_id"], "b1");
    let to_person = json!({"channel": "U01CLEO", "text": "to you", "post_at": at});
    let opened = world.ok(DEPLOY, "chat.scheduleMessage", &to_person);
    assert!(text_of(&opened, "channel").starts_with('D'));
    advance(&world, 700);
    wait(&world, "with blocks");
    let thread = world.ok(
        DEPLOY,
        "conversations.replies",
        &json!({"channel": GENERAL, "ts": root, "include_all_metadata": true}),
    );
    let reply = &thread["messages"][1];
    assert_eq!(
        (&reply["text"], &reply["subtype"], &reply["username"], &reply["metadata"]["event_type"]),
        (&json!("with blocks"), &json!("thread_broadcast"), &Value::Null, &json!("e"))
    );
    assert_eq!(reply["blocks"][0]["block_id"], "b1");
    let body = json!({"channel": opened["channel"], "contains": "to you", "timeout_ms": 30_000});
    world.controlled("POST", "/wait", &body);
}
