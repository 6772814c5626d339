//! The Slack side of the message server: the Web API, the Events API, Socket Mode, interactions and response URLs.
//!
//! It stands on [`redraft_service`] and knows nothing of the other dialect or of the control API.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod addresses;
mod args;
mod auth;
mod authenticate;
mod call;
mod chat;
mod command;
mod connection;
mod content;
mod conversations;
mod cursor;
mod deliver;
pub mod due;
mod events;
mod file_objects;
mod files;
mod history;
mod hooks;
pub mod interactivity;
mod methods;
mod oauth;
mod objects;
mod parcel;
pub mod payload;
mod people;
mod pins;
pub mod rates;
mod reactions;
mod refusal;
mod render;
mod reply;
mod request;
pub mod routes;
pub mod scene;
mod schedule;
pub mod scopes;
mod socket_mode;
pub mod sockets;
pub mod state;
pub mod streams;
pub mod subscriptions;
mod topics;
mod transport;
mod untold;
mod usergroups;
pub mod verify;
mod views;

pub use state::Slack;
