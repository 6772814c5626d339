//! What a name may hold: no character that ends a line, moves a terminal's cursor or turns the reading direction.
//!
//! Names go into tables, logs, shell files and terminals. They are checked where every change of a directory passes,
//! so no way in can forget it; whoever prints a text from outside escapes it with [`escaped`] all the same, since
//! folders hold names that were stored before this rule, and messages follow no such rule.

use std::borrow::Cow;
use std::fmt::Write;

use crate::command::{Command, Verb};
use crate::control::Control;
use crate::decision::{Change, Decision, Halt, Why};
use crate::directory::{Directories, Directory, DirectoryChange};
use crate::id::WorkspaceId;
use crate::item::Item;
use crate::workspace::{App, Conversation, Token, User, UserGroup, Workspace};

/// What has a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// A workspace: name, domain, ids.
    Workspace,
    /// A person or a bot's user: names, mail address, ids.
    Person,
    /// An app: name, ids, addresses, scopes, events, commands, shortcuts.
    App,
    /// A channel: name, ids.
    Channel,
    /// A token: how it is shown to people, scopes.
    Token,
    /// A user group: handle, name, id.
    UserGroup,
    /// A file: its name.
    File,
}

impl Named {
    /// What it is called in a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Person => "person",
            Self::App => "app",
            Self::Channel => "channel",
            Self::Token => "token",
            Self::UserGroup => "user group",
            Self::File => "file",
        }
    }

    /// Why a name was refused, as a sentence.
    #[must_use]
    pub fn refusal(self, forbidden: char) -> String {
        let code = u32::from(forbidden);
        format!(
            "a name of the {} has the character U+{code:04X}; no name may have a control character",
            self.words()
        )
    }
}

/// The first character that no name may hold: controls (C0, DEL, C1), line and paragraph separators, and the characters
/// that override or isolate the reading direction. Right-to-left names need none of the latter; with them, a name can
/// show as another. Joiners and direction marks are part of ordinary names and emoji, and stay allowed.
#[must_use]
pub fn forbidden(text: &str) -> Option<char> {
    text.chars().find(|character| is_forbidden(*character))
}

fn is_forbidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line that a terminal shows as it is: what [`forbidden`] finds is written as `\n`, `\t`, `\r` or
/// `\u001b`, as in JSON.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, "")
}

/// The same with line breaks and tabs left as they are, for texts of several lines.
#[must_use]
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, "\n\t")
}

fn escaped_but<'a>(text: &'a str, allowed: &str) -> Cow<'a, str> {
    let escapes = |character: char| is_forbidden(character) && !allowed.contains(character);
    if !text.contains(escapes) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            _ if !escapes(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            // Writing to a string does not fail.
            _ => drop(write!(shown, "\\u{:04x}", u32::from(character))),
        }
    }
    Cow::Owned(shown)
}

/// Refuses a decision that would store a name with a forbidden character. A name that is stored already stays, so that
/// whatever has one can still be changed or reset.
pub(crate) fn check(command: &Command, decision: &Decision, directories: &Directories) -> Result<(), Halt> {
    if matches!(&command.verb, Verb::Control(control) if matches!(**control, Control::ResetWorkspace)) {
        return Ok(());
    }
    let mut found = None;
    for change in &decision.changes {
        match change {
            Change::Directory(change) => names(change, &mut |named, name| {
                if let Some(character) = forbidden(name)
                    && !is_stored(change, name, directories)
                {
                    found = found.or(Some((named, character)));
                }
            }),
            Change::PutItem(_, Some(Item::File(file))) if !file.complete => {
                found = found.or(forbidden(&file.name).map(|character| (Named::File, character)));
            }
            Change::PutItem(..)
            | Change::PutMessage(_)
            | Change::RemoveMessage(_)
            | Change::PutRevision(..)
            | Change::RemoveRevision(..)
            | Change::PutPiece(..)
            | Change::ClearPieces(_)
            | Change::PutReaction(..)
            | Change::RemoveReaction(..)
            | Change::ClearMarks(_)
            | Change::PutView(..)
            | Change::PutReplier(..)
            | Change::PutGone(_)
            | Change::Remember(..)
            | Change::PutBlob(..)
            | Change::RemoveBlob(..) => {}
        }
    }
    match found {
        None => Ok(()),
        Some((named, character)) => Err(Why::ForbiddenCharacter(named, character).into()),
    }
}

type Visit<'a> = &'a mut dyn FnMut(Named, &str);

fn names(change: &DirectoryChange, visit: Visit<'_>) {
    match change {
        DirectoryChange::Create(directory) => all_names(directory, visit),
        DirectoryChange::Drop(_)
        | DirectoryChange::Quotas(..)
        | DirectoryChange::Member(..)
        | DirectoryChange::RemoveToken(..) => {}
        DirectoryChange::Workspace(workspace) => workspace_names(workspace, visit),
        DirectoryChange::User(_, user) => user_names(user, visit),
        DirectoryChange::App(_, app) => app_names(app, visit),
        DirectoryChange::NewConversation(_, conversation)
        | DirectoryChange::Conversation(_, conversation) => {
            conversation_names(conversation, visit);
        }
        DirectoryChange::Token(_, token) => token_names(token, visit),
        DirectoryChange::UserGroup(_, group) => group_names(group, visit),
    }
}

/// Whether what the change is about has this name already.
fn is_stored(change: &DirectoryChange, name: &str, directories: &Directories) -> bool {
    let mut stored = false;
    let visit: Visit<'_> = &mut |_, old| stored |= old == name;
    let of = |id: WorkspaceId| directories.get(id);
    match change {
        DirectoryChange::Create(_)
        | DirectoryChange::Drop(_)
        | DirectoryChange::Quotas(..)
        | DirectoryChange::NewConversation(..)
        | DirectoryChange::Member(..)
        | DirectoryChange::RemoveToken(..) => {}
        DirectoryChange::Workspace(new) => {
            if let Some(directory) = of(new.id) {
                workspace_names(&directory.workspace, visit);
            }
        }
        DirectoryChange::User(id, new) => {
            of(*id).and_then(|it| it.user(new.id)).into_iter().for_each(|old| user_names(old, visit));
        }
        DirectoryChange::App(id, new) => {
            of(*id).and_then(|it| it.app(new.id)).into_iter().for_each(|old| app_names(old, visit));
        }
        DirectoryChange::Conversation(id, new) => {
            let old = of(*id).and_then(|it| it.conversation(new.id));
            old.into_iter().for_each(|old| conversation_names(old, visit));
        }
        DirectoryChange::Token(id, new) => {
            of(*id).and_then(|it| it.token(&new.hash)).into_iter().for_each(|old| token_names(old, visit));
        }
        DirectoryChange::UserGroup(id, new) => {
            of(*id).and_then(|it| it.user_group(new.id)).into_iter().for_each(|old| group_names(old, visit));
        }
    }
    stored
}

fn all_names(directory: &Directory, visit: Visit<'_>) {
    workspace_names(&directory.workspace, visit);
    directory.users().for_each(|user| user_names(user, visit));
    directory.apps().for_each(|app| app_names(app, visit));
    let conversations = directory.conversations();
    conversations.for_each(|conversation| conversation_names(conversation, visit));
    directory.tokens().for_each(|token| token_names(token, visit));
    directory.user_groups().for_each(|group| group_names(group, visit));
}

fn each<'a>(named: Named, names: impl IntoIterator<Item = &'a String>, visit: Visit<'_>) {
    names.into_iter().for_each(|name| visit(named, name));
}

fn workspace_names(workspace: &Workspace, visit: Visit<'_>) {
    let Workspace { team_id, tenant_id, name, domain, .. } = workspace;
    each(Named::Workspace, [team_id, tenant_id, name, domain], visit);
}

fn user_names(user: &User, visit: Visit<'_>) {
    let User { slack_id, member_id, directory_id, name, real_name, email, .. } = user;
    each(Named::Person, [slack_id, member_id, directory_id, name, real_name].into_iter().chain(email), visit);
}

/// Descriptions and hints are texts for people, may have lines, and are no names.
fn app_names(app: &App, visit: Visit<'_>) {
    let App { slack_id, bot_id, app_id, name, signing_secret, endpoint, issuer, slack, .. } = app;
    let options = [signing_secret, endpoint, issuer].into_iter().flatten();
    each(Named::App, [slack_id, bot_id, app_id, name].into_iter().chain(options), visit);
    let Some(slack) = slack else { return };
    each(Named::App, [&slack.verification_token, &slack.client_id], visit);
    let lists =
        [&slack.redirect_urls, &slack.bot_scopes, &slack.user_scopes, &slack.bot_events, &slack.user_events];
    each(Named::App, lists.into_iter().chain([&slack.metadata_events]).flatten(), visit);
    each(Named::App, [&slack.interactivity_url, &slack.options_url].into_iter().flatten(), visit);
    for command in &slack.commands {
        each(Named::App, [&command.command].into_iter().chain(&command.url), visit);
    }
    for shortcut in &slack.shortcuts {
        each(Named::App, [&shortcut.name, &shortcut.callback_id], visit);
    }
    each(Named::App, slack.webhooks.iter().map(|webhook| &webhook.service_id), visit);
}

fn conversation_names(conversation: &Conversation, visit: Visit<'_>) {
    let Conversation { slack_id, connector_id, name, .. } = conversation;
    each(Named::Channel, [slack_id, connector_id, name], visit);
}

fn token_names(token: &Token, visit: Visit<'_>) {
    each(Named::Token, [&token.hint].into_iter().chain(&token.scopes), visit);
}

fn group_names(group: &UserGroup, visit: Visit<'_>) {
    let UserGroup { slack_id, handle, name, .. } = group;
    each(Named::UserGroup, [slack_id, handle, name], visit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_characters() {
        for (text, expected) in [
            ("", None),
            ("Ada Lovelace", None),
            ("größe 名前 שלום مرحبا", None),
            ("👩\u{200d}💻 می\u{200c}خواهم \u{200e}", None),
            ("a\nb", Some('\n')),
            ("a\tb", Some('\t')),
            ("\u{0}", Some('\u{0}')),
            ("\u{1b}[31m", Some('\u{1b}')),
            ("\u{7f}", Some('\u{7f}')),
            ("\u{85}", Some('\u{85}')),
            ("\u{9b}", Some('\u{9b}')),
            ("\u{2028}", Some('\u{2028}')),
            ("\u{2029}", Some('\u{2029}')),
            ("\u{202a}", Some('\u{202a}')),
            ("a\u{202e}b", Some('\u{202e}')),
            ("\u{2066}", Some('\u{2066}')),
            ("\u{2069}", Some('\u{2069}')),
        ] {
            assert_eq!(forbidden(text), expected, "{text:?}");
            assert_eq!(matches!(escaped(text), Cow::Borrowed(_)), expected.is_none(), "{text:?}");
            assert_eq!(forbidden(&escaped(text)), None, "{text:?}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(escaped("a\nb\tc\rd\u{1b}[m\u{9b}\u{202e}é"), "a\\nb\\tc\\rd\\u001b[m\\u009b\\u202eé");
        assert_eq!(escaped_lines("a\nb\tc\rd\u{7f}"), "a\nb\tc\\rd\\u007f");
    }
}
