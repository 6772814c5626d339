//! `redraft message` as a script uses it, against the server, on both platforms.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::bot::{Bot, Say};
use crate::support::{Folder, redraft};
use crate::world::*;

/// A command line with the settings of an app, and nothing else of this environment.
struct Script {
    settings: Vec<(&'static str, String)>,
    place: Vec<&'static str>,
}

/// What a script sees of a command.
#[derive(Debug)]
struct Ran {
    code: i32,
    said: String,
    complained: String,
}

impl Script {
    fn slack(world: &World) -> Self {
        let settings =
            vec![("SLACK_BOT_TOKEN", DEPLOY.into()), ("SLACK_API_URL", format!("{}/api/", world.server.url))];
        Self { settings, place: vec!["--to", "slack", "--conversation", GENERAL] }
    }

    fn teams(world: &World) -> Self {
        let settings = vec![
            ("CLIENT_ID", HELPDESK.0.into()),
            ("CLIENT_SECRET", HELPDESK.1.into()),
            ("TENANT_ID", TENANT.into()),
            ("CLOUD", world.server.url.clone()),
            ("SERVICE_URL", format!("{}/teams/{TENANT}/", world.server.url)),
        ];
        Self { settings, place: vec!["--to", "teams", "--conversation", GENERAL_19] }
    }

    /// The same with another value, or without it.
    fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    fn elsewhere(mut self, conversation: &'static str) -> Self {
        self.place[3] = conversation;
        self
    }

    fn run(&self, verb: &str, arguments: &[&str]) -> Ran {
        self.run_with(verb, arguments, "")
    }

    fn run_with(&self, verb: &str, arguments: &[&str], input: &str) -> Ran {
        let mut command: Command = redraft();
        command.env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.args(["message", verb]).args(&self.place).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that needs no input may have ended before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        Ran {
            code: output.status.code().unwrap(),
            said: text(output.stdout),
            complained: text(output.stderr),
        }
    }

    /// It has to succeed; gives back what it printed.
    fn done(&self, verb: &str, arguments: &[&str]) -> String {
        let ran = self.run(verb, arguments);
        assert_eq!((ran.code, ran.complained.as_str()), (0, ""), "{verb} {arguments:?}: {ran:?}");
        ran.said
    }
}

fn stored(world: &World, id: &str) -> Value {
    world.stored(GENERAL, id)
}

/// By its id, with each way to give content, in a thread and outside.
#[test]
fn a_script_posts_updates_and_deletes() {
    let world = World::new();
    let folder = Folder::new("message");
    let file = folder.join("content.md");
    std::fs::write(&file, "from a file\n").unwrap();
    let file = file.to_str().unwrap();
    for script in [Script::slack(&world), Script::teams(&world)] {
        let id = script.done("post", &["Build 7 started"]);
        assert_eq!(stored(&world, &id)["text"], "Build 7 started");
        assert_eq!(script.done("update", &["--id", &id, "--file", file]), id);
        let updated = stored(&world, &id);
        assert_eq!((&updated["text"], &updated["revision"]), (&json!("from a file"), &json!(2)));
        for arguments in [&["--id", &id][..], &["--id", &id, "-"]] {
            let ran = script.run_with("update", arguments, "from a pipe\n");
            assert_eq!((ran.code, ran.said.as_str()), (0, id.as_str()), "{ran:?}");
            assert_eq!(stored(&world, &id)["text"], "from a pipe");
        }
        let reply = script.done("post", &["--thread", &id, "a reply"]);
        assert_eq!(stored(&world, &reply)["thread_ts"], stored(&world, &id)["ts"]);
        script.done("delete", &["--id", &reply]);
        assert_eq!(stored(&world, &reply), Value::Null);
        let shown = script.done("delete", &["--id", &id, "--output", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            (&shown["how"], &shown["id"], &shown["certain"]),
            (&json!("deleted"), &json!(id), &json!(true))
        );
        assert_eq!(stored(&world, &id), Value::Null);
    }
}

#[test]
fn content_may_be_the_platforms_own() {
    let world = World::new();
    let slack = Script::slack(&world);
    let block = json!({"type": "section", "text": {"type": "mrkdwn", "text": "*bold*"}});
    let id = slack.done("post", &["--json", &json!([block]).to_string()]);
    assert_eq!(stored(&world, &id)["blocks"][0]["text"]["text"], "*bold*");
    let id = slack.done("post", &["--json", &json!({"text": "in words", "blocks": [block]}).to_string()]);
    assert_eq!(stored(&world, &id)["text"], "in words");
    slack.done("update", &["--id", &id, "only words"]);
    let updated = stored(&world, &id);
    assert_eq!(
        (&updated["text"], updated["blocks"].to_string().contains("bold")),
        (&json!("only words"), false)
    );
    let teams = Script::teams(&world);
    let card =
        json!({"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "TextBlock", "text": "Drinks"}]});
    let id = teams.done("post", &["--json", &card.to_string()]);
    assert_eq!(stored(&world, &id)["activity"]["attachments"][0]["content"]["body"][0]["text"], "Drinks");
    teams.done("update", &["--id", &id, "only words"]);
    let updated = stored(&world, &id);
    assert_eq!(
        (&updated["text"], updated["activity"].to_string().contains("Drinks")),
        (&json!("only words"), false)
    );
    let activity = json!({"type": "message", "text": "in words", "importance": "high"});
    let id = teams.done("post", &["--json", &activity.to_string()]);
    assert_eq!(stored(&world, &id)["activity"]["importance"], "high");
}

/// A key is one message for every process that has the book.
#[test]
fn a_key_is_one_message() {
    let world = World::new();
    let folder = Folder::new("book");
    for (name, script) in [("slack", Script::slack(&world)), ("teams", Script::teams(&world))] {
        let book = folder.join(name);
        let book = book.to_str().unwrap();
        let upsert = |content: &str| -> Value {
            let said =
                script.done("upsert", &["--key", "deploy-7", "--book", book, "--output", "json", content]);
            serde_json::from_str(&said).unwrap()
        };
        let first = upsert("Building");
        assert_eq!(first["how"], "posted");
        let id = text_of(&first, "id");
        for (content, how, revision) in
            [("Building", "unchanged", 1), ("Live", "updated", 2), ("Live", "unchanged", 2)]
        {
            let again = upsert(content);
            assert_eq!((&again["how"], &again["id"]), (&json!(how), &json!(id)));
            assert_eq!(stored(&world, &id)["revision"], revision);
        }
        assert_eq!(script.done("delete", &["--key", "deploy-7", "--book", book]), "");
        assert_eq!(stored(&world, &id), Value::Null);
        let gone = script.done("delete", &["--key", "deploy-7", "--book", book, "--output", "json"]);
        assert!(gone.contains("not_there"), "{gone}");
        assert_ne!(upsert("Building")["id"], id);
    }
}

/// What went wrong is a code for the script and a sentence for people, without secrets; nothing is on standard output.
#[test]
fn exit_codes_say_what_to_do() {
    let world = World::new();
    // It hangs up on whoever has asked.
    let bot = Bot::new();
    bot.answers(|_| Say::Raw(Vec::new()));
    let (hangs_up, nobody) = (bot.url.replace("/api/messages", "/api/"), "http://127.0.0.1:1/api/");
    let slack = || Script::slack(&world);
    let teams = || Script::teams(&world);
    let rows: Vec<(i32, &str, Script, &str, &[&str])> = vec![
        (3, "channel_not_found", slack().elsewhere("C0NONE"), "post", &["x"]),
        (3, "message_not_found", slack(), "update", &["--id", "1700000000.000100", "x"]),
        (3, "message_not_found", slack(), "delete", &["--id", "1700000000.000100"]),
        (3, "invalid_auth", slack().with("SLACK_BOT_TOKEN", Some("xoxb-wrong")), "post", &["x"]),
        (3, "ActivityNotFoundInConversation", teams(), "delete", &["--id", "1700000000000100"]),
        (5, "may be there twice", slack().with("SLACK_API_URL", Some(&hangs_up)), "post", &["x"]),
        (
            5,
            "can be asked again",
            slack().with("SLACK_API_URL", Some(&hangs_up)),
            "update",
            &["--id", "1.000001", "x"],
        ),
        (5, "can be asked again", slack().with("SLACK_API_URL", Some(nobody)), "post", &["x"]),
        (6, "SLACK_BOT_TOKEN", slack().with("SLACK_BOT_TOKEN", None), "post", &["x"]),
        (6, "CLIENT_ID", teams().with("CLIENT_ID", None), "post", &["x"]),
        (6, "CLIENT_SECRET", teams().with("CLIENT_SECRET", None), "post", &["x"]),
        (2, "--service-url", teams().with("SERVICE_URL", None), "post", &["x"]),
        (2, "no content", slack(), "post", &[]),
        (2, "no JSON", slack(), "post", &["--json", "{"]),
        (2, "list of blocks", slack(), "post", &["--json", "7"]),
        (2, "Adaptive Card", teams(), "post", &["--json", "[]"]),
        (2, "--id", slack(), "delete", &[]),
        (2, "--book", slack(), "upsert", &["--key", "k", "x"]),
        (1, "/nowhere/content", slack(), "post", &["--file", "/nowhere/content"]),
        (1, "", slack(), "upsert", &["--key", "k", "--book", "/nowhere/book", "x"]),
    ];
    for (code, words, script, verb, arguments) in rows {
        let ran = script.run(verb, arguments);
        assert_eq!(ran.code, code, "{verb} {arguments:?}: {ran:?}");
        assert!(ran.said.is_empty() && ran.complained.contains(words), "{verb} {arguments:?}: {ran:?}");
        for secret in [DEPLOY, HELPDESK.1, "xoxb-wrong"] {
            assert!(!ran.complained.contains(secret), "{ran:?}");
        }
    }
    let forced = json!({"calls": 1000, "retry_after_seconds": 3600});
    world.controlled("POST", "/apps/deploybot/rate-limits", &forced);
    let ran = slack().run("post", &["x"]);
    assert!(ran.code == 4 && ran.said.is_empty() && ran.complained.contains("wait 3600 s"), "{ran:?}");
}

/// What a platform answers moves no cursor, and is one line for those who read ids.
#[test]
fn a_hostile_platform_is_text() {
    let world = World::new();
    let bot = Bot::new();
    let hostile = "\u{1b}[2J\u{9b}31m\rTwo";
    let url = bot.url.replace("/api/messages", "/api/");
    let script = Script::slack(&world).with("SLACK_API_URL", Some(&url));
    for (answer, code) in [
        (json!({"ok": true, "ts": hostile, "channel": hostile}), 0),
        (json!({"ok": false, "error": hostile, "response_metadata": {"messages": [hostile]}}), 3),
    ] {
        bot.answers(move |_| Say::Json(200, answer.clone()));
        for output in ["id", "json"] {
            let ran = script.run("post", &["--output", output, "x"]);
            assert_eq!(ran.code, code, "{ran:?}");
            let printed = format!("{}{}", ran.said, ran.complained);
            assert!(printed.contains("Two") && !printed.contains(char::is_control), "{ran:?}");
        }
    }
}
