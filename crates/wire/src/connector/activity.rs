//! Activities that a bot sends: what the server needs to know of them, and which are accepted.

use super::errors::{BAD_ARGUMENT, MESSAGE_SIZE_TOO_BIG};
use super::fault::syntax;
use super::json::get;
use super::stream::{self, Step};
use serde_json::{Map, Value};

pub use super::fault::ActivityFault;

/// The biggest activity, in bytes of UTF-16, not counting pictures given as `data:` addresses.
pub const SIZE_UTF16_BYTES_MAX: usize = 102_400;

/// What the server looks at in an activity; everything else it only stores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityView {
    /// `type`; empty when absent.
    pub kind: String,
    /// `text`.
    pub text: Option<String>,
    /// `textFormat`.
    pub text_format: Option<String>,
    /// `replyToId`.
    pub reply_to_id: Option<String>,
    /// How many attachments the activity has.
    pub attachments: usize,
    /// `summary`.
    pub summary: Option<String>,
    /// `recipient.id`.
    pub recipient_id: Option<String>,
    /// `recipient.isTargeted`.
    pub is_targeted: bool,
    /// The step of a stream that it is, or what is wrong with it as one.
    pub stream: Option<Result<Step, ActivityFault>>,
    /// `channelData.redraft.idempotency_key`, an extension of ours.
    pub idempotency_key: Option<String>,
    /// `channelData.redraft.if_revision`, an extension of ours.
    pub if_revision: Option<u32>,
    /// Whether the body was `{}`.
    pub is_empty: bool,
}

/// What an accepted activity asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Store and show a message.
    Message,
    /// Show that the bot is typing; nothing is stored.
    Typing,
    /// `trace`: accepted and stored nowhere.
    Trace,
}

/// Reads an activity. Member names match in any case, `null` counts as absent.
///
/// # Errors
///
/// `BadSyntax` for unreadable JSON and for members of a wrong type, `BadArgument` for a wrong extension of ours,
/// `MessageSizeTooBig` above [`SIZE_UTF16_BYTES_MAX`].
pub fn parse(body: &[u8]) -> Result<ActivityView, ActivityFault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| syntax(format!("Activity is not valid JSON: {error}")))?;
    let Value::Object(activity) = &value else {
        return Err(syntax("Activity must be a JSON object".to_owned()));
    };
    // UTF-16 never takes more units than UTF-8 takes bytes, so small bodies need no counting.
    if body.len() > SIZE_UTF16_BYTES_MAX / 2 && utf16_units(&value) * 2 > SIZE_UTF16_BYTES_MAX {
        let message = format!("Message size too big: at most {SIZE_UTF16_BYTES_MAX} bytes of UTF-16");
        return Err(ActivityFault { code: MESSAGE_SIZE_TOO_BIG, message });
    }
    let recipient = object(activity, "recipient")?;
    let extension = get(activity, "channelData")
        .and_then(Value::as_object)
        .and_then(|data| get(data, "redraft"))
        .and_then(Value::as_object);
    Ok(ActivityView {
        kind: string(activity, "type")?.unwrap_or_default(),
        text: string(activity, "text")?,
        text_format: string(activity, "textFormat")?,
        reply_to_id: string(activity, "replyToId")?,
        attachments: attachments(activity)?,
        summary: string(activity, "summary")?,
        recipient_id: recipient.map(|recipient| string(recipient, "id")).transpose()?.flatten(),
        is_targeted: recipient.and_then(|r| get(r, "isTargeted")).and_then(Value::as_bool).unwrap_or(false),
        stream: stream::step(activity).transpose(),
        idempotency_key: extension.map(idempotency_key).transpose()?.flatten(),
        if_revision: extension.map(if_revision).transpose()?.flatten(),
        is_empty: activity.is_empty(),
    })
}

/// Whether an activity may be sent, and what it asks for. Without a `type`, content makes it a message.
///
/// # Errors
///
/// `BadArgument` for `{}` and for types that a bot cannot send, `BadSyntax` for a message without content.
pub fn for_send(view: &ActivityView) -> Result<Verb, ActivityFault> {
    match view.verb()? {
        Some(verb) => Ok(verb),
        None => Err(argument("Unknown activity type")),
    }
}

/// Whether an activity may take the place of a message that was sent.
///
/// # Errors
///
/// As [`for_send`]; and `BadArgument` for everything that is not a message.
pub fn for_update(view: &ActivityView) -> Result<(), ActivityFault> {
    match view.verb()? {
        Some(Verb::Message) => Ok(()),
        Some(Verb::Typing) => Err(argument("Bot Activities of type Typing cannot be edited")),
        Some(Verb::Trace) | None => Err(argument("Unknown activity type")),
    }
}

impl ActivityView {
    fn has_content(&self) -> bool {
        self.attachments > 0 || self.text.as_ref().is_some_and(|text| !text.is_empty())
    }

    fn verb(&self) -> Result<Option<Verb>, ActivityFault> {
        if self.is_empty {
            return Err(argument("Activity must not be empty"));
        }
        match self.kind.to_ascii_lowercase().as_str() {
            "message" if !self.has_content() => Err(syntax(NO_CONTENT.to_owned())),
            "message" => Ok(Some(Verb::Message)),
            "" if self.has_content() => Ok(Some(Verb::Message)),
            "typing" => Ok(Some(Verb::Typing)),
            "trace" => Ok(Some(Verb::Trace)),
            _ => Ok(None),
        }
    }
}

const NO_CONTENT: &str = "Activity must include non empty 'text' field or at least 1 attachment";

fn argument(message: &str) -> ActivityFault {
    ActivityFault { code: BAD_ARGUMENT, message: message.to_owned() }
}

fn string(object: &Map<String, Value>, name: &str) -> Result<Option<String>, ActivityFault> {
    match get(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(syntax(format!("Activity member '{name}' must be a string"))),
    }
}

fn object<'a>(
    activity: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, ActivityFault> {
    match get(activity, name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(syntax(format!("Activity member '{name}' must be an object"))),
    }
}

fn attachments(activity: &Map<String, Value>) -> Result<usize, ActivityFault> {
    match get(activity, "attachments") {
        None => Ok(0),
        Some(Value::Array(list)) if list.iter().all(Value::is_object) => Ok(list.len()),
        Some(_) => Err(syntax("Activity member 'attachments' must be an array of objects".to_owned())),
    }
}

fn idempotency_key(extension: &Map<String, Value>) -> Result<Option<String>, ActivityFault> {
    match get(extension, "idempotency_key") {
        None => Ok(None),
        Some(Value::String(key)) if !key.is_empty() => Ok(Some(key.clone())),
        Some(_) => Err(argument("channelData.redraft.idempotency_key must be a non-empty string")),
    }
}

fn if_revision(extension: &Map<String, Value>) -> Result<Option<u32>, ActivityFault> {
    let Some(value) = get(extension, "if_revision") else { return Ok(None) };
    match value.as_u64().and_then(|number| u32::try_from(number).ok()) {
        Some(revision) => Ok(Some(revision)),
        None => Err(argument("channelData.redraft.if_revision must be a whole number")),
    }
}

/// The length of a value as compact JSON in UTF-16, without pictures in `data:` addresses.
pub(crate) fn utf16_units(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(_) => 5,
        Value::Number(number) => number.to_string().len(),
        Value::String(text) if text.starts_with("data:") => 2,
        Value::String(text) => text.encode_utf16().count() + 2,
        Value::Array(list) => 2 + list.iter().map(|item| utf16_units(item) + 1).sum::<usize>(),
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| name.encode_utf16().count() + 4 + utf16_units(value);
            2 + members.iter().map(member).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        let view = parse(
            br#"{"Type":"message","text":"hi","textFormat":"plain","replyToId":"17","attachments":[{},{}],"summary":null,
                 "recipient":{"id":"29:1","isTargeted":true},"x":1,
                 "channelData":{"redraft":{"idempotency_key":"k","if_revision":3}}}"#,
        );
        let wanted = ActivityView {
            kind: "message".into(),
            text: Some("hi".into()),
            text_format: Some("plain".into()),
            reply_to_id: Some("17".into()),
            attachments: 2,
            summary: None,
            recipient_id: Some("29:1".into()),
            is_targeted: true,
            stream: None,
            idempotency_key: Some("k".into()),
            if_revision: Some(3),
            is_empty: false,
        };
        assert_eq!(view, Ok(wanted));
        assert!(parse(b"{}").unwrap().is_empty);
    }

    #[test]
    fn what_cannot_be_read() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases: [(&str, &str, &str); 9] = [
            ("", "BadSyntax", "valid JSON"),
            ("[]", "BadSyntax", "object"),
            (&deep, "BadSyntax", "valid JSON"),
            (r#"{"text":1}"#, "BadSyntax", "'text'"),
            (r#"{"attachments":{}}"#, "BadSyntax", "'attachments'"),
            (r#"{"attachments":[1]}"#, "BadSyntax", "'attachments'"),
            (r#"{"recipient":"x"}"#, "BadSyntax", "'recipient'"),
            (r#"{"channelData":{"redraft":{"if_revision":-1}}}"#, "BadArgument", "if_revision"),
            (r#"{"channelData":{"redraft":{"idempotency_key":""}}}"#, "BadArgument", "idempotency_key"),
        ];
        for (body, code, part) in cases {
            let fault = parse(body.as_bytes()).unwrap_err();
            assert_eq!(fault.code, code);
            assert!(fault.message.contains(part), "{fault:?}");
        }
    }

    #[test]
    fn size_is_counted_in_utf16() {
        let text = |piece: &str, n: usize| format!(r#"{{"type":"message","text":"{}"}}"#, piece.repeat(n));
        let picture =
            |n| format!(r#"{{"attachments":[{{"contentUrl":"data:image/png;base64,{}"}}]}}"#, "A".repeat(n));
        for (body, fits) in [
            (text("a", 51_000), true),
            (text("a", 51_200), false),
            (text("語", 51_000), true),
            (text("🎉", 25_500), true),
            (text("🎉", 25_600), false),
            (picture(200_000), true),
        ] {
            assert_eq!(
                parse(body.as_bytes()).err().map(|fault| fault.code),
                (!fits).then_some(MESSAGE_SIZE_TOO_BIG)
            );
        }
    }

    #[test]
    fn sending_and_updating() {
        let cases = [
            (r#"{"type":"message","text":"a"}"#, Ok(Verb::Message), Ok(())),
            (r#"{"type":"message","attachments":[{}]}"#, Ok(Verb::Message), Ok(())),
            (r#"{"text":"a"}"#, Ok(Verb::Message), Ok(())),
            (r#"{"type":"message"}"#, Err(NO_CONTENT), Err(NO_CONTENT)),
            (r#"{"type":"message","text":""}"#, Err(NO_CONTENT), Err(NO_CONTENT)),
            ("{}", Err("Activity must not be empty"), Err("Activity must not be empty")),
            (r#"{"type":"typing"}"#, Ok(Verb::Typing), Err("Bot Activities of type Typing cannot be edited")),
            (r#"{"type":"trace"}"#, Ok(Verb::Trace), Err("Unknown activity type")),
            (r#"{"type":"event"}"#, Err("Unknown activity type"), Err("Unknown activity type")),
            (r#"{"replyToId":"1"}"#, Err("Unknown activity type"), Err("Unknown activity type")),
        ];
        for (body, send, update) in cases {
            let view = parse(body.as_bytes()).unwrap();
            assert_eq!(for_send(&view).map_err(|fault| fault.message), send.map_err(str::to_owned), "{body}");
            assert_eq!(
                for_update(&view).map_err(|fault| fault.message),
                update.map_err(str::to_owned),
                "{body}"
            );
        }
    }
}
