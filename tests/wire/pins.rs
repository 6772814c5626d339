//! Pins through the Web API, as lists and messages show them.

use serde_json::{Value, json};

use crate::world::*;

fn pin(world: &World, token: &str, method: &str, ts: &str) -> String {
    let args = json!({"channel": GENERAL, "timestamp": ts});
    world.slack(token, &format!("pins.{method}"), &args).code().to_owned()
}

fn listed(world: &World) -> Vec<Value> {
    let list = world.ok(CLEO, "pins.list", &json!({"channel": GENERAL}));
    list["items"].as_array().unwrap().clone()
}

fn newest(world: &World) -> Value {
    world.ok(CLEO, "conversations.history", &json!({"channel": GENERAL, "limit": 1}))
}

#[test]
fn pinning() {
    let world = World::new();
    let first = world.post(DEPLOY, GENERAL, "first");
    let second = world.post(BEN, GENERAL, "second");
    for (token, method, ts, code) in [
        (DEPLOY, "add", &second, "ok"),
        (BEN, "add", &second, "already_pinned"),
        (CLEO, "remove", &first, "no_pin"),
        (CLEO, "add", &first, "ok"),
    ] {
        assert_eq!(pin(&world, token, method, ts), code, "{token} {method}");
    }
    let items = listed(&world);
    let shown: Vec<_> = items.iter().map(|item| (&item["created_by"], &item["message"]["ts"])).collect();
    assert_eq!(shown, [(&json!("U01CLEO"), &json!(first)), (&json!("U01DEPLOY"), &json!(second))]);
    for item in &items {
        assert_eq!((&item["type"], &item["channel"]), (&json!("message"), &json!(GENERAL)));
        assert!(item["created"].is_i64() && item["message"]["permalink"].is_string());
        assert_eq!(item["message"]["pinned_to"], json!([GENERAL]));
        let info = &item["message"]["pinned_info"];
        assert_eq!((&info["channel"], &info["pinned_by"]), (&json!(GENERAL), &item["created_by"]));
        assert_eq!(info["pinned_ts"], item["created"]);
    }
    let history = newest(&world);
    assert_eq!((&history["pin_count"], &history["messages"][0]["pinned_to"]), (&json!(2), &json!([GENERAL])));
    // An edit leaves the pin, also in its answer.
    let args = json!({"channel": GENERAL, "ts": first, "text": "changed"});
    let updated = world.ok(DEPLOY, "chat.update", &args);
    assert_eq!(updated["message"]["pinned_to"], json!([GENERAL]));
    assert_eq!(listed(&world)[0]["message"]["text"], "changed");
    assert_eq!(pin(&world, BEN, "remove", &second), "ok");
    let history = newest(&world);
    assert_eq!((&history["pin_count"], &history["messages"][0]["pinned_to"]), (&json!(1), &Value::Null));
}

#[test]
fn deleting_takes_the_pin_away() {
    let world = World::new();
    let alone = world.post(DEPLOY, GENERAL, "alone");
    let root = world.post(DEPLOY, GENERAL, "root");
    let reply = world.reply(DEPLOY, GENERAL, &root, "reply");
    for ts in [&alone, &root, &reply] {
        assert_eq!(pin(&world, DEPLOY, "add", ts), "ok");
    }
    world.delete(DEPLOY, GENERAL, &alone);
    assert_eq!(listed(&world).len(), 2);
    world.delete(DEPLOY, GENERAL, &root);
    assert_eq!(listed(&world).len(), 1);
    let stone = newest(&world);
    assert_eq!((&stone["pin_count"], &stone["messages"][0]["subtype"]), (&json!(1), &json!("tombstone")));
    assert_eq!(stone["messages"][0]["pinned_to"], Value::Null);
    assert_eq!(pin(&world, DEPLOY, "add", &root), "not_pinnable");
    // A restart keeps pins: they are in the directory, which the log tells of.
    let page = world.controlled("GET", "/log?after=0&limit=1000", &Value::Null);
    let kinds: Vec<&str> =
        page["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "message_pinned").count(), 3);
    assert_eq!(kinds.iter().filter(|kind| **kind == "message_unpinned").count(), 2);
}

#[test]
fn private_channels_keep_their_pins_to_themselves() {
    let world = World::new();
    let ts = world.post(ADA, LEADS, "secret");
    world.ok(ADA, "pins.add", &json!({"channel": LEADS, "timestamp": ts}));
    for method in ["pins.list", "pins.add", "pins.remove"] {
        let answer = world.slack(CLEO, method, &json!({"channel": LEADS, "timestamp": ts}));
        assert_eq!(answer.code(), "channel_not_found", "{method}");
    }
}

#[test]
fn a_hundred() {
    let world = World::new();
    let all: Vec<String> = (0..=100).map(|number| world.post(DEPLOY, GENERAL, &number.to_string())).collect();
    for ts in &all[..100] {
        assert_eq!(pin(&world, DEPLOY, "add", ts), "ok");
    }
    assert_eq!(pin(&world, DEPLOY, "add", &all[100]), "too_many_pins");
    assert_eq!(listed(&world).len(), 100);
    assert_eq!(pin(&world, DEPLOY, "remove", &all[50]), "ok");
    assert_eq!(pin(&world, DEPLOY, "add", &all[100]), "ok");
}
