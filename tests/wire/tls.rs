//! Everything over TLS too: with the server's own authority, and with a certificate that is given.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{self, Answer};
use crate::support::{Folder, Server, redraft};
use crate::world::*;

pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection whose handshake is done, by somebody who trusts this authority, to this name.
pub fn connect(server: &Server, authority: &Path, name: &str) -> Result<Stream, String> {
    let url = text_of(&server.ready, "tls_url");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(url.trim_start_matches("https://")).map_err(|why| why.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    connection.complete_io(&mut socket).map_err(|why| why.to_string())?;
    assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    Ok(StreamOwned::new(connection, socket))
}

fn finish(mut stream: Stream) -> Answer {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    client::parse(&answer).unwrap_or_else(|| panic!("no whole answer: {}", String::from_utf8_lossy(&answer)))
}

fn ask(server: &Server, authority: &Path, name: &str, head: &str) -> Answer {
    let mut stream = connect(server, authority, name).unwrap();
    let request = format!("{head}\r\nHost: {name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    finish(stream)
}

fn own(server: &Server) -> std::path::PathBuf {
    text_of(&server.ready, "ca_file").into()
}

/// Every name that the certificate is for, and what is answered there.
#[test]
fn everything_over_tls() {
    let options = ["--memory", "--tls-listen", "127.0.0.1:0", "--public-url", "http://chat.example:3000"];
    let server = Server::start(&options);
    let authority = own(&server);
    for name in ["localhost", "127.0.0.1", "chat.example"] {
        let answer = ask(
            &server,
            &authority,
            name,
            "POST /api/auth.test HTTP/1.1\r\nAuthorization: Bearer xoxb-deploy",
        );
        assert_eq!(answer.code(), "ok", "{name}: {}", answer.body);
        let answer = ask(&server, &authority, name, "GET /t/v2.0/.well-known/openid-configuration HTTP/1.1");
        assert_eq!(answer.json["token_endpoint"], format!("https://{name}/t/oauth2/v2.0/token"));
    }
    for name in ["login.microsoftonline.com", "login.botframework.com"] {
        let answer = ask(&server, &authority, name, "GET /v1/.well-known/openidconfiguration HTTP/1.1");
        assert_eq!(answer.json["jwks_uri"], format!("https://{name}/v1/.well-known/keys"));
        assert_eq!(ask(&server, &authority, name, "GET /control/workspaces HTTP/1.1").status, 403);
    }
    for name in ["evil.example", "graph.microsoft.com", "10.0.0.1"] {
        let failed = connect(&server, &authority, name).err().unwrap();
        assert!(failed.contains("not valid for name"), "{name}: {failed}");
    }
    let other = Server::start(&["--memory", "--tls-listen", "127.0.0.1:0"]);
    let failed = connect(&server, &own(&other), "localhost").err().unwrap();
    assert!(failed.contains("UnknownIssuer"), "{failed}");
    let plain = client::send("GET", &format!("{}/healthz", other.url), &[], ("", b""));
    assert_eq!(plain.status, 200, "the other listener speaks no TLS");
}

/// Who does not shake hands properly holds up nobody.
#[test]
fn bad_handshakes() {
    let server = Server::start(&["--memory", "--tls-listen", "127.0.0.1:0"]);
    let address = text_of(&server.ready, "tls_url").trim_start_matches("https://").to_owned();
    let silent: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for bytes in [&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", &[0; 20_000]] {
        let mut stream = TcpStream::connect(&address).unwrap();
        let _ = stream.write_all(bytes);
    }
    assert_eq!(ask(&server, &own(&server), "localhost", "GET /healthz HTTP/1.1").status, 200);
    drop(silent);
    let log = server.log.lock().unwrap();
    assert!(!log.contains("panic"), "{log}");
}

/// A server that stops finishes what is under way, takes nothing new, and leaves nothing behind.
#[test]
fn stopping() {
    let server = Server::start(&["--memory", "--tls-listen", "127.0.0.1:0"]);
    let authority = own(&server);
    let mut under_way = connect(&server, &authority, "localhost").unwrap();
    let body = "{\"channel\": \"C01GENERAL\", \"text\": \"x\"}";
    let head = format!(
        "POST /api/chat.postMessage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer xoxb-deploy\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    under_way.write_all(head.as_bytes()).unwrap();
    let mut goes_on = [0; 25];
    under_way.read_exact(&mut goes_on).unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let address = text_of(&server.ready, "tls_url").trim_start_matches("https://").to_owned();
    let log = Arc::clone(&server.log);
    let stopping = std::thread::spawn(move || server.stop());
    while TcpStream::connect(&address).is_ok() || !log.lock().unwrap().contains("stopping") {
        std::thread::yield_now();
    }
    under_way.write_all(body.as_bytes()).unwrap();
    assert_eq!(finish(under_way).code(), "ok");
    assert!(stopping.join().unwrap().success());
    assert!(!authority.exists(), "with --memory nothing is left");
}

/// The authority of a data folder stays, so that bots trust it once.
#[test]
fn an_authority_for_every_start() {
    let folder = Folder::new("authority");
    let options = ["--data", folder.0.to_str().unwrap(), "--tls-listen", "127.0.0.1:0"];
    let first = Server::start(&options);
    let authority = own(&first);
    assert_eq!(authority, folder.join("ca.pem"));
    let text = std::fs::read(&authority).unwrap();
    assert_eq!(ask(&first, &authority, "localhost", "GET /healthz HTTP/1.1").status, 200);
    assert!(first.stop().success());
    let second = Server::start(&options);
    assert_eq!(std::fs::read(&authority).unwrap(), text);
    assert_eq!(ask(&second, &authority, "localhost", "GET /healthz HTTP/1.1").status, 200);
}

/// A certificate that is given, and every way in which one cannot be.
#[test]
fn given_certificates() {
    let folder = Folder::new("certificates");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_str().unwrap().to_owned()
    };
    let key = KeyPair::generate().unwrap();
    let names = vec!["chat.example".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let (certificate, key) =
        (write("certificate.pem", &certificate.pem()), write("key.pem", &key.serialize_pem()));
    let other = write("other.pem", &KeyPair::generate().unwrap().serialize_pem());
    let given = ["--tls-certificate", &certificate, "--tls-key", &key];
    let server = Server::start(&[&["--memory", "--tls-listen", "127.0.0.1:0"][..], &given].concat());
    assert!(server.ready.get("ca_file").is_none());
    assert_eq!(ask(&server, Path::new(&certificate), "chat.example", "GET /healthz HTTP/1.1").status, 403);
    for (options, named) in [
        (
            vec!["--tls-listen", "127.0.0.1:0", "--tls-certificate", &certificate, "--tls-key", &other],
            "certificate.pem",
        ),
        (vec!["--tls-listen", "127.0.0.1:0", "--tls-certificate", &key, "--tls-key", &key], "key.pem"),
        (vec!["--tls-listen", "127.0.0.1:0", "--tls-certificate", &certificate], "--tls-key"),
        (vec!["--tls-listen", "127.0.0.1:0", "--tls-key", &key], "--tls-certificate"),
        (given.to_vec(), "--tls-listen"),
        (vec!["--tls-listen", "nonsense"], "nonsense"),
    ] {
        let mut command = redraft();
        let output =
            command.args(["serve", "--memory", "--listen", "127.0.0.1:0"]).args(&options).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(named), "{options:?}: {said}");
    }
}
