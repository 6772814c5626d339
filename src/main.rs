//! `redraft`: the message server and its command line.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::run()
}
