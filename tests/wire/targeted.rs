//! Messages of the Connector that one member sees.

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client::Answer;
use crate::world::*;

const FLAG: &str = "?isTargetedActivity=true";

fn to(reader: &str, text: &str) -> Value {
    json!({"type": "message", "text": text, "recipient": {"id": reader}})
}

fn send(world: &World, bot: &str, body: &Value) -> Answer {
    world.connector(bot, "POST", &format!("/{GENERAL_19}/activities{FLAG}"), body)
}

fn sent(world: &World, bot: &str, body: &Value) -> String {
    let answer = send(world, bot, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    text_of(&answer.json, "id")
}

fn on(world: &World, bot: &str, verb: &str, id: &str, flag: &str, body: &Value) -> Answer {
    world.connector(bot, verb, &format!("/{GENERAL_19}/activities/{id}{flag}"), body)
}

/// Texts of general as a person sees it, each with whom it is for.
fn seen(world: &World, person: &str) -> Vec<(String, Value)> {
    seen_in(world, person, "general/messages")
}

fn seen_in(world: &World, person: &str, place: &str) -> Vec<(String, Value)> {
    let path = format!("/people/{person}/channels/{place}");
    let seen = world.controlled("GET", &path, &Value::Null);
    let messages = seen["messages"].as_array().unwrap().iter();
    messages.map(|it| (text_of(it, "text"), it["targeted_to"].clone())).collect()
}

#[test]
fn seen_by_its_reader_alone() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let root = world.sends(&bot, GENERAL_19, "root");
    sent(&world, &bot, &to("29:1ben", "by member id"));
    sent(&world, &bot, &to("22222222-0000-4000-8000-000000000002", "by directory id"));
    let mut flagged = to("29:1ben", "flagged in the body");
    flagged["recipient"]["isTargeted"] = true.into();
    let answer = world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), &flagged);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let reply = on(&world, &bot, "POST", &root, "?ISTARGETEDACTIVITY=True", &to("29:1ben", "in the thread"));
    assert_eq!(reply.status, 201, "{}", reply.body);
    let bens = json!("U01BEN");
    let all = ["by member id", "by directory id", "flagged in the body"];
    let mut expected = vec![("root".to_owned(), Value::Null)];
    assert_eq!(seen(&world, "ada"), expected);
    expected.extend(all.map(|text| (text.to_owned(), bens.clone())));
    assert_eq!(seen(&world, "ben"), expected);
    let thread = format!("general/messages?thread_ts={root}");
    assert_eq!(seen_in(&world, "ada", &thread), expected[..1]);
    let with_reply = vec![expected[0].clone(), ("in the thread".to_owned(), bens)];
    assert_eq!(seen_in(&world, "ben", &thread), with_reply);
    // In no history of either API.
    let history = world.ok(BEN, "conversations.history", &json!({"channel": GENERAL}));
    assert_eq!(history["messages"].as_array().unwrap().len(), 1, "{history}");
    assert_eq!(history["messages"][0].get("reply_count"), None, "it does not count as a reply");
    let line = world.controlled("GET", "/channels/general/messages", &Value::Null);
    assert_eq!(line["messages"].as_array().unwrap().len(), 1);
    // Whoever answers the targeted reply does not join its thread.
    let id = text_of(&reply.json, "id");
    let ts = format!("{}.{}", &id[..10], &id[10..]);
    let answer =
        world.slack(BEN, "chat.postMessage", &json!({"channel": GENERAL, "text": "x", "thread_ts": ts}));
    assert_eq!(answer.json["message"].get("thread_ts"), None);
}

#[test]
fn what_is_refused() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    world.controlled("DELETE", "/channels/general/members/cleo", &Value::Null);
    let before = world.state();
    for (body, expected, part) in [
        (message("to nobody"), "400 BadArgument", "recipient"),
        (
            json!({"type": "message", "text": "x", "recipient": {"name": "ben"}}),
            "400 BadArgument",
            "recipient",
        ),
        (to("29:1nobody", "x"), "404 MemberNotFoundInConversation", "not a member"),
        (to("29:1cleo", "who left"), "404 MemberNotFoundInConversation", "not a member"),
        (to(&format!("28:{}", PLANNER.0), "x"), "404 MemberNotFoundInConversation", "not a member"),
        (to("29:1ben", ""), "400 BadSyntax", "'text'"),
    ] {
        let answer = send(&world, &bot, &body);
        assert_eq!(answer.outcome(), expected, "{body}");
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    assert_eq!(world.state(), before);
    let made = world.connector(&bot, "POST", "", &json!({"members": [{"id": "29:1ben"}]}));
    let path = format!("/{}/activities{FLAG}", text_of(&made.json, "id"));
    let personal = world.connector(&bot, "POST", &path, &to("29:1ben", "x"));
    assert_eq!(personal.outcome(), "400 BadArgument", "one person reads everything there");
    let first = json!({"type": "message", "text": "x", "recipient": {"id": "29:1ben", "isTargeted": true}});
    let thread = json!({"isGroup": true, "channelData": {"channel": {"id": GENERAL_19}}, "activity": first});
    assert_eq!(
        world.connector(&bot, "POST", "", &thread).outcome(),
        "400 BadSyntax",
        "a root is for everybody"
    );
    // Without the flag a recipient means nothing, and neither does another value.
    for flag in ["", "?isTargetedActivity=false", "?isTargetedActivity", "?other=true"] {
        let path = format!("/{GENERAL_19}/activities{flag}");
        assert_eq!(world.connector(&bot, "POST", &path, &to("29:1nobody", "for all")).status, 201, "{flag}");
    }
    assert_eq!(seen(&world, "ada").len(), 4 + 1, "and that cleo left");
}

#[test]
fn updated_and_deleted_with_the_flag_only() {
    let world = World::new();
    let (bot, other) = (world.bot(HELPDESK), world.bot(PLANNER));
    let id = sent(&world, &bot, &to("29:1ben", "first"));
    let ordinary = world.sends(&bot, GENERAL_19, "for all");
    for (who, verb, id, flag, body, expected) in [
        (&bot, "PUT", &id, "", message("x"), "400 BadArgument"),
        (&bot, "DELETE", &id, "", Value::Null, "400 BadArgument"),
        (&bot, "PUT", &id, FLAG, to("29:1ada", "x"), "400 BadArgument"),
        (&bot, "PUT", &id, FLAG, to("29:1nobody", "x"), "400 BadArgument"),
        (&bot, "PUT", &id, FLAG, message(""), "400 BadSyntax"),
        (&bot, "PUT", &ordinary, FLAG, message("x"), "404 ActivityNotFoundInConversation"),
        (&bot, "DELETE", &ordinary, FLAG, Value::Null, "404 ActivityNotFoundInConversation"),
        (&other, "PUT", &id, FLAG, message("x"), "404 ActivityNotFoundInConversation"),
        (&other, "PUT", &id, "", message("x"), "404 ActivityNotFoundInConversation"),
        (&other, "DELETE", &id, FLAG, Value::Null, "404 ActivityNotFoundInConversation"),
    ] {
        let answer = on(&world, who, verb, id, flag, &body);
        assert_eq!(answer.outcome(), expected, "{verb} {flag} {body}: {}", answer.body);
    }
    let is = |text: &str| {
        assert_eq!(seen(&world, "ben")[0], (text.to_owned(), json!("U01BEN")));
        assert_eq!(seen(&world, "ada"), [("for all".to_owned(), Value::Null)]);
    };
    is("first");
    for (body, text) in [
        (message("no recipient"), "no recipient"),
        (to("29:1ben", "the same"), "the same"),
        (
            to("22222222-0000-4000-8000-000000000002", "the same, spelled otherwise"),
            "the same, spelled otherwise",
        ),
    ] {
        let answer = on(&world, &bot, "PUT", &id, FLAG, &body);
        assert_eq!((answer.status, text_of(&answer.json, "id")), (200, id.clone()), "{}", answer.body);
        is(text);
    }
    assert_eq!(on(&world, &bot, "DELETE", &id, FLAG, &Value::Null).body, "{}");
    assert_eq!(seen(&world, "ben").len(), 1);
    for (verb, flag) in [("PUT", FLAG), ("PUT", ""), ("DELETE", FLAG), ("DELETE", "")] {
        let answer = on(&world, &bot, verb, &id, flag, &message("x"));
        assert_eq!(answer.outcome(), "404 ActivityNotFoundInConversation", "{verb} {flag}");
    }
}

/// A day after its last change it is gone.
#[test]
fn twenty_four_hours() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let (kept, gone) =
        (sent(&world, &bot, &to("29:1ben", "kept")), sent(&world, &bot, &to("29:1ben", "gone")));
    world.controlled("POST", "/clock", &json!({"advance_ms": 12 * 3_600_000}));
    assert_eq!(on(&world, &bot, "PUT", &kept, FLAG, &message("changed")).status, 200);
    world.controlled("POST", "/clock", &json!({"advance_ms": 12 * 3_600_000}));
    let bot = world.bot(HELPDESK);
    for verb in ["PUT", "DELETE"] {
        let answer = on(&world, &bot, verb, &gone, FLAG, &message("x"));
        assert_eq!(answer.outcome(), "404 ActivityNotFoundInConversation", "{verb}");
    }
    assert_eq!(seen(&world, "ben"), [("changed".to_owned(), json!("U01BEN"))]);
    assert_eq!(on(&world, &bot, "DELETE", &kept, FLAG, &Value::Null).status, 200);
}

#[test]
fn repeated_calls() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities{FLAG}");
    let keyed = |path: &str, body: &Value| {
        world.connector_with(&bot, "POST", path, body, &[("idempotency-key", "k")])
    };
    let first = keyed(&path, &to("29:1ben", "once"));
    let again = keyed(&path, &to("29:1ben", "once"));
    assert_eq!((again.status, &again.json), (201, &first.json));
    assert_eq!(keyed(&path, &to("29:1ada", "once")).outcome(), "400 BadArgument", "for another reader");
    assert_eq!((seen(&world, "ben").len(), seen(&world, "ada").len()), (1, 0));
    // The same without the flag is another request, not the same one.
    let plain = keyed(&format!("/{GENERAL_19}/activities"), &to("29:1ben", "once"));
    assert_ne!(plain.json["id"], first.json["id"], "{}", plain.body);
    let id = text_of(&first.json, "id");
    for (verb, flag, expected) in [
        ("PUT", FLAG, "200"),
        ("PUT", FLAG, "200"),
        ("PUT", "", "400 BadArgument"),
        ("DELETE", FLAG, "200"),
        ("DELETE", FLAG, "200"),
        ("DELETE", "", "400 BadArgument"),
    ] {
        let path = format!("/{GENERAL_19}/activities/{id}{flag}");
        let answer =
            world.connector_with(&bot, verb, &path, &message("changed"), &[("idempotency-key", "k")]);
        assert_eq!(answer.outcome(), expected, "{verb} {flag}: {}", answer.body);
    }
}

/// Not even a bot that hears everything hears of one.
#[test]
fn other_bots_do_not_hear_of_it() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let listener = Bot::of(&world, "planner");
    world.controlled("PATCH", "/apps/planner", &json!({"read_all": true}));
    let id = sent(&world, &bot, &to("29:1ben", "for ben"));
    on(&world, &bot, "PUT", &id, FLAG, &message("for ben, changed"));
    on(&world, &bot, "DELETE", &id, FLAG, &Value::Null);
    world.sends(&bot, GENERAL_19, "for all");
    let heard = listener.wait_for(1);
    assert_eq!(heard.iter().map(crate::bot::Heard::text).collect::<Vec<_>>(), ["for all"], "{heard:#?}");
}
