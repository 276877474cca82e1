//! Endpoint secrets at rest: sealed with XChaCha20-Poly1305 under the configured master key or the data
//! folder's `master.key`, bound to the endpoint that they belong to.

use std::{fmt::Write as _, fs, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{OpenError, secret};

const NONCE: usize = 24;

/// Seals and opens.
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: String,
}

/// A sealed secret as it is stored: which key, and nonce and ciphertext.
#[derive(Debug)]
pub(crate) struct Sealed {
    /// Names the key, without telling it.
    pub(crate) key_id: String,
    /// The nonce, then the ciphertext with its tag.
    pub(crate) bytes: Vec<u8>,
}

/// A secret that does not open: another key sealed it, or it was tampered with.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret cannot be opened with the master key")]
pub(crate) struct CannotOpen;

impl Sealer {
    /// Names the key, without telling it.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// With the key from the configuration. What is sealed already (`sealed_with`: by which keys)
    /// needs the key that sealed it.
    pub(crate) fn configured(key: &SecretString, sealed_with: &[String]) -> Result<Self, OpenError> {
        let key = decode(key.expose_secret().trim()).ok_or(OpenError::MasterKey {
            key: "master_key".to_owned(),
            problem: "is not 64 hex digits",
            cure: "make one with `openssl rand -hex 32`",
        })?;
        Self::new(&key).checked(sealed_with, "master_key", "set the one that they were sealed with")
    }

    /// Where no folder can hold a key, and the configuration does not either.
    pub(crate) fn missing() -> OpenError {
        OpenError::MasterKey {
            key: "master_key".to_owned(),
            problem: "is not set, and with store.url there is no other place for it",
            cure: "set ROLLCALL_MASTER_KEY to 64 hex digits (`openssl rand -hex 32`), the same for every process",
        }
    }

    /// Reads the folder's key, or makes it at the first start. What is sealed already (`sealed_with`:
    /// by which keys) needs the key that sealed it: then there is no making one, and no other will do.
    pub(crate) fn load(folder: &Path, sealed_with: &[String]) -> Result<Self, OpenError> {
        let path = folder.join("master.key");
        let error = |doing: &str| {
            let what = format!("{doing} {}", path.display());
            move |source| OpenError::Io { what, source }
        };
        let name = format!("master.key in {}", folder.display());
        let cure = "restore the one that belongs to this folder";
        let key = match fs::read_to_string(&path) {
            Ok(text) => decode(text.trim()).ok_or_else(|| {
                error("reading")(std::io::Error::new(std::io::ErrorKind::InvalidData, "not 64 hex digits"))
            })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !sealed_with.is_empty() => {
                let problem = "is missing, and the endpoints' secrets are sealed with it";
                return Err(OpenError::MasterKey { key: name, problem, cure });
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let key = secret::random();
                // Written beside and renamed, so that a crash leaves no half a key behind.
                let beside = folder.join("master.key.new");
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&beside)
                    .map_err(error("making"))?;
                writeln!(file, "{}", encode(&key))
                    .and_then(|()| file.sync_all())
                    .map_err(error("writing"))?;
                fs::rename(&beside, &path).map_err(error("making"))?;
                fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(error("making"))?;
                key
            }
            Err(e) => return Err(error("reading")(e)),
        };
        Self::new(&key).checked(sealed_with, &name, cure)
    }

    /// With the folder's key, if it has one.
    pub(crate) fn existing(folder: &Path) -> Result<Option<Self>, OpenError> {
        if !folder.join("master.key").exists() {
            return Ok(None);
        }
        Self::load(folder, &[]).map(Some)
    }

    fn checked(self, sealed_with: &[String], key: &str, cure: &'static str) -> Result<Self, OpenError> {
        if sealed_with.iter().all(|key_id| *key_id == self.key_id) {
            return Ok(self);
        }
        let problem = "does not open the endpoints' secrets";
        Err(OpenError::MasterKey { key: key.to_owned(), problem, cure })
    }

    /// With this key.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key_id = encode(&secret::sha256(&encode(key)))[..16].to_owned();
        Self { cipher: XChaCha20Poly1305::new(key.into()), key_id }
    }

    /// Seals a secret of this owner.
    pub(crate) fn seal(&self, owner: &str, secret: &SecretString) -> Option<Sealed> {
        let random = secret::random();
        let nonce = &random[..NONCE];
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: owner.as_bytes() };
        let ciphertext = self.cipher.encrypt(XNonce::from_slice(nonce), payload).ok()?;
        Some(Sealed { key_id: self.key_id.clone(), bytes: [nonce, &ciphertext].concat() })
    }

    /// Opens what [`Sealer::seal`] gave for the same owner.
    pub(crate) fn open(&self, owner: &str, sealed: &Sealed) -> Result<SecretString, CannotOpen> {
        if sealed.key_id != self.key_id || sealed.bytes.len() < NONCE {
            return Err(CannotOpen);
        }
        let (nonce, ciphertext) = sealed.bytes.split_at(NONCE);
        let payload = Payload { msg: ciphertext, aad: owner.as_bytes() };
        let plain = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| CannotOpen)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| CannotOpen)
    }
}

fn encode(bytes: &[u8; 32]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; 32];
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_owner_open() {
        let sealer = Sealer::new(&[7; 32]);
        let secret = SecretString::from("whsec_abc");
        let sealed = sealer.seal("ep_1", &secret).unwrap();
        assert_eq!(sealer.open("ep_1", &sealed).unwrap().expose_secret(), "whsec_abc");
        assert!(sealer.open("ep_2", &sealed).is_err());
        assert!(Sealer::new(&[8; 32]).open("ep_1", &sealed).is_err());
        assert!(!sealed.bytes.windows(6).any(|w| w == b"whsec_"));
    }

    #[test]
    fn a_key_reads_back() {
        let key = secret::random();
        assert_eq!(decode(&encode(&key)), Some(key));
        assert_eq!(decode("zz"), None);
    }
}
