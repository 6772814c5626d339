//! `views.*`: apps open modals for people who acted, put further ones on them, and change them.

use redraft_model::command::Verb;
use redraft_model::decision::Outcome;
use redraft_model::item::ModalView;
use redraft_model::modal::{Modal, Which};
use redraft_wire::slack::view;
use serde_json::Map;

use crate::call::Call;
use crate::payload;
use crate::reply::{Error, Reply};
use redraft_service::mint;

/// `views.open`: a modal for the person who acted.
pub(super) async fn open(call: &Call<'_>) -> Result<Reply, Error> {
    let view = view_given(call)?;
    carry_out(call, Modal::Open { trigger: trigger(call)?, view }).await
}

/// `views.push`: a modal on top of the one in which the person acted.
pub(super) async fn push(call: &Call<'_>) -> Result<Reply, Error> {
    let view = view_given(call)?;
    carry_out(call, Modal::Push { trigger: trigger(call)?, view }).await
}

/// `views.update`: another content for an open modal. With `hash` only if nobody else changed it since.
pub(super) async fn update(call: &Call<'_>) -> Result<Reply, Error> {
    let view = view_given(call)?;
    let which = match (call.args.filled("view_id"), call.args.filled("external_id")) {
        (Some(id), _) => Which::Id(id.to_owned()),
        (None, Some(name)) => Which::ExternalId(name.to_owned()),
        (None, None) => return Err(Error::missing("view_id")),
    };
    let if_hash = call.args.filled("hash").map(str::to_owned);
    carry_out(call, Modal::Update { which, if_hash, view }).await
}

/// `views.publish`: there is no App Home here, and it answers as for an app that has it switched off.
pub(super) async fn publish(call: &Call<'_>) -> Result<Reply, Error> {
    call.args.required("user_id")?;
    call.args.required("view")?;
    Err(Error::new("not_enabled").because("App Home is not offered here"))
}

fn view_given(call: &Call<'_>) -> Result<ModalView, Error> {
    let given = call.args.required("view")?;
    let modal = view::normalise(given, &mut mint::block_id).map_err(|fault| {
        fault.messages.iter().fold(Error::new(fault.code), |error, reason| error.because(reason.clone()))
    })?;
    Ok(new_view(modal, call.now().seconds()))
}

/// A modal under a new id, with a new hash.
pub(super) fn new_view(modal: view::Modal, seconds: i64) -> ModalView {
    let (id, hash) = (mint::slack_id('V'), mint::view_hash(seconds));
    ModalView { id, external_id: modal.external_id, hash, json: modal.json.into() }
}

/// The hash of the `trigger_id`. One that is none by its looks is a wrong argument.
fn trigger(call: &Call<'_>) -> Result<[u8; 32], Error> {
    let given = call.args.filled("trigger_id").or_else(|| call.args.filled("interactivity_pointer"));
    let given = given.ok_or_else(|| Error::missing("trigger_id"))?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match given.split('.').collect::<Vec<_>>()[..] {
        [first, second, last] if digits(first) && digits(second) && !last.is_empty() => {
            Ok(mint::sha256(given.as_bytes()))
        }
        _ => Err(Error::arguments("invalid `trigger_id`")),
    }
}

async fn carry_out(call: &Call<'_>, modal: Modal) -> Result<Reply, Error> {
    match call.submit(Verb::Modal(Box::new(modal))).await? {
        Outcome::Modal(opened) => {
            let view = payload::view(&call.directory, &opened.views, opened.place, Map::new());
            Ok(Reply::new().with("view", &view))
        }
        _ => Err(Error::new("internal_error")),
    }
}
