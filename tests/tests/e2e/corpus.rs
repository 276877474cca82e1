//! Requests as real providers send them: each line of the corpus on a directory of its own, with
//! what was there before, the status, and the effect.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_tests::{
    corpus::{Line, lines},
    event::{Event, kinds},
    http::Answer,
    provider::{ENTERPRISE, GROUP, Provider, USER, user_body},
    world::World,
};
use serde_json::{Value, json};

use crate::PROFILE;

type Ids = BTreeMap<String, String>;

/// What a line left behind.
struct Scene {
    provider: Provider,
    ids: Ids,
    answer: Answer,
    /// The events that the line itself gave.
    events: Vec<Event>,
    path: String,
    body: Option<String>,
    headers: Vec<(String, String)>,
    method: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_the_corpus_has_its_status_and_its_effect() {
    let world = PROFILE.world().await;
    let mut failures = Vec::new();
    let lines = lines();
    assert!(lines.len() >= 80, "the corpus has shrunk to {}", lines.len());
    for line in &lines {
        match play(&world, line).await {
            Ok(()) => {}
            Err(reason) => failures.push(format!("{}: {reason}", line.id)),
        }
    }
    let total = lines.len();
    assert!(failures.is_empty(), "{} of {total} lines:\n{}", failures.len(), failures.join("\n"));
}

async fn play(world: &World, line: &Line) -> Result<(), String> {
    let provider = world.directory(directory_kind(line)).await;
    let ids = given(&provider, &line.id).await?;
    let before = world.owner.events(&provider.directory).await.len();
    let (path, body) = line.filled(&ids);
    let headers: Vec<(String, String)> = line.headers.clone().into_iter().collect();
    let answer = send(&provider, &line.method, &path, &headers, body.as_deref()).await;
    if !line.status.contains(&answer.status) {
        return Err(format!("expected {:?}: {answer}", line.status));
    }
    if answer.status != 204 && answer.header("content-type") != "application/scim+json" {
        return Err(format!("content type: {answer}"));
    }
    if answer.status >= 400
        && (answer["status"].as_str() != Some(&answer.status.to_string())
            || answer["schemas"] != json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
            || answer["detail"].as_str().is_none_or(str::is_empty))
    {
        return Err(format!("not a SCIM error: {answer}"));
    }
    let events = world.owner.events(&provider.directory).await.split_off(before);
    let events = events.into_iter().filter(Event::is_about_resources).collect();
    let method = line.method.clone();
    effect(world, &line.id, &Scene { provider, ids, answer, events, path, body, headers, method }).await
}

async fn send(
    provider: &Provider,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: Option<&str>,
) -> Answer {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    provider.client.send(method, path, &headers, body.map(|b| b.to_owned().into())).await
}

fn directory_kind(line: &Line) -> &'static str {
    match line.id.split('-').next() {
        Some("entra") => "entra_id",
        Some("okta") => "okta",
        Some("onelogin") => "onelogin",
        Some("jumpcloud") => "jumpcloud",
        Some("ping") => "ping",
        Some("google") => "google_workspace",
        Some("rippling") => "rippling",
        Some("cyberark") => "cyberark",
        Some("sailpoint") => "sailpoint",
        Some("keycloak") => "keycloak",
        _ => "generic",
    }
}

/// A user that has what most lines take for granted.
fn person(user_name: &str) -> Value {
    let mut body = user_body(user_name);
    body["displayName"] = json!("Before");
    body["externalId"] = json!("before");
    body
}

async fn make(provider: &Provider, path: &str, body: &Value) -> Result<String, String> {
    let answer = provider.post(path, body).await;
    match answer.json()["id"].as_str() {
        Some(id) if answer.status == 201 => Ok(id.to_owned()),
        _ => Err(format!("the set-up failed: {answer}")),
    }
}

async fn many(provider: &Provider, path: &str, bodies: Vec<Value>) -> Result<Vec<String>, String> {
    stream::iter(bodies)
        .map(|body| async move { make(provider, path, &body).await })
        .buffered(16)
        .try_collect()
        .await
}

/// Makes what the line finds, and names it.
async fn given(provider: &Provider, line: &str) -> Result<Ids, String> {
    let mut ids = Ids::new();
    // Users first: the lines' U1, U2 and U3.
    let users: Vec<Value> = match line {
        "entra-02" => vec![person("Test_User_00aa")],
        "entra-12" => vec![person("u1@x"), person("taken@x")],
        "entra-16" | "entra-17" => {
            let mut inactive = person("u1@x");
            inactive["active"] = json!(false);
            vec![inactive]
        }
        "entra-21" | "rfc-17" => vec![json!({"schemas": [USER], "userName": "u1@x"})],
        "entra-24" | "entra-25" | "entra-26" | "entra-27" | "entra-28" | "entra-49" => {
            vec![person("u1@x"), person("u2@x")]
        }
        "entra-36" => vec![person("u1@x"), person("u2@x"), person("u3@x")],
        "jumpcloud-02" | "salesforce-01" | "okta-18" => vec![person("u1@x"), person("u2@x")],
        "okta-04" | "okta-06" => vec![person("test.user@okta.local")],
        "sailpoint-01" => {
            let mut named = person("u1@x");
            named["name"] = json!({"givenName": "A", "familyName": "B", "middleName": "M"});
            vec![named]
        }
        "rfc-01" | "rfc-02" | "rfc-04" => (0..25).map(|n| person(&format!("user{n:02}"))).collect(),
        "cyberark-01" => (0..3).map(|n| person(&format!("user{n:02}"))).collect(),
        "rfc-05" => vec![person("a"), person("b")],
        "rfc-06" => {
            let mut abc = person("abc");
            abc["active"] = json!(false);
            vec![abc, person("active"), person("b")]
        }
        "rfc-07" => {
            let mut two = person("u1@x");
            two["emails"] = json!([
                {"type": "work", "value": "a@example.com"},
                {"type": "home", "value": "b@other.com"},
            ]);
            vec![two]
        }
        "rfc-11" => vec![person("a1"), person("b1")],
        "rfc-18" => {
            let mut two = person("u1@x");
            two["emails"] = json!([
                {"type": "work", "value": "w@x", "primary": true},
                {"type": "home", "value": "h@x"},
            ]);
            vec![two]
        }
        "rfc-23" => vec![person("dup")],
        "sec-05" => vec![person("o'b\" or userName pr")],
        "okta-20" => vec![person("test.user@okta.local")],
        _ => vec![person("u1@x")],
    };
    let empty = [
        "entra-01",
        "entra-06",
        "entra-07",
        "entra-31",
        "entra-48",
        "okta-02",
        "okta-11",
        "okta-21",
        "okta-23",
        "okta-24",
        "onelogin-04",
        "jumpcloud-01",
        "google-01",
        "rfc-22",
    ];
    if !empty.contains(&line) {
        for (number, id) in many(provider, "/Users", users).await?.into_iter().enumerate() {
            ids.insert(format!("U{}", number + 1), id);
        }
    }
    let all: Vec<Value> = ids.values().map(|id| json!({"value": id})).collect();
    let group = match line {
        "entra-16" => Some(("team", all)),
        "entra-33" => Some(("displayName", all)),
        "entra-36" | "jumpcloud-02" | "salesforce-01" | "ping-01" => Some(("team", all)),
        "entra-35" | "entra-39" | "entra-45" | "onelogin-03" | "rippling-01" | "jumpcloud-03" => {
            Some(("team", Vec::new()))
        }
        "okta-12" => Some(("Test SCIMv2", Vec::new())),
        "okta-18" => Some(("Test SCIMv2", all[1..].to_vec())),
        "entra-32" | "keycloak-02" => {
            let bodies = (0..1_000).map(|n| person(&format!("member{n:04}"))).collect();
            let members = many(provider, "/Users", bodies).await?;
            Some(("large", members.iter().map(|id| json!({"value": id})).collect()))
        }
        _ => None,
    };
    if let Some((name, members)) = group {
        let body = json!({"schemas": [GROUP], "displayName": name, "members": members});
        ids.insert("G1".to_owned(), make(provider, "/Groups", &body).await?);
    }
    match line {
        "entra-26" | "entra-27" | "entra-28" | "entra-49" => {
            // As Entra sends it: a bare string.
            let operations =
                json!([{"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": ids["U2"]}]);
            let answer = provider.patch(&format!("/Users/{}", ids["U1"]), operations).await;
            if answer.status != 200 {
                return Err(format!("the set-up failed: {answer}"));
            }
        }
        "entra-41" | "authentik-01" => {
            let answer = provider.delete(&format!("/Users/{}", ids["U1"])).await;
            if answer.status != 204 {
                return Err(format!("the set-up failed: {answer}"));
            }
        }
        "ping-02" => {
            let bodies = (0..2_500).map(|n| json!({"schemas": [GROUP], "displayName": format!("group {n}")}));
            many(provider, "/Groups", bodies.collect()).await?;
        }
        _ => {}
    }
    Ok(ids)
}

macro_rules! ensure {
    ($condition:expr, $($context:tt)+) => {
        if !$condition {
            return Err(format!("{}: {}", stringify!($condition), format_args!($($context)+)));
        }
    };
}

impl Scene {
    async fn user(&self) -> Answer {
        self.provider.get(&format!("/Users/{}", self.ids["U1"])).await
    }

    async fn members(&self) -> Vec<String> {
        self.provider.members(&self.ids["G1"]).await
    }

    fn changed(&self) -> Vec<&str> {
        self.events.iter().flat_map(Event::changed_paths).collect()
    }

    fn gave(&self, expected: &[&str]) -> Result<(), String> {
        let found = kinds(&self.events);
        (found == expected).then_some(()).ok_or(format!("events {found:?} instead of {expected:?}"))
    }

    fn found(&self, total: u64, shown: usize) -> Result<(), String> {
        let (answer, resources) = (&self.answer, self.answer["Resources"].as_array());
        ensure!(answer["totalResults"] == total, "{answer}");
        ensure!(resources.map_or(0, Vec::len) == shown, "{answer}");
        ensure!(answer["itemsPerPage"] == shown, "{answer}");
        ensure!(
            answer["schemas"] == json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]),
            "{answer}"
        );
        Ok(())
    }

    fn refused(&self, scim_type: &str) -> Result<(), String> {
        ensure!(self.answer["scimType"] == scim_type, "{}", self.answer);
        self.gave(&[])
    }

    async fn again(&self) -> Answer {
        send(&self.provider, &self.method, &self.path, &self.headers, self.body.as_deref()).await
    }
}

/// What the line must have done, and must not have.
async fn effect(world: &World, line: &str, scene: &Scene) -> Result<(), String> {
    let answer = &scene.answer;
    let work_email = |user: &Answer| {
        user["emails"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|e| e["type"] == "work")
            .cloned()
            .unwrap_or_default()
    };
    match line {
        "entra-01" | "okta-02" | "onelogin-04" => {
            scene.found(0, 0)?;
            ensure!(answer["Resources"] == json!([]), "{answer}");
            scene.gave(&[])
        }
        "entra-02" | "entra-33" | "okta-12" => {
            scene.found(1, 1)?;
            ensure!(answer["Resources"][0].get("members").is_none() || line == "okta-12", "{answer}");
            scene.gave(&[])
        }
        "entra-06" => {
            ensure!(answer["roles"].as_array().is_none_or(Vec::is_empty), "{answer}");
            ensure!(answer["meta"]["location"] == answer.header("location"), "{answer}");
            ensure!(answer["meta"]["created"] == answer["meta"]["lastModified"], "{answer}");
            ensure!(
                answer["meta"]["location"]
                    == scene.provider.client.url(&format!("/Users/{}", answer.text("id"))),
                "{answer}"
            );
            let data = &scene.events[0].0["data"];
            ensure!(data["email"] == "Test_User_11bb@testuser.com", "{data}");
            ensure!(data["external_id"] == "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef", "{data}");
            scene.gave(&["user.created"])
        }
        "entra-07" => {
            ensure!(answer["schemas"].as_array().is_some_and(|s| s.contains(&json!(USER))), "{answer}");
            ensure!(!answer["schemas"].to_string().contains("2.0User"), "{answer}");
            for gone in ["addresses", "phoneNumbers", "preferredLanguage", "title"] {
                ensure!(answer.json().get(gone).is_none_or(|v| *v == json!([])), "{gone}: {answer}");
            }
            scene.gave(&["user.created"])
        }
        "entra-08" => {
            ensure!(answer[ENTERPRISE]["manager"]["value"] == scene.ids["U1"], "{answer}");
            ensure!(answer[ENTERPRISE]["manager"]["$ref"].is_string(), "{answer}");
            ensure!(scene.events[0].0["data"]["manager"]["id"] == scene.ids["U1"], "{:?}", scene.events);
            scene.gave(&["user.created"])
        }
        "entra-10" => {
            ensure!(work_email(answer)["value"] == "updatedEmail@microsoft.com", "{answer}");
            ensure!(answer["name"]["familyName"] == "updatedFamilyName", "{answer}");
            ensure!(answer["name"]["givenName"] == "Test", "{answer}");
            ensure!(
                scene.changed().iter().all(|p| ["email", "emails", "name.family_name"].contains(p)),
                "{:?}",
                scene.changed()
            );
            ensure!(scene.changed().contains(&"name.family_name"), "{:?}", scene.changed());
            scene.gave(&["user.updated"])
        }
        "entra-11" => {
            ensure!(answer["id"] == scene.ids["U1"], "{answer}");
            ensure!(scene.changed() == ["user_name"], "{:?}", scene.changed());
            ensure!(
                scene.events[0].change("user_name").is_some_and(|c| c["from"] == "u1@x"),
                "{:?}",
                scene.events
            );
            ensure!(
                scene.provider.post("/Users", &person("u1@x")).await.status == 201,
                "the old userName is free again"
            );
            scene.gave(&["user.updated"])
        }
        "entra-12" => {
            let user = scene.user().await;
            ensure!(user["displayName"] == "Before", "atomic: {user}");
            scene.refused("uniqueness")
        }
        "entra-13" | "entra-14" | "entra-15" | "keycloak-01" => {
            ensure!(answer["active"] == false, "{answer}");
            let count = world.owner.events(&scene.provider.directory).await.len();
            ensure!(scene.again().await.status == 200, "a repetition is fine");
            ensure!(
                world.owner.events(&scene.provider.directory).await.len() == count,
                "a repetition gives no event"
            );
            scene.gave(&["user.deactivated"])
        }
        "entra-16" => {
            ensure!(answer["active"] == true, "{answer}");
            ensure!(scene.members().await == [scene.ids["U1"].clone()], "memberships are kept");
            scene.gave(&["user.reactivated"])
        }
        "entra-17" => {
            ensure!(answer["active"] == false, "{answer}");
            ensure!(scene.provider.total("/Users?filter=userName%20eq%20%22u1@x%22").await == 1, "by filter");
            scene.gave(&[])
        }
        "entra-19" => {
            ensure!(answer["displayName"] == "Pvlo" && answer["externalId"] == "Eqpj", "{answer}");
            ensure!(answer[ENTERPRISE]["employeeNumber"] == "Eqpj", "{answer}");
            ensure!(answer["schemas"].as_array().is_some_and(|s| s.contains(&json!(ENTERPRISE))), "{answer}");
            for path in
                ["display_name", "name.given_name", "name.family_name", "external_id", "employee_number"]
            {
                ensure!(scene.changed().contains(&path), "{path}: {:?}", scene.changed());
            }
            scene.gave(&["user.updated"])
        }
        "entra-20" => {
            ensure!(
                answer["name"]["givenName"] == "Kkom" && answer["name"]["familyName"] == "Unua",
                "{answer}"
            );
            ensure!(answer[ENTERPRISE]["employeeNumber"] == "Aklq", "{answer}");
            ensure!(answer.json().get("name.givenName").is_none(), "{answer}");
            scene.gave(&["user.updated"])
        }
        "entra-21" => {
            ensure!(work_email(answer)["value"] == "something@outlook.com", "{answer}");
            scene.gave(&["user.updated"])
        }
        "entra-23" => {
            ensure!(answer["addresses"].as_array().is_some_and(|a| a.len() == 1), "{answer}");
            let address = &answer["addresses"][0];
            for (key, value) in [
                ("type", "work"),
                ("streetAddress", "Street"),
                ("locality", "Locality"),
                ("region", "Region"),
                ("postalCode", "PostalCode"),
                ("country", "Country"),
            ] {
                ensure!(address[key] == value, "{key}: {answer}");
            }
            scene.gave(&["user.updated"])
        }
        "entra-24" | "entra-25" | "entra-49" => {
            let manager = &answer[ENTERPRISE]["manager"];
            ensure!(manager["value"] == scene.ids["U2"] && manager["$ref"].is_string(), "{answer}");
            scene.gave(if line == "entra-49" { &[] } else { &["user.updated"] })
        }
        "entra-26" | "entra-27" => {
            ensure!(answer[ENTERPRISE].get("manager").is_none(), "{answer}");
            ensure!(scene.events[0].0["data"].get("manager").is_none(), "{:?}", scene.events);
            scene.gave(&["user.updated"])
        }
        "entra-28" => {
            scene.found(1, 1)?;
            let keys: Vec<&String> =
                answer["Resources"][0].as_object().into_iter().flat_map(|o| o.keys()).collect();
            ensure!(keys.iter().all(|k| ["id", "schemas"].contains(&k.as_str())), "{keys:?}");
            scene.gave(&[])
        }
        "entra-29" | "entra-48" => {
            ensure!(answer["roles"].as_array().is_some_and(|r| r.len() == 1), "{answer}");
            scene.gave(if line == "entra-29" { &["user.updated"] } else { &["user.created"] })
        }
        "entra-31" | "okta-11" => {
            ensure!(answer["schemas"] == json!([GROUP]), "{answer}");
            ensure!(answer["members"].as_array().is_none_or(Vec::is_empty), "{answer}");
            scene.gave(&["group.created"])
        }
        "entra-32" => {
            ensure!(answer.json().get("members").is_none(), "{answer}");
            ensure!(answer["displayName"] == "large", "{answer}");
            scene.gave(&[])
        }
        "entra-35" | "onelogin-03" | "rippling-01" => {
            ensure!(scene.members().await == [scene.ids["U1"].clone()], "one member");
            let path = format!("/Groups/{}", scene.ids["G1"]);
            let modified = scene.provider.get(&path).await["meta"]["lastModified"].clone();
            let count = world.owner.events(&scene.provider.directory).await.len();
            ensure!(scene.again().await.status == answer.status, "a repetition is fine");
            ensure!(scene.provider.get(&path).await["meta"]["lastModified"] == modified, "lastModified");
            ensure!(world.owner.events(&scene.provider.directory).await.len() == count, "no second event");
            scene.gave(&["group.member_added"])
        }
        "entra-36" | "jumpcloud-02" | "salesforce-01" => {
            let mut left: Vec<String> = scene
                .ids
                .iter()
                .filter(|(n, _)| *n != "U1" && *n != "G1")
                .map(|(_, id)| id.clone())
                .collect();
            left.sort();
            ensure!(scene.members().await == left, "only U1 leaves");
            ensure!(scene.events[0].subject() == scene.ids["U1"], "{:?}", scene.events);
            scene.gave(&["group.member_removed"])
        }
        // An unknown member waits for its user; it must not disturb anything until then.
        "entra-39" => {
            ensure!(scene.user().await.status == 200, "nothing else is touched");
            scene.gave(&[])
        }
        "entra-41" | "authentik-01" => scene.gave(&[]),
        "entra-42" => {
            ensure!(answer["displayName"] == "N2", "{answer}");
            scene.gave(&["user.updated"])
        }
        "entra-43" => {
            let emails = answer["emails"].as_array().cloned().unwrap_or_default();
            ensure!(emails.len() == 3, "{answer}");
            let primary: Vec<&Value> = emails.iter().filter(|e| e["primary"] == true).collect();
            ensure!(primary.len() == 1 && primary[0]["type"] == "home", "{answer}");
            ensure!(scene.events[0].0["data"]["email"] == "angelita@mante.us", "{:?}", scene.events);
            scene.gave(&["user.updated"])
        }
        "entra-45" | "jumpcloud-03" => {
            ensure!(scene.again().await.status == 404, "it is gone");
            scene.gave(&["group.deleted"])
        }
        "okta-04" => scene.refused("uniqueness"),
        "okta-06" | "cyberark-03" => {
            ensure!(answer["active"] == false, "{answer}");
            scene.gave(&["user.deactivated"])
        }
        "okta-08" => {
            ensure!(!answer.json().to_string().to_lowercase().contains("password"), "{answer}");
            ensure!(!answer.json().to_string().contains("NewP@ss1"), "{answer}");
            scene.gave(&[])
        }
        "okta-18" => {
            ensure!(scene.members().await == [scene.ids["U1"].clone()], "members are replaced");
            let mut found = kinds(&scene.events);
            found.sort_unstable();
            ensure!(found == ["group.member_added", "group.member_removed"], "{found:?}");
            Ok(())
        }
        "okta-20" => {
            let user = &answer["Resources"][0];
            for pointer in ["/id", "/name/givenName", "/name/familyName", "/userName", "/emails/0/value"] {
                ensure!(user.pointer(pointer).is_some_and(Value::is_string), "{pointer}: {answer}");
            }
            ensure!(user["active"] == true, "{answer}");
            scene.gave(&[])
        }
        "okta-21" | "okta-24" => scene.gave(&[]),
        "okta-23" => scene.found(0, 0),
        "onelogin-02" => {
            ensure!(answer["schemas"] == json!([USER]), "{answer}");
            ensure!(answer["userName"] == "onelogin-test-user01", "{answer}");
            scene.gave(&["user.updated"])
        }
        "jumpcloud-01" | "google-01" => {
            ensure!(answer["id"].is_string(), "{answer}");
            scene.gave(&["user.created"])
        }
        "ping-01" => {
            ensure!(scene.members().await.is_empty(), "all leave");
            scene.gave(&["group.member_removed"])
        }
        "ping-02" => {
            scene.found(2_500, 100)?;
            let first: Vec<&Value> =
                answer["Resources"].as_array().into_iter().flatten().map(|g| &g["id"]).collect();
            let again = scene.again().await;
            let second: Vec<&Value> =
                again["Resources"].as_array().into_iter().flatten().map(|g| &g["id"]).collect();
            ensure!(first == second, "the order is stable");
            Ok(())
        }
        "cyberark-01" => {
            scene.found(3, 1)?;
            ensure!(answer["startIndex"] == 1, "{answer}");
            Ok(())
        }
        "sailpoint-01" => {
            let name = &answer["name"];
            ensure!(
                name["givenName"] == "testGivenName"
                    && name["familyName"] == "testFamily"
                    && name["middleName"] == "M",
                "{answer}"
            );
            scene.gave(&["user.updated"])
        }
        "keycloak-02" => {
            ensure!(scene.members().await == [scene.ids["U1"].clone()], "the list is replaced");
            let added = scene.events.iter().filter(|e| e.kind() == "group.member_added").count();
            let removed = scene.events.iter().filter(|e| e.kind() == "group.member_removed").count();
            ensure!((added, removed) == (1, 1_000), "{added} added, {removed} removed");
            ensure!(scene.events.len() == 1_001, "{} events", scene.events.len());
            Ok(())
        }
        "oracle-01" => {
            ensure!(scene.user().await["active"] == true, "nothing changed");
            scene.refused("invalidSyntax")
        }
        "rfc-01" => {
            scene.found(25, 10)?;
            ensure!(answer["startIndex"] == 1, "{answer}");
            Ok(())
        }
        "rfc-02" | "rfc-04" => scene.found(25, 0),
        "rfc-05" => {
            scene.found(1, 1)?;
            ensure!(answer["Resources"][0]["userName"] == "a", "{answer}");
            Ok(())
        }
        "rfc-06" => {
            scene.found(1, 1)?;
            ensure!(answer["Resources"][0]["userName"] == "abc", "{answer}");
            Ok(())
        }
        "rfc-07" | "sec-05" => scene.found(0, 0),
        "rfc-08" => scene.refused("invalidFilter"),
        "rfc-10" | "rfc-27" => scene.gave(&[]),
        "rfc-11" => {
            scene.found(1, 1)?;
            let user = &answer["Resources"][0];
            ensure!(user["id"].is_string() && user["schemas"].is_array(), "{answer}");
            ensure!(user["userName"] == "a1" && user.get("emails").is_none(), "{answer}");
            Ok(())
        }
        "rfc-13" => {
            ensure!(answer["id"] == scene.ids["U1"], "{answer}");
            ensure!(answer.json().get("userName").is_none(), "{answer}");
            Ok(())
        }
        "rfc-14" | "rfc-17" => scene.refused("noTarget"),
        "rfc-15" | "rfc-16" => scene.refused("mutability"),
        "rfc-18" => {
            let emails = answer["emails"].as_array().cloned().unwrap_or_default();
            ensure!(emails.len() == 3, "{answer}");
            let primary: Vec<&Value> = emails.iter().filter(|e| e["primary"] == true).collect();
            ensure!(primary.len() == 1 && primary[0]["value"] == "n@x", "{answer}");
            scene.gave(&["user.updated"])
        }
        "rfc-19" => scene.refused("invalidSyntax"),
        "rfc-22" => {
            let made = answer["Operations"].as_array().cloned().unwrap_or_default();
            ensure!(made.len() == 2 && made.iter().all(|one| one["status"] == "201"), "{answer}");
            let id = |of: usize| made[of]["location"].as_str()?.rsplit('/').next().map(str::to_owned);
            for (of, other) in [(0, 1), (1, 0)] {
                let group = scene.provider.get(&format!("/Groups/{}", id(of).unwrap_or_default())).await;
                ensure!(group["members"][0]["value"].as_str() == id(other).as_deref(), "{group}");
            }
            Ok(())
        }
        "rfc-23" => {
            let only = answer["Operations"].as_array().cloned().unwrap_or_default();
            ensure!(only.len() == 1 && only[0]["status"] == "409", "{answer}");
            ensure!(only[0].get("location").is_none() && only[0]["response"].is_object(), "{answer}");
            scene.gave(&[])
        }
        "sec-04" => {
            let user = scene.user().await;
            ensure!(user.json().get("admin").is_none(), "{user}");
            ensure!(user["userName"] == "u1@x", "{user}");
            Ok(())
        }
        other => Err(format!("{other} has no effect to check: add one")),
    }
}
