//! The rules, row by row: each module holds tables for one part of the crate, all over the same small world.
#![allow(clippy::unwrap_used, missing_docs)]

mod appending;
mod content;
mod control;
mod conversations;
mod deleting;
mod directory;
mod ephemeral;
mod files;
mod full;
mod history;
mod idempotency;
mod interact;
mod interactions;
mod modals;
mod people;
mod posting;
mod respond;
mod rights;
mod slack_apps;
mod streams;
mod threads;
mod tokens;
mod updating;
mod windows;
mod world;
