//! The workspace in which the rows are tried, and the names that they use for its parts.

use serde_json::{Value, json};

use crate::world::*;

pub fn world() -> World {
    let world = World::new();
    tokens(&world);
    for (name, value) in [
        ("general", GENERAL),
        ("random", RANDOM),
        ("leads", LEADS),
        ("attic", ATTIC),
        ("g", GENERAL_19),
        ("former", "19:former@thread.tacv2"),
        ("old", "19:old@thread.tacv2"),
        ("quiet", "C01QUIET"),
    ] {
        world.name(name, value);
    }
    channels(&world);
    texts(&world);
    messages(&world);
    world
}

fn tokens(world: &World) {
    world.controlled("POST", "/people", &json!({"name": "eve", "id": "U01EVE"}));
    (0..9).for_each(|n| {
        world.controlled("POST", "/people", &json!({"name": format!("p{n}"), "id": format!("U01P{n}")}));
    });
    world.controlled(
        "POST",
        "/apps",
        &json!({"kind": "slack", "name": "gone", "bot_token": "xoxb-uninstalled"}),
    );
    let read = ["channels:read", "channels:history"];
    for (token, user, scopes, seconds) in [
        ("xoxp-eve", Some("eve"), vec!["chat:write"], None),
        ("xoxb-none", None, vec![], None),
        ("xoxb-public", None, read.to_vec(), None),
        ("xoxb-member", None, vec!["chat:write"], None),
        ("xoxb-revoked", None, vec!["chat:write"], None),
        ("xoxb-expired", None, vec!["chat:write"], Some(1)),
    ] {
        let body = json!({"app": "deploybot", "user": user, "token": token, "scopes": scopes, "expires_in_seconds": seconds});
        world.controlled("POST", "/tokens", &body);
    }
    world.controlled("PATCH", "/people/eve", &json!({"deactivated": true}));
    world.controlled("DELETE", "/tokens/xoxb-revoked", &Value::Null);
    world.controlled("DELETE", "/apps/gone", &Value::Null);
}

fn channels(world: &World) {
    let opened = world.ok(DEPLOY, "conversations.open", &json!({"users": "U01BEN"}));
    world.name("dm", text_of(&opened["channel"], "id"));
    let alone = world.ok(DEPLOY, "conversations.create", &json!({"name": "alone", "is_private": true}));
    world.name("alone", text_of(&alone["channel"], "id"));
    world.controlled("POST", "/channels", &json!({"name": "quiet", "id": "C01QUIET", "members": ["ada"]}));
    let apps = world.controlled("GET", "/apps", &Value::Null);
    let helpdesk =
        apps["apps"].as_array().unwrap().iter().find(|app| app["name"] == "helpdesk").unwrap().clone();
    let user = text_of(&helpdesk, "bot_user_id");
    for name in ["former", "old"] {
        let body = json!({"name": name, "conversation_id": format!("19:{name}@thread.tacv2")});
        world.controlled("POST", "/channels", &body);
        world.controlled("PUT", &format!("/channels/{name}/members/{user}"), &Value::Null);
    }
    world.controlled("DELETE", &format!("/channels/former/members/{user}"), &Value::Null);
    world.controlled("PATCH", "/channels/old", &json!({"archived": true}));
}

fn texts(world: &World) {
    world.name("long", "x".repeat(16_000));
    world.name("longest", "x".repeat(40_001));
    world.name("fat", "x".repeat(51_200));
    world.name("huge", "x".repeat(400_000));
    world.name("name81", "n".repeat(81));
    let section = json!({"type": "section", "text": {"type": "plain_text", "text": "x".repeat(2900)}});
    world.name("section", section.to_string());
    world.name("hundred_and_one", json!(vec![json!({"text": "a"}); 101]).to_string());
}

fn messages(world: &World) {
    let bens = world.post(BEN, GENERAL, "ben's");
    world.name("bens_id", bens.replace('.', ""));
    world.name("bens", bens);
    world.name("own", world.post(DEPLOY, GENERAL, "own"));
    let marked = world.args(r#"{"channel":"$general","timestamp":"$own","name":"tada"}"#);
    world.ok(DEPLOY, "reactions.add", &marked);
    world.ok(DEPLOY, "pins.add", &marked);
    let root = world.post(DEPLOY, GENERAL, "root");
    world.name("reply", world.reply(DEPLOY, GENERAL, &root, "reply"));
    world.name("stone", world.tombstone(DEPLOY, GENERAL).0);
    world.name("mine", world.sends(&world.bot(HELPDESK), GENERAL_19, "mine"));
    world.ok(
        DEPLOY,
        "chat.postMessage",
        &world.args(r#"{"channel":"$general","text":"x","client_msg_id":"used"}"#),
    );
    let args = world.args(r#"{"channel":"$general","ts":"$own","text":"other","idempotency_key":"update"}"#);
    world.ok(DEPLOY, "chat.update", &args);
    world.controlled("PATCH", "", &json!({"settings": {"edit_window_seconds": 60}}));
    world.controlled("POST", "/clock", &json!({"advance_ms": 82_800_000}));
    let ephemeral = world.ephemeral(DEPLOY, GENERAL);
    world.name("eph_id", ephemeral.replace('.', ""));
    world.name("eph", ephemeral);
    // An hour short of a day, so that keys are still known; then replies are old.
    let reply = world.fill("$reply");
    let posted: f64 = reply.parse().unwrap();
    let now: f64 = world.fill("$eph").parse().unwrap();
    assert!(now - posted < 86_400.0);
}
