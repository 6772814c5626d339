//! What the Connector's side of a running server holds besides the ground.

use std::sync::Arc;

use redraft_service::Service;

use crate::authority::Authority;
use crate::rates::Rates;
use crate::typing::Typing;

/// The Connector's side of a running server.
pub struct Connector {
    /// The ground.
    pub service: Arc<Service>,
    /// Signs and checks tokens. Its keys are in the store.
    pub authority: Authority,
    /// Bots that are typing.
    pub typing: Typing,
    /// The rate limits of Teams, if bots are to meet them.
    pub(crate) rates: Option<Rates>,
}

impl Connector {
    /// Without keys, which are read or made later ([`Authority::recall`], [`Authority::prepare`]); bots meet the rate limits
    /// of Teams if `limited`.
    #[must_use]
    pub fn new(service: Arc<Service>, limited: bool) -> Self {
        Self {
            service,
            authority: Authority::default(),
            typing: Typing::default(),
            rates: limited.then(Rates::default),
        }
    }
}
