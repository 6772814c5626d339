//! A store with one workspace, and a clock that stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use redraft_model::command::{Caller, Command, Post, ReplyTo, Update, Verb};
use redraft_model::control::Control;
use redraft_model::decision::{Outcome, Posted, Why};
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::message::{Message, Reaction};
use redraft_model::time::{Micros, Ts};

use super::commands::{attach, delete, post};
use super::directory::{directory, hash};
use super::picture::events;
use super::{ALPHA_BOT, GAMMA_BOT, PUBLIC, START};
use crate::{Answer, Clock, READ_ROWS_MAX, Settlement, Store, Stored, Sweep, Window};

/// A clock that moves only when a test moves it.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(START.0)))
    }
}

impl HandClock {
    /// The clock as stores take it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    /// The time that it shows.
    #[must_use]
    pub fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }

    /// Moves it to a time.
    pub fn set(&self, now: Micros) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Moves it forward by so many microseconds.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A store with one workspace in it.
#[derive(Clone)]
pub struct World {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// The clock that the store was made with.
    pub clock: HandClock,
    /// The workspace that commands are for.
    pub workspace: WorkspaceId,
}

/// The bot of [`ALPHA_BOT`] in the workspace `directory(2)`.
pub(super) const AWAY_BOT: Caller = Caller::Token(hash(2, 1));

impl World {
    pub(super) async fn new(make: &impl Fn(Clock) -> Arc<dyn Store>) -> Self {
        let clock = HandClock::default();
        Self::over(make(clock.clock()), clock).await
    }

    /// Makes the workspace `directory(1)` in a store.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn over(store: Arc<dyn Store>, clock: HandClock) -> Self {
        Self { store, clock, workspace: WorkspaceId(0) }.beside(1).await
    }

    /// Another workspace in the same store.
    /// Another workspace in the same store, the `n`-th of its kind.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn beside(&self, n: u8) -> Self {
        let made = self.control(Control::CreateWorkspace(Arc::new(directory(n)))).await;
        let Outcome::Workspace(workspace) = made else { panic!("no workspace was made") };
        Self { workspace, ..self.clone() }
    }

    /// A command in this workspace.
    #[must_use]
    pub fn command(&self, caller: Caller, verb: Verb) -> Command {
        Command { workspace: self.workspace, caller, idempotency: None, verb, source: None }
    }

    /// The answer to a command.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn submit(&self, command: Command) -> Answer {
        self.store.submit(command).await.expect("the store works")
    }

    /// The answers to commands that were all asked for before the first was answered.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn at_once(&self, commands: impl Iterator<Item = Command>) -> Vec<Answer> {
        let waiting: Vec<_> = commands.map(|command| self.store.submit(command)).collect();
        let mut answers = Vec::new();
        for answer in waiting {
            answers.push(answer.await.expect("the store works"));
        }
        answers
    }

    pub(super) async fn answer(&self, caller: Caller, verb: Verb) -> Answer {
        self.submit(self.command(caller, verb)).await
    }

    pub(super) async fn done(&self, caller: Caller, verb: Verb) -> Outcome {
        self.answer(caller, verb).await.expect("the command is accepted")
    }

    pub(super) async fn why(&self, caller: Caller, verb: Verb) -> Why {
        self.answer(caller, verb).await.expect_err("the command is refused").why
    }

    /// An act of control that is accepted.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn control(&self, control: Control) -> Outcome {
        self.done(Caller::Control, Verb::Control(Box::new(control))).await
    }

    pub(super) async fn posted(&self, caller: Caller, post: Post) -> Arc<Message> {
        let Outcome::Posted(posted) = self.done(caller, Verb::Post(post)).await else { panic!("not posted") };
        posted.message
    }

    /// The bot says something in the public channel.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn say(&self, text: &str) -> Arc<Message> {
        self.posted(ALPHA_BOT, post(PUBLIC, text)).await
    }

    pub(super) async fn reply(&self, root: &Message, caller: Caller, text: &str) -> Arc<Message> {
        let reply_to = ReplyTo::message(root.key.ts);
        self.posted(caller, Post { reply_to, ..post(root.key.conversation, text) }).await
    }

    pub(super) async fn updated(&self, caller: Caller, update: Update) -> Posted {
        let done = self.done(caller, Verb::Update(update)).await;
        let Outcome::Updated(posted) = done else { panic!("not updated") };
        posted
    }

    pub(super) async fn deleted(&self, caller: Caller, message: &Message) {
        self.done(caller, Verb::Delete(delete(message))).await;
    }

    /// Sweeps until nothing is left to do.
    ///
    /// # Panics
    /// When the store fails or never comes to an end.
    pub async fn sweep(&self) {
        for _ in 0..10_000 {
            if !self.store.sweep(Sweep::Routine).await.expect("the store works").more {
                return;
            }
        }
        panic!("sweeping comes to an end");
    }

    pub(super) fn home(&self) -> Arc<Directory> {
        Arc::clone(self.store.published().directories().get(self.workspace).expect("the workspace is there"))
    }

    pub(super) async fn message(&self, message: &Message) -> Option<Stored> {
        self.message_at(message.key).await
    }

    pub(super) async fn message_at(&self, key: MessageKey) -> Option<Stored> {
        self.store.message(key).await.expect("readable")
    }

    pub(super) async fn window(
        &self,
        conversation: ConversationId,
        window: Window,
        limit: usize,
    ) -> Vec<Stored> {
        self.store.channel_line(self.workspace, conversation, window, limit).await.expect("readable").rows
    }

    pub(super) async fn line(&self, conversation: ConversationId) -> Vec<Ts> {
        tss(&self.window(conversation, Window::ALL, READ_ROWS_MAX).await)
    }

    pub(super) async fn thread(&self, root: &Message) -> Vec<Ts> {
        tss(&self.store.thread_line(root.key, Window::ALL, READ_ROWS_MAX).await.expect("readable"))
    }

    pub(super) async fn texts(&self, key: MessageKey, below: u32, limit: usize) -> Vec<String> {
        let revisions = self.store.revisions(key, below, limit).await.expect("readable");
        revisions
            .iter()
            .map(|(_, content)| content.as_ref().map_or(String::new(), |it| it.text.clone()))
            .collect()
    }

    /// The texts of what only this user sees.
    pub(super) async fn targeted(
        &self,
        conversation: ConversationId,
        reader: UserId,
        limit: usize,
    ) -> Vec<String> {
        let found = self.store.targeted(self.workspace, conversation, reader, limit).await.expect("readable");
        assert!(found.iter().all(|found| found.root.is_none()));
        assert!(found.is_sorted_by_key(|found| found.message.key.ts), "oldest first");
        found.iter().map(|found| found.content.text.clone()).collect()
    }

    pub(super) async fn content(&self, position: u64) -> Option<String> {
        let found = self.store.content(self.workspace, position).await.expect("readable");
        found.map(|content| content.text.clone())
    }

    pub(super) async fn reacted(
        &self,
        user: UserId,
        before: Ts,
        limit: usize,
    ) -> Vec<(MessageKey, Reaction)> {
        self.store.reacted(self.workspace, user, before, limit).await.expect("readable")
    }

    pub(super) async fn reactions(&self, message: &Message) -> Vec<(String, UserId)> {
        let found = self.store.reactions(message.key).await.expect("readable");
        assert!(found.is_sorted_by_key(|reaction| reaction.since));
        found.iter().map(|reaction| (reaction.name.to_string(), reaction.user)).collect()
    }

    /// The revision and the text of one person's own view.
    pub(super) async fn view(&self, message: &Message, user: UserId) -> Option<(u32, String)> {
        let found = self.store.view(message.key, user).await.expect("readable");
        found.map(|(view, content)| (view.revision.get(), content.text.clone()))
    }

    /// Settles: writes down how far events are delivered to an app.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn settle(&self, app: AppId, settlement: Settlement) {
        self.store.settle(self.workspace, app, settlement).await.expect("the store works");
    }

    pub(super) async fn delivered_up_to(&self, app: AppId) -> u64 {
        self.store.delivered_up_to(self.workspace, app).await.expect("readable")
    }

    /// The positions of an app's deliveries.
    pub(super) async fn deliveries(&self, app: AppId, after: u64, limit: usize) -> Vec<u64> {
        let after = (after, u8::MAX);
        let found = self.store.deliveries(self.workspace, app, after, limit).await.expect("readable");
        found.iter().map(|delivery| delivery.position).collect()
    }

    /// Hands in an attachment with this number, in #public.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn attach(&self, n: u8, bytes: &[u8]) {
        self.done(GAMMA_BOT, attach(n, bytes)).await;
    }

    pub(super) async fn blob(&self, n: u8) -> Option<Vec<u8>> {
        self.store.blob(self.workspace, [n; 32]).await.expect("readable")
    }

    pub(super) async fn events(&self) -> Vec<Event> {
        events(&*self.store, self.workspace).await
    }
}

pub(super) fn tss(line: &[Stored]) -> Vec<Ts> {
    line.iter().map(|found| found.message.key.ts).collect()
}
