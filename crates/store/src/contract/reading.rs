//! What readers get: windows, bounds of one read, and the bells that tell them of commits.

use redraft_model::command::{Post, ReplyTo, Revocation, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::{CallerRefusal, Outcome, Why};
use redraft_model::id::{AppId, UserId};
use redraft_model::patch::{SettingsPatch, WorkspacePatch};
use redraft_model::time::Ts;
use redraft_model::workspace::Settings;

use super::commands::{post, settlement, update};
use super::directory::user;
use super::picture::gapless;
use super::world::{World, tss};
use super::{ALPHA_BOT, ALPHA_MIA, MIA, PRIVATE, PUBLIC};
use crate::{READ_BYTES_MAX, READ_ROWS_MAX, Window};

pub(super) async fn windows_include_both_ends(world: World) {
    let mut posted = Vec::new();
    for text in ["a", "b", "c", "d", "e"] {
        posted.push(world.say(text).await.key.ts);
    }
    let newest: Vec<Ts> = posted.iter().rev().copied().collect();
    let window = Window { from: posted[1], to: posted[3] };
    assert_eq!(tss(&world.window(PUBLIC, window, 10).await), newest[1..4]);
    assert_eq!(tss(&world.window(PUBLIC, window, 2).await), newest[1..3]);
    assert_eq!(tss(&world.window(PUBLIC, Window::ALL, 2).await), newest[..2]);
    let root = world.say("root").await;
    let mut replies = Vec::new();
    for text in ["f", "g", "h", "i"] {
        replies.push(world.reply(&root, ALPHA_MIA, text).await.key.ts);
    }
    let read = |window, limit| world.store.thread_line(root.key, window, limit);
    let part = read(Window { from: replies[1], to: replies[2] }, 10).await.expect("readable");
    assert_eq!(tss(&part), replies[1..3]);
    assert_eq!(tss(&read(Window::ALL, 3).await.expect("readable")), replies[..3]);
    let empty = Window { from: posted[3], to: posted[1] };
    assert!(world.window(PUBLIC, empty, 10).await.is_empty());
    assert!(world.window(PUBLIC, Window::ALL, 0).await.is_empty());
    assert!(world.window(PRIVATE, Window::ALL, 10).await.is_empty());
    assert!(read(empty, 10).await.expect("readable").is_empty());
    for ts in [Ts(0), Ts(-1), Ts(i64::MIN), Ts(i64::MAX)] {
        let nowhere = world.store.thread_line(root.key.at(ts), Window::ALL, 10).await;
        assert!(nowhere.expect("readable").is_empty(), "{ts:?} has no thread");
        assert!(world.message_at(root.key.at(ts)).await.is_none());
    }
}

pub(super) async fn no_read_is_longer_than_the_limit(world: World) {
    let root = world.say("root").await;
    let reply = Post { reply_to: ReplyTo::message(root.key.ts), broadcast: true, ..post(PUBLIC, "reply") };
    let commands = (0..=READ_ROWS_MAX).map(|_| world.command(ALPHA_BOT, Verb::Post(reply.clone())));
    for answer in world.at_once(commands).await {
        answer.expect("posted");
    }
    let line = world.window(PUBLIC, Window::ALL, usize::MAX).await;
    let thread = world.store.thread_line(root.key, Window::ALL, usize::MAX).await.expect("readable");
    let events = world.store.events(world.workspace, 0, usize::MAX).await.expect("readable");
    assert_eq!([line.len(), thread.len(), events.len()], [READ_ROWS_MAX; 3]);
    assert_eq!(line[0].message.key.ts, world.line(PUBLIC).await[0]);
    assert_eq!(thread[0].message.key.ts, Ts(root.key.ts.0 + 1));
    gapless(&world.events().await);
}

pub(super) async fn no_read_has_more_bytes_than_it_may(world: World) {
    const COUNT: usize = 12;
    let text = "x".repeat(READ_BYTES_MAX / 5);
    let root = world.say("root").await;
    let reply_to = ReplyTo::message(root.key.ts);
    let mut replies = Vec::new();
    for _ in 0..COUNT {
        let reply = Post { reply_to, broadcast: true, ..post(PUBLIC, &text) };
        replies.push(world.posted(ALPHA_BOT, reply).await);
        world.posted(ALPHA_BOT, Post { only: Some(MIA), ..post(PUBLIC, &text) }).await;
    }
    let within = |rows: usize, bytes: usize| (1..COUNT).contains(&rows) && bytes <= READ_BYTES_MAX;
    let (mut channel, mut to) = (Vec::new(), Ts(i64::MAX));
    loop {
        let window = Window { from: Ts(0), to };
        let page = world.store.channel_line(world.workspace, PUBLIC, window, READ_ROWS_MAX).await;
        let page = page.expect("readable");
        assert!(within(page.len(), page.bytes()));
        channel.extend(tss(&page));
        to = Ts(channel.last().expect("there is one at least").0 - 1);
        if !page.cut {
            break;
        }
    }
    assert_eq!(channel.len(), COUNT + 1, "a walk finds all");
    let thread = world.store.thread_line(root.key, Window::ALL, READ_ROWS_MAX).await.expect("readable");
    assert!(thread.cut && within(thread.len(), thread.bytes()));
    assert_eq!(thread[0].message.key, replies[0].key);
    let few = world.store.thread_line(root.key, Window::ALL, 2).await.expect("readable");
    assert_eq!((few.len(), few.cut), (2, false), "the limit alone is no cut");
    let told = world.store.targeted(world.workspace, PUBLIC, MIA, READ_ROWS_MAX).await.expect("readable");
    assert!(told.cut && within(told.len(), told.bytes()));
    for _ in 0..COUNT {
        world.updated(ALPHA_BOT, update(&replies[0], &text)).await;
    }
    let revisions = world.store.revisions(replies[0].key, u32::MAX, READ_ROWS_MAX).await.expect("readable");
    assert!(revisions.cut && within(revisions.len(), revisions.bytes()));
    let big = "x".repeat(2 * READ_BYTES_MAX);
    world.say(&big).await;
    let page = world.store.channel_line(world.workspace, PUBLIC, Window::ALL, 10).await.expect("readable");
    assert_eq!((page.len(), page.cut), (1, true), "one row at least");
}

pub(super) async fn readers_share_directories_and_the_bell(world: World) {
    let mut bell = world.store.published().log_bell(world.workspace);
    let one = world.say("one").await;
    assert!(bell.has_changed().expect("the store is there"));
    assert_eq!(world.store.published().log_end(world.workspace), Some(one.content_at));
    bell.mark_unchanged();
    world.settle(AppId(2), settlement(1, &[2], &[])).await;
    assert!(!bell.has_changed().expect("the store is there"), "nothing is new in any log");
    world.done(ALPHA_MIA, Verb::RevokeToken(Revocation::Tested)).await;
    assert!(
        bell.has_changed().expect("the store is there"),
        "what stands in no log may have changed as well"
    );
    world.say("two").await;
    let settings = Settings { edit_window_micros: Some(5), ..Settings::default() };
    let windows = SettingsPatch { edit_window_micros: Some(Some(5)), ..SettingsPatch::default() };
    let patch = WorkspacePatch { name: None, settings: Some(windows) };
    world.control(Control::PatchWorkspace(patch)).await;
    let Outcome::User(zoe) = world.control(Control::AddUser(user(UserId(0), "zoe", None))).await else {
        panic!("nobody was added")
    };
    world.done(ALPHA_MIA, Verb::Conversation(ConversationCommand::Leave(PRIVATE))).await;
    world.done(ALPHA_MIA, Verb::RevokeToken(Revocation::Revoked)).await;
    let home = world.home();
    assert_eq!(home.workspace.settings, settings);
    assert_eq!(home.user(zoe).map(|user| &*user.name), Some("zoe"));
    assert!(home.general().is_some_and(|general| general.has(zoe)));
    assert!(home.conversation(PRIVATE).is_some_and(|private| !private.has(MIA)));
    let refused = world.why(ALPHA_MIA, Verb::Post(post(PUBLIC, "two"))).await;
    assert_eq!(refused, Why::Caller(CallerRefusal::Revoked));
}

/// What happens in one workspace, or to one app, wakes nobody who waits for another.
pub(super) async fn bells_ring_for_what_they_are_for(world: World) {
    let other = world.beside(2).await;
    let published = world.store.published();
    let (home, away) = (world.workspace, other.workspace);
    let mut bells = [
        published.log_bell(home),
        published.log_bell(away),
        published.app_bell(home, AppId(1)),
        published.app_bell(home, AppId(2)),
        published.app_bell(away, AppId(1)),
        published.apps_bell(),
        published.workspaces_bell(),
    ];
    let mut rung = || {
        bells.each_mut().map(|bell| {
            let rung = bell.has_changed().expect("the store is there");
            bell.mark_unchanged();
            u8::from(rung)
        })
    };
    assert_eq!(rung(), [0; 7]);
    world.say("one").await;
    assert_eq!(rung(), [1, 0, 0, 0, 0, 0, 0]);
    world.done(ALPHA_MIA, Verb::Conversation(ConversationCommand::Leave(PRIVATE))).await;
    assert_eq!(rung(), [1, 0, 0, 0, 0, 0, 0]);
    world.control(Control::AddUser(user(UserId(0), "zoe", None))).await;
    assert_eq!(rung(), [1, 0, 0, 0, 0, 0, 0]);
    world.control(Control::PatchApp(AppId(2), Box::default())).await;
    assert_eq!(rung(), [1, 0, 0, 1, 0, 1, 0]);
    world.done(ALPHA_MIA, Verb::RevokeToken(Revocation::Revoked)).await;
    assert_eq!(rung(), [1, 0, 1, 0, 0, 0, 0]);
    other.control(Control::AdvanceClock(1)).await;
    assert_eq!(rung(), [0, 1, 0, 0, 1, 1, 1]);
    other.control(Control::ResetWorkspace).await;
    assert_eq!(rung(), [0, 1, 0, 0, 1, 1, 1]);
    world.control(Control::DropWorkspace).await;
    assert_eq!(rung(), [1, 0, 1, 1, 0, 1, 1]);
}
