//! From the schema of an earlier version to the present one: the old database is copied first, then all steps run in one
//! transaction. A crash leaves the old database or the new one, whole.

use std::path::{Path, PathBuf};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Transaction, params};
use tracing::info;

use super::copy::copy;
use super::engine::open_file;
use super::look::refuse_traces;
use super::seal::Table;
use super::{FILE_NAME, OpenError, check_version, folder, rows, seal};
use crate::record::{Entry, conversation_entries, decode, encode};

/// The earliest schema that is read.
pub(super) const FIRST_VERSION: i32 = 3;

/// A step of a migration. It sees what the steps before it have done, and all tables of the present schema.
type Step = fn(&Transaction) -> rusqlite::Result<()>;

/// From schema 3 to schema 4, in this order.
const TO_4: &[Step] = &[
    add_counters,
    super::blobs::own,
    super::erase::index_by_workspace,
    split_members,
    seal_every_row,
    count_usage,
];

/// What a migration did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Migrated {
    /// The schema that the database had.
    pub from: i32,
    /// The schema that it has now.
    pub to: i32,
    /// The old database as it was, beside the new one.
    pub kept: PathBuf,
}

/// Migrates the database of a folder that nobody has open; `None` if it has the present schema. Opening a folder does
/// the same.
///
/// # Errors
/// When the folder is in use, there is no database in it, or it cannot be migrated; nothing is changed then.
pub fn migrate(folder: &Path) -> Result<Option<Migrated>, OpenError> {
    let path = folder.join(FILE_NAME);
    refuse_traces(&path)?;
    if !path.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no database in it").into());
    }
    let _owned = folder::own(folder)?;
    let (_file, mut db) = open_file(&path, None, true)?;
    check_version(&db)?;
    bring_up_to_date(&mut db, &path)
}

/// Migrates an open database, if it has an earlier schema. A new file gets the present one.
pub(super) fn bring_up_to_date(db: &mut Connection, path: &Path) -> Result<Option<Migrated>, OpenError> {
    let from = rows::version(db)?;
    let to = rows::SCHEMA_VERSION;
    if from == to {
        drop_triggers(db)?;
        return Ok(None);
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    let migrated = if from == 0 { None } else { Some(Migrated { from, to, kept: keep(db, path, from)? }) };
    let transaction = db.transaction()?;
    transaction.execute_batch(rows::SCHEMA)?;
    if from == 3 {
        TO_4.iter().try_for_each(|step| step(&transaction))?;
    }
    transaction.pragma_update(None, "user_version", to)?;
    transaction.commit()?;
    if let Some(Migrated { kept, .. }) = &migrated {
        info!(from, to, kept = %kept.display(), "the database was migrated; the old one is kept");
    }
    Ok(migrated)
}

/// Every row gets its checksum.
fn seal_every_row(transaction: &Transaction) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    transaction.create_scalar_function("sealed", -1, flags, |context| {
        let key: Vec<_> = (2..context.len()).map(|at| context.get_raw(at)).collect();
        Ok(seal::of_schema_3(context.get(0)?, context.get_raw(1).as_bytes()?, &key))
    })?;
    for Table { number, name, body, key } in seal::TABLES {
        transaction.execute(&format!("UPDATE {name} SET {body} = sealed({number}, {body}, {key})"), [])?;
    }
    transaction.remove_function("sealed", -1)
}

/// Copies the old database to `redraft.schema-3.db` and the like. The copy is replaced if there is one: either an
/// earlier attempt got no further, or somebody has put the old database back and used it since.
fn keep(db: &Connection, path: &Path, version: i32) -> Result<PathBuf, OpenError> {
    let kept = path.with_file_name(format!("redraft.schema-{version}.db"));
    let expected = counts(db)?;
    copy(db, &kept, |copy| {
        let whole = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
        let same = whole == "ok" && rows::version(copy)? == version && counts(copy)? == expected;
        if same { Ok(()) } else { Err(OpenError::BadCopy) }
    })?;
    Ok(kept)
}

/// How many rows each table has.
fn counts(db: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let count = |table: String| {
        let rows = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        Ok((table, rows))
    };
    tables.into_iter().map(count).collect()
}

fn add_counters(db: &Transaction) -> rusqlite::Result<()> {
    ["messages", "content_bytes", "files"].into_iter().try_for_each(|name| {
        db.execute_batch(&format!("ALTER TABLE head ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"))
    })
}

/// Development builds of schema 4 counted by triggers.
fn drop_triggers(db: &Connection) -> rusqlite::Result<()> {
    ["message_made", "message_removed", "revision_made", "revision_changed", "revision_removed"]
        .into_iter()
        .try_for_each(|name| db.execute_batch(&format!("DROP TRIGGER IF EXISTS {name}")))
}

/// After all others, which change the size of rows.
fn count_usage(db: &Transaction) -> rusqlite::Result<()> {
    rows::count_again(db)
}

/// Takes the members out of conversations as schema 3 has them, so that a join writes a row and not all members.
fn split_members(db: &Transaction) -> rusqlite::Result<()> {
    // The second byte says which entry it is; 4 has its members inside.
    const OLD: &str = "SELECT workspace, origin, body FROM directory
        WHERE key >= x'04' AND key < x'05' AND substr(body, 2, 1) = x'04'";
    const PUT: &str =
        "INSERT OR REPLACE INTO directory (workspace, origin, key, body) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = db.prepare(OLD)?;
    let old: Vec<(u32, bool, Vec<u8>)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (workspace, origin, body) in old {
        let Some(Entry::ConversationWithMembers(conversation)) = decode(&body) else { continue };
        for entry in conversation_entries(&conversation) {
            db.prepare_cached(PUT)?.execute(params![workspace, origin, entry.key(), encode(&entry)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use redraft_model::directory::Directory;
    use redraft_model::id::{ConversationId, UserId, WorkspaceId};
    use redraft_model::workspace::{Conversation, Membership};

    use super::*;
    use crate::contract;
    use crate::record::entries;

    fn count(db: &Connection) -> i64 {
        db.query_row("SELECT count(*) FROM directory", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn conversations_of_schema_3_give_up_their_members() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(rows::SCHEMA).unwrap();
        let mut directory = contract::directory(1).renumbered(WorkspaceId(7));
        directory.put_member(ConversationId(2), UserId(4), Some(Membership::Former));
        let put = |db: &Connection, origin: bool, entry: &Entry| {
            let sql = "INSERT INTO directory (workspace, origin, key, body) VALUES (7, ?1, ?2, ?3)";
            db.execute(sql, params![origin, entry.key(), encode(entry)]).unwrap();
        };
        let mut conversations = 0;
        for entry in entries(&directory) {
            let entry = match entry {
                Entry::Conversation(bare) => {
                    conversations += 1;
                    let whole = directory.conversation(bare.id).unwrap();
                    Entry::ConversationWithMembers(Conversation::clone(whole))
                }
                Entry::Member(_) => continue,
                whole @ (Entry::Workspace(_)
                | Entry::User(_)
                | Entry::App(_)
                | Entry::ConversationWithMembers(_)
                | Entry::Token(_)
                | Entry::UserGroup(_)
                | Entry::Quotas(_)) => whole,
            };
            put(&db, false, &entry);
            put(&db, true, &entry);
        }
        let read = |db: &Connection, origin| rows::one_directory(db, WorkspaceId(7), origin).unwrap();
        let shown = |directory: Option<Directory>| format!("{:?}", entries_of(&directory.unwrap()));
        let expected = shown(Some(directory.clone()));
        let before = count(&db);
        let transaction = db.transaction().unwrap();
        split_members(&transaction).unwrap();
        seal_every_row(&transaction).unwrap();
        transaction.commit().unwrap();
        assert_eq!((shown(read(&db, false)), shown(read(&db, true))), (expected.clone(), expected));
        let known: usize = directory.conversations().map(|it| it.memberships().count()).sum();
        assert_eq!(count(&db), before + 2 * i64::try_from(known).unwrap());
        assert_eq!(conversations, 4);
    }

    fn entries_of(directory: &Directory) -> Vec<String> {
        let conversations = directory.conversations().map(|it| format!("{it:?}"));
        conversations.chain(directory.users().map(|it| format!("{it:?}"))).collect()
    }
}
