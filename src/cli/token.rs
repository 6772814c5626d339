//! `redraft token`: tokens of apps, and that of the control API.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::inside::{Inside, given, segment};
use super::terminal::{Failure, show, table};

/// A command with its verbs.
#[derive(Args)]
pub struct Token {
    #[command(flatten)]
    inside: Inside,
    #[command(subcommand)]
    verb: TokenVerb,
}

#[derive(Subcommand)]
enum TokenVerb {
    /// Lists tokens, without the secrets.
    List,
    /// Makes a token of an app and shows it, this once.
    Create {
        /// Which app, by name or id.
        app: String,
        /// For whom, by name; by default the app's bot.
        #[arg(long)]
        user: Option<String>,
        /// What it may do; everything by default.
        #[arg(long, value_delimiter = ',')]
        scopes: Option<Vec<String>>,
    },
    /// Puts a new token in the place of an old one.
    Rotate {
        /// Its id, or itself.
        token: String,
    },
    /// Puts a new token of the control API in the old one's place and shows it, this once. Both end with the server.
    Control {
        /// How long the old one stays good, in seconds of the machine's clock; a day by default.
        #[arg(long, conflicts_with = "withdraw_old")]
        old_valid_seconds: Option<u32>,
        /// Makes no new one, and ends the old one now.
        #[arg(long)]
        withdraw_old: bool,
    },
    /// Ends a token.
    Revoke {
        /// Its id, or itself.
        token: String,
    },
}

impl Token {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            TokenVerb::List => {
                let all = self.inside.all("tokens")?;
                table(&all, &["id", "hint", "kind", "app", "user", "revoked"]);
                Ok(())
            }
            TokenVerb::Create { app, user, scopes } => {
                let body = given([
                    ("app", Some(json!(app))),
                    ("user", user.map(Value::from)),
                    ("scopes", scopes.map(Value::from)),
                ]);
                show(&self.inside.call("POST", "/tokens", &body)?)
            }
            TokenVerb::Rotate { token } => show(&self.inside.call(
                "POST",
                &format!("/tokens/{}/rotate", segment(&token)),
                &Value::Null,
            )?),
            TokenVerb::Control { withdraw_old: true, .. } => {
                let (control, _) = self.inside.open()?;
                control.call("DELETE", "/token/old", &Value::Null).map(drop)
            }
            TokenVerb::Control { old_valid_seconds, withdraw_old: false } => {
                let (control, _) = self.inside.open()?;
                let body = given([("old_valid_seconds", old_valid_seconds.map(Value::from))]);
                show(&control.call("POST", "/token/rotate", &body)?)
            }
            TokenVerb::Revoke { token } => {
                self.inside.call("DELETE", &format!("/tokens/{}", segment(&token)), &Value::Null).map(drop)
            }
        }
    }
}
