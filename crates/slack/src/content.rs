//! From a call's arguments to what a message says, with the platform's limits.

use std::sync::Arc;

use redraft_model::content::{Change, Content, ContentFault, Dialect, Patch};
use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::policy::sees;
use redraft_model::workspace::{Conversation, ConversationKind, TokenKind};
use redraft_wire::slack::text::{self, Names, Parse};
use redraft_wire::slack::{Fault, attachments, blocks, json::push_string, markdown, metadata};

use crate::args::Args;
use crate::call::Call;
use crate::reply::Error;
use crate::scopes;
use redraft_service::mint;

/// Characters of a posted text; the rest is cut off, with a warning.
const POST_CHARS_MAX: usize = 40_000;

/// Characters of an updated text.
const UPDATE_CHARS_MAX: usize = 4_000;

/// Characters of `markdown_text`.
const MARKDOWN_CHARS_MAX: usize = 12_000;

/// What a post says, and what is wrong with it.
pub(super) struct Parsed {
    pub content: Arc<Content>,
    pub fault: Option<ContentFault>,
    pub warnings: Vec<&'static str>,
}

/// How a posting method treats a text that is too long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TooLong {
    /// `chat.postMessage` cuts it and warns.
    Cut,
    /// `chat.postEphemeral` and `chat.meMessage` refuse it.
    Refuse,
}

/// A JSON argument: absent, meant to be empty, or something.
enum Given<'a> {
    Absent,
    Empty,
    Json(&'a str),
}

/// Arguments that say what a message says.
pub(super) struct Said<'a> {
    pub args: &'a Args,
    pub directory: &'a Directory,
    /// Who writes, and so may name the channels they see; without, only what everyone sees.
    pub author: Option<UserId>,
}

impl Said<'_> {
    /// The content of a new message.
    pub fn post_content(&self, too_long: TooLong, ephemeral: bool) -> Result<Parsed, Error> {
        let mut content = Content::text(Dialect::Slack, "");
        let mut warnings = Vec::new();
        content.markup = ephemeral || self.args.flag("mrkdwn")?.unwrap_or(true);
        let default = if ephemeral { Parse::None } else { Parse::Default };
        let filled = self
            .post_text(too_long, self.parse(default)?, &mut content, &mut warnings)
            .and_then(|()| self.fill_parts(&mut content, ephemeral));
        Ok(Parsed { content: Arc::new(content), fault: filled.err().map(fault), warnings })
    }

    fn post_text(
        &self,
        too_long: TooLong,
        parse: Parse,
        content: &mut Content,
        warnings: &mut Vec<&'static str>,
    ) -> Result<(), Fault> {
        if let Some(markdown) = self.markdown()? {
            content.text = markdown;
            return Ok(());
        }
        let mut given = self.args.text("text").unwrap_or_default();
        if let Some(cut) = text::truncate_chars(given, POST_CHARS_MAX) {
            if too_long == TooLong::Refuse {
                return Err(over("text", given, POST_CHARS_MAX));
            }
            warnings.push("message_truncated");
            given = cut;
        }
        content.text = self.normalised(given, parse);
        Ok(())
    }

    fn fill_blocks(&self, content: &mut Content) -> Result<(), Fault> {
        if let Given::Json(given) = self.given("blocks") {
            let blocks = blocks::normalise(given, &mut mint::block_id)?;
            content.blocks = Some(blocks.json.into());
            if content.text.is_empty() {
                content.text = blocks.fallback;
            }
        }
        Ok(())
    }

    fn fill_parts(&self, content: &mut Content, ephemeral: bool) -> Result<(), Fault> {
        self.fill_blocks(content)?;
        if let Given::Json(given) = self.given("attachments") {
            content.attachments = Some(attachments::normalise(given, &mut mint::block_id)?.json.into());
        }
        if let Given::Json(given) = self.given("metadata") {
            content.metadata = Some(metadata::normalise(given, ephemeral)?.into());
        }
        Ok(())
    }

    /// What is said beside files, which may be nothing: blocks are ignored beside a comment.
    fn file_content(&self) -> Parsed {
        let mut content = Content::text(Dialect::Slack, "");
        let given = self.args.text("initial_comment").unwrap_or_default();
        let mut warnings = Vec::new();
        let given = text::truncate_chars(given, POST_CHARS_MAX)
            .inspect(|_| warnings.push("message_truncated"))
            .unwrap_or(given);
        content.text = self.normalised(given, Parse::Default);
        let filled = if given.is_empty() { self.fill_blocks(&mut content) } else { Ok(()) };
        Parsed { content: Arc::new(content), fault: filled.err().map(fault), warnings }
    }

    /// What an update changes. What is omitted stays, except that a text without blocks throws the blocks away.
    fn update_patch(&self) -> Result<(Patch, Option<ContentFault>), Error> {
        let mut patch = Patch::keep_all(Dialect::Slack);
        let parse = self.parse(Parse::Client)?;
        let filled = self.patch_text(parse, &mut patch).and_then(|()| self.patch_parts(&mut patch));
        Ok((patch, filled.err().map(fault)))
    }

    fn patch_text(&self, parse: Parse, patch: &mut Patch) -> Result<(), Fault> {
        if let Some(markdown) = self.markdown()? {
            patch.given = true;
            patch.text = Change::Set(markdown);
            patch.blocks = Change::Clear;
            return Ok(());
        }
        let Some(given) = self.args.text("text") else { return Ok(()) };
        if text::chars_over(given, UPDATE_CHARS_MAX) {
            return Err(over("text", given, UPDATE_CHARS_MAX));
        }
        patch.given = !given.is_empty();
        patch.text = Change::Set(self.normalised(given, parse));
        patch.blocks = Change::Clear;
        Ok(())
    }

    fn patch_parts(&self, patch: &mut Patch) -> Result<(), Fault> {
        let text_given = self.args.has("text");
        match self.given("blocks") {
            Given::Absent => {}
            Given::Empty => {
                patch.given = true;
                patch.blocks = Change::Clear;
            }
            Given::Json(given) => {
                patch.given = true;
                patch.blocks = Change::Set(blocks::normalise(given, &mut mint::block_id)?.json.into());
            }
        }
        match self.given("attachments") {
            Given::Absent => {}
            Given::Empty => {
                patch.given = true;
                patch.attachments = Change::Clear;
            }
            Given::Json(given) => {
                patch.given = true;
                patch.attachments =
                    Change::Set(attachments::normalise(given, &mut mint::block_id)?.json.into());
            }
        }
        match self.given("metadata") {
            Given::Absent => {}
            Given::Empty => {
                patch.given = true;
                patch.metadata = Change::Clear;
            }
            Given::Json(given) => {
                patch.given = true;
                patch.metadata = Change::Set(metadata::normalise(given, false)?.into());
            }
        }
        if self.args.has("file_ids") {
            patch.given = true;
            let ids = self.args.list("file_ids");
            let named = ids.iter().all(|id| !id.is_empty() && !id.contains(' '));
            if !named {
                return Err(Fault { code: "file_not_found", messages: vec!["file_ids has no id".into()] });
            }
            patch.files = if ids.is_empty() { Change::Clear } else { Change::Set(ids.join(" ").into()) };
        }
        // An empty text beside nothing else counts as no text at all.
        if text_given && !patch.given {
            *patch = Patch::keep_all(Dialect::Slack);
        }
        Ok(())
    }

    fn markdown(&self) -> Result<Option<String>, Fault> {
        let Some(given) = self.args.filled("markdown_text") else { return Ok(None) };
        if self.args.filled("text").is_some() || self.args.filled("blocks").is_some() {
            return Err(Fault {
                code: "markdown_text_conflict",
                messages: vec!["markdown_text excludes text and blocks".into()],
            });
        }
        if text::chars_over(given, MARKDOWN_CHARS_MAX) {
            return Err(over("markdown_text", given, MARKDOWN_CHARS_MAX));
        }
        Ok(Some(markdown::to_mrkdwn(given)))
    }

    fn given(&self, name: &str) -> Given<'_> {
        match self.args.text(name).map(str::trim) {
            None | Some("") => Given::Absent,
            Some("[]" | "{}") => Given::Empty,
            Some(json) => Given::Json(json),
        }
    }

    fn parse(&self, default: Parse) -> Result<Parse, Error> {
        match self.args.filled("parse") {
            None => Ok(default),
            Some("none") => Ok(Parse::None),
            Some("client") => Ok(Parse::Client),
            Some("full") => Ok(Parse::Full),
            Some(other) => Err(Error::arguments(format!("parse must be none, client or full, got {other}"))),
        }
    }

    fn normalised(&self, given: &str, parse: Parse) -> String {
        let link_names = self.args.flag("link_names").ok().flatten().unwrap_or(false);
        let nameable = |channel: &Conversation| match self.author {
            Some(author) => sees(author, channel),
            None => channel.kind == ConversationKind::Public,
        };
        let channel = |name: &str| {
            let found = self.directory.channel(name).filter(|channel| nameable(channel));
            found.map(|channel| channel.slack_id.clone())
        };
        text::normalise(given, parse, link_names, &Names { channel: &channel })
    }
}

impl Call<'_> {
    fn said(&self) -> Said<'_> {
        Said { args: &self.args, directory: &self.directory, author: Some(self.user.id) }
    }

    /// The content of a new message.
    pub(super) fn post_content(&self, too_long: TooLong, ephemeral: bool) -> Result<Parsed, Error> {
        let identity = self.identity()?;
        let mut parsed = self.said().post_content(too_long, ephemeral)?;
        if identity.is_some() {
            parsed.content = Arc::new(Content { identity, ..Content::clone(&parsed.content) });
        }
        Ok(parsed)
    }

    /// What an update changes.
    pub(super) fn update_patch(&self) -> Result<(Patch, Option<ContentFault>), Error> {
        self.said().update_patch()
    }

    /// What is said beside files.
    pub(super) fn file_content(&self) -> Parsed {
        self.said().file_content()
    }

    /// A custom name and picture, for which the token needs a scope of its own. People post as themselves.
    pub(super) fn identity(&self) -> Result<Option<Arc<str>>, Error> {
        let args = &self.args;
        let (name, emoji, url) =
            (args.filled("username"), args.filled("icon_emoji"), args.filled("icon_url"));
        if name.or(emoji).or(url).is_none() || self.token.kind == TokenKind::User {
            return Ok(None);
        }
        if !scopes::has(&self.token, "chat:write.customize") {
            return Err(scopes::missing(&["chat:write.customize"], &self.token));
        }
        let mut json = String::from("{");
        if let Some(name) = name {
            json.push_str("\"username\":");
            push_string(&mut json, name);
        }
        let icons = emoji.map(|emoji| ("emoji", emoji)).or(url.map(|url| ("image_48", url)));
        if let Some((kind, icon)) = icons {
            json.push_str(if name.is_some() { ",\"icons\":{\"" } else { "\"icons\":{\"" });
            json.push_str(kind);
            json.push_str("\":");
            push_string(&mut json, icon);
            json.push('}');
        }
        json.push('}');
        Ok(Some(json.into()))
    }

    /// `as_user` belongs to classic apps: true does nothing, false fails.
    pub(super) fn refuse_as_user(&self) -> Result<(), Error> {
        match self.args.flag("as_user")? {
            Some(false) => Err(Error::arguments("as_user is for classic apps; authorship follows the token")
                .with("deprecated_argument", &"as_user")),
            _ => Ok(()),
        }
    }
}

fn over(name: &str, given: &str, max: usize) -> Fault {
    let reason = format!("{name} has {} characters, {max} are allowed", given.chars().count());
    Fault { code: "msg_too_long", messages: vec![reason] }
}

pub(super) fn fault(fault: Fault) -> ContentFault {
    ContentFault { code: fault.code, reasons: fault.messages }
}
