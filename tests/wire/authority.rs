//! What bots need to trust the server and to be trusted by it: documents and keys, under its own name and those of
//! Microsoft's login hosts; the identity endpoint; bots without a token.

use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::support::{Folder, Server, redraft};
use crate::world::*;

fn get(world: &World, host: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    client::raw(&world.server.url, request.as_bytes())
}

/// Every document with the addresses in it: the public address, unless a redirected host was asked, which only TLS
/// leads to.
#[test]
fn documents() {
    let world = World::new();
    let own = world.server.url.clone();
    let host = own.trim_start_matches("http://");
    let login = "https://login.microsoftonline.com";
    for (asked, path, pointer, expected) in [
        (host, "/v1/.well-known/openidconfiguration", "/issuer", "https://api.botframework.com".to_owned()),
        (host, "/v1/.well-known/openidconfiguration", "/jwks_uri", format!("{own}/v1/.well-known/keys")),
        (
            "login.botframework.com",
            "/v1/.well-known/openidconfiguration",
            "/jwks_uri",
            "https://login.botframework.com/v1/.well-known/keys".into(),
        ),
        (host, "/t-1/v2.0/.well-known/openid-configuration", "/issuer", format!("{own}/t-1/v2.0")),
        (
            host,
            "/t-1/v2.0/.well-known/openid-configuration",
            "/token_endpoint",
            format!("{own}/t-1/oauth2/v2.0/token"),
        ),
        (
            host,
            "/t-1/v2.0/.well-known/openid-configuration",
            "/jwks_uri",
            format!("{own}/t-1/discovery/v2.0/keys"),
        ),
        (
            "login.microsoftonline.com",
            "/t-1/v2.0/.well-known/openid-configuration",
            "/token_endpoint",
            format!("{login}/t-1/oauth2/v2.0/token"),
        ),
        (
            "login.microsoftonline.com:8443",
            "/t-1/v2.0/.well-known/openid-configuration",
            "/token_endpoint",
            format!("{login}:8443/t-1/oauth2/v2.0/token"),
        ),
        (
            "login.microsoftonline.com",
            "/adfs/.well-known/openid-configuration",
            "/token_endpoint",
            format!("{login}/adfs/oauth2/token"),
        ),
        (
            "login.microsoftonline.com",
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.microsoftonline.com%2Ft-1%2Foauth2%2Fv2.0%2Fauthorize",
            "/tenant_discovery_endpoint",
            format!("{login}/t-1/v2.0/.well-known/openid-configuration"),
        ),
        (host, "/common/discovery/instance", "/api-version", "1.1".into()),
    ] {
        let answer = get(&world, asked, path);
        assert_eq!((answer.status, at(&answer.json, pointer)), (200, &json!(expected)), "{asked} {path}");
        assert!(answer.header("content-type").starts_with("application/json"), "{path}");
    }
    let lists = ["/v1/.well-known/keys", "/t-1/discovery/v2.0/keys", "/t-1/discovery/keys"];
    let lists = lists.map(|path| get(&world, host, path).json);
    assert!(lists.iter().all(|list| *list == lists[0]));
    let key = &lists[0]["keys"][0];
    for (name, expected) in [("kty", "RSA"), ("use", "sig"), ("e", "AQAB")] {
        assert_eq!(key[name], expected);
    }
    assert_eq!(key["endorsements"], json!(["msteams"]), "botbuilder wants the activity's channelId in it");
    let certificate = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
    let thumbprint = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(thumbprint);
    assert_eq!(text_of(key, "x5t"), thumbprint);
    for path in ["/v1/.well-known/keys", "/t-1/v2.0/.well-known/openid-configuration"] {
        let answer = client::send("POST", &format!("{own}{path}"), &[], ("", b""));
        assert_eq!((answer.status, answer.header("allow")), (405, "GET"));
    }
    world.is_well();
}

/// The login hosts mean documents and tokens, and nothing else that the server has; and no page of any host may ask.
#[test]
fn login_hosts_mean_what_they_have() {
    let world = World::new();
    let (documents, rest) = (
        [
            ("GET", "/v1/.well-known/openidconfiguration"),
            ("GET", "/v1/.well-known/keys"),
            ("GET", "/t/v2.0/.well-known/openid-configuration"),
            ("GET", "/t/.well-known/openid-configuration"),
            ("GET", "/t/discovery/v2.0/keys"),
            ("GET", "/t/discovery/keys"),
            ("GET", "/common/discovery/instance"),
            ("POST", "/t/oauth2/v2.0/token"),
            ("POST", "/t/oauth2/token"),
        ],
        [
            ("GET", "/msi/token"),
            ("POST", "/api/auth.test"),
            ("POST", "/v3/conversations"),
            ("GET", "/teams/t/v3/conversations/a/members"),
            ("GET", "/control/workspaces"),
            ("GET", "/control/openapi.json"),
            ("GET", "/healthz"),
            ("GET", "/metrics"),
            ("GET", "/"),
        ],
    );
    let hosts = [
        ("login.microsoftonline.com", true),
        ("login.microsoftonline.com:443", true),
        ("LOGIN.botframework.com", true),
        ("login.microsoftonline.com\r\nOrigin: https://evil.example", false),
        ("login.microsoftonline.com\r\nOrigin: https://login.microsoftonline.com", false),
        ("login.microsoftonline.com.evil.example", false),
        ("evil.login.microsoftonline.com", false),
        ("microsoftonline.com", false),
    ];
    let rows = documents.map(|row| (row, true)).into_iter().chain(rest.map(|row| (row, false)));
    for ((verb, path), stands) in rows {
        for (host, means) in hosts {
            let request = format!(
                "{verb} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = client::raw(&world.server.url, request.as_bytes());
            let refused = answer.body.contains("a host that is not this server's");
            assert_eq!(
                !refused,
                stands && means,
                "{verb} {path} {host:?}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
}

/// The identity endpoint of App Service: who knows a bot's password gets that bot's token.
#[test]
fn managed_identities() {
    let world = World::new();
    let ask = |verb: &str, query: &str, headers: &[(&str, &str)]| {
        client::send(verb, &format!("{}/msi/token{query}", world.server.url), headers, ("", b""))
    };
    let query = |version: &str, resource: &str, id: &str| {
        format!("?api-version={version}&resource={resource}&client_id={id}")
    };
    let (version, resource) = ("2019-08-01", "https%3A%2F%2Fapi.botframework.com");
    let good = query(version, resource, HELPDESK.0);
    let (password, planners) = ([("x-identity-header", HELPDESK.1)], [("X-IDENTITY-HEADER", PLANNER.1)]);
    let rows: &[(&str, String, &[(&str, &str)], u16)] = &[
        ("GET", good.clone(), &password, 200),
        ("GET", query(version, "https://api.botframework.com/", HELPDESK.0), &password, 200),
        ("GET", query(version, "https://api.botframework.com/.default", HELPDESK.0), &password, 200),
        ("GET", good.clone(), &[], 401),
        ("GET", good.clone(), &[("x-identity-header", "")], 401),
        ("GET", good.clone(), &[("x-identity-header", "helpdesk-passwor")], 401),
        ("GET", good.clone(), &planners, 401),
        ("GET", good.clone(), &[("authorization", "Bearer helpdesk-password")], 401),
        ("GET", query(version, resource, PLANNER.0), &password, 401),
        ("GET", query(version, resource, "33333333-0000-4000-8000-00000000000f"), &password, 400),
        ("GET", query(version, resource, "A01DEPLOY"), &password, 400),
        ("GET", query(version, resource, ""), &password, 400),
        ("GET", query("2018-02-01", resource, HELPDESK.0), &password, 400),
        ("GET", query(version, "https://graph.microsoft.com", HELPDESK.0), &password, 400),
        ("GET", query(version, "", HELPDESK.0), &password, 400),
        ("GET", String::new(), &password, 400),
        ("POST", good.clone(), &password, 405),
    ];
    for (verb, query, headers, status) in rows {
        let answer = ask(verb, query, headers);
        assert_eq!(answer.status, *status, "{verb} {query} {headers:?}: {}", answer.body);
        assert_eq!(answer.json["access_token"].is_string(), *status == 200, "{}", answer.body);
        if *status != 200 {
            assert_eq!(answer.json["statusCode"], *status, "{}", answer.body);
            assert!(!text_of(&answer.json, "message").is_empty());
        }
    }
    let answer = ask("GET", &good, &password);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json["token_type"], "Bearer");
    assert_eq!(answer.json["client_id"], HELPDESK.0);
    assert_eq!(answer.json["resource"], "https://api.botframework.com");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let ends: u64 = text_of(&answer.json, "expires_on").parse().unwrap();
    assert!((now + 3500..now + 3700).contains(&ends), "seconds since 1970, as a text: {ends}");
    world.sends(&text_of(&answer.json, "access_token"), GENERAL_19, "with a managed identity");
    world.controlled("DELETE", "/apps/helpdesk", &Value::Null);
    assert_eq!(ask("GET", &good, &password).status, 400);
    world.is_well();
}

const ANONYMOUS: &str = "
control_token: control-of-tests
workspace: {id: T01ACME, tenant_id: 11111111-1111-4111-8111-111111111111}
people: [{name: ada, admin: true, id: U01ADA, token: xoxp-ada}]
channels: [{name: general, id: C01GENERAL, conversation_id: '19:general@thread.tacv2'}]
apps:
  - {kind: slack, name: deploybot, bot_token: xoxb-deploy}
  - {kind: teams, name: helpdesk, app_id: 33333333-0000-4000-8000-000000000001, app_password: helpdesk-password}
  - {kind: teams, name: echo, anonymous: true}
";

/// Calls without a token of ours are the anonymous bot's, at addresses of its tenant.
#[test]
fn anonymous_bots() {
    let folder = Folder::new("anonymous");
    let seed = folder.join("seed.yaml");
    std::fs::write(&seed, ANONYMOUS).unwrap();
    let world = World::on(Server::start(&["--memory", "--seed", seed.to_str().unwrap()]));
    let call = |prefix: &str, header: &str| {
        let url = format!("{}{prefix}/v3/conversations/{GENERAL_19}/activities", world.server.url);
        let headers = [("authorization", header)];
        let headers = if header.is_empty() { &[][..] } else { &headers };
        client::send("POST", &url, headers, ("application/json", b"{\"type\":\"message\",\"text\":\"x\"}"))
    };
    let author = |answer: &Answer| {
        let ts = text_of(&answer.json, "id");
        let (seconds, micros) = ts.split_at(ts.len() - 6);
        let posted = world.ok(ADA, "conversations.history", &json!({"channel": GENERAL, "limit": 1}));
        assert_eq!(posted["messages"][0]["ts"], format!("{seconds}.{micros}"));
        text_of(&posted["messages"][0]["bot_profile"], "name")
    };
    let own = format!("/teams/{TENANT}");
    let real = format!("Bearer {}", world.bot(HELPDESK));
    let tampered = format!("{}x", &real[..real.len() - 9]);
    for (prefix, header, expected) in [
        (own.as_str(), "", "echo"),
        (&own, "Bearer null", "echo"),
        (&own, "Bearer undefined", "echo"),
        (&own, "Bearer ", "echo"),
        (&own, "Basic abc", "echo"),
        (&own, &tampered, "echo"),
        (&own, &real, "helpdesk"),
        ("/teams/T01ACME", "", "echo"),
        ("", &real, "helpdesk"),
        ("", "", "401"),
        ("", "Bearer null", "401"),
        ("/teams/22222222-1111-4111-8111-111111111111", "", "401"),
    ] {
        let answer = call(prefix, header);
        let outcome = if answer.status == 201 { author(&answer) } else { answer.status.to_string() };
        assert_eq!(outcome, expected, "{prefix} {header:.20}: {}", answer.body);
    }
    let second = json!({"kind": "teams", "name": "second", "anonymous": true});
    assert_eq!(world.control("POST", "/apps", &second).outcome(), "409 taken");
    world.controlled("DELETE", "/apps/helpdesk", &Value::Null);
    assert_eq!(call(&own, &real).status, 401, "a token of ours that is refused is not the anonymous bot's");
    world.controlled("DELETE", "/apps/echo", &Value::Null);
    assert_eq!(call(&own, "").status, 401);
    world.controlled("POST", "/apps", &second);
    assert_eq!(author(&call(&own, "")), "second");
    world.controlled("DELETE", "/apps/second", &Value::Null);
    world.controlled("POST", "/apps", &json!({"kind": "slack", "name": "of slack", "anonymous": true}));
    assert_eq!(call(&own, "").status, 401, "a Slack app is no bot of the Connector");
    world.is_well();
}

/// Whoever reaches a server is its anonymous bot, so only a server that nobody else reaches may have one.
#[test]
fn anonymous_bots_only_where_nobody_else_comes() {
    let folder = Folder::new("anonymous-public");
    let seed = folder.join("seed.yaml");
    let data = folder.join("data");
    let refused = |seed_text: &str, options: &[&str]| {
        std::fs::write(&seed, seed_text).unwrap();
        let ready = folder.join("ready.json");
        let mut command = redraft();
        command.args(["serve", "--listen", "127.0.0.1:0", "--memory", "--seed"]).arg(&seed);
        command.arg("--ready-file").arg(&ready).args(options).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if ready.exists() {
                child.kill().unwrap();
                panic!("it started: {options:?}");
            }
            std::thread::yield_now();
        }
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(ANONYMOUS, &["--public-url", "https://chat.example"]);
    assert!(said.contains("an anonymous bot needs a server that listens on loopback"), "{said}");
    let two = format!("{ANONYMOUS}  - {{kind: teams, name: other, anonymous: true}}\n");
    let said = refused(&two, &[]);
    assert!(said.contains("an anonymous app twice"), "{said}");

    std::fs::write(&seed, ANONYMOUS).unwrap();
    let (data, seed) = (data.to_str().unwrap(), seed.to_str().unwrap());
    let post = |url: &str| {
        let path = format!("/teams/{TENANT}/v3/conversations/{GENERAL_19}/activities");
        let body = message("x").to_string();
        client::send("POST", &format!("{url}{path}"), &[], ("application/json", body.as_bytes()))
    };
    let server = Server::start(&["--data", data, "--seed", seed]);
    assert_eq!(post(&server.url).status, 201);
    assert!(server.stop().success());
    // The same data behind a public address: the bot is there, and nobody's call is its.
    let server = Server::start(&["--data", data, "--seed", seed, "--public-url", "https://chat.example"]);
    let url = server.listening.clone();
    assert_eq!(post(&url).outcome(), "401 BotNotRegistered");
    let asked = json!({"kind": "teams", "name": "second", "anonymous": true});
    let answer = control(&url, "POST", "/workspaces/T01ACME/apps", &asked);
    assert!(answer.body.contains("listens on loopback"), "{}", answer.body);
    let asked = json!({"people": [{"name": "ada"}], "apps": [asked]});
    let answer = control(&url, "POST", "/workspaces", &asked);
    assert!(answer.body.contains("listens on loopback"), "{}", answer.body);
}
