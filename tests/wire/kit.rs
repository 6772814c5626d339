//! `redraft-test`: what authors of Rust bots write their tests with, against the executable and inside this process.

use std::future::IntoFuture;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redraft_test::{Error, Outcome, Redraft, Start, Submitted};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::bot::{Bot, Say, until};
use crate::client;
use crate::interactive::{button, plain};
use crate::support::{Folder, seed};
use crate::world::{HELPDESK, POLL, TENANT, slack, text_of};

/// A time limit of a wait that fails.
const SHORT: Duration = Duration::from_millis(50);

/// A time limit of a wait that ends long before, if it is not missed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits at a time.
const WAITS: usize = 100;

/// The helper that is run in a process of its own; its file gets the server's address.
const ABORTS: &str = "KIT_ABORTS";

fn executable() -> Start {
    Redraft::start().executable(env!("CARGO_BIN_EXE_redraft")).seed_file(seed())
}

fn embedded() -> Start {
    Redraft::start().seed_file(seed())
}

/// Both have to do the same. `REDRAFT_BIN` is not set while these run.
fn both() -> [Start; 2] {
    [executable(), embedded()]
}

fn answers(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).is_ok()
}

/// Posts as pollbot and gives back the `ts`.
fn post(redraft: &Redraft, message: &Value) -> String {
    let answer = slack(redraft.url(), POLL, "chat.postMessage", message);
    assert_eq!(answer.code(), "ok", "{}", answer.body);
    text_of(&answer.json, "ts")
}

fn poll(redraft: &Redraft, channel: &str) -> String {
    let days = json!({"type": "static_select", "action_id": "day", "placeholder": plain("A day"),
        "options": [{"text": plain("Monday"), "value": "mon"}]});
    let elements = json!([button("soup", "Soup", "s"), button("salad", "Salad", "l"), days]);
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Lunch?* Soup: 0"}},
        {"type": "actions", "block_id": "b", "elements": elements},
    ]);
    post(redraft, &json!({"channel": channel, "text": "A poll", "blocks": blocks}))
}

#[tokio::test]
async fn people_write_and_tests_wait() -> Result<(), Error> {
    for start in both() {
        let redraft = start.await?;
        let (general, ben, cleo) =
            (redraft.channel("general"), redraft.person("@ben"), redraft.person("cleo"));
        let lunch = ben.post(&general, "lunch?").await?;
        assert_eq!(
            (lunch.user(), lunch.revision(), lunch.channel().id()?),
            ("U01BEN", Some(1), "C01GENERAL")
        );
        let reply = cleo.reply(&lunch, "soup").await?;
        assert_eq!(reply.thread_ts(), Some(lunch.ts()));
        let found = general.message().in_thread(&lunch).containing("sou").by(&cleo).await?;
        assert_eq!(found.ts(), reply.ts());
        // A reply to a reply is in the same thread.
        ben.reply(&reply, "with bread").await?;
        general.message().in_thread(&reply).text("with bread").seen_by(&cleo).await?;
        ben.edit(&lunch, "lunch at noon?").await?;
        let edited = general.update_of(&lunch).edited().revision(2).await?;
        assert_eq!((edited.text(), edited.is_edited()), ("lunch at noon?", true));
        cleo.react(&lunch, "eyes").await?;
        cleo.react(&lunch, ":tada:").await?;
        cleo.unreact(&lunch, "tada").await?;
        assert_eq!(ben.sees(&general).await?[0].reactions(), [("eyes".to_owned(), 1)]);
        // Its thread stays, so there is a tombstone; the reply is gone.
        cleo.delete(&reply).await?;
        assert_eq!(general.deletion_of(&reply).await?.text(), "soup");
        ben.delete(&lunch).await?;
        assert!(general.deletion_of(&lunch).await?.is_deleted());
        assert!(general.message().deleted().await?.is_deleted());

        let direct = ben.write_to(&redraft.app("helpdesk"), "I forgot my password").await?.channel();
        let seen = direct.message().by(&ben).seen_by(&ben).await?;
        assert_eq!(seen.text(), "I forgot my password");
        let private = redraft.channel("#leads");
        let refused = cleo.post(&private, "let me in").await.unwrap_err();
        assert!(matches!(&refused, Error::Refused { status: 404, .. }), "{refused}");
        assert!(refused.to_string().contains("seen by its members only"), "{refused}");
        redraft.stop().await?;
    }
    Ok(())
}

/// The first look finds nothing; the event that the message makes ends the wait, whatever else happens meanwhile.
#[tokio::test]
async fn a_wait_ends_with_what_it_waits_for() -> Result<(), Error> {
    for start in both() {
        let redraft = start.await?;
        let (general, random, ben) =
            (redraft.channel("general"), redraft.channel("random"), redraft.person("ben"));
        // Many waits side by side for what comes last.
        let waits: Vec<_> =
            (0..WAITS).map(|_| tokio::spawn(general.message().text("the last").into_future())).collect();
        for _ in 0..5 {
            ben.post(&random, "something else").await?;
        }
        ben.post(&general, "the last").await?;
        for wait in waits {
            assert_eq!(wait.await.unwrap()?.text(), "the last");
        }
        let message = ben.post(&general, "first").await?;
        let (update, deletion) = (general.update_of(&message), general.deletion_of(&message));
        let (updated, edited) = tokio::join!(update.into_future(), ben.edit(&message, "second"));
        edited?;
        assert_eq!(updated?.text(), "second");
        let (gone, deleted) = tokio::join!(deletion.into_future(), ben.delete(&message));
        deleted?;
        assert_eq!(gone?.text(), "first");
        redraft.stop().await?;
    }
    Ok(())
}

/// A wait reads the log from before its own look. Here another one reads past an event that came between the look and the
/// reading.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_do_not_read_for_one_another() -> Result<(), Error> {
    let redraft = executable().await?;
    let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
    ben.post(&general, "first").await?;
    let (channel, meanwhile) = (general.clone(), AtomicBool::new(true));
    let wait = general.message().matching("is the second", move |message| {
        if meanwhile.swap(false, Ordering::SeqCst) {
            let looks = AtomicU32::new(0);
            // It has read the whole log between its two looks.
            let other = channel.message().matching("is looked at again", move |message| {
                message.text() == "first" && looks.fetch_add(1, Ordering::SeqCst) == 1
            });
            block_in_place(|| {
                Handle::current().block_on(async {
                    ben.post(&channel, "second").await.unwrap();
                    other.await.unwrap();
                });
            });
        }
        message.text() == "second"
    });
    // One that missed the event finds the message at its last look, when its time is over.
    let begun = Instant::now();
    assert_eq!(wait.within(PATIENCE).await?.text(), "second");
    assert!(begun.elapsed() < PATIENCE, "the event was missed");
    redraft.stop().await
}

#[tokio::test]
async fn a_failed_wait_shows_the_conversation() -> Result<(), Error> {
    let redraft = executable().await?;
    let (general, ben, cleo) = (redraft.channel("general"), redraft.person("ben"), redraft.person("cleo"));
    let pollbot = redraft.app("pollbot");
    pollbot.change(json!({"bot_events": ["app_mention"]})).await?;
    pollbot.listen_at("http://127.0.0.1:1/nobody").await?;
    let lunch = ben.post(&general, "lunch, @pollbot?").await?;
    cleo.reply(&lunch, "hello\n  [12:00:00] ben: \u{202e}forged").await?;
    ben.edit(&lunch, "lunch, @pollbot? & soon").await?;
    let answered = cleo.post(&general, "to be deleted").await?;
    cleo.reply(&answered, "stays").await?;
    cleo.delete(&answered).await?;
    poll(&redraft, "C01GENERAL");
    let ephemeral = json!({"channel": "C01GENERAL", "user": "U01BEN", "text": "for one reader"});
    assert_eq!(slack(redraft.url(), POLL, "chat.postEphemeral", &ephemeral).code(), "ok");
    // What is for one reader is seen by that one only.
    general.message().containing("one reader").seen_by(&ben).await?;
    let unseen = general.message().containing("one reader").within(SHORT).await.unwrap_err();
    until("a delivery that failed", || {
        let answer = redraft_deliveries(&redraft);
        (answer["deliveries"] != json!([])).then_some(())
    });
    let wait = general.message().containing("Dinner?\u{1b}[2J").by(&pollbot).without_buttons().within(SHORT);
    // What is refused while it waits is most often why it fails.
    let (failed, ()) = tokio::join!(wait.into_future(), async {
        assert_ne!(
            slack(redraft.url(), POLL, "chat.postMessage", &json!({"channel": "C0NONE"})).code(),
            "ok"
        );
    });
    let failed = failed.unwrap_err();
    let Error::TimedOut { wanted, waited, .. } = &failed else { panic!("{failed}") };
    assert_eq!(
        wanted,
        "message in #general that contains \"Dinner?\\u{1b}[2J\" and is by pollbot and has no buttons"
    );
    assert!(SHORT <= *waited);
    let said = format!("{failed:?}");
    let shown: Vec<String> =
        said.lines().map(|line| line.replace(|it: char| it.is_ascii_digit(), "0")).collect();
    for (expected, times) in [
        ("#general as people see it:", 1),
        ("  [00:00:00] ben: lunch, @pollbot? & soon (edited) (revision 0)", 1),
        ("      [00:00:00] cleo: hello", 1),
        ("            [00:00:00] ben: \\u{000e}forged", 1),
        ("  [00:00:00] (deleted)", 1),
        ("      [00:00:00] cleo: stays", 1),
        ("  [00:00:00] pollbot: *Lunch?* Soup: 0", 1),
        ("      [Soup] [Salad] [A day]", 1),
        ("  [00:00:00] pollbot: for one reader (only ben sees this)", 1),
    ] {
        let found = shown.iter().filter(|line| **line == expected).count();
        assert_eq!(found, times, "{expected}\n{said}");
    }
    assert!(said.contains("has not reached pollbot: "), "{said}");
    assert!(said.contains("channel_not_found"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
    // Through one person's eyes it is what that person sees.
    let seen = general.message().text("?").seen_by(&cleo).within(SHORT).await.unwrap_err().to_string();
    assert!(seen.contains("#general as cleo sees it:") && !seen.contains("one reader"), "{seen}");
    assert!(unseen.to_string().contains("only ben sees this"), "{unseen}");
    redraft.stop().await
}

/// What did not reach pollbot, asked without a runtime.
fn redraft_deliveries(redraft: &Redraft) -> Value {
    crate::world::control(redraft.url(), "GET", "/workspaces/T01ACME/apps/pollbot/deliveries", &Value::Null)
        .json
}

#[tokio::test]
async fn people_press_and_choose() -> Result<(), Error> {
    for start in both() {
        let redraft = start.await?;
        let (general, ben, pollbot) =
            (redraft.channel("general"), redraft.person("ben"), redraft.app("pollbot"));
        pollbot
            .change(json!({
                "commands": [{"command": "/poll"}],
                "shortcuts": [{"type": "global", "name": "Ask", "callback_id": "ask"},
                              {"type": "message", "name": "About", "callback_id": "about"}],
            }))
            .await?;
        let bot = Bot::new();
        pollbot.listen_at(&bot.url).await?;
        poll(&redraft, "C01GENERAL");
        let message = general.message().with_button("Soup").by(&pollbot).await?;
        assert_eq!((message.text(), message.lines()), ("A poll", vec!["*Lunch?* Soup: 0".to_owned()]));
        assert_eq!(message.buttons(), ["Soup", "Salad", "A day"]);
        assert_eq!(ben.press(&message, "Soup").in_block("b").await?, Outcome::Acknowledged);
        assert_eq!(ben.choose(&message, "A day", "Monday").await?, Outcome::Acknowledged);
        ben.command(&general, "/poll Dinner?").await?;
        ben.shortcut("ask").await?;
        ben.shortcut_on(&message, "about").await?;
        let heard = bot.wait_for(5);
        let action = |at: usize| &heard[at].activity["actions"][0];
        assert_eq!(
            (&action(0)["action_id"], &action(1)["selected_option"]["value"]),
            (&json!("soup"), &json!("mon"))
        );
        assert_eq!(heard[2].activity["text"], "Dinner?");
        assert_eq!(heard[4].activity["message"]["ts"], message.ts());
        assert!(heard.iter().all(|it| it.is_signed(pollbot.signing_secret().unwrap())));
        let refused = ben.press(&message, "Pizza").await.unwrap_err().to_string();
        assert!(refused.contains("there are \"Soup\""), "{refused}");

        // A modal, opened by what the app heard last.
        let blocks = json!([{"type": "input", "block_id": "t", "label": plain("Title"),
            "element": {"type": "plain_text_input", "action_id": "title"}}]);
        let view =
            json!({"type": "modal", "title": plain("A bug"), "submit": plain("Send"), "blocks": blocks});
        let trigger = &heard[4].activity["trigger_id"];
        let opened = slack(redraft.url(), POLL, "views.open", &json!({"trigger_id": trigger, "view": view}));
        assert_eq!(opened.code(), "ok", "{}", opened.body);
        let modal = ben.modal().await?;
        assert_eq!(modal.title(), "A bug");
        bot.answers(|_| Say::Json(200, json!({"response_action": "errors", "errors": {"t": "too short"}})));
        let errors = modal.submit().input("Title", "x").await?;
        assert_eq!(errors, Submitted::Errors(json!({"t": "too short"})));
        bot.answers(|_| {
            Say::Raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec())
        });
        assert_eq!(modal.submit().input("Title", "It does not start").await?, Submitted::Closed);
        redraft.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn cards_of_teams_are_handed_in() -> Result<(), Error> {
    for start in both() {
        let redraft = start.await?;
        let (general, ben, helpdesk) =
            (redraft.channel("general"), redraft.person("ben"), redraft.app("helpdesk"));
        let bot = Bot::new();
        helpdesk.listen_at(&bot.url).await?;
        let credentials = (helpdesk.app_id()?, helpdesk.app_password()?);
        assert_eq!((credentials, redraft.tenant_id()), (HELPDESK, TENANT));
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fapi.botframework.com%2F.default",
            credentials.0, credentials.1
        );
        let form = ("application/x-www-form-urlencoded", form.as_bytes());
        let token = text_of(&client::send("POST", &redraft.token_url(), &[], form).json, "access_token");
        let card = json!({"type": "AdaptiveCard", "version": "1.4",
            "body": [{"type": "TextBlock", "text": "Drinks"}, {"type": "Input.Text", "id": "drink"}],
            "actions": [{"type": "Action.Submit", "title": "Order", "data": {"order": 1}},
                        {"type": "Action.OpenUrl", "title": "Menu", "url": "https://example.com/menu"}]});
        let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
        let activity = json!({"type": "message", "attachments": [attachment]}).to_string();
        let url =
            format!("{}v3/conversations/{}/activities", redraft.service_url(), general.conversation_id()?);
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let sent = client::send("POST", &url, &headers, ("application/json", activity.as_bytes()));
        assert_eq!(sent.status, 201, "{}", sent.body);
        let message = general.message().by(&helpdesk).containing("Drinks").await?;
        assert_eq!(
            (message.activity_id(), message.buttons()),
            (&*text_of(&sent.json, "id"), vec!["Order".to_owned(), "Menu".into()])
        );
        assert_eq!(ben.press(&message, "Order").input("drink", "tea").await?, Outcome::Submitted);
        assert_eq!(ben.press(&message, "Menu").await?, Outcome::Opens("https://example.com/menu".into()));
        let heard = bot.wait_for(1);
        let ordered = heard.iter().find(|it| it.activity["value"] != Value::Null).unwrap();
        assert_eq!(ordered.activity["value"], json!({"order": 1, "drink": "tea"}));
        redraft.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn clocks_limits_and_deliveries() -> Result<(), Error> {
    for start in both() {
        let redraft = start.await?;
        let pollbot = redraft.app("pollbot");
        let hour = Duration::from_secs(3600);
        let before = redraft.clock().now().await?;
        redraft.clock().advance(hour).await?;
        assert!(before + hour <= redraft.clock().now().await?);
        pollbot
            .force_rate_limit()
            .method("chat.postMessage")
            .calls(2)
            .retry_after(Duration::from_secs(7))
            .await?;
        let message = json!({"channel": "C01GENERAL", "text": "a"});
        for expected in ["ratelimited", "ratelimited", "ok"] {
            let answer = slack(redraft.url(), POLL, "chat.postMessage", &message);
            assert_eq!(answer.code(), expected);
            assert_eq!(answer.header("retry-after"), if expected == "ok" { "" } else { "7" });
        }
        let refused = redraft.app("helpdesk").force_rate_limit().await.unwrap_err();
        assert!(refused.to_string().contains("only a Slack app's"), "{refused}");

        // The bot refuses what is never tried again without being asked.
        let (helpdesk, bot) = (redraft.app("helpdesk"), Bot::new());
        bot.answers(|_| Say::Json(400, json!({})));
        helpdesk.listen_at(&bot.url).await?;
        redraft.person("ben").post(&redraft.channel("general"), "hello, @helpdesk").await?;
        bot.wait_for(1);
        let deliveries = loop {
            let deliveries = helpdesk.deliveries().await?;
            if !deliveries.is_empty() {
                break deliveries;
            }
        };
        assert!(deliveries[0].is_dead && deliveries[0].attempts == 1, "{deliveries:?}");
        assert!(deliveries[0].reason.contains("400"), "{deliveries:?}");
        bot.answers(|_| Say::Json(200, json!({})));
        helpdesk.replay().await?;
        bot.wait_for(2);

        redraft.reset().await?;
        assert_eq!(redraft.channel("general").messages().await?.len(), 0);
        redraft.person("ben").post(&redraft.channel("general"), "again").await?;
        redraft.channel("general").message().text("again").await?;
        assert_eq!(redraft.channel("general").transcript().await.lines().count(), 2);
        redraft.stop().await?;
    }
    Ok(())
}

/// Each server is a test's own, and ends with it: stopped, dropped, or with the process.
#[tokio::test]
async fn a_server_ends_with_its_test() -> Result<(), Error> {
    for (start, again) in both().into_iter().zip(both()) {
        let (one, other) = (start.await?, again.await?);
        assert_ne!(one.url(), other.url());
        let (url, other_url) = (one.url().to_owned(), other.url().to_owned());
        let ben = one.person("ben");
        let message = ben.post(&one.channel("general"), "hello").await?;
        // Somebody waits when it is stopped, and when it is dropped.
        let waiting = tokio::spawn(one.channel("general").message().text("never").into_future());
        let dropped = tokio::spawn(other.channel("general").message().text("never").into_future());
        one.stop().await?;
        assert!(!answers(&url) && answers(&other_url));
        drop(other);
        assert!(!answers(&other_url));
        let gone = ben.edit(&message, "too late").await.unwrap_err();
        assert!(matches!(gone, Error::Unanswered { .. }), "{gone}");
        waiting.abort();
        dropped.abort();
    }
    Ok(())
}

/// A test that is killed leaves no server behind. The helper below is the test that is killed.
#[test]
fn a_killed_test_leaves_no_server() {
    let folder = Folder::new("aborts");
    let file = folder.join("url");
    let this = std::env::current_exe().unwrap();
    let mut helper = std::process::Command::new(this);
    helper.args(["--exact", "kit::starts_and_aborts", "--nocapture"]).env(ABORTS, &file);
    let ended = helper.output().unwrap();
    assert!(!ended.status.success(), "{ended:?}");
    let url = std::fs::read_to_string(&file).unwrap();
    until("the end of the server", || (!answers(&url)).then_some(()));
}

#[tokio::test]
async fn starts_and_aborts() -> Result<(), Error> {
    let Some(file) = std::env::var_os(ABORTS) else { return Ok(()) };
    let redraft = executable().await?;
    std::fs::write(file, redraft.url()).unwrap();
    assert!(answers(redraft.url()));
    std::process::abort();
}

/// A mistake in the declaration is said as the server says it.
#[tokio::test]
async fn a_wrong_declaration_is_an_error() {
    let wrong = json!({"people": [{"name": "ann"}], "channels": [{"name": "ops", "members": ["zoe"]}]});
    for start in both() {
        let failed = start.seed(&wrong).await.unwrap_err().to_string();
        assert!(failed.starts_with("the Redraft server did not start") && failed.contains("zoe"), "{failed}");
    }
    let failed = Redraft::start().executable("/nowhere/redraft").await.unwrap_err();
    assert!(matches!(failed, Error::NotInstalled { .. }), "{failed}");
}

/// Names that are not declared, and what an app has not, are said with what there is.
#[tokio::test]
async fn what_is_not_there_is_said() -> Result<(), Error> {
    let redraft = embedded().await?;
    let (general, ben) = (redraft.channel("general"), redraft.person("ben"));
    let nowhere = redraft.channel("nowhere");
    for (failed, said) in [
        (
            ben.post(&nowhere, "x").await.unwrap_err(),
            "no channel nowhere in the declared workspace; there are general, random",
        ),
        (nowhere.message().await.unwrap_err(), "no channel nowhere"),
        (
            redraft.person("zoe").post(&general, "x").await.unwrap_err(),
            "no person zoe in the declared workspace; there are ada, ben",
        ),
        (general.message().seen_by(&redraft.person("zoe")).await.unwrap_err(), "no person zoe"),
        (general.message().by(&redraft.app("nobot")).await.unwrap_err(), "no app nobot"),
        (redraft.app("nobot").env().unwrap_err(), "no app nobot"),
        (redraft.app("helpdesk").bot_token().unwrap_err(), "helpdesk is a teams app and has no bot_token"),
        (
            redraft.app("pollbot").app_password().unwrap_err(),
            "pollbot is a slack app and has no app_password",
        ),
    ] {
        assert!(failed.to_string().contains(said), "{failed}");
    }
    let env = redraft.app("pollbot").env()?;
    assert!(env.contains(&("SLACK_BOT_TOKEN", "xoxb-poll".into())), "{env:?}");
    let env = redraft.app("helpdesk").env()?;
    assert!(env.contains(&("CLIENT_SECRET", "helpdesk-password".into())), "{env:?}");
    redraft.stop().await
}

/// A test that blocks its own thread does not hold up the server inside its process.
#[tokio::test]
async fn an_embedded_server_has_threads_of_its_own() -> Result<(), Error> {
    let redraft = embedded().await?;
    let answer = client::send("GET", &format!("{}/readyz", redraft.url()), &[], ("", b""));
    assert_eq!(answer.status, 200);
    redraft.stop().await
}
