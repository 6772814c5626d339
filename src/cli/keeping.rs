//! `redraft backup` and `redraft restore`.

use std::path::PathBuf;

use clap::Args;
use redraft_store::{backup, restore};

use super::data::Data;
use super::terminal::{Failure, complain, say};

/// Copies a data folder, also beside a running server, into a folder that can be served or restored.
#[derive(Args)]
pub struct Backup {
    #[command(flatten)]
    data: Data,
    /// The new folder; it must not be there, or be empty.
    into: PathBuf,
}

impl Backup {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        let done = backup(&folder, &self.into).map_err(|failed| format!("{}: {failed}", folder.display()))?;
        for doubt in &done.doubts {
            complain(&format!("{}: {doubt}", folder.display()));
        }
        say(&format!("{}: a verified copy of {}", self.into.display(), folder.display()));
        Ok(())
    }
}

/// Copies a backup into a data folder that has nothing in it.
#[derive(Args)]
pub struct Restore {
    #[command(flatten)]
    data: Data,
    /// The backup.
    from: PathBuf,
}

impl Restore {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        restore(&self.from, &folder).map_err(|failed| format!("{}: {failed}", self.from.display()))?;
        say(&format!("{}: as {} has it, verified", folder.display(), self.from.display()));
        Ok(())
    }
}
