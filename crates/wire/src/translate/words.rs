//! The words of an activity or a card, as lines and as blocks of Slack.

use crate::prose::build::Builder;
use crate::prose::markdown::{self, Besides};
use crate::prose::mentions::{self, Entities};
use crate::prose::{Line, Names, Run, Style, html, rich_text};
use serde_json::{Map, Value};

use super::json::{is, object, string};

/// The `mention` entities of a list.
pub(super) fn entities<'a>(list: impl Iterator<Item = &'a Map<String, Value>>) -> Entities {
    let mut entities = Entities::default();
    for entity in list.filter(|entity| is(entity, "type", "mention")) {
        let id = object(entity, "mentioned").and_then(|account| string(account, "id"));
        if let (Some(text), Some(id)) = (string(entity, "text"), id) {
            entities.add(text, id);
        }
    }
    entities
}

/// How a text is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Markdown,
    Plain,
    Xml,
}

pub(super) fn lines(text: &str, format: Format, entities: &mut Entities, names: &dyn Names) -> Vec<Line> {
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
        return vec![Line::text(vec![Run::text(text, Style::default())])];
    }
    lines(text, Format::Markdown, entities, names)
}

/// Whether a text is one line of words: no markup of any format, no address, no emoji. Most are.
pub(super) fn says_nothing_more(text: &str, format: Format) -> bool {
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

/// The `rich_text` block of a text, by itself.
pub(super) fn rich_text_block(lines: &[Line], block_id: &str) -> Value {
    rich_text::write(lines, block_id)
}
