//! Quotas: set and read by the control API, and refused by each API in its own words.

use serde_json::{Value, json};

use crate::world::*;

fn quotas(world: &World, quotas: &Value) {
    world.controlled("PATCH", "", &json!({"quotas": quotas}));
}

fn used(world: &World, what: &str) -> u64 {
    world.controlled("GET", "", &Value::Null)["used"][what].as_u64().unwrap()
}

#[test]
fn what_grows_past_a_quota() {
    let world = World::new();
    let first = world.post(DEPLOY, GENERAL, "hello");
    let (messages, channels) = (used(&world, "messages"), used(&world, "channels"));
    assert_eq!((used(&world, "people"), used(&world, "files")), (3, 0));
    quotas(&world, &json!({"messages": messages, "channels": channels}));
    let shown = world.controlled("GET", "", &Value::Null);
    assert_eq!(
        shown["quotas"],
        json!({"people": null, "apps": null, "channels": channels, "files": null,
        "messages": messages, "bytes": null})
    );

    let say =
        |text: &str| world.slack(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": text}));
    let refused = say("one more");
    assert_eq!(refused.code(), "message_limit_exceeded", "{}", refused.body);
    assert!(
        refused.body.contains(&format!("the workspace's quota is {messages} messages")),
        "{}",
        refused.body
    );
    let stream = json!({"channel": GENERAL, "thread_ts": first, "recipient_team_id": "T01ACME",
                      "recipient_user_id": "U01ADA", "markdown_text": "x"});
    let began = world.slack(DEPLOY, "chat.startStream", &stream);
    assert_eq!(began.code(), "message_limit_exceeded", "{}", began.body);
    let made = world.slack(ADA, "conversations.create", &json!({"name": "one-more"}));
    assert_eq!(made.code(), "restricted_action", "{}", made.body);
    let made = world.control("POST", "/channels", &json!({"name": "one-more"}));
    assert_eq!((made.status, &made.json["error"]["code"]), (507, &json!("quota")), "{}", made.body);
    let bot = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let sent = world.connector(&bot, "POST", &path, &json!({"type": "message", "text": "one more"}));
    assert_eq!(sent.status, 403, "{}", sent.body);

    world.ok(
        DEPLOY,
        "chat.update",
        &json!({"channel": GENERAL, "ts": first, "text": "as long as it likes to be"}),
    );
    world.delete(DEPLOY, GENERAL, &first);
    assert_eq!(used(&world, "messages"), messages - 1);
    assert_eq!(say("in its place").code(), "ok");

    quotas(&world, &json!({"messages": null}));
    let short = world.post(DEPLOY, GENERAL, "short");
    let bytes = used(&world, "bytes");
    quotas(&world, &json!({"bytes": bytes}));
    let soon = short.split('.').next().unwrap().parse::<u64>().unwrap() + 3600;
    for (method, args) in [
        ("chat.postMessage", json!({"channel": GENERAL, "text": "one more"})),
        ("chat.postEphemeral", json!({"channel": GENERAL, "text": "one more", "user": "U01BEN"})),
        ("chat.update", json!({"channel": GENERAL, "ts": short, "text": "longer"})),
        ("chat.scheduleMessage", json!({"channel": GENERAL, "text": "later", "post_at": soon})),
    ] {
        let refused = world.slack(DEPLOY, method, &args);
        assert_eq!(refused.code(), "message_limit_exceeded", "{method}: {}", refused.body);
    }
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": short, "text": "brief"}));
    quotas(&world, &json!({"bytes": null, "channels": null}));
    assert_eq!(say("one more").code(), "ok");
    for wrong in [json!({"messages": -1}), json!({"odd": 1}), json!({"bytes": "many"})] {
        assert_eq!(world.control("PATCH", "", &json!({"quotas": wrong})).status, 400, "{wrong}");
    }
}
