//! What is listed, and reading any part of it.

use jiff::Timestamp;
use rollcall_scim::{AllQuery, CursorRequest, ListQuery, ResourceKind};
use serde_json::Value;

use crate::{call::Call, failure::Failure, represent};

/// A list, before any of it is read.
pub(super) enum Listing {
    Users(ListQuery),
    Groups(ListQuery),
    All(Box<AllQuery>),
}

/// One resource of a list, and its place in the order of creation.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) resource: Value,
}

/// Some of a list, and how long the whole is.
#[derive(Default)]
pub(super) struct Window {
    pub(super) entries: Vec<Entry>,
    pub(super) total: u64,
}

impl Listing {
    pub(super) fn one(kind: ResourceKind, query: ListQuery) -> Self {
        match kind {
            ResourceKind::User => Self::Users(query),
            ResourceKind::Group => Self::Groups(query),
        }
    }

    pub(super) fn start_index(&self) -> u64 {
        match self {
            Self::Users(query) | Self::Groups(query) => query.start_index,
            Self::All(query) => query.start_index,
        }
    }

    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Users(query) | Self::Groups(query) => query.count,
            Self::All(query) => query.count,
        }
    }

    pub(super) fn cursor(&self) -> Option<&CursorRequest> {
        match self {
            Self::Users(query) | Self::Groups(query) => query.cursor.as_ref(),
            Self::All(query) => query.cursor.as_ref(),
        }
    }

    /// Of what a cursor goes through the list.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Users(_) => "Users",
            Self::Groups(_) => "Groups",
            Self::All(_) => "All",
        }
    }

    /// Whether the order is another than that of creation.
    pub(super) fn is_sorted(&self) -> bool {
        let sorted = |query: &ListQuery| query.sort.is_some();
        match self {
            Self::Users(query) | Self::Groups(query) => sorted(query),
            Self::All(query) => query.users.iter().chain(&query.groups).any(sorted),
        }
    }

    /// The resources from this place on, which counts from 1, at most so many.
    pub(super) async fn window(
        &self,
        call: &Call<'_>,
        start_index: u64,
        count: u64,
    ) -> Result<Window, Failure> {
        match self {
            Self::Users(query) => users(call, query, start_index, count).await,
            Self::Groups(query) => groups(call, query, start_index, count).await,
            Self::All(query) => all(call, query, start_index, count).await,
        }
    }
}

async fn all(call: &Call<'_>, query: &AllQuery, start_index: u64, count: u64) -> Result<Window, Failure> {
    let mut window = Window::default();
    if let Some(of_users) = &query.users {
        window = users(call, of_users, start_index, count).await?;
    }
    if let Some(of_groups) = &query.groups {
        // Where the window begins among the groups, which follow the last user.
        let start_index = start_index.saturating_sub(window.total).max(1);
        let left = count.saturating_sub(window.entries.len() as u64);
        let more = groups(call, of_groups, start_index, left).await?;
        window.entries.extend(more.entries);
        window.total += more.total;
    }
    Ok(window)
}

fn part(query: &ListQuery, start_index: u64, count: u64) -> ListQuery {
    ListQuery { start_index, count: Some(count), cursor: None, ..query.clone() }
}

async fn users(call: &Call<'_>, query: &ListQuery, start_index: u64, count: u64) -> Result<Window, Failure> {
    let page = call.store().list_users(call.directory(), part(query, start_index, count)).await?;
    let base = call.base();
    let entries = page.resources.into_iter().map(|record| Entry {
        id: record.id.as_str().to_owned(),
        created: record.created_at,
        resource: Value::Object(represent::user(&base, record, &query.projection)),
    });
    Ok(Window { entries: entries.collect(), total: page.total })
}

async fn groups(call: &Call<'_>, query: &ListQuery, start_index: u64, count: u64) -> Result<Window, Failure> {
    let page = call.store().list_groups(call.directory(), part(query, start_index, count)).await?;
    let base = call.base();
    let entries = page.resources.into_iter().map(|(record, members)| Entry {
        id: record.id.as_str().to_owned(),
        created: record.created_at,
        resource: Value::Object(represent::group(&base, record, members, &query.projection)),
    });
    Ok(Window { entries: entries.collect(), total: page.total })
}
