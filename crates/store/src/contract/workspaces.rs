//! Workspaces and their members: made, reset, dropped, and kept apart.

use std::sync::Arc;

use redraft_model::command::{Caller, NewDirect, Post, Target, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand;
use redraft_model::decision::{CallerRefusal, Outcome, Why};
use redraft_model::id::{AppId, ConversationId, MessageKey, UserId};
use redraft_model::workspace::ConversationKind;

use super::commands::{post, react, settlement, show};
use super::directory::{directory, user};
use super::picture::{gapless, shape};
use super::world::{AWAY_BOT, World};
use super::{ADA, ALPHA, ALPHA_BOT, ALPHA_MIA, GAMMA, IVO, MIA, MIA_HERSELF, PUBLIC};

pub(super) async fn members_come_and_go_one_by_one(world: World) {
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

pub(super) async fn a_conversation_is_made_with_its_first_message(world: World) {
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

pub(super) async fn a_reset_workspace_is_as_it_was_created(world: World) {
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

pub(super) async fn a_dropped_workspace_is_swept(world: World) {
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
    assert_eq!((world.delivered_up_to(AppId(2)).await, world.deliveries(AppId(2), 0, 10).await), (0, vec![]));
    assert_eq!(world.blob(1).await, None);
    assert_eq!(away.line(PUBLIC).await, [kept.key.ts]);
    assert_eq!(away.reactions(&kept).await.len(), 1);
    assert_eq!((away.delivered_up_to(AppId(2)).await, away.deliveries(AppId(2), 0, 10).await), (1, vec![2]));
    assert_eq!(away.blob(1).await.as_deref(), Some(&b"kept"[..]));
    let anew = world.beside(1).await;
    assert!(away.workspace < anew.workspace, "a workspace's number is never used again");
    anew.say("its names and tokens are free").await;
}

pub(super) async fn workspaces_do_not_mix(world: World) {
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
