//! The names that a translated text needs.

use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::policy::sees;
use redraft_wire::translate::{Names, Person};

/// Names as one reader may learn them.
pub(crate) struct NamesFor<'a> {
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
            None => channel.kind == redraft_model::workspace::ConversationKind::Public,
        };
        seen.then(|| channel.name.clone())
    }
}
