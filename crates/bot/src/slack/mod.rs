//! Slack: the Web API, the Events API and Socket Mode.

mod adapter;
mod arguments;
mod cards;
mod client;
mod events;
mod heard;
mod response_url;
mod signature;
mod socket;
mod text;

pub use adapter::{ANSWER_MS_MAX, SLACK_PATH, SlackAdapter, SlackSettings};
pub use client::{
    RATE_LIMIT_RETRIES_MAX, RATE_LIMIT_WAIT_MS_MAX, SlackClient, SlackTeam, SlackToken, SlackTokenProvider,
};
