//! Secrets of apps that change.

use redraft_model::control::Control as A;
use redraft_model::id::AppId;
use redraft_model::limits::SECRET_OVERLAP_MICROS_MAX;
use redraft_model::time::Micros;
use redraft_model::workspace::{App, Secret, SecretKind};

use crate::world::*;

fn change(app: AppId, secret: Secret, overlap_micros: i64) -> A {
    A::ChangeSecret { app, secret, overlap_micros }
}

fn app_of(world: &World, id: AppId) -> App {
    App::clone(world.home().app(id).unwrap())
}

/// An app with every secret there is.
fn world() -> World {
    let mut world = World::new();
    let mut app = app_of(&world, ALPHA_APP);
    app.password_hash = Some([1; 32]);
    app.signing_secret = Some("one".into());
    app.slack.as_mut().unwrap().client_secret_hash = Some([1; 32]);
    world.directories.apply(&redraft_model::directory::DirectoryChange::App(HOME, app));
    world
}

#[test]
fn two_are_good_for_a_while() {
    let mut world = world();
    world.control(change(ALPHA_APP, Secret::Password([2; 32]), HOUR));
    world.control(change(ALPHA_APP, Secret::ClientSecret([2; 32]), HOUR));
    world.control(change(ALPHA_APP, Secret::SigningSecret("two".into()), HOUR));
    let app = app_of(&world, ALPHA_APP);
    for (at, passwords, signs) in [
        (HOUR - 1, vec![[2; 32], [1; 32]], "one"),
        (HOUR, vec![[2; 32]], "two"),
        (2 * HOUR, vec![[2; 32]], "two"),
    ] {
        let now = START.plus(at);
        assert_eq!(app.passwords(now).collect::<Vec<_>>(), passwords);
        assert_eq!(app.client_secrets(now).collect::<Vec<_>>(), passwords);
        assert_eq!(app.signs_with(now), Some(signs));
    }
    // A third ends the first, and each kind is by itself.
    world.control(change(ALPHA_APP, Secret::Password([3; 32]), HOUR));
    let app = app_of(&world, ALPHA_APP);
    assert_eq!(app.passwords(START).collect::<Vec<_>>(), [[3; 32], [2; 32]]);
    assert_eq!(app.client_secrets(START).collect::<Vec<_>>(), [[2; 32], [1; 32]]);
    assert_eq!(world.control(A::WithdrawSecret(ALPHA_APP, SecretKind::Password)), "app 1");
    let app = app_of(&world, ALPHA_APP);
    assert_eq!(app.passwords(START).collect::<Vec<_>>(), [[3; 32]]);
    assert_eq!(app.signs_with(START), Some("one"));
    let none = "Control(NotFound(\"replaced secret that is still good\"))";
    assert_eq!(world.control(A::WithdrawSecret(ALPHA_APP, SecretKind::Password)), none);
}

/// What is over is not kept any longer than until the app changes next.
#[test]
fn how_long_an_old_one_stays() {
    let mut world = world();
    for (overlap, until) in [(i64::MAX, SECRET_OVERLAP_MICROS_MAX), (5, 5)] {
        world.control(change(ALPHA_APP, Secret::Password([2; 32]), overlap));
        let app = app_of(&world, ALPHA_APP);
        assert_eq!(app.old_secrets.iter().map(|old| old.until).collect::<Vec<_>>(), [START.plus(until)]);
    }
    for overlap in [0, -1] {
        world.control(change(ALPHA_APP, Secret::Password([3; 32]), overlap));
        assert_eq!(app_of(&world, ALPHA_APP).old_secrets, [], "{overlap}");
    }
    world.control(change(ALPHA_APP, Secret::Password([4; 32]), HOUR));
    world.now = Micros(START.0 + HOUR);
    assert_eq!(
        world.control(A::WithdrawSecret(ALPHA_APP, SecretKind::Password)),
        "Control(NotFound(\"replaced secret that is still good\"))"
    );
    world.control(change_app(app_of(&world, ALPHA_APP)));
    assert_eq!(app_of(&world, ALPHA_APP).old_secrets, []);
}

#[test]
fn an_app_has_the_secrets_of_its_kind() {
    let mut world = World::new();
    let mut app = app_of(&world, ALPHA_APP);
    (app.password_hash, app.signing_secret) = (None, None);
    app.slack.as_mut().unwrap().client_secret_hash = None;
    world.directories.apply(&redraft_model::directory::DirectoryChange::App(HOME, app.clone()));
    let none = "Control(NotFound(\"secret of this kind\"))";
    for secret in
        [Secret::Password([1; 32]), Secret::ClientSecret([1; 32]), Secret::SigningSecret("x".into())]
    {
        assert_eq!(world.control(change(ALPHA_APP, secret.clone(), HOUR)), none);
        assert_eq!(world.control(change(AppId(99), secret, HOUR)), "Control(NotFound(\"app\"))");
        assert_eq!(app_of(&world, ALPHA_APP), app);
    }
}
