//! The rate limits of Teams. The exact counts are for unit tests, whose clock stands still; here, on a machine of any speed,
//! calls are made until one is refused, and none may have passed for which there was no room.

use std::time::Instant;

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::support::{Folder, Server};
use crate::world::{GENERAL_19, HELPDESK, LEADS_19, PLANNER, World, message, text_of};

/// Calls after which a machine counts as too slow to meet a limit.
const CALLS_MAX: u32 = 600;

fn limited() -> World {
    World::on(Server::start(&["--memory", "--rate-limits", "teams"]))
}

/// Makes these calls in turn until one is refused for the rate, and gives back its answer. So many must pass, and no more
/// in any second.
fn fill(name: &str, in_a_second: u32, mut call: impl FnMut(u32) -> Answer) -> Option<Answer> {
    let start = Instant::now();
    for passed in 0..CALLS_MAX {
        let answer = call(passed);
        let windows = u32::try_from(start.elapsed().as_secs()).unwrap() + 1;
        if answer.status == 429 {
            assert!(in_a_second <= passed, "{name}: refused after {passed}");
            return Some(answer);
        }
        assert!(answer.status < 300, "{name}: {}", answer.body);
        assert!(passed < in_a_second * windows, "{name}: {passed} passed in {windows} s");
    }
    None
}

/// Advances the clock by as much as the answer says.
fn wait(world: &World, refused: &Answer) {
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    world.controlled("POST", "/clock", &json!({"advance_ms": seconds * 1000}));
}

/// The calls of one window, made in turn: name, calls in a second, bot, and verb, path and body of each.
/// `$id` is an activity of the bot's, `$general` and `$leads` are channels.
const WINDOWS: [(&str, u32, (&str, &str), &[(&str, &str, &str)]); 9] = [
    ("send", 7, HELPDESK, &[("POST", "/$general/activities", r#"{"type":"message","text":"a"}"#)]),
    ("reply", 7, HELPDESK, &[("POST", "/$general/activities/$id", r#"{"type":"message","text":"a"}"#)]),
    ("typing", 7, HELPDESK, &[("POST", "/$general/activities", r#"{"type":"typing"}"#)]),
    (
        "send, update and reply in one thread and another",
        7,
        HELPDESK,
        &[
            ("PUT", "/$general/activities/$id", r#"{"type":"message","text":"b"}"#),
            ("POST", "/$general/activities", r#"{"type":"message","text":"a"}"#),
            ("POST", "/$general;messageid=$id/activities", r#"{"type":"message","text":"a"}"#),
        ],
    ),
    ("create for a person", 7, PLANNER, &[("POST", "", r#"{"members":[{"id":"29:1ada"}]}"#)]),
    (
        "create in a channel",
        7,
        PLANNER,
        &[(
            "POST",
            "",
            r#"{"isGroup":true,"channelData":{"channel":{"id":"$leads"}},"activity":{"type":"message","text":"a"}}"#,
        )],
    ),
    (
        "members",
        14,
        PLANNER,
        &[
            ("GET", "/$leads/members", "null"),
            ("GET", "/$leads/pagedmembers", "null"),
            ("GET", "/$leads/members/29:1ada", "null"),
            ("GET", "/$leads/activities/1/members", "null"),
        ],
    ),
    ("conversations", 14, PLANNER, &[("GET", "", "null")]),
    (
        "reactions",
        2,
        HELPDESK,
        &[
            ("PUT", "/$general/activities/$id/reactions/like", "null"),
            ("DELETE", "/$general/activities/$id/reactions/like", "null"),
        ],
    ),
];

#[test]
fn every_window_fills_and_opens() {
    let world = limited();
    world.name("general", GENERAL_19);
    world.name("leads", LEADS_19);
    world.name("id", world.sends(&world.bot(HELPDESK), GENERAL_19, "theirs"));
    for (name, in_a_second, bot, calls) in WINDOWS {
        world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
        let token = world.bot(bot);
        let call = |number: u32| {
            let (verb, path, body) = calls[number as usize % calls.len()];
            world.connector(&token, verb, &world.fill(path), &world.args(body))
        };
        let refused = fill(name, in_a_second, call).unwrap_or_else(|| panic!("{name} was never refused"));
        assert_eq!(
            refused.json,
            json!({"error": {"code": "Throttled", "message": "Too many requests."}}),
            "{name}"
        );
        wait(&world, &refused);
        let answer = call(0);
        assert!(answer.status < 300, "{name}: {}", answer.body);
    }
}

#[test]
fn a_refused_call_changes_nothing() {
    let world = limited();
    let token = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let mut before = world.state();
    let refused = fill("send", 7, |number| {
        before = world.state();
        world.connector(&token, "POST", &path, &message(&number.to_string()))
    });
    assert!(refused.is_some());
    assert_eq!(world.state(), before);
}

#[test]
fn deletions_share_the_window_of_sends() {
    let world = limited();
    let token = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let mut last = String::new();
    let refused = fill("send and delete", 7, |number| {
        if number % 2 == 1 {
            return world.connector(&token, "DELETE", &format!("{path}/{last}"), &Value::Null);
        }
        let answer = world.connector(&token, "POST", &path, &message("a"));
        if answer.status == 201 {
            last = text_of(&answer.json, "id");
        }
        answer
    });
    assert!(refused.is_some());
}

/// Three bots in one conversation, of which each alone would pass.
#[test]
fn all_bots_of_a_conversation_together() {
    let world = limited();
    let third = ("33333333-0000-4000-8000-000000000003", "third-password");
    let app = json!({"kind": "teams", "name": "third", "app_id": third.0, "app_password": third.1,
        "channels": ["general"]});
    world.controlled("POST", "/apps", &app);
    let tokens = [HELPDESK, PLANNER, third].map(|bot| world.bot(bot));
    let path = format!("/{GENERAL_19}/activities");
    let refused = fill("send", 14, |number| {
        world.connector(&tokens[number as usize % tokens.len()], "POST", &path, &message("a"))
    });
    assert!(refused.is_some());
}

/// Whatever a bot does, about no conversation at all, and what is not there counts, too.
#[test]
fn everything_that_a_bot_does() {
    let world = limited();
    let bearer = format!("Bearer {}", world.bot(PLANNER));
    let url = format!("{}/v3/attachments/{}", world.server.url, "0".repeat(64));
    fill("attachments", 50, |_| {
        let answer = client::send("GET", &url, &[("authorization", &bearer)], ("", b""));
        if answer.status == 404 { Answer { status: 200, ..answer } } else { answer }
    });
}

/// By flag, variable or file; without, nobody is refused.
#[test]
fn it_is_asked_for() {
    let folder = Folder::new("rates");
    let file = folder.join("redraft.toml");
    std::fs::write(&file, "rate-limits = [\"teams\"]\n").unwrap();
    let file = file.to_str().unwrap();
    for (options, variables, limited) in [
        (&["--memory"][..], &[][..], false),
        (&["--memory", "--rate-limits", "teams"], &[], true),
        (&["--memory"], &[("REDRAFT_RATE_LIMITS", "teams")], true),
        (&["--memory", "--config", file], &[], true),
    ] {
        let world = World::on(Server::spawn(options, variables));
        let token = world.bot(HELPDESK);
        let path = format!("/{GENERAL_19}/activities");
        let send = |_| world.connector(&token, "POST", &path, &message("a"));
        if limited {
            assert!(fill("send", 7, send).is_some(), "{options:?} {variables:?}");
        } else {
            assert!((0..100).map(send).all(|answer| answer.status == 201));
        }
    }
}
