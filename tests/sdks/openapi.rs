//! The server against its own description of the Connector API.

use std::path::Path;

use crate::support::{Folder, Server};

#[test]
fn every_answer_is_described() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sdks/openapi/bin/python");
    crate::installed(&python);
    let server = Server::in_memory();
    let folder = Folder::new("openapi");
    let seen = folder.join("seen.txt");
    crate::run(&server, "openapi", &python, &["check.py", seen.to_str().unwrap()]);
}
