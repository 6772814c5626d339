//! The workspace that tests of stores play in, and its parts.

use std::collections::BTreeSet;

use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, ConversationId, TokenHash, UserId, WorkspaceId};
use redraft_model::shared::SharedSet;
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Settings, Token, TokenKind, User, Workspace,
};

use super::{ADA, ALPHA, DIRECT, GAMMA, GENERAL, IVO, MIA, PRIVATE, PUBLIC, START};

/// The hash of a token of the `workspace`-th workspace.
#[must_use]
pub const fn hash(workspace: u8, number: u8) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes[1] = workspace;
    TokenHash(bytes)
}

/// A workspace with three people, two bots and four conversations; `n` keeps its names apart from another one's.
#[must_use]
pub fn directory(n: u8) -> Directory {
    let mut directory = Directory::new(Workspace {
        id: WorkspaceId(0),
        team_id: format!("T{n}"),
        tenant_id: format!("tenant-{n}"),
        name: format!("Workspace {n}"),
        domain: format!("domain-{n}"),
        created_at: START,
        settings: Settings::default(),
        clock_offset_micros: 0,
    });
    for (id, name) in [(ADA, "ada"), (IVO, "ivo"), (MIA, "mia")] {
        directory.put_user(user(id, name, None));
    }
    directory.put_user(user(ALPHA, "alpha", Some(AppId(1))));
    directory.put_user(user(GAMMA, "gamma", Some(AppId(2))));
    directory.put_app(app(n, AppId(1), Dialect::Slack, ALPHA));
    directory.put_app(app(n, AppId(2), Dialect::Connector, GAMMA));
    for (number, user, kind) in
        [(1, ALPHA, TokenKind::Bot), (2, MIA, TokenKind::User), (3, ADA, TokenKind::User)]
    {
        directory.put_token(token(hash(n, number), user, kind));
    }
    let everyone = [ADA, IVO, MIA, ALPHA, GAMMA];
    for (id, kind, name, members) in [
        (GENERAL, ConversationKind::Public, "general", &everyone[..]),
        (PUBLIC, ConversationKind::Public, "public", &everyone),
        (PRIVATE, ConversationKind::Private, "private", &[MIA, ALPHA, GAMMA]),
        (DIRECT, ConversationKind::Direct, "", &[MIA, ALPHA]),
    ] {
        directory.put_conversation(conversation(id, kind, name, members));
    }
    directory
}

/// A person, or the bot of an app.
#[must_use]
pub fn user(id: UserId, name: &str, bot_of: Option<AppId>) -> User {
    User {
        id,
        slack_id: format!("U-{name}"),
        member_id: format!("29:{name}"),
        directory_id: format!("directory-{name}"),
        name: name.into(),
        real_name: name.to_uppercase(),
        email: bot_of.is_none().then(|| format!("{name}@example.com")),
        admin: id == ADA,
        bot_of,
        away: false,
        deactivated: false,
        updated_at: START,
    }
}

/// An app that Ivo installed in the `n`-th workspace.
#[must_use]
pub fn app(n: u8, id: AppId, dialect: Dialect, bot_user: UserId) -> App {
    App {
        id,
        dialect,
        slack_id: format!("A-{}", id.0),
        bot_id: format!("B-{}", id.0),
        app_id: format!("app-{n}-{}", id.0),
        name: format!("app {}", id.0),
        bot_user,
        installed_by: Some(IVO),
        signing_secret: Some("secret".into()),
        password_hash: Some([7; 32]),
        uninstalled: false,
        endpoint: None,
        hears_from: 0,
        reads_all: false,
        expects_replies: false,
        issuer: None,
        anonymous: false,
        slack: (dialect == Dialect::Slack).then(Box::default),
        updated_at: START,
        old_secrets: Vec::new(),
    }
}

/// A token of the Slack app.
#[must_use]
pub fn token(hash: TokenHash, user: UserId, kind: TokenKind) -> Token {
    Token {
        hash,
        hint: format!("…{}", hash.0[0]),
        app: AppId(1),
        user,
        kind,
        scopes: vec!["chat:write".into()],
        revoked: false,
        expires_at: None,
    }
}

/// A conversation with these members.
#[must_use]
pub fn conversation(
    id: ConversationId,
    kind: ConversationKind,
    name: &str,
    members: &[UserId],
) -> Conversation {
    Conversation {
        id,
        slack_id: format!("C-{name}{}", id.0),
        connector_id: format!("19:{name}{}", id.0),
        kind,
        name: name.into(),
        topic: redraft_model::workspace::Note::default(),
        purpose: redraft_model::workspace::Note::default(),
        creator: ADA,
        created_at: START,
        general: id == GENERAL,
        archived: false,
        members: members.iter().map(|user| (*user, START)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: START,
    }
}
