//! `redraft serve`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use redraft_model::name::escaped;
use redraft_server::config::{BOT_TIMEOUT_MS, Config, LISTEN, TlsConfig};
use redraft_server::seed::{ReadyApp, ReadyPerson};
use redraft_server::serve::{Server, Started};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

use super::log;
use super::settings::quoted;
use super::terminal::{Failure, say};

/// Options by flag, then environment, then configuration file.
#[derive(Args, Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Serve {
    /// Where to listen [default: 127.0.0.1:3000]; port 0 picks a free one.
    #[arg(long, env = "REDRAFT_LISTEN")]
    listen: Option<String>,
    /// The data folder [default: redraft-data].
    #[arg(long, env = "REDRAFT_DATA")]
    data: Option<PathBuf>,
    /// Keep nothing.
    #[arg(long, env = "REDRAFT_MEMORY", conflicts_with = "data")]
    memory: bool,
    /// The address that heads everything handed out [default: where it listens].
    #[arg(long, env = "REDRAFT_PUBLIC_URL")]
    public_url: Option<String>,
    /// Where to listen for TLS as well; without --tls-certificate the server is its own authority, whose certificate is
    /// ca.pem in the data folder.
    #[arg(long, env = "REDRAFT_TLS_LISTEN")]
    tls_listen: Option<String>,
    /// The certificate chain for TLS, a PEM file.
    #[arg(long, env = "REDRAFT_TLS_CERTIFICATE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The key of the certificate, a PEM file.
    #[arg(long, env = "REDRAFT_TLS_KEY", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// A YAML file that declares the workspace of an empty data folder.
    #[arg(long, env = "REDRAFT_SEED")]
    seed: Option<PathBuf>,
    /// Where to write, once requests are answered, what a script needs.
    #[arg(long, env = "REDRAFT_READY_FILE")]
    ready_file: Option<PathBuf>,
    /// Stop when standard input is closed: a server that a test starts ends with it, however that ends.
    #[arg(long, env = "REDRAFT_STOP_WITH_STDIN")]
    stop_with_stdin: bool,
    /// How long a bot may take to answer, in milliseconds [default: 15000].
    #[arg(long, env = "REDRAFT_BOT_TIMEOUT_MS")]
    bot_timeout_ms: Option<u64>,
    /// Call bots at private addresses, too [default: if only this machine reaches the server: it listens on loopback, and its public address is loopback].
    #[arg(long, env = "REDRAFT_PRIVATE_ENDPOINTS")]
    private_endpoints: Option<bool>,
    /// Whose rate limits apps meet [default: nobody's].
    #[arg(long, env = "REDRAFT_RATE_LIMITS", value_delimiter = ',')]
    rate_limits: Option<Vec<Limited>>,
    /// Addresses of proxies whose X-Forwarded-For is believed.
    #[arg(long, env = "REDRAFT_TRUSTED_PROXIES", value_delimiter = ',')]
    trusted_proxies: Option<Vec<IpAddr>>,
    /// Where to answer /metrics; then nowhere else.
    #[arg(long, env = "REDRAFT_METRICS_LISTEN")]
    metrics_listen: Option<String>,
    /// How logs are written to standard error [default: text].
    #[arg(long, env = "REDRAFT_LOG_FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged, as a tracing filter [default: info].
    #[arg(long, env = "REDRAFT_LOG")]
    log: Option<String>,
    /// A TOML file with these options.
    #[arg(long, env = "REDRAFT_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
}

/// A platform whose rate limits are here.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Limited {
    Slack,
    Teams,
}

#[derive(Clone, Copy, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogFormat {
    Text,
    Json,
}

impl Serve {
    pub fn run(self) -> Result<(), Failure> {
        let options = self.with_file()?;
        options.start_log()?;
        let stop_with_stdin = options.stop_with_stdin;
        let config = options.config()?;
        let runtime = redraft_server::serve::runtime()?;
        runtime.block_on(async {
            let mut end = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            // From here on it ends no process.
            let mut hangup = signal(SignalKind::hangup())?;
            let kept = config.data.clone();
            let secrets = Secrets::of(config.ready_file.as_deref());
            let server = Server::start(config).await?;
            say(&banner(&server.started, kept.as_deref(), &secrets));
            let reload = server.reload();
            tokio::spawn(async move {
                while hangup.recv().await.is_some() {
                    reload.now().await;
                }
            });
            let stop = async move {
                tokio::select! {
                    _ = end.recv() => {}
                    _ = interrupt.recv() => {}
                    () = input_closed(stop_with_stdin) => {}
                }
            };
            server.run(stop).await?;
            Ok(())
        })
    }

    /// What flags and environment leave open, the file says.
    fn with_file(self) -> Result<Self, Failure> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = std::fs::read_to_string(path).map_err(|failed| format!("{}: {failed}", path.display()))?;
        let file: Self = toml::from_str(&text).map_err(|failed| format!("{}: {failed}", path.display()))?;
        let memory = self.memory || (file.memory && self.data.is_none());
        Ok(Self {
            listen: self.listen.or(file.listen),
            data: if memory { None } else { self.data.or(file.data) },
            memory,
            public_url: self.public_url.or(file.public_url),
            tls_listen: self.tls_listen.or(file.tls_listen),
            tls_certificate: self.tls_certificate.or(file.tls_certificate),
            tls_key: self.tls_key.or(file.tls_key),
            seed: self.seed.or(file.seed),
            ready_file: self.ready_file.or(file.ready_file),
            stop_with_stdin: self.stop_with_stdin || file.stop_with_stdin,
            bot_timeout_ms: self.bot_timeout_ms.or(file.bot_timeout_ms),
            private_endpoints: self.private_endpoints.or(file.private_endpoints),
            rate_limits: self.rate_limits.or(file.rate_limits),
            trusted_proxies: self.trusted_proxies.or(file.trusted_proxies),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            log_format: self.log_format.or(file.log_format),
            log: self.log.or(file.log),
            config: self.config,
        })
    }

    fn config(self) -> Result<Config, Failure> {
        if let Some(url) = &self.public_url
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            return Err(format!("--public-url must begin with http:// or https://, got {url}").into());
        }
        let files = match (self.tls_certificate, self.tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err("--tls-certificate and --tls-key go together".into()),
        };
        let tls = match (self.tls_listen, files) {
            (Some(listen), files) => Some(TlsConfig { listen, files }),
            (None, None) => None,
            (None, Some(_)) => return Err("--tls-certificate needs --tls-listen".into()),
        };
        let data = (!self.memory).then(|| self.data.unwrap_or_else(|| "redraft-data".into()));
        let limited = self.rate_limits.unwrap_or_default();
        Ok(Config {
            listen: self.listen.unwrap_or_else(|| LISTEN.into()),
            data,
            public_url: self.public_url,
            seed: self.seed,
            ready_file: self.ready_file,
            tls,
            bot_timeout_ms: self.bot_timeout_ms.unwrap_or(BOT_TIMEOUT_MS),
            private_endpoints: self.private_endpoints,
            teams_rates: limited.contains(&Limited::Teams),
            slack_rates: limited.contains(&Limited::Slack),
            trusted_proxies: self.trusted_proxies.unwrap_or_default(),
            metrics_listen: self.metrics_listen,
            ..Config::default()
        })
    }

    fn start_log(&self) -> Result<(), Failure> {
        let filter = self.log.as_deref().unwrap_or("info");
        let filter = EnvFilter::try_new(filter).map_err(|failed| format!("--log {filter}: {failed}"))?;
        match self.log_format.unwrap_or(LogFormat::Text) {
            LogFormat::Text => log::start_text(filter),
            LogFormat::Json => log::start_json(filter),
        }
        Ok(())
    }
}

/// Ends when standard input does, if that is wanted. A thread of its own waits for it, since a runtime that stops waits for
/// its threads.
async fn input_closed(wanted: bool) {
    let (open, closed) = oneshot::channel::<Infallible>();
    if !wanted {
        return std::future::pending().await;
    }
    std::thread::spawn(move || {
        let _open = open;
        // What is written there is of no interest, and an input that cannot be read is closed.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    });
    let _ = closed.await;
}

/// Where the secrets of a first start go. The output of a pipe often ends in a log.
enum Secrets {
    /// To the terminal.
    Shown,
    /// To the ready file alone.
    InFile(PathBuf),
    /// Nowhere: they can only be replaced.
    Hidden,
}

impl Secrets {
    fn of(ready_file: Option<&Path>) -> Self {
        match ready_file {
            Some(file) => Self::InFile(file.to_owned()),
            None if std::io::IsTerminal::is_terminal(&std::io::stdout()) => Self::Shown,
            None => Self::Hidden,
        }
    }
}

/// What a person who started the server wants to know: where it is, who is there, and how to call it.
fn banner(started: &Started, data: Option<&Path>, secrets: &Secrets) -> String {
    let kept = data.map_or("nothing is kept".into(), |data| format!("data in {}", data.display()));
    let mut text = format!("Redraft answers at {} ({kept}).\n", started.url);
    if let Some(url) = &started.tls_url {
        let trust = started.ca_file.as_ref().map(|file| format!("; bots trust {}", file.display()));
        let _ = writeln!(text, "Over TLS at {url}{}.", trust.unwrap_or_default());
    }
    if !started.first_start {
        text.push_str("Its tokens were shown when the workspace was made; `redraft token` makes new ones.");
        return text;
    }
    let ready = &started.ready;
    let (id, tenant) = (escaped(&ready.workspace.id), escaped(&ready.workspace.tenant_id));
    let _ = writeln!(text, "\nWorkspace {id}, tenant {tenant}\n");
    let shown = matches!(secrets, Secrets::Shown);
    ready.people.iter().for_each(|person| person_line(person, shown, &mut text));
    for channel in &ready.channels {
        let lock = if channel.private { "private" } else { "" };
        let (name, id, conversation) =
            (escaped(&channel.name), escaped(&channel.id), escaped(&channel.conversation_id));
        let _ = writeln!(text, "  #{name:<11} {id:<11} {lock:<8} {conversation}");
    }
    ready.apps.iter().for_each(|app| app_line(app, shown, &mut text));
    match secrets {
        Secrets::Shown => {
            let _ = writeln!(text, "  {:<12} {}", "control", escaped(&started.control_token));
            text.push_str(&calls(started));
        }
        Secrets::InFile(file) => {
            let _ = write!(text, "\nTokens and secrets are in {}.", file.display());
        }
        Secrets::Hidden => text.push_str(
            "\nTokens and secrets are not shown, since this is no terminal. `redraft token create APP` makes a \
             token;\n`--ready-file FILE` on the start that makes the workspace writes all of them to a file.",
        ),
    }
    text
}

fn person_line(person: &ReadyPerson, shown: bool, text: &mut String) {
    let role = if person.admin { "admin" } else { "member" };
    let token = secret(person.token.as_deref(), shown);
    let (name, id) = (escaped(&person.name), escaped(&person.id));
    let _ = writeln!(text, "{}", format!("  {name:<12} {id:<11} {role:<8} {token}").trim_end());
}

fn app_line(app: &ReadyApp, shown: bool, text: &mut String) {
    let line = match app {
        ReadyApp::Slack { name, id, bot_token, .. } => {
            let token = secret(bot_token.as_deref(), shown);
            format!("  {:<12} {:<11} {:<8} {token}", escaped(name), escaped(id), "slack")
        }
        ReadyApp::Teams { name, app_id, app_password, .. } => {
            let password = secret(app_password.as_deref(), shown);
            format!("  {:<12} {:<11} {:<8} {} {password}", escaped(name), "", "teams", escaped(app_id))
        }
    };
    let _ = writeln!(text, "{}", line.trim_end());
}

fn secret(secret: Option<&str>, shown: bool) -> Cow<'_, str> {
    escaped(secret.filter(|_| shown).unwrap_or_default())
}

/// One call to paste for each dialect. Every value is quoted for a shell; one with control characters is not pasted.
fn calls(started: &Started) -> String {
    let ready = &started.ready;
    let Some(channel) = ready.channels.iter().find(|channel| channel.name == "general") else {
        return String::new();
    };
    let mut text = String::new();
    for app in &ready.apps {
        match app {
            ReadyApp::Slack { bot_token: Some(token), .. } if !text.contains("chat.postMessage") => {
                let url = quoted(&format!("{}/api/chat.postMessage", started.url)).into_owned();
                let header = quoted(&format!("Authorization: Bearer {token}")).into_owned();
                let body = format!("{{\"channel\": \"{}\", \"text\": \"Build 7 started\"}}", channel.id);
                let _ = write!(
                    text,
                    "\nSlack:\n\n  curl {url} -H {header} \\\n    \
                     -H 'Content-Type: application/json; charset=utf-8' \\\n    -d {}\n",
                    quoted(&body)
                );
            }
            ReadyApp::Teams { app_id, app_password: Some(password), .. } if !text.contains("activities") => {
                let tokens = format!("{}/{}/oauth2/v2.0/token", started.url, ready.workspace.tenant_id);
                let activities =
                    format!("{}v3/conversations/{}/activities", started.service_url, channel.conversation_id);
                let _ = write!(
                    text,
                    "\nTeams:\n\n  TOKEN=$(curl -s {} -d grant_type=client_credentials \\\n    \
                     --data-urlencode {} --data-urlencode {} \\\n    \
                     -d scope=https://api.botframework.com/.default | sed 's/.*access_token\":\"//; s/\".*//')\n  \
                     curl {} -H \"Authorization: Bearer $TOKEN\" \\\n    \
                     -H 'Content-Type: application/json' -d '{{\"type\": \"message\", \"text\": \"Build 7 started\"}}'\n",
                    quoted(&tokens),
                    quoted(&format!("client_id={app_id}")),
                    quoted(&format!("client_secret={password}")),
                    quoted(&activities)
                );
            }
            _ => {}
        }
    }
    text
}
