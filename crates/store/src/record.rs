//! Rows as bytes. Numbers are variable-length, texts have their length before them, and every record begins with its
//! version, so that a later one can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::{Cause, Delivery};
use redraft_model::command::Via;
use redraft_model::content::{Content, Dialect, Piece};
use redraft_model::directory::Directory;
use redraft_model::event::{Audit, Event, EventKind};
use redraft_model::id::{AppId, ConversationId, MessageKey, TokenHash, UserGroupId, UserId, WorkspaceId};
use redraft_model::item::{
    Attachment, Code, File, Grant, Item, ItemKey, ModalView, Origin, ResponseUrl, Scheduled, Trigger, View,
    Views,
};
use redraft_model::message::{PersonalView, Replier, Revision, Thread};
use redraft_model::quota::Quotas;
use redraft_model::shared::SharedMap;
use redraft_model::time::{Micros, Ts};
use redraft_model::view::Remembered;
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Membership, Note, OldSecret, Pin, Retention, Secret, Settings,
    Shortcut, SlackApp, SlashCommand, Token, TokenKind, User, UserGroup, Webhook, Workspace,
};

const VERSION: u8 = 1;

/// A record's bytes.
pub(crate) fn encode<T: Field>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.push(VERSION);
    value.put(&mut out);
    out
}

/// A record from its bytes; `None` if they are not one.
pub(crate) fn decode<T: Field>(bytes: &[u8]) -> Option<T> {
    let (version, mut rest) = bytes.split_first()?;
    let value = (*version == VERSION).then(|| T::take(&mut rest)).flatten()?;
    rest.is_empty().then_some(value)
}

/// Something that can stand in a record.
pub(crate) trait Field: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Option<Self>;
}

impl Field for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut left = *self;
        while 0x80 <= left {
            out.push((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        out.push(left.to_le_bytes()[0]);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = from.split_first()?;
            *from = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl Field for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        (((*self << 1) ^ (*self >> 63)) as u64).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let folded = u64::take(from)?;
        Some((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }
}

impl Field for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Field for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from)?.try_into().ok()
    }
}

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u64::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Field for NonZeroU32 {
    fn put(&self, out: &mut Vec<u8>) {
        self.get().put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Self::new(u32::take(from)?)
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    (text.len() as u64).put(out);
    out.extend_from_slice(text.as_bytes());
}

fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u64::take(from)?).ok()?;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    std::str::from_utf8(text).ok()
}

impl Field for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_text(self, out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_text(from).map(Self::from)
    }
}

impl Field for Arc<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_text(self, out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        take_text(from).map(Self::from)
    }
}

impl Field for [u8; 32] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(*bytes)
    }
}

impl<T: Field> Field for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        T::take(from).map(Self::new)
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        self.iter().for_each(|value| value.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        if bool::take(from)? { Some(Some(T::take(from)?)) } else { Some(None) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|value| value.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..u64::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl<A: Field + Ord, B: Field> Field for BTreeMap<A, B> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..u64::take(from)?).map(|_| Some((A::take(from)?, B::take(from)?))).collect()
    }
}

impl<T: Field + Ord> Field for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        self.iter().for_each(|value| value.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..u64::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl<A: Field + Ord + Clone, B: Field + Clone> Field for SharedMap<A, B> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for (key, value) in self.iter() {
            key.put(out);
            value.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        (0..u64::take(from)?).map(|_| Some((A::take(from)?, B::take(from)?))).collect()
    }
}

/// What a key of a set leads to.
impl Field for () {
    fn put(&self, _: &mut Vec<u8>) {}

    fn take(_: &mut &[u8]) -> Option<Self> {
        Some(())
    }
}

macro_rules! newtype {
    ($($name:ident),* $(,)?) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                Field::take(from).map(Self)
            }
        }
    )*};
}

newtype!(WorkspaceId, UserId, AppId, UserGroupId, ConversationId, TokenHash, Micros, Ts);

macro_rules! structure {
    ($($name:ident { $($field:ident),* $(,)? $(; $($later:ident),* $(,)?)? })*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
                $($(self.$later.put(out);)*)?
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                $(let $field = Field::take(from)?;)*
                $($(let $later = if from.is_empty() { Default::default() } else { Field::take(from)? };)*)?
                Some(Self { $($field),* $(, $($later),*)? })
            }
        }
    )*};
}

// Behind a semicolon stand members that came later: a record of an earlier build ends before them. Only what is a record of
// its own can have some.
structure! {
    MessageKey { workspace, conversation, ts }
    Retention { deleted_micros, superseded_micros, dead_letters_micros, ephemeral_micros }
    User {
        id, slack_id, member_id, directory_id, name, real_name, email, admin, bot_of, away, deactivated,
        updated_at,
    }
    App {
        id, dialect, slack_id, bot_id, app_id, name, bot_user, installed_by, signing_secret, password_hash,
        uninstalled, endpoint, hears_from, reads_all, expects_replies, issuer, anonymous, slack, updated_at; old_secrets,
    }
    OldSecret { secret, until }
    Audit { act, on, via, from }
    SlackApp {
        verification_token, client_id, client_secret_hash, redirect_urls, bot_scopes, user_scopes, bot_events,
        user_events, metadata_events, events_off, socket_mode, interactivity_url, options_url, commands,
        shortcuts, webhooks,
    }
    SlashCommand { command, url, description, usage_hint, escapes }
    Shortcut { callback_id, name, description, of_message }
    Webhook { service_id, secret_hash, conversation, by }
    UserGroup { id, slack_id, handle, name, description, users, creator, created_at, updated_at, disabled }
    Pin { ts, by, at }
    Note { value, by, at }
    ResponseUrl { app, user, conversation, origin, original, made_at, uses, last_used_at }
    Trigger { app, user, view, made_at, used }
    Code { app, user, redirect_uri, made_at, used }
    Views { app, stack }
    ModalView { id, external_id, hash, json }
    Scheduled { app, user, as_app, content_at, reply_to, broadcast, unjoined, made_at }
    File {
        id, user, app, name, title, alt_text, snippet_type, size, blob, made_at, complete, deleted, shares,
    }
    Attachment { conversation, name, kind, original, thumbnail, names, unnamed_since }
    View { blob, size }
    Token { hash, hint, app, user, kind, scopes, revoked, expires_at }
    Conversation {
        id, slack_id, connector_id, kind, name, topic, purpose, creator, created_at, general, archived, members,
        former, previous_names, pins, closed, updated_at,
    }
    MemberRow { conversation, user, membership }
    Quotas { people, apps, channels, files, messages, bytes }
    Thread { replies, repliers, latest, users }
    Replier { count, since }
    PersonalView { revision, content_at }
    Delivery { position, part, conversation, attempts, due_at, cause, reason }
    Revision { key, position, number, previous, by, at }
    Content { dialect, text, blocks, attachments, metadata, identity, activity, files, notice, markup }
    Piece { text, chunks }
    Event { position, ts, at, by, app, kind }
}

/// The revision is a number, and 0 is none.
impl Field for Remembered {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { digest, key, content_at, revision, expires_at } = self;
        digest.put(out);
        key.put(out);
        content_at.put(out);
        revision.map_or(0, NonZeroU32::get).put(out);
        expires_at.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self {
            digest: Field::take(from)?,
            key: Field::take(from)?,
            content_at: Field::take(from)?,
            revision: NonZeroU32::new(Field::take(from)?),
            expires_at: Field::take(from)?,
        })
    }
}

/// Rows of schema 3 have no retention behind the rest.
impl Field for Workspace {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { id, team_id, tenant_id, name, domain, created_at, settings, clock_offset_micros } = self;
        let Settings { edit_window_micros, delete_window_micros, only_admins_delete, retention } = settings;
        id.put(out);
        [team_id, tenant_id, name, domain].into_iter().for_each(|text| text.put(out));
        created_at.put(out);
        (*edit_window_micros, *delete_window_micros).put(out);
        only_admins_delete.put(out);
        clock_offset_micros.put(out);
        retention.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let id = Field::take(from)?;
        let [team_id, tenant_id, name, domain] =
            [String::take(from)?, String::take(from)?, String::take(from)?, String::take(from)?];
        let created_at = Field::take(from)?;
        let (edit_window_micros, delete_window_micros) = Field::take(from)?;
        let only_admins_delete = Field::take(from)?;
        let clock_offset_micros = Field::take(from)?;
        let retention = if from.is_empty() { Retention::default() } else { Field::take(from)? };
        let settings = Settings { edit_window_micros, delete_window_micros, only_admins_delete, retention };
        Some(Self { id, team_id, tenant_id, name, domain, created_at, settings, clock_offset_micros })
    }
}

macro_rules! choice {
    ($($name:ident { $($number:literal => $variant:ident $({ $($field:ident),* })? $(( $($item:ident),* ))?),* $(,)? })*) => {$(
        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? $(( $($item),* ))? => {
                        out.push($number);
                        $($($field.put(out);)*)?
                        $($($item.put(out);)*)?
                    })*
                }
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                match u64::take(from)? {
                    $($number => {
                        $($(let $field = Field::take(from)?;)*)?
                        $($(let $item = Field::take(from)?;)*)?
                        Some(Self::$variant $({ $($field),* })? $(( $($item),* ))?)
                    })*
                    _ => None,
                }
            }
        }
    )*};
}

choice! {
    Origin { 1 => Action, 2 => Legacy, 3 => Command, 4 => MessageShortcut, 5 => Submission }
    Grant {
        1 => ResponseUrl(it),
        2 => Trigger(it),
        3 => Code(it),
        4 => Upload { file, made_at },
    }
    Item {
        1 => Grant(it), 2 => Views(it), 3 => ViewOf(it), 4 => Scheduled(it), 5 => File(it), 6 => Read(it),
        7 => Attachment(it),
    }
    Membership { 1 => Member(since), 2 => Former }
    Dialect { 1 => Slack, 2 => Connector }
    Via { 1 => Control, 2 => CommandLine, 3 => Slack, 4 => Connector }
    Secret { 1 => Password(hash), 2 => ClientSecret(hash), 3 => SigningSecret(text) }
    Cause { 1 => TimedOut, 2 => Status, 3 => Connection, 4 => Tls, 5 => Redirects, 6 => Other }
    TokenKind { 1 => Bot, 2 => User, 3 => App }
    ConversationKind { 1 => Public, 2 => Private, 3 => Direct, 4 => Group }
    EventKind {
        1 => MessagePosted { conversation, root, only },
        2 => MessageUpdated { conversation, message, revision },
        3 => BroadcastChanged { conversation, message, shown },
        4 => MessageDeleted { conversation, message, content_at },
        5 => MessageTombstoned { conversation, message, content_at },
        6 => TombstoneRemoved { conversation, message },
        7 => WorkspaceCreated,
        8 => WorkspaceChanged,
        9 => UserChanged(user),
        10 => AppChanged(app),
        11 => TokenMinted(app),
        12 => TokenRevoked { app, user },
        13 => ConversationCreated(conversation),
        14 => ConversationChanged(conversation),
        15 => MemberJoined { conversation, user },
        16 => MemberLeft { conversation, user },
        17 => ReactionAdded { conversation, message, name },
        18 => ReactionRemoved { conversation, message, name },
        19 => CardSubmitted { conversation, message, to },
        20 => ViewShown { conversation, message, user },
        21 => StreamStarted { conversation, root },
        22 => StreamAdvanced { conversation, message },
        23 => StreamStopped { conversation, message },
        24 => StreamEnded { conversation, message },
        25 => WorkspaceRenamed,
        26 => AppInstalled(app),
        27 => AppUninstalled(app),
        28 => ConversationRenamed(conversation),
        29 => ConversationArchived(conversation),
        30 => ConversationUnarchived(conversation),
        31 => TargetedUpdated { conversation, message, revision },
        32 => TargetedDeleted { conversation, message, content_at },
        40 => FileCreated(file),
        41 => FileDeleted(file),
        42 => FileShared { conversation, message, file },
        43 => FileUnshared { conversation, message, file },
        50 => MessagePinned { conversation, message },
        51 => MessageUnpinned { conversation, message },
        52 => MessageScheduled { conversation },
        53 => ScheduledRemoved { conversation, content_at },
        54 => UserGroupChanged(group),
        60 => Audited(audit),
    }
}

/// An item's key as bytes that are ordered as the keys are.
pub(crate) fn item_key(key: &ItemKey) -> Vec<u8> {
    match key {
        ItemKey::Grant(hash) => [&[1][..], hash].concat(),
        ItemKey::Views(user) => [&[2][..], &user.0.to_be_bytes()].concat(),
        ItemKey::ViewName(app, name) => [&[3][..], &app.0.to_be_bytes(), name.as_bytes()].concat(),
        ItemKey::Scheduled { conversation, post_at, made } => {
            let (post_at, made) = (ordered(post_at.0), ordered(made.0));
            [&[4][..], &conversation.0.to_be_bytes(), &post_at, &made].concat()
        }
        ItemKey::File(id) => [&[5][..], id.as_bytes()].concat(),
        ItemKey::Read(conversation, user) => {
            [&[6][..], &conversation.0.to_be_bytes(), &user.0.to_be_bytes()].concat()
        }
        ItemKey::Attachment(id) => [&[7][..], id.as_bytes()].concat(),
    }
}

/// The key that [`item_key`] wrote; `None` if it wrote none of it.
pub(crate) fn item_key_of(bytes: &[u8]) -> Option<ItemKey> {
    let (kind, mut rest) = bytes.split_first()?;
    let from = &mut rest;
    let key = match kind {
        1 => ItemKey::Grant(Field::take(from)?),
        2 => ItemKey::Views(UserId(take_u32(from)?)),
        3 => ItemKey::ViewName(AppId(take_u32(from)?), take_rest(from)?),
        4 => ItemKey::Scheduled {
            conversation: ConversationId(take_u32(from)?),
            post_at: Micros(take_ordered(from)?),
            made: Ts(take_ordered(from)?),
        },
        5 => ItemKey::File(take_rest(from)?),
        6 => ItemKey::Read(ConversationId(take_u32(from)?), UserId(take_u32(from)?)),
        7 => ItemKey::Attachment(take_rest(from)?),
        _ => return None,
    };
    rest.is_empty().then_some(key)
}

/// A signed number as bytes that are ordered as the numbers are.
fn ordered(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

fn take_ordered(from: &mut &[u8]) -> Option<i64> {
    let (bytes, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(i64::from_be_bytes(*bytes) ^ i64::MIN)
}

fn take_u32(from: &mut &[u8]) -> Option<u32> {
    let (bytes, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u32::from_be_bytes(*bytes))
}

fn take_rest(from: &mut &[u8]) -> Option<String> {
    let text = std::str::from_utf8(from).ok()?.to_owned();
    *from = &[];
    Some(text)
}

/// Bytes of the checksum behind every row.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Whether an item is a file that counts: one that is not deleted.
pub(crate) fn is_file(item: &Item) -> bool {
    matches!(item, Item::File(file) if !file.deleted)
}

/// A revision with what it says, in one row. It ends behind the revision when it was erased.
pub(crate) struct RevisionRow {
    pub revision: Revision,
    /// `None` of one that was erased.
    pub content: Option<Arc<Content>>,
}

impl Field for RevisionRow {
    fn put(&self, out: &mut Vec<u8>) {
        self.revision.put(out);
        self.content.iter().for_each(|content| content.put(out));
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let revision = Field::take(from)?;
        let content = if from.is_empty() { None } else { Some(Arc::new(Content::take(from)?)) };
        Some(Self { revision, content })
    }
}

/// One entry of a directory, by kind.
pub(crate) enum Entry {
    Workspace(Workspace),
    User(User),
    App(App),
    /// A conversation as schema 3 has it, with its members inside.
    ConversationWithMembers(Conversation),
    Token(Token),
    UserGroup(UserGroup),
    /// A conversation without its members, each of which is an entry.
    Conversation(Conversation),
    Member(MemberRow),
    /// There if one was ever set.
    Quotas(Quotas),
}

choice! {
    Entry {
        1 => Workspace(it), 2 => User(it), 3 => App(it), 4 => ConversationWithMembers(it), 5 => Token(it),
        6 => UserGroup(it), 7 => Conversation(it), 8 => Member(it), 9 => Quotas(it),
    }
}

/// What a conversation knows of one user.
#[derive(Clone, Copy)]
pub(crate) struct MemberRow {
    pub conversation: ConversationId,
    pub user: UserId,
    pub membership: Membership,
}

impl Entry {
    /// Its key within the workspace: kind and number, or the token's hash.
    pub fn key(&self) -> Vec<u8> {
        let numbered = |kind: u8, number: u32| [&[kind][..], &number.to_be_bytes()].concat();
        match self {
            Self::Workspace(_) => vec![1],
            Self::User(user) => numbered(2, user.id.0),
            Self::App(app) => numbered(3, app.id.0),
            Self::Conversation(conversation) | Self::ConversationWithMembers(conversation) => {
                numbered(4, conversation.id.0)
            }
            Self::Token(token) => token_key(&token.hash),
            Self::UserGroup(group) => numbered(6, group.id.0),
            Self::Quotas(_) => vec![8],
            Self::Member(row) => member_key(row.conversation, row.user),
        }
    }
}

/// The key of a token.
pub(crate) fn token_key(hash: &TokenHash) -> Vec<u8> {
    [&[5][..], &hash.0].concat()
}

/// The key of what a conversation knows of a user.
pub(crate) fn member_key(conversation: ConversationId, user: UserId) -> Vec<u8> {
    [&[7][..], &conversation.0.to_be_bytes(), &user.0.to_be_bytes()].concat()
}

/// A conversation as entries: itself, and each of those that it knows of.
pub(crate) fn conversation_entries(conversation: &Conversation) -> impl Iterator<Item = Entry> {
    let id = conversation.id;
    let bare = Conversation { members: SharedMap::new(), former: SharedMap::new(), ..conversation.clone() };
    let members = conversation
        .memberships()
        .map(move |(user, membership)| Entry::Member(MemberRow { conversation: id, user, membership }));
    std::iter::once(Entry::Conversation(bare)).chain(members)
}

/// A directory as entries, the workspace first.
pub(crate) fn entries(directory: &Directory) -> Vec<Entry> {
    let users = directory.users().map(|user| Entry::User(User::clone(user)));
    let apps = directory.apps().map(|app| Entry::App(App::clone(app)));
    let conversations = directory.conversations().flat_map(|conversation| conversation_entries(conversation));
    let tokens = directory.tokens().map(|token| Entry::Token(Token::clone(token)));
    let first = Entry::Workspace(directory.workspace.clone());
    let groups = directory.user_groups().map(|group| Entry::UserGroup(UserGroup::clone(group)));
    let quotas = (directory.quotas != Quotas::default()).then_some(Entry::Quotas(directory.quotas));
    let all = [first].into_iter().chain(users).chain(apps).chain(conversations).chain(tokens);
    all.chain(groups).chain(quotas).collect()
}

/// A directory from its entries in the order of their keys; `None` without the workspace itself, which comes first, and
/// with a member of no conversation.
pub(crate) fn directory(entries: impl IntoIterator<Item = Entry>) -> Option<Directory> {
    let mut entries = entries.into_iter();
    let Some(Entry::Workspace(workspace)) = entries.next() else { return None };
    let mut directory = Directory::new(workspace);
    let mut conversations = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Workspace(workspace) => directory.workspace = workspace,
            Entry::User(user) => directory.put_user(user),
            Entry::App(app) => directory.put_app(app),
            Entry::Conversation(conversation) | Entry::ConversationWithMembers(conversation) => {
                conversations.insert(conversation.id, conversation);
            }
            Entry::Member(row) => {
                conversations.get_mut(&row.conversation)?.set_membership(row.user, Some(row.membership));
            }
            Entry::Token(token) => directory.put_token(token),
            Entry::UserGroup(group) => directory.put_user_group(group),
            Entry::Quotas(quotas) => directory.quotas = quotas,
        }
    }
    conversations.into_values().for_each(|conversation| directory.put_conversation(conversation));
    Some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An app of an earlier build has no replaced secrets.
    #[test]
    fn members_that_came_later() {
        let mut app = crate::contract::app(1, AppId(2), Dialect::Slack, UserId(3));
        let bytes = encode(&app);
        assert_eq!(bytes.last(), Some(&0));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), Some(app.clone()));
        assert_eq!(decode::<App>(&bytes[..bytes.len() - 2]), None);
        let old = |secret| OldSecret { secret, until: Micros(5) };
        app.old_secrets = [Secret::Password([1; 32]), Secret::SigningSecret("old".into())].map(old).into();
        assert_eq!(decode(&encode(&app)), Some(app));
    }

    #[test]
    fn item_keys_are_ordered_as_their_bytes() {
        let scheduled = |conversation, post_at, made| ItemKey::Scheduled {
            conversation: ConversationId(conversation),
            post_at: Micros(post_at),
            made: Ts(made),
        };
        let keys = [
            ItemKey::Grant([0; 32]),
            ItemKey::Grant([9; 32]),
            ItemKey::Views(UserId(1)),
            ItemKey::Views(UserId(256)),
            ItemKey::ViewName(AppId(1), "b".into()),
            ItemKey::ViewName(AppId(256), String::new()),
            ItemKey::ViewName(AppId(256), "a\u{e4}".into()),
            scheduled(1, i64::MIN, 5),
            scheduled(1, -1, 5),
            scheduled(1, 300, 5),
            scheduled(1, 300, 600),
            scheduled(1, i64::MAX, 1),
            scheduled(2, 0, 0),
            ItemKey::File("F1".into()),
            ItemKey::Read(ConversationId(1), UserId(300)),
            ItemKey::Read(ConversationId(2), UserId(2)),
            ItemKey::Attachment("ab".into()),
        ];
        assert!(keys.is_sorted());
        let bytes: Vec<Vec<u8>> = keys.iter().map(item_key).collect();
        assert!(bytes.is_sorted());
        let again: Vec<Option<ItemKey>> = bytes.iter().map(|bytes| item_key_of(bytes)).collect();
        assert_eq!(again, keys.map(Some));
        assert_eq!(item_key_of(&bytes[0][..9]), None);
        assert_eq!(item_key_of(&[bytes[2].clone(), vec![0]].concat()), None);
        assert_eq!(item_key_of(&[99]), None);
    }
}
