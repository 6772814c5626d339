//! People act in their own clients, through the control API: what they write and do, what they may not, what they see.

use serde_json::{Value, json};

use crate::bot::{Bot, until};
use crate::world::*;

/// Person and verb, path below the person, body, outcome, a part of the reason.
type Row<'a> = (&'a str, &'a str, String, Value, &'a str, &'a str);

/// Each is refused with a reason, and nothing changes.
fn check_refused(world: &World, rows: &[Row<'_>]) {
    for (person, verb, path, body, outcome, part) in rows {
        let before = world.state();
        let answer = world.control(verb, &format!("/people/{person}/{path}"), body);
        assert_eq!(answer.outcome(), *outcome, "{person} {verb} {path} {body}: {}", answer.body);
        let words = answer.json["error"]["message"].as_str().unwrap();
        assert!(words.contains(part), "{person} {verb} {path} {body}: {words}");
        assert_eq!(world.state(), before, "{person} {verb} {path} {body}");
    }
}

fn says(world: &World, person: &str, body: &Value) -> Value {
    world.controlled("POST", &format!("/people/{person}/messages"), body)
}

fn sees(world: &World, person: &str, place: &str) -> Vec<Value> {
    let page = world.controlled("GET", &format!("/people/{person}/channels/{place}"), &Value::Null);
    page["messages"].as_array().unwrap().clone()
}

fn texts(seen: &[Value]) -> Vec<&str> {
    seen.iter().map(|it| it["text"].as_str().unwrap()).collect()
}

#[test]
fn writing() {
    let world = World::new();
    let said = says(&world, "ben", &json!({"channel": "general", "text": "Good morning"}));
    assert_eq!(
        (&said["user"], &said["app"], &said["channel"], &said["revision"]),
        (&json!("U01BEN"), &Value::Null, &json!(GENERAL), &json!(1))
    );
    let root = text_of(&said, "ts");
    // By every spelling of a channel, and in a thread.
    for channel in ["#general", GENERAL, GENERAL_19] {
        let said = says(&world, "U01ADA", &json!({"channel": channel, "text": channel, "thread_ts": root}));
        assert_eq!((&said["thread_ts"], &said["channel"]), (&json!(root), &json!(GENERAL)));
    }
    // In threads there is one level: a reply to a reply joins its thread.
    let reply = says(
        &world,
        "cleo",
        &json!({"channel": "general", "text": "by digits", "thread_ts": root.replace('.', "")}),
    );
    let deeper =
        says(&world, "cleo", &json!({"channel": "general", "text": "deeper", "thread_ts": reply["ts"]}));
    assert_eq!(deeper["thread_ts"], root);
    let thread = sees(&world, "ada", &format!("general/messages?thread_ts={root}"));
    assert_eq!(texts(&thread), ["Good morning", "<#C01GENERAL>", GENERAL, GENERAL_19, "by digits", "deeper"]);
    assert_eq!(texts(&sees(&world, "ada", "general/messages")), ["Good morning"]);
    // What is typed: names that somebody has, channels that the person sees, addresses.
    for (typed, stored) in [
        ("@ada and @Ben, look", "<@U01ADA> and <@U01BEN>, look"),
        ("@ada.", "<@U01ADA>."),
        ("@nobody, mail@ada, @", "@nobody, mail@ada, @"),
        ("@deploybot status", "<@U01DEPLOY> status"),
        ("see #random, not #leads", "see <#C01RANDOM>, not #leads"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("https://acme.example/a?b=c", "<https://acme.example/a?b=c>"),
        ("*bold* and `code`", "*bold* and `code`"),
    ] {
        assert_eq!(
            says(&world, "cleo", &json!({"channel": "general", "text": typed}))["text"],
            stored,
            "{typed}"
        );
    }
    assert_eq!(says(&world, "ada", &json!({"channel": "general", "text": "#leads"}))["text"], "<#C01LEADS>");
    // A chat is one for each set of people and bots.
    let chat = |to: Value| text_of(&says(&world, "ada", &json!({"to": to, "text": "hi"})), "channel");
    let direct = chat(json!(["ben"]));
    assert_eq!((chat(json!(["U01BEN"])), chat(json!(["29:1ben"]))), (direct.clone(), direct.clone()));
    let group = chat(json!(["ben", "helpdesk"]));
    assert_ne!(group, direct);
    assert_eq!(chat(json!(["helpdesk", "ben"])), group);
    let kinds = world.controlled("GET", "/channels", &Value::Null);
    let kind = |id: &str| {
        kinds["channels"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()["kind"].clone()
    };
    assert_eq!((kind(&direct), kind(&group)), (json!("direct"), json!("group")));
    assert_eq!(texts(&sees(&world, "ben", &format!("{direct}/messages"))), ["hi", "hi", "hi"]);
}

#[test]
fn writing_that_is_refused() {
    let world = World::new();
    let direct = text_of(&says(&world, "ada", &json!({"to": ["ben"], "text": "hi"})), "channel");
    world.controlled("POST", "/people", &json!({"name": "gone"}));
    world.controlled("PATCH", "/people/gone", &json!({"deactivated": true}));
    world.controlled("DELETE", "/channels/random/members/cleo", &Value::Null);
    let row = |person, body, outcome, part| (person, "POST", "messages".to_owned(), body, outcome, part);
    let long = "x".repeat(12_001);
    check_refused(
        &world,
        &[
            row(
                "cleo",
                json!({"channel": "leads", "text": "x"}),
                "404 not_found",
                "cleo sees no such conversation",
            ),
            row("cleo", json!({"channel": direct, "text": "x"}), "404 not_found", "seen by its members only"),
            row(
                "cleo",
                json!({"channel": "random", "text": "x"}),
                "403 not_member",
                "cleo is not in the conversation",
            ),
            row("ada", json!({"channel": "attic", "text": "x"}), "409 archived", "unarchive it"),
            row("ada", json!({"channel": "nowhere", "text": "x"}), "404 not_found", "no such conversation"),
            row("ada", json!({"channel": "general", "text": ""}), "422 content", "needs a text"),
            row(
                "ada",
                json!({"channel": "general", "text": long}),
                "422 content",
                "at most 12000 characters",
            ),
            row(
                "ada",
                json!({"channel": "general", "to": ["ben"], "text": "x"}),
                "400 bad_request",
                "where to",
            ),
            row("ada", json!({"text": "x"}), "400 bad_request", "where to"),
            row("ada", json!({"to": [], "text": "x"}), "400 bad_request", "where to"),
            row("ada", json!({"to": ["nobody"], "text": "x"}), "404 not_found", "no such person"),
            row("ada", json!({"to": ["gone"], "text": "x"}), "403 inactive", "was deactivated"),
            row("ada", json!({"channel": "general", "text": "x", "odd": 1}), "400 bad_request", "odd"),
            row("ada", json!({"channel": "general"}), "400 bad_request", "text"),
            row(
                "ada",
                json!({"channel": "general", "text": "x", "thread_ts": "soon"}),
                "400 bad_request",
                "soon",
            ),
            row("gone", json!({"channel": "general", "text": "x"}), "403 inactive", "gone was deactivated"),
            row("deploybot", json!({"channel": "general", "text": "x"}), "404 not_found", "no such person"),
            row("nobody", json!({"channel": "general", "text": "x"}), "404 not_found", "no such person"),
        ],
    );
}

#[test]
fn changing_and_deleting() {
    let world = World::new();
    let ts = text_of(&says(&world, "ben", &json!({"channel": "general", "text": "firts"})), "ts");
    let path = |ts: &str| format!("messages/general/{ts}");
    let edited = world.controlled(
        "PATCH",
        &format!("/people/ben/{}", path(&ts)),
        &json!({"text": "first, @ada", "if_revision": 1}),
    );
    assert_eq!((&edited["text"], &edited["revision"]), (&json!("first, <@U01ADA>"), &json!(2)));
    assert_eq!(world.stored(GENERAL, &ts)["text"], edited["text"]);
    let of_bot = world.post(DEPLOY, GENERAL, "an app's");
    let of_teams = world.sends(&world.bot(HELPDESK), GENERAL_19, "a bot's");
    let with_blocks = json!({"channel": GENERAL, "text": "x", "blocks": [{"type": "divider"}]});
    let own_blocks = text_of(&world.ok(BEN, "chat.postMessage", &with_blocks), "ts");
    let stone = world.tombstone(BEN, GENERAL).0;
    let whisper = world.ephemeral(DEPLOY, GENERAL);
    let says_x = json!({"text": "x"});
    let not_own = "the message was posted by deploybot; ben changes and deletes only what ben posted";
    let row = |person, verb, ts: &str, body, outcome, part| (person, verb, path(ts), body, outcome, part);
    let edit = |person, ts: &str, outcome, part| row(person, "PATCH", ts, says_x.clone(), outcome, part);
    let delete = |person, ts: &str, outcome, part| row(person, "DELETE", ts, Value::Null, outcome, part);
    check_refused(
        &world,
        &[
            edit("ben", &of_bot, "403 not_author", not_own),
            edit("ben", &of_teams, "403 not_author", "posted by helpdesk"),
            edit("ada", &ts, "403 not_author", "posted by ben; ada changes"),
            edit("ben", &stone, "409 deleted", "only its thread is left"),
            edit("ben", &whisper, "404 not_found", "no message with this id"),
            edit("ben", "1700000000.000100", "404 not_found", "ben sees no message with this id"),
            edit("ben", "yesterday", "400 bad_request", "yesterday is not a message's id"),
            row(
                "ben",
                "PATCH",
                &ts,
                json!({"text": "x", "if_revision": 1}),
                "412 stale",
                "at revision 2 by now",
            ),
            row("ben", "PATCH", &ts, json!({"text": ""}), "422 content", "delete it"),
            row("ben", "PATCH", &ts, json!({"text": "x".repeat(12_001)}), "422 content", "12000"),
            row("ben", "PATCH", &ts, json!({}), "400 bad_request", "text"),
            (
                "ben",
                "PATCH",
                format!("messages/leads/{ts}"),
                says_x.clone(),
                "404 not_found",
                "no message with this id",
            ),
            (
                "cleo",
                "PATCH",
                format!("messages/leads/{ts}"),
                says_x.clone(),
                "404 not_found",
                "no such conversation",
            ),
            delete("ben", &of_bot, "403 not_author", not_own),
            delete("cleo", &ts, "403 not_author", "posted by ben"),
            delete("ben", &stone, "409 deleted", "only its thread is left"),
            delete("ben", "1700000000.000100", "404 not_found", "no message with this id"),
        ],
    );
    // What was posted with the person's token is theirs as well; an edit leaves nothing of its blocks.
    let edited = world.controlled("PATCH", &format!("/people/ben/{}", path(&own_blocks)), &says_x);
    assert_eq!((&edited["text"], &edited["blocks"]), (&json!("x"), &Value::Null));
    // One with replies leaves its place, others leave none; an administrator deletes others' in channels.
    says(&world, "ada", &json!({"channel": "general", "text": "a reply", "thread_ts": ts}));
    for (person, ts) in [("ben", &ts), ("ben", &own_blocks), ("ada", &of_bot)] {
        world.controlled("DELETE", &format!("/people/{person}/{}", path(ts)), &Value::Null);
    }
    assert_eq!(world.stored(GENERAL, &ts)["deleted"], true);
    assert_eq!(
        (world.stored(GENERAL, &own_blocks), world.stored(GENERAL, &of_bot)),
        (Value::Null, Value::Null)
    );
    let chat = says(&world, "ben", &json!({"to": ["ada"], "text": "between us"}));
    let (chat, ts) = (text_of(&chat, "channel"), text_of(&chat, "ts"));
    let path = format!("messages/{chat}/{ts}");
    check_refused(
        &world,
        &[
            (
                "ada",
                "DELETE",
                path.clone(),
                Value::Null,
                "403 not_author",
                "where administrators delete nothing of others",
            ),
            ("cleo", "DELETE", path, Value::Null, "404 not_found", "cleo sees no such conversation"),
        ],
    );
}

/// The workspace's clock decides, which only goes forward.
#[test]
fn windows_for_people() {
    let world = World::new();
    let settings = json!({"edit_window_seconds": 60, "delete_window_seconds": 120});
    world.controlled("PATCH", "", &json!({"settings": settings}));
    let ts = text_of(&says(&world, "ben", &json!({"channel": "general", "text": "hasty"})), "ts");
    let path = format!("messages/general/{ts}");
    let edit = json!({"text": "considered"});
    world.controlled("PATCH", &format!("/people/ben/{path}"), &edit);
    world.controlled("POST", "/clock", &json!({"advance_ms": 60_000}));
    let row = |verb, body: &Value, outcome, part| ("ben", verb, path.clone(), body.clone(), outcome, part);
    check_refused(
        &world,
        &[row("PATCH", &edit, "403 window_closed", "people can edit a message for a limited time")],
    );
    world.controlled("POST", "/clock", &json!({"advance_ms": 60_000}));
    check_refused(
        &world,
        &[row("DELETE", &Value::Null, "403 window_closed", "people can delete a message for a limited time")],
    );
    world.controlled("PATCH", "", &json!({"settings": {"only_admins_delete": true}}));
    check_refused(&world, &[row("DELETE", &Value::Null, "403 only_admins", "and ben is none")]);
    world.controlled("DELETE", &format!("/people/ada/{path}"), &Value::Null);
    assert_eq!(world.stored(GENERAL, &ts), Value::Null);
}

#[test]
fn reacting() {
    let world = World::new();
    let id = world.sends(&world.bot(HELPDESK), GENERAL_19, "Shipped");
    let ts = format!("{}.{}", &id[..10], &id[10..]);
    let react = |person: &str, verb: &str, name: &str| {
        let body = json!({"channel": "general", "ts": id, "name": name});
        world.controlled(verb, &format!("/people/{person}/reactions"), &body)["changed"] == true
    };
    assert!(react("ada", "POST", "eyes") && react("ben", "POST", ":eyes:") && react("ben", "POST", "tada"));
    let end = world.log_end();
    assert!(!react("ada", "POST", "eyes") && !react("ada", "DELETE", "tada"));
    assert_eq!(world.log_end(), end, "what changes nothing is no event");
    let reactions = || sees(&world, "cleo", "general/messages")[0]["reactions"].clone();
    assert_eq!(
        reactions(),
        json!([{"name": "eyes", "users": ["U01ADA", "U01BEN"]}, {"name": "tada", "users": ["U01BEN"]}])
    );
    assert!(react("ada", "DELETE", "eyes") && react("ben", "DELETE", "tada"));
    assert_eq!(reactions(), json!([{"name": "eyes", "users": ["U01BEN"]}]));
    let stone = world.tombstone(BEN, GENERAL).0;
    world.controlled("DELETE", "/channels/random/members/cleo", &Value::Null);
    let elsewhere = world.post(BEN, RANDOM, "x");
    let row = |person, channel: &str, ts: &str, name: &str, outcome, part| {
        let body = json!({"channel": channel, "ts": ts, "name": name});
        (person, "POST", "reactions".to_owned(), body, outcome, part)
    };
    check_refused(
        &world,
        &[
            row("cleo", "leads", &ts, "eyes", "404 not_found", "cleo sees no such conversation"),
            row("cleo", "random", &elsewhere, "eyes", "403 not_member", "cleo is not in the conversation"),
            row("cleo", "general", "1700000000.000100", "eyes", "404 not_found", "no message with this id"),
            row("cleo", "general", &stone, "eyes", "409 deleted", "only its thread is left"),
            row("cleo", "attic", &ts, "eyes", "409 archived", "unarchive it"),
            row("cleo", "general", &ts, "", "400 bad_request", "short name"),
            row("cleo", "general", &ts, "two words", "400 bad_request", "short name"),
            row("cleo", "general", &ts, &"x".repeat(101), "400 bad_request", "short name"),
        ],
    );
}

/// Only the bot of a personal chat is told, and whether it answers is nobody's concern.
#[test]
fn typing() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    let chat = text_of(&says(&world, "ada", &json!({"to": ["helpdesk"], "text": "hi"})), "channel");
    let group = text_of(&says(&world, "ada", &json!({"to": ["helpdesk", "ben"], "text": "hi"})), "channel");
    let types = |channel: &str| {
        world.controlled("POST", "/people/ada/typing", &json!({"channel": channel}));
    };
    types("general");
    types(&group);
    types(&chat);
    let typed = || bot.heard().into_iter().filter(|it| it.activity["type"] == "typing").collect::<Vec<_>>();
    let heard = until("the typing", || typed().pop());
    let conversation = &heard.activity["conversation"];
    assert_eq!(
        (&conversation["conversationType"], &heard.activity["from"]["id"]),
        (&json!("personal"), &json!("29:1ada"))
    );
    assert_eq!(typed().len(), 1);
    check_refused(
        &world,
        &[
            (
                "ben",
                "POST",
                "typing".into(),
                json!({"channel": chat}),
                "404 not_found",
                "ben sees no such conversation",
            ),
            (
                "ben",
                "POST",
                "typing".into(),
                json!({"channel": "nowhere"}),
                "404 not_found",
                "no such conversation",
            ),
        ],
    );
}

#[test]
fn stopping_what_does_not_stream() {
    let world = World::new();
    let id = world.sends(&world.bot(HELPDESK), GENERAL_19, "whole");
    let chat = says(&world, "ada", &json!({"to": ["helpdesk"], "text": "hi"}));
    let row = |person, channel: &Value, ts: &Value, outcome, part| {
        (person, "POST", "stop".to_owned(), json!({"channel": channel, "ts": ts}), outcome, part)
    };
    check_refused(
        &world,
        &[
            row("ada", &json!("general"), &json!(id), "409 not_streaming", "in chats with one person only"),
            row("ada", &chat["channel"], &chat["ts"], "409 not_streaming", "it is whole"),
            row("ada", &chat["channel"], &json!(id), "404 not_found", "no message with this id"),
            row("ben", &chat["channel"], &chat["ts"], "404 not_found", "ben sees no such conversation"),
        ],
    );
}

/// What a person sees is what is there for them: nothing of others' chats and private channels, nothing that is for one
/// other reader; in the place of what was deleted its notice.
#[test]
fn seeing() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let stone = world.tombstone(BEN, GENERAL);
    world.post(DEPLOY, GENERAL, "for all");
    let path = format!("/{GENERAL_19}/activities?isTargetedActivity=true");
    let to_ben = json!({"type": "message", "text": "for ben", "recipient": {"id": "29:1ben"}});
    assert_eq!(world.connector(&bot, "POST", &path, &to_ben).status, 201);
    world.ephemeral(DEPLOY, GENERAL);
    assert_eq!(texts(&sees(&world, "ada", "general/messages")), ["", "for all"]);
    let bens = sees(&world, "ben", "general/messages");
    assert_eq!(texts(&bens), ["", "for all", "for ben", "for one reader"]);
    assert_eq!((&bens[0]["deleted"], &bens[0]["reply_count"]), (&json!(true), &json!(1)));
    assert_eq!((&bens[1]["targeted_to"], &bens[2]["targeted_to"]), (&Value::Null, &json!("U01BEN")));
    let thread = sees(&world, "ada", &format!("general/messages?thread_ts={}", stone.0));
    assert_eq!(texts(&thread), ["", "a reply that stays"]);
    assert_eq!(texts(&sees(&world, "ada", "general/messages?limit=1")), ["for all"]);
    // A day later nothing of it is left for its one reader.
    world.controlled("POST", "/clock", &json!({"advance_ms": 86_400_000}));
    assert_eq!(texts(&sees(&world, "ben", "general/messages")), ["", "for all"]);
    // A public channel is seen by everyone, a private one and a chat by their members.
    world.controlled("DELETE", "/channels/random/members/cleo", &Value::Null);
    world.post(BEN, RANDOM, "in public");
    world.post(BEN, LEADS, "in private");
    let public = ["<@U01CLEO> has left the channel", "in public"];
    assert_eq!(texts(&sees(&world, "cleo", "random/messages")), public);
    assert_eq!(texts(&sees(&world, "ben", "leads/messages")), ["in private"]);
    let chat = text_of(&says(&world, "ada", &json!({"to": ["ben"], "text": "hi"})), "channel");
    world.controlled("PATCH", "/people/ben", &json!({"deactivated": true}));
    let row = |person, place: &str, outcome, part| {
        (person, "GET", format!("channels/{place}"), Value::Null, outcome, part)
    };
    check_refused(
        &world,
        &[
            row("cleo", "leads/messages", "404 not_found", "cleo sees no such conversation"),
            row("cleo", &format!("{chat}/messages"), "404 not_found", "cleo sees no such conversation"),
            row("cleo", "nowhere/messages", "404 not_found", "no such conversation"),
            row("cleo", "general/messages?limit=many", "400 bad_request", "limit must be a number"),
            row("cleo", "general/messages?thread_ts=here", "400 bad_request", "here is not a message's id"),
            row("ben", "general/messages", "403 inactive", "ben was deactivated"),
            row("helpdesk", "general/messages", "404 not_found", "no such person"),
        ],
    );
}
