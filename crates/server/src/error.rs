//! Why a server did not start.

use crate::seed::SeedError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, std::io::Error),
    /// The data folder cannot be used.
    #[error("{0}")]
    Store(String),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// TLS cannot be spoken.
    #[error("TLS: {0}")]
    Tls(String),
    /// The declaration cannot be built.
    #[error("{0}: {1}")]
    Seed(String, SeedError),
    /// Apps could not be called.
    #[error("the client that calls apps cannot be made: {0}")]
    Client(String),
    /// The first workspace could not be made.
    #[error("the workspace could not be made: {0}")]
    Workspace(String),
}
