//! Runs of a line, one after another.

use super::{Run, Style, What};

/// Takes the space at the end of the line away, and the styles from spaces at their edges: `** a **` is no bold text
/// in any notation.
pub(crate) fn tidy(runs: &mut Vec<Run>) {
    let mut tidied: Vec<Run> = Vec::with_capacity(runs.len());
    let styles: Vec<Style> = runs.iter().map(|run| run.style).collect();
    for (at, run) in runs.drain(..).enumerate() {
        let What::Text(text) = &run.what else {
            tidied.push(run);
            continue;
        };
        let before = at.checked_sub(1).map_or(Style::default(), |before| styles[before]);
        let after = styles.get(at + 1).copied().unwrap_or_default();
        let words = text.trim_start();
        let start = text.len() - words.len();
        let end = start + words.trim_end().len();
        push_text(
            &mut tidied,
            &text[..start],
            both(run.style, if end > start { before } else { both(before, after) }),
        );
        push_text(&mut tidied, &text[start..end], run.style);
        push_text(&mut tidied, &text[end..], both(run.style, after));
    }
    if let Some(Run { what: What::Text(text), .. }) = tidied.last_mut() {
        text.truncate(text.trim_end().len());
        if text.is_empty() {
            tidied.pop();
        }
    }
    *runs = tidied;
}

/// Adds words; of the style of the last run they go on in it.
pub(crate) fn push_text(runs: &mut Vec<Run>, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    match runs.last_mut() {
        Some(Run { what: What::Text(last), style: held }) if *held == style => last.push_str(text),
        _ => runs.push(Run::text(text, style)),
    }
}

fn both(a: Style, b: Style) -> Style {
    Style { bold: a.bold && b.bold, italic: a.italic && b.italic, strike: a.strike && b.strike }
}
