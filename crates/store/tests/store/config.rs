use std::sync::Arc;

use rollcall_domain::{
    directory::Mode,
    endpoint::{EndpointState, Scope},
};
use rollcall_store::{
    OpenError, Store,
    config_ops::{ConfigError, EndpointPatch},
};
use secrecy::ExposeSecret;

use crate::support::{Fixture, Heard, new_directory, new_endpoint, settings};

crate::support::on_both! {
    the_catalog_shows_each_change_when_the_call_returns,
    a_taken_external_id_is_a_conflict_and_costs_nobody_else,
    tokens_rotate_with_an_overlap,
}

async fn the_catalog_shows_each_change_when_the_call_returns(f: Fixture) {
    let changes = f.store.catalog_changes();
    let before = *changes.borrow();
    let endpoint = f.endpoint(Scope::Directory(f.directory.clone()), vec![]).await;
    assert!(*changes.borrow() > before);
    assert_eq!(*f.store.catalog().endpoints[&endpoint.id].endpoint, endpoint);

    let patch = EndpointPatch {
        url: Some("https://example.org/".into()),
        state: Some((EndpointState::Paused, Some("holiday".into()))),
        ..EndpointPatch::default()
    };
    let changed = f.store.update_endpoint(&endpoint.id, patch).await.unwrap();
    assert_eq!(changed.headers, endpoint.headers);
    assert_eq!(*f.store.catalog().endpoints[&endpoint.id].endpoint, changed);

    f.store.delete_endpoint(&endpoint.id).await.unwrap();
    assert!(f.store.catalog().endpoints.is_empty());
    assert!(matches!(f.store.delete_endpoint(&endpoint.id).await, Err(ConfigError::NotFound)));
}

async fn a_taken_external_id_is_a_conflict_and_costs_nobody_else(f: Fixture) {
    let conflict = f.store.create_organization("Other".into(), Some("acme".into())).await;
    assert!(matches!(conflict, Err(ConfigError::Conflict("external_id"))));
    assert_eq!(f.store.catalog().organizations.len(), 1);
    let nobody = rollcall_domain::ids::OrganizationId::from_uuid(rollcall_store::clock::new_uuid());
    let missing = f.store.create_directory(new_directory(&nobody, Mode::Live)).await;
    assert!(matches!(missing, Err(ConfigError::NotFound)));
    f.store.add_api_key([7; 32], "abcd".into()).await.unwrap();
    assert_eq!(f.store.catalog().api_keys, [[7; 32]]);
    assert!(matches!(
        f.store.add_api_key([7; 32], "abcd".into()).await,
        Err(ConfigError::Conflict("sha256"))
    ));
}

async fn tokens_rotate_with_an_overlap(f: Fixture) {
    assert!(f.token.starts_with("rcd_") && f.token.len() == 47);
    let (token, secret) = f.store.create_token(&f.directory, Some(60)).await.unwrap();
    let entry = f.store.catalog().directories[&f.directory].clone();
    assert_eq!(entry.tokens.len(), 2);
    assert!(entry.tokens[0].1.expires_at.is_some());
    assert_eq!(entry.tokens[1].1, token);
    assert!(secret.expose_secret().ends_with(&token.last_characters));

    f.store.note_token_use(&token.id);
    let used = f.store.token_last_used(&token.id).unwrap();
    f.store.delete_token(&f.directory, &entry.tokens[0].1.id).await.unwrap();
    assert_eq!(f.store.catalog().directories[&f.directory].tokens[0].1.last_used_at, Some(used));

    let Fixture { settings, store, .. } = f;
    drop(store);
    let store = Store::open(settings, Arc::new(Heard::default())).unwrap();
    assert_eq!(store.token_last_used(&token.id), Some(used));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_rotate_and_are_not_in_the_files() {
    let f = Fixture::new().await;
    let endpoint = f.endpoint(Scope::All, vec![]).await;
    let (second, end) = f.store.rotate_secret(&endpoint.id, 3600).await.unwrap();
    let secrets = f.store.catalog().endpoints[&endpoint.id].secrets.clone();
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0].0.expose_secret(), second.expose_secret());
    assert_eq!((secrets[0].1, secrets[1].1), (None, Some(end)));
    // With no overlap the others have stopped, and the next rotation drops them.
    f.store.rotate_secret(&endpoint.id, 0).await.unwrap();
    f.store.rotate_secret(&endpoint.id, 0).await.unwrap();
    let now: Vec<String> = f.store.catalog().endpoints[&endpoint.id]
        .secrets
        .iter()
        .map(|(secret, _)| secret.expose_secret().to_owned())
        .collect();
    assert_eq!(now.len(), 2);
    f.store.close().await;
    for name in ["main.db", "ledger.db"] {
        let bytes = std::fs::read(f.folder.path().join("data").join(name)).unwrap();
        for secret in now.iter().map(|secret| secret.trim_start_matches("whsec_")).chain([f.token.as_str()]) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name}");
        }
    }
    let Fixture { folder, store, .. } = f;
    drop(store);
    let store = Store::open(settings(&folder), Arc::new(Heard::default())).unwrap();
    assert_eq!(store.catalog().endpoints[&endpoint.id].secrets[0].0.expose_secret(), now[0]);
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/master.key")), (0o700, 0o600));
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_secrets_need_the_key_that_sealed_them() {
    let f = Fixture::new().await;
    let Fixture { folder, store, .. } = f;
    let (data, key) = (folder.path().join("data"), folder.path().join("data/master.key"));
    let open = || Store::open(settings(&folder), Arc::new(Heard::default()));
    store.close().await;

    // Nothing is sealed yet: a new key does no harm.
    std::fs::remove_file(&key).unwrap();
    let store = open().unwrap();
    let endpoint = store.create_endpoint(new_endpoint(Scope::All, vec![])).await.unwrap().0.id;
    store.close().await;
    let kept = std::fs::read(&key).unwrap();

    let data = std::fs::canonicalize(data).unwrap();
    let refused = |problem: &str| {
        let error = open().err().unwrap();
        assert!(matches!(error, OpenError::MasterKey { .. }), "{error}");
        let expected = format!(
            "master.key in {} {problem}: restore the one that belongs to this folder",
            data.display()
        );
        assert_eq!(error.to_string(), expected);
    };
    std::fs::remove_file(&key).unwrap();
    refused("is missing, and the endpoints' secrets are sealed with it");
    assert!(!key.exists() && !data.join("master.key.new").exists());
    std::fs::write(&key, "0f".repeat(32)).unwrap();
    refused("does not open the endpoints' secrets");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), "0f".repeat(32));

    std::fs::write(&key, kept).unwrap();
    assert_eq!(open().unwrap().catalog().endpoints[&endpoint].secrets.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_could_not_be_read_again_shows_once_it_can() {
    let f = Fixture::new().await;
    let broken = f.endpoint(Scope::All, vec![]).await.id;
    let main = rusqlite::Connection::open(f.folder.path().join("data/main.db")).unwrap();
    let set_created_at = |value: &str| {
        main.execute("UPDATE directories SET created_at = $1", [value]).unwrap();
    };
    let shown = |store: &Store| store.catalog().directories[&f.directory].tokens.len();
    let before = shown(&f.store);

    // With the next batch.
    set_created_at("not a time");
    f.store.create_token(&f.directory, None).await.unwrap();
    assert_eq!(shown(&f.store), before, "the row cannot be read");
    // The other parts of the catalog do not wait for it.
    let other = f.endpoint(Scope::All, vec![]).await.id;
    assert!(f.store.catalog().endpoints.contains_key(&other));
    f.store.delete_endpoint(&broken).await.unwrap();
    assert!(!f.store.catalog().endpoints.contains_key(&broken));
    set_created_at("5");
    f.store.delete_endpoint(&other).await.unwrap();
    assert_eq!(shown(&f.store), before + 1);

    // And without one, in a moment.
    set_created_at("not a time");
    f.store.create_token(&f.directory, None).await.unwrap();
    assert_eq!(shown(&f.store), before + 1);
    let mut changes = f.store.catalog_changes();
    set_created_at("5");
    tokio::time::timeout(std::time::Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
    assert_eq!(shown(&f.store), before + 2);
}
