//! The names that a translated text needs.

use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::policy::sees;
use redraft_model::workspace::ConversationKind;
use redraft_wire::translate::{Names, Person};

/// Names as one reader may learn them.
pub struct NamesFor<'a> {
    /// The workspace whose names they are.
    pub directory: &'a Directory,
    /// Who will read them. Without one, only what everybody sees has a name.
    pub reader: Option<UserId>,
}

impl Names for NamesFor<'_> {
    fn user(&self, id: &str) -> Option<Person> {
        let user = self.directory.user_named(id)?;
        Some(Person {
            slack_id: user.slack_id.clone(),
            connector_id: user.member_id.clone(),
            name: user.real_name.clone(),
        })
    }

    fn channel(&self, id: &str) -> Option<String> {
        let channel = self.directory.conversation_named(id).filter(|it| it.is_channel())?;
        let seen = match self.reader {
            Some(reader) => sees(reader, channel),
            None => channel.kind == ConversationKind::Public,
        };
        seen.then(|| channel.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use redraft_model::shared::SharedSet;

    use super::*;
    use redraft_model::id::{ConversationId, WorkspaceId};
    use redraft_model::time::Micros;
    use redraft_model::workspace::{Conversation, Settings, Workspace};

    fn channel(number: u32, name: &str, kind: ConversationKind, members: &[u32]) -> Conversation {
        Conversation {
            id: ConversationId(number),
            slack_id: format!("C{number}"),
            connector_id: format!("19:{number}"),
            kind,
            name: name.to_owned(),
            topic: redraft_model::workspace::Note::default(),
            purpose: redraft_model::workspace::Note::default(),
            creator: UserId(1),
            created_at: Micros(0),
            general: false,
            archived: false,
            members: members.iter().map(|user| (UserId(*user), Micros(0))).collect(),
            former: SharedSet::new(),
            previous_names: Vec::new(),
            pins: Vec::new(),
            closed: BTreeSet::new(),
            updated_at: Micros(0),
        }
    }

    /// Nobody learns the name of a private channel from a message that names its id.
    #[test]
    fn names_of_channels() {
        let mut directory = Directory::new(Workspace {
            id: WorkspaceId(1),
            team_id: "T1".into(),
            tenant_id: "t".into(),
            name: "w".into(),
            domain: "w".into(),
            created_at: Micros(0),
            settings: Settings::default(),
            clock_offset_micros: 0,
        });
        directory.put_conversation(channel(1, "ops", ConversationKind::Public, &[]));
        directory.put_conversation(channel(2, "leads", ConversationKind::Private, &[7]));
        directory.put_conversation(channel(3, "", ConversationKind::Direct, &[7]));
        let name = |reader: Option<u32>, id: &str| {
            NamesFor { directory: &directory, reader: reader.map(UserId) }.channel(id)
        };
        assert_eq!(name(None, "C1").as_deref(), Some("ops"));
        assert_eq!(name(Some(8), "C1").as_deref(), Some("ops"));
        assert_eq!(name(Some(7), "C2").as_deref(), Some("leads"));
        for (reader, id) in [(None, "C2"), (Some(8), "C2"), (Some(7), "C3"), (None, "C9"), (None, "T1")] {
            assert_eq!(name(reader, id), None, "{reader:?} {id}");
        }
    }
}
