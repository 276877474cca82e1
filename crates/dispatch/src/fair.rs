//! Whose turn it is: round robin over tenants, and for each tenant over its lanes.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use crate::{process::Common, slots::Tenant};

/// A lane that has something to send.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// The scheduler whose lane it is.
    pub(crate) member: u64,
    /// Which of its lanes.
    pub(crate) lane: usize,
    /// The endpoint's.
    pub(crate) common: Rc<Common>,
}

/// Lanes that have something to send. A lane stands in it at most once (its owner sees to that).
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    tenants: VecDeque<Tenant>,
    lanes: HashMap<Tenant, VecDeque<Seat>>,
}

impl Rotation {
    pub(crate) fn push(&mut self, tenant: &Tenant, lane: Seat) {
        match self.lanes.get_mut(tenant) {
            Some(lanes) => lanes.push_back(lane),
            None => {
                self.lanes.insert(tenant.clone(), VecDeque::from([lane]));
                self.tenants.push_back(tenant.clone());
            }
        }
    }

    /// Whether `pop` would find one.
    pub(crate) fn has_turn(&self, may: impl Fn(&Tenant) -> bool) -> bool {
        self.tenants.iter().any(may)
    }

    /// The next lane of the next tenant that `may` have a turn; the others keep their places.
    pub(crate) fn pop(&mut self, may: impl Fn(&Tenant) -> bool) -> Option<(Tenant, Seat)> {
        for _ in 0..self.tenants.len() {
            let tenant = self.tenants.pop_front()?;
            if !may(&tenant) {
                self.tenants.push_back(tenant);
                continue;
            }
            let Some(lanes) = self.lanes.get_mut(&tenant) else { continue };
            let lane = lanes.pop_front();
            if lanes.is_empty() {
                self.lanes.remove(&tenant);
            } else {
                self.tenants.push_back(tenant.clone());
            }
            if let Some(lane) = lane {
                return Some((tenant, lane));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use rollcall_domain::ids::OrganizationId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_tenant_with_many_lanes_has_one_turn_in_a_round() {
        let seat = |lane| Seat { member: 0, lane, common: Rc::default() };
        let pop =
            |rotation: &mut Rotation, may: fn(&Tenant) -> bool| rotation.pop(may).map(|(_, seat)| seat.lane);
        let small: Tenant = Some(OrganizationId::from_uuid(Uuid::from_u128(1)));
        let mut rotation = Rotation::default();
        for lane in 0..3 {
            rotation.push(&None, seat(lane));
        }
        rotation.push(&small, seat(7));
        let order: Vec<usize> = std::iter::from_fn(|| pop(&mut rotation, |_| true)).collect();
        assert_eq!(order, [0, 7, 1, 2]);
        rotation.push(&None, seat(1));
        rotation.push(&small, seat(7));
        assert_eq!(pop(&mut rotation, Option::is_some), Some(7));
        assert_eq!(pop(&mut rotation, Option::is_some), None);
        assert_eq!(pop(&mut rotation, |_| true), Some(1));
    }
}
