//! Messages of the Web API whose text streams in.

use std::collections::BTreeSet;
use std::time::Instant;

use redraft_wire::slack::errors::documented;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::support::{Folder, Server};
use crate::world::*;

/// An answer of deploybot to ada, in #general.
struct Stream {
    world: World,
    root: String,
    ts: String,
}

impl Stream {
    fn on(world: World) -> Self {
        let root = world.post(ADA, GENERAL, "What is the plan?");
        let ts = start(&world, &root, "Let me");
        Self { world, root, ts }
    }

    fn new() -> Self {
        Self::on(World::new())
    }

    fn call(&self, method: &str, more: &Value) -> Answer {
        let mut args = json!({"channel": GENERAL, "ts": self.ts});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.slack(DEPLOY, method, &args)
    }

    fn add(&self, markdown: &str) {
        let answer = self.call("chat.appendStream", &json!({ "markdown_text": markdown }));
        assert_eq!(answer.body, format!("{{\"ok\":true,\"channel\":\"{GENERAL}\",\"ts\":\"{}\"}}", self.ts));
    }

    fn stop(&self, more: &Value) -> Value {
        let answer = self.call("chat.stopStream", more);
        assert_eq!(answer.code(), "ok", "{}", answer.body);
        answer.json
    }

    /// The message as readers of the thread see it.
    fn read(&self) -> Value {
        let args = json!({"channel": GENERAL, "ts": self.root});
        let replies = self.world.ok(ADA, "conversations.replies", &args);
        let mut messages = replies["messages"].as_array().unwrap().iter();
        messages.find(|message| message["ts"] == *self.ts).cloned().unwrap_or(Value::Null)
    }

    fn advance(&self, milliseconds: u64) {
        self.world.controlled("POST", "/clock", &json!({ "advance_ms": milliseconds }));
    }

    fn human_stops(&self) {
        let body = json!({"channel": GENERAL, "ts": self.ts});
        self.world.controlled("POST", "/people/ben/stop", &body);
    }
}

fn start(world: &World, root: &str, markdown: &str) -> String {
    let args = json!({
        "channel": GENERAL, "thread_ts": root, "markdown_text": markdown,
        "recipient_team_id": "T01ACME", "recipient_user_id": "U01ADA",
    });
    text_of(&world.ok(DEPLOY, "chat.startStream", &args), "ts")
}

#[test]
fn from_start_to_end() {
    let stream = Stream::new();
    let begun = stream.read();
    assert_eq!((&begun["text"], &begun["streaming_state"]), (&json!("Let me"), &json!("in_progress")));
    assert_eq!((&begun["user"], &begun["thread_ts"]), (&json!("U01DEPLOY"), &json!(stream.root)));
    stream.add(" see: **st");
    stream.add("ep** one");
    assert_eq!(stream.read()["text"], "Let me see: *step* one");
    let feedback = json!([{"type": "divider", "block_id": "end"}]);
    let metadata = json!({"event_type": "answered", "event_payload": {"n": 1}});
    let stopped = stream.stop(&json!({"markdown_text": ", done", "blocks": feedback, "metadata": metadata}));
    let message = &stopped["message"];
    assert_eq!((&stopped["channel"], &stopped["ts"]), (&json!(GENERAL), &json!(stream.ts)));
    assert_eq!(
        (&message["text"], &message["streaming_state"]),
        (&json!("Let me see: *step* one, done"), &json!("completed"))
    );
    let kinds: Vec<&Value> =
        message["blocks"].as_array().unwrap().iter().map(|block| &block["type"]).collect();
    assert_eq!(kinds, ["rich_text", "divider"]);
    assert_eq!(message["metadata"], metadata);
    assert_eq!((&message["ts"], &message["bot_id"]), (&json!(stream.ts), &json!("B01DEPLOY")));
    let whole = stream.read();
    assert_eq!((&whole["text"], &whole["edited"]), (&message["text"], &Value::Null));
    assert!(whole.get("streaming_state").is_none());
    // From now on it is a message like any other.
    assert_eq!(stream.call("chat.update", &json!({"text": "shorter"})).code(), "ok");
    assert_eq!(stream.read()["edited"]["user"], "B01DEPLOY");
}

/// Chunks: text, tasks that change, a plan, blocks; and a custom name.
#[test]
fn chunks() {
    let world = World::new();
    let root = world.post(ADA, GENERAL, "go");
    let task = |status: &str, details: &str| {
        json!({"type": "task_update", "id": "t1", "title": format!("is {status}"), "status": status, "details": details,
               "sources": [{"type": "url", "url": "https://x.example", "text": "x"}]})
    };
    let args = json!({
        "channel": GENERAL, "thread_ts": root, "recipient_team_id": "T01ACME", "recipient_user_id": "U01ADA",
        "chunks": [{"type": "markdown_text", "text": "_now_"}, task("in_progress", "one, ")],
        "username": "Planner", "icon_emoji": ":robot_face:",
    });
    let ts = text_of(&world.ok(DEPLOY, "chat.startStream", &args), "ts");
    let stream = Stream { world, root, ts };
    let blocks = json!([{"type": "section", "text": {"type": "plain_text", "text": "below"}}]);
    let chunks = json!([task("complete", "two"), {"type": "blocks", "blocks": blocks}]);
    assert_eq!(stream.call("chat.appendStream", &json!({ "chunks": chunks })).code(), "ok");
    let kinds = |message: &Value| -> Vec<String> {
        message["blocks"].as_array().unwrap().iter().map(|block| text_of(block, "type")).collect()
    };
    let read = stream.read();
    assert_eq!(kinds(&read), ["rich_text", "task_card", "section"]);
    let card = &read["blocks"][1];
    assert_eq!((&card["title"], &card["status"]), (&json!("is complete"), &json!("complete")));
    assert_eq!(card["details"]["elements"][0]["elements"][0]["text"], "one, two");
    assert_eq!((&read["username"], &read["icons"]["emoji"]), (&json!("Planner"), &json!(":robot_face:")));
    let plan = json!({"chunks": [{"type": "plan_update", "title": "The plan"}]});
    let stopped = stream.stop(&plan);
    assert_eq!(kinds(&stopped["message"]), ["rich_text", "plan", "section"]);
    let plan = &stopped["message"]["blocks"][1];
    assert_eq!((&plan["title"], &plan["tasks"][0]["task_id"]), (&json!("The plan"), &json!("t1")));
    assert_eq!(stopped["message"]["text"], "_now_");
    assert_eq!(stream.read()["blocks"][2]["text"]["text"], "below");
}

/// Method, code, arguments; `$name`s are those of the test below.
const ROWS: &[(&str, &str, &str)] = &[
    ("chat.startStream", "channel_not_found", r#"{"channel":"C01NOWHERE","thread_ts":"$root"}"#),
    ("chat.startStream", "invalid_arguments", r#"{"channel":"C01GENERAL"}"#),
    (
        "chat.startStream",
        "invalid_arguments",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","task_display_mode":"odd",$to}"#,
    ),
    ("chat.startStream", "is_archived", r#"{"channel":"C01ATTIC","thread_ts":"$root",$to}"#),
    ("chat.startStream", "not_in_channel", r#"{"channel":"$quiet","thread_ts":"$root",$to}"#),
    ("chat.startStream", "invalid_thread_ts", r#"{"channel":"C01GENERAL","thread_ts":"1.000001",$to}"#),
    ("chat.startStream", "missing_recipient_team_id", r#"{"channel":"C01GENERAL","thread_ts":"$root"}"#),
    (
        "chat.startStream",
        "missing_recipient_user_id",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","recipient_team_id":"T01ACME"}"#,
    ),
    (
        "chat.startStream",
        "team_not_found",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","recipient_team_id":"T9","recipient_user_id":"U01ADA"}"#,
    ),
    (
        "chat.startStream",
        "user_not_found",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","recipient_team_id":"T01ACME","recipient_user_id":"U9"}"#,
    ),
    (
        "chat.startStream",
        "invalid_chunks",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","chunks":[1],$to}"#,
    ),
    (
        "chat.startStream",
        "invalid_blocks",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","chunks":[{"type":"blocks","blocks":[{"type":"odd"}]}],$to}"#,
    ),
    (
        "chat.startStream",
        "msg_blocks_too_long",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","chunks":[{"type":"blocks","blocks":$long}],$to}"#,
    ),
    (
        "chat.startStream",
        "msg_blocks_too_many",
        r#"{"channel":"C01GENERAL","thread_ts":"$root","chunks":[{"type":"blocks","blocks":$many}],$to}"#,
    ),
    (
        "chat.appendStream",
        "channel_not_found",
        r#"{"channel":"C01NOWHERE","ts":"$live","markdown_text":"x"}"#,
    ),
    ("chat.appendStream", "is_archived", r#"{"channel":"C01ATTIC","ts":"$live","markdown_text":"x"}"#),
    (
        "chat.appendStream",
        "message_not_found",
        r#"{"channel":"C01GENERAL","ts":"1.000001","markdown_text":"x"}"#,
    ),
    (
        "chat.appendStream",
        "message_not_owned_by_app",
        r#"{"channel":"C01GENERAL","ts":"$other","markdown_text":"x"}"#,
    ),
    (
        "chat.appendStream",
        "message_not_in_streaming_state",
        r#"{"channel":"C01GENERAL","ts":"$plain","markdown_text":"x"}"#,
    ),
    (
        "chat.appendStream",
        "stopped_by_user",
        r#"{"channel":"C01GENERAL","ts":"$stopped","markdown_text":"x"}"#,
    ),
    ("chat.appendStream", "no_text", r#"{"channel":"C01GENERAL","ts":"$live"}"#),
    ("chat.appendStream", "no_text", r#"{"channel":"C01GENERAL","ts":"$live","chunks":[]}"#),
    ("chat.appendStream", "invalid_chunks", r#"{"channel":"C01GENERAL","ts":"$live","chunks":"{"}"#),
    (
        "chat.appendStream",
        "invalid_arguments",
        r#"{"channel":"C01GENERAL","ts":"$live","markdown_text":"x","chunks":[{"type":"markdown_text","text":"y"}]}"#,
    ),
    (
        "chat.appendStream",
        "invalid_blocks",
        r#"{"channel":"C01GENERAL","ts":"$live","chunks":[{"type":"blocks","blocks":[{"type":"odd"}]}]}"#,
    ),
    (
        "chat.appendStream",
        "msg_blocks_too_long",
        r#"{"channel":"C01GENERAL","ts":"$live","chunks":[{"type":"blocks","blocks":$long}]}"#,
    ),
    (
        "chat.appendStream",
        "msg_blocks_too_many",
        r#"{"channel":"C01GENERAL","ts":"$live","chunks":[{"type":"blocks","blocks":$many}]}"#,
    ),
    (
        "chat.appendStream",
        "msg_too_long",
        r#"{"channel":"C01GENERAL","ts":"$live","markdown_text":"$words"}"#,
    ),
    ("chat.stopStream", "channel_not_found", r#"{"channel":"C01NOWHERE","ts":"$live"}"#),
    ("chat.stopStream", "is_archived", r#"{"channel":"C01ATTIC","ts":"$live"}"#),
    ("chat.stopStream", "message_not_found", r#"{"channel":"C01GENERAL","ts":"1.000001"}"#),
    ("chat.stopStream", "message_not_owned_by_app", r#"{"channel":"C01GENERAL","ts":"$other"}"#),
    ("chat.stopStream", "message_not_in_streaming_state", r#"{"channel":"C01GENERAL","ts":"$plain"}"#),
    ("chat.stopStream", "message_not_in_streaming_state", r#"{"channel":"C01GENERAL","ts":"$stopped"}"#),
    ("chat.stopStream", "no_text", r#"{"channel":"C01GENERAL","ts":"$empty"}"#),
    ("chat.stopStream", "invalid_chunks", r#"{"channel":"C01GENERAL","ts":"$live","chunks":[{}]}"#),
    (
        "chat.stopStream",
        "invalid_blocks",
        r#"{"channel":"C01GENERAL","ts":"$live","blocks":[{"type":"odd"}]}"#,
    ),
    ("chat.stopStream", "msg_blocks_too_long", r#"{"channel":"C01GENERAL","ts":"$live","blocks":$long}"#),
    ("chat.stopStream", "msg_blocks_too_many", r#"{"channel":"C01GENERAL","ts":"$live","blocks":$many}"#),
    ("chat.stopStream", "invalid_metadata_format", r#"{"channel":"C01GENERAL","ts":"$live","metadata":"{"}"#),
    (
        "chat.stopStream",
        "invalid_metadata_schema",
        r#"{"channel":"C01GENERAL","ts":"$live","metadata":{"x":1}}"#,
    ),
    (
        "chat.stopStream",
        "metadata_too_large",
        r#"{"channel":"C01GENERAL","ts":"$live","metadata":{"event_type":"e","event_payload":{"x":"$words$words"}}}"#,
    ),
    ("chat.update", "streaming_state_conflict", r#"{"channel":"C01GENERAL","ts":"$live","text":"x"}"#),
    ("chat.delete", "cant_delete_message", r#"{"channel":"C01GENERAL","ts":"$live"}"#),
];

/// Documented codes that cannot occur here; `docs/COVERAGE.md` has the reasons.
const IMPOSSIBLE: &[(&str, &str)] = &[
    (
        "chat.startStream",
        "invalid_blocks_format not_subscribed_to_message_stream_stopped invalid_metadata_format",
    ),
    ("chat.startStream", "invalid_metadata_schema metadata_too_large no_text"),
    (
        "chat.appendStream",
        "invalid_metadata_format invalid_metadata_schema metadata_too_large not_in_channel",
    ),
    ("chat.appendStream", "team_not_found"),
    ("chat.stopStream", "not_in_channel team_not_found missing_file_data cannot_reply_to_message"),
    ("chat.stopStream", "attachment_payload_limit_exceeded"),
    (
        "every one",
        "as_user_not_supported too_many_attachments too_many_contact_cards messaging_processing_failed",
    ),
    ("every one", "channel_type_not_supported"),
    (
        "every one",
        "ekm_access_denied message_limit_exceeded messages_tab_disabled metadata_must_be_sent_from_app",
    ),
    ("every one", "rate_limited restricted_action restricted_action_non_threadable_channel"),
    ("every one", "restricted_action_read_only_channel restricted_action_thread_locked"),
    ("every one", "restricted_action_thread_only_channel slack_connect_canvas_sharing_blocked"),
    ("every one", "slack_connect_file_link_sharing_blocked slack_connect_lists_sharing_blocked"),
];

/// Documented codes that [`an_append_that_is_repeated`] gets.
const ELSEWHERE: [&str; 2] = ["duplicate_channel_not_found", "duplicate_message_not_found"];

/// Every row gives its code and a reason and changes nothing, and no documented code is forgotten.
#[test]
fn what_is_refused() {
    let live = Stream::new();
    let world = &live.world;
    let stopped = start(world, &live.root, "x");
    world.controlled("POST", "/people/ada/stop", &json!({"channel": GENERAL, "ts": stopped}));
    let other = json!({"channel": GENERAL, "thread_ts": live.root, "recipient_team_id": "T01ACME",
                       "recipient_user_id": "U01ADA"});
    let other = text_of(&world.ok(POLL, "chat.startStream", &other), "ts");
    let quiet = world.ok(ADA, "conversations.create", &json!({"name": "quiet"}));
    let words = "x".repeat(12_001);
    let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    for (name, value) in [
        ("root", live.root.clone()),
        ("live", live.ts.clone()),
        ("stopped", stopped),
        ("other", other),
        ("empty", start(world, &live.root, "")),
        ("plain", world.post(DEPLOY, GENERAL, "plain")),
        ("quiet", text_of(&quiet["channel"], "id")),
        ("long", Value::from(vec![section(&"x".repeat(3000)); 5]).to_string()),
        ("many", Value::from(vec![json!({"type": "divider"}); 51]).to_string()),
        ("words", words),
        ("to", r#""recipient_team_id":"T01ACME","recipient_user_id":"U01ADA""#.into()),
    ] {
        world.name(name, value);
    }
    let narrow = |code: &str| if code == "not_in_channel" { "xoxb-narrow" } else { DEPLOY };
    for (method, code, args) in ROWS {
        let before = world.log_end();
        let answer = world.slack(narrow(code), method, &world.args(args));
        assert_eq!(answer.code(), *code, "{method} {args}: {}", answer.body);
        assert!(!answer.reasons().is_empty(), "{method} {code}: no reason is given");
        assert_eq!(world.log_end(), before, "{method} {code}: a refusal changed something");
    }
    for method in ["chat.startStream", "chat.appendStream", "chat.stopStream"] {
        let answer = world.slack(ADA, method, &json!({"channel": GENERAL}));
        assert_eq!(answer.code(), "not_allowed_token_type", "{method}");
        let of = |name: &str| name == method || name == "every one";
        let explained =
            IMPOSSIBLE.iter().filter(|(name, _)| of(name)).flat_map(|(_, codes)| codes.split(' '));
        let made = ROWS.iter().filter(|row| row.0 == method).map(|row| row.1);
        let (explained, made): (BTreeSet<&str>, BTreeSet<&str>) = (explained.collect(), made.collect());
        let both: Vec<&&str> = made.intersection(&explained).collect();
        assert!(both.is_empty(), "{method}: {both:?}");
        let known: BTreeSet<&str> = made.union(&explained).copied().chain(ELSEWHERE).collect();
        let forgotten: Vec<&&str> =
            documented(method).iter().filter(|code| !known.contains(**code)).collect();
        assert!(forgotten.is_empty(), "{method}: {forgotten:?}");
    }
    world.is_well();
}

/// It ends by itself five minutes after its start, however often it is added to; then the app may change and delete it.
#[test]
fn a_stream_that_nobody_ends() {
    let stream = Stream::new();
    stream.advance(4 * 60_000);
    stream.add(" see");
    stream.advance(60_000);
    let over = "message_not_in_streaming_state";
    assert_eq!(stream.call("chat.appendStream", &json!({"markdown_text": "x"})).code(), over);
    assert_eq!(stream.call("chat.stopStream", &json!({})).code(), over);
    assert_eq!(stream.read()["text"], "Let me see");
    assert_eq!(stream.call("chat.update", &json!({"blocks": [{"type": "divider"}]})).code(), "ok");
    assert_eq!(stream.read()["text"], "Let me see", "an update that keeps the text keeps all of it");
    let stream = Stream::new();
    stream.human_stops();
    assert!(stream.read().get("streaming_state").is_none());
    assert_eq!(stream.call("chat.delete", &json!({})).code(), "ok");
    assert_eq!(stream.read(), Value::Null);
}

/// What was acknowledged is there after a crash, and the stream goes on.
#[test]
fn appends_are_durable() {
    let folder = Folder::new("stream-crash");
    let stream = Stream::on(World::on(Server::in_folder(&folder.0)));
    stream.add(" see");
    let (root, ts) = (stream.root.clone(), stream.ts.clone());
    let mut server = stream.world.server;
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    drop(server);
    let stream = Stream { world: World::on(Server::in_folder(&folder.0)), root, ts };
    assert_eq!(stream.read()["text"], "Let me see");
    stream.add(" again");
    assert_eq!(stream.stop(&json!({}))["message"]["text"], "Let me see again");
}

/// The same request twice adds once, if it says that it is the same.
#[test]
fn an_append_that_is_repeated() {
    let stream = Stream::new();
    let again = json!({"markdown_text": " see", "idempotency_key": "k1"});
    for _ in 0..2 {
        assert_eq!(stream.call("chat.appendStream", &again).code(), "ok");
    }
    assert_eq!(stream.read()["text"], "Let me see");
    let end = json!({"markdown_text": "!", "idempotency_key": "k2"});
    let [first, second] = [0; 2].map(|_| stream.call("chat.stopStream", &end));
    assert_eq!((first.code(), second.code()), ("ok", "ok"), "{}", second.body);
    assert_eq!(second.json["message"]["text"], "Let me see!");
    // The same key for something else, with each of the methods.
    let other = json!({"channel": GENERAL, "thread_ts": stream.root, "recipient_team_id": "T01ACME",
                       "recipient_user_id": "U01ADA", "idempotency_key": "k3"});
    assert_eq!(stream.world.slack(DEPLOY, "chat.startStream", &other).code(), "ok");
    for (method, key) in [("chat.startStream", "k3"), ("chat.appendStream", "k1"), ("chat.stopStream", "k2")]
    {
        for (channel, code) in [(RANDOM, ELSEWHERE[0]), (GENERAL, ELSEWHERE[1])] {
            let args = json!({
                "channel": channel, "ts": stream.ts, "thread_ts": stream.root, "markdown_text": "other",
                "recipient_team_id": "T01ACME", "recipient_user_id": "U01ADA", "idempotency_key": key,
            });
            let answer = stream.world.slack(DEPLOY, method, &args);
            assert_eq!(answer.code(), code, "{method}: {}", answer.body);
        }
    }
}

/// Thirty seconds of two hundred appends each, as fast as they go: the text is exact, readers are told a few times per
/// second, and what is stored grows with the text.
#[test]
fn six_thousand_appends() {
    const APPENDS: usize = 6000;
    /// Stored per append, besides its words: the row and its share of pages. The message's row is written over.
    const BYTES_EACH: u64 = 160;
    let folder = Folder::new("stream-load");
    let size = || -> u64 {
        let files = std::fs::read_dir(&folder.0).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    let stream = Stream::on(World::on(Server::in_folder(&folder.0)));
    let (root, ts) = (stream.root.clone(), stream.ts.clone());
    stream.world.server.stop();
    let before = size();
    let stream = Stream { world: World::on(Server::in_folder(&folder.0)), root, ts };
    let mut text = String::from("Let me");
    let begun = Instant::now();
    for number in 0..APPENDS {
        let more = format!(" w{number}");
        stream.add(&more);
        text.push_str(&more);
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(stream.read()["text"], *text);
    let mut told = 0;
    let mut after = 0;
    loop {
        let page = stream.world.controlled("GET", &format!("/log?after={after}&limit=1000"), &Value::Null);
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        told += events.iter().filter(|event| event["type"] == "stream_advanced").count();
        after = page["next"].as_u64().unwrap();
    }
    println!("streams: {APPENDS} appends in {seconds:.1} s, readers told {told} times");
    assert!((1.0..=seconds * 4.0 + 2.0).contains(&(told as f64)), "{told} in {seconds} s");
    let (root, ts) = (stream.root.clone(), stream.ts.clone());
    stream.world.server.stop();
    let grown = size() - before;
    println!("streams: {grown} bytes more for {} bytes of text", text.len());
    assert!(grown < text.len() as u64 + APPENDS as u64 * BYTES_EACH, "{grown}");
    let stream = Stream { world: World::on(Server::in_folder(&folder.0)), root, ts };
    if seconds < 200.0 {
        assert_eq!(stream.stop(&json!({}))["message"]["text"], *text);
    }
    assert_eq!(stream.read()["text"], *text);
}
