//! Bearer tokens and signing secrets: how they are made, and what is kept of them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// 256 random bits from the operating system's generator (seeded per thread).
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes);
    bytes
}

/// A new directory token: `rcd_` and 43 characters of base64url.
pub(crate) fn new_token() -> String {
    format!("rcd_{}", URL_SAFE_NO_PAD.encode(random()))
}

/// A new signing secret as Standard Webhooks writes them: `whsec_` and standard base64 of 32 bytes.
pub(crate) fn new_signing_secret() -> SecretString {
    format!("whsec_{}", STANDARD.encode(random())).into()
}

/// A new key for signatures that anybody can verify, as Standard Webhooks writes them: `whsk_` and base64 of the 32 bytes
/// of an Ed25519 seed (RFC 8032) and the public key's 32; and that one by itself, `whpk_`. `None` if there is no random
/// number to be had.
pub(crate) fn new_signing_key() -> Option<(SecretString, String)> {
    let seed = random();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
    let public = pair.public_key().as_ref();
    let private = STANDARD.encode([&seed, public].concat());
    Some((format!("whsk_{private}").into(), format!("whpk_{}", STANDARD.encode(public))))
}

/// What is kept of a token.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The last four characters, by which people recognise a token.
pub(crate) fn last_characters(text: &str) -> String {
    let start = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    text[start..].to_owned()
}
