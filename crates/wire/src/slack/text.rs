//! Message text: from what a client sends to what is stored, and from that to plain text.

use super::inline::{self, Angle, Kind, Segment};
use std::borrow::Cow;

/// What a client's `parse` argument asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parse {
    /// Not given to a posting method: addresses become links, markup is kept.
    #[default]
    Default,
    /// `none`: addresses stay plain text, markup is kept.
    None,
    /// `client`, which `chat.update` falls back to: as [`Parse::Default`].
    Client,
    /// `full`: markup is shown literally; addresses, bare domains and names become links.
    Full,
}

/// How names in a text are looked up.
pub struct Names<'a> {
    /// From a channel's name, without `#`, to its id; `None` for names that nobody may link to.
    pub channel: &'a dyn Fn(&str) -> Option<String>,
}

/// Brings a text into the stored form, in which only valid `<…>` syntax has bare angle brackets.
///
/// `link_names` turns `#channel`, `@here`, `@channel` and `@everyone` into mentions, as [`Parse::Full`] always does.
/// ASCII control characters other than newline and tab are dropped. Code spans and blocks get no links.
/// A second pass over the result changes nothing, except with [`Parse::Full`].
pub fn normalise(text: &str, parse: Parse, link_names: bool, names: &Names<'_>) -> String {
    if !text.bytes().any(|b| SPECIAL[usize::from(b)]) {
        return text.to_owned();
    }
    let text = without_controls(text);
    let mut pass = Pass {
        text: &text,
        out: String::with_capacity(text.len() + 32),
        copied: 0,
        code_end: 0,
        syntax_end: 0,
        fences_left: true,
        keeps_syntax: parse != Parse::Full,
        links: parse != Parse::None,
        bare_domains: parse == Parse::Full,
        link_names: link_names || parse == Parse::Full,
        names,
    };
    pass.run();
    pass.out
}

/// What a person reads in a stored text: no marks, no entities, mentions as `@name` or `@id`.
pub fn plain(text: &str) -> String {
    if !text.bytes().any(|b| MARKED[usize::from(b)]) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for (number, segment) in inline::segments(text).iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        match segment {
            Segment::Section(text) => push_plain(&mut out, text),
            Segment::Quote(text) => push_plain(&mut out, text),
            Segment::Preformatted(text) => out.push_str(&inline::unescape(text)),
        }
    }
    out
}

/// Escapes `&`, `<` and `>`: what plain text has to go through before it is stored as mrkdwn.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    Cow::Owned(out)
}

/// The first `max` characters of a text that has more; `None` when nothing has to be cut.
pub fn truncate_chars(text: &str, max: usize) -> Option<&str> {
    if text.len() <= max {
        return None;
    }
    text.char_indices().nth(max).map(|(at, _)| &text[..at])
}

/// Whether a text has more than `max` characters, counted as Unicode scalar values.
pub fn chars_over(text: &str, max: usize) -> bool {
    truncate_chars(text, max).is_some()
}

pub(crate) fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(c),
    }
}

/// Bytes that [`normalise`] has to look at.
const SPECIAL: [bool; 256] = table(b"&<>:.#@`", true);
/// Bytes that mean something in stored text.
const MARKED: [bool; 256] = table(b"&<>*_~`", false);

/// Endings by which [`Parse::Full`] knows a bare domain from a file name or an abbreviation.
const DOMAIN_ENDINGS: [&str; 16] = [
    "app", "at", "ch", "co", "com", "de", "dev", "edu", "eu", "example", "gov", "info", "io", "net", "org",
    "uk",
];

const fn table(bytes: &[u8], controls: bool) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0;
    while controls && byte < 128 {
        if is_dropped(byte) {
            table[byte as usize] = true;
        }
        byte += 1;
    }
    table
}

const fn is_dropped(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\n' && byte != b'\t') || byte == 0x7f
}

fn without_controls(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(is_dropped) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().filter(|c| !u8::try_from(*c).is_ok_and(is_dropped)).collect())
}

/// One walk over a text. What lies before `copied` has been written; the rest is copied in runs.
struct Pass<'a> {
    text: &'a str,
    out: String,
    copied: usize,
    /// Up to here the text is code, and no links are made.
    code_end: usize,
    /// Where the last piece of `<…>` syntax ended, kept or made. No name starts right there, in any later pass.
    syntax_end: usize,
    fences_left: bool,
    keeps_syntax: bool,
    links: bool,
    bare_domains: bool,
    link_names: bool,
    names: &'a Names<'a>,
}

impl Pass<'_> {
    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if !SPECIAL[usize::from(byte)] {
                at += 1;
                continue;
            }
            let prose = at >= self.code_end;
            at = match byte {
                b'&' => self.ampersand(at),
                b'<' => self.angle(at),
                b'>' => self.replace(at, at + 1, "&gt;"),
                b'`' if prose => self.code(at),
                b':' if prose && self.links => self.scheme(at),
                b'.' if prose && self.links => self.dot(at),
                b'#' if prose && self.link_names => self.channel(at),
                b'@' if prose && self.link_names => self.broadcast(at),
                _ => at + 1,
            };
        }
        self.out.push_str(&self.text[self.copied..]);
    }

    /// Writes `instead` for the bytes `from..to`, after what has not been copied yet.
    fn replace(&mut self, from: usize, to: usize, instead: &str) -> usize {
        self.out.push_str(&self.text[self.copied..from]);
        self.out.push_str(instead);
        self.copied = to;
        to
    }

    fn ampersand(&mut self, at: usize) -> usize {
        match inline::entity(&self.text[at..]) {
            Some(entity) => at + entity.len(),
            None => self.replace(at, at + 1, "&amp;"),
        }
    }

    fn angle(&mut self, at: usize) -> usize {
        let limit = if at < self.code_end { self.code_end } else { self.text.len() };
        match inline::angle_at(self.text, at, limit) {
            Some((_, end)) if self.keeps_syntax => {
                let inner = with_entities(&self.text[at..end]);
                self.syntax_end = end;
                self.replace(at, end, &inner)
            }
            _ => self.replace(at, at + 1, "&lt;"),
        }
    }

    fn code(&mut self, at: usize) -> usize {
        if self.text[at..].starts_with("```") {
            let close = if self.fences_left { self.text[at + 3..].find("```") } else { None };
            self.fences_left = close.is_some();
            if let Some(n) = close {
                self.code_end = at + 3 + n + 3;
            }
            return at + 3;
        }
        if let Some(end) = inline::code_span_end(self.text, at) {
            self.code_end = end;
        }
        at + 1
    }

    /// A colon: the end of `http` or `https`?
    fn scheme(&mut self, colon: usize) -> usize {
        let rest = &self.text[colon..];
        let host = rest.strip_prefix("://").is_some_and(|host| host.starts_with(char::is_alphanumeric));
        let start = ["https", "http"].iter().find_map(|scheme| self.word_before(colon, scheme));
        match start {
            Some(start) if host => {
                let end = self.url_end(start, colon + 3);
                let link = format!("<{}>", with_entities(&self.text[start..end]));
                self.replace(start, end, &link)
            }
            _ => colon + 1,
        }
    }

    /// A dot: the one behind `www`, or with full parsing the first one of a domain?
    fn dot(&mut self, dot: usize) -> usize {
        let www = self.word_before(dot, "www");
        if www.is_none() && !self.bare_domains {
            return dot + 1;
        }
        let host_end = dot + host_len(&self.text.as_bytes()[dot..]);
        let host = self.text[dot + 1..host_end].trim_end_matches(['.', '-']);
        if let Some(start) = www
            && host.contains('.')
        {
            return self.link_bare(start, dot);
        }
        match self.label_before(dot) {
            Some(start) if self.bare_domains && has_domain_ending(host) => self.link_bare(start, dot),
            _ => host_end.max(dot + 1),
        }
    }

    fn link_bare(&mut self, start: usize, dot: usize) -> usize {
        let end = self.url_end(start, dot + 1);
        let shown = with_entities(&self.text[start..end]);
        let link = format!("<http://{shown}|{shown}>");
        self.replace(start, end, &link)
    }

    fn channel(&mut self, at: usize) -> usize {
        const NAME_MAX: usize = 80;
        let rest = &self.text[at + 1..];
        let end = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
        let name = &rest[..end];
        if end == 0 || !self.is_free(at) || chars_over(name, NAME_MAX) {
            return at + 1 + end;
        }
        match (self.names.channel)(name) {
            Some(id) => {
                self.syntax_end = at + 1 + end;
                self.replace(at, at + 1 + end, &format!("<#{id}>"))
            }
            None => at + 1 + end,
        }
    }

    fn broadcast(&mut self, at: usize) -> usize {
        let rest = &self.text[at + 1..];
        let range = ["here", "channel", "everyone"].into_iter().find(|range| rest.starts_with(range));
        match range {
            Some(range) if self.is_free(at) && !rest[range.len()..].starts_with(is_name_char) => {
                self.syntax_end = at + 1 + range.len();
                self.replace(at, at + 1 + range.len(), &format!("<!{range}>"))
            }
            _ => at + 1,
        }
    }

    /// Where `word` starts when it stands right before `end`, in any case, on its own and not yet copied.
    fn word_before(&self, end: usize, word: &str) -> Option<usize> {
        let start = end.checked_sub(word.len())?;
        let found = self.text.get(start..end)?.eq_ignore_ascii_case(word);
        let free = found && !self.text[..start].ends_with(char::is_alphanumeric);
        (free && start >= self.copied).then_some(start)
    }

    /// Where the domain label before the dot starts.
    fn label_before(&self, dot: usize) -> Option<usize> {
        const LABEL_MAX: usize = 63;
        let bytes = &self.text.as_bytes()[self.copied..dot];
        let len = bytes.iter().rev().take(LABEL_MAX).take_while(|b| is_host_byte(**b) && **b != b'.').count();
        let start = dot - len;
        (len > 0 && self.is_free(start) && !self.text[..start].ends_with('@')).then_some(start)
    }

    /// Whether a name may start here: not in the middle of a word.
    fn is_free(&self, at: usize) -> bool {
        (at == 0 || at != self.syntax_end) && !self.text[..at].ends_with(is_name_char)
    }

    /// The end of the address that starts at `start`; at least `from`, and without the punctuation of the sentence.
    fn url_end(&self, start: usize, from: usize) -> usize {
        let rest = &self.text[from..];
        let stop = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|');
        let end = rest.find(stop).unwrap_or(rest.len());
        let end = ["&lt;", "&gt;"].iter().filter_map(|entity| rest[..end].find(entity)).min().unwrap_or(end);
        let style = self.text[..start].bytes().next_back().filter(|b| matches!(b, b'*' | b'_' | b'~'));
        from + trimmed(&rest[..end], style).len()
    }
}

/// An address without what belongs to the sentence around it; a bracket stays if it was opened inside.
fn trimmed(url: &str, style: Option<u8>) -> &str {
    let mut url = url;
    let opened = url.bytes().filter(|b| *b == b'(').count();
    let mut closed = url.bytes().filter(|b| *b == b')').count();
    while let Some(last) = url.bytes().next_back() {
        match last {
            b')' if closed > opened => closed -= 1,
            b';' if url.ends_with("&amp;") => break,
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' => {}
            mark if Some(mark) == style => {}
            _ => break,
        }
        url = &url[..url.len() - 1];
    }
    url
}

/// Escapes bare ampersands, which is all that can be bare inside a link.
fn with_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        out.push_str(inline::entity(&rest[at..]).unwrap_or("&amp;"));
        rest = &rest[at + inline::entity(&rest[at..]).map_or(1, str::len)..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

/// How many bytes of a host name there are, at most as many as a domain may have.
fn host_len(bytes: &[u8]) -> usize {
    const DOMAIN_MAX: usize = 253;
    bytes.iter().take(DOMAIN_MAX).take_while(|b| is_host_byte(**b)).count()
}

fn has_domain_ending(host: &str) -> bool {
    let ending = host.rsplit('.').next().unwrap_or(host);
    DOMAIN_ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn push_plain(out: &mut String, text: &str) {
    for leaf in inline::leaves(text) {
        match leaf.kind {
            Kind::Text(text) | Kind::Code(text) => out.push_str(&inline::unescape(text)),
            Kind::Emoji(name) => {
                out.push(':');
                out.push_str(name);
                out.push(':');
            }
            Kind::Angle(angle) => push_plain_angle(out, angle),
        }
    }
}

fn push_plain_angle(out: &mut String, angle: Angle<'_>) {
    let (mark, shown) = match angle {
        Angle::Link { url, label } => ("", label.unwrap_or(url)),
        Angle::Date { fallback, .. } => ("", fallback),
        Angle::Broadcast { range } => ("@", range),
        Angle::User { id, label } | Angle::Group { id, label } => ("@", label.unwrap_or(id)),
        Angle::Channel { id, label } => ("#", label.unwrap_or(id)),
    };
    if !shown.starts_with(['@', '#']) {
        out.push_str(mark);
    }
    out.push_str(&inline::unescape(shown));
}

#[cfg(test)]
mod tests;
