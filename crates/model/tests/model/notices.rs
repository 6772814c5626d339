//! What the platform itself writes: who came and went, topics, names.

use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::EventKind as K;
use redraft_model::id::{ConversationId, UserId};
use redraft_model::item::{Item, ItemKey};
use redraft_model::message::{Kind, Message};
use redraft_model::time::Ts;
use redraft_model::workspace::Note;

use crate::world::*;

fn topic(conversation: ConversationId, topic: &str) -> C {
    C::SetTopic { conversation, topic: topic.into() }
}

fn purpose(conversation: ConversationId, purpose: &str) -> C {
    C::SetPurpose { conversation, purpose: purpose.into() }
}

fn rename(conversation: ConversationId, name: &str) -> C {
    C::Rename { conversation, name: name.into() }
}

/// Author, kind, words and detail of the messages that came since then.
fn written(world: &World, before: Ts) -> Vec<(UserId, Kind, String, String)> {
    let since = world.messages.values().filter(|message| before < message.key.ts);
    since
        .map(|message| {
            let content = world.content_of(message.key.conversation, message.key.ts);
            let about = content.notice.as_deref().expect("only the platform's");
            (message.author, message.kind, content.text.clone(), about.to_owned())
        })
        .collect()
}

#[test]
fn what_is_written() {
    for (caller, asked, expect) in [
        (ALPHA_SAM, C::Join(PUBLIC), vec![(SAM, Kind::Join, "<@U-sam> has joined the channel", "")]),
        (
            ALPHA_MIA,
            C::Invite { conversation: PUBLIC, users: vec![Some(SAM), Some(BETA)], force: false },
            vec![
                (SAM, Kind::Join, "<@U-sam> has joined the channel", "U-mia"),
                (BETA, Kind::Join, "<@U-beta> has joined the channel", "U-mia"),
            ],
        ),
        (ALPHA_MIA, C::Leave(PUBLIC), vec![(MIA, Kind::Leave, "<@U-mia> has left the channel", "")]),
        (
            ALPHA_MIA,
            C::Kick { conversation: PUBLIC, user: Some(IVO) },
            vec![(IVO, Kind::Leave, "<@U-ivo> has left the channel", "")],
        ),
        (
            ALPHA_MIA,
            topic(PUBLIC, "tea &amp; cake"),
            vec![(MIA, Kind::Topic, "<@U-mia> set the channel topic: tea &amp; cake", "tea &amp; cake")],
        ),
        (
            ALPHA_BOT,
            purpose(PUBLIC, "talk"),
            vec![(ALPHA, Kind::Purpose, "<@U-alpha> set the channel purpose: talk", "talk")],
        ),
        (ALPHA_MIA, topic(PUBLIC, ""), vec![]),
        (
            ALPHA_ADA,
            rename(PUBLIC, "open"),
            vec![(
                ADA,
                Kind::Name,
                "<@U-ada> has renamed the channel from \"public\" to \"open\"",
                "public\nopen",
            )],
        ),
        (ALPHA_MIA, C::Archive(PUBLIC), vec![(MIA, Kind::Archive, "<@U-mia> archived the channel", "")]),
        (
            ALPHA_MIA,
            C::Unarchive(ARCHIVED),
            vec![(MIA, Kind::Unarchive, "<@U-mia> un-archived the channel", "")],
        ),
        (ALPHA_MIA, topic(GROUP, "no channel"), vec![]),
    ] {
        let mut world = World::new();
        world.say(ALPHA_BOT, PUBLIC);
        let before = Ts(world.moment(HOME).ts.0 - 1);
        world.conversation(caller, asked.clone());
        let expect: Vec<_> = expect
            .into_iter()
            .map(|(user, kind, text, about)| (user, kind, text.to_owned(), about.to_owned()))
            .collect();
        assert_eq!(written(&world, before), expect, "{caller:?} {asked:?}");
        for message in world.messages.values().filter(|message| before < message.key.ts) {
            assert_eq!((message.app, message.as_app, message.root), (None, false, None));
        }
    }
}

/// The control API's changes are written about as well, in the name of who came or went, else of who made the channel.
#[test]
fn what_control_changes_is_written_too() {
    for (act, author, kind) in [
        (Control::AddMember(PUBLIC, SAM), SAM, Kind::Join),
        (Control::RemoveMember(PUBLIC, MIA), MIA, Kind::Leave),
        (rename_channel(PUBLIC, "open".into()), ADA, Kind::Name),
        (set_archived(PUBLIC, true), ADA, Kind::Archive),
        (set_archived(ARCHIVED, false), ADA, Kind::Unarchive),
        (Control::AddUser(user(UserId(0), "pia")), UserId(10), Kind::Join),
    ] {
        let mut world = World::new();
        let before = Ts(world.moment(HOME).ts.0 - 1);
        world.control(act.clone());
        let written = written(&world, before);
        assert_eq!(written.len(), 1, "{act:?}");
        assert_eq!((written[0].0, written[0].1), (author, kind), "{act:?}");
    }
    let mut world = World::new();
    world.control(Control::AddMember(DIRECT, SAM));
    assert!(world.messages.is_empty(), "direct messages have none");
}

#[test]
fn topics_and_purposes() {
    let out = |told: &str| format!("Conversation({told})");
    for (caller, asked, told) in [
        (ALPHA_SAM, topic(PRIVATE, "x"), out("NotFound")),
        (ALPHA_MIA, topic(DIRECT, "x"), out("WrongKind")),
        (ALPHA_MIA, topic(ARCHIVED, "x"), out("Archived")),
        (ALPHA_SAM, topic(PUBLIC, "x"), out("NotMember")),
        (ALPHA_SAM, purpose(PUBLIC, "x"), out("NotMember")),
        (ALPHA_SAM, topic(GROUP, "x"), "conversation 6 true".into()),
        (ALPHA_MIA, topic(PUBLIC, ""), "conversation 2 false".into()),
    ] {
        let mut world = World::new();
        assert_eq!(world.conversation(caller, asked.clone()), told, "{caller:?} {asked:?}");
    }
    let mut world = World::new();
    world.now = START.plus(HOUR);
    assert_eq!(world.conversation(ALPHA_MIA, topic(PUBLIC, "tea")), "conversation 2 true");
    assert_eq!(
        world.events(2),
        [K::ConversationChanged(PUBLIC), K::MessagePosted { conversation: PUBLIC, root: None, only: None }]
    );
    assert_eq!(world.conversation(ALPHA_BOT, topic(PUBLIC, "tea")), "conversation 2 false", "nothing new");
    assert_eq!(world.conversation(ALPHA_BOT, purpose(PUBLIC, "talk")), "conversation 2 true");
    let note = |value: &str, by| Note { value: value.into(), by: Some(by), at: world.now };
    assert_eq!(world.room(PUBLIC).topic, note("tea", MIA));
    assert_eq!(world.room(PUBLIC).purpose, note("talk", ALPHA));
}

#[test]
fn renaming() {
    let out = |told: &str| format!("Conversation({told})");
    for (caller, asked, told) in [
        (ALPHA_SAM, rename(PRIVATE, "x"), out("NotFound")),
        (ALPHA_MIA, rename(DIRECT, "x"), out("WrongKind")),
        (ALPHA_ADA, rename(ARCHIVED, "x"), out("NotFound")),
        (ALPHA_MIA, rename(ARCHIVED, "x"), out("Archived")),
        (ALPHA_SAM, rename(PUBLIC, "x"), out("NotMember")),
        (ALPHA_MIA, rename(PUBLIC, "x"), out("NotYours")),
        (ALPHA_BOT, rename(PUBLIC, "x"), out("NotYours")),
        (ALPHA_ADA, rename(PUBLIC, "private"), out("NameTaken")),
        (ALPHA_ADA, rename(PUBLIC, "public"), "conversation 2 false".into()),
        (ALPHA_ADA, rename(PUBLIC, "open"), "conversation 2 true".into()),
    ] {
        let mut world = World::new();
        assert_eq!(world.conversation(caller, asked.clone()), told, "{caller:?} {asked:?}");
    }
    let mut world = World::new();
    let made = C::Create { name: "mine".into(), private: true, ids: ids("mine") };
    assert_eq!(world.conversation(ALPHA_BOT, made), "conversation 8 true");
    let id = ConversationId(8);
    for name in ["a", "b", "a", "c"] {
        assert_eq!(world.conversation(ALPHA_BOT, rename(id, name)), "conversation 8 true", "who made it may");
    }
    assert_eq!(world.room(id).previous_names, ["mine", "b", "a"], "each name once, the last one last");
    for number in 0..200 {
        world.conversation(ALPHA_BOT, rename(id, &number.to_string()));
    }
    assert_eq!(world.room(id).previous_names.len(), 100);
    assert_eq!(world.room(id).previous_names[99], "198");
}

#[test]
fn reading() {
    let mut world = World::new();
    let mark = |conversation, ts| C::Mark { conversation, ts: Ts(ts) };
    assert_eq!(world.conversation(ALPHA_SAM, mark(PRIVATE, 5)), "Conversation(NotFound)");
    assert_eq!(world.conversation(ALPHA_SAM, mark(PUBLIC, 5)), "Conversation(NotMember)");
    let log = world.logs[&HOME].len();
    for (caller, conversation, ts) in [(ALPHA_MIA, PUBLIC, 5), (ALPHA_BOT, PUBLIC, 6), (ALPHA_MIA, DIRECT, 7)]
    {
        assert!(world.conversation(caller, mark(conversation, ts)).starts_with("conversation"));
    }
    world.conversation(ALPHA_MIA, mark(PUBLIC, 4));
    let read = |conversation, user| world.items.get(&(HOME, ItemKey::Read(conversation, user)));
    assert_eq!(read(PUBLIC, MIA), Some(&Item::Read(Ts(4))), "also back");
    assert_eq!(read(PUBLIC, ALPHA), Some(&Item::Read(Ts(6))));
    assert_eq!(read(DIRECT, MIA), Some(&Item::Read(Ts(7))));
    assert_eq!(world.logs[&HOME].len(), log, "nobody is told");
}

/// An administrator may delete what the platform wrote; nobody changes it, whoever it is about.
#[test]
fn only_administrators_delete_them() {
    let mut world = World::new();
    world.conversation(ALPHA_SAM, C::Join(PUBLIC));
    let ts = world.messages.keys().next_back().unwrap().ts;
    for caller in [ALPHA_SAM, SAM_HIMSELF, ALPHA_BOT, ALPHA_ADA] {
        let told = world.tell(caller, edit(PUBLIC, ts));
        assert_eq!(told, "Update(NotAuthor(WrittenByThePlatform))", "{caller:?}");
    }
    for caller in [ALPHA_SAM, SAM_HIMSELF, ALPHA_BOT] {
        let told = world.tell(caller, erase(PUBLIC, ts));
        assert_eq!(told, "Delete(NotAllowed(WrittenByThePlatform))", "{caller:?}");
    }
    let before = Message::clone(world.message(PUBLIC, ts).unwrap());
    assert_eq!(before.kind, Kind::Join);
    assert_eq!(world.tell(ALPHA_ADA, erase(PUBLIC, ts)), "deleted");
}
