//! `redraft key`: a new key in the old one's place, in steps that leave bots time to fetch it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::control::Control;
use super::data::Data;
use super::terminal::{Failure, say};

/// A command with its verbs.
#[derive(Args)]
pub struct Key {
    #[command(flatten)]
    data: Data,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Lists keys and what each is for.
    List,
    /// Makes a new key and shows it to bots. Bots fetch keys once a day, so wait a day before it is used.
    Publish,
    /// Signs with the new key from here on; what the old one signed stays valid.
    Use,
    /// Withdraws the old key; what it signed is no longer valid. Tokens last an hour, so wait as long.
    Retire,
}

impl Key {
    pub fn run(self) -> Result<(), Failure> {
        let control = Control::open(&self.data.data)?;
        let step = match self.verb {
            Verb::List => None,
            Verb::Publish => Some("publish"),
            Verb::Use => Some("use"),
            Verb::Retire => Some("retire"),
        };
        let keys = match step {
            None => control.call("GET", "/authority", &Value::Null)?,
            Some(step) => control.call("POST", "/authority/rotate", &json!({ "step": step }))?,
        };
        for key in keys["keys"].as_array().into_iter().flatten() {
            say(&format!(
                "{}  {}",
                key["kid"].as_str().unwrap_or_default(),
                key["state"].as_str().unwrap_or_default()
            ));
        }
        Ok(())
    }
}
