//! `redraft doctor`.

use clap::Args;
use redraft_model::name::escaped;
use redraft_store::examine;

use super::{Data, Failure, say};

/// Reads a data folder through; changes nothing.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    data: Data,
}

impl Doctor {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        let found = examine(&folder).map_err(|failed| format!("{}: {failed}", folder.display()))?;
        say(&format!("{}: {} bytes", folder.display(), found.bytes));
        say(&format!("workspaces: {}", escaped(&found.workspaces.join(", "))));
        for (table, rows) in &found.rows {
            say(&format!("{table}: {rows}"));
        }
        if found.problems.is_empty() {
            say("all is well");
            return Ok(());
        }
        Err(found.problems.join("; ").into())
    }
}
