//! Tests of Slack and Microsoft Teams bots, whatever they are written with: a Redraft server for each test, and what
//! people do and see in it.
//!
//! A test starts a server with a declared workspace, points the bot at it, does what people do, and waits for what they would
//! see. Nothing is mocked and nothing sleeps. Each server is one process without files that is ready in milliseconds, so tests
//! run side by side, each with its own.
//!
//! ```
//! use redraft_test::Redraft;
//!
//! # /*
//! #[tokio::test]
//! # */
//! # #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), redraft_test::Error> {
//!     let redraft = Redraft::start().await?;
//!     let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
//!     // Here the bot starts, with redraft.app("pollbot").env().
//!
//!     let lunch = ben.post(&general, "lunch?").await?;
//!     ben.edit(&lunch, "lunch at noon?").await?;
//!
//!     let message = general.update_of(&lunch).containing("noon").await?;
//!     assert!(message.is_edited());
//!     redraft.stop().await
//! }
//! ```
//!
//! # Where the server comes from
//!
//! In this order: a path given to [`Start::executable`], the path in the variable `REDRAFT_BIN`, the feature `embedded` (the
//! server runs inside the test's process; nothing is installed, but the server is compiled), a `redraft` on the `PATH`.
//!
//! # When a wait fails
//!
//! The error shows what was waited for, the conversation as people see it, what did not reach the app, and which calls were
//! refused:
//!
//! ```text
//! there was no message in #general that contains "Lunch?" and is by pollbot within 10.0 s.
//! #general as people see it:
//!   [12:03:04] ben: /poll is broken, @pollbot (edited) (revision 2)
//!       [12:03:05] cleo: works for me
//! Meanwhile:
//!   event 7 has not reached pollbot: connection refused
//! ```
//!
//! Every type here is this crate's own; each gives access to the server's whole answer as JSON.

mod api;
mod app;
mod channel;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod log;
mod message;
mod person;
mod process;
mod redraft;
mod transcript;
mod wait;

pub use app::{App, Delivery, ForcedRateLimit};
pub use channel::Channel;
pub use error::Error;
pub use message::Message;
pub use person::{Member, Modal, Outcome, Person, Press, Submit, Submitted};
pub use redraft::{Clock, Platform, Redraft, Start, TIME_LIMIT};
pub use wait::Wait;
