//! Builds lines from what the readers of Markdown and HTML meet: blocks, items, styles and text.

use super::mentions::Mentions;
use super::runs::tidy;
use super::{Body, INDENT_MAX, Line, Mark, Run, Style, What, mrkdwn};
use crate::slack::inline::{self, Angle};

/// Table columns are padded up to this width, so that output stays in proportion to input.
const COLUMN_MAX: usize = 40;

/// What is open while a text is read.
pub(crate) struct Builder<'a> {
    lines: Vec<Line>,
    runs: Vec<Run>,
    mentions: &'a Mentions,
    /// Whether Slack's own `<@U…>`, `<#C…>` and `<!…>` mean something.
    slack_syntax: bool,
    /// How many of each are open.
    pub bold: usize,
    pub italic: usize,
    pub strike: usize,
    pub code: usize,
    heading: bool,
    quotes: usize,
    links: usize,
    /// Address, label so far and style of the outermost open link.
    link: Option<(String, String, Style)>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Of an item whose first line has not been written.
    mark: Option<Mark>,
    /// Whether the next block stands apart from what was before.
    gap: bool,
    preformatted: Option<String>,
    table: Option<Vec<Vec<String>>>,
}

impl<'a> Builder<'a> {
    pub fn new(mentions: &'a Mentions, slack_syntax: bool) -> Self {
        Self {
            lines: Vec::new(),
            runs: Vec::new(),
            mentions,
            slack_syntax,
            bold: 0,
            italic: 0,
            strike: 0,
            code: 0,
            heading: false,
            quotes: 0,
            links: 0,
            link: None,
            lists: Vec::new(),
            mark: None,
            gap: false,
            preformatted: None,
            table: None,
        }
    }

    /// All lines, without blank ones at the end.
    pub fn finish(mut self) -> Vec<Line> {
        while self.links > 0 {
            self.close_link();
        }
        self.close_code();
        self.close_table();
        self.flush();
        while self.lines.last().is_some_and(Line::is_blank) {
            self.lines.pop();
        }
        self.lines
    }

    /// Begins a paragraph, quote, list, table or code: with a blank line before it, except in lists.
    pub fn open_block(&mut self) {
        if self.mark.is_some() && self.runs.is_empty() {
            return;
        }
        self.flush();
        if self.gap && self.lists.is_empty() && self.lines.last().is_some_and(|last| !last.is_blank()) {
            self.lines.push(Line { quote: self.quotes > 0, ..Line::default() });
        }
        self.gap = false;
    }

    pub fn close_block(&mut self) {
        self.flush();
        self.gap = true;
    }

    pub fn open_heading(&mut self) {
        self.open_block();
        self.heading = true;
    }

    pub fn close_heading(&mut self) {
        self.close_block();
        self.heading = false;
    }

    pub fn open_quote(&mut self) {
        self.open_block();
        self.quotes += 1;
    }

    pub fn close_quote(&mut self) {
        self.close_block();
        self.quotes = self.quotes.saturating_sub(1);
    }

    pub fn open_list(&mut self, first: Option<u64>) {
        if self.lists.is_empty() {
            self.open_block();
        }
        self.flush();
        self.lists.push(first);
    }

    pub fn close_list(&mut self) {
        self.flush();
        self.lists.pop();
        self.gap |= self.lists.is_empty();
    }

    pub fn item(&mut self) {
        self.flush();
        self.gap = false;
        self.mark = Some(match self.lists.last_mut() {
            Some(Some(number)) => {
                *number = number.saturating_add(1);
                Mark::Number(*number - 1)
            }
            _ => Mark::Bullet,
        });
    }

    pub fn open_code(&mut self) {
        self.open_block();
        self.flush();
        self.preformatted = Some(String::new());
    }

    pub fn close_code(&mut self) {
        let Some(code) = self.preformatted.take() else { return };
        let code = code.strip_suffix('\n').unwrap_or(&code).to_owned();
        self.push_line(Body::Code(code), Mark::None);
        self.gap = true;
    }

    pub fn rule(&mut self) {
        self.open_block();
        self.flush();
        self.push_line(Body::Rule, Mark::None);
        self.gap = true;
    }

    pub fn open_table(&mut self) {
        self.open_block();
        self.flush();
        self.table = Some(Vec::new());
    }

    pub fn row(&mut self) {
        self.table.iter_mut().for_each(|rows| rows.push(Vec::new()));
    }

    pub fn cell(&mut self) {
        if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
            row.push(String::new());
        }
    }

    /// Mrkdwn has no tables: the columns are aligned with spaces.
    pub fn close_table(&mut self) {
        let Some(rows) = self.table.take() else { return };
        if !rows.is_empty() {
            self.push_line(Body::Code(aligned(&rows)), Mark::None);
        }
        self.gap = true;
    }

    pub fn open_link(&mut self, url: &str) {
        self.open_line();
        self.links += 1;
        if self.links == 1 {
            let url = url.chars().filter(|c| !c.is_control()).collect();
            self.link = Some((url, String::new(), self.style()));
        }
    }

    pub fn close_link(&mut self) {
        self.links = self.links.saturating_sub(1);
        if self.links > 0 {
            return;
        }
        let Some((url, label, style)) = self.link.take() else { return };
        let bare = label.is_empty() || label == url || url.strip_prefix("mailto:") == Some(&label);
        let what = match (mrkdwn::is_link(&url), bare) {
            (true, true) => What::Link { url, label: String::new() },
            (true, false) => What::Link { url, label },
            (false, true) => What::Text(if label.is_empty() { url } else { label }),
            (false, false) if url.is_empty() => What::Text(label),
            (false, false) => What::Text(format!("{label} ({url})")),
        };
        self.runs.push(Run { what, style });
    }

    /// Text with line breaks in it.
    pub fn text(&mut self, text: &str) {
        if let Some(code) = &mut self.preformatted {
            code.push_str(&self.mentions.restored(text));
            return;
        }
        if let Some(rows) = &mut self.table {
            if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                cell.push_str(&self.mentions.named(text).replace('\n', " "));
            }
            return;
        }
        for (number, piece) in text.split('\n').enumerate() {
            if number > 0 {
                self.line_break();
            }
            self.piece(piece.strip_suffix('\r').unwrap_or(piece));
        }
    }

    /// A span of code.
    pub fn code(&mut self, text: &str) {
        self.code += 1;
        self.text(text);
        self.code -= 1;
    }

    pub fn line_break(&mut self) {
        if self.preformatted.is_some() || self.table.is_some() {
            return self.text("\n");
        }
        if let Some((_, label, _)) = &mut self.link {
            return label.push(' ');
        }
        if self.runs.is_empty() && self.mark.is_none() {
            if !self.lines.is_empty() {
                self.lines.push(Line { quote: self.quotes > 0, ..Line::default() });
            }
            return;
        }
        self.flush();
    }

    pub fn is_preformatted(&self) -> bool {
        self.preformatted.is_some()
    }

    /// Whether nothing stands on the line yet.
    pub fn starts_line(&self) -> bool {
        self.runs.is_empty() && self.link.is_none() && self.table.is_none()
    }

    /// Words right behind a block stand apart from it.
    fn open_line(&mut self) {
        if self.gap && self.starts_line() {
            self.open_block();
        }
    }

    fn piece(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.open_line();
        let mentions = self.mentions;
        if let Some((_, label, _)) = &mut self.link {
            label.push_str(&mentions.named(text));
            return;
        }
        if self.code > 0 {
            let text = mentions.restored(text).into_owned();
            let style = self.style();
            return match self.runs.last_mut() {
                Some(Run { what: What::Code(code), style: last }) if *last == style => code.push_str(&text),
                _ => self.runs.push(Run { what: What::Code(text), style }),
            };
        }
        for part in mentions.parts(text) {
            match part {
                Ok(text) if self.slack_syntax => self.with_slack_syntax(text),
                Ok(text) => self.prose(text),
                Err(what) => self.runs.push(Run { what, style: self.style() }),
            }
        }
    }

    fn with_slack_syntax(&mut self, text: &str) {
        let (mut copied, mut at) = (0, 0);
        while let Some(open) = text[at..].find('<').map(|n| at + n) {
            at = open + 1;
            let Some((angle, end)) = inline::angle_at(text, open, text.len()) else { continue };
            let syntax = &text[open..end];
            if syntax.contains('&') || matches!(angle, Angle::Link { .. }) {
                continue;
            }
            self.prose(&text[copied..open]);
            self.runs.push(Run { what: What::Slack(syntax.to_owned()), style: self.style() });
            (copied, at) = (end, end);
        }
        self.prose(&text[copied..]);
    }

    /// Plain words, in which addresses become links.
    fn prose(&mut self, text: &str) {
        let style = self.style();
        mrkdwn::push_linked(&mut self.runs, text, style);
    }

    fn style(&self) -> Style {
        Style { bold: self.bold > 0, italic: self.italic > 0, strike: self.strike > 0 }
    }

    fn flush(&mut self) {
        let mark = self.mark.take();
        if self.runs.is_empty() && mark.is_none() {
            return;
        }
        let mut runs = std::mem::take(&mut self.runs);
        tidy(&mut runs);
        if runs.is_empty() && mark.is_none() {
            return;
        }
        let body = if self.heading { Body::Heading(runs) } else { Body::Text(runs) };
        self.push_line(body, mark.unwrap_or_default());
    }

    fn push_line(&mut self, body: Body, mark: Mark) {
        let depth = self.lists.len().min(INDENT_MAX + 1);
        let indent = match (&body, mark) {
            (Body::Code(_) | Body::Rule, _) => 0,
            (_, Mark::None) => depth.min(INDENT_MAX),
            _ => depth.saturating_sub(1),
        };
        self.lines.push(Line { quote: self.quotes > 0, indent, mark, body });
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width).min(COLUMN_MAX);
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
