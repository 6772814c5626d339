//! Two hundred people press the buttons of one poll at once, and its bot updates the message by every vote.

use std::sync::mpsc;

use serde_json::{Value, json};

use crate::bot::{Heard, Say};
use crate::interactive::{and, button, does, plain, poll_app, posted};
use crate::world::*;

const PEOPLE: usize = 200;
const OPTIONS: [&str; 3] = ["tea", "coffee", "water"];

fn blocks(counts: [usize; 3]) -> Value {
    let shown: Vec<String> =
        OPTIONS.iter().zip(counts).map(|(name, count)| format!("{name} {count}")).collect();
    let buttons: Vec<Value> =
        OPTIONS.iter().map(|name| button(&format!("vote-{name}"), name, name)).collect();
    json!([
        {"type": "section", "block_id": "counts", "text": plain(&shown.join(", "))},
        {"type": "actions", "block_id": "votes", "elements": buttons},
    ])
}

/// Every press is heard once, the message's changes are in order, and the last one shows all votes.
#[test]
fn two_hundred_press_at_once() {
    let world = World::new();
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("voter{number}")).collect();
    for name in &people {
        world.controlled("POST", "/people", &json!({"name": name}));
    }
    let bot = poll_app(&world);
    let ts = text_of(
        &posted(&world, &json!({"channel": GENERAL, "text": "Drinks", "blocks": blocks([0; 3])})),
        "ts",
    );
    // It acknowledges at once, as a bot should, and counts one vote after another.
    let (vote, votes) = mpsc::channel::<usize>();
    bot.answers(move |heard: &Heard| {
        let named = text_of(&heard.activity["actions"][0], "value");
        vote.send(OPTIONS.iter().position(|it| *it == named).unwrap()).unwrap();
        Say::Json(200, json!({}))
    });
    let (url, message) = (world.server.url.clone(), ts.clone());
    let counting = std::thread::spawn(move || {
        let mut counts = [0; 3];
        for option in votes.iter().take(PEOPLE) {
            counts[option] += 1;
            let args = json!({"channel": GENERAL, "ts": message, "text": "Drinks", "blocks": blocks(counts)});
            assert_eq!(slack(&url, POLL, "chat.update", &args).code(), "ok");
        }
    });
    let before = world.log_end();
    std::thread::scope(|scope| {
        for (number, person) in people.iter().enumerate() {
            let (url, ts) = (&world.server.url, &ts);
            scope.spawn(move || {
                let body = json!({"channel": "general", "ts": ts, "action": OPTIONS[number % 3]});
                let pressed =
                    control(url, "POST", &format!("/workspaces/T01ACME/people/{person}/actions"), &body);
                assert_eq!(pressed.json, json!({"kind": "told"}), "{}", pressed.body);
            });
        }
    });
    counting.join().unwrap();
    let heard = bot.heard();
    let mut voters: Vec<String> = heard.iter().map(|it| text_of(&it.activity["user"], "name")).collect();
    voters.sort_unstable();
    let mut all = people.clone();
    all.sort_unstable();
    assert_eq!(voters, all, "every press is heard once");
    let mut triggers: Vec<&Value> = heard.iter().map(|it| &it.activity["trigger_id"]).collect();
    triggers.sort_unstable_by_key(|it| it.to_string());
    triggers.dedup();
    assert_eq!(triggers.len(), PEOPLE, "each with a trigger of its own");
    let events = world.controlled("GET", &format!("/log?after={before}&limit=1000"), &Value::Null);
    let revisions: Vec<u64> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"] == "message_updated" && event["message"] == ts.as_str())
        .map(|event| event["revision"].as_u64().unwrap())
        .collect();
    assert_eq!(revisions, (2..=PEOPLE as u64 + 1).collect::<Vec<_>>(), "each change once, in order");
    let last = world.stored(GENERAL, &ts);
    assert_eq!(last["blocks"], blocks([67, 67, 66]));
    // Closed: the buttons are gone, and a press comes too late.
    let closed = json!({"channel": GENERAL, "ts": ts, "text": "Drinks: tea and coffee", "blocks": []});
    world.ok(POLL, "chat.update", &closed);
    let late = and(json!({"channel": "general", "ts": ts}), &json!({"action": "tea"}));
    let answer = world.control("POST", "/people/ben/actions", &late);
    assert_eq!(answer.outcome(), "422 impossible");
    assert_eq!(bot.heard().len(), PEOPLE);
    does(&world, "ben", "reactions", &json!({"channel": "general", "ts": ts, "name": "tada"}));
    world.is_well();
}
