//! The `rich_text` block that stands for a message that was posted with text only.

use super::inline::{self, Angle, Kind, Leaf, Segment, Style};
use super::json::{push_member, push_name, push_raw, push_string};
use std::fmt::Write as _;

/// Appends the block for a stored text to `out`, as JSON. Takes time in proportion to the text's length.
///
/// Bullets are left as text; quotes and preformatted parts become elements of their own.
pub fn from_mrkdwn(text: &str, block_id: &str, out: &mut String) {
    out.push_str("{\"type\":\"rich_text\"");
    push_member(out, "block_id", block_id);
    push_name(out, "elements");
    out.push('[');
    if text.bytes().any(|b| matches!(b, b'*' | b'_' | b'~' | b'`' | b'<' | b'>' | b'&' | b':')) {
        push_segments(out, text);
    } else {
        push_element(out, "rich_text_section", |out| push_plain_leaf(out, text));
    }
    out.push_str("]}");
}

fn push_segments(out: &mut String, text: &str) {
    let segments = inline::segments(text);
    let shown = segments.iter().filter(|segment| **segment != Segment::Section(""));
    for (number, segment) in shown.enumerate() {
        if number > 0 {
            out.push(',');
        }
        match segment {
            Segment::Section(text) => push_element(out, "rich_text_section", |out| push_leaves(out, text)),
            Segment::Quote(text) => push_element(out, "rich_text_quote", |out| push_leaves(out, text)),
            Segment::Preformatted(text) => push_element(out, "rich_text_preformatted", |out| {
                push_plain_leaf(out, &inline::unescape(text));
            }),
        }
    }
}

fn push_element(out: &mut String, kind: &str, elements: impl FnOnce(&mut String)) {
    out.push('{');
    push_member(out, "type", kind);
    push_name(out, "elements");
    out.push('[');
    elements(out);
    out.push_str("]}");
}

fn push_plain_leaf(out: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push_str("{\"type\":\"text\",\"text\":");
    push_string(out, text);
    out.push('}');
}

fn push_leaves(out: &mut String, text: &str) {
    for (number, leaf) in inline::leaves(text).iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        push_leaf(out, leaf);
    }
}

fn push_leaf(out: &mut String, leaf: &Leaf<'_>) {
    out.push('{');
    let mut code = false;
    match leaf.kind {
        Kind::Text(text) | Kind::Code(text) => {
            code = matches!(leaf.kind, Kind::Code(_));
            push_member(out, "type", "text");
            push_member(out, "text", &inline::unescape(text));
        }
        Kind::Emoji(name) => push_emoji(out, name),
        Kind::Angle(angle) => push_angle(out, angle),
    }
    push_style(out, leaf.style, code);
    out.push('}');
}

fn push_emoji(out: &mut String, name: &str) {
    push_member(out, "type", "emoji");
    push_member(out, "name", name);
    let Some(emoji) = emojis::get_by_shortcode(name) else { return };
    push_name(out, "unicode");
    out.push('"');
    for (number, c) in emoji.as_str().chars().enumerate() {
        let _ = write!(out, "{}{:x}", if number > 0 { "-" } else { "" }, u32::from(c));
    }
    out.push('"');
}

fn push_angle(out: &mut String, angle: Angle<'_>) {
    match angle {
        Angle::Link { url, label } => {
            push_member(out, "type", "link");
            push_member(out, "url", &inline::unescape(url));
            if let Some(label) = label {
                push_member(out, "text", &inline::unescape(label));
            }
        }
        Angle::User { id, .. } => push_mention(out, "user", "user_id", id),
        Angle::Channel { id, .. } => push_mention(out, "channel", "channel_id", id),
        Angle::Group { id, .. } => push_mention(out, "usergroup", "usergroup_id", id),
        Angle::Broadcast { range } => push_mention(out, "broadcast", "range", range),
        Angle::Date { timestamp, format, url, fallback } => {
            push_member(out, "type", "date");
            push_raw(out, "timestamp", &timestamp.to_string());
            push_member(out, "format", &inline::unescape(format));
            if let Some(url) = url {
                push_member(out, "url", &inline::unescape(url));
            }
            push_member(out, "fallback", &inline::unescape(fallback));
        }
    }
}

fn push_mention(out: &mut String, kind: &str, member: &str, id: &str) {
    push_member(out, "type", kind);
    push_member(out, member, id);
}

fn push_style(out: &mut String, style: Style, code: bool) {
    if style == Style::default() && !code {
        return;
    }
    push_name(out, "style");
    out.push('{');
    for (on, name) in
        [(style.bold, "bold"), (style.italic, "italic"), (style.strike, "strike"), (code, "code")]
    {
        if on {
            push_raw(out, name, "true");
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_texts() {
        let cases = [
            (
                "Build 7 started",
                r#"[{"type":"rich_text_section","elements":[{"type":"text","text":"Build 7 started"}]}]"#,
            ),
            ("", r#"[{"type":"rich_text_section","elements":[]}]"#),
            (
                "*a* `b` x",
                r#"[{"type":"rich_text_section","elements":[{"type":"text","text":"a","style":{"bold":true}},{"type":"text","text":" "},{"type":"text","text":"b","style":{"code":true}},{"type":"text","text":" x"}]}]"#,
            ),
            (
                "<@U1> &amp; <https://x.example?a&amp;b|l>",
                r#"[{"type":"rich_text_section","elements":[{"type":"user","user_id":"U1"},{"type":"text","text":" & "},{"type":"link","url":"https://x.example?a&b","text":"l"}]}]"#,
            ),
            (
                "&gt; q\n```x &lt;```",
                r#"[{"type":"rich_text_quote","elements":[{"type":"text","text":"q"}]},{"type":"rich_text_preformatted","elements":[{"type":"text","text":"x <"}]}]"#,
            ),
            (
                ":tada: :ours:",
                r#"[{"type":"rich_text_section","elements":[{"type":"emoji","name":"tada","unicode":"1f389"},{"type":"text","text":" "},{"type":"emoji","name":"ours"}]}]"#,
            ),
            (
                "<!here><#C1><!subteam^S1><!date^12^{date}|d>",
                r#"[{"type":"rich_text_section","elements":[{"type":"broadcast","range":"here"},{"type":"channel","channel_id":"C1"},{"type":"usergroup","usergroup_id":"S1"},{"type":"date","timestamp":12,"format":"{date}","fallback":"d"}]}]"#,
            ),
        ];
        for (text, elements) in cases {
            let mut out = String::new();
            from_mrkdwn(text, "k+T", &mut out);
            assert_eq!(
                out,
                format!(r#"{{"type":"rich_text","block_id":"k+T","elements":{elements}}}"#),
                "{text}"
            );
        }
    }

    #[test]
    fn any_text_gives_valid_json() {
        for text in [
            "\n",
            "&gt;",
            "``` ```",
            "*_~`<>&:\"\\",
            "<!date^1^|>",
            "a\n\n&gt;&gt;&gt;\n\nb",
            ":::+1:::",
            "```",
        ] {
            let mut out = String::new();
            from_mrkdwn(text, "\"", &mut out);
            serde_json::from_str::<serde_json::Value>(&out).unwrap();
        }
        for piece in ["<", "`", "```", ":a", "*a ", "_a_", "&gt;\n", "&gt;"] {
            from_mrkdwn(&piece.repeat(100_000 / piece.len()), "x", &mut String::new());
        }
    }
}
