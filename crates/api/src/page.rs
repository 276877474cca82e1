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

/// Asks `read` for up to `wanted` rows after the one it is given, until there are so many or no more,
/// at most `looks` times: a store that has much to pass over gives less than it was asked for before
/// it has come to the end. Says too whether it has.
pub(crate) async fn gather<T, E>(
    wanted: u32,
    looks: u32,
    mut read: impl AsyncFnMut(Option<&T>, u32) -> Result<Vec<T>, E>,
) -> Result<(Vec<T>, bool), E> {
    let mut rows = Vec::new();
    for _ in 0..looks {
        let missing = wanted.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        if missing == 0 {
            break;
        }
        let more = read(rows.last(), missing).await?;
        if more.is_empty() {
            return Ok((rows, true));
        }
        rows.extend(more);
    }
    Ok((rows, false))
}

impl<T> Page<T> {
    /// All of these rows, after which there may be more.
    pub(crate) fn unfinished(rows: Vec<T>, list: List, place: impl Fn(&T) -> String) -> Self {
        let next_cursor = rows.last().map(|last| Cursor::encode(list, &place(last)));
        Self { data: rows, next_cursor }
    }

    /// These rows, after which a page begins at this place, if there is one.
    pub(crate) fn up_to(rows: Vec<T>, list: List, next: Option<String>) -> Self {
        Self { data: rows, next_cursor: next.map(|place| Cursor::encode(list, &place)) }
    }

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

    #[actix_web::test]
    async fn short_answers_are_added_up() {
        // Gives at most three at a time.
        let read = async |after: Option<&u32>, limit: u32| -> Result<Vec<u32>, ()> {
            let first = after.map_or(0, |after| after + 1);
            Ok((first..10).take(limit.min(3) as usize).collect())
        };
        for (wanted, looks, rows, ended) in
            [(5, 9, 5, false), (10, 9, 10, false), (11, 9, 10, true), (11, 2, 6, false), (0, 9, 0, false)]
        {
            let all = (0..rows).collect::<Vec<_>>();
            assert_eq!(gather(wanted, looks, read).await, Ok((all, ended)), "{wanted} in {looks} looks");
        }
        let page = Page::unfinished(vec![1, 2], List::Users, u32::to_string);
        assert_eq!(page.next_cursor, Some(Cursor::encode(List::Users, "2")));
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
