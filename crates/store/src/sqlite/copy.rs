//! A copy of a database as one file: written under another name, read through, flushed, and only then given its own.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::OpenError;
use super::look::alone;

/// What the name of a copy ends with until the copy is whole. One that a crash has left is written anew.
pub(super) const PARTIAL: &str = ".partial";

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
    let written = write(db, &partial).and_then(|()| check(&alone(&partial)?));
    if let Err(failed) = written {
        // The next attempt removes it as well.
        drop(std::fs::remove_file(&partial));
        return Err(failed);
    }
    std::fs::rename(&partial, to)?;
    flush_folder_of(to)?;
    Ok(())
}

/// The name of a copy until it is whole.
pub(super) fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// `VACUUM INTO` reads every page that is in use and leaves out those that are not, so that nothing of what was deleted
/// is in the copy. It does not flush.
fn write(db: &Connection, partial: &Path) -> Result<(), OpenError> {
    let file = new_file(partial)?;
    db.execute("VACUUM INTO ?1", [partial.to_string_lossy()])?;
    file.sync_all()?;
    Ok(())
}

/// So that a power cut does not take a new name away again.
pub(super) fn flush_folder_of(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A new file that its owner alone reads, in place of one that an earlier attempt has left.
///
/// # Errors
/// When it cannot be made.
pub(super) fn new_file(path: &Path) -> std::io::Result<File> {
    match std::fs::remove_file(path) {
        Err(failed) if failed.kind() != ErrorKind::NotFound => return Err(failed),
        _ => {}
    }
    File::options().write(true).create_new(true).mode(0o600).open(path)
}
