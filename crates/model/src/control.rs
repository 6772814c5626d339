//! What the control API and the command line do: workspaces and what they hold.
//!
//! Whoever holds the control token may do all of it, so nothing here asks for rights. Only these commands make, reset and drop
//! workspaces; nothing else may change the numbers of things.

use std::sync::Arc;

use crate::command::Revocation;
use crate::conversations::{archival, archiving, former, renamed, stamped};
use crate::decide::Draft;
use crate::decision::{Change, Decision, Halt, Moment, Outcome};
use crate::directory::{Directories, Directory, DirectoryChange, Kind, client_id};
use crate::event::EventKind;
use crate::id::{AppId, ConversationId, TokenHash, UserGroupId, UserId, WorkspaceId};
use crate::install::room_for_tokens;
use crate::item::{Code, Grant, Item, ItemKey};
use crate::limits::{
    CLOCK_AHEAD_MICROS_MAX, MEMBERS_MAX, SECRET_OVERLAP_MICROS_MAX, USER_GROUP_MEMBERS_MAX, USER_GROUPS_MAX,
    WEBHOOKS_MAX,
};
use crate::notice::{self, Notice};
use crate::patch::{AppPatch, ConversationPatch, UserGroupPatch, UserPatch, WorkspacePatch};
use crate::quota::QuotasPatch;
use crate::view::View;
use crate::workspace::{
    App, Conversation, Membership, NewToken, OldSecret, Secret, SecretKind, SlackApp, Token, TokenKind, User,
    UserGroup, Webhook, Workspace,
};

/// What somebody did to the whole server. Each workspace's audit names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAct {
    /// Content that was deleted is erased at once, whatever the retention.
    Purge,
    /// The keys that sign the Connector's tokens went one step on.
    TurnSigningKeys,
    /// The control API has a new token.
    ChangeControlToken,
    /// The control API's replaced token is no longer accepted.
    WithdrawControlToken,
}

/// One act of control.
#[derive(Clone, Debug)]
pub enum Control {
    /// A workspace, whole. Its number is given here.
    CreateWorkspace(Arc<Directory>),
    /// The end of a workspace and everything in it.
    DropWorkspace,
    /// The workspace as it was created: same ids and tokens, no messages, its clock without offset.
    ResetWorkspace,
    /// Another name, other settings.
    PatchWorkspace(WorkspacePatch),
    /// How much the workspace may hold from now on. What is there stays.
    PatchQuotas(QuotasPatch),
    /// Nothing changes but the audit: something was done to the whole server.
    Record(ServerAct),
    /// The workspace's clock goes forward by so many microseconds; see [`CLOCK_AHEAD_MICROS_MAX`].
    AdvanceClock(i64),
    /// A person. The number is given here.
    AddUser(User),
    /// Another name, role or state for a user.
    PatchUser(UserId, UserPatch),
    /// An app with its bot user, its tokens and the conversations that the bot is in. Numbers are given here.
    AddApp {
        /// The new app; its number is given when it is decided.
        app: App,
        /// The user that posts as it.
        bot: User,
        /// Its tokens.
        tokens: Vec<NewToken>,
        /// Where the bot is a member.
        member_of: Vec<ConversationId>,
    },
    /// Another name, endpoint, issuer or right for an app. Its tokens stay; those that could do what the app asked for can
    /// do what it asks for now.
    PatchApp(AppId, Box<AppPatch>),
    /// A Slack app gets no events until it is changed again: its endpoint keeps failing. If it has another endpoint by
    /// now, nothing happens.
    SwitchEventsOff {
        /// The app that is changed.
        app: AppId,
        /// The endpoint that fails; `None` of connections.
        endpoint: Option<String>,
    },
    /// A new secret in the place of an old one.
    ChangeSecret {
        /// The app whose secret is changed.
        app: AppId,
        /// The new secret.
        secret: Secret,
        /// How long the old one stays good, at most [`SECRET_OVERLAP_MICROS_MAX`]; 0 ends it at once. One that was replaced
        /// before ends in any case.
        overlap_micros: i64,
    },
    /// The end of a replaced secret before its time.
    WithdrawSecret(AppId, SecretKind),
    /// The app's tokens are revoked; its messages stay.
    UninstallApp(AppId),
    /// Another incoming webhook of a Slack app.
    AddWebhook(AppId, Webhook),
    /// The end of an incoming webhook, by its `B…`.
    RemoveWebhook(AppId, String),
    /// A channel. The number is given here.
    AddConversation(Conversation),
    /// A user becomes a member. Doing so again changes nothing.
    AddMember(ConversationId, UserId),
    /// A member less.
    RemoveMember(ConversationId, UserId),
    /// Another name for a channel; archived or not.
    PatchConversation(ConversationId, ConversationPatch),
    /// A user group. The number is given here.
    AddUserGroup(UserGroup),
    /// Another name, description, state or other members for a user group.
    PatchUserGroup(UserGroupId, UserGroupPatch),
    /// A code with which a person installs an app (OAuth), by the hash of the code.
    AddCode([u8; 32], Code),
    /// A new token.
    AddToken(Token),
    /// The end of a token.
    RevokeToken(TokenHash),
    /// A new token in the place of an old one.
    RotateToken {
        /// The end of this one.
        old: TokenHash,
        /// The beginning of that one.
        new: TokenHash,
        /// How the new one is shown to people.
        hint: String,
    },
}

/// Why an act of control was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlRefusal {
    /// There is no workspace of this number.
    WorkspaceNotFound,
    /// An id, a name or a token that something else has.
    Taken(String),
    /// Something that the act names does not exist.
    NotFound(&'static str),
    /// The workspace is full.
    Full,
    /// A clock does not go back.
    ClockGoesBack,
    /// The clock would be further ahead of the machine's than it may be.
    ClockTooFarAhead,
    /// The workspace has a bot for calls without a token already.
    SecondAnonymous,
}

use ControlRefusal as R;

/// The workspace whose numbers a command uses up: a created or reset one begins its own.
#[must_use]
pub fn numbered_in(command: &crate::command::Command, directories: &Directories) -> WorkspaceId {
    let begins = matches!(
        &command.verb,
        crate::command::Verb::Control(control)
            if matches!(**control, Control::CreateWorkspace(_) | Control::ResetWorkspace)
    );
    if begins { directories.next_workspace } else { command.workspace }
}

/// Decides an act of control.
pub(crate) fn decide(
    control: &Control,
    workspace: WorkspaceId,
    view: &dyn View,
    moment: Moment,
) -> Result<Decision, Halt> {
    let directories = view.directories();
    let draft = Draft::new(moment, None);
    if let Control::CreateWorkspace(directory) = control {
        return create(directory, directories, draft);
    }
    let directory = directories.get(workspace).ok_or(R::WorkspaceNotFound)?;
    if let Control::DropWorkspace = control {
        return Ok(drop_workspace(workspace, draft));
    }
    if let Control::ResetWorkspace = control {
        let origin = view.origin(workspace)?.ok_or(R::WorkspaceNotFound)?;
        return Ok(reset(workspace, &origin, directories, draft));
    }
    let mut act = Act { directory, directories, moment, draft };
    let outcome = act.decide(control)?;
    Ok(act.draft.done(outcome))
}

fn create(directory: &Directory, directories: &Directories, mut draft: Draft) -> Result<Decision, Halt> {
    for name in [&directory.workspace.team_id, &directory.workspace.tenant_id]
        .into_iter()
        .chain(directory.apps().map(|app| &app.app_id))
    {
        free(directories.of_name(name).is_none(), name)?;
    }
    for name in directory.apps().filter_map(|app| client_id(app)) {
        free(directories.of_name(&name).is_none(), &name)?;
    }
    if 1 < directory.apps().filter(|app| app.anonymous).count() {
        return Err(R::SecondAnonymous.into());
    }
    for token in directory.tokens() {
        free(directories.of_token(&token.hash).is_none(), &token.hint)?;
    }
    let id = directories.next_workspace;
    draft.directory(DirectoryChange::Create(Arc::new(directory.renumbered(id))));
    draft.event(EventKind::WorkspaceCreated);
    Ok(draft.done(Outcome::Workspace(id)))
}

fn drop_workspace(workspace: WorkspaceId, mut draft: Draft) -> Decision {
    draft.directory(DirectoryChange::Drop(workspace));
    draft.done(Outcome::Done)
}

fn reset(
    workspace: WorkspaceId,
    origin: &Directory,
    directories: &Directories,
    mut draft: Draft,
) -> Decision {
    let id = directories.next_workspace;
    draft.directory(DirectoryChange::Drop(workspace));
    draft.directory(DirectoryChange::Create(Arc::new(origin.renumbered(id))));
    draft.event(EventKind::WorkspaceCreated);
    draft.done(Outcome::Workspace(id))
}

fn free(is_free: bool, name: &str) -> Result<(), R> {
    if is_free { Ok(()) } else { Err(R::Taken(name.to_owned())) }
}

struct Act<'a> {
    directory: &'a Directory,
    directories: &'a Directories,
    moment: Moment,
    draft: Draft,
}

impl Act<'_> {
    fn decide(&mut self, control: &Control) -> Result<Outcome, R> {
        match control {
            Control::PatchQuotas(patch) => {
                let quotas = patch.merged(self.directory.quotas);
                self.draft.directory(DirectoryChange::Quotas(self.id(), quotas));
                self.draft.event(EventKind::WorkspaceChanged);
                Ok(Outcome::Done)
            }
            Control::Record(_) => Ok(Outcome::Done),
            Control::PatchWorkspace(patch) => Ok(self.patch_workspace(patch)),
            Control::AdvanceClock(micros) => self.advance(*micros),
            Control::AddUser(user) => self.add_user(user),
            Control::PatchUser(user, patch) => self.patch_user(*user, patch),
            Control::AddApp { app, bot, tokens, member_of } => self.add_app(app, bot, tokens, member_of),
            Control::PatchApp(app, patch) => self.patch_app(*app, patch),
            Control::SwitchEventsOff { app, endpoint } => self.switch_events_off(*app, endpoint.as_ref()),
            Control::ChangeSecret { app, secret, overlap_micros } => {
                self.change_secret(*app, secret, *overlap_micros)
            }
            Control::WithdrawSecret(app, kind) => self.withdraw_secret(*app, *kind),
            Control::UninstallApp(app) => self.uninstall(*app),
            Control::AddWebhook(app, webhook) => self.add_webhook(*app, webhook),
            Control::RemoveWebhook(app, id) => self.remove_webhook(*app, id),
            Control::AddConversation(conversation) => self.add_conversation(conversation),
            Control::AddMember(conversation, user) => self.add_member(*conversation, *user),
            Control::RemoveMember(conversation, user) => self.remove_member(*conversation, *user),
            Control::PatchConversation(id, patch) => self.patch_conversation(*id, patch),
            Control::AddUserGroup(group) => self.add_user_group(group),
            Control::PatchUserGroup(group, patch) => self.patch_user_group(*group, patch),
            Control::AddCode(hash, code) => self.add_code(*hash, code),
            Control::AddToken(token) => {
                self.room_for_tokens(1)?;
                self.token_free(&token.hash, &token.hint)?;
                self.app(token.app)?;
                self.user(token.user)?;
                self.put_token(token.clone());
                Ok(Outcome::Done)
            }
            Control::RevokeToken(hash) => {
                let token = self.token(hash)?;
                self.end_token(token);
                Ok(Outcome::Revoked(Revocation::Revoked))
            }
            Control::RotateToken { old, new, hint } => {
                let token = self.token(old)?;
                if token.revoked {
                    return Err(R::NotFound("token in use"));
                }
                let fresh = Token { hash: *new, hint: hint.clone(), expires_at: None, ..token.clone() };
                self.token_free(&fresh.hash, &fresh.hint)?;
                self.end_token(token);
                self.put_token(fresh);
                Ok(Outcome::Done)
            }
            Control::CreateWorkspace(_) | Control::DropWorkspace | Control::ResetWorkspace => {
                Err(R::NotFound("workspace"))
            }
        }
    }

    fn id(&self) -> WorkspaceId {
        self.directory.workspace.id
    }

    fn room(&self, kind: Kind) -> Result<(), R> {
        if self.directory.has_room(kind) { Ok(()) } else { Err(R::Full) }
    }

    fn room_for_tokens(&mut self, count: usize) -> Result<(), R> {
        let room = room_for_tokens(count, self.directory, self.moment, &mut self.draft);
        if room { Ok(()) } else { Err(R::Full) }
    }

    fn app(&self, id: AppId) -> Result<App, R> {
        self.directory.app(id).map(|app| App::clone(app)).ok_or(R::NotFound("app"))
    }

    fn user(&self, id: UserId) -> Result<User, R> {
        self.directory.user(id).map(|user| User::clone(user)).ok_or(R::NotFound("user"))
    }

    fn conversation(&self, id: ConversationId) -> Result<Conversation, R> {
        self.directory.conversation(id).map(|found| Conversation::clone(found)).ok_or(R::NotFound("channel"))
    }

    fn token(&self, hash: &TokenHash) -> Result<Token, R> {
        self.directory.token(hash).map(|token| Token::clone(token)).ok_or(R::NotFound("token"))
    }

    fn token_free(&self, hash: &TokenHash, hint: &str) -> Result<(), R> {
        free(self.directories.of_token(hash).is_none(), hint)
    }

    fn names_free<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), R> {
        names.into_iter().try_for_each(|name| free(self.directory.named(name).is_none(), name))
    }

    fn workspace(&mut self, workspace: Workspace) {
        self.draft.directory(DirectoryChange::Workspace(workspace));
        self.draft.event(EventKind::WorkspaceChanged);
    }

    fn put_user(&mut self, user: User) {
        let id = user.id;
        let user = User { updated_at: self.moment.at, ..user };
        self.draft.directory(DirectoryChange::User(self.id(), user));
        self.draft.event(EventKind::UserChanged(id));
    }

    fn put_app(&mut self, app: App, event: EventKind) {
        let mut app = App { updated_at: self.moment.at, ..app };
        app.old_secrets.retain(|old| self.moment.at < old.until);
        self.draft.directory(DirectoryChange::App(self.id(), app));
        self.draft.event(event);
    }

    fn add_to(&mut self, conversation: &Conversation, user: UserId) {
        let member = Some(Membership::Member(self.moment.at));
        self.put_member(
            conversation,
            user,
            member,
            EventKind::MemberJoined { conversation: conversation.id, user },
        );
    }

    fn put_member(
        &mut self,
        conversation: &Conversation,
        user: UserId,
        membership: Option<Membership>,
        event: EventKind,
    ) {
        self.put_conversation(conversation.clone(), event);
        self.draft.directory(DirectoryChange::Member(self.id(), conversation.id, user, membership));
    }

    fn put_conversation(&mut self, conversation: Conversation, event: EventKind) {
        let conversation = Conversation { updated_at: self.moment.at, ..conversation };
        self.draft.directory(DirectoryChange::Conversation(self.id(), conversation));
        self.draft.event(event);
    }

    /// What the platform writes when something changes by control, in somebody's name.
    fn notice(&mut self, notice: &Notice<'_>, conversation: &Conversation, author: UserId) {
        notice::write(notice, conversation, author, self.directory, &mut self.draft);
    }

    fn put_token(&mut self, token: Token) {
        let app = token.app;
        self.draft.directory(DirectoryChange::Token(self.id(), token));
        self.draft.event(EventKind::TokenMinted(app));
    }

    fn end_token(&mut self, token: Token) {
        let (app, user) = (token.app, token.user);
        self.draft.directory(DirectoryChange::Token(self.id(), token.revoked(self.moment.at)));
        self.draft.event(EventKind::TokenRevoked { app, user });
    }

    fn advance(&mut self, micros: i64) -> Result<Outcome, R> {
        if micros < 0 {
            return Err(R::ClockGoesBack);
        }
        let mut workspace = self.directory.workspace.clone();
        let ahead = workspace.clock_offset_micros.saturating_add(micros);
        if CLOCK_AHEAD_MICROS_MAX < ahead {
            return Err(R::ClockTooFarAhead);
        }
        workspace.clock_offset_micros = ahead;
        self.workspace(workspace);
        Ok(Outcome::Done)
    }

    fn add_user(&mut self, user: &User) -> Result<Outcome, R> {
        self.room(Kind::User)?;
        self.user_free(user)?;
        let id = self.directory.next_user();
        self.put_user(User { id, ..user.clone() });
        self.join_general(id, &user.slack_id);
        Ok(Outcome::User(id))
    }

    fn user_free(&self, user: &User) -> Result<(), R> {
        let short = format!("@{}", user.name);
        self.names_free([&*user.slack_id, &*user.member_id, &*user.directory_id, &*short])?;
        self.names_free(user.mail_name().as_deref())
    }

    /// Everyone is in the team's channel.
    fn join_general(&mut self, user: UserId, slack_id: &str) {
        let Some(general) = self.directory.general() else { return };
        self.add_to(general, user);
        let joined = Notice::Joined { by: None };
        notice::write_for_new(&joined, general, (user, slack_id), self.directory, &mut self.draft);
    }

    fn patch_workspace(&mut self, patch: &WorkspacePatch) -> Outcome {
        let changed = patch.of(&self.directory.workspace);
        let is_renamed = changed.name != self.directory.workspace.name;
        if is_renamed || patch.settings.is_some() {
            self.draft.directory(DirectoryChange::Workspace(changed));
        }
        if is_renamed {
            self.draft.event(EventKind::WorkspaceRenamed);
        }
        if patch.settings.is_some() {
            self.draft.event(EventKind::WorkspaceChanged);
        }
        Outcome::Done
    }

    fn patch_user(&mut self, id: UserId, patch: &UserPatch) -> Result<Outcome, R> {
        let old = self.user(id)?;
        let user = patch.of(&old);
        if old.name != user.name {
            self.names_free([&*format!("@{}", user.name)])?;
        }
        if old.mail_name() != user.mail_name() {
            self.names_free(user.mail_name().as_deref())?;
        }
        self.put_user(user);
        Ok(Outcome::User(id))
    }

    fn add_app(
        &mut self,
        app: &App,
        bot: &User,
        tokens: &[NewToken],
        member_of: &[ConversationId],
    ) -> Result<Outcome, R> {
        self.room(Kind::User)?;
        self.room(Kind::App)?;
        self.room_for_tokens(tokens.len())?;
        self.user_free(bot)?;
        self.names_free([&*app.slack_id, &*app.bot_id])?;
        for name in [Some(app.app_id.clone()), client_id(app)].into_iter().flatten() {
            free(self.directories.of_name(&name).is_none(), &name)?;
        }
        let (id, bot_user) = (self.directory.next_app(), self.directory.next_user());
        for token in tokens {
            self.token_free(&token.hash, &token.hint)?;
        }
        if let Some(person) = app.installed_by {
            self.user(person)?;
        }
        self.one_anonymous(app, id)?;
        let member_of: Vec<Conversation> =
            member_of.iter().map(|id| self.conversation(*id)).collect::<Result<_, _>>()?;

        self.put_user(User { id: bot_user, bot_of: Some(id), ..bot.clone() });
        let hears_from = self.moment.position;
        self.put_app(App { id, bot_user, hears_from, ..app.clone() }, EventKind::AppInstalled(id));
        for token in tokens {
            self.put_token(token.clone().of(id, bot_user));
        }
        for conversation in member_of {
            self.add_to(&conversation, bot_user);
            let notice = Notice::Joined { by: app.installed_by };
            let author = (bot_user, bot.slack_id.as_str());
            notice::write_for_new(&notice, &conversation, author, self.directory, &mut self.draft);
        }
        Ok(Outcome::App(id))
    }

    fn one_anonymous(&self, app: &App, id: AppId) -> Result<(), R> {
        let other = |other: &Arc<App>| !other.uninstalled && other.id != id;
        if app.anonymous && self.directory.anonymous().any(other) { Err(R::SecondAnonymous) } else { Ok(()) }
    }

    /// Delivery to an app that gets an endpoint begins with this change, and delivery to one that loses it ends.
    fn patch_app(&mut self, id: AppId, patch: &AppPatch) -> Result<Outcome, R> {
        let old = self.app(id)?;
        if old.slack.is_none() && !patch.slack.is_empty() {
            return Err(R::NotFound("Slack app"));
        }
        let changed = patch.of(&old);
        self.one_anonymous(&changed, id)?;
        let hears_from =
            if old.is_told() == changed.is_told() { old.hears_from } else { self.moment.position };
        self.rescope(&old, &changed);
        self.put_app(App { hears_from, ..changed }, EventKind::AppChanged(id));
        Ok(Outcome::App(id))
    }

    /// An app that asks for other scopes gets them, as by installing it again. Tokens of other scopes than those that it
    /// asked for were made by hand and stay.
    fn rescope(&mut self, old: &App, new: &App) {
        let (Some(had), Some(has)) = (&old.slack, &new.slack) else { return };
        for token in self.directory.tokens_of(old.id).filter(|token| !token.revoked) {
            let (had, has) = match token.kind {
                TokenKind::Bot => (&had.bot_scopes, &has.bot_scopes),
                TokenKind::User => (&had.user_scopes, &has.user_scopes),
                TokenKind::App => continue,
            };
            if token.scopes == *had && had != has {
                let changed = Token { scopes: has.clone(), ..Token::clone(token) };
                self.draft.directory(DirectoryChange::Token(self.id(), changed));
            }
        }
    }

    fn slack_app(&self, id: AppId) -> Result<(App, Box<SlackApp>), R> {
        let mut app = self.app(id)?;
        let slack = app.slack.take().ok_or(R::NotFound("Slack app"))?;
        Ok((app, slack))
    }

    fn add_webhook(&mut self, id: AppId, webhook: &Webhook) -> Result<Outcome, R> {
        let (app, mut slack) = self.slack_app(id)?;
        if app.uninstalled {
            return Err(R::NotFound("app in use"));
        }
        free(self.directory.app_of_webhook(&webhook.service_id).is_none(), &webhook.service_id)?;
        if WEBHOOKS_MAX <= slack.webhooks.len() {
            return Err(R::Full);
        }
        self.conversation(webhook.conversation)?;
        self.user(webhook.by)?;
        slack.webhooks.push(webhook.clone());
        self.put_app(App { slack: Some(slack), ..app }, EventKind::AppChanged(id));
        Ok(Outcome::App(id))
    }

    fn remove_webhook(&mut self, id: AppId, service_id: &str) -> Result<Outcome, R> {
        let (app, mut slack) = self.slack_app(id)?;
        let place = slack.webhooks.iter().position(|hook| hook.service_id == service_id);
        slack.webhooks.remove(place.ok_or(R::NotFound("webhook"))?);
        self.put_app(App { slack: Some(slack), ..app }, EventKind::AppChanged(id));
        Ok(Outcome::App(id))
    }

    fn patch_conversation(&mut self, id: ConversationId, patch: &ConversationPatch) -> Result<Outcome, R> {
        let conversation = self.conversation(id)?;
        if patch.name.is_some() && !conversation.is_channel() {
            return Err(R::NotFound("channel"));
        }
        let name = patch.name.as_ref().filter(|name| **name != conversation.name);
        if let Some(name) = name {
            free(self.directory.channel(name).is_none(), name)?;
        }
        let archived = patch.archived.filter(|archived| *archived != conversation.archived);

        let mut changed = conversation.clone();
        if let Some(name) = name {
            changed = renamed(&changed, name);
            self.put_conversation(changed.clone(), EventKind::ConversationRenamed(id));
            let notice = Notice::Renamed { old: &conversation.name, new: name };
            self.notice(&notice, &conversation, conversation.creator);
        }
        if let Some(archived) = archived {
            changed.archived = archived;
            self.put_conversation(changed.clone(), archiving(id, archived));
            self.notice(&archival(archived), &changed, conversation.creator);
        }
        Ok(Outcome::Conversation(id, name.is_some() || archived.is_some()))
    }

    fn switch_events_off(&mut self, id: AppId, endpoint: Option<&String>) -> Result<Outcome, R> {
        let mut app = self.app(id)?;
        let failing = app.endpoint.as_ref() == endpoint;
        let slack = app.slack.as_mut().ok_or(R::NotFound("Slack app"))?;
        if failing && !std::mem::replace(&mut slack.events_off, true) {
            let hears_from = self.moment.position;
            self.put_app(App { hears_from, ..app }, EventKind::AppChanged(id));
        }
        Ok(Outcome::App(id))
    }

    fn change_secret(&mut self, id: AppId, secret: &Secret, overlap_micros: i64) -> Result<Outcome, R> {
        let mut app = self.app(id)?;
        let replaced = app.replace_secret(secret).ok_or(R::NotFound("secret of this kind"))?;
        app.old_secrets.retain(|old| old.secret.kind() != secret.kind());
        let until = self.moment.at.plus(overlap_micros.clamp(0, SECRET_OVERLAP_MICROS_MAX));
        app.old_secrets.push(OldSecret { secret: replaced, until });
        self.put_app(app, EventKind::AppChanged(id));
        Ok(Outcome::App(id))
    }

    fn withdraw_secret(&mut self, id: AppId, kind: SecretKind) -> Result<Outcome, R> {
        let mut app = self.app(id)?;
        app.old_secret(kind, self.moment.at).ok_or(R::NotFound("replaced secret that is still good"))?;
        app.old_secrets.retain(|old| old.secret.kind() != kind);
        self.put_app(app, EventKind::AppChanged(id));
        Ok(Outcome::App(id))
    }

    fn uninstall(&mut self, id: AppId) -> Result<Outcome, R> {
        let app = self.app(id)?;
        let tokens: Vec<Token> = self
            .directory
            .tokens_of(id)
            .filter(|token| !token.revoked)
            .map(|token| Token::clone(token))
            .collect();
        for token in tokens {
            self.end_token(token);
        }
        self.put_app(App { uninstalled: true, ..app }, EventKind::AppUninstalled(id));
        Ok(Outcome::App(id))
    }

    fn add_conversation(&mut self, conversation: &Conversation) -> Result<Outcome, R> {
        self.room(Kind::Conversation)?;
        self.names_free([&*conversation.slack_id, &*conversation.connector_id])?;
        free(self.directory.channel(&conversation.name).is_none(), &conversation.name)?;
        for member in conversation.members.keys() {
            self.user(*member)?;
        }
        let id = self.directory.next_conversation();
        let made = stamped(conversation, id, self.moment.at);
        self.draft.directory(DirectoryChange::NewConversation(self.id(), made));
        self.draft.event(EventKind::ConversationCreated(id));
        Ok(Outcome::Conversation(id, true))
    }

    fn add_member(&mut self, conversation: ConversationId, user: UserId) -> Result<Outcome, R> {
        let conversation = self.conversation(conversation)?;
        self.user(user)?;
        let id = conversation.id;
        if conversation.has(user) {
            return Ok(Outcome::Conversation(id, false));
        }
        if MEMBERS_MAX <= conversation.members.len() {
            return Err(R::Full);
        }
        self.add_to(&conversation, user);
        self.notice(&Notice::Joined { by: None }, &conversation, user);
        Ok(Outcome::Conversation(id, true))
    }

    fn remove_member(&mut self, conversation: ConversationId, user: UserId) -> Result<Outcome, R> {
        let conversation = self.conversation(conversation)?;
        let id = conversation.id;
        if !conversation.has(user) {
            return Ok(Outcome::Conversation(id, false));
        }
        let left = EventKind::MemberLeft { conversation: id, user };
        self.put_member(&conversation, user, former(user, self.directory), left);
        self.notice(&Notice::Left, &conversation, user);
        Ok(Outcome::Conversation(id, true))
    }

    fn add_user_group(&mut self, group: &UserGroup) -> Result<Outcome, R> {
        if USER_GROUPS_MAX <= self.directory.count(Kind::UserGroup) {
            return Err(R::Full);
        }
        self.names_free([&*group.slack_id, &*format!("@{}", group.handle)])?;
        let (id, now) = (self.directory.next_user_group(), self.moment.at);
        self.put_user_group(UserGroup { id, created_at: now, ..group.clone() })
    }

    fn patch_user_group(&mut self, id: UserGroupId, patch: &UserGroupPatch) -> Result<Outcome, R> {
        let old = self.directory.user_group(id).ok_or(R::NotFound("user group"))?;
        let group = patch.of(old);
        if old.handle != group.handle {
            self.names_free([&*format!("@{}", group.handle)])?;
        }
        self.put_user_group(group)
    }

    fn put_user_group(&mut self, group: UserGroup) -> Result<Outcome, R> {
        if USER_GROUP_MEMBERS_MAX < group.users.len() {
            return Err(R::Full);
        }
        for user in &group.users {
            self.user(*user)?;
        }
        let id = group.id;
        let group = UserGroup { updated_at: self.moment.at, ..group };
        self.draft.directory(DirectoryChange::UserGroup(self.id(), group));
        self.draft.event(EventKind::UserGroupChanged(id));
        Ok(Outcome::UserGroup(id))
    }

    /// The code's hash is 256 bits of a secret; no two are the same.
    fn add_code(&mut self, hash: [u8; 32], code: &Code) -> Result<Outcome, R> {
        let app = self.app(code.app)?;
        self.user(code.user)?;
        if app.slack.is_none() {
            return Err(R::NotFound("Slack app"));
        }
        let item = Item::Grant(Grant::Code(Code { made_at: self.moment.at, used: false, ..code.clone() }));
        self.draft.change(Change::PutItem(ItemKey::Grant(hash), Some(item)));
        Ok(Outcome::Done)
    }
}
