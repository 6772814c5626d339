//! Codes of `chat.update` and `chat.delete`.

use super::Row;

pub const ROWS: &[Row] = &[
    // chat.update
    (
        "chat.update",
        "cant_broadcast_message",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","reply_broadcast":true}"#,
    ),
    (
        "chat.update",
        "cant_update_message",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$bens","text":"x"}"#,
    ),
    (
        "chat.update",
        "cant_update_message",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$stone","text":"x"}"#,
    ),
    ("chat.update", "cant_update_message", "xoxb-deploy", r#"{"channel":"$general","ts":"$eph","text":"x"}"#),
    ("chat.update", "channel_not_found", "xoxb-deploy", r#"{"channel":"general","ts":"$own","text":"x"}"#),
    (
        "chat.update",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"19:general@thread.tacv2","ts":"$own","text":"x"}"#,
    ),
    ("chat.update", "edit_window_closed", "xoxp-ben", r#"{"channel":"$general","ts":"$bens","text":"x"}"#),
    ("chat.update", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general","text":"x"}"#),
    ("chat.update", "invalid_arguments", "xoxb-deploy", r#"{"ts":"$own","text":"x"}"#),
    (
        "chat.update",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","text":"x","if_revision":"one"}"#,
    ),
    (
        "chat.update",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","text":"x","parse":"odd"}"#,
    ),
    (
        "chat.update",
        "invalid_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","attachments":[1]}"#,
    ),
    (
        "chat.update",
        "invalid_blocks",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","blocks":[{"type":"x"}]}"#,
    ),
    (
        "chat.update",
        "invalid_blocks_format",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","blocks":"x"}"#,
    ),
    (
        "chat.update",
        "invalid_metadata_format",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","metadata":"x"}"#,
    ),
    (
        "chat.update",
        "invalid_metadata_schema",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","metadata":{"event_type":"x"}}"#,
    ),
    ("chat.update", "is_inactive", "xoxb-deploy", r#"{"channel":"$attic","ts":"$own","text":"x"}"#),
    (
        "chat.update",
        "markdown_text_conflict",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","text":"x","markdown_text":"y"}"#,
    ),
    ("chat.update", "message_not_found", "xoxb-deploy", r#"{"channel":"$random","ts":"$own","text":"x"}"#),
    (
        "chat.update",
        "metadata_too_large",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","metadata":{"event_type":"e","event_payload":{"x":"$long"}}}"#,
    ),
    (
        "chat.update",
        "msg_blocks_too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","blocks":[$section,$section,$section,$section,$section]}"#,
    ),
    ("chat.update", "msg_too_long", "xoxb-deploy", r#"{"channel":"$general","ts":"$own","text":"$long"}"#),
    (
        "chat.update",
        "no_dual_broadcast_content_update",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$reply","text":"x","reply_broadcast":true}"#,
    ),
    ("chat.update", "no_text", "xoxb-deploy", r#"{"channel":"$general","ts":"$own"}"#),
    (
        "chat.update",
        "too_many_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","attachments":$hundred_and_one}"#,
    ),
    (
        "chat.update",
        "update_failed",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","text":"x","if_revision":7}"#,
    ),
    (
        "chat.update",
        "update_failed",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","text":"x","idempotency_key":"update"}"#,
    ),
    // chat.delete
    ("chat.delete", "cant_delete_message", "xoxb-deploy", r#"{"channel":"$general","ts":"$bens"}"#),
    ("chat.delete", "cant_delete_message", "xoxb-deploy", r#"{"channel":"$general","ts":"$stone"}"#),
    (
        "chat.delete",
        "cant_delete_message",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","broadcast_delete":true}"#,
    ),
    (
        "chat.delete",
        "cant_delete_message",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","if_revision":7}"#,
    ),
    ("chat.delete", "channel_not_found", "xoxb-deploy", r#"{"channel":"general","ts":"$own"}"#),
    ("chat.delete", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    (
        "chat.delete",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","as_user":"x"}"#,
    ),
    ("chat.delete", "message_not_found", "xoxb-deploy", r#"{"channel":"$general","ts":"$eph"}"#),
];
