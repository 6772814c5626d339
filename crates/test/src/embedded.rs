//! The server inside this process, on threads of its own, so that a test that blocks does not hold it up.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use redraft_server::config::Config;
use redraft_server::serve::Server;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::process::not_started;

/// How long a runtime that is given up waits for threads that are in a call.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Threads of the server's runtime: one writes and one answers.
const THREADS: usize = 2;

/// A running server. Given up, with all that is under way, when dropped.
pub(crate) struct Embedded {
    stop: Option<oneshot::Sender<()>>,
    give_up: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<Result<(), String>>>,
    thread: Option<JoinHandle<()>>,
}

/// Options of an embedded server.
pub(crate) struct Options {
    pub(crate) seed: Option<PathBuf>,
    pub(crate) slack_rates: bool,
    pub(crate) teams_rates: bool,
}

/// The channels between a server thread and its owner.
struct Ends {
    started: oneshot::Sender<Result<Value, String>>,
    stop: oneshot::Receiver<()>,
    give_up: oneshot::Receiver<()>,
}

impl Embedded {
    /// Starts it and waits until it answers; also gives back what a ready file would have.
    pub(crate) async fn start(options: Options) -> Result<(Self, Value), Error> {
        let config = Config {
            seed: options.seed,
            slack_rates: options.slack_rates,
            teams_rates: options.teams_rates,
            ..Config::default()
        };
        let (started, starting) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (give_up, given_up) = oneshot::channel();
        let (ends, ended) = oneshot::channel();
        let ours = Ends { started, stop: stopped, give_up: given_up };
        let thread = std::thread::Builder::new().name("redraft".into()).spawn(move || {
            let _ = ends.send(serve(config, ours));
        });
        let thread = thread.map_err(|failed| not_started(format!("a thread is needed: {failed}")))?;
        let (stop, give_up, ended) = (Some(stop), Some(give_up), Some(ended));
        let embedded = Self { stop, give_up, ended, thread: Some(thread) };
        match starting.await {
            Ok(Ok(ready)) => Ok((embedded, ready)),
            Ok(Err(reason)) => Err(not_started(reason)),
            Err(_) => Err(not_started("its thread ended")),
        }
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        drop(self.stop.take());
        let Some(ended) = self.ended.take() else { return Ok(()) };
        let ended = ended.await.unwrap_or_else(|_| Err("its thread panicked".into()));
        ended.map_err(|reason| Error::BadEnd { reason, log: String::new() })
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.give_up.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs a server until it is stopped or given up.
fn serve(config: Config, ends: Ends) -> Result<(), String> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(failed) => {
            let _ = ends.started.send(Err(failed.to_string()));
            return Ok(());
        }
    };
    let ended = runtime.block_on(async {
        let server = match Server::start(config).await {
            Ok(server) => server,
            Err(failed) => {
                let _ = ends.started.send(Err(failed.to_string()));
                return Ok(());
            }
        };
        let ready = serde_json::to_value(&server.started).map_err(|failed| failed.to_string());
        let _ = ends.started.send(ready);
        let stop = async move {
            let _ = ends.stop.await;
        };
        tokio::select! {
            ended = server.run(stop) => ended.map_err(|failed| failed.to_string()),
            _ = ends.give_up => Ok(()),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    ended
}
