//! Ways in for the fuzzer, to parsers that no request reaches.

use crate::slack::sockets;

/// What an app says over its socket: the body of its answer, if it is an acknowledgement.
#[must_use]
pub fn acknowledgement(text: &str) -> Option<Vec<u8>> {
    sockets::body_of(text)
}
