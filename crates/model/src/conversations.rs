//! Conversations: making, joining, leaving, inviting, archiving; and direct messages, one per set of members.
//!
//! A conversation is never deleted. Its row must never be written with its members: each membership is a change of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::command::NewDirect;
use crate::decide::{Context, Draft, Unseen};
use crate::decision::{Change, Decision, Halt, Outcome};
use crate::directory::{Directory, DirectoryChange, Kind};
use crate::event::EventKind;
use crate::id::{ConversationId, UserId};
use crate::item::{Item, ItemKey};
use crate::limits::{GROUP_MEMBERS_MAX, MEMBERS_MAX, PREVIOUS_NAMES_MAX};
use crate::notice::{self, Notice};
use crate::shared::SharedSet;
use crate::time::{Micros, Ts};
use crate::workspace::{Conversation, ConversationKind, Membership, Note};

/// What is asked of a conversation.
#[derive(Clone, Debug)]
pub enum ConversationCommand {
    /// A new channel with the caller as its first member.
    Create {
        /// Checked by the dialect.
        name: String,
        /// Seen by members only.
        private: bool,
        /// The ids that both dialects spell it with.
        ids: NewDirect,
    },
    /// The caller becomes a member.
    Join(ConversationId),
    /// The caller is no longer a member.
    Leave(ConversationId),
    /// Others are invited: they become members at once.
    Invite {
        /// The conversation that they become members of.
        conversation: ConversationId,
        /// Whom; `None` is an id that names nobody.
        users: Vec<Option<UserId>>,
        /// Go ahead with those that can be invited.
        force: bool,
    },
    /// Somebody else is no longer a member.
    Kick {
        /// The conversation that they are removed from.
        conversation: ConversationId,
        /// Whom; `None` is an id that names nobody.
        user: Option<UserId>,
    },
    /// The direct message of the caller with these users, made if need be.
    Open {
        /// The others; `None` is an id that names nobody.
        users: Vec<Option<UserId>>,
        /// The ids it gets if it is new.
        ids: NewDirect,
        /// Refuse rather than make one.
        existing_only: bool,
    },
    /// An existing direct message is shown to the caller again.
    Reopen(ConversationId),
    /// The caller puts a direct message away.
    Close(ConversationId),
    /// Nothing is posted to it any more.
    Archive(ConversationId),
    /// It is in use again.
    Unarchive(ConversationId),
    /// A channel gets another name.
    Rename {
        /// The conversation that is changed.
        conversation: ConversationId,
        /// Checked by the dialect.
        name: String,
    },
    /// What is being talked about.
    SetTopic {
        /// The conversation that is changed.
        conversation: ConversationId,
        /// mrkdwn in stored form; its length is checked by the dialect.
        topic: String,
    },
    /// What the channel is for.
    SetPurpose {
        /// The conversation that is changed.
        conversation: ConversationId,
        /// mrkdwn in stored form; its length is checked by the dialect.
        purpose: String,
    },
    /// The caller has read it up to this message.
    Mark {
        /// The conversation that is changed.
        conversation: ConversationId,
        /// The ts of the newest message that was read.
        ts: Ts,
    },
}

/// Why one of these was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConversationRefusal {
    /// There is none, or none that the caller may know of.
    NotFound,
    /// The bot was a member and is no longer.
    NoLongerMember,
    /// Not for this kind of conversation.
    WrongKind,
    /// The conversation is archived.
    Archived,
    /// It is not archived.
    NotArchived,
    /// The caller is not in it.
    NotMember,
    /// Everyone is in the team's channel, for as long as it exists.
    General,
    /// A private channel keeps its last member.
    LastMember,
    /// Only who made a channel and administrators give it another name.
    NotYours,
    /// A channel of this name exists.
    NameTaken,
    /// No user was named.
    NobodyNamed,
    /// An id names nobody.
    UserNotFound,
    /// The person was deactivated.
    UserInactive,
    /// Is in it already.
    AlreadyMember,
    /// Is not in it.
    TargetNotMember,
    /// The caller named itself.
    Oneself,
    /// More people than a group message holds.
    TooManyUsers,
    /// More members than a channel holds, or more conversations than a workspace holds.
    Full,
    /// There is none yet, and the caller did not want one made.
    DoesNotExist,
    /// An invitation failed for these, by place in the list, and so for all.
    Invitations(Vec<(usize, ConversationRefusal)>),
}

use ConversationRefusal as R;

/// Decides a command about a conversation.
pub(crate) fn decide(command: &ConversationCommand, context: &Context) -> Result<Decision, Halt> {
    use ConversationCommand as C;
    let mut draft = Draft::new(context.moment, Some(context.actor));
    let me = context.actor.user;
    let outcome = match command {
        C::Create { name, private, ids } => create(name, *private, ids, context, &mut draft)?,
        C::Join(id) => {
            let conversation = channel(*id, context)?;
            active(&conversation)?;
            let joins = !conversation.has(me);
            if joins {
                add(&conversation, &[me], context, &mut draft)?;
            }
            Outcome::Conversation(*id, joins)
        }
        C::Leave(id) => {
            let conversation = channel(*id, context)?;
            active(&conversation)?;
            may_leave(&conversation, me)?;
            let leaves = conversation.has(me);
            if leaves {
                remove(&conversation, me, context, &mut draft);
            }
            Outcome::Conversation(*id, leaves)
        }
        C::Invite { conversation, users, force } => {
            invite(*conversation, users, *force, context, &mut draft)?
        }
        C::Kick { conversation, user } => kick(*conversation, *user, context, &mut draft)?,
        C::Open { users, ids, existing_only } => open(users, ids, *existing_only, context, &mut draft)?,
        C::Reopen(id) => {
            let conversation = direct_message(*id, context)?;
            reopen(&conversation, context, &mut draft)
        }
        C::Close(id) => {
            let conversation = direct_message(*id, context)?;
            close(&conversation, context, &mut draft)
        }
        C::Archive(id) => {
            let conversation = channel(*id, context)?;
            if conversation.general {
                return Err(R::General.into());
            }
            active(&conversation)?;
            member(&conversation, me)?;
            set_archived(&conversation, true, context, &mut draft)
        }
        C::Unarchive(id) => {
            let conversation = channel(*id, context)?;
            if !conversation.archived {
                return Err(R::NotArchived.into());
            }
            set_archived(&conversation, false, context, &mut draft)
        }
        C::Rename { conversation, name } => rename(*conversation, name, context, &mut draft)?,
        C::SetTopic { conversation, topic } => {
            let old = noted(*conversation, context)?;
            let changed = Conversation { topic: note(topic, context), ..Conversation::clone(&old) };
            let is_new = old.topic.value != *topic;
            announce(changed, is_new.then_some(Notice::Topic(topic)), context, &mut draft)
        }
        C::SetPurpose { conversation, purpose } => {
            let old = noted(*conversation, context)?;
            let changed = Conversation { purpose: note(purpose, context), ..Conversation::clone(&old) };
            let is_new = old.purpose.value != *purpose;
            announce(changed, is_new.then_some(Notice::Purpose(purpose)), context, &mut draft)
        }
        C::Mark { conversation, ts } => {
            let conversation = seen(*conversation, context)?;
            member(&conversation, me)?;
            let key = ItemKey::Read(conversation.id, me);
            draft.change(Change::PutItem(key, Some(Item::Read(*ts))));
            Outcome::Conversation(conversation.id, true)
        }
    };
    Ok(draft.done(outcome))
}

fn seen(id: ConversationId, context: &Context) -> Result<Arc<Conversation>, R> {
    match context.conversation(id) {
        Ok(conversation) => Ok(Arc::clone(conversation)),
        Err(Unseen::Missing) => Err(R::NotFound),
        Err(Unseen::Left) => Err(R::NoLongerMember),
    }
}

fn channel(id: ConversationId, context: &Context) -> Result<Arc<Conversation>, R> {
    seen(id, context).and_then(|found| if found.is_channel() { Ok(found) } else { Err(R::WrongKind) })
}

fn direct_message(id: ConversationId, context: &Context) -> Result<Arc<Conversation>, R> {
    seen(id, context).and_then(|found| if found.is_channel() { Err(R::WrongKind) } else { Ok(found) })
}

fn active(conversation: &Conversation) -> Result<(), R> {
    if conversation.archived { Err(R::Archived) } else { Ok(()) }
}

fn member(conversation: &Conversation, user: UserId) -> Result<(), R> {
    if conversation.has(user) { Ok(()) } else { Err(R::NotMember) }
}

fn may_leave(conversation: &Conversation, user: UserId) -> Result<(), R> {
    if conversation.general {
        return Err(R::General);
    }
    let last = conversation.has(user) && conversation.members.len() == 1;
    if last && conversation.kind == ConversationKind::Private { Err(R::LastMember) } else { Ok(()) }
}

/// A conversation whose topic and purpose the caller may set.
fn noted(id: ConversationId, context: &Context) -> Result<Arc<Conversation>, R> {
    let conversation = seen(id, context)?;
    if conversation.kind == ConversationKind::Direct {
        return Err(R::WrongKind);
    }
    active(&conversation)?;
    member(&conversation, context.actor.user)?;
    Ok(conversation)
}

fn note(value: &str, context: &Context) -> Note {
    Note { value: value.to_owned(), by: Some(context.actor.user), at: context.moment.at }
}

/// Changes the conversation and says so; without anything new, neither.
fn announce(
    changed: Conversation,
    notice: Option<Notice<'_>>,
    context: &Context,
    draft: &mut Draft,
) -> Outcome {
    let id = changed.id;
    let Some(notice) = notice else { return Outcome::Conversation(id, false) };
    put(changed.clone(), EventKind::ConversationChanged(id), context, draft);
    notice::write(&notice, &changed, context.actor.user, context.directory, draft);
    Outcome::Conversation(id, true)
}

/// Source: <https://docs.slack.dev/reference/methods/conversations.rename>: only who made the channel, or an
/// administrator.
fn rename(id: ConversationId, name: &str, context: &Context, draft: &mut Draft) -> Result<Outcome, Halt> {
    let conversation = channel(id, context)?;
    active(&conversation)?;
    let me = context.actor.user;
    member(&conversation, me)?;
    if conversation.creator != me && !context.actor.admin {
        return Err(R::NotYours.into());
    }
    if conversation.name == name {
        return Ok(Outcome::Conversation(id, false));
    }
    if context.directory.channel(name).is_some() {
        return Err(R::NameTaken.into());
    }
    put(renamed(&conversation, name), EventKind::ConversationRenamed(id), context, draft);
    let notice = Notice::Renamed { old: &conversation.name, new: name };
    notice::write(&notice, &conversation, me, context.directory, draft);
    Ok(Outcome::Conversation(id, true))
}

/// The channel under another name; it remembers those it had.
pub(crate) fn renamed(conversation: &Conversation, name: &str) -> Conversation {
    let mut changed = Conversation { name: name.to_owned(), ..conversation.clone() };
    changed.previous_names.retain(|former| *former != conversation.name && *former != name);
    changed.previous_names.push(conversation.name.clone());
    let over = changed.previous_names.len().saturating_sub(PREVIOUS_NAMES_MAX);
    changed.previous_names.drain(..over);
    changed
}

fn put(conversation: Conversation, event: EventKind, context: &Context, draft: &mut Draft) {
    let changed = Conversation { updated_at: context.moment.at, ..conversation };
    draft.directory(DirectoryChange::Conversation(context.actor.workspace, changed));
    draft.event(event);
}

fn put_new(conversation: Conversation, context: &Context, draft: &mut Draft) {
    let id = conversation.id;
    draft.directory(DirectoryChange::NewConversation(context.actor.workspace, conversation));
    draft.event(EventKind::ConversationCreated(id));
}

fn create(
    name: &str,
    private: bool,
    ids: &NewDirect,
    context: &Context,
    draft: &mut Draft,
) -> Result<Outcome, Halt> {
    if context.directory.channel(name).is_some() {
        return Err(R::NameTaken.into());
    }
    if !context.directory.has_room(Kind::Conversation) {
        return Err(R::Full.into());
    }
    let kind = if private { ConversationKind::Private } else { ConversationKind::Public };
    let conversation = new(kind, ids, &[context.actor.user], context);
    let id = conversation.id;
    put_new(Conversation { name: name.into(), ..conversation }, context, draft);
    Ok(Outcome::Conversation(id, true))
}

fn new(kind: ConversationKind, ids: &NewDirect, members: &[UserId], context: &Context) -> Conversation {
    let now = context.moment.at;
    Conversation {
        id: context.directory.next_conversation(),
        slack_id: ids.slack_id.clone(),
        connector_id: ids.connector_id.clone(),
        kind,
        name: String::new(),
        topic: Note::default(),
        purpose: Note::default(),
        creator: context.actor.user,
        created_at: now,
        general: false,
        archived: false,
        members: members.iter().map(|user| (*user, now)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: now,
    }
}

fn add(conversation: &Conversation, users: &[UserId], context: &Context, draft: &mut Draft) -> Result<(), R> {
    if MEMBERS_MAX < conversation.members.len() + users.len() {
        return Err(R::Full);
    }
    let (workspace, now) = (context.actor.workspace, context.moment.at);
    let changed = Conversation { updated_at: now, ..conversation.clone() };
    draft.directory(DirectoryChange::Conversation(workspace, changed));
    for user in users {
        let member = Some(Membership::Member(now));
        draft.directory(DirectoryChange::Member(workspace, conversation.id, *user, member));
        draft.event(EventKind::MemberJoined { conversation: conversation.id, user: *user });
        let by = Some(context.actor.user).filter(|by| by != user);
        notice::write(&Notice::Joined { by }, conversation, *user, context.directory, draft);
    }
    Ok(())
}

fn remove(conversation: &Conversation, user: UserId, context: &Context, draft: &mut Draft) {
    let id = conversation.id;
    put(conversation.clone(), EventKind::MemberLeft { conversation: id, user }, context, draft);
    let left = former(user, context.directory);
    draft.directory(DirectoryChange::Member(context.actor.workspace, id, user, left));
    notice::write(&Notice::Left, conversation, user, context.directory, draft);
}

/// What a conversation knows of a member that leaves: of a bot it is remembered that it was one.
pub(crate) fn former(user: UserId, directory: &Directory) -> Option<Membership> {
    let is_bot = directory.user(user).is_some_and(|user| user.bot_of.is_some());
    is_bot.then_some(Membership::Former)
}

fn invite(
    id: ConversationId,
    users: &[Option<UserId>],
    force: bool,
    context: &Context,
    draft: &mut Draft,
) -> Result<Outcome, Halt> {
    let conversation = channel(id, context)?;
    active(&conversation)?;
    member(&conversation, context.actor.user)?;
    if users.is_empty() {
        return Err(R::NobodyNamed.into());
    }
    let mut invited = Vec::new();
    let mut failed = Vec::new();
    for (place, user) in users.iter().enumerate() {
        match may_invite(*user, &conversation, context) {
            Ok(user) if invited.contains(&user) => {}
            Ok(user) => invited.push(user),
            Err(refusal) => failed.push((place, refusal)),
        }
    }
    if !failed.is_empty() && (!force || invited.is_empty()) {
        return Err(R::Invitations(failed).into());
    }
    add(&conversation, &invited, context, draft)?;
    Ok(Outcome::Invited(
        id,
        failed.into_iter().filter_map(|(place, why)| Some((users[place]?, why))).collect(),
    ))
}

fn may_invite(user: Option<UserId>, conversation: &Conversation, context: &Context) -> Result<UserId, R> {
    let user = known(user, context)?;
    if user == context.actor.user {
        return Err(R::Oneself);
    }
    if conversation.has(user) { Err(R::AlreadyMember) } else { Ok(user) }
}

fn known(user: Option<UserId>, context: &Context) -> Result<UserId, R> {
    let user = user.and_then(|id| context.directory.user(id)).ok_or(R::UserNotFound)?;
    if user.deactivated { Err(R::UserInactive) } else { Ok(user.id) }
}

fn kick(
    id: ConversationId,
    user: Option<UserId>,
    context: &Context,
    draft: &mut Draft,
) -> Result<Outcome, Halt> {
    let conversation = channel(id, context)?;
    if conversation.general {
        return Err(R::General.into());
    }
    member(&conversation, context.actor.user)?;
    let user = user.ok_or(R::UserNotFound)?;
    if user == context.actor.user {
        return Err(R::Oneself.into());
    }
    if !conversation.has(user) {
        return Err(R::TargetNotMember.into());
    }
    remove(&conversation, user, context, draft);
    Ok(Outcome::Conversation(id, true))
}

fn open(
    users: &[Option<UserId>],
    ids: &NewDirect,
    existing_only: bool,
    context: &Context,
    draft: &mut Draft,
) -> Result<Outcome, Halt> {
    if users.is_empty() {
        return Err(R::NobodyNamed.into());
    }
    let others: Vec<UserId> = users.iter().map(|user| known(*user, context)).collect::<Result<_, _>>()?;
    if existing_only && context.directory.direct(&members(&others, context)).is_none() {
        return Err(R::DoesNotExist.into());
    }
    match direct(&others, ids, context)? {
        Destination::Known(conversation) => Ok(reopen(&conversation, context, draft)),
        new @ Destination::New(_) => Ok(Outcome::Conversation(new.written(context, draft).id, true)),
    }
}

fn members(others: &[UserId], context: &Context) -> Vec<UserId> {
    let members: BTreeSet<UserId> = others.iter().copied().chain([context.actor.user]).collect();
    members.into_iter().collect()
}

/// Where something goes: a conversation that is there, or a direct message that has to be made for it.
pub(crate) enum Destination {
    Known(Arc<Conversation>),
    New(Arc<Conversation>),
}

impl Destination {
    pub fn conversation(&self) -> &Arc<Conversation> {
        match self {
            Self::Known(conversation) | Self::New(conversation) => conversation,
        }
    }

    /// The conversation, which is made now if it is new.
    pub fn written(self, context: &Context, draft: &mut Draft) -> Arc<Conversation> {
        match self {
            Self::Known(conversation) => conversation,
            Self::New(made) => {
                put_new(Conversation::clone(&made), context, draft);
                made
            }
        }
    }
}

/// The direct message of the caller with these users.
pub(crate) fn direct(others: &[UserId], ids: &NewDirect, context: &Context) -> Result<Destination, R> {
    let members = members(others, context);
    if let Some(known) = context.directory.direct(&members) {
        return Ok(Destination::Known(Arc::clone(known)));
    }
    if GROUP_MEMBERS_MAX + 1 < members.len() {
        return Err(R::TooManyUsers);
    }
    if !context.directory.has_room(Kind::Conversation) {
        return Err(R::Full);
    }
    let kind = if 2 < members.len() { ConversationKind::Group } else { ConversationKind::Direct };
    Ok(Destination::New(Arc::new(new(kind, ids, &members, context))))
}

fn reopen(conversation: &Conversation, context: &Context, draft: &mut Draft) -> Outcome {
    let mut changed = conversation.clone();
    let was_closed = changed.closed.remove(&context.actor.user);
    if was_closed {
        put(changed, EventKind::ConversationChanged(conversation.id), context, draft);
    }
    Outcome::Conversation(conversation.id, was_closed)
}

fn close(conversation: &Conversation, context: &Context, draft: &mut Draft) -> Outcome {
    let mut changed = conversation.clone();
    let closes = changed.closed.insert(context.actor.user);
    if closes {
        put(changed, EventKind::ConversationChanged(conversation.id), context, draft);
    }
    Outcome::Conversation(conversation.id, closes)
}

fn set_archived(
    conversation: &Conversation,
    archived: bool,
    context: &Context,
    draft: &mut Draft,
) -> Outcome {
    let changed = Conversation { archived, ..conversation.clone() };
    put(changed, archiving(conversation.id, archived), context, draft);
    let notice = archival(archived);
    notice::write(&notice, conversation, context.actor.user, context.directory, draft);
    Outcome::Conversation(conversation.id, true)
}

/// What is written about it.
pub(crate) fn archival(archived: bool) -> Notice<'static> {
    if archived { Notice::Archived } else { Notice::Unarchived }
}

/// The event of archiving or of the opposite.
pub(crate) fn archiving(id: ConversationId, archived: bool) -> EventKind {
    if archived { EventKind::ConversationArchived(id) } else { EventKind::ConversationUnarchived(id) }
}

/// A conversation that the control API makes, with the caller's choice of members.
pub(crate) fn stamped(conversation: &Conversation, id: ConversationId, now: Micros) -> Conversation {
    Conversation { id, created_at: now, updated_at: now, ..conversation.clone() }
}
