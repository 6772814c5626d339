//! `files.*`: files by the external upload flow, their bytes coming and going, and files as messages show them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use redraft_model::command::{Caller, Command, Verb};
use redraft_model::decision::Outcome;
use redraft_model::files::{Complete, FileCommand, FileRefusal};
use redraft_model::id::ConversationId;
use redraft_model::item::{File, Grant, Item, ItemKey};
use redraft_model::policy::Found;
use redraft_model::time::Micros;
use redraft_store::StoreError;
use redraft_wire::slack::files::kind_of;
use serde::Deserialize;
use serde_json::Value;
use tracing::info;

use crate::authenticate::bearer;
use crate::call::Call;
use crate::file_objects::object;
use crate::refusal::STORAGE_FULL;
use crate::refusal::unavailable;
use crate::reply::{Error, Reply};
use redraft_service::bounds::{Sent, Unread};
use redraft_service::mint;
use redraft_service::{NotDone, Service};

/// Bytes of a file. The platform takes a gigabyte; here a file is one row.
pub(crate) const FILE_BYTES_MAX: usize = 8 << 20;

/// Bytes of a snippet.
const SNIPPET_BYTES_MAX: usize = 1_000_000;

/// Characters of `alt_txt`.
const ALT_TEXT_CHARS_MAX: usize = 1000;

/// Characters of a file's name and of its title.
const NAME_CHARS_MAX: usize = 255;

/// Conversations that files are shared in at once.
const CHANNELS_MAX: usize = 100;

/// `files.getUploadURLExternal`: announces a file; its bytes are sent to the address in the answer.
pub(super) async fn begin(call: &Call<'_>) -> Result<Reply, Error> {
    let missing =
        |name: &str| Error::new("missing_argument").because(format!("missing required field: {name}"));
    let name = call.args.filled("filename").ok_or_else(|| missing("filename"))?;
    let size = call.args.number("length")?.ok_or_else(|| missing("length"))?;
    let size = u64::try_from(size).ok().filter(|size| 0 < *size);
    let size = size.ok_or_else(|| Error::arguments("length must be a positive number of bytes"))?;
    let (alt_text, snippet_type) = (call.args.filled("alt_txt"), call.args.filled("snippet_type"));
    if NAME_CHARS_MAX < name.chars().count() {
        return Err(Error::arguments(format!("filename has more than {NAME_CHARS_MAX} characters")));
    }
    if alt_text.is_some_and(|text| ALT_TEXT_CHARS_MAX < text.chars().count()) {
        let reason = format!("alt_txt has more than {ALT_TEXT_CHARS_MAX} characters");
        return Err(Error::new("alt_txt_too_large").because(reason));
    }
    if snippet_type.is_some_and(|kind| {
        kind.len() > NAME_CHARS_MAX || !kind.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
    }) {
        return Err(
            Error::new("unknown_snippet_type").because("snippet_type is a short name, such as python")
        );
    }
    if snippet_type.is_some() && (SNIPPET_BYTES_MAX as u64) < size {
        return Err(Error::new("snippet_too_large")
            .because(format!("a snippet has at most {SNIPPET_BYTES_MAX} bytes")));
    }
    if (FILE_BYTES_MAX as u64) < size {
        return Err(Error::new("file_upload_size_restricted")
            .because(format!("a file has at most {FILE_BYTES_MAX} bytes here")));
    }
    let secret = mint::secret();
    let file = File {
        id: mint::slack_id('F'),
        user: call.user.id,
        app: None,
        name: name.to_owned(),
        title: name.to_owned(),
        alt_text: alt_text.map(str::to_owned),
        snippet_type: snippet_type.map(str::to_owned),
        size,
        blob: None,
        made_at: Micros(0),
        complete: false,
        deleted: false,
        shares: Vec::new(),
    };
    let id = file.id.clone();
    let upload = mint::sha256(secret.as_bytes());
    call.submit(Verb::File(FileCommand::Begin { upload, file: Box::new(file) })).await?;
    let team = &call.directory.workspace.team_id;
    let url = format!("{}/upload/v1/{team}/{secret}", call.service.public_url);
    Ok(Reply::new().text("upload_url", &url).text("file_id", &id))
}

/// Takes the bytes of an announced file: raw, or as a part of a multipart body. Whoever knows the address needs no token.
pub(crate) async fn upload(
    service: &Service,
    path: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Response<Body> {
    let answer = receive(service, path, headers, body).await;
    let (status, text) = answer.unwrap_or_else(|(status, reason)| {
        info!(reason, "an upload was refused");
        (status, reason)
    });
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn receive(
    service: &Service,
    path: &str,
    headers: &HeaderMap,
    body: Sent<'_>,
) -> Result<(StatusCode, String), (StatusCode, String)> {
    let unknown = || (StatusCode::NOT_FOUND, "no file is expected at this address".to_owned());
    let (team, secret) = path.split_once('/').ok_or_else(unknown)?;
    let workspace = service.workspace_named(team).ok_or_else(unknown)?.workspace.id;
    let failed = |failed: StoreError| (StatusCode::SERVICE_UNAVAILABLE, failed.to_string());
    // Only whoever was given an address is listened to.
    let upload = mint::sha256(secret.as_bytes());
    let grant =
        service.store.item(workspace, ItemKey::Grant(upload)).await.map_err(failed)?.ok_or_else(unknown)?;
    let announced =
        body.announced().filter(|bytes| *bytes <= FILE_BYTES_MAX as u64 && !is_multipart(headers));
    if let (Item::Grant(Grant::Upload { file, .. }), Some(announced)) = (grant, announced)
        && let Some(Item::File(file)) =
            service.store.item(workspace, ItemKey::File(file)).await.map_err(failed)?
        && file.size != announced
    {
        return Err((StatusCode::BAD_REQUEST, other_size(file.size, announced)));
    }
    let read = body.read_at_most(FILE_BYTES_MAX).await.map_err(|unread| match unread {
        Unread::TooBig => {
            let reason = format!("a file has at most {FILE_BYTES_MAX} bytes here");
            (StatusCode::PAYLOAD_TOO_LARGE, reason)
        }
        Unread::Cut => (StatusCode::BAD_REQUEST, "the body ended early".into()),
        Unread::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "the server is busy; try again".into()),
    })?;
    let bytes = part(headers, read.bytes()).await?;
    let size = bytes.len();
    // The bytes are stored with the decision that they are the expected ones, or not at all.
    let blob = mint::sha256(mint::secret().as_bytes());
    let verb = Verb::File(FileCommand::Receive { upload, blob, bytes: Arc::from(&*bytes) });
    let command = Command { workspace, caller: Caller::Control, idempotency: None, verb, source: None };
    match service.submit(command).await {
        Ok(_) => Ok((StatusCode::OK, format!("OK - {size}"))),
        Err(NotDone::Store(why)) => Err(failed(why)),
        Err(NotDone::Refused(refusal)) => Err(match refusal.why {
            redraft_model::decision::Why::File(FileRefusal::OtherSize(expected)) => {
                (StatusCode::BAD_REQUEST, other_size(expected, size as u64))
            }
            redraft_model::decision::Why::File(FileRefusal::UploadOver) => {
                (StatusCode::NOT_FOUND, "the time for sending this file is over".into())
            }
            redraft_model::decision::Why::File(FileRefusal::StorageFull) => {
                (StatusCode::INSUFFICIENT_STORAGE, STORAGE_FULL.into())
            }
            _ => unknown(),
        }),
    }
}

fn other_size(expected: u64, size: u64) -> String {
    format!("{expected} bytes were announced and {size} came")
}

fn is_multipart(headers: &HeaderMap) -> bool {
    multer::parse_boundary(content_type(headers)).is_ok()
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// The file in a body: the first part of a multipart one, or all of it.
async fn part(headers: &HeaderMap, body: Bytes) -> Result<Bytes, (StatusCode, String)> {
    let Ok(boundary) = multer::parse_boundary(content_type(headers)) else { return Ok(body) };
    let unreadable = || (StatusCode::BAD_REQUEST, "the multipart body cannot be read".to_owned());
    let mut parts = multer::Multipart::new(Body::from(body).into_data_stream(), boundary);
    let part = parts.next_field().await.ok().flatten().ok_or_else(unreadable)?;
    part.bytes().await.map_err(|_| unreadable())
}

#[derive(Deserialize)]
struct Named {
    id: String,
    title: Option<String>,
}

/// `files.completeUploadExternal`: files are whole, and shared where that is asked for.
pub(super) async fn complete(call: &Call<'_>) -> Result<Reply, Error> {
    let given = call.args.required("files")?;
    let unreadable = |_| Error::arguments("files must be an array of objects with an id");
    let named: Vec<Named> = serde_json::from_str(given).map_err(unreadable)?;
    if named.iter().any(|file| file.title.as_ref().is_some_and(|it| NAME_CHARS_MAX < it.chars().count())) {
        return Err(Error::arguments(format!("a title has more than {NAME_CHARS_MAX} characters")));
    }
    let mut channels = call.args.list("channels");
    channels.extend(call.args.filled("channel_id").map(str::to_owned));
    if CHANNELS_MAX < channels.len() {
        return Err(Error::new("channels_limit_exceeded")
            .because(format!("files are shared in at most {CHANNELS_MAX} conversations at once")));
    }
    let seen = |id: &String| call.seen(id).map(|found| found.id).ok_or_else(|| call.no_channel(id));
    let mut conversations: Vec<ConversationId> = channels.iter().map(seen).collect::<Result<_, _>>()?;
    conversations.sort_unstable();
    conversations.dedup();
    let parsed = call.file_content();
    let files: Vec<(String, Option<String>)> = named.into_iter().map(|file| (file.id, file.title)).collect();
    let complete = Complete {
        files,
        conversations,
        content: parsed.content,
        fault: parsed.fault,
        reply_to: crate::chat::thread_ts(call),
    };
    let Outcome::Files(completed) = call.submit(Verb::File(FileCommand::Complete(complete))).await? else {
        return Err(Error::new("internal_error"));
    };
    let shown: Vec<Value> =
        completed.iter().map(|file| object(call.service, &call.directory, file, call.user.id)).collect();
    Ok(Reply::new().with("files", &shown))
}

/// `files.info`: one file.
pub(super) async fn info(call: &Call<'_>) -> Result<Reply, Error> {
    let id = call.args.required("file")?;
    let found =
        call.service.file_for(call.user.id, &call.directory, id.to_owned()).await.map_err(unavailable)?;
    let file = match found {
        Found::Visible(file) => file,
        Found::Deleted => return Err(Error::new("file_deleted").because("the file was deleted")),
        Found::Hidden | Found::Missing => {
            let reason = format!("no file that this token can see has the id {id}");
            return Err(Error::new("file_not_found").because(reason));
        }
    };
    let shown = object(call.service, &call.directory, &file, call.user.id);
    let mut reply = Reply::new().with("file", &shown).raw("comments", "[]");
    reply.next_cursor = Some(String::new());
    Ok(reply)
}

/// `files.delete`: the end of a file. Messages show that it was there.
pub(super) async fn delete(call: &Call<'_>) -> Result<Reply, Error> {
    let id = call.args.required("file")?.to_owned();
    call.submit(Verb::File(FileCommand::Delete(id))).await?;
    Ok(Reply::new())
}

/// The bytes of a file, for whoever may see it.
pub(crate) async fn download(service: &Service, path: &str, headers: &HeaderMap) -> Response<Body> {
    match bytes_of(service, path, headers).await {
        Some((file, bytes)) => {
            let mut response = Response::new(Body::from(bytes));
            let kind = HeaderValue::from_static(kind_of(&file.name).mimetype);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            // What somebody sent is shown by no browser as a page of this server.
            let attachment = HeaderValue::from_static("attachment");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment);
            let sniff = HeaderValue::from_static("nosniff");
            response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, sniff);
            response
        }
        None => {
            let mut response = Response::new(Body::from("There is nothing here for this token.\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

async fn bytes_of(service: &Service, path: &str, headers: &HeaderMap) -> Option<(File, Vec<u8>)> {
    let (directory, token, user) = crate::authenticate::authenticate(service, bearer(headers)?).ok()?;
    if !crate::scopes::has(&token, "files:read") {
        return None;
    }
    let id = path.split('/').next()?.split_once('-')?.1;
    let workspace = directory.workspace.id;
    let file = service.file_for(user.id, &directory, id.into()).await.ok()?.visible()?;
    let bytes = service.store.blob(workspace, file.blob?).await.ok()??;
    Some((file, bytes))
}
