//! Slash commands: the fields of the form, and mentions in the text.

use redraft_model::directory::Directory;
use redraft_model::id::UserId;
use redraft_model::policy::sees;
use redraft_model::workspace::{Conversation, ConversationKind, SlashCommand};
use redraft_wire::slack::text::escape;
use serde_json::{Value, json};

use crate::payload::channel_name;
use crate::scene::Scene;

/// The fields of a command's form.
pub(super) fn fields(
    scene: &Scene<'_>,
    conversation: &Conversation,
    command: &SlashCommand,
    text: &str,
    response_url: &str,
    trigger_id: &str,
) -> Value {
    let workspace = &scene.directory.workspace;
    let text = text.trim();
    let text = if command.escapes { escaped(scene.directory, scene.user.id, text) } else { text.to_owned() };
    json!({
        "token": scene.bot.slack.as_ref().map_or("", |slack| &slack.verification_token),
        "team_id": workspace.team_id,
        "team_domain": workspace.domain,
        "channel_id": conversation.slack_id,
        "channel_name": channel_name(conversation),
        "user_id": scene.user.slack_id,
        "user_name": scene.user.name,
        "command": command.command,
        "text": text,
        "api_app_id": scene.bot.slack_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    })
}

/// The text with people, channels and addresses as `<@U…|name>`, `<#C…|name>` and `<https://…>`. A private channel is
/// named by its id only; what the person does not see stays as it was typed.
fn escaped(directory: &Directory, by: UserId, text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let end = word.trim_end_matches(|it: char| it.is_whitespace() || ",;:!?)".contains(it)).len();
        let (word, rest) = word.split_at(end);
        format!(
            "{}{}",
            marked(directory, by, word).unwrap_or_else(|| escape(word).into_owned()),
            escape(rest)
        )
    });
    words.collect()
}

fn marked(directory: &Directory, by: UserId, word: &str) -> Option<String> {
    if word.starts_with("https://") || word.starts_with("http://") {
        return Some(format!("<{}>", escape(word)));
    }
    if word.starts_with('@') {
        let user = directory.user_named(&word.to_lowercase())?;
        return Some(format!("<@{}|{}>", user.slack_id, user.name));
    }
    let channel = directory.channel(word.strip_prefix('#')?).filter(|channel| sees(by, channel))?;
    let name = if channel.kind == ConversationKind::Private { "" } else { &channel.name };
    Some(format!("<#{}|{name}>", channel.slack_id))
}
