//! A bot written with `redraft-bot` over Socket Mode with TLS, against a server with an authority of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use redraft_bot::{Bot, SlackAdapter, SlackSettings, SlackToken, TurnContext};
use serde_json::json;

use crate::support::{Folder, Server};
use crate::world::*;

/// The process that is the bot gets the address of the API in this variable.
const BOT: &str = "WIRE_TLS_BOT";

/// Run by the tests below in a process of its own, whose environment names the authority that it trusts; by itself it has nothing
/// to do.
#[tokio::test(flavor = "multi_thread")]
async fn listens_over_tls() {
    let Ok(api_url) = std::env::var(BOT) else { return };
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let settings = SlackSettings::new(SlackToken::new("xoxb-poll")).app_token("xapp-poll").api_url(api_url);
    let bot = Bot::new(async |context: TurnContext| {
        context.send_activity(format!("Over TLS: {}", context.text())).await?;
        Ok(())
    });
    let bot = bot.with_adapter(SlackAdapter::new(settings).unwrap());
    bot.start();
    bot.stopped().await;
}

/// A bot in a process of its own, killed when dropped.
struct Running(Child);

impl Running {
    fn start(api_url: &str, authority: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "rust_slack_tls::listens_over_tls", "--nocapture"]);
        command.env(BOT, api_url).env("SSL_CERT_FILE", authority).env_remove("SSL_CERT_DIR");
        Self(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until it logs one of these.
    fn logs(&mut self, wanted: &[&str]) -> String {
        let mut said = String::new();
        for line in BufReader::new(self.0.stderr.take().unwrap()).lines().map_while(Result::ok) {
            if wanted.iter().any(|wanted| line.contains(wanted)) {
                return line;
            }
            said.push_str(&(line + "\n"));
        }
        panic!("the bot ended: {said}")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server whose public address is that of its TLS listener, so that its sockets are at `wss://`.
fn world() -> World {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (listen, public) = (format!("127.0.0.1:{port}"), format!("https://127.0.0.1:{port}"));
    let mut server = Server::start(&["--memory", "--tls-listen", &listen, "--public-url", &public]);
    server.url.clone_from(&server.listening);
    let world = World::on(server);
    let changed = json!({"socket_mode": true, "bot_events": ["message.channels"]});
    world.controlled("PATCH", "/apps/pollbot", &changed);
    world
}

const CONNECTED: &str = "connected to Slack";
const NOT_CONNECTED: &str = "no connection to Slack";

#[test]
fn a_bot_listens_over_tls() {
    let world = world();
    let authority = text_of(&world.server.ready, "ca_file");
    let api_url = format!("{}/api/", text_of(&world.server.ready, "tls_url"));
    let mut bot = Running::start(&api_url, Path::new(&authority));
    let line = bot.logs(&[CONNECTED, NOT_CONNECTED]);
    assert!(line.contains(CONNECTED), "{line}");
    world.controlled("POST", "/people/ben/messages", &json!({"channel": "general", "text": "hello"}));
    let answer = json!({"channel": "general", "text": "Over TLS: hello"});
    world.controlled("POST", "/wait", &answer);
}

/// The API is reached without TLS, and gives out an address at which another authority's certificate is shown.
#[test]
fn a_socket_with_a_strangers_certificate_is_not_opened() {
    let world = world();
    let folder = Folder::new("authority");
    let key = rcgen::KeyPair::generate().unwrap();
    let mut another = rcgen::CertificateParams::new(Vec::new()).unwrap();
    another.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let another = another.self_signed(&key).unwrap().pem();
    let authority = folder.join("another.pem");
    std::fs::write(&authority, another).unwrap();
    let api_url = format!("{}/api/", world.server.url);
    let mut bot = Running::start(&api_url, &authority);
    let line = bot.logs(&[CONNECTED, NOT_CONNECTED]);
    assert!(line.contains(NOT_CONNECTED) && line.contains("invalid peer certificate"), "{line}");
}
