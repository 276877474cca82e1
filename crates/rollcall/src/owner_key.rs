//! The owner's first API key: made once, when there is none, and kept where only the owner reads.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rollcall_store::Store;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The key's file in the data folder.
pub(crate) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("owner.key")
}

/// Makes the first key if the store has none. The file is written before the store is told, so
/// that a crash in between leaves a key that can be read, which the next start then takes.
pub(crate) async fn ensure(data_dir: &Path, store: &Store) -> anyhow::Result<Option<SecretString>> {
    if !store.catalog().api_keys.is_empty() {
        return Ok(None);
    }
    add(data_dir, store).await.map(Some)
}

/// Puts the file's key into the store, or a new one if there is no file.
pub(crate) async fn add(data_dir: &Path, store: &Store) -> anyhow::Result<SecretString> {
    let key = match read(data_dir)? {
        Some(key) => key,
        None => write_new(data_dir)?,
    };
    let text = key.expose_secret();
    let last: String = text.chars().skip(text.chars().count().saturating_sub(4)).collect();
    store
        .add_api_key(Sha256::digest(text.as_bytes()).into(), last)
        .await
        .context("the API key cannot be stored")?;
    Ok(key)
}

/// The key in the file, if there is one.
pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<SecretString>> {
    let path = path(data_dir);
    let mut text = String::new();
    match fs::File::open(&path).and_then(|file| file.take(1024).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
    let key = text.trim();
    if key.is_empty() {
        bail!("{} is empty: delete it to have a new key made", path.display());
    }
    Ok(Some(SecretString::from(key)))
}

fn write_new(data_dir: &Path) -> anyhow::Result<SecretString> {
    let path = path(data_dir);
    let key = format!("rck_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let write = || {
        // With a server there may be no folder yet.
        fs::create_dir_all(data_dir)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{key}")?;
        file.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(SecretString::from(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_file_is_for_the_owner_alone_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap().is_none());
        let key = write_new(folder.path()).unwrap();
        let text = key.expose_secret();
        assert_eq!((text.len(), &text[..4]), (47, "rck_"));
        assert_eq!(read(folder.path()).unwrap().unwrap().expose_secret(), text);
        let mode = fs::metadata(path(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_new(folder.path()).is_err(), "a key is never overwritten");
        fs::write(path(folder.path()), "\n").unwrap();
        assert!(read(folder.path()).is_err());
    }
}
