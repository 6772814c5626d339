//! What commands print, and why they fail.

use redraft_model::name::{escaped, escaped_lines};
use serde_json::Value;

/// Why a command failed; printed as it is.
pub type Failure = Box<dyn std::error::Error>;

/// Prints to standard output, line breaks and tabs as they are and other control characters escaped: a name cannot move
/// the terminal's cursor. A reader that went away is no failure.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", escaped_lines(text));
}

/// Prints to standard error, escaped like [`say`].
pub fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "redraft: {}", escaped_lines(text));
}

/// Prints JSON, indented.
pub fn show(value: &Value) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Rows under their names, as wide as the widest; each on one line whatever is in it.
pub fn table(rows: &Value, columns: &[&str]) {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text).into_owned(),
        other => escaped(&other.to_string()).into_owned(),
    };
    let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let body = rows
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| columns.iter().map(|name| cell(&row[*name])).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(body).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for line in &lines {
        let padded: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        say(padded.join("  ").trim_end());
    }
}
