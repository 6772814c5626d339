//! Teams and their channels, as bots may ask for them.

use serde::Serialize;

/// The answer to `GET /v3/teams/{id}`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamDetails<'a> {
    /// Id, which is that of its general channel.
    pub id: &'a str,
    /// The name that people read.
    pub name: &'a str,
    /// Directory id of the team's group.
    pub aad_group_id: &'a str,
    /// `standard`, `sharedChannel` or `privateChannel`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The id of the tenant that the team belongs to.
    pub tenant_id: &'a str,
    /// How many channels it has.
    pub channel_count: usize,
    /// How many people are in it.
    pub member_count: usize,
}

/// The answer to `GET /v3/teams/{id}/conversations`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConversationList<'a> {
    /// The channels of the team that the bot may know of.
    pub conversations: Vec<ChannelInfo<'a>>,
}

/// One channel of a team.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelInfo<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(rename = "type")]
    kind: &'a str,
    channel_type: &'a str,
}

impl<'a> ChannelInfo<'a> {
    /// A channel. The general one goes without a name; `kind` is `standard`, `private` or `shared`, under both
    /// members that are in use.
    pub fn new(id: &'a str, name: Option<&'a str>, kind: &'a str) -> ChannelInfo<'a> {
        ChannelInfo { id, name, kind, channel_type: kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let details = TeamDetails {
            id: "19:t",
            name: "Crew",
            aad_group_id: "9a",
            kind: "standard",
            tenant_id: "72",
            channel_count: 2,
            member_count: 3,
        };
        assert_eq!(
            serde_json::to_string(&details).unwrap(),
            r#"{"id":"19:t","name":"Crew","aadGroupId":"9a","type":"standard","tenantId":"72","channelCount":2,"memberCount":3}"#
        );
        let list = ConversationList {
            conversations: vec![
                ChannelInfo::new("19:t", None, "standard"),
                ChannelInfo::new("19:c", Some("Builds"), "private"),
            ],
        };
        assert_eq!(
            serde_json::to_string(&list).unwrap(),
            r#"{"conversations":[{"id":"19:t","type":"standard","channelType":"standard"},{"id":"19:c","name":"Builds","type":"private","channelType":"private"}]}"#
        );
    }
}
