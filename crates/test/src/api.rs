//! The control API of one server: calls, and what is known of its declared workspace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::error::Error;
use crate::log::Log;

/// How long a call may take. A click waits for its bot, which the server gives 15 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest that the server waits for an event in one call.
const EVENTS_WAIT_MS_MAX: u64 = 60_000;

/// Events that one call returns at most.
const EVENTS_MAX: u32 = 1000;

/// The way to a server.
pub(crate) struct Api {
    client: reqwest::Client,
    pub(crate) known: Known,
    pub(crate) log: Arc<Log>,
    /// How long is waited for a message unless the wait says otherwise.
    pub(crate) time_limit: Duration,
    /// A position of the workspace's log up to which somebody has read: where the next wait begins.
    read_up_to: AtomicU64,
}

/// What the server said when it was ready, and its apps.
pub(crate) struct Known {
    ready: Value,
    apps: Vec<Value>,
}

impl Api {
    /// Makes the way to a server that said this when it was ready.
    pub(crate) async fn new(ready: Value, log: Arc<Log>, time_limit: Duration) -> Result<Arc<Self>, Error> {
        let client =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|failed| crate::process::not_started(described(&failed)))?;
        let known = Known { ready, apps: Vec::new() };
        let mut api = Self { client, known, log, time_limit, read_up_to: AtomicU64::new(0) };
        let mut shown = api.get("/apps").await?["apps"].take();
        let shown = shown.as_array_mut().map(std::mem::take).unwrap_or_default();
        let declared = api.known.ready["apps"].as_array().cloned().unwrap_or_default();
        api.known.apps = declared.into_iter().map(|app| with_bot_user(app, &shown)).collect();
        Ok(Arc::new(api))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Result<Value, Error> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// One call below the workspace.
    pub(crate) async fn call(&self, verb: Method, path: &str, body: Option<Value>) -> Result<Value, Error> {
        self.call_within(verb, path, body, CALL_TIMEOUT).await
    }

    async fn call_within(
        &self,
        verb: Method,
        path: &str,
        body: Option<Value>,
        limit: Duration,
    ) -> Result<Value, Error> {
        let call = format!("{verb} {path}");
        let unanswered = |failed: reqwest::Error| Error::Unanswered {
            call: call.clone(),
            reason: described(&failed),
            log: self.log.last_words(),
        };
        let url =
            format!("{}/control/workspaces/{}{path}", self.known.url(), segment(self.known.workspace()));
        let mut request = self.client.request(verb, url).timeout(limit);
        request = request.header("authorization", format!("Bearer {}", self.known.control_token()));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.map_err(unanswered)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(unanswered)?;
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let text = |name: &str| answer["error"][name].as_str().unwrap_or("?").to_owned();
        Err(Error::Refused { call, status: status.as_u16(), code: text("code"), reason: text("message") })
    }

    /// Where a wait begins to read the log. To be asked before the first look, so that nothing after the look is missed.
    pub(crate) fn position(&self) -> u64 {
        self.read_up_to.load(Ordering::Relaxed)
    }

    /// Remembers how far a wait has read.
    pub(crate) fn read_up_to(&self, position: u64) {
        self.read_up_to.fetch_max(position, Ordering::Relaxed);
    }

    /// Waits for events behind a position, and returns the position behind them; unchanged if none arrived in time.
    pub(crate) async fn next_events(&self, after: u64, limit: Duration) -> Result<u64, Error> {
        let wait_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).min(EVENTS_WAIT_MS_MAX);
        let path = format!("/log?after={after}&limit={EVENTS_MAX}&wait_ms={wait_ms}");
        let allowed = Duration::from_millis(wait_ms) + CALL_TIMEOUT;
        let page = self.call_within(Method::GET, &path, None, allowed).await?;
        Ok(page["next"].as_u64().unwrap_or(after))
    }

    /// Makes the workspace again as it was declared.
    pub(crate) async fn reset(&self) -> Result<(), Error> {
        self.call(Method::POST, "/reset", None).await?;
        // Its log begins anew.
        self.read_up_to.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// A declared app with its bot's user id, which a Teams bot's declaration does not have.
fn with_bot_user(mut app: Value, shown: &[Value]) -> Value {
    if let Some(same) = shown.iter().find(|it| it["id"] == app["id"]) {
        app["bot_user_id"] = same["bot_user_id"].clone();
    }
    app
}

impl Known {
    pub(crate) fn url(&self) -> &str {
        text(&self.ready, "url")
    }

    pub(crate) fn service_url(&self) -> &str {
        text(&self.ready, "service_url")
    }

    pub(crate) fn control_token(&self) -> &str {
        text(&self.ready, "control_token")
    }

    pub(crate) fn workspace(&self) -> &str {
        text(&self.ready["workspace"], "id")
    }

    pub(crate) fn tenant(&self) -> &str {
        text(&self.ready["workspace"], "tenant_id")
    }

    pub(crate) fn people(&self) -> &[Value] {
        list(&self.ready["people"])
    }

    pub(crate) fn channels(&self) -> &[Value] {
        list(&self.ready["channels"])
    }

    pub(crate) fn apps(&self) -> &[Value] {
        &self.apps
    }
}

/// One thing of the declared workspace.
pub(crate) fn named<'a>(all: &'a [Value], what: &'static str, name: &str) -> Result<&'a Value, Error> {
    all.iter().find(|it| it["name"] == name).ok_or_else(|| {
        let known = all.iter().map(|it| text(it, "name").to_owned()).collect();
        Error::Unknown { what, name: name.to_owned(), known }
    })
}

/// A member's text, empty if it is none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The entries of a list; none if it is no list.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// An object without the members that are null: what was not given is not sent.
pub(crate) fn given(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}

/// A name as a segment of a path.
pub(crate) fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(byte.into());
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}

/// An error of the HTTP client with all its causes, without the address.
fn described(failed: &reqwest::Error) -> String {
    let mut said =
        if failed.is_timeout() { "it took too long".to_owned() } else { "the call failed".to_owned() };
    let mut cause = std::error::Error::source(failed);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// The body of a call about one message.
pub(crate) fn about(channel: &str, ts: &str) -> Value {
    json!({ "channel": channel, "ts": ts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_segments() {
        for (name, expected) in [
            ("U01-ADA", "U01-ADA"),
            ("19:general@thread.tacv2", "19%3Ageneral%40thread.tacv2"),
            ("a/../b?c", "a%2F..%2Fb%3Fc"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(segment(name), expected);
        }
    }

    #[test]
    fn what_was_not_given_is_not_sent() {
        assert_eq!(given(json!({"a": null, "b": 1, "c": {"d": null}})), json!({"b": 1, "c": {"d": null}}));
    }
}
