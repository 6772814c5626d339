//! The store on maps: the oracle that the others are tested against, and the store of servers that keep nothing.
//!
//! Everything lives as long as the process. It must answer exactly as [`crate::SqliteStore`] does, by the simplest means: what
//! is counted there is added up here.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redraft_model::command::Command;
use redraft_model::content::{Assemble, Content, Dialect, Piece, joined};
use redraft_model::control::numbered_in;
use redraft_model::decide;
use redraft_model::decision::{Change, Decision, Halt, Moment};
use redraft_model::directory::{Directories, Directory, DirectoryChange};
use redraft_model::event::{EndedContent, Event};
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::limits::ERASED_AT_LATEST_MICROS;
use redraft_model::message::{Audience, Gone, Message, PersonalView, Reaction, Replier};
use redraft_model::quota::Usage;
use redraft_model::time::{Micros, Ts};
use redraft_model::view::{Identity, Looked, Remembered, View};
use redraft_model::workspace::App;

use crate::record::{CHECKSUM_BYTES, RevisionRow, encode, is_file};
use crate::{
    Answer, Awaited, Clock, Concern, Delivery, Later, Logged, Page, Part, Published, READ_ROWS_MAX, Revised,
    Settlement, Store, StoreError, Stored, Sweep, Swept, Viewed, Window, revised_bytes,
};

/// A store that keeps nothing when the process ends. Commands run one at a time.
pub struct MemoryStore {
    state: Mutex<State>,
    published: Published,
    clock: Clock,
}

#[derive(Default)]
struct State {
    directories: Directories,
    origins: BTreeMap<WorkspaceId, Arc<Directory>>,
    messages: BTreeMap<MessageKey, Arc<Message>>,
    revisions: BTreeMap<(WorkspaceId, u64), Revised>,
    repliers: BTreeMap<(MessageKey, UserId), Replier>,
    gone: BTreeMap<MessageKey, Gone>,
    pieces: BTreeMap<(MessageKey, u32), Piece>,
    /// How pieces become what a message shows.
    assemble: Option<Assemble>,
    reactions: BTreeSet<(MessageKey, Reaction)>,
    views: BTreeMap<(MessageKey, UserId), PersonalView>,
    delivered_up_to: BTreeMap<(WorkspaceId, AppId), u64>,
    deliveries: BTreeMap<(WorkspaceId, AppId, Part), Delivery>,
    blobs: BTreeMap<(WorkspaceId, BlobKey), Arc<[u8]>>,
    remembered: BTreeMap<(Identity, String), Remembered>,
    logs: BTreeMap<WorkspaceId, Vec<Event>>,
    items: BTreeMap<(WorkspaceId, ItemKey), Item>,
    kept: BTreeMap<&'static str, Vec<u8>>,
    /// Events whose ended content a delivery still needs, as of the last sweep.
    awaited: BTreeSet<(WorkspaceId, u64)>,
}

impl MemoryStore {
    /// An empty store on this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let published = Published::new(Directories::default(), Arc::clone(&clock));
        Self { state: Mutex::default(), published, clock }
    }

    /// The same with a way to read the pieces of messages that stream in.
    #[must_use]
    pub fn assembling(self, assemble: Assemble) -> Self {
        self.state().assemble = Some(assemble);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit_now(&self, command: &Command) -> Result<Answer, StoreError> {
        let state = &mut *self.state();
        let workspace = numbered_in(command, &state.directories);
        match decide(command, state, state.moment(workspace, (self.clock)())) {
            Ok(mut decision) => {
                state.apply(workspace, &decision);
                let concerns: Vec<Concern> = decision.changes.iter().filter_map(concern).collect();
                let last = state.logs.get(&workspace).and_then(|log| log.last());
                let end = (workspace, last.map_or(0, |event| event.position));
                let logged: Vec<_> = Logged::of(&mut decision).map(|logged| (workspace, logged)).collect();
                self.published.publish(&state.directories, &concerns, &[end], logged);
                Ok(Ok(decision.outcome))
            }
            Err(Halt::Refused(refusal)) => Ok(Err(refusal)),
            Err(Halt::NotLoaded) => Err(StoreError::Failed),
        }
    }
}

fn concern(change: &Change) -> Option<Concern> {
    let Change::Directory(change) = change else { return None };
    Some(Concern::of(change))
}

fn now<'a, T: Send + 'a>(answer: T) -> Later<'a, T> {
    Box::pin(ready(answer))
}

impl State {
    fn moment(&self, workspace: WorkspaceId, now: Micros) -> Moment {
        let offset = self.directories.get(workspace).map_or(0, |found| found.workspace.clock_offset_micros);
        let at = now.plus(offset);
        let last = self.logs.get(&workspace).and_then(|log| log.last());
        let (ts, position) = last.map_or((0, 0), |event| (event.ts.0, event.position));
        Moment { at, ts: Ts(at.0.max(ts.saturating_add(1))), position: position + 1 }
    }

    fn apply(&mut self, workspace: WorkspaceId, decision: &Decision) {
        for change in &decision.changes {
            self.change(workspace, change);
        }
        self.logs.entry(workspace).or_default().extend(decision.events.iter().cloned());
    }

    fn change(&mut self, workspace: WorkspaceId, change: &Change) {
        match change {
            Change::PutMessage(message) => drop(self.messages.insert(message.key, Arc::clone(message))),
            Change::RemoveMessage(message) => drop(self.messages.remove(&message.key)),
            Change::RemoveRevision(key, position) => {
                self.revisions.remove(&(key.workspace, *position));
            }
            Change::PutPiece(key, number, piece) => drop(self.pieces.insert((*key, *number), piece.clone())),
            Change::ClearPieces(key) => self.pieces.retain(|(of, _), _| of != key),
            Change::PutReaction(key, reaction) => {
                self.reactions.insert((*key, reaction.clone()));
            }
            Change::RemoveReaction(key, reaction) => {
                self.reactions.remove(&(*key, reaction.clone()));
            }
            Change::PutView(key, user, view) => {
                if let Some(before) = self.views.insert((*key, *user), *view) {
                    self.revisions.remove(&(key.workspace, before.content_at));
                }
            }
            Change::ClearMarks(key) => self.clear_marks(*key),
            Change::PutRevision(revision, content) => {
                let key = (revision.key.workspace, revision.position);
                self.revisions.insert(key, (revision.clone(), Some(Arc::clone(content))));
            }
            Change::PutReplier(root, user, Some(replier)) => {
                self.repliers.insert((*root, *user), *replier);
            }
            Change::PutReplier(root, user, None) => {
                self.repliers.remove(&(*root, *user));
            }
            Change::PutGone(gone) => drop(self.gone.insert(gone.last.key, gone.clone())),
            Change::Remember(identity, key, remembered) => {
                self.remembered.insert((*identity, key.clone()), remembered.clone());
            }
            Change::PutItem(key, Some(item)) => {
                self.items.insert((workspace, key.clone()), item.clone());
            }
            Change::PutItem(key, None) => drop(self.items.remove(&(workspace, key.clone()))),
            Change::PutBlob(key, bytes) => drop(self.blobs.insert((workspace, *key), Arc::clone(bytes))),
            Change::RemoveBlob(key, _) => drop(self.blobs.remove(&(workspace, *key))),
            Change::Directory(change) => self.change_directory(change),
        }
    }

    fn change_directory(&mut self, change: &DirectoryChange) {
        match change {
            DirectoryChange::Create(directory) => {
                self.origins.insert(directory.workspace.id, Arc::clone(directory));
            }
            DirectoryChange::Drop(id) => self.forget(*id),
            DirectoryChange::Workspace(_)
            | DirectoryChange::Quotas(..)
            | DirectoryChange::User(..)
            | DirectoryChange::App(..)
            | DirectoryChange::NewConversation(..)
            | DirectoryChange::Conversation(..)
            | DirectoryChange::Member(..)
            | DirectoryChange::Token(..)
            | DirectoryChange::RemoveToken(..)
            | DirectoryChange::UserGroup(..) => {}
        }
        self.directories.apply(change);
    }

    fn forget(&mut self, id: WorkspaceId) {
        self.origins.remove(&id);
        self.logs.remove(&id);
        self.messages.retain(|key, _| key.workspace != id);
        self.revisions.retain(|(workspace, _), _| *workspace != id);
        self.repliers.retain(|(key, _), _| key.workspace != id);
        self.gone.retain(|key, _| key.workspace != id);
        self.remembered.retain(|(identity, _), _| identity.workspace != id);
        self.pieces.retain(|(key, _), _| key.workspace != id);
        self.reactions.retain(|(key, _)| key.workspace != id);
        self.views.retain(|(key, _), _| key.workspace != id);
        self.delivered_up_to.retain(|(workspace, _), _| *workspace != id);
        self.deliveries.retain(|(workspace, ..), _| *workspace != id);
        self.blobs.retain(|(workspace, _), _| *workspace != id);
        self.items.retain(|(workspace, _), _| *workspace != id);
    }

    fn clear_marks(&mut self, key: MessageKey) {
        self.reactions.retain(|(of, _)| *of != key);
        let gone: Vec<u64> = self.views_of(key).map(|view| view.content_at).collect();
        for position in gone {
            self.revisions.remove(&(key.workspace, position));
        }
        self.views.retain(|(of, _), _| *of != key);
    }

    fn views_of(&self, key: MessageKey) -> impl Iterator<Item = &PersonalView> {
        self.views.range((key, UserId(0))..=(key, UserId(u32::MAX))).map(|(_, view)| view)
    }

    fn settle(&mut self, workspace: WorkspaceId, app: AppId, settlement: Settlement) {
        if self.directories.get(workspace).is_none() {
            return;
        }
        self.delivered_up_to.insert((workspace, app), settlement.delivered_up_to);
        for delivery in settlement.put {
            self.deliveries.insert((workspace, app, delivery.key()), delivery);
        }
        for over in settlement.removed {
            self.deliveries.remove(&(workspace, app, over));
        }
    }

    fn thread(&self, root: MessageKey) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        let after = root.at(Ts(root.ts.0.saturating_add(1)));
        self.messages
            .range(after..=root.at(Ts(i64::MAX)))
            .map(|(_, message)| message)
            .filter(move |message| message.root == Some(root.ts) && message.audience == Audience::Everyone)
    }

    fn stored(&self, message: &Arc<Message>) -> Stored {
        let key = (message.key.workspace, message.content_at);
        let content = message.revision().and_then(|_| self.revisions.get(&key));
        let content = content.and_then(|(_, content)| content.as_ref());
        let nothing = || Arc::new(Content::text(Dialect::Slack, ""));
        let reactions = if message.marked { self.reactions_to(message.key) } else { Vec::new() };
        let content = content.map(|content| match message.in_pieces() {
            true => Arc::new(self.assembled(message.key, content, None)),
            false => Arc::clone(content),
        });
        let content = content.unwrap_or_else(nothing);
        Stored { message: Arc::clone(message), content, root: None, reactions }
    }

    fn reactions_to(&self, key: MessageKey) -> Vec<Reaction> {
        let first = Reaction { since: Ts(0), name: "".into(), user: UserId(0) };
        let from = self.reactions.range((key, first)..).take_while(|(of, _)| *of == key);
        from.map(|(_, reaction)| reaction.clone()).collect()
    }

    fn assembled(&self, key: MessageKey, begun: &Content, more: Option<&Piece>) -> Content {
        let pieces = self.pieces.range((key, 0)..=(key, u32::MAX)).map(|(_, piece)| piece).chain(more);
        let pieces: Vec<Piece> = pieces.cloned().collect();
        self.assemble.unwrap_or(joined)(begun, &pieces)
    }

    fn in_channel(&self, message: &Arc<Message>) -> Stored {
        let root = message.root.and_then(|root| self.messages.get(&message.key.at(root)));
        Stored { root: root.map(|root| Box::new(self.stored(root))), ..self.stored(message) }
    }

    fn newest_content(&self, key: MessageKey) -> Option<u64> {
        let living = self.messages.get(&key).map(|message| message.content_at);
        living.or_else(|| self.gone.get(&key).map(|gone| gone.last.content_at))
    }

    /// The same as the other store, all at once and with the whole log every time. Returns how many contents went.
    fn sweep(&mut self, sweep: Sweep, now: Micros) -> usize {
        let before: usize = self.contents() + self.blobs.len();
        self.awaited.clear();
        let directories: Vec<Arc<Directory>> = self.directories.all().cloned().collect();
        for directory in directories {
            let now = now.plus(directory.workspace.clock_offset_micros);
            self.sweep_expired(&directory, now);
            self.erase(&directory, sweep, now);
        }
        before - (self.contents() + self.blobs.len())
    }

    fn contents(&self) -> usize {
        self.revisions.values().filter(|(_, content)| content.is_some()).count()
    }

    fn sweep_expired(&mut self, directory: &Directory, now: Micros) {
        let (id, retention) = (directory.workspace.id, directory.workspace.settings.retention);
        self.remembered
            .retain(|(identity, _), remembered| identity.workspace != id || now < remembered.expires_at);
        let Self { items, blobs, deliveries, logs, .. } = self;
        items.retain(|(workspace, _), item| {
            let kept = *workspace != id || item.kept_until().is_none_or(|end| now < end);
            let owned = item.blobs().into_iter().filter(|_| !kept);
            owned.for_each(|(key, _)| drop(blobs.remove(&(*workspace, key))));
            kept
        });
        let at = |position: u64| {
            let log = logs.get(&id)?;
            log.get(usize::try_from(position).ok()?.checked_sub(1)?).map(|event| event.at)
        };
        deliveries.retain(|(workspace, ..), delivery| {
            let old = at(delivery.position).is_none_or(|at| at.plus(retention.dead_letters_micros) <= now);
            *workspace != id || delivery.due_at.is_some() || !old
        });
        let of_workspace = self.messages.values().filter(|message| message.key.workspace == id);
        let expired: Vec<Arc<Message>> =
            of_workspace.filter(|message| message.expired(now, retention)).cloned().collect();
        for message in expired {
            self.messages.remove(&message.key);
            self.clear_marks(message.key);
            let mut next = Some(message.content_at);
            while let Some(position) = next {
                let removed = self.revisions.remove(&(id, position));
                next = removed.and_then(|(revision, _)| revision.previous);
            }
        }
    }

    fn erase(&mut self, directory: &Directory, sweep: Sweep, now: Micros) {
        let (id, retention) = (directory.workspace.id, directory.workspace.settings.retention);
        let told = directory.apps().filter(|app| app.is_told());
        let delivered =
            |app: &App| self.delivered_up_to.get(&(id, app.id)).copied().unwrap_or(0).max(app.hears_from);
        let read_to = told.map(|app| delivered(app)).min().unwrap_or(u64::MAX);
        let late: BTreeSet<u64> = self
            .deliveries
            .iter()
            .filter(|((workspace, ..), _)| *workspace == id)
            .map(|(_, delivery)| delivery.position)
            .collect();
        for event in self.logs.get(&id).cloned().unwrap_or_default() {
            let position = event.position;
            let Some(ended) = event.kind.ended_content() else { continue };
            let (next, kept, whole) = match ended {
                EndedContent::Deleted { content_at } => {
                    (Some(content_at), Some(retention.deleted_micros), true)
                }
                EndedContent::Submitted => (Some(position), Some(retention.deleted_micros), false),
                EndedContent::Superseded => {
                    let revision = self.revisions.get(&(id, position));
                    let previous = revision.and_then(|(revision, _)| revision.previous);
                    (previous, retention.superseded_micros, false)
                }
            };
            let (Some(mut next), Some(kept)) = (next, kept) else { continue };
            let purged = sweep == Sweep::Purge && ended != EndedContent::Superseded;
            if now < event.at.plus(kept) && !purged {
                continue;
            }
            let latest = event.at.plus(kept).plus(ERASED_AT_LATEST_MICROS) <= now;
            let mut after = position;
            loop {
                let awaited = read_to < after || late.contains(&next) || late.contains(&after);
                if awaited && !latest {
                    self.awaited.insert((id, position));
                    break;
                }
                let Some((revision, content)) = self.revisions.get_mut(&(id, next)) else { break };
                *content = None;
                match revision.previous {
                    Some(previous) if whole => (after, next) = (next, previous),
                    Some(_) | None => break,
                }
            }
        }
    }
}

impl View for State {
    fn directories(&self) -> &Directories {
        &self.directories
    }

    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>> {
        Ok(self.messages.get(&key).cloned())
    }

    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>> {
        Ok(self.revisions.get(&(key.workspace, position)).and_then(|(_, content)| content.clone()))
    }

    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>> {
        let begun = self.revisions.get(&(message.key.workspace, message.content_at));
        let begun = begun.and_then(|(_, content)| content.as_ref());
        Ok(begun.map(|begun| Arc::new(self.assembled(message.key, begun, more))))
    }

    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>> {
        Ok(self.repliers.get(&(root, user)).copied())
    }

    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>> {
        let mut found: Vec<(Ts, UserId)> = self
            .repliers
            .range((root, UserId(0))..=(root, UserId(u32::MAX)))
            .map(|((_, user), replier)| (replier.since, *user))
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().take(limit).map(|(_, user)| user).collect())
    }

    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>> {
        Ok(self.thread(root).rev().map(|message| message.key.ts).find(|ts| *ts != but))
    }

    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>> {
        Ok(self.remembered.get(&(*identity, key.to_owned())).cloned())
    }

    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>> {
        Ok(self.origins.get(&workspace).cloned())
    }

    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>> {
        Ok(self.reactions_to(key))
    }

    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>> {
        Ok(self.items.get(&(workspace, key.clone())).cloned())
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>> {
        if to < from {
            return Ok(Vec::new());
        }
        let range = self.items.range((workspace, from.clone())..=(workspace, to.clone()));
        Ok(range.take(limit).map(|((_, key), item)| (key.clone(), item.clone())).collect())
    }

    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64> {
        let of_workspace = self.blobs.range((workspace, [0; 32])..=(workspace, [u8::MAX; 32]));
        Ok(of_workspace.map(|(_, bytes)| bytes.len() as u64).sum())
    }

    /// Counted anew whenever somebody asks: the oracle of stores that keep counters.
    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage> {
        let size = |row: &Revised| {
            let (revision, content) = row.clone();
            (encode(&RevisionRow { revision, content }).len() + CHECKSUM_BYTES) as u64
        };
        let revisions = self.revisions.range((workspace, 0)..=(workspace, u64::MAX));
        let items = self.items.iter().filter(|((of, _), _)| *of == workspace);
        Ok(Usage {
            messages: self.messages.keys().filter(|key| key.workspace == workspace).count() as u64,
            content_bytes: revisions.map(|(_, row)| size(row)).sum(),
            blob_bytes: View::blob_bytes(self, workspace)?,
            files: items.filter(|(_, item)| is_file(item)).count() as u64,
        })
    }

    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>> {
        Ok(self.gone.get(&key).cloned())
    }
}

/// As many of these as one read returns.
fn page(all: impl Iterator<Item = Stored>) -> Page<Stored> {
    let mut page = Page::default();
    for stored in all {
        let bytes = stored.bytes();
        if !page.take(stored, bytes) {
            break;
        }
    }
    page
}

impl Store for MemoryStore {
    fn submit(&self, command: Command) -> Later<'_, Result<Answer, StoreError>> {
        now(self.submit_now(&command))
    }

    fn published(&self) -> &Published {
        &self.published
    }

    fn message(&self, key: MessageKey) -> Later<'_, Result<Option<Stored>, StoreError>> {
        let state = self.state();
        now(Ok(state.messages.get(&key).map(|message| state.stored(message))))
    }

    fn channel_line(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let state = self.state();
        let key = |ts| MessageKey { workspace, conversation, ts };
        if window.to < window.from {
            return now(Ok(Page::default()));
        }
        let line = state
            .messages
            .range(key(window.from)..=key(window.to))
            .rev()
            .map(|(_, message)| message)
            .filter(|message| message.audience == Audience::Everyone)
            .filter(|message| message.root.is_none() || message.broadcast);
        now(Ok(page(line.take(limit.min(READ_ROWS_MAX)).map(|message| state.in_channel(message)))))
    }

    fn thread_line(
        &self,
        root: MessageKey,
        window: Window,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let state = self.state();
        let replies = state
            .thread(root)
            .filter(|message| window.from <= message.key.ts && message.key.ts <= window.to)
            .take(limit.min(READ_ROWS_MAX));
        now(Ok(page(replies.map(|message| state.stored(message)))))
    }

    fn revisions(
        &self,
        key: MessageKey,
        below: u32,
        limit: usize,
    ) -> Later<'_, Result<Page<Revised>, StoreError>> {
        let state = self.state();
        let mut next = state.newest_content(key);
        let mut found = Page::default();
        while let Some(revised) = next.and_then(|position| state.revisions.get(&(key.workspace, position)))
            && found.len() < limit.min(READ_ROWS_MAX)
        {
            next = revised.0.previous;
            if revised.0.number.get() < below
                && !found.take(revised.clone(), revised_bytes(revised.1.as_ref()))
            {
                break;
            }
        }
        now(Ok(found))
    }

    fn gone(&self, key: MessageKey) -> Later<'_, Result<Option<Gone>, StoreError>> {
        now(Ok(self.state().gone.get(&key).cloned()))
    }

    fn events(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: usize,
    ) -> Later<'_, Result<Vec<Event>, StoreError>> {
        let state = self.state();
        let log = state.logs.get(&workspace).map_or(&[][..], Vec::as_slice);
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(log.len());
        now(Ok(log[from..].iter().take(limit.min(READ_ROWS_MAX)).cloned().collect()))
    }

    fn content(
        &self,
        workspace: WorkspaceId,
        position: u64,
    ) -> Later<'_, Result<Option<Arc<Content>>, StoreError>> {
        let state = self.state();
        now(Ok(state.revisions.get(&(workspace, position)).and_then(|(_, content)| content.clone())))
    }

    fn reactions(&self, key: MessageKey) -> Later<'_, Result<Vec<Reaction>, StoreError>> {
        now(View::reactions(&*self.state(), key).map_err(|_| StoreError::Failed))
    }

    fn reacted(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        before: Ts,
        limit: usize,
    ) -> Later<'_, Result<Vec<(MessageKey, Reaction)>, StoreError>> {
        let state = self.state();
        let theirs = |(key, reaction): &&(MessageKey, Reaction)| {
            key.workspace == workspace && reaction.user == user && reaction.since < before
        };
        let mut found: Vec<_> = state.reactions.iter().filter(theirs).cloned().collect();
        found.sort_by_key(|(_, reaction)| std::cmp::Reverse(reaction.since));
        found.truncate(limit.min(READ_ROWS_MAX));
        now(Ok(found))
    }

    fn view(&self, key: MessageKey, user: UserId) -> Later<'_, Result<Option<Viewed>, StoreError>> {
        let state = self.state();
        let view = state.views.get(&(key, user));
        let content = |view: &PersonalView| state.revisions.get(&(key.workspace, view.content_at));
        now(Ok(view.and_then(|view| Some((*view, content(view)?.1.clone()?)))))
    }

    fn targeted(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        reader: UserId,
        limit: usize,
    ) -> Later<'_, Result<Page<Stored>, StoreError>> {
        let state = self.state();
        let key = |ts| MessageKey { workspace, conversation, ts };
        let all = state.messages.range(key(Ts(0))..=key(Ts(i64::MAX))).rev().map(|(_, message)| message);
        let of_reader = all.filter(|message| message.audience == Audience::Only(reader));
        let mut found = page(of_reader.take(limit.min(READ_ROWS_MAX)).map(|message| state.stored(message)));
        found.rows.reverse();
        now(Ok(found))
    }

    fn settle(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        settlement: Settlement,
    ) -> Later<'_, Result<(), StoreError>> {
        self.state().settle(workspace, app, settlement);
        now(Ok(()))
    }

    fn settle_idle(
        &self,
        workspace: WorkspaceId,
        apps: Vec<AppId>,
        delivered_up_to: u64,
    ) -> Later<'_, Result<(), StoreError>> {
        let mut state = self.state();
        if state.directories.get(workspace).is_some() {
            for app in apps {
                let known = state.delivered_up_to.entry((workspace, app)).or_default();
                *known = delivered_up_to.max(*known);
            }
        }
        now(Ok(()))
    }

    fn delivered_up_to(&self, workspace: WorkspaceId, app: AppId) -> Later<'_, Result<u64, StoreError>> {
        now(Ok(self.state().delivered_up_to.get(&(workspace, app)).copied().unwrap_or(0)))
    }

    fn deliveries(
        &self,
        workspace: WorkspaceId,
        app: AppId,
        after: Part,
        limit: usize,
    ) -> Later<'_, Result<Vec<Delivery>, StoreError>> {
        let state = self.state();
        let (from, to) = ((workspace, app, after), (workspace, app, (u64::MAX, u8::MAX)));
        let all = state.deliveries.range((Excluded(from), Included(to))).map(|(_, delivery)| delivery);
        now(Ok(all.take(limit.min(READ_ROWS_MAX)).cloned().collect()))
    }

    fn item(&self, workspace: WorkspaceId, key: ItemKey) -> Later<'_, Result<Option<Item>, StoreError>> {
        now(View::item(&*self.state(), workspace, &key).map_err(|_| StoreError::Failed))
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: ItemKey,
        to: ItemKey,
        limit: usize,
    ) -> Later<'_, Result<Vec<(ItemKey, Item)>, StoreError>> {
        let found = View::items(&*self.state(), workspace, &from, &to, limit.min(READ_ROWS_MAX));
        now(found.map_err(|_| StoreError::Failed))
    }

    fn due(&self) -> Later<'_, Result<Vec<(WorkspaceId, ItemKey)>, StoreError>> {
        let mut first: BTreeMap<WorkspaceId, (Micros, ItemKey)> = BTreeMap::new();
        for (workspace, key) in self.state().items.keys() {
            if let ItemKey::Scheduled { post_at, .. } = key {
                let due = first.entry(*workspace).or_insert_with(|| (*post_at, key.clone()));
                if *post_at < due.0 {
                    *due = (*post_at, key.clone());
                }
            }
        }
        now(Ok(first.into_iter().map(|(workspace, (_, key))| (workspace, key)).collect()))
    }

    fn blob(&self, workspace: WorkspaceId, key: BlobKey) -> Later<'_, Result<Option<Vec<u8>>, StoreError>> {
        now(Ok(self.state().blobs.get(&(workspace, key)).map(|bytes| bytes.to_vec())))
    }

    fn keep(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<Vec<u8>, StoreError>> {
        now(Ok(self.state().kept.entry(name).or_insert(value).clone()))
    }

    fn replace(&self, name: &'static str, value: Vec<u8>) -> Later<'_, Result<(), StoreError>> {
        self.state().kept.insert(name, value);
        now(Ok(()))
    }

    fn kept(&self, name: &'static str) -> Later<'_, Result<Option<Vec<u8>>, StoreError>> {
        now(Ok(self.state().kept.get(name).cloned()))
    }

    fn writable(&self) -> Later<'_, Result<(), StoreError>> {
        now(Ok(()))
    }

    fn usage(&self, workspace: WorkspaceId) -> Later<'_, Result<Usage, StoreError>> {
        now(View::usage(&*self.state(), workspace).map_err(|_| StoreError::Failed))
    }

    fn sweep(&self, sweep: Sweep) -> Later<'_, Result<Swept, StoreError>> {
        let erased = self.state().sweep(sweep, (self.clock)());
        now(Ok(Swept { more: false, erased }))
    }

    /// Memory has no write-ahead log.
    fn empty_log(&self) -> Later<'_, Result<bool, StoreError>> {
        now(Ok(true))
    }

    /// Memory has no pages to scrub.
    fn scrub(&self) -> Later<'_, Result<bool, StoreError>> {
        now(Ok(false))
    }

    fn awaited(&self) -> Later<'_, Result<Vec<Awaited>, StoreError>> {
        let mut all: BTreeMap<WorkspaceId, (u64, u64)> = BTreeMap::new();
        for (workspace, position) in &self.state().awaited {
            let (count, last) = all.entry(*workspace).or_default();
            (*count, *last) = (*count + 1, *position);
        }
        let all = all.into_iter();
        now(Ok(all.map(|(workspace, (endings, last))| Awaited { workspace, endings, last }).collect()))
    }

    fn is_erased(&self, workspace: WorkspaceId, position: u64) -> Later<'_, Result<bool, StoreError>> {
        let state = self.state();
        let at = |position| state.revisions.get(&(workspace, position));
        let here = at(position);
        let before = here.and_then(|(revision, _)| revision.previous).and_then(at);
        now(Ok([here, before].into_iter().flatten().any(|(_, content)| content.is_none())))
    }
}
