//! Threads and broadcast replies.

use serde_json::{Value, json};

use crate::world::*;

fn history(world: &World) -> Vec<Value> {
    let answer = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}));
    answer["messages"].as_array().unwrap().clone()
}

#[test]
fn counters_of_a_thread() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let tokens = [BEN, CLEO, BEN, ADA, POLL, DEPLOY];
    let replies: Vec<String> =
        tokens.iter().map(|token| world.reply(token, GENERAL, &root, "reply")).collect();
    let shown = &history(&world)[0];
    assert_eq!(history(&world).len(), 1, "plain replies are not in the channel");
    assert_eq!((&shown["reply_count"], &shown["reply_users_count"]), (&json!(6), &json!(5)));
    assert_eq!(shown["latest_reply"], *replies.last().unwrap());
    assert_eq!(shown["reply_users"], json!(["U01BEN", "U01CLEO", "U01ADA", "U01POLL", "U01DEPLOY"]));
    let thread = world.ok(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": root}));
    let thread = thread["messages"].as_array().unwrap().clone();
    assert_eq!(thread.len(), 7);
    assert!(
        thread[1..]
            .iter()
            .all(|reply| reply["thread_ts"] == root.as_str() && reply["parent_user_id"] == "U01DEPLOY")
    );
    world.delete(DEPLOY, GENERAL, &replies[5]);
    world.delete(BEN, GENERAL, &replies[0]);
    let shown = &history(&world)[0];
    assert_eq!((&shown["reply_count"], &shown["reply_users_count"]), (&json!(4), &json!(4)));
    assert_eq!(shown["latest_reply"], replies[4]);
    let named = world.ok(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": replies[1]}));
    assert_eq!(named["messages"].as_array().unwrap().len(), 1, "a reply's own ts gives the reply");
}

#[test]
fn where_a_reply_lands() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let reply = world.reply(BEN, GENERAL, &root, "reply");
    let elsewhere = world.post(DEPLOY, RANDOM, "elsewhere");
    let gone = world.post(DEPLOY, GENERAL, "gone");
    world.delete(DEPLOY, GENERAL, &gone);
    let ephemeral = world.ephemeral(DEPLOY, GENERAL);
    let rows = [
        (root.as_str(), Some(&root)),
        (&reply, Some(&root)),
        (&elsewhere, None),
        (&gone, None),
        (&ephemeral, None),
        ("1600000000.000000", None),
        ("nonsense", None),
        ("", None),
    ];
    for (named, expected) in rows {
        let args = json!({"channel": GENERAL, "text": "x", "thread_ts": named});
        let answer = world.slack(DEPLOY, "chat.postMessage", &args);
        assert_eq!(answer.code(), "ok");
        assert_eq!(
            answer.json["message"].get("thread_ts"),
            expected.map(|root| json!(root)).as_ref(),
            "{named}"
        );
        let told = answer.reasons().contains("thread_ts names no message");
        assert_eq!(told, expected.is_none() && !named.is_empty(), "{named}: {}", answer.body);
    }
}

/// A broadcast reply stands in the channel with its root; it can be brought there later and taken out again.
#[test]
fn broadcast_replies() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let args = json!({"channel": GENERAL, "text": "to all", "thread_ts": root, "reply_broadcast": true});
    let broadcast = world.ok(DEPLOY, "chat.postMessage", &args);
    assert_eq!(broadcast["message"]["subtype"], "thread_broadcast");
    let line = history(&world);
    assert_eq!((line[0]["text"].as_str(), line[0]["root"]["text"].as_str()), (Some("to all"), Some("root")));
    let ts = &broadcast["ts"];
    world.ok(DEPLOY, "chat.delete", &json!({"channel": GENERAL, "ts": ts, "broadcast_delete": true}));
    assert_eq!(history(&world).len(), 1);
    let thread = world.ok(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": root}));
    assert_eq!(thread["messages"][1]["text"], "to all", "it stays in its thread");
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "reply_broadcast": true}));
    assert_eq!(history(&world)[0]["subtype"], "thread_broadcast");
    world.ok(DEPLOY, "chat.delete", &json!({"channel": GENERAL, "ts": ts}));
    assert_eq!(history(&world).len(), 1);
    assert_eq!(history(&world)[0].get("reply_count"), None, "gone from thread and channel together");
    let reply = world.reply(DEPLOY, GENERAL, &root, "old");
    let update = |args: Value| world.slack(DEPLOY, "chat.update", &args).code().to_owned();
    assert_eq!(
        update(json!({"channel": GENERAL, "ts": root, "reply_broadcast": true, "text": "x"})),
        "cant_broadcast_message"
    );
    let both = json!({"channel": GENERAL, "ts": reply, "reply_broadcast": true, "text": "new"});
    world.controlled("POST", "/clock", &json!({"advance_ms": 86_400_000}));
    assert_eq!(update(both.clone()), "no_dual_broadcast_content_update");
    assert_eq!(update(json!({"channel": GENERAL, "ts": reply, "reply_broadcast": true})), "ok");
    assert_eq!(update(both), "ok", "it is broadcast already, so this changes only the content");
    let fresh = world.reply(DEPLOY, GENERAL, &root, "young");
    assert_eq!(
        update(json!({"channel": GENERAL, "ts": fresh, "reply_broadcast": true, "text": "both"})),
        "ok"
    );
}

/// Windows, pages and cursors of both readings.
#[test]
fn pages_and_bounds() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "m0");
    let rest: Vec<String> = (1..7).map(|n| world.post(DEPLOY, GENERAL, &format!("m{n}"))).collect();
    let replies: Vec<String> = (0..6).map(|n| world.reply(BEN, GENERAL, &root, &format!("r{n}"))).collect();
    world.name("m2", &rest[1]);
    world.name("m5", &rest[4]);
    world.name("root", &root);
    world.name("r1", &replies[1]);
    world.name("r4", &replies[4]);
    let rows: &[(&str, &str, &str)] = &[
        ("conversations.history", "{}", "m6 m5 m4 m3 m2 m1 m0"),
        ("conversations.history", r#"{"limit":2}"#, "m6 m5 | m4 m3 | m2 m1 | m0"),
        ("conversations.history", r#"{"limit":"3"}"#, "m6 m5 m4 | m3 m2 m1 | m0"),
        ("conversations.history", r#"{"latest":"$m5"}"#, "m4 m3 m2 m1 m0"),
        (
            "conversations.history",
            r#"{"latest":"$m5","inclusive":true,"limit":1}"#,
            "m5 | m4 | m3 | m2 | m1 | m0",
        ),
        ("conversations.history", r#"{"oldest":"$m2"}"#, "m6 m5 m4 m3"),
        ("conversations.history", r#"{"oldest":"$m2","latest":"$m5"}"#, "m4 m3"),
        ("conversations.history", r#"{"oldest":"$m2","latest":"$m5","inclusive":1}"#, "m5 m4 m3 m2"),
        (
            "conversations.history",
            r#"{"oldest":"$m2","latest":"$m5","inclusive":"true","limit":2}"#,
            "m5 m4 | m3 m2",
        ),
        ("conversations.history", r#"{"limit":100000}"#, "m6 m5 m4 m3 m2 m1 m0"),
        ("conversations.replies", r#"{"ts":"$root"}"#, "m0 r0 r1 r2 r3 r4 r5"),
        ("conversations.replies", r#"{"ts":"$root","limit":3}"#, "m0 r0 r1 | m0 r2 r3 | m0 r4 r5"),
        ("conversations.replies", r#"{"ts":"$root","oldest":"$r1","latest":"$r4"}"#, "m0 r2 r3"),
        (
            "conversations.replies",
            r#"{"ts":"$root","oldest":"$r1","latest":"$r4","inclusive":true}"#,
            "m0 r1 r2 r3 r4",
        ),
        ("conversations.replies", r#"{"ts":"$r1"}"#, "r1"),
        ("conversations.replies", r#"{"ts":"$m2"}"#, "m2"),
    ];
    for (method, args, expected) in rows {
        let mut args = world.args(args);
        args["channel"] = GENERAL.into();
        let mut pages = Vec::new();
        loop {
            let page = world.ok(DEPLOY, method, &args);
            let texts = page["messages"].as_array().unwrap().iter().map(|message| text_of(message, "text"));
            pages.push(texts.collect::<Vec<_>>().join(" "));
            let cursor = page["response_metadata"]["next_cursor"].as_str().unwrap_or_default().to_owned();
            assert_eq!(page["has_more"], !cursor.is_empty(), "{args}");
            if cursor.is_empty() {
                break;
            }
            args["cursor"] = cursor.into();
        }
        assert_eq!(pages.join(" | "), *expected, "{method} {args}");
    }
    println!("threads: {} rows of pages", rows.len());
}

/// Replies of the Connector: in channels they join the thread of what they name, elsewhere there are no threads.
#[test]
fn connector_replies() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let root = world.sends(&bot, GENERAL_19, "root");
    let reply = world.sends(&bot, &format!("{GENERAL_19};messageid={root}"), "reply");
    let personal = json!({"members": [{"id": "29:1ben"}], "tenantId": TENANT});
    let personal = text_of(&world.connector(&bot, "POST", "", &personal).json, "id");
    let first = world.sends(&bot, &personal, "first");
    let narrowed = format!("{GENERAL_19};messageid={root}");
    let rows: Vec<(String, Value, Option<&str>)> = vec![
        (format!("/{GENERAL_19}/activities/{root}"), message("x"), Some(&root)),
        (format!("/{GENERAL_19}/activities/{reply}"), message("x"), Some(&root)),
        (format!("/{GENERAL_19}/activities/0f-guid"), message("x"), None),
        (format!("/{narrowed}/activities"), message("x"), Some(&root)),
        (format!("/{narrowed}/activities/0f-guid"), message("x"), Some(&root)),
        (format!("/{GENERAL_19};messageid=77/activities"), message("x"), None),
        (
            format!("/{GENERAL_19}/activities"),
            json!({"type": "message", "text": "x", "replyToId": root}),
            Some(&root),
        ),
        (
            format!("/{GENERAL_19}/activities"),
            json!({"type": "message", "text": "x", "replyToId": "1"}),
            None,
        ),
        (format!("/{personal}/activities/{first}"), message("x"), None),
        (format!("/{personal}/activities/unknown"), message("x"), None),
    ];
    for (path, body, expected) in rows {
        let sent = world.connector(&bot, "POST", &path, &body);
        assert_eq!(sent.status, 201, "{path}: {}", sent.body);
        let id = text_of(&sent.json, "id");
        let channel = if path.contains(&personal) { &personal } else { GENERAL };
        let stored = world.stored(channel, &id);
        let root = stored["thread_ts"].as_str().map(|ts| ts.replace('.', ""));
        assert_eq!(root.as_deref(), expected, "{path} {body}");
    }
    for kind in ["typing", "trace"] {
        let sent =
            world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), &json!({"type": kind}));
        assert_eq!((sent.status, sent.body.as_str()), (202, "{}"));
    }
}
