//! Slack: the Web API, the Events API and Socket Mode.

mod adapter;
mod arguments;
mod cards;
mod client;
mod events;
mod response_url;
mod seen;
mod signature;
mod socket;
mod text;

pub use adapter::{SLACK_ANSWER_MS_MAX, SLACK_PATH, SlackAdapter, SlackSettings};
pub use client::{
    SLACK_RETRIES_MAX, SLACK_RETRY_MS_TOTAL_MAX, SlackClient, SlackTeam, SlackToken, SlackTokenProvider,
};
