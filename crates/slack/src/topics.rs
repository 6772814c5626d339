//! What a conversation is called and about, and how far it was read: `conversations.rename`, `setTopic`, `setPurpose`, `mark`.

use redraft_model::conversations::ConversationCommand as C;
use redraft_model::time::Ts;
use redraft_wire::slack::text::{Names, Parse, chars_over, normalise};

use crate::call::Call;
use crate::conversations::{changed, managed, name, shown};
use crate::reply::{Error, Reply};
use crate::scopes;

/// Characters of a topic or purpose.
const NOTE_CHARS_MAX: usize = 250;

/// `conversations.rename`: a channel gets another name and remembers the old one.
pub(super) async fn rename(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    let name = name(call)?;
    let (id, _) = changed(call, C::Rename { conversation: conversation.id, name }).await?;
    shown(call, id)
}

/// `conversations.setTopic`: what is being talked about; an empty one takes it away.
pub(super) async fn set_topic(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    scopes::TOPIC.check_in(&call.token, &conversation)?;
    let topic = note(call, "topic")?;
    let (id, _) = changed(call, C::SetTopic { conversation: conversation.id, topic }).await?;
    shown(call, id)
}

/// `conversations.setPurpose`: what the channel is for; an empty one takes it away.
pub(super) async fn set_purpose(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = call.conversation("channel")?;
    scopes::TOPIC.check_in(&call.token, &conversation)?;
    let purpose = note(call, "purpose")?;
    let command = C::SetPurpose { conversation: conversation.id, purpose: purpose.clone() };
    changed(call, command).await?;
    Ok(Reply::new().text("purpose", &purpose))
}

fn note(call: &Call<'_>, name: &str) -> Result<String, Error> {
    let given = call.args.text(name).ok_or_else(|| Error::missing(name))?;
    if chars_over(given, NOTE_CHARS_MAX) {
        return Err(Error::new("too_long").because(format!("{name} has {NOTE_CHARS_MAX} characters at most")));
    }
    Ok(normalise(given, Parse::Client, false, &Names { channel: &|_| None }))
}

/// `conversations.mark`: the caller has read it up to this message.
pub(super) async fn mark(call: &Call<'_>) -> Result<Reply, Error> {
    let conversation = managed(call)?;
    let given = call.args.required("ts")?;
    let wrong = || Error::new("invalid_timestamp").because(format!("ts is not a ts: {given}"));
    let ts = Ts::from_dotted(given).ok_or_else(wrong)?;
    changed(call, C::Mark { conversation: conversation.id, ts }).await?;
    Ok(Reply::new())
}
