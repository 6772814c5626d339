//! The team and its channels.

use redraft_model::directory::Directory;

use crate::mint;

/// The directory id of the team's group: made from the team's own, since nothing else needs it.
pub(super) fn group_id(directory: &Directory) -> String {
    mint::steady_guid(&format!("group/{}", directory.workspace.team_id))
}
