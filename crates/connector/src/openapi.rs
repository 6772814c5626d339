//! The Connector API as this server speaks it, described in OpenAPI for tools.

use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response, StatusCode};
use redraft_wire::connector::errors::BAD_ARGUMENT;
use serde_json::Value;

use crate::reply::json_type;
use crate::reply::{self, Error};

/// Written by hand. A tool compares it with what the server does.
const DESCRIPTION: &str = include_str!("openapi.yaml");

/// Answers `GET /teams/openapi.json`. It says nothing of any workspace, so everybody may read it.
pub(super) fn answer(method: &Method) -> Response<Body> {
    static JSON: LazyLock<Bytes> = LazyLock::new(|| {
        let description: Option<Value> = serde_saphyr::from_str(DESCRIPTION).ok();
        description.unwrap_or_default().to_string().into()
    });
    if *method != Method::GET {
        let error = Error::new(StatusCode::METHOD_NOT_ALLOWED, BAD_ARGUMENT, "This path takes GET.");
        return reply::write(Err(Error { allow: Some("GET"), ..error }));
    }
    let mut response = Response::new(Body::from(JSON.clone()));
    let (name, value) = json_type();
    response.headers_mut().insert(name, value);
    response
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::DESCRIPTION;

    #[test]
    fn every_reference_leads_somewhere() {
        let description: Value = serde_saphyr::from_str(DESCRIPTION).unwrap();
        let mut open = vec![&description];
        let mut references = 0;
        while let Some(value) = open.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(description.pointer(pointer).is_some(), "{reference}");
                references += 1;
            }
            match value {
                Value::Object(members) => open.extend(members.values()),
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(100 < references);
        assert!(description["paths"].as_object().unwrap().len() > 10);
    }
}
