//! A Slack app as one has it: from a manifest, from a declaration, by the control API; with what of it is shown and kept.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Folder, Server, redraft};
use crate::world::*;

const MANIFEST: &str = "
display_information: {name: Poll Bot, description: Polls in channels}
features:
  bot_user: {display_name: pollster}
  slash_commands: [{command: /poll, description: Asks, usage_hint: question, should_escape: true}]
  shortcuts: [{name: Ask, type: message, callback_id: ask, description: Makes a poll}]
oauth_config:
  redirect_urls: [http://127.0.0.1:3001/oauth]
  scopes: {bot: ['app_mentions:read', commands, 'chat:write', incoming-webhook], user: ['channels:history']}
settings:
  event_subscriptions:
    bot_events: [app_mention]
    user_events: [message.channels]
    metadata_subscriptions: [{app_id: '*', event_type: vote}]
  interactivity: {is_enabled: true}
  socket_mode_enabled: true
  surprise: 1
";

/// What of an app everybody may see: all but its secrets.
const PUBLIC_PARTS: [&str; 12] = [
    "scopes",
    "user_scopes",
    "redirect_urls",
    "bot_events",
    "user_events",
    "metadata_events",
    "socket_mode",
    "interactivity_url",
    "options_url",
    "commands",
    "shortcuts",
    "endpoint",
];

fn app(world: &World, name: &str) -> Value {
    let apps = world.controlled("GET", "/apps", &Value::Null);
    apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned().unwrap()
}

/// Runs `redraft app …` on a server's folder: whether it succeeded, what it wrote and what it complained of.
fn run(args: &[&str], data: &Path) -> (bool, String, String) {
    let output = redraft().arg("app").args(args).arg("--data").arg(data).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// A variable, as a shell has it after it read these lines.
fn sourced(lines: &str, name: &str) -> String {
    let script = format!("{lines}\nsh -c 'printf %s \"${name}\"'");
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_manifest_becomes_an_app_and_a_shell_knows_its_secrets() {
    let folder = Folder::new("import-slack");
    let data = folder.join("data");
    let world = World::on(Server::in_folder(&data));
    let file = folder.join("manifest.yaml");
    std::fs::write(&file, MANIFEST).unwrap();
    let path = file.to_str().unwrap();
    let imported = &["import", path, "--installed-by", "ben", "--webhook-channel", "random"];
    let (done, lines, complaints) = run(imported, &data);
    assert!(done, "{complaints}");
    assert!(complaints.contains("settings.surprise is unknown and left out"), "{complaints}");
    // What only an app that people install needs stands there for reading: Bolt for Python would take it as a wish.
    for name in ["CLIENT_ID", "CLIENT_SECRET", "VERIFICATION_TOKEN"] {
        assert_eq!(sourced(&lines, &format!("SLACK_{name}")), "");
    }
    let lines = lines.replace("\n# SLACK_", "\nexport SLACK_");
    let value = |name: &str| sourced(&lines, name);

    assert_eq!(value("SLACK_API_URL"), format!("{}/api/", world.server.url));
    for (name, prefix) in [("BOT", "xoxb-"), ("APP", "xapp-"), ("USER", "xoxp-")] {
        let token = value(&format!("SLACK_{name}_TOKEN"));
        assert!(token.starts_with(prefix), "{token}");
        assert_eq!(world.slack(&token, "auth.test", &json!({})).json["ok"], true);
    }
    let (bot, user) = (value("SLACK_BOT_TOKEN"), value("SLACK_USER_TOKEN"));
    let known = world.ok(&bot, "auth.test", &json!({}));
    assert_eq!(known["user"], "pollster");
    assert_eq!(world.ok(&user, "auth.test", &json!({}))["user_id"], "U01BEN");
    let refused = world.slack(&bot, "conversations.list", &json!({}));
    assert_eq!(
        refused.json["provided"], "app_mentions:read,chat:write,commands,incoming-webhook",
        "only what it asks for"
    );
    for (name, length) in [("SIGNING_SECRET", 32), ("CLIENT_SECRET", 32), ("VERIFICATION_TOKEN", 24)] {
        assert_eq!(value(&format!("SLACK_{name}")).len(), length);
    }
    let hook = value("SLACK_WEBHOOK_URL");
    assert!(hook.starts_with(&format!("{}/hooks/services/T01ACME/B", world.server.url)), "{hook}");

    let shown = app(&world, "Poll Bot");
    let expected = json!({
        "scopes": ["app_mentions:read", "chat:write", "commands", "incoming-webhook"],
        "user_scopes": ["channels:history"],
        "redirect_urls": ["http://127.0.0.1:3001/oauth"],
        "bot_events": ["app_mention"],
        "user_events": ["message.channels"],
        "metadata_events": ["vote"],
        "socket_mode": true,
        "interactivity_url": null,
        "options_url": null,
        "commands": [{"command": "/poll", "url": null, "description": "Asks", "usage_hint": "question", "should_escape": true}],
        "shortcuts": [{"type": "message", "name": "Ask", "callback_id": "ask", "description": "Makes a poll"}],
        "endpoint": null,
    });
    for part in PUBLIC_PARTS {
        assert_eq!(shown[part], expected[part], "{part}");
    }
    assert_eq!(
        (&shown["installed_by"], &shown["client_id"]),
        (&json!("U01BEN"), &json!(value("SLACK_CLIENT_ID")))
    );
    assert_eq!(shown["webhooks"], json!([{"id": hook.split('/').rev().nth(1), "channel": RANDOM}]));
    for name in
        ["BOT_TOKEN", "APP_TOKEN", "USER_TOKEN", "SIGNING_SECRET", "CLIENT_SECRET", "VERIFICATION_TOKEN"]
    {
        assert!(!shown.to_string().contains(&value(&format!("SLACK_{name}"))), "{name} is shown again");
    }
    assert!(!shown.to_string().contains(hook.rsplit('/').next().unwrap()));

    // The manifest changes, and so does the app: same ids, same tokens, other scopes and addresses.
    let changed = MANIFEST
        .replace("commands, 'chat:write'", "commands, 'channels:read', 'chat:write'")
        .replace("socket_mode_enabled: true", "socket_mode_enabled: false")
        .replace("is_enabled: true", "is_enabled: true, request_url: 'http://127.0.0.1:3001/act'")
        .replace("bot_events:", "request_url: http://127.0.0.1:3001/events\n    bot_events:")
        .replace("command: /poll", "command: /ask, url: 'http://127.0.0.1:3001/ask'")
        .replace("surprise: 1", "org_deploy_enabled: true");
    std::fs::write(&file, &changed).unwrap();
    let (done, lines, complaints) = run(&["import", path, "--app", "Poll Bot"], &data);
    assert!(done && complaints.is_empty(), "{complaints}");
    assert!(lines.starts_with("# Poll Bot (A") && lines.contains("its tokens are what they were"), "{lines}");
    assert!(!lines.contains("TOKEN") && !lines.contains("SECRET"), "{lines}");
    let again = app(&world, "Poll Bot");
    assert_eq!((&again["id"], &again["webhooks"]), (&shown["id"], &shown["webhooks"]));
    assert_eq!(again["endpoint"], "http://127.0.0.1:3001/events");
    assert_eq!(again["interactivity_url"], "http://127.0.0.1:3001/act");
    assert_eq!((&again["socket_mode"], &again["commands"][0]["command"]), (&json!(false), &json!("/ask")));
    assert!(world.ok(&bot, "conversations.list", &json!({}))["channels"].is_array());

    let (done, url, _) = run(&["webhook", "Poll Bot", "#general"], &data);
    assert!(done && url.contains("/hooks/services/T01ACME/B"), "{url}");
    assert_eq!(app(&world, "Poll Bot")["webhooks"].as_array().unwrap().len(), 2);

    let (done, shown, _) = run(
        &[
            "set",
            "Poll Bot",
            "--events-url",
            "",
            "--socket-mode",
            "true",
            "--events",
            "app_mention,message.im",
        ],
        &data,
    );
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(done && shown["endpoint"].is_null() && shown["socket_mode"] == true, "{shown}");
    assert_eq!(shown["bot_events"], json!(["app_mention", "message.im"]));
}

/// Each refusal is a sentence, and registers nothing.
#[test]
fn what_is_not_imported() {
    let folder = Folder::new("import-refused");
    let data = folder.join("data");
    let world = World::on(Server::in_folder(&data));
    let before = world.controlled("GET", "/apps", &Value::Null);
    let wrong =
        MANIFEST.replace("name: Poll Bot", "nome: Poll Bot").replace("command: /poll", "command: poll");
    let taken = MANIFEST.replace("display_name: pollster", "display_name: deploybot");
    let without_hooks = MANIFEST.replace(", incoming-webhook", "");
    for (manifest, options, said) in [
        (
            wrong.as_str(),
            &[][..],
            "display_information.name is missing\nfeatures.slash_commands[0].command has to",
        ),
        (&without_hooks, &["--webhook-channel", "general"], "needs the scope incoming-webhook"),
        (MANIFEST, &["--webhook-channel", "nowhere"], "the channel nowhere"),
        (MANIFEST, &["--installed-by", "nobody"], "there is no such person"),
        (&taken, &[], "@deploybot is taken; --app changes an app that is there"),
        (MANIFEST, &["--app", "nobody"], "there is no such app"),
        (MANIFEST, &["--app", "helpdesk"], "helpdesk is a Teams bot"),
        (MANIFEST, &["--password", "x"], "--password is for Teams"),
        (MANIFEST, &["--endpoint", "nowhere"], "begins with http:// or https://"),
        (
            "{\"manifestVersion\": \"1.19\", \"bots\": [{\"botId\": \"33333333-0000-4000-8000-000000000009\"}], \
          \"name\": {\"short\": \"b\"}}",
            &["--app", "helpdesk"],
            "--app is for Slack apps",
        ),
    ] {
        let file = folder.join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        let (done, lines, complaints) = run(&[&["import", file.to_str().unwrap()], options].concat(), &data);
        assert!(!done && lines.is_empty() && complaints.contains(said), "{options:?}: {complaints}");
        assert_eq!(world.controlled("GET", "/apps", &Value::Null), before, "{said}");
    }
}

/// A declaration gives the same app each time, with the ids and secrets that it names.
#[test]
fn a_declared_slack_app_is_the_same_on_every_run() {
    let folder = Folder::new("declared-slack");
    let seed = folder.join("seed.yaml");
    let text = "
control_token: control-of-tests
workspace: {name: Acme, id: T01ACME}
people: [{name: ada, admin: true}, {name: ben, id: U01BEN}]
apps:
  - {name: Poll Bot, bot_name: pollster, bot_token: xoxb-poll, app_token: xapp-poll, user_token: xoxp-ben, installed_by: ben,
     signing_secret: sign, client_id: '1.2', client_secret: client, verification_token: verify, socket_mode: true,
     scopes: [commands, 'chat:write'], user_scopes: ['chat:write'], redirect_urls: ['http://127.0.0.1:3001/oauth'],
     endpoint: 'http://127.0.0.1:3001/events', interactivity_url: 'http://127.0.0.1:3001/act', options_url: 'http://127.0.0.1:3001/options',
     bot_events: [app_mention], user_events: [message.im], metadata_events: [vote],
     commands: [{command: /poll, url: 'http://127.0.0.1:3001/poll', description: Asks}],
     shortcuts: [{type: message, callback_id: ask, name: Ask}],
     webhooks: [{channel: general, id: B01HOOK, secret: hook-secret}]}
  - {name: silent, scopes: []}
user_groups: [{handle: ops, id: S01OPS, name: Operations, members: [ada, ben]}]
";
    std::fs::write(&seed, text).unwrap();
    let start = || World::on(Server::start(&["--memory", "--seed", seed.to_str().unwrap()]));
    let (first, second) = (start(), start());
    let ready = |world: &World| {
        let mut ready = world.server.ready["apps"][0].clone();
        let url = ready["webhooks"][0]["url"].take();
        let path = url.as_str().unwrap().strip_prefix(&world.server.url).unwrap().to_owned();
        ready["webhooks"][0]["url"] = path.into();
        ready
    };
    assert_eq!(ready(&first), ready(&second));
    let expected = json!({
        "bot_token": "xoxb-poll", "app_token": "xapp-poll", "user_token": "xoxp-ben", "signing_secret": "sign",
        "client_id": "1.2", "client_secret": "client", "verification_token": "verify", "installed_by": "U01BEN",
        "webhooks": [{"id": "B01HOOK", "channel": "general", "url": "/hooks/services/T01ACME/B01HOOK/hook-secret"}],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(ready(&first)[name], *value, "{name}");
    }
    assert_eq!(app(&first, "Poll Bot"), app(&second, "Poll Bot"));
    let silent = &first.server.ready["apps"][1];
    assert!(
        silent["bot_token"].is_null() && silent["app_token"].is_string(),
        "without scopes there is no bot token"
    );
    assert_eq!(silent["client_id"], second.server.ready["apps"][1]["client_id"]);
    assert_eq!(first.ok("xoxp-ben", "auth.test", &json!({}))["user_id"], "U01BEN");

    // It is there again, without messages, when the workspace is reset.
    let before = app(&first, "Poll Bot");
    first.controlled("POST", "/apps/Poll%20Bot/webhooks", &json!({ "channel": "general" }));
    first.controlled("POST", "/reset", &Value::Null);
    assert_eq!(app(&first, "Poll Bot"), before);
}

/// A declaration that cannot be right is refused with a sentence.
#[test]
fn what_cannot_be_declared() {
    let world = World::new();
    for (what, said) in [
        (json!({"interactivity_url": "nowhere"}), "begins with http:// or https://"),
        (json!({"redirect_urls": ["nowhere"]}), "begins with http:// or https://"),
        (json!({"commands": [{"command": "poll"}]}), "'poll' is none"),
        (json!({"commands": [{"command": "/p"}, {"command": "/p"}]}), "the command /p twice"),
        (json!({"commands": [{"command": "/p", "url": "nowhere"}]}), "begins with http:// or https://"),
        (json!({"shortcuts": [{"type": "odd"}]}), "odd"),
        (json!({"webhooks": [{"channel": "nowhere"}]}), "the channel nowhere"),
        (json!({"socket_mode": 7}), "boolean"),
        (json!({"odd": 7}), "odd"),
    ] {
        let mut body = json!({"kind": "slack", "name": "wrong"});
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        let refused = world.control("POST", "/apps", &body);
        assert_eq!(refused.status, 400, "{what}");
        assert!(
            refused.json["error"]["message"].as_str().unwrap().contains(said),
            "{what}: {}",
            refused.body
        );
    }
    for (app, what, said) in [
        ("helpdesk", json!({"socket_mode": true}), "is a Teams bot"),
        ("helpdesk", json!({"commands": []}), "is a Teams bot"),
        ("deploybot", json!({"options_url": "nowhere"}), "begins with"),
        ("deploybot", json!({"name": ""}), "needs a name"),
        ("deploybot", json!({"odd": 1}), "odd"),
    ] {
        let before = self::app(&world, app);
        let refused = world.control("PATCH", &format!("/apps/{app}"), &what);
        assert_eq!(refused.status, 400, "{what}");
        assert!(
            refused.json["error"]["message"].as_str().unwrap().contains(said),
            "{what}: {}",
            refused.body
        );
        assert_eq!(self::app(&world, app), before);
    }
}

/// Everything that a manifest says can be changed later, one thing at a time, and the rest stays.
#[test]
fn an_app_is_changed_one_thing_at_a_time() {
    let world = World::new();
    for (name, value) in [
        ("name", json!("other")),
        ("endpoint", json!("http://127.0.0.1:3001/e")),
        ("scopes", json!(["chat:write", "commands"])),
        ("user_scopes", json!(["chat:write"])),
        ("redirect_urls", json!(["http://127.0.0.1:3001/o"])),
        ("bot_events", json!(["app_mention"])),
        ("user_events", json!(["message.im"])),
        ("metadata_events", json!(["vote"])),
        ("events_off", json!(true)),
        ("socket_mode", json!(true)),
        ("interactivity_url", json!("http://127.0.0.1:3001/i")),
        ("options_url", json!("http://127.0.0.1:3001/o")),
        (
            "commands",
            json!([{"command": "/p", "url": null, "description": "", "usage_hint": "", "should_escape": false}]),
        ),
        ("shortcuts", json!([{"type": "global", "name": "n", "callback_id": "c", "description": ""}])),
    ] {
        let named = |world: &World| {
            let apps = world.controlled("GET", "/apps", &Value::Null);
            apps["apps"].as_array().unwrap().iter().find(|it| it["id"] == "A01DEPLOY").cloned().unwrap()
        };
        let mut expected = named(&world);
        expected[name] = value.clone();
        let shown = world.controlled("PATCH", "/apps/A01DEPLOY", &json!({ name: value }));
        assert_eq!((&shown, &named(&world)), (&expected, &expected), "{name}");
    }
    let address = world.controlled("PATCH", "/apps/A01DEPLOY", &json!({ "options_url": null }));
    assert!(address["options_url"].is_null());
    assert_eq!(address["events_off"], true);
    let moved =
        world.controlled("PATCH", "/apps/A01DEPLOY", &json!({ "endpoint": "http://127.0.0.1:3002/e" }));
    assert_eq!(moved["events_off"], false, "another endpoint has not failed yet");
}

#[test]
fn webhooks_are_made_and_ended() {
    let world = World::new();
    let made = world.control("POST", "/apps/deploybot/webhooks", &json!({ "channel": "random" }));
    assert_eq!(made.status, 201);
    let (id, url) = (text_of(&made.json, "id"), text_of(&made.json, "url"));
    assert!(url.starts_with(&format!("{}/hooks/services/T01ACME/{id}/", world.server.url)), "{url}");
    for (path, body, outcome) in [
        ("/apps/helpdesk/webhooks", json!({"channel": "general"}), 404),
        ("/apps/nobody/webhooks", json!({"channel": "general"}), 404),
        ("/apps/deploybot/webhooks", json!({"channel": "nowhere"}), 404),
        ("/apps/deploybot/webhooks", json!({"channel": "general", "installed_by": "nobody"}), 404),
        ("/apps/deploybot/webhooks", json!({}), 400),
    ] {
        assert_eq!(world.control("POST", path, &body).status, outcome, "{path} {body}");
    }
    assert_eq!(app(&world, "deploybot")["webhooks"], json!([{"id": id, "channel": RANDOM}]));
    let end = format!("/apps/deploybot/webhooks/{id}");
    assert_eq!(world.control("DELETE", &end, &Value::Null).status, 200);
    assert_eq!(world.control("DELETE", &end, &Value::Null).status, 404);
    assert_eq!(app(&world, "deploybot")["webhooks"], json!([]));
}
