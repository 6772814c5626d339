//! Tasks that a bot owns.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// The background work of one bot. Whoever shuts the bot down waits for it.
///
/// What has to be waited for holds a [`Busy`]. A task may outlive its work, and one without work, such as that of a live message
/// with nothing new to show, is ended by the shutdown and not waited for.
#[derive(Clone)]
pub(crate) struct Tasks {
    /// `None` once the bot is shut down: nothing starts any more.
    running: Arc<Mutex<Option<JoinSet<()>>>>,
    stopping: watch::Sender<bool>,
    busy: watch::Sender<usize>,
}

/// A piece of work that is under way.
#[derive(Debug)]
pub(crate) struct Busy {
    count: watch::Sender<usize>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Mutex::new(Some(JoinSet::new()))),
            stopping: watch::Sender::new(false),
            busy: watch::Sender::new(0),
        }
    }

    /// Counts a piece of work until the guard is dropped.
    pub(crate) fn busy(&self) -> Busy {
        self.busy.send_modify(|count| *count += 1);
        Busy { count: self.busy.clone() }
    }

    /// Runs work until it ends. Returns whether it was taken on: not once the bot is shut down. While it is stopping it is, since
    /// turns that are under way may still begin something.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let busy = self.busy();
        self.spawn_idle(async move {
            task.await;
            drop(busy);
        })
    }

    /// Runs a task that counts its work by itself, see [`busy`](Self::busy).
    pub(crate) fn spawn_idle(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(running) = running.as_mut() else { return false };
        while running.try_join_next().is_some() {}
        running.spawn(task);
        true
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        // The sender lives as long as this.
        let _ = self.busy.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Waits until the bot is shutting down.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as this.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Tells all to stop and waits until nothing is under way, at most so long; what is left then is cut off. Returns how much
    /// that was. Several callers may wait at once, and one that gives up leaves the others waiting.
    pub(crate) async fn shutdown(&self, limit: Duration) -> usize {
        self.stopping.send_replace(true);
        // Work that begins before the set is closed below is cut off, and counted.
        let _ = tokio::time::timeout(limit, self.idle()).await;
        let left = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let cut_off = *self.busy.borrow();
        if let Some(mut left) = left {
            left.shutdown().await;
        }
        cut_off
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_task_begun_while_stopping_is_waited_for() {
        let tasks = Tasks::new();
        let done = Arc::new(AtomicUsize::new(0));
        let (outer, inner) = (tasks.clone(), Arc::clone(&done));
        tasks.spawn(async move {
            outer.stopped().await;
            // While the first is waited for.
            tokio::time::sleep(Duration::from_secs(1)).await;
            outer.spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                inner.fetch_add(1, Ordering::SeqCst);
            });
        });
        assert_eq!(tasks.shutdown(LIMIT).await, 0);
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert!(!tasks.spawn(async {}), "nothing starts after the end");
    }

    #[tokio::test(start_paused = true)]
    async fn two_who_shut_down_both_wait() {
        let tasks = Tasks::new();
        let done = Arc::new(AtomicBool::new(false));
        let (end, inner) = (Arc::new(Notify::new()), Arc::clone(&done));
        let ended = Arc::clone(&end);
        tasks.spawn(async move {
            ended.notified().await;
            inner.store(true, Ordering::SeqCst);
        });
        let second = tasks.clone();
        let second = tokio::spawn(async move { second.shutdown(LIMIT).await });
        let first = tokio::time::timeout(Duration::from_secs(1), tasks.shutdown(LIMIT)).await;
        assert!(first.is_err(), "one who gives up");
        assert!(!second.is_finished(), "the other still waits");
        end.notify_one();
        assert_eq!(second.await.unwrap(), 0);
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_cut_off_and_counted() {
        let tasks = Tasks::new();
        let late = tasks.clone();
        tasks.spawn(async move {
            late.stopped().await;
            late.spawn(std::future::pending());
            std::future::pending::<()>().await;
        });
        tasks.spawn_idle(std::future::pending());
        assert_eq!(tasks.shutdown(LIMIT).await, 2, "the one without work is not counted");
    }
}
