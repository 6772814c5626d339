//! What was decided, written as rows.
//!
//! Every function runs inside the transaction of the batch. It must not flush, and must not answer anybody.

use std::sync::Arc;

use redraft_model::content::Content;
use redraft_model::decision::Change;
use redraft_model::directory::{Directory, DirectoryChange};
use redraft_model::event::Event;
use redraft_model::id::{MessageKey, UserId, WorkspaceId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Gone, Message, PersonalView, Reaction, Replier, Revision};
use redraft_model::shared::SharedMap;
use redraft_model::time::Ts;
use redraft_model::view::{Identity, Remembered};
use redraft_model::workspace::{Conversation, Retention};
use rusqlite::{OptionalExtension, params};

use super::{SqliteEngine, identity_bytes, number};
use crate::record::{
    Entry, MemberRow, RevisionRow, conversation_entries, encode, entries, is_file, item_key, member_key,
    token_key,
};
use crate::sqlite::keys::{ConversationKey, LogKey, Timeline};
use crate::sqlite::seal::{Row, seal};
use crate::sqlite::{packed, rows};

impl SqliteEngine {
    pub(super) fn change(&self, workspace: WorkspaceId, change: &Change, first: Ts) -> rusqlite::Result<()> {
        match change {
            Change::PutMessage(message) => self.put_message(message, first),
            Change::RemoveMessage(message) => self.remove_message(message),
            Change::RemoveRevision(key, position) => self.remove_revision(key.workspace, *position),
            Change::PutPiece(key, number, piece) => {
                const SQL: &str = "INSERT INTO piece (place, ts, number, body) VALUES (?1, ?2, ?3, ?4)";
                let (conversation, ts) = (ConversationKey::of(*key), key.ts.0);
                let body = seal(Row::Piece(conversation, ts, i64::from(*number)), encode(piece));
                self.write(SQL, params![conversation, ts, number, body]).map(drop)
            }
            Change::ClearPieces(key) => {
                const SQL: &str = "DELETE FROM piece WHERE place = ?1 AND ts = ?2";
                self.write(SQL, params![ConversationKey::of(*key), key.ts.0]).map(drop)
            }
            Change::PutReaction(key, reaction) => self.put_reaction(*key, reaction),
            Change::RemoveReaction(key, reaction) => self.remove_reaction(*key, reaction),
            Change::PutView(key, user, view) => self.put_view(*key, *user, *view),
            Change::ClearMarks(key) => self.clear_marks(*key),
            Change::PutRevision(revision, content) => self.put_revision(revision, content),
            Change::PutReplier(root, user, replier) => self.put_replier(*root, *user, replier.as_ref()),
            Change::PutGone(gone) => self.put_gone(gone),
            Change::Remember(identity, key, remembered) => self.remember(identity, key, remembered),
            Change::PutItem(key, item) => self.put_item(workspace, key, item.as_ref()),
            Change::PutBlob(key, bytes) => self.put_blob(workspace, key, bytes),
            Change::RemoveBlob(key, size) => self.remove_blob(workspace, key, *size),
            Change::Directory(change) => self.put_directory(workspace, change),
        }
    }

    fn put_message(&self, message: &Arc<Message>, first: Ts) -> rusqlite::Result<()> {
        let key = message.key;
        let timeline = Timeline::of(message);
        let body = seal(Row::Message(ConversationKey::of(key), timeline, key.ts.0), packed::message(message));
        // A message's time is that of the event that made it.
        let is_new = first <= key.ts;
        if is_new {
            const SQL: &str = "INSERT INTO message (place, line, ts, body) VALUES (?1, ?2, ?3, ?4)";
            self.write(SQL, params![ConversationKey::of(key), timeline, key.ts.0, body])?;
            self.count(key.workspace, |counted| counted.messages += 1);
        } else {
            const SQL: &str = "UPDATE message SET body = ?4 WHERE place = ?1 AND line = ?2 AND ts = ?3";
            self.write(SQL, params![ConversationKey::of(key), timeline, key.ts.0, body])?;
        }
        if timeline != Timeline::Channel {
            self.put_elsewhere(message, timeline, is_new)?;
        }
        self.recent.put_message(Arc::clone(message));
        Ok(())
    }

    /// What a message outside the channel's timeline needs besides its row.
    fn put_elsewhere(&self, message: &Message, timeline: Timeline, is_new: bool) -> rusqlite::Result<()> {
        let (conversation, ts) = (ConversationKey::of(message.key), message.key.ts.0);
        if is_new {
            self.write(
                "INSERT INTO placed (place, ts, line) VALUES (?1, ?2, ?3)",
                params![conversation, ts, timeline],
            )?;
        }
        if timeline == Timeline::Ephemeral {
            // The end that it has by default; the sweeper knows what its workspace says.
            let expires_at = message.expires_at(Retention::default()).map_or(i64::MAX, |end| end.0);
            let log_key = LogKey::new(message.key.workspace, message.content_at);
            const SQL: &str =
                "INSERT OR REPLACE INTO ephemeral (expires_at, place, ts, spot) VALUES (?1, ?2, ?3, ?4)";
            self.write(SQL, params![expires_at, conversation, ts, log_key])?;
        } else if let (Timeline::Thread(root), true) = (timeline, message.broadcast) {
            const SQL: &str = "INSERT OR REPLACE INTO message (place, line, ts, body) VALUES (?1, 0, ?2, ?3)";
            let body = seal(Row::Message(conversation, Timeline::Channel, ts), packed::broadcast(root));
            self.write(SQL, params![conversation, ts, body])?;
        } else if !is_new {
            self.write(
                "DELETE FROM message WHERE place = ?1 AND line = 0 AND ts = ?2",
                params![conversation, ts],
            )?;
        }
        Ok(())
    }

    pub(in crate::sqlite) fn remove_message(&self, message: &Message) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM message WHERE place = ?1 AND line = ?2 AND ts = ?3";
        let (conversation, ts, timeline) =
            (ConversationKey::of(message.key), message.key.ts.0, Timeline::of(message));
        let removed = self.write(SQL, params![conversation, timeline, ts])?;
        self.count(message.key.workspace, |counted| counted.messages -= number(removed));
        if timeline != Timeline::Channel {
            self.write("DELETE FROM placed WHERE place = ?1 AND ts = ?2", params![conversation, ts])?;
        }
        if message.broadcast {
            self.write(SQL, params![conversation, Timeline::Channel, ts])?;
        }
        self.recent.remove_message(message.key);
        Ok(())
    }

    pub(in crate::sqlite) fn remove_revision(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> rusqlite::Result<()> {
        let log_key = LogKey::new(workspace, position);
        let bytes = self.revision_bytes(log_key)?;
        self.write("DELETE FROM revision WHERE spot = ?1", [log_key])?;
        self.count(workspace, |counted| counted.content_bytes -= bytes);
        self.recent.remove_content(workspace, position);
        Ok(())
    }

    /// Puts another row in the place of a revision's.
    pub(in crate::sqlite) fn replace_revision(
        &self,
        position: u64,
        row: &RevisionRow,
    ) -> rusqlite::Result<()> {
        let workspace = row.revision.key.workspace;
        let log_key = LogKey::new(workspace, position);
        let body = seal(Row::Revision(log_key), encode(row));
        let more = number(body.len()) - self.revision_bytes(log_key)?;
        self.write("UPDATE revision SET body = ?2 WHERE spot = ?1", params![log_key, body])?;
        self.count(workspace, |counted| counted.content_bytes += more);
        self.recent.remove_content(workspace, position);
        Ok(())
    }

    /// How many bytes a revision takes, 0 if there is none.
    fn revision_bytes(&self, log_key: LogKey) -> rusqlite::Result<i64> {
        let mut statement = self.db.prepare_cached("SELECT length(body) FROM revision WHERE spot = ?1")?;
        let bytes = statement.query_row([log_key], |row| row.get(0)).optional()?;
        Ok(bytes.unwrap_or(0))
    }

    fn put_reaction(&self, key: MessageKey, reaction: &Reaction) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO reaction (place, ts, since, name, user) VALUES (?1, ?2, ?3, ?4, ?5)";
        let Reaction { since, name, user } = reaction;
        let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
        let row = Row::Reaction(conversation, ts, since.0, i64::from(user.0));
        let name = seal(row, name.as_bytes().to_vec());
        self.write(SQL, params![conversation, ts, since.0, name, user.0]).map(drop)
    }

    fn remove_reaction(&self, key: MessageKey, reaction: &Reaction) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM reaction WHERE place = ?1 AND ts = ?2 AND since = ?3";
        self.write(SQL, params![ConversationKey::of(key), key.ts.0, reaction.since.0]).map(drop)
    }

    fn put_view(&self, key: MessageKey, user: UserId, view: PersonalView) -> rusqlite::Result<()> {
        if let Some(before) = rows::view_of(&self.db, key, user)? {
            self.remove_revision(key.workspace, before.content_at)?;
        }
        const SQL: &str = "INSERT OR REPLACE INTO view (place, ts, user, body) VALUES (?1, ?2, ?3, ?4)";
        let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
        let body = seal(Row::View(conversation, ts, i64::from(user.0)), encode(&view));
        self.write(SQL, params![conversation, ts, user.0, body]).map(drop)
    }

    pub(in crate::sqlite) fn clear_marks(&self, key: MessageKey) -> rusqlite::Result<()> {
        let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
        self.write("DELETE FROM reaction WHERE place = ?1 AND ts = ?2", params![conversation, ts])?;
        for view in rows::views(&self.db, key)? {
            self.remove_revision(key.workspace, view.content_at)?;
        }
        self.write("DELETE FROM view WHERE place = ?1 AND ts = ?2", params![conversation, ts]).map(drop)
    }

    fn put_revision(&self, revision: &Revision, content: &Arc<Content>) -> rusqlite::Result<()> {
        let workspace = revision.key.workspace;
        let row = RevisionRow { revision: revision.clone(), content: Some(Arc::clone(content)) };
        const SQL: &str = "INSERT INTO revision (spot, body) VALUES (?1, ?2)";
        let log_key = LogKey::new(workspace, revision.position);
        let body = seal(Row::Revision(log_key), encode(&row));
        self.write(SQL, params![log_key, body])?;
        self.count(workspace, |counted| counted.content_bytes += number(body.len()));
        self.recent.put_content(workspace, revision.position, Arc::clone(content));
        Ok(())
    }

    fn put_replier(&self, root: MessageKey, user: UserId, replier: Option<&Replier>) -> rusqlite::Result<()> {
        let (conversation, root) = (ConversationKey::of(root), root.ts.0);
        match replier {
            Some(replier) => {
                const SQL: &str = "INSERT OR REPLACE INTO replier (place, root, user, since, body) VALUES (?1, ?2, ?3, ?4, ?5)";
                let body = seal(Row::Replier(conversation, root, i64::from(user.0)), encode(replier));
                self.write(SQL, params![conversation, root, user.0, replier.since.0, body])?;
            }
            None => {
                const SQL: &str = "DELETE FROM replier WHERE place = ?1 AND root = ?2 AND user = ?3";
                self.write(SQL, params![conversation, root, user.0])?;
            }
        }
        Ok(())
    }

    fn put_gone(&self, gone: &Gone) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO gone (place, ts, body) VALUES (?1, ?2, ?3)";
        let key = gone.last.key;
        let (conversation, ts) = (ConversationKey::of(key), key.ts.0);
        self.write(SQL, params![conversation, ts, seal(Row::Gone(conversation, ts), packed::gone(gone))])?;
        Ok(())
    }

    fn remember(&self, identity: &Identity, key: &str, remembered: &Remembered) -> rusqlite::Result<()> {
        const SQL: &str =
            "INSERT OR REPLACE INTO remembered (identity, key, expires_at, body) VALUES (?1, ?2, ?3, ?4)";
        let identity = identity_bytes(identity);
        let body = seal(Row::Remembered(&identity, key), encode(remembered));
        self.write(SQL, params![identity, key, remembered.expires_at.0, body])?;
        Ok(())
    }

    fn put_item(&self, workspace: WorkspaceId, key: &ItemKey, item: Option<&Item>) -> rusqlite::Result<()> {
        if let ItemKey::File(_) = key {
            let was = rows::item(&self.db, workspace, key)?.is_some_and(|item| is_file(&item));
            let more = i64::from(item.is_some_and(is_file)) - i64::from(was);
            self.count(workspace, |counted| counted.files += more);
        }
        let Some(item) = item else {
            const SQL: &str = "DELETE FROM item WHERE workspace = ?1 AND key = ?2";
            return self.write(SQL, params![workspace.0, item_key(key)]).map(drop);
        };
        let due_at = if let ItemKey::Scheduled { post_at, .. } = key { Some(post_at.0) } else { None };
        const SQL: &str = "INSERT OR REPLACE INTO item (workspace, key, due_at, kept_until, body)
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let kept_until = item.kept_until().map(|end| end.0);
        let key = item_key(key);
        let body = seal(Row::Item(i64::from(workspace.0), &key), encode(item));
        self.write(SQL, params![workspace.0, key, due_at, kept_until, body]).map(drop)
    }

    fn put_directory(&self, workspace: WorkspaceId, change: &DirectoryChange) -> rusqlite::Result<()> {
        let (id, entry) = match change {
            DirectoryChange::Create(directory) => return self.create(directory),
            DirectoryChange::Drop(id) => return self.drop_workspace(*id),
            DirectoryChange::Workspace(it) => (it.id, Entry::Workspace(it.clone())),
            DirectoryChange::Quotas(id, it) => (*id, Entry::Quotas(*it)),
            DirectoryChange::User(id, it) => (*id, Entry::User(it.clone())),
            DirectoryChange::App(id, it) => (*id, Entry::App(it.clone())),
            DirectoryChange::NewConversation(id, it) => {
                return conversation_entries(it).try_for_each(|entry| self.put_entry(*id, false, &entry));
            }
            DirectoryChange::Conversation(id, it) => {
                let (members, former) = (SharedMap::new(), SharedMap::new());
                (*id, Entry::Conversation(Conversation { members, former, ..it.clone() }))
            }
            DirectoryChange::Member(id, conversation, user, Some(membership)) => {
                let (conversation, user, membership) = (*conversation, *user, *membership);
                (*id, Entry::Member(MemberRow { conversation, user, membership }))
            }
            DirectoryChange::Member(id, conversation, user, None) => {
                return self.remove_entry(*id, &member_key(*conversation, *user));
            }
            DirectoryChange::RemoveToken(id, hash) => return self.remove_entry(*id, &token_key(hash)),
            DirectoryChange::Token(id, it) => (*id, Entry::Token(it.clone())),
            DirectoryChange::UserGroup(id, it) => (*id, Entry::UserGroup(it.clone())),
        };
        debug_assert_eq!(id, workspace, "a command changes its own workspace only");
        self.put_entry(id, false, &entry)
    }

    fn remove_entry(&self, workspace: WorkspaceId, key: &[u8]) -> rusqlite::Result<()> {
        const SQL: &str = "DELETE FROM directory WHERE workspace = ?1 AND origin = 0 AND key = ?2";
        self.write(SQL, params![workspace.0, key]).map(drop)
    }

    fn put_entry(&self, workspace: WorkspaceId, origin: bool, entry: &Entry) -> rusqlite::Result<()> {
        const SQL: &str =
            "INSERT OR REPLACE INTO directory (workspace, origin, key, body) VALUES (?1, ?2, ?3, ?4)";
        let key = entry.key();
        let body = seal(Row::Directory(i64::from(workspace.0), origin, &key), encode(entry));
        self.write(SQL, params![workspace.0, origin, key, body])?;
        Ok(())
    }

    fn create(&self, directory: &Directory) -> rusqlite::Result<()> {
        let id = directory.workspace.id;
        for entry in entries(directory) {
            self.put_entry(id, false, &entry)?;
            self.put_entry(id, true, &entry)?;
        }
        const SQL: &str = "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)";
        let next = (id.0 + 1).to_be_bytes().to_vec();
        self.write(SQL, params![rows::NEXT_WORKSPACE, seal(Row::Meta(rows::NEXT_WORKSPACE), next)])?;
        Ok(())
    }

    /// The workspace is out of reach at once; its rows are swept in small steps.
    fn drop_workspace(&self, id: WorkspaceId) -> rusqlite::Result<()> {
        // Without its first entry a workspace is none; the others may be many.
        self.write("DELETE FROM directory WHERE workspace = ?1 AND key = x'01'", [id.0])?;
        self.write("DELETE FROM head WHERE workspace = ?1", [id.0])?;
        self.write("INSERT INTO dropped (workspace) VALUES (?1)", [id.0])?;
        Ok(())
    }

    pub(super) fn put_event(&self, workspace: WorkspaceId, event: &Event) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO log (spot, body) VALUES (?1, ?2)";
        let log_key = LogKey::new(workspace, event.position);
        self.write(SQL, params![log_key, seal(Row::Log(log_key), encode(event))])?;
        Ok(())
    }
}
