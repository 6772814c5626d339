//! Messages remembered under keys of the author's own.

mod held;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::held::{Halt, Held, Wanted};
use self::record::{Claim, Record, State, at, entry, has_metadata, hex, read, same_place, write};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteBookStore;
pub use self::store::{BookStore, MemoryBookStore};
use crate::activity::ConversationReference;
use crate::adapter::Adapter;
use crate::bot::Bot;
use crate::content::Content;
use crate::error::Error;

/// The lease of a key, in milliseconds: for so long one process alone works on it, unless it renews the lease. After a process
/// was killed, others wait for the end of its lease; by then none of its requests can be running.
pub const LEASE_MS: u64 = 120_000;
/// The longest time that a call waits for other processes' leases, in milliseconds.
const WAIT_MS_MAX: u64 = 3 * LEASE_MS;
/// The pause between two checks of a lease, in milliseconds.
const POLL_MS: u64 = 100;
/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 200;

/// Stores which message was posted under which key, so that any process can post or update it by that key.
///
/// Before a message is posted the attempt is stored, and afterwards its id. If a process is killed in between, the next call
/// waits until the lease ([`LEASE_MS`]) of the killed one expires, and then
///
/// - where the platform stores idempotency keys ([`Capabilities::send_once`](crate::Capabilities), Redraft for 24 hours), it repeats
///   the call with the same key: there is exactly one message;
/// - where messages are found by a marker ([`Capabilities::find_marked`](crate::Capabilities), Slack with the scope for the
///   history), it looks for it: there is exactly one message;
/// - elsewhere, as in Teams, it posts again: there may be a second message, which no book knows. That is reported as
///   [`Certainty::Unknown`].
///
/// Updates and deletions need none of that: repeating them is safe.
///
/// ```
/// use std::sync::Arc;
/// use redraft_bot::testing::TestAdapter;
/// use redraft_bot::{Bot, MemoryBookStore, MessageBook, TurnContext, Upserted};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_bot::Error> {
/// let platform = TestAdapter::new();
/// let bot = Bot::new(async |_: TurnContext| Ok(())).with_adapter(platform.clone());
/// let book = MessageBook::new(&bot, Arc::new(MemoryBookStore::new()));
///
/// let conversation = platform.reference();
/// assert_eq!(book.upsert("deploy-1234", &conversation, "Building").await?.how, Upserted::Posted);
/// assert_eq!(book.upsert("deploy-1234", &conversation, "Live").await?.how, Upserted::Updated);
/// assert_eq!(book.upsert("deploy-1234", &conversation, "Live").await?.how, Upserted::Unchanged);
/// book.delete("deploy-1234").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MessageBook {
    bot: Bot,
    store: Arc<dyn BookStore>,
}

impl std::fmt::Debug for MessageBook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MessageBook").finish_non_exhaustive()
    }
}

/// The result of an [`upsert`](MessageBook::upsert).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The message.
    pub reference: ConversationReference,
    /// What was done.
    pub how: Upserted,
    /// Whether this is the only message that was posted under the key.
    pub certainty: Certainty,
}

/// What an upsert did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// The message was posted: the key had none, or a person had deleted it.
    Posted,
    /// The message was updated.
    Updated,
    /// Nothing: the message shows the content already.
    Unchanged,
    /// An earlier attempt had posted the message without storing its id. It was found, and updated if its content differed.
    FoundAgain,
}

/// The result of a [`delete`](MessageBook::delete).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The message is deleted.
    Deleted,
    /// The key had no message, or a person had deleted it.
    NotThere,
    /// An attempt to post was never answered, and the platform offers no way to find out: a message may exist.
    Unknown,
}

/// Whether a message is the only one that was posted under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It is the only one.
    Certain,
    /// Each attempt to post it that was never answered may have left one more message behind.
    Unknown,
}

impl MessageBook {
    /// A book for the messages of this bot.
    #[must_use]
    pub fn new(bot: &Bot, store: Arc<dyn BookStore>) -> Self {
        Self { bot: bot.clone(), store }
    }

    /// Posts a message under this key, or updates the one that is there. A message that a person deleted is posted anew; the
    /// same content is no call, even then. While another process works on the key this waits.
    ///
    /// Dropping the future has the same effect as a killed process: the next call recovers, after the lease.
    ///
    /// # Errors
    /// See [`Error`]; rate limits and failures that may be repeated have been repeated a few times. After
    /// [`Error::Unanswered`] call it again: that finds out. [`Error::Misconfigured`] if the key's message is in another
    /// conversation, or the key is empty or longer than [`KEY_BYTES_MAX`]. [`Error::Own`] if the store failed.
    pub async fn upsert(
        &self,
        key: &str,
        reference: &ConversationReference,
        content: impl Into<Content>,
    ) -> Result<Entry, Error> {
        check(key)?;
        let wanted = self.wanted(reference, &content.into())?;
        loop {
            match self.try_upsert(key, &wanted).await {
                Ok(entry) => return Ok(entry),
                Err(Halt::Failed(error)) => return Err(error),
                Err(Halt::Lost) => tracing::debug!(key, "another process claimed the key"),
            }
        }
    }

    /// Deletes the message under this key, and forgets the key.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert). A message that is not there (any more) is no error.
    pub async fn delete(&self, key: &str) -> Result<Removed, Error> {
        check(key)?;
        loop {
            match self.try_delete(key).await {
                Ok(removed) => return Ok(removed),
                Err(Halt::Failed(error)) => return Err(error),
                Err(Halt::Lost) => tracing::debug!(key, "another process claimed the key"),
            }
        }
    }

    /// The message under this key, as far as it is known.
    ///
    /// # Errors
    /// [`Error::Own`] if the store failed.
    pub async fn find(&self, key: &str) -> Result<Option<ConversationReference>, Error> {
        let record = self.store.get(key).await?.map(|stored| read(&stored)).transpose()?;
        Ok(record.and_then(|record| match record.state {
            State::Posting { .. } => None,
            State::Posted { id, .. } => Some(at(&record.reference, id)),
        }))
    }

    fn wanted(&self, reference: &ConversationReference, content: &Content) -> Result<Wanted, Error> {
        let context = self.bot.context_for(reference)?;
        // The message that was answered is none of this one's.
        let reference = ConversationReference { activity_id: None, ..reference.clone() };
        let activity = context.activity_of(content);
        // Without what depends on who asks for it.
        let written = serde_json::to_vec(&activity).map_err(Error::own)?;
        let digest = hex(ring::digest::digest(&ring::digest::SHA256, &written));
        Ok(Wanted { reference, activity: context.outgoing(activity), digest })
    }

    fn adapter(&self, reference: &ConversationReference) -> Result<Arc<dyn Adapter>, Error> {
        self.bot.adapter_for(reference)
    }

    fn posting(&self, wanted: &Wanted, certain: bool) -> Result<State, Error> {
        let can = self.adapter(&wanted.reference)?.capabilities(&wanted.reference);
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(Error::own)?;
        Ok(State::Posting {
            attempt: hex(random),
            began_ms: self.store.now_ms(),
            activity: Box::new(wanted.activity.clone()),
            digest: wanted.digest.clone(),
            marked: can.find_marked && !has_metadata(&wanted.activity),
            certain,
        })
    }

    async fn try_upsert(&self, key: &str, wanted: &Wanted) -> Result<Entry, Halt> {
        let fresh =
            Record { reference: wanted.reference.clone(), state: self.posting(wanted, true)?, claim: None };
        let mut held = match self.claim(key, Some(fresh), Some(wanted)).await? {
            Claimed::Held(held) => held,
            Claimed::Settled(entry) => return Ok(entry),
            Claimed::Nothing => return Err(Halt::Lost),
        };
        let result = held.upsert(wanted).await;
        held.release_after(&result).await;
        result
    }

    async fn try_delete(&self, key: &str) -> Result<Removed, Halt> {
        match self.claim(key, None, None).await? {
            Claimed::Held(mut held) => {
                let result = held.delete().await;
                held.release_after(&result).await;
                result
            }
            Claimed::Settled(_) | Claimed::Nothing => Ok(Removed::NotThere),
        }
    }

    /// Waits until nobody has the key, and takes it. With content that the message shows already there is no need to.
    async fn claim<'a>(
        &'a self,
        key: &'a str,
        fresh: Option<Record>,
        wanted: Option<&Wanted>,
    ) -> Result<Claimed<'a>, Halt> {
        let mut by = [0; 16];
        getrandom::fill(&mut by).map_err(Error::own)?;
        let by = hex(by);
        let give_up = Instant::now() + Duration::from_millis(WAIT_MS_MAX);
        loop {
            let stored = self.store.get(key).await?;
            let now = self.store.now_ms();
            let (mut record, is_fresh) = match &stored {
                Some(stored) => (read(stored)?, false),
                None => match &fresh {
                    Some(fresh) => (fresh.clone(), true),
                    None => return Ok(Claimed::Nothing),
                },
            };
            if let Some(claim) = record.claim.as_ref().filter(|claim| claim.until_ms > now) {
                if Instant::now() >= give_up {
                    return Err(
                        Error::own("another process has held the lease of this key for too long").into()
                    );
                }
                let left = (claim.until_ms - now).min(POLL_MS);
                tokio::time::sleep(Duration::from_millis(left)).await;
                continue;
            }
            if let Some(wanted) = wanted {
                if !same_place(&record.reference, &wanted.reference) {
                    return Err(Error::Misconfigured(
                        "The message under this key is in another conversation: delete it first.".to_owned(),
                    )
                    .into());
                }
                if let State::Posted { id, shown, certain } = &record.state
                    && shown.as_ref() == Some(&wanted.digest)
                {
                    return Ok(Claimed::Settled(entry(&record.reference, id, Upserted::Unchanged, *certain)));
                }
            }
            record.claim = Some(Claim { by: by.clone(), until_ms: now.saturating_add(LEASE_MS) });
            let written = write(&record)?;
            if self.store.swap(key, stored.as_deref(), Some(&written)).await? {
                let held = Held { book: self, key, by, stored: written, record, fresh: is_fresh };
                return Ok(Claimed::Held(held));
            }
        }
    }
}

enum Claimed<'a> {
    Held(Held<'a>),
    Settled(Entry),
    Nothing,
}

fn check(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Error::Misconfigured(format!("A key has 1 to {KEY_BYTES_MAX} bytes.")));
    }
    Ok(())
}
