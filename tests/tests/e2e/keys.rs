//! Signatures that anybody can verify: by the endpoint's public keys, by the published key set, through a rotation.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use rollcall_tests::wait::{SOON, eventually};
use serde_json::{Value, json};

use crate::PROFILE;

/// What the verifier of `examples/node` says of an attempt with these keys.
fn verified(body: &str, headers: &Value, keys: &Value) -> bool {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/node"));
    let script = format!(
        "import {{ verify }} from './v1a.mjs';
         const event = verify({}, {headers}, {keys});
         console.log(event.id);",
        json!(body)
    );
    let mut command = Command::new("node");
    command.args(["--input-type=module", "-e", &script]).current_dir(folder).stderr(Stdio::null());
    command.output().expect("node runs").status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_is_verified_with_what_is_public() {
    let world = PROFILE.world().await;
    let dir = world.directory("okta").await;
    let endpoint =
        world.subscribe("signed", json!({"directory_id": dir.directory, "signatures": ["v1", "v1a"]})).await;
    let path = format!("/endpoints/{}", endpoint.id);
    let shown = world.owner.get(&path).await.expect(200);
    assert_eq!(shown["signatures"], json!(["v1", "v1a"]));
    let first = shown["public_keys"].clone();
    assert_eq!(first.as_array().map(Vec::len), Some(1));
    let newest = async || {
        let count = world.receiver.count("signed");
        dir.user(&format!("u{count}")).await;
        eventually("another webhook", SOON, || async {
            let all = world.receiver.attempts_at("signed");
            (all.len() as u64 > count).then(|| all[all.len() - 1].clone())
        })
        .await
    };
    let headers = |attempt: &rollcall_tests::receiver::Attempt| {
        let of = |name: &str| attempt.header(name).to_owned();
        json!({"webhook-id": of("webhook-id"), "webhook-timestamp": of("webhook-timestamp"),
               "webhook-signature": of("webhook-signature")})
    };
    let attempt = newest().await;
    let body = String::from_utf8(attempt.body.to_vec()).expect("it is text");
    // The receiver verified `v1` beside it with the official library.
    world.receiver.assert_verified("signed");
    assert!(verified(&body, &headers(&attempt), &first));
    assert!(!verified(&body.replace("user.created", "user.deleted"), &headers(&attempt), &first));
    let stranger = json!(["whpk_MCowBQYDK2VwAyEAMCowBQYDK2VwAyEAMCowBQYDK2U="]);
    assert!(!verified(&body, &headers(&attempt), &stranger));

    // By the key set, which needs no key of the owner's.
    let url = world.owner.client.url("").replace("/v1", "/.well-known/webhook-keys.json");
    let (status, set) = rollcall_tests::http::get_json(&url).await.expect("it is there");
    assert_eq!((status, set["keys"].as_array().map(Vec::len)), (200, Some(1)));
    assert!(verified(&body, &headers(&attempt), &set["keys"]));

    // After a rotation the one who knows only the older key still can.
    let rotated = world.owner.post(&format!("{path}/secrets/rotate"), json!({})).await.expect(200);
    world.receiver.trust("signed", &rotated.text("secret"));
    let both = world.owner.get(&path).await.expect(200)["public_keys"].clone();
    assert_eq!((both.as_array().map(Vec::len), &both[1]), (Some(2), &first[0]));
    let attempt = eventually("signatures of both keys", SOON, || async {
        let attempt = newest().await;
        (attempt.header("webhook-signature").matches("v1a,").count() == 2).then_some(attempt)
    })
    .await;
    let body = String::from_utf8(attempt.body.to_vec()).expect("it is text");
    for keys in [&first, &json!([both[0]]), &both] {
        assert!(verified(&body, &headers(&attempt), keys), "{keys}");
    }
    world.receiver.assert_verified("signed");

    // A rotation ends the older keys when it says, in the key set too.
    let rotated =
        world.owner.post(&format!("{path}/secrets/rotate"), json!({"overlap_seconds": 1})).await.expect(200);
    world.receiver.trust("signed", &rotated.text("secret"));
    let (_, set) = rollcall_tests::http::get_json(&url).await.expect("it is there");
    assert_eq!(set["keys"].as_array().map(Vec::len), Some(3));
    eventually("the older keys to be gone", SOON, || async {
        let (_, set) = rollcall_tests::http::get_json(&url).await?;
        let shown = world.owner.get(&path).await.expect(200)["public_keys"].clone();
        (set["keys"].as_array()?.len() == 1 && shown.as_array()?.len() == 1).then_some(())
    })
    .await;

    // And off again.
    let off = world.owner.patch(&path, json!({"signatures": ["v1"]})).await.expect(200);
    assert_eq!((&off["signatures"], &off["public_keys"]), (&json!(["v1"]), &Value::Null));
    let attempt = newest().await;
    assert!(!attempt.header("webhook-signature").contains("v1a,"));
    for wrong in [json!([]), json!(["v1a"]), json!(["v1", "v1"]), json!(["v2"]), json!("v1")] {
        let refused = world.owner.patch(&path, json!({"signatures": wrong})).await.expect_problem(422);
        assert!(refused.text("field").starts_with("signatures"), "{wrong}");
    }
}
