//! Answers through secret addresses: what each does, what it costs, and to whom such an address is worth nothing.

use std::sync::Arc;

use redraft_model::command::{Post, ReplyTo, Verb};
use redraft_model::control::Control;
use redraft_model::directory::DirectoryChange;
use redraft_model::event::EventKind;
use redraft_model::id::WorkspaceId;
use redraft_model::item::{Grant, Item, ItemKey, Origin, ResponseUrl};
use redraft_model::limits::{RESPONSE_URL_MICROS, RESPONSE_URL_USES_MAX};
use redraft_model::message::{Audience, State};
use redraft_model::respond::{Credential, Respond};
use redraft_model::time::Ts;
use redraft_model::workspace::{App, SlackApp, Webhook};

use crate::world::*;

const SECRET: [u8; 32] = [7; 32];
const HOOK: [u8; 32] = [8; 32];

const ORIGINS: [Origin; 5] =
    [Origin::Action, Origin::Legacy, Origin::Command, Origin::MessageShortcut, Origin::Submission];

/// Beta is not in the public channel. Mia acted there.
fn grant(origin: Origin, original: Option<Ts>) -> ResponseUrl {
    let made_at = START;
    let (app, user, conversation) = (BETA_APP, MIA, PUBLIC);
    ResponseUrl { app, user, conversation, origin, original, made_at, uses: 0, last_used_at: None }
}

fn put(world: &mut World, grant: ResponseUrl) {
    let item = Item::Grant(Grant::ResponseUrl(grant));
    world.items.insert((HOME, ItemKey::Grant(SECRET)), item);
}

fn uses(world: &World) -> u32 {
    match &world.items[&(HOME, ItemKey::Grant(SECRET))] {
        Item::Grant(Grant::ResponseUrl(grant)) => grant.uses,
        other => panic!("{other:?}"),
    }
}

fn says(words: &str) -> Respond {
    Respond {
        credential: Credential::ResponseUrl(SECRET),
        content: text(words),
        fault: None,
        to_everyone: None,
        replaces: None,
        deletes: false,
        thread: None,
    }
}

fn respond(world: &mut World, asked: Respond) -> String {
    world.tell(CONTROL, Verb::Respond(Box::new(asked)))
}

/// A message of beta's with a grant to answer what Mia did with it.
fn stage(origin: Origin, only: bool) -> (World, Ts) {
    let mut world = World::new();
    let post = Post { unjoined: true, only: only.then_some(MIA), ..post(PUBLIC) };
    let original = world.post(BETA_BOT, post).key.ts;
    put(&mut world, grant(origin, Some(original)));
    (world, original)
}

/// What came of an answer, in short.
fn effect(world: &World, original: Ts, before: usize) -> String {
    let log = &world.logs[&HOME][before..];
    let name = |event: &redraft_model::event::Event| match &event.kind {
        EventKind::MessagePosted { root, only, .. } => {
            let place = if root.is_some() { " in thread" } else { "" };
            format!("new{place}{}", if only.is_some() { " for one" } else { "" })
        }
        EventKind::MessageUpdated { message, .. } if *message == original => "replaced".into(),
        EventKind::TargetedUpdated { message, .. } if *message == original => "replaced for one".into(),
        EventKind::MessageDeleted { message, .. } | EventKind::TargetedDeleted { message, .. }
            if *message == original =>
        {
            "deleted".into()
        }
        other => panic!("{other:?}"),
    };
    log.iter().map(name).collect::<Vec<String>>().join(", ")
}

/// Each origin with a public and an ephemeral original × what is asked.
#[test]
fn what_each_answer_does() {
    let asks: [(&str, Respond); 10] = [
        ("default", says("x")),
        ("ephemeral", Respond { to_everyone: Some(false), ..says("x") }),
        ("in_channel", Respond { to_everyone: Some(true), ..says("x") }),
        ("replace", Respond { replaces: Some(true), ..says("x") }),
        ("replace in_channel", Respond { replaces: Some(true), to_everyone: Some(true), ..says("x") }),
        ("new", Respond { replaces: Some(false), ..says("x") }),
        ("new in_channel", Respond { replaces: Some(false), to_everyone: Some(true), ..says("x") }),
        ("delete", Respond { deletes: true, ..says("") }),
        ("delete and new", Respond { deletes: true, ..says("x") }),
        ("in thread", Respond { replaces: Some(false), to_everyone: Some(true), ..says("x") }),
    ];
    let (one, gone) = ("new for one", "Respond(OriginalNotFound)");
    let no_original = [one, one, "new", one, "new", one, "new", gone, one, "new in thread"];
    for origin in ORIGINS {
        for only in [false, true] {
            let expected = match (origin, only) {
                (Origin::Action, false) => {
                    let [replaced, both] = ["replaced", "deleted, new for one"];
                    [one, one, replaced, replaced, replaced, one, "new", "deleted", both, "new in thread"]
                }
                (Origin::Action, true) => {
                    let [replaced, both] = ["replaced for one", "deleted, new for one"];
                    [one, one, "new", replaced, replaced, one, "new", "deleted", both, "new in thread"]
                }
                (Origin::Legacy, only) => {
                    let replaced = if only { "replaced for one" } else { "replaced" };
                    let [deleted, both] = ["deleted", "deleted, new"];
                    let new = ["new", "new"];
                    [
                        replaced,
                        replaced,
                        replaced,
                        replaced,
                        replaced,
                        new[0],
                        new[1],
                        deleted,
                        both,
                        "new in thread",
                    ]
                }
                _ => no_original,
            };
            for ((name, asked), expected) in asks.iter().zip(expected) {
                let (mut world, original) = stage(origin, only);
                let root = world.say(ALPHA_BOT, PUBLIC);
                let thread = (*name == "in thread").then_some(root);
                let before = world.logs[&HOME].len();
                let told = respond(&mut world, Respond { thread, ..asked.clone() });
                let effect = if told == "done" { effect(&world, original, before) } else { told };
                assert_eq!(effect, expected, "{origin:?} only {only}: {name}");
                assert_eq!(uses(&world), u32::from(!effect.starts_with("Respond")), "{name}");
                let was_for = if only { Audience::Only(MIA) } else { Audience::Everyone };
                if let Some(message) = world.message(PUBLIC, original) {
                    assert_eq!(message.audience, was_for, "visibility never changes");
                }
            }
        }
    }
}

/// The app's bot is the author, wherever the app is; a replacement is a whole new content and an edit.
#[test]
fn who_writes_and_what_is_left_of_the_original() {
    let (mut world, original) = stage(Origin::Action, false);
    assert_eq!(respond(&mut world, Respond { replaces: Some(true), ..says("whole") }), "done");
    let message = world.message(PUBLIC, original).unwrap();
    let State::Live { revision, edited: Some(edited) } = message.state else { panic!("{message:?}") };
    assert_eq!((revision.get(), edited.by, message.author), (2, BETA, BETA));
    assert_eq!(*world.content_of(PUBLIC, original), *text("whole"));
    assert_eq!(respond(&mut world, says("for Mia")), "done");
    let new = world.messages.values().last().unwrap();
    assert_eq!((new.author, new.app, new.as_app), (BETA, Some(BETA_APP), true));
    assert_eq!(new.audience, Audience::Only(MIA));
    let log = world.logs[&HOME].last().unwrap();
    assert_eq!((log.by, log.app), (Some(BETA), Some(BETA_APP)));
}

/// Five accepted answers, the sixth is refused; what is refused counts as none.
#[test]
fn the_sixth_use() {
    let (mut world, _) = stage(Origin::Action, false);
    for used in 0..RESPONSE_URL_USES_MAX {
        assert_eq!(respond(&mut world, says("")), "Respond(NoContent)");
        assert_eq!(uses(&world), used);
        world.now = world.now.plus(SECOND);
        assert_eq!(respond(&mut world, says("x")), "done");
    }
    let last = format!("Respond(Used({:?}))", world.now);
    world.now = world.now.plus(SECOND);
    assert_eq!(respond(&mut world, says("x")), last);
    assert_eq!(uses(&world), RESPONSE_URL_USES_MAX);
}

#[test]
fn the_31st_minute() {
    let (mut world, _) = stage(Origin::Action, false);
    world.now = START.plus(RESPONSE_URL_MICROS - 1);
    assert_eq!(respond(&mut world, says("x")), "done");
    world.now = START.plus(RESPONSE_URL_MICROS);
    assert_eq!(respond(&mut world, says("x")), format!("Respond(Expired({START:?}))"));
}

/// Each row repairs one fault of the row above.
#[test]
fn refusals_in_order_of_precedence() {
    let gone = |asked: Respond| Respond { deletes: true, ..asked };
    let faulty = Respond { fault: fault(), ..says("x") };
    type Change = fn(&mut World, &mut ResponseUrl);
    let used: Change = |_, it| (it.uses, it.last_used_at) = (5, Some(START));
    let expired: Change = |world, it| {
        world.now = START.plus(HOUR);
        it.uses = 5;
    };
    let nowhere: Change = |_, it| it.conversation = NOWHERE;
    let archived: Change = |_, it| it.conversation = ARCHIVED;
    let by_olga: Change = |_, it| it.user = OLGA;
    let by_sam: Change = |_, it| it.user = SAM;
    let nothing: Change = |_, _| {};
    for (secret, change, asked, expect) in [
        ([9; 32], expired, gone(says("")), "Unknown".to_owned()),
        (SECRET, expired, gone(says("")), format!("Expired({START:?})")),
        (SECRET, used, gone(says("")), format!("Used({START:?})")),
        (SECRET, nowhere, gone(says("")), "ConversationNotFound".into()),
        (SECRET, archived, gone(says("")), "Archived".into()),
        (SECRET, by_olga, gone(faulty.clone()), "OriginalNotFound".into()),
        (SECRET, by_olga, faulty.clone(), "ReaderGone".into()),
        (SECRET, by_sam, faulty.clone(), "ReaderGone".into()),
        (SECRET, nothing, says(""), "NoContent".into()),
        (SECRET, nothing, faulty.clone(), format!("Content({:?})", fault().unwrap())),
    ] {
        let mut world = World::new();
        let mut grant = grant(Origin::Action, Some(NEVER));
        change(&mut world, &mut grant);
        put(&mut world, grant);
        let asked = Respond { credential: Credential::ResponseUrl(secret), ..asked };
        assert_eq!(respond(&mut world, asked), format!("Respond({expect})"));
    }
}

/// What is deleted, a tombstone, an ephemeral message past its time or another app's is no original; what streams in is
/// not replaced.
#[test]
fn originals_that_are_none() {
    let with = |original: Option<Ts>, world: &mut World, grant_of: fn(&mut ResponseUrl)| {
        let mut grant = grant(Origin::Legacy, original);
        grant_of(&mut grant);
        put(world, grant);
        respond(world, Respond { deletes: true, ..says("") })
    };
    let same = |_: &mut ResponseUrl| {};
    let alphas = |grant: &mut ResponseUrl| grant.app = ALPHA_APP;
    let (mut world, original) = stage(Origin::Legacy, false);
    let (tombstone, _) = world.tombstone(ALPHA_BOT, PUBLIC);
    assert_eq!(with(None, &mut world, same), "Respond(OriginalNotFound)");
    assert_eq!(with(Some(NEVER), &mut world, same), "Respond(OriginalNotFound)");
    assert_eq!(with(Some(original), &mut world, alphas), "Respond(OriginalNotFound)");
    assert_eq!(with(Some(tombstone), &mut world, alphas), "Respond(OriginalNotFound)");
    assert_eq!(with(Some(original), &mut world, same), "done");
    assert_eq!(with(Some(original), &mut world, same), "Respond(OriginalNotFound)");
    let (mut world, original) = stage(Origin::Legacy, true);
    world.now = world.now.plus(2 * DAY);
    let made = |grant: &mut ResponseUrl| grant.made_at = START.plus(2 * DAY);
    assert_eq!(with(Some(original), &mut world, made), "Respond(OriginalNotFound)");
    let mut world = World::new();
    let streaming = world.stream(ALPHA_BOT, DIRECT);
    let there = |grant: &mut ResponseUrl| (grant.app, grant.conversation) = (ALPHA_APP, DIRECT);
    assert_eq!(with(Some(streaming), &mut world, there), "Respond(StillStreaming)");
}

/// Deleted and posted anew in one thread: nothing in its counts shows it. Under what is deleted itself, it is no reply.
#[test]
fn deleting_and_posting_in_a_thread() {
    let mut world = World::new();
    let root = world.say(ALPHA_BOT, PUBLIC);
    let reply = Post { unjoined: true, reply_to: ReplyTo::message(root), ..post(PUBLIC) };
    let original = world.post(BETA_BOT, reply).key.ts;
    let both = |thread| Respond { deletes: true, to_everyone: Some(true), thread: Some(thread), ..says("x") };
    put(&mut world, grant(Origin::Action, Some(original)));
    assert_eq!(respond(&mut world, both(root)), "done");
    let (new, now) = (world.messages.values().last().unwrap(), world.message(PUBLIC, root).unwrap());
    let thread = now.thread.as_ref().unwrap();
    assert_eq!((thread.replies, thread.repliers, thread.latest), (1, 1, new.key.ts));
    assert_eq!((new.root, world.replies(now.key).count()), (Some(root), 1));
    assert!(world.message(PUBLIC, original).is_none());
    // Its replier is counted as before: when the new reply goes, so does the thread.
    let new = new.key.ts;
    put(&mut world, grant(Origin::Action, Some(new)));
    assert_eq!(respond(&mut world, both(new)), "done");
    assert!(world.message(PUBLIC, root).unwrap().thread.is_none());
    assert_eq!(world.repliers.len(), 0);
    assert_eq!(world.messages.values().last().unwrap().root, None);
    // The root itself: its replies stay, and the new message is none of them.
    let original = world.post(BETA_BOT, Post { unjoined: true, ..post(PUBLIC) }).key.ts;
    world.reply(ALPHA_BOT, PUBLIC, original);
    put(&mut world, grant(Origin::Action, Some(original)));
    assert_eq!(respond(&mut world, both(original)), "done");
    let tombstone = world.message(PUBLIC, original).unwrap();
    assert!(matches!(tombstone.state, State::Tombstone { .. }), "{tombstone:?}");
    assert_eq!(tombstone.thread.as_ref().unwrap().replies, 1);
    assert_eq!(world.messages.values().last().unwrap().root, None);
}

/// In the acknowledgement: the same, and it counts as no use.
#[test]
fn an_acknowledgement_is_no_use() {
    let (mut world, original) = stage(Origin::Legacy, false);
    let mut used = grant(Origin::Legacy, Some(original));
    used.uses = 5;
    put(&mut world, used.clone());
    let asked = Respond { credential: Credential::Asked(used), ..says("x") };
    let before = world.logs[&HOME].len();
    assert_eq!(respond(&mut world, asked), "done");
    assert_eq!(effect(&world, original, before), "replaced");
    assert_eq!(uses(&world), 5);
}

/// The secret is worth nothing in another workspace, nor anything when the app is uninstalled or the workspace dropped.
#[test]
fn worth_nothing_elsewhere() {
    let (mut world, _) = stage(Origin::Command, false);
    let mut away = World::with_away();
    away.items.clone_from(&world.items);
    let asked = || Verb::Respond(Box::new(says("x")));
    let elsewhere = redraft_model::command::Command { workspace: AWAY, ..command(CONTROL, asked()) };
    assert_eq!(away.tell_command(&elsewhere), "Respond(Unknown)");
    let nowhere = redraft_model::command::Command { workspace: WorkspaceId(9), ..elsewhere };
    assert_eq!(away.tell_command(&nowhere), "Caller(Unknown)");
    assert_eq!(world.control(Control::UninstallApp(BETA_APP)), "app 2");
    assert_eq!(respond(&mut world, says("x")), "Respond(Unknown)");
    let mut other = World::new();
    let upload = Item::Grant(Grant::Upload { file: "F1".into(), made_at: START });
    other.items.insert((HOME, ItemKey::Grant(SECRET)), upload);
    assert_eq!(respond(&mut other, says("x")), "Respond(Unknown)");
}

/// An incoming webhook posts where it was made for, to everyone; the rest is refused as an answer's is.
#[test]
fn webhooks_post() {
    let mut world = World::new();
    let hook = Webhook { service_id: "B-hook".into(), secret_hash: HOOK, conversation: PRIVATE, by: IVO };
    let slack = Some(Box::new(SlackApp { webhooks: vec![hook], ..SlackApp::default() }));
    let beta = App { slack, ..App::clone(world.home().app(BETA_APP).unwrap()) };
    world.directories.apply(&DirectoryChange::App(HOME, beta));
    let credential = |app, secret| Credential::Webhook { app, secret };
    let asked = |app, secret| Respond { credential: credential(app, secret), ..says("x") };
    assert_eq!(respond(&mut world, asked(ALPHA_APP, HOOK)), "Respond(Unknown)");
    assert_eq!(respond(&mut world, asked(GAMMA_APP, HOOK)), "Respond(Unknown)");
    assert_eq!(respond(&mut world, asked(BETA_APP, SECRET)), "Respond(Unknown)");
    let tricky =
        Respond { deletes: true, replaces: Some(true), to_everyone: Some(false), ..asked(BETA_APP, HOOK) };
    assert_eq!(respond(&mut world, tricky), "done");
    let message = Arc::clone(world.messages.values().last().unwrap());
    assert_eq!(
        (message.author, message.audience, message.key.conversation),
        (BETA, Audience::Everyone, PRIVATE)
    );
    let inside = Respond { thread: Some(message.key.ts), ..asked(BETA_APP, HOOK) };
    assert_eq!(respond(&mut world, inside), "done");
    assert_eq!(world.messages.values().last().unwrap().root, Some(message.key.ts));
    assert_eq!(
        respond(&mut world, Respond { content: text(""), ..asked(BETA_APP, HOOK) }),
        "Respond(NoContent)"
    );
}
