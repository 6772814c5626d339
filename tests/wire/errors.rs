//! Every documented code: a request that produces it, or a line in `docs/COVERAGE.md` that says why none can.

use std::collections::BTreeSet;

use redraft_wire::slack::errors::{GLOBAL, documented};
use serde_json::{Value, json};

use crate::client;
use crate::coverage::Coverage;
use crate::world::*;

mod bot_connector;
mod changing;
mod chat;
mod conversations;
mod elsewhere;
mod every_method;
mod marks;
mod people;
mod posting;
mod scene;

use bot_connector::{CONNECTOR, CONNECTOR_CODES, TOKENS};
use elsewhere::ELSEWHERE;
use scene::world;

/// Method, code, token, arguments.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Every method that the server has.
pub const METHODS: &[&str] = &[
    "api.test",
    "apps.connections.open",
    "auth.revoke",
    "auth.test",
    "bots.info",
    "chat.appendStream",
    "chat.delete",
    "chat.deleteScheduledMessage",
    "chat.getPermalink",
    "chat.meMessage",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.scheduleMessage",
    "chat.scheduledMessages.list",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
    "conversations.archive",
    "conversations.close",
    "conversations.create",
    "conversations.history",
    "conversations.info",
    "conversations.invite",
    "conversations.join",
    "conversations.kick",
    "conversations.leave",
    "conversations.list",
    "conversations.mark",
    "conversations.members",
    "conversations.open",
    "conversations.rename",
    "conversations.replies",
    "conversations.setPurpose",
    "conversations.setTopic",
    "conversations.unarchive",
    "files.completeUploadExternal",
    "files.delete",
    "files.getUploadURLExternal",
    "files.info",
    "oauth.v2.access",
    "pins.add",
    "pins.list",
    "pins.remove",
    "reactions.add",
    "reactions.get",
    "reactions.list",
    "reactions.remove",
    "redraft.messages.revisions",
    "team.info",
    "usergroups.list",
    "usergroups.users.list",
    "users.conversations",
    "users.getPresence",
    "users.info",
    "users.list",
    "users.lookupByEmail",
    "users.profile.get",
    "views.open",
    "views.publish",
    "views.push",
    "views.update",
];

/// The rows of Slack's methods, in the order in which they are tried.
fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        every_method::ROWS,
        posting::ROWS,
        changing::ROWS,
        chat::ROWS,
        conversations::ROWS,
        marks::ROWS,
        people::ROWS,
    ];
    tables.into_iter().flatten()
}

/// Codes of the encoding: code, content type, body.
const ENCODINGS: &[(&str, &str, &str)] = &[
    ("invalid_charset", "application/json; charset=koi8-r", "{}"),
    ("invalid_form_data", "application/x-www-form-urlencoded", "channel=%ff"),
    ("invalid_form_data", "multipart/form-data", "x"),
    ("invalid_json", "application/json; charset=utf-8", "{"),
    ("json_not_object", "application/json; charset=utf-8", "[1]"),
    ("invalid_post_type", "application/xml", "<a/>"),
    ("missing_post_type", "", "x"),
    ("invalid_array_arg", "application/x-www-form-urlencoded", "users[]=1"),
    ("invalid_arg_name", "application/x-www-form-urlencoded", "a-b=1"),
];

#[test]
fn every_row_gives_its_code() {
    let world = world();
    let late = |code: &str| code == "no_dual_broadcast_content_update";
    let mut wrong: Vec<String> =
        rows().filter(|row| !late(row.1)).filter_map(|row| check(&world, row)).collect();
    world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    wrong.extend(rows().filter(|row| late(row.1)).filter_map(|row| check(&world, row)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (code, kind, body) in ENCODINGS {
        let url = format!("{}/api/chat.postMessage", world.server.url);
        let answer =
            client::send("POST", &url, &[("authorization", "Bearer xoxb-deploy")], (kind, body.as_bytes()));
        assert_eq!((answer.status, answer.code()), (200, *code), "{kind}: {}", answer.body);
    }
    println!("errors: {} rows", rows().count() + ENCODINGS.len());
    world.is_well();
}

/// What is wrong with the answer to a row, if anything is.
fn check(world: &World, (method, code, token, args): &Row) -> Option<String> {
    let before = world.log_end();
    let answer = world.slack(token, method, &world.args(args));
    let shown = format!("{method} {code} {token} {args:.80}: {:.300}", answer.body);
    if (answer.status, answer.code()) != (200, *code) {
        return Some(shown);
    }
    if world.log_end() != before {
        return Some(format!("{shown}: a refusal changed something"));
    }
    let silent = *code != "unknown_method" && answer.reasons().is_empty();
    silent.then(|| format!("{shown}: no reason is given"))
}

#[test]
fn every_connector_row_gives_its_code() {
    let world = world();
    let bot = world.bot(HELPDESK);
    for (verb, path, body, expected) in CONNECTOR {
        let before = world.log_end();
        let body = if body.is_empty() { Value::Null } else { world.args(body) };
        let answer = world.connector(&bot, verb, &world.fill(path), &body);
        assert_eq!(answer.outcome(), *expected, "{verb} {path}: {}", answer.body);
        assert!(!answer.json["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(answer.status == 405, !answer.header("allow").is_empty(), "{verb} {path}");
        assert_eq!(world.log_end(), before, "{verb} {path}: a refusal changed something");
    }
    let denied = world.connector("nonsense", "GET", &format!("/{GENERAL_19}/members"), &Value::Null);
    assert_eq!(
        (denied.outcome().as_str(), denied.header("www-authenticate")),
        ("401 BotNotRegistered", "Bearer")
    );
    for (id, secret, more, expected) in TOKENS {
        let (id, secret) = (id.replace("$id", HELPDESK.0), secret.replace("$secret", HELPDESK.1));
        let body = format!("client_id={id}&client_secret={secret}{more}");
        for path in ["oauth2/v2.0/token", "oauth2/token"] {
            let url = format!("{}/botframework.com/{path}", world.server.url);
            let answer =
                client::send("POST", &url, &[], ("application/x-www-form-urlencoded", body.as_bytes()));
            let error = answer.json["error"].as_str().map_or(String::new(), |error| format!(" {error}"));
            assert_eq!(format!("{}{error}", answer.status), *expected, "{more}: {}", answer.body);
            let described =
                answer.json["error_description"].as_str().is_some_and(|text| text.starts_with("AADSTS"));
            assert_eq!(described, *expected != "200");
        }
    }
    println!("errors: {} rows of the Connector", CONNECTOR.len() + 1 + TOKENS.len() * 2);
    world.is_well();
}

/// A channel that holds no more members.
#[test]
fn a_full_channel() {
    let folder = crate::support::Folder::new("full");
    let seed = folder.join("full.yaml");
    let people: Vec<Value> = (0..50_000).map(|n| json!({"name": format!("p{n}")})).collect();
    let channel = json!({"name": "full", "id": "C01FULL"});
    let app = json!({"kind": "slack", "name": "bot", "bot_token": "xoxb-bot", "channels": []});
    let world = json!({"people": people, "channels": [channel], "apps": [app]});
    std::fs::write(&seed, world.to_string()).unwrap();
    let server = crate::support::Server::start(&["--memory", "--seed", seed.to_str().unwrap()]);
    let joined = slack(&server.url, "xoxb-bot", "conversations.join", &json!({"channel": "C01FULL"}));
    assert_eq!(joined.code(), "too_many_members", "{}", joined.body);
}

/// Method and code of every row.
fn produced() -> BTreeSet<(String, String)> {
    let rows = rows().map(|(method, code, ..)| (*method, *code));
    let rows = rows.chain(ELSEWHERE.iter().map(|(method, code, _)| (*method, *code)));
    let encodings = ENCODINGS.iter().map(|(code, ..)| ("every method", *code));
    let connector =
        CONNECTOR.iter().map(|(.., outcome)| ("Connector", outcome.split(' ').next_back().unwrap()));
    let all = rows.chain(encodings).chain(connector).chain([("Connector", "BotNotRegistered")]);
    all.map(|(method, code)| (method.to_owned(), code.to_owned())).collect()
}

/// Every documented code is produced by a row, or `docs/COVERAGE.md` says why it cannot occur; never both.
#[test]
fn no_documented_code_is_forgotten() {
    let coverage = Coverage::read();
    let produced = produced();
    let anywhere: BTreeSet<&String> = produced.iter().map(|(_, code)| code).collect();
    let global = GLOBAL.iter().map(|code| ("every method", *code));
    let methods = METHODS.iter().flat_map(|method| documented(method).iter().map(|code| (*method, *code)));
    let connector = CONNECTOR_CODES.iter().map(|code| ("Connector", *code));
    let mut wrong = Vec::new();
    let mut all = BTreeSet::new();
    for (method, code) in global.chain(methods).chain(connector) {
        all.insert((method.to_owned(), code.to_owned()));
        let made = produced.contains(&(method.into(), code.into()));
        let made = made || (method == "every method" && anywhere.contains(&code.to_owned()));
        match (made, coverage.cannot_occur(method, code)) {
            (false, false) => wrong.push(format!("{method} {code}: neither produced nor explained")),
            (true, true) => wrong.push(format!("{method} {code}: produced, yet said to be unable to occur")),
            _ => {}
        }
    }
    let listed = coverage.impossible.iter().filter(|entry| !all.contains(*entry));
    wrong.extend(listed.map(|(method, code)| format!("{method} {code}: explained, but not documented")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("errors: {} documented codes, {} unable to occur", all.len(), coverage.impossible.len());
}

/// Every method and argument of a row has its line in `docs/COVERAGE.md`, and every test that is named there exists.
#[test]
fn coverage_names_what_the_rows_use() {
    let coverage = Coverage::read();
    let mut wrong = Vec::new();
    for (method, code, _, args) in rows().filter(|row| row.1 != "unknown_method") {
        if !coverage.methods.contains_key(*method) {
            wrong.push(format!("{method}: no section"));
            continue;
        }
        let odd = ["invalid_array_arg", "invalid_arg_name"].contains(code);
        let quoted = args.split('"').skip(1).step_by(2).filter(|_| !odd);
        let args: Vec<&str> =
            top_level(args).into_iter().filter(|name| quoted.clone().any(|it| it == *name)).collect();
        wrong.extend(
            args.iter()
                .filter(|name| !coverage.has(method, name))
                .map(|name| format!("{method} {name}: no row")),
        );
    }
    wrong.extend(
        METHODS.iter().filter(|method| !coverage.methods.contains_key(**method)).map(|it| (*it).to_owned()),
    );
    wrong.extend(coverage.missing_tests());
    wrong.extend(
        ELSEWHERE
            .iter()
            .filter(|(.., test)| !Coverage::exists(test))
            .map(|(.., test)| format!("{test}: no such test")),
    );
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every argument that the code of the Web API reads has a line of some method in `docs/COVERAGE.md`.
#[test]
fn coverage_names_what_the_code_reads() {
    let coverage = Coverage::read();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/slack/src");
    let mut read = BTreeSet::new();
    for file in crate::coverage::sources(&folder) {
        let source = std::fs::read_to_string(file).unwrap();
        for way in ["required", "filled", "text", "flag", "number", "list", "has"] {
            let start = format!("args.{way}(\"");
            let calls = source.split(&start).skip(1);
            read.extend(calls.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    assert!(20 < read.len(), "{read:?}");
    let known: BTreeSet<&String> = METHODS.iter().flat_map(|method| &coverage.methods[*method]).collect();
    let missing: Vec<&String> = read.iter().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The names of an object's own members, placeholders and all.
fn top_level(object: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start, mut inside) = (0, None, false);
    for (place, char) in object.char_indices() {
        match char {
            '"' if !inside => (inside, start) = (true, Some(place + 1)),
            '"' => {
                inside = false;
                let name = start.map(|start| &object[start..place]).unwrap_or_default();
                if depth == 1 && object[place + 1..].starts_with(':') {
                    names.push(name);
                }
            }
            '{' | '[' if !inside => depth += 1,
            '}' | ']' if !inside => depth -= 1,
            _ => {}
        }
    }
    names
}
