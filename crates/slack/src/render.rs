//! Messages as the Web API shows them, whichever dialect they were posted in.

use redraft_model::content::Content;
use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::message::{Audience, Kind, Message, Reaction, State, by_emoji};
use redraft_model::time::Micros;
use redraft_model::workspace::App;
use redraft_store::Stored;
use redraft_wire::slack::json::push_string;
use redraft_wire::slack::metadata::event_type_only;
use redraft_wire::slack::objects::{BlocksView, MessageView, PinnedView, ThreadView};
use redraft_wire::translate::activity_to_slack_blocks;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::file_objects::{self, Files};
use redraft_service::mint;
use redraft_service::names::NamesFor;

/// How a message is shown.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub directory: &'a Directory,
    /// Head of the addresses of pictures.
    pub public_url: &'a str,
    /// False inside the answer of `chat.update`.
    pub ts: bool,
    /// The whole metadata, or only its type.
    pub all_metadata: bool,
    /// The files that the messages share, as far as they were looked up.
    pub files: &'a Files,
    /// Who wrote the root of the message's thread, if it is a reply; `None` of a tombstone.
    pub root_author: Option<UserId>,
}

/// What stands beside a message and is not in it, as JSON text.
#[derive(Clone, Copy, Default)]
struct Beside<'a> {
    root: Option<&'a str>,
    reactions: Option<&'a str>,
    permalink: Option<&'a str>,
}

#[derive(Deserialize)]
struct Identity<'a> {
    #[serde(borrow)]
    username: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    icons: Option<&'a RawValue>,
}

impl View<'_> {
    /// Appends a message read from the store, with its reactions; a broadcast reply with its root.
    pub fn stored(&self, stored: &Stored, out: &mut String) {
        self.linked(stored, None, out);
    }

    /// The same with its address.
    pub fn linked(&self, stored: &Stored, permalink: Option<&str>, out: &mut String) {
        let root = stored.root.as_ref().map(|root| {
            let mut json = String::new();
            self.message(&root.message, &root.content, None, &mut json);
            json
        });
        let root_author = stored.root.as_ref().filter(|root| root.message.revision().is_some());
        let root_author = root_author.map(|root| root.message.author).or(self.root_author);
        let reactions = self.reactions(&stored.reactions);
        let beside = Beside { root: root.as_deref(), reactions: reactions.as_deref(), permalink };
        View { root_author, ..*self }.with(&stored.message, &stored.content, beside, out);
    }

    /// Appends a message.
    pub fn message(&self, message: &Message, content: &Content, root: Option<&str>, out: &mut String) {
        self.with(message, content, Beside { root, ..Beside::default() }, out);
    }

    fn with(&self, message: &Message, content: &Content, beside: Beside<'_>, out: &mut String) {
        let ts = message.key.ts.dotted();
        let thread_ts = message.root.map(|root| root.dotted());
        let latest = message.thread.as_ref().map(|thread| thread.latest.dotted());
        let users: Vec<&str> =
            message.thread.iter().flat_map(|it| &it.users).map(|id| self.user(*id)).collect();
        let thread = message.thread.as_ref().map(|thread| ThreadView {
            reply_count: thread.replies,
            reply_users_count: thread.repliers,
            latest_reply: latest.as_deref().unwrap_or("0000000000.000000"),
            reply_users: &users,
            subscribed: Some(false),
        });
        let mut view = MessageView {
            ts: self.ts.then_some(&ts),
            thread_ts: thread_ts.as_deref().or(thread.is_some().then_some(&ts)),
            thread,
            ..MessageView::default()
        };
        match message.state {
            State::Tombstone { .. } => tombstone(view, out),
            State::Live { .. } | State::Streaming { .. } => {
                let edited = match message.state {
                    State::Live { edited, .. } => edited,
                    _ => None,
                };
                let edited = edited.map(|edited| (self.editor(edited.by), seconds(edited.at)));
                view.edited = edited.as_ref().map(|(user, ts)| (*user, ts.as_str()));
                view.root = beside.root;
                view.reactions = beside.reactions;
                view.permalink = beside.permalink;
                let stopped = matches!(message.state, State::Streaming { stopped: true, .. });
                view.streaming_state = (message.in_pieces() && !stopped).then_some("in_progress");
                self.live(view, message, content, out);
            }
        }
    }

    fn live(&self, base: MessageView, message: &Message, content: &Content, out: &mut String) {
        let author = self.user(message.author);
        let app = message.app.filter(|_| message.as_app).and_then(|app| self.directory.app(app));
        let profile = app.map(|app| self.profile(app));
        let identity: Option<Identity> =
            content.identity.as_deref().and_then(|identity| serde_json::from_str(identity).ok());
        let metadata = content
            .metadata
            .as_deref()
            .map(|metadata| if self.all_metadata { metadata.to_owned() } else { event_type_only(metadata) });
        let block_id = if content.blocks.is_none() { mint::block_id() } else { String::new() };
        let mut view = MessageView { ..base };
        view.team = Some(&self.directory.workspace.team_id);
        view.bot_id = app.map(|app| app.bot_id.as_str());
        view.app_id = app.map(|app| app.slack_id.as_str());
        view.bot_profile = profile.as_deref();
        view.text = &content.text;
        view.generated_block_id = &block_id;
        let translated = self.translated(content);
        view.blocks = match &translated {
            Some(blocks) => BlocksView::Json(blocks),
            None => blocks(message, content),
        };
        let about = about(message.kind, content.notice.as_deref());
        view.about = &about;
        view.pinned = self.pinned(message);
        view.attachments = content.attachments.as_deref();
        view.metadata = metadata.as_deref();
        let files = file_objects::array(self.public_url, self.directory, content, self.files);
        view.files = files.as_deref();
        view.is_ephemeral = message.audience != Audience::Everyone;
        if message.root.is_some() {
            view.parent_user_id = Some(self.root_author.map_or("USLACKBOT", |user| self.user(user)));
        }
        view.subtype = match (message.kind, message.broadcast) {
            (Kind::Me, _) => Some("me_message"),
            (Kind::Plain, true) => Some("thread_broadcast"),
            (Kind::Plain, false) if files.is_some() => Some("file_share"),
            (Kind::Plain, false) => None,
            (Kind::Join, _) => Some("channel_join"),
            (Kind::Leave, _) => Some("channel_leave"),
            (Kind::Topic, _) => Some("channel_topic"),
            (Kind::Purpose, _) => Some("channel_purpose"),
            (Kind::Name, _) => Some("channel_name"),
            (Kind::Archive, _) => Some("channel_archive"),
            (Kind::Unarchive, _) => Some("channel_unarchive"),
        };
        match &identity {
            Some(Identity { username: Some(username), icons }) => {
                view.username = Some(username);
                view.icons = icons.map(RawValue::get);
                view.subtype = view.subtype.or(Some("bot_message"));
            }
            Some(Identity { username: None, icons }) => {
                view.user = Some(author);
                view.icons = icons.map(RawValue::get);
            }
            None => view.user = Some(author),
        }
        view.write(out);
    }

    fn pinned(&self, message: &Message) -> Option<PinnedView<'_>> {
        let conversation = self.directory.conversation(message.key.conversation)?;
        let pin = conversation.pin(message.key.ts)?;
        Some(PinnedView { channel: &conversation.slack_id, by: self.user(pin.by), at: pin.at.seconds() })
    }

    /// Reactions by emoji, if there are any.
    fn reactions(&self, reactions: &[Reaction]) -> Option<String> {
        let groups = by_emoji(reactions).into_iter().map(|(name, users)| {
            let ids: Vec<&str> = users.iter().map(|user| self.user(*user)).collect();
            serde_json::json!({ "name": name, "users": ids, "count": users.len() })
        });
        let groups: Vec<_> = groups.collect();
        (!groups.is_empty()).then(|| serde_json::Value::from(groups).to_string())
    }

    /// The blocks of a message that came through the Connector, if its text does not say everything.
    fn translated(&self, content: &Content) -> Option<String> {
        let activity = content.activity.as_deref()?;
        activity_to_slack_blocks(activity, &NamesFor { directory: self.directory, reader: None })
    }

    fn user(&self, id: UserId) -> &str {
        self.directory.user(id).map_or("U00000000", |user| &user.slack_id)
    }

    /// The bot id of a bot, the user id of a person.
    fn editor(&self, id: UserId) -> &str {
        let bot =
            self.directory.user(id).and_then(|user| user.bot_of).and_then(|app| self.directory.app(app));
        bot.map_or_else(|| self.user(id), |app| &app.bot_id)
    }

    /// The app as it stands in each of its messages. Written by hand, since it is most of many an answer.
    fn profile(&self, app: &App) -> String {
        let mut out = String::with_capacity(512);
        let mut member = |name: &str, value: &str| {
            out.push_str(name);
            push_string(&mut out, value);
        };
        member("{\"id\":", &app.bot_id);
        member(",\"app_id\":", &app.slack_id);
        member(",\"user_id\":", self.user(app.bot_user));
        member(",\"name\":", &app.name);
        for (size, before) in
            [("36", ",\"icons\":{\"image_36\":\""), ("48", ",\"image_48\":\""), ("72", ",\"image_72\":\"")]
        {
            out.push_str(before);
            out.push_str(self.public_url);
            out.push_str("/icons/app-");
            out.push_str(size);
            out.push_str(".png\"");
        }
        out.push_str(if app.uninstalled {
            "},\"deleted\":true,\"updated\":"
        } else {
            "},\"deleted\":false,\"updated\":"
        });
        out.push_str(&app.updated_at.seconds().to_string());
        out.push_str(",\"team_id\":");
        push_string(&mut out, &self.directory.workspace.team_id);
        out.push('}');
        out
    }
}

/// The addresses of an app's picture in its three sizes.
pub(super) fn icons(public_url: &str) -> [String; 3] {
    [36, 48, 72].map(|size| format!("{public_url}/icons/app-{size}.png"))
}

fn tombstone(view: MessageView, out: &mut String) {
    let view = MessageView {
        subtype: Some("tombstone"),
        user: Some("USLACKBOT"),
        text: "This message was deleted.",
        parent_user_id: Some("USLACKBOT"),
        hidden: true,
        ..view
    };
    view.write(out);
}

/// Text posts are shown with one generated block; it does not count as blocks.
fn blocks<'a>(message: &Message, content: &'a Content) -> BlocksView<'a> {
    match &content.blocks {
        Some(blocks) => BlocksView::Json(blocks),
        None if content.text.is_empty() || message.kind != Kind::Plain || !content.markup => BlocksView::None,
        None => BlocksView::Generated,
    }
}

/// A clock time as it stands in `edited`: whole seconds.
fn seconds(at: Micros) -> String {
    format!("{}.000000", at.seconds())
}

/// What the platform's own message is about, by member.
fn about(kind: Kind, notice: Option<&str>) -> Vec<(&'static str, &str)> {
    let Some(notice) = notice else { return Vec::new() };
    match kind {
        Kind::Join if !notice.is_empty() => vec![("inviter", notice)],
        Kind::Topic => vec![("topic", notice)],
        Kind::Purpose => vec![("purpose", notice)],
        Kind::Name => {
            let (old, new) = notice.split_once('\n').unwrap_or((notice, ""));
            vec![("old_name", old), ("name", new)]
        }
        _ => Vec::new(),
    }
}
