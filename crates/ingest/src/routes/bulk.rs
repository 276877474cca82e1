//! `POST /Bulk`: RFC 7644 §3.7. Each operation is a write of its own, in the order of the plan; the request is not
//! one transaction.
//!
//! A resource that was created as a shell and cannot be completed is deleted again, as if its operation had failed at
//! once. Like any other change, both are seen in the events.

use std::io;

use actix_web::http::StatusCode;
use rollcall_domain::{Command, Precondition, Reply};
use rollcall_scim::{
    BulkChange, BulkMethod, BulkOperation, BulkPlan, BulkRequest, BulkStep, BulkTarget, ResourceKind,
    ScimError, schema::BULK_RESPONSE,
};
use serde_json::{Map, Value, json};

use super::command;
use crate::{answer::Answer, call::Call, etag, failure::Failure, metric, represent};

pub(super) async fn carry_out(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let body = call.bulk_body().await?;
    let most = call.state.settings.bulk_operations;
    let request = call.noting(|applied| BulkRequest::parse(body, &call.rules, most, applied))?;
    let mut job = Job::new(call, &request.operations);
    let mut plan = BulkPlan::new(request.operations);
    while let Some(step) = plan.next_step() {
        let (index, created) = Box::pin(job.take(step)).await;
        plan.settle(index, created.as_deref());
        if request.fail_on_errors.is_some_and(|most| job.errors >= most) {
            break;
        }
    }
    for (index, kind, id) in plan.shells() {
        let error = ScimError::new(409, "The request ended before what this resource refers to was created.");
        job.withdraw(index, kind, &id, error.into()).await;
    }
    let answers: Vec<Value> = job.answers.into_iter().flatten().collect();
    Ok(Answer::json(StatusCode::OK, &json!({"schemas": [BULK_RESPONSE], "Operations": answers})))
}

/// What has been answered so far.
struct Job<'c, 'a> {
    call: &'c Call<'a>,
    base: String,
    /// By place in the request; `None` for what was not carried out.
    answers: Vec<Option<Value>>,
    named: Vec<Named>,
    errors: u64,
}

/// What the answer repeats of an operation.
struct Named {
    method: String,
    bulk_id: Option<String>,
    path: String,
}

/// What a write left behind: id and version, if it left anything.
type Left = Option<(String, u64)>;

impl<'c, 'a> Job<'c, 'a> {
    fn new(call: &'c Call<'a>, operations: &[BulkOperation]) -> Self {
        let named = operations.iter().map(|one| Named {
            method: one.method.clone(),
            bulk_id: one.bulk_id.clone(),
            path: one.path.clone(),
        });
        let (named, answers) = (named.collect(), vec![None; operations.len()]);
        Self { call, base: call.base(), answers, named, errors: 0 }
    }

    /// Takes a step; gives its operation's place, and the id of the resource that it created.
    async fn take(&mut self, step: BulkStep) -> (usize, Option<String>) {
        match step {
            BulkStep::Run { index, change } | BulkStep::Shell { index, change } => {
                let (method, kind) = (change.method, change.kind);
                let target = match &change.target {
                    Some(BulkTarget::Id(id)) => Some(id.clone()),
                    _ => None,
                };
                match self.write(change).await {
                    Ok(left) => {
                        let id = target.or_else(|| left.as_ref().map(|(id, _)| id.clone()));
                        self.succeeded(index, method, kind, id.as_deref(), left.as_ref().map(|left| left.1));
                        let created = left.map(|(id, _)| id).filter(|_| method == BulkMethod::Post);
                        (index, created)
                    }
                    Err(failure) => {
                        let location = target.map(|id| represent::location(&self.base, kind, &id));
                        self.failed(index, location, failure);
                        (index, None)
                    }
                }
            }
            BulkStep::Link { index, kind, id, data } => {
                let linked = match data {
                    Ok(data) => self.link(kind, &id, data).await,
                    Err(error) => Err(error.into()),
                };
                match linked {
                    Ok(left) => {
                        let version = left.map(|left| left.1);
                        self.succeeded(index, BulkMethod::Post, kind, Some(&id), version);
                    }
                    Err(failure) => self.withdraw(index, kind, &id, failure).await,
                }
                (index, None)
            }
            BulkStep::Fail { index, error } => {
                let is_new = self.named[index].method == BulkMethod::Post.as_str();
                let path = &self.named[index].path;
                let location = (!is_new && !path.is_empty())
                    .then(|| format!("{}/{}", self.base, path.trim_start_matches('/')));
                self.failed(index, location, error.into());
                (index, None)
            }
        }
    }

    async fn write(&self, change: BulkChange) -> Result<Left, Failure> {
        let BulkChange { method, kind, target, version, data } = change;
        let most = self.call.body_bytes(kind);
        if is_larger(&data, most) {
            return Err(Failure::BodyTooLarge(most));
        }
        let id = match &target {
            Some(BulkTarget::Id(id)) => id.as_str(),
            // A plan resolves them all.
            Some(BulkTarget::BulkId(_)) => return Err(Failure::NoSuchResource),
            None => "",
        };
        let precondition = version.as_deref().map_or(Precondition::None, etag::precondition_of);
        let command = match method {
            BulkMethod::Post => command::create(self.call, kind, data)?,
            BulkMethod::Put => command::replace(self.call, kind, id, data, precondition)?,
            BulkMethod::Patch => command::patch(self.call, kind, id, data, precondition)?,
            BulkMethod::Delete => command::delete(kind, id, precondition)?,
        };
        self.commit(method, command).await
    }

    async fn link(&self, kind: ResourceKind, id: &str, data: Map<String, Value>) -> Result<Left, Failure> {
        let command = command::patch(self.call, kind, id, data, Precondition::None)?;
        self.commit(BulkMethod::Patch, command).await
    }

    async fn commit(&self, method: BulkMethod, command: Command) -> Result<Left, Failure> {
        let committed = self.call.write_by(method.as_str(), command, 0).await?;
        Ok(match committed.reply {
            Reply::User(record) => Some((record.id.as_str().to_owned(), record.version)),
            Reply::Group(record) => Some((record.id.as_str().to_owned(), record.version)),
            Reply::Deleted | Reply::Directory(_) | Reply::Told => None,
        })
    }

    /// Deletes what an operation created and could not complete.
    async fn withdraw(&mut self, index: usize, kind: ResourceKind, id: &str, failure: Failure) {
        if let Ok(command) = command::delete(kind, id, Precondition::None)
            && let Err(failure) = self.commit(BulkMethod::Delete, command).await
        {
            tracing::warn!(
                id,
                reason = failure.reason().as_str(),
                "a bulk operation left an incomplete resource behind"
            );
        }
        self.failed(index, None, failure);
    }

    fn succeeded(
        &mut self,
        index: usize,
        method: BulkMethod,
        kind: ResourceKind,
        id: Option<&str>,
        version: Option<u64>,
    ) {
        let status = match method {
            BulkMethod::Post => 201,
            BulkMethod::Put | BulkMethod::Patch => 200,
            BulkMethod::Delete => 204,
        };
        let location = id.map(|id| represent::location(&self.base, kind, id));
        let version = version.map(etag::of_version);
        self.answered(index, status, location, version, None);
    }

    fn failed(&mut self, index: usize, location: Option<String>, failure: Failure) {
        self.errors += 1;
        let error = failure.into_error();
        self.answered(index, error.status, location, None, Some(error.to_json()));
    }

    fn answered(
        &mut self,
        index: usize,
        status: u16,
        location: Option<String>,
        version: Option<String>,
        response: Option<Value>,
    ) {
        let named = &self.named[index];
        let mut answer = Map::with_capacity(6);
        answer.extend(location.map(|url| ("location".to_owned(), url.into())));
        answer.insert("method".to_owned(), named.method.as_str().into());
        answer.extend(named.bulk_id.as_ref().map(|id| ("bulkId".to_owned(), id.as_str().into())));
        answer.extend(version.map(|tag| ("version".to_owned(), tag.into())));
        answer.insert("status".to_owned(), status.to_string().into());
        answer.extend(response.map(|error| ("response".to_owned(), error)));
        let known = BulkMethod::ALL.map(BulkMethod::as_str).into_iter().find(|known| *known == named.method);
        metric::bulk_operation(known.unwrap_or("OTHER"), status);
        self.answers[index] = Some(answer.into());
    }
}

/// Whether the JSON text of an operation's data has more bytes than this.
fn is_larger(data: &Map<String, Value>, most: usize) -> bool {
    /// Takes so many bytes and no more.
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("full"))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(most), data).is_err()
}
