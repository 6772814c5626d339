//! A call whose token was accepted, and what every method does with it.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Idempotency, Verb};
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::policy::{Actor, sees};
use redraft_model::time::Micros;
use redraft_model::workspace::{Conversation, Token, User};
use redraft_service::{NotDone, Service, mint};

use crate::args::Args;
use crate::refusal;
use crate::reply::Error;
use crate::state::Slack;

/// A call whose token was accepted.
pub(crate) struct Call<'a> {
    pub slack: &'a Arc<Slack>,
    pub service: &'a Service,
    pub directory: Arc<Directory>,
    pub token: Arc<Token>,
    pub user: Arc<User>,
    pub args: Args,
    pub idempotency_key: Option<String>,
    pub if_match: Option<u32>,
    pub method: &'static str,
    /// It came by POST.
    pub posted: bool,
}

impl Call<'_> {
    /// Whom the token acts as, by the same rules as when a command is decided.
    pub fn actor(&self) -> Result<Actor, Error> {
        let revoked = || Error::new("token_revoked").because("the token was revoked");
        let app = self.directory.app(self.token.app).ok_or_else(revoked)?;
        Ok(Actor::of_token(self.directory.workspace.id, &self.token, app, &self.user))
    }

    /// Counts the call where rate limits are on, or refuses it.
    pub fn admit(&self) -> Result<(), Error> {
        let who = (self.token.app, self.user.id);
        let channel = self.args.filled("channel");
        self.slack.rates.admit(self.service, &self.directory, who, self.method, channel)
    }

    /// The workspace's clock.
    pub fn now(&self) -> Micros {
        self.service.now(self.directory.workspace.id)
    }

    /// Carries out a command; the refusal becomes the platform's code with a reason.
    pub async fn submit(&self, verb: Verb) -> Result<Outcome, Error> {
        self.attempt(verb).await.map_err(|not_done| self.error(not_done))
    }

    pub async fn attempt(&self, verb: Verb) -> Result<Outcome, NotDone> {
        let idempotency = match &verb {
            Verb::Post(_) | Verb::Update(_) | Verb::Delete(_) | Verb::AppendStream(_) => self.idempotency(),
            Verb::ReplaceStream(_)
            | Verb::Interaction(_)
            | Verb::Respond(_)
            | Verb::GrantAnswers(_)
            | Verb::Modal(_)
            | Verb::File(_)
            | Verb::Attach(_)
            | Verb::Pin(_)
            | Verb::Schedule(_)
            | Verb::PostDue(_)
            | Verb::Install(_)
            | Verb::Conversation(_)
            | Verb::RevokeToken(_)
            | Verb::Control(_) => None,
        };
        let workspace = self.directory.workspace.id;
        let command =
            Command { workspace, caller: Caller::Token(self.token.hash), idempotency, verb, source: None };
        self.service.submit(command).await
    }

    pub fn error(&self, not_done: NotDone) -> Error {
        match not_done {
            NotDone::Refused(refusal) => refusal::error(&refusal, &self.directory, self.method),
            NotDone::Store(failed) => refusal::unavailable(failed),
        }
    }

    fn idempotency(&self) -> Option<Idempotency> {
        let args = &self.args;
        let key = args
            .filled("idempotency_key")
            .or(self.idempotency_key.as_deref())
            .or(args.filled("client_msg_id"))?;
        let mut asked: Vec<(&str, &str)> = args.all().collect();
        asked.sort_unstable();
        let text = asked.iter().fold(String::new(), |mut text, (name, value)| {
            text.push_str(&format!("{}:{name}={}:{value};", name.len(), value.len()));
            text
        });
        Some(Idempotency { key: key.chars().take(255).collect(), digest: mint::sha256(text.as_bytes()) })
    }

    /// The revision that the caller expects, from header or argument.
    pub fn if_revision(&self) -> Result<Option<u32>, Error> {
        let given = self.args.number("if_revision")?.map(|number| u32::try_from(number).unwrap_or(0));
        Ok(given.or(self.if_match))
    }

    /// A conversation that the caller sees, by id.
    pub fn conversation(&self, name: &str) -> Result<Arc<Conversation>, Error> {
        let id = self.args.required(name)?;
        self.seen(id).cloned().ok_or_else(|| self.no_channel(id))
    }

    /// The conversation of this Slack id, if the caller sees it; one that is not seen is as one that is not there.
    pub fn seen(&self, id: &str) -> Option<&Arc<Conversation>> {
        let found = self.directory.conversation_named(id).filter(|found| found.slack_id == id);
        found.filter(|found| sees(self.user.id, found))
    }

    /// `channel_not_found`, with a hint where a name or a person was given. Says nothing of what is hidden.
    pub fn no_channel(&self, id: &str) -> Error {
        let error = Error::new("channel_not_found");
        let named = self.directory.channel(id.trim_start_matches('#'));
        if let Some(named) = named.filter(|named| sees(self.user.id, named)) {
            return error.because(format!("channel must be an id, got a name; the id is {}", named.slack_id));
        }
        if self.directory.user_named(id).is_some() {
            return error.because(
                "channel must be a conversation's id, got a user's; use the one in the post's answer",
            );
        }
        error.because(format!("no conversation that this token can see has the id {id}"))
    }
}
