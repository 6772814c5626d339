//! Rate limits of the Web API, for those who want to see what their apps do about them.
//!
//! Source: <https://docs.slack.dev/apis/web-api/rate-limits>. Limits count per method, app and workspace; posting also
//! per channel. Slack tolerates bursts and does not say how many, so a tier's window is a minute, and posting's is as
//! short as a burst.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use redraft_model::directory::Directory;
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_model::policy::sees;

use crate::reply::Error;
use redraft_service::Service;
use redraft_service::rates::{Limit, Windows};

/// Forced refusals that wait for their calls at once.
const FORCED_MAX: usize = 1000;

/// What is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Subject {
    workspace: WorkspaceId,
    /// One app, or all.
    app: Option<AppId>,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum What {
    /// Calls of one method.
    Method(&'static str),
    /// Posts to one place.
    Posts(Place),
    /// Posts to all places.
    AllPosts,
    /// Calls of one webhook or `response_url`, by the hash of its secret.
    Hook([u8; 32]),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    /// One that is not there.
    None,
    Conversation(ConversationId),
    Person(UserId),
}

impl redraft_service::rates::Subject for Subject {
    fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    fn limits(&self) -> &'static [Limit] {
        match self.what {
            What::Method(method) => limits(method),
            What::Posts(_) => &[(5, 5)],
            What::AllPosts => &[(300, 60)],
            What::Hook(_) => &[(1, 1)],
        }
    }
}

/// A method's tier; posting a message has limits of its own, and a test is free.
pub(crate) fn limits(method: &str) -> &'static [Limit] {
    match method {
        "conversations.list"
        | "conversations.create"
        | "conversations.archive"
        | "conversations.unarchive"
        | "conversations.rename"
        | "conversations.close"
        | "conversations.setTopic"
        | "conversations.setPurpose"
        | "users.list"
        | "reactions.remove"
        | "reactions.list"
        | "pins.add"
        | "pins.remove"
        | "pins.list"
        | "chat.startStream"
        | "chat.stopStream"
        | "usergroups.list"
        | "usergroups.users.list" => &[(20, 60)],
        "chat.update"
        | "chat.delete"
        | "chat.meMessage"
        | "chat.scheduleMessage"
        | "chat.deleteScheduledMessage"
        | "chat.scheduledMessages.list"
        | "conversations.history"
        | "conversations.replies"
        | "conversations.info"
        | "conversations.join"
        | "conversations.leave"
        | "conversations.invite"
        | "conversations.kick"
        | "conversations.open"
        | "conversations.mark"
        | "reactions.add"
        | "reactions.get"
        | "users.conversations"
        | "users.lookupByEmail"
        | "users.getPresence"
        | "bots.info"
        | "team.info"
        | "files.delete"
        | "apps.connections.open"
        | "auth.revoke"
        | "redraft.messages.revisions" => &[(50, 60)],
        "chat.postEphemeral"
        | "chat.appendStream"
        | "conversations.members"
        | "users.info"
        | "users.profile.get"
        | "views.open"
        | "views.push"
        | "views.update"
        | "views.publish"
        | "files.getUploadURLExternal"
        | "files.completeUploadExternal"
        | "files.info"
        | "blocks.validate" => &[(100, 60)],
        "auth.test" | "chat.getPermalink" => &[(300, 60)],
        "oauth.v2.access" => &[(600, 60)],
        _ => &[],
    }
}

/// Refusals that a test asked for, whether or not limits are on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forced {
    /// Where.
    pub workspace: WorkspaceId,
    /// Whose calls.
    pub app: AppId,
    /// Of which method; `None` of any.
    pub method: Option<String>,
    /// How many of them are refused.
    pub calls: u32,
    /// What `Retry-After` says.
    pub retry_after_seconds: u32,
}

/// The limits of a running server.
pub struct Rates {
    on: bool,
    windows: Windows<Subject>,
    forced: Mutex<Vec<Forced>>,
}

impl Rates {
    /// With limits that apps meet, or only with those that a test forces.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self { on, windows: Windows::default(), forced: Mutex::default() }
    }

    /// Refuses calls to come, in the place of what was forced before for the same app and method. False if too much is
    /// forced already.
    pub fn force(&self, forced: Forced) -> bool {
        let mut all = self.forced.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |it: &Forced| {
            (it.workspace, it.app, &it.method) == (forced.workspace, forced.app, &forced.method)
        };
        all.retain(|it| !same(it));
        let room = all.len() < FORCED_MAX;
        if room && 0 < forced.calls {
            all.push(forced);
        }
        room
    }

    fn forced(&self, workspace: WorkspaceId, app: AppId, method: &str) -> Result<(), u32> {
        let mut all = self.forced.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = |it: &Forced| {
            (it.workspace, it.app) == (workspace, app) && it.method.as_deref().is_none_or(|it| it == method)
        };
        let Some(place) = all.iter().position(meant) else { return Ok(()) };
        all[place].calls -= 1;
        let seconds = all[place].retry_after_seconds;
        if all[place].calls == 0 {
            all.remove(place);
        }
        Err(seconds)
    }

    /// Counts a call of this app by this user that may be made, or refuses it and counts nothing. `channel` is where it goes,
    /// by id or name.
    pub(crate) fn admit(
        &self,
        service: &Service,
        directory: &Directory,
        (bot, caller): (AppId, UserId),
        method: &'static str,
        channel: Option<&str>,
    ) -> Result<(), Error> {
        let channel = || channel.map_or(Place::None, |channel| place(directory, caller, channel));
        self.admit_method(service, directory, bot, method, channel)
    }

    /// The same for a method that takes no token.
    pub(super) fn admit_app(
        &self,
        service: &Service,
        directory: &Directory,
        bot: AppId,
        method: &'static str,
    ) -> Result<(), Error> {
        self.admit_method(service, directory, bot, method, || Place::None)
    }

    /// Counts a call of an incoming webhook or a `response_url` with this secret's hash, once a second each; or refuses
    /// it, with the seconds to wait, and counts nothing.
    pub(super) fn admit_hook(
        &self,
        service: &Service,
        workspace: WorkspaceId,
        secret: [u8; 32],
    ) -> Result<(), u32> {
        if !self.on {
            return Ok(());
        }
        let subject = Subject { workspace, app: None, what: What::Hook(secret) };
        self.windows.take(&[subject], |workspace| service.now(workspace))
    }

    fn admit_method(
        &self,
        service: &Service,
        directory: &Directory,
        bot: AppId,
        method: &'static str,
        channel: impl FnOnce() -> Place,
    ) -> Result<(), Error> {
        let workspace = directory.workspace.id;
        self.forced(workspace, bot, method).map_err(too_fast)?;
        if !self.on {
            return Ok(());
        }
        let subject = |app, what| Subject { workspace, app, what };
        let subjects = if method == "chat.postMessage" {
            vec![subject(Some(bot), What::Posts(channel())), subject(None, What::AllPosts)]
        } else {
            vec![subject(Some(bot), What::Method(method))]
        };
        self.windows.take(&subjects, |workspace| service.now(workspace)).map_err(too_fast)
    }
}

fn too_fast(seconds: u32) -> Error {
    metrics::counter!("redraft_rate_limited_total", "of" => "slack").increment(1);
    Error::new("ratelimited")
        .because(format!("too many calls; there is room again in {seconds} s"))
        .with_status(StatusCode::TOO_MANY_REQUESTS, seconds)
}

/// Where a post goes, by id or name. All places that the caller does not see count as one.
fn place(directory: &Directory, caller: UserId, channel: &str) -> Place {
    let found = directory
        .conversation_named(channel)
        .or_else(|| directory.channel(channel.trim_start_matches('#')))
        .filter(|found| sees(caller, found));
    match (found, directory.user_named(channel)) {
        (Some(found), _) => Place::Conversation(found.id),
        (None, Some(user)) => Place::Person(user.id),
        (None, None) => Place::None,
    }
}

#[cfg(test)]
mod tests {
    use redraft_model::time::Micros;

    use super::*;

    const HOME: WorkspaceId = WorkspaceId(1);
    const APP: AppId = AppId(1);

    #[test]
    fn unknown_methods_have_no_limit() {
        assert!(limits("no.such").is_empty());
    }

    #[test]
    fn every_subject_has_its_window() {
        for (what, calls, seconds) in [
            (What::Method("pins.add"), 20, 60),
            (What::Method("chat.update"), 50, 60),
            (What::Method("views.open"), 100, 60),
            (What::Method("auth.test"), 300, 60),
            (What::Method("oauth.v2.access"), 600, 60),
            (What::Posts(Place::None), 5, 5),
            (What::AllPosts, 300, 60),
            (What::Hook([0; 32]), 1, 1),
        ] {
            let rates = Rates::new(true);
            let subject = Subject { workspace: HOME, app: Some(APP), what };
            for call in 0..calls {
                assert_eq!(rates.windows.take(&[subject], |_| Micros(0)), Ok(()), "{what:?} {call}");
            }
            assert_eq!(rates.windows.take(&[subject], |_| Micros(0)), Err(seconds), "{what:?}");
            let over = Micros(i64::from(seconds) * 1_000_000);
            assert_eq!(rates.windows.take(&[subject], |_| Micros(over.0 - 1)), Err(1), "{what:?}");
            assert_eq!(rates.windows.take(&[subject], |_| over), Ok(()), "{what:?}");
        }
    }

    #[test]
    fn what_is_forced() {
        for (method, hit) in [(None, true), (Some("chat.delete"), true), (Some("chat.update"), false)] {
            let forced = Forced {
                workspace: HOME,
                app: APP,
                method: method.map(str::to_owned),
                calls: 2,
                retry_after_seconds: 7,
            };
            let rates = Rates::new(false);
            assert!(rates.force(forced.clone()));
            assert_eq!(rates.forced(HOME, AppId(2), "chat.delete"), Ok(()), "another app");
            assert_eq!(rates.forced(WorkspaceId(2), APP, "chat.delete"), Ok(()), "another workspace");
            let expected = if hit { Err(7) } else { Ok(()) };
            let call = || rates.forced(HOME, APP, "chat.delete");
            assert_eq!([call(), call()], [expected, expected], "{method:?}");
            assert_eq!(call(), Ok(()), "{method:?}: twice and no more");
            assert!(rates.force(Forced { calls: 0, ..forced }), "taken back");
            assert_eq!(rates.forced(HOME, APP, "chat.update"), Ok(()));
        }
    }

    #[test]
    fn so_much_is_forced_and_no_more() {
        let rates = Rates::new(false);
        let forced = |number: usize| Forced {
            workspace: HOME,
            app: APP,
            method: Some(number.to_string()),
            calls: 1,
            retry_after_seconds: 1,
        };
        assert!((0..FORCED_MAX).all(|number| rates.force(forced(number))));
        assert!(!rates.force(forced(FORCED_MAX)));
        assert!(rates.force(forced(0)), "in its own place");
    }
}
