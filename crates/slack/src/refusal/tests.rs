use super::*;

/// A full workspace takes no channel and a full channel nobody: the limits are too far away for a wire test.
#[test]
fn full() {
    for (method, code) in
        [("conversations.create", "restricted_action"), ("conversations.join", "too_many_members")]
    {
        assert_eq!(conversation(&C::Full, method).code, code);
    }
}

/// A store that is full, stops or fails: the platform's codes, and a status other than 200 where it has one.
#[test]
fn a_store_that_fails() {
    for (failed, code) in [
        (StoreError::Busy, "ratelimited"),
        (StoreError::Stopping, "service_unavailable"),
        (StoreError::Failed, "internal_error"),
        (StoreError::Damaged, "internal_error"),
        (StoreError::Unknown, "fatal_error"),
    ] {
        assert_eq!(unavailable(failed).code, code);
    }
}
