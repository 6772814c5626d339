//! An activity as it is stored, and what came of storing it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::content::{Content, ContentFault, Dialect};
use redraft_model::decision::Outcome;
use redraft_model::limits::ATTACHMENTS_OF_MESSAGE_MAX;
use redraft_model::message::Message;
use redraft_model::time::Ts;
use redraft_service::names::NamesFor;
use redraft_wire::connector::activity::ActivityFault;
use redraft_wire::translate::activity_to_slack_text;

use crate::call::Call;
use crate::reply::Error;

/// An activity as it is stored: as it came, and its text for the other dialect.
pub(super) fn content(call: &Call<'_>, activity: Cow<'_, str>) -> Content {
    let names = NamesFor { directory: &call.directory, reader: Some(call.bot.bot_user) };
    let text = activity_to_slack_text(activity.as_bytes(), &names);
    let files = named_attachments(&activity);
    Content { activity: Some(activity.into()), files, ..Content::text(Dialect::Connector, text) }
}

pub(super) fn fault(found: ActivityFault) -> ContentFault {
    ContentFault { code: found.code, reasons: vec![found.message] }
}

/// The id and the revision of the message that came of it.
pub(super) fn message(outcome: Outcome) -> Result<(Ts, u32), Error> {
    let revision = |message: &Message| message.revision().map_or(0, std::num::NonZeroU32::get);
    match outcome {
        Outcome::Posted(posted) | Outcome::Updated(posted) => {
            Ok((posted.message.key.ts, revision(&posted.message)))
        }
        Outcome::Repeated(before, _) => {
            Ok((before.key.ts, before.revision.map_or(0, std::num::NonZeroU32::get)))
        }
        Outcome::Streamed { key, .. } => Ok((key.ts, 1)),
        _ => Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceError", "The server failed.")),
    }
}

/// The uploaded attachments that an activity names by their addresses, with a space between two. The model looks whether
/// there are such; they are kept while the activity is.
pub(super) fn named_attachments(activity: &str) -> Option<Arc<str>> {
    let mut named: Vec<&str> = activity
        .split("/attachments/")
        .skip(1)
        .filter_map(|rest| rest.get(..64))
        .filter(|id| redraft_model::attachments::is_id(id))
        .take(ATTACHMENTS_OF_MESSAGE_MAX)
        .collect();
    named.sort_unstable();
    named.dedup();
    (!named.is_empty()).then(|| named.join(" ").into())
}

#[cfg(test)]
mod tests {
    use super::named_attachments;

    #[test]
    fn attachments_that_an_activity_names() {
        let id = |digit: char| digit.to_string().repeat(64);
        let (a, b) = (id('a'), id('b'));
        let activity = format!(
            r#"{{"attachments":[{{"contentUrl":"http://h/v3/attachments/{b}/views/original"}},
            {{"contentUrl":"http://h/teams/t/v3/attachments/{a}/views/original","thumbnailUrl":"/attachments/{b}"}}]}}"#
        );
        assert_eq!(named_attachments(&activity).as_deref(), Some(&*format!("{a} {b}")));
        let odd = ["/attachments/", "/attachments/abc", "/attachments/\u{e4}", "no"].join(&"x".repeat(63));
        assert_eq!(named_attachments(&odd), None);
    }
}
