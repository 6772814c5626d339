//! Measures Redraft beside a bare axum JSON echo on the same machine, in interleaved pairs, because machines drift.
//!
//! `cargo run --release -p redraft-bench` loads a million messages, starts both servers as processes of their own and
//! prints the table. Everything is sent over loopback, for a bounded time.

use clap::{Parser, Subcommand};

mod attack;
mod client;
mod delivery;
mod directory;
mod fill;
mod report;
mod servers;
mod work;

/// The allocator of the product, for the echo as well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: report::Run,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the bare echo (used by the benchmark itself).
    Echo,
    /// Runs Redraft on a folder (used by the benchmark itself).
    Server(servers::Redraft),
    /// Loads messages into a folder.
    Fill(fill::Fill),
    /// Measures changes of large directories, of any executable.
    Directory(directory::Directory),
    /// Measures what apps that listen add to an update, of any executable.
    Delivery(delivery::Delivery),
    /// Attacks a server: peak memory, and how long `/healthz` takes meanwhile.
    Attack(attack::Attack),
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Echo) => servers::echo(),
        Some(Command::Server(server)) => server.run(),
        Some(Command::Fill(fill)) => fill.run(),
        Some(Command::Directory(directory)) => directory.run(),
        Some(Command::Delivery(delivery)) => delivery.run(),
        Some(Command::Attack(attack)) => attack.run(),
        None => cli.run.run(),
    }
}
