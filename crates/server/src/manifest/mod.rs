//! App manifests: what of them registers an app.

mod members;
pub mod slack;
pub mod teams;

use serde_json::Value;

pub(crate) use members::is_url;
pub use slack::SlackManifest;
pub(crate) use slack::is_command;
pub use teams::TeamsManifest;

/// Bytes of a manifest; real ones have a few thousand.
pub const BYTES_MAX: usize = 256 * 1024;

/// The manifest of one platform or the other.
#[derive(Debug)]
pub enum Manifest {
    /// A Slack app's.
    Slack(Box<SlackManifest>),
    /// A Teams app's.
    Teams(TeamsManifest),
}

/// Reads a manifest in YAML or JSON and tells by its members whose it is.
///
/// # Errors
/// In words, one line for each thing that is wrong, with its place.
pub fn read(text: &str) -> Result<Manifest, String> {
    if BYTES_MAX < text.len() {
        return Err(format!("a manifest has at most {BYTES_MAX} bytes"));
    }
    let value = parsed(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let Value::Object(members) = value else {
        return Err("a manifest is an object, and this is none".into());
    };
    let has = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
    if has(&["display_information", "features", "settings", "oauth_config"]) {
        slack::read(members).map(|manifest| Manifest::Slack(Box::new(manifest)))
    } else if has(&["bots", "manifestVersion"]) {
        teams::read(members).map(Manifest::Teams)
    } else {
        Err("this is no app manifest: Slack's has display_information, that of Teams has bots".into())
    }
}

/// JSON is read as JSON, so that what is said about a mistake in it is about JSON.
fn parsed(text: &str) -> Result<Value, String> {
    let read = match text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str(text).map_err(|failed| failed.to_string()),
        false => serde_saphyr::from_str(text).map_err(|failed| failed.to_string()),
    };
    read.map_err(|failed| format!("this cannot be read: {failed}"))
}
