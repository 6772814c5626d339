//! Reactions through the Web API, as messages show them, and beside those of Teams.

use serde_json::{Value, json};

use crate::world::*;

fn react(world: &World, token: &str, method: &str, ts: &str, name: &str) -> String {
    let args = json!({"channel": GENERAL, "timestamp": ts, "name": name});
    world.slack(token, &format!("reactions.{method}"), &args).code().to_owned()
}

/// The reactions of a message as `reactions.get` has them.
fn of(world: &World, ts: &str) -> Value {
    let got = world.ok(ADA, "reactions.get", &json!({"channel": GENERAL, "timestamp": ts}));
    assert_eq!((&got["type"], &got["channel"]), (&json!("message"), &json!(GENERAL)));
    got["message"]["reactions"].clone()
}

#[test]
fn reacting_and_taking_back() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "what do you say?");
    for (token, method, name, code) in [
        (DEPLOY, "add", "eyes", "ok"),
        (DEPLOY, "add", "eyes", "already_reacted"),
        (BEN, "add", ":eyes:", "ok"),
        (BEN, "add", "thumbsup", "ok"),
        (CLEO, "add", "+1", "ok"),
        (CLEO, "add", "wave::skin-tone-3", "ok"),
        (CLEO, "remove", "tada", "no_reaction"),
        (DEPLOY, "remove", "+1", "no_reaction"),
        (BEN, "remove", "eyes", "ok"),
        (BEN, "remove", "eyes", "no_reaction"),
        (BEN, "add", "eyes", "ok"),
    ] {
        assert_eq!(react(&world, token, method, &ts, name), code, "{token} {method} {name}");
    }
    let all = json!([
        {"name": "eyes", "users": ["U01DEPLOY", "U01BEN"], "count": 2},
        {"name": "+1", "users": ["U01BEN", "U01CLEO"], "count": 2},
        {"name": "wave::skin-tone-3", "users": ["U01CLEO"], "count": 1},
    ]);
    assert_eq!(of(&world, &ts), all);
    // As history, threads and answers about the thread show it, whatever is done to the text.
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "changed"}));
    let reply = world.reply(DEPLOY, GENERAL, &ts, "a reply");
    assert_eq!(react(&world, BEN, "add", &reply, "tada"), "ok");
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
    assert_eq!(history["messages"][0]["reactions"], all);
    let thread = world.ok(DEPLOY, "conversations.replies", &json!({"channel": GENERAL, "ts": ts}));
    assert_eq!(thread["messages"][0]["reactions"], all);
    assert_eq!(
        thread["messages"][1]["reactions"],
        json!([{"name": "tada", "users": ["U01BEN"], "count": 1}])
    );
    let got = world.ok(ADA, "reactions.get", &json!({"channel": GENERAL, "timestamp": reply, "full": true}));
    let link = text_of(&got["message"], "permalink");
    let args = json!({"channel": GENERAL, "message_ts": reply});
    assert_eq!(link, text_of(&world.ok(ADA, "chat.getPermalink", &args), "permalink"));
    // Deleting takes them away, also where a tombstone stays.
    world.delete(DEPLOY, GENERAL, &ts);
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
    assert_eq!(history["messages"][0]["subtype"], "tombstone");
    assert_eq!(history["messages"][0]["reactions"], Value::Null);
    assert_eq!(react(&world, BEN, "add", &ts, "eyes"), "not_reactable");
    assert_eq!(react(&world, BEN, "remove", &ts, "eyes"), "message_not_found");
}

#[test]
fn a_teams_bot_reacts_to_the_same_message() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "from Slack");
    let path = format!("/{GENERAL_19}/activities/{}/reactions/like", ts.replace('.', ""));
    assert_eq!(world.connector(&world.bot(HELPDESK), "PUT", &path, &Value::Null).status, 200);
    assert_eq!(react(&world, BEN, "add", &ts, "+1"), "ok");
    let users = of(&world, &ts)[0]["users"].as_array().unwrap().len();
    assert_eq!(users, 2, "both under one name");
}

#[test]
fn names_of_emoji() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "x");
    for (name, code) in [
        ("white_check_mark", "ok"),
        ("+1", "ok"),
        ("flag-de", "ok"),
        ("our_own_emoji", "ok"),
        ("wave::skin-tone-6", "ok"),
        ("wave::skin-tone-7", "invalid_name"),
        ("wave::tone", "invalid_name"),
        ("Eyes", "invalid_name"),
        ("two words", "invalid_name"),
        ("::", "invalid_name"),
        ("", "invalid_arguments"),
    ] {
        assert_eq!(react(&world, DEPLOY, "add", &ts, name), code, "{name}");
    }
    assert_eq!(react(&world, DEPLOY, "add", &ts, &"x".repeat(100)), "ok");
    assert_eq!(react(&world, DEPLOY, "add", &ts, &"x".repeat(101)), "invalid_name");
}

#[test]
fn what_somebody_reacted_to() {
    let world = World::new();
    let posts: Vec<String> = (0..5).map(|n| world.post(DEPLOY, GENERAL, &n.to_string())).collect();
    let hidden = world.post(ADA, LEADS, "for the leads");
    for ts in &posts {
        assert_eq!(react(&world, ADA, "add", ts, "eyes"), "ok");
    }
    let args = json!({"channel": LEADS, "timestamp": hidden, "name": "eyes"});
    world.ok(ADA, "reactions.add", &args);
    // Again to the first, which is so the newest, and stands once in the list.
    assert_eq!(react(&world, ADA, "add", &posts[0], "tada"), "ok");
    let listed = |token: &str, args: Value| -> (Vec<String>, String) {
        let list = world.ok(token, "reactions.list", &args);
        let items = list["items"].as_array().unwrap().iter();
        let tss = items.map(|item| text_of(&item["message"], "ts")).collect();
        (tss, text_of(&list["response_metadata"], "next_cursor"))
    };
    let all: Vec<String> = [&posts[0], &hidden].into_iter().chain(posts[1..].iter().rev()).cloned().collect();
    assert_eq!(listed(ADA, json!({})).0, all);
    let seen: Vec<String> = all.iter().filter(|ts| **ts != hidden).cloned().collect();
    assert_eq!(listed(CLEO, json!({"user": "U01ADA"})).0, seen, "what cleo sees of it");
    assert_eq!(listed(CLEO, json!({})).0, Vec::<String>::new());
    // Walks by cursor end and give everything once.
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let (page, next) = listed(ADA, json!({"limit": 2, "cursor": cursor}));
        assert!(page.len() <= 2);
        walked.extend(page);
        if next.is_empty() {
            break;
        }
        cursor = next;
    }
    assert_eq!(walked, all);
    assert_eq!(listed(ADA, json!({"count": 2, "page": 2})).0, all[2..4]);
    let item = world.ok(ADA, "reactions.list", &json!({"limit": 1}))["items"][0].clone();
    assert_eq!((&item["type"], &item["channel"]), (&json!("message"), &json!(GENERAL)));
    assert!(item["message"]["permalink"].is_string() && item["message"]["reactions"].is_array());
    // What is gone is in no list.
    world.delete(DEPLOY, GENERAL, &posts[0]);
    assert!(!listed(ADA, json!({})).0.contains(&posts[0]));
}

/// Fifty different emoji on a message, and twenty-three of one person.
#[test]
fn limits() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "popular");
    for number in 0..23 {
        assert_eq!(react(&world, ADA, "add", &ts, &format!("a{number}")), "ok");
        assert_eq!(react(&world, BEN, "add", &ts, &format!("b{number}")), "ok");
    }
    assert_eq!(react(&world, ADA, "add", &ts, "a23"), "too_many_reactions");
    for number in 0..4 {
        assert_eq!(react(&world, CLEO, "add", &ts, &format!("c{number}")), "ok");
    }
    assert_eq!(react(&world, CLEO, "add", &ts, "c4"), "too_many_emoji");
    assert_eq!(react(&world, CLEO, "add", &ts, "a0"), "ok", "one that is there");
    assert_eq!(of(&world, &ts).as_array().unwrap().len(), 50);
}
