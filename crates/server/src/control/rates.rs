//! Refusing an app's calls for their rate, as a test wants it.

use axum::http::StatusCode;
use redraft_model::content::Dialect;
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Error, ok};
use super::apps;
use super::scope::Scope;
use redraft_slack::rates::Forced;

/// The longest name of a method.
const METHOD_CHARS_MAX: usize = 100;

/// The longest `Retry-After`: a day.
const RETRY_AFTER_SECONDS_MAX: u32 = 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A method of the Web API; any, if it is absent.
    method: Option<String>,
    /// How many calls are refused; 0 takes back what is left.
    #[serde(default = "one")]
    calls: u32,
    #[serde(default = "one")]
    retry_after_seconds: u32,
}

fn one() -> u32 {
    1
}

/// The next calls of a Slack app are answered with 429, whether or not rate limits are on.
pub(super) async fn force(scope: &Scope<'_>, id: &str) -> Answer {
    let asked: Asked = scope.json()?;
    let app = apps::named(scope, id)?;
    if app.dialect != Dialect::Slack {
        return Err(Error::bad("only a Slack app's calls are refused by this"));
    }
    if asked.method.as_ref().is_some_and(|method| METHOD_CHARS_MAX < method.len()) {
        return Err(Error::bad("no method has such a name"));
    }
    if !(1..=RETRY_AFTER_SECONDS_MAX).contains(&asked.retry_after_seconds) {
        return Err(Error::bad(format!("retry_after_seconds is from 1 to {RETRY_AFTER_SECONDS_MAX}")));
    }
    let shown = json!({
        "app": app.slack_id,
        "method": asked.method,
        "calls": asked.calls,
        "retry_after_seconds": asked.retry_after_seconds,
    });
    let forced = Forced {
        workspace: scope.id(),
        app: app.id,
        method: asked.method,
        calls: asked.calls,
        retry_after_seconds: asked.retry_after_seconds,
    };
    if !scope.app.slack.rates.force(forced) {
        return Err(Error(StatusCode::CONFLICT, "full", "too much is forced already".into()));
    }
    ok(shown)
}
