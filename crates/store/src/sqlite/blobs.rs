//! Bytes that items own: kept under a key of their item's own, counted, and erased when the item is removed.

use std::collections::HashSet;

use redraft_model::id::WorkspaceId;
use redraft_model::item::{Attachment, BlobKey, Item, ItemKey, View};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::engine::SqliteEngine;
use super::seal::{Row, seal};
use crate::record::{decode, encode, item_key};

impl SqliteEngine {
    pub(super) fn put_blob(
        &self,
        workspace: WorkspaceId,
        key: &BlobKey,
        bytes: &[u8],
    ) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO blob (workspace, digest, bytes) VALUES (?1, ?2, ?3)";
        // A key that is used again was removed before, and is not yet erased.
        self.write(
            "DELETE FROM unnamed_blob WHERE workspace = ?1 AND digest = ?2",
            params![workspace.0, key],
        )?;
        self.write("DELETE FROM blob WHERE workspace = ?1 AND digest = ?2", params![workspace.0, key])?;
        let sealed = seal(Row::Blob(i64::from(workspace.0), key), bytes.to_vec());
        self.write(SQL, params![workspace.0, key, sealed])?;
        self.count_blob(workspace, i64::try_from(bytes.len()).unwrap_or(i64::MAX))
    }

    /// Nothing names it any more; the sweeper erases it.
    pub(super) fn remove_blob(
        &self,
        workspace: WorkspaceId,
        key: &BlobKey,
        size: u64,
    ) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT OR IGNORE INTO unnamed_blob (workspace, digest) VALUES (?1, ?2)";
        self.write(SQL, params![workspace.0, key])?;
        self.count_blob(workspace, i64::try_from(size).map_or(i64::MIN, |size| -size))
    }

    fn count_blob(&self, workspace: WorkspaceId, bytes: i64) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT INTO blob_sum (workspace, bytes) VALUES (?1, max(?2, 0))
            ON CONFLICT (workspace) DO UPDATE SET bytes = max(bytes + ?2, 0)";
        self.write(SQL, params![workspace.0, bytes]).map(drop)
    }
}

/// Until schema 3 blobs lay under their digests, which several things could name. Gives every file and every attachment
/// bytes of its own, and leaves out what nothing names.
pub(super) fn own(db: &Transaction) -> rusqlite::Result<()> {
    db.execute_batch(
        "ALTER TABLE blob RENAME TO shared_blob;
        CREATE TABLE blob (workspace INTEGER NOT NULL, digest BLOB NOT NULL, bytes BLOB NOT NULL,
            PRIMARY KEY (workspace, digest))",
    )?;
    let of_files = own_files(db)?;
    own_attachments(db, &of_files)?;
    db.execute_batch(
        "DROP TABLE shared_blob;
        INSERT INTO blob_sum SELECT workspace, sum(length(bytes)) FROM blob GROUP BY workspace",
    )
}

/// Returns the digests that files named.
fn own_files(db: &Connection) -> rusqlite::Result<HashSet<(u32, BlobKey)>> {
    let mut named = HashSet::new();
    let mut statement =
        db.prepare("SELECT workspace, key, body FROM item WHERE substr(key, 1, 1) = x'05'")?;
    let mut files = statement.query([])?;
    while let Some(row) = files.next()? {
        let (workspace, key): (u32, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let Some(Item::File(mut file)) = decode(row.get_ref(2)?.as_blob()?) else { continue };
        named.extend(file.blob.map(|digest| (workspace, digest)));
        file.blob = match file.blob.filter(|_| !file.deleted) {
            Some(digest) => copy(db, workspace, &digest)?.map(|(key, _)| key),
            None => None,
        };
        const SQL: &str = "UPDATE item SET body = ?3, kept_until = ?4 WHERE workspace = ?1 AND key = ?2";
        let item = Item::File(file);
        db.execute(SQL, params![workspace, key, encode(&item), item.kept_until().map(|end| end.0)])?;
    }
    Ok(named)
}

/// An attachment was a blob of JSON with the digests of its views. One that names the bytes of a file is none: its views
/// were never handed in with it.
fn own_attachments(db: &Connection, of_files: &HashSet<(u32, BlobKey)>) -> rusqlite::Result<()> {
    let mut statement = db.prepare(
        "SELECT workspace, lower(hex(digest)), json ->> '$.name', json ->> '$.kind',
                unhex(json ->> '$.original.digest'), unhex(json ->> '$.thumbnail.digest')
            FROM (SELECT workspace, digest, CAST(bytes AS TEXT) AS json FROM shared_blob
                WHERE length(bytes) < 8192 AND CAST(substr(bytes, 1, 8) AS TEXT) = '{\"name\":')
            WHERE json_valid(json) AND json_type(json, '$.kind') = 'text'
                AND json_type(json, '$.original.digest') = 'text'",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (workspace, id): (u32, String) = (row.get(0)?, row.get(1)?);
        let view = |digest: Option<Vec<u8>>| -> rusqlite::Result<Option<View>> {
            let digest = digest.and_then(|digest| BlobKey::try_from(digest).ok());
            let digest = digest.filter(|digest| !of_files.contains(&(workspace, *digest)));
            let Some(digest) = digest else { return Ok(None) };
            Ok(copy(db, workspace, &digest)?.map(|(blob, size)| View { blob, size }))
        };
        let Some(original) = view(row.get(4)?)? else { continue };
        let attachment = Attachment {
            conversation: None,
            name: row.get(2)?,
            kind: row.get(3)?,
            original,
            thumbnail: view(row.get(5)?)?,
            names: 0,
            unnamed_since: None,
        };
        const SQL: &str = "INSERT OR IGNORE INTO item (workspace, key, body) VALUES (?1, ?2, ?3)";
        let key = item_key(&ItemKey::Attachment(id));
        db.execute(SQL, params![workspace, key, encode(&Item::Attachment(attachment))])?;
    }
    Ok(())
}

/// Copies shared bytes to a key that nothing else has.
fn copy(db: &Connection, workspace: u32, digest: &BlobKey) -> rusqlite::Result<Option<(BlobKey, u64)>> {
    const SQL: &str = "INSERT INTO blob (workspace, digest, bytes)
        SELECT workspace, randomblob(32), bytes FROM shared_blob WHERE workspace = ?1 AND digest = ?2
        RETURNING digest, length(bytes)";
    let copied =
        db.query_row(SQL, params![workspace, digest], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)));
    Ok(copied.optional()?.map(|(key, size)| (key, u64::try_from(size).unwrap_or(0))))
}
