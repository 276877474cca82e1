//! Pages of lists: `{"data":[…],"next_cursor":…}`, `next_cursor` null at the end.

use serde::Serialize;

use crate::{
    cursor::{Cursor, List},
    query::Query,
};

/// One page.
#[derive(Serialize)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

/// How many rows to ask the store for, to know whether there are more than `limit`.
pub(crate) fn with_one_more(limit: u32) -> u32 {
    (limit + 1).min(Query::MAX_LIMIT)
}

impl<T> Page<T> {
    /// The first `limit` of these rows, which were read by [`with_one_more`].
    pub(crate) fn cut(mut rows: Vec<T>, limit: u32, list: List, place: impl Fn(&T) -> String) -> Self {
        let limit = limit as usize;
        // A full page of the greatest size may be the last one: then the next one is empty.
        let more = rows.len() > limit || (rows.len() == limit && limit == Query::MAX_LIMIT as usize);
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| Cursor::encode(list, &place(last)));
        Self { data: rows, next_cursor }
    }

    /// A page of rows that are all in memory, ordered by their ids.
    pub(crate) fn of_all(
        mut rows: Vec<T>,
        after: Option<&str>,
        limit: u32,
        list: List,
        id: impl Fn(&T) -> &str,
    ) -> Self {
        rows.retain(|row| after.is_none_or(|after| id(row) > after));
        rows.sort_unstable_by(|a, b| id(a).cmp(id(b)));
        let limit = limit as usize;
        let next_cursor = (rows.len() > limit).then(|| Cursor::encode(list, id(&rows[limit - 1])));
        rows.truncate(limit);
        Self { data: rows, next_cursor }
    }

    /// The same page of something made from its rows.
    pub(crate) fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(view).collect(), next_cursor: self.next_cursor }
    }

    /// The same page of views of its rows.
    pub(crate) fn views<'a, U>(&'a self, view: impl FnMut(&'a T) -> U) -> Page<U> {
        Page { data: self.data.iter().map(view).collect(), next_cursor: self.next_cursor.clone() }
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[T] {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_rows_in_memory_cover_everything_once() {
        let all = || ["c", "a", "e", "b", "d"].map(str::to_owned).to_vec();
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = Page::of_all(all(), after.as_deref(), 2, List::Users, |row| row.as_str());
            seen.extend(page.data);
            let Some(cursor) = page.next_cursor else { break };
            after = Cursor::decode(List::Users, &cursor).ok();
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn a_page_that_is_exactly_full_is_the_last_unless_the_store_could_not_say() {
        let rows = |n: u32| (0..n).collect::<Vec<_>>();
        let next = |n, limit| Page::cut(rows(n), limit, List::Users, u32::to_string).next_cursor;
        assert_eq!(next(2, 2), None);
        assert!(next(3, 2).is_some());
        assert!(next(1_000, 1_000).is_some());
        assert_eq!(next(999, 1_000), None);
    }
}
