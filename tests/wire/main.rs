//! The server as its users meet it: real processes, real HTTP, tables of calls and answers.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::print_stdout, clippy::type_complexity, reason = "tables, and how long they are")]

mod acts;
mod authority;
mod bad_input;
mod bot;
mod cards;
mod cli;
mod client;
mod control;
mod coverage;
mod crash;
mod crossing;
mod delete;
mod delivery;
mod dotnet;
mod errors;
mod files;
mod forged;
mod hears;
mod interactive;
mod modals;
mod poll;
mod post;
mod rates;
mod rights;
mod slack_apps;
mod slack_delivery;
mod slack_events;
mod slack_streams;
mod socket;
mod sockets;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod surface;
mod targeted;
mod threads;
mod tls;
mod translate;
mod update;
mod votes;
mod world;
