//! Attachments that bots hand in, and give back to the bots of the conversation that they were handed in to.
//!
//! An attachment is an item with bytes of its own; its id is the digest of what it is and where, so the same attachment has
//! the same id, and nothing is ever changed. Bytes are read by way of their item only: what somebody says is the digest of
//! something leads nowhere.

use axum::http::{HeaderValue, StatusCode};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use redraft_model::attachments::{Attach, Bytes};
use redraft_model::command::Verb;
use redraft_model::item::{Attachment, Item, ItemKey, View};
use redraft_wire::connector::attachment::{
    AttachmentData, AttachmentInfo, AttachmentView, ORIGINAL, THUMBNAIL,
};
use redraft_wire::connector::conversation::ResourceResponse;
use redraft_wire::connector::errors::{BAD_ARGUMENT, BAD_SYNTAX, MESSAGE_SIZE_TOO_BIG};

use crate::call::Call;
use crate::refusal::{fault, unavailable};
use crate::reply::{Error, Reply};
use redraft_service::mint;

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

/// Keeps an attachment; answers with its id.
pub(super) async fn upload(call: &Call<'_>, conversation: &str) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
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
    let about = format!("{} {} {:?}", conversation.id.0, kind, data.name);
    let of = [Some(&original), thumbnail.as_ref()].map(|view| view.map(|bytes| mint::sha256(bytes)));
    let id = mint::hex(&mint::sha256(format!("{about} {of:?}").as_bytes()));
    let keep = |view: &str, bytes: Vec<u8>| Bytes {
        blob: mint::sha256(format!("{view} of attachment {id}").as_bytes()),
        bytes: bytes.into(),
    };
    let attach = Attach {
        conversation: conversation.id,
        original: keep(ORIGINAL, original),
        thumbnail: thumbnail.map(|bytes| keep(THUMBNAIL, bytes)),
        id: id.clone(),
        name: data.name,
        kind,
    };
    call.submit_keyed(Verb::Attach(Box::new(attach)), None).await?;
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

/// What is known of an attachment.
pub(super) async fn info(call: &Call<'_>, id: &str) -> Result<Reply, Error> {
    let known = find(call, id).await?;
    let mut views = vec![AttachmentView { view_id: ORIGINAL, size: known.original.size }];
    views.extend(known.thumbnail.map(|view| AttachmentView { view_id: THUMBNAIL, size: view.size }));
    let info = AttachmentInfo { name: known.name.as_deref(), kind: Some(&known.kind), views };
    Ok(Reply::new(StatusCode::OK, &info))
}

/// The bytes of one view, exactly as they were handed in.
pub(super) async fn view(call: &Call<'_>, id: &str, view_id: &str) -> Result<Reply, Error> {
    let known = find(call, id).await?;
    let view: Option<View> = match view_id.to_ascii_lowercase().as_str() {
        ORIGINAL => Some(known.original),
        THUMBNAIL => known.thumbnail,
        _ => None,
    };
    let unknown = || not_found(format!("The attachment has no view {view_id}."));
    let view = view.ok_or_else(unknown)?;
    let bytes = call.service.store.blob(call.directory.workspace.id, view.blob).await.map_err(unavailable)?;
    let bytes = bytes.ok_or_else(unknown)?;
    let kind = HeaderValue::try_from(&*known.kind).unwrap_or(HeaderValue::from_static(ANY_TYPE));
    Ok(Reply { body: bytes.into(), kind: Some(kind), ..Reply::empty(StatusCode::OK) })
}

/// An attachment of a conversation that the bot is in; any other is not there.
async fn find(call: &Call<'_>, id: &str) -> Result<Attachment, Error> {
    let item = call.service.store.item(call.directory.workspace.id, ItemKey::Attachment(id.to_owned()));
    let inside = |known: &Attachment| {
        known.conversation.is_none_or(|id| {
            call.directory.conversation(id).is_some_and(|found| found.has(call.bot.bot_user))
        })
    };
    match item.await.map_err(unavailable)? {
        Some(Item::Attachment(known)) if inside(&known) => Ok(known),
        _ => Err(not_found("No attachment has this id.".into())),
    }
}

fn not_found(message: String) -> Error {
    Error::new(StatusCode::NOT_FOUND, BAD_ARGUMENT, message)
}
