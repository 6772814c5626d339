//! Every event reaches its bot or lies in the list of dead letters, whatever the bot and the server do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::bot::{Bot, Gate, Heard, Say, until};
use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

/// How long bots may take where a test has one that takes too long. Whoever is to be heard in time needs another server.
const TIMEOUT_MS: &str = "150";

/// The pause before another attempt.
const PAUSE_MS: u64 = 5000;

/// A server in this folder that does not wait long for bots.
fn impatient(folder: &Folder) -> World {
    World::on(Server::start(&["--data", folder.0.to_str().unwrap(), "--bot-timeout-ms", TIMEOUT_MS]))
}

/// The same server started again, as patient as Teams.
fn patient(folder: &Folder, impatient: World) -> World {
    assert!(impatient.server.stop().success());
    World::on(Server::in_folder(&folder.0))
}

/// A person writes; gives back the activity's id.
fn writes(world: &World, channel: &str, text: &str) -> String {
    let body = json!({"channel": channel, "text": text});
    text_of(&world.controlled("POST", "/people/ada/messages", &body), "activity_id")
}

/// So many messages for helpdesk in a channel.
fn write_many(world: &World, channel: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| writes(world, channel, &format!("@helpdesk {number}"))).collect()
}

/// What did not reach helpdesk at once, as the control API lists it.
fn list(world: &World) -> Vec<Value> {
    let listed = world.controlled("GET", "/apps/helpdesk/deliveries?limit=1000", &Value::Null);
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

/// The pause before another attempt goes by.
fn pause_goes_by(world: &World) {
    world.controlled("POST", "/clock", &json!({"advance_ms": PAUSE_MS}));
}

fn replay(world: &World) -> Vec<Value> {
    let replayed = world.controlled("POST", "/apps/helpdesk/deliveries/replay", &json!({}));
    replayed["replayed"].as_array().unwrap().clone()
}

fn ok(_: &Heard) -> Say {
    Say::Json(200, json!({}))
}

/// What a bot does, whether it is tried again, and what the list says of it.
#[test]
fn failures() {
    type Answer = fn(&Heard) -> Say;
    let rows: &[(&str, Answer, bool, &str)] = &[
        ("fails", |_| Say::Json(500, json!({})), true, "the bot answered 500"),
        ("is overloaded", |_| Say::Json(503, json!({})), true, "the bot answered 503"),
        ("does not understand", |_| Say::Json(400, json!({})), false, "the bot answered 400"),
        ("does not trust", |_| Say::Json(401, json!({})), false, "does not trust the token"),
        ("sends elsewhere", |_| Say::Raw(elsewhere()), false, "the bot answered 307"),
        ("hangs up", |_| Say::Raw(Vec::new()), true, "the connection broke"),
        ("breaks off", |_| Say::Raw(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{".to_vec()), true, "broke"),
        ("talks nonsense", |_| Say::Raw(b"nonsense\r\n\r\n".to_vec()), true, "the connection broke"),
        ("talks without end", |_| Say::Raw(endless()), true, "more than 1048576 bytes"),
    ];
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    for (what, answer, again, reason) in rows {
        let before = bot.heard().len();
        bot.answers(answer);
        let id = writes(&world, "general", &format!("@helpdesk {what}"));
        if *again {
            until_listed(&world, &["1"]);
            pause_goes_by(&world);
        }
        let listed = until_listed(&world, &[if *again { "2 dead" } else { "1 dead" }]);
        assert!(text_of(&listed[0], "reason").contains(reason), "{what}: {listed:?}");
        assert_eq!(listed[0]["channel"], GENERAL);
        pause_goes_by(&world);
        bot.answers(ok);
        assert_eq!(replay(&world), [listed[0]["position"].clone()], "{what}");
        until_listed(&world, &[]);
        // The activity is the same each time.
        let heard: Vec<String> = bot.heard()[before..].iter().map(|it| it.activity.to_string()).collect();
        assert_eq!(heard.len(), if *again { 3 } else { 2 }, "{what}");
        assert!(heard.iter().all(|it| *it == heard[0] && it.contains(&id)), "{what}: {heard:?}");
    }
    world.is_well();
}

/// Asks to send the request on to the endpoint of nobody.
fn elsewhere() -> Vec<u8> {
    b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec()
}

fn endless() -> Vec<u8> {
    let body = "x".repeat(3 << 20);
    format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A bot that is not there hears everything once it is.
#[test]
fn a_bot_that_is_down() {
    let world = World::new();
    // Nobody listens on the first port.
    world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": "http://127.0.0.1:1/api/messages"}));
    let ids = write_many(&world, "general", 3);
    let listed = until_listed(&world, &["1", "1", "1"]);
    assert!(text_of(&listed[0], "reason").contains("refused"), "{listed:?}");
    let bot = Bot::of(&world, "helpdesk");
    pause_goes_by(&world);
    until_listed(&world, &[]);
    assert_eq!(bot.ids(), ids);
}

/// First attempts keep the order of each conversation, one at a time; nobody waits for another conversation or another bot.
#[test]
fn order_and_turns() {
    let world = World::new();
    world.controlled("PUT", "/channels/random/members/helpdesk", &Value::Null);
    world.controlled("PUT", "/channels/leads/members/helpdesk", &Value::Null);
    let (bot, other) = (Bot::of(&world, "helpdesk"), Bot::of(&world, "planner"));
    let gate = Gate::default();
    let under_way: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let (waiting, counts) = (gate.clone(), Arc::clone(&under_way));
    bot.answers(move |heard| {
        let place = text_of(&heard.activity["channelData"]["channel"], "id");
        let count = |by: fn(&mut usize)| {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(place.clone()).or_default();
            by(count);
            *count
        };
        assert_eq!(count(|count| *count += 1), 1, "two at a time in {place}");
        if place == GENERAL_19 {
            waiting.pass();
        }
        count(|count| *count -= 1);
        Say::Json(200, json!({}))
    });
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 0..20 {
        for channel in ["general", "random", "leads"] {
            let id = writes(&world, channel, &format!("@helpdesk @planner {number}"));
            wanted.entry(format!("19:{channel}@thread.tacv2")).or_default().push(id);
        }
    }
    // All of two conversations, and the first one of the third; the other bot hears its own.
    let heard = bot.wait_for(41);
    let in_general = |heard: &[Heard]| {
        heard.iter().filter(|it| it.activity["channelData"]["channel"]["id"] == GENERAL_19).count()
    };
    assert_eq!(in_general(&heard), 1);
    other.wait_for(40);
    gate.open();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for heard in bot.wait_for(60) {
        let place = text_of(&heard.activity["channelData"]["channel"], "id");
        found.entry(place).or_default().push(heard.id().to_owned());
    }
    assert_eq!(found, wanted);
    assert_eq!(list(&world), [] as [Value; 0]);
}

/// One that failed does not hold back those behind it.
#[test]
fn a_failure_holds_back_nobody() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|heard| Say::Json(if heard.text().ends_with(" 0") { 500 } else { 200 }, json!({})));
    let ids = write_many(&world, "general", 3);
    until_listed(&world, &["1"]);
    bot.wait_for(3);
    bot.answers(ok);
    pause_goes_by(&world);
    until_listed(&world, &[]);
    assert_eq!(bot.ids(), [&ids[0], &ids[1], &ids[2], &ids[0]].map(String::clone));
}

/// Nearly every bot calls back before it answers.
#[test]
fn bots_call_back_before_they_answer() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    let bearer = format!("Bearer {}", world.bot(HELPDESK));
    let results: Arc<Mutex<Vec<u16>>> = Arc::default();
    let said = Arc::clone(&results);
    bot.answers(move |heard| {
        let headers = [("authorization", bearer.as_str())];
        let json = "application/json";
        let url = format!(
            "{}v3/conversations/{}/activities",
            text_of(&heard.activity, "serviceUrl"),
            text_of(&heard.activity["conversation"], "id")
        );
        let body = message("working on it").to_string();
        let posted = client::send("POST", &url, &headers, (json, body.as_bytes()));
        let url = format!("{url}/{}", text_of(&posted.json, "id"));
        let body = message(&format!("done: {}", heard.id())).to_string();
        let put = client::send("PUT", &url, &headers, (json, body.as_bytes()));
        said.lock().unwrap().extend([posted.status, put.status]);
        Say::Json(200, json!({}))
    });
    let ids = write_many(&world, "general", 10);
    let start = bot.wait_for(10).len();
    // Every root has its one reply, in its last words.
    for id in &ids {
        let dotted = format!("{}.{}", &id[..10], &id[10..]);
        until("the reply", || {
            let replies = world.ok(ADA, "conversations.replies", &json!({"channel": GENERAL, "ts": dotted}));
            (replies["messages"][1]["text"] == format!("done: {id}")).then_some(())
        });
    }
    assert_eq!(bot.heard().len(), start, "its own messages come back");
    assert_eq!(*results.lock().unwrap(), [201, 200].repeat(10));
}

/// A bot that says nothing is tried again like one that fails.
#[test]
fn silence() {
    let folder = Folder::new("delivery");
    let world = impatient(&folder);
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Nothing);
    let id = writes(&world, "general", "@helpdesk hello");
    until_listed(&world, &["1"]);
    pause_goes_by(&world);
    let listed = until_listed(&world, &["2 dead"]);
    assert_eq!(listed[0]["reason"], "no answer within 150 ms");
    let world = patient(&folder, world);
    bot.answers(ok);
    replay(&world);
    until_listed(&world, &[]);
    assert_eq!(bot.ids(), [id.clone(), id.clone(), id]);
}

/// An answer that comes too late is none; the bot hears the same activity again.
#[test]
fn an_answer_that_comes_late() {
    let folder = Folder::new("delivery");
    let world = impatient(&folder);
    let bot = Bot::of(&world, "helpdesk");
    let gate = Gate::default();
    let closed = gate.clone();
    bot.answers(move |heard| {
        closed.pass();
        ok(heard)
    });
    let id = writes(&world, "general", "@helpdesk slowly");
    let listed = until_listed(&world, &["1"]);
    assert_eq!(listed[0]["reason"], "no answer within 150 ms");
    gate.open();
    let world = patient(&folder, world);
    until_listed(&world, &["1"]);
    pause_goes_by(&world);
    until_listed(&world, &[]);
    assert_eq!(bot.ids(), [id.clone(), id]);
}

/// After five time-outs in a row a bot is down: what has not begun and what comes then goes straight to its next attempt.
#[test]
fn five_time_outs() {
    let folder = Folder::new("delivery");
    let world = impatient(&folder);
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Nothing);
    let mut ids = write_many(&world, "general", 8);
    let listed = until_listed(&world, &["1", "1", "1", "1", "1", "0", "0", "0"]);
    assert!(text_of(&listed[7], "reason").contains("down"), "{listed:?}");
    assert_eq!(bot.ids(), ids[..5]);
    ids.push(writes(&world, "general", "@helpdesk later"));
    until_listed(&world, &["1", "1", "1", "1", "1", "0", "0", "0", "0"]);
    let world = patient(&folder, world);
    bot.answers(ok);
    pause_goes_by(&world);
    until_listed(&world, &[]);
    // On a slow machine the first pause is over before the bot answers again, and an attempt comes twice.
    let mut again = bot.ids().split_off(5);
    again.sort_unstable();
    again.dedup();
    assert_eq!(again, ids);
}

/// One answer, and a bot is no longer down.
#[test]
fn up_again() {
    let folder = Folder::new("delivery");
    let world = impatient(&folder);
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Nothing);
    write_many(&world, "general", 6);
    until_listed(&world, &["1", "1", "1", "1", "1", "0"]);
    bot.answers(ok);
    until("everything arrives", || {
        pause_goes_by(&world);
        replay(&world);
        list(&world).is_empty().then_some(())
    });
    let id = writes(&world, "general", "@helpdesk now");
    until("it arrives at once", || {
        let down = list(&world).iter().any(|it| text_of(it, "reason").contains("down"));
        assert!(!down, "the bot counts as down");
        bot.ids().contains(&id).then_some(())
    });
}

/// A question is asked once and never again.
#[test]
fn invokes_are_called_once() {
    let folder = Folder::new("delivery");
    let world = impatient(&folder);
    let bot = Bot::of(&world, "helpdesk");
    let card = json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
            "type": "AdaptiveCard", "version": "1.5",
            "actions": [{"type": "Action.Execute", "title": "Vote", "verb": "vote"}],
        }}],
    });
    let path = format!("/{GENERAL_19}/activities");
    let posted = world.connector(&world.bot(HELPDESK), "POST", &path, &card);
    let press = json!({"channel": "general", "ts": posted.json["id"]});
    type Answer = fn(&Heard) -> Say;
    let answers: [Answer; 4] =
        [|_| Say::Json(500, json!({})), |_| Say::Raw(Vec::new()), |_| Say::Nothing, |_| Say::Raw(endless())];
    for (number, answer) in answers.into_iter().enumerate() {
        bot.answers(answer);
        let pressed = world.control("POST", "/people/ada/actions", &press);
        assert_eq!(pressed.outcome(), "502 bot_failed", "{}", pressed.body);
        assert_eq!(bot.heard().len(), number + 1);
    }
    bot.answers(ok);
    pause_goes_by(&world);
    writes(&world, "general", "@helpdesk now");
    let heard = bot.wait_for(5);
    assert!(heard[..4].iter().all(|it| it.activity["type"] == "invoke"), "{heard:?}");
    assert_eq!(heard[4].activity["type"], "message");
}

/// Killed in the middle and started again: every event arrives or is listed, and arrives after that.
#[test]
fn killed_and_started_again() {
    let folder = Folder::new("delivery");
    let bot = Bot::new();
    let arrived: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let fails = Arc::new(AtomicUsize::new(0));
    let (arriving, failing) = (Arc::clone(&arrived), Arc::clone(&fails));
    // Every third request fails, the twentieth is never answered.
    bot.answers(move |heard| match failing.fetch_add(1, Ordering::SeqCst) {
        20 => Say::Nothing,
        request if request.is_multiple_of(3) => Say::Json(500, json!({})),
        _ => {
            arriving.lock().unwrap().insert(heard.id().to_owned());
            Say::Json(200, json!({}))
        }
    });
    let mut ids: Vec<String> = Vec::new();
    for round in 0..3 {
        let mut world = impatient(&folder);
        if round == 0 {
            bot.serves(&world, "helpdesk");
        }
        let before = bot.heard().len();
        ids.extend(write_many(&world, "general", 15));
        bot.wait_for(before + 8);
        world.server.child.kill().unwrap();
        world.server.child.wait().unwrap();
    }
    let world = World::on(Server::in_folder(&folder.0));
    bot.answers({
        let arriving = Arc::clone(&arrived);
        move |heard| {
            arriving.lock().unwrap().insert(heard.id().to_owned());
            Say::Json(200, json!({}))
        }
    });
    ids.push(writes(&world, "general", "@helpdesk the last one"));
    until("everything arrives or is a dead letter", || {
        pause_goes_by(&world);
        let end = world.controlled("GET", "/apps/helpdesk/deliveries", &Value::Null)["heard"].as_u64();
        let over = arrived.lock().unwrap().contains(ids.last().unwrap())
            && list(&world).iter().all(|it| it["dead"] == true);
        (over && Some(1) <= end).then_some(())
    });
    replay(&world);
    until_listed(&world, &[]);
    let missing: Vec<&String> = ids.iter().filter(|id| !arrived.lock().unwrap().contains(*id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let all: BTreeSet<String> = ids.into_iter().collect();
    let heard: BTreeSet<String> = bot.ids().into_iter().collect();
    assert_eq!(heard, all, "nothing else was told");
    world.is_well();
}

/// A server that is stopped properly writes down what was told: nothing comes twice.
#[test]
fn stopped_and_started_again() {
    let folder = Folder::new("delivery");
    let bot = Bot::new();
    let mut ids = Vec::new();
    for round in 0..5 {
        let world = World::on(Server::in_folder(&folder.0));
        if round == 0 {
            bot.serves(&world, "helpdesk");
        }
        ids.extend(write_many(&world, "general", 3));
        until("the last one is told", || bot.ids().contains(&ids[ids.len() - 1]).then_some(()));
        assert!(world.server.stop().success());
    }
    // The answer to the last one may have come after the end.
    let heard = bot.ids();
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| number % 3 != 2) {
        assert_eq!(heard.iter().filter(|it| *it == id).count(), 1, "{number}");
    }
}

/// What a bot was not told of when its endpoint was taken away becomes dead letters; what happens without an endpoint is
/// never told.
#[test]
fn an_endpoint_that_goes_and_comes() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Nothing);
    let ids = write_many(&world, "general", 3);
    bot.wait_for(1);
    world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": null}));
    let listed = until_listed(&world, &["0 dead", "0 dead", "0 dead"]);
    assert_eq!(listed[0]["reason"], "the endpoint was taken away");
    until("the caller hangs up", || (bot.hung_up() == 1).then_some(()));
    let answer = world.control("POST", "/apps/helpdesk/deliveries/replay", &json!({}));
    assert_eq!(answer.outcome(), "409 no_endpoint");
    writes(&world, "general", "@helpdesk while there is nobody");
    bot.answers(ok);
    bot.serves(&world, "helpdesk");
    let mut wanted = vec![ids[0].clone(), writes(&world, "general", "@helpdesk again")];
    bot.wait_for(2);
    assert_eq!(replay(&world).len(), 3);
    until_listed(&world, &[]);
    wanted.extend(ids);
    assert_eq!(bot.ids(), wanted);
}

/// An endpoint that comes while what the last one was not told of is still written down.
#[test]
fn an_endpoint_that_comes_at_once() {
    let folder = Folder::new("delivery");
    let world = World::on(Server::in_folder(&folder.0));
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|heard| if heard.text().contains("silence") { Say::Nothing } else { ok(heard) });
    for round in 1..=20 {
        writes(&world, "general", "@helpdesk silence");
        bot.wait_for(2 * round - 1);
        world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": null}));
        bot.serves(&world, "helpdesk");
        let id = writes(&world, "general", "@helpdesk now");
        assert_eq!(bot.wait_for(2 * round)[2 * round - 1].id(), id);
    }
    until_listed(&world, &["0 dead"; 20]);
}

/// What waits for a bot that was put out in the meantime is not told, not even when the bot is back.
#[test]
fn a_bot_that_was_put_out() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    let refuse = |_: &Heard| Say::Json(400, json!({}));
    bot.answers(refuse);
    let hello = writes(&world, "general", "@helpdesk hello");
    until_listed(&world, &["1 dead"]);
    world.controlled("DELETE", "/channels/general/members/helpdesk", &Value::Null);
    assert_eq!(replay(&world).len(), 1);
    until("it is not told", || {
        text_of(&list(&world)[0], "reason").contains("not where it happened").then_some(())
    });
    world.controlled("PUT", "/channels/general/members/helpdesk", &Value::Null);
    // The second one is told after the first one is not.
    let back = writes(&world, "general", "@helpdesk welcome back");
    until_listed(&world, &["1 dead", "1 dead", "1 dead", "1 dead"]);
    bot.answers(ok);
    assert_eq!(replay(&world).len(), 4);
    until_listed(&world, &["1 dead"]);
    let count = |id: &String| bot.ids().iter().filter(|it| *it == id).count();
    assert_eq!((count(&hello), count(&back)), (1, 2));
}

/// A workspace goes while its bot is being told.
#[test]
fn a_workspace_that_goes() {
    let world = World::new();
    let bot = Bot::new();
    let seed = json!({
        "workspace": {"id": "T02OTHER"},
        "people": [{"name": "ada", "admin": true}],
        "apps": [{"kind": "teams", "name": "scribe", "endpoint": bot.url}],
    });
    control(&world.server.url, "POST", "/workspaces", &seed);
    bot.wait_for(2);
    bot.answers(|heard| if heard.text().contains("silence") { Say::Nothing } else { ok(heard) });
    let said = |text: &str| {
        let body = json!({"channel": "general", "text": text});
        let answer = control(&world.server.url, "POST", "/workspaces/T02OTHER/people/ada/messages", &body);
        text_of(&answer.json, "activity_id")
    };
    let hangs_up = |count| until("the caller hangs up", || (bot.hung_up() == count).then_some(()));
    said("@scribe silence");
    let behind = said("@scribe behind it");
    bot.wait_for(3);
    let reset = control(&world.server.url, "POST", "/workspaces/T02OTHER/reset", &Value::Null);
    assert_eq!(reset.status, 200, "{}", reset.body);
    hangs_up(1);
    // The installation in the new one, then what happens there; nothing more of the old one.
    let after = said("@scribe after the reset");
    let ids: Vec<String> = bot.wait_for(6).iter().map(|it| it.id().to_owned()).collect();
    assert!(ids[5] == after && !ids.contains(&behind), "{ids:?}");
    said("@scribe silence");
    bot.wait_for(7);
    let dropped = control(&world.server.url, "DELETE", "/workspaces/T02OTHER", &Value::Null);
    assert_eq!(dropped.status, 200);
    hangs_up(2);
    assert_eq!(bot.heard().len(), 7);
    world.is_well();
}

/// A server that may not reach private addresses does not.
#[test]
fn private_addresses() {
    let world = World::on(Server::start(&["--memory", "--private-endpoints", "false"]));
    let bot = Bot::of(&world, "helpdesk");
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let endpoint = bot.url.replace("127.0.0.1", host);
        world.controlled("PATCH", "/apps/helpdesk", &json!({"endpoint": endpoint}));
        writes(&world, "general", "@helpdesk hello");
    }
    until_listed(&world, &["1", "1", "1"]);
    pause_goes_by(&world);
    until_listed(&world, &["2 dead", "2 dead", "2 dead"]);
    assert_eq!(bot.ids(), [] as [String; 0]);
}

/// Nor does one that listens on loopback behind something that passes on what others send, unless it is told to.
#[test]
fn private_addresses_behind_a_public_one() {
    for (allowed, options) in [(false, &[][..]), (true, &["--private-endpoints", "true"])] {
        let options = [&["--memory", "--public-url", "https://chat.example"], options].concat();
        let mut server = Server::start(&options);
        server.url.clone_from(&server.listening);
        let world = World::on(server);
        let bot = Bot::of(&world, "helpdesk");
        let id = writes(&world, "general", "@helpdesk hello");
        if allowed {
            bot.wait_for(1);
            assert_eq!(bot.ids(), [id]);
        } else {
            until_listed(&world, &["1"]);
            assert!(list(&world)[0]["reason"].to_string().contains("private"), "{:?}", list(&world));
            assert_eq!(bot.ids(), [] as [String; 0]);
        }
    }
}

/// Many dead letters at once.
#[test]
fn a_long_list_is_replayed() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    bot.answers(|_| Say::Json(400, json!({})));
    let ids = write_many(&world, "general", 150);
    until("all are dead letters", || (list(&world).len() == 150).then_some(()));
    let one = list(&world)[70]["position"].clone();
    bot.answers(ok);
    let path = "/apps/helpdesk/deliveries/replay";
    assert_eq!(world.controlled("POST", path, &json!({"position": one}))["replayed"], json!([one]));
    until("it arrives", || (list(&world).len() == 149).then_some(()));
    assert_eq!(world.controlled("POST", path, &json!({"position": one}))["replayed"], json!([]));
    assert_eq!(replay(&world).len(), 149);
    until_listed(&world, &[]);
    let heard = bot.ids();
    assert_eq!(heard[150], ids[70]);
    let rest: Vec<String> = ids.iter().filter(|id| **id != ids[70]).cloned().collect();
    assert_eq!(heard[151..], rest);
}

/// What a bot puts into its answer is posted once, however often it is told.
#[test]
fn replies_in_the_answer() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    world.controlled("PATCH", "/apps/helpdesk", &json!({"expect_replies": true}));
    // The second reply cannot be posted: it says nothing.
    bot.answers(|_| Say::Json(200, json!({"activities": [message("first"), {"type": "message"}]})));
    let id = writes(&world, "general", "@helpdesk two things");
    let heard = bot.wait_for(1);
    assert_eq!(heard[0].activity["deliveryMode"], "expectReplies");
    let listed = until_listed(&world, &["1 dead"]);
    assert!(text_of(&listed[0], "reason").contains("could not be posted"), "{listed:?}");
    let replying = id.clone();
    bot.answers(move |_| {
        let typing = json!({"type": "typing"});
        let second = json!({"type": "message", "text": "second", "replyToId": replying});
        Say::Json(200, json!({"activities": [message("first again"), second, typing]}))
    });
    replay(&world);
    until_listed(&world, &[]);
    let texts = || -> Vec<String> {
        let seen = world.controlled("GET", "/channels/general/messages", &Value::Null);
        let seen = seen["messages"].as_array().unwrap().iter().rev();
        seen.map(|it| text_of(it, "text")).filter(|it| !it.contains("two things")).collect()
    };
    assert_eq!(texts(), ["first"]);
    let dotted = format!("{}.{}", &id[..10], &id[10..]);
    let thread = world.ok(ADA, "conversations.replies", &json!({"channel": GENERAL, "ts": dotted}));
    assert_eq!(thread["messages"][1]["text"], "second");
    assert_eq!(thread["messages"].as_array().unwrap().len(), 2);
}
