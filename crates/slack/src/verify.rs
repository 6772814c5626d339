//! `url_verification`: whether an app's request URL answers as Slack wants it to before it sends events there.
//!
//! Source: the public page on the `url_verification` event.

use redraft_model::id::WorkspaceId;
use redraft_model::workspace::App as Bot;
use serde_json::{Value, json};

use crate::parcel::{Parcel, ParcelKind};
use crate::state::Slack;
use crate::transport;
use redraft_service::mint;

/// Sends a challenge to the app's request URL.
///
/// # Errors
/// When the app does not answer with the challenge; in words.
pub async fn verify(slack: &Slack, workspace: WorkspaceId, bot: &Bot) -> Result<(), String> {
    let registered = bot.slack.as_deref().ok_or("only Slack apps have a request URL that is verified")?;
    if registered.socket_mode {
        return Err("the app uses Socket Mode, so nothing is sent to a request URL".into());
    }
    let challenge = mint::secret();
    let payload =
        json!({ "token": registered.verification_token, "challenge": challenge, "type": "url_verification" });
    let url = bot.endpoint.as_deref();
    let parcel =
        Parcel { kind: ParcelKind::Events, url, payload: payload.to_string(), retry: None, turn: None };
    let answered = transport::send(slack, workspace, bot, parcel).await.map_err(|failed| failed.reason)?;
    if !answered.status.is_success() {
        return Err(format!("the app answered {}", answered.status.as_u16()));
    }
    if answers(&answered.body, &challenge) { Ok(()) } else { Err("the answer is not the challenge".into()) }
}

/// The challenge as plain text, as a form or as JSON.
fn answers(body: &[u8], challenge: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let form = || form_urlencoded::parse(body).any(|(name, value)| name == "challenge" && value == challenge);
    text.trim() == challenge || json["challenge"] == challenge || form()
}

#[cfg(test)]
mod tests {
    use super::answers;

    #[test]
    fn three_ways_to_answer() {
        for (body, right) in [
            ("abc", true),
            ("abc\n", true),
            ("challenge=abc", true),
            ("x=1&challenge=abc", true),
            (r#"{"challenge": "abc"}"#, true),
            ("", false),
            ("abcd", false),
            ("challenge=abcd", false),
            (r#"{"challenge": "abcd"}"#, false),
            (r#"{"challenge": 1}"#, false),
            (r#""abc""#, false),
        ] {
            assert_eq!(answers(body.as_bytes(), "abc"), right, "{body}");
        }
    }
}
