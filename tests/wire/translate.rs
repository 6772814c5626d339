//! One conversation for both: what a bot of one API posts, as readers of the other see it.

use serde_json::{Value, json};

use crate::world::*;

fn card(title: &str) -> Value {
    json!({"type": "message", "text": "**new** for <at>Ada</at>",
        "entities": [{"type": "mention", "text": "<at>Ada</at>", "mentioned": {"id": "29:1ada"}}],
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": {
            "type": "AdaptiveCard", "version": "1.4",
            "body": [{"type": "TextBlock", "text": title, "size": "large"},
                {"type": "FactSet", "facts": [{"title": "Votes", "value": "3"}]}],
            "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "https://poll.example"}]}}]})
}

fn read(world: &World, ts: &str) -> Value {
    let page = world.ok(ADA, "conversations.history", &json!({"channel": GENERAL}));
    let messages = page["messages"].as_array().unwrap().clone();
    messages.into_iter().find(|message| message["ts"] == ts).unwrap()
}

#[test]
fn a_teams_card_is_read_as_blocks() {
    let world = World::new();
    let bot = world.bot(HELPDESK);
    let path = format!("/{GENERAL_19}/activities");
    let sent = world.connector(&bot, "POST", &path, &card("Lunch"));
    let id = text_of(&sent.json, "id");
    let ts = format!("{}.{}", &id[..10], &id[10..]);

    let message = read(&world, &ts);
    assert_eq!(message["text"], "*new* for <@U01ADA>");
    let blocks = &message["blocks"];
    assert_eq!(at(blocks, "/0/elements/0/elements/2"), &json!({"type": "user", "user_id": "U01ADA"}));
    assert_eq!(at(blocks, "/1/text/text"), "Lunch");
    assert_eq!(at(blocks, "/2/fields/0/text"), "*Votes*\n3");
    assert_eq!(at(blocks, "/3/elements/0/url"), "https://poll.example");

    let put = world.connector(&bot, "PUT", &format!("{path}/{id}"), &card("Dinner"));
    assert_eq!(put.status, 200, "{}", put.body);
    let message = read(&world, &ts);
    assert_eq!(at(&message, "/blocks/1/text/text"), "Dinner");
    assert_eq!(at(&message, "/blocks/1/type"), "header");

    // What is stored is the activity, as it came.
    assert_eq!(world.stored(GENERAL, &ts)["activity"], card("Dinner"));

    let plain = json!({"type": "message", "text": "2 \\* 3 \\* 4"});
    assert_eq!(world.connector(&bot, "PUT", &format!("{path}/{id}"), &plain).status, 200);
    let message = read(&world, &ts);
    assert_eq!(message["text"], "2 * 3 * 4");
    assert_eq!(
        at(&message, "/blocks/0/elements/0/elements"),
        &json!([{"type": "text", "text": "2 * 3 * 4"}])
    );
    assert_eq!(message["blocks"].as_array().unwrap().len(), 1);
}
