//! Okta's SCIM client: asks before it creates, sends a placeholder password, updates a profile by
//! reading it and putting it back changed, never deletes a user, and precedes each group change
//! with a path-less replace of the group's name. As an integration-network application (OIN) it
//! patches `active` and members; as a custom application (AIW) it uses PUT for everything.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GROUP, KnownGroup, KnownPerson, Memory, PATCH_OP, USER, entra::apply};
use crate::{
    Attribute, Error, GroupHandle, Observer, Person, PersonHandle, Step, body,
    persona::ENTERPRISE,
    wire::{Ask, Headers, Wire, eq_filter},
};

/// Which of Okta's two kinds of application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// An application of the integration network.
    #[default]
    Oin,
    /// A custom application, made with the wizard.
    Aiw,
}

pub(super) const HEADERS: Headers = Headers {
    user_agent: "Okta SCIM Client 1.0.0",
    content_type: "application/scim+json; charset=utf-8",
    accept: "application/scim+json",
    accept_charset: Some("utf-8"),
    timeout: Duration::from_secs(60),
};

/// What Okta sends as the password when it does not synchronise passwords is a random text; this
/// one is as good. It must never come back.
const PLACEHOLDER_PASSWORD: &str = "1mz050nq";

pub(super) async fn play(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    step: &Step,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    match step {
        Step::Probe => {
            let ask = Ask::new("tests the connection", "GET", "/Users?startIndex=1&count=1", None);
            body::list(wire.send(ask, observer).await?).map(drop)
        }
        Step::Hire(handle, person) => hire(dialect, wire, memory, *handle, person, observer).await,
        Step::MakeGroup(handle, name) => make_group(wire, memory, *handle, name, observer).await,
        Step::Join(group, people) => {
            for person in people {
                join(dialect, wire, memory, *group, *person, observer).await?;
            }
            Ok(())
        }
        Step::Move(person, from, to) => {
            part(dialect, wire, memory, *from, *person, observer).await?;
            join(dialect, wire, memory, *to, *person, observer).await
        }
        Step::Change(handle, attribute) => {
            let known = memory.person(*handle)?;
            let what = change_in_words(&known.person, attribute);
            put_profile(wire, &known, what, |profile| change(profile, &known.person, attribute), observer)
                .await?;
            memory.change(*handle, |person| apply(person, attribute));
            Ok(())
        }
        Step::Repeat(handle) => {
            let known = memory.person(*handle)?;
            let what = format!("sends {}'s profile again, unchanged", known.person.display_name());
            put_profile(wire, &known, what, |_| {}, observer).await
        }
        Step::Manage(handle, manager) => {
            let (known, manager) = (memory.person(*handle)?, memory.person(*manager)?);
            let what =
                format!("{} now reports to {}", known.person.display_name(), manager.person.display_name());
            let change = |profile: &mut Value| profile[ENTERPRISE]["manager"] = json!({"value": manager.id});
            put_profile(wire, &known, what, change, observer).await
        }
        Step::Deactivate(handle) => {
            let known = memory.person(*handle)?;
            let what = format!("deactivates {}", known.person.display_name());
            set_active(dialect, wire, memory, *handle, false, what, observer).await
        }
        Step::Leave(handle) => {
            let known = memory.person(*handle)?;
            // Okta never deletes a user.
            let what = format!("{} leaves: deactivates the account", known.person.display_name());
            set_active(dialect, wire, memory, *handle, false, what, observer).await
        }
        Step::Rehire(handle) => {
            let name = memory.person(*handle)?.person.display_name();
            find_user(wire, &memory.person(*handle)?.person, observer).await?;
            set_active(dialect, wire, memory, *handle, true, format!("activates {name} again"), observer)
                .await
        }
        Step::RenameGroup(handle, name) => {
            let group = memory.group(*handle)?;
            let what = format!("renames {} to {name}", group.name);
            let renamed = KnownGroup { name: name.clone(), ..group };
            match dialect {
                Dialect::Oin => {
                    let ask = Ask::new(
                        what,
                        "PATCH",
                        format!("/Groups/{}", renamed.id),
                        Some(patch(&[push(&renamed)])),
                    );
                    body::updated_group(wire.send(ask, observer).await?, &renamed.id)?;
                }
                Dialect::Aiw => put_group(wire, memory, &renamed, what, observer).await?,
            }
            memory.groups.insert(*handle, renamed);
            Ok(())
        }
    }
}

async fn find_user(
    wire: &Wire,
    person: &Person,
    observer: &mut impl Observer,
) -> Result<Option<String>, Error> {
    let path = format!("/Users?filter={}&startIndex=1&count=100", eq_filter("userName", &person.user_name));
    let ask = Ask::new(format!("is {} there already?", person.display_name()), "GET", path, None);
    let found = body::list(wire.send(ask, observer).await?)?;
    Ok(found.first().and_then(|user| user["id"].as_str()).map(str::to_owned))
}

async fn hire(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    handle: PersonHandle,
    person: &Person,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    match find_user(wire, person, observer).await? {
        Some(id) => {
            memory.learn(handle, id, person.clone());
            set_active(
                dialect,
                wire,
                memory,
                handle,
                true,
                format!("links {}", person.display_name()),
                observer,
            )
            .await
        }
        None => {
            let ask = Ask::new(
                format!("hires {}", person.display_name()),
                "POST",
                "/Users",
                Some(create_user(handle, person)),
            );
            let id = body::created(wire.send(ask, observer).await?)?;
            memory.learn(handle, id, person.clone());
            Ok(())
        }
    }
}

async fn make_group(
    wire: &Wire,
    memory: &mut Memory,
    handle: GroupHandle,
    name: &str,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let path = format!("/Groups?filter={}&startIndex=1&count=100", eq_filter("displayName", name));
    let found = body::list(
        wire.send(Ask::new(format!("is group {name} there already?"), "GET", path, None), observer).await?,
    )?;
    let id = match found.first().and_then(|group| group["id"].as_str()) {
        Some(id) => id.to_owned(),
        None => {
            let group = json!({"schemas": [GROUP], "displayName": name, "members": []});
            body::created(
                wire.send(Ask::new(format!("pushes group {name}"), "POST", "/Groups", Some(group)), observer)
                    .await?,
            )?
        }
    };
    memory.groups.insert(handle, KnownGroup { id, name: name.to_owned(), members: Vec::new() });
    Ok(())
}

async fn join(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    group: GroupHandle,
    person: PersonHandle,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let known = memory.person(person)?;
    memory.group_mut(group)?.members.push(person);
    let group = memory.group(group)?;
    let what = format!("puts {} into {}", known.person.display_name(), group.name);
    match dialect {
        Dialect::Oin => {
            let ask = Ask::new(
                what,
                "PATCH",
                format!("/Groups/{}", group.id),
                Some(patch(&[push(&group), add_member(&known)])),
            );
            body::updated_group(wire.send(ask, observer).await?, &group.id)
        }
        Dialect::Aiw => put_group(wire, memory, &group, what, observer).await,
    }
}

async fn part(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    group: GroupHandle,
    person: PersonHandle,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let known = memory.person(person)?;
    memory.group_mut(group)?.members.retain(|m| *m != person);
    let group = memory.group(group)?;
    let what = format!("takes {} out of {}", known.person.display_name(), group.name);
    match dialect {
        Dialect::Oin => {
            let operations = [push(&group), remove_member(&known)];
            let ask = Ask::new(what, "PATCH", format!("/Groups/{}", group.id), Some(patch(&operations)));
            body::updated_group(wire.send(ask, observer).await?, &group.id)
        }
        Dialect::Aiw => put_group(wire, memory, &group, what, observer).await,
    }
}

async fn put_group(
    wire: &Wire,
    memory: &Memory,
    group: &KnownGroup,
    what: String,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let mut members = Vec::new();
    for member in &group.members {
        let known = memory.person(*member)?;
        members.push(json!({"value": known.id, "display": known.person.user_name}));
    }
    let body = json!({"schemas": [GROUP], "displayName": group.name, "members": members});
    let ask = Ask::new(what, "PUT", format!("/Groups/{}", group.id), Some(body));
    body::updated_group(wire.send(ask, observer).await?, &group.id)
}

async fn set_active(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    handle: PersonHandle,
    active: bool,
    what: String,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let known = memory.person(handle)?;
    match dialect {
        Dialect::Oin => {
            let operation = json!({"op": "replace", "value": {"active": active}});
            let ask = Ask::new(what, "PATCH", format!("/Users/{}", known.id), Some(patch(&[operation])));
            body::updated_user(wire.send(ask, observer).await?, &known.id, Some(active))?;
        }
        Dialect::Aiw => {
            put_profile(wire, &known, what, |profile| profile["active"] = json!(active), observer).await?;
        }
    }
    memory.change(handle, |person| person.active = active);
    Ok(())
}

/// Reads the profile, changes it and puts it back, with `id`, `groups` and `meta` as they came.
async fn put_profile(
    wire: &Wire,
    known: &KnownPerson,
    what: String,
    change: impl FnOnce(&mut Value),
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let path = format!("/Users/{}", known.id);
    let read = Ask::new(format!("reads {}", known.person.display_name()), "GET", path.clone(), None);
    let (answer, mut profile) = wire.send(read, observer).await?.accept(&[200])?;
    if profile["userName"].as_str().is_none() {
        return Err(answer.unusable("returned a user without a userName"));
    }
    change(&mut profile);
    let active = profile["active"].as_bool();
    let answer = wire.send(Ask::new(what, "PUT", path, Some(profile)), observer).await?;
    let (answer, body) = answer.accept(&[200])?;
    if body["id"] != known.id.as_str() {
        return Err(answer.unusable("returned empty user"));
    }
    if active.is_some() && body["active"].as_bool() != active {
        return Err(answer.unusable("active is not what was put"));
    }
    Ok(())
}

fn change_in_words(person: &Person, attribute: &Attribute) -> String {
    let name = person.display_name();
    match attribute {
        Attribute::Title(title) => format!("{name} becomes {title}"),
        Attribute::Department(department) => format!("{name} moves to {department}"),
        Attribute::FamilyName(family) => format!("{name} is now {} {family}", person.given_name),
    }
}

fn change(profile: &mut Value, person: &Person, attribute: &Attribute) {
    match attribute {
        Attribute::Title(title) => profile["title"] = json!(title),
        Attribute::Department(department) => profile[ENTERPRISE]["department"] = json!(department),
        Attribute::FamilyName(family) => {
            profile["name"]["familyName"] = json!(family);
            profile["displayName"] = json!(format!("{} {family}", person.given_name));
        }
    }
}

fn create_user(handle: PersonHandle, person: &Person) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": person.user_name,
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "emails": [{"primary": true, "value": person.user_name, "type": "work"}],
        "displayName": person.display_name(),
        "title": person.title,
        "locale": "en-US",
        "externalId": format!("00u{handle:017}"),
        "groups": [],
        "password": PLACEHOLDER_PASSWORD,
        "active": person.active,
        ENTERPRISE: {"employeeNumber": person.employee_number, "department": person.department},
    })
}

fn patch(operations: &[Value]) -> Value {
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

/// The group's name, without a path, which Okta sends before every change of members.
fn push(group: &KnownGroup) -> Value {
    json!({"op": "replace", "value": {"id": group.id, "displayName": group.name}})
}

fn add_member(known: &KnownPerson) -> Value {
    json!({"op": "add", "path": "members", "value": [{"value": known.id, "display": known.person.user_name}]})
}

fn remove_member(known: &KnownPerson) -> Value {
    json!({"op": "remove", "path": format!("members[value eq \"{}\"]", known.id)})
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::persona::tests::ada;

    #[test]
    fn a_hire_carries_what_okta_sends() {
        assert_snapshot!(serde_json::to_string_pretty(&create_user(7, &ada())).unwrap(), @r#"
        {
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
          ],
          "userName": "ada.okafor@acme.example",
          "name": {
            "givenName": "Ada",
            "familyName": "Okafor"
          },
          "emails": [
            {
              "primary": true,
              "value": "ada.okafor@acme.example",
              "type": "work"
            }
          ],
          "displayName": "Ada Okafor",
          "title": "Engineer",
          "locale": "en-US",
          "externalId": "00u00000000000000007",
          "groups": [],
          "password": "1mz050nq",
          "active": true,
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984",
            "department": "Engineering"
          }
        }
        "#);
    }

    #[test]
    fn a_group_change_begins_with_the_groups_name() {
        let known = KnownPerson { id: "usr_1".to_owned(), person: ada() };
        let group = KnownGroup { id: "grp_1".to_owned(), name: "Engineering".to_owned(), members: vec![] };
        let bodies =
            [patch(&[push(&group), add_member(&known)]), patch(&[push(&group), remove_member(&known)])];
        assert_snapshot!(bodies.map(|b| b.to_string()).join("\n"), @r#"
        {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"id":"grp_1","displayName":"Engineering"}},{"op":"add","path":"members","value":[{"value":"usr_1","display":"ada.okafor@acme.example"}]}]}
        {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"id":"grp_1","displayName":"Engineering"}},{"op":"remove","path":"members[value eq \"usr_1\"]"}]}
        "#);
    }

    #[test]
    fn a_changed_profile_keeps_what_it_was_read_with() {
        let mut profile = json!({"id": "usr_1", "meta": {"version": "W/\"1\""}, "name": {"givenName": "Ada", "familyName": "Okafor"}});
        change(&mut profile, &ada(), &Attribute::FamilyName("Abernathy".to_owned()));
        change(&mut profile, &ada(), &Attribute::Department("Legal".to_owned()));
        assert_snapshot!(profile, @r#"{"id":"usr_1","meta":{"version":"W/\"1\""},"name":{"givenName":"Ada","familyName":"Abernathy"},"displayName":"Ada Abernathy","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Legal"}}"#);
    }
}
