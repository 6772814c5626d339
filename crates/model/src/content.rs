//! What a message says, as opaque text of the dialect that wrote it.
//!
//! Content is immutable: an update writes a new one, and readers share it. The model compares, counts and stores the parts, and
//! must never look into their JSON.

use std::sync::Arc;

/// The outside API that something came through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// The Slack Web API.
    Slack,
    /// The Bot Connector API of Teams.
    Connector,
}

/// One revision's content. Each part is ready-made text of the dialect that wrote it; `None` is absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The dialect that the parts below are written in.
    pub dialect: Dialect,
    /// Slack: mrkdwn in stored, escaped form. Connector: the activity's text as mrkdwn, for the other dialect and for
    /// lists; the activity itself is in `activity`.
    pub text: String,
    /// Slack's normalised `blocks`, a JSON array.
    pub blocks: Option<Arc<str>>,
    /// Slack's normalised `attachments`, a JSON array.
    pub attachments: Option<Arc<str>>,
    /// Slack's message `metadata`, a JSON object.
    pub metadata: Option<Arc<str>>,
    /// The custom name and picture of one Slack post, a JSON object. An update takes it away.
    pub identity: Option<Arc<str>>,
    /// The Connector's activity as it was received, JSON.
    pub activity: Option<Arc<str>>,
    /// The ids of the files that it shares, or of the attachments that it names, with a space between two.
    pub files: Option<Arc<str>>,
    /// Of what the platform itself wrote: what it is about, such as the new topic or who invited. Empty where the text
    /// says everything.
    pub notice: Option<Arc<str>>,
    /// False where a Slack post switched the meaning of markup off.
    pub markup: bool,
}

impl Content {
    /// A message of nothing but text.
    #[must_use]
    pub fn text(dialect: Dialect, text: impl Into<String>) -> Self {
        Self {
            dialect,
            text: text.into(),
            blocks: None,
            attachments: None,
            metadata: None,
            identity: None,
            activity: None,
            files: None,
            notice: None,
            markup: true,
        }
    }

    /// Which parts it has.
    #[must_use]
    pub fn parts(&self) -> Parts {
        Parts {
            blocks: self.blocks.is_some(),
            attachments: self.attachments.is_some(),
            metadata: self.metadata.is_some(),
            activity: self.activity.is_some(),
            files: self.files.is_some(),
        }
    }

    /// Whether a reader would see nothing at all. Metadata alone shows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
            && self.blocks.is_none()
            && self.attachments.is_none()
            && self.activity.is_none()
            && self.files.is_none()
    }
}

/// A piece of a message that streams in, as the dialect wrote it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    /// More of the text, which may break off anywhere.
    pub text: String,
    /// What else there is: JSON objects with commas between them.
    pub chunks: Option<Arc<str>>,
}

impl Piece {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.chunks.is_none()
    }

    /// How much it says, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len() + self.chunks.as_ref().map_or(0, |chunks| chunks.len())
    }
}

/// What a message shows that began as this content and got these pieces, in their order.
pub type Assemble = fn(&Content, &[Piece]) -> Content;

/// Pieces without any meaning: one text after the other.
#[must_use]
pub fn joined(begun: &Content, pieces: &[Piece]) -> Content {
    let text = pieces.iter().fold(begun.text.clone(), |text, piece| text + &piece.text);
    Content { text, ..begun.clone() }
}

/// Which parts a content has, besides its text. Kept with the message, so that an update that keeps none of them need not
/// read them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    /// [`Content::blocks`].
    pub blocks: bool,
    /// [`Content::attachments`].
    pub attachments: bool,
    /// [`Content::metadata`].
    pub metadata: bool,
    /// [`Content::activity`].
    pub activity: bool,
    /// [`Content::files`].
    pub files: bool,
}

/// What an update does to one part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Change<T> {
    /// The part stays as it is.
    #[default]
    Keep,
    /// The part is removed.
    Clear,
    /// The part is replaced.
    Set(T),
}

impl<T: Clone> Change<T> {
    fn apply(&self, old: Option<&T>) -> Option<T> {
        match self {
            Self::Keep => old.cloned(),
            Self::Clear => None,
            Self::Set(new) => Some(new.clone()),
        }
    }

    fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// An update's content, computed by the dialect from the arguments alone. A Connector `PUT` sets or clears everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patch {
    /// The dialect that wrote it.
    pub dialect: Dialect,
    /// [`Content::text`]; clearing leaves it empty.
    pub text: Change<String>,
    /// [`Content::blocks`].
    pub blocks: Change<Arc<str>>,
    /// [`Content::attachments`].
    pub attachments: Change<Arc<str>>,
    /// [`Content::metadata`].
    pub metadata: Change<Arc<str>>,
    /// [`Content::activity`].
    pub activity: Change<Arc<str>>,
    /// [`Content::files`].
    pub files: Change<Arc<str>>,
    /// False when the caller gave no content argument that counts.
    pub given: bool,
}

impl Patch {
    /// A patch that changes nothing and counts as none.
    #[must_use]
    pub fn keep_all(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: Change::Keep,
            blocks: Change::Keep,
            attachments: Change::Keep,
            metadata: Change::Keep,
            activity: Change::Keep,
            files: Change::Keep,
            given: false,
        }
    }

    /// Whether content of these parts has to be read to apply this: only if something that it has is kept.
    #[must_use]
    pub fn keeps_any_of(&self, parts: Parts) -> bool {
        self.text.keeps()
            || (parts.blocks && self.blocks.keeps())
            || (parts.attachments && self.attachments.keeps())
            || (parts.metadata && self.metadata.keeps())
            || (parts.activity && self.activity.keeps())
            || (parts.files && self.files.keeps())
    }

    /// The new content. The custom name of the post is lost and markup is on again, as the platform has it.
    #[must_use]
    pub fn apply(&self, old: &Content) -> Content {
        Content {
            dialect: self.dialect,
            text: self.text.apply(Some(&old.text)).unwrap_or_default(),
            blocks: self.blocks.apply(old.blocks.as_ref()),
            attachments: self.attachments.apply(old.attachments.as_ref()),
            metadata: self.metadata.apply(old.metadata.as_ref()),
            identity: None,
            activity: self.activity.apply(old.activity.as_ref()),
            files: self.files.apply(old.files.as_ref()),
            notice: None,
            markup: true,
        }
    }
}

/// What a dialect found wrong with content by its own limits: the wire code, and reasons that a person can act on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContentFault {
    /// The dialect's own error code, such as `msg_too_long`.
    pub code: &'static str,
    /// What is wrong, one sentence for each fault, for the bot's author.
    pub reasons: Vec<String>,
}
