//! Modals, what people put into them, and what apps answer to that.

use redraft_slack::sockets;
use redraft_wire::slack::choice::{self, Names};
use redraft_wire::slack::elements::{Name, elements, find};
use redraft_wire::slack::legacy::{find_legacy, legacy_action, legacy_actions};
use redraft_wire::slack::{answers, attachments, blocks, view};
use serde_json::{Map, Value};

fn ids() -> impl FnMut() -> String {
    let mut count = 0;
    move || {
        count += 1;
        format!("id{count}")
    }
}

/// What was accepted is accepted again and stays as it is, also as apps get it.
pub fn view(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    let Ok(modal) = view::normalise(given, &mut ids()) else { return };
    assert_eq!(view::normalise(&modal.json, &mut ids()).unwrap(), modal);
    let placed = view::Placed {
        id: "V01",
        hash: "1.a",
        team_id: "T01",
        app_id: "A01",
        bot_id: "B01",
        root_view_id: "V01",
        previous_view_id: None,
    };
    let shown = view::shown(&modal.json, &placed, Map::new()).to_string();
    assert_eq!(view::normalise(&shown, &mut ids()).unwrap(), modal);
}

/// Answers to a modal with one input, and options.
pub fn answers(bytes: &[u8]) {
    const BLOCKS: &str = r#"[{"type":"input","block_id":"b","label":{"type":"plain_text","text":"l"},
        "element":{"type":"plain_text_input","action_id":"a"}}]"#;
    let blocks = choice::blocks_of(BLOCKS);
    let _ = answers::submitted(bytes, &elements(&blocks), &mut ids());
    let _ = answers::options(bytes);
    let _ = answers::legacy_options(bytes);
}

/// What is said over a socket; its payload is an answer like any other.
pub fn acknowledgements(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    if let Some(body) = sockets::body_of(given) {
        answers(&body);
    }
}

/// `{"blocks": […], "attachments": […], "inputs": {…}, "value": …}`: everything in the blocks is acted on.
pub fn choices(bytes: &[u8]) {
    let Ok(Value::Object(given)) = serde_json::from_slice::<Value>(bytes) else { return };
    let member = |name: &str| given.get(name).cloned().unwrap_or_default();
    let user = |name: &str| (name == "ada").then(|| "U01ADA".to_owned());
    let conversation = |name: &str| (name == "ops").then(|| ("C01OPS".to_owned(), true));
    let names = Names { user: &user, conversation: &conversation };
    let (inputs, value) = (member("inputs").as_object().cloned().unwrap_or_default(), member("value"));
    if let Ok(stored) = blocks::normalise(&member("blocks").to_string(), &mut ids()) {
        let blocks = choice::blocks_of(&stored.json);
        let found = elements(&blocks);
        let _ = find(&found, &Name::default());
        let state = choice::state(&found, &inputs, &names);
        if let Ok(state) = &state {
            let _ = choice::answerable(&found, &state.values);
        }
        for element in &found {
            let chosen = choice::chosen(element, &value, &names).ok();
            let _ = choice::action(element, chosen, "1700000000.000100");
        }
    }
    if let Ok(stored) = attachments::normalise(&member("attachments").to_string(), &mut ids()) {
        let attachments: Vec<Value> = serde_json::from_str(&stored.json).unwrap();
        let found = legacy_actions(&attachments);
        let _ = find_legacy(&found, &Name::default());
        for action in &found {
            let _ = legacy_action(action, &value);
        }
    }
}
