//! The one way to the store, and what a server knows of itself.

use std::sync::Arc;

use redraft_model::command::Command;
use redraft_model::decision::{Outcome, Refusal};
use redraft_model::directory::Directory;
use redraft_model::id::{TokenHash, WorkspaceId};
use redraft_model::time::Micros;
use redraft_store::{Store, StoreError};

use crate::bounds::Bounds;
use crate::delivery::Outbox;
use crate::source;
use crate::throttle::Throttle;

/// What every part of a server shares. Cheap to share; everything that changes and matters is in the store.
pub struct Service {
    /// The messages and everything about them.
    pub store: Arc<dyn Store>,
    /// Heads every address that is handed out, without a slash at its end.
    pub public_url: String,
    /// The address that is listened on, as the command line on this machine reaches it; empty where nothing listens.
    pub local_url: String,
    /// The address of the TLS listener, if there is one.
    pub tls_url: Option<String>,
    /// Whether only this machine reaches the server: it listens on loopback, and its public address is loopback. Then
    /// calls without a token may be the anonymous bot's.
    pub loopback: bool,
    /// Calls apps.
    pub outbox: Outbox,
    /// Who has guessed too often.
    pub throttle: Throttle,
    /// Bounds bodies in memory and requests under way.
    pub bounds: Bounds,
}

/// Why a command was not carried out.
pub enum NotDone {
    /// A rule forbids it.
    Refused(Box<Refusal>),
    /// The store failed or is full.
    Store(StoreError),
}

impl Service {
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
}
