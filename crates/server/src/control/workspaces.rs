//! Workspaces: made, changed, reset, dropped.

use std::sync::Arc;

use axum::http::StatusCode;
use redraft_model::control::Control;
use redraft_model::directory::{Directory, Kind};
use redraft_model::id::WorkspaceId;
use redraft_model::patch::{SettingsPatch, WorkspacePatch};
use redraft_model::quota::QuotasPatch;
use redraft_model::workspace::Settings;
use redraft_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Error, created, done, ok};
use super::refusal;
use super::scope::{Scope, submit};
use crate::app::App;
use crate::seed::{Seed, SeedQuotas, SeedSettings};
use redraft_connector::addresses::service_url;

/// A workspace as the API shows it, with the addresses that its bots need.
pub(super) fn shown(app: &App, directory: &Directory) -> Value {
    let workspace = &directory.workspace;
    let seconds = |micros: Option<i64>| micros.map(|micros| micros / 1_000_000);
    let Settings { edit_window_micros, delete_window_micros, only_admins_delete, retention } =
        &workspace.settings;
    json!({
        "id": workspace.team_id,
        "tenant_id": workspace.tenant_id,
        "name": workspace.name,
        "domain": workspace.domain,
        "url": app.service.public_url,
        "service_url": service_url(&app.service, &workspace.tenant_id),
        "clock_offset_ms": workspace.clock_offset_micros / 1000,
        "settings": {
            "edit_window_seconds": seconds(*edit_window_micros),
            "delete_window_seconds": seconds(*delete_window_micros),
            "only_admins_delete": only_admins_delete,
            "deleted_content_seconds": retention.deleted_micros / 1_000_000,
            "superseded_revisions_seconds": seconds(retention.superseded_micros),
            "dead_letters_seconds": retention.dead_letters_micros / 1_000_000,
            "ephemeral_messages_seconds": retention.ephemeral_micros / 1_000_000,
        },
        "quotas": SeedQuotas::from(directory.quotas),
    })
}

/// One workspace, with what it holds.
pub(super) async fn one(app: &App, directory: &Directory) -> Answer {
    let used = used(app, directory).await.map_err(refusal::store)?;
    let mut answer = shown(app, directory);
    answer["used"] = used;
    ok(answer)
}

/// The same after a change. That is done, so what it holds is left out when it cannot be read.
async fn changed(app: &App, directory: &Directory) -> Value {
    let mut answer = shown(app, directory);
    if let Ok(used) = used(app, directory).await {
        answer["used"] = used;
    }
    answer
}

async fn used(app: &App, directory: &Directory) -> Result<Value, StoreError> {
    let usage = app.service.store.usage(directory.workspace.id).await?;
    Ok(json!({
        "people": directory.people(),
        "apps": directory.count(Kind::App),
        "channels": directory.channels_count(),
        "files": usage.files,
        "messages": usage.messages,
        "bytes": usage.bytes(),
    }))
}

pub(super) fn list(app: &App) -> Answer {
    let directories = app.service.store.published().directories();
    ok(json!({ "workspaces": directories.all().map(|directory| shown(app, directory)).collect::<Vec<_>>() }))
}

/// Makes a workspace from a declaration; an empty one gives the workspace of a first start.
pub(super) async fn create(app: &App, body: &[u8]) -> Answer {
    let seed = if body.is_empty() { Seed::first_start() } else { super::answer::read::<Seed>(body)? };
    if seed.control_token.is_some() {
        return Err(Error::bad("control_token belongs into a seed file"));
    }
    let now = app.service.store.published().machine_now();
    let built = seed.build(false, &app.service.public_url, now);
    let (directory, ready) = built.map_err(|failed| Error::bad(failed.to_string()))?;
    submit(app, WorkspaceId(0), Control::CreateWorkspace(Arc::new(directory))).await?;
    let service_url = service_url(&app.service, &ready.workspace.tenant_id);
    let mut answer = serde_json::to_value(&ready).map_err(|failed| Error::unwritten(&failed))?;
    answer["url"] = app.service.public_url.clone().into();
    answer["service_url"] = service_url.into();
    created(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    /// Of the workspace and its team.
    name: Option<String>,
    settings: Option<ChangedSettings>,
    quotas: Option<ChangedQuotas>,
}

/// How much it may hold; null takes a quota away, and what is not named stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedQuotas {
    #[serde(default, deserialize_with = "super::answer::given")]
    people: Option<Option<u64>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    apps: Option<Option<u64>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    channels: Option<Option<u64>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    files: Option<Option<u64>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    messages: Option<Option<u64>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    bytes: Option<Option<u64>>,
}

impl ChangedQuotas {
    fn patch(self) -> QuotasPatch {
        let Self { people, apps, channels, files, messages, bytes } = self;
        QuotasPatch { people, apps, channels, files, messages, bytes }
    }
}

/// Seconds. Null removes a window, and sets a retention to its default; an absent member does not change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedSettings {
    #[serde(default, deserialize_with = "super::answer::given")]
    edit_window_seconds: Option<Option<u32>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    delete_window_seconds: Option<Option<u32>>,
    only_admins_delete: Option<bool>,
    #[serde(default, deserialize_with = "super::answer::given")]
    deleted_content_seconds: Option<Option<u32>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    superseded_revisions_seconds: Option<Option<u32>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    dead_letters_seconds: Option<Option<u32>>,
    #[serde(default, deserialize_with = "super::answer::given")]
    ephemeral_messages_seconds: Option<Option<u32>>,
}

impl ChangedSettings {
    fn patch(self) -> Result<SettingsPatch, String> {
        // As a declaration of the same would have it, with its bounds and defaults.
        let declared = SeedSettings {
            edit_window_seconds: self.edit_window_seconds.flatten(),
            delete_window_seconds: self.delete_window_seconds.flatten(),
            only_admins_delete: self.only_admins_delete.unwrap_or_default(),
            deleted_content_seconds: self.deleted_content_seconds.flatten(),
            superseded_revisions_seconds: self.superseded_revisions_seconds.flatten(),
            dead_letters_seconds: self.dead_letters_seconds.flatten(),
            ephemeral_messages_seconds: self.ephemeral_messages_seconds.flatten(),
        };
        let Settings { edit_window_micros, delete_window_micros, retention, .. } = declared.settings()?;
        Ok(SettingsPatch {
            edit_window_micros: self.edit_window_seconds.map(|_| edit_window_micros),
            delete_window_micros: self.delete_window_seconds.map(|_| delete_window_micros),
            only_admins_delete: self.only_admins_delete,
            deleted_micros: self.deleted_content_seconds.map(|_| retention.deleted_micros),
            superseded_micros: self.superseded_revisions_seconds.map(|_| retention.superseded_micros),
            dead_letters_micros: self.dead_letters_seconds.map(|_| retention.dead_letters_micros),
            ephemeral_micros: self.ephemeral_messages_seconds.map(|_| retention.ephemeral_micros),
        })
    }
}

pub(super) async fn change(scope: &Scope<'_>) -> Answer {
    let asked: Changed = scope.json()?;
    if asked.name.as_deref() == Some("") {
        return Err(Error::bad("a workspace needs a name"));
    }
    let settings = asked.settings.map(ChangedSettings::patch).transpose().map_err(Error::bad)?;
    let patch = WorkspacePatch { name: asked.name, settings };
    let quotas = asked.quotas.map(|quotas| Control::PatchQuotas(quotas.patch()));
    let patch = (patch != WorkspacePatch::default()).then_some(Control::PatchWorkspace(patch));
    if patch.is_none() && quotas.is_none() {
        return Err(Error::bad("give a name, settings, quotas, or several of them"));
    }
    for control in [patch, quotas].into_iter().flatten() {
        scope.submit(control).await?;
    }
    ok(changed(scope.app, &scope.now()).await)
}

pub(super) async fn remove(scope: &Scope<'_>) -> Answer {
    scope.submit(Control::DropWorkspace).await?;
    Ok((StatusCode::OK, json!({})))
}

pub(super) async fn reset(scope: &Scope<'_>) -> Answer {
    scope.submit(Control::ResetWorkspace).await?;
    let again = scope.app.service.workspace_named(&scope.directory.workspace.team_id);
    let shown = match again {
        Some(again) => Some(changed(scope.app, &again).await),
        None => None,
    };
    ok(done(shown))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_ms: i64,
}

pub(super) async fn advance(scope: &Scope<'_>) -> Answer {
    let Advance { advance_ms } = scope.json()?;
    scope.submit(Control::AdvanceClock(advance_ms.saturating_mul(1000))).await?;
    let now = scope.app.service.now(scope.id());
    ok(json!({ "now": redraft_model::time::Ts(now.0).dotted() }))
}
