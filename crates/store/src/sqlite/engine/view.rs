//! What a decision sees of the database: the writing connection inside its transaction.
//!
//! Nothing here writes. A read that fails marks the engine as broken and answers `NotLoaded`.

use std::sync::Arc;

use redraft_model::content::{Content, Piece};
use redraft_model::directory::{Directories, Directory};
use redraft_model::id::{MessageKey, UserId, WorkspaceId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Gone, Message, Reaction, Replier};
use redraft_model::quota::Usage;
use redraft_model::time::Ts;
use redraft_model::view::{Identity, Looked, NotLoaded, Remembered, View};
use rusqlite::{OptionalExtension, params};
use tracing::error;

use super::{SqliteEngine, identity_bytes};
use crate::sqlite::keys::ConversationKey;
use crate::sqlite::rows;
use crate::sqlite::seal::Row;

pub(super) struct Snapshot<'a> {
    pub(super) engine: &'a SqliteEngine,
    pub(super) directories: &'a Directories,
}

impl Snapshot<'_> {
    fn looked<T>(&self, read: rusqlite::Result<T>) -> Looked<T> {
        read.map_err(|failed| {
            error!(error = %failed, "the database could not be read");
            if rows::is_damage(&failed) {
                self.engine.met_damage.set(true);
            }
            NotLoaded
        })
    }
}

impl View for Snapshot<'_> {
    fn directories(&self) -> &Directories {
        self.directories
    }

    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>> {
        if let Some(known) = self.engine.recent.message(key) {
            return Ok(Some(known));
        }
        let found = self.looked(rows::message(&self.engine.db, key))?.map(Arc::new);
        found.iter().for_each(|message| self.engine.recent.put_message(Arc::clone(message)));
        Ok(found)
    }

    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>> {
        if let Some(known) = self.engine.recent.content(key.workspace, position) {
            return Ok(Some(known));
        }
        self.looked(rows::content(&self.engine.db, key.workspace, position))
    }

    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>> {
        let Some(begun) = self.content(message.key, message.content_at)? else { return Ok(None) };
        let mut pieces = self.looked(rows::pieces(&self.engine.db, message))?;
        pieces.extend(more.cloned());
        Ok(Some(Arc::new((self.engine.assemble)(&begun, &pieces))))
    }

    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>> {
        const SQL: &str = "SELECT body FROM replier WHERE place = ?1 AND root = ?2 AND user = ?3";
        let (conversation, root, user) = (ConversationKey::of(root), root.ts.0, i64::from(user.0));
        let row = Row::Replier(conversation, root, user);
        self.looked(rows::one(&self.engine.db, row, SQL, params![conversation, root, user]))
    }

    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>> {
        let read = || {
            let mut statement = self.engine.db.prepare_cached(
                "SELECT user FROM replier WHERE place = ?1 AND root = ?2 ORDER BY since LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let users = statement.query_map(params![ConversationKey::of(root), root.ts.0, limit], |row| {
                row.get(0).map(UserId)
            })?;
            users.collect()
        };
        self.looked(read())
    }

    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>> {
        let read = || {
            self.engine
                .db
                .prepare_cached(
                    "SELECT ts FROM message WHERE place = ?1 AND line = ?2 AND ts <> ?3 ORDER BY ts DESC LIMIT 1",
                )?
                .query_row(params![ConversationKey::of(root), root.ts.0, but.0], |row| row.get(0).map(Ts))
                .optional()
        };
        self.looked(read())
    }

    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>> {
        const SQL: &str = "SELECT body FROM remembered WHERE identity = ?1 AND key = ?2";
        let identity = identity_bytes(identity);
        let row = Row::Remembered(&identity, key);
        self.looked(rows::one(&self.engine.db, row, SQL, params![identity, key]))
    }

    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>> {
        Ok(self.looked(rows::one_directory(&self.engine.db, workspace, true))?.map(Arc::new))
    }

    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>> {
        self.looked(rows::reactions(&self.engine.db, key))
    }

    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>> {
        self.looked(rows::item(&self.engine.db, workspace, key))
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>> {
        self.looked(rows::items(&self.engine.db, workspace, from, to, limit))
    }

    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64> {
        self.looked(rows::blob_bytes(&self.engine.db, workspace))
    }

    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage> {
        let before = self.looked(rows::usage(&self.engine.db, workspace))?;
        let counted = self.engine.counted.borrow().get(&workspace).copied().unwrap_or_default();
        Ok(Usage {
            messages: before.messages.saturating_add_signed(counted.messages),
            content_bytes: before.content_bytes.saturating_add_signed(counted.content_bytes),
            files: before.files.saturating_add_signed(counted.files),
            ..before
        })
    }

    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>> {
        self.looked(rows::gone(&self.engine.db, key))
    }
}
