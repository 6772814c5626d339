//! The Slack Web API: one transport for all methods, and one table of them.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method as Verb, Response, StatusCode, header};
use redraft_model::command::{Caller, Command, Idempotency, Verb as CommandVerb};
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::policy::Actor;
use redraft_model::time::Micros;
use redraft_model::workspace::{Conversation, Token, TokenKind, User};
use redraft_store::{Later, StoreError};
use tracing::{debug, info};

use self::args::Args;
use self::reply::{Envelope, Error, Reply};
use self::scopes::Needs;
use crate::app::{App, NotDone};
use crate::bounds::{Holder as Counted, Sent, UnderWay, Unread};
use crate::front::count_refused_login;
use crate::mint;

mod args;
mod auth;
mod chat;
mod command;
mod connection;
mod content;
mod conversations;
mod cursor;
mod events;
pub(crate) mod files;
pub(crate) mod hears;
mod history;
pub(crate) mod hooks;
pub(crate) mod interactivity;
mod oauth;
mod objects;
pub(crate) mod payload;
mod people;
mod pins;
pub mod rates;
mod reactions;
mod refusal;
mod render;
mod reply;
mod schedule;
pub mod scopes;
pub mod sockets;
pub(crate) mod streams;
mod topics;
pub(crate) mod transport;
mod usergroups;
pub(crate) mod verify;
mod views;

/// One method of the API.
struct Method {
    name: &'static str,
    needs: Needs,
    run: for<'a> fn(&'a Call<'a>) -> Later<'a, Result<Reply, Error>>,
}

macro_rules! methods {
    ($($name:literal $needs:expr => $run:path;)*) => {
        &[$(Method { name: $name, needs: $needs, run: |call| Box::pin($run(call)) }),*]
    };
}

/// Every method there is, sorted by name. Others answer `unknown_method`.
static METHODS: &[Method] = methods! {
    "apps.connections.open" Needs::App("connections:write") => sockets::open;
    "auth.revoke" Needs::Token => auth::revoke;
    "auth.test" Needs::Token => auth::test;
    "bots.info" Needs::One("users:read") => people::bot;
    "chat.appendStream" Needs::One("chat:write") => streams::append;
    "chat.delete" Needs::One("chat:write") => chat::delete;
    "chat.deleteScheduledMessage" Needs::One("chat:write") => schedule::remove;
    "chat.getPermalink" Needs::Token => chat::permalink;
    "chat.meMessage" Needs::One("chat:write") => chat::me_message;
    "chat.postEphemeral" Needs::One("chat:write") => chat::post_ephemeral;
    "chat.postMessage" Needs::One("chat:write") => chat::post_message;
    "chat.scheduleMessage" Needs::One("chat:write") => schedule::add;
    "chat.scheduledMessages.list" Needs::Token => schedule::list;
    "chat.startStream" Needs::One("chat:write") => streams::start;
    "chat.stopStream" Needs::One("chat:write") => streams::stop;
    "chat.update" Needs::One("chat:write") => chat::update;
    "conversations.archive" Needs::ByKind(&scopes::MANAGE) => conversations::archive;
    "conversations.close" Needs::ByKind(&scopes::MANAGE) => conversations::close;
    "conversations.create" Needs::ByKind(&scopes::MANAGE) => conversations::create;
    "conversations.history" Needs::ByKind(&scopes::HISTORY) => history::history;
    "conversations.info" Needs::ByKind(&scopes::READ) => conversations::info;
    "conversations.invite" Needs::ByKind(&scopes::INVITE) => conversations::invite;
    "conversations.join" Needs::ByKind(&scopes::JOIN) => conversations::join;
    "conversations.kick" Needs::ByKind(&scopes::MANAGE) => conversations::kick;
    "conversations.leave" Needs::ByKind(&scopes::MANAGE) => conversations::leave;
    "conversations.list" Needs::ByKind(&scopes::READ) => conversations::list;
    "conversations.mark" Needs::ByKind(&scopes::MANAGE) => topics::mark;
    "conversations.members" Needs::ByKind(&scopes::READ) => conversations::members;
    "conversations.open" Needs::ByKind(&scopes::MANAGE) => conversations::open;
    "conversations.rename" Needs::ByKind(&scopes::MANAGE) => topics::rename;
    "conversations.replies" Needs::ByKind(&scopes::HISTORY) => history::replies;
    "conversations.setPurpose" Needs::ByKind(&scopes::TOPIC) => topics::set_purpose;
    "conversations.setTopic" Needs::ByKind(&scopes::TOPIC) => topics::set_topic;
    "conversations.unarchive" Needs::ByKind(&scopes::MANAGE) => conversations::unarchive;
    "files.completeUploadExternal" Needs::One("files:write") => files::complete;
    "files.delete" Needs::One("files:write") => files::delete;
    "files.getUploadURLExternal" Needs::One("files:write") => files::begin;
    "files.info" Needs::One("files:read") => files::info;
    "pins.add" Needs::One("pins:write") => pins::add;
    "pins.list" Needs::One("pins:read") => pins::list;
    "pins.remove" Needs::One("pins:write") => pins::remove;
    "reactions.add" Needs::One("reactions:write") => reactions::add;
    "reactions.get" Needs::One("reactions:read") => reactions::get;
    "reactions.list" Needs::One("reactions:read") => reactions::list;
    "reactions.remove" Needs::One("reactions:write") => reactions::remove;
    "redraft.messages.revisions" Needs::ByKind(&scopes::HISTORY) => history::revisions;
    "team.info" Needs::One("team:read") => people::team;
    "usergroups.list" Needs::One("usergroups:read") => usergroups::list;
    "usergroups.users.list" Needs::One("usergroups:read") => usergroups::users;
    "users.conversations" Needs::ByKind(&scopes::READ) => conversations::of_user;
    "users.getPresence" Needs::One("users:read") => people::presence;
    "users.info" Needs::One("users:read") => people::user;
    "users.list" Needs::One("users:read") => people::users;
    "users.lookupByEmail" Needs::One("users:read.email") => people::by_email;
    "users.profile.get" Needs::One("users.profile:read") => people::profile;
    "views.open" Needs::Token => views::open;
    "views.publish" Needs::Token => views::publish;
    "views.push" Needs::Token => views::push;
    "views.update" Needs::Token => views::update;
};

/// Methods that take no token.
const TOKENLESS: &[&str] = &["api.test", "oauth.v2.access"];

/// Bytes of a method's name that is logged though it is not here.
const METHOD_BYTES_MAX: usize = 64;

/// Bytes of each of its words. The longest word of the platform's methods has 20.
const METHOD_WORD_BYTES_MAX: usize = 24;

/// A call whose token was accepted.
struct Call<'a> {
    app: &'a Arc<App>,
    directory: Arc<Directory>,
    token: Arc<Token>,
    user: Arc<User>,
    args: Args,
    idempotency_key: Option<String>,
    if_match: Option<u32>,
    method: &'static str,
    /// It came by POST.
    posted: bool,
}

/// Answers one call.
pub(crate) async fn handle(
    app: &Arc<App>,
    method: &str,
    verb: &Verb,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Response<Body> {
    if *verb != Verb::POST && *verb != Verb::GET {
        return not_allowed();
    }
    let mut envelope = Envelope { request_id: request_id(), scopes: None, accepted: None };
    let mut warnings = Vec::new();
    let mut token = None;
    let answer =
        run(app, method, verb, query, headers, body, &mut warnings, &mut token, &mut envelope.accepted).await;
    envelope.scopes = token.as_ref().map(|token| token.scopes.as_slice());
    match &answer {
        Ok(_) => debug!(method = loggable(method), request_id = envelope.request_id, "answered"),
        Err(error) => {
            let reasons = error.reasons.join("; ");
            info!(method = loggable(method), request_id = envelope.request_id, error = %error.code, reasons, "refused");
        }
    }
    let answer = answer.map_err(|error| error.warned(&warnings));
    reply::write(answer, &envelope, &warnings)
}

/// A method's name for the log: words with dots between them. What has another form may be a token that was put into the
/// path; those have dashes, no dots or longer words.
fn loggable(method: &str) -> &str {
    let is_word = |word: &str| {
        word.len() <= METHOD_WORD_BYTES_MAX && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let is_name = method.len() <= METHOD_BYTES_MAX && method.contains('.') && method.split('.').all(is_word);
    if is_name { method } else { "unknown" }
}

#[expect(clippy::too_many_arguments, reason = "what the answer's headers say is found on the way")]
async fn run(
    app: &Arc<App>,
    name: &str,
    verb: &Verb,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Sent<'_>,
    warnings: &mut Vec<&'static str>,
    holder: &mut Option<Arc<Token>>,
    accepted: &mut Option<String>,
) -> Result<Reply, Error> {
    let method = METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|place| &METHODS[place]);
    if method.is_none() && !TOKENLESS.contains(&name) {
        return Err(Error::new("unknown_method").with("req_method", &name));
    }
    // A token in the header is looked at before the body is read.
    let named = bearer(headers).filter(|given| !given.is_empty() && method.is_some());
    let by_header = named.map(|given| counted(app, given)).transpose()?;
    if let Some(((_, token, _), _)) = &by_header {
        *holder = Some(Arc::clone(token));
    }
    let address = body.address;
    let body = body.read().await.map_err(unread)?;
    let mut args = Args::read(query, headers, &body).await?;
    drop(body);
    *warnings = std::mem::take(&mut args.warnings);
    let method = match method {
        Some(method) => method,
        None if name == "oauth.v2.access" => return oauth::access(app, headers, &args, address).await,
        None => return auth::api_test(&args),
    };
    let ((directory, token, user), _under_way) = match by_header {
        Some(known) => known,
        None => {
            let given = args.token.take().unwrap_or_default();
            if given.is_empty() {
                return Err(Error::new("not_authed").because("no token was given"));
            }
            counted(app, &given)?
        }
    };
    *holder = Some(Arc::clone(&token));
    *accepted = method.needs.accepted(token.kind);
    if token.kind == TokenKind::App && !method.needs.takes_app_tokens() && method.name != "auth.test" {
        return Err(
            Error::new("not_allowed_token_type").because("an app-level token calls no workspace method")
        );
    }
    method.needs.check(&token)?;
    let call = Call {
        app,
        directory,
        token,
        user,
        args,
        idempotency_key: header(headers, "idempotency-key").map(str::to_owned),
        if_match: header(headers, "if-match").and_then(revision),
        method: method.name,
        posted: *verb == Verb::POST,
    };
    app.slack_rates.admit(&call)?;
    (method.run)(&call).await
}

fn unread(failed: Unread) -> Error {
    match failed {
        Unread::TooBig => {
            Error::arguments(format!("the body has more than {} bytes", crate::config::BODY_BYTES_MAX))
        }
        Unread::Cut => Error::new("request_timeout").because("the body ended early"),
        Unread::NoRoom => unavailable(StoreError::Busy),
    }
}

/// Whose token this is, and its place among the requests of that token that are under way.
fn counted<'a>(app: &'a App, given: &str) -> Result<(Holder, UnderWay<'a>), Error> {
    let holder = authenticate(app, given).inspect_err(|_| count_refused_login("slack"))?;
    let under_way = app.bounds.begin(Counted::Token(holder.1.hash)).ok_or_else(|| {
        let error = Error::new("ratelimited").because("too many calls of this token are under way");
        error.with_status(StatusCode::TOO_MANY_REQUESTS, 1)
    })?;
    Ok((holder, under_way))
}

/// A token with its workspace and its user.
type Holder = (Arc<Directory>, Arc<Token>, Arc<User>);

fn authenticate(app: &App, given: &str) -> Result<Holder, Error> {
    let hash = mint::hash(given);
    let unknown = || Error::new("invalid_auth").because("no workspace here has this token");
    let directory = app.workspace_of(&hash).ok_or_else(unknown)?;
    let token = Arc::clone(directory.token(&hash).ok_or_else(unknown)?);
    if token.revoked || directory.app(token.app).is_none_or(|app| app.uninstalled) {
        return Err(Error::new("token_revoked").because("the token was revoked"));
    }
    if token.expires_at.is_some_and(|end| end <= app.now(directory.workspace.id)) {
        return Err(Error::new("token_expired").because("the token's time is over"));
    }
    let inactive = || Error::new("account_inactive").because("the token's user was deactivated");
    let user = Arc::clone(directory.user(token.user).filter(|user| !user.deactivated).ok_or_else(inactive)?);
    Ok((directory, token, user))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, "authorization")?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The revision in an `If-Match` header: `"3"`, with or without `W/`.
fn revision(tag: &str) -> Option<u32> {
    tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
}

fn request_id() -> String {
    format!("{:032x}", u128::from(mint::fresh()) << 64 | u128::from(mint::fresh()))
}

fn not_allowed() -> Response<Body> {
    let mut response = Response::new(Body::from("{\"ok\":false,\"error\":\"invalid_arguments\"}"));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

impl Call<'_> {
    /// Whom the token acts as, by the same rules as when a command is decided.
    fn actor(&self) -> Result<Actor, Error> {
        let revoked = || Error::new("token_revoked").because("the token was revoked");
        let app = self.directory.app(self.token.app).ok_or_else(revoked)?;
        Ok(Actor::of_token(self.directory.workspace.id, &self.token, app, &self.user))
    }

    fn now(&self) -> Micros {
        self.app.now(self.directory.workspace.id)
    }

    /// Carries out a command; the refusal becomes the platform's code with a reason.
    async fn submit(&self, verb: CommandVerb) -> Result<Outcome, Error> {
        self.attempt(verb).await.map_err(|not_done| self.error(not_done))
    }

    async fn attempt(&self, verb: CommandVerb) -> Result<Outcome, NotDone> {
        let idempotency = match &verb {
            CommandVerb::Post(_)
            | CommandVerb::Update(_)
            | CommandVerb::Delete(_)
            | CommandVerb::Append(_) => self.idempotency(),
            _ => None,
        };
        let workspace = self.directory.workspace.id;
        let command =
            Command { workspace, caller: Caller::Token(self.token.hash), idempotency, verb, source: None };
        self.app.submit(command).await
    }

    fn error(&self, not_done: NotDone) -> Error {
        match not_done {
            NotDone::Refused(refusal) => refusal::error(&refusal, &self.directory, self.method),
            NotDone::Store(failed) => unavailable(failed),
        }
    }

    fn idempotency(&self) -> Option<Idempotency> {
        let args = &self.args;
        let key = args
            .filled("idempotency_key")
            .or(self.idempotency_key.as_deref())
            .or(args.filled("client_msg_id"))?;
        let mut asked: Vec<(&str, &str)> = args.all().collect();
        asked.sort_unstable();
        let text = asked.iter().fold(String::new(), |mut text, (name, value)| {
            text.push_str(&format!("{}:{name}={}:{value};", name.len(), value.len()));
            text
        });
        Some(Idempotency { key: key.chars().take(255).collect(), digest: mint::sha256(text.as_bytes()) })
    }

    /// The revision that the caller expects, from header or argument.
    fn if_revision(&self) -> Result<Option<u32>, Error> {
        let given = self.args.number("if_revision")?.map(|number| u32::try_from(number).unwrap_or(0));
        Ok(given.or(self.if_match))
    }

    /// A conversation that the caller sees, by id.
    fn conversation(&self, name: &str) -> Result<Arc<Conversation>, Error> {
        let id = self.args.required(name)?;
        self.seen(id).cloned().ok_or_else(|| self.no_channel(id))
    }

    /// The conversation of this Slack id, if the caller sees it; one that is not seen is as one that is not there.
    fn seen(&self, id: &str) -> Option<&Arc<Conversation>> {
        let found = self.directory.conversation_named(id).filter(|found| found.slack_id == id);
        found.filter(|found| redraft_model::policy::sees(self.user.id, found))
    }

    /// `channel_not_found`, with a hint where a name or a person was given. Says nothing of what is hidden.
    fn no_channel(&self, id: &str) -> Error {
        let error = Error::new("channel_not_found");
        let named = self.directory.channel(id.trim_start_matches('#'));
        if let Some(named) = named.filter(|named| redraft_model::policy::sees(self.user.id, named)) {
            return error.because(format!("channel must be an id, got a name; the id is {}", named.slack_id));
        }
        if self.directory.user_named(id).is_some() {
            return error.because(
                "channel must be a conversation's id, got a user's; use the one in the post's answer",
            );
        }
        error.because(format!("no conversation that this token can see has the id {id}"))
    }
}

fn unavailable(failed: StoreError) -> Error {
    match failed {
        StoreError::Busy => Error::new("ratelimited")
            .because("the server is busy")
            .with_status(StatusCode::TOO_MANY_REQUESTS, 1),
        StoreError::Stopping => {
            let error = Error::new("service_unavailable").because("the server is stopping");
            error.with_status(StatusCode::SERVICE_UNAVAILABLE, 1)
        }
        StoreError::Failed => {
            Error::new("internal_error").because("the server could not write; nothing was done")
        }
        StoreError::Damaged => Error::new("internal_error").because(
            "what is stored of a message that this needs is damaged; the operator can see which: redraft doctor",
        ),
        StoreError::Unknown => {
            Error::new("fatal_error").because("the server failed; it may or may not have been done")
        }
    }
}

#[cfg(test)]
mod tests {
    use redraft_store::StoreError;

    /// A store that is full, stops or fails: the platform's codes, and a status other than 200 where it has one.
    #[test]
    fn a_store_that_fails() {
        for (failed, code) in [
            (StoreError::Busy, "ratelimited"),
            (StoreError::Stopping, "service_unavailable"),
            (StoreError::Failed, "internal_error"),
            (StoreError::Damaged, "internal_error"),
            (StoreError::Unknown, "fatal_error"),
        ] {
            assert_eq!(super::unavailable(failed).code, code);
        }
    }

    #[test]
    fn methods_are_sorted() {
        assert!(super::METHODS.is_sorted_by(|a, b| a.name < b.name));
    }
}
