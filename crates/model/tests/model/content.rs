//! Contents, patches and the small types.

use redraft_model::content::{Change as Part, Content, Dialect, Parts, Patch};
use redraft_model::event::EventKind as K;
use redraft_model::id::{AppId, ConversationId, TokenHash, UserId};
use redraft_model::message::{Kind, Message, State};
use redraft_model::time::{Micros, Ts};

use crate::world::{HOME, NEVER, PUBLIC, key};

fn full() -> Content {
    Content {
        dialect: Dialect::Slack,
        text: "text".into(),
        blocks: Some("blocks".into()),
        attachments: Some("attachments".into()),
        metadata: Some("metadata".into()),
        identity: Some("identity".into()),
        activity: Some("activity".into()),
        files: Some("files".into()),
        notice: Some("notice".into()),
        markup: false,
    }
}

/// The six parts that a patch reaches.
fn parts(content: &Content) -> [Option<&str>; 6] {
    let text = (!content.text.is_empty()).then_some(content.text.as_str());
    let rest = [&content.blocks, &content.attachments, &content.metadata, &content.activity, &content.files];
    let [blocks, attachments, metadata, activity, files] = rest.map(Option::as_deref);
    [text, blocks, attachments, metadata, activity, files]
}

/// A patch that does `act` to part `place` and keeps the rest.
fn patch(place: usize, act: &Part<&str>) -> Patch {
    let mut patch = Patch::keep_all(Dialect::Connector);
    let shared = match act {
        Part::Keep => Part::Keep,
        Part::Clear => Part::Clear,
        Part::Set(new) => Part::Set((*new).into()),
    };
    match place {
        0 => {
            patch.text = match act {
                Part::Keep => Part::Keep,
                Part::Clear => Part::Clear,
                Part::Set(new) => Part::Set((*new).into()),
            }
        }
        1 => patch.blocks = shared,
        2 => patch.attachments = shared,
        3 => patch.metadata = shared,
        4 => patch.activity = shared,
        _ => patch.files = shared,
    }
    patch
}

#[test]
fn each_part_is_kept_cleared_or_set_alone() {
    let old = full();
    for place in 0..6 {
        for (act, expect) in
            [(Part::Keep, parts(&old)[place]), (Part::Clear, None), (Part::Set("new"), Some("new"))]
        {
            let mut expected = parts(&old);
            expected[place] = expect;
            let new = patch(place, &act).apply(&old);
            assert_eq!(parts(&new), expected, "{place} {act:?}");
            assert_eq!((new.dialect, new.identity.as_deref(), new.markup), (Dialect::Connector, None, true));
        }
    }
}

/// Old content has to be read only if some part that it has is kept; its text it always has.
#[test]
fn a_patch_knows_whether_it_keeps_a_part() {
    let nothing = Patch::keep_all(Dialect::Slack);
    assert!(nothing.keeps_any_of(Parts::default()) && !nothing.given);
    let whole = Patch {
        text: Part::Clear,
        blocks: Part::Set("x".into()),
        attachments: Part::Clear,
        metadata: Part::Clear,
        activity: Part::Clear,
        files: Part::Clear,
        ..nothing
    };
    let all = full().parts();
    let none = Parts::default();
    assert_eq!(all, Parts { blocks: true, attachments: true, metadata: true, activity: true, files: true });
    assert_eq!(Content::text(Dialect::Slack, "x").parts(), none);
    for (patch, parts, expect) in [
        (whole.clone(), all, false),
        (Patch { text: Part::Keep, ..whole.clone() }, none, true),
        (Patch { blocks: Part::Keep, ..whole.clone() }, Parts { blocks: true, ..none }, true),
        (Patch { blocks: Part::Keep, ..whole.clone() }, Parts { blocks: false, ..all }, false),
        (Patch { attachments: Part::Keep, ..whole.clone() }, Parts { attachments: true, ..none }, true),
        (Patch { attachments: Part::Keep, ..whole.clone() }, Parts { attachments: false, ..all }, false),
        (Patch { metadata: Part::Keep, ..whole.clone() }, Parts { metadata: true, ..none }, true),
        (Patch { metadata: Part::Keep, ..whole.clone() }, Parts { metadata: false, ..all }, false),
        (Patch { activity: Part::Keep, ..whole.clone() }, Parts { activity: true, ..none }, true),
        (Patch { activity: Part::Keep, ..whole.clone() }, Parts { activity: false, ..all }, false),
        (Patch { files: Part::Keep, ..whole.clone() }, Parts { files: true, ..none }, true),
        (Patch { files: Part::Keep, ..whole }, Parts { files: false, ..all }, false),
    ] {
        assert_eq!(patch.keeps_any_of(parts), expect, "{patch:?} of {parts:?}");
    }
}

/// Neither metadata nor a custom name shows anything.
#[test]
fn content_is_empty_when_nothing_would_show() {
    let empty = Content::text(Dialect::Slack, "");
    let some = || Some("x".into());
    for (content, expect) in [
        (empty.clone(), true),
        (Content { metadata: some(), identity: some(), markup: false, ..empty.clone() }, true),
        (Content { text: "x".into(), ..empty.clone() }, false),
        (Content { blocks: some(), ..empty.clone() }, false),
        (Content { attachments: some(), ..empty.clone() }, false),
        (Content { activity: some(), ..empty.clone() }, false),
        (Content { files: some(), ..empty }, false),
    ] {
        assert_eq!(content.is_empty(), expect, "{content:?}");
    }
}

#[test]
fn text_alone_has_markup_on() {
    let content = Content::text(Dialect::Slack, "x");
    assert_eq!(parts(&content), [Some("x"), None, None, None, None, None]);
    assert_eq!((content.identity, content.markup), (None, true));
}

#[test]
fn an_event_knows_its_conversation() {
    let (conversation, message, content_at, user) = (PUBLIC, Ts(7), 3, UserId(1));
    for kind in [
        K::MessagePosted { conversation, root: None, only: None },
        K::MessageUpdated { conversation, message, revision: 2 },
        K::BroadcastChanged { conversation, message, shown: true },
        K::MessageDeleted { conversation, message, content_at },
        K::MessageTombstoned { conversation, message, content_at },
        K::TombstoneRemoved { conversation, message },
        K::ConversationCreated(conversation),
        K::ConversationChanged(conversation),
        K::MemberJoined { conversation, user },
        K::MemberLeft { conversation, user },
    ] {
        assert_eq!(kind.conversation(), Some(PUBLIC), "{kind:?}");
    }
    for kind in [
        K::WorkspaceCreated,
        K::WorkspaceChanged,
        K::UserChanged(user),
        K::AppChanged(AppId(1)),
        K::TokenMinted(AppId(1)),
        K::TokenRevoked { app: AppId(1), user },
    ] {
        assert_eq!(kind.conversation(), None, "{kind:?}");
    }
}

#[test]
fn a_key_moves_within_its_conversation_only() {
    let moved = key(PUBLIC, NEVER).at(Ts(9));
    assert_eq!((moved.workspace, moved.conversation, moved.ts), (HOME, PUBLIC, Ts(9)));
    assert_eq!(key(ConversationId(3), NEVER).conversation, ConversationId(3));
}

#[test]
fn a_hash_does_not_show_itself_whole() {
    assert_eq!(format!("{:?}", TokenHash([0xab; 32])), "TokenHash(abab…)");
}

#[test]
fn a_message_is_its_own_root_or_names_it() {
    let message = |root, state| Message {
        key: key(PUBLIC, Ts(5)),
        root,
        broadcast: false,
        audience: redraft_model::message::Audience::Everyone,
        author: UserId(1),
        app: None,
        as_app: false,
        kind: Kind::Plain,
        state,
        content_at: 1,
        parts: Parts::default(),
        thread: None,
        marked: false,
    };
    let live = State::Live { revision: 3.try_into().unwrap(), edited: None };
    let dead = State::Tombstone { deleted_at: Micros(9) };
    for (root, state, expect) in
        [(None, live, (Ts(5), Some(3))), (Some(Ts(2)), live, (Ts(2), Some(3))), (None, dead, (Ts(5), None))]
    {
        let message = message(root, state);
        assert_eq!((message.thread_root(), message.revision().map(u32::from)), expect);
    }
}
