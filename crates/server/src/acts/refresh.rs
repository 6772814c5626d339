//! Cards that want to be refreshed when somebody sees them: the bot is asked for that person's own view.
//!
//! Once for each revision, person and card, as clients do it. A read waits for a short time only; an answer that comes
//! later is shown by the next one.

use std::time::Duration;

use redraft_model::time::Ts;
use redraft_model::workspace::Conversation;
use redraft_store::Stored;
use redraft_wire::connector::invoke::{self, CardAnswer};
use redraft_wire::connector::press::{self, Press, Refresh};
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cards::{CARD_ACTION, Shown};
use super::person::Person;

/// Cards that one read has refreshed, the newest first.
const CARDS_MAX: usize = 10;

/// How long a read waits for all of them.
const WAIT_MS: u64 = 1000;

impl Person {
    /// Has the cards among these refreshed that want it for this person. Returns which messages those are.
    pub(super) async fn refresh(&self, conversation: &Conversation, shown: &[Stored]) -> Vec<Ts> {
        let mut asking = JoinSet::new();
        let mut asked = Vec::new();
        for stored in shown.iter().rev() {
            if asked.len() == CARDS_MAX {
                break;
            }
            let Some((shown, value)) = self.wanted(conversation, stored).await else { continue };
            let revision = stored.message.revision().map_or(0, std::num::NonZeroU32::get);
            if !self.app.refreshes.begins((stored.message.key, revision, self.user.id)) {
                continue;
            }
            asked.push(stored.message.key.ts);
            let person = self.clone();
            asking.spawn(async move { person.ask_for_own_view(&shown, &value).await });
        }
        let all = async { while asking.join_next().await.is_some() {} };
        drop(timeout(Duration::from_millis(WAIT_MS), all).await);
        asking.detach_all();
        asked
    }

    /// The invoke by which a card wants to be refreshed for this person.
    async fn wanted(&self, conversation: &Conversation, stored: &Stored) -> Option<(Shown, Value)> {
        if !conversation.has(self.user.id) || conversation.archived || !stored.message.as_app {
            return None;
        }
        let text = stored.content.activity.as_deref().filter(|text| text.contains("\"refresh\""))?;
        let activity: Map<String, Value> = serde_json::from_str(text).ok()?;
        let few = conversation.members.len() <= press::REFRESH_USERS_MAX;
        let refreshes = press::refreshes(&activity).into_iter();
        let mut wanted = refreshes.filter(|refresh| match &refresh.user_ids {
            Some(users) => users.contains(&self.user.member_id.as_str()),
            None => few,
        });
        let Some(Refresh { attachment, press: Press::Invoke { value, .. }, .. }) = wanted.next() else {
            return None;
        };
        drop(wanted);
        let first = matches!(self.own_view(stored).await, Ok(None));
        let shown = Shown { stored: stored.clone(), activity, attachment: Some(attachment) };
        first.then_some((shown, value))
    }

    /// An answer that is no card leaves the message as it is, and so does one for a revision that is no more.
    async fn ask_for_own_view(&self, shown: &Shown, value: &Value) {
        let stored = &shown.stored;
        let Some(conversation) = self.directory.conversation(stored.message.key.conversation) else { return };
        let answered = self.ask(conversation, stored, Some(CARD_ACTION), value).await;
        let Ok(answered) = answered else { return };
        let answer = invoke::card_answer(answered.status.as_u16(), &answered.body);
        let Ok(CardAnswer::Card(card)) = answer else { return };
        let now = self.app.service.message_for(self.reader(), stored.message.key).await;
        let same = |now: Stored| now.message.revision() == stored.message.revision();
        if now.is_ok_and(|now| now.visible().is_some_and(same)) {
            drop(self.show(shown, &card).await);
        }
    }
}
