//! Modals: apps open, push and update them, people submit and close them.
//!
//! A modal lives in its person's client until it is closed, and one person has one stack. A trigger opens one modal once. What a
//! person has typed is not stored: it comes with each act.

use crate::decide::{Context, Draft};
use crate::decision::{CallerRefusal, Change, Decision, Halt, Opened, Outcome};
use crate::id::{AppId, UserId};
use crate::item::{Grant, Item, ItemKey, ModalView, Trigger, Views};
use crate::limits::MODALS_MAX;
use crate::workspace::TokenKind;

/// What is done about a modal.
#[derive(Clone, Debug)]
pub enum Modal {
    /// An app opens one for the person who acted. It takes the place of everything that is open.
    Open {
        /// SHA-256 of the `trigger_id`.
        trigger: [u8; 32],
        /// The modal as the app described it.
        view: ModalView,
    },
    /// An app puts one on top of those that are open.
    Push {
        /// SHA-256 of the `trigger_id`, which came from one of them.
        trigger: [u8; 32],
        /// The modal as the app described it.
        view: ModalView,
    },
    /// An app changes one that is open, wherever it is in its stack.
    Update {
        /// The modal that is replaced.
        which: Which,
        /// Refuse unless this is its hash.
        if_hash: Option<String>,
        /// What it is from now on; its id stays.
        view: ModalView,
    },
    /// A person submitted one, and its app answered so. If it is not open any more there is nothing to do.
    Answer {
        /// The app that opened it.
        app: AppId,
        /// The modal, by its id.
        id: String,
        /// What the app answered.
        answer: Answer,
    },
    /// A person closes the one of this id, or with it all that are open.
    Close {
        /// The spelled id of the modal.
        id: String,
        /// Whether the whole stack closes.
        all: bool,
    },
}

/// A modal by one of its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// By `V…`.
    Id(String),
    /// By the app's own name for it.
    ExternalId(String),
}

/// What an app answers to a submitted modal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The modal that was submitted closes.
    Close,
    /// This takes its place; the id stays.
    Update(ModalView),
    /// This comes on top of it.
    Push(ModalView),
    /// All modals of the stack close.
    Clear,
}

/// Why it was refused, highest precedence first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModalRefusal {
    /// No trigger of this app, or for pushing one that came from no modal.
    InvalidTrigger,
    /// A modal was opened with it before.
    ExchangedTrigger,
    /// Its three seconds are over.
    ExpiredTrigger,
    /// The app has no such modal open.
    NotFound,
    /// The modal was changed meanwhile.
    HashConflict,
    /// As many modals are open as may be.
    TooMany,
    /// Another open modal of the app has this name.
    DuplicateExternalId,
}

use ModalRefusal as R;

/// Decides what is done about a modal.
pub(crate) fn decide(asked: &Modal, context: &Context) -> Result<Decision, Halt> {
    match asked {
        Modal::Open { trigger, view } => {
            let app = of_app(context)?;
            let (secret, trigger) = (*trigger, valid(*trigger, app, context)?);
            let before = stack(trigger.user, context)?;
            let opened = Views { app, stack: vec![view.clone()] };
            let mut draft = rename(trigger.user, before.as_ref(), &opened, context)?;
            use_up(secret, trigger.clone(), &mut draft);
            Ok(put(trigger.user, opened, &view.id, draft))
        }
        Modal::Push { trigger, view } => {
            let app = of_app(context)?;
            let (secret, trigger) = (*trigger, valid(*trigger, app, context)?);
            let from = trigger.view.as_deref().ok_or(R::InvalidTrigger)?;
            let before = open(trigger.user, app, from, context)?.ok_or(R::NotFound)?.0;
            let pushed = push(&before, view)?;
            let mut draft = rename(trigger.user, Some(&before), &pushed, context)?;
            use_up(secret, trigger.clone(), &mut draft);
            Ok(put(trigger.user, pushed, &view.id, draft))
        }
        Modal::Update { which, if_hash, view } => {
            let app = of_app(context)?;
            let user = owner(app, which, context)?.ok_or(R::NotFound)?;
            let before = stack(user, context)?.ok_or(R::NotFound)?;
            let place = before.stack.iter().position(|view| which.names(view)).ok_or(R::NotFound)?;
            if if_hash.as_ref().is_some_and(|hash| *hash != before.stack[place].hash) {
                return Err(R::HashConflict.into());
            }
            let (id, updated) = replace(&before, place, view);
            let draft = rename(user, Some(&before), &updated, context)?;
            Ok(put(user, updated, &id, draft))
        }
        Modal::Answer { app, id, answer } => {
            let user = of_person(context)?;
            let Some((before, place)) = open(user, *app, id, context)? else { return Ok(nothing(context)) };
            let (shown, after) = match answer {
                Answer::Close => (None, without(&before, place)),
                Answer::Clear => (None, Views { app: *app, stack: Vec::new() }),
                Answer::Push(view) => (Some(view.id.clone()), push(&before, view)?),
                Answer::Update(view) => {
                    let (id, after) = replace(&before, place, view);
                    (Some(id), after)
                }
            };
            let draft = rename(user, Some(&before), &after, context)?;
            Ok(put(user, after, shown.as_deref().unwrap_or_default(), draft))
        }
        Modal::Close { id, all } => {
            let user = of_person(context)?;
            let before = stack(user, context)?.ok_or(R::NotFound)?;
            let place = before.stack.iter().position(|view| view.id == *id).ok_or(R::NotFound)?;
            let after =
                if *all { Views { app: before.app, stack: Vec::new() } } else { without(&before, place) };
            let draft = rename(user, Some(&before), &after, context)?;
            Ok(put(user, after, "", draft))
        }
    }
}

impl Which {
    fn names(&self, view: &ModalView) -> bool {
        match self {
            Self::Id(id) => view.id == *id,
            Self::ExternalId(name) => view.external_id.as_ref() == Some(name),
        }
    }

    /// Ids and the apps' own names lie beside one another, and neither looks like the other.
    fn key(&self, app: AppId) -> ItemKey {
        match self {
            Self::Id(id) => ItemKey::ViewName(app, id.clone()),
            Self::ExternalId(name) => ItemKey::ViewName(app, format!("={name}")),
        }
    }
}

fn of_app(context: &Context) -> Result<AppId, Halt> {
    context.actor.app.ok_or_else(|| CallerRefusal::WrongKind.into())
}

fn of_person(context: &Context) -> Result<UserId, Halt> {
    if context.actor.kind != TokenKind::User || context.actor.app.is_some() {
        return Err(CallerRefusal::WrongKind.into());
    }
    Ok(context.actor.user)
}

/// The trigger, if this app may open a modal with it now.
fn valid(secret: [u8; 32], app: AppId, context: &Context) -> Result<Trigger, Halt> {
    let found = context.view.item(context.actor.workspace, &ItemKey::Grant(secret))?;
    let Some(Item::Grant(grant @ Grant::Trigger(_))) = found else { return Err(R::InvalidTrigger.into()) };
    let ends_at = grant.ends_at();
    match grant {
        Grant::Trigger(trigger) if trigger.app == app => {
            if trigger.used {
                return Err(R::ExchangedTrigger.into());
            }
            if ends_at <= context.moment.at {
                return Err(R::ExpiredTrigger.into());
            }
            Ok(trigger)
        }
        Grant::Trigger(_) | Grant::ResponseUrl(_) | Grant::Code(_) | Grant::Upload { .. } => {
            Err(R::InvalidTrigger.into())
        }
    }
}

fn use_up(secret: [u8; 32], trigger: Trigger, draft: &mut Draft) {
    let grant = Grant::Trigger(Trigger { used: true, ..trigger });
    draft.change(Change::PutItem(ItemKey::Grant(secret), Some(Item::Grant(grant))));
}

fn stack(user: UserId, context: &Context) -> Result<Option<Views>, Halt> {
    let Some(Item::Views(views)) = context.view.item(context.actor.workspace, &ItemKey::Views(user))? else {
        return Ok(None);
    };
    Ok(Some(views))
}

/// The person's modals of this app and the place of the one of this id, if it is open.
fn open(user: UserId, app: AppId, id: &str, context: &Context) -> Result<Option<(Views, usize)>, Halt> {
    let Some(views) = stack(user, context)?.filter(|views| views.app == app) else { return Ok(None) };
    let place = views.stack.iter().position(|view| view.id == id);
    Ok(place.map(|place| (views, place)))
}

/// Whose modal it is.
fn owner(app: AppId, which: &Which, context: &Context) -> Result<Option<UserId>, Halt> {
    let Some(Item::ViewOf(user)) = context.view.item(context.actor.workspace, &which.key(app))? else {
        return Ok(None);
    };
    Ok(Some(user))
}

fn push(before: &Views, view: &ModalView) -> Result<Views, Halt> {
    if MODALS_MAX <= before.stack.len() {
        return Err(R::TooMany.into());
    }
    let mut after = before.clone();
    after.stack.push(view.clone());
    Ok(after)
}

fn replace(before: &Views, place: usize, view: &ModalView) -> (String, Views) {
    let mut after = before.clone();
    let id = after.stack[place].id.clone();
    after.stack[place] = ModalView { id: id.clone(), ..view.clone() };
    (id, after)
}

fn without(before: &Views, place: usize) -> Views {
    let mut after = before.clone();
    after.stack.remove(place);
    after
}

/// Lets the names of all modals lead to their stack as it will be.
fn rename(user: UserId, before: Option<&Views>, after: &Views, context: &Context) -> Result<Draft, Halt> {
    let old: Vec<ItemKey> = before.into_iter().flat_map(names).collect();
    let new: Vec<ItemKey> = names(after).collect();
    for (at, key) in new.iter().enumerate() {
        let twice = new[..at].contains(key);
        if twice || (!old.contains(key) && context.view.item(context.actor.workspace, key)?.is_some()) {
            return Err(R::DuplicateExternalId.into());
        }
    }

    // Past this line the names are free.
    let mut draft = Draft::new(context.moment, Some(context.actor));
    for key in new.iter().filter(|key| !old.contains(key)) {
        draft.change(Change::PutItem(key.clone(), Some(Item::ViewOf(user))));
    }
    for key in old.into_iter().filter(|key| !new.contains(key)) {
        draft.change(Change::PutItem(key, None));
    }
    Ok(draft)
}

fn names(views: &Views) -> impl Iterator<Item = ItemKey> {
    let app = views.app;
    views.stack.iter().flat_map(move |view| {
        let external = view.external_id.clone().map(Which::ExternalId);
        [Some(Which::Id(view.id.clone())), external].into_iter().flatten().map(move |which| which.key(app))
    })
}

/// Writes the stack; `shown` is the modal that the answer is about, if it is still open.
fn put(user: UserId, after: Views, shown: &str, mut draft: Draft) -> Decision {
    let place = after.stack.iter().position(|view| view.id == shown);
    let kept = (!after.stack.is_empty()).then(|| Item::Views(after.clone()));
    draft.change(Change::PutItem(ItemKey::Views(user), kept));
    let opened = place.map(|place| Opened { user, place, views: after });
    draft.done(opened.map_or(Outcome::Done, |opened| Outcome::Modal(Box::new(opened))))
}

fn nothing(context: &Context) -> Decision {
    Draft::new(context.moment, Some(context.actor)).done(Outcome::Done)
}
