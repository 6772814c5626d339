//! What a Teams bot hears of what happens, and what it does not.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::bot::{Bot, Heard, until};
use crate::client;
use crate::support::{Folder, Server};
use crate::world::*;

/// What happens, and what two bots hear of it: helpdesk, who is in the general channel, and planner, who is in that and in
/// the private channel of the leads.
struct Row {
    what: &'static str,
    happens: fn(&World),
    helpdesk: &'static [&'static str],
    planner: &'static [&'static str],
}

/// A person writes; the message's id is remembered as `$name`.
fn writes(world: &World, person: &str, channel: &str, text: &str, name: &str) {
    writes_below(world, person, channel, text, name, &Value::Null);
}

fn writes_below(world: &World, person: &str, channel: &str, text: &str, name: &str, root: &Value) {
    let body = json!({"channel": channel, "text": text, "thread_ts": root});
    let posted = world.controlled("POST", &format!("/people/{person}/messages"), &body);
    world.name(name, text_of(&posted, "activity_id"));
}

fn replies(world: &World, person: &str, channel: &str, root: &str, text: &str, name: &str) {
    writes_below(world, person, channel, text, name, &world.fill(root).into());
}

fn edits(world: &World, person: &str, channel: &str, message: &str, text: &str) {
    let path = format!("/people/{person}/messages/{channel}/{}", world.fill(message));
    world.controlled("PATCH", &path, &json!({"text": text}));
}

fn deletes(world: &World, person: &str, channel: &str, message: &str) {
    let path = format!("/people/{person}/messages/{channel}/{}", world.fill(message));
    world.controlled("DELETE", &path, &Value::Null);
}

fn reacts(world: &World, verb: &str, person: &str, message: &str, name: &str) {
    let body = json!({"channel": "general", "ts": world.fill(message), "name": name});
    world.controlled(verb, &format!("/people/{person}/reactions"), &body);
}

fn changes(world: &World, verb: &str, path: &str, body: &str) {
    let body = if body.is_empty() { Value::Null } else { world.args(body) };
    world.controlled(verb, &world.fill(path), &body);
}

/// A bot sends through the Connector; the message's id is remembered as `$name`.
fn sends(world: &World, bot: (&str, &str), path: &str, activity: &Value, name: &str) {
    let answer = world.connector(&world.bot(bot), "POST", path, activity);
    assert_eq!(answer.status, 201, "{}", answer.body);
    world.name(name, text_of(&answer.json, "id"));
}

/// An activity that mentions one of the two bots.
fn mentioning(bot: (&str, &str), name: &str) -> Value {
    let mentioned = json!({"id": format!("28:{}", bot.0), "name": name});
    json!({
        "type": "message",
        "text": format!("<at>{name}</at> look"),
        "entities": [{"type": "mention", "text": format!("<at>{name}</at>"), "mentioned": mentioned}],
    })
}

const ROWS: &[Row] = &[
    Row {
        what: "words for nobody",
        happens: |world| writes(world, "ada", "general", "good morning", "morning"),
        helpdesk: &[],
        planner: &[],
    },
    Row {
        what: "a mention",
        happens: |world| writes(world, "ada", "general", "@helpdesk help", "mention"),
        helpdesk: &["message $mention 19:general@thread.tacv2;messageid=$mention <at>helpdesk</at> help"],
        planner: &[],
    },
    Row {
        what: "a mention of both",
        happens: |world| writes(world, "ben", "general", "@helpdesk and @planner", "both"),
        helpdesk: &[
            "message $both 19:general@thread.tacv2;messageid=$both <at>helpdesk</at> and <at>planner</at>",
        ],
        planner: &[
            "message $both 19:general@thread.tacv2;messageid=$both <at>helpdesk</at> and <at>planner</at>",
        ],
    },
    Row {
        what: "a mention where only one of them is",
        happens: |world| writes(world, "ada", "leads", "@helpdesk and @planner", "leads"),
        helpdesk: &[],
        planner: &[
            "message $leads 19:leads@thread.tacv2;messageid=$leads <at>helpdesk</at> and <at>planner</at>",
        ],
    },
    Row {
        what: "a mention where neither is",
        happens: |world| writes(world, "ada", "random", "@helpdesk and @planner", "random"),
        helpdesk: &[],
        planner: &[],
    },
    Row {
        what: "everything, for one that reads all",
        happens: |world| {
            changes(world, "PATCH", "/apps/planner", r#"{"read_all":true}"#);
            writes(world, "ada", "general", "good day", "day");
            writes(world, "ada", "random", "good day elsewhere", "elsewhere");
            edits(world, "ada", "general", "$day", "good days");
            deletes(world, "ada", "general", "$day");
        },
        helpdesk: &[],
        planner: &[
            "message $day 19:general@thread.tacv2;messageid=$day good day",
            "messageUpdate/editMessage $day 19:general@thread.tacv2;messageid=$day good days",
            "messageDelete/softDeleteMessage $day 19:general@thread.tacv2;messageid=$day",
        ],
    },
    Row {
        what: "its own doings, never, not even if it reads all",
        happens: |world| {
            sends(
                world,
                PLANNER,
                &format!("/{GENERAL_19}/activities"),
                &mentioning(PLANNER, "planner"),
                "own",
            );
            let path = world.fill(&format!("/{GENERAL_19}/activities/$own"));
            let bot = world.bot(PLANNER);
            assert_eq!(world.connector(&bot, "PUT", &path, &mentioning(PLANNER, "planner")).status, 200);
            assert_eq!(world.connector(&bot, "DELETE", &path, &Value::Null).status, 200);
        },
        helpdesk: &[],
        planner: &[],
    },
    Row {
        what: "another bot's doings, on the same terms",
        happens: |world| {
            changes(world, "PATCH", "/apps/planner", r#"{"read_all":false}"#);
            let all = format!("/{GENERAL_19}/activities");
            sends(world, HELPDESK, &all, &message("for nobody"), "nobody");
            sends(world, HELPDESK, &all, &mentioning(PLANNER, "planner"), "other");
            let path = world.fill(&format!("/{GENERAL_19}/activities/$other"));
            let bot = world.bot(HELPDESK);
            assert_eq!(world.connector(&bot, "PUT", &path, &message("not any more")).status, 200);
            assert_eq!(world.connector(&bot, "PUT", &path, &message("for nobody")).status, 200);
            assert_eq!(world.connector(&bot, "DELETE", &path, &Value::Null).status, 200);
        },
        helpdesk: &[],
        planner: &[
            "message $other 19:general@thread.tacv2;messageid=$other <at>planner</at> look",
            "messageUpdate/editMessage $other 19:general@thread.tacv2;messageid=$other not any more",
        ],
    },
    Row {
        what: "a message of a Slack app",
        happens: |world| {
            let ts = world.post(DEPLOY, GENERAL, &world.fill("<@$HELPDESK_U> build 7 *failed*"));
            world.name("build", ts.replace('.', ""));
            world.post(DEPLOY, GENERAL, "build 8 passed");
        },
        helpdesk: &[
            "message $build 19:general@thread.tacv2;messageid=$build <at>helpdesk</at> build 7 **failed**",
        ],
        planner: &[],
    },
    Row {
        what: "messages for one reader, of either kind",
        happens: |world| {
            let text = world.fill("<@$HELPDESK_U> and <@$PLANNER_U>");
            world.ok(
                DEPLOY,
                "chat.postEphemeral",
                &json!({"channel": GENERAL, "user": "U01BEN", "text": text}),
            );
            let mut targeted = mentioning(HELPDESK, "helpdesk");
            targeted["recipient"] = json!({"id": "29:1ada"});
            let path = format!("/{GENERAL_19}/activities?isTargetedActivity=true");
            sends(world, PLANNER, &path, &targeted, "targeted");
        },
        helpdesk: &[],
        planner: &[],
    },
    Row {
        what: "a mention edited in and out again",
        happens: |world| {
            edits(world, "ada", "general", "$morning", "good morning to you");
            edits(world, "ada", "general", "$morning", "good morning @helpdesk");
            edits(world, "ada", "general", "$morning", "good morning all");
            edits(world, "ada", "general", "$morning", "good morning");
        },
        helpdesk: &[
            "messageUpdate/editMessage $morning 19:general@thread.tacv2;messageid=$morning good morning <at>helpdesk</at>",
            "messageUpdate/editMessage $morning 19:general@thread.tacv2;messageid=$morning good morning all",
        ],
        planner: &[],
    },
    Row {
        what: "deletions of what it had heard of, and of what it had not",
        happens: |world| {
            deletes(world, "ada", "general", "$mention");
            deletes(world, "ada", "general", "$morning");
        },
        helpdesk: &["messageDelete/softDeleteMessage $mention 19:general@thread.tacv2;messageid=$mention"],
        planner: &[],
    },
    Row {
        what: "a thread",
        happens: |world| {
            writes(world, "ada", "general", "a root", "root");
            replies(world, "ben", "general", "$root", "a reply", "plain");
            replies(world, "ben", "general", "$root", "@helpdesk a reply", "reply");
            edits(world, "ben", "general", "$reply", "@helpdesk another reply");
        },
        helpdesk: &[
            "message $reply 19:general@thread.tacv2;messageid=$root to $root <at>helpdesk</at> a reply",
            "messageUpdate/editMessage $reply 19:general@thread.tacv2;messageid=$root to $root <at>helpdesk</at> another reply",
        ],
        planner: &[],
    },
    Row {
        what: "a deleted reply, whose thread is known all the same",
        happens: |world| deletes(world, "ben", "general", "$reply"),
        helpdesk: &["messageDelete/softDeleteMessage $reply 19:general@thread.tacv2;messageid=$root"],
        planner: &[],
    },
    Row {
        what: "a tombstone, and its end",
        happens: |world| {
            replies(world, "ben", "general", "$both", "a reply", "last");
            deletes(world, "ben", "general", "$both");
            deletes(world, "ben", "general", "$last");
        },
        helpdesk: &["messageDelete/softDeleteMessage $both 19:general@thread.tacv2;messageid=$both"],
        planner: &["messageDelete/softDeleteMessage $both 19:general@thread.tacv2;messageid=$both"],
    },
    Row {
        what: "reactions to its own messages only",
        happens: |world| {
            reacts(world, "POST", "ben", "$nobody", "thumbsup");
            reacts(world, "POST", "ben", "$nobody", "thumbsup");
            reacts(world, "POST", "cleo", "$nobody", "heart");
            reacts(world, "DELETE", "ben", "$nobody", "thumbsup");
            reacts(world, "POST", "ben", "$root", "thumbsup");
        },
        helpdesk: &[
            "messageReaction 19:general@thread.tacv2;messageid=$nobody to $nobody +like",
            "messageReaction 19:general@thread.tacv2;messageid=$nobody to $nobody +heart",
            "messageReaction 19:general@thread.tacv2;messageid=$nobody to $nobody -like",
        ],
        planner: &[],
    },
    Row {
        what: "somebody new in the team",
        happens: |world| {
            changes(world, "POST", "/people", r#"{"name":"dora","member_id":"29:1dora"}"#);
            changes(world, "PATCH", "/people/dora", r#"{"deactivated":true}"#);
        },
        helpdesk: &["conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +29:1dora"],
        planner: &["conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +29:1dora"],
    },
    Row {
        what: "members of a private channel",
        happens: |world| {
            changes(world, "PUT", "/channels/leads/members/cleo", "");
            changes(world, "PUT", "/channels/leads/members/cleo", "");
            changes(world, "DELETE", "/channels/leads/members/cleo", "");
        },
        helpdesk: &[],
        planner: &[
            "conversationUpdate/channelMemberAdded 19:leads@thread.tacv2 +29:1cleo",
            "conversationUpdate/channelMemberRemoved 19:leads@thread.tacv2 -29:1cleo",
        ],
    },
    Row {
        what: "a personal chat",
        happens: |world| {
            let said = json!({"to": ["helpdesk"], "text": "just us"});
            let posted = world.controlled("POST", "/people/ada/messages", &said);
            world.name("chat", text_of(&posted, "conversation_id"));
            world.name("us", text_of(&posted, "activity_id"));
        },
        helpdesk: &[
            "conversationUpdate $chat +28:33333333-0000-4000-8000-000000000001 +29:1ada",
            "installationUpdate/add $chat",
            "message $us $chat just us",
        ],
        planner: &[],
    },
    Row {
        what: "a person who types in it",
        happens: |world| changes(world, "POST", "/people/ada/typing", r#"{"channel":"$chat"}"#),
        helpdesk: &["typing $chat"],
        planner: &[],
    },
    Row {
        what: "a group chat",
        happens: |world| {
            let said = json!({"to": ["helpdesk", "ben"], "text": "the three of us"});
            let posted = world.controlled("POST", "/people/ada/messages", &said);
            world.name("group", text_of(&posted, "conversation_id"));
            let group = world.fill("$group");
            writes(world, "ben", &group, "@helpdesk you too", "three");
            changes(world, "POST", "/people/ben/typing", r#"{"channel":"$group"}"#);
            changes(world, "POST", "/people/ben/typing", r#"{"channel":"general"}"#);
        },
        helpdesk: &[
            "conversationUpdate $group +28:33333333-0000-4000-8000-000000000001 +29:1ada +29:1ben",
            "installationUpdate/add $group",
            "message $three $group <at>helpdesk</at> you too",
        ],
        planner: &[],
    },
    Row {
        what: "channels come, and get other names",
        happens: |world| {
            let ops = r#"{"name":"ops","conversation_id":"19:ops@thread.tacv2"}"#;
            changes(world, "POST", "/channels", ops);
            changes(world, "PATCH", "/channels/ops", r#"{"name":"operations"}"#);
            changes(world, "PATCH", "/channels/operations", r#"{"name":"operations"}"#);
            changes(world, "PATCH", "/channels/operations", r#"{"archived":true}"#);
            changes(world, "PATCH", "/channels/operations", r#"{"archived":false}"#);
        },
        helpdesk: &[
            "conversationUpdate/channelCreated 19:general@thread.tacv2 #ops",
            "conversationUpdate/channelRenamed 19:general@thread.tacv2 #operations",
            "conversationUpdate/channelDeleted 19:general@thread.tacv2 #operations",
            "conversationUpdate/channelRestored 19:general@thread.tacv2 #operations",
        ],
        planner: &[
            "conversationUpdate/channelCreated 19:general@thread.tacv2 #ops",
            "conversationUpdate/channelRenamed 19:general@thread.tacv2 #operations",
            "conversationUpdate/channelDeleted 19:general@thread.tacv2 #operations",
            "conversationUpdate/channelRestored 19:general@thread.tacv2 #operations",
        ],
    },
    Row {
        what: "private channels, for those inside",
        happens: |world| {
            changes(world, "POST", "/channels", r#"{"name":"secret","private":true}"#);
            changes(world, "PATCH", "/channels/secret", r#"{"name":"more-secret"}"#);
            changes(world, "PATCH", "/channels/leads", r#"{"name":"leaders"}"#);
        },
        helpdesk: &[],
        planner: &["conversationUpdate/channelRenamed 19:general@thread.tacv2 #leaders"],
    },
    Row {
        what: "the team gets another name",
        happens: |world| {
            changes(world, "PATCH", "", r#"{"name":"Acme Limited"}"#);
            changes(world, "PATCH", "", r#"{"settings":{"edit_window_seconds":null}}"#);
        },
        helpdesk: &["conversationUpdate/teamRenamed 19:general@thread.tacv2 =Acme Limited"],
        planner: &["conversationUpdate/teamRenamed 19:general@thread.tacv2 =Acme Limited"],
    },
    Row {
        what: "another app",
        happens: |world| {
            let app = r#"{"kind":"teams","name":"scribe","app_id":"33333333-0000-4000-8000-000000000003"}"#;
            changes(world, "POST", "/apps", app);
            changes(world, "DELETE", "/apps/scribe", "");
        },
        helpdesk: &[
            "conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +28:33333333-0000-4000-8000-000000000003",
        ],
        planner: &[
            "conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +28:33333333-0000-4000-8000-000000000003",
        ],
    },
    Row {
        what: "it comes into a channel, and hears nothing of before",
        happens: |world| {
            changes(world, "PUT", "/channels/random/members/helpdesk", "");
            edits(world, "ada", "random", "$random", "@helpdesk and @planner again");
        },
        helpdesk: &[
            "conversationUpdate/channelMemberAdded 19:random@thread.tacv2 +28:33333333-0000-4000-8000-000000000001",
            "messageUpdate/editMessage $random 19:random@thread.tacv2;messageid=$random <at>helpdesk</at> and <at>planner</at> again",
        ],
        planner: &[],
    },
    Row {
        what: "it is put out of a channel",
        happens: |world| {
            changes(world, "DELETE", "/channels/leaders/members/planner", "");
            writes(world, "ada", "leaders", "@planner are you there", "gone");
        },
        helpdesk: &[],
        planner: &[
            "conversationUpdate/channelMemberRemoved 19:leads@thread.tacv2 -28:33333333-0000-4000-8000-000000000002",
        ],
    },
    Row {
        what: "it is put out of the team",
        happens: |world| {
            changes(world, "DELETE", "/channels/general/members/planner", "");
            writes(world, "ada", "general", "@planner are you there", "gone");
            changes(world, "PATCH", "/channels/operations", r#"{"name":"ops"}"#);
        },
        helpdesk: &[
            "conversationUpdate/teamMemberRemoved 19:general@thread.tacv2 -28:33333333-0000-4000-8000-000000000002",
            "conversationUpdate/channelRenamed 19:general@thread.tacv2 #ops",
        ],
        planner: &[
            "conversationUpdate/teamMemberRemoved 19:general@thread.tacv2 -28:33333333-0000-4000-8000-000000000002",
        ],
    },
    Row {
        what: "it comes back",
        happens: |world| {
            changes(world, "PUT", "/channels/general/members/planner", "");
            edits(world, "ada", "general", "$root", "a root all the same");
        },
        helpdesk: &[
            "conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +28:33333333-0000-4000-8000-000000000002",
        ],
        planner: &[
            "conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +28:33333333-0000-4000-8000-000000000002",
        ],
    },
    Row {
        what: "its app is taken away",
        happens: |world| {
            changes(world, "DELETE", "/apps/planner", "");
            writes(world, "ada", "general", "@planner are you there", "gone");
        },
        helpdesk: &[],
        planner: &["installationUpdate/remove 19:general@thread.tacv2"],
    },
    Row {
        what: "the last words, after which nothing else may come",
        happens: |world| {
            writes(world, "ada", "general", "@helpdesk @planner that is all", "end");
            until("everything was told", || {
                let told = world.controlled("GET", "/apps/helpdesk/deliveries", &Value::Null);
                (told["heard"].as_u64() == Some(world.log_end())).then_some(())
            });
        },
        helpdesk: &[
            "message $end 19:general@thread.tacv2;messageid=$end <at>helpdesk</at> <at>planner</at> that is all",
        ],
        planner: &[],
    },
];

/// An activity in one line: what it is, the message's id if it is about one, where, to which message it belongs, who came
/// and went, what it says.
fn line(activity: &Value) -> String {
    let data = &activity["channelData"];
    let kind = text_of(activity, "type");
    let mut words = vec![match data["eventType"].as_str().or(activity["action"].as_str()) {
        Some(which) => format!("{kind}/{which}"),
        None => kind.clone(),
    }];
    words.extend(activity["id"].as_str().filter(|id| !id.starts_with("f:")).map(str::to_owned));
    words.push(text_of(&activity["conversation"], "id"));
    words.extend(activity["replyToId"].as_str().map(|id| format!("to {id}")));
    for (list, mark, name) in [
        ("membersAdded", '+', "id"),
        ("membersRemoved", '-', "id"),
        ("reactionsAdded", '+', "type"),
        ("reactionsRemoved", '-', "type"),
    ] {
        let items = activity[list].as_array().into_iter().flatten();
        let mut items: Vec<String> = items.map(|it| format!("{mark}{}", text_of(it, name))).collect();
        items.sort();
        words.extend(items);
    }
    match data["eventType"].as_str() {
        Some("teamRenamed") => words.push(format!("={}", text_of(&data["team"], "name"))),
        Some(which) if which.starts_with("channel") && !which.starts_with("channelMember") => {
            words.push(format!("#{}", text_of(&data["channel"], "name")));
        }
        _ => {}
    }
    words.extend(activity["text"].as_str().map(str::to_owned));
    words.join(" ")
}

#[test]
fn what_bots_hear() {
    let world = World::new();
    for (app, name) in [("helpdesk", "HELPDESK_U"), ("planner", "PLANNER_U")] {
        let apps = world.controlled("GET", "/apps", &Value::Null);
        let found = apps["apps"].as_array().unwrap().iter().find(|it| it["name"] == app).unwrap();
        world.name(name, text_of(found, "bot_user_id"));
    }
    // A new endpoint hears nothing of this.
    writes(&world, "ada", "general", "@helpdesk @planner before", "before");
    let bots = [Bot::of(&world, "helpdesk"), Bot::of(&world, "planner")];
    let mut wrong = Vec::new();
    let mut seen = [0, 0];
    for row in ROWS {
        (row.happens)(&world);
        for (bot, (wanted, seen)) in bots.iter().zip([row.helpdesk, row.planner].into_iter().zip(&mut seen)) {
            let heard = bot.wait_for(*seen + wanted.len());
            let heard: Vec<String> = heard[*seen..].iter().map(|it| line(&it.activity)).collect();
            *seen += heard.len();
            let wanted: Vec<String> = wanted.iter().map(|it| world.fill(it)).collect();
            if heard != wanted {
                wrong.push(format!("{}:\n  wanted {wanted:#?}\n  heard  {heard:#?}", row.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (bot, (app_id, _)) in bots.iter().zip([HELPDESK, PLANNER]) {
        bot.heard().iter().for_each(|heard| is_from_the_channel(&world, heard, app_id, CHANNEL));
    }
}

/// Issues the tokens that bots are called with, unless the app says otherwise.
const CHANNEL: &str = "https://api.botframework.com";

/// Fails unless a request has the headers and the token that a bot has to insist on.
fn is_from_the_channel(world: &World, heard: &Heard, app_id: &str, issuer: &str) {
    let Heard { headers, activity, .. } = heard;
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(headers["x-ms-conversation-id"], text_of(&activity["conversation"], "id"));
    assert_eq!(headers["x-ms-tenant-id"], TENANT);
    let token = headers["authorization"].strip_prefix("Bearer ").unwrap();
    let keys = client::send("GET", &format!("{}/v1/.well-known/keys", world.server.url), &[], ("", b""));
    let keys: JwkSet = serde_json::from_str(&keys.body).unwrap();
    let key = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[app_id]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["aud", "iss", "exp", "nbf"]);
    validation.validate_nbf = true;
    let claims = decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims;
    assert_eq!(claims["serviceurl"], activity["serviceUrl"]);
    assert_eq!(claims["serviceurl"], format!("{}/teams/{TENANT}/", world.server.url));
    let lifetime = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
    assert!((1800..=2 * 3600).contains(&lifetime), "{claims}");
    // With both a bot takes it for another bot's token, and looks for other keys.
    assert!(claims.get("ver").is_none() || claims.get("appid").is_none(), "{claims}");
}

#[test]
fn another_issuer() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    changes(&world, "PATCH", "/apps/helpdesk", r#"{"issuer":"https://issuer.example"}"#);
    writes(&world, "ada", "general", "@helpdesk help", "help");
    is_from_the_channel(&world, &bot.wait_for(1)[0], HELPDESK.0, "https://issuer.example");
}

/// A declared endpoint hears everything from the beginning.
#[test]
fn a_declared_endpoint_hears_of_its_installation() {
    let bot = Bot::new();
    let folder = Folder::new("hears");
    let seed = json!({
        "control_token": CONTROL,
        "workspace": {"id": "T01ACME"},
        "people": [{"name": "ada", "admin": true}],
        "apps": [{"kind": "teams", "name": "helpdesk", "app_id": HELPDESK.0, "endpoint": bot.url}],
    });
    let file = folder.join("seed.yaml");
    std::fs::write(&file, seed.to_string()).unwrap();
    let world = World::on(Server::start(&["--memory", "--seed", file.to_str().unwrap()]));
    let installed = ["conversationUpdate/teamMemberAdded", "installationUpdate/add"];
    let kinds = |heard: &[Heard]| -> Vec<String> {
        heard.iter().map(|it| line(&it.activity).split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&bot.wait_for(2)), installed);
    // After a reset it is a new workspace.
    world.controlled("POST", "/reset", &Value::Null);
    assert_eq!(kinds(&bot.wait_for(4)[2..]), installed);
}

/// An app that is registered with its endpoint hears of itself, and of nothing before.
#[test]
fn a_registered_endpoint_hears_of_its_installation() {
    let world = World::new();
    writes(&world, "ada", "general", "@scribe before", "before");
    let bot = Bot::new();
    let app = json!({"kind": "teams", "name": "scribe", "app_id": "33333333-0000-4000-8000-000000000003", "endpoint": bot.url});
    world.controlled("POST", "/apps", &app);
    writes(&world, "ada", "general", "@scribe after", "after");
    let heard: Vec<String> = bot.wait_for(3).iter().map(|it| line(&it.activity)).collect();
    let wanted = [
        "installationUpdate/add 19:general@thread.tacv2",
        "conversationUpdate/teamMemberAdded 19:general@thread.tacv2 +28:33333333-0000-4000-8000-000000000003",
        "message $after 19:general@thread.tacv2;messageid=$after <at>scribe</at> after",
    ];
    assert_eq!(heard, wanted.map(|it| world.fill(it)));
}

/// What stands in every activity of these two places.
const IN_CHANNEL: &str = r#"{"channelId":"msteams","serviceUrl":"$URL/teams/11111111-1111-4111-8111-111111111111/",
    "recipient":{"id":"28:33333333-0000-4000-8000-000000000001","name":"helpdesk"},
    "channelData":{"channel":{"id":"19:general@thread.tacv2"},"tenant":{"id":"11111111-1111-4111-8111-111111111111"},
        "team":{"id":"19:general@thread.tacv2","name":"Acme","aadGroupId":"6191a08c-18b1-44aa-ada8-ee8684a762f7"}},
    "conversation":{"id":"19:general@thread.tacv2;messageid=$help","conversationType":"channel","isGroup":true,
        "tenantId":"11111111-1111-4111-8111-111111111111"}}"#;
const IN_CHAT: &str = r#"{"channelId":"msteams","serviceUrl":"$URL/teams/11111111-1111-4111-8111-111111111111/",
    "recipient":{"id":"28:33333333-0000-4000-8000-000000000001","name":"helpdesk"},
    "channelData":{"tenant":{"id":"11111111-1111-4111-8111-111111111111"}},
    "conversation":{"id":"$chat","conversationType":"personal","tenantId":"11111111-1111-4111-8111-111111111111"}}"#;

/// Who did something, and in which client where that is told.
const ADA_IS: &str =
    r#"{"from":{"id":"29:1ada","name":"Ada Lovelace","aadObjectId":"22222222-0000-4000-8000-000000000001"}}"#;
const BEN_IS: &str =
    r#"{"from":{"id":"29:1ben","name":"Ben Okri","aadObjectId":"22222222-0000-4000-8000-000000000002"}}"#;
const CLIENT: &str = r#"{"locale":"en-US","localTimezone":"Etc/UTC",
    "entities":[{"type":"clientInfo","locale":"en-US","country":"US","platform":"Web","timezone":"Etc/UTC"}]}"#;
const MENTION: &str = r#"{"entities":[
    {"type":"mention","text":"<at>helpdesk</at>",
        "mentioned":{"id":"28:33333333-0000-4000-8000-000000000001","name":"helpdesk"}},
    {"type":"clientInfo","locale":"en-US","country":"US","platform":"Web","timezone":"Etc/UTC"}]}"#;

/// Activities, as parts that are laid over one another.
const SHAPES: &[&[&str]] = &[
    &[
        IN_CHANNEL,
        ADA_IS,
        CLIENT,
        MENTION,
        r#"{"type":"message","id":"$help","text":"<at>helpdesk</at> help & advice","textFormat":"plain",
            "attachments":[{"contentType":"text/html","content":"<p><at id=\"0\">helpdesk</at> help &amp; advice</p>"}]}"#,
    ],
    &[
        IN_CHANNEL,
        ADA_IS,
        CLIENT,
        MENTION,
        r#"{"type":"messageUpdate","id":"$help","text":"<at>helpdesk</at> help","textFormat":"plain",
            "attachments":[{"contentType":"text/html","content":"<p><at id=\"0\">helpdesk</at> help</p>"}],
            "channelData":{"eventType":"editMessage"}}"#,
    ],
    &[
        IN_CHANNEL,
        ADA_IS,
        CLIENT,
        r#"{"type":"messageDelete","id":"$help","channelData":{"eventType":"softDeleteMessage"}}"#,
    ],
    &[
        IN_CHANNEL,
        BEN_IS,
        r#"{"type":"messageReaction","replyToId":"$here","reactionsAdded":[{"type":"like"}],
            "conversation":{"id":"19:general@thread.tacv2;messageid=$here"}}"#,
    ],
    &[
        IN_CHANNEL,
        ADA_IS,
        r#"{"type":"conversationUpdate","conversation":{"id":"19:general@thread.tacv2"},
            "channelData":{"eventType":"teamMemberRemoved","channel":null},
            "membersRemoved":[{"id":"29:1cleo","aadObjectId":"22222222-0000-4000-8000-000000000003"}]}"#,
    ],
    &[
        IN_CHAT,
        BEN_IS,
        r#"{"type":"conversationUpdate","membersAdded":[
            {"id":"29:1ben","aadObjectId":"22222222-0000-4000-8000-000000000002"},
            {"id":"28:33333333-0000-4000-8000-000000000001"}]}"#,
    ],
    &[IN_CHAT, BEN_IS, CLIENT, r#"{"type":"installationUpdate","action":"add"}"#],
    &[IN_CHAT, BEN_IS, CLIENT, r#"{"type":"message","id":"$psst","text":"psst","textFormat":"plain"}"#],
];

/// Lays one value over another; null takes away.
fn lay(over: &mut Value, part: Value) {
    match part {
        Value::Object(part) if over.is_object() => {
            for (name, value) in part {
                lay(&mut over[&name], value);
            }
        }
        part => *over = part,
    }
    if let Some(members) = over.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
}

/// Whole activities, but for what is another time in every run.
#[test]
fn shapes() {
    let world = World::new();
    let bot = Bot::of(&world, "helpdesk");
    writes(&world, "ada", "general", "@helpdesk help & advice", "help");
    edits(&world, "ada", "general", "$help", "@helpdesk help");
    deletes(&world, "ada", "general", "$help");
    sends(&world, HELPDESK, &format!("/{GENERAL_19}/activities"), &message("here"), "here");
    reacts(&world, "POST", "ben", "$here", "thumbsup");
    changes(&world, "DELETE", "/channels/general/members/cleo", "");
    let said = world.controlled("POST", "/people/ben/messages", &json!({"to": ["helpdesk"], "text": "psst"}));
    world.name("chat", text_of(&said, "conversation_id"));
    world.name("psst", text_of(&said, "activity_id"));
    world.name("URL", &world.server.url);
    let mut heard: Vec<Value> = bot.wait_for(SHAPES.len()).into_iter().map(|it| it.activity).collect();
    // Only within a conversation there is an order.
    heard.sort_by_key(|it| text_of(&it["conversation"], "conversationType"));
    for (activity, parts) in heard.iter_mut().zip(SHAPES) {
        let at = text_of(activity, "timestamp");
        assert!(at.len() == "2026-08-01T09:30:00.123Z".len() && at.ends_with('Z'), "{at}");
        assert_eq!(text_of(activity, "localTimestamp"), at.replace('Z', "+00:00"));
        let members = activity.as_object_mut().unwrap();
        members.retain(|name, value| {
            let event_id = name == "id" && value.as_str().unwrap().starts_with("f:");
            !(event_id || name == "timestamp" || name == "localTimestamp")
        });
        let mut wanted = json!({});
        parts.iter().for_each(|part| lay(&mut wanted, world.args(part)));
        assert_eq!(activity, &wanted, "{activity:#}\n{wanted:#}");
    }
}
