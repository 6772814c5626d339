//! Slack's `:name:` and Unicode's emoji.

use std::borrow::Cow;

use emojis::{Emoji, SkinTone};

/// The emoji that a name stands for, such as `tada` or `wave::skin-tone-3`; `None` for a workspace's own.
pub(crate) fn from_name(name: &str) -> Option<&'static str> {
    let (name, tone) = match name.split_once("::") {
        Some((name, tone)) => (name, Some(tone)),
        None => (name, None),
    };
    let emoji = emojis::get_by_shortcode(name)?;
    match tone {
        None => Some(emoji.as_str()),
        Some(tone) => emoji.with_skin_tone(tone_named(tone)?).map(Emoji::as_str),
    }
}

/// Whether a name is a skin tone, which belongs to the emoji before it.
pub(crate) fn is_tone(name: &str) -> bool {
    tone_named(name).is_some()
}

/// The name of an emoji and its skin tone, from 2 to 6.
pub(crate) type Name = (&'static str, Option<u8>);

/// A text with `:name:` for every emoji that has a name. Signs that are emoji only on demand, such as `©`, stay.
pub(crate) fn to_names(text: &str) -> Cow<'_, str> {
    if !text.contains(starts_emoji) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (text, name) in split(text) {
        match name {
            None => out.push_str(text),
            Some((name, None)) => out.push_str(&format!(":{name}:")),
            Some((name, Some(tone))) => out.push_str(&format!(":{name}::skin-tone-{tone}:")),
        }
    }
    Cow::Owned(out)
}

/// The pieces of a text: emoji that have a name, with it, and what is between them.
pub(crate) fn split(text: &str) -> Vec<(&str, Option<Name>)> {
    let mut pieces = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(c) = text[at..].chars().next() {
        let Some((name, len)) = starts_emoji(c).then(|| emoji_at(&text[at..])).flatten() else {
            at += c.len_utf8();
            continue;
        };
        if copied < at {
            pieces.push((&text[copied..at], None));
        }
        pieces.push((&text[at..at + len], Some(name)));
        at += len;
        copied = at;
    }
    if copied < text.len() {
        pieces.push((&text[copied..], None));
    }
    pieces
}

/// The longest emoji in code points: a family of four with joiners, or a flag of a region.
const LEN_MAX: usize = 10;

const PRESENTED: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';
const JOINER: char = '\u{200D}';

fn starts_emoji(c: char) -> bool {
    matches!(c, '#' | '*' | '0'..='9' | '\u{A9}' | '\u{AE}' | '\u{203C}'..='\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

fn emoji_at(text: &str) -> Option<(Name, usize)> {
    let mut ends = [0; LEN_MAX];
    let mut count = 0;
    let mut previous = None;
    for (at, c) in text.char_indices().take(LEN_MAX) {
        let joins = count == 0
            || previous == Some(JOINER)
            || matches!(c, PRESENTED | KEYCAP | JOINER | '\u{1F3FB}'..='\u{1F3FF}' | '\u{1F1E6}'..='\u{1F1FF}')
            || matches!(c, '\u{E0020}'..='\u{E007F}');
        if !joins {
            break;
        }
        ends[count] = at + c.len_utf8();
        count += 1;
        previous = Some(c);
    }
    ends[..count].iter().rev().find_map(|&end| Some((named(&text[..end])?, end)))
}

fn named(text: &str) -> Option<Name> {
    // What is older than emoji is one only with the selector behind it.
    if u32::from(text.chars().next()?) < 0x2000 && !text.contains(PRESENTED) {
        return None;
    }
    let emoji = emojis::get(text)?;
    if text.chars().nth(1).is_none() && emoji.as_str() != text {
        return None;
    }
    let plain = emoji.with_skin_tone(SkinTone::Default).unwrap_or(emoji);
    let tone = match emoji.skin_tone() {
        None | Some(SkinTone::Default) => None,
        Some(SkinTone::Light) => Some(2),
        Some(SkinTone::MediumLight) => Some(3),
        Some(SkinTone::Medium) => Some(4),
        Some(SkinTone::MediumDark) => Some(5),
        Some(SkinTone::Dark) => Some(6),
        // Two people of two tones have no name.
        Some(_) => return None,
    };
    Some((plain.shortcode()?, tone))
}

fn tone_named(name: &str) -> Option<SkinTone> {
    match name {
        "skin-tone-2" => Some(SkinTone::Light),
        "skin-tone-3" => Some(SkinTone::MediumLight),
        "skin-tone-4" => Some(SkinTone::Medium),
        "skin-tone-5" => Some(SkinTone::MediumDark),
        "skin-tone-6" => Some(SkinTone::Dark),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_signs() {
        for (sign, name) in [
            ("🎉", "tada"),
            ("👍", "+1"),
            ("❤️", "heart"),
            ("👋🏼", "wave::skin-tone-3"),
            ("🇩🇪", "de"),
            ("1️⃣", "one"),
            ("👨‍👩‍👧‍👦", "family_man_woman_girl_boy"),
            ("✅", "white_check_mark"),
        ] {
            assert_eq!(from_name(name), Some(sign), "{name}");
            assert_eq!(to_names(sign), format!(":{name}:"));
            assert_eq!(to_names(&format!("a{sign}{sign} b")), format!("a:{name}::{name}: b"));
        }
        for none in ["plain", "1 # * © ™ grüße ✔ → 日本", "\u{FE0F}\u{200D}", "👍🏼"[4..].trim_start()]
        {
            if none != "🏼" {
                assert_eq!(to_names(none), none);
            }
        }
        assert_eq!(from_name("ours"), None);
        assert_eq!(from_name("wave::skin-tone-9"), None);
        assert_eq!(to_names(&"\u{1F468}\u{200D}".repeat(10_000)).len(), ":man:\u{200D}".len() * 10_000);
    }
}
