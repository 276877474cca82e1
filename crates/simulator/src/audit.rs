//! Reads back after each phase what the target holds, and compares it with what the persona
//! remembers. Large phases are read back in an even sample.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    Check, Error, GroupHandle, PersonHandle, Persona, Phase, Plan, Step, Target, answer,
    ledger::Recorder,
    readback,
    style::{Headers, Urls},
    wire::{Ask, Wire, eq},
};

/// How many people and how many groups are read back after a phase at most.
const SAMPLE: usize = 500;
/// How many of them are also looked for by filter, and read without members.
const FILTERED: usize = 10;

const WHAT: &str = "reads back";

/// The checking side's own way of speaking: as the standard has it.
pub(crate) const HEADERS: Headers = Headers {
    user_agent: concat!("Rollcall-Simulator/", env!("CARGO_PKG_VERSION"), " (read-back)"),
    content_type: "application/scim+json",
    accept: "application/scim+json",
    accept_charset: None,
};

/// The checking side's connection.
pub(crate) fn wire(persona: &Persona, target: &Target) -> Result<Wire, Error> {
    Wire::new("the read-back", target, [HEADERS; 2], Urls::PLAIN, persona.style().retry)
}

/// Reads back.
pub(crate) struct Auditor<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) persona: &'a Persona,
    pub(crate) recorder: &'a Recorder,
    pub(crate) concurrency: usize,
}

/// Who is read back after a phase, with what has to be known from before it.
pub(crate) struct Sample {
    people: Vec<Before>,
    groups: Vec<GroupBefore>,
}

struct Before {
    handle: PersonHandle,
    /// Where the person was, if it was there.
    known: Option<(String, String)>,
    stamp: Option<Stamp>,
}

struct GroupBefore {
    handle: GroupHandle,
    id: Option<String>,
    stamp: Option<Stamp>,
}

/// What moves when a resource changes.
#[derive(Debug, PartialEq)]
struct Stamp {
    version: Value,
    last_modified: Value,
}

fn stamp(answer: &answer::Answer) -> Result<Stamp, String> {
    let resource = answer::document(answer)?;
    let meta = |name: &str| resource["meta"][name].clone();
    Ok(Stamp { version: meta("version"), last_modified: meta("lastModified") })
}

fn get(path: String) -> Ask {
    Ask::new(WHAT, "GET", path, None)
}

impl Auditor<'_> {
    /// Chooses who will be read back.
    pub(crate) async fn before(&self, plan: &Plan, phase: Phase) -> Sample {
        let stride = plan.count(phase).div_ceil(SAMPLE).max(1);
        let (mut people, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for step in plan.errands(phase).step_by(stride).flatten() {
            people.extend(step.people());
            if self.persona.style().group.is_some() {
                groups.extend(step.groups().into_iter().flatten());
            }
            if let Step::Leave(person) = step {
                groups.extend(self.persona.memory().groups_with(person));
            }
        }
        let unchanged = phase == Phase::Again;
        let mut sample = Sample { people: Vec::new(), groups: Vec::new() };
        for handle in people {
            let known = self.persona.id_of(handle).zip(self.persona.person(handle));
            let known = known.map(|(id, person)| (id, person.user_name));
            let stamp = match &known {
                Some((id, _)) if unchanged => self.stamp(format!("/Users/{id}")).await,
                _ => None,
            };
            sample.people.push(Before { handle, known, stamp });
        }
        for handle in groups.into_iter().take(SAMPLE) {
            let id = self.persona.memory().group(handle).ok().map(|group| group.id.clone());
            let stamp = match &id {
                Some(id) if unchanged => self.stamp(format!("/Groups/{id}?excludedAttributes=members")).await,
                _ => None,
            };
            sample.groups.push(GroupBefore { handle, id, stamp });
        }
        sample
    }

    async fn stamp(&self, path: String) -> Option<Stamp> {
        let mut recorder = self.recorder.clone();
        self.wire.ask(Check::UnchangedStaysUnchanged, get(path), stamp, &mut recorder).await.ok()
    }

    /// Reads the sample back. Every verdict is in the ledger.
    pub(crate) async fn after(&self, phase: Phase, sample: &Sample) {
        let people = sample.people.iter().enumerate();
        stream::iter(people)
            .for_each_concurrent(self.concurrency, |(n, before)| async move {
                self.person(phase, before, n < FILTERED).await;
            })
            .await;
        let groups = sample.groups.iter().enumerate();
        stream::iter(groups)
            .for_each_concurrent(self.concurrency, |(n, before)| async move {
                self.group(before, n < FILTERED).await;
            })
            .await;
    }

    async fn person(&self, phase: Phase, before: &Before, filtered: bool) {
        let mut recorder = self.recorder.clone();
        let Some(id) = self.persona.id_of(before.handle) else {
            if let Some((id, user_name)) = &before.known {
                self.gone(&format!("/Users/{id}"), "/Users", &eq("userName", user_name), filtered).await;
            }
            return;
        };
        let Ok(account) = self.persona.account(before.handle) else { return };
        let check = match phase {
            Phase::Users | Phase::Joiners | Phase::Members => Check::StoredAsSent,
            Phase::Managers => Check::Manager,
            Phase::Leavers | Phase::Departures => Check::Deactivate,
            Phase::Returners => Check::Reactivate,
            _ => Check::UpdatedAsSent,
        };
        let style = &self.persona.style().user;
        let path = format!("/Users/{id}");
        let mut read = None;
        let same = |answer: &answer::Answer| {
            let user = answer::user(answer)?;
            let differences = readback::differences(style, &account, &user);
            read = Some(values_and_stamp(&user));
            if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
        };
        let asked = get(path);
        let shown = asked.clone();
        let _ = self.wire.ask(check, asked, same, &mut recorder).await;
        if let Some((groups, now)) = read {
            // Before the groups are filled somebody may be in those of an earlier run.
            if phase != Phase::Users {
                self.judge_groups(before.handle, &groups, &shown);
            }
            if let Some(stamp) = &before.stamp {
                self.judge_stamp(stamp, &now, &shown);
            }
        }
        if filtered {
            let name = &account.person.user_name;
            self.found_by_name(Check::FilterFinds, &id, name).await;
            self.found_by_name(Check::UserNameCase, &id, &name.to_uppercase()).await;
        }
    }

    fn judge_groups(&self, handle: PersonHandle, held: &BTreeSet<String>, asked: &Ask) {
        if self.persona.style().group.is_none() {
            return;
        }
        let sent = self.persona.memory().groups_of(handle);
        let verdict = match readback::set_difference("groups", &sent, held) {
            None => Ok(()),
            Some(why) => Err(asked.failure(200, None, why)),
        };
        crate::Observer::judged(&mut self.recorder.clone(), Check::UserGroups, verdict);
    }

    fn judge_stamp(&self, before: &Stamp, now: &Stamp, asked: &Ask) {
        let verdict = if before == now {
            Ok(())
        } else {
            Err(asked.failure(200, None, format!("meta was {before:?} and is {now:?}")))
        };
        crate::Observer::judged(&mut self.recorder.clone(), Check::UnchangedStaysUnchanged, verdict);
    }

    async fn found_by_name(&self, check: Check, id: &str, name: &str) {
        let path = format!("/Users?filter={}", Urls::PLAIN.filter(&eq("userName", name)));
        let found = |answer: &answer::Answer| match answer::at_most_one(answer)? {
            Some(user) if user["id"] == id => Ok(()),
            Some(user) => Err(format!("it found {} instead of {id}", user["id"])),
            None => Err(format!("it did not find {id}")),
        };
        let _ = self.wire.ask(check, get(path), found, &mut self.recorder.clone()).await;
    }

    async fn gone(&self, path: &str, collection: &str, filter: &str, filtered: bool) {
        let mut recorder = self.recorder.clone();
        let _ = self.wire.ask(Check::Deleted, get(path.to_owned()), answer::status(404), &mut recorder).await;
        if filtered {
            let query = format!("{collection}?filter={}", Urls::PLAIN.filter(filter));
            let _ = self.wire.ask(Check::Deleted, get(query), answer::nobody, &mut recorder).await;
            let again = Ask::new("deletes once more", "DELETE", path, None);
            let _ = self.wire.ask(Check::Deleted, again, answer::status(404), &mut recorder).await;
        }
    }

    async fn group(&self, before: &GroupBefore, filtered: bool) {
        let mut recorder = self.recorder.clone();
        let known = {
            let memory = self.persona.memory();
            memory.group(before.handle).ok().cloned().zip(memory.member_ids(before.handle).ok())
        };
        let Some((group, members)) = known else {
            if let Some(id) = &before.id {
                self.gone(&format!("/Groups/{id}"), "/Groups", &eq("id", id), filtered).await;
            }
            return;
        };
        let path = format!("/Groups/{}", group.id);
        let mut now = None;
        let same = |answer: &answer::Answer| {
            let held = answer::document(answer)?;
            let deleted = self.persona.memory().deleted_of(&readback::values(&held["members"]));
            let differences = readback::group_differences(&group, &members, &deleted, &held);
            now = Some((stamp(answer)?, deleted));
            if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
        };
        let asked = get(path.clone());
        let shown = asked.clone();
        let _ = self.wire.ask(Check::Members, asked, same, &mut recorder).await;
        if let Some((now, deleted)) = now {
            if let Some(before) = &before.stamp {
                self.judge_stamp(before, &now, &shown);
            }
            let left = readback::set_difference("deleted members", &BTreeSet::new(), &deleted);
            let verdict = left.map_or(Ok(()), |why| Err(shown.failure(200, None, why)));
            crate::Observer::judged(&mut recorder, Check::DeletedMembers, verdict);
        }
        if filtered {
            let without = |answer: &answer::Answer| match answer::document(answer)?.get("members") {
                None => Ok(()),
                Some(_) => Err("members is there".to_owned()),
            };
            let asked = get(format!("{path}?excludedAttributes=members"));
            let _ = self.wire.ask(Check::ExcludedAttributes, asked, without, &mut recorder).await;
        }
    }
}

fn values_and_stamp(user: &Value) -> (BTreeSet<String>, Stamp) {
    let meta = |name: &str| user["meta"][name].clone();
    let stamp = Stamp { version: meta("version"), last_modified: meta("lastModified") };
    (readback::values(&user["groups"]), stamp)
}
