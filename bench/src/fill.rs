//! Loads messages through the store itself: the same commands as over HTTP, many at a time and without flushing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use redraft_model::command::{Caller, Command, Post, ReplyTo, Target, Verb};
use redraft_model::content::{Content, Dialect};
use redraft_model::decision::Outcome;
use redraft_model::id::ConversationId;
use redraft_model::message::Kind;
use redraft_server::config::Config;
use redraft_server::serve::Server;
use redraft_service::mint;
use redraft_store::fault::Sabotage;
use redraft_store::{Options, SqliteStore, Store};

use crate::servers;

/// Commands in flight.
const IN_FLIGHT: usize = 512;

/// Every so many messages are the Teams bot's.
const TEAMS_EVERY: usize = 2;

/// What to load.
#[derive(Args)]
pub struct Fill {
    /// The data folder.
    #[arg(long)]
    data: PathBuf,
    /// How many messages.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
}

/// The ids of loaded messages, by who posted them.
pub struct Loaded {
    pub slack: Vec<i64>,
    pub teams: Vec<i64>,
}

impl Fill {
    pub fn run(self) -> Result<(), Box<dyn std::error::Error>> {
        fill(&self.data, self.messages)
    }
}

/// Loads so many messages into a new folder and writes their ids beside it.
pub fn fill(folder: &Path, messages: usize) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = Options { sabotage: Some(Sabotage::SynchronousOff), ..Options::default() };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder, options)?);
        let config = Config { seed: Some(servers::seed()), ..Config::default() };
        drop(Server::start_on(config, Arc::clone(&store)).await?);
        let directory = store.published().directories().all().next().cloned().ok_or("no workspace")?;
        let teams = directory.app_named("99999999-0000-4000-8000-000000000002").ok_or("no bot")?.id;
        let (mut slack_ids, mut teams_ids) = (Vec::new(), Vec::new());
        let mut next = 0;
        while next < messages {
            let batch: Vec<_> = (next..messages.min(next + IN_FLIGHT))
                .map(|number| {
                    let (caller, content) = if number % TEAMS_EVERY == 0 {
                        (Caller::Bot(teams), activity(number))
                    } else {
                        (Caller::Token(mint::hash("xoxb-bench")), Content::text(Dialect::Slack, text(number)))
                    };
                    store.submit(command(directory.workspace.id, caller, content))
                })
                .collect();
            for (place, answer) in batch.into_iter().enumerate() {
                let Ok(Outcome::Posted(posted)) = answer.await? else {
                    return Err("a post was refused".into());
                };
                let ids = if (next + place) % TEAMS_EVERY == 0 { &mut teams_ids } else { &mut slack_ids };
                ids.push(posted.message.key.ts.0);
            }
            next += IN_FLIGHT;
        }
        write_ids(folder, "slack", &slack_ids)?;
        write_ids(folder, "teams", &teams_ids)?;
        Ok(())
    })
}

fn command(workspace: redraft_model::id::WorkspaceId, caller: Caller, content: Content) -> Command {
    let post = Post {
        target: Target::Conversation(ConversationId(1)),
        content: Arc::new(content),
        fault: None,
        kind: Kind::Plain,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: false,
    };
    Command { workspace, caller, idempotency: None, verb: Verb::Post(post), source: None }
}

fn text(number: usize) -> String {
    format!("Build {number} of the payment service started on runner {}, 3 of 7 stages are done", number % 40)
}

fn activity(number: usize) -> Content {
    let text = text(number);
    let body = format!("{{\"type\":\"message\",\"text\":\"{text}\"}}");
    Content { activity: Some(body.into()), ..Content::text(Dialect::Connector, text) }
}

fn write_ids(folder: &Path, name: &str, ids: &[i64]) -> std::io::Result<()> {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    std::fs::write(folder.join(format!("{name}.ids")), bytes)
}

/// The ids that [`fill`] wrote.
pub fn loaded(folder: &Path) -> std::io::Result<Loaded> {
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(format!("{name}.ids")))?;
        Ok::<_, std::io::Error>(bytes.as_chunks().0.iter().map(|id| i64::from_le_bytes(*id)).collect())
    };
    Ok(Loaded { slack: read("slack")?, teams: read("teams")? })
}
