//! Everything that products do to users.

use serde_json::{Value, json};

use super::Persona;
use crate::{
    Attribute, Check, Error, Observer, PersonHandle,
    answer::{self, Answer},
    schema::ENTERPRISE,
    style::{Change, Leave, PatchStyle, Source},
    wire::{Ask, eq},
    write::{
        patch,
        user::{self, Account, Manager, Target},
    },
};

impl Persona {
    /// The query for a user by its name.
    pub(super) fn find_user_path(&self, user_name: &str) -> String {
        let urls = &self.wire.urls;
        let filter = urls.filter(&eq("userName", user_name));
        format!("/Users?filter={filter}{}{}", self.style.user.find_suffix, urls.query_end)
    }

    fn user_path(&self, id: &str) -> String {
        self.wire.urls.path(&format!("/Users/{id}"))
    }

    /// The URN under which enterprise attributes are sent; none is sent where the style has none.
    fn enterprise(&self) -> &'static str {
        self.style.user.enterprise().unwrap_or(ENTERPRISE)
    }

    async fn find(&self, account: &Account, observer: &mut impl Observer) -> Result<Option<String>, Error> {
        let person = &account.person;
        let what = format!("is {} there already?", person.display_name());
        let ask = Ask::new(what, "GET", self.find_user_path(&person.user_name), None);
        let found = self.wire.ask(Check::FilterFinds, ask, answer::at_most_one, observer).await?;
        Ok(found.and_then(|user| Some(user["id"].as_str()?.to_owned())))
    }

    pub(super) async fn hire(&self, handle: PersonHandle, observer: &mut impl Observer) -> Result<(), Error> {
        let person = self.people.get(handle);
        let account = Account { number: handle, person, active: true, manager: Manager::Nobody };
        let name = account.person.display_name();
        if let Some(id) = self.find(&account, observer).await? {
            self.memory().find(handle, &id);
            let targets = user::all_targets(&self.style.user);
            let what = format!("matches {name}");
            return self.send_profile(&id, &account, &targets, what, observer).await;
        }
        let body = user::whole(&self.style.user, &account);
        let ask = Ask::new(format!("hires {name}"), "POST", self.wire.urls.path("/Users"), Some(body));
        let id = self.wire.ask(Check::Create, ask, answer::created, observer).await?;
        self.memory().learn(handle, &id);
        Ok(())
    }

    pub(super) async fn change(
        &self,
        handle: PersonHandle,
        attribute: &Attribute,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let mut account = self.account(handle)?;
        let targets = user::targets_of(&self.style.user, attribute);
        if targets.is_empty() {
            return Ok(());
        }
        let what = attribute.in_words(&account.person);
        attribute.apply(&mut account.person);
        let id = self.id(handle)?;
        self.send_profile(&id, &account, &targets, what, observer).await?;
        self.memory().set_person(handle, account.person);
        Ok(())
    }

    pub(super) async fn repeat(
        &self,
        handle: PersonHandle,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let account = self.account(handle)?;
        let targets = user::targets_of(&self.style.user, &Attribute::Title(String::new()));
        let name = account.person.display_name();
        let (targets, what) = match (self.style.user.profile, targets.is_empty()) {
            (Change::Patch(_), false) => (targets, format!("sends {name}'s title again, unchanged")),
            _ => (targets, format!("sends {name}'s profile again, unchanged")),
        };
        let id = self.id(handle)?;
        self.send_profile(&id, &account, &targets, what, observer).await
    }

    pub(super) async fn manage(
        &self,
        handle: PersonHandle,
        manager: PersonHandle,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        if self.style.user.enterprise().is_none() {
            return Ok(());
        }
        let mut account = self.account(handle)?;
        let [id, manager_id] = [self.id(handle)?, self.id(manager)?];
        let [name, boss] = [account.person.display_name(), self.account(manager)?.person.display_name()];
        if self.style.user.asks_manager {
            let filter = format!("{} and {}", eq("id", &id), eq("manager", &manager_id));
            let path = format!("/Users?filter={}&attributes=id", self.wire.urls.filter(&filter));
            let ask = Ask::new(format!("does {name} report to {boss} already?"), "GET", path, None);
            if self.wire.ask(Check::Manager, ask, answer::at_most_one, observer).await?.is_some() {
                self.memory().set_manager(handle, Some(manager));
                return Ok(());
            }
        }
        let what = format!("{name} now reports to {boss}");
        account.manager = Manager::Is(manager_id.clone());
        match self.style.user.profile {
            Change::Patch(style) => {
                let body = patch::manager(style, &manager_id, self.enterprise());
                let ask = Ask::new(what, "PATCH", self.user_path(&id), Some(body));
                self.ask_for_patch(ask, &id, None, observer).await?;
            }
            Change::Put(_) => self.send_profile(&id, &account, &[], what, observer).await?,
        }
        self.memory().set_manager(handle, Some(manager));
        Ok(())
    }

    pub(super) async fn unmanage(
        &self,
        handle: PersonHandle,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        if self.style.user.enterprise().is_none() {
            return Ok(());
        }
        let account = Account { manager: Manager::Nobody, ..self.account(handle)? };
        let id = self.id(handle)?;
        let what = format!("{} reports to nobody now", account.person.display_name());
        match self.style.user.profile {
            Change::Patch(style) => {
                let body = patch::no_manager(style, self.enterprise());
                let ask = Ask::new(what, "PATCH", self.user_path(&id), Some(body));
                self.ask_for_patch(ask, &id, None, observer).await?;
            }
            Change::Put(_) => self.send_profile(&id, &account, &[], what, observer).await?,
        }
        self.memory().set_manager(handle, None);
        Ok(())
    }

    pub(super) async fn rehire(
        &self,
        handle: PersonHandle,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let account = self.account(handle)?;
        let name = account.person.display_name();
        if self.style.user.looks_before_enabling {
            self.find(&account, observer).await?;
        }
        self.set_active(handle, true, format!("enables {name} again"), observer).await
    }

    pub(super) async fn leave(
        &self,
        handle: PersonHandle,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let name = self.account(handle)?.person.display_name();
        let leave = self.style.user.leave;
        if leave != Leave::Delete {
            self.set_active(handle, false, format!("{name} leaves: disables the account"), observer).await?;
        }
        if leave != Leave::Deactivate {
            let id = self.id(handle)?;
            let what = format!("{name} has left: deletes the account");
            let ask = Ask::new(what, "DELETE", self.user_path(&id), None);
            self.wire.ask(Check::Delete, ask, answer::deleted, observer).await?;
            self.memory().forget(handle);
        }
        Ok(())
    }

    pub(super) async fn set_active(
        &self,
        handle: PersonHandle,
        active: bool,
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let account = Account { active, ..self.account(handle)? };
        let id = self.id(handle)?;
        match self.style.user.active {
            Change::Patch(style) => {
                self.patch_profile(style, &id, &account, &[Target::Active], what, observer).await?;
            }
            Change::Put(source) => {
                self.put_profile(source, &id, &account, &[Target::Active], what, observer).await?;
            }
        }
        self.memory().set_active(handle, active);
        Ok(())
    }

    async fn send_profile(
        &self,
        id: &str,
        account: &Account,
        targets: &[Target],
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        match self.style.user.profile {
            Change::Patch(_) if targets.is_empty() => Ok(()),
            Change::Patch(style) => self.patch_profile(style, id, account, targets, what, observer).await,
            Change::Put(source) => self.put_profile(source, id, account, targets, what, observer).await,
        }
    }

    async fn patch_profile(
        &self,
        style: PatchStyle,
        id: &str,
        account: &Account,
        targets: &[Target],
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let changes = targets.iter().map(|target| (*target, target.value(account))).collect();
        let body = patch::replace(style, changes, self.enterprise());
        let ask = Ask::new(what, "PATCH", self.user_path(id), Some(body));
        let active = targets.contains(&Target::Active).then_some(account.active);
        self.ask_for_patch(ask, id, active, observer).await
    }

    async fn ask_for_patch(
        &self,
        ask: Ask,
        id: &str,
        active: Option<bool>,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let updated = |answer: &Answer| answer::updated_user(answer, &[200, 204], id, active);
        self.wire.ask(Check::Patch, ask, updated, observer).await
    }

    /// From its own record, or as it was read with these values and the manager changed: then `id`,
    /// `groups` and `meta` go back as they came.
    async fn put_profile(
        &self,
        source: Source,
        id: &str,
        account: &Account,
        targets: &[Target],
        what: String,
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        let body = match source {
            Source::Own => user::whole(&self.style.user, account),
            Source::Read => {
                let reads = format!("reads {}", account.person.display_name());
                let ask = Ask::new(reads, "GET", self.user_path(id), None);
                let mut profile = self.wire.ask(Check::StoredAsSent, ask, answer::user, observer).await?;
                for target in targets {
                    match target.value(account) {
                        Value::Null => {}
                        value => user::set(&mut profile, *target, value, self.enterprise()),
                    }
                }
                match &account.manager {
                    Manager::Is(manager) => {
                        profile[self.enterprise()]["manager"] = json!({"value": manager});
                    }
                    Manager::Nobody => {
                        if let Some(Value::Object(extension)) = profile.get_mut(self.enterprise()) {
                            extension.shift_remove("manager");
                        }
                    }
                    Manager::Unknown => {}
                }
                profile
            }
        };
        let active = targets.contains(&Target::Active).then_some(account.active);
        let ask = Ask::new(what, "PUT", self.user_path(id), Some(body));
        let recreates = self.style.user.recreates;
        let updated = |answer: &Answer| match answer.status {
            404 if recreates => Ok(false),
            _ => answer::updated_user(answer, &[200], id, active).map(|()| true),
        };
        match self.wire.ask(Check::Put, ask, updated, observer).await? {
            true => Ok(()),
            false => self.recreate(account, observer).await,
        }
    }

    /// Somebody else deleted the user: it is made anew, and is in no group until it is put there.
    async fn recreate(&self, account: &Account, observer: &mut impl Observer) -> Result<(), Error> {
        self.memory().forget(account.number);
        let what = format!("makes {} anew", account.person.display_name());
        let body = user::whole(&self.style.user, account);
        let ask = Ask::new(what, "POST", self.wire.urls.path("/Users"), Some(body));
        let id = self.wire.ask(Check::Create, ask, answer::created, observer).await?;
        self.memory().learn(account.number, &id);
        Ok(())
    }
}
