use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::activity::{
    Activity, ActivityType, ChannelAccount, ConversationAccount, ConversationParameters,
    ConversationReference,
};
use crate::adapter::{Adapter, BoxFuture};
use crate::connector::{
    AccessToken, ConnectorAdapter, ConnectorSettings, RETRIES_MAX, RETRY_MS_TOTAL_MAX, TokenRequest,
};
use crate::error::Error;

const SERVICE: &str = "https://smba.example/amer/t-1/";

fn reference(conversation: &str) -> ConversationReference {
    ConversationReference {
        activity_id: Some("17".into()),
        conversation: Some(ConversationAccount::new(conversation)),
        channel_id: Some("msteams".into()),
        service_url: Some(SERVICE.into()),
        ..ConversationReference::default()
    }
}

fn message(text: &str) -> Activity {
    Activity::from(text).to(&reference("19:a@thread.tacv2;messageid=5"))
}

#[tokio::test]
async fn each_operation_has_its_method_path_query_and_body() {
    let place = "https://smba.example/amer/t-1/v3/conversations/19%3Aa%40thread.tacv2%3Bmessageid%3D5";
    let service = Service::default();
    let client = service.client();
    let answers = Activity { reply_to_id: Some("16".into()), ..message("hi") };
    let targeted = message("psst").only_for("29:x").to(&reference("19:a@thread.tacv2;messageid=5"));
    let update = Activity { id: Some("17".into()), ..answers.clone() };
    let reference = reference("19:a@thread.tacv2;messageid=5");
    let reader = ChannelAccount { is_targeted: Some(true), ..ChannelAccount::new("29:x") };

    client.send(&message("hi")).await.unwrap();
    client.send(&answers).await.unwrap();
    client.send(&targeted).await.unwrap();
    client.send_once(&message("hi"), "deploy-1234 ü").await.unwrap();
    client.update(&update).await.unwrap();
    client.update(&targeted.clone().with_id("17")).await.unwrap();
    client.delete(&reference).await.unwrap();
    client.delete(&ConversationReference { user: Some(reader), ..reference.clone() }).await.unwrap();
    client.member(&reference, "29:x/y").await.unwrap();
    client
        .call(SERVICE, Method::PUT, &["v3", "conversations", "c", "activities", "17", "reactions", "heart"])
        .await
        .unwrap();

    let expected = [
        ("POST", format!("{place}/activities"), true),
        ("POST", format!("{place}/activities/16"), true),
        ("POST", format!("{place}/activities?isTargetedActivity=true"), true),
        ("POST", format!("{place}/activities"), true),
        ("PUT", format!("{place}/activities/17"), true),
        ("PUT", format!("{place}/activities/17?isTargetedActivity=true"), true),
        ("DELETE", format!("{place}/activities/17"), false),
        ("DELETE", format!("{place}/activities/17?isTargetedActivity=true"), false),
        ("GET", format!("{place}/members/29%3Ax%2Fy"), false),
        (
            "PUT",
            "https://smba.example/amer/t-1/v3/conversations/c/activities/17/reactions/heart".into(),
            false,
        ),
    ];
    let seen = service.seen();
    assert_eq!(seen.len(), expected.len());
    for (seen, (method, url, body)) in seen.iter().zip(expected) {
        assert_eq!((seen.method.as_str(), seen.url.as_str()), (method, url.as_str()));
        let kind = if body { "application/json; charset=utf-8" } else { "" };
        assert_eq!((seen.header("content-type"), !seen.body.is_empty()), (kind, body), "{url}");
        assert_eq!((seen.header("accept"), seen.header("authorization")), ("application/json", ""));
    }
    assert_eq!(seen[1].json()["replyToId"], "16");
    assert_eq!(seen[2].json()["recipient"], json!({"id": "29:x", "isTargeted": true}));
    assert_eq!(seen[3].header("idempotency-key"), "deploy-1234 %C3%BC");
    assert_eq!(seen[4].json().get("replyToId"), None, "an update moves nothing");
    assert_eq!(seen[4].json()["text"], "hi");
    assert_eq!(seen[5].json().get("recipient"), None, "whom it is for never changes");
}

#[tokio::test]
async fn an_id_can_not_lead_elsewhere() {
    let service = Service::default();
    let client = service.client();
    for id in ["", ".", ".."] {
        let refused = client.call(SERVICE, Method::DELETE, &["v3", "conversations", id]).await;
        assert!(matches!(refused, Err(Error::Misconfigured(_))), "{id:?}: {refused:?}");
        let refused = client.update(&message("x").with_id(id)).await;
        assert!(matches!(refused, Err(Error::Misconfigured(_))), "{id:?}: {refused:?}");
    }
    for service_url in ["", "smba.example", "file:///etc"] {
        let refused = client.call(service_url, Method::GET, &["v3"]).await;
        assert!(matches!(refused, Err(Error::Misconfigured(_))), "{service_url:?}");
    }
    let key = "k".repeat(256);
    assert!(matches!(client.send_once(&message("x"), &key).await, Err(Error::Misconfigured(_))));
    assert!(service.seen().is_empty());
    client.call(SERVICE, Method::GET, &["../..", "a/b?c#d%2F\\ e"]).await.unwrap();
    assert_eq!(service.seen()[0].url, format!("{SERVICE}..%2F../a%2Fb%3Fc%23d%252F%5C%20e"));
}

#[tokio::test]
async fn any_success_is_one() {
    for (status, body) in [(200, ""), (201, "{}"), (202, r#"{"id":null}"#), (204, ""), (226, "thanks")] {
        let client = Service::answering([reply(status, body), reply(status, body)]).client();
        assert_eq!(client.send(&message("hi")).await.unwrap().id, None, "{status} {body}");
        let updated = client.update(&message("hi").with_id("17")).await.unwrap();
        assert_eq!(updated.id.as_deref(), Some("17"), "an update keeps the id");
    }
}

#[tokio::test]
async fn errors_tell_code_and_words_whatever_their_form() {
    for (status, body, code, words) in [
        (
            404,
            r#"{"error":{"code":"ConversationNotFound","message":"Gone."}}"#,
            "ConversationNotFound",
            "Gone.",
        ),
        (
            401,
            r#"{"message":"Authorization has been denied."}"#,
            "Unauthorized",
            "Authorization has been denied.",
        ),
        (403, r#"{"errorCode":209,"message":"Blocked."}"#, "209", "Blocked."),
        (500, "<html>oops</html>", "Internal Server Error", "<html>oops</html>"),
        (302, "", "Found", ""),
    ] {
        let client = Service::answering([reply(status, body)]).client();
        let error = client.send(&message("hi")).await.unwrap_err();
        let refusal = error.refusal().expect("a refusal");
        assert_eq!((refusal.status, refusal.code.as_str(), refusal.message.as_str()), (status, code, words));
        assert_eq!(refusal.method, "POST /v3/conversations/19%3Aa%40thread.tacv2%3Bmessageid%3D5/activities");
    }
    let gone = reply(404, r#"{"error":{"code":"ActivityNotFoundInConversation"}}"#);
    assert!(
        Service::answering([gone]).client().delete(&reference("c")).await.unwrap_err().is_message_not_found()
    );
}

/// Which calls are made again after which answer.
#[tokio::test(start_paused = true)]
async fn a_call_is_made_again_where_that_does_nothing_twice() {
    for (status, put, post, keyed) in [
        (412, true, true, true),
        (429, true, true, true),
        (502, true, false, true),
        (503, true, false, true),
        (504, true, false, true),
        (500, false, false, false),
        (400, false, false, false),
        (404, false, false, false),
    ] {
        let again = |service: &Service| service.seen().len() == 2;
        let service = Service::answering([reply_after(status, 1)]);
        assert_eq!(service.client().update(&message("x").with_id("1")).await.is_ok(), put, "PUT {status}");
        assert_eq!(again(&service), put);
        let service = Service::answering([reply_after(status, 1)]);
        assert_eq!(service.client().delete(&reference("c")).await.is_ok(), put, "DELETE {status}");
        let service = Service::answering([reply_after(status, 1)]);
        assert_eq!(service.client().send(&message("x")).await.is_ok(), post, "POST {status}");
        assert_eq!(again(&service), post);
        let service = Service::answering([reply_after(status, 1)]);
        let redraft = service.client_with(Anonymous, Cloud::redraft("http://127.0.0.1:3000"));
        assert_eq!(redraft.send_once(&message("x"), "key").await.is_ok(), keyed, "POST with a key {status}");
        let service = Service::answering([reply_after(status, 1)]);
        assert_eq!(
            service.client().send_once(&message("x"), "key").await.is_ok(),
            post,
            "nobody keeps the key"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_as_long_as_the_service_asks_and_not_much_longer() {
    let begun = Instant::now();
    let service = Service::answering([reply_after(429, 7), reply(503, "")]);
    service.client().update(&message("x").with_id("1")).await.unwrap();
    // Seven seconds as asked, then two of its own (the second pause), each with a quarter more at most.
    let took = begun.elapsed().as_secs_f64();
    assert!((9.0..=11.3).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn tries_and_pauses_have_an_end() {
    let service = Service::answering((0..100).map(|_| reply_after(503, 1)));
    let error = service.client().update(&message("x").with_id("1")).await.unwrap_err();
    assert_eq!((service.seen().len(), error.is_retryable()), (RETRIES_MAX as usize + 1, true));

    let begun = Instant::now();
    let long = RETRY_MS_TOTAL_MAX / 1000 + 1;
    let service = Service::answering([reply_after(429, long)]);
    let error = service.client().send(&message("x")).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited(_)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(long)));
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for what takes too long");
}

/// Gives `token-1`, `token-2`, …
#[derive(Default)]
struct Counting(AtomicUsize);

impl TokenProvider for Counting {
    fn token<'a>(&'a self, _: TokenRequest<'a>) -> BoxFuture<'a, Result<Option<AccessToken>, Error>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move { Ok(Some(AccessToken::new(format!("token-{number}"), HOUR))) })
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_replaced_once() {
    let service = Service::answering([reply(401, "")]);
    let client = service.client_with(Counting::default(), Cloud::public());
    client.send(&message("hi")).await.unwrap();
    let tokens: Vec<_> = service.seen().iter().map(|seen| seen.header("authorization").to_owned()).collect();
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2"]);

    let service = Service::answering((0..9).map(|_| reply(401, "")));
    let client = service.client_with(Counting::default(), Cloud::public());
    assert_eq!(client.send(&message("hi")).await.unwrap_err().refusal().unwrap().status, 401);
    assert_eq!(service.seen().len(), 2);
}

/// Which services get the bot's token: a stored reference alone vouches for nothing.
#[tokio::test]
async fn a_token_goes_to_trusted_services_only() {
    let calls = async |cloud: Cloud, service_url: &str| {
        let service = Service::default();
        let settings = ConnectorSettings::new("the-app", Counting::default())
            .cloud(cloud)
            .trust_service_url("https://own.example:8443/teams");
        let adapter = ConnectorAdapter::with_client(settings, service.http());
        let to = ConversationReference { service_url: Some(service_url.into()), ..reference("c") };
        let refused = match adapter.send(&Activity::from("x").to(&to)).await {
            Ok(_) => return true,
            Err(error) => error,
        };
        assert!(matches!(&refused, Error::UntrustedService { .. }), "{service_url}: {refused}");
        assert!(!refused.is_retryable() && service.seen().is_empty(), "{service_url}: nothing was sent");
        false
    };
    for (service_url, wanted) in [
        ("https://smba.trafficmanager.net/amer/t-1/", true),
        ("https://SMBA.trafficmanager.net:443", true),
        ("https://smba.infra.gcc.teams.microsoft.com/teams", true),
        ("https://europe.directline.botframework.com/", true),
        ("https://own.example:8443/other", true),
        ("http://smba.trafficmanager.net/amer/", false),
        ("https://smba.trafficmanager.net:444/", false),
        ("https://other.trafficmanager.net/", false),
        ("https://smba.trafficmanager.net.evil.example/", false),
        ("https://smba.trafficmanager.net@evil.example/", false),
        ("https://evil.example/smba.trafficmanager.net", false),
        ("https://evilbotframework.com/", false),
        ("https://botframework.com/", false),
        ("https://own.example/teams", false),
        ("http://own.example:8443/teams", false),
        ("https://smba.infra.gov.teams.microsoft.us/", false),
    ] {
        assert_eq!(calls(Cloud::public(), service_url).await, wanted, "{service_url}");
    }
    let government = "https://smba.infra.gov.teams.microsoft.us/teams";
    assert!(calls(Cloud::us_government(), government).await);
    assert!(!calls(Cloud::us_government(), "https://smba.trafficmanager.net/amer/").await);
    let redraft = Cloud::redraft("http://127.0.0.1:3000/");
    assert!(calls(redraft.clone(), "http://127.0.0.1:3000/teams/t-1").await);
    assert!(!calls(redraft, "http://127.0.0.1:3001/teams/t-1").await);

    // A bot that shows no token calls whatever it is told to.
    let service = Service::default();
    let adapter = ConnectorAdapter::with_client(ConnectorSettings::anonymous(), service.http());
    let to = ConversationReference { service_url: Some("http://anywhere.example".into()), ..reference("c") };
    adapter.send(&Activity::from("x").to(&to)).await.unwrap();
    assert_eq!(service.seen()[0].header("authorization"), "");
}

#[tokio::test]
async fn members_are_read_page_by_page() {
    let service = Service::answering([
        reply(200, r#"{"members":[{"id":"29:a","email":"a@x"}],"continuationToken":"p 2"}"#),
        reply(200, r#"{"members":[{"id":"29:b"}]}"#),
    ]);
    let members = service.client().members(&reference("c")).await.unwrap();
    let ids: Vec<_> = members.iter().filter_map(|member| member.id.as_deref()).collect();
    assert_eq!(ids, ["29:a", "29:b"]);
    assert_eq!(members[0].extra["email"], "a@x");
    assert!(service.seen()[1].url.ends_with("/pagedmembers?continuationToken=p%202"));
}

fn adapter(service: &Service) -> ConnectorAdapter {
    let settings = ConnectorSettings::new("the-app", Counting::default()).trust_service_url(SERVICE);
    ConnectorAdapter::with_client(settings, service.http())
}

#[tokio::test]
async fn conversations_are_opened_with_a_person_and_in_a_channel() {
    let service = Service::answering([
        reply(201, r#"{"id":"a:1"}"#),
        reply(201, r#"{"id":"19:c;messageid=9","activityId":"9","serviceUrl":"https://other.example"}"#),
        reply(201, "{}"),
    ]);
    let adapter = adapter(&service);
    let person = ConversationParameters::with_person("29:x", "t-1");
    let chat = adapter.create_conversation(SERVICE, &person).await.unwrap();
    assert_eq!(chat.conversation.clone().unwrap().id.as_deref(), Some("a:1"));
    assert_eq!((chat.service_url.as_deref(), chat.activity_id.clone()), (Some(SERVICE), None));
    assert!(adapter.capabilities(&chat).stream);
    let thread = ConversationParameters::in_channel("19:c", "first");
    let thread = adapter.create_conversation(SERVICE, &thread).await.unwrap();
    assert_eq!(thread.activity_id.as_deref(), Some("9"));
    assert_eq!(thread.service_url.as_deref(), Some("https://other.example"));
    let nowhere = adapter.create_conversation(SERVICE, &person).await;
    assert!(matches!(nowhere, Err(Error::Unanswered { .. })));

    let seen = service.seen();
    assert_eq!(seen[0].url, format!("{SERVICE}v3/conversations"));
    assert_eq!(
        seen[0].json(),
        json!({"isGroup": false, "bot": {"id": "28:the-app"}, "members": [{"id": "29:x"}], "tenantId": "t-1"})
    );
    assert_eq!(seen[1].json()["channelData"], json!({"channel": {"id": "19:c"}}));
    assert_eq!(seen[1].json()["activity"]["text"], "first");
}

#[tokio::test]
async fn a_stream_is_typing_with_growing_numbers_and_ends_as_a_message() {
    let service = Service::answering([reply(201, r#"{"id":"S"}"#), reply(202, ""), reply(202, "")]);
    let adapter = adapter(&service);
    let mut place = reference("a:1");
    place.conversation.as_mut().unwrap().conversation_type = Some("personal".into());
    place.activity_id = None;
    let first = Activity::from("One").to(&place);
    let mut stream = adapter.start_stream(&first).await.unwrap();
    adapter.append_stream(&mut stream, &"One, two".into()).await.unwrap();
    adapter.finish_stream(&mut stream, &"One, two, three".into()).await.unwrap();
    assert_eq!((stream.id.as_str(), stream.sequence, stream.text.as_str()), ("S", 2, "One, two, three"));

    let seen = service.seen();
    let steps = [
        ("typing", "One", json!({"streamType": "streaming", "streamSequence": 1})),
        ("typing", "One, two", json!({"streamType": "streaming", "streamSequence": 2, "streamId": "S"})),
        ("message", "One, two, three", json!({"streamType": "final", "streamId": "S"})),
    ];
    assert_eq!(seen.len(), steps.len());
    for (seen, (kind, text, facts)) in seen.iter().zip(steps) {
        let body = seen.json();
        assert_eq!((body["type"].as_str(), body["text"].as_str()), (Some(kind), Some(text)));
        assert_eq!(
            (seen.method.as_str(), seen.url.as_str()),
            ("POST", "https://smba.example/amer/t-1/v3/conversations/a%3A1/activities")
        );
        assert_eq!(body["channelData"], facts);
        let mut entity = facts;
        entity["type"] = "streaminfo".into();
        assert_eq!(body["entities"], json!([entity]));
    }

    let group = Activity::from("One").to(&reference("19:g@thread.v2"));
    let refused = adapter.start_stream(&group).await;
    assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
    assert_eq!(service.seen().len(), 3);
}

#[tokio::test]
async fn a_number_of_a_stream_is_used_once_though_its_step_failed() {
    let cancelled = reply(403, r#"{"error":{"code":"ContentStreamNotAllowed","message":"Cancelled."}}"#);
    let service = Service::answering([reply(201, r#"{"id":"S"}"#), cancelled]);
    let adapter = adapter(&service);
    let mut stream = adapter.start_stream(&Activity::from("One").to(&reference("a:1"))).await.unwrap();
    let error = adapter.append_stream(&mut stream, &"One, two".into()).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code, "ContentStreamNotAllowed");
    adapter.append_stream(&mut stream, &"One, two".into()).await.unwrap();
    let numbers: Vec<_> =
        service.seen().iter().map(|seen| seen.json()["channelData"]["streamSequence"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn what_can_be_done_depends_on_the_conversation() {
    let adapter = adapter(&Service::default());
    let with = |id: &str, kind: Option<&str>, channel: &str| {
        let mut reference = reference(id);
        reference.conversation.as_mut().unwrap().conversation_type = kind.map(str::to_owned);
        reference.channel_id = Some(channel.into());
        let can = adapter.capabilities(&reference);
        (can.stream, can.targeted)
    };
    for (id, kind, channel, expected) in [
        ("a:1", Some("personal"), "msteams", (true, false)),
        ("a:1", None, "msteams", (true, false)),
        ("19:x@thread.v2", Some("groupChat"), "msteams", (false, true)),
        ("19:x@thread.tacv2", None, "msteams", (false, true)),
        ("x", None, "msteams", (false, false)),
        ("a:1", Some("personal"), "webchat", (false, false)),
    ] {
        assert_eq!(with(id, kind, channel), expected, "{id} {kind:?} {channel}");
    }
    assert!(adapter.serves("msteams") && adapter.serves("emulator") && !adapter.serves("slack"));
    let typing = Activity::new(ActivityType::Typing);
    assert_eq!(serde_json::to_value(typing).unwrap(), json!({"type": "typing"}));
}
