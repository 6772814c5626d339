//! Files: announced, uploaded, shared in messages, deleted.
//!
//! A file's record is retained after its deletion, so that it is refused as deleted and not as missing; its bytes are not. Bytes
//! are blobs under the file's key, and must never be shared between two files.

use std::sync::Arc;

use crate::attachments::{self, has_room};
use crate::command::{Post, Target};
use crate::content::{Content, ContentFault};
use crate::conversations::Destination;
use crate::decide::{Context, Draft};
use crate::decision::{Change, Decision, Halt, Moment, Outcome};
use crate::event::EventKind;
use crate::id::{ConversationId, MessageKey, WorkspaceId};
use crate::item::{BlobKey, File, Grant, Item, ItemKey};
use crate::limits::{FILE_SHARES_MAX, FILES_OF_MESSAGE_MAX};
use crate::message::Kind;
use crate::policy::{self, Actor, Found};
use crate::post;
use crate::time::Ts;
use crate::view::{Looked, View};
use crate::workspace::TokenKind;

/// One step in the life of a file.
#[derive(Clone, Debug)]
pub enum FileCommand {
    /// A file is announced; whoever knows the secret may send its bytes.
    Begin {
        /// SHA-256 of the secret.
        upload: [u8; 32],
        /// What is known of it; its owner and its times are filled in.
        file: Box<File>,
    },
    /// The bytes were uploaded to the secret URL.
    Receive {
        /// SHA-256 of the secret.
        upload: [u8; 32],
        /// The key that they get.
        blob: BlobKey,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
    /// The files are whole; they are shared in these conversations, in one message each.
    Complete(Complete),
    /// The end of a file. The messages that share it stay.
    Delete(String),
}

/// Files that are whole.
#[derive(Clone, Debug)]
pub struct Complete {
    /// Their ids, each with a new title if there is one.
    pub files: Vec<(String, Option<String>)>,
    /// Where they are shared.
    pub conversations: Vec<ConversationId>,
    /// What is said beside them.
    pub content: Arc<Content>,
    /// What the dialect found wrong with that.
    pub fault: Option<ContentFault>,
    /// The message whose thread they should join.
    pub reply_to: Option<Ts>,
}

/// Why a step was refused, highest precedence first, whichever of several files it is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FileRefusal {
    /// Nobody was given this secret, or it was used.
    UploadUnknown,
    /// The time for sending it is over.
    UploadOver,
    /// Other than so many bytes came.
    OtherSize(u64),
    /// A message shares too many files.
    TooMany,
    /// No such file, or none of the caller's.
    NotFound,
    /// The file was deleted.
    Deleted,
    /// Its bytes have not come, or it was completed before.
    NotReady,
    /// It is somebody else's.
    NotOwner,
    /// Too many messages share the file.
    SharedTooOften,
    /// The workspace has as many bytes as it may have ([`crate::limits::BLOB_BYTES_MAX`]).
    StorageFull,
}

use FileRefusal as R;

/// Bytes came from somebody who knows the secret and needs no token.
pub(crate) fn receive(
    command: &FileCommand,
    workspace: WorkspaceId,
    view: &dyn View,
    moment: Moment,
) -> Result<Decision, Halt> {
    let FileCommand::Receive { upload, blob, bytes } = command else {
        return Err(crate::decision::CallerRefusal::Unknown.into());
    };
    let key = ItemKey::Grant(*upload);
    let Some(Item::Grant(grant @ Grant::Upload { file, .. })) = &view.item(workspace, &key)? else {
        return Err(R::UploadUnknown.into());
    };
    if grant.ends_at() <= moment.at {
        return Err(R::UploadOver.into());
    }
    let file = find(workspace, file, view)?.ok_or(R::UploadUnknown)?;
    let size = bytes.len() as u64;
    if file.size != size {
        return Err(R::OtherSize(file.size).into());
    }
    if !has_room(workspace, size, view)? {
        return Err(R::StorageFull.into());
    }
    let mut draft = Draft::new(moment, None);
    draft.change(Change::PutItem(key, None));
    draft.change(Change::PutBlob(*blob, Arc::clone(bytes)));
    put(File { blob: Some(*blob), ..file }, &mut draft);
    Ok(draft.done(Outcome::Done))
}

/// Decides every other step.
pub(crate) fn decide(command: &FileCommand, context: &Context) -> Result<Decision, Halt> {
    match command {
        FileCommand::Begin { upload, file } => {
            let Actor { workspace, user, app, .. } = context.actor;
            if !has_room(workspace, file.size, context.view)? {
                return Err(R::StorageFull.into());
            }
            let mut draft = Draft::new(context.moment, Some(context.actor));
            let made_at = context.moment.at;
            let grant = Grant::Upload { file: file.id.clone(), made_at };
            draft.change(Change::PutItem(ItemKey::Grant(*upload), Some(Item::Grant(grant))));
            put(File { user, app, made_at, ..File::clone(file) }, &mut draft);
            Ok(draft.done(Outcome::Done))
        }
        FileCommand::Complete(complete) => self::complete(complete, context),
        FileCommand::Delete(id) => delete(id, context),
        FileCommand::Receive { .. } => Err(R::UploadUnknown.into()),
    }
}

fn complete(complete: &Complete, context: &Context) -> Result<Decision, Halt> {
    if FILES_OF_MESSAGE_MAX < complete.files.len() {
        return Err(R::TooMany.into());
    }
    let ready = |(id, title): &(String, Option<String>)| {
        let file = find(context.actor.workspace, id, context.view)?.filter(|file| owns(context, file));
        Ok(file.ok_or(R::NotFound).and_then(|file| completed(file, title.as_ref())))
    };
    let found: Vec<Result<File, R>> = complete.files.iter().map(ready).collect::<Looked<_>>()?;
    let mut files = first_refusal(found)?;
    if files.is_empty() {
        return Err(R::NotFound.into());
    }
    if files.iter().any(|file| FILE_SHARES_MAX < file.shares.len() + complete.conversations.len()) {
        return Err(R::SharedTooOften.into());
    }
    let ids: Vec<&str> = files.iter().map(|file| file.id.as_str()).collect();
    let content =
        Arc::new(Content { files: Some(ids.join(" ").into()), ..Content::clone(&complete.content) });
    let posts = complete.conversations.iter().map(|conversation| Post {
        target: Target::Conversation(*conversation),
        content: Arc::clone(&content),
        fault: complete.fault.clone(),
        kind: Kind::Plain,
        reply_to: complete.reply_to.into(),
        broadcast: false,
        only: None,
        unjoined: false,
    });
    let posts = posts.map(|post| post::admit(&post, context).map(|destination| (post, destination)));
    let posts: Vec<(Post, Destination)> = posts.collect::<Result<_, Halt>>()?;

    // Past this line the files are whole.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    for file in &files {
        draft.event(EventKind::FileCreated(file.id.as_str().into()));
    }
    for (post, destination) in posts {
        let message = post::place(&post, post::LIVE, destination, context, &mut draft)?.message;
        for file in &mut files {
            add_share(file, message.key, &mut draft);
        }
    }
    files.iter().for_each(|file| put(file.clone(), &mut draft));
    Ok(draft.done(Outcome::Files(files)))
}

fn completed(file: File, title: Option<&String>) -> Result<File, R> {
    if file.deleted {
        return Err(R::Deleted);
    }
    if file.complete || file.blob.is_none() {
        return Err(R::NotReady);
    }
    let title = title.unwrap_or(&file.title).clone();
    Ok(File { complete: true, title, ..file })
}

/// All files, or the refusal that comes first.
fn first_refusal(found: Vec<Result<File, R>>) -> Result<Vec<File>, R> {
    match found.iter().filter_map(|file| file.as_ref().err()).min() {
        Some(refusal) => Err(refusal.clone()),
        None => Ok(found.into_iter().flatten().collect()),
    }
}

fn delete(id: &str, context: &Context) -> Result<Decision, Halt> {
    let file = seen(find(context.actor.workspace, id, context.view)?, context)?;
    if !owns(context, &file) && !context.actor.admin {
        return Err(R::NotOwner.into());
    }
    let mut draft = Draft::new(context.moment, Some(context.actor));
    draft.event(EventKind::FileDeleted(file.id.as_str().into()));
    if let Some(blob) = file.blob {
        draft.change(Change::RemoveBlob(blob, file.size));
    }
    // What it was called is content as well.
    let (name, title) = (String::new(), String::new());
    put(File { deleted: true, blob: None, name, title, alt_text: None, ..file }, &mut draft);
    Ok(draft.done(Outcome::Done))
}

/// What becomes of the files of a message that changes.
#[derive(Default)]
pub(crate) struct Resharing {
    /// Files that the message shares from now on.
    pub come: Vec<File>,
    /// Ids of those that it shares no more.
    pub go: Vec<String>,
    /// [`Content::files`] as it was.
    pub before: Option<Arc<str>>,
}

/// How a message's files change from these ids to those, unless one that comes cannot be shared.
pub(crate) fn resharing(
    before: Option<Arc<str>>,
    after: Option<&str>,
    context: &Context,
) -> Result<Resharing, Halt> {
    let (old, new) = (ids(before.as_deref()), ids(after));
    if FILES_OF_MESSAGE_MAX < new.len() {
        return Err(R::TooMany.into());
    }
    let coming = new.iter().filter(|id| !old.contains(id));
    let found = coming.map(|id| sharable(id, context)).collect::<Looked<_>>()?;
    let go = old.iter().filter(|id| !new.contains(id)).map(|id| (*id).to_owned()).collect();
    Ok(Resharing { come: first_refusal(found)?, go, before })
}

fn sharable(id: &str, context: &Context) -> Looked<Result<File, R>> {
    let file = find(context.actor.workspace, id, context.view)?;
    if file.as_ref().is_some_and(|file| !file.complete && owns(context, file)) {
        return Ok(Err(R::NotReady));
    }
    let full = |file: &File| FILE_SHARES_MAX <= file.shares.len();
    Ok(seen(file, context).and_then(|file| if full(&file) { Err(R::SharedTooOften) } else { Ok(file) }))
}

/// Carries a resharing out: files that come are shared, those that go are unshared.
pub(crate) fn reshare(
    message: MessageKey,
    resharing: Resharing,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    for mut file in resharing.come {
        add_share(&mut file, message, draft);
        put(file, draft);
    }
    resharing.go.iter().try_for_each(|id| unshare(message, id, context, draft))
}

/// The message is about to go, and with it what it shares; the files stay.
pub(crate) fn unshare_all(
    message: MessageKey,
    files: Option<&str>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    ids(files).into_iter().try_for_each(|id| unshare(message, id, context, draft))
}

fn unshare(message: MessageKey, id: &str, context: &Context, draft: &mut Draft) -> Looked<()> {
    let MessageKey { workspace, conversation, ts } = message;
    if let Some(mut file) = find(workspace, id, context.view)? {
        file.shares.retain(|share| *share != (conversation, ts));
        draft.event(EventKind::FileUnshared { conversation, message: ts, file: id.into() });
        put(file, draft);
    }
    Ok(())
}

fn add_share(file: &mut File, message: MessageKey, draft: &mut Draft) {
    let MessageKey { conversation, ts, .. } = message;
    file.shares.push((conversation, ts));
    draft.event(EventKind::FileShared { conversation, message: ts, file: file.id.as_str().into() });
}

fn find(workspace: WorkspaceId, id: &str, view: &dyn View) -> Looked<Option<File>> {
    let Some(Item::File(file)) = view.item(workspace, &ItemKey::File(id.to_owned()))? else {
        return Ok(None);
    };
    Ok(Some(file))
}

fn put(file: File, draft: &mut Draft) {
    draft.change(Change::PutItem(ItemKey::File(file.id.clone()), Some(Item::File(file))));
}

/// The files in [`Content::files`]; what else is in it are attachments.
#[must_use]
pub fn ids(files: Option<&str>) -> Vec<&str> {
    let all = files.into_iter().flat_map(|files| files.split(' '));
    all.filter(|id| !attachments::is_id(id)).collect()
}

/// Whether the caller sent it: a bot what its app sent as its bot, a person what they sent themselves.
fn owns(context: &Context, file: &File) -> bool {
    let Actor { user, app, kind, .. } = context.actor;
    file.user == user && (kind == TokenKind::User || file.app == app)
}

/// The file, if the caller may know of it and it is there.
fn seen(file: Option<File>, context: &Context) -> Result<File, R> {
    match policy::finds_file(context.actor.user, file, context.directory) {
        Found::Visible(file) => Ok(file),
        Found::Deleted => Err(R::Deleted),
        Found::Hidden | Found::Missing => Err(R::NotFound),
    }
}
