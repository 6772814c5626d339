//! Which bots are typing: shown for a moment, never stored, forgotten with the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use redraft_model::id::{ConversationId, UserId, WorkspaceId};
use redraft_model::time::Micros;

/// How long one activity shows a bot as typing. Teams' pages say "about three seconds".
const SHOWN_MICROS: i64 = 3_000_000;

/// How many typing bots are remembered, over all workspaces. If there are more, all others are forgotten.
const BOTS_MAX: usize = 10_000;

/// A bot in a conversation.
type Key = (WorkspaceId, ConversationId, UserId);

/// Bots, and when each last said that it types, by its workspace's clock.
#[derive(Default)]
pub struct Typing(Mutex<BTreeMap<Key, Micros>>);

impl Typing {
    /// A bot types now.
    pub(crate) fn note(&self, bot: Key, now: Micros) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if BOTS_MAX <= all.len() && !all.contains_key(&bot) {
            all.clear();
        }
        all.insert(bot, now);
    }

    /// The bots that are typing in a conversation, and since when.
    pub fn who(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        now: Micros,
    ) -> Vec<(UserId, Micros)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = (workspace, conversation, UserId(0))..=(workspace, conversation, UserId(u32::MAX));
        let here = all.range(here).map(|((.., bot), since)| (*bot, *since));
        here.filter(|(_, since)| *since <= now && now < since.plus(SHOWN_MICROS)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded() {
        let typing = Typing::default();
        let bot = |number: usize| (WorkspaceId(1), ConversationId(1), UserId(u32::try_from(number).unwrap()));
        (0..BOTS_MAX).for_each(|number| typing.note(bot(number), Micros(0)));
        assert_eq!(typing.who(WorkspaceId(1), ConversationId(1), Micros(0)).len(), BOTS_MAX);
        typing.note(bot(3), Micros(1));
        assert_eq!(typing.who(WorkspaceId(1), ConversationId(1), Micros(1)).len(), BOTS_MAX);
        typing.note(bot(BOTS_MAX), Micros(1));
        assert_eq!(typing.who(WorkspaceId(1), ConversationId(1), Micros(1)).len(), 1);
    }
}
