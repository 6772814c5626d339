//! Every documented code: a request that produces it, or a line in `docs/COVERAGE.md` that says why none can.

use std::collections::BTreeSet;

use redraft_wire::connector::errors as connector;
use redraft_wire::slack::errors::{GLOBAL, documented};
use serde_json::{Value, json};

use crate::client;
use crate::coverage::Coverage;
use crate::world::*;

/// Method, code, token, arguments.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Every method that the server has.
pub const METHODS: &[&str] = &[
    "api.test",
    "apps.connections.open",
    "auth.revoke",
    "auth.test",
    "bots.info",
    "chat.appendStream",
    "chat.delete",
    "chat.deleteScheduledMessage",
    "chat.getPermalink",
    "chat.meMessage",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.scheduleMessage",
    "chat.scheduledMessages.list",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
    "conversations.archive",
    "conversations.close",
    "conversations.create",
    "conversations.history",
    "conversations.info",
    "conversations.invite",
    "conversations.join",
    "conversations.kick",
    "conversations.leave",
    "conversations.list",
    "conversations.mark",
    "conversations.members",
    "conversations.open",
    "conversations.rename",
    "conversations.replies",
    "conversations.setPurpose",
    "conversations.setTopic",
    "conversations.unarchive",
    "files.completeUploadExternal",
    "files.delete",
    "files.getUploadURLExternal",
    "files.info",
    "oauth.v2.access",
    "pins.add",
    "pins.list",
    "pins.remove",
    "reactions.add",
    "reactions.get",
    "reactions.list",
    "reactions.remove",
    "redraft.messages.revisions",
    "team.info",
    "usergroups.list",
    "usergroups.users.list",
    "users.conversations",
    "users.getPresence",
    "users.info",
    "users.list",
    "users.lookupByEmail",
    "users.profile.get",
    "views.open",
    "views.publish",
    "views.push",
    "views.update",
];

/// Codes whose requests stand in another test: the code, for which method, and where.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("auth.revoke", "internal_error", "bad_input::a_disk_that_is_full"),
    ("every method", "internal_error", "bad_input::a_disk_that_is_full"),
    ("every method", "access_denied", "bad_input::foreign_hosts_and_origins"),
    ("every method", "request_timeout", "bad_input::cut_bodies"),
    ("every method", "ratelimited", "redraft-server: slack::tests::a_store_that_fails"),
    ("every method", "fatal_error", "redraft-server: slack::tests::a_store_that_fails"),
    ("every method", "service_unavailable", "redraft-server: slack::tests::a_store_that_fails"),
    ("Connector", "ContentStreamNotAllowed", "streams::what_is_refused"),
    ("chat.postMessage", "message_limit_exceeded", "quotas::what_grows_past_a_quota"),
    ("chat.postEphemeral", "message_limit_exceeded", "quotas::what_grows_past_a_quota"),
    ("chat.update", "message_limit_exceeded", "quotas::what_grows_past_a_quota"),
    ("chat.startStream", "message_limit_exceeded", "quotas::what_grows_past_a_quota"),
    ("chat.scheduleMessage", "message_limit_exceeded", "quotas::what_grows_past_a_quota"),
    ("conversations.create", "restricted_action", "redraft-server: slack::refusal::tests::full"),
    ("conversations.join", "too_many_members", "errors::a_full_channel"),
    ("reactions.add", "too_many_emoji", "reactions::limits"),
    ("reactions.add", "too_many_reactions", "reactions::limits"),
    ("pins.add", "too_many_pins", "pins::a_hundred"),
    ("users.profile.get", "ratelimited", "slack_rates::forced"),
    ("chat.scheduleMessage", "restricted_too_many", "scheduled::limits"),
    ("oauth.v2.access", "bad_client_secret", "oauth::what_is_refused"),
    ("oauth.v2.access", "bad_redirect_uri", "oauth::what_is_refused"),
    ("oauth.v2.access", "invalid_client_id", "oauth::what_is_refused"),
    ("oauth.v2.access", "invalid_code", "oauth::what_is_refused"),
    ("oauth.v2.access", "invalid_grant_type", "oauth::what_is_refused"),
    ("oauth.v2.access", "invalid_refresh_token", "oauth::what_is_refused"),
    ("oauth.v2.access", "no_scopes", "oauth::what_is_refused"),
    ("oauth.v2.access", "pkce_not_allowed", "oauth::what_is_refused"),
    ("Connector", "InvalidBotApiHost", "bad_input::foreign_hosts_and_origins"),
    ("Connector", "ServiceError", "bad_input::a_disk_that_is_full"),
    ("chat.update", "file_not_found", "files::codes"),
    ("chat.update", "file_deleted", "files::codes"),
    ("chat.update", "max_file_sharing_exceeded", "files::codes"),
    ("files.getUploadURLExternal", "missing_argument", "files::codes"),
    ("files.getUploadURLExternal", "alt_txt_too_large", "files::codes"),
    ("files.getUploadURLExternal", "file_upload_size_restricted", "files::codes"),
    ("files.getUploadURLExternal", "snippet_too_large", "files::codes"),
    ("files.getUploadURLExternal", "storage_limit_reached", "redraft-model: files::bytes_have_a_limit"),
    ("files.getUploadURLExternal", "unknown_snippet_type", "files::codes"),
    ("files.completeUploadExternal", "file_not_found", "files::codes"),
    ("files.completeUploadExternal", "file_update_failed", "files::codes"),
    ("files.completeUploadExternal", "channel_not_found", "files::codes"),
    ("files.completeUploadExternal", "channels_limit_exceeded", "files::codes"),
    ("files.completeUploadExternal", "invalid_blocks", "files::codes"),
    ("files.completeUploadExternal", "not_in_channel", "files::codes"),
    ("files.info", "file_not_found", "files::codes"),
    ("files.info", "file_deleted", "files::codes"),
    ("files.delete", "file_not_found", "files::codes"),
    ("files.delete", "file_deleted", "files::codes"),
    ("files.delete", "cant_delete_file", "files::codes"),
    ("chat.update", "file_share_limit_reached", "redraft-model: files::a_file_is_shared_so_often"),
    ("views.open", "duplicate_external_id", "modals::codes"),
    ("views.open", "exchanged_trigger_id", "modals::triggers"),
    ("views.open", "expired_trigger_id", "modals::triggers"),
    ("views.open", "invalid_trigger_id", "modals::triggers"),
    ("views.open", "view_too_large", "modals::codes"),
    ("views.publish", "not_allowed_token_type", "modals::codes"),
    ("views.publish", "not_enabled", "modals::codes"),
    ("views.push", "duplicate_external_id", "modals::codes"),
    ("views.push", "exchanged_trigger_id", "modals::codes"),
    ("views.push", "expired_trigger_id", "modals::codes"),
    ("views.push", "invalid_trigger_id", "modals::a_stack_of_three"),
    ("views.push", "not_found", "modals::a_stack_of_three"),
    ("views.push", "push_limit_reached", "modals::a_stack_of_three"),
    ("views.push", "view_too_large", "modals::codes"),
    ("views.update", "duplicate_external_id", "modals::updating"),
    ("views.update", "hash_conflict", "modals::updating"),
    ("views.update", "not_found", "modals::updating"),
    ("views.update", "view_too_large", "modals::codes"),
    ("chat.startStream", "channel_not_found", "slack_streams::what_is_refused"),
    ("chat.startStream", "duplicate_channel_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.startStream", "duplicate_message_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.startStream", "invalid_blocks", "slack_streams::what_is_refused"),
    ("chat.startStream", "invalid_chunks", "slack_streams::what_is_refused"),
    ("chat.startStream", "is_archived", "slack_streams::what_is_refused"),
    ("chat.startStream", "missing_recipient_team_id", "slack_streams::what_is_refused"),
    ("chat.startStream", "missing_recipient_user_id", "slack_streams::what_is_refused"),
    ("chat.startStream", "msg_blocks_too_long", "slack_streams::what_is_refused"),
    ("chat.startStream", "msg_blocks_too_many", "slack_streams::what_is_refused"),
    ("chat.startStream", "not_in_channel", "slack_streams::what_is_refused"),
    ("chat.startStream", "team_not_found", "slack_streams::what_is_refused"),
    ("chat.startStream", "user_not_found", "slack_streams::what_is_refused"),
    ("chat.appendStream", "channel_not_found", "slack_streams::what_is_refused"),
    ("chat.appendStream", "duplicate_channel_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.appendStream", "duplicate_message_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.appendStream", "invalid_blocks", "slack_streams::what_is_refused"),
    ("chat.appendStream", "invalid_chunks", "slack_streams::what_is_refused"),
    ("chat.appendStream", "is_archived", "slack_streams::what_is_refused"),
    ("chat.appendStream", "message_not_found", "slack_streams::what_is_refused"),
    ("chat.appendStream", "message_not_in_streaming_state", "slack_streams::what_is_refused"),
    ("chat.appendStream", "message_not_owned_by_app", "slack_streams::what_is_refused"),
    ("chat.appendStream", "msg_blocks_too_long", "slack_streams::what_is_refused"),
    ("chat.appendStream", "msg_blocks_too_many", "slack_streams::what_is_refused"),
    ("chat.appendStream", "no_text", "slack_streams::what_is_refused"),
    ("chat.appendStream", "stopped_by_user", "slack_streams::what_is_refused"),
    ("chat.stopStream", "channel_not_found", "slack_streams::what_is_refused"),
    ("chat.stopStream", "duplicate_channel_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.stopStream", "duplicate_message_not_found", "slack_streams::an_append_that_is_repeated"),
    ("chat.stopStream", "invalid_blocks", "slack_streams::what_is_refused"),
    ("chat.stopStream", "invalid_chunks", "slack_streams::what_is_refused"),
    ("chat.stopStream", "invalid_metadata_format", "slack_streams::what_is_refused"),
    ("chat.stopStream", "invalid_metadata_schema", "slack_streams::what_is_refused"),
    ("chat.stopStream", "is_archived", "slack_streams::what_is_refused"),
    ("chat.stopStream", "message_not_found", "slack_streams::what_is_refused"),
    ("chat.stopStream", "message_not_in_streaming_state", "slack_streams::what_is_refused"),
    ("chat.stopStream", "message_not_owned_by_app", "slack_streams::what_is_refused"),
    ("chat.stopStream", "metadata_too_large", "slack_streams::what_is_refused"),
    ("chat.stopStream", "msg_blocks_too_long", "slack_streams::what_is_refused"),
    ("chat.stopStream", "msg_blocks_too_many", "slack_streams::what_is_refused"),
    ("chat.stopStream", "no_text", "slack_streams::what_is_refused"),
    ("apps.connections.open", "insecure_request", "sockets::who_may_open_a_connection"),
    ("chat.update", "streaming_state_conflict", "slack_streams::what_is_refused"),
    ("Connector", "Throttled", "redraft-server: connector::refusal::tests::a_store_that_fails"),
];

const ROWS: &[Row] = &[
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
    // conversations.*
    (
        "conversations.info",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$leads","include_locale":true}"#,
    ),
    (
        "conversations.info",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","include_num_members":"odd"}"#,
    ),
    ("conversations.create", "invalid_name_maxlength", "xoxb-deploy", r#"{"name":"$name81"}"#),
    ("conversations.create", "invalid_name_punctuation", "xoxb-deploy", r#"{"name":"--__"}"#),
    ("conversations.create", "invalid_name_required", "xoxb-deploy", r#"{"is_private":true}"#),
    ("conversations.create", "invalid_name_required", "xoxb-deploy", r#"{"name":""}"#),
    ("conversations.create", "invalid_name_specials", "xoxb-deploy", r#"{"name":"Has Capitals"}"#),
    ("conversations.create", "name_taken", "xoxb-deploy", r#"{"name":"general"}"#),
    ("conversations.create", "team_not_found", "xoxb-deploy", r#"{"name":"x","team_id":"T01OTHER"}"#),
    ("conversations.join", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.join", "is_archived", "xoxb-deploy", r#"{"channel":"$attic"}"#),
    ("conversations.join", "method_not_supported_for_channel_type", "xoxb-deploy", r#"{"channel":"$dm"}"#),
    ("conversations.leave", "cant_leave_general", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("conversations.leave", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.leave", "is_archived", "xoxb-deploy", r#"{"channel":"$attic"}"#),
    ("conversations.leave", "last_member", "xoxb-deploy", r#"{"channel":"$alone"}"#),
    ("conversations.leave", "method_not_supported_for_channel_type", "xoxb-deploy", r#"{"channel":"$dm"}"#),
    (
        "conversations.invite",
        "already_in_channel",
        "xoxb-deploy",
        r#"{"channel":"$random","users":"U01BEN"}"#,
    ),
    ("conversations.invite", "cant_invite", "xoxb-deploy", r#"{"channel":"$alone","users":"U01EVE"}"#),
    (
        "conversations.invite",
        "cant_invite_self",
        "xoxb-deploy",
        r#"{"channel":"$random","users":"U01DEPLOY"}"#,
    ),
    ("conversations.invite", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","users":"U01BEN"}"#),
    ("conversations.invite", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","users":"U01BEN"}"#),
    (
        "conversations.invite",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm","users":"U01CLEO"}"#,
    ),
    ("conversations.invite", "no_user", "xoxb-deploy", r#"{"channel":"$alone","users":""}"#),
    ("conversations.invite", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","users":"U01BEN"}"#),
    (
        "conversations.invite",
        "user_not_found",
        "xoxb-deploy",
        r#"{"channel":"$alone","users":["U01BEN","U01NOBODY"]}"#,
    ),
    (
        "conversations.invite",
        "user_not_found",
        "xoxb-deploy",
        r#"{"channel":"$alone","users":"U01NOBODY","force":true}"#,
    ),
    ("conversations.invite", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$alone"}"#),
    (
        "conversations.kick",
        "cant_kick_from_general",
        "xoxb-deploy",
        r#"{"channel":"$general","user":"U01BEN"}"#,
    ),
    ("conversations.kick", "cant_kick_self", "xoxb-deploy", r#"{"channel":"$random","user":"U01DEPLOY"}"#),
    ("conversations.kick", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","user":"U01BEN"}"#),
    (
        "conversations.kick",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm","user":"U01BEN"}"#,
    ),
    ("conversations.kick", "not_in_channel", "xoxb-deploy", r#"{"channel":"$alone","user":"U01BEN"}"#),
    ("conversations.kick", "user_not_found", "xoxb-deploy", r#"{"channel":"$random","user":"U01NOBODY"}"#),
    ("conversations.open", "channel_not_found", "xoxb-deploy", r#"{"channel":"C01NOWHERE"}"#),
    (
        "conversations.open",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"users":"U01ADA","prevent_creation":true}"#,
    ),
    (
        "conversations.open",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$general"}"#,
    ),
    (
        "conversations.open",
        "too_many_users",
        "xoxb-deploy",
        r#"{"users":"U01P0,U01P1,U01P2,U01P3,U01P4,U01P5,U01P6,U01P7,U01P8"}"#,
    ),
    ("conversations.open", "user_disabled", "xoxb-deploy", r#"{"users":"U01EVE"}"#),
    ("conversations.open", "user_not_found", "xoxb-deploy", r#"{"users":"U01NOBODY"}"#),
    ("conversations.open", "users_list_not_supplied", "xoxb-deploy", "{}"),
    ("conversations.open", "invalid_arguments", "xoxb-deploy", r#"{"users":"U01BEN","return_im":"odd"}"#),
    ("conversations.close", "channel_not_found", "xoxb-deploy", r#"{"channel":"C01NOWHERE"}"#),
    (
        "conversations.close",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$general"}"#,
    ),
    ("conversations.members", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.members", "invalid_cursor", "xoxb-deploy", r#"{"channel":"$general","cursor":"odd"}"#),
    ("conversations.members", "invalid_limit", "xoxb-deploy", r#"{"channel":"$general","limit":"odd"}"#),
    ("conversations.history", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.history", "invalid_cursor", "xoxb-deploy", r#"{"channel":"$general","cursor":"odd"}"#),
    ("conversations.history", "invalid_ts_latest", "xoxb-deploy", r#"{"channel":"$general","latest":"now"}"#),
    (
        "conversations.history",
        "invalid_ts_oldest",
        "xoxb-deploy",
        r#"{"channel":"$general","oldest":"then"}"#,
    ),
    ("conversations.history", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet"}"#),
    ("conversations.history", "invalid_limit", "xoxb-deploy", r#"{"channel":"$general","limit":-5}"#),
    (
        "conversations.history",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","inclusive":"odd","include_all_metadata":true}"#,
    ),
    ("conversations.replies", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","ts":"$own"}"#),
    (
        "conversations.replies",
        "invalid_cursor",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","cursor":"odd"}"#,
    ),
    (
        "conversations.replies",
        "invalid_ts_latest",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","latest":"now"}"#,
    ),
    (
        "conversations.replies",
        "invalid_ts_oldest",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"$own","oldest":"then"}"#,
    ),
    (
        "conversations.replies",
        "thread_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","ts":"1600000000.000000"}"#,
    ),
    ("conversations.replies", "thread_not_found", "xoxb-deploy", r#"{"channel":"$general","ts":"$eph"}"#),
    ("conversations.replies", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("conversations.archive", "already_archived", "xoxb-deploy", r#"{"channel":"$attic"}"#),
    ("conversations.archive", "cant_archive_general", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("conversations.archive", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.archive", "method_not_supported_for_channel_type", "xoxb-deploy", r#"{"channel":"$dm"}"#),
    ("conversations.archive", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet"}"#),
    ("conversations.unarchive", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    (
        "conversations.unarchive",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm"}"#,
    ),
    ("conversations.unarchive", "not_archived", "xoxb-deploy", r#"{"channel":"$general"}"#),
    // Reactions, pins, topics, reading, user groups, messages for later
    (
        "reactions.add",
        "bad_timestamp",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"now","name":"eyes"}"#,
    ),
    (
        "reactions.add",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$leads","timestamp":"$own","name":"eyes"}"#,
    ),
    (
        "reactions.add",
        "invalid_name",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$own","name":"No Such"}"#,
    ),
    (
        "reactions.add",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"1600000000.000000","name":"eyes"}"#,
    ),
    ("reactions.add", "no_item_specified", "xoxb-deploy", r#"{"channel":"$general","name":"eyes"}"#),
    ("reactions.add", "no_item_specified", "xoxb-deploy", r#"{"name":"eyes"}"#),
    (
        "reactions.add",
        "not_in_channel",
        "xoxb-deploy",
        r#"{"channel":"$quiet","timestamp":"$own","name":"eyes"}"#,
    ),
    (
        "reactions.add",
        "is_archived",
        "xoxb-deploy",
        r#"{"channel":"$attic","timestamp":"$own","name":"eyes"}"#,
    ),
    ("reactions.add", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$own"}"#),
    (
        "reactions.remove",
        "bad_timestamp",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"now","name":"eyes"}"#,
    ),
    (
        "reactions.remove",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$leads","timestamp":"$own","name":"eyes"}"#,
    ),
    (
        "reactions.remove",
        "invalid_name",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$own","name":"No Such"}"#,
    ),
    (
        "reactions.remove",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"1600000000.000000","name":"eyes"}"#,
    ),
    ("reactions.remove", "no_item_specified", "xoxb-deploy", r#"{"channel":"$general","name":"eyes"}"#),
    ("reactions.remove", "no_item_specified", "xoxb-deploy", r#"{"name":"eyes"}"#),
    (
        "reactions.remove",
        "not_in_channel",
        "xoxb-deploy",
        r#"{"channel":"$quiet","timestamp":"$own","name":"eyes"}"#,
    ),
    (
        "reactions.remove",
        "is_archived",
        "xoxb-deploy",
        r#"{"channel":"$attic","timestamp":"$own","name":"eyes"}"#,
    ),
    ("reactions.remove", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$own"}"#),
    (
        "reactions.add",
        "already_reacted",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$own","name":"tada"}"#,
    ),
    (
        "reactions.add",
        "not_reactable",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$stone","name":"eyes"}"#,
    ),
    (
        "reactions.remove",
        "no_reaction",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$own","name":"wave"}"#,
    ),
    ("reactions.remove", "file_not_found", "xoxb-deploy", r#"{"file":"F1","name":"eyes"}"#),
    ("reactions.remove", "file_comment_not_found", "xoxb-deploy", r#"{"file_comment":"Fc1","name":"eyes"}"#),
    ("reactions.get", "file_not_found", "xoxb-deploy", r#"{"file":"F1"}"#),
    ("reactions.get", "file_comment_not_found", "xoxb-deploy", r#"{"file_comment":"Fc1"}"#),
    ("reactions.get", "bad_timestamp", "xoxb-deploy", r#"{"channel":"$general","timestamp":"now"}"#),
    ("reactions.get", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","timestamp":"$own"}"#),
    (
        "reactions.get",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"1600000000.000000"}"#,
    ),
    ("reactions.get", "message_not_found", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$stone"}"#),
    ("reactions.get", "no_item_specified", "xoxb-deploy", "{}"),
    (
        "reactions.get",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"$own","full":"odd"}"#,
    ),
    ("reactions.list", "user_not_found", "xoxb-deploy", r#"{"user":"U01NOBODY"}"#),
    ("reactions.list", "invalid_cursor", "xoxb-deploy", r#"{"cursor":"odd"}"#),
    ("reactions.list", "invalid_arguments", "xoxb-deploy", r#"{"count":"odd","page":1,"limit":1}"#),
    ("reactions.list", "team_not_found", "xoxb-deploy", r#"{"team_id":"T01OTHER"}"#),
    ("reactions.list", "missing_scope", "xoxb-none", "{}"),
    ("pins.add", "bad_timestamp", "xoxb-deploy", r#"{"channel":"$general","timestamp":"now"}"#),
    ("pins.add", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","timestamp":"$own"}"#),
    ("pins.add", "file_not_found", "xoxb-deploy", r#"{"file":"F1"}"#),
    (
        "pins.add",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"1600000000.000000"}"#,
    ),
    ("pins.add", "no_item_specified", "xoxb-deploy", "{}"),
    ("pins.add", "restricted_action", "xoxb-deploy", r#"{"channel":"$attic","timestamp":"$own"}"#),
    ("pins.add", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","timestamp":"$own"}"#),
    ("pins.remove", "bad_timestamp", "xoxb-deploy", r#"{"channel":"$general","timestamp":"now"}"#),
    ("pins.remove", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","timestamp":"$own"}"#),
    ("pins.remove", "file_not_found", "xoxb-deploy", r#"{"file":"F1"}"#),
    (
        "pins.remove",
        "message_not_found",
        "xoxb-deploy",
        r#"{"channel":"$general","timestamp":"1600000000.000000"}"#,
    ),
    ("pins.remove", "no_item_specified", "xoxb-deploy", "{}"),
    ("pins.remove", "restricted_action", "xoxb-deploy", r#"{"channel":"$attic","timestamp":"$own"}"#),
    ("pins.remove", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","timestamp":"$own"}"#),
    ("pins.add", "already_pinned", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$own"}"#),
    ("pins.add", "not_pinnable", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$stone"}"#),
    ("pins.remove", "file_comment_not_found", "xoxb-deploy", r#"{"file_comment":"Fc1"}"#),
    ("pins.remove", "no_pin", "xoxb-deploy", r#"{"channel":"$general","timestamp":"$bens"}"#),
    ("pins.list", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("conversations.rename", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","name":"x"}"#),
    (
        "conversations.rename",
        "invalid_name_maxlength",
        "xoxb-deploy",
        r#"{"channel":"$alone","name":"$name81"}"#,
    ),
    (
        "conversations.rename",
        "invalid_name_punctuation",
        "xoxb-deploy",
        r#"{"channel":"$alone","name":"--"}"#,
    ),
    ("conversations.rename", "invalid_name_required", "xoxb-deploy", r#"{"channel":"$alone"}"#),
    (
        "conversations.rename",
        "invalid_name_specials",
        "xoxb-deploy",
        r#"{"channel":"$alone","name":"Capital"}"#,
    ),
    ("conversations.rename", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","name":"x"}"#),
    (
        "conversations.rename",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm","name":"x"}"#,
    ),
    ("conversations.rename", "name_taken", "xoxb-deploy", r#"{"channel":"$alone","name":"general"}"#),
    ("conversations.rename", "not_authorized", "xoxb-deploy", r#"{"channel":"$general","name":"x"}"#),
    ("conversations.rename", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","name":"x"}"#),
    ("conversations.setTopic", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","topic":"x"}"#),
    ("conversations.setTopic", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","topic":"x"}"#),
    (
        "conversations.setTopic",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm","topic":"x"}"#,
    ),
    ("conversations.setTopic", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","topic":"x"}"#),
    (
        "conversations.setTopic",
        "too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","topic":"$name81$name81$name81$name81"}"#,
    ),
    ("conversations.setTopic", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("conversations.setPurpose", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","purpose":"x"}"#),
    ("conversations.setPurpose", "is_archived", "xoxb-deploy", r#"{"channel":"$attic","purpose":"x"}"#),
    (
        "conversations.setPurpose",
        "method_not_supported_for_channel_type",
        "xoxb-deploy",
        r#"{"channel":"$dm","purpose":"x"}"#,
    ),
    ("conversations.setPurpose", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","purpose":"x"}"#),
    (
        "conversations.setPurpose",
        "too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","purpose":"$name81$name81$name81$name81"}"#,
    ),
    ("conversations.setPurpose", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("conversations.mark", "channel_not_found", "xoxb-deploy", r#"{"channel":"$leads","ts":"$own"}"#),
    ("conversations.mark", "invalid_timestamp", "xoxb-deploy", r#"{"channel":"$general","ts":"now"}"#),
    ("conversations.mark", "not_in_channel", "xoxb-deploy", r#"{"channel":"$quiet","ts":"$own"}"#),
    ("conversations.mark", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general"}"#),
    ("users.getPresence", "user_not_found", "xoxb-deploy", r#"{"user":"U01NOBODY"}"#),
    ("users.profile.get", "user_not_found", "xoxb-deploy", r#"{"user":"U01NOBODY"}"#),
    ("users.profile.get", "token_revoked", "xoxb-revoked", "{}"),
    ("users.profile.get", "invalid_arguments", "xoxb-deploy", r#"{"include_labels":"odd"}"#),
    ("usergroups.list", "invalid_team", "xoxb-deploy", r#"{"team_id":"T01OTHER"}"#),
    (
        "usergroups.list",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"include_disabled":"odd","include_users":true,"include_count":true}"#,
    ),
    (
        "usergroups.users.list",
        "no_such_subteam",
        "xoxb-deploy",
        r#"{"usergroup":"S01NOBODY","include_disabled":true}"#,
    ),
    ("usergroups.users.list", "invalid_arguments", "xoxb-deploy", "{}"),
    (
        "chat.scheduleMessage",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$leads","text":"x","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_blocks",
        "xoxb-deploy",
        r#"{"channel":"$general","blocks":[{"type":"section"}],"post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_blocks_format",
        "xoxb-deploy",
        r#"{"channel":"$general","blocks":"{","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","attachments":"{","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_metadata_format",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":"{","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_metadata_schema",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":{"a":1},"post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "invalid_time",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","post_at":"soon"}"#,
    ),
    (
        "chat.scheduleMessage",
        "is_archived",
        "xoxb-deploy",
        r#"{"channel":"$attic","text":"x","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "markdown_text_conflict",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","markdown_text":"y","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "metadata_too_large",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","metadata":{"event_type":"e","event_payload":{"x":"$long"}},"post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "msg_too_long",
        "xoxb-deploy",
        r#"{"channel":"$general","markdown_text":"$long","post_at":9999999999}"#,
    ),
    ("chat.scheduleMessage", "no_text", "xoxb-deploy", r#"{"channel":"$general","post_at":9999999999}"#),
    (
        "chat.scheduleMessage",
        "not_in_channel",
        "xoxb-member",
        r#"{"channel":"$quiet","text":"x","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "time_in_past",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","thread_ts":"$own","reply_broadcast":true,"post_at":1}"#,
    ),
    (
        "chat.scheduleMessage",
        "time_too_far",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","post_at":9999999999}"#,
    ),
    (
        "chat.scheduleMessage",
        "too_many_attachments",
        "xoxb-deploy",
        r#"{"channel":"$general","attachments":$hundred_and_one,"post_at":9999999999}"#,
    ),
    ("chat.scheduleMessage", "invalid_arguments", "xoxb-deploy", r#"{"channel":"$general","text":"x"}"#),
    (
        "chat.scheduleMessage",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","text":"x","as_user":false,"post_at":9999999999}"#,
    ),
    (
        "chat.deleteScheduledMessage",
        "channel_not_found",
        "xoxb-deploy",
        r#"{"channel":"$leads","scheduled_message_id":"Q1"}"#,
    ),
    (
        "chat.deleteScheduledMessage",
        "invalid_scheduled_message_id",
        "xoxb-deploy",
        r#"{"channel":"$general","scheduled_message_id":"Q1"}"#,
    ),
    (
        "chat.deleteScheduledMessage",
        "invalid_scheduled_message_id",
        "xoxb-deploy",
        r#"{"channel":"$general","scheduled_message_id":"Q0000000000A1"}"#,
    ),
    (
        "chat.deleteScheduledMessage",
        "invalid_arguments",
        "xoxb-deploy",
        r#"{"channel":"$general","as_user":"odd"}"#,
    ),
    ("chat.scheduledMessages.list", "invalid_channel", "xoxb-deploy", r#"{"channel":"$leads"}"#),
    ("chat.scheduledMessages.list", "invalid_cursor", "xoxb-deploy", r#"{"cursor":"odd"}"#),
    ("chat.scheduledMessages.list", "invalid_limit", "xoxb-deploy", r#"{"limit":"odd"}"#),
    ("chat.scheduledMessages.list", "invalid_time", "xoxb-deploy", r#"{"oldest":"then","latest":"now"}"#),
    ("chat.scheduledMessages.list", "team_not_found", "xoxb-deploy", r#"{"team_id":"T01OTHER"}"#),
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

/// Codes of the encoding: code, content type, body.
const ENCODINGS: &[(&str, &str, &str)] = &[
    ("invalid_charset", "application/json; charset=koi8-r", "{}"),
    ("invalid_form_data", "application/x-www-form-urlencoded", "channel=%ff"),
    ("invalid_form_data", "multipart/form-data", "x"),
    ("invalid_json", "application/json; charset=utf-8", "{"),
    ("json_not_object", "application/json; charset=utf-8", "[1]"),
    ("invalid_post_type", "application/xml", "<a/>"),
    ("missing_post_type", "", "x"),
    ("invalid_array_arg", "application/x-www-form-urlencoded", "users[]=1"),
    ("invalid_arg_name", "application/x-www-form-urlencoded", "a-b=1"),
];

/// Verb, path below `/v3/conversations`, body, status and code.
type ConnectorRow = (&'static str, &'static str, &'static str, &'static str);

const CONNECTOR: &[ConnectorRow] = &[
    ("POST", "/$g/activities", "{}", "400 BadArgument"),
    ("POST", "/$g/activities", r#"{"type":"event"}"#, "400 BadArgument"),
    (
        "POST",
        "/$g/activities",
        r#"{"type":"message","text":"x","channelData":{"redraft":{"idempotency_key":7}}}"#,
        "400 BadArgument",
    ),
    ("POST", "/$g/activities", r#"{"type":"message"}"#, "400 BadSyntax"),
    ("POST", "", r#"{"isGroup":true,"members":[{"id":"29:1ben"}]}"#, "400 BadSyntax"),
    ("POST", "", "{}", "400 BadSyntax"),
    ("POST", "", r#"{"isGroup":true,"channelData":{"channel":{"id":"$g"}}}"#, "400 BadSyntax"),
    ("POST", "", r#"{"members":[{"id":"29:1ben"},{"id":"29:1ada"}]}"#, "400 BadSyntax"),
    ("POST", "", r#"{"members":[{"id":"29:1ben"}],"tenantId":"other"}"#, "400 BadSyntax"),
    ("POST", "", r#"{"members":[{"id":"29:1nobody"}]}"#, "404 ConversationNotFound"),
    ("POST", "", r#"{"members":[{"id":"29:1ben"}],"activity":{"type":"message"}}"#, "400 BadSyntax"),
    (
        "POST",
        "/19:nowhere@thread.tacv2/activities",
        r#"{"type":"message","text":"x"}"#,
        "404 ConversationNotFound",
    ),
    ("POST", "/$former/activities", r#"{"type":"message","text":"x"}"#, "403 BotNotInConversationRoster"),
    ("POST", "/$old/activities", r#"{"type":"message","text":"x"}"#, "403 NotEnoughPermissions"),
    ("PUT", "/$g/activities/$bens_id", r#"{"type":"message","text":"x"}"#, "403 NotEnoughPermissions"),
    ("PUT", "/$g/activities/1", r#"{"type":"message","text":"x"}"#, "404 ActivityNotFoundInConversation"),
    (
        "PUT",
        "/$g/activities/$eph_id",
        r#"{"type":"message","text":"x"}"#,
        "404 ActivityNotFoundInConversation",
    ),
    (
        "PUT",
        "/$g/activities/$mine",
        r#"{"type":"message","text":"x","channelData":{"redraft":{"if_revision":9}}}"#,
        "412 PreconditionFailed",
    ),
    ("POST", "/$g/activities", r#"{"type":"message","text":"$fat"}"#, "413 MessageSizeTooBig"),
    ("DELETE", "/$g/activities/1", "", "404 ActivityNotFoundInConversation"),
    ("GET", "/$g/members/29:1nobody", "", "404 MemberNotFoundInConversation"),
    ("GET", "/19:nowhere@thread.tacv2/members", "", "404 ConversationNotFound"),
    ("GET", "/$g/pagedmembers?pageSize=odd", "", "400 BadArgument"),
    ("GET", "/$g/pagedmembers?continuationToken=odd", "", "400 BadArgument"),
    ("GET", "/$g", "", "404 BadArgument"),
    ("POST", "/$g/attachments", "{}", "400 BadSyntax"),
    ("POST", "/$g/others", "{}", "404 BadArgument"),
    ("DELETE", "/$g/members/29:1ben", "", "405 BadArgument"),
];

/// Client id, secret, further form, status and code of the token endpoint.
const TOKENS: &[(&str, &str, &str, &str)] = &[
    ("", "", "", "400 invalid_request"),
    ("$id", "$secret", "&grant_type=password", "400 unsupported_grant_type"),
    ("$id", "$secret", "&grant_type=client_credentials", "400 invalid_scope"),
    (
        "$id",
        "$secret",
        "&grant_type=client_credentials&scope=https://graph.microsoft.com/.default",
        "400 invalid_scope",
    ),
    (
        "nobody",
        "$secret",
        "&grant_type=client_credentials&scope=https://api.botframework.com/.default",
        "400 unauthorized_client",
    ),
    (
        "$id",
        "wrong",
        "&grant_type=client_credentials&scope=https://api.botframework.com/.default",
        "401 invalid_client",
    ),
    ("$id", "$secret", "&grant_type=client_credentials&scope=https://api.botframework.com/.default", "200"),
    ("$id", "$secret", "&grant_type=client_credentials&resource=https://api.botframework.com", "200"),
];

fn world() -> World {
    let world = World::new();
    tokens(&world);
    for (name, value) in [
        ("general", GENERAL),
        ("random", RANDOM),
        ("leads", LEADS),
        ("attic", ATTIC),
        ("g", GENERAL_19),
        ("former", "19:former@thread.tacv2"),
        ("old", "19:old@thread.tacv2"),
        ("quiet", "C01QUIET"),
    ] {
        world.name(name, value);
    }
    channels(&world);
    texts(&world);
    messages(&world);
    world
}

fn tokens(world: &World) {
    world.controlled("POST", "/people", &json!({"name": "eve", "id": "U01EVE"}));
    (0..9).for_each(|n| {
        world.controlled("POST", "/people", &json!({"name": format!("p{n}"), "id": format!("U01P{n}")}));
    });
    world.controlled(
        "POST",
        "/apps",
        &json!({"kind": "slack", "name": "gone", "bot_token": "xoxb-uninstalled"}),
    );
    let read = ["channels:read", "channels:history"];
    for (token, user, scopes, seconds) in [
        ("xoxp-eve", Some("eve"), vec!["chat:write"], None),
        ("xoxb-none", None, vec![], None),
        ("xoxb-public", None, read.to_vec(), None),
        ("xoxb-member", None, vec!["chat:write"], None),
        ("xoxb-revoked", None, vec!["chat:write"], None),
        ("xoxb-expired", None, vec!["chat:write"], Some(1)),
    ] {
        let body = json!({"app": "deploybot", "user": user, "token": token, "scopes": scopes, "expires_in_seconds": seconds});
        world.controlled("POST", "/tokens", &body);
    }
    world.controlled("PATCH", "/people/eve", &json!({"deactivated": true}));
    world.controlled("DELETE", "/tokens/xoxb-revoked", &Value::Null);
    world.controlled("DELETE", "/apps/gone", &Value::Null);
}

fn channels(world: &World) {
    let opened = world.ok(DEPLOY, "conversations.open", &json!({"users": "U01BEN"}));
    world.name("dm", text_of(&opened["channel"], "id"));
    let alone = world.ok(DEPLOY, "conversations.create", &json!({"name": "alone", "is_private": true}));
    world.name("alone", text_of(&alone["channel"], "id"));
    world.controlled("POST", "/channels", &json!({"name": "quiet", "id": "C01QUIET", "members": ["ada"]}));
    let apps = world.controlled("GET", "/apps", &Value::Null);
    let helpdesk =
        apps["apps"].as_array().unwrap().iter().find(|app| app["name"] == "helpdesk").unwrap().clone();
    let user = text_of(&helpdesk, "bot_user_id");
    for name in ["former", "old"] {
        let body = json!({"name": name, "conversation_id": format!("19:{name}@thread.tacv2")});
        world.controlled("POST", "/channels", &body);
        world.controlled("PUT", &format!("/channels/{name}/members/{user}"), &Value::Null);
    }
    world.controlled("DELETE", &format!("/channels/former/members/{user}"), &Value::Null);
    world.controlled("PATCH", "/channels/old", &json!({"archived": true}));
}

fn texts(world: &World) {
    world.name("long", "x".repeat(16_000));
    world.name("longest", "x".repeat(40_001));
    world.name("fat", "x".repeat(51_200));
    world.name("huge", "x".repeat(400_000));
    world.name("name81", "n".repeat(81));
    let section = json!({"type": "section", "text": {"type": "plain_text", "text": "x".repeat(2900)}});
    world.name("section", section.to_string());
    world.name("hundred_and_one", json!(vec![json!({"text": "a"}); 101]).to_string());
}

fn messages(world: &World) {
    let bens = world.post(BEN, GENERAL, "ben's");
    world.name("bens_id", bens.replace('.', ""));
    world.name("bens", bens);
    world.name("own", world.post(DEPLOY, GENERAL, "own"));
    let marked = world.args(r#"{"channel":"$general","timestamp":"$own","name":"tada"}"#);
    world.ok(DEPLOY, "reactions.add", &marked);
    world.ok(DEPLOY, "pins.add", &marked);
    let root = world.post(DEPLOY, GENERAL, "root");
    world.name("reply", world.reply(DEPLOY, GENERAL, &root, "reply"));
    world.name("stone", world.tombstone(DEPLOY, GENERAL).0);
    world.name("mine", world.sends(&world.bot(HELPDESK), GENERAL_19, "mine"));
    world.ok(
        DEPLOY,
        "chat.postMessage",
        &world.args(r#"{"channel":"$general","text":"x","client_msg_id":"used"}"#),
    );
    let args = world.args(r#"{"channel":"$general","ts":"$own","text":"other","idempotency_key":"update"}"#);
    world.ok(DEPLOY, "chat.update", &args);
    world.controlled("PATCH", "", &json!({"settings": {"edit_window_seconds": 60}}));
    world.controlled("POST", "/clock", &json!({"advance_ms": 82_800_000}));
    let ephemeral = world.ephemeral(DEPLOY, GENERAL);
    world.name("eph_id", ephemeral.replace('.', ""));
    world.name("eph", ephemeral);
    // An hour short of a day, so that keys are still known; then replies are old.
    let reply = world.fill("$reply");
    let posted: f64 = reply.parse().unwrap();
    let now: f64 = world.fill("$eph").parse().unwrap();
    assert!(now - posted < 86_400.0);
}

#[test]
fn every_row_gives_its_code() {
    let world = world();
    let late = |code: &str| code == "no_dual_broadcast_content_update";
    let mut wrong: Vec<String> =
        ROWS.iter().filter(|row| !late(row.1)).filter_map(|row| check(&world, row)).collect();
    world.controlled("POST", "/clock", &json!({"advance_ms": 3_600_000}));
    wrong.extend(ROWS.iter().filter(|row| late(row.1)).filter_map(|row| check(&world, row)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (code, kind, body) in ENCODINGS {
        let url = format!("{}/api/chat.postMessage", world.server.url);
        let answer =
            client::send("POST", &url, &[("authorization", "Bearer xoxb-deploy")], (kind, body.as_bytes()));
        assert_eq!((answer.status, answer.code()), (200, *code), "{kind}: {}", answer.body);
    }
    println!("errors: {} rows", ROWS.len() + ENCODINGS.len());
    world.is_well();
}

/// What is wrong with the answer to a row, if anything is.
fn check(world: &World, (method, code, token, args): &Row) -> Option<String> {
    let before = world.log_end();
    let answer = world.slack(token, method, &world.args(args));
    let shown = format!("{method} {code} {token} {args:.80}: {:.300}", answer.body);
    if (answer.status, answer.code()) != (200, *code) {
        return Some(shown);
    }
    if world.log_end() != before {
        return Some(format!("{shown}: a refusal changed something"));
    }
    let silent = *code != "unknown_method" && answer.reasons().is_empty();
    silent.then(|| format!("{shown}: no reason is given"))
}

#[test]
fn every_connector_row_gives_its_code() {
    let world = world();
    let bot = world.bot(HELPDESK);
    for (verb, path, body, expected) in CONNECTOR {
        let before = world.log_end();
        let body = if body.is_empty() { Value::Null } else { world.args(body) };
        let answer = world.connector(&bot, verb, &world.fill(path), &body);
        assert_eq!(answer.outcome(), *expected, "{verb} {path}: {}", answer.body);
        assert!(!answer.json["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(answer.status == 405, !answer.header("allow").is_empty(), "{verb} {path}");
        assert_eq!(world.log_end(), before, "{verb} {path}: a refusal changed something");
    }
    let denied = world.connector("nonsense", "GET", &format!("/{GENERAL_19}/members"), &Value::Null);
    assert_eq!(
        (denied.outcome().as_str(), denied.header("www-authenticate")),
        ("401 BotNotRegistered", "Bearer")
    );
    for (id, secret, more, expected) in TOKENS {
        let (id, secret) = (id.replace("$id", HELPDESK.0), secret.replace("$secret", HELPDESK.1));
        let body = format!("client_id={id}&client_secret={secret}{more}");
        for path in ["oauth2/v2.0/token", "oauth2/token"] {
            let url = format!("{}/botframework.com/{path}", world.server.url);
            let answer =
                client::send("POST", &url, &[], ("application/x-www-form-urlencoded", body.as_bytes()));
            let error = answer.json["error"].as_str().map_or(String::new(), |error| format!(" {error}"));
            assert_eq!(format!("{}{error}", answer.status), *expected, "{more}: {}", answer.body);
            let described =
                answer.json["error_description"].as_str().is_some_and(|text| text.starts_with("AADSTS"));
            assert_eq!(described, *expected != "200");
        }
    }
    println!("errors: {} rows of the Connector", CONNECTOR.len() + 1 + TOKENS.len() * 2);
    world.is_well();
}

/// A channel that holds no more members.
#[test]
fn a_full_channel() {
    let folder = crate::support::Folder::new("full");
    let seed = folder.join("full.yaml");
    let people: Vec<Value> = (0..50_000).map(|n| json!({"name": format!("p{n}")})).collect();
    let channel = json!({"name": "full", "id": "C01FULL"});
    let app = json!({"kind": "slack", "name": "bot", "bot_token": "xoxb-bot", "channels": []});
    let world = json!({"people": people, "channels": [channel], "apps": [app]});
    std::fs::write(&seed, world.to_string()).unwrap();
    let server = crate::support::Server::start(&["--memory", "--seed", seed.to_str().unwrap()]);
    let joined = slack(&server.url, "xoxb-bot", "conversations.join", &json!({"channel": "C01FULL"}));
    assert_eq!(joined.code(), "too_many_members", "{}", joined.body);
}

/// Method and code of every row.
fn produced() -> BTreeSet<(String, String)> {
    let rows = ROWS.iter().map(|(method, code, ..)| (*method, *code));
    let rows = rows.chain(ELSEWHERE.iter().map(|(method, code, _)| (*method, *code)));
    let encodings = ENCODINGS.iter().map(|(code, ..)| ("every method", *code));
    let connector =
        CONNECTOR.iter().map(|(.., outcome)| ("Connector", outcome.split(' ').next_back().unwrap()));
    let all = rows.chain(encodings).chain(connector).chain([("Connector", "BotNotRegistered")]);
    all.map(|(method, code)| (method.to_owned(), code.to_owned())).collect()
}

const CONNECTOR_CODES: &[&str] = &[
    connector::BAD_ARGUMENT,
    connector::BAD_SYNTAX,
    connector::MISSING_PROPERTY,
    connector::BOT_NOT_REGISTERED,
    connector::BOT_DISABLED_BY_ADMIN,
    connector::BOT_NOT_IN_CONVERSATION_ROSTER,
    connector::CONVERSATION_BLOCKED_BY_USER,
    connector::INVALID_BOT_API_HOST,
    connector::NOT_ENOUGH_PERMISSIONS,
    connector::SERVICE_ERROR,
    connector::CONTENT_STREAM_NOT_ALLOWED,
    connector::ACTIVITY_NOT_FOUND_IN_CONVERSATION,
    connector::CONVERSATION_NOT_FOUND,
    connector::MEMBER_NOT_FOUND_IN_CONVERSATION,
    connector::PRECONDITION_FAILED,
    connector::MESSAGE_SIZE_TOO_BIG,
    connector::THROTTLED,
];

/// Every documented code is produced by a row, or `docs/COVERAGE.md` says why it cannot occur; never both.
#[test]
fn no_documented_code_is_forgotten() {
    let coverage = Coverage::read();
    let produced = produced();
    let anywhere: BTreeSet<&String> = produced.iter().map(|(_, code)| code).collect();
    let global = GLOBAL.iter().map(|code| ("every method", *code));
    let methods = METHODS.iter().flat_map(|method| documented(method).iter().map(|code| (*method, *code)));
    let connector = CONNECTOR_CODES.iter().map(|code| ("Connector", *code));
    let mut wrong = Vec::new();
    let mut all = BTreeSet::new();
    for (method, code) in global.chain(methods).chain(connector) {
        all.insert((method.to_owned(), code.to_owned()));
        let made = produced.contains(&(method.into(), code.into()));
        let made = made || (method == "every method" && anywhere.contains(&code.to_owned()));
        match (made, coverage.cannot_occur(method, code)) {
            (false, false) => wrong.push(format!("{method} {code}: neither produced nor explained")),
            (true, true) => wrong.push(format!("{method} {code}: produced, yet said to be unable to occur")),
            _ => {}
        }
    }
    let listed = coverage.impossible.iter().filter(|entry| !all.contains(*entry));
    wrong.extend(listed.map(|(method, code)| format!("{method} {code}: explained, but not documented")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("errors: {} documented codes, {} unable to occur", all.len(), coverage.impossible.len());
}

/// Every method and argument of a row has its line in `docs/COVERAGE.md`, and every test that is named there exists.
#[test]
fn coverage_names_what_the_rows_use() {
    let coverage = Coverage::read();
    let mut wrong = Vec::new();
    for (method, code, _, args) in ROWS.iter().filter(|row| row.1 != "unknown_method") {
        if !coverage.methods.contains_key(*method) {
            wrong.push(format!("{method}: no section"));
            continue;
        }
        let odd = ["invalid_array_arg", "invalid_arg_name"].contains(code);
        let quoted = args.split('"').skip(1).step_by(2).filter(|_| !odd);
        let args: Vec<&str> =
            top_level(args).into_iter().filter(|name| quoted.clone().any(|it| it == *name)).collect();
        wrong.extend(
            args.iter()
                .filter(|name| !coverage.has(method, name))
                .map(|name| format!("{method} {name}: no row")),
        );
    }
    wrong.extend(
        METHODS.iter().filter(|method| !coverage.methods.contains_key(**method)).map(|it| (*it).to_owned()),
    );
    wrong.extend(coverage.missing_tests());
    wrong.extend(
        ELSEWHERE
            .iter()
            .filter(|(.., test)| !Coverage::exists(test))
            .map(|(.., test)| format!("{test}: no such test")),
    );
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every argument that the code of the Web API reads has a line of some method in `docs/COVERAGE.md`.
#[test]
fn coverage_names_what_the_code_reads() {
    let coverage = Coverage::read();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/server/src/slack");
    let mut read = BTreeSet::new();
    for file in crate::coverage::sources(&folder) {
        let source = std::fs::read_to_string(file).unwrap();
        for way in ["required", "filled", "text", "flag", "number", "list", "has"] {
            let start = format!("args.{way}(\"");
            let calls = source.split(&start).skip(1);
            read.extend(calls.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    assert!(20 < read.len(), "{read:?}");
    let known: BTreeSet<&String> = METHODS.iter().flat_map(|method| &coverage.methods[*method]).collect();
    let missing: Vec<&String> = read.iter().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The names of an object's own members, placeholders and all.
fn top_level(object: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start, mut inside) = (0, None, false);
    for (place, char) in object.char_indices() {
        match char {
            '"' if !inside => (inside, start) = (true, Some(place + 1)),
            '"' => {
                inside = false;
                let name = start.map(|start| &object[start..place]).unwrap_or_default();
                if depth == 1 && object[place + 1..].starts_with(':') {
                    names.push(name);
                }
            }
            '{' | '[' if !inside => depth += 1,
            '}' | ']' if !inside => depth -= 1,
            _ => {}
        }
    }
    names
}
