//! Which methods of an `ActivityHandler` an activity is for, and in which order.

use std::sync::{Arc, Mutex};

use redraft_bot::{
    Action, Activity, ActivityHandler, Bot, BoxError, InvokeResponse, TurnContext, TurnOutcome, TurnResult,
};
use serde_json::{Value, json};

use crate::adapter::Yes;

/// Notes what is called.
#[derive(Clone, Default)]
struct Notes {
    called: Arc<Mutex<Vec<String>>>,
    /// Answers presses and invokes, or leaves them.
    answers: bool,
}

impl Notes {
    fn note(&self, name: &str) -> TurnResult {
        self.called.lock().unwrap().push(name.to_owned());
        Ok(())
    }
}

macro_rules! noting {
    ($($method:ident)*) => {
        $(async fn $method(&self, _: TurnContext) -> TurnResult {
            self.note(stringify!($method))
        })*
    };
}

impl ActivityHandler for Notes {
    noting! {
        on_turn on_message on_command on_message_update on_message_edit on_message_undelete on_message_delete
        on_message_soft_delete on_message_reaction on_reactions_added on_reactions_removed on_conversation_update
        on_members_added on_members_removed on_installation_update on_installation_add on_installation_remove
        on_event on_typing on_end_of_conversation on_unrecognized
    }

    async fn on_card_action(
        &self,
        _: TurnContext,
        action: Action,
    ) -> Result<Option<InvokeResponse>, BoxError> {
        self.note(&format!("on_card_action {} {}", action.verb, action.value()))?;
        Ok(self.answers.then(|| InvokeResponse::notice("counted")))
    }

    async fn on_invoke(&self, _: TurnContext) -> Result<Option<InvokeResponse>, BoxError> {
        self.note("on_invoke")?;
        Ok(self.answers.then(|| InvokeResponse::new(200, None)))
    }
}

async fn called(answers: bool, activity: Value) -> (String, u16) {
    let notes = Notes { answers, ..Notes::default() };
    let bot = Bot::with_handler(notes.clone());
    let mut activity: Activity = serde_json::from_value(activity).unwrap();
    if activity.channel_id.is_none() {
        activity.channel_id = Some("msteams".to_owned());
    }
    let outcome = bot.process(Arc::new(Yes), activity).await;
    let status = if let TurnOutcome::Invoke(response) = outcome { response.status } else { 0 };
    let called = notes.called.lock().unwrap().join(" > ");
    (called, status)
}

#[tokio::test]
async fn the_general_method_comes_before_the_special_one() {
    let of_teams = |r#type: &str, event: &str| json!({"type": r#type, "channelData": {"eventType": event}});
    for (activity, expected) in [
        (json!({"type": "message", "text": "hi"}), "on_message"),
        (json!({"text": "no type is a message"}), "on_message"),
        (json!({"type": "message", "text": "hi", "value": {"verb": "vote"}}), "on_message"),
        (of_teams("messageUpdate", "editMessage"), "on_message_update > on_message_edit"),
        (of_teams("messageUpdate", "undeleteMessage"), "on_message_update > on_message_undelete"),
        (of_teams("messageUpdate", "somethingNew"), "on_message_update"),
        (json!({"type": "messageUpdate", "channelId": "slack"}), "on_message_update > on_message_edit"),
        (of_teams("messageDelete", "softDeleteMessage"), "on_message_delete > on_message_soft_delete"),
        (of_teams("messageDelete", "somethingNew"), "on_message_delete"),
        (
            json!({"type": "messageDelete", "channelId": "slack"}),
            "on_message_delete > on_message_soft_delete",
        ),
        (
            json!({"type": "messageReaction", "reactionsAdded": [{"type": "like"}], "reactionsRemoved": [{"type": "sad"}]}),
            "on_message_reaction > on_reactions_added > on_reactions_removed",
        ),
        (json!({"type": "messageReaction"}), "on_message_reaction"),
        (
            json!({"type": "conversationUpdate", "membersAdded": [{"id": "x"}]}),
            "on_conversation_update > on_members_added",
        ),
        (
            json!({"type": "conversationUpdate", "membersRemoved": [{"id": "x"}]}),
            "on_conversation_update > on_members_removed",
        ),
        (json!({"type": "conversationUpdate"}), "on_conversation_update"),
        (
            json!({"type": "installationUpdate", "action": "add"}),
            "on_installation_update > on_installation_add",
        ),
        (
            json!({"type": "installationUpdate", "action": "remove-upgrade"}),
            "on_installation_update > on_installation_remove",
        ),
        (json!({"type": "installationUpdate", "action": "other"}), "on_installation_update"),
        (json!({"type": "event", "name": "x"}), "on_event"),
        (json!({"type": "command", "name": "/vote"}), "on_command"),
        (json!({"type": "typing"}), "on_typing"),
        (json!({"type": "endOfConversation"}), "on_end_of_conversation"),
        (json!({"type": "somethingNew"}), "on_unrecognized"),
    ] {
        let (called, _) = called(false, activity.clone()).await;
        assert_eq!(called, format!("on_turn > {expected}"), "{activity}");
    }
}

#[tokio::test]
async fn presses_are_one_method_whatever_the_platform_sends() {
    let execute = json!({
        "type": "invoke", "name": "adaptiveCard/action",
        "value": {"action": {"type": "Action.Execute", "verb": "vote", "data": {"value": "soup"}}},
    });
    let submit = json!({"type": "message", "value": {"verb": "vote", "value": "soup"}, "replyToId": "7"});
    let other = json!({"type": "invoke", "name": "task/fetch", "value": {}});
    for (answers, activity, expected, status) in [
        (true, &execute, "on_card_action vote soup", 200),
        (false, &execute, "on_card_action vote soup > on_invoke", 501),
        (true, &submit, "on_card_action vote soup", 0),
        (false, &submit, "on_card_action vote soup > on_message", 0),
        (true, &other, "on_invoke", 200),
        (false, &other, "on_invoke", 501),
    ] {
        assert_eq!(called(answers, activity.clone()).await, (format!("on_turn > {expected}"), status));
    }
}
