//! The reader of a workspace's log: reads each event once and hands it to the apps that it may concern.
//!
//! There is one for each workspace that has had an app to deliver to. It sleeps until something is committed there. New
//! events come from memory ([`Published::take_tail`]), others from the store. It writes down how far apps are that have
//! nothing outstanding, all at once and not at each event: a crash makes it read a few seconds of the log again, and
//! erasing waits no longer than that. It never waits for an app.
//!
//! [`Published::take_tail`]: redraft_store::Published::take_tail

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use redraft_model::id::WorkspaceId;
use redraft_store::{Logged, StoreError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::Dialects;
use super::feed::Feed;
use super::reading::{Read, Reading};
use crate::service::Service;

/// Events that are read from the store at once.
const EVENTS_MAX: usize = 100;

/// How long it takes until it is written down how far apps are that have nothing outstanding.
const WRITE_PAUSE: Duration = Duration::from_secs(10);

/// How long to wait when the store could not be read.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// Asks a reader to read to the end of the log and to write down how far it is.
pub(super) type Asked = oneshot::Sender<()>;

/// See the module.
pub(super) struct Reader {
    app: Arc<Service>,
    workspace: WorkspaceId,
    feed: Arc<Feed>,
    reading: Reading,
    read_to: u64,
    asked: mpsc::Receiver<Asked>,
}

/// Tells the workers when the reader ends, however it does.
struct Ends<'a>(&'a Service, WorkspaceId, Arc<Feed>);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store.published().unfollow(self.1);
        self.2.end();
    }
}

impl Reader {
    pub fn new(
        app: &Arc<Service>,
        dialects: &Arc<dyn Dialects>,
        workspace: WorkspaceId,
        feed: &Arc<Feed>,
        asked: mpsc::Receiver<Asked>,
    ) -> Self {
        let reading = Reading::new(app, dialects, workspace, None);
        Self { app: Arc::clone(app), workspace, feed: Arc::clone(feed), reading, read_to: 0, asked }
    }

    /// Ends with the workspace, or when the other side of `stop` is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<()>) {
        let app = Arc::clone(&self.app);
        let _ends = Ends(&app, self.workspace, Arc::clone(&self.feed));
        tokio::select! {
            () = self.begin() => {}
            _ = stop.changed() => return,
        }
        let published = app.store.published();
        published.follow(self.workspace);
        let mut commits = published.log_bell(self.workspace);
        let mut write_at: Option<Instant> = None;
        while app.workspace(self.workspace).is_some() {
            commits.mark_unchanged();
            match self.read_on().await {
                Ok(0) => {}
                Ok(_) => write_at = write_at.or_else(|| Some(Instant::now() + WRITE_PAUSE)),
                Err(failed) => {
                    warn!(error = %failed, "the log cannot be read");
                    sleep(STORE_PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                _ = commits.changed() => {}
                Some(asked) = self.asked.recv() => {
                    if self.read_on().await.is_ok() && self.write().await {
                        write_at = None;
                    }
                    let _ = asked.send(());
                }
                () = self.feed.until_unwritten(), if write_at.is_none() => {
                    write_at = Some(Instant::now() + WRITE_PAUSE);
                }
                () = sleep_until(write_at.unwrap_or_else(Instant::now)), if write_at.is_some() => {
                    write_at = (!self.write().await).then(|| Instant::now() + WRITE_PAUSE);
                }
                _ = stop.changed() => {
                    self.write().await;
                    return;
                }
            }
        }
    }

    /// Begins where most apps are, so that most need not read the log by themselves. After a crash those that had nothing
    /// outstanding were all written down at one position.
    async fn begin(&mut self) {
        self.read_to = loop {
            match self.most_common_position().await {
                Ok(position) => break position,
                Err(failed) => {
                    warn!(error = %failed, "how far apps are in the log cannot be read");
                    sleep(STORE_PAUSE).await;
                }
            }
        };
        self.feed.begin(self.read_to);
    }

    async fn most_common_position(&self) -> Result<u64, StoreError> {
        let mut counts = BTreeMap::<u64, usize>::new();
        if let Some(directory) = self.app.workspace(self.workspace) {
            for app in directory.apps().filter(|app| app.is_told()) {
                let position =
                    self.app.store.delivered_up_to(self.workspace, app.id).await?.max(app.hears_from);
                *counts.entry(position).or_default() += 1;
            }
        }
        let most = counts.iter().max_by_key(|(_, count)| **count);
        Ok(most.map_or(0, |(position, _)| *position))
    }

    /// Reads to the end of the log; returns how many events there were.
    async fn read_on(&mut self) -> Result<usize, StoreError> {
        let mut count = 0;
        loop {
            let events = self.app.store.published().take_tail(self.workspace).into_iter();
            let new = events.skip_while(|logged| logged.event.position <= self.read_to);
            let next = self.read_to + 1..;
            let without_gaps = new.zip(next).take_while(|(logged, next)| logged.event.position == *next);
            let mut events: Vec<Logged> = without_gaps.map(|(logged, _)| logged).collect();
            if events.is_empty() {
                // What else was in memory is in the log as well, behind what is missing.
                if self.is_at_end() {
                    return Ok(count);
                }
                let read = self.app.store.events(self.workspace, self.read_to, EVENTS_MAX).await?;
                events = read.into_iter().map(Logged::from).collect();
            }
            let Some(last) = events.last().map(|logged| logged.event.position) else { return Ok(count) };
            count += events.len();
            let Read { found, apps_changed } = self.reading.read(events).await;
            if apps_changed {
                self.feed.dismiss(|app| self.reading.hears_from(app));
            }
            self.feed.hand_out(found, last);
            self.read_to = last;
        }
    }

    fn is_at_end(&self) -> bool {
        self.app.store.published().log_end(self.workspace).is_some_and(|end| end <= self.read_to)
    }

    /// Writes down how far apps are that have nothing outstanding; false if that failed.
    async fn write(&self) -> bool {
        let (position, apps) = self.feed.unwritten();
        if apps.is_empty() {
            return true;
        }
        match self.app.store.settle_idle(self.workspace, apps.clone(), position).await {
            Ok(()) => {
                self.feed.wrote(position, &apps);
                true
            }
            Err(failed) => {
                warn!(error = %failed, "how far apps are in the log cannot be written");
                false
            }
        }
    }
}
