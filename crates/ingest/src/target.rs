//! Which resource a URL names.
//!
//! Directory providers put base URL and path together by gluing strings, so one resource has many spellings:
//! slashes doubled or at the end, `.scim` behind it (RFC 7644 §3.8), and with Entra ID a flag that belongs at
//! the end of the base URL and therefore arrives in the middle (`…/dir_x?aadOptscim062020/Users/usr_y?…`).
//! [`Target::parse`] knows them all and nothing of methods. It never fails: what it does not know is
//! [`Route::Unknown`], an id that cannot be one of ours is simply an id that nobody has.

use std::borrow::Cow;

use rollcall_domain::ids::DirectoryId;
use rollcall_scim::ResourceKind;

/// The flags that Entra ID wants at the end of the base URL.
const BASE_URL_FLAGS: [&str; 2] = ["aadOptscim062020", "AzureAdScimPatch2017"];

/// A URL below `/scim`, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The directory, if the URL has a possible id of one in its place.
    pub(crate) directory: Option<DirectoryId>,
    /// What of it.
    pub(crate) route: Route,
    /// The query string, still encoded, without what belongs to the path.
    pub(crate) query: &'a str,
}

/// What a URL names inside a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The directory itself.
    Root,
    /// `/.search`
    RootSearch,
    /// `/Users`, `/Groups`
    Collection(ResourceKind),
    /// `/Users/.search`, `/Groups/.search`
    Search(ResourceKind),
    /// `/Users/{id}`, `/Groups/{id}`; the id is decoded and otherwise unchecked.
    Resource(ResourceKind, String),
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`
    ResourceTypes,
    /// `/ResourceTypes/{name}`
    ResourceType(String),
    /// `/Schemas`
    Schemas,
    /// `/Schemas/{urn}`
    Schema(String),
    /// `/Me`
    Me,
    /// `/Bulk`
    Bulk,
    /// Another version of the protocol (`/scim/v1/…`).
    OtherVersion,
    /// None of these.
    Unknown,
}

impl<'a> Target<'a> {
    /// Reads a path (with its leading `/scim`) and a query string, both as they stood in the request line.
    pub(crate) fn parse(path: &'a str, query: &'a str) -> Self {
        let mut segments = segments(path);
        let unknown = |route| Self { directory: None, route, query };
        if segments.next() != Some("scim") {
            return unknown(Route::Unknown);
        }
        match segments.next() {
            Some("v2") => {}
            Some(other) if is_version(other) => return unknown(Route::OtherVersion),
            _ => return unknown(Route::Unknown),
        }
        let Some(directory) = segments.next() else { return unknown(Route::Unknown) };
        let directory = decode(directory).and_then(|id| DirectoryId::parse(&id));

        let mut rest: Vec<&str> = segments.take(3).collect();
        let mut query = query;
        if rest.is_empty()
            && let Some((path, remaining)) = path_inside_query(query)
        {
            rest = self::segments(path).take(3).collect();
            query = remaining;
        }
        if let Some(last) = rest.last_mut() {
            *last = last.strip_suffix(".scim").unwrap_or(last);
        }
        Self { directory, route: Route::of(&rest), query }
    }
}

impl Route {
    fn of(segments: &[&str]) -> Self {
        let kind = |name: &str| ResourceKind::ALL.into_iter().find(|kind| kind.endpoint()[1..] == *name);
        // What is not UTF-8 cannot be an id of ours.
        let id = |raw: &str| decode(raw).map(Cow::into_owned).unwrap_or_default();
        match *segments {
            [] => Self::Root,
            [".search"] => Self::RootSearch,
            ["ServiceProviderConfig"] => Self::ServiceProviderConfig,
            ["ResourceTypes"] => Self::ResourceTypes,
            ["ResourceTypes", name] => Self::ResourceType(id(name)),
            ["Schemas"] => Self::Schemas,
            ["Schemas", urn] => Self::Schema(id(urn)),
            ["Me"] => Self::Me,
            ["Bulk"] => Self::Bulk,
            [collection] => kind(collection).map_or(Self::Unknown, Self::Collection),
            [collection, ".search"] => kind(collection).map_or(Self::Unknown, Self::Search),
            [collection, raw] => kind(collection).map_or(Self::Unknown, |kind| Self::Resource(kind, id(raw))),
            _ => Self::Unknown,
        }
    }

    /// The name in logs and metrics: a closed set, whatever a client asks for.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Collection(ResourceKind::User)
            | Self::Search(ResourceKind::User)
            | Self::Resource(ResourceKind::User, _) => "User",
            Self::Collection(ResourceKind::Group)
            | Self::Search(ResourceKind::Group)
            | Self::Resource(ResourceKind::Group, _) => "Group",
            Self::ServiceProviderConfig => "ServiceProviderConfig",
            Self::ResourceTypes | Self::ResourceType(_) => "ResourceType",
            Self::Schemas | Self::Schema(_) => "Schema",
            Self::Bulk => "Bulk",
            Self::Me => "Me",
            Self::Root | Self::RootSearch => "Root",
            Self::OtherVersion | Self::Unknown => "Unknown",
        }
    }

    /// Whether it tells nothing of a directory and is therefore open to everybody (RFC 7644 §4).
    pub(crate) fn is_discovery(&self) -> bool {
        matches!(
            self,
            Self::ServiceProviderConfig
                | Self::ResourceTypes
                | Self::ResourceType(_)
                | Self::Schemas
                | Self::Schema(_)
        )
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Splits `aadOptscim062020/Users/x?count=1` into `/Users/x` and `count=1`.
fn path_inside_query(query: &str) -> Option<(&str, &str)> {
    let path = BASE_URL_FLAGS.iter().find_map(|flag| {
        let (head, tail) = query.split_at_checked(flag.len())?;
        (head.eq_ignore_ascii_case(flag) && tail.starts_with('/')).then_some(tail)
    })?;
    Some(path.split_once('?').unwrap_or((path, "")))
}

/// Percent-decodes once. `None` if the result is not UTF-8.
pub(crate) fn decode(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('%') {
        return Some(Cow::Borrowed(raw));
    }
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match tail {
            [high, low, after @ ..] if *first == b'%' => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(*first),
            },
            _ => decoded.push(*first),
        }
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use ResourceKind::{Group, User};

    use super::*;

    const DIR: &str = "dir_0000000000000000000000000000000a";

    fn route(rest: &str) -> Route {
        let url = format!("/scim/v2/{DIR}{rest}");
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let target = Target::parse(path, query);
        assert_eq!(target.directory.as_ref().map(DirectoryId::as_str), Some(DIR), "{rest}");
        target.route
    }

    #[test]
    fn the_spellings_of_each_route() {
        let resource = |id: &str| Route::Resource(User, id.to_owned());
        for (rest, expected) in [
            ("", Route::Root),
            ("/", Route::Root),
            ("?aadOptscim062020", Route::Root),
            ("/.search", Route::RootSearch),
            ("/Users", Route::Collection(User)),
            ("/Users/", Route::Collection(User)),
            ("//Users?", Route::Collection(User)),
            ("/Users.scim", Route::Collection(User)),
            ("/Users?aadOptscim062020&", Route::Collection(User)),
            ("?aadOptscim062020/Users", Route::Collection(User)),
            ("/?AADOPTSCIM062020/Users/", Route::Collection(User)),
            ("?AzureAdScimPatch2017/Groups", Route::Collection(Group)),
            ("/Groups/.search", Route::Search(Group)),
            ("/Users/x", resource("x")),
            ("/Users/x.scim", resource("x")),
            ("/Users//x/", resource("x")),
            ("?aadOptscim062020/Users/x?attributes=id", resource("x")),
            ("/Users/%00", resource("\0")),
            ("/Users/%ff%fe", resource("")),
            ("/Users/%zz%4", resource("%zz%4")),
            ("/Users/a%2Fb", resource("a/b")),
            ("/Users/..", resource("..")),
            ("/Users/../../../etc/passwd", Route::Unknown),
            ("/users", Route::Unknown),
            ("/Printers", Route::Unknown),
            ("/Users/x/y", Route::Unknown),
            ("/Schemas/urn%3Aa%3Ab", Route::Schema("urn:a:b".to_owned())),
            ("/ResourceTypes/User/", Route::ResourceType("User".to_owned())),
        ] {
            assert_eq!(route(rest), expected, "{rest}");
        }
    }

    #[test]
    fn a_path_inside_the_query_leaves_the_real_query() {
        let path = format!("/scim/v2/{DIR}");
        let target = Target::parse(&path, "aadOptscim062020/Users?filter=a&count=1");
        assert_eq!((target.route, target.query), (Route::Collection(User), "filter=a&count=1"));
    }

    #[test]
    fn other_places() {
        for (path, expected) in [
            ("/scim", Route::Unknown),
            ("/scim/v2", Route::Unknown),
            ("/scim/v1/dir_x/Users", Route::OtherVersion),
            ("/scim/v/x", Route::Unknown),
        ] {
            let target = Target::parse(path, "");
            assert_eq!((target.directory, target.route), (None, expected), "{path}");
        }
        assert_eq!(Target::parse("/scim/v2/dir_%00/Users", "").directory, None);
    }
}
