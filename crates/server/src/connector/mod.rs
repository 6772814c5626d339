//! The Bot Connector API as Teams speaks it, and the token endpoint of the directory that bots ask.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use redraft_model::directory::Directory;
use redraft_model::workspace::App as Bot;
use redraft_store::StoreError;
use tracing::{debug, info};

use self::metadata::Document;
use self::reply::{Error, Reply};
use crate::app::App;
use crate::bounds::{Holder, Sent, Unread};
use crate::front::count_refused_login;

mod activities;
mod attachments;
pub mod authority;
mod conversations;
pub(crate) mod hears;
mod keys;
mod metadata;
mod openapi;
pub mod rates;
mod reactions;
mod refusal;
mod reply;
mod streams;
mod targeted;
mod teams;
mod token;
mod transcripts;
mod words;

/// Hosts of Microsoft whose documents and tokens this server has, for bots whose network leads them here.
pub(crate) const LOGIN_HOSTS: [&str; 2] = ["login.microsoftonline.com", "login.botframework.com"];

/// A call of a bot whose token was accepted.
struct Call<'a> {
    app: &'a App,
    directory: Arc<Directory>,
    bot: Arc<Bot>,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
    body: Bytes,
}

/// What the path names, in the fixed segments without regard to case.
enum Route {
    Conversations,
    Activities(String),
    History(String),
    Activity(String, String),
    ActivityMembers(String),
    Reaction(String, String, String),
    Members(String),
    PagedMembers(String),
    Member(String, String),
    Uploads(String),
    Attachment(String),
    AttachmentView(String, String),
    Team(String),
    TeamChannels(String),
    Description,
    Token(String),
    Identity,
    Document(Document),
    Unknown,
}

/// Answers a call, or `None` if the path is nothing of the Connector's.
pub(crate) async fn handle(
    app: &App,
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Sent<'_>,
    over_tls: bool,
) -> Option<Response<Body>> {
    let route = route(path)?;
    match &route {
        Route::Token(tenant) => {
            return Some(token::issue(app, method, tenant, headers, body).await);
        }
        Route::Description => return Some(openapi::answer(method)),
        Route::Identity => return Some(token::identity(app, method, query, headers, body.address).await),
        Route::Document(document) => {
            return Some(metadata::answer(app, document, method, query, headers, over_tls).await);
        }
        _ => {}
    }
    let answer = run(app, method, &route, tenant(path).as_deref(), query, headers, body).await;
    match &answer {
        Ok(_) => debug!(%method, "answered"),
        Err(error) => {
            info!(%method, status = error.status.as_u16(), code = error.code, reason = error.message, "refused")
        }
    }
    Some(reply::write(answer))
}

async fn run(
    app: &App,
    method: &Method,
    route: &Route,
    tenant: Option<&str>,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Result<Reply, Error> {
    let allowed = match route {
        Route::Conversations => "GET, POST",
        Route::Activities(_) | Route::History(_) | Route::Uploads(_) => "POST",
        Route::Activity(..) => "POST, PUT, DELETE",
        Route::Reaction(..) => "PUT, DELETE",
        Route::Members(_)
        | Route::PagedMembers(_)
        | Route::Member(..)
        | Route::ActivityMembers(_)
        | Route::Attachment(_)
        | Route::AttachmentView(..)
        | Route::Team(_)
        | Route::TeamChannels(_) => "GET",
        Route::Description | Route::Token(_) | Route::Identity | Route::Document(_) | Route::Unknown => {
            return Err(no_operation());
        }
    };
    if !allowed.split(", ").any(|verb| verb == method.as_str()) {
        let why = match (route, method) {
            (Route::Member(..), &Method::DELETE) => "A bot does not remove people. ",
            _ => "",
        };
        let message = format!("{why}This path takes {allowed}.");
        return Err(Error {
            allow: Some(allowed),
            ..Error::new(StatusCode::METHOD_NOT_ALLOWED, "BadArgument", message)
        });
    }
    let (directory, bot) =
        authority::authenticate(app, headers, tenant).inspect_err(|_| count_refused_login("connector"))?;
    let holder = Holder::Bot(directory.workspace.id, bot.id);
    let _under_way = app.bounds.begin(holder).ok_or_else(|| refusal::unavailable(StoreError::Busy))?;
    let read = body.read().await.map_err(|unread| match unread {
        Unread::TooBig => {
            let message = "The body is bigger than the server reads.";
            Error::new(StatusCode::PAYLOAD_TOO_LARGE, "MessageSizeTooBig", message)
        }
        Unread::Cut => Error::new(StatusCode::BAD_REQUEST, "BadSyntax", "The body ended early."),
        Unread::NoRoom => refusal::unavailable(StoreError::Busy),
    })?;
    let call = Call { app, directory, bot, query, headers, body: read.bytes() };
    if let Some(rates) = &app.rates {
        rates.admit(&call, route, method).inspect_err(|_| {
            metrics::counter!("redraft_rate_limited_total", "of" => "teams").increment(1);
        })?;
    }
    match route {
        Route::Conversations if *method == Method::GET => conversations::list(&call),
        Route::Conversations => conversations::create(&call).await,
        Route::Activities(conversation) => activities::send(&call, conversation, None).await,
        Route::History(conversation) => transcripts::upload(&call, conversation).await,
        Route::Activity(conversation, activity) => match *method {
            Method::PUT => activities::update(&call, conversation, activity).await,
            Method::DELETE => activities::delete(&call, conversation, activity).await,
            _ => activities::send(&call, conversation, Some(activity)).await,
        },
        Route::Reaction(conversation, activity, kind) => {
            reactions::react(&call, conversation, activity, kind, *method == Method::PUT).await
        }
        // Whoever is in the conversation, whichever activity it is: SDKs also ask with ids that they made up.
        Route::Members(conversation) | Route::ActivityMembers(conversation) => {
            conversations::members(&call, conversation)
        }
        Route::PagedMembers(conversation) => conversations::paged_members(&call, conversation),
        Route::Member(conversation, member) => conversations::member(&call, conversation, member),
        Route::Uploads(conversation) => attachments::upload(&call, conversation).await,
        Route::Attachment(id) => attachments::info(&call, id).await,
        Route::AttachmentView(id, view) => attachments::view(&call, id, view).await,
        Route::Team(team) => teams::details(&call, team),
        Route::TeamChannels(team) => teams::conversations(&call, team),
        Route::Description | Route::Token(_) | Route::Identity | Route::Document(_) | Route::Unknown => {
            Err(no_operation())
        }
    }
}

fn no_operation() -> Error {
    Error::new(StatusCode::NOT_FOUND, "BadArgument", "No operation has this path.")
}

/// Whether a request with this host and path means one of Microsoft's login hosts, for whom this server answers bots
/// whose network leads them here.
pub(crate) fn stands_for_login(host: &str, path: &str) -> bool {
    crate::front::named_in(&LOGIN_HOSTS, host)
        && matches!(route(path), Some(Route::Token(_) | Route::Document(_)))
}

/// The tenant that a service URL names: `/teams/{tenant}/v3/…`.
fn tenant(path: &str) -> Option<String> {
    let mut segments = path.trim_start_matches('/').split('/');
    let (teams, tenant, v3) =
        (segments.next()?, segments.next()?, segments.find(|segment| !segment.is_empty())?);
    (teams == "teams" && v3.eq_ignore_ascii_case("v3")).then(|| decoded(tenant))?
}

/// Segments before `v3` that a service URL may have, such as `/teams/{tenant}`.
const PREFIX_SEGMENTS_MAX: usize = 3;

/// Splits the path into segments and decodes each once. The service URL's own path may stand before `v3`.
fn route(path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    if let [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"] = segments[..] {
        return Some(Route::Token(decoded(tenant)?));
    }
    if let ["msi", "token"] = segments[..] {
        return Some(Route::Identity);
    }
    if let ["teams", "openapi.json"] = segments[..] {
        return Some(Route::Description);
    }
    if let Some(document) = Document::at(&segments) {
        return Some(Route::Document(document));
    }
    let v3 = segments
        .iter()
        .take(PREFIX_SEGMENTS_MAX + 1)
        .position(|segment| segment.eq_ignore_ascii_case("v3"))?;
    Some(operation(&segments[v3 + 1..]).unwrap_or(Route::Unknown))
}

/// The route of the segments behind `v3`.
fn operation(rest: &[&str]) -> Option<Route> {
    let is =
        |place: usize, name: &str| rest.get(place).is_some_and(|segment| segment.eq_ignore_ascii_case(name));
    let id = |place: usize| rest.get(place).and_then(|segment| decoded(segment));
    if is(0, "teams") {
        return match rest.len() {
            2 => Some(Route::Team(id(1)?)),
            3 if is(2, "conversations") => Some(Route::TeamChannels(id(1)?)),
            _ => None,
        };
    }
    if is(0, "attachments") {
        return match rest.len() {
            2 => Some(Route::Attachment(id(1)?)),
            4 if is(2, "views") => Some(Route::AttachmentView(id(1)?, id(3)?)),
            _ => None,
        };
    }
    if !is(0, "conversations") {
        return None;
    }
    if rest.len() == 1 {
        return Some(Route::Conversations);
    }
    let conversation = id(1)?;
    Some(match rest.len() {
        3 if is(2, "activities") => Route::Activities(conversation),
        3 if is(2, "members") => Route::Members(conversation),
        3 if is(2, "pagedmembers") => Route::PagedMembers(conversation),
        3 if is(2, "attachments") => Route::Uploads(conversation),
        4 if is(2, "activities") && is(3, "history") => Route::History(conversation),
        4 if is(2, "activities") => Route::Activity(conversation, id(3)?),
        4 if is(2, "members") => Route::Member(conversation, id(3)?),
        5 if is(2, "activities") && is(4, "members") => Route::ActivityMembers(conversation),
        6 if is(2, "activities") && (is(4, "reactions") || is(4, "reaction")) => {
            Route::Reaction(conversation, id(3)?, id(5)?)
        }
        _ => return None,
    })
}

fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The revision in an `If-Match` header.
    fn if_match(&self) -> Option<u32> {
        self.header("if-match")?.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
    }
}

/// `application/json`, for every answer.
fn json_type() -> (header::HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))
}

#[cfg(test)]
mod tests {
    use super::{Route, route, tenant};

    fn shown(path: &str) -> String {
        match route(path) {
            None => "none".into(),
            Some(Route::Unknown) => "unknown".into(),
            Some(Route::Conversations) => "conversations".into(),
            Some(Route::Activities(c)) => format!("activities {c}"),
            Some(Route::Activity(c, a)) => format!("activity {c} {a}"),
            Some(Route::Members(c)) => format!("members {c}"),
            Some(Route::PagedMembers(c)) => format!("paged {c}"),
            Some(Route::Member(c, m)) => format!("member {c} {m}"),
            Some(Route::History(c)) => format!("history {c}"),
            Some(Route::ActivityMembers(c)) => format!("members of an activity of {c}"),
            Some(Route::Reaction(c, a, kind)) => format!("reaction {c} {a} {kind}"),
            Some(Route::Uploads(c)) => format!("uploads {c}"),
            Some(Route::Attachment(id)) => format!("attachment {id}"),
            Some(Route::AttachmentView(id, view)) => format!("attachment {id} {view}"),
            Some(Route::Team(id)) => format!("team {id}"),
            Some(Route::TeamChannels(id)) => format!("channels {id}"),
            Some(Route::Token(t)) => format!("token {t}"),
            Some(Route::Description) => "description".into(),
            Some(Route::Identity) => "identity".into(),
            Some(Route::Document(document)) => format!("{document:?}"),
        }
    }

    #[test]
    fn tenants_in_paths() {
        for (path, expected) in [
            ("/teams/t-1/v3/conversations", Some("t-1")),
            ("/teams/t-1//v3/conversations", Some("t-1")),
            ("/teams/t%2D1/V3/conversations", Some("t-1")),
            ("/other/t-1/v3/conversations", None),
            ("/teams/t-1/x/v3/conversations", None),
            ("/teams//v3/conversations", None),
            ("/v3/conversations", None),
            ("/", None),
        ] {
            assert_eq!(tenant(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_in_every_spelling_that_sdks_use() {
        for (path, expected) in [
            ("/v3/conversations", "conversations"),
            ("/teams/t-1/v3/conversations", "conversations"),
            ("/teams/t-1//v3/conversations", "conversations"),
            ("/v3/conversations/19:a@thread.tacv2/activities", "activities 19:a@thread.tacv2"),
            (
                "/v3/conversations/19%3Aa%40thread.tacv2%3Bmessageid%3D7/activities",
                "activities 19:a@thread.tacv2;messageid=7",
            ),
            ("/V3/Conversations/a:1x/Activities/12", "activity a:1x 12"),
            ("/v3/conversations/a%3A1x/activities/1%252", "activity a:1x 1%2"),
            ("/v3/conversations/a:1x/pagedMembers", "paged a:1x"),
            ("/v3/conversations/a:1x/pagedmembers", "paged a:1x"),
            ("/v3/conversations/a:1x/members/29:1", "member a:1x 29:1"),
            ("/v3/conversations/a:1x/members", "members a:1x"),
            ("/v3/conversations/a:1x", "unknown"),
            ("/v3/conversations/a:1x/Activities/History", "history a:1x"),
            ("/v3/conversations/a:1x/activities/1/Members", "members of an activity of a:1x"),
            ("/v3/conversations/a:1x/activities/1/reactions/like", "reaction a:1x 1 like"),
            ("/v3/conversations/a%3A1x/activities/1/Reaction/1f44b_x%2By", "reaction a:1x 1 1f44b_x+y"),
            ("/v3/conversations/a:1x/activities/1/reactions", "unknown"),
            ("/v3/conversations/a:1x/activities/1/others/like", "unknown"),
            ("/v3/conversations/a:1x/attachments", "uploads a:1x"),
            ("/amer/t-1/V3/Attachments/ab", "attachment ab"),
            ("/v3/attachments/ab/Views/original", "attachment ab original"),
            ("/v3/attachments/ab/views", "unknown"),
            ("/v3/attachments", "unknown"),
            ("/v3/Teams/19%3Ax%40thread.tacv2", "team 19:x@thread.tacv2"),
            ("/v3/teams/x/Conversations", "channels x"),
            ("/v3/teams", "unknown"),
            ("/v3/teams/x/members", "unknown"),
            ("/v3/conversations/%ff/activities", "unknown"),
            ("/a/b/c/d/v3/conversations", "none"),
            ("/botframework.com/oauth2/v2.0/token", "token botframework.com"),
            ("/t-1/oauth2/token", "token t-1"),
            ("/teams/openapi.json", "description"),
            ("/msi/token", "identity"),
            ("/msi/token/", "identity"),
            ("/v1/.well-known/openidconfiguration", "Channel"),
            ("/v1/.well-known/keys", "Keys"),
            ("/t-1/discovery/keys", "Keys"),
            ("/t-1/discovery/v2.0/keys", "Keys"),
            ("/common/discovery/instance", "Instance"),
            ("/t-1/discovery/instance", "none"),
            ("/adfs/.well-known/openid-configuration", "Tenant(\"adfs\")"),
            ("/t-1/v2.0/.well-known/openid-configuration", "TenantVersion2(\"t-1\")"),
            ("/", "none"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
