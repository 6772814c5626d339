//! Everything of a workspace but its messages, in memory: it is small beside them, and every request needs it.
//!
//! A store keeps the authoritative copy for its committer and publishes one for readers after each commit. Entries are
//! shared between the two, so that publishing is cheap.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::id::{AppId, ConversationId, TokenHash, UserGroupId, UserId, WorkspaceId};
use crate::workspace::{App, Conversation, ConversationKind, Token, User, UserGroup, Workspace};

/// One workspace's people, apps, conversations and tokens.
#[derive(Clone, Debug)]
pub struct Directory {
    /// The workspace itself.
    pub workspace: Workspace,
    users: BTreeMap<UserId, Arc<User>>,
    apps: BTreeMap<AppId, Arc<App>>,
    conversations: BTreeMap<ConversationId, Arc<Conversation>>,
    tokens: BTreeMap<TokenHash, Arc<Token>>,
    user_groups: BTreeMap<UserGroupId, Arc<UserGroup>>,
    names: HashMap<String, Named>,
    channels: HashMap<String, ConversationId>,
    directs: HashMap<Vec<UserId>, ConversationId>,
}

/// What a spelled id names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// `U…`, `29:…`, `28:…`, a directory id, a user's short name as `@name` or a mail address as `mailto:…`.
    User(UserId),
    /// `A…`, `B…` or a Teams app id.
    App(AppId),
    /// `C…`, `D…`, `G…`, `19:…` or `a:…`.
    Conversation(ConversationId),
    /// `S…`, or a group's short name as `@name`.
    UserGroup(UserGroupId),
}

impl Directory {
    /// An empty workspace.
    #[must_use]
    pub fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            users: BTreeMap::new(),
            apps: BTreeMap::new(),
            conversations: BTreeMap::new(),
            tokens: BTreeMap::new(),
            user_groups: BTreeMap::new(),
            names: HashMap::new(),
            channels: HashMap::new(),
            directs: HashMap::new(),
        }
    }

    /// What a spelled id names here, in either dialect.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<Named> {
        self.names.get(id).copied()
    }

    /// The conversation that a spelled id names.
    #[must_use]
    pub fn conversation_named(&self, id: &str) -> Option<&Arc<Conversation>> {
        match self.named(id)? {
            Named::Conversation(id) => self.conversation(id),
            _ => None,
        }
    }

    /// The user that a spelled id names.
    #[must_use]
    pub fn user_named(&self, id: &str) -> Option<&Arc<User>> {
        match self.named(id)? {
            Named::User(id) => self.user(id),
            _ => None,
        }
    }

    /// The app that a spelled id names.
    #[must_use]
    pub fn app_named(&self, id: &str) -> Option<&Arc<App>> {
        match self.named(id)? {
            Named::App(id) => self.app(id),
            _ => None,
        }
    }

    /// The channel of this name, without `#`.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Arc<Conversation>> {
        self.conversation(*self.channels.get(name)?)
    }

    /// The direct message between exactly these (sorted) users.
    #[must_use]
    pub fn direct(&self, members: &[UserId]) -> Option<&Arc<Conversation>> {
        self.conversation(*self.directs.get(members)?)
    }

    /// The team's channel, whose Teams id is the team's.
    #[must_use]
    pub fn general(&self) -> Option<&Arc<Conversation>> {
        self.conversations.values().find(|conversation| conversation.general)
    }

    /// By key.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// By key.
    #[must_use]
    pub fn app(&self, id: AppId) -> Option<&Arc<App>> {
        self.apps.get(&id)
    }

    /// By key.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.conversations.get(&id)
    }

    /// By hash.
    #[must_use]
    pub fn token(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        self.tokens.get(hash)
    }

    /// People and bots, in the order they were made, after a given one.
    pub fn users_after(&self, after: UserId) -> impl Iterator<Item = &Arc<User>> {
        self.users.range(UserId(after.0.saturating_add(1))..).map(|(_, user)| user)
    }

    /// Conversations, in the order they were made, after a given one.
    pub fn conversations_after(&self, after: ConversationId) -> impl Iterator<Item = &Arc<Conversation>> {
        self.conversations
            .range(ConversationId(after.0.saturating_add(1))..)
            .map(|(_, conversation)| conversation)
    }

    /// All apps, in the order they were registered.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }

    /// All tokens, revoked ones too, in no useful order.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// By key.
    #[must_use]
    pub fn user_group(&self, id: UserGroupId) -> Option<&Arc<UserGroup>> {
        self.user_groups.get(&id)
    }

    /// The user group that a spelled id names.
    #[must_use]
    pub fn user_group_named(&self, id: &str) -> Option<&Arc<UserGroup>> {
        match self.named(id)? {
            Named::UserGroup(id) => self.user_group(id),
            _ => None,
        }
    }

    /// All user groups, in the order they were made.
    pub fn user_groups(&self) -> impl Iterator<Item = &Arc<UserGroup>> {
        self.user_groups.values()
    }

    /// The next free number of a user group.
    #[must_use]
    pub fn next_user_group(&self) -> UserGroupId {
        UserGroupId(self.user_groups.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// The next free number of a user.
    #[must_use]
    pub fn next_user(&self) -> UserId {
        UserId(self.users.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// The next free number of an app.
    #[must_use]
    pub fn next_app(&self) -> AppId {
        AppId(self.apps.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// The next free number of a conversation.
    #[must_use]
    pub fn next_conversation(&self) -> ConversationId {
        ConversationId(self.conversations.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// Adds or replaces a user.
    pub fn put_user(&mut self, user: User) {
        if let Some(old) = self.users.get(&user.id).cloned() {
            for name in user_names(&old) {
                self.names.remove(&name);
            }
        }
        let id = user.id;
        self.names.extend(user_names(&user).map(|name| (name, Named::User(id))));
        self.users.insert(id, Arc::new(user));
    }

    /// Adds or replaces an app.
    pub fn put_app(&mut self, app: App) {
        for name in app_names(&app) {
            self.names.insert(name, Named::App(app.id));
        }
        self.apps.insert(app.id, Arc::new(app));
    }

    /// Adds or replaces a conversation.
    pub fn put_conversation(&mut self, conversation: Conversation) {
        if let Some(old) = self.conversations.remove(&conversation.id) {
            self.forget_place(&old, &conversation);
        }
        for name in [&conversation.slack_id, &conversation.connector_id] {
            self.names.insert(name.clone(), Named::Conversation(conversation.id));
        }
        if conversation.is_channel() {
            self.channels.insert(conversation.name.clone(), conversation.id);
        } else {
            let members = conversation.members.keys().copied().collect();
            let first = self.directs.entry(members).or_insert(conversation.id);
            *first = conversation.id.min(*first);
        }
        self.conversations.insert(conversation.id, Arc::new(conversation));
    }

    /// A channel gives its name free. A direct message does so with its members: should they have another one (a group
    /// that others left), that is the one found from now on.
    fn forget_place(&mut self, old: &Conversation, new: &Conversation) {
        if old.is_channel() {
            self.channels.remove(&old.name);
            return;
        }
        if old.members.keys().eq(new.members.keys()) {
            return;
        }
        let members: Vec<UserId> = old.members.keys().copied().collect();
        if self.directs.get(&members) == Some(&old.id) {
            let same = |other: &&Arc<Conversation>| !other.is_channel() && other.members.keys().eq(&members);
            match self.conversations.values().find(same).map(|other| other.id) {
                Some(other) => self.directs.insert(members, other),
                None => self.directs.remove(&members),
            };
        }
    }

    /// Adds or replaces a token.
    pub fn put_token(&mut self, token: Token) {
        self.tokens.insert(token.hash, Arc::new(token));
    }

    /// Adds or replaces a user group.
    pub fn put_user_group(&mut self, group: UserGroup) {
        if let Some(old) = self.user_groups.get(&group.id) {
            self.names.remove(&format!("@{}", old.handle));
        }
        for name in [group.slack_id.clone(), format!("@{}", group.handle)] {
            self.names.insert(name, Named::UserGroup(group.id));
        }
        self.user_groups.insert(group.id, Arc::new(group));
    }

    /// How many entries of the largest kind there are; see [`crate::limits::DIRECTORY_ENTRIES_MAX`].
    #[must_use]
    pub fn entries(&self) -> usize {
        let others = self.tokens.len().max(self.user_groups.len());
        self.users.len().max(self.apps.len()).max(self.conversations.len()).max(others)
    }

    /// The same workspace under another number.
    #[must_use]
    pub fn renumbered(&self, id: WorkspaceId) -> Self {
        let mut copy = self.clone();
        copy.workspace.id = id;
        copy
    }

    /// Conversations that this user is in and that are of one of these kinds.
    pub fn conversations_of<'a>(
        &'a self,
        user: UserId,
        kinds: &'a [ConversationKind],
    ) -> impl Iterator<Item = &'a Arc<Conversation>> {
        self.conversations.values().filter(move |c| kinds.contains(&c.kind) && c.has(user))
    }
}

fn user_names(user: &User) -> impl Iterator<Item = String> {
    let mut names = vec![
        user.slack_id.clone(),
        user.member_id.clone(),
        user.directory_id.clone(),
        format!("@{}", user.name),
    ];
    names.extend(user.mail_name());
    names.into_iter()
}

fn app_names(app: &App) -> impl Iterator<Item = String> {
    [app.slack_id.clone(), app.bot_id.clone(), app.app_id.clone()].into_iter().chain(client_id(app))
}

/// By which OAuth names it.
pub(crate) fn client_id(app: &App) -> Option<String> {
    let id = &app.slack.as_ref()?.client_id;
    (!id.is_empty()).then(|| id.clone())
}

/// All workspaces of a server, and the names that only one of them can hold.
#[derive(Clone, Debug)]
pub struct Directories {
    workspaces: BTreeMap<WorkspaceId, Arc<Directory>>,
    tokens: HashMap<TokenHash, WorkspaceId>,
    names: HashMap<String, WorkspaceId>,
    /// The number that the next workspace gets.
    pub next_workspace: WorkspaceId,
}

impl Default for Directories {
    fn default() -> Self {
        Self {
            workspaces: BTreeMap::new(),
            tokens: HashMap::new(),
            names: HashMap::new(),
            next_workspace: WorkspaceId(1),
        }
    }
}

/// One change of a directory.
#[derive(Clone, Debug)]
pub enum DirectoryChange {
    /// A whole new workspace.
    Create(Arc<Directory>),
    /// The end of one. Its messages are swept later.
    Drop(WorkspaceId),
    /// Name, settings or clock.
    Workspace(Workspace),
    /// A new or changed user.
    User(WorkspaceId, User),
    /// A new or changed app.
    App(WorkspaceId, App),
    /// A new or changed conversation.
    Conversation(WorkspaceId, Conversation),
    /// A new or changed token.
    Token(WorkspaceId, Token),
    /// A new or changed user group.
    UserGroup(WorkspaceId, UserGroup),
}

impl Directories {
    /// One workspace.
    #[must_use]
    pub fn get(&self, id: WorkspaceId) -> Option<&Arc<Directory>> {
        self.workspaces.get(&id)
    }

    /// All workspaces, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Directory>> {
        self.workspaces.values()
    }

    /// The workspace of a token.
    #[must_use]
    pub fn of_token(&self, hash: &TokenHash) -> Option<&Arc<Directory>> {
        self.get(*self.tokens.get(hash)?)
    }

    /// The workspace that a team id, a tenant id or a Teams app id belongs to.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<&Arc<Directory>> {
        self.get(*self.names.get(name)?)
    }

    /// Makes one change. The caller has checked that no name is taken.
    pub fn apply(&mut self, change: &DirectoryChange) {
        match change {
            DirectoryChange::Create(directory) => self.create(directory),
            DirectoryChange::Drop(id) => self.drop(*id),
            DirectoryChange::Workspace(workspace) => {
                self.change(workspace.id, |directory| directory.workspace = workspace.clone());
            }
            DirectoryChange::User(id, user) => self.change(*id, |directory| directory.put_user(user.clone())),
            DirectoryChange::App(id, app) => {
                self.names.insert(app.app_id.clone(), *id);
                self.names.extend(client_id(app).map(|name| (name, *id)));
                self.change(*id, |directory| directory.put_app(app.clone()));
            }
            DirectoryChange::Conversation(id, conversation) => {
                self.change(*id, |directory| directory.put_conversation(conversation.clone()));
            }
            DirectoryChange::Token(id, token) => {
                self.tokens.insert(token.hash, *id);
                self.change(*id, |directory| directory.put_token(token.clone()));
            }
            DirectoryChange::UserGroup(id, group) => {
                self.change(*id, |directory| directory.put_user_group(group.clone()));
            }
        }
    }

    fn create(&mut self, directory: &Arc<Directory>) {
        let id = directory.workspace.id;
        self.next_workspace = WorkspaceId(id.0 + 1).max(self.next_workspace);
        self.tokens.extend(directory.tokens.keys().map(|hash| (*hash, id)));
        self.names.extend(global_names(directory).map(|name| (name, id)));
        self.workspaces.insert(id, Arc::clone(directory));
    }

    fn drop(&mut self, id: WorkspaceId) {
        if let Some(directory) = self.workspaces.remove(&id) {
            for hash in directory.tokens.keys() {
                self.tokens.remove(hash);
            }
            for name in global_names(&directory) {
                self.names.remove(&name);
            }
        }
    }

    fn change(&mut self, id: WorkspaceId, edit: impl FnOnce(&mut Directory)) {
        if let Some(directory) = self.workspaces.get_mut(&id) {
            edit(Arc::make_mut(directory));
        }
    }
}

fn global_names(directory: &Directory) -> impl Iterator<Item = String> {
    let names = |app: &Arc<App>| [Some(app.app_id.clone()), client_id(app)].into_iter().flatten();
    let apps = directory.apps.values().flat_map(names);
    [directory.workspace.team_id.clone(), directory.workspace.tenant_id.clone()].into_iter().chain(apps)
}
