//! What holds for any input.

use super::tests::Few;
use super::*;
use crate::connector::activity::{SIZE_UTF16_BYTES_MAX, utf16_units};
use crate::slack::blocks;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A piece of a line that both sides can say, in mrkdwn.
fn piece() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => "[a-zäß]{1,6}",
        1 => prop::sample::select(vec![
            "*", "_", "~", "**", "snake_case", "\\", "[x]", "(y)", "#", "-", "+", "|", "!", "2*3", "1)", "&amp;", "&lt;",
            "&gt;", "&amp;lt;", "&lt;b&gt;", "a&amp;b;", "&lt;at&gt;", "\"q\"", "'", "…", "日本",
        ])
        .prop_map(str::to_owned),
    ];
    let plain = prop_oneof![
        word,
        prop::sample::select(vec![
            "<@U1>",
            "<@U2>",
            "<https://x.example/a_b?c=1&amp;d=*>",
            "<https://x.example/(a)|a label>",
            "<mailto:a@x.example>",
            "<mailto:a@x.example|Ann>",
            ":tada:",
            ":ours:",
            ":wave::skin-tone-3:",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        6 => plain,
        1 => "[a-z&]{1,5}".prop_map(|code| format!("`{}`", code.replace('&', "&amp;"))),
        1 => ("[*_~]", "[a-z]{1,5}( [a-z]{1,3}| <@U1>)?").prop_map(|(mark, text)| format!("{mark}{text}{mark}")),
        1 => "[a-z]{1,3}".prop_map(|text| format!("*_{text}_ {text}*")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let line = vec(piece(), 1..6).prop_map(|pieces| pieces.join(" "));
    line.prop_map(|line| if line.starts_with("&gt;") { format!("a {line}") } else { line })
}

/// Lines that make one block: a paragraph, a list, a quote or code.
fn block() -> impl Strategy<Value = String> {
    let numbered = |lines: Vec<String>| -> Vec<String> {
        (1..).zip(lines).map(|(number, line)| format!("{number}. {line}")).collect()
    };
    let nested = |(outer, inner): (Vec<String>, Vec<String>)| -> Vec<String> {
        let inner = inner.into_iter().map(|line| format!("    • {line}"));
        outer.into_iter().map(|line| format!("• {line}")).chain(inner).collect()
    };
    let lines = prop_oneof![
        4 => vec(line(), 1..4),
        1 => vec(line(), 1..4).prop_map(numbered),
        1 => (vec(line(), 1..3), vec(line(), 0..3)).prop_map(nested),
        1 => vec(line(), 1..3).prop_map(|lines| lines.into_iter().map(|line| format!("&gt; {line}")).collect()),
        1 => "[a-z*_#&]{1,8}(\n {0,4}[a-z\\[]{1,4}`?){0,3}".prop_map(|code| {
            vec!["```".to_owned(), code.replace('&', "&amp;"), "```".to_owned()]
        }),
    ];
    lines.prop_map(|lines| lines.join("\n"))
}

proptest! {
    /// What both sides can say comes back as it was. Blank lines stand between blocks, as they do in Markdown.
    #[test]
    fn there_and_back(parts in vec(block(), 1..4)) {
        let text = parts.join("\n\n");
        let message = SlackMessage { text: &text, markup: true, ..SlackMessage::default() };
        let there = slack_to_activity(&message, &Few);
        let activity = json!({"text": there.text, "textFormat": there.text_format, "entities": there.entities});
        prop_assert_eq!(activity_to_slack_text(activity.to_string().as_bytes(), &Few), text, "{}", activity);
    }

    /// The HTML that goes beside it says the same.
    #[test]
    fn html_says_the_same(parts in vec(block(), 1..4)) {
        let text = parts.join("\n\n");
        let message = SlackMessage { text: &text, markup: true, ..SlackMessage::default() };
        let there = slack_to_activity(&message, &Few);
        if let Some(html) = there.attachments.first() {
            let entities = there.entities;
            let activity = json!({"text": html["content"], "textFormat": "xml", "entities": entities});
            prop_assert_eq!(activity_to_slack_text(activity.to_string().as_bytes(), &Few), text, "{}", activity);
        }
    }
}

/// Text that somebody may send: marks of every notation, halves of them, and what looks like them.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "a",
        " ",
        "\n",
        "*",
        "_",
        "~",
        "`",
        "```",
        "<",
        ">",
        "&",
        "&gt;",
        "&lt;",
        "&amp;",
        "<at>",
        "</at>",
        "<at id=\"0\">",
        "Ann",
        "<b>",
        "</b>",
        "<p>",
        "</p>",
        "<ul>",
        "<ol start=\"9\">",
        "<li>",
        "</ul>",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "<a href=\"https://x\">",
        "</a>",
        "<table><tr><td>",
        "[",
        "](",
        ")",
        "![",
        "# ",
        "- ",
        "1. ",
        "> ",
        "• ",
        "    ",
        "|",
        "|-|-|",
        "\\",
        ":tada:",
        "::",
        "🎉",
        "👨\u{200D}👩",
        "\u{FDD0}",
        "\u{F0000}",
        "\u{0}",
        "https://x.example",
        "www.a.b",
        "<@U1>",
        "<#C1>",
        "<!date^1^{date}|x>",
        "<https://x.example|y>",
        "é",
        "<br/>",
        "---",
    ];
    prop_oneof![
        6 => vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat()),
        1 => "\\PC{0,30}",
        1 => "[x ]{0,40}".prop_map(|text| text.repeat(300)),
    ]
}

const TYPES: [&str; 34] = [
    "TextBlock",
    "RichTextBlock",
    "TextRun",
    "Image",
    "ImageSet",
    "FactSet",
    "Container",
    "ColumnSet",
    "Column",
    "ActionSet",
    "Table",
    "TableRow",
    "TableCell",
    "Input.Text",
    "Input.ChoiceSet",
    "Media",
    "Action.OpenUrl",
    "Action.Submit",
    "New.Thing",
    "section",
    "header",
    "divider",
    "actions",
    "context",
    "image",
    "rich_text",
    "rich_text_list",
    "rich_text_section",
    "table",
    "button",
    "mrkdwn",
    "plain_text",
    "video",
    "markdown",
];
const NAMES: [&str; 45] = [
    "body",
    "items",
    "columns",
    "rows",
    "cells",
    "facts",
    "images",
    "inlines",
    "actions",
    "text",
    "title",
    "value",
    "url",
    "altText",
    "size",
    "weight",
    "isSubtle",
    "separator",
    "choices",
    "label",
    "fallback",
    "fallbackText",
    "id",
    "style",
    "buttons",
    "subtitle",
    "contentType",
    "content",
    "contentUrl",
    "name",
    "elements",
    "fields",
    "accessory",
    "image_url",
    "alt_text",
    "indent",
    "offset",
    "user_id",
    "blocks",
    "color",
    "pretext",
    "image",
    "total",
    "tax",
    "sources",
];

/// JSON that looks like cards and blocks.
fn any_element() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => any_text().prop_map(Value::from),
        1 => prop::sample::select(vec![
            json!("https://x.example/i.png"), json!("large"), json!("bolder"), json!("ordered"), json!(7), json!(-1),
            json!(true), json!(null), json!("openUrl"), json!(u64::MAX),
        ]),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let member = (prop::sample::select(NAMES.to_vec()), inner.clone());
        let object = (prop::sample::select(TYPES.to_vec()), vec(member, 0..6)).prop_map(|(kind, members)| {
            let mut object = json!({"type": kind});
            for (name, value) in members {
                object[name] = value;
            }
            object
        });
        prop_oneof![3 => object, 1 => vec(inner, 0..6).prop_map(Value::Array)]
    })
}

const KINDS: [&str; 6] =
    ["card.adaptive", "card.hero", "card.thumbnail", "card.receipt", "teams.card.o365connector", "x"];

proptest! {
    /// Blocks made of any card are blocks that Slack accepts, with every default filled in.
    #[test]
    fn made_blocks_are_valid(
        text in any_text(), body in vec(any_element(), 0..12), kind in prop::sample::select(KINDS.to_vec()),
        format in prop::sample::select(vec!["markdown", "plain", "xml"]),
    ) {
        let content = json!({"body": body, "items": body, "facts": body, "images": body, "buttons": body, "actions": body,
            "sections": body, "title": text, "text": text});
        let activity = json!({"text": text, "textFormat": format,
            "entities": [{"type": "mention", "text": "<at>Ann</at>", "mentioned": {"id": "29:1"}}],
            "attachments": [{"contentType": format!("application/vnd.microsoft.{kind}"), "content": content}, body]});
        let activity = activity.to_string();
        activity_to_slack_text(activity.as_bytes(), &Few);
        let made = activity_to_slack_blocks(&activity, &Few).unwrap_or_else(|| "[]".to_owned());
        let checked = blocks::normalise(&made, &mut || "new".to_owned());
        let checked = checked.map_err(|fault| TestCaseError::fail(format!("{fault:?} {made}")))?;
        let parse = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        prop_assert_eq!(parse(&checked.json), parse(&made), "defaults are missing");
    }

    /// No text or block makes an activity that is too big.
    #[test]
    fn made_activities_fit(text in any_text(), elements in vec(any_element(), 0..12), times in 1_usize..40, markup: bool) {
        let (text, list) = (text.repeat(times), Value::Array(elements).to_string());
        for (blocks, attachments) in [(None, None), (Some(&*list), None), (None, Some(&*list))] {
            let made = slack_to_activity(&SlackMessage { text: &text, markup, blocks, attachments }, &Few);
            let size = utf16_units(&serde_json::to_value(&made).unwrap()) * 2;
            prop_assert!(size <= SIZE_UTF16_BYTES_MAX, "{size}");
        }
    }
}

/// Time grows with the length only.
#[test]
fn long_hostile_texts_are_survived() {
    let pieces = [
        "<at",
        "<at ",
        "<at>",
        "</at>",
        "<",
        "&",
        "<at <at></at>",
        "<at>x</at>",
        "<b>",
        "<a ",
        "<ul><li>",
        "<blockquote>",
        "> ",
        "- ",
        "[",
        "![",
        "**",
        "`",
        "```",
        "*a ",
        "&gt;\n",
        "• ",
        ":a",
        "|a",
        "www.",
        "https://",
        "🎉",
        "\u{200D}",
        "1. ",
        "\n",
        "<pre>",
        "<table>",
        "<tr><td>",
    ];
    for piece in pieces {
        let text = piece.repeat(40_000 / piece.len());
        for format in ["plain", "xml", "markdown"] {
            let activity = json!({"text": text, "textFormat": format}).to_string();
            activity_to_slack_text(activity.as_bytes(), &Few);
            activity_to_slack_blocks(&activity, &Few);
        }
        slack_to_activity(&SlackMessage { text: &text, markup: true, ..SlackMessage::default() }, &Few);
    }
}
