//! A folder looked at from outside: beside the process that owns it, or while nobody does. Nothing in it is changed, its
//! log least of all.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::folder::LOCK_FILE;
use super::wal::{self, Log};
use super::{FILE_NAME, OpenError, check_version};

/// How often a log that is being written is read again when its end looks broken.
const LOOKS: usize = 5;

/// A folder that is looked at.
pub(super) struct Look {
    /// For reading; sees what was committed when its transaction begins.
    pub db: Connection,
    /// What is doubtful about the log, in words. It was examined before SQLite saw it.
    pub doubt: Option<String>,
    /// Nobody else may take the folder meanwhile; `None` if somebody has.
    _lock: Option<File>,
}

impl Look {
    /// Looks at a folder.
    ///
    /// # Errors
    /// When there is no database in it, or none that this version reads.
    pub fn at(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE_NAME);
        refuse_traces(&path)?;
        if !path.is_file() {
            return Err(std::io::Error::new(ErrorKind::NotFound, "there is no database in it").into());
        }
        let (lock, owned) = try_own(folder)?;
        let doubt = doubt(&wal::path_of(&path), owned)?;
        let has_log = wal::path_of(&path).metadata().is_ok_and(|log| 0 < log.len());
        let db = if owned || has_log { beside(&path)? } else { alone(&path)? };
        check_version(&db)?;
        Ok(Self { db, doubt, _lock: lock })
    }
}

/// The lock of a folder if nobody has it, and whether somebody has.
fn try_own(folder: &Path) -> Result<(Option<File>, bool), OpenError> {
    let lock = match File::options().write(true).open(folder.join(LOCK_FILE)) {
        // Nobody ever owned it, or it cannot be written to, and then nobody else does.
        Err(failed) if matches!(failed.kind(), ErrorKind::NotFound | ErrorKind::ReadOnlyFilesystem) => {
            return Ok((None, false));
        }
        opened => opened?,
    };
    match lock.try_lock() {
        Ok(()) => Ok((Some(lock), false)),
        Err(std::fs::TryLockError::WouldBlock) => Ok((None, true)),
        Err(std::fs::TryLockError::Error(failed)) => Err(failed.into()),
    }
}

/// What is doubtful about a log. Of one that is being written the end may look broken for a moment.
fn doubt(wal: &Path, written: bool) -> std::io::Result<Option<String>> {
    let mut before: Option<Log> = None;
    for _ in 0..LOOKS {
        let log = wal::examine(wal)?;
        let doubt = log.doubt();
        if doubt.is_none() || !written || before.as_ref() == Some(&log) {
            return Ok(doubt);
        }
        before = Some(log);
    }
    Ok(None)
}

/// A connection beside others, or to a log that its writer left. One for reading never brings the log over, also when it
/// is the last to close.
fn beside(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}

/// A connection to a database without a log that nobody writes to. It makes no files beside it.
pub(super) fn alone(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(uri(path.as_os_str()), flags)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}

fn uri(path: &OsStr) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let escaped =
        |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    let path: String = path.as_bytes().iter().map(escaped).collect();
    format!("file:{path}?immutable=1")
}

/// Refuses a folder that had a database before and has none now: a new one would hide that something is lost.
pub(super) fn refuse_traces(path: &Path) -> Result<(), OpenError> {
    match path.metadata() {
        Ok(database) if database.len() == 0 => return Err(OpenError::Lost("the database is empty")),
        Ok(_) => return Ok(()),
        Err(failed) if failed.kind() != ErrorKind::NotFound => return Err(failed.into()),
        Err(_) => {}
    }
    if wal::path_of(path).exists() {
        return Err(OpenError::Lost("there is the log of a database, but no database"));
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    let entries = match folder.read_dir() {
        Err(failed) if failed.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("redraft.schema-") && name.ends_with(".db") {
            return Err(OpenError::Lost("there is the copy that a migration kept, but no database"));
        }
    }
    Ok(())
}
