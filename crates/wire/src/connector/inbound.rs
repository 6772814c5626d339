//! Activities that the channel sends to a bot.
//!
//! The shapes are those of the pages on
//! [conversation events](https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events)
//! and [messages](https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability).

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use serde_json::Value;

/// What stands in every activity, whatever happened.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Id of the message; `f:` and a free text for everything that is not one. An edit and a deletion have the id of
    /// their message.
    pub id: &'a str,
    /// When it happened, in microseconds since 1970.
    pub at_micros: i64,
    /// Where the bot answers to.
    pub service_url: &'a str,
    /// The id of the tenant.
    pub tenant_id: &'a str,
    /// The bot it goes to.
    pub bot: Account<'a>,
    /// The person or bot whose act this is.
    pub from: Person<'a>,
    /// The conversation that the activity belongs to.
    pub place: Place<'a>,
    /// Whether the bot shall put what it has to say into its answer.
    pub expect_replies: bool,
}

/// Someone in a conversation.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account<'a> {
    /// `29:…` for people, `28:…` for bots.
    pub id: &'a str,
    /// Full name. Lists of members that changed leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Directory id; bots have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aad_object_id: Option<&'a str>,
}

/// A person and the client in use.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The account, as activities name it.
    pub account: Account<'a>,
    /// Language and region, e.g. `de-DE`.
    pub locale: &'a str,
    /// IANA name of the time zone, e.g. `Europe/Berlin`.
    pub timezone: &'a str,
    /// What that zone's clocks are ahead of UTC at the time of the activity, in seconds.
    pub utc_offset_seconds: i32,
}

/// The kinds of conversation that an activity can belong to.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A person alone with the bot.
    Personal {
        /// The id of the conversation.
        id: &'a str,
    },
    /// A chat of several.
    GroupChat {
        /// The id of the conversation.
        id: &'a str,
    },
    /// A channel of a team.
    Channel {
        /// The channel, without any `;messageid=`.
        id: &'a str,
        /// Name of the channel; the general one goes without.
        name: Option<&'a str>,
        /// The team that the channel belongs to.
        team: Team<'a>,
        /// Id of the root message of the thread; that of the message itself if it is one. `None` for what happens to
        /// the channel or the team.
        root: Option<&'a str>,
    },
}

/// A team, as activities name it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Team<'a> {
    /// Id, which is that of its general channel.
    pub id: &'a str,
    /// The name that people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Directory id of the team's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aad_group_id: Option<&'a str>,
}

/// The event that the activity reports.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// A person wrote a message, or pressed something that sends one.
    Message(Message<'a>),
    /// A person changed a message: all of it as it is now.
    MessageEdited(Message<'a>),
    /// A person took back a deletion: all of what is there again.
    MessageRestored(Message<'a>),
    /// A person deleted a message.
    MessageDeleted,
    /// A person changed reactions to the bot's message.
    Reactions {
        /// Id of the bot's message.
        message_id: &'a str,
        /// Reaction types that were added.
        added: &'a [&'a str],
        /// Reaction types that were taken away.
        removed: &'a [&'a str],
    },
    /// People or bots came into the conversation; in a channel, into its team.
    MembersAdded(&'a [Account<'a>]),
    /// People or bots left the conversation; in a channel, its team.
    MembersRemoved(&'a [Account<'a>]),
    /// Members came into a private or shared channel.
    ChannelMembersAdded(&'a [Account<'a>]),
    /// Members left a private or shared channel.
    ChannelMembersRemoved(&'a [Account<'a>]),
    /// The channel that is the place was changed itself.
    Channel(ChannelChange),
    /// The team of the place has a new name, which is the one in [`Team`].
    TeamRenamed,
    /// The bot's app was added or taken away.
    Installation(Installation),
    /// A person is typing.
    Typing,
    /// A question that the bot answers in its response.
    Invoke {
        /// Which question. Buttons of hero cards ask without a name.
        name: Option<&'a str>,
        /// What it is about.
        value: &'a Value,
        /// The message whose card was used, if it was one.
        reply_to_id: Option<&'a str>,
    },
}

/// A person's message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// The text, with `<at>Name</at>` for every mention. `None` for a press that says nothing.
    pub text: Option<&'a str>,
    /// Who is mentioned, in the order of the text.
    pub mentions: &'a [Account<'a>],
    /// The text as HTML, which becomes an attachment of its own; see [`html_of`].
    pub html: Option<&'a str>,
    /// Attachments besides the text's own HTML, as JSON.
    pub attachments: &'a [Value],
    /// The message that is answered, or whose card was used.
    pub reply_to_id: Option<&'a str>,
    /// What a card sends.
    pub value: Option<&'a Value>,
}

/// What became of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelChange {
    /// `channelCreated`.
    Created,
    /// `channelDeleted`.
    Deleted,
    /// It has a new name, which is the one in [`Place::Channel`].
    Renamed,
    /// `channelRestored`.
    Restored,
}

/// What became of a bot's app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// Installed where it was not.
    Added,
    /// The reaction was removed.
    Removed,
}

/// An activity for a bot. [`activity`] makes one; it is there to be serialised.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    timestamp: String,
    local_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_timezone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    service_url: &'a str,
    channel_id: &'static str,
    from: Account<'a>,
    recipient: Account<'a>,
    conversation: Conversation<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<Vec<Attachment<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members_added: Option<&'a [Account<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members_removed: Option<&'a [Account<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions_added: Option<Vec<Reaction<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reactions_removed: Option<Vec<Reaction<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<Vec<Entity<'a>>>,
    channel_data: ChannelData<'a>,
}

/// The activity that tells a bot what happened.
pub fn activity<'a>(envelope: &Envelope<'a>, happening: &Happening<'a>) -> Activity<'a> {
    let mut activity = skeleton(envelope, happening);
    match *happening {
        Happening::Message(message)
        | Happening::MessageEdited(message)
        | Happening::MessageRestored(message) => activity.say(&message),
        Happening::Reactions { message_id, added, removed } => {
            activity.reply_to_id = Some(message_id);
            activity.reactions_added = reactions(added);
            activity.reactions_removed = reactions(removed);
        }
        Happening::MembersAdded(members) | Happening::ChannelMembersAdded(members) => {
            activity.members_added = Some(members);
        }
        Happening::MembersRemoved(members) | Happening::ChannelMembersRemoved(members) => {
            activity.members_removed = Some(members);
        }
        Happening::Installation(Installation::Added) => activity.action = Some("add"),
        Happening::Installation(Installation::Removed) => activity.action = Some("remove"),
        Happening::Invoke { name, value, reply_to_id } => {
            activity.name = name;
            activity.value = Some(value);
            activity.reply_to_id = reply_to_id;
        }
        Happening::MessageDeleted | Happening::Channel(_) | Happening::TeamRenamed | Happening::Typing => {}
    }
    activity
}

/// A time as activities spell it: ISO 8601 in UTC with milliseconds, the rest cut off.
pub fn timestamp(at_micros: i64) -> String {
    format!("{:.3}", moment(at_micros))
}

/// A person's text as the HTML that clients send along with it.
///
/// Lines are broken by `<br>`; every `<at>…</at>` becomes the numbered span that stands for a mention.
pub fn html_of(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    html.push_str("<p>");
    let mut rest = text;
    let mut mentions = 0;
    while let Some((before, behind)) = rest.split_once("<at>") {
        let Some((name, after)) = behind.split_once("</at>") else { break };
        push_escaped(&mut html, before);
        let open =
            format!(r#"<span itemtype="http://schema.skype.com/Mention" itemscope="" itemid="{mentions}">"#);
        html.push_str(&open);
        push_escaped(&mut html, name);
        html.push_str("</span>");
        mentions += 1;
        rest = after;
    }
    push_escaped(&mut html, rest);
    html.push_str("</p>");
    html
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Conversation<'a> {
    id: String,
    conversation_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_group: Option<bool>,
    tenant_id: &'a str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Attachment<'a> {
    Given(&'a Value),
    #[serde(rename_all = "camelCase")]
    Html {
        content_type: &'static str,
        content: &'a str,
    },
}

#[derive(Clone, Debug, Serialize)]
struct Reaction<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
enum Entity<'a> {
    #[serde(rename = "mention")]
    Mention { mentioned: Account<'a>, text: String },
    #[serde(rename = "clientInfo")]
    ClientInfo {
        locale: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        country: Option<&'a str>,
        platform: &'static str,
        timezone: &'a str,
    },
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Channel<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<Team<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<&'static str>,
    tenant: Named<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings<'a>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Channel<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Named<'a> {
    id: &'a str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Settings<'a> {
    selected_channel: Channel<'a>,
}

fn skeleton<'a>(envelope: &Envelope<'a>, happening: &Happening<'a>) -> Activity<'a> {
    let person = &envelope.from;
    let shows_client = happening.shows_client();
    Activity {
        kind: happening.kind(),
        id: envelope.id,
        timestamp: timestamp(envelope.at_micros),
        local_timestamp: local_timestamp(envelope.at_micros, person.utc_offset_seconds),
        local_timezone: shows_client.then_some(person.timezone),
        locale: shows_client.then_some(person.locale),
        service_url: envelope.service_url,
        channel_id: "msteams",
        from: person.account,
        recipient: envelope.bot,
        conversation: conversation(envelope, happening),
        delivery_mode: envelope.expect_replies.then_some("expectReplies"),
        reply_to_id: None,
        text_format: None,
        text: None,
        attachments: None,
        name: None,
        value: None,
        action: None,
        members_added: None,
        members_removed: None,
        reactions_added: None,
        reactions_removed: None,
        entities: shows_client.then(|| vec![client_info(person)]),
        channel_data: channel_data(envelope, happening),
    }
}

impl<'a> Activity<'a> {
    fn say(&mut self, message: &Message<'a>) {
        self.text = message.text;
        self.text_format = message.text.map(|_| "plain");
        self.reply_to_id = message.reply_to_id;
        self.value = message.value;
        let given = message.attachments.iter().map(Attachment::Given);
        let html = message.html.map(|content| Attachment::Html { content_type: "text/html", content });
        let attachments: Vec<_> = given.chain(html).collect();
        self.attachments = Some(attachments).filter(|list| !list.is_empty());
        let mentions = message.mentions.iter().map(|&mentioned| Entity::Mention {
            mentioned,
            text: format!("<at>{}</at>", mentioned.name.unwrap_or_default()),
        });
        self.entities.get_or_insert_default().splice(0..0, mentions);
    }
}

impl Happening<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Happening::Message(_) => "message",
            Happening::MessageEdited(_) | Happening::MessageRestored(_) => "messageUpdate",
            Happening::MessageDeleted => "messageDelete",
            Happening::Reactions { .. } => "messageReaction",
            Happening::MembersAdded(_)
            | Happening::MembersRemoved(_)
            | Happening::ChannelMembersAdded(_)
            | Happening::ChannelMembersRemoved(_)
            | Happening::Channel(_)
            | Happening::TeamRenamed => "conversationUpdate",
            Happening::Installation(_) => "installationUpdate",
            Happening::Typing => "typing",
            Happening::Invoke { .. } => "invoke",
        }
    }

    fn event_type(&self, place: &Place<'_>) -> Option<&'static str> {
        let in_team = matches!(place, Place::Channel { .. });
        match self {
            Happening::MessageEdited(_) => Some("editMessage"),
            Happening::MessageRestored(_) => Some("undeleteMessage"),
            Happening::MessageDeleted => Some("softDeleteMessage"),
            Happening::MembersAdded(_) => in_team.then_some("teamMemberAdded"),
            Happening::MembersRemoved(_) => in_team.then_some("teamMemberRemoved"),
            Happening::ChannelMembersAdded(_) => Some("channelMemberAdded"),
            Happening::ChannelMembersRemoved(_) => Some("channelMemberRemoved"),
            Happening::Channel(ChannelChange::Created) => Some("channelCreated"),
            Happening::Channel(ChannelChange::Deleted) => Some("channelDeleted"),
            Happening::Channel(ChannelChange::Renamed) => Some("channelRenamed"),
            Happening::Channel(ChannelChange::Restored) => Some("channelRestored"),
            Happening::TeamRenamed => Some("teamRenamed"),
            Happening::Message(_)
            | Happening::Reactions { .. }
            | Happening::Installation(_)
            | Happening::Typing
            | Happening::Invoke { .. } => None,
        }
    }

    /// Whether it came out of a person's client, which then says what it is.
    fn shows_client(&self) -> bool {
        !matches!(self.kind(), "conversationUpdate" | "messageReaction" | "typing")
    }

    /// Whether it happened to a team: then the conversation is the team's own.
    fn is_of_team(&self) -> bool {
        matches!(
            self,
            Happening::MembersAdded(_)
                | Happening::MembersRemoved(_)
                | Happening::Channel(_)
                | Happening::TeamRenamed
        )
    }
}

fn conversation<'a>(envelope: &Envelope<'a>, happening: &Happening<'_>) -> Conversation<'a> {
    let (id, conversation_type) = match envelope.place {
        Place::Personal { id } => (id.to_owned(), "personal"),
        Place::GroupChat { id } => (id.to_owned(), "groupChat"),
        Place::Channel { team, .. } if happening.is_of_team() => (team.id.to_owned(), "channel"),
        Place::Channel { id, root: Some(root), .. } => (format!("{id};messageid={root}"), "channel"),
        Place::Channel { id, root: None, .. } => (id.to_owned(), "channel"),
    };
    let is_group = (conversation_type != "personal").then_some(true);
    Conversation { id, conversation_type, is_group, tenant_id: envelope.tenant_id }
}

fn channel_data<'a>(envelope: &Envelope<'a>, happening: &Happening<'_>) -> ChannelData<'a> {
    let (channel, team) = match envelope.place {
        Place::Personal { .. } | Place::GroupChat { .. } => (None, None),
        Place::Channel { id, name, team, .. } => (Some(Channel { id, name }), Some(team)),
    };
    let is_installation = matches!(happening, Happening::Installation(_));
    let is_without_channel = happening.is_of_team() && !matches!(happening, Happening::Channel(_));
    ChannelData {
        settings: channel.filter(|_| is_installation).map(|selected_channel| Settings { selected_channel }),
        channel: channel.filter(|_| !is_without_channel),
        team,
        event_type: happening.event_type(&envelope.place),
        tenant: Named { id: envelope.tenant_id },
    }
}

fn client_info<'a>(person: &Person<'a>) -> Entity<'a> {
    let country = person.locale.rsplit('-').next().filter(|part| part.len() == 2 && *part != person.locale);
    Entity::ClientInfo { locale: person.locale, country, platform: "Web", timezone: person.timezone }
}

fn reactions<'a>(types: &[&'a str]) -> Option<Vec<Reaction<'a>>> {
    let reactions = || types.iter().map(|kind| Reaction { kind }).collect();
    (!types.is_empty()).then(reactions)
}

fn local_timestamp(at_micros: i64, utc_offset_seconds: i32) -> String {
    let offset = Offset::from_seconds(utc_offset_seconds).unwrap_or(Offset::UTC);
    format!("{:.3}", moment(at_micros).display_with_offset(offset))
}

/// Times outside of the calendar's years become its first or last one.
fn moment(at_micros: i64) -> Timestamp {
    let edge = if at_micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(at_micros).unwrap_or(edge)
}

fn push_escaped(html: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '\n' => html.push_str("<br>"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests;
