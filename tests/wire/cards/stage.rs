//! A server with a bot that is called, and what these tests say in short about cards.

use serde_json::{Value, json};

use crate::bot::{Bot, Heard, Say, until};
use crate::client::Answer;
use crate::world::*;

pub(super) const ADAPTIVE: &str = "application/vnd.microsoft.card.adaptive";

/// The declared world, with a bot behind `helpdesk`.
pub(super) struct Stage {
    pub(super) world: World,
    pub(super) bot: Bot,
    pub(super) token: String,
}

/// A message of the bot.
#[derive(Clone)]
pub(super) struct Sent {
    /// Where, in the spelling of each dialect.
    pub(super) channel: String,
    pub(super) conversation: String,
    pub(super) id: String,
    pub(super) ts: String,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::on(World::new())
    }

    pub(super) fn on(world: World) -> Self {
        let bot = Bot::of(&world, "helpdesk");
        let token = world.bot(HELPDESK);
        Self { world, bot, token }
    }

    /// The chat of ada, helpdesk and others.
    pub(super) fn chat(&self, with: &[&str]) -> (String, String) {
        let said =
            self.world.controlled("POST", "/people/ada/messages", &json!({"to": with, "text": "hello"}));
        (text_of(&said, "channel"), text_of(&said, "conversation_id"))
    }

    pub(super) fn sends_to(&self, (channel, conversation): (&str, &str), activity: &Value) -> Sent {
        let path = format!("/{conversation}/activities");
        let sent = self.world.connector(&self.token, "POST", &path, activity);
        assert_eq!(sent.status, 201, "{}", sent.body);
        let id = text_of(&sent.json, "id");
        let ts = format!("{}.{}", &id[..10], &id[10..]);
        Sent { channel: channel.into(), conversation: conversation.into(), id, ts }
    }

    pub(super) fn sends(&self, activity: &Value) -> Sent {
        self.sends_to((GENERAL, GENERAL_19), activity)
    }

    pub(super) fn puts(&self, sent: &Sent, activity: &Value) {
        put(&self.world.server.url, &self.token, sent, activity);
    }

    pub(super) fn press(&self, person: &str, sent: &Sent, action: Value, inputs: &Value) -> Answer {
        let body = json!({"channel": sent.channel, "ts": sent.ts, "action": action, "inputs": inputs});
        self.world.control("POST", &format!("/people/{person}/actions"), &body)
    }

    /// A press that has to be accepted.
    pub(super) fn pressed(&self, person: &str, sent: &Sent, action: &str) -> Value {
        let answer = self.press(person, sent, action.into(), &json!({}));
        assert_eq!(answer.status, 200, "{person} {action}: {}", answer.body);
        answer.json
    }

    /// What nobody may notice: the messages, the log, what the bot was asked.
    pub(super) fn silence(&self) -> (Value, usize) {
        (self.world.state(), self.bot.heard().iter().filter(|it| it.activity["type"] == "invoke").count())
    }

    /// A press that has to be refused with a part of the reason, and changes nothing.
    pub(super) fn refused(
        &self,
        person: &str,
        sent: &Sent,
        action: Value,
        inputs: &Value,
        outcome: &str,
        part: &str,
    ) {
        let before = self.silence();
        let answer = self.press(person, sent, action.clone(), inputs);
        assert_eq!(answer.outcome(), outcome, "{action} {inputs}: {}", answer.body);
        let words = answer.json["error"]["message"].as_str().unwrap();
        assert!(words.contains(part), "{action} {inputs}: {words}");
        assert_eq!(self.silence(), before, "{action} {inputs}");
    }

    /// What a person sees in the place of a message.
    pub(super) fn seen(&self, person: &str, sent: &Sent) -> Value {
        let path = format!("/people/{person}/channels/{}/messages", sent.channel);
        let page = self.world.controlled("GET", &path, &Value::Null);
        let messages = page["messages"].as_array().unwrap();
        messages.iter().find(|it| it["ts"] == sent.ts.as_str()).cloned().unwrap_or_default()
    }

    /// The first words of the card that a person sees there.
    pub(super) fn card_of(&self, person: &str, sent: &Sent) -> String {
        at(&self.seen(person, sent), "/activity/attachments/0/content/body/0/text")
            .as_str()
            .unwrap_or("")
            .into()
    }

    /// Waits for the one activity that is like this.
    pub(super) fn hears(&self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        let find = || self.bot.heard().into_iter().map(|heard| heard.activity).find(|it| like(it));
        until(what, find)
    }

    pub(super) fn invokes(&self, name: &str) -> Vec<Value> {
        let heard = self.bot.heard().into_iter().map(|heard| heard.activity);
        heard.filter(|it| it["type"] == "invoke" && it["name"] == name).collect()
    }
}

pub(super) fn put(url: &str, token: &str, sent: &Sent, activity: &Value) {
    let bearer = format!("Bearer {token}");
    let path = format!("{url}/v3/conversations/{}/activities/{}", sent.conversation, sent.id);
    let headers = [("authorization", bearer.as_str())];
    let body = activity.to_string();
    let answer = crate::client::send("PUT", &path, &headers, ("application/json", body.as_bytes()));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

pub(super) fn adaptive(words: &str, actions: Value) -> Value {
    json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": words}], "actions": actions})
}

pub(super) fn with_card(kind: &str, content: Value) -> Value {
    json!({"type": "message", "attachments": [{"contentType": kind, "content": content}]})
}

pub(super) fn card(words: &str, actions: Value) -> Value {
    with_card(ADAPTIVE, adaptive(words, actions))
}

pub(super) fn hero(buttons: Value) -> Value {
    with_card("application/vnd.microsoft.card.hero", json!({"title": "Tea", "buttons": buttons}))
}

pub(super) fn execute(verb: &str) -> Value {
    json!({"type": "Action.Execute", "title": verb, "verb": verb, "data": {"by": verb}})
}

/// An answer to `adaptiveCard/action`.
pub(super) fn card_answer(kind: &str, value: Value) -> Value {
    json!({"statusCode": 200, "type": format!("application/vnd.microsoft.{kind}"), "value": value})
}

pub(super) fn own_card(words: &str, actions: Value) -> Say {
    Say::Json(200, card_answer("card.adaptive", adaptive(words, actions)))
}

/// A bot that answers invokes, and everything else with 200.
pub(super) fn invoked(answer: impl Fn(&Value) -> Say + Send + Sync + 'static) -> impl Fn(&Heard) -> Say {
    move |heard| match heard.activity["type"] == "invoke" {
        true => answer(&heard.activity),
        false => Say::Json(200, json!({})),
    }
}
