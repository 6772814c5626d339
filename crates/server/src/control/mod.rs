//! The control API: makes and changes what workspaces hold, reads their logs, waits until something holds.
//!
//! The command line and test kits use it. It has a token of its own and is described by the OpenAPI document it serves.

pub(crate) mod access;
mod acts;
mod answer;
mod apps;
mod authority;
mod channels;
mod codes;
mod deliveries;
mod groups;
mod interactions;
mod log;
mod openapi;
mod people;
mod purge;
mod rates;
mod refusal;
mod routes;
mod scope;
mod secrets;
mod server;
mod token;
mod tokens;
mod workspaces;

pub use routes::call;
pub(crate) use routes::{handle, handle_owner};
