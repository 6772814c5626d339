//! What the platform itself writes into a conversation: who came and went, what it is about, what it is called. Such a
//! message is written in the same decision as the change that it tells of.
//!
//! Source: the subtypes of [`message`](https://docs.slack.dev/reference/events/message). Slack does not document the
//! sentences; they are ours, after what its clients show.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::content::{Content, Dialect};
use crate::decide::Draft;
use crate::decision::Change;
use crate::directory::Directory;
use crate::event::EventKind;
use crate::id::{MessageKey, UserId};
use crate::message::{Audience, Kind, Message, Revision, State};
use crate::workspace::Conversation;

/// What the platform writes a message about.
pub(crate) enum Notice<'a> {
    /// The author came in, perhaps by invitation.
    Joined {
        /// The user who invited them; `None` if they joined by themselves.
        by: Option<UserId>,
    },
    /// The author is no longer in it.
    Left,
    /// The author set the topic; an empty one takes it away.
    Topic(&'a str),
    /// The author set the purpose; an empty one takes it away.
    Purpose(&'a str),
    /// The author gave it another name.
    Renamed {
        old: &'a str,
        new: &'a str,
    },
    Archived,
    Unarchived,
}

impl Notice<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Joined { .. } => Kind::Join,
            Self::Left => Kind::Leave,
            Self::Topic(_) => Kind::Topic,
            Self::Purpose(_) => Kind::Purpose,
            Self::Renamed { .. } => Kind::Name,
            Self::Archived => Kind::Archive,
            Self::Unarchived => Kind::Unarchive,
        }
    }

    /// What the sentence says after the author's name.
    fn words(&self) -> String {
        match self {
            Self::Joined { .. } => "has joined the channel".into(),
            Self::Left => "has left the channel".into(),
            Self::Topic("") => "cleared the channel topic".into(),
            Self::Topic(topic) => format!("set the channel topic: {topic}"),
            Self::Purpose("") => "cleared the channel purpose".into(),
            Self::Purpose(purpose) => format!("set the channel purpose: {purpose}"),
            Self::Renamed { old, new } => format!("has renamed the channel from \"{old}\" to \"{new}\""),
            Self::Archived => "archived the channel".into(),
            Self::Unarchived => "un-archived the channel".into(),
        }
    }

    /// What it is about, for readers that show it apart: who invited, the topic, the purpose, both names.
    fn about(&self, directory: &Directory) -> String {
        match self {
            Self::Joined { by } => {
                by.and_then(|by| directory.user(by)).map_or_else(String::new, |by| by.slack_id.clone())
            }
            Self::Topic(text) | Self::Purpose(text) => (*text).to_owned(),
            Self::Renamed { old, new } => format!("{old}\n{new}"),
            Self::Left | Self::Archived | Self::Unarchived => String::new(),
        }
    }
}

/// Writes it, as the next event. Direct messages have no such messages.
pub(crate) fn write(
    notice: &Notice<'_>,
    conversation: &Conversation,
    author: UserId,
    directory: &Directory,
    draft: &mut Draft,
) {
    let Some(user) = directory.user(author).filter(|_| conversation.is_channel()) else { return };
    let text = format!("<@{}> {}", user.slack_id, notice.words());
    say(notice, text, conversation, author, directory, draft);
}

/// The same for a user who is made by the same decision, and so is not in the directory yet.
pub(crate) fn write_for_new(
    notice: &Notice<'_>,
    conversation: &Conversation,
    (author, slack_id): (UserId, &str),
    directory: &Directory,
    draft: &mut Draft,
) {
    let text = format!("<@{slack_id}> {}", notice.words());
    say(notice, text, conversation, author, directory, draft);
}

fn say(
    notice: &Notice<'_>,
    text: String,
    conversation: &Conversation,
    author: UserId,
    directory: &Directory,
    draft: &mut Draft,
) {
    let at = draft.next();
    let key = MessageKey { workspace: directory.workspace.id, conversation: conversation.id, ts: at.ts };
    let about = notice.about(directory);
    let content = Content { notice: Some(about.into()), ..Content::text(Dialect::Slack, text) };
    draft.put(Message {
        key,
        root: None,
        broadcast: false,
        audience: Audience::Everyone,
        author,
        app: None,
        as_app: false,
        kind: notice.kind(),
        state: State::Live { revision: NonZeroU32::MIN, edited: None },
        content_at: at.position,
        parts: content.parts(),
        thread: None,
        marked: false,
    });
    let number = NonZeroU32::MIN;
    let revision = Revision { key, position: at.position, number, previous: None, by: author, at: at.at };
    draft.change(Change::PutRevision(revision, Arc::new(content)));
    draft.event(EventKind::MessagePosted { conversation: conversation.id, root: None, only: None });
}
