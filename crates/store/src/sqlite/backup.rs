//! Whole folders: a backup beside a running server, restoring it, and repairing a damaged folder into a new one.
//!
//! None of these may change the folder that it reads.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::copy::{PARTIAL, copy, flush_folder_of, new_file, partial};
use super::examine::{Examined, examine_database};
use super::folder::{self, LOCK_FILE, Owned};
use super::look::{Look, alone};
use super::{FILE_NAME, OpenError, rows, seal};

/// Copies a data folder into another one, which a server can open as it is: everything that was acknowledged before, as it
/// was at one moment. A server that owns the folder goes on meanwhile. The copy is read through before it gets its name.
///
/// # Errors
/// When the folder cannot be read or is damaged, the other one has something in it, or there is no room; the other one has
/// no database then.
pub fn backup(folder: &Path, into: &Path) -> Result<Examined, OpenError> {
    let look = Look::at(folder)?;
    let _lock = take_empty(into)?;
    copy_beside(folder, into)?;
    let mut found = Examined::default();
    copy(&look.db, &into.join(FILE_NAME), |copy| {
        examine_database(copy, &mut found)?;
        if found.problems.is_empty() { Ok(()) } else { Err(OpenError::Damaged(found.problems.join("; "))) }
    })?;
    found.doubts.extend(look.doubt);
    Ok(found)
}

/// Copies a backup into a folder that has nothing in it yet.
///
/// # Errors
/// As [`backup`].
pub fn restore(from: &Path, into: &Path) -> Result<Examined, OpenError> {
    backup(from, into)
}

/// What came of a repair.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repaired {
    /// Rows that were copied, by table.
    pub rows: Vec<(&'static str, u64)>,
    /// What is wrong with the folder that was read: what is named there and not below is lost.
    pub found: Examined,
    /// What is wrong with the new folder: what it names is lost for good.
    pub left: Examined,
}

/// Copies every row that is whole into a new folder. What depends on a lost one stays, and says that it cannot be read.
///
/// # Errors
/// When nothing can be read at all, the other folder has something in it, or there is no room.
pub fn repair(folder: &Path, into: &Path) -> Result<Repaired, OpenError> {
    let look = Look::at(folder)?;
    let _lock = take_empty(into)?;
    copy_beside(folder, into)?;
    let mut repaired = Repaired::default();
    repaired.found.doubts.extend(look.doubt.clone());
    let from = look.db.unchecked_transaction()?;
    examine_database(&from, &mut repaired.found)?;
    if repaired.found.schema != rows::SCHEMA_VERSION {
        return Err(OpenError::Damaged("it has an earlier schema, whose rows have no checksums; start the server on it or run `redraft migrate` first".into()));
    }
    let whole = into.join(FILE_NAME);
    let partial = partial(&whole);
    let written = write_whole_rows(&from, &partial, &mut repaired);
    if let Err(failed) = written {
        drop(std::fs::remove_file(&partial));
        return Err(failed);
    }
    std::fs::rename(&partial, &whole)?;
    flush_folder_of(&whole)?;
    Ok(repaired)
}

fn write_whole_rows(from: &Connection, partial: &Path, repaired: &mut Repaired) -> Result<(), OpenError> {
    let file = new_file(partial)?;
    let mut db = Connection::open(partial)?;
    db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let to = db.transaction()?;
    to.execute_batch(rows::SCHEMA)?;
    to.pragma_update(None, "user_version", rows::SCHEMA_VERSION)?;
    for name in tables(&to)? {
        let copied = copy_table(from, &to, &name)?;
        if let Some(table) = seal::TABLES.iter().find(|table| table.name == name) {
            repaired.rows.push((table.name, copied));
        }
    }
    // Only what could be read was written.
    rows::count_again(&to)?;
    to.commit()?;
    drop(db);
    file.sync_all()?;
    examine_database(&alone(partial)?, &mut repaired.left)?;
    Ok(())
}

fn tables(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables = statement.query_map([], |row| row.get(0))?;
    tables.collect()
}

/// Copies the rows of a table that are whole: from its beginning as far as it can be read, and then from its end.
fn copy_table(from: &Connection, to: &Connection, name: &str) -> rusqlite::Result<u64> {
    let columns = columns(from, name)?;
    let Some(key) = columns.key() else { return Ok(0) };
    let mut copied = 0;
    for direction in ["ASC", "DESC"] {
        let order = key.iter().map(|column| format!("{column} {direction}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT {} FROM {name} ORDER BY {order}", columns.all.join(", "));
        match copy_rows(from, to, name, &columns, &sql, &mut copied) {
            // There was nothing that could not be read.
            Ok(()) => break,
            Err(Stopped::Reading) => {}
            Err(Stopped::Writing(failed)) => return Err(failed),
        }
    }
    Ok(copied)
}

/// Where copying a table stopped.
enum Stopped {
    /// At what cannot be read.
    Reading,
    /// At what cannot be written.
    Writing(rusqlite::Error),
}

fn copy_rows(
    from: &Connection,
    to: &Connection,
    name: &str,
    columns: &Columns,
    sql: &str,
    copied: &mut u64,
) -> Result<(), Stopped> {
    let places = vec!["?"; columns.all.len()].join(", ");
    let insert = format!("INSERT OR IGNORE INTO {name} ({}) VALUES ({places})", columns.all.join(", "));
    let mut insert = to.prepare(&insert).map_err(Stopped::Writing)?;
    let mut statement = from.prepare(sql).map_err(|_| Stopped::Reading)?;
    let mut rows = statement.query([]).map_err(|_| Stopped::Reading)?;
    while let Some(row) = rows.next().map_err(|_| Stopped::Reading)? {
        let values = (0..columns.all.len()).map(|at| row.get_ref(at)).collect::<Result<Vec<_>, _>>();
        let Ok(values) = values else { return Err(Stopped::Reading) };
        if columns.is_whole(name, &values) {
            let values = values.into_iter().map(Value::try_from).collect::<Result<Vec<_>, _>>();
            let Ok(values) = values else { continue };
            *copied += insert.execute(params_from_iter(values)).map_err(Stopped::Writing)? as u64;
        }
    }
    Ok(())
}

/// A table's columns.
struct Columns {
    all: Vec<String>,
    /// Each column's place in the key, from 1; 0 of one that is not in it.
    in_key: Vec<usize>,
}

fn columns(db: &Connection, table: &str) -> rusqlite::Result<Columns> {
    let mut statement = db.prepare(&format!("PRAGMA table_info({table})"))?;
    let found = statement.query_map([], |row| Ok((row.get(1)?, row.get::<_, i64>(5)?)))?;
    let found: Vec<(String, i64)> = found.collect::<Result<_, _>>()?;
    let (all, in_key): (Vec<_>, Vec<i64>) = found.into_iter().unzip();
    Ok(Columns { all, in_key: in_key.into_iter().map(|at| usize::try_from(at).unwrap_or(0)).collect() })
}

impl Columns {
    /// The key's columns in their order; `None` of a table that is not there.
    fn key(&self) -> Option<Vec<&str>> {
        let mut key: Vec<(usize, &str)> = self
            .in_key
            .iter()
            .zip(&self.all)
            .filter(|(at, _)| 0 < **at)
            .map(|(at, name)| (*at, &**name))
            .collect();
        key.sort_unstable();
        (!key.is_empty()).then(|| key.into_iter().map(|(_, name)| name).collect())
    }

    /// Whether a row is what was written; of a table without checksums every one is taken for it.
    fn is_whole(&self, name: &str, values: &[ValueRef]) -> bool {
        let Some(table) = seal::TABLES.iter().find(|table| table.name == name) else { return true };
        let value =
            |column: &str| self.all.iter().position(|known| known == column).and_then(|at| values.get(at));
        let key: Option<Vec<ValueRef>> = table.key.split(", ").map(|column| value(column).copied()).collect();
        let sealed = value(table.body).and_then(|body| body.as_blob().ok());
        let row = key.as_deref().and_then(|key| seal::row_of(table.number, key));
        let body = row.zip(sealed).and_then(|(row, sealed)| Some((row, seal::unseal(row, sealed)?)));
        body.is_some_and(|(row, body)| seal::readable(row, body))
    }
}

/// Makes a folder if it is not there, and takes it. What an earlier attempt has left in it is no hindrance.
fn take_empty(folder: &Path) -> Result<Owned, OpenError> {
    match folder.read_dir() {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                if !left_by_an_attempt(&name.to_string_lossy()) {
                    return Err(OpenError::NotEmpty);
                }
            }
        }
        Err(failed) if failed.kind() == ErrorKind::NotFound => {}
        Err(failed) => return Err(failed.into()),
    }
    folder::own(folder)
}

fn left_by_an_attempt(name: &str) -> bool {
    name.ends_with(PARTIAL) || is_beside(name) || name == LOCK_FILE || name == "lost+found"
}

/// What a folder holds besides its database that a server goes on with: its own certificate authority.
fn is_beside(name: &str) -> bool {
    name.starts_with("ca") && name.ends_with(".pem")
}

fn copy_beside(folder: &Path, into: &Path) -> Result<(), OpenError> {
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        if is_beside(&name.to_string_lossy()) {
            let mut bytes = Vec::new();
            File::open(folder.join(&name))?.read_to_end(&mut bytes)?;
            let whole = into.join(name);
            let mut file = new_file(&partial(&whole))?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(partial(&whole), whole)?;
        }
    }
    Ok(())
}
