//! `GET /v1/directories/{id}`: the directory with what may be known of its tokens, and who seems to push into it.

use actix_web::web::{Data, Path};
use jiff::Timestamp;
use rollcall_domain::{
    directory::{Provider, Token},
    ids::DirectoryId,
};
use rollcall_scim::Sender;
use serde::Serialize;

use crate::{
    State,
    error::ApiResult,
    json,
    query::NoQuery,
    views::directory::{DirectoryView, tokens},
};

#[derive(Serialize)]
struct DirectoryReport<'a> {
    #[serde(flatten)]
    directory: DirectoryView<'a>,
    tokens: Vec<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
    warnings: Vec<String>,
}

/// The product that the newest recognised request of the request log came from.
#[derive(Serialize)]
struct Seen {
    sender: String,
    #[serde(serialize_with = "rollcall_domain::timestamp::serialize")]
    at: Timestamp,
}

pub(crate) async fn get(state: Data<State>, id: Path<DirectoryId>, _: NoQuery) -> ApiResult {
    let entry = super::find(&state, &id)?;
    let seen = state.store.seen_sender(&id).await?;
    let warning = seen.as_ref().and_then(|seen| mismatch(entry.directory.provider, &seen.name));
    Ok(json::ok(&DirectoryReport {
        directory: DirectoryView::new(&state, &entry.directory),
        tokens: tokens(&state.store, &entry.tokens),
        seen: seen.map(|seen| Seen { sender: seen.name, at: seen.at }),
        warnings: warning.into_iter().collect(),
    }))
}

/// What to say where another product pushes than the one that was configured. Nothing depends on it.
fn mismatch(configured: Provider, seen: &str) -> Option<String> {
    let product = Sender::parse(seen)?.product();
    if configured == Provider::Generic || configured.as_str() == product {
        return None;
    }
    Some(format!(
        "This directory's provider is {}, and its newest requests look like those of {product}. If the other one was \
         meant, PATCH the directory's provider; it is what events name as their cause.",
        configured.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_product_is_a_mismatch() {
        for (configured, seen, warns) in [
            (Provider::EntraId, "entra_id", false),
            (Provider::EntraId, "entra_id_standard", false),
            (Provider::EntraId, "okta", true),
            (Provider::Okta, "entra_id_standard", true),
            (Provider::Generic, "okta", false),
            (Provider::Keycloak, "authentik", true),
            (Provider::Okta, "", false),
        ] {
            assert_eq!(mismatch(configured, seen).is_some(), warns, "{configured:?} {seen}");
        }
        // Each product that can be configured is recognised by the same name.
        for provider in Provider::ALL.iter().filter(|provider| **provider != Provider::Generic) {
            assert!(Sender::parse(provider.as_str()).is_some(), "{provider:?}");
        }
    }
}
