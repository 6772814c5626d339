//! Where the request that is answered came from, for the audit. It goes with the task and not through every call, since it
//! decides nothing.

use std::future::Future;
use std::net::IpAddr;

use redraft_model::audit;
use redraft_model::command::{Command, Source, Via};

tokio::task_local!(static REQUEST: (Via, Option<IpAddr>));

/// Answers a request that came by this way, from this address if it is known.
pub fn scope<T>(via: Via, from: Option<IpAddr>, answer: impl Future<Output = T>) -> impl Future<Output = T> {
    REQUEST.scope((via, from), answer)
}

/// Answers a request of the command line, unless it is known to have come otherwise.
pub async fn or_command_line<T>(answer: impl Future<Output = T>) -> T {
    if REQUEST.try_with(|_| ()).is_ok() { answer.await } else { scope(Via::CommandLine, None, answer).await }
}

/// Says in a command where it came from, if it is to be audited.
pub fn stamp(command: &mut Command) {
    let Ok((via, address)) = REQUEST.try_with(|request| *request) else { return };
    if audit::concerns(command, via) {
        let from = match (via, address) {
            (Via::CommandLine, _) => "command line".into(),
            (_, Some(address)) => address.to_string(),
            (_, None) => "unknown".into(),
        };
        command.source = Some(Source { via, from });
    }
}
