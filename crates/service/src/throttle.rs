//! Guesses at secrets. Who fails too often waits, by address and by the name that is guessed at; whoever has given this
//! very secret from this very address before is never held up by the guesses of others.
//!
//! Memory is constant: counts are in tables of fixed size, whose places are chosen by a keyed hash. Two that share a place
//! share its count, and nobody outside knows who does.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use metrics::counter;

/// Failures of one address that are let through at once; then one for each pause.
const ADDRESS_FAILURES_MAX: u64 = 100;

/// How long one failure of an address counts, in milliseconds.
const ADDRESS_PAUSE_MS: u64 = 1_000;

/// Failures at one name, such as an app id, that are let through at once, from wherever they come; then one for each pause.
const NAME_FAILURES_MAX: u64 = 50;

/// How long one failure at a name counts, in milliseconds.
const NAME_PAUSE_MS: u64 = 2_000;

/// Places in each table of counts.
const COUNTS: usize = 4096;

/// Logins that are remembered.
const KNOWN: usize = 4096;

/// Where a secret is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// The Connector's token endpoints.
    Token,
    /// `oauth.v2.access`.
    OAuth,
    /// The control API.
    Control,
}

impl Door {
    fn label(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::OAuth => "oauth",
            Self::Control => "control",
        }
    }
}

/// One attempt to log in.
pub struct Attempt<'a> {
    /// Where it is made.
    pub door: Door,
    /// Whence it comes; `None` where only the owner of the data folder comes in.
    pub address: Option<IpAddr>,
    /// What is guessed at: a registered app's id. Empty if nothing of the name is here, or there is only one secret.
    pub name: &'a str,
    /// What was given as password, secret or token.
    pub secret: &'a str,
}

/// Too many attempts failed before; the next one is looked at in so many seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Throttled {
    /// In how many seconds the next guess is looked at.
    pub seconds: u64,
}

/// Counts failures.
pub struct Throttle {
    hasher: RandomState,
    begin: Instant,
    addresses: Counts<ADDRESS_FAILURES_MAX, ADDRESS_PAUSE_MS>,
    names: Counts<NAME_FAILURES_MAX, NAME_PAUSE_MS>,
    known: Box<[AtomicU64]>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            begin: Instant::now(),
            addresses: Counts::new(),
            names: Counts::new(),
            known: (0..KNOWN).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Throttle {
    /// Whether the secret of an attempt may be looked at.
    ///
    /// # Errors
    /// When too many failed before it.
    pub fn admit(&self, attempt: &Attempt<'_>) -> Result<(), Throttled> {
        let admitted = self.admit_at(attempt, self.now_ms());
        if admitted.is_err() {
            counter!("redraft_logins_throttled_total", "at" => attempt.door.label()).increment(1);
        }
        admitted
    }

    /// Notes how an attempt ended that was looked at.
    pub fn note(&self, attempt: &Attempt<'_>, succeeded: bool) {
        self.note_at(attempt, succeeded, self.now_ms());
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }

    fn admit_at(&self, attempt: &Attempt<'_>, now_ms: u64) -> Result<(), Throttled> {
        let wait_ms = self.wait_ms(attempt, now_ms);
        if wait_ms == 0 || self.is_known(attempt) {
            return Ok(());
        }
        Err(Throttled { seconds: wait_ms.div_ceil(1000) })
    }

    fn wait_ms(&self, attempt: &Attempt<'_>, now_ms: u64) -> u64 {
        let address = self.address(attempt).map_or(0, |place| self.addresses.wait_ms(place, now_ms));
        let name = self.name(attempt).map_or(0, |place| self.names.wait_ms(place, now_ms));
        address.max(name)
    }

    fn note_at(&self, attempt: &Attempt<'_>, succeeded: bool, now_ms: u64) {
        if succeeded {
            let login = self.login(attempt);
            self.place(login).store(login, Ordering::Relaxed);
            return;
        }
        if let Some(place) = self.address(attempt) {
            self.addresses.add(place, now_ms);
        }
        if let Some(place) = self.name(attempt) {
            self.names.add(place, now_ms);
        }
    }

    /// Whoever has one address of IPv6 usually has the 2⁶⁴ around it.
    fn address(&self, attempt: &Attempt<'_>) -> Option<u64> {
        Some(self.hasher.hash_one(block(attempt.address?)))
    }

    fn name(&self, attempt: &Attempt<'_>) -> Option<u64> {
        (!attempt.name.is_empty()).then(|| self.hasher.hash_one((attempt.door.label(), attempt.name)))
    }

    /// A number for door, address, name and secret together. The key of the hash is random and stays in the process.
    fn login(&self, attempt: &Attempt<'_>) -> u64 {
        let Attempt { door, address, name, secret } = attempt;
        self.hasher.hash_one((door.label(), address.map(block), name, secret))
    }

    fn is_known(&self, attempt: &Attempt<'_>) -> bool {
        let login = self.login(attempt);
        self.place(login).load(Ordering::Relaxed) == login
    }

    fn place(&self, login: u64) -> &AtomicU64 {
        &self.known[slot(login, KNOWN)]
    }
}

fn slot(hash: u64, places: usize) -> usize {
    usize::try_from(hash % places as u64).unwrap_or(0)
}

fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// For each place the time until which its failures count: each adds `PAUSE_MS`, and with `MAX` of them to come nothing is
/// let through.
struct Counts<const MAX: u64, const PAUSE_MS: u64>(Box<[AtomicU64]>);

impl<const MAX: u64, const PAUSE_MS: u64> Counts<MAX, PAUSE_MS> {
    fn new() -> Self {
        Self((0..COUNTS).map(|_| AtomicU64::new(0)).collect())
    }

    fn wait_ms(&self, hash: u64, now_ms: u64) -> u64 {
        let until = self.0[slot(hash, COUNTS)].load(Ordering::Relaxed);
        (until + PAUSE_MS).saturating_sub(now_ms + MAX * PAUSE_MS)
    }

    fn add(&self, hash: u64, now_ms: u64) {
        let add = |until: u64| Some(until.max(now_ms) + PAUSE_MS);
        let _ = self.0[slot(hash, COUNTS)].fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

/// Counts a token, password or secret that was not accepted. `at` is the door, as the metric `redraft_logins_refused_total` names it.
pub fn count_refused_login(at: &'static str) {
    metrics::counter!("redraft_logins_refused_total", "at" => at).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt<'a>(address: &str, name: &'a str, secret: &'a str) -> Attempt<'a> {
        Attempt { door: Door::Token, address: Some(address.parse().unwrap()), name, secret }
    }

    /// Fails until nothing is let through, and says how often that was.
    fn fail(throttle: &Throttle, guess: &Attempt<'_>, now_ms: u64) -> u64 {
        let mut failures = 0;
        while throttle.admit_at(guess, now_ms).is_ok() {
            throttle.note_at(guess, false, now_ms);
            failures += 1;
            assert!(failures < 10_000, "guesses are never held up");
        }
        failures
    }

    #[test]
    fn guesses_are_held_up_and_time_lets_them_go_on() {
        let throttle = Throttle::default();
        let guess = attempt("192.0.2.1", "bot", "wrong");
        assert_eq!(fail(&throttle, &guess, 0), NAME_FAILURES_MAX);
        assert_eq!(throttle.admit_at(&guess, 0), Err(Throttled { seconds: NAME_PAUSE_MS / 1000 }));
        assert_eq!(throttle.admit_at(&guess, NAME_PAUSE_MS - 1), Err(Throttled { seconds: 1 }));
        assert_eq!(fail(&throttle, &guess, NAME_PAUSE_MS), 1, "one more for each pause");
        assert_eq!(fail(&throttle, &guess, 1 << 30), NAME_FAILURES_MAX, "and after a while as at first");
    }

    #[test]
    fn an_address_is_held_up_whatever_names_it_tries() {
        let throttle = Throttle::default();
        let nobody = attempt("2001:db8::1", "", "wrong");
        assert_eq!(fail(&throttle, &nobody, 0), ADDRESS_FAILURES_MAX);
        let neighbour = attempt("2001:db8::ffff:1", "bot", "right");
        assert!(throttle.admit_at(&neighbour, 0).is_err(), "the same 2⁶⁴ addresses");
        assert!(throttle.admit_at(&attempt("2001:db8:0:1::1", "bot", "right"), 0).is_ok(), "another network");
        assert!(throttle.admit_at(&Attempt { address: None, ..attempt("::", "bot", "right") }, 0).is_ok());
    }

    #[test]
    fn honest_clients_go_on() {
        let throttle = Throttle::default();
        let honest = attempt("192.0.2.7", "bot", "right");
        throttle.note_at(&honest, true, 0);
        // From elsewhere at the same name, and from the same address at the same and at other names.
        fail(&throttle, &attempt("192.0.2.1", "bot", "wrong"), 0);
        fail(&throttle, &attempt("192.0.2.7", "", "wrong"), 0);
        assert!(throttle.admit_at(&honest, 0).is_ok());
        assert!(throttle.admit_at(&attempt("192.0.2.7", "bot", "guess"), 0).is_err());
        assert!(
            throttle.admit_at(&attempt("192.0.2.8", "other", "right"), 0).is_ok(),
            "another bot elsewhere"
        );
        // A success counts nothing, however often.
        let throttle = Throttle::default();
        (0..10_000).for_each(|_| throttle.note_at(&honest, true, 0));
        assert!(throttle.admit_at(&attempt("192.0.2.7", "bot", "new"), 0).is_ok());
    }
}
