//! Markdown to mrkdwn, and back.

use super::inline::{self, Angle, Kind, Segment, Style};
use super::text::push_escaped;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};

/// Translates Markdown (with strike-through, tables and task lists) to mrkdwn in the stored, escaped form.
///
/// Headings become bold lines, tables preformatted text, images links; a relative address is shown behind its label.
/// Slack's own `<@U…>`, `<#C…>` and `<!…>` stay.
pub fn to_mrkdwn(markdown: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS;
    let mut writer = Writer { out: String::with_capacity(markdown.len() + 32), ..Writer::default() };
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        writer.event(event);
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

/// Translates stored mrkdwn to Markdown. Mentions become `@U…` or `@name`, entities the characters they stand for.
pub fn from_mrkdwn(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for (number, segment) in inline::segments(text).iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        match segment {
            Segment::Section(text) => push_markdown(&mut out, text),
            Segment::Quote(text) => push_quote(&mut out, text),
            Segment::Preformatted(text) => {
                out.push_str("```\n");
                out.push_str(&inline::unescape(text));
                out.push_str("\n```");
            }
        }
    }
    out
}

/// Nested lists are indented up to this depth, so that output stays in proportion to input.
const INDENT_MAX: usize = 8;
/// Table columns are padded up to this width, for the same reason.
const COLUMN_MAX: usize = 40;

#[derive(Default)]
struct Writer {
    out: String,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Depth of open quotes, bold and link parts. mrkdwn nests none of them.
    quotes: usize,
    bold: usize,
    links: usize,
    /// Address of the outermost open link, and where its label starts in `out`.
    link: Option<(String, usize)>,
    /// Whether something stands before the next block of text, so that it needs a blank line.
    needs_gap: bool,
    /// Whether the next text follows a list mark.
    after_mark: bool,
    at_line_start: bool,
    in_code: bool,
    table: Option<Vec<Vec<String>>>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => {
                self.mark('`');
                self.text(&code);
                self.mark('`');
            }
            Event::SoftBreak | Event::HardBreak => self.text("\n"),
            Event::Rule => {
                self.open_block();
                self.text("---");
                self.close_block();
            }
            Event::TaskListMarker(done) => self.text(if done { "[x] " } else { "[ ] " }),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text)
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.open_block(),
            Tag::Heading { .. } => {
                self.open_block();
                self.bold(true);
            }
            Tag::BlockQuote(_) => {
                self.open_block();
                self.quotes += 1;
            }
            Tag::CodeBlock(_) => {
                self.open_block();
                self.text("```\n");
                self.in_code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.open_block();
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Strong => self.bold(true),
            Tag::Emphasis => self.mark('_'),
            Tag::Strikethrough => self.mark('~'),
            Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
                self.open_link(&format!("mailto:{dest_url}"));
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.open_link(&dest_url),
            Tag::Table(_) => {
                self.open_block();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => self.table.iter_mut().for_each(|rows| rows.push(Vec::new())),
            Tag::TableCell => {
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(String::new());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.close_block(),
            TagEnd::Heading(_) => {
                self.bold(false);
                self.close_block();
            }
            TagEnd::BlockQuote(_) => {
                self.quotes -= 1;
                self.close_block();
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                if !self.out.ends_with('\n') {
                    self.text("\n");
                }
                self.text("```");
                self.close_block();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.close_block();
                }
            }
            TagEnd::Strong => self.bold(false),
            TagEnd::Emphasis => self.mark('_'),
            TagEnd::Strikethrough => self.mark('~'),
            TagEnd::Link | TagEnd::Image => self.close_link(),
            TagEnd::Table => self.close_table(),
            _ => {}
        }
    }

    /// Separates a new block from what stands before: a blank line, in lists a line break.
    fn open_block(&mut self) {
        if self.after_mark {
            self.after_mark = false;
            return;
        }
        if self.needs_gap && !self.out.is_empty() {
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            if self.lists.is_empty() && self.quotes == 0 {
                self.out.push('\n');
            }
            self.at_line_start = true;
        }
        self.needs_gap = false;
    }

    fn close_block(&mut self) {
        self.needs_gap = true;
    }

    fn item(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.needs_gap = false;
        self.at_line_start = false;
        if self.quotes > 0 {
            self.out.push_str("&gt; ");
        }
        for _ in 1..self.lists.len().min(INDENT_MAX) {
            self.out.push_str("    ");
        }
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.out.push_str(&format!("{number}. "));
                *number = number.saturating_add(1);
            }
            _ => self.out.push_str("• "),
        }
        self.after_mark = true;
    }

    fn bold(&mut self, opens: bool) {
        if opens {
            self.bold += 1;
        }
        if self.bold == 1 {
            self.mark('*');
        }
        if !opens {
            self.bold = self.bold.saturating_sub(1);
        }
    }

    /// A style mark, which has no effect inside a link's label or in a table.
    fn mark(&mut self, mark: char) {
        if self.links == 0 && self.table.is_none() {
            self.line_prefix();
            self.out.push(mark);
        }
    }

    fn open_link(&mut self, url: &str) {
        self.links += 1;
        if self.links > 1 || url.is_empty() || self.table.is_some() {
            return;
        }
        self.line_prefix();
        let url = escaped_url(url);
        if is_link(&url) {
            self.out.push('<');
            self.out.push_str(&url);
            self.out.push('|');
        }
        self.link = Some((url, self.out.len()));
    }

    fn close_link(&mut self) {
        self.links = self.links.saturating_sub(1);
        if self.links > 0 {
            return;
        }
        let Some((url, label)) = self.link.take() else { return };
        let shown = &self.out[label..];
        let bare = shown.is_empty() || shown == url || url.strip_prefix("mailto:") == Some(shown);
        match (is_link(&url), bare) {
            (true, true) => {
                self.out.truncate(label - 1);
                self.out.push('>');
            }
            (true, false) => self.out.push('>'),
            (false, true) => {}
            (false, false) => self.out.push_str(&format!(" ({url})")),
        }
    }

    fn close_table(&mut self) {
        let rows = self.table.take().unwrap_or_default();
        self.text("```\n");
        self.in_code = true;
        for row in aligned(&rows) {
            self.text(row.trim_end());
            self.text("\n");
        }
        self.in_code = false;
        self.text("```");
        self.close_block();
    }

    fn text(&mut self, text: &str) {
        if let Some(rows) = &mut self.table {
            if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                cell.push_str(&text.replace('\n', " "));
            }
            return;
        }
        self.after_mark = false;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            if c == '\n' {
                self.line_break();
            } else {
                self.line_prefix();
                if let Some(end) = self.mention_end(text, at) {
                    self.out.push_str(&text[at..end]);
                    at = end;
                    continue;
                }
                push_escaped(&mut self.out, c);
            }
            at += c.len_utf8();
        }
    }

    fn line_break(&mut self) {
        if self.links > 0 {
            self.out.push(' ');
            return;
        }
        self.line_prefix();
        self.out.push('\n');
        self.at_line_start = true;
    }

    /// Starts a line of a quote, or of a list item that goes on.
    fn line_prefix(&mut self) {
        if !self.at_line_start && !self.out.is_empty() {
            return;
        }
        self.at_line_start = false;
        if self.quotes > 0 {
            self.out.push_str("&gt; ");
        }
        if !self.in_code {
            for _ in 0..self.lists.len().min(INDENT_MAX) {
                self.out.push_str("    ");
            }
        }
    }

    /// The end of Slack's own `<@U…>`, `<#C…>` or `<!…>` at this place in running text.
    fn mention_end(&self, text: &str, at: usize) -> Option<usize> {
        if self.in_code || self.links > 0 || !text[at..].starts_with('<') {
            return None;
        }
        let (angle, end) = inline::angle_at(text, at, text.len())?;
        let clean = !text[at..end].contains('&') && !matches!(angle, Angle::Link { .. });
        clean.then_some(end)
    }
}

/// Whether mrkdwn can link to an address: a relative one it cannot, so that it is shown behind its label.
fn is_link(url: &str) -> bool {
    matches!(inline::angle(url), Some(Angle::Link { label: None, .. }))
}

/// An address in which nothing can end the link early.
fn escaped_url(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '|' => out.push_str("%7C"),
            ' ' => out.push_str("%20"),
            c if c.is_whitespace() || c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).min(COLUMN_MAX)).collect();
    rows.iter().map(|row| aligned_row(row, &widths)).collect()
}

fn aligned_row(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join(" | ")
}

fn push_quote(out: &mut String, text: &str) {
    let mut inner = String::with_capacity(text.len());
    push_markdown(&mut inner, text);
    for (number, line) in inner.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push_str("> ");
        out.push_str(line);
    }
}

fn push_markdown(out: &mut String, text: &str) {
    let mut open: Vec<&'static str> = Vec::with_capacity(3);
    for leaf in inline::leaves(text) {
        change_style(out, &mut open, leaf.style);
        match leaf.kind {
            Kind::Text(text) => out.push_str(&inline::unescape(text)),
            Kind::Code(text) => push_between(out, "`", &inline::unescape(text)),
            Kind::Emoji(name) => push_between(out, ":", name),
            Kind::Angle(angle) => push_angle(out, angle),
        }
    }
    change_style(out, &mut open, Style::default());
}

fn push_between(out: &mut String, mark: &str, text: &str) {
    out.push_str(mark);
    out.push_str(text);
    out.push_str(mark);
}

/// Closes the marks that no longer hold, innermost first, and opens the ones that are new.
fn change_style(out: &mut String, open: &mut Vec<&'static str>, style: Style) {
    let wanted = [(style.bold, "**"), (style.italic, "_"), (style.strike, "~~")];
    let holds = |mark: &&str| wanted.iter().any(|(on, wanted)| *on && wanted == mark);
    while !open.iter().all(holds) {
        out.push_str(open.pop().unwrap_or_default());
    }
    for (on, mark) in wanted {
        if on && !open.contains(&mark) {
            out.push_str(mark);
            open.push(mark);
        }
    }
}

fn push_angle(out: &mut String, angle: Angle<'_>) {
    let (mark, shown) = match angle {
        Angle::Link { url, label: Some(label) } => {
            let (label, url) = (inline::unescape(label), inline::unescape(url));
            out.push_str(&format!("[{label}]({url})"));
            return;
        }
        Angle::Link { url, label: None } => ("", url.strip_prefix("mailto:").unwrap_or(url)),
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
mod tests {
    use super::*;

    #[test]
    fn from_markdown() {
        let cases = [
            ("", ""),
            ("**x**", "*x*"),
            ("*i* _i_ ~~s~~ `c<d`", "_i_ _i_ ~s~ `c&lt;d`"),
            ("[t](https://x.example?a=1&b=2)", "<https://x.example?a=1&amp;b=2|t>"),
            ("<https://x.example>", "<https://x.example>"),
            ("[**b**](https://x.example)", "<https://x.example|b>"),
            ("[t](docs/a.md) <ann@x.example>", "t (docs/a.md) <mailto:ann@x.example>"),
            ("![alt](https://x.example/i.png)", "<https://x.example/i.png|alt>"),
            ("# Head **b**\n\ntext", "*Head b*\n\ntext"),
            ("a\nb\n\nc & <d>", "a\nb\n\nc &amp; &lt;d&gt;"),
            ("- a\n- b\n  1. c\n  2. d\n\nend", "• a\n• b\n    1. c\n    2. d\n\nend"),
            ("- a\n\n  more\n- b", "• a\n    more\n• b"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("> q1\n> q2\n\nx", "&gt; q1\n&gt; q2\n\nx"),
            ("```rust\na < b\n```", "```\na &lt; b\n```"),
            ("|a|b|\n|-|-|\n|long|x|", "```\na    | b\nlong | x\n```"),
            ("- [x] done", "• [x] done"),
            ("hi <@U1> and <!here>", "hi <@U1> and <!here>"),
            ("a &amp;lt; b", "a &amp;lt; b"),
            ("x\n\n---\n\ny", "x\n\n---\n\ny"),
        ];
        for (given, wanted) in cases {
            assert_eq!(to_mrkdwn(given), wanted, "{given}");
        }
    }

    #[test]
    fn to_markdown() {
        let cases = [
            ("", ""),
            ("*b* _i_ ~s~ `c`", "**b** _i_ ~~s~~ `c`"),
            ("*b _bi_*", "**b _bi_**"),
            (
                "<https://x.example?a&amp;b|t> <https://x.example>",
                "[t](https://x.example?a&b) https://x.example",
            ),
            ("<@U1> <@U1|ann> <#C1|ops> <!here>", "@U1 @ann #ops @here"),
            ("*hi <@U1> there*", "**hi @U1 there**"),
            ("1 &lt; 2 &amp;amp;", "1 < 2 &amp;"),
            ("&gt; a\n&gt; b\nc", "> a\n> b\nc"),
            ("```x```", "```\nx\n```"),
            ("a :tada:", "a :tada:"),
        ];
        for (given, wanted) in cases {
            assert_eq!(from_mrkdwn(given), wanted, "{given}");
        }
    }

    #[test]
    fn long_hostile_texts_are_survived() {
        for piece in ["> ", "- ", "[", "![", "*a ", "|a", "`", "<", "1. ", "**", "[a](b) ", "\n>", "&"] {
            let text = piece.repeat(30_000 / piece.len());
            let _ = to_mrkdwn(&text);
            let _ = from_mrkdwn(&text);
        }
    }
}
