//! Apps as they are declared become apps that can be registered.

use std::collections::BTreeSet;

use redraft_model::content::Dialect;
use redraft_model::id::{AppId, ConversationId, UserId};
use redraft_model::time::Micros;
use redraft_model::workspace::{App, NewToken, SlackApp, Token, TokenKind, User, Webhook};
use redraft_service::mint;
use redraft_slack::scopes;

use super::app::{AppKind, SeedApp, SeedCommand, SeedShortcut, SeedWebhook};
use super::error::SeedError;
use super::ids::Ids;
use super::ready::{ReadyApp, ReadyWebhook};
use crate::manifest;

/// A new token of these scopes, or of all that its kind can have.
#[must_use]
pub fn new_token(
    secret: &str,
    app: AppId,
    user: UserId,
    kind: TokenKind,
    scopes: Option<&Vec<String>>,
) -> Token {
    let (hash, hint) = (mint::hash(secret), mint::hint(secret));
    Token { hash, hint, app, user, kind, scopes: scopes_of(kind, scopes), revoked: false, expires_at: None }
}

/// The scopes of a token, sorted: those that are given, or all that its kind can have.
fn scopes_of(kind: TokenKind, scopes: Option<&Vec<String>>) -> Vec<String> {
    let all = match kind {
        TokenKind::Bot => scopes::BOT,
        TokenKind::User => scopes::USER,
        TokenKind::App => scopes::APP,
    };
    let mut scopes: Vec<String> =
        scopes.cloned().unwrap_or_else(|| all.iter().map(|scope| (*scope).to_owned()).collect());
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// Where an app is put.
pub struct Place<'a> {
    /// The team's `T…`.
    pub team_id: &'a str,
    /// Heads every address that is handed out.
    pub public_url: &'a str,
    /// The person who installs it.
    pub installer: Option<&'a User>,
    /// The conversation of a channel's name.
    pub channel: &'a dyn Fn(&str) -> Option<ConversationId>,
}

/// An app that is not registered yet, with its secrets in the clear.
pub struct MadeApp {
    /// The app; its number and its bot's are given when it is registered.
    pub app: App,
    /// The user that posts as it.
    pub bot: User,
    /// Its tokens, of app 0; those of user 0 are the bot's.
    pub tokens: Vec<NewToken>,
    /// What a script needs to use it.
    pub ready: ReadyApp,
}

/// Makes a declared app with random ids where none are given.
///
/// # Errors
/// When it is declared wrongly.
pub fn new_app(app: &SeedApp, place: &Place<'_>, now: Micros) -> Result<MadeApp, SeedError> {
    make_app(app, &Ids::random(), place, now)
}

pub(super) fn make_app(
    app: &SeedApp,
    ids: &Ids,
    place: &Place<'_>,
    now: Micros,
) -> Result<MadeApp, SeedError> {
    check(app)?;
    let app_id = ids.guid(app.app_id.as_ref(), &format!("app/{}", app.name));
    let shown = app.bot_name.as_ref().unwrap_or(&app.name);
    let bot = User {
        id: UserId(0),
        slack_id: ids.slack(app.bot_user_id.as_ref(), 'U', &format!("bot/{}", app.name)),
        member_id: format!("28:{app_id}"),
        directory_id: ids.guid(None, &format!("bot/{}", app.name)),
        name: shown.to_lowercase().replace(' ', "-"),
        real_name: shown.clone(),
        email: None,
        admin: false,
        bot_of: None,
        away: false,
        deactivated: false,
        updated_at: now,
    };
    let bare = App {
        id: AppId(0),
        dialect: if app.kind == AppKind::Slack { Dialect::Slack } else { Dialect::Connector },
        slack_id: ids.slack(app.id.as_ref(), 'A', &app.name),
        bot_id: ids.slack(app.bot_id.as_ref(), 'B', &app.name),
        app_id,
        name: app.name.clone(),
        bot_user: UserId(0),
        installed_by: place.installer.map(|user| user.id),
        signing_secret: None,
        password_hash: None,
        uninstalled: false,
        endpoint: app.endpoint.clone(),
        hears_from: 0,
        reads_all: app.read_all,
        expects_replies: app.expect_replies,
        issuer: app.issuer.clone(),
        anonymous: app.anonymous,
        slack: None,
        updated_at: now,
        old_secrets: Vec::new(),
    };
    match app.kind {
        AppKind::Slack => slack_app(app, ids, place, bare, bot),
        AppKind::Teams => Ok(teams_bot(app, bare, bot)),
    }
}

fn given_or(given: Option<&String>, make: impl FnOnce() -> String) -> String {
    given.cloned().unwrap_or_else(make)
}

fn teams_bot(declared: &SeedApp, bare: App, bot: User) -> MadeApp {
    let password = given_or(declared.app_password.as_ref(), mint::password);
    let app = App { password_hash: Some(mint::sha256(password.as_bytes())), ..bare };
    let ready = ReadyApp::Teams {
        name: app.name.clone(),
        id: app.slack_id.clone(),
        app_id: app.app_id.clone(),
        app_password: Some(password),
    };
    MadeApp { app, bot, tokens: Vec::new(), ready }
}

fn slack_app(
    declared: &SeedApp,
    ids: &Ids,
    place: &Place<'_>,
    bare: App,
    bot: User,
) -> Result<MadeApp, SeedError> {
    let everything = || scopes::BOT.iter().map(|scope| (*scope).to_owned()).collect();
    let bot_scopes = sorted(declared.scopes.clone().unwrap_or_else(everything));
    let user_scopes = sorted(declared.user_scopes.clone());
    let signing_secret = given_or(declared.signing_secret.as_ref(), mint::secret);
    let client_secret = given_or(declared.client_secret.as_ref(), mint::secret);
    let verification_token = given_or(declared.verification_token.as_ref(), mint::verification_token);
    let client_id = ids.client(declared.client_id.as_ref(), &declared.name);

    let bot_token = (declared.bot_token.is_some() || !bot_scopes.is_empty())
        .then(|| given_or(declared.bot_token.as_ref(), || mint::token("xoxb")));
    let app_token = given_or(declared.app_token.as_ref(), || mint::token("xapp"));
    let authorises =
        declared.user_token.is_some() || (declared.installed_by.is_some() && !user_scopes.is_empty());
    let authoriser = place.installer.filter(|_| authorises);
    let user_token = authoriser.map(|_| given_or(declared.user_token.as_ref(), || mint::token("xoxp")));
    let token = |secret: &String, user: Option<UserId>, kind, scopes| {
        let (hash, hint) = (mint::hash(secret), mint::hint(secret));
        NewToken { hash, hint, user, kind, scopes: scopes_of(kind, scopes) }
    };
    let bots = bot_token.iter().map(|it| token(it, None, TokenKind::Bot, Some(&bot_scopes)));
    let user_scopes_given = Some(&user_scopes).filter(|scopes| !scopes.is_empty());
    let users = user_token.iter().zip(authoriser);
    let users = users.map(|(it, user)| token(it, Some(user.id), TokenKind::User, user_scopes_given));
    let tokens = bots.chain(users).chain([token(&app_token, None, TokenKind::App, None)]).collect();

    let hooks = declared.webhooks.iter().enumerate();
    let hooks = hooks.map(|(at, hook)| webhook(hook, ids, place, &format!("{}/{at}", declared.name)));
    let (webhooks, shown): (Vec<Webhook>, Vec<ReadyWebhook>) =
        hooks.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let ready = ReadyApp::Slack {
        name: bare.name.clone(),
        id: bare.slack_id.clone(),
        installed_by: place.installer.map(|user| user.slack_id.clone()).unwrap_or_default(),
        bot_id: bare.bot_id.clone(),
        bot_user_id: bot.slack_id.clone(),
        bot_token,
        app_token: Some(app_token),
        user_token,
        signing_secret: Some(signing_secret.clone()),
        client_id: client_id.clone(),
        client_secret: Some(client_secret.clone()),
        verification_token: Some(verification_token.clone()),
        webhooks: shown,
    };
    let slack = SlackApp {
        verification_token,
        client_id,
        client_secret_hash: Some(mint::sha256(client_secret.as_bytes())),
        redirect_urls: declared.redirect_urls.clone(),
        bot_scopes,
        user_scopes,
        bot_events: declared.bot_events.clone(),
        user_events: declared.user_events.clone(),
        metadata_events: declared.metadata_events.clone(),
        events_off: false,
        socket_mode: declared.socket_mode,
        interactivity_url: declared.interactivity_url.clone(),
        options_url: declared.options_url.clone(),
        commands: declared.commands.iter().map(SeedCommand::command).collect(),
        shortcuts: declared.shortcuts.iter().map(SeedShortcut::shortcut).collect(),
        webhooks,
    };
    let app = App { signing_secret: Some(signing_secret), slack: Some(Box::new(slack)), ..bare };
    Ok(MadeApp { app, bot, tokens, ready })
}

fn sorted(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

/// A declared webhook and its address.
fn webhook(
    declared: &SeedWebhook,
    ids: &Ids,
    place: &Place<'_>,
    what: &str,
) -> Result<(Webhook, ReadyWebhook), SeedError> {
    let channel = || SeedError::Unknown(format!("the channel {}", declared.channel));
    let by = place
        .installer
        .ok_or_else(|| SeedError::Wrong("a webhook needs somebody who installed its app".into()))?;
    let conversation = (place.channel)(&declared.channel).ok_or_else(channel)?;
    let secret = given_or(declared.secret.as_ref(), mint::webhook_secret);
    let made = Webhook {
        service_id: ids.slack(declared.id.as_ref(), 'B', &format!("webhook/{what}")),
        secret_hash: mint::sha256(secret.as_bytes()),
        conversation,
        by: by.id,
    };
    let url = format!("{}/hooks/services/{}/{}/{secret}", place.public_url, place.team_id, made.service_id);
    let shown = ReadyWebhook { id: made.service_id.clone(), channel: declared.channel.clone(), url };
    Ok((made, shown))
}

/// Makes a webhook with an id and a secret of its own.
///
/// # Errors
/// When there is no such channel, or nobody who installs it.
pub fn new_webhook(channel: &str, place: &Place<'_>) -> Result<(Webhook, ReadyWebhook), SeedError> {
    webhook(&SeedWebhook { channel: channel.into(), ..SeedWebhook::default() }, &Ids::random(), place, "")
}

/// What can be said of a declared app by itself.
fn check(app: &SeedApp) -> Result<(), SeedError> {
    let commands = app.commands.iter();
    let urls = [&app.endpoint, &app.interactivity_url, &app.options_url].into_iter().flatten();
    for url in urls.chain(&app.redirect_urls).chain(commands.filter_map(|command| command.url.as_ref())) {
        check_url(url)?;
    }
    check_commands(&app.commands)
}

/// Whether this is an address that an app may have.
///
/// # Errors
/// When it is none.
pub fn check_url(url: &str) -> Result<(), SeedError> {
    if manifest::is_url(url) {
        return Ok(());
    }
    Err(SeedError::Wrong(format!("an address begins with http:// or https://, and {url} does not")))
}

/// Whether commands have the names of commands, and each its own.
///
/// # Errors
/// When one has not.
pub fn check_commands(commands: &[SeedCommand]) -> Result<(), SeedError> {
    let mut names = BTreeSet::new();
    for command in commands {
        let name = &command.command;
        if !manifest::is_command(name) {
            return Err(SeedError::Wrong(format!(
                "a command begins with a slash and has no blanks, and '{name}' is none"
            )));
        }
        if !names.insert(name) {
            return Err(SeedError::Twice(format!("the command {name}")));
        }
    }
    Ok(())
}
