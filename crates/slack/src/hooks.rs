//! Addresses that are worth something by themselves: `response_url`s, which answer an interaction, and incoming webhooks;
//! and the answer that an app gives in its acknowledgement, which has the same shape.
//!
//! Sources: the public pages on handling interactions and on incoming webhooks. An answer has no room for a reason, so the
//! log has it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use redraft_model::command::{Caller, Command, Verb};
use redraft_model::decision::Why;
use redraft_model::directory::Directory;
use redraft_model::id::AppId;
use redraft_model::item::{Origin, ResponseUrl};
use redraft_model::respond::{Credential, Respond, RespondRefusal as R};
use redraft_model::time::{Micros, Ts};
use redraft_store::StoreError;
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::{debug, info};

use crate::args::Args;
use crate::content::{Said, TooLong};
use crate::state::Slack;
use redraft_service::bounds::{Sent, Unread};
use redraft_service::mint;
use redraft_service::{NotDone, Service};

/// The address that answers an interaction of this origin.
pub(crate) fn response_url(service: &Service, origin: Origin, team_id: &str, secret: &str) -> String {
    let kind = match origin {
        Origin::Action | Origin::Legacy => "actions",
        Origin::Command => "commands",
        Origin::MessageShortcut => "app-actions",
        Origin::Submission => "app",
    };
    format!("{}/hooks/{kind}/{team_id}/{}/{secret}", service.public_url, number(secret))
}

/// The number in such an address. The platform says nothing about it; here it is the same for the same secret.
fn number(secret: &str) -> u64 {
    let hash = mint::sha256(secret.as_bytes());
    hash[..6].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Answers a call of `/hooks/…`; `path` is what follows.
pub(crate) async fn handle(
    slack: &Slack,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Response<Body> {
    let parts: Vec<&str> = path.split('/').collect();
    let answered = match (method == Method::POST, parts.as_slice()) {
        (false, _) => {
            Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_payload", "only POST answers"))
        }
        (true, ["actions" | "commands" | "app-actions" | "app", team, _, secret]) => {
            respond(slack, team, secret, headers, body).await
        }
        (true, ["services", team, service, secret]) => {
            webhook(slack, team, service, secret, headers, body).await
        }
        _ => Err(Refused::new(StatusCode::NOT_FOUND, "no_service", "no address of this form is given out")),
    };
    // The path holds the secret and is not for the log; nor is one of another form, which may be a secret cut short.
    let kind = match parts.first() {
        Some(kind @ (&"actions" | &"commands" | &"app-actions" | &"app" | &"services")) => kind,
        _ => "unknown",
    };
    match &answered {
        Ok(()) => debug!(kind, "answered"),
        Err(Refused { code, reason, .. }) => info!(kind, error = %code, reason = %reason, "refused"),
    }
    written(answered)
}

/// Why an address did nothing.
struct Refused {
    status: StatusCode,
    code: Cow<'static, str>,
    /// A sentence for the log.
    reason: String,
    /// Told as a JSON object instead of plain text.
    json: bool,
}

impl Refused {
    fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, reason: impl Into<String>) -> Self {
        Self { status, code: code.into(), reason: reason.into(), json: false }
    }

    fn payload(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_payload", reason)
    }

    fn json(self) -> Self {
        Self { json: true, ..self }
    }
}

fn written(answered: Result<(), Refused>) -> Response<Body> {
    let (status, body, json) = match answered {
        Ok(()) => (StatusCode::OK, "ok".to_owned(), false),
        Err(Refused { status, code, json: true, .. }) => {
            (status, format!("{{\"ok\":false,\"error\":\"{code}\"}}"), true)
        }
        Err(Refused { status, code, .. }) => (status, code.into_owned(), false),
    };
    let kind = if json { "application/json; charset=utf-8" } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    match status {
        StatusCode::TOO_MANY_REQUESTS => headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")),
        StatusCode::METHOD_NOT_ALLOWED => headers.insert(header::ALLOW, HeaderValue::from_static("POST")),
        _ => None,
    };
    response
}

async fn respond(
    slack: &Slack,
    team: &str,
    secret: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Result<(), Refused> {
    let unknown = || Refused::new(StatusCode::NOT_FOUND, "no_service", "no workspace has this team id");
    let directory = slack.service.workspace_named(team).ok_or_else(unknown)?;
    let body = body.read().await.map_err(unread)?;
    let json = message_json(headers, &body)?;
    let secret = mint::sha256(secret.as_bytes());
    admit(slack, &directory, secret)?;
    let credential = Credential::ResponseUrl(secret);
    submit(&slack.service, &directory, credential, &json).await
}

async fn webhook(
    slack: &Slack,
    team: &str,
    service: &str,
    secret: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Result<(), Refused> {
    let no_team = || Refused::new(StatusCode::NOT_FOUND, "no_team", "no workspace has this team id");
    let directory = slack.service.workspace_named(team).ok_or_else(no_team)?;
    let (id, known) = webhook_named(&directory, service).ok_or_else(|| {
        Refused::new(StatusCode::NOT_FOUND, "no_service", "no app that is installed has a webhook of this id")
    })?;
    let secret = mint::sha256(secret.as_bytes());
    if known != secret {
        let reason = "the address ends in a secret that is not this webhook's";
        return Err(Refused::new(StatusCode::FORBIDDEN, "invalid_token", reason));
    }
    let body = body.read().await.map_err(unread)?;
    let json = message_json(headers, &body)?;
    admit(slack, &directory, secret)?;
    submit(&slack.service, &directory, Credential::Webhook { app: id, secret }, &json).await
}

/// One call a second, where rate limits are on. A call that is refused is no use of the address.
fn admit(slack: &Slack, directory: &Directory, secret: [u8; 32]) -> Result<(), Refused> {
    slack.rates.admit_hook(&slack.service, directory.workspace.id, secret).map_err(|_| {
        Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "an address is called once a second")
    })
}

/// The app that has this webhook, and the hash of the webhook's secret.
fn webhook_named(directory: &Directory, service: &str) -> Option<(AppId, [u8; 32])> {
    let app = directory.app_of_webhook(service).filter(|app| !app.uninstalled)?;
    let hook = app.slack.as_deref()?.webhooks.iter().find(|hook| hook.service_id == service)?;
    Some((app.id, hook.secret_hash))
}

/// Carries out what an app put into its acknowledgement: of a slash command, plain text or a message; of a button or menu
/// of an attachment, a message that replaces the original unless it says otherwise. Returns whether there was anything to
/// do. It counts as no use of the `response_url`.
///
/// # Errors
/// The platform's code, and the reason in words; nothing was changed.
pub(crate) async fn answer_inline(
    service: &Service,
    directory: &Arc<Directory>,
    grant: &ResponseUrl,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<bool, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(false);
    }
    let is_json =
        content_type.is_some_and(|it| it.trim_start().to_ascii_lowercase().starts_with("application/json"));
    let json = match (is_json, grant.origin) {
        (true, _) => body.to_vec(),
        // Only a slash command is answered in plain words.
        (false, Origin::Command) => {
            let text = String::from_utf8_lossy(body);
            serde_json::json!({ "text": text }).to_string().into_bytes()
        }
        (false, _) => return Ok(false),
    };
    if json.trim_ascii() == b"{}" {
        return Ok(false);
    }
    let done = submit(service, directory, Credential::Asked(grant.clone()), &json).await;
    done.map(|()| true).map_err(|Refused { code, reason, .. }| {
        info!(kind = "acknowledgement", error = %code, reason = %reason, "refused");
        format!("{code}: {reason}")
    })
}

/// What a message says about where it goes. Yes and no may be texts.
#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    blocks: Option<&'a RawValue>,
    #[serde(borrow)]
    attachments: Option<&'a RawValue>,
    response_type: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    replace_original: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    delete_original: Option<bool>,
    thread_ts: Option<String>,
}

fn flag<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    match Option::<Flag>::deserialize(from)? {
        None => Ok(None),
        Some(Flag::Bool(value)) => Ok(Some(value)),
        Some(Flag::Text(text)) => match text.as_str() {
            "" => Ok(None),
            "true" | "True" | "1" => Ok(Some(true)),
            "false" | "False" | "0" => Ok(Some(false)),
            _ => Err(serde::de::Error::custom("a yes or no is true or false")),
        },
    }
}

async fn submit(
    service: &Service,
    directory: &Arc<Directory>,
    credential: Credential,
    json: &[u8],
) -> Result<(), Refused> {
    let workspace = directory.workspace.id;
    let respond = read(directory, credential, json)?;
    let is_webhook = matches!(respond.credential, Credential::Webhook { .. });
    let verb = Verb::Respond(Box::new(respond));
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    match service.submit(command).await {
        Ok(_) => Ok(()),
        Err(NotDone::Refused(refusal)) => match refusal.why {
            Why::Respond(why) => Err(refused(&why, service.now(workspace), is_webhook)),
            _ => Err(Refused::new(StatusCode::NOT_FOUND, "no_service", "the workspace is gone")),
        },
        Err(NotDone::Store(failed)) => Err(unavailable(failed)),
    }
}

fn read(directory: &Directory, credential: Credential, json: &[u8]) -> Result<Respond, Refused> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(Refused::payload("the body is no JSON object"));
    }
    let asked: Asked = serde_json::from_slice(json)
        .map_err(|error| Refused::payload(format!("the body is no message: {error}")))?;
    let is = |part: Option<&RawValue>, first: &[char]| part.is_none_or(|it| it.get().starts_with(first));
    if !is(asked.text, &['"']) || !is(asked.blocks, &['[', '"']) || !is(asked.attachments, &['[', '"']) {
        return Err(Refused::payload("text is a string, blocks and attachments are arrays"));
    }
    let to_everyone = match asked.response_type.as_deref() {
        None | Some("") => None,
        Some("in_channel") => Some(true),
        Some("ephemeral") => Some(false),
        Some(other) => {
            let reason = format!("response_type is ephemeral or in_channel, not {other:?}");
            return Err(Refused::payload(reason));
        }
    };
    let args = Args::from_json(json).map_err(|error| Refused::payload(error.reasons.join("; ")))?;
    let said = Said { args: &args, directory, author: None };
    let parsed =
        said.post_content(TooLong::Cut, false).map_err(|error| Refused::payload(error.reasons.join("; ")))?;
    Ok(Respond {
        credential,
        content: parsed.content,
        fault: parsed.fault,
        to_everyone,
        replaces: asked.replace_original,
        deletes: asked.delete_original.unwrap_or(false),
        // What is no ts names no message, and is ignored in the same way.
        thread: asked
            .thread_ts
            .filter(|ts| !ts.is_empty())
            .map(|ts| Ts::from_dotted(&ts).unwrap_or(Ts::OF_NO_MESSAGE)),
    })
}

/// The JSON of a message: the body itself, or the field `payload` of a form.
fn message_json<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, Refused> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    // Whoever forgot the type of a JSON body is understood all the same.
    if !is_form || body.trim_ascii_start().starts_with(b"{") {
        return Ok(Cow::Borrowed(body));
    }
    let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or_else(|| Refused::payload("the form has no field payload"))?;
    Ok(Cow::Owned(payload.into_owned().into_bytes()))
}

fn unread(failed: Unread) -> Refused {
    match failed {
        Unread::TooBig => Refused::payload(format!(
            "the body has more than {} bytes",
            redraft_service::limits::BODY_BYTES_MAX
        )),
        Unread::Cut => Refused::payload("the body ended early"),
        Unread::NoRoom => unavailable(StoreError::Busy),
    }
}

/// A refusal as the platform answers it, as far as that is known: plain text, but for what is over.
fn refused(why: &R, now: Micros, is_webhook: bool) -> Refused {
    let not_found = |code: &'static str, reason: String| Refused::new(StatusCode::NOT_FOUND, code, reason);
    match why {
        R::Unknown if is_webhook => not_found("no_service", "the webhook is gone".into()),
        R::Unknown => not_found(
            "no_service",
            "nobody here gave out this response_url, it ended more than a day ago, or its app is uninstalled".into(),
        ),
        R::Expired(made_at) => not_found(
            "Expired url",
            format!("this response_url was made {} ago and lasts for 30 min", ago(*made_at, now)),
        )
        .json(),
        R::Used(last) => not_found(
            "used_url",
            format!("this response_url was used 5 times, the last time {} ago", ago(*last, now)),
        )
        .json(),
        R::ConversationNotFound => not_found("channel_not_found", "the conversation is gone".into()),
        R::Archived => {
            Refused::new(StatusCode::GONE, "channel_is_archived", "the conversation is archived")
        }
        R::OriginalNotFound => not_found(
            "message_not_found",
            "the message to replace or to delete was deleted, or there is none: what comes of a slash command, a \
             message shortcut or a submission has no original"
                .into(),
        ),
        R::StillStreaming => Refused::new(
            StatusCode::FORBIDDEN,
            "action_prohibited",
            "the message to replace or to delete is still streaming",
        ),
        R::ReaderGone => Refused::new(
            StatusCode::BAD_REQUEST,
            "user_not_found",
            "the person who acted, and who alone would see this, was deactivated or left the conversation",
        ),
        R::NoContent => Refused::new(
            StatusCode::BAD_REQUEST,
            "no_text",
            "neither text nor blocks nor attachments were given",
        ),
        R::Content(fault) => {
            let code = match fault.code {
                "invalid_blocks_format" | "msg_blocks_too_long" => "invalid_blocks",
                code => code,
            };
            Refused::new(StatusCode::BAD_REQUEST, code, fault.reasons.join("; "))
        }
    }
}

/// How long ago something was, in words.
fn ago(then: Micros, now: Micros) -> String {
    let seconds = (now.0 - then.0).max(0) / 1_000_000;
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

fn unavailable(failed: StoreError) -> Refused {
    match failed {
        StoreError::Busy => Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "the server is busy"),
        StoreError::Stopping | StoreError::Failed | StoreError::Damaged | StoreError::Unknown => {
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "rollup_error", failed.to_string())
        }
    }
}
