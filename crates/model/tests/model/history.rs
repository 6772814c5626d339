//! Random histories: whatever is asked in whatever order, what the log tells and what is stored agree.

use std::collections::BTreeMap;

use redraft_model::command::{Caller, Command, Delete, Post, Update, Verb};
use redraft_model::content::{Dialect, Patch};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::{Event, EventKind as K};
use redraft_model::id::{ConversationId, MessageKey, UserId};
use redraft_model::limits::REPLY_USERS_MAX;
use redraft_model::message::Thread;
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

const CALLERS: [Caller; 10] = [
    ALPHA_BOT, ALPHA_IVO, ALPHA_MIA, ALPHA_ADA, ALPHA_SAM, BETA_BOT, BETA_MIA, GAMMA_BOT, DELTA_BOT,
    ALPHA_OLGA,
];
const PLACES: [ConversationId; 6] = [GENERAL, GENERAL, PUBLIC, PRIVATE, GROUP, ARCHIVED];

/// Somebody asks for something, mostly about one of the last messages.
fn command_of(dice: &mut Dice, world: &World) -> Command {
    let caller = dice.pick(&CALLERS);
    let recent = recent(world);
    let place = dice.pick(&PLACES);
    let known = if recent.is_empty() || dice.one_in(12) { key(place, NEVER) } else { dice.pick(&recent) };
    let if_revision = if dice.one_in(6) { Some(1) } else { None };
    let verb = match dice.roll(20) {
        0..=2 => Verb::Post(post(place)),
        3..=8 => Verb::Post(Post {
            reply_to: [Some(known.ts), None],
            broadcast: dice.one_in(4),
            only: if dice.one_in(8) { Some(MIA) } else { None },
            ..post(known.conversation)
        }),
        9..=11 => Verb::Update(Update {
            broadcast: dice.one_in(4),
            targeted: None,
            if_revision,
            patch: if dice.one_in(6) { Patch::keep_all(Dialect::Slack) } else { new_text("new") },
            ..update(known.conversation, known.ts)
        }),
        12..=16 => Verb::Delete(Delete {
            only_broadcast: dice.one_in(10),
            targeted: None,
            if_revision,
            ..delete(known.conversation, known.ts)
        }),
        17..=18 => Verb::Conversation(room_of(dice, place)),
        _ => return command(CONTROL, Verb::Control(Box::new(control_of(dice, place)))),
    };
    let author = world.message(known.conversation, known.ts).and_then(|message| caller_of(message.author));
    let author = author.filter(|_| !matches!(verb, Verb::Post(_)) && !dice.one_in(3));
    let asked = command(author.unwrap_or(caller), verb);
    if dice.one_in(8) { with_key(asked, dice.pick(&["a", "b", "c"]), 1) } else { asked }
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
    let users = [ALPHA, IVO, MIA, ADA, SAM, BETA, MIA, GAMMA, DELTA, OLGA];
    users.iter().position(|other| *other == user).map(|place| CALLERS[place])
}

fn room_of(dice: &mut Dice, place: ConversationId) -> C {
    let user = Some(dice.pick(&PEOPLE));
    match dice.roll(4) {
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
        2 => Control::SetArchived(dice.pick(&[PUBLIC, ARCHIVED]), dice.one_in(3)),
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
}

impl Reader {
    fn read(&mut self, event: &Event) {
        match event.kind {
            K::MessagePosted { conversation, root, only } => {
                let posted = key(conversation, event.ts);
                self.revisions.insert(posted, 1);
                if let (Some(root), None) = (root, only) {
                    self.replied(posted, posted.at(root), event.by.unwrap());
                }
            }
            K::MessageUpdated { conversation, message, revision } => {
                let before = self.revisions.insert(key(conversation, message), revision);
                assert_eq!(before, Some(revision - 1), "revision numbers are consecutive");
            }
            K::MessageDeleted { conversation, message, .. } => self.deleted(key(conversation, message)),
            K::MessageTombstoned { conversation, message, .. } => {
                self.tombstones.push(key(conversation, message));
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

    fn deleted(&mut self, message: MessageKey) {
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

/// One history; tells how many commands were accepted, how often a tombstone went with its last reply, and the most
/// repliers that a thread had.
fn play(seed: u64) -> (usize, usize, usize) {
    let (mut dice, mut world, mut reader) = (Dice(seed), World::new(), Reader::default());
    let (mut read, mut accepted, mut repliers) = (0, 0, 0);
    for _ in 0..COMMANDS {
        world.now = Micros(world.now.0 + dice.pick(&[0, 1, SECOND, HOUR]));
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
    let removed = log.iter().filter(|event| matches!(event.kind, K::TombstoneRemoved { .. })).count();
    (accepted, removed, repliers)
}

#[test]
fn what_is_stored_is_what_was_told() {
    let (mut removed, mut repliers) = (0, 0);
    for seed in SEEDS {
        let played = play(seed);
        let some_of_all = COMMANDS / 4..COMMANDS * 3 / 4;
        assert!(some_of_all.contains(&played.0), "{} of {COMMANDS} accepted with {seed}", played.0);
        (removed, repliers) = (removed + played.1, repliers.max(played.2));
    }
    assert!(0 < removed && REPLY_USERS_MAX < repliers, "{removed} tombstones went, {repliers} repliers");
}
