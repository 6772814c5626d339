//! Codes of every method, and of `auth.test`.

use super::Row;

pub const ROWS: &[Row] = &[
    // Codes of every method.
    ("chat.postMessage", "not_authed", "", "{}"),
    ("chat.postMessage", "invalid_auth", "xoxb-unknown", "{}"),
    ("chat.postMessage", "account_inactive", "xoxp-eve", "{}"),
    ("chat.postMessage", "token_revoked", "xoxb-revoked", "{}"),
    ("chat.postMessage", "token_revoked", "xoxb-uninstalled", "{}"),
    ("chat.postMessage", "token_expired", "xoxb-expired", "{}"),
    ("chat.postMessage", "not_allowed_token_type", "xapp-deploy", "{}"),
    ("auth.revoke", "not_allowed_token_type", "xapp-deploy", "{}"),
    ("chat.postMessage", "missing_scope", "xoxb-none", "{}"),
    (
        "chat.postMessage",
        "missing_scope",
        "xoxb-narrow",
        r#"{"channel":"$general","text":"x","username":"X"}"#,
    ),
    ("conversations.list", "missing_scope", "xoxb-public", r#"{"types":"private_channel"}"#),
    ("conversations.info", "missing_scope", "xoxb-public", r#"{"channel":"$dm"}"#),
    ("conversations.history", "missing_scope", "xoxb-public", r#"{"channel":"$dm"}"#),
    ("users.lookupByEmail", "missing_scope", "xoxb-none", "{}"),
    ("team.info", "missing_scope", "xoxb-none", "{}"),
    ("chat.unfurl", "unknown_method", "xoxb-deploy", "{}"),
    ("no.such", "unknown_method", "", "{}"),
    ("chat.postMessage", "invalid_arguments", "xoxb-deploy", "{}"),
    (
        "chat.postMessage",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","parse":"odd"}"#,
    ),
    (
        "chat.postMessage",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","as_user":false}"#,
    ),
    (
        "chat.postMessage",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","reply_broadcast":"maybe"}"#,
    ),
    ("chat.postMessage", "invalid_array_arg", "xoxb-deploy", r#"{"channel[]":"$general"}"#),
    ("chat.postMessage", "invalid_arg_name", "xoxb-deploy", r#"{"chan nel":"$general"}"#),
    // auth
    ("auth.test", "not_authed", "", "{}"),
    ("auth.test", "invalid_auth", "xoxb-unknown", "{}"),
];
