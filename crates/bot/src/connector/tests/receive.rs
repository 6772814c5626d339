//! The receiving end: whose calls are accepted, and how they are answered.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::json;
use tower_service::Service as _;

use super::*;
use crate::activity::{Activity, ActivityType, InvokeResponse};
use crate::bot::Bot;
use crate::connector::token::now_seconds;
use crate::connector::{
    AccessToken, ConnectorAdapter, ConnectorSettings, KEYS_FETCHES_MAX, KEYS_FRESH_MS, KEYS_PAUSE_MS,
    TokenRequest,
};
use crate::context::TurnContext;

const URL: &str = "https://service.example/teams";

/// A key that the channel signs with.
struct SigningKey {
    id: &'static str,
    pair: RsaKeyPair,
}

impl SigningKey {
    fn new(id: &'static str) -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        Self { id, pair: RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap() }
    }

    fn published(&self, endorsements: &[&str]) -> Value {
        let RsaPublicKeyComponents::<Vec<u8>> { n, e } = self.pair.public().into();
        json!({
            "kty": "RSA", "use": "sig", "kid": self.id, "x5t": self.id, "endorsements": endorsements,
            "n": URL_SAFE_NO_PAD.encode(n),
            "e": URL_SAFE_NO_PAD.encode(e),
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "RS256", "kid": self.id, "typ": "JWT"}), claims)
    }
}

fn claims() -> Value {
    let now = now_seconds();
    json!({
        "iss": "https://api.botframework.com", "aud": "the-app", "serviceurl": URL,
        "iat": now, "nbf": now, "exp": now + 3600,
    })
}

/// The same with some members set, or left out if null.
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn activity() -> Value {
    json!({
        "type": "message", "id": "1", "channelId": "msteams", "serviceUrl": format!("{URL}/"), "text": "hello",
        "from": {"id": "29:x"}, "recipient": {"id": "28:the-app"},
        "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": "t-1"},
    })
}

/// The authority's documents, and how often they were asked for.
#[derive(Clone, Default)]
struct Authority {
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<std::sync::atomic::AtomicBool>,
}

impl Authority {
    fn publishing(keys: impl IntoIterator<Item = Value>) -> Self {
        let authority = Self::default();
        authority.publish(keys);
        authority
    }

    fn publish(&self, keys: impl IntoIterator<Item = Value>) {
        *self.keys.lock().unwrap() = keys.into_iter().collect();
    }

    fn http(&self) -> HttpClient {
        let authority = self.clone();
        HttpClient::fake(move |request| {
            let answer = if authority.down.load(Ordering::SeqCst) {
                reply(503, "")
            } else if request.url().path() == "/v1/.well-known/openidconfiguration" {
                assert_eq!(request.url().host_str(), Some("login.botframework.com"));
                reply(
                    200,
                    r#"{"issuer":"https://api.botframework.com","jwks_uri":"https://keys.example/keys"}"#,
                )
            } else if request.url().as_str().starts_with(URL) {
                reply(200, "[]")
            } else {
                assert_eq!(request.url().as_str(), "https://keys.example/keys");
                authority.asked.fetch_add(1, Ordering::SeqCst);
                reply(200, &json!({"keys": *authority.keys.lock().unwrap()}).to_string())
            };
            async move {
                tokio::task::yield_now().await;
                Ok(answer)
            }
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A bot that counts its turns.
fn bot(authority: &Authority, settings: ConnectorSettings) -> (Bot, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let bot = Bot::new(move |_: TurnContext| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    (bot.with_adapter(ConnectorAdapter::with_client(settings, authority.http())), heard)
}

fn settings() -> ConnectorSettings {
    ConnectorSettings::new("the-app", Anonymous)
}

fn request(token: Option<&str>, body: impl Into<String>) -> Request<Full<Bytes>> {
    let mut request =
        Request::post("/api/messages").header("content-type", "application/json; charset=utf-8");
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    request.body(Full::from(body.into())).unwrap()
}

async fn call(bot: &Bot, request: Request<Full<Bytes>>) -> (u16, String) {
    let response: Response<Full<Bytes>> = bot.service().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
}

/// An RSA key of 1024 bits, and a token that it signed for this bot.
const WEAK_N: &str = "q5iOrFd-D-cjXopZaS4xDQZzeq2mQp__-A-isxuOGuLU9bMs9NXyswdcFy3Qb6ko2WOlu1rzebl-jjCTFzT9rfNZPJoasF9vmEgk8_GNEGWtimwo4siX9aLarYKyV0xy_VfTLtP10ErRn3cMopBxizKlr-o2sZPykjVdKPmTHc0";
const WEAK: &str = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IndlYWsifQ.eyJpc3MiOiJodHRwczovL2FwaS5ib3RmcmFtZXdvcmsuY29tIiwiYXVkIjoidGhlLWFwcCIsInNlcnZpY2V1cmwiOiJodHRwczovL3NlcnZpY2UuZXhhbXBsZS90ZWFtcyIsIm5iZiI6MCwiZXhwIjoyNTM0MDIzMDA3OTl9.dssawYjGNTw_VHAXaJ7xIVBzwShd-Zseq8B57W6F0KghanfdfS2FM0BcmfNX4W58WBDKdeOKcSWq0EgwsTgfhGfjaMZN8FMpfn_4eSgYPUgh9WVm2NbK-vbsN_cvOSW36-g2LblmD3E3i01hS4WePcs0Bva1h6NuG0AplWkAJtc";

#[tokio::test]
async fn hostile_calls_are_refused_and_nothing_is_heard() {
    let key = SigningKey::new("one");
    let foreign = SigningKey::new("one");
    let webchat = SigningKey::new("webchat-only");
    let weak = json!({"kty": "RSA", "kid": "weak", "n": WEAK_N, "e": "AQAB"});
    let encryption = {
        let mut published = key.published(&[]);
        published["use"] = "enc".into();
        published["kid"] = "enc".into();
        published
    };
    let authority = Authority::publishing([
        key.published(&["msteams", "webchat"]),
        webchat.published(&["webchat"]),
        weak,
        encryption,
    ]);
    let (bot, heard) = bot(&authority, settings().audience("api://botid-the-app").tenants(["t-1"]));

    let good = key.token(&claims());
    let without_signature = |token: &str| format!("{}.", token.rsplit_once('.').unwrap().0);
    let headed = |header: Value| key.sign(&header, &claims());
    let hmac = {
        let public = key.published(&[])["n"].as_str().unwrap().to_owned();
        let hmac = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(public).unwrap());
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(json!({"alg": "HS256", "kid": "one"})), encode(claims()));
        let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&hmac, signed.as_bytes()));
        format!("Bearer {signed}.{tag}")
    };
    let altered = {
        let parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(claims_with(json!({"sub": "x"})).to_string());
        format!("{}.{other}.{}", parts[0], parts[2])
    };
    let with = |changes: Value| key.token(&claims_with(changes));
    let now = now_seconds();
    let on = |changes: Value| {
        let mut changed = activity();
        for (name, value) in changes.as_object().unwrap() {
            changed[name] = value.clone();
        }
        changed.to_string()
    };
    let plain = activity().to_string();

    let cases: Vec<(&str, Option<String>, String, u16, &str)> = vec![
        ("no token", None, plain.clone(), 401, "missing"),
        ("no bearer token", Some("Basic eA==".into()), plain.clone(), 401, "missing"),
        ("the literal null", Some("Bearer null".into()), plain.clone(), 401, "malformed"),
        ("two parts", Some("Bearer a.b".into()), plain.clone(), 401, "malformed"),
        ("no JSON inside", Some("Bearer YQ.YQ.YQ".into()), plain.clone(), 401, "malformed"),
        ("no base64", Some(good.replace('.', "=.")), plain.clone(), 401, "malformed"),
        ("too long", Some(with(json!({"pad": "x".repeat(20_000)}))), plain.clone(), 401, "too long"),
        ("another key under a known id", Some(foreign.token(&claims())), plain.clone(), 401, "signature"),
        ("claims altered after signing", Some(altered), plain.clone(), 401, "signature"),
        ("signature cut off", Some(without_signature(&good)), plain.clone(), 401, "signature"),
        (
            "alg none",
            Some(without_signature(&headed(json!({"alg": "none", "kid": "one"})))),
            plain.clone(),
            401,
            "does not use",
        ),
        ("alg HS256 with the public key", Some(hmac), plain.clone(), 401, "does not use"),
        (
            "alg PS256",
            Some(headed(json!({"alg": "PS256", "kid": "one"}))),
            plain.clone(),
            401,
            "does not use",
        ),
        (
            "an extension to be understood",
            Some(headed(json!({"alg": "RS256", "kid": "one", "crit": ["b64"]}))),
            plain.clone(),
            401,
            "does not use",
        ),
        ("no kid", Some(headed(json!({"alg": "RS256"}))), plain.clone(), 401, "names no key"),
        (
            "unknown kid",
            Some(headed(json!({"alg": "RS256", "kid": "two"}))),
            plain.clone(),
            401,
            "not the channel's",
        ),
        ("a key of 1024 bits", Some(WEAK.into()), plain.clone(), 401, "signature"),
        (
            "a key for encryption",
            Some(headed(json!({"alg": "RS256", "kid": "enc"}))),
            plain.clone(),
            401,
            "not the channel's",
        ),
        ("expired", Some(with(json!({"exp": now - 301}))), plain.clone(), 401, "expired"),
        ("without an end", Some(with(json!({"exp": null}))), plain.clone(), 401, "no end"),
        ("an end in words", Some(with(json!({"exp": "tomorrow"}))), plain.clone(), 401, "no end"),
        ("not valid yet", Some(with(json!({"nbf": now + 360}))), plain.clone(), 401, "not valid yet"),
        ("wrong audience", Some(with(json!({"aud": "another-app"}))), plain.clone(), 401, "another bot"),
        ("no audience", Some(with(json!({"aud": null}))), plain.clone(), 401, "another bot"),
        (
            "wrong issuer",
            Some(with(json!({"iss": "https://sts.windows.net/t-1/"}))),
            plain.clone(),
            401,
            "issuer",
        ),
        ("no issuer", Some(with(json!({"iss": null}))), plain.clone(), 401, "issuer"),
        (
            "a skill's",
            Some(with(json!({"ver": "1.0", "appid": "parent"}))),
            plain.clone(),
            401,
            "another app's",
        ),
        (
            "the emulator's",
            Some(with(json!({"ver": "2.0", "azp": "emulator"}))),
            plain.clone(),
            401,
            "another app's",
        ),
        (
            "no service URL in the token",
            Some(with(json!({"serviceurl": null}))),
            plain.clone(),
            401,
            "names no service URL",
        ),
        (
            "foreign service URL",
            Some(good.clone()),
            on(json!({"serviceUrl": "https://evil.example/teams"})),
            401,
            "not the token's",
        ),
        (
            "service URL of another path",
            Some(good.clone()),
            on(json!({"serviceUrl": format!("{URL}/more")})),
            401,
            "not the token's",
        ),
        (
            "service URL without TLS",
            Some(good.clone()),
            on(json!({"serviceUrl": "http://service.example/teams"})),
            401,
            "not the token's",
        ),
        (
            "key not endorsed for the channel",
            Some(webchat.token(&claims())),
            plain.clone(),
            401,
            "does not speak for",
        ),
        (
            "another tenant",
            Some(good.clone()),
            on(json!({"conversation": {"id": "a:1", "tenantId": "t-2"}})),
            403,
            "tenant",
        ),
        ("no tenant", Some(good.clone()), on(json!({"conversation": {"id": "a:1"}})), 403, "tenant"),
        ("no JSON", Some(good.clone()), "hello".into(), 400, "no JSON"),
        ("an array", Some(good.clone()), "[]".into(), 400, "no JSON"),
        ("nothing", Some(good.clone()), String::new(), 400, "no JSON"),
        (
            "nested too deep",
            Some(good.clone()),
            format!("{}1{}", "[".repeat(9999), "]".repeat(9999)),
            400,
            "no JSON",
        ),
        ("no type", Some(good.clone()), on(json!({"type": null})), 400, "type"),
        ("a type that is no word", Some(good.clone()), on(json!({"type": 7})), 400, "type"),
        ("no channel", Some(good.clone()), on(json!({"channelId": null})), 400, "channelId"),
        ("no conversation", Some(good.clone()), on(json!({"conversation": {}})), 400, "conversation"),
        (
            "a conversation that is none",
            Some(good.clone()),
            on(json!({"conversation": "a:1"})),
            400,
            "conversation",
        ),
        ("no service URL", Some(good.clone()), on(json!({"serviceUrl": ""})), 400, "serviceUrl"),
        ("too large", Some(good.clone()), on(json!({"text": "x".repeat(1 << 20)})), 413, "too long"),
    ];
    for (case, token, body, status, words) in cases {
        let (answered, said) = call(&bot, request(token.as_deref(), body)).await;
        assert_eq!(answered, status, "{case}: {said}");
        assert!(said.contains(words), "{case}: {said}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let mut wrong = request(Some(&good), plain.clone());
        wrong.headers_mut().insert("content-type", kind.parse().unwrap());
        assert_eq!(call(&bot, wrong).await.0, 415, "{kind}");
    }
    let mut wrong = request(Some(&good), plain.clone());
    *wrong.method_mut() = http::Method::GET;
    assert_eq!(call(&bot, wrong).await.0, 405);
    assert_eq!(heard.load(Ordering::SeqCst), 0, "nothing was heard");

    // What differs in nothing that matters is heard.
    for token in [
        good.clone(),
        with(json!({"exp": now - 200, "nbf": now + 200})),
        with(json!({"exp": (now + 60) as f64 + 0.5, "nbf": null})),
        with(json!({"aud": "api://botid-the-app"})),
        with(json!({"serviceurl": "HTTPS://Service.Example/teams///"})),
        with(json!({"appid": "the-app"})),
    ] {
        let before = heard.load(Ordering::SeqCst);
        assert_eq!(call(&bot, request(Some(&token), plain.clone())).await, (200, String::new()));
        assert_eq!(heard.load(Ordering::SeqCst), before + 1);
    }
    let through_data = on(json!({"conversation": {"id": "a:1"}, "channelData": {"tenant": {"id": "t-1"}}}));
    assert_eq!(call(&bot, request(Some(&good), through_data)).await.0, 200);
}

async fn advance(milliseconds: u64) {
    tokio::time::advance(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(start_paused = true)]
async fn keys_roll_over_and_invented_ids_ask_for_nothing() {
    let (one, two) = (SigningKey::new("one"), SigningKey::new("two"));
    let authority = Authority::publishing([one.published(&[])]);
    let (bot, _) = bot(&authority, settings());
    let heard = async |key: &SigningKey| {
        call(&bot, request(Some(&key.token(&claims())), activity().to_string())).await.0
    };

    assert_eq!((heard(&one).await, heard(&one).await, authority.asked()), (200, 200, 1));
    authority.publish([one.published(&[]), two.published(&[])]);
    // An unknown key is fetched at once, however short a time ago the others were.
    assert_eq!((heard(&two).await, authority.asked()), (200, 2));
    advance(KEYS_PAUSE_MS).await;
    let invented = SigningKey::new("three");
    for _ in 0..20 {
        assert_eq!(heard(&invented).await, 401);
    }
    assert_eq!(authority.asked(), 3, "one invented id makes the bot ask once in a while");
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut many = SigningKey::new("many");
    for id in ids.into_iter().chain(ids) {
        many.id = id;
        assert_eq!(heard(&many).await, 401);
    }
    assert_eq!(authority.asked(), 2 + KEYS_FETCHES_MAX, "and many don't make it ask without end");
    advance(KEYS_PAUSE_MS).await;
    assert_eq!((heard(&invented).await, authority.asked()), (401, 3 + KEYS_FETCHES_MAX));

    // A key that is not published any more is good until the keys are a day old.
    authority.publish([two.published(&[])]);
    assert_eq!(heard(&one).await, 200);
    advance(KEYS_FRESH_MS).await;
    assert_eq!((heard(&two).await, authority.asked()), (200, 4 + KEYS_FETCHES_MAX));
    assert_eq!(heard(&one).await, 401, "the old key is gone");
}

/// Gives the same token for every call.
struct Constant;

impl TokenProvider for Constant {
    fn token<'a>(
        &'a self,
        _: TokenRequest<'a>,
    ) -> crate::BoxFuture<'a, Result<Option<AccessToken>, crate::Error>> {
        Box::pin(async { Ok(Some(AccessToken::new("token", HOUR))) })
    }
}

#[tokio::test]
async fn the_service_of_a_verified_activity_gets_tokens_from_then_on() {
    let key = SigningKey::new("one");
    let authority = Authority::publishing([key.published(&[])]);
    let settings = ConnectorSettings::new("the-app", Constant);
    let adapter = ConnectorAdapter::with_client(settings, authority.http());
    let client = adapter.client().clone();
    let bot = Bot::new(async |_: TurnContext| Ok(())).with_adapter(adapter);
    let is_trusted = async || {
        let path = ["v3", "conversations", "c", "members"];
        !matches!(
            client.call(URL, http::Method::GET, &path).await,
            Err(crate::Error::UntrustedService { .. })
        )
    };
    assert!(!is_trusted().await);
    let forged = key.token(&claims_with(json!({"aud": "another"})));
    assert_eq!(call(&bot, request(Some(&forged), activity().to_string())).await.0, 401);
    assert!(!is_trusted().await, "what was refused vouches for nothing");
    let good = key.token(&claims());
    assert_eq!(call(&bot, request(Some(&good), activity().to_string())).await.0, 200);
    assert!(is_trusted().await);
}

#[tokio::test(start_paused = true)]
async fn old_keys_serve_while_the_authority_is_down() {
    let one = SigningKey::new("one");
    let authority = Authority::publishing([one.published(&[])]);
    let (bot, _) = bot(&authority, settings());
    let heard = async || call(&bot, request(Some(&one.token(&claims())), activity().to_string())).await.0;
    authority.down.store(true, Ordering::SeqCst);
    assert_eq!(heard().await, 503, "there are no keys yet");
    authority.down.store(false, Ordering::SeqCst);
    advance(KEYS_PAUSE_MS).await;
    assert_eq!(heard().await, 200);
    authority.down.store(true, Ordering::SeqCst);
    advance(2 * KEYS_FRESH_MS).await;
    assert_eq!(heard().await, 200);
    // Documents without a key take none away either.
    authority.down.store(false, Ordering::SeqCst);
    authority.publish([]);
    advance(KEYS_PAUSE_MS).await;
    assert_eq!(heard().await, 200);
    assert_eq!(heard().await, 200, "nor for the next one");
}

#[tokio::test]
async fn calls_that_wait_for_keys_ask_once() {
    let one = SigningKey::new("one");
    let authority = Authority::publishing([one.published(&[])]);
    let (bot, heard) = bot(&authority, settings());
    let token = one.token(&claims());
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (bot, request) = (bot.clone(), request(Some(&token), activity().to_string()));
            tokio::spawn(async move { call(&bot, request).await.0 })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!((heard.load(Ordering::SeqCst), authority.asked()), (20, 1));
}

#[tokio::test]
async fn nobody_is_checked_only_without_an_app_id() {
    let (bot, heard) = bot(&Authority::default(), ConnectorSettings::anonymous());
    assert_eq!(call(&bot, request(None, activity().to_string())).await.0, 200);
    assert_eq!(call(&bot, request(Some("Bearer null"), activity().to_string())).await.0, 200);
    assert_eq!(call(&bot, request(None, "{}")).await.0, 400);
    assert_eq!(heard.load(Ordering::SeqCst), 2);
}

fn anonymous(bot: Bot) -> Bot {
    bot.with_adapter(ConnectorAdapter::with_client(ConnectorSettings::anonymous(), Service::default().http()))
}

#[tokio::test]
async fn the_answer_is_what_the_turn_came_to() {
    let bot = anonymous(Bot::new(|context: TurnContext| async move {
        match context.text().as_str() {
            "fail" => return Err("broken".into()),
            "panic" => panic!("as the test wants it"),
            "answer" => context.respond(InvokeResponse::new(202, json!({"a": 1}))),
            "send" => {
                let sent = context.send_activity("one").await?;
                assert_eq!(sent.id.is_some(), context.activity().delivery_mode.is_none());
            }
            _ => {}
        }
        Ok(())
    }));
    for (kind, text, mode, status, body) in [
        ("message", "hello", None, 200, ""),
        ("message", "send", None, 200, ""),
        ("message", "fail", None, 500, "The bot failed."),
        ("message", "panic", None, 500, "The bot failed."),
        ("invoke", "answer", None, 202, r#"{"a":1}"#),
        ("invoke", "hello", None, 501, ""),
        ("invoke", "fail", None, 500, "The bot failed."),
        ("message", "hello", Some("expectReplies"), 200, r#"{"activities":[]}"#),
    ] {
        let mut activity = activity();
        activity["type"] = kind.into();
        activity["text"] = text.into();
        activity["deliveryMode"] = mode.into();
        assert_eq!(
            call(&bot, request(None, activity.to_string())).await,
            (status, body.to_owned()),
            "{kind} {text}"
        );
    }
    let mut activity = activity();
    activity["text"] = "send".into();
    activity["deliveryMode"] = "expectReplies".into();
    let (_, body) = call(&bot, request(None, activity.to_string())).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["activities"][0]["text"], &body["activities"][0]["replyToId"]),
        (&json!("one"), &json!("1"))
    );
}

#[tokio::test]
async fn a_turn_goes_on_when_its_request_breaks_off() {
    let (begun, go, ended) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(AtomicUsize::new(0)),
    );
    let parts = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&ended));
    let bot = anonymous(Bot::new(move |_: TurnContext| {
        let (begun, go, ended) = parts.clone();
        async move {
            begun.notify_one();
            go.notified().await;
            ended.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }));
    let calling = call(&bot, request(None, activity().to_string()));
    tokio::select! {
        _ = calling => panic!("the turn has not ended"),
        () = begun.notified() => {}
    }
    go.notify_one();
    assert_eq!(bot.shutdown().await, 0);
    assert_eq!(ended.load(Ordering::SeqCst), 1, "the turn went on to its end");
    assert_eq!(call(&bot, request(None, activity().to_string())).await.0, 503);
}

#[test]
fn an_unknown_kind_of_activity_is_heard_as_it_is() {
    let activity: Activity = serde_json::from_value(json!({"type": "somethingNew"})).unwrap();
    assert_eq!(activity.r#type, Some(ActivityType::Other("somethingNew".into())));
}
