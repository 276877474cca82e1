//! Slots: how many attempts may be under way, in two pools, so that endpoints that answer slowly
//! or not at all never hold what the quick ones need.
//!
//! A lane that was slow lately takes its slots from the slow pool. An attempt that turns out slow
//! moves its slot there while it goes on, even if the pool is full: it then lacks only to newcomers
//! of that pool. A tenant's share is counted in each pool by itself, so that its slow endpoints do
//! not hold what its quick ones need; so is a destination host's, so that no receiver's machine gets all
//! that this process can send. Slots are given back when they are dropped.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    time::Duration,
};

use rollcall_domain::ids::OrganizationId;

/// From here on an attempt counts as slow.
pub(crate) const SLOW: Duration = Duration::from_secs(1);

/// Whose fair share an attempt counts towards; endpoints of no organization count as one.
pub(crate) type Tenant = Option<OrganizationId>;

/// The destination of an endpoint, host and port as in its URL.
pub(crate) type Host = Rc<str>;

/// Which pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    Fast,
    Slow,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Slots {
    fast: Cell<usize>,
    slow: Cell<usize>,
    /// By pool.
    by_tenant: RefCell<HashMap<Tenant, [usize; 2]>>,
    /// By pool.
    by_host: RefCell<HashMap<Host, [usize; 2]>>,
    fast_max: usize,
    slow_max: usize,
    tenant_max: usize,
    host_max: usize,
}

/// How quickly a lane's endpoint answers.
#[derive(Debug, Default)]
pub(crate) struct Speed {
    /// Attempts under way for longer than [`SLOW`].
    aged: Cell<u32>,
    timed_out: Cell<bool>,
    /// A moving average in seconds.
    average: Cell<f64>,
}

impl Speed {
    pub(crate) fn note(&self, took: Duration, timed_out: bool) {
        self.timed_out.set(timed_out);
        self.average.set(self.average.get() * 0.8 + took.as_secs_f64() * 0.2);
    }

    pub(crate) fn pool(&self) -> Pool {
        let slow = self.aged.get() > 0 || self.timed_out.get() || self.average.get() > SLOW.as_secs_f64();
        if slow { Pool::Slow } else { Pool::Fast }
    }
}

/// An attempt's place; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Rc<Slots>,
    speed: Rc<Speed>,
    tenant: Tenant,
    host: Host,
    pool: Pool,
    aged: bool,
}

impl Slots {
    pub(crate) fn new(fast_max: usize, slow_max: usize, tenant_max: usize, host_max: usize) -> Rc<Self> {
        Rc::new(Self {
            fast: Cell::new(0),
            slow: Cell::new(0),
            by_tenant: RefCell::default(),
            by_host: RefCell::default(),
            fast_max: fast_max.max(1),
            slow_max: slow_max.max(1),
            tenant_max: tenant_max.max(1),
            host_max: host_max.max(1),
        })
    }

    fn cell(&self, pool: Pool) -> &Cell<usize> {
        match pool {
            Pool::Fast => &self.fast,
            Pool::Slow => &self.slow,
        }
    }

    /// How many of a pool are taken.
    pub(crate) fn in_use(&self, pool: Pool) -> usize {
        self.cell(pool).get()
    }

    /// How many of a pool are free.
    pub(crate) fn free(&self, pool: Pool) -> usize {
        let max = if pool == Pool::Fast { self.fast_max } else { self.slow_max };
        max.saturating_sub(self.in_use(pool))
    }

    /// Whether a tenant may have one more of a pool. Attempts that age go over to the slow pool
    /// whatever its share there, so both together are bounded too.
    pub(crate) fn tenant_has_room(&self, tenant: &Tenant, pool: Pool) -> bool {
        self.by_tenant.borrow().get(tenant).is_none_or(|n| {
            n[pool as usize] < self.tenant_max && n[0] + n[1] < self.tenant_max.saturating_mul(2)
        })
    }

    /// How many more of a pool a host may have, counted in the same way.
    pub(crate) fn host_room(&self, host: &Host, pool: Pool) -> usize {
        self.by_host.borrow().get(host).map_or(self.host_max, |n| {
            let both = self.host_max.saturating_mul(2).saturating_sub(n[0] + n[1]);
            self.host_max.saturating_sub(n[pool as usize]).min(both)
        })
    }

    /// Takes a slot; the caller has seen that there is one.
    pub(crate) fn take(self: &Rc<Self>, speed: &Rc<Speed>, tenant: &Tenant, host: &Host) -> Slot {
        let pool = speed.pool();
        let cell = self.cell(pool);
        cell.set(cell.get() + 1);
        self.by_tenant.borrow_mut().entry(tenant.clone()).or_default()[pool as usize] += 1;
        self.by_host.borrow_mut().entry(Rc::clone(host)).or_default()[pool as usize] += 1;
        Slot {
            slots: Rc::clone(self),
            speed: Rc::clone(speed),
            tenant: tenant.clone(),
            host: Rc::clone(host),
            pool,
            aged: false,
        }
    }
}

impl Slot {
    /// The attempt has been under way for long.
    pub(crate) fn age(&mut self) {
        if !self.aged {
            self.aged = true;
            self.speed.aged.set(self.speed.aged.get() + 1);
            self.give_back();
            if let Some(n) = self.slots.by_tenant.borrow_mut().get_mut(&self.tenant) {
                n[self.pool as usize] -= 1;
                n[Pool::Slow as usize] += 1;
            }
            if let Some(n) = self.slots.by_host.borrow_mut().get_mut(&self.host) {
                n[self.pool as usize] -= 1;
                n[Pool::Slow as usize] += 1;
            }
            self.pool = Pool::Slow;
            let slow = &self.slots.slow;
            slow.set(slow.get() + 1);
        }
    }

    fn give_back(&self) {
        let cell = self.slots.cell(self.pool);
        cell.set(cell.get().saturating_sub(1));
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.give_back();
        if self.aged {
            self.speed.aged.set(self.speed.aged.get().saturating_sub(1));
        }
        let mut by_tenant = self.slots.by_tenant.borrow_mut();
        if let Some(n) = by_tenant.get_mut(&self.tenant) {
            n[self.pool as usize] -= 1;
            if *n == [0, 0] {
                by_tenant.remove(&self.tenant);
            }
        }
        let mut by_host = self.slots.by_host.borrow_mut();
        if let Some(n) = by_host.get_mut(&self.host) {
            n[self.pool as usize] -= 1;
            if *n == [0, 0] {
                by_host.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_ages_leaves_the_fast_pool() {
        let slots = Slots::new(2, 1, 8, 8);
        let speed = Rc::new(Speed::default());
        let mut slot = slots.take(&speed, &None, &"a".into());
        let other = slots.take(&speed, &None, &"a".into());
        assert_eq!((slots.free(Pool::Fast), slots.free(Pool::Slow)), (0, 1));
        slot.age();
        slot.age();
        assert_eq!((slots.free(Pool::Fast), slots.free(Pool::Slow)), (1, 0));
        assert_eq!(speed.pool(), Pool::Slow);
        drop(slot);
        drop(other);
        assert_eq!((slots.in_use(Pool::Fast), slots.in_use(Pool::Slow)), (0, 0));
        assert_eq!(speed.pool(), Pool::Fast);
        speed.note(Duration::from_secs(15), true);
        assert_eq!(speed.pool(), Pool::Slow);
    }

    #[test]
    fn a_tenant_has_its_cap() {
        let slots = Slots::new(9, 9, 1, 9);
        let speed = Rc::new(Speed::default());
        let mut slot = slots.take(&speed, &None, &"a".into());
        let room = || [Pool::Fast, Pool::Slow].map(|pool| slots.tenant_has_room(&None, pool));
        assert_eq!(room(), [false, true]);
        slot.age();
        assert_eq!(room(), [true, false]);
        let other = slots.take(&Rc::default(), &None, &"a".into());
        assert_eq!(room(), [false, false]);
        drop((slot, other));
        assert_eq!(room(), [true, true]);
    }

    #[test]
    fn a_host_has_its_cap_whosever_endpoints_it_serves() {
        let slots = Slots::new(9, 9, 9, 2);
        let (busy, other): (Host, Host) = ("busy:443".into(), "other:443".into());
        let room = |host| [Pool::Fast, Pool::Slow].map(|pool| slots.host_room(host, pool));
        let tenant = Some(OrganizationId::from_uuid(uuid::Uuid::nil()));
        let mut one = slots.take(&Rc::default(), &None, &busy);
        let two = slots.take(&Rc::default(), &tenant, &busy);
        assert_eq!((room(&busy), room(&other)), ([0, 2], [2, 2]));
        one.age();
        assert_eq!(room(&busy), [1, 1]);
        let three = slots.take(&Rc::default(), &None, &busy);
        assert_eq!(room(&busy), [0, 1]);
        drop((one, two, three));
        assert!(slots.by_host.borrow().is_empty());
    }
}
