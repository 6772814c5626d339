//! The database file opened: made if it is not there, and its connection set up.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;
use tracing::warn;

use super::Wal;
use crate::sqlite::copy::{flush_folder_of, new_file, partial};
use crate::sqlite::wal::Beside;
use crate::sqlite::{OpenError, rows, wal};

/// Opens a database whose folder this process owns. Its log is hardened first: a process that has ended may have left in
/// memory what a failed flush kept from the disk. The file is to be dropped after the connection.
pub(in crate::sqlite) fn open_file(
    path: &Path,
    vfs: Option<&str>,
    heals: bool,
) -> Result<(Beside, Connection), OpenError> {
    crate::sqlite::look::refuse_traces(path)?;
    if !path.exists() {
        make_new(path, vfs)?;
    }
    let log = wal::examine(&wal::path_of(path))?;
    if let Some(doubt) = log.doubt() {
        warn!(doubt, "the log of the process before");
    }
    if heals {
        wal::harden(path, vfs, &log)?;
    }
    let db = crate::sqlite::connection(path, vfs, false)?;
    let file = Beside::open(path, vfs)?;
    Ok((file, db))
}

/// Makes an empty database under another name, which becomes its own when it is whole: a crash leaves none, or one that
/// opens.
fn make_new(path: &Path, vfs: Option<&str>) -> Result<(), OpenError> {
    let partial = partial(path);
    let file = new_file(&partial)?;
    let mut db = crate::sqlite::plain_connection(&partial, vfs, false)?;
    db.pragma_update(None, "journal_mode", "MEMORY")?;
    let transaction = db.transaction()?;
    transaction.execute_batch(rows::SCHEMA)?;
    transaction.pragma_update(None, "user_version", rows::SCHEMA_VERSION)?;
    transaction.commit()?;
    drop(db);
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    Ok(flush_folder_of(path)?)
}

pub(super) fn prepare(mut db: Connection, wal: &Arc<Wal>) -> rusqlite::Result<Connection> {
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "cache_size", -40 * 1024)?;
    db.set_prepared_statement_cache_capacity(64);
    let wal = Arc::clone(wal);
    db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, frames: i32| {
        wal.frames.store(u64::try_from(frames).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok(db)
}
