//! `redraft purge`.

use std::borrow::Cow;

use clap::Args;
use redraft_model::name::escaped;
use serde_json::Value;

use super::control::Control;
use super::data::Data;
use super::terminal::{Failure, say};

/// Erases now what may be erased now: content of what was deleted, however long the workspace would keep it. Says what
/// waits, and for whom.
#[derive(Args)]
pub struct Purge {
    #[command(flatten)]
    data: Data,
}

impl Purge {
    pub fn run(self) -> Result<(), Failure> {
        let folder = self.data.data;
        let done = Control::open(&folder)?.call("POST", "/purge", &Value::Null)?;
        say(&format!("erased: {}", done["erased"]));
        for waiting in done["waiting"].as_array().into_iter().flatten() {
            let (workspace, deletions) = (text(waiting, "workspace"), &waiting["deletions"]);
            say(&format!("{workspace}: content of {deletions} deletions waits for"));
            for app in waiting["apps"].as_array().into_iter().flatten() {
                say(&format!("  {} ({}): {}", text(app, "app"), text(app, "name"), text(app, "why")));
            }
        }
        for kept in kept_copies(&folder)? {
            let kept = escaped(&kept);
            say(&format!(
                "{kept} is a copy of the database as it was, and is not changed; remove it if you need it no more"
            ));
        }
        match done["log_emptied"].as_bool() {
            Some(true) => Ok(()),
            _ => Err("the log could not be emptied, since somebody reads from it; try again".into()),
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Cow<'a, str> {
    escaped(value[name].as_str().unwrap_or_default())
}

/// Databases that migrations kept.
fn kept_copies(folder: &std::path::Path) -> Result<Vec<String>, Failure> {
    let mut kept = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("redraft.schema-") {
            kept.push(name);
        }
    }
    kept.sort();
    Ok(kept)
}
