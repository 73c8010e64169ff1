//! The registry under any options against rows that are swept at every instant that could matter.

use brownout_models::policy::registry::{
    Boundary, ExpiryCap, Gone, Probing, Registration, Registry, RegistryConfig, SelfPreservation,
};
use brownout_models::{Name, Ratio, Span, Time};
use proptest::prelude::*;

use super::config;
use super::registry_rows::{Row, Rows};

const SECOND: u64 = 1_000_000_000;

/// How far time moves before the next event: nothing, one nanosecond, or a span that matters with
/// its two neighbours.
fn gap() -> impl Strategy<Value = u64> {
    let spans = vec![9, 10, 20, 30, 60];
    let around = prop::sample::select(spans).prop_flat_map(|at| at * SECOND - 1..=at * SECOND + 1);
    prop_oneof![3 => Just(0), 1 => Just(1), 6 => around, 1 => 0..20 * SECOND]
}

#[derive(Clone, Debug)]
enum Event {
    Register(u32, u32, u64),
    Deregister(u32, u32, u64),
    Heartbeat(u32, u32, u64),
    /// Every instance beats, except this one.
    AllBeatBut(u32),
    Probed(u32, u32, bool),
    Discover(u32),
}

fn event() -> impl Strategy<Value = Event> {
    let (service, id, life) = (0..2_u32, 10..20_u32, 1..3_u64);
    let who = (service.clone(), id.clone(), life);
    prop_oneof![
        2 => who.clone().prop_map(|(s, i, l)| Event::Register(s, i, l)),
        1 => who.clone().prop_map(|(s, i, l)| Event::Deregister(s, i, l)),
        3 => who.prop_map(|(s, i, l)| Event::Heartbeat(s, i, l)),
        3 => id.clone().prop_map(Event::AllBeatBut),
        2 => (service.clone(), id, any::<bool>()).prop_map(|(s, i, p)| Event::Probed(s, i, p)),
        2 => service.prop_map(Event::Discover),
    ]
}

/// Any mixture of the profiles, option by option.
fn any_config() -> impl Strategy<Value = RegistryConfig> {
    (any::<u16>(), 1..4_u32, 1..3_u32).prop_map(|(bits, rise, fall)| {
        let mut config = RegistryConfig::guide();
        let hardened = RegistryConfig::hardened();
        let is_set = |bit: u32| bits & 1 << bit != 0;
        macro_rules! mix {
            ($($bit:literal $field:ident),*) => {
                $(if is_set($bit) { config.$field = hardened.$field; })*
            };
        }
        mix!(
            0 expiry, 1 boundary, 2 initial_health, 3 incarnations, 4 id_scope, 5 eviction,
            6 empty_services, 7 self_preservation, 8 expiry_cap, 9 panic_threshold
        );
        (config.rise, config.fall) = (rise, fall);
        if is_set(10) {
            config.probing = Probing::On;
        }
        config.healthy_threshold = 1 + u32::from(is_set(11));
        config.unhealthy_threshold = 1 + u32::from(is_set(12));
        // A small system knows self-preservation, too.
        config.preservation_minimum = if is_set(13) { 3 } else { 7 };
        if is_set(14) {
            config.expiry_cap = ExpiryCap::AtMost(Ratio::new(1, 3).unwrap());
        }
        config
    })
}

/// Lives until `now`, both sides; what the registry's owner leaves out must change nothing.
fn live(
    registry: &mut Registry<()>,
    rows: &mut Rows,
    after: u64,
    now: u64,
) -> (Vec<Gone>, Vec<Gone>) {
    let mut gone = Vec::new();
    while let Some(due) = registry.due().filter(|due| due.as_nanos() <= now) {
        assert!(due.as_nanos() > after, "{due} was over");
        gone.extend(registry.sweep(due));
    }
    let mut expected = Vec::new();
    let mut last = after;
    while let Some(instant) = rows.instants(last, now).into_iter().next() {
        expected.extend(rows.sweep(instant));
        last = instant;
    }
    (gone, expected)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_registry_is_rows_swept_at_every_instant(
        config in any_config(),
        events in prop::collection::vec((gap(), event()), 1..60),
    ) {
        let mut registry = Registry::new(config.clone());
        let (services, losses) = (Vec::new(), Vec::new());
        let mut rows = Rows { config, services, rows: Vec::new(), losses };
        let mut now = 0;
        for id in 10..18 {
            let registration =
                Registration { service: Name(0), id: Name(id), incarnation: 1, address: () };
            prop_assert_eq!(registry.register(Time::ZERO, registration), rows.register(0, 0, id, 1));
        }
        for (step, event) in events {
            let (gone, expected) = live(&mut registry, &mut rows, now, now + step);
            prop_assert_eq!(gone, expected, "between {} and {}", now, now + step);
            now += step;
            let at = Time::from_nanos(now);
            match event {
                Event::Register(s, i, l) => {
                    let registration =
                        Registration { service: Name(s), id: Name(i), incarnation: l, address: () };
                    prop_assert_eq!(registry.register(at, registration), rows.register(now, s, i, l));
                }
                Event::Deregister(s, i, l) => prop_assert_eq!(
                    registry.deregister(at, Name(s), Name(i), l),
                    rows.deregister(s, i, l)
                ),
                Event::Heartbeat(s, i, l) => prop_assert_eq!(
                    registry.heartbeat(at, Name(s), Name(i), l),
                    rows.heartbeat(now, s, i, l)
                ),
                Event::AllBeatBut(silent) => {
                    for Row { service, id, life, .. } in rows.rows.clone() {
                        if id != silent {
                            let found = registry.heartbeat(at, Name(service), Name(id), life);
                            prop_assert_eq!(found, rows.heartbeat(now, service, id, life));
                        }
                    }
                }
                Event::Probed(s, i, passed) => prop_assert_eq!(
                    registry.probed(at, Name(s), Name(i), passed),
                    rows.probed(now, s, i, passed)
                ),
                Event::Discover(service) => {
                    let found = registry.discover(at, Name(service)).map_or_else(
                        |_| (Vec::new(), false),
                        |found| {
                            let ids = found.instances.iter().map(|instance| instance.id.0);
                            (ids.collect(), found.is_panic)
                        },
                    );
                    prop_assert_eq!(found, rows.discover(service));
                }
            }
        }
        let listed = registry.services().flat_map(|(service, instances)| {
            instances.iter().map(move |instance| {
                let seen = instance.last_seen.as_nanos();
                (service.0, instance.id.0, instance.incarnation, seen, instance.health)
            })
        });
        let expected = rows.services.iter().flat_map(|service| {
            let of_service = rows.rows.iter().filter(move |row| row.service == *service);
            of_service.map(|row| (row.service, row.id, row.life, row.seen, row.health))
        });
        prop_assert_eq!(listed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let known: Vec<u32> = registry.services().map(|(service, _)| service.0).collect();
        prop_assert_eq!(known, rows.services);
    }

    /// With exact expiry discovery does not depend on a sweeper that keeps time.
    #[test]
    fn without_any_sweep_nobody_is_shown_beyond_the_lease(
        events in prop::collection::vec((gap(), event()), 1..40),
        boundary in prop::sample::select(vec![Boundary::Exclusive, Boundary::Inclusive]),
    ) {
        let config = RegistryConfig {
            boundary,
            self_preservation: SelfPreservation::Off,
            expiry_cap: ExpiryCap::Unlimited,
            panic_threshold: Ratio::ZERO,
            ..RegistryConfig::hardened()
        };
        let mut registry = Registry::new(config);
        let mut now = Time::ZERO;
        for (step, event) in events {
            now += Span::from_nanos(step);
            if let Event::Register(s, i, l) = event {
                let registration =
                    Registration { service: Name(s), id: Name(i), incarnation: l, address: () };
                let _ = registry.register(now, registration);
            } else if let Event::Heartbeat(s, i, l) = event {
                let _ = registry.heartbeat(now, Name(s), Name(i), l);
            }
            for found in (0..2).filter_map(|service| registry.discover(now, Name(service)).ok()) {
                for instance in found.instances {
                    let age = now.since(instance.last_seen);
                    let lease = Span::from_secs(30);
                    prop_assert!(age < lease || age == lease && boundary == Boundary::Exclusive);
                }
            }
        }
    }
}
