//! What comes from outside is data wherever it is printed: in shell files, tables, on terminals and in logs.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::support::{Folder, Server, redraft};
use crate::world::*;

/// A name for every kind of character that no name may hold.
const FORBIDDEN: [&str; 9] = [
    "helper\ntouch PWNED #",
    "tab\tbed",
    "re\rturned",
    "nul\u{0}",
    "\u{1b}[2Jcleared",
    "del\u{7f}",
    "c1\u{9b}31m",
    "line\u{2028}paragraph\u{2029}",
    "gnp.\u{202e}exe",
];

/// Names that are only strange to a shell.
const STRANGE: [&str; 5] =
    ["it's; touch PWNED; '", "$(touch PWNED)", "`touch PWNED`", "\"; touch PWNED; \"", "x' # \\"];

fn run(args: &[&str], data: &Path) -> Output {
    redraft().args(args).arg("--data").arg(data).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether a text has nothing that a terminal takes for more than text.
fn is_plain(text: &str) -> bool {
    let forbidden = |c: char| {
        let bidi = ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
        (c.is_control() && !"\n\t".contains(c)) || "\u{2028}\u{2029}".contains(c) || bidi
    };
    !text.contains(forbidden)
}

/// Every way in that stores a name refuses each of these, in its own words, and stores nothing.
#[test]
fn names_without_control_characters() {
    let world = World::new();
    let before = world.state();
    let mut rows = 0;
    for name in FORBIDDEN {
        let channel = json!([{"channel": "general", "id": name}]);
        let calls = [
            ("POST", "/people", json!({"name": name})),
            ("POST", "/people", json!({"name": "eve", "real_name": name})),
            ("POST", "/people", json!({"name": "eve", "email": name})),
            ("POST", "/people", json!({"name": "eve", "id": name})),
            ("PATCH", "/people/ben", json!({"name": name})),
            ("PATCH", "/people/ben", json!({"real_name": name})),
            ("POST", "/channels", json!({"name": name})),
            ("POST", "/channels", json!({"name": "new", "id": name})),
            ("PATCH", "/channels/random", json!({"name": name})),
            ("POST", "/apps", json!({"kind": "slack", "name": name})),
            ("POST", "/apps", json!({"kind": "teams", "name": name})),
            ("POST", "/apps", json!({"kind": "slack", "name": "new", "id": name})),
            ("POST", "/apps", json!({"kind": "slack", "name": "new", "signing_secret": name})),
            ("POST", "/apps", json!({"kind": "slack", "name": "new", "webhooks": channel})),
            ("POST", "/apps", json!({"kind": "teams", "name": "new", "app_id": name})),
            ("PATCH", "/apps/deploybot", json!({"name": name})),
            ("PATCH", "/apps/deploybot", json!({"endpoint": format!("http://127.0.0.1/{name}")})),
            ("PATCH", "/apps/deploybot", json!({"commands": [{"command": format!("/{name}")}]})),
            (
                "PATCH",
                "/apps/deploybot",
                json!({"shortcuts": [{"type": "global", "name": name, "callback_id": "x"}]}),
            ),
            ("PATCH", "/apps/helpdesk", json!({"issuer": name})),
            ("POST", "/user-groups", json!({"handle": name})),
            ("POST", "/user-groups", json!({"handle": "new", "name": name})),
            ("PATCH", "", json!({"name": name})),
        ];
        for (verb, path, body) in calls {
            let answer = world.control(verb, path, &body);
            assert_eq!(answer.status, 400, "{verb} {path} {body}: {}", answer.body);
            rows += 1;
        }
        for (token, method, args, codes) in [
            (ADA, "conversations.create", json!({"name": name}), ["invalid_name_specials"; 2]),
            (
                ADA,
                "conversations.rename",
                json!({"channel": RANDOM, "name": name}),
                ["invalid_name_specials"; 2],
            ),
            (
                DEPLOY,
                "files.getUploadURLExternal",
                json!({"filename": name, "length": 1}),
                ["invalid_arguments", "invalid_arguments"],
            ),
        ] {
            let answer = world.slack(token, method, &args);
            assert!(codes.contains(&answer.code()), "{method} {args}: {}", answer.body);
            rows += 1;
        }
    }
    assert_eq!(world.state(), before);
    let refused = world.control("POST", "/people", &json!({"name": "a\nb"}));
    assert!(refused.body.contains("U+000A"), "{}", refused.body);
    world.controlled("POST", "/people", &json!({"name": "zoë", "real_name": "Zoë שלום 👩\u{200d}💻"}));
    println!("printing: {rows} rows of refused names");
}

/// So do declarations and manifests, which are refused as a whole.
#[test]
fn declarations_and_manifests_without_control_characters() {
    let folder = Folder::new("printing-declared");
    let file = folder.join("file.json");
    let path = file.to_str().unwrap();
    let data = folder.join("data");
    let world = World::on(Server::in_folder(&data));
    let before = world.controlled("GET", "/apps", &Value::Null);
    for name in FORBIDDEN {
        for seed in [
            json!({"workspace": {"name": name}}),
            json!({"workspace": {"domain": name}}),
            json!({"people": [{"name": name}]}),
            json!({"channels": [{"name": name}]}),
            json!({"apps": [{"kind": "slack", "name": name}]}),
            json!({"apps": [{"kind": "slack", "name": "x", "signing_secret": name}]}),
            json!({"user_groups": [{"handle": name}]}),
        ] {
            std::fs::write(&file, seed.to_string()).unwrap();
            let none =
                redraft().args(["serve", "--memory", "--listen", "127.0.0.1:0", "--seed", path]).output();
            let none = none.unwrap();
            assert!(!none.status.success(), "{seed}");
            let said = text(&none.stderr);
            assert!(
                is_plain(&said)
                    && (said.contains("U+") || said.contains("\\u{"))
                    && !said.contains("panicked"),
                "{seed}: {said}"
            );
            assert!(!run(&["workspace", "create", path], &data).status.success(), "{seed}");
        }
        let slack = json!({
            "display_information": {"name": name},
            "features": {"bot_user": {"display_name": "helper"}},
            "oauth_config": {"scopes": {"bot": ["chat:write"]}},
        });
        let teams = json!({
            "manifestVersion": "1.19",
            "name": {"short": name},
            "bots": [{"botId": "55555555-0000-4000-8000-000000000009", "scopes": ["team"]}],
        });
        for manifest in [slack, teams] {
            std::fs::write(&file, manifest.to_string()).unwrap();
            let output = run(&["app", "import", path], &data);
            assert!(!output.status.success() && output.stdout.is_empty(), "{manifest}");
            let said = text(&output.stderr);
            assert!(is_plain(&said) && said.contains("control character"), "{manifest}: {said}");
        }
    }
    assert_eq!(world.controlled("GET", "/apps", &Value::Null), before);
}

/// What a shell reads: nothing of a name or a secret runs, and values arrive as they are.
#[test]
fn a_shell_runs_nothing_of_what_is_printed() {
    let folder = Folder::new("printing-shell");
    let data = folder.join("data");
    let world = World::on(Server::in_folder(&data));
    let file = folder.join("manifest.json");
    let path = file.to_str().unwrap();
    let source = |lines: &str, show: &str| {
        std::fs::write(folder.join("bot.env"), lines).unwrap();
        let script = format!("set -e; . ./bot.env; printf %s \"${show}\"");
        let output = Command::new("sh").args(["-c", &script]).current_dir(&folder.0).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && complaints.is_empty(), "{complaints}: {lines}");
        assert!(!folder.join("PWNED").exists(), "{lines}");
        text(&output.stdout)
    };
    for (number, name) in STRANGE.iter().enumerate() {
        world.controlled("PATCH", "", &json!({"name": name}));
        let slack = json!({
            "display_information": {"name": name},
            "features": {"bot_user": {"display_name": format!("helper{number}")}},
            "oauth_config": {"scopes": {"bot": ["chat:write", "incoming-webhook"]}},
        });
        std::fs::write(&file, slack.to_string()).unwrap();
        let output = run(&["app", "import", path], &data);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        let token = source(&text(&output.stdout), "SLACK_BOT_TOKEN");
        assert_eq!(world.slack(&token, "auth.test", &json!({})).code(), "ok");
        let output = run(&["app", "import", path, "--app", name], &data);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert!(source(&text(&output.stdout), "SLACK_API_URL").starts_with(&world.server.url));

        let teams = json!({
            "manifestVersion": "1.19",
            "name": {"short": format!("{name}{number}")},
            "bots": [{"botId": format!("55555555-0000-4000-8000-00000000000{number}"), "scopes": ["team"]}],
        });
        std::fs::write(&file, teams.to_string()).unwrap();
        let output = run(&["app", "import", path, "--password", name], &data);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(source(&text(&output.stdout), "CLIENT_SECRET"), *name);
    }
}

/// A request with everything that should not be in a log: markers of secrets in each place where one is sent, and
/// characters that would break a line wherever a text is free.
fn everything(world: &World) -> Vec<Answer> {
    let url = &world.server.url;
    let hostile = "%0a2026-01-01T00:00:00Z%20%20INFO%20forged%1b%5b2J%7f%c2%9b%e2%80%a8%e2%80%ae";
    let mut answers = Vec::new();
    let mut send = |verb: &str, path: &str, headers: &[(&str, &str)], body: client::Typed<'_>| {
        answers.extend(client::try_send(verb, &format!("{url}{path}"), headers, body));
    };
    const FORM: &str = "application/x-www-form-urlencoded";
    send("GET", &format!("/api/api.test?error={hostile}"), &[], ("", b""));
    send("GET", &format!("/api/api.test?{hostile}=1"), &[], ("", b""));
    for path in [
        "/api/MARK-path".to_owned(),
        "/api/xoxb-MARK".into(),
        "/hooks/MARK".into(),
        "/hooks/services/T01ACME/B01/MARK".into(),
        "/hooks/actions/T01ACME/1/MARK".into(),
        "/hooks/commands/T01ACME/1/MARK".into(),
        "/hooks/app/T01ACME/1/MARK".into(),
        "/upload/v1/MARK".into(),
        "/files-pri/T01ACME-MARK/MARK".into(),
        "/link/?ticket=MARK&app_id=MARK".into(),
        "/link/MARK".into(),
        "/control/MARK".into(),
        "/control/workspaces/MARK".into(),
        "/control/workspaces/T01ACME/tokens/xoxb-MARK".into(),
        "/control/workspaces/T01ACME/tokens/xoxb-MARK/rotate".into(),
        "/control/workspaces/T01ACME/people/MARK/messages".into(),
        "/msi/token?api-version=2019-08-01&resource=https://api.botframework.com&client_id=x".into(),
        "/MARK/oauth2/v2.0/token".into(),
        "/MARK".into(),
        "/teams/MARK/v3/conversations/MARK/activities".into(),
        "/v3/attachments/MARK/views/original".into(),
        format!("/{hostile}"),
        format!("/hooks/{hostile}"),
        format!("/api/{hostile}"),
        format!("/control/{hostile}"),
        format!("/v3/conversations/{hostile}/activities"),
        format!("/link/?ticket={hostile}"),
    ] {
        for verb in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            for bearer in ["Bearer MARK", "Basic TUFSSzpNQVJL", "Bearer control-of-tests"] {
                let headers = [("authorization", bearer), ("x-identity-header", "MARK")];
                send(verb, &path, &headers, ("", b""));
                send(verb, &path, &headers, (FORM, b"token=MARK&client_secret=MARK&code=MARK"));
                send(verb, &path, &headers, ("application/json", b"{\"token\": \"MARK\"}"));
            }
        }
    }
    let secret = "grant_type=client_credentials&client_id=33333333-0000-4000-8000-000000000001\
                  &client_secret=MARK&scope=https%3A%2F%2Fapi.botframework.com%2F.default";
    send("POST", &format!("/{TENANT}/oauth2/v2.0/token"), &[], (FORM, secret.as_bytes()));
    for method in ["auth.test", "chat.postMessage", "apps.connections.open", "oauth.v2.access", "views.open"]
    {
        let body =
            format!("token=xoxb-MARK&client_id=1.1&client_secret=MARK&code=MARK&trigger_id=MARK&{hostile}=1");
        send("POST", &format!("/api/{method}"), &[], (FORM, body.as_bytes()));
        let body = format!("trigger_id=MARK&channel={hostile}&ts={hostile}&name={hostile}&cursor=MARK");
        send(
            "POST",
            &format!("/api/{method}"),
            &[("authorization", "Bearer xoxb-deploy")],
            (FORM, body.as_bytes()),
        );
    }
    let multipart =
        "--x\r\ncontent-disposition: form-data; name=\"a\u{1b}[2J\u{9b}\"\r\n\r\n\u{ff}\r\n--x--\r\n";
    send(
        "POST",
        "/api/auth.test",
        &[("authorization", "Bearer xoxb-deploy")],
        ("multipart/form-data; boundary=x", multipart.as_bytes()),
    );
    for (name, emoji) in [("reactions.add", "x\u{1b}[31m\nforged"), ("conversations.info", "C\u{9b}\nforged")]
    {
        let args = json!({"name": emoji, "channel": emoji, "timestamp": emoji});
        answers.push(world.slack(DEPLOY, name, &args));
    }
    answers
}

/// No secret is in the log, whatever was sent where, and every event is one line without control characters.
#[test]
fn logs_are_lines_without_secrets() {
    for format in ["text", "json"] {
        let world = World::on(Server::start(&["--memory", "--log-format", format, "--log", "trace"]));
        let answers = everything(&world);
        let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status).collect();
        assert!(300 < answers.len() && statuses.contains(&401) && statuses.contains(&200), "{statuses:?}");
        let last = world.slack(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": "1.1", "text": "x"}));
        let last = last.header("x-slack-req-id").to_owned();
        let mut log = String::new();
        // The log comes by a pipe of its own, after the answer.
        while !log.contains(&last) {
            log.clone_from(&world.server.log.lock().unwrap());
            std::thread::yield_now();
        }
        for secret in ["MARK", "TUFSSzpNQVJL", "xoxb-deploy", CONTROL, HELPDESK.1] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
        assert!(is_plain(&log) && !log.contains('\t'), "a control character is in the log");
        assert!(log.contains("forged"), "what was sent is logged, escaped");
        for line in log.lines() {
            if format == "json" {
                assert!(
                    serde_json::from_str::<Value>(line).is_ok_and(|line| line["fields"].is_object()),
                    "{line}"
                );
            } else {
                let level = line.split_whitespace().nth(1).unwrap_or_default();
                assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "{line}");
                assert!(!line.starts_with("2026-01-01"), "{line}");
            }
        }
        world.is_well();
    }
}

/// A server at the socket of a folder that answers everything with hostile texts: each command gets them printed.
fn hostile_server(folder: &Path, status: &'static str, text: &'static str) {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let _ = std::fs::remove_file(folder.join("control.sock"));
    let listener = UnixListener::bind(folder.join("control.sock")).unwrap();
    let row = json!({
        "id": text, "name": text, "domain": text, "tenant_id": text, "email": text, "real_name": text, "kind": text,
        "conversation_id": text, "bot_id": text, "app_id": text, "hint": text, "app": text, "user": text, "reason": text,
        "channel": text, "kid": text, "state": text, "url": text, "position": text, "part": text,
    });
    let mut answer = row.clone();
    for list in ["workspaces", "people", "channels", "apps", "tokens", "deliveries", "keys", "webhooks"] {
        answer[list] = json!([row]);
    }
    for member in [
        "bot_token",
        "app_token",
        "user_token",
        "signing_secret",
        "client_id",
        "client_secret",
        "verification_token",
        "app_password",
        "service_url",
    ] {
        answer[member] = text.into();
    }
    answer["log_emptied"] = true.into();
    answer["waiting"] =
        json!([{"workspace": text, "deletions": 1, "apps": [{"app": text, "name": text, "why": text}]}]);
    answer["error"] = json!({"code": "bad", "message": text});
    let body = answer.to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // A command's connection that only looks whether somebody is there says nothing.
            if connection.read(&mut [0; 1 << 16]).is_ok_and(|read| 0 < read) {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let _ = connection
                    .write_all(head.as_bytes())
                    .and_then(|()| connection.write_all(body.as_bytes()));
            }
        }
    });
}

/// Commands that ask no server, or are none; and `message`, which asks a platform (`message::a_hostile_platform_is_text`).
const OF_THE_FOLDER: [&str; 7] = ["serve", "doctor", "backup", "restore", "migrate", "message", "help"];

/// The commands, or verbs of a command, that its help lists.
fn commands(of: &[&str]) -> Vec<String> {
    let help = text(&redraft().args(of).arg("--help").output().unwrap().stdout);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = lines.take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// Every verb that shows what a server said, when that is hostile: no control byte but line breaks and tabs, one row of a
/// table on one line, and nothing that runs when it is sourced.
#[test]
fn verbs_print_text() {
    let folder = Folder::new("printing-verbs");
    let (slack, teams) = (folder.join("slack.json"), folder.join("teams.json"));
    let manifest = json!({
        "display_information": {"name": "Helper"},
        "features": {"bot_user": {"display_name": "helper"}},
        "oauth_config": {"scopes": {"bot": ["chat:write", "incoming-webhook"]}},
        "settings": {"socket_mode_enabled": true},
    });
    std::fs::write(&slack, manifest.to_string()).unwrap();
    let manifest = json!({
        "manifestVersion": "1.19",
        "name": {"short": "Helper"},
        "bots": [{"botId": "55555555-0000-4000-8000-000000000001", "scopes": ["team"]}],
    });
    std::fs::write(&teams, manifest.to_string()).unwrap();
    let (slack, teams) = (slack.to_str().unwrap(), teams.to_str().unwrap());
    let tables: [&[&str]; 6] = [
        &["workspace", "list"],
        &["user", "list"],
        &["channel", "list"],
        &["app", "list"],
        &["app", "deliveries", "x"],
        &["token", "list"],
    ];
    let others: [&[&str]; 30] = [
        &["workspace", "create"],
        &["workspace", "quota"],
        &["workspace", "set"],
        &["workspace", "clock", "1"],
        &["workspace", "reset"],
        &["workspace", "drop"],
        &["user", "create", "x"],
        &["user", "set", "x"],
        &["channel", "create", "x"],
        &["channel", "set", "x", "--archived", "true"],
        &["app", "create", "slack", "x"],
        &["app", "import", slack],
        &["app", "import", slack, "--app", "x", "--webhook-channel", "x"],
        &["app", "import", teams],
        &["app", "set", "x"],
        &["app", "webhook", "x", "x"],
        &["app", "code", "x"],
        &["app", "replay", "x"],
        &["app", "verify", "x"],
        &["app", "uninstall", "x"],
        &["token", "create", "x"],
        &["token", "rotate", "x"],
        &["token", "revoke", "x"],
        &["key", "list"],
        &["key", "publish"],
        &["key", "use"],
        &["key", "retire"],
        &["purge"],
        &["app", "secret", "x", "signing-secret"],
        &["token", "control"],
    ];
    for command in commands(&[]).iter().filter(|command| !OF_THE_FOLDER.contains(&command.as_str())) {
        for verb in commands(&[command]).iter().filter(|verb| *verb != "help") {
            let has = |args: &&[&str]| args.get(..2) == Some(&[command.as_str(), verb.as_str()]);
            assert!(tables.iter().chain(&others).any(has), "{command} {verb} has no row");
        }
    }
    let mut printed = 0;
    for (number, hostile) in FORBIDDEN.iter().chain(&STRANGE).enumerate() {
        for (answered, status) in [(true, "200 OK"), (false, "400 Bad Request")] {
            let data = folder.join(&format!("data-{number}-{answered}"));
            std::fs::create_dir(&data).unwrap();
            hostile_server(&data, status, hostile);
            for args in tables.iter().chain(&others) {
                let output = run(args, &data);
                let (said, complained) = (text(&output.stdout), text(&output.stderr));
                assert!(is_plain(&said) && is_plain(&complained), "{args:?}: {said:?} {complained:?}");
                assert!(!complained.contains("panicked"), "{args:?}: {complained}");
                let verb = args.get(1).copied().unwrap_or_default();
                if verb != "verify" {
                    assert_eq!(output.status.success(), answered, "{args:?}: {complained}");
                }
                if answered && tables.contains(args) {
                    assert_eq!(said.lines().count(), 2, "{args:?}: {said}");
                }
                if answered && verb == "import" {
                    std::fs::write(folder.join("bot.env"), &said).unwrap();
                    let sourced =
                        Command::new("sh").args(["-c", ". ./bot.env"]).current_dir(&folder.0).output();
                    assert!(sourced.unwrap().stderr.is_empty() && !folder.join("PWNED").exists(), "{said}");
                }
                printed += said.len() + complained.len();
            }
        }
    }
    println!("printing: {printed} bytes of hostile answers");
}
