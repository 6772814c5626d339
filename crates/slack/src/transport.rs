//! The way to a Slack app: signed requests over HTTP, or envelopes over one of its sockets.
//!
//! Source: the public pages on verifying requests from Slack and on the Events API.

use std::time::Duration;

use aws_lc_rs::hmac;
use form_urlencoded::Serializer;
use redraft_model::id::WorkspaceId;
use redraft_model::workspace::App as Bot;
use redraft_store::machine_clock;
use serde_json::{Map, Value};

use crate::parcel::{Parcel, ParcelKind, Retry};
use crate::state::Slack;
use redraft_service::delivery::{self, Answered, Connection, Request, Unanswered};
use redraft_service::mint;

/// How long Slack waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How often an endpoint of the Events API may send a request on.
const EVENT_REDIRECTS_MAX: u32 = 2;

/// One attempt at giving an app something. Over a socket the acknowledgement's payload is the answer's body, with status
/// 200.
///
/// # Errors
/// When no answer came in time, or nothing could be sent.
pub(crate) async fn send(
    slack: &Slack,
    workspace: WorkspaceId,
    bot: &Bot,
    parcel: Parcel<'_>,
) -> Result<Answered, Unanswered> {
    let Parcel { kind, url, payload, retry, turn } = parcel;
    if bot.slack.as_ref().is_some_and(|slack| slack.socket_mode) {
        return slack.sockets.send((workspace, bot.id), kind, payload, retry, turn).await;
    }
    let url = url.ok_or_else(|| Unanswered::unsent("the app has no request URL for this"))?;
    let secret = bot.signs_with(slack.service.now(workspace));
    let secret = secret.ok_or_else(|| Unanswered::unsent("the app has no signing secret"))?;
    let (content_type, body) = match kind {
        ParcelKind::Events => ("application/json", payload),
        ParcelKind::Interactive | ParcelKind::Options => (FORM, form([("payload", payload.as_str())])),
        ParcelKind::SlashCommand => {
            let fields: Map<String, Value> = serde_json::from_str(&payload)
                .map_err(|_| Unanswered::unsent("the command could not be written as a form"))?;
            let texts =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
            (FORM, form(texts))
        }
    };
    let timestamp = machine_clock()().seconds().to_string();
    let signature = signature(secret, &timestamp, &body);
    let mut headers = vec![
        ("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned()),
        ("x-slack-request-timestamp", timestamp),
        ("x-slack-signature", signature),
    ];
    if let Some(Retry { attempt, reason }) = retry {
        headers.push(("x-slack-retry-num", attempt.to_string()));
        headers.push(("x-slack-retry-reason", reason.to_owned()));
    }
    // Only events are sent again when an attempt fails.
    let (redirects_max, connection) = match kind {
        ParcelKind::Events => (EVENT_REDIRECTS_MAX, Connection::Pooled),
        ParcelKind::Interactive | ParcelKind::Options | ParcelKind::SlashCommand => (0, Connection::Fresh),
    };
    let request = Request {
        url: url.to_owned(),
        content_type,
        body,
        headers,
        timeout_max: TIMEOUT,
        redirects_max,
        connection,
    };
    let answered = delivery::call(&slack.service, request).await;
    drop(turn);
    answered
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Slack's signature of these very bytes, version 0.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", mint::hex(signed.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// The example of Slack's page on verifying requests.
    #[test]
    fn the_documented_signature() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
            &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
            &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
            &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
