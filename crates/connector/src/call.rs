//! A call of a bot whose token was accepted, and what every operation does with it.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use redraft_model::command::{Caller, Command, Idempotency, ReplyTo, Verb};
use redraft_model::decision::Outcome;
use redraft_model::directory::Directory;
use redraft_model::policy::sees;
use redraft_model::workspace::{App as Bot, Conversation};
use redraft_service::{Service, mint};
use redraft_wire::connector::activity::ActivityView;
use redraft_wire::connector::id::split_conversation;

use crate::refusal::{self, no_conversation, not_in_roster};
use crate::reply::Error;
use crate::state::Connector;

/// Of a longer idempotency key only the beginning counts.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// A call of a bot whose token was accepted.
pub(crate) struct Call<'a> {
    pub connector: &'a Connector,
    pub service: &'a Service,
    pub directory: Arc<Directory>,
    pub bot: Arc<Bot>,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: Bytes,
}

impl Call<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The revision in an `If-Match` header.
    pub fn if_match(&self) -> Option<u32> {
        self.header("if-match")?.trim().trim_start_matches("W/").trim_matches('"').parse().ok()
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.into_owned())
    }

    /// The conversation that an id names, with or without the root of a thread behind it. The answer tells a former member so;
    /// to others a conversation they are not in is not there.
    pub fn conversation_named<'a>(&self, id: &'a str) -> Result<(Arc<Conversation>, Option<&'a str>), Error> {
        let (id, root) = split_conversation(id);
        let found = self.directory.conversation_named(id).filter(|found| found.connector_id == id);
        let found = found.ok_or_else(no_conversation)?;
        let user = self.bot.bot_user;
        if found.has(user) {
            debug_assert!(sees(user, found));
            return Ok((Arc::clone(found), root));
        }
        Err(if found.former.contains(&user) { not_in_roster() } else { no_conversation() })
    }

    /// Carries out a command; the refusal becomes the Connector's status and code with a reason.
    pub async fn submit(&self, verb: Verb, view: &ActivityView) -> Result<Outcome, Error> {
        self.submit_keyed(verb, self.idempotency_key(view.idempotency_key.as_deref())).await
    }

    /// The caller's own name for this request, from the header or else from the body.
    pub fn idempotency_key(&self, in_body: Option<&str>) -> Option<String> {
        let key = self.header("idempotency-key").or(in_body)?;
        Some(key.chars().take(IDEMPOTENCY_KEY_CHARS_MAX).collect())
    }

    /// The same with this key.
    pub async fn submit_keyed(&self, verb: Verb, key: Option<String>) -> Result<Outcome, Error> {
        let idempotency = key
            .filter(|_| !matches!(verb, Verb::Conversation(_)))
            .map(|key| Idempotency { key, digest: self.digest(&verb) });
        let workspace = self.directory.workspace.id;
        let command =
            Command { workspace, caller: Caller::Bot(self.bot.id), idempotency, verb, source: None };
        self.service.submit(command).await.map_err(|not_done| refusal::error(&not_done, &self.directory))
    }

    /// Of the body and of what the address names.
    fn digest(&self, verb: &Verb) -> [u8; 32] {
        let address = match verb {
            // In this spelling, since requests of earlier versions are still known by it.
            Verb::Post(post) => {
                let ReplyTo { message, conversation_root } = post.reply_to;
                format!("{:?} {:?}", post.target, [message, conversation_root])
            }
            Verb::Update(update) => {
                format!("{:?} {:?} {:?}", update.conversation, update.ts, update.targeted)
            }
            Verb::Delete(delete) => {
                format!("{:?} {:?} {:?}", delete.conversation, delete.ts, delete.targeted)
            }
            Verb::ReplaceStream(stream) => format!("{:?}", stream.conversation),
            _ => String::new(),
        };
        mint::sha256(&[address.as_bytes(), &self.body].concat())
    }
}
