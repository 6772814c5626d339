//! The message server: what people do, the control API, declarations and manifests, the door, and the assembly of the
//! ground and both dialects.
//!
//! A request comes in through `front`, is read and authenticated by its dialect ([`redraft_slack`],
//! [`redraft_connector`]) or by the control API, becomes a [`redraft_model::command::Command`] and goes through
//! [`redraft_service::Service`] to the store; the dialect writes the answer.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod acts;
pub mod app;
pub mod config;
mod connections;
pub mod control;
pub mod error;
mod front;
pub mod manifest;
mod private_file;
pub mod seed;
pub mod serve;
pub mod socket;
mod tls;

#[cfg(test)]
mod joining_tests;
#[cfg(test)]
mod sieve_tests;
