//! The HTML that Teams knows: what it sends beside a person's text, and what bots may write.

use super::build::Builder;
use super::entities::decoded;
use super::mentions::Mentions;
use super::{Body, Line, LineKind, Mark, Person, Run, Style, Styles, What, bare};

/// What becomes of tags that are not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// They vanish, what they surround stays.
    Dropped,
    /// They are shown as text.
    Shown,
}

/// Reads HTML. Its mentions have been taken out before.
pub(crate) fn read(html: &str, mentions: &Mentions) -> Vec<Line> {
    let mut builder = Builder::new(mentions, false);
    read_into(&mut builder, html, Unknown::Dropped);
    builder.finish()
}

/// Reads a piece of HTML, which need not close what it opens.
pub(crate) fn read_into(builder: &mut Builder<'_>, html: &str, unknown: Unknown) {
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        words(builder, &rest[..open]);
        rest = &rest[open..];
        let end = rest[1..].find(['>', '<']).map(|end| end + 1);
        let Some(end) = end.filter(|end| rest.as_bytes()[*end] == b'>') else {
            builder.text("<");
            rest = &rest[1..];
            continue;
        };
        let inside = &rest[1..end];
        // A piece of a sum is no tag: `a < b > c`.
        let is_tag = inside.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
        if !is_tag || (!tag(builder, inside) && unknown == Unknown::Shown) {
            builder.text(&rest[..=end]);
        }
        rest = &rest[end + 1..];
    }
    words(builder, rest);
}

/// Adds text, in which line breaks are spaces unless it is preformatted.
fn words(builder: &mut Builder<'_>, text: &str) {
    if builder.is_preformatted() || builder.code > 0 || !text.contains(|c: char| c.is_ascii_whitespace()) {
        return builder.text(&decoded(text));
    }
    let mut words = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_ascii_whitespace() {
            true if words.ends_with(' ') => {}
            true => words.push(' '),
            false => words.push(c),
        }
    }
    let words = if builder.starts_line() { words.trim_start_matches(' ') } else { &words };
    builder.text(&decoded(words));
}

/// Opens or closes what a tag names; false when it names nothing known.
fn tag(builder: &mut Builder<'_>, inside: &str) -> bool {
    let (closes, inside) = match inside.strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, inside.trim_end_matches('/')),
    };
    let name_end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
    let (name, attributes) = inside.split_at(name_end);
    let counted = |count: &mut usize| *count = if closes { count.saturating_sub(1) } else { *count + 1 };
    match (name.to_ascii_lowercase().as_str(), closes) {
        ("b" | "strong", _) => counted(&mut builder.bold),
        ("i" | "em", _) => counted(&mut builder.italic),
        ("s" | "strike" | "del", _) => counted(&mut builder.strike),
        ("code" | "tt", _) => counted(&mut builder.code),
        ("a", false) => builder.open_link(&attribute(attributes, "href").unwrap_or_default()),
        ("a", true) => builder.close_link(),
        ("br", _) => builder.line_break(),
        ("hr", _) => builder.rule(),
        ("p" | "div", false) => builder.open_block(),
        ("p" | "div", true) => builder.close_block(),
        ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => builder.open_heading(),
        ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", true) => builder.close_heading(),
        ("blockquote", false) => builder.open_quote(),
        ("blockquote", true) => builder.close_quote(),
        ("pre" | "codeblock", false) => builder.open_code(),
        ("pre" | "codeblock", true) => builder.close_code(),
        ("ul", false) => builder.open_list(None),
        ("ol", false) => {
            let start = attribute(attributes, "start").and_then(|start| start.parse().ok());
            builder.open_list(Some(start.unwrap_or(1)));
        }
        ("ul" | "ol", true) => builder.close_list(),
        ("li", false) => builder.item(),
        ("table", false) => builder.open_table(),
        ("table", true) => builder.close_table(),
        ("tr", false) => builder.row(),
        ("td" | "th", false) => builder.cell(),
        ("img" | "emoji", false) => {
            builder.text(&attribute(attributes, "alt").unwrap_or_default());
        }
        ("u" | "span" | "font" | "sub" | "sup" | "at", _) => {}
        ("li" | "tr" | "td" | "th" | "thead" | "tbody" | "img" | "emoji", _) => {}
        _ => return false,
    }
    true
}

/// An attribute's value, with its entities as characters.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let found = rest[..end].eq_ignore_ascii_case(name);
        rest = rest[end..].trim_start();
        let Some(behind) = rest.strip_prefix('=') else { continue };
        let behind = behind.trim_start();
        let (value, after) = match behind.chars().next() {
            Some(quote @ ('"' | '\'')) => behind[1..].split_once(quote).unwrap_or((&behind[1..], "")),
            _ => behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len())),
        };
        if found {
            return Some(decoded(value).into_owned());
        }
        rest = after.trim_start();
    }
    None
}

/// Escapes text for between tags and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Writes lines as Teams writes a person's message. Mentions are numbered in their order, from 0.
pub(crate) fn write(lines: &[Line]) -> String {
    let mut writer =
        Writer { out: String::new(), mentions: 0, quote: false, paragraph: false, lists: Vec::new() };
    for line in lines {
        writer.line(line);
    }
    writer.close(false);
    writer.out
}

struct Writer {
    out: String,
    mentions: usize,
    quote: bool,
    paragraph: bool,
    /// The open lists' closing tags; each has an open item.
    lists: Vec<&'static str>,
}

impl Writer {
    fn line(&mut self, line: &Line) {
        let kind = line.kind();
        if line.is_blank() || line.quote != self.quote || kind == LineKind::Alone {
            self.close(line.quote);
        }
        if line.quote && !self.quote {
            self.out.push_str("<blockquote>");
            self.quote = true;
        }
        match (&line.body, kind) {
            _ if line.is_blank() => {}
            (Body::Code(code), _) => {
                self.out.push_str("<pre>");
                self.out.push_str(&escape(code));
                self.out.push_str("</pre>");
            }
            (Body::Rule, _) => self.out.push_str("<hr>"),
            (Body::Heading(runs), _) => {
                self.out.push_str("<h2>");
                self.runs(runs);
                self.out.push_str("</h2>");
            }
            (Body::Text(runs), LineKind::List) if line.mark == Mark::None && !self.lists.is_empty() => {
                self.out.push_str("<br>");
                self.runs(runs);
            }
            (Body::Text(runs), LineKind::List) if line.mark != Mark::None => self.item(line, runs),
            (Body::Text(runs), _) => self.plain(runs),
        }
    }

    fn plain(&mut self, runs: &[Run]) {
        self.close_lists(0);
        self.out.push_str(if self.paragraph { "<br>" } else { "<p>" });
        self.paragraph = true;
        self.runs(runs);
    }

    fn item(&mut self, line: &Line, runs: &[Run]) {
        self.close_paragraph();
        let (close, start) = match line.mark {
            Mark::Number(number) => ("</ol>", Some(number)),
            _ => ("</ul>", None),
        };
        let depth = line.indent.min(self.lists.len());
        self.close_lists(depth + 1);
        if self.lists.get(depth).is_some_and(|open| *open != close) {
            self.close_lists(depth);
        }
        if self.lists.len() > depth {
            self.out.push_str("</li>");
        } else {
            self.out.push_str(&match start {
                None => "<ul>".to_owned(),
                Some(1) => "<ol>".to_owned(),
                Some(start) => format!("<ol start=\"{start}\">"),
            });
            self.lists.push(close);
        }
        self.out.push_str("<li>");
        self.runs(runs);
    }

    /// Closes what is open, the quote too unless the next line is quoted.
    fn close(&mut self, next_quoted: bool) {
        self.close_paragraph();
        self.close_lists(0);
        if self.quote && !next_quoted {
            self.out.push_str("</blockquote>");
            self.quote = false;
        }
    }

    fn close_paragraph(&mut self) {
        if std::mem::take(&mut self.paragraph) {
            self.out.push_str("</p>");
        }
    }

    fn close_lists(&mut self, depth: usize) {
        while self.lists.len() > depth {
            self.out.push_str("</li>");
            self.out.push_str(self.lists.pop().unwrap_or_default());
        }
    }

    fn runs(&mut self, runs: &[Run]) {
        let mut styles = Styles::new(["<strong>", "<em>", "<s>"], ["</strong>", "</em>", "</s>"]);
        for run in runs {
            styles.change(&mut self.out, run.style);
            match &run.what {
                What::Text(text) | What::Slack(text) => self.out.push_str(&escape(text)),
                What::Code(code) => {
                    self.out.push_str("<code>");
                    self.out.push_str(&escape(code));
                    self.out.push_str("</code>");
                }
                What::Link { url, label } => {
                    let label = if label.is_empty() { bare(url) } else { label };
                    self.out.push_str(&format!("<a href=\"{}\">{}</a>", escape(url), escape(label)));
                }
                What::User(person) => {
                    self.out.push_str(&mention(person, Some(self.mentions)));
                    self.mentions += 1;
                }
            }
        }
        styles.change(&mut self.out, Style::default());
    }
}

/// A mention as it stands in a text, with its number where it stands in HTML.
pub(crate) fn mention(person: &Person, number: Option<usize>) -> String {
    let name = escape(&person.name);
    match number {
        Some(number) => format!("<at id=\"{number}\">{name}</at>"),
        None => format!("<at>{name}</at>"),
    }
}
