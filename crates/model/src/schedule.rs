//! Messages that wait for their time: made, taken back, posted.
//!
//! Source: <https://docs.slack.dev/reference/methods/chat.scheduleMessage>.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::command::{Post, Target};
use crate::content::{Content, Dialect};
use crate::decide::{Context, Draft};
use crate::decision::{CallerRefusal, Change, Decision, Halt, Moment, Outcome, Why};
use crate::directory::Directory;
use crate::event::EventKind;
use crate::id::{ConversationId, MessageKey, WorkspaceId};
use crate::item::{Item, ItemKey, Scheduled};
use crate::limits::{
    SCHEDULED_AHEAD_MICROS, SCHEDULED_FIXED_MICROS, SCHEDULED_IN_WINDOW_MAX, SCHEDULED_WINDOW_MICROS,
};
use crate::message::{Kind, Revision};
use crate::policy::Actor;
use crate::post;
use crate::time::{Micros, Ts};
use crate::view::View;
use crate::workspace::TokenKind;

/// About messages that wait.
#[derive(Clone, Debug)]
pub enum ScheduleCommand {
    /// A new one.
    Add {
        /// What to post; for one reader it cannot be.
        post: Box<Post>,
        /// When, by the workspace's clock.
        post_at: Micros,
    },
    /// The end of one.
    Remove {
        /// The conversation that the caller says it waits for.
        conversation: ConversationId,
        /// When it would be posted.
        post_at: Micros,
        /// The time of the event that made it.
        made: Ts,
    },
}

/// Why it was refused, highest precedence first. What forbids a post forbids to schedule it, and comes before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScheduleRefusal {
    /// Its time is not in the future.
    InPast,
    /// Its time is too far away.
    TooFar,
    /// As many wait for this conversation about that time as may.
    TooMany,
    /// No such message of the caller's waits there.
    NotFound,
    /// It is posted so soon that it cannot be taken back.
    TooLate,
}

use ScheduleRefusal as R;

/// Decides about a message that waits.
pub(crate) fn decide(asked: &ScheduleCommand, context: &Context) -> Result<Decision, Halt> {
    match asked {
        ScheduleCommand::Add { post, post_at } => add(post, *post_at, context),
        ScheduleCommand::Remove { conversation, post_at, made } => {
            remove(*conversation, *post_at, *made, context)
        }
    }
}

fn add(post: &Post, post_at: Micros, context: &Context) -> Result<Decision, Halt> {
    let destination = post::admit(post, context)?;
    let conversation = destination.conversation().id;
    let now = context.moment.at;
    if post_at <= now {
        return Err(R::InPast.into());
    }
    if now.plus(SCHEDULED_AHEAD_MICROS) < post_at {
        return Err(R::TooFar.into());
    }
    if full(conversation, post_at, context)? {
        return Err(R::TooMany.into());
    }
    let Actor { app, user, kind, .. } = context.actor;
    let app = app.ok_or(CallerRefusal::WrongKind)?;

    // Past this line the message waits.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    destination.written(context, &mut draft);
    let at = draft.next();
    let key = ItemKey::Scheduled { conversation, post_at, made: at.ts };
    let item = Scheduled {
        app,
        user,
        as_app: kind == TokenKind::Bot,
        content_at: at.position,
        reply_to: post.reply_to.candidates().next(),
        broadcast: post.broadcast,
        unjoined: post.unjoined,
        made_at: now,
    };
    let revision = Revision {
        key: context.key(conversation, at.ts),
        position: at.position,
        number: NonZeroU32::MIN,
        previous: None,
        by: user,
        at: now,
    };
    draft.change(Change::PutRevision(revision, Arc::clone(&post.content)));
    draft.change(Change::PutItem(key.clone(), Some(Item::Scheduled(item))));
    draft.event(EventKind::MessageScheduled { conversation });
    Ok(draft.done(Outcome::Scheduled(key)))
}

/// Whether with one more at this time too many would be posted within one window.
fn full(conversation: ConversationId, post_at: Micros, context: &Context) -> Result<bool, Halt> {
    let around =
        |distance: i64, made| ItemKey::Scheduled { conversation, post_at: post_at.plus(distance), made };
    let (from, to) =
        (around(1 - SCHEDULED_WINDOW_MICROS, Ts(0)), around(SCHEDULED_WINDOW_MICROS - 1, Ts(i64::MAX)));
    let near = context.view.items(context.actor.workspace, &from, &to, 2 * SCHEDULED_IN_WINDOW_MAX + 1)?;
    let mut times: Vec<Micros> = near
        .iter()
        .filter_map(
            |(key, _)| if let ItemKey::Scheduled { post_at, .. } = key { Some(*post_at) } else { None },
        )
        .chain([post_at])
        .collect();
    times.sort_unstable();
    let crowded = |pair: &[Micros]| {
        let [first, .., last] = pair else { return false };
        last.0 - first.0 < SCHEDULED_WINDOW_MICROS
    };
    Ok(times.windows(SCHEDULED_IN_WINDOW_MAX + 1).any(crowded))
}

fn remove(
    conversation: ConversationId,
    post_at: Micros,
    made: Ts,
    context: &Context,
) -> Result<Decision, Halt> {
    let key = ItemKey::Scheduled { conversation, post_at, made };
    let Some(Item::Scheduled(item)) = context.view.item(context.actor.workspace, &key)? else {
        return Err(R::NotFound.into());
    };
    if (Some(item.app), item.user) != (context.actor.app, context.actor.user) {
        return Err(R::NotFound.into());
    }
    if post_at <= context.moment.at.plus(SCHEDULED_FIXED_MICROS) {
        return Err(R::TooLate.into());
    }
    let mut draft = Draft::new(context.moment, Some(context.actor));
    clear(context.key(conversation, made), key, &item, &mut draft);
    Ok(draft.done(Outcome::Done))
}

fn clear(made: MessageKey, key: ItemKey, item: &Scheduled, draft: &mut Draft) {
    let content_at = item.content_at;
    draft.change(Change::RemoveRevision(made, content_at));
    draft.change(Change::PutItem(key, None));
    draft.event(EventKind::ScheduledRemoved { conversation: made.conversation, content_at });
}

/// Posts a message whose time has come, in the name of who scheduled it. What forbids that by now makes it go without a
/// trace but [`Outcome::Dropped`]. One that was cancelled, or whose time has not come, changes nothing.
pub(crate) fn post_due(
    key: &ItemKey,
    workspace: WorkspaceId,
    view: &dyn View,
    moment: Moment,
) -> Result<Decision, Halt> {
    let nothing = || Ok(Draft::new(moment, None).done(Outcome::Done));
    let ItemKey::Scheduled { conversation, post_at, made } = *key else { return nothing() };
    let Some(directory) = view.directories().get(workspace) else { return nothing() };
    let Some(Item::Scheduled(item)) = view.item(workspace, key)? else { return nothing() };
    if moment.at < post_at {
        return nothing();
    }
    let made = MessageKey { workspace, conversation, ts: made };
    let dropped = |why: Why| {
        let mut draft = Draft::new(moment, None);
        clear(made, key.clone(), &item, &mut draft);
        Ok(draft.done(Outcome::Dropped(why)))
    };
    let actor = match poster(&item, directory) {
        Ok(actor) => actor,
        Err(refusal) => return dropped(Why::Caller(refusal)),
    };
    let content = view.content(made, item.content_at)?;
    let context = Context { view, directory, actor, moment };
    let post = post_of(&item, conversation, content);
    let destination = match post::admit(&post, &context) {
        Ok(destination) => destination,
        Err(Halt::Refused(refusal)) => return dropped(refusal.why),
        Err(Halt::NotLoaded) => return Err(Halt::NotLoaded),
    };
    let mut draft = Draft::new(moment, Some(actor));
    clear(made, key.clone(), &item, &mut draft);
    let posted = post::place(&post, post::LIVE, destination, &context, &mut draft)?;
    Ok(draft.done(Outcome::Posted(posted)))
}

fn poster(item: &Scheduled, directory: &Directory) -> Result<Actor, CallerRefusal> {
    let app = directory.app(item.app).filter(|app| !app.uninstalled).ok_or(CallerRefusal::Revoked)?;
    let user = directory.user(item.user).filter(|user| !user.deactivated).ok_or(CallerRefusal::Inactive)?;
    Ok(Actor {
        workspace: directory.workspace.id,
        dialect: Dialect::Slack,
        app: Some(app.id),
        user: user.id,
        kind: if item.as_app { TokenKind::Bot } else { TokenKind::User },
        admin: false,
        installer: false,
    })
}

fn post_of(item: &Scheduled, conversation: ConversationId, content: Option<Arc<Content>>) -> Post {
    Post {
        target: Target::Conversation(conversation),
        content: content.unwrap_or_else(|| Arc::new(Content::text(Dialect::Slack, ""))),
        fault: None,
        kind: Kind::Plain,
        reply_to: item.reply_to.into(),
        broadcast: item.broadcast,
        only: None,
        unjoined: item.unjoined,
    }
}
