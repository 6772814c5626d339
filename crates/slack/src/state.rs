//! What Slack's side of a running server holds besides the ground.

use std::sync::Arc;

use redraft_service::Service;
use tokio::sync::Notify;

use crate::rates::Rates;
use crate::sockets::Sockets;
use crate::untold::Untold;

/// Slack's side of a running server. All of this is the process's own: it is lost with it and may be.
pub struct Slack {
    /// The ground.
    pub service: Arc<Service>,
    /// The connections of apps in Socket Mode.
    pub sockets: Sockets,
    /// The rate limits, and what of them a test forces.
    pub rates: Rates,
    /// Rings when a message is scheduled.
    pub(crate) scheduled: Notify,
    /// Streams whose readers are told of new pieces soon.
    pub(crate) untold: Untold,
}

impl Slack {
    /// Without connections; apps meet Slack's rate limits if `limited`.
    #[must_use]
    pub fn new(service: Arc<Service>, limited: bool) -> Self {
        Self {
            service,
            sockets: Sockets::default(),
            rates: Rates::new(limited),
            scheduled: Notify::default(),
            untold: Untold::default(),
        }
    }
}
