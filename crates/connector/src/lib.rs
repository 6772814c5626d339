//! The Bot Connector side of the message server, as Teams speaks it: the operations, the token endpoint with its keys and
//! documents, and the calls to bots.
//!
//! It builds on [`redraft_service`] and knows nothing of the other dialect or of the control API.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod activities;
pub mod addresses;
pub mod ask;
mod attachments;
mod audience;
mod authenticate;
pub mod authority;
mod call;
mod content;
mod conversations;
mod counted;
mod deliver;
mod keys;
pub mod metadata;
mod openapi;
mod rates;
mod reactions;
mod refusal;
mod reply;
pub mod request;
pub mod routes;
mod scene;
pub mod state;
mod streams;
mod targeted;
mod teams;
mod token;
mod transcripts;
pub mod typing;
mod words;

pub use state::Connector;
