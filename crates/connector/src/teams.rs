//! The team and its channels. The workspace is the team, and its general channel has the team's id.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::directory::Directory;
use redraft_model::id::ConversationId;
use redraft_model::workspace::{Conversation, ConversationKind};
use redraft_wire::connector::errors::CONVERSATION_NOT_FOUND;
use redraft_wire::connector::team::{ChannelInfo, ConversationList, TeamDetails};

use crate::call::Call;
use crate::reply::{Error, Reply};
use redraft_service::bounds::heavy;
use redraft_service::mint;

/// Channels that are listed at most.
const CHANNELS_MAX: usize = 10_000;

/// Bytes of a channel as JSON, about.
const CHANNEL_BYTES: usize = 100;

/// The directory id of the team's group: made from the team's own, since nothing else needs it.
pub(super) fn group_id(directory: &Directory) -> String {
    mint::steady_guid(&format!("group/{}", directory.workspace.team_id))
}

/// What the team is called, and how big it is.
pub(super) fn details(call: &Call<'_>, id: &str) -> Result<Reply, Error> {
    let general = team(call, id)?;
    let workspace = &call.directory.workspace;
    let people = general.members.keys().filter_map(|user| call.directory.user(*user));
    let details = TeamDetails {
        id: &general.connector_id,
        name: &workspace.name,
        aad_group_id: &group_id(&call.directory),
        kind: "standard",
        tenant_id: &workspace.tenant_id,
        channel_count: channels(call).count(),
        member_count: people.filter(|user| user.bot_of.is_none()).count(),
    };
    Ok(Reply::new(StatusCode::OK, &details))
}

/// The team's channels as far as the bot may know of them. The general one goes without a name.
pub(super) fn conversations(call: &Call<'_>, id: &str) -> Result<Reply, Error> {
    team(call, id)?;
    let info = |channel| -> ChannelInfo<'_> {
        let channel: &Conversation = channel;
        let kind = if channel.kind == ConversationKind::Private { "private" } else { "standard" };
        ChannelInfo::new(&channel.connector_id, (!channel.general).then_some(&*channel.name), kind)
    };
    Ok(heavy(call.directory.entries() * CHANNEL_BYTES, || {
        let conversations = channels(call).map(|channel| info(channel)).collect();
        Reply::new(StatusCode::OK, &ConversationList { conversations })
    }))
}

/// The team's general channel, if this is the team's id and the bot is in the team.
fn team(call: &Call<'_>, id: &str) -> Result<Arc<Conversation>, Error> {
    let (conversation, _) = call.conversation_named(id)?;
    let message = "Team not found: no team that the bot is in has this id.";
    let unknown = || Error::new(StatusCode::NOT_FOUND, CONVERSATION_NOT_FOUND, message);
    Some(conversation).filter(|it| it.general).ok_or_else(unknown)
}

/// Public channels and those private ones that the bot is in. An archived channel is a deleted one to bots.
fn channels<'a>(call: &'a Call<'_>) -> impl Iterator<Item = &'a Arc<Conversation>> {
    let seen = call.directory.seen_after(call.bot.bot_user, ConversationId(0));
    seen.filter(|it| it.is_channel() && !it.archived).take(CHANNELS_MAX)
}
