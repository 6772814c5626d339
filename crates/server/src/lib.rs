//! The message server: the Slack Web API, the Bot Connector API of Teams and the control API over one store.
//!
//! A request is read and authenticated by its dialect, becomes a [`redraft_model::command::Command`], goes through
//! [`app::App`] to the store, and the dialect writes the answer. The dialects do not know of one another.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod acts;
pub mod app;
pub mod bounds;
pub mod config;
pub mod connections;
pub mod connector;
pub mod control;
pub mod manifest;
pub mod mint;
pub mod outside;
pub mod seed;
pub mod serve;
pub mod slack;
pub mod socket;
mod throttle;
pub mod typing;

pub mod delivery;
mod due;
mod front;
mod names;
mod rates;
mod sight;
mod source;
mod tls;
