//! The tokens that open the control API.

use std::sync::{PoisonError, RwLock};

use redraft_model::time::Micros;
use redraft_service::mint;
use subtle::ConstantTimeEq;

/// The hashes of the tokens that the control API takes: the new one and, for a while, the one before it. They live as long
/// as the process; a restart begins with the seed's token or a new one. Times are the machine's, since no workspace is meant.
pub(crate) struct ControlTokens(RwLock<Tokens>);

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

    pub(super) fn change(&self, new: [u8; 32], until: Micros) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = tokens.new.replace(new);
        tokens.old = replaced.map(|hash| (hash, until));
    }

    /// Whether there was one to end.
    pub(super) fn withdraw(&self, now: Micros) -> bool {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tokens.old.take().is_some_and(|(_, until)| now < until)
    }
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
