//! Organizations.

use rollcall_domain::{directory::Organization, ids::OrganizationId};

use super::{ConfigError, or_conflict};
use crate::{Store, clock, db::bind, write::Touched};

impl Store {
    /// Makes an organization. `Conflict("external_id")` if that is taken.
    pub async fn create_organization(
        &self,
        name: String,
        external_id: Option<String>,
    ) -> Result<Organization, ConfigError> {
        self.change(move |applied| {
            let organization = Organization {
                id: OrganizationId::from_uuid(clock::new_uuid()),
                name,
                external_id,
                created_at: clock::now(),
            };
            applied
                .connection
                .execute(
                    "INSERT INTO organizations (id, external_id, name, created_at) VALUES ($1, $2, $3, $4)",
                    bind![
                        organization.id.as_str(),
                        &organization.external_id,
                        &organization.name,
                        organization.created_at
                    ],
                )
                .map_err(|error| or_conflict(error, "external_id"))?;
            applied.touched.push(Touched::Organization(organization.id.clone()));
            Ok(organization)
        })
        .await
    }
}
