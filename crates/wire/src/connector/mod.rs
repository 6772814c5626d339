//! The Bot Connector API as Teams speaks it: activities both ways, conversations, cards and what pressing them sends.

pub mod activity;
pub mod attachment;
pub mod card;
pub mod conversation;
pub mod errors;
mod fault;
pub mod id;
pub mod inbound;
pub mod input;
pub mod invoke;
pub(crate) mod json;
pub mod press;
pub mod stream;
pub mod team;
