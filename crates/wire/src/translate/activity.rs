//! An activity of a Teams bot as Slack's clients read it.

use std::borrow::Cow;
use std::fmt;

use crate::prose::build::Builder;
use crate::prose::markdown::{self, Besides};
use crate::prose::mentions::{self, Entities};
use crate::prose::{Line, Names, emoji, html, mrkdwn, rich_text};
use crate::slack::{blocks, text};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::cards;
use super::json::{object, string};

/// The text of an activity as Slack clients read it, in the stored, escaped form.
///
/// `text` in its `textFormat`; without it `summary`; without that a readable text of the attachments. An activity
/// that cannot be read gives an empty text.
pub fn activity_to_slack_text(activity: &[u8], names: &dyn Names) -> String {
    let Ok(said) = serde_json::from_slice::<Said<'_>>(activity) else { return String::new() };
    if let Some(text) = said.text() {
        let format = said.format();
        return match says_nothing_more(&text, format) {
            true => text::escape(&text).into_owned(),
            false => mrkdwn::write(&lines(&text, format, &mut said.entities(), names)),
        };
    }
    if let Some(summary) = string_in(said.summary) {
        return text::escape(&emoji::to_names(&summary)).into_owned();
    }
    let attachments = said.attachments();
    let spoken: Vec<String> = attachments.iter().map(|attachment| spoken(attachment, names)).collect();
    spoken.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The blocks that show an activity in Slack, as the JSON text of an array.
///
/// `None` where the block that Slack generates from the text says the same. The text comes first, as a `rich_text`
/// block in which nothing is taken for a mark that was none; each attachment follows as blocks, within Slack's limits.
pub fn activity_to_slack_blocks(activity: &str, names: &dyn Names) -> Option<String> {
    let said: Said<'_> = serde_json::from_str(activity).ok()?;
    let attachments = said.attachments();
    let mut made = cards::Blocks::default();
    if let Some(text) = said.text() {
        let format = said.format();
        if attachments.is_empty() && says_nothing_more(&text, format) {
            return None;
        }
        let lines = lines(&text, format, &mut said.entities(), names);
        let shown = made.text(&lines, attachments.is_empty());
        if attachments.is_empty() && !shown {
            return None;
        }
    }
    for attachment in &attachments {
        made.attachment(attachment, names);
    }
    made.into_json()
}

/// The members that are shown. Names match in any case, exact ones before others; `null` is absent.
#[derive(Default)]
struct Said<'a> {
    text: Option<&'a RawValue>,
    text_format: Option<&'a RawValue>,
    summary: Option<&'a RawValue>,
    entities: Option<&'a RawValue>,
    attachments: Option<&'a RawValue>,
}

impl Said<'_> {
    fn text(&self) -> Option<String> {
        string_in(self.text)
    }

    fn format(&self) -> Format {
        match string_in(self.text_format).as_deref() {
            Some(format) if format.eq_ignore_ascii_case("plain") => Format::Plain,
            Some(format) if format.eq_ignore_ascii_case("xml") => Format::Xml,
            _ => Format::Markdown,
        }
    }

    fn entities(&self) -> Entities {
        let list =
            self.entities.and_then(|raw| serde_json::from_str::<Vec<Map<String, Value>>>(raw.get()).ok());
        entities(list.iter().flatten())
    }

    fn attachments(&self) -> Vec<Map<String, Value>> {
        let list = self.attachments.and_then(|raw| serde_json::from_str::<Vec<Value>>(raw.get()).ok());
        let objects = list.into_iter().flatten().map(|value| match value {
            Value::Object(object) => object,
            _ => Map::new(),
        });
        // A person's rich text comes twice; the activity's own text says it already.
        let has_text = self.text.is_some();
        objects.filter(|object| !has_text || string(object, "contentType") != Some("text/html")).collect()
    }
}

/// The `mention` entities of a list.
pub(super) fn entities<'a>(list: impl Iterator<Item = &'a Map<String, Value>>) -> Entities {
    let mut entities = Entities::default();
    for entity in list.filter(|entity| super::json::is(entity, "type", "mention")) {
        let id = object(entity, "mentioned").and_then(|account| string(account, "id"));
        if let (Some(text), Some(id)) = (string(entity, "text"), id) {
            entities.add(text, id);
        }
    }
    entities
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Markdown,
    Plain,
    Xml,
}

fn lines(text: &str, format: Format, entities: &mut Entities, names: &dyn Names) -> Vec<Line> {
    let (text, mentions) = mentions::take(text, entities, names);
    match format {
        Format::Markdown => markdown::read(&text, Besides::Html, &mentions),
        Format::Xml => html::read(&text, &mentions),
        Format::Plain => {
            let mut builder = Builder::new(&mentions, false);
            builder.text(&text);
            builder.finish()
        }
    }
}

/// Lines of Markdown with Teams' HTML and mentions in it, as cards have it.
pub(super) fn card_lines(text: &str, entities: &mut Entities, names: &dyn Names) -> Vec<Line> {
    if says_nothing_more(text, Format::Markdown) {
        return vec![Line::text(vec![crate::prose::Run::text(text, crate::prose::Style::default())])];
    }
    lines(text, Format::Markdown, entities, names)
}

/// Whether a text is one line of words: no markup of any format, no address, no emoji. Most are.
fn says_nothing_more(text: &str, format: Format) -> bool {
    let bytes = text.as_bytes();
    let words = !bytes.iter().any(|byte| matches!(byte, b'<' | b'&' | b':' | 0..0x20 | 0x7f))
        && !text.contains("www.")
        // Every emoji is written with bytes from here on, as are some letters of other alphabets.
        && !bytes.iter().any(|byte| *byte >= 0xE2)
        && !text.starts_with(' ')
        && !text.ends_with(' ');
    if !words {
        return false;
    }
    // These would be taken for marks in Slack, if not in the text's own format.
    let marks = bytes.iter().any(|byte| matches!(byte, b'*' | b'_' | b'~' | b'`'));
    let line_marks = matches!(bytes.first(), Some(b'#' | b'+' | b'-' | b'=' | b'>' | b'0'..=b'9'));
    let markdown =
        format == Format::Markdown && (line_marks || bytes.iter().any(|b| matches!(b, b'[' | b'\\')));
    !marks && !markdown && bytes.first() != Some(&b'>')
}

/// What an attachment says where blocks are not shown.
fn spoken(attachment: &Map<String, Value>, names: &dyn Names) -> String {
    let card = object(attachment, "content");
    if let Some(fallback) = card.and_then(|card| string(card, "fallbackText")) {
        return text::escape(&emoji::to_names(fallback)).into_owned();
    }
    if let Some(speak) = card.and_then(|card| string(card, "speak")) {
        return mrkdwn::write(&lines(speak, Format::Xml, &mut Entities::default(), names));
    }
    let mut made = cards::Blocks::default();
    made.attachment(attachment, names);
    blocks::fallback(made.all())
}

fn string_in(raw: Option<&RawValue>) -> Option<String> {
    let text: Cow<'_, str> = serde_json::from_str::<String>(raw?.get()).ok()?.into();
    (!text.is_empty()).then(|| text.into_owned())
}

impl<'de> Deserialize<'de> for Said<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Said<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an activity")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said<'de>, A::Error> {
                let mut found: [Option<(bool, &'de RawValue)>; MEMBERS.len()] = [None; MEMBERS.len()];
                while let Some(Key { member, exact }) = map.next_key()? {
                    let value: &RawValue = map.next_value()?;
                    if let Some(place) = member.and_then(|member| found.get_mut(member))
                        && (exact || place.is_none())
                    {
                        *place = Some((exact, value));
                    }
                }
                let value = |(_, raw): (bool, &'de RawValue)| Some(raw).filter(|raw| raw.get() != "null");
                let [text, text_format, summary, entities, attachments] =
                    found.map(|found| found.and_then(value));
                Ok(Said { text, text_format, summary, entities, attachments })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

const MEMBERS: [&str; 5] = ["text", "textFormat", "summary", "entities", "attachments"];

/// Which of the members a name is.
struct Key {
    member: Option<usize>,
    exact: bool,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                let member = MEMBERS.iter().position(|member| member.eq_ignore_ascii_case(name));
                Ok(Key { member, exact: member.is_some_and(|member| MEMBERS[member] == name) })
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// The `rich_text` block of a text, by itself.
pub(super) fn rich_text_block(lines: &[Line], block_id: &str) -> Value {
    rich_text::write(lines, block_id)
}
