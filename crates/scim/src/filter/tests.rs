//! The grammar, the meaning of each operator, the bounds, and the rules that filters know.

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    compat::Rule,
    error::ScimType,
    schema::{CORE_USER, ENTERPRISE_USER},
};

fn parse(text: &str) -> Result<Filter, ScimError> {
    parse_filter(text, ResourceKind::User, &Rules::default())
}

fn user() -> Map<String, Value> {
    let value = json!({
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "id": "usr_Ab1",
        "externalId": "Ext-1",
        "userName": "Anna.Straße@Example.com",
        "name": {"givenName": "Anna", "familyName": "Straße"},
        "title": "",
        "active": true,
        "emails": [
            {"value": "anna@work.example", "type": "work", "primary": true},
            {"value": "ANNA@home.example", "type": "home"},
        ],
        "groups": [{"value": "grp_1", "display": "Staff"}],
        "meta": {"resourceType": "User", "lastModified": "2026-03-01T12:00:00.5Z", "version": "W/\"3\""},
        ENTERPRISE_USER: {"department": "Sales", "manager": {"value": "usr_Boss"}},
    });
    value.as_object().cloned().unwrap()
}

fn holds(text: &str) -> bool {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).matches(&user())
}

#[test]
fn what_matches() {
    for text in [
        r#"userName eq "anna.STRASSE@example.com""#,
        r#"USERNAME Eq "anna.strasse@example.com""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "anna""#,
        r#"userName co "straSSe" and userName ew ".COM""#,
        r#"id eq "usr_Ab1""#,
        r#"externalId eq "Ext-1""#,
        r#"name.givenName gt "ann" and name.givenName le "ANNA""#,
        "name pr",
        "not (title pr)",
        "title eq null",
        "name.middleName eq null",
        "nickName ne \"x\"",
        "userName ne null",
        "active eq true",
        "active ne false",
        "active eq \"True\"",
        "active eq TRUE",
        r#"emails eq "anna@HOME.example""#,
        r#"emails.value ew "work.example""#,
        r#"emails co "@home""#,
        r#"emails.type eq "work" and emails.value co "@home""#,
        r#"emails[type eq "work" and value co "@work"]"#,
        r#"emails[type eq "WORK"].value eq "Anna@work.example""#,
        r#"emails[primary eq "True"].value pr"#,
        r#"emails[not (type eq "work")]"#,
        r#"emails ne "anna@work.example""#,
        "emails pr",
        r#"groups.value eq "grp_1""#,
        r#"groups eq "grp_1""#,
        r#"manager eq "usr_Boss""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales""#,
        r#"department eq "sales""#,
        r#"schemas eq "URN:ietf:params:scim:schemas:core:2.0:user""#,
        r#"meta.resourceType eq "User""#,
        r#"meta.lastModified gt "2026-03-01T13:00:00+02:00""#,
        r#"meta.lastModified eq "2026-03-01T12:00:00.500Z""#,
        r#"meta.lastModified lt "2026-03-01T12:00:01""#,
        r#"meta.lastModified sw "2026-03""#,
        r#"name[givenName eq "Anna"]"#,
        r#"userName eq "x" or active eq true and id pr"#,
        r#"(userName eq "x" or active eq true) and id pr"#,
        r#"NOT(userName eq "x")AND active eq true"#,
        "\tuserName  pr ",
        r#"emails[value eq"anna@work.example"]"#,
        r#"userName eq "x" or userName eq "y" or id eq "usr_Ab1""#,
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn what_does_not_match() {
    for text in [
        r#"id eq "usr_ab1""#,
        r#"externalId eq "ext-1""#,
        r#"userName eq "anna.strasse@example.com ""#,
        r#"userName eq "x\" or userName pr or \"""#,
        r#"emails[type eq "work" and value co "@home"]"#,
        r#"emails[type eq "other"].value ne "x""#,
        r#"manager eq "usr_boss""#,
        r#"meta.version eq "w/\"3\"""#,
        r#"meta.resourceType eq "user""#,
        r#"userName eq "x" and active eq true or id eq "y""#,
        "title pr",
        "phoneNumbers pr",
        r#"phoneNumbers eq "1""#,
        r#"name.givenName gt "Anna""#,
        "not (active eq true)",
    ] {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn what_is_refused() {
    for text in [
        "",
        " ",
        "userName",
        "userName eq",
        "userName like \"a\"",
        "userName eq a",
        "userName eq 'a'",
        "userName eq 1",
        "userName eq -1.5e3",
        "userName eq true",
        "userName eq \"a\" garbage",
        "userName eq \"a\" and",
        "and userName pr",
        "(userName pr",
        "userName pr)",
        "()",
        "not userName pr",
        "not",
        "emails[type eq \"work\"",
        "emails]",
        "emails[]",
        "emails[emails[type eq \"work\"]]",
        "emails[type eq \"work\"].",
        "emails[type eq \"work\"].nope eq \"x\"",
        "emails[type eq \"work\"].value",
        "emails.value[type eq \"work\"]",
        "userName[value eq \"x\"]",
        "nope eq \"a\"",
        "name.nope eq \"a\"",
        "name eq \"a\"",
        "addresses eq \"a\"",
        "urn:example:User:tag eq \"a\"",
        "urn:ietf:params:scim:schemas:core:2.0:User pr",
        "password eq \"a\"",
        "password pr",
        "active gt true",
        "active co \"t\"",
        "active eq \"yes\"",
        "userName gt null",
        "x509Certificates.value gt \"a\"",
        "meta.lastModified gt \"yesterday\"",
        "userName eq \"\\ud800\"",
        "userName eq \"a",
        "userName = \"a\"",
    ] {
        assert_eq!(
            parse(text).map_err(|error| error.scim_type),
            Err(Some(ScimType::InvalidFilter)),
            "{text}"
        );
    }
    let group = parse_filter("userName pr", ResourceKind::Group, &Rules::default());
    assert_eq!(group.map_err(|error| error.scim_type), Err(Some(ScimType::InvalidFilter)));
}

#[test]
fn what_nobody_holds_is_refused_with_what_to_compare_instead() {
    for (kind, text, instead) in [
        (ResourceKind::User, "meta.location eq \"https://x/Users/1\"", "\"id\""),
        (ResourceKind::User, "meta[location pr]", "\"id\""),
        (ResourceKind::Group, "meta.location ew \"/1\"", "\"id\""),
        (ResourceKind::User, "groups.$ref eq \"https://x/Groups/1\"", "\"groups.value\""),
        (ResourceKind::User, "groups[$REF co \"1\"]", "\"value\""),
        (ResourceKind::User, "groups[value eq \"1\"].$ref pr", "\"value\""),
        (ResourceKind::Group, "members.$ref eq \"https://x/Users/1\"", "\"members.value\""),
        (ResourceKind::Group, "displayName pr or not (members[$ref pr])", "\"value\""),
        (ResourceKind::User, "manager.$ref eq null", "2.0:User:manager.value\""),
        (ResourceKind::User, "manager.displayName eq \"M\"", "2.0:User:manager.value\""),
    ] {
        let error = parse_filter(text, kind, &Rules::default()).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidFilter), "{text}");
        assert!(error.detail.ends_with(&format!("{instead}.")), "{text}: {}", error.detail);
    }
    for text in ["manager.value pr", "displayName pr", "meta pr", "groups pr", "addresses.locality pr"] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

#[test]
fn precedence_and_flat_lists() {
    let printed = |text: &str| parse(text).unwrap().to_string();
    assert_eq!(
        printed("id pr or (title pr and (name pr and active eq TRUE)) or not ( id pr )"),
        "id pr or title pr and name pr and active eq true or not (id pr)"
    );
    assert_eq!(printed("(id pr or title pr) and name pr"), "(id pr or title pr) and name pr");
    assert_eq!(
        printed("emails[type eq \"work\" or type eq \"home\"].value eq \"\\\"\""),
        "emails[(type eq \"work\" or type eq \"home\") and value eq \"\\\"\"]"
    );
    assert_eq!(printed("manager.value eq \"x\""), format!("{ENTERPRISE_USER}:manager.value eq \"x\""));
}

#[test]
fn bounds() {
    let nested = |depth: usize| format!("{}id pr{}", "not (".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(32)).is_ok());
    assert!(parse(&nested(33)).is_err());
    assert!(parse(&"not (".repeat(20_000)).is_err());
    assert!(parse(&"(".repeat(8_000)).is_err());
    // Depth is nesting, not the number of groups.
    assert!(parse(&vec!["(id pr)"; 50].join(" and ")).is_ok());
    let many = |count: usize| vec!["id pr"; count].join(" or ");
    assert!(parse(&many(100)).is_ok());
    assert!(parse(&many(101)).is_err());
    let long = |length: usize| format!("id eq \"{}\"", "x".repeat(length - 8));
    assert!(parse(&long(MAX_LENGTH)).is_ok());
    assert!(parse(&long(MAX_LENGTH + 1)).is_err());
}

/// A filter of 100 kB costs nothing, and one of any allowed length no more than its length: there is no way back in
/// the parser, so no text makes it try twice.
#[test]
fn the_work_is_bounded_by_the_length() {
    let shapes = [
        "not (",
        "(",
        "a and ",
        "emails[",
        "userName eq \"",
        "\\\"",
        "userName pr or ",
        "not(id pr)and ",
        "x:",
        ".",
    ];
    work::taken();
    for shape in shapes {
        for closed in ["", "userName pr", ")"] {
            assert!(parse(&format!("{}{closed}", shape.repeat(100_000 / shape.len()))).is_err());
            assert_eq!(work::taken(), 0, "{shape}");
            let text = format!("{}{closed}", shape.repeat((MAX_LENGTH - closed.len()) / shape.len()));
            let _ = parse(&text);
            let work = work::taken();
            assert!((text.len()..=2 * text.len()).contains(&work), "{shape}: {work} for {}", text.len());
        }
    }
}

#[test]
fn rules_off() {
    for (text, rule) in [
        ("active eq \"True\"", Rule::CoerceBooleanStrings),
        ("active eq True", Rule::CoerceBooleanStrings),
        ("emails[type eq \"work\"].value eq \"x\"", Rule::ValuePathAsFilterLhs),
        ("manager eq \"x\"", Rule::UnqualifiedExtensionAttrs),
        ("urn:scim:schemas:core:1.0:userName pr", Rule::LegacyUrns),
    ] {
        let mut dialect = Dialect::new(&Rules::default());
        Parser::filter(text, ResourceKind::User, None, &mut dialect).unwrap();
        assert_eq!(dialect.applied.iter().collect::<Vec<_>>(), [rule.name()], "{text}");
        let error = parse_filter(text, ResourceKind::User, &Rules::default().without(rule)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::InvalidFilter), "{text}");
    }
}

#[test]
fn hints_are_necessary_conditions_of_the_top_level() {
    use IndexedAttribute::{DisplayName, EmailValue, ExternalId, GroupValue, Id, UserName};
    let hints = |text: &str| equality_hints(&parse(text).unwrap());
    let one = |attribute, key: &str| vec![(attribute, key.to_owned())];
    assert_eq!(hints("userName eq \"Straße\""), one(UserName, "strasse"));
    assert_eq!(hints("externalId eq \"A\""), one(ExternalId, "A"));
    assert_eq!(hints("displayName eq \"A\" and active eq true"), one(DisplayName, "a"));
    assert_eq!(
        hints("id eq \"U\" and (manager eq \"m\" and userName eq \"B\")"),
        [one(Id, "U"), one(UserName, "b")].concat()
    );
    for text in [
        "emails eq \"A@x\"",
        "emails.value eq \"A@x\"",
        "emails[type eq \"work\"].value eq \"A@x\"",
        "emails[type eq \"work\" and value eq \"A@x\"]",
        "emails[value eq \"A@x\"]",
    ] {
        assert_eq!(hints(text), one(EmailValue, "a@x"), "{text}");
    }
    assert_eq!(hints("groups.value eq \"G\""), one(GroupValue, "G"));
    for text in [
        "userName ne \"a\"",
        "userName sw \"a\"",
        "userName eq null",
        "not (userName eq \"a\")",
        "userName eq \"a\" or id eq \"b\"",
        "emails[value eq \"a\" or type eq \"b\"]",
        "emails.type eq \"work\"",
        "name.givenName eq \"a\"",
    ] {
        assert_eq!(hints(text), [], "{text}");
    }
    let members = parse_filter("members[value eq \"U\"]", ResourceKind::Group, &Rules::default()).unwrap();
    assert_eq!(equality_hints(&members), one(IndexedAttribute::MemberValue, "U"));
    assert!(members.mentions("members") && !members.mentions("displayName"));
}
