//! Reactions of bots.

use axum::http::StatusCode;
use redraft_model::command::Verb;
use redraft_model::interaction::{Act, Interaction};
use redraft_model::time::Ts;
use redraft_wire::connector::activity::ActivityView;
use redraft_wire::connector::errors::BAD_ARGUMENT;
use redraft_wire::reaction::slack_name;

use crate::call::Call;
use crate::reply::{Error, Reply};

/// The longest reaction type, in characters.
const TYPE_CHARS_MAX: usize = 100;

/// Sets the bot's own reaction of this type, or takes it back. Doing so again changes nothing.
pub(super) async fn react(
    call: &Call<'_>,
    conversation: &str,
    id: &str,
    kind: &str,
    adds: bool,
) -> Result<Reply, Error> {
    let (conversation, _) = call.conversation_named(conversation)?;
    let of_type = |letter: char| letter.is_ascii_alphanumeric() || "_-+'".contains(letter);
    if TYPE_CHARS_MAX < kind.len() || !kind.chars().all(of_type) {
        let message = "The reaction type is not one, such as 'like' or '1f44b_wavinghand'.";
        return Err(Error::new(StatusCode::BAD_REQUEST, BAD_ARGUMENT, message));
    }
    let name = slack_name(kind).into();
    let act = if adds { Act::React(name) } else { Act::Unreact(name) };
    let ts = Ts::from_digits(id).unwrap_or(Ts::OF_NO_MESSAGE);
    let asked = Interaction { conversation: conversation.id, ts, act };
    call.submit(Verb::Interaction(asked), &ActivityView::default()).await?;
    Ok(Reply::empty(StatusCode::OK))
}
