//! Whom a message mentions, whichever dialect it is written in: found once, however many apps ask.

use redraft_model::content::{Content, Dialect};
use serde_json::Value;

/// Spelled ids of those whom a message mentions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mentions {
    /// Slack's ids, as mrkdwn and blocks have them.
    slack: Vec<Box<str>>,
    /// Ids in the entities of an activity.
    members: Vec<Box<str>>,
}

impl Mentions {
    /// What the platform itself writes names who came and went, and mentions nobody.
    #[must_use]
    pub fn of(content: &Content) -> Self {
        let mut found = Self::default();
        if content.notice.is_some() {
            return found;
        }
        found.add_spelled(&content.text);
        for json in [content.blocks.as_deref(), content.attachments.as_deref()].into_iter().flatten() {
            found.add_spelled(json);
            let ids = json.split("\"user_id\":\"").skip(1).filter_map(|rest| rest.split_once('"'));
            found.slack.extend(ids.map(|(id, _)| id.into()));
        }
        if content.dialect == Dialect::Connector {
            found.add_entities(content.activity.as_deref().unwrap_or_default());
        }
        found
    }

    /// Those of another message too.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.slack.extend(other.slack.iter().cloned());
        self.members.extend(other.members.iter().cloned());
        self
    }

    /// All of the ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.slack.iter().chain(&self.members).map(|id| &**id)
    }

    /// Whether mrkdwn or blocks mention the user with this id of Slack.
    #[must_use]
    pub fn has_slack(&self, id: &str) -> bool {
        self.slack.iter().any(|it| **it == *id)
    }

    /// Whether an entity mentions the user with this id of Teams.
    #[must_use]
    pub fn has_member(&self, id: &str) -> bool {
        self.members.iter().any(|it| **it == *id)
    }

    /// `<@U…>` and `<@U…|name>`.
    fn add_spelled(&mut self, text: &str) {
        for rest in text.split("<@").skip(1) {
            if let Some(end) = rest.find(['>', '|']) {
                self.slack.push(rest[..end].into());
            }
        }
    }

    fn add_entities(&mut self, activity: &str) {
        // Most activities mention nobody, and reading JSON costs more than all else here. A letter may be escaped.
        if !activity.contains("mention") && !activity.contains("\\u") {
            return;
        }
        let activity: Value = serde_json::from_str(activity).unwrap_or_default();
        let entities = activity["entities"].as_array().into_iter().flatten();
        let mentions = entities.filter(|entity| entity["type"] == "mention");
        self.members.extend(mentions.filter_map(|entity| Some(entity["mentioned"]["id"].as_str()?.into())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slack(text: &str, blocks: &str) -> Content {
        Content { blocks: Some(blocks.into()), ..Content::text(Dialect::Slack, text) }
    }

    #[test]
    fn who_is_mentioned() {
        let activity =
            |text: &str| Content { activity: Some(text.into()), ..Content::text(Dialect::Connector, "") };
        for (content, expected) in [
            (slack("no <one>", "[]"), &[][..]),
            (slack("<@U1> and <@U2|two>", "[]"), &["U1", "U2"]),
            (slack("<@<@U1> <@U3", "[]"), &["U1"]),
            (slack("", r#"[{"type":"user","user_id":"U4"},{"text":"<@U5>"}]"#), &["U5", "U4"]),
            (activity(r#"{"entities":[{"type":"mention","mentioned":{"id":"28:x"}}]}"#), &["28:x"]),
            (activity(r#"{"entities":[{"type":"\u006dention","mentioned":{"id":"28:x"}}]}"#), &["28:x"]),
            (activity(r#"{"entities":[{"type":"clientInfo","mentioned":{"id":"28:x"}}]}"#), &[]),
            (Content { notice: Some("joined".into()), ..slack("<@U1>", "[]") }, &[]),
        ] {
            assert_eq!(Mentions::of(&content).ids().collect::<Vec<_>>(), expected, "{content:?}");
        }
    }
}
