//! Steps of a history, in words that need no store: "update the message before last". A [`Teller`] makes commands of
//! them as it hears the answers.

use std::sync::Arc;

use proptest::prelude::*;
use redraft_model::append_stream::AppendStream;
use redraft_model::command::{
    Caller, Command, Delete, NewDirect, Post, ReplyTo, Target, Targeted, Update, Verb,
};
use redraft_model::content::Piece;
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::Outcome;
use redraft_model::grant::{AnswerUrl, GrantAnswers, Place};
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::interaction::Act;
use redraft_model::item::{ItemKey, ModalView, Origin};
use redraft_model::message::{Audience, Message};
use redraft_model::modal::{Answer, Modal, Which};
use redraft_model::patch::{ConversationPatch, SettingsPatch, UserPatch, WorkspacePatch};
use redraft_model::pin::Pinning;
use redraft_model::replace_stream::{ReplaceStream, Step as StreamStep};
use redraft_model::schedule::ScheduleCommand;
use redraft_model::workspace::{ConversationKind, NewToken, TokenKind};
use redraft_store::contract::*;
use redraft_store::{Answer as Answered, Settlement};

#[derive(Clone, Debug)]
pub enum Step {
    Post { who: usize, place: usize, reply: Option<usize>, broadcast: bool, only: bool, key: Option<Key> },
    Direct { who: usize, whom: u32 },
    Update { who: usize, which: usize, empty: bool, broadcast: bool, expected: Option<u32>, key: Option<Key> },
    Delete { who: usize, which: usize, only_broadcast: bool, expected: Option<u32>, key: Option<Key> },
    Talk { who: usize, what: usize, place: usize, whom: u32 },
    Act { who: usize, which: usize, what: usize, whom: u32 },
    Stream { what: usize, sequence: u32, informative: bool },
    Append { which: usize, what: usize },
    Modal { what: usize, who: usize, number: u8, named: bool },
    Settle { heard: u64, put: u64, removed: u64 },
    Control { what: usize, place: usize, whom: u32 },
    Pin { who: usize, which: usize, pins: bool },
    Wait { who: usize, what: usize, place: usize, hours: i64 },
    Tick(i64),
    Sweep,
}

/// An idempotency key and its digest.
pub type Key = (u8, u8);

const CALLERS: [Caller; 7] =
    [ALPHA_BOT, ALPHA_BOT, ALPHA_MIA, ALPHA_ADA, GAMMA_BOT, MIA_HERSELF, IVO_HIMSELF];
const HOUR: i64 = 3_600_000_000;

pub fn step() -> impl Strategy<Value = Step> {
    let who = || 0..CALLERS.len();
    let key = || prop::option::weighted(0.3, (0..2_u8, prop::bool::weighted(0.1).prop_map(u8::from)));
    let expected = || prop::option::weighted(0.2, 1..3_u32);
    let seldom = || prop::bool::weighted(0.15);
    prop_oneof![
        12 => (who(), 0..6_usize, prop::option::of(0..6_usize), seldom(), seldom(), key()).prop_map(
            |(who, place, reply, broadcast, only, key)| Step::Post { who, place, reply, broadcast, only, key }
        ),
        1 => (who(), 1..8_u32).prop_map(|(who, whom)| Step::Direct { who, whom }),
        8 => (who(), 0..5_usize, seldom(), seldom(), expected(), key()).prop_map(
            |(who, which, empty, broadcast, expected, key)| {
                Step::Update { who, which, empty, broadcast, expected, key }
            }
        ),
        5 => (who(), 0..8_usize, seldom(), expected(), key()).prop_map(
            |(who, which, only_broadcast, expected, key)| {
                Step::Delete { who, which, only_broadcast, expected, key }
            }
        ),
        3 => (who(), 0..10_usize, 0..7_usize, 0..8_u32)
            .prop_map(|(who, what, place, whom)| Step::Talk { who, what, place, whom }),
        5 => (who(), 0..6_usize, 0..8_usize, 1..4_u32)
            .prop_map(|(who, which, what, whom)| Step::Act { who, which, what, whom }),
        5 => (0..8_usize, 0..6_u32, any::<bool>())
            .prop_map(|(what, sequence, informative)| Step::Stream { what, sequence, informative }),
        5 => (0..6_usize, 0..9_usize).prop_map(|(which, what)| Step::Append { which, what }),
        4 => (0..8_usize, 0..4_usize, 0..4_u8, seldom())
            .prop_map(|(what, who, number, named)| Step::Modal { what, who, number, named }),
        1 => (0..50_u64, 0..50_u64, 0..50_u64)
            .prop_map(|(heard, put, removed)| Step::Settle { heard, put, removed }),
        3 => (0..40_usize, 0..7_usize, 0..8_u32)
            .prop_map(|(what, place, whom)| Step::Control { what, place, whom }),
        2 => (who(), 0..4_usize, any::<bool>()).prop_map(|(who, which, pins)| Step::Pin { who, which, pins }),
        3 => (who(), 0..5_usize, 0..6_usize, 1..100_i64)
            .prop_map(|(who, what, place, hours)| Step::Wait { who, what, place, hours }),
        4 => prop_oneof![6 => 1..1000_i64, 2 => Just(HOUR), 1 => Just(25 * HOUR)].prop_map(Step::Tick),
        1 => Just(Step::Sweep),
    ]
}

/// Mostly the one whose message it is.
fn caller_about(message: &Message, who: usize) -> Caller {
    match message.author {
        ALPHA if who < 4 => ALPHA_BOT,
        MIA if who < 4 => ALPHA_MIA,
        ADA if who < 4 => ALPHA_ADA,
        GAMMA if who < 4 => GAMMA_BOT,
        _ => CALLERS[who],
    }
}

/// Mostly with what reaches a message for one reader.
fn targeted(message: &Message, which: usize) -> Option<Targeted> {
    match message.audience {
        Audience::Only(reader) if which != 2 => Some(Targeted { reader: Some(reader) }),
        _ => None,
    }
}

/// Makes commands of steps.
pub struct Teller {
    pub workspace: WorkspaceId,
    messages: Vec<Arc<Message>>,
    /// The stream that was begun last.
    stream: Option<Arc<Message>>,
    /// The one that pieces are added to.
    pieces: Option<Arc<Message>>,
    /// The trigger that was asked for last, and the modal that an answer was about last.
    trigger: u8,
    modal: String,
    /// The message that was scheduled last.
    waiting: Option<ItemKey>,
    commands: usize,
}

impl Default for Teller {
    fn default() -> Self {
        Self {
            workspace: WorkspaceId(1),
            messages: Vec::new(),
            stream: None,
            pieces: None,
            trigger: 0,
            modal: String::new(),
            waiting: None,
            commands: 0,
        }
    }
}

impl Teller {
    /// The making of the `n`-th workspace.
    pub fn create(&self, n: u8) -> Command {
        self.ask(
            Caller::Control,
            Verb::Control(Box::new(Control::CreateWorkspace(Arc::new(directory(n))))),
            None,
        )
    }

    /// Learns what messages and workspaces there are.
    pub fn heard(&mut self, answer: &Answered) {
        match answer {
            Ok(Outcome::Posted(posted)) => {
                if posted.message.in_pieces() {
                    self.pieces = Some(Arc::clone(&posted.message));
                } else if matches!(posted.message.state, redraft_model::message::State::Streaming { .. }) {
                    self.stream = Some(Arc::clone(&posted.message));
                }
                self.messages.push(Arc::clone(&posted.message));
            }
            Ok(Outcome::Modal(opened)) => self.modal.clone_from(&opened.view().id),
            Ok(Outcome::Scheduled(key)) => self.waiting = Some(key.clone()),
            Ok(Outcome::Workspace(id)) => {
                self.workspace = *id;
                self.messages.clear();
                self.stream = None;
                self.pieces = None;
            }
            _ => {}
        }
    }

    pub fn command(&mut self, step: &Step) -> Command {
        self.commands += 1;
        let text = format!("text {}", self.commands);
        match *step {
            Step::Post { who, place, reply, broadcast, only, key } => {
                let root = reply.and_then(|which| self.message(which));
                let place = root.as_ref().map_or_else(|| self.place(place), |root| root.key.conversation);
                let reply_to = root.map(|root| root.key.ts).into();
                let only = only.then_some(MIA);
                let post = Post { reply_to, broadcast, only, ..post(place, &text) };
                self.ask(CALLERS[who], Verb::Post(post), key)
            }
            Step::Direct { who, whom } => {
                let target = Target::Person(UserId(whom), self.ids());
                self.ask(CALLERS[who], Verb::Post(Post { target, ..post(PUBLIC, &text) }), None)
            }
            Step::Update { who, which, empty, broadcast, expected, key } => {
                let text = if empty { "" } else { &text };
                let Some(message) = self.message(which) else { return self.greeting(who) };
                let targeted = targeted(&message, which);
                let update = Update { broadcast, targeted, if_revision: expected, ..update(&message, text) };
                self.ask(caller_about(&message, who), Verb::Update(update), key)
            }
            Step::Delete { who, which, only_broadcast, expected, key } => {
                let Some(message) = self.message(which) else { return self.greeting(who) };
                let targeted = targeted(&message, which);
                let delete = Delete { only_broadcast, targeted, if_revision: expected, ..delete(&message) };
                self.ask(caller_about(&message, who), Verb::Delete(delete), key)
            }
            Step::Talk { who, what, place, whom } => {
                self.ask(CALLERS[who], Verb::Conversation(self.talk(what, place, whom)), None)
            }
            Step::Control { what, place, whom } => {
                self.ask(Caller::Control, Verb::Control(Box::new(self.control(what, place, whom))), None)
            }
            Step::Act { who, which, what, whom } => {
                let Some(message) = self.message(which) else { return self.greeting(who) };
                let (caller, act) = self.act(who, what, whom);
                self.ask(caller, interaction(&message, act), None)
            }
            Step::Stream { what, sequence, informative } => {
                let (caller, step) = self.stream(what, sequence, informative);
                self.ask(caller, stream(step), None)
            }
            Step::Append { which, what } => {
                let Some(root) = self.message(which) else { return self.greeting(0) };
                let (caller, verb) = self.append(&root, what, &text);
                self.ask(caller, verb, None)
            }
            Step::Modal { what, who, number, named } => self.modal(what, who, number, named),
            Step::Pin { who, which, pins } => {
                let Some(message) = self.message(which) else { return self.greeting(who) };
                let Message { key, .. } = *message;
                let pinning = Pinning { conversation: key.conversation, ts: key.ts, pins };
                self.ask(CALLERS[who], Verb::Pin(pinning), None)
            }
            Step::Wait { who, what, place, hours } => self.wait(who, what, place, hours),
            Step::Tick(_) | Step::Sweep | Step::Settle { .. } => unreachable!("not a command"),
        }
    }

    /// A message for later, the end of the last one, or its time.
    fn wait(&self, who: usize, what: usize, place: usize, hours: i64) -> Command {
        match (what, &self.waiting) {
            (0, Some(ItemKey::Scheduled { conversation, post_at, made })) => {
                let (conversation, post_at, made) = (*conversation, *post_at, *made);
                let remove = ScheduleCommand::Remove { conversation, post_at, made };
                self.ask(CALLERS[who], Verb::Schedule(remove), None)
            }
            (1 | 2, Some(key)) => self.ask(Caller::Control, Verb::PostDue(key.clone()), None),
            _ => {
                let words = post(self.place(place), &format!("text {}", self.commands));
                let post_at = START.plus(hours * HOUR);
                let add = ScheduleCommand::Add { post: Box::new(words), post_at };
                self.ask(CALLERS[who], Verb::Schedule(add), None)
            }
        }
    }

    /// How far the Teams app was told.
    pub fn settlement(heard: u64, put: u64, removed: u64) -> Settlement {
        settlement(heard, &[put, put + 1], &[removed, removed + 2])
    }

    fn act(&self, who: usize, what: usize, whom: u32) -> (Caller, Act) {
        let name = if whom == 1 { "eyes" } else { "tada" };
        let words = text(&format!("text {}", self.commands));
        match what {
            0..3 => (CALLERS[who], Act::React(name.into())),
            3..5 => (CALLERS[who], Act::Unreact(name.into())),
            5 => (MIA_HERSELF, Act::Submit { content: words, shown: None }),
            _ if who == 4 => (GAMMA_BOT, Act::Show(UserId(whom), words)),
            _ => (ALPHA_BOT, Act::Show(UserId(whom), words)),
        }
    }

    /// Somebody acts, of which alpha hears, or something is done about one of a few modals.
    fn modal(&mut self, what: usize, who: usize, number: u8, named: bool) -> Command {
        let person = [MIA_HERSELF, MIA_HERSELF, MIA_HERSELF, IVO_HIMSELF][who];
        let id = if number == 0 { format!("V{}", self.commands % 5) } else { self.modal.clone() };
        let (app, trigger) = (AppId(1), [if number == 3 { 0 } else { self.trigger }; 32]);
        let view = ModalView {
            id: format!("V{}", self.commands % 5),
            external_id: named.then(|| "named".to_owned()),
            hash: format!("hash {}", self.commands),
            json: "{}".into(),
        };
        let modal = match what {
            0 | 1 => {
                let place = if what == 0 { Place::Anywhere } else { Place::View(id) };
                self.trigger = number * 50 + u8::try_from(self.commands % 50).unwrap();
                let trigger = [self.trigger; 32];
                let answers = vec![AnswerUrl {
                    secret: [255 - number; 32],
                    conversation: PUBLIC,
                    origin: Origin::Submission,
                }];
                let asked = GrantAnswers { app, place, trigger: Some(trigger), answers };
                return self.ask(person, Verb::GrantAnswers(asked), None);
            }
            2 | 3 => Modal::Open { trigger, view },
            4 => Modal::Push { trigger, view },
            5 if named => Modal::Update { which: Which::ExternalId("named".into()), if_hash: None, view },
            5 => Modal::Update { which: Which::Id(id), if_hash: None, view },
            6 => {
                let pushed = ModalView { id: format!("W{}", self.commands), ..view.clone() };
                let answer = if named { Answer::Push(pushed) } else { Answer::Update(view) };
                Modal::Answer { app, id, answer }
            }
            _ => Modal::Close { id, all: named },
        };
        let caller = if matches!(what, 2..=5) { ALPHA_BOT } else { person };
        self.ask(caller, Verb::Modal(Box::new(modal)), None)
    }

    fn stream(&self, what: usize, sequence: u32, informative: bool) -> (Caller, StreamStep) {
        let content = text(&format!("text {}", self.commands));
        let Some(ts) = self.stream.as_ref().map(|message| message.key.ts).filter(|_| what != 0) else {
            return (ALPHA_BOT, StreamStep::Start { content, informative });
        };
        match what {
            1 if sequence < 3 => (MIA_HERSELF, StreamStep::Stop { ts }),
            1 | 2 => (ALPHA_BOT, StreamStep::End { ts, content }),
            _ => (ALPHA_BOT, StreamStep::Advance { ts, sequence, content, informative }),
        }
    }

    fn append(&self, root: &Message, what: usize, words: &str) -> (Caller, Verb) {
        let piece = Piece { text: words.into(), chunks: None };
        let Some(message) = self.pieces.as_ref().filter(|_| what != 0) else {
            let post = Post { reply_to: ReplyTo::message(root.key.ts), ..post(root.key.conversation, "") };
            return (ALPHA_BOT, Verb::AppendStream(AppendStream::Begin { post: Box::new(post), piece }));
        };
        let MessageKey { conversation, ts, .. } = message.key;
        let stop = ReplaceStream { conversation, fault: None, step: StreamStep::Stop { ts } };
        match what {
            1 => (MIA_HERSELF, Verb::ReplaceStream(stop)),
            2 => {
                let finish = AppendStream::Finish { conversation, ts, piece, metadata: None, fault: None };
                (ALPHA_BOT, Verb::AppendStream(finish))
            }
            3 => (ALPHA_BOT, Verb::AppendStream(AppendStream::Tell { conversation, ts })),
            _ => (ALPHA_BOT, added(message, words)),
        }
    }

    fn greeting(&self, who: usize) -> Command {
        self.ask(CALLERS[who], Verb::Post(post(PUBLIC, "hello")), None)
    }

    fn talk(&self, what: usize, place: usize, whom: u32) -> ConversationCommand {
        use ConversationCommand as C;
        let (conversation, user) = (self.place(place), Some(UserId(whom)));
        match what {
            0 => C::Create {
                name: format!("channel-{}", whom % 4),
                private: whom.is_multiple_of(2),
                ids: self.ids(),
            },
            1 => C::Join(conversation),
            2 => C::Leave(conversation),
            3 => C::Invite { conversation, users: vec![user, Some(ADA)], force: whom.is_multiple_of(2) },
            4 => C::Kick { conversation, user },
            5 => C::Open { users: vec![user, Some(MIA)], ids: self.ids(), existing_only: false },
            6 => C::Reopen(conversation),
            7 => C::Close(conversation),
            8 => C::Archive(conversation),
            _ => C::Unarchive(conversation),
        }
    }

    fn control(&self, what: usize, place: usize, whom: u32) -> Control {
        let (conversation, name) = (self.place(place), format!("person-{whom}"));
        let number = u8::try_from(whom).unwrap();
        match what {
            0..4 => Control::PatchWorkspace(WorkspacePatch {
                name: None,
                settings: Some(SettingsPatch {
                    edit_window_micros: Some(Some(HOUR)),
                    only_admins_delete: Some(whom.is_multiple_of(2)),
                    ..SettingsPatch::default()
                }),
            }),
            4..8 => Control::AdvanceClock(i64::from(whom) * HOUR),
            8..12 => Control::AddUser(user(UserId(0), &name, None)),
            12..16 => Control::PatchUser(
                UserId(whom),
                UserPatch { name: Some(name), deactivated: Some(whom == 7), ..UserPatch::default() },
            ),
            16..20 => {
                let (kind, name) = (ConversationKind::Private, format!("made-{whom}"));
                Control::AddConversation(self::conversation(
                    ConversationId(100 + whom),
                    kind,
                    &name,
                    &[MIA, ALPHA],
                ))
            }
            20..24 => Control::AddMember(conversation, UserId(whom)),
            24..28 => Control::RemoveMember(conversation, UserId(whom)),
            28..31 => Control::PatchConversation(
                conversation,
                ConversationPatch { archived: Some(whom.is_multiple_of(2)), name: None },
            ),
            31..33 => Control::AddToken(token(hash(1, 10 + number), MIA, TokenKind::User)),
            33 => Control::RotateToken {
                old: hash(1, 10 + number),
                new: hash(1, 20 + number),
                hint: "new".into(),
            },
            34 => Control::RevokeToken(hash(1, 10 + number)),
            35 => Control::AddApp {
                app: app(1, AppId(9), redraft_model::content::Dialect::Slack, UserId(0)),
                bot: user(UserId(0), "another", Some(AppId(9))),
                tokens: vec![NewToken {
                    hash: hash(1, 30),
                    hint: "…30".into(),
                    user: None,
                    kind: TokenKind::Bot,
                    scopes: vec!["chat:write".into()],
                }],
                member_of: vec![PUBLIC],
            },
            36 => Control::UninstallApp(AppId(3)),
            37 => Control::ResetWorkspace,
            38 if whom == 0 => Control::DropWorkspace,
            _ => Control::CreateWorkspace(Arc::new(directory(1 + number % 2))),
        }
    }

    fn ask(&self, caller: Caller, verb: Verb, key: Option<Key>) -> Command {
        let command = Command { workspace: self.workspace, caller, idempotency: None, verb, source: None };
        match key {
            Some((key, digest)) => with_key(command, &format!("key {key}"), digest),
            None => command,
        }
    }

    /// One of the last messages.
    fn message(&self, which: usize) -> Option<Arc<Message>> {
        self.messages.iter().rev().nth(which).or(self.messages.last()).cloned()
    }

    fn place(&self, place: usize) -> ConversationId {
        [PUBLIC, PUBLIC, PUBLIC, PRIVATE, GENERAL, DIRECT, ConversationId(5)][place]
    }

    fn ids(&self) -> NewDirect {
        NewDirect { slack_id: format!("D-{}", self.commands), connector_id: format!("a:{}", self.commands) }
    }
}
