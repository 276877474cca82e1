//! Groups for a SCIM list.

use rollcall_domain::{
    ids::DirectoryId,
    record::{GroupRecord, MemberRecord},
};
use rollcall_scim::{Filter, IndexedAttribute, ListQuery, equality_hints};
use serde_json::{Map, Value};

use super::{
    ReadError, ScimPage, representation,
    scim_list::{self, Listed, in_order, key_array},
    scim_users::asks_about,
};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    resources::{self, statement},
    rows::{self, GROUP},
};

/// Which members a question about groups is about.
pub(super) enum Members {
    /// None.
    Unasked,
    /// This one alone: the filter is nothing but that comparison.
    One(String),
    /// Any.
    Any,
}

pub(super) struct Groups {
    pub(super) members: Members,
}

impl Store {
    /// Groups for a SCIM list; members are loaded only if the projection wants them.
    pub async fn list_groups(
        &self,
        directory: &DirectoryId,
        query: ListQuery,
    ) -> Result<ScimPage<(GroupRecord, Option<Vec<MemberRecord>>)>, ReadError> {
        let directory_id = directory.clone();
        self.read(move |c| {
            let Some((directory, _, groups)) = super::directory(c, &directory_id)? else {
                return Ok(ScimPage { resources: Vec::new(), total: 0 });
            };
            let listed = Groups { members: members_asked(&query) };
            let (keys, total) = scim_list::select(c, directory, groups, &query, &listed)?;
            let found = c.rows(
                statement!(
                    "SELECT ",
                    GROUP,
                    " FROM json_each($1) j CROSS JOIN groups g ON g.pk = CAST(j.value AS BIGINT)"
                ),
                bind![key_array(&keys)],
                |row| rows::group(row).map(|(key, group)| (key, (key, group))),
            )?;
            let wanted = query.projection.wants("members");
            let resources = in_order(&keys, found)
                .into_iter()
                .map(|(key, group)| {
                    let members = wanted.then(|| resources::members(c, key, "", u64::MAX)).transpose()?;
                    Ok((group, members))
                })
                .collect::<Result<_, DbError>>()?;
            Ok(ScimPage { resources, total })
        })
        .await
    }
}

fn members_asked(query: &ListQuery) -> Members {
    if !asks_about(query, "members") {
        return Members::Unasked;
    }
    match &query.filter {
        // "Which groups is this user in" must not load whole groups.
        Some(filter @ (Filter::Compare { .. } | Filter::ValuePath { .. })) if query.sort.is_none() => {
            let simple = match filter {
                Filter::ValuePath { filter, .. } => matches!(**filter, Filter::Compare { .. }),
                _ => true,
            };
            match equality_hints(filter).as_slice() {
                [(IndexedAttribute::MemberValue, value)] if simple => Members::One(value.clone()),
                _ => Members::Any,
            }
        }
        _ => Members::Any,
    }
}

impl Listed for Groups {
    fn page(&self) -> &'static str {
        "SELECT g.pk FROM groups g WHERE g.directory_pk = $1 ORDER BY g.pk LIMIT $2 OFFSET $3"
    }

    fn by(&self, attribute: IndexedAttribute) -> Option<&'static str> {
        const BY_CREATION: &str = " AND g.pk > $3 ORDER BY g.pk LIMIT $4";
        Some(match attribute {
            IndexedAttribute::Id => {
                statement!(
                    "SELECT ",
                    GROUP,
                    " FROM groups g WHERE g.directory_pk = $1 AND g.id = $2",
                    BY_CREATION
                )
            }
            IndexedAttribute::DisplayName => statement!(
                "SELECT ",
                GROUP,
                " FROM groups g WHERE g.directory_pk = $1 AND g.display_name_key = $2",
                BY_CREATION
            ),
            IndexedAttribute::ExternalId => statement!(
                "SELECT ",
                GROUP,
                " FROM groups g WHERE g.directory_pk = $1 AND g.external_id = $2",
                BY_CREATION
            ),
            IndexedAttribute::MemberValue => statement!(
                "SELECT ",
                GROUP,
                " FROM groups g WHERE g.pk IN
                    (SELECT m.group_pk FROM members m WHERE m.directory_pk = $1 AND m.value = $2)",
                BY_CREATION
            ),
            IndexedAttribute::UserName | IndexedAttribute::EmailValue | IndexedAttribute::GroupValue => {
                return None;
            }
        })
    }

    fn all(&self) -> &'static str {
        statement!(
            "SELECT ",
            GROUP,
            " FROM groups g WHERE g.directory_pk = $1 AND g.pk > $2 ORDER BY g.pk LIMIT $3"
        )
    }

    fn candidate(&self, c: &Db, row: &Row<'_>) -> Result<(i64, Map<String, Value>), DbError> {
        let (key, group) = rows::group(row)?;
        let members = match &self.members {
            Members::Unasked => None,
            Members::One(value) => Some(resources::members_named(c, key, [value.as_str()])?),
            Members::Any => Some(resources::members(c, key, "", u64::MAX)?),
        };
        Ok((key, representation::group(group, members.as_deref())))
    }
}
