//! Everything of a workspace but its messages, in memory: it is small beside them, and every request needs it.
//!
//! A store keeps the authoritative copy for its committer and publishes one for readers after each commit. All copies
//! share what they have in common ([`SharedMap`]): to take one costs nothing, and a change costs the entry that it is about
//! and the way to it, however many there are.

use std::sync::Arc;

use crate::id::{AppId, ConversationId, TokenHash, UserGroupId, UserId, WorkspaceId};
use crate::limits::DIRECTORY_ENTRIES_MAX;
use crate::quota::Quotas;
use crate::shared::{SharedMap, SharedSet};
use crate::time::Micros;
use crate::workspace::{App, Conversation, ConversationKind, Membership, Token, User, UserGroup, Workspace};

/// One workspace's people, apps, conversations and tokens.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its ids, settings and clock.
    pub workspace: Workspace,
    /// How much it may hold.
    pub quotas: Quotas,
    users: SharedMap<UserId, Arc<User>>,
    apps: SharedMap<AppId, Arc<App>>,
    conversations: SharedMap<ConversationId, Arc<Conversation>>,
    tokens: SharedMap<TokenHash, Arc<Token>>,
    user_groups: SharedMap<UserGroupId, Arc<UserGroup>>,
    names: SharedMap<Arc<str>, Named>,
    channels: SharedMap<Arc<str>, ConversationId>,
    /// Direct messages by their members; of several with the same, the oldest is first.
    directs: SharedSet<(Arc<[UserId]>, ConversationId)>,
    /// Who is in what.
    rooms: SharedSet<(UserId, ConversationId)>,
    /// Channels that everyone sees.
    publics: SharedSet<ConversationId>,
    general: Option<ConversationId>,
    /// People who are administrators.
    admins: SharedSet<UserId>,
    /// Apps that calls without a token are.
    anonymous: SharedSet<AppId>,
    /// Apps by what heads the addresses of their incoming webhooks.
    webhooks: SharedMap<Arc<str>, AppId>,
    tokens_of: SharedSet<(AppId, TokenHash)>,
    /// Tokens that end, by when they do.
    token_ends: SharedSet<(Micros, TokenHash)>,
}

/// The kinds of entry that are bounded, each by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Users: people and bots.
    User,
    /// Apps, uninstalled ones too.
    App,
    /// Channels and direct messages.
    Conversation,
    /// Tokens of both dialects.
    Token,
    /// User groups, which can be mentioned as `@group`.
    UserGroup,
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
    /// A workspace without people, apps and conversations.
    #[must_use]
    pub fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            quotas: Quotas::default(),
            users: SharedMap::new(),
            apps: SharedMap::new(),
            conversations: SharedMap::new(),
            tokens: SharedMap::new(),
            user_groups: SharedMap::new(),
            names: SharedMap::new(),
            channels: SharedMap::new(),
            directs: SharedMap::new(),
            rooms: SharedMap::new(),
            publics: SharedMap::new(),
            general: None,
            admins: SharedMap::new(),
            anonymous: SharedMap::new(),
            webhooks: SharedMap::new(),
            tokens_of: SharedMap::new(),
            token_ends: SharedMap::new(),
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
        let Named::Conversation(id) = self.named(id)? else { return None };
        self.conversation(id)
    }

    /// The user that a spelled id names.
    #[must_use]
    pub fn user_named(&self, id: &str) -> Option<&Arc<User>> {
        let Named::User(id) = self.named(id)? else { return None };
        self.user(id)
    }

    /// The app that a spelled id names.
    #[must_use]
    pub fn app_named(&self, id: &str) -> Option<&Arc<App>> {
        let Named::App(id) = self.named(id)? else { return None };
        self.app(id)
    }

    /// The channel of this name, without `#`.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&Arc<Conversation>> {
        self.conversation(*self.channels.get(name)?)
    }

    /// The direct message between exactly these (sorted) users.
    #[must_use]
    pub fn direct(&self, members: &[UserId]) -> Option<&Arc<Conversation>> {
        let ((found, id), ()) = self.directs.range_from(&(Arc::from(members), ConversationId(0))).next()?;
        if **found == *members { self.conversation(*id) } else { None }
    }

    /// The team's channel, whose Teams id is the team's.
    #[must_use]
    pub fn general(&self) -> Option<&Arc<Conversation>> {
        self.conversation(self.general?)
    }

    /// The first person who is an administrator: what the control API does is theirs.
    #[must_use]
    pub fn administrator(&self) -> Option<&Arc<User>> {
        self.user(*self.admins.keys().next()?)
    }

    /// The apps that calls without a token are; of those in use there is one at most.
    pub fn anonymous(&self) -> impl Iterator<Item = &Arc<App>> {
        self.anonymous.keys().filter_map(|app| self.app(*app))
    }

    /// The app with this incoming webhook.
    #[must_use]
    pub fn app_of_webhook(&self, service_id: &str) -> Option<&Arc<App>> {
        self.app(*self.webhooks.get(service_id)?)
    }

    /// An app's tokens, revoked ones too, in no useful order.
    pub fn tokens_of(&self, app: AppId) -> impl Iterator<Item = &Arc<Token>> {
        let tokens = self.tokens_of.range_from(&(app, TokenHash([0; 32]))).map(|(key, ())| key);
        tokens.take_while(move |(of, _)| *of == app).filter_map(|(_, hash)| self.token(hash))
    }

    /// What this user is in, in the order it was made, after a given one.
    pub fn rooms_after(
        &self,
        user: UserId,
        after: ConversationId,
    ) -> impl Iterator<Item = &Arc<Conversation>> {
        self.room_ids(user, after).filter_map(|id| self.conversation(id))
    }

    fn room_ids(&self, user: UserId, after: ConversationId) -> impl Iterator<Item = ConversationId> {
        let rooms = self.rooms.range_from(&(user, following(after))).map(|(key, ())| *key);
        rooms.take_while(move |(of, _)| *of == user).map(|(_, conversation)| conversation)
    }

    /// What this user may know of: public channels and what they are in; in the order it was made, after a given one.
    pub fn seen_after(
        &self,
        user: UserId,
        after: ConversationId,
    ) -> impl Iterator<Item = &Arc<Conversation>> {
        let mut publics = self.publics.range_from(&following(after)).map(|(id, ())| *id).peekable();
        let mut rooms = self.room_ids(user, after).peekable();
        let ids = std::iter::from_fn(move || {
            let next = publics.peek().into_iter().chain(rooms.peek()).min().copied()?;
            publics.next_if_eq(&next);
            rooms.next_if_eq(&next);
            Some(next)
        });
        ids.filter_map(|id| self.conversation(id))
    }

    /// Looks it up by its number.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// Looks it up by its number.
    #[must_use]
    pub fn app(&self, id: AppId) -> Option<&Arc<App>> {
        self.apps.get(&id)
    }

    /// Looks it up by its number.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.conversations.get(&id)
    }

    /// Looks a token up by its SHA-256, revoked and expired ones included.
    #[must_use]
    pub fn token(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        self.tokens.get(hash)
    }

    /// People and bots, in the order they were made, after a given one.
    pub fn users_after(&self, after: UserId) -> impl Iterator<Item = &Arc<User>> {
        self.users.range_from(&UserId(after.0.saturating_add(1))).map(|(_, user)| user)
    }

    /// All users, in the order they were made.
    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// All conversations, in the order they were made.
    pub fn conversations(&self) -> impl Iterator<Item = &Arc<Conversation>> {
        self.conversations.values()
    }

    /// Conversations, in the order they were made, after a given one.
    pub fn conversations_after(&self, after: ConversationId) -> impl Iterator<Item = &Arc<Conversation>> {
        self.conversations.range_from(&following(after)).map(|(_, conversation)| conversation)
    }

    /// All apps, in the order they were registered.
    pub fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }

    /// Whether no app and no token was changed between two states of one workspace. False says nothing.
    #[must_use]
    pub fn has_same_apps(&self, other: &Self) -> bool {
        self.apps.is_copy_of(&other.apps) && self.tokens.is_copy_of(&other.tokens)
    }

    /// All tokens, revoked ones too, in no useful order.
    pub fn tokens(&self) -> impl Iterator<Item = &Arc<Token>> {
        self.tokens.values()
    }

    /// Looks it up by its number.
    #[must_use]
    pub fn user_group(&self, id: UserGroupId) -> Option<&Arc<UserGroup>> {
        self.user_groups.get(&id)
    }

    /// The user group that a spelled id names.
    #[must_use]
    pub fn user_group_named(&self, id: &str) -> Option<&Arc<UserGroup>> {
        let Named::UserGroup(id) = self.named(id)? else { return None };
        self.user_group(id)
    }

    /// All user groups, in the order they were made.
    pub fn user_groups(&self) -> impl Iterator<Item = &Arc<UserGroup>> {
        self.user_groups.values()
    }

    /// The next free number of a user group.
    #[must_use]
    pub fn next_user_group(&self) -> UserGroupId {
        UserGroupId(self.user_groups.last().map_or(1, |(last, _)| last.0 + 1))
    }

    /// The next free number of a user.
    #[must_use]
    pub fn next_user(&self) -> UserId {
        UserId(self.users.last().map_or(1, |(last, _)| last.0 + 1))
    }

    /// The next free number of an app.
    #[must_use]
    pub fn next_app(&self) -> AppId {
        AppId(self.apps.last().map_or(1, |(last, _)| last.0 + 1))
    }

    /// The next free number of a conversation.
    #[must_use]
    pub fn next_conversation(&self) -> ConversationId {
        ConversationId(self.conversations.last().map_or(1, |(last, _)| last.0 + 1))
    }

    /// Adds or replaces a user.
    pub fn put_user(&mut self, user: User) {
        if let Some(old) = self.users.get(&user.id).cloned() {
            for name in user_names(&old) {
                self.names.remove(&*name);
            }
        }
        let id = user.id;
        self.names.extend(user_names(&user).map(|name| (name.into(), Named::User(id))));
        if user.admin && user.bot_of.is_none() {
            self.admins.add(id);
        } else {
            self.admins.remove(&id);
        }
        self.users.insert(id, Arc::new(user));
    }

    /// Adds or replaces an app.
    pub fn put_app(&mut self, app: App) {
        let id = app.id;
        if let Some(old) = self.apps.get(&id).cloned() {
            for hook in webhooks(&old) {
                self.webhooks.remove(hook);
            }
        }
        self.names.extend(app_names(&app).map(|name| (name.into(), Named::App(id))));
        self.webhooks.extend(webhooks(&app).map(|hook| (hook.into(), id)));
        if app.anonymous {
            self.anonymous.add(id);
        } else {
            self.anonymous.remove(&id);
        }
        self.apps.insert(id, Arc::new(app));
    }

    /// Adds a conversation with its members, or replaces one.
    pub fn put_conversation(&mut self, conversation: Conversation) {
        let id = conversation.id;
        if let Some(old) = self.conversations.get(&id).cloned() {
            self.forget_places(&old);
            for user in old.members.keys() {
                self.rooms.remove(&(*user, id));
            }
        }
        self.rooms.extend(conversation.members.keys().map(|user| ((*user, id), ())));
        self.put_places(&conversation);
        self.conversations.insert(id, Arc::new(conversation));
    }

    /// Replaces all of a conversation but its members and former members.
    pub fn change_conversation(&mut self, conversation: Conversation) {
        let Some(old) = self.conversations.get(&conversation.id).cloned() else { return };
        self.forget_places(&old);
        let changed =
            Conversation { members: old.members.clone(), former: old.former.clone(), ..conversation };
        self.put_places(&changed);
        self.conversations.insert(changed.id, Arc::new(changed));
    }

    /// Puts a user into a conversation, or takes one out.
    pub fn put_member(&mut self, id: ConversationId, user: UserId, membership: Option<Membership>) {
        let Some(old) = self.conversations.get(&id).cloned() else { return };
        let mut changed = Conversation::clone(&old);
        changed.set_membership(user, membership);
        if !changed.is_channel() {
            self.directs.remove(&direct_key(&old));
            self.directs.add(direct_key(&changed));
        }
        if changed.has(user) {
            self.rooms.add((user, id));
        } else {
            self.rooms.remove(&(user, id));
        }
        self.conversations.insert(id, Arc::new(changed));
    }

    /// Makes a conversation known by what it is found by.
    fn put_places(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        for name in [&conversation.slack_id, &conversation.connector_id] {
            self.names.insert(name.as_str().into(), Named::Conversation(id));
        }
        if conversation.is_channel() {
            self.channels.insert(conversation.name.as_str().into(), id);
        } else {
            self.directs.add(direct_key(conversation));
        }
        if conversation.kind == ConversationKind::Public {
            self.publics.add(id);
        }
        if conversation.general {
            self.general = Some(id);
        }
    }

    /// Gives free what a conversation was found by.
    fn forget_places(&mut self, old: &Conversation) {
        if old.is_channel() {
            self.channels.remove(old.name.as_str());
        } else {
            self.directs.remove(&direct_key(old));
        }
        self.publics.remove(&old.id);
        self.general = self.general.filter(|general| *general != old.id);
    }

    /// Adds or replaces a token.
    pub fn put_token(&mut self, token: Token) {
        self.remove_token(&token.hash);
        self.tokens_of.add((token.app, token.hash));
        self.token_ends.extend(token.ends_at().map(|end| ((end, token.hash), ())));
        self.tokens.insert(token.hash, Arc::new(token));
    }

    /// Forgets a token: whoever uses it is refused as with one that never was.
    pub fn remove_token(&mut self, hash: &TokenHash) {
        if let Some(old) = self.tokens.remove(hash) {
            self.tokens_of.remove(&(old.app, old.hash));
            self.token_ends.remove(&(old.ends_at().unwrap_or_default(), old.hash));
        }
    }

    /// Adds or replaces a user group.
    pub fn put_user_group(&mut self, group: UserGroup) {
        if let Some(old) = self.user_groups.get(&group.id) {
            self.names.remove(&*format!("@{}", old.handle));
        }
        for name in [group.slack_id.clone(), format!("@{}", group.handle)] {
            self.names.insert(name.into(), Named::UserGroup(group.id));
        }
        self.user_groups.insert(group.id, Arc::new(group));
    }

    /// How many entries of a kind there are; each kind by itself has [`crate::limits::DIRECTORY_ENTRIES_MAX`] at most.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::User => self.users.len(),
            Kind::App => self.apps.len(),
            Kind::Conversation => self.conversations.len(),
            Kind::Token => self.tokens.len(),
            Kind::UserGroup => self.user_groups.len(),
        }
    }

    /// How many entries of the largest kind there are: what a list of any kind has at most.
    #[must_use]
    pub fn entries(&self) -> usize {
        [Kind::User, Kind::App, Kind::Conversation, Kind::Token, Kind::UserGroup]
            .map(|kind| self.count(kind))
            .into_iter()
            .fold(0, usize::max)
    }

    /// Whether one more entry of a kind may be made. Tokens that have ended make room, see [`Directory::ended_tokens`].
    #[must_use]
    pub fn has_room(&self, kind: Kind) -> bool {
        self.count(kind) < DIRECTORY_ENTRIES_MAX
    }

    /// How many people there are, without bots.
    #[must_use]
    pub fn people(&self) -> usize {
        // Every app has one bot.
        self.users.len().saturating_sub(self.apps.len())
    }

    /// How many channels there are, without direct messages.
    #[must_use]
    pub fn channels_count(&self) -> usize {
        self.channels.len()
    }

    /// Tokens that were revoked or expired by then, with when; the one that ended first comes first.
    pub fn ended_tokens(&self, by: Micros) -> impl Iterator<Item = (Micros, TokenHash)> {
        self.token_ends.keys().copied().take_while(move |(end, _)| *end <= by)
    }

    /// The same workspace under another number.
    #[must_use]
    pub fn renumbered(&self, id: WorkspaceId) -> Self {
        let mut copy = self.clone();
        copy.workspace.id = id;
        copy
    }
}

fn following(after: ConversationId) -> ConversationId {
    ConversationId(after.0.saturating_add(1))
}

/// What a direct message is found by. It has few members.
fn direct_key(conversation: &Conversation) -> (Arc<[UserId]>, ConversationId) {
    (conversation.members.keys().copied().collect(), conversation.id)
}

fn webhooks(app: &App) -> impl Iterator<Item = &str> {
    app.slack.iter().flat_map(|slack| &slack.webhooks).map(|hook| hook.service_id.as_str())
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
    workspaces: SharedMap<WorkspaceId, Arc<Directory>>,
    tokens: SharedMap<TokenHash, WorkspaceId>,
    names: SharedMap<Arc<str>, WorkspaceId>,
    /// The number that the next workspace gets.
    pub next_workspace: WorkspaceId,
}

impl Default for Directories {
    fn default() -> Self {
        Self {
            workspaces: SharedMap::new(),
            tokens: SharedMap::new(),
            names: SharedMap::new(),
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
    /// How much the workspace may hold.
    Quotas(WorkspaceId, Quotas),
    /// A new or changed user.
    User(WorkspaceId, User),
    /// A new or changed app.
    App(WorkspaceId, App),
    /// A new conversation with its first members.
    NewConversation(WorkspaceId, Conversation),
    /// A changed conversation. Its members stay as they are, whatever is said of them here.
    Conversation(WorkspaceId, Conversation),
    /// What a conversation knows of a user from now on.
    Member(WorkspaceId, ConversationId, UserId, Option<Membership>),
    /// A new or changed token.
    Token(WorkspaceId, Token),
    /// A token that ended long ago, or that makes room for a new one.
    RemoveToken(WorkspaceId, TokenHash),
    /// A new or changed user group.
    UserGroup(WorkspaceId, UserGroup),
}

impl Directories {
    /// The workspace of this number; `None` once it was dropped or reset.
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
            DirectoryChange::Quotas(id, quotas) => self.change(*id, |directory| directory.quotas = *quotas),
            DirectoryChange::User(id, user) => self.change(*id, |directory| directory.put_user(user.clone())),
            DirectoryChange::App(id, app) => {
                self.names.insert(app.app_id.as_str().into(), *id);
                self.names.extend(client_id(app).map(|name| (name.into(), *id)));
                self.change(*id, |directory| directory.put_app(app.clone()));
            }
            DirectoryChange::NewConversation(id, conversation) => {
                self.change(*id, |directory| directory.put_conversation(conversation.clone()));
            }
            DirectoryChange::Conversation(id, conversation) => {
                self.change(*id, |directory| directory.change_conversation(conversation.clone()));
            }
            DirectoryChange::Member(id, conversation, user, membership) => {
                self.change(*id, |directory| directory.put_member(*conversation, *user, *membership));
            }
            DirectoryChange::Token(id, token) => {
                self.tokens.insert(token.hash, *id);
                self.change(*id, |directory| directory.put_token(token.clone()));
            }
            DirectoryChange::RemoveToken(id, hash) => {
                self.tokens.remove(hash);
                self.change(*id, |directory| directory.remove_token(hash));
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
        self.names.extend(global_names(directory).map(|name| (name.into(), id)));
        self.workspaces.insert(id, Arc::clone(directory));
    }

    fn drop(&mut self, id: WorkspaceId) {
        if let Some(directory) = self.workspaces.remove(&id) {
            for hash in directory.tokens.keys() {
                self.tokens.remove(hash);
            }
            for name in global_names(&directory) {
                self.names.remove(&*name);
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
