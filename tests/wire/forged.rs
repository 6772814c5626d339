//! What a bot's call is worth whose token is not, or not any more, that of a bot that may: the answer, and that nothing
//! changed. Some of these only the holder of the server's key can make; the test takes it from the closed data folder.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use redraft_store::{Options, SqliteStore, Store};
use serde_json::{Value, json};

use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

const SPY: (&str, &str) = ("44444444-0000-4000-8000-000000000001", "spy-password");

/// A server whose signing key the test knows.
struct Opened {
    world: World,
    key: EncodingKey,
    kid: String,
    /// Keeps the data.
    _folder: Folder,
}

impl Opened {
    fn new() -> Self {
        let folder = Folder::new("forged");
        let world = World::on(Server::in_folder(&folder.0));
        world.bot(HELPDESK);
        assert!(world.server.stop().success());
        let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", &signing_key(&folder)).as_bytes()).unwrap();
        let world = World::on(Server::in_folder(&folder.0));
        let kid = text_of(&keys(&world)[0], "kid");
        Self { world, key, kid, _folder: folder }
    }

    fn header(&self, algorithm: Algorithm) -> Header {
        Header { kid: Some(self.kid.clone()), ..Header::new(algorithm) }
    }

    /// The claims of a token of helpdesk, with these in their place, signed by the server's key.
    fn signed(&self, changed: &Value) -> String {
        jsonwebtoken::encode(&self.header(Algorithm::RS256), &claims(changed), &self.key).unwrap()
    }
}

/// The one key of a folder that no server has open, as PKCS #8 in base64.
fn signing_key(folder: &Folder) -> String {
    let store = SqliteStore::open(&folder.0, Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let kept = runtime.block_on(store.kept("connector_signing_key")).unwrap().unwrap();
    serde_json::from_slice::<Value>(&kept).unwrap()["keys"][0].as_str().unwrap().to_owned()
}

fn pem(kind: &str, base64: &str) -> String {
    format!("-----BEGIN {kind}-----\n{base64}\n-----END {kind}-----\n")
}

/// The published keys.
fn keys(world: &World) -> Vec<Value> {
    let url = format!("{}/v1/.well-known/keys", world.server.url);
    client::send("GET", &url, &[], ("", b"")).json["keys"].as_array().unwrap().clone()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn claims(changed: &Value) -> Value {
    let mut claims = json!({
        "aud": "https://api.botframework.com",
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "iat": now(),
        "nbf": now(),
        "exp": now() + 600,
        "appid": HELPDESK.0,
        "tid": TENANT,
        "ver": "1.0",
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn foreign() -> EncodingKey {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap()
}

/// Tokens that are nobody's: what each is, and the header with it.
fn nobodys(opened: &Opened) -> Vec<(&'static str, String)> {
    let real = opened.world.bot(HELPDESK);
    let parts: Vec<&str> = real.split('.').collect();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let public = keys(&opened.world)[0].clone();
    let certificate = public["x5c"][0].as_str().unwrap().to_owned();
    let modulus = URL_SAFE_NO_PAD.decode(text_of(&public, "n")).unwrap();
    let hmac = |secret: &[u8]| {
        let header = opened.header(Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims(&json!({})), &EncodingKey::from_secret(secret)).unwrap()
    };
    let foreign = foreign();
    let by_foreign = |header: &Header| jsonwebtoken::encode(header, &claims(&json!({})), &foreign).unwrap();
    let brought = jsonwebtoken::jwk::Jwk::from_encoding_key(&foreign, Algorithm::RS256).unwrap();
    let signed = |changed: Value| opened.signed(&changed);
    let rows = [
        ("expired", signed(json!({"nbf": now() - 7200, "iat": now() - 7200, "exp": now() - 3600}))),
        ("expired just now", signed(json!({"exp": now()}))),
        ("not valid yet", signed(json!({"nbf": now() + 3600}))),
        ("for another service", signed(json!({"aud": "https://graph.microsoft.com"}))),
        ("for the bot itself", signed(json!({"aud": HELPDESK.0}))),
        ("for nobody", signed(json!({"aud": ""}))),
        ("issued by another tenant", signed(json!({"iss": "https://sts.windows.net/other/"}))),
        ("issued by the channel", signed(json!({"iss": "https://api.botframework.com"}))),
        (
            "of a tenant that is not here",
            signed(json!({"tid": "other", "iss": "https://sts.windows.net/other/"})),
        ),
        ("of an app that is not here", signed(json!({"appid": SPY.1}))),
        ("of a person", signed(json!({"appid": "U01ADA"}))),
        ("with the key under another name", {
            let header = Header { kid: Some("mine".into()), ..Header::new(Algorithm::RS256) };
            jsonwebtoken::encode(&header, &claims(&json!({})), &opened.key).unwrap()
        }),
        ("with claims that are no text", signed(json!({"appid": [HELPDESK.0]}))),
        ("changed after signing", {
            format!("{}.{}.{}", parts[0], encoded(&claims(&json!({"appid": PLANNER.0}))), parts[2])
        }),
        ("with another header", format!("{}.{}.{}", encoded(&json!({"alg": "RS256"})), parts[1], parts[2])),
        ("without a signature", format!("{}.{}.", parts[0], parts[1])),
        ("alg none", { format!("{}.{}.", encoded(&json!({"alg": "none", "kid": opened.kid})), parts[1]) }),
        ("HS256 with the certificate", hmac(certificate.as_bytes())),
        ("HS256 with the certificate as PEM", hmac(pem("CERTIFICATE", &certificate).as_bytes())),
        ("HS256 with its bytes", hmac(&STANDARD.decode(&certificate).unwrap())),
        ("HS256 with the modulus", hmac(&modulus)),
        ("HS256 with the modulus as text", hmac(text_of(&public, "n").as_bytes())),
        ("HS256 with nothing", hmac(b"")),
        ("a foreign key under the real one's name", by_foreign(&opened.header(Algorithm::RS256))),
        ("a foreign key under its own name", {
            by_foreign(&Header { kid: Some("mine".into()), ..Header::new(Algorithm::RS256) })
        }),
        ("a foreign key without a name", by_foreign(&Header::new(Algorithm::RS256))),
        ("a foreign key that it brings along", {
            by_foreign(&Header { jwk: Some(brought), ..opened.header(Algorithm::RS256) })
        }),
        ("a foreign key that it says where to find", {
            let jku = Some("http://127.0.0.1:1/keys".into());
            by_foreign(&Header { jku, ..opened.header(Algorithm::RS256) })
        }),
    ];
    let bearers = rows.into_iter().map(|(what, token)| (what, format!("Bearer {token}")));
    let others = [
        ("none", String::new()),
        ("an empty one", "Bearer ".into()),
        ("null", "Bearer null".into()),
        ("garbage", "Bearer garbage".into()),
        ("a token without its scheme", real.clone()),
        ("a Slack token", format!("Bearer {DEPLOY}")),
        ("the control API's token", format!("Bearer {CONTROL}")),
        ("the password", format!("Bearer {}", HELPDESK.1)),
    ];
    bearers.chain(others).collect()
}

/// Every operation, with every token that is nobody's: 401, a reason, and nothing changed.
#[test]
fn tokens_that_are_nobodys() {
    let opened = Opened::new();
    let world = &opened.world;
    let real = world.bot(HELPDESK);
    let id = world.sends(&real, GENERAL_19, "mine");
    let of_message = format!("/{GENERAL_19}/activities/{id}");
    let operations = [
        ("POST", format!("/{GENERAL_19}/activities"), message("forged")),
        ("POST", of_message.clone(), message("forged reply")),
        ("PUT", of_message.clone(), message("forged")),
        ("DELETE", of_message, Value::Null),
        ("POST", String::new(), json!({"members": [{"id": "29:1cleo"}]})),
        ("GET", format!("/{GENERAL_19}/members"), Value::Null),
        ("GET", format!("/{GENERAL_19}/members/29:1cleo"), Value::Null),
    ];
    let rows = nobodys(&opened);
    let before = world.state();
    for (what, header) in &rows {
        for (verb, path, body) in &operations {
            let url = format!("{}/teams/{TENANT}/v3/conversations{path}", world.server.url);
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            let headers = [("authorization", header.as_str())];
            let headers = if header.is_empty() { &[][..] } else { &headers };
            let answer = client::send(verb, &url, headers, ("application/json", &body));
            let row = format!("{what}: {verb} {path}: {}", answer.body);
            assert_eq!(answer.outcome(), "401 BotNotRegistered", "{row}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{row}");
            let reason = text_of(&answer.json["error"], "message");
            assert!(reason.starts_with("Authorization has been denied: "), "{row}");
        }
    }
    assert_eq!(world.state(), before);
    let token = opened.signed(&json!({}));
    let put = world.connector(&token, "PUT", &operations[2].1, &message("signed as the server signs"));
    assert_eq!(put.status, 200, "the rows differ from this one in what they say they do: {}", put.body);
    println!("forged: {} tokens on {} operations", rows.len(), operations.len());
    world.is_well();
}

/// Tokens of bots that are who they say and may not.
#[test]
fn tokens_of_others() {
    let world = World::new();
    let (helpdesk, planner) = (world.bot(HELPDESK), world.bot(PLANNER));
    let seed = json!({
        "workspace": {"name": "Else"},
        "people": [{"name": "ada"}],
        "apps": [{"kind": "teams", "name": "spy", "app_id": SPY.0, "app_password": SPY.1}],
    });
    assert_eq!(control(&world.server.url, "POST", "/workspaces", &seed).status, 201);
    let spy = world.bot_at("botframework.com", SPY);
    let mine = world.sends(&helpdesk, GENERAL_19, "helpdesk's");
    let theirs = world.sends(&planner, LEADS_19, "planner's");
    let mine = format!("/{GENERAL_19}/activities/{mine}");
    let theirs = format!("/{LEADS_19}/activities/{theirs}");
    let (in_general, in_leads) = (format!("/{GENERAL_19}/activities"), format!("/{LEADS_19}/activities"));
    let before = world.state();
    let rows: &[(&str, &str, &str, &str, &str)] = &[
        ("another app's message", &planner, "PUT", &mine, "403 NotEnoughPermissions"),
        ("another app's message", &planner, "DELETE", &mine, "403 NotEnoughPermissions"),
        ("another tenant's message", &spy, "PUT", &mine, "404 ConversationNotFound"),
        ("another tenant's message", &spy, "DELETE", &mine, "404 ConversationNotFound"),
        ("another tenant's channel", &spy, "POST", &in_general, "404 ConversationNotFound"),
        (
            "another tenant's channel",
            &spy,
            "GET",
            "/19:general@thread.tacv2/members",
            "404 ConversationNotFound",
        ),
        ("a channel it is not in", &helpdesk, "POST", &in_leads, "404 ConversationNotFound"),
        ("a message of a channel it is not in", &helpdesk, "PUT", &theirs, "404 ConversationNotFound"),
        ("a message of a channel it is not in", &helpdesk, "DELETE", &theirs, "404 ConversationNotFound"),
        (
            "a channel it is not in",
            &helpdesk,
            "GET",
            "/19:leads@thread.tacv2/members",
            "404 ConversationNotFound",
        ),
    ];
    for (what, token, verb, path, expected) in rows {
        let body = if *verb == "POST" || *verb == "PUT" { message("x") } else { Value::Null };
        let answer = world.connector(token, verb, path, &body);
        assert_eq!(answer.outcome(), *expected, "{what}: {verb} {path}: {}", answer.body);
    }
    assert_eq!(world.state(), before);
    world.controlled("DELETE", "/apps/helpdesk", &Value::Null);
    let before = world.state();
    for (verb, body) in [("PUT", message("x")), ("DELETE", Value::Null)] {
        assert_eq!(world.connector(&helpdesk, verb, &mine, &body).outcome(), "401 BotNotRegistered");
    }
    assert_eq!(world.state(), before);
    world.is_well();
}

/// A token says who calls and nothing of the body: a body that was changed on the way is taken as sent, as on the real
/// service, and only TLS keeps it whole. So nothing in a body is believed about who speaks, and where.
#[test]
fn bodies_that_say_who_speaks() {
    let world = World::new();
    let token = world.bot(HELPDESK);
    let body = json!({
        "type": "message",
        "text": "as somebody else",
        "id": "1",
        "from": {"id": format!("28:{}", PLANNER.0), "name": "planner"},
        "recipient": {"id": "29:1ada"},
        "conversation": {"id": LEADS_19, "tenantId": "other"},
        "channelData": {"tenant": {"id": "other"}, "team": {"id": LEADS_19}},
        "serviceUrl": "http://evil.example/",
    });
    let answer = world.connector(&token, "POST", &format!("/{GENERAL_19}/activities"), &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let leads = world.controlled("GET", "/channels/leads/messages", &Value::Null);
    assert_eq!(leads["messages"].as_array().unwrap().len(), 0);
    let general = world.controlled("GET", "/channels/general/messages", &Value::Null);
    let posted = &general["messages"][0];
    let apps = world.controlled("GET", "/apps", &Value::Null);
    let mut apps = apps["apps"].as_array().unwrap().iter();
    let helpdesk = apps.find(|app| app["app_id"] == HELPDESK.0).unwrap();
    assert_eq!(posted["app"], helpdesk["id"], "{posted}");
    let path = format!("/{GENERAL_19}/activities/{}", text_of(&answer.json, "id"));
    let planner = world.bot(PLANNER);
    assert_eq!(
        world.connector(&planner, "DELETE", &path, &Value::Null).outcome(),
        "403 NotEnoughPermissions"
    );
    assert_eq!(world.connector(&token, "DELETE", &path, &Value::Null).status, 200);
}

/// A new key takes the old one's place on a running server: tokens of before, between and after, and what bots fetch.
#[test]
fn a_key_is_replaced() {
    let folder = Folder::new("rotation");
    let world = World::on(Server::in_folder(&folder.0));
    let step = |step: &str| {
        control(&world.server.url, "POST", "/authority/rotate", &json!({"step": step})).outcome()
    };
    let kid = |token: &str| {
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        text_of(&serde_json::from_slice(&header).unwrap(), "kid")
    };
    let published = || keys(&world).iter().map(|key| text_of(key, "kid")).collect::<Vec<_>>();
    let works = |token: &str| {
        world.connector(token, "GET", &format!("/{GENERAL_19}/members"), &Value::Null).outcome()
    };
    let before = world.bot(HELPDESK);
    let old = kid(&before);
    assert_eq!(published(), [&*old]);
    for (wrong, expected) in
        [("use", "409 wrong_step"), ("retire", "409 wrong_step"), ("", "400 bad_request")]
    {
        assert_eq!(step(wrong), expected, "{wrong}");
    }
    assert_eq!(published(), [&*old]);

    assert_eq!(step("publish"), "200");
    assert_eq!(step("publish"), "409 wrong_step");
    let between = world.bot(HELPDESK);
    assert_eq!(kid(&between), old, "what is published is not used yet");
    let both = published();
    assert_eq!((both.len(), &both[0]), (2, &old));

    assert_eq!(step("use"), "200");
    let after = world.bot(HELPDESK);
    assert_eq!((kid(&after), published()), (both[1].clone(), both.clone()));
    for token in [&before, &between, &after] {
        assert_eq!(works(token), "200");
    }

    assert_eq!(step("retire"), "200");
    assert_eq!(published(), both[1..]);
    let (state, path) = (world.state(), format!("/{GENERAL_19}/activities"));
    for token in [&before, &between] {
        assert_eq!(world.connector(token, "POST", &path, &message("x")).outcome(), "401 BotNotRegistered");
    }
    assert_eq!((works(&after), world.state()), ("200".into(), state));

    assert!(world.server.stop().success());
    let again = World::on(Server::in_folder(&folder.0));
    assert_eq!(keys(&again).iter().map(|key| text_of(key, "kid")).collect::<Vec<_>>(), both[1..]);
    let members = format!("/{GENERAL_19}/members");
    assert_eq!(again.connector(&after, "GET", &members, &Value::Null).status, 200);
    assert_eq!(again.connector(&before, "GET", &members, &Value::Null).status, 401);
}

/// The same from the command line, with the server running and without.
#[test]
fn a_key_is_replaced_from_the_command_line() {
    let folder = Folder::new("rotation-cli");
    let redraft = |verb: &str| {
        let output = crate::support::redraft().args(["key", verb, "--data"]).arg(&folder.0).output().unwrap();
        let said = if output.status.success() { output.stdout } else { output.stderr };
        let said = String::from_utf8(said).unwrap();
        said.lines().map(|line| line.rsplit("  ").next().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let server = Server::in_folder(&folder.0);
    assert_eq!(redraft("list"), "signing");
    assert_eq!(redraft("publish"), "signing, published");
    assert!(server.stop().success());
    assert_eq!(redraft("list"), "signing, published");
    assert_eq!(redraft("use"), "old, signing");
    assert!(redraft("use").contains("no new key is published"));
    let server = Server::in_folder(&folder.0);
    assert_eq!(redraft("retire"), "signing");
    assert!(server.stop().success());
}
