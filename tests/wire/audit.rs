//! The audit: each accepted change by the control API, and each change of rights, secrets or members by whatever way, stands
//! in the workspace's log once, with who and from where; a refusal leaves nothing, and no app hears of it.

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client;
use crate::support::{Folder, Server, redraft};
use crate::world::*;

/// Each operation that changes something by itself: verb, path, body, the act.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("patch", "", r#"{"name":"Other"}"#, "workspace_changed"),
    ("post", "/clock", r#"{"advance_ms":1}"#, "clock_advanced"),
    ("post", "/people", r#"{"name":"dora","id":"U01DORA"}"#, "person_added"),
    ("patch", "/people/{person}", r#"{"away":true}"#, "person_changed"),
    ("post", "/people/{person}/messages", r#"{"channel":"general","text":"a"}"#, "message_posted"),
    ("patch", "/people/{person}/messages/{channel}/{ts}", r#"{"text":"b"}"#, "message_updated"),
    (
        "post",
        "/people/{person}/reactions",
        r#"{"channel":"general","ts":"$ts","name":"eyes"}"#,
        "message_acted_on",
    ),
    (
        "delete",
        "/people/{person}/reactions",
        r#"{"channel":"general","ts":"$ts","name":"eyes"}"#,
        "message_acted_on",
    ),
    ("delete", "/people/{person}/messages/{channel}/{ts}", "null", "message_deleted"),
    ("post", "/channels", r#"{"name":"made","id":"C01MADE","members":["ada"]}"#, "channel_added"),
    ("patch", "/channels/{channel}", r#"{"name":"chatter"}"#, "channel_changed"),
    ("put", "/channels/{channel}/members/{member}", "null", "member_added"),
    ("delete", "/channels/{channel}/members/{member}", "null", "member_removed"),
    (
        "post",
        "/apps",
        r#"{"kind":"slack","name":"made","id":"A01MADE","bot_token":"xoxb-made"}"#,
        "app_added",
    ),
    ("patch", "/apps/{app}", r#"{"socket_mode":true}"#, "app_changed"),
    ("post", "/apps/{app}/webhooks", r#"{"channel":"general","installed_by":"ben"}"#, "webhook_added"),
    ("delete", "/apps/{app}/webhooks/{webhook}", "null", "webhook_removed"),
    ("post", "/apps/{app}/codes", r#"{"user":"ben"}"#, "code_made"),
    ("post", "/apps/{app}/secrets", r#"{"kind":"signing_secret","secret":"a-new-secret"}"#, "secret_changed"),
    ("delete", "/apps/{app}/secrets/{kind}", "null", "secret_withdrawn"),
    ("delete", "/apps/{app}", "null", "app_uninstalled"),
    ("post", "/user-groups", r#"{"handle":"oncall","id":"S01ONCALL"}"#, "user_group_added"),
    ("patch", "/user-groups/{group}", r#"{"disabled":true}"#, "user_group_changed"),
    ("post", "/tokens", r#"{"app":"deploybot","token":"xoxb-audited"}"#, "token_made"),
    ("post", "/tokens/{token}/rotate", "null", "token_rotated"),
    ("delete", "/tokens/{token}", "null", "token_revoked"),
    ("post", "/reset", "null", "workspace_reset"),
];

/// Operations on the whole server: verb, path, body, the act that each workspace's audit names.
const SERVER_ROWS: &[(&str, &str, &str, &str)] = &[
    ("POST", "/purge", "null", "server_purged"),
    ("POST", "/authority/rotate", r#"{"step":"publish"}"#, "signing_keys_turned"),
    ("POST", "/token/rotate", r#"{"old_valid_seconds":60}"#, "control_token_changed"),
    ("DELETE", "/token/old", "null", "control_token_withdrawn"),
];

/// Operations that read, wait or call an app, whose changes are those of the app's answer; that make a workspace, whose log
/// begins with it; or that end it with its log. They go to the log file.
const NOT_HERE: &[&str] = &[
    "post /workspaces",
    "delete /workspaces/{workspace}",
    "post /workspaces/{workspace}/people/{person}/typing",
    "post /workspaces/{workspace}/people/{person}/stop",
    "post /workspaces/{workspace}/people/{person}/actions",
    "post /workspaces/{workspace}/people/{person}/tasks",
    "post /workspaces/{workspace}/people/{person}/feedback",
    "post /workspaces/{workspace}/people/{person}/shortcuts",
    "post /workspaces/{workspace}/people/{person}/commands",
    "post /workspaces/{workspace}/people/{person}/suggestions",
    "post /workspaces/{workspace}/people/{person}/views/{view}/actions",
    "post /workspaces/{workspace}/people/{person}/views/{view}/submit",
    "post /workspaces/{workspace}/people/{person}/views/{view}/close",
    "post /workspaces/{workspace}/apps/{app}/deliveries/replay",
    "post /workspaces/{workspace}/apps/{app}/verify",
    "post /workspaces/{workspace}/apps/{app}/rate-limits",
    "post /workspaces/{workspace}/wait",
];

fn audit(world: &World) -> Vec<Value> {
    let page = world.controlled("GET", "/log?audit=true&limit=1000", &Value::Null);
    page["events"].as_array().unwrap().clone()
}

/// What has come to the audit since it had so many entries.
fn since(world: &World, count: usize) -> Vec<Value> {
    audit(world).split_off(count)
}

#[test]
fn every_operation_of_the_control_api() {
    let world = World::new();
    let document = control(&world.server.url, "GET", "/openapi.json", &Value::Null).json;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for verb in operations.as_object().unwrap().keys().filter(|verb| *verb != "get") {
            let path = path.strip_prefix("/control").unwrap();
            let here = path.strip_prefix("/workspaces/{workspace}");
            let in_rows = here
                .is_some_and(|path| ROWS.iter().any(|row| (row.0, row.1) == (verb.as_str(), path)))
                || SERVER_ROWS.iter().any(|row| (row.0, row.1) == (&*verb.to_uppercase(), path));
            assert_ne!(in_rows, NOT_HERE.contains(&&*format!("{verb} {path}")), "{verb} {path}");
        }
    }
    let (mut ts, mut webhook) = (String::new(), String::new());
    let mut secrets: Vec<String> = Vec::new();
    for (verb, path, body, act) in ROWS {
        let is_made = path.starts_with("/apps/");
        let path = path
            .replace("{person}", "ben")
            .replace("{channel}/{ts}", &format!("general/{ts}"))
            .replace("{channel}", RANDOM)
            .replace("{member}", "dora")
            .replace("{app}", if is_made { "made" } else { "deploybot" })
            .replace("{webhook}", &webhook)
            .replace("{kind}", "signing_secret")
            .replace("{group}", "oncall")
            .replace("{token}", "xoxb-audited");
        let path = if *verb == "delete" && path == "/tokens/xoxb-audited" {
            "/tokens/xoxb-poll".into()
        } else {
            path
        };
        let body = body.replace("$ts", &ts);
        let before = if *act == "workspace_reset" { 0 } else { audit(&world).len() };
        let answer = world.controlled(&verb.to_uppercase(), &path, &serde_json::from_str(&body).unwrap());
        let entries = since(&world, before);
        assert_eq!(entries.len(), 1, "{verb} {path}: {entries:?}");
        let entry = &entries[0];
        assert_eq!((&entry["type"], &entry["act"]), (&json!("audited"), &json!(act)), "{verb} {path}");
        assert_eq!(
            (&entry["via"], &entry["from"]),
            (&json!("control"), &json!("127.0.0.1")),
            "{verb} {path}"
        );
        let person = path.starts_with("/people/ben/").then_some("U01BEN");
        assert_eq!(entry["by"], json!(person), "{verb} {path}");
        let secret = ["token", "bot_token", "secret", "signing_secret", "client_secret", "code", "url"];
        secrets.extend(secret.iter().filter_map(|name| answer[name].as_str()).map(str::to_owned));
        let said = entry.to_string();
        assert!(secrets.iter().all(|secret| !said.contains(secret)), "{verb} {path}: {said}");
        if *act == "message_posted" {
            ts = text_of(&answer, "ts");
            assert_eq!(entry["on"], json!([GENERAL, ts]));
        }
        if *act == "webhook_added" {
            webhook = text_of(&answer, "url").rsplit('/').nth(1).unwrap().to_owned();
        }
    }
    println!("audit: {} operations", ROWS.len());
}

/// What is done to the whole server is in the audit of each of its workspaces, and a refused step in none.
#[test]
fn every_operation_on_the_server() {
    let world = World::new();
    let create = json!({"workspace": {"name": "Second", "id": "T02SECOND"}});
    let mut token = "control-of-tests".to_owned();
    let call = |token: &str, verb: &str, path: &str, body: &Value| {
        let url = format!("{}/control{path}", world.server.url);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        client::send(
            verb,
            &url,
            &[("authorization", &format!("Bearer {token}"))],
            ("application/json", &body),
        )
    };
    assert_eq!(call(&token, "POST", "/workspaces", &create).status, 201);
    let audits = |token: &str| {
        ["T01ACME", "T02SECOND"].map(|team| {
            let path = format!("/workspaces/{team}/log?audit=true&limit=1000");
            call(token, "GET", &path, &Value::Null).json["events"].as_array().unwrap().clone()
        })
    };
    for (verb, path, body, act) in SERVER_ROWS {
        let before = audits(&token).map(|audit| audit.len());
        let answer = call(&token, verb, path, &serde_json::from_str(body).unwrap());
        assert!(answer.status < 300, "{verb} {path}: {}", answer.json);
        if let Some(new) = answer.json["token"].as_str() {
            token = new.to_owned();
        }
        for (audit, before) in audits(&token).into_iter().zip(before) {
            assert_eq!(audit.len(), before + 1, "{verb} {path}: {audit:?}");
            let entry = &audit[before];
            assert_eq!((&entry["act"], &entry["on"]), (&json!(act), &json!([])), "{verb} {path}");
            assert_eq!((&entry["via"], &entry["from"]), (&json!("control"), &json!("127.0.0.1")));
        }
    }
    let before = audits(&token);
    for (verb, path, body) in [
        ("POST", "/authority/rotate", json!({"step": "publish"})),
        ("POST", "/token/rotate", json!({"old_valid_seconds": -1})),
        ("DELETE", "/token/old", Value::Null),
    ] {
        assert!(400 <= call(&token, verb, path, &body).status, "{verb} {path}");
    }
    assert_eq!(audits(&token), before);
}

#[test]
fn what_was_refused_or_changed_nothing() {
    let world = World::new();
    let before = audit(&world).len();
    for (verb, path, body) in [
        ("PATCH", "/people/nobody", json!({"away": true})),
        ("POST", "/people", json!({"name": "ada"})),
        ("POST", "/clock", json!({"advance_ms": -1})),
        ("POST", "/people/cleo/messages", json!({"channel": LEADS, "text": "x"})),
        ("PUT", "/channels/general/members/ada", Value::Null),
        ("GET", "/people", Value::Null),
    ] {
        world.control(verb, path, &body);
        assert_eq!(since(&world, before), Vec::<Value>::new(), "{verb} {path}");
    }
}

/// By Slack's own methods, with the token's person and app; and no app hears of it.
#[test]
fn members_and_rights_by_the_web_api() {
    let world = World::new();
    let bot = Bot::of_slack(&world, "deploybot", &["message.channels", "member_joined_channel"]);
    for (token, method, args, act, by, app) in [
        (BEN, "conversations.create", json!({"name": "made"}), "channel_created", "U01BEN", "A01DEPLOY"),
        (
            CLEO,
            "conversations.invite",
            json!({"channel": RANDOM, "users": "U01POLL"}),
            "members_added",
            "U01CLEO",
            "A01DEPLOY",
        ),
        (
            CLEO,
            "conversations.kick",
            json!({"channel": RANDOM, "user": "U01POLL"}),
            "member_removed",
            "U01CLEO",
            "A01DEPLOY",
        ),
        (POLL, "conversations.join", json!({"channel": RANDOM}), "member_joined", "U01POLL", "A01POLL"),
        (POLL, "conversations.leave", json!({"channel": RANDOM}), "member_left", "U01POLL", "A01POLL"),
        (POLL, "auth.revoke", json!({}), "token_revoked", "U01POLL", "A01POLL"),
    ] {
        let before = audit(&world).len();
        world.ok(token, method, &args);
        let entries = since(&world, before);
        assert_eq!(entries.len(), 1, "{method}: {entries:?}");
        let entry = &entries[0];
        assert_eq!((&entry["act"], &entry["by"], &entry["app"]), (&json!(act), &json!(by), &json!(app)));
        assert_eq!((&entry["via"], &entry["from"]), (&json!("slack"), &json!("127.0.0.1")), "{method}");
    }
    let before = audit(&world).len();
    world.post(BEN, GENERAL, "a message is no right");
    world.ok(BEN, "conversations.setTopic", &json!({"channel": GENERAL, "topic": "nor is a topic"}));
    assert_eq!(since(&world, before), Vec::<Value>::new());
    // The log without the audit, as it always was.
    let log = world.controlled("GET", "/log?limit=1000", &Value::Null);
    assert!(!log.to_string().contains("audited"));
    for heard in bot.wait_for(1) {
        assert!(!heard.activity.to_string().contains("audited"));
    }
}

#[test]
fn by_the_command_line() {
    let folder = Folder::new("audit");
    let data = folder.0.to_str().unwrap();
    let add = |name: &str| {
        let added = redraft().args(["user", "create", name, "--data", data]).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    };
    let server = Server::in_folder(&folder.0);
    add("dora");
    assert!(server.stop().success());
    add("eli");
    let world = World::on(Server::in_folder(&folder.0));
    let entries = audit(&world);
    for entry in &entries {
        assert_eq!((&entry["act"], &entry["via"]), (&json!("person_added"), &json!("command_line")));
        assert_eq!((&entry["from"], &entry["by"]), (&json!("command line"), &Value::Null));
    }
    assert_eq!(entries.len(), 2, "beside a running server and alone: {entries:?}");
}
