//! `redraft migrate`.

use clap::Args;
use redraft_store::migrate;

use super::data::Data;
use super::terminal::{Failure, say};

/// Migrates a data folder of an earlier version, as `serve` does when it opens one.
#[derive(Args)]
pub struct Migrate {
    #[command(flatten)]
    data: Data,
}

impl Migrate {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        match migrate(&folder).map_err(|failed| format!("{}: {failed}", folder.display()))? {
            Some(done) => {
                say(&format!("{}: migrated from schema {} to {}", folder.display(), done.from, done.to));
                say(&format!("the old database is kept as {}", done.kept.display()));
            }
            None => say(&format!("{}: has the present schema; there is nothing to do", folder.display())),
        }
        Ok(())
    }
}
