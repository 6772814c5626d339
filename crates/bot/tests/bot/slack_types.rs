//! Payloads of the whole repository, with members and variants nobody knows: nothing fails, and all of it stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use redraft_bot::{Activity, Bot, TurnContext};
use serde_json::{Map, Value, json};

use crate::slack_server::{FORM, JSON, SlackServer, ask, payload, signed};

/// How many payloads of one file are taken, so that the test stays short.
const OF_FILE_MAX: usize = 400;

/// How deep a payload may be, since what is around it makes it deeper, and JSON is read to a depth of 128.
const DEPTH_MAX: usize = 50;

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules" | "venv") && !name.starts_with('.') {
                files(&path, found);
            }
        } else if std::fs::metadata(&path).unwrap().len() < 1 << 20 {
            found.push(path);
        }
    }
}

/// Every JSON object that a text holds, whatever is around it.
fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        rest = &rest[start..];
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value))
                if value.as_object().is_some_and(|it| !it.is_empty()) && depth(&value) < DEPTH_MAX =>
            {
                rest = &rest[stream.byte_offset()..];
                found.push(value);
            }
            _ => rest = &rest[1..],
        }
        if OF_FILE_MAX <= found.len() {
            break;
        }
    }
    found
}

fn all_payloads() -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    for folder in ["tests", "docs", "crates", "fuzz/corpus"] {
        files(&root.join(folder), &mut paths);
    }
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for path in paths {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        for value in objects(&text) {
            if seen.insert(value.to_string()) {
                all.push(value);
            }
        }
    }
    all
}

/// The same with an unknown member in every object, an unknown element in every list, and every word of a kind unknown.
fn grown(value: &Value, kinds: bool) -> Value {
    match value {
        Value::Object(members) => {
            let mut grown_members: Map<String, Value> = Map::new();
            for (name, value) in members {
                let unknown =
                    kinds && matches!(name.as_str(), "type" | "subtype" | "style" | "textFormat" | "role");
                let value =
                    if unknown && value.is_string() { "of_next_year".into() } else { grown(value, kinds) };
                grown_members.insert(name.clone(), value);
            }
            grown_members.insert("member_of_next_year".to_owned(), json!({"a": [1, null, "x"]}));
            Value::Object(grown_members)
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| grown(item, kinds)).collect();
            items.push(json!({"type": "item_of_next_year"}));
            Value::Array(items)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Read as an activity and written again, nothing is lost.
#[test]
fn activities_keep_what_they_do_not_know() {
    let all = all_payloads();
    assert!(1000 < all.len(), "{} payloads", all.len());
    for given in &all {
        for value in [given.clone(), grown(given, false), grown(given, true)] {
            let activity: Activity = serde_json::from_value(value.clone()).unwrap();
            let mut written = serde_json::to_value(&activity).unwrap();
            let mut value = value;
            // A number's spelling is not kept where it is the same number.
            for both in [&mut written, &mut value] {
                numbers(both);
            }
            assert_eq!(written, value);
        }
    }
}

fn numbers(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.as_f64().map_or(Value::Null, |it| it.to_string().into()),
        Value::Array(items) => items.iter_mut().for_each(numbers),
        Value::Object(members) => members.values_mut().for_each(numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// As an event, as an interaction, and as what is inside an event: always a turn, with the whole payload.
#[tokio::test]
async fn payloads_become_turns_whole() {
    let server = SlackServer::kind().await;
    let heard: Arc<Mutex<Option<Value>>> = Arc::default();
    let notes = heard.clone();
    let bot = Bot::new(move |context: TurnContext| {
        let notes = notes.clone();
        async move {
            let activity = context.activity();
            let _ = (
                context.text(),
                activity.action(),
                activity.conversation_reference(),
                context.capabilities(),
            );
            *notes.lock().unwrap() = activity.channel_data.clone();
            Ok(())
        }
    })
    .with_adapter(server.adapter());
    let (mut turns, mut number) = (0, 0);
    for given in all_payloads() {
        for inner in [given.clone(), grown(&given, false), grown(&given, true)] {
            number += 1;
            let event = json!({"type": "event_callback", "event_id": format!("Ev{number}"), "team_id": format!("T{number}"),
                "api_app_id": "A01APP", "authorizations": [{"user_id": "U0NOBODY", "is_bot": true, "team_id": "T01"}], "event": inner});
            let mut outer = inner.clone();
            if outer["type"].as_str().is_none_or(str::is_empty) || outer["type"] == "url_verification" {
                outer["type"] = "of_next_year".into();
            }
            let mut interaction = outer.clone();
            for (name, value) in [("event_id", format!("EvO{number}")), ("trigger_id", format!("t{number}"))]
            {
                outer[name] = value.clone().into();
                interaction[name] = value.into();
            }
            for (kind, body, sent) in [
                (JSON, event.to_string(), &event),
                (JSON, outer.to_string(), &outer),
                (FORM, payload(&interaction), &interaction),
            ] {
                let (status, _) = ask(&bot, signed("secret", kind, &body)).await;
                assert_eq!(status, 200, "{sent}");
                let Some(mut last) = heard.lock().unwrap().take() else { continue };
                turns += 1;
                if sent.get("eventType").is_none() {
                    last.as_object_mut().unwrap().remove("eventType");
                }
                let mut sent = sent.clone();
                numbers(&mut last);
                numbers(&mut sent);
                assert_eq!(last, sent);
            }
        }
    }
    // Left out: what the repository's own apps wrote, and what the same message said under another event.
    assert!(number * 2 < turns, "{turns} turns of {number} payloads");
}
