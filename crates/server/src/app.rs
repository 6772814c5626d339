//! A server's state: the ground, the dialects above it, and what only people, the control API and the door need.

use std::sync::Arc;
use std::time::Duration;

use redraft_connector::Connector;
use redraft_service::Service;
use redraft_service::bounds::Bounds;
use redraft_service::delivery::Outbox;
use redraft_service::throttle::Throttle;
use redraft_slack::Slack;
use redraft_store::Store;

use crate::acts::refreshes::Refreshes;
use crate::config::BOT_TIMEOUT_MS;
use crate::connections::Gate;
use crate::control::access::ControlTokens;

/// Why an app that needs no token is not made.
pub(crate) const ANONYMOUS_NEEDS_LOOPBACK: &str =
    "an anonymous bot needs a server that listens on loopback and whose public address is loopback";

/// A server's state. Cheap to share; everything that changes and matters is in the store.
pub struct App {
    /// The ground.
    pub service: Arc<Service>,
    /// Slack's side.
    pub slack: Arc<Slack>,
    /// The Connector's side.
    pub connector: Arc<Connector>,
    /// The tokens of the control API.
    pub(crate) control_tokens: ControlTokens,
    /// Which cards were refreshed for whom.
    pub(crate) refreshes: Refreshes,
    /// Counts and watches connections.
    pub(crate) gate: Arc<Gate>,
    /// Metrics have a listener of their own.
    pub(crate) metrics_apart: bool,
}

impl App {
    /// For whoever has opened a data folder that no server runs on. Nothing is listened on and no app is called; addresses
    /// that are handed out begin with this one.
    pub(crate) fn offline(store: Arc<dyn Store>, public_url: &str) -> Result<Self, String> {
        let service = Arc::new(Service {
            store,
            public_url: public_url.trim_end_matches('/').to_owned(),
            local_url: String::new(),
            tls_url: None,
            loopback: true,
            outbox: Outbox::new(Duration::from_millis(BOT_TIMEOUT_MS), false)?,
            throttle: Throttle::default(),
            bounds: Bounds::default(),
        });
        Ok(Self {
            slack: Arc::new(Slack::new(Arc::clone(&service), false)),
            connector: Arc::new(Connector::new(Arc::clone(&service), false)),
            service,
            control_tokens: ControlTokens::none(),
            refreshes: Refreshes::default(),
            gate: Arc::default(),
            metrics_apart: false,
        })
    }
}
