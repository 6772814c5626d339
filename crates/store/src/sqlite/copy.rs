//! A copy of a database as one file: written under another name, read through, flushed, and only then given its own.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::OpenError;

/// What the name of a copy ends with until the copy is whole. One that a crash has left is written anew.
const PARTIAL: &str = ".partial";

/// Copies a database as it is at one moment, without its log, and has the copy read through by `check`. Others may go on
/// writing to the database; until this returns their log cannot begin anew. A file that has the name already is replaced
/// at once and as a whole.
///
/// # Errors
/// When the database cannot be read, or the copy cannot be written or is not what it should be. What had the name has it
/// still.
pub(super) fn copy(
    db: &Connection,
    to: &Path,
    check: impl FnOnce(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let partial = partial(to);
    let written = write(db, &partial).and_then(|()| check(&open_copy(&partial)?));
    if let Err(failed) = written {
        // The next attempt removes it as well.
        drop(std::fs::remove_file(&partial));
        return Err(failed);
    }
    std::fs::rename(&partial, to)?;
    flush_folder_of(to)?;
    Ok(())
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// `VACUUM INTO` reads every page that is in use and leaves out those that are not, so that nothing of what was deleted
/// is in the copy. It does not flush.
fn write(db: &Connection, partial: &Path) -> Result<(), OpenError> {
    match std::fs::remove_file(partial) {
        Err(failed) if failed.kind() != ErrorKind::NotFound => return Err(failed.into()),
        _ => {}
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(partial)?;
    db.execute("VACUUM INTO ?1", [partial.to_string_lossy()])?;
    file.sync_all()?;
    Ok(())
}

/// A copy has no log, nobody else writes to it, and looking at it leaves nothing beside it.
fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

/// So that a power cut does not take a new name away again.
fn flush_folder_of(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
