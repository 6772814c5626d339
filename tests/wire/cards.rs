//! Cards over the wire: a person presses what they see, the bot hears of it, and what it answers is shown.

use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::bot::{Heard, Say, until};
use crate::support::Server;
use crate::world::*;
use stage::{
    ADAPTIVE, Sent, Stage, adaptive, card, card_answer, execute, hero, invoked, own_card, put, with_card,
};

mod stage;

#[test]
fn submitting_a_form() {
    let stage = Stage::new();
    let mut form = adaptive(
        "Order",
        json!([
            {"type": "Action.Submit", "title": "Order", "data": {"order": 1, "drink": "from data", "extra": {"deep": true}}},
            {"type": "Action.Submit", "title": "Bare", "associatedInputs": "none", "data": {"order": 2}},
            {"type": "Action.Submit", "title": "Closed", "isEnabled": false},
        ]),
    );
    form["body"].as_array_mut().unwrap().extend([
        json!({"type": "Input.Text", "id": "drink", "isRequired": true, "maxLength": 9, "errorMessage": "Which one?"}),
        json!({"type": "Input.Toggle", "id": "milk", "title": "Milk", "valueOn": "yes", "valueOff": "no"}),
        json!({"type": "Input.ChoiceSet", "id": "sugar", "isMultiSelect": true, "choices": [
            {"title": "White", "value": "w"}, {"title": "Brown", "value": "b"}]}),
        json!({"type": "Input.Number", "id": "cups", "min": 1, "max": 5, "value": 2}),
    ]);
    let sent = stage.sends(&with_card(ADAPTIVE, form));
    let rows = [
        (
            "Order",
            json!({"drink": "tea"}),
            json!({"order": 1, "drink": "tea", "extra": {"deep": true}, "milk": "no", "cups": "2"}),
        ),
        (
            "Order",
            json!({"drink": "tea", "milk": true, "sugar": ["Brown", "w"], "cups": 5}),
            json!({"order": 1, "drink": "tea", "extra": {"deep": true}, "milk": "yes", "sugar": "w,b", "cups": "5"}),
        ),
        ("Bare", json!({}), json!({"order": 2})),
    ];
    for (number, (action, inputs, value)) in rows.iter().enumerate() {
        let answer = stage.press("ada", &sent, (*action).into(), inputs);
        assert_eq!(answer.json, json!({"kind": "submit", "display_text": null}), "{}", answer.body);
        let heard = || {
            let submitted = |it: &Heard| it.activity["replyToId"] == sent.id.as_str();
            stage.bot.heard().into_iter().filter(submitted).nth(number)
        };
        let heard = until("the submission", heard).activity;
        assert_eq!((&heard["type"], &heard["value"]), (&json!("message"), value), "{heard}");
        assert_eq!((&heard["text"], &heard["from"]["id"]), (&Value::Null, &json!("29:1ada")));
        assert_eq!(heard["conversation"]["id"], format!("{GENERAL_19};messageid={}", sent.id));
        assert!(text_of(&heard, "id").starts_with("f:"), "{heard}");
    }
    for (action, inputs, part) in [
        (json!("Order"), json!({}), "input 'drink' is required (“Which one?”)"),
        (json!("Order"), json!({"drink": "hot chocolate"}), "at most 9 characters"),
        (json!("Order"), json!({"drink": "tea", "cups": 6}), "nothing above 5"),
        (json!("Order"), json!({"drink": "tea", "cups": "many"}), "takes a number"),
        (json!("Order"), json!({"drink": "tea", "sugar": "cane"}), "no choice 'cane'; there is 'w', 'b'"),
        (json!("Order"), json!({"drink": "tea", "milk": "maybe"}), "on ('yes') or off ('no')"),
        (
            json!("Order"),
            json!({"drink": "tea", "cake": "1"}),
            "there is no input 'cake'; there is 'drink', 'milk'",
        ),
        (json!("Closed"), json!({"drink": "tea"}), "is disabled"),
        (
            json!("Cancel"),
            json!({}),
            "no action has title 'Cancel'; there is 0: Action.Submit title 'Order', 1:",
        ),
        (json!(7), json!({}), "there is 0: Action.Submit title 'Order'"),
        (Value::Null, json!({}), "say which one"),
    ] {
        stage.refused("ada", &sent, action, &inputs, "422 impossible", part);
    }
    // What the log says of it names no words.
    let log = stage.world.controlled("GET", "/log?limit=1000", &Value::Null);
    let events = log["events"].as_array().unwrap().iter().filter(|it| it["type"] == "card_submitted");
    let events: Vec<&Value> = events.collect();
    assert_eq!(events.len(), rows.len());
    assert_eq!((&events[0]["by"], &events[0]["message"]), (&json!("U01ADA"), &json!(sent.ts)));
}

#[test]
fn a_button_that_is_gone() {
    let stage = Stage::new();
    let submit = |title: &str| json!({"type": "Action.Submit", "title": title, "data": {"v": title}});
    let sent = stage.sends(&card("Poll", json!([submit("Tea"), submit("Coffee")])));
    stage.pressed("ada", &sent, "Tea");
    stage.puts(&sent, &card("Poll", json!([submit("Coffee")])));
    stage.refused(
        "ada",
        &sent,
        "Tea".into(),
        &json!({}),
        "422 impossible",
        "there is 0: Action.Submit title 'Coffee'",
    );
    // The only one there is needs no name.
    assert_eq!(stage.press("ada", &sent, Value::Null, &json!({})).status, 200);
    stage.puts(&sent, &message("Closed: tea"));
    stage.refused("ada", &sent, "Coffee".into(), &json!({}), "422 impossible", "nothing to press");
    let after = json!({"type": "message", "text": "hi"});
    let other = stage.sends(&after);
    stage.refused("ada", &other, Value::Null, &json!({}), "422 impossible", "nothing to press");
}

#[test]
fn executing() {
    let stage = Stage::new();
    stage.bot.answers(invoked(|activity| match activity["value"]["action"]["verb"].as_str().unwrap() {
        "view" => own_card("You voted", json!([execute("undo"), execute("note")])),
        "undo" => own_card("You took it back", json!([execute("view")])),
        "note" => Say::Json(200, card_answer("activity.message", json!("Noted"))),
        "bad" => Say::Json(
            400,
            json!({"statusCode": 400, "type": "application/vnd.microsoft.error",
                "value": {"code": "BadVote", "message": "Only one vote"}}),
        ),
        "login" => Say::Json(
            200,
            json!({"statusCode": 401, "type": "application/vnd.microsoft.activity.loginRequest",
                "value": {"text": "Sign in"}}),
        ),
        "empty" => Say::Json(200, json!({})),
        "unknown" => Say::Json(501, json!({})),
        "broken" => Say::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec()),
        verb => panic!("{verb}"),
    }));
    let verbs = ["view", "note", "bad", "login", "empty", "unknown", "broken"].map(execute);
    let mut activity = card("Vote", json!(verbs));
    activity["text"] = "Before the card".into();
    let sent = stage.sends(&activity);
    let before = stage.world.stored(GENERAL, &sent.ts);

    let answer = stage.pressed("ada", &sent, "view");
    assert_eq!((&answer["kind"], &answer["answer"]["type"]), (&json!("execute"), &json!("card")));
    assert_eq!(at(&answer, "/answer/card/body/0/text"), "You voted");
    let asked = &stage.invokes("adaptiveCard/action")[0];
    assert_eq!(
        asked["value"],
        json!({"trigger": "manual",
        "action": {"type": "Action.Execute", "verb": "view", "data": {"by": "view"}}})
    );
    assert_eq!((&asked["replyToId"], &asked["from"]["id"]), (&json!(sent.id), &json!("29:1ada")));
    // Only ada sees it; the message is what it was.
    assert_eq!(
        (stage.card_of("ada", &sent), stage.card_of("ben", &sent)),
        ("You voted".into(), "Vote".into())
    );
    let seen = stage.seen("ada", &sent);
    assert_eq!((&seen["own_view"], at(&seen, "/activity/text")), (&json!(true), &json!("Before the card")));
    assert_eq!(stage.seen("ben", &sent)["own_view"], false);
    assert_eq!(stage.world.stored(GENERAL, &sent.ts), before);
    // Ada presses what she sees, ben what he sees.
    stage.refused(
        "ada",
        &sent,
        "view".into(),
        &json!({}),
        "422 impossible",
        "there is 0: Action.Execute title 'undo'",
    );
    stage.refused(
        "ben",
        &sent,
        "undo".into(),
        &json!({}),
        "422 impossible",
        "there is 0: Action.Execute title 'view'",
    );
    assert_eq!(stage.pressed("ada", &sent, "note")["answer"], json!({"type": "message", "text": "Noted"}));
    assert_eq!(stage.card_of("ada", &sent), "You voted", "a notice changes no card");
    stage.pressed("ada", &sent, "undo");
    assert_eq!(stage.card_of("ada", &sent), "You took it back");
    // Until the message changes.
    stage.puts(&sent, &activity);
    assert_eq!(
        (stage.card_of("ada", &sent), &stage.seen("ada", &sent)["own_view"]),
        ("Vote".into(), &json!(false))
    );

    let error = json!({"type": "error", "status": 400, "code": "BadVote", "message": "Only one vote"});
    assert_eq!(stage.pressed("ada", &sent, "bad")["answer"], error);
    assert_eq!(stage.pressed("ada", &sent, "login")["answer"]["type"], "login_request");
    for (verb, part) in [
        ("empty", "without type"),
        ("unknown", "no handler for adaptiveCard/action"),
        ("broken", "broke before the answer was whole"),
    ] {
        let log = stage.world.log_end();
        let answer = stage.press("ada", &sent, verb.into(), &json!({}));
        assert_eq!(answer.outcome(), "502 bot_failed", "{verb}: {}", answer.body);
        assert!(text_of(&answer.json["error"], "message").contains(part), "{verb}: {}", answer.body);
        assert_eq!((stage.card_of("ada", &sent), stage.world.log_end()), ("Vote".into(), log), "{verb}");
    }
}

/// Nothing is sent to a bot that would not hear it, and the person is told why.
#[test]
fn nobody_hears() {
    let world = World::on(Server::start(&["--memory", "--bot-timeout-ms", "200"]));
    let stage = Stage::on(world);
    let submit = json!({"type": "Action.Submit", "title": "Go"});
    let both = card("Vote", json!([execute("view"), submit]));
    let sent = stage.sends(&both);
    stage.bot.answers(|_| Say::Nothing);
    let late = stage.press("ada", &sent, "view".into(), &json!({}));
    assert_eq!(late.outcome(), "502 bot_failed");
    assert!(late.body.contains("no answer within 200 ms"), "{}", late.body);
    stage.bot.answers(|_| Say::Json(200, json!({})));
    let refused = |part: &str| {
        for action in ["view", "Go"] {
            stage.refused("ada", &sent, action.into(), &json!({}), "502 bot_failed", part);
        }
    };
    stage.world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": null}));
    refused("helpdesk has no endpoint");
    stage.world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": "http://127.0.0.1:9/"}));
    let answer = stage.press("ada", &sent, "view".into(), &json!({}));
    assert!(answer.body.contains("connection was refused"), "{}", answer.body);
    stage.bot.serves(&stage.world, "helpdesk");
    stage.world.controlled("DELETE", "/channels/general/members/helpdesk", &Value::Null);
    refused("helpdesk is not in the conversation any more");
    stage.world.controlled("PUT", "/channels/general/members/helpdesk", &Value::Null);
    stage.pressed("ada", &sent, "Go");
    stage.world.controlled("DELETE", "/apps/helpdesk", &Value::Null);
    refused("helpdesk was uninstalled");
}

/// A bot is asked once, so never over a connection that it may just be closing.
#[test]
fn a_bot_that_closes_idle_connections_loses_no_press() {
    let stage = Stage::new();
    let sent = stage.sends(&card("tea?", json!([execute("yes")])));
    stage.bot.answers(invoked(|_| own_card("thanks", json!([execute("yes")]))));
    stage.bot.closes_reused_connections();
    for _ in 0..3 {
        stage.pressed("ada", &sent, "yes");
    }
    assert_eq!(stage.invokes("adaptiveCard/action").len(), 3);
}

#[test]
fn who_may_press() {
    let stage = Stage::new();
    let go = card("Go", json!([{"type": "Action.Submit", "title": "Go"}, execute("view")]));
    let sent = stage.sends(&go);
    let refused = |person: &str, sent: &Sent, outcome: &str, part: &str| {
        for action in ["Go", "view"] {
            stage.refused(person, sent, action.into(), &json!({}), outcome, part);
        }
    };
    // A public channel is seen without being in it; that is not enough to press.
    stage.world.controlled("DELETE", "/channels/random/members/cleo", &Value::Null);
    stage.world.controlled("PUT", "/channels/random/members/helpdesk", &Value::Null);
    let there = stage.sends_to((RANDOM, "19:random@thread.tacv2"), &go);
    assert_eq!(stage.card_of("cleo", &there), "Go");
    refused("cleo", &there, "403 not_member", "cleo is not in the conversation");
    // A private one is not.
    stage.world.controlled("PUT", "/channels/leads/members/helpdesk", &Value::Null);
    let hidden = stage.sends_to((LEADS, LEADS_19), &go);
    assert_eq!(stage.pressed("ben", &hidden, "Go")["kind"], "submit");
    refused("cleo", &hidden, "404 not_found", "cleo sees no such conversation");
    let unseen = stage.world.control("GET", &format!("/people/cleo/channels/{LEADS}/messages"), &Value::Null);
    assert_eq!(unseen.outcome(), "404 not_found");
    // A chat that ada has with the bot is nobody else's.
    let (channel, conversation) = stage.chat(&["helpdesk"]);
    let own = stage.sends_to((&channel, &conversation), &go);
    refused("ben", &own, "404 not_found", "ben sees no such conversation");
    // Not by its id in another conversation, and not after its end.
    let elsewhere = Sent { channel: RANDOM.into(), ..sent.clone() };
    refused("ada", &elsewhere, "404 not_found", "no message with this id");
    let (token, path) = (&stage.token, format!("/{GENERAL_19}/activities/{}", there.id));
    assert_eq!(stage.world.connector(token, "DELETE", &path, &Value::Null).status, 404);
    let rooted = stage.sends(&go);
    stage.world.reply(BEN, GENERAL, &rooted.ts, "a reply");
    let path = format!("/{GENERAL_19}/activities/{}", rooted.id);
    assert_eq!(stage.world.connector(token, "DELETE", &path, &Value::Null).status, 200);
    refused("ada", &rooted, "409 deleted", "only its thread is left");
    // Messages of people and of Slack apps have no such buttons.
    for ts in [stage.world.post(BEN, GENERAL, "mine"), stage.world.post(DEPLOY, GENERAL, "an app's")] {
        let other = Sent { ts, ..sent.clone() };
        refused("ada", &other, "422 impossible", "nothing to press");
    }
    stage.world.controlled("PATCH", "/channels/general", &json!({"archived": true}));
    refused("ada", &sent, "409 archived", "unarchive it");
    stage.world.controlled("PATCH", "/channels/general", &json!({"archived": false}));
    stage.world.controlled("PATCH", "/people/ben", &json!({"deactivated": true}));
    refused("ben", &sent, "403 inactive", "ben was deactivated");
    refused("helpdesk", &sent, "404 not_found", "no such person");
    refused("nobody", &sent, "404 not_found", "no such person");
    // Another workspace's people press nothing here.
    let made = control(&stage.world.server.url, "POST", "/workspaces", &Value::Null).json;
    let body = json!({"channel": sent.channel, "ts": sent.ts, "action": "Go"});
    let path = format!("/workspaces/{}/people/ada/actions", made["workspace"]["id"].as_str().unwrap());
    assert_eq!(control(&stage.world.server.url, "POST", &path, &body).outcome(), "404 not_found");
    assert_eq!(stage.pressed("ada", &sent, "Go")["kind"], "submit");
}

#[test]
fn the_same_in_every_kind_of_conversation() {
    let stage = Stage::new();
    let (chat, group) = (stage.chat(&["helpdesk"]), stage.chat(&["ben", "helpdesk"]));
    let go = card("Go", json!([{"type": "Action.Submit", "title": "Go", "data": {"x": 1}}]));
    for (place, kind) in [
        ((GENERAL, GENERAL_19), "channel"),
        ((&*chat.0, &*chat.1), "personal"),
        ((&*group.0, &*group.1), "groupChat"),
    ] {
        let sent = stage.sends_to(place, &go);
        stage.pressed("ada", &sent, "Go");
        let heard = stage.hears("the press", |it| it["replyToId"] == sent.id.as_str());
        assert_eq!(
            (&heard["value"], &heard["conversation"]["conversationType"]),
            (&json!({"x": 1}), &json!(kind))
        );
        let id = text_of(&heard["conversation"], "id");
        let thread = if kind == "channel" { format!(";messageid={}", sent.id) } else { String::new() };
        assert_eq!(id, format!("{}{thread}", place.1));
    }
}

/// A message for one reader is pressed by that reader, as long as it lasts, and by nobody else.
#[test]
fn a_card_for_one_reader() {
    let stage = Stage::new();
    stage.bot.answers(invoked(|_| own_card("Only for you", json!([]))));
    let (chat, conversation) = stage.chat(&["ben", "helpdesk"]);
    for (channel, conversation) in [(GENERAL, GENERAL_19), (&*chat, &*conversation)] {
        let mut shown =
            card("Go", json!([execute("view"), {"type": "Action.Submit", "title": "Go", "data": {"x": 1}}]));
        shown["recipient"] = json!({"id": "29:1ben"});
        let path = format!("/{conversation}/activities?isTargetedActivity=true");
        let sent = stage.world.connector(&stage.token, "POST", &path, &shown);
        let id = text_of(&sent.json, "id");
        let ts = format!("{}.{}", &id[..10], &id[10..]);
        let sent = Sent { channel: channel.into(), conversation: conversation.into(), id, ts };
        for action in ["Go", "view"] {
            stage.refused(
                "ada",
                &sent,
                action.into(),
                &json!({}),
                "404 not_found",
                "no message with this id",
            );
        }
        stage.pressed("ben", &sent, "Go");
        let heard =
            stage.hears("the press", |it| it["replyToId"] == sent.id.as_str() && it["type"] == "message");
        assert_eq!((&heard["value"], &heard["from"]["id"]), (&json!({"x": 1}), &json!("29:1ben")));
        stage.pressed("ben", &sent, "view");
        assert_eq!(stage.card_of("ben", &sent), "Only for you");
        assert_eq!(stage.seen("ada", &sent), Value::Null);
        stage.world.controlled("POST", "/clock", &json!({"advance_ms": 86_400_000}));
        stage.refused("ben", &sent, Value::Null, &json!({}), "404 not_found", "no message with this id");
    }
}

#[test]
fn old_buttons() {
    let stage = Stage::new();
    stage.bot.answers(invoked(|activity| match activity["value"]["option"].as_i64() {
        Some(1) => Say::Json(200, json!({})),
        _ => Say::Json(501, json!({})),
    }));
    let buttons = json!([
        {"type": "messageBack", "title": "Back", "text": "tea", "displayText": "Tea, please", "value": {"v": 1}},
        {"type": "imBack", "title": "Say", "value": "I want tea"},
        {"type": "postBack", "title": "Post", "value": "quiet"},
        {"type": "openUrl", "title": "Open", "value": "https://tea.example"},
        {"type": "invoke", "title": "Ask", "value": {"option": 1}},
        {"type": "invoke", "title": "Ask more", "value": {"option": 2}},
        {"type": "signin", "title": "Sign in", "value": "https://tea.example"},
    ]);
    let (chat, conversation) = stage.chat(&["helpdesk"]);
    let sent = stage.sends_to((&chat, &conversation), &hero(buttons.clone()));

    // The conversation shows words as ada's; the bot hears others, and hears them once.
    let answer = stage.pressed("ada", &sent, "Back");
    assert_eq!(answer, json!({"kind": "submit", "display_text": "Tea, please"}));
    let heard = stage.hears("messageBack", |it| it["text"] == "tea");
    assert_eq!((&heard["value"], &heard["replyToId"]), (&json!({"v": 1}), &json!(sent.id)));
    let path = format!("/people/ada/channels/{chat}/messages");
    let page = stage.world.controlled("GET", &path, &Value::Null);
    let last = page["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["text"], &last["user"]), (&json!("Tea, please"), &json!("U01ADA")));

    let said = stage.pressed("ada", &sent, "Say");
    assert_eq!(said["kind"], "post");
    let heard = stage.hears("imBack", |it| it["text"] == "I want tea");
    let dotted = text_of(&said, "ts").replace('.', "");
    assert_eq!((&heard["id"], &heard["value"]), (&json!(dotted), &Value::Null));
    assert_eq!(stage.world.stored(&chat, &text_of(&said, "ts"))["user"], "U01ADA");

    assert_eq!(stage.pressed("ada", &sent, "Post")["kind"], "submit");
    let heard = stage.hears("postBack", |it| it["text"] == "quiet");
    assert_eq!(heard["value"], "quiet");

    let before = stage.silence();
    assert_eq!(stage.pressed("ada", &sent, "Open"), json!({"kind": "open", "url": "https://tea.example"}));
    assert_eq!(stage.silence(), before, "the bot does not hear of it");
    assert_eq!(stage.pressed("ada", &sent, "Ask"), json!({"kind": "invoke"}));
    let asked = stage.hears("invoke", |it| it["type"] == "invoke");
    assert_eq!((&asked["name"], &asked["value"]), (&Value::Null, &json!({"option": 1})));
    let refused = stage.press("ada", &sent, "Ask more".into(), &json!({}));
    assert_eq!(refused.outcome(), "502 bot_failed");
    assert!(refused.body.contains("status 501"), "{}", refused.body);
    stage.refused("ada", &sent, "Sign in".into(), &json!({}), "422 impossible", "not supported");
    // All that it was told of ada's words is now known, since there is one order for all of it.
    let end =
        stage.world.controlled("POST", "/people/ada/messages", &json!({"channel": chat, "text": "the end"}));
    stage.hears("the end", |it| it["text"] == "the end");
    let echoed = stage.bot.heard().into_iter().any(|it| it.text() == "Tea, please");
    assert!(!echoed, "what a button makes ada say is not heard a second time: {end}");
}

/// In a channel a button's words go to the thread of its message, with a mention, without which the bot would not hear.
#[test]
fn old_buttons_in_a_channel() {
    let stage = Stage::new();
    let buttons = json!([
        {"type": "imBack", "title": "Say", "value": "I want tea"},
        {"type": "messageBack", "title": "Back", "text": "tea", "displayText": "Tea, please"},
    ]);
    let sent = stage.sends(&hero(buttons));
    let said = stage.pressed("ben", &sent, "Say");
    let stored = stage.world.stored(GENERAL, &text_of(&said, "ts"));
    assert_eq!(
        (&stored["thread_ts"], &stored["text"]),
        (&json!(sent.ts), &json!(format!("<@{}> I want tea", helpdesk(&stage))))
    );
    let heard = stage.hears("imBack", |it| it["text"].as_str().is_some_and(|it| it.ends_with(" I want tea")));
    assert_eq!(at(&heard, "/entities/0/mentioned/id"), &json!(format!("28:{}", HELPDESK.0)));
    assert_eq!(heard["replyToId"], sent.id);
    stage.pressed("ben", &sent, "Back");
    let thread = format!("/people/ada/channels/general/messages?thread_ts={}", sent.ts);
    let thread = stage.world.controlled("GET", &thread, &Value::Null);
    let words: Vec<&Value> =
        thread["messages"].as_array().unwrap().iter().map(|it| &it["text"]).skip(1).collect();
    assert_eq!(words, [&stored["text"], &json!("Tea, please")]);
    let root = stage.world.stored(GENERAL, &sent.ts);
    assert_eq!(root["reply_count"], 2);
}

fn helpdesk(stage: &Stage) -> String {
    let apps = stage.world.controlled("GET", "/apps", &Value::Null);
    let app = apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == "helpdesk").unwrap().clone();
    text_of(&app, "bot_user_id")
}

#[test]
fn suggested_actions() {
    let stage = Stage::new();
    let (chat, conversation) = stage.chat(&["helpdesk"]);
    let mut asked = message("Tea?");
    asked["suggestedActions"] = json!({"to": [], "actions": [
        {"type": "imBack", "title": "Yes", "value": "yes please"}, {"type": "imBack", "title": "No", "value": "no"}]});
    let sent = stage.sends_to((&chat, &conversation), &asked);
    assert_eq!(stage.pressed("ada", &sent, "Yes")["kind"], "post");
    stage.hears("the suggestion", |it| it["text"] == "yes please");
    stage.refused(
        "ada",
        &sent,
        "Maybe".into(),
        &json!({}),
        "422 impossible",
        "title 'Yes', 1: imBack title 'No'",
    );
    // In a thread the words stay in the thread.
    let root = stage.world.post(BEN, GENERAL, "Tea time");
    let path = format!("/{GENERAL_19}/activities/{}", root.replace('.', ""));
    let reply = stage.world.connector(&stage.token, "POST", &path, &asked);
    let id = text_of(&reply.json, "id");
    let sent = Sent {
        ts: format!("{}.{}", &id[..10], &id[10..]),
        id,
        channel: GENERAL.into(),
        conversation: GENERAL_19.into(),
    };
    let said = stage.pressed("cleo", &sent, "No");
    assert_eq!(stage.world.stored(GENERAL, &text_of(&said, "ts"))["thread_ts"], root);
}

#[test]
fn dialogs() {
    let stage = Stage::new();
    let dialog = |value: Value| Say::Json(200, json!({"task": {"type": "continue", "value": value}}));
    stage.bot.answers(invoked(move |activity| {
        let data = &activity["value"]["data"];
        match (activity["name"].as_str().unwrap(), data["step"].as_str().unwrap_or_default()) {
            ("task/fetch", "card") => {
                let mut form = adaptive("Which?", json!([{"type": "Action.Submit", "title": "Save", "data": {"step": "message"}},
                    {"type": "Action.Submit", "title": "Close", "data": {"step": "close"}}, execute("no")]));
                let input = json!({"type": "Input.Text", "id": "drink", "isRequired": true});
                form["body"].as_array_mut().unwrap().push(input);
                dialog(json!({"title": "Order", "height": "medium", "width": 400,
                    "card": {"contentType": ADAPTIVE, "content": form}}))
            }
            ("task/fetch", "page") => dialog(json!({"title": "Page", "url": "https://tea.example/form", "fallbackUrl": "https://tea.example"})),
            ("task/submit", "message") => Say::Json(200, json!({"task": {"type": "message", "value": format!("Ordered {}", data["drink"])}})),
            ("task/submit", "close") => Say::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()),
            ("task/submit", _) => Say::Json(200, json!({"task": {"type": "message", "value": "From the page"}})),
            _ => Say::Json(200, json!({})),
        }
    }));
    let open = |step: &str| json!({"type": "Action.Submit", "title": step, "data": {"msteams": {"type": "task/fetch"}, "step": step}});
    let sent = stage.sends(&card("Tea", json!([open("card"), open("page"), open("none")])));
    let hand_in = |mut body: Value| {
        body["channel"] = GENERAL.into();
        body["ts"] = sent.ts.clone().into();
        stage.world.control("POST", "/people/ada/tasks", &body)
    };

    let opened = stage.pressed("ada", &sent, "card");
    assert_eq!((&opened["kind"], &opened["answer"]["title"]), (&json!("task"), &json!("Order")));
    assert_eq!((&opened["answer"]["height"], &opened["answer"]["width"]), (&json!("medium"), &json!(400)));
    let form = &opened["answer"]["card"];
    let fetched = &stage.invokes("task/fetch")[0];
    assert_eq!(fetched["value"]["data"], json!({"msteams": {"type": "task/fetch"}, "step": "card"}));
    let saved = hand_in(json!({"card": form, "action": "Save", "inputs": {"drink": "tea"}}));
    assert_eq!(saved.json["answer"], json!({"type": "message", "text": "Ordered \"tea\""}), "{}", saved.body);
    let submitted = &stage.invokes("task/submit")[0];
    assert_eq!(submitted["value"]["data"], json!({"step": "message", "drink": "tea"}));
    assert_eq!(submitted["replyToId"], sent.id);
    let closed = hand_in(json!({"card": form, "action": "Close", "inputs": {"drink": "tea"}}));
    assert_eq!(closed.json["answer"], json!({"type": "closed"}), "{}", closed.body);

    let page = stage.pressed("ada", &sent, "page");
    assert_eq!(
        (&page["answer"]["url"], &page["answer"]["fallback_url"]),
        (&json!("https://tea.example/form"), &json!("https://tea.example"))
    );
    let handed = hand_in(json!({"data": {"drink": "tea"}}));
    assert_eq!(handed.json["answer"]["text"], "From the page");
    assert_eq!(stage.invokes("task/submit")[2]["value"]["data"], json!({"drink": "tea"}));

    let none = stage.press("ada", &sent, "none".into(), &json!({}));
    assert_eq!(none.outcome(), "502 bot_failed");
    assert!(none.body.contains("no dialog to show"), "{}", none.body);
    let before = stage.silence();
    for (body, outcome, part) in [
        (json!({"card": form, "action": "Save"}), "422 impossible", "'drink' is required"),
        (
            json!({"card": form, "action": "no", "inputs": {"drink": "x"}}),
            "422 impossible",
            "cannot be used in a dialog",
        ),
        (json!({"card": form, "action": "Later"}), "422 impossible", "title 'Save'"),
        (json!({}), "400 bad_request", "either the dialog's card"),
        (json!({"data": {}, "like": true}), "400 bad_request", "either the dialog's card"),
    ] {
        let answer = hand_in(body.clone());
        assert_eq!(answer.outcome(), outcome, "{body}: {}", answer.body);
        assert!(answer.body.contains(part), "{body}: {}", answer.body);
    }
    assert_eq!(stage.silence(), before);
}

#[test]
fn feedback() {
    let stage = Stage::new();
    stage.bot.answers(invoked(|activity| match activity["name"].as_str().unwrap() {
        "message/fetchTask" => {
            let mut form = adaptive("What was wrong?", json!([{"type": "Action.Submit", "title": "Send", "data": {"form": 1}}]));
            form["body"].as_array_mut().unwrap().push(json!({"type": "Input.Text", "id": "why"}));
            Say::Json(200, json!({"task": {"type": "continue", "value": {"title": "Feedback", "card": {"contentType": ADAPTIVE, "content": form}}}}))
        }
        "message/submitAction" if activity["value"]["actionValue"]["reaction"] == "like" => Say::Json(200, json!({})),
        _ => Say::Json(200, json!({"task": {}})),
    }));
    let mut answer = message("42");
    let plain = stage.sends(&answer);
    answer["channelData"] = json!({"feedbackLoopEnabled": true});
    let default = stage.sends(&answer);
    answer["channelData"] = json!({"feedbackLoop": {"type": "custom"}});
    let custom = stage.sends(&answer);
    let give = |sent: &Sent, like: bool, text: &str| {
        let body = json!({"channel": GENERAL, "ts": sent.ts, "like": like, "text": text});
        stage.world.control("POST", "/people/ben/feedback", &body)
    };
    let before = stage.silence();
    let refused = give(&plain, true, "");
    assert_eq!(refused.outcome(), "422 impossible");
    assert!(refused.body.contains("no feedback buttons"), "{}", refused.body);
    assert_eq!(stage.silence(), before);

    assert_eq!(give(&default, true, "Right").json, json!({"kind": "invoke"}));
    let heard = &stage.invokes("message/submitAction")[0];
    assert_eq!(
        heard["value"],
        json!({"actionName": "feedback",
        "actionValue": {"reaction": "like", "feedback": "{\"feedbackText\":\"Right\"}"}})
    );
    assert_eq!((&heard["replyToId"], &heard["from"]["id"]), (&json!(default.id), &json!("29:1ben")));
    let wrong = give(&default, false, "Wrong");
    assert_eq!(wrong.outcome(), "502 bot_failed");
    assert!(wrong.body.contains("it has to be empty"), "{}", wrong.body);

    // A bot's own form goes back as feedback.
    let form = give(&custom, true, "").json;
    assert_eq!((&form["kind"], &form["answer"]["title"]), (&json!("task"), &json!("Feedback")));
    assert_eq!(at(&stage.invokes("message/fetchTask")[0], "/value/data/actionValue/reaction"), "like");
    let body = json!({"channel": GENERAL, "ts": custom.ts, "card": form["answer"]["card"], "action": "Send",
        "inputs": {"why": "clear"}, "like": true});
    let handed = stage.world.controlled("POST", "/people/ben/tasks", &body);
    assert_eq!(handed, json!({"kind": "invoke"}));
    let heard = stage.invokes("message/submitAction").pop().unwrap();
    let feedback: Value =
        serde_json::from_str(heard["value"]["actionValue"]["feedback"].as_str().unwrap()).unwrap();
    assert_eq!(feedback, json!({"form": 1, "why": "clear"}));
    assert_eq!(heard["value"]["actionValue"]["reaction"], "like");
}

fn refreshing(words: &str, user_ids: Option<Value>) -> Value {
    let mut shown = card(words, json!([execute("vote")]));
    let refresh = &mut shown["attachments"][0]["content"]["refresh"];
    *refresh = json!({"action": {"type": "Action.Execute", "verb": "refresh", "data": {"of": words}}});
    if let Some(user_ids) = user_ids {
        refresh["userIds"] = user_ids;
    }
    shown
}

#[test]
fn refreshing_cards() {
    let stage = Stage::new();
    stage.bot.answers(invoked(|activity| {
        let words = format!("{} for {}", activity["value"]["action"]["data"]["of"], activity["from"]["id"]);
        own_card(&words.replace('"', ""), json!([]))
    }));
    let asked = || stage.invokes("adaptiveCard/action").len();
    let sent = stage.sends(&refreshing("first", Some(json!(["29:1ada"]))));
    for _ in 0..3 {
        assert_eq!(stage.card_of("ada", &sent), "first for 29:1ada");
        assert_eq!(stage.card_of("ben", &sent), "first");
    }
    assert_eq!(asked(), 1, "once for this revision and person, for nobody else");
    assert_eq!(stage.invokes("adaptiveCard/action")[0]["value"]["trigger"], "automatic");
    stage.puts(&sent, &refreshing("second", Some(json!(["29:1ada"]))));
    assert_eq!((stage.card_of("ada", &sent), asked()), ("second for 29:1ada".into(), 2));
    // Without names everybody's view is asked for.
    stage.puts(&sent, &refreshing("third", None));
    assert_eq!(
        (stage.card_of("ben", &sent), stage.card_of("ada", &sent)),
        ("third for 29:1ben".into(), "third for 29:1ada".into())
    );
    assert_eq!(asked(), 4);
    stage.puts(&sent, &refreshing("fourth", Some(json!([]))));
    assert_eq!((stage.card_of("ada", &sent), asked()), ("fourth".into(), 4));
    // An answer that is no card leaves the card, and is not asked for again.
    stage.bot.answers(|_| Say::Json(501, json!({})));
    stage.puts(&sent, &refreshing("fifth", None));
    for _ in 0..3 {
        assert_eq!(stage.card_of("ada", &sent), "fifth");
    }
    assert_eq!(asked(), 5);
    // Nobody asks where the person may not press.
    stage.world.controlled("DELETE", "/channels/general/members/cleo", &Value::Null);
    assert_eq!((stage.card_of("cleo", &sent), asked()), ("fifth".into(), 5));
}

/// A bot that takes its time holds up no read: what it answers then is shown by a later one. One read asks for ten.
#[test]
fn a_slow_bot_slows_no_reader() {
    let stage = Stage::new();
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let waiting = Arc::clone(&gate);
    stage.bot.answers(invoked(move |_| {
        let open = waiting.0.lock().unwrap();
        drop(waiting.1.wait_while(open, |open| !*open).unwrap());
        own_card("late", json!([]))
    }));
    let cards: Vec<Sent> = (0..12).map(|n| stage.sends(&refreshing(&format!("card {n}"), None))).collect();
    for (n, sent) in cards.iter().enumerate().rev().take(1) {
        assert_eq!(stage.card_of("ada", sent), format!("card {n}"));
    }
    assert_eq!(stage.invokes("adaptiveCard/action").len(), 10);
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for sent in &cards {
        until("the late view", || (stage.card_of("ada", sent) == "late").then_some(()));
    }
    assert_eq!(stage.invokes("adaptiveCard/action").len(), 12);
}

/// A view that was asked for before the message changed is not shown on the changed one.
#[test]
fn a_late_view_of_an_old_revision() {
    let stage = Stage::new();
    let (url, token) = (stage.world.server.url.clone(), stage.token.clone());
    let sent = stage.sends(&refreshing("old", None));
    let target = sent.clone();
    stage.bot.answers(invoked(move |activity| {
        if activity["value"]["action"]["data"]["of"] == "old" {
            put(&url, &token, &target, &card("new", json!([])));
        }
        own_card("view of the old one", json!([]))
    }));
    assert_eq!(stage.card_of("ada", &sent), "new");
    assert_eq!(stage.seen("ada", &sent)["own_view"], false);
}

/// The live poll of the reference, step by step.
#[test]
fn a_live_poll() {
    let stage = Stage::new();
    let totals = |votes: usize| {
        let mut shown = refreshing(&format!("{votes} votes"), Some(json!(["29:1ada", "29:1ben"])));
        shown["attachments"][0]["content"]["actions"] = json!([execute("tea"), execute("coffee")]);
        shown
    };
    let sent = stage.sends(&totals(0));
    let (url, token, poll) = (stage.world.server.url.clone(), stage.token.clone(), sent.clone());
    let voters: Mutex<Vec<(String, String)>> = Mutex::default();
    stage.bot.answers(invoked(move |activity| {
        let (who, verb) = (text_of(&activity["from"], "id"), text_of(&activity["value"]["action"], "verb"));
        let mut voters = voters.lock().unwrap();
        if activity["value"]["trigger"] == "manual" && !voters.iter().any(|(voter, _)| *voter == who) {
            voters.push((who.clone(), verb));
            put(&url, &token, &poll, &totals(voters.len()));
        }
        match voters.iter().find(|(voter, _)| *voter == who) {
            Some((_, choice)) => own_card(&format!("You voted {choice}; {} so far", voters.len()), json!([])),
            None => Say::Json(200, card_answer("activity.message", json!("Vote first"))),
        }
    }));
    assert_eq!(
        (stage.card_of("ada", &sent), stage.card_of("ben", &sent)),
        ("0 votes".into(), "0 votes".into())
    );
    let voted = stage.pressed("ada", &sent, "tea");
    assert_eq!(at(&voted, "/answer/card/body/0/text"), "You voted tea; 1 so far");
    // Ada sees the answer, everyone else the new totals.
    assert_eq!(stage.card_of("ada", &sent), "You voted tea; 1 so far");
    assert_eq!(
        (stage.card_of("ben", &sent), stage.card_of("cleo", &sent)),
        ("1 votes".into(), "1 votes".into())
    );
    stage.pressed("ben", &sent, "coffee");
    // The update took ada's view away; her client asks for the new one.
    assert_eq!(stage.card_of("ada", &sent), "You voted tea; 2 so far");
    assert_eq!(
        (stage.card_of("ben", &sent), stage.card_of("cleo", &sent)),
        ("You voted coffee; 2 so far".into(), "2 votes".into())
    );
    stage.puts(&sent, &message("Closed: tea 1, coffee 1"));
    for person in ["ada", "ben", "cleo"] {
        let seen = stage.seen(person, &sent);
        assert_eq!((&seen["text"], &seen["own_view"]), (&json!("Closed: tea 1, coffee 1"), &json!(false)));
        stage.refused(person, &sent, "tea".into(), &json!({}), "422 impossible", "nothing to press");
    }
    assert_eq!(stage.world.stored(GENERAL, &sent.ts)["revision"], 4);
}
