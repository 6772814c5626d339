//! What channels are called and about, how far they were read, and what the platform writes about all that.

use serde_json::{Value, json};

use crate::bot::{Bot, until};
use crate::world::*;

fn info(world: &World, token: &str) -> Value {
    world.ok(token, "conversations.info", &json!({"channel": RANDOM}))["channel"].clone()
}

/// The newest messages of #random, newest first.
fn newest(world: &World, count: usize) -> Vec<Value> {
    let history = world.ok(ADA, "conversations.history", &json!({"channel": RANDOM, "limit": count}));
    history["messages"].as_array().unwrap().clone()
}

#[test]
fn topic_and_purpose() {
    let world = World::new();
    let topic = json!({"channel": RANDOM, "topic": "tea & https://cake.example"});
    let answer = world.ok(DEPLOY, "conversations.setTopic", &topic);
    let stored = "tea &amp; <https://cake.example>";
    let set = &answer["channel"]["topic"];
    assert_eq!((&set["value"], &set["creator"]), (&json!(stored), &json!("U01DEPLOY")));
    assert!(0 < set["last_set"].as_i64().unwrap());
    let purpose = json!({"channel": RANDOM, "purpose": "talk"});
    assert_eq!(world.ok(BEN, "conversations.setPurpose", &purpose)["purpose"], "talk");
    let channel = info(&world, CLEO);
    assert_eq!(channel["topic"], *set);
    assert_eq!(
        (&channel["purpose"]["value"], &channel["purpose"]["creator"]),
        (&json!("talk"), &json!("U01BEN"))
    );
    let written = newest(&world, 2);
    let of = |place: usize| {
        let message: &Value = &written[place];
        (message["subtype"].clone(), message["user"].clone(), message["text"].clone())
    };
    assert_eq!(
        of(0),
        (json!("channel_purpose"), json!("U01BEN"), json!("<@U01BEN> set the channel purpose: talk"))
    );
    assert_eq!(written[0]["purpose"], "talk");
    let text = format!("<@U01DEPLOY> set the channel topic: {stored}");
    assert_eq!(of(1), (json!("channel_topic"), json!("U01DEPLOY"), json!(text)));
    assert_eq!(written[1]["topic"], stored);
    assert_eq!((&written[1]["bot_id"], &written[1]["blocks"]), (&Value::Null, &Value::Null));
    // The same once more is nothing new; an empty one takes it away.
    let before = world.log_end();
    world.ok(CLEO, "conversations.setTopic", &topic);
    assert_eq!(world.log_end(), before);
    world.ok(CLEO, "conversations.setTopic", &json!({"channel": RANDOM, "topic": ""}));
    assert_eq!(info(&world, CLEO)["topic"]["value"], "");
    assert_eq!(newest(&world, 1)[0]["text"], "<@U01CLEO> cleared the channel topic");
    // 250 characters, whichever they are.
    for (count, code) in [(250, "ok"), (251, "too_long")] {
        let args = json!({"channel": RANDOM, "topic": "\u{e4}".repeat(count)});
        assert_eq!(world.slack(DEPLOY, "conversations.setTopic", &args).code(), code);
    }
}

#[test]
fn renaming() {
    let world = World::new();
    let made = world.ok(DEPLOY, "conversations.create", &json!({"name": "release-1"}));
    let id = text_of(&made["channel"], "id");
    let rename = |token: &str, name: &str| {
        let args = json!({"channel": id, "name": name});
        world.slack(token, "conversations.rename", &args)
    };
    world.ok(DEPLOY, "conversations.invite", &json!({"channel": id, "users": "U01BEN,U01ADA"}));
    for (token, name, code) in [
        (BEN, "release-2", "not_authorized"),
        (DEPLOY, "release-2", "ok"),
        (ADA, "release-3", "ok"),
        (ADA, "release-3", "ok"),
        (ADA, "general", "name_taken"),
        (ADA, "Release", "invalid_name_specials"),
    ] {
        assert_eq!(rename(token, name).code(), code, "{token} {name}");
    }
    let info = world.ok(BEN, "conversations.info", &json!({"channel": id}))["channel"].clone();
    assert_eq!(
        (&info["name"], &info["previous_names"]),
        (&json!("release-3"), &json!(["release-1", "release-2"]))
    );
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": id}));
    let messages = history["messages"].as_array().unwrap();
    let shown: Vec<String> = messages
        .iter()
        .map(|it| {
            format!("{} {} {} {}", it["subtype"], it["user"], it["old_name"], it["name"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "channel_name U01ADA release-2 release-3",
            "channel_name U01DEPLOY release-1 release-2",
            "channel_join U01ADA null null",
            "channel_join U01BEN null null",
        ]
    );
    assert_eq!(messages[2]["inviter"], "U01DEPLOY");
    // By its new name it is found, by its old one no more.
    world.post(DEPLOY, "release-3", "here");
    let gone = world.slack(DEPLOY, "chat.postMessage", &json!({"channel": "release-1", "text": "x"}));
    assert_eq!(gone.code(), "channel_not_found");
}

/// Whatever way somebody comes or goes, and a channel is archived.
#[test]
fn comings_and_goings() {
    let world = World::new();
    let by_control = |verb: &str, path: &str, body: Value| {
        world.controlled(verb, path, &body);
    };
    world.ok(POLL, "conversations.join", &json!({"channel": RANDOM}));
    world.ok(POLL, "conversations.leave", &json!({"channel": RANDOM}));
    world.ok(ADA, "conversations.kick", &json!({"channel": RANDOM, "user": "U01BEN"}));
    by_control("PUT", "/channels/random/members/ben", Value::Null);
    by_control("DELETE", "/channels/random/members/ben", Value::Null);
    world.ok(ADA, "conversations.archive", &json!({"channel": RANDOM}));
    by_control("PATCH", "/channels/random", json!({"archived": false}));
    by_control("PATCH", "/channels/random", json!({"name": "chance"}));
    let written = newest(&world, 20);
    let shown: Vec<(&str, &str)> = written
        .iter()
        .rev()
        .map(|it| (it["subtype"].as_str().unwrap(), it["user"].as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [
            ("channel_join", "U01POLL"),
            ("channel_leave", "U01POLL"),
            ("channel_leave", "U01BEN"),
            ("channel_join", "U01BEN"),
            ("channel_leave", "U01BEN"),
            ("channel_archive", "U01ADA"),
            ("channel_unarchive", "U01ADA"),
            ("channel_name", "U01ADA"),
        ]
    );
    assert_eq!(written.last().unwrap()["text"], "<@U01POLL> has joined the channel");
    // Only administrators delete what the platform wrote, and nobody changes it.
    let ts = text_of(&written[7], "ts");
    for (token, method, code) in [
        (POLL, "chat.update", "cant_update_message"),
        (ADA, "chat.update", "cant_update_message"),
        (DEPLOY, "chat.delete", "cant_delete_message"),
        (BEN, "chat.delete", "cant_delete_message"),
        (ADA, "chat.delete", "ok"),
    ] {
        let answer = world.slack(token, method, &json!({"channel": RANDOM, "ts": ts, "text": "x"}));
        assert_eq!(answer.code(), code, "{token} {method}");
        assert!(code == "ok" || answer.reasons().contains("platform"), "{}", answer.body);
    }
    let pinned = world.slack(ADA, "pins.add", &json!({"channel": RANDOM, "timestamp": written[0]["ts"]}));
    assert_eq!(pinned.code(), "not_pinnable");
}

#[test]
fn reading() {
    let world = World::new();
    let ts = world.post(DEPLOY, RANDOM, "read me");
    assert_eq!(info(&world, BEN)["last_read"], "0000000000.000000");
    world.ok(BEN, "conversations.mark", &json!({"channel": RANDOM, "ts": ts}));
    assert_eq!(info(&world, BEN)["last_read"], ts.as_str());
    assert_eq!(info(&world, CLEO)["last_read"], "0000000000.000000", "each has their own");
    assert_eq!(info(&world, POLL)["last_read"], Value::Null, "who is not in it has none");
}

/// Presence, profiles and user groups, as declared by the control API.
#[test]
fn people() {
    let world = World::new();
    let presence = |token: &str, args: Value| world.ok(token, "users.getPresence", &args);
    assert_eq!(presence(DEPLOY, json!({"user": "U01BEN"})), json!({"ok": true, "presence": "active"}));
    world.controlled("PATCH", "/people/ben", &json!({"away": true}));
    assert_eq!(presence(DEPLOY, json!({"user": "U01BEN"}))["presence"], "away");
    let own = presence(BEN, json!({}));
    assert_eq!(
        (&own["presence"], &own["online"], &own["manual_away"]),
        (&json!("away"), &json!(false), &json!(true))
    );
    assert!(own["last_activity"].is_i64() && own["connection_count"] == 0 && own["auto_away"] == false);
    let profile = world.ok(DEPLOY, "users.profile.get", &json!({"user": "U01BEN"}))["profile"].clone();
    assert_eq!((&profile["real_name"], &profile["email"]), (&json!("Ben Okri"), &json!("ben@acme.example")));
    let own = world.ok(BEN, "users.profile.get", &json!({"include_labels": true}))["profile"].clone();
    assert_eq!(own["display_name"], "ben");
    let none = world.slack(DEPLOY, "users.getPresence", &json!({"user": "U01NOBODY"}));
    assert_eq!(none.code(), "user_not_found");

    let made = json!({"handle": "oncall", "name": "On call", "id": "S01ONCALL", "members": ["ben", "cleo"]});
    world.controlled("POST", "/user-groups", &made);
    world.controlled("POST", "/user-groups", &json!({"handle": "retired"}));
    world.controlled("PATCH", "/user-groups/retired", &json!({"disabled": true}));
    let list = |args: Value| world.ok(DEPLOY, "usergroups.list", &args)["usergroups"].clone();
    let groups = list(json!({}));
    assert_eq!(groups.as_array().unwrap().len(), 1);
    assert_eq!((&groups[0]["id"], &groups[0]["handle"]), (&json!("S01ONCALL"), &json!("oncall")));
    assert_eq!((&groups[0]["users"], &groups[0]["user_count"]), (&Value::Null, &Value::Null));
    let groups = list(json!({"include_disabled": true, "include_users": true, "include_count": 1}));
    assert_eq!((&groups[0]["users"], &groups[0]["user_count"]), (&json!(["U01BEN", "U01CLEO"]), &json!(2)));
    assert!(0 < groups[1]["date_delete"].as_i64().unwrap());
    let users = |args: Value| world.slack(DEPLOY, "usergroups.users.list", &args);
    assert_eq!(users(json!({"usergroup": "S01ONCALL"})).json["users"], json!(["U01BEN", "U01CLEO"]));
    let retired = groups[1]["id"].clone();
    assert_eq!(users(json!({"usergroup": retired})).code(), "no_such_subteam");
    assert_eq!(users(json!({"usergroup": retired, "include_disabled": true})).json["users"], json!([]));
    for (verb, path, body, outcome) in [
        ("POST", "/user-groups", json!({"handle": ""}), "400 bad_request"),
        ("POST", "/user-groups", json!({"handle": "oncall"}), "409 taken"),
        ("POST", "/user-groups", json!({"handle": "x", "members": ["nobody"]}), "404 not_found"),
        ("PATCH", "/user-groups/nobody", json!({}), "404 not_found"),
        ("PATCH", "/user-groups/oncall", json!({"handle": "retired"}), "409 taken"),
    ] {
        assert_eq!(world.control(verb, path, &body).outcome(), outcome, "{path} {body}");
    }
}

/// Teams bots hear of comings and goings in their own way, and nothing of what the platform writes about them.
#[test]
fn teams_bots_hear_no_notices() {
    let world = World::new();
    world.controlled("PATCH", "/apps/helpdesk", &json!({"read_all": true}));
    let bot = Bot::of(&world, "helpdesk");
    let topic = json!({"channel": GENERAL, "topic": "tea"});
    world.ok(DEPLOY, "conversations.setTopic", &topic);
    world.controlled("POST", "/people", &json!({"name": "dora"}));
    let notice = text_of(
        &world.ok(ADA, "conversations.history", &json!({"channel": GENERAL, "limit": 1}))["messages"][0],
        "ts",
    );
    world.delete(ADA, GENERAL, &notice);
    world.post(BEN, GENERAL, "the end");
    let end = || {
        let heard = bot.heard();
        heard.iter().any(|heard| heard.text() == "the end").then_some(heard)
    };
    let heard = until("the bot hears the end", end);
    let types: Vec<&str> = heard.iter().map(|heard| heard.activity["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["conversationUpdate", "message"], "{heard:#?}");
}
