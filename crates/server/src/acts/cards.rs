//! Cards: a person presses a button, hands in a dialog, says what they think of a message.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::id::{ConversationId, UserId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::time::Ts;
use redraft_model::workspace::{App as Bot, Conversation};
use redraft_store::Stored;
use redraft_wire::connector::card::{self, Action, Name};
use redraft_wire::connector::invoke::{self, CardAnswer, Malformed, TaskAnswer};
use redraft_wire::connector::press::{self, Opinion, Press};
use serde_json::{Map, Value, json};

use super::{Hindered, Person};
use crate::connector::hears::{self, Asked, Question};

/// The invoke of `Action.Execute`.
const CARD_ACTION: &str = "adaptiveCard/action";

/// What came of a press.
pub(crate) enum Pressed {
    /// The card's bot is told, as of an event; the words that the conversation shows for it, if any.
    Submitted { display_text: Option<String> },
    /// The person wrote something.
    Posted(Ts),
    /// The bot was asked, and answered.
    Answered(Answer),
    /// Nobody hears of it: an address to open, or something that the card does by itself.
    Local { url: Option<String> },
}

/// A bot's answer to a question.
pub(crate) enum Answer {
    /// To `Action.Execute`.
    Card(CardAnswer),
    /// To a dialog.
    Task(TaskAnswer),
    /// To something that has no answer but "yes".
    Done,
}

impl From<card::Fault> for Hindered {
    fn from(fault: card::Fault) -> Self {
        Self::Impossible(fault.message)
    }
}

impl From<Malformed> for Hindered {
    fn from(Malformed(words): Malformed) -> Self {
        Self::Unanswered(words)
    }
}

impl Person<'_> {
    /// Presses the action of this name on a message, as this person sees it, with these inputs.
    pub async fn press(
        &self,
        conversation: &Conversation,
        ts: Ts,
        action: Option<&Value>,
        inputs: &Map<String, Value>,
    ) -> Result<Pressed, Hindered> {
        let (stored, activity) = self.card(conversation, ts).await?;
        let pressed = {
            let actions = card::actions(&activity);
            press::press(found(&actions, action)?, inputs)?
        };
        self.carry_out(conversation, &stored, pressed).await
    }

    /// Presses an action of a dialog's card, which the bot answered when it was opened; or hands in `data` as a page in a
    /// dialog does.
    pub async fn hand_in(
        &self,
        conversation: &Conversation,
        ts: Ts,
        dialog: Dialog<'_>,
    ) -> Result<Pressed, Hindered> {
        let (stored, _) = self.card(conversation, ts).await?;
        let pressed = match dialog {
            Dialog::Card { card, action, inputs } => {
                let actions = card::actions_of_card(card);
                press::press_in_dialog(found(&actions, action)?, inputs)?
            }
            Dialog::Page(data) => Press::Invoke {
                name: Some("task/submit"),
                value: json!({ "data": data, "context": { "theme": "default" } }),
            },
        };
        self.carry_out(conversation, &stored, pressed).await
    }

    /// Says what this person thinks of a bot's message.
    pub async fn give_feedback(
        &self,
        conversation: &Conversation,
        ts: Ts,
        opinion: Opinion,
        words: &str,
    ) -> Result<Pressed, Hindered> {
        let (stored, activity) = self.card(conversation, ts).await?;
        let pressed = press::feedback(&activity, opinion, words)?;
        self.carry_out(conversation, &stored, pressed).await
    }

    /// The message with its activity as this person sees it.
    async fn card(
        &self,
        conversation: &Conversation,
        ts: Ts,
    ) -> Result<(Stored, Map<String, Value>), Hindered> {
        let missing = || Hindered::Impossible("there is no such message that this person sees".into());
        if !conversation.has(self.user.id) {
            return Err(missing());
        }
        let stored = self.app.store.message(self.key(conversation.id, ts)).await?.ok_or_else(missing)?;
        if !self.may_see(&stored) {
            return Err(missing());
        }
        let view = self.own_view(&stored).await?;
        let content = view.as_ref().unwrap_or(&stored.content);
        let nothing = || Hindered::Impossible("the message has nothing to press".into());
        if content.dialect != Dialect::Connector {
            return Err(nothing());
        }
        let activity = content.activity.as_deref().and_then(|it| serde_json::from_str(it).ok());
        Ok((stored, activity.ok_or_else(nothing)?))
    }

    fn may_see(&self, stored: &Stored) -> bool {
        use redraft_model::message::Audience;
        match stored.message.audience {
            Audience::Everyone => true,
            Audience::Only(reader) => {
                reader == self.user.id && !stored.message.expired(self.app.now(self.directory.workspace.id))
            }
        }
    }

    async fn carry_out(
        &self,
        conversation: &Conversation,
        stored: &Stored,
        pressed: Press,
    ) -> Result<Pressed, Hindered> {
        match pressed {
            Press::Nothing => Ok(Pressed::Local { url: None }),
            Press::Open { url } => Ok(Pressed::Local { url: Some(url) }),
            Press::Post { text } => {
                let posted = self.post(conversation.id, &text, stored.message.root).await?;
                Ok(Pressed::Posted(posted.message.key.ts))
            }
            Press::Message { text, value, display_text } => {
                let sent = json!({ "text": text, "value": value });
                let act = Act::Submit(Arc::new(activity(&sent)));
                let (conversation, ts) = (conversation.id, stored.message.key.ts);
                self.submit(Verb::Interaction(Interaction { conversation, ts, act })).await?;
                Ok(Pressed::Submitted { display_text })
            }
            Press::Invoke { name, value } => {
                let answer = self.ask(conversation, stored, name, &value).await?;
                Ok(Pressed::Answered(answer))
            }
        }
    }

    async fn ask(
        &self,
        conversation: &Conversation,
        stored: &Stored,
        name: Option<&str>,
        value: &Value,
    ) -> Result<Answer, Hindered> {
        let bot = self.bot_of(stored)?;
        let asked = Asked {
            conversation: conversation.id,
            by: self.user.id,
            message: Some(stored.message.key.ts),
            root: stored.message.root,
            question: Question::Invoke { name, value },
        };
        let answered = hears::ask(self.app, &self.directory, bot, &asked).await;
        let answered = answered.map_err(|unanswered| Hindered::Unanswered(unanswered.reason))?;
        let status = answered.status.as_u16();
        match name.unwrap_or_default() {
            CARD_ACTION => {
                let answer = invoke::card_answer(status, &answered.body)?;
                if let CardAnswer::Card(card) = &answer {
                    self.show(bot, conversation.id, stored.message.key.ts, self.user.id, card).await?;
                }
                Ok(Answer::Card(answer))
            }
            name @ ("task/fetch" | "task/submit" | "message/fetchTask") => {
                Ok(Answer::Task(invoke::task_answer(name, status, &answered.body)?))
            }
            "message/submitAction" => {
                invoke::feedback_answer(status, &answered.body)?;
                Ok(Answer::Done)
            }
            name => {
                invoke::plain_answer(name, status)?;
                Ok(Answer::Done)
            }
        }
    }

    fn bot_of(&self, stored: &Stored) -> Result<&Arc<Bot>, Hindered> {
        let bot = stored.message.app.filter(|_| stored.message.as_app).and_then(|id| self.directory.app(id));
        bot.ok_or_else(|| Hindered::Impossible("no bot posted the message".into()))
    }

    /// The card in the place of the message's own, for one person, until the message changes.
    async fn show(
        &self,
        bot: &Bot,
        conversation: ConversationId,
        ts: Ts,
        user: UserId,
        card: &Map<String, Value>,
    ) -> Result<(), Hindered> {
        let shown = json!({
            "type": "message",
            "attachments": [{ "contentType": card::ADAPTIVE, "content": card }],
        });
        let act = Act::Show(user, Arc::new(activity(&shown)));
        let verb = Verb::Interaction(Interaction { conversation, ts, act });
        let (workspace, caller) = (self.directory.workspace.id, Caller::Bot(bot.id));
        self.app.submit(Command { workspace, caller, idempotency: None, verb }).await?;
        Ok(())
    }

    /// Asks the bot for this person's own view of a card that wants that, as clients do when they show the message. An
    /// answer that is none leaves the card as it is.
    pub(super) async fn refresh(&self, conversation: &Conversation, stored: &Stored) {
        if stored.message.app.is_none() || stored.content.dialect != Dialect::Connector {
            return;
        }
        let Some(text) = stored.content.activity.as_deref().filter(|text| text.contains("\"refresh\""))
        else {
            return;
        };
        let Ok(activity) = serde_json::from_str::<Map<String, Value>>(text) else { return };
        let few = conversation.members.len() <= press::REFRESH_USERS_MAX;
        let wanted = press::refreshes(&activity).into_iter().find(|refresh| match &refresh.user_ids {
            Some(users) => users.contains(&self.user.member_id.as_str()),
            None => few,
        });
        let Some(press) = wanted.map(|refresh| refresh.press) else { return };
        if !matches!(self.own_view(stored).await, Ok(None)) {
            return;
        }
        drop(self.carry_out(conversation, stored, press).await);
    }
}

/// What is handed in of a dialog.
pub(crate) enum Dialog<'a> {
    /// An action of its card.
    Card { card: &'a Map<String, Value>, action: Option<&'a Value>, inputs: &'a Map<String, Value> },
    /// What its page sends.
    Page(&'a Value),
}

/// An action by its place, or by id, title or verb, whichever fits first; without a name the only one there is.
fn found<'a, 'b>(actions: &'b [Action<'a>], named: Option<&Value>) -> Result<&'b Action<'a>, card::Fault> {
    let name = Name::default();
    match named {
        None | Some(Value::Null) => card::find(actions, &name),
        Some(Value::Number(index)) => {
            let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
            card::find(actions, &Name { index: index.or(Some(usize::MAX)), ..name })
        }
        Some(named) => {
            let text = named.as_str().unwrap_or_default();
            let by_id = card::find(actions, &Name { id: Some(text), ..name });
            let by_title = || card::find(actions, &Name { title: Some(text), ..name });
            let by_verb = || card::find(actions, &Name { verb: Some(text), ..name });
            by_id.or_else(|_| by_title()).or_else(|fault| by_verb().map_err(|_| fault))
        }
    }
}

fn activity(json: &Value) -> Content {
    Content { activity: Some(json.to_string().into()), ..Content::text(Dialect::Connector, "") }
}
