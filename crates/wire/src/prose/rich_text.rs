//! Slack's `rich_text` block.

use super::runs::{push_text, tidy};
use super::{Body, INDENT_MAX, Line, Mark, Names, Run, Style, What, emoji};
use serde_json::{Map, Value, json};

/// Adds the lines of a `rich_text` block.
pub(crate) fn read(block: &Value, names: &dyn Names, lines: &mut Vec<Line>) {
    for element in array(block, "elements") {
        match string(element, "type") {
            "rich_text_list" => read_list(element, names, lines),
            "rich_text_preformatted" => {
                let mut code = String::new();
                for leaf in array(element, "elements") {
                    let text = string(leaf, "text");
                    code.push_str(if text.is_empty() { string(leaf, "url") } else { text });
                }
                lines.push(Line { body: Body::Code(code), ..Line::default() });
            }
            "rich_text_quote" => read_section(element, true, names, lines),
            _ => read_section(element, false, names, lines),
        }
    }
}

fn read_list(list: &Value, names: &dyn Names, lines: &mut Vec<Line>) {
    let indent = number(list, "indent").map_or(0, |indent| usize::try_from(indent).unwrap_or(INDENT_MAX));
    let offset = number(list, "offset").unwrap_or(0);
    for (at, item) in (1..).zip(array(list, "elements")) {
        let mark = match string(list, "style") {
            "ordered" => Mark::Number(offset.saturating_add(at)),
            _ => Mark::Bullet,
        };
        let mut inside = Vec::new();
        read_section(item, false, names, &mut inside);
        for (number, line) in inside.into_iter().enumerate() {
            let indent = indent.min(INDENT_MAX);
            let line = match number {
                0 => Line { indent, mark, ..line },
                _ => Line { indent: (indent + 1).min(INDENT_MAX), ..line },
            };
            lines.push(line);
        }
    }
}

fn read_section(section: &Value, quote: bool, names: &dyn Names, lines: &mut Vec<Line>) {
    let mut runs: Vec<Run> = Vec::new();
    let mut push = |runs: &mut Vec<Run>| {
        tidy(runs);
        lines.push(Line { quote, ..Line::text(std::mem::take(runs)) });
    };
    for leaf in array(section, "elements") {
        let (what, style) = (read_leaf(leaf, names), style_of(leaf));
        let What::Text(text) = what else {
            runs.push(Run { what, style });
            continue;
        };
        for (number, piece) in text.split('\n').enumerate() {
            if number > 0 {
                push(&mut runs);
            }
            push_text(&mut runs, piece, style);
        }
    }
    push(&mut runs);
    // A section ends with its line; the break that Slack's editor leaves there shows no line of its own.
    let ends_with_break =
        array(section, "elements").last().is_some_and(|leaf| string(leaf, "text").ends_with('\n'));
    if ends_with_break {
        lines.pop();
    }
}

fn read_leaf(leaf: &Value, names: &dyn Names) -> What {
    let text = |name: &str| string(leaf, name).to_owned();
    match string(leaf, "type") {
        "link" => What::Link { url: text("url"), label: text("text") },
        "user" => match names.user(string(leaf, "user_id")) {
            Some(person) => What::User(person),
            None => What::Text(format!("@{}", string(leaf, "user_id"))),
        },
        "channel" => {
            let id = string(leaf, "channel_id");
            What::Text(format!("#{}", names.channel(id).unwrap_or_else(|| id.to_owned())))
        }
        "usergroup" => What::Text(format!("@{}", string(leaf, "usergroup_id"))),
        "broadcast" => What::Text(format!("@{}", string(leaf, "range"))),
        "emoji" => {
            let name = match leaf.get("skin_tone").and_then(Value::as_u64) {
                Some(tone) => format!("{}::skin-tone-{tone}", string(leaf, "name")),
                None => text("name"),
            };
            What::Text(emoji::from_name(&name).map_or_else(|| format!(":{name}:"), str::to_owned))
        }
        "date" => What::Text(text("fallback")),
        "color" => What::Text(text("value")),
        _ if leaf.pointer("/style/code") == Some(&Value::Bool(true)) => {
            What::Code(text("text").replace('\n', " "))
        }
        _ => What::Text(text("text")),
    }
}

fn style_of(leaf: &Value) -> Style {
    let on = |name: &str| leaf.get("style").and_then(|style| style.get(name)) == Some(&Value::Bool(true));
    Style { bold: on("bold"), italic: on("italic"), strike: on("strike") }
}

/// Writes lines as a block.
pub(crate) fn write(lines: &[Line], block_id: &str) -> Value {
    let mut elements: Vec<Value> = Vec::new();
    let mut leaves: Vec<Value> = Vec::new();
    let mut open: Option<&Line> = None;
    for line in lines {
        if let Some(last) = open
            && !continues(last, line)
        {
            elements.push(element(last, std::mem::take(&mut leaves)));
            open = None;
        }
        match (&line.body, line.mark) {
            (Body::Code(code), _) => {
                elements.push(
                    json!({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": code}]}),
                );
            }
            (_, Mark::None) => {
                if open.is_some() {
                    push_leaf(&mut leaves, json!({"type": "text", "text": "\n"}));
                }
                push_line(&mut leaves, line);
                open = Some(line);
            }
            _ => push_item(&mut elements, line),
        }
    }
    if let Some(last) = open {
        elements.push(element(last, leaves));
    }
    json!({"type": "rich_text", "block_id": block_id, "elements": elements})
}

/// Whether a line stands in the same section or quote as the one before it.
fn continues(last: &Line, line: &Line) -> bool {
    line.mark == Mark::None && line.quote == last.quote && !matches!(line.body, Body::Code(_))
}

fn element(line: &Line, leaves: Vec<Value>) -> Value {
    let kind = if line.quote { "rich_text_quote" } else { "rich_text_section" };
    json!({"type": kind, "elements": leaves})
}

fn push_item(elements: &mut Vec<Value>, line: &Line) {
    let mut leaves = Vec::new();
    push_line(&mut leaves, line);
    let section = json!({"type": "rich_text_section", "elements": leaves});
    let (style, number) = match line.mark {
        Mark::Number(number) => ("ordered", number),
        _ => ("bullet", 1),
    };
    if let Some(last) = elements.last_mut()
        && string(last, "style") == style
        && last.get("indent").and_then(Value::as_u64) == u64::try_from(line.indent).ok()
        && (style == "bullet" || next_number(last) == number)
        && let Some(Value::Array(items)) = last.get_mut("elements")
    {
        items.push(section);
        return;
    }
    let mut list = json!({"type": "rich_text_list", "style": style, "indent": line.indent, "border": u8::from(line.quote),
        "elements": [section]});
    if number > 1 {
        list["offset"] = json!(number - 1);
    }
    elements.push(list);
}

fn next_number(list: &Value) -> u64 {
    let count = list.get("elements").and_then(Value::as_array).map_or(0, Vec::len);
    number(list, "offset").unwrap_or(0).saturating_add(u64::try_from(count).unwrap_or(0)).saturating_add(1)
}

fn push_line(leaves: &mut Vec<Value>, line: &Line) {
    if matches!(line.body, Body::Rule) {
        push_leaf(leaves, json!({"type": "text", "text": "---"}));
    }
    if line.mark == Mark::None && line.indent > 0 {
        push_leaf(leaves, json!({"type": "text", "text": "    ".repeat(line.indent)}));
    }
    let bold = matches!(line.body, Body::Heading(_));
    for run in line.runs() {
        let style = Style { bold: bold || run.style.bold, ..run.style };
        let mut leaf = match &run.what {
            What::Text(text) => {
                push_words(leaves, text, style);
                continue;
            }
            What::Code(text) | What::Slack(text) => json!({"type": "text", "text": text}),
            What::Link { url, label } if label.is_empty() => json!({"type": "link", "url": url}),
            What::Link { url, label } => json!({"type": "link", "url": url, "text": label}),
            What::User(person) => json!({"type": "user", "user_id": person.slack_id}),
        };
        set_style(&mut leaf, style, matches!(run.what, What::Code(_)));
        leaves.push(leaf);
    }
}

/// Words, with emoji as leaves of their own.
fn push_words(leaves: &mut Vec<Value>, text: &str, style: Style) {
    for (text, name) in emoji::split(text) {
        let mut leaf = match name {
            None => json!({"type": "text", "text": text}),
            Some((name, None)) => json!({"type": "emoji", "name": name, "unicode": code_points(text)}),
            Some((name, Some(tone))) => {
                json!({"type": "emoji", "name": name, "unicode": code_points(text), "skin_tone": tone})
            }
        };
        set_style(&mut leaf, style, false);
        push_leaf(leaves, leaf);
    }
}

/// Adds a leaf; text of the same style goes on in the last one.
fn push_leaf(leaves: &mut Vec<Value>, leaf: Value) {
    if let Some(last) = leaves.last_mut()
        && string(last, "type") == "text"
        && string(&leaf, "type") == "text"
        && last.get("style") == leaf.get("style")
    {
        last["text"] = json!(format!("{}{}", string(last, "text"), string(&leaf, "text")));
        return;
    }
    leaves.push(leaf);
}

fn set_style(leaf: &mut Value, style: Style, code: bool) {
    let mut on = Map::new();
    for (name, held) in
        [("bold", style.bold), ("italic", style.italic), ("strike", style.strike), ("code", code)]
    {
        if held {
            on.insert(name.to_owned(), Value::Bool(true));
        }
    }
    if !on.is_empty() {
        leaf["style"] = Value::Object(on);
    }
}

fn code_points(emoji: &str) -> String {
    emoji.chars().map(|c| format!("{:x}", u32::from(c))).collect::<Vec<_>>().join("-")
}

fn array<'a>(value: &'a Value, name: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> Option<u64> {
    value.get(name).and_then(Value::as_u64)
}
