//! How the attempts of the last hour went.

use std::collections::VecDeque;

use redraft_model::time::Micros;

const MINUTE_MICROS: i64 = 60_000_000;

/// Minutes that are looked at.
const MINUTES: i64 = 60;

/// With so few attempts nothing is said.
const TRIED_MIN: u32 = 1000;

/// Fewer than one in so many has to succeed: 5 %.
const ONE_IN: u32 = 20;

/// Attempts of the last sixty minutes by the workspace's clock. Only in memory: a restart begins a new hour.
#[derive(Default)]
pub(super) struct Hour {
    /// The oldest first.
    minutes: VecDeque<Minute>,
}

struct Minute {
    number: i64,
    tried: u32,
    arrived: u32,
}

impl Hour {
    /// An attempt ended.
    pub fn count(&mut self, at: Micros, arrived: bool) {
        let number = at.0 / MINUTE_MICROS;
        self.minutes.retain(|minute| number - MINUTES < minute.number);
        if self.minutes.back().is_none_or(|last| last.number != number) {
            self.minutes.push_back(Minute { number, tried: 0, arrived: 0 });
        }
        if let Some(minute) = self.minutes.back_mut() {
            minute.tried += 1;
            minute.arrived += u32::from(arrived);
        }
    }

    /// Whether Slack would switch the app's events off: many attempts, and hardly any of them arrived.
    pub fn is_failing(&self) -> bool {
        let sum = |of: fn(&Minute) -> u32| self.minutes.iter().map(of).sum::<u32>();
        let (tried, arrived) = (sum(|minute| minute.tried), sum(|minute| minute.arrived));
        TRIED_MIN < tried && arrived.saturating_mul(ONE_IN) < tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many attempts that arrived and that failed, one minute after the other from `start` on.
    fn counted(hour: &mut Hour, start: i64, minutes: &[(u32, u32)]) {
        for (number, (arrived, failed)) in (start..).zip(minutes) {
            let at = Micros(number * MINUTE_MICROS + 1);
            (0..*arrived).for_each(|_| hour.count(at, true));
            (0..*failed).for_each(|_| hour.count(at, false));
        }
    }

    #[test]
    fn fewer_than_five_in_a_hundred_of_more_than_a_thousand() {
        for (minutes, failing) in [
            (&[(0, 1000)][..], false),
            (&[(0, 1001)], true),
            (&[(0, 500), (0, 501)], true),
            (&[(51, 969)], false),
            (&[(51, 970)], true),
            (&[(51, 0), (0, 970)], true),
            (&[(5000, 0)], false),
        ] {
            let mut hour = Hour::default();
            counted(&mut hour, 0, minutes);
            assert_eq!(hour.is_failing(), failing, "{minutes:?}");
        }
    }

    #[test]
    fn what_is_an_hour_old_is_forgotten() {
        let mut hour = Hour::default();
        counted(&mut hour, 100, &[(0, 900)]);
        counted(&mut hour, 159, &[(0, 101)]);
        assert!(hour.is_failing());
        counted(&mut hour, 160, &[(0, 1)]);
        assert!(!hour.is_failing());
    }
}
