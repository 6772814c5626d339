//! One call: its route, its token, its operation, its answer.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use redraft_service::bounds::{Holder, Sent, Unread};
use redraft_service::throttle::count_refused_login;
use redraft_store::StoreError;
use tracing::{debug, info};

use crate::authenticate::authenticate;
use crate::call::Call;
use crate::counted::subjects;
use crate::reply::{self, Error, Reply};
use crate::routes::{Route, route, tenant};
use crate::state::Connector;
use crate::{
    activities, attachments, conversations, metadata, openapi, reactions, refusal, teams, token, transcripts,
};

/// Answers a call, or `None` if the path is nothing of the Connector's.
pub async fn handle(
    connector: &Connector,
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
            return Some(token::issue(connector, method, tenant, headers, body).await);
        }
        Route::Description => return Some(openapi::answer(method)),
        Route::Identity => {
            return Some(token::identity(connector, method, query, headers, body.address).await);
        }
        Route::Document(document) => {
            return Some(metadata::answer(connector, document, method, query, headers, over_tls).await);
        }
        _ => {}
    }
    let answer = run(connector, method, &route, tenant(path).as_deref(), query, headers, body).await;
    match &answer {
        Ok(_) => debug!(%method, "answered"),
        Err(error) => {
            info!(%method, status = error.status.as_u16(), code = error.code, reason = error.message, "refused")
        }
    }
    Some(reply::write(answer))
}

async fn run(
    connector: &Connector,
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
        authenticate(connector, headers, tenant).inspect_err(|_| count_refused_login("connector"))?;
    let holder = Holder::Bot(directory.workspace.id, bot.id);
    let _under_way =
        connector.service.bounds.begin(holder).ok_or_else(|| refusal::unavailable(StoreError::Busy))?;
    let read = body.read().await.map_err(|unread| match unread {
        Unread::TooBig => {
            let message = "The body is bigger than the server reads.";
            Error::new(StatusCode::PAYLOAD_TOO_LARGE, "MessageSizeTooBig", message)
        }
        Unread::Cut => Error::new(StatusCode::BAD_REQUEST, "BadSyntax", "The body ended early."),
        Unread::NoRoom => refusal::unavailable(StoreError::Busy),
    })?;
    let call =
        Call { connector, service: &connector.service, directory, bot, query, headers, body: read.bytes() };
    if let Some(rates) = &connector.rates {
        rates.admit(call.service, &subjects(&call, route, method)).inspect_err(|_| {
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
