//! What Slack sends: who is believed, what becomes of it, and what Slack is answered.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use redraft_bot::{
    Activity, Adapter, Bot, Button, CardFactory, Content, ConversationAccount, ConversationReference,
    InvokeResponse, MessageFactory, TurnContext,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::slack_server::{FORM, JSON, Notes, SlackServer, ask, click, envelope, payload, signed, signed_at};

/// A bot that notes what it hears.
fn listener(server: &SlackServer) -> (Bot, Notes<Activity>) {
    let heard = Notes::new();
    let notes = heard.clone();
    let bot = Bot::new(move |context: TurnContext| {
        let notes = notes.clone();
        async move {
            notes.write(context.activity().clone());
            Ok(())
        }
    });
    (bot.with_adapter(server.adapter()), heard)
}

fn said(ts: &str, text: &str) -> Value {
    json!({"type": "message", "channel": "C01OPS", "channel_type": "channel", "user": "U01BEN", "text": text, "ts": ts,
        "event_ts": ts})
}

/// Hands an event to the bot as Slack does; it has to be acknowledged.
async fn happens(bot: &Bot, id: &str, event: &Value) {
    let request = signed("secret", JSON, &envelope(id, event).to_string());
    assert_eq!(ask(bot, request).await, (200, String::new()), "{event}");
}

#[tokio::test]
async fn hostile_requests_are_refused_and_nothing_is_heard() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let event = envelope("Ev1", &said("1.1", "hi")).to_string();
    let form = payload(&click(&server, "t1", &json!({"type": "button", "action_id": "a"})));
    let body = |mut request: Request<Full<Bytes>>, body: &str| {
        *request.body_mut() = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        request
    };
    let without = |name: &str| {
        let mut request = signed("secret", JSON, &event);
        request.headers_mut().remove(name);
        request
    };
    let command = "command=%2Fpoll&text=x&user_id=U01BEN";
    let deep = "[".repeat(100_000);
    let huge = format!("{{\"type\":\"{}\"}}", "x".repeat(2 << 20));
    for (what, request, expected) in [
        ("no signature", without("x-slack-signature"), 401),
        ("no time", without("x-slack-request-timestamp"), 401),
        ("another secret", signed("other", JSON, &event), 401),
        ("an empty secret", signed("", JSON, &event), 401),
        ("late", signed_at("secret", JSON, &event, now - 310), 401),
        ("early", signed_at("secret", JSON, &event, now + 310), 401),
        ("truncated", body(signed("secret", JSON, &event), &event[..event.len() - 1]), 401),
        ("changed", body(signed("secret", JSON, &event), &event.replace("hi", "ho")), 401),
        ("a form, changed", body(signed("secret", FORM, &form), &form.replace("U01BEN", "U01ADA")), 401),
        ("a command, unsigned", body(signed("other", FORM, command), command), 401),
        (
            "a challenge, unsigned",
            signed("other", JSON, r#"{"type":"url_verification","challenge":"c"}"#),
            401,
        ),
        ("a command as a look at the certificate", signed("other", FORM, "command=%2Fpoll&ssl_check=0"), 401),
        ("huge", signed("secret", JSON, &huge), 413),
        ("no JSON", signed("secret", JSON, "{"), 400),
        ("deep", signed("secret", JSON, &deep), 400),
        ("empty", signed("secret", JSON, ""), 400),
        ("no object", signed("secret", JSON, "[]"), 400),
        ("no type", signed("secret", JSON, "{}"), 400),
        ("a type that is none", signed("secret", JSON, r#"{"type":7}"#), 400),
        ("no challenge", signed("secret", JSON, r#"{"type":"url_verification"}"#), 400),
        ("an empty form", signed("secret", FORM, ""), 400),
        ("a payload that is no JSON", signed("secret", FORM, "payload=%7B"), 400),
        ("a payload without a type", signed("secret", FORM, "payload=%7B%7D"), 400),
        ("a form of something else", signed("secret", FORM, "a=1&b=2"), 400),
        ("bytes that are no text", signed("secret", FORM, "%ff%fe=%80"), 400),
    ] {
        assert_eq!(ask(&bot, request).await.0, expected, "{what}");
    }
    let mut get = signed("secret", JSON, &event);
    *get.method_mut() = http::Method::GET;
    assert_eq!(ask(&bot, get).await.0, 405);
    assert_eq!(heard.all(), []);
    // The same, as it should be. It is heard once, however often it is replayed.
    let good = || signed_at("secret", JSON, &event, now);
    for _ in 0..3 {
        assert_eq!(ask(&bot, good()).await.0, 200);
        assert_eq!(ask(&bot, signed_at("secret", FORM, &form, now)).await.0, 200);
        assert_eq!(ask(&bot, signed_at("secret", FORM, command, now)).await.0, 200);
    }
    assert_eq!(heard.all().len(), 3, "{:?}", heard.all());
    assert_eq!(bot.shutdown().await, 0);
}

#[tokio::test]
async fn without_a_secret_nobody_is_believed() {
    let server = SlackServer::kind().await;
    let settings = redraft_bot::SlackSettings::new(redraft_bot::SlackToken::new("xoxb-1")).signing_secret("");
    let bot = Bot::new(|_| async { panic!("heard") }).with_adapter(
        redraft_bot::SlackAdapter::new(settings.api_url(format!("{}/api/", server.url))).unwrap(),
    );
    let event = envelope("Ev1", &said("1.1", "hi")).to_string();
    assert_eq!(ask(&bot, signed("", JSON, &event)).await.0, 401);
}

#[tokio::test]
async fn what_slack_asks_when_it_is_set_up() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let challenge = r#"{"type":"url_verification","token":"legacy","challenge":"3eZbrw"}"#;
    assert_eq!(ask(&bot, signed("secret", JSON, challenge)).await, (200, "3eZbrw".to_owned()));
    let unsigned = Request::post("/slack/events").header("content-type", FORM);
    let check = unsigned.body(Full::new(Bytes::from_static(b"ssl_check=1&token=legacy"))).unwrap();
    assert_eq!(ask(&bot, check).await, (200, String::new()));
    assert_eq!(heard.all(), []);
}

/// What the bot hears of events: type, id, text, name, author, thread, and what else matters.
#[tokio::test]
async fn events_as_activities() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let edit = |edited: &str, previous: Value| {
        let mut message = said("1.4", "changed");
        message["edited"] = json!({"user": "U01BEN", "ts": edited});
        json!({"type": "message", "subtype": "message_changed", "channel": "C01OPS", "ts": "2.0", "event_ts": "2.0",
            "message": message, "previous_message": previous})
    };
    let with = |mut event: Value, members: Value| {
        event.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        event
    };
    let rows = [
        (
            said("1.1", "a &lt;b&gt;"),
            json!({"type": "message", "id": "1.1", "text": "a <b>", "from": "U01BEN"}),
        ),
        (
            with(said("1.2", "hi"), json!({"thread_ts": "1.1", "channel_type": "im", "channel": "D01"})),
            json!({"type": "message", "id": "1.2", "text": "hi", "from": "U01BEN", "thread": "1.1"}),
        ),
        // The first message of a thread is not in it.
        (
            with(said("1.3", "hi"), json!({"thread_ts": "1.3"})),
            json!({"type": "message", "id": "1.3", "text": "hi", "from": "U01BEN"}),
        ),
        (
            json!({"type": "message", "subtype": "bot_message", "channel": "C01OPS", "ts": "1.31", "text": "x", "bot_id": "B02OTHER", "app_id": "A02"}),
            json!({"type": "message", "id": "1.31", "text": "x", "from": "B02OTHER"}),
        ),
        (
            edit("1.9", json!(said("1.4", "first"))),
            json!({"type": "messageUpdate", "id": "1.4", "text": "changed", "from": "U01BEN", "eventType": "editMessage"}),
        ),
        // A preview of a link is no edit.
        (
            edit("1.9", json!({"ts": "1.4", "user": "U01BEN", "edited": {"ts": "1.9"}})),
            json!({"type": "event", "id": "2.0", "name": "message/message_changed"}),
        ),
        (
            json!({"type": "message", "subtype": "message_deleted", "channel": "C01OPS", "ts": "3.0", "event_ts": "3.0",
                "deleted_ts": "1.4", "previous_message": said("1.4", "changed")}),
            json!({"type": "messageDelete", "id": "1.4", "eventType": "softDeleteMessage"}),
        ),
        (
            json!({"type": "message", "subtype": "message_changed", "channel": "C01OPS", "event_ts": "3.1",
                "message": {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": "1.1"}}),
            json!({"type": "messageDelete", "id": "1.1", "eventType": "softDeleteMessage"}),
        ),
        (
            json!({"type": "message", "subtype": "channel_topic", "channel": "C01OPS", "user": "U01BEN", "topic": "Lunch", "event_ts": "3.2"}),
            json!({"type": "conversationUpdate", "id": "3.2", "from": "U01BEN", "topic": "Lunch"}),
        ),
        (
            json!({"type": "message", "subtype": "channel_join", "channel": "C01OPS", "user": "U01BEN", "event_ts": "3.3"}),
            json!({"type": "event", "id": "3.3", "from": "U01BEN", "name": "message/channel_join"}),
        ),
        (
            json!({"type": "reaction_added", "user": "U01BEN", "reaction": "tada", "event_ts": "4.0",
                "item": {"type": "message", "channel": "C01OPS", "ts": "1.1"}}),
            json!({"type": "messageReaction", "id": "4.0", "from": "U01BEN", "replyToId": "1.1", "added": ["tada"]}),
        ),
        (
            json!({"type": "reaction_removed", "user": "U01BEN", "reaction": "tada", "event_ts": "4.1",
                "item": {"type": "message", "channel": "C01OPS", "ts": "1.1"}}),
            json!({"type": "messageReaction", "id": "4.1", "from": "U01BEN", "replyToId": "1.1", "removed": ["tada"]}),
        ),
        (
            json!({"type": "member_joined_channel", "user": "U01BOT", "channel": "C01OPS", "inviter": "U01BEN", "event_ts": "4.2"}),
            json!({"type": "conversationUpdate", "id": "4.2", "from": "U01BEN", "came": ["U01BOT"]}),
        ),
        (
            json!({"type": "member_left_channel", "user": "U01BEN", "channel": "C01OPS", "event_ts": "4.3"}),
            json!({"type": "conversationUpdate", "id": "4.3", "from": "U01BEN", "left": ["U01BEN"]}),
        ),
        (
            json!({"type": "app_uninstalled", "event_ts": "4.4"}),
            json!({"type": "installationUpdate", "id": "4.4", "action": "remove"}),
        ),
        (
            json!({"type": "channel_created", "channel": {"id": "C09NEW", "name": "new"}, "event_ts": "4.5"}),
            json!({"type": "event", "id": "4.5", "name": "channel_created"}),
        ),
        (json!({"type": "of_next_year", "what": 1}), json!({"type": "event", "name": "of_next_year"})),
    ];
    for (number, (event, expected)) in rows.iter().enumerate() {
        happens(&bot, &format!("Ev{number}"), event).await;
        let heard = heard.all();
        assert_eq!(heard.len(), number + 1, "heard once: {event}");
        let activity = heard.last().unwrap();
        let raw = activity.channel_data.clone().unwrap();
        assert_eq!(&raw["event"], event, "the payload is whole");
        assert_eq!(activity.channel_id.as_deref(), Some("slack"));
        assert_eq!(activity.recipient.as_ref().unwrap().id.as_deref(), Some("U01BOT"));
        let conversation = activity.conversation.as_ref().unwrap();
        assert_eq!(conversation.tenant_id.as_deref(), Some("T01ACME"));
        let members = |list: &[redraft_bot::ChannelAccount]| -> Vec<_> {
            list.iter().map(|it| it.id.clone()).collect()
        };
        let words = |list: &[redraft_bot::MessageReaction]| -> Vec<_> {
            list.iter().map(|it| it.r#type.clone()).collect()
        };
        let mut seen = json!({
            "type": activity.r#type, "id": activity.id, "text": activity.text, "name": activity.name,
            "from": activity.from.as_ref().and_then(|from| from.id.clone()), "thread": conversation.thread_ts,
            "replyToId": activity.reply_to_id.as_ref().filter(|_| conversation.thread_ts.is_none()),
            "eventType": raw.get("eventType"), "topic": activity.topic_name, "action": activity.action,
            "came": members(&activity.members_added), "left": members(&activity.members_removed),
            "added": words(&activity.reactions_added), "removed": words(&activity.reactions_removed),
        });
        seen.as_object_mut().unwrap().retain(|_, value| !value.is_null() && value != &json!([]));
        assert_eq!(&seen, expected, "{event}");
    }
}

#[tokio::test]
async fn the_bot_does_not_hear_itself() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let mut own = said("1.1", "mine");
    own["user"] = "U01BOT".into();
    own["bot_id"] = "B01BOT".into();
    let edit = json!({"type": "message", "subtype": "message_changed", "channel": "C01OPS", "event_ts": "2.0",
        "message": {"ts": "1.1", "user": "U01BOT", "bot_id": "B01BOT", "text": "b", "edited": {"ts": "2.0"}}});
    let deletion = json!({"type": "message", "subtype": "message_deleted", "channel": "C01OPS", "deleted_ts": "1.1",
        "event_ts": "3.0", "previous_message": own});
    let dressed = json!({"type": "message", "subtype": "bot_message", "channel": "C01OPS", "ts": "1.2", "text": "a",
        "username": "dressed up", "bot_id": "B01BOT", "app_id": "A01APP"});
    let profile = json!({"type": "message", "subtype": "bot_message", "channel": "C01OPS", "ts": "1.3", "text": "a",
        "bot_id": "B01BOT", "bot_profile": {"app_id": "A01APP"}});
    let reaction = json!({"type": "reaction_added", "user": "U01BOT", "reaction": "eyes", "event_ts": "4.0",
        "item": {"type": "message", "channel": "C01OPS", "ts": "1.1"}});
    for (number, event) in [own, edit, deletion, dressed, profile, reaction].iter().enumerate() {
        happens(&bot, &format!("Ev{number}"), event).await;
        // An app that is not named there is asked for.
        let mut unnamed = envelope(&format!("EvU{number}"), event);
        unnamed["authorizations"] = json!([]);
        unnamed["event"]["ts"] = format!("9.{number}").into();
        assert_eq!(ask(&bot, signed("secret", JSON, &unnamed.to_string())).await.0, 200);
    }
    assert_eq!(heard.all(), []);
    assert_eq!(server.calls(), [("auth.test".to_owned(), json!({}))], "once");
    // A person, through the app.
    let mut person = said("1.4", "by my own token");
    person["bot_id"] = "B03PERSON".into();
    person["app_id"] = "A01APP".into();
    happens(&bot, "Ev9", &person).await;
    assert_eq!(heard.all().len(), 1);
}

#[tokio::test]
async fn a_mention_is_one_turn() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let message = said("1.1", "<@U01BOT> lunch &amp; <@U01CLEO>?");
    let mut mention = message.clone();
    mention["type"] = "app_mention".into();
    happens(&bot, "Ev1", &mention).await;
    happens(&bot, "Ev2", &message).await;
    // Sent again, since the first answer did not arrive.
    let mut again = signed("secret", JSON, &envelope("Ev2", &message).to_string());
    again.headers_mut().insert("x-slack-retry-num", "1".parse().unwrap());
    assert_eq!(ask(&bot, again).await.0, 200);
    let all = heard.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].text_without_recipient(), "lunch & <@U01CLEO>?");
    let mentioned: Vec<_> = all[0].mentions().map(|who| who.id.clone().unwrap()).collect();
    assert_eq!(mentioned, ["U01BOT", "U01CLEO"]);
    // An edit is one turn as well, under either name.
    let edited = json!({"user": "U01BEN", "ts": "5.0"});
    mention["edited"] = edited.clone();
    let mut changed = message.clone();
    changed["edited"] = edited;
    let changed = json!({"type": "message", "subtype": "message_changed", "channel": "C01OPS", "message": changed,
        "previous_message": message});
    happens(&bot, "Ev3", &mention).await;
    happens(&bot, "Ev4", &changed).await;
    let all = heard.all();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].r#type.as_ref().unwrap().as_str(), "messageUpdate");
}

/// Whatever happened: Slack signs each attempt anew, and keeps the event's id.
#[tokio::test]
async fn a_repeated_event_is_heard_once() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let item = json!({"type": "message", "channel": "C01OPS", "ts": "1.1"});
    let reaction = json!({"type": "reaction_added", "user": "U01BEN", "reaction": "tada", "event_ts": "4.0", "item": item});
    let event = envelope("Ev1", &reaction).to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for at in [now - 1, now, now + 1] {
        assert_eq!(ask(&bot, signed_at("secret", JSON, &event, at)).await.0, 200);
    }
    assert_eq!(heard.all().len(), 1);
    happens(&bot, "Ev2", &reaction).await;
    assert_eq!(heard.all().len(), 2, "another event");
}

/// A button that was sent comes back with its verb and what it brings.
#[tokio::test]
async fn a_click_brings_what_the_button_has() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let adapter = server.adapter();
    let mut place = ConversationReference::default();
    place.conversation = Some(ConversationAccount::new("C01OPS"));
    let poll = Content::text("Lunch?").button(Button::new("Soup", "vote").value("soup")).to_activity("slack");
    let card = MessageFactory::attachment(CardFactory::adaptive_card(
        json!({"type": "AdaptiveCard", "actions": [
        {"type": "Action.Execute", "title": "Vote", "verb": "vote", "data": {"dish": "soup", "value": "s"}}]}),
    ));
    let suggested = MessageFactory::suggested_actions(["Yes, please"], "Sure?");
    for (number, activity) in [poll, card, suggested].into_iter().enumerate() {
        adapter.send(&activity.to(&place)).await.unwrap();
        let blocks = server.last().arguments["blocks"].clone();
        let buttons = blocks.as_array().unwrap().iter().find(|block| block["type"] == "actions").unwrap();
        let pressed = click(&server, &format!("t{number}"), &buttons["elements"][0]);
        assert_eq!(ask(&bot, signed("secret", FORM, &payload(&pressed))).await, (200, String::new()));
    }
    let all = heard.all();
    let action = all[0].action().unwrap();
    assert_eq!((action.verb.as_str(), action.value()), ("vote", "soup"));
    assert_eq!(action.message_id.as_deref(), Some("1700000000.000100"));
    assert_eq!(all[0].from.as_ref().unwrap().name.as_deref(), Some("ben"));
    assert_eq!(all[0].recipient.as_ref().unwrap().id.as_deref(), Some("U01BOT"));
    let action = all[1].action().unwrap();
    assert_eq!((action.verb.as_str(), &action.data), ("vote", &json!({"dish": "soup", "value": "s"})));
    assert_eq!(all[2].r#type.as_ref().unwrap().as_str(), "message");
    assert_eq!(all[2].text.as_deref(), Some("Yes, please"));
}

#[tokio::test]
async fn other_clicks() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let button = json!({"type": "button", "action_id": "ship.v1", "value": "7"});
    let mut ephemeral = click(&server, "t0", &button);
    ephemeral["container"]["is_ephemeral"] = true.into();
    ephemeral.as_object_mut().unwrap().remove("message");
    let option = |value: &str| json!({"text": {"type": "plain_text", "text": "x"}, "value": value});
    let mut select = click(
        &server,
        "t1",
        &json!({"type": "static_select", "action_id": "day", "selected_option": option("mon")}),
    );
    select["state"]["values"] = json!({"b1": {"why": {"type": "plain_text_input", "value": "hungry"},
        "who": {"type": "multi_users_select", "selected_users": ["U1", "U2"]},
        "tags": {"type": "checkboxes", "selected_options": [option("a"), option("b")]}}});
    let legacy = json!({"type": "interactive_message", "callback_id": "c", "trigger_id": "t2", "team": {"id": "T01ACME"},
        "channel": {"id": "C01OPS"}, "user": {"id": "U01BEN", "name": "ben"}, "message_ts": "1.1", "original_message": {"ts": "1.1"},
        "actions": [{"name": "ship", "type": "button", "value": "7"}]});
    let menu = json!({"type": "interactive_message", "trigger_id": "t3", "team": {"id": "T01ACME"}, "channel": {"id": "C01OPS"},
        "user": {"id": "U01BEN"}, "message_ts": "1.1", "response_url": "https://hooks.slack.com/actions/1",
        "actions": [{"name": "day", "type": "select", "selected_options": [{"value": "mon"}]}]});
    let modal = json!({"type": "block_actions", "trigger_id": "t4", "team": {"id": "T01ACME"}, "user": {"id": "U01BEN"},
        "container": {"type": "view", "view_id": "V1"}, "view": {"id": "V1", "state": {"values": {"b": {"d": {"selected_date": "2026-01-01"}}}}},
        "actions": [{"type": "button", "action_id": "go"}]});
    let url = format!("response:1700000000.000100:{}/hooks/actions/1", server.url);
    for (payload_json, verb, data, message_id, place) in [
        (&ephemeral, "ship.v1", json!({"value": "7"}), Some(url.as_str()), "C01OPS"),
        (
            &select,
            "day",
            json!({"value": "mon", "selected_option": option("mon"), "why": "hungry", "who": ["U1", "U2"], "tags": "a,b"}),
            Some("1700000000.000100"),
            "C01OPS",
        ),
        (&legacy, "ship", json!({"value": "7"}), Some("1.1"), "C01OPS"),
        (
            &menu,
            "day",
            json!({"value": "mon", "selected_options": [{"value": "mon"}]}),
            Some("response:1.1:https://hooks.slack.com/actions/1"),
            "C01OPS",
        ),
        // In a modal there is no channel; what is sent goes to the person.
        (&modal, "go", json!({"d": "2026-01-01"}), None, "U01BEN"),
    ] {
        assert_eq!(ask(&bot, signed("secret", FORM, &payload(payload_json))).await.0, 200);
        let activity = heard.all().pop().unwrap();
        let action = activity.action().unwrap();
        assert_eq!((action.verb.as_str(), &action.data), (verb, &data));
        assert_eq!(action.message_id.as_deref(), message_id);
        assert_eq!(activity.conversation.as_ref().unwrap().id.as_deref(), Some(place));
        assert_eq!(activity.channel_data.as_ref(), Some(payload_json));
    }
}

/// A bot that answers every invoke with this.
fn answering(server: &SlackServer, response: Option<InvokeResponse>) -> Bot {
    Bot::new(move |context: TurnContext| {
        let response = response.clone();
        async move {
            if let Some(response) = response {
                context.respond(response);
            }
            Ok(())
        }
    })
    .with_adapter(server.adapter())
}

#[tokio::test]
async fn answers_to_invokes() {
    let server = SlackServer::kind().await;
    let errors = json!({"response_action": "errors", "errors": {"b": "no"}});
    let view = |kind: &str| json!({"type": kind, "team": {"id": "T01ACME"}, "user": {"id": "U01BEN"}, "view": {"id": "V1"}});
    let submitted = |response| {
        let bot = answering(&server, response);
        async move { bot }
    };
    for (kind, response, expected) in [
        ("view_submission", Some(InvokeResponse::new(200, errors.clone())), (200, errors.to_string())),
        ("view_submission", None, (200, String::new())),
        ("view_closed", None, (200, String::new())),
        ("shortcut", None, (200, String::new())),
        (
            "block_suggestion",
            Some(InvokeResponse::new(200, json!({"options": []}))),
            (200, r#"{"options":[]}"#.to_owned()),
        ),
        ("of_next_year", None, (200, String::new())),
        ("view_submission", Some(InvokeResponse::new(400, None)), (400, String::new())),
        ("view_submission", Some(InvokeResponse::new(7, None)), (500, String::new())),
    ] {
        let bot = submitted(response).await;
        let answer = ask(&bot, signed("secret", FORM, &payload(&view(kind)))).await;
        assert_eq!(answer, expected, "{kind}");
    }
    // What Teams shows to whoever pressed, Slack shows as an ephemeral message.
    let card = json!({"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "Only you"}]});
    let before = server.calls().len();
    for (number, response) in
        [InvokeResponse::notice("Thanks & bye"), InvokeResponse::card(card)].into_iter().enumerate()
    {
        let bot = answering(&server, Some(response));
        let pressed = click(&server, "t", &json!({"type": "button", "action_id": "a"}));
        assert_eq!(ask(&bot, signed("secret", FORM, &payload(&pressed))).await, (200, String::new()));
        // Who the bot is, then the notice.
        let asked = server.wait_for(before + 2 * (number + 1)).await;
        let asked = asked.last().unwrap();
        assert_eq!(asked.method, "/hooks/actions/1");
        let text = ["Thanks & bye", "Only you"][number];
        let blocks = json!([{"type": "markdown", "text": text}]);
        assert_eq!(
            asked.arguments,
            json!({"response_type": "ephemeral", "replace_original": false, "text": text.replace('&', "&amp;"), "blocks": blocks})
        );
    }
}

#[tokio::test]
async fn commands() {
    let server = SlackServer::kind().await;
    let (bot, heard) = listener(&server);
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("token", "legacy"),
            ("team_id", "T01ACME"),
            ("channel_id", "C01OPS"),
            ("channel_name", "ops"),
            ("user_id", "U01BEN"),
            ("user_name", "ben"),
            ("command", "/poll"),
            ("text", "Lunch &amp; <@U01CLEO|cleo>"),
            ("response_url", "https://hooks.slack.com/commands/1"),
            ("trigger_id", "t1"),
            ("api_app_id", "A01APP"),
        ])
        .finish();
    assert_eq!(ask(&bot, signed("secret", FORM, &form)).await, (200, String::new()));
    let activity = heard.all().pop().unwrap();
    assert_eq!(activity.r#type.as_ref().unwrap().as_str(), "command");
    assert_eq!(
        (activity.name.as_deref(), activity.text.as_deref()),
        (Some("/poll"), Some("Lunch & <@U01CLEO>"))
    );
    assert_eq!(activity.from.as_ref().unwrap().id.as_deref(), Some("U01BEN"));
    assert_eq!(activity.conversation.as_ref().unwrap().id.as_deref(), Some("C01OPS"));
    assert_eq!(activity.channel_data.as_ref().unwrap()["trigger_id"], "t1");
}

/// Slack has its answer in time, and the turn goes on.
#[tokio::test(start_paused = true)]
async fn a_slow_turn_goes_on_after_the_answer() {
    let server = SlackServer::kind().await;
    let (gate, done) = (std::sync::Arc::new(Semaphore::new(0)), Notes::new());
    let (passes, ends) = (gate.clone(), done.clone());
    let bot = Bot::new(move |_: TurnContext| {
        let (passes, ends) = (passes.clone(), ends.clone());
        async move {
            passes.acquire().await?.forget();
            ends.write(());
            Ok(())
        }
    })
    .with_adapter(server.adapter());
    let begun = tokio::time::Instant::now();
    happens(&bot, "Ev1", &said("1.1", "hi")).await;
    let waited = u64::try_from(begun.elapsed().as_millis()).unwrap();
    assert!((redraft_bot::SLACK_ANSWER_MS_MAX..3000).contains(&waited), "{waited}");
    assert_eq!(done.all(), []);
    // Slack's repetition does not begin another.
    happens(&bot, "Ev1", &said("1.1", "hi")).await;
    gate.add_permits(2);
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(done.all(), [()]);
}

#[tokio::test]
async fn turns_that_fail() {
    let server = SlackServer::kind().await;
    let bot = Bot::new(|_: TurnContext| async { Err("no".into()) }).with_adapter(server.adapter());
    // Of an event Slack is not told: it would send it again, and at last switch the app's events off.
    happens(&bot, "Ev1", &said("1.1", "hi")).await;
    let pressed = click(&server, "t", &json!({"type": "button", "action_id": "a"}));
    assert_eq!(ask(&bot, signed("secret", FORM, &payload(&pressed))).await.0, 500);
}
