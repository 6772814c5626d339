//! The rest of the Connector's operations: reactions, the team, transcripts, attachments, typing, and every verb of every
//! path.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::world::*;

/// Calls a path below `v3` of the service URL.
fn call(world: &World, bot: &str, verb: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {bot}");
    let url = format!("{}/teams/{TENANT}/v3{path}", world.server.url);
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    client::send(verb, &url, &[("authorization", &bearer)], ("application/json", &bytes))
}

fn get(world: &World, bot: &str, path: &str) -> Answer {
    call(world, bot, "GET", path, &Value::Null)
}

/// General as ben sees it.
fn seen(world: &World) -> Value {
    world.controlled("GET", "/people/ben/channels/general/messages", &Value::Null)
}

fn texts(answer: &Value) -> Vec<String> {
    answer["messages"].as_array().unwrap().iter().map(|it| text_of(it, "text")).collect()
}

#[test]
fn reactions() {
    let world = World::new();
    let (bot, other) = (world.bot(HELPDESK), world.bot(PLANNER));
    let own = world.sends(&bot, GENERAL_19, "the bot's");
    let bens = world.post(BEN, GENERAL, "ben's").replace('.', "");
    let path = |id: &str, kind: &str| format!("/conversations/{GENERAL_19}/activities/{id}/reactions/{kind}");
    let react = |who: &str, verb: &str, id: &str, kind: &str| {
        let answer = call(&world, who, verb, &path(id, kind), &Value::Null);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{verb} {kind}");
    };
    let shown = |place: usize| {
        let reactions = seen(&world)["messages"][place]["reactions"].clone();
        let all = reactions.as_array().unwrap().iter();
        let name = |it: &Value| format!("{} {}", text_of(it, "name"), it["users"].as_array().unwrap().len());
        all.map(name).collect::<Vec<_>>()
    };
    for kind in ["like", "like", "heart", "1f44b_wavinghand-tone2"] {
        react(&bot, "PUT", &bens, kind);
    }
    assert_eq!(shown(1), ["+1 1", "heart 1", "wave::skin-tone-3 1"]);
    react(&other, "PUT", &bens, "like");
    react(&other, "DELETE", &bens, "heart");
    let bens_own = json!({"channel": "general", "ts": bens, "name": "tada"});
    world.controlled("POST", "/people/ben/reactions", &bens_own);
    react(&bot, "DELETE", &bens, "1f389_partypopper");
    assert_eq!(shown(1), ["+1 2", "heart 1", "wave::skin-tone-3 1", "tada 1"], "only one's own is removed");
    for _ in 0..2 {
        react(&bot, "DELETE", &bens, "like");
    }
    assert_eq!(shown(1), ["heart 1", "wave::skin-tone-3 1", "+1 1", "tada 1"]);
    // The other spelling of the path, on the bot's own message.
    let singular = format!("/Conversations/{GENERAL_19}/Activities/{own}/Reaction/laugh");
    assert_eq!(call(&world, &bot, "PUT", &singular, &json!({})).status, 200);
    assert_eq!(shown(0), ["laughing 1"]);
    let targeted =
        json!({"type": "message", "text": "x", "recipient": {"id": "29:1ben", "isTargeted": true}});
    let targeted = call(&world, &bot, "POST", &format!("/conversations/{GENERAL_19}/activities"), &targeted);
    let targeted = text_of(&targeted.json, "id");
    let gone = world.sends(&bot, GENERAL_19, "gone");
    let deleted = world.connector(&bot, "DELETE", &format!("/{GENERAL_19}/activities/{gone}"), &Value::Null);
    assert_eq!(deleted.status, 200);
    let before = (shown(0), shown(1), world.state());
    let long = "x".repeat(101);
    for (who, path, expected) in [
        (&bot, path("1", "like"), "404 ActivityNotFoundInConversation"),
        (&bot, path(&gone, "like"), "404 ActivityNotFoundInConversation"),
        (&other, path(&targeted, "like"), "404 ActivityNotFoundInConversation"),
        (&bot, path(&bens, "like").replace("general", "leads"), "404 ConversationNotFound"),
        (&bot, path(&bens, "%F0%9F%91%8D"), "400 BadArgument"),
        (&bot, path(&bens, "a%20b"), "400 BadArgument"),
        (&bot, path(&bens, &long), "400 BadArgument"),
    ] {
        for verb in ["PUT", "DELETE"] {
            assert_eq!(call(&world, who, verb, &path, &Value::Null).outcome(), expected, "{verb} {path}");
        }
    }
    assert_eq!((shown(0), shown(1), world.state()), before);
}

#[test]
fn the_team_and_its_channels() {
    let world = World::new();
    let (bot, insider) = (world.bot(HELPDESK), world.bot(PLANNER));
    let details = get(&world, &bot, &format!("/teams/{GENERAL_19}"));
    let group = text_of(&details.json, "aadGroupId");
    assert_eq!(
        details.json,
        json!({"id": GENERAL_19, "name": "Acme", "aadGroupId": group, "type": "standard", "tenantId": TENANT,
               "channelCount": 2, "memberCount": 3}),
    );
    let general = json!({"id": GENERAL_19, "type": "standard", "channelType": "standard"});
    let random = json!({"id": "19:random@thread.tacv2", "name": "random", "type": "standard", "channelType": "standard"});
    let leads = json!({"id": LEADS_19, "name": "leads", "type": "private", "channelType": "private"});
    let channels = |who: &str| get(&world, who, &format!("/Teams/{GENERAL_19}/Conversations")).json;
    assert_eq!(
        channels(&bot),
        json!({"conversations": [general, random]}),
        "no private ones, no archived ones"
    );
    assert_eq!(channels(&insider), json!({"conversations": [general, random, leads]}));
    assert_eq!(get(&world, &insider, &format!("/teams/{GENERAL_19}")).json["channelCount"], 3);
    for id in ["19:nowhere@thread.tacv2", "19:random@thread.tacv2", LEADS_19, "T01ACME", &group, "C01GENERAL"]
    {
        for path in [format!("/teams/{id}"), format!("/teams/{id}/conversations")] {
            assert_eq!(get(&world, &bot, &path).outcome(), "404 ConversationNotFound", "{path}");
        }
    }
    world.controlled("DELETE", "/channels/general/members/helpdesk", &Value::Null);
    let out = get(&world, &bot, &format!("/teams/{GENERAL_19}"));
    assert_eq!(out.outcome(), "403 BotNotInConversationRoster");
}

#[test]
fn members_and_conversations() {
    let world = World::new();
    let bot = world.bot(PLANNER);
    let id = world.sends(&bot, GENERAL_19, "x");
    for id in [id.as_str(), "f:made-up"] {
        let members = get(&world, &bot, &format!("/conversations/{GENERAL_19}/activities/{id}/members"));
        assert_eq!(members.json, get(&world, &bot, &format!("/conversations/{GENERAL_19}/members")).json);
        assert_eq!(members.json.as_array().unwrap().len(), 3);
    }
    let elsewhere = get(&world, &bot, "/conversations/19:random@thread.tacv2/activities/1/members");
    assert_eq!(elsewhere.outcome(), "404 ConversationNotFound");
    let list = get(&world, &bot, "/conversations").json;
    let ids = |list: &Value| {
        let all = list["conversations"].as_array().unwrap().iter();
        all.map(|it| (text_of(it, "id"), it["members"].as_array().unwrap().len())).collect::<Vec<_>>()
    };
    assert_eq!(ids(&list), [(GENERAL_19.to_owned(), 3), (LEADS_19.to_owned(), 2)]);
    assert_eq!(list["conversations"][1]["members"][1]["aadObjectId"], "22222222-0000-4000-8000-000000000002");
    assert!(list.get("continuationToken").is_none(), "a last page has none: {list}");
    let mut chats = vec![];
    for number in 0..101 {
        world.controlled(
            "POST",
            "/people",
            &json!({"name": format!("p{number}"), "member_id": format!("29:1p{number}")}),
        );
        let made = world.connector(&bot, "POST", "", &json!({"members": [{"id": format!("29:1p{number}")}]}));
        chats.push((text_of(&made.json, "id"), 1));
    }
    let first = get(&world, &bot, "/conversations").json;
    let token = text_of(&first, "continuationToken");
    let second = get(&world, &bot, &format!("/conversations?continuationToken={token}")).json;
    assert_eq!(ids(&first).len(), 100);
    assert_eq!([ids(&first), ids(&second)].concat()[2..], chats);
    assert!(second.get("continuationToken").is_none());
    assert_eq!(get(&world, &bot, "/conversations?continuationToken=odd").outcome(), "400 BadArgument");
}

/// A page ends before it has too many members.
#[test]
fn pages_of_big_conversations() {
    let folder = crate::support::Folder::new("big");
    let people: Vec<Value> = (0..4_000).map(|n| json!({"name": format!("p{n}")})).collect();
    let channels: Vec<Value> = ["general", "one", "two"]
        .iter()
        .map(|name| json!({"name": name, "private": *name != "general"}))
        .collect();
    let app = json!({"kind": "teams", "name": "bot", "app_id": HELPDESK.0, "app_password": HELPDESK.1,
                     "channels": ["general", "one", "two"]});
    let seed = json!({"control_token": CONTROL, "workspace": {"tenant_id": TENANT, "id": "T01ACME"}, "people": people,
                      "channels": channels, "apps": [app]});
    std::fs::write(folder.join("seed.yaml"), seed.to_string()).unwrap();
    let path = folder.join("seed.yaml");
    let world = World::on(crate::support::Server::start(&["--memory", "--seed", path.to_str().unwrap()]));
    let bot = world.bot(HELPDESK);
    let (mut sizes, mut token) = (vec![], String::new());
    loop {
        let page = get(&world, &bot, &format!("/conversations?continuationToken={token}")).json;
        sizes.push(page["conversations"].as_array().unwrap().len());
        match page["continuationToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 1]);
}

#[test]
fn transcripts() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let root = world.sends(&bot, GENERAL_19, "root");
    let path = format!("/conversations/{GENERAL_19}/Activities/History");
    let upload = |path: &str, activities: &Value| {
        call(&world, &bot, "POST", path, &json!({ "activities": activities }))
    };
    let past = json!([
        {"type": "conversationUpdate", "membersAdded": [{"id": "29:1ben"}]},
        {"type": "message", "text": "first", "from": {"id": "29:1ben"}, "timestamp": "2020-01-01T00:00:00Z", "id": "7"},
        {"type": "typing"},
        {"type": "trace", "name": "x"},
        {"type": "message", "text": "for one", "recipient": {"id": "29:1ben", "isTargeted": true}},
        {"type": "message", "attachments": [{"contentType": "text/plain", "content": "second"}]},
        {"text": "third", "replyToId": root},
    ]);
    let uploaded = upload(&path, &past);
    assert_eq!(uploaded.status, 201, "{}", uploaded.body);
    let line = seen(&world);
    assert_eq!(texts(&line).len(), 4, "all in the channel, in order: {line}");
    assert_eq!(texts(&line)[1], "first");
    assert_eq!(texts(&line)[3], "third");
    assert_eq!(line["messages"][3]["activity_id"], uploaded.json["id"]);
    let bots = line["messages"][0]["user"].clone();
    assert!(line["messages"].as_array().unwrap().iter().all(|it| it["user"] == bots), "as the bot's");
    let in_thread = upload(
        &path.replace("v2/", &format!("v2;messageid={root}/")),
        &json!([{"type": "message", "text": "reply"}]),
    );
    assert_eq!(
        world.stored(GENERAL, &text_of(&in_thread.json, "id"))["thread_ts"],
        line["messages"][0]["ts"]
    );
    // All or nothing.
    let before = world.state();
    let many = |count: usize| vec![json!({"type": "typing"}); count];
    for (activities, expected, part) in [
        (
            json!([{"type": "message", "text": "a"}, {"type": "message", "text": ""}]),
            "400 BadSyntax",
            "Activity 1",
        ),
        (json!([{"type": "message", "text": "a"}, 7]), "400 BadSyntax", "Activity 1"),
        (json!([{"type": "message", "text": "a"}, {}]), "400 BadArgument", "Activity 1"),
        (
            json!([{"type": "message", "text": "a"}, {"type": "message", "text": "x".repeat(60_000)}]),
            "413 MessageSizeTooBig",
            "Activity 1",
        ),
        (json!([{"type": "typing"}]), "400 BadSyntax", "No valid activities"),
        (json!([]), "400 BadSyntax", "No valid activities"),
        (json!(many(501)), "400 BadSyntax", "more than 500"),
        (json!("x"), "400 BadSyntax", "valid"),
    ] {
        let answer = upload(&path, &activities);
        assert_eq!(answer.outcome(), expected, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    let nowhere = upload(&path.replace("general", "nowhere"), &past);
    assert_eq!(nowhere.outcome(), "404 ConversationNotFound");
    assert_eq!(world.state(), before);
    // A call that is repeated with its key posts nothing twice.
    let keyed = || {
        let bearer = format!("Bearer {bot}");
        let url = format!("{}/v3{path}", world.server.url);
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
        let body = json!({"activities": [{"text": "once"}, {"text": "once"}]}).to_string();
        client::send("POST", &url, &headers, ("application/json", body.as_bytes()))
    };
    assert_eq!(keyed().json["id"], keyed().json["id"]);
    assert_eq!(texts(&seen(&world)).iter().filter(|text| *text == "once").count(), 2);
}

#[test]
fn attachments() {
    let world = World::new();
    let (bot, other) = (world.bot(HELPDESK), world.bot(PLANNER));
    let path = format!("/conversations/{GENERAL_19}/attachments");
    let upload = |body: &Value| call(&world, &bot, "POST", &path, body);
    // "a picture" in base64, and three bytes that are no text.
    let data = json!({"type": "image/png", "name": "a.png", "originalBase64": "YSBwaWN0dXJl", "thumbnailBase64": "/wD+"});
    let uploaded = upload(&data);
    assert_eq!(uploaded.status, 201, "{}", uploaded.body);
    let id = text_of(&uploaded.json, "id");
    let info = get(&world, &bot, &format!("/attachments/{id}"));
    let views = json!([{"viewId": "original", "size": 9}, {"viewId": "thumbnail", "size": 3}]);
    assert_eq!(info.json, json!({"name": "a.png", "type": "image/png", "views": views}));
    let original = get(&world, &other, &format!("/Attachments/{id}/Views/Original"));
    assert_eq!((original.status, original.body.as_str()), (200, "a picture"));
    assert_eq!(original.header("content-type"), "image/png");
    assert_eq!(original.header("x-content-type-options"), "nosniff");
    let thumbnail = bytes(&world, &bot, &format!("/v3/attachments/{id}/views/thumbnail"));
    assert!(thumbnail.ends_with(b"\r\n\r\n\xff\x00\xfe"), "{}", String::from_utf8_lossy(&thumbnail));
    assert_eq!(upload(&data).json["id"], *id, "the same has the same id");
    let bare = text_of(&upload(&json!({"originalBase64": "YQ"})).json, "id");
    let info = get(&world, &bot, &format!("/attachments/{bare}")).json;
    assert_eq!(
        info,
        json!({"type": "application/octet-stream", "views": [{"viewId": "original", "size": 1}]})
    );
    for path in [
        format!("/attachments/{bare}/views/thumbnail"),
        format!("/attachments/{id}/views/other"),
        format!("/attachments/{}", "0".repeat(64)),
        format!("/attachments/{}/views/original", &id[1..]),
        "/attachments/%E2%82%AC".into(),
    ] {
        assert_eq!(get(&world, &bot, &path).outcome(), "404 BadArgument", "{path}");
    }
    let big = "AAAA".repeat(349_526);
    for (body, expected, part) in [
        (json!({}), "400 BadSyntax", "originalBase64"),
        (json!({"originalBase64": ""}), "400 BadSyntax", "originalBase64"),
        (json!({"originalBase64": "?"}), "400 BadSyntax", "not base64"),
        (json!({"originalBase64": "YQ==", "thumbnailBase64": "YQ=Q"}), "400 BadSyntax", "thumbnailBase64"),
        (json!({"originalBase64": "YQ==", "type": "png"}), "400 BadArgument", "'type'"),
        (json!({"originalBase64": "YQ==", "type": "image/png\r\nx: y"}), "400 BadArgument", "'type'"),
        (json!({"originalBase64": "YQ==", "name": "x".repeat(256)}), "400 BadArgument", "'name'"),
        (json!({"originalBase64": big}), "413 MessageSizeTooBig", "1048576"),
    ] {
        let answer = upload(&body);
        assert_eq!(answer.outcome(), expected, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    let nowhere = call(&world, &bot, "POST", &path.replace("general", "nowhere"), &data);
    assert_eq!(nowhere.outcome(), "404 ConversationNotFound");
    let anyone = format!("{}/v3/attachments/{id}/views/original", world.server.url);
    assert_eq!(client::send("GET", &anyone, &[], ("", b"")).status, 401, "not without a bot's token");
    // Not a bot of another workspace either.
    let made = control(
        &world.server.url,
        "POST",
        "/workspaces",
        &json!({"apps": [{"kind": "teams", "name": "far"}]}),
    );
    let (tenant, far) = (text_of(&made.json["workspace"], "tenant_id"), &made.json["apps"][0]);
    let far = world.bot_at(&tenant, (&text_of(far, "app_id"), &text_of(far, "app_password")));
    assert_eq!(get(&world, &far, &format!("/attachments/{id}")).outcome(), "404 BadArgument");
}

/// What the server says to a GET, bytes as they are.
fn bytes(world: &World, bot: &str, path: &str) -> Vec<u8> {
    let mut stream = client::connect(&world.server.url);
    let host = world.server.url.trim_start_matches("http://");
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {bot}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// An attachment survives the server.
#[test]
fn attachments_are_kept() {
    let folder = crate::support::Folder::new("attachments");
    let world = World::on(crate::support::Server::in_folder(&folder.0));
    let bot = world.bot(HELPDESK);
    let path = format!("/conversations/{GENERAL_19}/attachments");
    let id =
        text_of(&call(&world, &bot, "POST", &path, &json!({"originalBase64": "YSBwaWN0dXJl"})).json, "id");
    world.server.stop();
    let world = World::on(crate::support::Server::in_folder(&folder.0));
    let bot = world.bot(HELPDESK);
    assert_eq!(get(&world, &bot, &format!("/attachments/{id}/views/original")).body, "a picture");
}

#[test]
fn typing() {
    let world = World::new();
    let (bot, other) = (world.bot(HELPDESK), world.bot(PLANNER));
    let advance = |milliseconds: u64| {
        world.controlled("POST", "/clock", &json!({ "advance_ms": milliseconds }));
    };
    let types = |who: &str| {
        let answer =
            world.connector(who, "POST", &format!("/{GENERAL_19}/activities"), &json!({"type": "typing"}));
        assert_eq!((answer.status, answer.body.as_str()), (202, "{}"));
    };
    let before = world.log_end();
    types(&bot);
    types(&other);
    assert_eq!(seen(&world), json!({"messages": [], "typing": ["helpdesk", "planner"]}));
    let random = world.controlled("GET", "/people/ben/channels/random/messages", &Value::Null);
    assert_eq!(random["typing"], json!([]));
    assert_eq!(world.log_end(), before, "nothing is kept");
    world.sends(&bot, GENERAL_19, "what was being typed");
    assert_eq!(seen(&world)["typing"], json!(["planner"]), "a message ends it");
    types(&bot);
    assert_eq!(seen(&world)["typing"], json!(["helpdesk", "planner"]));
    advance(3_000);
    assert_eq!(seen(&world)["typing"], json!([]));
}

/// Every path answers the verbs that it does not take with those that it does.
#[test]
fn verbs_that_a_path_does_not_take() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    for (path, allowed) in [
        ("/conversations", "GET, POST"),
        ("/conversations/$c/activities", "POST"),
        ("/conversations/$c/activities/history", "POST"),
        ("/conversations/$c/activities/1", "POST, PUT, DELETE"),
        ("/conversations/$c/activities/1/members", "GET"),
        ("/conversations/$c/activities/1/reactions/like", "PUT, DELETE"),
        ("/conversations/$c/members", "GET"),
        ("/conversations/$c/members/29:1ben", "GET"),
        ("/conversations/$c/pagedmembers", "GET"),
        ("/conversations/$c/attachments", "POST"),
        ("/attachments/x", "GET"),
        ("/attachments/x/views/original", "GET"),
        ("/teams/$c", "GET"),
        ("/teams/$c/conversations", "GET"),
    ] {
        let path = path.replace("$c", GENERAL_19);
        for verb in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let answer = call(&world, &bot, verb, &path.to_uppercase(), &Value::Null);
            let refused = answer.status == 405;
            assert_eq!(refused, !allowed.split(", ").any(|it| it == verb), "{verb} {path}: {}", answer.body);
            assert_eq!(answer.header("allow"), if refused { allowed } else { "" }, "{verb} {path}");
        }
    }
    let removal =
        call(&world, &bot, "DELETE", &format!("/conversations/{GENERAL_19}/members/29:1ben"), &Value::Null);
    assert!(removal.body.contains("does not remove people"), "{}", removal.body);
    assert_eq!(
        world.connector(&bot, "GET", &format!("/{GENERAL_19}/members/29:1ben"), &Value::Null).status,
        200
    );
    for path in
        ["/teams", "/attachments", "/conversations/x/y", "/conversations/x/activities/1/reactions", "/batch"]
    {
        assert_eq!(get(&world, &bot, path).outcome(), "404 BadArgument", "{path}");
    }
    world.is_well();
}
