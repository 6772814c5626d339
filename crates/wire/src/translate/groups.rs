//! Lines as Teams shows them: in groups, with entities for those who are mentioned.

use crate::prose::{Body, Line, Mark, Person, html, markdown};
use serde_json::{Value, json};

/// An entity that says who an `<at>…</at>` means.
pub(super) fn mention(person: &Person) -> Value {
    json!({
        "type": "mention",
        "mentioned": {"id": person.connector_id, "name": person.name},
        "text": html::mention(person, None),
    })
}

/// Groups of lines that a card shows in one block: preformatted text stands alone.
pub(super) fn groups(lines: &[Line]) -> impl Iterator<Item = &[Line]> {
    lines
        .chunk_by(|a, b| !matches!(a.body, Body::Code(_)) && !matches!(b.body, Body::Code(_)))
        .filter(|group| !group.iter().all(Line::is_blank))
}

/// The words of a group of lines, and whether they are preformatted.
pub(super) fn group_text(group: &[Line]) -> (String, bool) {
    match group {
        [Line { body: Body::Code(code), mark: Mark::None, .. }] => (code.clone(), true),
        lines => {
            let start = lines.iter().take_while(|line| line.is_blank()).count();
            (markdown::write(&lines[start..], &|person| html::mention(person, None)), false)
        }
    }
}
