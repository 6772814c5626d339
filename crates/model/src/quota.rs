//! How much a workspace may hold, and whether a decision would make it more.
//!
//! Every decision is looked at after its own rules, whatever verb it came from: what grows is refused when it would pass a
//! quota. So whatever takes away or grows nothing is never refused: deletions, leaving, revoking, an update by content
//! that is no longer than before, the end of a stream, what the platform itself writes about a conversation. A message
//! that waits for its time is looked at when it is scheduled, and not again.

use crate::command::{Command, Verb};
use crate::content::Content;
use crate::decision::{Change, Decision, Halt};
use crate::directory::{Directory, DirectoryChange, Kind};
use crate::item::{Item, ItemKey};
use crate::message::{Message, State};
use crate::view::{Looked, View};

/// How much a workspace may hold; `None` is without limit. What is there already stays when a quota is set below it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quotas {
    /// People, deactivated ones too; bots are not counted.
    pub people: Option<u64>,
    /// Apps, uninstalled ones too.
    pub apps: Option<u64>,
    /// Channels, archived ones too; direct messages are not counted.
    pub channels: Option<u64>,
    /// Files that are not deleted.
    pub files: Option<u64>,
    /// Messages: see [`Usage::messages`].
    pub messages: Option<u64>,
    /// Bytes of content, files and attachments together.
    pub bytes: Option<u64>,
}

/// What changes of a workspace's quotas: `None` keeps one, `Some(None)` takes it away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QuotasPatch {
    /// [`Quotas::people`].
    pub people: Option<Option<u64>>,
    /// [`Quotas::apps`].
    pub apps: Option<Option<u64>>,
    /// [`Quotas::channels`].
    pub channels: Option<Option<u64>>,
    /// [`Quotas::files`].
    pub files: Option<Option<u64>>,
    /// [`Quotas::messages`].
    pub messages: Option<Option<u64>>,
    /// [`Quotas::bytes`].
    pub bytes: Option<Option<u64>>,
}

impl QuotasPatch {
    /// The quotas with what changes.
    #[must_use]
    pub fn merged(self, old: Quotas) -> Quotas {
        Quotas {
            people: self.people.unwrap_or(old.people),
            apps: self.apps.unwrap_or(old.apps),
            channels: self.channels.unwrap_or(old.channels),
            files: self.files.unwrap_or(old.files),
            messages: self.messages.unwrap_or(old.messages),
            bytes: self.bytes.unwrap_or(old.bytes),
        }
    }
}

/// What a store counts of a workspace, in the transaction of every change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Messages, with tombstones and messages for one reader. One that is deleted is given back at once.
    pub messages: u64,
    /// Bytes of all revisions as they are stored. Those of a deleted message are given back when they are erased.
    pub content_bytes: u64,
    /// Bytes of files and attachments, given back when they are deleted.
    pub blob_bytes: u64,
    /// Files that are not deleted.
    pub files: u64,
}

impl Usage {
    /// Bytes of content and of files together; this is what the quota of bytes limits.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.content_bytes.saturating_add(self.blob_bytes)
    }
}

/// What has a quota, in the order in which refusals come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quota {
    /// [`Quotas::people`].
    People,
    /// [`Quotas::apps`].
    Apps,
    /// [`Quotas::channels`].
    Channels,
    /// [`Quotas::files`].
    Files,
    /// [`Quotas::messages`].
    Messages,
    /// [`Quotas::bytes`].
    Bytes,
}

/// A quota that a decision would pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotaRefusal {
    /// The quota that would be exceeded.
    pub quota: Quota,
    /// The most that it allows.
    pub limit: u64,
}

impl QuotaRefusal {
    /// The refusal in words, with what to do.
    #[must_use]
    pub fn reason(&self) -> String {
        let (what, relief) = match self.quota {
            Quota::People => ("people", "ask an operator to raise it"),
            Quota::Apps => ("apps", "ask an operator to raise it"),
            Quota::Channels => ("channels", "ask an operator to raise it"),
            Quota::Files => ("files", "delete some, or ask an operator to raise it"),
            Quota::Messages => ("messages", "delete some, or ask an operator to raise it"),
            Quota::Bytes => (
                "bytes",
                "delete content, whose bytes are free once it is erased, or ask an operator to raise it",
            ),
        };
        format!("the workspace's quota is {} {what}; {relief}", self.limit)
    }
}

/// What a decision would add.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Growth {
    people: u64,
    apps: u64,
    channels: u64,
    files: u64,
    messages: u64,
    bytes: u64,
}

/// Refuses a decision that would pass a quota. Without quotas nothing is looked up.
pub(crate) fn check(command: &Command, decision: &Decision, view: &dyn View) -> Result<(), Halt> {
    let Some(directory) = view.directories().get(command.workspace) else { return Ok(()) };
    let quotas = directory.quotas;
    if quotas == Quotas::default() || matches!(command.verb, Verb::PostDue(_)) {
        return Ok(());
    }
    let more = Growth::of(decision, directory, view)?;
    if more == Growth::default() {
        return Ok(());
    }
    let used = view.usage(command.workspace)?;
    let people = directory.people() as u64;
    let (apps, channels) = (directory.count(Kind::App) as u64, directory.channels_count() as u64);
    for (quota, limit, used, more) in [
        (Quota::People, quotas.people, people, more.people),
        (Quota::Apps, quotas.apps, apps, more.apps),
        (Quota::Channels, quotas.channels, channels, more.channels),
        (Quota::Files, quotas.files, used.files, more.files),
        (Quota::Messages, quotas.messages, used.messages, more.messages),
        (Quota::Bytes, quotas.bytes, used.bytes(), more.bytes),
    ] {
        if let Some(limit) = limit
            && 0 < more
            && limit < used.saturating_add(more)
        {
            return Err(QuotaRefusal { quota, limit }.into());
        }
    }
    Ok(())
}

impl Growth {
    fn of(decision: &Decision, directory: &Directory, view: &dyn View) -> Looked<Self> {
        let mut more = Self::default();
        for change in &decision.changes {
            match change {
                Change::PutMessage(message) => more.message(message, decision, view)?,
                Change::PutItem(key, Some(item)) => more.item(key, item, decision, directory, view)?,
                Change::PutBlob(_, bytes) => more.bytes += bytes.len() as u64,
                Change::Directory(change) => more.directory(change, directory),
                Change::RemoveMessage(_)
                | Change::PutRevision(..)
                | Change::RemoveRevision(..)
                | Change::PutPiece(..)
                | Change::ClearPieces(_)
                | Change::PutReaction(..)
                | Change::RemoveReaction(..)
                | Change::ClearMarks(_)
                | Change::PutView(..)
                | Change::PutReplier(..)
                | Change::PutGone(_)
                | Change::Remember(..)
                | Change::PutItem(_, None)
                | Change::RemoveBlob(..) => {}
            }
        }
        Ok(more)
    }

    fn message(&mut self, message: &Message, decision: &Decision, view: &dyn View) -> Looked<()> {
        let Some(size) = size_at(message.content_at, decision).filter(|_| !message.kind.is_notice()) else {
            return Ok(());
        };
        let Some(old) = view.message(message.key)? else {
            self.messages += 1;
            self.bytes += size;
            return Ok(());
        };
        if matches!(old.state, State::Live { .. }) {
            let before = view.content(old.key, old.content_at)?.map_or(0, |content| size_of(&content));
            self.bytes += size.saturating_sub(before);
        }
        Ok(())
    }

    fn item(
        &mut self,
        key: &ItemKey,
        item: &Item,
        decision: &Decision,
        directory: &Directory,
        view: &dyn View,
    ) -> Looked<()> {
        match item {
            Item::File(_) if view.item(directory.workspace.id, key)?.is_none() => self.files += 1,
            Item::Scheduled(waiting) => {
                self.messages += 1;
                self.bytes += size_at(waiting.content_at, decision).unwrap_or(0);
            }
            Item::File(_)
            | Item::Grant(_)
            | Item::Views(_)
            | Item::ViewOf(_)
            | Item::Read(_)
            | Item::Attachment(_) => {}
        }
        Ok(())
    }

    fn directory(&mut self, change: &DirectoryChange, directory: &Directory) {
        match change {
            DirectoryChange::User(_, user) => {
                let is_new = user.bot_of.is_none() && directory.user(user.id).is_none();
                self.people += u64::from(is_new);
            }
            DirectoryChange::App(_, app) => self.apps += u64::from(directory.app(app.id).is_none()),
            DirectoryChange::NewConversation(_, made) => self.channels += u64::from(made.is_channel()),
            DirectoryChange::Create(_)
            | DirectoryChange::Drop(_)
            | DirectoryChange::Workspace(_)
            | DirectoryChange::Quotas(..)
            | DirectoryChange::Conversation(..)
            | DirectoryChange::Member(..)
            | DirectoryChange::Token(..)
            | DirectoryChange::RemoveToken(..)
            | DirectoryChange::UserGroup(..) => {}
        }
    }
}

/// The size of what a decision writes at a log position.
fn size_at(position: u64, decision: &Decision) -> Option<u64> {
    decision.changes.iter().find_map(|change| {
        let Change::PutRevision(revision, content) = change else { return None };
        (revision.position == position).then(|| size_of(content))
    })
}

fn size_of(content: &Content) -> u64 {
    let Content { text, blocks, attachments, metadata, identity, activity, .. } = content;
    let parts = [blocks, attachments, metadata, identity, activity];
    let others: usize = parts.into_iter().flatten().map(|part| part.len()).sum();
    (text.len() + others) as u64
}
