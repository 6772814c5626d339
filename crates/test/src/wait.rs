//! Waiting for a message.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::text;
use crate::channel::{Channel, line, seen};
use crate::error::{self, Error};
use crate::message::Message;
use crate::person::{Author, Member, Person};
use crate::redraft::Later;
use crate::transcript::{hindered, transcript};

/// A wait for a message that meets all conditions. Add conditions with its methods, and await it.
///
/// It checks the messages after each event of the workspace, without polling, and returns the newest that meets the conditions.
/// After its time limit it fails with [`Error::TimedOut`], which prints the conversation as people see it. It can be dropped at
/// any time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use std::time::Duration;
/// use redraft_test::{Error, Redraft};
///
/// let redraft = Redraft::start().await?;
/// let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
/// ben.post(&general, "lunch?").await?;
///
/// let message = general.message().containing("lunch").by(&ben).without_buttons().await?;
/// assert_eq!(message.text(), "lunch?");
///
/// let failed = general.message().containing("dinner").within(Duration::from_millis(1)).await;
/// let said = failed.unwrap_err().to_string();
/// assert!(said.contains("no message in #general that contains \"dinner\""), "{said}");
/// assert!(said.contains("ben: lunch?"), "{said}");
/// # redraft.stop().await
/// # }
/// ```
#[must_use = "it waits when it is awaited"]
#[derive(Clone)]
pub struct Wait {
    channel: Channel,
    /// A message that is known, if it is about that one.
    about: Option<Message>,
    reader: Option<Person>,
    thread: Option<String>,
    conditions: Vec<Condition>,
    limit: Duration,
}

/// What a message has to be like.
#[derive(Clone)]
enum Condition {
    Text(String),
    Containing(String),
    By(Author),
    Revision(u64),
    UpdatedAfter(u64),
    Edited,
    Deleted,
    Whole,
    Button(String),
    NoButtons,
    Like(String, Arc<dyn Fn(&Message) -> bool + Send + Sync>),
}

impl fmt::Debug for Wait {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Wait({})", self.wanted())
    }
}

impl Wait {
    pub(crate) fn any(channel: &Channel) -> Self {
        let (limit, channel) = (channel.api.time_limit, channel.clone());
        Self { channel, about: None, reader: None, thread: None, conditions: Vec::new(), limit }
    }

    pub(crate) fn update(channel: &Channel, message: &Message) -> Self {
        let revision = message.revision().unwrap_or_default();
        Self::about(channel, message).with(Condition::UpdatedAfter(revision))
    }

    pub(crate) fn deletion(channel: &Channel, message: &Message) -> Self {
        Self::about(channel, message).with(Condition::Deleted)
    }

    fn about(channel: &Channel, message: &Message) -> Self {
        let thread = message.thread_ts().filter(|root| *root != message.ts()).map(str::to_owned);
        Self { about: Some(message.clone()), thread, ..Self::any(channel) }
    }

    fn with(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The text, or what people read in the blocks or cards, contains this.
    pub fn containing(self, part: impl Into<String>) -> Self {
        self.with(Condition::Containing(part.into()))
    }

    /// The text equals this.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Condition::Text(text.into()))
    }

    /// This app's bot or this person wrote it.
    pub fn by(self, author: &impl Member) -> Self {
        self.with(Condition::By(author.author()))
    }

    /// The revision is at least this; a posted message has revision 1, and each update adds 1.
    pub fn revision(self, revision: u64) -> Self {
        self.with(Condition::Revision(revision))
    }

    /// People see that it was edited.
    pub fn edited(self) -> Self {
        self.with(Condition::Edited)
    }

    /// It was deleted, and its thread is still there. To wait until a message is deleted use
    /// [`Channel::deletion_of`](crate::Channel::deletion_of).
    pub fn deleted(self) -> Self {
        self.with(Condition::Deleted)
    }

    /// It is no longer being streamed.
    pub fn whole(self) -> Self {
        self.with(Condition::Whole)
    }

    /// It has a button, a card action or a menu of this label.
    pub fn with_button(self, label: impl Into<String>) -> Self {
        self.with(Condition::Button(label.into()))
    }

    /// It has no button, card action or menu.
    pub fn without_buttons(self) -> Self {
        self.with(Condition::NoButtons)
    }

    /// This function returns true for it. `like` describes the condition in failures: `is …`, `has …`.
    pub fn matching(
        self,
        like: impl Into<String>,
        matches: impl Fn(&Message) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Condition::Like(like.into(), Arc::new(matches)))
    }

    /// It is a reply in the thread of this message.
    pub fn in_thread(mut self, root: &Message) -> Self {
        self.thread = Some(root.thread_ts().unwrap_or(root.ts()).to_owned());
        self
    }

    /// This person sees it. Messages for them alone, and their own views of cards, count too.
    pub fn seen_by(mut self, person: &Person) -> Self {
        self.reader = Some(person.clone());
        self
    }

    /// Sets the time limit, instead of [`TIME_LIMIT`](crate::TIME_LIMIT).
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(self) -> Result<Message, Error> {
        let (api, start) = (&self.channel.api, Instant::now());
        // Nobody writes under a name that is not declared, so waiting would be in vain.
        self.conditions.iter().try_for_each(Condition::check)?;
        let (mut after, logged) = (api.position(), api.log.count());
        loop {
            if let Some(found) = self.look().await? {
                api.read_up_to(after);
                return Ok(found);
            }
            let left = self.limit.saturating_sub(start.elapsed());
            if left.is_zero() {
                let conversation = transcript(&self.channel, self.reader.as_ref()).await;
                let conversation = format!("{conversation}{}", hindered(api, logged).await);
                return Err(Error::TimedOut { wanted: self.wanted(), waited: start.elapsed(), conversation });
            }
            after = api.next_events(after, left).await?;
        }
    }

    /// The newest message that is as it should be.
    async fn look(&self) -> Result<Option<Message>, Error> {
        let messages = self.candidates().await?;
        let api = &self.channel.api;
        if let (Some(about), true) = (&self.about, messages.is_empty()) {
            return Ok(self.wants_deleted().then(|| about.clone()));
        }
        let found = messages.into_iter().map(|message| Message::new(api, message));
        Ok(found.into_iter().find(|message| self.matches(message)))
    }

    async fn candidates(&self) -> Result<Vec<Value>, Error> {
        let (api, channel) = (&self.channel.api, self.channel.id()?);
        let thread = self.thread.as_deref();
        let ts = self.about.as_ref().map(Message::ts);
        let all = match (&self.reader, ts) {
            (Some(reader), _) => seen(api, reader.id()?, channel, thread).await?,
            (None, None) => line(api, channel, thread).await?,
            (None, Some(ts)) => {
                let asked = json!({ "channel": channel, "ts": ts, "timeout_ms": 0 });
                match api.post("/wait", asked).await {
                    Ok(mut found) => vec![found["message"].take()],
                    Err(Error::Refused { code, .. }) if code == "timeout" => Vec::new(),
                    Err(failed) => return Err(failed),
                }
            }
        };
        let wanted = |message: &Value| match ts {
            Some(ts) => text(message, "ts") == ts,
            // A thread as a person sees it begins with its root.
            None => thread.is_none_or(|root| text(message, "ts") != root),
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    fn matches(&self, message: &Message) -> bool {
        (self.wants_deleted() || !message.is_deleted()) && self.conditions.iter().all(|it| it.holds(message))
    }

    fn wants_deleted(&self) -> bool {
        self.conditions.iter().any(|condition| matches!(condition, Condition::Deleted))
    }

    fn wanted(&self) -> String {
        let mut wanted = match &self.about {
            None => format!("message in #{}", error::line(&self.channel.name)),
            Some(message) => {
                format!(
                    "message {} ({:?}) in #{}",
                    message.ts(),
                    message.text(),
                    error::line(&self.channel.name)
                )
            }
        };
        if let (Some(root), None) = (&self.thread, &self.about) {
            wanted = format!("{wanted} in the thread of {root}");
        }
        if let Some(reader) = &self.reader {
            wanted = format!("{wanted} seen by {}", reader.shown_name());
        }
        for (place, condition) in self.conditions.iter().enumerate() {
            wanted = format!("{wanted} {} {condition}", if place == 0 { "that" } else { "and" });
        }
        wanted
    }
}

impl IntoFuture for Wait {
    type Output = Result<Message, Error>;
    type IntoFuture = Later<Message>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Condition {
    fn check(&self) -> Result<(), Error> {
        match self {
            Self::By(author) => author.member().user_id().map(drop),
            Self::Text(_)
            | Self::Containing(_)
            | Self::Revision(_)
            | Self::UpdatedAfter(_)
            | Self::Edited
            | Self::Deleted
            | Self::Whole
            | Self::Button(_)
            | Self::NoButtons
            | Self::Like(..) => Ok(()),
        }
    }

    fn holds(&self, message: &Message) -> bool {
        match self {
            Self::Text(wanted) => message.text() == wanted,
            Self::Containing(part) => message.shows(part),
            Self::By(author) => author.member().user_id().is_ok_and(|id| id == message.user()),
            Self::Revision(least) => message.revision() >= Some(*least),
            Self::UpdatedAfter(revision) => message.revision() > Some(*revision),
            Self::Edited => message.is_edited(),
            Self::Deleted => message.is_deleted(),
            Self::Whole => !message.is_streaming(),
            Self::Button(label) => message.buttons().contains(label),
            Self::NoButtons => message.buttons().is_empty(),
            Self::Like(_, matches) => matches(message),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(wanted) => write!(to, "says {wanted:?}"),
            Self::Containing(part) => write!(to, "contains {part:?}"),
            Self::By(author) => write!(to, "is by {}", error::line(author.member().shown_name())),
            Self::Revision(least) => write!(to, "has revision {least} or a later one"),
            Self::UpdatedAfter(revision) => write!(to, "was updated after revision {revision}"),
            Self::Edited => to.write_str("is edited"),
            Self::Deleted => to.write_str("is deleted"),
            Self::Whole => to.write_str("has ended streaming"),
            Self::Button(label) => write!(to, "has a button {label:?}"),
            Self::NoButtons => to.write_str("has no buttons"),
            Self::Like(like, _) => to.write_str(&error::line(like)),
        }
    }
}
