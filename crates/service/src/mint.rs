//! New ids and secrets. Secrets come from the machine's random source; ids only have to be unlikely to repeat.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use redraft_model::command::NewDirect;
use redraft_model::id::TokenHash;
use redraft_model::workspace::ConversationKind;
use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random bytes. A machine whose random source fails cannot run a server.
#[expect(clippy::expect_used, reason = "there is nothing to go on with")]
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the machine's random source works");
    bytes
}

fn letters(count: usize, alphabet: &[u8]) -> String {
    let bytes = random::<64>();
    bytes.iter().take(count).map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}

const CAPITALS: &[u8] = b"ABCDEFGHJKMNPQRSTVWXYZ0123456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A Slack id: the prefix and ten capitals and digits.
#[must_use]
pub fn slack_id(prefix: char) -> String {
    format!("{prefix}0{}", letters(9, CAPITALS))
}

/// A random guid.
#[must_use]
pub fn guid() -> String {
    guid_of(random::<16>())
}

fn guid_of(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A guid that is the same for the same words.
#[must_use]
pub fn steady_guid(of: &str) -> String {
    guid_of(sha256(of.as_bytes()).first_chunk().copied().unwrap_or_default())
}

/// Teams' `29:` id of a person.
#[must_use]
pub fn member_id() -> String {
    format!("29:1{}", URL_SAFE_NO_PAD.encode(random::<48>()))
}

/// Both spellings of a new conversation's id.
#[must_use]
pub fn conversation(kind: ConversationKind) -> NewDirect {
    let (prefix, connector_id) = match kind {
        ConversationKind::Public | ConversationKind::Private => {
            ('C', format!("19:{}@thread.tacv2", hex(&random::<16>())))
        }
        ConversationKind::Direct => ('D', format!("a:1{}", URL_SAFE_NO_PAD.encode(random::<84>()))),
        ConversationKind::Group => ('G', format!("19:{}@thread.v2", hex(&random::<16>()))),
    };
    NewDirect { slack_id: slack_id(prefix), connector_id }
}

/// A Slack token of this prefix, such as `xoxb`.
#[must_use]
pub fn token(prefix: &str) -> String {
    format!(
        "{prefix}-{}-{}-{}",
        letters(12, b"0123456789"),
        letters(13, b"0123456789"),
        letters(24, ALPHANUMERIC)
    )
}

/// A secret of 32 hexadecimal digits.
#[must_use]
pub fn secret() -> String {
    hex(&random::<16>())
}

/// Slack's client id: two numbers.
#[must_use]
pub fn client_id() -> String {
    format!("{}.{}", letters(12, b"0123456789"), letters(13, b"0123456789"))
}

/// The `token` of what a Slack app is sent.
#[must_use]
pub fn verification_token() -> String {
    letters(24, ALPHANUMERIC)
}

/// The last part of an incoming webhook's address.
#[must_use]
pub fn webhook_secret() -> String {
    letters(24, ALPHANUMERIC)
}

/// A `trigger_id`: two numbers that mean nothing, and a secret.
#[must_use]
pub fn trigger_id() -> String {
    format!("{}.{}.{}", letters(13, b"123456789"), letters(12, b"123456789"), secret())
}

/// The hash of a view that was written at this time.
#[must_use]
pub fn view_hash(seconds: i64) -> String {
    format!("{seconds}.{}", letters(8, ALPHANUMERIC))
}

/// A password as Microsoft's directory gives them out.
#[must_use]
pub fn password() -> String {
    letters(40, ALPHANUMERIC)
}

/// A token's hash, by which it is stored and looked up.
#[must_use]
pub fn hash(token: &str) -> TokenHash {
    TokenHash(sha256(token.as_bytes()))
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// How a token is shown to people: enough to tell it from others, too little to use it.
#[must_use]
pub fn hint(token: &str) -> String {
    let chars: Vec<char> = token.chars().collect();
    if chars.len() < 16 {
        return "…".into();
    }
    let ends = [&chars[..5], &chars[chars.len() - 4..]];
    let [start, end] = ends.map(|part| part.iter().collect::<String>());
    format!("{start}…{end}")
}

/// Hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A number that is new in this process and looks random: for request ids and generated `block_id`s, not for secrets.
#[must_use]
pub fn fresh() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = SEED.get_or_init(|| u64::from_le_bytes(random()));
    let step = COUNT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = seed.wrapping_add(step);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// A `block_id` as the platform makes them: a few characters of base64's alphabet.
#[must_use]
pub fn block_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = fresh().to_le_bytes();
    bytes[..5].iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()
}
