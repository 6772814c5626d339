//! Members of a manifest, taken one by one. What is left in the end is unknown.

use serde_json::{Map, Value};

/// What was found out so far.
#[derive(Default)]
pub(super) struct Findings {
    /// What is wrong; with any of it there is no manifest.
    pub faults: Vec<String>,
    /// What is not done as written.
    pub warnings: Vec<String>,
}

/// An object at its place. `null` counts as absent.
pub(super) struct Members {
    at: String,
    left: Map<String, Value>,
}

impl Members {
    /// The whole manifest.
    pub fn whole(left: Map<String, Value>) -> Self {
        Self { at: String::new(), left }
    }

    /// Where a member is, as it is named to people.
    pub fn place(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A text of at most so many characters. A blank one is none.
    pub fn text(&mut self, name: &str, chars_max: usize, findings: &mut Findings) -> Option<String> {
        let place = self.place(name);
        let text = text(self.take(name)?, &place, chars_max, findings)?;
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// The same, and it has to be there.
    pub fn required(&mut self, name: &str, chars_max: usize, findings: &mut Findings) -> String {
        let known = findings.faults.len();
        self.text(name, chars_max, findings).unwrap_or_else(|| {
            if known == findings.faults.len() {
                findings.faults.push(format!("{} is missing", self.place(name)));
            }
            String::new()
        })
    }

    /// The address of an app.
    pub fn url(&mut self, name: &str, findings: &mut Findings) -> Option<String> {
        let url = self.text(name, URL_CHARS_MAX, findings)?;
        if !is_url(&url) {
            let place = self.place(name);
            findings
                .faults
                .push(format!("{place} has to begin with http:// or https://, got '{}'", cut(&url)));
        }
        Some(url)
    }

    /// Yes or no; no by default.
    pub fn flag(&mut self, name: &str, findings: &mut Findings) -> bool {
        match self.take(name) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                findings.faults.push(format!("{} has to be true or false", self.place(name)));
                false
            }
        }
    }

    /// At most so many texts.
    pub fn texts(&mut self, name: &str, count_max: usize, findings: &mut Findings) -> Vec<String> {
        let place = self.place(name);
        let texts = self.list(name, count_max, findings).into_iter().enumerate();
        texts.filter_map(|(at, it)| text(it, &format!("{place}[{at}]"), TEXT_CHARS_MAX, findings)).collect()
    }

    /// An object; one without members by default.
    pub fn object(&mut self, name: &str, findings: &mut Findings) -> Self {
        let value = self.take(name).unwrap_or_else(|| Map::new().into());
        object(value, self.place(name), findings)
    }

    /// At most so many objects.
    pub fn objects(&mut self, name: &str, count_max: usize, findings: &mut Findings) -> Vec<Self> {
        let place = self.place(name);
        let objects = self.list(name, count_max, findings).into_iter().enumerate();
        objects.map(|(at, value)| object(value, format!("{place}[{at}]"), findings)).collect()
    }

    fn list(&mut self, name: &str, count_max: usize, findings: &mut Findings) -> Vec<Value> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(list)) if list.len() <= count_max => list,
            Some(Value::Array(list)) => {
                let place = self.place(name);
                findings.faults.push(format!("{place} has {} elements, {count_max} are allowed", list.len()));
                Vec::new()
            }
            Some(_) => {
                findings.faults.push(format!("{} has to be a list", self.place(name)));
                Vec::new()
            }
        }
    }

    /// Members that change nothing here and nothing that would be missed.
    pub fn pass_over(&mut self, names: &[&str]) {
        for name in names {
            self.left.remove(*name);
        }
    }

    /// A member that asks for something that is not here.
    pub fn absent(&mut self, name: &str, findings: &mut Findings) {
        if self.take(name).is_some_and(|value| asks(&value)) {
            findings.warnings.push(format!("{} is not supported and left out", self.place(name)));
        }
    }

    /// Whatever is left is unknown.
    pub fn end(self, findings: &mut Findings) {
        let unknown =
            self.left.keys().map(|name| format!("{} is unknown and left out", self.place(cut(name))));
        findings.warnings.extend(unknown.take(UNKNOWN_SHOWN_MAX));
    }
}

/// Characters of an address.
const URL_CHARS_MAX: usize = 3000;

/// Characters of an event's or a scope's name.
const TEXT_CHARS_MAX: usize = 255;

/// Unknown members of one object that are named.
const UNKNOWN_SHOWN_MAX: usize = 20;

/// Whether this is an address that an app may have.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn object(value: Value, at: String, findings: &mut Findings) -> Members {
    let left = match value {
        Value::Object(left) => left,
        _ => {
            findings.faults.push(format!("{at} has to be an object"));
            Map::new()
        }
    };
    Members { at, left }
}

fn text(value: Value, place: &str, chars_max: usize, findings: &mut Findings) -> Option<String> {
    match value {
        Value::String(text) if text.chars().nth(chars_max).is_none() => Some(text),
        Value::String(text) => {
            let count = text.chars().count();
            findings.faults.push(format!("{place} has {count} characters, {chars_max} are allowed"));
            None
        }
        _ => {
            findings.faults.push(format!("{place} has to be a text"));
            None
        }
    }
}

/// Whether a value is more than a way of writing no.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => list.iter().any(asks),
        Value::Object(members) => members.values().any(asks),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// The beginning of a text, for people.
pub(super) fn cut(text: &str) -> &str {
    const SHOWN_CHARS_MAX: usize = 80;
    text.char_indices().nth(SHOWN_CHARS_MAX).map_or(text, |(at, _)| &text[..at])
}
