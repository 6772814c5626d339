//! Where the data is.

use std::path::PathBuf;

use clap::Args;

/// The option that names the data folder.
#[derive(Args)]
pub struct Data {
    /// The data folder.
    #[arg(long, env = "REDRAFT_DATA", default_value = "redraft-data", global = true)]
    pub data: PathBuf,
}
