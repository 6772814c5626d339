//! Every event reaches its Slack app or lies in the list of dead letters, on Slack's schedule and with Slack's marks.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bot::{Bot, Gate, Heard, Say, until};
use crate::support::{Folder, Server};
use crate::world::*;

/// How long apps may take where a test has one that takes too long. Whoever is to be heard in time needs another server.
const TIMEOUT_MS: &str = "150";

const SECRET: &str = "deploy-signing-secret";

/// A server in this folder that does not wait long for apps.
fn impatient(folder: &Folder) -> World {
    World::on(Server::start(&["--data", folder.0.to_str().unwrap(), "--bot-timeout-ms", TIMEOUT_MS]))
}

/// The same server started again, as patient as Slack.
fn patient(folder: &Folder, impatient: World) -> World {
    assert!(impatient.server.stop().success());
    World::on(Server::in_folder(&folder.0))
}

/// A bot that deploybot's events go to.
fn deploybot(world: &World) -> Bot {
    Bot::of_slack(world, "deploybot", &["message.channels", "app_mention"])
}

/// So many messages; their texts are numbers.
fn write_many(world: &World, channel: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| world.post(ADA, channel, &number.to_string())).collect()
}

fn list(world: &World) -> Vec<Value> {
    let listed = world.controlled("GET", "/apps/deploybot/deliveries?limit=1000", &Value::Null);
    listed["deliveries"].as_array().unwrap().clone()
}

/// Waits until the list holds this: `2` is a delivery after two attempts, `2 dead` one that was given up after them.
fn until_listed(world: &World, wanted: &[&str]) -> Vec<Value> {
    let shown = |it: &Value| format!("{}{}", it["attempts"], if it["dead"] == true { " dead" } else { "" });
    until(&format!("the list {wanted:?}"), || {
        let listed = list(world);
        (listed.iter().map(shown).collect::<Vec<_>>() == wanted).then_some(listed)
    })
}

fn goes_by(world: &World, seconds: u64) {
    world.controlled("POST", "/clock", &json!({"advance_ms": seconds * 1000}));
}

fn replay(world: &World) -> Vec<Value> {
    let replayed = world.controlled("POST", "/apps/deploybot/deliveries/replay", &json!({}));
    replayed["replayed"].as_array().unwrap().clone()
}

fn ok(_: &Heard) -> Say {
    Say::Json(200, json!({}))
}

fn texts(bot: &Bot) -> Vec<String> {
    bot.heard().iter().map(|heard| text_of(heard.event(), "text")).collect()
}

/// Which attempt a request says that it is, and why there is another one.
fn mark(heard: &Heard) -> String {
    let header = |name: &str| heard.headers.get(name).cloned().unwrap_or_default();
    format!("{} {}", header("x-slack-retry-num"), header("x-slack-retry-reason")).trim().to_owned()
}

/// An answer without a body.
fn head(status_and_headers: &str) -> Say {
    Say::Raw(
        format!("HTTP/1.1 {status_and_headers}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .into_bytes(),
    )
}

fn endless(_: &Heard) -> Say {
    let body = "x".repeat(3 << 20);
    Say::Raw(format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// What an app does, Slack's word for it, and what the list says. All of it is tried again at once, after a minute and
/// after five, as the same event.
#[test]
fn failures() {
    type Answer = fn(&Heard) -> Say;
    let rows: &[(&str, Answer, &str, &str)] = &[
        ("fails", |_| Say::Json(500, json!({})), "http_error", "the app answered 500"),
        ("does not know it", |_| Say::Json(404, json!({})), "http_error", "the app answered 404"),
        ("sends on without saying where", |_| head("302 X"), "http_error", "the app answered 302"),
        (
            "sends round in circles",
            |_| head("302 X\r\nlocation: /api/messages"),
            "too_many_redirects",
            "sent on",
        ),
        ("hangs up", |_| Say::Raw(Vec::new()), "connection_failed", "the connection broke"),
        ("talks without end", endless, "unknown_error", "more than 1048576 bytes"),
    ];
    let world = World::new();
    let bot = deploybot(&world);
    for (what, answer, word, reason) in rows {
        let before = bot.heard().len();
        bot.answers(answer);
        world.post(ADA, GENERAL, what);
        let listed = until_listed(&world, &["2"]);
        assert!(text_of(&listed[0], "reason").contains(reason), "{what}: {listed:?}");
        goes_by(&world, 59);
        assert_eq!(list(&world)[0]["attempts"], 2, "{what}: not before its time");
        goes_by(&world, 1);
        until_listed(&world, &["3"]);
        goes_by(&world, 300);
        let listed = until_listed(&world, &["4 dead"]);
        assert_eq!((&listed[0]["channel"], &listed[0]["part"]), (&json!(GENERAL), &json!(0)));
        bot.answers(ok);
        assert_eq!(replay(&world), [listed[0]["position"].clone()], "{what}");
        until_listed(&world, &[]);
        // Sent on, a request comes three times.
        let times = if *word == "too_many_redirects" { 3 } else { 1 };
        let heard = &bot.heard()[before..];
        let mut marks: Vec<String> = (1..4).map(|number| format!("{number} {word}")).collect();
        marks.insert(0, String::new());
        let mut wanted: Vec<String> = marks.iter().flat_map(|mark| vec![mark.clone(); times]).collect();
        wanted.push(String::new());
        assert_eq!(heard.iter().map(mark).collect::<Vec<_>>(), wanted, "{what}");
        let ids: BTreeSet<String> = heard.iter().map(|it| text_of(&it.activity, "event_id")).collect();
        assert_eq!(ids.len(), 1, "{what}: another event id");
        assert!(heard.iter().all(|it| it.is_signed(SECRET) && it.event()["text"] == *what));
    }
    world.is_well();
}

/// Nobody is there, or somebody who speaks no TLS.
#[test]
fn no_connection() {
    let world = World::new();
    let bot = deploybot(&world);
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = format!("https://{}/", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in plain.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 1 << 16]);
            let _ = connection.write_all(b"HTTP/1.1 400 X\r\n\r\n");
        }
    });
    for (url, word) in [("http://127.0.0.1:1/", "connection_failed"), (&*tls, "ssl_error")] {
        world.controlled("PATCH", "/apps/deploybot", &json!({"endpoint": url}));
        world.post(ADA, GENERAL, word);
        until_listed(&world, &["2"]);
        world.controlled("PATCH", "/apps/deploybot", &json!({"endpoint": bot.url}));
        goes_by(&world, 60);
        until_listed(&world, &[]);
        let heard = bot.heard();
        assert_eq!(mark(&heard[heard.len() - 1]), format!("2 {word}"));
    }
}

/// An app that says nothing, or says it too late.
#[test]
fn silence() {
    let folder = Folder::new("slack");
    let world = impatient(&folder);
    let bot = deploybot(&world);
    let gate = Gate::default();
    let closed = gate.clone();
    bot.answers(move |heard| {
        closed.pass();
        ok(heard)
    });
    world.post(ADA, GENERAL, "slowly");
    let listed = until_listed(&world, &["2"]);
    assert_eq!(listed[0]["reason"], "no answer within 150 ms");
    gate.open();
    let world = patient(&folder, world);
    until_listed(&world, &["2"]);
    goes_by(&world, 60);
    until_listed(&world, &[]);
    assert_eq!(bot.heard().iter().map(mark).collect::<Vec<_>>(), ["", "1 http_timeout", "2 http_timeout"]);
}

/// `X-Slack-No-Retry: 1` ends the attempts.
#[test]
fn no_further_attempt() {
    let world = World::new();
    let bot = deploybot(&world);
    bot.answers(|_| head("500 X\r\nX-Slack-No-Retry: 1"));
    world.post(ADA, GENERAL, "once");
    let listed = until_listed(&world, &["1 dead"]);
    assert!(text_of(&listed[0], "reason").contains("wants no further attempt"), "{listed:?}");
    bot.answers(|_| head("500 X\r\nX-Slack-No-Retry: 0"));
    replay(&world);
    until_listed(&world, &["2"]);
}

/// Up to two redirects are followed, with the same bytes.
#[test]
fn sent_on() {
    let world = World::new();
    let (first, last) = (deploybot(&world), Bot::new());
    let (here, there) = (first.url.clone(), last.url.clone());
    let sent = Arc::new(AtomicUsize::new(0));
    first.answers(move |_| match sent.fetch_add(1, Ordering::SeqCst) {
        0 => head(&format!("307 X\r\nlocation: {here}")),
        _ => head(&format!("301 X\r\nlocation: {there}")),
    });
    world.post(ADA, GENERAL, "follow me");
    let heard = last.wait_for(1);
    assert!(heard[0].is_signed(SECRET) && heard[0].event()["text"] == "follow me");
    assert!(first.heard().iter().all(|it| it.body == heard[0].body) && first.heard().len() == 2);
    assert_eq!(list(&world), [] as [Value; 0]);
}

/// What one event is to an app, is delivered each by itself.
#[test]
fn the_parts_of_an_event_fail_by_themselves() {
    let world = World::new();
    let bot = deploybot(&world);
    bot.answers(|heard| Say::Json(if heard.event()["type"] == "app_mention" { 500 } else { 200 }, json!({})));
    world.post(ADA, GENERAL, "<@U01DEPLOY> hello");
    let listed = until_listed(&world, &["2"]);
    assert_eq!(listed[0]["part"], 1);
    bot.answers(ok);
    goes_by(&world, 60);
    until_listed(&world, &[]);
    let kinds: Vec<String> = bot.heard().iter().map(|it| text_of(it.event(), "type")).collect();
    assert_eq!(kinds, ["message", "app_mention", "app_mention", "app_mention"]);
}

/// First attempts keep the order of each conversation; one that failed holds back nobody.
#[test]
fn order() {
    let world = World::new();
    let bot = deploybot(&world);
    let failed = Arc::new(AtomicUsize::new(0));
    bot.answers(move |heard| {
        let fails = heard.event()["text"] == "0" && failed.fetch_add(1, Ordering::SeqCst) < 4;
        Say::Json(if fails { 500 } else { 200 }, json!({}))
    });
    for channel in [GENERAL, RANDOM] {
        write_many(&world, channel, 20);
    }
    until_listed(&world, &["2", "2"]);
    let heard = bot.wait_for(42);
    for channel in [GENERAL, RANDOM] {
        let here = heard.iter().filter(|it| it.event()["channel"] == channel && mark(it).is_empty());
        let numbers: Vec<String> = here.map(|it| text_of(it.event(), "text")).collect();
        assert_eq!(numbers, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
    }
    goes_by(&world, 60);
    until_listed(&world, &[]);
}

/// After five time-outs in a row an app is down: what has not begun and what comes then waits a minute.
#[test]
fn five_time_outs() {
    let folder = Folder::new("slack");
    let world = impatient(&folder);
    let bot = Bot::of_slack(&world, "deploybot", &["message.channels"]);
    bot.answers(|_| Say::Nothing);
    write_many(&world, GENERAL, 8);
    // Those that were begun time out twice.
    let listed = until("all are listed", || {
        let listed = list(&world);
        let over = |it: &Value| it["attempts"] == 2 || it["attempts"] == 0;
        (listed.len() == 8 && listed.iter().all(over)).then_some(listed)
    });
    assert!((3..=5).contains(&listed.iter().filter(|it| it["attempts"] == 2).count()), "{listed:?}");
    assert!(text_of(&listed[7], "reason").contains("down"), "{listed:?}");
    world.post(ADA, GENERAL, "8");
    until("the ninth is listed", || (list(&world).len() == 9).then_some(()));
    let before = bot.heard().len();
    let world = patient(&folder, world);
    bot.answers(ok);
    goes_by(&world, 60);
    until_listed(&world, &[]);
    let heard = &bot.heard()[before..];
    assert_eq!(heard.iter().map(|it| text_of(it.event(), "text")).collect::<BTreeSet<_>>().len(), 9);
    let (first, again): (Vec<&Heard>, Vec<&Heard>) = heard.iter().partition(|it| mark(it).is_empty());
    assert!(first.is_sorted_by_key(|it| text_of(it.event(), "text")) && 4 <= first.len());
    assert!(again.iter().all(|it| mark(it) == "2 http_timeout"));
}

/// Killed in the middle and started again: every event arrives.
#[test]
fn killed_and_started_again() {
    let folder = Folder::new("slack");
    let bot = Bot::new();
    let arrived: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let requests = Arc::new(AtomicUsize::new(0));
    let arriving = Arc::clone(&arrived);
    // Every third request fails.
    bot.answers(move |heard| {
        if requests.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
            return Say::Json(500, json!({}));
        }
        arriving.lock().unwrap().insert(text_of(heard.event(), "ts"));
        Say::Json(200, json!({}))
    });
    let mut all: BTreeSet<String> = BTreeSet::new();
    for round in 0..3 {
        let mut world = World::on(Server::in_folder(&folder.0));
        if round == 0 {
            let changed = json!({"endpoint": bot.url, "bot_events": ["message.channels"]});
            world.controlled("PATCH", "/apps/deploybot", &changed);
        }
        let before = bot.heard().len();
        all.extend(write_many(&world, GENERAL, 15));
        bot.wait_for(before + 8);
        world.server.child.kill().unwrap();
        world.server.child.wait().unwrap();
    }
    let world = World::on(Server::in_folder(&folder.0));
    until("everything arrives", || {
        goes_by(&world, 60);
        replay(&world);
        (*arrived.lock().unwrap() == all && list(&world).is_empty()).then_some(())
    });
    // One event has one id, however often it is told.
    let pairs: BTreeSet<(String, String)> =
        bot.heard().iter().map(|it| (text_of(it.event(), "ts"), text_of(&it.activity, "event_id"))).collect();
    assert_eq!(pairs.len(), all.len());
    world.is_well();
}

/// A server that is stopped properly writes down what was told: nothing comes twice but the last.
#[test]
fn stopped_and_started_again() {
    let folder = Folder::new("slack");
    let bot = Bot::new();
    let mut all = Vec::new();
    for round in 0..4 {
        let world = World::on(Server::in_folder(&folder.0));
        if round == 0 {
            let changed = json!({"endpoint": bot.url, "bot_events": ["message.channels"]});
            world.controlled("PATCH", "/apps/deploybot", &changed);
        }
        all.extend(write_many(&world, GENERAL, 3));
        let last = all.last().unwrap();
        until("the last one is told", || {
            bot.heard().iter().any(|it| it.event()["ts"] == last.as_str()).then_some(())
        });
        assert!(world.server.stop().success());
    }
    for (number, ts) in all.iter().enumerate().filter(|(number, _)| number % 3 != 2) {
        let times = bot.heard().iter().filter(|it| it.event()["ts"] == ts.as_str()).count();
        assert_eq!(times, 1, "{number}");
    }
}

/// An app that checks signatures notices another secret and an old request.
#[test]
fn a_wrong_signing_secret_is_noticed() {
    let world = World::new();
    let bot = deploybot(&world);
    bot.answers(|heard| Say::Json(if heard.is_signed("another secret") { 200 } else { 401 }, json!({})));
    world.post(ADA, GENERAL, "who signed this?");
    let listed = until_listed(&world, &["2"]);
    assert_eq!(listed[0]["reason"], "the app answered 401");
    bot.answers(|heard| Say::Json(if heard.is_signed(SECRET) { 200 } else { 401 }, json!({})));
    goes_by(&world, 60);
    until_listed(&world, &[]);
    // The very bytes, a little later and changed.
    let heard = &bot.heard()[0];
    assert!(heard.is_signed(SECRET));
    let mut changed = heard.clone();
    changed.body.push(b' ');
    assert!(!changed.is_signed(SECRET));
    let mut old = heard.clone();
    old.headers.insert("x-slack-request-timestamp".into(), "1531420618".into());
    assert!(!old.is_signed(SECRET));
}

/// More than a thousand attempts in an hour, and fewer than five in a hundred arrived.
#[test]
fn switched_off() {
    let world = World::new();
    let bot = deploybot(&world);
    bot.answers(|_| Say::Json(500, json!({})));
    let shown = || {
        let apps = world.controlled("GET", "/apps", &Value::Null);
        apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == "deploybot").unwrap().clone()
    };
    assert_eq!(shown()["events_off"], false);
    // Each is tried twice at once.
    write_many(&world, GENERAL, 510);
    until("its events are switched off", || (shown()["events_off"] == true).then_some(()));
    assert!(1000 < bot.heard().len());
    bot.answers(ok);
    world.post(ADA, GENERAL, "while it is off");
    let answer = world.control("POST", "/apps/deploybot/deliveries/replay", &json!({}));
    assert_eq!(answer.outcome(), "409 no_endpoint");
    let before = bot.heard().len();
    world.controlled("PATCH", "/apps/deploybot", &json!({"events_off": false}));
    world.post(ADA, GENERAL, "now it is on");
    until("it hears again", || texts(&bot).contains(&"now it is on".to_owned()).then_some(()));
    goes_by(&world, 60);
    until("what waited arrives", || {
        replay(&world);
        list(&world).is_empty().then_some(())
    });
    let texts = texts(&bot);
    assert!(!texts.contains(&"while it is off".to_owned()));
    assert_eq!(texts[before..].iter().collect::<BTreeSet<_>>().len(), texts.len() - before, "twice");
}

/// The challenge is answered in any of three ways, or it is not.
#[test]
fn verification() {
    let world = World::new();
    let bot = deploybot(&world);
    let verify = || world.controlled("POST", "/apps/deploybot/verify", &Value::Null);
    type Answer = fn(&Heard) -> Say;
    let challenge = |heard: &Heard| text_of(&heard.activity, "challenge");
    let said = |text: String| {
        let head = format!("HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: {}", text.len());
        Say::Raw(format!("{head}\r\n\r\n{text}").into_bytes())
    };
    bot.answers(move |heard| said(challenge(heard)));
    assert_eq!(verify(), json!({"verified": true}));
    bot.answers(move |heard| said(format!("challenge={}", challenge(heard))));
    assert_eq!(verify(), json!({"verified": true}));
    bot.answers(move |heard| Say::Json(200, json!({"challenge": challenge(heard)})));
    assert_eq!(verify(), json!({"verified": true}));
    let wrong: [(Answer, &str); 3] = [
        (|_| Say::Json(200, json!({"challenge": "another"})), "the answer is not the challenge"),
        (|heard| Say::Json(500, heard.activity.clone()), "the app answered 500"),
        (|_| Say::Raw(Vec::new()), "the connection broke before the answer was whole"),
    ];
    for (answer, reason) in wrong {
        bot.answers(answer);
        assert_eq!(verify(), json!({"verified": false, "reason": reason}));
    }
    let heard = &bot.heard()[0];
    assert!(heard.is_signed(SECRET));
    assert_eq!(heard.activity["type"], "url_verification");
    let teams = world.controlled("POST", "/apps/helpdesk/verify", &Value::Null);
    assert_eq!(teams["verified"], false);
}
