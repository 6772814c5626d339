//! From the schema of an earlier version to the present one: the old database is copied first, then all steps run in one
//! transaction. A crash leaves the old database or the new one, whole.

use std::path::{Path, PathBuf};

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Transaction};
use tracing::info;

use super::copy::copy;
use super::engine::open_file;
use super::seal::Table;
use super::{FILE_NAME, OpenError, check_version, folder, rows, seal};

/// The earliest schema that is read.
pub(super) const FIRST_VERSION: i32 = 3;

/// A step of a migration. It sees what the steps before it have done, and all tables of the present schema.
type Step = fn(&Transaction) -> rusqlite::Result<()>;

/// From schema 3 to schema 4, in this order.
const TO_4: &[Step] = &[super::blobs::own, seal_every_row];

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
        Ok(seal::of_schema_3(context.get(0)?, context.get_raw(1).as_blob()?, &key))
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
