//! `GET /.well-known/webhook-keys.json`: the public keys of `v1a` signatures, as a JSON Web Key Set (RFC 7517, RFC 8037).
//!
//! Anybody may ask. A key is named by its thumbprint (RFC 7638), which tells nothing of whose it is.

use actix_web::{
    HttpResponse,
    http::header::CACHE_CONTROL,
    web::{Data, ServiceConfig, get, resource},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rollcall_store::clock;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::State;

#[derive(Serialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
}

impl Jwk {
    /// Of `whpk_…`.
    fn of(public_key: &str) -> Option<Self> {
        let x = URL_SAFE_NO_PAD.encode(STANDARD.decode(public_key.strip_prefix("whpk_")?).ok()?);
        // The required members in the order of their names (RFC 8037 appendix A.3).
        let members = format!("{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}");
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members));
        Some(Self { kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", purpose: "sig" })
    }
}

/// Mounts the one path.
pub fn configure_keys(config: &mut ServiceConfig, state: Data<State>) {
    config.service(resource("/.well-known/webhook-keys.json").app_data(state).route(get().to(key_set)));
}

async fn key_set(state: Data<State>) -> HttpResponse {
    let catalog = state.store.catalog();
    let now = clock::now();
    let public_keys = catalog.endpoints.values().flat_map(|entry| entry.endpoint.public_keys_at(now));
    let mut keys: Vec<Jwk> = public_keys.filter_map(Jwk::of).collect();
    keys.sort_unstable_by(|a, b| a.kid.cmp(&b.kid));
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(KeySet { keys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 8037 appendix A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let public = STANDARD.encode(URL_SAFE_NO_PAD.decode(x).unwrap());
        let jwk = Jwk::of(&format!("whpk_{public}")).unwrap();
        assert_eq!((jwk.x.as_str(), jwk.kid.as_str()), (x, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
        assert!(Jwk::of("whsec_x").is_none());
    }
}
