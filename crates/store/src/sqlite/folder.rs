//! The data folder: one owner at a time, and nobody else's eyes. The database holds what the server signs with, so
//! whoever reads it can forge, and whoever writes to the folder can put another database in its place.

use std::fs::{DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::{FILE_NAME, OpenError};

/// Holds the lock on the folder.
pub(super) const LOCK_FILE: &str = "lock";

/// What others may do with a file or folder, in its mode.
const OTHERS: u32 = 0o077;

/// The bit of a mode by which everybody may write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// In such a folder everybody renames and removes only what is theirs.
const STICKY: u32 = 0o1000;

/// A folder that this process owns for as long as the value lives.
#[derive(Debug)]
pub(super) struct Owned {
    /// The folder itself, without symbolic links on the way.
    pub path: PathBuf,
    _lock: File,
}

/// Makes the folder if it is not there, closes it to others and takes it for this process.
///
/// # Errors
/// When somebody else's hand is in it ([`OpenError::NotPrivate`]), another process has it, or it cannot be written to.
pub(super) fn own(folder: &Path) -> Result<Owned, OpenError> {
    let path = close(folder)?;
    let mut options = File::options();
    let lock = options.create(true).truncate(false).write(true).mode(0o600).open(path.join(LOCK_FILE))?;
    match lock.try_lock() {
        Ok(()) => Ok(Owned { path, _lock: lock }),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(std::fs::TryLockError::Error(failed)) => Err(failed.into()),
    }
}

/// Makes the folder with mode 0700, or makes sure that it and the files in it are ours alone.
fn close(folder: &Path) -> Result<PathBuf, OpenError> {
    match folder.symlink_metadata() {
        // In a folder that many write to, a link may have been put where ours is expected.
        Ok(found) if found.is_symlink() && found.uid() != 0 => mine(&found, "the link")?,
        Ok(_) => {}
        Err(failed) if failed.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        Err(failed) => return Err(failed.into()),
    }
    let path = folder.canonicalize()?;
    let found = path.metadata()?;
    if !found.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
    }
    mine(&found, "the folder")?;
    if found.mode() & OTHERS != 0 {
        let is_ours = path.join(FILE_NAME).exists() || path.read_dir()?.next().is_none();
        if !is_ours {
            return Err(OpenError::NotPrivate(format!(
                "others may look into it (mode {:03o}) and it holds files that are not Redraft's; name a folder of its \
                 own, or close this one (chmod 700)",
                found.mode() & 0o777
            )));
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o700))?;
    }
    // Nobody else comes in from here on, so what is found stays.
    close_files(&path)?;
    warn_of_parents(&path);
    Ok(path)
}

/// Takes the rights of others away from the files in a folder of ours. SQLite gives its log the mode of the database.
///
/// # Errors
/// When one of them is a link or somebody else's, or its mode cannot be changed.
pub(super) fn close_files(folder: &Path) -> Result<(), OpenError> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let found = match entry.path().symlink_metadata() {
            Ok(found) => found,
            // SQLite removes a log that it has finished.
            Err(failed) if failed.kind() == io::ErrorKind::NotFound => continue,
            Err(failed) => return Err(failed.into()),
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == LOCK_FILE || name.starts_with(FILE_NAME) {
            mine(&found, &name)?;
            if !found.is_file() {
                return Err(OpenError::NotPrivate(format!("{name} in it is no file but a link or the like")));
            }
        }
        if found.is_file() && found.mode() & OTHERS != 0 && found.uid() == me() {
            std::fs::set_permissions(entry.path(), Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

fn mine(found: &Metadata, what: &str) -> Result<(), OpenError> {
    if found.uid() == me() {
        return Ok(());
    }
    Err(OpenError::NotPrivate(format!(
        "{what} belongs to another user (uid {}); run as that user, or name a folder of your own",
        found.uid()
    )))
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whoever may write to a folder above ours can put another in its place at the next start. Containers often have such
/// folders and one user only, so it is said and not refused.
fn warn_of_parents(path: &Path) {
    for parent in path.ancestors().skip(1) {
        let open = |found: Metadata| found.mode() & (WRITABLE_BY_ALL | STICKY) == WRITABLE_BY_ALL;
        if parent.metadata().is_ok_and(open) {
            warn!(folder = %parent.display(), "everybody may write to a folder above the data folder and replace it");
        }
    }
}
