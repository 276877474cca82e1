//! «Test connection».

use serde_json::{Value, json};

use super::Persona;
use crate::{
    Check, Error, Observer, answer,
    schema::{GROUP, USER},
    style::Probe,
    wire::{Ask, eq},
};

/// Who is made and deleted again to see whether that works.
const TRIAL_USER: &str = "rollcall-trial-user";
const TRIAL_GROUP: &str = "rollcall-trial-group";

const WHAT: &str = "tests the connection";

impl Persona {
    pub(super) async fn connect(&self, observer: &mut impl Observer) -> Result<(), Error> {
        for probe in self.style.connect {
            let get = |path: String| Ask::new(WHAT, "GET", path, None);
            match probe {
                Probe::List(path) => {
                    self.wire.ask(Check::Connect, get((*path).to_owned()), answer::page, observer).await?;
                }
                Probe::Document(path) => {
                    self.wire
                        .ask(Check::Connect, get((*path).to_owned()), answer::document, observer)
                        .await?;
                }
                Probe::NobodyFound(name) => {
                    let path = self.find_user_path(name);
                    self.wire.ask(Check::Connect, get(path), answer::nobody, observer).await?;
                }
                Probe::TrialUserAndGroup => self.trial(observer).await?,
            }
        }
        Ok(())
    }

    async fn trial(&self, observer: &mut impl Observer) -> Result<(), Error> {
        let user_name = format!("{TRIAL_USER}@{}", self.people.domain());
        let user = json!({
            "schemas": [USER],
            "userName": user_name,
            "name": {"givenName": "Test", "familyName": "User"},
            "emails": [{"value": user_name, "type": "work", "primary": true}],
            "active": true,
        });
        self.trial_of("/Users", &eq("userName", &user_name), user, ["familyName", "User 2"], observer)
            .await?;
        let group = json!({"schemas": [GROUP], "displayName": TRIAL_GROUP, "members": []});
        let filter = eq("displayName", TRIAL_GROUP);
        self.trial_of("/Groups", &filter, group, ["displayName", "rollcall-trial-group-2"], observer).await
    }

    /// Creates (unless an earlier trial left it behind), puts with another name, and deletes.
    async fn trial_of(
        &self,
        collection: &str,
        filter: &str,
        mut resource: Value,
        [attribute, text]: [&str; 2],
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let ask = |method, path: String, body| Ask::new(WHAT, method, path, body);
        let path = format!("{collection}?filter={}", self.wire.urls.filter(filter));
        let left = self.wire.ask(Check::Connect, ask("GET", path, None), answer::page, observer).await?;
        let id = match left.resources.first().and_then(|left| left["id"].as_str()) {
            Some(id) => id.to_owned(),
            None => {
                let create = ask("POST", collection.to_owned(), Some(resource.clone()));
                self.wire.ask(Check::Connect, create, answer::created, observer).await?
            }
        };
        match resource.get_mut("name") {
            Some(name) => name[attribute] = json!(text),
            None => resource[attribute] = json!(text),
        }
        let path = format!("{collection}/{id}");
        let put = ask("PUT", path.clone(), Some(resource));
        let updated = |answer: &answer::Answer| answer::updated_group(answer, &[200], &id);
        self.wire.ask(Check::Connect, put, updated, observer).await?;
        self.wire.ask(Check::Connect, ask("DELETE", path, None), answer::deleted, observer).await
    }
}
