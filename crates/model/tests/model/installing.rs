//! A code becomes tokens: once, in time, for who knows the client secret.

use redraft_model::command::Verb;
use redraft_model::control::Control;
use redraft_model::directory::DirectoryChange;
use redraft_model::event::EventKind as K;
use redraft_model::id::{AppId, UserId};
use redraft_model::install::{Exchange, NewToken};
use redraft_model::item::Code;
use redraft_model::limits::CODE_MICROS;
use redraft_model::time::Micros;
use redraft_model::workspace::{App, SlackApp, TokenKind, User};

use crate::world::*;

const CODE: [u8; 32] = [7; 32];
const SECRET: [u8; 32] = [8; 32];
const HERE: &str = "https://app.example/oauth";

fn exchange() -> Exchange {
    let new = |number| NewToken { hash: hash(1, number), hint: "…".into() };
    Exchange {
        app: ALPHA_APP,
        secret: SECRET,
        code: CODE,
        redirect_uri: None,
        bot_token: new(70),
        user_token: new(71),
    }
}

/// A world whose first app can be installed, and a code of Mia's.
fn world(redirect_uri: Option<&str>, bot_scopes: &[&str], user_scopes: &[&str]) -> World {
    let mut world = World::new();
    let scopes = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let slack = SlackApp {
        client_id: "1.2".into(),
        client_secret_hash: Some(SECRET),
        redirect_urls: vec![HERE.into()],
        bot_scopes: scopes(bot_scopes),
        user_scopes: scopes(user_scopes),
        ..SlackApp::default()
    };
    let app = App { slack: Some(Box::new(slack)), ..app(1, 1, ALPHA, IVO) };
    world.directories.apply(&DirectoryChange::App(HOME, app));
    let redirect_uri = redirect_uri.map(str::to_owned);
    let code = Code { app: ALPHA_APP, user: MIA, redirect_uri, made_at: Micros(0), used: true };
    assert_eq!(world.control(Control::AddCode(CODE, code)), "done");
    world
}

fn install(world: &mut World, exchange: Exchange) -> String {
    world.tell(CONTROL, Verb::Install(exchange))
}

#[test]
fn once_and_in_time() {
    let mut world = world(None, &["chat:write", "commands"], &["search:read"]);
    world.now = world.now.plus(CODE_MICROS - 1);
    assert_eq!(install(&mut world, exchange()), "installed 1 true true");
    assert_eq!(world.events(2), [K::TokenMinted(ALPHA_APP), K::TokenMinted(ALPHA_APP)]);
    let token = |number| world.home().token(&hash(1, number)).unwrap().clone();
    let (bot, person) = (token(70), token(71));
    assert_eq!(
        (bot.kind, bot.user, &bot.scopes[..]),
        (TokenKind::Bot, ALPHA, &["chat:write", "commands"].map(String::from)[..])
    );
    assert_eq!(
        (person.kind, person.user, &person.scopes[..]),
        (TokenKind::User, MIA, &["search:read".to_owned()][..])
    );
    assert_eq!(install(&mut world, exchange()), "Install(InvalidCode)", "used");
    let mut late = self::world(None, &["chat:write"], &[]);
    late.now = late.now.plus(CODE_MICROS);
    assert_eq!(install(&mut late, exchange()), "Install(InvalidCode)", "too late");
}

#[test]
fn refusals_in_order() {
    let unknown = Exchange { app: AppId(99), secret: [0; 32], ..exchange() };
    for (asked, told) in [
        (unknown, "Install(UnknownClient)"),
        (Exchange { app: GAMMA_APP, ..exchange() }, "Install(UnknownClient)"),
        (Exchange { secret: [0; 32], code: [0; 32], ..exchange() }, "Install(BadSecret)"),
        (Exchange { app: BETA_APP, ..exchange() }, "Install(BadSecret)"),
        (Exchange { code: [0; 32], ..exchange() }, "Install(InvalidCode)"),
        (
            Exchange { redirect_uri: Some("https://evil.example".into()), ..exchange() },
            "Install(BadRedirect)",
        ),
        (
            Exchange { bot_token: NewToken { hash: hash(1, 1), hint: String::new() }, ..exchange() },
            "Install(Full)",
        ),
        (exchange(), "installed 1 true false"),
    ] {
        let mut world = world(None, &["chat:write"], &[]);
        assert_eq!(install(&mut world, asked.clone()), told, "{asked:?}");
    }
    assert_eq!(install(&mut world(None, &[], &[]), exchange()), "Install(NoScopes)");
    assert_eq!(install(&mut world(None, &[], &["search:read"]), exchange()), "installed 1 false true");
    let mut gone = world(None, &["chat:write"], &[]);
    gone.control(change_user(User { deactivated: true, ..user(MIA, "mia") }));
    assert_eq!(install(&mut gone, exchange()), "Install(NobodyInstalls)");
}

#[test]
fn redirects() {
    let other = "https://app.example/oauth/deeper";
    for (made_for, given, works) in [
        (None, None, true),
        (None, Some(HERE), true),
        (None, Some(other), true),
        (None, Some("https://app.example/oauth?state=1"), true),
        (None, Some("https://app.example/oauthority"), false),
        (None, Some("https://app.example/"), false),
        (Some(HERE), Some(HERE), true),
        (Some(HERE), Some(other), false),
        (Some(HERE), None, false),
        (Some(other), Some(other), true),
    ] {
        let mut world = world(made_for, &["chat:write"], &[]);
        let asked = Exchange { redirect_uri: given.map(str::to_owned), ..exchange() };
        let told = if works { "installed 1 true false" } else { "Install(BadRedirect)" };
        assert_eq!(install(&mut world, asked), told, "{made_for:?} {given:?}");
    }
}

#[test]
fn an_uninstalled_app_is_installed_again() {
    let mut world = world(None, &["chat:write"], &[]);
    world.control(Control::UninstallApp(ALPHA_APP));
    assert_eq!(install(&mut world, exchange()), "installed 1 true false");
    let app = world.home().app(ALPHA_APP).unwrap();
    assert_eq!((app.uninstalled, app.installed_by), (false, Some(MIA)));
    assert_eq!(world.events(2), [K::AppInstalled(ALPHA_APP), K::TokenMinted(ALPHA_APP)]);
    assert!(world.home().token(&hash(1, 1)).unwrap().revoked, "old tokens stay revoked");
}

#[test]
fn codes_are_of_slack_apps_and_people_that_are_there() {
    let mut world = World::new();
    let code = |app, user| Code { app, user, redirect_uri: None, made_at: Micros(0), used: false };
    for (app, user, told) in [
        (AppId(99), MIA, "Control(NotFound(\"app\"))"),
        (ALPHA_APP, UserId(99), "Control(NotFound(\"user\"))"),
        (GAMMA_APP, MIA, "Control(NotFound(\"Slack app\"))"),
        (ALPHA_APP, MIA, "done"),
    ] {
        assert_eq!(world.control(Control::AddCode(CODE, code(app, user))), told);
    }
}
