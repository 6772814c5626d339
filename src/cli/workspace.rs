//! `redraft workspace`: workspaces, their settings, quotas and clocks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::control::Control;
use super::inside::Inside;
use super::terminal::{Failure, show, table};

/// A command with its verbs.
#[derive(Args)]
pub struct Workspace {
    #[command(flatten)]
    inside: Inside,
    #[command(subcommand)]
    verb: WorkspaceVerb,
}

#[derive(Subcommand)]
enum WorkspaceVerb {
    /// Lists workspaces.
    List,
    /// Makes one, from a YAML declaration or as on a first start.
    Create {
        /// The declaration.
        file: Option<PathBuf>,
    },
    /// Changes who may edit and delete for how long, and how long what is over is kept. What is not named is without
    /// limit, or as it is by default.
    Set {
        /// Seconds that people may edit their messages for.
        #[arg(long)]
        edit_window: Option<u32>,
        /// Seconds that people may delete their messages for.
        #[arg(long)]
        delete_window: Option<u32>,
        /// Only administrators delete.
        #[arg(long)]
        only_admins_delete: bool,
        /// Seconds that content of deleted messages is kept for; a day unless it is given.
        #[arg(long)]
        deleted_content: Option<u32>,
        /// Seconds that superseded revisions are kept for; as long as their message unless it is given.
        #[arg(long)]
        superseded_revisions: Option<u32>,
        /// Seconds that dead letters are kept for; 30 days unless it is given.
        #[arg(long)]
        dead_letters: Option<u32>,
        /// Seconds that ephemeral messages last; a day unless it is given.
        #[arg(long)]
        ephemeral_messages: Option<u32>,
    },
    /// Changes how much it may hold; `none` takes a quota away, and what is not named stays.
    Quota {
        /// People, without bots.
        #[arg(long, value_name = "N")]
        people: Option<String>,
        /// Apps.
        #[arg(long, value_name = "N")]
        apps: Option<String>,
        /// Channels, without direct messages.
        #[arg(long, value_name = "N")]
        channels: Option<String>,
        /// Files.
        #[arg(long, value_name = "N")]
        files: Option<String>,
        /// Messages.
        #[arg(long, value_name = "N")]
        messages: Option<String>,
        /// Bytes of content, files and attachments.
        #[arg(long, value_name = "N")]
        bytes: Option<String>,
    },
    /// Advances its clock.
    Clock {
        /// Milliseconds forward.
        advance_ms: i64,
    },
    /// Makes it again as it was declared, without messages.
    Reset,
    /// Drops it with everything in it.
    Drop,
}

impl Workspace {
    pub fn run(self) -> Result<(), Failure> {
        let inside = &self.inside;
        match self.verb {
            WorkspaceVerb::List => {
                let all = Control::open(&inside.data.data)?.call("GET", "/workspaces", &Value::Null)?;
                table(&all["workspaces"], &["id", "name", "domain", "tenant_id"]);
                Ok(())
            }
            WorkspaceVerb::Create { file } => {
                let body = file.map_or(Ok(Value::Null), |file| declaration(&file))?;
                show(&Control::open(&inside.data.data)?.call("POST", "/workspaces", &body)?)
            }
            WorkspaceVerb::Set {
                edit_window,
                delete_window,
                only_admins_delete,
                deleted_content,
                superseded_revisions,
                dead_letters,
                ephemeral_messages,
            } => {
                let settings = json!({
                    "edit_window_seconds": edit_window,
                    "delete_window_seconds": delete_window,
                    "only_admins_delete": only_admins_delete,
                    "deleted_content_seconds": deleted_content,
                    "superseded_revisions_seconds": superseded_revisions,
                    "dead_letters_seconds": dead_letters,
                    "ephemeral_messages_seconds": ephemeral_messages,
                });
                show(&inside.call("PATCH", "", &json!({ "settings": settings }))?)
            }
            WorkspaceVerb::Quota { people, apps, channels, files, messages, bytes } => {
                let given = [
                    ("people", people),
                    ("apps", apps),
                    ("channels", channels),
                    ("files", files),
                    ("messages", messages),
                    ("bytes", bytes),
                ];
                let mut quotas = Map::new();
                for (name, value) in given {
                    match value.as_deref() {
                        None => {}
                        Some("none") => drop(quotas.insert(name.into(), Value::Null)),
                        Some(number) => {
                            let number: u64 =
                                number.parse().map_err(|_| format!("--{name} is a number or none"))?;
                            quotas.insert(name.into(), number.into());
                        }
                    }
                }
                show(&inside.call("PATCH", "", &json!({ "quotas": quotas }))?)
            }
            WorkspaceVerb::Clock { advance_ms } => {
                show(&inside.call("POST", "/clock", &json!({ "advance_ms": advance_ms }))?)
            }
            WorkspaceVerb::Reset => show(&inside.call("POST", "/reset", &Value::Null)?),
            WorkspaceVerb::Drop => inside.call("DELETE", "", &Value::Null).map(drop),
        }
    }
}

fn declaration(file: &std::path::Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).map_err(|failed| format!("{}: {failed}", file.display()))?;
    redraft_server::seed::read_value(&text).map_err(|failed| format!("{}: {failed}", file.display()).into())
}
