//! Messages of the Connector whose text streams in.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::*;

/// One bot's chat with ben, and what goes on in it.
struct Chat {
    world: World,
    bot: String,
    /// `a:1…`
    id: String,
}

impl Chat {
    fn new() -> Self {
        let world = World::new();
        let bot = world.bot(HELPDESK);
        let made = world.connector(&bot, "POST", "", &json!({"members": [{"id": "29:1ben"}]}));
        let id = text_of(&made.json, "id");
        Self { world, bot, id }
    }

    fn post(&self, body: &Value) -> Answer {
        self.world.connector(&self.bot, "POST", &format!("/{}/activities", self.id), body)
    }

    fn on(&self, verb: &str, stream: &str, body: &Value) -> Answer {
        self.world.connector(&self.bot, verb, &format!("/{}/activities/{stream}", self.id), body)
    }

    /// A new stream.
    fn start(&self) -> String {
        let started =
            self.post(&typing("Let me see", &json!({"streamType": "informative", "streamSequence": 1})));
        assert_eq!(started.status, 201, "{}", started.body);
        text_of(&started.json, "id")
    }

    fn more(&self, stream: &str, sequence: u32, text: &str) -> Answer {
        let info = json!({"streamId": stream, "streamType": "streaming", "streamSequence": sequence});
        self.post(&typing(text, &info))
    }

    fn end(&self, stream: &str, text: &str) -> Answer {
        self.post(&last(text, stream))
    }

    /// What ben sees: text, revision, whether it still streams.
    fn seen(&self) -> Vec<(String, u64, bool)> {
        let path = format!("/people/ben/channels/{}/messages", self.id);
        let seen = self.world.controlled("GET", &path, &Value::Null);
        let messages = seen["messages"].as_array().unwrap().iter();
        messages
            .map(|it| {
                let streaming = it["streaming"].as_bool().unwrap();
                (text_of(it, "text"), it["revision"].as_u64().unwrap(), streaming)
            })
            .collect()
    }

    /// Texts in the history of ben's other API, newest first, and whether each is edited.
    fn history(&self) -> Vec<(String, bool)> {
        let channels = self.world.controlled("GET", "/channels", &Value::Null);
        let mut channels = channels["channels"].as_array().unwrap().iter();
        let channel = text_of(channels.find(|it| it["conversation_id"] == *self.id).unwrap(), "id");
        let history = self.world.ok(BEN, "conversations.history", &json!({ "channel": channel }));
        let messages = history["messages"].as_array().unwrap().iter();
        messages.map(|it| (text_of(it, "text"), it.get("edited").is_some())).collect()
    }

    fn advance(&self, milliseconds: u64) {
        self.world.controlled("POST", "/clock", &json!({ "advance_ms": milliseconds }));
    }
}

fn typing(text: &str, info: &Value) -> Value {
    let mut entity = info.clone();
    entity["type"] = "streaminfo".into();
    json!({"type": "typing", "text": text, "entities": [entity], "channelData": info})
}

fn last(text: &str, stream: &str) -> Value {
    let info = json!({"type": "streaminfo", "streamId": stream, "streamType": "final"});
    json!({"type": "message", "text": text, "id": stream, "entities": [info]})
}

fn one(text: &str, revision: u64, streaming: bool) -> Vec<(String, u64, bool)> {
    vec![(text.into(), revision, streaming)]
}

const LATE: &str = "202 ContentStreamSequenceOrderPreConditionFailed";

#[test]
fn from_start_to_end() {
    let chat = Chat::new();
    let stream = chat.start();
    assert_eq!(chat.seen(), one("Let me see", 1, true));
    assert_eq!(chat.history(), [("Let me see".into(), false)]);
    for (sequence, text, expected) in [
        (2, "It", "202"),
        (4, "It works", "202"),
        (3, "It wor", LATE),
        (4, "Other", LATE),
        (1, "Older", LATE),
    ] {
        let answer = chat.more(&stream, sequence, text);
        assert_eq!(answer.outcome(), expected, "{sequence}");
        assert_eq!(answer.body == "{}", expected == "202", "{}", answer.body);
    }
    let late =
        typing("Thinking", &json!({"streamId": stream, "streamType": "informative", "streamSequence": 9}));
    assert_eq!(chat.post(&late).outcome(), LATE, "no line of progress after the first words");
    assert_eq!(chat.seen(), one("It works", 1, true));
    assert_eq!(chat.history(), [("It works".into(), false)]);
    // Some SDKs send further steps as replies, and say it in one of the two places only.
    let mut in_data = typing("It works well", &json!({"streamId": stream, "streamSequence": 5}));
    in_data.as_object_mut().unwrap().remove("entities");
    assert_eq!(chat.on("POST", "1700000000100", &in_data).outcome(), "202");
    assert_eq!(chat.seen(), one("It works well", 1, true));
    let ended = chat.end(&stream, "**It works well.**");
    assert_eq!((ended.status, text_of(&ended.json, "id")), (202, stream.clone()));
    assert_eq!(chat.seen(), one("*It works well.*", 1, false));
    assert_eq!(chat.history(), [("*It works well.*".into(), false)]);
    for again in [chat.end(&stream, "x"), chat.more(&stream, 9, "x")] {
        assert_eq!(again.outcome(), "403 ContentStreamNotAllowed");
        assert!(again.body.contains("completed"), "{}", again.body);
    }
    assert_eq!(chat.on("PUT", &stream, &message("changed")).json["id"], *stream);
    assert_eq!(chat.seen(), one("changed", 2, false));
    assert_eq!(chat.history(), [("changed".into(), true)]);
    assert_eq!(chat.on("DELETE", &stream, &Value::Null).outcome(), "200");
    assert_eq!(chat.seen(), []);
    chat.world.is_well();
}

/// The first step may be words already, and the stream may end with a card.
#[test]
fn words_at_once_and_a_card_at_the_end() {
    let chat = Chat::new();
    let started = chat.post(&typing("He", &json!({"streamType": "streaming", "streamSequence": 1})));
    assert_eq!(started.status, 201, "{}", started.body);
    let stream = text_of(&started.json, "id");
    let informative = json!({"streamId": stream, "streamType": "informative", "streamSequence": 2});
    assert_eq!(chat.post(&typing("Thinking", &informative)).outcome(), LATE);
    let mut ended = last("Here", &stream);
    let card =
        json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "hi"}]});
    ended["attachments"] =
        json!([{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]);
    assert_eq!(chat.post(&ended).outcome(), "202");
    let stored = chat.world.stored(&chat.id, &stream);
    assert_eq!(stored["activity"]["attachments"][0]["content"]["body"][0]["text"], "hi", "{stored}");
    assert_eq!(stored["streaming"], false);
}

#[test]
fn what_is_refused() {
    let chat = Chat::new();
    let stream = chat.start();
    let running = json!({"streamId": stream, "streamType": "streaming", "streamSequence": 2});
    let mut with_card = typing("x", &running);
    with_card["attachments"] = json!([{"contentType": "text/html", "content": "x"}]);
    let fat = "x".repeat(60_000);
    let before = chat.world.state();
    let first = json!({"streamType": "streaming", "streamSequence": 1});
    let finals = json!({"streamId": stream, "streamType": "final"});
    for (activity, expected, part) in [
        (typing("", &first), "400 BadRequest", "Start streaming activities should include text"),
        (typing("", &running), "400 BadRequest", "should include text"),
        (typing("x", &json!({"streamSequence": 2})), "400 BadRequest", "streamSequence 1"),
        (typing("x", &json!({"streamId": stream})), "400 BadRequest", "streamSequence"),
        (typing("x", &finals), "400 BadRequest", "start streaming"),
        (with_card, "400 BadRequest", "attachments"),
        (last("", &stream), "400 BadSyntax", "'text'"),
        (last(&fat, &stream), "413 MessageSizeTooBig", "UTF-16"),
        (last("x", "1700000000000001"), "404 ActivityNotFoundInConversation", "no message"),
        (last("x", "nonsense"), "404 ActivityNotFoundInConversation", "no message"),
    ] {
        let answer = chat.post(&activity);
        assert_eq!(answer.outcome(), expected, "{}", answer.body);
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    let general = format!("/{GENERAL_19}/activities");
    let elsewhere = chat.world.connector(&chat.bot, "POST", &general, &typing("x", &first));
    assert_eq!(elsewhere.outcome(), "403 ContentStreamNotAllowed", "only in a chat with one person");
    let other = chat.world.bot(PLANNER);
    let path = format!("/{}/activities", chat.id);
    let others = chat.world.connector(&other, "POST", &path, &last("x", &stream));
    assert_eq!(others.outcome(), "404 ConversationNotFound");
    for (verb, body) in [("PUT", message("x")), ("DELETE", Value::Null)] {
        let answer = chat.on(verb, &stream, &body);
        assert_eq!(answer.outcome(), "403 ContentStreamNotAllowed", "{verb}");
        assert!(answer.body.contains("still streaming"), "{}", answer.body);
    }
    let create = json!({"members": [{"id": "29:1ben"}], "activity": typing("x", &first)});
    let created = chat.world.connector(&chat.bot, "POST", "", &create);
    assert_eq!(created.outcome(), "400 BadSyntax", "a stream begins in a conversation that is there");
    assert_eq!(chat.world.state(), before);
    // Ben's own message is nobody's stream.
    let said = json!({"channel": chat.id, "text": "mine"});
    let bens = text_of(&chat.world.controlled("POST", "/people/ben/messages", &said), "activity_id");
    assert_eq!(chat.end(&bens, "x").outcome(), "403 NotEnoughPermissions");
    chat.world.is_well();
}

#[test]
fn two_minutes() {
    let chat = Chat::new();
    let (updated, deleted) = (chat.start(), chat.start());
    chat.advance(118_000);
    assert_eq!(chat.more(&updated, 2, "just in time").outcome(), "202");
    chat.advance(2_000);
    for late in [chat.more(&updated, 3, "x"), chat.end(&updated, "x")] {
        assert_eq!(late.outcome(), "403 ContentStreamNotAllowed");
        assert!(late.body.contains("exceeded streaming time"), "{}", late.body);
    }
    assert_eq!(chat.on("PUT", &updated, &message("all of it")).json["id"], *updated);
    assert_eq!(chat.on("DELETE", &deleted, &Value::Null).outcome(), "200");
    assert_eq!(chat.seen(), one("all of it", 2, false));
    assert!(chat.end(&updated, "x").body.contains("completed"), "the update ended it");
}

#[test]
fn a_person_stops_it() {
    let chat = Chat::new();
    let stream = chat.start();
    let stop = json!({"channel": chat.id, "ts": stream});
    let stranger = chat.world.control("POST", "/people/ada/stop", &stop);
    assert_eq!(stranger.outcome(), "404 not_found");
    assert_eq!(chat.more(&stream, 2, "It").outcome(), "202");
    chat.world.controlled("POST", "/people/ben/stop", &stop);
    for stopped in [chat.more(&stream, 3, "It wor"), chat.end(&stream, "It works")] {
        assert_eq!(stopped.outcome(), "403 ContentStreamNotAllowed");
        assert!(stopped.body.contains("cancel"), "SDKs look for the word: {}", stopped.body);
    }
    assert_eq!(chat.seen(), one("It", 1, true));
    assert_eq!(chat.on("PUT", &stream, &message("Stopped")).outcome(), "200");
    assert_eq!(chat.seen(), one("Stopped", 2, false));
    assert_eq!(chat.world.control("POST", "/people/ben/stop", &stop).outcome(), "409 not_streaming");
}

#[test]
fn repeated_steps() {
    let chat = Chat::new();
    let path = format!("/{}/activities", chat.id);
    let keyed = |key: &str, body: &Value| {
        chat.world.connector_with(&chat.bot, "POST", &path, body, &[("idempotency-key", key)])
    };
    let start = typing("Let me see", &json!({"streamType": "informative", "streamSequence": 1}));
    let first = keyed("start", &start);
    let again = keyed("start", &start);
    assert_eq!((again.status, &again.json), (201, &first.json));
    let other = typing("Let me think", &json!({"streamType": "informative", "streamSequence": 1}));
    assert_eq!(keyed("start", &other).outcome(), "400 BadArgument");
    let end = last("Done", &text_of(&first.json, "id"));
    for _ in 0..2 {
        let ended = keyed("end", &end);
        assert_eq!((ended.status, &ended.json), (202, &first.json), "{}", ended.body);
    }
    assert_eq!(chat.seen(), one("Done", 1, false));
}
