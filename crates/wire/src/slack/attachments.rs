//! Legacy attachments of a message: their checks, and the members the server adds.

use super::{Fault, blocks};
use serde_json::{Map, Value};

/// The most attachments one message may have.
pub const ATTACHMENTS_MAX: usize = 100;
/// The longest attachments that are stored, in bytes of compact JSON.
pub const ATTACHMENTS_BYTES_MAX: usize = 400_000;

/// A message's attachments as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachments {
    /// The normalised array as JSON text.
    pub json: String,
    /// How many attachments there are; 0 for `[]`.
    pub count: usize,
    /// Text for where attachments are not shown: one line or more for each that says something.
    pub fallback: String,
}

/// Checks a message's `attachments`, given as JSON text, and adds `id` (from 1) and `fallback`.
///
/// Members that attachments do not have vanish, and `color` loses its `#`. Blocks inside are checked and completed
/// as [`blocks::normalise`] does, with ids from `new_id`.
///
/// # Errors
///
/// `too_many_attachments` above [`ATTACHMENTS_MAX`]; `invalid_attachments` for anything but an array of objects, for
/// members of a wrong type and for `blocks` beside legacy members; `invalid_blocks` and its siblings for blocks
/// inside; `attachment_payload_limit_exceeded` above [`ATTACHMENTS_BYTES_MAX`].
pub fn normalise(given: &str, new_id: &mut dyn FnMut() -> String) -> Result<Attachments, Fault> {
    let Ok(Value::Array(mut list)) = serde_json::from_str(given) else {
        return Err(invalid("must be an array", ""));
    };
    if list.len() > ATTACHMENTS_MAX {
        let reason = format!("no more than {ATTACHMENTS_MAX} items allowed [json-pointer:/attachments]");
        return Err(Fault::new("too_many_attachments", reason));
    }
    let mut fallback = String::new();
    for (at, value) in list.iter_mut().enumerate() {
        let Value::Object(object) = value else {
            return Err(invalid("must provide an object", &format!("/{at}")));
        };
        attachment(object, at, new_id, &mut fallback)?;
    }
    fallback.truncate(fallback.trim_end().len());
    let (count, json) = (list.len(), Value::Array(list).to_string());
    if json.len() > ATTACHMENTS_BYTES_MAX {
        let reason =
            format!("must be less than {} bytes [json-pointer:/attachments]", ATTACHMENTS_BYTES_MAX + 1);
        return Err(Fault::new("attachment_payload_limit_exceeded", reason));
    }
    Ok(Attachments { json, count, fallback })
}

/// What Slack shows when an attachment says nothing that can be read.
const NO_PREVIEW: &str = "[no preview available]";

/// Members that may stand in any attachment.
const SHARED: &[&str] = &[
    "blocks",
    "color",
    "fallback",
    "from_url",
    "mrkdwn_in",
    "original_url",
    "pretext",
    "text",
    "service_icon",
    "service_name",
    "service_url",
];

/// Members of legacy attachments, which exclude `blocks`.
const LEGACY: &[&str] = &[
    "actions",
    "attachment_type",
    "author_icon",
    "author_id",
    "author_link",
    "author_name",
    "author_subname",
    "callback_id",
    "fields",
    "footer",
    "footer_icon",
    "image_bytes",
    "image_height",
    "image_url",
    "image_width",
    "thumb_height",
    "thumb_url",
    "thumb_width",
    "title",
    "title_link",
    "ts",
];

/// Members that must be strings.
const STRINGS: &[&str] =
    &["author_name", "callback_id", "color", "fallback", "footer", "pretext", "text", "title"];

fn attachment(
    object: &mut Map<String, Value>,
    at: usize,
    new_id: &mut dyn FnMut() -> String,
    fallbacks: &mut String,
) -> Result<(), Fault> {
    object.retain(|name, value| {
        let name = name.as_str();
        !value.is_null() && (SHARED.contains(&name) || LEGACY.contains(&name))
    });
    let pointer = format!("/{at}");
    check_types(object, &pointer)?;
    let shown = inner_blocks(object, &pointer, new_id)?;
    if let Some(color) = string(object, "color").filter(|color| color.starts_with('#')) {
        let color = Value::from(color.trim_start_matches('#'));
        object.insert("color".to_owned(), color);
    }
    let fallback = ["fallback", "text", "title", "pretext"].iter().find_map(|name| string(object, name));
    let fallback = fallback.unwrap_or(NO_PREVIEW).to_owned();
    let line = if fallback == NO_PREVIEW { &shown } else { &fallback };
    if !line.is_empty() {
        fallbacks.push_str(line);
        fallbacks.push('\n');
    }
    object.insert("fallback".to_owned(), Value::String(fallback));
    object.insert("id".to_owned(), Value::from(at + 1));
    Ok(())
}

fn check_types(object: &Map<String, Value>, pointer: &str) -> Result<(), Fault> {
    for name in STRINGS {
        if object.get(*name).is_some_and(|value| !value.is_string()) {
            return Err(invalid("must provide a string", &format!("{pointer}/{name}")));
        }
    }
    for name in ["fields", "actions"] {
        let valid = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_object));
        if object.get(name).is_some_and(|value| !valid(value)) {
            return Err(invalid("must be an array of objects", &format!("{pointer}/{name}")));
        }
    }
    Ok(())
}

/// Checks the blocks inside, if there are any, and gives their text.
fn inner_blocks(
    object: &mut Map<String, Value>,
    pointer: &str,
    new_id: &mut dyn FnMut() -> String,
) -> Result<String, Fault> {
    let said =
        |value: &Value| value.as_str() != Some("") && value.as_array().is_none_or(|list| !list.is_empty());
    let legacy = LEGACY.iter().find(|name| object.get(**name).is_some_and(said));
    let Some(value) = object.get_mut("blocks") else { return Ok(String::new()) };
    let Value::Array(list) = value else {
        let reason = format!("must be an array [json-pointer:/attachments{pointer}/blocks]");
        return Err(Fault::new("invalid_blocks_format", reason));
    };
    if let Some(name) = legacy
        && !list.is_empty()
    {
        return Err(invalid(&format!("{name} cannot be combined with blocks"), pointer));
    }
    blocks::check(list, &format!("/attachments{pointer}/blocks"), new_id)?;
    Ok(blocks::fallback(list))
}

fn string<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn invalid(reason: &str, pointer: &str) -> Fault {
    Fault::new("invalid_attachments", format!("{reason} [json-pointer:/attachments{pointer}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(given: &Value) -> Result<Attachments, Fault> {
        normalise(&given.to_string(), &mut || "new".to_owned())
    }

    #[test]
    fn members_the_server_adds() {
        let cases = [
            (
                json!({"text": "t", "color": "#36a64f", "x": 1, "title": null}),
                json!({"text": "t", "color": "36a64f", "fallback": "t", "id": 1}),
                "t",
            ),
            (json!({}), json!({"fallback": "[no preview available]", "id": 1}), ""),
            (
                json!({"id": 9, "fallback": "f", "title": "T"}),
                json!({"id": 1, "fallback": "f", "title": "T"}),
                "f",
            ),
            (
                json!({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "H"}}], "actions": []}),
                json!({"blocks": [{"type": "header", "block_id": "new", "text": {"type": "plain_text", "text": "H", "emoji": true}}],
                       "actions": [], "fallback": "[no preview available]", "id": 1}),
                "H",
            ),
        ];
        for (given, wanted, fallback) in cases {
            let got = run(&json!([given])).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&got.json).unwrap(), json!([wanted]));
            assert_eq!(got.fallback, fallback);
        }
        assert_eq!(run(&json!([])).unwrap().count, 0);
    }

    #[test]
    fn refusals() {
        let divider = json!([{"type": "divider"}]);
        let cases = [
            (json!({}), "invalid_attachments", "/attachments]"),
            (json!([1]), "invalid_attachments", "/attachments/0]"),
            (json!([{"text": 1}]), "invalid_attachments", "/attachments/0/text]"),
            (json!([{"fields": {}}]), "invalid_attachments", "/attachments/0/fields]"),
            (json!([{}, {"blocks": divider, "title": "t"}]), "invalid_attachments", "/attachments/1]"),
            (json!([{"blocks": divider, "callback_id": "c"}]), "invalid_attachments", "/attachments/0]"),
            (json!([{"blocks": 1}]), "invalid_blocks_format", "/attachments/0/blocks]"),
            (json!([{"blocks": [{"type": "x"}]}]), "invalid_blocks", "/attachments/0/blocks/0/type]"),
            (json!([{"blocks": [1]}]), "invalid_blocks", "/attachments/0/blocks/0]"),
            (json!(vec![json!({}); 101]), "too_many_attachments", "/attachments]"),
            (json!([{"text": "x".repeat(200_000)}]), "attachment_payload_limit_exceeded", "/attachments]"),
        ];
        for (given, code, place) in cases {
            let fault = run(&given).unwrap_err();
            assert_eq!(fault.code, code);
            assert!(fault.messages[0].ends_with(place), "{fault:?}");
        }
        assert_eq!(normalise("[", &mut String::new).unwrap_err().code, "invalid_attachments");
    }
}
