//! The SDK seen from outside, one module to a subject.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

mod adapter;
mod book;
mod connector;
mod flow;
mod handler;
mod live;
mod slack_calls;
mod slack_inbound;
mod slack_server;
mod slack_socket;
mod slack_types;
