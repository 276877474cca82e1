//! Comparisons with URLs that no resource holds, because each answer makes them of the address by which the server is
//! asked: `meta.location`, `members.$ref`, `groups.$ref`, `manager.$ref`.
//!
//! Such a URL is the base, the kind's endpoint and the id. A comparison with it is therefore one with the id, or has
//! the same answer for every id; either way it becomes an ordinary filter, which indexes can serve.

use std::cmp::Ordering;

use super::{CompareOp, CompareValue, Filter};
use crate::{
    kind::ResourceKind,
    path::{AttrPath, resolve_in},
    schema::{self, Attribute, DataType},
};

/// What the URL is an attribute of.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    /// Of a resource, at this path.
    Attribute(AttrPath),
    /// Of an element of this multi-valued attribute, inside its brackets.
    Element(&'static Attribute),
}

/// The URLs that one attribute may have.
pub(super) struct Url {
    /// For each kind of resources that the URL can name: what stands before the id, and what else has to hold.
    kinds: Vec<(String, Option<Filter>)>,
    /// The attribute that holds the id.
    id: AttrPath,
    /// The multi-valued attribute whose elements have the URL, if the comparison stands outside its brackets.
    elements: Option<AttrPath>,
}

impl Url {
    /// `None` if the attribute is no URL that the server makes.
    pub(super) fn at(base: &str, kind: ResourceKind, owner: Owner, leaf: &'static Attribute) -> Option<Self> {
        if leaf.data_type != DataType::Reference {
            return None;
        }
        let prefix = |kind: ResourceKind| format!("{base}{}/", kind.endpoint());
        let root = match owner {
            Owner::Attribute(path) => path.root(),
            Owner::Element(element) => element,
        };
        if root.name == "meta" && leaf.name == "location" {
            let id = AttrPath::new(None, schema::attribute(kind, "id")?);
            return Some(Self { kinds: vec![(prefix(kind), None)], id, elements: None });
        }
        if leaf.name != "$ref" {
            return None;
        }
        let of_element = |name: &str| resolve_in(root, name).ok();
        let by = |path, op, text: &str| {
            let value = CompareValue::String(text.to_owned());
            Some(Filter::Compare { path, op, value })
        };
        let value = match owner {
            Owner::Attribute(path) => path.with_sub(root.sub("value")?),
            Owner::Element(_) => of_element("value")?,
        };
        match root.name {
            "groups" => {
                Some(Self { kinds: vec![(prefix(ResourceKind::Group), None)], id: value, elements: None })
            }
            // Whatever else a manager's value may be, it has no URL.
            "manager" => {
                let ours = by(value, CompareOp::Sw, "usr_");
                Some(Self { kinds: vec![(prefix(ResourceKind::User), ours)], id: value, elements: None })
            }
            // Inside the brackets in any case: kind and id have to be those of one member.
            "members" => {
                let (id, kind_of) = (of_element("value")?, of_element("type")?);
                let kinds =
                    ResourceKind::ALL.map(|kind| (prefix(kind), by(kind_of, CompareOp::Eq, kind.name())));
                let elements = match owner {
                    Owner::Attribute(path) => Some(AttrPath::new(path.schema, root)),
                    Owner::Element(_) => None,
                };
                Some(Self { kinds: kinds.into(), id, elements })
            }
            _ => None,
        }
    }

    /// `pr`.
    pub(super) fn present(self) -> Filter {
        let id = self.id;
        self.any(|_| Some(Filter::Present(id)))
    }

    /// A comparison with a string.
    pub(super) fn compare(self, op: CompareOp, wanted: &str) -> Filter {
        let id = self.id;
        if op == CompareOp::Ne {
            // As for every attribute: it holds where there is no value.
            return Filter::Not(Box::new(self.compare(CompareOp::Eq, wanted)));
        }
        let by_id = |op, text: &str| {
            Some(Filter::Compare { path: id, op, value: CompareValue::String(text.to_owned()) })
        };
        let always = |holds: bool| holds.then_some(Filter::Present(id));
        self.any(|prefix| {
            let rest = wanted.strip_prefix(prefix);
            // No id has a slash in it: what follows the last one is all that can be of the id.
            let (head, tail) = wanted.rfind('/').map_or(("", wanted), |slash| wanted.split_at(slash + 1));
            match op {
                CompareOp::Eq | CompareOp::Ne => rest.and_then(|id| by_id(CompareOp::Eq, id)),
                CompareOp::Sw => match rest {
                    Some(begin) => by_id(CompareOp::Sw, begin),
                    None => always(prefix.starts_with(wanted)),
                },
                CompareOp::Ew if head.is_empty() => by_id(CompareOp::Ew, tail),
                CompareOp::Ew => prefix.ends_with(head).then(|| by_id(CompareOp::Eq, tail)).flatten(),
                CompareOp::Co if prefix.contains(wanted) => always(true),
                CompareOp::Co if head.is_empty() => by_id(CompareOp::Co, tail),
                CompareOp::Co => prefix.ends_with(head).then(|| by_id(CompareOp::Sw, tail)).flatten(),
                CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le => match rest {
                    Some(rest) => by_id(op, rest),
                    None => {
                        let is_greater = prefix.as_str().cmp(wanted) == Ordering::Greater;
                        always(is_greater == matches!(op, CompareOp::Gt | CompareOp::Ge))
                    }
                },
            }
        })
    }

    /// The filter that holds where this test does for one of the kinds; a test of `None` never does.
    fn any(self, test: impl Fn(&String) -> Option<Filter>) -> Filter {
        let mut all: Vec<Filter> = Vec::with_capacity(self.kinds.len());
        for (prefix, condition) in self.kinds {
            let Some(filter) = test(&prefix) else { continue };
            all.push(match condition {
                Some(condition) => Filter::And(vec![condition, filter]),
                None => filter,
            });
        }
        let never = || {
            let present = Filter::Present(self.id);
            Filter::And(vec![present.clone(), Filter::Not(Box::new(present))])
        };
        let inner = match all.len() {
            0 => never(),
            1 => all.swap_remove(0),
            _ => Filter::Or(all),
        };
        match self.elements {
            Some(path) => Filter::ValuePath { path, filter: Box::new(inner) },
            None => inner,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use crate::{
        Applied, Filter, IndexedAttribute, ListQuery, QueryTerms, ResourceKind, Rules, equality_hints,
    };

    const BASE: &str = "https://r.example/scim/v2/dir_1";
    const ID: &str = "usr_00000000000000000000000000000001";

    fn filter(text: &str, kind: ResourceKind) -> Filter {
        let terms = QueryTerms { rules: &Rules::default(), max_results: 10, base_url: Some(BASE) };
        let pairs = [("filter".to_owned(), text.to_owned())];
        ListQuery::parse_noting(pairs, kind, &terms, &mut Applied::default()).unwrap().filter.unwrap()
    }

    fn holds(text: &str, kind: ResourceKind, resource: &Value) -> bool {
        let map: &Map<String, Value> = resource.as_object().unwrap();
        filter(text, kind).matches(map)
    }

    /// Each operator answers as if the URL stood there.
    #[test]
    fn a_location_compares_as_the_url_it_is() {
        let url = format!("{BASE}/Users/{ID}");
        let user = json!({"id": ID});
        let wanted = [
            url.as_str(),
            BASE,
            "https://r.example/scim/v2/dir_1/Users/usr_0",
            "/Users/",
            "Users/usr_00",
            ID,
            "usr_",
            "0001",
            "/Users/usr_00000000000000000000000000000001",
            "https://a",
            "https://z",
            "",
            "x",
            "/",
            "https://r.example/scim/v2/dir_1/Groups/usr_00000000000000000000000000000001",
            "HTTPS://R.EXAMPLE/scim/v2/dir_1/Users/usr_00000000000000000000000000000001",
            "1/Users/u",
            "ers/1",
        ];
        for wanted in wanted {
            for (op, expected) in [
                ("eq", url == wanted),
                ("ne", url != wanted),
                ("co", url.contains(wanted)),
                ("sw", url.starts_with(wanted)),
                ("ew", url.ends_with(wanted)),
                ("gt", url.as_str() > wanted),
                ("ge", url.as_str() >= wanted),
                ("lt", url.as_str() < wanted),
                ("le", url.as_str() <= wanted),
            ] {
                let text = format!("meta.location {op} \"{wanted}\"");
                assert_eq!(holds(&text, ResourceKind::User, &user), expected, "{text}");
            }
        }
        assert!(holds("meta.location pr", ResourceKind::User, &user));
        assert!(!holds("meta.location eq null", ResourceKind::User, &user));
    }

    #[test]
    fn references_name_what_they_refer_to() {
        let group = json!({"id": "grp_1", "members": [
            {"value": "usr_1", "type": "User"}, {"value": "grp_2", "type": "Group"}, {"value": "pending"},
        ]});
        for (text, expected) in [
            (format!("members.$ref eq \"{BASE}/Users/usr_1\""), true),
            (format!("members[$ref eq \"{BASE}/Groups/grp_2\"]"), true),
            (format!("members[type eq \"User\"].$ref eq \"{BASE}/Groups/grp_2\""), false),
            (format!("members.$ref eq \"{BASE}/Groups/usr_1\""), false),
            (format!("members.$ref eq \"{BASE}/Users/pending\""), false),
            ("members.$ref eq \"https://elsewhere/Users/usr_1\"".to_owned(), false),
            ("members.$ref ew \"/grp_2\"".to_owned(), true),
            ("members.$ref pr".to_owned(), true),
            ("not (members.$ref co \"Users\")".to_owned(), false),
        ] {
            assert_eq!(holds(&text, ResourceKind::Group, &group), expected, "{text}");
        }
        assert!(!holds("members.$ref pr", ResourceKind::Group, &json!({"members": [{"value": "pending"}]})));
        let user = json!({"groups": [{"value": "grp_1"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "usr_2"}}});
        for (text, expected) in [
            (format!("groups.$ref eq \"{BASE}/Groups/grp_1\""), true),
            (format!("groups[$ref eq \"{BASE}/Groups/grp_9\"]"), false),
            (format!("manager.$ref eq \"{BASE}/Users/usr_2\""), true),
            ("manager.$ref sw \"https://r\"".to_owned(), true),
            (
                format!(
                    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref eq \"{BASE}/Users/usr_3\""
                ),
                false,
            ),
        ] {
            assert_eq!(holds(&text, ResourceKind::User, &user), expected, "{text}");
        }
    }

    #[test]
    fn an_index_serves_them() {
        for (text, kind, hint) in [
            (format!("meta.location eq \"{BASE}/Users/{ID}\""), ResourceKind::User, IndexedAttribute::Id),
            (
                format!("members.$ref eq \"{BASE}/Users/{ID}\""),
                ResourceKind::Group,
                IndexedAttribute::MemberValue,
            ),
            (
                format!("groups.$ref eq \"{BASE}/Groups/{ID}\""),
                ResourceKind::User,
                IndexedAttribute::GroupValue,
            ),
        ] {
            assert_eq!(equality_hints(&filter(&text, kind)), [(hint, ID.to_owned())], "{text}");
        }
    }
}
