//! Rate limits of Teams, for those who want to see what their bots do about them.
//!
//! Source: <https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit>.

use axum::http::StatusCode;
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_wire::connector::errors::THROTTLED;

use crate::reply::Error;
use redraft_service::Service;
use redraft_service::rates::{Limit, Windows};

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Subject {
    pub workspace: WorkspaceId,
    /// One bot, or all.
    pub bot: Option<AppId>,
    pub scenario: Scenario,
    pub place: Place,
}

/// What a call does, as far as limits differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Scenario {
    /// Whatever it is.
    Any,
    Send,
    Create,
    Read,
    React,
}

/// What a call is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Place {
    /// Nothing that is there, or everything.
    None,
    Conversation(ConversationId),
    /// The one who is to be in a conversation that is created.
    Person(UserId),
}

impl redraft_service::rates::Subject for Subject {
    fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    fn limits(&self) -> &'static [Limit] {
        match (self.scenario, self.bot) {
            (Scenario::Any, _) => &[(50, 1)],
            (Scenario::React, _) => &[(2, 1)],
            (Scenario::Send | Scenario::Create, Some(_)) => &[(7, 1), (8, 2), (60, 30), (1800, 3600)],
            (Scenario::Send | Scenario::Create, None) => &[(14, 1), (16, 2)],
            (Scenario::Read, Some(_)) => &[(14, 1), (16, 2), (120, 30), (3600, 3600)],
            (Scenario::Read, None) => &[(28, 1), (32, 2)],
        }
    }
}

/// The windows of a running server.
#[derive(Default)]
pub struct Rates(Windows<Subject>);

impl Rates {
    /// Counts a call of all these subjects, or refuses it and counts nothing.
    pub(crate) fn admit(&self, service: &Service, subjects: &[Subject]) -> Result<(), Error> {
        let clock = |workspace| service.now(workspace);
        self.0.take(subjects, clock).map_err(|seconds| Error {
            retry_after: Some(seconds),
            ..Error::new(StatusCode::TOO_MANY_REQUESTS, THROTTLED, "Too many requests.")
        })
    }
}

#[cfg(test)]
mod tests {
    use redraft_model::time::Micros;

    use super::*;
    use redraft_service::rates::{SECOND_MICROS, SUBJECTS_MAX};

    const WORKSPACE: WorkspaceId = WorkspaceId(1);

    fn subject(bot: Option<u32>, scenario: Scenario, conversation: u32) -> Subject {
        let place = Place::Conversation(ConversationId(conversation));
        Subject { workspace: WORKSPACE, bot: bot.map(AppId), scenario, place }
    }

    /// Calls at one moment until one is refused: how many passed, and how long the refused one is to wait.
    fn fill(rates: &Rates, subjects: &[Subject], millis: i64) -> (u32, u32) {
        let mut passed = 0;
        loop {
            match rates.0.take(subjects, |_| Micros(millis * 1000)) {
                Ok(()) => passed += 1,
                Err(wait) => return (passed, wait),
            }
        }
    }

    #[test]
    fn each_window_of_each_subject() {
        for (scenario, bot, spans) in [
            (Scenario::Any, Some(1), &[(50, 1)][..]),
            (Scenario::React, Some(1), &[(2, 1)]),
            (Scenario::Send, Some(1), &[(7, 1), (8, 2), (60, 30), (1800, 3600)]),
            (Scenario::Create, Some(1), &[(7, 1), (8, 2), (60, 30), (1800, 3600)]),
            (Scenario::Read, Some(1), &[(14, 1), (16, 2), (120, 30), (3600, 3600)]),
            (Scenario::Send, None, &[(14, 1), (16, 2)]),
            (Scenario::Create, None, &[(14, 1), (16, 2)]),
            (Scenario::Read, None, &[(28, 1), (32, 2)]),
        ] {
            let rates = Rates::default();
            let it = [subject(bot, scenario, 1)];
            let mut total = 0;
            let mut now = 1;
            // Whenever a window is full, the next longer one says how much more there is.
            for (calls, seconds) in spans {
                while total < *calls {
                    let (passed, wait) = fill(&rates, &it, now);
                    total += passed;
                    assert!(total <= *calls, "{scenario:?} {bot:?}: {total} in {seconds} s");
                    if total == *calls {
                        let end = 1 + seconds * 1000;
                        assert_eq!(
                            i64::from(wait),
                            (end - now + 999) / 1000,
                            "{scenario:?} {bot:?} {seconds} s"
                        );
                        now = end - 1;
                        assert_eq!(fill(&rates, &it, now), (0, 1), "{scenario:?} {bot:?} {seconds} s");
                        now = end;
                    } else {
                        now += i64::from(wait) * 1000;
                    }
                }
            }
        }
    }

    #[test]
    fn a_refused_call_counts_for_nobody() {
        let rates = Rates::default();
        let full = subject(Some(1), Scenario::Send, 1);
        let shared = subject(None, Scenario::Send, 1);
        assert_eq!(fill(&rates, &[full, shared], 0), (7, 1));
        for _ in 0..100 {
            assert!(rates.0.take(&[shared, full], |_| Micros(0)).is_err());
        }
        assert_eq!(fill(&rates, &[subject(Some(2), Scenario::Send, 1), shared], 0), (7, 1));
        assert_eq!(fill(&rates, &[subject(Some(3), Scenario::Send, 1), shared], 0).0, 0, "all bots together");
        assert_eq!(fill(&rates, &[subject(Some(3), Scenario::Send, 2)], 0).0, 7);
        assert_eq!(fill(&rates, &[subject(Some(3), Scenario::Read, 1)], 0).0, 14);
    }

    #[test]
    fn a_clock_that_goes_back_opens_the_windows() {
        let rates = Rates::default();
        let it = [subject(Some(1), Scenario::Send, 1)];
        assert_eq!(fill(&rates, &it, 3_600_000).0, 7);
        assert_eq!(fill(&rates, &it, 0).0, 7);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let rates = Rates::default();
        let count = || rates.0.count();
        let subject = |it| subject(Some(1), Scenario::React, it);
        let most = u32::try_from(SUBJECTS_MAX).unwrap();
        for it in 0..most {
            rates.0.take(&[subject(it)], |_| Micros(0)).unwrap();
        }
        assert_eq!(count(), SUBJECTS_MAX);
        rates.0.take(&[subject(most)], |_| Micros(0)).unwrap();
        assert_eq!(count(), 1, "none was over, and no more are remembered");
        for it in 0..most - 1 {
            rates.0.take(&[subject(it)], |_| Micros(0)).unwrap();
        }
        rates.0.take(&[subject(most + 1)], |_| Micros(SECOND_MICROS)).unwrap();
        assert_eq!(count(), 1, "all were over");
    }
}
