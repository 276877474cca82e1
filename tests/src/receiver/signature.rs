//! The verdict of the official Standard Webhooks library for Rust.

use reqwest::header::HeaderMap;
use standardwebhooks::Webhook;

/// Whether one of the secrets verifies the attempt; why not, otherwise.
pub fn verify(secrets: &[String], headers: &HeaderMap, body: &[u8]) -> Result<(), String> {
    let mut reason = "no secret is known for this hook".to_owned();
    for secret in secrets {
        let verdict = Webhook::new(secret).and_then(|webhook| webhook.verify(body, headers));
        match verdict {
            Ok(()) => return Ok(()),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

/// How many `v1` signatures the attempt carries.
pub fn count(headers: &HeaderMap) -> usize {
    headers
        .get("webhook-signature")
        .and_then(|value| value.to_str().ok())
        .map_or(0, |list| list.split(' ').filter(|entry| entry.starts_with("v1,")).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn only_the_true_body_under_a_trusted_secret_verifies() {
        // The published test vector; its age alone may be the complaint.
        let body = br#"{"test": 2432232314}"#;
        let webhook = Webhook::new(SECRET).expect("the secret is base64");
        assert_eq!(
            webhook.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).expect("it is UTF-8"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ] {
            headers.insert(name, value.parse().expect("it is a field value"));
        }
        let verdict = verify(&[SECRET.to_owned()], &headers, body);
        assert!(verdict.is_err_and(|reason| reason.contains("too old")));
        assert!(verify(&[], &headers, body).is_err());
        assert_eq!(count(&headers), 1);
    }
}
