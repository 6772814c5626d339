//! A message, and what people see of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::api::{Api, list, text};
use crate::channel::Channel;
use crate::error::line;

/// A message as it was when it was looked at. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// let redraft = redraft_test::Redraft::start().await?;
/// let message = redraft.person("ben").post(&redraft.channel("general"), "lunch?").await?;
/// assert_eq!(message.text(), "lunch?");
/// assert_eq!(message.revision(), Some(1));
/// assert!(message.buttons().is_empty());
/// assert_eq!(message.json()["deleted"], false);
/// # redraft.stop().await
/// # }
/// ```
#[derive(Clone)]
pub struct Message {
    api: Arc<Api>,
    json: Arc<Value>,
}

impl fmt::Debug for Message {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Message({} {:?})", self.ts(), self.text())
    }
}

impl Message {
    pub(crate) fn new(api: &Arc<Api>, json: Value) -> Self {
        Self { api: Arc::clone(api), json: Arc::new(json) }
    }

    /// Its id at Slack, such as `1700000000.000100`.
    #[must_use]
    pub fn ts(&self) -> &str {
        text(&self.json, "ts")
    }

    /// Its id at Teams, such as `1700000000000100`.
    #[must_use]
    pub fn activity_id(&self) -> &str {
        text(&self.json, "activity_id")
    }

    /// When it was posted, since 1970, by the workspace's clock.
    #[must_use]
    pub fn time(&self) -> Duration {
        time_of(self.ts())
    }

    /// The `ts` of the message that its thread began with, if it is in a thread.
    #[must_use]
    pub fn thread_ts(&self) -> Option<&str> {
        self.json["thread_ts"].as_str()
    }

    /// The `U…` of its author.
    #[must_use]
    pub fn user(&self) -> &str {
        text(&self.json, "user")
    }

    /// How often it was written: 1 when it is posted, one more with each update. None of a deleted one.
    #[must_use]
    pub fn revision(&self) -> Option<u64> {
        self.json["revision"].as_u64()
    }

    /// Whether people see that it was edited.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        !self.json["edited_at"].is_null()
    }

    /// Whether it was deleted; its thread is still there.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.json["deleted"] == true
    }

    /// Whether it still streams in.
    #[must_use]
    pub fn is_streaming(&self) -> bool {
        self.json["streaming"] == true
    }

    /// The `U…` of the one who sees it, if it is for one reader (ephemeral, targeted).
    #[must_use]
    pub fn only_for(&self) -> Option<&str> {
        self.json["targeted_to"].as_str()
    }

    /// Its text in Slack's mrkdwn. Where there are blocks, it is what notifications show; see [`lines`](Self::lines).
    #[must_use]
    pub fn text(&self) -> &str {
        text(&self.json, "text")
    }

    /// Its text in Markdown.
    #[must_use]
    pub fn markdown(&self) -> &str {
        text(&self.json, "markdown")
    }

    /// What people read: its blocks or its text, its attachments and cards, line by line.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        Shown::of(&self.json).lines
    }

    /// What people can press or choose, as it is labelled.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        Shown::of(&self.json).buttons
    }

    /// Its reactions and how many gave each; only in what a person [sees](crate::Person::sees), else empty.
    #[must_use]
    pub fn reactions(&self) -> Vec<(String, usize)> {
        let reactions = list(&self.json["reactions"]).iter();
        reactions.map(|it| (text(it, "name").to_owned(), list(&it["users"]).len())).collect()
    }

    /// All that the server says of it: `blocks` and `attachments` of Slack, the `activity` of Teams, `metadata` and more.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// The conversation that it is in.
    #[must_use]
    pub fn channel(&self) -> Channel {
        Channel::of(&self.api, &self.json)
    }

    pub(crate) fn channel_id(&self) -> &str {
        text(&self.json, "channel")
    }

    /// Whether people read this somewhere in it.
    pub(crate) fn shows(&self, wanted: &str) -> bool {
        self.text().contains(wanted) || self.lines().iter().any(|line| line.contains(wanted))
    }
}

/// The time in an id.
pub(crate) fn time_of(ts: &str) -> Duration {
    let (seconds, micros) = ts.split_once('.').unwrap_or((ts, "0"));
    let number = |digits: &str| digits.parse().unwrap_or(0);
    Duration::from_secs(number(seconds)) + Duration::from_micros(number(micros))
}

/// What people see of a message.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) lines: Vec<String>,
    pub(crate) buttons: Vec<String>,
}

/// Members whose texts people read, in this order. Options of a menu are not among them: one sees them when it is open.
const READ: &[&str] = &[
    "pretext",
    "author_name",
    "header",
    "title",
    "subtitle",
    "text",
    "label",
    "placeholder",
    "fields",
    "body",
    "items",
    "columns",
    "rows",
    "cells",
    "facts",
    "elements",
    "element",
    "inlines",
    "accessory",
    "images",
    "altText",
    "alt_text",
    "footer",
    "card",
    "actions",
    "buttons",
];

impl Shown {
    pub(crate) fn of(message: &Value) -> Self {
        let mut shown = Self::default();
        let blocks = list(&message["blocks"]);
        let activity = &message["activity"];
        // A card's summary is what notifications show, and the server makes it the text of a message that has none.
        let only_cards = text(activity, "text").is_empty() && !list(&activity["attachments"]).is_empty();
        if blocks.is_empty() && !only_cards {
            shown.read(&message["text"]);
        }
        blocks.iter().chain(list(&message["attachments"])).for_each(|part| shown.read(part));
        list(&activity["attachments"]).iter().for_each(|part| shown.read(&part["content"]));
        shown.read(&activity["suggestedActions"]);
        if shown.lines.is_empty() && shown.buttons.is_empty() {
            shown.read(&message["text"]);
        }
        shown
    }

    fn read(&mut self, part: &Value) {
        match part {
            Value::String(text) => {
                self.lines.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.read(part)),
            Value::Object(members) => {
                let kind = text(part, "type");
                if is_pressed(kind) {
                    self.buttons.push(label(part));
                    // A card that opens below its button.
                    self.read(&part["card"]);
                } else if kind.starts_with("rich_text_") && kind != "rich_text_list" {
                    self.read(&Value::String(inline(&part["elements"])));
                } else if let (Value::String(title), Value::String(value)) = (&part["title"], &part["value"])
                {
                    self.lines.push(format!("{} {}", line(title), line(value)));
                } else {
                    READ.iter().filter_map(|name| members.get(*name)).for_each(|part| self.read(part));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether people press or choose it: elements of Slack, actions of cards, buttons of hero cards and suggestions.
fn is_pressed(kind: &str) -> bool {
    const PRESSED: &[&str] = &[
        "button",
        "workflow_button",
        "overflow",
        "checkboxes",
        "radio_buttons",
        "select",
        "datepicker",
        "timepicker",
        "datetimepicker",
        "feedback_buttons",
        "icon_button",
        "imBack",
        "messageBack",
        "postBack",
        "openUrl",
        "invoke",
        "signin",
        "call",
    ];
    PRESSED.contains(&kind) || kind.ends_with("_select") || kind.starts_with("Action.")
}

/// What is written on it.
fn label(element: &Value) -> String {
    let places =
        [&element["text"]["text"], &element["text"], &element["title"], &element["placeholder"]["text"]];
    let named = [&element["action_id"], &element["name"], &element["type"]];
    places.into_iter().chain(named).find_map(Value::as_str).unwrap_or_default().to_owned()
}

/// The pieces of a line of rich text.
fn inline(elements: &Value) -> String {
    let piece = |element: &Value| match text(element, "type") {
        "link" => element["text"].as_str().unwrap_or_else(|| text(element, "url")).to_owned(),
        "user" => format!("<@{}>", text(element, "user_id")),
        "channel" => format!("<#{}>", text(element, "channel_id")),
        "emoji" => format!(":{}:", text(element, "name")),
        "broadcast" => format!("@{}", text(element, "range")),
        _ => text(element, "text").to_owned(),
    };
    list(elements).iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_read_and_press() {
        for (message, lines, buttons) in [
            (json!({"text": "plain\n\nand more"}), &["plain", "and more"][..], &[][..]),
            (
                json!({"text": "fallback", "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Lunch?"}},
                    {"type": "section", "text": {"type": "mrkdwn", "text": "*Soup*: 1"},
                     "fields": [{"type": "mrkdwn", "text": "a field"}],
                     "accessory": {"type": "static_select", "placeholder": {"type": "plain_text", "text": "A day"},
                                   "options": [{"text": {"type": "plain_text", "text": "Monday"}, "value": "1"}]}},
                    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
                        {"type": "text", "text": "by "}, {"type": "user", "user_id": "U1"},
                        {"type": "emoji", "name": "eyes"}]}]},
                    {"type": "actions", "elements": [
                        {"type": "button", "text": {"type": "plain_text", "text": "Soup"}, "value": "s"},
                        {"type": "button", "text": {"type": "plain_text", "text": "Close"}}]},
                ]}),
                &["Lunch?", "*Soup*: 1", "a field", "by <@U1>:eyes:"],
                &["A day", "Soup", "Close"],
            ),
            (
                json!({"text": "t", "attachments": [
                    {"title": "Old", "fields": [{"title": "Build", "value": "7", "short": true}],
                     "actions": [{"type": "button", "text": "Retry", "name": "retry"}]}]}),
                &["t", "Old", "Build 7"],
                &["Retry"],
            ),
            (
                json!({"text": "", "activity": {"attachments": [
                    {"contentType": "application/vnd.microsoft.card.adaptive", "content": {
                        "type": "AdaptiveCard",
                        "body": [{"type": "TextBlock", "text": "Lunch?"},
                                 {"type": "FactSet", "facts": [{"title": "Soup", "value": "1"}]},
                                 {"type": "Input.Text", "id": "x", "label": "Your name"}],
                        "actions": [{"type": "Action.Submit", "title": "Vote"},
                                    {"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard",
                                     "body": [{"type": "TextBlock", "text": "below"}]}}]}},
                    {"contentType": "application/vnd.microsoft.card.hero", "content": {
                        "title": "Hero", "text": "words", "buttons": [{"type": "imBack", "title": "Yes", "value": "y"}]}}],
                    "suggestedActions": {"actions": [{"type": "imBack", "title": "Maybe", "value": "m"}]}}}),
                &["Lunch?", "Soup 1", "Your name", "below", "Hero", "words"],
                &["Vote", "More", "Yes", "Maybe"],
            ),
            // Its summary is for notifications.
            (
                json!({"text": "Lunch?", "activity": {"summary": "Lunch?", "attachments": [
                    {"contentType": "application/vnd.microsoft.card.adaptive", "content": {
                        "type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Lunch?"}]}}]}}),
                &["Lunch?"],
                &[],
            ),
            (
                json!({"text": "a picture", "activity": {"attachments": [{"contentType": "image/png"}]}}),
                &["a picture"],
                &[],
            ),
        ] {
            let shown = Shown::of(&message);
            assert_eq!((&shown.lines[..], &shown.buttons[..]), (&owned(lines)[..], &owned(buttons)[..]));
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }
}
