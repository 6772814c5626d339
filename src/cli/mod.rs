//! The command line. Each command is a file; those that look into a workspace go through the control API: over HTTP to
//! the server that owns the data folder, or directly if there is none.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

mod app;
mod channel;
mod control;
mod data;
mod doctor;
mod import;
mod inside;
mod keeping;
mod key;
mod log;
mod message;
mod migrate;
mod purge;
mod serve;
mod settings;
mod terminal;
mod token;
mod user;
mod workspace;

use terminal::complain;

/// Local Slack and Microsoft Teams for bots.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server.
    Serve(serve::Serve),
    /// Lists, makes, resets and drops workspaces, and changes their settings and clocks.
    Workspace(workspace::Workspace),
    /// Lists, adds and changes people.
    User(user::User),
    /// Lists, adds and archives channels, and changes who is in them.
    Channel(channel::Channel),
    /// Lists, registers, changes and uninstalls apps, and what did not reach them.
    App(app::App),
    /// Lists, makes, rotates and revokes tokens.
    Token(token::Token),
    /// Posts, updates and deletes messages of a bot, on Slack and Teams as on Redraft.
    Message(message::Message),
    /// Shows and replaces the keys that sign the Connector's tokens.
    Key(key::Key),
    /// Checks a data folder and says what it found.
    Doctor(doctor::Doctor),
    /// Copies a data folder into another one, also beside a running server.
    Backup(keeping::Backup),
    /// Copies a backup into a new data folder.
    Restore(keeping::Restore),
    /// Erases the content of what was deleted at once, also beside a running server.
    Purge(purge::Purge),
    /// Brings a data folder of an earlier version up to date; the old database stays beside the new one.
    Migrate(migrate::Migrate),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    if let Err(failed) = survive_file_limits() {
        complain(&format!("a limit on the size of files ends this command: {failed}"));
    }
    let done = match command {
        Command::Serve(serve) => serve.run(),
        Command::Workspace(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Channel(command) => command.run(),
        Command::App(command) => command.run(),
        Command::Token(command) => command.run(),
        // Scripts tell by its exit code what to do.
        Command::Message(message) => return message.run(),
        Command::Key(command) => command.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::Purge(purge) => purge.run(),
        Command::Migrate(migrate) => migrate.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

/// A write beyond a limit on the size of files (`ulimit -f`) fails like any other: the signal that would end the process
/// has a handler from here on, which outlives the runtime that sets it.
fn survive_file_limits() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}
