//! Which workspace a command looks into, and the calls that it makes there.

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::control::Control;
use super::data::Data;
use super::terminal::Failure;

/// Where to look.
#[derive(Args)]
pub struct Inside {
    #[command(flatten)]
    pub data: Data,
    /// Team id or tenant id; needed where there are several workspaces.
    #[arg(long, env = "REDRAFT_WORKSPACE", global = true)]
    workspace: Option<String>,
}

impl Inside {
    /// The way to the control API, and the path of the workspace.
    pub fn open(&self) -> Result<(Control, String), Failure> {
        let control = Control::open(&self.data.data)?;
        let workspace = control.workspace(self.workspace.as_deref())?;
        Ok((control, format!("/workspaces/{}", segment(&workspace))))
    }

    /// A call about the workspace; `path` is what follows its own.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let (control, workspace) = self.open()?;
        control.call(method, &format!("{workspace}{path}"), body)
    }

    /// All entries of a list, page by page.
    pub fn all(&self, name: &str) -> Result<Value, Failure> {
        let (control, workspace) = self.open()?;
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("{workspace}/{name}?after={after}");
            let mut page = control.call("GET", &path, &Value::Null)?;
            if let Value::Array(entries) = page[name].take() {
                all.extend(entries);
            }
            match page["next"].take() {
                Value::String(next) => after = next,
                _ => return Ok(all.into()),
            }
        }
    }
}

/// The path of an app, which may be named by a name with blanks in it.
pub fn of_app(app: &str, rest: &str) -> String {
    format!("/apps/{}{rest}", segment(app))
}

/// A name as one segment of a path.
pub fn segment(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

/// An object of the members that were given.
pub fn given<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}
