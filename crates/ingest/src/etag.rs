//! Entity tags: RFC 7644 §3.14, RFC 9110 §8.8.3 and §13.1.
//!
//! A resource's tag is `W/"<meta.version>"`. Comparison is always weak. A header that does not follow the
//! grammar is as good as none; a tag that follows it and is not one of ours matches nothing.

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use rollcall_domain::Precondition;

/// `W/"7"`: the `ETag`, and `meta.version`.
pub(crate) fn of_version(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// `If-Match`. A `*` asks only that the resource exists, which a write asks anyhow.
pub(crate) fn precondition(headers: &HeaderMap) -> Precondition {
    required(Tags::from_headers(headers, &IF_MATCH))
}

/// The `version` of an operation in a bulk request, which is what would stand in `If-Match`.
pub(crate) fn precondition_of(version: &str) -> Precondition {
    required(Tags::parse(version))
}

fn required(tags: Option<Tags>) -> Precondition {
    match tags {
        Some(Tags::These(versions)) => Precondition::Versions(versions),
        Some(Tags::Any) | None => Precondition::None,
    }
}

/// Whether `If-None-Match` says that the client has this version already.
pub(crate) fn is_known_to_client(headers: &HeaderMap, version: u64) -> bool {
    match Tags::from_headers(headers, &IF_NONE_MATCH) {
        Some(Tags::Any) => true,
        Some(Tags::These(versions)) => versions.contains(&version),
        None => false,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    /// The versions among the tags; tags that are no version of ours are left out.
    These(Vec<u64>),
}

impl Tags {
    fn from_headers(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut versions = None;
        for header in headers.get_all(name) {
            match Self::parse(header.to_str().ok()?)? {
                Self::Any => return Some(Self::Any),
                Self::These(more) => versions.get_or_insert_with(Vec::new).extend(more),
            }
        }
        versions.map(Self::These)
    }

    fn parse(header: &str) -> Option<Self> {
        let mut rest = header.trim();
        if rest == "*" {
            return Some(Self::Any);
        }
        let mut versions = Vec::new();
        loop {
            let tag = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
            let (opaque, after) = tag.split_once('"')?;
            versions.extend(opaque.parse::<u64>().ok().filter(|version| version.to_string() == opaque));
            rest = match after.trim_start() {
                "" => return Some(Self::These(versions)),
                more => more.strip_prefix(',')?.trim_start(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn lists_weak_tags_foreign_tags_and_nonsense() {
        for (header, expected) in [
            ("*", Some(Tags::Any)),
            (" * ", Some(Tags::Any)),
            (r#"W/"7""#, Some(Tags::These(vec![7]))),
            (r#""7""#, Some(Tags::These(vec![7]))),
            (r#"W/"1", "2",W/"3""#, Some(Tags::These(vec![1, 2, 3]))),
            (r#""abc", "4""#, Some(Tags::These(vec![4]))),
            (r#""a,b""#, Some(Tags::These(vec![]))),
            (r#""+7""#, Some(Tags::These(vec![]))),
            (r#""07""#, Some(Tags::These(vec![]))),
            ("7", None),
            ("W/7", None),
            (r#""7"#, None),
            (r#""7" "8""#, None),
            (r#""7","#, None),
            ("", None),
        ] {
            assert_eq!(Tags::parse(header), expected, "{header}");
        }
    }

    #[test]
    fn headers() {
        let mut headers = HeaderMap::new();
        assert_eq!(precondition(&headers), Precondition::None);
        assert!(!is_known_to_client(&headers, 1));
        headers.append(IF_MATCH, HeaderValue::from_static(r#"W/"1""#));
        headers.append(IF_MATCH, HeaderValue::from_static(r#""2""#));
        assert_eq!(precondition(&headers), Precondition::Versions(vec![1, 2]));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("*"));
        assert!(is_known_to_client(&headers, 9));
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static(r#"W/"9""#));
        assert!(is_known_to_client(&headers, 9));
        assert!(!is_known_to_client(&headers, 8));
    }
}
