//! Teams' app manifests.
//!
//! Schema versions 1.5 and later, as the public page on the
//! [app manifest schema](https://learn.microsoft.com/microsoft-365/extensibility/schema/) has them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Permissions that let a bot receive every message where it is installed.
const READ_ALL: [&str; 2] = ["ChannelMessage.Read.Group", "ChatMessage.Read.Chat"];

/// What a manifest says about its bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TeamsManifest {
    /// The app id of the bot.
    pub app_id: String,
    /// Shown name.
    pub name: String,
    /// It may be installed in teams, and so be in channels.
    pub in_teams: bool,
    /// Whether it receives every message, not only those that mention it.
    pub reads_all: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    name: Option<Name>,
    #[serde(default)]
    bots: Vec<Bot>,
    authorization: Option<Value>,
    web_application_info: Option<Value>,
}

#[derive(Deserialize)]
struct Name {
    short: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bot {
    bot_id: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

pub(super) fn read(members: Map<String, Value>) -> Result<TeamsManifest, String> {
    let written: Written = serde_json::from_value(members.into())
        .map_err(|failed| format!("this is no Teams app manifest that can be read: {failed}"))?;
    let bot = match written.bots.as_slice() {
        [bot] => bot,
        [] => return Err("the manifest has no bots, and nothing else of it can be registered".into()),
        several => {
            return Err(format!("the manifest has {} bots; Teams takes one in an app", several.len()));
        }
    };
    let app_id = bot.bot_id.as_deref().unwrap_or_default();
    if !is_guid(app_id) {
        return Err(format!(
            "bots[0].botId is '{app_id}', which is no guid; a manifest with placeholders has to be filled in first"
        ));
    }
    let name = written.name.and_then(|name| name.short).filter(|name| !name.trim().is_empty());
    let name = name.ok_or("the manifest has no name.short")?;
    let permissions = [
        written.authorization.as_ref().map(|it| &it["permissions"]["resourceSpecific"]),
        // Until schema version 1.11.
        written.web_application_info.as_ref().map(|it| &it["applicationPermissions"]),
    ];
    let named = |permission: &Value| {
        let name = permission.as_str().or_else(|| permission["name"].as_str());
        name.is_some_and(|name| READ_ALL.contains(&name))
    };
    Ok(TeamsManifest {
        app_id: app_id.to_lowercase(),
        name,
        in_teams: bot.scopes.iter().any(|scope| scope.eq_ignore_ascii_case("team")),
        reads_all: permissions.into_iter().flatten().filter_map(Value::as_array).flatten().any(named),
    })
}

impl TeamsManifest {
    /// The body of the call that registers the bot.
    pub fn registration(&self, password: Option<&str>, endpoint: Option<&str>) -> Value {
        let mut body = json!({
            "kind": "teams",
            "name": self.name,
            "app_id": self.app_id,
            "read_all": self.reads_all,
        });
        if !self.in_teams {
            body["channels"] = json!([]);
        }
        for (name, given) in [("app_password", password), ("endpoint", endpoint)] {
            if let Some(given) = given {
                body[name] = given.into();
            }
        }
        body
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|it| it.is_ascii_hexdigit()))
}
