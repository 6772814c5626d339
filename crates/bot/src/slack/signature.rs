//! Slack's signature of what it sends: `v0`.

use http::HeaderMap;
use ring::hmac;

/// How far a request's time may be from ours, either way, in seconds. It bounds how long a recorded request can be replayed.
const SKEW_SECONDS_MAX: u64 = 300;
/// Hexadecimal digits of a signature.
const DIGITS: usize = 64;

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forged {
    /// No signature, or none of this form.
    Unsigned,
    /// Made too long ago, or in the future.
    OutOfTime,
    /// Of another secret, or of another body.
    Wrong,
}

impl Forged {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unsigned => "The request is not signed.",
            Self::OutOfTime => "The request was signed more than five minutes ago, or in the future.",
            Self::Wrong => "The signature was not made with this app's signing secret.",
        }
    }
}

/// Checks that the body, byte for byte, was signed with this secret, and lately. `now` is in seconds since 1970.
pub(super) fn verify(secret: &hmac::Key, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), Forged> {
    let header = |name: &str| {
        let mut values = headers.get_all(name).iter();
        // Two of one name are nobody's.
        values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok())
    };
    let timestamp = header("x-slack-request-timestamp").ok_or(Forged::Unsigned)?;
    let signature =
        header("x-slack-signature").and_then(|it| it.strip_prefix("v0=")).ok_or(Forged::Unsigned)?;
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Forged::Unsigned);
    }
    let signed_at: u64 = timestamp.parse().map_err(|_| Forged::Unsigned)?;
    if SKEW_SECONDS_MAX < now.abs_diff(signed_at) {
        return Err(Forged::OutOfTime);
    }
    let signature = bytes_of(signature).ok_or(Forged::Unsigned)?;
    let mut signed = Vec::with_capacity(body.len() + 32);
    for part in [b"v0:".as_slice(), timestamp.as_bytes(), b":", body] {
        signed.extend_from_slice(part);
    }
    // In constant time.
    hmac::verify(secret, &signed, &signature).map_err(|_| Forged::Wrong)
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.len() != DIGITS {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    /// What a server that knows the secret sends.
    fn headers(secret: &str, timestamp: &str, body: &[u8]) -> HeaderMap {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = hmac::sign(&key, &[b"v0:", timestamp.as_bytes(), b":", body].concat());
        let digits: String = signed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", timestamp.parse().unwrap());
        headers.insert("x-slack-signature", format!("v0={digits}").parse().unwrap());
        headers
    }

    #[test]
    fn who_is_believed() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
        let body = b"payload=%7B%7D";
        let at = |timestamp: &str| headers("secret", timestamp, body);
        let now = NOW.to_string();
        let without = |name: &str| {
            let mut headers = at(&now);
            headers.remove(name);
            headers
        };
        let with = |name: &'static str, value: &str| {
            let mut headers = at(&now);
            headers.insert(name, value.parse().unwrap());
            headers
        };
        let good = at(&now)["x-slack-signature"].to_str().unwrap().to_owned();
        let mut twice = at(&now);
        twice.append("x-slack-signature", good.parse().unwrap());
        for (what, headers, said, expected) in [
            ("signed", at(&now), &body[..], Ok(())),
            ("just in time", at(&(NOW - 300).to_string()), body, Ok(())),
            ("just not early", at(&(NOW + 300).to_string()), body, Ok(())),
            ("late", at(&(NOW - 301).to_string()), body, Err(Forged::OutOfTime)),
            ("early", at(&(NOW + 301).to_string()), body, Err(Forged::OutOfTime)),
            ("another secret", headers("other", &now, body), body, Err(Forged::Wrong)),
            ("another body", at(&now), b"payload=%7B%7E", Err(Forged::Wrong)),
            ("truncated body", at(&now), b"payload=%7B%7", Err(Forged::Wrong)),
            ("unsigned", without("x-slack-signature"), body, Err(Forged::Unsigned)),
            ("no time", without("x-slack-request-timestamp"), body, Err(Forged::Unsigned)),
            ("signed twice", twice, body, Err(Forged::Unsigned)),
            (
                "a time with a sign",
                with("x-slack-request-timestamp", "+1700000000"),
                body,
                Err(Forged::Unsigned),
            ),
            ("another time", with("x-slack-request-timestamp", "1700000001"), body, Err(Forged::Wrong)),
            ("no version", with("x-slack-signature", &good[3..]), body, Err(Forged::Unsigned)),
            ("short", with("x-slack-signature", &good[..65]), body, Err(Forged::Unsigned)),
            (
                "not digits",
                with("x-slack-signature", &good.replace(['a', '0'], "g")),
                body,
                Err(Forged::Unsigned),
            ),
            ("empty", with("x-slack-signature", "v0="), body, Err(Forged::Unsigned)),
        ] {
            assert_eq!(verify(&key, &headers, said, NOW), expected, "{what}");
        }
    }
}
