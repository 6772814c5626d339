//! Who may change and delete what: every cell of the table of rights through the wire, and the Connector's side.

use redraft_model::policy::{Asker, Right, Subject, rights};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::*;

/// One row's caller: the token, and the user as whom it acts.
struct Caller {
    token: &'static str,
    user: &'static str,
    home: bool,
    /// It hears of the ephemeral message: it made it, or acts for its reader through the same app.
    hears_of_it: bool,
}

fn caller(asker: Asker) -> Caller {
    let (token, user, home, hears_of_it) = match asker {
        Asker::Bot => (DEPLOY, "U01DEPLOY", true, true),
        Asker::Installer => (BEN, "U01BEN", true, true),
        Asker::Member => (CLEO, "U01CLEO", true, false),
        Asker::Administrator => (ADA, "U01ADA", true, false),
        Asker::OtherBot => (POLL, "U01POLL", true, false),
        Asker::OtherApp => ("xoxp-ben-of-pollbot", "U01BEN", true, false),
        Asker::OtherWorkspace => ("xoxp-elsewhere", "", false, false),
    };
    Caller { token, user, home, hears_of_it }
}

/// Another person, another app and another workspace beside the declared ones.
fn world() -> World {
    let world = World::new();
    world.controlled("POST", "/people", &json!({"name": "dora", "id": "U01DORA"}));
    let token = json!({"app": "deploybot", "user": "dora", "token": "xoxp-dora"});
    world.controlled("POST", "/tokens", &token);
    let app = json!({"kind": "slack", "name": "thirdbot", "id": "A01THIRD", "bot_user_id": "U01THIRD",
        "bot_token": "xoxb-third", "installed_by": "dora"});
    world.controlled("POST", "/apps", &app);
    let elsewhere = json!({"workspace": {"name": "Elsewhere"}, "apps": [{"kind": "slack", "name": "bot"}],
        "people": [{"name": "ada", "admin": true, "token": "xoxp-elsewhere"}]});
    let made = control(&world.server.url, "POST", "/workspaces", &elsewhere);
    assert_eq!(made.status, 201, "{}", made.body);
    world
}

/// What a cell is tried on: where, which message, and who posted it.
struct Target {
    channel: String,
    ts: String,
    poster: &'static str,
}

fn target(world: &World, caller: &Caller, subject: Subject) -> Target {
    let general = |ts, poster| Target { channel: GENERAL.into(), ts, poster };
    let author = if caller.home { caller.token } else { DEPLOY };
    match subject {
        Subject::Own => general(world.post(author, GENERAL, "own"), caller.user),
        Subject::AppsBot => general(world.post(DEPLOY, GENERAL, "the bot's"), "A01DEPLOY"),
        Subject::AsTheApp => {
            let args =
                json!({"channel": GENERAL, "text": "in guise", "username": "Build", "icon_emoji": ":gear:"});
            general(text_of(&world.ok(DEPLOY, "chat.postMessage", &args), "ts"), "A01DEPLOY")
        }
        Subject::OtherMember => general(world.post("xoxp-dora", GENERAL, "dora's"), "U01DORA"),
        Subject::OtherApp => general(world.post("xoxb-third", GENERAL, "third's"), "A01THIRD"),
        Subject::OthersDirect => {
            let other = if caller.home { caller.user } else { "U01CLEO" };
            let users = json!({"users": format!("U01THIRD,{other}")});
            let opened = world.ok("xoxp-dora", "conversations.open", &users);
            let channel = text_of(&opened["channel"], "id");
            let ts = world.post("xoxp-dora", &channel, "among us");
            Target { channel, ts, poster: "U01DORA" }
        }
        Subject::Platforms => {
            let user = if caller.home { caller.user } else { "U01DEPLOY" };
            for verb in ["PUT", "DELETE"] {
                world.controlled(verb, &format!("/channels/random/members/{user}"), &Value::Null);
            }
            let newest = world.ok(ADA, "conversations.history", &json!({"channel": RANDOM, "limit": 1}));
            let ts = text_of(&newest["messages"][0], "ts");
            Target { channel: RANDOM.into(), ts, poster: caller.user }
        }
        Subject::Tombstone => general(world.tombstone(author, GENERAL).0, ""),
        Subject::Ephemeral => general(world.ephemeral(DEPLOY, GENERAL), ""),
    }
}

/// The code of a refusal, by where in the order of refusals it stands.
fn refusal(caller: &Caller, subject: Subject, method: &str) -> &'static str {
    let updates = method == "chat.update";
    if !caller.home {
        "channel_not_found"
    } else if subject == Subject::Ephemeral && !(updates && caller.hears_of_it) {
        "message_not_found"
    } else if updates {
        "cant_update_message"
    } else {
        "cant_delete_message"
    }
}

fn ask(world: &World, caller: &Caller, target: &Target, method: &str) -> Answer {
    let mut args = json!({"channel": target.channel, "ts": target.ts});
    if method == "chat.update" {
        args["text"] = "changed".into();
    }
    world.slack(caller.token, method, &args)
}

fn check(world: &World, right: Right, method: &str, allowed: bool) {
    let (caller, subject) = (caller(right.asker), right.subject);
    let target = target(world, &caller, subject);
    let before = world.state();
    let answer = ask(world, &caller, &target, method);
    let row = format!("{:?} × {subject:?} × {method}: {}", right.asker, answer.body);
    if allowed {
        assert_eq!(answer.code(), "ok", "{row}");
        let after = world.stored(&target.channel, &target.ts);
        let done = if method == "chat.update" { after["text"] == "changed" } else { after.is_null() };
        assert!(done, "{row}: {after}");
        return;
    }
    assert_eq!(answer.code(), refusal(&caller, subject, method), "{row}");
    assert!(!answer.reasons().is_empty(), "{row}");
    if answer.code().starts_with("cant_") && !matches!(subject, Subject::Tombstone | Subject::Ephemeral) {
        for name in ["posted by", target.poster, caller.user] {
            assert!(answer.reasons().contains(name), "{row}: {name} is not named");
        }
    }
    assert_eq!(world.state(), before, "{row}: something changed");
}

/// The model's tests hold that `docs/RIGHTS.txt` is these rights, printed.
#[test]
fn every_cell_of_the_table() {
    let world = world();
    let cells: Vec<Right> = rights().collect();
    assert_eq!(cells.len(), 63);
    for right in &cells {
        check(&world, *right, "chat.update", right.update);
        check(&world, *right, "chat.delete", right.delete);
    }
    println!("rights: {} cells", cells.len() * 2);
    world.is_well();
}

/// A direct message of others is not there at all for those who are not in it, administrators included.
#[test]
fn unseen_conversations_are_missing_ones() {
    let world = world();
    let dm =
        text_of(&world.ok("xoxp-dora", "conversations.open", &json!({"users": "U01CLEO"}))["channel"], "id");
    let ts = world.post("xoxp-dora", &dm, "between us");
    let leads = world.post(BEN, LEADS, "among leads");
    let before = world.state();
    for (token, channel, ts) in [
        (ADA, &*dm, &ts),
        (BEN, &*dm, &ts),
        (DEPLOY, &*dm, &ts),
        (CLEO, LEADS, &leads),
        (DEPLOY, LEADS, &leads),
    ] {
        for method in
            ["chat.update", "chat.delete", "chat.getPermalink", "conversations.history", "conversations.info"]
        {
            let args = json!({"channel": channel, "ts": ts, "message_ts": ts, "text": "x"});
            let unseen = world.slack(token, method, &args);
            let mut args = args;
            args["channel"] = "C01NOWHERE".into();
            let missing = world.slack(token, method, &args);
            assert_eq!(unseen.code(), "channel_not_found", "{method} {channel}");
            let tell = |answer: &Answer, id: &str| answer.body.replace(id, "ID");
            assert_eq!(
                tell(&unseen, channel),
                tell(&missing, "C01NOWHERE"),
                "one can be told from the other"
            );
        }
    }
    assert_eq!(world.state(), before);
}

/// The Connector: a bot changes and deletes what it sent itself, and nothing else.
#[test]
fn the_connectors_side() {
    let world = World::new();
    let (helpdesk, planner) = (world.bot(HELPDESK), world.bot(PLANNER));
    let digits = |ts: String| ts.replace('.', "");
    let makes: [(&str, &str, &dyn Fn() -> String); 5] = [
        ("own", "200", &|| world.sends(&helpdesk, GENERAL_19, "own")),
        ("helpdesk|planner", "403 NotEnoughPermissions", &|| {
            world.sends(&planner, GENERAL_19, "other bot's")
        }),
        ("helpdesk|ben", "403 NotEnoughPermissions", &|| digits(world.post(BEN, GENERAL, "a person's"))),
        ("helpdesk|deploybot", "403 NotEnoughPermissions", &|| {
            digits(world.post(DEPLOY, GENERAL, "a Slack bot's"))
        }),
        ("deleted", "404 ActivityNotFoundInConversation", &|| connector_tombstone(&world, &helpdesk)),
    ];
    for (names, expected, make) in makes {
        for verb in ["PUT", "DELETE"] {
            let id = make();
            let before = world.state();
            let body = if verb == "PUT" { message("changed") } else { Value::Null };
            let answer = world.connector(&helpdesk, verb, &format!("/{GENERAL_19}/activities/{id}"), &body);
            assert_eq!(answer.outcome(), expected, "{verb} {names}: {}", answer.body);
            if expected != "200" {
                let said = answer.json["error"]["message"].as_str().unwrap();
                assert!(names.split('|').all(|name| said.contains(name)), "{names}: {said}");
                assert_eq!(world.state(), before, "{verb} {names}: something changed");
            }
        }
    }
    world.is_well();
}

fn connector_tombstone(world: &World, bot: &str) -> String {
    let root = world.sends(bot, GENERAL_19, "root");
    world.sends(bot, &format!("{GENERAL_19};messageid={root}"), "reply");
    let gone = world.connector(bot, "DELETE", &format!("/{GENERAL_19}/activities/{root}"), &Value::Null);
    assert_eq!(gone.outcome(), "200");
    root
}

/// What was sent through the Connector can't be changed through the Web API; an administrator may take it away, as
/// they may take away most messages.
#[test]
fn a_connector_message_and_the_web_api() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let rows = [
        (DEPLOY, "chat.update", "cant_update_message"),
        (DEPLOY, "chat.delete", "cant_delete_message"),
        (BEN, "chat.update", "cant_update_message"),
        (BEN, "chat.delete", "cant_delete_message"),
        (ADA, "chat.update", "cant_update_message"),
        (ADA, "chat.delete", "ok"),
    ];
    for (token, method, expected) in rows {
        let id = world.sends(&bot, GENERAL_19, "from Teams");
        let ts = format!("{}.{}", &id[..10], &id[10..]);
        let before = world.state();
        let answer = world.slack(token, method, &json!({"channel": GENERAL, "ts": ts, "text": "x"}));
        assert_eq!(answer.code(), expected, "{method}: {}", answer.body);
        if expected != "ok" {
            assert!(answer.reasons().contains("posted by app"), "{}", answer.body);
            assert_eq!(world.state(), before);
        }
    }
}

/// Each dialect's messages are readable in the other as text.
#[test]
fn messages_are_readable_in_both_dialects() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let card = json!({"type": "message", "text": "**Build 7** passed, see [log](https://x.example)"});
    let sent = world.connector(&bot, "POST", &format!("/{GENERAL_19}/activities"), &card);
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}));
    assert_eq!(history["messages"][0]["text"], "*Build 7* passed, see <https://x.example|log>");
    assert_eq!(history["messages"][0]["ts"].as_str().unwrap().replace('.', ""), text_of(&sent.json, "id"));
    let ts = world.post(DEPLOY, GENERAL, "*Build 8* failed, see <https://x.example|log>");
    let stored = world.stored(GENERAL, &ts);
    assert_eq!(stored["markdown"], "**Build 8** failed, see [log](https://x.example)");
    assert_eq!(stored["conversation_id"], GENERAL_19);
    assert_eq!(stored["activity_id"], ts.replace('.', ""));
}
