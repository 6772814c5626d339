//! The control API: every operation with its refusals, its own description, and many workspaces on one server.

use std::time::Instant;

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

/// Verb, path below the workspace, body, status and code, a place in the answer with its value.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("GET", "", "", "200", "/domain", "\"acme\""),
    (
        "PATCH",
        "",
        r#"{"settings":{"edit_window_seconds":60,"only_admins_delete":true}}"#,
        "200",
        "/settings/edit_window_seconds",
        "60",
    ),
    ("PATCH", "", r#"{"settings":{}}"#, "200", "/settings/edit_window_seconds", "60"),
    (
        "PATCH",
        "",
        r#"{"settings":{"edit_window_seconds":null}}"#,
        "200",
        "/settings/only_admins_delete",
        "true",
    ),
    (
        "PATCH",
        "",
        r#"{"settings":{"only_admins_delete":false}}"#,
        "200",
        "/settings/edit_window_seconds",
        "null",
    ),
    ("PATCH", "", r#"{"settings":{"edit_window_seconds":-1}}"#, "400 bad_request", "", ""),
    ("PATCH", "", r#"{"settings":{"odd":1}}"#, "400 bad_request", "", ""),
    ("PATCH", "", "{}", "400 bad_request", "", ""),
    ("PATCH", "", r#"{"name":"Acme Limited"}"#, "200", "/name", "\"Acme Limited\""),
    ("PATCH", "", r#"{"name":"Acme","settings":{}}"#, "200", "/name", "\"Acme\""),
    ("PATCH", "", r#"{"name":""}"#, "400 bad_request", "", ""),
    ("POST", "/clock", r#"{"advance_ms":1000}"#, "200", "", ""),
    ("POST", "/clock", r#"{"advance_ms":-1}"#, "400 bad_request", "", ""),
    ("POST", "/clock", r#"{"advance_ms":9223372036854775807}"#, "400 bad_request", "", ""),
    ("POST", "/clock", r#"{"advance_ms":315360000001}"#, "400 bad_request", "", ""),
    ("POST", "/clock", r#"{"advance_ms":"soon"}"#, "400 bad_request", "", ""),
    ("GET", "/people", "", "200", "/people/0/name", "\"ada\""),
    (
        "POST",
        "/people",
        r#"{"name":"dora","id":"U01DORA","member_id":"29:1dora","directory_id":"d-1","email":"dora@acme.example","real_name":"Dora"}"#,
        "201",
        "/id",
        "\"U01DORA\"",
    ),
    ("POST", "/people", r#"{"name":"dora"}"#, "409 taken", "", ""),
    ("POST", "/people", r#"{"name":"dora2","id":"U01DORA"}"#, "409 taken", "", ""),
    ("POST", "/people", r#"{"name":"dora2","email":"DORA@acme.example"}"#, "409 taken", "", ""),
    ("POST", "/people", r#"{"name":""}"#, "400 bad_request", "", ""),
    ("POST", "/people", "{}", "400 bad_request", "", ""),
    ("POST", "/people", r#"{"name":"x","odd":1}"#, "400 bad_request", "", ""),
    ("PATCH", "/people/dora", r#"{"admin":true}"#, "200", "/admin", "true"),
    (
        "PATCH",
        "/people/U01DORA",
        r#"{"admin":false,"real_name":"Dora D"}"#,
        "200",
        "/real_name",
        "\"Dora D\"",
    ),
    ("PATCH", "/people/29:1dora", r#"{"deactivated":true}"#, "200", "/deactivated", "true"),
    ("PATCH", "/people/dora", r#"{"name":"ada"}"#, "409 taken", "", ""),
    ("PATCH", "/people/nobody", r#"{"admin":true}"#, "404 not_found", "", ""),
    ("GET", "/channels", "", "200", "/channels/0/conversation_id", "\"19:general@thread.tacv2\""),
    (
        "POST",
        "/channels",
        r#"{"name":"ops","id":"C01OPS","conversation_id":"19:ops@thread.tacv2","members":["ada"]}"#,
        "201",
        "/members",
        r#"["U01ADA"]"#,
    ),
    ("POST", "/channels", r#"{"name":"ops"}"#, "409 taken", "", ""),
    ("POST", "/channels", r#"{"name":"ops2","id":"C01OPS"}"#, "409 taken", "", ""),
    ("POST", "/channels", r#"{"name":"ops2","members":["nobody"]}"#, "404 not_found", "", ""),
    ("POST", "/channels", r#"{"name":""}"#, "400 bad_request", "", ""),
    ("POST", "/channels", r#"{"name":"secret","private":true}"#, "201", "/kind", "\"private\""),
    ("PATCH", "/channels/ops", r#"{"archived":true}"#, "200", "/archived", "true"),
    ("PATCH", "/channels/C01OPS", r#"{"archived":false}"#, "200", "/archived", "false"),
    ("PATCH", "/channels/ops", "{}", "400 bad_request", "", ""),
    ("PATCH", "/channels/ops", r#"{"name":"operations"}"#, "200", "/name", "\"operations\""),
    ("PATCH", "/channels/operations", r#"{"name":"ops","archived":false}"#, "200", "/name", "\"ops\""),
    ("PATCH", "/channels/ops", r#"{"name":"random"}"#, "409 taken", "", ""),
    ("PATCH", "/channels/ops", r#"{"name":""}"#, "400 bad_request", "", ""),
    ("PATCH", "/channels/nowhere", r#"{"archived":true}"#, "404 not_found", "", ""),
    (
        "GET",
        "/channels/ops/messages",
        "",
        "200",
        "/messages/0/text",
        r#""<@U01ADA> has renamed the channel from \"operations\" to \"ops\"""#,
    ),
    ("GET", "/channels/ops/messages?limit=odd", "", "400 bad_request", "", ""),
    ("GET", "/channels/ops/messages?thread_ts=odd", "", "400 bad_request", "", ""),
    ("GET", "/channels/nowhere/messages", "", "404 not_found", "", ""),
    ("PUT", "/channels/ops/members/ben", "", "200", "/members", r#"["U01ADA","U01BEN"]"#),
    ("PUT", "/channels/ops/members/ben", "", "200", "/members", r#"["U01ADA","U01BEN"]"#),
    ("PUT", "/channels/ops/members/nobody", "", "404 not_found", "", ""),
    ("DELETE", "/channels/19:ops@thread.tacv2/members/U01BEN", "", "200", "/members", r#"["U01ADA"]"#),
    ("DELETE", "/channels/nowhere/members/ben", "", "404 not_found", "", ""),
    ("GET", "/apps", "", "200", "/apps/0/bot_user_id", "\"U01DEPLOY\""),
    (
        "POST",
        "/apps",
        r#"{"kind":"slack","name":"new","id":"A01NEW","bot_token":"xoxb-new","channels":["ops"],"installed_by":"cleo"}"#,
        "201",
        "/installed_by",
        "\"U01CLEO\"",
    ),
    (
        "POST",
        "/apps",
        r#"{"kind":"teams","name":"teamsy","app_id":"33333333-0000-4000-8000-000000000009","app_password":"p"}"#,
        "201",
        "/app_password",
        "\"p\"",
    ),
    ("POST", "/apps", r#"{"kind":"slack","name":"new"}"#, "409 taken", "", ""),
    ("POST", "/apps", r#"{"kind":"slack","name":"other","bot_token":"xoxb-new"}"#, "409 taken", "", ""),
    (
        "POST",
        "/apps",
        r#"{"kind":"teams","name":"other","app_id":"33333333-0000-4000-8000-000000000009"}"#,
        "409 taken",
        "",
        "",
    ),
    ("POST", "/apps", r#"{"kind":"discord","name":"x"}"#, "400 bad_request", "", ""),
    ("POST", "/apps", r#"{"kind":"slack"}"#, "400 bad_request", "", ""),
    ("POST", "/apps", r#"{"kind":"slack","name":"x","channels":["nowhere"]}"#, "404 not_found", "", ""),
    ("POST", "/apps", r#"{"kind":"slack","name":"x","installed_by":"nobody"}"#, "404 not_found", "", ""),
    ("DELETE", "/apps/new", "", "200", "", "{}"),
    ("DELETE", "/apps/nothing", "", "404 not_found", "", ""),
    ("GET", "/tokens", "", "200", "/tokens/0/token", "null"),
    (
        "POST",
        "/tokens",
        r#"{"app":"deploybot","user":"ben","token":"xoxp-more","scopes":["chat:write"],"expires_in_seconds":60}"#,
        "201",
        "/token",
        "\"xoxp-more\"",
    ),
    ("POST", "/tokens", r#"{"app":"deploybot","token":"xoxp-more"}"#, "409 taken", "", ""),
    ("POST", "/tokens", r#"{"app":"nothing"}"#, "404 not_found", "", ""),
    ("POST", "/tokens", r#"{"app":"deploybot","user":"nobody"}"#, "404 not_found", "", ""),
    ("POST", "/tokens", "{}", "400 bad_request", "", ""),
    ("POST", "/tokens/xoxp-none/rotate", "", "404 not_found", "", ""),
    ("DELETE", "/tokens/xoxp-more", "", "200", "", "{}"),
    ("POST", "/tokens/xoxp-more/rotate", "", "404 not_found", "", ""),
    ("DELETE", "/tokens/xoxp-none", "", "404 not_found", "", ""),
    ("GET", "/log?limit=1", "", "200", "/next", "1"),
    ("GET", "/log?after=odd", "", "400 bad_request", "", ""),
    ("GET", "/log?after=99999999&wait_ms=1", "", "200", "/events", "[]"),
    ("POST", "/wait", r#"{"channel":"attic","timeout_ms":1}"#, "408 timeout", "", ""),
    ("POST", "/wait", r#"{"channel":"nowhere"}"#, "404 not_found", "", ""),
    ("POST", "/wait", r#"{"channel":"general","ts":"odd"}"#, "400 bad_request", "", ""),
    ("POST", "/wait", "{}", "400 bad_request", "", ""),
    ("POST", "/wait", r#"{"channel":"general","odd":1}"#, "400 bad_request", "", ""),
    ("POST", "/nothing", "", "404 not_found", "", ""),
    ("PUT", "/people", "", "404 not_found", "", ""),
    ("POST", "/reset", "", "200", "/id", "\"T01ACME\""),
    ("DELETE", "", "", "200", "", "{}"),
    ("GET", "", "", "404 not_found", "", ""),
    ("DELETE", "", "", "404 not_found", "", ""),
];

#[test]
fn every_operation_and_its_refusals() {
    let world = World::new();
    for (verb, path, body, outcome, pointer, expected) in ROWS {
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        let answer = world.control(verb, path, &body);
        assert_eq!(answer.outcome(), *outcome, "{verb} {path} {body}: {}", answer.body);
        if !expected.is_empty() {
            assert_eq!(at(&answer.json, pointer).to_string(), *expected, "{verb} {path}: {}", answer.body);
        }
        if answer.status >= 400 {
            assert!(!answer.json["error"]["message"].as_str().unwrap().is_empty(), "{}", answer.body);
        }
    }
    for (path, headers, status) in [
        ("/workspaces", vec![], 401),
        ("/workspaces", vec![("authorization", "Bearer wrong")], 401),
        ("/workspaces", vec![("authorization", "control-of-tests")], 401),
        ("/nothing", vec![], 401),
        ("/openapi.json", vec![], 200),
        ("/workspaces", vec![("authorization", "Bearer control-of-tests")], 200),
        ("/nothing", vec![("authorization", "Bearer control-of-tests")], 404),
    ] {
        let url = format!("{}/control{path}", world.server.url);
        assert_eq!(client::send("GET", &url, &headers, ("", b"")).status, status, "{path}");
    }
    println!("control: {} rows", ROWS.len() + 7);
    assert!(!world.server.log.lock().unwrap().contains("panicked"));
}

/// Each operation of the served description is there, with its own example as body.
#[test]
fn the_description_is_true() {
    let world = World::new();
    let document = client::send("GET", &format!("{}/control/openapi.json", world.server.url), &[], ("", b""));
    assert_eq!(document.json["openapi"], "3.1.0");
    let mut count = 0;
    for (path, verbs) in document.json["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            assert!(operation["summary"].is_string());
            is_true(path, verb, operation);
            count += 1;
        }
    }
    assert_eq!(count, 61);
}

fn is_true(path: &str, verb: &str, operation: &Value) {
    let fresh = World::new();
    let made = fresh.controlled("POST", "/tokens", &json!({"app": "deploybot"}));
    let bot = Bot::of(&fresh, "helpdesk");
    let own = fresh.controlled("POST", "/people/ben/messages", &json!({"channel": "random", "text": "mine"}));
    let hook = fresh.controlled("POST", "/apps/deploybot/webhooks", &json!({ "channel": "general" }));
    let slack = ["/shortcuts", "/commands", "/suggestions", "/views"].iter().any(|it| path.contains(it));
    let slack = slack.then(|| crate::modals::stage(&fresh));
    fresh.controlled("POST", "/user-groups", &json!({"handle": "team"}));
    let of_slack = ["/webhooks", "/codes", "/rate-limits", "/secrets"].iter().any(|it| path.contains(it));
    let concrete = [
        ("{view}", slack.as_ref().map_or("", |it| it.1.as_str())),
        ("{workspace}", "T01ACME"),
        ("{person}", "ben"),
        ("{channel}", "random"),
        ("{member}", "cleo"),
        ("{app}", if of_slack { "deploybot" } else { "helpdesk" }),
        ("{group}", "team"),
        ("{webhook}", hook["id"].as_str().unwrap()),
        ("{ts}", own["ts"].as_str().unwrap()),
        ("{token}", made["id"].as_str().unwrap()),
        ("{kind}", "signing_secret"),
    ]
    .iter()
    .fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    let mut example = at(operation, "/requestBody/content/application~1json/example").clone();
    if example.get("timeout_ms").is_some() {
        example["timeout_ms"] = 1.into();
    }
    if let (Some((.., ts)), true) = (&slack, example.get("ts").is_some()) {
        example["ts"] = ts.as_str().into();
    } else if path.contains("/people/{person}/") && example.get("ts").is_some() {
        let (channel, ts) = something_to_press(&fresh, path.ends_with("/stop"));
        example["channel"] = channel.into();
        example["ts"] = ts.into();
    }
    if concrete == "/control/workspaces" && verb == "post" {
        // The example's tokens are the declared world's.
        fresh.controlled("DELETE", "", &Value::Null);
    }
    let path_below = concrete.trim_start_matches("/control");
    if path.ends_with("/token/old") {
        control(&fresh.server.url, "POST", "/token/rotate", &json!({}));
    }
    if let Some(secrets) = path_below.strip_suffix("/signing_secret") {
        control(&fresh.server.url, "POST", secrets, &json!({"kind": "signing_secret"}));
    }
    let answer = control(&fresh.server.url, &verb.to_uppercase(), path_below, &example);
    let expected = if operation["responses"].get("201").is_some() { 201 } else { 200 };
    let waited = path.ends_with("/wait") && answer.status == 408;
    assert!(answer.status == expected || waited, "{verb} {path}: {} {}", answer.status, answer.body);
    drop(bot);
}

/// A message of a bot with a form and feedback buttons; or one that streams in.
fn something_to_press(world: &World, streams: bool) -> (String, String) {
    let token = world.bot(HELPDESK);
    let chat =
        world.controlled("POST", "/people/ben/messages", &json!({"to": ["helpdesk"], "text": "hello"}));
    let mut activity = json!({
        "type": "message",
        "channelData": {"feedbackLoopEnabled": true},
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
            "type": "AdaptiveCard",
            "body": [{"type": "Input.Text", "id": "drink"}],
            "actions": [{"type": "Action.Submit", "title": "Vote"}],
        }}],
    });
    if streams {
        let step = json!({"type": "streaminfo", "streamType": "streaming", "streamSequence": 1});
        activity = json!({"type": "typing", "text": "And", "entities": [step]});
    }
    let path = format!("/{}/activities", chat["conversation_id"].as_str().unwrap());
    let id = text_of(&world.connector(&token, "POST", &path, &activity).json, "id");
    (text_of(&chat, "channel"), format!("{}.{}", &id[..10], &id[10..]))
}

/// Five hundred workspaces are made, used in both dialects, and dropped.
#[test]
fn five_hundred_workspaces() {
    let world = World::new();
    let url = &world.server.url;
    let start = Instant::now();
    let mut ids = Vec::new();
    for n in 0..500 {
        let made = control(url, "POST", "/workspaces", &Value::Null);
        assert_eq!(made.status, 201, "{}", made.body);
        let json = &made.json;
        let token = json["apps"][0]["bot_token"].as_str().unwrap();
        let channel = json["channels"][0]["id"].as_str().unwrap();
        let posted = slack(url, token, "chat.postMessage", &json!({"channel": channel, "text": "one"}));
        let named = json!({"channel": channel, "ts": posted.json["ts"], "text": "two"});
        assert_eq!(slack(url, token, "chat.update", &named).code(), "ok");
        let history = slack(url, token, "conversations.history", &named);
        assert_eq!(history.json["messages"][0]["text"], "two");
        assert_eq!(slack(url, token, "chat.delete", &named).code(), "ok");
        if n % 25 == 0 {
            in_the_connector(&world, json);
        }
        ids.push(json["workspace"]["id"].as_str().unwrap().to_owned());
    }
    let used = start.elapsed();
    let start = Instant::now();
    for id in &ids {
        assert_eq!(control(url, "DELETE", &format!("/workspaces/{id}"), &Value::Null).status, 200);
    }
    println!("control: 500 workspaces made and used in {used:?}, dropped in {:?}", start.elapsed());
    let left = control(url, "GET", "/workspaces", &Value::Null);
    assert_eq!(left.json["workspaces"].as_array().unwrap().len(), 1);
    world.is_well();
}

fn in_the_connector(world: &World, made: &Value) {
    let app = &made["apps"][2];
    let tenant = made["workspace"]["tenant_id"].as_str().unwrap();
    let bot = world.bot_at(tenant, (app["app_id"].as_str().unwrap(), app["app_password"].as_str().unwrap()));
    let path = format!("/{}/activities", made["channels"][0]["conversation_id"].as_str().unwrap());
    let sent = world.connector(&bot, "POST", &path, &message("one"));
    let path = format!("{path}/{}", text_of(&sent.json, "id"));
    assert_eq!(world.connector(&bot, "PUT", &path, &message("two")).status, 200);
    assert_eq!(world.connector(&bot, "DELETE", &path, &Value::Null).status, 200);
}

/// Two runs on one declaration give the same ids, given or not; secrets that are not given differ.
#[test]
fn the_same_ids_on_every_run() {
    let folder = Folder::new("seeds");
    let bare = folder.join("bare.yaml");
    std::fs::write(&bare, "people: [{name: ada, admin: true}, {name: ben}]\nchannels: [{name: general}, {name: ops, private: true}]\napps: [{kind: slack, name: bot}, {kind: teams, name: helper}]\n").unwrap();
    let given = crate::support::seed();
    for (seed, given) in [(given, true), (bare, false)] {
        let runs: Vec<Value> = (0..2)
            .map(|_| Server::start(&["--memory", "--seed", seed.to_str().unwrap()]).ready.clone())
            .collect();
        let ids = |ready: &Value| {
            let mut ready = ready.clone();
            for name in ["url", "service_url", "control_token", "tokens"] {
                ready.as_object_mut().unwrap().remove(name);
            }
            for list in ["people", "apps"] {
                for item in ready[list].as_array_mut().unwrap() {
                    let hidden =
                        |name: &str| ["token", "secret", "password"].iter().any(|it| name.ends_with(it));
                    item.as_object_mut().unwrap().retain(|name, _| !hidden(name));
                }
            }
            ready
        };
        assert_eq!(ids(&runs[0]), ids(&runs[1]));
        assert_eq!(runs[0]["apps"][0]["bot_token"] == runs[1]["apps"][0]["bot_token"], given);
    }
}

/// A reset workspace has the ids and tokens of its declaration, no messages, and its clock without offset.
#[test]
fn reset_and_clock() {
    let world = World::new();
    let before = world.controlled("GET", "", &Value::Null);
    let first = world.post(DEPLOY, GENERAL, "before");
    let seconds = |ts: &str| ts.split('.').next().unwrap().parse::<u64>().unwrap();
    let moved = world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    let second = world.post(DEPLOY, GENERAL, "an hour later");
    let apart = seconds(&second) - seconds(&first);
    assert!((3600..3660).contains(&apart), "{apart}");
    assert!(seconds(moved["now"].as_str().unwrap()) <= seconds(&second));
    assert_eq!(world.controlled("GET", "", &Value::Null)["clock_offset_ms"], 3_600_000);
    world.controlled("POST", "/people", &json!({"name": "dora"}));
    world.controlled("DELETE", "/tokens/xoxb-poll", &Value::Null);
    assert_eq!(world.controlled("POST", "/reset", &Value::Null), before);
    assert_eq!(world.slack(POLL, "auth.test", &json!({})).code(), "ok");
    assert_eq!(
        world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}))["messages"],
        json!([])
    );
    let people = world.controlled("GET", "/people", &Value::Null);
    assert_eq!(people["people"].as_array().unwrap().len(), 3);
    let log = world.controlled("GET", "/log", &Value::Null);
    assert_eq!(log["events"][0]["type"], "workspace_created");
}

/// A wait is answered by the message it waits for, and the log by its next event.
#[test]
fn waiting() {
    let world = World::new();
    let ts = world.post(DEPLOY, GENERAL, "Build 7 started");
    let url = world.server.url.clone();
    let wait = move |body: Value| {
        let url = url.clone();
        std::thread::spawn(move || control(&url, "POST", "/workspaces/T01ACME/wait", &body))
    };
    let passed =
        wait(json!({"channel": "general", "contains": "passed", "revision": 2, "timeout_ms": 60_000}));
    let exact = wait(
        json!({"channel": "C01GENERAL", "ts": ts, "text": "Build 7 passed", "user": "U01DEPLOY", "timeout_ms": 60_000}),
    );
    let reply =
        wait(json!({"channel": "general", "thread_ts": ts, "contains": "thanks", "timeout_ms": 60_000}));
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "Build 7 passed"}));
    world.reply(BEN, GENERAL, &ts, "thanks");
    for waiting in [passed, exact] {
        let answer = waiting.join().unwrap();
        assert_eq!((answer.status, &answer.json["message"]["revision"]), (200, &json!(2)), "{}", answer.body);
    }
    assert_eq!(reply.join().unwrap().json["message"]["text"], "thanks");
    let other = world.post(DEPLOY, GENERAL, "short-lived");
    let gone = wait(json!({"channel": "general", "ts": other, "deleted": true, "timeout_ms": 60_000}));
    let stone = wait(json!({"channel": "general", "ts": ts, "deleted": true, "timeout_ms": 60_000}));
    world.delete(DEPLOY, GENERAL, &other);
    world.delete(DEPLOY, GENERAL, &ts);
    assert_eq!(gone.join().unwrap().json["message"], Value::Null);
    assert_eq!(stone.join().unwrap().json["message"]["deleted"], true);
    let late =
        world.control("POST", "/wait", &json!({"channel": "general", "contains": "never", "timeout_ms": 20}));
    assert_eq!(late.outcome(), "408 timeout");
    let end = world.log_end();
    let url = world.server.url.clone();
    let reader = std::thread::spawn(move || {
        control(&url, "GET", &format!("/workspaces/T01ACME/log?after={end}&wait_ms=60000"), &Value::Null)
    });
    let posted = world.post(DEPLOY, RANDOM, "next");
    let page = reader.join().unwrap().json;
    assert_eq!(
        (&page["events"][0]["type"], &page["events"][0]["message"]),
        (&json!("message_posted"), &json!(posted))
    );
    assert_eq!(page["events"][0]["position"], end + 1);
    assert_eq!(page["next"], end + 1);
}

/// The log has consecutive positions and says who did what; a batch of calls does not tear it.
#[test]
fn the_log() {
    let world = World::new();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let url = world.server.url.clone();
            std::thread::spawn(move || {
                for _ in 0..25 {
                    let posted =
                        slack(&url, DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": "x"}));
                    assert_eq!(posted.code(), "ok");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (mut after, mut posted, mut last) = (0, 0, String::new());
    loop {
        let page = world.controlled("GET", &format!("/log?after={after}&limit=7"), &Value::Null);
        let events = page["events"].as_array().unwrap().clone();
        if events.is_empty() {
            break;
        }
        for event in events {
            assert_eq!(event["position"], after + 1);
            after += 1;
            let ts = text_of(&event, "ts");
            assert!(last < ts, "{last} {ts}");
            last = ts;
            if event["type"] == "message_posted" {
                assert_eq!(
                    (&event["by"], &event["app"], &event["channel"]),
                    (&json!("U01DEPLOY"), &json!("A01DEPLOY"), &json!(GENERAL))
                );
                posted += 1;
            }
        }
    }
    assert_eq!(posted, 200);
}

/// Of two patches of one thing at once, each of another member, none is lost.
#[test]
fn two_patches_at_once() {
    const ROUNDS: usize = 40;
    type Change = fn(usize) -> Value;
    let rows: [(&str, Change, Change); 5] = [
        (
            "/people/ben",
            |round| json!({"real_name": format!("Ben {round}")}),
            |round| json!({"away": round.is_multiple_of(2)}),
        ),
        (
            "/apps/pollbot",
            |round| json!({"endpoint": format!("http://127.0.0.1:9/{round}")}),
            |round| json!({"socket_mode": round.is_multiple_of(2)}),
        ),
        (
            "/user-groups/oncall",
            |round| json!({"description": format!("Week {round}")}),
            |round| json!({"disabled": round.is_multiple_of(2)}),
        ),
        (
            "/channels/C01RANDOM",
            |round| json!({"name": if round.is_multiple_of(2) { "random" } else { "chatter" }}),
            |round| json!({"archived": round.is_multiple_of(2)}),
        ),
        (
            "",
            |round| json!({"name": format!("Acme {round}")}),
            |round| json!({"settings": {"edit_window_seconds": round}}),
        ),
    ];
    let world = World::new();
    world.controlled("POST", "/user-groups", &json!({"handle": "oncall", "name": "On call"}));
    let url = &world.server.url;
    let patch = |path: &str, body: &Value| {
        let answer = control(url, "PATCH", &format!("/workspaces/T01ACME{path}"), body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.body);
        answer.json
    };
    for (path, one, other) in rows {
        for round in 1..=ROUNDS {
            let (one, other) = (one(round), other(round));
            std::thread::scope(|scope| {
                scope.spawn(|| patch(path, &one));
                patch(path, &other);
            });
            // The same again changes nothing and shows what is there.
            let shown = patch(path, &other);
            for (member, value) in one.as_object().unwrap().iter().chain(other.as_object().unwrap()) {
                let same = match value {
                    Value::Object(inner) => inner.iter().all(|(name, value)| shown[member][name] == *value),
                    _ => shown[member] == *value,
                };
                assert!(same, "{path} {round}: {member} is {}, not {value}", shown[member]);
            }
        }
    }
}
