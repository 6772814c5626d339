//! What people do that an app is told of: who may, and what the app gets with it.

use redraft_model::command::{Caller, Verb};
use redraft_model::control::Control;
use redraft_model::grant::{AnswerUrl, GrantAnswers, Place};
use redraft_model::id::{AppId, ConversationId};
use redraft_model::item::{Grant, Item, ItemKey, Origin, ResponseUrl, Trigger};
use redraft_model::time::Ts;

use crate::world::*;

fn out(refusal: &str) -> String {
    format!("GrantAnswers({refusal})")
}

/// What is done here, with a trigger and a `response_url`.
fn interact(app: AppId, place: Place) -> Verb {
    let answers = match place {
        Place::Conversation(conversation) | Place::Message { conversation, .. } => {
            vec![AnswerUrl { secret: [2; 32], conversation, origin: Origin::Action }]
        }
        _ => vec![],
    };
    Verb::GrantAnswers(GrantAnswers { app, place, trigger: Some([1; 32]), answers })
}

fn on(conversation: ConversationId, ts: Ts) -> Place {
    Place::Message { conversation, ts, shortcut: false }
}

fn shortcut(conversation: ConversationId, ts: Ts) -> Place {
    Place::Message { conversation, ts, shortcut: true }
}

fn grant(world: &World, secret: u8) -> Option<Grant> {
    match world.items.get(&(HOME, ItemKey::Grant([secret; 32])))? {
        Item::Grant(grant) => Some(grant.clone()),
        _ => None,
    }
}

#[test]
fn refusals_in_order_of_precedence() {
    let stage = |archive: bool| {
        let mut world = World::new();
        let tombstone = world.tombstone(ALPHA_BOT, PUBLIC).0;
        let old = world.whisper(ALPHA_BOT, GENERAL, MIA);
        world.now = world.now.plus(DAY + SECOND);
        let whispered = world.whisper(ALPHA_BOT, GENERAL, MIA);
        let by_beta = world.say(BETA_BOT, GENERAL);
        let by_mia = world.say(ALPHA_MIA, GENERAL);
        let by_gamma = world.say(GAMMA_BOT, GENERAL);
        world.control(set_archived(PUBLIC, archive));
        (world, [tombstone, old, whispered, by_beta, by_mia, by_gamma])
    };
    let [tombstone, old, whispered, by_beta, by_mia, by_gamma] = stage(false).1;
    for (caller, app, place, archive, expect) in [
        (ALPHA_MIA, ALPHA_APP, on(NOWHERE, NEVER), true, "Caller(WrongKind)".into()),
        (ALPHA_BOT, ALPHA_APP, Place::Anywhere, true, "Caller(WrongKind)".into()),
        (SAM_HIMSELF, AppId(99), on(NOWHERE, NEVER), true, out("ConversationNotFound")),
        (SAM_HIMSELF, AppId(99), on(PRIVATE, NEVER), true, out("ConversationNotFound")),
        (SAM_HIMSELF, AppId(99), Place::Conversation(DIRECT), true, out("ConversationNotFound")),
        (SAM_HIMSELF, AppId(99), on(PUBLIC, NEVER), true, out("Archived")),
        (SAM_HIMSELF, AppId(99), Place::Conversation(PUBLIC), true, out("Archived")),
        (SAM_HIMSELF, AppId(99), on(PUBLIC, NEVER), false, out("NotMember")),
        (SAM_HIMSELF, AppId(99), Place::Conversation(PUBLIC), false, out("NotMember")),
        (MIA_HERSELF, AppId(99), on(PUBLIC, NEVER), false, out("MessageNotFound")),
        (MIA_HERSELF, AppId(99), shortcut(PUBLIC, NEVER), false, out("MessageNotFound")),
        (MIA_HERSELF, AppId(99), on(GENERAL, old), false, out("MessageNotFound")),
        (IVO_HIMSELF, AppId(99), on(GENERAL, whispered), false, out("MessageNotFound")),
        (MIA_HERSELF, AppId(99), on(PUBLIC, tombstone), false, out("Tombstone")),
        (MIA_HERSELF, AppId(99), shortcut(PUBLIC, tombstone), false, out("Tombstone")),
        (MIA_HERSELF, AppId(99), shortcut(GENERAL, whispered), false, out("ForOneReader")),
        (MIA_HERSELF, AppId(99), Place::View("V1".into()), false, out("ViewNotFound")),
        (MIA_HERSELF, AppId(99), on(GENERAL, whispered), false, out("NoApp")),
        (MIA_HERSELF, AppId(99), shortcut(GENERAL, by_beta), false, out("NoApp")),
        (MIA_HERSELF, AppId(99), Place::Anywhere, false, out("NoApp")),
        (MIA_HERSELF, AppId(99), Place::Conversation(PRIVATE), false, out("NoApp")),
        (MIA_HERSELF, GAMMA_APP, on(GENERAL, by_gamma), false, out("NoApp")),
        (MIA_HERSELF, ALPHA_APP, on(GENERAL, by_beta), false, out("OtherApp")),
        (MIA_HERSELF, ALPHA_APP, on(GENERAL, by_mia), false, out("OtherApp")),
        (MIA_HERSELF, ALPHA_APP, on(GENERAL, whispered), false, "granted".into()),
        (MIA_HERSELF, ALPHA_APP, shortcut(GENERAL, by_beta), false, "granted".into()),
        (MIA_HERSELF, ALPHA_APP, Place::Anywhere, false, "granted".into()),
        (MIA_HERSELF, ALPHA_APP, Place::Conversation(PRIVATE), false, "granted".into()),
        (SAM_HIMSELF, BETA_APP, on(GENERAL, by_beta), false, "granted".into()),
    ] {
        let (mut world, _) = stage(archive);
        let told = world.tell(caller, interact(app, place.clone()));
        assert_eq!(told, expect, "{caller:?} {app:?} {place:?}");
        assert_eq!(world.items.is_empty(), expect != "granted", "a refusal grants nothing");
    }
}

#[test]
fn an_app_that_is_gone_is_told_nothing() {
    let mut world = World::new();
    let ts = world.say(ALPHA_BOT, GENERAL);
    world.control(Control::UninstallApp(ALPHA_APP));
    assert_eq!(world.tell(MIA_HERSELF, interact(ALPHA_APP, on(GENERAL, ts))), out("NoApp"));
    assert_eq!(world.tell(MIA_HERSELF, interact(ALPHA_APP, Place::Anywhere)), out("NoApp"));
}

/// What is granted names the app, the person and the place; only acts on elements have an original.
#[test]
fn what_is_granted() {
    for (place, conversation, of) in [
        (|ts| on(PUBLIC, ts), Some(PUBLIC), true),
        (|ts| shortcut(PUBLIC, ts), Some(PUBLIC), false),
        (|_| Place::Conversation(PUBLIC), Some(PUBLIC), false),
        (|_| Place::Anywhere, None, false),
    ] as [(fn(Ts) -> Place, Option<ConversationId>, bool); 4]
    {
        let mut world = World::new();
        let ts = world.say(ALPHA_BOT, PUBLIC);
        let before = world.logs[&HOME].len();
        assert_eq!(world.tell(MIA_HERSELF, interact(ALPHA_APP, place(ts))), "granted");
        let (app, user, made_at) = (ALPHA_APP, MIA, world.now);
        let trigger = Trigger { app, user, view: None, made_at, used: false };
        assert_eq!(grant(&world, 1), Some(Grant::Trigger(trigger)));
        let url = conversation.map(|conversation| {
            let (origin, original) = (Origin::Action, of.then_some(ts));
            let url = ResponseUrl {
                app,
                user,
                conversation,
                origin,
                original,
                made_at,
                uses: 0,
                last_used_at: None,
            };
            Grant::ResponseUrl(url)
        });
        assert_eq!(grant(&world, 2), url);
        assert_eq!(world.logs[&HOME].len(), before, "it is a call and no event");
    }
}

/// Answers go only where the person sees something.
#[test]
fn answers_of_a_submission() {
    let mut world = World::new();
    let ask = |conversation, caller: Caller, world: &mut World| {
        let answers = vec![AnswerUrl { secret: [3; 32], conversation, origin: Origin::Submission }];
        let asked = GrantAnswers { app: ALPHA_APP, place: Place::Anywhere, trigger: None, answers };
        world.tell(caller, Verb::GrantAnswers(asked))
    };
    assert_eq!(ask(PRIVATE, SAM_HIMSELF, &mut world), out("ConversationNotFound"));
    assert_eq!(grant(&world, 3), None);
    assert_eq!(ask(PRIVATE, MIA_HERSELF, &mut world), "granted");
    let Some(Grant::ResponseUrl(url)) = grant(&world, 3) else { panic!("not granted") };
    assert_eq!((url.conversation, url.origin, url.original), (PRIVATE, Origin::Submission, None));
    assert_eq!(grant(&world, 1), None, "no trigger was asked for");
}
