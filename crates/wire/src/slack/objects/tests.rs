use super::*;
use serde_json::{Value, json};

#[test]
fn messages() {
    let post = MessageView {
        ts: Some("1700000000.000100"),
        user: Some("U01BOT"),
        bot_id: Some("B01BOT"),
        bot_profile: Some(r#"{"id":"B01BOT"}"#),
        text: "a \"b\"",
        blocks: BlocksView::Generated,
        generated_block_id: "k+T",
        edited: Some(("B01BOT", "1700000042.000000")),
        ..MessageView::default()
    };
    let tombstone = MessageView {
        ts: Some("1.000100"),
        subtype: Some("tombstone"),
        user: Some("USLACKBOT"),
        text: "This message was deleted.",
        thread_ts: Some("1.000100"),
        parent_user_id: Some("USLACKBOT"),
        thread: Some(ThreadView {
            reply_count: 2,
            reply_users_count: 1,
            latest_reply: "3.000300",
            reply_users: &["U01ANN"],
            subscribed: Some(false),
        }),
        hidden: true,
        ..MessageView::default()
    };
    let marked = MessageView {
        reactions: Some(r#"[{"name":"eyes","users":["U1"],"count":1}]"#),
        pinned: Some(PinnedView { channel: "C1", by: "U2", at: 1_700_000_000 }),
        about: &[("inviter", "U3")],
        permalink: Some("http://x/p1"),
        ..MessageView::default()
    };
    let cases = [
        (MessageView::default(), json!({"type": "message", "text": ""})),
        (
            marked,
            json!({"type": "message", "text": "",
                "reactions": [{"name": "eyes", "users": ["U1"], "count": 1}], "pinned_to": ["C1"],
                "pinned_info": {"channel": "C1", "pinned_by": "U2", "pinned_ts": 1_700_000_000},
                "inviter": "U3", "permalink": "http://x/p1"}),
        ),
        (
            post,
            json!({"type": "message", "ts": "1700000000.000100", "user": "U01BOT", "bot_id": "B01BOT",
                "bot_profile": {"id": "B01BOT"}, "text": "a \"b\"",
                "blocks": [{"type": "rich_text", "block_id": "k+T", "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "a \"b\""}]}]}],
                "edited": {"user": "B01BOT", "ts": "1700000042.000000"}}),
        ),
        (
            tombstone,
            json!({"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
                "ts": "1.000100", "thread_ts": "1.000100", "parent_user_id": "USLACKBOT", "hidden": true,
                "reply_count": 2, "reply_users_count": 1, "latest_reply": "3.000300", "reply_users": ["U01ANN"],
                "is_locked": false, "subscribed": false}),
        ),
    ];
    for (view, wanted) in cases {
        let mut out = String::new();
        view.write(&mut out);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), wanted);
    }
}

#[test]
fn a_deactivated_user_shows_little() {
    let user = User { id: "U1", name: "ann", deleted: true, ..User::default() };
    let value = serde_json::to_value(&user).unwrap();
    assert_eq!(value.get("tz"), None);
    assert_eq!(value["deleted"], json!(true));
    let channel = serde_json::to_value(Channel::default()).unwrap();
    assert_eq!(channel["parent_conversation"], Value::Null);
    assert_eq!(channel.get("num_members"), None);
}
