//! What the target should hold, compared with what it says that it holds. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    memory::KnownGroup,
    schema::ENTERPRISE,
    style::{Field, UserStyle},
    write::user::{Account, Manager},
};

/// Where a user that was read differs from what was sent; empty if nowhere.
pub(crate) fn differences(style: &UserStyle, account: &Account, user: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |path: &str, sent: &Value, held: &Value| {
        if sent != held {
            found.push(format!("{path} was sent as {sent} and is {held}"));
        }
    };
    for field in style.fields {
        let (name, sent) = account.field(*field);
        match field {
            // Never returned, read-only, or only a wrapping.
            Field::Meta | Field::Nothing(_) | Field::Text("password", _) => {}
            Field::Name | Field::NameFormatted => {
                for (part, sent) in sent.as_object().into_iter().flatten() {
                    compare(&format!("name.{part}"), sent, &user["name"][part]);
                }
            }
            Field::Emails | Field::EmailsUntyped => {
                for email in sent.as_array().into_iter().flatten() {
                    let held = user["emails"].as_array().into_iter().flatten();
                    let same = held.clone().find(|held| held["value"] == email["value"]);
                    match same.or(held.clone().next()) {
                        Some(held) => {
                            for (part, sent) in email.as_object().into_iter().flatten() {
                                compare(&format!("emails.{part}"), sent, &held[part]);
                            }
                        }
                        None => compare("emails", &sent, &user["emails"]),
                    }
                }
            }
            Field::Address if account.person.address.is_none() => {}
            Field::Address => {
                for (part, sent) in sent[0].as_object().into_iter().flatten() {
                    compare(&format!("addresses.{part}"), sent, &user["addresses"][0][part]);
                }
                let count = user["addresses"].as_array().map_or(0, Vec::len);
                compare("the number of addresses", &json!(1), &json!(count));
            }
            Field::Enterprise(_) => {
                if account.manager == Manager::Nobody {
                    compare("manager", &Value::Null, &user[ENTERPRISE]["manager"]);
                }
                for (part, sent) in sent.as_object().into_iter().flatten() {
                    let held = &user[ENTERPRISE][part];
                    match part.as_str() {
                        "manager" => compare("manager.value", &sent["value"], &held["value"]),
                        _ => compare(part, sent, held),
                    }
                }
            }
            _ => compare(name, &sent, &user[name]),
        }
    }
    found
}

/// Where a group that was read differs; `members` are the ids that it should have. Whether it still
/// has those of `deleted` is another question.
pub(crate) fn group_differences(
    sent: &KnownGroup,
    members: &BTreeSet<String>,
    deleted: &BTreeSet<String>,
    group: &Value,
) -> Vec<String> {
    let mut found = Vec::new();
    if group["displayName"] != sent.name.as_str() {
        found.push(format!("displayName was sent as {:?} and is {}", sent.name, group["displayName"]));
    }
    found.extend(set_difference("members", members, &(&values(&group["members"]) - deleted)));
    found
}

/// How two sets of ids differ.
pub(crate) fn set_difference(what: &str, sent: &BTreeSet<String>, held: &BTreeSet<String>) -> Option<String> {
    let missing: Vec<_> = sent.difference(held).collect();
    let extra: Vec<_> = held.difference(sent).collect();
    let named = |ids: &[&String]| ids.iter().take(3).map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    match (missing.as_slice(), extra.as_slice()) {
        ([], []) => None,
        (missing, []) => Some(format!("{what}: {} missing, such as {}", missing.len(), named(missing))),
        ([], extra) => Some(format!("{what}: {} too many, such as {}", extra.len(), named(extra))),
        (missing, extra) => Some(format!(
            "{what}: {} missing, such as {}, and {} too many, such as {}",
            missing.len(),
            named(missing),
            extra.len(),
            named(extra)
        )),
    }
}

/// The `value` of each element.
pub(crate) fn values(list: &Value) -> BTreeSet<String> {
    let elements = list.as_array().into_iter().flatten();
    elements.filter_map(|element| Some(element["value"].as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{People, Provider, write::user::whole};

    #[test]
    fn what_was_sent_reads_back_and_each_change_is_seen() {
        for provider in Provider::ALL {
            let style = &provider.style().user;
            let account = Account {
                number: 3,
                person: People::new(1, "acme.example").get(3),
                active: true,
                manager: Manager::Is("usr_1".to_owned()),
            };
            let mut user = whole(style, &account);
            if let Some(urn) = style.enterprise() {
                user[ENTERPRISE] = user[urn].clone();
            }
            assert_eq!(differences(style, &account, &user), Vec::<String>::new(), "{provider}");
            for (path, value) in [
                ("/userName", json!("other")),
                ("/name/familyName", json!(" Okafor")),
                ("/emails/0/value", json!("OTHER@acme.example")),
                ("/emails/0/primary", json!(false)),
                ("/active", json!("True")),
            ] {
                let mut other = user.clone();
                *other.pointer_mut(path).unwrap() = value;
                assert_eq!(differences(style, &account, &other).len(), 1, "{provider} {path}");
            }
            if style.enterprise().is_some() {
                user[ENTERPRISE]["manager"] = json!({"value": "usr_2"});
                assert_eq!(
                    differences(style, &account, &user),
                    ["manager.value was sent as \"usr_1\" and is \"usr_2\""]
                );
            }
        }
    }

    #[test]
    fn members_are_compared_as_a_set() {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let sent = KnownGroup { id: "g".to_owned(), name: "Sales".to_owned(), members: BTreeSet::new() };
        let held = |name: &str, ids: &[&str]| {
            let members: Vec<_> = ids.iter().map(|id| json!({"value": id})).collect();
            json!({"displayName": name, "members": members})
        };
        let members = set(&["a", "b"]);
        assert_eq!(
            group_differences(&sent, &members, &set(&["c"]), &held("Sales", &["b", "a", "c"])),
            Vec::<String>::new()
        );
        assert_eq!(
            group_differences(&sent, &members, &set(&[]), &held("sales", &["b", "c"])),
            [
                "displayName was sent as \"Sales\" and is \"sales\"",
                "members: 1 missing, such as a, and 1 too many, such as c"
            ]
        );
        let none = json!({"displayName": "Sales"});
        assert_eq!(
            group_differences(&sent, &members, &set(&[]), &none),
            ["members: 2 missing, such as a, b"]
        );
        assert_eq!(group_differences(&sent, &set(&[]), &set(&[]), &none), Vec::<String>::new());
    }
}
