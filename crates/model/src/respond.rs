//! What whoever knows a secret address may say in an app's name: answers to an interaction through its `response_url`,
//! the answer in the acknowledgement itself, and posts through an incoming webhook.
//!
//! Such an address ignores whether the app is in the conversation. Source: the public pages on handling interactions and on
//! incoming webhooks; where they are silent, what developers observed (see `docs/RESPONSE_URL.md`).

use std::sync::Arc;

use crate::command::{Post, Target};
use crate::content::{Content, ContentFault, Dialect};
use crate::conversations::Destination;
use crate::decide::{Context, Draft};
use crate::decision::{Change, Decision, Halt, Moment, Outcome};
use crate::directory::Directory;
use crate::id::{AppId, ConversationId, UserId};
use crate::item::{Grant, Item, ItemKey, Origin, ResponseUrl};
use crate::limits::RESPONSE_URL_USES_MAX;
use crate::message::{Audience, Kind, Message};
use crate::policy::Actor;
use crate::time::{Micros, Ts};
use crate::view::{Looked, View};
use crate::workspace::{Conversation, TokenKind};
use crate::{delete, post, update};

/// A post through a secret URL.
#[derive(Clone, Debug)]
pub struct Respond {
    /// Why the caller may answer.
    pub credential: Credential,
    /// What the message says.
    pub content: Arc<Content>,
    /// What the dialect found wrong with it.
    pub fault: Option<ContentFault>,
    /// `response_type`: to everyone, or to the one who acted.
    pub to_everyone: Option<bool>,
    /// `replace_original`.
    pub replaces: Option<bool>,
    /// `delete_original`.
    pub deletes: bool,
    /// The message whose thread a new message should join; one that is not there is no error.
    pub thread: Option<Ts>,
}

/// Why the caller may answer.
#[derive(Clone, Debug)]
pub enum Credential {
    /// It knows the secret of a `response_url`, of which this is the SHA-256. Each accepted answer counts as a use.
    ResponseUrl([u8; 32]),
    /// It was asked just now, and this is what its `response_url` is worth. Counts as no use.
    Asked(ResponseUrl),
    /// It knows the secret of an incoming webhook of this app. Posts to everyone, and replaces and deletes nothing.
    Webhook {
        /// The app that the URL belongs to.
        app: AppId,
        /// SHA-256 of the secret.
        secret: [u8; 32],
    },
}

/// Why an answer was refused, highest precedence first: if two apply, the caller gets the one listed first. No refused
/// answer counts as a use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RespondRefusal {
    /// Nobody gave out such an address, or its app is uninstalled.
    Unknown,
    /// The time of the `response_url` is over; it was made then.
    Expired(Micros),
    /// The `response_url` was used as often as it may be, for the last time then.
    Used(Micros),
    /// The conversation does not exist any more.
    ConversationNotFound,
    /// The conversation is archived.
    Archived,
    /// What should be replaced or deleted is not there any more, or never was.
    OriginalNotFound,
    /// What should be replaced or deleted is still streaming in.
    StillStreaming,
    /// The only one who would see the answer was deactivated or is not in the conversation any more.
    ReaderGone,
    /// There is nothing to say.
    NoContent,
    /// The dialect's own limits.
    Content(ContentFault),
}

use RespondRefusal as R;

/// What the credential is worth.
struct Worth<'a> {
    app: AppId,
    conversation: ConversationId,
    /// The `response_url`; none of a webhook.
    interaction: Option<&'a ResponseUrl>,
}

/// Decides a post through a secret URL. The secret is the only credential.
pub(crate) fn decide(
    respond: &Respond,
    directory: &Arc<Directory>,
    view: &dyn View,
    moment: Moment,
) -> Result<Decision, Halt> {
    let granted = granted(respond, directory, view)?;
    let worth = worth(respond, granted.as_ref(), directory)?;
    let app = directory.app(worth.app).filter(|app| !app.uninstalled).ok_or(R::Unknown)?;
    if let (Some(grant), Credential::ResponseUrl(_)) = (worth.interaction, &respond.credential) {
        still_good(grant, moment.at)?;
    }
    let actor = Actor {
        workspace: directory.workspace.id,
        dialect: Dialect::Slack,
        app: Some(app.id),
        user: app.bot_user,
        kind: TokenKind::Bot,
        admin: false,
        installer: false,
    };
    let context = Context { view, directory, actor, moment };
    let conversation = directory.conversation(worth.conversation).ok_or(R::ConversationNotFound)?;
    if conversation.archived {
        return Err(R::Archived.into());
    }
    let act = act(respond, &worth, &context)?;
    let reader = match act {
        Act::Post | Act::DeleteAndPost(_) => reader(respond, &worth),
        Act::Replace(_) | Act::Delete(_) => None,
    };
    if reader.is_some_and(|reader| !reaches(reader, conversation, directory)) {
        return Err(R::ReaderGone.into());
    }
    if !matches!(act, Act::Delete(_)) {
        if respond.fault.is_none() && respond.content.is_empty() {
            return Err(R::NoContent.into());
        }
        if let Some(fault) = &respond.fault {
            return Err(R::Content(fault.clone()).into());
        }
    }

    // Past this line the answer succeeds.
    let mut draft = Draft::new(moment, Some(actor));
    carry_out(&act, respond, reader, conversation, &context, &mut draft)?;
    if let (Some(grant), Credential::ResponseUrl(secret)) = (worth.interaction, &respond.credential) {
        let used = ResponseUrl { uses: grant.uses + 1, last_used_at: Some(moment.at), ..grant.clone() };
        draft.change(Change::PutItem(ItemKey::Grant(*secret), Some(Item::Grant(Grant::ResponseUrl(used)))));
    }
    Ok(draft.done(Outcome::Done))
}

fn granted(respond: &Respond, directory: &Directory, view: &dyn View) -> Result<Option<ResponseUrl>, Halt> {
    match &respond.credential {
        Credential::ResponseUrl(secret) => {
            let found = view.item(directory.workspace.id, &ItemKey::Grant(*secret))?;
            let Some(Item::Grant(Grant::ResponseUrl(grant))) = found else { return Err(R::Unknown.into()) };
            Ok(Some(grant))
        }
        Credential::Asked(grant) => Ok(Some(grant.clone())),
        Credential::Webhook { .. } => Ok(None),
    }
}

fn worth<'a>(
    respond: &Respond,
    granted: Option<&'a ResponseUrl>,
    directory: &Directory,
) -> Result<Worth<'a>, R> {
    if let Some(grant) = granted {
        return Ok(Worth { app: grant.app, conversation: grant.conversation, interaction: Some(grant) });
    }
    let Credential::Webhook { app, secret } = &respond.credential else { return Err(R::Unknown) };
    let slack = directory.app(*app).and_then(|app| app.slack.as_deref()).ok_or(R::Unknown)?;
    let hook = slack.webhooks.iter().find(|hook| hook.secret_hash == *secret).ok_or(R::Unknown)?;
    Ok(Worth { app: *app, conversation: hook.conversation, interaction: None })
}

fn still_good(grant: &ResponseUrl, now: Micros) -> Result<(), R> {
    if Grant::ResponseUrl(grant.clone()).ends_at() <= now {
        return Err(R::Expired(grant.made_at));
    }
    if RESPONSE_URL_USES_MAX <= grant.uses {
        return Err(R::Used(grant.last_used_at.unwrap_or(grant.made_at)));
    }
    Ok(())
}

/// What an answer does.
enum Act {
    Post,
    Replace(Arc<Message>),
    Delete(Arc<Message>),
    DeleteAndPost(Arc<Message>),
}

fn act(respond: &Respond, worth: &Worth, context: &Context) -> Result<Act, Halt> {
    let Some(grant) = worth.interaction else { return Ok(Act::Post) };
    let says_something = respond.fault.is_some() || !respond.content.is_empty();
    let Some(ts) = replaceable(grant) else {
        return if respond.deletes && !says_something {
            Err(R::OriginalNotFound.into())
        } else {
            Ok(Act::Post)
        };
    };
    if !respond.deletes && respond.replaces == Some(false) {
        return Ok(Act::Post);
    }
    let found = context.view.message(context.key(grant.conversation, ts))?;
    let original =
        found.filter(|it| it.app == context.actor.app && it.revision().is_some() && !context.expired(it));
    let unseen = original.as_ref().is_some_and(|it| it.audience != Audience::Everyone);
    if !respond.deletes && !replaces(respond, grant.origin, unseen) {
        return Ok(Act::Post);
    }
    let original = original.ok_or(R::OriginalNotFound)?;
    if update::streaming(&original, context) {
        return Err(R::StillStreaming.into());
    }
    Ok(match (respond.deletes, says_something) {
        (false, _) => Act::Replace(original),
        (true, false) => Act::Delete(original),
        (true, true) => Act::DeleteAndPost(original),
    })
}

/// The message that answers can replace. A slash command and a submission have none, and to a message shortcut every answer
/// is a new message, whoever wrote what it was used on.
fn replaceable(grant: &ResponseUrl) -> Option<Ts> {
    match grant.origin {
        Origin::Action | Origin::Legacy => grant.original,
        Origin::Command | Origin::MessageShortcut | Origin::Submission => None,
    }
}

/// Whether the answer replaces its original. Where `replace_original` is missing, the platform's pages contradict each
/// other about blocks: one calls a new ephemeral message the default, another warns that an answer to the channel
/// overwrites.
fn replaces(respond: &Respond, origin: Origin, original_unseen: bool) -> bool {
    respond.replaces.unwrap_or(match origin {
        Origin::Legacy => true,
        Origin::Action => respond.to_everyone == Some(true) && !original_unseen,
        Origin::Command | Origin::MessageShortcut | Origin::Submission => false,
    })
}

/// The only one who sees a new message; `None` is everyone.
fn reader(respond: &Respond, worth: &Worth) -> Option<UserId> {
    let grant = worth.interaction?;
    let to_everyone = respond.to_everyone.unwrap_or(grant.origin == Origin::Legacy);
    (!to_everyone).then_some(grant.user)
}

fn reaches(reader: UserId, conversation: &Conversation, directory: &Directory) -> bool {
    directory.user(reader).is_some_and(|user| !user.deactivated) && conversation.has(reader)
}

fn carry_out(
    act: &Act,
    respond: &Respond,
    reader: Option<UserId>,
    conversation: &Arc<Conversation>,
    context: &Context,
    draft: &mut Draft,
) -> Looked<()> {
    let new = Post {
        target: Target::Conversation(conversation.id),
        content: Arc::clone(&respond.content),
        fault: None,
        kind: Kind::Plain,
        reply_to: respond.thread.into(),
        broadcast: false,
        only: reader,
        unjoined: true,
    };
    match act {
        Act::Post => {
            let there = Destination::Known(Arc::clone(conversation));
            post::place(&new, post::LIVE, there, context, draft).map(drop)
        }
        Act::Replace(original) => {
            update::revise_without_files(original, &respond.content, context, draft).map(drop)
        }
        Act::Delete(original) => delete::remove_or_leave_tombstone(original, context, draft),
        Act::DeleteAndPost(original) => post::place_instead(&new, original, conversation, context, draft),
    }
}
