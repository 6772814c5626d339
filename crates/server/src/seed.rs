//! The declaration of a workspace: people, channels, apps and tokens, with ids and secrets as given strings where a test
//! wants its world to be the same on every run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redraft_model::command::NewDirect;
use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_model::time::Micros;
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Settings, Token, TokenKind, User, Workspace,
};
use serde::{Deserialize, Serialize};

use crate::mint;
use crate::slack::scopes;

/// A declared workspace. Whatever is left out is made up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// The workspace itself.
    pub workspace: SeedWorkspace,
    /// Everyone in it; the first administrator made it.
    pub people: Vec<SeedPerson>,
    /// Channels. `general` is made if it is not declared.
    pub channels: Vec<SeedChannel>,
    /// Apps of both kinds.
    pub apps: Vec<SeedApp>,
    /// Tokens beyond those of people and apps.
    pub tokens: Vec<SeedToken>,
    /// The token of the control API, for the whole server; only in a seed file.
    pub control_token: Option<String>,
}

/// Names and ids of a workspace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedWorkspace {
    /// Shown name.
    pub name: Option<String>,
    /// Slack's domain.
    pub domain: Option<String>,
    /// Slack's `T…`.
    pub id: Option<String>,
    /// Teams' tenant.
    pub tenant_id: Option<String>,
    /// Edit and delete windows.
    pub settings: SeedSettings,
}

/// What administrators decide.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SeedSettings {
    /// Seconds that people may edit their messages for.
    pub edit_window_seconds: Option<u32>,
    /// Seconds that people may delete their messages for.
    pub delete_window_seconds: Option<u32>,
    /// Whether only administrators delete people's messages.
    pub only_admins_delete: bool,
}

/// A person.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedPerson {
    /// Short name.
    pub name: String,
    /// Full name.
    pub real_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Slack's `U…`.
    pub id: Option<String>,
    /// Teams' `29:…`.
    pub member_id: Option<String>,
    /// Teams' directory id.
    pub directory_id: Option<String>,
    /// Administrator.
    pub admin: bool,
    /// A user token of the first Slack app.
    pub token: Option<String>,
    /// What the token may do; everything by default.
    pub scopes: Option<Vec<String>>,
}

/// A channel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedChannel {
    /// Name without `#`.
    pub name: String,
    /// Slack's `C…`.
    pub id: Option<String>,
    /// Teams' `19:…@thread.tacv2`.
    pub conversation_id: Option<String>,
    /// Seen by members only.
    pub private: bool,
    /// Names of people; all of them by default.
    pub members: Option<Vec<String>>,
    /// Archived.
    pub archived: bool,
}

/// Which platform's app it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum AppKind {
    /// A Slack app.
    #[default]
    Slack,
    /// A Teams bot.
    Teams,
}

/// An app.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedApp {
    /// Its platform.
    pub kind: AppKind,
    /// Shown name; the bot's short name is made from it.
    pub name: String,
    /// `A…`.
    pub id: Option<String>,
    /// `B…`.
    pub bot_id: Option<String>,
    /// The bot's `U…`.
    pub bot_user_id: Option<String>,
    /// Slack: the bot token.
    pub bot_token: Option<String>,
    /// Slack: the app-level token.
    pub app_token: Option<String>,
    /// Slack: signs what is sent to the app.
    pub signing_secret: Option<String>,
    /// Slack: what the bot token may do; everything by default.
    pub scopes: Option<Vec<String>>,
    /// Name of the person who installed it; by default the first who is not an administrator.
    pub installed_by: Option<String>,
    /// Teams: the app id, a guid.
    pub app_id: Option<String>,
    /// Teams: the password.
    pub app_password: Option<String>,
    /// Teams: where the bot hears what happens.
    pub endpoint: Option<String>,
    /// Teams: hears every message of its channels and group chats, not only those that mention it.
    pub read_all: bool,
    /// Teams: puts what it has to say into its answers (`deliveryMode: expectReplies`).
    pub expect_replies: bool,
    /// Teams: the issuer of the tokens that the bot is called with; by default the Bot Connector's own.
    pub issuer: Option<String>,
    /// Teams: calls without a valid token are this bot's. At most one of a workspace, and only on a server that listens on
    /// loopback.
    pub anonymous: bool,
    /// Names of the channels that the bot is in; `general` by default.
    pub channels: Option<Vec<String>>,
}

/// A further token.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedToken {
    /// The token; any string.
    pub token: Option<String>,
    /// Name of the app.
    pub app: String,
    /// Name of the person; the app's bot by default.
    pub user: Option<String>,
    /// What it may do; everything by default.
    pub scopes: Option<Vec<String>>,
}

/// What a script needs to use a workspace. Secrets are there only when they were made just now, since they are stored
/// hashed.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The workspace.
    pub workspace: ReadyWorkspace,
    /// People.
    pub people: Vec<ReadyPerson>,
    /// Channels.
    pub channels: Vec<ReadyChannel>,
    /// Apps.
    pub apps: Vec<ReadyApp>,
    /// Further tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<String>,
}

/// Ids of a workspace.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyWorkspace {
    /// `T…`.
    pub id: String,
    /// The tenant.
    pub tenant_id: String,
}

/// A person with their token.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyPerson {
    /// Short name.
    pub name: String,
    /// `U…`.
    pub id: String,
    /// `29:…`.
    pub member_id: String,
    /// Administrator.
    pub admin: bool,
    /// Their user token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The app that the token is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
}

/// A channel's ids.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyChannel {
    /// Name without `#`.
    pub name: String,
    /// `C…`.
    pub id: String,
    /// `19:…`.
    pub conversation_id: String,
    /// Seen by members only.
    pub private: bool,
}

/// An app with its secrets.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ReadyApp {
    /// A Slack app.
    Slack {
        /// Shown name.
        name: String,
        /// `A…`.
        id: String,
        /// `U…` of the person who installed it.
        installed_by: String,
        /// `B…`.
        bot_id: String,
        /// The bot's `U…`.
        bot_user_id: String,
        /// The bot token.
        #[serde(skip_serializing_if = "Option::is_none")]
        bot_token: Option<String>,
        /// The app-level token.
        #[serde(skip_serializing_if = "Option::is_none")]
        app_token: Option<String>,
        /// Signs what is sent to the app.
        #[serde(skip_serializing_if = "Option::is_none")]
        signing_secret: Option<String>,
    },
    /// A Teams bot.
    Teams {
        /// Shown name.
        name: String,
        /// `A…`.
        id: String,
        /// The app id, a guid.
        app_id: String,
        /// The password.
        #[serde(skip_serializing_if = "Option::is_none")]
        app_password: Option<String>,
    },
}

/// Why a declaration cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is not what a declaration looks like.
    #[error("the declaration cannot be read: {0}")]
    Unreadable(String),
    /// A name in it names nothing.
    #[error("the declaration names {0}, which it does not declare")]
    Unknown(String),
    /// Something is declared twice.
    #[error("the declaration has {0} twice")]
    Twice(String),
    /// Something lacks a name.
    #[error("the declaration has {0} without a name")]
    Nameless(&'static str),
}

impl Seed {
    /// Reads a declaration in YAML, of which JSON is a part.
    ///
    /// # Errors
    /// When it is not one; the message names the place.
    pub fn from_yaml(text: &str) -> Result<Self, SeedError> {
        serde_saphyr::from_str(text).map_err(|failed| SeedError::Unreadable(failed.to_string()))
    }

    /// The workspace of a first start: an administrator and two members, three channels, two apps of each kind.
    #[must_use]
    pub fn first_start() -> Self {
        let person = |name: &str, real_name: &str, admin| SeedPerson {
            name: name.into(),
            real_name: Some(real_name.into()),
            email: Some(format!("{name}@acme.example")),
            admin,
            ..SeedPerson::default()
        };
        let channel =
            |name: &str, private| SeedChannel { name: name.into(), private, ..SeedChannel::default() };
        let app = |kind, name: &str| SeedApp { kind, name: name.into(), ..SeedApp::default() };
        Self {
            workspace: SeedWorkspace {
                name: Some("Acme".into()),
                domain: Some("acme".into()),
                ..SeedWorkspace::default()
            },
            people: vec![
                person("ada", "Ada Lovelace", true),
                person("ben", "Ben Okri", false),
                person("cleo", "Cleo Vance", false),
            ],
            channels: vec![channel("general", false), channel("random", false), channel("leads", true)],
            apps: vec![
                app(AppKind::Slack, "deploybot"),
                app(AppKind::Slack, "pollbot"),
                SeedApp { read_all: true, ..app(AppKind::Teams, "helpdesk") },
                app(AppKind::Teams, "planner"),
            ],
            ..Self::default()
        }
    }

    /// Builds the workspace. With `steady`, ids that are not given follow from the names, so that two runs agree;
    /// otherwise they are random, so that two workspaces of one declaration can stand side by side. Secrets that are not
    /// given are always random.
    ///
    /// # Errors
    /// When names in it are missing, unknown or not unique.
    pub fn build(&self, steady: bool, now: Micros) -> Result<(Directory, Ready), SeedError> {
        if 1 < self.apps.iter().filter(|app| app.anonymous).count() {
            return Err(SeedError::Twice("an anonymous app".into()));
        }
        Builder::new(self, steady, now)?.build(self)
    }
}

/// A declaration in YAML as plain data, checked, for handing on.
///
/// # Errors
/// When it is not one.
pub fn read_value(text: &str) -> Result<serde_json::Value, SeedError> {
    Seed::from_yaml(text)?;
    serde_saphyr::from_str(text).map_err(|failed| SeedError::Unreadable(failed.to_string()))
}

impl SeedSettings {
    /// As the model has them.
    #[must_use]
    pub fn settings(self) -> Settings {
        let micros = |seconds: u32| i64::from(seconds) * 1_000_000;
        Settings {
            edit_window_micros: self.edit_window_seconds.map(micros),
            delete_window_micros: self.delete_window_seconds.map(micros),
            only_admins_delete: self.only_admins_delete,
        }
    }
}

/// Ids that are not given: random, or from the names.
struct Ids {
    steady: Option<String>,
}

impl Ids {
    fn bytes(&self, what: &str) -> Option<[u8; 32]> {
        self.steady.as_ref().map(|salt| mint::sha256(format!("{salt}/{what}").as_bytes()))
    }

    fn slack(&self, given: Option<&String>, prefix: char, what: &str) -> String {
        let steady = |bytes: [u8; 32]| format!("{prefix}0{}", mint::hex(&bytes[..5])[..9].to_uppercase());
        self.or(given, &format!("{prefix}/{what}"), steady, || mint::slack_id(prefix))
    }

    fn guid(&self, given: Option<&String>, what: &str) -> String {
        let steady = |bytes: [u8; 32]| {
            let hex = mint::hex(&bytes[..16]);
            format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
        };
        self.or(given, &format!("guid/{what}"), steady, mint::guid)
    }

    fn member(&self, given: Option<&String>, what: &str) -> String {
        let steady = |bytes: [u8; 32]| format!("29:1{}", mint::hex(&bytes));
        self.or(given, &format!("member/{what}"), steady, mint::member_id)
    }

    fn channel(&self, channel: &SeedChannel) -> NewDirect {
        let random = mint::conversation(ConversationKind::Public);
        let steady = |bytes: [u8; 32]| format!("19:{}@thread.tacv2", mint::hex(&bytes[..16]));
        let what = format!("channel/{}", channel.name);
        NewDirect {
            slack_id: self.slack(channel.id.as_ref(), 'C', &channel.name),
            connector_id: self.or(channel.conversation_id.as_ref(), &what, steady, || random.connector_id),
        }
    }

    fn or(
        &self,
        given: Option<&String>,
        what: &str,
        steady: impl FnOnce([u8; 32]) -> String,
        random: impl FnOnce() -> String,
    ) -> String {
        match (given, self.bytes(what)) {
            (Some(given), _) => given.clone(),
            (None, Some(bytes)) => steady(bytes),
            (None, None) => random(),
        }
    }
}

struct Builder {
    ids: Ids,
    now: Micros,
    directory: Directory,
    people: BTreeMap<String, UserId>,
    channels: BTreeMap<String, ConversationId>,
    ready: Ready,
}

impl Builder {
    fn new(seed: &Seed, steady: bool, now: Micros) -> Result<Self, SeedError> {
        let declared = &seed.workspace;
        let name = declared.name.clone().unwrap_or_else(|| "Acme".into());
        let ids = Ids { steady: steady.then(|| name.clone()) };
        let team_id = ids.slack(declared.id.as_ref(), 'T', &name);
        let tenant_id = ids.guid(declared.tenant_id.as_ref(), "tenant");
        let domain = declared.domain.clone().unwrap_or_else(|| name.to_lowercase().replace(' ', "-"));
        let ready = Ready {
            workspace: ReadyWorkspace { id: team_id.clone(), tenant_id: tenant_id.clone() },
            people: Vec::new(),
            channels: Vec::new(),
            apps: Vec::new(),
            tokens: Vec::new(),
        };
        let directory = Directory::new(Workspace {
            id: WorkspaceId(0),
            team_id,
            tenant_id,
            name,
            domain,
            created_at: now,
            settings: declared.settings.settings(),
            clock_offset_micros: 0,
        });
        let (people, channels) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { ids, now, directory, people, channels, ready })
    }

    fn build(mut self, seed: &Seed) -> Result<(Directory, Ready), SeedError> {
        seed.people.iter().try_for_each(|person| self.person(person))?;
        let general = SeedChannel { name: "general".into(), ..SeedChannel::default() };
        let declared = seed.channels.iter().any(|channel| channel.name == "general");
        let channels = (!declared).then_some(&general).into_iter().chain(&seed.channels);
        channels.into_iter().try_for_each(|channel| self.channel(channel))?;
        let first_member = seed.people.iter().find(|person| !person.admin).or(seed.people.first());
        for app in &seed.apps {
            self.app(app, first_member)?;
        }
        let first_app = self.directory.apps().find(|app| app.dialect == Dialect::Slack).cloned();
        for (place, person) in seed.people.iter().enumerate() {
            self.person_token(person, place, first_app.as_deref());
        }
        seed.tokens.iter().try_for_each(|token| self.token(token))?;
        Ok((self.directory, self.ready))
    }

    fn free(&self, names: &[&str]) -> Result<(), SeedError> {
        match names.iter().find(|name| self.directory.named(name).is_some()) {
            Some(name) => Err(SeedError::Twice((*name).to_owned())),
            None => Ok(()),
        }
    }

    fn person(&mut self, person: &SeedPerson) -> Result<(), SeedError> {
        if person.name.is_empty() {
            return Err(SeedError::Nameless("a person"));
        }
        let user = User {
            id: self.directory.next_user(),
            slack_id: self.ids.slack(person.id.as_ref(), 'U', &person.name),
            member_id: self.ids.member(person.member_id.as_ref(), &person.name),
            directory_id: self.ids.guid(person.directory_id.as_ref(), &person.name),
            name: person.name.clone(),
            real_name: person.real_name.clone().unwrap_or_else(|| person.name.clone()),
            email: person.email.clone(),
            admin: person.admin,
            bot_of: None,
            away: false,
            deactivated: false,
            updated_at: self.now,
        };
        self.free(&[&user.slack_id, &user.member_id, &user.directory_id, &format!("@{}", user.name)])?;
        if let Some(email) = &user.email {
            self.free(&[&format!("mailto:{}", email.to_lowercase())])?;
        }
        self.ready.people.push(ReadyPerson {
            name: user.name.clone(),
            id: user.slack_id.clone(),
            member_id: user.member_id.clone(),
            admin: user.admin,
            token: None,
            app_id: None,
        });
        self.people.insert(user.name.clone(), user.id);
        self.directory.put_user(user);
        Ok(())
    }

    fn named(&self, name: &str) -> Result<UserId, SeedError> {
        self.people.get(name).copied().ok_or_else(|| SeedError::Unknown(format!("the person {name}")))
    }

    fn channel(&mut self, channel: &SeedChannel) -> Result<(), SeedError> {
        if channel.name.is_empty() {
            return Err(SeedError::Nameless("a channel"));
        }
        let ids = self.ids.channel(channel);
        self.free(&[&ids.slack_id, &ids.connector_id])?;
        if self.directory.channel(&channel.name).is_some() {
            return Err(SeedError::Twice(format!("the channel {}", channel.name)));
        }
        let members = match &channel.members {
            None => self.people.values().copied().collect(),
            Some(names) => names.iter().map(|name| self.named(name)).collect::<Result<Vec<_>, _>>()?,
        };
        let conversation = Conversation {
            id: self.directory.next_conversation(),
            slack_id: ids.slack_id,
            connector_id: ids.connector_id,
            kind: if channel.private { ConversationKind::Private } else { ConversationKind::Public },
            name: channel.name.clone(),
            topic: String::new(),
            purpose: String::new(),
            creator: UserId(1),
            created_at: self.now,
            general: channel.name == "general",
            archived: channel.archived,
            members: members.into_iter().map(|user| (user, self.now)).collect(),
            former: BTreeSet::new(),
            previous_names: Vec::new(),
            pins: Vec::new(),
            closed: BTreeSet::new(),
            updated_at: self.now,
        };
        self.ready.channels.push(ReadyChannel {
            name: conversation.name.clone(),
            id: conversation.slack_id.clone(),
            conversation_id: conversation.connector_id.clone(),
            private: channel.private,
        });
        self.channels.insert(conversation.name.clone(), conversation.id);
        self.directory.put_conversation(conversation);
        Ok(())
    }

    fn app(&mut self, app: &SeedApp, first_member: Option<&SeedPerson>) -> Result<(), SeedError> {
        if app.name.is_empty() {
            return Err(SeedError::Nameless("an app"));
        }
        let installer = app.installed_by.as_deref().or(first_member.map(|person| person.name.as_str()));
        let installed_by = installer.map(|name| self.named(name)).transpose()?;
        let made = make_app(app, &self.ids, self.now);
        let (id, bot_user) = (self.directory.next_app(), self.directory.next_user());
        self.free(&[&made.app.slack_id, &made.app.bot_id, &made.app.app_id, &made.bot.slack_id])?;
        self.free(&[&format!("@{}", made.bot.name)])?;
        for channel in app.channels.as_deref().unwrap_or(&["general".into()]) {
            let place = self.channels.get(channel).and_then(|id| self.directory.conversation(*id));
            let place = place.ok_or_else(|| SeedError::Unknown(format!("the channel {channel}")))?;
            let mut conversation = Conversation::clone(place);
            conversation.members.insert(bot_user, self.now);
            self.directory.put_conversation(conversation);
        }
        let installer =
            installed_by.and_then(|user| self.directory.user(user)).map(|user| user.slack_id.clone());
        self.ready.apps.push(made.ready(&made.app, installer.unwrap_or_default()));
        self.directory.put_user(User { id: bot_user, bot_of: Some(id), ..made.bot });
        self.directory.put_app(App { id, bot_user, installed_by, ..made.app });
        for token in made.tokens {
            if self.directory.token(&token.hash).is_some() {
                return Err(SeedError::Twice(format!("a token of {}", app.name)));
            }
            self.directory.put_token(Token { app: id, user: bot_user, ..token });
        }
        Ok(())
    }

    fn person_token(&mut self, person: &SeedPerson, place: usize, app: Option<&App>) {
        let (Some(app), Some(user)) = (app, self.people.get(&person.name)) else { return };
        let token = person.token.clone().unwrap_or_else(|| mint::token("xoxp"));
        self.ready.people[place].token = Some(token.clone());
        self.ready.people[place].app_id = Some(app.slack_id.clone());
        let scopes = person.scopes.as_ref();
        self.directory.put_token(new_token(&token, app.id, *user, TokenKind::User, scopes));
    }

    fn token(&mut self, token: &SeedToken) -> Result<(), SeedError> {
        let app = self.directory.apps().find(|app| app.name == token.app).cloned();
        let app = app.ok_or_else(|| SeedError::Unknown(format!("the app {}", token.app)))?;
        let (user, kind) = match &token.user {
            None => (app.bot_user, TokenKind::Bot),
            Some(name) => (self.named(name)?, TokenKind::User),
        };
        let prefix = if kind == TokenKind::Bot { "xoxb" } else { "xoxp" };
        let secret = token.token.clone().unwrap_or_else(|| mint::token(prefix));
        let made = new_token(&secret, app.id, user, kind, token.scopes.as_ref());
        if self.directory.token(&made.hash).is_some() {
            return Err(SeedError::Twice("a token".into()));
        }
        self.directory.put_token(made);
        self.ready.tokens.push(secret);
        Ok(())
    }
}

/// A new token of these scopes, or of all that its kind can have.
#[must_use]
pub fn new_token(
    secret: &str,
    app: AppId,
    user: UserId,
    kind: TokenKind,
    scopes: Option<&Vec<String>>,
) -> Token {
    let all = match kind {
        TokenKind::Bot => scopes::BOT,
        TokenKind::User => scopes::USER,
        TokenKind::App => scopes::APP,
    };
    let mut scopes: Vec<String> =
        scopes.cloned().unwrap_or_else(|| all.iter().map(|scope| (*scope).to_owned()).collect());
    scopes.sort_unstable();
    scopes.dedup();
    let (hash, hint) = (mint::hash(secret), mint::hint(secret));
    Token { hash, hint, app, user, kind, scopes, revoked: false, expires_at: None }
}

/// An app that is not registered yet, with its secrets in the clear.
pub struct MadeApp {
    /// The app; its numbers are given when it is registered.
    pub app: App,
    /// The user that posts as it.
    pub bot: User,
    /// Its tokens, of app 0 and user 0.
    pub tokens: Vec<Token>,
    bot_token: Option<String>,
    app_token: Option<String>,
    app_password: Option<String>,
}

impl MadeApp {
    /// What a script needs to use the app.
    #[must_use]
    pub fn ready(&self, app: &App, installed_by: String) -> ReadyApp {
        let (name, id) = (app.name.clone(), app.slack_id.clone());
        match app.dialect {
            Dialect::Slack => ReadyApp::Slack {
                name,
                id,
                installed_by,
                bot_id: app.bot_id.clone(),
                bot_user_id: self.bot.slack_id.clone(),
                bot_token: self.bot_token.clone(),
                app_token: self.app_token.clone(),
                signing_secret: app.signing_secret.clone(),
            },
            Dialect::Connector => ReadyApp::Teams {
                name,
                id,
                app_id: app.app_id.clone(),
                app_password: self.app_password.clone(),
            },
        }
    }
}

/// Makes a declared app with random ids where none are given.
#[must_use]
pub fn new_app(app: &SeedApp, now: Micros) -> MadeApp {
    make_app(app, &Ids { steady: None }, now)
}

fn make_app(app: &SeedApp, ids: &Ids, now: Micros) -> MadeApp {
    let slack = app.kind == AppKind::Slack;
    let made_or = |given: &Option<String>, make: fn() -> String| given.clone().unwrap_or_else(make);
    let bot_token = slack.then(|| made_or(&app.bot_token, || mint::token("xoxb")));
    let app_token = slack.then(|| made_or(&app.app_token, || mint::token("xapp")));
    let app_password = (!slack).then(|| made_or(&app.app_password, mint::password));
    let app_id = ids.guid(app.app_id.as_ref(), &format!("app/{}", app.name));
    let tokens = [(&bot_token, TokenKind::Bot, app.scopes.as_ref()), (&app_token, TokenKind::App, None)];
    let tokens = tokens.into_iter().filter_map(|(secret, kind, scopes)| {
        Some(new_token(secret.as_ref()?, AppId(0), UserId(0), kind, scopes))
    });
    let bot = User {
        id: UserId(0),
        slack_id: ids.slack(app.bot_user_id.as_ref(), 'U', &format!("bot/{}", app.name)),
        member_id: format!("28:{app_id}"),
        directory_id: ids.guid(None, &format!("bot/{}", app.name)),
        name: app.name.to_lowercase().replace(' ', "-"),
        real_name: app.name.clone(),
        email: None,
        admin: false,
        bot_of: None,
        away: false,
        deactivated: false,
        updated_at: now,
    };
    MadeApp {
        tokens: tokens.collect(),
        bot,
        app: App {
            id: AppId(0),
            dialect: if slack { Dialect::Slack } else { Dialect::Connector },
            slack_id: ids.slack(app.id.as_ref(), 'A', &app.name),
            bot_id: ids.slack(app.bot_id.as_ref(), 'B', &app.name),
            app_id,
            name: app.name.clone(),
            bot_user: UserId(0),
            installed_by: None,
            signing_secret: slack.then(|| made_or(&app.signing_secret, mint::secret)),
            password_hash: app_password.as_ref().map(|password| mint::sha256(password.as_bytes())),
            uninstalled: false,
            endpoint: app.endpoint.clone(),
            hears_from: 0,
            reads_all: app.read_all,
            expects_replies: app.expect_replies,
            issuer: app.issuer.clone(),
            anonymous: app.anonymous,
            slack: slack.then(Box::default),
            updated_at: now,
        },
        bot_token,
        app_token,
        app_password,
    }
}

/// What a script needs, of a workspace whose secrets were made at another time.
#[must_use]
pub fn ready_again(directory: &Directory) -> Ready {
    let slack_id = |user: UserId| directory.user(user).map(|user| user.slack_id.clone()).unwrap_or_default();
    let person = |user: &Arc<User>| ReadyPerson {
        name: user.name.clone(),
        id: user.slack_id.clone(),
        member_id: user.member_id.clone(),
        admin: user.admin,
        token: None,
        app_id: None,
    };
    let channel = |channel: &Arc<Conversation>| ReadyChannel {
        name: channel.name.clone(),
        id: channel.slack_id.clone(),
        conversation_id: channel.connector_id.clone(),
        private: channel.kind == ConversationKind::Private,
    };
    let app = |app: &Arc<App>| match app.dialect {
        Dialect::Slack => ReadyApp::Slack {
            name: app.name.clone(),
            id: app.slack_id.clone(),
            installed_by: app.installed_by.map(slack_id).unwrap_or_default(),
            bot_id: app.bot_id.clone(),
            bot_user_id: slack_id(app.bot_user),
            bot_token: None,
            app_token: None,
            signing_secret: None,
        },
        Dialect::Connector => ReadyApp::Teams {
            name: app.name.clone(),
            id: app.slack_id.clone(),
            app_id: app.app_id.clone(),
            app_password: None,
        },
    };
    Ready {
        workspace: ReadyWorkspace {
            id: directory.workspace.team_id.clone(),
            tenant_id: directory.workspace.tenant_id.clone(),
        },
        people: directory.users_after(UserId(0)).filter(|user| user.bot_of.is_none()).map(person).collect(),
        channels: directory
            .conversations_after(ConversationId(0))
            .filter(|it| it.is_channel())
            .map(channel)
            .collect(),
        apps: directory.apps().map(app).collect(),
        tokens: Vec::new(),
    }
}
