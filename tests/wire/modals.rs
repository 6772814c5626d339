//! Modals: opened by triggers, pushed, updated, used, submitted and closed.

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, Say};
use crate::client::Answer;
use crate::interactive::{and, button, common, does, plain, poll_app, respond, steady};
use crate::support::{Folder, Server};
use crate::world::*;

fn input(block: &str, action: &str, label: &str) -> Value {
    json!({"type": "input", "block_id": block, "label": plain(label), "optional": false, "dispatch_action": false,
        "element": {"type": "plain_text_input", "action_id": action}})
}

fn modal(title: &str, blocks: &Value) -> Value {
    json!({"type": "modal", "title": plain(title), "submit": plain("Save"), "blocks": blocks})
}

/// The view as it is stored, with what the server makes up.
fn stored(view: &Value, shown: &Value, below: &[&str]) -> Value {
    let defaults = json!({
        "close": null, "private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": false,
        "notify_on_close": false, "submit_disabled": false, "team_id": "T01ACME", "state": {"values": {}},
        "app_id": "A01POLL", "app_installed_team_id": "T01ACME", "bot_id": "B01POLL",
    });
    let made = json!({
        "id": shown["id"], "hash": shown["hash"],
        "root_view_id": below.first().map_or(shown["id"].clone(), |id| json!(id)),
        "previous_view_id": below.last(),
    });
    and(and(defaults, view), &made)
}

/// A trigger of pollbot's for something that ben did, by a shortcut.
fn trigger(world: &World, bot: &Bot) -> String {
    let before = bot.heard().len();
    does(world, "ben", "shortcuts", &json!({"callback_id": "new_poll"}));
    text_of(&bot.wait_for(before + 1)[before].activity, "trigger_id")
}

/// The same for something that he did in a modal with a button Go.
fn trigger_in(world: &World, bot: &Bot, view: &str) -> String {
    let before = bot.heard().len();
    does(world, "ben", &format!("views/{view}/actions"), &json!({"action": "Go"}));
    text_of(&bot.wait_for(before + 1)[before].activity, "trigger_id")
}

fn views(world: &World, person: &str) -> Vec<Value> {
    let seen = world.controlled("GET", &format!("/people/{person}/views"), &Value::Null);
    seen["views"].as_array().unwrap().clone()
}

fn ids(world: &World) -> Vec<String> {
    views(world, "ben").iter().map(|view| text_of(view, "id")).collect()
}

/// Opens a modal for ben and gives back its id.
fn opened(world: &World, bot: &Bot, view: &Value) -> String {
    let args = json!({"trigger_id": trigger(world, bot), "view": view});
    text_of(&world.ok(POLL, "views.open", &args)["view"], "id")
}

fn pushed(world: &World, bot: &Bot, on: &str, view: &Value) -> String {
    let args = json!({"trigger_id": trigger_in(world, bot, on), "view": view});
    text_of(&world.ok(POLL, "views.push", &args)["view"], "id")
}

fn silent(bot: &Bot) {
    bot.answers(|_| Say::Json(200, json!({})));
}

fn with_go(title: &str) -> Value {
    let go = json!({"type": "actions", "block_id": "go", "elements": [button("go", "Go", "1")]});
    modal(title, &json!([input("i", "why", "Why"), go]))
}

/// What the description's examples are about: a Slack app that answers, a modal of its that is open, and the `ts` of a
/// message in #general with an external select.
pub fn stage(world: &World) -> (Bot, String, String) {
    let bot = poll_app(world);
    let changed = json!({
        "commands": [{"command": "/deploy", "url": bot.url}],
        "shortcuts": [
            {"type": "global", "name": "New poll", "callback_id": "new_poll"},
            {"type": "message", "name": "File a bug", "callback_id": "file_bug"},
        ],
    });
    world.controlled("PATCH", "/apps/pollbot", &changed);
    let high = json!({"text": plain("High"), "value": "high"});
    let severity = json!({"type": "static_select", "action_id": "severity", "options": [high]});
    let add = json!({"type": "actions", "block_id": "rows", "elements": [button("add", "Add a row", "1"), severity]});
    let view = opened(world, &bot, &modal("Bug", &json!([input("title", "title", "Title"), add])));
    let select = json!({"type": "external_select", "action_id": "who", "placeholder": plain("Assignee")});
    let args =
        json!({"channel": GENERAL, "text": "x", "blocks": [{"type": "actions", "elements": [select]}]});
    let ts = text_of(&world.ok(POLL, "chat.postMessage", &args), "ts");
    bot.answers(|heard| match heard.activity["type"].as_str() {
        Some("block_suggestion") => Say::Json(200, json!({"options": []})),
        _ => Say::Json(200, json!({})),
    });
    (bot, view, ts)
}

#[test]
fn opening() {
    let world = World::new();
    let bot = poll_app(&world);
    assert_eq!(views(&world, "ben"), Vec::<Value>::new());
    let view = modal("New poll", &json!([input("i", "why", "Why")]));
    let mut given = view.clone();
    given["blocks"][0].as_object_mut().unwrap().remove("block_id");
    given["blocks"][0]["element"].as_object_mut().unwrap().remove("action_id");
    // As JSON text in a form, as SDKs send it.
    let args = json!({"trigger_id": trigger(&world, &bot), "view": given.to_string()});
    let answer = world.ok(POLL, "views.open", &args);
    let shown = &answer["view"];
    let mut wanted = stored(&view, shown, &[]);
    let (block_id, action_id) =
        (&shown["blocks"][0]["block_id"], &shown["blocks"][0]["element"]["action_id"]);
    assert!(!block_id.as_str().unwrap().is_empty() && !action_id.as_str().unwrap().is_empty());
    wanted["blocks"][0]["block_id"] = block_id.clone();
    wanted["blocks"][0]["element"]["action_id"] = action_id.clone();
    assert_eq!(*shown, wanted);
    assert!(text_of(shown, "id").starts_with("V0"));
    assert_eq!(views(&world, "ben"), [wanted], "ben sees it");
    assert_eq!(views(&world, "ada"), Vec::<Value>::new(), "nobody else does");
    let seen = world.controlled("GET", "/people/ben/views?wait_ms=5000", &Value::Null);
    assert_eq!(seen["app"], "A01POLL");
    // Another one takes its place.
    let second = opened(&world, &bot, &modal("Other", &json!([])));
    assert_eq!(ids(&world), [second]);
}

#[test]
fn triggers() {
    let world = World::new();
    let bot = poll_app(&world);
    let view = modal("T", &json!([]));
    let open = |token: &str, trigger: &str| {
        world.slack(token, "views.open", &json!({"trigger_id": trigger, "view": view}))
    };
    let late = trigger(&world, &bot);
    world.controlled("POST", "/clock", &json!({"advance_ms": 3000}));
    let good = trigger(&world, &bot);
    for (token, trigger, code, words) in [
        (POLL, "nonsense", "invalid_arguments", "invalid `trigger_id`"),
        (POLL, "1.2", "invalid_arguments", "invalid `trigger_id`"),
        (POLL, "12345.98765.abcd2358fdea", "invalid_trigger_id", "no interaction"),
        (DEPLOY, &good, "invalid_trigger_id", "no interaction"),
        (POLL, &late, "expired_trigger_id", "3 seconds"),
        (POLL, &good, "ok", ""),
        (POLL, &good, "exchanged_trigger_id", "each is good for one"),
    ] {
        let answer = open(token, trigger);
        assert_eq!(answer.code(), code, "{trigger}: {}", answer.body);
        assert!(answer.reasons().contains(words), "{}", answer.body);
    }
    let missing = world.slack(POLL, "views.open", &json!({"view": view}));
    assert_eq!(
        (missing.code(), missing.reasons()),
        ("invalid_arguments", "[ERROR] missing required field: trigger_id".into())
    );
    // What is refused does not use a trigger up.
    let trigger = trigger(&world, &bot);
    let bad = |view: &Value| world.slack(POLL, "views.open", &json!({"trigger_id": trigger, "view": view}));
    let answer = bad(&json!({"type": "modal", "title": plain("T")}));
    assert_eq!(answer.code(), "invalid_arguments");
    assert_eq!(
        answer.json["response_metadata"]["messages"],
        json!([
            "[ERROR] failed to match all allowed schemas [json-pointer:/view]",
            "[ERROR] missing required field: blocks [json-pointer:/view]"
        ])
    );
    assert_eq!(bad(&json!("not JSON")).code(), "invalid_arguments");
    assert_eq!(open(POLL, &trigger).code(), "ok");
}

#[test]
fn a_stack_of_three() {
    let world = World::new();
    let bot = poll_app(&world);
    let first = opened(&world, &bot, &with_go("One"));
    let args = json!({"trigger_id": trigger_in(&world, &bot, &first), "view": with_go("Two")});
    let second = world.ok(POLL, "views.push", &args)["view"].clone();
    assert_eq!(second, stored(&with_go("Two"), &second, &[&first]));
    let second = text_of(&second, "id");
    let third = pushed(&world, &bot, &second, &with_go("Three"));
    assert_eq!(ids(&world), [first.clone(), second.clone(), third.clone()]);
    let push = |trigger: String| {
        world.slack(POLL, "views.push", &json!({"trigger_id": trigger, "view": with_go("Four")}))
    };
    assert_eq!(push(trigger_in(&world, &bot, &third)).code(), "push_limit_reached");
    assert_eq!(push(trigger(&world, &bot)).code(), "invalid_trigger_id", "pushing goes from a modal");
    // The lower ones are covered.
    for (what, body) in [("actions", json!({"action": "Go"})), ("submit", json!({})), ("close", json!({}))] {
        let answer = world.control("POST", &format!("/people/ben/views/{first}/{what}"), &body);
        assert_eq!(answer.outcome(), "422 impossible", "{what}");
    }
    let left = trigger_in(&world, &bot, &third);
    does(&world, "ben", &format!("views/{third}/close"), &json!({}));
    assert_eq!(ids(&world), [first, second]);
    assert_eq!(push(left).code(), "not_found", "the modal that it came from is closed");
}

/// Codes that methods share: each is given by each of them.
#[test]
fn codes() {
    let world = World::new();
    let bot = poll_app(&world);
    let first = opened(&world, &bot, &and(with_go("One"), &json!({"external_id": "one"})));
    let section = json!({"type": "section", "text": plain(&"x".repeat(2990))});
    let large = modal("Large", &json!(vec![section; 84]));
    let call = |method: &str, trigger: &str, view: &Value| {
        let args = json!({"trigger_id": trigger, "view_id": first, "view": view});
        world.slack(POLL, method, &args).code().to_owned()
    };
    let late = trigger_in(&world, &bot, &first);
    world.controlled("POST", "/clock", &json!({"advance_ms": 3000}));
    assert_eq!(call("views.push", &late, &with_go("Two")), "expired_trigger_id");
    let good = trigger_in(&world, &bot, &first);
    for method in ["views.open", "views.push", "views.update"] {
        assert_eq!(call(method, &good, &large), "view_too_large", "{method}");
    }
    let named = and(with_go("Two"), &json!({"external_id": "one"}));
    assert_eq!(call("views.push", &good, &named), "duplicate_external_id");
    assert_eq!(call("views.push", &good, &with_go("Two")), "ok");
    assert_eq!(call("views.push", &good, &with_go("Two")), "exchanged_trigger_id");
    // For another person the name is taken as well.
    let before = bot.heard().len();
    does(&world, "ada", "shortcuts", &json!({"callback_id": "new_poll"}));
    let trigger = text_of(&bot.wait_for(before + 1)[before].activity, "trigger_id");
    assert_eq!(call("views.open", &trigger, &named), "duplicate_external_id");
    let home = json!({"user_id": "U01BEN", "view": {"type": "home", "blocks": []}});
    assert_eq!(world.slack(POLL, "views.publish", &home).code(), "not_enabled");
    assert_eq!(world.slack("xapp-poll", "views.publish", &home).code(), "not_allowed_token_type");
}

#[test]
fn updating() {
    let world = World::new();
    let bot = poll_app(&world);
    let mut named = with_go("One");
    named["external_id"] = "one".into();
    let first = opened(&world, &bot, &named);
    let second = pushed(&world, &bot, &first, &with_go("Two"));
    let hash = text_of(&views(&world, "ben")[0], "hash");
    let update = |token: &str, more: Value| {
        let args = and(json!({"view": with_go("New")}), &more);
        world.slack(token, "views.update", &args)
    };
    let code = |answer: Answer| answer.code().to_owned();
    assert_eq!(code(update(POLL, json!({}))), "invalid_arguments");
    assert_eq!(code(update(POLL, json!({"view_id": "V0NONE"}))), "not_found");
    assert_eq!(code(update(POLL, json!({"external_id": "two"}))), "not_found");
    assert_eq!(code(update(DEPLOY, json!({"view_id": first}))), "not_found");
    assert_eq!(code(update(DEPLOY, json!({"external_id": "one"}))), "not_found");
    assert_eq!(code(update(POLL, json!({"view_id": first, "hash": "1.old"}))), "hash_conflict");
    let taken = json!({"view_id": second, "view": and(with_go("New"), &json!({"external_id": "one"}))});
    assert_eq!(code(update(POLL, taken)), "duplicate_external_id");
    let changed = update(POLL, json!({"external_id": "one", "hash": hash}));
    assert_eq!(changed.code(), "ok");
    let shown = &changed.json["view"];
    assert_eq!(*shown, stored(&with_go("New"), shown, &[]));
    assert_eq!((shown["id"].as_str(), shown["hash"] == hash.as_str()), (Some(first.as_str()), false));
    assert_eq!(code(update(POLL, json!({"view_id": first, "hash": hash}))), "hash_conflict");
    assert_eq!(code(update(POLL, json!({"view_id": second, "hash": null}))), "ok");
    assert_eq!(views(&world, "ben")[1]["title"]["text"], "New");
    assert_eq!(
        code(world.slack(POLL, "views.publish", &json!({"user_id": "U01BEN", "view": {"type": "home"}}))),
        "not_enabled"
    );
}

#[test]
fn using_an_element_of_a_modal() {
    let world = World::new();
    let bot = poll_app(&world);
    let view = opened(&world, &bot, &with_go("One"));
    let before = bot.heard().len();
    does(&world, "ben", &format!("views/{view}/actions"), &json!({"action": "Go", "inputs": {"Why": "so"}}));
    let mut shown = views(&world, "ben").remove(0);
    shown["state"] = json!({"values": {"i": {"why": {"type": "plain_text_input", "value": "so"}}}});
    let wanted = and(
        common("block_actions"),
        &json!({
            "trigger_id": "1.2.3", "container": {"type": "view", "view_id": view}, "hash": shown["hash"], "view": shown,
            "actions": [and(button("go", "Go", "1"), &json!({"block_id": "go", "action_ts": "now"}))],
        }),
    );
    assert_eq!(steady(&bot.wait_for(before + 1)[before]), wanted);
    let external = json!([{"type": "input", "block_id": "e", "label": plain("Bug"), "element": {"type": "external_select", "action_id": "bug"}}]);
    let view = opened(&world, &bot, &modal("Bug", &external));
    let option = json!({"text": plain("Seven"), "value": "7"});
    let offered = json!({"options": [option]});
    bot.answers(move |_| Say::Json(200, offered.clone()));
    let before = bot.heard().len();
    let asked = json!({"view": view, "action": "Bug", "query": "sev"});
    assert_eq!(does(&world, "ben", "suggestions", &asked), json!({"options": [option]}));
    let wanted = and(
        common("block_suggestion"),
        &json!({"action_id": "bug", "block_id": "e", "value": "sev", "container": {"type": "view", "view_id": view},
            "view": views(&world, "ben")[0]}),
    );
    assert_eq!(steady(&bot.wait_for(before + 1)[before]), wanted);
}

#[test]
fn submitting() {
    let world = World::new();
    let bot = poll_app(&world);
    let mut first = with_go("One");
    first["callback_id"] = "ask".into();
    first["private_metadata"] = "kept".into();
    let view = opened(&world, &bot, &first);
    let submit = |view: &str, inputs: Value| {
        world.control("POST", &format!("/people/ben/views/{view}/submit"), &json!({"inputs": inputs}))
    };
    let before = bot.heard().len();
    // The client holds back what has to be filled in and is not.
    let empty = submit(&view, json!({}));
    assert_eq!(
        (empty.outcome().as_str(), &empty.json["error"]["message"]),
        ("422 impossible", &json!("Why: this has to be filled in"))
    );
    assert_eq!(submit(&view, json!({"What": "x"})).outcome(), "422 impossible");
    assert_eq!(bot.heard().len(), before);
    let mut shown = views(&world, "ben").remove(0);
    shown["state"] = json!({"values": {"i": {"why": {"type": "plain_text_input", "value": "so"}}}});
    let wanted =
        and(common("view_submission"), &json!({"trigger_id": "1.2.3", "view": shown, "response_urls": []}));
    // The app's answers, one after another.
    let say = |answer: Value| bot.answers(move |_| Say::Json(200, answer.clone()));
    say(json!({"response_action": "errors", "errors": {"i": "too short"}}));
    let errors = submit(&view, json!({"Why": "so"}));
    assert_eq!(errors.json, json!({"kind": "errors", "errors": {"i": "too short"}}));
    assert_eq!(steady(&bot.wait_for(before + 1)[before]), wanted);
    assert_eq!(views(&world, "ben")[0]["title"]["text"], "One", "it stays");
    say(json!({"response_action": "update", "view": with_go("Two")}));
    assert_eq!(submit(&view, json!({"Why": "so"})).json["kind"], "update");
    let now = views(&world, "ben");
    assert_eq!(
        (now.len(), &now[0]["title"]["text"], now[0]["id"].as_str()),
        (1, &json!("Two"), Some(view.as_str()))
    );
    assert_ne!(now[0]["hash"], shown["hash"]);
    say(json!({"response_action": "push", "view": with_go("Three")}));
    assert_eq!(submit(&view, json!({"Why": "so"})).json["kind"], "push");
    let now = views(&world, "ben");
    assert_eq!((now.len(), &now[1]["previous_view_id"]), (2, &json!(view)));
    silent(&bot);
    let top = text_of(&now[1], "id");
    assert_eq!(submit(&top, json!({"Why": "so"})).json["kind"], "close");
    assert_eq!(ids(&world), std::slice::from_ref(&view));
    say(json!({"response_action": "push", "view": with_go("Three")}));
    submit(&view, json!({"Why": "so"}));
    say(json!({"response_action": "clear"}));
    let top = ids(&world).pop().unwrap();
    assert_eq!(submit(&top, json!({"Why": "so"})).json["kind"], "clear");
    assert_eq!(ids(&world), Vec::<String>::new());
    assert_eq!(submit(&top, json!({"Why": "so"})).outcome(), "404 not_found");
}

/// Answers that make no sense, come late or not at all: the modal stays as it is, and the person sees it.
#[test]
fn answers_that_fail() {
    let world = World::new();
    let bot = poll_app(&world);
    let view = opened(&world, &bot, &with_go("One"));
    let two = pushed(&world, &bot, &view, &with_go("Two"));
    let top = pushed(&world, &bot, &two, &with_go("Three"));
    let before = views(&world, "ben");
    for (say, words) in [
        (
            Say::Json(200, json!({"response_action": "errors", "errors": {"go": "x"}})),
            "errors names go, which is no input block of the view",
        ),
        (Say::Json(200, json!({"response_action": "shut"})), "shut is no response_action"),
        (
            Say::Json(200, json!({"response_action": "push", "view": with_go("Four")})),
            "three modals lie on one another already",
        ),
        (
            Say::Json(200, json!({"response_action": "update", "view": {"type": "modal"}})),
            "missing required field: title",
        ),
        (
            Say::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec()),
            "the answer is neither empty nor JSON",
        ),
        (Say::Json(500, json!({})), "pollbot answered 500"),
        (Say::Nothing, "no answer within 3000 ms"),
    ] {
        bot.answers(move |_| say.clone());
        let answer = world.control(
            "POST",
            &format!("/people/ben/views/{top}/submit"),
            &json!({"inputs": {"Why": "so"}}),
        );
        assert_eq!(answer.outcome(), "502 bot_failed", "{}", answer.body);
        assert!(answer.body.contains(words), "{}", answer.body);
        assert_eq!(views(&world, "ben"), before, "{words}");
    }
    world.is_well();
}

/// Bots use what they get before they acknowledge.
#[test]
fn apps_act_before_they_acknowledge() {
    let world = World::new();
    let bot = poll_app(&world);
    let url = world.server.url.clone();
    bot.answers(move |heard| {
        let payload = &heard.activity;
        match payload["type"].as_str() {
            Some("view_submission") => {
                let view = and(with_go("Saving"), &json!({}));
                let args =
                    json!({"view_id": payload["view"]["id"], "hash": payload["view"]["hash"], "view": view});
                assert_eq!(slack(&url, POLL, "views.update", &args).code(), "ok");
                let args = json!({"trigger_id": payload["trigger_id"], "view": with_go("Next")});
                assert_eq!(slack(&url, POLL, "views.push", &args).code(), "ok");
            }
            _ => {
                let args = json!({"trigger_id": payload["trigger_id"], "view": with_go("First")});
                assert_eq!(slack(&url, POLL, "views.open", &args).code(), "ok");
                if payload["command"] == "/poll" {
                    assert_eq!(respond(heard, &json!({"text": "working"})).0, 200);
                }
            }
        }
        Say::Json(200, json!({}))
    });
    does(&world, "ben", "commands", &json!({"channel": "general", "command": "/poll"}));
    let first = ids(&world);
    assert_eq!(first.len(), 1);
    let submitted =
        does(&world, "ben", &format!("views/{}/submit", first[0]), &json!({"inputs": {"Why": "so"}}));
    assert_eq!(submitted["kind"], "close");
    let now = views(&world, "ben");
    assert_eq!((now.len(), &now[0]["title"]["text"]), (1, &json!("Next")), "the submitted one is closed");
}

#[test]
fn closing() {
    let world = World::new();
    let bot = poll_app(&world);
    let loud = |title: &str| and(with_go(title), &json!({"notify_on_close": true}));
    let view = opened(&world, &bot, &loud("One"));
    let top = pushed(&world, &bot, &view, &with_go("Quiet"));
    let before = bot.heard().len();
    does(&world, "ben", &format!("views/{top}/close"), &json!({}));
    assert_eq!((ids(&world), bot.heard().len()), (vec![view.clone()], before), "nobody asked to hear of it");
    let shown = views(&world, "ben").remove(0);
    does(&world, "ben", &format!("views/{view}/close"), &json!({}));
    let wanted = and(common("view_closed"), &json!({"view": shown, "is_cleared": false}));
    assert_eq!(steady(&bot.wait_for(before + 1)[before]), wanted);
    // All at once: each that wants to hear of it does, the top one first.
    let heard_of = |bot: &Bot, before: usize| -> Vec<(String, Value)> {
        let closed = |heard: &Heard| {
            (text_of(&heard.activity["view"]["title"], "text"), heard.activity["is_cleared"].clone())
        };
        bot.heard()[before..].iter().map(closed).collect()
    };
    for (top, body) in
        [(loud("Top"), json!({"all": true})), (and(loud("Top"), &json!({"clear_on_close": true})), json!({}))]
    {
        let view = opened(&world, &bot, &loud("Root"));
        let top = pushed(&world, &bot, &view, &top);
        let before = bot.heard().len();
        does(&world, "ben", &format!("views/{top}/close"), &body);
        assert_eq!(
            heard_of(&bot, before),
            [("Top".to_owned(), json!(true)), ("Root".to_owned(), json!(true))]
        );
        assert_eq!(ids(&world), Vec::<String>::new());
    }
    let view = opened(&world, &bot, &loud("One"));
    bot.answers(|_| Say::Json(500, json!({})));
    let failed = world.control("POST", &format!("/people/ben/views/{view}/close"), &json!({}));
    assert_eq!((failed.outcome().as_str(), ids(&world)), ("502 bot_failed", vec![]), "closed is closed");
}

/// A conversation that is chosen in a modal can be answered in.
#[test]
fn response_urls_of_a_submission() {
    let world = World::new();
    let bot = poll_app(&world);
    let select = |block: &str, kind: &str| {
        json!({"type": "input", "block_id": block, "label": plain(block), "optional": true,
            "element": {"type": kind, "action_id": "where", "response_url_enabled": true}})
    };
    let blocks = json!([select("one", "conversations_select"), select("two", "channels_select")]);
    let view = opened(&world, &bot, &modal("Where", &blocks));
    let before = bot.heard().len();
    let inputs = json!({"inputs": {"one": "leads", "two": "random"}});
    does(&world, "ben", &format!("views/{view}/submit"), &inputs);
    let heard = bot.wait_for(before + 1)[before].clone();
    let url = |block: &str, channel: &str| json!({"block_id": block, "action_id": "where", "channel_id": channel, "response_url": "app/T01ACME"});
    assert_eq!(steady(&heard)["response_urls"], json!([url("one", LEADS), url("two", RANDOM)]));
    let answer = heard.activity["response_urls"][0].clone();
    let said = Heard { activity: answer, ..heard.clone() };
    assert_eq!(respond(&said, &json!({"text": "there", "response_type": "in_channel"})), (200, "ok".into()));
    let wanted = json!({"channel": "leads", "text": "there", "timeout_ms": 5000});
    assert_eq!(world.controlled("POST", "/wait", &wanted)["message"]["user"], "U01POLL");
}

/// Modals and what opens them outlast the server.
#[test]
fn open_modals_survive_a_kill() {
    let folder = Folder::new("modals");
    let world = World::on(Server::in_folder(&folder.0));
    let bot = poll_app(&world);
    let view = opened(&world, &bot, &with_go("One"));
    let before = views(&world, "ben");
    drop(world);
    let world = World::on(Server::in_folder(&folder.0));
    assert_eq!(views(&world, "ben"), before);
    let args = json!({"view_id": view, "hash": before[0]["hash"], "view": with_go("Two")});
    assert_eq!(world.slack(POLL, "views.update", &args).code(), "ok");
    does(&world, "ben", &format!("views/{view}/submit"), &json!({"inputs": {"Why": "so"}}));
    assert_eq!(ids(&world), Vec::<String>::new());
}
