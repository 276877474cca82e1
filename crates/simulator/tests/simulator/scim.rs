//! A SCIM server in memory, right as far as it goes: no PATCH (which it answers and forgets), one
//! `eq` in a filter. Each [`Fault`] is one thing that real servers get wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::http::{Request, Response, Server, Service};

pub(crate) const TOKEN: &str = "right";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    AnyTokenOpens,
    HtmlErrors,
    NumericErrorStatus,
    NoLocation,
    NumericIds,
    TwinsAllowed,
    FilterIsCaseSensitive,
    UnknownFilterFindsAll,
    TotalsOfThePage,
    EverythingMoves,
    PasswordReturned,
    TitleLost,
    NamesTrimmed,
    ActiveAsText,
    InactiveHidden,
    ManagerAsText,
    PutCreates,
    MemberLost,
    UserGroupsMissing,
    MembersNotExcluded,
    DeletedStays,
    NoDiscovery,
}

#[derive(Default)]
struct Store {
    users: BTreeMap<u64, Value>,
    groups: BTreeMap<u64, Value>,
    last: u64,
    seen: Vec<Request>,
}

pub(crate) struct Scim {
    fault: Fault,
    store: Mutex<Store>,
}

impl Scim {
    pub(crate) async fn start(fault: Fault) -> (Server, Arc<Self>) {
        let scim = Arc::new(Self { fault, store: Mutex::default() });
        (Server::start(Arc::clone(&scim)).await, scim)
    }

    /// Every request so far, in order.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.store.lock().unwrap().seen.clone()
    }

    /// Somebody deletes all users.
    pub(crate) fn lose_users(&self) {
        self.store.lock().unwrap().users.clear();
    }

    /// How many users and groups there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let store = self.store.lock().unwrap();
        (store.users.len(), store.groups.len())
    }
}

type Answer = (u16, Value);

fn error(status: u16, kind: &str) -> Answer {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "scimType": kind,
    });
    (status, body)
}

impl Service for Scim {
    fn answer(&self, request: Request) -> Option<Response> {
        let mut store = self.store.lock().unwrap();
        store.seen.push(request.clone());
        let authorized = request.header("authorization") == Some(&format!("Bearer {TOKEN}"));
        let (status, mut body) = if authorized || self.fault == Fault::AnyTokenOpens {
            self.route(&mut store, &request)
        } else {
            error(401, "")
        };
        let mut headers = vec![("content-type", "application/scim+json".to_owned())];
        if status == 201 && self.fault != Fault::NoLocation {
            headers.push(("location", body["meta"]["location"].as_str().unwrap_or("").to_owned()));
        }
        if status >= 400 {
            match self.fault {
                Fault::NumericErrorStatus => body["status"] = json!(status),
                Fault::HtmlErrors => {
                    headers = vec![("content-type", "text/html".to_owned())];
                    return Some(Response { status, headers, body: "<h1>no</h1>".to_owned() });
                }
                _ => {}
            }
        }
        let body = if status == 204 { String::new() } else { body.to_string() };
        Some(Response { status, headers, body })
    }
}

impl Scim {
    fn route(&self, store: &mut Store, request: &Request) -> Answer {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let query: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decode(value)))
            .collect();
        let mut parts = path.trim_start_matches('/').split('/');
        let (collection, id) = (parts.next().unwrap_or(""), parts.next());
        match collection {
            "Users" | "Groups" => {}
            _ if self.fault == Fault::NoDiscovery => return error(404, ""),
            "ServiceProviderConfig" => {
                let no = json!({"supported": false});
                let features = ["patch", "bulk", "filter", "changePassword", "sort", "etag"];
                let mut body: Value = features.iter().map(|f| ((*f).to_owned(), no.clone())).collect();
                body["authenticationSchemes"] = json!([]);
                return (200, body);
            }
            _ if id.is_some() => return (200, json!({"id": id})),
            _ => {
                let user = json!({"id": "urn:ietf:params:scim:schemas:core:2.0:User", "name": "User"});
                return (200, list(vec![user], 1, 1));
            }
        }
        let numeric = id.map(|id| id.parse::<u64>().unwrap_or(0));
        match (request.method.as_str(), numeric) {
            ("GET", None) => self.query(store, collection, &query),
            ("POST", None) => self.create(store, collection, request.body.clone().unwrap_or_default()),
            ("GET", Some(id)) => match self.read(store, collection, id) {
                Some(mut resource) => {
                    let excluded = query.get("excludedAttributes").is_some_and(|names| names == "members");
                    if excluded && self.fault != Fault::MembersNotExcluded {
                        resource.as_object_mut().unwrap().shift_remove("members");
                    }
                    (200, resource)
                }
                None => error(404, ""),
            },
            ("PUT", Some(id)) => self.put(store, collection, id, request.body.clone().unwrap_or_default()),
            ("PATCH", Some(_)) => (204, Value::Null),
            ("DELETE", Some(id)) => {
                if self.fault == Fault::DeletedStays {
                    return (204, Value::Null);
                }
                let gone = match collection {
                    "Users" => store.users.remove(&id),
                    _ => store.groups.remove(&id),
                };
                match gone {
                    Some(_) => (204, Value::Null),
                    None => error(404, ""),
                }
            }
            _ => error(405, ""),
        }
    }

    fn create(&self, store: &mut Store, collection: &str, mut body: Value) -> Answer {
        let twin = store.users.values().any(|user| user["userName"] == body["userName"]);
        if collection == "Users" && twin && self.fault != Fault::TwinsAllowed {
            return error(409, "uniqueness");
        }
        store.last += 1;
        let id = store.last;
        body["id"] = if self.fault == Fault::NumericIds { json!(id) } else { json!(id.to_string()) };
        body["meta"] = json!({"location": format!("/{collection}/{id}"), "version": "1"});
        self.keep(store, collection, id, body)
    }

    fn put(&self, store: &mut Store, collection: &str, id: u64, mut body: Value) -> Answer {
        let Some(old) = self.read(store, collection, id) else {
            return match self.fault {
                Fault::PutCreates => (200, self.create(store, collection, body).1),
                _ => error(404, ""),
            };
        };
        body["id"] = old["id"].clone();
        body["meta"] = old["meta"].clone();
        let version: u64 = old["meta"]["version"].as_str().unwrap_or("").parse().unwrap_or(0);
        if body["userName"] != old["userName"]
            || body["members"] != old["members"]
            || self.fault == Fault::EverythingMoves
        {
            body["meta"]["version"] = json!((version + 1).to_string());
        }
        let (_, body) = self.keep(store, collection, id, body);
        (200, body)
    }

    fn keep(&self, store: &mut Store, collection: &str, id: u64, mut body: Value) -> Answer {
        let object = body.as_object_mut().unwrap();
        if self.fault != Fault::PasswordReturned {
            object.shift_remove("password");
        }
        object.shift_remove("groups");
        match self.fault {
            Fault::TitleLost => {
                object.shift_remove("title");
            }
            Fault::NamesTrimmed => {
                if let Some(name) = body["name"]["familyName"].as_str() {
                    body["name"]["familyName"] = json!(name.get(..5).unwrap_or(name));
                }
            }
            Fault::MemberLost => {
                if let Some(members) = body["members"].as_array_mut().filter(|members| members.len() > 2) {
                    members.pop();
                }
            }
            _ => {}
        }
        match collection {
            "Users" => store.users.insert(id, body.clone()),
            _ => store.groups.insert(id, body.clone()),
        };
        (201, self.read(store, collection, id).unwrap_or(body))
    }

    fn read(&self, store: &Store, collection: &str, id: u64) -> Option<Value> {
        if collection == "Groups" {
            return store.groups.get(&id).cloned();
        }
        let mut user = store.users.get(&id)?.clone();
        let is_member = |group: &&Value| {
            let mut members = group["members"].as_array().into_iter().flatten();
            members.any(|member| member["value"] == user["id"])
        };
        let groups: Vec<Value> =
            store.groups.values().filter(is_member).map(|group| json!({"value": group["id"]})).collect();
        if self.fault != Fault::UserGroupsMissing {
            user["groups"] = json!(groups);
        }
        match self.fault {
            Fault::ActiveAsText => user["active"] = json!(user["active"].to_string()),
            Fault::InactiveHidden if user["active"] == false => return None,
            Fault::ManagerAsText => {
                let manager = user[ENTERPRISE]["manager"]["value"].clone();
                user[ENTERPRISE]["manager"] = manager;
            }
            _ => {}
        }
        Some(user)
    }

    fn query(&self, store: &Store, collection: &str, query: &BTreeMap<String, String>) -> Answer {
        let ids: Vec<u64> = match collection {
            "Users" => store.users.keys().copied().collect(),
            _ => store.groups.keys().copied().collect(),
        };
        let wanted = query.get("filter").and_then(|filter| filter.split_once(" eq "));
        let matches = |resource: &Value| match wanted {
            None => true,
            Some(_) if self.fault == Fault::UnknownFilterFindsAll => true,
            Some((attribute, value)) => {
                let held = resource[attribute].to_string();
                match self.fault {
                    Fault::FilterIsCaseSensitive => held == value,
                    _ => held.to_lowercase() == value.to_lowercase(),
                }
            }
        };
        let found: Vec<Value> =
            ids.into_iter().filter_map(|id| self.read(store, collection, id)).filter(matches).collect();
        let number = |name| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let start = number("startIndex").unwrap_or(1);
        let page: Vec<Value> =
            found.iter().skip(start - 1).take(number("count").unwrap_or(100)).cloned().collect();
        let total = if self.fault == Fault::TotalsOfThePage { page.len() } else { found.len() };
        (200, list(page, total, start))
    }
}

fn list(resources: Vec<Value>, total: usize, start: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

/// Percent-decodes ASCII.
pub(crate) fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or("").replace('+', " ");
    for part in parts {
        let (code, rest) = part.split_at(2);
        out.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        out.push_str(&rest.replace('+', " "));
    }
    out
}
