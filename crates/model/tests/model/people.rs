//! People in their own clients: who can be one, and what they may that no app has to do with.

use redraft_model::command::{Caller, Post, ReplyTo, Revocation, Verb};
use redraft_model::content::Dialect;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::EventKind as K;
use redraft_model::id::UserId;
use redraft_model::message::Message;
use redraft_model::workspace::{Settings, TokenKind, User};

use crate::world::*;

#[test]
fn who_can_be_in_their_own_client() {
    let mut world = World::new();
    let sleepy = User { deactivated: true, ..User::clone(world.home().user(BETA).unwrap()) };
    world.control(change_user(sleepy));
    for (user, expect) in [
        (MIA, "posted"),
        (UserId(0), "Caller(Unknown)"),
        (UserId(99), "Caller(Unknown)"),
        (ALPHA, "Caller(WrongKind)"),
        (GAMMA, "Caller(WrongKind)"),
        (BETA, "Caller(WrongKind)"),
        (OLGA, "Caller(Inactive)"),
    ] {
        assert_eq!(world.tell(Caller::Person(user), Verb::Post(post(GENERAL))), expect, "{user:?}");
    }
}

/// They are whoever they are without any app: an administrator is one, an installer is not.
#[test]
fn what_a_person_is() {
    let mut world = World::new();
    for (caller, user, admin) in
        [(MIA_HERSELF, MIA, false), (ADA_HERSELF, ADA, true), (IVO_HIMSELF, IVO, false)]
    {
        let actor = world.run(&command(caller, edit(NOWHERE, NEVER))).unwrap_err().actor.unwrap();
        assert_eq!((actor.workspace, actor.dialect, actor.kind), (HOME, Dialect::Slack, TokenKind::User));
        assert_eq!((actor.app, actor.user, actor.admin, actor.installer), (None, user, admin, false));
    }
}

#[test]
fn what_a_person_writes_is_no_apps() {
    let mut world = World::new();
    let message = world.post(MIA_HERSELF, post(PUBLIC));
    assert_eq!((message.author, message.app, message.as_app), (MIA, None, false));
    let event = world.logs[&HOME].last().unwrap();
    assert_eq!((event.by, event.app), (Some(MIA), None));
    assert_eq!(event.kind, K::MessagePosted { conversation: PUBLIC, root: None, only: None });
}

/// Update and deletion of what each author wrote, in a channel and in a group; `+` is accepted.
#[test]
fn what_people_change_and_delete() {
    let (app, user) = ("NotPostedByThisApp", "NotPostedByThisUser");
    for (author, caller, update, in_channel, in_group) in [
        (MIA_HERSELF, MIA_HERSELF, "+", "+", "+"),
        (ALPHA_MIA, MIA_HERSELF, "+", "+", "+"),
        (BETA_MIA, MIA_HERSELF, "+", "+", "+"),
        (MIA_HERSELF, ALPHA_MIA, "+", "+", "+"),
        (MIA_HERSELF, IVO_HIMSELF, user, user, user),
        (MIA_HERSELF, ALPHA_IVO, user, user, user),
        (MIA_HERSELF, ALPHA_BOT, app, app, app),
        (MIA_HERSELF, GAMMA_BOT, app, app, app),
        (MIA_HERSELF, ADA_HERSELF, user, "+", "OthersDirectMessage"),
        (ALPHA_BOT, MIA_HERSELF, app, app, app),
        // Without the app even the one who installed it.
        (ALPHA_BOT, IVO_HIMSELF, app, app, app),
        (ALPHA_BOT, ADA_HERSELF, app, "+", "OthersDirectMessage"),
        (GAMMA_BOT, IVO_HIMSELF, app, app, app),
    ] {
        for (place, delete) in [(GENERAL, in_channel), (GROUP, in_group)] {
            let mut world = World::new();
            let ts = world.say(author, place);
            let refused = |told: &str, frame: &str| match told {
                "+" => None,
                rule => Some(frame.replace("..", rule)),
            };
            let expect = refused(update, "Update(NotAuthor(..))").unwrap_or("revision 2".into());
            assert_eq!(world.tell(caller, edit(place, ts)), expect, "{author:?} {caller:?} {place:?}");
            let expect = refused(delete, "Delete(NotAllowed(..))").unwrap_or("deleted".into());
            assert_eq!(world.tell(caller, erase(place, ts)), expect, "{author:?} {caller:?} {place:?}");
        }
    }
}

/// What the workspace's administrators decided holds in one's own client as well.
#[test]
fn windows_are_for_people() {
    let mut world = World::new();
    let ts = world.say(MIA_HERSELF, PUBLIC);
    let settings = Settings {
        edit_window_micros: Some(HOUR),
        delete_window_micros: Some(HOUR),
        only_admins_delete: false,
        ..Settings::default()
    };
    world.settings(settings.clone());
    world.now = redraft_model::time::Micros(ts.0 + HOUR);
    assert_eq!(world.tell(MIA_HERSELF, edit(PUBLIC, ts)), "Update(EditWindowClosed)");
    assert_eq!(world.tell(MIA_HERSELF, erase(PUBLIC, ts)), "Delete(NotAllowed(DeleteWindowOver))");
    world.settings(Settings { only_admins_delete: true, ..settings });
    assert_eq!(world.tell(MIA_HERSELF, erase(PUBLIC, ts)), "Delete(NotAllowed(OnlyAdministratorsDelete))");
    assert_eq!(world.tell(ADA_HERSELF, erase(PUBLIC, ts)), "deleted");
}

#[test]
fn where_people_are() {
    let mut world = World::new();
    for (caller, verb, expect) in [
        (SAM_HIMSELF, Verb::Post(post(PRIVATE)), "Post(ConversationNotFound)"),
        (SAM_HIMSELF, Verb::Post(post(PUBLIC)), "Post(NotMember)"),
        (SAM_HIMSELF, Verb::Post(Post { unjoined: true, ..post(PUBLIC) }), "posted"),
        (MIA_HERSELF, Verb::Post(post(ARCHIVED)), "Post(Archived)"),
        (MIA_HERSELF, Verb::Post(post(PERSONAL)), "posted"),
        (MIA_HERSELF, Verb::Post(post_to(GAMMA)), "posted"),
        (SAM_HIMSELF, Verb::Conversation(C::Join(PUBLIC)), "conversation 2 true"),
        (SAM_HIMSELF, Verb::Conversation(C::Leave(PUBLIC)), "conversation 2 true"),
        (MIA_HERSELF, Verb::RevokeToken(Revocation::Revoked), "Caller(WrongKind)"),
        (MIA_HERSELF, Verb::RevokeToken(Revocation::Tested), "Caller(WrongKind)"),
    ] {
        assert_eq!(world.tell(caller, verb.clone()), expect, "{caller:?} {verb:?}");
    }
    assert!(!world.room(PERSONAL).members.contains_key(&SAM));
}

/// In a personal chat with a Teams bot a person still has threads; the bot has none.
#[test]
fn a_person_replies_in_threads() {
    let mut world = World::new();
    let root = world.say(GAMMA_BOT, PERSONAL);
    let reply = world.post(MIA_HERSELF, Post { reply_to: ReplyTo::message(root), ..post(PERSONAL) });
    assert_eq!(reply.root, Some(root));
}

/// Keys are each caller's own: one's own client is another caller than an app with one's token.
#[test]
fn keys_of_people() {
    let mut world = World::new();
    let ask = |caller, digest| with_key(command(caller, Verb::Post(post(PUBLIC))), "k", digest);
    assert_eq!(world.tell_command(&ask(MIA_HERSELF, 1)), "posted");
    assert_eq!(world.tell_command(&ask(ALPHA_MIA, 2)), "posted");
    assert_eq!(world.tell_command(&ask(IVO_HIMSELF, 3)), "posted");
    assert_eq!(world.tell_command(&ask(MIA_HERSELF, 1)), "repeated 1");
    assert_eq!(world.tell_command(&ask(MIA_HERSELF, 2)), "KeyReused { other_conversation: false }");
}

/// A message for one reader that a person wrote is that person's alone: no other person is told of it.
#[test]
fn a_persons_message_for_one_reader() {
    let mut world = World::new();
    let ts = world.whisper(MIA_HERSELF, PUBLIC, IVO);
    for (caller, expect) in [
        (MIA_HERSELF, "Ephemeral"),
        (IVO_HIMSELF, "MessageNotFound"),
        (ADA_HERSELF, "MessageNotFound"),
        (ALPHA_MIA, "MessageNotFound"),
        (ALPHA_BOT, "MessageNotFound"),
    ] {
        assert_eq!(world.tell(caller, edit(PUBLIC, ts)), format!("Update({expect})"), "{caller:?}");
        assert_eq!(world.tell(caller, erase(PUBLIC, ts)), format!("Delete({expect})"), "{caller:?}");
    }
    assert_eq!(world.tell(MIA_HERSELF, edit_targeted(PUBLIC, ts, None)), "revision 2");
    let other = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    assert_eq!(world.tell(MIA_HERSELF, edit(PUBLIC, other)), "Update(MessageNotFound)");
    let nobodys = Message { app: None, ..Message::clone(world.message(PUBLIC, other).unwrap()) };
    world.messages.insert(nobodys.key, nobodys.into());
    assert_eq!(world.tell(MIA_HERSELF, edit(PUBLIC, other)), "Update(MessageNotFound)");
}
