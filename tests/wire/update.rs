//! `chat.update` and `PUT`: what stays and what goes, what is refused and in which order.

use serde_json::{Value, json};

use crate::world::*;

fn blocks(text: &str) -> Value {
    json!([{"type": "section", "block_id": "b1", "text": {"type": "mrkdwn", "text": text, "verbatim": false}}])
}

fn full() -> Value {
    json!({"channel": GENERAL, "text": "old text", "blocks": blocks("old block"),
        "attachments": [{"text": "old attachment"}],
        "metadata": {"event_type": "old", "event_payload": {"n": 1}}})
}

fn merged(mut base: Value, more: &Value) -> Value {
    base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    base
}

/// `old`, `new`, `-` for nothing, or the text itself.
fn part(stored: &Value, name: &str) -> String {
    let text = match name {
        "text" => return stored["text"].as_str().unwrap().replace(" text", ""),
        "blocks" => stored["blocks"][0]["text"]["text"].as_str(),
        "attachments" => stored["attachments"][0]["text"].as_str(),
        _ => stored["metadata"]["event_type"].as_str(),
    };
    text.map_or("-".into(), |text| text.split(' ').next().unwrap().to_owned())
}

/// Posts `base`, updates it with `update`, and compares what is stored then: text, blocks, attachments, metadata.
fn check_parts(world: &World, base: &Value, update: &str, expected: &str) {
    let ts = text_of(&world.ok(DEPLOY, "chat.postMessage", base), "ts");
    let before = world.stored(GENERAL, &ts);
    let args = merged(json!({"channel": GENERAL, "ts": ts}), &serde_json::from_str(update).unwrap());
    let answer = world.slack(DEPLOY, "chat.update", &args);
    let after = world.stored(GENERAL, &ts);
    if answer.code() != "ok" {
        assert_eq!(answer.code(), expected, "{update}: {}", answer.body);
        assert_eq!(before, after, "{update}");
        return;
    }
    let parts = ["text", "blocks", "attachments", "metadata"].map(|name| part(&after, name)).join(" ");
    assert_eq!(parts, expected, "{update}");
    assert_eq!(after["revision"], 2, "{update}");
    assert_eq!(answer.json["ts"], ts.as_str());
    assert_eq!(answer.json["text"], after["text"], "{update}");
    assert_eq!(answer.json["message"]["edited"]["user"], "B01DEPLOY", "{update}");
}

const B: &str = r#"[{"type":"section","text":{"type":"mrkdwn","text":"new block"}}]"#;
const A: &str = r#"[{"text":"new attachment"}]"#;
const M: &str = r#"{"event_type":"new","event_payload":{}}"#;

#[test]
fn what_stays_and_what_goes() {
    let world = World::new();
    let text_only = json!({"channel": GENERAL, "text": "old text"});
    let attachments_only = json!({"channel": GENERAL, "attachments": [{"text": "old attachment"}]});
    let blocks_only = json!({"channel": GENERAL, "blocks": blocks("old block")});
    let full = full();
    let rows: &[(&Value, &str, &str)] = &[
        (&full, r#"{"text":"new text"}"#, "new - old old"),
        (&full, r#"{"text":"new text","blocks":B}"#, "new new old old"),
        (&full, r#"{"text":"new text","blocks":[]}"#, "new - old old"),
        (&full, r#"{"text":"new text","blocks":null}"#, "new - old old"),
        (&full, r#"{"text":"new text","blocks":""}"#, "new - old old"),
        (&full, r#"{"blocks":B}"#, "old new old old"),
        (&full, r#"{"blocks":"STRING"}"#, "old new old old"),
        (&full, r#"{"blocks":[]}"#, "old - old old"),
        (&full, r#"{"blocks":"[]"}"#, "old - old old"),
        (&full, r#"{"text":null,"blocks":B}"#, "old new old old"),
        (&full, r#"{"text":"","blocks":B}"#, " new old old"),
        (&full, r#"{"attachments":A}"#, "old old new old"),
        (&full, r#"{"attachments":[]}"#, "old old - old"),
        (&full, r#"{"attachments":"[]"}"#, "old old - old"),
        (&full, r#"{"blocks":B,"attachments":[]}"#, "old new - old"),
        (&full, r#"{"blocks":[],"attachments":A}"#, "old - new old"),
        (&full, r#"{"text":"new text","attachments":[]}"#, "new - - old"),
        (&full, r#"{"text":"new text","blocks":[],"attachments":[]}"#, "new - - old"),
        (&full, r#"{"metadata":M}"#, "old old old new"),
        (&full, r#"{"metadata":{}}"#, "old old old -"),
        (&full, r#"{"metadata":"{}"}"#, "old old old -"),
        (&full, r#"{"text":"new text","metadata":{}}"#, "new - old -"),
        (&full, r#"{"markdown_text":"new text"}"#, "new - old old"),
        (&full, r#"{"markdown_text":"new text","attachments":[]}"#, "new - - old"),
        (
            &full,
            r#"{"text":"new text","username":"x","icon_emoji":":x:","thread_ts":"1.000000"}"#,
            "new - old old",
        ),
        (&full, r#"{"text":""}"#, "no_text"),
        (&full, r#"{"text":null}"#, "no_text"),
        (&full, "{}", "no_text"),
        (&full, r#"{"username":"x"}"#, "no_text"),
        (&full, r#"{"markdown_text":"a","text":"b"}"#, "markdown_text_conflict"),
        (&full, r#"{"markdown_text":"a","blocks":B}"#, "markdown_text_conflict"),
        (&full, r#"{"as_user":false,"text":"x"}"#, "invalid_arguments"),
        (&full, r#"{"as_user":true,"text":"new text"}"#, "new - old old"),
        (&text_only, r#"{"blocks":B}"#, "old new - -"),
        (&text_only, r#"{"text":"old text"}"#, "old - - -"),
        (&text_only, r#"{"attachments":A}"#, "old - new -"),
        (&text_only, r#"{"blocks":[]}"#, "old - - -"),
        (&attachments_only, r#"{"attachments":[]}"#, "no_text"),
        (&attachments_only, r#"{"text":"new text","attachments":[]}"#, "new - - -"),
        (&attachments_only, r#"{"blocks":B}"#, " new old -"),
        (&blocks_only, r#"{"blocks":B}"#, "old block new - -"),
        (&blocks_only, r#"{"text":"new text"}"#, "new - - -"),
    ];
    for (base, update, expected) in rows {
        let string = serde_json::to_string(B).unwrap();
        let filled = update.replace("\"STRING\"", &string).replace(":B", &format!(":{B}"));
        let filled = filled.replace(":A", &format!(":{A}")).replace(":M", &format!(":{M}"));
        check_parts(&world, base, &filled, expected);
    }
    println!("update: {} rows of parts", rows.len());
    world.is_well();
}

/// Each row repairs the fault that the row above was refused for; every later fault is there all along.
#[test]
fn refusals_in_order_of_precedence() {
    let world = World::new();
    let old = world.post(BEN, GENERAL, "old");
    world.controlled("PATCH", "", &json!({"settings": {"edit_window_seconds": 60}}));
    world.controlled("POST", "/clock", &json!({"advance_ms": 61_000}));
    world.name("cleos", world.post(CLEO, GENERAL, "cleo's"));
    world.name("stone", world.tombstone(BEN, GENERAL).0);
    world.name("eph", world.ephemeral(DEPLOY, GENERAL));
    world.name("old", &old);
    world.name("fresh", world.post(BEN, GENERAL, "fresh"));
    let mut args = json!({"ts": "1600000000.000000", "text": "x".repeat(4001), "blocks": "nope", "attachments": "nope",
        "metadata": "nope", "reply_broadcast": true, "if_revision": 9});
    let hundred_and_one = json!({"attachments": vec![json!({"text": "a"}); 101]}).to_string();
    let long_blocks = json!({"blocks": vec![json!({"type": "section", "text": {"type": "plain_text", "text": "x".repeat(2900)}}); 5]});
    let rows: &[(&str, &str, &str)] = &[
        ("{}", "invalid_arguments", "channel"),
        (r#"{"channel":"C01NOWHERE"}"#, "channel_not_found", "C01NOWHERE"),
        (r##"{"channel":"#general"}"##, "channel_not_found", "C01GENERAL"),
        (r#"{"channel":"U01CLEO"}"#, "channel_not_found", "a user's"),
        (r#"{"channel":"C01ATTIC"}"#, "is_inactive", "archived"),
        (r#"{"channel":"C01GENERAL"}"#, "message_not_found", "no message"),
        (r#"{"ts":"nonsense"}"#, "message_not_found", "no message"),
        (r#"{"ts":"$eph"}"#, "cant_update_message", "response_url"),
        (r#"{"ts":"$stone"}"#, "cant_update_message", "deleted"),
        (r#"{"ts":"$cleos"}"#, "cant_update_message", "posted by user U01CLEO"),
        (r#"{"ts":"$old"}"#, "edit_window_closed", "window"),
        (r#"{"ts":"$fresh"}"#, "update_failed", "revision 1"),
        (r#"{"if_revision":1}"#, "msg_too_long", "4001"),
        (r#"{"text":"short"}"#, "invalid_blocks_format", "json-pointer:/blocks"),
        (r#"{"blocks":[{"type":"section"}]}"#, "invalid_blocks", "json-pointer:/blocks/0"),
        (&long_blocks.to_string(), "msg_blocks_too_long", "13201"),
        (r#"{"blocks":[{"type":"divider"}]}"#, "invalid_attachments", "json-pointer:/attachments"),
        (&hundred_and_one, "too_many_attachments", "100"),
        (r#"{"attachments":[]}"#, "invalid_metadata_format", "json-pointer:/metadata"),
        (r#"{"metadata":{"event_type":"x"}}"#, "invalid_metadata_schema", "event_payload"),
        (r#"{"metadata":{}}"#, "cant_broadcast_message", "reply"),
        (r#"{"reply_broadcast":false}"#, "ok", ""),
    ];
    for (repair, expected, reason) in rows {
        args = merged(args, &world.args(repair));
        let before = if *expected == "ok" { Value::Null } else { world.state() };
        let answer = world.slack(BEN, "chat.update", &args);
        assert_eq!(answer.code(), *expected, "{repair}: {}", answer.body);
        assert!(answer.reasons().contains(reason), "{repair}: {}", answer.body);
        assert!(*expected == "ok" || world.state() == before, "{repair}: something changed");
    }
    println!("update: {} rows of precedence", rows.len());
}

#[test]
fn limits_have_their_own_errors() {
    let world = World::new();
    let section = json!({"type": "section", "text": {"type": "plain_text", "text": "a"}});
    let long =
        |chars: usize| json!({"type": "section", "text": {"type": "plain_text", "text": "x".repeat(chars)}});
    let meta = |bytes: usize| json!({"event_type": "e", "event_payload": {"x": "y".repeat(bytes)}});
    let of = |count: usize, item: &Value| json!(vec![item.clone(); count]);
    let rows = [
        (json!({"text": "x".repeat(4000)}), "ok"),
        (json!({"text": "é".repeat(4000)}), "ok"),
        (json!({"text": "🎉".repeat(4000)}), "ok"),
        (json!({"text": "x".repeat(4001)}), "msg_too_long"),
        (json!({"text": "é".repeat(4001)}), "msg_too_long"),
        (json!({"markdown_text": "x".repeat(12_000)}), "ok"),
        (json!({"markdown_text": "x".repeat(12_001)}), "msg_too_long"),
        (json!({"blocks": of(50, &section)}), "ok"),
        (json!({"blocks": of(51, &section)}), "invalid_blocks"),
        (json!({"blocks": [long(3000)]}), "ok"),
        (json!({"blocks": [long(3001)]}), "invalid_blocks"),
        (json!({"blocks": [long(3000), long(3000), long(3000), long(3000), long(1200)]}), "ok"),
        (
            json!({"blocks": [long(3000), long(3000), long(3000), long(3000), long(1201)]}),
            "msg_blocks_too_long",
        ),
        (
            json!({"blocks": [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]}),
            "invalid_blocks",
        ),
        (json!({"blocks": [{"type": "no_such"}]}), "invalid_blocks"),
        (json!({"blocks": [1]}), "invalid_blocks_format"),
        (json!({"blocks": {}}), "no_text"),
        (json!({"blocks": {"type": "divider"}}), "invalid_blocks_format"),
        (json!({"blocks": "{"}), "invalid_blocks_format"),
        (json!({"attachments": of(100, &json!({"text": "a"}))}), "ok"),
        (json!({"attachments": of(101, &json!({"text": "a"}))}), "too_many_attachments"),
        (json!({"attachments": [{"text": 7}]}), "invalid_attachments"),
        (json!({"attachments": [{"title": "t", "blocks": [{"type": "divider"}]}]}), "invalid_attachments"),
        (json!({"attachments": [{"text": "x".repeat(400_000)}]}), "attachment_payload_limit_exceeded"),
        (json!({"metadata": meta(15_900)}), "ok"),
        (json!({"metadata": meta(16_000)}), "metadata_too_large"),
        (json!({"metadata": [1]}), "invalid_metadata_format"),
        (json!({"metadata": {"event_type": 5, "event_payload": {}}}), "invalid_metadata_schema"),
    ];
    let base = json!({"channel": GENERAL, "attachments": [{"text": "shown"}]});
    let ts = text_of(&world.ok(DEPLOY, "chat.postMessage", &base), "ts");
    for (update, expected) in &rows {
        let args = merged(json!({"channel": GENERAL, "ts": ts}), update);
        let answer = world.slack(DEPLOY, "chat.update", &args);
        let shown: String = update.to_string().chars().take(80).collect();
        let cleared = update["blocks"] == json!({});
        if cleared {
            assert_eq!(answer.code(), "ok", "{shown}: an empty object clears like an empty list");
            continue;
        }
        assert_eq!(answer.code(), *expected, "{shown}: {}", &answer.body[..answer.body.len().min(300)]);
        if *expected == "invalid_blocks" {
            let reason = answer.json["errors"][0].as_str().unwrap();
            assert!(answer.reasons().contains(&format!("[ERROR] {reason}")), "{}", answer.body);
            assert!(reason.contains("[json-pointer:/blocks"), "{reason}");
        }
    }
    println!("update: {} rows of limits", rows.len());
    world.is_well();
}

/// `channel` names a message and moves nothing, nor does `thread_ts`.
#[test]
fn an_update_moves_nothing() {
    let world = World::new();
    let here = world.post(DEPLOY, GENERAL, "here");
    let there = world.post(DEPLOY, RANDOM, "there");
    let before = world.state();
    let args = json!({"channel": RANDOM, "ts": here, "text": "moved"});
    assert_eq!(world.slack(DEPLOY, "chat.update", &args).code(), "message_not_found");
    assert_eq!(world.slack(DEPLOY, "chat.delete", &args).code(), "message_not_found");
    assert_eq!(world.state(), before);
    let root = world.post(DEPLOY, GENERAL, "root");
    let args = json!({"channel": GENERAL, "ts": here, "thread_ts": root, "text": "still here"});
    let answer = world.ok(DEPLOY, "chat.update", &args);
    assert_eq!(answer["message"].get("thread_ts"), None);
    assert_eq!(world.stored(GENERAL, &here)["thread_ts"], Value::Null);
    assert_eq!(world.stored(GENERAL, &root)["reply_count"], 0);
    assert_eq!(world.stored(RANDOM, &there)["text"], "there");
}

#[test]
fn hidden_names_give_no_hint() {
    let world = World::new();
    for (token, channel, hint) in [
        (BEN, "leads", "C01LEADS"),
        (CLEO, "leads", "no conversation"),
        (DEPLOY, "#leads", "no conversation"),
    ] {
        let answer =
            world.slack(token, "chat.update", &json!({"channel": channel, "ts": "1.000000", "text": "x"}));
        assert_eq!(answer.code(), "channel_not_found");
        assert!(answer.reasons().contains(hint), "{}", answer.body);
    }
}

/// The answer has the shape of the reference, and `edited` is a clock time by the bot's id or the person's.
#[test]
fn the_answer() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "Build 7 started");
    let answer =
        world.slack(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "Build 7 passed"}));
    let json = &answer.json;
    assert_eq!(
        (&json["channel"], &json["ts"], &json["text"]),
        (&json!(GENERAL), &json!(ts), &json!("Build 7 passed"))
    );
    let message = json["message"].as_object().unwrap();
    assert!(!message.contains_key("ts"));
    for (name, value) in [
        ("type", "message"),
        ("user", "U01DEPLOY"),
        ("bot_id", "B01DEPLOY"),
        ("app_id", "A01DEPLOY"),
        ("team", "T01ACME"),
    ] {
        assert_eq!(message[name], value);
    }
    assert_eq!(message["bot_profile"]["name"], "deploybot");
    assert_eq!(message["blocks"][0]["type"], "rich_text");
    let edited = message["edited"]["ts"].as_str().unwrap();
    assert!(edited.ends_with(".000000") && message["edited"]["user"] == "B01DEPLOY");
    let members: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["channel", "message", "ok", "text", "ts"], "no member of our own");
    let ts = world.post(BEN, GENERAL, "ben's");
    let answer = world.ok(BEN, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "ben's, again"}));
    assert_eq!(answer["message"]["edited"]["user"], "U01BEN");
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
    assert_eq!(history["messages"][0]["edited"], answer["message"]["edited"]);
    assert_eq!(history["messages"][0]["ts"], ts.as_str());
}

#[test]
fn a_custom_name_goes_with_the_first_update() {
    let world = World::new();
    let args = json!({"channel": GENERAL, "text": "in guise", "username": "Build", "icon_emoji": ":gear:"});
    let posted = world.ok(DEPLOY, "chat.postMessage", &args);
    assert_eq!(posted["message"]["username"], "Build");
    let args = json!({"channel": GENERAL, "ts": posted["ts"], "text": "out of it"});
    let updated = world.ok(DEPLOY, "chat.update", &args);
    assert_eq!(updated["message"].get("username"), None);
    assert_eq!(updated["message"]["user"], "U01DEPLOY");
}

/// Text is stored as the reference has it for `parse` and `link_names`, which an update resets.
#[test]
fn text_is_normalised() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "x");
    let rows = [
        (json!({"text": "see https://x.example"}), "see <https://x.example>"),
        (json!({"text": "a < b & c > d"}), "a &lt; b &amp; c &gt; d"),
        (json!({"text": "#random", "link_names": true}), "<#C01RANDOM>"),
        (json!({"text": "#random"}), "#random"),
        (json!({"text": "see https://x.example", "parse": "none"}), "see https://x.example"),
        (json!({"text": "<@U01BEN> *hi*"}), "<@U01BEN> *hi*"),
        (json!({"markdown_text": "**x** [t](https://u.example)"}), "*x* <https://u.example|t>"),
    ];
    for (update, expected) in &rows {
        let args = merged(json!({"channel": GENERAL, "ts": ts}), update);
        let answer = world.ok(DEPLOY, "chat.update", &args);
        assert_eq!(answer["text"], *expected, "{update}");
    }
}

/// People's messages can be changed for as long as the workspace lets them; apps' for ever.
#[test]
fn the_edit_window() {
    let world = World::new();
    let (bens, bots) = (world.post(BEN, GENERAL, "ben's"), world.post(DEPLOY, GENERAL, "the bot's"));
    world.controlled("PATCH", "", &json!({"settings": {"edit_window_seconds": 60}}));
    let update = |token, ts: &str| {
        let answer =
            world.slack(token, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "changed"}));
        answer.code().to_owned()
    };
    assert_eq!(update(BEN, &bens), "ok");
    world.controlled("POST", "/clock", &json!({"advance_ms": 61_000}));
    assert_eq!(update(BEN, &bens), "edit_window_closed");
    assert_eq!(update(DEPLOY, &bots), "ok");
    assert_eq!(update(BEN, &bots), "ok", "the installer's token, on what was posted as the app");
    world.controlled("PATCH", "", &json!({"settings": {"edit_window_seconds": null}}));
    assert_eq!(update(BEN, &bens), "ok");
}

/// `ETag` is the revision; `If-Match` and `if_revision` make an update conditional.
#[test]
fn compare_and_set() {
    let world = World::new();
    let posted = world.slack(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": "one"}));
    assert_eq!(posted.header("etag"), "\"1\"");
    let args = json!({"channel": GENERAL, "ts": posted.json["ts"], "text": "two"});
    let with = |tag: &str, more: Value| {
        world.slack_with(DEPLOY, "chat.update", &merged(args.clone(), &more), &[("if-match", tag)])
    };
    let rows = [
        (with("\"1\"", json!({})), "ok", "\"2\""),
        (with("\"1\"", json!({})), "update_failed", "\"2\""),
        (with("W/\"2\"", json!({})), "ok", "\"3\""),
        (with("\"9\"", json!({"if_revision": 3})), "ok", "\"4\""),
        (with("\"4\"", json!({"if_revision": "3"})), "update_failed", "\"4\""),
    ];
    for (place, (answer, code, tag)) in rows.iter().enumerate() {
        assert_eq!((answer.code(), answer.header("etag")), (*code, *tag), "row {place}: {}", answer.body);
        assert!(answer.json.get("revision").is_none());
    }
    assert!(rows[1].0.reasons().contains("revision 2"));
    let last = world.slack(DEPLOY, "chat.update", &args);
    assert_eq!(
        (last.code(), last.header("etag")),
        ("ok", "\"5\""),
        "without a condition the last write wins"
    );
}

/// `PUT` replaces a message whole, whatever kind it was, and listens to the address only.
#[test]
fn an_activity_is_replaced_whole() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}});
    let kinds = [
        json!({"type": "message", "text": "text"}),
        json!({"type": "message", "attachments": [card]}),
        json!({"type": "message", "attachments": [card, card, card], "attachmentLayout": "carousel"}),
        json!({"type": "message", "text": "text and card", "attachments": [card]}),
        json!({"type": "message", "text": "with more", "suggestedActions": {"actions": []}, "entities": [{"type": "mention"}]}),
    ];
    for from in &kinds {
        for to in &kinds {
            let sent = world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), from);
            let id = text_of(&sent.json, "id");
            let path = format!("/{GENERAL_19}/activities/{id}");
            let put = world.connector(&bot, "PUT", &path, to);
            assert_eq!((put.outcome().as_str(), &put.json), ("200", &json!({"id": id})), "{from} → {to}");
            let ts = format!("{}.{}", &id[..10], &id[10..]);
            assert_eq!(&world.stored(GENERAL, &ts)["activity"], to, "{from} → {to}");
        }
    }
    let id = world.sends(&bot, GENERAL_19, "mine");
    let lies = json!({"type": "message", "text": "told", "id": "1", "replyToId": "2", "from": {"id": "29:1ben"},
        "recipient": {"id": "29:1ada"}, "conversation": {"id": LEADS_19}, "serviceUrl": "http://evil.example"});
    for conversation in [
        GENERAL_19.to_owned(),
        format!("{GENERAL_19};messageid={id}"),
        GENERAL_19.replace(':', "%3A").replace('@', "%40"),
    ] {
        let put = world.connector(&bot, "PUT", &format!("/{conversation}/activities/{id}"), &lies);
        assert_eq!((put.status, &put.json["id"]), (200, &json!(id)), "{}", put.body);
    }
    let ts = format!("{}.{}", &id[..10], &id[10..]);
    let stored = world.stored(GENERAL, &ts);
    assert_eq!(
        (&stored["user"], &stored["channel"], &stored["thread_ts"]),
        (&world.stored(GENERAL, &ts)["user"], &json!(GENERAL), &Value::Null)
    );
    assert_eq!(stored["revision"], 4);
}

/// The Connector's refusals of updates and deletions, and its compare-and-set.
#[test]
fn connector_refusals() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let id = world.sends(&bot, GENERAL_19, "mine");
    let gone = world.sends(&bot, GENERAL_19, "gone");
    let at = |conversation: &str, id: &str| format!("/{conversation}/activities/{id}");
    assert_eq!(world.connector(&bot, "DELETE", &at(GENERAL_19, &gone), &Value::Null).body, "{}");
    let text = message("x");
    let big = message(&"x".repeat(51_200));
    let rows: Vec<(&str, String, Value, &str)> = vec![
        ("PUT", at("19:nowhere@thread.tacv2", &id), text.clone(), "404 ConversationNotFound"),
        ("PUT", at(LEADS_19, &id), text.clone(), "404 ConversationNotFound"),
        ("PUT", at(GENERAL, &id), text.clone(), "404 ConversationNotFound"),
        ("PUT", at("19:random@thread.tacv2", &id), text.clone(), "404 ConversationNotFound"),
        ("PUT", at(GENERAL_19, "1600000000000000"), text.clone(), "404 ActivityNotFoundInConversation"),
        ("PUT", at(GENERAL_19, "not-a-number"), text.clone(), "404 ActivityNotFoundInConversation"),
        ("PUT", at(GENERAL_19, "f:1234"), text.clone(), "404 ActivityNotFoundInConversation"),
        ("PUT", at(GENERAL_19, &gone), text.clone(), "404 ActivityNotFoundInConversation"),
        ("PUT", at(GENERAL_19, &id), json!({}), "400 BadArgument"),
        ("PUT", at(GENERAL_19, &id), json!({"type": "message"}), "400 BadSyntax"),
        ("PUT", at(GENERAL_19, &id), json!({"type": "typing"}), "400 BadArgument"),
        ("PUT", at(GENERAL_19, &id), json!({"type": "event", "text": "x"}), "400 BadArgument"),
        ("PUT", at(GENERAL_19, &id), json!({"type": "message", "text": 7}), "400 BadSyntax"),
        ("PUT", at(GENERAL_19, &id), big, "413 MessageSizeTooBig"),
        ("DELETE", at(GENERAL_19, "1600000000000000"), Value::Null, "404 ActivityNotFoundInConversation"),
        ("DELETE", at(GENERAL_19, &gone), Value::Null, "404 ActivityNotFoundInConversation"),
        ("DELETE", at("19:nowhere@thread.tacv2", &id), Value::Null, "404 ConversationNotFound"),
        ("PATCH", at(GENERAL_19, &id), text.clone(), "405 BadArgument"),
        ("GET", at(GENERAL_19, &id), Value::Null, "405 BadArgument"),
    ];
    let before = world.state();
    for (verb, path, body, expected) in &rows {
        let answer = world.connector(&bot, verb, path, body);
        assert_eq!(answer.outcome(), *expected, "{verb} {path}: {}", answer.body);
        assert!(!answer.json["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(world.state(), before, "{verb} {path}");
    }
    let put =
        |tag: &str| world.connector_with(&bot, "PUT", &at(GENERAL_19, &id), &text, &[("if-match", tag)]);
    for (tag, expected, current) in [
        ("\"2\"", "412 PreconditionFailed", "\"1\""),
        ("\"1\"", "200", "\"2\""),
        ("\"1\"", "412 PreconditionFailed", "\"2\""),
    ] {
        let answer = put(tag);
        assert_eq!(
            (answer.outcome().as_str(), answer.header("etag")),
            (expected, current),
            "{}",
            answer.body
        );
    }
    let stale = json!({"type": "message", "text": "x", "channelData": {"redraft": {"if_revision": 1}}});
    assert_eq!(
        world.connector(&bot, "PUT", &at(GENERAL_19, &id), &stale).outcome(),
        "412 PreconditionFailed"
    );
    let stale =
        world.connector_with(&bot, "DELETE", &at(GENERAL_19, &id), &Value::Null, &[("if-match", "\"1\"")]);
    assert_eq!((stale.outcome().as_str(), stale.header("etag")), ("412 PreconditionFailed", "\"2\""));
    let helpdesk = world.controlled("GET", "/apps", &Value::Null);
    let user = helpdesk["apps"].as_array().unwrap().iter().find(|app| app["name"] == "helpdesk").unwrap()["bot_user_id"].clone();
    world.controlled(
        "DELETE",
        &format!("/channels/general/members/{}", user.as_str().unwrap()),
        &Value::Null,
    );
    for (verb, body) in [("PUT", text.clone()), ("DELETE", Value::Null)] {
        let answer = world.connector(&bot, verb, &at(GENERAL_19, &id), &body);
        assert_eq!(answer.outcome(), "403 BotNotInConversationRoster", "{verb}");
    }
    println!("connector: {} rows of refusals", rows.len() + 6);
    world.is_well();
}

/// What a message said before is for whoever may change it, and for administrators.
#[test]
fn revisions_and_who_reads_them() {
    let world = World::new();
    let change = |token: &str, ts: &str, text: &str| {
        world.ok(token, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": text}));
    };
    let bots = world.post(DEPLOY, GENERAL, "one");
    change(DEPLOY, &bots, "two");
    change(BEN, &bots, "three");
    let bens = world.post(BEN, GENERAL, "ben one");
    change(BEN, &bens, "ben two");
    let gone = world.post(DEPLOY, GENERAL, "gone one");
    change(DEPLOY, &gone, "gone two");
    world.delete(DEPLOY, GENERAL, &gone);
    let rows = [
        (DEPLOY, &bots, "three/U01BEN two/U01DEPLOY one/U01DEPLOY"),
        (BEN, &bots, "three/U01BEN two/U01DEPLOY one/U01DEPLOY"),
        (ADA, &bots, "three/U01BEN two/U01DEPLOY one/U01DEPLOY"),
        (CLEO, &bots, "message_not_found"),
        (POLL, &bots, "message_not_found"),
        ("xoxp-ben-of-pollbot", &bots, "message_not_found"),
        (BEN, &bens, "ben two/U01BEN ben one/U01BEN"),
        ("xoxp-ben-of-pollbot", &bens, "ben two/U01BEN ben one/U01BEN"),
        (ADA, &bens, "ben two/U01BEN ben one/U01BEN"),
        (DEPLOY, &bens, "message_not_found"),
        (CLEO, &bens, "message_not_found"),
        (ADA, &gone, "gone two/U01DEPLOY gone one/U01DEPLOY"),
        (DEPLOY, &gone, "message_not_found"),
        (BEN, &gone, "message_not_found"),
    ];
    for (token, ts, expected) in rows {
        let answer = world.slack(token, "redraft.messages.revisions", &json!({"channel": GENERAL, "ts": ts}));
        let list = answer.json["revisions"].as_array().cloned().unwrap_or_default();
        let shown: Vec<String> =
            list.iter().map(|it| format!("{}/{}", text_of(it, "text"), text_of(it, "user"))).collect();
        let shown = if shown.is_empty() { answer.code().to_owned() } else { shown.join(" ") };
        assert_eq!(shown, expected, "{token} {ts}");
    }
    let first =
        world.ok(DEPLOY, "redraft.messages.revisions", &json!({"channel": GENERAL, "ts": bots, "limit": 2}));
    let cursor = &first["response_metadata"]["next_cursor"];
    let rest = world.ok(
        DEPLOY,
        "redraft.messages.revisions",
        &json!({"channel": GENERAL, "ts": bots, "cursor": cursor}),
    );
    assert_eq!(rest["revisions"][0]["revision"], 1);
    assert_eq!(rest["response_metadata"]["next_cursor"], "");
    for (args, code) in [
        (json!({"channel": GENERAL, "ts": "x"}), "message_not_found"),
        (json!({"channel": "C01NOWHERE", "ts": bots}), "channel_not_found"),
        (json!({"channel": GENERAL}), "invalid_arguments"),
        (json!({"channel": GENERAL, "ts": bots, "cursor": "%"}), "invalid_cursor"),
        (json!({"channel": GENERAL, "ts": bots, "limit": -1}), "invalid_limit"),
    ] {
        assert_eq!(world.slack(DEPLOY, "redraft.messages.revisions", &args).code(), code, "{args}");
    }
}
