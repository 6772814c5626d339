//! The paths of the Connector's operations, of its token endpoint and of its documents.

use percent_encoding::percent_decode_str;

use crate::metadata::{Document, LOGIN_HOSTS};

/// What the path names, in the fixed segments without regard to case.
#[derive(Debug)]
pub(crate) enum Route {
    Conversations,
    Activities(String),
    History(String),
    Activity(String, String),
    ActivityMembers(String),
    Reaction(String, String, String),
    Members(String),
    PagedMembers(String),
    Member(String, String),
    Uploads(String),
    Attachment(String),
    AttachmentView(String, String),
    Team(String),
    TeamChannels(String),
    Description,
    Token(String),
    Identity,
    Document(Document),
    Unknown,
}

/// Whether a request with this host and path means one of Microsoft's login hosts, for whom this server answers bots
/// whose network leads them here.
#[must_use]
pub fn stands_for_login(host: &str, path: &str) -> bool {
    redraft_service::hosts::named_in(&LOGIN_HOSTS, host)
        && matches!(route(path), Some(Route::Token(_) | Route::Document(_)))
}

/// The tenant that a service URL names: `/teams/{tenant}/v3/…`.
pub(crate) fn tenant(path: &str) -> Option<String> {
    let mut segments = path.trim_start_matches('/').split('/');
    let (teams, tenant, v3) =
        (segments.next()?, segments.next()?, segments.find(|segment| !segment.is_empty())?);
    (teams == "teams" && v3.eq_ignore_ascii_case("v3")).then(|| decoded(tenant))?
}

/// Segments before `v3` that a service URL may have, such as `/teams/{tenant}`.
const PREFIX_SEGMENTS_MAX: usize = 3;

/// Splits the path into segments and decodes each once. The path of the service URL may precede `v3`.
pub(crate) fn route(path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.trim_start_matches('/').trim_end_matches('/').split('/').collect();
    if let [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"] = segments[..] {
        return Some(Route::Token(decoded(tenant)?));
    }
    if let ["msi", "token"] = segments[..] {
        return Some(Route::Identity);
    }
    if let ["teams", "openapi.json"] = segments[..] {
        return Some(Route::Description);
    }
    if let Some(document) = Document::at(&segments) {
        return Some(Route::Document(document));
    }
    let v3 = segments
        .iter()
        .take(PREFIX_SEGMENTS_MAX + 1)
        .position(|segment| segment.eq_ignore_ascii_case("v3"))?;
    Some(operation(&segments[v3 + 1..]).unwrap_or(Route::Unknown))
}

/// The route of the segments behind `v3`.
fn operation(rest: &[&str]) -> Option<Route> {
    let is =
        |place: usize, name: &str| rest.get(place).is_some_and(|segment| segment.eq_ignore_ascii_case(name));
    let id = |place: usize| rest.get(place).and_then(|segment| decoded(segment));
    if is(0, "teams") {
        return match rest.len() {
            2 => Some(Route::Team(id(1)?)),
            3 if is(2, "conversations") => Some(Route::TeamChannels(id(1)?)),
            _ => None,
        };
    }
    if is(0, "attachments") {
        return match rest.len() {
            2 => Some(Route::Attachment(id(1)?)),
            4 if is(2, "views") => Some(Route::AttachmentView(id(1)?, id(3)?)),
            _ => None,
        };
    }
    if !is(0, "conversations") {
        return None;
    }
    if rest.len() == 1 {
        return Some(Route::Conversations);
    }
    let conversation = id(1)?;
    Some(match rest.len() {
        3 if is(2, "activities") => Route::Activities(conversation),
        3 if is(2, "members") => Route::Members(conversation),
        3 if is(2, "pagedmembers") => Route::PagedMembers(conversation),
        3 if is(2, "attachments") => Route::Uploads(conversation),
        4 if is(2, "activities") && is(3, "history") => Route::History(conversation),
        4 if is(2, "activities") => Route::Activity(conversation, id(3)?),
        4 if is(2, "members") => Route::Member(conversation, id(3)?),
        5 if is(2, "activities") && is(4, "members") => Route::ActivityMembers(conversation),
        6 if is(2, "activities") && (is(4, "reactions") || is(4, "reaction")) => {
            Route::Reaction(conversation, id(3)?, id(5)?)
        }
        _ => return None,
    })
}

fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Route, route, tenant};

    fn shown(path: &str) -> String {
        match route(path) {
            None => "none".into(),
            Some(Route::Unknown) => "unknown".into(),
            Some(Route::Conversations) => "conversations".into(),
            Some(Route::Activities(c)) => format!("activities {c}"),
            Some(Route::Activity(c, a)) => format!("activity {c} {a}"),
            Some(Route::Members(c)) => format!("members {c}"),
            Some(Route::PagedMembers(c)) => format!("paged {c}"),
            Some(Route::Member(c, m)) => format!("member {c} {m}"),
            Some(Route::History(c)) => format!("history {c}"),
            Some(Route::ActivityMembers(c)) => format!("members of an activity of {c}"),
            Some(Route::Reaction(c, a, kind)) => format!("reaction {c} {a} {kind}"),
            Some(Route::Uploads(c)) => format!("uploads {c}"),
            Some(Route::Attachment(id)) => format!("attachment {id}"),
            Some(Route::AttachmentView(id, view)) => format!("attachment {id} {view}"),
            Some(Route::Team(id)) => format!("team {id}"),
            Some(Route::TeamChannels(id)) => format!("channels {id}"),
            Some(Route::Token(t)) => format!("token {t}"),
            Some(Route::Description) => "description".into(),
            Some(Route::Identity) => "identity".into(),
            Some(Route::Document(document)) => format!("{document:?}"),
        }
    }

    #[test]
    fn tenants_in_paths() {
        for (path, expected) in [
            ("/teams/t-1/v3/conversations", Some("t-1")),
            ("/teams/t-1//v3/conversations", Some("t-1")),
            ("/teams/t%2D1/V3/conversations", Some("t-1")),
            ("/other/t-1/v3/conversations", None),
            ("/teams/t-1/x/v3/conversations", None),
            ("/teams//v3/conversations", None),
            ("/v3/conversations", None),
            ("/", None),
        ] {
            assert_eq!(tenant(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_in_every_spelling_that_sdks_use() {
        for (path, expected) in [
            ("/v3/conversations", "conversations"),
            ("/teams/t-1/v3/conversations", "conversations"),
            ("/teams/t-1//v3/conversations", "conversations"),
            ("/v3/conversations/19:a@thread.tacv2/activities", "activities 19:a@thread.tacv2"),
            (
                "/v3/conversations/19%3Aa%40thread.tacv2%3Bmessageid%3D7/activities",
                "activities 19:a@thread.tacv2;messageid=7",
            ),
            ("/V3/Conversations/a:1x/Activities/12", "activity a:1x 12"),
            ("/v3/conversations/a%3A1x/activities/1%252", "activity a:1x 1%2"),
            ("/v3/conversations/a:1x/pagedMembers", "paged a:1x"),
            ("/v3/conversations/a:1x/pagedmembers", "paged a:1x"),
            ("/v3/conversations/a:1x/members/29:1", "member a:1x 29:1"),
            ("/v3/conversations/a:1x/members", "members a:1x"),
            ("/v3/conversations/a:1x", "unknown"),
            ("/v3/conversations/a:1x/Activities/History", "history a:1x"),
            ("/v3/conversations/a:1x/activities/1/Members", "members of an activity of a:1x"),
            ("/v3/conversations/a:1x/activities/1/reactions/like", "reaction a:1x 1 like"),
            ("/v3/conversations/a%3A1x/activities/1/Reaction/1f44b_x%2By", "reaction a:1x 1 1f44b_x+y"),
            ("/v3/conversations/a:1x/activities/1/reactions", "unknown"),
            ("/v3/conversations/a:1x/activities/1/others/like", "unknown"),
            ("/v3/conversations/a:1x/attachments", "uploads a:1x"),
            ("/amer/t-1/V3/Attachments/ab", "attachment ab"),
            ("/v3/attachments/ab/Views/original", "attachment ab original"),
            ("/v3/attachments/ab/views", "unknown"),
            ("/v3/attachments", "unknown"),
            ("/v3/Teams/19%3Ax%40thread.tacv2", "team 19:x@thread.tacv2"),
            ("/v3/teams/x/Conversations", "channels x"),
            ("/v3/teams", "unknown"),
            ("/v3/teams/x/members", "unknown"),
            ("/v3/conversations/%ff/activities", "unknown"),
            ("/a/b/c/d/v3/conversations", "none"),
            ("/botframework.com/oauth2/v2.0/token", "token botframework.com"),
            ("/t-1/oauth2/token", "token t-1"),
            ("/teams/openapi.json", "description"),
            ("/msi/token", "identity"),
            ("/msi/token/", "identity"),
            ("/v1/.well-known/openidconfiguration", "Channel"),
            ("/v1/.well-known/keys", "Keys"),
            ("/t-1/discovery/keys", "Keys"),
            ("/t-1/discovery/v2.0/keys", "Keys"),
            ("/common/discovery/instance", "Instance"),
            ("/t-1/discovery/instance", "none"),
            ("/adfs/.well-known/openid-configuration", "Tenant(\"adfs\")"),
            ("/t-1/v2.0/.well-known/openid-configuration", "TenantVersion2(\"t-1\")"),
            ("/", "none"),
        ] {
            assert_eq!(shown(path), expected, "{path}");
        }
    }
}
