//! What an observer sees: each request with its answer, and each verdict on an answer.

use std::{future::Future, time::Duration};

use serde_json::Value;

use crate::{Check, check::Verdict};

/// One request of a persona and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The product that sent it, such as `Entra ID`.
    pub persona: &'static str,
    /// What it is for, in words: `hires Ada Okafor`.
    pub what: String,
    /// The HTTP method.
    pub method: &'static str,
    /// The path and query below the base URL, as sent.
    pub path: String,
    /// The request's body.
    pub request: Option<Value>,
    /// The answer's status.
    pub status: u16,
    /// The answer's body, if it was JSON.
    pub answer: Option<Value>,
    /// From sending the request to the end of the answer.
    pub duration: Duration,
}

/// Is shown each exchange, accepted or not, before the persona goes on.
pub trait Observer: Send {
    /// An exchange is over. The persona waits for the returned future.
    fn seen(&mut self, exchange: Exchange) -> impl Future<Output = ()> + Send;

    /// An answer was held against a check.
    fn judged(&mut self, _check: Check, _verdict: Verdict) {}
}

/// Looks at nothing.
impl Observer for () {
    async fn seen(&mut self, _exchange: Exchange) {}
}

/// Collects.
impl Observer for Vec<Exchange> {
    async fn seen(&mut self, exchange: Exchange) {
        self.push(exchange);
    }
}
