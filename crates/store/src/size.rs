//! About how much memory contents take, for what is bounded by bytes.

use std::sync::Arc;

use redraft_model::content::Content;

/// Bytes that are assumed for each row beside its content.
const ROW_BYTES: usize = 256;

/// About how much memory a content takes.
pub(crate) fn content_bytes(content: &Content) -> usize {
    let parts = [
        &content.blocks,
        &content.attachments,
        &content.metadata,
        &content.identity,
        &content.activity,
        &content.files,
        &content.notice,
    ];
    let parts: usize = parts.into_iter().flatten().map(|part| part.len()).sum();
    ROW_BYTES + content.text.len() + parts
}

/// The same of a revision, which may have been erased.
pub(crate) fn revised_bytes(content: Option<&Arc<Content>>) -> usize {
    content.map_or(ROW_BYTES, |content| content_bytes(content))
}
