//! Streamed messages: which step of a stream an activity is.
//!
//! The rules of a single step stand here, as the page on
//! [streaming](https://learn.microsoft.com/microsoftteams/platform/bots/streaming-ux) gives them. Order, time and place
//! are not looked at.

use super::errors::BAD_REQUEST;
use super::fault::ActivityFault;
use super::json::get;
use serde_json::{Map, Value};

/// The longest progress line, in characters.
pub const INFORMATIVE_CHARS_MAX: usize = 1000;

/// One step of a streamed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first step: its answer names the stream.
    Start {
        /// What its text is.
        kind: Kind,
    },
    /// A further step, with all the text so far.
    More {
        /// `streamId`, as the answer to the first step gave it.
        stream_id: String,
        /// What its text is.
        kind: Kind,
        /// `streamSequence`; 1 was the first step's.
        sequence: u64,
    },
    /// The message itself, which ends the stream.
    End {
        /// `streamId`, as the answer to the first step gave it.
        stream_id: String,
    },
}

/// What the text of an unfinished step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of progress, which goes when the first piece of the message comes.
    Informative,
    /// The message, as far as it is known.
    Streaming,
}

/// Reads the `streaminfo` entity of an activity, or without one the same members of its `channelData`.
///
/// `None` for an activity that is no part of a stream: it is neither `typing` nor `message`, or has no such entity.
///
/// # Errors
///
/// `BadRequest` with the documented or observed words: a step without text; a `typing` that claims to be final, a
/// `message` that does not or names no stream; a first step with another number than 1, a further one without a
/// number; attachments before the end; a progress line above [`INFORMATIVE_CHARS_MAX`].
pub fn step(activity: &Map<String, Value>) -> Result<Option<Step>, ActivityFault> {
    let Some(info) = info(activity) else { return Ok(None) };
    let is_typing = match text_of(activity, "type").map(str::to_ascii_lowercase).as_deref() {
        Some("typing") => true,
        Some("message") | None => false,
        Some(_) => return Ok(None),
    };
    let stream_id = text_of(info, "streamId").filter(|id| !id.is_empty());
    let kind = Kind::read(info)?;
    if !is_typing {
        // Observed: a final message that names no stream hears the same words as one that is not final.
        let (None, Some(id)) = (kind, stream_id) else { return Err(fault(NOT_AN_END)) };
        return Ok(Some(Step::End { stream_id: id.to_owned() }));
    }
    let Some(kind) = kind else { return Err(fault(NOT_A_STEP)) };
    check_typing(activity, kind, stream_id.is_none())?;
    let sequence = get(info, "streamSequence");
    Ok(Some(match stream_id {
        None if sequence.and_then(whole) == Some(1) => Step::Start { kind },
        None => {
            return Err(fault(&format!(
                "{NOT_A_STEP}: the first has streamSequence 1, a further one names its streamId"
            )));
        }
        Some(id) => match sequence.and_then(whole).filter(|sequence| 1 <= *sequence) {
            Some(sequence) => Step::More { stream_id: id.to_owned(), kind, sequence },
            None => {
                return Err(fault(
                    "Continue streaming activities should have a streamSequence, a whole number above 0",
                ));
            }
        },
    }))
}

const NOT_AN_END: &str = "Only end streaming type is allowed as a message activity";
const NOT_A_STEP: &str = "Only start streaming and continue streaming types are allowed as a typing activity";

impl Kind {
    /// The kind of a step that is not final; `None` for a final one.
    fn read(info: &Map<String, Value>) -> Result<Option<Kind>, ActivityFault> {
        let Some(kind) = get(info, "streamType") else { return Ok(Some(Kind::Streaming)) };
        match kind.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "informative" => Ok(Some(Kind::Informative)),
            "streaming" => Ok(Some(Kind::Streaming)),
            "final" => Ok(None),
            _ => Err(fault("streamType should be 'informative', 'streaming' or 'final'")),
        }
    }
}

/// The entity if there is one, else `channelData` if it has a member of a stream.
///
/// botbuilder sends of an entity only the members that its model knows, and of this one they are all lost but the type:
/// its steps are in `channelData` even where the bot has written both.
fn info(activity: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let names = ["streamType", "streamId", "streamSequence"];
    let tells = |object: &&Map<String, Value>| names.iter().any(|name| get(object, name).is_some());
    let entities = get(activity, "entities").and_then(Value::as_array).into_iter().flatten();
    let entity = entities
        .filter_map(Value::as_object)
        .find(|entity| text_of(entity, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("streaminfo")));
    let data = get(activity, "channelData").and_then(Value::as_object).filter(tells);
    entity.filter(tells).or(data).or(entity)
}

fn check_typing(activity: &Map<String, Value>, kind: Kind, is_start: bool) -> Result<(), ActivityFault> {
    let text = text_of(activity, "text").unwrap_or_default();
    if text.is_empty() {
        return Err(fault(match is_start {
            true => "Start streaming activities should include text",
            false => "Continue streaming activities should include text",
        }));
    }
    if kind == Kind::Informative && INFORMATIVE_CHARS_MAX < text.chars().count() {
        return Err(fault(&format!(
            "Informative streaming activities should have at most {INFORMATIVE_CHARS_MAX} characters of text"
        )));
    }
    if get(activity, "attachments").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(fault("Only end streaming activities may include attachments"));
    }
    Ok(())
}

/// A whole number, as a number or in digits.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    get(object, name).and_then(Value::as_str)
}

fn fault(message: &str) -> ActivityFault {
    ActivityFault { code: BAD_REQUEST, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(activity: Value) -> Result<Option<Step>, String> {
        step(activity.as_object().unwrap()).map_err(|fault| {
            assert_eq!(fault.code, "BadRequest");
            fault.message
        })
    }

    fn entity(kind: &str, text: &str, info: Value) -> Value {
        let mut info = info;
        info["type"] = json!("streaminfo");
        json!({"type": kind, "text": text, "entities": [{"type": "mention"}, info]})
    }

    fn more(kind: Kind, sequence: u64) -> Result<Option<Step>, String> {
        Ok(Some(Step::More { stream_id: "7".into(), kind, sequence }))
    }

    #[test]
    fn steps() {
        let start = |kind| Ok(Some(Step::Start { kind }));
        let end = Ok(Some(Step::End { stream_id: "7".into() }));
        for (activity, wanted) in [
            (
                entity("typing", "a", json!({"streamType": "informative", "streamSequence": 1})),
                start(Kind::Informative),
            ),
            (
                entity("typing", "a", json!({"streamType": "Streaming", "streamSequence": 1})),
                start(Kind::Streaming),
            ),
            (entity("typing", "a", json!({"streamSequence": "1", "streamId": null})), start(Kind::Streaming)),
            (entity("typing", "ab", json!({"streamId": "7", "streamSequence": 2})), more(Kind::Streaming, 2)),
            (entity("message", "abc", json!({"streamId": "7", "streamType": "final"})), end.clone()),
            // One SDK numbers its last step as well.
            (
                entity(
                    "message",
                    "abc",
                    json!({"streamId": "7", "streamType": "final", "streamSequence": 1}),
                ),
                end.clone(),
            ),
            // Only `channelData` says it; the entity wins where both are there.
            (
                json!({"type": "typing", "text": "a", "channelData": {"streamType": "informative", "streamSequence": 1}}),
                start(Kind::Informative),
            ),
            (
                json!({"type": "typing", "text": "a", "channelData": {"streamType": "informative", "streamSequence": 9},
                       "entities": [{"type": "streaminfo", "streamId": "7", "streamSequence": 3}]}),
                more(Kind::Streaming, 3),
            ),
            // As botbuilder sends a step whose entity was complete when the bot gave it away.
            (
                json!({"type": "typing", "text": "a", "entities": [{"type": "streaminfo"}],
                       "channelData": {"streamId": "7", "streamType": "streaming", "streamSequence": 3}}),
                more(Kind::Streaming, 3),
            ),
            (json!({"type": "typing"}), Ok(None)),
            (
                json!({"type": "message", "text": "a", "channelData": {"feedbackLoopEnabled": true}, "entities": 7}),
                Ok(None),
            ),
            (entity("event", "a", json!({"streamId": "7"})), Ok(None)),
        ] {
            assert_eq!(read(activity.clone()), wanted, "{activity}");
        }
    }

    #[test]
    fn steps_that_are_refused() {
        let long = "x".repeat(INFORMATIVE_CHARS_MAX + 1);
        let mut with_card = entity("typing", "a", json!({"streamSequence": 1}));
        with_card["attachments"] = json!([{}]);
        for (activity, part) in [
            (
                entity("typing", "", json!({"streamSequence": 1})),
                "Start streaming activities should include text",
            ),
            (
                entity("typing", "", json!({"streamId": "7", "streamSequence": 2})),
                "Continue streaming activities should include text",
            ),
            (entity("typing", "a", json!({"streamId": "7", "streamType": "final"})), NOT_A_STEP),
            (entity("message", "a", json!({"streamId": "7", "streamType": "streaming"})), NOT_AN_END),
            (entity("message", "a", json!({"streamId": "7"})), NOT_AN_END),
            (entity("message", "a", json!({"streamType": "final"})), NOT_AN_END),
            (entity("typing", "a", json!({"streamType": "other", "streamSequence": 1})), "streamType"),
            (entity("typing", "a", json!({"streamType": 1, "streamSequence": 1})), "streamType"),
            (entity("typing", "a", json!({})), NOT_A_STEP),
            (entity("typing", "a", json!({"streamSequence": 2})), "names its streamId"),
            (entity("typing", "a", json!({"streamId": "7"})), "a whole number"),
            (entity("typing", "a", json!({"streamId": "7", "streamSequence": 0})), "a whole number"),
            (entity("typing", "a", json!({"streamId": "7", "streamSequence": -1})), "a whole number"),
            (entity("typing", &long, json!({"streamType": "informative", "streamSequence": 1})), "1000"),
            (with_card, "attachments"),
        ] {
            let words = read(activity.clone()).unwrap_err();
            assert!(words.contains(part), "{activity}: {words}");
        }
        assert!(read(entity("typing", &long, json!({"streamSequence": 1}))).is_ok());
    }
}
