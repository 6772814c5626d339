//! Codes of `chat.postMessage`.

use super::Row;

pub const ROWS: &[Row] = &[
    // chat.postMessage
    ("chat.postMessage", "channel_not_found", "xoxb-deploy", r#"{"channel":"C01NOWHERE","text":"x"}"#),
    ("chat.postMessage", "channel_not_found", "xoxb-deploy", r#"{"channel":"leads","text":"x"}"#),
    (
        "chat.postMessage",
        "attachment_payload_limit_exceeded",
        "xoxb-deploy",
        r#"{"channel":"$general","attachments":[{"text":"$huge"}]}"#,
    ),
    (
        "chat.postMessage",
        "duplicate_channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$random","text":"x","client_msg_id":"used"}"#,
    ),
    (
        "chat.postMessage",
        "duplicate_message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"y","client_msg_id":"used"}"#,
    ),
    (
        "chat.postMessage",
        "invalid_blocks",
        "xoxb-deploy",
        r#"{"channel":"$general","blocks":[{"type":"section"}]}"#,
    ),
    ("chat.postMessage", "invalid_blocks_format", "xoxb-deploy", r#"{"channel":"$general","blocks":"{"}"#),
    ("chat.postMessage", "invalid_attachments", "xoxb-deploy", r#"{"channel":"$general","attachments":"{"}"#),
    (
        "chat.postMessage",
        "invalid_metadata_format",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":"{"}"#,
    ),
    (
        "chat.postMessage",
        "invalid_metadata_schema",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":{"a":1}}"#,
    ),
    ("chat.postMessage", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","text":"x"}"#),
    (
        "chat.postMessage",
        "markdown_text_conflict",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","markdown_text":"y"}"#,
    ),
    (
        "chat.postMessage",
        "metadata_too_large",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":{"event_type":"e","event_payload":{"x":"$long"}}}"#,
    ),
    (
        "chat.postMessage",
        "msg_blocks_too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","blocks":[$section,$section,$section,$section,$section]}"#,
    ),
    ("chat.postMessage", "no_text", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("chat.postMessage", "not_in_channel", "xoxb-member", r#"{"channel":"$quiet","text":"x"}"#),
    (
        "chat.postMessage",
        "too_many_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","attachments":$hundred_and_one}"#,
    ),
    ("chat.postMessage", "msg_too_long", "xoxb-deploy", r#"{"channel":"$general","markdown_text":"$long"}"#),
];
