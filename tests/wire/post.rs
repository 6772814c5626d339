//! Posting, the methods around it, and being able to repeat a call.

use serde_json::{Value, json};

use crate::client;
use crate::world::*;

#[test]
fn where_a_post_goes() {
    let world = World::new();
    let rows = [
        (DEPLOY, "C01GENERAL", "C01GENERAL"),
        (DEPLOY, "general", "C01GENERAL"),
        (DEPLOY, "#general", "C01GENERAL"),
        (BEN, "leads", "C01LEADS"),
        (BEN, "C01LEADS", "C01LEADS"),
        (DEPLOY, "U01BEN", "D"),
        (BEN, "U01CLEO", "D"),
        (BEN, "U01BEN", "D"),
        (DEPLOY, "leads", "channel_not_found"),
        (DEPLOY, "C01LEADS", "channel_not_found"),
        (DEPLOY, "19:general@thread.tacv2", "channel_not_found"),
        (DEPLOY, "@ben", "channel_not_found"),
        (DEPLOY, "ben@acme.example", "channel_not_found"),
        (DEPLOY, "U01NOBODY", "channel_not_found"),
        (DEPLOY, "C01ATTIC", "is_archived"),
    ];
    for (token, channel, expected) in rows {
        let answer = world.slack(token, "chat.postMessage", &json!({"channel": channel, "text": "x"}));
        let got =
            if answer.code() == "ok" { answer.json["channel"].as_str().unwrap() } else { answer.code() };
        assert!(got == expected || (expected == "D" && got.starts_with('D')), "{channel}: {}", answer.body);
    }
    let twice = ["U01BEN", "U01BEN"]
        .map(|user| world.ok(POLL, "chat.postMessage", &json!({"channel": user, "text": "x"})));
    assert_eq!(twice[0]["channel"], twice[1]["channel"], "one direct message per pair");
    world.controlled("POST", "/channels", &json!({"name": "quiet", "id": "C01QUIET", "members": ["ada"]}));
    assert_eq!(
        world.slack(BEN, "chat.postMessage", &json!({"channel": "quiet", "text": "x"})).code(),
        "not_in_channel"
    );
    assert_eq!(
        world.slack(DEPLOY, "chat.postMessage", &json!({"channel": "quiet", "text": "x"})).code(),
        "ok"
    );
}

#[test]
fn what_is_said_and_its_limits() {
    let world = World::new();
    let posted =
        world.ok(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": "x".repeat(40_000)}));
    assert_eq!(posted.get("warning"), None);
    let cut = world.ok(DEPLOY, "chat.postMessage", &json!({"channel": GENERAL, "text": "é".repeat(40_001)}));
    assert_eq!(cut["message"]["text"].as_str().unwrap().chars().count(), 40_000);
    assert_eq!(
        (&cut["warning"], &cut["response_metadata"]["warnings"]),
        (&json!("message_truncated"), &json!(["message_truncated"]))
    );
    let rows = [
        (json!({"text": "a & b < c"}), "/text", json!("a &amp; b &lt; c")),
        (json!({"text": "*x*", "mrkdwn": false}), "/blocks", Value::Null),
        (json!({"text": "x"}), "/blocks/0/type", json!("rich_text")),
        (json!({"blocks": [{"type": "divider"}]}), "/blocks/0/type", json!("divider")),
        (
            json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "said"}}]}),
            "/text",
            json!("said"),
        ),
        (
            json!({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "said"}}]}),
            "/blocks/0/text/verbatim",
            json!(false),
        ),
        (
            json!({"attachments": [{"text": "a", "color": "#36a64f"}]}),
            "/attachments/0/color",
            json!("36a64f"),
        ),
        (json!({"attachments": [{"text": "a"}]}), "/attachments/0/id", json!(1)),
        (json!({"markdown_text": "**b**"}), "/text", json!("*b*")),
        (
            json!({"text": "x", "metadata": {"event_type": "e", "event_payload": {"k": 1}}}),
            "/metadata/event_payload/k",
            json!(1),
        ),
        (json!({"text": "x", "username": "Build"}), "/username", json!("Build")),
        (json!({"text": "x", "username": "Build"}), "/subtype", json!("bot_message")),
        (
            json!({"text": "x", "username": "B", "icon_emoji": ":a:", "icon_url": "https://i.example"}),
            "/icons/emoji",
            json!(":a:"),
        ),
        (
            json!({"text": "x", "icon_url": "https://i.example"}),
            "/icons/image_48",
            json!("https://i.example"),
        ),
        (
            json!({"text": "x", "unfurl_links": true, "unfurl_media": false, "parse": "full", "current_draft_last_updated_ts": "1"}),
            "/text",
            json!("x"),
        ),
        (json!({"text": "see https://x.example", "parse": "none"}), "/text", json!("see https://x.example")),
        (json!({"text": "#random", "link_names": 1}), "/text", json!("<#C01RANDOM>")),
        (json!({"text": 7}), "/text", json!("7")),
        (json!({"text": "x", "as_user": true}), "/user", json!("U01DEPLOY")),
        (json!({"text": "x"}), "/bot_id", json!("B01DEPLOY")),
    ];
    for (args, pointer, expected) in rows {
        let mut args = args;
        args["channel"] = GENERAL.into();
        let answer = world.ok(DEPLOY, "chat.postMessage", &args);
        assert_eq!(*at(&answer["message"], pointer), expected, "{args} {pointer}: {answer}");
        let members: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(members, ["channel", "message", "ok", "ts"], "no member of our own");
        assert_eq!(answer["message"]["ts"], answer["ts"]);
    }
    let history = |all: bool| {
        world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL, "include_all_metadata": all}))
    };
    let shown = |all| {
        let history = history(all);
        let found =
            history["messages"].as_array().unwrap().iter().find(|it| it.get("metadata").is_some()).cloned();
        found.unwrap()["metadata"].clone()
    };
    assert_eq!(shown(true), json!({"event_type": "e", "event_payload": {"k": 1}}));
    assert_eq!(shown(false), json!({"event_type": "e"}));
}

/// An ephemeral message is for one reader: it stands in no history and can't be changed, deleted or linked to.
#[test]
fn ephemeral_messages() {
    let world = World::new();
    let root = world.post(DEPLOY, GENERAL, "root");
    let args = json!({"channel": GENERAL, "user": "U01BEN", "text": "psst", "thread_ts": root});
    let answer = world.slack(DEPLOY, "chat.postEphemeral", &args);
    let ts = text_of(&answer.json, "message_ts");
    assert_eq!(answer.json, json!({"ok": true, "message_ts": ts}));
    for token in [DEPLOY, BEN, ADA] {
        let line = world.ok(token, "conversations.history", &json!({"channel": GENERAL}));
        assert_eq!(line["messages"].as_array().unwrap().len(), 1);
        let thread = world.ok(token, "conversations.replies", &json!({"channel": GENERAL, "ts": root}));
        assert_eq!(thread["messages"].as_array().unwrap().len(), 1);
        assert_eq!(thread["messages"][0].get("reply_count"), None);
    }
    let log = world.controlled("GET", "/log?limit=1000", &Value::Null);
    let event = log["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&event["type"], &event["only"]), (&json!("message_posted"), &json!("U01BEN")));
    world.controlled("POST", "/clock", &json!({"advance_ms": 86_401_000}));
    let update = json!({"channel": GENERAL, "ts": ts, "text": "x"});
    assert_eq!(world.slack(DEPLOY, "chat.update", &update).code(), "message_not_found", "its day is over");
}

/// One accepted call of each method at least: token, arguments, and a place in the answer.
#[test]
fn accepted_calls() {
    let world = World::new();
    world.name("own", world.post(DEPLOY, GENERAL, "own"));
    let root = world.post(DEPLOY, GENERAL, "root");
    world.name("reply", world.reply(DEPLOY, GENERAL, &root, "reply"));
    world.name("root", root);
    let group = world.ok(BEN, "conversations.open", &json!({"users": "U01ADA,U01CLEO"}));
    world.name("group", text_of(&group["channel"], "id"));
    let rows: &[(&str, &str, &str, &str, &str)] = &[
        ("api.test", "", r#"{"foo":"bar"}"#, "/args/foo", "\"bar\""),
        ("auth.test", DEPLOY, "{}", "/bot_id", "\"B01DEPLOY\""),
        ("auth.test", BEN, "{}", "/user_id", "\"U01BEN\""),
        ("auth.test", BEN, "{}", "/bot_id", "null"),
        ("auth.test", "xapp-deploy", "{}", "/app_id", "\"A01DEPLOY\""),
        ("auth.test", "fake-token", "{}", "/user_id", "\"U01DEPLOY\""),
        ("auth.revoke", POLL, r#"{"test":true}"#, "/revoked", "false"),
        ("chat.meMessage", DEPLOY, r#"{"channel":"general","text":"waves"}"#, "/channel", "\"C01GENERAL\""),
        (
            "chat.getPermalink",
            DEPLOY,
            r#"{"channel":"C01GENERAL","message_ts":"$own"}"#,
            "/channel",
            "\"C01GENERAL\"",
        ),
        ("conversations.list", DEPLOY, "{}", "/channels/0/id", "\"C01GENERAL\""),
        (
            "conversations.list",
            DEPLOY,
            r#"{"exclude_archived":true,"limit":1,"team_id":"T01ACME"}"#,
            "/channels/1",
            "null",
        ),
        ("conversations.list", DEPLOY, "{}", "/channels/0/num_members", "7"),
        ("conversations.list", CLEO, r#"{"types":"private_channel"}"#, "/channels/0", "null"),
        ("conversations.list", BEN, r#"{"types":"private_channel,mpim"}"#, "/channels/1/is_mpim", "true"),
        ("users.conversations", DEPLOY, "{}", "/channels/1/id", "\"C01RANDOM\""),
        ("users.conversations", DEPLOY, r#"{"user":"U01POLL"}"#, "/channels/1", "null"),
        (
            "conversations.info",
            DEPLOY,
            r#"{"channel":"C01GENERAL","include_num_members":true}"#,
            "/channel/num_members",
            "7",
        ),
        (
            "conversations.info",
            DEPLOY,
            r#"{"channel":"C01GENERAL","include_locale":true}"#,
            "/channel/locale",
            "\"en-US\"",
        ),
        (
            "conversations.members",
            DEPLOY,
            r#"{"channel":"C01GENERAL","limit":2}"#,
            "/members/1",
            "\"U01BEN\"",
        ),
        ("conversations.create", DEPLOY, r#"{"name":"new-one"}"#, "/channel/is_private", "false"),
        (
            "conversations.create",
            DEPLOY,
            r#"{"name":"neu_ä1","is_private":true}"#,
            "/channel/is_private",
            "true",
        ),
        ("conversations.join", POLL, r#"{"channel":"C01RANDOM"}"#, "/channel/is_member", "true"),
        ("conversations.join", POLL, r#"{"channel":"C01RANDOM"}"#, "/warning", "\"already_in_channel\""),
        (
            "conversations.invite",
            BEN,
            r#"{"channel":"C01LEADS","users":"U01CLEO,U01POLL"}"#,
            "/channel/id",
            "\"C01LEADS\"",
        ),
        (
            "conversations.invite",
            BEN,
            r#"{"channel":"C01LEADS","users":"U01CLEO,U01DEPLOY","force":true}"#,
            "/errors/0/error",
            "\"already_in_channel\"",
        ),
        ("conversations.kick", BEN, r#"{"channel":"C01LEADS","user":"U01POLL"}"#, "/errors", "{}"),
        ("conversations.leave", CLEO, r#"{"channel":"C01LEADS"}"#, "/not_in_channel", "null"),
        ("conversations.leave", POLL, r#"{"channel":"C01RANDOM"}"#, "/not_in_channel", "null"),
        ("conversations.leave", POLL, r#"{"channel":"C01RANDOM"}"#, "/not_in_channel", "true"),
        (
            "conversations.open",
            DEPLOY,
            r#"{"users":"U01BEN","return_im":true}"#,
            "/channel/user",
            "\"U01BEN\"",
        ),
        ("conversations.open", DEPLOY, r#"{"users":"U01BEN"}"#, "/already_open", "true"),
        (
            "conversations.open",
            BEN,
            r#"{"users":["U01CLEO","U01ADA"],"prevent_creation":true}"#,
            "/channel/id",
            "\"$group\"",
        ),
        ("conversations.open", BEN, r#"{"channel":"$group"}"#, "/no_op", "true"),
        ("conversations.close", BEN, r#"{"channel":"$group"}"#, "/already_closed", "null"),
        ("conversations.close", BEN, r#"{"channel":"$group"}"#, "/already_closed", "true"),
        (
            "conversations.history",
            BEN,
            r#"{"channel":"C01GENERAL","limit":1,"oldest":"0"}"#,
            "/oldest",
            "\"0\"",
        ),
        (
            "conversations.history",
            CLEO,
            r#"{"channel":"C01RANDOM"}"#,
            "/messages/0/subtype",
            "\"channel_leave\"",
        ),
        (
            "conversations.replies",
            DEPLOY,
            r#"{"channel":"C01GENERAL","ts":"$root"}"#,
            "/messages/1/text",
            "\"reply\"",
        ),
        ("conversations.archive", BEN, r#"{"channel":"C01RANDOM"}"#, "/ok", "true"),
        ("conversations.unarchive", BEN, r#"{"channel":"C01RANDOM"}"#, "/ok", "true"),
        ("users.list", DEPLOY, r#"{"limit":2}"#, "/members/1/id", "\"U01BEN\""),
        ("users.list", DEPLOY, r#"{"limit":0,"include_locale":true}"#, "/members/0/locale", "\"en-US\""),
        ("users.info", DEPLOY, r#"{"user":"U01ADA"}"#, "/user/is_admin", "true"),
        ("users.info", DEPLOY, r#"{"user":"U01ADA"}"#, "/user/profile/email", "\"ada@acme.example\""),
        ("users.lookupByEmail", DEPLOY, r#"{"email":"ADA@acme.example"}"#, "/user/id", "\"U01ADA\""),
        ("team.info", DEPLOY, r#"{"team":"T01ACME","domain":"acme"}"#, "/team/domain", "\"acme\""),
        ("bots.info", DEPLOY, r#"{"bot":"B01POLL"}"#, "/bot/app_id", "\"A01POLL\""),
        (
            "redraft.messages.revisions",
            DEPLOY,
            r#"{"channel":"C01GENERAL","ts":"$own"}"#,
            "/revisions/0/text",
            "\"own\"",
        ),
        ("auth.revoke", POLL, "{}", "/revoked", "true"),
    ];
    let mut wrong = Vec::new();
    for (method, token, args, pointer, expected) in rows {
        let answer = world.slack(token, method, &world.args(args)).json;
        let got = at(&answer, pointer).to_string();
        if answer["ok"] != true || got != world.fill(expected) {
            wrong.push(format!("{method} {args} {pointer}: {got} in {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(world.slack(POLL, "auth.test", &json!({})).code(), "token_revoked");
    let link = |name: &str| {
        let args = world.args(&format!("{{\"channel\":\"C01GENERAL\",\"message_ts\":\"${name}\"}}"));
        text_of(&world.ok(DEPLOY, "chat.getPermalink", &args), "permalink")
    };
    let home = text_of(&world.ok(DEPLOY, "auth.test", &json!({})), "url");
    let digits = |name: &str| world.fill(&format!("${name}")).replace('.', "");
    assert_eq!(link("own"), format!("{home}archives/C01GENERAL/p{}", digits("own")));
    let expected = format!(
        "{home}archives/C01GENERAL/p{}?thread_ts={}&cid=C01GENERAL",
        digits("reply"),
        world.fill("$root")
    );
    assert_eq!(link("reply"), expected);
    println!("post: {} accepted calls", rows.len());
    world.is_well();
}

/// The same call in every encoding that SDKs use, with the warnings and headers of the platform.
#[test]
fn encodings_headers_and_warnings() {
    let world = World::new();
    let url = format!("{}/api/chat.postMessage", world.server.url);
    let auth = ("authorization", "Bearer xoxb-deploy");
    let args = json!({"channel": GENERAL, "text": "x", "mrkdwn": true, "blocks": [{"type": "divider"}]});
    let form = client::form(&args);
    let json = args.to_string();
    let rows: [(&str, String, (&str, &str), Value); 8] = [
        ("POST", url.clone(), ("application/json; charset=utf-8", &json), Value::Null),
        ("POST", url.clone(), ("application/json", &json), json!(["missing_charset"])),
        ("POST", url.clone(), ("application/x-www-form-urlencoded", &form), Value::Null),
        (
            "POST",
            url.clone(),
            ("application/x-www-form-urlencoded; charset=utf-8", &form),
            json!(["superfluous_charset"]),
        ),
        ("POST", format!("{url}?{form}"), ("", ""), Value::Null),
        ("POST", format!("{url}?{form}"), ("application/json; charset=utf-8", ""), Value::Null),
        (
            "POST",
            format!("{url}?channel=C01NOWHERE&{form}&text=y"),
            ("application/json; charset=utf-8", &json),
            Value::Null,
        ),
        ("GET", format!("{url}?{form}"), ("", ""), Value::Null),
    ];
    let mut requests = std::collections::BTreeSet::new();
    for (verb, url, (kind, body), warnings) in rows {
        let answer = client::send(verb, &url, &[auth], (kind, body.as_bytes()));
        assert_eq!(answer.code(), "ok", "{verb} {url} {kind}: {}", answer.body);
        assert_eq!(answer.json["message"]["blocks"][0]["type"], "divider");
        assert_eq!(answer.json["response_metadata"]["warnings"], warnings, "{kind}");
        assert_eq!(answer.reasons().contains("charset"), warnings == json!(["missing_charset"]));
        for (name, value) in [
            ("content-type", "application/json; charset=utf-8"),
            ("x-accepted-oauth-scopes", "chat:write"),
            ("cache-control", "private, no-cache, no-store, must-revalidate"),
            ("vary", "Accept-Encoding"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("pragma", "no-cache"),
            ("access-control-expose-headers", "x-slack-req-id, retry-after"),
        ] {
            assert_eq!(answer.header(name), value);
        }
        assert!(answer.header("x-oauth-scopes").contains("chat:write"));
        let id = answer.header("x-slack-req-id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && requests.insert(id));
    }
    let warned = client::send("POST", &url, &[auth], ("application/json", b"{}"));
    assert_eq!((warned.code(), &warned.json["warning"]), ("invalid_arguments", &json!("missing_charset")));
    let unknown = client::send("POST", &url, &[], ("", b""));
    assert_eq!((unknown.header("x-oauth-scopes"), unknown.header("x-accepted-oauth-scopes")), ("", ""));
}

/// A repeated call does nothing twice, by header, argument, `client_msg_id` or `channelData`, for 24 hours and per token's
/// identity and method.
#[test]
fn repeated_calls() {
    let world = World::new();
    let ways: [&dyn Fn(&str, Value, &str) -> client::Answer; 3] = [
        &|method, args, key| world.slack_with(DEPLOY, method, &args, &[("idempotency-key", key)]),
        &|method, mut args, key| {
            args["idempotency_key"] = key.into();
            world.slack(DEPLOY, method, &args)
        },
        &|method, mut args, key| {
            args["client_msg_id"] = key.into();
            world.slack(DEPLOY, method, &args)
        },
    ];
    for (place, call) in ways.iter().enumerate() {
        let key = format!("key-{place}");
        let args = json!({"channel": GENERAL, "text": key});
        let first = call("chat.postMessage", args.clone(), &key);
        let end = world.log_end();
        let again = call("chat.postMessage", args, &key);
        assert_eq!((again.code(), &again.json["ts"]), ("ok", &first.json["ts"]), "{}", again.body);
        assert_eq!(again.json["message"]["text"], first.json["message"]["text"]);
        let other = call("chat.postMessage", json!({"channel": GENERAL, "text": "other"}), &key);
        assert_eq!(other.code(), "duplicate_message_not_found");
        let elsewhere = call("chat.postMessage", json!({"channel": RANDOM, "text": key}), &key);
        assert_eq!(elsewhere.code(), "duplicate_channel_not_found");
        let update = json!({"channel": GENERAL, "ts": first.json["ts"], "text": "changed"});
        assert_eq!(world.log_end(), end, "nothing was done twice");
        assert_eq!(
            call("chat.update", update.clone(), &key).header("etag"),
            "\"2\"",
            "another method, another key"
        );
        let again = call("chat.update", update.clone(), &key);
        assert_eq!((again.code(), again.header("etag")), ("ok", "\"2\""));
        let mut other = update;
        other["text"] = "differently".into();
        assert_eq!(call("chat.update", other, &key).code(), "update_failed");
        let delete = json!({"channel": GENERAL, "ts": first.json["ts"]});
        let deleted = call("chat.delete", delete.clone(), &key);
        let again = call("chat.delete", delete, &key);
        assert_eq!((deleted.code(), again.code(), &again.json["ts"]), ("ok", "ok", &first.json["ts"]));
        let other = world.post(DEPLOY, GENERAL, "another");
        assert_eq!(
            call("chat.delete", json!({"channel": GENERAL, "ts": other}), &key).code(),
            "cant_delete_message"
        );
    }
    let post = |token: &str| {
        let args = json!({"channel": GENERAL, "text": "shared", "idempotency_key": "shared"});
        text_of(&world.ok(token, "chat.postMessage", &args), "ts")
    };
    let first = post(DEPLOY);
    assert_eq!(post("fake-token"), first, "the same identity by another token");
    assert_ne!(post(BEN), first, "another identity");
    world.controlled("POST", "/clock", &json!({"advance_ms": 86_100_000}));
    assert_eq!(post(DEPLOY), first);
    world.controlled("POST", "/clock", &json!({"advance_ms": 300_000}));
    assert_ne!(post(DEPLOY), first, "a day later the key is free");
}

#[test]
fn repeated_calls_of_the_connector() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let headed = |verb: &str, path: &str, body: &Value| {
        world.connector_with(&bot, verb, path, body, &[("idempotency-key", "k")])
    };
    let inside = |text: &str| json!({"type": "message", "text": text, "channelData": {"redraft": {"idempotency_key": "inside"}}});
    let first = headed("POST", &path, &message("one"));
    assert_eq!(headed("POST", &path, &message("one")).json, first.json);
    assert_eq!(headed("POST", &path, &message("two")).outcome(), "400 BadArgument");
    let second = world.connector(&bot, "POST", &path, &inside("three"));
    assert_eq!(world.connector(&bot, "POST", &path, &inside("three")).json, second.json);
    assert_eq!(world.connector(&bot, "POST", &path, &inside("four")).outcome(), "400 BadArgument");
    let one = format!("{path}/{}", text_of(&first.json, "id"));
    let put = headed("PUT", &one, &message("changed"));
    assert_eq!((put.status, put.header("etag")), (200, "\"2\""));
    assert_eq!(headed("PUT", &one, &message("changed")).header("etag"), "\"2\"");
    assert_eq!(headed("PUT", &one, &message("other")).outcome(), "400 BadArgument");
    assert_eq!(headed("DELETE", &one, &Value::Null).status, 200);
    assert_eq!(headed("DELETE", &one, &Value::Null).status, 200);
    assert_eq!(
        world.connector(&bot, "DELETE", &one, &Value::Null).status,
        404,
        "without the key it is a new call"
    );
    let history = world.ok(DEPLOY, "conversations.history", &json!({"channel": GENERAL}));
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
}

/// Conversations and members of the Connector.
#[test]
fn the_connectors_conversations() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let ids = ["29:1ben", "22222222-0000-4000-8000-000000000002"];
    let mut made = Vec::new();
    for id in ids {
        for more in [
            json!({}),
            json!({"tenantId": TENANT}),
            json!({"tenantID": TENANT}),
            json!({"channelData": {"tenant": {"id": TENANT}}}),
            json!({"channelData": {"tenant": {"tenantId": TENANT}}}),
            json!({"bot": {"id": "28:x"}, "isGroup": false, "topicName": "t"}),
        ] {
            let mut body = json!({"members": [{"id": id}]});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = world.connector(&bot, "POST", "", &body);
            assert_eq!(answer.status, 201, "{body}: {}", answer.body);
            assert_eq!(answer.json.get("activityId"), None);
            assert_eq!(answer.json["serviceUrl"], format!("{}/teams/{TENANT}/", world.server.url));
            made.push(text_of(&answer.json, "id"));
        }
    }
    assert!(made.iter().all(|id| *id == made[0]) && made[0].starts_with("a:1") && made[0].len() <= 150);
    let with = json!({"members": [{"id": "29:1ben"}], "activity": message("hello")});
    let answer = world.connector(&bot, "POST", "", &with);
    let first = text_of(&answer.json, "activityId");
    assert_eq!(
        world
            .connector(&bot, "PUT", &format!("/{}/activities/{first}", made[0]), &message("hello again"))
            .status,
        200
    );
    let thread = json!({"isGroup": true, "channelData": {"channel": {"id": GENERAL_19}}, "activity": message("root"), "members": [{"id": "29:1ada"}]});
    let answer = world.connector(&bot, "POST", "", &thread);
    assert_eq!(answer.json["id"], format!("{GENERAL_19};messageid={}", text_of(&answer.json, "activityId")));
    let all = world.connector(&bot, "GET", &format!("/{GENERAL_19}/members"), &Value::Null);
    let names: Vec<&Value> = all.json.as_array().unwrap().iter().map(|member| &member["givenName"]).collect();
    assert_eq!(names, ["Ada", "Ben", "Cleo"], "bots are not listed");
    let ben = json!({"id": "29:1ben", "name": "Ben Okri", "givenName": "Ben", "surname": "Okri", "email": "ben@acme.example",
        "userPrincipalName": "ben@acme.example", "tenantId": TENANT, "userRole": "user",
        "aadObjectId": ids[1], "objectId": ids[1]});
    for path in ["members/29:1ben", "members/29%3A1ben", &format!("members/{}", ids[1])] {
        let one = world.connector(&bot, "GET", &format!("/{GENERAL_19}/{path}"), &Value::Null);
        assert_eq!((one.status, &one.json), (200, &ben), "{path}");
    }
    for path in ["pagedmembers", "pagedMembers?pageSize=50", "PagedMembers?pageSize=1"] {
        let page = world.connector(&bot, "GET", &format!("/{GENERAL_19}/{path}"), &Value::Null);
        assert_eq!(page.json["members"].as_array().unwrap().len(), 3, "{path}");
        assert_eq!(page.json.get("continuationToken"), None, "an empty one would make clients loop");
    }
    for n in 0..60 {
        world.controlled("POST", "/people", &json!({"name": format!("p{n}")}));
    }
    let mut seen = 0;
    let mut path = format!("/{GENERAL_19}/pagedmembers?pageSize=50");
    loop {
        let page = world.connector(&bot, "GET", &path, &Value::Null);
        seen += page.json["members"].as_array().unwrap().len();
        let Some(token) = page.json["continuationToken"].as_str() else { break };
        path = format!("/{GENERAL_19}/pagedmembers?pageSize=50&continuationToken={token}");
    }
    assert_eq!(seen, 63);
}
