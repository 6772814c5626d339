//! The way to the control API: through the socket of the server that owns the data folder, or directly where there is
//! none. No token and no network is involved, and so no proxy.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use redraft_model::name::escaped;
use redraft_server::app::App;
use redraft_server::control;
use redraft_server::serve::open_offline;
use redraft_server::socket;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::terminal::Failure;

/// An open way.
pub struct Control {
    runtime: Runtime,
    way: Way,
}

enum Way {
    /// To the server that owns this folder.
    Remote(PathBuf),
    /// To the folder itself.
    Local(Arc<App>),
}

impl Control {
    /// Finds the owner of the folder, or becomes it.
    pub fn open(data: &Path) -> Result<Self, Failure> {
        if !data.is_dir() {
            return Err(format!("{} is not there; `redraft serve` makes it", data.display()).into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let way = match runtime.block_on(socket::connect(data)) {
            Ok(_) => Way::Remote(data.to_owned()),
            Err(failed) if [ErrorKind::NotFound, ErrorKind::ConnectionRefused].contains(&failed.kind()) => {
                let public_url = std::env::var("REDRAFT_PUBLIC_URL").ok();
                Way::Local(runtime.block_on(open_offline(data, public_url.as_deref()))?)
            }
            Err(failed) => return Err(format!("{}: {failed}", data.display()).into()),
        };
        Ok(Self { runtime, way })
    }

    /// One call; a refusal is a failure with the server's sentence.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let path = format!("/control{path}");
        let method = Method::from_bytes(method.as_bytes())?;
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let (status, answer) = match &self.way {
            Way::Remote(folder) => self.runtime.block_on(remote(folder, method, &path, body))?,
            Way::Local(app) => {
                let (path, query) =
                    path.split_once('?').map_or((&*path, None), |(path, query)| (path, Some(query)));
                let call = control::call(app, &method, path, query, &body);
                let (status, answer) = self.runtime.block_on(call);
                (status.as_u16(), answer)
            }
        };
        if status < 300 {
            return Ok(answer);
        }
        let reason = answer["error"]["message"].as_str().unwrap_or("the server refused without a reason");
        Err(escaped(reason).into_owned().into())
    }

    /// Whether a server runs on the folder.
    pub fn is_remote(&self) -> bool {
        matches!(self.way, Way::Remote(_))
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

async fn remote(folder: &Path, method: Method, path: &str, body: Vec<u8>) -> Result<(u16, Value), Failure> {
    let connection = TokioIo::new(socket::connect(folder).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(connection).await?;
    let driven = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    drop(sender);
    driven.abort();
    Ok((status, serde_json::from_slice(&body)?))
}
