//! Codes of the Connector and of its token endpoint.

use redraft_wire::connector::errors as connector;

/// Verb, path below `/v3/conversations`, body, status and code.
pub type ConnectorRow = (&'static str, &'static str, &'static str, &'static str);

pub const CONNECTOR: &[ConnectorRow] = &[
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
pub const TOKENS: &[(&str, &str, &str, &str)] = &[
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

/// Every code of the Connector that we know.
pub const CONNECTOR_CODES: &[&str] = &[
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
