//! Modals: triggers, stacks, names, hashes, and what people and their apps do to them.

use redraft_model::command::{Caller, Verb};
use redraft_model::grant::{GrantAnswers, Place};
use redraft_model::id::{AppId, UserId};
use redraft_model::item::{Grant, Item, ItemKey, ModalView, Views};
use redraft_model::limits::TRIGGER_MICROS;
use redraft_model::modal::{Answer, Modal, Which};

use crate::world::*;

fn out(refusal: &str) -> String {
    format!("Modal({refusal})")
}

fn view(id: &str, external_id: Option<&str>) -> ModalView {
    ModalView {
        id: id.into(),
        external_id: external_id.map(str::to_owned),
        hash: format!("hash of {id}"),
        json: "{}".into(),
    }
}

fn modal(modal: Modal) -> Verb {
    Verb::Modal(Box::new(modal))
}

fn open(trigger: u8, id: &str, name: Option<&str>) -> Verb {
    modal(Modal::Open { trigger: [trigger; 32], view: view(id, name) })
}

fn push(trigger: u8, id: &str, name: Option<&str>) -> Verb {
    modal(Modal::Push { trigger: [trigger; 32], view: view(id, name) })
}

fn by_id(id: &str) -> Which {
    Which::Id(id.into())
}

fn by_name(name: &str) -> Which {
    Which::ExternalId(name.into())
}

fn change(which: Which, if_hash: Option<&str>, hash: &str, name: Option<&str>) -> Verb {
    let view = ModalView { hash: hash.into(), ..view("ignored", name) };
    modal(Modal::Update { which, if_hash: if_hash.map(str::to_owned), view })
}

fn answer(app: AppId, id: &str, answer: Answer) -> Verb {
    modal(Modal::Answer { app, id: id.into(), answer })
}

fn close(id: &str, all: bool) -> Verb {
    modal(Modal::Close { id: id.into(), all })
}

/// A trigger of this number for something that the person does, in a modal if one is named.
fn act(world: &mut World, person: Caller, app: AppId, number: u8, within: Option<&str>) {
    let place = within.map_or(Place::Anywhere, |id| Place::View(id.into()));
    let asked = GrantAnswers { app, place, trigger: Some([number; 32]), answers: vec![] };
    assert_eq!(world.tell(person, Verb::GrantAnswers(asked)), "granted");
}

fn stack(world: &World, user: UserId) -> Option<&Views> {
    match world.items.get(&(HOME, ItemKey::Views(user)))? {
        Item::Views(views) => Some(views),
        _ => None,
    }
}

fn ids(world: &World, user: UserId) -> Vec<&str> {
    stack(world, user).into_iter().flat_map(|views| &views.stack).map(|view| view.id.as_str()).collect()
}

/// All names that lead to a modal.
fn names(world: &World) -> Vec<(AppId, &str)> {
    let names = world.items.keys().filter_map(|(_, key)| match key {
        ItemKey::ViewName(app, name) => Some((*app, name.as_str())),
        _ => None,
    });
    names.collect()
}

/// Mia has V1 open, with V2 on it: of alpha.
fn two_open() -> World {
    let mut world = World::new();
    act(&mut world, MIA_HERSELF, ALPHA_APP, 1, None);
    assert_eq!(world.tell(ALPHA_BOT, open(1, "V1", Some("one"))), "V1 of V1");
    act(&mut world, MIA_HERSELF, ALPHA_APP, 2, Some("V1"));
    assert_eq!(world.tell(ALPHA_BOT, push(2, "V2", None)), "V2 of V1 V2");
    world
}

#[test]
fn triggers() {
    let stage = || {
        let mut world = two_open();
        act(&mut world, MIA_HERSELF, ALPHA_APP, 3, Some("V2"));
        act(&mut world, MIA_HERSELF, ALPHA_APP, 4, None);
        world
    };
    for (caller, trigger, later, opened, pushed) in [
        (MIA_HERSELF, 3, 0, "Caller(WrongKind)".into(), "Caller(WrongKind)".into()),
        (ALPHA_BOT, 9, 0, out("InvalidTrigger"), out("InvalidTrigger")),
        (BETA_BOT, 3, 0, out("InvalidTrigger"), out("InvalidTrigger")),
        (BETA_BOT, 2, 0, out("InvalidTrigger"), out("InvalidTrigger")),
        (ALPHA_BOT, 2, TRIGGER_MICROS, out("ExchangedTrigger"), out("ExchangedTrigger")),
        (ALPHA_BOT, 3, TRIGGER_MICROS, out("ExpiredTrigger"), out("ExpiredTrigger")),
        (ALPHA_BOT, 4, 0, "V9 of V9".into(), out("InvalidTrigger")),
        (ALPHA_BOT, 3, TRIGGER_MICROS - 1, "V9 of V9".into(), "V9 of V1 V2 V9".into()),
        (ALPHA_IVO, 3, 0, "V9 of V9".into(), "V9 of V1 V2 V9".into()),
    ] {
        for (verb, expect) in [(open(trigger, "V9", None), opened), (push(trigger, "V9", None), pushed)] {
            let mut world = stage();
            world.now = world.now.plus(later);
            let done = expect.starts_with('V');
            assert_eq!(world.tell(caller, verb.clone()), expect, "{caller:?} {trigger} {later}");
            assert_eq!(ids(&world, MIA).contains(&"V9"), done);
            let again = if done { out("ExchangedTrigger") } else { expect };
            assert_eq!(world.tell(caller, verb), again, "{caller:?} {trigger} {later} again");
        }
    }
}

/// A refused modal does not use its trigger up, so that the app can mend it.
#[test]
fn a_trigger_is_used_by_what_is_accepted() {
    let mut world = two_open();
    act(&mut world, SAM_HIMSELF, ALPHA_APP, 3, None);
    assert_eq!(world.tell(ALPHA_BOT, open(3, "V9", Some("one"))), out("DuplicateExternalId"));
    let used = |world: &World| match world.items.get(&(HOME, ItemKey::Grant([3; 32]))) {
        Some(Item::Grant(Grant::Trigger(trigger))) => trigger.used,
        other => panic!("{other:?}"),
    };
    assert!(!used(&world));
    assert_eq!(world.tell(ALPHA_BOT, open(3, "V9", Some("nine"))), "V9 of V9");
    assert!(used(&world));
}

#[test]
fn what_is_opened_takes_the_place_of_everything() {
    let mut world = two_open();
    act(&mut world, MIA_HERSELF, BETA_APP, 3, None);
    assert_eq!(world.tell(BETA_BOT, open(3, "V3", Some("one"))), "V3 of V3");
    assert_eq!(ids(&world, MIA), ["V3"]);
    assert_eq!(names(&world), [(BETA_APP, "=one"), (BETA_APP, "V3")]);
    assert_eq!(world.tell(ALPHA_BOT, change(by_id("V1"), None, "h", None)), out("NotFound"));
}

#[test]
fn three_lie_on_one_another() {
    let mut world = two_open();
    for (number, expect) in [(3, "V3 of V1 V2 V3".to_owned()), (4, out("TooMany"))] {
        act(&mut world, MIA_HERSELF, ALPHA_APP, number, Some("V2"));
        assert_eq!(world.tell(ALPHA_BOT, push(number, &format!("V{number}"), None)), expect);
    }
    let pushed = answer(ALPHA_APP, "V3", Answer::Push(view("V5", None)));
    assert_eq!(world.tell(MIA_HERSELF, pushed), out("TooMany"));
    assert_eq!(ids(&world, MIA), ["V1", "V2", "V3"]);
}

#[test]
fn pushing_on_what_was_closed() {
    let mut world = two_open();
    act(&mut world, MIA_HERSELF, ALPHA_APP, 3, Some("V2"));
    assert_eq!(world.tell(MIA_HERSELF, close("V2", false)), "done");
    assert_eq!(world.tell(ALPHA_BOT, push(3, "V3", None)), out("NotFound"));
}

#[test]
fn updates() {
    for (caller, which, if_hash, name, expect) in [
        (MIA_HERSELF, by_id("V1"), None, None, "Caller(WrongKind)".into()),
        (BETA_BOT, by_id("V1"), Some("x"), None, out("NotFound")),
        (BETA_BOT, by_name("one"), Some("x"), None, out("NotFound")),
        (ALPHA_BOT, by_id("V9"), Some("x"), None, out("NotFound")),
        (ALPHA_BOT, by_id("one"), Some("x"), None, out("NotFound")),
        (ALPHA_BOT, by_id("=one"), Some("x"), None, out("NotFound")),
        (ALPHA_BOT, by_name("V1"), Some("x"), None, out("NotFound")),
        (ALPHA_BOT, by_id("V2"), Some("hash of V1"), Some("one"), out("HashConflict")),
        (ALPHA_BOT, by_id("V2"), Some("hash of V2"), Some("one"), out("DuplicateExternalId")),
        (ALPHA_BOT, by_id("V2"), Some("hash of V2"), Some("two"), "V2 of V1 V2".into()),
        (ALPHA_BOT, by_id("V1"), None, Some("one"), "V1 of V1 V2".into()),
        (ALPHA_MIA, by_name("one"), None, None, "V1 of V1 V2".into()),
    ] {
        let mut world = two_open();
        let before = stack(&world, MIA).cloned();
        let told = world.tell(caller, change(which.clone(), if_hash, "newer", name));
        assert_eq!(told, expect, "{caller:?} {which:?} {if_hash:?} {name:?}");
        let hashes: Vec<String> =
            stack(&world, MIA).unwrap().stack.iter().map(|view| view.hash.clone()).collect();
        assert_eq!(hashes.contains(&"newer".to_owned()), expect.starts_with('V'));
        if !expect.starts_with('V') {
            assert_eq!(stack(&world, MIA).cloned(), before);
        }
    }
}

/// An app's names follow its modals: a name that is given up is free, and one that is taken is taken for everybody.
#[test]
fn names_follow_the_modals() {
    let mut world = two_open();
    let all = |more: &[&'static str]| {
        let mut all: Vec<_> =
            [&["V1", "V2"], more].concat().into_iter().map(|name| (ALPHA_APP, name)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(names(&world), all(&["=one"]));
    world.tell(ALPHA_BOT, change(by_id("V2"), None, "h", Some("two")));
    assert_eq!(names(&world), all(&["=one", "=two"]));
    world.tell(ALPHA_BOT, change(by_name("one"), None, "h", Some("uno")));
    assert_eq!(names(&world), all(&["=two", "=uno"]));
    assert_eq!(world.tell(ALPHA_BOT, change(by_name("one"), None, "h", None)), out("NotFound"));
    act(&mut world, SAM_HIMSELF, ALPHA_APP, 3, None);
    assert_eq!(world.tell(ALPHA_BOT, open(3, "V3", Some("two"))), out("DuplicateExternalId"));
    assert_eq!(world.tell(MIA_HERSELF, close("V2", false)), "done");
    assert_eq!(world.tell(ALPHA_BOT, open(3, "V3", Some("two"))), "V3 of V3");
    assert_eq!(world.tell(ALPHA_BOT, change(by_name("two"), None, "h", None)), "V3 of V3", "of Sam by now");
    assert_eq!(world.tell(MIA_HERSELF, close("V1", true)), "done");
    assert_eq!((ids(&world, MIA), stack(&world, MIA)), (vec![], None));
    assert_eq!(names(&world), [(ALPHA_APP, "V3")]);
}

#[test]
fn answers_to_submissions() {
    let stage = || {
        let mut world = two_open();
        act(&mut world, SAM_HIMSELF, ALPHA_APP, 3, None);
        world.tell(ALPHA_BOT, open(3, "V3", Some("three")));
        world
    };
    let updated = || Answer::Update(view("ignored", None));
    for (caller, app, id, answered, expect, left) in [
        (ALPHA_BOT, ALPHA_APP, "V2", Answer::Close, "Caller(WrongKind)".into(), &["V1", "V2"][..]),
        (MIA_HERSELF, ALPHA_APP, "V2", Answer::Close, "done".into(), &["V1"]),
        (MIA_HERSELF, ALPHA_APP, "V1", Answer::Close, "done".into(), &["V2"]),
        (MIA_HERSELF, ALPHA_APP, "V2", Answer::Clear, "done".into(), &[]),
        (MIA_HERSELF, ALPHA_APP, "V2", updated(), "V2 of V1 V2".into(), &["V1", "V2"]),
        (
            MIA_HERSELF,
            ALPHA_APP,
            "V2",
            Answer::Push(view("V4", None)),
            "V4 of V1 V2 V4".into(),
            &["V1", "V2", "V4"],
        ),
        (
            MIA_HERSELF,
            ALPHA_APP,
            "V2",
            Answer::Push(view("V4", Some("three"))),
            out("DuplicateExternalId"),
            &["V1", "V2"],
        ),
        (
            MIA_HERSELF,
            ALPHA_APP,
            "V2",
            Answer::Push(view("V4", Some("one"))),
            out("DuplicateExternalId"),
            &["V1", "V2"],
        ),
        // What is not open any more, or not of that app, is left alone.
        (MIA_HERSELF, ALPHA_APP, "V9", Answer::Clear, "done".into(), &["V1", "V2"]),
        (MIA_HERSELF, BETA_APP, "V2", Answer::Clear, "done".into(), &["V1", "V2"]),
        (SAM_HIMSELF, ALPHA_APP, "V2", Answer::Clear, "done".into(), &["V1", "V2"]),
    ] {
        let mut world = stage();
        assert_eq!(
            world.tell(caller, answer(app, id, answered.clone())),
            expect,
            "{caller:?} {id} {answered:?}"
        );
        assert_eq!(ids(&world, MIA), left, "{caller:?} {id} {answered:?}");
    }
}

#[test]
fn closing() {
    for (caller, id, all, expect, left) in [
        (ALPHA_BOT, "V2", false, "Caller(WrongKind)".into(), &["V1", "V2"][..]),
        (SAM_HIMSELF, "V2", false, out("NotFound"), &["V1", "V2"]),
        (MIA_HERSELF, "V9", true, out("NotFound"), &["V1", "V2"]),
        (MIA_HERSELF, "V2", false, "done".into(), &["V1"]),
        (MIA_HERSELF, "V2", true, "done".into(), &[]),
    ] {
        let mut world = two_open();
        assert_eq!(world.tell(caller, close(id, all)), expect, "{caller:?} {id} {all}");
        assert_eq!(ids(&world, MIA), left);
    }
}

/// An interaction in a modal is possible while it is open, for its app and its person.
#[test]
fn acting_in_a_modal() {
    let mut world = two_open();
    let ask = |app, id: &str, caller, world: &mut World| {
        let place = Place::View(id.into());
        let asked = GrantAnswers { app, place, trigger: Some([9; 32]), answers: vec![] };
        world.tell(caller, Verb::GrantAnswers(asked))
    };
    let gone = "GrantAnswers(ViewNotFound)";
    assert_eq!(ask(BETA_APP, "V2", MIA_HERSELF, &mut world), gone);
    assert_eq!(ask(ALPHA_APP, "V2", SAM_HIMSELF, &mut world), gone);
    assert_eq!(ask(ALPHA_APP, "V9", MIA_HERSELF, &mut world), gone);
    assert_eq!(ask(ALPHA_APP, "V1", MIA_HERSELF, &mut world), "granted");
    let Some(Item::Grant(Grant::Trigger(trigger))) = world.items.get(&(HOME, ItemKey::Grant([9; 32]))) else {
        panic!("no trigger")
    };
    assert_eq!(trigger.view.as_deref(), Some("V1"));
}
