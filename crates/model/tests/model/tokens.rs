//! Who a caller is: every state of a token, and that no token reaches beyond its workspace.

use redraft_model::command::{Caller, Command, Revocation, Verb};
use redraft_model::control::Control;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::event::EventKind;
use redraft_model::id::{AppId, UserId, WorkspaceId};
use redraft_model::time::Micros;
use redraft_model::workspace::{Token, TokenKind, User};

use crate::world::*;

#[test]
fn every_state_of_a_token() {
    let mut world = World::new();
    let Caller::Token(alpha_sam) = ALPHA_SAM else { panic!() };
    world.control(Control::RevokeToken(alpha_sam));
    let mut expiring = token(hash(1, 50), ALPHA_APP, MIA, TokenKind::User);
    expiring.expires_at = Some(START.plus(HOUR));
    let both = Token { hash: hash(1, 51), revoked: true, expires_at: Some(START), ..expiring.clone() };
    let ended =
        Token { hash: hash(1, 52), kind: TokenKind::App, expires_at: Some(START), ..expiring.clone() };
    let nobodys = Token { hash: hash(1, 53), user: UserId(99), ..expiring.clone() };
    let no_app = Token { hash: hash(1, 54), app: AppId(99), ..expiring.clone() };
    let apps_of_olga = Token { hash: hash(1, 55), user: OLGA, kind: TokenKind::App, ..expiring.clone() };
    for token in [expiring, both, ended, nobodys, no_app, apps_of_olga] {
        let change = redraft_model::directory::DirectoryChange::Token(HOME, token);
        world.directories.apply(&change);
    }
    for (caller, age, expect) in [
        (Caller::Token(hash(1, 99)), 0, "Caller(Unknown)"),
        (Caller::Control, 0, "Caller(Unknown)"),
        (Caller::Bot(AppId(99)), 0, "Caller(Unknown)"),
        (ALPHA_SAM, 0, "Caller(Revoked)"),
        (Caller::Token(hash(1, 51)), 0, "Caller(Revoked)"),
        (Caller::Token(hash(1, 52)), 0, "Caller(Expired)"),
        (Caller::Token(hash(1, 50)), HOUR, "Caller(Expired)"),
        (Caller::Token(hash(1, 50)), HOUR - 1, "posted"),
        (ALPHA_LEVEL, 0, "Caller(WrongKind)"),
        (Caller::Token(hash(1, 55)), 0, "Caller(WrongKind)"),
        (ALPHA_OLGA, 0, "Caller(Inactive)"),
        (Caller::Token(hash(1, 53)), 0, "Caller(Inactive)"),
        (Caller::Token(hash(1, 54)), 0, "Caller(Revoked)"),
        (ALPHA_MIA, 0, "posted"),
        (GAMMA_BOT, 0, "posted"),
    ] {
        world.now = START.plus(age);
        assert_eq!(world.tell(caller, Verb::Post(post(GENERAL))), expect, "{caller:?} {age}");
        if expect != "posted" {
            assert_eq!(world.conversation(caller, C::Join(PUBLIC)), expect);
            assert_eq!(world.tell(caller, edit(NOWHERE, NEVER)), expect);
        }
    }
}

#[test]
fn uninstalling_ends_an_apps_tokens_and_bots_only() {
    let mut world = World::new();
    for app in [ALPHA_APP, GAMMA_APP] {
        assert_eq!(world.control(Control::UninstallApp(app)), format!("app {}", app.0));
    }
    for (caller, expect) in [
        (ALPHA_BOT, "Caller(Revoked)"),
        (ALPHA_MIA, "Caller(Revoked)"),
        (GAMMA_BOT, "Caller(Unknown)"),
        (BETA_MIA, "posted"),
        (BETA_BOT, "posted"),
        (DELTA_BOT, "posted"),
    ] {
        assert_eq!(world.tell(caller, Verb::Post(post(GENERAL))), expect, "{caller:?}");
    }
}

/// A token that was overlooked when its app was uninstalled is worth nothing all the same.
#[test]
fn a_token_of_an_uninstalled_app_is_revoked() {
    let mut world = World::new();
    world.control(Control::UninstallApp(ALPHA_APP));
    world.control(Control::AddToken(token(hash(1, 60), ALPHA_APP, MIA, TokenKind::User)));
    assert_eq!(world.tell(Caller::Token(hash(1, 60)), Verb::Post(post(GENERAL))), "Caller(Revoked)");
}

#[test]
fn no_token_reaches_another_workspace() {
    let mut world = World::with_away();
    let there = Caller::Token(hash(2, 1));
    let ts = world.say(ALPHA_BOT, GENERAL);
    let mut tell = |workspace, caller, verb| {
        world.tell_command(&Command { workspace, caller, idempotency: None, verb, source: None })
    };
    for verb in [edit(GENERAL, ts), erase(GENERAL, ts), Verb::Post(post(GENERAL))] {
        assert_eq!(tell(HOME, there, verb.clone()), "Caller(Unknown)");
        assert_eq!(tell(WorkspaceId(9), ALPHA_BOT, verb.clone()), "Caller(Unknown)");
        assert_eq!(tell(AWAY, ALPHA_BOT, verb), "Caller(Unknown)");
    }
    assert_eq!(tell(AWAY, there, edit(GENERAL, ts)), "Update(MessageNotFound)");
    assert_eq!(tell(AWAY, there, Verb::Post(post(GENERAL))), "posted");
    assert!(world.messages.keys().any(|key| key.workspace == AWAY));
}

#[test]
fn a_token_revokes_itself_and_may_rehearse() {
    let mut world = World::new();
    let mut check = |caller, rehearsal, expect| {
        let revocation = if rehearsal { Revocation::Tested } else { Revocation::Revoked };
        let log = world.logs[&HOME].len();
        assert_eq!(world.tell(caller, Verb::RevokeToken(revocation)), expect, "{caller:?} {revocation:?}");
        let events: Vec<EventKind> =
            world.logs[&HOME][log..].iter().map(|event| event.kind.clone()).collect();
        let really = expect == "revoked true";
        assert_eq!(events.len(), usize::from(really));
        assert!(events.iter().all(|it| matches!(it, EventKind::TokenRevoked { app: ALPHA_APP, .. })));
    };
    check(ALPHA_BOT, true, "revoked false");
    check(ALPHA_BOT, false, "revoked true");
    check(ALPHA_BOT, true, "Caller(Revoked)");
    check(GAMMA_BOT, false, "Caller(WrongKind)");
    check(ALPHA_LEVEL, false, "Caller(WrongKind)");
    check(ALPHA_MIA, false, "revoked true");
    assert_eq!(world.tell(ALPHA_BOT, Verb::Post(post(GENERAL))), "Caller(Revoked)");
    assert_eq!(world.tell(ALPHA_IVO, Verb::Post(post(GENERAL))), "posted");
}

/// Admin and installer are what a person's token is; a bot's is neither, whoever its user.
#[test]
fn what_a_token_makes_of_its_user() {
    let mut world = World::new();
    let mut actor = |caller| {
        let refusal = world.run(&command(caller, edit(NOWHERE, NEVER))).unwrap_err();
        let actor = refusal.actor.unwrap();
        assert_eq!(actor.workspace, HOME);
        (actor.app.unwrap(), actor.user, actor.kind, actor.admin, actor.installer)
    };
    use TokenKind::{Bot, User};
    assert_eq!(actor(ALPHA_BOT), (ALPHA_APP, ALPHA, Bot, false, false));
    assert_eq!(actor(ALPHA_IVO), (ALPHA_APP, IVO, User, false, true));
    assert_eq!(actor(BETA_IVO), (BETA_APP, IVO, User, false, false));
    assert_eq!(actor(ALPHA_ADA), (ALPHA_APP, ADA, User, true, false));
    assert_eq!(actor(BETA_ADA_AS_BOT), (BETA_APP, ADA, Bot, false, false));
    assert_eq!(actor(GAMMA_BOT), (GAMMA_APP, GAMMA, Bot, false, false));
}

#[test]
fn deactivating_ends_a_persons_tokens_until_reactivated() {
    let mut world = World::new();
    for (deactivated, expect) in [(true, "Caller(Inactive)"), (false, "posted")] {
        world.now = Micros(world.now.0 + SECOND);
        let mia = User { deactivated, ..user(MIA, "mia") };
        assert_eq!(world.control(change_user(mia)), "user 3");
        assert_eq!(world.tell(ALPHA_MIA, Verb::Post(post(GENERAL))), expect);
        assert_eq!(world.home().user(MIA).unwrap().updated_at, world.now);
    }
}
