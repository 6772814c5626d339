//! Why a declaration cannot be built.

/// Why a declaration cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is not what a declaration looks like.
    #[error("the declaration cannot be read: {0}")]
    Unreadable(String),
    /// A name in it names nothing.
    #[error("the declaration names {0}, which it does not declare")]
    Unknown(String),
    /// Something is declared twice.
    #[error("the declaration has {0} twice")]
    Twice(String),
    /// Something lacks a name.
    #[error("the declaration has {0} without a name")]
    Nameless(&'static str),
    /// Something is not what it has to be; in a sentence.
    #[error("{0}")]
    Wrong(String),
}
