//! Bots for Slack and Microsoft Teams whose messages change after they were sent.
//!
//! A bot is a closure or a type with handlers. It can update and delete what it sends:
//!
//! ```
//! use redraft_bot::{MessageFactory, TurnContext, TurnResult};
//!
//! async fn on_turn(context: TurnContext) -> TurnResult {
//!     let Some(activity_id) = context.send_activity("Working on it …").await?.id else { return Ok(()) };
//!
//!     let mut new_activity = MessageFactory::text("The new text for the activity");
//!     new_activity.id = Some(activity_id.clone());
//!     context.update_activity(new_activity).await?;
//!
//!     context.delete_activity(&activity_id).await?;
//!     Ok(())
//! }
//! # let _ = redraft_bot::Bot::new(on_turn);
//! ```

mod activity;
mod adapter;
mod book;
mod bot;
mod connector;
mod content;
mod context;
mod error;
mod factory;
mod handler;
mod http;
mod json;
mod live;
mod service;
mod slack;
mod tasks;
pub mod testing;

pub use activity::{
    Action, Activity, ActivityType, Attachment, AttachmentLayout, CardAction, ChannelAccount,
    ConversationAccount, ConversationParameters, ConversationReference, DeliveryMode, Entity, InputHint,
    InvokeResponse, MessageReaction, ResourceResponse, SuggestedActions, TextFormat,
};
pub use adapter::{Adapter, BoxFuture, Capabilities, Found, Marker, Stream};
#[cfg(feature = "sqlite")]
pub use book::SqliteBookStore;
pub use book::{
    BookStore, Certainty, Entry, KEY_BYTES_MAX, LEASE_MS, MemoryBookStore, MessageBook, Removed, Upserted,
};
pub use bot::{Bot, Middleware, Next, SHUTDOWN_MS_MAX, TurnHandler, TurnOutcome, TurnResult};
pub use connector::{
    AccessToken, Anonymous, Certificate, ClientSecret, Cloud, ConnectorAdapter, ConnectorAnswer,
    ConnectorCall, ConnectorClient, ConnectorSettings, KEYS_FETCHES_MAX, KEYS_FRESH_MS, KEYS_PAUSE_MS,
    ManagedIdentity, RETRIES_MAX, RETRY_MS_TOTAL_MAX, TokenProvider, TokenRequest,
};
pub use content::{Button, Content};
pub use context::{DELAY_MS_MAX, Deletion, NextDelete, NextSend, NextUpdate, TurnContext};
pub use error::{BoxError, Error, Refusal, Repeat};
pub use factory::{CardFactory, MessageFactory};
pub use handler::ActivityHandler;
pub use http::{ANSWER_BYTES_MAX, CALL_MS_MAX};
pub use live::{FINISH_MS_MAX, LiveMessage, Progress, TokenStream};
pub use service::{BODY_BYTES_MAX, BODY_MS_MAX, BotService, CONNECTIONS_MAX};
pub use slack::{
    SLACK_ANSWER_MS_MAX, SLACK_PATH, SLACK_RETRIES_MAX, SLACK_RETRY_MS_TOTAL_MAX, SlackAdapter, SlackClient,
    SlackSettings, SlackTeam, SlackToken, SlackTokenProvider,
};
