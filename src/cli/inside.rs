//! The commands that look into a workspace: `workspace`, `user`, `channel`, `app`, `token`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use redraft_model::name::escaped;
use serde_json::{Map, Value, json};

use super::control::Control;
use super::import::Import;
use super::{Data, Failure, say};

/// Where to look.
#[derive(Args)]
pub struct Inside {
    #[command(flatten)]
    data: Data,
    /// Team id or tenant id; needed where there are several workspaces.
    #[arg(long, env = "REDRAFT_WORKSPACE", global = true)]
    workspace: Option<String>,
}

impl Inside {
    /// The way to the control API, and the path of the workspace.
    pub fn open(&self) -> Result<(Control, String), Failure> {
        let control = Control::open(&self.data.data)?;
        let workspace = control.workspace(self.workspace.as_deref())?;
        Ok((control, format!("/workspaces/{}", segment(&workspace))))
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let (control, workspace) = self.open()?;
        control.call(method, &format!("{workspace}{path}"), body)
    }

    /// All entries of a list, page by page.
    fn all(&self, name: &str) -> Result<Value, Failure> {
        let (control, workspace) = self.open()?;
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("{workspace}/{name}?after={after}");
            let mut page = control.call("GET", &path, &Value::Null)?;
            if let Value::Array(entries) = page[name].take() {
                all.extend(entries);
            }
            match page["next"].take() {
                Value::String(next) => after = next,
                _ => return Ok(all.into()),
            }
        }
    }
}

macro_rules! command {
    ($name:ident, $verbs:ident) => {
        /// A command with its verbs.
        #[derive(Args)]
        pub struct $name {
            #[command(flatten)]
            inside: Inside,
            #[command(subcommand)]
            verb: $verbs,
        }
    };
}

command!(Workspace, WorkspaceVerb);
command!(User, UserVerb);
command!(Channel, ChannelVerb);
command!(App, AppVerb);
command!(Token, TokenVerb);

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

/// The path of an app, which may be named by a name with blanks in it.
pub fn of_app(app: &str, rest: &str) -> String {
    format!("/apps/{}{rest}", segment(app))
}

/// A name as one segment of a path.
fn segment(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
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

/// An object of the members that were given.
fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

fn show(value: &Value) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Rows under their names, as wide as the widest; each on one line whatever is in it.
fn table(rows: &Value, columns: &[&str]) {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text).into_owned(),
        other => escaped(&other.to_string()).into_owned(),
    };
    let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let body = rows
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| columns.iter().map(|name| cell(&row[*name])).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(body).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in &lines {
        let padded: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        say(padded.join("  ").trim_end());
    }
}
