//! Users for a SCIM list.

use rollcall_domain::{ids::DirectoryId, record::UserRecord};
use rollcall_scim::{IndexedAttribute, ListQuery};
use serde_json::{Map, Value};

use super::{
    ReadError, ScimPage, representation,
    scim_list::{self, Listed, in_order, key_array},
};
use crate::{
    Store,
    db::{Db, DbError, Row, bind},
    resources::{self, statement},
    rows::{self, USER},
};

/// How users are listed.
pub(super) struct Users {
    pub(super) directory: i64,
    /// The question is about the users' groups.
    pub(super) groups: bool,
}

impl Store {
    /// Users for a SCIM list. An index narrows where the filter allows; the rest is evaluated in
    /// memory on at most 100,000 candidates.
    pub async fn list_users(
        &self,
        directory: &DirectoryId,
        query: ListQuery,
    ) -> Result<ScimPage<UserRecord>, ReadError> {
        let directory_id = directory.clone();
        self.read(move |c| {
            let Some((directory, users, _)) = super::directory(c, &directory_id)? else {
                return Ok(ScimPage { resources: Vec::new(), total: 0 });
            };
            let groups = asks_about(&query, "groups");
            let (keys, total) = scim_list::select(c, directory, users, &query, &Users { directory, groups })?;
            let mut resources = users_of(c, &keys)?;
            if query.projection.wants("groups") {
                let ids = resources.iter().map(|user| user.id.as_str());
                let mut groups = resources::groups_of_many(c, directory, ids)?;
                for user in &mut resources {
                    user.groups = groups.remove(user.id.as_str()).unwrap_or_default();
                }
            }
            Ok(ScimPage { resources, total })
        })
        .await
    }
}

fn users_of(c: &Db, keys: &[i64]) -> Result<Vec<UserRecord>, DbError> {
    let found = c.rows(
        statement!(
            "SELECT ",
            USER,
            " FROM json_each($1) j CROSS JOIN users u ON u.pk = CAST(j.value AS BIGINT)"
        ),
        bind![key_array(keys)],
        rows::user,
    )?;
    Ok(in_order(keys, found))
}

/// Whether filter or sort order look at this attribute, which is not in the document.
pub(super) fn asks_about(query: &ListQuery, attribute: &str) -> bool {
    query.filter.as_ref().is_some_and(|filter| filter.mentions(attribute))
        || query
            .sort
            .as_ref()
            .is_some_and(|sort| sort.path.schema.is_none() && sort.path.attribute == attribute)
}

impl Listed for Users {
    fn page(&self) -> &'static str {
        "SELECT u.pk FROM users u WHERE u.directory_pk = $1 ORDER BY u.pk LIMIT $2 OFFSET $3"
    }

    fn by(&self, attribute: IndexedAttribute) -> Option<&'static str> {
        const BY_CREATION: &str = " AND u.pk > $3 ORDER BY u.pk LIMIT $4";
        Some(match attribute {
            IndexedAttribute::Id => {
                statement!(
                    "SELECT ",
                    USER,
                    " FROM users u WHERE u.directory_pk = $1 AND u.id = $2",
                    BY_CREATION
                )
            }
            IndexedAttribute::UserName => statement!(
                "SELECT ",
                USER,
                " FROM users u WHERE u.directory_pk = $1 AND u.user_name_key = $2",
                BY_CREATION
            ),
            IndexedAttribute::ExternalId => statement!(
                "SELECT ",
                USER,
                " FROM users u WHERE u.directory_pk = $1 AND u.external_id = $2",
                BY_CREATION
            ),
            IndexedAttribute::EmailValue => statement!(
                "SELECT ",
                USER,
                " FROM users u WHERE u.pk IN
                    (SELECT x.user_pk FROM user_emails x WHERE x.directory_pk = $1 AND x.value_key = $2)",
                BY_CREATION
            ),
            IndexedAttribute::GroupValue => statement!(
                "SELECT ",
                USER,
                " FROM users u WHERE u.directory_pk = $1 AND u.id IN
                    (SELECT m.value FROM members m JOIN groups g ON g.pk = m.group_pk
                     WHERE g.directory_pk = $1 AND g.id = $2)",
                BY_CREATION
            ),
            IndexedAttribute::DisplayName | IndexedAttribute::MemberValue => return None,
        })
    }

    fn all(&self) -> &'static str {
        statement!(
            "SELECT ",
            USER,
            " FROM users u WHERE u.directory_pk = $1 AND u.pk > $2 ORDER BY u.pk LIMIT $3"
        )
    }

    fn candidate(&self, c: &Db, row: &Row<'_>) -> Result<(i64, Map<String, Value>), DbError> {
        let (key, user) = rows::user(row)?;
        let groups =
            self.groups.then(|| resources::groups_of(c, self.directory, user.id.as_str())).transpose()?;
        Ok((key, representation::user(user, groups.as_deref())))
    }
}
