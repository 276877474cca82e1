//! A user as applications see it.

use jiff::Timestamp;
use rollcall_scim::{document::Document, schema::ENTERPRISE_USER};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Nothing, boolean, elements, given, text};
use crate::{
    ids::UserId,
    record::{GroupRef, Referent, UserRecord, UserSummary},
    timestamp,
};

/// SCIM `name`. A part that the provider did not send is absent.
#[derive(Debug, Serialize)]
pub struct Name<'a> {
    /// The full name as it is to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<&'a str>,
    /// SCIM `familyName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<&'a str>,
    /// SCIM `givenName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<&'a str>,
    /// SCIM `middleName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<&'a str>,
    /// SCIM `honorificPrefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honorific_prefix: Option<&'a str>,
    /// SCIM `honorificSuffix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honorific_suffix: Option<&'a str>,
}

/// An e-mail address or a telephone number.
#[derive(Debug, Serialize)]
pub struct Contact<'a> {
    /// The address or the number, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<&'a str>,
    /// Such as `work`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
    /// Whether it is the preferred one; absent if the provider did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<&'a str>,
}

/// A postal address.
#[derive(Debug, Serialize)]
pub struct Address<'a> {
    /// The whole address in lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formatted: Option<&'a str>,
    /// SCIM `streetAddress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street_address: Option<&'a str>,
    /// City or locality.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<&'a str>,
    /// State or region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'a str>,
    /// SCIM `postalCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<&'a str>,
    /// ISO 3166-1 alpha-2, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    /// Such as `work`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
    /// Whether it is the preferred one; absent if the provider did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// A user's manager. Where the id names nobody in the directory, it is as the provider sent it, and
/// nothing else is known.
#[derive(Debug, Serialize)]
pub struct Manager<'a> {
    /// `usr_…`, or what the provider sent.
    pub id: &'a str,
    /// The manager's own `external_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    /// The manager's own `display_name`, else the user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
}

/// The normalized user. Field for field the SCIM attribute of the like name, unless said otherwise.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the SCIM attributes' in snake case")]
pub struct UserProjection<'a> {
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<&'a str>,
    pub user_name: &'a str,
    /// The one address to write to: the primary one, else the first of type `work`, else the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<Contact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phone_numbers: Vec<Contact<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Address<'a>>,
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nick_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<&'a str>,
    /// Of the enterprise extension (RFC 7643 §4.3), like the next five.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub division: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<Manager<'a>>,
    /// The groups that it is a direct member of. `None` leaves the field out, for comparing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<&'a [GroupRef]>,
    /// Names of roles, sorted, each once.
    pub roles: Vec<String>,
    pub permissions: Nothing,
    /// Attributes that the directory maps to names of the application's choice; none yet.
    pub custom_attributes: Map<String, Value>,
    /// The SCIM resource as stored. `None` leaves the field out, for comparing.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    pub raw: Option<&'a Document>,
    /// `meta.created`. `None` leaves the field out, for comparing.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    pub created_at: Option<Timestamp>,
    /// `meta.lastModified`. `None` leaves the field out, for comparing.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::serialize_option")]
    pub updated_at: Option<Timestamp>,
}

/// The resource as SCIM shows it: an `active` that was unassigned is absent.
fn shown<S: serde::Serializer>(raw: &Option<&Document>, serializer: S) -> Result<S::Ok, S::Error> {
    match raw {
        Some(document) if document.get("active").is_some_and(Value::is_null) => {
            Document::clone(document).into_map().serialize(serializer)
        }
        other => other.serialize(serializer),
    }
}

impl<'a> UserProjection<'a> {
    /// The user as events and `/v1` show it. `manager` is whom the user's stored manager names, if anybody.
    pub fn new(user: &'a UserRecord, manager: Option<&'a Referent>) -> Self {
        Self {
            groups: Some(&user.groups),
            raw: Some(&user.document),
            created_at: Some(user.created_at),
            updated_at: Some(user.updated_at),
            ..Self::of_attributes(&user.id, &user.document, manager, |_| true)
        }
    }

    /// Only the fields that show one of the `wanted` top-level SCIM attributes, and those that are always
    /// there; without `groups`, `raw` and the times. Two of these are compared to find the changes.
    pub(crate) fn of_attributes(
        id: &'a UserId,
        document: &'a Document,
        manager: Option<&'a Referent>,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let get = |name: &str| document.get(name).filter(|_| wanted(name));
        let top = |name: &str| given(get(name).and_then(Value::as_str));
        let enterprise = get(ENTERPRISE_USER).and_then(Value::as_object);
        let extended = |name: &str| enterprise.and_then(|extension| text(extension, name));
        Self {
            id: id.as_str(),
            external_id: top("externalId"),
            user_name: document.user_name().unwrap_or_default(),
            email: get("emails").and_then(|_| document.primary_email()),
            emails: contacts(get("emails")),
            phone_numbers: contacts(get("phoneNumbers")),
            addresses: addresses(get("addresses")),
            active: document.active(),
            name: get("name").and_then(Value::as_object).map(name),
            display_name: top("displayName"),
            nick_name: top("nickName"),
            profile_url: top("profileUrl"),
            title: top("title"),
            user_type: top("userType"),
            preferred_language: top("preferredLanguage"),
            locale: top("locale"),
            timezone: top("timezone"),
            employee_number: extended("employeeNumber"),
            cost_center: extended("costCenter"),
            organization: extended("organization"),
            division: extended("division"),
            department: extended("department"),
            manager: enterprise
                .and_then(|_| given(document.manager_value()))
                .map(|id| self::manager(id, manager)),
            groups: None,
            roles: roles(get("roles")),
            permissions: [],
            custom_attributes: Map::new(),
            raw: None,
            created_at: None,
            updated_at: None,
        }
    }
}

/// The user as `/v1` shows it; the same as the `data` of its events. `manager` is whom the id in
/// `document.manager_value()` names in the directory, if anybody.
pub fn user_projection(user: &UserRecord, manager: Option<&Referent>) -> Value {
    super::to_value(&UserProjection::new(user, manager))
}

/// What membership events and managers need to know of a user.
pub fn user_summary(user: &UserRecord) -> UserSummary {
    UserSummary {
        id: user.id.clone(),
        external_id: given(user.document.external_id()).map(str::to_owned),
        user_name: user.document.user_name().unwrap_or_default().to_owned(),
        email: user.document.primary_email().map(str::to_owned),
        display_name: given(user.document.display_name()).map(str::to_owned),
        active: user.document.active(),
        version: user.version,
        event_version: user.event_version,
    }
}

fn name(parts: &Map<String, Value>) -> Name<'_> {
    Name {
        formatted: text(parts, "formatted"),
        family_name: text(parts, "familyName"),
        given_name: text(parts, "givenName"),
        middle_name: text(parts, "middleName"),
        honorific_prefix: text(parts, "honorificPrefix"),
        honorific_suffix: text(parts, "honorificSuffix"),
    }
}

fn contacts(value: Option<&Value>) -> Vec<Contact<'_>> {
    elements(value)
        .map(|contact| Contact {
            value: text(contact, "value"),
            kind: text(contact, "type"),
            primary: boolean(contact, "primary"),
            display: text(contact, "display"),
        })
        .collect()
}

fn addresses(value: Option<&Value>) -> Vec<Address<'_>> {
    elements(value)
        .map(|address| Address {
            formatted: text(address, "formatted"),
            street_address: text(address, "streetAddress"),
            locality: text(address, "locality"),
            region: text(address, "region"),
            postal_code: text(address, "postalCode"),
            country: text(address, "country"),
            kind: text(address, "type"),
            primary: boolean(address, "primary"),
        })
        .collect()
}

fn manager<'a>(id: &'a str, referent: Option<&'a Referent>) -> Manager<'a> {
    match referent {
        Some(Referent::User(user)) => Manager {
            id,
            external_id: user.external_id.as_deref(),
            display_name: user.display_name.as_deref().or(Some(&user.user_name)),
        },
        _ => Manager { id, external_id: None, display_name: None },
    }
}

/// Entra ID sends each app role as a JSON object in a string, other providers the bare name.
fn roles(value: Option<&Value>) -> Vec<String> {
    let mut names: Vec<String> =
        elements(value).filter_map(|role| text(role, "value")).map(role_name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn role_name(value: &str) -> String {
    if value.starts_with('{')
        && let Ok(Value::Object(role)) = serde_json::from_str(value)
        && let Some(name) = text(&role, "value")
    {
        return name.to_owned();
    }
    value.to_owned()
}

/// Which fields of the projection show a SCIM attribute, given with its URN if it is an extension's.
pub(crate) fn shown_by(urn: Option<&str>, attribute: &str) -> &'static [&'static str] {
    match (urn, attribute) {
        (None, "externalId") => &["external_id"],
        (None, "userName") => &["user_name"],
        (None, "emails") => &["emails", "email"],
        (None, "phoneNumbers") => &["phone_numbers"],
        (None, "addresses") => &["addresses"],
        (None, "active") => &["active"],
        (None, "name") => &["name"],
        (None, "displayName") => &["display_name"],
        (None, "nickName") => &["nick_name"],
        (None, "profileUrl") => &["profile_url"],
        (None, "title") => &["title"],
        (None, "userType") => &["user_type"],
        (None, "preferredLanguage") => &["preferred_language"],
        (None, "locale") => &["locale"],
        (None, "timezone") => &["timezone"],
        (None, "roles") => &["roles"],
        (Some(ENTERPRISE_USER), "employeeNumber") => &["employee_number"],
        (Some(ENTERPRISE_USER), "costCenter") => &["cost_center"],
        (Some(ENTERPRISE_USER), "organization") => &["organization"],
        (Some(ENTERPRISE_USER), "division") => &["division"],
        (Some(ENTERPRISE_USER), "department") => &["department"],
        (Some(ENTERPRISE_USER), "manager") => &["manager"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn projected(attributes: &Value, manager: Option<&Referent>) -> Value {
        user_projection(
            &UserRecord {
                id: UserId::from_uuid(Uuid::from_u128(1)),
                document: Document::from_map(attributes.as_object().cloned().unwrap()),
                version: 3,
                event_version: 2,
                created_at: Timestamp::UNIX_EPOCH,
                updated_at: Timestamp::UNIX_EPOCH,
                groups: Vec::new(),
            },
            manager,
        )
    }

    #[test]
    fn the_least_user_has_nothing_that_is_null() {
        assert_eq!(
            projected(&json!({"userName": "a", "title": "", "externalId": ""}), None),
            json!({
                "id": "usr_00000000000000000000000000000001", "user_name": "a", "active": true,
                "groups": [], "roles": [], "permissions": [], "custom_attributes": {},
                "raw": {"userName": "a", "title": "", "externalId": ""},
                "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z",
            })
        );
    }

    #[test]
    fn roles_are_names_however_they_are_sent() {
        for (roles, names) in [
            (json!([{"value": "b"}, {"value": "a"}, {"value": "b", "type": "x"}]), json!(["a", "b"])),
            (json!([{"value": r#"{"id":"1","value":"admin"}"#}]), json!(["admin"])),
            (
                json!([{"value": "{not json"}, {"value": r#"{"id":"1"}"#}]),
                json!([r#"{"id":"1"}"#, "{not json"]),
            ),
            (json!([{"display": "no value"}]), json!([])),
        ] {
            assert_eq!(projected(&json!({"userName": "a", "roles": roles}), None)["roles"], names);
        }
    }

    #[test]
    fn a_manager_has_the_best_name_there_is() {
        let boss = |display_name: Option<&str>| {
            Referent::User(UserSummary {
                id: UserId::from_uuid(Uuid::from_u128(2)),
                external_id: None,
                user_name: "boss".into(),
                email: None,
                display_name: display_name.map(str::to_owned),
                active: true,
                version: 1,
                event_version: 1,
            })
        };
        for (referent, expected) in [
            (Some(boss(Some("own"))), json!({"id": "m", "display_name": "own"})),
            (Some(boss(None)), json!({"id": "m", "display_name": "boss"})),
            (None, json!({"id": "m"})),
        ] {
            let user = json!({"userName": "a", ENTERPRISE_USER: {"manager": {"value": "m"}}});
            assert_eq!(projected(&user, referent.as_ref())["manager"], expected);
        }
    }
}
