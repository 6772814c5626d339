//! A running server: open, listen, get ready, answer, stop.

use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::decision::Why;
use redraft_model::id::WorkspaceId;
use redraft_store::{MemoryStore, Options, SqliteStore, Store, Sweep, machine_clock};
use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use redraft_connector::Connector;
use redraft_service::bounds::Bounds;
use redraft_service::delivery::{self, Deliver, Outbox};
use redraft_service::hosts;
use redraft_service::mint;
use redraft_service::throttle::Throttle;
use redraft_service::{NotDone, Service};
use redraft_slack::streams::assemble;
use redraft_slack::{Slack, due};

use crate::acts::refreshes::Refreshes;
use crate::app::{ANONYMOUS_NEEDS_LOOPBACK, App};
use crate::config::{Config, LISTEN, STOP_SECONDS_MAX};
use crate::connections::{self, Connection, Gate};
use crate::control::access::ControlTokens;
use crate::error::ServeError;
use crate::front::{self, Entrance};
use crate::private_file::write_private;
use crate::seed::{Ready, Seed, ready_again};
use crate::socket::{self, ControlListener};
use crate::tls::{self, Tls};
use redraft_connector::addresses::service_url;

/// How often expired things are looked for.
const SWEEP_PAUSE: Duration = Duration::from_secs(10);

/// What earlier versions left in the data folder: the control token, for the command line.
const OLD_OWNER_FILE: &str = "server.json";

/// How often the pages are looked through for what deleted rows have left in them.
const SCRUB_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Between two steps the sweeper rests so many times as long as the last one took, in the queue and in the disk: it gets
/// about a twentieth of the writer's time, and less when others wait.
const SWEEP_SHARE: u32 = 19;

/// What is known once the server answers.
#[derive(Clone, Debug, Serialize)]
pub struct Started {
    /// The address that heads everything.
    pub url: String,
    /// The address of the TLS listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_url: Option<String>,
    /// The address of the listener for metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_url: Option<String>,
    /// The certificate of the server's own authority, which bots have to trust to reach it over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Where Teams bots send to.
    pub service_url: String,
    /// The control API's token.
    pub control_token: String,
    /// The first workspace.
    #[serde(flatten)]
    pub ready: Ready,
    /// Whether the workspace, and so its secrets, was made by this start.
    #[serde(skip)]
    pub first_start: bool,
}

/// A server that is about to answer.
pub struct Server {
    listener: TcpListener,
    tls: Option<(TcpListener, SocketAddr, Tls)>,
    metrics: Option<TcpListener>,
    /// The server's state, for tests and the command line.
    pub app: Arc<App>,
    /// What is known of it.
    pub started: Started,
    config: Config,
}

/// Opens the store that the configuration names.
///
/// # Errors
/// When the folder is in use or unreadable.
pub fn open_store(data: Option<&Path>) -> Result<Arc<dyn Store>, ServeError> {
    match data {
        None => Ok(Arc::new(MemoryStore::new(machine_clock()).assembling(assemble))),
        Some(folder) => {
            let store = SqliteStore::open(folder, Options { assemble, ..Options::default() });
            Ok(Arc::new(
                store.map_err(|failed| ServeError::Store(format!("{}: {failed}", folder.display())))?,
            ))
        }
    }
}

/// The name under which the store keeps the address that heads everything, as the last server on the folder had it.
const PUBLIC_URL_NAME: &str = "public_url";

/// Opens a data folder that no server runs on, as [`crate::control::call`] wants it. Addresses that are handed out begin with
/// `public_url`, else as those of the last server on the folder did, else as a server's does that is told nothing.
///
/// # Errors
/// When the folder is in use or cannot be read.
pub async fn open_offline(data: &Path, public_url: Option<&str>) -> Result<Arc<App>, ServeError> {
    let store = open_store(Some(data))?;
    let kept = store.kept(PUBLIC_URL_NAME).await.map_err(|failed| ServeError::Store(failed.to_string()))?;
    let kept = kept.and_then(|kept| String::from_utf8(kept).ok());
    let public_url = public_url.map(str::to_owned).or(kept).unwrap_or_else(|| format!("http://{LISTEN}"));
    App::offline(store, &public_url).map(Arc::new).map_err(ServeError::Client)
}

/// Writes down the address that heads everything, for [`open_offline`]. Without it the command line has an older one.
async fn keep_public_url(service: &Service) {
    let now = service.public_url.as_bytes();
    let known = service.store.kept(PUBLIC_URL_NAME).await;
    if known.is_ok_and(|known| known.as_deref() == Some(now)) {
        return;
    }
    if let Err(failed) = service.store.replace(PUBLIC_URL_NAME, now.to_vec()).await {
        warn!(error = %failed, "the public address could not be written down for the command line");
    }
}

/// The runtime that a server runs on: one thread for each processor but one, which the store's writer needs. With as
/// many threads as processors the writer waits for its turn after every flush, and everyone waits for the writer.
///
/// # Errors
/// When threads cannot be started.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = processors.saturating_sub(1).max(1);
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

impl Server {
    /// Opens, listens and makes the first workspace if there is none.
    ///
    /// # Errors
    /// When anything of this fails; nothing is left running.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        let store = open_store(config.data.as_deref())?;
        Self::start_on(config, store).await
    }

    /// The same on a store that is open already.
    ///
    /// # Errors
    /// When the address is taken or the first workspace cannot be made.
    pub async fn start_on(config: Config, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        front::recorder();
        let (listener, bound) = bind(&config.listen).await?;
        let local_url = format!("http://{}", reached(bound));
        let public_url = config.public_url.clone().unwrap_or_else(|| local_url.clone());
        let public_host = hosts::host_of(&public_url);
        let tls = match &config.tls {
            None => None,
            Some(options) => {
                let (listener, bound) = bind(&options.listen).await?;
                let tls = match options.files.clone() {
                    Some((certificate, key)) => Tls::with_files(certificate, key)?,
                    None => Tls::with_own(config.data.as_deref(), tls::names(bound.ip(), public_host))?,
                };
                Some((listener, bound, tls))
            }
        };
        let (metrics, metrics_url) = match &config.metrics_listen {
            None => (None, None),
            Some(listen) => {
                let (listener, bound) = bind(listen).await?;
                (Some(listener), Some(format!("http://{}", reached(bound))))
            }
        };
        let addresses = [Some(bound), tls.as_ref().map(|(_, bound, _)| *bound)];
        let loopback = only_this_machine(addresses.into_iter().flatten(), &public_url);
        let tls_url = tls.as_ref().map(|(_, bound, _)| format!("https://{}", reached(*bound)));
        let seed = read_seed(config.seed.as_deref())?;
        let control_token = seed.as_ref().and_then(|seed| seed.control_token.clone());
        let control_token = control_token.unwrap_or_else(|| format!("redraft-{}", mint::secret()));
        let private_allowed = config.private_endpoints.unwrap_or(loopback);
        let timeout = Duration::from_millis(config.bot_timeout_ms);
        let outbox = Outbox::new(timeout, private_allowed).map_err(ServeError::Client)?;
        let service = Arc::new(Service {
            store,
            public_url: public_url.trim_end_matches('/').to_owned(),
            local_url,
            tls_url,
            loopback,
            outbox,
            throttle: Throttle::default(),
            bounds: Bounds::new(&config.limits),
        });
        let app = Arc::new(App {
            slack: Arc::new(Slack::new(Arc::clone(&service), config.slack_rates)),
            connector: Arc::new(Connector::new(Arc::clone(&service), config.teams_rates)),
            service,
            control_tokens: ControlTokens::of(mint::sha256(control_token.as_bytes())),
            refreshes: Refreshes::default(),
            gate: Arc::new(Gate::new(config.limits.clone(), config.trusted_proxies.clone())),
            metrics_apart: metrics.is_some(),
        });
        // Tokens that an earlier process issued are valid from the first request on.
        let recalled = app.connector.authority.recall(&*app.service.store).await;
        recalled.map_err(|failed| ServeError::Store(failed.to_string()))?;
        let (ready, first_start) = first_workspace(&app, seed.as_ref()).await?;
        keep_public_url(&app.service).await;
        let started = Started {
            url: app.service.public_url.clone(),
            tls_url: app.service.tls_url.clone(),
            metrics_url,
            ca_file: tls.as_ref().and_then(|(_, _, tls)| tls.authority_file.clone()),
            service_url: service_url(&app.service, &ready.workspace.tenant_id),
            control_token,
            ready,
            first_start,
        };
        Ok(Self { listener, tls, metrics, app, started, config })
    }

    /// Answers one request that came by no connection.
    pub async fn answer(&self, request: Request) -> Response<Body> {
        front::answer(&self.app, request, Entrance::Plain, None).await
    }

    /// What makes a running server read its TLS files anew.
    #[must_use]
    pub fn reload(&self) -> Reload {
        Reload(self.tls.as_ref().map(|(_, _, tls)| tls.clone()))
    }

    /// Answers requests until `stop` is done, then finishes those under way.
    ///
    /// # Errors
    /// When a file that others wait for cannot be written.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { listener, tls, metrics, app, started, config } = self;
        let background = tokio::spawn(background(Arc::clone(&app)));
        let due = tokio::spawn(due::run(Arc::clone(&app.slack)));
        let (delivering, delivered) = watch::channel(());
        let dialects = Arc::new(Dialects::of(&app));
        let delivery = tokio::spawn(delivery::run(Arc::clone(&app.service), dialects, delivered));
        let watching = tokio::spawn(Arc::clone(&app.gate).watch());
        let ca_file = tls.as_ref().and_then(|(_, _, tls)| tls.authority_file.clone());
        // Everyone who answers holds a receiver until nothing is under way there.
        let (stopping, stopped) = watch::channel(false);
        let listen = Listening { app: &app, stopped: &stopped };
        let mut renewing = None;
        let over_tls = match tls {
            None => None,
            Some((listener, _, tls)) => {
                let acceptor = tls.acceptor()?;
                renewing = Some(tokio::spawn(tls.renew_daily()));
                Some((listener, acceptor))
            }
        };
        listen.on(listener, None, Entrance::Plain);
        if let Some((listener, acceptor)) = over_tls {
            listen.on(listener, Some(acceptor), Entrance::Tls);
        }
        if let Some(listener) = metrics {
            listen.on(listener, None, Entrance::Metrics);
        }
        if let Some(listener) = config.data.as_deref().and_then(listen_for_control) {
            listen.on(listener, None, Entrance::Owner);
        }
        drop(stopped);
        // The sockets listen since they were bound, so a request sent from here on is answered.
        if let Some(path) = &config.ready_file {
            let known = serde_json::to_vec_pretty(&started)
                .map_err(|failed| ServeError::File(path.display().to_string(), failed.into()))?;
            write_private(path, &known)?;
        }
        info!(url = started.url, listening = app.service.local_url, "ready");
        stop.await;
        info!("stopping: requests under way are finished");
        stopping.send_replace(true);
        app.gate.stop();
        let all_answered =
            tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), stopping.closed()).await;
        if all_answered.is_err() {
            warn!("some requests were still under way at the end of the wait");
        }
        watching.abort();
        if let Some(renewing) = renewing {
            renewing.abort();
        }
        background.abort();
        app.slack.sockets.stop().await;
        due.abort();
        drop(delivering);
        let _ = delivery.await;
        if config.data.is_none()
            && let Some(file) = ca_file
        {
            let _ = std::fs::remove_file(file);
        }
        info!("stopped");
        Ok(())
    }
}

/// What delivery knows of the dialects.
pub(crate) struct Dialects {
    slack: Arc<Slack>,
    connector: Arc<Connector>,
}

impl Dialects {
    /// Those of a server.
    pub fn of(app: &App) -> Self {
        Self { slack: Arc::clone(&app.slack), connector: Arc::clone(&app.connector) }
    }
}

impl delivery::Dialects for Dialects {
    fn of(&self, dialect: Dialect) -> &dyn Deliver {
        match dialect {
            Dialect::Slack => &*self.slack,
            Dialect::Connector => &*self.connector,
        }
    }
}

/// Where the command line reaches this server. Without it the server does all else.
fn listen_for_control(folder: &Path) -> Option<ControlListener> {
    let old = folder.join(OLD_OWNER_FILE);
    if old.exists() && std::fs::remove_file(&old).is_err() {
        warn!("server.json of an earlier version could not be removed; it holds an old control token");
    }
    let listening = socket::listen(folder);
    listening.inspect_err(|failed| warn!(error = %failed, "the command line cannot reach this server")).ok()
}

/// Makes a running server read its TLS files anew.
#[derive(Clone)]
pub struct Reload(Option<Tls>);

impl Reload {
    /// Reads them. Files that cannot be used leave the certificate as it is, and the log says so.
    pub async fn now(&self) {
        match &self.0 {
            Some(tls) => tls.renew().await,
            None => info!("there is no TLS certificate to be read again"),
        }
    }
}

/// What every listener is served with.
struct Listening<'a> {
    app: &'a Arc<App>,
    stopped: &'a watch::Receiver<bool>,
}

impl Listening<'_> {
    fn on(&self, listener: impl connections::Accepts, tls: Option<TlsAcceptor>, entrance: Entrance) {
        let answers = Answers { app: Arc::clone(self.app), entrance };
        let gate = Arc::clone(&self.app.gate);
        tokio::spawn(connections::accept(gate, listener, tls, answers, self.stopped.clone()));
    }
}

/// Answers the requests of one listener.
#[derive(Clone)]
struct Answers {
    app: Arc<App>,
    entrance: Entrance,
}

impl connections::Answers for Answers {
    fn answer(
        &self,
        request: Request,
        connection: &Arc<Connection>,
    ) -> impl Future<Output = Response<Body>> + Send {
        front::answer(&self.app, request, self.entrance, Some(connection))
    }
}

/// Connections that wait to be accepted. One more is dropped, and whoever opened it tries again a second later: a thousand
/// at once made others wait so long for `/healthz`. The system may allow fewer (`net.core.somaxconn`).
const BACKLOG_CONNECTIONS: u32 = 4096;

async fn bind(listen: &str) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |failed| ServeError::Listen(listen.to_owned(), failed);
    let mut addresses = tokio::net::lookup_host(listen).await.map_err(failed)?;
    let first = addresses.next().ok_or_else(|| failed(std::io::ErrorKind::AddrNotAvailable.into()))?;
    let listener = addresses.fold(listen_on(first), |bound, next| bound.or_else(|_| listen_on(next)));
    let listener = listener.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_CONNECTIONS)
}

/// Whether nobody but this machine reaches a server that listens at these addresses and is known by this one. A public
/// address elsewhere means that something in front passes on what others send.
fn only_this_machine(mut listening: impl Iterator<Item = SocketAddr>, public_url: &str) -> bool {
    listening.all(|address| address.ip().is_loopback())
        && hosts::host_of(public_url).is_some_and(hosts::loopback)
}

/// Where this machine reaches an address; one that means every interface is reached on loopback.
fn reached(mut bound: SocketAddr) -> SocketAddr {
    if bound.ip().is_unspecified() {
        bound.set_ip(if bound.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    bound
}

fn read_seed(path: Option<&Path>) -> Result<Option<Seed>, ServeError> {
    let Some(path) = path else { return Ok(None) };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|failed| ServeError::File(name.clone(), failed))?;
    Seed::from_yaml(&text).map(Some).map_err(|failed| ServeError::Seed(name, failed))
}

/// The first workspace: what is there, else what is declared, else one that can be used at once.
async fn first_workspace(app: &App, seed: Option<&Seed>) -> Result<(Ready, bool), ServeError> {
    if let Some(directory) = app.service.store.published().directories().all().next() {
        return Ok((ready_again(directory), false));
    }
    let now = app.service.store.published().machine_now();
    let first = Seed::first_start();
    let built = seed.unwrap_or(&first).build(seed.is_some(), &app.service.public_url, now);
    let (directory, ready) = built.map_err(|failed| ServeError::Seed("the seed".into(), failed))?;
    if !app.service.loopback && directory.apps().any(|bot| bot.anonymous) {
        return Err(ServeError::Workspace(ANONYMOUS_NEEDS_LOOPBACK.into()));
    }
    let command = Command {
        workspace: WorkspaceId(0),
        caller: Caller::Control,
        idempotency: None,
        verb: Verb::Control(Box::new(Control::CreateWorkspace(Arc::new(directory)))),
        source: None,
    };
    match app.service.submit(command).await {
        Ok(_) => Ok((ready, true)),
        Err(NotDone::Refused(refusal)) => Err(ServeError::Workspace(match refusal.why {
            Why::ForbiddenCharacter(named, character) => named.refusal(character),
            why => format!("{why:?}"),
        })),
        Err(NotDone::Store(failed)) => Err(ServeError::Workspace(failed.to_string())),
    }
}

/// What runs beside requests: making the signing key early, and erasing what has expired.
async fn background(app: Arc<App>) {
    if let Err(failed) = app.connector.authority.prepare(&*app.service.store).await {
        warn!(error = %failed, "the signing key could not be made yet");
    }
    let mut scrubbed_at: Option<Instant> = None;
    loop {
        tokio::time::sleep(SWEEP_PAUSE).await;
        front::recorder().run_upkeep();
        let begin = Instant::now();
        loop {
            let begun = Instant::now();
            let swept = app.service.store.sweep(Sweep::Routine).await;
            let outcome = if swept.is_ok() { "ok" } else { "failed" };
            metrics::counter!("redraft_sweep_steps_total", "outcome" => outcome).increment(1);
            match swept {
                Ok(swept) if swept.more => tokio::time::sleep(begun.elapsed() * SWEEP_SHARE).await,
                Ok(_) | Err(_) => break,
            }
        }
        metrics::histogram!("redraft_sweep_seconds").record(begin.elapsed());
        if scrubbed_at.is_none_or(|at| SCRUB_PAUSE <= at.elapsed()) {
            loop {
                let begun = Instant::now();
                match app.service.store.scrub().await {
                    Ok(true) => tokio::time::sleep(begun.elapsed() * SWEEP_SHARE).await,
                    Ok(false) | Err(_) => break,
                }
            }
            scrubbed_at = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only_this_machine;

    #[test]
    fn who_reaches_a_server() {
        for (listening, public_url, expected) in [
            (&["127.0.0.1:1"][..], "http://127.0.0.1:1", true),
            (&["[::1]:1"], "http://localhost:1", true),
            (&["127.0.0.1:1", "127.0.0.2:2"], "https://[::1]", true),
            (&["0.0.0.0:1"], "http://127.0.0.1:1", false),
            (&["[::]:1"], "http://127.0.0.1:1", false),
            (&["10.0.0.1:1"], "http://127.0.0.1:1", false),
            (&["127.0.0.1:1", "0.0.0.0:2"], "http://127.0.0.1:1", false),
            (&["127.0.0.1:1"], "https://chat.example", false),
            (&["127.0.0.1:1"], "https://127.0.0.1.example", false),
        ] {
            let addresses = listening.iter().map(|address| address.parse().unwrap());
            assert_eq!(only_this_machine(addresses, public_url), expected, "{listening:?} {public_url}");
        }
    }
}
