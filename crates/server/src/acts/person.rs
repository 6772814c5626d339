//! A person in their own client: writes, changes, deletes, reacts, types, and sees what is theirs to see.

use std::sync::Arc;

use redraft_model::command::{Caller, Command, Delete, Post, Target, Update, Verb};
use redraft_model::content::{Change, Content, ContentFault, Dialect, Patch};
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::{Outcome, Posted};
use redraft_model::directory::Directory;
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::message::Kind;
use redraft_model::policy;
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::time::Ts;
use redraft_model::workspace::{Conversation, ConversationKind, User};
use redraft_store::{StoreError, Stored, Window};
use redraft_wire::slack::text::{self, Names, Parse};

use crate::app::App;
use redraft_connector::ask::{Asked, Question, ask};
use redraft_service::NotDone;
use redraft_service::mint;

/// Characters that a person may write at once, as in Slack's clients.
const TEXT_CHARS_MAX: usize = 12_000;

/// Messages for one reader that are shown at once.
const TARGETED_MAX: usize = 100;

/// A person in their own client.
#[derive(Clone)]
pub(crate) struct Person {
    pub app: Arc<App>,
    pub directory: Arc<Directory>,
    pub user: Arc<User>,
}

/// Why a person could not do something.
pub(crate) enum Hindered {
    /// The store or a rule.
    NotDone(NotDone),
    /// The message has no such action, or what was put in does not fit; in words.
    Impossible(String),
    /// The bot did not answer, or its answer made no sense; in words.
    Unanswered(String),
}

impl From<NotDone> for Hindered {
    fn from(not_done: NotDone) -> Self {
        Self::NotDone(not_done)
    }
}

impl From<StoreError> for Hindered {
    fn from(failed: StoreError) -> Self {
        Self::NotDone(NotDone::Store(failed))
    }
}

/// A message as one person sees it.
pub(crate) struct Seen {
    pub stored: Stored,
    /// The person's own view of its card, shown instead of the card.
    pub view: Option<Arc<Content>>,
}

impl Person {
    pub(super) async fn submit(&self, verb: Verb) -> Result<Outcome, NotDone> {
        let (workspace, caller) = (self.directory.workspace.id, Caller::Person(self.user.id));
        self.app.service.submit(Command { workspace, caller, idempotency: None, verb, source: None }).await
    }

    /// The chat of this person with these others, opened if need be.
    pub async fn chat_with(&self, others: Vec<UserId>) -> Result<ConversationId, NotDone> {
        let kind = if 1 < others.len() { ConversationKind::Group } else { ConversationKind::Direct };
        let users = others.into_iter().map(Some).collect();
        let open = ConversationCommand::Open { users, ids: mint::conversation(kind), existing_only: false };
        match self.submit(Verb::Conversation(open)).await? {
            Outcome::Conversation(id, _) => Ok(id),
            _ => Err(NotDone::Store(StoreError::Failed)),
        }
    }

    /// Writes a message, in a thread if `root` is given.
    pub async fn post(
        &self,
        conversation: ConversationId,
        words: &str,
        root: Option<Ts>,
    ) -> Result<Posted, NotDone> {
        posted(self.submit(Verb::Post(self.said(conversation, words, root))).await?)
    }

    /// What was typed, as a post.
    pub(super) fn said(&self, conversation: ConversationId, words: &str, root: Option<Ts>) -> Post {
        let (content, fault) = self.typed(words);
        Post {
            target: Target::Conversation(conversation),
            content: Arc::new(content),
            fault,
            kind: Kind::Plain,
            reply_to: root.into(),
            broadcast: false,
            only: None,
            unjoined: false,
        }
    }

    /// Changes what a message says.
    pub async fn edit(
        &self,
        conversation: ConversationId,
        ts: Ts,
        words: &str,
        if_revision: Option<u32>,
    ) -> Result<Posted, NotDone> {
        let (content, fault) = self.typed(words);
        let patch = Patch {
            text: Change::Set(content.text),
            blocks: Change::Clear,
            attachments: Change::Clear,
            given: true,
            ..Patch::keep_all(Dialect::Slack)
        };
        let update = Update { conversation, ts, patch, fault, broadcast: false, targeted: None, if_revision };
        posted(self.submit(Verb::Update(update)).await?)
    }

    /// Deletes a message.
    pub async fn delete(&self, conversation: ConversationId, ts: Ts) -> Result<(), NotDone> {
        let delete = Delete { conversation, ts, only_broadcast: false, targeted: None, if_revision: None };
        self.submit(Verb::Delete(delete)).await.map(drop)
    }

    /// Reacts with the emoji of this short name, or takes the reaction back. Returns whether anything had to be done.
    pub async fn react(
        &self,
        conversation: ConversationId,
        ts: Ts,
        name: &str,
        adds: bool,
    ) -> Result<bool, NotDone> {
        let name = Arc::from(name);
        let act = if adds { Act::React(name) } else { Act::Unreact(name) };
        let outcome = self.submit(Verb::Interaction(Interaction { conversation, ts, act })).await?;
        Ok(matches!(outcome, Outcome::Reacted(true)))
    }

    /// Stops a message that streams in.
    pub async fn stop(&self, conversation: ConversationId, ts: Ts) -> Result<(), NotDone> {
        let stream = ReplaceStream { conversation, fault: None, step: Step::Stop { ts } };
        self.submit(Verb::ReplaceStream(stream)).await.map(drop)
    }

    /// Types: the bots of a personal chat receive one typing activity. The call does not wait for their answers.
    pub fn type_in(&self, conversation: &Conversation) {
        if conversation.kind != ConversationKind::Direct || !conversation.has(self.user.id) {
            return;
        }
        let members = conversation.members.keys().filter_map(|user| self.directory.user(*user));
        let bots = members.filter_map(|user| self.directory.app(user.bot_of?));
        for bot in bots.filter(|bot| !bot.uninstalled) {
            let (person, bot, conversation) = (self.clone(), Arc::clone(bot), conversation.id);
            tokio::spawn(async move {
                let question = Question::Typing;
                let asked = Asked { conversation, by: person.user.id, message: None, root: None, question };
                drop(ask(&person.app.connector, &person.directory, &bot, &asked).await);
            });
        }
    }

    /// What was typed, as it is stored: `@name` is a mention, and `#name` a link to a channel that the person sees.
    fn typed(&self, words: &str) -> (Content, Option<ContentFault>) {
        let mentioned = mentioning(&self.directory, words);
        let channel = |name: &str| {
            let channel = self.directory.channel(name).filter(|it| policy::sees(self.user.id, it));
            channel.map(|it| it.slack_id.clone())
        };
        let stored = text::normalise(&mentioned, Parse::Client, true, &Names { channel: &channel });
        let fault = text::chars_over(words, TEXT_CHARS_MAX).then(|| ContentFault {
            code: "msg_too_long",
            reasons: vec![format!("a person writes at most {TEXT_CHARS_MAX} characters at once")],
        });
        (Content::text(Dialect::Slack, stored), fault)
    }

    /// The conversation as this person's client shows it: the newest messages and those for this person alone, oldest
    /// first; or a thread: its root and the first replies. Cards that refresh themselves for this person do so.
    pub async fn see(
        &self,
        conversation: &Conversation,
        thread: Option<Ts>,
        limit: usize,
    ) -> Result<Vec<Seen>, StoreError> {
        let workspace = self.directory.workspace.id;
        let store = &self.app.service.store;
        let mut line = match thread {
            None => store.channel_line(workspace, conversation.id, Window::ALL, limit).await?.rows,
            Some(root) => {
                let root = self.key(conversation.id, root);
                let mut line = store.thread_line(root, Window::ALL, limit).await?.rows;
                line.extend(self.app.service.message_for(self.reader(), root).await?.visible());
                line
            }
        };
        let now = self.app.service.now(workspace);
        let own = store.targeted(workspace, conversation.id, self.user.id, TARGETED_MAX).await?;
        let retention = self.directory.workspace.settings.retention;
        let lasts = |stored: &Stored| !stored.message.expired(now, retention);
        let own = own.into_iter().filter(|stored| lasts(stored) && stored.message.root == thread);
        line.extend(own);
        line.sort_by_key(|stored| stored.message.key.ts);
        let refreshed = self.refresh(conversation, &line).await;
        let mut seen = Vec::with_capacity(line.len());
        for stored in line {
            let key = stored.message.key;
            let again = if refreshed.contains(&key.ts) {
                self.app.service.message_for(self.reader(), key).await?.visible()
            } else {
                Some(stored)
            };
            if let Some(stored) = again {
                seen.push(self.seen(stored).await?);
            }
        }
        Ok(seen)
    }

    async fn seen(&self, stored: Stored) -> Result<Seen, StoreError> {
        let view = self.own_view(&stored).await?;
        Ok(Seen { stored, view })
    }

    /// The person's own view of a message, if it has not expired.
    pub(super) async fn own_view(&self, stored: &Stored) -> Result<Option<Arc<Content>>, StoreError> {
        if !stored.message.marked {
            return Ok(None);
        }
        let view = self.app.service.store.view(stored.message.key, self.user.id).await?;
        Ok(view
            .filter(|(view, _)| Some(view.revision) == stored.message.revision())
            .map(|(_, content)| content))
    }

    pub(super) fn key(&self, conversation: ConversationId, ts: Ts) -> MessageKey {
        MessageKey { workspace: self.directory.workspace.id, conversation, ts }
    }
}

fn posted(outcome: Outcome) -> Result<Posted, NotDone> {
    match outcome {
        Outcome::Posted(posted) | Outcome::Updated(posted) => Ok(posted),
        _ => Err(NotDone::Store(StoreError::Failed)),
    }
}

/// `@name` as a mention, where somebody has that short name.
fn mentioning(directory: &Directory, words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let starts_word = before.chars().next_back().is_none_or(|it| !it.is_alphanumeric() && it != '<');
        let length = after[1..].find(|it: char| !it.is_alphanumeric() && !"._-".contains(it));
        let name = &after[1..length.map_or(after.len(), |length| length + 1)];
        let named = name.trim_end_matches(['.', '-', '_']);
        match directory.user_named(&format!("@{}", named.to_lowercase())).filter(|_| starts_word) {
            Some(user) => {
                text.push_str(&format!("<@{}>", user.slack_id));
                rest = &after[1 + named.len()..];
            }
            None => {
                text.push('@');
                rest = &after[1..];
            }
        }
    }
    text.push_str(rest);
    text
}
