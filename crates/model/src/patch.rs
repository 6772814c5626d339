//! What changes of a thing, member by member. A patch is merged with the thing as it is when the command is decided, so that
//! two patches of different members both come through, and one never brings back what another has changed.
//!
//! `None` keeps a member. Where a member can be taken away, `Some(None)` does so.

use crate::id::UserId;
use crate::workspace::{App, Settings, Shortcut, SlackApp, SlashCommand, User, UserGroup, Workspace};

/// What changes of a workspace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WorkspacePatch {
    /// Its name and its team's.
    pub name: Option<String>,
    /// Its settings; an empty patch of them counts as a change.
    pub settings: Option<SettingsPatch>,
}

/// What changes of a workspace's settings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettingsPatch {
    /// [`Settings::edit_window_micros`].
    pub edit_window_micros: Option<Option<i64>>,
    /// [`Settings::delete_window_micros`].
    pub delete_window_micros: Option<Option<i64>>,
    /// [`Settings::only_admins_delete`].
    pub only_admins_delete: Option<bool>,
    /// [`Retention::deleted_micros`](crate::workspace::Retention).
    pub deleted_micros: Option<i64>,
    /// [`Retention::superseded_micros`](crate::workspace::Retention).
    pub superseded_micros: Option<Option<i64>>,
    /// [`Retention::dead_letters_micros`](crate::workspace::Retention).
    pub dead_letters_micros: Option<i64>,
    /// [`Retention::ephemeral_micros`](crate::workspace::Retention).
    pub ephemeral_micros: Option<i64>,
}

/// What changes of a person or a bot user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserPatch {
    /// The short name, such as `ada`.
    pub name: Option<String>,
    /// The full name that people read.
    pub real_name: Option<String>,
    /// The mail address; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// Administrator of the workspace.
    pub admin: Option<bool>,
    /// Whether clients show them as away.
    pub away: Option<bool>,
    /// Whether the account is deactivated: no token of it is accepted.
    pub deactivated: Option<bool>,
}

/// What changes of an app. Its ids, its dialect, its bot, its secrets and its webhooks are no part of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AppPatch {
    /// The name that people read.
    pub name: Option<String>,
    /// [`App::endpoint`]. Another one has not failed yet, so it switches events on unless the patch says otherwise.
    pub endpoint: Option<Option<String>>,
    /// [`App::reads_all`].
    pub reads_all: Option<bool>,
    /// [`App::expects_replies`].
    pub expects_replies: Option<bool>,
    /// [`App::issuer`].
    pub issuer: Option<Option<String>>,
    /// [`App::anonymous`].
    pub anonymous: Option<bool>,
    /// What only Slack apps have.
    pub slack: SlackPatch,
}

/// What changes of a Slack app.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SlackPatch {
    /// [`SlackApp::redirect_urls`].
    pub redirect_urls: Option<Vec<String>>,
    /// [`SlackApp::bot_scopes`]; sorted.
    pub bot_scopes: Option<Vec<String>>,
    /// [`SlackApp::user_scopes`]; sorted.
    pub user_scopes: Option<Vec<String>>,
    /// [`SlackApp::bot_events`].
    pub bot_events: Option<Vec<String>>,
    /// [`SlackApp::user_events`].
    pub user_events: Option<Vec<String>>,
    /// [`SlackApp::metadata_events`].
    pub metadata_events: Option<Vec<String>>,
    /// [`SlackApp::events_off`].
    pub events_off: Option<bool>,
    /// [`SlackApp::socket_mode`].
    pub socket_mode: Option<bool>,
    /// [`SlackApp::interactivity_url`].
    pub interactivity_url: Option<Option<String>>,
    /// [`SlackApp::options_url`].
    pub options_url: Option<Option<String>>,
    /// [`SlackApp::commands`].
    pub commands: Option<Vec<SlashCommand>>,
    /// [`SlackApp::shortcuts`].
    pub shortcuts: Option<Vec<Shortcut>>,
}

/// What changes of a channel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConversationPatch {
    /// The name, without a `#`.
    pub name: Option<String>,
    /// Whether nothing may be posted to it any more.
    pub archived: Option<bool>,
}

/// What changes of a user group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserGroupPatch {
    /// Short name, without `@`.
    pub handle: Option<String>,
    /// The name that people read.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Everyone who is in it.
    pub users: Option<Vec<UserId>>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
}

fn set<T: Clone>(member: &mut T, patch: Option<&T>) {
    if let Some(new) = patch {
        member.clone_from(new);
    }
}

impl WorkspacePatch {
    pub(crate) fn of(&self, workspace: &Workspace) -> Workspace {
        let mut changed = workspace.clone();
        set(&mut changed.name, self.name.as_ref());
        if let Some(settings) = &self.settings {
            changed.settings = settings.of(&workspace.settings);
        }
        changed
    }
}

impl SettingsPatch {
    fn of(&self, settings: &Settings) -> Settings {
        let mut changed = settings.clone();
        set(&mut changed.edit_window_micros, self.edit_window_micros.as_ref());
        set(&mut changed.delete_window_micros, self.delete_window_micros.as_ref());
        set(&mut changed.only_admins_delete, self.only_admins_delete.as_ref());
        let retention = &mut changed.retention;
        set(&mut retention.deleted_micros, self.deleted_micros.as_ref());
        set(&mut retention.superseded_micros, self.superseded_micros.as_ref());
        set(&mut retention.dead_letters_micros, self.dead_letters_micros.as_ref());
        set(&mut retention.ephemeral_micros, self.ephemeral_micros.as_ref());
        changed
    }
}

impl UserPatch {
    pub(crate) fn of(&self, user: &User) -> User {
        let mut changed = user.clone();
        set(&mut changed.name, self.name.as_ref());
        set(&mut changed.real_name, self.real_name.as_ref());
        set(&mut changed.email, self.email.as_ref());
        set(&mut changed.admin, self.admin.as_ref());
        set(&mut changed.away, self.away.as_ref());
        set(&mut changed.deactivated, self.deactivated.as_ref());
        changed
    }
}

impl AppPatch {
    pub(crate) fn of(&self, app: &App) -> App {
        let mut changed = app.clone();
        set(&mut changed.name, self.name.as_ref());
        set(&mut changed.endpoint, self.endpoint.as_ref());
        set(&mut changed.reads_all, self.reads_all.as_ref());
        set(&mut changed.expects_replies, self.expects_replies.as_ref());
        set(&mut changed.issuer, self.issuer.as_ref());
        set(&mut changed.anonymous, self.anonymous.as_ref());
        if let Some(slack) = &mut changed.slack {
            if self.endpoint.is_some() {
                slack.events_off = false;
            }
            self.slack.apply(slack);
        }
        changed
    }
}

impl SlackPatch {
    /// Whether it changes nothing, and so is for apps of either dialect.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply(&self, slack: &mut SlackApp) {
        set(&mut slack.redirect_urls, self.redirect_urls.as_ref());
        set(&mut slack.bot_scopes, self.bot_scopes.as_ref());
        set(&mut slack.user_scopes, self.user_scopes.as_ref());
        set(&mut slack.bot_events, self.bot_events.as_ref());
        set(&mut slack.user_events, self.user_events.as_ref());
        set(&mut slack.metadata_events, self.metadata_events.as_ref());
        set(&mut slack.events_off, self.events_off.as_ref());
        set(&mut slack.socket_mode, self.socket_mode.as_ref());
        set(&mut slack.interactivity_url, self.interactivity_url.as_ref());
        set(&mut slack.options_url, self.options_url.as_ref());
        set(&mut slack.commands, self.commands.as_ref());
        set(&mut slack.shortcuts, self.shortcuts.as_ref());
    }
}

impl UserGroupPatch {
    pub(crate) fn of(&self, group: &UserGroup) -> UserGroup {
        let mut changed = group.clone();
        set(&mut changed.handle, self.handle.as_ref());
        set(&mut changed.name, self.name.as_ref());
        set(&mut changed.description, self.description.as_ref());
        set(&mut changed.users, self.users.as_ref());
        set(&mut changed.disabled, self.disabled.as_ref());
        changed
    }
}
