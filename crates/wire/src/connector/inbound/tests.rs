use super::*;
use serde_json::json;

const ANA: Account<'_> = Account { id: "29:ana", name: Some("Ana"), aad_object_id: Some("3f0c") };
const BOT: Account<'_> = Account { id: "28:bot", name: Some("Poller"), aad_object_id: None };
const TEAM: Team<'_> = Team { id: "19:team@thread.tacv2", name: Some("Crew"), aad_group_id: Some("9a") };
const PERSONAL: Place<'_> = Place::Personal { id: "a:1" };

fn channel(root: Option<&str>) -> Place<'_> {
    Place::Channel { id: "19:chan@thread.tacv2", name: Some("Builds"), team: TEAM, root }
}

fn envelope<'a>(id: &'a str, place: Place<'a>) -> Envelope<'a> {
    Envelope {
        id,
        at_micros: 1_785_576_600_123_456,
        service_url: "http://localhost/amer/t/",
        tenant_id: "72f9",
        bot: BOT,
        from: Person { account: ANA, locale: "de-DE", timezone: "Europe/Berlin", utc_offset_seconds: 7_200 },
        place,
        expect_replies: false,
    }
}

fn made(place: Place<'_>, happening: Happening<'_>) -> Value {
    serde_json::to_value(activity(&envelope("f:1", place), &happening)).unwrap()
}

/// The parts of an activity that depend on what happened.
fn special(place: Place<'_>, happening: Happening<'_>) -> Value {
    let mut value = made(place, happening);
    let members = value.as_object_mut().unwrap();
    for name in ["id", "timestamp", "localTimestamp", "serviceUrl", "channelId", "from", "recipient"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    value
}

#[test]
fn a_message_in_full() {
    let message = Message { text: Some("hello"), html: Some("<p>hello</p>"), ..Message::default() };
    let written = activity(&envelope("1785576600123456", PERSONAL), &Happening::Message(message));
    let wanted = r#"{"type":"message","id":"1785576600123456","timestamp":"2026-08-01T09:30:00.123Z","localTimestamp":"2026-08-01T11:30:00.123+02:00","localTimezone":"Europe/Berlin","locale":"de-DE","serviceUrl":"http://localhost/amer/t/","channelId":"msteams","from":{"id":"29:ana","name":"Ana","aadObjectId":"3f0c"},"recipient":{"id":"28:bot","name":"Poller"},"conversation":{"id":"a:1","conversationType":"personal","tenantId":"72f9"},"textFormat":"plain","text":"hello","attachments":[{"contentType":"text/html","content":"<p>hello</p>"}],"entities":[{"type":"clientInfo","locale":"de-DE","country":"DE","platform":"Web","timezone":"Europe/Berlin"}],"channelData":{"tenant":{"id":"72f9"}}}"#;
    assert_eq!(serde_json::to_string(&written).unwrap(), wanted);
}

#[test]
fn a_message_in_a_channel() {
    let text = "<at>Poller</at> <b> & so";
    let html = html_of(text);
    let message = Message {
        text: Some(text),
        mentions: &[BOT],
        html: Some(&html),
        attachments: &[json!({"contentType": "image/*"})],
        reply_to_id: Some("17"),
        value: None,
    };
    let value = made(channel(Some("17")), Happening::Message(message));
    assert_eq!(
        value["conversation"],
        json!({"id": "19:chan@thread.tacv2;messageid=17", "conversationType": "channel", "isGroup": true, "tenantId": "72f9"})
    );
    assert_eq!(
        value["channelData"],
        json!({"tenant": {"id": "72f9"}, "channel": {"id": "19:chan@thread.tacv2", "name": "Builds"},
               "team": {"id": "19:team@thread.tacv2", "name": "Crew", "aadGroupId": "9a"}})
    );
    assert_eq!(
        value["entities"][0],
        json!({"type": "mention", "mentioned": {"id": "28:bot", "name": "Poller"}, "text": "<at>Poller</at>"})
    );
    assert_eq!(value["entities"][1]["type"], "clientInfo");
    assert_eq!(value["replyToId"], "17");
    assert_eq!(value["attachments"][0], json!({"contentType": "image/*"}));
    let html = r#"<p><span itemtype="http://schema.skype.com/Mention" itemscope="" itemid="0">Poller</span> &lt;b&gt; &amp; so</p>"#;
    assert_eq!(value["attachments"][1], json!({"contentType": "text/html", "content": html}));
    let group = made(Place::GroupChat { id: "19:g@thread.v2" }, Happening::Typing);
    assert_eq!(
        group["conversation"],
        json!({"id": "19:g@thread.v2", "conversationType": "groupChat", "isGroup": true, "tenantId": "72f9"})
    );
}

#[test]
fn a_press_that_says_nothing() {
    let pressed = json!({"vote": 42});
    let message = Message { reply_to_id: Some("5"), value: Some(&pressed), ..Message::default() };
    let value = special(PERSONAL, Happening::Message(message));
    assert_eq!(value["value"], pressed);
    assert_eq!(value["replyToId"], "5");
    assert!(value.get("text").is_none() && value.get("textFormat").is_none());
    assert!(value.get("attachments").is_none());
}

#[test]
fn changes_of_a_message() {
    let message = Message { text: Some("new"), ..Message::default() };
    for (happening, kind, event_type, text) in [
        (Happening::MessageEdited(message), "messageUpdate", "editMessage", json!("new")),
        (Happening::MessageRestored(message), "messageUpdate", "undeleteMessage", json!("new")),
        (Happening::MessageDeleted, "messageDelete", "softDeleteMessage", Value::Null),
    ] {
        let value = special(PERSONAL, happening);
        assert_eq!(value["type"], kind);
        assert_eq!(value["channelData"], json!({"eventType": event_type, "tenant": {"id": "72f9"}}));
        assert_eq!(value["text"], text);
        assert_eq!(value["locale"], "de-DE");
        assert_eq!(value["localTimezone"], "Europe/Berlin");
        assert_eq!(value["entities"][0]["type"], "clientInfo");
    }
}

#[test]
fn reactions_and_typing() {
    let both = Happening::Reactions { message_id: "5", added: &["like", "heart"], removed: &["sad"] };
    assert_eq!(
        special(PERSONAL, both),
        json!({"type": "messageReaction", "replyToId": "5",
               "reactionsAdded": [{"type": "like"}, {"type": "heart"}], "reactionsRemoved": [{"type": "sad"}],
               "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": "72f9"},
               "channelData": {"tenant": {"id": "72f9"}}})
    );
    let none_removed = Happening::Reactions { message_id: "5", added: &["like"], removed: &[] };
    assert!(special(PERSONAL, none_removed).get("reactionsRemoved").is_none());
    assert_eq!(
        special(PERSONAL, Happening::Typing),
        json!({"type": "typing", "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": "72f9"},
               "channelData": {"tenant": {"id": "72f9"}}})
    );
}

#[test]
fn members_and_teams() {
    let members = [Account { name: None, ..ANA }, Account { name: None, ..BOT }];
    assert_eq!(
        special(PERSONAL, Happening::MembersAdded(&members)),
        json!({"type": "conversationUpdate", "membersAdded": [{"id": "29:ana", "aadObjectId": "3f0c"}, {"id": "28:bot"}],
               "conversation": {"id": "a:1", "conversationType": "personal", "tenantId": "72f9"},
               "channelData": {"tenant": {"id": "72f9"}}})
    );
    let of_team = "19:team@thread.tacv2";
    let of_channel = "19:chan@thread.tacv2";
    use ChannelChange::{Created, Deleted, Renamed, Restored};
    for (happening, event_type, conversation, names_channel) in [
        (Happening::MembersAdded(&members), "teamMemberAdded", of_team, false),
        (Happening::MembersRemoved(&members), "teamMemberRemoved", of_team, false),
        (Happening::ChannelMembersAdded(&members), "channelMemberAdded", of_channel, true),
        (Happening::ChannelMembersRemoved(&members), "channelMemberRemoved", of_channel, true),
        (Happening::Channel(Created), "channelCreated", of_team, true),
        (Happening::Channel(Deleted), "channelDeleted", of_team, true),
        (Happening::Channel(Renamed), "channelRenamed", of_team, true),
        (Happening::Channel(Restored), "channelRestored", of_team, true),
        (Happening::TeamRenamed, "teamRenamed", of_team, false),
    ] {
        let value = special(channel(None), happening);
        assert_eq!(value["type"], "conversationUpdate");
        assert_eq!(value["channelData"]["eventType"], event_type);
        assert_eq!(value["channelData"]["team"]["id"], of_team);
        assert_eq!(value["conversation"]["id"], conversation, "{event_type}");
        assert_eq!(value["channelData"].get("channel").is_some(), names_channel, "{event_type}");
        assert_eq!(value.get("membersAdded").is_some(), event_type.ends_with("MemberAdded"));
        assert_eq!(value.get("membersRemoved").is_some(), event_type.ends_with("MemberRemoved"));
        assert!(value.get("entities").is_none());
    }
}

#[test]
fn installing() {
    let value = special(channel(None), Happening::Installation(Installation::Added));
    assert_eq!(value["type"], "installationUpdate");
    assert_eq!(value["action"], "add");
    assert_eq!(
        value["channelData"]["settings"],
        json!({"selectedChannel": {"id": "19:chan@thread.tacv2", "name": "Builds"}})
    );
    assert_eq!(value["conversation"]["id"], "19:chan@thread.tacv2");
    let value = special(PERSONAL, Happening::Installation(Installation::Removed));
    assert_eq!(value["action"], "remove");
    assert_eq!(value["channelData"], json!({"tenant": {"id": "72f9"}}));
}

#[test]
fn invokes() {
    let asked = json!({"action": {"verb": "vote"}});
    let happening =
        Happening::Invoke { name: Some("adaptiveCard/action"), value: &asked, reply_to_id: Some("5") };
    let envelope = Envelope { expect_replies: true, ..envelope("f:9", PERSONAL) };
    let value = serde_json::to_value(activity(&envelope, &happening)).unwrap();
    assert_eq!(value["type"], "invoke");
    assert_eq!(value["id"], "f:9");
    assert_eq!(value["name"], "adaptiveCard/action");
    assert_eq!(value["value"], asked);
    assert_eq!(value["replyToId"], "5");
    assert_eq!(value["deliveryMode"], "expectReplies");
    assert!(value.get("text").is_none());
}

#[test]
fn times() {
    for (micros, wanted) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.000Z"),
        (1_000, "1970-01-01T00:00:00.001Z"),
        (1_709_164_800_999_999, "2024-02-29T00:00:00.999Z"),
        (i64::MAX, "9999-12-30T22:00:00.999Z"),
    ] {
        assert_eq!(timestamp(micros), wanted);
    }
    assert_eq!(local_timestamp(0, -19_800), "1969-12-31T18:30:00.000-05:30");
    assert_eq!(local_timestamp(0, i32::MAX), "1970-01-01T00:00:00.000+00:00");
}

#[test]
fn html() {
    for (text, wanted) in [
        ("", "<p></p>"),
        ("a\nb", "<p>a<br>b</p>"),
        ("<at>open", "<p>&lt;at&gt;open</p>"),
        (
            "<at>A</at><at>B</at>",
            concat!(
                r#"<p><span itemtype="http://schema.skype.com/Mention" itemscope="" itemid="0">A</span>"#,
                r#"<span itemtype="http://schema.skype.com/Mention" itemscope="" itemid="1">B</span></p>"#
            ),
        ),
    ] {
        assert_eq!(html_of(text), wanted);
    }
}

#[test]
fn countries() {
    for (locale, wanted) in [("en-US", json!("US")), ("zh-Hant-TW", json!("TW")), ("de", Value::Null)] {
        let mut envelope = envelope("1", PERSONAL);
        envelope.from.locale = locale;
        let value = serde_json::to_value(activity(&envelope, &Happening::MessageDeleted)).unwrap();
        assert_eq!(value["entities"][0]["country"], wanted);
    }
}
