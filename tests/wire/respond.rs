//! What a `response_url` and an incoming webhook do, and answer: one table, which `docs/RESPONSE_URL.md` holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, Say};
use crate::client::{self, Answer};
use crate::interactive::{and, button, does, plain, poll_app};
use crate::support::{Folder, Server};
use crate::world::*;

/// Calls an address with a JSON body.
fn call(url: &str, body: &Value) -> Answer {
    client::send("POST", url, &[], ("application/json", body.to_string().as_bytes()))
}

fn form(url: &str, body: &Value) -> Answer {
    let body: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("payload", &body.to_string()).finish();
    client::send("POST", url, &[], ("application/x-www-form-urlencoded", body.as_bytes()))
}

/// Status, kind and body of an answer.
fn told(answer: &Answer) -> String {
    let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
    format!("{} {kind} {}", answer.status, answer.body)
}

const OK: &str = "200 text/plain ok";

/// What a person did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Action,
    Legacy,
    Command,
    MessageShortcut,
    Submission,
}

/// Rows of the table: what was done, and whether on a message for one reader.
const ORIGINS: [(Origin, bool, &str); 7] = [
    (Origin::Action, false, "block action on a message"),
    (Origin::Action, true, "block action on an ephemeral"),
    (Origin::Legacy, false, "legacy button of a message"),
    (Origin::Legacy, true, "legacy button of an ephemeral"),
    (Origin::Command, false, "slash command (no original)"),
    (Origin::MessageShortcut, false, "shortcut on the app's message (no original)"),
    (Origin::Submission, false, "modal submission (no original)"),
];

/// Pollbot and a person who does things with it.
struct Stage {
    world: World,
    bot: Bot,
    root: String,
}

impl Stage {
    fn on(world: World) -> Self {
        let bot = poll_app(&world);
        let root = world.post(ADA, GENERAL, "root");
        Self { world, bot, root }
    }

    fn new() -> Self {
        Self::on(World::new())
    }

    /// Does something in a person's name, and gives back what the app hears.
    fn hears(&self, person: &str, what: &str, body: &Value) -> Heard {
        let before = self.bot.heard().len();
        does(&self.world, person, what, body);
        self.bot.wait_for(before + 1)[before].clone()
    }

    /// A message of pollbot's with a button; ts.
    fn post(&self, origin: Origin, only: bool) -> String {
        let go = button("go", "Go", "1");
        let mut args = json!({"channel": GENERAL, "text": "original"});
        if origin == Origin::Legacy {
            let press = json!({"name": "go", "text": "Go", "type": "button", "value": "1"});
            args["attachments"] = json!([{"text": "a", "callback_id": "c", "actions": [press]}]);
        } else {
            args["blocks"] = json!([{"type": "actions", "elements": [go]}]);
        }
        if only {
            args["user"] = "U01BEN".into();
            return text_of(&self.world.ok(POLL, "chat.postEphemeral", &args), "message_ts");
        }
        text_of(&self.world.ok(POLL, "chat.postMessage", &args), "ts")
    }

    /// What ben does in #general: the original, if there is one, and the address that answers it.
    fn act(&self, origin: Origin, only: bool) -> (Option<String>, String) {
        let ben = "ben";
        match origin {
            Origin::Action | Origin::Legacy => {
                let ts = self.post(origin, only);
                let body = json!({"channel": "general", "ts": ts, "action": "Go"});
                let heard = self.hears(ben, "actions", &body);
                (Some(ts), text_of(&heard.activity, "response_url"))
            }
            Origin::Command => {
                let heard = self.hears(ben, "commands", &json!({"channel": "general", "command": "/poll x"}));
                (None, text_of(&heard.activity, "response_url"))
            }
            Origin::MessageShortcut => {
                let ts = self.post(origin, only);
                let body = json!({"callback_id": "about", "channel": "general", "ts": ts});
                let heard = self.hears(ben, "shortcuts", &body);
                (Some(ts), text_of(&heard.activity, "response_url"))
            }
            Origin::Submission => {
                let heard = self.hears(ben, "shortcuts", &json!({"callback_id": "new_poll"}));
                let select = json!({"type": "conversations_select", "action_id": "where", "response_url_enabled": true});
                let input =
                    json!({"type": "input", "block_id": "b", "label": plain("Where"), "element": select});
                let view = json!({"type": "modal", "title": plain("Poll"), "submit": plain("Go"), "blocks": [input]});
                let args = json!({"trigger_id": heard.activity["trigger_id"], "view": view});
                let opened = self.world.ok(POLL, "views.open", &args);
                let view = text_of(&opened["view"], "id");
                let heard =
                    self.hears(ben, &format!("views/{view}/submit"), &json!({"inputs": {"b": "general"}}));
                (None, text_of(&heard.activity["response_urls"][0], "response_url"))
            }
        }
    }

    /// `ts` and text of what a person sees in #general, and in the thread.
    fn sees(&self, person: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for more in ["", &format!("&thread_ts={}", self.root)] {
            let path = format!("/people/{person}/channels/general/messages?limit=1000{more}");
            let seen = self.world.controlled("GET", &path, &Value::Null);
            let place = if more.is_empty() { "" } else { "thread " };
            all.extend(seen["messages"].as_array().unwrap().iter().map(|message| {
                (
                    format!("{place}{}", message["ts"].as_str().unwrap()),
                    message["text"].as_str().unwrap_or("").to_owned(),
                )
            }));
        }
        all
    }

    /// What an answer changed: of the original, and what is new for whom.
    fn effect(&self, original: Option<&str>, body: &Value, url: &str) -> (String, String) {
        let [before, others_before] = ["ben", "ada"].map(|person| self.sees(person));
        let answer = call(url, body);
        let [after, others] = ["ben", "ada"].map(|person| self.sees(person));
        let text = |seen: &[(String, String)]| {
            let found = seen.iter().find(|(ts, _)| Some(ts.as_str()) == original);
            found.map(|(_, text)| text.clone())
        };
        let mut effect = Vec::new();
        if let Some(was) = text(&before) {
            match text(&after) {
                None => effect.push("original gone".to_owned()),
                Some(now) if now != was => {
                    let to = if text(&others).is_some() { "" } else { ", still for the one reader" };
                    effect.push(format!("original replaced{to}"));
                }
                Some(_) => {}
            }
            assert_eq!(text(&others_before).is_some() && text(&after).is_some(), text(&others).is_some());
        }
        let known = |seen: &[(String, String)], ts: &str| seen.iter().any(|(it, _)| it == ts);
        for (ts, text) in after.iter().filter(|(ts, _)| !known(&before, ts)) {
            assert_eq!(text, "answer");
            let place = if ts.starts_with("thread ") { " in the thread" } else { "" };
            let whom = if known(&others, ts) { "everyone" } else { "the person" };
            effect.push(format!("new message{place} for {whom}"));
        }
        let effect = if effect.is_empty() { "nothing changes".into() } else { effect.join("; ") };
        (told(&answer), effect)
    }
}

fn asks(root: &str) -> Vec<(&'static str, Value)> {
    let say = |more: &Value| and(json!({"text": "answer"}), more);
    vec![
        ("nothing else", say(&json!({}))),
        ("`response_type: ephemeral`", say(&json!({"response_type": "ephemeral"}))),
        ("`response_type: in_channel`", say(&json!({"response_type": "in_channel"}))),
        ("`replace_original: true`", say(&json!({"replace_original": true}))),
        (
            "`replace_original: true`, `in_channel`",
            say(&json!({"replace_original": true, "response_type": "in_channel"})),
        ),
        ("`replace_original: false`", say(&json!({"replace_original": "false"}))),
        (
            "`replace_original: false`, `in_channel`",
            say(&json!({"replace_original": false, "response_type": "in_channel"})),
        ),
        ("`delete_original: true`, no content", json!({"text": "", "delete_original": true})),
        ("`delete_original: true` and content", say(&json!({"delete_original": "true"}))),
        (
            "`thread_ts`, `in_channel`, `replace_original: false`",
            say(&json!({"thread_ts": root, "response_type": "in_channel", "replace_original": false})),
        ),
    ]
}

/// The whole document, as this server makes it true.
fn document() -> String {
    use std::fmt::Write;
    let stage = Stage::new();
    let mut text = String::from(
        "# Answers through a `response_url`\n\n\
         Each row was asked of a server: what it answers, and what has changed afterwards. `tests/wire/respond.rs` makes this\n\
         text and compares it. *For the person* is a message that only the one who acted sees.\n",
    );
    for (origin, only, name) in ORIGINS {
        let _ = write!(
            text,
            "\n## After a {name}\n\n| besides `text` | answer | what happens |\n|---|---|---|\n"
        );
        for (ask, body) in asks(&stage.root) {
            let (original, url) = stage.act(origin, only);
            let (answer, effect) = stage.effect(original.as_deref(), &body, &url);
            let _ = writeln!(text, "| {ask} | {} | {effect} |", shown(&answer));
        }
    }
    text.push_str("\n## After the original is gone\n\n| what was done | `replace_original` | `delete_original` | a new message |\n|---|---|---|---|\n");
    for (origin, only, name) in &ORIGINS[..4] {
        let gone = |body: &Value| {
            let (original, url) = stage.act(*origin, *only);
            let ts = original.unwrap();
            if *only {
                assert_eq!(told(&call(&url, &json!({"delete_original": true}))), OK);
            } else {
                stage.world.delete(POLL, GENERAL, &ts);
            }
            let (answer, effect) = stage.effect(None, body, &url);
            format!("{}: {effect}", shown(&answer))
        };
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} |",
            gone(&json!({"text": "answer", "replace_original": true})),
            gone(&json!({"delete_original": true})),
            gone(&json!({"text": "answer", "replace_original": false})),
        );
    }
    text.push_str("\n## What is refused\n\nA refused call counts as no use. The last column is what the server's log says.\n\n| case | answer | in the log |\n|---|---|---|\n");
    for (case, answer, reason) in refusals() {
        let _ = writeln!(text, "| {case} | {} | {reason} |", shown(&answer));
    }
    stage.world.is_well();
    text
}

fn shown(answer: &str) -> String {
    let (status, rest) = answer.split_once(' ').unwrap();
    let (kind, body) = rest.split_once(' ').unwrap_or((rest, ""));
    format!("{status} `{body}` ({kind})")
}

/// What is refused, on a server of its own: the case, the answer, and the reason in the log.
fn refusals() -> Vec<(&'static str, String, String)> {
    let stage = Stage::new();
    let world = &stage.world;
    let mut rows = Vec::new();
    let mut row = |case: &'static str, answer: &Answer| rows.push((case, told(answer), reason(world)));
    let url = || stage.act(Origin::Command, false).1;
    let say = json!({"text": "answer"});
    let post = |url: &str, kind: &str, body: &str| client::send("POST", url, &[], (kind, body.as_bytes()));
    let first = url();
    row("body that is no JSON", &post(&first, "application/json", "{"));
    row("body that is no object", &post(&first, "application/json", "[]"));
    row("form without `payload`", &post(&first, "application/x-www-form-urlencoded", "text=x"));
    row("member of the wrong type", &call(&first, &json!({"text": 5})));
    row("`blocks` that is no array", &call(&first, &json!({"blocks": {}})));
    row("unknown `response_type`", &call(&first, &json!({"text": "x", "response_type": "odd"})));
    row("no content", &call(&first, &json!({"text": ""})));
    row("bad blocks", &call(&first, &json!({"blocks": [{"type": "odd"}]})));
    let many = vec![json!({"text": "a"}); 101];
    row("over 100 attachments", &call(&first, &json!({"attachments": many})));
    row("`delete_original` where there is no original", &call(&first, &json!({"delete_original": true})));
    row("not POST", &client::send("GET", &first, &[], ("", b"")));
    let (path, secret) = first.rsplit_once('/').unwrap();
    row("another secret", &call(&format!("{path}/{}", "0".repeat(secret.len())), &say));
    row("another team", &call(&first.replace("T01ACME", "T01OTHER"), &say));
    row("another address of this form", &call(&first.replace("/commands/", "/odd/"), &say));
    let used = url();
    for _ in 0..5 {
        assert_eq!(told(&call(&used, &say)), OK);
    }
    let advance = |ms: u64| world.controlled("POST", "/clock", &json!({ "advance_ms": ms }));
    advance(3 * 60_000);
    row("sixth use", &call(&used, &say));
    let old = url();
    advance(30 * 60_000 - 60_000);
    assert_eq!(told(&call(&old, &say)), OK, "in the 30th minute");
    advance(60_000);
    row("31st minute", &call(&old, &say));
    advance(24 * 3_600_000);
    let (cleo, archived) = (url(), url());
    world.controlled("PATCH", "/people/ben", &json!({"deactivated": true}));
    row("the person was deactivated", &call(&cleo, &say));
    world.controlled("PATCH", "/people/ben", &json!({"deactivated": false}));
    let channel = text_of(&world.ok(ADA, "conversations.create", &json!({"name": "short"}))["channel"], "id");
    world.ok(ADA, "conversations.invite", &json!({"channel": channel, "users": "U01BEN"}));
    let heard = stage.hears("ben", "commands", &json!({"channel": "short", "command": "/poll x"}));
    let in_it = text_of(&heard.activity, "response_url");
    assert_eq!(told(&call(&in_it, &say)), OK, "the app is not in the channel");
    world.ok(ADA, "conversations.archive", &json!({ "channel": channel }));
    row("the channel was archived", &call(&in_it, &say));
    world.controlled("DELETE", "/apps/pollbot", &Value::Null);
    row("the app was uninstalled", &call(&archived, &say));
    rows
}

/// The reason of the last refusal in the server's log. The log is read by a thread of its own, so this waits for it.
fn reason(world: &World) -> String {
    // Whatever is logged next comes after it.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let marker = format!("no.such.{}.", COUNT.fetch_add(1, Ordering::Relaxed));
    world.slack(DEPLOY, &marker, &json!({}));
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let log = world.server.log.lock().unwrap().clone();
        if let Some(at) = log.rfind(&marker) {
            let line = log[..at].lines().rfind(|line| line.contains("slack::hooks")).unwrap_or_default();
            let reason = line.split("reason=").nth(1).unwrap_or(line).trim();
            let bare = reason.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(reason);
            return bare.replace("\\\"", "\"").replace('|', "\\|");
        }
        assert!(Instant::now() < end, "{log}");
        std::thread::yield_now();
    }
}

/// `docs/RESPONSE_URL.md` is what this server does.
#[test]
fn the_document_is_true() {
    let made = document();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RESPONSE_URL.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    if made != written {
        let new = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("RESPONSE_URL.md");
        std::fs::write(&new, &made).unwrap();
        panic!("docs/RESPONSE_URL.md differs from what was found; see {}:\n{made}", new.display());
    }
    println!("respond: {} rows", made.lines().filter(|line| line.starts_with("| ")).count());
}

/// The count is durable: uses before a crash count after it.
#[test]
fn the_count_survives_a_kill() {
    let folder = Folder::new("respond");
    let mut stage = Stage::on(World::on(Server::in_folder(&folder.0)));
    let (_, url) = stage.act(Origin::Command, false);
    for _ in 0..3 {
        assert_eq!(told(&call(&url, &json!({"text": "answer"}))), OK);
    }
    assert_eq!(call(&url, &json!({"text": ""})).status, 400, "refused, and no use");
    let path = url.strip_prefix(&stage.world.server.url).unwrap().to_owned();
    stage.world.server.child.kill().unwrap();
    stage.world.server.child.wait().unwrap();
    drop(stage);
    let world = World::on(Server::in_folder(&folder.0));
    let url = format!("{}{path}", world.server.url);
    for _ in 0..2 {
        assert_eq!(told(&call(&url, &json!({"text": "answer"}))), OK);
    }
    let used = "404 application/json {\"ok\":false,\"error\":\"used_url\"}";
    assert_eq!(told(&call(&url, &json!({"text": "answer"}))), used);
}

/// A replacement is a whole new content, and the app's bot's; text alone takes blocks and attachments away.
#[test]
fn what_a_replacement_leaves() {
    let stage = Stage::new();
    for origin in [Origin::Action, Origin::Legacy] {
        let (ts, url) = stage.act(origin, false);
        let ts = ts.unwrap();
        let body = json!({"text": "only *text*", "replace_original": true, "metadata": {"event_type": "e", "event_payload": {}}});
        assert_eq!(told(&form(&url, &body)), OK);
        let args = json!({"channel": GENERAL, "latest": ts, "inclusive": true, "limit": 1, "include_all_metadata": true});
        let message = stage.world.ok(POLL, "conversations.history", &args)["messages"][0].clone();
        assert_eq!((&message["text"], &message["user"]), (&json!("only *text*"), &json!("U01POLL")));
        assert_eq!(
            (&message["attachments"], &message["blocks"][0]["type"]),
            (&Value::Null, &json!("rich_text"))
        );
        assert_eq!(
            (&message["edited"]["user"], &message["metadata"]["event_type"]),
            (&json!("B01POLL"), &json!("e"))
        );
        let update = json!({"channel": GENERAL, "ts": ts, "text": "the app's own"});
        assert_eq!(stage.world.slack(POLL, "chat.update", &update).code(), "ok");
    }
}

/// What an app says in its acknowledgement: of a command in words or as a message, of a button a replacement; no use.
#[test]
fn in_the_acknowledgement() {
    let stage = Stage::new();
    let json = |body: Value| move |_: &Heard| Say::Json(200, body.clone());
    for (body, expected) in [
        (json!({"text": "answer"}), "new message for the person"),
        (json!({"text": "answer", "response_type": "in_channel"}), "new message for everyone"),
        (json!({}), "nothing changes"),
    ] {
        let [before, others_before] = ["ben", "ada"].map(|person| stage.sees(person).len());
        stage.bot.answers(json(body));
        stage.act(Origin::Command, false);
        let [after, others] = ["ben", "ada"].map(|person| stage.sees(person).len());
        let found = match (after - before, others - others_before) {
            (1, 1) => "new message for everyone",
            (1, 0) => "new message for the person",
            (0, 0) => "nothing changes",
            _ => "odd",
        };
        assert_eq!(found, expected);
    }
    stage.bot.answers(|_| {
        Say::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\nanswer".to_vec())
    });
    let before = stage.sees("ben").len();
    let (_, url) = stage.act(Origin::Command, false);
    assert_eq!(stage.sees("ben").len(), before + 1, "plain words");
    for _ in 0..5 {
        assert_eq!(told(&call(&url, &json!({"text": "answer"}))), OK, "an acknowledgement is no use");
    }
    stage.bot.answers(json(json!({"text": "counted"})));
    let (ts, _) = stage.act(Origin::Legacy, false);
    assert_eq!(stage.world.stored(GENERAL, &ts.unwrap())["text"], "counted");
}

/// Incoming webhooks: where they post, what they take, what they answer.
#[test]
fn webhooks() {
    let world = World::new();
    let made = world.controlled("POST", "/apps/pollbot/webhooks", &json!({"channel": "random"}));
    let url = text_of(&made, "url");
    let newest = || {
        world.ok(ADA, "conversations.history", &json!({"channel": RANDOM, "limit": 1}))["messages"][0].clone()
    };
    assert_eq!(told(&call(&url, &json!({"text": "one"}))), OK);
    let root = newest();
    assert_eq!(
        (&root["text"], &root["bot_id"], &root["user"]),
        (&json!("one"), &json!("B01POLL"), &json!("U01POLL"))
    );
    let section = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "two"}}]);
    let body =
        json!({"blocks": section, "attachments": [{"text": "a"}], "channel": "general", "username": "X"});
    assert_eq!(told(&form(&url, &body)), OK);
    let message = newest();
    assert_eq!((&message["blocks"][0]["text"]["text"], &message["username"]), (&json!("two"), &Value::Null));
    assert_eq!(message["attachments"][0]["text"], "a");
    let reply =
        json!({"text": "three", "thread_ts": root["ts"], "replace_original": true, "delete_original": true});
    assert_eq!(told(&call(&url, &reply)), OK);
    let replies = world.ok(ADA, "conversations.replies", &json!({"channel": RANDOM, "ts": root["ts"]}));
    assert_eq!(replies["messages"][1]["text"], "three");
    let (path, _) = url.rsplit_once('/').unwrap();
    let (services, id) = path.rsplit_once('/').unwrap();
    let before = world.log_end();
    for (url, body, expected) in [
        (url.as_str(), json!({"text": ""}), "400 text/plain no_text"),
        (&url, json!({"blocks": [{"type": "odd"}]}), "400 text/plain invalid_blocks"),
        (&url, json!([]), "400 text/plain invalid_payload"),
        (&format!("{path}/nonsense"), json!({"text": "x"}), "403 text/plain invalid_token"),
        (&format!("{services}/B0NONE/x"), json!({"text": "x"}), "404 text/plain no_service"),
        (&url.replace("T01ACME", "T01OTHER"), json!({"text": "x"}), "404 text/plain no_team"),
    ] {
        assert_eq!(told(&call(url, &body)), expected, "{url} {body}");
    }
    assert_eq!(world.log_end(), before, "a refusal changes nothing");
    world.ok(ADA, "conversations.archive", &json!({"channel": RANDOM}));
    assert_eq!(told(&call(&url, &json!({"text": "x"}))), "410 text/plain channel_is_archived");
    world.controlled("DELETE", &format!("/apps/pollbot/webhooks/{id}"), &Value::Null);
    assert_eq!(told(&call(&url, &json!({"text": "x"}))), "404 text/plain no_service");
}
