//! Files for their owner's eyes.

use std::io::Write;
use std::path::Path;

use redraft_service::mint;

use crate::error::ServeError;

/// Writes a file for its owner's eyes, so that a reader finds all of it or nothing.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), ServeError> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |failed| ServeError::File(path.display().to_string(), failed);
    let beside = path.with_extension(format!("{}.new", mint::secret()));
    let write = || {
        // Others may write to the folder of a ready file: nothing that is there already is written to.
        let mut file = std::fs::File::options().create_new(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
    };
    write().map_err(failed)
}
