//! Cards: a person presses a button, hands in a dialog, says what they think of a message.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::decision::{Refusal, Why};
use redraft_model::interaction::{Act, Interaction, InteractionRefusal};
use redraft_model::policy::{self, Reader};
use redraft_model::time::Ts;
use redraft_model::workspace::{App as Bot, Conversation, ConversationKind};
use redraft_store::Stored;
use redraft_wire::connector::card::{self, Action, Name};
use redraft_wire::connector::invoke::{self, CardAnswer, Malformed, TaskAnswer};
use redraft_wire::connector::press::{self, Opinion, Press};
use serde_json::{Map, Value, json};

use super::apps::Use;
use super::person::{Hindered, Person};
use redraft_connector::ask::{Asked, Question, ask};
use redraft_service::NotDone;
use redraft_service::delivery::Answered;

/// The invoke of `Action.Execute`.
pub(super) const CARD_ACTION: &str = "adaptiveCard/action";

/// What came of a press.
pub(crate) enum Pressed {
    /// The card's bot receives it as an event; the text that the conversation shows as the person's message, if any.
    Submitted { display_text: Option<String> },
    /// The person wrote something.
    Posted(Ts),
    /// The bot was asked, and answered.
    Answered(Answer),
    /// The app has received it.
    Told,
    /// No app receives it: the action opens an address, or the card does it by itself.
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

impl From<InteractionRefusal> for Hindered {
    fn from(why: InteractionRefusal) -> Self {
        let refusal = Refusal { why: Why::Interaction(why), actor: None, message: None };
        Self::NotDone(NotDone::Refused(Box::new(refusal)))
    }
}

impl Person {
    /// Presses the action of this name on a message, as this person sees it, with these inputs; or uses the element of a
    /// Slack app's message.
    pub async fn press(
        &self,
        conversation: &Conversation,
        ts: Ts,
        action: Option<&Value>,
        used: Use<'_>,
    ) -> Result<Pressed, Hindered> {
        let stored = self.message(conversation, ts).await?;
        if stored.content.dialect == Dialect::Slack {
            self.use_element(conversation, &stored, used).await?;
            return Ok(Pressed::Told);
        }
        let (shown, inputs) = (self.shown(stored).await?, used.inputs);
        let (pressed, attachment) = {
            let actions = card::actions(&shown.activity);
            let action = found(&actions, action)?;
            (press::press(action, inputs)?, action.attachment)
        };
        self.carry_out(conversation, &Shown { attachment, ..shown }, pressed).await
    }

    /// Hands in a dialog, which the bot answered when it was opened.
    pub async fn hand_in(
        &self,
        conversation: &Conversation,
        ts: Ts,
        dialog: Dialog<'_>,
    ) -> Result<Pressed, Hindered> {
        let shown = self.card(conversation, ts).await?;
        let pressed = match dialog {
            Dialog::Card { card, action, inputs } => {
                let actions = card::actions_of_card(card);
                press::press_in_dialog(found(&actions, action)?, inputs)?
            }
            Dialog::Form { opinion, card, action, inputs } => {
                let actions = card::actions_of_card(card);
                press::feedback_of_form(opinion, found(&actions, action)?, inputs)?
            }
            Dialog::Page(data) => Press::Invoke {
                name: Some("task/submit"),
                value: json!({ "data": data, "context": { "theme": "default" } }),
            },
        };
        self.carry_out(conversation, &shown, pressed).await
    }

    /// Says what this person thinks of a bot's message.
    pub async fn give_feedback(
        &self,
        conversation: &Conversation,
        ts: Ts,
        opinion: Opinion,
        words: &str,
    ) -> Result<Pressed, Hindered> {
        let shown = self.card(conversation, ts).await?;
        let pressed = press::feedback(&shown.activity, opinion, words)?;
        self.carry_out(conversation, &shown, pressed).await
    }

    /// The message with its activity as this person sees it.
    async fn card(&self, conversation: &Conversation, ts: Ts) -> Result<Shown, Hindered> {
        let stored = self.message(conversation, ts).await?;
        self.shown(stored).await
    }

    /// A message that this person may act on.
    pub(super) async fn message(&self, conversation: &Conversation, ts: Ts) -> Result<Stored, Hindered> {
        use InteractionRefusal as R;
        if !policy::sees(self.user.id, conversation) {
            return Err(R::ConversationNotFound.into());
        }
        if conversation.archived {
            return Err(R::Archived.into());
        }
        if !conversation.has(self.user.id) {
            return Err(R::NotMember.into());
        }
        let found = self.app.service.message_for(self.reader(), self.key(conversation.id, ts)).await?;
        let stored = found.visible().ok_or(R::MessageNotFound)?;
        if stored.message.revision().is_none() {
            return Err(R::Tombstone.into());
        }
        Ok(stored)
    }

    async fn shown(&self, stored: Stored) -> Result<Shown, Hindered> {
        let view = self.own_view(&stored).await?;
        let content = view.as_ref().unwrap_or(&stored.content);
        let activity = content.activity.as_deref().and_then(|it| serde_json::from_str(it).ok());
        match activity {
            Some(activity) if content.dialect == Dialect::Connector => {
                Ok(Shown { stored, activity, attachment: None })
            }
            _ => Err(Hindered::Impossible("the message has nothing to press".into())),
        }
    }

    pub(super) fn reader(&self) -> Reader {
        Reader::Client(self.user.id)
    }

    async fn carry_out(
        &self,
        conversation: &Conversation,
        shown: &Shown,
        pressed: Press,
    ) -> Result<Pressed, Hindered> {
        let stored = &shown.stored;
        match pressed {
            Press::Nothing => Ok(Pressed::Local { url: None }),
            Press::Open { url } => Ok(Pressed::Local { url: Some(url) }),
            Press::Post { text } => {
                let words = self.to_bot(conversation, stored, text);
                let posted = self.post(conversation.id, &words, thread_of(conversation, stored)).await?;
                Ok(Pressed::Posted(posted.message.key.ts))
            }
            Press::Message { text, value, display_text } => {
                self.bot_of(conversation, stored)?;
                let said =
                    |words: &String| self.said(conversation.id, words, thread_of(conversation, stored));
                let content = Arc::new(activity(&json!({ "text": text, "value": value })));
                let shown = display_text.as_ref().map(|words| Box::new(said(words)));
                let act = Act::Submit { content, shown };
                let (conversation, ts) = (conversation.id, stored.message.key.ts);
                self.submit(Verb::Interaction(Interaction { conversation, ts, act })).await?;
                Ok(Pressed::Submitted { display_text })
            }
            Press::Invoke { name, value } => {
                let answered = self.ask(conversation, stored, name, &value).await?;
                Ok(Pressed::Answered(self.answer(shown, name.unwrap_or_default(), &answered).await?))
            }
        }
    }

    /// What a button makes a person say to its bot. Where others listen Teams puts a mention of the bot before it
    /// (observed in BotFramework-WebChat#4455), without which the bot would not hear it.
    fn to_bot(&self, conversation: &Conversation, stored: &Stored, words: String) -> String {
        let bot = self.directory.user(stored.message.author).filter(|_| stored.message.as_app);
        match bot.filter(|_| conversation.kind != ConversationKind::Direct) {
            Some(bot) => format!("<@{}> {words}", bot.slack_id),
            None => words,
        }
    }

    /// Asks the bot that posted a message.
    pub(super) async fn ask(
        &self,
        conversation: &Conversation,
        stored: &Stored,
        name: Option<&str>,
        value: &Value,
    ) -> Result<Answered, Hindered> {
        let bot = self.bot_of(conversation, stored)?;
        let asked = Asked {
            conversation: conversation.id,
            by: self.user.id,
            message: Some(stored.message.key.ts),
            root: stored.message.root,
            question: Question::Invoke { name, value },
        };
        let answered = ask(&self.app.connector, &self.directory, bot, &asked).await;
        answered.map_err(|unanswered| Hindered::Unanswered(format!("{}: {}", bot.name, unanswered.reason)))
    }

    /// Reads what the bot answered to a question of this name, and shows it where it is a card.
    async fn answer(&self, shown: &Shown, name: &str, answered: &Answered) -> Result<Answer, Hindered> {
        let (status, body) = (answered.status.as_u16(), &answered.body);
        match name {
            CARD_ACTION => {
                let answer = invoke::card_answer(status, body)?;
                if let CardAnswer::Card(card) = &answer {
                    self.show(shown, card).await?;
                }
                Ok(Answer::Card(answer))
            }
            "task/fetch" | "task/submit" | "message/fetchTask" => {
                Ok(Answer::Task(invoke::task_answer(name, status, body)?))
            }
            "message/submitAction" => {
                invoke::feedback_answer(status, body)?;
                Ok(Answer::Done)
            }
            name => {
                invoke::plain_answer(name, status)?;
                Ok(Answer::Done)
            }
        }
    }

    /// The bot that receives presses on a message. Nothing is sent if there is none.
    fn bot_of(&self, conversation: &Conversation, stored: &Stored) -> Result<&Arc<Bot>, Hindered> {
        let bot = stored.message.app.filter(|_| stored.message.as_app).and_then(|id| self.directory.app(id));
        let bot = bot.ok_or(InteractionRefusal::NoApp)?;
        let deaf = if bot.uninstalled {
            "was uninstalled"
        } else if !conversation.has(bot.bot_user) {
            "is not in the conversation any more"
        } else if bot.endpoint.is_none() {
            "has no endpoint"
        } else {
            return Ok(bot);
        };
        Err(Hindered::Unanswered(format!("{} {deaf}, so no bot would receive the press", bot.name)))
    }

    /// The card in the place of the one that was pressed, for this person, until the message changes.
    pub(super) async fn show(&self, shown: &Shown, card: &Map<String, Value>) -> Result<(), Hindered> {
        let stored = &shown.stored;
        let bot = stored.message.app.ok_or(InteractionRefusal::NoApp)?;
        let card = json!({ "contentType": card::ADAPTIVE, "content": card });
        let mut own = Value::Object(shown.activity.clone());
        match shown.attachment.and_then(|place| own["attachments"].get_mut(place)) {
            Some(pressed) => *pressed = card,
            None => own["attachments"] = json!([card]),
        }
        let content = Content { text: stored.content.text.clone(), ..activity(&own) };
        let act = Act::Show(self.user.id, Arc::new(content));
        let (conversation, ts) = (stored.message.key.conversation, stored.message.key.ts);
        let verb = Verb::Interaction(Interaction { conversation, ts, act });
        let (workspace, caller) = (self.directory.workspace.id, Caller::Bot(bot));
        self.app.service.submit(Command { workspace, caller, idempotency: None, verb, source: None }).await?;
        Ok(())
    }
}

/// What a button makes a person say goes to the message's thread; only channels have threads.
fn thread_of(conversation: &Conversation, stored: &Stored) -> Option<Ts> {
    let root = stored.message.root.or(Some(stored.message.key.ts));
    root.filter(|_| conversation.is_channel())
}

/// A message as one person sees it.
pub(super) struct Shown {
    pub stored: Stored,
    pub activity: Map<String, Value>,
    /// The attachment that is pressed.
    pub attachment: Option<usize>,
}

/// What is handed in of a dialog.
pub(crate) enum Dialog<'a> {
    /// An action of its card.
    Card { card: &'a Map<String, Value>, action: Option<&'a Value>, inputs: &'a Map<String, Value> },
    /// The same of a bot's own feedback form.
    Form {
        opinion: Opinion,
        card: &'a Map<String, Value>,
        action: Option<&'a Value>,
        inputs: &'a Map<String, Value>,
    },
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
