//! What Slack apps write: texts, blocks, attachments, metadata.

use redraft_wire::slack::text::{self, Names, Parse};
use redraft_wire::slack::{Fault, attachments, blocks, markdown, metadata, rich_text, stream};
use redraft_wire::translate::{NoNames, SlackMessage, slack_to_activity, slack_to_markdown};
use serde_json::Value;

/// Ids for what has none, new each time.
fn ids() -> impl FnMut() -> String {
    let mut count = 0;
    move || {
        count += 1;
        format!("id{count}")
    }
}

fn is_json(text: &str) {
    serde_json::from_str::<Value>(text).unwrap();
}

fn is_explained(fault: &Fault) {
    assert!(!fault.code.is_empty() && fault.messages.iter().all(|message| !message.is_empty()));
}

/// A stored text stays as it is when it is stored again; what is made of it for others is well-formed.
pub fn mrkdwn(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    let channel = |name: &str| name.starts_with('o').then(|| "C01OPS".to_owned());
    let names = Names { channel: &channel };
    for parse in [Parse::Default, Parse::None, Parse::Client, Parse::Full] {
        for link_names in [false, true] {
            let stored = text::normalise(given, parse, link_names, &names);
            if parse != Parse::Full {
                assert_eq!(text::normalise(&stored, parse, link_names, &names), stored);
            }
            let _ = text::plain(&stored);
            let mut block = String::new();
            rich_text::from_mrkdwn(&stored, "id", &mut block);
            is_json(&block);
        }
    }
    let _ = slack_to_markdown(given);
    let message = SlackMessage { text: given, markup: true, blocks: None, attachments: None };
    let _ = slack_to_activity(&message, &NoNames);
}

/// Markdown becomes a text in the stored form.
pub fn markdown(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    let stored = markdown::to_mrkdwn(given);
    let _ = text::plain(&stored);
}

/// Chunks of a stream, what is shown of them, and the blocks at its end.
pub fn chunks(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    match stream::read(given, &mut ids()) {
        Err(fault) => is_explained(&fault),
        Ok(added) => {
            let twice = [added.others.as_deref(), added.others.as_deref()];
            let shown = stream::assemble(&added.markdown, twice.into_iter().flatten());
            let blocks = shown.blocks.map(|blocks| serde_json::from_str::<Value>(&blocks));
            assert!(blocks.is_none_or(|blocks| blocks.is_ok()));
        }
    }
    if let Err(fault) = stream::last_blocks(given, &mut ids()) {
        is_explained(&fault);
    }
}

/// What was accepted is accepted again and stays as it is.
pub fn blocks(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    match blocks::normalise(given, &mut ids()) {
        Err(fault) => is_explained(&fault),
        Ok(stored) => {
            let again = blocks::normalise(&stored.json, &mut ids()).unwrap();
            assert_eq!(again.json, stored.json);
            let shown = Some(&*stored.json);
            let message =
                SlackMessage { text: &stored.fallback, markup: true, blocks: shown, attachments: None };
            let _ = slack_to_activity(&message, &NoNames);
        }
    }
}

/// As blocks.
pub fn attachments(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    match attachments::normalise(given, &mut ids()) {
        Err(fault) => is_explained(&fault),
        Ok(stored) => {
            let again = attachments::normalise(&stored.json, &mut ids()).unwrap();
            assert_eq!(again.json, stored.json);
            let shown = Some(&*stored.json);
            let message = SlackMessage { text: "", markup: true, blocks: None, attachments: shown };
            let _ = slack_to_activity(&message, &NoNames);
        }
    }
}

/// As blocks.
pub fn metadata(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    for entities_only in [false, true] {
        match metadata::normalise(given, entities_only) {
            Err(fault) => is_explained(&fault),
            Ok(stored) => {
                assert_eq!(metadata::normalise(&stored, entities_only).unwrap(), stored);
                is_json(&metadata::event_type_only(&stored));
            }
        }
    }
}
