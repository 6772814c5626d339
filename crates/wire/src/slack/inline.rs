//! Reading mrkdwn: blocks of lines first, then the styled pieces of a line.
//!
//! Both passes go over the text once. Input is the stored form, in which `&`, `<` and `>` are escaped.

use std::borrow::Cow;

/// A run of lines that is shown in one way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// Ordinary lines; empty for a blank line between two quotes or preformatted parts.
    Section(&'a str),
    /// Lines behind `>`, without the mark.
    Quote(String),
    /// What stands between two fences of three backticks.
    Preformatted(&'a str),
}

/// A piece of a line: what it is and the styles around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leaf<'a> {
    pub kind: Kind<'a>,
    pub style: Style,
}

/// What a [`Leaf`] shows. Texts are still entity-escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Text(&'a str),
    Code(&'a str),
    Emoji(&'a str),
    Angle(Angle<'a>),
}

/// The meaning of what stands between `<` and `>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Angle<'a> {
    Link { url: &'a str, label: Option<&'a str> },
    User { id: &'a str, label: Option<&'a str> },
    Channel { id: &'a str, label: Option<&'a str> },
    Group { id: &'a str, label: Option<&'a str> },
    Broadcast { range: &'a str },
    Date { timestamp: i64, format: &'a str, url: Option<&'a str>, fallback: &'a str },
}

/// The styles that hold for a leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
}

/// Cuts a text into segments, in order.
pub(crate) fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut found = Vec::new();
    let (mut section, mut at) = (0, 0);
    let mut line_end = line_end_from(text, 0);
    let mut fences_left = true;
    while at < text.len() {
        if at > line_end {
            line_end = line_end_from(text, at);
        }
        if quote_mark(&text[at..line_end]).is_some() {
            push_section(&mut found, &text[section..at]);
            at = push_quote(&mut found, text, at);
            section = at;
            continue;
        }
        if let Some((open, close)) = fenced(text, at, line_end, &mut fences_left) {
            push_section(&mut found, &text[section..open]);
            found.push(Segment::Preformatted(without_outer_newlines(&text[open + 3..close])));
            at = close + 3;
            if text[at..].starts_with('\n') {
                at += 1;
            }
            section = at;
            continue;
        }
        at = (line_end + 1).min(text.len());
    }
    if section < text.len() {
        found.push(Segment::Section(&text[section..]));
    }
    found
}

/// Cuts ordinary text into leaves. Neighbouring plain text of one style is one leaf.
pub(crate) fn leaves(text: &str) -> Vec<Leaf<'_>> {
    styled(text, &tokens(text))
}

/// Cuts text without any other markup into emoji and what is between them.
pub(crate) fn emoji_leaves(text: &str) -> Vec<Kind<'_>> {
    let mut scan = Scan { text, tokens: Vec::new(), open: Vec::new(), copied: 0, emoji_end: 0 };
    let mut at = 0;
    while let Some(colon) = text[at..].find(':').map(|n| at + n) {
        at = scan.emoji(colon);
    }
    scan.flush(text.len());
    let kind = |token| match token {
        Token::Text(from, to) => Some(Kind::Text(&text[from..to])),
        Token::Leaf(kind) => Some(kind),
        Token::Mark { .. } => None,
    };
    scan.tokens.into_iter().filter_map(kind).collect()
}

/// Reads what stands between `<` and `>`; `None` when it means nothing and the brackets are literal.
pub(crate) fn angle(inner: &str) -> Option<Angle<'_>> {
    let (head, label) = match inner.split_once('|') {
        Some((head, label)) => (head, Some(label)),
        None => (inner, None),
    };
    match head.as_bytes().first()? {
        b'@' => id(&head[1..]).map(|id| Angle::User { id, label }),
        b'#' => id(&head[1..]).map(|id| Angle::Channel { id, label }),
        b'!' => special(&head[1..], label),
        _ => is_url(head).then_some(Angle::Link { url: head, label }),
    }
}

/// The text from `open` (a `<`) up to its `>` when it is valid syntax that ends before `limit`; and where it ends.
pub(crate) fn angle_at(text: &str, open: usize, limit: usize) -> Option<(Angle<'_>, usize)> {
    let rest = text.get(open + 1..limit)?;
    let end = rest.find(['>', '<', '\n'])?;
    if rest.as_bytes()[end] != b'>' {
        return None;
    }
    angle(&rest[..end]).map(|angle| (angle, open + 1 + end + 1))
}

/// Where the code span that opens at `open` (a backtick) ends, closing backtick included. Spans stay on one line.
pub(crate) fn code_span_end(text: &str, open: usize) -> Option<usize> {
    let rest = &text[open + 1..];
    let end = rest.find(['`', '\n'])?;
    (end > 0 && rest.as_bytes()[end] == b'`').then_some(open + 1 + end + 1)
}

/// Turns the three entities back into the characters they stand for.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (shown, taken) = match entity(rest) {
            Some("&amp;") => ("&", 5),
            Some("&lt;") => ("<", 4),
            Some(_) => (">", 4),
            None => ("&", 1),
        };
        out.push_str(shown);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The entity that `text` starts with, of the three there are.
pub(crate) fn entity(text: &str) -> Option<&'static str> {
    ["&amp;", "&lt;", "&gt;"].into_iter().find(|entity| text.starts_with(entity))
}

fn line_end_from(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |n| at + n)
}

fn push_section<'a>(found: &mut Vec<Segment<'a>>, text: &'a str) {
    if !text.is_empty() {
        found.push(Segment::Section(text.strip_suffix('\n').unwrap_or(text)));
    }
}

/// Takes the quoted lines from `at` on and returns where the next unquoted line starts.
fn push_quote(found: &mut Vec<Segment<'_>>, text: &str, mut at: usize) -> usize {
    let mut quote = String::new();
    let mut lines = 0;
    let mut rest_is_quoted = false;
    while at < text.len() {
        let end = line_end_from(text, at);
        let line = &text[at..end];
        let shown = match quote_mark(line) {
            _ if rest_is_quoted => line,
            Some(behind) => match quote_mark(behind).and_then(quote_mark) {
                Some(behind_three) => {
                    rest_is_quoted = true;
                    behind_three
                }
                None => behind,
            },
            None => break,
        };
        if lines > 0 {
            quote.push('\n');
        }
        quote.push_str(shown.strip_prefix(' ').unwrap_or(shown));
        lines += 1;
        at = (end + 1).min(text.len());
    }
    found.push(Segment::Quote(quote));
    at
}

fn quote_mark(line: &str) -> Option<&str> {
    line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'))
}

/// A pair of fences of which the first opens on the line `at..line_end`.
fn fenced(text: &str, at: usize, line_end: usize, left: &mut bool) -> Option<(usize, usize)> {
    if !*left {
        return None;
    }
    let open = at + text[at..line_end].find("```")?;
    match text[open + 3..].find("```") {
        Some(0) | None => {
            *left = text[open + 3..].contains("```");
            None
        }
        Some(n) => Some((open, open + 3 + n)),
    }
}

fn without_outer_newlines(text: &str) -> &str {
    let text = text.strip_prefix('\n').unwrap_or(text);
    text.strip_suffix('\n').unwrap_or(text)
}

enum Token<'a> {
    Text(usize, usize),
    Leaf(Kind<'a>),
    /// A style mark at a byte offset; `live` once it has found its partner.
    Mark {
        byte: u8,
        at: usize,
        live: bool,
    },
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut scan = Scan { text, tokens: Vec::new(), open: Vec::new(), copied: 0, emoji_end: 0 };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'`' => scan.code(at),
            b'<' => scan.angle(at),
            b':' => scan.emoji(at),
            byte @ (b'*' | b'_' | b'~') => scan.mark(byte, at),
            b'\n' => {
                scan.open.clear();
                at + 1
            }
            _ => at + 1,
        };
    }
    scan.flush(text.len());
    scan.tokens
}

struct Scan<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    /// Marks that wait for their partner: at most one per kind, with the index of their token.
    open: Vec<(u8, usize)>,
    copied: usize,
    emoji_end: usize,
}

impl<'a> Scan<'a> {
    fn flush(&mut self, to: usize) {
        if self.copied < to {
            self.tokens.push(Token::Text(self.copied, to));
        }
        self.copied = to;
    }

    fn leaf(&mut self, kind: Kind<'a>, from: usize, to: usize) -> usize {
        self.flush(from);
        self.tokens.push(Token::Leaf(kind));
        self.copied = to;
        to
    }

    fn code(&mut self, at: usize) -> usize {
        match code_span_end(self.text, at) {
            Some(end) => self.leaf(Kind::Code(&self.text[at + 1..end - 1]), at, end),
            None => at + 1,
        }
    }

    fn angle(&mut self, at: usize) -> usize {
        match angle_at(self.text, at, self.text.len()) {
            Some((angle, end)) => self.leaf(Kind::Angle(angle), at, end),
            None => at + 1,
        }
    }

    fn emoji(&mut self, at: usize) -> usize {
        const NAME_MAX: usize = 100;
        let free =
            at == self.emoji_end || !before(self.text, at).is_some_and(|c| c.is_alphanumeric() || c == ':');
        let rest = &self.text.as_bytes()[at + 1..];
        let len = rest.iter().take(NAME_MAX).take_while(|b| is_emoji_byte(**b)).count();
        if !free || rest.get(len) != Some(&b':') {
            return at + 1;
        }
        let name = &self.text[at + 1..at + 1 + len];
        if !is_emoji_name(name) {
            return at + 1;
        }
        self.emoji_end = at + len + 2;
        self.leaf(Kind::Emoji(name), at, at + len + 2)
    }

    fn mark(&mut self, byte: u8, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let doubled = bytes.get(at + 1) == Some(&byte) || (at > 0 && bytes[at - 1] == byte);
        let (previous, next) = (before(self.text, at), self.text[at + 1..].chars().next());
        if doubled {
            return at + 1;
        }
        let closes = previous.is_some_and(|c| !c.is_whitespace()) && !next.is_some_and(char::is_alphanumeric);
        let opens = next.is_some_and(|c| !c.is_whitespace()) && !previous.is_some_and(char::is_alphanumeric);
        let opened = self.open.iter().position(|(open, _)| *open == byte);
        match opened {
            Some(depth) if closes => {
                if let Some(Token::Mark { live, .. }) = self.tokens.get_mut(self.open[depth].1) {
                    *live = true;
                }
                self.open.truncate(depth);
                self.flush(at);
                self.tokens.push(Token::Mark { byte, at, live: true });
            }
            None if opens => {
                self.flush(at);
                self.open.push((byte, self.tokens.len()));
                self.tokens.push(Token::Mark { byte, at, live: false });
            }
            _ => return at + 1,
        }
        self.copied = at + 1;
        at + 1
    }
}

fn styled<'a>(text: &'a str, tokens: &[Token<'a>]) -> Vec<Leaf<'a>> {
    let mut leaves = Vec::with_capacity(tokens.len());
    let mut style = Style::default();
    let mut run: Option<(usize, usize)> = None;
    for token in tokens {
        match token {
            Token::Text(from, to) => run = Some((run.map_or(*from, |(start, _)| start), *to)),
            Token::Mark { at, live: false, .. } => run = Some((run.map_or(*at, |(start, _)| start), at + 1)),
            Token::Mark { byte, .. } => {
                push_run(&mut leaves, text, &mut run, style);
                match byte {
                    b'*' => style.bold ^= true,
                    b'_' => style.italic ^= true,
                    _ => style.strike ^= true,
                }
            }
            Token::Leaf(kind) => {
                push_run(&mut leaves, text, &mut run, style);
                leaves.push(Leaf { kind: *kind, style });
            }
        }
    }
    push_run(&mut leaves, text, &mut run, style);
    leaves
}

fn push_run<'a>(leaves: &mut Vec<Leaf<'a>>, text: &'a str, run: &mut Option<(usize, usize)>, style: Style) {
    if let Some((from, to)) = run.take() {
        leaves.push(Leaf { kind: Kind::Text(&text[from..to]), style });
    }
}

fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

fn is_emoji_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'+' | b'\'')
}

/// A name we know, or one that can only be meant as the name of a custom emoji: `:30:` in a time is none.
fn is_emoji_name(name: &str) -> bool {
    name.bytes().any(|b| b.is_ascii_lowercase()) || emojis::get_by_shortcode(name).is_some()
}

fn id(id: &str) -> Option<&str> {
    let valid =
        id.starts_with(|c: char| c.is_ascii_uppercase()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    valid.then_some(id)
}

fn special<'a>(head: &'a str, label: Option<&'a str>) -> Option<Angle<'a>> {
    match head {
        "here" | "channel" | "everyone" => return Some(Angle::Broadcast { range: head }),
        "group" => return Some(Angle::Broadcast { range: "channel" }),
        _ => {}
    }
    if let Some(group) = head.strip_prefix("subteam^") {
        return id(group).map(|id| Angle::Group { id, label });
    }
    let mut parts = head.strip_prefix("date^")?.splitn(3, '^');
    let timestamp = parts.next()?.parse().ok()?;
    let format = parts.next()?;
    Some(Angle::Date { timestamp, format, url: parts.next(), fallback: label? })
}

fn is_url(head: &str) -> bool {
    if head.contains(char::is_whitespace) {
        return false;
    }
    if let Some(address) = head.strip_prefix("mailto:").or_else(|| head.strip_prefix("tel:")) {
        return !address.is_empty();
    }
    let Some((scheme, rest)) = head.split_once("://") else { return false };
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-');
    !rest.is_empty() && scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(named)
}

#[cfg(test)]
mod tests;
