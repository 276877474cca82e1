//! What the standard demands beside the script: refusals, discovery, pages. Asked once, when the
//! initial cycle is over.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    Check, Error, PersonHandle, Persona, Target,
    answer::{self, Answer},
    audit,
    ledger::Recorder,
    schema::{PATCH_OP, USER},
    style::Change,
    wire::{Ask, Wire, eq},
    write::user,
};

/// Nobody has this id or name.
const NOBODY: &str = "5f0e2c1a-7b1d-4e7b-9c55-0d9a6d1f5a01";
/// How many users a page has at most, and how many pages are read at most.
const PAGE: usize = 100;
const PAGES: usize = 20;

/// Asks.
pub(crate) struct Examiner<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) target: &'a Target,
    pub(crate) persona: &'a Persona,
    pub(crate) recorder: &'a Recorder,
}

fn get(path: impl Into<String>) -> Ask {
    Ask::new("examines", "GET", path, None)
}

impl Examiner<'_> {
    async fn ask<T>(
        &self,
        check: Check,
        ask: Ask,
        accept: impl FnOnce(&Answer) -> Result<T, String>,
    ) -> Option<T> {
        self.wire.ask(check, ask, accept, &mut self.recorder.clone()).await.ok()
    }

    /// How many users the target has.
    pub(crate) async fn total(&self) -> Option<i64> {
        let page = self.ask(Check::Pagination, get("/Users?startIndex=1&count=1"), answer::page).await?;
        i64::try_from(page.total).ok()
    }

    /// All of it. `total_before` is how many users the target had before the script began.
    pub(crate) async fn examine(&self, total_before: Option<i64>) -> Result<(), Error> {
        self.refusals().await?;
        self.discovery().await;
        let nobody = self.wire.urls.filter(&eq("userName", NOBODY));
        self.ask(Check::EmptyList, get(format!("/Users?filter={nobody}")), answer::nobody).await;
        self.writes_that_must_fail().await;
        if let Some(before) = total_before {
            let growth = self.persona.memory().growth;
            self.pages(before + growth).await;
        }
        Ok(())
    }

    async fn refusals(&self) -> Result<(), Error> {
        let stranger = Target { base_url: self.target.base_url.clone(), token: NOBODY.to_owned() };
        let wire = audit::wire(self.persona, &stranger)?;
        let ask = get("/Users?startIndex=1&count=1");
        let _ = wire.ask(Check::Authentication, ask, answer::status(401), &mut self.recorder.clone()).await;
        self.ask(Check::ErrorMessage, get(format!("/Users/{NOBODY}")), answer::status(404)).await;
        Ok(())
    }

    async fn discovery(&self) {
        let configuration = |answer: &Answer| {
            let body = answer::document(answer)?;
            let features = ["patch", "bulk", "filter", "changePassword", "sort", "etag"];
            match features.into_iter().find(|feature| !body[feature]["supported"].is_boolean()) {
                Some(feature) => Err(format!("{feature}.supported must be a boolean")),
                None if body["authenticationSchemes"].is_array() => Ok(()),
                None => Err("authenticationSchemes must be an array".to_owned()),
            }
        };
        self.ask(Check::ServiceProviderConfig, get("/ServiceProviderConfig"), configuration).await;
        let named = |id: &'static str| {
            move |answer: &Answer| {
                let page = answer::page(answer)?;
                match page.resources.iter().any(|one| one["id"] == id || one["name"] == id) {
                    true => Ok(()),
                    false => Err(format!("{id} is not listed")),
                }
            }
        };
        self.ask(Check::ResourceTypes, get("/ResourceTypes"), named("User")).await;
        self.ask(Check::Schemas, get("/Schemas"), named(USER)).await;
    }

    async fn writes_that_must_fail(&self) {
        let known = |handle: PersonHandle| self.persona.account(handle).ok().zip(self.persona.id_of(handle));
        let Some((first, _)) = known(0) else { return };
        let style = &self.persona.style().user;
        let twin = user::whole(style, &first);
        let taken = |answer: &Answer| {
            answer::status(409)(answer)?;
            match answer.body.as_ref().map(|body| &body["scimType"]) {
                Some(kind) if kind == "uniqueness" => Ok(()),
                kind => Err(format!("scimType is {}", kind.unwrap_or(&Value::Null))),
            }
        };
        let ask = Ask::new("creates somebody twice", "POST", "/Users", Some(twin.clone()));
        self.ask(Check::Uniqueness, ask, taken).await;
        match style.profile {
            Change::Put(_) => {
                let ask = Ask::new("puts nobody", "PUT", format!("/Users/{NOBODY}"), Some(twin));
                self.ask(Check::PutDoesNotCreate, ask, answer::status(404)).await;
            }
            Change::Patch(_) => {
                let Some((second, id)) = known(1) else { return };
                let body = json!({"schemas": [PATCH_OP], "Operations": [
                    {"op": "replace", "path": "nickName", "value": "Half done"},
                    {"op": "replace", "path": "userName", "value": first.person.user_name},
                ]});
                let path = format!("/Users/{id}");
                let ask = Ask::new("takes a name in use", "PATCH", path.clone(), Some(body));
                self.ask(Check::PatchIsAtomic, ask, answer::status(409)).await;
                let untouched = |answer: &Answer| {
                    let user = answer::user(answer)?;
                    let same =
                        user["nickName"].is_null() && user["userName"] == second.person.user_name.as_str();
                    if same { Ok(()) } else { Err("the first operation stayed".to_owned()) }
                };
                self.ask(Check::PatchIsAtomic, get(path), untouched).await;
            }
        }
    }

    /// Deletes something that the script made.
    pub(crate) async fn delete(&self, path: String) {
        self.ask(Check::Delete, Ask::new("cleans up", "DELETE", path, None), answer::deleted).await;
    }

    /// Reads the users page by page.
    pub(crate) async fn pages(&self, expected: i64) {
        let (mut seen, mut read) = (HashSet::new(), 0);
        // So that there are several pages even of a small directory.
        let size = usize::try_from(expected / 3).unwrap_or(0).clamp(1, PAGE);
        for _ in 0..PAGES {
            let complete = |answer: &Answer| {
                let page = answer::page(answer)?;
                if i64::try_from(page.total) != Ok(expected) {
                    return Err(format!("totalResults is {}, {expected} users are there", page.total));
                }
                let ids: Vec<String> =
                    page.resources.iter().filter_map(|user| Some(user["id"].as_str()?.to_owned())).collect();
                let left = usize::try_from(page.total).unwrap_or(usize::MAX).saturating_sub(read);
                if ids.is_empty() && left > 0 {
                    return Err(format!("the page is empty, {left} users were not on any"));
                }
                if ids.len() > size {
                    return Err(format!("the page has {} users, {size} were asked for", ids.len()));
                }
                Ok((ids, left))
            };
            let ask = get(format!("/Users?startIndex={}&count={size}", read + 1));
            let shown = ask.clone();
            let Some((ids, left)) = self.ask(Check::Pagination, ask, complete).await else { return };
            read += ids.len();
            let (count, done) = (ids.len(), ids.len() >= left);
            let new = ids.into_iter().filter(|id| seen.insert(id.clone())).count();
            if new < count {
                let failure = shown.failure(200, None, format!("{} users came twice", count - new));
                crate::Observer::judged(&mut self.recorder.clone(), Check::Pagination, Err(failure));
            }
            if done {
                return;
            }
        }
    }
}
