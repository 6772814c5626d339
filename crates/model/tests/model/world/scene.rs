//! The workspace that the tables play in, and its parts.

use std::collections::BTreeSet;

use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, ConversationId, TokenHash, UserId, WorkspaceId};
use redraft_model::shared::SharedSet;
use redraft_model::workspace::{
    App, Conversation, ConversationKind, NewToken, Settings, Token, TokenKind, User, Workspace,
};

use super::{
    ADA, ALPHA, ALPHA_APP, ARCHIVED, BETA, BETA_APP, DELTA, DELTA_APP, DIRECT, GAMMA, GAMMA_APP, GENERAL,
    GROUP, IVO, MIA, OLGA, PEOPLE, PERSONAL, PRIVATE, PUBLIC, SAM, START,
};

/// The hash of a workspace's token by its number in the list above.
pub const fn hash(workspace: u8, number: u8) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes[1] = workspace;
    TokenHash(bytes)
}

/// A whole workspace; `n` keeps its names apart from another one's.
pub fn directory(n: u8) -> Directory {
    let mut directory = Directory::new(Workspace {
        id: WorkspaceId(77),
        team_id: format!("T{n}"),
        tenant_id: format!("tenant-{n}"),
        name: "Acme".into(),
        domain: "acme".into(),
        created_at: START,
        settings: Settings::default(),
        clock_offset_micros: 0,
    });
    users().into_iter().for_each(|user| directory.put_user(user));
    for (number, bot, installer) in [(1, ALPHA, IVO), (2, BETA, ADA), (3, GAMMA, IVO), (4, DELTA, ADA)] {
        directory.put_app(app(n, number, bot, installer));
    }
    tokens(n).into_iter().for_each(|token| directory.put_token(token));
    conversations().into_iter().for_each(|conversation| directory.put_conversation(conversation));
    directory
}

fn users() -> Vec<User> {
    let names = ["ada", "ivo", "mia", "sam", "alpha", "beta", "gamma", "delta", "olga"];
    let bots = [(ALPHA, ALPHA_APP), (BETA, BETA_APP), (GAMMA, GAMMA_APP), (DELTA, DELTA_APP)];
    let make = |(id, name): (UserId, &str)| User {
        admin: id == ADA,
        bot_of: bots.iter().find(|(bot, _)| *bot == id).map(|(_, app)| *app),
        deactivated: id == OLGA,
        ..user(id, name)
    };
    PEOPLE.into_iter().zip(names).map(make).collect()
}

pub fn user(id: UserId, name: &str) -> User {
    User {
        id,
        slack_id: format!("U-{name}"),
        member_id: format!("29:{name}"),
        directory_id: format!("guid-{name}"),
        name: name.into(),
        real_name: name.to_uppercase(),
        email: Some(format!("{name}@Example.com")),
        admin: false,
        bot_of: None,
        away: false,
        deactivated: false,
        updated_at: START,
    }
}

pub fn app(workspace: u8, number: u32, bot_user: UserId, installer: UserId) -> App {
    App {
        id: AppId(number),
        dialect: if number < 3 { Dialect::Slack } else { Dialect::Connector },
        slack_id: format!("A-{number}"),
        bot_id: format!("B-{number}"),
        app_id: format!("app-{workspace}-{number}"),
        name: format!("app {number}"),
        bot_user,
        installed_by: Some(installer),
        signing_secret: None,
        password_hash: None,
        uninstalled: false,
        endpoint: None,
        hears_from: 0,
        reads_all: false,
        expects_replies: false,
        issuer: None,
        anonymous: false,
        slack: (number < 3).then(Box::default),
        updated_at: START,
        old_secrets: Vec::new(),
    }
}

pub fn token(hash: TokenHash, app: AppId, user: UserId, kind: TokenKind) -> Token {
    let hint = format!("…{}", hash.0[0]);
    Token { hash, hint, app, user, kind, scopes: vec![], revoked: false, expires_at: None }
}

/// The same as a token of an app that is only being made; user 0 is its bot user.
pub fn of_new_app(token: Token) -> NewToken {
    let Token { hash, hint, user, kind, scopes, .. } = token;
    NewToken { hash, hint, user: Some(user).filter(|user| *user != UserId(0)), kind, scopes }
}

fn tokens(workspace: u8) -> Vec<Token> {
    use TokenKind as K;
    let rows = [
        (1, ALPHA_APP, ALPHA, K::Bot),
        (2, ALPHA_APP, IVO, K::User),
        (3, ALPHA_APP, MIA, K::User),
        (4, ALPHA_APP, ADA, K::User),
        (5, ALPHA_APP, SAM, K::User),
        (6, BETA_APP, BETA, K::Bot),
        (7, BETA_APP, MIA, K::User),
        (8, BETA_APP, IVO, K::User),
        (9, ALPHA_APP, ALPHA, K::App),
        (10, ALPHA_APP, OLGA, K::User),
        (11, BETA_APP, ADA, K::Bot),
    ];
    rows.map(|(number, app, user, kind)| token(hash(workspace, number), app, user, kind)).into()
}

fn conversations() -> Vec<Conversation> {
    use ConversationKind as K;
    let everyone = &PEOPLE[..8];
    let few: &[UserId] = &[IVO, MIA, ALPHA, GAMMA];
    let rows: [(ConversationId, K, &str, &[UserId]); 7] = [
        (GENERAL, K::Public, "general", everyone),
        (PUBLIC, K::Public, "public", &[ADA, IVO, MIA, ALPHA, GAMMA]),
        (PRIVATE, K::Private, "private", few),
        (DIRECT, K::Direct, "", &[MIA, ALPHA]),
        (PERSONAL, K::Direct, "", &[MIA, GAMMA]),
        (GROUP, K::Group, "", everyone),
        (ARCHIVED, K::Private, "archived", few),
    ];
    let made = rows.map(|(id, kind, name, members)| Conversation {
        general: id == GENERAL,
        archived: id == ARCHIVED,
        former: if few == members { [(DELTA, ())].into() } else { SharedSet::new() },
        previous_names: Vec::new(),
        pins: Vec::new(),
        ..conversation(id, kind, name, members)
    });
    made.into()
}

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
        general: false,
        archived: false,
        members: members.iter().map(|user| (*user, START)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: START,
    }
}
