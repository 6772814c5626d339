//! The description of the control API, made from one table.

use serde_json::{Value, json};

/// Verb, path, what it does, and an example of its body.
const OPERATIONS: &[(&str, &str, &str, &str)] = &[
    ("get", "/authority", "The keys that sign the Connector's tokens, by name and state", ""),
    (
        "post",
        "/token/rotate",
        "Put a new token of this API in the old one's place, which opens it for a while by the machine's clock; both end with the process",
        r#"{"old_valid_seconds": 86400}"#,
    ),
    ("delete", "/token/old", "End the replaced token of this API now", ""),
    (
        "post",
        "/authority/rotate",
        "Take one step of replacing the key: publish a new one, use it, retire the old one",
        r#"{"step": "publish"}"#,
    ),
    (
        "post",
        "/purge",
        "Erase deleted content now, unless an app has not acknowledged the deletion yet, and empty the write-ahead log",
        "",
    ),
    ("get", "/workspaces", "All workspaces", ""),
    (
        "post",
        "/workspaces",
        "Make a workspace from a declaration; an empty body gives the workspace of a first start",
        r#"{"workspace": {"name": "Test"}, "people": [{"name": "ada", "admin": true, "token": "xoxp-ada"}], "apps": [{"kind": "slack", "name": "bot", "bot_token": "xoxb-bot"}]}"#,
    ),
    ("get", "/workspaces/{workspace}", "One workspace, by team id or tenant id", ""),
    (
        "patch",
        "/workspaces/{workspace}",
        "Change its name, its settings, how much it may hold, or several of them",
        r#"{"name": "Acme", "settings": {"edit_window_seconds": 60, "delete_window_seconds": null, "only_admins_delete": false, "deleted_content_seconds": 86400, "superseded_revisions_seconds": null, "dead_letters_seconds": 2592000, "ephemeral_messages_seconds": 86400}, "quotas": {"messages": 100000, "bytes": null}}"#,
    ),
    ("delete", "/workspaces/{workspace}", "Drop it with everything in it", ""),
    (
        "post",
        "/workspaces/{workspace}/reset",
        "Make it again as it was declared: same ids and tokens, no messages",
        "",
    ),
    ("post", "/workspaces/{workspace}/clock", "Advance its clock", r#"{"advance_ms": 60000}"#),
    ("get", "/workspaces/{workspace}/people", "People", ""),
    (
        "post",
        "/workspaces/{workspace}/people",
        "Add a person",
        r#"{"name": "dora", "email": "dora@acme.example", "admin": false}"#,
    ),
    (
        "patch",
        "/workspaces/{workspace}/people/{person}",
        "Change a person, by id or name",
        r#"{"admin": true, "away": false, "deactivated": false}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/messages",
        "Write a message in a person's name, to a channel or to the people and bots of a chat; @name mentions",
        r#"{"channel": "general", "text": "Good morning, @helpdesk", "thread_ts": null}"#,
    ),
    (
        "patch",
        "/workspaces/{workspace}/people/{person}/messages/{channel}/{ts}",
        "Change a message of theirs",
        r#"{"text": "Good evening", "if_revision": 1}"#,
    ),
    (
        "delete",
        "/workspaces/{workspace}/people/{person}/messages/{channel}/{ts}",
        "Delete a message, as far as they may",
        "",
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/reactions",
        "React to a message with the emoji of this short name",
        r#"{"channel": "general", "ts": "1700000000.000100", "name": "eyes"}"#,
    ),
    (
        "delete",
        "/workspaces/{workspace}/people/{person}/reactions",
        "Take a reaction back",
        r#"{"channel": "general", "ts": "1700000000.000100", "name": "eyes"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/typing",
        "Type: the bot of a personal chat receives a typing activity",
        r#"{"channel": "general"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/stop",
        "Stop a message that streams in",
        r#"{"channel": "general", "ts": "1700000000.000100"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/actions",
        "Press a button or use an element, named by its id, title, verb or place; the answer says what came of it",
        r#"{"channel": "general", "ts": "1700000000.000100", "action": "Vote", "inputs": {"drink": "tea"}}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/tasks",
        "Hand in a dialog: its card with an action (with like, if it is a feedback form), or the data of its page",
        r#"{"channel": "general", "ts": "1700000000.000100", "data": {"drink": "tea"}}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/feedback",
        "Say what they think of a bot's message",
        r#"{"channel": "general", "ts": "1700000000.000100", "like": true, "text": "Short and right"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/shortcuts",
        "Run a Slack app's shortcut: from anywhere, or on the message that channel and ts name",
        r#"{"callback_id": "file_bug", "channel": "general", "ts": "1700000000.000100"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/commands",
        "Type a slash command with what follows it; the answer says whether its app answered at once",
        r#"{"channel": "general", "command": "/deploy production"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/suggestions",
        "The options that a Slack app offers for an external select of a message, or of the modal that view names",
        r#"{"channel": "general", "ts": "1700000000.000100", "action": "Assignee", "query": "ada"}"#,
    ),
    (
        "get",
        "/workspaces/{workspace}/people/{person}/views",
        "Their open modals, the lowest first; wait_ms waits until there is one",
        "",
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/views/{view}/actions",
        "Use an element of a modal; inputs are what they have put in besides",
        r#"{"action": "Add a row", "inputs": {"Title": "A bug"}}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/views/{view}/submit",
        "Submit a modal with these inputs, by action_id, block_id or label; the answer says what came of it",
        r#"{"inputs": {"Title": "A bug", "severity": "high"}}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/people/{person}/views/{view}/close",
        "Close a modal, or all that are open",
        r#"{"all": false}"#,
    ),
    (
        "get",
        "/workspaces/{workspace}/people/{person}/channels/{channel}/messages",
        "The newest messages, or those of a thread, as a person sees them: with what only they see",
        "",
    ),
    ("get", "/workspaces/{workspace}/channels", "Channels and direct messages", ""),
    (
        "post",
        "/workspaces/{workspace}/channels",
        "Add a channel; members are people's names, everyone by default",
        r#"{"name": "ops", "private": false, "members": ["ada"]}"#,
    ),
    (
        "patch",
        "/workspaces/{workspace}/channels/{channel}",
        "Rename, archive or unarchive a channel, by id or name",
        r#"{"name": "operations", "archived": true}"#,
    ),
    (
        "get",
        "/workspaces/{workspace}/channels/{channel}/messages",
        "Its newest messages, of both dialects, or the replies of a thread",
        "",
    ),
    ("put", "/workspaces/{workspace}/channels/{channel}/members/{member}", "Add a member, by id or name", ""),
    ("delete", "/workspaces/{workspace}/channels/{channel}/members/{member}", "Remove a member", ""),
    ("get", "/workspaces/{workspace}/apps", "Apps", ""),
    (
        "post",
        "/workspaces/{workspace}/apps",
        "Register an app, of Slack with what its manifest says; the answer has its secrets, this once",
        r#"{"kind": "slack", "name": "greeter", "channels": ["general"], "scopes": ["chat:write", "commands"], "user_scopes": [], "redirect_urls": [], "endpoint": "http://127.0.0.1:3001/slack/events", "bot_events": ["app_mention"], "user_events": [], "metadata_events": [], "socket_mode": false, "interactivity_url": "http://127.0.0.1:3001/slack/events", "options_url": null, "commands": [{"command": "/greet", "url": "http://127.0.0.1:3001/slack/events", "description": "Greets", "usage_hint": "whom", "should_escape": false}], "shortcuts": [{"type": "message", "name": "Greet", "callback_id": "greet", "description": "Greets its author"}], "webhooks": [{"channel": "general"}]}"#,
    ),
    (
        "patch",
        "/workspaces/{workspace}/apps/{app}",
        "Change what an app subscribes to, where it receives it, and what it may do; null removes an address or an issuer",
        r#"{"endpoint": "http://127.0.0.1:3978/api/messages", "read_all": true, "expect_replies": false, "issuer": null, "anonymous": false}"#,
    ),
    ("delete", "/workspaces/{workspace}/apps/{app}", "Uninstall it: its tokens end, its messages stay", ""),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/webhooks",
        "Make an incoming webhook of a Slack app; the answer has its address, this once",
        r#"{"channel": "general"}"#,
    ),
    ("delete", "/workspaces/{workspace}/apps/{app}/webhooks/{webhook}", "End an incoming webhook", ""),
    (
        "get",
        "/workspaces/{workspace}/apps/{app}/deliveries",
        "What did not reach it: what waits for another attempt, and what was given up",
        "",
    ),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/deliveries/replay",
        "Try again what was given up: the event at one position, or all of it",
        r#"{"position": 7}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/verify",
        "Send a challenge to a Slack app's request URL, and say whether it was answered",
        "",
    ),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/codes",
        "Make a code with which a person installs a Slack app (oauth.v2.access); it lasts ten minutes and once",
        r#"{"user": "ada", "redirect_uri": "https://deploybot.example/oauth"}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/secrets",
        "Put a new password, client_secret or signing_secret in the old one's place, which stays good for a while by the workspace's clock; the answer has the new one, this once. Calls are signed with the old signing secret until it is over",
        r#"{"kind": "signing_secret", "old_valid_seconds": 86400}"#,
    ),
    (
        "delete",
        "/workspaces/{workspace}/apps/{app}/secrets/{kind}",
        "End the replaced secret of this kind now",
        "",
    ),
    ("get", "/workspaces/{workspace}/user-groups", "User groups", ""),
    (
        "post",
        "/workspaces/{workspace}/user-groups",
        "Add a user group; members are people's names or ids",
        r#"{"handle": "oncall", "name": "On call", "description": "", "members": ["ada"]}"#,
    ),
    (
        "patch",
        "/workspaces/{workspace}/user-groups/{group}",
        "Change a user group, by id or handle",
        r#"{"members": ["ada", "ben"], "disabled": false}"#,
    ),
    (
        "post",
        "/workspaces/{workspace}/apps/{app}/rate-limits",
        "Answer a Slack app's next calls, of one method or of any, with 429; 0 calls takes it back",
        r#"{"method": "chat.update", "calls": 1, "retry_after_seconds": 7}"#,
    ),
    (
        "delete",
        "/workspaces/{workspace}/apps/{app}",
        "Uninstall an app: its tokens end, its messages stay",
        "",
    ),
    ("get", "/workspaces/{workspace}/tokens", "Tokens, without the secrets", ""),
    (
        "post",
        "/workspaces/{workspace}/tokens",
        "Make a token of an app, for its bot or a person",
        r#"{"app": "deploybot", "user": "ben", "scopes": ["chat:write"], "expires_in_seconds": 60}"#,
    ),
    ("delete", "/workspaces/{workspace}/tokens/{token}", "Revoke a token, by its id or itself", ""),
    ("post", "/workspaces/{workspace}/tokens/{token}/rotate", "Put a new token in its place", ""),
    ("get", "/workspaces/{workspace}/log", "Events after a position; wait_ms waits for one", ""),
    (
        "post",
        "/workspaces/{workspace}/wait",
        "Wait until a message matches every member given; 408 if none does in time",
        r#"{"channel": "general", "contains": "passed", "revision": 2, "timeout_ms": 5000}"#,
    ),
];

/// Query parameters of the operations that have some.
const PARAMETERS: &[(&str, &[&str])] = &[
    ("/workspaces/{workspace}/log", &["after", "audit", "limit", "wait_ms"]),
    ("/workspaces/{workspace}/channels/{channel}/messages", &["limit", "thread_ts"]),
    ("/workspaces/{workspace}/people/{person}/channels/{channel}/messages", &["limit", "thread_ts"]),
    ("/workspaces/{workspace}/people/{person}/views", &["wait_ms"]),
    ("/workspaces/{workspace}/apps/{app}/deliveries", &["after", "after_part", "limit"]),
];

/// The OpenAPI 3.1 document.
pub(super) fn document(public_url: &str) -> Value {
    let mut paths = json!({});
    for (verb, path, summary, example) in OPERATIONS {
        let mut operation = json!({
            "summary": summary,
            "parameters": parameters(path),
            "responses": responses(verb, path),
        });
        if let Ok(example) = serde_json::from_str::<Value>(example) {
            operation["requestBody"] = json!({ "content": { "application/json": { "schema": { "type": "object" }, "example": example } } });
        }
        paths[format!("/control{path}")][*verb] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Redraft control API", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": public_url }],
        "security": [{ "token": [] }],
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Error": {
                "type": "object",
                "required": ["error"],
                "properties": { "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
                } },
            } },
        },
        "paths": paths,
    })
}

fn parameters(path: &str) -> Vec<Value> {
    let names = path.split(['{', '}']).skip(1).step_by(2);
    let in_path = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let query = PARAMETERS.iter().filter(|(of, _)| *of == path).flat_map(|(_, names)| names.iter());
    let in_query = query.map(|name| {
        let number = json!({ "type": "integer", "minimum": 0 });
        let schema = match *name {
            "audit" => json!({ "type": "boolean" }),
            name if name.ends_with("_ts") => json!({ "type": "string" }),
            _ => number,
        };
        json!({ "name": name, "in": "query", "schema": schema })
    });
    in_path.chain(in_query).collect()
}

fn responses(verb: &str, path: &str) -> Value {
    let made = verb == "post"
        && [
            "workspaces",
            "people",
            "channels",
            "apps",
            "tokens",
            "messages",
            "webhooks",
            "codes",
            "secrets",
            "token/rotate",
            "user-groups",
        ]
        .iter()
        .any(|it| path.ends_with(it));
    let done = json!({ "description": "Done", "content": { "application/json": { "schema": { "type": "object" } } } });
    let refused = json!({ "description": "Refused", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
    let mut responses = json!({ "default": refused });
    responses[if made { "201" } else { "200" }] = done;
    responses
}

#[cfg(test)]
mod tests {
    use super::OPERATIONS;

    /// The routes are read from the router's source.
    #[test]
    fn every_route_is_described() {
        let (outside, inside) = include_str!("routes.rs").split_once("async fn route_in(").unwrap();
        let arms = [(outside, ""), (inside, "/workspaces/{}")].into_iter().flat_map(|(router, within)| {
            let arms = router.lines().filter_map(|line| line.trim().strip_prefix("(\""));
            arms.map(move |arm| (arm, within))
        });
        let routes: Vec<String> = arms
            .filter_map(|(arm, within)| {
                let (verb, rest) = arm.split_once('"')?;
                let (segments, _) = rest.split_once('[')?.1.split_once(']')?;
                let segment = |it: &str| match it.strip_prefix('"') {
                    Some(name) => format!("/{}", name.trim_end_matches('"')),
                    None => "/{}".into(),
                };
                let segments = segments.split(", ").filter(|it| !it.is_empty()).map(segment);
                Some(format!("{} {within}{}", verb.to_lowercase(), segments.collect::<String>()))
            })
            .collect();
        let without_names = |path: &str| {
            let parts = path.split(['{', '}']).enumerate();
            parts.map(|(at, part)| if at % 2 == 0 { part } else { "{}" }).collect::<String>()
        };
        let described: Vec<String> =
            OPERATIONS.iter().map(|(verb, path, ..)| format!("{verb} {}", without_names(path))).collect();
        for route in &routes {
            assert!(described.contains(route), "{route} is not described");
        }
        for operation in &described {
            assert!(routes.contains(operation), "{operation} is described and not there");
        }
    }
}
