//! Times in microseconds, and the message key's two spellings.

/// Microseconds since 1970-01-01 UTC by the workspace's clock (the machine's, plus the workspace's offset).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Micros(pub i64);

impl Micros {
    /// Whole seconds, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// `self` later by `micros`, without overflow.
    #[must_use]
    pub fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A message's time and key within its workspace: microseconds since 1970, never two alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ts(pub i64);

impl Ts {
    /// Names no message, as none was posted in 1970. For texts that are no ts: they are refused as a message that is not
    /// there, at its place in the order of refusals.
    pub const OF_NO_MESSAGE: Self = Self(0);

    /// Slack's spelling, `1700000000.000100`.
    #[must_use]
    pub fn dotted(self) -> String {
        let mut text = self.digits();
        text.insert(text.len() - 6, '.');
        text
    }

    /// The Connector's spelling: the same digits without the dot.
    #[must_use]
    pub fn digits(self) -> String {
        // Every answer holds a few of these, and formatting in two parts costs ten times as much.
        let digits = self.0.to_string();
        if digits.len() < 7 { format!("{digits:0>7}") } else { digits }
    }

    /// Reads Slack's spelling. Exactly six digits follow the dot; anything else names no message.
    #[must_use]
    pub fn from_dotted(text: &str) -> Option<Self> {
        let (seconds, micros) = text.split_once('.')?;
        if micros.len() != 6 || !(1..=12).contains(&seconds.len()) {
            return None;
        }
        Some(Self(digits(seconds)? * 1_000_000 + digits(micros)?))
    }

    /// Reads the Connector's spelling; `None` for what is not one (an SDK's invented guid, say).
    #[must_use]
    pub fn from_digits(text: &str) -> Option<Self> {
        if !(7..=18).contains(&text.len()) {
            return None;
        }
        Some(Self(digits(text)?))
    }
}

fn digits(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_two_spellings() {
        for (micros, dotted, digits) in [
            (1_700_000_000_000_100, "1700000000.000100", "1700000000000100"),
            (1_700_000_000_999_999, "1700000000.999999", "1700000000999999"),
            (1_000_000, "1.000000", "1000000"),
            (10_000_001, "10.000001", "10000001"),
        ] {
            let ts = Ts(micros);
            assert_eq!((ts.dotted().as_str(), ts.digits().as_str()), (dotted, digits));
            assert_eq!((Ts::from_dotted(dotted), Ts::from_digits(digits)), (Some(ts), Some(ts)));
        }
    }

    #[test]
    fn a_time_in_the_first_second_has_all_its_digits() {
        assert_eq!((Ts(5).digits().as_str(), Ts(5).dotted().as_str()), ("0000005", "0.000005"));
        assert_eq!((Ts(999_999).digits().as_str(), Ts(0).dotted().as_str()), ("0999999", "0.000000"));
    }

    #[test]
    fn what_is_not_a_ts_names_no_message() {
        for text in [
            "",
            ".",
            "1.",
            ".000001",
            "1.00000",
            "1.0000000",
            "1,000000",
            "-1.000000",
            "1.+00001",
            "1234567890123.000000",
        ] {
            assert_eq!(Ts::from_dotted(text), None, "{text}");
        }
        for text in ["", "123456", "1234567890123456789", "12345x78", "-1234567", "6f1c7d1e-0000"] {
            assert_eq!(Ts::from_digits(text), None, "{text}");
        }
        assert_eq!(Ts::from_dotted("123456789012.000000"), Some(Ts(123_456_789_012_000_000)));
        assert_eq!(Ts::from_digits("123456789012345678"), Some(Ts(123_456_789_012_345_678)));
    }

    #[test]
    fn seconds_round_down() {
        assert_eq!(Micros(1_999_999).seconds(), 1);
        assert_eq!(Micros(-1).seconds(), -1);
        assert_eq!(Micros(5).plus(7), Micros(12));
        assert_eq!(Micros(i64::MAX).plus(7), Micros(i64::MAX));
    }
}
