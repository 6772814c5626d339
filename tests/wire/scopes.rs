//! Every method with every scope: without those that allow a call it is refused, with any one of them alone it is not, for bots and
//! for people, by kind of conversation. The tables are the platform's, by the page of each method on docs.slack.dev.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::*;

/// What allows a call in a public channel, a private one, a direct message and a group; nothing where the method is not for that kind.
type ByKind = [&'static [&'static str]; 4];

/// One scope, whatever the conversation.
const fn one(scope: &'static [&'static str]) -> ByKind {
    [scope, scope, scope, scope]
}

const NONE: ByKind = [&[]; 4];
const READ: ByKind = [&["channels:read"], &["groups:read"], &["im:read"], &["mpim:read"]];
const HISTORY: ByKind = [&["channels:history"], &["groups:history"], &["im:history"], &["mpim:history"]];
const MANAGE: ByKind = [&["channels:manage"], &["groups:write"], &["im:write"], &["mpim:write"]];
const WRITE: ByKind = [&["channels:write"], &["groups:write"], &["im:write"], &["mpim:write"]];
const CHAT: ByKind = one(&["chat:write"]);

struct Row {
    method: &'static str,
    bot: ByKind,
    user: ByKind,
    /// `$c` is the conversation, `$kind` its kind as lists name it, `$private` whether it is a private channel.
    args: &'static str,
    /// The kinds of conversations that are tried, by their places.
    kinds: &'static [usize],
}

const ANY: &[usize] = &[0];
const CHANNELS: &[usize] = &[0, 1];
const DIRECT: &[usize] = &[2, 3];
const ALL: &[usize] = &[0, 1, 2, 3];

const fn row(
    method: &'static str,
    bot: ByKind,
    user: ByKind,
    args: &'static str,
    kinds: &'static [usize],
) -> Row {
    Row { method, bot, user, args, kinds }
}

const fn both(method: &'static str, scopes: ByKind, args: &'static str, kinds: &'static [usize]) -> Row {
    row(method, scopes, scopes, args, kinds)
}

const ROWS: &[Row] = &[
    both("auth.revoke", NONE, r#"{"test":true}"#, ANY),
    both("auth.test", NONE, "{}", ANY),
    both("bots.info", one(&["users:read"]), r#"{"bot":"B01DEPLOY"}"#, ANY),
    both("chat.appendStream", CHAT, r#"{"channel":"$c","ts":"1.000001","markdown_text":"x"}"#, ANY),
    both("chat.delete", CHAT, r#"{"channel":"$c","ts":"1.000001"}"#, ALL),
    both("chat.deleteScheduledMessage", CHAT, r#"{"channel":"$c","scheduled_message_id":"Q1"}"#, ALL),
    both("chat.getPermalink", NONE, r#"{"channel":"$c","message_ts":"1.000001"}"#, ALL),
    both("chat.meMessage", CHAT, r#"{"channel":"$c","text":"x"}"#, ALL),
    both("chat.postEphemeral", CHAT, r#"{"channel":"$c","user":"U01BEN","text":"x"}"#, ALL),
    both("chat.postMessage", CHAT, r#"{"channel":"$c","text":"x"}"#, ALL),
    both("chat.scheduleMessage", CHAT, r#"{"channel":"$c","text":"x","post_at":1}"#, ALL),
    both("chat.scheduledMessages.list", NONE, "{}", ANY),
    both("chat.startStream", CHAT, r#"{"channel":"$c","thread_ts":"1.000001"}"#, ANY),
    both("chat.stopStream", CHAT, r#"{"channel":"$c","ts":"1.000001"}"#, ANY),
    both("chat.update", CHAT, r#"{"channel":"$c","ts":"1.000001","text":"x"}"#, ALL),
    row("conversations.archive", MANAGE, WRITE, r#"{"channel":"$c"}"#, CHANNELS),
    row("conversations.close", MANAGE, WRITE, r#"{"channel":"$c"}"#, DIRECT),
    row("conversations.create", MANAGE, WRITE, r#"{"name":"made","is_private":$private}"#, CHANNELS),
    both("conversations.history", HISTORY, r#"{"channel":"$c"}"#, ALL),
    both("conversations.info", READ, r#"{"channel":"$c"}"#, ALL),
    row(
        "conversations.invite",
        [&["channels:manage", "channels:write.invites"], &["groups:write", "groups:write.invites"], &[], &[]],
        [&["channels:write", "channels:write.invites"], &["groups:write", "groups:write.invites"], &[], &[]],
        r#"{"channel":"$c","users":"U01CLEO"}"#,
        CHANNELS,
    ),
    row(
        "conversations.join",
        one(&["channels:join"]),
        one(&["channels:write"]),
        r#"{"channel":"C01RANDOM"}"#,
        ANY,
    ),
    row("conversations.kick", MANAGE, WRITE, r#"{"channel":"$c","user":"U01ADA"}"#, CHANNELS),
    row("conversations.leave", MANAGE, WRITE, r#"{"channel":"$c"}"#, CHANNELS),
    both("conversations.list", READ, r#"{"types":"$kind"}"#, ALL),
    row("conversations.mark", MANAGE, WRITE, r#"{"channel":"$c","ts":"1.000001"}"#, ALL),
    both("conversations.members", READ, r#"{"channel":"$c"}"#, ALL),
    row("conversations.open", MANAGE, WRITE, r#"{"channel":"$c"}"#, DIRECT),
    row("conversations.rename", MANAGE, WRITE, r#"{"channel":"$c","name":"renamed"}"#, CHANNELS),
    both("conversations.replies", HISTORY, r#"{"channel":"$c","ts":"1.000001"}"#, ALL),
    row("conversations.setPurpose", TOPIC_BOT, TOPIC_USER, r#"{"channel":"$c","purpose":"x"}"#, CHANNELS),
    row("conversations.setTopic", TOPIC_BOT, TOPIC_USER, r#"{"channel":"$c","topic":"x"}"#, ALL),
    row("conversations.unarchive", MANAGE, WRITE, r#"{"channel":"$c"}"#, CHANNELS),
    both("files.completeUploadExternal", one(&["files:write"]), r#"{"files":[{"id":"F1"}]}"#, ANY),
    both("files.delete", one(&["files:write"]), r#"{"file":"F1"}"#, ANY),
    both("files.getUploadURLExternal", one(&["files:write"]), r#"{"filename":"a.txt","length":1}"#, ANY),
    both("files.info", one(&["files:read"]), r#"{"file":"F1"}"#, ANY),
    both("pins.add", one(&["pins:write"]), r#"{"channel":"$c","timestamp":"1.000001"}"#, ALL),
    both("pins.list", one(&["pins:read"]), r#"{"channel":"$c"}"#, ALL),
    both("pins.remove", one(&["pins:write"]), r#"{"channel":"$c","timestamp":"1.000001"}"#, ALL),
    both(
        "reactions.add",
        one(&["reactions:write"]),
        r#"{"channel":"$c","timestamp":"1.000001","name":"eyes"}"#,
        ALL,
    ),
    both("reactions.get", one(&["reactions:read"]), r#"{"channel":"$c","timestamp":"1.000001"}"#, ALL),
    both("reactions.list", one(&["reactions:read"]), "{}", ANY),
    both(
        "reactions.remove",
        one(&["reactions:write"]),
        r#"{"channel":"$c","timestamp":"1.000001","name":"eyes"}"#,
        ALL,
    ),
    both("redraft.messages.revisions", HISTORY, r#"{"channel":"$c","ts":"1.000001"}"#, ALL),
    both("team.info", one(&["team:read"]), "{}", ANY),
    both("usergroups.list", one(&["usergroups:read"]), "{}", ANY),
    both("usergroups.users.list", one(&["usergroups:read"]), r#"{"usergroup":"S1"}"#, ANY),
    both("users.conversations", READ, r#"{"types":"$kind"}"#, ALL),
    both("users.getPresence", one(&["users:read"]), r#"{"user":"U01BEN"}"#, ANY),
    both("users.info", one(&["users:read"]), r#"{"user":"U01BEN"}"#, ANY),
    both("users.list", one(&["users:read"]), "{}", ANY),
    both("users.lookupByEmail", one(&["users:read.email"]), r#"{"email":"ben@acme.example"}"#, ANY),
    both("users.profile.get", one(&["users.profile:read"]), r#"{"user":"U01BEN"}"#, ANY),
    both("views.open", NONE, "{}", ANY),
    both("views.publish", NONE, "{}", ANY),
    both("views.push", NONE, "{}", ANY),
    both("views.update", NONE, "{}", ANY),
];

const TOPIC_BOT: ByKind = [
    &["channels:manage", "channels:write.topic"],
    &["groups:write", "groups:write.topic"],
    &["im:write", "im:write.topic"],
    &["mpim:write", "mpim:write.topic"],
];

const TOPIC_USER: ByKind = [
    &["channels:write", "channels:write.topic"],
    &["groups:write", "groups:write.topic"],
    &["im:write", "im:write.topic"],
    &["mpim:write", "mpim:write.topic"],
];

/// All scopes that the tables name.
fn scopes() -> Vec<&'static str> {
    let all = ROWS.iter().flat_map(|row| row.bot.iter().chain(&row.user)).flat_map(|scopes| scopes.iter());
    let mut all: Vec<&str> = all.copied().chain(["commands", "channels:join", "links:read"]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

struct Stage {
    world: World,
    /// A conversation of each kind that the bot, `ben` and `ada` are in.
    conversations: [String; 4],
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let made = json!({"name": "secret", "private": true, "members": ["ada", "ben", "deploybot"]});
        let private = text_of(&world.controlled("POST", "/channels", &made), "id");
        let open = |users: &str| {
            let opened = world.ok(DEPLOY, "conversations.open", &json!({"users": users}));
            text_of(&opened["channel"], "id")
        };
        let (direct, group) = (open("U01BEN"), open("U01ADA,U01BEN"));
        Self { world, conversations: [GENERAL.into(), private, direct, group] }
    }

    /// The answer to a call with a new token that has these scopes.
    fn call(&self, row: &Row, user: bool, kind: usize, scopes: &[&str]) -> Value {
        let token = format!("{}-{}", if user { "xoxp" } else { "xoxb" }, self.world.log_end());
        let mut made = json!({"app": "deploybot", "token": token, "scopes": scopes});
        if user {
            made["user"] = json!("ben");
        }
        self.world.controlled("POST", "/tokens", &made);
        let args = row
            .args
            .replace("$c", &self.conversations[kind])
            .replace("$kind", ["public_channel", "private_channel", "im", "mpim"][kind])
            .replace("$private", if kind == 1 { "true" } else { "false" });
        self.world.slack(&token, row.method, &serde_json::from_str(&args).unwrap()).json
    }
}

/// The names in the router's own table, `methods! {`, which stands in one of these files.
fn router() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("crates")];
    let mut names = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let table =
                    text.split("[Method] = methods! {").nth(1).and_then(|rest| rest.split("};").next());
                let lines = table.into_iter().flat_map(str::lines);
                names.extend(lines.filter_map(|line| line.split('"').nth(1).map(str::to_owned)));
            }
        }
    }
    names
}

#[test]
fn every_method_has_a_row() {
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.method).collect();
    // It takes an app-level token; `redraft-server` has a table of those.
    rows.push("apps.connections.open");
    rows.sort_unstable();
    assert_eq!(router(), rows);
}

#[test]
fn every_method_asks_for_its_scopes_and_no_others() {
    let all = scopes();
    let mut wrong = Vec::new();
    let mut calls = 0;
    for row in ROWS {
        let stage = Stage::new();
        for (user, by_kind) in [(false, &row.bot), (true, &row.user)] {
            for kind in row.kinds.iter().copied() {
                let allowing = by_kind[kind];
                let others: Vec<&str> =
                    all.iter().filter(|scope| !allowing.contains(scope)).copied().collect();
                let answer = stage.call(row, user, kind, &others);
                let is_refused = answer["error"] == "missing_scope";
                calls += 1;
                let who = format!("{} of a {} in {kind}", row.method, if user { "person" } else { "bot" });
                if is_refused == allowing.is_empty() {
                    wrong.push(format!("{who} with all but {allowing:?}: {answer}"));
                }
                let needed = answer["needed"].as_str().unwrap_or_default();
                if is_refused && !allowing.iter().all(|scope| needed.split(',').any(|it| it == *scope)) {
                    wrong.push(format!("{who} names {needed:?} instead of {allowing:?}"));
                }
                for scope in allowing {
                    let answer = stage.call(row, user, kind, &[scope]);
                    calls += 1;
                    if answer["error"] == "missing_scope" {
                        wrong.push(format!("{who} with {scope} alone: {answer}"));
                    }
                }
            }
        }
    }
    println!("scopes: {calls} calls of {} methods", ROWS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
