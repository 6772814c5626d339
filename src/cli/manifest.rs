//! Teams app manifests: what of them registers a bot, and what the bot's own settings are then.
//!
//! Schema versions 1.5 and later, as the public page on the
//! [app manifest schema](https://learn.microsoft.com/microsoft-365/extensibility/schema/) has them.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Failure;

/// Bytes of a manifest; real ones have a few thousand.
const BYTES_MAX: u64 = 256 * 1024;

/// Permissions by which a bot hears everything that is said where it was installed.
const READ_ALL: [&str; 2] = ["ChannelMessage.Read.Group", "ChatMessage.Read.Chat"];

/// What a manifest says about its bot.
pub struct Manifest {
    /// The app id of the bot.
    pub app_id: String,
    /// Shown name.
    pub name: String,
    /// It may be installed in teams, and so be in channels.
    pub in_teams: bool,
    /// It hears everything, not only what mentions it.
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

impl Manifest {
    /// Reads a `manifest.json`.
    ///
    /// # Errors
    /// When it cannot be read or does not describe exactly one bot; in words, with the file's name.
    pub fn open(file: &Path) -> Result<Self, Failure> {
        let named = |why: String| -> Failure { format!("{}: {why}", file.display()).into() };
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(file).map_err(|failed| named(failed.to_string()))?;
        opened.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|failed| named(failed.to_string()))?;
        if BYTES_MAX < bytes.len() as u64 {
            return Err(named(format!("a manifest has at most {BYTES_MAX} bytes")));
        }
        Self::read(&bytes).map_err(named)
    }

    fn read(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let written: Written = serde_json::from_slice(bytes)
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
        Ok(Self {
            app_id: app_id.to_lowercase(),
            name,
            in_teams: bot.scopes.iter().any(|scope| scope.eq_ignore_ascii_case("team")),
            reads_all: permissions.into_iter().flatten().filter_map(Value::as_array).flatten().any(named),
        })
    }

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

/// An SDK by its name, and the environment of its bots. `{url}` and the like are filled in.
struct Sdk(&'static str, &'static str, &'static [&'static str]);

/// What makes bots trust this server without a certificate: they take their tokens from it as from Azure's managed
/// identity, over plain HTTP.
const IDENTITY: [&str; 2] = ["IDENTITY_ENDPOINT={url}/msi/token", "IDENTITY_HEADER={password}"];

const BY_IDENTITY: &[Sdk] = &[
    Sdk(
        "botbuilder for JavaScript",
        "",
        &[
            "MicrosoftAppType=UserAssignedMsi",
            "MicrosoftAppId={app}",
            "MicrosoftAppTenantId={tenant}",
            "ToChannelFromBotLoginUrl=https://login.microsoftonline.com/{tenant}",
            "ToChannelFromBotOAuthScope=https://api.botframework.com",
            "ToBotFromChannelTokenIssuer=https://api.botframework.com",
            "OAuthApiEndpoint=https://api.botframework.com",
            "BotOpenIdMetadata={url}/v1/.well-known/openidconfiguration",
            "ToBotFromEmulatorOpenIdMetadataUrl={url}/{tenant}/v2.0/.well-known/openid-configuration",
            "CallerId=urn:botframework:azure",
        ],
    ),
    Sdk(
        "botbuilder for Python",
        "attributes of the configuration object",
        &[
            "APP_TYPE=UserAssignedMsi",
            "APP_ID={app}",
            "APP_TENANTID={tenant}",
            "TO_CHANNEL_FROM_BOT_LOGIN_URL=https://login.microsoftonline.com/{tenant}",
            "TO_CHANNEL_FROM_BOT_OAUTH_SCOPE=https://api.botframework.com",
            "TO_BOT_FROM_CHANNEL_TOKEN_ISSUER=https://api.botframework.com",
            "OAUTH_URL=https://api.botframework.com",
            "TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL={url}/v1/.well-known/openidconfiguration",
            "TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL={url}/{tenant}/v2.0/.well-known/openid-configuration",
            "CALLER_ID=urn:botframework:azure",
        ],
    ),
    Sdk(
        "Microsoft 365 Agents SDK for JavaScript",
        "and here: redraft app set {app} --issuer {url}/{tenant}/v2.0",
        &["authType=UserManagedIdentity", "clientId={app}", "tenantId={tenant}", "authorityEndpoint={url}"],
    ),
];

/// These look for keys at Microsoft's own addresses, whatever their settings are.
const BY_HOST: &[Sdk] = &[
    Sdk(
        "Microsoft 365 Agents SDK for Python",
        "",
        &[
            "CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTID={app}",
            "CONNECTIONS__SERVICE_CONNECTION__SETTINGS__CLIENTSECRET={password}",
            "CONNECTIONS__SERVICE_CONNECTION__SETTINGS__TENANTID={tenant}",
        ],
    ),
    Sdk("Teams SDK for JavaScript", "", TEAMS),
    Sdk("Teams SDK for Python", "", TEAMS),
];

const TEAMS: &[&str] =
    &["CLIENT_ID={app}", "CLIENT_SECRET={password}", "TENANT_ID={tenant}", "SERVICE_URL={service_url}"];

/// The settings of a registered bot for each of the official SDKs, ready to be pasted.
pub fn settings(app: &Value, workspace: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let known = [
        ("{service_url}", text(&workspace["service_url"])),
        ("{url}", text(&workspace["url"])),
        ("{tenant}", text(&workspace["tenant_id"])),
        ("{app}", text(&app["app_id"])),
        ("{password}", text(&app["app_password"])),
    ];
    let filled =
        |line: &str| known.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
    let mut lines = vec![format!("Settings for the bot; the server is taken to be at {}.", known[1].1)];
    let mut section = |sdk: &Sdk, before: &[&str]| {
        let note = if sdk.1.is_empty() { String::new() } else { format!(" ({})", filled(sdk.1)) };
        lines.push(format!("\n# {}{note}", sdk.0));
        lines.extend(before.iter().chain(sdk.2).map(|line| filled(line)));
    };
    BY_IDENTITY.iter().for_each(|sdk| section(sdk, &IDENTITY));
    BY_HOST.iter().for_each(|sdk| section(sdk, &[]));
    lines.push(
        "\nThe last three, and any of the first three with the settings that they have in Azure, also need the hosts\n\
         login.microsoftonline.com and login.botframework.com to lead to the address of `redraft serve --tls-listen`,\n\
         and its CA file in NODE_EXTRA_CA_CERTS or in SSL_CERT_FILE and REQUESTS_CA_BUNDLE."
            .into(),
    );
    lines.join("\n")
}
