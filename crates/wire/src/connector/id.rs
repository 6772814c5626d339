//! Ids with structure: a channel narrowed to one of its threads.

/// Splits a conversation id into the conversation and the root message that `;messageid=` names.
///
/// An empty root counts as none.
pub fn split_conversation(id: &str) -> (&str, Option<&str>) {
    match id.split_once(";messageid=") {
        Some((conversation, root)) => (conversation, Some(root).filter(|root| !root.is_empty())),
        None => (id, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting() {
        for (id, wanted) in [
            ("19:a@thread.tacv2", ("19:a@thread.tacv2", None)),
            ("19:a@thread.tacv2;messageid=170", ("19:a@thread.tacv2", Some("170"))),
            ("19:a;messageid=", ("19:a", None)),
            ("", ("", None)),
        ] {
            assert_eq!(split_conversation(id), wanted);
        }
    }
}
