//! One conversation for both APIs: what a Slack app and a Teams bot post, change and delete, as each side reads it and
//! hears of it.

use serde_json::{Value, json};

use crate::bot::{Bot, until};
use crate::world::*;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Author {
    SlackApp,
    TeamsBot,
}

use Author::{SlackApp, TeamsBot};

/// What both say: the arguments of one, the activity of the other.
struct Said {
    slack: Value,
    teams: Value,
    /// Places in the message as the other side reads it, with what is there.
    as_slack_reads: &'static [(&'static str, &'static str)],
    as_teams_hears: &'static [(&'static str, &'static str)],
}

/// `deploybot` and `helpdesk` write; a person's token reads, and `planner` hears everything.
struct Crossing {
    world: World,
    helpdesk: String,
    listener: Bot,
}

/// A message by both of its names.
#[derive(Clone, PartialEq, Debug)]
struct Key {
    ts: String,
    id: String,
}

impl Key {
    fn of_ts(ts: &str) -> Self {
        Self { ts: ts.into(), id: ts.replace('.', "") }
    }

    fn of_id(id: &str) -> Self {
        Self { ts: format!("{}.{}", &id[..10], &id[10..]), id: id.into() }
    }
}

impl Crossing {
    fn new() -> Self {
        let world = World::new();
        let listener = Bot::of(&world, "planner");
        world.controlled("PATCH", "/apps/planner", &json!({"read_all": true}));
        let helpdesk = world.bot(HELPDESK);
        Self { world, helpdesk, listener }
    }

    fn post(&self, author: Author, said: &Said, root: Option<&Key>) -> Key {
        match author {
            SlackApp => {
                let mut args = said.slack.clone();
                args["channel"] = GENERAL.into();
                if let Some(root) = root {
                    args["thread_ts"] = root.ts.clone().into();
                }
                Key::of_ts(&text_of(&self.world.ok(DEPLOY, "chat.postMessage", &args), "ts"))
            }
            TeamsBot => {
                let thread = root.map(|root| format!(";messageid={}", root.id)).unwrap_or_default();
                let path = format!("/{GENERAL_19}{thread}/activities");
                let sent = self.world.connector(&self.helpdesk, "POST", &path, &said.teams);
                assert_eq!(sent.status, 201, "{}", sent.body);
                Key::of_id(&text_of(&sent.json, "id"))
            }
        }
    }

    fn update(&self, author: Author, key: &Key, said: &Said) -> String {
        match author {
            SlackApp => {
                // An update leaves what it does not name; this one names everything.
                let mut args = said.slack.clone();
                let all = args.as_object_mut().unwrap();
                all.entry("blocks").or_insert_with(|| json!([]));
                args["channel"] = GENERAL.into();
                args["ts"] = key.ts.clone().into();
                self.world.slack(DEPLOY, "chat.update", &args).code().to_owned()
            }
            TeamsBot => {
                let path = format!("/{GENERAL_19}/activities/{}", key.id);
                self.world.connector(&self.helpdesk, "PUT", &path, &said.teams).outcome()
            }
        }
    }

    fn delete(&self, author: Author, key: &Key) -> String {
        match author {
            SlackApp => {
                let args = json!({"channel": GENERAL, "ts": key.ts});
                self.world.slack(DEPLOY, "chat.delete", &args).code().to_owned()
            }
            TeamsBot => {
                let path = format!("/{GENERAL_19}/activities/{}", key.id);
                self.world.connector(&self.helpdesk, "DELETE", &path, &Value::Null).outcome()
            }
        }
    }

    /// The message in Slack's history, or among the replies of a root; with the answer's bytes.
    fn slack_reads(&self, key: &Key, root: Option<&Key>) -> (Option<Value>, String) {
        let answer = match root {
            None => self.world.slack(ADA, "conversations.history", &json!({"channel": GENERAL})),
            Some(root) => {
                self.world.slack(ADA, "conversations.replies", &json!({"channel": GENERAL, "ts": root.ts}))
            }
        };
        let messages = answer.json["messages"].as_array().cloned().unwrap_or_default();
        (messages.into_iter().find(|it| it["ts"] == key.ts.as_str()), answer.body)
    }

    /// The next activity of this type about a message that the listening bot has not been asked for yet.
    fn teams_hears(&self, kind: &str, key: &Key, number: usize) -> Value {
        let about = |it: &Value| it["type"] == kind && it["id"] == key.id.as_str();
        let find = || self.listener.heard().into_iter().map(|it| it.activity).filter(about).nth(number);
        until(&format!("{kind} number {number} of {}", key.id), find)
    }

    /// What the log has said since, without the numbers.
    fn log_since(&self, position: u64) -> Vec<(String, String, String)> {
        let page = self.world.controlled("GET", &format!("/log?after={position}&limit=100"), &Value::Null);
        let events = page["events"].as_array().unwrap().iter();
        events.map(|it| (text_of(it, "type"), text_of(it, "message"), text_of(it, "by"))).collect()
    }

    /// The same message to every reader.
    fn check_read(&self, author: Author, said: &Said, key: &Key, root: Option<&Key>, heard: &Value) {
        let (read, bytes) = self.slack_reads(key, root);
        let read = read.unwrap_or_else(|| panic!("{author:?} {}: {bytes}", said.slack));
        let stored = self.world.stored(GENERAL, &key.ts);
        assert_eq!(stored["text"], read["text"]);
        match author {
            SlackApp => {
                // To its own API it is what it was, byte for byte.
                assert!(bytes.contains(&format!("\"text\":{}", said.slack["text"])), "{bytes}");
                if said.slack.get("blocks").is_some() {
                    assert!(bytes.contains(&said.slack["blocks"].to_string()), "{bytes}");
                }
                for (place, wanted) in said.as_teams_hears {
                    assert_eq!(at(heard, place).to_string(), *wanted, "{} {place}: {heard}", said.slack);
                }
            }
            TeamsBot => {
                assert_eq!(stored["activity"], said.teams);
                for (name, value) in
                    said.teams.as_object().unwrap().iter().filter(|(name, _)| *name != "type")
                {
                    let own: Value = match &heard[name] {
                        // What is known of the client comes behind.
                        Value::Array(all) if name == "entities" => all[..all.len() - 1].into(),
                        other => other.clone(),
                    };
                    assert_eq!(&own, value, "{name}: {heard}");
                }
                for (place, wanted) in said.as_slack_reads {
                    assert_eq!(at(&read, place).to_string(), *wanted, "{} {place}: {read}", said.teams);
                }
            }
        }
        let (user, id) = match author {
            SlackApp => ("U01DEPLOY".to_owned(), None),
            TeamsBot => (self.helpdesk_user(), Some(format!("28:{}", HELPDESK.0))),
        };
        assert_eq!(read["user"], user);
        if let Some(id) = id {
            assert_eq!(heard["from"]["id"], id);
        }
        let thread = root.unwrap_or(key);
        assert_eq!(heard["conversation"]["id"], format!("{GENERAL_19};messageid={}", thread.id));
        assert_eq!(read.get("thread_ts"), root.map(|root| json!(root.ts)).as_ref());
        assert_eq!(heard.get("replyToId"), root.map(|root| json!(root.id)).as_ref());
    }

    fn helpdesk_user(&self) -> String {
        let apps = self.world.controlled("GET", "/apps", &Value::Null);
        let app = apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == "helpdesk").cloned();
        text_of(&app.unwrap(), "bot_user_id")
    }
}

const fn other(author: Author) -> Author {
    match author {
        SlackApp => TeamsBot,
        TeamsBot => SlackApp,
    }
}

fn words(
    slack: &str,
    teams: &str,
    hears: &'static [(&'static str, &'static str)],
    reads: &'static [(&'static str, &'static str)],
) -> Said {
    Said {
        slack: json!({"text": slack}),
        teams: message(teams),
        as_slack_reads: reads,
        as_teams_hears: hears,
    }
}

fn table() -> Vec<Said> {
    let mention = json!({"type": "message", "text": "<at>Ada</at>, look", "textFormat": "markdown",
        "entities": [{"type": "mention", "text": "<at>Ada</at>", "mentioned": {"id": "29:1ada", "name": "Ada"}}]});
    let blocks = json!([
        {"type": "header", "block_id": "a", "text": {"type": "plain_text", "text": "Release 7", "emoji": true}},
        {"type": "section", "block_id": "b", "fields": [
            {"type": "mrkdwn", "text": "*Version*\nv7", "verbatim": false},
            {"type": "mrkdwn", "text": "*State*\nlive", "verbatim": false}]},
        {"type": "divider", "block_id": "c"},
        {"type": "actions", "block_id": "d", "elements": [{"type": "button", "action_id": "e",
            "text": {"type": "plain_text", "text": "Open", "emoji": true}, "url": "https://acme.example/7"}]},
    ]);
    let card = json!({"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
        "type": "AdaptiveCard", "version": "1.5",
        "body": [{"type": "TextBlock", "text": "Release 7", "size": "large"},
            {"type": "FactSet", "facts": [{"title": "Version", "value": "v7"}]}],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "https://acme.example/7"},
            {"type": "Action.Submit", "title": "Vote", "data": {"vote": 1}}]}}]});
    vec![
        words(
            "plain words",
            "plain words",
            &[("/text", "\"plain words\""), ("/textFormat", "\"plain\"")],
            &[("/text", "\"plain words\""), ("/blocks/0/type", "\"rich_text\"")],
        ),
        words(
            "*bold* _italic_ ~gone~ `code`",
            "**bold** *italic* ~~gone~~ `code`",
            &[
                ("/text", "\"**bold** _italic_ ~~gone~~ `code`\""),
                ("/textFormat", "\"markdown\""),
                ("/attachments/0/contentType", "\"text/html\""),
            ],
            &[
                ("/text", "\"*bold* _italic_ ~gone~ `code`\""),
                ("/blocks/0/elements/0/elements/0/style/bold", "true"),
            ],
        ),
        words(
            "see <https://acme.example/a?b=c|the page>",
            "see [the page](https://acme.example/a?b=c)",
            &[("/text", "\"see [the page](https://acme.example/a?b=c)\"")],
            &[
                ("/text", "\"see <https://acme.example/a?b=c|the page>\""),
                ("/blocks/0/elements/0/elements/1/url", "\"https://acme.example/a?b=c\""),
            ],
        ),
        words(
            "```\nlet a = 1 &lt; 2;\n```",
            "```\nlet a = 1 < 2;\n```",
            &[("/text", r#""```\nlet a = 1 < 2;\n```""#)],
            &[("/blocks/0/elements/0/type", "\"rich_text_preformatted\"")],
        ),
        words(
            "• one\n• two",
            "- one\n- two",
            &[("/text", r#""- one\n- two""#)],
            &[("/text", r#""• one\n• two""#), ("/blocks/0/elements/0/type", "\"rich_text_list\"")],
        ),
        words(
            "a &amp; b &lt;c&gt; :tada:",
            "a & b 🎉",
            &[("/text", "\"a & b <c> 🎉\"")],
            &[("/text", "\"a &amp; b :tada:\"")],
        ),
        Said {
            slack: json!({"text": "<@U01ADA>, look"}),
            teams: mention,
            as_teams_hears: &[
                ("/text", "\"<at>Ada Lovelace</at>, look\""),
                ("/entities/0/mentioned/id", "\"29:1ada\""),
                ("/entities/0/text", "\"<at>Ada Lovelace</at>\""),
            ],
            as_slack_reads: &[
                ("/text", "\"<@U01ADA>, look\""),
                ("/blocks/0/elements/0/elements/0/user_id", "\"U01ADA\""),
            ],
        },
        Said {
            slack: json!({"text": "Release 7 is live", "blocks": blocks}),
            teams: card,
            as_teams_hears: &[
                ("/text", "null"),
                ("/summary", "\"Release 7 is live\""),
                ("/attachments/0/contentType", "\"application/vnd.microsoft.card.adaptive\""),
                ("/attachments/0/content/body/0/text", "\"Release 7\""),
                ("/attachments/0/content/body/1/facts/0/value", "\"v7\""),
                ("/attachments/0/content/body/2/actions/0/url", "\"https://acme.example/7\""),
            ],
            as_slack_reads: &[
                ("/blocks/0/text/text", "\"Release 7\""),
                ("/blocks/1/fields/0/text", r#""*Version*\nv7""#),
                ("/blocks/2/elements/0/url", "\"https://acme.example/7\""),
                ("/blocks/2/elements/1/text/text", "\"Vote\""),
            ],
        },
    ]
}

/// Posted, changed, answered by the other side, deleted with and without replies: at every step each reader reads it,
/// the listening bot hears of it, and the log, from which Slack's events will come, says so.
#[test]
fn every_change_reaches_both_sides() {
    let crossing = Crossing::new();
    let table = table();
    let helpdesk = crossing.helpdesk_user();
    for author in [SlackApp, TeamsBot] {
        let by = if author == SlackApp { "U01DEPLOY" } else { &*helpdesk };
        let answerer = if author == SlackApp { &*helpdesk } else { "U01DEPLOY" };
        for (place, said) in table.iter().enumerate() {
            let next = &table[(place + 1) % table.len()];
            let start = crossing.world.log_end();
            let root = crossing.post(author, said, None);
            crossing.check_read(author, said, &root, None, &crossing.teams_hears("message", &root, 0));

            let updated = crossing.update(author, &root, next);
            assert!(["ok", "200"].contains(&&*updated), "{author:?} {updated}");
            let heard = crossing.teams_hears("messageUpdate", &root, 0);
            assert_eq!(heard["channelData"]["eventType"], "editMessage");
            crossing.check_read(author, next, &root, None, &heard);
            assert!(crossing.slack_reads(&root, None).0.unwrap()["edited"].is_object());

            // The other side answers in the thread, and may neither change nor delete what it did not post.
            let reply = crossing.post(other(author), said, Some(&root));
            crossing.check_read(
                other(author),
                said,
                &reply,
                Some(&root),
                &crossing.teams_hears("message", &reply, 0),
            );
            let before = crossing.world.log_end();
            let refused = if author == SlackApp { "403 NotEnoughPermissions" } else { "cant_update_message" };
            assert_eq!(crossing.update(other(author), &root, said), refused);
            let refused = if author == SlackApp { "403 NotEnoughPermissions" } else { "cant_delete_message" };
            assert_eq!(crossing.delete(other(author), &root), refused);
            assert_eq!(crossing.world.log_end(), before);

            // A root with replies leaves a tombstone, which goes with its last reply.
            let gone = crossing.delete(author, &root);
            assert!(["ok", "200"].contains(&&*gone), "{author:?} {gone}");
            let heard = crossing.teams_hears("messageDelete", &root, 0);
            assert_eq!(
                (&heard["channelData"]["eventType"], heard.get("text")),
                (&json!("softDeleteMessage"), None)
            );
            let stone = crossing.slack_reads(&root, None).0.unwrap();
            assert_eq!(
                (&stone["subtype"], &stone["text"]),
                (&json!("tombstone"), &json!("This message was deleted."))
            );
            assert!(crossing.slack_reads(&reply, Some(&root)).0.is_some());
            let gone = crossing.delete(other(author), &reply);
            assert!(["ok", "200"].contains(&&*gone), "{gone}");
            crossing.teams_hears("messageDelete", &reply, 0);
            assert_eq!(crossing.slack_reads(&root, None).0, None);

            let event = |kind: &str, key: &Key, by: &str| (kind.to_owned(), key.ts.clone(), by.to_owned());
            assert_eq!(
                crossing.log_since(start),
                [
                    event("message_posted", &root, by),
                    event("message_updated", &root, by),
                    event("message_posted", &reply, answerer),
                    event("message_tombstoned", &root, by),
                    event("message_deleted", &reply, answerer),
                    event("tombstone_removed", &root, answerer),
                ]
            );
        }
    }
    // Once each, and nothing else: of a tombstone that goes nobody hears a second time.
    let heard = crossing.listener.heard();
    let of = |kind: &str| heard.iter().filter(|it| it.activity["type"] == kind).count();
    let (rows, authors) = (table.len(), 2);
    assert_eq!(of("message"), rows * authors * 2);
    assert_eq!((of("messageUpdate"), of("messageDelete")), (rows * authors, rows * authors * 2));
}

/// What the other side heard, said again there, is what it was.
#[test]
fn there_and_back() {
    let crossing = Crossing::new();
    for text in [
        "plain words",
        "*bold* _italic_ ~gone~ `code`",
        "see <https://acme.example/a?b=c|the page>",
        "```\nlet a = 1;\n```",
        "• one\n• two",
        "1. one\n2. two",
        "a &amp; b &lt;c&gt; :tada:",
        "<@U01ADA>, look",
        "2 * 3 * 4 and snake_case_names",
    ] {
        let said = Said {
            slack: json!({"text": text}),
            teams: Value::Null,
            as_slack_reads: &[],
            as_teams_hears: &[],
        };
        let key = crossing.post(SlackApp, &said, None);
        let heard = crossing.teams_hears("message", &key, 0);
        let mut again = json!({"type": "message"});
        for name in ["text", "textFormat", "entities"] {
            again[name] = heard[name].clone();
        }
        let key = crossing.post(TeamsBot, &Said { teams: again, ..said }, None);
        assert_eq!(crossing.slack_reads(&key, None).0.unwrap()["text"], text, "{heard}");
    }
}
