//! Attachments that bots hand in, and give back to whoever has a bot's token of the workspace.
//!
//! Everything is a blob under its digest: the views, and what is known of them, whose digest is the attachment's id. So the
//! same attachment has the same id, and nothing is ever changed.

use axum::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use redraft_wire::connector::attachment::{
    AttachmentData, AttachmentInfo, AttachmentView, ORIGINAL, THUMBNAIL,
};
use redraft_wire::connector::conversation::ResourceResponse;
use redraft_wire::connector::errors::{BAD_ARGUMENT, BAD_SYNTAX, MESSAGE_SIZE_TOO_BIG};
use serde::{Deserialize, Serialize};

use super::Call;
use super::activities::conversation_named;
use super::refusal::{fault, unavailable};
use super::reply::{Error, Reply};
use crate::mint;

/// The biggest view, in bytes.
const VIEW_BYTES_MAX: usize = 1 << 20;

/// The longest name and the longest MIME type, in characters.
const NAME_CHARS_MAX: usize = 255;

/// What bytes are of which nothing is said.
const ANY_TYPE: &str = "application/octet-stream";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is known of an attachment, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    name: Option<String>,
    kind: String,
    original: View,
    thumbnail: Option<View>,
}

#[derive(Serialize, Deserialize)]
struct View {
    /// SHA-256 in hexadecimal digits.
    digest: String,
    size: u64,
}

/// Keeps an attachment; answers with its id.
pub(super) async fn upload(call: &Call<'_>, conversation: &str) -> Result<Reply, Error> {
    conversation_named(call, conversation)?;
    let data = AttachmentData::parse(&call.body).map_err(|found| fault(found.code, found.message))?;
    let kind = data.kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| ANY_TYPE.into());
    if !kind.contains('/') || NAME_CHARS_MAX < kind.len() || HeaderValue::try_from(&*kind).is_err() {
        return Err(fault(
            BAD_ARGUMENT,
            "Attachment member 'type' must be a MIME type, such as 'image/png'.",
        ));
    }
    if data.name.as_ref().is_some_and(|name| NAME_CHARS_MAX < name.chars().count()) {
        let message = format!("Attachment member 'name' has more than {NAME_CHARS_MAX} characters.");
        return Err(fault(BAD_ARGUMENT, message));
    }
    let original = bytes(&data.original_base64, "originalBase64")?;
    let thumbnail = data.thumbnail_base64.map(|given| bytes(&given, "thumbnailBase64")).transpose()?;
    let original = keep_view(call, original).await?;
    let thumbnail = match thumbnail {
        Some(thumbnail) => Some(keep_view(call, thumbnail).await?),
        None => None,
    };
    let kept = Kept { name: data.name, kind, original, thumbnail };
    let kept = serde_json::to_vec(&kept).unwrap_or_default();
    let id = keep(call, kept).await?;
    Ok(Reply::new(StatusCode::CREATED, &ResourceResponse { id: &id }))
}

fn bytes(given: &str, member: &str) -> Result<Vec<u8>, Error> {
    let bytes = BASE64.decode(given).ok().filter(|bytes| !bytes.is_empty());
    let bytes =
        bytes.ok_or_else(|| fault(BAD_SYNTAX, format!("Attachment member '{member}' is not base64.")))?;
    if VIEW_BYTES_MAX < bytes.len() {
        let message = format!("Attachment member '{member}' has more than {VIEW_BYTES_MAX} bytes.");
        return Err(fault(MESSAGE_SIZE_TOO_BIG, message));
    }
    Ok(bytes)
}

async fn keep_view(call: &Call<'_>, bytes: Vec<u8>) -> Result<View, Error> {
    let size = bytes.len() as u64;
    Ok(View { digest: keep(call, bytes).await?, size })
}

/// Keeps bytes; gives back their digest.
async fn keep(call: &Call<'_>, bytes: Vec<u8>) -> Result<String, Error> {
    let digest = mint::sha256(&bytes);
    let kept = call.app.store.put_blob(call.directory.workspace.id, digest, bytes);
    kept.await.map_err(unavailable)?;
    Ok(mint::hex(&digest))
}

/// What is known of an attachment.
pub(super) async fn info(call: &Call<'_>, id: &str) -> Result<Reply, Error> {
    let kept = find(call, id).await?;
    let mut views = vec![AttachmentView { view_id: ORIGINAL, size: kept.original.size }];
    views.extend(kept.thumbnail.map(|view| AttachmentView { view_id: THUMBNAIL, size: view.size }));
    let info = AttachmentInfo { name: kept.name.as_deref(), kind: Some(&kept.kind), views };
    Ok(Reply::new(StatusCode::OK, &info))
}

/// The bytes of one view, exactly as they were handed in.
pub(super) async fn view(call: &Call<'_>, id: &str, view_id: &str) -> Result<Reply, Error> {
    let kept = find(call, id).await?;
    let view = match view_id.to_ascii_lowercase().as_str() {
        ORIGINAL => Some(kept.original),
        THUMBNAIL => kept.thumbnail,
        _ => None,
    };
    let unknown = || not_found(format!("The attachment has no view {view_id}."));
    let view = view.ok_or_else(unknown)?;
    let bytes = blob(call, &view.digest).await?.ok_or_else(unknown)?;
    let kind = HeaderValue::try_from(&*kept.kind).unwrap_or(HeaderValue::from_static(ANY_TYPE));
    Ok(Reply { body: bytes.into(), kind: Some(kind), ..Reply::empty(StatusCode::OK) })
}

async fn find(call: &Call<'_>, id: &str) -> Result<Kept, Error> {
    let kept = blob(call, id).await?.and_then(|kept| serde_json::from_slice(&kept).ok());
    kept.ok_or_else(|| not_found("No attachment has this id.".into()))
}

async fn blob(call: &Call<'_>, digest: &str) -> Result<Option<Vec<u8>>, Error> {
    let Some(digest) = unhex(digest) else { return Ok(None) };
    call.app.store.blob(call.directory.workspace.id, digest).await.map_err(unavailable)
}

fn not_found(message: String) -> Error {
    Error::new(StatusCode::NOT_FOUND, BAD_ARGUMENT, message)
}

/// A digest in lower-case hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
    let pair = |pair: &[u8]| u8::try_from(digit(&pair[0])? * 16 + digit(&pair[1])?).ok();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|it| pair(it)).collect::<Option<Vec<u8>>>()?.try_into().ok()
}
