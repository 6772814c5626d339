//! A declaration as it is read.

use redraft_model::limits::{EPHEMERAL_MICROS_MIN, RETENTION_MICROS_MAX};
use redraft_model::quota::Quotas;
use redraft_model::workspace::{Retention, Settings};
use serde::{Deserialize, Serialize};

use super::app::{AppKind, SeedApp};
use super::error::SeedError;

/// A declared workspace. Whatever is left out is made up.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// The workspace itself.
    pub workspace: SeedWorkspace,
    /// Everyone in it; the first administrator made it.
    pub people: Vec<SeedPerson>,
    /// Channels. `general` is made if it is not declared.
    pub channels: Vec<SeedChannel>,
    /// Apps of both kinds.
    pub apps: Vec<SeedApp>,
    /// People who can be mentioned together.
    pub user_groups: Vec<SeedUserGroup>,
    /// Tokens beyond those of people and apps.
    pub tokens: Vec<SeedToken>,
    /// The token of the control API, for the whole server; only in a seed file.
    pub control_token: Option<String>,
}

/// Names and ids of a workspace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedWorkspace {
    /// Shown name.
    pub name: Option<String>,
    /// Slack's domain.
    pub domain: Option<String>,
    /// Slack's `T…`.
    pub id: Option<String>,
    /// Teams' tenant.
    pub tenant_id: Option<String>,
    /// Edit and delete windows.
    pub settings: SeedSettings,
    /// How much it may hold.
    pub quotas: SeedQuotas,
}

/// How much a workspace may hold; what is not named is without limit.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SeedQuotas {
    /// People, without bots.
    pub people: Option<u64>,
    /// Apps.
    pub apps: Option<u64>,
    /// Channels, without direct messages.
    pub channels: Option<u64>,
    /// Files.
    pub files: Option<u64>,
    /// Messages.
    pub messages: Option<u64>,
    /// Bytes of content, files and attachments.
    pub bytes: Option<u64>,
}

impl SeedQuotas {
    /// As the model has them.
    #[must_use]
    pub fn quotas(self) -> Quotas {
        let Self { people, apps, channels, files, messages, bytes } = self;
        Quotas { people, apps, channels, files, messages, bytes }
    }
}

impl From<Quotas> for SeedQuotas {
    fn from(quotas: Quotas) -> Self {
        let Quotas { people, apps, channels, files, messages, bytes } = quotas;
        Self { people, apps, channels, files, messages, bytes }
    }
}

/// What administrators decide.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SeedSettings {
    /// Seconds that people may edit their messages for.
    pub edit_window_seconds: Option<u32>,
    /// Seconds that people may delete their messages for.
    pub delete_window_seconds: Option<u32>,
    /// Whether only administrators delete people's messages.
    pub only_admins_delete: bool,
    /// Seconds that content of deleted messages is retained; a day by default.
    pub deleted_content_seconds: Option<u32>,
    /// Seconds that superseded revisions are retained; as long as their message by default.
    pub superseded_revisions_seconds: Option<u32>,
    /// Seconds that dead letters are retained; 30 days by default.
    pub dead_letters_seconds: Option<u32>,
    /// Seconds that ephemeral messages last; a day by default.
    pub ephemeral_messages_seconds: Option<u32>,
}

/// A person.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedPerson {
    /// Short name.
    pub name: String,
    /// Full name.
    pub real_name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Slack's `U…`.
    pub id: Option<String>,
    /// Teams' `29:…`.
    pub member_id: Option<String>,
    /// Teams' directory id.
    pub directory_id: Option<String>,
    /// Administrator.
    pub admin: bool,
    /// A user token of the first Slack app.
    pub token: Option<String>,
    /// What the token may do; everything by default.
    pub scopes: Option<Vec<String>>,
}

/// A channel.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedChannel {
    /// Name without `#`.
    pub name: String,
    /// Slack's `C…`.
    pub id: Option<String>,
    /// Teams' `19:…@thread.tacv2`.
    pub conversation_id: Option<String>,
    /// Seen by members only.
    pub private: bool,
    /// Names of people; all of them by default.
    pub members: Option<Vec<String>>,
    /// Archived.
    pub archived: bool,
}

/// A further token.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedToken {
    /// The token; any string.
    pub token: Option<String>,
    /// Name of the app.
    pub app: String,
    /// Name of the person; the app's bot by default.
    pub user: Option<String>,
    /// What it may do; everything by default.
    pub scopes: Option<Vec<String>>,
}

/// People who can be mentioned together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SeedUserGroup {
    /// Short name without `@`.
    pub handle: String,
    /// Shown name.
    pub name: Option<String>,
    /// `S…`.
    pub id: Option<String>,
    /// What it is for.
    pub description: String,
    /// Names of the people in it.
    pub members: Vec<String>,
}

impl Seed {
    /// Reads a declaration in YAML, of which JSON is a part.
    ///
    /// # Errors
    /// When it is not one; the message names the place.
    pub fn from_yaml(text: &str) -> Result<Self, SeedError> {
        serde_saphyr::from_str(text).map_err(|failed| SeedError::Unreadable(failed.to_string()))
    }

    /// The workspace of a first start: an administrator and two members, three channels, two apps of each kind.
    #[must_use]
    pub fn first_start() -> Self {
        let person = |name: &str, real_name: &str, admin| SeedPerson {
            name: name.into(),
            real_name: Some(real_name.into()),
            email: Some(format!("{name}@acme.example")),
            admin,
            ..SeedPerson::default()
        };
        let channel =
            |name: &str, private| SeedChannel { name: name.into(), private, ..SeedChannel::default() };
        let app = |kind, name: &str| SeedApp { kind, name: name.into(), ..SeedApp::default() };
        Self {
            workspace: SeedWorkspace {
                name: Some("Acme".into()),
                domain: Some("acme".into()),
                ..SeedWorkspace::default()
            },
            people: vec![
                person("ada", "Ada Lovelace", true),
                person("ben", "Ben Okri", false),
                person("cleo", "Cleo Vance", false),
            ],
            channels: vec![channel("general", false), channel("random", false), channel("leads", true)],
            apps: vec![
                app(AppKind::Slack, "deploybot"),
                app(AppKind::Slack, "pollbot"),
                SeedApp { read_all: true, ..app(AppKind::Teams, "helpdesk") },
                app(AppKind::Teams, "planner"),
            ],
            ..Self::default()
        }
    }
}

/// A declaration in YAML as plain data, checked, for handing on.
///
/// # Errors
/// When it is not one.
pub fn read_value(text: &str) -> Result<serde_json::Value, SeedError> {
    Seed::from_yaml(text)?;
    serde_saphyr::from_str(text).map_err(|failed| SeedError::Unreadable(failed.to_string()))
}

impl SeedSettings {
    /// As the model has them.
    ///
    /// # Errors
    /// A sentence, when something is to be retained longer than allowed.
    pub fn settings(self) -> Result<Settings, String> {
        let micros = |seconds: u32| i64::from(seconds) * 1_000_000;
        let kept = |name: &str, seconds: Option<u32>, least: i64| match seconds.map(micros) {
            Some(given) if !(least..=RETENTION_MICROS_MAX).contains(&given) => {
                let (least, most) = (least / 1_000_000, RETENTION_MICROS_MAX / 1_000_000);
                Err(format!("{name} is a number of seconds from {least} to {most}"))
            }
            given => Ok(given),
        };
        let by_default = Retention::default();
        let deleted = kept("deleted_content_seconds", self.deleted_content_seconds, 0)?;
        let dead_letters = kept("dead_letters_seconds", self.dead_letters_seconds, 0)?;
        let ephemeral =
            kept("ephemeral_messages_seconds", self.ephemeral_messages_seconds, EPHEMERAL_MICROS_MIN)?;
        Ok(Settings {
            edit_window_micros: self.edit_window_seconds.map(micros),
            delete_window_micros: self.delete_window_seconds.map(micros),
            only_admins_delete: self.only_admins_delete,
            retention: Retention {
                deleted_micros: deleted.unwrap_or(by_default.deleted_micros),
                superseded_micros: kept(
                    "superseded_revisions_seconds",
                    self.superseded_revisions_seconds,
                    0,
                )?,
                dead_letters_micros: dead_letters.unwrap_or(by_default.dead_letters_micros),
                ephemeral_micros: ephemeral.unwrap_or(by_default.ephemeral_micros),
            },
        })
    }
}
