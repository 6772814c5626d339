//! An activity as the arguments of Slack's methods.

use serde_json::{Map, Value, json};

use super::cards::{Blocks, markdown};
use super::text::escape;
use crate::activity::{Activity, TextFormat};

/// What the content is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new message.
    Post,
    /// The whole new content of a message: what it had before and is not here goes.
    Update,
    /// The body of a call of a `response_url`, which knows no `markdown_text`.
    Respond,
}

/// The members of the activity's `channel_data` that replace arguments of the same name. A payload that Slack sent, which is
/// there in what a bot receives, is ignored.
fn given(activity: &Activity) -> Map<String, Value> {
    match &activity.channel_data {
        Some(Value::Object(given)) if !given.contains_key("api_app_id") => given.clone(),
        _ => Map::new(),
    }
}

/// What is shown: text, blocks, attachments.
///
/// Markdown, which a bot's text is unless it says otherwise, goes as `markdown_text`, which posting and updating both take, so
/// that an update looks as the post did. With blocks it becomes the text of notifications. Plain text is escaped. Slack's own
/// markup can be had with the text format `mrkdwn`.
pub(super) fn content(activity: &Activity, purpose: Purpose) -> Map<String, Value> {
    let given = given(activity);
    let mut arguments = Map::new();
    let mut put = |name: &str, value: Value| drop(arguments.insert(name.to_owned(), value));
    let text = activity.text.as_deref().unwrap_or_default();
    let own = |words: &str| match activity.text_format.as_ref().map(TextFormat::as_str) {
        Some("mrkdwn") => words.to_owned(),
        _ => escape(words),
    };
    let (cards, words) = Blocks::of(activity);
    let some = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(json)) => json != "[]" && !json.is_empty(),
        _ => false,
    };
    let mut hides_blocks = false;
    if given.contains_key("text") || given.contains_key("markdown_text") {
        // The author's own words.
    } else if some(given.get("blocks")) {
        put("text", own(text).into());
    } else if !cards.is_empty() && !given.contains_key("blocks") {
        put("text", own(&words).into());
        put("blocks", cards.into());
    } else if text.is_empty() && !given.is_empty() {
        if purpose == Purpose::Update {
            put("blocks", json!([]));
        }
    } else {
        let markdown_text =
            matches!(activity.text_format, None | Some(TextFormat::Markdown | TextFormat::Xml));
        match purpose {
            Purpose::Post | Purpose::Update if markdown_text => {
                put("markdown_text", text.into());
                hides_blocks = true;
            }
            Purpose::Respond if markdown_text => {
                put("text", own(text).into());
                put("blocks", json!([markdown(text)]));
                hides_blocks = true;
            }
            Purpose::Post | Purpose::Respond => put("text", own(text).into()),
            Purpose::Update => {
                put("text", own(text).into());
                put("blocks", json!([]));
            }
        }
    }
    if purpose == Purpose::Update {
        put("attachments", json!([]));
    }
    for (name, value) in given {
        // An empty list means that earlier blocks go, which the text does by itself.
        if !(hides_blocks && name == "blocks") {
            arguments.insert(name, value);
        }
    }
    arguments
}
