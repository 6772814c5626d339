//! Files as messages and methods show them.

use std::collections::BTreeMap;
use std::sync::Arc;

use redraft_model::content::Content;
use redraft_model::directory::Directory;
use redraft_model::files::ids;
use redraft_model::id::{ConversationId, UserId, WorkspaceId};
use redraft_model::item::{File, Item, ItemKey};
use redraft_model::policy::sees;
use redraft_model::workspace::ConversationKind;
use redraft_service::Service;
use redraft_store::Stored;
use redraft_wire::slack::files::kind_of;
use serde_json::{Value, json};

use crate::call::Call;
use crate::refusal::unavailable;
use crate::reply::Error;

/// Files by their ids.
pub(super) type Files = BTreeMap<String, File>;

/// Files by their ids; those that are not there are left out.
async fn load(service: &Service, workspace: WorkspaceId, ids: Vec<String>) -> Result<Files, Error> {
    let mut found = Files::new();
    for id in ids {
        let item = service.store.item(workspace, ItemKey::File(id)).await.map_err(unavailable)?;
        if let Some(Item::File(file)) = item {
            found.insert(file.id.clone(), file);
        }
    }
    Ok(found)
}

/// The files that these contents share.
pub(super) async fn shared_by(
    service: &Service,
    workspace: WorkspaceId,
    contents: &[&Content],
) -> Result<Files, Error> {
    let named = contents.iter().flat_map(|content| ids(content.files.as_deref())).map(str::to_owned);
    load(service, workspace, named.collect()).await
}

/// The files that messages of a page share.
pub(super) async fn shared_on(call: &Call<'_>, page: &[Stored]) -> Result<Files, Error> {
    let roots = page.iter().filter_map(|stored| stored.root.as_deref());
    let contents: Vec<&Content> = page.iter().chain(roots).map(|stored| &*stored.content).collect();
    shared_by(call.service, call.directory.workspace.id, &contents).await
}

/// The files of one message as it shows them; one that is gone or unknown leaves its trace.
pub(super) fn array(
    public_url: &str,
    directory: &Directory,
    content: &Content,
    files: &Files,
) -> Option<String> {
    let named = ids(content.files.as_deref());
    let one = |id: &str| match files.get(id) {
        Some(file) if !file.deleted => in_message(public_url, directory, file),
        Some(_) => json!({ "id": id, "mode": "tombstone" }),
        // Whoever wants to know more asks for it.
        None => json!({ "id": id, "file_access": "check_file_info" }),
    };
    (!named.is_empty()).then(|| Value::Array(named.into_iter().map(one).collect()).to_string())
}

fn in_message(public_url: &str, directory: &Directory, file: &File) -> Value {
    let kind = kind_of(&file.name);
    let user = directory.user(file.user).map_or("", |user| &user.slack_id);
    let team = &directory.workspace.team_id;
    let address =
        |what: &str| format!("{public_url}/files-pri/{team}-{}/{what}{}", file.id, url_name(&file.name));
    let snippet = file.snippet_type.as_deref();
    let public = |(id, _): &(ConversationId, _)| {
        directory.conversation(*id).is_some_and(|it| it.kind == ConversationKind::Public)
    };
    json!({
        "id": file.id,
        "created": file.made_at.seconds(),
        "timestamp": file.made_at.seconds(),
        "name": file.name,
        "title": file.title,
        "mimetype": kind.mimetype,
        "filetype": snippet.unwrap_or(kind.filetype),
        "pretty_type": snippet.unwrap_or(kind.pretty),
        "user": user,
        "user_team": team,
        "editable": snippet.is_some(),
        "size": file.size,
        "mode": if snippet.is_some() { "snippet" } else { "hosted" },
        "is_external": false,
        "external_type": "",
        "is_public": file.shares.iter().any(public),
        "public_url_shared": false,
        "display_as_bot": false,
        "username": "",
        "url_private": address(""),
        "url_private_download": address("download/"),
        "media_display_type": "unknown",
        "permalink": format!("{public_url}/workspaces/{team}/files/{user}/{}/{}", file.id, url_name(&file.name)),
        "is_starred": false,
        "skipped_shares": false,
        "has_rich_preview": false,
        "file_access": "visible",
        "alt_txt": file.alt_text,
    })
}

fn url_name(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A file with everything that this reader may know of it: where it is shared says only as far as they see.
pub(crate) fn object(service: &Service, directory: &Arc<Directory>, file: &File, reader: UserId) -> Value {
    let mut object = in_message(&service.public_url, directory, file);
    let (mut channels, mut groups, mut ims) = (Vec::new(), Vec::new(), Vec::new());
    let mut shares = json!({});
    for (id, ts) in &file.shares {
        let seen = directory.conversation(*id).filter(|conversation| sees(reader, conversation));
        let Some(conversation) = seen else { continue };
        let (kind, list) = match conversation.kind {
            ConversationKind::Public => ("public", &mut channels),
            ConversationKind::Private => ("private", &mut groups),
            ConversationKind::Direct | ConversationKind::Group => ("private", &mut ims),
        };
        if !list.contains(&conversation.slack_id) {
            list.push(conversation.slack_id.clone());
        }
        let share = json!({
            "reply_users": [], "reply_users_count": 0, "reply_count": 0, "ts": ts.dotted(),
            "channel_name": conversation.name, "team_id": directory.workspace.team_id,
            "share_user_id": object["user"], "source": "UNKNOWN",
        });
        match shares[kind][&conversation.slack_id].as_array_mut() {
            Some(list) => list.push(share),
            None => shares[kind][&conversation.slack_id] = json!([share]),
        }
    }
    object["comments_count"] = 0.into();
    object["shares"] = shares;
    object["channels"] = channels.into();
    object["groups"] = groups.into();
    object["ims"] = ims.into();
    object
}
