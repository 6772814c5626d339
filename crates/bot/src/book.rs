//! Messages remembered under keys of the author's own.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::activity::{Activity, ConversationReference};
use crate::adapter::{Adapter, BoxFuture, Found, Marker};
use crate::bot::Bot;
use crate::content::Content;
use crate::error::{Error, Repeat};
use crate::http::CALL_MS_MAX;

/// How long a process has a key for itself, in milliseconds, unless it renews that. After a process was killed, others wait so
/// long before they take the key over; by then no request of it can be under way any more.
pub const LEASE_MS: u64 = 120_000;
/// How long one call of an adapter may take, in milliseconds: a request, the waits for a rate limit, and the request again.
const ADAPTER_MS_MAX: u64 = 3 * CALL_MS_MAX;
/// How much of the lease has to be left when a call begins, in milliseconds.
const LEASE_LEFT_MS: u64 = ADAPTER_MS_MAX + 5_000;
/// How long a call waits for other processes that have the key, in milliseconds.
const WAIT_MS_MAX: u64 = 3 * LEASE_MS;
/// How often it looks whether they are done, in milliseconds.
const POLL_MS: u64 = 100;
/// How often a call to the platform is made before its failure is reported.
const ATTEMPTS_MAX: u32 = 4;
/// The longest pause between such calls, in milliseconds. A platform that asks for a longer one has refused.
const PAUSE_MS_MAX: u64 = 60_000;
/// How long an idempotency key surely counts, in milliseconds: Redraft keeps it for 24 hours.
const KEY_KEPT_MS: u64 = 23 * 60 * 60 * 1000;
/// How far the platform's clock may be behind this machine's, in milliseconds.
const SKEW_MS: u64 = 10 * 60 * 1000;
/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 200;

/// Remembers which message was posted under which key, so that any process can post or update it by that key.
///
/// Before a message is posted the attempt is written down, and afterwards its id. If a process is killed in between, the next
/// call waits until the lease ([`LEASE_MS`]) of the killed one is over, and then
///
/// - where the platform keeps idempotency keys ([`Capabilities::send_once`](crate::Capabilities), Redraft for 24 hours), it asks
///   again with the same key: there is exactly one message;
/// - where messages are found by a marker ([`Capabilities::find_marked`](crate::Capabilities), Slack with the scope for the
///   history), it looks for it: there is exactly one message;
/// - elsewhere, as in Teams, it posts again: there may be a second message, which nobody remembers. That is reported as
///   [`Certainty::Unknown`].
///
/// Updates and deletions need none of that: repeated ones do no harm.
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

/// What an [`upsert`](MessageBook::upsert) came to.
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

/// What was done so that the message shows its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// It was posted: there was none under the key, or a person had deleted it.
    Posted,
    /// It was updated.
    Updated,
    /// Nothing: it shows the content already.
    Unchanged,
    /// An earlier attempt to post it had succeeded without being written down; it was found, and updated if need be.
    FoundAgain,
}

/// What a [`delete`](MessageBook::delete) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// The message is deleted.
    Deleted,
    /// There was none, or a person had deleted it.
    NotThere,
    /// An attempt to post it was never answered, and there is no way to look for it: a message may be there.
    Unknown,
}

/// Whether a message is the only one that was posted under its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It is.
    Certain,
    /// Each attempt to post it that was never answered may have left one more message behind.
    Unknown,
}

/// Where a [`MessageBook`] is kept: records under keys. What is in a record is the book's own affair.
pub trait BookStore: Send + Sync + 'static {
    /// The record under this key.
    ///
    /// # Errors
    /// [`Error::Own`] if the store fails.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>>;

    /// Replaces the record under this key if it is the expected one, and returns whether it was. `None` is no record. Of several
    /// callers with the same expectation, in whatever processes, one succeeds. After it returns the record has to be durable.
    ///
    /// # Errors
    /// [`Error::Own`] if the store fails. Then the record may or may not have been replaced.
    fn swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a str>,
        record: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Error>>;

    /// The time by which leases end, in milliseconds since 1970. It has to be the same for all processes.
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A book in memory, for tests and for bots that may forget. Its time is tokio's, which a test can pause.
#[derive(Debug)]
pub struct MemoryBookStore {
    records: Mutex<HashMap<String, String>>,
    began: Instant,
    began_ms: u64,
}

impl Default for MemoryBookStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBookStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began_ms = u64::try_from(since.as_millis()).unwrap_or_default();
        Self { records: Mutex::default(), began: Instant::now(), began_ms }
    }
}

impl BookStore for MemoryBookStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = records.get(key).cloned();
        Box::pin(std::future::ready(Ok(record)))
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a str>,
        record: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if records.get(key).map(String::as_str) != expected {
                return Ok(false);
            }
            match record {
                Some(record) => records.insert(key.to_owned(), record.to_owned()),
                None => records.remove(key),
            };
            Ok(true)
        })
    }

    fn now_ms(&self) -> u64 {
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.began_ms.saturating_add(elapsed)
    }
}

/// What is kept under a key. Its life: no record → `Posting` → `Posted` → no record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The conversation, without a message.
    reference: ConversationReference,
    state: State,
    claim: Option<Claim>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    /// Written before the message is sent. Whoever finds it without a valid claim does not know whether it was.
    Posting {
        attempt: String,
        began_ms: u64,
        /// As it was sent: an idempotency key stands for the whole request.
        activity: Box<Activity>,
        /// The digest of the content.
        digest: String,
        /// Whether the message can be told by its marker.
        marked: bool,
        /// Whether an earlier attempt may have left a message that nobody remembers.
        certain: bool,
    },
    /// The message with this id is there.
    Posted {
        id: String,
        /// The digest of what it shows. `None` while an update is under way, or if one was not answered.
        shown: Option<String>,
        certain: bool,
    },
}

/// A process has the key for itself until then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    by: String,
    until_ms: u64,
}

/// Why the work under a key ended early.
enum Halt {
    /// Another process has taken the key over, since this one was too slow.
    Lost,
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A key that this call has for itself.
struct Held<'a> {
    book: &'a MessageBook,
    key: &'a str,
    by: String,
    /// The record as it is stored.
    stored: String,
    record: Record,
    /// Nobody can have sent this `Posting` before.
    fresh: bool,
}

/// What a message is to show.
struct Wanted {
    reference: ConversationReference,
    activity: Activity,
    digest: String,
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
                Err(Halt::Lost) => tracing::debug!(key, "another process took the key over"),
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
                Err(Halt::Lost) => tracing::debug!(key, "another process took the key over"),
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
                        Error::own("another process has been at work on this key for too long").into()
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

impl Held<'_> {
    async fn upsert(&mut self, wanted: &Wanted) -> Result<Entry, Halt> {
        let (how, updated) = match &self.record.state {
            State::Posted { .. } => (Upserted::Updated, self.update(wanted).await?),
            State::Posting { .. } => match self.recover(wanted).await? {
                Some(how) => (how, self.update(wanted).await?),
                None => (Upserted::Posted, self.post(wanted).await.map(|()| true)?),
            },
        };
        let how = if updated {
            how
        } else {
            // A person deleted it.
            let state = self.book.posting(wanted, self.certain())?;
            self.renew(state).await?;
            self.fresh = true;
            self.post(wanted).await?;
            Upserted::Posted
        };
        match &self.record.state {
            State::Posted { id, certain, .. } => Ok(entry(&self.record.reference, id, how, *certain)),
            State::Posting { .. } => Err(Halt::Lost),
        }
    }

    async fn delete(&mut self) -> Result<Removed, Halt> {
        let mut unknown = false;
        if let State::Posting { activity, digest, .. } = self.record.state.clone() {
            let wanted = Wanted { reference: self.record.reference.clone(), activity: *activity, digest };
            if self.recover(&wanted).await?.is_none() {
                unknown = !self.certain();
            }
        }
        let State::Posted { id, .. } = &self.record.state else {
            self.remove().await?;
            return Ok(if unknown { Removed::Unknown } else { Removed::NotThere });
        };
        let reference = at(&self.record.reference, id.clone());
        let adapter = self.book.adapter(&reference)?;
        let deleted = self.persist(|| adapter.delete(&reference)).await;
        let removed = match deleted {
            Ok(()) => Removed::Deleted,
            Err(Halt::Failed(error)) if error.is_gone() => Removed::NotThere,
            Err(halt) => return Err(halt),
        };
        self.remove().await?;
        Ok(removed)
    }

    /// Finds out what became of a `Posting` that somebody else left. `None` if it has to be posted, with a state for that.
    async fn recover(&mut self, wanted: &Wanted) -> Result<Option<Upserted>, Halt> {
        let State::Posting { attempt, began_ms, digest, marked, certain, .. } = self.record.state.clone()
        else {
            return Ok(None);
        };
        if self.fresh {
            return Ok(None);
        }
        let reference = self.record.reference.clone();
        let adapter = self.book.adapter(&reference)?;
        let can = adapter.capabilities(&reference);
        let age = self.book.store.now_ms().saturating_sub(began_ms);
        if can.send_once && age < KEY_KEPT_MS {
            // The same request with the same key: it is posted now, or was.
            match self.send().await {
                Ok(()) => return Ok(Some(Upserted::Posted)),
                // It may have been posted before it became impossible; or it never was, and would be refused for ever.
                Err(Halt::Failed(error @ Error::Refused(_))) if !error.is_retryable() => {}
                Err(halt) => return Err(halt),
            }
        }
        let found =
            if marked && can.find_marked { self.look(&attempt, began_ms).await? } else { Found::CannotLook };
        let certain = match found {
            Found::Message(id) => {
                self.renew(State::Posted { id, shown: Some(digest), certain }).await?;
                return Ok(Some(Upserted::FoundAgain));
            }
            Found::Nothing => certain,
            Found::CannotLook => false,
        };
        let state = self.book.posting(wanted, certain)?;
        self.renew(state).await?;
        self.fresh = true;
        Ok(None)
    }

    async fn look(&mut self, attempt: &str, began_ms: u64) -> Result<Found, Halt> {
        let marker = Marker::new(self.key, attempt);
        let reference = self.record.reference.clone();
        let adapter = self.book.adapter(&reference)?;
        self.persist(|| adapter.find_marked(&reference, &marker, began_ms.saturating_sub(SKEW_MS))).await
    }

    /// Posts a fresh `Posting`.
    async fn post(&mut self, wanted: &Wanted) -> Result<(), Halt> {
        let State::Posting { attempt, began_ms, marked, certain, .. } = self.record.state.clone() else {
            return Err(Halt::Lost);
        };
        let error = match self.send().await {
            Err(Halt::Failed(error)) => error,
            other => return other,
        };
        let can = self.book.adapter(&self.record.reference)?.capabilities(&self.record.reference);
        let posted_maybe = match &error {
            Error::Unanswered { repeat, .. } => can.send_once || *repeat == Repeat::MayDuplicate,
            _ => false,
        };
        if !posted_maybe {
            if certain {
                self.remove().await?
            } else {
                self.release().await?
            }
            return Err(error.into());
        }
        self.fresh = false;
        if marked && let Ok(Found::Message(id)) = self.look(&attempt, began_ms).await {
            return self.renew(State::Posted { id, shown: Some(wanted.digest.clone()), certain }).await;
        }
        // The claim stays until it ends: the request may still be under way.
        Err(error.into())
    }

    /// Sends the `Posting` as it is, under its key, and remembers the message.
    async fn send(&mut self) -> Result<(), Halt> {
        let State::Posting { attempt, activity, digest, marked, certain, .. } = self.record.state.clone()
        else {
            return Err(Halt::Lost);
        };
        let mut activity = *activity;
        if marked {
            mark(&mut activity, &Marker::new(self.key, attempt.as_str()));
        }
        let hash = hex(ring::digest::digest(&ring::digest::SHA256, self.key.as_bytes()));
        let idempotency_key = format!("redraft-book-{}-{attempt}", &hash[..16]);
        let adapter = self.book.adapter(&self.record.reference)?;
        let response = self.persist(|| adapter.send_once(&activity, &idempotency_key)).await?;
        let id = response
            .id
            .ok_or(Error::Unsupported { platform: "this conversation", verb: "tell a message's id" })?;
        self.renew(State::Posted { id, shown: Some(digest), certain }).await
    }

    /// Has the message show what is wanted. Returns whether it is there.
    async fn update(&mut self, wanted: &Wanted) -> Result<bool, Halt> {
        let State::Posted { id, shown, certain } = self.record.state.clone() else { return Err(Halt::Lost) };
        if shown.as_ref() == Some(&wanted.digest) {
            return Ok(true);
        }
        // Whoever finds it so after a crash updates it anew.
        self.renew(State::Posted { id: id.clone(), shown: None, certain }).await?;
        let mut activity = wanted.activity.clone().with_id(id.as_str());
        activity.reply_to_id = None;
        let adapter = self.book.adapter(&self.record.reference)?;
        match self.persist(|| adapter.update(&activity)).await {
            Ok(_) => {
                self.renew(State::Posted { id, shown: Some(wanted.digest.clone()), certain }).await?;
                Ok(true)
            }
            Err(Halt::Failed(error)) if error.is_gone() => Ok(false),
            Err(Halt::Failed(error @ Error::Refused(_))) => {
                self.renew(State::Posted { id, shown, certain }).await?;
                Err(error.into())
            }
            Err(halt) => Err(halt),
        }
    }

    fn certain(&self) -> bool {
        match &self.record.state {
            State::Posting { certain, .. } | State::Posted { certain, .. } => *certain,
        }
    }

    /// Makes a call a few times, as long as that is safe, and only with enough of the lease left.
    async fn persist<T, F>(&mut self, call: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            self.keep(LEASE_LEFT_MS).await?;
            let limit = Duration::from_millis(ADAPTER_MS_MAX);
            let error = match tokio::time::timeout(limit, call()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => error,
                Err(_) => Error::Unanswered {
                    method: "The call".to_owned(),
                    reason: format!("it took longer than {ADAPTER_MS_MAX} ms"),
                    repeat: Repeat::MayDuplicate,
                },
            };
            let pause = error.retry_after().unwrap_or(Duration::from_secs(1 << attempt));
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            if !error.is_retryable() || attempt == ATTEMPTS_MAX || pause_ms > PAUSE_MS_MAX {
                return Err(error.into());
            }
            attempt += 1;
            self.keep(pause_ms + LEASE_LEFT_MS).await?;
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews the lease if less than this is left.
    async fn keep(&mut self, left_ms: u64) -> Result<(), Halt> {
        let until = self.book.store.now_ms().saturating_add(left_ms);
        if self.record.claim.as_ref().is_some_and(|claim| claim.until_ms >= until) {
            return Ok(());
        }
        let record = Record { claim: self.lease(left_ms.max(LEASE_MS)), ..self.record.clone() };
        self.replace(record).await
    }

    fn lease(&self, for_ms: u64) -> Option<Claim> {
        let until_ms = self.book.store.now_ms().saturating_add(for_ms);
        Some(Claim { by: self.by.clone(), until_ms })
    }

    /// Writes a new state and a whole lease.
    async fn renew(&mut self, state: State) -> Result<(), Halt> {
        let record = Record { reference: self.record.reference.clone(), state, claim: self.lease(LEASE_MS) };
        self.replace(record).await
    }

    async fn replace(&mut self, record: Record) -> Result<(), Halt> {
        let written = write(&record)?;
        if !self.book.store.swap(self.key, Some(&self.stored), Some(&written)).await? {
            return Err(Halt::Lost);
        }
        (self.stored, self.record) = (written, record);
        Ok(())
    }

    async fn remove(&mut self) -> Result<(), Halt> {
        let removed = self.book.store.swap(self.key, Some(&self.stored), None).await?;
        self.record.claim = None;
        if removed { Ok(()) } else { Err(Halt::Lost) }
    }

    async fn release(&mut self) -> Result<(), Halt> {
        let record = Record { claim: None, ..self.record.clone() };
        self.replace(record).await
    }

    /// Lets others go on, unless a request may still be under way that they can't tell from one that failed.
    async fn release_after<T>(&mut self, result: &Result<T, Halt>) {
        let under_way = matches!(
            (&self.record.state, result),
            (
                State::Posting { marked: true, .. },
                Err(Halt::Failed(Error::Unanswered { repeat: Repeat::MayDuplicate, .. }))
            )
        );
        let lost = matches!(result, Err(Halt::Lost));
        if self.record.claim.is_some() && !under_way && !lost && self.release().await.is_err() {
            tracing::debug!(key = self.key, "the lease was not given back; it ends by itself");
        }
    }
}

fn check(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Error::Misconfigured(format!("A key has 1 to {KEY_BYTES_MAX} bytes.")));
    }
    Ok(())
}

fn read(stored: &str) -> Result<Record, Error> {
    serde_json::from_str(stored)
        .map_err(|error| Error::own(format_args!("the book has a record that can't be read: {error}")))
}

fn write(record: &Record) -> Result<String, Error> {
    serde_json::to_string(record).map_err(Error::own)
}

fn at(reference: &ConversationReference, id: String) -> ConversationReference {
    ConversationReference { activity_id: Some(id), ..reference.clone() }
}

fn entry(reference: &ConversationReference, id: &str, how: Upserted, certain: bool) -> Entry {
    let certainty = if certain { Certainty::Certain } else { Certainty::Unknown };
    Entry { reference: at(reference, id.to_owned()), how, certainty }
}

fn same_place(one: &ConversationReference, other: &ConversationReference) -> bool {
    let id = |reference: &ConversationReference| {
        reference.conversation.as_ref().and_then(|conversation| conversation.id.clone())
    };
    one.channel_id == other.channel_id && id(one) == id(other)
}

/// Whether the author put in metadata of his own. There is no room for a second one.
fn has_metadata(activity: &Activity) -> bool {
    activity.channel_data.as_ref().is_some_and(|data| data.get("metadata").is_some())
}

fn mark(activity: &mut Activity, marker: &Marker) {
    let data = activity.channel_data.get_or_insert_with(|| serde_json::json!({}));
    if let Some(data) = data.as_object_mut() {
        data.insert("metadata".to_owned(), marker.to_metadata());
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::PathBuf;

    use rusqlite::{Connection, OptionalExtension, params};

    use super::{Arc, BookStore, BoxFuture, Error, Mutex, PoisonError};

    /// How long a call waits for another process that is writing, in milliseconds.
    const BUSY_MS_MAX: u32 = 10_000;
    /// The version of the file's schema.
    const SCHEMA: i64 = 1;

    /// A book in a SQLite file, which several processes of one machine may use at once. Every change is flushed to the disk
    /// before it counts. It has the conversations, and the content of messages that are just being posted.
    #[derive(Clone)]
    pub struct SqliteBookStore {
        connection: Arc<Mutex<Connection>>,
    }

    impl std::fmt::Debug for SqliteBookStore {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.debug_struct("SqliteBookStore").finish_non_exhaustive()
        }
    }

    impl SqliteBookStore {
        /// Opens the file, which is made if there is none.
        ///
        /// # Errors
        /// [`Error::Own`] if that fails, or if the file is of a later version.
        pub async fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
            let path = path.into();
            let connection = blocking(move || {
                let connection = Connection::open(path)?;
                connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS_MAX.into()))?;
                // With the rollback journal that SQLite starts with, every lock is waited for. The switch to a write-ahead
                // log would not wait: processes that start at once would be refused.
                connection.pragma_update(None, "synchronous", "EXTRA")?;
                connection.execute_batch(
                    "CREATE TABLE IF NOT EXISTS book (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID",
                )?;
                let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
                if version == 0 {
                    connection.pragma_update(None, "user_version", SCHEMA)?;
                }
                Ok((connection, version))
            });
            match connection.await? {
                (connection, version) if version <= SCHEMA => {
                    Ok(Self { connection: Arc::new(Mutex::new(connection)) })
                }
                (_, version) => {
                    Err(Error::own(format_args!("the book is of version {version}, which is newer")))
                }
            }
        }

        fn call<T: Send + 'static>(
            &self,
            call: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        ) -> BoxFuture<'static, Result<T, Error>> {
            let connection = Arc::clone(&self.connection);
            Box::pin(blocking(move || {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                call(&connection)
            }))
        }
    }

    async fn blocking<T: Send + 'static>(
        call: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let done = tokio::task::spawn_blocking(call).await.map_err(Error::own)?;
        done.map_err(|error| Error::own(format_args!("the book's file: {error}")))
    }

    impl BookStore for SqliteBookStore {
        fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>> {
            let key = key.to_owned();
            self.call(move |connection| {
                let mut get = connection.prepare_cached("SELECT record FROM book WHERE key = ?")?;
                get.query_row([key], |row| row.get(0)).optional()
            })
        }

        fn swap<'a>(
            &'a self,
            key: &'a str,
            expected: Option<&'a str>,
            record: Option<&'a str>,
        ) -> BoxFuture<'a, Result<bool, Error>> {
            let (key, expected, record) =
                (key.to_owned(), expected.map(str::to_owned), record.map(str::to_owned));
            self.call(move |connection| {
                // Each is one statement, and so a transaction of its own.
                let changed = match (expected, record) {
                    (None, Some(record)) => connection
                        .prepare_cached("INSERT OR IGNORE INTO book (key, record) VALUES (?, ?)")?
                        .execute(params![key, record])?,
                    (Some(expected), Some(record)) => connection
                        .prepare_cached("UPDATE book SET record = ? WHERE key = ? AND record = ?")?
                        .execute(params![record, key, expected])?,
                    (Some(expected), None) => connection
                        .prepare_cached("DELETE FROM book WHERE key = ? AND record = ?")?
                        .execute(params![key, expected])?,
                    (None, None) => {
                        let mut get = connection.prepare_cached("SELECT 1 FROM book WHERE key = ?")?;
                        usize::from(!get.exists([key])?)
                    }
                };
                Ok(changed == 1)
            })
        }
    }
}

#[cfg(feature = "sqlite")]
pub use sqlite::SqliteBookStore;
