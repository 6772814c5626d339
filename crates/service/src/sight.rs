//! Looking things up for somebody: the one place where the server reads a message or a file by its name and says whether it
//! is there for whoever asks. Conversations are looked up with [`redraft_model::policy::sees`].

use redraft_model::directory::Directory;
use redraft_model::id::{MessageKey, UserId, WorkspaceId};
use redraft_model::item::{File, Item, ItemKey};
use redraft_model::policy::{self, Found, Reader};
use redraft_model::workspace::Retention;
use redraft_store::{StoreError, Stored};

use crate::service::Service;

impl Service {
    /// A message or tombstone as `reader` finds it. A deleted message is as one that never was.
    pub async fn message_for(&self, reader: Reader, key: MessageKey) -> Result<Found<Stored>, StoreError> {
        let found = self.store.message(key).await?;
        Ok(reader.finds(found, None, self.now(key.workspace), self.retention(key.workspace)))
    }

    /// The same; tells a deleted message from one that never existed.
    pub async fn message_or_deleted_for(
        &self,
        reader: Reader,
        key: MessageKey,
    ) -> Result<Found<Stored>, StoreError> {
        let found = self.store.message(key).await?;
        let gone = if found.is_none() { self.store.gone(key).await? } else { None };
        Ok(reader.finds(found, gone.as_ref(), self.now(key.workspace), self.retention(key.workspace)))
    }

    fn retention(&self, workspace: WorkspaceId) -> Retention {
        let directory = self.workspace(workspace);
        directory.map_or_else(Retention::default, |it| it.workspace.settings.retention)
    }

    /// A file as a user finds it.
    pub async fn file_for(
        &self,
        user: UserId,
        directory: &Directory,
        id: String,
    ) -> Result<Found<File>, StoreError> {
        let item = self.store.item(directory.workspace.id, ItemKey::File(id)).await?;
        let file = match item {
            Some(Item::File(file)) => Some(file),
            Some(_) | None => None,
        };
        Ok(policy::finds_file(user, file, directory))
    }
}
