//! Teams' attachments as Block Kit blocks.

use crate::prose::mentions::Entities;
use crate::prose::{self, Body, Line, Names, Person, Run, Style, What, emoji, mrkdwn};
use crate::slack::blocks::{BLOCKS_CHARS_MAX, BLOCKS_MAX};
use crate::slack::text::{chars_over, truncate_chars};
use serde_json::{Value, json};

use super::CARD_DEPTH_MAX;
use super::json::{Object, is, is_true, object, objects, string, web_address};
use super::words::{card_lines, entities, rich_text_block};

/// Slack's limits, in characters and elements.
const SECTION_MAX: usize = 3_000;
const FIELD_MAX: usize = 2_000;
const FIELDS_MAX: usize = 10;
const HEADER_MAX: usize = 150;
const BUTTON_MAX: usize = 75;
const BUTTONS_MAX: usize = 25;
const URL_MAX: usize = 3_000;
const ALT_MAX: usize = 2_000;
const ID_MAX: usize = 255;
const ROWS_MAX: usize = 100;
const CELLS_MAX: usize = 20;
const CELL_MAX: usize = 200;

/// What says that something is missing at the end.
const MORE: &str = "More is not shown.";

/// Blocks in the making, never more than Slack accepts.
#[derive(Default)]
pub(super) struct Blocks {
    blocks: Vec<Value>,
    chars: usize,
    full: bool,
    buttons: usize,
    has_table: bool,
}

impl Blocks {
    /// The blocks as JSON; `None` if there are none.
    pub fn into_json(self) -> Option<String> {
        (!self.blocks.is_empty()).then(|| Value::Array(self.blocks).to_string())
    }

    pub fn all(&self) -> &[Value] {
        &self.blocks
    }

    /// Adds the activity's own text. False if it was too long, and nothing was added; unless that is `whole`, the beginning
    /// is shown then.
    pub fn text(&mut self, lines: &[Line], whole: bool) -> bool {
        // Half of the room is left for cards.
        let max = if whole { BLOCKS_CHARS_MAX } else { BLOCKS_CHARS_MAX / 2 };
        let block = rich_text_block(lines, "text");
        if chars(&block) <= max {
            return self.push(block);
        }
        if !whole {
            self.section(&mrkdwn::write(lines));
        }
        !whole
    }

    /// Adds what shows an attachment.
    pub fn attachment(&mut self, attachment: &Object, names: &dyn Names) {
        let kind = string(attachment, "contentType").unwrap_or_default().to_ascii_lowercase();
        let card = object(attachment, "content");
        let before = self.blocks.len();
        let ending = kind.rsplit('.').next().unwrap_or_default();
        let mut reader = Reader { blocks: self, entities: Entities::default(), names };
        match (ending, card) {
            ("adaptive", Some(card)) => reader.adaptive(card),
            ("hero" | "audio" | "video" | "animation" | "signin" | "oauth", Some(card)) => reader.hero(card),
            ("thumbnail", Some(card)) => reader.thumbnail(card),
            ("receipt", Some(card)) => reader.receipt(card),
            ("o365connector", Some(card)) => reader.connector_card(card),
            _ if kind.starts_with("image/") => reader.picture(attachment),
            _ => {}
        }
        if self.blocks.len() == before {
            self.named(attachment, &kind);
        }
    }

    /// What cannot be shown is named, with its address if it has one.
    fn named(&mut self, attachment: &Object, kind: &str) {
        let name =
            string(attachment, "name").or(kind.rsplit(['.', '/']).next()).filter(|name| !name.is_empty());
        let label = format!("[attachment: {}]", name.unwrap_or("card"));
        let url = string(attachment, "contentUrl").and_then(web_address);
        let what = match url {
            Some(url) => What::Link { url: url.to_owned(), label },
            None => What::Text(label),
        };
        self.section(&mrkdwn::write(&[Line::text(vec![Run { what, style: Style::default() }])]));
    }

    /// Adds a block unless there is no room; then the last says so. False if it was not added.
    fn push(&mut self, mut block: Value) -> bool {
        if self.full {
            return false;
        }
        let chars = chars(&block);
        let fits = self.blocks.len() + 1 < BLOCKS_MAX && self.chars + chars + MORE.len() <= BLOCKS_CHARS_MAX;
        self.full = !fits;
        if !fits {
            block =
                json!({"type": "context", "elements": [{"type": "plain_text", "text": MORE, "emoji": true}]});
        }
        self.chars += chars;
        block["block_id"] = json!(format!("t{}", self.blocks.len()));
        self.blocks.push(block);
        fits
    }

    fn section(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.push(json!({"type": "section", "text": mrkdwn_object(text, SECTION_MAX)}));
        }
    }

    fn small(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.push(json!({"type": "context", "elements": [mrkdwn_object(text, SECTION_MAX)]}));
        }
    }

    fn divider(&mut self) {
        if self.blocks.last().is_some_and(|last| last["type"] != "divider") {
            self.push(json!({"type": "divider"}));
        }
    }

    fn fields(&mut self, fields: &[String]) {
        let shown: Vec<&String> = fields.iter().filter(|field| !field.trim().is_empty()).collect();
        for fields in shown.chunks(FIELDS_MAX) {
            let fields: Vec<Value> = fields.iter().map(|field| mrkdwn_object(field, FIELD_MAX)).collect();
            self.push(json!({"type": "section", "fields": fields}));
        }
    }

    fn actions(&mut self, elements: &[Value]) {
        for elements in elements.chunks(BUTTONS_MAX) {
            self.push(json!({"type": "actions", "elements": elements}));
        }
    }

    /// A button; one without an address is shown, and needs Teams to do anything.
    fn button(&mut self, title: &str, url: Option<&str>, id: Option<&str>, style: Option<&str>) -> Value {
        self.buttons += 1;
        let own_id = format!("t{}", self.buttons);
        let title = if title.trim().is_empty() { "Button" } else { title };
        let mut button = json!({
            "type": "button",
            "action_id": id.filter(|id| !chars_over(id, ID_MAX)).unwrap_or(&own_id),
            "text": plain_object(title, BUTTON_MAX),
        });
        if let Some(url) = url.and_then(web_address).filter(|url| !chars_over(url, URL_MAX)) {
            button["url"] = json!(url);
        }
        match style.map(str::to_ascii_lowercase).as_deref() {
            Some("positive") => button["style"] = json!("primary"),
            Some("destructive") => button["style"] = json!("danger"),
            _ => {}
        }
        button
    }
}

/// An attachment that is being read.
struct Reader<'a> {
    blocks: &'a mut Blocks,
    entities: Entities,
    names: &'a dyn Names,
}

impl Reader<'_> {
    fn adaptive(&mut self, card: &Object) {
        self.entities =
            entities(object(card, "msteams").into_iter().flat_map(|data| objects(data, "entities")));
        for element in objects(card, "body") {
            self.element(element, CARD_DEPTH_MAX);
        }
        self.actions(card, "actions");
    }

    fn element(&mut self, element: &Object, depth: usize) {
        if self.blocks.full || super::json::is_false(element, "isVisible") {
            return;
        }
        if is_true(element, "separator") {
            self.blocks.divider();
        }
        match string(element, "type").unwrap_or_default() {
            "TextBlock" => self.text_block(element),
            "RichTextBlock" => {
                let text = mrkdwn::write(&inlines(element));
                self.blocks.section(&text);
            }
            "Image" => self.image(element),
            "ImageSet" => objects(element, "images").for_each(|image| self.image(image)),
            "Media" => self.media(element),
            "FactSet" => self.facts(element, "title"),
            "ActionSet" => self.actions(element, "actions"),
            "ColumnSet" => self.columns(element, depth),
            "Table" => self.table(element, depth),
            kind if kind.starts_with("Input.") => self.input(element, kind),
            kind if depth > 0 => self.container(element, kind, depth - 1),
            _ => {}
        }
    }

    /// What contains others is shown as what it contains. Of an element that is not known its `fallback` is shown.
    fn container(&mut self, element: &Object, kind: &str, depth: usize) {
        let mut inside = false;
        for name in ["items", "columns", "rows", "cells", "pages", "body"] {
            for part in objects(element, name) {
                inside = true;
                self.element(part, depth);
            }
        }
        if inside || matches!(kind, "Container" | "Column" | "TableRow" | "TableCell" | "") {
            return;
        }
        match (object(element, "fallback"), string(element, "fallback")) {
            (Some(fallback), _) => self.element(fallback, depth),
            (None, Some("drop")) => {}
            _ => self.blocks.small(&mrkdwn::write(&words(&format!("[{kind}]")))),
        }
    }

    fn lines(&mut self, text: &str) -> Vec<Line> {
        card_lines(text, &mut self.entities, self.names)
    }

    fn text(&mut self, text: &str) -> String {
        mrkdwn::write(&self.lines(text))
    }

    fn text_block(&mut self, element: &Object) {
        let mut lines = self.lines(string(element, "text").unwrap_or_default());
        let large = is(element, "size", "large") || is(element, "size", "extraLarge");
        let heading = is(element, "style", "heading");
        let bold = is(element, "weight", "bolder");
        if large || heading {
            let title =
                prose::plain(&lines, &|person: &Person| format!("@{}", person.name)).replace('\n', " ");
            if !title.trim().is_empty() && !chars_over(&title, HEADER_MAX) {
                self.blocks.push(json!({"type": "header", "text": plain_object(&title, HEADER_MAX)}));
                return;
            }
        }
        if bold || large || heading {
            lines.iter_mut().for_each(embolden);
        }
        if is(element, "fontType", "monospace") {
            let code = prose::plain(&lines, &|person: &Person| format!("@{}", person.name));
            lines = vec![Line { body: Body::Code(code), ..Line::default() }];
        }
        let text = mrkdwn::write(&lines);
        if is_true(element, "isSubtle") || is(element, "size", "small") {
            self.blocks.small(&text);
        } else {
            self.blocks.section(&text);
        }
    }

    fn image(&mut self, image: &Object) {
        if super::json::is_false(image, "isVisible") {
            return;
        }
        self.image_at(string(image, "url"), string(image, "altText"));
    }

    fn image_at(&mut self, url: Option<&str>, alt: Option<&str>) {
        match image_member(url, alt) {
            Some(mut block) => {
                block["type"] = json!("image");
                self.blocks.push(block);
            }
            None => {
                self.blocks.small(&mrkdwn::write(&words(&format!("[image: {}]", alt.unwrap_or("picture")))))
            }
        }
    }

    fn media(&mut self, element: &Object) {
        let alt = string(element, "altText").unwrap_or("media");
        if let Some(poster) = string(element, "poster") {
            self.image_at(Some(poster), Some(alt));
        }
        for source in objects(element, "sources") {
            self.link(alt, string(source, "url"));
        }
    }

    fn link(&mut self, label: &str, url: Option<&str>) {
        let line = match url.and_then(web_address) {
            Some(url) => {
                let what = What::Link { url: url.to_owned(), label: label.to_owned() };
                vec![Line::text(vec![Run { what, style: Style::default() }])]
            }
            None => words(label),
        };
        self.blocks.section(&mrkdwn::write(&line));
    }

    /// Facts as fields, each with its bold title in the first line. `title` says what a title is called.
    fn facts(&mut self, element: &Object, title: &str) {
        let fields: Vec<String> = objects(element, "facts")
            .map(|fact| {
                let mut lines = words(string(fact, title).or(string(fact, "key")).unwrap_or_default());
                lines.iter_mut().for_each(embolden);
                lines.extend(self.lines(string(fact, "value").unwrap_or_default()));
                mrkdwn::write(&lines)
            })
            .collect();
        self.blocks.fields(&fields);
    }

    /// Columns of one text each become fields, a text beside a picture a section with it; others stand one after another.
    fn columns(&mut self, set: &Object, depth: usize) {
        let columns: Vec<Vec<&Object>> =
            objects(set, "columns").map(|column| objects(column, "items").collect()).collect();
        let is_text = |element: &&Object| {
            is(element, "type", "TextBlock")
                && !is_true(element, "separator")
                && !super::json::is_false(element, "isVisible")
        };
        let single: Option<Vec<&Object>> = columns
            .iter()
            .map(|items| match items[..] {
                [item] if is_text(&item) => Some(item),
                _ => None,
            })
            .collect();
        if let Some(texts) = single.filter(|texts| (2..=FIELDS_MAX).contains(&texts.len())) {
            let fields: Vec<String> = texts
                .iter()
                .map(|element| {
                    let mut lines = self.lines(string(element, "text").unwrap_or_default());
                    if is(element, "weight", "bolder") {
                        lines.iter_mut().for_each(embolden);
                    }
                    mrkdwn::write(&lines)
                })
                .collect();
            return self.blocks.fields(&fields);
        }
        if let [texts, picture] = &columns[..]
            && let [picture] = picture[..]
            && is(picture, "type", "Image")
            && let Some(mut accessory) = image_member(string(picture, "url"), string(picture, "altText"))
            && !texts.is_empty()
            && texts.iter().all(is_text)
        {
            let texts: Vec<String> =
                texts.iter().map(|element| self.text(string(element, "text").unwrap_or_default())).collect();
            let text = texts.join("\n");
            if !text.trim().is_empty() {
                accessory["type"] = json!("image");
                let text = mrkdwn_object(&text, SECTION_MAX);
                self.blocks.push(json!({"type": "section", "text": text, "accessory": accessory}));
                return;
            }
        }
        for item in columns.into_iter().flatten() {
            if depth > 0 {
                self.element(item, depth - 1);
            }
        }
    }

    fn table(&mut self, element: &Object, depth: usize) {
        if self.blocks.has_table {
            return self.container(element, "Container", depth.saturating_sub(1));
        }
        let rows: Vec<Value> = objects(element, "rows")
            .take(ROWS_MAX)
            .map(|row| {
                let cells = objects(row, "cells").take(CELLS_MAX).map(|cell| {
                    let mut text = String::new();
                    self.cell(cell, depth, &mut text);
                    json!({"type": "raw_text", "text": cut(text.trim_end(), CELL_MAX)})
                });
                cells.collect()
            })
            .collect();
        if !rows.is_empty() && self.blocks.push(json!({"type": "table", "rows": rows})) {
            self.blocks.has_table = true;
        }
    }

    fn cell(&mut self, cell: &Object, depth: usize, text: &mut String) {
        for item in objects(cell, "items") {
            if is(item, "type", "TextBlock") {
                let lines = self.lines(string(item, "text").unwrap_or_default());
                text.push_str(&prose::plain(&lines, &|person: &Person| format!("@{}", person.name)));
                text.push('\n');
            } else if depth > 0 {
                self.cell(item, depth - 1, text);
            }
        }
    }

    /// An input cannot be filled in from Slack: what it asks for is shown.
    fn input(&mut self, element: &Object, kind: &str) {
        let label =
            ["label", "title", "placeholder", "id"].into_iter().find_map(|name| string(element, name));
        let choices: Vec<&str> =
            objects(element, "choices").filter_map(|choice| string(choice, "title")).collect();
        let label = label.unwrap_or(kind);
        let shown = match choices[..] {
            [] => format!("[input: {label}]"),
            _ => format!("[input: {label}: {}]", choices.join(", ")),
        };
        self.blocks.small(&mrkdwn::write(&words(&shown)));
    }

    fn actions(&mut self, element: &Object, name: &str) {
        let buttons: Vec<Value> = objects(element, name)
            .take(BLOCKS_MAX)
            .map(|action| {
                let url = string(action, "url").filter(|_| is(action, "type", "Action.OpenUrl"));
                let title = string(action, "title").unwrap_or_default();
                self.blocks.button(title, url, string(action, "id"), string(action, "style"))
            })
            .collect();
        self.blocks.actions(&buttons);
    }

    fn hero(&mut self, card: &Object) {
        self.titles(card);
        objects(card, "images").for_each(|image| self.image_at(string(image, "url"), string(image, "alt")));
        if let Some(image) = object(card, "image") {
            self.image_at(string(image, "url"), string(image, "alt"));
        }
        for media in objects(card, "media") {
            let url = string(media, "url");
            self.link(url.unwrap_or("media"), url);
        }
        self.card_buttons(card);
    }

    fn thumbnail(&mut self, card: &Object) {
        let image = objects(card, "images").next();
        let picture = image.and_then(|image| image_member(string(image, "url"), string(image, "alt")));
        let text = self.title_text(card);
        match picture {
            Some(mut accessory) if !text.trim().is_empty() => {
                accessory["type"] = json!("image");
                let text = mrkdwn_object(&text, SECTION_MAX);
                self.blocks.push(json!({"type": "section", "text": text, "accessory": accessory}));
                self.card_buttons(card);
            }
            _ => self.hero(card),
        }
    }

    fn titles(&mut self, card: &Object) {
        let text = self.title_text(card);
        self.blocks.section(&text);
    }

    fn title_text(&mut self, card: &Object) -> String {
        let mut lines = Vec::new();
        if let Some(title) = string(card, "title") {
            lines.extend(words(title));
            lines.iter_mut().for_each(embolden);
        }
        lines.extend(string(card, "subtitle").into_iter().flat_map(words));
        if let Some(text) = string(card, "text") {
            lines.extend(self.lines(text));
        }
        mrkdwn::write(&lines)
    }

    fn card_buttons(&mut self, card: &Object) {
        let buttons: Vec<Value> = objects(card, "buttons")
            .take(BLOCKS_MAX)
            .map(|action| {
                let url = string(action, "value").filter(|_| is(action, "type", "openUrl"));
                let title = string(action, "title").or(string(action, "text")).unwrap_or_default();
                self.blocks.button(title, url, None, None)
            })
            .collect();
        self.blocks.actions(&buttons);
    }

    fn receipt(&mut self, card: &Object) {
        self.titles(card);
        self.facts(card, "key");
        for item in objects(card, "items") {
            let parts = ["title", "subtitle", "quantity", "price"];
            let shown: Vec<&str> = parts.into_iter().filter_map(|name| string(item, name)).collect();
            self.blocks.section(&mrkdwn::write(&words(&shown.join(" · "))));
        }
        let sums: Vec<String> = [("Tax", "tax"), ("VAT", "vat"), ("Total", "total")]
            .into_iter()
            .filter_map(|(shown, name)| {
                let mut lines = words(shown);
                lines.iter_mut().for_each(embolden);
                lines.extend(words(string(card, name)?));
                Some(mrkdwn::write(&lines))
            })
            .collect();
        self.blocks.fields(&sums);
        self.card_buttons(card);
    }

    fn connector_card(&mut self, card: &Object) {
        self.titles(card);
        for section in objects(card, "sections") {
            for name in ["title", "activityTitle", "activitySubtitle", "activityText", "text"] {
                let text = string(section, name).map(|text| self.text(text));
                self.blocks.section(&text.unwrap_or_default());
            }
            self.facts(section, "name");
        }
        let buttons: Vec<Value> = objects(card, "potentialAction")
            .take(BLOCKS_MAX)
            .map(|action| {
                let url = objects(action, "targets").find_map(|target| string(target, "uri"));
                self.blocks.button(string(action, "name").unwrap_or_default(), url, None, None)
            })
            .collect();
        self.blocks.actions(&buttons);
    }

    fn picture(&mut self, attachment: &Object) {
        self.image_at(string(attachment, "contentUrl"), string(attachment, "name"));
    }
}

fn inlines(element: &Object) -> Vec<Line> {
    let mut runs = Vec::new();
    let list = crate::connector::json::get(element, "inlines").and_then(Value::as_array);
    for inline in list.into_iter().flatten() {
        match inline {
            Value::String(text) => {
                prose::runs::push_text(&mut runs, &text.replace('\n', " "), Style::default())
            }
            Value::Object(run) => {
                let text = string(run, "text").unwrap_or_default().replace('\n', " ");
                let style = Style {
                    bold: is(run, "weight", "bolder"),
                    italic: is_true(run, "italic"),
                    strike: is_true(run, "strikethrough"),
                };
                let address = object(run, "selectAction")
                    .and_then(|action| string(action, "url"))
                    .and_then(web_address);
                match address {
                    _ if text.is_empty() => {}
                    Some(url) => {
                        runs.push(Run { what: What::Link { url: url.to_owned(), label: text }, style })
                    }
                    None if is(run, "fontType", "monospace") => {
                        runs.push(Run { what: What::Code(text), style })
                    }
                    None => prose::runs::push_text(&mut runs, &text, style),
                }
            }
            _ => {}
        }
    }
    prose::runs::tidy(&mut runs);
    vec![Line::text(runs)]
}

fn words(text: &str) -> Vec<Line> {
    text.split('\n').map(|line| Line::text(vec![Run::text(line, Style::default())])).collect()
}

fn embolden(line: &mut Line) {
    if let Body::Text(runs) | Body::Heading(runs) = &mut line.body {
        runs.iter_mut().for_each(|run| run.style.bold = true);
    }
}

/// `image_url` and `alt_text`, if Slack can show the picture.
fn image_member(url: Option<&str>, alt: Option<&str>) -> Option<Value> {
    let url = url.and_then(web_address).filter(|url| !chars_over(url, URL_MAX))?;
    let alt = alt.filter(|alt| !alt.trim().is_empty()).unwrap_or("picture");
    Some(json!({"image_url": url, "alt_text": cut(alt, ALT_MAX)}))
}

fn mrkdwn_object(text: &str, max: usize) -> Value {
    json!({"type": "mrkdwn", "text": cut_mrkdwn(text, max), "verbatim": true})
}

fn plain_object(text: &str, max: usize) -> Value {
    json!({"type": "plain_text", "text": cut(&emoji::to_names(text), max), "emoji": true})
}

/// At most `max` characters, the last of them an ellipsis if something was cut off.
fn cut(text: &str, max: usize) -> String {
    if !chars_over(text, max) {
        return text.to_owned();
    }
    format!("{}…", truncate_chars(text, max - 1).unwrap_or(text))
}

/// The same, without leaving half an entity, half a link or an open block of code.
fn cut_mrkdwn(text: &str, max: usize) -> String {
    const FENCE: &str = "\n```";
    if !chars_over(text, max) {
        return text.to_owned();
    }
    let mut kept = truncate_chars(text, max - 1 - FENCE.len()).unwrap_or(text);
    if let Some(open) = kept.rfind('<').filter(|open| !kept[*open..].contains('>')) {
        kept = &kept[..open];
    }
    if let Some(and) = kept.rfind('&').filter(|and| !kept[*and..].contains(';')) {
        kept = &kept[..and];
    }
    let kept = kept.trim_end_matches('`').trim_end();
    let open = kept.matches("```").count() % 2 == 1;
    format!("{kept}…{}", if open { FENCE } else { "" })
}

/// Characters of all texts of a block, as Slack counts them.
fn chars(block: &Value) -> usize {
    match block {
        Value::Object(members) => {
            let text = members.get("text").and_then(Value::as_str).map_or(0, |text| text.chars().count());
            text + members.values().map(chars).sum::<usize>()
        }
        Value::Array(list) => list.iter().map(chars).sum(),
        _ => 0,
    }
}
