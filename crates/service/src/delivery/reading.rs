//! What events of a log are to the apps of its workspace: the first attempts at delivering them.

use std::collections::HashMap;
use std::sync::Arc;

use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, WorkspaceId};
use redraft_model::time::Ts;
use redraft_model::workspace::App as Bot;
use redraft_store::{Logged, Store};

use super::audience::Topics;
use super::index::Index;
use super::lanes::Attempt;
use super::mentions::Mentions;
use super::{Deliver, Dialects};
use crate::service::Service;

/// Messages of which it is remembered whom they mention, in each of two generations.
const REMEMBERED_MAX: usize = 1024;

/// Reads events, each once for all apps that it may concern.
pub(super) struct Reading {
    app: Arc<Service>,
    dialects: Arc<dyn Dialects>,
    workspace: WorkspaceId,
    index: Index,
    remembered: Remembered,
}

/// What was read.
pub(super) struct Read {
    /// In the log's order.
    pub found: Vec<Found>,
    /// Apps or tokens may have changed since the events before were read.
    pub apps_changed: bool,
}

/// A first attempt, and the app that it is for.
pub(super) struct Found {
    pub app: AppId,
    pub attempt: Attempt,
}

impl Reading {
    /// For one app, or for all.
    pub fn new(
        app: &Arc<Service>,
        dialects: &Arc<dyn Dialects>,
        workspace: WorkspaceId,
        only: Option<AppId>,
    ) -> Self {
        let (app, dialects) = (Arc::clone(app), Arc::clone(dialects));
        let index = Index::new(Arc::clone(&dialects), only);
        Self { app, dialects, workspace, index, remembered: Remembered::default() }
    }

    /// As of the events that were read last: where the part of the log begins that is delivered to an app.
    pub fn hears_from(&self, app: AppId) -> Option<u64> {
        self.index.hears_from(app)
    }

    /// Reads the next events. The directory is that of now or later than the events.
    pub async fn read(&mut self, events: Vec<Logged>) -> Read {
        let mut found = Vec::new();
        let Some(directory) = self.app.workspace(self.workspace) else {
            return Read { found, apps_changed: true };
        };
        let apps_changed = self.index.follow(&directory);
        for logged in events {
            let mentions = match self.index.needs_words(&logged.event) {
                true => self.remembered.mentions(&*self.app.store, self.workspace, &logged).await,
                false => None,
            };
            let concerned = self.index.concerned(&logged.event, mentions.as_deref());
            if concerned.is_empty() {
                continue;
            }
            let logged = Arc::new(logged);
            for (app, topics) in concerned {
                let Some(bot) = directory.app(app) else { continue };
                let attempts =
                    first_attempts(self.dialects.of(bot.dialect), &directory, bot, &logged, topics);
                found.extend(attempts.map(|attempt| Found { app, attempt }));
            }
        }
        Read { found, apps_changed }
    }
}

/// What an event is to an app, of these topics. What concerns the whole team is delivered as of its general channel, and so
/// takes turns with that.
pub(super) fn first_attempts(
    dialect: &dyn Deliver,
    directory: &Directory,
    bot: &Bot,
    logged: &Arc<Logged>,
    topics: Topics,
) -> impl Iterator<Item = Attempt> + use<> {
    let event = &logged.event;
    let general = || directory.general().map(|general| general.id);
    let conversation = event.kind.conversation().or_else(general);
    let parts = dialect.may_hear(directory, bot, event, topics);
    let logged = Arc::clone(logged);
    parts.into_iter().map(move |part| Attempt {
        part: (logged.event.position, part),
        conversation,
        attempts: 0,
        cause: None,
        logged: Some(Arc::clone(&logged)),
    })
}

/// Whom the latest revisions of some messages mention: an update concerns those that the revision before mentioned, too.
#[derive(Default)]
struct Remembered {
    newer: HashMap<(ConversationId, Ts), Revised>,
    older: HashMap<(ConversationId, Ts), Revised>,
}

/// Whom one revision mentions.
type Revised = (u32, Arc<Mentions>);

impl Remembered {
    /// Whom an event's words mention; `None` if that cannot be told.
    async fn mentions(
        &mut self,
        store: &dyn Store,
        workspace: WorkspaceId,
        logged: &Logged,
    ) -> Option<Arc<Mentions>> {
        let Event { position, ts, kind, .. } = &logged.event;
        match *kind {
            EventKind::MessagePosted { conversation, .. } => {
                let mentions = Arc::new(written(store, workspace, *position, logged).await?);
                self.remember((conversation, *ts), (1, Arc::clone(&mentions)));
                Some(mentions)
            }
            EventKind::MessageUpdated { conversation, message, revision } => {
                let mentions = Arc::new(written(store, workspace, *position, logged).await?);
                let before = match self.of(conversation, message) {
                    Some((number, before)) if number + 1 == revision => before,
                    _ => {
                        let key = MessageKey { workspace, conversation, ts: message };
                        let before = store.revisions(key, revision, 1).await.ok()?;
                        Arc::new(Mentions::of(before.first()?.1.as_deref()?))
                    }
                };
                self.remember((conversation, message), (revision, Arc::clone(&mentions)));
                let nobody = before.ids().next().is_none();
                Some(if nobody { mentions } else { Arc::new(Mentions::clone(&mentions).and(&before)) })
            }
            EventKind::MessageDeleted { content_at, .. }
            | EventKind::MessageTombstoned { content_at, .. } => {
                Some(Arc::new(written(store, workspace, content_at, logged).await?))
            }
            // A stream's words are those of when it is delivered. Other events have none, and nobody waits for a mention.
            _ => None,
        }
    }

    fn of(&self, conversation: ConversationId, message: Ts) -> Option<Revised> {
        let key = (conversation, message);
        self.newer.get(&key).or_else(|| self.older.get(&key)).cloned()
    }

    fn remember(&mut self, key: (ConversationId, Ts), revised: Revised) {
        if REMEMBERED_MAX <= self.newer.len() {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, revised);
    }
}

/// Whom the words mention that lie at a position; `None` if they were erased or cannot be read.
async fn written(
    store: &dyn Store,
    workspace: WorkspaceId,
    position: u64,
    logged: &Logged,
) -> Option<Mentions> {
    match &logged.content {
        Some(content) if logged.event.position == position => Some(Mentions::of(content)),
        _ => Some(Mentions::of(&*store.content(workspace, position).await.ok()??)),
    }
}
