//! What Teams bots write: activities, cards, answers to what they were asked; and what people put into cards.

use redraft_wire::connector::{activity, attachment, card, conversation, invoke, press};
use redraft_wire::slack::blocks;
use redraft_wire::translate::{NoNames, activity_to_slack_blocks, activity_to_slack_text};
use serde_json::{Map, Value, json};

/// An activity, and what Slack's clients see of it: blocks that Slack would take.
pub fn activity(bytes: &[u8]) {
    if let Ok(view) = activity::parse(bytes) {
        let _ = activity::for_send(&view);
        let _ = activity::for_update(&view);
    }
    let _ = attachment::transcript(bytes);
    let _ = attachment::AttachmentData::parse(bytes);
    let _ = conversation::ConversationParameters::parse(bytes);
    shown_in_slack(bytes);
}

fn shown_in_slack(bytes: &[u8]) {
    let _ = activity_to_slack_text(bytes, &NoNames);
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    if let Some(shown) = activity_to_slack_blocks(given, &NoNames) {
        let mut count = 0;
        let mut new_id = || {
            count += 1;
            format!("id{count}")
        };
        blocks::normalise(&shown, &mut new_id).unwrap();
    }
}

/// A text in the markup of Teams.
pub fn html(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    for format in ["xml", "markdown", "plain"] {
        let activity = json!({ "type": "message", "text": given, "textFormat": format });
        shown_in_slack(activity.to_string().as_bytes());
    }
    let _ = redraft_wire::connector::inbound::html_of(given);
}

/// An object with a card and what somebody puts into it: `{"card": …, "inputs": {…}}`. Every action is pressed.
pub fn card(bytes: &[u8]) {
    let Ok(Value::Object(given)) = serde_json::from_slice::<Value>(bytes) else { return };
    let content = given.get("card").cloned().unwrap_or_default();
    let inputs = given.get("inputs").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut activity = Map::new();
    let attachment = json!({ "contentType": "application/vnd.microsoft.card.adaptive", "content": content });
    activity.insert("attachments".into(), json!([attachment]));
    for action in card::actions(&activity) {
        let _ = press::press(&action, &inputs);
        let _ = press::press_in_dialog(&action, &inputs);
    }
    let _ = press::refreshes(&activity);
    shown_in_slack(Value::Object(activity).to_string().as_bytes());
}

/// What a bot answers when it is asked.
pub fn card_answers(bytes: &[u8]) {
    for status in [200, 400, 500] {
        let _ = invoke::card_answer(status, bytes);
        let _ = invoke::task_answer("task/fetch", status, bytes);
        let _ = invoke::task_answer("task/submit", status, bytes);
        let _ = invoke::feedback_answer(status, bytes);
        let _ = invoke::replies(status, bytes);
    }
}
