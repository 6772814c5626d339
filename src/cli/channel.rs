//! `redraft channel`: channels and who is in them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::inside::{Inside, given, segment};
use super::terminal::{Failure, show, table};

/// A command with its verbs.
#[derive(Args)]
pub struct Channel {
    #[command(flatten)]
    inside: Inside,
    #[command(subcommand)]
    verb: ChannelVerb,
}

#[derive(Subcommand)]
enum ChannelVerb {
    /// Lists channels and direct messages.
    List,
    /// Adds a channel.
    Create {
        /// Name without `#`.
        name: String,
        /// Seen by members only.
        #[arg(long)]
        private: bool,
        /// People in it, by name; everyone by default.
        #[arg(long, value_delimiter = ',')]
        members: Option<Vec<String>>,
    },
    /// Archives or unarchives a channel, or changes who is in it.
    Set {
        /// Which, by name or id.
        channel: String,
        /// Archived or not.
        #[arg(long)]
        archived: Option<bool>,
        /// Adds a person or bot, by name or id.
        #[arg(long)]
        add: Option<String>,
        /// Removes a person or bot.
        #[arg(long)]
        remove: Option<String>,
    },
}

impl Channel {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            ChannelVerb::List => {
                let all = self.inside.all("channels")?;
                table(&all, &["name", "id", "kind", "archived", "conversation_id"]);
                Ok(())
            }
            ChannelVerb::Create { name, private, members } => {
                let body = given([
                    ("name", Some(json!(name))),
                    ("private", Some(json!(private))),
                    ("members", members.map(Value::from)),
                ]);
                show(&self.inside.call("POST", "/channels", &body)?)
            }
            ChannelVerb::Set { channel, archived, add, remove } => {
                let (control, workspace) = self.inside.open()?;
                let path = format!("{workspace}/channels/{}", segment(channel.trim_start_matches('#')));
                let mut last = Value::Null;
                if let Some(archived) = archived {
                    last = control.call("PATCH", &path, &json!({ "archived": archived }))?;
                }
                for (verb, member) in [("PUT", add), ("DELETE", remove)] {
                    if let Some(member) = member {
                        last = control.call(
                            verb,
                            &format!("{path}/members/{}", segment(&member)),
                            &Value::Null,
                        )?;
                    }
                }
                show(&last)
            }
        }
    }
}
