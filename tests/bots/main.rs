//! The SDK of `crates/bot` against a server, on both platforms: its examples, live messages under rate limits, and the book whose
//! processes are killed.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]
#![allow(dead_code, reason = "the examples have a main of their own")]

mod book;
mod examples;
mod live;
mod proxy;
mod world;
