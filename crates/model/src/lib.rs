//! The rules of Redraft: what a post, an update and a delete do, and who may.
//!
//! Everything here is pure. A store loads what a [`command::Command`] names through a [`view::View`], [`decide()`]
//! answers with the [`decision::Decision`] to write or with a [`decision::Refusal`], and the store writes it. There is
//! no clock, no I/O, no wire format and no lock in this crate, and it knows no block, card or character limit: both
//! dialects check those themselves and hand their finding in as a [`content::ContentFault`].

// A new kind of change, event or key must not compile until somebody has decided what becomes of it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod append_stream;
pub mod attachments;
pub mod audit;
pub mod command;
pub mod content;
pub mod control;
pub mod conversations;
pub mod decision;
pub mod delete;
pub mod directory;
pub mod event;
pub mod files;
pub mod grant;
pub mod id;
pub mod install;
pub mod interaction;
pub mod item;
pub mod limits;
pub mod message;
pub mod modal;
pub mod name;
pub mod patch;
pub mod pin;
pub mod policy;
pub mod post;
pub mod quota;
mod reach;
pub mod replace_stream;
pub mod respond;
pub mod schedule;
pub mod shared;
pub mod time;
pub mod update;
pub mod view;
pub mod workspace;

mod decide;
mod notice;

pub use decide::decide;
