//! The SDK seen from outside, one module to a subject.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

mod adapter;
mod book;
mod flow;
mod handler;
mod live;
