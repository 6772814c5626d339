//! What is over is found in none of the folder's files: neither in the database, in its free pages and in what is left of a
//! page, nor in the log. And what lives is.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use redraft_model::append_stream::AppendStream;
use redraft_model::command::{Caller, Post, ReplyTo, Targeted, Update, Verb};
use redraft_model::content::{Content, Dialect, Piece};
use redraft_model::control::Control;
use redraft_model::decision::Outcome;
use redraft_model::files::FileCommand;
use redraft_model::grant::{GrantAnswers, Place};
use redraft_model::id::AppId;
use redraft_model::interaction::Act;
use redraft_model::item::{ItemKey, ModalView};
use redraft_model::limits::{DELETED_CONTENT_MICROS, UNNAMED_ATTACHMENT_MICROS};
use redraft_model::message::Message;
use redraft_model::modal::Modal;
use redraft_model::patch::{SettingsPatch, WorkspacePatch};
use redraft_model::replace_stream::Step;
use redraft_model::schedule::ScheduleCommand;
use redraft_model::time::Ts;
use redraft_store::contract::{
    ALPHA_BOT, GAMMA_BOT, HandClock, IVO_HIMSELF, MIA, MIA_HERSELF, PUBLIC, World, added, attach, delete,
    interaction, items, post, stream, update,
};
use redraft_store::{Options, SqliteStore, Sweep, examine};

use crate::folder::Folder;

const PAGE: usize = 4096;

/// Which of these are somewhere in the files of a folder.
fn found(folder: &Path, markers: &[String]) -> Vec<String> {
    let mut by_beginning: HashMap<[u8; 4], Vec<&[u8]>> = HashMap::new();
    for marker in markers {
        by_beginning.entry(*marker.as_bytes().first_chunk().unwrap()).or_default().push(marker.as_bytes());
    }
    let mut left = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len().saturating_sub(3) {
            let Some(candidates) = bytes[at..].first_chunk().and_then(|four| by_beginning.get(four)) else {
                continue;
            };
            for marker in candidates.iter().filter(|marker| bytes[at..].starts_with(marker)) {
                left.insert(format!("{} in {name}", String::from_utf8_lossy(marker)));
            }
        }
    }
    left.into_iter().collect()
}

/// Says its name again and again: a bit of it can stay nowhere unseen.
fn saying(marker: &str, bytes: usize) -> String {
    format!("<{marker}>").repeat(bytes / (marker.len() + 2) + 1)
}

async fn ask(world: &World, caller: Caller, verb: Verb) -> Outcome {
    world.submit(world.command(caller, verb)).await.unwrap()
}

async fn posted(world: &World, caller: Caller, post: Post) -> Arc<Message> {
    match ask(world, caller, Verb::Post(post)).await {
        Outcome::Posted(posted) => posted.message,
        other => panic!("{other:?}"),
    }
}

async fn clear_away(world: &World, sweep: Sweep) {
    while world.store.sweep(sweep).await.unwrap().more {}
    while world.store.scrub().await.unwrap() {}
    assert_eq!(world.store.empty_log().await, Ok(true));
}

async fn open(folder: &Folder) -> (World, HandClock) {
    let clock = HandClock::default();
    let store = SqliteStore::open(folder, Options { clock: clock.clock(), ..Options::default() }).unwrap();
    (World::over(Arc::new(store), clock.clone()).await, clock)
}

/// Everything that can be said and be over, this long. Returns what says it.
async fn all_kinds(world: &World, bytes: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |kind: &str| {
        let marker = format!("{kind}-of-{bytes}-bytes");
        said.push(marker.clone());
        saying(&marker, bytes)
    };
    let content = |text: String| Arc::new(Content::text(Dialect::Slack, text));

    let message = posted(world, ALPHA_BOT, post(PUBLIC, &say("posted"))).await;
    for kind in ["updated", "updated-again"] {
        ask(world, ALPHA_BOT, Verb::Update(update(&message, &say(kind)))).await;
    }
    let root = posted(world, ALPHA_BOT, post(PUBLIC, &say("tombstone"))).await;
    let reply = Post { reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "a reply that lives") };
    posted(world, MIA_HERSELF, reply).await;
    let activity =
        Content { activity: Some(say("activity").into()), ..Content::text(Dialect::Connector, "card") };
    let card = posted(world, GAMMA_BOT, Post { content: Arc::new(activity), ..post(PUBLIC, "") }).await;
    ask(world, GAMMA_BOT, interaction(&card, Act::Show(MIA, content(say("view"))))).await;
    ask(world, GAMMA_BOT, interaction(&card, Act::Show(MIA, content(say("second-view"))))).await;
    let pressed = Act::Submit { content: content(say("submitted")), shown: None };
    ask(world, MIA_HERSELF, interaction(&card, pressed)).await;

    let start = Step::Start { content: content(say("first-step")), informative: false };
    let Outcome::Posted(begun) = ask(world, ALPHA_BOT, stream(start)).await else { panic!("not begun") };
    for sequence in 2..4 {
        let content = content(say(&format!("step-{sequence}")));
        let ts = begun.message.key.ts;
        ask(world, ALPHA_BOT, stream(Step::Advance { ts, sequence, content, informative: false })).await;
    }
    let end = Step::End { ts: begun.message.key.ts, content: content("the end of a stream lives".into()) };
    ask(world, ALPHA_BOT, stream(end)).await;

    let piece = |text: String| Piece { text, chunks: None };
    let reply = Post { reply_to: ReplyTo::message(root.key.ts), ..post(PUBLIC, "") };
    let begin = AppendStream::Begin { post: Box::new(reply), piece: piece(say("first-piece")) };
    let Outcome::Posted(open) = ask(world, ALPHA_BOT, Verb::AppendStream(begin)).await else {
        panic!("not begun")
    };
    ask(world, ALPHA_BOT, added(&open.message, &say("second-piece"))).await;
    let (conversation, ts) = (open.message.key.conversation, open.message.key.ts);
    let finish = AppendStream::Finish {
        conversation,
        ts,
        piece: piece(say("last-piece")),
        metadata: None,
        fault: None,
    };
    ask(world, ALPHA_BOT, Verb::AppendStream(finish)).await;

    let whisper = Post { only: Some(MIA), ..post(PUBLIC, &say("ephemeral")) };
    let whisper = posted(world, GAMMA_BOT, whisper).await;
    let targeted = Some(Targeted { reader: Some(MIA) });
    ask(world, GAMMA_BOT, Verb::Update(Update { targeted, ..update(&whisper, &say("ephemeral-updated")) }))
        .await;

    let post_at = world.clock.now().plus(9_000_000_000);
    let add = ScheduleCommand::Add { post: Box::new(post(PUBLIC, &say("scheduled"))), post_at };
    let Outcome::Scheduled(ItemKey::Scheduled { made, .. }) =
        ask(world, ALPHA_BOT, Verb::Schedule(add)).await
    else {
        panic!("not scheduled")
    };
    let remove = ScheduleCommand::Remove { conversation: PUBLIC, post_at, made };
    ask(world, ALPHA_BOT, Verb::Schedule(remove)).await;

    let trigger = [u8::try_from(bytes % 251).unwrap(); 32];
    let asked =
        GrantAnswers { app: AppId(1), place: Place::Anywhere, trigger: Some(trigger), answers: vec![] };
    ask(world, IVO_HIMSELF, Verb::GrantAnswers(asked)).await;
    let id = format!("V{bytes}");
    let view = ModalView { id: id.clone(), external_id: None, hash: "h".into(), json: say("modal").into() };
    ask(world, ALPHA_BOT, Verb::Modal(Box::new(Modal::Open { trigger, view }))).await;
    ask(world, IVO_HIMSELF, Verb::Modal(Box::new(Modal::Close { id, all: true }))).await;

    let n = u8::try_from(bytes % 251).unwrap();
    ask(world, GAMMA_BOT, attach(n, say("attachment").as_bytes())).await;
    let (file, upload) = (format!("F{bytes}"), n);
    let bytes_of_file = say("file");
    let Verb::File(FileCommand::Begin { upload: secret, file: mut begun }) = items::begin(&file, upload)
    else {
        panic!("not a file")
    };
    begun.size = bytes_of_file.len() as u64;
    ask(world, ALPHA_BOT, Verb::File(FileCommand::Begin { upload: secret, file: begun })).await;
    let blob = [n + 1; 32];
    let bytes_of_file: Arc<[u8]> = bytes_of_file.as_bytes().into();
    ask(
        world,
        Caller::Control,
        Verb::File(FileCommand::Receive { upload: secret, blob, bytes: bytes_of_file }),
    )
    .await;

    for (caller, message) in
        [(ALPHA_BOT, &message), (ALPHA_BOT, &root), (GAMMA_BOT, &card), (ALPHA_BOT, &open.message)]
    {
        ask(world, caller, Verb::Delete(delete(message))).await;
    }
    said
}

/// With the workspace's clock, as the sweeper does it.
#[tokio::test]
async fn what_is_over_is_in_no_file() {
    let folder = Folder::new();
    let (world, _) = open(&folder).await;
    let mut said = Vec::new();
    // Into a page with others, on pages of its own, and on many.
    for bytes in [20, PAGE + 100, 6 * PAGE] {
        said.extend(all_kinds(&world, bytes).await);
    }
    let dropped = world.beside(2).await;
    let bot = Caller::Token(redraft_store::contract::hash(2, 1));
    for bytes in [20, 3 * PAGE] {
        let marker = format!("dropped-of-{bytes}-bytes");
        posted(&dropped, bot, post(PUBLIC, &saying(&marker, bytes))).await;
        said.push(marker);
    }
    dropped
        .control(Control::PatchWorkspace(WorkspacePatch {
            name: Some("name-of-the-dropped".into()),
            settings: None,
        }))
        .await;
    said.push("name-of-the-dropped".into());
    let living: Vec<String> = ["lives-small", "lives-big"].into_iter().map(str::to_owned).collect();
    posted(&world, ALPHA_BOT, post(PUBLIC, &saying("lives-small", 20))).await;
    posted(&world, ALPHA_BOT, post(PUBLIC, &saying("lives-big", 3 * PAGE))).await;
    assert!(50 < said.len());
    let before = found(&folder, &said);
    for marker in &said {
        assert!(before.iter().any(|it| it.starts_with(&**marker)), "{marker} was never there");
    }
    dropped.control(Control::DropWorkspace).await;
    let day = DELETED_CONTENT_MICROS.max(UNNAMED_ATTACHMENT_MICROS) + 3_600_000_000;
    world.control(Control::AdvanceClock(day)).await;
    // Rows and free pages are zeroed as they go, before any page is looked through.
    while world.store.sweep(Sweep::Routine).await.unwrap().more {}
    assert_eq!(world.store.empty_log().await, Ok(true));
    assert_eq!(found(&folder, &said), [""; 0]);
    assert_eq!(found(&folder, &living).len(), living.len());
    drop((world, dropped));
    assert_eq!(found(&folder, &said), [""; 0]);
    assert_eq!(examine(&folder).unwrap().problems, [""; 0], "erased is not lost");
}

/// Pages that fill up, split and are rebuilt while rows of several workspaces come and go: no bit of a row stays behind
/// where it once was.
#[tokio::test]
async fn nothing_stays_in_the_gaps_of_pages() {
    let folder = Folder::new();
    let (world, _) = open(&folder).await;
    let worlds = [world.clone(), world.beside(2).await, world.beside(3).await];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for n in 0..900_u64 {
        let which = usize::try_from(below(3)).unwrap();
        let (world, bot) = (
            &worlds[which],
            Caller::Token(redraft_store::contract::hash(u8::try_from(which + 1).unwrap(), 1)),
        );
        match below(10) {
            0..6 => {
                let marker = format!("{n:04}=");
                let most = if below(4) == 0 { 3000 } else { 300 };
                let length = usize::try_from(below(most)).unwrap();
                let message = posted(world, bot, post(PUBLIC, &marker.repeat(length / 5 + 2))).await;
                there.push((which, message, marker));
            }
            6..9 if !there.is_empty() => {
                let (which, message, marker) =
                    there.swap_remove(usize::try_from(below(there.len() as u64)).unwrap());
                let bot = Caller::Token(redraft_store::contract::hash(u8::try_from(which + 1).unwrap(), 1));
                ask(&worlds[which], bot, Verb::Delete(delete(&message))).await;
                gone.push(marker.repeat(2));
            }
            _ => while world.store.sweep(Sweep::Purge).await.unwrap().more {},
        }
    }
    clear_away(&world, Sweep::Purge).await;
    clear_away(&world, Sweep::Purge).await;
    assert!(100 < gone.len());
    assert_eq!(found(&folder, &gone), [""; 0]);
    let living: Vec<String> = there.iter().map(|(_, _, marker)| marker.repeat(2)).collect();
    assert_eq!(found(&folder, &living).len(), living.len());
}

/// A chain of revisions goes in steps that are all short.
#[tokio::test]
async fn a_long_history_is_erased_in_slices() {
    let folder = Folder::new();
    let (world, clock) = open(&folder).await;
    let message = world.say("0").await;
    for n in 1..450 {
        ask(&world, ALPHA_BOT, Verb::Update(update(&message, &n.to_string()))).await;
    }
    ask(&world, ALPHA_BOT, Verb::Delete(delete(&message))).await;
    clock.advance(DELETED_CONTENT_MICROS);
    let mut erased = Vec::new();
    loop {
        let swept = world.store.sweep(Sweep::Routine).await.unwrap();
        erased.extend((0 < swept.erased).then_some(swept.erased));
        if !swept.more {
            break;
        }
    }
    assert_eq!(erased, [100, 100, 100, 100, 50]);
}

/// What was erased is erased after a crash as well, and what was left of it is swept on.
#[tokio::test]
async fn a_log_that_a_crash_has_left_is_emptied() {
    let folder = Folder::new();
    let (world, clock) = open(&folder).await;
    let settings = Some(SettingsPatch { deleted_micros: Some(0), ..SettingsPatch::default() });
    world.control(Control::PatchWorkspace(WorkspacePatch { name: None, settings })).await;
    let message = world.say(&saying("before-the-crash", 3 * PAGE)).await;
    ask(&world, ALPHA_BOT, Verb::Delete(delete(&message))).await;
    while world.store.sweep(Sweep::Routine).await.unwrap().more {}
    // The folder as it is now, with a log that has everything.
    let left = Folder::new();
    for name in ["redraft.db", "redraft.db-wal"] {
        std::fs::copy(folder.join(name), left.join(name)).unwrap();
    }
    let marker = ["before-the-crash".to_owned()];
    assert_ne!(found(&left, &marker), [""; 0]);
    drop(world);
    let store = SqliteStore::open(&left, Options { clock: clock.clock(), ..Options::default() }).unwrap();
    let world = World { store: Arc::new(store), ..open(&Folder::new()).await.0 };
    // The writer empties it by itself.
    world.say("anything").await;
    world.say("more").await;
    assert_eq!(found(&left, &marker), [""; 0]);
    assert!(world.store.message(message.key.at(Ts(message.key.ts.0))).await.unwrap().is_none());
}
