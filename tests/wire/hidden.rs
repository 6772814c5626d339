//! What is hidden is answered as what is missing, byte for byte but for the ids that were asked with: messages for one
//! reader, private channels, others' direct messages and files, in both dialects and for people in their own clients.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::files::shared;
use crate::world::*;

const NEVER: &str = "1600000000.000100";
const NOWHERE: &str = "C01NOWHERE";
const NOWHERE_19: &str = "19:nowhere@thread.tacv2";
const FLAG: &str = "?isTargetedActivity=true";

/// Each method that names a message.
const OF_A_MESSAGE: &[(&str, &str)] = &[
    ("chat.appendStream", r#"{"channel":"$c","ts":"$ts","markdown_text":"x"}"#),
    ("chat.delete", r#"{"channel":"$c","ts":"$ts"}"#),
    ("chat.delete", r#"{"channel":"$c","ts":"$ts","broadcast_delete":true}"#),
    ("chat.getPermalink", r#"{"channel":"$c","message_ts":"$ts"}"#),
    ("chat.stopStream", r#"{"channel":"$c","ts":"$ts"}"#),
    ("chat.update", r#"{"channel":"$c","ts":"$ts","text":"x"}"#),
    ("chat.update", r#"{"channel":"$c","ts":"$ts","text":""}"#),
    ("chat.update", r#"{"channel":"$c","ts":"$ts","if_revision":7,"text":"x"}"#),
    ("conversations.history", r#"{"channel":"$c","latest":"$ts","oldest":"$ts","inclusive":true}"#),
    ("conversations.replies", r#"{"channel":"$c","ts":"$ts"}"#),
    ("pins.add", r#"{"channel":"$c","timestamp":"$ts"}"#),
    ("pins.remove", r#"{"channel":"$c","timestamp":"$ts"}"#),
    ("reactions.add", r#"{"channel":"$c","timestamp":"$ts","name":"eyes"}"#),
    ("reactions.get", r#"{"channel":"$c","timestamp":"$ts"}"#),
    ("reactions.remove", r#"{"channel":"$c","timestamp":"$ts","name":"eyes"}"#),
    ("redraft.messages.revisions", r#"{"channel":"$c","ts":"$ts"}"#),
];

/// Each other method that names a conversation.
const OF_A_CONVERSATION: &[(&str, &str)] = &[
    ("chat.deleteScheduledMessage", r#"{"channel":"$c","scheduled_message_id":"Q1298V0S8JS01234"}"#),
    ("chat.meMessage", r#"{"channel":"$c","text":"x"}"#),
    ("chat.postEphemeral", r#"{"channel":"$c","user":"U01BEN","text":"x"}"#),
    ("chat.postMessage", r#"{"channel":"$c","text":"x"}"#),
    ("chat.postMessage", r#"{"channel":"$c","text":"x","thread_ts":"$ts"}"#),
    ("chat.scheduleMessage", r#"{"channel":"$c","text":"x","post_at":1}"#),
    ("chat.scheduledMessages.list", r#"{"channel":"$c"}"#),
    ("chat.startStream", r#"{"channel":"$c","thread_ts":"$ts","markdown_text":"x"}"#),
    ("conversations.archive", r#"{"channel":"$c"}"#),
    ("conversations.close", r#"{"channel":"$c"}"#),
    ("conversations.history", r#"{"channel":"$c"}"#),
    ("conversations.info", r#"{"channel":"$c"}"#),
    ("conversations.invite", r#"{"channel":"$c","users":"U01DEPLOY"}"#),
    ("conversations.join", r#"{"channel":"$c"}"#),
    ("conversations.kick", r#"{"channel":"$c","user":"U01BEN"}"#),
    ("conversations.leave", r#"{"channel":"$c"}"#),
    ("conversations.mark", r#"{"channel":"$c","ts":"$ts"}"#),
    ("conversations.members", r#"{"channel":"$c"}"#),
    ("conversations.open", r#"{"channel":"$c"}"#),
    ("conversations.rename", r#"{"channel":"$c","name":"other"}"#),
    ("conversations.setPurpose", r#"{"channel":"$c","purpose":"x"}"#),
    ("conversations.setTopic", r#"{"channel":"$c","topic":"x"}"#),
    ("conversations.unarchive", r#"{"channel":"$c"}"#),
    ("files.completeUploadExternal", r#"{"channel_id":"$c","files":[{"id":"F01NOWHERE"}]}"#),
    ("pins.list", r#"{"channel":"$c"}"#),
];

/// What people do in their clients, by the control API.
const OF_A_PERSON: &[(&str, &str, &str)] = &[
    ("PATCH", "/messages/$c/$ts", r#"{"text":"x"}"#),
    ("DELETE", "/messages/$c/$ts", "null"),
    ("POST", "/reactions", r#"{"channel":"$c","ts":"$ts","name":"eyes"}"#),
    ("DELETE", "/reactions", r#"{"channel":"$c","ts":"$ts","name":"eyes"}"#),
    ("POST", "/stop", r#"{"channel":"$c","ts":"$ts"}"#),
    ("POST", "/actions", r#"{"channel":"$c","ts":"$ts","action":"Vote"}"#),
    ("POST", "/tasks", r#"{"channel":"$c","ts":"$ts","data":{}}"#),
    ("POST", "/feedback", r#"{"channel":"$c","ts":"$ts","like":true}"#),
    ("POST", "/shortcuts", r#"{"callback_id":"greet","channel":"$c","ts":"$ts"}"#),
    ("POST", "/suggestions", r#"{"channel":"$c","ts":"$ts","action":"Vote"}"#),
    ("GET", "/channels/$c/messages?thread_ts=$ts", "null"),
];

/// The same, of a conversation.
const OF_A_PERSON_SOMEWHERE: &[(&str, &str, &str)] = &[
    ("POST", "/messages", r#"{"channel":"$c","text":"x"}"#),
    ("POST", "/typing", r#"{"channel":"$c"}"#),
    ("POST", "/commands", r#"{"channel":"$c","command":"/greet"}"#),
    ("GET", "/channels/$c/messages", "null"),
];

/// Each operation of the Connector that names an activity.
const OF_AN_ACTIVITY: &[(&str, &str)] = &[
    ("PUT", "/$c/activities/$ts"),
    ("DELETE", "/$c/activities/$ts"),
    ("PUT", "/$c/activities/$ts?isTargetedActivity=true"),
    ("DELETE", "/$c/activities/$ts?isTargetedActivity=true"),
    ("PUT", "/$c/activities/$ts/reactions/like"),
    ("DELETE", "/$c/activities/$ts/reactions/like"),
];

/// Each other one that names a conversation.
const OF_A_CHAT: &[(&str, &str)] = &[
    ("POST", "/$c/activities"),
    ("POST", "/$c/activities?isTargetedActivity=true"),
    ("POST", "/$c/activities/$ts"),
    ("POST", "/$c/activities/history"),
    ("GET", "/$c"),
    ("GET", "/$c/members"),
    ("GET", "/$c/members/29:1ben"),
    ("GET", "/$c/pagedmembers"),
    ("GET", "/$c/activities/$ts/members"),
    ("DELETE", "/$c/members/29:1ben"),
];

/// The name of something: its conversation and its time.
#[derive(Clone, Copy)]
struct Name<'a>(&'a str, &'a str);

impl Name<'_> {
    fn into(self, text: &str) -> String {
        text.replace("$c", self.0).replace("$ts", self.1)
    }

    /// An answer without what was asked with.
    fn masked(self, answer: &Answer) -> String {
        let digits = self.1.replace('.', "");
        let body = answer.body.replace(self.0, "CONVERSATION").replace(self.1, "TS").replace(&digits, "TS");
        format!("{} {body}", answer.status)
    }
}

struct Comparison {
    world: World,
    made: Cell<usize>,
}

impl Comparison {
    fn alike(&self, what: &str, hidden: Name<'_>, missing: Name<'_>, ask: &dyn Fn(Name<'_>) -> Answer) {
        let (unseen, none) = (ask(hidden), ask(missing));
        assert_eq!(hidden.masked(&unseen), missing.masked(&none), "{what}: one can be told from the other");
        self.made.set(self.made.get() + 1);
    }

    fn slack(&self, token: &str, methods: &[(&str, &str)], hidden: Name<'_>, missing: Name<'_>) {
        for (method, args) in methods {
            let ask = |name: Name<'_>| {
                self.world.slack(token, method, &serde_json::from_str(&name.into(args)).unwrap())
            };
            self.alike(&format!("{token} {method} {args} {}", hidden.1), hidden, missing, &ask);
        }
    }

    fn person(&self, person: &str, acts: &[(&str, &str, &str)], hidden: Name<'_>, missing: Name<'_>) {
        for (verb, path, body) in acts {
            let ask = |name: Name<'_>| {
                let body = serde_json::from_str(&name.into(body)).unwrap();
                self.world.control(verb, &format!("/people/{person}{}", name.into(path)), &body)
            };
            self.alike(&format!("{person} {verb} {path} {}", hidden.1), hidden, missing, &ask);
        }
    }

    fn connector(&self, bot: &str, operations: &[(&str, &str)], hidden: Name<'_>, missing: Name<'_>) {
        for (verb, path) in operations {
            let body = if *verb == "GET" { Value::Null } else { message("x") };
            let ask = |name: Name<'_>| self.world.connector(bot, verb, &name.into(path), &body);
            self.alike(&format!("{verb} {path} {}", hidden.1), hidden, missing, &ask);
        }
    }
}

fn comparison() -> Comparison {
    let world = World::new();
    world.controlled("POST", "/people", &json!({"name": "dora", "id": "U01DORA"}));
    world.controlled("POST", "/tokens", &json!({"app": "deploybot", "user": "dora", "token": "xoxp-dora"}));
    Comparison { world, made: Cell::new(0) }
}

/// `1700000000000100` as `1700000000.000100`.
fn dotted(id: &str) -> String {
    format!("{}.{}", &id[..10], &id[10..])
}

/// A message of a Teams bot for ben alone; its id.
fn targeted(world: &World, bot: &str) -> String {
    let body = json!({"type": "message", "text": "for ben", "recipient": {"id": "29:1ben"}});
    let sent = world.connector(bot, "POST", &format!("/{GENERAL_19}/activities{FLAG}"), &body);
    assert_eq!(sent.status, 201, "{}", sent.body);
    text_of(&sent.json, "id")
}

#[test]
fn messages_for_one_reader() {
    let compare = comparison();
    let world = &compare.world;
    let (helpdesk, planner) = (world.bot(HELPDESK), world.bot(PLANNER));
    let by_slack = world.ephemeral(DEPLOY, GENERAL);
    let by_teams = dotted(&targeted(world, &helpdesk));
    let deleted = targeted(world, &helpdesk);
    let path = format!("/{GENERAL_19}/activities/{deleted}{FLAG}");
    assert_eq!(world.connector(&helpdesk, "DELETE", &path, &Value::Null).outcome(), "200");
    let deleted = dotted(&deleted);
    let before = world.state();
    for ts in [&by_slack, &by_teams, &deleted] {
        let (hidden, missing) = (Name(GENERAL, ts), Name(GENERAL, NEVER));
        for token in [ADA, CLEO, "xoxp-dora", POLL, "xoxp-ben-of-pollbot"] {
            compare.slack(token, OF_A_MESSAGE, hidden, missing);
        }
        for person in ["ada", "cleo"] {
            compare.person(person, OF_A_PERSON, hidden, missing);
        }
        let id = ts.replace('.', "");
        let (hidden, missing) = (Name(GENERAL_19, &id), Name(GENERAL_19, "1600000000000100"));
        compare.connector(&planner, OF_AN_ACTIVITY, hidden, missing);
    }
    assert_eq!(world.state(), before);

    // To its maker it is there, and can be neither read, nor reacted to.
    assert_eq!(
        compare
            .world
            .slack(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": by_slack, "text": "x"}))
            .code(),
        "cant_update_message"
    );
    let reads =
        ["conversations.replies", "pins.add", "reactions.add", "reactions.get", "redraft.messages.revisions"];
    for (method, args) in OF_A_MESSAGE.iter().filter(|(method, _)| reads.contains(method)) {
        let args: Value = serde_json::from_str(&Name(GENERAL, &by_slack).into(args)).unwrap();
        let code = world.slack(DEPLOY, method, &args).code().to_owned();
        assert!(
            ["message_not_found", "thread_not_found", "not_pinnable"].contains(&&*code),
            "{method}: {code}"
        );
    }
    // Its reader acts upon it in the client; no API says so.
    let eyes = json!({"channel": "general", "ts": by_slack, "name": "eyes"});
    assert_eq!(world.controlled("POST", "/people/ben/reactions", &eyes), json!({"changed": true}));
    for token in [ADA, BEN, CLEO, DEPLOY] {
        assert_eq!(
            world.ok(token, "reactions.list", &json!({"user": "U01BEN"}))["items"],
            json!([]),
            "{token}"
        );
    }

    world.controlled("POST", "/clock", &json!({"advance_ms": 25 * 60 * 60 * 1000}));
    let (hidden, missing) = (Name(GENERAL, &by_slack), Name(GENERAL, NEVER));
    for token in [ADA, BEN, CLEO, POLL, DEPLOY] {
        compare.slack(token, OF_A_MESSAGE, hidden, missing);
    }
    compare.person("ben", OF_A_PERSON, hidden, missing);
    println!("hidden: {} comparisons of messages for one reader", compare.made.get());
    world.is_well();
}

/// A deleted message is as one that never was, but for administrators who read what it said.
#[test]
fn deleted_messages() {
    let compare = comparison();
    let world = &compare.world;
    let ts = world.post(DEPLOY, GENERAL, "gone");
    world.delete(DEPLOY, GENERAL, &ts);
    let (gone, never) = (Name(GENERAL, &ts), Name(GENERAL, NEVER));
    for token in [DEPLOY, BEN, CLEO, POLL] {
        compare.slack(token, OF_A_MESSAGE, gone, never);
    }
    let (all, revisions): (Vec<_>, Vec<_>) =
        OF_A_MESSAGE.iter().partition(|(method, _)| *method != "redraft.messages.revisions");
    compare.slack(ADA, &all, gone, never);
    for (method, args) in revisions {
        let read = world.ok(ADA, method, &serde_json::from_str(&gone.into(args)).unwrap());
        assert_eq!(read["revisions"][0]["text"], "gone");
    }
    compare.person("cleo", OF_A_PERSON, gone, never);
    println!("hidden: {} comparisons of deleted messages", compare.made.get());
}

/// What waits for its time is no message yet, and says nothing to administrators either.
#[test]
fn scheduled_messages() {
    let compare = comparison();
    let world = &compare.world;
    let now: i64 = world.post(DEPLOY, GENERAL, "now")[..10].parse().unwrap();
    let args = json!({"channel": GENERAL, "text": "later", "post_at": now + 3600});
    world.ok(DEPLOY, "chat.scheduleMessage", &args);
    let log = world.controlled("GET", "/log?limit=1000", &Value::Null);
    let events = log["events"].as_array().unwrap();
    let made = events.iter().find(|event| event["type"] == "message_scheduled").unwrap();
    let ts = text_of(made, "ts");
    compare.slack(ADA, OF_A_MESSAGE, Name(GENERAL, &ts), Name(GENERAL, NEVER));
}

#[test]
fn conversations() {
    let compare = comparison();
    let world = &compare.world;
    let in_leads = world.post(BEN, LEADS, "among leads");
    let opened = world.ok("xoxp-dora", "conversations.open", &json!({"users": "U01CLEO"}));
    let direct = text_of(&opened["channel"], "id");
    let in_direct = world.post("xoxp-dora", &direct, "between us");
    let seed =
        json!({"workspace": {"name": "Elsewhere"}, "channels": [{"name": "general", "id": "C01ELSEWHERE"}]});
    assert_eq!(control(&world.server.url, "POST", "/workspaces", &seed).status, 201);
    let before = world.state();
    for (callers, person, channel, ts) in [
        (&[CLEO, DEPLOY, POLL, "xoxp-dora"][..], "cleo", LEADS, &*in_leads),
        (&[CLEO, DEPLOY], "cleo", "leads", &*in_leads),
        (&[CLEO, DEPLOY], "cleo", "#leads", &*in_leads),
        (&[ADA, BEN, DEPLOY], "ada", &*direct, &*in_direct),
        (&[ADA, DEPLOY], "ada", "C01ELSEWHERE", NEVER),
    ] {
        let (hidden, missing) = (Name(channel, ts), Name(NOWHERE, NEVER));
        for token in callers {
            compare.slack(token, OF_A_MESSAGE, hidden, missing);
            compare.slack(token, OF_A_CONVERSATION, hidden, missing);
        }
        if !channel.starts_with('#') {
            compare.person(person, OF_A_PERSON, hidden, missing);
            compare.person(person, OF_A_PERSON_SOMEWHERE, hidden, missing);
        }
    }
    let helpdesk = world.bot(HELPDESK);
    let id = in_leads.replace('.', "");
    let (hidden, missing) = (Name(LEADS_19, &id), Name(NOWHERE_19, "1600000000000100"));
    compare.connector(&helpdesk, OF_AN_ACTIVITY, hidden, missing);
    compare.connector(&helpdesk, OF_A_CHAT, hidden, missing);
    assert_eq!(world.state(), before);
    println!("hidden: {} comparisons of conversations", compare.made.get());
    world.is_well();
}

#[test]
fn files() {
    let compare = comparison();
    let world = &compare.world;
    let (in_leads, ts) = shared(world, BEN, LEADS, "plan.txt", "a plan");
    let (deleted, _) = shared(world, BEN, LEADS, "old.txt", "old");
    world.ok(BEN, "files.delete", &json!({"file": deleted}));
    let begun = world.ok(BEN, "files.getUploadURLExternal", &json!({"filename": "x", "length": 1}));
    let own = world.post(CLEO, GENERAL, "cleo's");
    for file in [&*in_leads, &*deleted, &text_of(&begun, "file_id")] {
        let (hidden, missing) = (Name(file, &ts), Name("F01NOWHERE", NEVER));
        for token in [CLEO, DEPLOY, POLL] {
            let update = format!(r#"{{"channel":"{GENERAL}","ts":"{own}","text":"x","file_ids":["$c"]}}"#);
            let methods = [
                ("files.info", r#"{"file":"$c"}"#),
                ("files.delete", r#"{"file":"$c"}"#),
                ("files.completeUploadExternal", r#"{"files":[{"id":"$c"}]}"#),
                ("chat.update", &*update),
            ];
            compare.slack(token, &methods, hidden, missing);
            let get = |name: Name<'_>| {
                let url = format!("{}/files-pri/T01ACME-{}/plan.txt", world.server.url, name.0);
                client::send("GET", &url, &[("authorization", &format!("Bearer {token}"))], ("", b""))
            };
            compare.alike("a download", hidden, missing, &get);
        }
    }
    println!("hidden: {} comparisons of files", compare.made.get());

    // Where a file is shared is said as far as one sees.
    let begun = world.ok(BEN, "files.getUploadURLExternal", &json!({"filename": "both.txt", "length": 1}));
    let id = text_of(&begun, "file_id");
    client::send("POST", &text_of(&begun, "upload_url"), &[], ("application/octet-stream", b"x"));
    let both = json!({"files": [{"id": id}], "channels": format!("{GENERAL},{LEADS}")});
    let completed = world.ok(BEN, "files.completeUploadExternal", &both);
    assert!(completed.to_string().contains(LEADS), "its owner sees both: {completed}");
    for token in [CLEO, DEPLOY, POLL] {
        let info = world.ok(token, "files.info", &json!({"file": id}));
        assert_eq!(info["file"]["channels"], json!([GENERAL]), "{token}");
        let said = info.to_string();
        assert!(!said.contains(LEADS) && !said.contains("\"leads\""), "{token}: {said}");
    }
    world.is_well();
}

/// What a message said before is for those who may change it, and for administrators.
#[test]
fn superseded_words() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "a secret");
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "better"}));
    for (token, code) in
        [(DEPLOY, "ok"), (BEN, "ok"), (ADA, "ok"), (CLEO, "message_not_found"), (POLL, "message_not_found")]
    {
        let answer = world.slack(token, "redraft.messages.revisions", &json!({"channel": GENERAL, "ts": ts}));
        assert_eq!(answer.code(), code, "{token}");
        assert_eq!(answer.body.contains("a secret"), code == "ok", "{token}");
    }
}
