//! Signing as Standard Webhooks says: `v1`, HMAC-SHA256 over `{id}.{timestamp}.{body}`, once for
//! each live secret, the newest first.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What begins a secret's text.
const PREFIX: &str = "whsec_";

/// An endpoint's keys, ready for use.
#[derive(Clone)]
pub struct Keys(Vec<(Hmac<Sha256>, Option<Timestamp>)>);

impl Keys {
    /// The keys of these secrets, each with the time when it stops being used. A secret that is no
    /// base64 is left out (the store makes them, so that there is none).
    pub fn new(secrets: &[(SecretString, Option<Timestamp>)]) -> Self {
        let key = |secret: &SecretString| {
            let text = secret.expose_secret();
            let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
            Hmac::<Sha256>::new_from_slice(&bytes).ok()
        };
        Self(secrets.iter().filter_map(|(secret, until)| Some((key(secret)?, *until))).collect())
    }

    /// The value of `webhook-signature`; `timestamp` in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8], now: Timestamp) -> String {
        let head = format!("{id}.{timestamp}.");
        let mut signatures = String::with_capacity(48 * self.0.len());
        for (key, until) in &self.0 {
            if until.is_some_and(|until| until <= now) {
                continue;
            }
            let mut mac = key.clone();
            mac.update(head.as_bytes());
            mac.update(body);
            if !signatures.is_empty() {
                signatures.push(' ');
            }
            signatures.push_str("v1,");
            BASE64_STANDARD.encode_string(mac.finalize().into_bytes(), &mut signatures);
        }
        signatures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_test_vector_of_the_specification() {
        for text in [SECRET.to_owned(), format!("{PREFIX}{SECRET}")] {
            let keys = Keys::new(&[(text.into(), None)]);
            assert_eq!(
                keys.sign(
                    "msg_p5jXN8AQM9LWM0D4loKWxJek",
                    1_614_265_330,
                    br#"{"test": 2432232314}"#,
                    Timestamp::UNIX_EPOCH
                ),
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
            );
        }
    }

    #[test]
    fn an_old_secret_is_used_until_its_time() {
        let old = BASE64_STANDARD.encode([7; 32]);
        let until = Timestamp::from_second(100).unwrap();
        let keys = Keys::new(&[(SECRET.into(), None), (format!("{PREFIX}{old}").into(), Some(until))]);
        let sign = |second| keys.sign("evt_1", second, b"{}", Timestamp::from_second(second).unwrap());
        assert_eq!(sign(99).split(' ').count(), 2);
        assert_eq!(sign(100).split(' ').count(), 1);
    }

    #[test]
    fn the_reference_library_verifies_it() {
        let now = rollcall_store::clock::now();
        let keys = Keys::new(&[(SECRET.into(), None)]);
        let body = r#"{"type":"user.created","name":"Zoë"}"#;
        let signature = keys.sign("evt_1", now.as_second(), body.as_bytes(), now);
        let mut headers = reqwest::header::HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", now.as_second().to_string().parse().unwrap());
        headers.insert("webhook-signature", signature.parse().unwrap());
        let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
        verifier.verify(body.as_bytes(), &headers).unwrap();
        assert!(verifier.verify(b"{}", &headers).is_err());
    }
}
