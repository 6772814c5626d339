//! A message's text as a Teams bot receives it, whichever dialect it was written in.

use redraft_model::content::{Content, Dialect};
use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::workspace::User;
use redraft_wire::translate::{SlackMessage, slack_to_activity};
use serde_json::{Map, Value};

use redraft_service::delivery::mentions::Mentions;
use redraft_service::names::NamesFor;

/// Members of an activity that its words are made of.
const OF_WORDS: [&str; 9] = [
    "text",
    "textFormat",
    "summary",
    "attachments",
    "attachmentLayout",
    "suggestedActions",
    "importance",
    "speak",
    "value",
];

/// What a message says: the members of an activity that say it, `entities` last. A message of the Connector says what its
/// bot sent; one of Slack's is translated for this reader.
pub(super) fn words(directory: &Directory, content: &Content, reader: UserId) -> Map<String, Value> {
    match content.dialect {
        Dialect::Connector => {
            let activity = content.activity.as_deref().and_then(|it| serde_json::from_str(it).ok());
            let Some(Value::Object(mut activity)) = activity else { return Map::new() };
            let entities = activity.remove("entities");
            activity.retain(|name, _| OF_WORDS.contains(&name.as_str()));
            activity.extend(entities.map(|it| ("entities".to_owned(), it)));
            activity
        }
        Dialect::Slack => {
            let message = SlackMessage {
                text: &content.text,
                markup: content.markup,
                blocks: content.blocks.as_deref(),
                attachments: content.attachments.as_deref(),
            };
            let names = NamesFor { directory, reader: Some(reader) };
            match serde_json::to_value(slack_to_activity(&message, &names)) {
                Ok(Value::Object(said)) => said,
                _ => Map::new(),
            }
        }
    }
}

/// Whether a message mentions this user, in the way of the dialect that it is written in.
pub(super) fn mentions(content: &Content, user: &User) -> bool {
    match content.dialect {
        Dialect::Slack => Mentions::of(content).has_slack(&user.slack_id),
        Dialect::Connector => Mentions::of(content).has_member(&user.member_id),
    }
}
