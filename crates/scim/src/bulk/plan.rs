//! What to do next.
//!
//! Each operation waits for the operations that create what it refers to, and for nothing else; of those that wait
//! for nothing, the first of the request is next. When all that is left waits, there is a circle of references: one
//! of the circle is then created without its open references ([`BulkStep::Shell`]), and gets them as soon as they
//! are known ([`BulkStep::Link`]).

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::{
    BULK_ID_PREFIX,
    references::{cut, references, resolve},
    request::{BulkChange, BulkMethod, BulkOperation, BulkTarget},
};
use crate::{
    error::{ScimError, excerpt},
    kind::ResourceKind,
    schema::PATCH_OP,
};

/// What is to be done for one operation; `index` is its place in the request.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkStep {
    /// Carry it out. No reference is left in it.
    Run {
        /// Which.
        index: usize,
        /// What.
        change: BulkChange,
    },
    /// Create the resource without what refers to resources that do not exist yet. A [`BulkStep::Link`] follows.
    Shell {
        /// Which.
        index: usize,
        /// What.
        change: BulkChange,
    },
    /// Complete the resource that a shell created, by a PATCH with this body.
    Link {
        /// Which.
        index: usize,
        /// The resource's kind.
        kind: ResourceKind,
        /// The resource's id.
        id: String,
        /// A PatchOp message; or why it cannot be completed, and is to be deleted again.
        data: Result<Map<String, Value>, ScimError>,
    },
    /// It cannot be carried out.
    Fail {
        /// Which.
        index: usize,
        /// Why.
        error: ScimError,
    },
}

/// The plan of a bulk request, and how far it has come.
#[derive(Debug)]
pub struct BulkPlan {
    entries: Vec<Entry>,
    /// Which of them have nothing to wait for.
    ready: BTreeSet<usize>,
    /// Which of them wait, and were not begun.
    waiting: BTreeSet<usize>,
    /// The id that came of each bulkId.
    ids: HashMap<String, String>,
    /// The bulkIds of which nothing came.
    failed: HashSet<String>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// Of a POST: what others call its resource.
    bulk_id: Option<String>,
    /// The operations that create what it refers to.
    needs: Vec<usize>,
    /// How many of them are not settled.
    open: usize,
    /// The operations that refer to what it creates.
    needed_by: Vec<usize>,
}

#[derive(Debug)]
enum State {
    Planned(Result<BulkChange, ScimError>),
    /// Being carried out; with the references that were cut out, if any.
    Begun {
        kind: Option<ResourceKind>,
        cut: Map<String, Value>,
    },
    Shell {
        kind: ResourceKind,
        id: String,
        cut: Map<String, Value>,
    },
    Settled,
}

impl BulkPlan {
    /// Plans these operations.
    #[must_use]
    pub fn new(operations: Vec<BulkOperation>) -> Self {
        let creators: HashMap<String, usize> = operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| operation.method == BulkMethod::Post.as_str())
            .filter_map(|(index, operation)| Some((operation.bulk_id.clone()?, index)))
            .collect();
        let mut entries: Vec<Entry> = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            let bulk_id = operation.bulk_id.filter(|id| creators.get(id) == Some(&index));
            let (change, needs) = match operation.change.and_then(|change| needs(change, index, &creators)) {
                Ok((change, needs)) => (Ok(change), needs),
                Err(error) => (Err(error), Vec::new()),
            };
            let (state, open) = (State::Planned(change), needs.len());
            entries.push(Entry { state, bulk_id, needs, open, needed_by: Vec::new() });
        }
        let (mut ready, mut waiting) = (BTreeSet::new(), BTreeSet::new());
        for index in 0..entries.len() {
            if entries[index].open == 0 {
                ready.insert(index)
            } else {
                waiting.insert(index)
            };
            for need in entries[index].needs.clone() {
                entries[need].needed_by.push(index);
            }
        }
        Self { entries, ready, waiting, ids: HashMap::new(), failed: HashSet::new() }
    }

    /// The next step; `None` when everything is settled. Its outcome has to be told to [`BulkPlan::settle`] before
    /// the next one is asked for.
    pub fn next_step(&mut self) -> Option<BulkStep> {
        if let Some(index) = self.ready.pop_first() {
            return Some(self.begin(index));
        }
        let index = self.of_a_circle()?;
        self.waiting.remove(&index);
        Some(self.begin(index))
    }

    fn begin(&mut self, index: usize) -> BulkStep {
        let lost = self.lost(index);
        let entry = &mut self.entries[index];
        match std::mem::replace(&mut entry.state, State::Settled) {
            State::Planned(Err(error)) => self.fail(index, error),
            State::Planned(Ok(mut change)) => {
                if let Some(error) = lost {
                    return self.fail(index, error);
                }
                let ids = &self.ids;
                let cut = cut(&mut change.data, &|bulk_id| !ids.contains_key(bulk_id));
                resolve(&mut change.data, &|bulk_id| ids.get(bulk_id).map(String::as_str));
                if let Some(BulkTarget::BulkId(bulk_id)) = &change.target
                    && let Some(id) = ids.get(bulk_id)
                {
                    change.target = Some(BulkTarget::Id(id.clone()));
                }
                let is_shell = !cut.is_empty();
                self.entries[index].state = State::Begun { kind: Some(change.kind), cut };
                if is_shell { BulkStep::Shell { index, change } } else { BulkStep::Run { index, change } }
            }
            State::Shell { kind, id, mut cut } => {
                let ids = &self.ids;
                resolve(&mut cut, &|bulk_id| ids.get(bulk_id).map(String::as_str));
                entry.state = State::Begun { kind: None, cut: Map::new() };
                let data = match lost {
                    Some(error) => Err(error),
                    None => Ok(link(cut)),
                };
                BulkStep::Link { index, kind, id, data }
            }
            // Neither is ever ready.
            State::Begun { .. } | State::Settled => {
                BulkStep::Fail { index, error: ScimError::new(500, "The operation was planned twice.") }
            }
        }
    }

    fn fail(&mut self, index: usize, error: ScimError) -> BulkStep {
        self.entries[index].state = State::Begun { kind: None, cut: Map::new() };
        BulkStep::Fail { index, error }
    }

    /// Tells how the step of this operation went: the id of the resource that there is now, if the step created
    /// one; `None` also for a failure.
    pub fn settle(&mut self, index: usize, created: Option<&str>) {
        let entry = &mut self.entries[index];
        let begun = std::mem::replace(&mut entry.state, State::Settled);
        let bulk_id = entry.bulk_id.take();
        if let (State::Begun { kind: Some(kind), cut }, Some(id)) = (begun, created)
            && !cut.is_empty()
        {
            entry.state = State::Shell { kind, id: id.to_owned(), cut };
        }
        // Of a link, the others were told when its shell was made.
        let Some(bulk_id) = bulk_id else { return };
        match created {
            Some(id) => drop(self.ids.insert(bulk_id, id.to_owned())),
            None => drop(self.failed.insert(bulk_id)),
        }
        for dependant in std::mem::take(&mut self.entries[index].needed_by) {
            let dependant_entry = &mut self.entries[dependant];
            dependant_entry.open = dependant_entry.open.saturating_sub(1);
            let unsettled = !matches!(dependant_entry.state, State::Settled);
            if dependant_entry.open == 0 && unsettled {
                self.waiting.remove(&dependant);
                self.ready.insert(dependant);
            }
        }
    }

    /// The shells that were created and not completed, for a plan that is given up: place, kind and id.
    #[must_use]
    pub fn shells(&self) -> Vec<(usize, ResourceKind, String)> {
        let shell = |(index, entry): (usize, &Entry)| match &entry.state {
            State::Shell { kind, id, .. } => Some((index, *kind, id.clone())),
            _ => None,
        };
        self.entries.iter().enumerate().filter_map(shell).collect()
    }

    /// What to say of an operation that needs something which could not be created.
    fn lost(&self, index: usize) -> Option<ScimError> {
        if self.failed.is_empty() {
            return None;
        }
        let entry = &self.entries[index];
        let names = match &entry.state {
            State::Planned(Ok(change)) => names(change),
            State::Shell { cut, .. } => references(cut),
            _ => BTreeSet::new(),
        };
        let name = names.into_iter().find(|name| self.failed.contains(name))?;
        Some(ScimError::new(
            409,
            format!("\"{BULK_ID_PREFIX}{}\" was not created, and this operation needs it.", excerpt(&name)),
        ))
    }

    /// The first operation of some circle of references among those that wait.
    fn of_a_circle(&self) -> Option<usize> {
        let mut at = *self.waiting.first()?;
        let mut walked = Vec::new();
        let mut place: HashMap<usize, usize> = HashMap::new();
        loop {
            if let Some(begin) = place.insert(at, walked.len()) {
                return walked[begin..].iter().min().copied();
            }
            walked.push(at);
            // Whatever waits needs something that waits itself.
            at = *self.entries[at].needs.iter().find(|need| self.waiting.contains(need))?;
        }
    }
}

/// The operations that a change needs.
fn needs(
    change: BulkChange,
    index: usize,
    creators: &HashMap<String, usize>,
) -> Result<(BulkChange, Vec<usize>), ScimError> {
    let mut needs = Vec::new();
    for name in names(&change) {
        let conflict =
            |what: &str| ScimError::new(409, format!("\"{BULK_ID_PREFIX}{}\" {what}.", excerpt(&name)));
        match creators.get(&name) {
            None => return Err(conflict("is the bulkId of no POST in this request")),
            Some(creator) if *creator == index && change.kind == ResourceKind::Group => {
                return Err(conflict("is this group itself, which cannot be its own member"));
            }
            Some(creator) => needs.push(*creator),
        }
    }
    Ok((change, needs))
}

fn names(change: &BulkChange) -> BTreeSet<String> {
    let mut names = references(&change.data);
    if let Some(BulkTarget::BulkId(bulk_id)) = &change.target {
        names.insert(bulk_id.clone());
    }
    names
}

fn link(cut: Map<String, Value>) -> Map<String, Value> {
    let operation = json!({"op": "add", "value": cut});
    Map::from_iter([
        ("schemas".to_owned(), Value::from(vec![PATCH_OP])),
        ("Operations".to_owned(), Value::Array(vec![operation])),
    ])
}
