//! Codes of the other methods of `chat`, and of lists.

use super::Row;

pub const ROWS: &[Row] = &[
    // chat.postEphemeral
    (
        "chat.postEphemeral",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"C01NOWHERE","user":"U01BEN","text":"x"}"#,
    ),
    ("chat.postEphemeral", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general","text":"x"}"#),
    (
        "chat.postEphemeral",
        "invalid_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","attachments":[1]}"#,
    ),
    (
        "chat.postEphemeral",
        "invalid_blocks",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","blocks":[{"type":"x"}]}"#,
    ),
    (
        "chat.postEphemeral",
        "invalid_blocks_format",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","blocks":"x"}"#,
    ),
    (
        "chat.postEphemeral",
        "invalid_metadata_schema",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","text":"x","metadata":{"event_type":"e","event_payload":{}}}"#,
    ),
    (
        "chat.postEphemeral",
        "is_archived",
        "xoxb-deploy",
        r#"{"channel":"$attic","user":"U01BEN","text":"x"}"#,
    ),
    (
        "chat.postEphemeral",
        "markdown_text_conflict",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","text":"x","markdown_text":"y"}"#,
    ),
    (
        "chat.postEphemeral",
        "msg_too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","text":"$longest"}"#,
    ),
    ("chat.postEphemeral", "no_text", "xoxb-deploy", r#"{"channel":"$general","user":"U01BEN"}"#),
    (
        "chat.postEphemeral",
        "not_in_channel",
        "xoxb-member",
        r#"{"channel":"$quiet","user":"U01BEN","text":"x"}"#,
    ),
    (
        "chat.postEphemeral",
        "too_many_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN","attachments":$hundred_and_one}"#,
    ),
    (
        "chat.postEphemeral",
        "user_not_in_channel",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01NOBODY","text":"x"}"#,
    ),
    (
        "chat.postEphemeral",
        "user_not_in_channel",
        "xoxb-deploy",
        r#"{"channel":"$dm","user":"U01CLEO","text":"x"}"#,
    ),
    // chat.meMessage, chat.getPermalink
    ("chat.meMessage", "channel_not_found", "xoxb-deploy", r#"{"channel":"C01NOWHERE","text":"x"}"#),
    ("chat.meMessage", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","text":"x"}"#),
    ("chat.meMessage", "msg_too_long", "xoxb-deploy", r#"{"channel":"$general","text":"$longest"}"#),
    ("chat.meMessage", "no_text", "xoxb-deploy", r#"{"channel":"$general","text":""}"#),
    ("chat.meMessage", "not_in_channel", "xoxb-member", r#"{"channel":"$quiet","text":"x"}"#),
    (
        "chat.getPermalink",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"C01NOWHERE","message_ts":"$own"}"#,
    ),
    (
        "chat.getPermalink",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","message_ts":"$eph"}"#,
    ),
    ("chat.getPermalink", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    // Lists
    ("conversations.list", "invalid_cursor", "xoxb-deploy", r#"{"cursor":"x"}"#),
    ("conversations.list", "invalid_limit", "xoxb-deploy", r#"{"limit":-1}"#),
    ("conversations.list", "invalid_types", "xoxb-deploy", r#"{"types":"public_channel,odd"}"#),
    ("conversations.list", "invalid_arguments", "xoxb-deploy", r#"{"exclude_archived":"odd"}"#),
    ("conversations.list", "team_not_found", "xoxb-deploy", r#"{"team_id":"T01OTHER"}"#),
    ("users.conversations", "invalid_cursor", "xoxb-deploy", r#"{"cursor":"bWVtYmVyOjE="}"#),
    ("users.conversations", "invalid_limit", "xoxb-deploy", r#"{"limit":"many"}"#),
    ("users.conversations", "invalid_types", "xoxb-deploy", r#"{"types":"odd"}"#),
    ("users.conversations", "user_not_found", "xoxb-deploy", r#"{"user":"U01NOBODY"}"#),
    (
        "users.conversations",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"exclude_muted":"odd","exclude_archived":true}"#,
    ),
];
