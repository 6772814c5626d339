//! The way to the control API: over HTTP to the server that owns the data folder, or directly where there is none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use redraft_server::acts::Refreshes;
use redraft_server::app::{App, Untold};
use redraft_server::config::BOT_TIMEOUT_MS;
use redraft_server::connector::authority::Authority;
use redraft_server::control;
use redraft_server::delivery::Outbox;
use redraft_server::serve::{OWNER_FILE, open_store};
use redraft_server::slack::rates::Rates;
use redraft_server::slack::sockets::Sockets;
use redraft_server::typing::Typing;
use serde::Deserialize;
use serde_json::Value;

use super::Failure;

/// An open way.
pub enum Control {
    /// To a running server.
    Remote { url: String, token: String },
    /// To the folder itself.
    Local { app: Arc<App>, runtime: tokio::runtime::Runtime },
}

#[derive(Deserialize)]
struct Owner {
    url: String,
    control_token: String,
}

impl Control {
    /// Finds the owner of the folder, or becomes it.
    pub fn open(data: &Path) -> Result<Self, Failure> {
        if !data.is_dir() {
            return Err(format!("{} is not there; `redraft serve` makes it", data.display()).into());
        }
        if let Ok(text) = std::fs::read_to_string(data.join(OWNER_FILE))
            && let Ok(owner) = serde_json::from_str::<Owner>(&text)
            && ureq::get(format!("{}/healthz", owner.url)).call().is_ok()
        {
            return Ok(Self::Remote { url: owner.url, token: owner.control_token });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let store = open_store(Some(data))?;
        let app = App {
            store,
            authority: Authority::default(),
            public_url: "http://127.0.0.1:3000".into(),
            local_url: String::new(),
            tls_url: None,
            loopback: true,
            control_token: [0; 32],
            outbox: Outbox::new(Duration::from_millis(BOT_TIMEOUT_MS), false)?,
            typing: Typing::default(),
            rates: None,
            sockets: Sockets::default(),
            slack_rates: Rates::new(false),
            scheduled: tokio::sync::Notify::default(),
            untold: Untold::default(),
            refreshes: Refreshes::default(),
        };
        Ok(Self::Local { app: Arc::new(app), runtime })
    }

    /// One call; a refusal is a failure with the server's sentence.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let path = format!("/control{path}");
        let (status, answer) = match self {
            Self::Remote { url, token } => remote(method, &format!("{url}{path}"), token, body)?,
            Self::Local { app, runtime } => {
                let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
                let method = Method::from_bytes(method.as_bytes())?;
                let (path, query) =
                    path.split_once('?').map_or((&*path, None), |(path, query)| (path, Some(query)));
                let (status, answer) = runtime.block_on(control::call(app, &method, path, query, &body));
                (status.as_u16(), answer)
            }
        };
        if status < 300 {
            return Ok(answer);
        }
        let reason = answer["error"]["message"].as_str().unwrap_or("the server refused without a reason");
        Err(reason.to_owned().into())
    }

    /// Whether a server runs on the folder.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote { .. })
    }

    /// The workspace that is meant: the one named, or the only one.
    pub fn workspace(&self, named: Option<&str>) -> Result<String, Failure> {
        if let Some(named) = named {
            return Ok(named.to_owned());
        }
        let all = self.call("GET", "/workspaces", &Value::Null)?;
        match all["workspaces"].as_array().map(Vec::as_slice) {
            Some([only]) => Ok(only["id"].as_str().unwrap_or_default().to_owned()),
            Some([]) | None => Err("there is no workspace".into()),
            Some(several) => {
                let ids: Vec<&str> = several.iter().filter_map(|it| it["id"].as_str()).collect();
                Err(format!("--workspace is needed, there are several: {}", ids.join(", ")).into())
            }
        }
    }
}

fn remote(method: &str, url: &str, token: &str, body: &Value) -> Result<(u16, Value), Failure> {
    let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
    let request = axum::http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(bytes)?;
    let agent =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build();
    let mut response = ureq::Agent::new_with_config(agent).run(request)?;
    let status = response.status().as_u16();
    Ok((status, response.body_mut().read_json()?))
}
