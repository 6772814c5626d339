//! Whose token a request brings.

use std::sync::Arc;

use axum::http::HeaderMap;
use redraft_model::directory::Directory;
use redraft_model::workspace::{Token, User};
use redraft_service::{Service, mint};

use crate::reply::Error;

/// A token with its workspace and its user.
pub(crate) type Holder = (Arc<Directory>, Arc<Token>, Arc<User>);

/// The holder of a token, as of the last commit. The decision looks again.
pub(crate) fn authenticate(service: &Service, given: &str) -> Result<Holder, Error> {
    let hash = mint::hash(given);
    let unknown = || Error::new("invalid_auth").because("no workspace here has this token");
    let directory = service.workspace_of(&hash).ok_or_else(unknown)?;
    let token = Arc::clone(directory.token(&hash).ok_or_else(unknown)?);
    if token.revoked || directory.app(token.app).is_none_or(|app| app.uninstalled) {
        return Err(Error::new("token_revoked").because("the token was revoked"));
    }
    if token.expires_at.is_some_and(|end| end <= service.now(directory.workspace.id)) {
        return Err(Error::new("token_expired").because("the token's time is over"));
    }
    let inactive = || Error::new("account_inactive").because("the token's user was deactivated");
    let user = Arc::clone(directory.user(token.user).filter(|user| !user.deactivated).ok_or_else(inactive)?);
    Ok((directory, token, user))
}

/// The token of the header `Authorization`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = header(headers, "authorization")?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
