//! Installing an app: a code of the control API or the command line becomes tokens, once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::support::{Folder, Server, redraft};
use crate::world::*;

const CLIENT: (&str, &str) = ("1.23", "client-secret");
const HERE: &str = "https://app.example/oauth";

/// An app that can be installed.
fn world() -> World {
    let world = World::new();
    add_app(&world);
    world
}

fn add_app(world: &World) {
    let app = json!({"kind": "slack", "name": "sold", "id": "A01SOLD", "bot_user_id": "U01SOLD",
        "client_id": CLIENT.0, "client_secret": CLIENT.1, "redirect_urls": [HERE],
        "scopes": ["chat:write", "channels:read"], "user_scopes": ["users:read"]});
    world.controlled("POST", "/apps", &app);
}

fn code(world: &World, body: &Value) -> String {
    text_of(&world.controlled("POST", "/apps/sold/codes", body), "code")
}

fn access(world: &World, headers: &[(&str, &str)], args: &Value) -> Answer {
    let url = format!("{}/api/oauth.v2.access", world.server.url);
    let form = client::form(args);
    client::send("POST", &url, headers, ("application/x-www-form-urlencoded", form.as_bytes()))
}

#[test]
fn a_code_becomes_tokens() {
    let world = world();
    let code = code(&world, &json!({"user": "cleo"}));
    let args = json!({"client_id": CLIENT.0, "client_secret": CLIENT.1, "code": code});
    let answer = access(&world, &[], &args);
    assert_eq!(answer.code(), "ok", "{}", answer.body);
    let json = &answer.json;
    assert_eq!(
        (&json["token_type"], &json["scope"], &json["bot_user_id"], &json["app_id"], &json["enterprise"]),
        (
            &json!("bot"),
            &json!("channels:read,chat:write"),
            &json!("U01SOLD"),
            &json!("A01SOLD"),
            &Value::Null
        )
    );
    assert_eq!(
        (&json["team"], &json["is_enterprise_install"]),
        (&json!({"id": "T01ACME", "name": "Acme"}), &json!(false))
    );
    let person = &json["authed_user"];
    assert_eq!(
        (&person["id"], &person["scope"], &person["token_type"]),
        (&json!("U01CLEO"), &json!("users:read"), &json!("user"))
    );
    let (bot, user) = (text_of(json, "access_token"), text_of(person, "access_token"));
    assert!(bot.starts_with("xoxb-") && user.starts_with("xoxp-"));
    assert_eq!(world.ok(&bot, "auth.test", &json!({}))["user_id"], "U01SOLD");
    assert_eq!(world.ok(&user, "auth.test", &json!({}))["user_id"], "U01CLEO");
    world.post(&bot, GENERAL, "installed");
    assert_eq!(world.slack(&user, "chat.postMessage", &json!({"channel": GENERAL})).code(), "missing_scope");
    // Once, by HTTP Basic as well as by arguments.
    let again = access(&world, &[], &args);
    assert_eq!(again.code(), "invalid_code");
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    let next = self::code(&world, &json!({"user": "cleo", "redirect_uri": HERE}));
    let args = json!({"code": next, "redirect_uri": HERE, "grant_type": "authorization_code"});
    assert_eq!(access(&world, &[("authorization", &basic)], &args).code(), "ok");
    assert_ne!(access(&world, &[("authorization", "Basic nonsense")], &args).code(), "ok");
    // Secrets are in no log.
    let log = world.server.log.lock().unwrap().clone();
    assert!(![&*bot, &*user, &*code, CLIENT.1].iter().any(|secret| log.contains(secret)), "{log}");
}

#[test]
fn what_is_refused() {
    let world = world();
    world.controlled(
        "POST",
        "/apps",
        &json!({"kind": "slack", "name": "silent", "client_id": "4.56",
        "client_secret": "other", "scopes": []}),
    );
    let (id, secret) = CLIENT;
    let fresh = || code(&world, &json!({"user": "cleo"}));
    for (args, expected) in [
        (json!({}), "invalid_client_id"),
        (json!({"client_id": "9.9", "client_secret": secret, "code": fresh()}), "invalid_client_id"),
        (json!({"client_id": "A01SOLD", "client_secret": secret, "code": fresh()}), "invalid_client_id"),
        (json!({"client_id": id, "client_secret": "wrong", "code": fresh()}), "bad_client_secret"),
        (json!({"client_id": id, "code": fresh()}), "bad_client_secret"),
        (json!({"client_id": id, "client_secret": secret}), "invalid_code"),
        (json!({"client_id": id, "client_secret": secret, "code": "nonsense"}), "invalid_code"),
        (
            json!({"client_id": id, "client_secret": secret, "code": fresh(), "redirect_uri": "https://evil.example"}),
            "bad_redirect_uri",
        ),
        (
            json!({"client_id": id, "client_secret": secret, "code": fresh(), "grant_type": "password"}),
            "invalid_grant_type",
        ),
        (
            json!({"client_id": id, "client_secret": secret, "grant_type": "refresh_token", "refresh_token": "x"}),
            "invalid_grant_type",
        ),
        (json!({"client_id": id, "client_secret": secret, "refresh_token": "x"}), "invalid_refresh_token"),
        (
            json!({"client_id": id, "client_secret": secret, "code": fresh(), "code_verifier": "x"}),
            "pkce_not_allowed",
        ),
    ] {
        let before = world.log_end();
        let answer = access(&world, &[], &args);
        assert_eq!(answer.code(), expected, "{args}: {}", answer.body);
        assert!(!answer.reasons().is_empty(), "{args}");
        assert_eq!(world.log_end(), before, "{args}");
    }
    let silent = world.controlled("POST", "/apps/silent/codes", &json!({"user": "cleo"}));
    let args = json!({"client_id": "4.56", "client_secret": "other", "code": silent["code"]});
    assert_eq!(access(&world, &[], &args).code(), "no_scopes");
    // Another app's code is none of this one's.
    let args = json!({"client_id": "4.56", "client_secret": "other", "code": fresh()});
    assert_eq!(access(&world, &[], &args).code(), "invalid_code");
    // Ten minutes by the workspace's clock.
    let late = fresh();
    world.controlled("POST", "/clock", &json!({"advance_ms": 600_000}));
    let args = json!({"client_id": id, "client_secret": secret, "code": late});
    assert_eq!(access(&world, &[], &args).code(), "invalid_code");
    for (app, body, outcome) in [
        ("nobody", json!({}), "404 not_found"),
        ("helpdesk", json!({}), "400 bad_request"),
        ("sold", json!({"user": "nobody"}), "404 not_found"),
    ] {
        assert_eq!(world.control("POST", &format!("/apps/{app}/codes"), &body).outcome(), outcome, "{app}");
    }
}

/// The command line makes codes as well, and what is installed stays after a restart.
#[test]
fn from_the_command_line() {
    let folder = Folder::new("oauth");
    let data = folder.join("data");
    let world = World::on(Server::in_folder(&data));
    add_app(&world);
    let made = redraft()
        .args(["app", "--data", data.to_str().unwrap(), "code", "sold", "--user", "cleo"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let shown: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(shown["client_id"], CLIENT.0);
    let args = json!({"client_id": CLIENT.0, "client_secret": CLIENT.1, "code": shown["code"]});
    drop(world);
    let world = World::on(Server::in_folder(&data));
    let token = text_of(&access(&world, &[], &args).json, "access_token");
    drop(world);
    let world = World::on(Server::in_folder(&data));
    assert_eq!(access(&world, &[], &args).code(), "invalid_code", "used before the restart");
    assert_eq!(world.ok(&token, "auth.test", &json!({}))["user_id"], "U01SOLD");
}
