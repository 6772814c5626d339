//! Every list with a cursor, walked to its end: page by page it says the same as at once, nothing twice and nothing left out, no
//! page is longer than was asked for, and a limit above the greatest is the greatest.

use serde_json::{Value, json};

use crate::client;
use crate::world::*;

/// How many things each list has at least.
const ENTRIES: usize = 5;

struct List {
    name: &'static str,
    /// Asks for a page: the limit, and the cursor of the page before.
    page: Box<dyn Fn(&World, Option<u64>, Option<&str>) -> Value>,
    /// Where the entries stand, and what tells one from another.
    entries: &'static str,
    id: &'static str,
    /// Where the cursor of the next page stands; empty, null or absent on the last one.
    next: &'static str,
    /// The smallest limit that pages can be asked for, and entries that stand on every page.
    smallest: u64,
    repeated: usize,
}

fn slack(method: &'static str, args: Value, entries: &'static str, id: &'static str) -> List {
    let page = move |world: &World, limit: Option<u64>, cursor: Option<&str>| {
        let mut args = args.clone();
        if let Some(limit) = limit {
            args["limit"] = json!(limit);
        }
        if let Some(cursor) = cursor {
            args["cursor"] = json!(cursor);
        }
        let args = serde_json::from_str(&world.fill(&args.to_string())).unwrap();
        world.ok(ADA, method, &args)
    };
    let next = "/response_metadata/next_cursor";
    List { name: method, page: Box::new(page), entries, id, next, smallest: 1, repeated: 0 }
}

fn control(path: &'static str, entries: &'static str, id: &'static str, next: &'static str) -> List {
    let page = move |world: &World, limit: Option<u64>, cursor: Option<&str>| {
        let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
        let after = cursor.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        world.controlled("GET", &format!("{path}?{limit}{after}"), &Value::Null)
    };
    List { name: path, page: Box::new(page), entries, id, next, smallest: 1, repeated: 0 }
}

fn members() -> List {
    let page = |world: &World, limit: Option<u64>, cursor: Option<&str>| {
        let size = limit.map(|limit| format!("&pageSize={limit}")).unwrap_or_default();
        let after = cursor.map(|cursor| format!("&continuationToken={cursor}")).unwrap_or_default();
        let path = format!("v3/conversations/{GENERAL_19}/pagedmembers?{size}{after}");
        let url = format!("{}/teams/{TENANT}/{path}", world.server.url);
        let bearer = format!("Bearer {}", world.bot(HELPDESK));
        client::send("GET", &url, &[("authorization", &bearer)], ("application/json", &[])).json
    };
    // The platform gives 50 at least.
    let next = "/continuationToken";
    List {
        name: "pagedmembers",
        page: Box::new(page),
        entries: "/members",
        id: "/id",
        next,
        smallest: 50,
        repeated: 0,
    }
}

fn lists() -> Vec<List> {
    let general = json!({"channel": GENERAL});
    vec![
        slack("conversations.list", json!({}), "/channels", "/id"),
        slack("users.conversations", json!({}), "/channels", "/id"),
        slack("conversations.members", general.clone(), "/members", ""),
        slack("conversations.history", general, "/messages", "/ts"),
        List {
            smallest: 2,
            repeated: 1,
            ..slack("conversations.replies", json!({"channel": GENERAL, "ts": "$root"}), "/messages", "/ts")
        },
        slack("users.list", json!({}), "/members", "/id"),
        slack("reactions.list", json!({}), "/items", "/message/ts"),
        slack("chat.scheduledMessages.list", json!({}), "/scheduled_messages", "/id"),
        slack(
            "redraft.messages.revisions",
            json!({"channel": GENERAL, "ts": "$changed"}),
            "/revisions",
            "/revision",
        ),
        control("/people", "/people", "/id", "/next"),
        control("/channels", "/channels", "/id", "/next"),
        control("/apps", "/apps", "/name", "/next"),
        control("/tokens", "/tokens", "/id", "/next"),
        control("/user-groups", "/user_groups", "/id", "/next"),
        control("/log", "/events", "/position", "/next"),
        members(),
    ]
}

/// A world in which every list is long enough.
fn full() -> World {
    let world = World::new();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let in_an_hour = now.as_secs() + 3600;
    let root = world.post(ADA, GENERAL, "a thread");
    let changed = world.post(ADA, GENERAL, "revision 1");
    for number in 0..ENTRIES {
        world.reply(ADA, GENERAL, &root, &format!("reply {number}"));
        let text = format!("message {number}");
        let ts = world.post(ADA, GENERAL, &text);
        world.ok(ADA, "reactions.add", &json!({"channel": GENERAL, "timestamp": ts, "name": "eyes"}));
        world.ok(ADA, "conversations.create", &json!({"name": format!("room-{number}")}));
        let change = json!({"channel": GENERAL, "ts": changed, "text": format!("revision {}", number + 2)});
        world.ok(ADA, "chat.update", &change);
        let later = json!({"channel": GENERAL, "text": text, "post_at": in_an_hour + number as u64});
        world.ok(ADA, "chat.scheduleMessage", &later);
        world.controlled("POST", "/apps", &json!({"kind": "slack", "name": format!("app-{number}")}));
        world.controlled("POST", "/user-groups", &json!({"handle": format!("group-{number}")}));
    }
    for number in 0..60 {
        world.controlled("POST", "/people", &json!({"name": format!("person{number}")}));
        let member = format!("/channels/general/members/person{number}");
        world.controlled("PUT", &member, &Value::Null);
    }
    world.name("root", root);
    world.name("changed", changed);
    world
}

fn ids(list: &List, answer: &Value) -> Vec<Value> {
    let entries = answer.pointer(list.entries).and_then(Value::as_array);
    let entries = entries.unwrap_or_else(|| panic!("{}: {answer}", list.name));
    entries.iter().map(|entry| at(entry, list.id).clone()).collect()
}

/// The cursor as the next call gives it.
fn cursor(list: &List, answer: &Value) -> Option<String> {
    match answer.pointer(list.next) {
        Some(Value::String(next)) if !next.is_empty() => Some(next.clone()),
        Some(Value::Number(next)) => Some(next.to_string()),
        _ => None,
    }
}

#[test]
fn page_by_page_a_list_says_the_same() {
    let world = full();
    for list in lists() {
        let name = list.name;
        let whole = ids(&list, &(list.page)(&world, Some(1000), None));
        assert!(list.repeated + ENTRIES <= whole.len(), "{name} has {} entries", whole.len());
        for limit in [list.smallest, list.smallest + 1] {
            let (mut walked, mut next): (Vec<Value>, Option<String>) = (Vec::new(), None);
            for turn in 0.. {
                assert!(turn < 500, "{name}: a walk of {limit} does not end");
                let answer = (list.page)(&world, Some(limit), next.as_deref());
                let mut page = ids(&list, &answer);
                assert!(page.len() as u64 <= limit, "{name}: {} entries of {limit}", page.len());
                let following = cursor(&list, &answer);
                // The log's end is where nothing comes any more; all other lists know it.
                let more = following != next && !page.is_empty();
                if 0 < turn {
                    page.drain(..list.repeated.min(page.len()));
                }
                walked.extend(page);
                next = following.filter(|_| more);
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(walked, whole, "{name} by {limit}");
        }
        let most = ids(&list, &(list.page)(&world, Some(1_000_000_000), None));
        assert_eq!(most, whole, "{name} with a limit above the greatest");
    }
}
