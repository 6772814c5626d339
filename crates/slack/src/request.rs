//! One call of the Web API: its method, its token, its arguments, its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method as Verb, Response, StatusCode, header};
use redraft_model::workspace::{Token, TokenKind};
use redraft_service::bounds::{Holder as Counted, Sent, UnderWay, Unread};
use redraft_service::throttle::count_refused_login;
use redraft_service::{Service, limits, mint};
use redraft_store::StoreError;
use tracing::{debug, info};

use crate::args::Args;
use crate::authenticate::{self, Holder, authenticate, bearer};
use crate::call::Call;
use crate::methods::{METHODS, TOKENLESS};
use crate::refusal::unavailable;
use crate::reply::{self, Envelope, Error, Reply};
use crate::state::Slack;
use crate::{auth, oauth};

/// Bytes of a method's name that is logged though it is not here.
const METHOD_BYTES_MAX: usize = 64;

/// Bytes of each of its words. The longest word of the platform's methods has 20.
const METHOD_WORD_BYTES_MAX: usize = 24;

/// Answers one call.
pub(crate) async fn handle(
    slack: &Arc<Slack>,
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
        run(slack, method, verb, query, headers, body, &mut warnings, &mut token, &mut envelope.accepted)
            .await;
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
    slack: &Arc<Slack>,
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
    let by_header = named.map(|given| counted(&slack.service, given)).transpose()?;
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
        None if name == "oauth.v2.access" => return oauth::access(slack, headers, &args, address).await,
        None => return auth::api_test(&args),
    };
    let ((directory, token, user), _under_way) = match by_header {
        Some(known) => known,
        None => {
            let given = args.token.take().unwrap_or_default();
            if given.is_empty() {
                return Err(Error::new("not_authed").because("no token was given"));
            }
            counted(&slack.service, &given)?
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
        slack,
        service: &slack.service,
        directory,
        token,
        user,
        args,
        idempotency_key: authenticate::header(headers, "idempotency-key").map(str::to_owned),
        if_match: authenticate::header(headers, "if-match").and_then(revision),
        method: method.name,
        posted: *verb == Verb::POST,
    };
    call.admit()?;
    (method.run)(&call).await
}

fn unread(failed: Unread) -> Error {
    match failed {
        Unread::TooBig => {
            Error::arguments(format!("the body has more than {} bytes", limits::BODY_BYTES_MAX))
        }
        Unread::Cut => Error::new("request_timeout").because("the body ended early"),
        Unread::NoRoom => unavailable(StoreError::Busy),
    }
}

/// Whose token this is, and its place among the requests of that token that are under way.
fn counted<'a>(service: &'a Service, given: &str) -> Result<(Holder, UnderWay<'a>), Error> {
    let holder = authenticate(service, given).inspect_err(|_| count_refused_login("slack"))?;
    let under_way = service.bounds.begin(Counted::Token(holder.1.hash)).ok_or_else(|| {
        let error = Error::new("ratelimited").because("too many calls of this token are under way");
        error.with_status(StatusCode::TOO_MANY_REQUESTS, 1)
    })?;
    Ok((holder, under_way))
}

/// The revision in an `If-Match` header: `"3"`, with or without `W/`.
fn revision(tag: &str) -> Option<u32> {
    tag.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
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

fn request_id() -> String {
    format!("{:032x}", u128::from(mint::fresh()) << 64 | u128::from(mint::fresh()))
}
