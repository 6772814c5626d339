//! What Slack sends, as activities. Nothing is refused for being unknown: the payload is whole in `channel_data`.

use serde_json::{Map, Value, json};

use super::response_url::{EphemeralId, Turn};
use super::text;
use crate::activity::{
    Activity, ActivityType, Attachment, ChannelAccount, ConversationAccount, MessageReaction,
};

/// Marks a button of this SDK that says its words in the person's name, as a suggested action does.
pub(super) const SAYS: &str = "activity:";

/// What a request or an envelope brings.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Payload {
    /// Something happened.
    Event(Value),
    /// Somebody pressed, chose, submitted.
    Interaction(Value),
    /// Somebody typed a command.
    Command(Value),
}

/// What a request is.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// Slack asks whether somebody listens here, and wants this back.
    Challenge(String),
    /// Slack looks at the certificate.
    SslCheck,
    /// Something for the bot.
    Payload(Payload),
}

/// The bot itself, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) user_id: Option<String>,
    pub(super) bot_id: Option<String>,
}

/// A member that is a text with something in it.
fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A member that is an id, or an object with one.
fn id_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    text_at(value, pointer).or_else(|| text_at(value, &format!("{pointer}/id")))
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn is_form(content_type: &str) -> bool {
    content_type.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

impl Incoming {
    /// Whether Slack only looks at the certificate, which it does without a signature.
    pub(super) fn is_ssl_check(content_type: &str, body: &[u8]) -> bool {
        let asks = is_form(content_type) && body.windows(9).take(256).any(|part| part == b"ssl_check");
        asks && matches!(Self::form(body), Ok(Self::SslCheck))
    }

    /// Reads a body. The error says what is wrong with it.
    pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Self, &'static str> {
        if is_form(content_type) {
            return Self::form(body);
        }
        let payload: Value = serde_json::from_slice(body).map_err(|_| "The body is no JSON.")?;
        let kind = text_at(&payload, "/type").ok_or("The body is no JSON object with a type.")?;
        if kind != "url_verification" {
            return Ok(Self::Payload(Payload::Event(payload)));
        }
        let challenge = text_at(&payload, "/challenge").ok_or("There is no challenge.")?;
        Ok(Self::Challenge(challenge.to_owned()))
    }

    fn form(body: &[u8]) -> Result<Self, &'static str> {
        let fields: Map<String, Value> =
            form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into())).collect();
        if fields.get("ssl_check").and_then(Value::as_str) == Some("1") {
            return Ok(Self::SslCheck);
        }
        if let Some(payload) = fields.get("payload").and_then(Value::as_str) {
            let payload: Value = serde_json::from_str(payload).map_err(|_| "The payload is no JSON.")?;
            text_at(&payload, "/type").ok_or("The payload is no JSON object with a type.")?;
            return Ok(Self::Payload(Payload::Interaction(payload)));
        }
        let command = Value::Object(fields);
        text_at(&command, "/command").ok_or("The form is neither a payload nor a command.")?;
        Ok(Self::Payload(Payload::Command(command)))
    }
}

impl Payload {
    /// What an envelope of Socket Mode holds. `None` if it is of no known kind.
    pub(super) fn of_envelope(kind: &str, payload: Value) -> Option<Self> {
        match kind {
            "events_api" => Some(Self::Event(payload)),
            "interactive" => Some(Self::Interaction(payload)),
            "slash_commands" => Some(Self::Command(payload)),
            _ => None,
        }
    }

    pub(super) fn json(&self) -> &Value {
        match self {
            Self::Event(json) | Self::Interaction(json) | Self::Command(json) => json,
        }
    }

    /// The keys by which repetitions are recognized: a payload is processed only if all of them are new. A message that
    /// mentions the bot comes as `message` and as `app_mention`, under two event ids.
    pub(super) fn keys(&self) -> Vec<String> {
        let json = self.json();
        let mut keys = Vec::new();
        match self {
            Self::Event(_) => {
                keys.extend(text_at(json, "/event_id").map(|id| format!("event:{id}")));
                let event = json.get("event").unwrap_or(&Value::Null);
                let message = match (text_at(event, "/type"), text_at(event, "/subtype")) {
                    // An edit is processed once as well, and the next edit once more.
                    (Some("message"), Some("message_changed")) => {
                        event.get("message").filter(|message| is_edit(event, message))
                    }
                    (Some("message"), Some("message_deleted")) => None,
                    (Some("message" | "app_mention"), _) => Some(event),
                    _ => None,
                };
                if let Some(message) = message
                    && let (Some(channel), Some(ts)) = (id_at(event, "/channel"), text_at(message, "/ts"))
                {
                    let team = text_at(json, "/team_id").unwrap_or_default();
                    let edited = text_at(message, "/edited/ts").unwrap_or_default();
                    keys.push(format!("message:{team}:{channel}:{ts}:{edited}"));
                }
            }
            Self::Interaction(_) | Self::Command(_) => {
                let kind = text_at(json, "/type").unwrap_or("command");
                keys.extend(text_at(json, "/trigger_id").map(|id| format!("trigger:{kind}:{id}")));
            }
        }
        keys
    }

    /// The bot, as the payload names it.
    pub(super) fn identity(&self) -> Identity {
        let authorizations = self.json().get("authorizations").and_then(Value::as_array);
        let mut bots =
            authorizations.into_iter().flatten().filter(|it| it.get("is_bot") == Some(&true.into()));
        Identity { user_id: bots.next().and_then(|bot| owned(text_at(bot, "/user_id"))), bot_id: None }
    }

    /// The conversation's team, and the organisation if the app is installed for all of it.
    pub(super) fn place(&self) -> ConversationAccount {
        let json = self.json();
        let whole = |value: &Value| match value.get("is_enterprise_install") {
            Some(Value::Bool(whole)) => *whole,
            Some(Value::String(word)) => word == "true",
            _ => false,
        };
        let authorized = json.pointer("/authorizations/0").unwrap_or(&Value::Null);
        let team = match self {
            Self::Event(_) => text_at(authorized, "/team_id").or_else(|| text_at(json, "/team_id")),
            Self::Interaction(_) => id_at(json, "/team").or_else(|| text_at(json, "/user/team_id")),
            Self::Command(_) => text_at(json, "/team_id"),
        };
        let mut conversation =
            ConversationAccount { tenant_id: owned(team), ..ConversationAccount::default() };
        if whole(json) || whole(authorized) {
            let enterprise = text_at(authorized, "/enterprise_id")
                .or_else(|| id_at(json, "/enterprise"))
                .or_else(|| text_at(json, "/enterprise_id"));
            if let Some(enterprise) = enterprise {
                conversation.extra.insert("enterprise_id".to_owned(), enterprise.into());
            }
        }
        conversation
    }

    /// The activity. `None` if it is the bot's own doing.
    pub(super) fn activity(&self, me: &Identity) -> Option<Activity> {
        let mut activity = match self {
            Self::Event(json) => event(json, me)?,
            Self::Interaction(json) => interaction(json),
            Self::Command(json) => command(json),
        };
        let place = self.place();
        let mut conversation = activity.conversation.take().unwrap_or_default();
        conversation.tenant_id = place.tenant_id;
        conversation.extra.extend(place.extra);
        activity.conversation = Some(conversation);
        activity.channel_id = Some("slack".to_owned());
        if let Some(user_id) = &me.user_id {
            activity.recipient =
                Some(ChannelAccount { role: Some("bot".to_owned()), ..ChannelAccount::new(user_id) });
        }
        let mut raw = self.json().clone();
        if let (Some(kind), Some(raw)) = (event_type(&activity), raw.as_object_mut()) {
            raw.insert("eventType".to_owned(), kind.into());
        }
        activity.channel_data = Some(raw);
        Some(activity)
    }
}

/// The word by which Teams tells edits and deletions apart, so that a bot asks for it on both platforms.
fn event_type(activity: &Activity) -> Option<&'static str> {
    match activity.r#type.as_ref()? {
        ActivityType::MessageUpdate => Some("editMessage"),
        ActivityType::MessageDelete => Some("softDeleteMessage"),
        _ => None,
    }
}

/// A conversation, with its kind.
fn conversation(
    id: Option<&str>,
    channel_type: Option<&str>,
    thread_ts: Option<&str>,
) -> ConversationAccount {
    let kind = match channel_type {
        Some("im" | "app_home") => "personal",
        Some("mpim") => "groupChat",
        // A person's id opens the direct conversation with them.
        _ if id.is_some_and(|id| id.starts_with(['D', 'U', 'W'])) => "personal",
        _ => "channel",
    };
    ConversationAccount {
        id: owned(id),
        conversation_type: id.map(|_| kind.to_owned()),
        is_group: id.map(|_| kind != "personal"),
        thread_ts: owned(thread_ts),
        ..ConversationAccount::default()
    }
}

/// Who wrote a message.
fn author(message: &Value) -> Option<ChannelAccount> {
    let (id, role) = match (text_at(message, "/bot_id"), id_at(message, "/user")) {
        (Some(bot_id), user) => (user.unwrap_or(bot_id), "bot"),
        (None, Some(user)) => (user, "user"),
        (None, None) => return None,
    };
    let name = text_at(message, "/username").or_else(|| text_at(message, "/bot_profile/name"));
    Some(ChannelAccount { name: owned(name), role: Some(role.to_owned()), ..ChannelAccount::new(id) })
}

fn person(id: Option<&str>, name: Option<&str>) -> Option<ChannelAccount> {
    id.map(|id| ChannelAccount {
        name: owned(name),
        role: Some("user".to_owned()),
        ..ChannelAccount::new(id)
    })
}

/// Whether this bot wrote a message. `app_id` decides only where no user is named: an app may also write in a person's name.
fn is_own(message: &Value, me: &Identity, app_id: Option<&str>) -> bool {
    let bot_id = text_at(message, "/bot_id");
    if bot_id.is_some() && bot_id == me.bot_id.as_deref() {
        return true;
    }
    let by_app = || {
        let named = text_at(message, "/app_id").or_else(|| text_at(message, "/bot_profile/app_id"));
        bot_id.is_some() && named.is_some() && named == app_id
    };
    match (id_at(message, "/user"), me.user_id.as_deref()) {
        (Some(user), Some(own)) => user == own,
        (None, _) | (_, None) => by_app(),
    }
}

/// Whether Slack says of an event only what the bot itself did.
fn event(payload: &Value, me: &Identity) -> Option<Activity> {
    let app_id = text_at(payload, "/api_app_id");
    let Some(event) = payload.get("event").filter(|event| event.is_object()) else {
        return Some(happened(payload, text_at(payload, "/type")));
    };
    let kind = text_at(event, "/type");
    let subtype = text_at(event, "/subtype");
    match kind {
        Some("message") => match subtype {
            None | Some("bot_message" | "me_message" | "file_share" | "thread_broadcast") => {
                if is_own(event, me, app_id) { None } else { Some(message(event, event)) }
            }
            Some("message_changed") => {
                let message = event.get("message").unwrap_or(&Value::Null);
                if is_own(message, me, app_id) { None } else { Some(changed(event, message)) }
            }
            Some("message_deleted") => {
                let previous = event.get("previous_message").unwrap_or(&Value::Null);
                if is_own(previous, me, app_id) { None } else { Some(deleted(event, previous)) }
            }
            Some("channel_topic") => {
                let topic_name = owned(text_at(event, "/topic"));
                let base = place_of(event, ActivityType::ConversationUpdate);
                Some(Activity { topic_name, ..base })
            }
            Some(other) => Some(happened(event, Some(&format!("message/{other}")))),
        },
        Some("app_mention") => {
            if is_own(event, me, app_id) {
                return None;
            }
            let mut said = message(event, event);
            if event.get("edited").is_some_and(|edited| !edited.is_null()) {
                said.r#type = Some(ActivityType::MessageUpdate);
            }
            Some(said)
        }
        Some(kind @ ("reaction_added" | "reaction_removed"))
            if text_at(event, "/item/type") == Some("message") =>
        {
            if me.user_id.is_some() && text_at(event, "/user") == me.user_id.as_deref() {
                return None;
            }
            let reaction =
                MessageReaction { r#type: owned(text_at(event, "/reaction")), ..MessageReaction::default() };
            let mut reacted = place_of(event, ActivityType::MessageReaction);
            reacted.reply_to_id = owned(text_at(event, "/item/ts"));
            if kind == "reaction_added" {
                reacted.reactions_added = vec![reaction];
            } else {
                reacted.reactions_removed = vec![reaction];
            }
            Some(reacted)
        }
        Some(kind @ ("member_joined_channel" | "member_left_channel")) => {
            let member = person(text_at(event, "/user"), None);
            let mut came = place_of(event, ActivityType::ConversationUpdate);
            if let Some(inviter) = person(text_at(event, "/inviter"), None) {
                came.from = Some(inviter);
            }
            let list = if kind == "member_joined_channel" {
                &mut came.members_added
            } else {
                &mut came.members_removed
            };
            list.extend(member);
            Some(came)
        }
        Some("app_uninstalled") => {
            let base = place_of(event, ActivityType::InstallationUpdate);
            Some(Activity { action: Some("remove".to_owned()), ..base })
        }
        kind => Some(happened(event, kind)),
    }
}

/// Where an event happened, when, and who did it, under whatever names it has for that.
fn place_of(event: &Value, kind: ActivityType) -> Activity {
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| id_at(event, pointer));
    let channel = first(&["/channel", "/channel_id", "/item/channel", "/assistant_thread/channel_id"]);
    let thread = first(&["/thread_ts", "/assistant_thread/thread_ts"]);
    let user = first(&["/user", "/user_id", "/assistant_thread/user_id"]);
    let ts = text_at(event, "/event_ts").or_else(|| text_at(event, "/ts"));
    Activity {
        r#type: Some(kind),
        id: owned(ts),
        timestamp: ts.and_then(text::time_of),
        from: person(user, None),
        conversation: Some(conversation(channel, text_at(event, "/channel_type"), thread)),
        ..Activity::default()
    }
}

fn happened(event: &Value, name: Option<&str>) -> Activity {
    Activity { name: owned(name), value: Some(event.clone()), ..place_of(event, ActivityType::Event) }
}

/// A message, with the event that says where it is.
fn message(event: &Value, message: &Value) -> Activity {
    let (words, entities) = text::read(text_at(message, "/text").unwrap_or_default());
    let ts = text_at(message, "/ts");
    // The first message of a thread is not in it.
    let thread = text_at(message, "/thread_ts").filter(|thread| Some(*thread) != ts);
    let files = message.get("files").and_then(Value::as_array).into_iter().flatten();
    let attachments = files.map(|file| Attachment {
        content_type: owned(text_at(file, "/mimetype")),
        content_url: owned(text_at(file, "/url_private")),
        name: owned(text_at(file, "/name")),
        thumbnail_url: owned(text_at(file, "/thumb_360")),
        ..Attachment::default()
    });
    Activity {
        id: owned(ts),
        timestamp: ts.and_then(text::time_of),
        from: author(message),
        conversation: Some(conversation(id_at(event, "/channel"), text_at(event, "/channel_type"), thread)),
        text: Some(words),
        entities,
        attachments: attachments.collect(),
        reply_to_id: owned(thread),
        ..Activity::new(ActivityType::Message)
    }
}

/// Whether somebody edited the message. Slack also says that a message changed when it shows a link's preview.
fn is_edit(event: &Value, message: &Value) -> bool {
    let edited = text_at(message, "/edited/ts");
    let tombstone = text_at(message, "/subtype") == Some("tombstone");
    !tombstone && edited.is_some() && edited != text_at(event, "/previous_message/edited/ts")
}

/// A changed message. Slack also says so when it shows a link's preview, and when the first message of a thread is deleted.
fn changed(event: &Value, message: &Value) -> Activity {
    if text_at(message, "/subtype") == Some("tombstone") {
        return deleted(event, message);
    }
    if !is_edit(event, message) {
        return happened(event, Some("message/message_changed"));
    }
    let mut activity = self::message(event, message);
    activity.r#type = Some(ActivityType::MessageUpdate);
    activity.timestamp = text_at(message, "/edited/ts").and_then(text::time_of);
    activity
}

/// A deleted message. Slack does not say who deleted it.
fn deleted(event: &Value, message: &Value) -> Activity {
    let ts = text_at(event, "/deleted_ts").or_else(|| text_at(message, "/ts"));
    let thread = text_at(message, "/thread_ts").filter(|thread| Some(*thread) != ts);
    Activity {
        id: owned(ts),
        timestamp: text_at(event, "/event_ts").and_then(text::time_of),
        conversation: Some(conversation(id_at(event, "/channel"), text_at(event, "/channel_type"), thread)),
        ..Activity::new(ActivityType::MessageDelete)
    }
}

/// The conversation in which somebody did something: the channel, or the direct conversation with them.
fn interaction_place(payload: &Value, user: Option<&str>, ts: Option<&str>) -> ConversationAccount {
    let channel = id_at(payload, "/channel").or_else(|| text_at(payload, "/container/channel_id"));
    let thread = text_at(payload, "/container/thread_ts").or_else(|| text_at(payload, "/message/thread_ts"));
    let thread = thread.filter(|thread| Some(*thread) != ts);
    conversation(channel.or(user), None, thread)
}

fn interaction(payload: &Value) -> Activity {
    let kind = text_at(payload, "/type").unwrap_or_default();
    let user = id_at(payload, "/user");
    let name = text_at(payload, "/user/name").or_else(|| text_at(payload, "/user/username"));
    let pointers = ["/container/message_ts", "/message/ts", "/message_ts"];
    let ts = pointers.iter().find_map(|pointer| text_at(payload, pointer));
    let mut place = interaction_place(payload, user, ts);
    let url = text_at(payload, "/response_url").or_else(|| text_at(payload, "/response_urls/0/response_url"));
    let hidden = payload.pointer("/container/is_ephemeral") == Some(&Value::Bool(true))
        || (kind == "interactive_message" && payload.get("original_message").is_none_or(Value::is_null));
    if let Some(url) = url {
        let turn = Turn {
            response_url: url.to_owned(),
            user: user.unwrap_or_default().to_owned(),
            ephemeral: hidden && ts.is_some(),
        };
        turn.put(&mut place);
    }
    let message_id = match (ts, url) {
        (Some(ts), Some(url)) if hidden => Some(EphemeralId { ts, url }.write()),
        (ts, _) => owned(ts),
    };
    let action = payload.pointer("/actions/0").unwrap_or(&Value::Null);
    let done_at = text_at(payload, "/action_ts").or_else(|| text_at(action, "/action_ts"));
    let base = Activity {
        r#type: Some(ActivityType::Invoke),
        id: owned(text_at(payload, "/trigger_id").or(done_at)),
        timestamp: done_at.and_then(text::time_of),
        from: person(user, name),
        conversation: Some(place),
        reply_to_id: message_id,
        ..Activity::default()
    };
    let pressed = match kind {
        "block_actions" => text_at(action, "/action_id"),
        "interactive_message" => text_at(action, "/name"),
        _ => None,
    };
    match pressed {
        Some(pressed) if pressed.starts_with(SAYS) => said(base, action),
        Some(pressed) => {
            let (verb, brings) = verb_of(pressed);
            let action =
                json!({"type": "Action.Execute", "verb": verb, "data": data(payload, action, brings)});
            Activity {
                name: Some("adaptiveCard/action".to_owned()),
                value: Some(json!({"action": action, "trigger": "manual"})),
                ..base
            }
        }
        None => Activity { name: Some(kind.to_owned()), value: Some(payload.clone()), ..base },
    }
}

/// What the value of a button of this SDK is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brings {
    /// The author's own text.
    Text,
    /// The data of a card's action, as JSON.
    Data,
}

/// The verb of an `action_id`: buttons of this SDK have their place behind a dot, with a `d` if they bring data.
fn verb_of(action_id: &str) -> (&str, Brings) {
    let Some((verb, place)) = action_id.rsplit_once('.') else { return (action_id, Brings::Text) };
    let (digits, brings) = match place.strip_prefix('d') {
        Some(digits) => (digits, Brings::Data),
        None => (place, Brings::Text),
    };
    let ours = !verb.is_empty() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if ours { (verb, brings) } else { (action_id, Brings::Text) }
}

/// What was pressed or chosen: `value`, Slack's own `selected_…` members, and the inputs of the message by their `action_id`.
fn data(payload: &Value, action: &Value, brings: Brings) -> Value {
    let mut data = Map::new();
    if brings == Brings::Data
        && let Some(Ok(Value::Object(given))) = text_at(action, "/value").map(serde_json::from_str)
    {
        data = given;
    } else if let Some(value) = chosen(action) {
        data.insert("value".to_owned(), value);
    }
    for (name, value) in action.as_object().into_iter().flatten() {
        if name.starts_with("selected_") && !data.contains_key(name) {
            data.insert(name.clone(), value.clone());
        }
    }
    for pointer in ["/state/values", "/view/state/values"] {
        let blocks = payload.pointer(pointer).and_then(Value::as_object);
        for elements in blocks.into_iter().flat_map(Map::values).filter_map(Value::as_object) {
            for (name, element) in elements {
                if let (Some(value), false) = (chosen(element), data.contains_key(name)) {
                    data.insert(name.clone(), value);
                }
            }
        }
    }
    Value::Object(data)
}

/// The one value of an element, several joined by commas as Adaptive Cards do.
fn chosen(element: &Value) -> Option<Value> {
    let present = |name: &str| element.get(name).filter(|value| !value.is_null());
    if let Some(value) = present("value") {
        return Some(value.clone());
    }
    if let Some(value) = element.pointer("/selected_option/value") {
        return Some(value.clone());
    }
    if let Some(options) = present("selected_options").and_then(Value::as_array) {
        let values: Vec<&str> = options.iter().filter_map(|option| text_at(option, "/value")).collect();
        return Some(values.join(",").into());
    }
    let object = element.as_object()?;
    let plain = object.iter().find(|(name, value)| {
        name.starts_with("selected_") && (value.is_string() || value.is_number() || value.is_array())
    });
    plain.map(|(_, value)| value.clone()).or_else(|| present("rich_text_value").cloned())
}

/// A button that says its words in the person's name.
fn said(base: Activity, action: &Value) -> Activity {
    let given = text_at(action, "/value").unwrap_or_default();
    let title = text_at(action, "/text/text");
    let back: Value = serde_json::from_str(given).unwrap_or_default();
    let words = text_at(&back, "/text").or(title).unwrap_or_default();
    Activity {
        r#type: Some(ActivityType::Message),
        text: Some(words.to_owned()),
        value: back.get("value").filter(|value| !value.is_null()).cloned(),
        ..base
    }
}

fn command(form: &Value) -> Activity {
    let (words, entities) = text::read(text_at(form, "/text").unwrap_or_default());
    let user = text_at(form, "/user_id");
    let channel = text_at(form, "/channel_id");
    let mut place = conversation(channel.or(user), None, None);
    place.name = owned(text_at(form, "/channel_name"));
    if let Some(url) = text_at(form, "/response_url") {
        let user = user.unwrap_or_default().to_owned();
        Turn { response_url: url.to_owned(), user, ephemeral: false }.put(&mut place);
    }
    Activity {
        r#type: Some(ActivityType::Command),
        id: owned(text_at(form, "/trigger_id")),
        name: owned(text_at(form, "/command")),
        text: Some(words),
        entities,
        from: person(user, text_at(form, "/user_name")),
        conversation: Some(place),
        value: Some(form.clone()),
        ..Activity::default()
    }
}
