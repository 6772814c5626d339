//! Installing an app by OAuth: a code becomes tokens, once.
//!
//! Source: <https://docs.slack.dev/reference/methods/oauth.v2.access>.

use crate::decide::Draft;
use crate::decision::{Change, Decision, Halt, Moment, Outcome};
use crate::directory::{Directory, DirectoryChange, Kind};
use crate::event::EventKind;
use crate::id::{AppId, TokenHash, UserId, WorkspaceId};
use crate::item::{Code, Grant, Item, ItemKey};
use crate::limits::{DIRECTORY_ENTRIES_MAX, ENDED_TOKEN_MICROS, ENDED_TOKENS_REMOVED_MAX};
use crate::view::View;
use crate::workspace::{App, SlackApp, Token, TokenKind};

/// A code that whoever has the app's client secret gives for tokens.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The app that the client id names.
    pub app: AppId,
    /// SHA-256 of the client secret that was given.
    pub secret: [u8; 32],
    /// SHA-256 of the code.
    pub code: [u8; 32],
    /// Where the person was sent back to, if the caller says so.
    pub redirect_uri: Option<String>,
    /// The bot's token, if the app asks for one.
    pub bot_token: NewToken,
    /// The token of the person, if the app asks for one.
    pub user_token: NewToken,
}

/// A token that may be minted.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// SHA-256 of the new token.
    pub hash: TokenHash,
    /// How it is shown to people.
    pub hint: String,
}

/// Why it was refused, highest precedence first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstallRefusal {
    /// No Slack app has this client id.
    UnknownClient,
    /// The client secret is another.
    BadSecret,
    /// There is no such code of this app, it was used, or its time is over.
    InvalidCode,
    /// The code was made for another address, or the address is none of the app's.
    BadRedirect,
    /// The app asks for nothing.
    NoScopes,
    /// The person who installs it is no longer there.
    NobodyInstalls,
    /// The workspace holds no more tokens.
    Full,
}

use InstallRefusal as R;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// The app that was installed.
    pub app: AppId,
    /// The person who installed it.
    pub user: UserId,
    /// Whether the bot got a token.
    pub bot: bool,
    /// Whether the person got one.
    pub person: bool,
}

/// Decides an exchange. An app that was uninstalled is installed again.
pub(crate) fn decide(
    asked: &Exchange,
    workspace: WorkspaceId,
    view: &dyn View,
    moment: Moment,
) -> Result<Decision, Halt> {
    let directories = view.directories();
    let directory = directories.get(workspace).ok_or(R::UnknownClient)?;
    let app = directory.app(asked.app).ok_or(R::UnknownClient)?;
    let slack = app.slack.as_deref().ok_or(R::UnknownClient)?;
    if !app.client_secrets(moment.at).any(|known| known == asked.secret) {
        return Err(R::BadSecret.into());
    }
    let key = ItemKey::Grant(asked.code);
    let Some(Item::Grant(grant)) = view.item(workspace, &key)? else { return Err(R::InvalidCode.into()) };
    let over = grant.ends_at() <= moment.at;
    let Grant::Code(code) = grant else { return Err(R::InvalidCode.into()) };
    if over || code.used || code.app != app.id {
        return Err(R::InvalidCode.into());
    }
    redirect(asked, &code, slack)?;
    if slack.bot_scopes.is_empty() && slack.user_scopes.is_empty() {
        return Err(R::NoScopes.into());
    }
    directory.user(code.user).filter(|user| !user.deactivated).ok_or(R::NobodyInstalls)?;
    let tokens = tokens(asked, app, slack, code.user);
    let mut draft = Draft::new(moment, None);
    let taken = tokens.iter().any(|token| directories.of_token(&token.hash).is_some());
    if taken || !room_for_tokens(tokens.len(), directory, moment, &mut draft) {
        return Err(R::Full.into());
    }

    // Past this line the exchange succeeds.
    draft.change(Change::PutItem(key, Some(Item::Grant(Grant::Code(Code { used: true, ..code.clone() })))));
    if app.uninstalled {
        let again = App { uninstalled: false, installed_by: Some(code.user), ..App::clone(app) };
        draft.directory(DirectoryChange::App(workspace, App { updated_at: moment.at, ..again }));
        draft.event(EventKind::AppInstalled(app.id));
    }
    let installed = Installed {
        app: app.id,
        user: code.user,
        bot: !slack.bot_scopes.is_empty(),
        person: !slack.user_scopes.is_empty(),
    };
    for token in tokens {
        draft.directory(DirectoryChange::Token(workspace, token));
        draft.event(EventKind::TokenMinted(app.id));
    }
    Ok(draft.done(Outcome::Installed(installed)))
}

/// The address has to be the one that the code was made for, and where it was made for none, one of the app's.
fn redirect(asked: &Exchange, code: &Code, slack: &SlackApp) -> Result<(), R> {
    let allowed = |given: &String| slack.redirect_urls.iter().any(|known| below(given, known));
    match (&code.redirect_uri, &asked.redirect_uri) {
        (Some(made_for), Some(given)) if made_for == given => Ok(()),
        (Some(_), _) => Err(R::BadRedirect),
        (None, Some(given)) if !allowed(given) => Err(R::BadRedirect),
        (None, _) => Ok(()),
    }
}

/// Whether an address is the known one, or one below it.
fn below(given: &str, known: &str) -> bool {
    given
        .strip_prefix(known)
        .is_some_and(|rest| rest.is_empty() || known.ends_with('/') || rest.starts_with(['/', '?']))
}

fn tokens(asked: &Exchange, app: &App, slack: &SlackApp, user: UserId) -> Vec<Token> {
    let token = |new: &NewToken, kind, user, scopes: &[String]| {
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let (hash, hint) = (new.hash, new.hint.clone());
        Token { hash, hint, app: app.id, user, kind, scopes, revoked: false, expires_at: None }
    };
    let bot = (!slack.bot_scopes.is_empty())
        .then(|| token(&asked.bot_token, TokenKind::Bot, app.bot_user, &slack.bot_scopes));
    let person = (!slack.user_scopes.is_empty())
        .then(|| token(&asked.user_token, TokenKind::User, user, &slack.user_scopes));
    bot.into_iter().chain(person).collect()
}

/// Makes room for so many tokens: removes those that ended long ago, and of those that ended later as many as it takes.
/// False if there is no room all the same; then all that is there is in use.
pub(crate) fn room_for_tokens(
    count: usize,
    directory: &Directory,
    moment: Moment,
    draft: &mut Draft,
) -> bool {
    let over = (directory.count(Kind::Token) + count).saturating_sub(DIRECTORY_ENTRIES_MAX);
    let known_from = moment.at.plus(-ENDED_TOKEN_MICROS);
    let mut removed = 0;
    for (end, hash) in directory.ended_tokens(moment.at) {
        let makes_room = removed < over;
        let is_old = end < known_from && removed < ENDED_TOKENS_REMOVED_MAX;
        if !makes_room && !is_old {
            break;
        }
        draft.directory(DirectoryChange::RemoveToken(directory.workspace.id, hash));
        removed += 1;
    }
    over <= removed
}
