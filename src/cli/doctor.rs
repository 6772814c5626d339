//! `redraft doctor`.

use std::path::PathBuf;

use clap::Args;
use redraft_model::name::escaped;
use redraft_store::{Examined, examine, repair};

use super::data::Data;
use super::terminal::{Failure, say};

/// Reads a data folder through; changes nothing in it.
#[derive(Args)]
pub struct Doctor {
    #[command(flatten)]
    data: Data,
    /// Copies everything that is whole into this new folder, and says what is lost.
    #[arg(long, value_name = "FOLDER")]
    repair: Option<PathBuf>,
}

impl Doctor {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        let named = |failed| format!("{}: {failed}", folder.display());
        if let Some(into) = self.repair {
            let repaired = repair(&folder, &into).map_err(named)?;
            for doubt in &repaired.found.doubts {
                say(&format!("doubtful: {doubt}"));
            }
            for problem in &repaired.found.problems {
                say(&format!("found: {problem}"));
            }
            for (table, rows) in &repaired.rows {
                say(&format!("{table}: {rows} copied"));
            }
            for problem in &repaired.left.problems {
                say(&format!("lost: {problem}"));
            }
            say(&format!("what is whole is in {}", into.display()));
            return Ok(());
        }
        let found = examine(&folder).map_err(named)?;
        say(&format!("{}: {} bytes, schema {}", folder.display(), found.bytes, found.schema));
        say(&format!("workspaces: {}", escaped(&found.workspaces.join(", "))));
        for (table, rows) in &found.rows {
            say(&format!("{table}: {rows}"));
        }
        if found.is_of_earlier_version {
            say("only its structure was examined; the next start brings it up to date, or redraft migrate");
        }
        tell(&found)
    }
}

/// Says that all is well, or fails with what is not.
fn tell(found: &Examined) -> Result<(), Failure> {
    for doubt in &found.doubts {
        say(&format!("doubtful: {doubt}"));
    }
    for problem in &found.problems {
        say(&format!("wrong: {problem}"));
    }
    match (found.problems.len(), found.doubts.len()) {
        (0, 0) => {
            say("all is well");
            Ok(())
        }
        (0, _) => Err("something may be missing; it is said above".into()),
        (wrong, _) => {
            Err(format!("{wrong} things are wrong; `redraft doctor --repair FOLDER` copies what is whole")
                .into())
        }
    }
}
