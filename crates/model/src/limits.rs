//! The limits that the rules themselves know. Lengths of texts, blocks and bodies are the dialects'.

/// How long a used idempotency key is remembered.
pub const IDEMPOTENCY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long an ephemeral message outlives its last change, unless the workspace says otherwise.
pub const EPHEMERAL_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long the content of deleted messages is kept, unless the workspace says otherwise: administrators can look at it.
pub const DELETED_CONTENT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long dead letters are kept, unless the workspace says otherwise.
pub const DEAD_LETTER_MICROS: i64 = 30 * 24 * 60 * 60 * 1_000_000;

/// The longest time that a workspace may keep something of this: ten years.
pub const RETENTION_MICROS_MAX: i64 = 10 * 365 * 24 * 60 * 60 * 1_000_000;

/// The shortest time that ephemeral messages last.
pub const EPHEMERAL_MICROS_MIN: i64 = 1_000_000;

/// So long after its retention is over, content is erased whatever delivery still waits for it: a week.
pub const ERASED_AT_LATEST_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// From this age on a reply is "old": broadcasting it and changing its content must be two calls. The platform names
/// the rule (`no_dual_broadcast_content_update`) but not the age, so this is a guess.
pub const OLD_REPLY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long a text may stream in (Teams: two minutes).
pub const STREAM_MICROS: i64 = 2 * 60 * 1_000_000;

/// Different emoji among the reactions of one message, as Slack's help centre says.
pub const REACTION_EMOJI_MAX: usize = 50;

/// Reactions of one person to one message, as Slack's help centre says.
pub const REACTIONS_OF_ONE_MAX: usize = 23;

/// How long a Slack stream may go on after it began. Slack says nothing about it; five minutes and some seconds were
/// observed, however often pieces come.
pub const APPENDED_STREAM_MICROS: i64 = 5 * 60 * 1_000_000;

/// Bytes of all pieces of a Slack stream.
pub const STREAM_BYTES_MAX: u32 = 1 << 20;

/// Pieces of a Slack stream.
pub const STREAM_PIECES_MAX: u32 = 100_000;

/// The pause between two events for the readers of a Slack stream.
pub const STREAM_TOLD_MICROS: i64 = 250_000;

/// Reactions that one message may have.
pub const REACTIONS_MAX: usize = 1000;

/// How long a `response_url` lasts.
pub const RESPONSE_URL_MICROS: i64 = 30 * 60 * 1_000_000;

/// How long a `trigger_id` lasts.
pub const TRIGGER_MICROS: i64 = 3 * 1_000_000;

/// Modals that may lie on one another (`push_limit_reached`).
pub const MODALS_MAX: usize = 3;

/// How long an OAuth code lasts.
pub const CODE_MICROS: i64 = 10 * 60 * 1_000_000;

/// How long the bytes of a file may be sent. A guess.
pub const UPLOAD_MICROS: i64 = 60 * 60 * 1_000_000;

/// How long it is known what a grant was that is over.
pub const GRANT_KEPT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Files that one message may share (`max_file_sharing_exceeded`).
pub const FILES_OF_MESSAGE_MAX: usize = 10;

/// Bytes of all files and attachments of one workspace (`storage_limit_reached`): a gigabyte.
pub const BLOB_BYTES_MAX: u64 = 1 << 30;

/// How long a file may be announced, or its bytes be there, without being completed.
pub const UNCOMPLETED_FILE_MICROS: i64 = UPLOAD_MICROS + GRANT_KEPT_MICROS;

/// How long an attachment is kept that no message names, or no more.
pub const UNNAMED_ATTACHMENT_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// Attachments that one message keeps by naming them; more are kept as if nothing named them.
pub const ATTACHMENTS_OF_MESSAGE_MAX: usize = 20;

/// Messages that may share one file (`file_share_limit_reached`). A guess.
pub const FILE_SHARES_MAX: usize = 100;

/// Messages that a conversation may have pinned (`too_many_pins`).
pub const PINS_MAX: usize = 100;
/// Accepted answers through one `response_url`.
pub const RESPONSE_URL_USES_MAX: u32 = 5;

/// Former names of a channel that are remembered.
pub const PREVIOUS_NAMES_MAX: usize = 100;

/// How far ahead a message may be scheduled (`time_too_far`).
pub const SCHEDULED_AHEAD_MICROS: i64 = 120 * 24 * 60 * 60 * 1_000_000;

/// Messages that may be scheduled for one conversation within [`SCHEDULED_WINDOW_MICROS`] (`restricted_too_many`).
pub const SCHEDULED_IN_WINDOW_MAX: usize = 30;

/// The window of [`SCHEDULED_IN_WINDOW_MAX`].
pub const SCHEDULED_WINDOW_MICROS: i64 = 5 * 60 * 1_000_000;

/// So long before its time a scheduled message is taken back no more.
pub const SCHEDULED_FIXED_MICROS: i64 = 60 * 1_000_000;

/// How far a workspace's clock may be ahead of the machine's, all advances together: ten years. Times keep their digits then,
/// and no sum of a time and a duration leaves its range.
pub const CLOCK_AHEAD_MICROS_MAX: i64 = 10 * 365 * 24 * 60 * 60 * 1_000_000;

/// How long a replaced secret may stay good beside the new one: 90 days. Long enough for any deployment, and not for ever.
pub const SECRET_OVERLAP_MICROS_MAX: i64 = 90 * 24 * 60 * 60 * 1_000_000;

/// Bytes of where an audited request came from: an address with its zone.
pub const SOURCE_BYTES_MAX: usize = 64;

/// How many repliers a thread's root names (`reply_users`).
pub const REPLY_USERS_MAX: usize = 5;

/// Other people in a group direct message, the caller not counted (`conversations.open`).
pub const GROUP_MEMBERS_MAX: usize = 8;

/// Members that a conversation may have (`too_many_members`).
pub const MEMBERS_MAX: usize = 50_000;

/// People and bots, apps, conversations, user groups or tokens of one workspace, each kind by itself. They are kept in
/// memory.
pub const DIRECTORY_ENTRIES_MAX: usize = 200_000;

/// How long it is known what a token was that was revoked or expired. It is removed when a token is made later, and
/// earlier if there is no room for that one.
pub const ENDED_TOKEN_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;

/// Ended tokens that making one token removes.
pub const ENDED_TOKENS_REMOVED_MAX: usize = 100;

/// Incoming webhooks of an app.
pub const WEBHOOKS_MAX: usize = 1000;

/// User groups of a workspace. The platform lists them without a cursor.
pub const USER_GROUPS_MAX: usize = 1000;

/// Members of a user group.
pub const USER_GROUP_MEMBERS_MAX: usize = 1000;
