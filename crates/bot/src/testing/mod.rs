//! A platform in memory, and conversations with a bot as tests tell them.
//!
//! ```
//! use redraft_bot::testing::TestFlow;
//! use redraft_bot::{Bot, MessageFactory, TurnContext};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bot = Bot::new(async |context: TurnContext| {
//!     let sent = context.send_activity("Working on it …").await?;
//!     let done = MessageFactory::text("Done.").with_id(sent.id.unwrap_or_default());
//!     context.update_activity(done).await?;
//!     Ok(())
//! });
//! TestFlow::new(bot)
//!     .send("Deploy!")
//!     .assert_reply("Working on it …")
//!     .assert_update("Done.")
//!     .assert_nothing_more()
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! For a test against a server that enforces the platforms' own rules, see the crate `redraft-test`.

mod adapter;
mod flow;

pub use adapter::{Fault, TestAdapter, TestCall, TestMessage, TestVerb};
pub use flow::{EXPECT_MS_MAX, FlowError, TestFlow};
