//! The Connector's error body and its codes.

use serde::Serialize;

/// `{"error": {"code", "message"}}`, the body of every failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody<'a> {
    /// The code and the sentence, as the Connector wraps them.
    pub error: ErrorDetail<'a>,
}

/// The inside of an [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorDetail<'a> {
    /// One of this module's codes.
    pub code: &'a str,
    /// The reason, for people.
    pub message: &'a str,
}

impl<'a> ErrorBody<'a> {
    /// The body for a code and a reason.
    pub fn new(code: &'a str, message: &'a str) -> ErrorBody<'a> {
        ErrorBody { error: ErrorDetail { code, message } }
    }
}

/// 400: an argument or an activity that does not fit the operation.
pub const BAD_ARGUMENT: &str = "BadArgument";
/// 400: a step of a stream that is not formed as it has to be.
pub const BAD_REQUEST: &str = "BadRequest";
/// 400: unreadable JSON, a malformed conversation id, wrong creation parameters, or a message without content.
pub const BAD_SYNTAX: &str = "BadSyntax";
/// 400: a mandatory member is absent (local emulators say so).
pub const MISSING_PROPERTY: &str = "MissingProperty";
/// 401: no registration for this bot.
pub const BOT_NOT_REGISTERED: &str = "BotNotRegistered";
/// 403: the tenant's admin switched the bot off.
pub const BOT_DISABLED_BY_ADMIN: &str = "BotDisabledByAdmin";
/// 403: the bot is not, or no longer, in the conversation.
pub const BOT_NOT_IN_CONVERSATION_ROSTER: &str = "BotNotInConversationRoster";
/// 403: the person blocked the bot.
pub const CONVERSATION_BLOCKED_BY_USER: &str = "ConversationBlockedByUser";
/// 403: right token, wrong cloud.
pub const INVALID_BOT_API_HOST: &str = "InvalidBotApiHost";
/// 403: the operation is not allowed to this app, such as editing another's message.
pub const NOT_ENOUGH_PERMISSIONS: &str = "NotEnoughPermissions";
/// 403 in old answers of Teams, 5xx for trouble of the server.
pub const SERVICE_ERROR: &str = "ServiceError";
/// 403: streaming is not possible here.
pub const CONTENT_STREAM_NOT_ALLOWED: &str = "ContentStreamNotAllowed";
/// 202, no failure: a step of a stream came after a later one and was ignored.
pub const CONTENT_STREAM_SEQUENCE_ORDER: &str = "ContentStreamSequenceOrderPreConditionFailed";
/// 404: the activity is unknown in this conversation, or was deleted.
pub const ACTIVITY_NOT_FOUND_IN_CONVERSATION: &str = "ActivityNotFoundInConversation";
/// 404: the conversation is unknown.
pub const CONVERSATION_NOT_FOUND: &str = "ConversationNotFound";
/// 404: nobody of this id is a member.
pub const MEMBER_NOT_FOUND_IN_CONVERSATION: &str = "MemberNotFoundInConversation";
/// 412: two operations collided, or a precondition of the caller does not hold.
pub const PRECONDITION_FAILED: &str = "PreconditionFailed";
/// 413: the message is too big.
pub const MESSAGE_SIZE_TOO_BIG: &str = "MessageSizeTooBig";
/// 429: too many requests; comes with `Retry-After`.
pub const THROTTLED: &str = "Throttled";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body() {
        let body = serde_json::to_string(&ErrorBody::new(THROTTLED, "Too many requests.")).unwrap();
        assert_eq!(body, r#"{"error":{"code":"Throttled","message":"Too many requests."}}"#);
    }
}
