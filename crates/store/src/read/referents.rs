//! Who an id names.

use std::collections::BTreeMap;

use rollcall_domain::{ids::DirectoryId, record::Referent};

use super::ReadError;
use crate::{Store, resources};

impl Store {
    /// Who these ids name in the directory.
    pub async fn referents(
        &self,
        directory: &DirectoryId,
        ids: Vec<String>,
    ) -> Result<BTreeMap<String, Referent>, ReadError> {
        let directory_id = directory.clone();
        self.read(move |c| {
            let mut found = BTreeMap::new();
            if let Some((directory, ..)) = super::directory(c, &directory_id)? {
                resources::referents(c, directory, ids.iter().map(String::as_str), &mut found)?;
            }
            Ok(found)
        })
        .await
    }
}
