//! A message of one API as readers of the other see it.
//!
//! What each element becomes, and what is lost, stands in [`losses::LOSSES`] and from there in `docs/TRANSLATION.md`.
//! All of it is computed on reading: a message stays what it was to readers of its own API.

mod activity;
mod blocks;
mod cards;
mod groups;
mod json;
pub mod losses;
mod message;
mod words;

pub use crate::prose::{Names, NoNames, Person};
pub use activity::{activity_to_slack_blocks, activity_to_slack_text};
pub use message::{ActivityContent, SlackMessage, slack_to_activity, slack_to_markdown};

/// How deep cards are looked into. Deeper parts are left out.
pub const CARD_DEPTH_MAX: usize = 16;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
