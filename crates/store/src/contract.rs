//! What every store has to do, whatever it is made of, as a suite that each of them runs.
//!
//! [`run`] asks for a new, empty store again and again and panics where one does not do as it should. [`World`] and the
//! helpers below it are also what other tests of stores are written with; [`picture`] shows all that can be read, to
//! compare two stores.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use redraft_model::append::Append;
use redraft_model::attachments::{Attach, Bytes};
use redraft_model::command::{
    Caller, Command, Delete, Idempotency, NewDirect, Post, Target, Targeted, Update, Verb,
};
use redraft_model::content::{Change, Content, Dialect, Patch, Piece};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::{CallerRefusal, Outcome, Posted, Why};
use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, TokenHash, UserId, WorkspaceId};
use redraft_model::interaction::{Act, Interaction};
use redraft_model::limits::{EPHEMERAL_MICROS, IDEMPOTENCY_MICROS, UNNAMED_ATTACHMENT_MICROS};
use redraft_model::message::{Kind, Message, Reaction, State};
use redraft_model::patch::{SettingsPatch, WorkspacePatch};
use redraft_model::shared::SharedSet;
use redraft_model::stream::{Step, Stream};
use redraft_model::time::{Micros, Ts};
use redraft_model::update::UpdateRefusal;
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Settings, Token, TokenKind, User, Workspace,
};

use crate::{
    Answer, Cause, Clock, Delivery, READ_BYTES_MAX, READ_ROWS_MAX, Settlement, Store, Stored, Sweep, Window,
};

mod erasing;
pub mod items;

/// Administrator.
pub const ADA: UserId = UserId(1);
/// Installed both apps.
pub const IVO: UserId = UserId(2);
/// A person.
pub const MIA: UserId = UserId(3);
/// The bot user of the Slack app.
pub const ALPHA: UserId = UserId(4);
/// The bot user of the Teams app.
pub const GAMMA: UserId = UserId(5);

/// The Slack app's bot token.
pub const ALPHA_BOT: Caller = Caller::Token(hash(1, 1));
/// The token of the Slack app that Mia gave it.
pub const ALPHA_MIA: Caller = Caller::Token(hash(1, 2));
/// The token of the Slack app that Ada gave it.
pub const ALPHA_ADA: Caller = Caller::Token(hash(1, 3));
/// The Teams app's bot.
pub const GAMMA_BOT: Caller = Caller::Bot(AppId(2));
/// Mia in her own client.
pub const MIA_HERSELF: Caller = Caller::Person(MIA);
/// Ivo in his own client.
pub const IVO_HIMSELF: Caller = Caller::Person(IVO);

/// Everyone is in it.
pub const GENERAL: ConversationId = ConversationId(1);
/// Everyone is in it as well.
pub const PUBLIC: ConversationId = ConversationId(2);
/// Mia and the bots.
pub const PRIVATE: ConversationId = ConversationId(3);
/// Mia and the Slack bot.
pub const DIRECT: ConversationId = ConversationId(4);

/// When tests begin.
pub const START: Micros = Micros(1_700_000_000_000_000);

/// The hash of a token of the `workspace`-th workspace.
#[must_use]
pub const fn hash(workspace: u8, number: u8) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes[1] = workspace;
    TokenHash(bytes)
}

/// Runs the whole suite, each case on a store of its own.
///
/// # Panics
/// Where a store does not do as it should.
pub async fn run(make: impl Fn(Clock) -> Arc<dyn Store>) {
    let world = || World::new(&make);
    what_is_posted_is_read_back_at_once(world().await).await;
    an_update_appends_a_revision(world().await).await;
    what_is_deleted_is_gone_but_for_its_revisions(world().await).await;
    a_root_with_replies_leaves_a_tombstone(world().await).await;
    a_broadcast_reply_stands_in_both_lines(world().await).await;
    a_whisper_is_in_no_line(world().await).await;
    what_means_a_whisper_changes_and_deletes_it(world().await).await;
    what_one_reader_is_told_is_found_for_them(world().await).await;
    reactions_are_in_the_order_they_came(world().await).await;
    what_a_user_reacted_to(world().await).await;
    a_view_is_one_persons(world().await).await;
    content_lies_where_its_event_is(world().await).await;
    of_a_stream_the_newest_text_is_kept(world().await).await;
    pieces_lie_beside_their_message(world().await).await;
    a_key_makes_a_request_repeatable(world().await).await;
    only_the_expected_revision_is_changed(world().await).await;
    a_refusal_uses_up_no_number(world().await).await;
    the_log_has_no_gaps(world().await).await;
    windows_include_both_ends(world().await).await;
    no_read_is_longer_than_the_limit(world().await).await;
    no_read_has_more_bytes_than_it_may(world().await).await;
    commands_at_once_get_numbers_in_order(world().await).await;
    readers_share_directories_and_the_bell(world().await).await;
    bells_ring_for_what_they_are_for(world().await).await;
    members_come_and_go_one_by_one(world().await).await;
    the_clock_goes_forward(world().await).await;
    a_conversation_is_made_with_its_first_message(world().await).await;
    a_reset_workspace_is_as_it_was_created(world().await).await;
    a_dropped_workspace_is_swept(world().await).await;
    workspaces_do_not_mix(world().await).await;
    what_is_over_is_swept(world().await).await;
    a_changed_whisper_is_swept_later_and_whole(world().await).await;
    it_is_known_how_far_an_app_was_told(world().await).await;
    bytes_belong_to_what_names_them(world().await).await;
    nothing_is_noted_of_a_dropped_workspace(world().await).await;
    items::what_lies_under_a_key_is_found(world().await).await;
    items::grants_are_swept_some_time_after_their_end(world().await).await;
    items::items_go_with_their_workspace(world().await).await;
    items::the_first_message_that_waits_is_known(world().await).await;
    erasing::deleted_content_goes_and_leaves_its_place(world().await).await;
    erasing::what_is_to_be_told_stays_until_it_was(world().await).await;
    erasing::nobody_holds_content_up_for_ever(world().await).await;
    erasing::an_app_that_is_not_told_holds_nothing_up(world().await).await;
    erasing::superseded_revisions_go_if_they_are_to(world().await).await;
    erasing::what_was_submitted_goes(world().await).await;
    erasing::what_is_over_is_so_by_the_workspaces_clock(world().await).await;
    erasing::a_purge_waits_for_no_retention(world().await).await;
    a_value_is_kept_once(world().await).await;
    a_value_is_replaced(world().await).await;
}

async fn what_is_posted_is_read_back_at_once(world: World) {
    let content = Arc::new(Content {
        blocks: Some("[1]".into()),
        attachments: Some("[2]".into()),
        metadata: Some("{}".into()),
        identity: Some("{\"username\":\"x\"}".into()),
        activity: Some("{\"type\":\"message\"}".into()),
        markup: false,
        ..Content::text(Dialect::Connector, "hello \u{1F600}")
    });
    let post = Post { content: Arc::clone(&content), kind: Kind::Me, ..post(PUBLIC, "") };
    let posted = world.posted(ALPHA_BOT, post).await;
    let found = world.message(&posted).await.expect("it was acknowledged");
    assert_eq!((&found.message, &found.content), (&posted, &content));
    assert_eq!(world.line(PUBLIC).await, [posted.key.ts]);
    let revisions = world.store.revisions(posted.key, u32::MAX, 10).await.expect("readable");
    assert_eq!(revisions.len(), 1);
    assert_eq!((revisions[0].1.as_ref(), revisions[0].0.position), (Some(&content), posted.content_at));
    assert!(world.store.gone(posted.key).await.expect("readable").is_none());
    assert!(world.message_at(posted.key.at(Ts(1))).await.is_none());
}

async fn an_update_appends_a_revision(world: World) {
    let first = world.say("one").await;
    let second = world.updated(ALPHA_BOT, update(&first, "two")).await;
    let third = world.updated(ALPHA_BOT, update(&first, "three")).await;
    assert_eq!(third.message.revision().map(u32::from), Some(3));
    assert_eq!(
        (third.message.key, third.message.author, third.message.root),
        (first.key, first.author, None)
    );
    assert_eq!(world.message(&first).await.expect("there").content.text, "three");
    assert_eq!(world.texts(first.key, u32::MAX, 10).await, ["three", "two", "one"]);
    assert_eq!(world.texts(first.key, 3, 1).await, ["two"]);
    assert_eq!(world.texts(first.key, 1, 10).await, [""; 0]);
    assert_eq!(world.texts(first.key, u32::MAX, 0).await, [""; 0]);
    let last = world.events().await.pop().expect("there are events");
    assert_eq!((last.position, last.by), (third.message.content_at, Some(ALPHA)));
    assert!(second.message.content_at < third.message.content_at);
    assert_eq!(world.line(PUBLIC).await, [first.key.ts]);
}

async fn what_is_deleted_is_gone_but_for_its_revisions(world: World) {
    let message = world.say("one").await;
    world.updated(ALPHA_BOT, update(&message, "two")).await;
    world.deleted(ALPHA_BOT, &message).await;
    assert!(world.message(&message).await.is_none());
    assert!(world.line(PUBLIC).await.is_empty());
    let gone = world.store.gone(message.key).await.expect("readable").expect("it is known to be gone");
    assert_eq!((gone.last.key, gone.by), (message.key, ALPHA));
    assert_eq!(gone.last.revision().map(std::num::NonZeroU32::get), Some(2));
    let (root, reply) = (world.say("root").await, world.say("another").await);
    let reply =
        Post { reply_to: [Some(root.key.ts), None], broadcast: true, ..post(PUBLIC, &reply.key.ts.dotted()) };
    let reply = world.posted(ALPHA_BOT, reply).await;
    world.deleted(ALPHA_BOT, &reply).await;
    let gone = world.store.gone(reply.key).await.expect("readable").expect("it is known to be gone");
    assert_eq!(gone.last, reply);
    assert_eq!(world.texts(message.key, u32::MAX, 10).await, ["two", "one"]);
    let again = world.why(ALPHA_BOT, Verb::Delete(delete(&message))).await;
    assert_eq!(again, Why::Delete(redraft_model::delete::DeleteRefusal::MessageNotFound));
}

async fn a_root_with_replies_leaves_a_tombstone(world: World) {
    let root = world.say("root").await;
    let first = world.reply(&root, ALPHA_MIA, "first").await;
    let second = world.reply(&root, ALPHA_BOT, "second").await;
    assert_eq!(world.thread(&root).await, [first.key.ts, second.key.ts]);
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    let thread = world.message(&root).await.and_then(|root| root.message.thread.clone()).expect("a thread");
    assert_eq!((thread.replies, thread.users, thread.latest), (2, vec![MIA, ALPHA], second.key.ts));

    world.deleted(ALPHA_BOT, &root).await;
    let tombstone = world.message(&root).await.expect("its place is kept");
    assert!(matches!(tombstone.message.state, State::Tombstone { .. }));
    assert!(tombstone.content.is_empty());
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    let refused = world.why(ALPHA_BOT, Verb::Update(update(&root, "again"))).await;
    assert_eq!(refused, Why::Update(UpdateRefusal::Tombstone));

    world.deleted(ALPHA_MIA, &first).await;
    assert_eq!(world.thread(&root).await, [second.key.ts]);
    world.deleted(ALPHA_BOT, &second).await;
    assert!(world.message(&root).await.is_none());
    assert!(world.line(PUBLIC).await.is_empty());
    assert!(world.thread(&root).await.is_empty());
    let last: Vec<EventKind> =
        world.events().await.iter().rev().take(2).map(|event| event.kind.clone()).collect();
    assert!(matches!(last[0], EventKind::TombstoneRemoved { message, .. } if message == root.key.ts));
    assert!(matches!(last[1], EventKind::MessageDeleted { message, .. } if message == second.key.ts));
    assert_eq!(world.texts(root.key, u32::MAX, 10).await, ["root"]);
}

async fn a_broadcast_reply_stands_in_both_lines(world: World) {
    let root = world.say("root").await;
    let shown = Post { broadcast: true, reply_to: [Some(root.key.ts), None], ..post(PUBLIC, "shown") };
    let shown = world.posted(ALPHA_BOT, shown).await;
    let quiet = world.reply(&root, ALPHA_BOT, "quiet").await;
    assert_eq!(world.line(PUBLIC).await, [shown.key.ts, root.key.ts]);
    assert_eq!(world.thread(&root).await, [shown.key.ts, quiet.key.ts]);
    let line = world.window(PUBLIC, Window::ALL, 1).await;
    let beside = line[0].root.as_ref().expect("a broadcast reply comes with its root");
    assert_eq!((beside.message.key, &*beside.content.text), (root.key, "root"));

    let withdraw = Delete { only_broadcast: true, ..delete(&shown) };
    world.done(ALPHA_BOT, Verb::Delete(withdraw)).await;
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    world.updated(ALPHA_BOT, Update { broadcast: true, ..update(&quiet, "loud") }).await;
    assert_eq!(world.line(PUBLIC).await, [quiet.key.ts, root.key.ts]);
    assert_eq!(world.window(PUBLIC, Window::ALL, 1).await[0].content.text, "loud");
    world.deleted(ALPHA_BOT, &quiet).await;
    assert_eq!(tss(&world.window(PUBLIC, Window::ALL, 1).await), [root.key.ts]);
    assert_eq!(world.thread(&root).await, [shown.key.ts]);
}

async fn a_whisper_is_in_no_line(world: World) {
    let root = world.say("root").await;
    let whisper = Post { only: Some(MIA), ..post(PUBLIC, "psst") };
    let whisper = world.posted(ALPHA_BOT, whisper).await;
    let inside = Post { only: Some(MIA), reply_to: [Some(root.key.ts), None], ..post(PUBLIC, "psst") };
    let inside = world.posted(ALPHA_BOT, inside).await;
    assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
    assert!(world.thread(&root).await.is_empty());
    assert!(world.message(&root).await.expect("there").message.thread.is_none());
    for message in [whisper, inside] {
        assert_eq!(world.message(&message).await.expect("whoever knows it finds it").content.text, "psst");
    }
}

async fn what_means_a_whisper_changes_and_deletes_it(world: World) {
    let root = world.say("root").await;
    for reply_to in [[None, None], [Some(root.key.ts), None]] {
        let whisper =
            world.posted(GAMMA_BOT, Post { only: Some(MIA), reply_to, ..post(PUBLIC, "one") }).await;
        let meant = Some(Targeted { reader: None });
        let asked = Update { targeted: meant, ..update(&whisper, "two") };
        let updated = world.updated(GAMMA_BOT, asked).await;
        let found = world.message(&whisper).await.expect("there");
        assert_eq!((&found.message, &*found.content.text), (&updated.message, "two"));
        assert_eq!(world.texts(whisper.key, u32::MAX, 10).await, ["two", "one"]);
        world.done(GAMMA_BOT, Verb::Delete(Delete { targeted: meant, ..delete(&whisper) })).await;
        assert!(world.message(&whisper).await.is_none());
        let gone = world.store.gone(whisper.key).await.expect("readable").expect("it is known to be gone");
        assert_eq!((gone.last.key, gone.by), (whisper.key, GAMMA));
        assert_eq!(world.texts(whisper.key, u32::MAX, 10).await, ["two", "one"]);
        assert_eq!(world.line(PUBLIC).await, [root.key.ts]);
        assert!(world.targeted(PUBLIC, MIA, 10).await.is_empty());
    }
    assert_eq!(world.message(&root).await.expect("there").message, root);
    world.clock.advance(2 * EPHEMERAL_MICROS);
    world.sweep().await;
}

async fn what_one_reader_is_told_is_found_for_them(world: World) {
    let root = world.say("for everyone").await;
    let to = |reader, text: &str| Post { only: Some(reader), ..post(PUBLIC, text) };
    let mut told = Vec::new();
    for number in 0..4 {
        told.push(world.posted(ALPHA_BOT, to(MIA, &format!("{number}"))).await);
        world.posted(ALPHA_BOT, to(IVO, "for Ivo")).await;
    }
    let inside = Post { reply_to: [Some(root.key.ts), None], ..to(MIA, "in a thread") };
    told.push(world.posted(ALPHA_BOT, inside).await);
    world.posted(ALPHA_BOT, Post { only: Some(MIA), ..post(GENERAL, "elsewhere") }).await;
    let texts = ["0", "1", "2", "3", "in a thread"];
    for (limit, expected) in [(10, &texts[..]), (5, &texts), (2, &texts[3..]), (0, &[])] {
        assert_eq!(world.targeted(PUBLIC, MIA, limit).await, expected, "at most {limit}");
    }
    assert_eq!(world.targeted(PUBLIC, IVO, 10).await, ["for Ivo"; 4]);
    assert_eq!(world.targeted(GENERAL, MIA, 10).await, ["elsewhere"]);
    assert!(world.targeted(PUBLIC, ADA, 10).await.is_empty());
    assert!(world.targeted(PRIVATE, MIA, 10).await.is_empty());
    assert!(world.targeted(ConversationId(99), MIA, 10).await.is_empty());
    let meant = Some(Targeted { reader: Some(MIA) });
    world.updated(ALPHA_BOT, Update { targeted: meant, ..update(&told[1], "changed") }).await;
    world.done(ALPHA_BOT, Verb::Delete(Delete { targeted: meant, ..delete(&told[2]) })).await;
    assert_eq!(world.targeted(PUBLIC, MIA, 10).await, ["0", "changed", "3", "in a thread"]);
}

async fn reactions_are_in_the_order_they_came(world: World) {
    let (first, second) = (world.say("first").await, world.say("second").await);
    for caller in [MIA_HERSELF, IVO_HIMSELF, ALPHA_BOT] {
        for name in ["tada", "eyes"] {
            for message in [&first, &second] {
                world.done(caller, react(message, name)).await;
            }
        }
    }
    let all = [("tada", MIA), ("eyes", MIA), ("tada", IVO), ("eyes", IVO), ("tada", ALPHA), ("eyes", ALPHA)];
    assert_eq!(world.reactions(&first).await, all.map(|(name, user)| (name.into(), user)));
    world.done(MIA_HERSELF, react(&first, "tada")).await;
    world.done(MIA_HERSELF, unreact(&first, "tada")).await;
    world.done(IVO_HIMSELF, unreact(&first, "eyes")).await;
    world.done(IVO_HIMSELF, unreact(&first, "eyes")).await;
    world.done(MIA_HERSELF, react(&first, "tada")).await;
    let left = [("eyes", MIA), ("tada", IVO), ("tada", ALPHA), ("eyes", ALPHA), ("tada", MIA)];
    assert_eq!(world.reactions(&first).await, left.map(|(name, user)| (name.into(), user)));
    world.updated(ALPHA_BOT, update(&first, "changed")).await;
    assert_eq!(world.reactions(&first).await.len(), 5);
    let reply = world.reply(&first, ALPHA_BOT, "reply").await;
    world.done(MIA_HERSELF, react(&reply, "eyes")).await;
    world.deleted(ALPHA_BOT, &first).await;
    assert!(world.reactions(&first).await.is_empty(), "a tombstone has none");
    assert_eq!(world.reactions(&reply).await, [("eyes".into(), MIA)]);
    world.deleted(ALPHA_BOT, &reply).await;
    assert!(world.reactions(&reply).await.is_empty());
    assert_eq!(world.reactions(&second).await.len(), 6, "another message keeps its own");
    let line = world.window(PUBLIC, Window::ALL, 10).await;
    let shown: Vec<_> = line.iter().map(|stored| (stored.message.key.ts, stored.reactions.len())).collect();
    assert_eq!(shown, [(second.key.ts, 6)], "and shows them");
}

async fn what_a_user_reacted_to(world: World) {
    let (first, second) = (world.say("first").await, world.say("second").await);
    for (caller, message, name) in [
        (MIA_HERSELF, &first, "tada"),
        (IVO_HIMSELF, &first, "tada"),
        (MIA_HERSELF, &second, "eyes"),
        (MIA_HERSELF, &first, "eyes"),
    ] {
        world.done(caller, react(message, name)).await;
    }
    let listed = |found: &[(MessageKey, Reaction)]| -> Vec<(Ts, String)> {
        found.iter().map(|(key, reaction)| (key.ts, reaction.name.to_string())).collect()
    };
    let (one, two) = (first.key.ts, second.key.ts);
    let all = world.reacted(MIA, Ts(i64::MAX), 10).await;
    assert_eq!(listed(&all), [(one, "eyes".into()), (two, "eyes".into()), (one, "tada".into())]);
    assert_eq!(listed(&world.reacted(MIA, Ts(i64::MAX), 1).await), [(one, "eyes".into())]);
    assert_eq!(listed(&world.reacted(MIA, all[0].1.since, 1).await), [(two, "eyes".into())]);
    assert!(world.reacted(ADA, Ts(i64::MAX), 10).await.is_empty());
    world.done(MIA_HERSELF, unreact(&first, "eyes")).await;
    world.deleted(ALPHA_BOT, &second).await;
    assert_eq!(listed(&world.reacted(MIA, Ts(i64::MAX), 10).await), [(one, "tada".into())]);
}

async fn a_view_is_one_persons(world: World) {
    let (card, other) = (world.say("card").await, world.say("other").await);
    assert_eq!(world.view(&card, MIA).await, None);
    let mut shown = Vec::new();
    for (message, user, text) in [
        (&card, MIA, "hers"),
        (&card, IVO, "his"),
        (&other, MIA, "hers elsewhere"),
        (&card, MIA, "hers again"),
    ] {
        world.done(ALPHA_BOT, show(message, user, text)).await;
        shown.push(world.events().await.pop().expect("there are events").position);
    }
    let view = |revision, text: &str| Some((revision, text.to_owned()));
    assert_eq!(world.view(&card, MIA).await, view(1, "hers again"));
    assert_eq!(world.view(&card, IVO).await, view(1, "his"));
    assert_eq!(world.view(&card, ADA).await, None);
    assert_eq!(world.view(&other, MIA).await, view(1, "hers elsewhere"));
    assert_eq!(world.content(shown[0]).await, None, "nothing is kept of what was replaced");
    assert_eq!(world.content(shown[3]).await.as_deref(), Some("hers again"));
    assert_eq!(world.message(&card).await.expect("there").content.text, "card");
    assert_eq!(world.texts(card.key, u32::MAX, 10).await, ["card"], "it is no revision");
    world.updated(ALPHA_BOT, update(&card, "changed")).await;
    world.done(ALPHA_BOT, show(&card, IVO, "his again")).await;
    assert_eq!(world.view(&card, IVO).await, view(2, "his again"));
    world.deleted(ALPHA_BOT, &card).await;
    for user in [MIA, IVO] {
        assert_eq!(world.view(&card, user).await, None);
    }
    for position in shown[..2].iter().chain(&shown[3..]) {
        assert_eq!(world.content(*position).await, None);
    }
    assert_eq!(world.texts(card.key, u32::MAX, 10).await, ["changed", "card"]);
    assert_eq!(world.view(&other, MIA).await, view(1, "hers elsewhere"));
}

async fn content_lies_where_its_event_is(world: World) {
    let away = world.beside(2).await;
    let message = world.say("posted").await;
    let second = world.updated(ALPHA_BOT, update(&message, "updated")).await.message.content_at;
    world
        .done(MIA_HERSELF, interaction(&message, Act::Submit { content: text("pressed"), shown: None }))
        .await;
    world.done(MIA_HERSELF, react(&message, "eyes")).await;
    world.deleted(ALPHA_BOT, &message).await;
    let found = [1, message.content_at, second, second + 1, second + 2, second + 3, second + 4];
    let expected = [None, Some("posted"), Some("updated"), Some("pressed"), None, None, None];
    for (position, expected) in found.into_iter().zip(expected) {
        assert_eq!(world.content(position).await.as_deref(), expected, "at {position}");
        assert_eq!(away.content(position).await, None, "each log has its own");
    }
    for position in [0, 1 << 40, (1 << 40) + message.content_at, u64::MAX] {
        assert_eq!(world.content(position).await, None, "at {position}");
    }
}

async fn of_a_stream_the_newest_text_is_kept(world: World) {
    let start = Step::Start { content: text("looking it up"), informative: true };
    let Outcome::Posted(begun) = world.done(ALPHA_BOT, stream(start)).await else { panic!("not begun") };
    let message = begun.message;
    let ts = message.key.ts;
    let advance = |sequence, words| Step::Advance { ts, sequence, content: text(words), informative: false };
    let mut before = message.content_at;
    for (caller, step, words, state) in [
        (ALPHA_BOT, advance(2, "It"), "It", Some((2, false, false))),
        (ALPHA_BOT, advance(2, "ignored"), "It", Some((2, false, false))),
        (ALPHA_BOT, advance(u32::MAX, "It is"), "It is", Some((u32::MAX, false, false))),
        (ALPHA_BOT, Step::End { ts, content: text("It is so.") }, "It is so.", None),
    ] {
        world.done(caller, stream(step)).await;
        let found = world.message(&message).await.expect("there");
        assert_eq!(found.content.text, words);
        assert_eq!(found.message.state, state.map_or(live(), streaming));
        assert_eq!(world.texts(message.key, u32::MAX, 10).await, [words]);
        assert_eq!(world.line(DIRECT).await, [ts]);
        if found.message.content_at != before {
            assert_eq!(world.content(before).await, None, "nothing is kept of earlier texts");
            before = found.message.content_at;
        }
    }
    world.updated(ALPHA_BOT, update(&message, "changed")).await;
    assert_eq!(world.texts(message.key, u32::MAX, 10).await, ["changed", "It is so."]);

    let start = Step::Start { content: text("stopped"), informative: true };
    let Outcome::Posted(begun) = world.done(ALPHA_BOT, stream(start)).await else { panic!("not begun") };
    let ts = begun.message.key.ts;
    assert_eq!(
        world.message(&begun.message).await.expect("there").message.state,
        streaming((1, true, false))
    );
    world.done(MIA_HERSELF, stream(Step::Stop { ts })).await;
    assert_eq!(world.message(&begun.message).await.expect("there").message.state, streaming((1, true, true)));
    world.deleted(ALPHA_BOT, &begun.message).await;
    assert_eq!(world.line(DIRECT).await, [message.key.ts]);
    assert_eq!(world.texts(begun.message.key, u32::MAX, 10).await, ["stopped"]);
}

async fn pieces_lie_beside_their_message(world: World) {
    let away = world.beside(2).await;
    let root = world.say("root").await;
    let begin = |words: &str| {
        let post = Post { reply_to: [Some(root.key.ts), None], ..post(root.key.conversation, "begun: ") };
        let piece = Piece { text: words.into(), chunks: None };
        Verb::Append(Append::Begin { post: Box::new(post), piece })
    };
    let mut begun = Vec::new();
    for words in ["a", "b", ""] {
        let Outcome::Posted(posted) = world.done(ALPHA_BOT, begin(words)).await else { panic!("not begun") };
        begun.push(posted.message);
    }
    for (which, words) in [(0, "c"), (1, "d"), (0, "e"), (2, "f")] {
        world.done(ALPHA_BOT, added(&begun[which], words)).await;
    }
    world.sweep().await;
    for (message, words) in begun.iter().zip(["begun: ace", "begun: bd", "begun: f"]) {
        assert_eq!(world.message(message).await.expect("there").content.text, words);
    }
    let line = world.store.thread_line(root.key, Window::ALL, 10).await.expect("readable");
    let texts: Vec<&str> = line.iter().map(|stored| stored.content.text.as_str()).collect();
    assert_eq!(texts, ["begun: ace", "begun: bd", "begun: f"]);
    let MessageKey { conversation, ts, .. } = begun[0].key;
    let piece = Piece { text: "!".into(), chunks: None };
    let finish = Append::Finish { conversation, ts, piece, metadata: None, fault: None };
    world.done(ALPHA_BOT, Verb::Append(finish)).await;
    assert_eq!(world.texts(begun[0].key, u32::MAX, 10).await, ["begun: ace!"]);
    let over = Step::Stop { ts: begun[1].key.ts };
    world.done(MIA_HERSELF, Verb::Stream(Stream { conversation, fault: None, step: over })).await;
    world.deleted(ALPHA_BOT, &begun[1]).await;
    assert_eq!(world.texts(begun[1].key, u32::MAX, 10).await, ["begun: bd"]);
    assert_eq!(world.message(&begun[2]).await.expect("there").content.text, "begun: f");
    assert!(away.store.message(begun[2].key.at(Ts(1))).await.expect("readable").is_none());
}

/// More of a message that streams in.
#[must_use]
pub fn added(message: &Message, words: &str) -> Verb {
    let MessageKey { conversation, ts, .. } = message.key;
    let piece = Piece { text: words.into(), chunks: None };
    Verb::Append(Append::Add { conversation, ts, piece, fault: None })
}

fn streaming((sequence, informative, stopped): (u32, bool, bool)) -> State {
    State::Streaming { sequence, informative, stopped, appended: None }
}

fn live() -> State {
    State::Live { revision: std::num::NonZeroU32::MIN, edited: None }
}

async fn a_key_makes_a_request_repeatable(world: World) {
    let ask = |digest, text| with_key(world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text))), "k", digest);
    let Ok(Outcome::Posted(first)) = world.submit(ask(1, "one")).await else { panic!("not posted") };
    let Ok(Outcome::Repeated(before, Some((message, content)))) = world.submit(ask(1, "one")).await else {
        panic!("not repeated")
    };
    assert_eq!((before.key, message.key, &*content.text), (first.message.key, first.message.key, "one"));
    let refused = world.submit(ask(2, "two")).await.expect_err("another request under the same key");
    assert_eq!(refused.why, Why::KeyReused { other_conversation: false });
    let other = with_key(world.command(ALPHA_MIA, Verb::Post(post(PUBLIC, "hers"))), "k", 2);
    assert!(matches!(world.submit(other).await, Ok(Outcome::Posted(_))), "keys are each caller's own");
    world.deleted(ALPHA_BOT, &first.message).await;
    assert!(matches!(world.submit(ask(1, "one")).await, Ok(Outcome::Repeated(_, None))));
    world.clock.advance(IDEMPOTENCY_MICROS);
    let Ok(Outcome::Posted(anew)) = world.submit(ask(3, "anew")).await else { panic!("not posted anew") };
    assert_eq!(world.line(PUBLIC).await[0], anew.message.key.ts);
    let repeated = world.submit(ask(3, "anew")).await;
    assert!(matches!(repeated, Ok(Outcome::Repeated(it, _)) if it.key == anew.message.key));
}

async fn only_the_expected_revision_is_changed(world: World) {
    let message = world.say("one").await;
    let expect = |revision| Update { if_revision: Some(revision), ..update(&message, "two") };
    world.updated(ALPHA_BOT, expect(1)).await;
    let stale = world.why(ALPHA_BOT, Verb::Update(expect(1))).await;
    assert!(matches!(stale, Why::Update(UpdateRefusal::StaleRevision(now)) if now.get() == 2));
    let stale = Delete { if_revision: Some(1), ..delete(&message) };
    assert!(world.answer(ALPHA_BOT, Verb::Delete(stale)).await.is_err());
    world.done(ALPHA_BOT, Verb::Delete(Delete { if_revision: Some(2), ..delete(&message) })).await;
    let message = world.say("again").await;
    let racing = Update { if_revision: Some(1), ..update(&message, "mine") };
    let race: Vec<_> =
        (0..8).map(|_| world.store.submit(world.command(ALPHA_BOT, Verb::Update(racing.clone())))).collect();
    let mut won = 0;
    for racer in race {
        won += usize::from(racer.await.expect("the store works").is_ok());
    }
    assert_eq!(won, 1);
}

async fn a_refusal_uses_up_no_number(world: World) {
    let message = world.say("one").await;
    let before = picture(&*world.store).await;
    for verb in [
        Verb::Post(post(ConversationId(99), "nowhere")),
        Verb::Post(post(PUBLIC, "")),
        Verb::Update(update(&message, "")),
        Verb::Delete(Delete { if_revision: Some(9), ..delete(&message) }),
        Verb::Conversation(ConversationCommand::Join(ConversationId(99))),
        Verb::Control(Box::new(Control::AdvanceClock(-1))),
    ] {
        assert!(world.answer(ALPHA_BOT, verb).await.is_err());
    }
    assert_eq!(picture(&*world.store).await, before);
    let next = world.say("two").await;
    assert_eq!(next.content_at, message.content_at + 1);
}

async fn the_log_has_no_gaps(world: World) {
    let root = world.say("root").await;
    let reply = world.reply(&root, ALPHA_MIA, "reply").await;
    world.deleted(ALPHA_BOT, &root).await;
    world.deleted(ALPHA_MIA, &reply).await;
    world.control(Control::AddMember(PRIVATE, ADA)).await;
    let events = world.events().await;
    assert_eq!(events.len(), 8);
    assert_eq!(events[0].kind, EventKind::WorkspaceCreated);
    gapless(&events);
    for (after, limit) in [(0, 3), (2, 2), (6, 10), (7, 10), (90, 10), (1 << 40, 10), (u64::MAX, 10), (0, 0)]
    {
        let page = world.store.events(world.workspace, after, limit).await.expect("readable");
        let from = usize::try_from(after).unwrap_or(usize::MAX).min(events.len());
        let to = from.saturating_add(limit).min(events.len());
        assert_eq!(page, events[from..to], "after {after}, at most {limit}");
    }
}

async fn windows_include_both_ends(world: World) {
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

async fn no_read_is_longer_than_the_limit(world: World) {
    let root = world.say("root").await;
    let reply = Post { reply_to: [Some(root.key.ts), None], broadcast: true, ..post(PUBLIC, "reply") };
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

async fn no_read_has_more_bytes_than_it_may(world: World) {
    const COUNT: usize = 12;
    let text = "x".repeat(READ_BYTES_MAX / 5);
    let root = world.say("root").await;
    let reply_to = [Some(root.key.ts), None];
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

async fn commands_at_once_get_numbers_in_order(world: World) {
    let texts: Vec<String> = (0..100).map(|number| format!("message {number}")).collect();
    let commands = texts.iter().map(|text| world.command(ALPHA_BOT, Verb::Post(post(PUBLIC, text))));
    let mut posted = Vec::new();
    for answer in world.at_once(commands).await {
        let Ok(Outcome::Posted(it)) = answer else { panic!("not posted") };
        posted.push(it.message.key.ts);
    }
    assert!(posted.is_sorted(), "in the order in which they were asked for");
    let mut line = world.window(PUBLIC, Window::ALL, 200).await;
    line.reverse();
    assert_eq!(tss(&line), posted);
    assert!(line.iter().map(|found| &found.content.text).eq(&texts));
    gapless(&world.events().await);
}

async fn readers_share_directories_and_the_bell(world: World) {
    let mut bell = world.store.published().log_bell(world.workspace);
    let one = world.say("one").await;
    assert!(bell.has_changed().expect("the store is there"));
    assert_eq!(world.store.published().log_end(world.workspace), Some(one.content_at));
    bell.mark_unchanged();
    world.settle(AppId(2), settlement(1, &[2], &[])).await;
    assert!(!bell.has_changed().expect("the store is there"), "nothing is new in any log");
    world.done(ALPHA_MIA, Verb::RevokeToken(true)).await;
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
    world.done(ALPHA_MIA, Verb::RevokeToken(false)).await;
    let home = world.home();
    assert_eq!(home.workspace.settings, settings);
    assert_eq!(home.user(zoe).map(|user| &*user.name), Some("zoe"));
    assert!(home.general().is_some_and(|general| general.has(zoe)));
    assert!(home.conversation(PRIVATE).is_some_and(|private| !private.has(MIA)));
    let refused = world.why(ALPHA_MIA, Verb::Post(post(PUBLIC, "two"))).await;
    assert_eq!(refused, Why::Caller(CallerRefusal::Revoked));
}

/// What happens in one workspace, or to one app, wakes nobody who waits for another.
async fn bells_ring_for_what_they_are_for(world: World) {
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
    world.done(ALPHA_MIA, Verb::RevokeToken(false)).await;
    assert_eq!(rung(), [1, 0, 1, 0, 0, 0, 0]);
    other.control(Control::AdvanceClock(1)).await;
    assert_eq!(rung(), [0, 1, 0, 0, 1, 1, 1]);
    other.control(Control::ResetWorkspace).await;
    assert_eq!(rung(), [0, 1, 0, 0, 1, 1, 1]);
    world.control(Control::DropWorkspace).await;
    assert_eq!(rung(), [1, 0, 1, 1, 0, 1, 1]);
}

async fn members_come_and_go_one_by_one(world: World) {
    let ask = |caller, asked| world.done(caller, Verb::Conversation(asked));
    for _ in 0..2 {
        ask(ALPHA_MIA, ConversationCommand::Leave(PUBLIC)).await;
        ask(ALPHA_BOT, ConversationCommand::Leave(PUBLIC)).await;
        let home = world.home();
        let room = home.conversation(PUBLIC).expect("it is there");
        assert_eq!(room.members.keys().copied().collect::<Vec<_>>(), [ADA, IVO, GAMMA]);
        assert_eq!(room.former.keys().copied().collect::<Vec<_>>(), [ALPHA], "people are not told");
        assert!(home.rooms_after(MIA, ConversationId(0)).all(|room| room.id != PUBLIC));
        ask(ALPHA_MIA, ConversationCommand::Join(PUBLIC)).await;
        ask(ALPHA_BOT, ConversationCommand::Join(PUBLIC)).await;
        let home = world.home();
        let room = home.conversation(PUBLIC).expect("it is there");
        assert_eq!((room.members.len(), room.former.len()), (5, 0));
        assert!(home.rooms_after(MIA, ConversationId(0)).any(|room| room.id == PUBLIC));
    }
}

async fn the_clock_goes_forward(world: World) {
    let before = world.say("before").await;
    world.control(Control::AdvanceClock(3_600_000_000)).await;
    let after = world.say("after").await;
    assert!(before.key.ts < after.key.ts && world.clock.now().0 + 3_600_000_000 <= after.key.ts.0);
    assert_eq!(world.store.published().now(world.workspace), world.clock.now().plus(3_600_000_000));
    world.clock.advance(-5_000_000);
    let later = world.say("the machine's clock was set back").await;
    assert!(after.key.ts < later.key.ts);
}

async fn a_conversation_is_made_with_its_first_message(world: World) {
    let ids = NewDirect { slack_id: "D-new".into(), connector_id: "a:new".into() };
    let first = Post { target: Target::Person(ADA, ids), ..post(PUBLIC, "hello") };
    let posted = world.posted(ALPHA_BOT, first.clone()).await;
    let again = world.posted(ALPHA_BOT, first).await;
    assert_eq!(posted.key.conversation, again.key.conversation);
    assert_eq!(world.line(posted.key.conversation).await, [again.key.ts, posted.key.ts]);
    let home = world.home();
    let made = home.conversation_named("D-new").expect("it is named");
    assert_eq!((made.id, made.kind), (posted.key.conversation, ConversationKind::Direct));
    gapless(&world.events().await);
}

async fn a_reset_workspace_is_as_it_was_created(world: World) {
    let message = world.say("old").await;
    world.control(Control::AddUser(user(UserId(0), "zoe", None))).await;
    world.control(Control::AdvanceClock(1_000_000)).await;
    let Outcome::Workspace(fresh) = world.control(Control::ResetWorkspace).await else { panic!("not reset") };
    assert_ne!(fresh, world.workspace);
    let refused = world.why(ALPHA_BOT, Verb::Post(post(PUBLIC, "into the void"))).await;
    assert_eq!(refused, Why::Caller(CallerRefusal::Unknown));
    let world = World { workspace: fresh, ..world };
    let directory = directory(1).renumbered(fresh);
    assert_eq!(shape(&world.home()), shape(&directory));
    assert!(world.line(PUBLIC).await.is_empty());
    assert!(world.message_at(MessageKey { workspace: fresh, ..message.key }).await.is_none());
    let posted = world.say("new").await;
    assert_eq!((posted.content_at, world.events().await.len()), (2, 2));
    let Outcome::Workspace(again) = world.control(Control::ResetWorkspace).await else { panic!("not reset") };
    assert!(fresh < again, "a workspace's number is never used again");
}

async fn a_dropped_workspace_is_swept(world: World) {
    let root = world.say("root").await;
    world.reply(&root, ALPHA_MIA, "reply").await;
    world.done(MIA_HERSELF, react(&root, "eyes")).await;
    world.done(ALPHA_BOT, show(&root, MIA, "hers")).await;
    let shown = world.events().await.pop().expect("there are events").position;
    let whisper = world.posted(ALPHA_BOT, Post { only: Some(MIA), ..post(PUBLIC, "psst") }).await;
    world.settle(AppId(2), settlement(1, &[2, 3], &[])).await;
    world.attach(1, b"bytes").await;
    let away = world.beside(2).await;
    let kept = away.posted(AWAY_BOT, post(PUBLIC, "kept")).await;
    away.done(MIA_HERSELF, react(&kept, "eyes")).await;
    away.settle(AppId(2), settlement(1, &[2], &[])).await;
    away.attach(1, b"kept").await;
    world.control(Control::DropWorkspace).await;
    let refused = world.why(ALPHA_BOT, Verb::Post(post(PUBLIC, "into the void"))).await;
    assert_eq!(refused, Why::Caller(CallerRefusal::Unknown));
    assert!(world.store.published().directories().get(world.workspace).is_none());
    world.sweep().await;
    assert!(world.message(&root).await.is_none());
    assert!(world.line(PUBLIC).await.is_empty());
    assert!(world.thread(&root).await.is_empty());
    assert!(world.texts(root.key, u32::MAX, 10).await.is_empty());
    assert!(world.events().await.is_empty());
    assert!(world.reactions(&root).await.is_empty() && world.message(&whisper).await.is_none());
    assert_eq!((world.view(&root, MIA).await, world.content(shown).await), (None, None));
    assert!(world.targeted(PUBLIC, MIA, 10).await.is_empty());
    assert_eq!((world.heard(AppId(2)).await, world.deliveries(AppId(2), 0, 10).await), (0, vec![]));
    assert_eq!(world.blob(1).await, None);
    assert_eq!(away.line(PUBLIC).await, [kept.key.ts]);
    assert_eq!(away.reactions(&kept).await.len(), 1);
    assert_eq!((away.heard(AppId(2)).await, away.deliveries(AppId(2), 0, 10).await), (1, vec![2]));
    assert_eq!(away.blob(1).await.as_deref(), Some(&b"kept"[..]));
    let anew = world.beside(1).await;
    assert!(away.workspace < anew.workspace, "a workspace's number is never used again");
    anew.say("its names and tokens are free").await;
}

async fn workspaces_do_not_mix(world: World) {
    let away = world.beside(2).await;
    let (here, there) = (world.say("here").await, away.posted(AWAY_BOT, post(PUBLIC, "there")).await);
    assert_eq!((here.content_at, there.content_at), (2, 2), "each log has its own numbers");
    for (world, message, text) in [(&world, &here, "here"), (&away, &there, "there")] {
        assert_eq!(world.line(PUBLIC).await, [message.key.ts]);
        assert_eq!(world.message(message).await.expect("there").content.text, text);
        assert_eq!(world.events().await.len(), 2);
    }
    let refused = away.why(ALPHA_BOT, Verb::Post(post(PUBLIC, "with a token from elsewhere"))).await;
    assert_eq!(refused, Why::Caller(CallerRefusal::Unknown));
    let taken = Control::CreateWorkspace(Arc::new(directory(2)));
    assert!(world.answer(Caller::Control, Verb::Control(Box::new(taken))).await.is_err());
}

async fn what_is_over_is_swept(world: World) {
    let root = world.say("root").await;
    let whisper = Post { only: Some(MIA), reply_to: [Some(root.key.ts), None], ..post(PUBLIC, "psst") };
    let old = world.posted(ALPHA_BOT, whisper.clone()).await;
    world.clock.advance(EPHEMERAL_MICROS / 2);
    let young = world.posted(ALPHA_BOT, whisper).await;
    world.sweep().await;
    assert!(world.message(&old).await.is_some());
    world.clock.advance(EPHEMERAL_MICROS / 2 + 10);
    world.sweep().await;
    assert!(world.message(&old).await.is_none());
    assert!(world.texts(old.key, u32::MAX, 10).await.is_empty());
    assert_eq!(world.message(&young).await.expect("not over yet").content.text, "psst");
    assert_eq!(world.message(&root).await.expect("never over").content.text, "root");
    assert_eq!(world.events().await.len(), 4);
}

/// All its revisions go with it, and what hangs on it; and it lasts a day longer from each change on.
async fn a_changed_whisper_is_swept_later_and_whole(world: World) {
    let whisper = || Post { only: Some(MIA), ..post(PUBLIC, "one") };
    let (late, early) = (world.posted(GAMMA_BOT, whisper()).await, world.posted(GAMMA_BOT, whisper()).await);
    let meant = Some(Targeted { reader: Some(MIA) });
    let change = |message: &Message, text: &str| Update { targeted: meant, ..update(message, text) };
    for message in [&early, &late] {
        world.updated(GAMMA_BOT, change(message, "two")).await;
        world.done(MIA_HERSELF, react(message, "eyes")).await;
        world.done(GAMMA_BOT, show(message, MIA, "hers")).await;
    }
    let shown = world.events().await.pop().expect("there are events").position;
    world.clock.advance(EPHEMERAL_MICROS - 1000);
    world.updated(GAMMA_BOT, change(&late, "three")).await;
    world.clock.advance(2000);
    world.sweep().await;
    assert!(world.message(&early).await.is_none());
    assert!(
        world.texts(early.key, u32::MAX, 10).await.is_empty() && world.reactions(&early).await.is_empty()
    );
    assert_eq!(world.content(early.content_at).await, None);
    assert_eq!(world.view(&early, MIA).await, None);
    assert_eq!(world.texts(late.key, u32::MAX, 10).await, ["three", "two", "one"]);
    assert_eq!(world.reactions(&late).await.len(), 1);
    assert_eq!(world.view(&late, MIA).await, Some((2, "hers".into())));
    assert_eq!(world.targeted(PUBLIC, MIA, 10).await, ["three"]);
    world.clock.advance(EPHEMERAL_MICROS - 3000);
    world.sweep().await;
    assert!(world.message(&late).await.is_some());
    world.clock.advance(2000);
    world.sweep().await;
    assert!(world.message(&late).await.is_none() && world.targeted(PUBLIC, MIA, 10).await.is_empty());
    for event in world.events().await {
        assert_eq!(world.content(event.position).await, None, "{event:?}");
    }
    assert_eq!((world.view(&late, MIA).await, world.content(shown).await), (None, None));
    assert!(world.reactions(&late).await.is_empty());
}

async fn it_is_known_how_far_an_app_was_told(world: World) {
    let away = world.beside(2).await;
    let app = AppId(2);
    assert_eq!((world.heard(app).await, world.deliveries(app, 0, 10).await), (0, vec![]));
    world.settle(app, settlement(9, &[5, 3, 8], &[])).await;
    world.settle(AppId(1), settlement(2, &[1], &[])).await;
    away.settle(app, settlement(4, &[4], &[])).await;
    for (after, limit, expected) in [
        (0, 10, &[3, 5, 8][..]),
        (0, 2, &[3, 5]),
        (2, 1, &[3]),
        (3, 10, &[5, 8]),
        (8, 10, &[]),
        (u64::MAX, 10, &[]),
        (0, 0, &[]),
    ] {
        assert_eq!(world.deliveries(app, after, limit).await, expected, "after {after}, at most {limit}");
    }
    assert_eq!(world.heard(app).await, 9);
    assert_eq!((world.heard(AppId(1)).await, world.deliveries(AppId(1), 0, 10).await), (2, vec![1]));
    assert_eq!((away.heard(app).await, away.deliveries(app, 0, 10).await), (4, vec![4]));

    let given_up = Delivery {
        position: 5,
        part: 0,
        conversation: None,
        attempts: 9,
        due_at: None,
        cause: None,
        reason: "refused \u{1F600}".into(),
    };
    let again =
        Settlement { heard: 12, put: vec![given_up.clone(), delivery(11)], removed: vec![(3, 0), (7, 0)] };
    world.settle(app, again).await;
    let found = world.store.deliveries(world.workspace, app, (0, 0), 10).await.expect("readable");
    assert_eq!(found, [given_up, delivery(8), delivery(11)]);
    assert_eq!(world.heard(app).await, 12);
    assert_eq!(away.deliveries(app, 0, 10).await, [4]);
    // The parts of an event are deliveries of their own.
    let part = |part| Delivery { part, cause: Some(Cause::Other), ..delivery(8) };
    world.settle(app, Settlement { put: vec![part(2), part(1)], ..settlement(12, &[], &[]) }).await;
    let found = world.store.deliveries(world.workspace, app, (8, 0), 2).await.expect("readable");
    assert_eq!(found, [part(1), part(2)]);
    world.settle(app, Settlement { removed: vec![(8, 0), (8, 2)], ..settlement(12, &[], &[]) }).await;
    let found = world.store.deliveries(world.workspace, app, (7, u8::MAX), 2).await.expect("readable");
    assert_eq!(found, [part(1), delivery(11)]);
    world.settle(app, Settlement { removed: vec![(8, 1)], ..settlement(12, &[8], &[]) }).await;
    let many: Vec<u64> = (100..=100 + READ_ROWS_MAX as u64).collect();
    world.settle(app, settlement(1 << 40, &many, &[5, 8, 11])).await;
    assert_eq!(world.heard(app).await, 1 << 40);
    assert_eq!(world.deliveries(app, 0, usize::MAX).await, many[..READ_ROWS_MAX]);
}

async fn bytes_belong_to_what_names_them(world: World) {
    let away = world.beside(2).await;
    assert_eq!(world.blob(1).await, None);
    let long = vec![7; 1 << 20];
    world.attach(1, &long).await;
    world.attach(2, b"").await;
    world.attach(3, b"never named").await;
    away.attach(1, b"away").await;
    world.attach(1, &long).await;
    assert_eq!(world.blob(1).await, Some(long));
    assert_eq!(world.blob(2).await, Some(vec![]));
    assert_eq!((away.blob(1).await, away.blob(2).await), (Some(b"away".to_vec()), None));

    let naming = |numbers: &[u8]| {
        let files = numbers.iter().map(|n| attachment_id(*n)).collect::<Vec<_>>().join(" ");
        let content = Content { files: Some(files.into()), ..Content::text(Dialect::Connector, "a picture") };
        Post { content: Arc::new(content), ..post(PUBLIC, "") }
    };
    let both = world.posted(GAMMA_BOT, naming(&[1, 2])).await;
    let one = world.posted(GAMMA_BOT, naming(&[1])).await;
    let left = |world: &World| {
        let (store, workspace) = (Arc::clone(&world.store), world.workspace);
        async move {
            let mut left = Vec::new();
            for n in 1..=3 {
                let found = store.blob(workspace, [n; 32]).await.expect("readable");
                left.extend(found.map(|_| n));
            }
            left
        }
    };
    for (act, expected) in [(None, vec![1, 2]), (Some(&both), vec![1]), (Some(&one), vec![])] {
        if let Some(message) = act {
            world.deleted(GAMMA_BOT, message).await;
        }
        world.clock.advance(UNNAMED_ATTACHMENT_MICROS - 1);
        world.sweep().await;
        assert!(act.is_none() || expected.len() < left(&world).await.len(), "too early");
        world.clock.advance(1);
        world.sweep().await;
        assert_eq!(left(&world).await, expected);
    }
}

/// Whoever tells apps may be late.
async fn nothing_is_noted_of_a_dropped_workspace(world: World) {
    world.control(Control::DropWorkspace).await;
    world.sweep().await;
    world.settle(AppId(2), settlement(1, &[2], &[])).await;
    assert_eq!((world.heard(AppId(2)).await, world.deliveries(AppId(2), 0, 10).await), (0, vec![]));
}

async fn a_value_is_kept_once(world: World) {
    assert_eq!(world.store.kept("key").await, Ok(None));
    assert_eq!(world.store.keep("key", vec![1, 2]).await, Ok(vec![1, 2]));
    assert_eq!(world.store.keep("key", vec![3]).await, Ok(vec![1, 2]));
    assert_eq!(world.store.keep("other", vec![]).await, Ok(vec![]));
    assert_eq!(world.store.kept("key").await, Ok(Some(vec![1, 2])));
    assert_eq!(world.store.kept("other").await, Ok(Some(vec![])));
}

async fn a_value_is_replaced(world: World) {
    assert_eq!(world.store.replace("key", vec![1, 2]).await, Ok(()));
    assert_eq!(world.store.keep("other", vec![3]).await, Ok(vec![3]));
    assert_eq!(world.store.replace("key", vec![4]).await, Ok(()));
    assert_eq!(world.store.kept("key").await, Ok(Some(vec![4])));
    assert_eq!(world.store.keep("key", vec![5]).await, Ok(vec![4]));
    assert_eq!(world.store.kept("other").await, Ok(Some(vec![3])));
}

/// A clock that goes only when it is told to.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(START.0)))
    }
}

impl HandClock {
    /// The clock as stores take it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }

    /// Moves it to a time.
    pub fn set(&self, now: Micros) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Moves it on.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A store with one workspace in it.
#[derive(Clone)]
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: HandClock,
    /// The workspace.
    pub workspace: WorkspaceId,
}

/// The bot of [`ALPHA_BOT`] in the workspace `directory(2)`.
const AWAY_BOT: Caller = Caller::Token(hash(2, 1));

impl World {
    async fn new(make: &impl Fn(Clock) -> Arc<dyn Store>) -> Self {
        let clock = HandClock::default();
        Self::over(make(clock.clock()), clock).await
    }

    /// Makes the workspace `directory(1)` in a store.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn over(store: Arc<dyn Store>, clock: HandClock) -> Self {
        Self { store, clock, workspace: WorkspaceId(0) }.beside(1).await
    }

    /// Another workspace in the same store.
    /// Another workspace in the same store, the `n`-th of its kind.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn beside(&self, n: u8) -> Self {
        let made = self.control(Control::CreateWorkspace(Arc::new(directory(n)))).await;
        let Outcome::Workspace(workspace) = made else { panic!("no workspace was made") };
        Self { workspace, ..self.clone() }
    }

    /// A command in this workspace.
    #[must_use]
    pub fn command(&self, caller: Caller, verb: Verb) -> Command {
        Command { workspace: self.workspace, caller, idempotency: None, verb, source: None }
    }

    /// The answer to a command.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn submit(&self, command: Command) -> Answer {
        self.store.submit(command).await.expect("the store works")
    }

    /// The answers to commands that were all asked for before the first was answered.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn at_once(&self, commands: impl Iterator<Item = Command>) -> Vec<Answer> {
        let waiting: Vec<_> = commands.map(|command| self.store.submit(command)).collect();
        let mut answers = Vec::new();
        for answer in waiting {
            answers.push(answer.await.expect("the store works"));
        }
        answers
    }

    async fn answer(&self, caller: Caller, verb: Verb) -> Answer {
        self.submit(self.command(caller, verb)).await
    }

    async fn done(&self, caller: Caller, verb: Verb) -> Outcome {
        self.answer(caller, verb).await.expect("the command is accepted")
    }

    async fn why(&self, caller: Caller, verb: Verb) -> Why {
        self.answer(caller, verb).await.expect_err("the command is refused").why
    }

    /// An act of control that is accepted.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn control(&self, control: Control) -> Outcome {
        self.done(Caller::Control, Verb::Control(Box::new(control))).await
    }

    async fn posted(&self, caller: Caller, post: Post) -> Arc<Message> {
        let Outcome::Posted(posted) = self.done(caller, Verb::Post(post)).await else { panic!("not posted") };
        posted.message
    }

    /// The bot says something in the public channel.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn say(&self, text: &str) -> Arc<Message> {
        self.posted(ALPHA_BOT, post(PUBLIC, text)).await
    }

    async fn reply(&self, root: &Message, caller: Caller, text: &str) -> Arc<Message> {
        let reply_to = [Some(root.key.ts), None];
        self.posted(caller, Post { reply_to, ..post(root.key.conversation, text) }).await
    }

    async fn updated(&self, caller: Caller, update: Update) -> Posted {
        let done = self.done(caller, Verb::Update(update)).await;
        let Outcome::Updated(posted) = done else { panic!("not updated") };
        posted
    }

    async fn deleted(&self, caller: Caller, message: &Message) {
        self.done(caller, Verb::Delete(delete(message))).await;
    }

    /// Sweeps until nothing is left to do.
    ///
    /// # Panics
    /// When the store fails or never comes to an end.
    pub async fn sweep(&self) {
        for _ in 0..10_000 {
            if !self.store.sweep(Sweep::Routine).await.expect("the store works").more {
                return;
            }
        }
        panic!("sweeping comes to an end");
    }

    fn home(&self) -> Arc<Directory> {
        Arc::clone(self.store.published().directories().get(self.workspace).expect("the workspace is there"))
    }

    async fn message(&self, message: &Message) -> Option<Stored> {
        self.message_at(message.key).await
    }

    async fn message_at(&self, key: MessageKey) -> Option<Stored> {
        self.store.message(key).await.expect("readable")
    }

    async fn window(&self, conversation: ConversationId, window: Window, limit: usize) -> Vec<Stored> {
        self.store.channel_line(self.workspace, conversation, window, limit).await.expect("readable").rows
    }

    async fn line(&self, conversation: ConversationId) -> Vec<Ts> {
        tss(&self.window(conversation, Window::ALL, READ_ROWS_MAX).await)
    }

    async fn thread(&self, root: &Message) -> Vec<Ts> {
        tss(&self.store.thread_line(root.key, Window::ALL, READ_ROWS_MAX).await.expect("readable"))
    }

    async fn texts(&self, key: MessageKey, below: u32, limit: usize) -> Vec<String> {
        let revisions = self.store.revisions(key, below, limit).await.expect("readable");
        revisions
            .iter()
            .map(|(_, content)| content.as_ref().map_or(String::new(), |it| it.text.clone()))
            .collect()
    }

    /// The texts of what only this user sees.
    async fn targeted(&self, conversation: ConversationId, reader: UserId, limit: usize) -> Vec<String> {
        let found = self.store.targeted(self.workspace, conversation, reader, limit).await.expect("readable");
        assert!(found.iter().all(|found| found.root.is_none()));
        assert!(found.is_sorted_by_key(|found| found.message.key.ts), "oldest first");
        found.iter().map(|found| found.content.text.clone()).collect()
    }

    async fn content(&self, position: u64) -> Option<String> {
        let found = self.store.content(self.workspace, position).await.expect("readable");
        found.map(|content| content.text.clone())
    }

    async fn reacted(&self, user: UserId, before: Ts, limit: usize) -> Vec<(MessageKey, Reaction)> {
        self.store.reacted(self.workspace, user, before, limit).await.expect("readable")
    }

    async fn reactions(&self, message: &Message) -> Vec<(String, UserId)> {
        let found = self.store.reactions(message.key).await.expect("readable");
        assert!(found.is_sorted_by_key(|reaction| reaction.since));
        found.iter().map(|reaction| (reaction.name.to_string(), reaction.user)).collect()
    }

    /// The revision and the text of one person's own view.
    async fn view(&self, message: &Message, user: UserId) -> Option<(u32, String)> {
        let found = self.store.view(message.key, user).await.expect("readable");
        found.map(|(view, content)| (view.revision.get(), content.text.clone()))
    }

    /// Writes down how far an app was told.
    ///
    /// # Panics
    /// When the store fails.
    pub async fn settle(&self, app: AppId, settlement: Settlement) {
        self.store.settle(self.workspace, app, settlement).await.expect("the store works");
    }

    async fn heard(&self, app: AppId) -> u64 {
        self.store.heard(self.workspace, app).await.expect("readable")
    }

    /// The positions of an app's deliveries.
    async fn deliveries(&self, app: AppId, after: u64, limit: usize) -> Vec<u64> {
        let after = (after, u8::MAX);
        let found = self.store.deliveries(self.workspace, app, after, limit).await.expect("readable");
        found.iter().map(|delivery| delivery.position).collect()
    }

    /// Hands in an attachment with this number, in #public.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn attach(&self, n: u8, bytes: &[u8]) {
        self.done(GAMMA_BOT, attach(n, bytes)).await;
    }

    async fn blob(&self, n: u8) -> Option<Vec<u8>> {
        self.store.blob(self.workspace, [n; 32]).await.expect("readable")
    }

    async fn events(&self) -> Vec<Event> {
        events(&*self.store, self.workspace).await
    }
}

fn tss(line: &[Stored]) -> Vec<Ts> {
    line.iter().map(|found| found.message.key.ts).collect()
}

/// The whole log of a workspace.
///
/// # Panics
/// When it cannot be read.
pub async fn events(store: &dyn Store, workspace: WorkspaceId) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.position);
        let page = store.events(workspace, after, READ_ROWS_MAX).await.expect("readable");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn gapless(events: &[Event]) {
    assert!(events.iter().map(|event| event.position).eq(1..=events.len() as u64), "positions have no gaps");
    assert!(events.is_sorted_by(|one, next| one.ts < next.ts), "no time is used twice");
}

/// Everything that can be read of the living workspaces of a store, a line for each thing, to compare two stores.
///
/// # Panics
/// When something cannot be read.
pub async fn picture(store: &dyn Store) -> Vec<String> {
    let (next, directories) = {
        let all = store.published().directories();
        (all.next_workspace, all.all().cloned().collect::<Vec<_>>())
    };
    let mut lines = vec![format!("next {next:?}")];
    for directory in directories {
        lines.extend(shape(&directory));
        let id = directory.workspace.id;
        let usage = store.usage(id).await.expect("readable");
        lines.push(format!("{:?} {usage:?}", directory.quotas));
        for app in directory.apps() {
            let heard = store.heard(id, app.id).await.expect("readable");
            let deliveries = store.deliveries(id, app.id, (0, 0), READ_ROWS_MAX).await.expect("readable");
            lines.push(format!("{:?} heard {heard} {deliveries:?}", app.id));
        }
        let users: Vec<UserId> = directory.users_after(UserId(0)).map(|user| user.id).collect();
        for conversation in directory.conversations_after(ConversationId(0)) {
            for user in &users {
                let told = store.targeted(id, conversation.id, *user, READ_ROWS_MAX).await.expect("readable");
                lines.extend(told.iter().map(|found| format!("{user:?} {found:?}")));
            }
            let line = store.channel_line(id, conversation.id, Window::ALL, READ_ROWS_MAX).await;
            lines.extend(
                line.expect("readable").iter().map(|found| format!("{:?} {found:?}", conversation.id)),
            );
        }
        lines.extend(items::items(store, id).await.iter().map(|item| format!("{item:?}")));
        for event in events(store, id).await {
            let content = store.content(id, event.position).await.expect("readable");
            lines.push(format!("{event:?} {content:?}"));
            if let EventKind::MessagePosted { conversation, .. }
            | EventKind::StreamStarted { conversation, .. } = event.kind
            {
                let key = MessageKey { workspace: id, conversation, ts: event.ts };
                lines.extend(history(store, key, &users).await);
            }
        }
    }
    lines
}

/// All that can be read of one message that was ever posted.
async fn history(store: &dyn Store, key: MessageKey, users: &[UserId]) -> Vec<String> {
    let message = store.message(key).await.expect("readable");
    let gone = store.gone(key).await.expect("readable");
    let revisions = store.revisions(key, u32::MAX, READ_ROWS_MAX).await.expect("readable");
    let thread = store.thread_line(key, Window::ALL, READ_ROWS_MAX).await.expect("readable");
    let mut lines = vec![format!("message {message:?}"), format!("gone {gone:?}")];
    lines.extend(revisions.iter().map(|revised| format!("revision {revised:?}")));
    lines.extend(thread.iter().map(|reply| format!("reply {reply:?}")));
    let reactions = store.reactions(key).await.expect("readable");
    lines.extend(reactions.iter().map(|reaction| format!("{reaction:?}")));
    for user in users {
        let view = store.view(key, *user).await.expect("readable");
        lines.extend(view.iter().map(|view| format!("{user:?} {view:?}")));
    }
    lines
}

fn shape(directory: &Directory) -> Vec<String> {
    let mut lines = vec![format!("{:?}", directory.workspace)];
    for user in directory.users_after(UserId(0)) {
        lines.push(format!("{user:?} {:?}", directory.named(&user.slack_id)));
    }
    for app in directory.apps() {
        lines.push(format!("{app:?} {:?}", directory.named(&app.bot_id)));
    }
    for conversation in directory.conversations_after(ConversationId(0)) {
        let members: Vec<UserId> = conversation.members.keys().copied().collect();
        let direct = directory.direct(&members).map(|found| found.id);
        lines.push(format!("{conversation:?} {:?} {direct:?}", directory.named(&conversation.connector_id)));
    }
    lines.extend(directory.tokens().map(|token| format!("{token:?}")));
    lines
}

/// The same command under a key, with this digest of what was asked.
#[must_use]
pub fn with_key(command: Command, key: &str, digest: u8) -> Command {
    Command { idempotency: Some(Idempotency { key: key.into(), digest: [digest; 32] }), ..command }
}

/// A plain post.
#[must_use]
pub fn post(conversation: ConversationId, text: &str) -> Post {
    Post {
        target: Target::Conversation(conversation),
        content: Arc::new(Content::text(Dialect::Slack, text)),
        fault: None,
        kind: Kind::Plain,
        reply_to: [None, None],
        broadcast: false,
        only: None,
        unjoined: false,
    }
}

/// A plain update.
#[must_use]
pub fn update(message: &Message, text: &str) -> Update {
    Update {
        conversation: message.key.conversation,
        ts: message.key.ts,
        patch: Patch { text: Change::Set(text.into()), given: true, ..Patch::keep_all(Dialect::Slack) },
        fault: None,
        broadcast: false,
        targeted: None,
        if_revision: None,
    }
}

/// A plain deletion.
#[must_use]
pub fn delete(message: &Message) -> Delete {
    let MessageKey { conversation, ts, .. } = message.key;
    Delete { conversation, ts, only_broadcast: false, targeted: None, if_revision: None }
}

/// An attachment with this number, handed in to #public.
#[must_use]
pub fn attach(n: u8, bytes: &[u8]) -> Verb {
    let original = Bytes { blob: [n; 32], bytes: bytes.into() };
    Verb::Attach(Box::new(Attach {
        conversation: PUBLIC,
        id: attachment_id(n),
        name: None,
        kind: "image/png".into(),
        original,
        thumbnail: None,
    }))
}

fn attachment_id(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

/// Plain text.
#[must_use]
pub fn text(text: &str) -> Arc<Content> {
    Arc::new(Content::text(Dialect::Slack, text))
}

/// A step of a stream in the direct message.
#[must_use]
pub fn stream(step: Step) -> Verb {
    Verb::Stream(Stream { conversation: DIRECT, fault: None, step })
}

/// An act on a message.
#[must_use]
pub fn interaction(message: &Message, act: Act) -> Verb {
    let MessageKey { conversation, ts, .. } = message.key;
    Verb::Interaction(Interaction { conversation, ts, act })
}

fn react(message: &Message, name: &str) -> Verb {
    interaction(message, Act::React(name.into()))
}

fn unreact(message: &Message, name: &str) -> Verb {
    interaction(message, Act::Unreact(name.into()))
}

fn show(message: &Message, user: UserId, words: &str) -> Verb {
    interaction(message, Act::Show(user, text(words)))
}

/// A delivery that is to be tried again.
#[must_use]
pub fn delivery(position: u64) -> Delivery {
    let due_at = Some(START.plus(i64::try_from(position).unwrap_or(i64::MAX)));
    let conversation = Some(PUBLIC);
    let reason = format!("attempt at {position}");
    Delivery { position, part: 0, conversation, attempts: 1, due_at, cause: Some(Cause::TimedOut), reason }
}

/// How far an app was told, with deliveries that are new and over.
#[must_use]
pub fn settlement(heard: u64, put: &[u64], removed: &[u64]) -> Settlement {
    Settlement {
        heard,
        put: put.iter().map(|position| delivery(*position)).collect(),
        removed: removed.iter().map(|position| (*position, 0)).collect(),
    }
}

/// A workspace with three people, two bots and four conversations; `n` keeps its names apart from another one's.
#[must_use]
pub fn directory(n: u8) -> Directory {
    let mut directory = Directory::new(Workspace {
        id: WorkspaceId(0),
        team_id: format!("T{n}"),
        tenant_id: format!("tenant-{n}"),
        name: format!("Workspace {n}"),
        domain: format!("domain-{n}"),
        created_at: START,
        settings: Settings::default(),
        clock_offset_micros: 0,
    });
    for (id, name) in [(ADA, "ada"), (IVO, "ivo"), (MIA, "mia")] {
        directory.put_user(user(id, name, None));
    }
    directory.put_user(user(ALPHA, "alpha", Some(AppId(1))));
    directory.put_user(user(GAMMA, "gamma", Some(AppId(2))));
    directory.put_app(app(n, AppId(1), Dialect::Slack, ALPHA));
    directory.put_app(app(n, AppId(2), Dialect::Connector, GAMMA));
    for (number, user, kind) in
        [(1, ALPHA, TokenKind::Bot), (2, MIA, TokenKind::User), (3, ADA, TokenKind::User)]
    {
        directory.put_token(token(hash(n, number), user, kind));
    }
    let everyone = [ADA, IVO, MIA, ALPHA, GAMMA];
    for (id, kind, name, members) in [
        (GENERAL, ConversationKind::Public, "general", &everyone[..]),
        (PUBLIC, ConversationKind::Public, "public", &everyone),
        (PRIVATE, ConversationKind::Private, "private", &[MIA, ALPHA, GAMMA]),
        (DIRECT, ConversationKind::Direct, "", &[MIA, ALPHA]),
    ] {
        directory.put_conversation(conversation(id, kind, name, members));
    }
    directory
}

/// A person, or the bot of an app.
#[must_use]
pub fn user(id: UserId, name: &str, bot_of: Option<AppId>) -> User {
    User {
        id,
        slack_id: format!("U-{name}"),
        member_id: format!("29:{name}"),
        directory_id: format!("directory-{name}"),
        name: name.into(),
        real_name: name.to_uppercase(),
        email: bot_of.is_none().then(|| format!("{name}@example.com")),
        admin: id == ADA,
        bot_of,
        away: false,
        deactivated: false,
        updated_at: START,
    }
}

/// An app that Ivo installed in the `n`-th workspace.
#[must_use]
pub fn app(n: u8, id: AppId, dialect: Dialect, bot_user: UserId) -> App {
    App {
        id,
        dialect,
        slack_id: format!("A-{}", id.0),
        bot_id: format!("B-{}", id.0),
        app_id: format!("app-{n}-{}", id.0),
        name: format!("app {}", id.0),
        bot_user,
        installed_by: Some(IVO),
        signing_secret: Some("secret".into()),
        password_hash: Some([7; 32]),
        uninstalled: false,
        endpoint: None,
        hears_from: 0,
        reads_all: false,
        expects_replies: false,
        issuer: None,
        anonymous: false,
        slack: (dialect == Dialect::Slack).then(Box::default),
        updated_at: START,
        old_secrets: Vec::new(),
    }
}

/// A token of the Slack app.
#[must_use]
pub fn token(hash: TokenHash, user: UserId, kind: TokenKind) -> Token {
    Token {
        hash,
        hint: format!("…{}", hash.0[0]),
        app: AppId(1),
        user,
        kind,
        scopes: vec!["chat:write".into()],
        revoked: false,
        expires_at: None,
    }
}

/// A conversation with these members.
#[must_use]
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
        general: id == GENERAL,
        archived: false,
        members: members.iter().map(|user| (*user, START)).collect(),
        former: SharedSet::new(),
        previous_names: Vec::new(),
        pins: Vec::new(),
        closed: BTreeSet::new(),
        updated_at: START,
    }
}
