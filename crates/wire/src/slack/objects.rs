//! The objects of the Web API's answers. Messages, the hot path, are written by hand; the others through serde.

use super::json::{push_member, push_name, push_raw, push_string};
use super::rich_text;
use serde::Serialize;

/// A message, ready to be written. Absent members are `None` and are left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageView<'a> {
    /// Message key; left out inside the answer of `chat.update`.
    pub ts: Option<&'a str>,
    /// Kind of special message, e.g. `bot_message` or `tombstone`.
    pub subtype: Option<&'a str>,
    /// Author's user id; `USLACKBOT` for a tombstone.
    pub user: Option<&'a str>,
    /// The team id of the author.
    pub team: Option<&'a str>,
    /// Bot behind the post.
    pub bot_id: Option<&'a str>,
    /// App behind the post.
    pub app_id: Option<&'a str>,
    /// The app's `bot_profile` as JSON text.
    pub bot_profile: Option<&'a str>,
    /// Custom name of the author.
    pub username: Option<&'a str>,
    /// Custom icons as JSON text.
    pub icons: Option<&'a str>,
    /// Stored text; may be empty.
    pub text: &'a str,
    /// The blocks, as JSON that was checked before.
    pub blocks: BlocksView<'a>,
    /// `block_id` of the block that [`BlocksView::Generated`] makes.
    pub generated_block_id: &'a str,
    /// Stored attachments as JSON text.
    pub attachments: Option<&'a str>,
    /// The files that it shares, as JSON text.
    pub files: Option<&'a str>,
    /// Metadata as JSON text, in the form the reader may see.
    pub metadata: Option<&'a str>,
    /// Who edited last (user id, or bot id for a bot) and when.
    pub edited: Option<(&'a str, &'a str)>,
    /// Key of the thread's parent, on replies and on parents that have replies.
    pub thread_ts: Option<&'a str>,
    /// Author of the parent, on replies.
    pub parent_user_id: Option<&'a str>,
    /// Counters of a parent.
    pub thread: Option<ThreadView<'a>>,
    /// The parent as JSON text, on a reply that was also sent to the channel.
    pub root: Option<&'a str>,
    /// Whether `hidden: true` is written.
    pub hidden: bool,
    /// Id that a person's client gave the message.
    pub client_msg_id: Option<&'a str>,
    /// Whether `is_ephemeral: true` is written.
    pub is_ephemeral: bool,
    /// `in_progress` while the message streams in.
    pub streaming_state: Option<&'a str>,
    /// Address of the message, in the few answers that have it.
    pub permalink: Option<&'a str>,
    /// Reactions as the JSON text of the array.
    pub reactions: Option<&'a str>,
    /// Where it is pinned.
    pub pinned: Option<PinnedView<'a>>,
    /// Further texts of what the platform itself wrote, such as `inviter` and `topic`.
    pub about: &'a [(&'a str, &'a str)],
}

/// A message's pin.
#[derive(Clone, Copy, Debug, Default)]
pub struct PinnedView<'a> {
    /// The id of the conversation, such as `C01ABC`.
    pub channel: &'a str,
    /// User id of who pinned it.
    pub by: &'a str,
    /// When, in seconds.
    pub at: i64,
}

/// Where a message's blocks come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlocksView<'a> {
    /// No `blocks` member.
    #[default]
    None,
    /// Stored blocks, as the JSON text of the array.
    Json(&'a str),
    /// One `rich_text` block made from the text.
    Generated,
}

/// What a thread's parent says about its replies.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadView<'a> {
    /// How many replies the thread has.
    pub reply_count: u32,
    /// Number of their authors.
    pub reply_users_count: u32,
    /// Key of the last reply; `0000000000.000000` when the last one has gone.
    pub latest_reply: &'a str,
    /// Up to five of the authors.
    pub reply_users: &'a [&'a str],
    /// Whether the caller follows the thread; `None` leaves it out, as events and `root` do.
    pub subscribed: Option<bool>,
}

impl MessageView<'_> {
    /// Appends the message to `out` as a JSON object.
    ///
    /// Members that hold JSON text are copied unchecked: they must come from this crate's writers or checks.
    pub fn write(&self, out: &mut String) {
        out.push_str("{\"type\":\"message\"");
        let strings = [
            ("subtype", self.subtype),
            ("ts", self.ts),
            ("client_msg_id", self.client_msg_id),
            ("user", self.user),
            ("team", self.team),
            ("bot_id", self.bot_id),
            ("app_id", self.app_id),
            ("username", self.username),
        ];
        for (name, value) in strings {
            push_some(out, name, value);
        }
        push_some_raw(out, "icons", self.icons);
        push_some_raw(out, "bot_profile", self.bot_profile);
        push_member(out, "text", self.text);
        self.write_content(out);
        self.write_thread(out);
        if self.hidden {
            push_raw(out, "hidden", "true");
        }
        if self.is_ephemeral {
            push_raw(out, "is_ephemeral", "true");
        }
        push_some_raw(out, "reactions", self.reactions);
        if let Some(pinned) = &self.pinned {
            pinned.write(out);
        }
        for (name, value) in self.about {
            push_member(out, name, value);
        }
        push_some(out, "streaming_state", self.streaming_state);
        push_some(out, "permalink", self.permalink);
        out.push('}');
    }

    fn write_content(&self, out: &mut String) {
        match self.blocks {
            BlocksView::None => {}
            BlocksView::Json(json) => push_raw(out, "blocks", json),
            BlocksView::Generated => {
                push_name(out, "blocks");
                out.push('[');
                rich_text::from_mrkdwn(self.text, self.generated_block_id, out);
                out.push(']');
            }
        }
        push_some_raw(out, "attachments", self.attachments);
        if let Some(files) = self.files {
            push_raw(out, "files", files);
            push_raw(out, "upload", "false");
            push_raw(out, "display_as_bot", "false");
        }
        push_some_raw(out, "metadata", self.metadata);
        if let Some((user, ts)) = self.edited {
            push_name(out, "edited");
            out.push('{');
            push_member(out, "user", user);
            push_member(out, "ts", ts);
            out.push('}');
        }
    }

    fn write_thread(&self, out: &mut String) {
        push_some(out, "thread_ts", self.thread_ts);
        push_some(out, "parent_user_id", self.parent_user_id);
        if let Some(thread) = &self.thread {
            thread.write(out);
        }
        push_some_raw(out, "root", self.root);
    }
}

impl PinnedView<'_> {
    fn write(&self, out: &mut String) {
        push_name(out, "pinned_to");
        out.push('[');
        push_string(out, self.channel);
        out.push(']');
        push_name(out, "pinned_info");
        out.push('{');
        push_member(out, "channel", self.channel);
        push_member(out, "pinned_by", self.by);
        push_raw(out, "pinned_ts", &self.at.to_string());
        out.push('}');
    }
}

impl ThreadView<'_> {
    fn write(&self, out: &mut String) {
        push_raw(out, "reply_count", &self.reply_count.to_string());
        push_raw(out, "reply_users_count", &self.reply_users_count.to_string());
        push_member(out, "latest_reply", self.latest_reply);
        push_name(out, "reply_users");
        out.push('[');
        for (number, user) in self.reply_users.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            push_string(out, user);
        }
        out.push(']');
        push_raw(out, "is_locked", "false");
        if let Some(subscribed) = self.subscribed {
            push_raw(out, "subscribed", if subscribed { "true" } else { "false" });
        }
    }
}

fn push_some(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        push_member(out, name, value);
    }
}

fn push_some_raw(out: &mut String, name: &str, json: Option<&str>) {
    if let Some(json) = json {
        push_raw(out, name, json);
    }
}

/// A public or private channel, or a group DM, as `conversations.*` answers it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Channel<'a> {
    /// The id of the conversation, such as `C01ABC`.
    pub id: &'a str,
    /// Name without `#`.
    pub name: &'a str,
    /// True for channels, private ones included (old private channels are groups).
    pub is_channel: bool,
    /// True for old private channels.
    pub is_group: bool,
    /// Always false here; see [`DirectMessage`].
    pub is_im: bool,
    /// True for group DMs.
    pub is_mpim: bool,
    /// Whether only members see it.
    pub is_private: bool,
    /// When it was made, in seconds.
    pub created: i64,
    /// User id of its maker.
    pub creator: &'a str,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether it is the workspace's general channel.
    pub is_general: bool,
    /// Always 0.
    pub unlinked: u32,
    /// Name in the form that is compared.
    pub name_normalized: &'a str,
    /// Slack Connect or several workspaces; false on a local server.
    pub is_shared: bool,
    /// Slack Connect; false on a local server.
    pub is_ext_shared: bool,
    /// Shared inside an organisation; false on a local server.
    pub is_org_shared: bool,
    /// Pending shares; empty on a local server.
    pub pending_shared: &'a [&'a str],
    /// Pending Slack Connect; false on a local server.
    pub is_pending_ext_shared: bool,
    /// Whether the caller is a member; left out by `users.conversations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_member: Option<bool>,
    /// The id of the team, such as `T01ABC`.
    pub context_team_id: &'a str,
    /// Last change, in milliseconds.
    pub updated: i64,
    /// Always null: no conversation has a parent here.
    pub parent_conversation: Option<&'a str>,
    /// The id of the one team that shares it.
    pub shared_team_ids: &'a [&'a str],
    /// Empty on a local server.
    pub pending_connected_team_ids: &'a [&'a str],
    /// What is being talked about.
    pub topic: Note<'a>,
    /// What the channel is for.
    pub purpose: Note<'a>,
    /// Names it had before.
    pub previous_names: &'a [&'a str],
    /// Number of members; in lists, and in info when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_members: Option<u32>,
    /// Key of the last message the caller has read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read: Option<&'a str>,
    /// Language, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
}

/// A channel's topic or purpose.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Note<'a> {
    /// The text; empty when never set.
    pub value: &'a str,
    /// Who set it; empty when never set.
    pub creator: &'a str,
    /// When, in seconds; 0 when never set.
    pub last_set: i64,
}

/// A conversation of two.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DirectMessage<'a> {
    /// The id of the conversation, such as `C01ABC`.
    pub id: &'a str,
    /// When it was opened, in seconds.
    pub created: i64,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Always true: the object is a direct message.
    pub is_im: bool,
    /// False on a local server.
    pub is_org_shared: bool,
    /// The id of the team, such as `T01ABC`.
    pub context_team_id: &'a str,
    /// Last change, in milliseconds.
    pub updated: i64,
    /// The id of the other person.
    pub user: &'a str,
    /// Whether the other person was deactivated.
    pub is_user_deleted: bool,
    /// Rank in the client's list; 0.
    pub priority: u32,
    /// Whether the caller has it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_open: Option<bool>,
    /// Key of the last message the caller has read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read: Option<&'a str>,
    /// Language, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
}

/// A person or a bot user. A deactivated one has `id`, `name`, `deleted` and `profile` only.
#[derive(Clone, Debug, Default, Serialize)]
pub struct User<'a> {
    /// The id of the user, such as `U01ABC`.
    pub id: &'a str,
    /// The id of the team, such as `T01ABC`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<&'a str>,
    /// The short name (`name`), such as `ada`.
    pub name: &'a str,
    /// Whether the account is deactivated.
    pub deleted: bool,
    /// The colour of the name in old clients, six hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<&'a str>,
    /// The full name that people read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_name: Option<&'a str>,
    /// IANA name of the time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<&'a str>,
    /// Name of the time zone for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz_label: Option<&'a str>,
    /// Seconds east of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz_offset: Option<i32>,
    /// Names, pictures and status.
    pub profile: Profile<'a>,
    /// Whether they administer the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
    /// Whether they own the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_owner: Option<bool>,
    /// Whether they are its first owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_primary_owner: Option<bool>,
    /// Guest of several channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_restricted: Option<bool>,
    /// Guest of one channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_ultra_restricted: Option<bool>,
    /// Whether it is a bot user.
    pub is_bot: bool,
    /// Whether the caller's own app acts as this user.
    pub is_app_user: bool,
    /// Last change, in seconds.
    pub updated: i64,
    /// Whether the mail address is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_email_confirmed: Option<bool>,
    /// `EVERYONE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who_can_share_contact_card: Option<&'a str>,
    /// Language, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
}

/// The public face of a [`User`].
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile<'a> {
    /// The job title; empty, as Redraft has none.
    pub title: &'a str,
    /// The telephone number; empty, as Redraft has none.
    pub phone: &'a str,
    /// The Skype name; empty, as Redraft has none.
    pub skype: &'a str,
    /// The full name that people read.
    pub real_name: &'a str,
    /// Full name in the form that is compared.
    pub real_name_normalized: &'a str,
    /// Name shown in messages.
    pub display_name: &'a str,
    /// That name in the form that is compared.
    pub display_name_normalized: &'a str,
    /// Custom fields: null.
    pub fields: Option<&'a str>,
    /// The text of the status.
    pub status_text: &'a str,
    /// Status as `:name:`.
    pub status_emoji: &'a str,
    /// Always an empty list.
    pub status_emoji_display_info: &'a [&'a str],
    /// When the status ends, in seconds; 0 for never.
    pub status_expiration: i64,
    /// Changes with the picture.
    pub avatar_hash: &'a str,
    /// Mail address; only for callers whose token may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// The first word of the full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<&'a str>,
    /// The rest of the full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<&'a str>,
    /// Picture, 24 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_24: Option<&'a str>,
    /// Picture, 32 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_32: Option<&'a str>,
    /// Picture, 48 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_48: Option<&'a str>,
    /// Picture, 72 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_72: Option<&'a str>,
    /// Picture, 192 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_192: Option<&'a str>,
    /// Picture, 512 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_512: Option<&'a str>,
    /// The id of the team, such as `T01ABC`.
    pub team: &'a str,
    /// Bot id, for a bot user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<&'a str>,
    /// App id, for a bot user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_app_id: Option<&'a str>,
}

/// A bot, as `bots.info` answers it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Bot<'a> {
    /// The id of the bot, such as `B01ABC`.
    pub id: &'a str,
    /// Whether its app was removed.
    pub deleted: bool,
    /// Name shown in messages.
    pub name: &'a str,
    /// Last change, in seconds.
    pub updated: i64,
    /// The id of the app, such as `A01ABC`.
    pub app_id: &'a str,
    /// The bot's user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<&'a str>,
    /// Addresses of pictures in several sizes.
    pub icons: BotIcons<'a>,
}

/// A bot's pictures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct BotIcons<'a> {
    /// Address of the picture, 36 pixels wide.
    pub image_36: &'a str,
    /// Address of the picture, 48 pixels wide.
    pub image_48: &'a str,
    /// Address of the picture, 72 pixels wide.
    pub image_72: &'a str,
}

/// The workspace, as `team.info` answers it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Team<'a> {
    /// The id of the team, such as `T01ABC`.
    pub id: &'a str,
    /// The name that people read.
    pub name: &'a str,
    /// Address, with a slash at its end.
    pub url: &'a str,
    /// First label of the address.
    pub domain: &'a str,
    /// Mail domain whose people may join; empty for none.
    pub email_domain: &'a str,
    /// Addresses of pictures in several sizes.
    pub icon: TeamIcon<'a>,
    /// Where pictures are; empty for none.
    pub avatar_base_url: &'a str,
    /// False on a local server.
    pub is_verified: bool,
}

/// A workspace's pictures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct TeamIcon<'a> {
    /// Whether the pictures are the standard ones.
    pub image_default: bool,
    /// Address of the picture, 34 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_34: Option<&'a str>,
    /// Address of the picture, 44 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_44: Option<&'a str>,
    /// Address of the picture, 68 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_68: Option<&'a str>,
    /// Address of the picture, 88 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_88: Option<&'a str>,
    /// Address of the picture, 102 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_102: Option<&'a str>,
    /// Address of the picture, 132 pixels wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_132: Option<&'a str>,
}

#[cfg(test)]
mod tests;
