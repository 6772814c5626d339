//! Ids of what is declared.

use redraft_model::command::NewDirect;
use redraft_model::workspace::ConversationKind;

use redraft_service::mint;

/// Ids that are not given: random, or from the names.
pub(super) struct Ids {
    steady: Option<String>,
}

impl Ids {
    /// New ones each time.
    pub fn random() -> Self {
        Self { steady: None }
    }

    /// The same for the same names in a workspace of this name.
    pub fn steady(salt: &str) -> Self {
        Self { steady: Some(salt.to_owned()) }
    }

    fn bytes(&self, what: &str) -> Option<[u8; 32]> {
        self.steady.as_ref().map(|salt| mint::sha256(format!("{salt}/{what}").as_bytes()))
    }

    pub fn slack(&self, given: Option<&String>, prefix: char, what: &str) -> String {
        let steady = |bytes: [u8; 32]| format!("{prefix}0{}", mint::hex(&bytes[..5])[..9].to_uppercase());
        self.or(given, &format!("{prefix}/{what}"), steady, || mint::slack_id(prefix))
    }

    pub fn guid(&self, given: Option<&String>, what: &str) -> String {
        let steady = |bytes: [u8; 32]| {
            let hex = mint::hex(&bytes[..16]);
            format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
        };
        self.or(given, &format!("guid/{what}"), steady, mint::guid)
    }

    /// Slack's client id: two numbers.
    pub fn client(&self, given: Option<&String>, what: &str) -> String {
        let steady = |bytes: [u8; 32]| {
            let digits: String = bytes.iter().map(|byte| char::from(b'0' + byte % 10)).collect();
            format!("{}.{}", &digits[..12], &digits[12..25])
        };
        self.or(given, &format!("client/{what}"), steady, mint::client_id)
    }

    pub fn member(&self, given: Option<&String>, what: &str) -> String {
        let steady = |bytes: [u8; 32]| format!("29:1{}", mint::hex(&bytes));
        self.or(given, &format!("member/{what}"), steady, mint::member_id)
    }

    /// Both spellings of a channel of this name, each as it is given or else made.
    pub fn channel(&self, name: &str, slack_id: Option<&String>, connector_id: Option<&String>) -> NewDirect {
        let random = mint::conversation(ConversationKind::Public);
        let steady = |bytes: [u8; 32]| format!("19:{}@thread.tacv2", mint::hex(&bytes[..16]));
        let what = format!("channel/{name}");
        NewDirect {
            slack_id: self.slack(slack_id, 'C', name),
            connector_id: self.or(connector_id, &what, steady, || random.connector_id),
        }
    }

    fn or(
        &self,
        given: Option<&String>,
        what: &str,
        steady: impl FnOnce([u8; 32]) -> String,
        random: impl FnOnce() -> String,
    ) -> String {
        match (given, self.bytes(what)) {
            (Some(given), _) => given.clone(),
            (None, Some(bytes)) => steady(bytes),
            (None, None) => random(),
        }
    }
}
