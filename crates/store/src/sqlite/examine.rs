//! What `redraft doctor` looks at.

use std::path::Path;

use rusqlite::Connection;

use redraft_model::time::Ts;

use super::packed::Row;
use super::seal::{self, Table};
use super::{FILE_NAME, OpenError, check_version, connection, folder, rows};

/// What was found in a data folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Examined {
    /// Workspaces, by name.
    pub workspaces: Vec<String>,
    /// Rows that readers and the committer use, by table.
    pub rows: Vec<(&'static str, i64)>,
    /// Bytes of the database and its log.
    pub bytes: u64,
    /// One sentence for each thing that is wrong; empty if all is well.
    pub problems: Vec<String>,
}

/// Reads a data folder through and checks that it is whole. Changes nothing.
///
/// # Errors
/// When the folder is in use or the database cannot be opened at all.
pub fn examine(folder: &Path) -> Result<Examined, OpenError> {
    let path = folder.join(FILE_NAME);
    if !path.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "there is no database in it").into());
    }
    let _owned = folder::own(folder)?;
    let db = connection(&path, None, false)?;
    check_version(&db)?;
    let mut found = Examined { bytes: bytes(folder), ..Examined::default() };
    let mut statement = db.prepare("PRAGMA quick_check")?;
    let checks: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    found.problems.extend(checks.into_iter().filter(|check| check != "ok"));
    match rows::directories(&db) {
        Ok(directories) => {
            found.workspaces = directories.all().map(|directory| directory.workspace.name.clone()).collect();
        }
        Err(_) => found.problems.push("a workspace's directory cannot be read".into()),
    }
    for table in ["message", "revision", "log", "gone", "remembered"] {
        found
            .rows
            .push((table, db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?));
    }
    found.problems.extend(check_rows(&db)?);
    Ok(found)
}

fn bytes(folder: &Path) -> u64 {
    let files = [FILE_NAME, "redraft.db-wal"];
    files.iter().filter_map(|name| folder.join(name).metadata().ok()).map(|file| file.len()).sum()
}

/// Every row can be read, every living message has its content, every log is without gaps.
fn check_rows(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut wordless = 0_u64;
    let mut statement = db.prepare("SELECT body, place, line, ts FROM message")?;
    let mut messages = statement.query([])?;
    while let Some(row) = messages.next()? {
        let (place, line): (i64, i64) = (row.get(1)?, row.get(2)?);
        let key = rows::key(place, Ts(row.get(3)?));
        match rows::unpacked(row.get_ref(0)?.as_blob()?, key, line) {
            Ok(Row::Message(message)) if message.revision().is_some() => {
                let words = rows::content(db, message.key.workspace, message.content_at).ok().flatten();
                wordless += u64::from(words.is_none());
            }
            Ok(_) | Err(_) => {}
        }
    }
    let mut damaged = 0;
    for table in &seal::TABLES {
        damaged += unreadable(db, table)?;
    }
    if 0 < damaged {
        problems.push(format!("{damaged} rows cannot be read"));
    }
    if 0 < wordless {
        problems.push(format!("{wordless} messages have no content"));
    }
    let gaps: i64 = db.query_row(
        "SELECT count(*) FROM (SELECT spot >> 40 AS workspace, max(spot & 1099511627775) AS last, count(*) AS entries
            FROM log GROUP BY workspace)
            WHERE last <> entries AND workspace NOT IN (SELECT workspace FROM dropped)",
        [],
        |row| row.get(0),
    )?;
    if 0 < gaps {
        problems.push(format!("the logs of {gaps} workspaces have gaps"));
    }
    Ok(problems)
}

/// How many rows of a table are not what was written.
fn unreadable(db: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let Table { number, name, body, key } = table;
    let mut statement = db.prepare(&format!("SELECT {body}, {key} FROM {name}"))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(found) = rows.next()? {
        let key: Vec<_> = (1..columns).map(|at| found.get_ref(at)).collect::<Result<_, _>>()?;
        let row = seal::row_of(*number, &key);
        let sealed = found.get_ref(0)?.as_blob()?;
        let body = row.and_then(|row| seal::unseal(row, sealed).filter(|body| seal::readable(row, body)));
        count += u64::from(body.is_none());
    }
    Ok(count)
}
