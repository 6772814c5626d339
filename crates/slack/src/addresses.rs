//! Addresses that Slack's side hands out.

use redraft_service::Service;

/// The address of a workspace; heads its permalinks. Ends with a slash.
#[must_use]
pub fn team_url(service: &Service, team_id: &str) -> String {
    format!("{}/workspaces/{team_id}/", service.public_url)
}
