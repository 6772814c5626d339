//! Which scopes a call needs, by method, kind of token and kind of conversation.

use redraft_model::workspace::{Conversation, ConversationKind, Token, TokenKind};

use crate::reply::Error;

/// Everything that a bot token can be given here.
pub const BOT: &[&str] = &[
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:manage",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "chat:write.public",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "incoming-webhook",
    "links:read",
    "links:write",
    "metadata.message:read",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "pins:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users.profile:read",
    "users:read",
    "users:read.email",
];

/// Everything that a user token can be given here.
pub const USER: &[&str] = &[
    "channels:history",
    "channels:read",
    "channels:write",
    "chat:write",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "groups:write",
    "im:history",
    "im:read",
    "im:write",
    "links:write",
    "metadata.message:read",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "pins:read",
    "pins:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "usergroups:read",
    "users.profile:read",
    "users:read",
    "users:read.email",
];

/// Everything that an app-level token can be given here.
pub const APP: &[&str] = &["authorizations:read", "connections:write"];

/// What a method asks of the token before it looks at the arguments.
#[derive(Clone, Copy)]
pub(super) enum Needs {
    /// A token, whatever its scopes.
    Token,
    /// This scope.
    One(&'static str),
    /// One of these, for a bot's and a person's token; which one depends on the conversation.
    ByKind(&'static ByKind),
    /// An app-level token with this scope.
    App(&'static str),
}

/// Scopes by kind of conversation: public, private, direct, group.
pub(super) struct ByKind {
    pub bot: [&'static [&'static str]; 4],
    pub user: [&'static [&'static str]; 4],
}

/// `conversations.list`, `info`, `members`, `users.conversations`.
pub(super) static READ: ByKind =
    ByKind::for_both([&["channels:read"], &["groups:read"], &["im:read"], &["mpim:read"]]);

/// `conversations.history` and `replies`.
pub(super) static HISTORY: ByKind =
    ByKind::for_both([&["channels:history"], &["groups:history"], &["im:history"], &["mpim:history"]]);

/// `conversations.create`, `archive`, `unarchive`, `leave`, `open`, `close`, `kick`.
pub(super) static MANAGE: ByKind = ByKind {
    bot: [&["channels:manage"], &["groups:write"], &["im:write"], &["mpim:write"]],
    user: [&["channels:write"], &["groups:write"], &["im:write"], &["mpim:write"]],
};

/// `conversations.invite`.
pub(super) static INVITE: ByKind = ByKind {
    bot: [
        &["channels:manage", "channels:write.invites"],
        &["groups:write", "groups:write.invites"],
        &["im:write"],
        &["mpim:write"],
    ],
    user: [
        &["channels:write", "channels:write.invites"],
        &["groups:write", "groups:write.invites"],
        &["im:write"],
        &["mpim:write"],
    ],
};

/// `conversations.setTopic` and `setPurpose`.
pub(super) static TOPIC: ByKind = ByKind {
    bot: [
        &["channels:manage", "channels:write.topic"],
        &["groups:write", "groups:write.topic"],
        &["im:write", "im:write.topic"],
        &["mpim:write", "mpim:write.topic"],
    ],
    user: [
        &["channels:write", "channels:write.topic"],
        &["groups:write", "groups:write.topic"],
        &["im:write", "im:write.topic"],
        &["mpim:write", "mpim:write.topic"],
    ],
};

/// `conversations.join`.
pub(super) static JOIN: ByKind = ByKind {
    bot: [&["channels:join"], &["channels:join"], &["channels:join"], &["channels:join"]],
    user: [&["channels:write"], &["channels:write"], &["channels:write"], &["channels:write"]],
};

impl ByKind {
    /// The same scopes for bots and people.
    const fn for_both(scopes: [&'static [&'static str]; 4]) -> Self {
        Self { bot: scopes, user: scopes }
    }

    fn all(&self, kind: TokenKind) -> &[&'static [&'static str]; 4] {
        if kind == TokenKind::User { &self.user } else { &self.bot }
    }

    fn of(&self, token: TokenKind, conversation: ConversationKind) -> &'static [&'static str] {
        self.all(token)[match conversation {
            ConversationKind::Public => 0,
            ConversationKind::Private => 1,
            ConversationKind::Direct => 2,
            ConversationKind::Group => 3,
        }]
    }

    /// Whether the token may do this in a conversation of this kind.
    pub fn allows(&self, token: &Token, kind: ConversationKind) -> bool {
        self.of(token.kind, kind).iter().any(|scope| has(token, scope))
    }

    /// Refuses unless the token may do this in a conversation of this kind.
    pub fn check(&self, token: &Token, kind: ConversationKind) -> Result<(), Error> {
        if self.allows(token, kind) { Ok(()) } else { Err(missing(self.of(token.kind, kind), token)) }
    }

    /// The same for a conversation.
    pub fn check_in(&self, token: &Token, conversation: &Conversation) -> Result<(), Error> {
        self.check(token, conversation.kind)
    }
}

impl Needs {
    /// What would allow the call, for the header of the answer.
    pub fn accepted(self, kind: TokenKind) -> Option<String> {
        match self {
            Self::Token => None,
            Self::One(scope) | Self::App(scope) => Some(scope.into()),
            Self::ByKind(scopes) => Some(scopes.all(kind).concat().join(",")),
        }
    }

    /// Whether an app-level token can do this.
    pub fn takes_app_tokens(self) -> bool {
        matches!(self, Self::App(_))
    }

    /// Refuses a token that cannot do this anywhere.
    pub fn check(self, token: &Token) -> Result<(), Error> {
        match self {
            Self::App(_) if token.kind != TokenKind::App => Err(Error::new("not_allowed_token_type")
                .because("this method takes an app-level token, which begins with xapp-")),
            Self::One(scope) | Self::App(scope) if !has(token, scope) => Err(missing(&[scope], token)),
            Self::ByKind(scopes) => {
                let any = scopes.all(token.kind).concat();
                if any.iter().any(|scope| has(token, scope)) { Ok(()) } else { Err(missing(&any, token)) }
            }
            _ => Ok(()),
        }
    }
}

/// Whether a token has a scope.
pub(super) fn has(token: &Token, scope: &str) -> bool {
    token.scopes.binary_search_by(|given| given.as_str().cmp(scope)).is_ok()
}

/// `missing_scope`, with what is needed and what there is.
pub(super) fn missing(needed: &[&str], token: &Token) -> Error {
    let mut needed = needed.to_vec();
    needed.dedup();
    Error::new("missing_scope")
        .with("needed", &needed.join(","))
        .with("provided", &token.scopes.join(","))
        .because(format!("the token lacks the scope {}", needed.join(" or ")))
}

#[cfg(test)]
mod tests {
    use redraft_model::id::{AppId, TokenHash, UserId};

    use super::*;

    /// What a token hears that asks for something which takes an app-level token.
    #[test]
    fn app_level_tokens() {
        for (kind, scopes, expected) in [
            (TokenKind::App, &["connections:write"][..], None),
            (TokenKind::App, &["authorizations:read"], Some("missing_scope")),
            (TokenKind::Bot, &["connections:write"], Some("not_allowed_token_type")),
            (TokenKind::User, &["connections:write"], Some("not_allowed_token_type")),
        ] {
            let token = Token {
                hash: TokenHash([0; 32]),
                app: AppId(1),
                user: UserId(1),
                kind,
                scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
                hint: String::new(),
                expires_at: None,
                revoked: false,
            };
            let refused = Needs::App("connections:write").check(&token).err().map(|error| error.code);
            assert_eq!(refused.as_deref(), expected, "{kind:?} {scopes:?}");
        }
    }
}
