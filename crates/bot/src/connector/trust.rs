//! To which services the bot's tokens go.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use reqwest::Url;

use super::cloud::Cloud;

/// How many services of verified activities are remembered. The platform has a few dozen; beyond this number all of them are
/// forgotten.
const SERVICES_MAX: usize = 1_000;

/// The services that may see a token: those of the cloud, those that the author named, and those of verified activities.
///
/// A conversation reference is data that a bot stores and reads again. Whoever can change it must not receive a token.
#[derive(Debug)]
pub(crate) struct TrustedServices {
    hosts: Vec<String>,
    named: HashSet<String>,
    verified: Mutex<HashSet<String>>,
}

impl TrustedServices {
    pub(crate) fn new(cloud: &Cloud, named: &[String]) -> Self {
        let hosts = cloud.service_hosts.clone();
        Self {
            hosts,
            named: named.iter().filter_map(|url| origin(url)).collect(),
            verified: Mutex::default(),
        }
    }

    /// Trusts the service of an activity whose sender was verified.
    pub(crate) fn trust(&self, service_url: &str) {
        let Some(origin) = origin(service_url) else { return };
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if SERVICES_MAX <= verified.len() && !verified.contains(&origin) {
            verified.clear();
        }
        verified.insert(origin);
    }

    /// Whether a call to this URL may bring a token.
    pub(crate) fn is_trusted(&self, url: &str) -> bool {
        let Some(origin) = origin(url) else { return false };
        let secure_host = origin.strip_prefix("https://");
        self.named.contains(&origin)
            || secure_host.is_some_and(|host| self.hosts.iter().any(|pattern| covers(pattern, host)))
            || self.verified.lock().unwrap_or_else(PoisonError::into_inner).contains(&origin)
    }
}

/// Scheme, host and port of a URL, as they are compared. The port is left out where it is the scheme's own.
pub(super) fn origin(url: &str) -> Option<String> {
    let origin = Url::parse(url).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Whether a pattern covers a host: the host itself, or with `*.` in front everything below it.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(domain) => host.strip_suffix(domain).is_some_and(|below| !below.is_empty()),
        None => pattern == host,
    }
}
