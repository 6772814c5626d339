//! A text as lines of styled runs: what mrkdwn, Markdown, Teams' HTML and `rich_text` have in common.
//!
//! Each notation has a reader, a writer or both. Lines do not nest: a list item knows how far it is indented, so that
//! neither reading nor writing recurses, however deep the input is.

pub(crate) mod build;
pub(crate) mod emoji;
mod entities;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod mentions;
pub(crate) mod mrkdwn;
pub(crate) mod rich_text;
pub(crate) mod runs;

pub(crate) use crate::slack::inline::Style;

/// List items and quotes are shown nested up to this depth; deeper ones stand at this depth.
pub(crate) const INDENT_MAX: usize = 8;

/// One line, or a block of code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub quote: bool,
    /// Depth of list items, from 0; of the lines that belong to an item, one more.
    pub indent: usize,
    pub mark: Mark,
    pub body: Body,
}

/// What stands before the text of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    #[default]
    None,
    Bullet,
    Number(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Runs without line breaks. A line with no runs and no mark is a blank line.
    Text(Vec<Run>),
    Heading(Vec<Run>),
    /// Preformatted text, with line breaks.
    Code(String),
    Rule,
}

/// A piece of a line and the styles that hold for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub what: What,
    pub style: Style,
}

/// What a [`Run`] shows. All texts are bare: neither escaped nor with colon names for emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Text(String),
    Code(String),
    /// An empty label shows the address.
    Link {
        url: String,
        label: String,
    },
    User(Person),
    /// Slack's own `<…>` syntax, kept from a text that Slack's dialect wrote.
    Slack(String),
}

/// Somebody who is mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Slack's `U…`.
    pub slack_id: String,
    /// Teams' `29:…` of a person, `28:…` of a bot.
    pub connector_id: String,
    /// The name that is shown.
    pub name: String,
}

/// Looks up who and what an id names. A name that the reader must not learn is not found.
pub trait Names {
    /// The person or bot behind an id of either API.
    fn user(&self, id: &str) -> Option<Person>;
    /// The name, without `#`, of the channel behind a Slack id.
    fn channel(&self, id: &str) -> Option<String>;
}

/// Names that are never found: mentions are shown as their ids.
pub struct NoNames;

impl Names for NoNames {
    fn user(&self, _: &str) -> Option<Person> {
        None
    }

    fn channel(&self, _: &str) -> Option<String> {
        None
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(Vec::new())
    }
}

impl Line {
    pub fn text(runs: Vec<Run>) -> Self {
        Self { body: Body::Text(runs), ..Self::default() }
    }

    pub fn is_blank(&self) -> bool {
        self.mark == Mark::None && matches!(&self.body, Body::Text(runs) if runs.is_empty())
    }

    pub fn runs(&self) -> &[Run] {
        match &self.body {
            Body::Text(runs) | Body::Heading(runs) => runs,
            Body::Code(_) | Body::Rule => &[],
        }
    }

    fn kind(&self) -> LineKind {
        match &self.body {
            Body::Text(_) if self.mark != Mark::None || self.indent > 0 => LineKind::List,
            Body::Text(_) => LineKind::Plain,
            Body::Heading(_) | Body::Code(_) | Body::Rule => LineKind::Alone,
        }
    }
}

/// Which lines Markdown and HTML put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Plain,
    List,
    Alone,
}

impl Run {
    pub fn text(text: impl Into<String>, style: Style) -> Self {
        Self { what: What::Text(text.into()), style }
    }
}

/// Whether there is anything that plain text with mentions cannot say.
pub(crate) fn has_markup(lines: &[Line]) -> bool {
    lines.iter().any(|line| {
        line.quote
            || line.mark != Mark::None
            || !matches!(line.body, Body::Text(_))
            || line.runs().iter().any(|run| {
                run.style != Style::default()
                    || match &run.what {
                        What::Code(_) => true,
                        What::Link { url, label } => {
                            (!label.is_empty() && url != label) || url.starts_with("mailto:")
                        }
                        What::Text(text) => text.contains("<at"),
                        What::User(_) | What::Slack(_) => false,
                    }
            })
    })
}

/// Everybody mentioned, in order and as often as they are.
pub(crate) fn mentioned(lines: &[Line]) -> impl Iterator<Item = &Person> {
    lines.iter().flat_map(Line::runs).filter_map(|run| match &run.what {
        What::User(person) => Some(person),
        _ => None,
    })
}

/// Lines as plain text; people as `name` shows them.
pub(crate) fn plain(lines: &[Line], name: &dyn Fn(&Person) -> String) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        for _ in 0..line.indent {
            out.push_str("    ");
        }
        match line.mark {
            Mark::None => {}
            Mark::Bullet => out.push_str("• "),
            Mark::Number(number) => out.push_str(&format!("{number}. ")),
        }
        match &line.body {
            Body::Code(code) => out.push_str(code),
            Body::Rule => out.push_str("---"),
            Body::Text(runs) | Body::Heading(runs) => {
                for run in runs {
                    match &run.what {
                        What::Text(text) | What::Code(text) | What::Slack(text) => out.push_str(text),
                        What::Link { url, label } if label.is_empty() => out.push_str(bare(url)),
                        What::Link { label, .. } => out.push_str(label),
                        What::User(person) => out.push_str(&name(person)),
                    }
                }
            }
        }
    }
    out
}

/// An address as it is shown.
pub(crate) fn bare(url: &str) -> &str {
    url.strip_prefix("mailto:").unwrap_or(url)
}

/// Style marks around runs, innermost closed first. Each array is for bold, italic and strike-through.
struct Styles {
    opening: [&'static str; 3],
    closing: [&'static str; 3],
    open: Vec<usize>,
}

impl Styles {
    fn new(opening: [&'static str; 3], closing: [&'static str; 3]) -> Self {
        Self { opening, closing, open: Vec::with_capacity(3) }
    }

    /// Closes the marks that no longer hold and opens those that are new.
    fn change(&mut self, out: &mut String, style: Style) {
        let wanted = [style.bold, style.italic, style.strike];
        while !self.open.iter().all(|open| wanted[*open]) {
            out.push_str(self.open.pop().map_or("", |open| self.closing[open]));
        }
        for (mark, on) in wanted.into_iter().enumerate() {
            if on && !self.open.contains(&mark) {
                out.push_str(self.opening[mark]);
                self.open.push(mark);
            }
        }
    }
}
