//! Verifying a webhook as Standard Webhooks has it, in the few lines that any receiver needs:
//! HMAC-SHA256 over `id.timestamp.body`. Independent of the code that signs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far the timestamp may be from now, in seconds: what the specification's libraries use.
pub(crate) const TOLERANCE_SECONDS: i64 = 300;

/// The key inside `whsec_…`.
pub(crate) fn key(secret: &str) -> Result<Vec<u8>, &'static str> {
    let text = secret.strip_prefix("whsec_").ok_or("the secret does not begin with whsec_")?;
    STANDARD.decode(text).map_err(|_| "the secret is no base64")
}

/// `Ok` if one of the signatures is right and the timestamp is near `now` (Unix seconds).
pub(crate) fn verify(
    key: &[u8],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: i64,
) -> Result<(), &'static str> {
    let sent: i64 = timestamp.parse().map_err(|_| "webhook-timestamp is no number")?;
    if now.abs_diff(sent) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err("webhook-timestamp is more than 5 minutes away");
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| "the key cannot be used")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let right = signatures
        .split(' ')
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if right { Ok(()) } else { Err("no signature matches") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's libraries.
    #[test]
    fn the_published_example_verifies_and_its_variations_do_not() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, timestamp, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let now = 1_614_265_330;
        let check = |id: &str, timestamp: &str, signature: &str, body: &str, now: i64| {
            verify(&key, id, timestamp, signature, body.as_bytes(), now)
        };
        assert_eq!(check(id, timestamp, signature, body, now), Ok(()));
        assert_eq!(check(id, timestamp, &format!("v1a,abc v1,AAAA {signature}"), body, now + 300), Ok(()));
        for (wrong, result) in [
            ("another id", check("msg_x", timestamp, signature, body, now)),
            ("another time", check(id, "1614265331", signature, body, now)),
            ("another body", check(id, timestamp, signature, "{}", now)),
            ("no signature", check(id, timestamp, "", body, now)),
            ("another version", check(id, timestamp, &signature.replace("v1,", "v2,"), body, now)),
            ("too old", check(id, timestamp, signature, body, now + 301)),
            ("too new", check(id, timestamp, signature, body, now - 301)),
            ("no time", check(id, "today", signature, body, now)),
        ] {
            assert!(result.is_err(), "{wrong}");
        }
    }
}
