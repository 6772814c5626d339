//! Attachments that bots upload: each belongs to one conversation.
//!
//! An attachment is retained as long as a message of its conversation names it, and for a while before the first one does. It
//! must never be read through another conversation.

use std::sync::Arc;

use crate::decide::{Context, Draft, Unseen};
use crate::decision::{Change, Decision, Halt, Outcome};
use crate::id::{ConversationId, MessageKey, WorkspaceId};
use crate::item::{Attachment, BlobKey, Item, ItemKey, View};
use crate::limits::{ATTACHMENTS_OF_MESSAGE_MAX, BLOB_BYTES_MAX};
use crate::view::{Looked, View as Stored};

/// An attachment with its bytes.
#[derive(Clone, Debug)]
pub struct Attach {
    /// Where it is handed in.
    pub conversation: ConversationId,
    /// Its id: SHA-256 of the conversation and of everything below, in hexadecimal digits. So the same attachment has the
    /// same id there.
    pub id: String,
    /// The file name, if the bot gave one.
    pub name: Option<String>,
    /// Its MIME type.
    pub kind: String,
    /// The bytes and their media type.
    pub original: Bytes,
    /// A small form of it.
    pub thumbnail: Option<Bytes>,
}

/// Bytes on their way to where they are kept.
#[derive(Clone, Debug)]
pub struct Bytes {
    /// The key that they get.
    pub blob: BlobKey,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

impl Bytes {
    /// How many there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Why an attachment was refused, highest precedence first. Nothing of it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachRefusal {
    /// There is no such conversation, or none that the caller may know of.
    ConversationNotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// The workspace has as many bytes as it may have ([`BLOB_BYTES_MAX`]).
    StorageFull,
}

/// Decides whether an attachment is kept.
pub(crate) fn decide(attach: &Attach, context: &Context) -> Result<Decision, Halt> {
    use AttachRefusal as R;
    context.conversation(attach.conversation).map_err(|unseen| match unseen {
        Unseen::Missing => R::ConversationNotFound,
        Unseen::Left => R::NoLongerMember,
    })?;
    let (workspace, at) = (context.actor.workspace, context.moment.at);
    let mut draft = Draft::new(context.moment, Some(context.actor));
    if let Some(known) = find(workspace, &attach.id, context.view)? {
        let unnamed_since = known.unnamed_since.map(|_| at);
        put(&attach.id, Attachment { unnamed_since, ..known }, &mut draft);
        return Ok(draft.done(Outcome::Done));
    }
    let views = [Some(&attach.original), attach.thumbnail.as_ref()];
    let size = views.into_iter().flatten().map(Bytes::size).sum();
    if !has_room(workspace, size, context.view)? {
        return Err(R::StorageFull.into());
    }
    let mut keep = |bytes: &Bytes| {
        draft.change(Change::PutBlob(bytes.blob, Arc::clone(&bytes.bytes)));
        View { blob: bytes.blob, size: bytes.size() }
    };
    let attachment = Attachment {
        conversation: Some(attach.conversation),
        name: attach.name.clone(),
        kind: attach.kind.clone(),
        original: keep(&attach.original),
        thumbnail: attach.thumbnail.as_ref().map(keep),
        names: 0,
        unnamed_since: Some(at),
    };
    put(&attach.id, attachment, &mut draft);
    Ok(draft.done(Outcome::Done))
}

/// Whether so many bytes more may be kept.
pub(crate) fn has_room(workspace: WorkspaceId, size: u64, view: &dyn Stored) -> Looked<bool> {
    Ok(view.blob_bytes(workspace)?.saturating_add(size) <= BLOB_BYTES_MAX)
}

/// What a message names changes from these ids to those.
pub(crate) fn rename(
    message: MessageKey,
    old: Option<&str>,
    new: Option<&str>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    let (old, new) = (ids(old), ids(new));
    for id in new.iter().filter(|id| !old.contains(id)) {
        if let Some(known) = of_conversation(message, id, context)? {
            let names = known.names.saturating_add(1);
            put(id, Attachment { names, unnamed_since: None, ..known }, draft);
        }
    }
    for id in old.iter().filter(|id| !new.contains(id)) {
        if let Some(known) = of_conversation(message, id, context)? {
            let names = known.names.saturating_sub(1);
            let unnamed_since = (names == 0).then_some(context.moment.at);
            put(id, Attachment { names, unnamed_since, ..known }, draft);
        }
    }
    Ok(())
}

/// The attachments in [`crate::content::Content::files`]; what else is in it are files.
#[must_use]
pub fn ids(files: Option<&str>) -> Vec<&str> {
    let all = files.into_iter().flat_map(|files| files.split(' '));
    let mut ids: Vec<&str> = all.filter(|id| is_id(id)).take(ATTACHMENTS_OF_MESSAGE_MAX).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether this is an attachment's id and not a file's: 64 hexadecimal digits.
#[must_use]
pub fn is_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

fn of_conversation(message: MessageKey, id: &str, context: &Context) -> Looked<Option<Attachment>> {
    let found = find(message.workspace, id, context.view)?;
    Ok(found.filter(|known| known.conversation == Some(message.conversation)))
}

fn find(workspace: WorkspaceId, id: &str, view: &dyn Stored) -> Looked<Option<Attachment>> {
    let Some(Item::Attachment(attachment)) = view.item(workspace, &ItemKey::Attachment(id.to_owned()))?
    else {
        return Ok(None);
    };
    Ok(Some(attachment))
}

fn put(id: &str, attachment: Attachment, draft: &mut Draft) {
    let key = ItemKey::Attachment(id.to_owned());
    draft.change(Change::PutItem(key, Some(Item::Attachment(attachment))));
}
