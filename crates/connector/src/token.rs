//! The token endpoint: client credentials, in both forms of its address; and the endpoint of managed identities.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redraft_model::directory::Directory;
use redraft_model::time::Micros;
use redraft_model::workspace::App as Bot;
use redraft_wire::connector::conversation::{TokenError, TokenResponse};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tracing::info;

use crate::authority::TOKEN_SECONDS;
use crate::reply::json_type;
use crate::state::Connector;
use redraft_service::Service;
use redraft_service::bounds::{Sent, Unread};
use redraft_service::mint;
use redraft_service::throttle::count_refused_login;
use redraft_service::throttle::{Attempt, Door, Throttled};

/// What `Retry-After` says after too many wrong passwords. One more is looked at every two seconds.
const RETRY_AFTER_SECONDS: &str = "2";

/// Bytes of the form at most.
const FORM_BYTES_MAX: usize = 16 * 1024;

struct Refused(StatusCode, &'static str, String);

/// Too many wrong passwords came before; as Entra ID says it.
fn too_many(throttled: Throttled) -> Refused {
    let why = format!(
        "AADSTS90055: The request was throttled: too many wrong secrets. Try again in {} seconds.",
        throttled.seconds
    );
    Refused(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", why)
}

/// Answers `POST /{tenant}/oauth2/v2.0/token` and `POST /{tenant}/oauth2/token`.
pub(super) async fn issue(
    connector: &Connector,
    method: &Method,
    tenant: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Response<Body> {
    let (status, body) = match token(connector, method, tenant, headers, body).await {
        Ok(token) => {
            let seconds = TOKEN_SECONDS;
            let answer = TokenResponse {
                token_type: "Bearer",
                expires_in: seconds,
                ext_expires_in: seconds,
                access_token: &token,
            };
            (StatusCode::OK, serde_json::to_string(&answer))
        }
        Err(Refused(status, error, why)) => {
            count_refused_login("token_endpoint");
            info!(error, why, "no token was issued");
            (status, serde_json::to_string(&TokenError { error, error_description: &why }))
        }
    };
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    let (name, value) = json_type();
    response.headers_mut().insert(name, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

async fn token(
    connector: &Connector,
    method: &Method,
    tenant: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Result<String, Refused> {
    if method != Method::POST {
        let why = "AADSTS900561: The endpoint only accepts POST requests.";
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", why.into()));
    }
    let address = body.address;
    // No form is as good as one that cannot be read.
    let form = match body.read_at_most(FORM_BYTES_MAX).await {
        Ok(read) => form_urlencoded::parse(&read).into_owned().collect(),
        Err(Unread::TooBig) => {
            return Err(bad("invalid_request", "AADSTS90015: The request is too big."));
        }
        Err(Unread::Cut | Unread::NoRoom) => Vec::new(),
    };
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let basic = basic(headers);
    let client_id = field("client_id").or(basic.as_ref().map(|(id, _)| id.as_str())).unwrap_or_default();
    let secret =
        field("client_secret").or(basic.as_ref().map(|(_, secret)| secret.as_str())).unwrap_or_default();
    match field("grant_type") {
        Some("client_credentials") => {}
        None => return Err(bad("invalid_request", "AADSTS900144: The request must contain grant_type.")),
        Some(_) => {
            return Err(bad("unsupported_grant_type", "AADSTS70003: Only client_credentials is supported."));
        }
    }
    check_scope(field("scope"), field("resource"))?;
    let unknown =
        || bad("unauthorized_client", "AADSTS700016: The application was not found in the directory.");
    let (directory, bot) =
        find(&connector.service, client_id, secret, address).map_err(too_many)?.ok_or_else(unknown)?;
    if connector
        .service
        .workspace_named(tenant)
        .is_some_and(|named| named.workspace.id != directory.workspace.id)
    {
        return Err(unknown());
    }
    if !knows_password(
        &connector.service,
        &bot,
        secret,
        address,
        connector.service.now(directory.workspace.id),
    )
    .map_err(too_many)?
    {
        let why = "AADSTS7000215: Invalid client secret provided.";
        return Err(Refused(StatusCode::UNAUTHORIZED, "invalid_client", why.into()));
    }
    let failed = || Refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server failed.".into());
    connector.authority.prepare(&*connector.service.store).await.map_err(|_| failed())?;
    connector.authority.issue(&directory.workspace, &bot).map(|(token, _)| token).ok_or_else(failed)
}

/// A bot with its workspace.
type Registered = (Arc<Directory>, Arc<Bot>);

/// The registered Teams bot of this app id. Asking for one that is not here counts as a guess.
fn find(
    service: &Service,
    app_id: &str,
    secret: &str,
    address: Option<IpAddr>,
) -> Result<Option<Registered>, Throttled> {
    let directory = service.workspace_named(app_id);
    let registered = |bot: &&Arc<Bot>| bot.app_id == app_id && !bot.uninstalled;
    let found = directory.and_then(|directory| {
        let bot = directory.app_named(app_id).filter(registered).cloned()?;
        Some((directory, bot))
    });
    if found.is_none() {
        let guess = Attempt { door: Door::Token, address, name: "", secret };
        service.throttle.admit(&guess)?;
        service.throttle.note(&guess, false);
    }
    Ok(found)
}

/// Whether this is the bot's password.
///
/// # Errors
/// When too many were wrong before.
fn knows_password(
    service: &Service,
    bot: &Bot,
    secret: &str,
    address: Option<IpAddr>,
    now: Micros,
) -> Result<bool, Throttled> {
    let attempt = Attempt { door: Door::Token, address, name: &bot.app_id, secret };
    service.throttle.admit(&attempt)?;
    let given = mint::sha256(secret.as_bytes());
    let knows = bot.passwords(now).fold(false, |known, hash| known | bool::from(hash.ct_eq(&given)));
    service.throttle.note(&attempt, knows);
    Ok(knows)
}

/// Answers `GET /msi/token`, the identity endpoint of Azure App Service (`IDENTITY_ENDPOINT`), where a bot with a managed
/// identity gets its token. `IDENTITY_HEADER`, which Azure gives to the bot's own process only, is here the bot's
/// password.
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
pub(super) async fn identity(
    connector: &Connector,
    method: &Method,
    query: Option<&str>,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Response<Body> {
    let (status, body) = match identity_token(connector, method, query, headers, address).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err((status, message)) => {
            info!(status = status.as_u16(), message, "no token was issued");
            (status, json!({ "statusCode": status.as_u16(), "message": message }))
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let (name, value) = json_type();
    response.headers_mut().insert(name, value);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

async fn identity_token(
    connector: &Connector,
    method: &Method,
    query: Option<&str>,
    headers: &HeaderMap,
    address: Option<IpAddr>,
) -> Result<Value, (StatusCode, &'static str)> {
    if method != Method::GET {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "The endpoint takes GET."));
    }
    let query: Vec<(String, String)> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let asked = |name: &str| {
        query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let bad = |why| (StatusCode::BAD_REQUEST, why);
    if asked("api-version") != "2019-08-01" {
        return Err(bad("api-version must be 2019-08-01."));
    }
    let resource = asked("resource");
    check_scope(None, Some(resource)).map_err(|_| bad("resource must be https://api.botframework.com."))?;
    let app_id = asked("client_id");
    let given = headers.get("x-identity-header").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let too_many = |_| (StatusCode::TOO_MANY_REQUESTS, "Too many wrong identity headers; try again later.");
    let (directory, bot) = find(&connector.service, app_id, given, address)
        .map_err(too_many)?
        .ok_or(bad("client_id must be the app id of a registered bot."))?;
    if !knows_password(
        &connector.service,
        &bot,
        given,
        address,
        connector.service.now(directory.workspace.id),
    )
    .map_err(too_many)?
    {
        let why = "X-IDENTITY-HEADER must be the bot's password; set IDENTITY_HEADER to it.";
        return Err((StatusCode::UNAUTHORIZED, why));
    }
    let failed = || (StatusCode::INTERNAL_SERVER_ERROR, "The server failed.");
    connector.authority.prepare(&*connector.service.store).await.map_err(|_| failed())?;
    let (token, ends) = connector.authority.issue(&directory.workspace, &bot).ok_or_else(failed)?;
    Ok(json!({
        "access_token": token,
        "client_id": bot.app_id,
        "expires_on": ends.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    }))
}

/// The v2 form names a scope, the v1 form a resource; both mean the Connector.
fn check_scope(scope: Option<&str>, resource: Option<&str>) -> Result<(), Refused> {
    let asked = scope.or(resource).unwrap_or_default();
    if asked.trim_end_matches("/.default").trim_end_matches('/') == "https://api.botframework.com" {
        return Ok(());
    }
    Err(bad("invalid_scope", "AADSTS70011: The scope must be https://api.botframework.com/.default."))
}

fn bad(error: &'static str, why: &str) -> Refused {
    Refused(StatusCode::BAD_REQUEST, error, why.into())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let given = headers.get("authorization")?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(given.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
