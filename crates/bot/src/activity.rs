//! Activities and their parts, as the [Bot Framework describes them][schema]. Slack's messages and events take the same form.
//!
//! [schema]: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#schema

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{wire_object, wire_words};

wire_words! {
    /// The kind of an activity: `type` on the wire.
    pub enum ActivityType {
        /// A message: text, cards, files. A pressed `Action.Submit` is one too, with `value` and without text.
        Message = "message",
        /// Somebody edited a message or restored a deleted one.
        MessageUpdate = "messageUpdate",
        /// Somebody deleted a message.
        MessageDelete = "messageDelete",
        /// Somebody added or removed a reaction.
        MessageReaction = "messageReaction",
        /// Members joined or left, or the conversation was renamed or otherwise changed.
        ConversationUpdate = "conversationUpdate",
        /// The bot was installed or removed.
        InstallationUpdate = "installationUpdate",
        /// Somebody is typing. Bots also stream with it.
        Typing = "typing",
        /// Another event; `name` is its name.
        Event = "event",
        /// A call that waits for the bot's answer; `name` is its name.
        Invoke = "invoke",
        /// The bot's answer to an invoke. It is never sent on its own.
        InvokeResponse = "invokeResponse",
        /// The conversation has ended.
        EndOfConversation = "endOfConversation",
        /// A pause between two activities of one `send_activities`; the SDK waits and sends nothing. `value` is its length in
        /// milliseconds.
        Delay = "delay",
        /// Debugging output. It is sent to the Bot Framework Emulator only.
        Trace = "trace",
        /// A command for the bot.
        Command = "command",
        /// The outcome of a command.
        CommandResult = "commandResult",
        /// A conversation handed to somebody else.
        Handoff = "handoff",
    }
}

wire_words! {
    /// The markup of `text`.
    pub enum TextFormat {
        /// Markdown, the default.
        Markdown = "markdown",
        /// No markup.
        Plain = "plain",
        /// A subset of HTML.
        Xml = "xml",
    }
}

wire_words! {
    /// How several attachments are arranged.
    pub enum AttachmentLayout {
        /// One below the other.
        List = "list",
        /// Side by side.
        Carousel = "carousel",
    }
}

wire_words! {
    /// Whether the bot expects an answer. Clients open or close the microphone by it.
    pub enum InputHint {
        /// The bot accepts input and does not wait for it.
        AcceptingInput = "acceptingInput",
        /// The bot waits for an answer.
        ExpectingInput = "expectingInput",
        /// The bot ignores input.
        IgnoringInput = "ignoringInput",
    }
}

wire_words! {
    /// How the bot's activities of a turn are delivered.
    pub enum DeliveryMode {
        /// As calls to the service.
        Normal = "normal",
        /// As calls to the service, with a notification for each.
        Notification = "notification",
        /// In the answer to the request that brought the activity. They get no ids, so they can't be updated.
        ExpectReplies = "expectReplies",
    }
}

wire_object! {
    /// One thing that somebody says or does in a conversation: a message, a reaction, a pressed button.
    ///
    /// ```
    /// use redraft_bot::Activity;
    ///
    /// let mut activity = Activity::from("Build 7 passed");
    /// activity.id = Some("1700000000000100".to_owned());
    /// assert_eq!(activity.text.as_deref(), Some("Build 7 passed"));
    /// ```
    pub struct Activity {
        /// The kind. A bot that sends `None` sends a `message`.
        pub r#type: Option<ActivityType> = "type",
        /// The message's id within its conversation. An update needs it; sending ignores it.
        pub id: Option<String> = "id",
        /// The time it was sent, in UTC, ISO 8601.
        pub timestamp: Option<String> = "timestamp",
        /// The time it was sent, with the person's offset from UTC, ISO 8601.
        pub local_timestamp: Option<String> = "localTimestamp",
        /// The person's time zone, by its IANA name.
        pub local_timezone: Option<String> = "localTimezone",
        /// The base URL of the service that answers go to.
        pub service_url: Option<String> = "serviceUrl",
        /// The platform: `msteams`, `slack`, `emulator`, …
        pub channel_id: Option<String> = "channelId",
        /// The sender.
        pub from: Option<ChannelAccount> = "from",
        /// The conversation it is in.
        pub conversation: Option<ConversationAccount> = "conversation",
        /// The receiver. In what a bot receives this is the bot.
        pub recipient: Option<ChannelAccount> = "recipient",
        /// The text, in the markup that `text_format` names.
        pub text: Option<String> = "text",
        /// The markup of `text`. `None` means Markdown.
        pub text_format: Option<TextFormat> = "textFormat",
        /// The person's language, a BCP 47 tag.
        pub locale: Option<String> = "locale",
        /// The text for speech output, plain or SSML.
        pub speak: Option<String> = "speak",
        /// What notifications show in the place of a card.
        pub summary: Option<String> = "summary",
        /// Whether the bot expects an answer. Clients open or close the microphone by it.
        pub input_hint: Option<InputHint> = "inputHint",
        /// `low`, `normal`, `high` or, in Teams, `urgent`.
        pub importance: Option<String> = "importance",
        /// How the attachments are arranged. `None` means one below the other.
        pub attachment_layout: Option<AttachmentLayout> = "attachmentLayout",
        /// Cards, pictures and files.
        pub attachments: Vec<Attachment> = "attachments",
        /// Mentions and other facts about the text.
        pub entities: Vec<Entity> = "entities",
        /// Answers offered as buttons below the message.
        pub suggested_actions: Option<SuggestedActions> = "suggestedActions",
        /// Data of this platform alone. On the way to Slack the members of this object replace arguments of the call with the
        /// same name.
        pub channel_data: Option<Value> = "channelData",
        /// The id of the message that this one answers; of a pressed button, the message with the button.
        pub reply_to_id: Option<String> = "replyToId",
        /// The name of an event, an invoke or a command.
        pub name: Option<String> = "name",
        /// The data of an event, an invoke or a pressed button.
        pub value: Option<Value> = "value",
        /// The type of `value`.
        pub value_type: Option<String> = "valueType",
        /// The title of a trace.
        pub label: Option<String> = "label",
        /// Of an installation update: `add`, `remove`, `add-upgrade` or `remove-upgrade`.
        pub action: Option<String> = "action",
        /// The conversation's new topic.
        pub topic_name: Option<String> = "topicName",
        /// The members who joined.
        pub members_added: Vec<ChannelAccount> = "membersAdded",
        /// The members who left.
        pub members_removed: Vec<ChannelAccount> = "membersRemoved",
        /// Reactions that somebody added.
        pub reactions_added: Vec<MessageReaction> = "reactionsAdded",
        /// Reactions that somebody removed.
        pub reactions_removed: Vec<MessageReaction> = "reactionsRemoved",
        /// The reason for which a conversation ended.
        pub code: Option<String> = "code",
        /// How the bot's activities of this turn are delivered. `None` means as calls.
        pub delivery_mode: Option<DeliveryMode> = "deliveryMode",
        /// The time after which the activity is useless, in UTC, ISO 8601.
        pub expiration: Option<String> = "expiration",
        /// A conversation that this one is about.
        pub relates_to: Option<ConversationReference> = "relatesTo",
    }
}

wire_object! {
    /// A person or a bot.
    pub struct ChannelAccount {
        /// The id that the platform gave.
        pub id: Option<String> = "id",
        /// The name that people see.
        pub name: Option<String> = "name",
        /// The id in Microsoft's directory.
        pub aad_object_id: Option<String> = "aadObjectId",
        /// `user`, `bot` or `skill`.
        pub role: Option<String> = "role",
        /// On a recipient: nobody else sees the message.
        pub is_targeted: Option<bool> = "isTargeted",
    }
}

wire_object! {
    /// A conversation.
    pub struct ConversationAccount {
        /// The id that the platform gave. In Teams' channels it ends with the thread: `;messageid=…`.
        pub id: Option<String> = "id",
        /// The name that people see.
        pub name: Option<String> = "name",
        /// Whether more than two can be in it.
        pub is_group: Option<bool> = "isGroup",
        /// `personal`, `groupChat` or `channel`.
        pub conversation_type: Option<String> = "conversationType",
        /// The tenant in Teams, the team in Slack.
        pub tenant_id: Option<String> = "tenantId",
        /// On Slack: the `ts` of the thread's first message.
        pub thread_ts: Option<String> = "thread_ts",
    }
}

wire_object! {
    /// The address of a conversation, and of a message in it. A bot stores it, as JSON for example, in order to write, update
    /// or delete later.
    pub struct ConversationReference {
        /// The message's id.
        pub activity_id: Option<String> = "activityId",
        /// The person.
        pub user: Option<ChannelAccount> = "user",
        /// The bot.
        pub bot: Option<ChannelAccount> = "bot",
        /// The conversation.
        pub conversation: Option<ConversationAccount> = "conversation",
        /// The platform.
        pub channel_id: Option<String> = "channelId",
        /// The person's language, a BCP 47 tag.
        pub locale: Option<String> = "locale",
        /// The base URL of the service to call.
        pub service_url: Option<String> = "serviceUrl",
    }
}

wire_object! {
    /// A conversation to be opened: with one person, or as a new thread of a channel.
    pub struct ConversationParameters {
        /// Whether more than two can be in it.
        pub is_group: Option<bool> = "isGroup",
        /// The bot. The adapter fills it in.
        pub bot: Option<ChannelAccount> = "bot",
        /// The person, of a conversation of two.
        pub members: Vec<ChannelAccount> = "members",
        /// The topic.
        pub topic_name: Option<String> = "topicName",
        /// The tenant in Teams. A conversation of two needs it.
        pub tenant_id: Option<String> = "tenantId",
        /// The first message. A thread needs it.
        pub activity: Option<Box<Activity>> = "activity",
        /// Data of this platform alone, such as the channel that a thread belongs to.
        pub channel_data: Option<Value> = "channelData",
    }
}

wire_object! {
    /// A card, a picture or a file.
    pub struct Attachment {
        /// Its media type. Cards have types of their own.
        pub content_type: Option<String> = "contentType",
        /// The URL of its content.
        pub content_url: Option<String> = "contentUrl",
        /// The content of a card, as JSON.
        pub content: Option<Value> = "content",
        /// Its file name.
        pub name: Option<String> = "name",
        /// The URL of a preview picture.
        pub thumbnail_url: Option<String> = "thumbnailUrl",
    }
}

wire_object! {
    /// A fact about an activity. `type` says of what kind.
    pub struct Entity {
        /// The kind, `mention` for one.
        pub r#type: Option<String> = "type",
        /// Of a mention: who.
        pub mentioned: Option<ChannelAccount> = "mentioned",
        /// Of a mention: the part of the activity's text that shows it, `<at>Ben</at>` for example.
        pub text: Option<String> = "text",
    }
}

wire_object! {
    /// Answers offered as buttons.
    pub struct SuggestedActions {
        /// Who sees them, by id; everybody if empty.
        pub to: Vec<String> = "to",
        /// The buttons.
        pub actions: Vec<CardAction> = "actions",
    }
}

wire_object! {
    /// A button.
    pub struct CardAction {
        /// What pressing it does: `imBack`, `messageBack`, `postBack`, `openUrl`, `invoke`, …
        pub r#type: Option<String> = "type",
        /// The label.
        pub title: Option<String> = "title",
        /// The address of its picture.
        pub image: Option<String> = "image",
        /// What the bot gets as the text of the message.
        pub text: Option<String> = "text",
        /// What people see as the message.
        pub display_text: Option<String> = "displayText",
        /// What the bot gets, or the address to open.
        pub value: Option<Value> = "value",
    }
}

wire_object! {
    /// A reaction.
    pub struct MessageReaction {
        /// `like`, `heart`, … or, of Slack, the emoji's name.
        pub r#type: Option<String> = "type",
    }
}

wire_object! {
    /// The result of sending or updating.
    pub struct ResourceResponse {
        /// The message's id. `None` if the platform gave none: such a message can't be updated.
        pub id: Option<String> = "id",
    }
}

/// The bot's answer to an invoke.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InvokeResponse {
    /// The status of the HTTP answer.
    pub status: u16,
    /// The body of the HTTP answer, if any.
    pub body: Option<Value>,
}

impl InvokeResponse {
    /// An answer with this status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Option<Value>>) -> Self {
        Self { status, body: body.into() }
    }

    /// The answer to a pressed button of a card that shows this card to whoever pressed, until the message changes.
    #[must_use]
    pub fn card(card: Value) -> Self {
        let body = serde_json::json!({
            "statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": card,
        });
        Self::new(200, body)
    }

    /// The answer to a pressed button of a card that shows a short notice to whoever pressed.
    #[must_use]
    pub fn notice(text: &str) -> Self {
        let body = serde_json::json!({
            "statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": text,
        });
        Self::new(200, body)
    }
}

impl ChannelAccount {
    /// The account with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }
}

impl ConversationAccount {
    /// The conversation with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }
}

impl ConversationParameters {
    /// A conversation between the bot and this person. Opening it a second time returns the existing one.
    #[must_use]
    pub fn with_person(member_id: impl Into<String>, tenant_id: impl Into<String>) -> Self {
        Self {
            is_group: Some(false),
            members: vec![ChannelAccount::new(member_id)],
            tenant_id: Some(tenant_id.into()),
            ..Self::default()
        }
    }

    /// A new thread of this channel, begun with this message.
    #[must_use]
    pub fn in_channel(channel_id: &str, first: impl Into<Activity>) -> Self {
        let mut first = first.into();
        if first.r#type.is_none() {
            first.r#type = Some(ActivityType::Message);
        }
        Self {
            is_group: Some(true),
            activity: Some(Box::new(first)),
            channel_data: Some(serde_json::json!({"channel": {"id": channel_id}})),
            ..Self::default()
        }
    }
}

impl ResourceResponse {
    /// The response with this id.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }
}

impl From<&str> for Activity {
    fn from(text: &str) -> Self {
        crate::MessageFactory::text(text)
    }
}

impl From<String> for Activity {
    fn from(text: String) -> Self {
        crate::MessageFactory::text(text)
    }
}

impl Activity {
    /// An activity of this type, empty otherwise.
    #[must_use]
    pub fn new(r#type: ActivityType) -> Self {
        Self { r#type: Some(r#type), ..Self::default() }
    }

    /// The sign that the bot is typing.
    #[must_use]
    pub fn typing() -> Self {
        Self::new(ActivityType::Typing)
    }

    /// A pause of this many milliseconds between two activities that are sent together.
    #[must_use]
    pub fn delay(milliseconds: u64) -> Self {
        Self { value: Some(milliseconds.into()), ..Self::new(ActivityType::Delay) }
    }

    /// The answer to the invoke of this turn. It is returned when the turn ends.
    #[must_use]
    pub fn invoke_response(response: InvokeResponse) -> Self {
        Self { value: serde_json::to_value(response).ok(), ..Self::new(ActivityType::InvokeResponse) }
    }

    /// Sets the id, which [`update_activity`](crate::TurnContext::update_activity) needs.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Shows the message to this member alone: a targeted message in Teams, an ephemeral one in Slack.
    #[must_use]
    pub fn only_for(mut self, member_id: impl Into<String>) -> Self {
        let mut recipient = ChannelAccount::new(member_id);
        recipient.is_targeted = Some(true);
        self.recipient = Some(recipient);
        self
    }

    /// Whether the message is shown to one member alone.
    #[must_use]
    pub fn is_targeted(&self) -> bool {
        self.recipient.as_ref().is_some_and(|recipient| recipient.is_targeted == Some(true))
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is(&self, r#type: &ActivityType) -> bool {
        self.r#type.as_ref() == Some(r#type)
    }

    /// The reference of this activity and its conversation. Store it in order to answer, update or delete later.
    ///
    /// The id of a `conversationUpdate` is left out, since it names no message.
    #[must_use]
    pub fn conversation_reference(&self) -> ConversationReference {
        ConversationReference {
            activity_id: self.id.clone().filter(|_| !self.is(&ActivityType::ConversationUpdate)),
            user: self.from.clone(),
            bot: self.recipient.clone(),
            conversation: self.conversation.clone(),
            channel_id: self.channel_id.clone(),
            locale: self.locale.clone(),
            service_url: self.service_url.clone(),
            ..ConversationReference::default()
        }
    }

    /// Addresses the activity to this conversation, from the bot to the person. A recipient that [`only_for`](Self::only_for)
    /// set is not replaced.
    #[must_use]
    pub fn to(mut self, reference: &ConversationReference) -> Self {
        let targeted = self.is_targeted();
        self.channel_id.clone_from(&reference.channel_id);
        self.service_url.clone_from(&reference.service_url);
        self.conversation.clone_from(&reference.conversation);
        self.from.clone_from(&reference.bot);
        if !targeted {
            self.recipient.clone_from(&reference.user);
        }
        if self.locale.is_none() {
            self.locale.clone_from(&reference.locale);
        }
        self
    }

    /// Whom the text mentions.
    pub fn mentions(&self) -> impl Iterator<Item = &ChannelAccount> {
        let mentions = self.entities.iter().filter(|entity| entity.r#type.as_deref() == Some("mention"));
        mentions.filter_map(|entity| entity.mentioned.as_ref())
    }

    /// The text without the words that mention this account, trimmed: what a person says to a bot in a group.
    #[must_use]
    pub fn text_without_mention_of(&self, id: &str) -> String {
        let mut text = self.text.clone().unwrap_or_default();
        for entity in &self.entities {
            let mentioned = entity.mentioned.as_ref().and_then(|account| account.id.as_deref());
            if mentioned == Some(id)
                && let Some(words) = entity.text.as_deref().filter(|words| !words.is_empty())
            {
                text = text.replace(words, "");
            }
        }
        text.trim().to_owned()
    }

    /// The text without the mention of the bot itself, trimmed.
    #[must_use]
    pub fn text_without_recipient(&self) -> String {
        let id = self.recipient.as_ref().and_then(|account| account.id.as_deref());
        self.text_without_mention_of(id.unwrap_or_default())
    }

    /// The pressed button, in the same form for both platforms: Teams' `Action.Execute` and `Action.Submit`, Slack's block
    /// actions.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        Action::of(self)
    }
}

/// A button that somebody pressed, or an option that somebody chose, on a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Action {
    /// The name of the button: Teams' `verb`, Slack's `action_id`; of an `Action.Submit`, the member `verb` of its data.
    pub verb: String,
    /// What the button brings along: the data of a card's action; of Slack `{"value": …}`.
    pub data: Value,
    /// The message with the button, by the id that [`update_activity`](crate::TurnContext::update_activity) takes.
    pub message_id: Option<String>,
}

impl Action {
    /// The `value` of the data, as [`Button`](crate::Button) sets it for both platforms; empty if there is none.
    #[must_use]
    pub fn value(&self) -> &str {
        self.data.get("value").and_then(Value::as_str).unwrap_or_default()
    }

    fn of(activity: &Activity) -> Option<Self> {
        let value = activity.value.as_ref()?;
        let (verb, data) = match (activity.r#type.as_ref()?, activity.name.as_deref()) {
            (ActivityType::Invoke, Some("adaptiveCard/action")) => {
                let action = value.get("action")?;
                (action.get("verb")?.as_str()?, action.get("data").cloned().unwrap_or_default())
            }
            (ActivityType::Message, _) => {
                (value.get("verb").and_then(Value::as_str).unwrap_or_default(), value.clone())
            }
            _ => return None,
        };
        Some(Self { verb: verb.to_owned(), data, message_id: activity.reply_to_id.clone() })
    }
}
