//! The one way to the store.

use std::sync::Arc;
use std::time::Duration;

use redraft_model::command::Command;
use redraft_model::decision::{Outcome, Refusal};
use redraft_model::directory::Directory;
use redraft_model::id::{TokenHash, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::{Store, StoreError};

use crate::acts::Refreshes;
use crate::bounds::Bounds;
use crate::config::BOT_TIMEOUT_MS;
use crate::connections::Gate;
use crate::connector::authority::Authority;
pub use crate::connector::authority::{NotTurned, Step};
use crate::connector::rates::Rates;
use crate::control::ControlTokens;
use crate::delivery::Outbox;
use crate::slack;
pub(crate) use crate::slack::rates::Forced;
use crate::slack::sockets::Sockets;
pub use crate::slack::streams::Untold;
pub(crate) use crate::slack::verify;
use crate::source;
use crate::throttle::Throttle;
use crate::typing::Typing;

/// A server's state. Cheap to share; everything that changes and matters is in the store.
pub struct App {
    /// The messages and everything about them.
    pub store: Arc<dyn Store>,
    /// Signs and checks the Connector's tokens.
    pub authority: Authority,
    /// Heads every address that is handed out, without a slash at its end.
    pub public_url: String,
    /// The address that is listened on, as the command line on this machine reaches it.
    pub local_url: String,
    /// The address of the TLS listener, if there is one.
    pub tls_url: Option<String>,
    /// Whether only this machine reaches the server: it listens on loopback, and its public address is loopback. Then
    /// calls without a token may be the anonymous bot's.
    pub loopback: bool,
    /// The tokens of the control API.
    pub control_tokens: ControlTokens,
    /// Calls apps.
    pub outbox: Outbox,
    /// Bots that are typing.
    pub typing: Typing,
    /// The rate limits of Teams, if bots are to meet them.
    pub rates: Option<Rates>,
    /// The connections of Slack apps in Socket Mode.
    pub sockets: Sockets,
    /// The rate limits of Slack, and what of them a test forces.
    pub slack_rates: slack::rates::Rates,
    /// Rings when a message is scheduled.
    pub scheduled: tokio::sync::Notify,
    /// Streams whose readers will be told of new pieces soon.
    pub untold: Untold,
    /// Which cards were refreshed for whom.
    pub refreshes: Refreshes,
    /// Who has guessed too often.
    pub(crate) throttle: Throttle,
    /// Counts and watches connections.
    pub gate: Arc<Gate>,
    /// Bounds bodies in memory and requests under way.
    pub bounds: Bounds,
    /// Metrics have a listener of their own.
    pub metrics_apart: bool,
}

/// Why a command was not carried out.
pub enum NotDone {
    /// A rule forbids it.
    Refused(Box<Refusal>),
    /// The store failed or is full.
    Store(StoreError),
}

impl App {
    /// For whoever has opened a data folder that no server runs on. Nothing is listened on and no app is called; addresses
    /// that are handed out begin with this one.
    ///
    /// # Errors
    /// When the client for calling apps cannot be made.
    pub fn offline(store: Arc<dyn Store>, public_url: &str) -> Result<Self, String> {
        Ok(Self {
            store,
            authority: Authority::default(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            local_url: String::new(),
            tls_url: None,
            loopback: true,
            control_tokens: ControlTokens::none(),
            outbox: Outbox::new(Duration::from_millis(BOT_TIMEOUT_MS), false)?,
            typing: Typing::default(),
            rates: None,
            sockets: Sockets::default(),
            slack_rates: slack::rates::Rates::new(false),
            scheduled: tokio::sync::Notify::default(),
            untold: Untold::default(),
            refreshes: Refreshes::default(),
            throttle: Throttle::default(),
            gate: Arc::default(),
            bounds: Bounds::default(),
            metrics_apart: false,
        })
    }

    /// Carries out a command, durably.
    ///
    /// # Errors
    /// When a rule forbids it or the store fails.
    pub async fn submit(&self, mut command: Command) -> Result<Outcome, NotDone> {
        source::stamp(&mut command);
        match self.store.submit(command).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(refusal)) => Err(NotDone::Refused(refusal)),
            Err(failed) => Err(NotDone::Store(failed)),
        }
    }

    /// The workspace of a token, as of the last commit.
    #[must_use]
    pub fn workspace_of(&self, token: &TokenHash) -> Option<Arc<Directory>> {
        self.store.published().directories().of_token(token).cloned()
    }

    /// The workspace that a team, tenant or Teams app id names.
    #[must_use]
    pub fn workspace_named(&self, name: &str) -> Option<Arc<Directory>> {
        self.store.published().directories().of_name(name).cloned()
    }

    /// A workspace as of the last commit.
    #[must_use]
    pub fn workspace(&self, id: WorkspaceId) -> Option<Arc<Directory>> {
        self.store.published().directories().get(id).cloned()
    }

    /// A workspace's clock.
    #[must_use]
    pub fn now(&self, id: WorkspaceId) -> Micros {
        self.store.published().now(id)
    }

    /// Refuses calls to come of a Slack app for their rate, whether or not limits are on. False if too much is forced
    /// already.
    pub(crate) fn force_rate_limit(&self, forced: Forced) -> bool {
        self.slack_rates.force(forced)
    }

    /// The address that Teams bots send to, as they find it in what they receive.
    #[must_use]
    pub fn service_url(&self, tenant_id: &str) -> String {
        format!("{}/teams/{tenant_id}/", self.public_url)
    }

    /// The address of a Slack workspace; heads its permalinks. Ends with a slash.
    #[must_use]
    pub fn team_url(&self, team_id: &str) -> String {
        format!("{}/workspaces/{team_id}/", self.public_url)
    }
}
