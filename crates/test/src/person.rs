//! A person, and what people do.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Instant;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::api::{Api, about, given, list, named, segment, text};
use crate::app::App;
use crate::channel::{Channel, seen};
use crate::error::Error;
use crate::message::Message;
use crate::redraft::Later;

/// Somebody who can be written to and who writes: a [`Person`] or an [`App`] by its bot.
pub trait Member: sealed::Sealed {
    /// The `U…` of the person or of the app's bot.
    ///
    /// # Errors
    /// When the declared workspace has no such person or app.
    fn user_id(&self) -> Result<&str, Error>;

    /// The name in the declared workspace.
    fn shown_name(&self) -> &str;
}

/// Whoever wrote something.
#[derive(Clone)]
pub enum Author {
    /// A person.
    Person(Person),
    /// An app's bot.
    App(App),
}

impl Author {
    pub(crate) fn member(&self) -> &dyn Member {
        match self {
            Self::Person(person) => person,
            Self::App(app) => app,
        }
    }
}

mod sealed {
    use super::{App, Author, Person};

    /// Implemented in this crate only.
    pub trait Sealed {
        fn author(&self) -> Author;
    }

    impl Sealed for Person {
        fn author(&self) -> Author {
            Author::Person(self.clone())
        }
    }

    impl Sealed for App {
        fn author(&self) -> Author {
            Author::App(self.clone())
        }
    }
}

impl Member for Person {
    fn user_id(&self) -> Result<&str, Error> {
        self.id()
    }

    fn shown_name(&self) -> &str {
        &self.name
    }
}

impl Member for App {
    fn user_id(&self) -> Result<&str, Error> {
        self.bot_user_id()
    }

    fn shown_name(&self) -> &str {
        &self.name
    }
}

/// A person of the workspace, who does what people do in their clients. Cheap to clone.
///
/// An act has happened when its call returns. Reactions of bots follow later; wait for them with [`Channel::message`]. If a
/// call is dropped, the act may have happened.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// let redraft = redraft_test::Redraft::start().await?;
/// let (general, ben, cleo) = (redraft.channel("general"), redraft.person("ben"), redraft.person("cleo"));
///
/// let lunch = ben.post(&general, "lunch, @pollbot?").await?;
/// cleo.react(&lunch, "eyes").await?;
/// assert_eq!(ben.sees(&general).await?[0].reactions(), [("eyes".to_owned(), 1)]);
///
/// let direct = ben.write_to(&redraft.app("helpdesk"), "I forgot my password").await?;
/// assert_eq!(ben.sees(&direct.channel()).await?.len(), 1);
///
/// ben.delete(&lunch).await?;
/// general.deletion_of(&lunch).await?;
/// # redraft.stop().await
/// # }
/// ```
#[derive(Clone)]
pub struct Person {
    pub(crate) api: Arc<Api>,
    pub(crate) name: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Person({})", self.name)
    }
}

impl Person {
    pub(crate) fn named(api: &Arc<Api>, name: &str) -> Self {
        Self { api: Arc::clone(api), name: name.into() }
    }

    fn known(&self) -> Result<&Value, Error> {
        named(self.api.known.people(), "person", &self.name)
    }

    /// Their id at Slack, `U…`.
    ///
    /// # Errors
    /// When the declared workspace has no such person.
    pub fn id(&self) -> Result<&str, Error> {
        Ok(text(self.known()?, "id"))
    }

    /// Their id at Teams, `29:…`.
    ///
    /// # Errors
    /// When the declared workspace has no such person.
    pub fn member_id(&self) -> Result<&str, Error> {
        Ok(text(self.known()?, "member_id"))
    }

    async fn does(&self, what: &str, body: Value) -> Result<Value, Error> {
        self.api.post(&format!("/people/{}/{what}", segment(self.id()?)), given(body)).await
    }

    /// Writes a message. `@name` mentions a person or a bot.
    ///
    /// # Errors
    /// When they may not.
    pub async fn post(&self, channel: &Channel, text: &str) -> Result<Message, Error> {
        let posted = self.does("messages", json!({ "channel": channel.id()?, "text": text })).await?;
        Ok(Message::new(&self.api, posted))
    }

    /// Answers in the thread of a message.
    ///
    /// # Errors
    /// When they may not.
    pub async fn reply(&self, to: &Message, text: &str) -> Result<Message, Error> {
        let root = to.thread_ts().unwrap_or(to.ts());
        let reply = json!({ "channel": to.channel_id(), "thread_ts": root, "text": text });
        Ok(Message::new(&self.api, self.does("messages", reply).await?))
    }

    /// Writes a direct message to a person or a bot. [`Message::channel`] is the conversation.
    ///
    /// # Errors
    /// When they may not.
    pub async fn write_to(&self, to: &impl Member, text: &str) -> Result<Message, Error> {
        let posted = self.does("messages", json!({ "to": [to.user_id()?], "text": text })).await?;
        Ok(Message::new(&self.api, posted))
    }

    /// Edits a message of theirs.
    ///
    /// # Errors
    /// When they may not, or the message was deleted.
    pub async fn edit(&self, message: &Message, text: &str) -> Result<Message, Error> {
        let path = self.message_path(message)?;
        let edited = self.api.call(Method::PATCH, &path, Some(json!({ "text": text }))).await?;
        Ok(Message::new(&self.api, edited))
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// When they may not, or the message was deleted.
    pub async fn delete(&self, message: &Message) -> Result<(), Error> {
        let path = self.message_path(message)?;
        self.api.call(Method::DELETE, &path, None).await.map(drop)
    }

    fn message_path(&self, message: &Message) -> Result<String, Error> {
        let (person, channel) = (segment(self.id()?), segment(message.channel_id()));
        Ok(format!("/people/{person}/messages/{channel}/{}", segment(message.ts())))
    }

    /// Reacts with the emoji of this short name, such as `eyes`.
    ///
    /// # Errors
    /// When they may not, or the message was deleted.
    pub async fn react(&self, message: &Message, emoji: &str) -> Result<(), Error> {
        self.does("reactions", reaction(message, emoji)).await.map(drop)
    }

    /// Removes a reaction.
    ///
    /// # Errors
    /// When they may not, or the message was deleted.
    pub async fn unreact(&self, message: &Message, emoji: &str) -> Result<(), Error> {
        let path = format!("/people/{}/reactions", segment(self.id()?));
        self.api.call(Method::DELETE, &path, Some(reaction(message, emoji))).await.map(drop)
    }

    /// Presses a button of a message or an action of its card, by its label (or `action_id`, value, verb). Set a card's inputs
    /// on the returned value, and await it.
    #[must_use = "it is pressed when it is awaited"]
    pub fn press(&self, message: &Message, label: &str) -> Press {
        let body = about(message.channel_id(), message.ts());
        Press { person: self.clone(), path: "actions".into(), body, inputs: Map::new() }
            .with("action", label.into())
    }

    /// Chooses an option of a menu, or fills in an input, of a message; both by their labels.
    #[must_use = "it is chosen when it is awaited"]
    pub fn choose(&self, message: &Message, label: &str, option: impl Into<Value>) -> Press {
        self.press(message, label).with("value", option.into())
    }

    /// Types a slash command with its arguments. When this returns, its app has acknowledged it.
    ///
    /// # Errors
    /// When there is no such command, or the app does not answer.
    pub async fn command(&self, channel: &Channel, command: &str) -> Result<(), Error> {
        self.does("commands", json!({ "channel": channel.id()?, "command": command })).await.map(drop)
    }

    /// Runs a shortcut from anywhere, by its `callback_id`.
    ///
    /// # Errors
    /// When there is no such shortcut, or the app does not answer.
    pub async fn shortcut(&self, callback_id: &str) -> Result<(), Error> {
        self.does("shortcuts", json!({ "callback_id": callback_id })).await.map(drop)
    }

    /// Runs a shortcut on a message, by its `callback_id`.
    ///
    /// # Errors
    /// When there is no such shortcut, or the app does not answer.
    pub async fn shortcut_on(&self, message: &Message, callback_id: &str) -> Result<(), Error> {
        let run = json!({ "callback_id": callback_id, "channel": message.channel_id(), "ts": message.ts() });
        self.does("shortcuts", run).await.map(drop)
    }

    /// Waits until a modal is open, and returns the topmost one.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when none opens within the server's [time limit](crate::Start::time_limit).
    pub async fn modal(&self) -> Result<Modal, Error> {
        let (start, limit) = (Instant::now(), self.api.time_limit);
        let logged = self.api.log.count();
        loop {
            let left = limit.saturating_sub(start.elapsed());
            let wait_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).min(MODAL_WAIT_MS_MAX);
            let path = format!("/people/{}/views?wait_ms={wait_ms}", segment(self.id()?));
            let open = self.api.get(&path).await?;
            if let Some(topmost) = list(&open["views"]).last() {
                return Ok(Modal { person: self.clone(), view: Arc::new(topmost.clone()) });
            }
            if left.is_zero() {
                let wanted = format!("modal open to {}", crate::error::line(&self.name));
                let conversation = crate::transcript::hindered(&self.api, logged).await;
                return Err(Error::TimedOut { wanted, waited: start.elapsed(), conversation });
            }
        }
    }

    /// What they see of a channel: its newest messages, at most 200, with those for them alone and their own views of cards;
    /// the oldest first.
    ///
    /// # Errors
    /// When they don't see the channel.
    pub async fn sees(&self, channel: &Channel) -> Result<Vec<Message>, Error> {
        let mut seen = seen(&self.api, self.id()?, channel.id()?, None).await?;
        seen.reverse();
        Ok(seen.into_iter().map(|message| Message::new(&self.api, message)).collect())
    }
}

/// How long one call waits for a modal; below the time limit of a call.
const MODAL_WAIT_MS_MAX: u64 = 20_000;

fn reaction(message: &Message, emoji: &str) -> Value {
    json!({ "channel": message.channel_id(), "ts": message.ts(), "name": emoji })
}

/// A press of a button. Await it: it returns the outcome when the app has answered.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// let redraft = redraft_test::Redraft::start().await?;
/// let ben = redraft.person("ben");
/// let message = ben.post(&redraft.channel("general"), "nothing to press").await?;
/// let failed = ben.press(&message, "Vote").input("drink", "tea").await.unwrap_err();
/// assert!(failed.to_string().contains("nothing to press"), "{failed}");
/// # redraft.stop().await
/// # }
/// ```
#[must_use = "it happens when it is awaited"]
#[derive(Clone, Debug)]
pub struct Press {
    person: Person,
    path: String,
    body: Value,
    inputs: Map<String, Value>,
}

impl Press {
    fn with(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    /// Fills in an input, by its id or label, before the press.
    pub fn input(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.inputs.insert(name.into(), value.into());
        self
    }

    /// Selects the block, if several have an element with this label.
    pub fn in_block(self, block_id: impl Into<String>) -> Self {
        self.with("block_id", Value::String(block_id.into()))
    }

    async fn run(self) -> Result<Outcome, Error> {
        let Self { person, path, mut body, inputs } = self;
        if !inputs.is_empty() {
            body["inputs"] = inputs.into();
        }
        person.does(&path, body).await.map(Outcome::of)
    }
}

impl IntoFuture for Press {
    type Output = Result<Outcome, Error>;
    type IntoFuture = Later<Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The outcome of a press.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// The Slack app acknowledged it.
    Acknowledged,
    /// The card's inputs went to the bot as a message (`Action.Submit`).
    Submitted,
    /// The button wrote a message in the person's name.
    Posted,
    /// The button opens this address; no app is asked.
    Opens(String),
    /// The bot answered an invoke without showing anything.
    Answered,
    /// The bot answered `Action.Execute`: `type` is `card`, `message`, `error` and so on.
    Card(Value),
    /// The bot answered with a dialog: `type` is `continue`, `message` or `closed`.
    Dialog(Value),
    /// It concerns the person's client alone, such as a card that opens below its button.
    Local,
    /// An outcome that this version does not know, as the server's JSON.
    Other(Value),
}

impl Outcome {
    fn of(mut answer: Value) -> Self {
        match text(&answer, "kind") {
            "told" => Self::Acknowledged,
            "submit" => Self::Submitted,
            "post" => Self::Posted,
            "open" => Self::Opens(text(&answer, "url").to_owned()),
            "invoke" => Self::Answered,
            "execute" => Self::Card(answer["answer"].take()),
            "task" => Self::Dialog(answer["answer"].take()),
            "none" => Self::Local,
            _ => Self::Other(answer),
        }
    }
}

/// An open modal of a Slack app.
///
/// ```no_run
/// # async fn example(ben: redraft_test::Person) -> Result<(), redraft_test::Error> {
/// use redraft_test::Submitted;
///
/// ben.shortcut("file_bug").await?;
/// let modal = ben.modal().await?;
/// assert_eq!(modal.title(), "File a bug");
/// assert_eq!(modal.submit().input("Title", "It does not start").await?, Submitted::Closed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Modal {
    person: Person,
    view: Arc<Value>,
}

impl Modal {
    /// Its id, `V…`.
    #[must_use]
    pub fn id(&self) -> &str {
        text(&self.view, "id")
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        text(&self.view["title"], "text")
    }

    /// The view as its app made it.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.view
    }

    fn path(&self, what: &str) -> String {
        format!("views/{}/{what}", segment(self.id()))
    }

    /// Presses a button in it, by its label. Await it.
    #[must_use = "it is pressed when it is awaited"]
    pub fn press(&self, label: &str) -> Press {
        Press { person: self.person.clone(), path: self.path("actions"), body: json!({}), inputs: Map::new() }
            .with("action", label.into())
    }

    /// Submits it. Fill in its inputs on the returned value, and await it.
    #[must_use = "it is submitted when it is awaited"]
    pub fn submit(&self) -> Submit {
        Submit { modal: self.clone(), inputs: Map::new() }
    }

    /// Closes it without submitting.
    ///
    /// # Errors
    /// When it is not open any more.
    pub async fn close(&self) -> Result<(), Error> {
        self.person.does(&self.path("close"), json!({})).await.map(drop)
    }
}

/// The submission of a modal. Await it.
#[must_use = "it is submitted when it is awaited"]
#[derive(Clone, Debug)]
pub struct Submit {
    modal: Modal,
    inputs: Map<String, Value>,
}

impl Submit {
    /// Fills in an input, by its label, `action_id` or `block_id`.
    pub fn input(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.inputs.insert(name.into(), value.into());
        self
    }

    async fn run(self) -> Result<Submitted, Error> {
        let body = json!({ "inputs": self.inputs });
        let mut answer = self.modal.person.does(&self.modal.path("submit"), body).await?;
        Ok(match text(&answer, "kind") {
            "close" => Submitted::Closed,
            "errors" => Submitted::Errors(answer["errors"].take()),
            "update" => Submitted::Updated,
            "push" => Submitted::Pushed,
            "clear" => Submitted::Cleared,
            _ => Submitted::Other(answer),
        })
    }
}

impl IntoFuture for Submit {
    type Output = Result<Submitted, Error>;
    type IntoFuture = Later<Submitted>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The outcome of a submission.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Submitted {
    /// The modal is closed.
    Closed,
    /// The app refused it, with an explanation for each block, by `block_id`.
    Errors(Value),
    /// The app updated the modal; it is still open.
    Updated,
    /// Another modal is open above it.
    Pushed,
    /// All of the app's modals are closed.
    Cleared,
    /// An outcome that this version does not know, as the server's JSON.
    Other(Value),
}
