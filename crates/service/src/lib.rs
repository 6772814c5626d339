//! The ground of the message server: the store and the one way to it, clocks, addresses, ids and secrets, rate windows,
//! bounds, and delivery to apps.
//!
//! It names no dialect. Slack and the Connector are crates above this one; what they have to do for delivery is a trait
//! that they implement ([`delivery::Deliver`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bounds;
pub mod delivery;
pub mod hosts;
pub mod limits;
pub mod mint;
pub mod names;
pub mod rates;
pub mod service;
mod sight;
pub mod source;
pub mod throttle;

pub use service::{NotDone, Service};
