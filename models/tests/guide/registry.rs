//! The registry against a list of rows.

use brownout_models::policy::registry::{
    DiscoverError, Found, Health, Registration, Registry, RegistryConfig, RegistryError,
};
use brownout_models::{Name, Time};
use proptest::prelude::*;

use super::{SECOND, config, step};

/// One row an instance, in order; a service is known once it had a row.
#[derive(Default)]
struct Rows {
    known: Vec<u32>,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Row {
    service: u32,
    id: u32,
    seen: u64,
    healthy: bool,
}

impl Rows {
    fn find(&mut self, service: u32, id: u32) -> Result<usize, RegistryError> {
        if !self.known.contains(&service) {
            return Err(RegistryError::ServiceNotFound);
        }
        let place = self.rows.iter().position(|row| row.service == service && row.id == id);
        place.ok_or(RegistryError::InstanceNotFound)
    }

    fn register(&mut self, seen: u64, service: u32, id: u32) -> bool {
        let row = Row { service, id, seen, healthy: true };
        if let Ok(place) = self.find(service, id) {
            self.rows[place] = row;
            return false;
        }
        if !self.known.contains(&service) {
            self.known.push(service);
        }
        self.rows.push(row);
        true
    }

    fn sweep(&mut self, now: u64) -> Vec<(Name, Name)> {
        let mut marked = Vec::new();
        for service in &self.known {
            for row in self.rows.iter_mut().filter(|row| row.service == *service) {
                if now - row.seen > 30 * SECOND && row.healthy {
                    row.healthy = false;
                    marked.push((Name(row.service), Name(row.id)));
                }
            }
        }
        marked
    }

    fn discover(&self, service: u32) -> Result<Vec<Name>, DiscoverError> {
        let all: Vec<_> = self.rows.iter().filter(|row| row.service == service).collect();
        if all.is_empty() {
            return Err(DiscoverError::NoInstances);
        }
        let healthy: Vec<_> = all.iter().filter(|row| row.healthy).map(|r| Name(r.id)).collect();
        if healthy.is_empty() { Err(DiscoverError::NoHealthyInstances) } else { Ok(healthy) }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Register(u32, u32),
    Deregister(u32, u32),
    Heartbeat(u32, u32),
    Discover(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let (service, id) = (0..3_u32, 10..13_u32);
    prop_oneof![
        3 => (service.clone(), id.clone()).prop_map(|(s, i)| Event::Register(s, i)),
        1 => (service.clone(), id.clone()).prop_map(|(s, i)| Event::Deregister(s, i)),
        3 => (service.clone(), id).prop_map(|(s, i)| Event::Heartbeat(s, i)),
        2 => service.prop_map(Event::Discover),
    ]
}

proptest! {
    #![proptest_config(config())]

    /// The reference sweeps at every tick, the registry only where `due` says so; which
    /// comes first at a tick is given.
    #[test]
    fn the_registry_is_a_list_of_rows(
        events in prop::collection::vec((step(), event(), any::<bool>()), 1..60),
    ) {
        let mut registry = Registry::new(RegistryConfig::default());
        let mut rows = Rows::default();
        let (mut now, mut tick) = (0, 10 * SECOND);
        for (step, event, sweeps_first) in events {
            now += step;
            let sweep_until = if sweeps_first { now } else { now.saturating_sub(1) };
            let mut marked = Vec::new();
            let until = Time::from_nanos(sweep_until);
            while let Some(due) = registry.due().filter(|due| *due <= until) {
                let swept = registry.sweep(due);
                prop_assert!(!swept.is_empty(), "due promises a mark at {due}");
                marked.extend(swept.into_iter().map(|gone| (gone.service, gone.id)));
            }
            let mut expected = Vec::new();
            while tick <= sweep_until {
                expected.extend(rows.sweep(tick));
                tick += 10 * SECOND;
            }
            prop_assert_eq!(marked, expected);
            let at = Time::from_nanos(now);
            match event {
                Event::Register(service, id) => {
                    let registration = Registration {
                        service: Name(service),
                        id: Name(id),
                        incarnation: 0,
                        address: (),
                    };
                    let created = registry.register(at, registration);
                    prop_assert_eq!(created, Ok(rows.register(now, service, id)));
                }
                Event::Deregister(service, id) => {
                    let expected = rows.find(service, id).map(|place| { rows.rows.remove(place); });
                    prop_assert_eq!(registry.deregister(at, Name(service), Name(id), 0), expected);
                }
                Event::Heartbeat(service, id) => {
                    let expected = rows.find(service, id).map(|place| {
                        rows.rows[place].seen = now;
                        !std::mem::replace(&mut rows.rows[place].healthy, true)
                    });
                    prop_assert_eq!(registry.heartbeat(at, Name(service), Name(id), 0), expected);
                }
                Event::Discover(service) => {
                    let ids = |found: Found<'_, ()>| {
                        found.instances.iter().map(|instance| instance.id).collect::<Vec<_>>()
                    };
                    let found = registry.discover(at, Name(service)).map(ids);
                    prop_assert_eq!(found, rows.discover(service));
                }
            }
        }
        let listed = registry.services().flat_map(|(service, instances)| {
            instances.iter().map(move |instance| {
                let healthy = instance.health == Health::Healthy;
                (service.0, instance.id.0, instance.last_seen.as_nanos(), healthy)
            })
        });
        let expected = rows.known.iter().flat_map(|service| {
            let of_service = rows.rows.iter().filter(move |row| row.service == *service);
            of_service.map(|row| (row.service, row.id, row.seen, row.healthy))
        });
        prop_assert_eq!(listed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
