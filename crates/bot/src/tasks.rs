//! Tasks that a bot owns.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// The background work of one bot. Whoever shuts the bot down waits for it.
#[derive(Clone)]
pub(crate) struct Tasks {
    running: Arc<Mutex<JoinSet<()>>>,
    stopping: watch::Sender<bool>,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self { running: Arc::default(), stopping: watch::Sender::new(false) }
    }

    /// Runs this until it ends. Nothing more is taken on once the bot is stopping.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        while running.try_join_next().is_some() {}
        running.spawn(task);
    }

    /// Waits until the bot is told to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as this.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Tells all to stop and waits for them, at most so long; what is left then is cut off. Returns how many were.
    pub(crate) async fn shutdown(&self, limit: Duration) -> usize {
        self.stopping.send_replace(true);
        let ended = async {
            loop {
                let mut running =
                    std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
                if running.is_empty() {
                    return;
                }
                let mut left = Left { tasks: self, running: Some(&mut running) };
                while let Some(running) = left.running.as_mut() {
                    if running.join_next().await.is_none() {
                        left.running = None;
                    }
                }
            }
        };
        let in_time = tokio::time::timeout(limit, ended).await.is_ok();
        let mut running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        let cut_off = if in_time { 0 } else { running.len() };
        running.shutdown().await;
        cut_off
    }
}

/// Puts tasks back that were not waited for to the end.
struct Left<'a> {
    tasks: &'a Tasks,
    running: Option<&'a mut JoinSet<()>>,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            *self.tasks.running.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(running);
        }
    }
}
