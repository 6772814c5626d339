use super::*;
use crate::translate::tests::Few;
use crate::translate::{SlackMessage, activity_to_slack_blocks, activity_to_slack_text, slack_to_activity};
use serde_json::{Value, json};

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/TRANSLATION.md");

/// A changed translation is a changed line of the document.
#[test]
fn the_table_is_the_documents() {
    assert_eq!(document(), std::fs::read_to_string(DOC).unwrap());
}

#[test]
fn every_row_is_so() {
    let mut wrong = Vec::new();
    for row in LOSSES {
        let shown = match row.way {
            ToTeams => to_teams(row.example),
            ToSlack => to_slack(row.example),
        };
        let lost = matches!(row.fate, Lost(_));
        if shown.contains(row.shows) == lost {
            wrong.push(format!("{}: {} in {shown}", row.element, row.shows));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn to_teams(example: &str) -> String {
    let mut message = SlackMessage { text: "fallback", markup: true, ..SlackMessage::default() };
    match (example.strip_prefix("attachments"), example.starts_with("[{")) {
        (Some(attachments), _) => message.attachments = Some(attachments),
        (None, true) => message.blocks = Some(example),
        (None, false) => message.text = example,
    }
    let made = slack_to_activity(&message, &Few);
    format!("{}\n{}", made.text.as_deref().unwrap_or_default(), json!(made))
}

fn to_slack(example: &str) -> String {
    let long = json!({"type": "TextBlock", "text": "x".repeat(2_900)}).to_string() + ",";
    let activity = match example.as_bytes() {
        [b'{', ..] => example.replace("LONG", &long.repeat(8)),
        [b'[', b'{', ..] => {
            let body: Value = serde_json::from_str(example).unwrap();
            let content = json!({"type": "AdaptiveCard", "body": body});
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]}).to_string()
        }
        _ => json!({"text": example}).to_string(),
    };
    let blocks = activity_to_slack_blocks(&activity, &Few).unwrap_or_default();
    format!("{}\n{blocks}", activity_to_slack_text(activity.as_bytes(), &Few))
}
