//! `redraft app import`: an app as its manifest has it.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use redraft_model::name::escaped;
use redraft_server::manifest::slack::WEBHOOK_SCOPE;
use redraft_server::manifest::{self, BYTES_MAX, Manifest, SlackManifest, TeamsManifest};
use serde_json::{Value, json};

use super::control::Control;
use super::inside::{Inside, of_app};
use super::settings;
use super::terminal::{Failure, complain, say};

/// What is imported, and what the manifest does not say.
#[derive(Args)]
pub struct Import {
    /// Slack's manifest, YAML or JSON, or the `manifest.json` of Teams.
    manifest: PathBuf,
    /// Slack: the app that changes to what the manifest says, by name or id, instead of a new one; it keeps its tokens.
    #[arg(long)]
    app: Option<String>,
    /// Slack: who installs it, by name; with it the app gets the user token that it asks for. By default the first who is
    /// not an administrator.
    #[arg(long, conflicts_with = "app")]
    installed_by: Option<String>,
    /// Slack: the channel of an incoming webhook, by name.
    #[arg(long)]
    webhook_channel: Option<String>,
    /// Channels that the bot is in, by name; `general` by default.
    #[arg(long, value_delimiter = ',', conflicts_with = "app")]
    channels: Option<Vec<String>>,
    /// Teams: the bot's password; made by the server by default.
    #[arg(long)]
    password: Option<String>,
    /// Where the app receives events, such as `http://127.0.0.1:3978/api/messages`; of a Slack app, instead of what its
    /// manifest says.
    #[arg(long)]
    endpoint: Option<String>,
}

impl Import {
    pub fn run(self, inside: &Inside) -> Result<(), Failure> {
        let manifest = open(&self.manifest)?;
        let (control, path) = inside.open()?;
        let workspace = control.call("GET", &path, &Value::Null)?;
        match manifest {
            Manifest::Slack(manifest) => self.slack(*manifest, &control, &path, &workspace),
            Manifest::Teams(manifest) => self.teams(&manifest, &control, &path, &workspace),
        }
    }

    fn slack(
        self,
        mut manifest: SlackManifest,
        control: &Control,
        path: &str,
        workspace: &Value,
    ) -> Result<(), Failure> {
        if self.password.is_some() {
            return Err("--password is for Teams; a Slack app has tokens".into());
        }
        if self.webhook_channel.is_some() && !manifest.asks_for_webhooks() {
            return Err(format!("--webhook-channel needs the scope {WEBHOOK_SCOPE} in the manifest").into());
        }
        for warning in &manifest.warnings {
            complain(&format!("{}: {warning}", self.manifest.display()));
        }
        manifest.endpoint = self.endpoint.or(manifest.endpoint);
        let mut body = serde_json::to_value(&manifest)?;
        let mut has_webhook = self.webhook_channel.is_some();
        let shown = match &self.app {
            Some(app) => {
                // The bot's name stays what it is.
                body.as_object_mut().map(|members| members.remove("bot_name"));
                let mut shown = control.call("PATCH", &format!("{path}{}", of_app(app, "")), &body)?;
                has_webhook |= shown["webhooks"].as_array().is_some_and(|hooks| !hooks.is_empty());
                shown["webhooks"] = match &self.webhook_channel {
                    Some(channel) => {
                        let hook = json!({ "channel": channel });
                        json!([control.call(
                            "POST",
                            &format!("{path}{}", of_app(app, "/webhooks")),
                            &hook
                        )?])
                    }
                    None => Value::Null,
                };
                shown
            }
            None => {
                body["kind"] = "slack".into();
                body["installed_by"] = self.installed_by.into();
                body["channels"] = self.channels.into();
                let hooks = self.webhook_channel.iter().map(|channel| json!({ "channel": channel }));
                body["webhooks"] = hooks.collect();
                control.call("POST", &format!("{path}/apps"), &body).map_err(taken)?
            }
        };
        let done = if self.app.is_some() { "changed; its tokens are what they were" } else { "registered" };
        let (app, place) = (escaped(&manifest.name), escaped(text(&workspace["name"])));
        say(&format!("# {app} ({}) in {place}: {done}", escaped(text(&shown["id"]))));
        say(&settings::of_slack(&shown, workspace, manifest.socket_mode));
        if manifest.asks_for_webhooks() && !has_webhook {
            say(&format!(
                "# It asks for incoming webhooks: redraft app webhook {} CHANNEL",
                escaped(text(&shown["id"]))
            ));
        }
        Ok(())
    }

    fn teams(
        self,
        manifest: &TeamsManifest,
        control: &Control,
        path: &str,
        workspace: &Value,
    ) -> Result<(), Failure> {
        for (option, given) in [
            ("--app", self.app.is_some()),
            ("--installed-by", self.installed_by.is_some()),
            ("--webhook-channel", self.webhook_channel.is_some()),
        ] {
            if given {
                return Err(format!("{option} is for Slack apps").into());
            }
        }
        let mut body = manifest.registration(self.password.as_deref(), self.endpoint.as_deref());
        if let Some(channels) = self.channels {
            body["channels"] = channels.into();
        }
        let made = control.call("POST", &format!("{path}/apps"), &body)?;
        let received = if manifest.reads_all {
            "every message where it is installed"
        } else {
            "messages that mention it"
        };
        let [name, place] = [&made["name"], &workspace["name"]].map(Value::to_string);
        say(&format!("# Registered {} in {}; it receives {received}.", escaped(&name), escaped(&place)));
        say(&format!("# Its password, shown this once: {}", escaped(text(&made["app_password"]))));
        if self.endpoint.is_none() {
            let app = escaped(&manifest.app_id);
            say(&format!(
                "# It receives nothing yet. Tell Redraft where your bot listens: redraft app set {app} --endpoint URL"
            ));
        }
        say("");
        say(&settings::of_teams(&made, workspace));
        Ok(())
    }
}

/// Says what else can be done where the app's name is taken.
fn taken(failed: Failure) -> Failure {
    let why = failed.to_string();
    if why.ends_with("is taken") {
        format!("{why}; --app changes an app that is there").into()
    } else {
        failed
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Reads a manifest of Slack or of Teams.
///
/// # Errors
/// When it cannot be read or used; in words, with the file's name.
fn open(file: &Path) -> Result<Manifest, Failure> {
    let named = |why: String| -> Failure { format!("{}: {why}", file.display()).into() };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|failed| named(failed.to_string()))?;
    opened.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|failed| named(failed.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| named("a manifest is a text in UTF-8".into()))?;
    manifest::read(&text).map_err(named)
}
