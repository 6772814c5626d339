//! Codes of people and teams.

use super::Row;

pub const ROWS: &[Row] = &[
    // People, team
    ("users.list", "invalid_cursor", "xoxb-deploy", r#"{"cursor":"odd"}"#),
    ("users.list", "invalid_arguments", "xoxb-deploy", r#"{"limit":"odd"}"#),
    ("users.list", "team_not_found", "xoxb-deploy", r#"{"team_id":"T01OTHER"}"#),
    ("users.info", "user_not_found", "xoxb-deploy", r#"{"user":"U01NOBODY","include_locale":true}"#),
    ("users.info", "invalid_arguments", "xoxb-deploy", "{}"),
    ("users.lookupByEmail", "users_not_found", "xoxb-deploy", r#"{"email":"nobody@acme.example"}"#),
    ("team.info", "team_not_found", "xoxb-deploy", r#"{"team":"T01OTHER"}"#),
    ("team.info", "team_not_found", "xoxb-deploy", r#"{"domain":"other"}"#),
    ("bots.info", "bot_not_found", "xoxb-deploy", r#"{"bot":"B01NOBODY"}"#),
    ("bots.info", "missing_argument", "xoxb-deploy", "{}"),
    ("bots.info", "team_not_found", "xoxb-deploy", r#"{"bot":"B01DEPLOY","team_id":"T01OTHER"}"#),
    (
        "redraft.messages.revisions",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$bens"}"#,
    ),
    ("redraft.messages.revisions", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","ts":"$own"}"#),
];
