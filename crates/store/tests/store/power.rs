//! Power cuts under load. What the disk had not flushed is gone, or gone in part; what was acknowledged must be there,
//! whole, after the next start, and so must it be after the cut that follows.
//!
//! The last tests are tests of these tests: stores that break the promise have to be caught by the same check.

use std::collections::BTreeMap;
use std::sync::Arc;

use redraft_model::command::{Caller, Post, ReplyTo, Verb};
use redraft_model::decision::{Outcome, Posted};
use redraft_model::event::{Event, EventKind};
use redraft_model::id::MessageKey;
use redraft_model::message::{Message, State};
use redraft_model::time::Ts;
use redraft_store::contract::{ALPHA_BOT, ALPHA_MIA, HandClock, PUBLIC, World, delete, post, update};
use redraft_store::fault::{Faults, Sabotage};
use redraft_store::{Answer, Options, SqliteStore, Store, StoreError, Window, examine};
use rusqlite::{Connection, OpenFlags};

use crate::folder::Folder;

const TASKS: u64 = 4;

/// Something wrong with what a power cut left.
type Problem = String;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What a task knows of a message that it posted.
struct Mine {
    message: Arc<Message>,
    /// What it may say: the last acknowledged text, and those that were asked for since without an answer.
    texts: Vec<String>,
    gone: Gone,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Gone {
    No,
    Perhaps,
    Yes,
}

/// All that was acknowledged, over all cuts of one life.
#[derive(Default)]
struct Ledger {
    messages: Vec<Mine>,
    events: BTreeMap<u64, EventKind>,
    deletions: Vec<MessageKey>,
    /// Commands that the store failed.
    failed: usize,
    problems: Vec<Problem>,
}

impl Ledger {
    fn acknowledged(&mut self, position: u64, event: EventKind) {
        if let Some(before) = self.events.insert(position, event.clone()) {
            self.problems.push(format!("position {position} was used for {before:?} and {event:?}"));
        }
    }

    /// Nothing that a task asks for is to be refused: it asks about what was acknowledged.
    fn refused(&mut self, answer: &Answer) {
        self.problems.push(format!("refused: {answer:?}"));
    }

    fn posted(&mut self, posted: &Posted) {
        let (message, root) = (Arc::clone(&posted.message), posted.message.root);
        let event = EventKind::MessagePosted { conversation: message.key.conversation, root, only: None };
        self.acknowledged(message.content_at, event);
        self.messages.push(Mine { message, texts: vec![posted.content.text.clone()], gone: Gone::No });
    }

    fn add(&mut self, other: Self) {
        other.events.into_iter().for_each(|(position, event)| self.acknowledged(position, event));
        self.messages.extend(other.messages);
        self.deletions.extend(other.deletions);
        self.failed += other.failed;
        self.problems.extend(other.problems);
    }
}

/// One of those who load the store: posts, replies, updates and deletes until the power goes, and notes what it hears.
struct Task {
    world: World,
    caller: Caller,
    dice: Dice,
    ledger: Ledger,
}

impl Task {
    async fn run(mut self) -> Ledger {
        for number in 0..14 {
            let text = format!("text {number} of {:?} {}", self.caller, self.dice.below(1 << 40));
            let mine = self.some_message();
            match (self.dice.below(8), mine) {
                (0..3, Some(index)) => self.update(index, text).await,
                (3, Some(index)) => self.delete(index).await,
                (4 | 5, Some(index)) => {
                    let root = self.ledger.messages[index].message.thread_root();
                    self.post(Post { reply_to: ReplyTo::message(root), ..post(PUBLIC, &text) }).await;
                }
                _ => self.post(post(PUBLIC, &text)).await,
            }
        }
        self.ledger
    }

    /// One of which nothing is in doubt.
    fn some_message(&mut self) -> Option<usize> {
        let count = self.ledger.messages.len() as u64;
        let index = usize::try_from(self.dice.below(count.max(1))).unwrap();
        let certain = |mine: &&Mine| mine.gone == Gone::No && mine.texts.len() == 1;
        self.ledger.messages.get(index).filter(certain).map(|_| index)
    }

    async fn ask(&mut self, verb: Verb) -> Result<Answer, StoreError> {
        let answer = self.world.store.submit(self.world.command(self.caller, verb)).await;
        self.ledger.failed += usize::from(answer.is_err());
        answer
    }

    async fn post(&mut self, post: Post) {
        match self.ask(Verb::Post(post)).await {
            Ok(Ok(Outcome::Posted(posted))) => self.ledger.posted(&posted),
            Ok(other) => self.ledger.refused(&other),
            Err(_) => {}
        }
    }

    async fn update(&mut self, index: usize, text: String) {
        let verb = Verb::Update(update(&self.ledger.messages[index].message, &text));
        match self.ask(verb).await {
            Ok(Ok(Outcome::Updated(posted))) => {
                let event = EventKind::MessageUpdated {
                    conversation: PUBLIC,
                    message: posted.message.key.ts,
                    revision: posted.message.revision().unwrap().get(),
                };
                self.ledger.acknowledged(posted.message.content_at, event);
                self.ledger.messages[index].texts = vec![text];
            }
            Ok(other) => self.ledger.refused(&other),
            Err(StoreError::Unknown) => self.ledger.messages[index].texts.push(text),
            Err(_) => {}
        }
    }

    async fn delete(&mut self, index: usize) {
        let mine = &self.ledger.messages[index];
        let verb = Verb::Delete(delete(&mine.message));
        let answer = self.ask(verb).await;
        let mine = &mut self.ledger.messages[index];
        match answer {
            Ok(Ok(_)) => {
                mine.gone = Gone::Yes;
                self.ledger.deletions.push(mine.message.key);
            }
            Ok(refusal) => self.ledger.refused(&refusal),
            Err(StoreError::Unknown) => mine.gone = Gone::Perhaps,
            Err(_) => {}
        }
    }
}

/// What happens to a store from one start to the next power cut.
struct Round {
    folder: Folder,
    next: Folder,
    faults: &'static Faults,
    dice: Dice,
    clock: HandClock,
    sabotage: Option<Sabotage>,
}

impl Round {
    async fn run(mut self, world: Option<World>, ledger: &mut Ledger) -> (Folder, World) {
        self.faults.track_durable(true);
        let options = Options {
            clock: self.clock.clock(),
            vfs: Some(self.faults.vfs_name().to_owned()),
            sabotage: self.sabotage,
            ..Options::default()
        };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&self.folder, options).unwrap());
        let world = match world {
            Some(world) => World { store, ..world },
            None => World::over(store, self.clock.clone()).await,
        };
        if self.dice.one_in(3) {
            self.faults.fail_operation(1 + self.dice.below(60));
        }
        self.faults.cut_at(1 + self.dice.below(300));
        self.load(&world, ledger).await;
        let (mut luck, lucky) = (self.dice.clone(), self.dice.one_in(2));
        self.faults.power_cut_keeping(&self.next, || lucky && luck.one_in(2)).unwrap();
        (self.next, world)
    }

    async fn load(&mut self, world: &World, ledger: &mut Ledger) {
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let dice = Dice(self.dice.below(u64::MAX));
                let caller = if number % 2 == 0 { ALPHA_BOT } else { ALPHA_MIA };
                let task = Task { world: world.clone(), caller, dice, ledger: Ledger::default() };
                tokio::spawn(task.run())
            })
            .collect();
        if self.dice.one_in(2) {
            let path = self.folder.database();
            let (vfs, dice) = (self.faults.vfs_name().to_owned(), self.dice.clone());
            tokio::task::spawn_blocking(move || checkpoints(&path, &vfs, dice)).await.unwrap();
        }
        for task in tasks {
            ledger.add(task.await.unwrap());
        }
        self.clock.advance(1_000_000);
    }
}

/// Checkpoints of every kind in between, until the disk fails: who goes on then loses what the failed one had written.
fn checkpoints(path: &std::path::Path, vfs: &str, mut dice: Dice) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(db) = Connection::open_with_flags_and_vfs(path, flags, vfs) else { return };
    for _ in 0..4 {
        let kind = ["PASSIVE", "PASSIVE", "RESTART", "TRUNCATE"][usize::try_from(dice.below(4)).unwrap()];
        if db.query_row(&format!("PRAGMA wal_checkpoint({kind})"), [], |_| Ok(())).is_err() {
            let keep_the_log = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            db.set_db_config(keep_the_log, true).unwrap();
            return;
        }
    }
}

/// Opens what a cut has left and compares it with what was acknowledged.
struct Check<'a> {
    world: &'a World,
    events: Vec<Event>,
    problems: Vec<Problem>,
}

async fn check(folder: &Folder, world: &World, ledger: &mut Ledger) -> Result<(), Problem> {
    let found = examine(folder).map_err(|failed| failed.to_string())?;
    ledger.problems.extend(found.problems);
    let options = Options { clock: world.clock.clock(), ..Options::default() };
    let store = Arc::new(SqliteStore::open(folder, options).map_err(|failed| failed.to_string())?);
    let world = World { store, ..world.clone() };
    let events = log(&world).await?;
    let mut check = Check { world: &world, events, problems: Vec::new() };
    check.log(ledger);
    for mine in &mut ledger.messages {
        check.message(mine).await.map_err(|failed| failed.to_string())?;
    }
    check.wholeness().await.map_err(|failed| failed.to_string())?;
    ledger.problems.append(&mut check.problems);
    let more = world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, "and on it goes")))).await;
    match more {
        Ok(Ok(Outcome::Posted(posted))) => ledger.posted(&posted),
        other => ledger.problems.push(format!("the store does not go on: {other:?}")),
    }
    Ok(())
}

async fn log(world: &World) -> Result<Vec<Event>, Problem> {
    let mut all = Vec::new();
    loop {
        let page = world.store.events(world.workspace, all.len() as u64, 1000).await;
        let page = page.map_err(|failed| failed.to_string())?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

impl Check<'_> {
    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Positions without gaps, times in order, every acknowledged event in its place.
    fn log(&mut self, ledger: &Ledger) {
        if !self.events.iter().map(|event| event.position).eq(1..=self.events.len() as u64) {
            self.problem("the log has gaps".into());
        }
        if !self.events.is_sorted_by(|one, next| one.ts < next.ts) {
            self.problem("the log's times are not in order".into());
        }
        for (position, expected) in &ledger.events {
            let found = self.events.get(usize::try_from(position - 1).unwrap()).map(|event| &event.kind);
            if found != Some(expected) {
                self.problem(format!("position {position} has {found:?} for {expected:?}"));
            }
        }
        for key in &ledger.deletions {
            let deleted = |event: &Event| match event.kind {
                EventKind::MessageDeleted { message, .. } | EventKind::MessageTombstoned { message, .. } => {
                    message == key.ts
                }
                _ => false,
            };
            if !self.events.iter().any(deleted) {
                self.problem(format!("{key:?} has no event of its end"));
            }
        }
    }

    /// The message says what was acknowledged, or what was asked without an answer. From now on it says just that.
    async fn message(&mut self, mine: &mut Mine) -> Result<(), StoreError> {
        let key = mine.message.key;
        let found = self.world.store.message(key).await?;
        let living = found.filter(|found| matches!(found.message.state, State::Live { .. }));
        match living {
            Some(found) if mine.gone == Gone::Yes => {
                self.problem(format!("{key:?} was deleted and says {:?}", found.content.text));
            }
            Some(found) if mine.texts.contains(&found.content.text) => {
                mine.texts = vec![found.content.text.clone()];
                mine.gone = Gone::No;
            }
            Some(found) => {
                self.problem(format!("{key:?} says {:?} for {:?}", found.content.text, mine.texts))
            }
            None if mine.gone == Gone::No => self.problem(format!("{key:?} {:?} is lost", mine.texts)),
            None => mine.gone = Gone::Yes,
        }
        Ok(())
    }

    /// Of every command in the log everything is there, acknowledged or not.
    async fn wholeness(&mut self) -> Result<(), StoreError> {
        for event in self.events.clone() {
            let EventKind::MessagePosted { conversation, .. } = event.kind else { continue };
            let key = MessageKey { workspace: self.world.workspace, conversation, ts: event.ts };
            let updates = self.count(
                |kind| matches!(kind, EventKind::MessageUpdated { message, .. } if *message == key.ts),
            );
            let ends = self.count(|kind| {
                matches!(kind, EventKind::MessageDeleted { message, .. } | EventKind::TombstoneRemoved { message, .. } if *message == key.ts)
            });
            let store = &self.world.store;
            let revisions = store.revisions(key, u32::MAX, 1000).await?.len();
            let replies = store.thread_line(key, Window::ALL, 1000).await?.len();
            let (message, gone) = (store.message(key).await?, store.gone(key).await?);
            let counted = message
                .as_ref()
                .and_then(|found| found.message.thread.as_ref())
                .map_or(0, |thread| thread.replies);
            if revisions != updates + 1 {
                self.problem(format!("{key:?} has {revisions} revisions after {updates} updates"));
            }
            if replies != counted as usize {
                self.problem(format!("{key:?} counts {counted} replies of {replies}"));
            }
            if (message.is_none(), gone.is_some()) != (ends == 1, ends == 1) {
                self.problem(format!("{key:?} has {ends} ends: {message:?} {gone:?}"));
            }
        }
        Ok(())
    }

    fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events.iter().filter(|event| wanted(&event.kind)).count()
    }
}

/// Some starts and power cuts of one folder; ends early when something is wrong.
async fn live(seed: u64, cuts: usize, sabotage: Option<Sabotage>) -> Ledger {
    let (clock, mut ledger) = (HandClock::default(), Ledger::default());
    let (mut folder, mut known) = (Folder::new(), None);
    let mut dice = Dice(seed);
    for cut in 0..cuts {
        let (faults, next) = (Faults::register(), Folder::new());
        let dice = Dice(dice.below(u64::MAX));
        let round = Round { folder, next, faults, dice, clock: clock.clone(), sabotage };
        let (left, world) = round.run(known, &mut ledger).await;
        if let Err(problem) = check(&left, &world, &mut ledger).await {
            ledger.problems.push(problem);
        }
        if !ledger.problems.is_empty() {
            ledger.problems.insert(0, format!("after cut {cut} of life {seed}"));
            break;
        }
        (folder, known) = (left, Some(world));
    }
    ledger
}

#[tokio::test]
async fn what_was_acknowledged_survives_power_cuts() {
    const LIVES: usize = 80;
    let (mut acknowledged, mut failed) = (0, 0);
    for seed in 0..LIVES {
        let ledger = live(seed as u64, 4, None).await;
        assert_eq!(ledger.problems, [""; 0]);
        acknowledged += ledger.events.len();
        failed += ledger.failed;
    }
    let enough = LIVES * 40 < acknowledged && LIVES * 40 < failed;
    assert!(
        enough,
        "{acknowledged} commands acknowledged and {failed} failed: the cuts come too early or too late"
    );
}

/// How many of so many lives the check finds fault with.
async fn caught(lives: u64, sabotage: Sabotage) -> usize {
    let mut caught = 0;
    for seed in 0..lives {
        caught += usize::from(!live(seed, 2, Some(sabotage)).await.problems.is_empty());
    }
    caught
}

#[tokio::test]
async fn a_store_that_flushes_nothing_is_caught() {
    let caught = caught(12, Sabotage::SynchronousOff).await;
    assert!(9 <= caught, "{caught} of 12");
}

#[tokio::test]
async fn a_store_that_answers_before_it_commits_is_caught() {
    let caught = caught(12, Sabotage::AnswerBeforeCommit).await;
    assert!(9 <= caught, "{caught} of 12");
}

/// Fills a queue while the disk stands still, so that all of it becomes one batch, and cuts the power at the `n`-th
/// operation from then on. Returns whether the batch is there after the next start.
async fn cut_in_batch(n: u64) -> bool {
    const BATCH: usize = 60;
    let (folder, next, faults) = (Folder::new(), Folder::new(), Faults::register());
    faults.track_durable(true);
    let clock = HandClock::default();
    let options = |vfs| Options { clock: clock.clock(), vfs, ..Options::default() };
    let store = SqliteStore::open(&folder, options(Some(faults.vfs_name().to_owned()))).unwrap();
    let world = World::over(Arc::new(store), clock.clone()).await;
    let say = || world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, &"long ".repeat(200)))));
    faults.hold_flushes(true);
    let first = say();
    faults.wait_until_held();
    let batch: Vec<_> = (0..BATCH).map(|_| say()).collect();
    // The flush that is held comes first, unless the checkpointer is only now opening its connection.
    faults.cut_at(1 + n);
    faults.hold_flushes(false);
    let mut acknowledged = usize::from(first.await.is_ok());
    for answer in batch {
        acknowledged += usize::from(answer.await.is_ok());
    }
    faults.power_cut(&next).unwrap();
    let world = World { store: Arc::new(SqliteStore::open(&next, options(None)).unwrap()), ..world };
    let found = log(&world).await.unwrap().len() - 1;
    assert!(found <= 1 || found == 1 + BATCH, "{found} of 1 and {BATCH} after {n} operations");
    assert!(acknowledged <= found);
    1 < found
}

#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let mut n = 1;
    while !cut_in_batch(n).await {
        n += 1;
    }
    assert!(20 < n, "a batch has only {n} operations");
}

/// A store on a disk that can fail and lose power, with the world in it.
struct Life {
    folder: Folder,
    faults: &'static Faults,
    clock: HandClock,
    sabotage: Option<Sabotage>,
}

impl Life {
    fn new(sabotage: Option<Sabotage>) -> Self {
        let faults = Faults::register();
        faults.track_durable(true);
        Self { folder: Folder::new(), faults, clock: HandClock::default(), sabotage }
    }

    fn open(&self) -> Arc<dyn Store> {
        let (clock, vfs) = (self.clock.clock(), Some(self.faults.vfs_name().to_owned()));
        let options = Options { clock, vfs, sabotage: self.sabotage, ..Options::default() };
        Arc::new(SqliteStore::open(&self.folder, options).unwrap())
    }

    /// What the next start after a power cut finds in the public channel, and what the doctor says.
    async fn after_a_cut(&self, world: World) -> (Vec<String>, Vec<Problem>) {
        let next = Folder::new();
        self.faults.power_cut(&next).unwrap();
        drop(world.store);
        let problems = examine(&next).map_or_else(|failed| vec![failed.to_string()], |found| found.problems);
        let options = Options { clock: self.clock.clock(), ..Options::default() };
        let Ok(store) = SqliteStore::open(&next, options) else { return (Vec::new(), problems) };
        let (mut texts, mut window) = (Vec::new(), Window::ALL);
        // A page ends by bytes.
        while let Ok(page) = store.channel_line(world.workspace, PUBLIC, window, 1000).await
            && let Some(last) = page.last()
        {
            window.to = Ts(last.message.key.ts.0 - 1);
            texts.extend(page.into_iter().map(|found| found.content.text.clone()));
        }
        texts.reverse();
        (texts, problems)
    }
}

async fn say(world: &World, text: &str) -> Result<(), StoreError> {
    let answer = world.store.submit(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text)))).await?;
    assert!(answer.is_ok(), "{answer:?}");
    Ok(())
}

/// Says something whose way to the disk fails before its own flush has begun.
async fn lose(life: &Life, world: &World, text: &str) {
    life.faults.hold_flushes(true);
    let meanwhile = async {
        tokio::task::spawn_blocking(|| life.faults.wait_until_held()).await.unwrap();
        life.faults.fail_write_back();
        life.faults.hold_flushes(false);
    };
    assert_eq!(tokio::join!(say(world, text), meanwhile).0, Err(StoreError::Unknown));
}

/// The log loses what was written while another descriptor's flush fails, or nobody's: the commit that was waiting for
/// its own flush hears of it, and what is acknowledged later survives.
#[tokio::test]
async fn a_loss_is_heard_of_by_every_descriptor() {
    let life = Life::new(None);
    let world = World::over(life.open(), life.clock.clone()).await;
    say(&world, "before").await.unwrap();
    lose(&life, &world, "lost").await;
    say(&world, "after").await.unwrap();
    let (texts, problems) = life.after_a_cut(world).await;
    assert_eq!(problems, [""; 0]);
    assert_eq!((texts.first().unwrap().as_str(), texts.last().unwrap().as_str()), ("before", "after"));
}

/// A flush fails and the process ends. The next one reads from memory what never reached the disk, and writes behind it.
async fn restarted_after_a_failed_flush(sabotage: Option<Sabotage>) -> (Vec<String>, Vec<Problem>) {
    let life = Life::new(sabotage);
    let world = World::over(life.open(), life.clock.clone()).await;
    say(&world, "before").await.unwrap();
    lose(&life, &world, "doubtful").await;
    // As with `kill -9`: the log is left as it is.
    life.faults.fail_from(1);
    let World { store, workspace, clock } = world;
    drop(store);
    life.faults.heal();
    let world = World { store: life.open(), workspace, clock };
    say(&world, "after").await.unwrap();
    life.after_a_cut(world).await
}

#[tokio::test]
async fn what_a_failed_flush_lost_is_written_again_before_anything_follows_it() {
    let (texts, problems) = restarted_after_a_failed_flush(None).await;
    assert_eq!(problems, [""; 0]);
    assert_eq!((texts.first().unwrap().as_str(), texts.last().unwrap().as_str()), ("before", "after"));
    let (texts, _) = restarted_after_a_failed_flush(Some(Sabotage::TrustTheCache)).await;
    assert!(!texts.contains(&"after".to_owned()), "the sabotage is not caught");
}

/// How often the log has begun.
fn begun(folder: &Folder) -> [u8; 4] {
    use std::os::unix::fs::FileExt;
    let mut count = [0; 4];
    let log = std::fs::File::open(folder.join("redraft.db-wal")).unwrap();
    log.read_exact_at(&mut count, 12).unwrap();
    count
}

/// A checkpoint stops at what a reader needs; the next one goes on from there, and its flush of the database fails, which
/// loses what the first one wrote as well. Then the log begins anew. Returns how many messages there were, and how many
/// a power cut leaves.
async fn database_flush_fails(sabotage: Option<Sabotage>) -> (usize, usize) {
    const PART: usize = 1 << 20;
    let life = Life::new(sabotage);
    let world = World::over(life.open(), life.clock.clone()).await;
    let mut said = 0;
    let mut more = async |count: usize| {
        for _ in 0..count {
            while say(&world, &"long ".repeat(PART / 5)).await.is_err() {}
            said += 1;
        }
        said
    };
    more(12).await;
    let reader = Connection::open_with_flags_and_vfs(
        life.folder.database(),
        OpenFlags::SQLITE_OPEN_READ_ONLY,
        life.faults.vfs_name(),
    );
    let reader = reader.unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM log;").unwrap();
    let size = || life.folder.database().metadata().unwrap().len();
    while size() < 10 << 20 {
        assert!(more(1).await < 500, "no checkpoint");
    }
    life.faults.fail_database_flush();
    drop(reader);
    while life.faults.database_flush_will_fail() {
        assert!(more(1).await < 500, "no second checkpoint");
    }
    let first = begun(&life.folder);
    while begun(&life.folder) == first {
        assert!(more(1).await < 900, "the log does not begin anew");
    }
    let said = more(1).await;
    let (texts, _) = life.after_a_cut(world).await;
    (said, texts.iter().filter(|text| text.len() == PART / 5 * 5).count())
}

#[tokio::test]
async fn what_a_failed_flush_of_the_database_lost_is_brought_over_again() {
    let (said, left) = database_flush_fails(None).await;
    assert!(said <= left, "{left} of {said}");
    let (said, left) = database_flush_fails(Some(Sabotage::TrustTheCache)).await;
    assert!(left < said, "the sabotage is not caught: {left} of {said}");
}
