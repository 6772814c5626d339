//! A store of maps, a workspace to play in, and the few helpers through which the tables touch the crate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redraft_model::command::{Caller, Command, Post, ReplyTo, Revocation, Verb};
use redraft_model::content::{Content, Piece, joined};
use redraft_model::control::{Control, numbered_in};
use redraft_model::conversations::ConversationCommand;
use redraft_model::decide;
use redraft_model::decision::{Change, Decision, Halt, Moment, Outcome, Refusal, StreamStep};
use redraft_model::directory::{Directories, Directory, DirectoryChange};
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Audience, Gone, Message, PersonalView, Reaction, Replier, Revision};
use redraft_model::quota::Usage;
use redraft_model::time::{Micros, Ts};
use redraft_model::view::{Identity, Looked, Remembered, View};
use redraft_model::workspace::{Conversation, Settings};

mod in_rounds;
mod requests;
mod scene;

pub use in_rounds::InRounds;
pub use requests::{
    act, advance, change_app, change_settings, change_user, command, delete, edit, edit_targeted, end, erase,
    erase_targeted, fault, ids, key, new_text, post, post_to, react, rename_channel, rename_workspace,
    set_archived, show, start, step, stop, submit, text, unreact, update, with_key,
};
pub use scene::{app, conversation, directory, hash, of_new_app, token, user};

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 86_400 * SECOND;
pub const START: Micros = Micros(1_700_000_000_000_000);

/// The workspace that the tables play in.
pub const HOME: WorkspaceId = WorkspaceId(1);
/// Another one with the same people under the same numbers.
pub const AWAY: WorkspaceId = WorkspaceId(2);

/// Administrator; installed beta.
pub const ADA: UserId = UserId(1);
/// Installed alpha.
pub const IVO: UserId = UserId(2);
pub const MIA: UserId = UserId(3);
/// In #general and the group only.
pub const SAM: UserId = UserId(4);
pub const ALPHA: UserId = UserId(5);
pub const BETA: UserId = UserId(6);
pub const GAMMA: UserId = UserId(7);
pub const DELTA: UserId = UserId(8);
/// Deactivated.
pub const OLGA: UserId = UserId(9);
pub const PEOPLE: [UserId; 9] = [ADA, IVO, MIA, SAM, ALPHA, BETA, GAMMA, DELTA, OLGA];

/// Slack apps.
pub const ALPHA_APP: AppId = AppId(1);
pub const BETA_APP: AppId = AppId(2);
/// Teams bots.
pub const GAMMA_APP: AppId = AppId(3);
pub const DELTA_APP: AppId = AppId(4);

pub const ALPHA_BOT: Caller = Caller::Token(hash(1, 1));
pub const ALPHA_IVO: Caller = Caller::Token(hash(1, 2));
pub const ALPHA_MIA: Caller = Caller::Token(hash(1, 3));
pub const ALPHA_ADA: Caller = Caller::Token(hash(1, 4));
pub const ALPHA_SAM: Caller = Caller::Token(hash(1, 5));
pub const BETA_BOT: Caller = Caller::Token(hash(1, 6));
pub const BETA_MIA: Caller = Caller::Token(hash(1, 7));
pub const BETA_IVO: Caller = Caller::Token(hash(1, 8));
/// App-level.
pub const ALPHA_LEVEL: Caller = Caller::Token(hash(1, 9));
/// Of a deactivated person.
pub const ALPHA_OLGA: Caller = Caller::Token(hash(1, 10));
/// Of the admin's own bot: its user is made an administrator, which must not help it.
pub const BETA_ADA_AS_BOT: Caller = Caller::Token(hash(1, 11));
pub const GAMMA_BOT: Caller = Caller::Bot(GAMMA_APP);
pub const DELTA_BOT: Caller = Caller::Bot(DELTA_APP);
/// People in their own clients.
pub const ADA_HERSELF: Caller = Caller::Person(ADA);
pub const IVO_HIMSELF: Caller = Caller::Person(IVO);
pub const MIA_HERSELF: Caller = Caller::Person(MIA);
pub const SAM_HIMSELF: Caller = Caller::Person(SAM);
pub const CONTROL: Caller = Caller::Control;

pub const GENERAL: ConversationId = ConversationId(1);
/// All but Sam, beta, delta and Olga.
pub const PUBLIC: ConversationId = ConversationId(2);
/// Ivo, Mia, alpha and gamma; delta was in it.
pub const PRIVATE: ConversationId = ConversationId(3);
/// Mia and alpha.
pub const DIRECT: ConversationId = ConversationId(4);
/// Mia and gamma.
pub const PERSONAL: ConversationId = ConversationId(5);
/// Everyone but Olga.
pub const GROUP: ConversationId = ConversationId(6);
/// As the private one, but archived.
pub const ARCHIVED: ConversationId = ConversationId(7);
pub const NOWHERE: ConversationId = ConversationId(99);

pub const NEVER: Ts = Ts(1);

#[derive(Clone, Default)]
pub struct World {
    pub directories: Directories,
    pub messages: BTreeMap<MessageKey, Arc<Message>>,
    pub revisions: BTreeMap<(WorkspaceId, u64), (Revision, Arc<Content>)>,
    pub repliers: BTreeMap<(MessageKey, UserId), Replier>,
    pub gone: BTreeMap<MessageKey, Gone>,
    pub pieces: BTreeMap<(MessageKey, u32), Piece>,
    pub reactions: BTreeSet<(MessageKey, Reaction)>,
    pub views: BTreeMap<(MessageKey, UserId), PersonalView>,
    pub remembered: BTreeMap<(Identity, String), Remembered>,
    pub items: BTreeMap<(WorkspaceId, ItemKey), Item>,
    pub blobs: BTreeMap<(WorkspaceId, BlobKey), Arc<[u8]>>,
    /// Bytes that count as if there were blobs of them.
    pub other_bytes: u64,
    pub origins: BTreeMap<WorkspaceId, Arc<Directory>>,
    pub logs: BTreeMap<WorkspaceId, Vec<Event>>,
    pub now: Micros,
}

impl View for World {
    fn directories(&self) -> &Directories {
        &self.directories
    }

    fn message(&self, key: MessageKey) -> Looked<Option<Arc<Message>>> {
        Ok(self.messages.get(&key).cloned())
    }

    fn content(&self, key: MessageKey, position: u64) -> Looked<Option<Arc<Content>>> {
        Ok(self.revisions.get(&(key.workspace, position)).map(|(_, content)| Arc::clone(content)))
    }

    fn replier(&self, root: MessageKey, user: UserId) -> Looked<Option<Replier>> {
        Ok(self.repliers.get(&(root, user)).copied())
    }

    fn repliers(&self, root: MessageKey, limit: usize) -> Looked<Vec<UserId>> {
        let all = self.repliers.iter().filter(|((of, _), _)| *of == root);
        let by_age: BTreeMap<Ts, UserId> = all.map(|((_, user), replier)| (replier.since, *user)).collect();
        Ok(by_age.into_values().take(limit).collect())
    }

    fn latest_reply_but(&self, root: MessageKey, but: Ts) -> Looked<Option<Ts>> {
        Ok(self.replies(root).map(|reply| reply.key.ts).filter(|ts| *ts != but).max())
    }

    /// Also what is over: the decision has to look at the time itself.
    fn remembered(&self, identity: &Identity, key: &str) -> Looked<Option<Remembered>> {
        Ok(self.remembered.get(&(*identity, key.to_owned())).cloned())
    }

    fn origin(&self, workspace: WorkspaceId) -> Looked<Option<Arc<Directory>>> {
        Ok(self.origins.get(&workspace).cloned())
    }

    fn reactions(&self, key: MessageKey) -> Looked<Vec<Reaction>> {
        let all = self.reactions.iter().filter(|(of, _)| *of == key);
        Ok(all.map(|(_, reaction)| reaction.clone()).collect())
    }

    fn assembled(&self, message: &Message, more: Option<&Piece>) -> Looked<Option<Arc<Content>>> {
        let (key, at) = (message.key, message.content_at);
        let pieces = self.pieces.range((key, 0)..=(key, u32::MAX)).map(|(_, piece)| piece).chain(more);
        let pieces: Vec<Piece> = pieces.cloned().collect();
        let begun = self.revisions.get(&(key.workspace, at));
        Ok(begun.map(|(_, begun)| Arc::new(joined(begun, &pieces))))
    }

    fn item(&self, workspace: WorkspaceId, key: &ItemKey) -> Looked<Option<Item>> {
        Ok(self.items.get(&(workspace, key.clone())).cloned())
    }

    fn items(
        &self,
        workspace: WorkspaceId,
        from: &ItemKey,
        to: &ItemKey,
        limit: usize,
    ) -> Looked<Vec<(ItemKey, Item)>> {
        let range = self.items.range((workspace, from.clone())..=(workspace, to.clone()));
        Ok(range.take(limit).map(|((_, key), item)| (key.clone(), item.clone())).collect())
    }

    fn blob_bytes(&self, workspace: WorkspaceId) -> Looked<u64> {
        let own = self.blobs.iter().filter(|((of, _), _)| *of == workspace);
        Ok(self.other_bytes + own.map(|(_, bytes)| bytes.len() as u64).sum::<u64>())
    }

    fn usage(&self, workspace: WorkspaceId) -> Looked<Usage> {
        let blob_bytes = View::blob_bytes(self, workspace)?;
        let revisions = self.revisions.iter().filter(|((of, _), _)| *of == workspace);
        let files = self.items.iter().filter(|((of, _), _)| *of == workspace);
        Ok(Usage {
            messages: self.messages.keys().filter(|key| key.workspace == workspace).count() as u64,
            content_bytes: revisions.map(|(_, (_, content))| content.text.len() as u64).sum(),
            blob_bytes,
            files: files.filter(|(_, item)| matches!(item, Item::File(file) if !file.deleted)).count() as u64,
        })
    }

    fn gone(&self, key: MessageKey) -> Looked<Option<Gone>> {
        Ok(self.gone.get(&key).cloned())
    }
}

impl World {
    /// One workspace, [`HOME`], as the constants above say.
    pub fn new() -> Self {
        let mut world = Self { now: START, ..Self::default() };
        world.control(Control::CreateWorkspace(Arc::new(directory(1))));
        world
    }

    /// Also [`AWAY`].
    pub fn with_away() -> Self {
        let mut world = Self::new();
        world.control(Control::CreateWorkspace(Arc::new(directory(2))));
        world
    }

    pub fn moment(&self, workspace: WorkspaceId) -> Moment {
        let log = self.logs.get(&workspace).map_or(&[][..], Vec::as_slice);
        let last = log.last().map_or(Ts(0), |event| event.ts);
        Moment { at: self.now, ts: Ts(self.now.0.max(last.0 + 1)), position: log.len() as u64 + 1 }
    }

    pub fn decide(&self, command: &Command) -> Result<Decision, Halt> {
        decide(command, self, self.moment(numbered_in(command, &self.directories)))
    }

    /// Decides and writes. A refusal leaves everything as it was.
    pub fn run(&mut self, command: &Command) -> Result<Decision, Refusal> {
        let workspace = numbered_in(command, &self.directories);
        let before = self.rows();
        match self.decide(command) {
            Ok(decision) => {
                self.write(workspace, &decision);
                Ok(decision)
            }
            Err(Halt::Refused(refusal)) => {
                assert_eq!(self.rows(), before, "a refusal changes nothing");
                Err(*refusal)
            }
            Err(Halt::NotLoaded) => panic!("everything is loaded here"),
        }
    }

    /// Writes what was decided, and checks that its numbers are the next ones.
    pub fn write(&mut self, workspace: WorkspaceId, decision: &Decision) {
        decision.changes.iter().for_each(|change| self.apply(workspace, change));
        let mut expected = self.moment(workspace);
        let log = self.logs.entry(workspace).or_default();
        for event in &decision.events {
            assert_eq!((event.position, event.ts), (expected.position, expected.ts), "{event:?}");
            expected.position += 1;
            expected.ts.0 += 1;
            log.push(event.clone());
        }
    }

    fn apply(&mut self, workspace: WorkspaceId, change: &Change) {
        match change.clone() {
            Change::PutMessage(message) => drop(self.messages.insert(message.key, message)),
            Change::RemoveMessage(message) => {
                let removed = self.messages.remove(&message.key);
                assert_eq!(removed, Some(message), "what is removed was there");
            }
            Change::RemoveRevision(key, position) => {
                assert!(self.revisions.remove(&(key.workspace, position)).is_some(), "it was there");
            }
            Change::PutPiece(key, number, piece) => {
                let next = self.pieces.range((key, 0)..=(key, u32::MAX)).count() + 1;
                assert_eq!(number as usize, next, "pieces have consecutive numbers");
                self.pieces.insert((key, number), piece);
            }
            Change::ClearPieces(key) => self.pieces.retain(|(of, _), _| *of != key),
            Change::PutReaction(key, reaction) => assert!(self.reactions.insert((key, reaction))),
            Change::RemoveReaction(key, reaction) => assert!(self.reactions.remove(&(key, reaction))),
            Change::PutView(key, user, view) => {
                if let Some(before) = self.views.insert((key, user), view) {
                    assert!(self.revisions.remove(&(key.workspace, before.content_at)).is_some());
                }
            }
            Change::ClearMarks(key) => self.clear_marks(key),
            Change::PutRevision(revision, content) => {
                let place = (revision.key.workspace, revision.position);
                assert!(self.revisions.insert(place, (revision, content)).is_none());
            }
            Change::PutReplier(root, user, Some(replier)) => {
                self.repliers.insert((root, user), replier);
            }
            Change::PutReplier(root, user, None) => drop(self.repliers.remove(&(root, user))),
            Change::PutGone(gone) => drop(self.gone.insert(gone.last.key, gone)),
            Change::Remember(identity, key, remembered) => {
                self.remembered.insert((identity, key), remembered);
            }
            Change::PutItem(key, Some(item)) => drop(self.items.insert((workspace, key), item)),
            Change::PutItem(key, None) => {
                assert!(self.items.remove(&(workspace, key)).is_some(), "what is removed was there");
            }
            Change::PutBlob(key, bytes) => {
                assert!(self.blobs.insert((workspace, key), bytes).is_none(), "no two have the same key");
            }
            Change::RemoveBlob(key, size) => {
                let removed = self.blobs.remove(&(workspace, key)).expect("it was there");
                assert_eq!(removed.len() as u64, size);
            }
            Change::Directory(change) => {
                if let DirectoryChange::Create(directory) = &change {
                    self.origins.insert(directory.workspace.id, Arc::clone(directory));
                }
                self.directories.apply(&change);
            }
        }
    }

    fn clear_marks(&mut self, key: MessageKey) {
        self.reactions.retain(|(of, _)| *of != key);
        let views = std::mem::take(&mut self.views);
        let (cleared, kept) = views.into_iter().partition(|((of, _), _)| *of == key);
        self.views = kept;
        for view in BTreeMap::into_values(cleared) {
            assert!(self.revisions.remove(&(key.workspace, view.content_at)).is_some());
        }
    }

    /// Everything that a command could change, for comparing.
    pub fn rows(&self) -> String {
        let directories: Vec<String> = self.directories.all().map(|directory| shape(directory)).collect();
        let known = (&self.repliers, &self.gone, &self.remembered, self.logs.values().map(Vec::len));
        let marks = (&self.reactions, &self.views, &self.items, &self.pieces, self.blobs.keys());
        format!("{:?} {directories:?} {known:?} {marks:?} {:?}", self.messages, self.revisions.keys())
    }

    /// What the caller hears, in short.
    pub fn tell(&mut self, caller: Caller, verb: Verb) -> String {
        self.tell_command(&command(caller, verb))
    }

    pub fn tell_command(&mut self, command: &Command) -> String {
        match self.run(command) {
            Ok(decision) => told(&decision.outcome),
            Err(refusal) => format!("{:?}", refusal.why),
        }
    }

    pub fn control(&mut self, control: Control) -> String {
        self.tell(CONTROL, Verb::Control(Box::new(control)))
    }

    pub fn conversation(&mut self, caller: Caller, asked: ConversationCommand) -> String {
        self.tell(caller, Verb::Conversation(asked))
    }

    pub fn post(&mut self, caller: Caller, post: Post) -> Arc<Message> {
        let decision = self.run(&command(caller, Verb::Post(post))).unwrap();
        let Outcome::Posted(posted) = decision.outcome else { panic!("not posted") };
        posted.message
    }

    pub fn say(&mut self, caller: Caller, conversation: ConversationId) -> Ts {
        self.post(caller, post(conversation)).key.ts
    }

    /// A message that begins to stream in.
    pub fn stream(&mut self, caller: Caller, conversation: ConversationId) -> Ts {
        let decision = self.run(&command(caller, start(conversation, "first"))).unwrap();
        let Outcome::Posted(posted) = decision.outcome else { panic!("not begun") };
        posted.message.key.ts
    }

    pub fn reply(&mut self, caller: Caller, conversation: ConversationId, root: Ts) -> Ts {
        self.post(caller, Post { reply_to: ReplyTo::message(root), ..post(conversation) }).key.ts
    }

    /// To one reader.
    pub fn whisper(&mut self, caller: Caller, conversation: ConversationId, reader: UserId) -> Ts {
        self.post(caller, Post { only: Some(reader), ..post(conversation) }).key.ts
    }

    /// A message of this caller that was deleted while it had a reply of Mia's, which is the second.
    pub fn tombstone(&mut self, caller: Caller, conversation: ConversationId) -> (Ts, Ts) {
        let root = self.say(caller, conversation);
        let reply = self.reply(ALPHA_MIA, conversation, root);
        assert_eq!(self.tell(caller, erase(conversation, root)), "deleted");
        (root, reply)
    }

    pub fn message(&self, conversation: ConversationId, ts: Ts) -> Option<&Arc<Message>> {
        self.messages.get(&key(conversation, ts))
    }

    pub fn content_of(&self, conversation: ConversationId, ts: Ts) -> &Content {
        let message = self.message(conversation, ts).unwrap();
        &self.revisions[&(message.key.workspace, message.content_at)].1
    }

    /// What is kept of a message's contents, oldest first, with what belongs to events about it.
    pub fn contents(&self, conversation: ConversationId, ts: Ts) -> Vec<&str> {
        let of_it = self.revisions.values().filter(|(row, _)| row.key == key(conversation, ts));
        of_it.map(|(_, content)| &*content.text).collect()
    }

    pub fn replies(&self, root: MessageKey) -> impl Iterator<Item = &Arc<Message>> {
        let everyone = |message: &&Arc<Message>| message.audience == Audience::Everyone;
        self.messages
            .values()
            .filter(move |m| m.root == Some(root.ts) && m.key == root.at(m.key.ts))
            .filter(everyone)
    }

    pub fn home(&self) -> &Arc<Directory> {
        self.directories.get(HOME).unwrap()
    }

    pub fn room(&self, id: ConversationId) -> &Arc<Conversation> {
        self.home().conversation(id).unwrap()
    }

    /// The kinds of the last `n` events of [`HOME`].
    pub fn events(&self, n: usize) -> Vec<EventKind> {
        let log = &self.logs[&HOME];
        log[log.len() - n..].iter().map(|event| event.kind.clone()).collect()
    }

    pub fn settings(&mut self, settings: Settings) {
        assert_eq!(self.control(change_settings(settings)), "done");
    }
}

fn shape(directory: &Directory) -> String {
    let users: Vec<_> = directory.users().collect();
    let conversations: Vec<_> = directory.conversations().collect();
    let apps: Vec<_> = directory.apps().collect();
    let tokens: Vec<_> = directory.tokens().collect();
    format!("{:?} {users:?} {conversations:?} {apps:?} {tokens:?}", directory.workspace)
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Posted(posted) if posted.thread_ignored => "posted, thread ignored".into(),
        Outcome::Posted(posted) => posted.message.root.map_or("posted", |_| "replied").into(),
        Outcome::Updated(posted) => format!("revision {}", posted.message.revision().unwrap()),
        Outcome::Deleted(_) => "deleted".into(),
        Outcome::Repeated(before, stored) => {
            let revision = before.revision.map_or(0, std::num::NonZeroU32::get);
            format!("repeated {revision}{}", if stored.is_some() { "" } else { ", gone" })
        }
        Outcome::Conversation(id, changed) => format!("conversation {} {changed}", id.0),
        Outcome::Invited(id, failed) => format!("invited {} {failed:?}", id.0),
        Outcome::Revoked(done) => format!("revoked {}", *done == Revocation::Revoked),
        Outcome::Workspace(id) => format!("workspace {}", id.0),
        Outcome::User(id) => format!("user {}", id.0),
        Outcome::App(id) => format!("app {}", id.0),
        Outcome::Streamed { step: StreamStep::Taken, .. } => "streamed".into(),
        Outcome::Streamed { step: StreamStep::TooLate, .. } => "too late".into(),
        Outcome::Added { untold: true, .. } => "added, untold".into(),
        Outcome::Added { untold: false, .. } => "added".into(),
        Outcome::Reacted(true) => "reacted".into(),
        Outcome::Reacted(false) => "no change".into(),
        Outcome::Granted(_) => "granted".into(),
        Outcome::Modal(opened) => {
            let ids: Vec<&str> = opened.views.stack.iter().map(|view| view.id.as_str()).collect();
            format!("{} of {}", opened.view().id, ids.join(" "))
        }
        Outcome::UserGroup(id) => format!("user group {}", id.0),
        Outcome::Scheduled(_) => "scheduled".into(),
        Outcome::Dropped(why) => format!("dropped: {why:?}"),
        Outcome::Installed(installed) => {
            format!("installed {} {} {}", installed.app.0, installed.bot, installed.person)
        }
        Outcome::Done | Outcome::Files(_) => "done".into(),
    }
}

/// These events, with the message after each that the platform itself writes about it.
pub fn with_notices(kinds: &[EventKind]) -> Vec<EventKind> {
    use EventKind as K;
    let mut all = Vec::new();
    for kind in kinds {
        all.push(kind.clone());
        let conversation = match *kind {
            K::MemberJoined { conversation, .. }
            | K::MemberLeft { conversation, .. }
            | K::ConversationRenamed(conversation)
            | K::ConversationArchived(conversation)
            | K::ConversationUnarchived(conversation) => conversation,
            _ => continue,
        };
        all.push(K::MessagePosted { conversation, root: None, only: None });
    }
    all
}
