//! Block Kit blocks of a message or a view: the rules they must keep, and the defaults that are filled in.

use super::Fault;
use super::text::{self, Parse};
use serde_json::{Map, Value};
use std::collections::HashSet;

mod inputs;
mod modal;

pub(crate) use inputs::{is_day, is_moment, is_time, options};
pub(crate) use modal::check_modal;

/// The most blocks one message may have.
pub const BLOCKS_MAX: usize = 50;
/// The most blocks one view may have.
pub const VIEW_BLOCKS_MAX: usize = 100;
/// The most characters all blocks of a message may show together.
pub const BLOCKS_CHARS_MAX: usize = 13_200;
/// The longest blocks that are stored, in bytes of compact JSON. Ours: addresses, ids and values count for no characters.
pub const BLOCKS_BYTES_MAX: usize = 400_000;

/// A message's blocks as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// The normalised array as JSON text.
    pub json: String,
    /// Text for where blocks are not shown, joined from the blocks that hold text; in the stored, escaped form.
    pub fallback: String,
    /// How many blocks there are; 0 for `[]`.
    pub count: usize,
}

/// Checks a message's `blocks`, given as JSON text, and fills in ids and defaults.
///
/// A missing `block_id` or `action_id` is taken from `new_id`. Members that are not known stay as they are.
///
/// # Errors
///
/// `invalid_blocks_format` unless it is an array of objects, `invalid_blocks` with every broken rule, and
/// `msg_blocks_too_long` when the texts together exceed [`BLOCKS_CHARS_MAX`] or all of it [`BLOCKS_BYTES_MAX`].
pub fn normalise(given: &str, new_id: &mut dyn FnMut() -> String) -> Result<Blocks, Fault> {
    let Ok(Value::Array(mut blocks)) = serde_json::from_str(given) else {
        return Err(Fault::new("invalid_blocks_format", "must be an array [json-pointer:/blocks]"));
    };
    if let Some(at) = blocks.iter().position(|block| !block.is_object()) {
        let reason = format!("must provide an object [json-pointer:/blocks/{at}]");
        return Err(Fault::new("invalid_blocks_format", reason));
    }
    check(&mut blocks, "/blocks", new_id)?;
    let (count, fallback) = (blocks.len(), fallback(&blocks));
    let json = Value::Array(blocks).to_string();
    if BLOCKS_BYTES_MAX < json.len() {
        let reason = format!("must be less than {} bytes [json-pointer:/blocks]", BLOCKS_BYTES_MAX + 1);
        return Err(Fault::new("msg_blocks_too_long", reason));
    }
    Ok(Blocks { json, fallback, count })
}

/// Checks and completes blocks in place; `pointer` says where they stand.
pub(crate) fn check(
    blocks: &mut [Value],
    pointer: &str,
    new_id: &mut dyn FnMut() -> String,
) -> Result<(), Fault> {
    let mut check = Check::new(Surface::Message, pointer, new_id);
    check.blocks(blocks);
    if !check.reasons.is_empty() {
        return Err(Fault { code: "invalid_blocks", messages: check.reasons });
    }
    if check.chars > BLOCKS_CHARS_MAX {
        let reason =
            format!("must be less than {} characters [json-pointer:{pointer}]", BLOCKS_CHARS_MAX + 1);
        return Err(Fault::new("msg_blocks_too_long", reason));
    }
    Ok(())
}

/// The text of the blocks that hold text, one line or more per block, in the stored form.
pub(crate) fn fallback(blocks: &[Value]) -> String {
    let mut out = String::new();
    for block in blocks {
        push_fallback(&mut out, block);
    }
    out.truncate(out.trim_end().len());
    out
}

const ID_MAX: usize = 255;
const URL_MAX: usize = 3_000;
const OPTION_TEXT_MAX: usize = 75;
const MARKDOWN_MAX: usize = 12_000;

/// What kind of text object may stand in a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Any,
}

/// Whether a member has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

use Form::{Any, Plain};
use Need::{Optional, Required};

type Object = Map<String, Value>;

/// What the blocks are part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    Message,
    Modal,
}

struct Check<'a> {
    surface: Surface,
    reasons: Vec<String>,
    /// JSON pointer of what is being looked at.
    path: String,
    ids: HashSet<String>,
    new_id: &'a mut dyn FnMut() -> String,
    chars: usize,
    markdown_chars: usize,
    tables: usize,
}

impl<'a> Check<'a> {
    fn new(surface: Surface, pointer: &str, new_id: &'a mut dyn FnMut() -> String) -> Self {
        Check {
            surface,
            reasons: Vec::new(),
            path: pointer.to_owned(),
            ids: HashSet::new(),
            new_id,
            chars: 0,
            markdown_chars: 0,
            tables: 0,
        }
    }
}

impl Check<'_> {
    fn blocks(&mut self, blocks: &mut [Value]) {
        let max = match self.surface {
            Surface::Message => BLOCKS_MAX,
            Surface::Modal => VIEW_BLOCKS_MAX,
        };
        self.no_more_than(blocks.len(), max);
        self.given_ids(blocks);
        for (at, block) in blocks.iter_mut().enumerate() {
            self.within(at, |check| check.block(block));
        }
    }

    /// Notes the ids that are given before any is made up, so that a made-up one never collides.
    fn given_ids(&mut self, blocks: &[Value]) {
        for (at, block) in blocks.iter().enumerate() {
            let Some(id) = present(block, "block_id").and_then(Value::as_str).filter(|id| !id.is_empty())
            else {
                continue;
            };
            if !self.ids.insert(id.to_owned()) {
                let place = if self.surface == Surface::Modal { "view" } else { "message" };
                let reason = format!("block_id must be unique in the {place}");
                self.within(at, |check| check.fail_at("block_id", &reason));
            }
        }
    }

    fn block(&mut self, block: &mut Value) {
        let Some(block) = block.as_object_mut() else { return self.fail("must provide an object") };
        let Some(kind) = self.kind(block) else { return };
        if self.surface == Surface::Modal && modal::ONLY_IN_MESSAGES.contains(&kind.as_str()) {
            return self.unsupported(&kind);
        }
        self.block_id(block);
        match kind.as_str() {
            "section" => self.section(block),
            "divider" => {}
            "header" => self.text(block, "text", Required, Plain, 150),
            "actions" => self.elements(block, 25, Check::action),
            "context" => self.elements(block, 10, Check::context_element),
            "context_actions" => self.elements(block, 5, Check::context_action),
            "image" => {
                self.image(block);
                self.text(block, "title", Optional, Plain, 2_000);
            }
            "input" => self.input(block),
            "file" => {
                self.string(block, "external_id", Required, ID_MAX);
                self.string(block, "source", Required, ID_MAX);
            }
            "video" => self.video(block),
            "rich_text" => self.rich_text(block),
            "markdown" => self.markdown(block),
            "table" => self.table(block),
            "call" => self.string(block, "call_id", Required, ID_MAX),
            "alert" | "card" | "carousel" | "plan" | "task_card" => {}
            other => self.unsupported(other),
        }
    }

    fn block_id(&mut self, block: &mut Object) {
        if !is_missing(block, "block_id") {
            return self.string(block, "block_id", Optional, ID_MAX);
        }
        const TRIES: usize = 8;
        let mut id = (self.new_id)();
        for _ in 0..TRIES {
            if !self.ids.contains(&id) {
                break;
            }
            id = (self.new_id)();
        }
        while self.ids.contains(&id) {
            id.push('+');
        }
        self.ids.insert(id.clone());
        block.insert("block_id".to_owned(), Value::String(id));
    }

    fn section(&mut self, block: &mut Object) {
        let fields = block.get("fields").is_some_and(|fields| !fields.is_null());
        self.text(block, "text", if fields { Optional } else { Required }, Any, 3_000);
        self.list(block, "fields", Optional, 10, |check, field| check.text_object(field, Any, 2_000));
        self.member(block, "accessory", Optional, |check, element| check.element(element, Place::Accessory));
    }

    fn input(&mut self, block: &mut Object) {
        self.text(block, "label", Required, Plain, 2_000);
        self.text(block, "hint", Optional, Plain, 2_000);
        for name in ["dispatch_action", "optional"] {
            self.boolean(block, name);
        }
        self.member(block, "element", Required, |check, element| check.element(element, Place::Input));
    }

    fn image(&mut self, image: &mut Object) {
        self.string(image, "image_url", Optional, URL_MAX);
        if is_missing(image, "image_url") && is_missing(image, "slack_file") {
            self.missing("image_url");
        }
        self.string(image, "alt_text", Required, 2_000);
    }

    fn video(&mut self, block: &mut Object) {
        self.text(block, "title", Required, Plain, 200);
        self.text(block, "description", Optional, Plain, 200);
        self.string(block, "video_url", Required, URL_MAX);
        self.string(block, "thumbnail_url", Required, URL_MAX);
        self.string(block, "alt_text", Required, 2_000);
    }

    fn markdown(&mut self, block: &mut Object) {
        self.string(block, "text", Required, MARKDOWN_MAX);
        let len = present_str(block, "text").map_or(0, |text| text.chars().count());
        self.chars += len;
        let within_before = self.markdown_chars <= MARKDOWN_MAX;
        self.markdown_chars += len;
        if len <= MARKDOWN_MAX && within_before && self.markdown_chars > MARKDOWN_MAX {
            let reason =
                format!("all markdown blocks together must be less than {} characters", MARKDOWN_MAX + 1);
            self.fail_at("text", &reason);
        }
    }

    fn table(&mut self, block: &mut Object) {
        self.tables += 1;
        if self.tables > 1 {
            self.fail("no more than 1 table allowed");
        }
        self.list(block, "rows", Required, 100, |check, row| {
            let Some(cells) = row.as_array_mut() else { return check.fail("must provide an array") };
            check.no_more_than(cells.len(), 20);
            for (at, cell) in cells.iter_mut().enumerate() {
                check.within(at, |check| check.cell(cell));
            }
        });
    }

    fn cell(&mut self, cell: &mut Value) {
        let Some(cell) = cell.as_object_mut() else { return self.fail("must provide an object") };
        match self.kind(cell).as_deref() {
            Some("rich_text") => self.rich_text(cell),
            Some("raw_text") => {
                self.string_min(cell, "text", Required, 0, MARKDOWN_MAX);
                self.count(present_str(cell, "text"));
            }
            Some("raw_number") | None => {}
            Some(other) => self.unsupported(other),
        }
    }

    fn rich_text(&mut self, block: &mut Object) {
        self.list(block, "elements", Required, usize::MAX, |check, element| {
            let Some(element) = element.as_object_mut() else { return check.fail("must provide an object") };
            match check.kind(element).as_deref() {
                Some("rich_text_list") => {
                    check.list(element, "elements", Required, usize::MAX, |check, item| {
                        let Some(item) = item.as_object_mut() else {
                            return check.fail("must provide an object");
                        };
                        match check.kind(item).as_deref() {
                            Some("rich_text_section") => check.leaves(item),
                            Some(other) => check.unsupported(other),
                            None => {}
                        }
                    })
                }
                Some("rich_text_section" | "rich_text_quote" | "rich_text_preformatted") => {
                    check.leaves(element)
                }
                Some(other) => check.unsupported(other),
                None => {}
            }
        });
    }

    fn leaves(&mut self, section: &mut Object) {
        self.list(section, "elements", Required, usize::MAX, |check, leaf| {
            let Some(leaf) = leaf.as_object_mut() else { return check.fail("must provide an object") };
            let need = match check.kind(leaf).as_deref() {
                Some("text") => Required,
                _ => Optional,
            };
            check.string_min(leaf, "text", need, 0, usize::MAX);
            check.count(present_str(leaf, "text"));
        });
    }

    fn context_element(&mut self, element: &mut Value) {
        match element.get("type").and_then(Value::as_str) {
            Some("image") => self.element(element, Place::Accessory),
            _ => self.text_object(element, Any, usize::MAX),
        }
    }

    fn action(&mut self, element: &mut Value) {
        self.element(element, Place::Actions);
    }

    fn context_action(&mut self, element: &mut Value) {
        let Some(element) = element.as_object_mut() else { return self.fail("must provide an object") };
        match self.kind(element).as_deref() {
            Some("feedback_buttons") => {
                for name in ["positive_button", "negative_button"] {
                    self.object(element, name, Required, |check, button| {
                        check.text(button, "text", Required, Plain, OPTION_TEXT_MAX);
                        check.string(button, "value", Required, 2_000);
                    });
                }
            }
            Some("icon_button") => {
                self.text(element, "text", Required, Plain, OPTION_TEXT_MAX);
                self.string(element, "icon", Required, ID_MAX);
                self.object(element, "confirm", Optional, Check::confirm);
            }
            Some(other) => return self.unsupported(other),
            None => return,
        }
        self.action_id(element);
    }

    fn element(&mut self, element: &mut Value, place: Place) {
        let Some(element) = element.as_object_mut() else { return self.fail("must provide an object") };
        let Some(kind) = self.kind(element) else { return };
        if !place.allows(&kind) {
            return self.unsupported(&kind);
        }
        if kind == "image" {
            return self.image(element);
        }
        self.action_id(element);
        self.text(element, "placeholder", Optional, Plain, 150);
        self.object(element, "confirm", Optional, Check::confirm);
        match kind.as_str() {
            "button" | "workflow_button" => self.button(element),
            "static_select" | "multi_static_select" => self.static_select(element),
            "overflow" => self.options(element, Required, 5, Plain),
            "radio_buttons" | "checkboxes" => self.options(element, Required, 10, Any),
            _ => {}
        }
        self.input_rules(&kind, element);
    }

    fn button(&mut self, button: &mut Object) {
        self.text(button, "text", Required, Plain, 75);
        self.string_min(button, "value", Optional, 0, 2_000);
        self.string(button, "url", Optional, URL_MAX);
        let style = present_str(button, "style");
        if style.is_some_and(|style| !matches!(style, "primary" | "danger" | "default" | "")) {
            self.fail_at("style", "must be one of primary, danger");
        }
    }

    fn static_select(&mut self, select: &mut Object) {
        if is_missing(select, "option_groups") {
            return self.options(select, Required, 100, Plain);
        }
        if !is_missing(select, "options") {
            self.fail("only one of options and option_groups allowed");
        }
        self.list(select, "option_groups", Required, 100, |check, group| {
            let Some(group) = group.as_object_mut() else { return check.fail("must provide an object") };
            check.text(group, "label", Required, Plain, OPTION_TEXT_MAX);
            check.options(group, Required, 100, Plain);
        });
    }

    fn options(&mut self, element: &mut Object, need: Need, max: usize, form: Form) {
        self.list(element, "options", need, max, |check, option| {
            let Some(option) = option.as_object_mut() else { return check.fail("must provide an object") };
            check.text(option, "text", Required, form, OPTION_TEXT_MAX);
            check.string_min(option, "value", Required, 0, 150);
            check.text(option, "description", Optional, form, OPTION_TEXT_MAX);
            check.string(option, "url", Optional, URL_MAX);
        });
        if element.get("options").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.fail_at("options", "no fewer than 1 items allowed");
        }
    }

    fn confirm(&mut self, confirm: &mut Object) {
        self.text(confirm, "title", Required, Plain, 100);
        self.text(confirm, "text", Required, Any, 300);
        self.text(confirm, "confirm", Required, Plain, 30);
        self.text(confirm, "deny", Required, Plain, 30);
    }

    fn action_id(&mut self, element: &mut Object) {
        if is_missing(element, "action_id") {
            let id = (self.new_id)();
            element.insert("action_id".to_owned(), Value::String(id));
        } else {
            self.string(element, "action_id", Optional, ID_MAX);
        }
    }

    fn text(&mut self, object: &mut Object, name: &str, need: Need, form: Form, max: usize) {
        self.member(object, name, need, |check, value| check.text_object(value, form, max));
    }

    fn text_object(&mut self, value: &mut Value, form: Form, max: usize) {
        let Some(object) = value.as_object_mut() else { return self.fail("must provide an object") };
        let default = match self.kind(object).as_deref() {
            Some("plain_text") => ("emoji", true),
            Some("mrkdwn") if form == Any => ("verbatim", false),
            Some(other) => return self.unsupported(other),
            None => return,
        };
        if is_missing(object, default.0) {
            object.insert(default.0.to_owned(), Value::Bool(default.1));
        }
        self.string(object, "text", Required, max);
        self.count(present_str(object, "text"));
    }

    fn count(&mut self, text: Option<&str>) {
        self.chars += text.map_or(0, |text| text.chars().count());
    }

    /// A string of 1 to `max` characters.
    fn string(&mut self, object: &Object, name: &str, need: Need, max: usize) {
        self.string_min(object, name, need, 1, max);
    }

    fn string_min(&mut self, object: &Object, name: &str, need: Need, min: usize, max: usize) {
        match object.get(name) {
            None | Some(Value::Null) if need == Required => self.missing(name),
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.len() < min => {
                self.fail_at(name, "must be more than 0 characters")
            }
            Some(Value::String(text)) if text::chars_over(text, max) => {
                self.fail_at(name, &format!("must be less than {} characters", max.saturating_add(1)));
            }
            Some(Value::String(_)) => {}
            Some(_) => self.fail_at(name, "must provide a string"),
        }
    }

    fn elements(&mut self, block: &mut Object, max: usize, check: fn(&mut Self, &mut Value)) {
        self.list(block, "elements", Required, max, check);
        if block.get("elements").and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.fail_at("elements", "no fewer than 1 items allowed");
        }
    }

    fn list(
        &mut self,
        object: &mut Object,
        name: &str,
        need: Need,
        max: usize,
        item: impl Fn(&mut Self, &mut Value),
    ) {
        self.member(object, name, need, |check, value| {
            let Some(items) = value.as_array_mut() else { return check.fail("must provide an array") };
            check.no_more_than(items.len(), max);
            for (at, value) in items.iter_mut().enumerate() {
                check.within(at, |check| item(check, value));
            }
        });
    }

    fn object(
        &mut self,
        object: &mut Object,
        name: &str,
        need: Need,
        inner: impl FnOnce(&mut Self, &mut Object),
    ) {
        self.member(object, name, need, |check, value| match value.as_object_mut() {
            Some(object) => inner(check, object),
            None => check.fail("must provide an object"),
        });
    }

    fn member(
        &mut self,
        object: &mut Object,
        name: &str,
        need: Need,
        inner: impl FnOnce(&mut Self, &mut Value),
    ) {
        match object.get_mut(name) {
            None | Some(Value::Null) if need == Required => self.missing(name),
            None | Some(Value::Null) => {}
            Some(value) => self.within(name, |check| inner(check, value)),
        }
    }

    fn kind(&mut self, object: &Object) -> Option<String> {
        match object.get("type") {
            Some(Value::String(kind)) => Some(kind.clone()),
            None | Some(Value::Null) => {
                self.missing("type");
                None
            }
            Some(_) => {
                self.fail_at("type", "must provide a string");
                None
            }
        }
    }

    fn no_more_than(&mut self, len: usize, max: usize) {
        if len > max {
            self.fail(&format!("no more than {max} items allowed"));
        }
    }

    fn unsupported(&mut self, kind: &str) {
        let shown = text::truncate_chars(kind, ID_MAX).unwrap_or(kind);
        self.fail_at("type", &format!("unsupported type: {shown}"));
    }

    fn missing(&mut self, name: &str) {
        self.fail(&format!("missing required field: {name}"));
    }

    fn fail(&mut self, reason: &str) {
        self.reasons.push(format!("{reason} [json-pointer:{}]", self.path));
    }

    fn fail_at(&mut self, name: &str, reason: &str) {
        self.within(name, |check| check.fail(reason));
    }

    /// Does something one step further down the JSON pointer.
    fn within(&mut self, step: impl std::fmt::Display, inner: impl FnOnce(&mut Self)) {
        use std::fmt::Write as _;
        let len = self.path.len();
        let _ = write!(self.path, "/{step}");
        inner(self);
        self.path.truncate(len);
    }
}

/// Where an element stands.
#[derive(Clone, Copy)]
enum Place {
    Accessory,
    Actions,
    Input,
}

impl Place {
    fn allows(self, kind: &str) -> bool {
        match kind {
            "image" => matches!(self, Place::Accessory),
            "button" | "workflow_button" | "overflow" => !matches!(self, Place::Input),
            "plain_text_input" | "email_text_input" | "url_text_input" | "number_input" | "file_input"
            | "rich_text_input" => matches!(self, Place::Input),
            "static_select"
            | "external_select"
            | "users_select"
            | "conversations_select"
            | "channels_select"
            | "multi_static_select"
            | "multi_external_select"
            | "multi_users_select"
            | "multi_conversations_select"
            | "multi_channels_select"
            | "datepicker"
            | "timepicker"
            | "datetimepicker"
            | "radio_buttons"
            | "checkboxes" => true,
            _ => false,
        }
    }
}

fn present<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.get(name).filter(|value| !value.is_null())
}

fn present_str<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// Absent, `null` and the empty string all ask for the default.
fn is_missing(object: &Object, name: &str) -> bool {
    match object.get(name) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
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
        "markdown" => push_line(out, &super::markdown::to_mrkdwn(str_of(block, "text"))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(blocks: &Value) -> Result<Blocks, Fault> {
        let mut made = 0;
        normalise(&blocks.to_string(), &mut || {
            made += 1;
            format!("n{made}")
        })
    }

    /// What counts for no characters, such as addresses, counts for bytes.
    #[test]
    fn blocks_are_bounded_in_bytes() {
        let image = |chars: usize| {
            let url = format!("https://x.example/{}", "\u{e4}".repeat(chars));
            json!({"type": "image", "image_url": url, "alt_text": "x", "title": {"type": "plain_text", "text": "t"},
                "more": "y".repeat(7000 - chars)})
        };
        let run_with = |count: usize| run(&json!(vec![image(1000); count]));
        assert!(run_with(40).is_ok());
        let fault = run_with(50).unwrap_err();
        assert_eq!(fault.code, "msg_blocks_too_long");
        assert!(fault.messages[0].contains("400001 bytes"), "{:?}", fault.messages);
    }

    #[test]
    fn ids_and_defaults_are_filled_in() {
        let given = json!([
            {"type": "section", "text": {"type": "mrkdwn", "text": "a & b"}, "x": 1,
             "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Go", "emoji": false}}},
            {"type": "divider", "block_id": "n1"},
            {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "<i>", "block_id": "i"}
        ]);
        let wanted = json!([
            {"type": "section", "block_id": "n2", "text": {"type": "mrkdwn", "text": "a & b", "verbatim": false}, "x": 1,
             "accessory": {"type": "button", "text": {"type": "plain_text", "text": "Go", "emoji": false}, "action_id": "n3"}},
            {"type": "divider", "block_id": "n1"},
            {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "<i>", "block_id": "i"}
        ]);
        let blocks = run(&given).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&blocks.json).unwrap(), wanted);
        assert_eq!(blocks.fallback, "a &amp; b\n&lt;i&gt;");
        assert_eq!(blocks.count, 3);
        let again = normalise(&blocks.json, &mut || "unused".to_owned()).unwrap();
        assert_eq!(again, blocks);
    }

    #[test]
    fn what_is_no_list_of_blocks() {
        for given in ["", "{}", "\"x\"", "[1]", "[null]", "[[]]", "[{}", "null"] {
            assert_eq!(
                normalise(given, &mut String::new).unwrap_err().code,
                "invalid_blocks_format",
                "{given}"
            );
        }
        let none = normalise("[]", &mut String::new).unwrap();
        assert_eq!((none.json.as_str(), none.count), ("[]", 0));
    }

    #[test]
    fn broken_rules_are_named() {
        let plain = |len: usize| json!({"type": "plain_text", "text": "x".repeat(len)});
        let option = json!({"text": plain(1), "value": "v"});
        let select = |n: usize| json!({"type": "static_select", "options": vec![option.clone(); n]});
        let button = |more: Value| {
            let mut button = json!({"type": "button", "text": plain(1)});
            button.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"type": "actions", "elements": [button]})
        };
        let cases: Vec<(Value, &str)> = vec![
            (
                json!({"type": "section", "text": plain(3001)}),
                "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
            ),
            (
                json!({"type": "section", "text": plain(0)}),
                "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
            ),
            (json!({"type": "section"}), "missing required field: text [json-pointer:/blocks/0]"),
            (json!({"type": "section", "text": "x"}), "must provide an object [json-pointer:/blocks/0/text]"),
            (
                json!({"type": "section", "fields": vec![plain(1); 11]}),
                "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
            ),
            (
                json!({"type": "section", "fields": [plain(2001)]}),
                "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
            ),
            (
                json!({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
                "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
            ),
            (
                json!({"type": "header", "text": plain(151)}),
                "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
            ),
            (
                json!({"type": "actions", "elements": vec![select(1); 26]}),
                "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                json!({"type": "actions", "elements": []}),
                "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                json!({"type": "actions", "elements": [select(101)]}),
                "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
            ),
            (
                json!({"type": "actions", "elements": [select(0)]}),
                "no fewer than 1 items allowed [json-pointer:/blocks/0/elements/0/options]",
            ),
            (
                json!({"type": "actions", "elements": [{"type": "image"}]}),
                "unsupported type: image [json-pointer:/blocks/0/elements/0/type]",
            ),
            (
                json!({"type": "context", "elements": vec![plain(1); 11]}),
                "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                json!({"type": "image", "alt_text": "x"}),
                "missing required field: image_url [json-pointer:/blocks/0]",
            ),
            (
                json!({"type": "image", "image_url": "u"}),
                "missing required field: alt_text [json-pointer:/blocks/0]",
            ),
            (
                json!({"type": "input", "label": plain(1)}),
                "missing required field: element [json-pointer:/blocks/0]",
            ),
            (json!({"type": "markdown", "text": 1}), "must provide a string [json-pointer:/blocks/0/text]"),
            (
                json!({"type": "markdown", "text": "x".repeat(12_001)}),
                "must be less than 12001 characters [json-pointer:/blocks/0/text]",
            ),
            (json!({"type": "nope"}), "unsupported type: nope [json-pointer:/blocks/0/type]"),
            (json!({"text": "x"}), "missing required field: type [json-pointer:/blocks/0]"),
            (
                json!({"type": "divider", "block_id": "x".repeat(256)}),
                "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
            ),
            (
                json!({"type": "divider", "block_id": 5}),
                "must provide a string [json-pointer:/blocks/0/block_id]",
            ),
            (
                button(json!({"text": plain(76)})),
                "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
            ),
            (
                button(json!({"action_id": "x".repeat(256)})),
                "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
            ),
            (
                button(json!({"style": "loud"})),
                "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]",
            ),
            (
                button(
                    json!({"confirm": {"title": plain(101), "text": plain(1), "confirm": plain(1), "deny": plain(1)}}),
                ),
                "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
            ),
            (
                json!({"type": "section", "text": plain(1), "accessory": {"type": "overflow", "options": vec![option.clone(); 6]}}),
                "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
            ),
            (
                json!({"type": "section", "text": plain(1), "accessory": {"type": "radio_buttons", "options": vec![option.clone(); 11]}}),
                "no more than 10 items allowed [json-pointer:/blocks/0/accessory/options]",
            ),
            (
                json!({"type": "table", "rows": vec![json!([]); 101]}),
                "no more than 100 items allowed [json-pointer:/blocks/0/rows]",
            ),
            (
                json!({"type": "rich_text", "elements": [{"type": "text"}]}),
                "unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
            ),
        ];
        for (block, reason) in cases {
            let fault = run(&json!([block])).unwrap_err();
            assert_eq!((fault.code, fault.messages), ("invalid_blocks", vec![reason.to_owned()]));
        }
    }

    #[test]
    fn rules_over_all_blocks() {
        let divider = json!({"type": "divider"});
        let named = json!({"type": "divider", "block_id": "a"});
        let markdown = |len: usize| json!({"type": "markdown", "text": "x".repeat(len)});
        let table = json!({"type": "table", "rows": []});
        let text =
            |len: usize| json!({"type": "section", "text": {"type": "plain_text", "text": "ä".repeat(len)}});
        let cases: Vec<(Vec<Value>, Option<&str>)> = vec![
            (vec![divider.clone(); 50], None),
            (vec![divider; 51], Some("invalid_blocks")),
            (vec![named; 2], Some("invalid_blocks")),
            (vec![markdown(12_000)], None),
            (vec![markdown(6_000), markdown(6_001)], Some("invalid_blocks")),
            (vec![table; 2], Some("invalid_blocks")),
            (vec![text(3000), text(3000), text(3000), text(3000), text(1200)], None),
            (vec![text(3000), text(3000), text(3000), text(3000), text(1201)], Some("msg_blocks_too_long")),
        ];
        for (blocks, wanted) in cases {
            assert_eq!(run(&Value::Array(blocks)).err().map(|fault| fault.code), wanted);
        }
    }

    #[test]
    fn every_reason_is_given() {
        let fault = run(&json!([{"type": "x"}, {"type": "header"}, {}])).unwrap_err();
        assert_eq!(fault.messages.len(), 3, "{fault:?}");
    }

    #[test]
    fn fallback_of_each_kind() {
        let rich = json!({"type": "rich_text", "elements": [
            {"type": "rich_text_section", "elements": [{"type": "text", "text": "a<"}, {"type": "user", "user_id": "U1"}]},
            {"type": "rich_text_list", "elements": [{"type": "rich_text_section", "elements": [{"type": "link", "url": "u", "text": "t"}]}]}]});
        let cases = [
            (rich, "a&lt;<@U1>\n• <u|t>"),
            (json!({"type": "markdown", "text": "**b**"}), "*b*"),
            (json!({"type": "header", "text": {"type": "plain_text", "text": "H"}}), "H"),
            (
                json!({"type": "table", "rows": [[{"type": "raw_text", "text": "a"}, {"type": "raw_text", "text": "b"}]]}),
                "a | b",
            ),
            (json!({"type": "divider"}), ""),
        ];
        for (block, wanted) in cases {
            assert_eq!(run(&json!([block])).unwrap().fallback, wanted);
        }
    }

    #[test]
    fn a_stuck_id_source_does_no_harm() {
        let blocks =
            normalise(r#"[{"type":"divider"},{"type":"divider"}]"#, &mut || "same".to_owned()).unwrap();
        assert!(blocks.json.contains("\"same+\""));
    }
}
