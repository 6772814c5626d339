//! What people do reaches Slack apps: complete payloads, signed, once, and what apps answer at once.

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, Say};
use crate::client;
use crate::world::*;

const SECRET: &str = "poll-signing-secret";

/// Pollbot hears everything that people do at this bot.
pub fn poll_app(world: &World) -> Bot {
    let bot = Bot::new();
    world.controlled(
        "PATCH",
        "/apps/pollbot",
        &json!({
            "interactivity_url": bot.url,
            "options_url": bot.url,
            "commands": [
                {"command": "/poll", "url": bot.url},
                {"command": "/raw", "url": bot.url},
                {"command": "/escape", "url": bot.url, "should_escape": true},
            ],
            "shortcuts": [
                {"type": "global", "name": "New poll", "callback_id": "new_poll"},
                {"type": "message", "name": "Poll about it", "callback_id": "about"},
            ],
        }),
    );
    bot.answers(|_| nothing());
    bot
}

/// An acknowledgement without a body.
fn nothing() -> Say {
    Say::Raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec())
}

pub fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

pub fn button(action_id: &str, text: &str, value: &str) -> Value {
    json!({"type": "button", "action_id": action_id, "text": plain(text), "value": value})
}

fn actions(elements: &Value) -> Value {
    json!([{"type": "actions", "block_id": "b", "elements": elements}])
}

/// Posts as pollbot and gives back the message as the API shows it.
pub fn posted(world: &World, args: &Value) -> Value {
    world.ok(POLL, "chat.postMessage", args)["message"].clone()
}

/// Does something in a person's name; it has to be accepted.
pub fn does(world: &World, person: &str, what: &str, body: &Value) -> Value {
    world.controlled("POST", &format!("/people/{person}/{what}"), body)
}

/// A payload without what is new every time: the trigger, the times, the token and the secrets, which have to look right.
pub fn steady(heard: &Heard) -> Value {
    assert!(heard.is_signed(SECRET), "{:?}", heard.headers);
    assert_eq!(heard.headers["content-type"], "application/x-www-form-urlencoded");
    let mut payload = heard.activity.clone();
    let token = text_of(&payload, "token");
    assert!(!token.is_empty());
    payload["token"] = "T".into();
    if let Some(trigger) = payload.get("trigger_id").and_then(Value::as_str) {
        let parts: Vec<&str> = trigger.split('.').collect();
        assert_eq!((parts.len(), parts[2].len()), (3, 32), "{trigger}");
        payload["trigger_id"] = "1.2.3".into();
    }
    for pointer in ["/response_url", "/response_urls/0/response_url", "/response_urls/1/response_url"] {
        if let Some(url) = payload.pointer_mut(pointer) {
            let (path, secret) = url.as_str().unwrap().rsplit_once('/').unwrap();
            assert_eq!(secret.len(), 32);
            let place = path.split_once("/hooks/").unwrap().1.rsplit_once('/').unwrap().0.to_owned();
            *url = place.into();
        }
    }
    for pointer in ["/action_ts", "/actions/0/action_ts"] {
        if let Some(ts) = payload.pointer_mut(pointer) {
            let (seconds, micros) = ts.as_str().unwrap().split_once('.').unwrap();
            assert_eq!((seconds.len(), micros.len()), (10, 6));
            *ts = "now".into();
        }
    }
    payload
}

/// Members that all payloads have.
pub fn common(kind: &str) -> Value {
    json!({
        "type": kind,
        "token": "T",
        "api_app_id": "A01POLL",
        "team": {"id": "T01ACME", "domain": "acme"},
        "enterprise": null,
        "is_enterprise_install": false,
        "user": {"id": "U01BEN", "username": "ben", "name": "ben", "team_id": "T01ACME"},
    })
}

pub fn and(mut payload: Value, members: &Value) -> Value {
    payload.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    payload
}

/// The message without what is generated on each reading.
fn without_generated(mut message: Value) -> Value {
    for block in message["blocks"].as_array_mut().into_iter().flatten() {
        if block["type"] == "rich_text" {
            block["block_id"] = "generated".into();
        }
    }
    message
}

/// Calls a `response_url` and gives back status and body.
pub fn respond(heard: &Heard, body: &Value) -> (u16, String) {
    let url = text_of(&heard.activity, "response_url");
    let answer = client::send("POST", &url, &[], ("application/json", body.to_string().as_bytes()));
    (answer.status, answer.body)
}

#[test]
fn a_pressed_button() {
    let world = World::new();
    let bot = poll_app(&world);
    let mut ship = button("ship", "Ship", "7");
    ship["style"] = "primary".into();
    let blocks = actions(&json!([ship, button("halt", "Halt", "8")]));
    let message = posted(&world, &json!({"channel": GENERAL, "text": "Ship it?", "blocks": blocks}));
    let ts = text_of(&message, "ts");
    let pressed = does(&world, "ben", "actions", &json!({"channel": "general", "ts": ts, "action": "Ship"}));
    assert_eq!(pressed, json!({"kind": "told"}));
    let heard = bot.wait_for(1);
    let action = and(ship, &json!({"block_id": "b", "action_ts": "now"}));
    let wanted = and(
        common("block_actions"),
        &json!({
            "trigger_id": "1.2.3",
            "container": {"type": "message", "message_ts": ts, "channel_id": GENERAL, "is_ephemeral": false},
            "channel": {"id": GENERAL, "name": "general"},
            "message": message,
            "state": {"values": {}},
            "response_url": "actions/T01ACME",
            "actions": [action],
        }),
    );
    assert_eq!(steady(&heard[0]), wanted);
    assert_eq!(respond(&heard[0], &json!({"text": "Shipped", "replace_original": true})), (200, "ok".into()));
    assert_eq!(world.stored(GENERAL, &ts)["text"], "Shipped");
    assert_eq!(bot.heard().len(), 1, "once");
    world.is_well();
}

/// Where the message is: how the container and the channel are told, and whether the message is.
#[test]
fn wherever_the_message_is() {
    let world = World::new();
    let bot = poll_app(&world);
    world.controlled("PUT", "/channels/leads/members/pollbot", &Value::Null);
    let blocks = actions(&json!([button("go", "Go", "1")]));
    let root = posted(&world, &json!({"channel": GENERAL, "text": "root"}));
    let said = json!({"text": "x", "blocks": blocks});
    let said = |more: &Value| and(said.clone(), more);
    let reply = posted(&world, &said(&json!({"channel": GENERAL, "thread_ts": root["ts"]})));
    let private = posted(&world, &said(&json!({"channel": LEADS})));
    let direct = world.ok(POLL, "chat.postMessage", &said(&json!({"channel": "U01BEN"})));
    let in_attachment =
        json!({"channel": GENERAL, "text": "x", "attachments": [{"color": "#fff", "blocks": blocks}]});
    let in_attachment = posted(&world, &in_attachment);
    let whisper = said(&json!({"channel": GENERAL, "user": "U01BEN"}));
    let whisper = text_of(&world.ok(POLL, "chat.postEphemeral", &whisper), "message_ts");
    let direct_id = text_of(&direct, "channel");
    let container = |channel: &str, ts: &Value| json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false});
    let of_attachment = &json!({"type": "message_attachment", "attachment_id": 1, "is_app_unfurl": false});
    for (channel, name, ts, container, message) in [
        (
            GENERAL,
            "general",
            &reply["ts"],
            and(container(GENERAL, &reply["ts"]), &json!({"thread_ts": root["ts"]})),
            Some(&reply),
        ),
        (LEADS, "privategroup", &private["ts"], container(LEADS, &private["ts"]), Some(&private)),
        (
            &*direct_id,
            "directmessage",
            &direct["ts"],
            container(&direct_id, &direct["ts"]),
            Some(&direct["message"]),
        ),
        (
            GENERAL,
            "general",
            &in_attachment["ts"],
            and(container(GENERAL, &in_attachment["ts"]), of_attachment),
            Some(&in_attachment),
        ),
        (
            GENERAL,
            "general",
            &json!(whisper),
            and(container(GENERAL, &json!(whisper)), &json!({"is_ephemeral": true})),
            None,
        ),
    ] {
        let before = bot.heard().len();
        does(&world, "ben", "actions", &json!({"channel": channel, "ts": ts, "action": "Go"}));
        let heard = bot.wait_for(before + 1);
        let payload = steady(&heard[before]);
        assert_eq!(payload["container"], container);
        assert_eq!(payload["channel"], json!({"id": channel, "name": name}));
        let shown = payload.get("message").cloned().map(without_generated);
        assert_eq!(shown, message.cloned().map(without_generated), "{container}");
        assert_eq!(payload["actions"][0]["block_id"], "b");
    }
    // An ephemeral is replaced and deleted through its own response_url.
    let last = bot.heard().pop().unwrap();
    assert_eq!(respond(&last, &json!({"text": "changed", "replace_original": "true"})).0, 200);
    let seen = |world: &World| {
        let seen = world.controlled("GET", "/people/ben/channels/general/messages", &Value::Null);
        let own =
            seen["messages"].as_array().unwrap().iter().find(|it| it["ts"] == whisper.as_str()).cloned();
        own.map(|it| text_of(&it, "text"))
    };
    assert_eq!(seen(&world).as_deref(), Some("changed"));
    assert_eq!(respond(&last, &json!({"delete_original": true})).0, 200);
    assert_eq!(seen(&world), None);
}

/// What is chosen, what is put in besides, and the state of everything.
#[test]
fn elements_and_their_state() {
    let world = World::new();
    let bot = poll_app(&world);
    let option = |value: &str| json!({"text": plain(&value.to_uppercase()), "value": value});
    let blocks = json!([
        {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "Size", "verbatim": false},
         "accessory": {"type": "static_select", "action_id": "size", "options": [option("s"), option("m")], "initial_option": option("s")}},
        {"type": "actions", "block_id": "a", "elements": [
            {"type": "users_select", "action_id": "who"},
            {"type": "datepicker", "action_id": "day", "initial_date": "2026-08-01"},
            {"type": "checkboxes", "action_id": "boxes", "options": [option("x"), option("y")]},
            button("go", "Go", "1")]},
        {"type": "input", "block_id": "i", "label": plain("Why"), "dispatch_action": true,
         "element": {"type": "plain_text_input", "action_id": "why"}}]);
    let ts = text_of(&posted(&world, &json!({"channel": GENERAL, "text": "x", "blocks": blocks})), "ts");
    let act = |more: &Value| {
        let before = bot.heard().len();
        does(&world, "ben", "actions", &and(json!({"channel": "general", "ts": ts}), more));
        let payload = steady(&bot.wait_for(before + 1)[before]);
        (payload["actions"].clone(), payload["state"]["values"].clone())
    };
    let state = |size: &str, who: Value, why: Value, boxes: Value| {
        json!({
            "s": {"size": {"type": "static_select", "selected_option": option(size)}},
            "a": {"who": {"type": "users_select", "selected_user": who},
                  "day": {"type": "datepicker", "selected_date": "2026-08-01"},
                  "boxes": {"type": "checkboxes", "selected_options": boxes}},
            "i": {"why": {"type": "plain_text_input", "value": why}},
        })
    };
    let none = Value::Null;
    let (action, values) = act(&json!({"action_id": "size", "value": "M"}));
    assert_eq!(
        action,
        json!([{"type": "static_select", "block_id": "s", "action_id": "size", "action_ts": "now",
            "selected_option": option("m"), "initial_option": option("s")}])
    );
    assert_eq!(values, state("m", none.clone(), none.clone(), json!([])));
    let (action, values) =
        act(&json!({"block_id": "i", "value": "because", "inputs": {"who": "cleo", "boxes": ["y"]}}));
    assert_eq!(
        action,
        json!([{"type": "plain_text_input", "block_id": "i", "action_id": "why", "value": "because", "action_ts": "now"}])
    );
    assert_eq!(values, state("s", json!("U01CLEO"), json!("because"), json!([option("y")])));
    let (action, values) = act(&json!({"action": "Go", "inputs": {"Why": "so"}}));
    assert_eq!(action[0]["value"], "1");
    assert_eq!(values, state("s", none, json!("so"), json!([])));
}

#[test]
fn legacy_buttons_and_menus() {
    let world = World::new();
    let bot = poll_app(&world);
    let attachments = json!([{"text": "Lunch?", "callback_id": "lunch", "actions": [
        {"name": "vote", "text": "Yes", "type": "button", "value": "y"},
        {"name": "place", "text": "Where", "type": "select", "options": [{"text": "Here", "value": "h"}]},
        {"name": "who", "text": "Who", "type": "select", "data_source": "users"},
        {"name": "dish", "text": "Dish", "type": "select", "data_source": "external"}]}]);
    let post = || posted(&world, &json!({"channel": GENERAL, "text": "x", "attachments": attachments}));
    let message = post();
    let ts = text_of(&message, "ts");
    let act = |more: &Value, answer: Say| {
        let before = bot.heard().len();
        bot.answers(move |_| answer.clone());
        does(&world, "ben", "actions", &and(json!({"channel": "general", "ts": ts}), more));
        bot.wait_for(before + 1)[before].clone()
    };
    let heard = act(&json!({"action": "Yes"}), nothing());
    let wanted = |actions: Value, message: &Value| {
        and(
            common("interactive_message"),
            &json!({
                "actions": actions, "callback_id": "lunch", "channel": {"id": GENERAL, "name": "general"},
                "action_ts": "now", "message_ts": ts, "attachment_id": "1", "is_app_unfurl": false,
                "original_message": message, "response_url": "actions/T01ACME", "trigger_id": "1.2.3",
            }),
        )
    };
    let shown = |heard: &Heard| {
        let mut payload = steady(heard);
        payload["original_message"] = without_generated(payload["original_message"].take());
        payload
    };
    let message = without_generated(message);
    assert_eq!(shown(&heard), wanted(json!([{"name": "vote", "type": "button", "value": "y"}]), &message));
    let heard = act(&json!({"action": "place", "value": "Here"}), nothing());
    let select = |name: &str, value: &str| json!([{"name": name, "type": "select", "selected_options": [{"value": value}]}]);
    assert_eq!(shown(&heard), wanted(select("place", "h"), &message));
    let heard = act(&json!({"action": "who", "value": "ada"}), nothing());
    assert_eq!(shown(&heard)["actions"], select("who", "U01ADA"));
    // The options that the app offers.
    bot.answers(|_| Say::Json(200, json!({"options": [{"text": "Soup", "value": "soup"}]})));
    let before = bot.heard().len();
    let asked = json!({"channel": "general", "ts": ts, "action": "dish", "query": "so"});
    assert_eq!(
        does(&world, "ben", "suggestions", &asked),
        json!({"options": [{"text": "Soup", "value": "soup"}]})
    );
    let wanted = and(
        common("interactive_message"),
        &json!({"name": "dish", "value": "so", "callback_id": "lunch", "channel": {"id": GENERAL, "name": "general"},
            "action_ts": "now", "message_ts": ts, "attachment_id": "1"}),
    );
    assert_eq!(steady(&bot.wait_for(before + 1)[before]), wanted);
    // The answer replaces the message, unless it says otherwise.
    act(&json!({"action": "Yes"}), Say::Json(200, json!({"text": "new one", "replace_original": false})));
    assert_eq!(world.stored(GENERAL, &ts)["text"], "x");
    let wanted = json!({"channel": "general", "text": "new one", "timeout_ms": 5000});
    assert_eq!(world.controlled("POST", "/wait", &wanted)["message"]["user"], "U01POLL");
    act(&json!({"action": "Yes"}), Say::Json(200, json!({"text": "counted"})));
    let now = world.stored(GENERAL, &ts);
    assert_eq!((&now["text"], &now["attachments"]), (&json!("counted"), &Value::Null));
}

/// The body of an acknowledgement of block actions is ignored.
#[test]
fn what_is_said_to_block_actions_is_ignored() {
    let world = World::new();
    let bot = poll_app(&world);
    let args = json!({"channel": GENERAL, "text": "x", "blocks": actions(&json!([button("go", "Go", "1")]))});
    let ts = text_of(&posted(&world, &args), "ts");
    bot.answers(|_| Say::Json(200, json!({"text": "ignored", "replace_original": true})));
    let before = world.log_end();
    does(&world, "ben", "actions", &json!({"channel": "general", "ts": ts, "action": "Go"}));
    let since = world.controlled("GET", &format!("/log?after={before}"), &Value::Null);
    assert_eq!((&world.stored(GENERAL, &ts)["text"], &since["events"]), (&json!("x"), &json!([])));
}

#[test]
fn shortcuts() {
    let world = World::new();
    let bot = poll_app(&world);
    let about =
        text_of(&world.ok(ADA, "chat.postMessage", &json!({"channel": GENERAL, "text": "an idea"})), "ts");
    does(&world, "ben", "shortcuts", &json!({"callback_id": "new_poll"}));
    does(&world, "ben", "shortcuts", &json!({"callback_id": "about", "channel": "general", "ts": about}));
    let heard = bot.wait_for(2);
    let wanted = and(
        common("shortcut"),
        &json!({"callback_id": "new_poll", "trigger_id": "1.2.3", "action_ts": "now"}),
    );
    assert_eq!(steady(&heard[0]), wanted);
    let history = world.ok(POLL, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
    let wanted = and(
        common("message_action"),
        &json!({
            "callback_id": "about", "trigger_id": "1.2.3", "action_ts": "now",
            "channel": {"id": GENERAL, "name": "general"}, "message_ts": about,
            "message": without_generated(history["messages"][0].clone()), "response_url": "app-actions/T01ACME",
        }),
    );
    let mut payload = steady(&heard[1]);
    payload["message"] = without_generated(payload["message"].take());
    assert_eq!(payload, wanted);
    let before = world.log_end();
    assert_eq!(respond(&heard[1], &json!({"text": "noted", "response_type": "in_channel"})).0, 200);
    assert!(before < world.log_end());
    let whisper = world.ephemeral(POLL, GENERAL);
    for (body, expected) in [
        (json!({"callback_id": "about"}), "422 impossible"),
        (json!({"callback_id": "new_poll", "channel": "general", "ts": about}), "422 impossible"),
        (json!({"callback_id": "nothing"}), "422 impossible"),
        (json!({"callback_id": "new_poll", "app": "deploybot"}), "422 impossible"),
        (json!({"callback_id": "new_poll", "app": "nobody"}), "404 not_found"),
        (json!({"callback_id": "about", "channel": "general"}), "400 bad_request"),
        (json!({"callback_id": "about", "channel": "general", "ts": whisper}), "409 for_one_reader"),
        (json!({"callback_id": "about", "channel": "leads", "ts": about}), "404 not_found"),
    ] {
        let answer = world.control("POST", "/people/ben/shortcuts", &body);
        assert_eq!(answer.outcome(), expected, "{body}: {}", answer.body);
    }
    assert_eq!(bot.heard().len(), 2, "nobody was told of what was refused");
}

#[test]
fn slash_commands() {
    let world = World::new();
    let bot = poll_app(&world);
    let run = |person: &str, channel: &str, command: &str| {
        let before = bot.heard().len();
        let body = json!({"channel": channel, "command": command});
        let ran = does(&world, person, "commands", &body);
        (bot.wait_for(before + 1)[before].clone(), ran["answered"] == true)
    };
    let (heard, answered) = run("ben", "general", "/poll  tea or @ada's #random?  ");
    assert!(!answered);
    assert!(heard.is_signed(SECRET));
    assert_eq!(heard.headers["content-type"], "application/x-www-form-urlencoded");
    let fields = steady(&heard);
    let wanted = json!({
        "token": "T", "team_id": "T01ACME", "team_domain": "acme", "channel_id": GENERAL, "channel_name": "general",
        "user_id": "U01BEN", "user_name": "ben", "command": "/poll", "text": "tea or @ada's #random?",
        "api_app_id": "A01POLL", "is_enterprise_install": "false", "response_url": "commands/T01ACME",
        "trigger_id": "1.2.3",
    });
    assert_eq!(fields, wanted);
    assert_eq!(run("ben", "leads", "/poll").0.activity["channel_name"], "privategroup");
    assert_eq!(run("ben", "leads", "/poll").0.activity["text"], "");
    let text = run(
        "ben",
        "general",
        "/escape tell @ada, #random and #leads: a<b https://x.example/?a=1&b @nobody #attic",
    )
    .0;
    assert_eq!(
        text.activity["text"],
        "tell <@U01ADA|ada>, <#C01RANDOM|random> and <#C01LEADS|>: a&lt;b <https://x.example/?a=1&amp;b> @nobody <#C01ATTIC|attic>"
    );
    let text = run("cleo", "general", "/escape #leads").0;
    assert_eq!(text.activity["text"], "#leads", "what cleo does not see stays as it was typed");
    // Answers in the acknowledgement.
    let newest = |person: &str| {
        let path = format!("/people/{person}/channels/general/messages");
        let seen = world.controlled("GET", &path, &Value::Null);
        seen["messages"].as_array().unwrap().last().map(|it| (text_of(it, "text"), it["targeted_to"].clone()))
    };
    bot.answers(|_| {
        Say::Raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nthree".to_vec())
    });
    assert!(run("ben", "general", "/poll").1);
    assert_eq!(newest("ben"), Some(("three".into(), json!("U01BEN"))));
    assert_ne!(newest("ada").map(|it| it.0), Some("three".into()));
    bot.answers(|_| Say::Json(200, json!({"text": "for all", "response_type": "in_channel"})));
    assert!(run("ben", "general", "/poll").1);
    assert_eq!(newest("ada"), Some(("for all".into(), Value::Null)));
    // Later ones, counted.
    bot.answers(|_| nothing());
    let (heard, _) = run("ben", "general", "/poll");
    for number in 1..=5 {
        assert_eq!(respond(&heard, &json!({"text": format!("later {number}")})).0, 200);
    }
    assert_ne!(respond(&heard, &json!({"text": "sixth"})).0, 200);
    assert_eq!(newest("ben"), Some(("later 5".into(), json!("U01BEN"))));
    let before = bot.heard().len();
    for (person, channel, command, expected) in [
        ("ben", "general", "/nothing", "422 impossible"),
        ("ben", "general", "poll", "422 impossible"),
        ("cleo", "leads", "/poll", "404 not_found"),
        ("ben", "attic", "/poll", "409 archived"),
    ] {
        let body = json!({"channel": channel, "command": command});
        assert_eq!(
            world.control("POST", &format!("/people/{person}/commands"), &body).outcome(),
            expected,
            "{body}"
        );
    }
    assert_eq!(bot.heard().len(), before);
}

#[test]
fn options_of_external_selects() {
    let world = World::new();
    let bot = poll_app(&world);
    let blocks = actions(&json!([
        {"type": "external_select", "action_id": "bug", "placeholder": plain("Bug"), "min_query_length": 0},
        {"type": "multi_external_select", "action_id": "bugs", "placeholder": plain("Bugs")},
        button("go", "Go", "1")]));
    let message = posted(&world, &json!({"channel": GENERAL, "text": "x", "blocks": blocks}));
    let ts = text_of(&message, "ts");
    let option = json!({"text": plain("Seven"), "value": "7"});
    let offered = json!({"option_groups": [{"label": plain("Open"), "options": [{"text": {"type": "plain_text", "text": "Seven"}, "value": "7"}]}]});
    bot.answers(move |_| Say::Json(200, offered.clone()));
    let ask = |action: &str, query: &str| {
        let body = json!({"channel": "general", "ts": ts, "action": action, "query": query});
        world.control("POST", "/people/ben/suggestions", &body)
    };
    assert_eq!(
        ask("Bug", "").json,
        json!({"option_groups": [{"label": {"type": "plain_text", "text": "Open", "emoji": true}, "options": [option]}]})
    );
    let wanted = and(
        common("block_suggestion"),
        &json!({
            "action_id": "bug", "block_id": "b", "value": "", "channel": {"id": GENERAL, "name": "general"},
            "container": {"type": "message", "message_ts": ts, "channel_id": GENERAL, "is_ephemeral": false},
            "message": message,
        }),
    );
    assert_eq!(steady(&bot.wait_for(1)[0]), wanted);
    assert_eq!(ask("Bugs", "se").outcome(), "422 impossible", "three characters unless it says otherwise");
    assert_eq!(ask("Bugs", "sev").outcome(), "200");
    assert_eq!(ask("Go", "sev").outcome(), "422 impossible");
    does(
        &world,
        "ben",
        "actions",
        &json!({"channel": "general", "ts": ts, "action": "Bug", "value": option}),
    );
    assert_eq!(bot.wait_for(3)[2].activity["actions"][0]["selected_option"], option);
    for (answer, words) in [
        (
            json!({}),
            "pollbot answered what makes no sense: the answer has to have either options or option_groups",
        ),
        (
            json!({"options": [{"text": "Seven", "value": "7"}]}),
            "pollbot answered what makes no sense: the text of an option is no plain_text object",
        ),
    ] {
        bot.answers(move |_| Say::Json(200, answer.clone()));
        let answer = ask("Bug", "");
        assert_eq!(
            (answer.outcome().as_str(), answer.json["error"]["message"].as_str()),
            ("502 bot_failed", Some(words))
        );
    }
}

/// An app that is late, gone or out of order: the person sees it, and it is not told again.
#[test]
fn apps_that_fail() {
    let world = World::new();
    let bot = poll_app(&world);
    let args = json!({"channel": GENERAL, "text": "x", "blocks": actions(&json!([button("go", "Go", "1")]))});
    let ts = text_of(&posted(&world, &args), "ts");
    let press = || {
        let body = json!({"channel": "general", "ts": ts, "action": "Go"});
        let answer = world.control("POST", "/people/ben/actions", &body);
        (answer.outcome(), answer.json["error"]["message"].as_str().unwrap_or_default().to_owned())
    };
    let failed = |words: &str| ("502 bot_failed".to_owned(), words.to_owned());
    for (told, say, words) in [
        (1, Say::Json(500, json!({})), "pollbot answered 500"),
        (2, Say::Json(404, json!({})), "pollbot answered 404"),
        (
            3,
            Say::Raw(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_vec()),
            "pollbot answered 302",
        ),
        (
            4,
            Say::Raw(b"HTTP".to_vec()),
            "pollbot was not reached: the connection broke before the answer was whole",
        ),
        (5, Say::Nothing, "pollbot was not reached: no answer within 3000 ms"),
    ] {
        bot.answers(move |_| say.clone());
        assert_eq!(press(), failed(words));
        assert_eq!(bot.heard().len(), told, "{words}");
    }
    for (url, words) in [
        (
            json!("http://127.0.0.1:9/"),
            "pollbot was not reached: the connection was refused or could not be made",
        ),
        (Value::Null, "pollbot has no request URL for interactivity"),
    ] {
        world.controlled("PATCH", "/apps/pollbot", &json!({"interactivity_url": url}));
        assert_eq!(press(), failed(words));
    }
    world.controlled("PATCH", "/apps/pollbot", &json!({"socket_mode": true}));
    assert_eq!(press().0, "502 bot_failed", "no socket is there");
    assert_eq!(bot.heard().len(), 5);
    assert_eq!(world.stored(GENERAL, &ts)["text"], "x");
    world.is_well();
}

/// An interaction is sent once, so it never goes over a connection that the app may just be closing.
#[test]
fn an_app_that_closes_idle_connections_loses_nothing() {
    let world = World::new();
    let bot = poll_app(&world);
    bot.answers(|_| Say::Json(200, json!({"text": "noted"})));
    bot.closes_reused_connections();
    let blocks = actions(&json!([button("go", "Go", "1")]));
    let ts = text_of(&posted(&world, &json!({"channel": GENERAL, "text": "x", "blocks": blocks})), "ts");
    for turn in 1..=3 {
        does(&world, "ben", "actions", &json!({"channel": "general", "ts": ts, "action": "Go"}));
        does(&world, "ben", "commands", &json!({"channel": "general", "command": "/poll Lunch?"}));
        does(&world, "ben", "shortcuts", &json!({"callback_id": "new_poll"}));
        assert_eq!(bot.heard().len(), 3 * turn);
    }
}

/// What cannot be done is said in words, and nobody hears of it.
#[test]
fn refusals() {
    let world = World::new();
    let bot = poll_app(&world);
    world.controlled("PUT", "/channels/leads/members/pollbot", &Value::Null);
    let blocks = json!([
        {"type": "actions", "block_id": "b", "elements": [button("go", "Go", "1"), button("go", "Go", "2"),
            {"type": "static_select", "action_id": "size", "options": [{"text": plain("S"), "value": "s"}]},
            {"type": "workflow_button", "action_id": "flow", "text": plain("Flow")}]},
        {"type": "input", "block_id": "i", "label": plain("Why"), "element": {"type": "plain_text_input", "action_id": "why"}}]);
    let post = |token: &str, channel: &str| {
        let args = json!({"channel": channel, "text": "x", "blocks": blocks});
        text_of(&world.ok(token, "chat.postMessage", &args), "ts")
    };
    let (here, private, other) = (post(POLL, GENERAL), post(POLL, LEADS), post(DEPLOY, GENERAL));
    let by_ada = post(ADA, GENERAL);
    let plain_text = world.post(POLL, GENERAL, "no blocks");
    let (tombstone, _) = world.tombstone(POLL, GENERAL);
    let whisper = world.ephemeral(POLL, GENERAL);
    let on_random = post(DEPLOY, RANDOM);
    world.controlled("DELETE", "/channels/random/members/cleo", &Value::Null);
    let before = world.state();
    for (person, channel, ts, more, expected, words) in [
        ("cleo", LEADS, &private, json!({"action": "Go"}), "404 not_found", "cleo sees no such conversation"),
        ("cleo", RANDOM, &on_random, json!({"action": "Go"}), "403 not_member", "join it first"),
        ("ben", GENERAL, &private, json!({"action": "Go"}), "404 not_found", "no message"),
        ("ada", GENERAL, &whisper, json!({"action": "Go"}), "404 not_found", "no message"),
        ("ben", GENERAL, &tombstone, json!({"action": "Go"}), "409 deleted", "deleted"),
        ("ben", GENERAL, &by_ada, json!({"action": "Go"}), "409 no_bot", "would receive"),
        (
            "ben",
            GENERAL,
            &plain_text,
            json!({"action": "Go"}),
            "422 impossible",
            "the message has nothing to press",
        ),
        (
            "ben",
            GENERAL,
            &here,
            json!({"action": "Stop"}),
            "422 impossible",
            "there is no such element; there are \"Go\" (button b/go)",
        ),
        ("ben", GENERAL, &here, json!({"action": "Go"}), "422 impossible", "several elements fit"),
        (
            "ben",
            GENERAL,
            &here,
            json!({"action": "1", "value": "x"}),
            "422 impossible",
            "a button takes nothing",
        ),
        (
            "ben",
            GENERAL,
            &here,
            json!({"action": "size", "value": "m"}),
            "422 impossible",
            "\"m\" is no option; there are s",
        ),
        (
            "ben",
            GENERAL,
            &here,
            json!({"action": "Flow"}),
            "422 impossible",
            "a workflow_button is not supported",
        ),
        ("ben", GENERAL, &here, json!({"action": "Why", "value": "x"}), "422 impossible", "dispatch_action"),
        (
            "ben",
            GENERAL,
            &here,
            json!({"action": "1", "inputs": {"what": 1}}),
            "422 impossible",
            "there is no input what",
        ),
        ("ben", GENERAL, &other, json!({"action": "1"}), "502 bot_failed", "deploybot has no request URL"),
        ("ben", GENERAL, &here, json!({"action": "1", "more": 1}), "400 bad_request", "unknown field"),
    ] {
        let body = and(json!({"channel": channel, "ts": ts}), &more);
        let answer = world.control("POST", &format!("/people/{person}/actions"), &body);
        assert_eq!(answer.outcome(), expected, "{body}: {}", answer.body);
        assert!(text_of(&answer.json["error"], "message").contains(words), "{body}: {}", answer.body);
    }
    world.controlled("DELETE", "/apps/pollbot", &Value::Null);
    let body = json!({"channel": "general", "ts": here, "action": "1"});
    assert_eq!(world.control("POST", "/people/ben/actions", &body).outcome(), "409 no_bot");
    assert_eq!(bot.heard().len(), 0);
    let after = world.state();
    assert_eq!(after[GENERAL], before[GENERAL]);
}

/// What people do is no event. What the app then does to its message is one.
#[test]
fn a_press_is_no_event() {
    let world = World::new();
    let (bot, events) = (poll_app(&world), Bot::of_slack(&world, "pollbot", &["message.channels"]));
    let args = json!({"channel": GENERAL, "text": "x", "blocks": actions(&json!([button("go", "Go", "1")]))});
    let ts = text_of(&posted(&world, &args), "ts");
    does(&world, "ben", "actions", &json!({"channel": "general", "ts": ts, "action": "Go"}));
    let heard = bot.wait_for(1);
    assert_eq!(respond(&heard[0], &json!({"text": "gone", "replace_original": true})).0, 200);
    let told = events.wait_for(2);
    let told: Vec<&Value> = told.iter().map(|it| &it.event()["subtype"]).collect();
    assert_eq!(told, [&Value::Null, &json!("message_changed")]);
}

/// Over a socket the same payloads come, and what is acknowledged with is the answer.
#[test]
fn over_a_socket() {
    use crate::socket::Socket;
    let world = World::new();
    drop(poll_app(&world));
    let changed = json!({"socket_mode": true, "interactivity_url": null, "options_url": null,
        "commands": [{"command": "/poll"}]});
    world.controlled("PATCH", "/apps/pollbot", &changed);
    let select = json!({"type": "external_select", "action_id": "bug", "placeholder": plain("Bug"), "min_query_length": 0});
    let blocks = actions(&json!([button("go", "Go", "1"), select]));
    let ts = text_of(&posted(&world, &json!({"channel": GENERAL, "text": "x", "blocks": blocks})), "ts");
    let mut socket = Socket::open(&world, "xapp-poll");
    let url = world.server.url.clone();
    // What ben does, the envelope that comes, and what he sees when it is acknowledged with this.
    let mut run = |what: &str, body: &Value, kind: &str, ack: &dyn Fn(&Value) -> Value| {
        let path = format!("/workspaces/T01ACME/people/ben/{what}");
        std::thread::scope(|scope| {
            let done = scope.spawn(|| control(&url, "POST", &path, body));
            let envelope = socket.envelope(kind);
            assert_eq!(envelope["accepts_response_payload"], true);
            socket.acknowledge(&envelope, &ack(&envelope["payload"]));
            let answer = done.join().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            (envelope["payload"].clone(), answer.json)
        })
    };
    let on = json!({"channel": "general", "ts": ts});
    let (payload, _) =
        run("actions", &and(on.clone(), &json!({"action": "Go"})), "interactive", &|_| Value::Null);
    assert_eq!(
        (&payload["type"], &payload["actions"][0]["action_id"]),
        (&json!("block_actions"), &json!("go"))
    );
    let options = json!({"options": [{"text": plain("Seven"), "value": "7"}]});
    let asked = and(on, &json!({"action": "Bug", "query": "se"}));
    let (payload, offered) = run("suggestions", &asked, "interactive", &|_| options.clone());
    assert_eq!((&payload["type"], offered), (&json!("block_suggestion"), options.clone()));
    let command = json!({"channel": "general", "command": "/poll tea"});
    let (payload, answered) = run("commands", &command, "slash_commands", &|payload| {
        let view = json!({"type": "modal", "title": plain("T"), "submit": plain("Save"), "blocks": [
            {"type": "input", "block_id": "i", "label": plain("Why"), "element": {"type": "plain_text_input", "action_id": "why"}}]});
        let args = json!({"trigger_id": payload["trigger_id"], "view": view});
        assert_eq!(slack(&url, POLL, "views.open", &args).code(), "ok");
        json!({"text": "asking", "response_type": "in_channel"})
    });
    assert_eq!((&payload["text"], &payload["is_enterprise_install"]), (&json!("tea"), &json!("false")));
    assert_eq!(answered, json!({"answered": true}));
    world.controlled("POST", "/wait", &json!({"channel": "general", "text": "asking", "timeout_ms": 5000}));
    let open = world.controlled("GET", "/people/ben/views", &Value::Null);
    let submit = format!("views/{}/submit", text_of(&open["views"][0], "id"));
    let inputs = json!({"inputs": {"Why": "so"}});
    let errors = json!({"response_action": "errors", "errors": {"i": "longer"}});
    let (payload, submitted) = run(&submit, &inputs, "interactive", &|_| errors.clone());
    assert_eq!(payload["type"], "view_submission");
    assert_eq!(submitted, json!({"kind": "errors", "errors": {"i": "longer"}}));
    let (_, submitted) = run(&submit, &inputs, "interactive", &|_| json!({}));
    assert_eq!(submitted, json!({"kind": "close"}));
}
