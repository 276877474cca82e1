//! A directory.

use rollcall_domain::directory::{Directory, Token};
use rollcall_store::Store;
use serde::Serialize;

use crate::State;

/// The directory with the address that its provider is given.
#[derive(Serialize)]
pub(crate) struct DirectoryView<'a> {
    #[serde(flatten)]
    directory: &'a Directory,
    scim_base_url: String,
}

impl<'a> DirectoryView<'a> {
    pub(crate) fn new(state: &State, directory: &'a Directory) -> Self {
        Self { directory, scim_base_url: format!("{}/scim/v2/{}", state.public_url, directory.id) }
    }
}

/// What may be known of its tokens, the oldest first.
pub(crate) fn tokens(store: &Store, tokens: &[([u8; 32], Token)]) -> Vec<Token> {
    let mut tokens: Vec<_> = tokens.iter().map(|(_, token)| token.clone()).collect();
    for token in &mut tokens {
        // The catalog learns of it only when the directory changes.
        token.last_used_at = store.token_last_used(&token.id).or(token.last_used_at);
    }
    tokens.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    tokens
}
