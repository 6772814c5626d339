//! Attachments: handed in to a conversation, named by its messages, and over when none names them.

use redraft_model::attachments::{Attach, AttachRefusal as R, Bytes};
use redraft_model::command::{Caller, Delete, Post, Update, Verb};
use redraft_model::content::{Change as Part, Content, Dialect, Patch};
use redraft_model::decision::Why;
use redraft_model::id::ConversationId;
use redraft_model::item::{Attachment, Item, ItemKey};
use redraft_model::limits::{BLOB_BYTES_MAX, UNNAMED_ATTACHMENT_MICROS};
use redraft_model::time::Ts;
use std::sync::Arc;

use crate::world::*;

fn id(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

fn attach(conversation: ConversationId, n: u8) -> Verb {
    let view = |blob: u8| Bytes { blob: [blob; 32], bytes: vec![0; 5].into() };
    Verb::Attach(Box::new(Attach {
        conversation,
        id: id(n),
        name: None,
        kind: "image/png".into(),
        original: view(n),
        thumbnail: Some(view(n + 100)),
    }))
}

fn known(world: &World, n: u8) -> Attachment {
    match &world.items[&(HOME, ItemKey::Attachment(id(n)))] {
        Item::Attachment(attachment) => attachment.clone(),
        other => panic!("{other:?}"),
    }
}

/// How many messages name it, and whether it is over some time.
fn named(world: &World, n: u8) -> (u32, bool) {
    let attachment = known(world, n);
    (attachment.names, Item::Attachment(attachment).kept_until().is_some())
}

fn content(numbers: &[u8]) -> Content {
    let ids: Vec<String> = numbers.iter().map(|n| id(*n)).collect();
    Content { files: Some(ids.join(" ").into()), ..Content::text(Dialect::Connector, "look") }
}

fn say(world: &mut World, numbers: &[u8]) -> Ts {
    let post = Post { content: Arc::new(content(numbers)), ..post(PUBLIC) };
    assert!(world.run(&command(GAMMA_BOT, Verb::Post(post))).is_ok());
    world.logs[&HOME].last().expect("it is logged").ts
}

#[test]
fn who_hands_one_in() {
    let mut world = World::new();
    let why = |world: &mut World, caller: Caller, conversation| {
        let verb = attach(conversation, 1);
        world.run(&command(caller, verb)).expect_err("it is refused").why
    };
    assert_eq!(why(&mut world, GAMMA_BOT, NOWHERE), Why::Attach(R::ConversationNotFound));
    world.other_bytes = BLOB_BYTES_MAX - 9;
    assert_eq!(why(&mut world, GAMMA_BOT, PUBLIC), Why::Attach(R::StorageFull));
    world.other_bytes -= 1;
    assert!(world.run(&command(GAMMA_BOT, attach(PUBLIC, 1))).is_ok());
    assert_eq!(known(&world, 1).conversation, Some(PUBLIC));
    assert_eq!(world.blobs.len(), 2);
    world.now = START.plus(HOUR);
    assert!(world.run(&command(GAMMA_BOT, attach(PUBLIC, 1))).is_ok(), "the same needs no room");
    let kept_until = Item::Attachment(known(&world, 1)).kept_until();
    assert_eq!(kept_until, Some(START.plus(HOUR + UNNAMED_ATTACHMENT_MICROS)), "and begins anew");
}

#[test]
fn what_names_one() {
    let mut world = World::new();
    for n in 1..=3 {
        assert!(world.run(&command(GAMMA_BOT, attach(PUBLIC, n))).is_ok());
    }
    assert!(world.run(&command(GAMMA_BOT, attach(GENERAL, 4))).is_ok());
    let one = say(&mut world, &[1, 1, 4, 9]);
    let two = say(&mut world, &[1, 2]);
    assert_eq!([1, 2, 3, 4].map(|n| named(&world, n)), [(2, false), (1, false), (0, true), (0, true)]);
    let patch = Patch {
        files: content(&[2, 3]).files.map_or(Part::Clear, Part::Set),
        given: true,
        ..Patch::keep_all(Dialect::Connector)
    };
    assert!(world.run(&command(GAMMA_BOT, Verb::Update(Update { patch, ..update(PUBLIC, one) }))).is_ok());
    assert_eq!([1, 2, 3].map(|n| named(&world, n)), [(1, false), (2, false), (1, false)]);
    for ts in [one, two] {
        assert!(world.run(&command(GAMMA_BOT, Verb::Delete(Delete { ..delete(PUBLIC, ts) }))).is_ok());
    }
    assert_eq!([1, 2, 3].map(|n| named(&world, n)), [(0, true); 3]);
}
