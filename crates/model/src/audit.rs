//! The audit: one more event for each accepted change by the control API, and for each change of rights, secrets or members by
//! whatever way, with who and from where. It is part of the decision, so it is there if and only if the change is.

use crate::command::{Caller, Command, Revocation, Source, Verb, Via};
use crate::control::{Control, ServerAct};
use crate::conversations::ConversationCommand;
use crate::decision::{Change, Decision, Moment, Outcome};
use crate::directory::{Directories, Directory, DirectoryChange};
use crate::event::{Audit, Event, EventKind};
use crate::id::{AppId, ConversationId, UserGroupId, UserId};
use crate::limits::SOURCE_BYTES_MAX;
use crate::time::Ts;
use crate::workspace::SecretKind;

/// Whether an accepted command of this kind is audited, if it came by this way.
#[must_use]
pub fn concerns(command: &Command, via: Via) -> bool {
    match via {
        Via::Control | Via::CommandLine => {
            matches!(command.caller, Caller::Person(_)) || matches!(command.verb, Verb::Control(_))
        }
        Via::Slack | Via::Connector => changes_rights(&command.verb),
    }
}

fn changes_rights(verb: &Verb) -> bool {
    use ConversationCommand as C;
    match verb {
        Verb::Control(_) | Verb::Install(_) | Verb::RevokeToken(Revocation::Revoked) => true,
        Verb::Conversation(command) => match command {
            C::Create { .. }
            | C::Join(_)
            | C::Leave(_)
            | C::Invite { .. }
            | C::Kick { .. }
            | C::Open { .. } => true,
            C::Reopen(_)
            | C::Close(_)
            | C::Archive(_)
            | C::Unarchive(_)
            | C::Rename { .. }
            | C::SetTopic { .. }
            | C::SetPurpose { .. }
            | C::Mark { .. } => false,
        },
        Verb::Post(_)
        | Verb::Update(_)
        | Verb::Delete(_)
        | Verb::ReplaceStream(_)
        | Verb::AppendStream(_)
        | Verb::Interaction(_)
        | Verb::Respond(_)
        | Verb::GrantAnswers(_)
        | Verb::Modal(_)
        | Verb::File(_)
        | Verb::Attach(_)
        | Verb::Pin(_)
        | Verb::Schedule(_)
        | Verb::PostDue(_)
        | Verb::RevokeToken(Revocation::Tested) => false,
    }
}

/// Adds the audit's event to what was decided, if something changes by it and the workspace goes on.
pub(crate) fn append(command: &Command, directories: &Directories, moment: Moment, decision: &mut Decision) {
    let Some(source) = command.source.as_ref().filter(|source| concerns(command, source.via)) else { return };
    let is_record =
        matches!(&command.verb, Verb::Control(control) if matches!(**control, Control::Record(_)));
    if matches!(decision.outcome, Outcome::Repeated(..)) || !(is_record || goes_on(decision)) {
        return;
    }
    let directory = directories.get(command.workspace);
    let (by, app) = directory.map_or((None, None), |directory| actor(&command.caller, directory));
    let (act, on) = described(command, directory.map(|directory| &**directory), decision);
    let (position, ts, at) = match decision.events.last() {
        Some(last) => (last.position + 1, Ts(last.ts.0.saturating_add(1)), last.at),
        None => (moment.position, moment.ts, moment.at),
    };
    let Source { via, from } = source;
    let audit = Audit { act: act.into(), on, via: *via, from: shortened(from).to_owned() };
    decision.events.push(Event { position, ts, at, by, app, kind: EventKind::Audited(Box::new(audit)) });
}

/// At most [`SOURCE_BYTES_MAX`] bytes of a text, whole characters only.
fn shortened(text: &str) -> &str {
    let longest = text.len().min(SOURCE_BYTES_MAX);
    let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Whether anything changes, and the workspace with its log is there afterwards.
fn goes_on(decision: &Decision) -> bool {
    let any = |wanted: fn(&Change) -> bool| decision.changes.iter().any(wanted);
    let dropped = any(|change| matches!(change, Change::Directory(DirectoryChange::Drop(_))));
    let made = any(|change| matches!(change, Change::Directory(DirectoryChange::Create(_))));
    let changed = any(|change| matches!(change, Change::Directory(_) | Change::PutItem(..)));
    (changed || !decision.events.is_empty()) && (made || !dropped)
}

fn actor(caller: &Caller, directory: &Directory) -> (Option<UserId>, Option<AppId>) {
    match caller {
        Caller::Token(hash) => {
            directory.token(hash).map_or((None, None), |token| (Some(token.user), Some(token.app)))
        }
        Caller::Bot(id) => (directory.app(*id).map(|app| app.bot_user), Some(*id)),
        Caller::Person(user) => (Some(*user), None),
        Caller::Control => (None, None),
    }
}

/// Spells ids as people know them; of what is not there (yet), nothing.
struct Spell<'a>(Option<&'a Directory>);

impl Spell<'_> {
    fn user(&self, id: UserId) -> Option<String> {
        Some(self.0?.user(id)?.slack_id.clone())
    }

    fn app(&self, id: AppId) -> Option<String> {
        let app = self.0?.app(id)?;
        Some(if app.slack.is_some() { app.slack_id.clone() } else { app.app_id.clone() })
    }

    fn channel(&self, id: ConversationId) -> Option<String> {
        Some(self.0?.conversation(id)?.slack_id.clone())
    }

    fn group(&self, id: UserGroupId) -> Option<String> {
        Some(self.0?.user_group(id)?.slack_id.clone())
    }
}

fn described(
    command: &Command,
    directory: Option<&Directory>,
    decision: &Decision,
) -> (&'static str, Vec<String>) {
    let spell = Spell(directory);
    let (act, on) = match &command.verb {
        Verb::Control(control) => of_control(control, &spell),
        Verb::Conversation(asked) => of_conversation(asked, &spell),
        Verb::Install(exchange) => ("app_installed", vec![spell.app(exchange.app)]),
        Verb::RevokeToken(_) => ("token_revoked", vec![]),
        Verb::Post(_) => ("message_posted", vec![]),
        Verb::Update(update) => {
            ("message_updated", vec![spell.channel(update.conversation), Some(update.ts.dotted())])
        }
        Verb::Delete(delete) => {
            ("message_deleted", vec![spell.channel(delete.conversation), Some(delete.ts.dotted())])
        }
        Verb::ReplaceStream(step) => ("stream_changed", vec![spell.channel(step.conversation)]),
        Verb::AppendStream(_) => ("stream_changed", vec![]),
        Verb::Interaction(asked) => {
            ("message_acted_on", vec![spell.channel(asked.conversation), Some(asked.ts.dotted())])
        }
        Verb::Respond(_) => ("app_answered", vec![]),
        Verb::GrantAnswers(_) => ("app_used", vec![]),
        Verb::Modal(_) => ("modal_changed", vec![]),
        Verb::File(_) | Verb::Attach(_) => ("file_changed", vec![]),
        Verb::Pin(_) => ("pin_changed", vec![]),
        Verb::Schedule(_) | Verb::PostDue(_) => ("schedule_changed", vec![]),
    };
    let mut on: Vec<String> = on.into_iter().flatten().collect();
    if let Outcome::Posted(posted) = &decision.outcome {
        let key = posted.message.key;
        on.extend(spell.channel(key.conversation));
        on.push(key.ts.dotted());
    }
    (act, on)
}

fn of_conversation(command: &ConversationCommand, spell: &Spell) -> (&'static str, Vec<Option<String>>) {
    use ConversationCommand as C;
    match command {
        C::Create { ids, .. } => ("channel_created", vec![Some(ids.slack_id.clone())]),
        C::Join(id) => ("member_joined", vec![spell.channel(*id)]),
        C::Leave(id) => ("member_left", vec![spell.channel(*id)]),
        C::Invite { conversation, users, .. } => {
            let users = users.iter().map(|user| user.and_then(|user| spell.user(user)));
            ("members_added", [spell.channel(*conversation)].into_iter().chain(users).collect())
        }
        C::Kick { conversation, user } => {
            ("member_removed", vec![spell.channel(*conversation), user.and_then(|user| spell.user(user))])
        }
        C::Open { users, .. } => {
            let users = users.iter().map(|user| user.and_then(|user| spell.user(user)));
            ("direct_message_opened", users.collect())
        }
        C::Reopen(id) | C::Close(id) | C::Archive(id) | C::Unarchive(id) => {
            ("channel_changed", vec![spell.channel(*id)])
        }
        C::Rename { conversation, .. }
        | C::SetTopic { conversation, .. }
        | C::SetPurpose { conversation, .. }
        | C::Mark { conversation, .. } => ("channel_changed", vec![spell.channel(*conversation)]),
    }
}

fn kind(kind: SecretKind) -> Option<String> {
    Some(
        match kind {
            SecretKind::Password => "password",
            SecretKind::ClientSecret => "client_secret",
            SecretKind::SigningSecret => "signing_secret",
        }
        .into(),
    )
}

fn of_control(control: &Control, spell: &Spell) -> (&'static str, Vec<Option<String>>) {
    use Control as A;
    match control {
        A::CreateWorkspace(made) => ("workspace_created", vec![Some(made.workspace.team_id.clone())]),
        A::DropWorkspace => ("workspace_dropped", vec![]),
        A::ResetWorkspace => ("workspace_reset", vec![]),
        A::PatchWorkspace(_) => ("workspace_changed", vec![]),
        A::PatchQuotas(_) => ("quotas_changed", vec![]),
        A::Record(act) => (of_server(*act), vec![]),
        A::AdvanceClock(micros) => ("clock_advanced", vec![Some(format!("{} ms", micros / 1000))]),
        A::AddUser(user) => ("person_added", vec![Some(user.slack_id.clone())]),
        A::PatchUser(id, _) => ("person_changed", vec![spell.user(*id)]),
        A::AddApp { app, .. } => {
            let id = if app.slack.is_some() { &app.slack_id } else { &app.app_id };
            ("app_added", vec![Some(id.clone())])
        }
        A::PatchApp(id, _) => ("app_changed", vec![spell.app(*id)]),
        A::SwitchEventsOff { app, .. } => ("events_switched_off", vec![spell.app(*app)]),
        A::ChangeSecret { app, secret, .. } => ("secret_changed", vec![spell.app(*app), kind(secret.kind())]),
        A::WithdrawSecret(app, which) => ("secret_withdrawn", vec![spell.app(*app), kind(*which)]),
        A::UninstallApp(id) => ("app_uninstalled", vec![spell.app(*id)]),
        A::AddWebhook(app, webhook) => {
            ("webhook_added", vec![spell.app(*app), Some(webhook.service_id.clone())])
        }
        A::RemoveWebhook(app, webhook) => ("webhook_removed", vec![spell.app(*app), Some(webhook.clone())]),
        A::AddConversation(made) => ("channel_added", vec![Some(made.slack_id.clone())]),
        A::AddMember(channel, user) => ("member_added", vec![spell.channel(*channel), spell.user(*user)]),
        A::RemoveMember(channel, user) => {
            ("member_removed", vec![spell.channel(*channel), spell.user(*user)])
        }
        A::PatchConversation(id, _) => ("channel_changed", vec![spell.channel(*id)]),
        A::AddUserGroup(group) => ("user_group_added", vec![Some(group.slack_id.clone())]),
        A::PatchUserGroup(id, _) => ("user_group_changed", vec![spell.group(*id)]),
        A::AddCode(_, code) => ("code_made", vec![spell.app(code.app), spell.user(code.user)]),
        A::AddToken(token) => ("token_made", vec![spell.app(token.app), spell.user(token.user)]),
        A::RevokeToken(_) => ("token_revoked", vec![]),
        A::RotateToken { .. } => ("token_rotated", vec![]),
    }
}

fn of_server(act: ServerAct) -> &'static str {
    match act {
        ServerAct::Purge => "server_purged",
        ServerAct::TurnSigningKeys => "signing_keys_turned",
        ServerAct::ChangeControlToken => "control_token_changed",
        ServerAct::WithdrawControlToken => "control_token_withdrawn",
    }
}
