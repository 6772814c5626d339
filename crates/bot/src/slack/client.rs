//! Calls of Slack's Web API.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use crate::activity::ConversationAccount;
use crate::adapter::BoxFuture;
use crate::error::{Error, Refusal, Repeat};
use crate::http::{Answer, HttpClient};

/// Slack's own Web API. Other servers are set with `SLACK_API_URL`.
const API_URL: &str = "https://slack.com/api/";
/// The most repetitions of a rate-limited call.
pub const SLACK_RETRIES_MAX: u32 = 3;
/// The longest time that these repetitions of one call wait in total, in milliseconds. Slack's windows are one minute long;
/// most waits take a second.
pub const SLACK_RETRY_MS_TOTAL_MAX: u64 = 30_000;
/// The wait after a 429 without `Retry-After`, in milliseconds.
const RATE_LIMIT_DEFAULT_MS: u64 = 1_000;
/// The most characters that an error quotes of a body that is not Slack's JSON.
const QUOTE_CHARS_MAX: usize = 200;
/// Set by Redraft's users: the same key gives the same result and happens once. Slack ignores it.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A token of the Web API, such as `xoxb-…`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackToken(String);

impl SlackToken {
    /// The token with this text.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for SlackToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SlackToken(…)")
    }
}

impl From<&str> for SlackToken {
    fn from(token: &str) -> Self {
        Self::new(token)
    }
}

impl From<String> for SlackToken {
    fn from(token: String) -> Self {
        Self::new(token)
    }
}

/// The installation of an app, by which its token is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SlackTeam {
    /// The workspace, `T…`.
    pub team_id: Option<String>,
    /// The organisation, `E…`, of an installation for all its workspaces.
    pub enterprise_id: Option<String>,
}

impl SlackTeam {
    /// The workspace with this id.
    #[must_use]
    pub fn new(team_id: impl Into<String>) -> Self {
        Self { team_id: Some(team_id.into()), enterprise_id: None }
    }

    /// The workspace of a conversation.
    #[must_use]
    pub fn of(conversation: &ConversationAccount) -> Self {
        let enterprise_id = conversation.extra.get("enterprise_id").and_then(Value::as_str);
        Self { team_id: conversation.tenant_id.clone(), enterprise_id: enterprise_id.map(str::to_owned) }
    }
}

/// The source of the tokens of the teams that installed the app: one [`SlackToken`] for all, or a closure that looks one up.
/// The SDK asks before each call, so that tokens can rotate; cache what is slow to look up.
///
/// ```
/// use redraft_bot::{Error, SlackClient, SlackTeam, SlackToken};
///
/// # fn main() -> Result<(), Error> {
/// let tokens = |team: SlackTeam| async move {
///     match team.team_id.as_deref() {
///         Some("T01ACME") => Ok(SlackToken::new("xoxb-of-acme")),
///         _ => Err(Error::own("this team has not installed the app")),
///     }
/// };
/// let client = SlackClient::new(tokens)?;
/// let acme = client.for_team(SlackTeam::new("T01ACME"));
/// # let _ = acme;
/// # Ok(())
/// # }
/// ```
pub trait SlackTokenProvider: Send + Sync + 'static {
    /// The token for calls in this team.
    fn token<'a>(&'a self, team: &'a SlackTeam) -> BoxFuture<'a, Result<SlackToken, Error>>;
}

impl SlackTokenProvider for SlackToken {
    fn token<'a>(&'a self, _team: &'a SlackTeam) -> BoxFuture<'a, Result<SlackToken, Error>> {
        Box::pin(async { Ok(self.clone()) })
    }
}

impl<P, F> SlackTokenProvider for P
where
    P: Fn(SlackTeam) -> F + Send + Sync + 'static,
    F: Future<Output = Result<SlackToken, Error>> + Send + 'static,
{
    fn token<'a>(&'a self, team: &'a SlackTeam) -> BoxFuture<'a, Result<SlackToken, Error>> {
        Box::pin(self(team.clone()))
    }
}

/// A client of the Web API. Cheap to clone.
///
/// ```no_run
/// # async fn example() -> Result<(), redraft_bot::Error> {
/// use redraft_bot::{SlackClient, SlackToken};
/// use serde_json::json;
///
/// let client = SlackClient::new(SlackToken::new("xoxb-…"))?;
/// let posted = client.call("chat.postMessage", json!({"channel": "C01OPS", "text": "Hello"})).await?;
/// client.call("pins.add", json!({"channel": "C01OPS", "timestamp": posted["ts"]})).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SlackClient {
    inner: Arc<Inner>,
    team: Arc<SlackTeam>,
}

struct Inner {
    http: HttpClient,
    tokens: Arc<dyn SlackTokenProvider>,
    /// Ends with a slash.
    api_url: String,
}

impl fmt::Debug for SlackClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SlackClient");
        shown.field("api_url", &self.inner.api_url).field("team", &self.team).finish_non_exhaustive()
    }
}

impl SlackClient {
    /// A client of Slack itself.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if TLS can't be set up.
    pub fn new(tokens: impl SlackTokenProvider) -> Result<Self, Error> {
        Self::at(API_URL, tokens)
    }

    /// A client of another server, by the URL of its API, which ends in `/api/`.
    ///
    /// # Errors
    /// [`Error::Misconfigured`] if this is no URL, or TLS can't be set up.
    pub fn at(api_url: &str, tokens: impl SlackTokenProvider) -> Result<Self, Error> {
        Self::with_provider(api_url, Arc::new(tokens))
    }

    pub(super) fn with_provider(api_url: &str, tokens: Arc<dyn SlackTokenProvider>) -> Result<Self, Error> {
        let url = reqwest::Url::parse(api_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url.filter(|url| url.has_host() && url.query().is_none()) else {
            return Err(Error::Misconfigured(format!(
                "{api_url:?} is no URL of Slack's API: it starts with https:// and ends in /api/."
            )));
        };
        let mut api_url = url.to_string();
        if !api_url.ends_with('/') {
            api_url.push('/');
        }
        let inner = Inner { http: HttpClient::new()?, tokens, api_url };
        Ok(Self { inner: Arc::new(inner), team: Arc::default() })
    }

    /// The client with the token of this team.
    #[must_use]
    pub fn for_team(&self, team: SlackTeam) -> Self {
        Self { inner: Arc::clone(&self.inner), team: Arc::new(team) }
    }

    /// The URL of the API, with a slash at its end.
    #[must_use]
    pub fn api_url(&self) -> &str {
        &self.inner.api_url
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.inner.http
    }

    /// Calls a method with these named arguments and returns the whole answer. Arguments that are `null` are left out. They are
    /// sent as a form, which every method accepts, with lists and objects as JSON.
    ///
    /// A rate-limited call is repeated after the time that Slack asks for, at most [`SLACK_RETRIES_MAX`]
    /// times and [`SLACK_RETRY_MS_TOTAL_MAX`] in all. Nothing else is repeated.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing changed; `code` is Slack's `error`, `message` what `response_metadata` says about it (Redraft
    /// explains its refusals there). [`Error::RateLimited`]: the repetitions were used up.
    /// [`Error::Unanswered`]: no answer, or an answer that is not Slack's.
    pub async fn call(&self, method: &str, arguments: Value) -> Result<Value, Error> {
        self.call_once(method, &arguments, None).await
    }

    /// As `call`, with an idempotency key, which makes repetitions safe where the server stores such keys.
    pub(super) async fn call_once(
        &self,
        method: &str,
        arguments: &Value,
        key: Option<&str>,
    ) -> Result<Value, Error> {
        let token = self.inner.tokens.token(&self.team).await?;
        self.call_as(&token, method, arguments, key).await
    }

    /// As `call`, with a token of the caller's.
    pub(super) async fn call_as(
        &self,
        token: &SlackToken,
        method: &str,
        arguments: &Value,
        key: Option<&str>,
    ) -> Result<Value, Error> {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
            return Err(Error::Misconfigured(format!("Slack has no method {method:?}.")));
        }
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.0)).map_err(|_| {
            Error::Misconfigured("The Slack token has characters that no header can have.".to_owned())
        })?;
        bearer.set_sensitive(true);
        let url = format!("{}{method}", self.inner.api_url);
        let body = form(method, arguments)?;
        let repeat = if key.is_some() { Repeat::MayDuplicate } else { repeat(method) };
        let call = || async {
            let mut request = self.inner.http.request(http::Method::POST, &url);
            request = request.header(AUTHORIZATION, bearer.clone());
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(key) = key {
                request = request.header(IDEMPOTENCY_KEY, key);
            }
            let answer = self.inner.http.call(method, repeat, request.body(body.clone())).await?;
            read(method, repeat, &answer)
        };
        within_limits(method, call).await
    }
}

/// Makes a call, and again after a rate limit.
pub(super) async fn within_limits<T, F>(method: &str, call: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let end = Instant::now() + Duration::from_millis(SLACK_RETRY_MS_TOTAL_MAX);
    for _ in 0..SLACK_RETRIES_MAX {
        match call().await {
            Err(Error::RateLimited(refusal)) => {
                let wait = refusal.retry_after.unwrap_or(Duration::from_millis(RATE_LIMIT_DEFAULT_MS));
                if end < Instant::now() + wait {
                    return Err(Error::RateLimited(refusal));
                }
                tracing::debug!(method, wait_ms = wait.as_millis(), "a rate limit");
                tokio::time::sleep(wait).await;
            }
            other => return other,
        }
    }
    call().await
}

/// The arguments as a form.
fn form(method: &str, arguments: &Value) -> Result<String, Error> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    match arguments {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Null => {}
                    Value::String(text) => drop(form.append_pair(name, text)),
                    Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                        form.append_pair(name, &value.to_string());
                    }
                }
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Error::Misconfigured(format!("The arguments of {method} are no JSON object.")));
        }
    }
    Ok(form.finish())
}

/// Whether a call that was not answered may be made again: it reads, or a second call has no further effect.
fn repeat(method: &str) -> Repeat {
    const SAFE: [&str; 26] = [
        "update",
        "delete",
        "list",
        "info",
        "test",
        "history",
        "replies",
        "members",
        "open",
        "close",
        "join",
        "leave",
        "invite",
        "kick",
        "archive",
        "unarchive",
        "rename",
        "mark",
        "add",
        "remove",
        "publish",
        "conversations",
        "messages",
        "files",
        "all",
        "validate",
    ];
    let verb = method.rsplit('.').next().unwrap_or_default();
    let safe = SAFE.contains(&verb) || verb.starts_with("get") || verb.starts_with("set");
    if safe { Repeat::Safe } else { Repeat::MayDuplicate }
}

/// What an answer says.
fn read(method: &str, repeat: Repeat, answer: &Answer) -> Result<Value, Error> {
    let status = answer.status.as_u16();
    let json = serde_json::from_slice::<Value>(&answer.body).ok();
    let text = |name: &str| json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str);
    let refusal = Refusal {
        method: method.to_owned(),
        status,
        code: text("error").map_or_else(|| format!("http_{status}"), str::to_owned),
        message: json.as_ref().map_or_else(|| quote(&answer.body), messages),
        reason: None,
        retry_after: answer.retry_after(),
    };
    match (answer.status.is_success(), json) {
        (true, Some(json)) if json.get("ok") == Some(&Value::Bool(true)) => Ok(json),
        _ if status == 429 || matches!(refusal.code.as_str(), "ratelimited" | "rate_limited") => {
            Err(Error::RateLimited(refusal))
        }
        (true, Some(json)) if json.get("ok") == Some(&Value::Bool(false)) => Err(Error::Refused(refusal)),
        (true, _) => {
            let reason = format!("the answer is not Slack's: {}", quote(&answer.body));
            Err(Error::Unanswered { method: method.to_owned(), reason, repeat })
        }
        // A broken server may have done part of the work. One that says when to come again has not begun.
        (false, _) if 500 <= status && repeat == Repeat::MayDuplicate && refusal.retry_after.is_none() => {
            let reason = format!("the server failed with HTTP {status}");
            Err(Error::Unanswered { method: method.to_owned(), reason, repeat })
        }
        (false, _) => Err(Error::Refused(refusal)),
    }
}

/// What `response_metadata.messages` and the like say, as one line.
fn messages(answer: &Value) -> String {
    let mut said: Vec<&str> = Vec::new();
    if let Some(messages) = answer.pointer("/response_metadata/messages").and_then(Value::as_array) {
        said.extend(
            messages
                .iter()
                .filter_map(Value::as_str)
                .map(|message| message.strip_prefix("[ERROR] ").unwrap_or(message)),
        );
    }
    let mut said = said.join("; ");
    for name in ["needed", "provided", "req_method", "deprecated_argument", "detail"] {
        if let Some(value) = answer.get(name).and_then(Value::as_str) {
            let separator = if said.is_empty() { "" } else { "; " };
            said.push_str(&format!("{separator}{name}: {value}"));
        }
    }
    said
}

/// The start of a body, for people.
pub(super) fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    fn answered(method: &str, status: u16, retry_after: &str, body: &str) -> Result<Value, Error> {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert(http::header::RETRY_AFTER, retry_after.parse().unwrap());
        }
        let body = Bytes::copy_from_slice(body.as_bytes());
        read(method, repeat(method), &Answer { status: StatusCode::from_u16(status).unwrap(), headers, body })
    }

    #[test]
    fn answers_as_errors() {
        for (method, status, retry_after, body, expected) in [
            ("chat.update", 200, "", r#"{"ok":true}"#, "ok"),
            (
                "chat.update",
                200,
                "",
                r#"{"ok":false,"error":"message_not_found","response_metadata":{"messages":["[ERROR] it was deleted","[WARN] w"]}}"#,
                "refused: chat.update was refused: message_not_found (HTTP 200): it was deleted; [WARN] w",
            ),
            (
                "chat.postMessage",
                200,
                "",
                r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"users:read"}"#,
                "refused: chat.postMessage was refused: missing_scope (HTTP 200): needed: chat:write; provided: users:read",
            ),
            ("chat.postMessage", 429, "7", r#"{"ok":false,"error":"ratelimited"}"#, "limited 7"),
            ("chat.postMessage", 429, "7", "too many", "limited 7"),
            ("chat.postMessage", 200, "", r#"{"ok":false,"error":"rate_limited"}"#, "limited 0"),
            // It may have been posted, unless the server says that it has not begun.
            (
                "chat.postMessage",
                500,
                "",
                r#"{"ok":false,"error":"internal_error"}"#,
                "unanswered MayDuplicate",
            ),
            ("chat.postMessage", 502, "", "<html>", "unanswered MayDuplicate"),
            (
                "chat.postMessage",
                503,
                "1",
                r#"{"ok":false,"error":"service_unavailable"}"#,
                "refused: chat.postMessage was refused: service_unavailable (HTTP 503)",
            ),
            (
                "chat.update",
                502,
                "",
                "<html>",
                "refused: chat.update was refused: http_502 (HTTP 502): <html>",
            ),
            ("chat.update", 404, "", "", "refused: chat.update was refused: http_404 (HTTP 404)"),
            ("chat.postMessage", 200, "", "<html>", "unanswered MayDuplicate"),
            ("chat.update", 200, "", "<html>", "unanswered Safe"),
            ("chat.update", 200, "", "[]", "unanswered Safe"),
            ("chat.update", 200, "", "", "unanswered Safe"),
        ] {
            let said = match answered(method, status, retry_after, body) {
                Ok(_) => "ok".to_owned(),
                Err(error @ Error::Refused(_)) => format!("refused: {error}"),
                Err(error @ Error::RateLimited(_)) => {
                    format!("limited {}", error.retry_after().unwrap_or_default().as_secs())
                }
                Err(Error::Unanswered { repeat, .. }) => format!("unanswered {repeat:?}"),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(said, expected, "{method} {status} {body}");
        }
    }

    #[test]
    fn what_may_be_repeated() {
        for method in ["chat.update", "chat.delete", "conversations.history", "auth.test", "users.info"] {
            assert_eq!(repeat(method), Repeat::Safe, "{method}");
        }
        for method in [
            "chat.postMessage",
            "chat.postEphemeral",
            "chat.scheduleMessage",
            "chat.appendStream",
            "views.push",
        ] {
            assert_eq!(repeat(method), Repeat::MayDuplicate, "{method}");
        }
    }

    #[test]
    fn arguments_as_a_form() {
        let arguments = json!({"a": "x y&z", "b": true, "c": null, "d": 7, "e": [{"f": "ä"}]});
        let expected = "a=x+y%26z&b=true&d=7&e=%5B%7B%22f%22%3A%22%C3%A4%22%7D%5D";
        assert_eq!(form("m", &arguments).unwrap(), expected);
        assert!(form("m", &json!([])).is_err());
    }

    #[test]
    fn tokens_are_not_shown() {
        let client = SlackClient::new(SlackToken::new("xoxb-secret")).unwrap();
        let shown = format!("{client:?} {:?}", SlackToken::new("xoxb-secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
