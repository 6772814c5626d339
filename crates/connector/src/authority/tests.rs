use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, UserId, WorkspaceId};
use redraft_model::time::Micros;
use redraft_model::workspace::{Settings, User};
use redraft_service::Service;
use redraft_service::bounds::Bounds;
use redraft_service::delivery::Outbox;
use redraft_service::throttle::Throttle;
use redraft_store::{MemoryStore, machine_clock};

use super::*;
use crate::authenticate::authenticate;
use crate::state::Connector;

/// A workspace of the tenant `the-tenant`, with one bot: `helpdesk`, of the app id `the-app`.
fn directory() -> Directory {
    let mut directory = Directory::new(Workspace {
        id: WorkspaceId(0),
        team_id: "T1".into(),
        tenant_id: "the-tenant".into(),
        name: "Acme".into(),
        domain: "acme".into(),
        created_at: Micros(0),
        settings: Settings::default(),
        clock_offset_micros: 0,
    });
    directory.put_user(User {
        id: UserId(1),
        slack_id: "U1".into(),
        member_id: "28:the-app".into(),
        directory_id: mint::guid(),
        name: "helpdesk".into(),
        real_name: "helpdesk".into(),
        email: None,
        admin: false,
        bot_of: Some(AppId(1)),
        away: false,
        deactivated: false,
        updated_at: Micros(0),
    });
    directory.put_app(Bot {
        id: AppId(1),
        dialect: Dialect::Connector,
        slack_id: "A1".into(),
        bot_id: "B1".into(),
        app_id: "the-app".into(),
        name: "helpdesk".into(),
        bot_user: UserId(1),
        installed_by: None,
        signing_secret: None,
        password_hash: None,
        uninstalled: false,
        endpoint: None,
        hears_from: 0,
        reads_all: false,
        expects_replies: false,
        issuer: None,
        anonymous: false,
        slack: None,
        updated_at: Micros(0),
        old_secrets: Vec::new(),
    });
    directory
}

async fn connector() -> Connector {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(machine_clock()));
    let verb = Verb::Control(Box::new(Control::CreateWorkspace(Arc::new(directory()))));
    let (workspace, caller) = (WorkspaceId(0), Caller::Control);
    let command = Command { workspace, caller, idempotency: None, verb, source: None };
    let service = Service {
        store,
        public_url: "http://127.0.0.1:1".into(),
        local_url: "http://127.0.0.1:1".into(),
        tls_url: None,
        loopback: true,
        outbox: Outbox::new(std::time::Duration::from_secs(1), false).unwrap(),
        throttle: Throttle::default(),
        bounds: Bounds::default(),
    };
    assert!(service.submit(command).await.is_ok());
    let connector = Connector::new(Arc::new(service), false);
    connector.authority.prepare(&*connector.service.store).await.unwrap();
    connector
}

fn claims() -> Claims {
    Claims {
        aud: AUDIENCE.into(),
        iss: issuer("the-tenant"),
        iat: now(),
        nbf: now(),
        exp: now() + 60,
        appid: "the-app".into(),
        tid: "the-tenant".into(),
        ver: "1.0".into(),
        kid: String::new(),
    }
}

fn outcome(connector: &Connector, token: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    authenticate(connector, &headers, None).map_or_else(|error| error.message, |(_, bot)| bot.name.clone())
}

/// What only the holder of the real key can sign, and each way in which even that is refused.
#[tokio::test]
async fn claims_are_checked_on_every_call() {
    let connector = connector().await;
    let keys = connector.authority.keys().unwrap();
    for (claims, expected) in [
        (claims(), "helpdesk"),
        (Claims { exp: now() - 1, ..claims() }, "expired"),
        (Claims { exp: 0, ..claims() }, "expired"),
        (Claims { nbf: now() + 60, ..claims() }, "helpdesk"),
        (Claims { nbf: now() + 600, ..claims() }, "not valid yet"),
        (Claims { aud: "https://graph.microsoft.com".into(), ..claims() }, "audience"),
        (Claims { aud: String::new(), ..claims() }, "audience"),
        (Claims { iss: issuer("another"), ..claims() }, "issuer"),
        (Claims { iss: String::new(), ..claims() }, "issuer"),
        (Claims { tid: "another".into(), ..claims() }, "tenant"),
        (Claims { tid: "the-app".into(), ..claims() }, "helpdesk"),
        (Claims { appid: "another".into(), ..claims() }, "app id"),
        (Claims { appid: "ada".into(), ..claims() }, "app id"),
    ] {
        let token = signed(keys.signing(), &claims).unwrap();
        for time in ["first", "second, from memory"] {
            let outcome = outcome(&connector, &token);
            assert!(outcome.contains(expected), "{claims:?} {time}: {outcome}");
        }
    }
}

/// The public key is no secret: a token that is "signed" with it as if it were one is not accepted.
#[tokio::test]
async fn other_signatures_are_not_accepted() {
    let connector = connector().await;
    let keys = connector.authority.keys().unwrap();
    let published = keys.published()["keys"][0].clone();
    let texts = ["n", "kid", "x5t"].map(|name| published[name].as_str().unwrap().to_owned());
    let modulus = URL_SAFE_NO_PAD.decode(&texts[0]).unwrap();
    let certificate = published["x5c"][0].as_str().unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    let texts = texts.iter().map(|text| text.as_bytes());
    for secret in texts.chain([&modulus[..], certificate.as_bytes(), pem.as_bytes(), b""]) {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some(keys.signing().id.clone()), ..Header::new(algorithm) };
            let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap();
            assert!(outcome(&connector, &token).contains("not valid"), "{algorithm:?}");
        }
    }
    let foreign = Keys::first().unwrap();
    let own = signed(foreign.signing(), &claims()).unwrap();
    assert!(outcome(&connector, &own).contains("not valid"), "a key of somebody else");
    let header = Header { kid: Some(keys.signing().id.clone()), ..Header::new(Algorithm::RS256) };
    for header in [header, Header::new(Algorithm::RS256)] {
        let named = jsonwebtoken::encode(&header, &claims(), &foreign.signing().encoding).unwrap();
        assert!(
            outcome(&connector, &named).contains("not valid"),
            "the same under our key's name, and under none"
        );
    }
}

fn parts(token: &str) -> (Value, Value) {
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    (parts[0].clone(), parts[1].clone())
}

/// One token for each bot and address, with the claims that SDKs want and none that they take for something else.
#[tokio::test]
async fn calls_to_bots() {
    let connector = connector().await;
    let (url, other) = ("http://127.0.0.1:1/teams/the-tenant/", "http://127.0.0.1:1/teams/another/");
    let token = connector.authority.for_bot(ISSUER, "the-app", url).unwrap();
    let (header, claims) = parts(&token);
    let published = connector.authority.published().unwrap()["keys"][0].clone();
    assert_eq!(header["alg"], "RS256");
    assert_eq!((&header["kid"], &header["x5t"]), (&published["kid"], &published["x5t"]));
    let named: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(named, ["aud", "exp", "iat", "iss", "nbf", "serviceurl"]);
    assert_eq!([&claims["iss"], &claims["aud"], &claims["serviceurl"]], [ISSUER, "the-app", url]);
    let time = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!((time("exp") - time("iat"), time("iat") - time("nbf")), (3600, 300));
    let mut tokens = vec![token];
    for names in [(ISSUER, "the-app", other), (ISSUER, "another-app", url), ("http://own", "the-app", url)] {
        let token = connector.authority.for_bot(names.0, names.1, names.2).unwrap();
        assert_eq!(connector.authority.for_bot(names.0, names.1, names.2).as_ref(), Some(&token));
        assert!(!tokens.contains(&token));
        tokens.push(token);
    }
    assert_eq!(connector.authority.for_bot(ISSUER, "the-app", url).as_ref(), tokens.first());
    for token in &tokens {
        assert!(
            outcome(&connector, token).contains("not valid"),
            "a token that calls a bot is none of a bot"
        );
    }
    for call in connector.authority.calls.lock().unwrap().values_mut() {
        call.exp = now() + 100;
    }
    connector.authority.for_bot(ISSUER, "the-app", url).unwrap();
    let calls = connector.authority.calls.lock().unwrap();
    let renewed = calls.values().filter(|call| now() + 1000 < call.exp);
    assert_eq!(renewed.count(), 1, "one that is about to end is not used any more");
}

/// While a new key takes the old one's place, tokens of both are valid as long as each key is published.
#[tokio::test]
async fn a_new_key_takes_the_old_ones_place() {
    let connector = connector().await;
    let store = Arc::clone(&connector.service.store);
    let token = || {
        let keys = connector.authority.keys().unwrap();
        signed(keys.signing(), &claims()).unwrap()
    };
    let call = || connector.authority.for_bot(ISSUER, "the-app", "http://here/").unwrap();
    let kid = |token: &str| parts(token).0["kid"].as_str().unwrap().to_owned();
    let published = || connector.authority.published().unwrap()["keys"].as_array().unwrap().len();
    let (before, call_before) = (token(), call());
    assert_eq!((outcome(&connector, &before).as_str(), published()), ("helpdesk", 1));

    assert!(connector.authority.turn(&*store, Step::Publish).await.is_ok());
    let during = token();
    assert_eq!((kid(&during), kid(&call()), published()), (kid(&before), kid(&before), 2));

    assert!(connector.authority.turn(&*store, Step::Use).await.is_ok());
    let after = token();
    assert_ne!(kid(&after), kid(&before));
    assert_eq!((kid(&call()), kid(&call_before), published()), (kid(&after), kid(&before), 2));
    for token in [&before, &during, &after] {
        assert_eq!(outcome(&connector, token), "helpdesk");
    }
    assert!(connector.authority.turn(&*store, Step::Publish).await.is_err());

    assert!(connector.authority.turn(&*store, Step::Retire).await.is_ok());
    assert!(outcome(&connector, &before).contains("no longer"), "though it was remembered");
    assert_eq!((outcome(&connector, &after).as_str(), published()), ("helpdesk", 1));

    let again = Authority::default();
    again.prepare(&*store).await.unwrap();
    assert_eq!(again.published(), connector.authority.published(), "the store has what is in use");
}
