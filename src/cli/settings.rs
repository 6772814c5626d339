//! The settings of a registered app, ready to be pasted or sourced: every line is an assignment or a comment, whatever
//! the names and secrets are.

use std::borrow::Cow;
use std::fmt::Write;

use redraft_model::name;
use serde_json::Value;

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

/// The settings of a registered Teams bot for each of the official SDKs.
pub fn of_teams(app: &Value, workspace: &Value) -> String {
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
    let server = name::escaped(&known[1].1);
    let mut lines = vec![format!("# Settings for the bot; the server is taken to be at {server}.")];
    let mut section = |sdk: &Sdk, before: &[&str]| {
        let note = if sdk.1.is_empty() { String::new() } else { format!(" ({})", filled(sdk.1)) };
        lines.push(format!("\n# {}{}", sdk.0, name::escaped(&note)));
        for (name, value) in before.iter().chain(sdk.2).filter_map(|line| line.split_once('=')) {
            lines.push(assignment("", name, &filled(value)));
        }
    };
    BY_IDENTITY.iter().for_each(|sdk| section(sdk, &IDENTITY));
    BY_HOST.iter().for_each(|sdk| section(sdk, &[]));
    lines.push(
        "\n# The last three, and any of the first three with the settings that they have in Azure, also need the hosts\n\
         # login.microsoftonline.com and login.botframework.com to lead to the address of `redraft serve --tls-listen`,\n\
         # and its CA file in NODE_EXTRA_CA_CERTS or in SSL_CERT_FILE and REQUESTS_CA_BUNDLE."
            .into(),
    );
    lines.join("\n")
}

/// The names under which Slack's SDKs and their examples look for what an app has to know.
const SLACK: [(&str, &str); 4] = [
    ("SLACK_BOT_TOKEN", "bot_token"),
    ("SLACK_APP_TOKEN", "app_token"),
    ("SLACK_USER_TOKEN", "user_token"),
    ("SLACK_SIGNING_SECRET", "signing_secret"),
];

/// What only an app with an OAuth flow of its own has to know. Bolt for Python takes these variables as a wish for one, and
/// then no longer uses the bot token; so they are only shown.
const SLACK_OAUTH: [(&str, &str); 3] = [
    ("SLACK_CLIENT_ID", "client_id"),
    ("SLACK_CLIENT_SECRET", "client_secret"),
    ("SLACK_VERIFICATION_TOKEN", "verification_token"),
];

/// The settings of a registered Slack app as lines for a shell. An app-level token is for apps with sockets alone.
pub fn of_slack(app: &Value, workspace: &Value, socket_mode: bool) -> String {
    let mut lines = String::new();
    let mut line = |start: &str, name: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(lines, "{}", assignment(start, name, value));
        }
    };
    line("export ", "SLACK_API_URL", workspace["url"].as_str().map(|url| format!("{url}/api/")).as_deref());
    for (name, member) in SLACK {
        line("export ", name, app[member].as_str().filter(|_| socket_mode || member != "app_token"));
    }
    for (name, member) in SLACK_OAUTH {
        line("# ", name, app[member].as_str());
    }
    let hooks = app["webhooks"].as_array().into_iter().flatten();
    hooks.for_each(|hook| line("export ", "SLACK_WEBHOOK_URL", hook["url"].as_str()));
    lines.trim_end().to_owned()
}

/// `NAME=value` for a shell, on one line whatever the value is. A value with a line break or another control character
/// has no place in a file that others read line by line; it is left out, and the line says so.
fn assignment(start: &str, name: &str, value: &str) -> String {
    if name::forbidden(value).is_some() {
        return format!("# {name} is left out: its value has a control character");
    }
    format!("{start}{name}={}", quoted(value))
}

/// A text without control characters as a shell takes it for one word.
pub fn quoted(value: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("'{}'", value.replace('\'', "'\\''")))
}
