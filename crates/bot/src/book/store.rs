//! Storage of a book's records.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::adapter::BoxFuture;
use crate::error::Error;

/// The storage of a [`MessageBook`](super::MessageBook): records under keys. The format of a record is private to the book.
pub trait BookStore: Send + Sync + 'static {
    /// The record under this key.
    ///
    /// # Errors
    /// [`Error::Own`] if the store fails.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<String>, Error>>;

    /// Replaces the record under this key if it is the expected one, and returns whether it was. `None` is no record. Of several
    /// callers with the same expectation, in whatever processes, one succeeds. When it returns, the record must be durable.
    ///
    /// # Errors
    /// [`Error::Own`] if the store fails. Then the record may or may not have been replaced.
    fn swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<&'a str>,
        record: Option<&'a str>,
    ) -> BoxFuture<'a, Result<bool, Error>>;

    /// The clock by which leases expire, in milliseconds since 1970. All processes must use the same one.
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A store in memory, for tests and for bots that may forget. Its time is tokio's, which a test can pause.
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
    /// An empty store.
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
