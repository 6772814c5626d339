//! What Redraft's outside APIs look like on the wire.
//!
//! [`slack`] holds the objects, the text rules and the content checks of the Slack Web API, [`connector`] those of
//! the Teams Bot Connector API, [`translate`] carries a message's text from one to the other, and [`reaction`] the names
//! of reactions.
//!
//! Everything here is a function of its arguments: no I/O, no clock, no randomness. Where an id has to be made up the
//! caller passes a closure. No input makes a function panic.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod connector;
mod prose;
pub mod reaction;
pub mod slack;
pub mod translate;
