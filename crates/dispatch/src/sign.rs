//! Signing as Standard Webhooks says: `v1`, HMAC-SHA256 over `{id}.{timestamp}.{body}`, once for
//! each live secret, the newest first; then `v1a`, Ed25519 over the same, once for each live key, if there
//! is one.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use ring::signature::Ed25519KeyPair;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What begins a secret's text, and a private key's.
const PREFIX: &str = "whsec_";
const PRIVATE: &str = "whsk_";

#[derive(Clone)]
enum Key {
    Secret(Hmac<Sha256>),
    Pair(Arc<Ed25519KeyPair>),
}

/// An endpoint's keys, ready for use.
#[derive(Clone)]
pub struct Keys(Vec<(Key, Option<Timestamp>)>);

impl Keys {
    /// The keys of these secrets, each with the time when it stops being used. A secret that is no
    /// base64 is left out (the store makes them, so that there is none).
    pub fn new(secrets: &[(SecretString, Option<Timestamp>)]) -> Self {
        let key = |secret: &SecretString| {
            let text = secret.expose_secret();
            if let Some(private) = text.strip_prefix(PRIVATE) {
                let bytes = BASE64_STANDARD.decode(private).ok()?;
                let (seed, public) = bytes.split_at_checked(32)?;
                return Ed25519KeyPair::from_seed_and_public_key(seed, public)
                    .ok()
                    .map(Arc::new)
                    .map(Key::Pair);
            }
            let bytes = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
            Hmac::<Sha256>::new_from_slice(&bytes).ok().map(Key::Secret)
        };
        let mut keys: Vec<_> =
            secrets.iter().filter_map(|(secret, until)| Some((key(secret)?, *until))).collect();
        // Whoever looks at the first signature only, finds one that every library knows.
        keys.sort_by_key(|(key, _)| matches!(key, Key::Pair(_)));
        Self(keys)
    }

    /// The value of `webhook-signature`; `timestamp` in seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8], now: Timestamp) -> String {
        let head = format!("{id}.{timestamp}.");
        let mut signatures = String::with_capacity(48 * self.0.len());
        for (key, until) in &self.0 {
            if until.is_some_and(|until| until <= now) {
                continue;
            }
            if !signatures.is_empty() {
                signatures.push(' ');
            }
            match key {
                Key::Secret(mac) => {
                    let mut mac = mac.clone();
                    mac.update(head.as_bytes());
                    mac.update(body);
                    signatures.push_str("v1,");
                    BASE64_STANDARD.encode_string(mac.finalize().into_bytes(), &mut signatures);
                }
                Key::Pair(pair) => {
                    let signed = pair.sign(&[head.as_bytes(), body].concat());
                    signatures.push_str("v1a,");
                    BASE64_STANDARD.encode_string(signed.as_ref(), &mut signatures);
                }
            }
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

    /// By another implementation of Ed25519, and by the public half alone.
    #[test]
    fn a_signature_by_a_key_is_verified_by_another_library() {
        use ed25519_dalek::{Signature, SigningKey, Verifier as _};
        let pair = SigningKey::from_bytes(&[9; 32]);
        let public = pair.verifying_key();
        let private = BASE64_STANDARD.encode([&[9_u8; 32][..], public.as_bytes()].concat());
        let old = BASE64_STANDARD.encode([7; 32]);
        let until = Some(Timestamp::from_second(100).unwrap());
        let keys = Keys::new(&[
            (format!("{PRIVATE}{private}").into(), None),
            (SECRET.into(), None),
            (format!("{PREFIX}{old}").into(), until),
        ]);
        let signed = keys.sign("evt_1", 50, b"{}", Timestamp::from_second(50).unwrap());
        let kinds: Vec<&str> = signed.split(' ').map(|entry| entry.split(',').next().unwrap()).collect();
        assert_eq!(kinds, ["v1", "v1", "v1a"]);
        let bytes = BASE64_STANDARD.decode(signed.rsplit(',').next().unwrap()).unwrap();
        let signature = Signature::from_slice(&bytes).unwrap();
        public.verify(b"evt_1.50.{}", &signature).unwrap();
        assert!(public.verify(b"evt_1.51.{}", &signature).is_err());
        // One whose halves do not belong together is no key.
        let other = BASE64_STANDARD.encode([[9_u8; 32], [1; 32]].concat());
        let keys = Keys::new(&[(format!("{PRIVATE}{other}").into(), None), (SECRET.into(), None)]);
        assert_eq!(keys.sign("evt_1", 50, b"{}", Timestamp::UNIX_EPOCH).split(' ').count(), 1);
    }

    #[test]
    fn the_reference_library_verifies_it() {
        let now = rollcall_store::clock::now();
        let pair = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).to_keypair_bytes();
        // With a signature beside that it does not know.
        let keys = Keys::new(&[
            (SECRET.into(), None),
            (format!("{PRIVATE}{}", BASE64_STANDARD.encode(pair)).into(), None),
        ]);
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
