//! Content for both platforms.

use serde_json::{Value, json};

use crate::activity::Activity;
use crate::factory::{CardFactory, MessageFactory};

/// A message for both platforms: a text and buttons. It becomes blocks on Slack and an Adaptive Card in Teams.
/// [`for_slack`](Self::for_slack) and [`for_teams`](Self::for_teams) replace either form.
///
/// ```
/// use redraft_bot::{Button, Content};
///
/// let poll = Content::text("Lunch?").button(Button::new("Soup", "vote").value("soup"));
/// assert_eq!(poll.to_activity("msteams").attachments.len(), 1);
/// assert!(poll.to_activity("slack").channel_data.is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    text: String,
    buttons: Vec<Button>,
    slack: Option<Value>,
    teams: Option<Box<Activity>>,
}

/// A button of a neutral message. Pressing it is an [`Action`](crate::Action) on both platforms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Button {
    title: String,
    verb: String,
    value: String,
}

impl Button {
    /// A button with this label. `verb` is the name by which the bot recognizes it.
    #[must_use]
    pub fn new(title: impl Into<String>, verb: impl Into<String>) -> Self {
        Self { title: title.into(), verb: verb.into(), value: String::new() }
    }

    /// Sets the value that a press brings along.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&Content> for Content {
    fn from(content: &Content) -> Self {
        content.clone()
    }
}

impl Content {
    /// A text, in Markdown.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Adds a button below the text.
    #[must_use]
    pub fn button(mut self, button: Button) -> Self {
        self.buttons.push(button);
        self
    }

    /// Adds buttons below the text.
    #[must_use]
    pub fn buttons(mut self, buttons: impl IntoIterator<Item = Button>) -> Self {
        self.buttons.extend(buttons);
        self
    }

    /// Sends these arguments of `chat.postMessage` and `chat.update` on Slack: `text`, `blocks`, `attachments`, …
    #[must_use]
    pub fn for_slack(mut self, arguments: Value) -> Self {
        self.slack = Some(arguments);
        self
    }

    /// Sends this activity in Teams.
    #[must_use]
    pub fn for_teams(mut self, activity: Activity) -> Self {
        self.teams = Some(Box::new(activity));
        self
    }

    pub(crate) fn push_str(&mut self, words: &str) {
        self.text.push_str(words);
    }

    /// The text, without buttons.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The activity for a platform, by its channel id.
    #[must_use]
    pub fn to_activity(&self, channel_id: &str) -> Activity {
        if channel_id == "slack" { self.to_slack() } else { self.to_teams() }
    }

    fn to_slack(&self) -> Activity {
        let mut activity = MessageFactory::text(&self.text);
        if let Some(arguments) = &self.slack {
            activity.channel_data = Some(arguments.clone());
        } else {
            // An empty list takes the buttons of an earlier content away.
            let blocks = if self.buttons.is_empty() { json!([]) } else { self.blocks() };
            activity.channel_data = Some(json!({"blocks": blocks}));
        }
        activity
    }

    fn blocks(&self) -> Value {
        let buttons: Vec<Value> = self
            .buttons
            .iter()
            .enumerate()
            .map(|(place, button)| {
                // Two buttons of a message can't share an action_id; what follows the dot is cut off when it comes back.
                json!({
                    "type": "button",
                    "text": {"type": "plain_text", "text": button.title, "emoji": true},
                    "action_id": format!("{}.{place}", button.verb),
                    "value": button.value,
                })
            })
            .collect();
        json!([{"type": "markdown", "text": self.text}, {"type": "actions", "elements": buttons}])
    }

    fn to_teams(&self) -> Activity {
        if let Some(activity) = &self.teams {
            return (**activity).clone();
        }
        if self.buttons.is_empty() {
            return MessageFactory::text(&self.text);
        }
        let actions: Vec<Value> = self
            .buttons
            .iter()
            .map(|button| {
                json!({
                    "type": "Action.Execute", "title": button.title, "verb": button.verb,
                    "data": {"verb": button.verb, "value": button.value},
                })
            })
            .collect();
        let card = json!({
            "type": "AdaptiveCard", "version": "1.4",
            "body": [{"type": "TextBlock", "text": self.text, "wrap": true}],
            "actions": actions,
        });
        let mut activity = MessageFactory::attachment(CardFactory::adaptive_card(card));
        activity.summary = Some(self.text.clone());
        activity
    }
}
