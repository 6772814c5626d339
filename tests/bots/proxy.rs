//! A server in front of the server, that loses what a test wants lost.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// It reaches the server, and the answer is lost.
    AnswerLost,
    /// It is lost itself.
    Lost,
    /// It reaches the server, which answers, and the caller waits for ever.
    Held,
}

/// Starts one for this server. `fate` gets each request; `held` is called when a request's answer is held back.
pub async fn start(
    server: &str,
    fate: impl Fn(&str) -> Fate + Send + Sync + 'static,
    held: impl Fn() + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = server.trim_start_matches("http://").to_owned();
    let (fate, held) = (Arc::new(fate), Arc::new(held));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, fate, held) = (server.clone(), Arc::clone(&fate), Arc::clone(&held));
            // Whoever hangs up ends his own connection only.
            tokio::spawn(async move { pass(client, &server, &*fate, &*held).await });
        }
    });
    url
}

async fn pass(
    mut client: TcpStream,
    server: &str,
    fate: &(impl Fn(&str) -> Fate + Sync),
    held: &(impl Fn() + Sync),
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(at) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while request.len() < end + length.unwrap_or_default() {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let fate = fate(&String::from_utf8_lossy(&request));
    if fate == Fate::Lost {
        return Ok(());
    }
    // One request to a connection: the answer ends with it.
    let mut upstream = TcpStream::connect(server).await?;
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.retain(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("host")
    });
    let head = format!("{}\r\nhost: {server}\r\nconnection: close\r\n\r\n", lines.join("\r\n"));
    upstream.write_all(head.as_bytes()).await?;
    upstream.write_all(&request[end..]).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    match fate {
        Fate::Answered => client.write_all(&answer).await?,
        Fate::AnswerLost | Fate::Lost => {}
        Fate::Held => {
            held();
            // Until the caller is gone.
            while client.read_buf(&mut request).await? > 0 {}
        }
    }
    Ok(())
}
