//! A message's words as a Teams bot hears them, whichever dialect they were written in.

use redraft_model::content::{Content, Dialect};
use redraft_model::directory::Directory;
use redraft_model::workspace::User;
use redraft_wire::translate::slack_to_markdown;
use serde_json::{Map, Value, json};

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
/// bot sent; one of Slack's is translated.
pub(super) fn words(directory: &Directory, content: &Content) -> Map<String, Value> {
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
            let mut text = slack_to_markdown(&content.text);
            let mut entities = Vec::new();
            for user in directory.users_after(redraft_model::id::UserId(0)) {
                let spelled = format!("<@{}>", user.slack_id);
                if content.text.contains(&spelled) {
                    let at = format!("<at>{}</at>", user.real_name);
                    text = text.replace(&format!("@{}", user.slack_id), &at);
                    entities.push(json!({
                        "type": "mention",
                        "mentioned": { "id": user.member_id, "name": user.real_name },
                        "text": at,
                    }));
                }
            }
            let said = json!({ "text": text, "textFormat": "plain", "entities": entities });
            let Value::Object(said) = said else { return Map::new() };
            said
        }
    }
}

/// Whether a message mentions this user, in the way of the dialect that it is written in.
pub(super) fn mentions(content: &Content, user: &User) -> bool {
    match content.dialect {
        Dialect::Slack => {
            let spelled = [format!("<@{}>", user.slack_id), format!("<@{}|", user.slack_id)];
            let in_blocks = format!("\"user_id\":\"{}\"", user.slack_id);
            let parts = [content.blocks.as_deref(), content.attachments.as_deref()];
            spelled.iter().any(|it| content.text.contains(it))
                || parts.into_iter().flatten().any(|part| {
                    part.contains(&in_blocks) || spelled.iter().any(|it| part.contains(it))
                })
        }
        Dialect::Connector => {
            let activity: Value =
                content.activity.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
            let entities = activity["entities"].as_array().into_iter().flatten();
            entities.into_iter().any(|entity| {
                entity["type"] == "mention" && entity["mentioned"]["id"] == user.member_id.as_str()
            })
        }
    }
}
