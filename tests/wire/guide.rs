//! The Rust example of `docs/testing-your-bot.md`, as it stands there.

mod poll;
mod test_poll;
