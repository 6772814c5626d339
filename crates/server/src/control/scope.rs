//! A call about one workspace, and the one way of the control API to a decision.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::id::WorkspaceId;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{Answer, Error, ok, read};
use super::refusal;
use crate::app::{ANONYMOUS_NEEDS_LOOPBACK, App};

/// A call about one workspace.
pub(super) struct Scope<'a> {
    pub app: &'a Arc<App>,
    pub directory: Arc<Directory>,
    pub query: Option<&'a str>,
    pub body: &'a [u8],
}

impl Scope<'_> {
    pub fn id(&self) -> WorkspaceId {
        self.directory.workspace.id
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read(self.body)
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn number(&self, name: &str, default: u64) -> Result<u64, Error> {
        match self.parameter(name) {
            None => Ok(default),
            Some(given) => given.parse().map_err(|_| Error::bad(format!("{name} must be a number"))),
        }
    }

    pub async fn submit(&self, control: Control) -> Result<Outcome, Error> {
        submit(self.app, self.id(), control).await
    }

    /// The workspace as it is, for who reads or waits.
    pub fn still(&self) -> Result<Arc<Directory>, Error> {
        self.app.service.workspace(self.id()).ok_or_else(|| Error::not_found("workspace"))
    }

    /// The workspace as the last command left it; if it was dropped since, as it was when the call came. What a command
    /// did is done, so looking for how to show it never fails.
    pub fn now(&self) -> Arc<Directory> {
        self.app.service.workspace(self.id()).unwrap_or_else(|| Arc::clone(&self.directory))
    }
}

pub(super) async fn submit(app: &App, workspace: WorkspaceId, control: Control) -> Result<Outcome, Error> {
    let anonymous = match &control {
        Control::AddApp { app, .. } => app.anonymous,
        Control::PatchApp(_, patch) => patch.anonymous == Some(true),
        Control::CreateWorkspace(directory) => directory.apps().any(|app| app.anonymous),
        _ => false,
    };
    if anonymous && !app.service.loopback {
        return Err(Error::bad(ANONYMOUS_NEEDS_LOOPBACK));
    }
    let verb = Verb::Control(Box::new(control));
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    app.service
        .submit(command)
        .await
        .map_err(|not_done| refusal::error(app, workspace, "the control API", &not_done))
}

/// Entries of a list on one page at most.
const LIST_MAX: usize = 1000;

/// Bytes of JSON of one page of a list, unless its first entry alone has more.
const LIST_BYTES_MAX: usize = 1 << 20;

/// A number as a key that sorts as the number does.
pub(super) fn key(number: u32) -> String {
    format!("{number:010}")
}

/// A page of a list, in the order of its keys: those behind `after`, `limit` at most. `next` is the key to go on after, if
/// there are more.
pub(super) fn listed<'a, T: 'a>(
    scope: &Scope<'_>,
    name: &'static str,
    all: impl Iterator<Item = &'a Arc<T>>,
    key: impl Fn(&T) -> String,
    shown: impl Fn(&T) -> Value,
) -> Answer {
    let after = scope.parameter("after").unwrap_or_default();
    let limit = scope.number("limit", LIST_MAX as u64)?.clamp(1, LIST_MAX as u64);
    let mut rest: Vec<(String, &Arc<T>)> = all.map(|it| (key(it), it)).filter(|it| after < it.0).collect();
    rest.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    let (mut page, mut bytes, mut next) = (Vec::new(), 0, None);
    for (key, entry) in &rest {
        let entry = shown(entry);
        bytes += entry.to_string().len();
        if limit <= page.len() as u64 || (LIST_BYTES_MAX < bytes && !page.is_empty()) {
            break;
        }
        page.push(entry);
        next = Some(key);
    }
    let next = next.filter(|_| page.len() < rest.len());
    ok(json!({ name: page, "next": next }))
}
