//! A book in a SQLite file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::BookStore;
use crate::adapter::BoxFuture;
use crate::error::Error;

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
            (_, version) => Err(Error::own(format_args!(
                "the book's file has version {version}; a later release of the library wrote it"
            ))),
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
