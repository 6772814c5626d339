//! Microsoft Teams, and whatever else the Bot Connector speaks for.

mod adapter;
mod auth;
mod client;
mod cloud;
#[cfg(test)]
mod tests;
mod token;
mod trust;

pub use adapter::{ConnectorAdapter, ConnectorSettings};
pub use auth::{KEYS_FETCHES_MAX, KEYS_FRESH_MS, KEYS_PAUSE_MS};
pub use client::{ConnectorAnswer, ConnectorCall, ConnectorClient, RETRIES_MAX, RETRY_MS_TOTAL_MAX};
pub use cloud::Cloud;
pub use token::{
    AccessToken, Anonymous, Certificate, ClientSecret, ManagedIdentity, TokenProvider, TokenRequest,
};
