//! The record of a key.

use serde::{Deserialize, Serialize};

use super::{Certainty, Entry, Upserted};
use crate::activity::{Activity, ConversationReference};
use crate::adapter::Marker;
use crate::error::Error;

/// The record of a key. Its states: no record → `Posting` → `Posted` → no record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The conversation, without a message.
    pub(super) reference: ConversationReference,
    pub(super) state: State,
    pub(super) claim: Option<Claim>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// Written before the message is sent. Whoever finds it without a valid claim does not know whether it was.
    Posting {
        attempt: String,
        began_ms: u64,
        /// As it was sent: an idempotency key belongs to the whole request.
        activity: Box<Activity>,
        /// The digest of the content.
        digest: String,
        /// Whether the message carries a marker.
        marked: bool,
        /// Whether an earlier attempt may have left a message that nobody remembers.
        certain: bool,
    },
    /// The message with this id is there.
    Posted {
        id: String,
        /// The digest of what it shows. `None` while an update is under way, or if one was not answered.
        shown: Option<String>,
        certain: bool,
    },
}

/// A process has the key for itself until then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub(super) by: String,
    pub(super) until_ms: u64,
}

pub(super) fn read(stored: &str) -> Result<Record, Error> {
    serde_json::from_str(stored)
        .map_err(|error| Error::own(format_args!("the book has a record that can't be read: {error}")))
}

pub(super) fn write(record: &Record) -> Result<String, Error> {
    serde_json::to_string(record).map_err(Error::own)
}

pub(super) fn at(reference: &ConversationReference, id: String) -> ConversationReference {
    ConversationReference { activity_id: Some(id), ..reference.clone() }
}

pub(super) fn entry(reference: &ConversationReference, id: &str, how: Upserted, certain: bool) -> Entry {
    let certainty = if certain { Certainty::Certain } else { Certainty::Unknown };
    Entry { reference: at(reference, id.to_owned()), how, certainty }
}

pub(super) fn same_place(one: &ConversationReference, other: &ConversationReference) -> bool {
    let id = |reference: &ConversationReference| {
        reference.conversation.as_ref().and_then(|conversation| conversation.id.clone())
    };
    one.channel_id == other.channel_id && id(one) == id(other)
}

/// Whether the author put in metadata of his own. There is no room for a second one.
pub(super) fn has_metadata(activity: &Activity) -> bool {
    activity.channel_data.as_ref().is_some_and(|data| data.get("metadata").is_some())
}

pub(super) fn mark(activity: &mut Activity, marker: &Marker) {
    let data = activity.channel_data.get_or_insert_with(|| serde_json::json!({}));
    if let Some(data) = data.as_object_mut() {
        data.insert("metadata".to_owned(), marker.to_metadata());
    }
}

pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}
