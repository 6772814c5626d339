//! A view that has nothing loaded and learns what it is asked for, as a store does that fetches in rounds.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use redraft_model::command::Command;
use redraft_model::content::{Content, Piece};
use redraft_model::control::numbered_in;
use redraft_model::decide;
use redraft_model::decision::{Decision, Halt};
use redraft_model::directory::{Directories, Directory};
use redraft_model::id::{MessageKey, UserId, WorkspaceId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Gone, Message, Reaction, Replier};
use redraft_model::quota::Usage;
use redraft_model::time::Ts;
use redraft_model::view::{Identity, Looked, NotLoaded, Remembered, View};

use super::World;

/// A view that has nothing loaded and learns what it is asked for, as a store does that fetches in rounds.
pub struct InRounds<'a> {
    world: &'a World,
    loaded: RefCell<BTreeSet<String>>,
    missing: RefCell<Option<String>>,
}

impl<'a> InRounds<'a> {
    /// The decision, and how many rounds it took.
    pub fn decide(world: &'a World, command: &Command) -> (Result<Decision, Halt>, usize) {
        let view = Self { world, loaded: RefCell::default(), missing: RefCell::default() };
        let moment = world.moment(numbered_in(command, &world.directories));
        for round in 1.. {
            let decided = decide(command, &view, moment);
            if !matches!(decided, Err(Halt::NotLoaded)) {
                return (decided, round);
            }
            let missing = view.missing.take().expect("something was asked for");
            assert!(view.loaded.borrow_mut().insert(missing));
        }
        unreachable!("rounds end")
    }

    fn ask<T>(&self, what: String, answer: Looked<T>) -> Looked<T> {
        if self.loaded.borrow().contains(&what) {
            return answer;
        }
        self.missing.replace(Some(what));
        Err(NotLoaded)
    }
}

impl View for InRounds<'_> {
    fn directories(&self) -> &Directories {
        self.world.directories()
    }

    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>> {
        self.ask(format!("message {key:?}"), View::message(self.world, key))
    }

    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>> {
        self.ask(format!("content {position}"), self.world.content(key, position))
    }

    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>> {
        self.ask(format!("replier {root:?} {user:?}"), self.world.replier(root, user))
    }

    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>> {
        self.ask(format!("repliers {root:?} {limit}"), self.world.repliers(root, limit))
    }

    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>> {
        self.ask(format!("latest {root:?} {but:?}"), self.world.latest_reply_but(root, but))
    }

    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>> {
        self.ask(format!("remembered {identity:?} {key}"), self.world.remembered(identity, key))
    }

    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>> {
        self.ask(format!("origin {workspace:?}"), self.world.origin(workspace))
    }

    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>> {
        self.ask(format!("reactions {key:?}"), self.world.reactions(key))
    }

    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>> {
        self.ask(format!("pieces of {:?}", message.key), View::assembled(self.world, message, more))
    }

    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>> {
        self.ask(format!("item {workspace:?} {key:?}"), View::item(self.world, workspace, key))
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>> {
        let asked = format!("items {workspace:?} {from:?} {to:?} {limit}");
        self.ask(asked, View::items(self.world, workspace, from, to, limit))
    }

    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64> {
        self.ask(format!("bytes of {workspace:?}"), View::blob_bytes(self.world, workspace))
    }

    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage> {
        self.ask(format!("usage of {workspace:?}"), View::usage(self.world, workspace))
    }

    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>> {
        self.ask(format!("gone {key:?}"), self.world.gone(key))
    }
}
