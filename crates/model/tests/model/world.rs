//! A store of maps, a workspace to play in, and the few helpers through which the tables touch the crate.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redraft_model::command::{
    Caller, Command, Delete, Idempotency, NewDirect, Post, ReplyTo, Revocation, Target, Targeted, Update,
    Verb,
};
use redraft_model::content::{Change as Part, Content, ContentFault, Dialect, Patch, Piece, joined};
use redraft_model::control::{Control, numbered_in};
use redraft_model::conversations::ConversationCommand;
use redraft_model::decide;
use redraft_model::decision::{Change, Decision, Halt, Moment, Outcome, Refusal, StreamStep};
use redraft_model::directory::{Directories, Directory, DirectoryChange};
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, TokenHash, UserId, WorkspaceId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Audience, Gone, Kind, Message, PersonalView, Reaction, Replier, Revision};
use redraft_model::patch::{
    AppPatch, ConversationPatch, SettingsPatch, SlackPatch, UserPatch, WorkspacePatch,
};
use redraft_model::quota::Usage;
use redraft_model::replace_stream::{ReplaceStream, Step};
use redraft_model::shared::SharedSet;
use redraft_model::time::{Micros, Ts};
use redraft_model::view::{Identity, Looked, NotLoaded, Remembered, View};
use redraft_model::workspace::{
    App, Conversation, ConversationKind, NewToken, Settings, Token, TokenKind, User, Workspace,
};

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

/// The hash of a workspace's token by its number in the list above.
pub const fn hash(workspace: u8, number: u8) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes[1] = workspace;
    TokenHash(bytes)
}

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

/// Every member of a user that can be changed, as it is in this one.
pub fn change_user(user: User) -> Control {
    let User { id, name, real_name, email, admin, away, deactivated, .. } = user;
    let (name, real_name, email) = (Some(name), Some(real_name), Some(email));
    let (admin, away, deactivated) = (Some(admin), Some(away), Some(deactivated));
    Control::PatchUser(id, UserPatch { name, real_name, email, admin, away, deactivated })
}

/// Every member of an app that can be changed, as it is in this one.
pub fn change_app(app: App) -> Control {
    let slack = app.slack.map_or_else(SlackPatch::default, |slack| SlackPatch {
        redirect_urls: Some(slack.redirect_urls),
        bot_scopes: Some(slack.bot_scopes),
        user_scopes: Some(slack.user_scopes),
        bot_events: Some(slack.bot_events),
        user_events: Some(slack.user_events),
        metadata_events: Some(slack.metadata_events),
        events_off: Some(slack.events_off),
        socket_mode: Some(slack.socket_mode),
        interactivity_url: Some(slack.interactivity_url),
        options_url: Some(slack.options_url),
        commands: Some(slack.commands),
        shortcuts: Some(slack.shortcuts),
    });
    let patch = AppPatch {
        name: Some(app.name),
        endpoint: Some(app.endpoint),
        reads_all: Some(app.reads_all),
        expects_replies: Some(app.expects_replies),
        issuer: Some(app.issuer),
        anonymous: Some(app.anonymous),
        slack,
    };
    Control::PatchApp(app.id, Box::new(patch))
}

pub fn set_archived(id: ConversationId, archived: bool) -> Control {
    Control::PatchConversation(id, ConversationPatch { archived: Some(archived), name: None })
}

pub fn rename_channel(id: ConversationId, name: String) -> Control {
    Control::PatchConversation(id, ConversationPatch { name: Some(name), archived: None })
}

pub fn rename_workspace(name: String) -> Control {
    Control::PatchWorkspace(WorkspacePatch { name: Some(name), settings: None })
}

pub fn change_settings(settings: Settings) -> Control {
    let Settings { edit_window_micros, delete_window_micros, only_admins_delete, .. } = settings;
    let settings = SettingsPatch {
        edit_window_micros: Some(edit_window_micros),
        delete_window_micros: Some(delete_window_micros),
        only_admins_delete: Some(only_admins_delete),
        ..SettingsPatch::default()
    };
    Control::PatchWorkspace(WorkspacePatch { name: None, settings: Some(settings) })
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

pub fn key(conversation: ConversationId, ts: Ts) -> MessageKey {
    MessageKey { workspace: HOME, conversation, ts }
}

pub fn command(caller: Caller, verb: Verb) -> Command {
    Command { workspace: HOME, caller, idempotency: None, verb, source: None }
}

pub fn with_key(command: Command, key: &str, digest: u8) -> Command {
    Command { idempotency: Some(Idempotency { key: key.into(), digest: [digest; 32] }), ..command }
}

pub fn text(text: &str) -> Arc<Content> {
    Arc::new(Content::text(Dialect::Slack, text))
}

pub fn post(conversation: ConversationId) -> Post {
    Post {
        target: Target::Conversation(conversation),
        content: text("old"),
        fault: None,
        kind: Kind::Plain,
        reply_to: ReplyTo::NONE,
        broadcast: false,
        only: None,
        unjoined: false,
    }
}

pub fn post_to(user: UserId) -> Post {
    Post { target: Target::Person(user, ids("new")), ..post(NOWHERE) }
}

pub fn update(conversation: ConversationId, ts: Ts) -> Update {
    Update {
        conversation,
        ts,
        patch: new_text("new"),
        fault: None,
        broadcast: false,
        targeted: None,
        if_revision: None,
    }
}

pub fn delete(conversation: ConversationId, ts: Ts) -> Delete {
    Delete { conversation, ts, only_broadcast: false, targeted: None, if_revision: None }
}

pub fn edit(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Update(update(conversation, ts))
}

pub fn erase(conversation: ConversationId, ts: Ts) -> Verb {
    Verb::Delete(delete(conversation, ts))
}

pub fn step(conversation: ConversationId, step: Step) -> Verb {
    Verb::ReplaceStream(ReplaceStream { conversation, fault: None, step })
}

pub fn start(conversation: ConversationId, words: &str) -> Verb {
    step(conversation, Step::Start { content: text(words), informative: false })
}

pub fn advance(conversation: ConversationId, ts: Ts, sequence: u32, words: &str) -> Verb {
    step(conversation, Step::Advance { ts, sequence, content: text(words), informative: false })
}

pub fn end(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    step(conversation, Step::End { ts, content: text(words) })
}

pub fn stop(conversation: ConversationId, ts: Ts) -> Verb {
    step(conversation, Step::Stop { ts })
}

pub fn act(conversation: ConversationId, ts: Ts, act: Act) -> Verb {
    Verb::Interaction(Interaction { conversation, ts, act })
}

pub fn react(conversation: ConversationId, ts: Ts, name: &str) -> Verb {
    act(conversation, ts, Act::React(name.into()))
}

pub fn unreact(conversation: ConversationId, ts: Ts, name: &str) -> Verb {
    act(conversation, ts, Act::Unreact(name.into()))
}

pub fn submit(conversation: ConversationId, ts: Ts, words: &str) -> Verb {
    act(conversation, ts, Act::Submit { content: text(words), shown: None })
}

pub fn show(conversation: ConversationId, ts: Ts, user: UserId, words: &str) -> Verb {
    act(conversation, ts, Act::Show(user, text(words)))
}

/// An update that means a message for one reader.
pub fn edit_targeted(conversation: ConversationId, ts: Ts, reader: Option<UserId>) -> Verb {
    Verb::Update(Update { targeted: Some(Targeted { reader }), ..update(conversation, ts) })
}

/// A deletion that means a message for one reader.
pub fn erase_targeted(conversation: ConversationId, ts: Ts, reader: Option<UserId>) -> Verb {
    Verb::Delete(Delete { targeted: Some(Targeted { reader }), ..delete(conversation, ts) })
}

pub fn new_text(text: &str) -> Patch {
    Patch { text: Part::Set(text.into()), given: true, ..Patch::keep_all(Dialect::Slack) }
}

pub fn fault() -> Option<ContentFault> {
    Some(ContentFault { code: "msg_too_long", reasons: vec![] })
}

/// Spelled ids of a conversation that may be made.
pub fn ids(name: &str) -> NewDirect {
    NewDirect { slack_id: format!("D-{name}"), connector_id: format!("a:{name}") }
}

/// A whole workspace; `n` keeps its names apart from another one's.
pub fn directory(n: u8) -> Directory {
    let mut directory = Directory::new(Workspace {
        id: WorkspaceId(77),
        team_id: format!("T{n}"),
        tenant_id: format!("tenant-{n}"),
        name: "Acme".into(),
        domain: "acme".into(),
        created_at: START,
        settings: Settings::default(),
        clock_offset_micros: 0,
    });
    users().into_iter().for_each(|user| directory.put_user(user));
    for (number, bot, installer) in [(1, ALPHA, IVO), (2, BETA, ADA), (3, GAMMA, IVO), (4, DELTA, ADA)] {
        directory.put_app(app(n, number, bot, installer));
    }
    tokens(n).into_iter().for_each(|token| directory.put_token(token));
    conversations().into_iter().for_each(|conversation| directory.put_conversation(conversation));
    directory
}

fn users() -> Vec<User> {
    let names = ["ada", "ivo", "mia", "sam", "alpha", "beta", "gamma", "delta", "olga"];
    let bots = [(ALPHA, ALPHA_APP), (BETA, BETA_APP), (GAMMA, GAMMA_APP), (DELTA, DELTA_APP)];
    let make = |(id, name): (UserId, &str)| User {
        admin: id == ADA,
        bot_of: bots.iter().find(|(bot, _)| *bot == id).map(|(_, app)| *app),
        deactivated: id == OLGA,
        ..user(id, name)
    };
    PEOPLE.into_iter().zip(names).map(make).collect()
}

pub fn user(id: UserId, name: &str) -> User {
    User {
        id,
        slack_id: format!("U-{name}"),
        member_id: format!("29:{name}"),
        directory_id: format!("guid-{name}"),
        name: name.into(),
        real_name: name.to_uppercase(),
        email: Some(format!("{name}@Example.com")),
        admin: false,
        bot_of: None,
        away: false,
        deactivated: false,
        updated_at: START,
    }
}

pub fn app(workspace: u8, number: u32, bot_user: UserId, installer: UserId) -> App {
    App {
        id: AppId(number),
        dialect: if number < 3 { Dialect::Slack } else { Dialect::Connector },
        slack_id: format!("A-{number}"),
        bot_id: format!("B-{number}"),
        app_id: format!("app-{workspace}-{number}"),
        name: format!("app {number}"),
        bot_user,
        installed_by: Some(installer),
        signing_secret: None,
        password_hash: None,
        uninstalled: false,
        endpoint: None,
        hears_from: 0,
        reads_all: false,
        expects_replies: false,
        issuer: None,
        anonymous: false,
        slack: (number < 3).then(Box::default),
        updated_at: START,
        old_secrets: Vec::new(),
    }
}

pub fn token(hash: TokenHash, app: AppId, user: UserId, kind: TokenKind) -> Token {
    let hint = format!("…{}", hash.0[0]);
    Token { hash, hint, app, user, kind, scopes: vec![], revoked: false, expires_at: None }
}

/// The same as a token of an app that is only being made; user 0 is its bot user.
pub fn of_new_app(token: Token) -> NewToken {
    let Token { hash, hint, user, kind, scopes, .. } = token;
    NewToken { hash, hint, user: Some(user).filter(|user| *user != UserId(0)), kind, scopes }
}

fn tokens(workspace: u8) -> Vec<Token> {
    use TokenKind as K;
    let rows = [
        (1, ALPHA_APP, ALPHA, K::Bot),
        (2, ALPHA_APP, IVO, K::User),
        (3, ALPHA_APP, MIA, K::User),
        (4, ALPHA_APP, ADA, K::User),
        (5, ALPHA_APP, SAM, K::User),
        (6, BETA_APP, BETA, K::Bot),
        (7, BETA_APP, MIA, K::User),
        (8, BETA_APP, IVO, K::User),
        (9, ALPHA_APP, ALPHA, K::App),
        (10, ALPHA_APP, OLGA, K::User),
        (11, BETA_APP, ADA, K::Bot),
    ];
    rows.map(|(number, app, user, kind)| token(hash(workspace, number), app, user, kind)).into()
}

fn conversations() -> Vec<Conversation> {
    use ConversationKind as K;
    let everyone = &PEOPLE[..8];
    let few: &[UserId] = &[IVO, MIA, ALPHA, GAMMA];
    let rows: [(ConversationId, K, &str, &[UserId]); 7] = [
        (GENERAL, K::Public, "general", everyone),
        (PUBLIC, K::Public, "public", &[ADA, IVO, MIA, ALPHA, GAMMA]),
        (PRIVATE, K::Private, "private", few),
        (DIRECT, K::Direct, "", &[MIA, ALPHA]),
        (PERSONAL, K::Direct, "", &[MIA, GAMMA]),
        (GROUP, K::Group, "", everyone),
        (ARCHIVED, K::Private, "archived", few),
    ];
    let made = rows.map(|(id, kind, name, members)| Conversation {
        general: id == GENERAL,
        archived: id == ARCHIVED,
        former: if few == members { [(DELTA, ())].into() } else { SharedSet::new() },
        previous_names: Vec::new(),
        pins: Vec::new(),
        ..conversation(id, kind, name, members)
    });
    made.into()
}

pub fn conversation(
    id: ConversationId,
    kind: ConversationKind,
    name: &str,
    members: &[UserId],
) -> Conversation {
    Conversation {
        id,
        slack_id: format!("C-{name}{}", id.0),
        connector_id: format!("19:{name}{}", id.0),
        kind,
        name: name.into(),
        topic: redraft_model::workspace::Note::default(),
        purpose: redraft_model::workspace::Note::default(),
        creator: ADA,
        created_at: START,
        general: false,
        archived: false,
        members: members.iter().map(|user| (*user, START)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: START,
    }
}
