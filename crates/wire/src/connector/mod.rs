//! The Bot Connector API as Teams speaks it: activities, conversations, errors.

pub mod activity;
pub mod conversation;
pub mod errors;
pub mod id;
pub mod inbound;
pub mod stream;
