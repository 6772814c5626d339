//! Entities of HTML.

use std::borrow::Cow;

/// Turns entities into the characters they stand for.
pub(crate) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match entity(rest) {
            Some((shown, taken)) => {
                out.push(shown);
                rest = &rest[taken..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of the entity that `text` starts with, and how long the entity is.
fn entity(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 6] =
        [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", ' ')];
    let len = text.bytes().take(12).position(|b| b == b';')?;
    let name = text.get(1..len)?;
    let shown = match name.strip_prefix('#') {
        None => NAMED.iter().find(|(named, _)| *named == name).map(|(_, shown)| *shown)?,
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
            let code = hex.unwrap_or_else(|| number.parse()).ok()?;
            char::from_u32(code).filter(|c| !c.is_control() || *c == '\n')?
        }
    };
    Some((shown, len + 1))
}
