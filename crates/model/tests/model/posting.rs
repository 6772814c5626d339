//! Posts: refusals in order of precedence, what one writes, and to whom it may go.

use redraft_model::command::{Caller, Post, ReplyTo, Target, Verb};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::decision::Outcome;
use redraft_model::event::EventKind;
use redraft_model::id::UserId;
use redraft_model::message::{Audience, Kind, Message, State};

use crate::world::*;

#[test]
fn refusals_in_order_of_precedence() {
    let mut world = World::new();
    world.control(set_archived(PUBLIC, true));
    let check =
        |world: &mut World, caller, conversation, unjoined, only, said: &str, faulty, expect: &str| {
            let fault = if faulty { fault() } else { None };
            let asked = Post { content: text(said), fault, only, unjoined, ..post(conversation) };
            assert_eq!(world.tell(caller, Verb::Post(asked)), expect);
        };
    let content = "Post(Content(ContentFault { code: \"msg_too_long\", reasons: [] }))";
    // Each row repairs one fault of the row above.
    check(&mut world, DELTA_BOT, PUBLIC, false, Some(SAM), "", false, "Post(ConversationNotFound)");
    check(&mut world, DELTA_BOT, ARCHIVED, false, Some(SAM), "", false, "Post(NoLongerMember)");
    check(&mut world, ALPHA_SAM, PUBLIC, false, Some(SAM), "", false, "Post(Archived)");
    world.control(set_archived(PUBLIC, false));
    check(&mut world, ALPHA_SAM, PUBLIC, false, Some(SAM), "", false, "Post(NotMember)");
    check(&mut world, ALPHA_SAM, PUBLIC, true, Some(SAM), "", false, "Post(ReaderNotMember)");
    check(&mut world, ALPHA_SAM, PUBLIC, true, Some(MIA), "", false, "Post(NoContent)");
    check(&mut world, ALPHA_SAM, PUBLIC, true, Some(MIA), "", true, content);
    check(&mut world, ALPHA_SAM, PUBLIC, true, Some(MIA), "x", true, content);
    check(&mut world, ALPHA_SAM, PUBLIC, true, Some(MIA), "x", false, "posted");
    check(&mut world, ALPHA_SAM, PUBLIC, true, None, "x", false, "posted");
    check(&mut world, ALPHA_MIA, PUBLIC, false, None, "x", false, "posted");
}

/// Who sees a conversation may not yet post to it, and who doesn't see it hears that it is not there.
#[test]
fn where_whom_lets_in() {
    let mut world = World::new();
    for (caller, conversation, unjoined, expect) in [
        (BETA_BOT, GENERAL, false, "posted"),
        (BETA_BOT, PUBLIC, false, "Post(NotMember)"),
        (BETA_BOT, PUBLIC, true, "posted"),
        (BETA_BOT, PRIVATE, true, "Post(ConversationNotFound)"),
        (BETA_BOT, DIRECT, true, "Post(ConversationNotFound)"),
        (BETA_BOT, NOWHERE, true, "Post(ConversationNotFound)"),
        (ALPHA_ADA, PRIVATE, true, "Post(ConversationNotFound)"),
        (ALPHA_BOT, PRIVATE, false, "posted"),
        (ALPHA_BOT, DIRECT, false, "posted"),
        (GAMMA_BOT, PUBLIC, false, "posted"),
        (GAMMA_BOT, PERSONAL, false, "posted"),
        (DELTA_BOT, PUBLIC, true, "Post(ConversationNotFound)"),
        (DELTA_BOT, PRIVATE, true, "Post(NoLongerMember)"),
        (DELTA_BOT, GROUP, false, "posted"),
    ] {
        let asked = Post { unjoined, ..post(conversation) };
        assert_eq!(world.tell(caller, Verb::Post(asked)), expect, "{caller:?} in {conversation:?}");
    }
}

/// One that is no longer a member hears so only as a Connector bot, and only until it is back.
#[test]
fn a_bot_that_left_is_told_so_until_it_is_back() {
    let mut world = World::new();
    let ts = world.say(GAMMA_BOT, PUBLIC);
    for (act, expect) in [
        (Control::RemoveMember(PUBLIC, GAMMA), "Update(NoLongerMember)"),
        (Control::AddMember(PUBLIC, GAMMA), "revision 2"),
    ] {
        assert_eq!(world.control(act), "conversation 2 true");
        assert_eq!(world.tell(GAMMA_BOT, edit(PUBLIC, ts)), expect);
    }
    let ts = world.say(ALPHA_BOT, PRIVATE);
    world.control(Control::RemoveMember(PRIVATE, ALPHA));
    assert_eq!(world.tell(ALPHA_BOT, edit(PRIVATE, ts)), "Update(ConversationNotFound)");
    assert_eq!(world.tell(ALPHA_BOT, Verb::Post(post(PRIVATE))), "Post(ConversationNotFound)");
    assert_eq!(world.conversation(ALPHA_BOT, C::Archive(PRIVATE)), "Conversation(NotFound)");
}

#[test]
fn a_post_is_written_once_with_its_first_revision() {
    let mut world = World::new();
    for (caller, author, app, as_app) in [
        (ALPHA_BOT, ALPHA, ALPHA_APP, true),
        (ALPHA_MIA, MIA, ALPHA_APP, false),
        (GAMMA_BOT, GAMMA, GAMMA_APP, true),
    ] {
        let moment = world.moment(HOME);
        let asked = Post { kind: Kind::Me, broadcast: true, ..post(PUBLIC) };
        let message = world.post(caller, asked);
        let expected = Message {
            key: key(PUBLIC, moment.ts),
            root: None,
            broadcast: false,
            audience: Audience::Everyone,
            author,
            app: Some(app),
            as_app,
            kind: Kind::Me,
            state: State::Live { revision: std::num::NonZeroU32::MIN, edited: None },
            content_at: moment.position,
            parts: redraft_model::content::Parts::default(),
            thread: None,
            marked: false,
        };
        assert_eq!(*message, expected);
        let (revision, content) = &world.revisions[&(HOME, moment.position)];
        assert_eq!((revision.number.get(), revision.previous, revision.by), (1, None, author));
        assert_eq!((revision.at, revision.key, content.text.as_str()), (world.now, message.key, "old"));
        assert_eq!(
            world.events(1),
            [EventKind::MessagePosted { conversation: PUBLIC, root: None, only: None }]
        );
        let event = world.logs[&HOME].last().unwrap();
        assert_eq!((event.by, event.app, event.at), (Some(author), Some(app), world.now));
    }
}

/// The clock of the machine may stand still or go back; the keys don't.
#[test]
fn keys_grow_while_the_clock_does_not() {
    let mut world = World::new();
    let keys: Vec<_> = [0, 0, -HOUR, 5]
        .map(|micros| {
            world.now = START.plus(micros);
            world.say(ALPHA_BOT, PUBLIC).0 - START.0
        })
        .into();
    assert_eq!(keys, [1, 2, 3, 5]);
}

#[test]
fn a_post_to_a_person_opens_their_direct_message_once() {
    let mut world = World::new();
    let mut to = |caller: Caller, user: UserId| world.post(caller, post_to(user)).key;
    let first = to(ALPHA_BOT, IVO);
    let (again, back, known) = (to(ALPHA_BOT, IVO), to(ALPHA_IVO, ALPHA), to(ALPHA_BOT, MIA));
    assert_eq!((first.conversation, again.conversation), (back.conversation, first.conversation));
    assert_eq!(known.conversation, DIRECT);
    let made = world.room(first.conversation);
    assert_eq!(made.members.keys().copied().collect::<Vec<_>>(), [IVO, ALPHA]);
    assert_eq!((made.slack_id.as_str(), made.connector_id.as_str(), made.creator), ("D-new", "a:new", ALPHA));

    let log = &world.logs[&HOME];
    let position =
        log.iter().position(|event| event.kind == EventKind::ConversationCreated(made.id)).unwrap();
    assert_eq!(log[position + 1].ts, first.ts);
}

#[test]
fn a_repeat_to_a_person_is_a_repeat() {
    let mut world = World::new();
    let asked = with_key(command(ALPHA_BOT, Verb::Post(post_to(IVO))), "k", 1);
    assert_eq!(world.tell_command(&asked), "posted");
    assert_eq!(world.tell_command(&asked), "repeated 1");
    let other = with_key(command(ALPHA_BOT, Verb::Post(post_to(SAM))), "k", 2);
    assert_eq!(world.tell_command(&other), "KeyReused { other_conversation: false }");
}

#[test]
fn the_answer_holds_what_was_said() {
    let mut world = World::new();
    let root = world.say(ALPHA_IVO, PUBLIC);
    let asked = Post { content: text("hi"), reply_to: ReplyTo::message(root), ..post(PUBLIC) };
    assert!(matches!(asked.target, Target::Conversation(PUBLIC)));
    let Outcome::Posted(posted) = world.run(&command(GAMMA_BOT, Verb::Post(asked))).unwrap().outcome else {
        panic!("not posted")
    };
    assert_eq!((posted.root_author, posted.message.root), (Some(IVO), Some(root)));
    assert_eq!((posted.content.text.as_str(), posted.content.dialect), ("hi", Dialect::Slack));
}
