//! Block Kit blocks of a message or a view: the rules they must keep, and the defaults that are filled in.

use std::collections::HashSet;

use Form::{Any, Plain};
use Need::{Optional, Required};
use serde_json::{Map, Value};

use super::{Fault, text};

mod elements;
mod fallback;
mod inputs;
mod modal;

pub(crate) use fallback::fallback;
pub(crate) use inputs::{is_day, is_moment, is_time, options};
pub(crate) use modal::check_modal;

/// Blocks that modals do not show.
const ONLY_IN_MESSAGES: &[&str] =
    &["call", "card", "carousel", "context_actions", "file", "markdown", "plan", "table", "task_card"];

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
        if self.surface == Surface::Modal && ONLY_IN_MESSAGES.contains(&kind.as_str()) {
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

#[cfg(test)]
mod tests;
