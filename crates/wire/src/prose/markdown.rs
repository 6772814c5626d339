//! Markdown: CommonMark with strike-through, tables and task lists.

use super::build::Builder;
use super::mentions::Mentions;
use super::{Body, Line, LineKind, Mark, Person, Run, Style, Styles, What, bare, html};
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

/// What a text may hold besides Markdown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Besides {
    /// Slack's own `<@U…>`, `<#C…>` and `<!…>`, which keep their meaning; HTML is shown as it stands.
    SlackSyntax,
    /// The HTML that Teams knows.
    Html,
}

/// Reads Markdown. Its mentions have been taken out before.
pub(crate) fn read(markdown: &str, besides: Besides, mentions: &Mentions) -> Vec<Line> {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut builder = Builder::new(mentions, besides == Besides::SlackSyntax);
    let mut block = String::new();
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        match event {
            Event::Html(text) if besides == Besides::Html => block.push_str(&text),
            Event::End(TagEnd::HtmlBlock) if besides == Besides::Html => {
                html::read_into(&mut builder, block.trim_end(), html::Unknown::Shown);
                builder.close_block();
                block.clear();
            }
            Event::InlineHtml(tag) if besides == Besides::Html => {
                html::read_into(&mut builder, &tag, html::Unknown::Shown);
            }
            event => read_event(&mut builder, event),
        }
    }
    builder.finish()
}

fn read_event(builder: &mut Builder<'_>, event: Event<'_>) {
    match event {
        Event::Start(tag) => start(builder, tag),
        Event::End(tag) => end(builder, tag),
        Event::Text(text)
        | Event::Html(text)
        | Event::InlineHtml(text)
        | Event::InlineMath(text)
        | Event::DisplayMath(text)
        | Event::FootnoteReference(text) => builder.text(&text),
        Event::Code(code) => builder.code(&code),
        Event::SoftBreak | Event::HardBreak => builder.line_break(),
        Event::Rule => builder.rule(),
        Event::TaskListMarker(done) => builder.text(if done { "[x] " } else { "[ ] " }),
    }
}

fn start(builder: &mut Builder<'_>, tag: Tag<'_>) {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => builder.open_block(),
        Tag::Heading { .. } => builder.open_heading(),
        Tag::BlockQuote(_) => builder.open_quote(),
        Tag::CodeBlock(_) => builder.open_code(),
        Tag::List(first) => builder.open_list(first),
        Tag::Item => builder.item(),
        Tag::Strong => builder.bold += 1,
        Tag::Emphasis => builder.italic += 1,
        Tag::Strikethrough => builder.strike += 1,
        Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
            builder.open_link(&format!("mailto:{dest_url}"))
        }
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => builder.open_link(&dest_url),
        Tag::Table(_) => builder.open_table(),
        Tag::TableHead | Tag::TableRow => builder.row(),
        Tag::TableCell => builder.cell(),
        _ => {}
    }
}

fn end(builder: &mut Builder<'_>, tag: TagEnd) {
    match tag {
        TagEnd::Paragraph | TagEnd::HtmlBlock => builder.close_block(),
        TagEnd::Heading(_) => builder.close_heading(),
        TagEnd::BlockQuote(_) => builder.close_quote(),
        TagEnd::CodeBlock => builder.close_code(),
        TagEnd::List(_) => builder.close_list(),
        TagEnd::Strong => builder.bold = builder.bold.saturating_sub(1),
        TagEnd::Emphasis => builder.italic = builder.italic.saturating_sub(1),
        TagEnd::Strikethrough => builder.strike = builder.strike.saturating_sub(1),
        TagEnd::Link | TagEnd::Image => builder.close_link(),
        TagEnd::Table => builder.close_table(),
        _ => {}
    }
}

/// Writes lines as Markdown; people as `name` shows them.
pub(crate) fn write(lines: &[Line], name: &dyn Fn(&Person) -> String) -> String {
    let mut writer = Writer { out: String::new(), name, widths: Vec::new(), last: None, after_blank: false };
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            writer.out.push('\n');
        }
        writer.line(line);
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

struct Writer<'a> {
    out: String,
    name: &'a dyn Fn(&Person) -> String,
    /// How far the text of the open items of each depth is indented, their last marks and the signs for them.
    widths: Vec<(usize, Mark, char)>,
    /// The last line that was not blank: its kind and whether it was quoted. `None` after a blank line.
    last: Option<(LineKind, bool)>,
    after_blank: bool,
}

impl Writer<'_> {
    fn line(&mut self, line: &Line) {
        let kind = line.kind();
        if line.is_blank() {
            self.out.push_str(if line.quote { ">" } else { "" });
            self.last = self.last.filter(|(_, quote)| line.quote != *quote);
            self.after_blank = true;
            return;
        }
        self.apart(kind, line.quote);
        self.last = Some((kind, line.quote));
        if line.quote {
            self.out.push_str("> ");
        }
        if kind != LineKind::List {
            self.widths.clear();
        }
        let after_blank = std::mem::take(&mut self.after_blank);
        match line.mark {
            Mark::None => {
                let width: usize = self.widths.iter().take(line.indent).map(|(width, ..)| width).sum();
                (0..width).for_each(|_| self.out.push(' '));
            }
            mark => self.item(line.indent, mark, after_blank),
        }
        match &line.body {
            Body::Text(runs) => self.runs(runs, true),
            Body::Heading(runs) => {
                self.out.push_str("## ");
                self.runs(runs, false);
            }
            Body::Rule => self.out.push_str("---"),
            Body::Code(code) => self.code(code, line.quote),
        }
    }

    /// Lines of different kinds would be read as one paragraph unless a blank line is between them.
    fn apart(&mut self, kind: LineKind, quote: bool) {
        let Some((last, quoted)) = self.last else { return };
        if last != kind || quoted != quote || kind == LineKind::Alone {
            self.out.push_str(if quote && quoted { ">\n" } else { "\n" });
        }
    }

    /// Begins an item. Readers count on their own, and take the next item for one of the same list even behind a blank line:
    /// another sign begins another list.
    fn item(&mut self, indent: usize, mark: Mark, after_blank: bool) {
        let depth = indent.min(self.widths.len());
        let sign = match (self.widths.get(depth), mark) {
            (Some((_, Mark::Number(last), sign)), Mark::Number(number)) => {
                let goes_on = last.wrapping_add(1) == number && !(after_blank && depth == 0);
                if goes_on == (*sign == '.') { '.' } else { ')' }
            }
            (Some((_, Mark::Bullet, sign)), Mark::Bullet) => {
                let goes_on = !(after_blank && depth == 0);
                if goes_on == (*sign == '-') { '-' } else { '*' }
            }
            (_, Mark::Number(_)) => '.',
            _ => '-',
        };
        self.widths.truncate(depth);
        let width: usize = self.widths.iter().map(|(width, ..)| width).sum();
        (0..width).for_each(|_| self.out.push(' '));
        let shown = match mark {
            Mark::Number(number) => format!("{number}{sign} "),
            _ => format!("{sign} "),
        };
        self.out.push_str(&shown);
        self.widths.push((shown.len(), mark, sign));
    }

    fn code(&mut self, code: &str, quote: bool) {
        let fence = "`".repeat(longest_ticks(code).max(2) + 1);
        let before = if quote { "\n> " } else { "\n" };
        self.out.push_str(&fence);
        for line in code.split('\n') {
            self.out.push_str(before);
            self.out.push_str(line);
        }
        self.out.push_str(before);
        self.out.push_str(&fence);
    }

    fn runs(&mut self, runs: &[Run], starts_line: bool) {
        let mut styles = Styles::new(["**", "_", "~~"], ["**", "_", "~~"]);
        let start = self.out.len();
        for run in runs {
            styles.change(&mut self.out, run.style);
            match &run.what {
                What::Text(text) | What::Slack(text) => {
                    let at_start = starts_line && self.out.len() == start;
                    push_escaped(&mut self.out, text, at_start);
                }
                What::Code(code) => push_span(&mut self.out, code),
                What::Link { url, label } if label.is_empty() || label == bare(url) => {
                    push_bare_url(&mut self.out, url);
                }
                What::Link { url, label } => {
                    self.out.push('[');
                    push_escaped(&mut self.out, label, false);
                    self.out.push_str("](");
                    self.out.push_str(&escaped_url(url));
                    self.out.push(')');
                }
                What::User(person) => self.out.push_str(&(self.name)(person)),
            }
        }
        styles.change(&mut self.out, Style::default());
    }
}

/// Puts a backslash before what Markdown would take for a mark.
fn push_escaped(out: &mut String, text: &str, starts_line: bool) {
    let bytes = text.as_bytes();
    let digits = if starts_line { bytes.iter().take_while(|b| b.is_ascii_digit()).count() } else { 0 };
    for (at, c) in text.char_indices() {
        let marks = match c {
            '\\' | '*' | '`' | '[' | ']' | '~' => true,
            // Only these begin a tag or an address.
            '<' => {
                bytes.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?'))
            }
            // Inside a word it is none, and names with underscores are common.
            '_' => !(is_word(before(text, at)) && is_word(text[at + 1..].chars().next())),
            '&' => begins_entity(&text[at..]),
            '|' => starts_line,
            '>' => starts_line && at == 0,
            '#' | '+' | '-' | '=' if starts_line && at == 0 => {
                text.trim_start_matches(c).chars().next().is_none_or(char::is_whitespace)
            }
            '.' | ')' => digits > 0 && at == digits,
            ' ' if starts_line && at == 0 => {
                out.push_str("&#32;");
                continue;
            }
            '\t' if starts_line && at == 0 => {
                out.push_str("&#9;");
                continue;
            }
            _ => false,
        };
        if marks {
            out.push('\\');
        }
        out.push(c);
    }
}

fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

fn push_span(out: &mut String, code: &str) {
    let ticks = "`".repeat(if code.contains('`') { longest_ticks(code) + 1 } else { 1 });
    // One space goes from both ends when there is anything else.
    let spaces = code.starts_with(' ') && code.ends_with(' ') && !code.trim_matches(' ').is_empty();
    let padded = spaces || code.starts_with('`') || code.ends_with('`');
    let space = if padded { " " } else { "" };
    for piece in [&ticks, space, code, space, &ticks] {
        out.push_str(piece);
    }
}

fn longest_ticks(code: &str) -> usize {
    code.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// An address without a label: as it is, or in brackets where something in it could be taken for a mark.
fn push_bare_url(out: &mut String, url: &str) {
    let plain = |b: u8| !matches!(b, b'*' | b'_' | b'~' | b'`' | b'[' | b']' | b'\\' | b'<' | b'>' | b'&');
    if url.bytes().all(plain) && bare(url) == url {
        return out.push_str(url);
    }
    out.push('<');
    out.push_str(&bare(url).replace('<', "%3C").replace('>', "%3E").replace(' ', "%20"));
    out.push('>');
}

/// An address that ends where it should: behind it comes a bracket.
fn escaped_url(url: &str) -> String {
    let balanced = brackets_match(url);
    let mut out = String::with_capacity(url.len());
    for (at, c) in url.char_indices() {
        match c {
            '(' | ')' if balanced => out.push(c),
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            ' ' => out.push_str("%20"),
            '&' if begins_entity(&url[at..]) => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// Whether each bracket is closed, and none lies deep in others.
fn brackets_match(url: &str) -> bool {
    const DEPTH_MAX: usize = 8;
    let mut open = 0;
    for byte in url.bytes() {
        match byte {
            b'(' => open += 1,
            b')' if open == 0 => return false,
            b')' => open -= 1,
            _ => {}
        }
        if open > DEPTH_MAX {
            return false;
        }
    }
    open == 0
}

/// Whether an ampersand could be taken for the beginning of an entity.
fn begins_entity(text: &str) -> bool {
    const ENTITY_MAX: usize = 34;
    let name = text.bytes().skip(1).take(ENTITY_MAX).take_while(|b| *b == b'#' || b.is_ascii_alphanumeric());
    let end = name.count() + 1;
    end > 1 && text.as_bytes().get(end) == Some(&b';')
}
