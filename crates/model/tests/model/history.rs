//! Random histories: whatever is asked in whatever order, what the log tells and what is stored agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Caller, Command, Delete, Post, ReplyTo, Targeted, Update, Verb};
use redraft_model::content::{Dialect, Patch, Piece};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::{Event, EventKind as K};
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::interaction::Act;
use redraft_model::item::ItemKey;
use redraft_model::limits::REPLY_USERS_MAX;
use redraft_model::message::{Audience, Message, State, Thread};
use redraft_model::pin::Pinning;
use redraft_model::replace_stream::Step;
use redraft_model::schedule::ScheduleCommand;
use redraft_model::time::{Micros, Ts};

use crate::world::*;

const COMMANDS: usize = 1_500;
const SEEDS: [u64; 3] = [1, 0x5eed, 0xdead_beef];

/// xorshift64*: the same history for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

const CALLERS: [Caller; 13] = [
    ALPHA_BOT,
    ALPHA_IVO,
    ALPHA_MIA,
    ALPHA_ADA,
    ALPHA_SAM,
    BETA_BOT,
    BETA_MIA,
    GAMMA_BOT,
    DELTA_BOT,
    ALPHA_OLGA,
    MIA_HERSELF,
    SAM_HIMSELF,
    ADA_HERSELF,
];
const PLACES: [ConversationId; 6] = [GENERAL, GENERAL, PUBLIC, PRIVATE, GROUP, ARCHIVED];

/// Somebody asks for something, mostly about one of the last messages.
fn command_of(dice: &mut Dice, world: &World) -> Command {
    let caller = dice.pick(&CALLERS);
    let recent = recent(world);
    let place = dice.pick(&PLACES);
    let known = if recent.is_empty() || dice.one_in(12) { key(place, NEVER) } else { dice.pick(&recent) };
    let if_revision = if dice.one_in(6) { Some(1) } else { None };
    let audience = world.messages.get(&known).map(|message| message.audience);
    let targeted = match audience {
        Some(Audience::Only(reader)) if !dice.one_in(4) => Some(Targeted { reader: Some(reader) }),
        _ => None,
    };
    let verb = match dice.roll(43) {
        0..=2 => Verb::Post(post(place)),
        3..=8 => Verb::Post(Post {
            reply_to: ReplyTo::message(known.ts),
            broadcast: dice.one_in(4),
            only: if dice.one_in(8) { Some(MIA) } else { None },
            ..post(known.conversation)
        }),
        9..=11 => Verb::Update(Update {
            broadcast: dice.one_in(4),
            targeted,
            if_revision,
            patch: if dice.one_in(6) { Patch::keep_all(Dialect::Slack) } else { new_text("new") },
            ..update(known.conversation, known.ts)
        }),
        12..=16 => Verb::Delete(Delete {
            only_broadcast: dice.one_in(10),
            targeted,
            if_revision,
            ..delete(known.conversation, known.ts)
        }),
        17..=18 => Verb::Conversation(room_of(dice, place)),
        19..=21 | 39..=41 => act(known.conversation, known.ts, act_of(dice)),
        22 => return unreaction(dice, world),
        23..=27 => return stream_of(dice, world),
        28..=29 => {
            let pins = !dice.one_in(3);
            let pinned = world.room(PUBLIC).pins.last().map(|pin| key(PUBLIC, pin.ts));
            let of = if pins { known } else { pinned.unwrap_or(known) };
            Verb::Pin(Pinning { conversation: of.conversation, ts: of.ts, pins })
        }
        30..=33 => return schedule_of(dice, world, place),
        34..=38 => return append_of(dice, world, known),
        _ => return command(CONTROL, Verb::Control(Box::new(control_of(dice, place)))),
    };
    let author = world.message(known.conversation, known.ts).and_then(|message| caller_of(message.author));
    let author = author.filter(|_| !matches!(verb, Verb::Post(_)) && !dice.one_in(3));
    let asked = command(author.unwrap_or(caller), verb);
    if dice.one_in(8) { with_key(asked, dice.pick(&["a", "b", "c"]), 1) } else { asked }
}

fn act_of(dice: &mut Dice) -> Act {
    let name = Arc::from(dice.pick(&["eyes", "tada"]));
    match dice.roll(7) {
        0..=2 => Act::React(name),
        3 => Act::Unreact(name),
        4 => Act::Submit { content: text("pressed"), shown: None },
        _ => Act::Show(dice.pick(&[MIA, SAM]), text("shown")),
    }
}

/// Somebody takes a reaction back that is there, if one is.
fn unreaction(dice: &mut Dice, world: &World) -> Command {
    let all: Vec<_> = world.reactions.iter().map(|(of, it)| (*of, &*it.name, it.user)).collect();
    if all.is_empty() {
        return command(MIA_HERSELF, unreact(PUBLIC, NEVER, "eyes"));
    }
    let (of, name, user) = dice.pick(&all);
    command(caller_of(user).unwrap_or(MIA_HERSELF), unreact(of.conversation, of.ts, name))
}

/// A step of one of the streams that were begun last, or a new one.
fn stream_of(dice: &mut Dice, world: &World) -> Command {
    let streaming =
        |message: &&Arc<Message>| matches!(message.state, State::Streaming { appended: None, .. });
    let mut begun: Vec<&Arc<Message>> = world.messages.values().filter(streaming).collect();
    begun.sort_by_key(|message| std::cmp::Reverse(message.key.ts));
    begun.truncate(2);
    let place = dice.pick(&[DIRECT, PERSONAL]);
    let bot = |place| if place == DIRECT { ALPHA_BOT } else { GAMMA_BOT };
    let (content, informative) = (text("words"), dice.one_in(3));
    if begun.is_empty() || dice.one_in(6) {
        return command(bot(place), step(place, Step::Start { content, informative }));
    }
    let message = dice.pick(&begun);
    let MessageKey { conversation, ts, .. } = message.key;
    let State::Streaming { sequence, .. } = message.state else { unreachable!("it streams") };
    let sequence = sequence + u32::try_from(dice.roll(3)).unwrap();
    let (caller, asked) = match dice.roll(8) {
        0 => (MIA_HERSELF, Step::Stop { ts }),
        1 => (bot(conversation), Step::End { ts, content }),
        _ => (bot(conversation), Step::Advance { ts, sequence, content, informative }),
    };
    let caller = if dice.one_in(9) { dice.pick(&CALLERS) } else { caller };
    command(caller, step(conversation, asked))
}

/// A message for later, the end of one, or its time.
fn schedule_of(dice: &mut Dice, world: &World, place: ConversationId) -> Command {
    let waiting = |(_, key): &(_, ItemKey)| matches!(key, ItemKey::Scheduled { .. });
    let first = world.items.keys().find(|key| waiting(key)).map(|(_, key)| key.clone());
    let caller = dice.pick(&[ALPHA_BOT, ALPHA_MIA]);
    match (dice.roll(4), first) {
        (0, Some(key)) => {
            let ItemKey::Scheduled { conversation, post_at, made } = key else { unreachable!("it waits") };
            command(caller, Verb::Schedule(ScheduleCommand::Remove { conversation, post_at, made }))
        }
        (1 | 2, Some(key)) => command(CONTROL, Verb::PostDue(key)),
        _ => {
            let post_at = world.now.plus(SECOND * i64::try_from(dice.roll(200)).unwrap());
            command(caller, Verb::Schedule(ScheduleCommand::Add { post: Box::new(post(place)), post_at }))
        }
    }
}

/// A step of the last stream that pieces are added to, or a new one in the thread of a message.
fn append_of(dice: &mut Dice, world: &World, known: MessageKey) -> Command {
    let mut words = |text: &str| Piece { text: if dice.one_in(6) { "" } else { text }.into(), chunks: None };
    let (piece, fault) = (words("piece"), None);
    let last = world.messages.values().filter(|message| message.in_pieces()).max_by_key(|it| it.key.ts);
    let Some(message) = last.filter(|_| !dice.one_in(6)) else {
        let post =
            Post { content: text(""), reply_to: ReplyTo::message(known.ts), ..post(known.conversation) };
        return command(ALPHA_BOT, Verb::AppendStream(AppendStream::Begin { post: Box::new(post), piece }));
    };
    let MessageKey { conversation, ts, .. } = message.key;
    let asked = match dice.roll(9) {
        0 => return command(MIA_HERSELF, stop(conversation, ts)),
        1 => AppendStream::Finish { conversation, ts, piece, metadata: None, fault },
        2 => AppendStream::Tell { conversation, ts },
        _ => AppendStream::Add { conversation, ts, piece, fault },
    };
    let caller = if dice.one_in(9) { dice.pick(&CALLERS) } else { ALPHA_BOT };
    command(caller, Verb::AppendStream(asked))
}

/// The last messages, and as often the oldest with replies, so that many people meet in them.
fn recent(world: &World) -> Vec<MessageKey> {
    let mut all: Vec<MessageKey> = world.messages.keys().copied().collect();
    all.sort_by_key(|key| std::cmp::Reverse(key.ts));
    let threaded = |key: &MessageKey| world.messages[key].thread.is_some();
    let roots: Vec<MessageKey> = all.iter().rev().copied().filter(threaded).take(2).collect();
    all.truncate(12);
    [all, roots.repeat(3)].concat()
}

/// The first of the callers that acts as this user.
fn caller_of(user: UserId) -> Option<Caller> {
    let users = [ALPHA, IVO, MIA, ADA, SAM, BETA, MIA, GAMMA, DELTA, OLGA, MIA, SAM, ADA];
    users.iter().position(|other| *other == user).map(|place| CALLERS[place])
}

fn room_of(dice: &mut Dice, place: ConversationId) -> C {
    let user = Some(dice.pick(&PEOPLE));
    match dice.roll(6) {
        4 => C::SetTopic { conversation: place, topic: dice.pick(&["tea", "cake", ""]).into() },
        5 => C::Rename { conversation: place, name: dice.pick(&["public", "open", "hall"]).into() },
        0 => C::Join(place),
        1 => C::Leave(place),
        2 => C::Invite { conversation: place, users: vec![user], force: false },
        _ => C::Open { users: vec![user], ids: ids("n"), existing_only: false },
    }
}

fn control_of(dice: &mut Dice, place: ConversationId) -> Control {
    let user = dice.pick(&PEOPLE);
    match dice.roll(4) {
        0 => Control::AddMember(place, user),
        1 => Control::RemoveMember(place, user),
        2 => set_archived(dice.pick(&[PUBLIC, ARCHIVED]), dice.one_in(3)),
        _ => Control::AdvanceClock(1),
    }
}

/// A thread as the log tells it: living replies by author, and the repliers in the order they joined.
#[derive(Default)]
struct Told {
    replies: BTreeMap<Ts, UserId>,
    joined: Vec<UserId>,
}

/// What a reader of the log alone knows.
#[derive(Default)]
struct Reader {
    threads: BTreeMap<MessageKey, Told>,
    roots: BTreeMap<MessageKey, MessageKey>,
    revisions: BTreeMap<MessageKey, u32>,
    tombstones: Vec<MessageKey>,
    reactions: BTreeSet<(MessageKey, Ts, Arc<str>, UserId)>,
    views: BTreeMap<(MessageKey, UserId), u64>,
    /// Where the newest text of each stream lies.
    streams: BTreeMap<MessageKey, u64>,
    /// Pinned messages.
    pins: BTreeSet<MessageKey>,
    in_pieces: BTreeSet<MessageKey>,
    /// Positions of events with content.
    contents: BTreeSet<u64>,
    /// How often something of each kind happened.
    kinds: BTreeMap<String, usize>,
}

impl Reader {
    fn read(&mut self, event: &Event) {
        let kind = format!("{:?}", event.kind);
        let kind = kind.split([' ', '(']).next().unwrap_or_default();
        *self.kinds.entry(kind.to_owned()).or_default() += 1;
        match event.kind.clone() {
            K::MessagePosted { conversation, root, only } => {
                let posted = key(conversation, event.ts);
                self.revisions.insert(posted, 1);
                self.contents.insert(event.position);
                if let (Some(root), None) = (root, only) {
                    self.replied(posted, posted.at(root), event.by.unwrap());
                }
            }
            K::MessageUpdated { conversation, message, revision }
            | K::TargetedUpdated { conversation, message, revision } => {
                let before = self.revisions.insert(key(conversation, message), revision);
                assert_eq!(before, Some(revision - 1), "revision numbers are consecutive");
                self.contents.insert(event.position);
                self.streams.remove(&key(conversation, message));
            }
            K::ReactionAdded { conversation, message, name } => {
                let new = (key(conversation, message), event.ts, name, event.by.unwrap());
                let same = |old: &(_, _, Arc<str>, _)| (old.0, &old.2, old.3) == (new.0, &new.2, new.3);
                assert!(!self.reactions.iter().any(same), "nobody reacts twice");
                self.reactions.insert(new);
            }
            K::ReactionRemoved { conversation, message, name } => {
                let old = (key(conversation, message), name, event.by.unwrap());
                let before = self.reactions.len();
                self.reactions.retain(|(of, _, name, user)| (*of, name, *user) != (old.0, &old.1, old.2));
                assert_eq!(self.reactions.len() + 1, before, "there was one to take back");
            }
            K::MessagePinned { conversation, message } => {
                assert!(self.pins.insert(key(conversation, message)), "nothing is pinned twice");
            }
            K::MessageUnpinned { conversation, message } => {
                assert!(self.pins.remove(&key(conversation, message)), "it was pinned");
            }
            K::ScheduledRemoved { content_at, .. } => {
                assert!(self.contents.remove(&content_at), "it waited");
            }
            K::CardSubmitted { .. } | K::MessageScheduled { .. } => {
                self.contents.insert(event.position);
            }
            K::ViewShown { conversation, message, user } => {
                self.contents.insert(event.position);
                let before = self.views.insert((key(conversation, message), user), event.position);
                self.contents.retain(|position| Some(*position) != before);
            }
            K::StreamStarted { conversation, root } => {
                let begun = key(conversation, event.ts);
                self.revisions.insert(begun, 1);
                self.streamed(begun, event.position);
                if let Some(root) = root {
                    self.in_pieces.insert(begun);
                    self.replied(begun, begun.at(root), event.by.unwrap());
                }
            }
            // Pieces lie beside the content.
            K::StreamAdvanced { conversation, message }
                if !self.in_pieces.contains(&key(conversation, message)) =>
            {
                self.streamed(key(conversation, message), event.position);
            }
            K::StreamEnded { conversation, message } => {
                self.streamed(key(conversation, message), event.position);
                self.streams.remove(&key(conversation, message));
            }
            K::MessageDeleted { conversation, message, .. }
            | K::TargetedDeleted { conversation, message, .. } => self.deleted(key(conversation, message)),
            K::MessageTombstoned { conversation, message, .. } => {
                self.tombstones.push(key(conversation, message));
                self.cleared(key(conversation, message));
            }
            K::TombstoneRemoved { conversation, message } => {
                let removed = key(conversation, message);
                assert!(!self.threads.contains_key(&removed), "a tombstone goes after its last reply");
                self.tombstones.retain(|tombstone| *tombstone != removed);
                self.revisions.remove(&removed);
            }
            _ => {}
        }
    }

    fn replied(&mut self, reply: MessageKey, root: MessageKey, by: UserId) {
        self.roots.insert(reply, root);
        let told = self.threads.entry(root).or_default();
        told.replies.insert(reply.ts, by);
        if !told.joined.contains(&by) {
            told.joined.push(by);
        }
    }

    fn streamed(&mut self, message: MessageKey, position: u64) {
        self.contents.insert(position);
        let before = self.streams.insert(message, position);
        self.contents.retain(|position| Some(*position) != before);
    }

    fn cleared(&mut self, message: MessageKey) {
        self.streams.remove(&message);
        self.reactions.retain(|(of, ..)| *of != message);
        self.views.retain(|(of, _), position| {
            let stays = *of != message;
            if !stays {
                self.contents.remove(position);
            }
            stays
        });
    }

    fn deleted(&mut self, message: MessageKey) {
        self.cleared(message);
        self.revisions.remove(&message);
        let Some(root) = self.roots.remove(&message) else { return };
        let told = self.threads.get_mut(&root).unwrap();
        let by = told.replies.remove(&message.ts).unwrap();
        if !told.replies.values().any(|other| *other == by) {
            told.joined.retain(|other| *other != by);
        }
        if told.replies.is_empty() {
            self.threads.remove(&root);
        }
    }

    fn thread(&self, root: MessageKey) -> Option<Thread> {
        let told = self.threads.get(&root)?;
        Some(Thread {
            replies: u32::try_from(told.replies.len()).unwrap(),
            repliers: u32::try_from(told.joined.len()).unwrap(),
            latest: *told.replies.keys().next_back().unwrap(),
            users: told.joined.iter().take(REPLY_USERS_MAX).copied().collect(),
        })
    }

    /// What is stored is what was told, message by message.
    fn check(&self, world: &World) {
        let live = world.messages.values().filter_map(|m| Some((m.key, u32::from(m.revision()?))));
        let told = self.revisions.iter().filter(|(key, _)| !self.tombstones.contains(key));
        assert!(live.eq(told.map(|(key, revision)| (*key, *revision))), "messages and revisions");
        let dead = world.messages.values().filter(|message| message.revision().is_none());
        let mut dead: Vec<MessageKey> = dead.map(|message| message.key).collect();
        dead.sort_by_key(|key| self.tombstones.iter().position(|tombstone| tombstone == key));
        assert_eq!(dead, self.tombstones);
        for message in world.messages.values() {
            assert_eq!(message.thread, self.thread(message.key), "{:?}", message.key);
        }
        for tombstone in &self.tombstones {
            assert!(self.threads.contains_key(tombstone), "no tombstone without replies");
        }
        let reactions = world.reactions.iter().map(|(of, it)| (*of, it.since, Arc::clone(&it.name), it.user));
        assert!(reactions.eq(self.reactions.iter().cloned()), "reactions");
        let views = world.views.iter().map(|(of, view)| (*of, view.content_at));
        assert!(views.eq(self.views.iter().map(|(of, position)| (*of, *position))), "views");
        let rooms = world.home().conversations();
        let pins: BTreeSet<MessageKey> =
            rooms.flat_map(|room| room.pins.iter().map(|pin| key(room.id, pin.ts))).collect();
        assert_eq!(pins, self.pins, "pins");
        assert!(pins.iter().all(|pin| self.revisions.contains_key(pin)), "what is pinned is there");
        let contents = world.revisions.keys().map(|(_, position)| *position);
        assert!(contents.eq(self.contents.iter().copied()), "nothing is kept that nobody was told of");
        let streaming = |message: &&Arc<Message>| matches!(message.state, State::Streaming { .. });
        let streams =
            world.messages.values().filter(streaming).map(|message| (message.key, message.content_at));
        assert!(streams.eq(self.streams.iter().map(|(key, position)| (*key, *position))), "streams");
        for message in world.messages.values() {
            let of_it = world.pieces.range((message.key, 0)..=(message.key, u32::MAX)).count();
            let State::Streaming { sequence, appended: Some(_), .. } = message.state else {
                assert_eq!(of_it, 0, "pieces of a message that is whole");
                continue;
            };
            assert_eq!(of_it, sequence as usize);
        }
        let there = world.pieces.keys().all(|(key, _)| world.messages.contains_key(key));
        assert!(there, "pieces of a message that is gone");
        let counted: usize = self.threads.values().map(|told| told.joined.len()).sum();
        assert_eq!(world.repliers.len(), counted);
    }
}

/// Follows the revisions of each living message back to its first.
fn check_revisions(world: &World) {
    for message in world.messages.values() {
        let mut number = message.revision().map(u32::from);
        let mut at = Some(message.content_at);
        while let Some(position) = at {
            let (revision, _) = &world.revisions[&(HOME, position)];
            assert_eq!((revision.key, revision.position), (message.key, position));
            assert_eq!(revision.number.get(), number.unwrap_or(revision.number.get()));
            number = Some(revision.number.get() - 1);
            at = revision.previous;
        }
        assert_eq!(number, Some(0), "the first revision has none before it");
    }
}

fn check_log(log: &[Event]) {
    for (place, event) in log.iter().enumerate() {
        assert_eq!(event.position, place as u64 + 1, "positions are consecutive");
    }
    assert!(log.windows(2).all(|pair| pair[0].ts < pair[1].ts), "times grow");
}

/// One history; tells how many commands were accepted, the most repliers that a thread had, and how often something of
/// each kind happened.
fn play(seed: u64) -> (usize, usize, BTreeMap<String, usize>) {
    let (mut dice, mut world, mut reader) = (Dice(seed), World::new(), Reader::default());
    let (mut read, mut accepted, mut repliers) = (0, 0, 0);
    for _ in 0..COMMANDS {
        let pause = if dice.one_in(30) { HOUR } else { dice.pick(&[0, 1, SECOND]) };
        world.now = Micros(world.now.0 + pause);
        let command = command_of(&mut dice, &world);
        let (in_rounds, _) = InRounds::decide(&world, &command);
        let at_once = world.decide(&command);
        assert_eq!(format!("{in_rounds:?}"), format!("{at_once:?}"), "rounds don't matter");
        if let Ok(decision) = at_once {
            world.write(HOME, &decision);
            accepted += 1;
        }
        let log = &world.logs[&HOME];
        log[read..].iter().for_each(|event| reader.read(event));
        read = log.len();
        reader.check(&world);
        repliers = reader.threads.values().map(|told| told.joined.len()).fold(repliers, usize::max);
    }
    let log = &world.logs[&HOME];
    check_log(log);
    check_revisions(&world);
    (accepted, repliers, reader.kinds)
}

#[test]
fn what_is_stored_is_what_was_told() {
    let (mut kinds, mut repliers) = (BTreeMap::<String, usize>::new(), 0);
    for seed in SEEDS {
        let played = play(seed);
        let some_of_all = COMMANDS / 4..COMMANDS * 3 / 4;
        assert!(some_of_all.contains(&played.0), "{} of {COMMANDS} accepted with {seed}", played.0);
        repliers = repliers.max(played.1);
        played.2.into_iter().for_each(|(kind, count)| *kinds.entry(kind).or_default() += count);
    }
    assert!(REPLY_USERS_MAX < repliers, "{repliers} repliers");
    assert!(kinds.contains_key("TombstoneRemoved"), "{kinds:?}");
    for kind in [
        "ReactionAdded",
        "ReactionRemoved",
        "CardSubmitted",
        "ViewShown",
        "StreamStarted",
        "StreamAdvanced",
        "StreamStopped",
        "StreamEnded",
        "MessagePinned",
        "MessageUnpinned",
        "MessageScheduled",
        "ScheduledRemoved",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| 10 <= *count), "{kind} of {kinds:?}");
    }
}
