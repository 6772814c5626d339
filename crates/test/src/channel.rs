//! A channel, or a direct message.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::api::{Api, list, named, segment, text};
use crate::error::Error;
use crate::message::Message;
use crate::transcript::transcript;
use crate::wait::Wait;

/// Messages of a channel that are looked at, the newest.
pub(crate) const LOOKED_AT_MAX: usize = 200;

/// Replies of a thread that are looked at.
pub(crate) const REPLIES_MAX: usize = 1000;

/// A channel, a direct message or a group chat. Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// let redraft = redraft_test::Redraft::start().await?;
/// let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
/// let lunch = ben.post(&general, "lunch?").await?;
/// ben.reply(&lunch, "soup today").await?;
/// ben.edit(&lunch, "lunch at noon?").await?;
///
/// general.update_of(&lunch).containing("noon").await?;
/// general.message().in_thread(&lunch).containing("soup").await?;
/// assert_eq!(general.messages().await?.len(), 1);
/// # redraft.stop().await
/// # }
/// ```
#[derive(Clone)]
pub struct Channel {
    pub(crate) api: Arc<Api>,
    /// As people call it.
    pub(crate) name: String,
    id: Option<String>,
    conversation_id: Option<String>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "Channel({})", self.name)
    }
}

impl Channel {
    pub(crate) fn named(api: &Arc<Api>, name: &str) -> Self {
        let known = api.known.channels().iter().find(|it| it["name"] == name);
        let id = |member: &str| known.map(|known| text(known, member).to_owned());
        let (id, conversation_id) = (id("id"), id("conversation_id"));
        Self { api: Arc::clone(api), name: name.into(), id, conversation_id }
    }

    /// The conversation that a message is in.
    pub(crate) fn of(api: &Arc<Api>, message: &Value) -> Self {
        let (id, conversation_id) = (text(message, "channel"), text(message, "conversation_id"));
        let known = api.known.channels().iter().find(|it| it["id"] == id);
        let name = known.map_or_else(|| id.to_owned(), |known| text(known, "name").to_owned());
        Self {
            api: Arc::clone(api),
            name,
            id: Some(id.into()),
            conversation_id: Some(conversation_id.into()),
        }
    }

    /// Its id at Slack, `C…`, `D…` or `G…`.
    ///
    /// # Errors
    /// When the declared workspace has no such channel.
    pub fn id(&self) -> Result<&str, Error> {
        self.found(self.id.as_ref())
    }

    /// Its id at Teams, `19:…` or `a:…`.
    ///
    /// # Errors
    /// When the declared workspace has no such channel.
    pub fn conversation_id(&self) -> Result<&str, Error> {
        self.found(self.conversation_id.as_ref())
    }

    fn found<'a>(&self, id: Option<&'a String>) -> Result<&'a str, Error> {
        match id {
            Some(id) => Ok(id),
            None => Err(named(self.api.known.channels(), "channel", &self.name).err().unwrap_or_else(|| {
                Error::Unknown { what: "channel", name: self.name.clone(), known: Vec::new() }
            })),
        }
    }

    /// Waits for a message. Add conditions to the returned value, and await it: it returns the newest message that meets them.
    pub fn message(&self) -> Wait {
        Wait::any(self)
    }

    /// Waits until this message has changed after it was last looked at: its revision is above the one of `message`.
    pub fn update_of(&self, message: &Message) -> Wait {
        Wait::update(self, message)
    }

    /// Waits until this message was deleted. The returned message is the state before the deletion.
    pub fn deletion_of(&self, message: &Message) -> Wait {
        Wait::deletion(self, message)
    }

    /// Its newest messages, at most 200, without replies in threads and without those for one reader; the oldest first.
    ///
    /// # Errors
    /// When the channel is not there.
    pub async fn messages(&self) -> Result<Vec<Message>, Error> {
        let mut line = line(&self.api, self.id()?, None).await?;
        line.reverse();
        Ok(line.into_iter().map(|message| Message::new(&self.api, message)).collect())
    }

    /// The conversation as people see it, as a failed wait prints it.
    pub async fn transcript(&self) -> String {
        transcript(self, None).await
    }
}

/// A channel's messages for everyone, or a thread's replies; the newest first.
pub(crate) async fn line(api: &Api, channel: &str, thread: Option<&str>) -> Result<Vec<Value>, Error> {
    let path = format!("/channels/{}/messages", segment(channel));
    let path = match thread {
        None => format!("{path}?limit={LOOKED_AT_MAX}"),
        Some(root) => format!("{path}?limit={REPLIES_MAX}&thread_ts={}", segment(root)),
    };
    let mut messages = list(&api.get(&path).await?["messages"]).to_vec();
    messages.sort_by(|one, other| text(other, "ts").cmp(text(one, "ts")));
    Ok(messages)
}

/// What a person sees of a channel or a thread; the newest first.
pub(crate) async fn seen(
    api: &Api,
    person: &str,
    channel: &str,
    thread: Option<&str>,
) -> Result<Vec<Value>, Error> {
    let path = format!("/people/{}/channels/{}/messages", segment(person), segment(channel));
    let thread = thread.map(|root| format!("&thread_ts={}", segment(root))).unwrap_or_default();
    let mut answer = api.get(&format!("{path}?limit={LOOKED_AT_MAX}{thread}")).await?;
    let mut messages = answer["messages"].as_array_mut().map(std::mem::take).unwrap_or_default();
    messages.reverse();
    Ok(messages)
}
