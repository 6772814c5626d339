//! Why something did not work, in a sentence that a person can act on.

use std::fmt;
use std::time::Duration;

/// Why a call of this crate failed.
///
/// A test that ends with an error prints it with `{:?}`, so `Debug` says the same as `Display`: sentences, and for a failed
/// wait the conversation as people see it. Text from outside is escaped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), redraft_test::Error> {
/// use redraft_test::{Error, Redraft};
///
/// let redraft = Redraft::start().await?;
/// let failed = redraft.person("zoe").post(&redraft.channel("general"), "Hello").await;
/// assert!(matches!(failed, Err(Error::Unknown { .. })));
/// assert_eq!(
///     failed.unwrap_err().to_string(),
///     "there is no person zoe in the declared workspace; there are ada, ben, cleo"
/// );
/// # redraft.stop().await
/// # }
/// ```
#[non_exhaustive]
pub enum Error {
    /// No server was found. Install `redraft`, name its path, or switch the feature `embedded` on.
    #[non_exhaustive]
    NotInstalled {
        /// The places that were searched, and why there is no server at each.
        looked: String,
    },
    /// The server did not start. Most often the declared workspace has a mistake, which the log names.
    #[non_exhaustive]
    NotStarted {
        /// The cause.
        reason: String,
        /// The server's log.
        log: String,
    },
    /// The declared workspace has nothing of this name. Correct the name, or declare it.
    #[non_exhaustive]
    Unknown {
        /// `person`, `channel` or `app`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// An app was asked for something that its platform does not have or that was not declared.
    #[non_exhaustive]
    Lacks {
        /// The app.
        app: String,
        /// What the app lacks, such as `bot_token`.
        what: &'static str,
        /// The kind of the app: `slack` or `teams`.
        kind: String,
    },
    /// The server refused. The reason says what to change; nothing was done.
    #[non_exhaustive]
    Refused {
        /// The call, such as `POST /people/U1/actions`.
        call: String,
        /// The status of the answer.
        status: u16,
        /// The code of the control API, such as `not_found`. `bot_failed` means that the bot did not answer a click.
        code: String,
        /// The server's sentence.
        reason: String,
    },
    /// The server did not answer. Whether the call was carried out is unknown.
    #[non_exhaustive]
    Unanswered {
        /// The call.
        call: String,
        /// The cause.
        reason: String,
        /// The end of the server's log, if the server has ended.
        log: String,
    },
    /// No message met the conditions in time. The conversation shows the messages that there were.
    #[non_exhaustive]
    TimedOut {
        /// What was waited for, such as `a message in #general that contains "Lunch?"`.
        wanted: String,
        /// The time limit.
        waited: Duration,
        /// The conversation as people see it, then failed deliveries and refused calls during the wait.
        conversation: String,
    },
    /// The server had to be killed, or ended with an error. What the test saw before that is valid.
    #[non_exhaustive]
    BadEnd {
        /// How it ended.
        reason: String,
        /// The end of the server's log.
        log: String,
    },
}

impl std::error::Error for Error {}

impl fmt::Debug for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, to)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled { looked } => write!(
                to,
                "no Redraft server was found: {looked}; install the executable `redraft`, set REDRAFT_BIN to its path, \
                 or switch on the feature `embedded` of redraft-test"
            ),
            Self::NotStarted { reason, log } => {
                write!(to, "the Redraft server did not start: {reason}{}", Said(log))
            }
            Self::Unknown { what, name, known } => {
                let (name, known) = (line(name), line(&known.join(", ")));
                write!(to, "there is no {what} {name} in the declared workspace; ")?;
                if known.is_empty() { to.write_str("there is none") } else { write!(to, "there are {known}") }
            }
            Self::Lacks { app, what, kind } => {
                write!(to, "{} is a {kind} app and has no {what}", line(app))
            }
            Self::Refused { call, status, code, reason } => {
                write!(to, "{} ({call}: {status} {code})", line(reason))
            }
            Self::Unanswered { call, reason, log } => {
                write!(to, "the Redraft server did not answer {call}: {}{}", line(reason), Said(log))
            }
            Self::TimedOut { wanted, waited, conversation } => {
                write!(to, "there was no {wanted} within {:.1} s.\n{conversation}", waited.as_secs_f64())
            }
            Self::BadEnd { reason, log } => {
                write!(to, "the Redraft server did not end well: {reason}{}", Said(log))
            }
        }
    }
}

/// What the server said, on lines of its own.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        to.write_str("\nThe server said:")?;
        self.0.lines().try_for_each(|said| write!(to, "\n  {}", line(said)))
    }
}

/// A text on one line: what would move the cursor, or turn the direction of what follows, is escaped.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if moves(letter) { line.extend(letter.escape_unicode()) } else { line.push(letter) }
    }
    line
}

/// Control characters, line separators, marks of direction, and invisible ones that begin no letter.
fn moves(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_on_its_line() {
        for (text, shown) in [
            ("Grüße, 世界 👩‍🚀", "Grüße, 世界 👩‍🚀"),
            ("a\nb\r\t", "a\\u{a}b\\u{d}\\u{9}"),
            ("\u{1b}[2J\u{9b}31m", "\\u{1b}[2J\\u{9b}31m"),
            ("\u{202e}txet\u{2066}\u{200f}", "\\u{202e}txet\\u{2066}\\u{200f}"),
            ("a\u{2028}b\u{feff}", "a\\u{2028}b\\u{feff}"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    /// A test that fails prints `{:?}`.
    #[test]
    fn debug_is_display() {
        let hostile = "\u{1b}[31m\nred";
        let errors = [
            Error::NotInstalled { looked: "nowhere".into() },
            Error::NotStarted { reason: "it ended".into(), log: hostile.into() },
            Error::Unknown { what: "app", name: hostile.into(), known: vec![] },
            Error::Lacks { app: hostile.into(), what: "bot_token", kind: "teams".into() },
            Error::Refused { call: "GET /x".into(), status: 404, code: "n".into(), reason: hostile.into() },
            Error::Unanswered { call: "GET /x".into(), reason: hostile.into(), log: hostile.into() },
            Error::BadEnd { reason: "killed".into(), log: hostile.into() },
        ];
        for error in errors {
            assert_eq!(format!("{error:?}"), error.to_string());
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
        }
    }
}
