//! Slack's mrkdwn, in the stored, escaped form.

use super::runs::{push_text, tidy};
use super::{Body, INDENT_MAX, Line, Mark, Names, NoNames, Run, Style, Styles, What, bare, emoji};
use crate::slack::inline::{self, Angle, Kind, Segment};
use crate::slack::text::{self, Parse, push_escaped};

/// Reads a stored text.
pub(crate) fn read(text: &str, names: &dyn Names) -> Vec<Line> {
    let mut lines = Vec::new();
    for segment in inline::segments(text) {
        match segment {
            Segment::Section(text) => {
                text.split('\n').for_each(|line| lines.push(line_of(line, false, names)))
            }
            Segment::Quote(text) => text.split('\n').for_each(|line| lines.push(line_of(line, true, names))),
            Segment::Preformatted(code) => {
                lines.push(Line { body: Body::Code(inline::unescape(code).into_owned()), ..Line::default() });
            }
        }
    }
    lines
}

/// Reads a stored text in which only `<…>` and entities mean something, as in a post with `mrkdwn` off.
pub(crate) fn read_unmarked(text: &str, names: &dyn Names) -> Vec<Line> {
    let line = |line: &str| {
        let (mut runs, mut copied, mut at) = (Vec::new(), 0, 0);
        while let Some(open) = line[at..].find('<').map(|n| at + n) {
            at = open + 1;
            let Some((angle, end)) = inline::angle_at(line, open, line.len()) else { continue };
            push_text(&mut runs, &inline::unescape(&line[copied..open]), Style::default());
            push_angle(&mut runs, angle, Style::default(), names);
            (copied, at) = (end, end);
        }
        push_text(&mut runs, &inline::unescape(&line[copied..]), Style::default());
        Line::text(runs)
    };
    text.split('\n').map(line).collect()
}

/// Writes lines as a stored text.
pub(crate) fn write(lines: &[Line]) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        if line.quote {
            out.push_str(if line.is_blank() { "&gt;" } else { "&gt; " });
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
            Body::Text(runs) => push_runs(&mut out, runs, false),
            Body::Heading(runs) => push_runs(&mut out, runs, true),
            Body::Rule => out.push_str("---"),
            Body::Code(code) => push_code(&mut out, code, line.quote),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Whether mrkdwn can link to an address: a relative one it cannot.
pub(crate) fn is_link(url: &str) -> bool {
    matches!(inline::angle(&escaped_url(url)), Some(Angle::Link { label: None, .. }))
}

/// Adds words to `runs`, with addresses as links.
pub(crate) fn push_linked(runs: &mut Vec<Run>, words: &str, style: Style) {
    if !words.contains("://") && !words.contains("www.") {
        return push_text(runs, words, style);
    }
    // A backtick is no mark here, and would keep addresses from being found.
    for (number, piece) in words.split('`').enumerate() {
        if number > 0 {
            push_text(runs, "`", style);
        }
        let nobody = text::Names { channel: &|_| None };
        let found = text::normalise(&text::escape(piece), Parse::Default, false, &nobody);
        for line in read_unmarked(&found, &NoNames) {
            for run in line.runs() {
                match &run.what {
                    What::Text(text) => push_text(runs, text, style),
                    what => runs.push(Run { what: what.clone(), style }),
                }
            }
        }
    }
}

/// What stands between `<` and `>`, as a run.
fn push_angle(runs: &mut Vec<Run>, angle: Angle<'_>, style: Style, names: &dyn Names) {
    let named = |mark: char, label: Option<&str>, name: Option<String>, id: &str| {
        let shown = name.or_else(|| label.map(|label| inline::unescape(label).into_owned()));
        let shown = shown.unwrap_or_else(|| id.to_owned());
        if shown.starts_with(mark) { shown } else { format!("{mark}{shown}") }
    };
    let what = match angle {
        Angle::Link { url, label } => {
            let label = label.map(inline::unescape).unwrap_or_default().into_owned();
            What::Link { url: inline::unescape(url).into_owned(), label }
        }
        Angle::Date { url: Some(url), fallback, .. } => What::Link {
            url: inline::unescape(url).into_owned(),
            label: inline::unescape(fallback).into_owned(),
        },
        Angle::Date { fallback, .. } => What::Text(inline::unescape(fallback).into_owned()),
        Angle::Broadcast { range } => What::Text(format!("@{range}")),
        Angle::Group { id, label } => What::Text(named('@', label, None, id)),
        Angle::Channel { id, label } => What::Text(named('#', label, names.channel(id), id)),
        Angle::User { id, label } => match names.user(id) {
            Some(person) => What::User(person),
            None => What::Text(named('@', label, None, id)),
        },
    };
    match what {
        What::Text(text) => push_text(runs, &text, style),
        what => runs.push(Run { what, style }),
    }
}

fn line_of(line: &str, quote: bool, names: &dyn Names) -> Line {
    let (indent, mark, text) = item(line);
    let mut runs = Vec::new();
    let mut toned = None;
    for leaf in inline::leaves(text) {
        let style = leaf.style;
        let emoji_before = toned.take();
        match leaf.kind {
            Kind::Text(text) => push_text(&mut runs, &inline::unescape(text), style),
            Kind::Code(code) => {
                runs.push(Run { what: What::Code(inline::unescape(code).into_owned()), style });
            }
            Kind::Angle(angle) => push_angle(&mut runs, angle, style, names),
            Kind::Emoji(name) => toned = push_emoji(&mut runs, name, style, emoji_before),
        }
    }
    tidy(&mut runs);
    Line { quote, indent, mark, body: Body::Text(runs) }
}

/// Bare text with its `:name:` as emoji.
pub(crate) fn with_emoji(text: &str) -> String {
    if !text.contains(':') {
        return text.to_owned();
    }
    let mut runs = Vec::new();
    let mut toned = None;
    for leaf in inline::emoji_leaves(text) {
        let emoji_before = toned.take();
        match leaf {
            Kind::Emoji(name) => toned = push_emoji(&mut runs, name, Style::default(), emoji_before),
            Kind::Text(text) => push_text(&mut runs, text, Style::default()),
            Kind::Code(_) | Kind::Angle(_) => {}
        }
    }
    runs.into_iter().map(|run| if let What::Text(text) = run.what { text } else { String::new() }).collect()
}

/// Adds an emoji; a skin tone changes the one right before it. Gives back the length and name of an emoji that a tone may
/// follow.
fn push_emoji<'a>(
    runs: &mut Vec<Run>,
    name: &'a str,
    style: Style,
    before: Option<(usize, &str)>,
) -> Option<(usize, &'a str)> {
    if let Some((len, base)) = before.filter(|_| emoji::is_tone(name))
        && let Some(sign) = emoji::from_name(&format!("{base}::{name}"))
    {
        shorten(runs, len);
        push_text(runs, sign, style);
        return None;
    }
    let Some(sign) = emoji::from_name(name) else {
        push_text(runs, &format!(":{name}:"), style);
        return None;
    };
    push_text(runs, sign, style);
    Some((sign.len(), name))
}

fn shorten(runs: &mut [Run], len: usize) {
    if let Some(Run { what: What::Text(text), .. }) = runs.last_mut() {
        text.truncate(text.len() - len);
    }
}

/// The mark of a list item and what follows it. A hyphen is no mark: Slack shows it as it is.
fn item(line: &str) -> (usize, Mark, &str) {
    let text = line.trim_start_matches([' ', '\t']);
    let spaces: usize = line[..line.len() - text.len()].bytes().map(|b| if b == b'\t' { 4 } else { 1 }).sum();
    let indent = (spaces / 4).min(INDENT_MAX);
    for bullet in ["• ", "◦ ", "▪︎ ", "▪ "] {
        if let Some(rest) = text.strip_prefix(bullet) {
            return (indent, Mark::Bullet, rest);
        }
    }
    let digits = text.bytes().take(9).take_while(u8::is_ascii_digit).count();
    match (text[..digits].parse(), text[digits..].strip_prefix(". ")) {
        (Ok(number), Some(rest)) => (indent, Mark::Number(number), rest),
        _ => (0, Mark::None, line),
    }
}

fn push_code(out: &mut String, code: &str, quote: bool) {
    let before = if quote { "\n&gt; " } else { "\n" };
    out.push_str("```");
    for line in code.split('\n') {
        out.push_str(before);
        // Three backticks would end the block: an invisible space keeps them apart.
        text::escape(&line.replace("```", "``\u{200B}`")).chars().for_each(|c| out.push(c));
    }
    out.push_str(before);
    out.push_str("```");
}

fn push_runs(out: &mut String, runs: &[Run], bold: bool) {
    let mut styles = Styles::new(["*", "_", "~"], ["*", "_", "~"]);
    for run in runs {
        styles.change(out, Style { bold: run.style.bold || bold, ..run.style });
        match &run.what {
            What::Text(text) => emoji::to_names(text).chars().for_each(|c| push_escaped(out, c)),
            What::Code(code) => {
                out.push('`');
                // There is no way to put a backtick into a span of code.
                code.chars().for_each(|c| push_escaped(out, if c == '`' { 'ˋ' } else { c }));
                out.push('`');
            }
            What::Link { url, label } => {
                out.push('<');
                out.push_str(&escaped_url(url));
                if !label.is_empty() && label != bare(url) {
                    out.push('|');
                    emoji::to_names(label).chars().for_each(|c| push_escaped(out, c));
                }
                out.push('>');
            }
            What::User(person) => {
                out.push_str("<@");
                out.push_str(&person.slack_id);
                out.push('>');
            }
            What::Slack(syntax) => out.push_str(syntax),
        }
    }
    styles.change(out, Style::default());
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
