//! Rights: the printed table is the one in the docs, and decisions are what it says.

use redraft_model::command::{Caller, Command};
use redraft_model::content::Dialect;
use redraft_model::control::Control;
use redraft_model::id::{ConversationId, UserId};
use redraft_model::message::Message;
use redraft_model::policy::{self, Actor, Asker, Rule, Subject};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::{ConversationKind, Settings, TokenKind};

use crate::world::*;

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RIGHTS.txt");

/// A changed right is a changed line of the document.
#[test]
fn the_table_is_the_documents() {
    assert_eq!(policy::table(), std::fs::read_to_string(DOC).unwrap());
}

/// A world in which Sam and delta can be authors too, and one message for a caller to try.
fn target(subject: Subject, caller: Caller) -> (World, ConversationId, Ts) {
    let mut world = World::with_away();
    let say = |world: &mut World, author, place| (place, world.say(author, place));
    let (place, ts) = match subject {
        Subject::Own if caller == stranger() => (GENERAL, NEVER),
        Subject::Own => say(&mut world, caller, GENERAL),
        Subject::OtherMember => say(&mut world, ALPHA_SAM, GENERAL),
        Subject::OtherApp => say(&mut world, GAMMA_BOT, GENERAL),
        Subject::OthersDirect => say(&mut world, ALPHA_SAM, GROUP),
        // Everyone's own, if that helped: all of them are authors of what is written about them.
        Subject::Platforms if caller == stranger() => (GENERAL, NEVER),
        Subject::Platforms => notice(&mut world, caller),
        Subject::Tombstone => (GENERAL, world.tombstone(ALPHA_BOT, GENERAL).0),
        Subject::Ephemeral => (GENERAL, world.whisper(ALPHA_BOT, GENERAL, MIA)),
        Subject::AppsBot | Subject::AsTheApp => say(&mut world, ALPHA_BOT, GENERAL),
    };
    (world, place, ts)
}

/// What the platform wrote when the caller's user came into a channel.
fn notice(world: &mut World, caller: Caller) -> (ConversationId, Ts) {
    let mut trial = world.clone();
    let ts = trial.say(caller, GENERAL);
    let user = trial.message(GENERAL, ts).unwrap().author;
    world.control(Control::RemoveMember(GENERAL, user));
    world.control(Control::AddMember(GENERAL, user));
    (GENERAL, world.messages.keys().next_back().unwrap().ts)
}

fn stranger() -> Caller {
    Caller::Token(hash(2, 4))
}

/// Whether an update and a deletion are accepted.
fn decided(subject: Subject, caller: Caller) -> (bool, bool) {
    let (world, place, ts) = target(subject, caller);
    let accepts = |verb| {
        let asked = Command { workspace: HOME, caller, idempotency: None, verb, source: None };
        world.decide(&asked).is_ok()
    };
    (accepts(edit(place, ts)), accepts(erase(place, ts)))
}

fn caller(asker: Asker) -> Caller {
    match asker {
        Asker::Bot => ALPHA_BOT,
        Asker::Installer => ALPHA_IVO,
        Asker::Member => ALPHA_MIA,
        Asker::Administrator => ALPHA_ADA,
        Asker::OtherBot => BETA_BOT,
        Asker::OtherApp => BETA_IVO,
        Asker::OtherWorkspace => stranger(),
    }
}

#[test]
fn decisions_are_what_the_table_says() {
    let mut cells = 0;
    for right in policy::rights() {
        assert_eq!(decided(right.subject, caller(right.asker)), (right.update, right.delete), "{right:?}");
        cells += 1;
    }
    assert_eq!(cells, 63);
}

fn actor(app: u32, user: UserId, kind: TokenKind, admin: bool, installer: bool) -> Actor {
    let app = Some(redraft_model::id::AppId(app));
    Actor { workspace: HOME, dialect: Dialect::Slack, app, user, kind, admin, installer }
}

fn message(author: Caller, conversation: ConversationId) -> Message {
    let mut world = World::new();
    let ts = world.say(author, conversation);
    Message::clone(world.message(conversation, ts).unwrap())
}

/// Rows of actors that no token makes, too: the policy does not lean on how an actor was found.
#[test]
fn each_rule_names_itself() {
    use TokenKind::{Bot, User};
    let (by_app, by_user, installer) =
        (Rule::NotPostedByThisApp, Rule::NotPostedByThisUser, Rule::NotTheInstaller);
    let no = Err;
    let yes: Result<(), Rule> = Ok(());
    let dm = Rule::OthersDirectMessage;
    for (name, actor, author, place, update, delete) in [
        ("bot, own", actor(1, ALPHA, Bot, false, false), ALPHA_BOT, GENERAL, yes, yes),
        ("bot of the app", actor(1, ADA, Bot, false, false), ALPHA_BOT, GENERAL, yes, yes),
        ("bot, person's", actor(1, ALPHA, Bot, false, false), ALPHA_MIA, GENERAL, no(by_app), no(by_app)),
        ("bot, other app's", actor(2, BETA, Bot, false, false), ALPHA_BOT, GENERAL, no(by_app), no(by_app)),
        ("bot of an admin", actor(2, ADA, Bot, true, true), ALPHA_BOT, GENERAL, no(by_app), no(by_app)),
        ("bot, same user", actor(2, MIA, Bot, false, false), ALPHA_MIA, GENERAL, no(by_app), no(by_app)),
        ("person, own", actor(1, MIA, User, false, false), ALPHA_MIA, GENERAL, yes, yes),
        ("person, own by another app", actor(2, MIA, User, false, false), ALPHA_MIA, GENERAL, yes, yes),
        ("person, other's", actor(1, IVO, User, false, true), ALPHA_MIA, GENERAL, no(by_user), no(by_user)),
        ("installer", actor(1, IVO, User, false, true), ALPHA_BOT, GENERAL, yes, yes),
        ("other installer", actor(2, IVO, User, false, true), ALPHA_BOT, GENERAL, no(by_app), no(by_app)),
        ("member", actor(1, MIA, User, false, false), ALPHA_BOT, GENERAL, no(installer), no(installer)),
        ("admin, member's", actor(1, ADA, User, true, false), ALPHA_MIA, GENERAL, no(by_user), yes),
        ("admin, app's", actor(1, ADA, User, true, false), ALPHA_BOT, GENERAL, no(installer), yes),
        ("admin, other app's", actor(1, ADA, User, true, false), GAMMA_BOT, GENERAL, no(by_app), yes),
        ("admin, others' DM", actor(1, ADA, User, true, false), ALPHA_MIA, GROUP, no(by_user), no(dm)),
        ("admin, app's DM", actor(1, ADA, User, true, false), ALPHA_BOT, GROUP, no(installer), no(dm)),
        ("admin, own in a DM", actor(1, ADA, User, true, false), ALPHA_ADA, GROUP, yes, yes),
        ("member, others' DM", actor(1, IVO, User, false, false), ALPHA_MIA, GROUP, no(by_user), no(by_user)),
    ] {
        let message = message(author, place);
        let world = World::new();
        let told = policy::may_delete(&actor, &message, world.room(place), &Settings::default(), world.now);
        assert_eq!((policy::may_update(&actor, &message), told), (update, delete), "{name}");
    }
}

/// A person's message may say that it was posted as no app, or as one that is not known any more.
#[test]
fn a_message_of_no_app_is_no_bots() {
    let stray = Message { app: None, ..message(ALPHA_BOT, GENERAL) };
    let bot = actor(1, ALPHA, TokenKind::Bot, false, false);
    assert_eq!(policy::may_update(&bot, &stray), Err(Rule::NotPostedByThisApp));
}

#[test]
fn the_edit_window_is_for_people_and_what_they_wrote() {
    let settings = Settings { edit_window_micros: Some(HOUR), ..Settings::default() };
    for (author, kind, expect) in [
        (ALPHA_MIA, TokenKind::User, true),
        (ALPHA_BOT, TokenKind::User, false),
        (ALPHA_MIA, TokenKind::Bot, false),
        (ALPHA_BOT, TokenKind::Bot, false),
    ] {
        let message = message(author, GENERAL);
        let over = |settings, now| {
            policy::edit_window_over(&actor(1, MIA, kind, false, false), &message, settings, now)
        };
        let end = Micros(message.key.ts.0).plus(HOUR);
        assert_eq!((over(&settings, end.plus(-1)), over(&settings, end)), (false, expect), "{kind:?}");
        assert!(!over(&Settings::default(), end));
    }
}

#[test]
fn who_sees_what() {
    let world = World::new();
    for (user, place, expect) in [
        (SAM, GENERAL, true),
        (SAM, PUBLIC, true),
        (SAM, PRIVATE, false),
        (IVO, PRIVATE, true),
        (DELTA, PRIVATE, false),
        (ADA, DIRECT, false),
        (MIA, DIRECT, true),
        (SAM, GROUP, true),
        (OLGA, GROUP, false),
    ] {
        assert_eq!(policy::sees(user, world.room(place)), expect, "{user:?} {place:?}");
    }
    let kinds = [GENERAL, PRIVATE, DIRECT, GROUP].map(|place| world.room(place).kind);
    use ConversationKind as K;
    assert_eq!(kinds, [K::Public, K::Private, K::Direct, K::Group]);
}

#[test]
fn every_rule_has_words_of_its_own() {
    let rules = [
        Rule::NotPostedByThisApp,
        Rule::NotPostedByThisUser,
        Rule::NotTheInstaller,
        Rule::OthersDirectMessage,
        Rule::OnlyAdministratorsDelete,
        Rule::DeleteWindowOver,
    ];
    let words: std::collections::BTreeSet<_> = rules.map(Rule::words).into();
    assert_eq!(words.len(), rules.len());
    assert!(words.iter().all(|words| 20 < words.len()));
}

/// Hidden, deleted and missing are three answers: what one reader's message was stays hidden from all others when it is gone.
#[test]
fn what_a_lookup_finds() {
    use redraft_model::message::Gone;
    use redraft_model::policy::{Found, Reader};
    let keeps = Settings::default().retention;
    let mut world = World::new();
    let public = world.say(ALPHA_BOT, PUBLIC);
    let whisper = world.whisper(ALPHA_BOT, PUBLIC, MIA);
    let gone = |world: &World, ts| {
        let last = std::sync::Arc::clone(world.message(PUBLIC, ts).unwrap());
        Gone { last, by: ALPHA, at: world.now }
    };
    let writer = Reader::Writer(ALPHA, Some(ALPHA_APP));
    for (reader, of_all, of_one) in [
        (Reader::Api, true, false),
        (Reader::Client(MIA), true, true),
        (Reader::Client(IVO), true, false),
        (writer, true, true),
        (Reader::Writer(MIA, Some(ALPHA_APP)), true, true),
        (Reader::Writer(IVO, Some(ALPHA_APP)), true, false),
        (Reader::Writer(ALPHA, None), true, false),
    ] {
        for (ts, sees) in [(public, of_all), (whisper, of_one)] {
            let living = world.message(PUBLIC, ts).cloned();
            let found = reader.finds(living.clone(), None, world.now, keeps);
            assert_eq!(
                found,
                if sees { Found::Visible(living.unwrap()) } else { Found::Hidden },
                "{reader:?}"
            );
            let found = reader.finds(None::<std::sync::Arc<_>>, Some(&gone(&world, ts)), world.now, keeps);
            assert_eq!(found, if sees { Found::Deleted } else { Found::Hidden }, "{reader:?}");
        }
        assert_eq!(reader.finds(None::<std::sync::Arc<_>>, None, world.now, keeps), Found::Missing);
        let later = world.now.plus(25 * HOUR);
        let whispered = world.message(PUBLIC, whisper).cloned();
        assert_eq!(
            reader.finds(whispered, None, later, keeps),
            Found::Hidden,
            "{reader:?}: its time is over"
        );
    }
}
