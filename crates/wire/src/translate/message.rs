//! A Slack message as a Teams bot reads it.

use crate::connector::activity::{SIZE_UTF16_BYTES_MAX, utf16_units};
use crate::prose::{self, Line, Names, NoNames, Person, html, markdown, mrkdwn, rich_text};
use serde::Serialize;
use serde_json::{Value, json};

use super::blocks;
use super::groups::mention;

/// The parts of a stored Slack message that say something.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlackMessage<'a> {
    /// The text in its stored, escaped form.
    pub text: &'a str,
    /// False where the post switched the meaning of markup off.
    pub markup: bool,
    /// The stored `blocks`, a JSON array.
    pub blocks: Option<&'a str>,
    /// The stored `attachments`, a JSON array.
    pub attachments: Option<&'a str>,
}

/// What an activity says: to be laid into one that has sender, conversation and ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityContent {
    /// Absent when everything is in a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `plain`, or `markdown` where plain text would not do.
    pub text_format: &'static str,
    /// Text of a message whose text is absent, for where cards are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// One `mention` for each `<at>…</at>`, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Value>,
    /// Adaptive Cards, and `text/html` where the text has markup or mentions, as Teams sends it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Value>,
}

/// A Slack message as an activity.
///
/// The text is what Slack's clients show: the blocks if there are any, else `text`. Blocks that are nothing but text
/// become the activity's text, others one Adaptive Card that holds everything; then there is no text. Each attachment
/// becomes a card of its own. What does not fit into [`SIZE_UTF16_BYTES_MAX`] is left out from the end.
pub fn slack_to_activity(message: &SlackMessage<'_>, names: &dyn Names) -> ActivityContent {
    let list = |json: Option<&str>| -> Vec<Value> {
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    };
    let given = list(message.blocks);
    let mut content = match (only_text(&given, names), given.is_empty()) {
        (_, true) => said(&text_lines(message, names)),
        (Some(lines), false) => said(&lines),
        (None, false) => match blocks::card(&given, names) {
            Some(card) => in_card(card, message.text),
            None => said(&text_lines(message, names)),
        },
    };
    for attachment in &list(message.attachments) {
        content
            .attachments
            .extend(blocks::attachment_card(attachment, names).map(blocks::Card::into_attachment));
    }
    fit(&mut content);
    content
}

/// A stored Slack text as Markdown. People are shown by their ids or labels, since nobody is asked for names.
pub fn slack_to_markdown(text: &str) -> String {
    markdown::write(&mrkdwn::read(text, &NoNames), &|person| format!("@{}", person.name))
}

fn text_lines(message: &SlackMessage<'_>, names: &dyn Names) -> Vec<Line> {
    if message.markup {
        mrkdwn::read(message.text, names)
    } else {
        mrkdwn::read_unmarked(message.text, names)
    }
}

/// The lines of blocks of which a text can hold everything.
fn only_text(blocks: &[Value], names: &dyn Names) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    for block in blocks {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        match block.get("type").and_then(Value::as_str)? {
            "rich_text" => rich_text::read(block, names, &mut lines),
            "section" if block.get("fields").is_none() && block.get("accessory").is_none() => {
                lines.extend(blocks::text_object(block.get("text")?, names));
            }
            "markdown" => lines.extend(blocks::markdown_lines(block.get("text")?.as_str()?, names)),
            _ => return None,
        }
    }
    while lines.last().is_some_and(Line::is_blank) {
        lines.pop();
    }
    Some(lines)
}

fn said(lines: &[Line]) -> ActivityContent {
    let entities: Vec<Value> = prose::mentioned(lines).map(mention).collect();
    let at = |person: &Person| html::mention(person, None);
    let marked = prose::has_markup(lines);
    let text = if marked { markdown::write(lines, &at) } else { prose::plain(lines, &at) };
    let rich = marked || !entities.is_empty();
    let attachments = rich.then(|| json!({"contentType": "text/html", "content": html::write(lines)}));
    ActivityContent {
        text: Some(text),
        text_format: if marked { "markdown" } else { "plain" },
        summary: None,
        entities,
        attachments: attachments.into_iter().collect(),
    }
}

fn in_card(card: blocks::Card, text: &str) -> ActivityContent {
    let summary = crate::slack::text::plain(text);
    ActivityContent {
        text: None,
        text_format: "plain",
        summary: Some(summary).filter(|summary| !summary.is_empty()),
        entities: card.mentioned.iter().map(mention).collect(),
        attachments: vec![card.into_attachment()],
    }
}

/// Leaves out what is too much: attachments from the last on, then the end of the text.
fn fit(content: &mut ActivityContent) {
    // Room for sender, conversation and the rest of an activity.
    const FRAME: usize = 4_096;
    let units_max = (SIZE_UTF16_BYTES_MAX - FRAME) / 2;
    let units = |text: &Option<String>| text.as_ref().map_or(0, |text| utf16_units(&json!(text)));
    if let Some(text) = &mut content.text {
        cut(text, units_max);
    }
    if let Some(summary) = &mut content.summary {
        cut(summary, units_max / 2);
    }
    let mut used = units(&content.text) + units(&content.summary);
    for list in [&mut content.entities, &mut content.attachments] {
        list.retain(|value| {
            let size = utf16_units(value) + 1;
            let fits = used + size <= units_max;
            used += if fits { size } else { 0 };
            fits
        });
    }
    if content.text.is_none() && content.attachments.is_empty() {
        content.text = content.summary.take();
    }
}

fn cut(text: &mut String, units_max: usize) {
    let mut units = 2;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > units_max
    });
    if let Some((end, _)) = end {
        text.truncate(end);
    }
}
