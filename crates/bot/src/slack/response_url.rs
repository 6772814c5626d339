//! What only a `response_url` reaches: a message for one member, and a conversation that the bot is not in.

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::client::{SlackClient, quote, within_limits};
use crate::activity::ConversationAccount;
use crate::error::{Error, Refusal, Repeat};
use crate::http::Answer;

/// What errors call such a call.
const METHOD: &str = "response_url";
/// The member of a conversation that holds what the turn brought along.
const TURN: &str = "slack";

/// The id of a message that is reached through its `response_url`: `response:{ts}:{url}`. It survives a restart of the bot; Slack
/// takes five calls of the address within thirty minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EphemeralId<'a> {
    pub(super) ts: &'a str,
    pub(super) url: &'a str,
}

impl<'a> EphemeralId<'a> {
    /// `None` if the id is another message's `ts`.
    pub(super) fn read(id: &'a str) -> Option<Self> {
        let (ts, url) = id.strip_prefix("response:")?.split_once(':')?;
        Some(Self { ts, url })
    }

    pub(super) fn write(self) -> String {
        format!("response:{}:{}", self.ts, self.url)
    }
}

/// The data of a turn, as it is stored in the conversation of its activity: from there it gets into references and into what
/// is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) response_url: String,
    /// Who did it: an answer for one member reaches nobody else.
    pub(super) user: String,
    /// Whether the turn came from a message that only this member sees.
    pub(super) ephemeral: bool,
}

impl Turn {
    pub(super) fn of(conversation: &ConversationAccount) -> Option<Self> {
        let turn = conversation.extra.get(TURN)?;
        let text = |name: &str| turn.get(name).and_then(Value::as_str);
        Some(Self {
            response_url: text("response_url")?.to_owned(),
            user: text("user").unwrap_or_default().to_owned(),
            ephemeral: turn.get("ephemeral") == Some(&Value::Bool(true)),
        })
    }

    pub(super) fn put(&self, conversation: &mut ConversationAccount) {
        let turn = json!({"response_url": self.response_url, "user": self.user, "ephemeral": self.ephemeral});
        conversation.extra.insert(TURN.to_owned(), turn);
    }
}

/// Whether an address is Slack's, or of the server that the bot was pointed at: nobody else is sent what the bot says.
fn trusted(url: &str, api_url: &str) -> bool {
    let (Ok(url), Ok(api)) = (reqwest::Url::parse(url), reqwest::Url::parse(api_url)) else { return false };
    let Some(host) = url.host_str() else { return false };
    if !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    let slack = host == "slack.com" || host.ends_with(".slack.com");
    let own = api.host_str() == Some(host);
    match url.scheme() {
        "https" => slack || own,
        "http" => own && api.scheme() == "http",
        _ => false,
    }
}

/// Calls a `response_url`.
///
/// # Errors
/// [`Error::Refused`] with `used_url` or `expired_url` where the address is used up or too old.
pub(super) async fn call(
    client: &SlackClient,
    url: &str,
    body: &Map<String, Value>,
    repeat: Repeat,
) -> Result<(), Error> {
    if !trusted(url, client.api_url()) {
        return Err(Error::Misconfigured("The response_url is not Slack's; nothing was sent.".to_owned()));
    }
    let json = serde_json::to_vec(body).map_err(Error::own)?;
    let call = || async {
        let request = client.http().request(http::Method::POST, url);
        let request = request.header(CONTENT_TYPE, "application/json; charset=utf-8").body(json.clone());
        read(&client.http().call(METHOD, repeat, request).await?, repeat)
    };
    within_limits(METHOD, call).await
}

fn read(answer: &Answer, repeat: Repeat) -> Result<(), Error> {
    let json = serde_json::from_slice::<Value>(&answer.body).ok().filter(Value::is_object);
    let said = json.as_ref().and_then(|json| json.get("error")).and_then(Value::as_str);
    let refused = json.as_ref().is_some_and(|json| json.get("ok") == Some(&Value::Bool(false)));
    let status = answer.status.as_u16();
    if answer.status.is_success() && !refused {
        return Ok(());
    }
    let text = quote(&answer.body);
    let code = match said.unwrap_or(&text) {
        // Slack's own spelling.
        "Expired url" => "expired_url".to_owned(),
        word if !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase() || it == b'_') => {
            word.to_owned()
        }
        _ => format!("http_{status}"),
    };
    let message = if code == text { String::new() } else { text };
    let retry_after = answer.retry_after();
    let refusal = Refusal { method: METHOD.to_owned(), status, code, message, reason: None, retry_after };
    match status {
        429 => Err(Error::RateLimited(refusal)),
        500.. if repeat == Repeat::MayDuplicate && refusal.retry_after.is_none() => {
            let reason = format!("the server failed with HTTP {status}");
            Err(Error::Unanswered { method: METHOD.to_owned(), reason, repeat })
        }
        _ => Err(Error::Refused(refusal)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn addresses_that_are_trusted() {
        for (url, api_url, expected) in [
            ("https://hooks.slack.com/actions/T/1/s", "https://slack.com/api/", true),
            ("https://slack.com/x", "https://slack.com/api/", true),
            ("http://hooks.slack.com/actions/T/1/s", "https://slack.com/api/", false),
            ("https://hooks.slack.com.evil.example/x", "https://slack.com/api/", false),
            ("https://evilslack.com/x", "https://slack.com/api/", false),
            ("https://hooks.slack.com@evil.example/x", "https://slack.com/api/", false),
            ("https://user@hooks.slack.com/x", "https://slack.com/api/", false),
            ("http://127.0.0.1:8080/hooks/x", "http://127.0.0.1:8080/api/", true),
            ("http://127.0.0.1:8080/hooks/x", "https://127.0.0.1:8443/api/", false),
            ("https://127.0.0.1:8443/hooks/x", "http://127.0.0.1:8080/api/", true),
            ("http://127.0.0.2/hooks/x", "http://127.0.0.1:8080/api/", false),
            ("file:///etc/passwd", "https://slack.com/api/", false),
            ("", "https://slack.com/api/", false),
        ] {
            assert_eq!(trusted(url, api_url), expected, "{url} beside {api_url}");
        }
    }

    #[test]
    fn ids() {
        let id = EphemeralId { ts: "1.2", url: "https://hooks.slack.com/actions/T/1/s" };
        assert_eq!(id.write(), "response:1.2:https://hooks.slack.com/actions/T/1/s");
        assert_eq!(EphemeralId::read(&id.write()), Some(id));
        for other in ["1700000000.000100", "response", "response:1", ""] {
            assert_eq!(EphemeralId::read(other), None, "{other}");
        }
    }

    #[test]
    fn answers() {
        for (status, body, expected) in [
            (200, "ok", "ok"),
            (200, r#"{"ok":true}"#, "ok"),
            (200, "", "ok"),
            (404, r#"{"ok":false,"error":"used_url"}"#, "used_url"),
            (404, r#"{"ok":false,"error":"Expired url"}"#, "expired_url"),
            (200, r#"{"ok":false,"error":"expired_url"}"#, "expired_url"),
            (400, "no_text", "no_text"),
            (404, "<html>", "http_404"),
            (429, "", "http_429"),
            (500, "rollup_error", "unanswered"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let answer =
                Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) };
            let said = match read(&answer, Repeat::MayDuplicate) {
                Ok(()) => "ok".to_owned(),
                Err(Error::Unanswered { .. }) => "unanswered".to_owned(),
                Err(error) => error.refusal().unwrap().code.clone(),
            };
            assert_eq!(said, expected, "{status} {body}");
        }
    }
}
