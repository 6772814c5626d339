//! Block Kit and Slack's attachments as Adaptive Cards.

use crate::prose::markdown::Besides;
use crate::prose::mentions::Mentions;
use crate::prose::mrkdwn::with_emoji;
use crate::prose::{self, Body, Line, Names, Person, Run, What, markdown, mrkdwn, rich_text};
use crate::slack;
use serde_json::{Value, json};

use super::groups::{group_text, groups, mention};
use super::json::web_address;

/// The version of the schema that Teams' clients show everywhere.
const VERSION: &str = "1.4";

/// A card in the making.
pub(super) struct Card {
    body: Vec<Value>,
    /// Whom its texts mention, in order.
    pub mentioned: Vec<Person>,
    /// Whether a line stands before the next element.
    separated: bool,
}

/// The card that shows these blocks; `None` if it would be empty.
pub(super) fn card(blocks: &[Value], names: &dyn Names) -> Option<Card> {
    let mut card = Card { body: Vec::new(), mentioned: Vec::new(), separated: false };
    blocks.iter().for_each(|block| card.block(block, names));
    (!card.body.is_empty()).then_some(card)
}

/// The card that shows one attachment; `None` if it would be empty. Its colour is lost.
pub(super) fn attachment_card(attachment: &Value, names: &dyn Names) -> Option<Card> {
    if let Some(blocks) = attachment.get("blocks").and_then(Value::as_array).filter(|list| !list.is_empty()) {
        return card(blocks, names);
    }
    let mut card = Card { body: Vec::new(), mentioned: Vec::new(), separated: false };
    card.attachment(attachment, names);
    (!card.body.is_empty()).then_some(card)
}

/// The lines of a text object.
pub(super) fn text_object(object: &Value, names: &dyn Names) -> Vec<Line> {
    let text = string(object, "text");
    if string(object, "type") == "mrkdwn" {
        return mrkdwn_lines(text, object.get("verbatim") == Some(&Value::Bool(true)), names);
    }
    let shown =
        if object.get("emoji") == Some(&Value::Bool(false)) { text.to_owned() } else { with_emoji(text) };
    shown.split('\n').map(|line| Line::text(vec![Run::text(line, prose::Style::default())])).collect()
}

/// The lines of a `markdown` block.
pub(super) fn markdown_lines(text: &str, names: &dyn Names) -> Vec<Line> {
    let mut lines = markdown::read(text, Besides::SlackSyntax, &Mentions::default());
    for line in &mut lines {
        let (Body::Text(runs) | Body::Heading(runs)) = &mut line.body else { continue };
        for run in runs {
            let What::Slack(syntax) = &run.what else { continue };
            let meant = mrkdwn::read_unmarked(syntax, names);
            if let Some(meant) = meant.first().and_then(|line| line.runs().first()) {
                run.what = meant.what.clone();
            }
        }
    }
    lines
}

/// Text of a block is not normalised when it is stored, so addresses become links here.
fn mrkdwn_lines(text: &str, verbatim: bool, names: &dyn Names) -> Vec<Line> {
    let parse = if verbatim { slack::text::Parse::None } else { slack::text::Parse::Default };
    let nobody = slack::text::Names { channel: &|_| None };
    mrkdwn::read(&slack::text::normalise(text, parse, false, &nobody), names)
}

impl Card {
    /// The card as an activity's attachment.
    pub fn into_attachment(self) -> Value {
        let mut content = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": VERSION,
            "body": self.body,
        });
        if !self.mentioned.is_empty() {
            content["msteams"] = json!({"entities": self.mentioned.iter().map(mention).collect::<Vec<_>>()});
        }
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": content})
    }

    fn push(&mut self, mut element: Value) {
        if std::mem::take(&mut self.separated) {
            element["separator"] = json!(true);
        }
        self.body.push(element);
    }

    fn block(&mut self, block: &Value, names: &dyn Names) {
        match string(block, "type") {
            "header" => {
                let lines = block.get("text").map(|text| text_object(text, names)).unwrap_or_default();
                self.texts(&lines, &json!({"size": "large", "weight": "bolder"}));
            }
            "section" => self.section(block, names),
            "divider" => self.separated = true,
            "image" => self.image_block(block, names),
            "context" => array(block, "elements").for_each(|element| match string(element, "type") {
                "image" => self.image(element, "small"),
                _ => self.texts(&text_object(element, names), &json!({"size": "small", "isSubtle": true})),
            }),
            "actions" | "context_actions" => self.buttons(&array(block, "elements").collect::<Vec<_>>()),
            "rich_text" => {
                let mut lines = Vec::new();
                rich_text::read(block, names, &mut lines);
                self.texts(&lines, &json!({}));
            }
            "markdown" => self.texts(&markdown_lines(string(block, "text"), names), &json!({})),
            "table" => self.table(block, names),
            "video" => self.video(block),
            "file" => self.note(&format!("[file: {}]", string(block, "external_id"))),
            "input" => {
                let label = block.get("label").map(|label| with_emoji(string(label, "text")));
                self.note(&format!("[input: {}]", label.unwrap_or_default()));
            }
            other => {
                let said = slack::text::plain(&slack::blocks::fallback(std::slice::from_ref(block)));
                self.note(&if said.is_empty() { format!("[{other}]") } else { said });
            }
        }
    }

    /// One text block for the lines, or more where some are preformatted. `look` has the further members.
    fn texts(&mut self, lines: &[Line], look: &Value) {
        for element in self.text_blocks(lines, look) {
            self.push(element);
        }
    }

    fn text_blocks(&mut self, lines: &[Line], look: &Value) -> Vec<Value> {
        self.mentioned.extend(prose::mentioned(lines).cloned());
        let element = |group: &[Line]| {
            let (text, code) = group_text(group);
            let mut element = json!({"type": "TextBlock", "text": text, "wrap": true});
            if code {
                element["fontType"] = json!("monospace");
            }
            for (name, value) in look.as_object().into_iter().flatten() {
                element[name] = value.clone();
            }
            element
        };
        groups(lines).map(element).collect()
    }

    /// A text of our own, small.
    fn note(&mut self, text: &str) {
        let line = Line::text(vec![Run::text(text.replace('\n', " "), prose::Style::default())]);
        self.texts(&[line], &json!({"size": "small", "isSubtle": true}));
    }

    fn section(&mut self, block: &Value, names: &dyn Names) {
        let lines = block.get("text").map(|text| text_object(text, names)).unwrap_or_default();
        let accessory = block.get("accessory").filter(|element| element.is_object());
        match accessory.filter(|element| string(element, "type") == "image").and_then(image_element) {
            Some(mut image) => {
                image["size"] = json!("medium");
                let texts = self.text_blocks(&lines, &json!({}));
                self.push(json!({"type": "ColumnSet", "columns": [
                    {"type": "Column", "width": "stretch", "items": texts},
                    {"type": "Column", "width": "auto", "items": [image]},
                ]}));
            }
            None => self.texts(&lines, &json!({})),
        }
        self.fields(&array(block, "fields").collect::<Vec<_>>(), names);
        if let Some(element) = accessory.filter(|element| string(element, "type") != "image") {
            self.buttons(&[element]);
        }
    }

    fn fields(&mut self, fields: &[&Value], names: &dyn Names) {
        let fields: Vec<Vec<Line>> = fields.iter().map(|field| text_object(field, names)).collect();
        let facts: Option<Vec<Value>> = fields.iter().map(|lines| fact(lines)).collect();
        if let Some(facts) = facts.filter(|facts| !facts.is_empty()) {
            fields.iter().for_each(|lines| self.mentioned.extend(prose::mentioned(lines).cloned()));
            return self.push(json!({"type": "FactSet", "facts": facts}));
        }
        for pair in fields.chunks(2) {
            let columns: Vec<Value> = pair
                .iter()
                .map(|lines| {
                    let items = self.text_blocks(lines, &json!({}));
                    json!({"type": "Column", "width": "stretch", "items": items})
                })
                .collect();
            self.push(json!({"type": "ColumnSet", "columns": columns}));
        }
    }

    fn image_block(&mut self, block: &Value, names: &dyn Names) {
        if let Some(title) = block.get("title").filter(|title| title.is_object()) {
            self.texts(&text_object(title, names), &json!({"weight": "bolder"}));
        }
        self.image(block, "auto");
    }

    fn image(&mut self, image: &Value, size: &str) {
        match image_element(image) {
            Some(mut element) => {
                element["size"] = json!(size);
                self.push(element);
            }
            None => self.note(&format!("[image: {}]", string(image, "alt_text"))),
        }
    }

    /// Buttons that open an address work in Teams too. Others need Slack: their labels are shown.
    fn buttons(&mut self, elements: &[&Value]) {
        let (mut actions, mut labels) = (Vec::new(), Vec::new());
        for element in elements {
            let label = with_emoji(label(element));
            match web_address(string(element, "url")) {
                Some(url) => {
                    actions.push(json!({"type": "Action.OpenUrl", "title": label, "url": url}));
                }
                _ => labels.push(format!("[{label}]")),
            }
        }
        if !actions.is_empty() {
            self.push(json!({"type": "ActionSet", "actions": actions}));
        }
        if !labels.is_empty() {
            self.note(&labels.join(" "));
        }
    }

    fn table(&mut self, block: &Value, names: &dyn Names) {
        let mentions = Mentions::default();
        let mut builder = prose::build::Builder::new(&mentions, false);
        builder.open_table();
        for row in array(block, "rows") {
            builder.row();
            for cell in row.as_array().into_iter().flatten() {
                builder.cell();
                builder.text(&cell_text(cell, names));
            }
        }
        let lines = builder.finish();
        self.texts(&lines, &json!({}));
    }

    fn video(&mut self, block: &Value) {
        let title = block.get("title").map(|title| string(title, "text")).unwrap_or_default();
        let address = web_address(string(block, "title_url")).or(web_address(string(block, "video_url")));
        self.linked(title, address, &json!({"weight": "bolder"}));
        if let Some(description) = block.get("description") {
            self.note(string(description, "text"));
        }
        if let Some(url) = web_address(string(block, "thumbnail_url")) {
            self.push(json!({"type": "Image", "url": url, "altText": string(block, "alt_text")}));
        }
    }

    fn linked(&mut self, text: &str, url: Option<&str>, look: &Value) {
        let style = prose::Style::default();
        let run = match url {
            Some(url) => Run { what: What::Link { url: url.to_owned(), label: with_emoji(text) }, style },
            None => Run::text(with_emoji(text), style),
        };
        self.texts(&[Line::text(vec![run])], look);
    }

    fn attachment(&mut self, attachment: &Value, names: &dyn Names) {
        let get = |name: &str| Some(string(attachment, name)).filter(|text| !text.is_empty());
        let small = json!({"size": "small", "isSubtle": true});
        if let Some(pretext) = get("pretext") {
            self.texts(&mrkdwn_lines(pretext, false, names), &json!({}));
        }
        if let Some(author) = get("author_name") {
            self.linked(author, get("author_link").and_then(web_address), &small);
        }
        if let Some(title) = get("title") {
            self.linked(title, get("title_link").and_then(web_address), &json!({"weight": "bolder"}));
        }
        if let Some(text) = get("text") {
            self.texts(&mrkdwn_lines(text, false, names), &json!({}));
        }
        let facts: Vec<Value> = array(attachment, "fields")
            .map(|field| {
                let value = mrkdwn_lines(string(field, "value"), false, names);
                self.mentioned.extend(prose::mentioned(&value).cloned());
                json!({"title": with_emoji(string(field, "title")), "value": group_text(&value).0})
            })
            .collect();
        if !facts.is_empty() {
            self.push(json!({"type": "FactSet", "facts": facts}));
        }
        for (name, size) in [("image_url", "auto"), ("thumb_url", "small")] {
            if let Some(url) = get(name).and_then(web_address) {
                let alt = get("title").or(get("fallback")).unwrap_or_default();
                self.push(json!({"type": "Image", "url": url, "altText": alt, "size": size}));
            }
        }
        self.buttons(&array(attachment, "actions").collect::<Vec<_>>());
        if let Some(footer) = get("footer") {
            self.note(footer);
        }
        if self.body.is_empty() && get("fallback") != Some("[no preview available]") {
            get("fallback").into_iter().for_each(|fallback| self.note(fallback));
        }
    }
}

/// A field that is a bold first line and something below it: what Slack's users write for a fact.
fn fact(lines: &[Line]) -> Option<Value> {
    let (title, value) = lines.split_first()?;
    let bold = !title.runs().is_empty() && title.runs().iter().all(|run| run.style.bold);
    if !bold || value.iter().all(Line::is_blank) || !matches!(title.body, Body::Text(_)) {
        return None;
    }
    let name = |person: &Person| format!("@{}", person.name);
    let title = prose::plain(std::slice::from_ref(title), &name);
    Some(json!({"title": title, "value": group_text(value).0}))
}

fn cell_text(cell: &Value, names: &dyn Names) -> String {
    if string(cell, "type") != "rich_text" {
        return match cell.get("value") {
            Some(Value::Number(number)) => number.to_string(),
            _ => string(cell, "text").to_owned(),
        };
    }
    let mut lines = Vec::new();
    rich_text::read(cell, names, &mut lines);
    prose::plain(&lines, &|person| format!("@{}", person.name))
}

fn image_element(image: &Value) -> Option<Value> {
    let url = web_address(string(image, "image_url"))?;
    Some(json!({"type": "Image", "url": url, "altText": with_emoji(string(image, "alt_text"))}))
}

/// What an interactive element calls itself.
fn label(element: &Value) -> &str {
    let of = |name: &str| element.get(name).map(|text| string(text, "text")).filter(|text| !text.is_empty());
    let plain = Some(string(element, "text")).filter(|text| !text.is_empty());
    of("text").or(of("placeholder")).or(plain).unwrap_or_else(|| string(element, "type"))
}

fn array<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
