//! The reference of the registry: rows that are swept at every instant that could matter.

use std::collections::BTreeSet;

use brownout_models::Name;
use brownout_models::policy::registry::{
    Boundary, EmptyServices, Eviction, Expiry, ExpiryCap, Gone, GoneHow, Health, IdScope,
    Incarnations, InitialHealth, Probing, RegistryConfig, RegistryError, SelfPreservation,
};

/// One row an instance, in order of registration within the service.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) service: u32,
    pub(crate) id: u32,
    pub(crate) life: u64,
    pub(crate) seen: u64,
    pub(crate) health: Health,
    gone_at: u64,
    ever: bool,
    beats: u32,
    /// The outcomes of all its probes.
    probes: Vec<bool>,
}

pub(crate) struct Rows {
    pub(crate) config: RegistryConfig,
    pub(crate) services: Vec<u32>,
    pub(crate) rows: Vec<Row>,
    /// Every instant at which somebody was given up, and when the last sweep was.
    pub(crate) losses: Vec<u64>,
}

/// Numbers of a verdict, so that errors of both sides compare.
pub(crate) type Verdict = Result<bool, RegistryError>;

impl Rows {
    fn lease(&self) -> u64 {
        self.config.lease.as_nanos() * u64::from(self.config.fall)
    }

    fn over(&self, silence: u64, lease: u64) -> bool {
        silence > lease || (silence == lease && self.config.boundary == Boundary::Inclusive)
    }

    fn silent(&self, row: &Row, now: u64) -> bool {
        self.over(now - row.seen, self.lease())
    }

    fn fresh(&self, service: u32, id: u32, life: u64, now: u64) -> Row {
        let ever = self.config.initial_health == InitialHealth::Healthy;
        let health = if ever { Health::Healthy } else { Health::Unknown };
        let (seen, gone_at, beats, probes) = (now, 0, 0, Vec::new());
        Row { service, id, life, seen, health, gone_at, ever, beats, probes }
    }

    pub(crate) fn register(&mut self, now: u64, service: u32, id: u32, life: u64) -> Verdict {
        let everywhere = self.config.id_scope == IdScope::Registry;
        let mine = |row: &Row| row.id == id && (everywhere || row.service == service);
        let known = self.rows.iter().position(mine);
        let fresh = self.fresh(service, id, life, now);
        if let Some(at) = known
            && self.config.incarnations == Incarnations::Fenced
            && life < self.rows[at].life
        {
            return Err(RegistryError::StaleIncarnation { known: self.rows[at].life });
        }
        if !self.services.contains(&service) {
            self.services.push(service);
        }
        match known {
            Some(at) if self.rows[at].service == service => {
                if self.config.incarnations == Incarnations::Fenced && self.rows[at].life == life {
                    self.rows[at].seen = now;
                } else {
                    self.rows[at] = fresh;
                }
                Ok(false)
            }
            Some(at) => {
                let left = self.rows.remove(at).service;
                self.rows.push(fresh);
                self.tidy(left);
                Ok(true)
            }
            None => {
                self.rows.push(fresh);
                Ok(true)
            }
        }
    }

    fn tidy(&mut self, service: u32) {
        if self.config.empty_services == EmptyServices::Removed
            && !self.rows.iter().any(|row| row.service == service)
        {
            self.services.retain(|known| *known != service);
        }
    }

    fn find(&self, service: u32, id: u32, life: Option<u64>) -> Result<usize, RegistryError> {
        if !self.services.contains(&service) {
            return Err(RegistryError::ServiceNotFound);
        }
        let at = self.rows.iter().position(|row| row.service == service && row.id == id);
        let at = at.ok_or(RegistryError::InstanceNotFound)?;
        let known = self.rows[at].life;
        match life {
            Some(life) if self.config.incarnations == Incarnations::Fenced && life != known => {
                Err(if life < known {
                    RegistryError::StaleIncarnation { known }
                } else {
                    RegistryError::InstanceNotFound
                })
            }
            _ => Ok(at),
        }
    }

    pub(crate) fn deregister(
        &mut self,
        service: u32,
        id: u32,
        life: u64,
    ) -> Result<(), RegistryError> {
        let at = self.find(service, id, Some(life))?;
        self.rows.remove(at);
        self.tidy(service);
        Ok(())
    }

    fn probes_fail(&self, row: &Row) -> bool {
        let (up, down) = (self.config.healthy_threshold, self.config.unhealthy_threshold);
        let (mut failing, mut run) = (false, 0);
        for passed in &row.probes {
            run = if *passed == failing { run + 1 } else { 0 };
            if run == if failing { up } else { down } {
                (failing, run) = (!failing, 0);
            }
        }
        failing
    }

    pub(crate) fn heartbeat(&mut self, now: u64, service: u32, id: u32, life: u64) -> Verdict {
        let at = self.find(service, id, Some(life))?;
        let mut row = self.rows[at].clone();
        let in_time = !self.over(now - row.seen, self.config.lease.as_nanos());
        row.seen = now;
        row.beats = if in_time { row.beats + 1 } else { 1 };
        let heals = match row.health {
            Health::Healthy => false,
            Health::Unknown => self.config.probing == Probing::Off,
            Health::Unhealthy => row.beats >= self.config.rise && !self.probes_fail(&row),
        };
        if heals {
            (row.health, row.ever) = (Health::Healthy, true);
        }
        self.rows[at] = row;
        Ok(heals)
    }

    pub(crate) fn probed(&mut self, now: u64, service: u32, id: u32, passed: bool) -> Verdict {
        let at = self.find(service, id, None)?;
        let mut row = self.rows[at].clone();
        if row.health == Health::Unknown && passed {
            (row.health, row.ever) = (Health::Healthy, true);
            self.rows[at] = row;
            return Ok(true);
        }
        let before = self.probes_fail(&row);
        row.probes.push(passed);
        let after = self.probes_fail(&row);
        let old = row.health;
        if !before && after && row.health != Health::Unhealthy {
            (row.health, row.gone_at, row.beats) = (Health::Unhealthy, now, 0);
        }
        if before && !after && !self.silent(&row, now) {
            (row.health, row.ever) = (Health::Healthy, true);
        }
        let changed = row.health != old;
        self.rows[at] = row;
        Ok(changed)
    }

    /// Every instant until `now` at which a sweep could change anything.
    pub(crate) fn instants(&self, after: u64, now: u64) -> BTreeSet<u64> {
        let every = self.config.sweep_every.as_nanos();
        let mut instants: BTreeSet<u64> =
            (after / every + 1..=now / every).map(|tick| tick * every).collect();
        if self.config.expiry == Expiry::Exact {
            for row in &self.rows {
                let late = u64::from(self.config.boundary == Boundary::Exclusive);
                instants.insert(row.seen + self.lease() + late);
                if let Eviction::After(grace) = self.config.eviction {
                    instants.insert(row.gone_at + grace.as_nanos());
                }
            }
        }
        instants.retain(|instant| after < *instant && *instant <= now);
        instants
    }

    pub(crate) fn sweep(&mut self, now: u64) -> Vec<Gone> {
        let held = |row: &&Row| row.health != Health::Unhealthy;
        let (all, window) = (self.rows.iter().filter(held).count(), self.config.renewal_window);
        let heard = self.rows.iter().filter(held).filter(|row| now - row.seen <= window.as_nanos());
        let keeps = match self.config.self_preservation {
            SelfPreservation::Below(share) => {
                all >= self.config.preservation_minimum as usize
                    && heard.count() * share.den() as usize <= all * share.num() as usize
            }
            SelfPreservation::Off => false,
        };
        let every = self.config.sweep_every.as_nanos();
        let mut left = usize::MAX;
        if let ExpiryCap::AtMost(share) = self.config.expiry_cap
            && self.rows.len() >= self.config.preservation_minimum as usize
        {
            let most = (self.rows.len() * share.num() as usize).div_ceil(share.den() as usize);
            let lost = self.losses.iter().filter(|at| **at / every == now / every).count();
            left = most.saturating_sub(lost);
        }
        let place = |row: &Row| {
            let service = self.services.iter().position(|service| *service == row.service);
            (service.unwrap(), self.rows.iter().position(|other| std::ptr::eq(other, row)))
        };
        let mut silent: Vec<_> = self
            .rows
            .iter()
            .filter(held)
            .filter(|row| self.silent(row, now) && !keeps)
            .map(|row| (row.seen, place(row)))
            .collect();
        silent.sort_unstable();
        silent.truncate(left);
        silent.sort_unstable_by_key(|(_, place)| *place);
        let mut gone = Vec::new();
        for (_, (_, at)) in silent {
            let row = &mut self.rows[at.unwrap()];
            (row.health, row.gone_at, row.beats) = (Health::Unhealthy, now, 0);
            self.losses.push(now);
            let (service, id) = (Name(row.service), Name(row.id));
            gone.push(Gone { service, id, how: GoneHow::GivenUp });
        }
        let Eviction::After(grace) = self.config.eviction else { return gone };
        for service in self.services.clone() {
            let is_over = |row: &Row| {
                row.service == service
                    && row.health == Health::Unhealthy
                    && row.gone_at + grace.as_nanos() <= now
            };
            let out = self.rows.iter().filter(|row| is_over(row)).map(|row| Gone {
                service: Name(row.service),
                id: Name(row.id),
                how: GoneHow::Evicted,
            });
            gone.extend(out);
            self.rows.retain(|row| !is_over(row));
            self.tidy(service);
        }
        gone
    }

    /// Ids and whether it is a panic.
    pub(crate) fn discover(&self, service: u32) -> (Vec<u32>, bool) {
        let of_service = || self.rows.iter().filter(|row| row.service == service);
        let ids = |keep: fn(&Row) -> bool| -> Vec<u32> {
            of_service().filter(|row| keep(row)).map(|row| row.id).collect()
        };
        let healthy = ids(|row| row.health == Health::Healthy);
        let known = ids(|row| row.ever);
        let threshold = self.config.panic_threshold;
        if healthy.len() * (threshold.den() as usize) < known.len() * threshold.num() as usize {
            return (known, true);
        }
        (healthy, false)
    }
}
