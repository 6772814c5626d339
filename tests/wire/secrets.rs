//! Secrets change without registering an app again, and the control API's token without a restart: the new one is good at
//! once, the old one for a while or until it is withdrawn.

use serde_json::{Value, json};

use crate::bot::Bot;
use crate::client;
use crate::support::{Folder, Server, redraft};
use crate::world::*;

const FORM: &str = "application/x-www-form-urlencoded";

fn change(world: &World, app: &str, body: &Value) -> String {
    text_of(&world.controlled("POST", &format!("/apps/{app}/secrets"), body), "secret")
}

fn goes_by(world: &World, seconds: u64) {
    world.controlled("POST", "/clock", &json!({"advance_ms": seconds * 1000}));
}

/// Which of these passwords give helpdesk a token, by both ways of asking.
fn good(world: &World, passwords: &[&str]) -> Vec<bool> {
    let ask = |password: &&str| {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={password}&scope=https%3A%2F%2Fapi.botframework.com%2F.default",
            HELPDESK.0
        );
        let url = format!("{}/{TENANT}/oauth2/v2.0/token", world.server.url);
        let token = client::send("POST", &url, &[], (FORM, form.as_bytes())).status == 200;
        let query =
            format!("api-version=2019-08-01&resource=https://api.botframework.com&client_id={}", HELPDESK.0);
        let url = format!("{}/msi/token?{query}", world.server.url);
        let identity = client::send("GET", &url, &[("x-identity-header", password)], ("", b"")).status == 200;
        assert_eq!(token, identity, "{password}");
        token
    };
    passwords.iter().map(ask).collect()
}

#[test]
fn a_teams_password() {
    let folder = Folder::new("secrets");
    let world = World::on(Server::in_folder(&folder.0));
    let old = HELPDESK.1;
    let new = change(&world, "helpdesk", &json!({"kind": "password", "old_valid_seconds": 3600}));
    assert_eq!(good(&world, &[old, &new, "guess"]), [true, true, false]);
    let shown = world.controlled("GET", "/apps", &Value::Null);
    assert!(!shown.to_string().contains(&new), "it is shown once");
    // A folder remembers both.
    assert!(world.server.stop().success());
    let world = World::on(Server::in_folder(&folder.0));
    assert_eq!(good(&world, &[old, &new]), [true, true]);
    goes_by(&world, 3000);
    assert_eq!(good(&world, &[old, &new]), [true, true]);
    goes_by(&world, 600);
    assert_eq!(good(&world, &[old, &new]), [false, true]);
    let third = change(&world, "helpdesk", &json!({"kind": "password", "secret": "brought-along"}));
    assert_eq!((third.as_str(), good(&world, &[&new, &third])), ("brought-along", vec![true, true]));
    // A third ends the first, and a withdrawal the one before.
    let fourth = change(&world, "helpdesk", &json!({"kind": "password"}));
    assert_eq!(good(&world, &[&new, &third, &fourth]), [false, true, true]);
    world.controlled("DELETE", "/apps/helpdesk/secrets/password", &Value::Null);
    assert_eq!(good(&world, &[&third, &fourth]), [false, true]);
    let fifth = change(&world, "helpdesk", &json!({"kind": "password", "old_valid_seconds": 0}));
    assert_eq!(good(&world, &[&fourth, &fifth]), [false, true]);
}

#[test]
fn a_client_secret() {
    let world = World::new();
    let app = json!({"kind": "slack", "name": "sold", "client_id": "1.2", "client_secret": "first", "scopes": ["chat:write"]});
    world.controlled("POST", "/apps", &app);
    let installs = |secret: &str| {
        let code = text_of(&world.controlled("POST", "/apps/sold/codes", &json!({"user": "ben"})), "code");
        let form = client::form(&json!({"client_id": "1.2", "client_secret": secret, "code": code}));
        let url = format!("{}/api/oauth.v2.access", world.server.url);
        client::send("POST", &url, &[], (FORM, form.as_bytes())).code().to_owned()
    };
    let new = change(&world, "sold", &json!({"kind": "client_secret", "old_valid_seconds": 60}));
    assert_eq!([installs("first"), installs(&new), installs("guess")], ["ok", "ok", "bad_client_secret"]);
    goes_by(&world, 60);
    assert_eq!([installs("first"), installs(&new)], ["bad_client_secret", "ok"]);
}

/// An app checks one signature and has to learn the new secret first; so calls are signed with the old one until it is over.
#[test]
fn a_signing_secret() {
    let world = World::new();
    let bot = Bot::of_slack(&world, "deploybot", &["message.channels"]);
    let mut told = 0;
    let mut signed_with = |secrets: [&str; 2]| {
        world.post(ADA, GENERAL, "who signed this?");
        told += 1;
        let heard = bot.wait_for(told).pop().unwrap();
        secrets.map(|secret| heard.is_signed(secret))
    };
    let old = "deploy-signing-secret";
    let new = change(&world, "deploybot", &json!({"kind": "signing_secret"}));
    assert_eq!(signed_with([old, &new]), [true, false]);
    world.controlled("DELETE", "/apps/deploybot/secrets/signing_secret", &Value::Null);
    assert_eq!(signed_with([old, &new]), [false, true]);
    let third = change(&world, "deploybot", &json!({"kind": "signing_secret", "old_valid_seconds": 60}));
    assert_eq!(signed_with([&new, &third]), [true, false]);
    goes_by(&world, 60);
    assert_eq!(signed_with([&new, &third]), [false, true]);
}

#[test]
fn what_is_refused() {
    let world = World::new();
    for (verb, path, body, outcome) in [
        ("POST", "/apps/nobody/secrets", r#"{"kind":"password"}"#, "404 not_found"),
        ("POST", "/apps/helpdesk/secrets", r#"{"kind":"odd"}"#, "400 bad_request"),
        ("POST", "/apps/helpdesk/secrets", r#"{"kind":"password","secret":""}"#, "400 bad_request"),
        (
            "POST",
            "/apps/helpdesk/secrets",
            r#"{"kind":"password","old_valid_seconds":7776001}"#,
            "400 bad_request",
        ),
        ("POST", "/apps/helpdesk/secrets", r#"{"kind":"signing_secret"}"#, "404 not_found"),
        ("POST", "/apps/helpdesk/secrets", r#"{"kind":"client_secret"}"#, "404 not_found"),
        ("POST", "/apps/deploybot/secrets", r#"{"kind":"password"}"#, "404 not_found"),
        ("DELETE", "/apps/helpdesk/secrets/password", "null", "404 not_found"),
        ("DELETE", "/apps/helpdesk/secrets/odd", "null", "400 bad_request"),
    ] {
        let before = world.log_end();
        let answer = world.control(verb, path, &serde_json::from_str(body).unwrap());
        assert_eq!(answer.outcome(), outcome, "{verb} {path} {body}: {}", answer.body);
        assert_eq!(world.log_end(), before, "{verb} {path} {body}");
    }
    assert_eq!(good(&world, &[HELPDESK.1]), [true]);
}

#[test]
fn the_control_token() {
    let folder = Folder::new("control-token");
    let server = Server::in_folder(&folder.0);
    let with = |token: &str| {
        let bearer = format!("Bearer {token}");
        let url = format!("{}/control/workspaces", server.url);
        client::send("GET", &url, &[("authorization", &bearer)], ("", b"")).status
    };
    let changed = control(&server.url, "POST", "/token/rotate", &json!({}));
    assert_eq!(changed.status, 201, "{}", changed.body);
    let new = text_of(&changed.json, "token");
    assert_eq!([CONTROL, &new, "guess", ""].map(with), [200, 200, 401, 401]);
    // The command line needs neither, and shows the new one.
    let data = folder.0.to_str().unwrap();
    let shown =
        redraft().args(["token", "control", "--data", data, "--old-valid-seconds", "0"]).output().unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let third: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let third = text_of(&third, "token");
    assert_eq!([CONTROL, &new, &third].map(with), [401, 401, 200]);
    assert!(!server.log.lock().unwrap().contains(&third), "no secret is logged");
    let password =
        redraft().args(["app", "secret", "helpdesk", "password", "--data", data]).output().unwrap();
    assert!(password.status.success(), "{}", String::from_utf8_lossy(&password.stderr));
    let password: Value = serde_json::from_slice(&password.stdout).unwrap();
    let again = ["app", "secret", "helpdesk", "password", "--withdraw-old", "--data", data];
    assert!(redraft().args(again).status().unwrap().success());
    let world = World::on(server);
    assert_eq!(good(&world, &[HELPDESK.1, &text_of(&password, "secret")]), [false, true]);
}
