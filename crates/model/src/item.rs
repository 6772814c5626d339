//! Items: small records that a workspace stores beside its messages and its directory, each under its key. Grants, open modals,
//! scheduled messages, files, read marks.
//!
//! Each kind says how long it is retained ([`Item::kept_until`]), and the sweeper removes it then. An item must not hold a
//! message's content: it names the log position.

use std::sync::Arc;

use crate::id::{AppId, ConversationId, UserId};
use crate::limits::{
    CODE_MICROS, GRANT_KEPT_MICROS, RESPONSE_URL_MICROS, TRIGGER_MICROS, UNCOMPLETED_FILE_MICROS,
    UNNAMED_ATTACHMENT_MICROS, UPLOAD_MICROS,
};

/// The key of bytes that an item owns. It is made up here and named by that item alone; none comes from outside.
pub type BlobKey = [u8; 32];

use crate::time::{Micros, Ts};

/// The key of an item in its workspace. Items of one kind are next to each other, in the order of their keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ItemKey {
    /// SHA-256 of the secret that the grant is worth.
    Grant([u8; 32]),
    /// A person's open modals.
    Views(UserId),
    /// A name of an open modal: its id, or the app's own name for it (`external_id`) after an `=`.
    ViewName(AppId, String),
    /// A message that waits to be posted.
    Scheduled {
        /// The conversation that it will be posted to.
        conversation: ConversationId,
        /// When, by the workspace's clock.
        post_at: Micros,
        /// The time of the event that made it; no two have the same.
        made: Ts,
    },
    /// A file, by its spelled id.
    File(String),
    /// How far a user has read a conversation.
    Read(ConversationId, UserId),
    /// An attachment that a bot handed in, by its id.
    Attachment(String),
}

/// What a workspace stores under an [`ItemKey`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// What a secret is worth.
    Grant(Grant),
    /// A person's open modals.
    Views(Views),
    /// The person in whose stack the modal of this name is.
    ViewOf(UserId),
    /// A message that waits.
    Scheduled(Scheduled),
    /// A file.
    File(File),
    /// The last message that was read.
    Read(Ts),
    /// An attachment of a Teams message.
    Attachment(Attachment),
}

impl Item {
    /// From when on it may be swept, by the workspace's clock; `None` is for ever. What a grant was is known for some
    /// time after its end, so that one which has expired is not refused as one that never was.
    #[must_use]
    pub fn kept_until(&self) -> Option<Micros> {
        match self {
            Self::Grant(grant) => Some(grant.ends_at().plus(GRANT_KEPT_MICROS)),
            Self::File(file) if !file.complete => Some(file.made_at.plus(UNCOMPLETED_FILE_MICROS)),
            Self::Attachment(attachment) => Some(attachment.unnamed_since?.plus(UNNAMED_ATTACHMENT_MICROS)),
            Self::File(_) | Self::Views(_) | Self::ViewOf(_) | Self::Scheduled(_) | Self::Read(_) => None,
        }
    }

    /// The bytes that it owns, each with their number. They go with it.
    #[must_use]
    pub fn blobs(&self) -> Vec<(BlobKey, u64)> {
        match self {
            Self::File(file) => file.blob.map(|key| (key, file.size)).into_iter().collect(),
            Self::Attachment(attachment) => {
                let views = [Some(&attachment.original), attachment.thumbnail.as_ref()];
                views.into_iter().flatten().map(|view| (view.blob, view.size)).collect()
            }
            Self::Grant(_) | Self::Views(_) | Self::ViewOf(_) | Self::Scheduled(_) | Self::Read(_) => vec![],
        }
    }
}

/// What whoever knows a secret may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grant {
    /// A response URL.
    ResponseUrl(ResponseUrl),
    /// Open a modal for the person who acted.
    Trigger(Trigger),
    /// Install an app (OAuth).
    Code(Code),
    /// Send the bytes of a file.
    Upload {
        /// The file's spelled id.
        file: String,
        /// When it was made.
        made_at: Micros,
    },
}

impl Grant {
    /// When it is worth nothing any more, by the workspace's clock.
    #[must_use]
    pub fn ends_at(&self) -> Micros {
        match self {
            Self::ResponseUrl(it) => it.made_at.plus(RESPONSE_URL_MICROS),
            Self::Trigger(it) => it.made_at.plus(TRIGGER_MICROS),
            Self::Code(it) => it.made_at.plus(CODE_MICROS),
            Self::Upload { made_at, .. } => made_at.plus(UPLOAD_MICROS),
        }
    }
}

/// A `response_url`: answers one interaction a few times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResponseUrl {
    /// The app that was asked; its bot is the author of the answers.
    pub app: AppId,
    /// The person who acted.
    pub user: UserId,
    /// The conversation that answers go to.
    pub conversation: ConversationId,
    /// The act that the grant was given for.
    pub origin: Origin,
    /// The message that they acted on, where there is one that answers may replace.
    pub original: Option<Ts>,
    /// When it was made.
    pub made_at: Micros,
    /// Accepted calls so far.
    pub uses: u32,
    /// The last of them.
    pub last_used_at: Option<Micros>,
}

/// What a person did to make an app hear of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Used an element of a message's blocks.
    Action,
    /// Used a button or menu of an attachment.
    Legacy,
    /// Typed a slash command.
    Command,
    /// Ran a shortcut on a message.
    MessageShortcut,
    /// Submitted a modal that asks for a conversation to answer in.
    Submission,
}

/// A `trigger_id`: opens one modal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trigger {
    /// The app that was asked.
    pub app: AppId,
    /// The person who acted, and to whom the modal is shown.
    pub user: UserId,
    /// The modal that they acted in.
    pub view: Option<String>,
    /// When it was made.
    pub made_at: Micros,
    /// A modal was opened with it.
    pub used: bool,
}

/// An OAuth code: becomes tokens once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// The app that is installed.
    pub app: AppId,
    /// The person who installs it.
    pub user: UserId,
    /// Where the person was sent back to, if that was said.
    pub redirect_uri: Option<String>,
    /// When it was made.
    pub made_at: Micros,
    /// Tokens were made of it.
    pub used: bool,
}

/// A person's open modals, of one app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Views {
    /// The app that opened them.
    pub app: AppId,
    /// The first that was opened first; the last is what the person sees.
    pub stack: Vec<ModalView>,
}

/// A modal that is open in a person's client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModalView {
    /// `V…`.
    pub id: String,
    /// The app's own name for it.
    pub external_id: Option<String>,
    /// Changes with every change of the modal.
    pub hash: String,
    /// The view as its app sent it, normalised: JSON.
    pub json: Arc<str>,
}

/// A scheduled message. Its content is stored at the position of the event that scheduled it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scheduled {
    /// The app that will post it.
    pub app: AppId,
    /// The user who posts it.
    pub user: UserId,
    /// Posted as the app itself, as a bot token does.
    pub as_app: bool,
    /// The log position of the event that wrote its content.
    pub content_at: u64,
    /// The message whose thread it should join.
    pub reply_to: Option<Ts>,
    /// Whether the channel should show a reply as well.
    pub broadcast: bool,
    /// Whether it may be posted to a public channel that the caller is not in.
    pub unjoined: bool,
    /// When it was made.
    pub made_at: Micros,
}

/// A file that was sent, or is about to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// `F…`.
    pub id: String,
    /// The user who uploaded it.
    pub user: UserId,
    /// The app that uploaded it; `None` of a person in their client.
    pub app: Option<AppId>,
    /// The file name.
    pub name: String,
    /// The title that people read; the name if none was given.
    pub title: String,
    /// What it shows, for those who don't see it.
    pub alt_text: Option<String>,
    /// The kind of snippet that it is.
    pub snippet_type: Option<String>,
    /// How many bytes it has.
    pub size: u64,
    /// Where its bytes are, once they came and until it is deleted.
    pub blob: Option<BlobKey>,
    /// When it was begun.
    pub made_at: Micros,
    /// The upload is over, and it can be shared.
    pub complete: bool,
    /// Deleted; messages show that it was there.
    pub deleted: bool,
    /// The messages that share it.
    pub shares: Vec<(ConversationId, Ts)>,
}

/// An attachment that a bot handed in to a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// Whose members may read it; `None` of one that an earlier version kept, which every bot of the workspace may read.
    pub conversation: Option<ConversationId>,
    /// The file name, if the bot gave one.
    pub name: Option<String>,
    /// Its MIME type.
    pub kind: String,
    /// The bytes that the bot uploaded.
    pub original: View,
    /// A small form of it.
    pub thumbnail: Option<View>,
    /// Messages of the conversation that name it.
    pub names: u32,
    /// Since when no message does.
    pub unnamed_since: Option<Micros>,
}

/// One form of an attachment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// Where its bytes are.
    pub blob: BlobKey,
    /// How many there are.
    pub size: u64,
}
