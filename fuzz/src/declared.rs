//! What people write into files: declarations of workspaces and app manifests.

use redraft_model::time::Micros;
use redraft_server::manifest;
use redraft_server::seed::Seed;

/// A declaration; what can be read can be built or is refused in a sentence.
pub fn seed(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    match Seed::from_yaml(given) {
        Err(failed) => assert!(!failed.to_string().is_empty()),
        Ok(seed) => {
            if let Err(failed) = seed.build(true, "http://127.0.0.1:3000", Micros(1_700_000_000_000_000)) {
                assert!(!failed.to_string().is_empty());
            }
        }
    }
}

/// A manifest of Slack or of Teams; what is wrong with it is said in sentences.
pub fn manifest(bytes: &[u8]) {
    let Ok(given) = std::str::from_utf8(bytes) else { return };
    match manifest::read(given) {
        Err(why) => assert!(!why.trim().is_empty()),
        Ok(manifest::Manifest::Slack(slack)) => assert!(slack.warnings.iter().all(|it| !it.is_empty())),
        Ok(manifest::Manifest::Teams(teams)) => assert!(!teams.name.is_empty()),
    }
}
