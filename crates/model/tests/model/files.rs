//! Files: announced, sent, completed, shared, dropped, deleted.

use redraft_model::command::{Caller, Delete, Update, Verb};
use redraft_model::content::{Change as Part, Content, Dialect, Patch};
use redraft_model::decision::{CallerRefusal, Outcome, Why};
use redraft_model::event::EventKind;
use redraft_model::files::{Complete, FileCommand, FileRefusal as R};
use redraft_model::id::ConversationId;
use redraft_model::item::{File, Item, ItemKey};
use redraft_model::limits::{BLOB_BYTES_MAX, FILE_SHARES_MAX, FILES_OF_MESSAGE_MAX};
use redraft_model::post::PostRefusal;
use redraft_model::time::{Micros, Ts};

use crate::world::*;

fn begin(world: &mut World, caller: Caller, id: &str, upload: u8) {
    let file = File {
        id: id.into(),
        user: SAM,
        app: None,
        name: "a.txt".into(),
        title: "a".into(),
        alt_text: None,
        snippet_type: None,
        size: 5,
        blob: None,
        made_at: Micros(0),
        complete: false,
        deleted: false,
        shares: Vec::new(),
    };
    let command = FileCommand::Begin { upload: [upload; 32], file: Box::new(file) };
    assert!(world.run(&command_of(caller, command)).is_ok());
}

fn command_of(caller: Caller, step: FileCommand) -> redraft_model::command::Command {
    command(caller, Verb::File(step))
}

fn receive(upload: u8, size: u64) -> FileCommand {
    let bytes = vec![0; usize::try_from(size).unwrap()];
    FileCommand::Receive { upload: [upload; 32], blob: [upload; 32], bytes: bytes.into() }
}

fn complete(ids: &[&str], to: &[ConversationId]) -> FileCommand {
    FileCommand::Complete(Complete {
        files: ids.iter().map(|id| ((*id).to_owned(), None)).collect(),
        conversations: to.to_vec(),
        content: text(""),
        fault: None,
        reply_to: None,
    })
}

fn file(world: &World, id: &str) -> File {
    match world.items.get(&(HOME, ItemKey::File(id.into()))) {
        Some(Item::File(file)) => file.clone(),
        other => panic!("{other:?}"),
    }
}

/// A complete file of the bot of alpha, shared in #public; its id and the message's time.
fn shared(world: &mut World, id: &str, upload: u8) -> Ts {
    begin(world, ALPHA_BOT, id, upload);
    assert!(world.run(&command_of(Caller::Control, receive(upload, 5))).is_ok());
    assert!(world.run(&command_of(ALPHA_BOT, complete(&[id], &[PUBLIC]))).is_ok());
    file(world, id).shares.last().expect("it is shared").1
}

fn why(world: &mut World, caller: Caller, step: FileCommand) -> Why {
    world.run(&command_of(caller, step)).expect_err("it is refused").why
}

fn kinds(world: &World) -> Vec<EventKind> {
    world.logs[&HOME].iter().map(|event| event.kind.clone()).collect()
}

#[test]
fn bytes_come_once_and_in_time() {
    let mut world = World::new();
    begin(&mut world, ALPHA_BOT, "F1", 1);
    let begun = file(&world, "F1");
    assert_eq!((begun.user, begun.app, begun.made_at), (ALPHA, Some(ALPHA_APP), START));
    for (upload, size, refusal) in [(2, 5, R::UploadUnknown), (1, 6, R::OtherSize(5))] {
        assert_eq!(why(&mut world, Caller::Control, receive(upload, size)), Why::File(refusal));
    }
    let by_bot = world.run(&command_of(ALPHA_BOT, receive(1, 5))).expect_err("tokens send no bytes");
    assert_eq!(by_bot.why, Why::File(R::UploadUnknown));
    assert!(world.run(&command_of(Caller::Control, receive(1, 5))).is_ok());
    assert_eq!(file(&world, "F1").blob, Some([1; 32]));
    assert_eq!(world.blobs.len(), 1, "what was refused is not kept");
    assert_eq!(why(&mut world, Caller::Control, receive(1, 5)), Why::File(R::UploadUnknown));
    assert_eq!(
        why(&mut world, Caller::Control, complete(&["F1"], &[])),
        Why::Caller(CallerRefusal::Unknown),
        "the server sends bytes and nothing else"
    );
    begin(&mut world, ALPHA_BOT, "F2", 2);
    world.now = START.plus(HOUR);
    assert_eq!(why(&mut world, Caller::Control, receive(2, 5)), Why::File(R::UploadOver));
}

#[test]
fn completing_shares_the_files() {
    let mut world = World::new();
    begin(&mut world, ALPHA_BOT, "F1", 1);
    assert_eq!(why(&mut world, ALPHA_BOT, complete(&["F1"], &[PUBLIC])), Why::File(R::NotReady));
    assert!(world.run(&command_of(Caller::Control, receive(1, 5))).is_ok());
    for (caller, ids, to, refusal) in [
        (ALPHA_BOT, vec!["F9"], PUBLIC, Why::File(R::NotFound)),
        (ALPHA_BOT, vec![], PUBLIC, Why::File(R::NotFound)),
        (BETA_BOT, vec!["F1"], PUBLIC, Why::File(R::NotFound)),
        (ALPHA_IVO, vec!["F1"], PUBLIC, Why::File(R::NotFound)),
        (ALPHA_BOT, vec!["F1"], NOWHERE, Why::Post(PostRefusal::ConversationNotFound)),
    ] {
        assert_eq!(why(&mut world, caller, complete(&ids, &[to])), refusal, "{ids:?}");
    }
    let Ok(decision) = world.run(&command_of(ALPHA_BOT, complete(&["F1"], &[PUBLIC, GENERAL]))) else {
        panic!("it is complete")
    };
    let whole = file(&world, "F1");
    assert!(matches!(&decision.outcome, Outcome::Files(files) if *files == [whole.clone()]));
    assert!(whole.complete);
    assert_eq!(whole.shares.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [PUBLIC, GENERAL]);
    for (place, ts) in &whole.shares {
        let message = &world.messages[&key(*place, *ts)];
        assert!(message.parts.files && message.as_app);
        let content = &world.revisions[&(HOME, message.content_at)].1;
        assert_eq!(content.files.as_deref(), Some("F1"));
    }
    let created = kinds(&world).iter().filter(|kind| **kind == EventKind::FileCreated("F1".into())).count();
    assert_eq!(created, 1);
    assert_eq!(why(&mut world, ALPHA_BOT, complete(&["F1"], &[PUBLIC])), Why::File(R::NotReady));
}

#[test]
fn an_update_brings_and_takes_files() {
    let mut world = World::new();
    let ts = shared(&mut world, "F1", 1);
    shared(&mut world, "F2", 2);
    let files = |ids: &str| Patch {
        files: if ids.is_empty() { Part::Clear } else { Part::Set(ids.into()) },
        text: Part::Set("with files".into()),
        given: true,
        ..Patch::keep_all(Dialect::Slack)
    };
    let asked =
        |ids: &str| command(ALPHA_BOT, Verb::Update(Update { patch: files(ids), ..update(PUBLIC, ts) }));
    for (ids, refusal) in [("F9", R::NotFound), ("F1 F9", R::NotFound)] {
        assert_eq!(world.run(&asked(ids)).expect_err("it is refused").why, Why::File(refusal));
    }
    let many: Vec<String> = (0..=FILES_OF_MESSAGE_MAX).map(|number| format!("F{number}")).collect();
    assert_eq!(world.run(&asked(&many.join(" "))).expect_err("too many").why, Why::File(R::TooMany));
    assert!(world.run(&asked("F2")).is_ok());
    assert_eq!(file(&world, "F1").shares, []);
    assert_eq!(file(&world, "F2").shares.len(), 2);
    let tail = &kinds(&world)[kinds(&world).len() - 3..];
    assert!(matches!(&tail[0], EventKind::FileShared { file, .. } if &**file == "F2"), "{tail:?}");
    assert!(matches!(&tail[1], EventKind::FileUnshared { file, .. } if &**file == "F1"), "{tail:?}");
    // What is kept is not shared again.
    let kept = Patch { files: Part::Keep, ..files("") };
    assert!(
        world.run(&command(ALPHA_BOT, Verb::Update(Update { patch: kept, ..update(PUBLIC, ts) }))).is_ok()
    );
    assert_eq!(file(&world, "F2").shares.len(), 2);
    assert!(world.run(&asked("")).is_ok());
    assert_eq!(file(&world, "F2").shares.len(), 1);
}

#[test]
fn a_file_is_shared_so_often() {
    let mut world = World::new();
    shared(&mut world, "F1", 1);
    let mut often = file(&world, "F1");
    often.shares = vec![(PUBLIC, Ts(1)); FILE_SHARES_MAX];
    world.items.insert((HOME, ItemKey::File("F1".into())), Item::File(often));
    let ts = world.say(ALPHA_BOT, PUBLIC);
    let patch = Patch { files: Part::Set("F1".into()), given: true, ..Patch::keep_all(Dialect::Slack) };
    let refused = world.run(&command(ALPHA_BOT, Verb::Update(Update { patch, ..update(PUBLIC, ts) })));
    assert_eq!(refused.expect_err("too often").why, Why::File(R::SharedTooOften));
}

#[test]
fn a_deleted_message_shares_nothing_and_the_file_stays() {
    let mut world = World::new();
    let ts = shared(&mut world, "F1", 1);
    assert!(world.run(&command(ALPHA_BOT, Verb::Delete(Delete { ..delete(PUBLIC, ts) }))).is_ok());
    let left = file(&world, "F1");
    assert!(left.shares.is_empty() && !left.deleted);
    assert!(kinds(&world).iter().any(|kind| matches!(kind, EventKind::FileUnshared { .. })));
}

#[test]
fn who_deletes_a_file() {
    for (caller, expected) in
        [(ALPHA_BOT, None), (ALPHA_ADA, None), (BETA_BOT, Some(R::NotOwner)), (ALPHA_IVO, Some(R::NotOwner))]
    {
        let mut world = World::new();
        let ts = shared(&mut world, "F1", 1);
        let step = FileCommand::Delete("F1".into());
        match expected {
            Some(refusal) => assert_eq!(why(&mut world, caller, step), Why::File(refusal)),
            None => {
                assert!(world.run(&command_of(caller, step.clone())).is_ok());
                assert_eq!(why(&mut world, caller, step), Why::File(R::Deleted));
                assert!(world.messages.contains_key(&key(PUBLIC, ts)), "the message stays");
                assert!(world.blobs.is_empty(), "the bytes don't");
                let left = file(&world, "F1");
                assert_eq!((left.name, left.title, left.alt_text), (String::new(), String::new(), None));
                let patch = Patch {
                    files: Part::Set("F1 F1".into()),
                    given: true,
                    ..Patch::keep_all(Dialect::Slack)
                };
                let other = world.say(ALPHA_BOT, PUBLIC);
                let again =
                    world.run(&command(ALPHA_BOT, Verb::Update(Update { patch, ..update(PUBLIC, other) })));
                assert_eq!(again.expect_err("it is gone").why, Why::File(R::Deleted));
            }
        }
    }
    let mut world = World::new();
    begin(&mut world, ALPHA_BOT, "F1", 1);
    let step = FileCommand::Delete("F1".into());
    assert_eq!(
        why(&mut world, ALPHA_BOT, step),
        Why::File(R::NotFound),
        "before it is complete there is none"
    );
    let only_text = Content::text(Dialect::Slack, "x");
    assert!(only_text.files.is_none());
}

/// A workspace has so many bytes and not one more; what is deleted makes room.
#[test]
fn bytes_have_a_limit() {
    let mut world = World::new();
    shared(&mut world, "F1", 1);
    world.other_bytes = BLOB_BYTES_MAX - 10;
    begin(&mut world, ALPHA_BOT, "F2", 2);
    world.other_bytes += 1;
    assert_eq!(why(&mut world, Caller::Control, receive(2, 5)), Why::File(R::StorageFull));
    let announced = FileCommand::Begin { upload: [3; 32], file: Box::new(file(&world, "F2")) };
    assert_eq!(why(&mut world, ALPHA_BOT, announced), Why::File(R::StorageFull));
    assert!(world.run(&command_of(ALPHA_BOT, FileCommand::Delete("F1".into()))).is_ok());
    assert!(world.run(&command_of(Caller::Control, receive(2, 5))).is_ok());
}

/// What never came whole is forgotten, and what is whole stays.
#[test]
fn how_long_a_file_is_kept() {
    let mut world = World::new();
    shared(&mut world, "F1", 1);
    begin(&mut world, ALPHA_BOT, "F2", 2);
    let kept_until = |world: &World, id: &str| Item::File(file(world, id)).kept_until();
    assert_eq!(kept_until(&world, "F1"), None);
    assert_eq!(kept_until(&world, "F2"), Some(START.plus(25 * HOUR)));
}
