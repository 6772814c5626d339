//! `<at>Name</at>` and the entities that say who is meant.
//!
//! Before a text is read in its own notation, each mention is replaced by a mark that no notation knows; the builder puts
//! it back. So `<at>Ann *B*</at>` is one mention and not an emphasis.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Names, Person, What};

/// Begins a mark. Unicode reserves it for uses such as this; in a given text it says nothing and is taken out.
const BEGIN: char = '\u{FDD0}';
/// What follows is this character and those after it, one for each mention: the rest of a private plane.
const FIRST: u32 = 0xF_0000;
const MENTIONS_MAX: usize = 0xFFFD;

/// The mentions that were taken out of a text.
#[derive(Default)]
pub(crate) struct Mentions {
    found: Vec<Mention>,
}

struct Mention {
    /// As it stood in the text.
    written: String,
    /// The name between the tags.
    name: String,
    person: Option<Person>,
}

/// Who the entities of a text name, by what stands between the tags: ids in their order.
#[derive(Default)]
pub(crate) struct Entities {
    ids: HashMap<String, (Vec<String>, usize)>,
}

impl Entities {
    /// Adds `{text: "<at>Name</at>", mentioned: {id}}`.
    pub fn add(&mut self, text: &str, id: &str) {
        if let Some((name, _, _)) = mention_in(text) {
            self.ids.entry(name.to_owned()).or_default().0.push(id.to_owned());
        }
    }

    /// The next id for this name; the last one serves for all that follow.
    fn next(&mut self, name: &str) -> Option<&str> {
        let (ids, used) = self.ids.get_mut(name)?;
        let at = (*used).min(ids.len().checked_sub(1)?);
        *used += 1;
        Some(&ids[at])
    }
}

/// Takes the mentions out of a text.
pub(crate) fn take<'a>(
    text: &'a str,
    entities: &mut Entities,
    names: &dyn Names,
) -> (Cow<'a, str>, Mentions) {
    let mut mentions = Mentions::default();
    let cleaned: Cow<'_, str> =
        if text.contains(BEGIN) { text.replace(BEGIN, "").into() } else { text.into() };
    if !cleaned.contains("</at>") {
        return (cleaned, mentions);
    }
    let mut out = String::with_capacity(cleaned.len());
    let mut rest: &str = &cleaned;
    // Every search ends at the next closing tag, of which each is passed once.
    while let Some((name, start, end)) = mention_in(rest) {
        let number = mentions.found.len();
        let Some(mark) = char::from_u32(FIRST + u32::try_from(number).unwrap_or(u32::MAX)) else { break };
        if number >= MENTIONS_MAX {
            break;
        }
        out.push_str(&rest[..start]);
        out.push(BEGIN);
        out.push(mark);
        let person = entities.next(name).and_then(|id| names.user(id));
        let shown = super::entities::decoded(name).into_owned();
        mentions.found.push(Mention { written: rest[start..end].to_owned(), name: shown, person });
        rest = &rest[end..];
    }
    out.push_str(rest);
    (out.into(), mentions)
}

/// The first `<at>Name</at>`: the name, where the opening tag starts and where the closing one ends.
fn mention_in(text: &str) -> Option<(&str, usize, usize)> {
    let mut from = 0;
    while let Some(close) = text[from..].find("</at>").map(|n| from + n) {
        let before = &text[from..close];
        let mut opens = before.rmatch_indices("<at").map(|(at, _)| from + at);
        // The tag nearest to the closing one counts: there is nothing but a name between them.
        if let Some(open) = opens.next()
            && let Some(name) = after_opening(&text[open + "<at".len()..close])
        {
            return Some((name, open, close + "</at>".len()));
        }
        from = close + "</at>".len();
    }
    None
}

/// What follows the rest of an opening tag: `>` at once, or after attributes.
fn after_opening(behind: &str) -> Option<&str> {
    match behind.as_bytes().first()? {
        b'>' => Some(&behind[1..]),
        b' ' => behind.split_once('>').map(|(_, name)| name),
        _ => None,
    }
}

impl Mentions {
    /// The text with its marks as what they stand for: `Ok` for what is between them.
    pub fn parts<'t>(&self, text: &'t str) -> Vec<Result<&'t str, What>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, mention, after)) = self.split(rest) {
            parts.push(Ok(before));
            parts.push(Err(match &mention.person {
                Some(person) => What::User(person.clone()),
                None => What::Text(format!("@{}", mention.name)),
            }));
            rest = after;
        }
        parts.push(Ok(rest));
        parts
    }

    /// The text as it was given, for where nothing has a meaning.
    pub fn restored<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replaced(text, |mention| mention.written.clone())
    }

    /// The text with `@Name` for each mention, for where only words can stand.
    pub fn named<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replaced(text, |mention| format!("@{}", mention.name))
    }

    fn replaced<'t>(&self, text: &'t str, shown: impl Fn(&Mention) -> String) -> Cow<'t, str> {
        if self.found.is_empty() || !text.contains(BEGIN) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, mention, after)) = self.split(rest) {
            out.push_str(before);
            out.push_str(&shown(mention));
            rest = after;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    fn split<'t>(&self, text: &'t str) -> Option<(&'t str, &Mention, &'t str)> {
        if self.found.is_empty() {
            return None;
        }
        let (before, behind) = text.split_once(BEGIN)?;
        let mark = behind.chars().next()?;
        let number = usize::try_from(u32::from(mark).checked_sub(FIRST)?).ok()?;
        Some((before, self.found.get(number)?, &behind[mark.len_utf8()..]))
    }
}
