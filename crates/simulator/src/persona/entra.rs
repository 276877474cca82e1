//! Microsoft Entra ID's provisioning service: asks before it creates, updates by PATCH with a path
//! per attribute, writes booleans as text, and makes groups before it fills them. With the
//! `aadOptscim062020` flag it speaks standard SCIM instead: lower-case operations, one path-less
//! replace with dotted and URN keys, members removed by value path.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ENTERPRISE, GROUP, KnownGroup, KnownPerson, Memory, PATCH_OP, USER};
use crate::{
    Attribute, Error, GroupHandle, Observer, Person, PersonHandle, Step, body,
    wire::{Ask, Headers, Wire, eq_filter},
};

/// How Entra ID is set up to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// As it speaks unless told otherwise.
    #[default]
    Default,
    /// With `aadOptscim062020` on the tenant URL.
    Optscim062020,
}

pub(super) const HEADERS: Headers = Headers {
    user_agent: concat!("Rollcall-Simulator/", env!("CARGO_PKG_VERSION"), " (Entra ID)"),
    content_type: "application/scim+json; charset=utf-8",
    accept: "application/scim+json",
    accept_charset: None,
    timeout: Duration::from_secs(30),
};

/// The random name that «Test connection» asks for.
const PROBE: &str = "b3f0a5a2-6a5e-4a2e-9d3f-3f1c1c1e7a10";

pub(super) async fn play(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    step: &Step,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    match step {
        Step::Probe => {
            let path = format!("/Users?filter={}", eq_filter("userName", PROBE));
            let answer = wire.send(Ask::new("tests the connection", "GET", path, None), observer).await?;
            body::list(answer).map(drop)
        }
        Step::Hire(handle, person) => hire(dialect, wire, memory, *handle, person, observer).await,
        Step::MakeGroup(handle, name) => make_group(wire, memory, *handle, name, observer).await,
        Step::Join(group, people) => join(dialect, wire, memory, *group, people, observer).await,
        Step::Move(person, from, to) => {
            let (known, left) = (memory.person(*person)?, memory.group(*from)?);
            let what = format!("takes {} out of {}", known.person.display_name(), left.name);
            let path = format!("/Groups/{}", left.id);
            let ask = Ask::new(what, "PATCH", path, Some(remove_member(dialect, &known.id)));
            body::updated_group(wire.send(ask, observer).await?, &left.id)?;
            memory.group_mut(*from)?.members.retain(|m| m != person);
            join(dialect, wire, memory, *to, &[*person], observer).await
        }
        Step::Change(handle, attribute) => {
            let known = memory.person(*handle)?;
            let (what, operations) = change(&known.person, attribute);
            patch_user(dialect, wire, &known, what, operations, None, observer).await?;
            memory.change(*handle, |person| apply(person, attribute));
            Ok(())
        }
        Step::Repeat(handle) => {
            let known = memory.person(*handle)?;
            let what = format!("sends {}'s title again, unchanged", known.person.display_name());
            let operations = vec![("title".to_owned(), json!(known.person.title))];
            patch_user(dialect, wire, &known, what, operations, None, observer).await
        }
        Step::Manage(handle, manager) => {
            let (known, manager) = (memory.person(*handle)?, memory.person(*manager)?);
            let what =
                format!("{} now reports to {}", known.person.display_name(), manager.person.display_name());
            let ask = Ask::new(
                what,
                "PATCH",
                format!("/Users/{}", known.id),
                Some(add_manager(dialect, &manager.id)),
            );
            body::updated_user(wire.send(ask, observer).await?, &known.id, None).map(drop)
        }
        Step::Deactivate(handle) => {
            let known = memory.person(*handle)?;
            let what = format!("disables {}", known.person.display_name());
            set_active(dialect, wire, &known, false, what, observer).await?;
            memory.change(*handle, |person| person.active = false);
            Ok(())
        }
        Step::Rehire(handle) => {
            let known = memory.person(*handle)?;
            let what = format!("enables {} again", known.person.display_name());
            set_active(dialect, wire, &known, true, what, observer).await?;
            memory.change(*handle, |person| person.active = true);
            Ok(())
        }
        Step::RenameGroup(handle, name) => {
            let group = memory.group(*handle)?;
            let what = format!("renames {} to {name}", group.name);
            let operations = vec![("displayName".to_owned(), json!(name))];
            let ask =
                Ask::new(what, "PATCH", format!("/Groups/{}", group.id), Some(replace(dialect, operations)));
            body::updated_group(wire.send(ask, observer).await?, &group.id)?;
            memory.group_mut(*handle)?.name.clone_from(name);
            Ok(())
        }
        Step::Leave(handle) => leave(dialect, wire, memory, *handle, observer).await,
    }
}

async fn hire(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    handle: PersonHandle,
    person: &Person,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let path = format!("/Users?filter={}", eq_filter("userName", &person.user_name));
    let ask = Ask::new(format!("is {} there already?", person.display_name()), "GET", path, None);
    let found = body::list(wire.send(ask, observer).await?)?;
    let existing = found.first().and_then(|user| user["id"].as_str());
    let id = match existing {
        Some(id) => {
            let known = KnownPerson { id: id.to_owned(), person: person.clone() };
            let what = format!("matches {}", person.display_name());
            set_active(dialect, wire, &known, person.active, what, observer).await?;
            known.id
        }
        None => {
            let ask = Ask::new(
                format!("hires {}", person.display_name()),
                "POST",
                "/Users",
                Some(create_user(person)),
            );
            body::created(wire.send(ask, observer).await?)?
        }
    };
    memory.learn(handle, id, person.clone());
    Ok(())
}

async fn make_group(
    wire: &Wire,
    memory: &mut Memory,
    handle: GroupHandle,
    name: &str,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let path = format!("/Groups?excludedAttributes=members&filter={}", eq_filter("displayName", name));
    let found = body::list(
        wire.send(Ask::new(format!("is group {name} there already?"), "GET", path, None), observer).await?,
    )?;
    let id = match found.first().and_then(|group| group["id"].as_str()) {
        Some(id) => id.to_owned(),
        None => {
            let ask =
                Ask::new(format!("makes group {name}"), "POST", "/Groups", Some(create_group(handle, name)));
            body::created(wire.send(ask, observer).await?)?
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
    people: &[PersonHandle],
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let known = memory.group(group)?;
    let mut ids = Vec::new();
    for person in people {
        ids.push(memory.person(*person)?.id);
    }
    let what = match people {
        [one] => format!("puts {} into {}", memory.person(*one)?.person.display_name(), known.name),
        many => format!("puts {} people into {}", many.len(), known.name),
    };
    let ask = Ask::new(what, "PATCH", format!("/Groups/{}", known.id), Some(add_members(dialect, &ids)));
    body::updated_group(wire.send(ask, observer).await?, &known.id)?;
    memory.group_mut(group)?.members.extend(people);
    Ok(())
}

/// Leaving is two writes: the account is disabled at once and removed for good later.
async fn leave(
    dialect: Dialect,
    wire: &Wire,
    memory: &mut Memory,
    handle: PersonHandle,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let known = memory.person(handle)?;
    let name = known.person.display_name();
    set_active(dialect, wire, &known, false, format!("{name} leaves: disables the account"), observer)
        .await?;
    let ask = Ask::new(
        format!("{name} has left: deletes the account"),
        "DELETE",
        format!("/Users/{}", known.id),
        None,
    );
    let answer = wire.send(ask, observer).await?;
    answer.accept(&[204, 200])?;
    memory.people.remove(&handle);
    for group in memory.groups.values_mut() {
        group.members.retain(|m| *m != handle);
    }
    Ok(())
}

async fn set_active(
    dialect: Dialect,
    wire: &Wire,
    known: &KnownPerson,
    active: bool,
    what: String,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let value = match dialect {
        Dialect::Default => json!(if active { "True" } else { "False" }),
        Dialect::Optscim062020 => json!(active),
    };
    patch_user(dialect, wire, known, what, vec![("active".to_owned(), value)], Some(active), observer).await
}

async fn patch_user(
    dialect: Dialect,
    wire: &Wire,
    known: &KnownPerson,
    what: String,
    operations: Vec<(String, Value)>,
    active: Option<bool>,
    observer: &mut impl Observer,
) -> Result<(), Error> {
    let ask = Ask::new(what, "PATCH", format!("/Users/{}", known.id), Some(replace(dialect, operations)));
    body::updated_user(wire.send(ask, observer).await?, &known.id, active).map(drop)
}

/// What changes, in words and as (path, value).
fn change(person: &Person, attribute: &Attribute) -> (String, Vec<(String, Value)>) {
    let name = person.display_name();
    match attribute {
        Attribute::Title(title) => {
            (format!("{name} becomes {title}"), vec![("title".to_owned(), json!(title))])
        }
        Attribute::Department(department) => (
            format!("{name} moves to {department}"),
            vec![(format!("{ENTERPRISE}:department"), json!(department))],
        ),
        Attribute::FamilyName(family) => (
            format!("{name} is now {} {family}", person.given_name),
            vec![
                ("displayName".to_owned(), json!(format!("{} {family}", person.given_name))),
                ("name.familyName".to_owned(), json!(family)),
            ],
        ),
    }
}

pub(super) fn apply(person: &mut Person, attribute: &Attribute) {
    match attribute {
        Attribute::Title(title) => person.title.clone_from(title),
        Attribute::Department(department) => person.department.clone_from(department),
        Attribute::FamilyName(family) => person.family_name.clone_from(family),
    }
}

fn create_user(person: &Person) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": person.object_id.to_string(),
        "userName": person.user_name,
        "active": person.active,
        "displayName": person.display_name(),
        "title": person.title,
        "emails": [{"primary": true, "type": "work", "value": person.user_name}],
        "meta": {"resourceType": "User"},
        "name": {
            "formatted": person.display_name(),
            "familyName": person.family_name,
            "givenName": person.given_name,
        },
        ENTERPRISE: {"employeeNumber": person.employee_number, "department": person.department},
        "roles": [],
    })
}

fn create_group(handle: GroupHandle, name: &str) -> Value {
    json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": format!("8aa1a0c0-c4c3-4bc0-b4a5-{handle:012x}"),
        "displayName": name,
        "meta": {"resourceType": "Group"},
    })
}

fn replace(dialect: Dialect, operations: Vec<(String, Value)>) -> Value {
    let operations: Vec<Value> = match dialect {
        Dialect::Default => operations
            .into_iter()
            .map(|(path, value)| json!({"op": "Replace", "path": path, "value": value}))
            .collect(),
        Dialect::Optscim062020 => {
            // One attribute goes with its path; several go together as keys of one value.
            let mut operations = operations;
            match (operations.pop(), operations.is_empty()) {
                (Some((path, value)), true) => vec![json!({"op": "replace", "path": path, "value": value})],
                (last, _) => {
                    let value: Map<String, Value> = operations.into_iter().chain(last).collect();
                    vec![json!({"op": "replace", "value": value})]
                }
            }
        }
    };
    json!({"schemas": [PATCH_OP], "Operations": operations})
}

fn add_members(dialect: Dialect, ids: &[String]) -> Value {
    let (op, members): (&str, Vec<Value>) = match dialect {
        Dialect::Default => ("Add", ids.iter().map(|id| json!({"$ref": null, "value": id})).collect()),
        Dialect::Optscim062020 => ("add", ids.iter().map(|id| json!({"value": id})).collect()),
    };
    json!({"schemas": [PATCH_OP], "Operations": [{"op": op, "path": "members", "value": members}]})
}

fn remove_member(dialect: Dialect, id: &str) -> Value {
    let operation = match dialect {
        Dialect::Default => {
            json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id}]})
        }
        Dialect::Optscim062020 => json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")}),
    };
    json!({"schemas": [PATCH_OP], "Operations": [operation]})
}

fn add_manager(dialect: Dialect, manager: &str) -> Value {
    let op = match dialect {
        Dialect::Default => "Add",
        Dialect::Optscim062020 => "add",
    };
    json!({"schemas": [PATCH_OP], "Operations": [{"op": op, "path": format!("{ENTERPRISE}:manager"), "value": manager}]})
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::persona::tests::ada;

    #[test]
    fn a_hire_carries_what_entra_sends() {
        assert_snapshot!(serde_json::to_string_pretty(&create_user(&ada())).unwrap(), @r#"
        {
          "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
          ],
          "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
          "userName": "ada.okafor@acme.example",
          "active": true,
          "displayName": "Ada Okafor",
          "title": "Engineer",
          "emails": [
            {
              "primary": true,
              "type": "work",
              "value": "ada.okafor@acme.example"
            }
          ],
          "meta": {
            "resourceType": "User"
          },
          "name": {
            "formatted": "Ada Okafor",
            "familyName": "Okafor",
            "givenName": "Ada"
          },
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "employeeNumber": "701984",
            "department": "Engineering"
          },
          "roles": []
        }
        "#);
    }

    #[test]
    fn both_dialects_say_the_same_in_their_own_way() {
        let (_, marriage) = change(&ada(), &Attribute::FamilyName("Abernathy".to_owned()));
        let bodies = [Dialect::Default, Dialect::Optscim062020].map(|dialect| {
            [
                replace(dialect, marriage.clone()).to_string(),
                replace(dialect, vec![("title".to_owned(), json!("Counsel"))]).to_string(),
                add_members(dialect, &["usr_1".to_owned(), "usr_2".to_owned()]).to_string(),
                remove_member(dialect, "usr_1").to_string(),
                add_manager(dialect, "usr_2").to_string(),
            ]
            .join("\n")
            .replace(&format!("\"schemas\":[\"{PATCH_OP}\"],"), "")
        });
        assert_snapshot!(bodies.join("\n\n"), @r#"
        {"Operations":[{"op":"Replace","path":"displayName","value":"Ada Abernathy"},{"op":"Replace","path":"name.familyName","value":"Abernathy"}]}
        {"Operations":[{"op":"Replace","path":"title","value":"Counsel"}]}
        {"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"usr_1"},{"$ref":null,"value":"usr_2"}]}]}
        {"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"usr_1"}]}]}
        {"Operations":[{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"usr_2"}]}

        {"Operations":[{"op":"replace","value":{"displayName":"Ada Abernathy","name.familyName":"Abernathy"}}]}
        {"Operations":[{"op":"replace","path":"title","value":"Counsel"}]}
        {"Operations":[{"op":"add","path":"members","value":[{"value":"usr_1"},{"value":"usr_2"}]}]}
        {"Operations":[{"op":"remove","path":"members[value eq \"usr_1\"]"}]}
        {"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"usr_2"}]}
        "#);
    }
}
