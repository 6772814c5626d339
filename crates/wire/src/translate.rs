//! A message of one API as readers of the other see it.

use crate::connector::activity::get;
use crate::slack::{markdown, text};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The text of an activity as Slack clients read it, in the stored, escaped form.
///
/// `text` in its `textFormat`; without it `summary`; without that a readable text of the attachments. An activity
/// that cannot be read gives an empty text.
pub fn activity_to_slack_text(activity: &[u8]) -> String {
    let Ok(activity) = serde_json::from_slice::<Map<String, Value>>(activity) else { return String::new() };
    if let Some(shown) = string(&activity, "text") {
        return formatted(shown, string(&activity, "textFormat").unwrap_or("markdown"));
    }
    if let Some(summary) = string(&activity, "summary") {
        return text::escape(summary).into_owned();
    }
    let attachments = get(&activity, "attachments").and_then(Value::as_array).into_iter().flatten();
    let lines: Vec<String> = attachments.filter_map(Value::as_object).map(attachment).collect();
    lines.join("\n")
}

/// A stored Slack text as the Markdown that Teams shows.
pub fn slack_to_markdown(text: &str) -> String {
    markdown::from_mrkdwn(text)
}

/// How deep cards are looked into. Deeper parts are left out of the text.
const CARD_DEPTH_MAX: usize = 16;

fn formatted(shown: &str, format: &str) -> String {
    let named = with_named_mentions(shown);
    match format.to_ascii_lowercase().as_str() {
        "plain" => text::escape(&named).into_owned(),
        "xml" => text::escape(&without_tags(&named)).into_owned(),
        _ => markdown::to_mrkdwn(&named),
    }
}

/// Turns `<at>Name</at>` into `@Name`.
fn with_named_mentions(text: &str) -> Cow<'_, str> {
    let Some(last_close) = text.rfind("</at>") else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let mut rest = &text[..last_close + "</at>".len()];
    while let Some((before, behind)) = rest.split_once("<at") {
        out.push_str(before);
        if let Some((name, after)) = opened(behind).and_then(|inner| inner.split_once("</at>")) {
            out.push('@');
            out.push_str(name);
            rest = after;
        } else {
            out.push_str("<at");
            rest = behind;
        }
    }
    out.push_str(rest);
    out.push_str(&text[last_close + "</at>".len()..]);
    Cow::Owned(out)
}

/// What follows the rest of an opening tag: `>` at once, or after attributes.
fn opened(behind: &str) -> Option<&str> {
    match behind.as_bytes().first()? {
        b'>' => Some(&behind[1..]),
        b' ' => {
            let end = behind.find(['>', '<'])?;
            behind[end..].strip_prefix('>')
        }
        _ => None,
    }
}

/// The text of Teams' small HTML subset: tags go, line breaks stay, entities become characters.
fn without_tags(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        push_decoded(&mut out, &rest[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find('>') else { break };
        let tag = rest[1..end].trim_end_matches('/').trim().to_ascii_lowercase();
        if matches!(tag.as_str(), "br" | "/p" | "/div" | "/li" | "/tr") {
            out.push('\n');
        }
        rest = &rest[end + 1..];
    }
    push_decoded(&mut out, rest);
    out.truncate(out.trim_end().len());
    out
}

fn push_decoded(out: &mut String, text: &str) {
    const ENTITIES: [(&str, char); 7] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&#39;", '\''),
        ("&nbsp;", ' '),
    ];
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
        let (entity, shown) = found.copied().unwrap_or(("&", '&'));
        out.push(shown);
        rest = &rest[entity.len()..];
    }
    out.push_str(rest);
}

fn attachment(attachment: &Map<String, Value>) -> String {
    let kind = string(attachment, "contentType").unwrap_or_default();
    let content = get(attachment, "content").and_then(Value::as_object);
    let shown = match content {
        Some(card) if kind.ends_with(".card.adaptive") => adaptive(card),
        Some(card) => ordinary_card(card),
        None => String::new(),
    };
    if !shown.is_empty() {
        return shown;
    }
    text::escape(string(attachment, "name").unwrap_or("[card]")).into_owned()
}

fn adaptive(card: &Map<String, Value>) -> String {
    if let Some(fallback) = string(card, "fallbackText") {
        return text::escape(fallback).into_owned();
    }
    if let Some(speak) = string(card, "speak") {
        return text::escape(&without_tags(speak)).into_owned();
    }
    let mut lines = Vec::new();
    collect(card, CARD_DEPTH_MAX, &mut lines);
    lines.join("\n")
}

fn ordinary_card(card: &Map<String, Value>) -> String {
    let lines = ["title", "subtitle", "text"].into_iter().filter_map(|name| string(card, name));
    lines.map(markdown::to_mrkdwn).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Collects the texts of a card element and of what it contains, in reading order.
fn collect(element: &Map<String, Value>, depth: usize, lines: &mut Vec<String>) {
    match string(element, "type").unwrap_or_default() {
        "TextBlock" => push_line(lines, markdown::to_mrkdwn(string(element, "text").unwrap_or_default())),
        "RichTextBlock" => push_line(lines, inlines(element)),
        "FactSet" => facts(element).for_each(|fact| push_line(lines, fact)),
        _ => {}
    }
    if depth == 0 {
        return;
    }
    for name in ["body", "items", "columns", "rows", "cells"] {
        let parts = get(element, name).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(Value::as_object).for_each(|part| collect(part, depth - 1, lines));
    }
}

fn push_line(lines: &mut Vec<String>, line: String) {
    if !line.is_empty() {
        lines.push(line);
    }
}

fn inlines(element: &Map<String, Value>) -> String {
    let runs = get(element, "inlines").and_then(Value::as_array).into_iter().flatten();
    let texts = runs.filter_map(|run| match run {
        Value::String(text) => Some(text.as_str()),
        Value::Object(run) => string(run, "text"),
        _ => None,
    });
    text::escape(&texts.collect::<String>()).into_owned()
}

fn facts(element: &Map<String, Value>) -> impl Iterator<Item = String> {
    let facts = get(element, "facts").and_then(Value::as_array).into_iter().flatten();
    facts.filter_map(Value::as_object).map(|fact| {
        let (title, value) =
            (string(fact, "title").unwrap_or_default(), string(fact, "value").unwrap_or_default());
        text::escape(format!("{title} {value}").trim()).into_owned()
    })
}

fn string<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    get(object, name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_of_activities() {
        let card = |content: Value| json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]});
        let cases = [
            (json!({"text": "**a** & <at>Ann B</at>"}), "*a* &amp; @Ann B"),
            (json!({"text": "**a** <b>", "textFormat": "plain"}), "**a** &lt;b&gt;"),
            (
                json!({"text": "<b>a</b><br/>1 &lt; 2 <at id=\"0\">Ann</at>", "textFormat": "xml"}),
                "a\n1 &lt; 2 @Ann",
            ),
            (json!({"text": "<at>open <attic>", "textFormat": "plain"}), "&lt;at&gt;open &lt;attic&gt;"),
            (json!({"summary": "S & T", "attachments": [{}]}), "S &amp; T"),
            (card(json!({"fallbackText": "F", "body": []})), "F"),
            (card(json!({"speak": "<s>hi</s>"})), "hi"),
            (
                card(json!({"body": [
                    {"type": "TextBlock", "text": "**T**"},
                    {"type": "ColumnSet", "columns": [{"items": [{"type": "RichTextBlock", "inlines": ["a", {"text": "<b"}]}]}]},
                    {"type": "FactSet", "facts": [{"title": "K:", "value": "V"}]}]})),
                "*T*\na&lt;b\nK: V",
            ),
            (
                json!({"attachments": [{"contentType": "application/vnd.microsoft.card.hero",
                "content": {"title": "T", "subtitle": "S", "text": "x"}}]}),
                "T\nS\nx",
            ),
            (json!({"attachments": [{"contentType": "image/png", "name": "a.png"}, {}]}), "a.png\n[card]"),
            (json!({}), ""),
            (json!([]), ""),
        ];
        for (activity, wanted) in cases {
            assert_eq!(activity_to_slack_text(activity.to_string().as_bytes()), wanted, "{activity}");
        }
        assert_eq!(activity_to_slack_text(b"\xff"), "");
    }

    #[test]
    fn hostile_activities() {
        let mut element = json!({"type": "TextBlock", "text": "deep"});
        for _ in 0..60 {
            element = json!({"items": [element]});
        }
        let card =
            json!({"attachments": [{"contentType": "x.card.adaptive", "content": {"body": [element]}}]});
        assert_eq!(activity_to_slack_text(card.to_string().as_bytes()), "[card]");
        for piece in ["<at", "<at ", "<at>", "</at>", "<", "&", "<at <at></at>"] {
            for format in ["plain", "xml", "markdown"] {
                let activity = json!({"text": piece.repeat(20_000) + "</at>", "textFormat": format});
                activity_to_slack_text(activity.to_string().as_bytes());
            }
        }
    }

    #[test]
    fn slack_text_for_teams() {
        assert_eq!(slack_to_markdown("*a* <https://x.example|x> &lt;"), "**a** [x](https://x.example) <");
    }
}
