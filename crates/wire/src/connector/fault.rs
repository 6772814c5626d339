//! Why an activity is refused.

use super::errors::BAD_SYNTAX;

/// Why an activity is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityFault {
    /// A code of [`super::errors`]: `BadSyntax` and `BadArgument` go with status 400, `MessageSizeTooBig` with 413.
    pub code: &'static str,
    /// The reason, which names the member where there is one.
    pub message: String,
}

pub(crate) fn syntax(message: String) -> ActivityFault {
    ActivityFault { code: BAD_SYNTAX, message }
}
