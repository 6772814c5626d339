//! The messages that were touched last, so that changing them again reads nothing. Two generations instead of a list in
//! order of use: what was not asked for during one whole generation is forgotten.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use redraft_model::content::Content;
use redraft_model::id::{MessageKey, WorkspaceId};
use redraft_model::message::Message;

/// Messages of one generation; there are two.
const MESSAGES_MAX: usize = 8192;

/// Text of one generation; there are two.
const CONTENT_BYTES_MAX: usize = 4 << 20;

/// A hash of keys that nobody outside chooses: numbers and times that the committer has given. Half a dozen are needed for
/// each command, and the standard one, which stands up to chosen keys, costs four times as much.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// A table looks at the lowest and at the highest bits; a product's lowest say little.
    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }
}

#[derive(Default)]
pub(super) struct Recent(RefCell<Generations>);

#[derive(Default)]
struct Generations {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    messages: HashMap<MessageKey, Arc<Message>, BuildHasherDefault<Mix>>,
    contents: HashMap<(WorkspaceId, u64), Arc<Content>, BuildHasherDefault<Mix>>,
    bytes: usize,
}

impl Recent {
    pub fn message(&self, key: MessageKey) -> Option<Arc<Message>> {
        let generations = &mut *self.0.borrow_mut();
        if let Some(found) = generations.young.messages.get(&key) {
            return Some(Arc::clone(found));
        }
        let found = generations.old.messages.remove(&key)?;
        generations.put_message(key, Arc::clone(&found));
        Some(found)
    }

    pub fn content(&self, workspace: WorkspaceId, position: u64) -> Option<Arc<Content>> {
        let generations = self.0.borrow();
        let key = &(workspace, position);
        generations.young.contents.get(key).or_else(|| generations.old.contents.get(key)).cloned()
    }

    pub fn put_message(&self, message: Arc<Message>) {
        self.0.borrow_mut().put_message(message.key, message);
    }

    pub fn put_content(&self, workspace: WorkspaceId, position: u64, content: Arc<Content>) {
        let generations = &mut *self.0.borrow_mut();
        generations.young.bytes += size(&content);
        generations.young.contents.insert((workspace, position), content);
        generations.turn();
    }

    pub fn remove_content(&self, workspace: WorkspaceId, position: u64) {
        let generations = &mut *self.0.borrow_mut();
        generations.young.contents.remove(&(workspace, position));
        generations.old.contents.remove(&(workspace, position));
    }

    pub fn remove_message(&self, key: MessageKey) {
        let generations = &mut *self.0.borrow_mut();
        generations.young.messages.remove(&key);
        generations.old.messages.remove(&key);
    }

    pub fn clear(&self) {
        *self.0.borrow_mut() = Generations::default();
    }
}

impl Generations {
    fn put_message(&mut self, key: MessageKey, message: Arc<Message>) {
        self.old.messages.remove(&key);
        self.young.messages.insert(key, message);
        self.turn();
    }

    fn turn(&mut self) {
        let young = &self.young;
        if MESSAGES_MAX <= young.messages.len().max(young.contents.len()) || CONTENT_BYTES_MAX <= young.bytes
        {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

fn size(content: &Content) -> usize {
    let parts =
        [&content.blocks, &content.attachments, &content.metadata, &content.identity, &content.activity];
    let bytes: usize = parts.into_iter().flatten().map(|part| part.len()).sum();
    bytes + content.text.len() + size_of::<Content>()
}
