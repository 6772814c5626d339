//! The executable as a process: options, what it writes, how it stops, and its other commands.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::bot::{Bot, Say, until};
use crate::client;
use crate::support::{Folder, Server, redraft, seed};
use crate::world::*;

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    redraft().args(args).envs(variables.iter().copied()).output().unwrap()
}

/// A command that has to fail with this in its one sentence.
fn check_fails(args: &[&str], variables: &[(&str, &str)], expected: &str) {
    let output = run(args, variables);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{args:?} succeeded: {said}");
    assert!(said.contains(expected), "{args:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// A command that has to succeed; what it says.
fn said(args: &[&str]) -> String {
    let output = run(args, &[]);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn clear_errors() {
    let folder = Folder::new("cli-errors");
    let path = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (bad_yaml, unknown) = (
        path("bad.yaml", "people:\n  - {name: ada, odd: 1}\n"),
        path("unknown.yaml", "channels: [{name: x, members: [nobody]}]"),
    );
    let (twice, toml) =
        (path("twice.yaml", "people: [{name: ada}, {name: ada}]"), path("bad.toml", "odd-option = 1\n"));
    let (wrong_type, no_toml) = (path("type.toml", "listen = 7\n"), path("no.toml", "listen = \n"));
    let nameless = path("nameless.yaml", "apps: [{kind: teams}]");
    let taken = Server::in_memory();
    let address = taken.url.trim_start_matches("http://");
    let owned = Folder::new("cli-owned");
    let _owner = Server::in_folder(&owned.0);
    let owned = owned.0.to_str().unwrap().to_owned();
    let file = path("file", "");
    let none = folder.join("none").to_str().unwrap().to_owned();
    let empty = Folder::new("cli-empty");
    let rows: Vec<(Vec<&str>, &str)> = vec![
        (vec!["serve", "--memory", "--listen", "nowhere"], "cannot listen on nowhere"),
        (vec!["serve", "--memory", "--listen", address], "cannot listen on"),
        (vec!["serve", "--memory", "--seed", &bad_yaml], "odd"),
        (vec!["serve", "--memory", "--seed", &bad_yaml], "line 2"),
        (vec!["serve", "--memory", "--seed", &unknown], "nobody"),
        (vec!["serve", "--memory", "--seed", &twice], "twice"),
        (vec!["serve", "--memory", "--seed", &nameless], "without a name"),
        (vec!["serve", "--memory", "--seed", &none], &none),
        (vec!["serve", "--memory", "--config", &toml], "odd-option"),
        (vec!["serve", "--memory", "--config", &wrong_type], "listen"),
        (vec!["serve", "--memory", "--config", &no_toml], &no_toml),
        (vec!["serve", "--memory", "--config", &none], &none),
        (vec!["serve", "--memory", "--public-url", "chat.example"], "http://"),
        (vec!["serve", "--memory", "--log", "=,="], "--log"),
        (vec!["serve", "--memory", "--log-format", "xml"], "xml"),
        (vec!["serve", "--memory", "--data", "x"], "cannot be used with"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", &owned], "use"),
        (vec!["serve", "--listen", "127.0.0.1:0", "--data", &file], &file),
        (vec!["serve", "--odd"], "--odd"),
        (vec!["odd"], "odd"),
        (vec!["user", "list", "--data", &none], "is not there"),
        (vec!["doctor", "--data", &none], &none),
        (vec!["workspace", "create", &none, "--data", empty.0.to_str().unwrap()], &none),
    ];
    for (args, expected) in &rows {
        check_fails(args, &[], expected);
    }
    check_fails(
        &["serve"],
        &[("REDRAFT_LISTEN", "nowhere"), ("REDRAFT_MEMORY", "true")],
        "cannot listen on nowhere",
    );
    println!("cli: {} rows of errors", rows.len() + 1);
}

/// A flag wins over the environment, and that over the configuration file.
#[test]
fn precedence_of_options() {
    let folder = Folder::new("cli-config");
    let config = folder.join("redraft.toml");
    std::fs::write(
        &config,
        "public-url = \"http://file.example\"\nlisten = \"127.0.0.1:0\"\nmemory = true\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let rows: [(&[&str], &[(&str, &str)], &str); 4] = [
        (&["--config", config], &[], "http://file.example"),
        (&[], &[("REDRAFT_CONFIG", config)], "http://file.example"),
        (&["--config", config], &[("REDRAFT_PUBLIC_URL", "http://env.example")], "http://env.example"),
        (
            &["--config", config, "--public-url", "http://flag.example/"],
            &[("REDRAFT_PUBLIC_URL", "http://env.example")],
            "http://flag.example",
        ),
    ];
    for (options, variables, expected) in rows {
        assert_eq!(Server::spawn(options, variables).ready["url"], expected, "{options:?} {variables:?}");
    }
    let data = folder.join("by-environment");
    let path = data.to_str().unwrap().to_owned();
    drop(Server::spawn(&[], &[("REDRAFT_DATA", &path)]));
    assert!(data.is_dir());
    let flagged = folder.join("by-flag");
    drop(Server::spawn(&["--config", config, "--data", flagged.to_str().unwrap()], &[]));
    assert!(flagged.is_dir(), "a flag that keeps data wins over a file that does not");
}

/// What a server shows that somebody starts, until it is told to stop: on a terminal, which has its log as well, or on
/// a pipe.
fn shown(folder: &Path, options: &[&str], on_terminal: bool) -> String {
    let mut command = redraft();
    command.arg("serve").args(options).stdin(Stdio::null());
    command
        .env("REDRAFT_LISTEN", "127.0.0.1:0")
        .env("REDRAFT_DATA", folder)
        .env("REDRAFT_CONFIG", "/dev/null");
    let (screen, mut output): (Box<dyn Read>, _);
    let mut child = if on_terminal {
        let (ours, theirs) = terminal();
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
        screen = Box::new(ours);
        let child = command.spawn().unwrap();
        // The terminal ends when the last process that has it open is gone, and this one still has.
        drop(command);
        output = BufReader::new(screen);
        child
    } else {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        screen = Box::new(child.stdout.take().unwrap());
        output = BufReader::new(screen);
        child
    };
    let mut said = Vec::new();
    let log = match child.stderr.take() {
        // Nobody reads the log from there on, which holds up nothing.
        Some(log) => read_until(&mut BufReader::new(log), b" ready"),
        None => {
            said = read_until(&mut output, b" ready");
            said.clone()
        }
    };
    assert!(log.ends_with(b"ready"), "the server ended: {}", String::from_utf8_lossy(&log));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    // A terminal that nobody has open any more answers with an error instead of the end.
    let _ended = output.read_to_end(&mut said);
    let said = String::from_utf8(said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

/// A terminal: the end of whoever looks at it, and the one a process has.
fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    (File::from(ours), File::options().read(true).write(true).open(name).unwrap())
}

/// A first start without anything given makes a workspace that can be used at once, and tells the one at the terminal
/// how; a second says where.
#[test]
fn the_first_start_and_the_second() {
    let folder = Folder::new("cli-first");
    let first = shown(&folder.0, &[], true);
    for part in [
        "Redraft answers at http://127.0.0.1:",
        "ada",
        "ben",
        "cleo",
        "#general",
        "#random",
        "#leads",
        "private",
        "deploybot",
        "pollbot",
        "helpdesk",
        "planner",
        "chat.postMessage",
        "oauth2/v2.0/token",
        "/activities",
        "xoxb-",
        "xoxp-",
        "control",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    let second = shown(&folder.0, &[], true);
    assert!(
        !second.contains("xoxb-") && !second.contains("xoxp-") && second.contains("redraft token"),
        "{second}"
    );
}

/// What a pipe gets ends in a log, and what is in the ready file need not be elsewhere: neither shows a secret.
#[test]
fn a_first_start_shows_secrets_to_a_terminal_only() {
    let ready = Folder::new("cli-secrets-ready");
    let ready = ready.join("ready.json").to_str().unwrap().to_owned();
    let with_file = ["--ready-file", ready.as_str()];
    for (options, on_terminal, part) in [
        (&[][..], false, "redraft token create"),
        (&with_file, false, ready.as_str()),
        (&with_file, true, ready.as_str()),
    ] {
        let folder = Folder::new("cli-secrets");
        let said = shown(&folder.0, options, on_terminal);
        assert!(said.contains("deploybot") && said.contains(part), "{options:?} {on_terminal}: {said}");
        for secret in ["xoxb-", "xoxp-", "client_secret", "Bearer", "control"] {
            assert!(!said.contains(secret), "{options:?} {on_terminal}: {secret} is shown: {said}");
        }
    }
}

/// The ready file has what a script needs, for its owner's eyes; after the first start nothing secret.
#[test]
fn the_ready_file() {
    let folder = Folder::new("cli-ready");
    let data = folder.join("data").to_str().unwrap().to_owned();
    let ready = folder.join("out.json");
    let start = |secret: bool| {
        let mut command = redraft();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", &data, "--ready-file"]).arg(&ready);
        command.args(["--seed", seed().to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("serve: ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended");
        }
        assert_eq!(std::fs::metadata(&ready).unwrap().permissions().mode() & 0o777, 0o600);
        let content: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let url = content["url"].as_str().unwrap();
        assert_eq!(slack(url, DEPLOY, "auth.test", &json!({})).code(), "ok");
        assert_eq!(content["service_url"], format!("{url}/teams/{TENANT}/"));
        let members: Vec<&String> =
            content.as_object().unwrap().keys().filter(|name| *name != "tokens").collect();
        assert_eq!(
            members,
            ["apps", "channels", "control_token", "people", "service_url", "url", "workspace"]
        );
        assert_eq!(content["people"][0]["token"].is_string(), secret);
        for (place, name) in [(0, "bot_token"), (0, "app_token"), (0, "signing_secret"), (2, "app_password")]
        {
            assert_eq!(content["apps"][place][name].is_string(), secret, "{name}");
        }
        assert_eq!(content["apps"][0]["installed_by"], "U01BEN");
        assert_eq!(
            content["channels"][2],
            json!({"name": "leads", "id": LEADS, "conversation_id": LEADS_19, "private": true})
        );
        assert_eq!(content["people"][0]["member_id"], "29:1ada");
        child.kill().unwrap();
        child.wait().unwrap();
        for entry in std::fs::read_dir(&data).unwrap() {
            let path = entry.unwrap().path();
            // A killed server leaves its socket.
            if !path.is_file() {
                continue;
            }
            let bytes = std::fs::read(path).unwrap();
            for secret in ["xoxb-poll", "xoxp-ada", "helpdesk-password"] {
                assert!(
                    !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                    "{secret} lies in the folder"
                );
            }
        }
    };
    start(true);
    start(false);
    std::fs::remove_file(&ready).unwrap();
}

/// A second start finds everything: ids, messages, tokens, Teams tokens issued before.
#[test]
fn a_second_start() {
    let folder = Folder::new("cli-second");
    let world = World::on(Server::in_folder(&folder.0));
    let bot = world.bot(HELPDESK);
    let ts = world.post(DEPLOY, GENERAL, "kept");
    world.ok(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "kept and changed"}));
    let id = world.sends(&bot, GENERAL_19, "kept too");
    let root = world.tombstone(DEPLOY, GENERAL).0;
    world.controlled("POST", "/clock", &json!({"advance_ms": 5000}));
    let again = json!({"channel": GENERAL, "text": "once", "idempotency_key": "k"});
    let once = world.ok(DEPLOY, "chat.postMessage", &again);
    // Only the addresses differ, since the port does.
    let state = |world: &World| world.state().to_string().replace(&world.server.url, "");
    let before = state(&world);
    assert!(world.server.stop().success());
    let world = World::on(Server::in_folder(&folder.0));
    assert_eq!(state(&world), before);
    assert_eq!(world.stored(GENERAL, &root)["deleted"], true);
    let put = world.connector(&bot, "PUT", &format!("/{GENERAL_19}/activities/{id}"), &message("changed"));
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(world.ok(DEPLOY, "chat.postMessage", &again)["ts"], once["ts"]);
    let next = world.post(DEPLOY, GENERAL, "next");
    assert!(once["ts"].as_str().unwrap() < next.as_str(), "numbers go on");
    let revisions = world.ok(DEPLOY, "redraft.messages.revisions", &json!({"channel": GENERAL, "ts": ts}));
    assert_eq!(revisions["revisions"].as_array().unwrap().len(), 2);
}

#[test]
fn memory_keeps_nothing_and_the_public_address_heads_everything() {
    let folder = Folder::new("cli-memory");
    let mut command = redraft();
    command.current_dir(&folder.0);
    let server = Server::launch(command, &["--memory", "--public-url", "https://chat.example/base/"], &[]);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    assert_eq!(server.url, "https://chat.example/base");
    let log = server.log.lock().unwrap().clone();
    assert!(log.contains("ready"));
    drop(server);
    let world = World::on(Server::start(&[
        "--data",
        folder.0.to_str().unwrap(),
        "--public-url",
        "https://chat.example",
    ]));
    let local = world.server.listening.clone();
    let call = |method: &str, args: Value| {
        let answer = slack(&local, DEPLOY, method, &args);
        assert_eq!(answer.code(), "ok", "{}", answer.body);
        answer.json
    };
    let posted = call("chat.postMessage", json!({"channel": GENERAL, "text": "x"}));
    let link = call("chat.getPermalink", json!({"channel": GENERAL, "message_ts": posted["ts"]}));
    assert!(
        text_of(&link, "permalink").starts_with("https://chat.example/workspaces/T01ACME/archives/"),
        "{link}"
    );
    assert_eq!(call("auth.test", json!({}))["url"], "https://chat.example/workspaces/T01ACME/");
    assert_eq!(world.server.ready["service_url"], format!("https://chat.example/teams/{TENANT}/"));
    for (host, status) in [("chat.example", 200), ("evil.example", 403)] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(client::raw(&local, request.as_bytes()).status, status, "{host}");
    }
}

/// While no server runs, the command line hands out addresses as the last server on the folder did.
#[test]
fn addresses_begin_the_same_without_a_server() {
    let folder = Folder::new("cli-address");
    let data = folder.0.to_str().unwrap();
    let webhook = ["app", "webhook", "deploybot", "general", "--data", data];
    let server = Server::start(&["--data", data, "--public-url", "https://chat.example/base/"]);
    let beside = said(&webhook);
    server.stop();
    for (variables, expected) in [
        (&[][..], "https://chat.example/base/hooks/services/"),
        (&[("REDRAFT_PUBLIC_URL", "https://other.example")], "https://other.example/hooks/services/"),
    ] {
        let output = run(&webhook, variables);
        let alone = String::from_utf8(output.stdout).unwrap();
        assert!(alone.starts_with(expected), "{alone}");
    }
    assert!(beside.starts_with("https://chat.example/base/hooks/services/"), "{beside}");
}

/// Reads from a connection until this has come.
fn read_until(stream: &mut impl Read, wanted: &[u8]) -> Vec<u8> {
    let mut got = Vec::new();
    let mut byte = [0];
    while !got.ends_with(wanted) && stream.read(&mut byte).unwrap_or(0) == 1 {
        got.push(byte[0]);
    }
    got
}

/// On SIGTERM a request that the server has begun to read is answered, and none is answered by half.
#[test]
fn no_accepted_request_is_dropped() {
    let folder = Folder::new("cli-term");
    let mut server = Server::in_folder(&folder.0);
    let body = json!({"channel": GENERAL, "text": "half sent when the end came"}).to_string();
    // The server asks for the body, so it has accepted the request.
    let mut begun: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = client::connect(&server.url);
            let head = format!(
                "POST /api/chat.postMessage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer xoxb-deploy\r\n\
                 Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            let asked = read_until(&mut stream, b"\r\n\r\n");
            assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
            stream
        })
        .collect();
    let load = Load::start(&server.url);
    load.wait_for(200);
    let id = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let mut acknowledged = Vec::new();
    for stream in &mut begun {
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = client::parse(&answer).expect("an accepted request was dropped");
        assert_eq!(answer.code(), "ok", "{}", answer.body);
        acknowledged.push(text_of(&answer.json, "ts"));
    }
    let (more, halves) = load.end();
    assert!(server.child.wait().unwrap().success());
    assert_eq!(halves, 0, "answers were cut");
    acknowledged.extend(more);
    let world = World::on(Server::in_folder(&folder.0));
    for ts in &acknowledged {
        assert!(!world.stored(GENERAL, ts).is_null(), "{ts} was acknowledged and is lost");
    }
    println!("cli: {} requests were acknowledged around SIGTERM", acknowledged.len());
}

/// Callers that post on connections of their own until the server takes no more.
struct Load {
    count: Arc<(Mutex<usize>, Condvar)>,
    halves: Arc<AtomicUsize>,
    threads: Vec<std::thread::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(url: &str) -> Self {
        let count = Arc::new((Mutex::new(0), Condvar::new()));
        let halves = Arc::new(AtomicUsize::new(0));
        let threads = (0..6)
            .map(|_| {
                let (url, count, halves) = (url.to_owned(), Arc::clone(&count), Arc::clone(&halves));
                std::thread::spawn(move || {
                    let mut acknowledged = Vec::new();
                    while let Some(answer) = Self::one(&url, &halves) {
                        assert_eq!(answer.code(), "ok", "{}", answer.body);
                        acknowledged.push(text_of(&answer.json, "ts"));
                        *count.0.lock().unwrap() += 1;
                        count.1.notify_all();
                    }
                    acknowledged
                })
            })
            .collect();
        Self { count, halves, threads }
    }

    /// One request; `None` once the server is gone. Whatever was answered must be whole.
    fn one(url: &str, halves: &AtomicUsize) -> Option<client::Answer> {
        let mut stream = std::net::TcpStream::connect(url.trim_start_matches("http://")).ok()?;
        let body = json!({"channel": GENERAL, "text": "under load"}).to_string();
        let request = format!(
            "POST /api/chat.postMessage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer xoxb-deploy\r\nConnection: close\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        if answer.is_empty() {
            return None;
        }
        let whole = client::parse(&answer);
        halves.fetch_add(usize::from(whole.is_none()), Ordering::Relaxed);
        whole
    }

    fn wait_for(&self, wanted: usize) {
        let count = self.count.0.lock().unwrap();
        drop(self.count.1.wait_while(count, |count| *count < wanted).unwrap());
    }

    fn end(self) -> (Vec<String>, usize) {
        let acknowledged = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (acknowledged, self.halves.load(Ordering::Relaxed))
    }
}

/// All verbs, beside a running server and on the folder alone: the same commands, the same answers.
#[test]
fn verbs_beside_a_server_and_on_the_folder() {
    let folder = Folder::new("cli-verbs");
    let data = folder.0.to_str().unwrap().to_owned();
    let server = Server::in_folder(&folder.0);
    verbs(&data, "one");
    let url = server.url.clone();
    assert_eq!(
        slack(&url, DEPLOY, "users.lookupByEmail", &json!({"email": "one@acme.example"})).code(),
        "ok"
    );
    assert!(server.stop().success());
    assert!(!folder.join("control.sock").exists(), "a server that ended owns nothing");
    verbs(&data, "two");
    let world = World::on(Server::in_folder(&folder.0));
    assert_eq!(
        world.slack(DEPLOY, "users.lookupByEmail", &json!({"email": "two@acme.example"})).code(),
        "ok"
    );
}

fn verbs(data: &str, name: &str) {
    let email = format!("{name}@acme.example");
    let (channel, app) = (format!("c-{name}"), format!("app-{name}"));
    let teams = format!("teams-{name}");
    let rows: Vec<(Vec<&str>, &str)> = vec![
        (vec!["workspace", "list"], "T01ACME"),
        (
            vec!["workspace", "set", "--edit-window", "60", "--delete-window", "90", "--only-admins-delete"],
            "\"edit_window_seconds\": 60",
        ),
        (vec!["workspace", "set"], "\"edit_window_seconds\": null"),
        (vec!["workspace", "clock", "1000"], "now"),
        (vec!["user", "create", name, "--real-name", "Some One", "--email", &email, "--admin"], "Some One"),
        (vec!["user", "set", name, "--admin", "false"], "\"admin\": false"),
        (vec!["user", "list"], &email),
        (vec!["channel", "create", &channel, "--private", "--members", "ada,ben"], "\"private\""),
        (vec!["channel", "set", &channel, "--add", "cleo", "--archived", "true"], "U01CLEO"),
        (vec!["channel", "set", &channel, "--remove", "cleo", "--archived", "false"], "\"archived\": false"),
        (vec!["channel", "list"], &channel),
        (
            vec!["app", "create", "slack", &app, "--channels", "general,random", "--installed-by", "cleo"],
            "xoxb-",
        ),
        (vec!["app", "create", "teams", &teams], "app_password"),
        (vec!["app", "list"], &app),
        (vec!["app", "uninstall", &teams], ""),
        (vec!["token", "create", &app, "--user", "ben", "--scopes", "chat:write,users:read"], "xoxp-"),
        (vec!["token", "list"], "user"),
    ];
    for (args, expected) in &rows {
        let text = said(&[args.as_slice(), &["--data", data]].concat());
        assert!(text.contains(expected), "{args:?}: {text}");
    }
    for (args, expected) in [
        (vec!["user", "create", "ada"], "taken"),
        (vec!["user", "set", "nobody", "--admin", "true"], "no such person"),
        (vec!["channel", "set", "nowhere", "--archived", "true"], "no such channel"),
        (vec!["app", "uninstall", "nothing"], "no such app"),
        (vec!["app", "create", "discord", "x"], "discord"),
        (vec!["token", "revoke", "nothing"], "no such token"),
        (vec!["workspace", "list", "--workspace"], "--workspace"),
        (vec!["user", "list", "--workspace", "T01OTHER"], "no such workspace"),
    ] {
        check_fails(&[args.as_slice(), &["--data", data]].concat(), &[], expected);
    }
    println!("cli: {} rows of verbs", rows.len() + 8);
}

fn manifest(version: &str, name: &str, app_id: &str) -> Value {
    json!({
        "$schema": "https://developer.microsoft.com/json-schemas/teams/v1.19/MicrosoftTeams.schema.json",
        "manifestVersion": version,
        "version": "1.0.0",
        "id": "44444444-0000-4000-8000-000000000000",
        "name": {"short": name, "full": "Something longer"},
        "description": {"short": "s", "full": "f"},
        "accentColor": "#FFFFFF",
        "bots": [{"botId": app_id, "scopes": ["personal", "team", "groupchat"], "commandLists": []}],
        "validDomains": [],
    })
}

/// A Teams app's manifest registers its bot, with what it says about the bot; the answer has all that the bot needs.
#[test]
fn importing_a_teams_app() {
    let folder = Folder::new("cli-import");
    let data = folder.join("data").to_str().unwrap().to_owned();
    let world = World::on(Server::start(&["--data", &data]));
    let import = |content: &[u8], options: &[&str]| {
        let path = folder.join("manifest.json");
        std::fs::write(&path, content).unwrap();
        said(&[&["app", "import", path.to_str().unwrap(), "--data", &data], options].concat())
    };
    let apps = || world.controlled("GET", "/apps", &Value::Null)["apps"].as_array().unwrap().clone();
    let app = |name: &str| apps().into_iter().find(|it| it["name"] == name).unwrap();
    let id = |n: u32| format!("55555555-0000-4000-8000-00000000000{n}");

    // Until version 1.11 the permission stood elsewhere; a byte order mark does not matter.
    let mut old = manifest("1.5", "Old Bot", &id(1).to_uppercase());
    old["webApplicationInfo"] = json!({"id": id(1), "applicationPermissions": ["ChannelMessage.Read.Group"]});
    let text =
        import(&[b"\xef\xbb\xbf", old.to_string().as_bytes()].concat(), &["--password", "old-password"]);
    for part in [
        "# Registered \"Old Bot\" in \"Acme\"; it receives every message",
        "shown this once: old-password",
        "redraft app set 55555555-0000-4000-8000-000000000001 --endpoint",
        "# botbuilder for JavaScript",
        "MicrosoftAppId=55555555-0000-4000-8000-000000000001",
        "# botbuilder for Python",
        "APP_TENANTID=11111111-1111-4111-8111-111111111111",
        "# Microsoft 365 Agents SDK for JavaScript (and here: redraft app set 55555555-",
        "# Microsoft 365 Agents SDK for Python",
        "SETTINGS__CLIENTSECRET=old-password",
        "# Teams SDK for JavaScript",
        "# Teams SDK for Python",
        &format!("BotOpenIdMetadata={}/v1/.well-known/openidconfiguration", world.server.url),
        &format!("IDENTITY_ENDPOINT={}/msi/token", world.server.url),
        &format!("SERVICE_URL={}/teams/{TENANT}/", world.server.url),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('{'), "something was not filled in: {text}");
    assert_eq!((&app("Old Bot")["app_id"], &app("Old Bot")["read_all"]), (&json!(id(1)), &json!(true)));
    let bot = world.bot((&id(1), "old-password"));
    world.sends(&bot, GENERAL_19, "it is in the team");

    let mut new = manifest("1.19", "Newbot", &id(2));
    let permission = |name: &str| json!({"name": name, "type": "Application"});
    new["authorization"] =
        json!({"permissions": {"resourceSpecific": [permission("ChatMessage.Read.Chat")]}});
    let endpoint = "http://127.0.0.1:3978/api/messages";
    let text = import(new.to_string().as_bytes(), &["--endpoint", endpoint]);
    assert!(!text.contains("receives nothing yet"), "{text}");
    let password =
        text.lines().find_map(|line| line.strip_prefix("# Its password, shown this once: ")).unwrap();
    world.sends(&world.bot((&id(2), password)), GENERAL_19, "with the password that was made");
    assert_eq!((&app("Newbot")["endpoint"], &app("Newbot")["read_all"]), (&json!(endpoint), &json!(true)));

    // A bot for personal chats alone is in no channel, and other permissions mean nothing here.
    let mut personal = manifest("1.16", "Pal", &id(3));
    personal["bots"][0]["scopes"] = json!(["personal"]);
    personal["authorization"] =
        json!({"permissions": {"resourceSpecific": [permission("ChannelSettings.Read.Group")]}});
    let text = import(personal.to_string().as_bytes(), &["--password", "p"]);
    assert!(text.contains("it receives messages that mention it"), "{text}");
    let path = format!("/{GENERAL_19}/activities");
    let outside = world.connector(&world.bot((&id(3), "p")), "POST", &path, &message("x"));
    assert_eq!(outside.outcome(), "404 ConversationNotFound");
    assert_eq!(app("Pal")["read_all"], false);

    let refused = |content: &[u8], expected: &str| {
        let (path, before) = (folder.join("wrong.json"), apps());
        std::fs::write(&path, content).unwrap();
        check_fails(&["app", "import", path.to_str().unwrap(), "--data", &data], &[], expected);
        assert_eq!(apps(), before, "{expected}");
    };
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut wrong = manifest("1.19", "Wrong", &id(4));
        change(&mut wrong);
        wrong.to_string().into_bytes()
    };
    refused(b"{\"bots\": [", "this cannot be read: EOF");
    refused(b"{\"bots\": 7}", "no Teams app manifest that can be read");
    refused(b"[]", "a manifest is an object");
    refused(b"{}", "this is no app manifest");
    refused(&changed(&|it| it["bots"] = json!([])), "the manifest has no bots");
    refused(&changed(&|it| it["bots"] = json!([it["bots"][0], it["bots"][0]])), "the manifest has 2 bots");
    refused(&changed(&|it| it["bots"][0]["botId"] = json!("${{BOT_ID}}")), "'${{BOT_ID}}', which is no guid");
    refused(&changed(&|it| it["bots"][0]["botId"] = Value::Null), "'', which is no guid");
    refused(&changed(&|it| it["name"] = json!({"short": " "})), "no name.short");
    refused(
        &changed(&|it| it["bots"][0]["botId"] = json!(id(1))),
        "55555555-0000-4000-8000-000000000001 is taken",
    );
    refused(&changed(&|it| it["name"]["short"] = json!("Newbot")), "is taken");
    refused(&changed(&|it| it["description"]["full"] = json!("x".repeat(300_000))), "at most 262144 bytes");
    check_fails(&["app", "import", "/nowhere/manifest.json", "--data", &data], &[], "/nowhere/manifest.json");
    let path = folder.join("manifest.json").to_str().unwrap().to_owned();
    std::fs::write(&path, changed(&|_| {})).unwrap();
    check_fails(
        &["app", "import", &path, "--endpoint", "127.0.0.1:3978", "--data", &data],
        &[],
        "an address begins with http://",
    );
}

/// How a Teams bot hears is set, what did not reach it is listed, and tried again.
#[test]
fn deliveries_of_an_app() {
    let folder = Folder::new("cli-deliveries");
    let data = folder.0.to_str().unwrap().to_owned();
    let world = World::on(Server::in_folder(&folder.0));
    let bot = Bot::new();
    bot.answers(|_| Say::Json(400, json!({})));
    let app = |args: &[&str]| said(&[&["app"], args, &["--data", &data]].concat());
    let set = |options: &[&str]| -> Value {
        serde_json::from_str(&app(&[&["set", "helpdesk"], options].concat())).unwrap()
    };
    let shown = set(&["--endpoint", &bot.url, "--read-all", "true", "--expect-replies", "true"]);
    assert_eq!(
        (&shown["endpoint"], &shown["read_all"], &shown["expect_replies"]),
        (&json!(bot.url), &json!(true), &json!(true))
    );
    let shown =
        set(&["--issuer", "https://issuer.example", "--anonymous", "true", "--expect-replies", "false"]);
    assert_eq!(
        (&shown["issuer"], &shown["anonymous"], &shown["expect_replies"], &shown["read_all"]),
        (&json!("https://issuer.example"), &json!(true), &json!(false), &json!(true))
    );
    assert_eq!(set(&["--issuer", "", "--anonymous", "false"])["issuer"], Value::Null);
    for (args, expected) in [
        (vec!["set", "nothing", "--read-all", "true"], "no such app"),
        (vec!["set", "helpdesk", "--endpoint", "nowhere"], "an address begins with http://"),
        (vec!["set", "helpdesk", "--read-all", "perhaps"], "perhaps"),
        (vec!["deliveries", "nothing"], "no such app"),
        (vec!["replay", "nothing"], "no such app"),
        (vec!["replay", "planner"], "no endpoint"),
    ] {
        check_fails(&[&["app"], args.as_slice(), &["--data", &data]].concat(), &[], expected);
    }
    for text in ["one", "two"] {
        world.post(BEN, GENERAL, text);
    }
    let listed = until("what was given up", || {
        let listed = app(&["deliveries", "helpdesk"]);
        (listed.lines().filter(|line| line.contains(GENERAL)).count() == 2).then_some(listed)
    });
    assert!(listed.contains("the bot answered 400") && listed.contains("attempts"), "{listed}");
    let positions: Vec<&str> = listed.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    let tried = bot.heard().len();
    bot.answers(|_| Say::Json(200, json!({})));
    let replayed: Value =
        serde_json::from_str(&app(&["replay", "helpdesk", "--position", positions[1]])).unwrap();
    assert_eq!(replayed["replayed"].to_string(), format!("[{}]", positions[1]));
    assert_eq!(bot.wait_for(tried + 1)[tried].text(), "two");
    app(&["replay", "helpdesk"]);
    assert_eq!(bot.wait_for(tried + 2)[tried + 1].text(), "one");
    until("an empty list", || (app(&["deliveries", "helpdesk"]).lines().count() == 1).then_some(()));
    // Without a server the list is read from the folder; nothing can be delivered.
    bot.answers(|_| Say::Json(400, json!({})));
    world.post(BEN, GENERAL, "three");
    until("one more", || app(&["deliveries", "helpdesk"]).contains("answered 400").then_some(()));
    assert!(world.server.stop().success());
    assert!(app(&["deliveries", "helpdesk"]).contains("answered 400"));
    check_fails(&["app", "replay", "helpdesk", "--data", &data], &[], "start `redraft serve` first");
    assert_eq!(set(&["--endpoint", ""])["endpoint"], Value::Null);
}

/// Rotating, revoking and uninstalling take effect with the next call; so do a new workspace, a reset and a drop.
#[test]
fn changes_take_effect_at_once() {
    let folder = Folder::new("cli-effect");
    let data = folder.0.to_str().unwrap().to_owned();
    let world = World::on(Server::in_folder(&folder.0));
    let code = |token: &str| world.slack(token, "auth.test", &json!({})).code().to_owned();
    let bot = world.bot(HELPDESK);
    assert_eq!((code("fake-token"), code(POLL), code(DEPLOY)), ("ok".into(), "ok".into(), "ok".into()));
    let rotated: Value =
        serde_json::from_str(&said(&["token", "rotate", "fake-token", "--data", &data])).unwrap();
    assert_eq!(
        (code("fake-token"), code(rotated["token"].as_str().unwrap())),
        ("token_revoked".into(), "ok".into())
    );
    said(&["token", "revoke", "xoxp-cleo", "--data", &data]);
    assert_eq!(code(CLEO), "token_revoked");
    said(&["app", "uninstall", "pollbot", "--data", &data]);
    assert_eq!(code(POLL), "token_revoked");
    assert_eq!(code("xoxp-ben-of-pollbot"), "token_revoked");
    said(&["app", "uninstall", "helpdesk", "--data", &data]);
    assert_eq!(
        world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), &message("x")).status,
        401
    );
    said(&["user", "set", "ben", "--deactivated", "true", "--data", &data]);
    assert_eq!(code(BEN), "account_inactive");
    let declared = folder.join("second.yaml");
    std::fs::write(&declared, "workspace: {name: Second, id: T02SECOND}\napps: [{kind: slack, name: bot, bot_token: xoxb-second}]\n").unwrap();
    said(&["workspace", "create", declared.to_str().unwrap(), "--data", &data]);
    assert_eq!(code("xoxb-second"), "ok");
    check_fails(&["user", "list", "--data", &data], &[], "--workspace is needed");
    assert!(said(&["app", "list", "--data", &data, "--workspace", "T02SECOND"]).contains("bot"));
    said(&["workspace", "reset", "--data", &data, "--workspace", "T01ACME"]);
    assert_eq!((code(BEN), code(POLL), code("fake-token")), ("ok".into(), "ok".into(), "ok".into()));
    said(&["workspace", "drop", "--data", &data, "--workspace", "T02SECOND"]);
    assert_eq!(code("xoxb-second"), "invalid_auth");
}

#[test]
fn the_doctor() {
    let folder = Folder::new("cli-doctor");
    let data = folder.0.to_str().unwrap().to_owned();
    let world = World::on(Server::in_folder(&folder.0));
    (0..200).for_each(|n| {
        world.post(DEPLOY, GENERAL, &format!("message {n} {}", "x".repeat(500)));
    });
    assert!(world.server.stop().success());
    let healthy = said(&["doctor", "--data", &data]);
    assert!(healthy.contains("all is well") && healthy.contains("Acme"), "{healthy}");
    assert_eq!(said(&["doctor", "--data", &data]), healthy, "it changes nothing");
    let database = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path());
    let database = database.max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let whole = std::fs::read(&database).unwrap();
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 8192].fill(0xa5);
    std::fs::write(&database, &torn).unwrap();
    check_fails(&["doctor", "--data", &data], &[], "redraft:");
    std::fs::write(&database, b"this is no database at all, but it is long enough to be looked at").unwrap();
    check_fails(&["doctor", "--data", &data], &[], "redraft:");
    check_fails(&["serve", "--listen", "127.0.0.1:0", "--data", &data], &[], &data);
    std::fs::write(&database, &whole).unwrap();
    assert!(said(&["doctor", "--data", &data]).contains("all is well"));
}

#[test]
fn what_is_watched() {
    let world = World::new();
    world.post(DEPLOY, GENERAL, "x");
    world.slack("nonsense", "auth.test", &json!({}));
    let get = |path: &str| client::send("GET", &format!("{}{path}", world.server.url), &[], ("", b""));
    assert_eq!((get("/healthz").status, get("/healthz").body.as_str()), (200, "ok\n"));
    assert_eq!((get("/readyz").status, get("/readyz").body.as_str()), (200, "ready\n"));
    let metrics = get("/metrics");
    assert!(metrics.header("content-type").starts_with("text/plain"));
    for line in ["redraft_requests_total{part=\"slack\",status=\"2xx\"}", "redraft_request_seconds"] {
        assert!(metrics.body.contains(line), "{line}: {}", metrics.body);
    }
}

/// Logs are JSON on demand, and name a refused call with its reason but no token.
#[test]
fn logs() {
    let world = World::on(Server::start(&["--memory", "--log-format", "json", "--log", "debug"]));
    let ts = world.post(BEN, GENERAL, "a secret text");
    let refused = world.slack(DEPLOY, "chat.update", &json!({"channel": GENERAL, "ts": ts, "text": "x"}));
    let id = refused.header("x-slack-req-id").to_owned();
    let mut lines = String::new();
    // The log comes by a pipe of its own, after the answer.
    while !lines.contains(&id) {
        lines.clone_from(&world.server.log.lock().unwrap());
        std::thread::yield_now();
    }
    let line = lines.lines().find(|line| line.contains(&id) && line.contains("refused")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["fields"]["error"], &line["fields"]["method"]),
        (&json!("cant_update_message"), &json!("chat.update"))
    );
    assert!(line["fields"]["reasons"].as_str().unwrap().contains("posted by user U01BEN"));
    for secret in ["xoxb-deploy", "xoxp-ben", "a secret text", CONTROL] {
        assert!(!lines.contains(secret), "{secret} is in the log");
    }
}
