//! The Teams guide's scenario as the C# SDK puts it on the wire. Its requests are those of Microsoft's published session
//! recordings of `Microsoft.Bot.Connector` (botbuilder-dotnet): addresses, headers, indented bodies and empty lists are
//! as there; ids and words are ours.

use serde_json::Value;

use crate::client::{self, Answer};
use crate::world::{HELPDESK, TENANT, World};

/// What the recorded client calls itself.
const USER_AGENT: &str = "FxVersion/4.7.2600.0 OSName/Windows10Enterprise OSVersion/6.3.16299 \
     Microsoft.Bot.Connector.ConnectorClient/4.0.0.0 Microsoft-BotFramework/4.0 (BotBuilder .Net/4.0.0.0)";

struct Client<'world> {
    world: &'world World,
    bearer: String,
}

impl Client<'_> {
    /// One request; an empty body goes without a content type.
    fn send(&self, verb: &str, path: &str, body: &str) -> Answer {
        let url = format!("{}/teams/{TENANT}/v3/conversations{path}", self.world.server.url);
        let headers = [("authorization", self.bearer.as_str()), ("user-agent", USER_AGENT)];
        let kind = if body.is_empty() { "" } else { "application/json; charset=utf-8" };
        client::send(verb, &url, &headers, (kind, body.replace('\n', "\r\n").as_bytes()))
    }
}

/// An activity as the SDK serialises it: no nulls, every list there.
fn activity(id: Option<&str>, text: &str) -> String {
    let id = id.map_or(String::new(), |id| format!("\n  \"id\": \"{id}\","));
    format!(
        "{{\n  \"type\": \"message\",{id}\n  \"from\": {{\n    \"id\": \"28:{}\"\n  }},\n  \"recipient\": {{\n    \
         \"id\": \"29:1ada\"\n  }},\n  \"membersAdded\": [],\n  \"membersRemoved\": [],\n  \"reactionsAdded\": [],\n  \
         \"reactionsRemoved\": [],\n  \"text\": \"{text}\",\n  \"attachments\": [],\n  \"entities\": []\n}}",
        HELPDESK.0
    )
}

/// Everything but letters, digits and `-_.~`, as `Uri.EscapeDataString` has it.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    id.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn texts(world: &World, channel: &str) -> Vec<String> {
    let messages = world.controlled("GET", &format!("/channels/{channel}/messages"), &Value::Null);
    let all = messages["messages"].as_array().unwrap().iter();
    all.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_activity_is_updated_and_deleted() {
    let world = World::new();
    let client = Client { world: &world, bearer: format!("Bearer {}", world.bot(HELPDESK)) };
    let members = format!(
        "\"bot\": {{\n    \"id\": \"28:{}\"\n  }},\n  \"members\": [\n    {{\n      \"id\": \"29:1ada\"\n    }}\n  ]",
        HELPDESK.0
    );

    // The recorded update: a conversation, an activity in it, the activity again with its id.
    let created = client.send("POST", "", &format!("{{\n  {members}\n}}"));
    assert_eq!(created.status, 201, "{}", created.body);
    let conversation = created.json["id"].as_str().unwrap().to_owned();
    let path = format!("/{}/activities", escaped(&conversation));
    let sent = client.send("POST", &path, &activity(None, "Deploying"));
    assert_eq!(sent.status, 201, "{}", sent.body);
    let id = sent.json["id"].as_str().unwrap();
    let updated = client.send("PUT", &format!("{path}/{id}"), &activity(Some(id), "Deployed"));
    assert_eq!((updated.status, &updated.json["id"]), (200, &sent.json["id"]));
    assert_eq!(texts(&world, &conversation), ["Deployed"]);

    // The recorded deletion: the conversation again with an activity, which then goes.
    let indented = activity(None, "Wrong room").replace('\n', "\n  ");
    let again = client.send("POST", "", &format!("{{\n  {members},\n  \"activity\": {indented}\n}}"));
    assert_eq!((again.status, &again.json["id"]), (201, &created.json["id"]));
    let second = again.json["activityId"].as_str().unwrap();
    assert_eq!(texts(&world, &conversation), ["Wrong room", "Deployed"]);
    let deleted = client.send("DELETE", &format!("{path}/{second}"), "");
    assert_eq!((deleted.status, deleted.body.as_str()), (200, "{}"));
    assert!(deleted.header("content-type").starts_with("application/json"));
    assert_eq!(texts(&world, &conversation), ["Deployed"]);

    // The guide's loop, in a channel, with escaped ids.
    let channel = format!("/{}/activities", escaped("19:general@thread.tacv2"));
    let list: Vec<String> = (1..=5)
        .map(|number| {
            let sent = client.send("POST", &channel, &activity(None, &format!("message {number}")));
            sent.json["id"].as_str().unwrap().to_owned()
        })
        .collect();
    for id in &list {
        assert_eq!(client.send("DELETE", &format!("{channel}/{id}"), "").status, 200);
    }
    assert_eq!(texts(&world, "general"), [""; 0]);
}
