//! What changes of a Slack app: its scopes and those of its tokens, its sockets, its webhooks.

use redraft_model::control::Control as A;
use redraft_model::event::EventKind as K;
use redraft_model::id::{AppId, ConversationId, TokenHash, UserId};
use redraft_model::limits::WEBHOOKS_MAX;
use redraft_model::workspace::{App, SlackApp, TokenKind, Webhook};

use crate::world::*;

fn changed(world: &World, change: impl Fn(&mut SlackApp)) -> A {
    let mut app = App::clone(world.home().app(ALPHA_APP).unwrap());
    change(app.slack.as_mut().unwrap());
    change_app(app)
}

fn scopes(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

fn webhook(id: &str) -> Webhook {
    Webhook { service_id: id.into(), secret_hash: [7; 32], conversation: PUBLIC, by: IVO }
}

fn webhooks(world: &World) -> Vec<String> {
    let slack = world.home().app(ALPHA_APP).unwrap().slack.clone().unwrap();
    slack.webhooks.into_iter().map(|it| it.service_id).collect()
}

/// Tokens that can do what the app asked for can do what it asks for afterwards; others stay as they are.
#[test]
fn an_app_that_asks_for_other_scopes_gets_them() {
    let mut world = World::new();
    let by_hand = hash(1, 70);
    let narrow = redraft_model::workspace::Token {
        scopes: scopes(&["chat:write"]),
        ..token(by_hand, ALPHA_APP, ALPHA, TokenKind::Bot)
    };
    world.control(A::AddToken(narrow));
    world.control(A::RevokeToken(hash(1, 3)));
    let (bots, users) = (scopes(&["commands", "pins:write"]), scopes(&["chat:write"]));
    let act = changed(&world, |slack| {
        slack.bot_scopes = bots.clone();
        slack.user_scopes = users.clone();
    });
    let before = world.logs[&HOME].len();
    assert_eq!(world.control(act), "app 1");
    let told: Vec<K> = world.logs[&HOME][before..].iter().map(|event| event.kind.clone()).collect();
    assert_eq!(told, [K::AppChanged(ALPHA_APP)]);
    let of = |hash: TokenHash| world.home().token(&hash).unwrap().scopes.clone();
    let none: Vec<String> = Vec::new();
    for (number, expected) in [(1, &bots), (2, &users), (3, &none), (4, &users), (6, &none), (9, &none)] {
        assert_eq!(of(hash(1, number)), *expected, "token {number}");
    }
    assert_eq!(of(by_hand), scopes(&["chat:write"]));

    let act = changed(&world, |slack| slack.bot_scopes.clear());
    world.control(act);
    let token = world.home().token(&hash(1, 1)).unwrap();
    assert_eq!((token.scopes.clone(), token.revoked), (none, false));
}

/// An app with sockets hears what happens from when it has them, as one with an endpoint does.
#[test]
fn from_when_sockets_hear() {
    let mut world = World::new();
    let hears_from = |world: &World| world.home().app(ALPHA_APP).unwrap().hears_from;
    world.say(ALPHA_BOT, PUBLIC);
    let position = world.moment(HOME).position;
    let act = changed(&world, |slack| slack.socket_mode = true);
    world.control(act);
    assert_eq!(hears_from(&world), position);
    world.say(ALPHA_BOT, PUBLIC);
    let with_both = App::clone(world.home().app(ALPHA_APP).unwrap());
    world.control(change_app(App { endpoint: Some("http://one".into()), ..with_both }));
    assert_eq!(hears_from(&world), position, "it hears already");
    let act = changed(&world, |slack| slack.socket_mode = false);
    world.control(act);
    assert_eq!(hears_from(&world), position, "and still");
}

#[test]
fn webhooks_come_and_go() {
    let mut world = World::new();
    let missing = |what: &str| format!("Control(NotFound({what:?}))");
    let elsewhere = |conversation| Webhook { conversation, ..webhook("B2") };
    let nobodys = Webhook { by: UserId(99), ..webhook("B2") };
    for (act, told) in [
        (A::AddWebhook(ALPHA_APP, webhook("B1")), "app 1".to_owned()),
        (A::AddWebhook(ALPHA_APP, webhook("B1")), "Control(Taken(\"B1\"))".into()),
        (A::AddWebhook(BETA_APP, webhook("B1")), "Control(Taken(\"B1\"))".into()),
        (A::AddWebhook(AppId(99), webhook("B2")), missing("app")),
        (A::AddWebhook(GAMMA_APP, webhook("B2")), missing("Slack app")),
        (A::AddWebhook(ALPHA_APP, elsewhere(ConversationId(99))), missing("channel")),
        (A::AddWebhook(ALPHA_APP, nobodys), missing("user")),
        (A::AddWebhook(ALPHA_APP, webhook("B2")), "app 1".into()),
        (A::RemoveWebhook(ALPHA_APP, "B3".into()), missing("webhook")),
        (A::RemoveWebhook(BETA_APP, "B1".into()), missing("webhook")),
        (A::RemoveWebhook(ALPHA_APP, "B1".into()), "app 1".into()),
    ] {
        let before = (webhooks(&world), world.logs[&HOME].len());
        assert_eq!(world.control(act.clone()), told, "{act:?}");
        let after = (webhooks(&world), world.logs[&HOME].len());
        assert_eq!(before == after, told.starts_with("Control"), "{act:?}");
    }
    assert_eq!(webhooks(&world), ["B2"]);

    // A change of the app that was thought up before the webhook leaves it there.
    let old = changed(&World::new(), |slack| slack.socket_mode = true);
    world.control(old);
    assert_eq!(webhooks(&world), ["B2"]);

    for number in 1..WEBHOOKS_MAX {
        world.control(A::AddWebhook(ALPHA_APP, webhook(&format!("B-{number}"))));
    }
    assert_eq!(world.control(A::AddWebhook(ALPHA_APP, webhook("B9"))), "Control(Full)");
    world.control(A::UninstallApp(ALPHA_APP));
    world.control(A::RemoveWebhook(ALPHA_APP, "B2".into()));
    assert_eq!(world.control(A::AddWebhook(ALPHA_APP, webhook("B9"))), missing("app in use"));
}
