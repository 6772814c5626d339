//! The text of blocks, for readers that show none: notifications, search, the other API.

use serde_json::Value;

use crate::slack::text;
use crate::slack::text::Parse;

/// The text of the blocks that hold text, one line or more per block, in the stored form.
pub(crate) fn fallback(blocks: &[Value]) -> String {
    let mut out = String::new();
    for block in blocks {
        push_fallback(&mut out, block);
    }
    out.truncate(out.trim_end().len());
    out
}

fn push_fallback(out: &mut String, block: &Value) {
    match block.get("type").and_then(Value::as_str).unwrap_or_default() {
        "section" => {
            push_text(out, block.get("text"));
            items(block, "fields").for_each(|field| push_text(out, Some(field)));
        }
        "header" => push_text(out, block.get("text")),
        "context" => items(block, "elements").for_each(|element| match element.get("alt_text") {
            Some(alt) => push_line(out, &text::escape(alt.as_str().unwrap_or_default())),
            None => push_text(out, Some(element)),
        }),
        "image" | "video" => match block.get("title").filter(|title| title.is_object()) {
            Some(title) => push_text(out, Some(title)),
            None => push_line(out, &text::escape(str_of(block, "alt_text"))),
        },
        "input" => push_text(out, block.get("label")),
        "markdown" => push_line(out, &crate::slack::markdown::to_mrkdwn(str_of(block, "text"))),
        "rich_text" => push_rich_text(out, block),
        "table" => items(block, "rows").for_each(|row| push_row(out, row)),
        _ => {}
    }
}

fn push_text(out: &mut String, text: Option<&Value>) {
    let Some(object) = text else { return };
    let text = str_of(object, "text");
    if str_of(object, "type") != "mrkdwn" {
        return push_line(out, &text::escape(text));
    }
    let verbatim = object.get("verbatim").and_then(Value::as_bool).unwrap_or(false);
    let parse = if verbatim { Parse::None } else { Parse::Default };
    push_line(out, &text::normalise(text, parse, false, &text::Names { channel: &|_| None }));
}

fn push_row(out: &mut String, row: &Value) {
    let mut line = String::new();
    for (at, cell) in row.as_array().into_iter().flatten().enumerate() {
        if at > 0 {
            line.push_str(" | ");
        }
        match str_of(cell, "type") {
            "rich_text" => {
                let mut shown = String::new();
                push_rich_text(&mut shown, cell);
                line.push_str(shown.trim_end());
            }
            _ => line.push_str(&text::escape(str_of(cell, "text"))),
        }
    }
    push_line(out, &line);
}

fn push_rich_text(out: &mut String, block: &Value) {
    for element in items(block, "elements") {
        if str_of(element, "type") == "rich_text_list" {
            for item in items(element, "elements") {
                push_line(out, &format!("• {}", leaves_text(item)));
            }
        } else {
            push_line(out, &leaves_text(element));
        }
    }
}

fn leaves_text(section: &Value) -> String {
    let mut out = String::new();
    for leaf in items(section, "elements") {
        let id = |name| text::escape(str_of(leaf, name));
        match str_of(leaf, "type") {
            "link" => match str_of(leaf, "text") {
                "" => out.push_str(&format!("<{}>", id("url"))),
                label => out.push_str(&format!("<{}|{}>", id("url"), text::escape(label))),
            },
            "user" => out.push_str(&format!("<@{}>", id("user_id"))),
            "channel" => out.push_str(&format!("<#{}>", id("channel_id"))),
            "usergroup" => out.push_str(&format!("<!subteam^{}>", id("usergroup_id"))),
            "broadcast" => out.push_str(&format!("<!{}>", id("range"))),
            "emoji" => out.push_str(&format!(":{}:", id("name"))),
            "date" => out.push_str(&id("fallback")),
            _ => out.push_str(&id("text")),
        }
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    if !line.is_empty() {
        out.push_str(line);
        out.push('\n');
    }
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn str_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
