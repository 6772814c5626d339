//! Making conversations, and who is in them.

use super::fault::{ActivityFault, syntax};
use super::json::get;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What a bot asks for when it creates a conversation.
#[derive(Clone, Debug, Default)]
pub struct ConversationParameters {
    /// Whether a group or channel conversation is meant.
    pub is_group: bool,
    /// `bot.id`.
    pub bot_id: Option<String>,
    /// Ids of the members, in order.
    pub members: Vec<String>,
    /// `topicName`.
    pub topic_name: Option<String>,
    /// The tenant, from any of the four places in which SDKs put it.
    pub tenant_id: Option<String>,
    /// `channelData.channel.id`: the channel in which a root post is to be made.
    pub channel_id: Option<String>,
    /// The first activity, as it came.
    pub activity: Option<Box<RawValue>>,
}

impl ConversationParameters {
    /// Reads the body of a creation. Member names match in any case; members of a wrong type count as absent.
    ///
    /// # Errors
    ///
    /// `BadSyntax` unless the body is a JSON object.
    pub fn parse(body: &[u8]) -> Result<ConversationParameters, ActivityFault> {
        let unreadable = |error| syntax(format!("Conversation parameters are not valid JSON: {error}"));
        let object: Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
        let data = get(&object, "channelData").and_then(Value::as_object);
        let tenant = data.and_then(|data| get(data, "tenant")).and_then(Value::as_object);
        let in_tenant = |name| tenant.and_then(|tenant| string(tenant, name));
        Ok(ConversationParameters {
            is_group: get(&object, "isGroup").and_then(Value::as_bool).unwrap_or(false),
            bot_id: get(&object, "bot").and_then(Value::as_object).and_then(|bot| string(bot, "id")),
            members: members(&object),
            topic_name: string(&object, "topicName"),
            tenant_id: string(&object, "tenantId")
                .or_else(|| in_tenant("id"))
                .or_else(|| in_tenant("tenantId")),
            channel_id: data
                .and_then(|data| get(data, "channel"))
                .and_then(Value::as_object)
                .and_then(|channel| string(channel, "id")),
            activity: raw_activity(body),
        })
    }
}

/// The answer to a creation.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationResourceResponse<'a> {
    /// The conversation, narrowed to the new root post in a channel.
    pub id: &'a str,
    /// The first activity, if one was sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_id: Option<&'a str>,
    /// Where to go on; one SDK switches to it.
    pub service_url: &'a str,
}

/// The answer to sending and updating.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResourceResponse<'a> {
    /// Id of the activity.
    pub id: &'a str,
}

/// A member of a conversation, as members calls answer it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelAccount<'a> {
    /// The member's id for this bot.
    pub id: &'a str,
    /// The name that people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// The given name (`givenName`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<&'a str>,
    /// The family name (`surname`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surname: Option<&'a str>,
    /// The mail address, if the account has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// Sign-in name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_principal_name: Option<&'a str>,
    /// The id of the tenant that the account belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<&'a str>,
    /// `user`, `guest` or `anonymous`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_role: Option<&'a str>,
    /// Directory id, as the paged and the single call spell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aad_object_id: Option<&'a str>,
    /// The same, as the plain list spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_id: Option<&'a str>,
}

/// One page of members.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PagedMembersResult<'a> {
    /// Where the next page starts. Left out on the last page: an empty string makes clients loop for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<&'a str>,
    /// The members of this page.
    pub members: Vec<ChannelAccount<'a>>,
}

/// One page of a bot's conversations.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationsResult<'a> {
    /// Where the next page starts; left out on the last one, as for members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<&'a str>,
    /// The conversations of this page.
    pub conversations: Vec<ConversationMembers<'a>>,
}

/// One of a bot's conversations.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConversationMembers<'a> {
    /// The id of the conversation.
    pub id: &'a str,
    /// Who is in it.
    pub members: Vec<ChannelAccount<'a>>,
}

/// The answer of the token endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct TokenResponse<'a> {
    /// `Bearer`.
    pub token_type: &'a str,
    /// How long the token is valid, in seconds.
    pub expires_in: u32,
    /// The same; clients of the real endpoint expect it.
    pub ext_expires_in: u32,
    /// The token, to be sent as `Authorization: Bearer`.
    pub access_token: &'a str,
}

/// The failure of the token endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct TokenError<'a> {
    /// An OAuth code, e.g. `invalid_client`.
    pub error: &'a str,
    /// The reason, for people.
    pub error_description: &'a str,
}

fn string(object: &Map<String, Value>, name: &str) -> Option<String> {
    get(object, name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn members(object: &Map<String, Value>) -> Vec<String> {
    let list = get(object, "members").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_object).filter_map(|member| string(member, "id")).collect()
}

/// The activity's own text, so that nothing of it is lost or reordered.
fn raw_activity(body: &[u8]) -> Option<Box<RawValue>> {
    let mut members: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    let name = match members.contains_key("activity") {
        true => "activity".to_owned(),
        false => members.keys().find(|name| name.eq_ignore_ascii_case("activity"))?.clone(),
    };
    members.remove(&name).filter(|activity| activity.get() != "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_in_its_four_places() {
        for body in [
            r#"{"tenantId":"t"}"#,
            r#"{"tenantID":"t"}"#,
            r#"{"channelData":{"tenant":{"id":"t"}}}"#,
            r#"{"channelData":{"tenant":{"tenantId":"t"}}}"#,
        ] {
            let parameters = ConversationParameters::parse(body.as_bytes()).unwrap();
            assert_eq!(parameters.tenant_id.as_deref(), Some("t"), "{body}");
        }
    }

    #[test]
    fn the_rest_of_the_parameters() {
        let body =
            br#"{"isGroup":true,"bot":{"id":"28:b"},"members":[{"id":"29:1"},{"x":1},7],"topicName":"T",
            "channelData":{"channel":{"id":"19:c"}},"activity":{"z": 1, "a": 2}}"#;
        let parameters = ConversationParameters::parse(body).unwrap();
        assert!(parameters.is_group);
        assert_eq!(parameters.bot_id.as_deref(), Some("28:b"));
        assert_eq!(parameters.members, ["29:1"]);
        assert_eq!(parameters.topic_name.as_deref(), Some("T"));
        assert_eq!(parameters.channel_id.as_deref(), Some("19:c"));
        assert_eq!(parameters.activity.unwrap().get(), r#"{"z": 1, "a": 2}"#);
        let nothing = ConversationParameters::parse(br#"{"activity":null,"members":null}"#).unwrap();
        assert!(nothing.activity.is_none() && nothing.members.is_empty());
        assert_eq!(ConversationParameters::parse(b"[]").unwrap_err().code, "BadSyntax");
    }

    #[test]
    fn answers() {
        let page = PagedMembersResult {
            continuation_token: None,
            members: vec![ChannelAccount { id: "29:1", ..Default::default() }],
        };
        assert_eq!(serde_json::to_string(&page).unwrap(), r#"{"members":[{"id":"29:1"}]}"#);
        let members = page.members;
        let list = ConversationsResult {
            continuation_token: Some("7"),
            conversations: vec![ConversationMembers { id: "a", members }],
        };
        assert_eq!(
            serde_json::to_string(&list).unwrap(),
            r#"{"continuationToken":"7","conversations":[{"id":"a","members":[{"id":"29:1"}]}]}"#
        );
        let made = ConversationResourceResponse { id: "a", activity_id: Some("1"), service_url: "http://x/" };
        assert_eq!(
            serde_json::to_string(&made).unwrap(),
            r#"{"id":"a","activityId":"1","serviceUrl":"http://x/"}"#
        );
    }
}
