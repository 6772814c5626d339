//! Clearing away: what is past its time, what nothing names any more, dropped workspaces, and content of what was deleted.
//! All of it in small steps within the committer's transactions, never in a request's own.
//!
//! **When content may go.** The log says what ended: a deletion names where the last content is, an update its own, which
//! names the one before. A cursor of each workspace follows the log as far as the retention has ended, so a request writes
//! nothing for it. What the cursor finds is put into `erasing` and taken from there row by row, the newest first, unless
//! a delivery still needs it: that of an app that has not read the log so far, of the event that wrote the content, or of
//! the one that ended it. What is needed is looked at again in turn, and is erased [`ERASED_AT_LATEST_MICROS`] after its
//! retention at the latest.
//!
//! **What is left.** An erased revision keeps its row without content, so that it is not taken for one that was lost.
//! `secure_delete` writes zeros over what is deleted from a page and over pages that become free; the log is emptied some
//! time later (`SqliteEngine::rest`).

use std::collections::HashMap;

use redraft_model::directory::{Directories, Directory};
use redraft_model::event::{EndedContent, Event};
use redraft_model::id::{AppId, MessageKey, WorkspaceId};
use redraft_model::item::Item;
use redraft_model::limits::{EPHEMERAL_MICROS, ERASED_AT_LATEST_MICROS};
use redraft_model::time::{Micros, Ts};
use redraft_model::workspace::Retention;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tracing::error;

use super::engine::SqliteEngine;
use super::keys::{ConversationKey, LogKey};
use super::rows;
use super::seal::{Row, unseal};
use crate::record::{RevisionRow, decode, is_file};
use crate::{Awaited, Delivery, Sweep, Swept};

/// Rows that one step takes from a table.
const ROWS_MAX: i64 = 500;

/// Revisions that one step erases. They lie all over the file, and each may have many pages.
const REVISIONS_MAX: usize = 100;

/// Entries of `erasing` that one step looks at.
const ERASING_MAX: i64 = 500;

/// Deliveries of an app that one step looks at.
const DEAD_LETTERS_MAX: usize = 50;

/// Events that one step reads.
const EVENTS_MAX: i64 = 1000;

/// Workspaces that one step looks into.
const WORKSPACES_MAX: usize = 50;

/// Blobs that one step erases; each may have megabytes.
const BLOBS_MAX: i64 = 4;

/// Where the next step goes on. Only a hint: it is forgotten when the database is opened again.
pub(super) struct Place {
    workspace: WorkspaceId,
    /// In `erasing`, of each workspace that has some which were not looked at.
    positions: HashMap<WorkspaceId, u64>,
}

impl Default for Place {
    fn default() -> Self {
        Self { workspace: WorkspaceId(0), positions: HashMap::new() }
    }
}

/// What one step has done with revisions.
#[derive(Default)]
struct Count {
    seen: usize,
    erased: usize,
}

/// What the cursor of a workspace looks for in its log. The number is stored.
#[derive(Clone, Copy)]
enum Ended {
    /// What was deleted or submitted.
    Deleted = 1,
    /// What was superseded by an update.
    Superseded = 2,
}

/// How far erasing goes from where it begins. The number is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The content of one revision.
    One = 1,
    /// It and all before it.
    Chain = 2,
    /// The same, and no row is left of them.
    Nothing = 3,
}

/// Content on its way out.
struct Erasing {
    /// The event that ended it.
    position: u64,
    /// When the event happened that ended the content.
    since: Micros,
    /// Where the next content is.
    next: u64,
    /// The event after the one that wrote it.
    after: u64,
    reach: Reach,
}

/// Which events of a workspace a delivery still needs.
struct Untold {
    /// Every app with deliveries has read the log up to here.
    read_to: u64,
    /// Apps with deliveries that wait or were given up.
    late: Vec<AppId>,
}

impl SqliteEngine {
    /// One bounded step of clearing away, in a transaction of its own.
    pub(super) fn clear_away(
        &mut self,
        sweep: Sweep,
        now: Micros,
        directories: &Directories,
    ) -> rusqlite::Result<Swept> {
        let first = self.sweeping.workspace;
        let mut looked_at = directories.all().filter(|it| first <= it.workspace.id);
        for directory in looked_at.by_ref().take(WORKSPACES_MAX) {
            self.sweeping.workspace = directory.workspace.id;
            let swept = self.clear_away_in(directory, sweep, now)?;
            if swept.more {
                return Ok(swept);
            }
        }
        if let Some(next) = looked_at.next() {
            self.sweeping.workspace = next.workspace.id;
            return Ok(Swept { more: true, erased: 0 });
        }
        self.sweeping.workspace = WorkspaceId(0);
        let blobs = self.sweep_blobs()?;
        let dropped = self.sweep_dropped()?;
        Ok(Swept { more: 0 < blobs || dropped, erased: blobs })
    }

    fn clear_away_in(&mut self, directory: &Directory, sweep: Sweep, now: Micros) -> rusqlite::Result<Swept> {
        let workspace = &directory.workspace;
        let (id, retention) = (workspace.id, workspace.settings.retention);
        // What expires does so by the workspace's clock, which may be far ahead of the machine's.
        let now = now.plus(workspace.clock_offset_micros);
        let mut swept = self.sweep_remembered(id, now)?;
        swept += self.sweep_items(id, now)?;
        swept += whole(self.sweep_ephemeral(id, now, retention))?;
        swept += whole(self.sweep_dead_letters(directory, before(now, retention.dead_letters_micros)))?;
        let deleted = match sweep {
            Sweep::Routine => retention.deleted_micros,
            Sweep::Purge => 0,
        };
        swept += self.follow_log(id, Ended::Deleted, before(now, deleted))?;
        if let Some(superseded) = retention.superseded_micros {
            swept += self.follow_log(id, Ended::Superseded, before(now, superseded))?;
        }
        let (count, more) = self.erase_some(directory, now)?;
        // A purge looks at everything that waits once, however little comes of it.
        let looks_on = more && sweep == Sweep::Purge;
        Ok(Swept { more: 0 < swept || 0 < count.seen || looks_on, erased: count.erased })
    }

    fn sweep_remembered(&self, id: WorkspaceId, now: Micros) -> rusqlite::Result<usize> {
        self.write(
            "DELETE FROM remembered WHERE (identity, key) IN
                (SELECT identity, key FROM remembered
                    WHERE substr(identity, 1, 4) = ?1 AND expires_at <= ?2 LIMIT ?3)",
            params![id.0.to_be_bytes(), now.0, ROWS_MAX],
        )
    }

    /// Items past their time, with the bytes that they own.
    fn sweep_items(&self, id: WorkspaceId, now: Micros) -> rusqlite::Result<usize> {
        let mut statement = self.db.prepare_cached(
            "SELECT key, body FROM item WHERE workspace = ?1 AND kept_until <= ?2 LIMIT ?3",
        )?;
        let ended = statement.query_map(params![id.0, now.0, ROWS_MAX], |row| {
            let key: Vec<u8> = row.get(0)?;
            // One that cannot be read goes as well; what it owned is left to the examination.
            let body = unseal(Row::Item(i64::from(id.0), &key), row.get_ref(1)?.as_blob()?);
            let item: Option<Item> = body.and_then(decode);
            Ok((key, item))
        })?;
        let ended: Vec<(Vec<u8>, Option<Item>)> = ended.collect::<Result<_, _>>()?;
        for (key, item) in &ended {
            for (blob, size) in item.iter().flat_map(Item::blobs) {
                self.remove_blob(id, &blob, size)?;
            }
            let files = i64::from(item.as_ref().is_some_and(is_file));
            self.count(id, |counted| counted.files -= files);
            self.write("DELETE FROM item WHERE workspace = ?1 AND key = ?2", params![id.0, key])?;
        }
        Ok(ended.len())
    }

    /// Ephemeral messages past their time. The table has the end that they have by default.
    fn sweep_ephemeral(&self, id: WorkspaceId, now: Micros, retention: Retention) -> rusqlite::Result<usize> {
        let by_default = before(now, retention.ephemeral_micros).plus(EPHEMERAL_MICROS);
        let mut statement = self.db.prepare_cached(
            "SELECT expires_at, place, ts FROM ephemeral WHERE place >> 32 = ?1 AND expires_at <= ?2 LIMIT ?3",
        )?;
        let expired = statement.query_map(params![id.0, by_default.0, ROWS_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let expired: Vec<(i64, ConversationKey, i64)> = expired.collect::<Result<_, _>>()?;
        for (expires_at, conversation, ts) in &expired {
            self.expire(conversation.message(Ts(*ts)), now, retention)?;
            let key = params![expires_at, conversation, ts];
            self.write("DELETE FROM ephemeral WHERE expires_at = ?1 AND place = ?2 AND ts = ?3", key)?;
        }
        Ok(expired.len())
    }

    /// Removes a message for one reader, unless it was changed since and lasts longer. Its revisions follow.
    fn expire(&self, key: MessageKey, now: Micros, retention: Retention) -> rusqlite::Result<()> {
        let Some(message) = rows::message(&self.db, key)? else { return Ok(()) };
        if !message.expired(now, retention) {
            return Ok(());
        }
        let position = message.content_at;
        self.put_erasing(
            key.workspace,
            &Erasing { position, since: now, next: position, after: position, reach: Reach::Nothing },
        )?;
        self.clear_marks(key)?;
        self.remove_message(&message)
    }

    /// Dead letters whose event is old enough. Those of an app are in the order of the log.
    fn sweep_dead_letters(&self, directory: &Directory, before: Micros) -> rusqlite::Result<usize> {
        let id = directory.workspace.id;
        let mut swept = 0;
        for app in directory.apps() {
            for Delivery { position, part, due_at, .. } in
                rows::deliveries(&self.db, id, app.id, (0, 0), DEAD_LETTERS_MAX)?
            {
                let event = rows::events(&self.db, id, position.saturating_sub(1), 1)?.pop();
                if event.is_some_and(|event| event.position == position && before < event.at) {
                    break;
                }
                if due_at.is_none() {
                    const SQL: &str = "DELETE FROM delivery
                        WHERE workspace = ?1 AND app = ?2 AND position = ?3 AND part = ?4";
                    let at = i64::try_from(position).unwrap_or(i64::MAX);
                    swept += self.write(SQL, params![id.0, app.id.0, at, part])?;
                }
            }
        }
        Ok(swept)
    }

    /// Reads on in the log up to events of this time, and puts what ended into `erasing`. Returns how many were read.
    fn follow_log(&self, id: WorkspaceId, what: Ended, until: Micros) -> rusqlite::Result<usize> {
        let mut statement =
            self.db.prepare_cached("SELECT position FROM erased WHERE workspace = ?1 AND what = ?2")?;
        let from: Option<i64> =
            statement.query_row(params![id.0, what as u8], |row| row.get(0)).optional()?;
        let from = from.and_then(|from| u64::try_from(from).ok()).unwrap_or(0);
        let (mut read, mut last) = (0, None);
        for event in self.events_after(id, from)? {
            match event {
                (_, Some(event)) if until < event.at => break,
                (position, event) => {
                    (read, last) = (read + 1, Some(position));
                    if let Some(erasing) = event.and_then(|event| self.ended_by(id, what, &event).transpose())
                    {
                        self.put_erasing(id, &erasing?)?;
                    }
                }
            }
        }
        if let Some(last) = last {
            const SQL: &str = "INSERT OR REPLACE INTO erased (workspace, what, position) VALUES (?1, ?2, ?3)";
            self.write(SQL, params![id.0, what as u8, last])?;
        }
        Ok(read)
    }

    /// Entries of the log with their positions; what cannot be read is left to the examination.
    fn events_after(&self, id: WorkspaceId, after: u64) -> rusqlite::Result<Vec<(i64, Option<Event>)>> {
        const SQL: &str = "SELECT spot, body FROM log WHERE spot > ?1 AND spot < ?2 ORDER BY spot LIMIT ?3";
        let bounds = params![LogKey::new(id, after), LogKey::first(WorkspaceId(id.0 + 1)), EVENTS_MAX];
        let mut statement = self.db.prepare_cached(SQL)?;
        let events = statement.query_map(bounds, |row| {
            let log_key: LogKey = row.get(0)?;
            let event = unseal(Row::Log(log_key), row.get_ref(1)?.as_blob()?).and_then(decode);
            Ok((log_key.position(), event))
        })?;
        events.collect()
    }

    /// The content that an event ended.
    fn ended_by(&self, id: WorkspaceId, what: Ended, event: &Event) -> rusqlite::Result<Option<Erasing>> {
        let Event { position, at, .. } = *event;
        let from = |next, reach| Some(Erasing { position, since: at, next, after: position, reach });
        let Some(ended) = event.kind.ended_content() else { return Ok(None) };
        Ok(match (what, ended) {
            (Ended::Deleted, EndedContent::Deleted { content_at }) => from(content_at, Reach::Chain),
            // What was submitted is delivered to one app, and was never a part of a message.
            (Ended::Deleted, EndedContent::Submitted) => from(position, Reach::One),
            (Ended::Superseded, EndedContent::Superseded) => {
                let revision = self.revision(id, position)?;
                revision.and_then(|row| row.revision.previous).and_then(|next| from(next, Reach::One))
            }
            (Ended::Deleted, EndedContent::Superseded)
            | (Ended::Superseded, EndedContent::Deleted { .. } | EndedContent::Submitted) => None,
        })
    }

    fn put_erasing(&self, id: WorkspaceId, erasing: &Erasing) -> rusqlite::Result<()> {
        const SQL: &str = "INSERT OR REPLACE INTO erasing (workspace, position, since, next, after, reach)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let at = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
        let Erasing { position, since, next, after, reach } = *erasing;
        self.write(SQL, params![id.0, at(position), since.0, at(next), at(after), reach as u8]).map(drop)
    }

    /// Erases some of what may go. Returns what was done, and whether there may be more to look at.
    fn erase_some(&mut self, directory: &Directory, now: Micros) -> rusqlite::Result<(Count, bool)> {
        let id = directory.workspace.id;
        let mut count = Count::default();
        let all = erasing(&self.db, id, self.sweeping.positions.remove(&id).unwrap_or(0))?;
        let Some(last) = all.last().map(|last| last.position) else { return Ok((count, false)) };
        let mut looked_at = last;
        let untold = self.untold(directory)?;
        for mut one in all {
            let begins = one.next;
            let retention = directory.workspace.settings.retention;
            let kept = match one.reach {
                Reach::One => retention.superseded_micros.unwrap_or(retention.deleted_micros),
                Reach::Chain | Reach::Nothing => retention.deleted_micros,
            };
            let latest = one.since.plus(kept).plus(ERASED_AT_LATEST_MICROS);
            let waits = now < latest && one.reach != Reach::Nothing;
            let untold = waits.then_some(&untold);
            if self.erase(id, &mut one, untold, &mut count)? {
                const SQL: &str = "DELETE FROM erasing WHERE workspace = ?1 AND position = ?2";
                let position = i64::try_from(one.position).unwrap_or(i64::MAX);
                self.write(SQL, params![id.0, position])?;
            } else if one.next != begins {
                self.put_erasing(id, &one)?;
            }
            if REVISIONS_MAX <= count.seen {
                // The rest of this chain first.
                looked_at = one.position.saturating_sub(1);
                break;
            }
        }
        self.sweeping.positions.insert(id, looked_at);
        Ok((count, true))
    }

    /// Erases one thing as far as it may go in this step; true when nothing is left of it.
    fn erase(
        &self,
        id: WorkspaceId,
        one: &mut Erasing,
        untold: Option<&Untold>,
        count: &mut Count,
    ) -> rusqlite::Result<bool> {
        while count.seen < REVISIONS_MAX {
            if let Some(untold) = untold
                && self.is_awaited(id, untold, one)?
            {
                return Ok(false);
            }
            count.seen += 1;
            let Some(row) = self.revision(id, one.next)? else {
                // Not there, or damaged: what may be left of it goes as well, and nobody knows what was before it.
                self.remove_revision(id, one.next)?;
                return Ok(true);
            };
            let previous = row.revision.previous;
            count.erased += usize::from(row.content.is_some());
            match one.reach {
                Reach::Nothing => self.remove_revision(id, one.next)?,
                Reach::One | Reach::Chain => self.blank(one.next, row)?,
            }
            match previous {
                Some(previous) if one.reach != Reach::One => (one.after, one.next) = (one.next, previous),
                Some(_) | None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// The row of a revision, or nothing if it is damaged.
    fn revision(&self, id: WorkspaceId, position: u64) -> rusqlite::Result<Option<RevisionRow>> {
        match rows::revision_at(&self.db, id, position) {
            Err(failed) if rows::is_damage(&failed) => {
                error!(position, "a revision that is to be erased cannot be read");
                Ok(None)
            }
            read => read,
        }
    }

    /// Takes the content from a revision and leaves its place in the history.
    fn blank(&self, position: u64, row: RevisionRow) -> rusqlite::Result<()> {
        if row.content.is_none() {
            return Ok(());
        }
        self.replace_revision(position, &RevisionRow { content: None, ..row })
    }

    fn untold(&self, directory: &Directory) -> rusqlite::Result<Untold> {
        let id = directory.workspace.id;
        let mut untold = Untold { read_to: u64::MAX, late: Vec::new() };
        for app in directory.apps() {
            if app.is_told() {
                let delivered = rows::delivered_up_to(&self.db, id, app.id)?.max(app.hears_from);
                untold.read_to = untold.read_to.min(delivered);
            }
            // One that cannot be read waits as well.
            if rows::deliveries(&self.db, id, app.id, (0, 0), 1).is_ok_and(|all| all.is_empty()) {
                continue;
            }
            untold.late.push(app.id);
        }
        Ok(untold)
    }

    /// Whether a delivery still needs the next content.
    fn is_awaited(&self, id: WorkspaceId, untold: &Untold, one: &Erasing) -> rusqlite::Result<bool> {
        if untold.read_to < one.after {
            return Ok(true);
        }
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM delivery
            WHERE workspace = ?1 AND app = ?2 AND position IN (?3, ?4))";
        let at = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
        let mut statement = self.db.prepare_cached(SQL)?;
        for app in &untold.late {
            if statement.query_row(params![id.0, app.0, at(one.next), at(one.after)], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Erases a few blobs that nothing names; returns how many.
    fn sweep_blobs(&self) -> rusqlite::Result<usize> {
        let mut statement = self.db.prepare_cached("SELECT workspace, digest FROM unnamed_blob LIMIT ?1")?;
        let unnamed = statement.query_map([BLOBS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let unnamed: Vec<(u32, [u8; 32])> = unnamed.collect::<Result<_, _>>()?;
        for (workspace, key) in &unnamed {
            self.write("DELETE FROM blob WHERE workspace = ?1 AND digest = ?2", params![workspace, key])?;
            let key = params![workspace, key];
            self.write("DELETE FROM unnamed_blob WHERE workspace = ?1 AND digest = ?2", key)?;
        }
        Ok(unnamed.len())
    }

    /// Rows of a dropped workspace; true if there may be more.
    fn sweep_dropped(&self) -> rusqlite::Result<bool> {
        let mut statement = self.db.prepare_cached("SELECT workspace FROM dropped LIMIT 1")?;
        let Some(id) = statement.query_row([], |row| row.get(0)).optional()? else { return Ok(false) };
        let (this, next) = (WorkspaceId(id), WorkspaceId(id + 1));
        let revisions = i64::try_from(REVISIONS_MAX).unwrap_or(ROWS_MAX);
        let conversations = params![ConversationKey::first(this), ConversationKey::first(next), ROWS_MAX];
        let events = params![LogKey::first(this), LogKey::first(next), ROWS_MAX];
        let contents = params![LogKey::first(this), LogKey::first(next), revisions];
        let whole = params![id, id + 1, ROWS_MAX];
        let few = params![id, id + 1, BLOBS_MAX];
        let identities = params![id.to_be_bytes(), (id + 1).to_be_bytes(), ROWS_MAX];
        let mut swept = 0;
        for (table, key, range, bounds) in [
            ("message", "(place, line, ts)", "place", conversations),
            ("placed", "(place, ts)", "place", conversations),
            ("replier", "(place, root, user)", "place", conversations),
            ("gone", "(place, ts)", "place", conversations),
            ("piece", "(place, ts, number)", "place", conversations),
            ("reaction", "(place, ts, since)", "place", conversations),
            ("view", "(place, ts, user)", "place", conversations),
            ("revision", "(spot)", "spot", contents),
            ("log", "(spot)", "spot", events),
            ("heard", "(workspace, app)", "workspace", whole),
            ("delivery", "(workspace, app, position, part)", "workspace", whole),
            ("blob", "(workspace, digest)", "workspace", few),
            ("unnamed_blob", "(workspace, digest)", "workspace", whole),
            ("blob_sum", "(workspace)", "workspace", whole),
            ("item", "(workspace, key)", "workspace", whole),
            ("directory", "(workspace, origin, key)", "workspace", whole),
            ("remembered", "(identity, key)", "identity", identities),
            ("erased", "(workspace, what)", "workspace", whole),
            ("erasing", "(workspace, position)", "workspace", whole),
            ("ephemeral", "(expires_at, place, ts)", "(place >> 32)", whole),
        ] {
            let columns = key.trim_start_matches('(').trim_end_matches(')');
            swept += self.write(
                &format!(
                    "DELETE FROM {table} WHERE {key} IN
                        (SELECT {columns} FROM {table} WHERE {range} >= ?1 AND {range} < ?2 LIMIT ?3)"
                ),
                bounds,
            )?;
        }
        if swept == 0 {
            // The batch that dropped it wrote its head once more.
            self.write("DELETE FROM head WHERE workspace = ?1", [id])?;
            self.write("DELETE FROM dropped WHERE workspace = ?1", [id])?;
        }
        Ok(true)
    }
}

/// What is damaged does not keep the rest from being cleared away.
fn whole(swept: rusqlite::Result<usize>) -> rusqlite::Result<usize> {
    match swept {
        Err(failed) if rows::is_damage(&failed) => {
            error!("a damaged row keeps some of what is over from being cleared away");
            Ok(0)
        }
        swept => swept,
    }
}

/// The time from which on nothing is older than so long.
fn before(now: Micros, kept_micros: i64) -> Micros {
    now.plus(kept_micros.saturating_neg())
}

/// Some of what is on its way out, behind a position.
fn erasing(db: &Connection, id: WorkspaceId, after: u64) -> rusqlite::Result<Vec<Erasing>> {
    let mut statement = db.prepare_cached(
        "SELECT position, since, next, after, reach FROM erasing WHERE workspace = ?1 AND position > ?2
            ORDER BY position LIMIT ?3",
    )?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let found = statement.query_map(params![id.0, after, ERASING_MAX], |row| {
        let position = |at: usize| row.get(at).map(|it: i64| u64::try_from(it).unwrap_or(0));
        let reach = match row.get(4)? {
            1_u8 => Reach::One,
            3 => Reach::Nothing,
            _ => Reach::Chain,
        };
        Ok(Erasing {
            position: position(0)?,
            since: Micros(row.get(1)?),
            next: position(2)?,
            after: position(3)?,
            reach,
        })
    })?;
    found.collect()
}

/// What waits to be erased, by workspace.
pub(super) fn awaited(db: &Connection) -> rusqlite::Result<Vec<Awaited>> {
    let mut statement =
        db.prepare_cached("SELECT workspace, count(*), max(position) FROM erasing GROUP BY workspace")?;
    let found = statement.query_map([], |row| {
        let number = |at: usize| row.get(at).map(|it: i64| u64::try_from(it).unwrap_or(0));
        Ok(Awaited { workspace: WorkspaceId(row.get(0)?), endings: number(1)?, last: number(2)? })
    })?;
    found.collect()
}

/// Whether content that the event at this position wrote, or replaced, was erased.
pub(super) fn is_erased(db: &Connection, id: WorkspaceId, position: u64) -> rusqlite::Result<bool> {
    let Some(row) = rows::revision_at(db, id, position)? else { return Ok(false) };
    let before = match row.revision.previous {
        Some(previous) => rows::revision_at(db, id, previous)?,
        None => None,
    };
    Ok(row.content.is_none() || before.is_some_and(|before| before.content.is_none()))
}

/// What expires is found by its workspace since schema 4.
pub(super) fn index_by_workspace(db: &Transaction) -> rusqlite::Result<()> {
    db.execute_batch("DROP INDEX IF EXISTS remembered_expiry; DROP INDEX IF EXISTS item_kept;")
}
