//! Slack's rate limits: off unless asked for, a window for each method, app and channel, and refusals that a test forces.

use std::time::Instant;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::support::Server;
use crate::world::*;

/// After so many windows a machine counts as too slow to meet a limit.
const WINDOWS_MAX: u32 = 20;

fn limited() -> World {
    World::on(Server::start(&["--memory", "--rate-limits", "slack"]))
}

/// Calls until one is refused for its rate. So many must pass, and no more in a window.
fn fill(name: &str, (most, seconds): (u32, u64), mut call: impl FnMut() -> Answer) -> Answer {
    let start = Instant::now();
    for passed in 0..most * WINDOWS_MAX {
        let answer = call();
        let windows = u32::try_from(start.elapsed().as_secs() / seconds).unwrap() + 1;
        if answer.status == 429 {
            assert!(most <= passed, "{name}: refused after {passed}");
            assert_eq!(answer.code(), "ratelimited", "{name}");
            return answer;
        }
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert!(passed < most * windows, "{name}: {passed} passed in {windows} windows");
    }
    panic!("{name}: this machine is too slow to meet the limit");
}

/// Waits for what the answer says, on the workspace's clock.
fn wait(world: &World, refused: &Answer) {
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    world.controlled("POST", "/clock", &json!({"advance_ms": seconds * 1000}));
}

#[test]
fn tiers() {
    let world = limited();
    let ts = world.post(DEPLOY, GENERAL, "x");
    let mark = json!({"channel": GENERAL, "timestamp": ts, "name": "eyes"});
    for (method, most, args) in [
        ("users.list", 20, json!({})),
        ("chat.update", 50, json!({"channel": GENERAL, "ts": ts, "text": "y"})),
        ("users.info", 100, json!({"user": "U01BEN"})),
        // A call that is refused for another reason counts as well.
        ("reactions.remove", 20, mark),
    ] {
        let refused = fill(method, (most, 60), || world.slack(DEPLOY, method, &args));
        assert!(refused.reasons().contains("too many calls"), "{}", refused.body);
        assert_eq!(world.slack(POLL, method, &args).status, 200, "{method}: another app has its own");
        assert_eq!(
            world.slack(DEPLOY, "auth.test", &json!({})).status,
            200,
            "{method}: and so another method"
        );
        wait(&world, &refused);
        assert_eq!(world.slack(DEPLOY, method, &args).status, 200, "{method}");
    }
}

#[test]
fn posting() {
    let world = limited();
    let post =
        |channel: &str| world.slack(DEPLOY, "chat.postMessage", &json!({"channel": channel, "text": "x"}));
    let before = world.log_end();
    let refused = fill("posts", (5, 5), || post(GENERAL));
    let posted = world.log_end();
    assert!(5 <= posted - before);
    // By name it is the same channel; another channel and another app have windows of their own.
    assert_eq!(post("#general").status, 429);
    assert_eq!(world.log_end(), posted, "a refused call posts nothing");
    assert_eq!(post(RANDOM).status, 200);
    assert_eq!(world.slack(POLL, "chat.postMessage", &json!({"channel": GENERAL, "text": "x"})).status, 200);
    wait(&world, &refused);
    assert_eq!(post(GENERAL).status, 200);
}

#[test]
fn nobody_is_limited_unasked() {
    for world in [World::new(), World::on(Server::start(&["--memory", "--rate-limits", "teams"]))] {
        for _ in 0..30 {
            assert_eq!(world.slack(DEPLOY, "users.list", &json!({})).status, 200);
        }
    }
    let both = World::on(Server::start(&["--memory", "--rate-limits", "slack,teams"]));
    fill("users.list", (20, 60), || both.slack(DEPLOY, "users.list", &json!({})));
    let token = both.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let refused = (0..600).find_map(|_| {
        let answer = both.connector(&token, "POST", &path, &message("a"));
        (answer.status == 429).then_some(answer)
    });
    assert!(refused.is_some(), "and Teams' as well");
}

/// A test says which calls are refused, and for how long.
#[test]
fn forced() {
    let world = World::new();
    let force = |body: Value| world.control("POST", "/apps/deploybot/rate-limits", &body);
    let asked = force(json!({"method": "chat.update", "calls": 2, "retry_after_seconds": 7}));
    assert_eq!((asked.status, &asked.json["app"]), (200, &json!("A01DEPLOY")), "{}", asked.body);
    let ts = world.post(DEPLOY, GENERAL, "x");
    let args = json!({"channel": GENERAL, "ts": ts, "text": "y"});
    let before = world.log_end();
    for _ in 0..2 {
        let refused = world.slack(DEPLOY, "chat.update", &args);
        assert_eq!((refused.status, refused.header("retry-after")), (429, "7"), "{}", refused.body);
        assert_eq!(refused.json["error"], "ratelimited");
    }
    assert_eq!(world.log_end(), before);
    assert_eq!(world.slack(DEPLOY, "chat.update", &args).status, 200);
    assert_eq!(force(json!({})).status, 200);
    assert_eq!(world.slack(POLL, "auth.test", &json!({})).status, 200);
    assert_eq!(world.slack(DEPLOY, "auth.test", &json!({})).status, 429);
    assert_eq!(world.slack(DEPLOY, "auth.test", &json!({})).status, 200);
    for (app, body, outcome) in [
        ("nobody", json!({}), "404 not_found"),
        ("helpdesk", json!({}), "400 bad_request"),
        ("deploybot", json!({"retry_after_seconds": 0}), "400 bad_request"),
        ("deploybot", json!({"retry_after_seconds": 86_401}), "400 bad_request"),
        ("deploybot", json!({"method": "x".repeat(101)}), "400 bad_request"),
        ("deploybot", json!({"calls": -1}), "400 bad_request"),
    ] {
        let path = format!("/apps/{app}/rate-limits");
        assert_eq!(world.control("POST", &path, &body).outcome(), outcome, "{app} {body}");
    }
}
