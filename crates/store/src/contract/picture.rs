//! All that can be read of a store, as lines, to compare two stores.

use redraft_model::directory::Directory;
use redraft_model::event::{Event, EventKind};
use redraft_model::id::{MessageKey, UserId, WorkspaceId};

use super::items;
use crate::{READ_ROWS_MAX, Store, Window};

/// The whole log of a workspace.
///
/// # Panics
/// When it cannot be read.
pub async fn events(store: &dyn Store, workspace: WorkspaceId) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.position);
        let page = store.events(workspace, after, READ_ROWS_MAX).await.expect("readable");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

pub(super) fn gapless(events: &[Event]) {
    assert!(events.iter().map(|event| event.position).eq(1..=events.len() as u64), "positions have no gaps");
    assert!(events.is_sorted_by(|one, next| one.ts < next.ts), "no time is used twice");
}

/// Everything that can be read of the living workspaces of a store, a line for each thing, to compare two stores.
///
/// # Panics
/// When something cannot be read.
pub async fn picture(store: &dyn Store) -> Vec<String> {
    let (next, directories) = {
        let all = store.published().directories();
        (all.next_workspace, all.all().cloned().collect::<Vec<_>>())
    };
    let mut lines = vec![format!("next {next:?}")];
    for directory in directories {
        lines.extend(shape(&directory));
        let id = directory.workspace.id;
        let usage = store.usage(id).await.expect("readable");
        lines.push(format!("{:?} {usage:?}", directory.quotas));
        for app in directory.apps() {
            let delivered = store.delivered_up_to(id, app.id).await.expect("readable");
            let deliveries = store.deliveries(id, app.id, (0, 0), READ_ROWS_MAX).await.expect("readable");
            lines.push(format!("{:?} delivered up to {delivered} {deliveries:?}", app.id));
        }
        let users: Vec<UserId> = directory.users().map(|user| user.id).collect();
        for conversation in directory.conversations() {
            for user in &users {
                let told = store.targeted(id, conversation.id, *user, READ_ROWS_MAX).await.expect("readable");
                lines.extend(told.iter().map(|found| format!("{user:?} {found:?}")));
            }
            let line = store.channel_line(id, conversation.id, Window::ALL, READ_ROWS_MAX).await;
            lines.extend(
                line.expect("readable").iter().map(|found| format!("{:?} {found:?}", conversation.id)),
            );
        }
        lines.extend(items::items(store, id).await.iter().map(|item| format!("{item:?}")));
        for event in events(store, id).await {
            let content = store.content(id, event.position).await.expect("readable");
            lines.push(format!("{event:?} {content:?}"));
            if let EventKind::MessagePosted { conversation, .. }
            | EventKind::StreamStarted { conversation, .. } = event.kind
            {
                let key = MessageKey { workspace: id, conversation, ts: event.ts };
                lines.extend(history(store, key, &users).await);
            }
        }
    }
    lines
}

/// All that can be read of one message that was ever posted.
async fn history(store: &dyn Store, key: MessageKey, users: &[UserId]) -> Vec<String> {
    let message = store.message(key).await.expect("readable");
    let gone = store.gone(key).await.expect("readable");
    let revisions = store.revisions(key, u32::MAX, READ_ROWS_MAX).await.expect("readable");
    let thread = store.thread_line(key, Window::ALL, READ_ROWS_MAX).await.expect("readable");
    let mut lines = vec![format!("message {message:?}"), format!("gone {gone:?}")];
    lines.extend(revisions.iter().map(|revised| format!("revision {revised:?}")));
    lines.extend(thread.iter().map(|reply| format!("reply {reply:?}")));
    let reactions = store.reactions(key).await.expect("readable");
    lines.extend(reactions.iter().map(|reaction| format!("{reaction:?}")));
    for user in users {
        let view = store.view(key, *user).await.expect("readable");
        lines.extend(view.iter().map(|view| format!("{user:?} {view:?}")));
    }
    lines
}

pub(super) fn shape(directory: &Directory) -> Vec<String> {
    let mut lines = vec![format!("{:?}", directory.workspace)];
    for user in directory.users() {
        lines.push(format!("{user:?} {:?}", directory.named(&user.slack_id)));
    }
    for app in directory.apps() {
        lines.push(format!("{app:?} {:?}", directory.named(&app.bot_id)));
    }
    for conversation in directory.conversations() {
        let members: Vec<UserId> = conversation.members.keys().copied().collect();
        let direct = directory.direct(&members).map(|found| found.id);
        lines.push(format!("{conversation:?} {:?} {direct:?}", directory.named(&conversation.connector_id)));
    }
    lines.extend(directory.tokens().map(|token| format!("{token:?}")));
    lines
}
