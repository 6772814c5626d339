//! Guesses at secrets are held up, and honest clients are not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::world::*;

/// Sends a request from another address of this machine.
fn from(address: &str, url: &str, head: &str, body: &str) -> Answer {
    let to: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let connecting = async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0))?;
        socket.connect(to).await?.into_std()
    };
    let mut stream: TcpStream = runtime.block_on(connecting).unwrap();
    stream.set_nonblocking(false).unwrap();
    let length = body.len();
    let request =
        format!("{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    client::parse(&answer).unwrap()
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn token(address: &str, world: &World, (app, password): (&str, &str)) -> Answer {
    let body = format!(
        "grant_type=client_credentials&client_id={app}&client_secret={password}\
         &scope=https%3A%2F%2Fapi.botframework.com%2F.default"
    );
    let head = format!("POST /{TENANT}/oauth2/v2.0/token HTTP/1.1\r\n{FORM}");
    from(address, &world.server.url, &head, &body)
}

/// Guesses until the answer is 429; how many were looked at before.
fn guess(mut one: impl FnMut(usize) -> Answer) -> (usize, Answer) {
    for looked_at in 0..1000 {
        let answer = one(looked_at);
        if answer.status == 429 {
            return (looked_at, answer);
        }
        assert!([200, 400, 401].contains(&answer.status), "{} {}", answer.status, answer.body);
    }
    panic!("guesses are never held up");
}

#[test]
fn the_token_endpoint() {
    let world = World::new();
    assert_eq!(token("127.0.0.1", &world, HELPDESK).status, 200);
    let wrong = |number: usize| token("127.0.0.2", &world, (HELPDESK.0, &format!("guess-{number}")));
    let (looked_at, held_up) = guess(wrong);
    assert!((50..200).contains(&looked_at), "{looked_at}");
    assert_eq!(held_up.json["error"], "temporarily_unavailable");
    assert!(0 < held_up.header("retry-after").parse::<u32>().unwrap());
    // Even the right password is not looked at where guesses come from, or a guess could not be told from none.
    assert_eq!(token("127.0.0.2", &world, HELPDESK).status, 429);
    // The bot that was there before goes on, and so does every other one.
    assert_eq!(token("127.0.0.1", &world, HELPDESK).status, 200);
    assert_eq!(token("127.0.0.3", &world, PLANNER).status, 200);
    assert_eq!(token("127.0.0.2", &world, PLANNER).status, 200, "it guessed at another one");
    // The endpoint of managed identities counts together with it.
    let identity = |address: &str, password: &str| {
        let path = format!(
            "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fapi.botframework.com&client_id={}",
            HELPDESK.0
        );
        let head = format!("GET {path} HTTP/1.1\r\nX-IDENTITY-HEADER: {password}");
        from(address, &world.server.url, &head, "")
    };
    assert_eq!(identity("127.0.0.2", "guess").status, 429);
    assert_eq!(identity("127.0.0.1", HELPDESK.1).status, 200);
    // Whoever asks for apps that are not here is held up by address.
    let unknown = |number: usize| token("127.0.0.4", &world, (&format!("app-{number}"), "x"));
    let (looked_at, _) = guess(unknown);
    assert!(looked_at < 400, "{looked_at}");
    assert_eq!(token("127.0.0.4", &world, PLANNER).status, 429);
    let metrics = client::send("GET", &format!("{}/metrics", world.server.url), &[], ("", b"")).body;
    assert!(metrics.contains("redraft_logins_throttled_total{at=\"token_endpoint\"}"), "{metrics}");
}

#[test]
fn client_secrets_and_control_tokens() {
    let world = World::new();
    let url = &world.server.url;
    let apps = world.controlled("GET", "/apps", &Value::Null);
    let app = apps["apps"].as_array().unwrap().iter().find(|app| app["name"] == "deploybot").unwrap();
    let client_id = text_of(app, "client_id");
    let secret = |number: usize| {
        let body = format!("client_id={client_id}&client_secret=guess-{number}&code=x");
        from("127.0.0.2", url, &format!("POST /api/oauth.v2.access HTTP/1.1\r\n{FORM}"), &body)
    };
    let (_, held_up) = guess(secret);
    assert_eq!(held_up.code(), "ratelimited");
    assert!(0 < held_up.header("retry-after").parse::<u32>().unwrap());

    let control = |address: &str, token: &str| {
        let head = format!("GET /control/workspaces HTTP/1.1\r\nAuthorization: Bearer {token}");
        from(address, url, &head, "")
    };
    assert_eq!(control("127.0.0.3", CONTROL).status, 200);
    let (_, held_up) = guess(|number| control("127.0.0.3", &format!("guess-{number}")));
    assert_eq!(held_up.outcome(), "429 throttled");
    assert_eq!(control("127.0.0.3", CONTROL).status, 200, "who was there before goes on");
    assert_eq!(control("127.0.0.4", CONTROL).status, 200);
    // A web page can call without a token, as often as it likes; that guesses nothing.
    for _ in 0..300 {
        assert_eq!(from("127.0.0.5", url, "GET /control/workspaces HTTP/1.1", "").status, 401);
    }
    assert_eq!(control("127.0.0.5", CONTROL).status, 200);
    // A proxy that is not named as trusted cannot say that it is somebody else.
    let lie = |number: usize| {
        let head = format!(
            "GET /control/workspaces HTTP/1.1\r\nAuthorization: Bearer guess-{number}\r\nX-Forwarded-For: 192.0.2.{}",
            number % 250
        );
        from("127.0.0.6", url, &head, "")
    };
    guess(lie);
    assert_eq!(world.slack(DEPLOY, "auth.test", &json!({})).code(), "ok");
}
