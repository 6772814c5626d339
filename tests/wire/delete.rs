//! `chat.delete` and `DELETE`: what disappears, what stays as a tombstone, and the thread around it.

use serde_json::{Value, json};

use crate::world::*;

#[test]
fn refusals_in_order_of_precedence() {
    let world = World::new();
    let archived = made_and_archived(&world);
    world.name("archived", &archived);
    world.name("stone", world.tombstone(DEPLOY, GENERAL).0);
    world.name("eph", world.ephemeral(DEPLOY, GENERAL));
    world.name("bens", world.post(BEN, GENERAL, "ben's"));
    world.name("mine", world.post(DEPLOY, GENERAL, "mine"));
    let rows: &[(&str, &str, &str)] = &[
        ("{}", "invalid_arguments", "channel"),
        (r#"{"channel":"C01GENERAL"}"#, "invalid_arguments", "ts"),
        (r#"{"channel":"C01NOWHERE","ts":"$mine"}"#, "channel_not_found", "C01NOWHERE"),
        (r#"{"channel":"general","ts":"$mine"}"#, "channel_not_found", "C01GENERAL"),
        (r#"{"channel":"C01LEADS","ts":"$mine"}"#, "channel_not_found", "no conversation"),
        (r#"{"channel":"C01GENERAL","ts":"1600000000.000000"}"#, "message_not_found", "no message"),
        (r#"{"channel":"C01GENERAL","ts":"x"}"#, "message_not_found", "no message"),
        (r#"{"channel":"C01RANDOM","ts":"$mine"}"#, "message_not_found", "another"),
        (r#"{"channel":"C01GENERAL","ts":"$eph"}"#, "message_not_found", "response_url"),
        (r#"{"channel":"C01ATTIC","ts":"$archived"}"#, "cant_delete_message", "archived"),
        (r#"{"channel":"C01GENERAL","ts":"$stone"}"#, "cant_delete_message", "deleted before"),
        (r#"{"channel":"C01GENERAL","ts":"$bens"}"#, "cant_delete_message", "posted by user U01BEN"),
        (r#"{"channel":"C01GENERAL","ts":"$mine","if_revision":2}"#, "cant_delete_message", "revision 1"),
        (
            r#"{"channel":"C01GENERAL","ts":"$mine","broadcast_delete":true}"#,
            "cant_delete_message",
            "broadcast",
        ),
        (r#"{"channel":"C01GENERAL","ts":"$mine","as_user":"maybe"}"#, "invalid_arguments", "as_user"),
        (r#"{"channel":"C01GENERAL","ts":"$mine","as_user":true}"#, "ok", ""),
        (r#"{"channel":"C01GENERAL","ts":"$mine"}"#, "message_not_found", "deleted"),
    ];
    for (args, expected, reason) in rows {
        let before = world.state();
        let answer = world.slack(DEPLOY, "chat.delete", &world.args(args));
        assert_eq!(answer.code(), *expected, "{args}: {}", answer.body);
        assert!(answer.reasons().contains(reason), "{args}: {}", answer.body);
        assert_eq!(world.state() == before, *expected != "ok", "{args}");
    }
    println!("delete: {} rows of precedence", rows.len());
    world.is_well();
}

/// A message in the archived channel: it is opened for the time of the post.
fn made_and_archived(world: &World) -> String {
    world.controlled("PUT", "/channels/attic/members/U01DEPLOY", &Value::Null);
    world.controlled("PATCH", "/channels/attic", &json!({"archived": false}));
    let ts = world.post(DEPLOY, ATTIC, "from old days");
    world.controlled("PATCH", "/channels/attic", &json!({"archived": true}));
    ts
}

#[test]
fn the_answer_and_what_is_left() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "short-lived");
    let answer = world.slack(DEPLOY, "chat.delete", &json!({"channel": GENERAL, "ts": ts}));
    assert_eq!(answer.json, json!({"ok": true, "channel": GENERAL, "ts": ts}));
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}));
    assert_eq!(history["messages"], json!([]));
    for (method, args, code) in [
        ("conversations.replies", json!({"channel": GENERAL, "ts": ts}), "thread_not_found"),
        ("chat.getPermalink", json!({"channel": GENERAL, "message_ts": ts}), "message_not_found"),
        ("chat.update", json!({"channel": GENERAL, "ts": ts, "text": "x"}), "message_not_found"),
    ] {
        assert_eq!(world.slack(DEPLOY, method, &args).code(), code);
    }
}

/// Deleting takes a person's id for the direct message with them; updating does not.
#[test]
fn a_persons_id_names_the_direct_message() {
    let world = World::new();
    let posted = world.ok(DEPLOY, "chat.postMessage", &json!({"channel": "U01BEN", "text": "psst"}));
    assert!(posted["channel"].as_str().unwrap().starts_with('D'));
    let args = json!({"channel": "U01BEN", "ts": posted["ts"], "text": "x"});
    assert_eq!(world.slack(DEPLOY, "chat.update", &args).code(), "channel_not_found");
    let deleted = world.ok(DEPLOY, "chat.delete", &args);
    assert_eq!(deleted["channel"], posted["channel"]);
    assert_eq!(
        world.slack(DEPLOY, "chat.delete", &json!({"channel": "U01CLEO", "ts": "1.0"})).code(),
        "channel_not_found"
    );
}

fn tombstone(ts: &str, replies: u64, users: &[&str], latest: &str) -> Value {
    json!({"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
        "ts": ts, "thread_ts": ts, "parent_user_id": "USLACKBOT", "hidden": true, "reply_count": replies,
        "reply_users_count": users.len(), "latest_reply": latest, "reply_users": users, "is_locked": false,
        "subscribed": false})
}

/// A parent with replies leaves exactly this, in both readings; its last reply takes it along.
#[test]
fn tombstones() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "Who can look?");
    let first = world.reply(BEN, GENERAL, &root, "me");
    let second = world.reply(CLEO, GENERAL, &root, "me too");
    world.delete(DEPLOY, GENERAL, &root);
    let both = tombstone(&root, 2, &["U01BEN", "U01CLEO"], &second);
    assert_eq!(history(&world)[0], both);
    let thread = replies(&world, &root);
    assert_eq!(thread[0], both);
    assert_eq!((&thread[1]["text"], &thread[1]["parent_user_id"]), (&json!("me"), &json!("USLACKBOT")));
    let link = world.ok(DEPLOY, "chat.getPermalink", &json!({"channel": GENERAL, "message_ts": root}));
    assert!(link["permalink"].as_str().unwrap().ends_with(&format!("p{}", root.replace('.', ""))));
    let third = world.reply(DEPLOY, GENERAL, &root, "a tombstone takes further replies");
    world.delete(CLEO, GENERAL, &second);
    assert_eq!(history(&world)[0], tombstone(&root, 2, &["U01BEN", "U01DEPLOY"], &third));
    world.delete(DEPLOY, GENERAL, &third);
    assert_eq!(history(&world)[0], tombstone(&root, 1, &["U01BEN"], &first));
    world.delete(BEN, GENERAL, &first);
    assert_eq!(
        world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}))["messages"],
        json!([])
    );
    let lost = world.slack(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": root}));
    assert_eq!(lost.code(), "thread_not_found");
    let log = world.controlled("GET", "/log?limit=1000", &Value::Null);
    let last: Vec<&Value> =
        log["events"].as_array().unwrap().iter().rev().take(2).map(|event| &event["type"]).collect();
    assert_eq!(last, ["tombstone_removed", "message_deleted"]);
}

fn history(world: &World) -> Value {
    world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}))["messages"].clone()
}

fn replies(world: &World, root: &str) -> Value {
    world.ok(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": root}))["messages"].clone()
}

/// The last reply of a living parent leaves an ordinary message.
#[test]
fn a_parent_without_replies_is_an_ordinary_message() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let reply = world.reply(BEN, GENERAL, &root, "reply");
    assert_eq!(history(&world)[0]["reply_count"], 1);
    world.delete(BEN, GENERAL, &reply);
    let message = &history(&world)[0];
    for name in ["thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"] {
        assert_eq!(message.get(name), None, "{name}");
    }
    world.delete(DEPLOY, GENERAL, &root);
    assert_eq!(history(&world), json!([]));
}

/// In the Connector too a root with replies leaves them, and goes with the last one.
#[test]
fn the_same_in_the_connector() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let root = world.sends(&bot, GENERAL_19, "root");
    let reply = world.sends(&bot, &format!("{GENERAL_19};messageid={root}"), "reply");
    let delete =
        |id: &str| world.connector(&bot, "DELETE", &format!("/{GENERAL_19}/activities/{id}"), &Value::Null);
    let gone = delete(&root);
    assert_eq!(
        (gone.status, gone.body.as_str(), gone.header("content-type")),
        (200, "{}", "application/json; charset=utf-8")
    );
    assert_eq!(history(&world)[0]["subtype"], "tombstone");
    assert_eq!(delete(&root).outcome(), "404 ActivityNotFoundInConversation");
    let more = world.connector(
        &bot,
        "POST",
        &format!("/{GENERAL_19}/activities/{root}"),
        &message("still possible"),
    );
    assert_eq!(more.status, 201);
    assert_eq!(delete(&text_of(&more.json, "id")).status, 200);
    assert_eq!(delete(&reply).status, 200);
    assert_eq!(history(&world), json!([]));
    assert_eq!(delete(&root).outcome(), "404 ActivityNotFoundInConversation");
}

/// What a workspace lets its people delete; apps and administrators are not bound by it.
#[test]
fn windows_and_who_may_delete() {
    let world = World::new();
    let rows = [
        (json!({"delete_window_seconds": 60}), BEN, "cant_delete_message", "has passed"),
        (json!({"delete_window_seconds": 60}), DEPLOY, "ok", ""),
        (json!({"delete_window_seconds": 60}), ADA, "ok", ""),
        (json!({"delete_window_seconds": 600}), BEN, "ok", ""),
        (json!({"only_admins_delete": true}), BEN, "cant_delete_message", "administrators"),
        (json!({"only_admins_delete": true}), DEPLOY, "ok", ""),
        (json!({"only_admins_delete": true}), ADA, "ok", ""),
        (json!({}), BEN, "ok", ""),
    ];
    for (settings, token, expected, reason) in rows {
        let ts = world.post(token, GENERAL, "to be deleted");
        let none = json!({"delete_window_seconds": null, "only_admins_delete": false});
        for settings in [&none, &settings] {
            world.controlled("PATCH", "", &json!({ "settings": settings }));
        }
        world.controlled("POST", "/clock", &json!({"advance_ms": 61_000}));
        let answer = world.slack(token, "chat.delete", &json!({"channel": GENERAL, "ts": ts}));
        assert_eq!(answer.code(), expected, "{settings} {token}: {}", answer.body);
        assert!(answer.reasons().contains(reason), "{}", answer.body);
    }
}

/// The same scope as posting, and nothing of it without.
#[test]
fn the_scope_is_the_one_of_posting() {
    let world = World::new();
    let args = json!({"app": "deploybot", "token": "xoxb-reader", "scopes": ["channels:history"]});
    world.controlled("POST", "/tokens", &args);
    let ts = world.post("xoxb-narrow", GENERAL, "with chat:write alone");
    for method in ["chat.postMessage", "chat.update", "chat.delete", "chat.meMessage", "chat.postEphemeral"] {
        let args = json!({"channel": GENERAL, "ts": ts, "text": "x", "user": "U01BEN"});
        let answer = world.slack("xoxb-reader", method, &args);
        assert_eq!(answer.code(), "missing_scope");
        assert_eq!(
            (&answer.json["needed"], &answer.json["provided"]),
            (&json!("chat:write"), &json!("channels:history"))
        );
        assert_eq!(answer.header("x-accepted-oauth-scopes"), "chat:write");
        assert_eq!(answer.header("x-oauth-scopes"), "channels:history");
    }
    world.ok("xoxb-narrow", "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "y"}));
    world.delete("xoxb-narrow", GENERAL, &ts);
}
