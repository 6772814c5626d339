//! Inputs of Adaptive Cards: their values as clients send them.
//!
//! What is checked follows the page on
//! [input validation](https://learn.microsoft.com/adaptive-cards/authoring-cards/input-validation), what is sent the
//! public JavaScript renderer: every value is a string, and an input that is not set is left out.

use super::json::text;
use serde_json::{Map, Number, Value};

/// How many steps a pattern may take on a value. Patterns come from bots.
const PATTERN_STEPS_MAX: usize = 100_000;

/// An input of a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Input<'a> {
    /// `id`, under which its value is sent.
    pub id: &'a str,
    /// `label`, which stands beside it.
    pub label: Option<&'a str>,
    /// Whether it has to be set; a toggle has to be on.
    pub is_required: bool,
    /// `errorMessage`: the card's own words for a wrong value.
    pub error_message: Option<&'a str>,
    /// What it accepts, and within which bounds.
    pub kind: InputKind<'a>,
    /// Its value as long as nobody touches it; `None` if it is not set.
    pub default: Option<String>,
}

/// What an input takes.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind<'a> {
    /// `Input.Text`: text up to a length, perhaps by a pattern.
    Text {
        /// The most UTF-16 units.
        length_max: Option<u64>,
        /// A pattern that a part of the text has to fit.
        regex: Option<&'a str>,
    },
    /// A number.
    Number {
        /// The smallest number that is accepted.
        min: Option<f64>,
        /// The largest number that is accepted.
        max: Option<f64>,
    },
    /// A day, `2026-08-01`.
    Date {
        /// The first day that is accepted, `YYYY-MM-DD`.
        min: Option<&'a str>,
        /// The last day that is accepted, `YYYY-MM-DD`.
        max: Option<&'a str>,
    },
    /// A time of day, `17:30`.
    Time {
        /// The earliest time that is accepted, `HH:MM`.
        min: Option<&'a str>,
        /// The latest time that is accepted, `HH:MM`.
        max: Option<&'a str>,
    },
    /// `Input.Toggle`: one of two values.
    Toggle {
        /// The value that is sent when it is on (`valueOn`).
        on: &'a str,
        /// The value that is sent when it is off (`valueOff`).
        off: &'a str,
    },
    /// One or several of a list.
    ChoiceSet {
        /// Values with their titles.
        choices: Vec<Choice<'a>>,
        /// Whether several may be chosen.
        is_multiple: bool,
        /// Whether clients look further choices up, so that others than those listed may be chosen.
        is_open: bool,
    },
}

/// One choice of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The value that the bot receives.
    pub value: &'a str,
    /// The text that people read.
    pub title: &'a str,
}

impl<'a> Input<'a> {
    /// Reads an element. `None` for what is no input, or one without `id`, which sends nothing.
    pub fn read(element: &'a Map<String, Value>) -> Option<Input<'a>> {
        let number = |name| element.get(name).and_then(Value::as_f64);
        let kind = match text(element, "type")? {
            "Input.Text" => InputKind::Text {
                length_max: element.get("maxLength").and_then(Value::as_u64),
                regex: text(element, "regex"),
            },
            "Input.Number" => InputKind::Number { min: number("min"), max: number("max") },
            "Input.Rating" => InputKind::Number { min: Some(0.0), max: Some(number("max").unwrap_or(5.0)) },
            "Input.Date" => InputKind::Date { min: text(element, "min"), max: text(element, "max") },
            "Input.Time" => InputKind::Time { min: text(element, "min"), max: text(element, "max") },
            "Input.Toggle" => InputKind::Toggle {
                on: text(element, "valueOn").unwrap_or("true"),
                off: text(element, "valueOff").unwrap_or("false"),
            },
            "Input.ChoiceSet" => choice_set(element),
            _ => return None,
        };
        let input = Input {
            id: text(element, "id").filter(|id| !id.is_empty())?,
            label: text(element, "label"),
            is_required: element.get("isRequired") == Some(&Value::Bool(true)),
            error_message: text(element, "errorMessage"),
            kind,
            default: None,
        };
        let default = input.default_of(element.get("value").unwrap_or(&Value::Null));
        Some(Input { default, ..input })
    }

    /// The value that is sent when a person gives this one, or leaves the input as it is. `None`: the input is left
    /// out. `null`, an empty text and an empty list clear it.
    ///
    /// # Errors
    ///
    /// Why the value cannot be given: it is of a wrong type, not among the choices, out of bounds, does not fit the
    /// pattern, or is missing where it is required.
    pub fn value(&self, given: Option<&Value>) -> Result<Option<String>, String> {
        let value = match given {
            None => self.default.clone(),
            Some(given) => self.given(given).map_err(|reason| self.words(&reason))?,
        };
        // Only then: a default of the card may break the card's own rules, and is refused like a value that is given.
        match value.filter(|value| !value.is_empty()) {
            Some(value) => self.check(&value).map(|()| Some(value)).map_err(|reason| self.words(&reason)),
            None if self.is_required => Err(self.words("is required")),
            None => Ok(None),
        }
    }

    fn words(&self, reason: &str) -> String {
        let own = self.error_message.map(|words| format!(" (“{words}”)")).unwrap_or_default();
        format!("input '{}' {reason}{own}", self.id)
    }

    fn default_of(&self, value: &Value) -> Option<String> {
        match &self.kind {
            InputKind::Number { .. } => value.as_number().map(number_text),
            InputKind::Toggle { on, off } => {
                Some(if value.as_str() == Some(on) { *on } else { *off }.to_owned())
            }
            InputKind::ChoiceSet { choices, is_multiple, is_open } => {
                let value = value.as_str()?;
                let wanted: Vec<&str> =
                    if *is_multiple { value.split(',').map(str::trim).collect() } else { vec![value] };
                let known = choices.iter().map(|choice| choice.value).filter(|value| wanted.contains(value));
                let known: Vec<&str> = known.take(if *is_multiple { usize::MAX } else { 1 }).collect();
                match known.is_empty() && *is_open {
                    true => Some(value.to_owned()),
                    false => Some(known.join(",")),
                }
            }
            InputKind::Text { .. } | InputKind::Date { .. } | InputKind::Time { .. } => {
                value.as_str().map(str::to_owned)
            }
        }
        .filter(|value| !value.is_empty())
    }

    /// A given value as it would be sent.
    fn given(&self, given: &Value) -> Result<Option<String>, String> {
        let is_cleared = given.is_null() || given.as_str() == Some("");
        if is_cleared && !matches!(self.kind, InputKind::Toggle { .. }) {
            return Ok(None);
        }
        match (&self.kind, given) {
            (InputKind::Number { .. }, Value::Number(number)) => Ok(Some(number_text(number))),
            (InputKind::Toggle { on, .. }, Value::Bool(true)) => Ok(Some((*on).to_owned())),
            (InputKind::Toggle { off, .. }, Value::Bool(false) | Value::Null) => Ok(Some((*off).to_owned())),
            (InputKind::Toggle { on, off }, Value::String(text)) => match text.as_str() {
                text if text == *on || text == *off => Ok(Some(text.to_owned())),
                "true" => Ok(Some((*on).to_owned())),
                "false" => Ok(Some((*off).to_owned())),
                _ => Err(format!("is on ('{on}') or off ('{off}')")),
            },
            (InputKind::Toggle { on, off }, _) => Err(format!("is on ('{on}') or off ('{off}')")),
            (InputKind::ChoiceSet { choices, is_multiple, is_open }, given) => {
                chosen(choices, *is_multiple, *is_open, given)
            }
            (_, Value::String(text)) => Ok(Some(text.clone())),
            (InputKind::Text { .. }, Value::Number(number)) => Ok(Some(number_text(number))),
            (InputKind::Text { .. }, Value::Bool(value)) => Ok(Some(value.to_string())),
            (InputKind::Number { .. }, _) => Err("takes a number".to_owned()),
            (_, _) => Err("takes a text".to_owned()),
        }
    }

    fn check(&self, value: &str) -> Result<(), String> {
        match &self.kind {
            InputKind::Text { length_max, regex } => check_text(value, *length_max, *regex),
            InputKind::Number { min, max } => {
                let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                let number = number.ok_or("takes a number")?;
                within(number, *min, *max)
            }
            InputKind::Date { min, max } => {
                let date = day(value).ok_or("takes a date such as 2026-08-01")?;
                within(date, min.and_then(day), max.and_then(day))
            }
            InputKind::Time { min, max } => {
                let time = clock(value).ok_or("takes a time such as 17:30")?;
                within(time, min.and_then(clock), max.and_then(clock))
            }
            InputKind::Toggle { on, .. } if self.is_required && value != *on => {
                Err("has to be on".to_owned())
            }
            InputKind::Toggle { .. } | InputKind::ChoiceSet { .. } => Ok(()),
        }
    }
}

fn choice_set<'a>(element: &'a Map<String, Value>) -> InputKind<'a> {
    let choices = element.get("choices").and_then(Value::as_array).into_iter().flatten();
    let choice = |choice: &'a Map<String, Value>| {
        let value = text(choice, "value").or_else(|| text(choice, "title"))?;
        Some(Choice { value, title: text(choice, "title").unwrap_or(value) })
    };
    InputKind::ChoiceSet {
        choices: choices.filter_map(Value::as_object).filter_map(choice).collect(),
        is_multiple: element.get("isMultiSelect") == Some(&Value::Bool(true)),
        is_open: element.get("choices.data").is_some_and(Value::is_object),
    }
}

/// What a choice sends, or several in the order of the list, joined by commas.
fn chosen(
    choices: &[Choice<'_>],
    is_multiple: bool,
    is_open: bool,
    given: &Value,
) -> Result<Option<String>, String> {
    let one = |wanted: &str| {
        let by_value = choices.iter().position(|choice| choice.value == wanted);
        by_value.or_else(|| choices.iter().position(|choice| choice.title == wanted))
    };
    let wanted: Vec<String> = match given {
        Value::Array(list) if is_multiple => list.iter().map(plain).collect::<Result<_, _>>()?,
        single => {
            let text = plain(single)?;
            match is_multiple && one(&text).is_none() {
                true => text.split(',').map(|part| part.trim().to_owned()).collect(),
                false => vec![text],
            }
        }
    };
    let mut known = Vec::new();
    let mut others = Vec::new();
    for wanted in &wanted {
        match one(wanted) {
            Some(at) => known.push(at),
            None if is_open => others.push(wanted.as_str()),
            None => return Err(format!("has no choice '{wanted}'; there is {}", titles(choices))),
        }
    }
    known.sort_unstable();
    known.dedup();
    let values: Vec<&str> = known.into_iter().map(|at| choices[at].value).chain(others).collect();
    Ok(Some(values.join(",")))
}

/// How many choices an error names.
const LISTED_MAX: usize = 20;

fn titles(choices: &[Choice<'_>]) -> String {
    let names = choices.iter().take(LISTED_MAX).map(|choice| format!("'{}'", choice.value));
    let mut names: Vec<String> = names.collect();
    if LISTED_MAX < choices.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}

fn plain(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number_text(number)),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err("takes the value of a choice, or a list of them if several may be chosen".to_owned())
        }
    }
}

/// A number as JavaScript spells it: without a needless `.0`.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if !(number.is_i64() || number.is_u64()) => float.to_string(),
        _ => number.to_string(),
    }
}

/// Patterns that are not understood, or take more than [`PATTERN_STEPS_MAX`] steps, check nothing.
fn check_text(value: &str, length_max: Option<u64>, regex: Option<&str>) -> Result<(), String> {
    let length = value.encode_utf16().count() as u64;
    if let Some(max) = length_max.filter(|max| 0 < *max && *max < length) {
        return Err(format!("takes at most {max} characters"));
    }
    let Some(regex) = regex.filter(|regex| !regex.is_empty()) else { return Ok(()) };
    let pattern = fancy_regex::RegexBuilder::new(regex).backtrack_limit(PATTERN_STEPS_MAX).build();
    match pattern.map(|pattern| pattern.is_match(value)) {
        Ok(Ok(false)) => Err(format!("does not fit the pattern {regex}")),
        _ => Ok(()),
    }
}

fn within<T: PartialOrd + std::fmt::Display>(value: T, min: Option<T>, max: Option<T>) -> Result<(), String> {
    if let Some(min) = min.filter(|min| value < *min) {
        return Err(format!("takes nothing below {min}"));
    }
    if let Some(max) = max.filter(|max| *max < value) {
        return Err(format!("takes nothing above {max}"));
    }
    Ok(())
}

fn day(value: &str) -> Option<jiff::civil::Date> {
    let is_plain = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    value.parse().ok().filter(|_| is_plain)
}

fn clock(value: &str) -> Option<jiff::civil::Time> {
    let is_plain = value.len() == 5 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    value.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests;
