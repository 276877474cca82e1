//! What lists of users and of groups have in common: which rows, in which order, how many in all.
//!
//! Plot: without filter and sort order, a page comes straight from the index by creation, and the
//! total from the directory's counter. Else an index narrows to candidates where a conjunct of the
//! filter allows, the filter looks at each candidate's full representation, and the matches are
//! sorted in memory. How many candidates there may be is limited.

use std::ops::ControlFlow;

use rollcall_scim::{Filter, IndexedAttribute, ListQuery, equality_hints, fold};
use serde_json::{Map, Value};

use super::ReadError;
use crate::db::{Db, DbError, Row, bind};

/// Most candidates that a filter or a sort order may have to look at.
pub(super) const SCAN_LIMIT: u64 = 100_000;

/// How many candidates are read at a time.
const CHUNK: u32 = 1_000;

/// How many resources a page has when nobody says.
const DEFAULT_COUNT: u64 = 100;

/// One of the two kinds of resources.
pub(super) trait Listed {
    /// Keys of a page: of directory `$1`, at most `$2` after the first `$3`.
    fn page(&self) -> &'static str;
    /// Candidates of directory `$1` where the attribute is `$2`, by creation after the key `$3`, at
    /// most `$4`; `None` if there is no index.
    fn by(&self, attribute: IndexedAttribute) -> Option<&'static str>;
    /// Candidates: all of directory `$1`, by creation after the key `$2`, at most `$3`.
    fn all(&self) -> &'static str;
    /// A candidate's key and representation.
    fn candidate(&self, c: &Db, row: &Row<'_>) -> Result<(i64, Map<String, Value>), DbError>;
}

/// The keys of a page's rows in their order, and how many match in all.
pub(super) fn select(
    c: &Db,
    directory: i64,
    count_in_directory: u64,
    query: &ListQuery,
    listed: &impl Listed,
) -> Result<(Vec<i64>, u64), ReadError> {
    select_within(c, directory, count_in_directory, query, listed, SCAN_LIMIT)
}

fn select_within(
    c: &Db,
    directory: i64,
    count_in_directory: u64,
    query: &ListQuery,
    listed: &impl Listed,
    scan_limit: u64,
) -> Result<(Vec<i64>, u64), ReadError> {
    let skip = query.start_index.max(1) - 1;
    let count = query.count.unwrap_or(DEFAULT_COUNT);
    if query.filter.is_none() && query.sort.is_none() {
        if count == 0 || skip >= count_in_directory {
            return Ok((Vec::new(), count_in_directory));
        }
        let keys = c.rows(listed.page(), bind![directory, count, skip], |row| row.get(0))?;
        return Ok((keys, count_in_directory));
    }
    let mut matches: Vec<(i64, Map<String, Value>)> = Vec::new();
    let mut seen = 0;
    let hint = query.filter.as_ref().and_then(|filter| best_hint(filter, listed));
    if hint.is_none() && count_in_directory > scan_limit {
        return Err(ReadError::TooMany(scan_limit));
    }
    if let Some((_, value)) = &hint
        && value.contains('\0')
        && c.sqlite().is_none()
    {
        // No text there has this character, and it cannot even be asked for.
        return Ok((Vec::new(), 0));
    }
    // Chunk by chunk: PostgreSQL gives all of an answer at once.
    let mut after = 0;
    loop {
        let (from, mut in_chunk) = (after, 0);
        let mut look = |row: &Row<'_>| {
            seen += 1;
            in_chunk += 1;
            if seen > scan_limit {
                return Err(ReadError::TooMany(scan_limit));
            }
            let (key, mut resource) = listed.candidate(c, row)?;
            after = key;
            if query.filter.as_ref().is_none_or(|filter| filter.matches(&resource)) {
                // Of a match, only what it is sorted by is kept in memory.
                let kept = query.sort.as_ref().map_or_else(Map::new, |sort| {
                    let name = sort.path.schema.unwrap_or(sort.path.attribute);
                    resource.remove_entry(name).into_iter().collect()
                });
                matches.push((key, kept));
            }
            Ok(ControlFlow::Continue(()))
        };
        match &hint {
            Some((sql, value)) => c.each(sql, bind![directory, value, from, CHUNK], &mut look)?,
            None => c.each(listed.all(), bind![directory, from, CHUNK], &mut look)?,
        }
        if in_chunk < CHUNK {
            break;
        }
    }
    if let Some(sort) = &query.sort {
        // Stable: equal ones stay in the order of creation.
        matches.sort_by(|(_, a), (_, b)| sort.compare(a, b));
    }
    let total = matches.len() as u64;
    let skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok((matches.into_iter().skip(skip).take(count).map(|(key, _)| key).collect(), total))
}

/// The most selective index that the filter allows, with its key.
fn best_hint(filter: &Filter, listed: &impl Listed) -> Option<(&'static str, String)> {
    use IndexedAttribute as A;
    let hints = equality_hints(filter);
    [A::Id, A::UserName, A::ExternalId, A::EmailValue, A::DisplayName, A::MemberValue, A::GroupValue]
        .into_iter()
        .find_map(|wanted| {
            let (attribute, value) = hints.iter().find(|(attribute, _)| *attribute == wanted)?;
            let sql = listed.by(*attribute)?;
            let key = match attribute {
                A::UserName | A::EmailValue | A::DisplayName => fold(value),
                A::Id | A::ExternalId | A::MemberValue | A::GroupValue => value.clone(),
            };
            Some((sql, key))
        })
}

/// Keys as one bound value.
pub(super) fn key_array(keys: &[i64]) -> String {
    Value::from(keys).to_string()
}

/// Puts what was read by key into the order of the keys.
pub(super) fn in_order<T>(keys: &[i64], found: Vec<(i64, T)>) -> Vec<T> {
    let mut found: std::collections::HashMap<i64, T> = found.into_iter().collect();
    keys.iter().filter_map(|key| found.remove(key)).collect()
}

#[cfg(test)]
mod tests {
    use rollcall_scim::{ResourceKind, Rules};
    use serde_json::json;

    use super::*;

    /// People with a name that is indexed.
    struct People;

    impl Listed for People {
        fn page(&self) -> &'static str {
            "SELECT pk FROM people WHERE $1 = 1 ORDER BY pk LIMIT $2 OFFSET $3"
        }

        fn by(&self, attribute: IndexedAttribute) -> Option<&'static str> {
            matches!(attribute, IndexedAttribute::UserName).then_some(
                "SELECT pk, name FROM people WHERE $1 = 1 AND name = $2 AND pk > $3 ORDER BY pk LIMIT $4",
            )
        }

        fn all(&self) -> &'static str {
            "SELECT pk, name FROM people WHERE $1 = 1 AND pk > $2 ORDER BY pk LIMIT $3"
        }

        fn candidate(&self, _: &Db, row: &Row<'_>) -> Result<(i64, Map<String, Value>), DbError> {
            let name: String = row.get(1)?;
            Ok((row.get(0)?, [("userName".to_owned(), json!(name))].into_iter().collect()))
        }
    }

    #[test]
    fn only_so_many_candidates_are_looked_at() {
        const LIMIT: u64 = 3;
        let everyone: &[(&str, &str)] = &[];
        let sorted: &[_] = &[("sortBy", "userName")];
        let by_index: &[_] = &[("filter", "userName eq \"ann\"")];
        let by_looking: &[_] = &[("filter", "userName ne \"bob\"")];
        for (names, counted, query, expected) in [
            // No candidates: the index gives the page.
            ("ann ann ann ann", 4, everyone, Some(4)),
            ("ann ann ann", 3, sorted, Some(3)),
            ("ann ann ann ann", 4, sorted, None),
            ("ann bob ann", 3, by_looking, Some(2)),
            ("ann bob bob bob", 4, by_looking, None),
            // However many there are, those of one name are few.
            ("ann bob bob ann bob ann", 6, by_index, Some(3)),
            ("ann ann bob ann ann", 5, by_index, None),
            // The directory's counter may be behind.
            ("ann ann ann ann", 0, sorted, None),
        ] {
            let c = Db::Sqlite(rusqlite::Connection::open_in_memory().unwrap());
            c.batch("CREATE TABLE people (pk INTEGER PRIMARY KEY, name TEXT NOT NULL)").unwrap();
            for name in names.split(' ') {
                c.execute("INSERT INTO people (name) VALUES ($1)", bind![name]).unwrap();
            }
            let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let query = ListQuery::parse(pairs, ResourceKind::User, &Rules::default(), 1000).unwrap();
            match (select_within(&c, 1, counted, &query, &People, LIMIT), expected) {
                (Ok((keys, total)), Some(expected)) => {
                    assert_eq!((keys.len() as u64, total), (expected, expected), "{names}");
                }
                (Err(ReadError::TooMany(LIMIT)), None) => {}
                (outcome, expected) => panic!("{names}: {outcome:?}, expected {expected:?}"),
            }
        }
    }
}
