//! The gauges of the process, summed up from what its schedulers count.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
};

use metrics::gauge;
use rollcall_domain::ids::EndpointId;

use crate::metric;

/// What one scheduler counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Endpoints that are not sent to because they fail.
    pub(crate) open: Vec<EndpointId>,
    /// Subjects that are parked.
    pub(crate) parked: usize,
    /// Endpoints that are behind, and by how many positions.
    pub(crate) lags: Vec<(EndpointId, u64)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    by_member: RefCell<BTreeMap<u64, Counts>>,
    lag_shown: RefCell<HashSet<EndpointId>>,
}

impl Figures {
    /// What a scheduler counted now.
    pub(crate) fn set(&self, member: u64, counts: Counts) {
        self.by_member.borrow_mut().insert(member, counts);
    }

    pub(crate) fn forget(&self, member: u64) {
        self.by_member.borrow_mut().remove(&member);
    }

    /// Sets the gauges, the lag of at most `most` endpoints among them.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating point")]
    pub(crate) fn show(&self, most: usize) {
        let by_member = self.by_member.borrow();
        let open: HashSet<&EndpointId> = by_member.values().flat_map(|counts| &counts.open).collect();
        gauge!(metric::BREAKERS_OPEN).set(open.len() as f64);
        gauge!(metric::PARKED).set(by_member.values().map(|counts| counts.parked).sum::<usize>() as f64);
        let mut lags: HashMap<&EndpointId, u64> = HashMap::new();
        for (endpoint, behind) in by_member.values().flat_map(|counts| &counts.lags) {
            if lags.len() < most || lags.contains_key(endpoint) {
                *lags.entry(endpoint).or_default() += behind;
            }
        }
        let mut shown = self.lag_shown.borrow_mut();
        shown.retain(|endpoint| {
            let still = lags.contains_key(endpoint);
            if !still {
                gauge!(metric::LAG, "endpoint" => endpoint.to_string()).set(0.0);
            }
            still
        });
        for (endpoint, behind) in lags {
            gauge!(metric::LAG, "endpoint" => endpoint.to_string()).set(behind as f64);
            if !shown.contains(endpoint) {
                shown.insert(endpoint.clone());
            }
        }
    }
}
