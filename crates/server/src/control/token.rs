//! The control API's own token, and how another takes its place without a restart.

use std::sync::{PoisonError, RwLock};

use redraft_model::control::ServerAct;
use redraft_model::id::WorkspaceId;
use redraft_model::time::{Micros, Ts};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::secrets::{DAY_SECONDS, overlap_micros};
use super::{Answer, Error, created, ok, server};
use crate::app::App;
use crate::mint;

/// The hashes of the tokens that the control API takes: the new one and, for a while, the one before it. They live as long
/// as the process; a restart begins with the seed's token or a new one. Times are the machine's, since no workspace is meant.
pub struct ControlTokens(RwLock<Tokens>);

struct Tokens {
    /// `None` where nobody comes in by a token.
    new: Option<[u8; 32]>,
    old: Option<([u8; 32], Micros)>,
}

impl ControlTokens {
    /// One token, by its hash.
    pub(crate) fn of(hash: [u8; 32]) -> Self {
        Self(RwLock::new(Tokens { new: Some(hash), old: None }))
    }

    /// None: whoever comes in is known otherwise.
    pub(crate) fn none() -> Self {
        Self(RwLock::new(Tokens { new: None, old: None }))
    }

    /// Whether a token opens the API now.
    pub(super) fn accept(&self, given: &str, now: Micros) -> bool {
        let given = mint::sha256(given.as_bytes());
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let old = tokens.old.filter(|(_, until)| now < *until).map(|(hash, _)| hash);
        tokens.new.into_iter().chain(old).fold(false, |known, hash| known | bool::from(hash.ct_eq(&given)))
    }

    fn change(&self, new: [u8; 32], until: Micros) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = tokens.new.replace(new);
        tokens.old = replaced.map(|hash| (hash, until));
    }

    /// Whether there was one to end.
    fn withdraw(&self, now: Micros) -> bool {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tokens.old.take().is_some_and(|(_, until)| now < until)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    /// How long the old one still opens the API.
    #[serde(default = "day")]
    old_valid_seconds: u32,
}

fn day() -> u32 {
    DAY_SECONDS
}

fn now(app: &App) -> Micros {
    app.store.published().now(WorkspaceId(0))
}

/// Makes a token in the old one's place and shows it, this once.
pub(super) async fn rotate(app: &App, body: &[u8]) -> Answer {
    let New { old_valid_seconds } = super::read(body)?;
    let until = now(app).plus(overlap_micros(old_valid_seconds)?);
    let token = format!("redraft-{}", mint::secret());
    app.control_tokens.change(mint::sha256(token.as_bytes()), until);
    tracing::warn!(old_until = %Ts(until.0).dotted(), "the control API has another token");
    server::record(app, ServerAct::ChangeControlToken).await;
    created(json!({ "token": token, "old_until": Ts(until.0).dotted() }))
}

/// Ends the replaced token.
pub(super) async fn withdraw(app: &App) -> Answer {
    if app.control_tokens.withdraw(now(app)) {
        tracing::warn!("the control API's replaced token is over");
        server::record(app, ServerAct::WithdrawControlToken).await;
        return ok(json!({}));
    }
    Err(Error::not_found("replaced token that is still good"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_good_for_a_while() {
        let tokens = ControlTokens::of(mint::sha256(b"one"));
        let good = |at: i64| ["one", "two", "three", ""].map(|token| tokens.accept(token, Micros(at)));
        assert_eq!(good(0), [true, false, false, false]);
        tokens.change(mint::sha256(b"two"), Micros(10));
        assert_eq!((good(9), good(10)), ([true, true, false, false], [false, true, false, false]));
        tokens.change(mint::sha256(b"three"), Micros(20));
        assert_eq!(good(9), [false, true, true, false], "of three the first is over");
        assert!(tokens.withdraw(Micros(9)) && !tokens.withdraw(Micros(9)));
        assert_eq!(good(9), [false, false, true, false]);
        assert!(!ControlTokens::none().accept("", Micros(0)));
    }
}
