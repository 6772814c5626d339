//! What the Slack adapter asks Slack for, and what it makes of the answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use redraft_bot::{
    Activity, Adapter, Button, CardAction, CardFactory, ChannelAccount, Content, ConversationAccount,
    ConversationReference, Error, Found, Marker, MessageFactory, Repeat, SLACK_RETRIES_MAX, SlackAdapter,
    SlackClient, SlackSettings, SlackTeam, SlackToken, TextFormat,
};
use serde_json::{Value, json};

use crate::slack_server::{Answer, SlackServer, ok, refused};

fn place() -> ConversationReference {
    let mut conversation = ConversationAccount::new("C01OPS");
    conversation.tenant_id = Some("T01ACME".to_owned());
    conversation.conversation_type = Some("channel".to_owned());
    let mut reference = ConversationReference::default();
    reference.channel_id = Some("slack".to_owned());
    reference.conversation = Some(conversation);
    reference.user = Some(ChannelAccount::new("U01BEN"));
    reference
}

fn thread() -> ConversationReference {
    let mut reference = place();
    reference.conversation.as_mut().unwrap().thread_ts = Some("1.1".to_owned());
    reference
}

/// The place with the `response_url` that a turn brings along.
fn clicked(server: &SlackServer, user: &str) -> ConversationReference {
    let mut reference = place();
    let turn = json!({"response_url": format!("{}/hooks/1", server.url), "user": user, "ephemeral": true});
    reference.conversation.as_mut().unwrap().extra.insert("slack".to_owned(), turn);
    reference
}

fn card(body: Value, actions: Value) -> Activity {
    let card = json!({"type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions});
    MessageFactory::attachment(CardFactory::adaptive_card(card))
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

/// Each activity as a post, and as an update of `1.2`.
#[tokio::test]
async fn activities_as_arguments() {
    let server = SlackServer::kind().await;
    let adapter = server.adapter();
    let format = |text: &str, format: TextFormat| {
        let mut activity = MessageFactory::text(text);
        activity.text_format = Some(format);
        activity
    };
    let data = |activity: Activity, data: Value| {
        let mut activity = activity;
        activity.channel_data = Some(data);
        activity
    };
    let markdown = |text: &str| json!({"type": "markdown", "text": text});
    let lunch = Content::text("**Lunch?**").button(Button::new("Soup", "vote").value("soup"));
    let lunch_blocks = json!([markdown("**Lunch?**"), {"type": "actions", "elements": [
        {"type": "button", "text": plain("Soup"), "action_id": "vote.0", "value": "soup"}]}]);
    let mut files = MessageFactory::content_url("https://x.example/a.png", "image/png");
    files.attachments[0].name = Some("a.png".to_owned());
    files.attachments.push(
        MessageFactory::content_url("https://x.example/b.pdf", "application/pdf").attachments[0].clone(),
    );
    for (what, activity, post, update) in [
        (
            "Markdown, which a text is",
            MessageFactory::text("**a** & <b>"),
            json!({"markdown_text": "**a** & <b>"}),
            json!({"markdown_text": "**a** & <b>", "attachments": []}),
        ),
        (
            "plain text",
            format("a & <b>", TextFormat::Plain),
            json!({"text": "a &amp; &lt;b&gt;"}),
            json!({"text": "a &amp; &lt;b&gt;", "blocks": [], "attachments": []}),
        ),
        (
            "Slack's own markup",
            format("*a* <@U01BEN>", TextFormat::Other("mrkdwn".to_owned())),
            json!({"text": "*a* <@U01BEN>"}),
            json!({"text": "*a* <@U01BEN>", "blocks": [], "attachments": []}),
        ),
        (
            "neutral content with a button",
            lunch.to_activity("slack"),
            json!({"text": "**Lunch?**", "blocks": lunch_blocks}),
            json!({"text": "**Lunch?**", "blocks": lunch_blocks, "attachments": []}),
        ),
        (
            "neutral content without one takes earlier ones away",
            Content::text("*Closed*").to_activity("slack"),
            json!({"markdown_text": "*Closed*"}),
            json!({"markdown_text": "*Closed*", "attachments": []}),
        ),
        (
            "arguments of the author's",
            data(
                MessageFactory::text("a"),
                json!({"text": "t", "unfurl_links": false, "attachments": [{"text": "x"}]}),
            ),
            json!({"text": "t", "unfurl_links": "false", "attachments": [{"text": "x"}]}),
            json!({"text": "t", "unfurl_links": "false", "attachments": [{"text": "x"}]}),
        ),
        (
            "blocks of the author's, with a text for notifications",
            data(MessageFactory::text("a < b"), json!({"blocks": [{"type": "divider"}]})),
            json!({"text": "a &lt; b", "blocks": [{"type": "divider"}]}),
            json!({"text": "a &lt; b", "blocks": [{"type": "divider"}], "attachments": []}),
        ),
        (
            "what was received is no argument",
            data(MessageFactory::text("a"), json!({"api_app_id": "A01APP", "token": "legacy", "blocks": []})),
            json!({"markdown_text": "a"}),
            json!({"markdown_text": "a", "attachments": []}),
        ),
        (
            "pictures and files",
            files,
            json!({"text": "[https://x.example/b.pdf](https://x.example/b.pdf)", "blocks": [
                {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "a.png"},
                markdown("[https://x.example/b.pdf](https://x.example/b.pdf)")]}),
            Value::Null,
        ),
        (
            "a card of a kind that Slack has not",
            MessageFactory::attachment(CardFactory::card("application/x.card", json!({"title": "Sign in"}))),
            json!({"text": "Sign in", "blocks": [markdown("Sign in")]}),
            Value::Null,
        ),
        (
            "a card without words",
            MessageFactory::attachment(CardFactory::card("application/x.card", json!({}))),
            json!({"text": "(application/x.card can't be shown here)",
                "blocks": [markdown("(application/x.card can't be shown here)")]}),
            Value::Null,
        ),
        (
            "a hero card",
            MessageFactory::attachment(CardFactory::hero_card(
                "Title",
                "Text",
                &["https://x.example/a.png"],
                vec![CardAction::open_url("Open", "https://x.example")],
            )),
            json!({"text": "Title\nText", "blocks": [
                {"type": "header", "text": plain("Title")},
                markdown("Text"),
                {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "Image"},
                {"type": "actions", "elements": [{"type": "button", "text": plain("Open"), "action_id": "openUrl.0", "url": "https://x.example"}]}]}),
            Value::Null,
        ),
        (
            "suggested answers",
            MessageFactory::suggested_actions(["Yes"], "Sure?"),
            json!({"text": "Sure?", "blocks": [markdown("Sure?"), {"type": "actions", "elements": [
                {"type": "button", "text": plain("Yes"), "action_id": "activity:imBack.0", "value": r#"{"text":"Yes","value":null}"#}]}]}),
            Value::Null,
        ),
        (
            "an Adaptive Card, what Slack has not as its fallback",
            card(
                json!([
                    {"type": "TextBlock", "text": "Lunch", "size": "Large"},
                    {"type": "Container", "items": [{"type": "TextBlock", "text": "Soup", "weight": "Bolder"}]},
                    {"type": "FactSet", "facts": [{"title": "Price", "value": "3"}]},
                    {"type": "TextBlock", "text": "hidden", "isVisible": false},
                    {"type": "Carousel", "fallback": {"type": "TextBlock", "text": "pictures"}},
                    {"type": "Chart.Donut", "title": "Votes"},
                    {"type": "Rating"},
                    {"type": "Secret", "fallback": "drop"},
                    {"type": "Input.ChoiceSet", "id": "day", "label": "Day", "value": "mon", "isRequired": true,
                        "choices": [{"title": "Monday", "value": "mon"}]},
                ]),
                json!([
                    {"type": "Action.Execute", "title": "Vote", "verb": "vote", "data": {"dish": "soup"}},
                    {"type": "Action.OpenUrl", "title": "Menu", "url": "https://x.example"},
                    {"type": "Action.Unknown", "title": "What?"},
                ]),
            ),
            json!({
                "text": "Lunch\n**Soup**\n**Price** 3\npictures\nVotes\n(Rating can't be shown here)\nWhat?",
                "blocks": [
                    {"type": "header", "text": plain("Lunch")},
                    markdown("**Soup**"), markdown("**Price** 3"), markdown("pictures"), markdown("Votes"),
                    markdown("(Rating can't be shown here)"),
                    {"type": "input", "label": plain("Day"), "optional": false, "element": {
                        "type": "static_select", "action_id": "day",
                        "options": [{"text": plain("Monday"), "value": "mon"}],
                        "initial_option": {"text": plain("Monday"), "value": "mon"}}},
                    markdown("What?"),
                    {"type": "actions", "elements": [
                        {"type": "button", "text": plain("Vote"), "action_id": "vote.d0", "value": r#"{"dish":"soup"}"#},
                        {"type": "button", "text": plain("Menu"), "action_id": "openUrl.1", "url": "https://x.example"}]},
                ],
            }),
            Value::Null,
        ),
    ] {
        let sent = adapter.send(&activity.clone().to(&place())).await.unwrap();
        assert_eq!(sent.id.as_deref(), Some("1700000000.000100"), "{what}");
        let (method, mut arguments) = server.calls().pop().unwrap();
        assert_eq!(method, "chat.postMessage", "{what}");
        assert_eq!(arguments.as_object_mut().unwrap().remove("channel"), Some("C01OPS".into()));
        assert_eq!(arguments, post, "{what}");
        if update.is_null() {
            continue;
        }
        let updated = adapter.update(&activity.with_id("1.2").to(&thread())).await.unwrap();
        assert_eq!(updated.id.as_deref(), Some("1.2"));
        let (method, mut arguments) = server.calls().pop().unwrap();
        assert_eq!(method, "chat.update", "{what}");
        let members = arguments.as_object_mut().unwrap();
        assert_eq!(
            (members.remove("channel"), members.remove("ts")),
            (Some("C01OPS".into()), Some("1.2".into()))
        );
        assert_eq!(arguments, update, "{what}");
    }
}

/// Threads, one reader, a person's direct conversation, deletion, and the headers.
#[tokio::test]
async fn where_and_how() {
    let server = SlackServer::kind().await;
    let adapter = server.adapter();
    adapter.send(&Activity::from("a").to(&thread())).await.unwrap();
    let last = server.last();
    assert_eq!(last.arguments, json!({"channel": "C01OPS", "thread_ts": "1.1", "markdown_text": "a"}));
    assert_eq!(last.headers["authorization"], "Bearer xoxb-1");
    assert!(last.headers["user-agent"].to_str().unwrap().starts_with("redraft-bot/"));
    assert!(!last.headers.contains_key("idempotency-key"));

    adapter.send_once(&Activity::from("a").to(&place()), "deploy-1").await.unwrap();
    assert_eq!(server.last().headers["idempotency-key"], "deploy-1");

    let hidden = adapter.send(&Activity::from("a").only_for("U01BEN").to(&place())).await.unwrap();
    assert_eq!(hidden.id, None, "no method takes an ephemeral message's ts");
    let expected = json!({"channel": "C01OPS", "user": "U01BEN", "markdown_text": "a"});
    assert_eq!(server.calls().pop().unwrap(), ("chat.postEphemeral".to_owned(), expected));

    let mut reference = place();
    reference.activity_id = Some("1.2".to_owned());
    adapter.delete(&reference).await.unwrap();
    let expected = json!({"channel": "C01OPS", "ts": "1.2"});
    assert_eq!(server.calls().pop().unwrap(), ("chat.delete".to_owned(), expected));

    // chat.update and chat.delete take no person's id.
    reference.conversation = Some(ConversationAccount::new("U01BEN"));
    adapter.delete(&reference).await.unwrap();
    adapter.delete(&reference).await.unwrap();
    let calls = server.calls();
    let methods: Vec<&str> = calls.iter().rev().take(3).map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods, ["chat.delete", "chat.delete", "conversations.open"]);
    assert_eq!(calls.last().unwrap().1["channel"], "D01BEN");
}

/// What can't be done is known before, and nothing is sent.
#[tokio::test]
async fn what_slack_cannot_do() {
    let server = SlackServer::kind().await;
    let adapter = server.adapter();
    let can = adapter.capabilities(&place());
    assert_eq!(
        (can.update, can.delete, can.targeted, can.typing, can.stream),
        (true, true, true, false, false)
    );
    assert!(!can.update_targeted && adapter.capabilities(&clicked(&server, "U01BEN")).update_targeted);
    assert!(adapter.capabilities(&thread()).stream);
    assert!(can.send_once, "the server is not Slack's");
    let slack = SlackAdapter::new(SlackSettings::new(SlackToken::new("xoxb-1"))).unwrap();
    assert!(!slack.capabilities(&place()).send_once);
    for activity in [Activity::typing(), Activity::new(redraft_bot::ActivityType::Event)] {
        let error = adapter.send(&activity.to(&place())).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { platform: "Slack", .. }), "{error}");
    }
    let hidden = Activity::from("a").only_for("U01BEN").with_id("1.2").to(&place());
    let error = adapter.update(&hidden).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let error = adapter.start_stream(&Activity::from("a").to(&place())).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let nowhere = adapter.send(&"a".into()).await.unwrap_err();
    assert!(matches!(nowhere, Error::Misconfigured(_)), "{nowhere}");
    assert_eq!(server.calls(), []);
}

#[tokio::test]
async fn rate_limits_are_waited_for_within_bounds() {
    async fn calls(wait: &'static str, limited: usize) -> (Result<Value, Error>, usize) {
        let count = AtomicUsize::new(0);
        let server = SlackServer::with(move |_| {
            if count.fetch_add(1, Ordering::Relaxed) < limited {
                return Some((429, Some(wait), r#"{"ok":false,"error":"ratelimited"}"#.to_owned()));
            }
            ok(&json!({}))
        })
        .await;
        let client = SlackClient::at(&format!("{}/api", server.url), SlackToken::new("xoxb-1")).unwrap();
        (client.call("chat.postMessage", json!({"channel": "C", "text": "a"})).await, server.calls().len())
    }
    let retries = SLACK_RETRIES_MAX as usize;
    let (done, count) = calls("0", retries).await;
    assert!(done.is_ok() && count == retries + 1, "{done:?} after {count}");
    let (done, count) = calls("0", 100).await;
    assert!(matches!(done, Err(Error::RateLimited(_))) && count == retries + 1, "{done:?} after {count}");
    let (done, count) = calls("3600", 100).await;
    let error = done.unwrap_err();
    assert_eq!((error.retry_after().unwrap().as_secs(), error.is_retryable(), count), (3600, true, 1));
}

#[tokio::test]
async fn calls_that_are_not_answered() {
    let server = SlackServer::with(|_| None).await;
    let client = SlackClient::at(&format!("{}/api/", server.url), SlackToken::new("xoxb-1")).unwrap();
    for (method, expected) in [("chat.postMessage", Repeat::MayDuplicate), ("chat.update", Repeat::Safe)] {
        let error = client.call(method, json!({})).await.unwrap_err();
        assert!(matches!(error, Error::Unanswered { repeat, .. } if repeat == expected), "{method}: {error}");
        assert!(!error.to_string().contains("xoxb"), "{error}");
    }
    assert_eq!(server.calls().len(), 2, "nothing is repeated");
    let nobody = SlackClient::at("http://127.0.0.1:1/api/", SlackToken::new("xoxb-1")).unwrap();
    let error = nobody.call("chat.postMessage", json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { repeat: Repeat::Safe, .. }), "never left: {error}");
    for (method, arguments) in
        [("../x", json!({})), ("", json!({})), ("a?b", json!({})), ("chat.update", json!([]))]
    {
        let error = client.call(method, arguments).await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured(_)), "{method}: {error}");
    }
    for url in ["", "slack.com/api", "file:///x", "https://x.example/api/?a=1"] {
        assert!(SlackClient::at(url, SlackToken::new("xoxb-1")).is_err(), "{url}");
    }
}

#[tokio::test]
async fn each_team_has_its_token() {
    let server = SlackServer::kind().await;
    let tokens = |team: SlackTeam| async move {
        match team.team_id.as_deref() {
            Some("T01ACME") => Ok(SlackToken::new("xoxb-acme")),
            _ => Err(Error::own("not installed there")),
        }
    };
    let settings = SlackSettings::new(tokens).api_url(format!("{}/api/", server.url));
    let adapter = SlackAdapter::new(settings).unwrap();
    adapter.send(&Activity::from("a").to(&place())).await.unwrap();
    assert_eq!(server.last().headers["authorization"], "Bearer xoxb-acme");
    let mut elsewhere = place();
    elsewhere.conversation.as_mut().unwrap().tenant_id = Some("T02OTHER".to_owned());
    let error = adapter.send(&Activity::from("a").to(&elsewhere)).await.unwrap_err();
    assert_eq!(error.to_string(), "not installed there");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn messages_that_only_a_response_url_reaches() {
    let count = AtomicUsize::new(0);
    let server = SlackServer::with(move |asked| match asked.method.as_str() {
        "/hooks/1" if count.fetch_add(1, Ordering::Relaxed) < 2 => Some((200, None, "ok".to_owned())),
        "/hooks/1" => Some((404, None, r#"{"ok":false,"error":"used_url"}"#.to_owned())),
        "/hooks/old" => Some((404, None, r#"{"ok":false,"error":"Expired url"}"#.to_owned())),
        _ => refused("channel_not_found"),
    })
    .await;
    // The id is all that is needed: it survives a restart.
    let adapter = server.adapter();
    let id = format!("response:1.2:{}/hooks/1", server.url);
    let poll = Content::text("Thanks").button(Button::new("Undo", "undo"));
    let updated = adapter.update(&poll.to_activity("slack").with_id(&id).to(&place())).await.unwrap();
    assert_eq!(updated.id.as_deref(), Some(id.as_str()));
    let (_, body) = server.calls().pop().unwrap();
    assert_eq!((&body["replace_original"], &body["text"]), (&true.into(), &"Thanks".into()));
    assert_eq!(body["blocks"][1]["elements"][0]["action_id"], "undo.0");
    let mut reference = place();
    reference.activity_id = Some(id.clone());
    adapter.delete(&reference).await.unwrap();
    assert_eq!(server.last().arguments, json!({"delete_original": true}));
    assert!(!server.last().headers.contains_key("authorization"), "the address needs no token");
    let used = adapter.delete(&reference).await.unwrap_err();
    assert_eq!(used.refusal().unwrap().code, "used_url");
    let old = Activity::from("a").with_id(format!("response:1.2:{}/hooks/old", server.url));
    let old = adapter.update(&old.to(&place())).await.unwrap_err();
    assert_eq!(old.refusal().unwrap().code, "expired_url");
    let before = server.calls().len();
    for host in ["http://127.0.0.2:1/x", "https://evil.example/x", "http://hooks.slack.com/x"] {
        let foreign = Activity::from("a").with_id(format!("response:1.2:{host}")).to(&place());
        let error = adapter.update(&foreign).await.unwrap_err();
        assert!(matches!(error, Error::Misconfigured(_)), "{host}: {error}");
    }
    assert_eq!(server.calls().len(), before);
}

/// The bot is not in the channel in which somebody used its command.
#[tokio::test]
async fn answers_where_the_bot_is_not() {
    let server = SlackServer::with(|asked| match asked.method.as_str() {
        "/hooks/1" => Some((200, None, "ok".to_owned())),
        "/hooks/old" => Some((404, None, r#"{"ok":false,"error":"expired_url"}"#.to_owned())),
        "chat.postEphemeral" => refused("user_not_in_channel"),
        _ => refused("not_in_channel"),
    })
    .await;
    let adapter = server.adapter();
    let there = clicked(&server, "U01BEN");
    let sent = adapter.send(&Activity::from("a").to(&there)).await.unwrap();
    assert_eq!(sent.id, None);
    let markdown = json!([{"type": "markdown", "text": "a"}]);
    assert_eq!(
        server.last().arguments,
        json!({"response_type": "in_channel", "replace_original": false, "text": "a", "blocks": markdown})
    );
    adapter.send(&Activity::from("a").only_for("U01BEN").to(&there)).await.unwrap();
    assert_eq!(server.last().arguments["response_type"], "ephemeral");
    // Whom the address does not reach hears nothing through it.
    let other = adapter.send(&Activity::from("a").only_for("U01CLEO").to(&there)).await.unwrap_err();
    assert_eq!(other.refusal().unwrap().code, "user_not_in_channel");
    // The address of a turn long past says nothing about why the bot can't write here.
    let mut past = there.clone();
    let turn = json!({"response_url": format!("{}/hooks/old", server.url), "user": "U01BEN"});
    past.conversation.as_mut().unwrap().extra.insert("slack".to_owned(), turn);
    let error = adapter.send(&Activity::from("a").to(&past)).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code, "not_in_channel");
    assert_eq!(server.last().method, "/hooks/old");
    let no_turn = adapter.send(&Activity::from("a").to(&place())).await.unwrap_err();
    assert_eq!(no_turn.refusal().unwrap().code, "not_in_channel");
}

fn names(server: &SlackServer) -> Vec<String> {
    server.calls().into_iter().map(|(method, _)| method).collect()
}

#[tokio::test]
async fn streams() {
    let server = SlackServer::kind().await;
    let adapter = server.adapter();
    let say = |text: &str| Activity::from(text).to(&thread());
    let mut stream = adapter.start_stream(&say("one")).await.unwrap();
    assert_eq!(
        server.last().arguments,
        json!({"channel": "C01OPS", "thread_ts": "1.1", "recipient_user_id": "U01BEN",
            "recipient_team_id": "T01ACME", "markdown_text": "one"})
    );
    adapter.append_stream(&mut stream, &say("one two")).await.unwrap();
    assert_eq!(server.last().arguments["markdown_text"], " two", "only what is new");
    adapter.append_stream(&mut stream, &say("one two")).await.unwrap();
    adapter.finish_stream(&mut stream, &say("one two three")).await.unwrap();
    assert_eq!(server.last().arguments["markdown_text"], " three");
    assert_eq!(names(&server), ["chat.startStream", "chat.appendStream", "chat.stopStream"]);

    // What a stream can't show is known before the call.
    let mut stream = adapter.start_stream(&say("one")).await.unwrap();
    for text in ["another".to_owned(), format!("one{}", "x".repeat(20_000))] {
        let error = adapter.append_stream(&mut stream, &say(&text)).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
    assert_eq!(names(&server)[3..], ["chat.startStream"]);
    // Buttons and metadata come with the end itself.
    let mut last =
        Content::text("one!").button(Button::new("Good", "good")).to_activity("slack").to(&thread());
    last.channel_data.as_mut().unwrap()["metadata"] = json!({"event_type": "a", "event_payload": {}});
    adapter.finish_stream(&mut stream, &last).await.unwrap();
    assert_eq!(names(&server)[4..], ["chat.stopStream"]);
    let end = server.last().arguments;
    assert_eq!(end["blocks"][0]["type"], "actions");
    assert_eq!(end["metadata"]["event_type"], "a");

    // What no stream can show takes an update once it has ended.
    for (end, calls) in [
        (json!({"blocks": []}), &["chat.startStream", "chat.stopStream"][..]),
        (json!({"blocks": [{"type": "divider"}]}), &["chat.startStream", "chat.stopStream", "chat.update"]),
        (json!({"text": "*others*"}), &["chat.startStream", "chat.stopStream", "chat.update"]),
        (json!({"attachments": [{"text": "old"}]}), &["chat.startStream", "chat.stopStream", "chat.update"]),
    ] {
        let before = names(&server).len();
        let mut stream = adapter.start_stream(&say("one")).await.unwrap();
        let mut last = say("one two");
        last.channel_data = Some(end.clone());
        adapter.finish_stream(&mut stream, &last).await.unwrap();
        assert_eq!(names(&server)[before..], *calls, "{end}");
    }
}

/// A token stream goes over to updates where Slack ends it.
#[tokio::test]
async fn a_stream_that_slack_ended() {
    let server = SlackServer::with(|asked| match asked.method.as_str() {
        "chat.appendStream" => refused("message_not_in_streaming_state"),
        _ => ok(&json!({"ts": "1.2"})),
    })
    .await;
    let bot =
        redraft_bot::Bot::new(|_: redraft_bot::TurnContext| async { Ok(()) }).with_adapter(server.adapter());
    let context = bot.context_for(&thread()).unwrap();
    let stream = context.stream().await.unwrap();
    stream.push("one ");
    server.wait_for(1).await;
    stream.push("two");
    server.wait_for(2).await;
    stream.finish().await.unwrap();
    let last = server.last();
    assert_eq!((last.method.as_str(), &last.arguments["markdown_text"]), ("chat.update", &"one two".into()));
    assert_eq!(names(&server)[..2], ["chat.startStream", "chat.appendStream"]);
}

#[tokio::test]
async fn marked_messages_are_found() {
    let marker = Marker::new("deploy-1", "a1");
    let metadata = marker.to_metadata();
    let page = move |asked: &crate::slack_server::Asked| -> Answer {
        match (asked.arguments["channel"].as_str(), asked.arguments["cursor"].as_str()) {
            (Some("C01OPS"), None) => {
                ok(&json!({"messages": [{"ts": "1.1"}], "response_metadata": {"next_cursor": "n"}}))
            }
            (Some("C01OPS"), _) => ok(&json!({"messages": [{"ts": "1.2", "metadata": metadata}]})),
            (Some("C02LONG"), _) => ok(&json!({"messages": [], "response_metadata": {"next_cursor": "n"}})),
            (Some("C03EMPTY"), _) => ok(&json!({"messages": []})),
            _ => refused("missing_scope"),
        }
    };
    let server = SlackServer::with(page).await;
    let adapter = server.adapter();
    for (channel, expected) in [
        ("C01OPS", Found::Message("1.2".to_owned())),
        ("C02LONG", Found::CannotLook),
        ("C03EMPTY", Found::Nothing),
        ("C04SECRET", Found::CannotLook),
    ] {
        let mut reference = place();
        reference.conversation = Some(ConversationAccount::new(channel));
        let found = adapter.find_marked(&reference, &marker, 1_700_000_000_123).await.unwrap();
        assert_eq!(found, expected, "{channel}");
    }
    let asked = &server.asked()[0];
    assert_eq!(
        (asked.method.as_str(), &asked.arguments["oldest"]),
        ("conversations.history", &"1700000000.123000".into())
    );
    assert!(server.calls().len() < 12);
}

#[test]
fn settings_show_no_secret() {
    let settings =
        SlackSettings::new(SlackToken::new("xoxb-hush")).signing_secret("hush").app_token("xapp-hush");
    let shown = format!("{settings:?} {:?}", SlackAdapter::new(settings.clone()).unwrap());
    assert!(!shown.contains("hush"), "{shown}");
}
