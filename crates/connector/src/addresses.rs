//! Addresses that the Connector's side hands out.

use redraft_service::Service;

/// The address that Teams bots send to, as they find it in what they receive. Ends with a slash.
#[must_use]
pub fn service_url(service: &Service, tenant_id: &str) -> String {
    format!("{}/teams/{tenant_id}/", service.public_url)
}
