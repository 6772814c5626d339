//! What a Slack app hears over the Events API, and what it does not.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, until};
use crate::world::*;

/// Everything that deploybot subscribes to, who is in the general and the random channel.
const ALL: &[&str] = &[
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_created",
    "channel_left",
    "channel_rename",
    "channel_unarchive",
    "file_created",
    "file_deleted",
    "file_shared",
    "file_unshared",
    "group_archive",
    "group_left",
    "group_rename",
    "group_unarchive",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "message_metadata_deleted",
    "message_metadata_posted",
    "message_metadata_updated",
    "pin_added",
    "pin_removed",
    "reaction_added",
    "reaction_removed",
    "team_rename",
    "tokens_revoked",
    "user_change",
];

/// What happens, and what two apps hear of it: deploybot, and pollbot, who is in the general channel and has a token of
/// ben's, by which it hears what is said in private channels.
struct Row {
    what: &'static str,
    happens: fn(&World),
    deploybot: &'static [&'static str],
    pollbot: &'static [&'static str],
}

fn posts(world: &World, token: &str, channel: &str, text: &str, name: &str) {
    let ts = world.post(token, channel, &world.fill(text));
    world.name(name, ts);
}

fn replies(world: &World, token: &str, root: &str, text: &str, name: &str) {
    let ts = world.reply(token, GENERAL, &world.fill(root), text);
    world.name(name, ts);
}

fn calls(world: &World, token: &str, method: &str, args: &str) -> Value {
    world.ok(token, method, &world.args(args))
}

fn changes(world: &World, verb: &str, path: &str, body: &str) {
    let body = if body.is_empty() { Value::Null } else { world.args(body) };
    world.controlled(verb, &world.fill(path), &body);
}

const ROWS: &[Row] = &[
    Row {
        what: "a person posts",
        happens: |world| posts(world, ADA, GENERAL, "good morning", "a"),
        deploybot: &["message C01GENERAL $a U01ADA good morning"],
        pollbot: &["message C01GENERAL $a U01ADA good morning"],
    },
    Row {
        what: "a mention is a message and a mention",
        happens: |world| posts(world, ADA, GENERAL, "<@U01DEPLOY> go", "b"),
        deploybot: &[
            "message C01GENERAL $b U01ADA <@U01DEPLOY> go",
            "app_mention C01GENERAL $b U01ADA <@U01DEPLOY> go",
        ],
        pollbot: &["message C01GENERAL $b U01ADA <@U01DEPLOY> go"],
    },
    Row {
        what: "an edit with a mention mentions again",
        happens: |world| {
            calls(
                world,
                ADA,
                "chat.update",
                r#"{"channel":"C01GENERAL","ts":"$b","text":"<@U01DEPLOY> stop"}"#,
            );
        },
        deploybot: &[
            "message/message_changed C01GENERAL $b <@U01DEPLOY> stop (<@U01DEPLOY> go)",
            "app_mention C01GENERAL $b U01ADA <@U01DEPLOY> stop",
        ],
        pollbot: &["message/message_changed C01GENERAL $b <@U01DEPLOY> stop (<@U01DEPLOY> go)"],
    },
    Row {
        what: "a mention in blocks only",
        happens: |world| {
            let blocks = json!([{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
                {"type": "user", "user_id": "U01POLL"}, {"type": "text", "text": " vote"}]}]}]);
            let args = json!({"channel": GENERAL, "text": "for screens without blocks", "blocks": blocks});
            world.name("c", text_of(&world.ok(BEN, "chat.postMessage", &args), "ts"));
        },
        deploybot: &["message C01GENERAL $c U01BEN for screens without blocks"],
        pollbot: &[
            "message C01GENERAL $c U01BEN for screens without blocks",
            "app_mention C01GENERAL $c U01BEN for screens without blocks",
        ],
    },
    Row {
        what: "an app hears its own posts, updates and deletions",
        happens: |world| {
            posts(world, DEPLOY, RANDOM, "build 7 started", "d");
            calls(
                world,
                DEPLOY,
                "chat.update",
                r#"{"channel":"C01RANDOM","ts":"$d","text":"build 7 passed"}"#,
            );
            world.delete(DEPLOY, RANDOM, &world.fill("$d"));
        },
        deploybot: &[
            "message C01RANDOM $d U01DEPLOY build 7 started",
            "message/message_changed C01RANDOM $d build 7 passed (build 7 started)",
            "message/message_deleted C01RANDOM $d (build 7 passed)",
        ],
        pollbot: &[],
    },
    Row {
        what: "a custom name",
        happens: |world| {
            let said = calls(
                world,
                DEPLOY,
                "chat.postMessage",
                r#"{"channel":"C01GENERAL","text":"hi","username":"Robo"}"#,
            );
            world.name("e", text_of(&said, "ts"));
        },
        deploybot: &["message/bot_message C01GENERAL $e Robo hi"],
        pollbot: &["message/bot_message C01GENERAL $e Robo hi"],
    },
    Row {
        what: "what a person does",
        happens: |world| {
            let said = calls(world, ADA, "chat.meMessage", r#"{"channel":"C01GENERAL","text":"waves"}"#);
            world.name("f", text_of(&said, "ts"));
        },
        deploybot: &["message/me_message C01GENERAL $f U01ADA waves"],
        pollbot: &["message/me_message C01GENERAL $f U01ADA waves"],
    },
    Row {
        what: "messages for one reader",
        happens: |world| {
            let whisper = world.ephemeral(DEPLOY, GENERAL);
            assert!(!whisper.is_empty());
        },
        deploybot: &[],
        pollbot: &[],
    },
    Row {
        what: "a thread whose root goes before its replies",
        happens: |world| {
            posts(world, ADA, GENERAL, "who can look?", "root");
            replies(world, BEN, "$root", "I can", "r1");
            world.delete(ADA, GENERAL, &world.fill("$root"));
            world.delete(BEN, GENERAL, &world.fill("$r1"));
        },
        deploybot: &[
            "message C01GENERAL $root U01ADA who can look?",
            "message C01GENERAL $r1 U01BEN I can",
            "message/message_changed C01GENERAL $root [tombstone] This message was deleted. (who can look?)",
            "message/message_deleted C01GENERAL $r1 (I can)",
            "message/message_deleted C01GENERAL $root (This message was deleted.)",
        ],
        pollbot: &[
            "message C01GENERAL $root U01ADA who can look?",
            "message C01GENERAL $r1 U01BEN I can",
            "message/message_changed C01GENERAL $root [tombstone] This message was deleted. (who can look?)",
            "message/message_deleted C01GENERAL $r1 (I can)",
            "message/message_deleted C01GENERAL $root (This message was deleted.)",
        ],
    },
    Row {
        what: "a reply that the channel shows from the start",
        happens: |world| {
            posts(world, ADA, GENERAL, "a root", "root");
            let reply =
                r#"{"channel":"C01GENERAL","text":"for all","thread_ts":"$root","reply_broadcast":true}"#;
            world.name("r1", text_of(&calls(world, BEN, "chat.postMessage", reply), "ts"));
            replies(world, BEN, "$root", "for few", "r2");
        },
        deploybot: &[
            "message C01GENERAL $root U01ADA a root",
            "message/thread_broadcast C01GENERAL $r1 U01BEN for all",
            "message C01GENERAL $r2 U01BEN for few",
        ],
        pollbot: &[
            "message C01GENERAL $root U01ADA a root",
            "message/thread_broadcast C01GENERAL $r1 U01BEN for all",
            "message C01GENERAL $r2 U01BEN for few",
        ],
    },
    Row {
        what: "and later",
        happens: |world| {
            calls(world, BEN, "chat.update", r#"{"channel":"C01GENERAL","ts":"$r2","reply_broadcast":true}"#);
        },
        deploybot: &["message/message_changed C01GENERAL $r2 [thread_broadcast] for few (for few)"],
        pollbot: &["message/message_changed C01GENERAL $r2 [thread_broadcast] for few (for few)"],
    },
    Row {
        what: "reactions",
        happens: |world| {
            for verb in ["POST", "DELETE"] {
                changes(
                    world,
                    verb,
                    "/people/ben/reactions",
                    r#"{"channel":"general","ts":"$a","name":"eyes"}"#,
                );
            }
        },
        deploybot: &[
            "reaction_added C01GENERAL $a U01BEN eyes",
            "reaction_removed C01GENERAL $a U01BEN eyes",
        ],
        pollbot: &[],
    },
    Row {
        what: "metadata of a type that the app wants to know of",
        happens: |world| {
            let metadata =
                |kind: &str, step: u32| json!({"event_type": kind, "event_payload": {"step": step}});
            let args = json!({"channel": GENERAL, "text": "deploy", "metadata": metadata("deploy", 1)});
            let ts = text_of(&world.ok(DEPLOY, "chat.postMessage", &args), "ts");
            world.name("g", ts.as_str());
            for step in [2, 2] {
                let args = json!({"channel": GENERAL, "ts": ts, "text": "deploy", "metadata": metadata("deploy", step)});
                world.ok(DEPLOY, "chat.update", &args);
            }
            world.delete(DEPLOY, GENERAL, &ts);
            let args = json!({"channel": GENERAL, "text": "other", "metadata": metadata("other", 1)});
            world.name("h", text_of(&world.ok(DEPLOY, "chat.postMessage", &args), "ts"));
        },
        deploybot: &[
            "message C01GENERAL $g U01DEPLOY deploy",
            "message_metadata_posted C01GENERAL $g",
            "message/message_changed C01GENERAL $g deploy (deploy)",
            "message_metadata_updated C01GENERAL $g",
            "message/message_changed C01GENERAL $g deploy (deploy)",
            "message/message_deleted C01GENERAL $g (deploy)",
            "message_metadata_deleted C01GENERAL $g",
            "message C01GENERAL $h U01DEPLOY other",
        ],
        pollbot: &[
            "message C01GENERAL $g U01DEPLOY deploy",
            "message/message_changed C01GENERAL $g deploy (deploy)",
            "message/message_changed C01GENERAL $g deploy (deploy)",
            "message/message_deleted C01GENERAL $g (deploy)",
            "message C01GENERAL $h U01DEPLOY other",
        ],
    },
    Row {
        what: "a private channel, of which pollbot hears as ben",
        happens: |world| posts(world, ADA, LEADS, "<@U01DEPLOY> between us", "i"),
        deploybot: &[],
        pollbot: &["message C01LEADS $i U01ADA <@U01DEPLOY> between us"],
    },
    Row {
        what: "direct messages are told where the bot is",
        happens: |world| {
            let args = json!({"users": "U01DEPLOY"});
            let dm = text_of(&world.ok(ADA, "conversations.open", &args)["channel"], "id");
            posts(world, ADA, &dm, "<@U01DEPLOY> a word", "j");
            world.name("dm", dm);
            let args = json!({"users": "U01CLEO"});
            let dm = text_of(&world.ok(ADA, "conversations.open", &args)["channel"], "id");
            posts(world, ADA, &dm, "<@U01DEPLOY> not for you", "k");
        },
        deploybot: &["message $dm $j U01ADA <@U01DEPLOY> a word"],
        pollbot: &[],
    },
    Row {
        what: "a group",
        happens: |world| {
            let args = json!({"users": "U01DEPLOY,U01BEN"});
            let group = text_of(&world.ok(ADA, "conversations.open", &args)["channel"], "id");
            posts(world, ADA, &group, "<@U01DEPLOY> all three", "l");
            world.name("group", group);
        },
        deploybot: &[
            "message $group $l U01ADA <@U01DEPLOY> all three",
            "app_mention $group $l U01ADA <@U01DEPLOY> all three",
        ],
        pollbot: &[],
    },
    Row {
        what: "a Teams bot's message is told in translation",
        happens: |world| {
            let id = world.sends(&world.bot(HELPDESK), GENERAL_19, "**ready**");
            world.name("m", format!("{}.{}", &id[..10], &id[10..]));
        },
        deploybot: &["message C01GENERAL $m $HELPDESK *ready*"],
        pollbot: &["message C01GENERAL $m $HELPDESK *ready*"],
    },
    Row {
        what: "channels and members",
        happens: |world| {
            let made = world.ok(ADA, "conversations.create", &json!({"name": "ops"}));
            world.name("ops", text_of(&made["channel"], "id"));
            changes(world, "PATCH", "/channels/ops", r#"{"name":"operations"}"#);
            changes(world, "PUT", "/channels/operations/members/deploybot", "");
            changes(world, "PUT", "/channels/operations/members/ben", "");
            changes(world, "DELETE", "/channels/operations/members/ben", "");
        },
        deploybot: &[
            "channel_created $ops ops",
            "channel_rename $ops operations",
            "member_joined_channel $ops U01DEPLOY",
            "message/channel_join $ops U01DEPLOY",
            "member_joined_channel $ops U01BEN",
            "message/channel_join $ops U01BEN",
            "member_left_channel $ops U01BEN",
            "message/channel_leave $ops U01BEN",
        ],
        pollbot: &[],
    },
    Row {
        what: "a channel that the bot is put out of",
        happens: |world| {
            changes(world, "DELETE", "/channels/operations/members/deploybot", "");
            changes(world, "PATCH", "/channels/operations", r#"{"archived":true}"#);
            changes(world, "PATCH", "/channels/operations", r#"{"archived":false}"#);
            posts(world, ADA, &world.fill("$ops"), "not for deploybot", "gone");
        },
        deploybot: &["channel_left $ops", "channel_archive $ops U01ADA", "channel_unarchive $ops U01ADA"],
        pollbot: &[],
    },
    Row {
        what: "a private channel that the bot is put into",
        happens: |world| {
            changes(world, "PATCH", "/channels/leads", r#"{"name":"heads"}"#);
            changes(world, "PUT", "/channels/heads/members/deploybot", "");
            posts(world, BEN, LEADS, "welcome", "n");
            changes(world, "PATCH", "/channels/heads", r#"{"name":"leads"}"#);
        },
        deploybot: &[
            "member_joined_channel C01LEADS U01DEPLOY",
            "message/channel_join C01LEADS U01DEPLOY",
            "message C01LEADS $n U01BEN welcome",
            "group_rename C01LEADS leads",
            "message/channel_name C01LEADS U01ADA",
        ],
        pollbot: &[
            "message/channel_name C01LEADS U01ADA",
            "message/channel_join C01LEADS U01DEPLOY",
            "message C01LEADS $n U01BEN welcome",
            "message/channel_name C01LEADS U01ADA",
        ],
    },
    Row {
        what: "and out of",
        happens: |world| {
            changes(world, "DELETE", "/channels/leads/members/deploybot", "");
            posts(world, BEN, LEADS, "is it gone?", "o");
        },
        deploybot: &["group_left C01LEADS"],
        pollbot: &["message/channel_leave C01LEADS U01DEPLOY", "message C01LEADS $o U01BEN is it gone?"],
    },
    Row {
        what: "the team's name",
        happens: |world| changes(world, "PATCH", "", r#"{"name":"Acme & Sons"}"#),
        deploybot: &["team_rename Acme & Sons"],
        pollbot: &[],
    },
    Row {
        what: "the last words, after which nothing else may come",
        happens: |world| {
            posts(world, ADA, GENERAL, "that is all", "end");
            for app in ["deploybot", "pollbot"] {
                until("everything was told", || {
                    let told = world.controlled("GET", &format!("/apps/{app}/deliveries"), &Value::Null);
                    assert_eq!(told["deliveries"], json!([]));
                    (told["heard"].as_u64() == Some(world.log_end())).then_some(())
                });
            }
        },
        deploybot: &["message C01GENERAL $end U01ADA that is all"],
        pollbot: &["message C01GENERAL $end U01ADA that is all"],
    },
];

/// An event in one line: what it is, where, which message, who, the subtype of a message in it, what it says, what it said. Of the
/// platform's own messages not when and in which words.
fn line(event: &Value) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| text(pointer));
    let kind = text_of(event, "type");
    let platforms = text("/subtype").is_some_and(|subtype| subtype.starts_with("channel_"));
    let own = (kind == "message" && !platforms) || kind == "app_mention";
    let words = [
        Some(text("/subtype").map_or(kind.clone(), |subtype| format!("{kind}/{subtype}"))),
        first(&["/channel", "/channel/id", "/item/channel", "/channel_id"]),
        first(&["/deleted_ts", "/message/ts", "/item/ts", "/message_ts"]).or(text("/ts").filter(|_| own)),
        first(&["/user", "/username"]),
        text("/message/subtype").map(|subtype| format!("[{subtype}]")),
        first(&["/text", "/message/text", "/reaction", "/name", "/channel/name"]).filter(|_| !platforms),
        text("/previous_message/text").map(|text| format!("({text})")),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_apps_hear() {
    let world = World::new();
    let apps = world.controlled("GET", "/apps", &Value::Null);
    let helpdesk = apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == "helpdesk").unwrap();
    world.name("HELPDESK", text_of(helpdesk, "bot_user_id"));
    // A new request URL hears nothing of this.
    world.post(ADA, GENERAL, "<@U01DEPLOY> before");
    let deploybot = Bot::of_slack(&world, "deploybot", ALL);
    world.controlled("PATCH", "/apps/deploybot", &json!({"metadata_events": ["deploy"]}));
    let pollbot = Bot::of_slack(&world, "pollbot", &["message.channels", "app_mention"]);
    world.controlled("PATCH", "/apps/pollbot", &json!({"user_events": ["message.groups"]}));
    let mut wrong = Vec::new();
    let mut seen = [0, 0];
    for row in ROWS {
        (row.happens)(&world);
        let bots = [(&deploybot, row.deploybot), (&pollbot, row.pollbot)];
        for ((bot, wanted), seen) in bots.into_iter().zip(&mut seen) {
            let heard = bot.wait_for(*seen + wanted.len());
            let heard: Vec<String> = heard[*seen..].iter().map(|it| line(it.event())).collect();
            *seen += heard.len();
            let wanted: Vec<String> = wanted.iter().map(|it| world.fill(it)).collect();
            if heard != wanted {
                wrong.push(format!("{}:\n  wanted {wanted:#?}\n  heard  {heard:#?}", row.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (bot, secret) in [(&deploybot, "deploy-signing-secret"), (&pollbot, "poll-signing-secret")] {
        assert!(bot.heard().iter().all(|heard| heard.is_signed(secret) && !heard.is_signed("another")));
        assert!(bot.heard().iter().all(|heard| !heard.headers.contains_key("x-slack-retry-num")));
        let mut ids: Vec<String> = bot.heard().iter().map(|it| text_of(&it.activity, "event_id")).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), bot.heard().len(), "an event id is used twice");
    }
}

/// What the last event of this kind was, whole.
fn last(bot: &Bot, kind: &str) -> Heard {
    let of_kind = |heard: &Heard| line(heard.event()).split(' ').next() == Some(kind);
    until(kind, || bot.heard().into_iter().rev().find(of_kind))
}

/// The last event of this kind is this one, member by member; null stands for whatever there is. Generated ids of blocks
/// are new whenever they are read.
fn is_event(bot: &Bot, kind: &str, wanted: &Value) {
    let start = Instant::now();
    loop {
        let event = without_ids(last(bot, kind).event().clone());
        let mut wanted = without_ids(wanted.clone());
        wanted["event_ts"] = Value::Null;
        fill(&mut wanted, &event);
        if event == wanted || Duration::from_secs(10) < start.elapsed() {
            assert_eq!(event, wanted, "{kind}:\n{event:#}\n{wanted:#}");
            return;
        }
    }
}

fn without_ids(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.remove("block_id");
            members.values_mut().for_each(|member| *member = without_ids(member.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_ids(item.take())),
        _ => {}
    }
    value
}

fn fill(wanted: &mut Value, event: &Value) {
    match wanted {
        Value::Null => *wanted = event.clone(),
        Value::Object(members) => members.iter_mut().for_each(|(name, member)| fill(member, &event[&**name])),
        _ => {}
    }
}

fn rich_text(text: &str) -> Value {
    let section = json!({"type": "rich_text_section", "elements": [{"type": "text", "text": text}]});
    json!([{"type": "rich_text", "elements": [section]}])
}

#[test]
fn shapes() {
    let world = World::new();
    let bot = Bot::of_slack(&world, "deploybot", ALL);
    world.controlled("PATCH", "/apps/deploybot", &json!({"metadata_events": ["deploy"]}));
    let posted = world.ok(DEPLOY, "chat.postMessage", &json!({
        "channel": GENERAL, "text": "started", "metadata": {"event_type": "deploy", "event_payload": {"n": 1}},
    }));
    let ts = text_of(&posted, "ts");
    let heard = last(&bot, "message");
    // The outer object.
    let outer = &heard.activity;
    assert_eq!(heard.headers["content-type"], "application/json");
    assert!(
        text_of(outer, "event_id").starts_with("Ev") && text_of(outer, "event_context").starts_with("4-")
    );
    assert_eq!(outer["event_time"].as_i64(), ts.split('.').next().unwrap().parse().ok());
    let mut rest = outer.clone();
    for name in ["event", "event_id", "event_time", "event_context", "token"] {
        rest.as_object_mut().unwrap().remove(name).unwrap();
    }
    assert_eq!(
        rest,
        json!({
            "type": "event_callback", "team_id": "T01ACME", "context_team_id": "T01ACME", "context_enterprise_id": null,
            "api_app_id": "A01DEPLOY", "is_ext_shared_channel": false,
            "authorizations": [{"enterprise_id": null, "team_id": "T01ACME", "user_id": "U01DEPLOY", "is_bot": true,
                "is_enterprise_install": false}],
        })
    );
    // A message, as history shows it, and where it is.
    let history =
        world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "include_all_metadata": true}));
    let started = history["messages"][0].clone();
    assert_eq!(started["metadata"]["event_payload"]["n"], 1);
    let mut wanted = started.clone();
    wanted["channel"] = GENERAL.into();
    wanted["channel_type"] = "channel".into();
    is_event(&bot, "message", &wanted);
    is_event(
        &bot,
        "message_metadata_posted",
        &json!({
            "type": "message_metadata_posted", "app_id": "A01DEPLOY", "bot_id": "B01DEPLOY", "user_id": "U01DEPLOY",
            "team_id": "T01ACME", "channel_id": GENERAL, "message_ts": ts, "metadata": started["metadata"],
        }),
    );
    // Changed.
    let update = json!({"channel": GENERAL, "ts": ts, "text": "passed",
        "metadata": {"event_type": "deploy", "event_payload": {"n": 2}}});
    world.ok(DEPLOY, "chat.update", &update);
    let edited = json!({"user": "B01DEPLOY", "ts": null});
    let mut passed = started.clone();
    for (name, value) in [
        ("text", json!("passed")),
        ("blocks", rich_text("passed")),
        ("edited", edited),
        ("metadata", update["metadata"].clone()),
    ] {
        passed[name] = value;
    }
    let mut message = passed.clone();
    message["source_team"] = "T01ACME".into();
    message["user_team"] = "T01ACME".into();
    is_event(
        &bot,
        "message/message_changed",
        &json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": GENERAL,
            "channel_type": "channel", "ts": null, "message": message, "previous_message": started,
        }),
    );
    is_event(
        &bot,
        "message_metadata_updated",
        &json!({
            "type": "message_metadata_updated", "app_id": "A01DEPLOY", "bot_id": "B01DEPLOY", "user_id": "U01DEPLOY",
            "team_id": "T01ACME", "channel_id": GENERAL, "message_ts": ts, "metadata": passed["metadata"],
            "previous_metadata": started["metadata"],
        }),
    );
    // Deleted.
    world.delete(DEPLOY, GENERAL, &ts);
    is_event(
        &bot,
        "message/message_deleted",
        &json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": GENERAL,
            "channel_type": "channel", "ts": null, "deleted_ts": ts, "previous_message": passed,
        }),
    );
    is_event(
        &bot,
        "message_metadata_deleted",
        &json!({
            "type": "message_metadata_deleted", "app_id": "A01DEPLOY", "bot_id": "B01DEPLOY", "user_id": "U01DEPLOY",
            "team_id": "T01ACME", "channel_id": GENERAL, "message_ts": ts, "deleted_ts": ts,
            "previous_metadata": passed["metadata"],
        }),
    );
    threads(&world, &bot);
    others(&world, &bot);
}

/// Replies, tombstones, and their end.
fn threads(world: &World, bot: &Bot) {
    let root = world.post(ADA, GENERAL, "who?");
    let reply = world.reply(BEN, GENERAL, &root, "<@U01DEPLOY>");
    let history = world.ok(ADA, "conversations.replies", &json!({"channel": GENERAL, "ts": root}));
    let mut mention = history["messages"][1].clone();
    mention["channel"] = GENERAL.into();
    mention["type"] = "app_mention".into();
    assert_eq!((&mention["thread_ts"], &mention["parent_user_id"]), (&json!(root), &json!("U01ADA")));
    is_event(bot, "app_mention", &mention);
    let mut who = history["messages"][0].clone();
    who.as_object_mut().unwrap().remove("subscribed").unwrap();
    assert_eq!(who["reply_count"], 1);
    world.delete(ADA, GENERAL, &root);
    let tombstone = json!({
        "type": "message", "subtype": "tombstone", "text": "This message was deleted.", "user": "USLACKBOT",
        "hidden": true, "thread_ts": root, "reply_count": 1, "reply_users_count": 1, "latest_reply": reply,
        "reply_users": ["U01BEN"], "is_locked": false, "ts": root,
    });
    is_event(
        bot,
        "message/message_changed",
        &json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": GENERAL,
            "channel_type": "channel", "ts": null, "message": tombstone, "previous_message": who,
        }),
    );
    world.delete(BEN, GENERAL, &reply);
    is_event(
        bot,
        "message/message_deleted",
        &json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": GENERAL,
            "channel_type": "channel", "ts": null, "deleted_ts": root, "previous_message": {
                "type": "message", "subtype": "tombstone", "text": "This message was deleted.", "user": "USLACKBOT",
                "hidden": true, "thread_ts": root, "reply_count": 0, "reply_users_count": 0,
                "latest_reply": "0000000000.000000", "reply_users": [], "is_locked": false, "ts": root,
            },
        }),
    );
}

/// Reactions, channels, members, the team.
fn others(world: &World, bot: &Bot) {
    let ts = world.post(ADA, GENERAL, "look");
    let reaction = json!({"channel": "general", "ts": ts, "name": "eyes"});
    world.controlled("POST", "/people/ben/reactions", &reaction);
    is_event(
        bot,
        "reaction_added",
        &json!({
            "type": "reaction_added", "user": "U01BEN", "reaction": "eyes", "item_user": "U01ADA",
            "item": {"type": "message", "channel": GENERAL, "ts": ts},
        }),
    );
    let made = world.ok(ADA, "conversations.create", &json!({"name": "ops"}))["channel"].clone();
    is_event(
        bot,
        "channel_created",
        &json!({"type": "channel_created", "channel": {
            "id": made["id"], "name": "ops", "name_normalized": "ops", "created": made["created"], "creator": "U01ADA",
            "is_channel": true, "is_mpim": false, "is_shared": false, "is_org_shared": false,
            "context_team_id": "T01ACME",
        }}),
    );
    world.ok(ADA, "conversations.invite", &json!({"channel": made["id"], "users": "U01DEPLOY"}));
    is_event(
        bot,
        "member_joined_channel",
        &json!({
            "type": "member_joined_channel", "user": "U01DEPLOY", "channel": made["id"], "channel_type": "C",
            "team": "T01ACME", "inviter": "U01ADA",
        }),
    );
    world.ok(BEN, "conversations.join", &json!({"channel": made["id"]}));
    world.ok(BEN, "conversations.leave", &json!({"channel": made["id"]}));
    is_event(
        bot,
        "member_left_channel",
        &json!({
            "type": "member_left_channel", "user": "U01BEN", "channel": made["id"], "channel_type": "C",
            "team": "T01ACME",
        }),
    );
    world.controlled("PATCH", "/channels/ops", &json!({"name": "operations"}));
    is_event(
        bot,
        "channel_rename",
        &json!({"type": "channel_rename", "channel": {
            "id": made["id"], "name": "operations", "name_normalized": "operations", "created": made["created"],
            "is_channel": true, "is_mpim": false,
        }}),
    );
    world.ok(ADA, "conversations.kick", &json!({"channel": made["id"], "user": "U01DEPLOY"}));
    is_event(
        bot,
        "channel_left",
        &json!({"type": "channel_left", "channel": made["id"], "actor_id": "U01ADA"}),
    );
    world.ok(ADA, "conversations.archive", &json!({"channel": made["id"]}));
    is_event(
        bot,
        "channel_archive",
        &json!({
            "type": "channel_archive", "channel": made["id"], "user": "U01ADA", "is_moved": 0,
        }),
    );
    world.controlled("PATCH", "/people/ben", &json!({"real_name": "Ben O."}));
    let ben = world.ok(DEPLOY, "users.info", &json!({"user": "U01BEN"}))["user"].clone();
    assert_eq!((&ben["real_name"], &ben["profile"]["email"]), (&json!("Ben O."), &json!("ben@acme.example")));
    is_event(bot, "user_change", &json!({"type": "user_change", "user": ben, "cache_ts": null}));
    world.controlled("PATCH", "", &json!({"name": "Acme & Sons"}));
    is_event(
        bot,
        "team_rename",
        &json!({
            "type": "team_rename", "name": "Acme & Sons", "team_id": "T01ACME",
        }),
    );
}

/// An app hears with a bot token that has the scope, or as a person who authorised it, and then as that person.
#[test]
fn scopes_and_whose_authority() {
    let world = World::new();
    let bot = Bot::new();
    let app = json!({
        "name": "narrow", "channels": ["general", "leads"],
        "scopes": ["app_mentions:read", "groups:history"],
        "bot_events": ["message.channels", "message.groups", "app_mention", "reaction_added"],
    });
    let made = world.controlled("POST", "/apps", &app);
    // From now on, so that it does not hear what is written about its own coming.
    bot.serves(&world, "narrow");
    let user = text_of(&made, "bot_user_id");
    let told = |bot: &Bot, count: usize| -> Vec<String> {
        bot.wait_for(count)
            .iter()
            .map(|it| {
                let whose = &it.activity["authorizations"][0];
                format!("{} {} {}", it.event()["type"].as_str().unwrap(), whose["user_id"], whose["is_bot"])
            })
            .collect()
    };
    world.post(ADA, GENERAL, "nothing of this");
    world.post(ADA, GENERAL, &format!("<@{user}> this"));
    world.post(ADA, LEADS, "and this");
    let own = format!("\"{user}\"");
    // Of different conversations, either may come first.
    let mut all = told(&bot, 2);
    all.sort();
    assert_eq!(all, [format!("app_mention {own} true"), format!("message {own} true")]);
    // As ben, who is in the channel and has a token.
    world.controlled("PATCH", "/apps/narrow", &json!({"user_events": ["message.channels"]}));
    world.post(ADA, GENERAL, "nobody has authorised it");
    let token = json!({"app": "narrow", "user": "ben", "scopes": ["channels:history"]});
    let token = world.controlled("POST", "/tokens", &token);
    world.post(ADA, GENERAL, "now");
    assert_eq!(told(&bot, 3)[2], "message \"U01BEN\" false");
    assert_eq!(bot.heard()[2].event()["text"], "now");
    world.controlled("DELETE", &format!("/tokens/{}", text_of(&token, "token")), &Value::Null);
    world.post(ADA, GENERAL, "not any more");
    world.post(ADA, LEADS, "the last one");
    assert_eq!(bot.wait_for(4)[3].event()["text"], "the last one");
}

/// The last that an app hears.
#[test]
fn tokens_and_installation_end() {
    let world = World::new();
    let bot = Bot::of_slack(&world, "deploybot", ALL);
    world.controlled("DELETE", "/apps/deploybot", &Value::Null);
    let revoked = |heard: &Heard| heard.event()["tokens"].clone();
    let heard = until("the end", || {
        let heard = bot.heard();
        (heard.last()?.event()["type"] == "app_uninstalled").then_some(heard)
    });
    let tokens: Vec<Value> = heard[..heard.len() - 1].iter().map(revoked).collect();
    assert!(tokens.contains(&json!({"oauth": [], "bot": ["U01DEPLOY"]})), "{tokens:?}");
    assert!(heard.iter().all(|it| it.is_signed("deploy-signing-secret")));
}

/// A file that is shared and deleted; one in a private channel is nobody else's business.
#[test]
fn files() {
    let world = World::new();
    let bot = Bot::of_slack(&world, "deploybot", ALL);
    let (id, ts) = crate::files::shared(&world, DEPLOY, GENERAL, "notes.md", "# notes");
    let message =
        world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}))["messages"][0].clone();
    assert_eq!((&message["subtype"], &message["ts"]), (&json!("file_share"), &json!(ts)));
    let mut wanted = message;
    wanted["channel"] = GENERAL.into();
    wanted["channel_type"] = "channel".into();
    is_event(&bot, "message/file_share", &wanted);
    let file = json!({"file_id": id, "user_id": "U01DEPLOY", "file": {"id": id}});
    for (kind, place) in [("file_created", None), ("file_shared", Some(GENERAL))] {
        let mut wanted = file.clone();
        wanted["type"] = kind.into();
        if let Some(place) = place {
            wanted["channel_id"] = place.into();
        }
        is_event(&bot, kind, &wanted);
    }
    let before = bot.heard().len();
    let (secret, _) = crate::files::shared(&world, BEN, LEADS, "secret.md", "# secret");
    world.ok(BEN, "files.delete", &json!({"file": secret}));
    world.ok(DEPLOY, "files.delete", &json!({"file": id}));
    let deleted = json!({
        "type": "file_deleted", "file_id": id, "user_id": "U01DEPLOY", "channel_ids": [GENERAL],
    });
    is_event(&bot, "file_deleted", &deleted);
    assert!(bot.heard()[before..].iter().all(|it| !it.activity.to_string().contains(&secret)));
}
