//! `redraft user`: people.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::inside::{Inside, given, segment};
use super::terminal::{Failure, show, table};

/// A command with its verbs.
#[derive(Args)]
pub struct User {
    #[command(flatten)]
    inside: Inside,
    #[command(subcommand)]
    verb: UserVerb,
}

#[derive(Subcommand)]
enum UserVerb {
    /// Lists people.
    List,
    /// Adds a person.
    Create {
        /// Short name.
        name: String,
        /// Full name.
        #[arg(long)]
        real_name: Option<String>,
        /// Mail address.
        #[arg(long)]
        email: Option<String>,
        /// Administrator.
        #[arg(long)]
        admin: bool,
    },
    /// Changes a person, by name or id.
    Set {
        /// Who.
        user: String,
        /// Administrator or not.
        #[arg(long)]
        admin: Option<bool>,
        /// Deactivated or not.
        #[arg(long)]
        deactivated: Option<bool>,
        /// Full name.
        #[arg(long)]
        real_name: Option<String>,
        /// Mail address.
        #[arg(long)]
        email: Option<String>,
    },
}

impl User {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            UserVerb::List => {
                let all = self.inside.all("people")?;
                table(&all, &["name", "id", "admin", "deactivated", "email", "real_name"]);
                Ok(())
            }
            UserVerb::Create { name, real_name, email, admin } => {
                let body = given([
                    ("name", Some(json!(name))),
                    ("real_name", real_name.map(Value::from)),
                    ("email", email.map(Value::from)),
                    ("admin", Some(json!(admin))),
                ]);
                show(&self.inside.call("POST", "/people", &body)?)
            }
            UserVerb::Set { user, admin, deactivated, real_name, email } => {
                let body = given([
                    ("admin", admin.map(Value::from)),
                    ("deactivated", deactivated.map(Value::from)),
                    ("real_name", real_name.map(Value::from)),
                    ("email", email.map(Value::from)),
                ]);
                show(&self.inside.call("PATCH", &format!("/people/{}", segment(&user)), &body)?)
            }
        }
    }
}
