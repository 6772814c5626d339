//! `redraft app`: apps, their secrets and webhooks, and what did not reach them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::import::Import;
use super::inside::{Inside, given, of_app, segment};
use super::terminal::{Failure, say, show, table};

/// A command with its verbs.
#[derive(Args)]
pub struct App {
    #[command(flatten)]
    inside: Inside,
    #[command(subcommand)]
    verb: AppVerb,
}

#[derive(Subcommand)]
enum AppVerb {
    /// Lists apps.
    List,
    /// Registers an app and shows its secrets, this once.
    Create {
        /// `slack` or `teams`.
        kind: String,
        /// Shown name.
        name: String,
        /// Channels that the bot is in, by name; `general` by default.
        #[arg(long, value_delimiter = ',')]
        channels: Option<Vec<String>>,
        /// Who installs it, by name; by default the first who is not an administrator.
        #[arg(long)]
        installed_by: Option<String>,
    },
    /// Registers the app of a manifest of Slack or Teams, and shows its secrets, this once, as the app's own settings.
    Import(Import),
    /// Changes how an app hears what happens.
    Set {
        /// Which, by name or id.
        app: String,
        /// Where it hears what happens: a Teams bot's messaging endpoint, a Slack app's request URL for events; an empty
        /// one takes it away.
        #[arg(long, visible_alias = "events-url")]
        endpoint: Option<String>,
        /// Slack: where it hears what people do; an empty one takes it away.
        #[arg(long)]
        interactivity_url: Option<String>,
        /// Slack: whether it hears everything through connections that it opens itself.
        #[arg(long)]
        socket_mode: Option<bool>,
        /// Slack: events that its bot hears, such as `app_mention`.
        #[arg(long, value_delimiter = ',')]
        events: Option<Vec<String>>,
        /// Slack: what its bot may do; its tokens stay.
        #[arg(long, value_delimiter = ',')]
        scopes: Option<Vec<String>>,
        /// Teams: whether it hears everything, not only what mentions it.
        #[arg(long)]
        read_all: Option<bool>,
        /// Teams: whether it puts its replies into its answers.
        #[arg(long)]
        expect_replies: Option<bool>,
        /// Teams: the issuer of the tokens that it is called with; an empty one is the Bot Connector's own.
        #[arg(long)]
        issuer: Option<String>,
        /// Teams: whether calls without a valid token are its.
        #[arg(long)]
        anonymous: Option<bool>,
    },
    /// Makes an incoming webhook of a Slack app and shows its address, this once.
    Webhook {
        /// Which app, by name or id.
        app: String,
        /// The channel that it posts to, by name or id.
        channel: String,
    },
    /// Makes a code with which a person installs a Slack app (`oauth.v2.access`); it lasts ten minutes and once.
    Code {
        /// Which, by name or id.
        app: String,
        /// Who installs it, by name; by default who did before.
        #[arg(long)]
        user: Option<String>,
        /// Where the person would be sent back to.
        #[arg(long)]
        redirect_uri: Option<String>,
    },
    /// Puts a new secret in an old one's place and shows it, this once. The old one stays good for a day unless you say
    /// otherwise; with the old signing secret calls are signed until it is over, so give the app the new one first.
    Secret {
        /// Which app, by name or id.
        app: String,
        /// `password` of a Teams bot, `client-secret` or `signing-secret` of a Slack app.
        kind: String,
        /// How long the old one stays good, in seconds of the workspace's clock.
        #[arg(long, conflicts_with = "withdraw_old")]
        old_valid_seconds: Option<u32>,
        /// Makes no new one, and ends the old one now.
        #[arg(long)]
        withdraw_old: bool,
    },
    /// Lists what did not reach an app: what waits for another attempt, and what was given up.
    Deliveries {
        /// Which, by name or id.
        app: String,
    },
    /// Tries again what was given up.
    Replay {
        /// Which app, by name or id.
        app: String,
        /// One delivery, by the position of its event; all of them by default.
        #[arg(long)]
        position: Option<u64>,
    },
    /// Sends a challenge to a Slack app's request URL, as Slack does before it sends events there.
    Verify {
        /// Which, by name or id.
        app: String,
    },
    /// Uninstalls an app: its tokens end, its messages stay.
    Uninstall {
        /// Which, by name or id.
        app: String,
    },
}

impl App {
    pub fn run(self) -> Result<(), Failure> {
        match self.verb {
            AppVerb::List => {
                let all = self.inside.all("apps")?;
                table(&all, &["name", "kind", "id", "bot_id", "bot_user_id", "app_id", "uninstalled"]);
                Ok(())
            }
            AppVerb::Create { kind, name, channels, installed_by } => {
                let body = given([
                    ("kind", Some(json!(kind))),
                    ("name", Some(json!(name))),
                    ("channels", channels.map(Value::from)),
                    ("installed_by", installed_by.map(Value::from)),
                ]);
                show(&self.inside.call("POST", "/apps", &body)?)
            }
            AppVerb::Import(import) => import.run(&self.inside),
            AppVerb::Set {
                app,
                endpoint,
                interactivity_url,
                socket_mode,
                events,
                scopes,
                read_all,
                expect_replies,
                issuer,
                anonymous,
            } => {
                let or_null = |given: String| if given.is_empty() { Value::Null } else { given.into() };
                let texts =
                    |given: Vec<String>| given.into_iter().filter(|it| !it.is_empty()).collect::<Value>();
                let body = given([
                    ("endpoint", endpoint.map(or_null)),
                    ("interactivity_url", interactivity_url.map(or_null)),
                    ("socket_mode", socket_mode.map(Value::from)),
                    ("bot_events", events.map(texts)),
                    ("scopes", scopes.map(texts)),
                    ("read_all", read_all.map(Value::from)),
                    ("expect_replies", expect_replies.map(Value::from)),
                    ("issuer", issuer.map(or_null)),
                    ("anonymous", anonymous.map(Value::from)),
                ]);
                show(&self.inside.call("PATCH", &of_app(&app, ""), &body)?)
            }
            AppVerb::Webhook { app, channel } => {
                let body = json!({ "channel": channel.trim_start_matches('#') });
                let made = self.inside.call("POST", &of_app(&app, "/webhooks"), &body)?;
                say(made["url"].as_str().unwrap_or_default());
                Ok(())
            }
            AppVerb::Code { app, user, redirect_uri } => {
                let body =
                    given([("user", user.map(Value::from)), ("redirect_uri", redirect_uri.map(Value::from))]);
                show(&self.inside.call("POST", &of_app(&app, "/codes"), &body)?)
            }
            AppVerb::Secret { app, kind, withdraw_old: true, .. } => {
                let path = of_app(&app, &format!("/secrets/{}", segment(&kind.replace('-', "_"))));
                self.inside.call("DELETE", &path, &Value::Null).map(drop)
            }
            AppVerb::Secret { app, kind, old_valid_seconds, withdraw_old: false } => {
                let body = given([
                    ("kind", Some(json!(kind.replace('-', "_")))),
                    ("old_valid_seconds", old_valid_seconds.map(Value::from)),
                ]);
                show(&self.inside.call("POST", &of_app(&app, "/secrets"), &body)?)
            }
            AppVerb::Deliveries { app } => {
                let listed =
                    self.inside.call("GET", &of_app(&app, "/deliveries?limit=1000"), &Value::Null)?;
                table(
                    &listed["deliveries"],
                    &["position", "part", "channel", "attempts", "dead", "due_at", "reason"],
                );
                Ok(())
            }
            AppVerb::Replay { app, position } => {
                let (control, workspace) = self.inside.open()?;
                if !control.is_remote() {
                    return Err(
                        "nothing is delivered while no server runs; start `redraft serve` first".into()
                    );
                }
                let path = format!("{workspace}{}", of_app(&app, "/deliveries/replay"));
                show(&control.call("POST", &path, &given([("position", position.map(Value::from))]))?)
            }
            AppVerb::Verify { app } => {
                let (control, workspace) = self.inside.open()?;
                if !control.is_remote() {
                    return Err("nothing is sent while no server runs; start `redraft serve` first".into());
                }
                let path = format!("{workspace}{}", of_app(&app, "/verify"));
                let answer = control.call("POST", &path, &json!({}))?;
                if answer["verified"] == true {
                    return Ok(());
                }
                Err(answer["reason"].as_str().unwrap_or("the request URL is not verified").into())
            }
            AppVerb::Uninstall { app } => {
                self.inside.call("DELETE", &of_app(&app, ""), &Value::Null).map(drop)
            }
        }
    }
}
