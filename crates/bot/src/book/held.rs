//! The work on one key, while this call has it for itself.

use std::future::Future;
use std::time::Duration;

use super::record::{Claim, Record, State, at, entry, hex, mark, write};
use super::{Entry, LEASE_MS, MessageBook, Removed, Upserted};
use crate::activity::{Activity, ConversationReference};
use crate::adapter::{Found, Marker};
use crate::error::{Error, Repeat};
use crate::http::CALL_MS_MAX;

/// How long one call of an adapter may take, in milliseconds: a request, the waits for a rate limit, and the request again.
const ADAPTER_MS_MAX: u64 = 3 * CALL_MS_MAX;
/// How much of the lease has to be left when a call begins, in milliseconds.
const LEASE_LEFT_MS: u64 = ADAPTER_MS_MAX + 5_000;
/// How often a call to the platform is made before its failure is reported.
const ATTEMPTS_MAX: u32 = 4;
/// The longest pause between such calls, in milliseconds. A platform that asks for a longer one has refused.
const PAUSE_MS_MAX: u64 = 60_000;
/// For how long an idempotency key is surely stored, in milliseconds: Redraft stores it for 24 hours.
const KEY_KEPT_MS: u64 = 23 * 60 * 60 * 1000;
/// How far the platform's clock may be behind this machine's, in milliseconds.
const SKEW_MS: u64 = 10 * 60 * 1000;

/// Why the work under a key ended early.
pub(super) enum Halt {
    /// Another process has claimed the key, because this one's lease had expired.
    Lost,
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A key that this call has for itself.
pub(super) struct Held<'a> {
    pub(super) book: &'a MessageBook,
    pub(super) key: &'a str,
    pub(super) by: String,
    /// The record as it is stored.
    pub(super) stored: String,
    pub(super) record: Record,
    /// Nobody can have sent this `Posting` before.
    pub(super) fresh: bool,
}

/// What a message is to show.
pub(super) struct Wanted {
    pub(super) reference: ConversationReference,
    pub(super) activity: Activity,
    pub(super) digest: String,
}

impl Held<'_> {
    pub(super) async fn upsert(&mut self, wanted: &Wanted) -> Result<Entry, Halt> {
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

    pub(super) async fn delete(&mut self) -> Result<Removed, Halt> {
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
            Err(Halt::Failed(error)) if error.is_message_not_found() => Removed::NotThere,
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
            Err(Halt::Failed(error)) if error.is_message_not_found() => Ok(false),
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
    pub(super) async fn release_after<T>(&mut self, result: &Result<T, Halt>) {
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
