//! A whole user, and single attributes of one, as a product's style has them.

use serde_json::{Map, Value, json};

use crate::{
    Attribute, Person,
    style::{ExternalId, Field, UserStyle},
};

/// A person as the product knows it now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) number: usize,
    pub(crate) person: Person,
    pub(crate) active: bool,
    pub(crate) manager: Manager,
}

/// Who the product thinks the manager is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Manager {
    Nobody,
    /// This id of the server's.
    Is(String),
    /// Somebody who has left, or whom an earlier run named: nothing is sent or expected.
    Unknown,
}

impl Account {
    fn external_id(&self, kind: ExternalId) -> String {
        match kind {
            ExternalId::ObjectId => self.person.object_id.to_string(),
            ExternalId::Okta => format!("00u{:017}", self.number),
            ExternalId::Hex24 => self.person.object_id.simple().to_string().chars().take(24).collect(),
        }
    }

    /// The name and value of a field of a whole user.
    pub(crate) fn field(&self, field: Field) -> (&'static str, Value) {
        let Self { person, .. } = self;
        match field {
            Field::ExternalId(kind) => ("externalId", json!(self.external_id(kind))),
            Field::UserName => ("userName", json!(person.user_name)),
            Field::Active => ("active", json!(self.active)),
            Field::DisplayName => ("displayName", json!(person.display_name())),
            Field::Title => ("title", json!(person.title)),
            Field::Name => {
                ("name", json!({"givenName": person.given_name, "familyName": person.family_name}))
            }
            Field::NameFormatted => (
                "name",
                json!({
                    "formatted": person.display_name(),
                    "familyName": person.family_name,
                    "givenName": person.given_name,
                }),
            ),
            Field::Emails => {
                ("emails", json!([{"primary": true, "type": "work", "value": person.user_name}]))
            }
            Field::EmailsUntyped => ("emails", json!([{"value": person.user_name, "primary": true}])),
            Field::Enterprise(urn) => {
                let mut extension =
                    json!({"employeeNumber": person.employee_number, "department": person.department});
                if let Manager::Is(manager) = &self.manager {
                    extension["manager"] = json!({"value": manager});
                }
                (urn, extension)
            }
            Field::Address => ("addresses", json!([with_type(Target::WorkAddress.value(self))])),
            Field::Meta => ("meta", json!({"resourceType": "User"})),
            Field::Nothing(name) => (name, json!([])),
            Field::Text(name, text) => (name, json!(text)),
        }
    }
}

/// The parts of a work address, with its type.
fn with_type(mut parts: Value) -> Value {
    parts["type"] = json!("work");
    parts
}

/// The user whole, as for a create or a PUT.
pub(crate) fn whole(style: &UserStyle, account: &Account) -> Value {
    let mut user = Map::new();
    user.insert("schemas".to_owned(), json!(style.schemas));
    for field in style.fields {
        if *field == Field::Address && account.person.address.is_none() {
            continue;
        }
        let (name, value) = account.field(*field);
        user.insert(name.to_owned(), value);
    }
    Value::Object(user)
}

/// One value of a user that can change by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Active,
    UserName,
    WorkEmail,
    /// The parts together.
    WorkAddress,
    DisplayName,
    Formatted,
    GivenName,
    FamilyName,
    Title,
    Department,
    EmployeeNumber,
    ExternalId(ExternalId),
}

impl Target {
    /// Its value now.
    pub(crate) fn value(self, account: &Account) -> Value {
        let person = &account.person;
        match self {
            Self::Active => json!(account.active),
            Self::UserName | Self::WorkEmail => json!(person.user_name),
            Self::WorkAddress => person.address.as_ref().map_or(Value::Null, |address| {
                json!({
                    "streetAddress": address.street_address,
                    "locality": address.locality,
                    "region": address.region,
                    "postalCode": address.postal_code,
                    "country": address.country,
                })
            }),
            Self::DisplayName | Self::Formatted => json!(person.display_name()),
            Self::GivenName => json!(person.given_name),
            Self::FamilyName => json!(person.family_name),
            Self::Title => json!(person.title),
            Self::Department => json!(person.department),
            Self::EmployeeNumber => json!(person.employee_number),
            Self::ExternalId(kind) => json!(account.external_id(kind)),
        }
    }
}

/// The values in a field; none where it never changes.
fn targets_in(field: Field) -> &'static [Target] {
    match field {
        Field::ExternalId(ExternalId::ObjectId) => &[Target::ExternalId(ExternalId::ObjectId)],
        Field::ExternalId(ExternalId::Okta) => &[Target::ExternalId(ExternalId::Okta)],
        Field::ExternalId(ExternalId::Hex24) => &[Target::ExternalId(ExternalId::Hex24)],
        Field::UserName => &[Target::UserName],
        Field::Active => &[Target::Active],
        Field::DisplayName => &[Target::DisplayName],
        Field::Title => &[Target::Title],
        Field::Name => &[Target::GivenName, Target::FamilyName],
        Field::NameFormatted => &[Target::Formatted, Target::FamilyName, Target::GivenName],
        Field::Emails | Field::EmailsUntyped => &[Target::WorkEmail],
        Field::Address => &[Target::WorkAddress],
        Field::Enterprise(_) => &[Target::EmployeeNumber, Target::Department],
        Field::Meta | Field::Nothing(_) | Field::Text(..) => &[],
    }
}

/// Everything that the product knows of a user, value by value.
pub(crate) fn all_targets(style: &UserStyle) -> Vec<Target> {
    style.fields.iter().flat_map(|field| targets_in(*field)).copied().collect()
}

/// The values that a change touches, as far as the product sends them.
pub(crate) fn targets_of(style: &UserStyle, attribute: &Attribute) -> Vec<Target> {
    let touched: &[Target] = match attribute {
        Attribute::Title(_) => &[Target::Title],
        Attribute::Department(_) => &[Target::Department],
        Attribute::FamilyName(_) => &[Target::DisplayName, Target::Formatted, Target::FamilyName],
        Attribute::UserName(_) => &[Target::UserName, Target::WorkEmail],
        Attribute::Address(_) => &[Target::WorkAddress],
    };
    let sent = all_targets(style);
    touched.iter().copied().filter(|target| sent.contains(target)).collect()
}

/// Puts a value into a user that was read.
pub(crate) fn set(user: &mut Value, target: Target, value: Value, enterprise: &str) {
    match target {
        Target::Active => user["active"] = value,
        Target::UserName => user["userName"] = value,
        Target::DisplayName => user["displayName"] = value,
        Target::Title => user["title"] = value,
        Target::ExternalId(_) => user["externalId"] = value,
        Target::Formatted => user["name"]["formatted"] = value,
        Target::GivenName => user["name"]["givenName"] = value,
        Target::FamilyName => user["name"]["familyName"] = value,
        Target::Department => user[enterprise]["department"] = value,
        Target::EmployeeNumber => user[enterprise]["employeeNumber"] = value,
        Target::WorkAddress => user["addresses"] = json!([with_type(value)]),
        Target::WorkEmail => {
            let emails = user["emails"].as_array_mut();
            match emails.and_then(|emails| emails.iter_mut().find(|email| email["type"] == "work")) {
                Some(work) => work["value"] = value,
                None => user["emails"] = json!([{"primary": true, "type": "work", "value": value}]),
            }
        }
    }
}
