//! An activity of a Teams bot as Slack's clients read it.

use std::borrow::Cow;
use std::fmt;

use crate::prose::mentions::Entities;
use crate::prose::{Names, emoji, mrkdwn};
use crate::slack::{blocks, text};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::cards;
use super::json::{object, string};
use super::words::{Format, entities, lines, says_nothing_more};

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
