//! Workers meet the reader of a log while messages are posted, apps are slow and the store fails: every app is told of
//! everything once, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redraft_model::command::{Caller, Command, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::directory::Directory;
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId, WorkspaceId};
use redraft_model::item::{BlobKey, Item, ItemKey};
use redraft_model::message::{Gone, Reaction};
use redraft_model::patch::{AppPatch, ConversationPatch};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{App as Bot, ConversationKind};
use redraft_store::{
    Answer, Awaited, Delivery, Later, MemoryStore, Page, Part, Published, Revised, Settlement, Store,
    StoreError, Stored, Sweep, Swept, Viewed, Window, machine_clock,
};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::seed::Seed;
use redraft_service::delivery::audience::{Audience, Interest, Topics};
use redraft_service::delivery::{self, Attempt, Deliver, Dialects, Failure, Schedule, Told, Turn};

/// Apps that are told: one whose attempts wait for permits, one that is quick, one that gets its endpoint late, and one that
/// is in another channel.
const SLOW: AppId = AppId(1);
const QUICK: AppId = AppId(2);
const LATE: AppId = AppId(3);
const AWAY: AppId = AppId(4);

const SEED: &str = r#"
people: [{name: ada, admin: true}]
channels: [{name: general}, {name: random}, {name: quiet}]
apps:
  - {kind: teams, name: slow, endpoint: "http://localhost/", channels: [general, random]}
  - {kind: teams, name: quick, endpoint: "http://localhost/", channels: [general, random]}
  - {kind: teams, name: late, channels: [general, random]}
  - {kind: teams, name: away, endpoint: "http://localhost/", channels: [quiet]}
"#;

/// One in so many reads of the log fails, while there are failures left.
const FAILS_ONE_IN: usize = 4;

/// A store whose log cannot be read now and then.
struct Flaky {
    store: MemoryStore,
    reads: AtomicUsize,
    failures: AtomicUsize,
}

macro_rules! passes_on {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $read:ty;)*) => {$(
        fn $name(&self, $($argument: $kind),*) -> Later<'_, Result<$read, StoreError>> {
            self.store.$name($($argument),*)
        }
    )*};
}

impl Store for Flaky {
    fn published(&self) -> &Published {
        self.store.published()
    }

    fn events(
        &self,
        workspace: WorkspaceId,
        after: u64,
        limit: usize,
    ) -> Later<'_, Result<Vec<Event>, StoreError>> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        let fails = reads.is_multiple_of(FAILS_ONE_IN) && 0 < self.failures.load(Ordering::Relaxed);
        if fails {
            self.failures.fetch_sub(1, Ordering::Relaxed);
            return Box::pin(async { Err(StoreError::Failed) });
        }
        Box::pin(async move {
            // Others run meanwhile, as they do while a disk is read.
            tokio::task::yield_now().await;
            self.store.events(workspace, after, limit.min(1 + reads % 100)).await
        })
    }

    passes_on! {
        submit(command: Command) -> Answer;
        usage(workspace: WorkspaceId) -> redraft_model::quota::Usage;
        message(key: MessageKey) -> Option<Stored>;
        channel_line(workspace: WorkspaceId, conversation: ConversationId, window: Window, limit: usize) -> Page<Stored>;
        thread_line(root: MessageKey, window: Window, limit: usize) -> Page<Stored>;
        revisions(key: MessageKey, below: u32, limit: usize) -> Page<Revised>;
        gone(key: MessageKey) -> Option<Gone>;
        content(workspace: WorkspaceId, position: u64) -> Option<Arc<redraft_model::content::Content>>;
        reactions(key: MessageKey) -> Vec<Reaction>;
        reacted(workspace: WorkspaceId, user: UserId, before: Ts, limit: usize) -> Vec<(MessageKey, Reaction)>;
        view(key: MessageKey, user: UserId) -> Option<Viewed>;
        targeted(workspace: WorkspaceId, conversation: ConversationId, reader: UserId, limit: usize) -> Page<Stored>;
        settle(workspace: WorkspaceId, app: AppId, settlement: Settlement) -> ();
        settle_idle(workspace: WorkspaceId, apps: Vec<AppId>, delivered_up_to: u64) -> ();
        delivered_up_to(workspace: WorkspaceId, app: AppId) -> u64;
        deliveries(workspace: WorkspaceId, app: AppId, after: Part, limit: usize) -> Vec<Delivery>;
        item(workspace: WorkspaceId, key: ItemKey) -> Option<Item>;
        items(workspace: WorkspaceId, from: ItemKey, to: ItemKey, limit: usize) -> Vec<(ItemKey, Item)>;
        due() -> Vec<(WorkspaceId, ItemKey)>;
        blob(workspace: WorkspaceId, key: BlobKey) -> Option<Vec<u8>>;
        keep(name: &'static str, value: Vec<u8>) -> Vec<u8>;
        replace(name: &'static str, value: Vec<u8>) -> ();
        kept(name: &'static str) -> Option<Vec<u8>>;
        sweep(sweep: Sweep) -> Swept;
        empty_log() -> bool;
        scrub() -> bool;
        awaited() -> Vec<Awaited>;
        is_erased(workspace: WorkspaceId, position: u64) -> bool;
        writable() -> ();
    }
}

/// Tells nobody, and remembers whom it would have told of what.
struct Recorder {
    told: Mutex<BTreeMap<AppId, Vec<u64>>>,
    /// How many events the slow app may be told of.
    permits: Semaphore,
}

impl Deliver for Recorder {
    fn audience(&self, _: &Directory, event: &Event) -> Audience {
        let members = event.kind.conversation().map_or(Topics::default(), |_| Topics::one(0));
        Audience { members, ..Audience::default() }
    }

    fn interests(&self, _: &Directory, bot: &Bot, _: Option<ConversationKind>) -> Vec<Interest> {
        vec![Interest { user: bot.bot_user, all: Topics::one(0), mentioning: Topics::default() }]
    }

    fn may_hear(&self, directory: &Directory, bot: &Bot, event: &Event, _: Topics) -> Vec<u8> {
        let concerns = !self.audience(directory, event).members.is_empty();
        let place = event.kind.conversation().and_then(|id| directory.conversation(id));
        if concerns && place.is_some_and(|it| it.has(bot.bot_user)) { vec![0] } else { vec![] }
    }

    fn tell(
        &self,
        _: WorkspaceId,
        app: AppId,
        attempt: Attempt,
        turn: Turn,
    ) -> Later<'_, Result<Told, Failure>> {
        Box::pin(async move {
            let _turn = turn;
            if app == SLOW {
                self.permits.acquire().await.unwrap().forget();
            } else {
                tokio::task::yield_now().await;
            }
            self.told.lock().unwrap().entry(app).or_default().push(attempt.part.0);
            Ok(Told::Arrived)
        })
    }

    fn schedule(&self) -> &'static Schedule {
        &Schedule { pauses_micros: &[], down_micros: 0, switches_off: false }
    }
}

struct Both(Recorder);

impl Dialects for Both {
    fn of(&self, _: Dialect) -> &dyn Deliver {
        &self.0
    }
}

struct World {
    app: App,
    store: Arc<Flaky>,
    dialects: Arc<Both>,
    workspace: WorkspaceId,
    running: Option<(watch::Sender<()>, JoinHandle<()>)>,
}

impl World {
    async fn new() -> Self {
        let store = MemoryStore::new(machine_clock());
        let store = Arc::new(Flaky { store, reads: AtomicUsize::new(0), failures: AtomicUsize::new(5) });
        let app = App::offline(store.clone(), "http://localhost").unwrap();
        let seed = Seed::from_yaml(SEED).unwrap();
        let (directory, _) = seed.build(true, "http://localhost", Micros(1_700_000_000_000_000)).unwrap();
        let recorder = Recorder { told: Mutex::default(), permits: Semaphore::new(0) };
        let dialects = Arc::new(Both(recorder));
        let world = Self { app, store, dialects, workspace: WorkspaceId(1), running: None };
        world.control(WorkspaceId(0), Control::CreateWorkspace(Arc::new(directory))).await;
        world
    }

    async fn control(&self, workspace: WorkspaceId, control: Control) {
        let verb = Verb::Control(Box::new(control));
        let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
        assert!(self.app.service.submit(command).await.is_ok());
    }

    /// So many times something happens in the channels in turn, two events each, without letting anybody else run.
    async fn happens(&self, count: usize) {
        for number in 0..count {
            let archived = number / 3 % 2 == 0;
            let places = ["general", "random", "quiet"];
            let directory = self.app.service.workspace(self.workspace).unwrap();
            let place = directory.channel(places[number % 3]).unwrap();
            let patch = ConversationPatch { archived: Some(archived), name: None };
            self.control(self.workspace, Control::PatchConversation(place.id, patch)).await;
        }
    }

    fn start(&mut self) {
        let (stop, stopped) = watch::channel(());
        let dialects: Arc<dyn Dialects> = self.dialects.clone();
        let running = tokio::spawn(delivery::run(Arc::clone(&self.app.service), dialects, stopped));
        self.running = Some((stop, running));
    }

    async fn stop(&mut self) {
        let (stop, running) = self.running.take().unwrap();
        drop(stop);
        running.await.unwrap();
    }

    /// What an app has to hear from a position on, in the order of the log.
    async fn expected(&self, app: AppId, after: u64) -> Vec<u64> {
        let directory = self.app.service.workspace(self.workspace).unwrap();
        let bot = directory.app(app).unwrap().clone();
        let mut expected = Vec::new();
        let mut last = after;
        loop {
            let events = self.store.store.events(self.workspace, last, 1000).await.unwrap();
            let Some(end) = events.last() else { return expected };
            last = end.position;
            let concerns =
                |event: &&Event| !self.dialects.0.may_hear(&directory, &bot, event, Topics::ALL).is_empty();
            expected.extend(events.iter().filter(concerns).map(|event| event.position));
        }
    }

    fn told<T>(&self, app: AppId, of: impl FnOnce(&Vec<u64>) -> T) -> T {
        of(self.dialects.0.told.lock().unwrap().entry(app).or_default())
    }

    /// Waits until an app was told of as much as it has to be, and compares: once each, in order of each channel.
    async fn until_told(&self, app: AppId, after: u64) {
        let expected = self.expected(app, after).await;
        while self.told(app, Vec::len) < expected.len() {
            tokio::task::yield_now().await;
        }
        let mut told = self.told(app, Vec::clone);
        let places = self.places().await;
        for place in places.values().collect::<BTreeSet<_>>() {
            let of_place = |positions: &[u64]| -> Vec<u64> {
                positions.iter().copied().filter(|position| places.get(position) == Some(place)).collect()
            };
            assert_eq!(of_place(&told), of_place(&expected), "{app:?} in {place:?}");
        }
        told.sort_unstable();
        assert_eq!(told, expected, "{app:?}");
    }

    async fn places(&self) -> BTreeMap<u64, ConversationId> {
        let mut places = BTreeMap::new();
        let mut last = 0;
        loop {
            let events = self.store.store.events(self.workspace, last, 1000).await.unwrap();
            let Some(end) = events.last() else { return places };
            last = end.position;
            places.extend(events.iter().filter_map(|it| Some((it.position, it.kind.conversation()?))));
        }
    }
}

#[tokio::test]
async fn nothing_is_lost_where_workers_meet_the_reader() {
    let mut world = World::new().await;
    world.happens(30).await;
    world.start();
    // More than the reader's memory holds, and more than the slow app's seat.
    world.happens(1700).await;
    world.until_told(QUICK, 0).await;
    world.until_told(AWAY, 0).await;
    // An endpoint in the middle hears what comes after it.
    let before = world.app.service.store.published().log_end(world.workspace).unwrap();
    let endpoint = Some(Some("http://localhost/".to_owned()));
    let patch = AppPatch { endpoint, ..AppPatch::default() };
    world.control(world.workspace, Control::PatchApp(LATE, Box::new(patch))).await;
    world.happens(30).await;
    tokio::task::yield_now().await;
    world.happens(600).await;
    world.dialects.0.permits.add_permits(1000);
    world.happens(30).await;
    world.dialects.0.permits.add_permits(100_000);
    for app in [SLOW, QUICK, AWAY] {
        world.until_told(app, 0).await;
    }
    world.until_told(LATE, before).await;
    assert_eq!(world.store.failures.load(Ordering::Relaxed), 0, "the log could not be read now and then");

    // What was written down is where the next run goes on.
    world.stop().await;
    world.happens(30).await;
    world.start();
    world.happens(30).await;
    for app in [SLOW, QUICK, AWAY] {
        world.until_told(app, 0).await;
    }
    world.until_told(LATE, before).await;
    world.stop().await;
    let end = world.app.service.store.published().log_end(world.workspace).unwrap();
    for app in [SLOW, QUICK, LATE, AWAY] {
        assert_eq!(world.store.delivered_up_to(world.workspace, app).await, Ok(end), "{app:?}");
    }
}
