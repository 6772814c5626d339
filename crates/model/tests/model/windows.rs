//! The workspace's settings: windows for people, which apps and administrators are free of, to the microsecond.

use redraft_model::command::Caller;
use redraft_model::time::Micros;
use redraft_model::workspace::Settings;

use crate::world::*;

/// Posts, waits for `age` and asks for an update and a deletion; `+` is accepted.
fn check(settings: &Settings, author: Caller, caller: Caller, age: i64, expect: &str) {
    let mut world = World::new();
    world.settings(settings.clone());
    let ts = world.say(author, PUBLIC);
    world.now = Micros(ts.0).plus(age);
    let told = [edit(PUBLIC, ts), erase(PUBLIC, ts)].map(|verb| world.tell(caller, verb));
    let signs = told.map(|told| if told.starts_with(['r', 'd']) { "+".into() } else { told });
    assert_eq!(signs.join(" "), expect, "{author:?} {caller:?} {age} {settings:?}");
}

#[test]
fn windows_end_exactly_at_their_limit() {
    let edit = Settings { edit_window_micros: Some(HOUR), ..Settings::default() };
    let delete = Settings { delete_window_micros: Some(HOUR), ..Settings::default() };
    let both = Settings {
        edit_window_micros: Some(0),
        delete_window_micros: Some(0),
        only_admins_delete: true,
        ..Settings::default()
    };
    let admins = Settings { only_admins_delete: true, ..Settings::default() };
    let closed = "Update(EditWindowClosed)";
    let over = "Delete(NotAllowed(DeleteWindowOver))";
    let only = "Delete(NotAllowed(OnlyAdministratorsDelete))";
    for (settings, author, caller, age, expect) in [
        (&Settings::default(), ALPHA_MIA, ALPHA_MIA, 9_999 * DAY, "+ +"),
        (&edit, ALPHA_MIA, ALPHA_MIA, HOUR - 1, "+ +"),
        (&edit, ALPHA_MIA, ALPHA_MIA, HOUR, &*format!("{closed} +")),
        (&edit, ALPHA_ADA, ALPHA_ADA, HOUR, &*format!("{closed} +")),
        (&edit, ALPHA_BOT, ALPHA_BOT, HOUR, "+ +"),
        (&edit, ALPHA_BOT, ALPHA_IVO, HOUR, "+ +"),
        (&edit, GAMMA_BOT, GAMMA_BOT, HOUR, "+ +"),
        (&delete, ALPHA_MIA, ALPHA_MIA, HOUR - 1, "+ +"),
        (&delete, ALPHA_MIA, ALPHA_MIA, HOUR, &*format!("+ {over}")),
        (&delete, ALPHA_MIA, BETA_MIA, HOUR, &*format!("+ {over}")),
        (&delete, ALPHA_ADA, ALPHA_ADA, HOUR, "+ +"),
        (&delete, ALPHA_BOT, ALPHA_BOT, HOUR, "+ +"),
        (&delete, ALPHA_BOT, ALPHA_IVO, HOUR, "+ +"),
        (&delete, GAMMA_BOT, GAMMA_BOT, HOUR, "+ +"),
        (&admins, ALPHA_MIA, ALPHA_MIA, 0, &*format!("+ {only}")),
        (&admins, ALPHA_ADA, ALPHA_ADA, 0, "+ +"),
        (&admins, ALPHA_BOT, ALPHA_BOT, 0, "+ +"),
        (&admins, ALPHA_BOT, ALPHA_IVO, 0, "+ +"),
        (&both, ALPHA_MIA, ALPHA_MIA, 0, &*format!("{closed} {only}")),
        (&both, ALPHA_ADA, ALPHA_ADA, 0, &*format!("{closed} +")),
        (&both, ALPHA_BOT, ALPHA_BOT, 0, "+ +"),
    ] {
        check(settings, author, caller, age, expect);
    }
}

/// An administrator still removes what is others' when people no longer can.
#[test]
fn an_administrator_deletes_after_every_window() {
    let mut world = World::new();
    world.settings(Settings {
        edit_window_micros: Some(1),
        delete_window_micros: Some(1),
        only_admins_delete: true,
        ..Settings::default()
    });
    let ts = world.say(ALPHA_MIA, PUBLIC);
    world.now = START.plus(DAY);
    assert_eq!(world.tell(ALPHA_ADA, edit(PUBLIC, ts)), "Update(NotAuthor(NotPostedByThisUser))");
    assert_eq!(world.tell(ALPHA_ADA, erase(PUBLIC, ts)), "deleted");
}
