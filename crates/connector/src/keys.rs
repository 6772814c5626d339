//! The keys that tokens are signed with: at most two, so that one can take the other's place without a restart.

use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rcgen::{CertificateParams, DistinguishedName, DnType, PKCS_RSA_SHA256};
use serde::Deserialize;
use serde_json::{Value, json};

use redraft_service::mint;

/// How a key takes another's place. Microsoft tells bots to fetch keys once a day at least, so a day has to pass between two
/// steps on a server whose bots cannot be made to fetch them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A new key is made and shown to bots; nothing is signed with it yet.
    Publish,
    /// What is signed from here on is signed with the new key; tokens of the old one stay valid.
    Use,
    /// The old key is no longer shown, and its tokens are no longer valid.
    Retire,
}

/// The keys, oldest first.
pub(super) struct Keys {
    all: Vec<Arc<Key>>,
    /// The place of the one that signs.
    signing: usize,
}

/// One key with everything that is derived from it.
pub(super) struct Key {
    /// Its name in tokens and key lists (`kid`).
    pub id: String,
    /// The certificate's SHA-1, as tokens carry it (`x5t`).
    pub thumbprint: String,
    pub encoding: EncodingKey,
    pub decoding: DecodingKey,
    /// As the store keeps it.
    pkcs8: Vec<u8>,
    /// Self-signed, DER in base64. RSA signatures of one text are all alike, and so is the certificate on every start.
    certificate: String,
    modulus: String,
    exponent: String,
}

/// The keys as they are stored.
#[derive(Deserialize)]
struct Kept {
    /// PKCS #8 in base64, oldest first.
    keys: Vec<String>,
    signing: usize,
}

impl Keys {
    /// A new store's one key. Takes a moment.
    pub fn first() -> Option<Self> {
        Some(Self { all: vec![Arc::new(Key::read(generate()?)?)], signing: 0 })
    }

    /// Reads what [`Keys::kept`] wrote, or a bare PKCS #8 key as earlier versions stored it.
    pub fn read(kept: &[u8]) -> Option<Self> {
        let Ok(kept) = serde_json::from_slice::<Kept>(kept) else {
            return Some(Self { all: vec![Arc::new(Key::read(kept.to_vec())?)], signing: 0 });
        };
        let key = |text: &String| Key::read(STANDARD.decode(text).ok()?).map(Arc::new);
        let all = kept.keys.iter().map(key).collect::<Option<Vec<_>>>()?;
        (kept.signing < all.len()).then_some(Self { all, signing: kept.signing })
    }

    /// For the store, as [`Keys::read`] reads it. It cannot fail: what could not be written would be lost keys.
    pub fn kept(&self) -> Vec<u8> {
        let keys: Vec<String> = self.all.iter().map(|key| STANDARD.encode(&key.pkcs8)).collect();
        json!({ "keys": keys, "signing": self.signing }).to_string().into_bytes()
    }

    /// The keys after one step, or why it is not the next one.
    pub fn after(&self, step: Step) -> Result<Self, &'static str> {
        let (mut all, mut signing) = (self.all.clone(), self.signing);
        match (step, all.len(), signing) {
            (Step::Publish, 1, _) => {
                all.push(generate().and_then(Key::read).map(Arc::new).ok_or("a new key cannot be made")?);
            }
            (Step::Publish, _, 0) => return Err("a new key is published already; use it"),
            (Step::Publish, ..) => return Err("the old key is still valid; retire it first"),
            (Step::Use, 2, 0) => signing = 1,
            (Step::Use, ..) => return Err("no new key is published"),
            (Step::Retire, 2, 1) => (all, signing) = (all.split_off(1), 0),
            (Step::Retire, ..) => return Err("there is no old key"),
        }
        Ok(Self { all, signing })
    }

    /// The one that signs.
    pub fn signing(&self) -> &Key {
        &self.all[self.signing]
    }

    /// The one of this name; none if it was retired.
    pub fn named(&self, id: &str) -> Option<&Arc<Key>> {
        self.all.iter().find(|key| key.id == id)
    }

    /// The key list that bots fetch (RFC 7517), with the channels that Microsoft says each key speaks for.
    pub fn published(&self) -> Value {
        json!({ "keys": self.all.iter().map(|key| key.published()).collect::<Vec<_>>() })
    }

    /// Names and states, for people.
    pub fn shown(&self) -> Value {
        let state = |place: usize| match place.cmp(&self.signing) {
            std::cmp::Ordering::Less => "old",
            std::cmp::Ordering::Equal => "signing",
            std::cmp::Ordering::Greater => "published",
        };
        let keys = self.all.iter().enumerate();
        json!({ "keys": keys.map(|(place, key)| json!({ "kid": key.id, "state": state(place) })).collect::<Vec<_>>() })
    }
}

impl Key {
    fn read(pkcs8: Vec<u8>) -> Option<Self> {
        let public = KeyPair::from_pkcs8(&pkcs8).ok()?.public_key().as_ref().to_vec();
        let id = mint::hex(&mint::sha256(&public)[..10]);
        let text = STANDARD.encode(&pkcs8);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        let encoding = EncodingKey::from_rsa_pem(pem.as_bytes()).ok()?;
        let AlgorithmParameters::RSA(parameters) =
            Jwk::from_encoding_key(&encoding, Algorithm::RS256).ok()?.algorithm
        else {
            return None;
        };
        let certificate = certificate(&pkcs8)?;
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        Some(Self {
            id,
            thumbprint: URL_SAFE_NO_PAD.encode(thumbprint),
            encoding,
            decoding: DecodingKey::from_rsa_der(&public),
            pkcs8,
            certificate: STANDARD.encode(&certificate),
            modulus: parameters.n,
            exponent: parameters.e,
        })
    }

    fn published(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "kid": self.id,
            "x5t": self.thumbprint,
            "n": self.modulus,
            "e": self.exponent,
            "x5c": [self.certificate],
            "endorsements": ["msteams"],
        })
    }
}

/// A certificate that says nothing but the key; some clients read keys in no other form.
fn certificate(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8.into(), &PKCS_RSA_SHA256).ok()?;
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "Redraft token signing");
    Some(parameters.self_signed(&key).ok()?.der().to_vec())
}

fn generate() -> Option<Vec<u8>> {
    let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der: Pkcs8V1Der = pair.as_der().ok()?;
    Some(der.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(keys: &Keys) -> String {
        let shown = keys.shown();
        let states = shown["keys"].as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap());
        states.collect::<Vec<_>>().join(" ")
    }

    /// A step that is not the next one changes nothing, and what is stored is what is read again.
    #[test]
    fn one_key_after_another() {
        let mut keys = Keys::first().unwrap();
        for (step, expected) in [
            (Step::Use, "no new key is published"),
            (Step::Retire, "there is no old key"),
            (Step::Publish, "signing published"),
            (Step::Publish, "a new key is published already; use it"),
            (Step::Retire, "there is no old key"),
            (Step::Use, "old signing"),
            (Step::Use, "no new key is published"),
            (Step::Publish, "the old key is still valid; retire it first"),
            (Step::Retire, "signing"),
            (Step::Retire, "there is no old key"),
        ] {
            let shown = keys.shown();
            let outcome = keys.after(step);
            assert_eq!(outcome.as_ref().map_or_else(|why| (*why).into(), states), expected, "{step:?}");
            assert_eq!(keys.shown(), shown);
            if let Ok(after) = outcome {
                keys = Keys::read(&after.kept()).unwrap();
                assert_eq!(keys.published(), after.published());
            }
        }
    }

    #[test]
    fn what_is_not_a_key_is_not_read() {
        let one = generate().unwrap();
        assert_eq!(states(&Keys::read(&one).unwrap()), "signing", "as stores had it before");
        let text = STANDARD.encode(&one);
        for kept in [
            String::new(),
            "x".into(),
            "{}".into(),
            r#"{"keys": [], "signing": 0}"#.into(),
            r#"{"keys": ["AAAA"], "signing": 0}"#.into(),
            format!(r#"{{"keys": ["{text}"], "signing": 1}}"#),
        ] {
            assert!(Keys::read(kept.as_bytes()).is_none(), "{kept}");
        }
    }
}
