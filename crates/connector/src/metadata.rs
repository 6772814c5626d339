//! The documents by which bots find keys and endpoints: those of `login.botframework.com` and those of
//! `login.microsoftonline.com`, which a test network may redirect here.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::authority::ISSUER;
use crate::reply::json_type;
use crate::state::Connector;

/// Hosts of Microsoft whose documents and tokens this server has, for bots whose network leads them here.
pub const LOGIN_HOSTS: [&str; 2] = ["login.microsoftonline.com", "login.botframework.com"];

/// One document. Tenants are as the path spells them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// `/v1/.well-known/openidconfiguration`: the channel's, by which bots check who calls them.
    Channel,
    /// The same keys at every address where one of the two hosts has them.
    Keys,
    /// `/{tenant}/.well-known/openid-configuration`: the directory's, by which bots find the token endpoint.
    Tenant(String),
    /// `/{tenant}/v2.0/.well-known/openid-configuration`.
    TenantVersion2(String),
    /// `/common/discovery/instance`.
    Instance,
}

impl Document {
    /// The document at a path.
    pub fn at(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["v1", ".well-known", "openidconfiguration"] => Self::Channel,
            ["v1", ".well-known", "keys"] | [_, "discovery", "keys"] | [_, "discovery", "v2.0", "keys"] => {
                Self::Keys
            }
            [tenant, ".well-known", "openid-configuration"] => Self::Tenant((*tenant).into()),
            [tenant, "v2.0", ".well-known", "openid-configuration"] => Self::TenantVersion2((*tenant).into()),
            ["common", "discovery", "instance"] => Self::Instance,
            _ => return None,
        })
    }
}

/// Answers `GET` of a document.
pub(super) async fn answer(
    connector: &Connector,
    document: &Document,
    method: &Method,
    query: Option<&str>,
    headers: &HeaderMap,
    over_tls: bool,
) -> Response<Body> {
    let (status, body) = if method != Method::GET {
        (StatusCode::METHOD_NOT_ALLOWED, json!({ "error": "invalid_request" }))
    } else if connector.authority.prepare(&*connector.service.store).await.is_err() {
        (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "server_error" }))
    } else {
        (StatusCode::OK, content(connector, document, query, &base(connector, headers, over_tls)))
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let (name, value) = json_type();
    response.headers_mut().insert(name, value);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

/// The start of the addresses in a document. Who asked over TLS, or for a host that only TLS leads to, gets the host it
/// asked: SDKs take no other scheme from there, and may not reach any other host.
fn base(connector: &Connector, headers: &HeaderMap, over_tls: bool) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match host.filter(|host| over_tls || redraft_service::hosts::named_in(&LOGIN_HOSTS, host)) {
        Some(host) => format!("https://{host}"),
        None => connector.service.public_url.clone(),
    }
}

fn content(connector: &Connector, document: &Document, query: Option<&str>, base: &str) -> Value {
    match document {
        Document::Keys => connector.authority.published().unwrap_or_default(),
        Document::Channel => json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": format!("{base}/v1/.well-known/keys"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }),
        Document::Tenant(tenant) => {
            let issuer = format!("https://sts.windows.net/{tenant}/");
            directory(&issuer, &format!("{base}/{tenant}"), "oauth2", "discovery")
        }
        Document::TenantVersion2(tenant) => {
            let issuer = format!("{base}/{tenant}/v2.0");
            directory(&issuer, &format!("{base}/{tenant}"), "oauth2/v2.0", "discovery/v2.0")
        }
        Document::Instance => {
            let tenant = asked_tenant(query).unwrap_or_else(|| "common".into());
            json!({
                "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
                "api-version": "1.1",
                "metadata": [],
            })
        }
    }
}

fn directory(issuer: &str, tenant: &str, oauth: &str, discovery: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{tenant}/{oauth}/authorize"),
        "token_endpoint": format!("{tenant}/{oauth}/token"),
        "jwks_uri": format!("{tenant}/{discovery}/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// The tenant of the address whose host is asked about, as the address spells it.
fn asked_tenant(query: Option<&str>) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let (_, address) = pairs.find(|(name, _)| name == "authorization_endpoint")?;
    let (_, path) = address.split_once("://")?.1.split_once('/')?;
    let tenant = path.split(['/', '?', '#']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._%".contains(&byte);
    (!tenant.is_empty() && tenant.bytes().all(plain)).then(|| tenant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_of_addresses() {
        let asked = |address: &str| {
            asked_tenant(Some(&format!("api-version=1.1&authorization_endpoint={address}")))
                .unwrap_or_default()
        };
        for (address, tenant) in [
            ("https%3A%2F%2Flogin.microsoftonline.com%2Ft-1%2Foauth2%2Fv2.0%2Fauthorize", "t-1"),
            ("https://login.microsoftonline.com/botframework.com", "botframework.com"),
            ("https://login.microsoftonline.com/a%22b", ""),
            ("https://login.microsoftonline.com/", ""),
            ("https://login.microsoftonline.com", ""),
            ("", ""),
        ] {
            assert_eq!(asked(address), tenant, "{address}");
        }
        assert_eq!(asked_tenant(None), None);
    }
}
