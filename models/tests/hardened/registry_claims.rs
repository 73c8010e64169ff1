//! What the guide's registry breaks and the hardened one holds, one claim a test.

use brownout_models::policy::registry::{
    DiscoverError, Gone, GoneHow, Health, Registration, Registry, RegistryConfig, RegistryError,
};
use brownout_models::{Name, Profile, Ratio, Span, Time};

pub(crate) const SERVICE: Name = Name(0);
pub(crate) const ID: Name = Name(1);

pub(crate) fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// A registry with a convenient tongue.
pub(crate) struct Desk(pub(crate) Registry<&'static str>);

impl Desk {
    pub(crate) fn new(config: RegistryConfig) -> Self {
        Self(Registry::new(config))
    }

    pub(crate) fn register(
        &mut self,
        now: Time,
        id: Name,
        incarnation: u64,
    ) -> Result<bool, RegistryError> {
        let address = "10.0.0.1:80";
        self.0.register(now, Registration { service: SERVICE, id, incarnation, address })
    }

    pub(crate) fn beat(&mut self, now: Time, id: Name) -> Result<bool, RegistryError> {
        self.0.heartbeat(now, SERVICE, id, 0)
    }

    /// Sweeps whenever that is due.
    pub(crate) fn live_until(&mut self, now: Time) -> Vec<(Time, Gone)> {
        let mut gone = Vec::new();
        while let Some(due) = self.0.due().filter(|due| *due <= now) {
            gone.extend(self.0.sweep(due).into_iter().map(|gone| (due, gone)));
        }
        gone
    }

    pub(crate) fn found(&self, now: Time) -> Result<Vec<u32>, DiscoverError> {
        let found = self.0.discover(now, SERVICE)?;
        Ok(found.instances.iter().map(|instance| instance.id.0).collect())
    }
}

pub(crate) fn both() -> [(Profile, Desk); 2] {
    [Profile::Guide, Profile::Hardened]
        .map(|profile| (profile, Desk::new(RegistryConfig::of(profile))))
}

/// A hardened registry that trusts the network and never panics.
pub(crate) fn trusting() -> RegistryConfig {
    RegistryConfig { panic_threshold: Ratio::ZERO, ..RegistryConfig::hardened() }
}

#[test]
fn reg_2_nobody_is_shown_before_anything_speaks_for_it() {
    for (profile, mut desk) in both() {
        desk.register(at(0), ID, 0).unwrap();
        let shown = desk.found(at(0));
        match profile {
            Profile::Guide => assert_eq!(shown, Ok(vec![ID.0]), "broken"),
            Profile::Hardened => {
                assert_eq!(shown, Err(DiscoverError::NoHealthyInstances));
                assert_eq!(desk.beat(at(0), ID), Ok(true));
                assert_eq!(desk.found(at(0)), Ok(vec![ID.0]));
                assert_eq!(desk.beat(at(1), ID), Ok(false), "it is healthy already");
            }
        }
    }
}

#[test]
fn reg_3_an_earlier_life_neither_refreshes_nor_removes_a_later_one() {
    for (profile, mut desk) in both() {
        assert_eq!(desk.register(at(0), ID, 1), Ok(true));
        assert_eq!(desk.register(at(1), ID, 2), Ok(false));
        let stale = Err(RegistryError::StaleIncarnation { known: 2 });
        let beat = desk.0.heartbeat(at(2), SERVICE, ID, 1);
        match profile {
            Profile::Guide => assert_eq!(beat, Ok(false), "broken"),
            Profile::Hardened => {
                assert_eq!(beat, stale);
                assert_eq!(desk.register(at(2), ID, 1), stale);
                assert_eq!(desk.0.deregister(at(2), SERVICE, ID, 1), stale.map(|_| ()));
                let later = desk.0.heartbeat(at(2), SERVICE, ID, 3);
                assert_eq!(later, Err(RegistryError::InstanceNotFound), "it has to register");
                assert_eq!(desk.0.heartbeat(at(2), SERVICE, ID, 2), Ok(true));
            }
        }
    }
}

#[test]
fn reg_3_the_same_life_keeps_its_health_when_its_registration_arrives_twice() {
    let mut desk = Desk::new(RegistryConfig::hardened());
    desk.register(at(0), ID, 0).unwrap();
    desk.beat(at(0), ID).unwrap();
    let version = desk.0.version();
    assert_eq!(desk.register(at(5), ID, 0), Ok(false));
    assert_eq!(desk.found(at(34)), Ok(vec![ID.0]), "and its lease is renewed");
    assert!(desk.0.version() > version, "its address may be another");
    // A lease that ran out is not healed by registering again.
    assert_eq!(desk.register(at(35), ID, 0), Ok(false));
    assert_eq!(desk.beat(at(35), ID), Ok(false));
    assert_eq!(desk.beat(at(36), ID), Ok(true));
}

#[test]
fn reg_5_an_instance_that_changes_its_service_is_not_left_behind() {
    let other = Name(9);
    for (profile, mut desk) in both() {
        desk.register(at(0), ID, 0).unwrap();
        let address = "10.0.0.1:80";
        let moved = Registration { service: other, id: ID, incarnation: 0, address };
        assert_eq!(desk.0.register(at(1), moved), Ok(true), "new to its service");
        let services: Vec<_> =
            desk.0.services().map(|(service, list)| (service, list.len())).collect();
        match profile {
            Profile::Guide => assert_eq!(services, [(SERVICE, 1), (other, 1)], "broken"),
            Profile::Hardened => assert_eq!(services, [(other, 1)]),
        }
    }
}

#[test]
fn reg_7_to_register_and_to_deregister_is_to_do_nothing() {
    for (profile, mut desk) in both() {
        desk.register(at(0), ID, 0).unwrap();
        assert_eq!(desk.0.deregister(at(1), SERVICE, ID, 0), Ok(()));
        let again = desk.0.deregister(at(1), SERVICE, ID, 0);
        match profile {
            Profile::Guide => {
                assert_eq!(desk.0.services().count(), 1, "broken");
                assert_eq!(again, Err(RegistryError::InstanceNotFound));
            }
            Profile::Hardened => {
                assert_eq!(desk.0.services().count(), 0);
                assert_eq!(again, Err(RegistryError::ServiceNotFound));
            }
        }
    }
}

#[test]
fn reg_10_the_guide_shows_the_dead_for_up_to_ten_seconds_more() {
    let just_after = |seconds| at(seconds) + Span::from_nanos(1);
    // The last beat at a tick: found out exactly 40 s later. A nanosecond earlier: at 30 s and 1 ns.
    for (last, found_out) in [(at(10), at(50)), (Time::from_nanos(9_999_999_999), at(40))] {
        let mut desk = Desk::new(RegistryConfig::guide());
        desk.register(last, ID, 0).unwrap();
        assert_eq!(desk.live_until(at(100)), [(found_out, given_up())]);
    }
    let mut desk = Desk::new(RegistryConfig::guide());
    desk.register(at(0), ID, 0).unwrap();
    desk.live_until(just_after(30));
    assert_eq!(desk.found(just_after(30)), Ok(vec![ID.0]), "broken");
}

#[test]
fn reg_10_a_lease_ends_at_its_end_whoever_sweeps() {
    let mut desk = Desk::new(trusting());
    desk.register(at(0), ID, 0).unwrap();
    desk.beat(at(3), ID).unwrap();
    let just_before = Time::from_nanos(32_999_999_999);
    assert_eq!(desk.live_until(just_before), []);
    assert_eq!(desk.found(just_before), Ok(vec![ID.0]));
    assert_eq!(desk.found(at(33)), Err(DiscoverError::NoHealthyInstances), "nobody swept");
    assert_eq!(desk.live_until(at(33)), [(at(33), given_up())]);
}

fn given_up() -> Gone {
    Gone { service: SERVICE, id: ID, how: GoneHow::GivenUp }
}

#[test]
fn reg_11_one_heartbeat_does_not_heal_nor_do_two_far_apart() {
    for (profile, mut desk) in both() {
        desk.register(at(0), ID, 0).unwrap();
        desk.beat(at(0), ID).unwrap();
        desk.live_until(at(40));
        let first = desk.beat(at(41), ID);
        match profile {
            Profile::Guide => assert_eq!(first, Ok(true), "broken"),
            Profile::Hardened => {
                assert_eq!(first, Ok(false));
                assert_eq!(desk.beat(at(71), ID), Ok(false), "a lease lies between: not in a row");
                desk.live_until(at(90));
                assert_eq!(desk.beat(at(90), ID), Err(RegistryError::ServiceNotFound));
            }
        }
    }
    let mut desk = Desk::new(RegistryConfig::hardened());
    desk.register(at(0), ID, 0).unwrap();
    desk.live_until(at(30));
    assert_eq!(desk.beat(at(41), ID), Ok(false));
    assert_eq!(desk.beat(at(70), ID), Ok(true));
}

#[test]
fn reg_11_as_many_leases_as_are_said_must_pass() {
    let config = RegistryConfig { fall: 3, ..RegistryConfig::hardened() };
    let mut desk = Desk::new(config);
    desk.register(at(0), ID, 0).unwrap();
    assert_eq!(desk.live_until(at(100)), [(at(90), given_up())]);
}

#[test]
fn reg_12_memory_is_a_function_of_the_living() {
    for (profile, mut desk) in both() {
        for life in 0..1_000 {
            let now = at(u64::from(life) * 60);
            desk.live_until(now);
            desk.register(now, Name(10 + life), 0).unwrap();
        }
        let known: usize = desk.0.services().map(|(_, instances)| instances.len()).sum();
        match profile {
            Profile::Guide => assert_eq!(known, 1_000, "broken"),
            // One that lives, and one that was given up 30 s ago.
            Profile::Hardened => assert_eq!(known, 2),
        }
        desk.live_until(at(100_000));
        let left = desk.0.services().count();
        assert_eq!(left, usize::from(profile == Profile::Guide), "services");
    }
}

#[test]
fn reg_12_an_eviction_comes_to_the_nanosecond_and_spares_the_healed() {
    let mut desk = Desk::new(RegistryConfig::hardened());
    desk.register(at(0), ID, 0).unwrap();
    desk.register(at(0), Name(2), 0).unwrap();
    desk.live_until(at(30));
    desk.beat(at(31), Name(2)).unwrap();
    desk.beat(at(32), Name(2)).unwrap();
    let evicted = Gone { service: SERVICE, id: ID, how: GoneHow::Evicted };
    let again = Gone { service: SERVICE, id: Name(2), how: GoneHow::GivenUp };
    assert_eq!(desk.live_until(at(90)), [(at(62), again), (at(90), evicted)]);
    assert_eq!(desk.0.services().count(), 1);
}

#[test]
fn reg_21_the_last_instant_of_a_lease_belongs_to_whom_the_option_says() {
    use brownout_models::policy::registry::Boundary;
    for (boundary, last) in [(Boundary::Exclusive, true), (Boundary::Inclusive, false)] {
        let mut desk = Desk::new(RegistryConfig { boundary, ..trusting() });
        desk.register(at(0), ID, 0).unwrap();
        desk.beat(at(0), ID).unwrap();
        assert_eq!(desk.found(at(30)).is_ok(), last);
        // Whichever comes first at that instant: the lease decides, not the order.
        let beat = desk.beat(at(30), ID);
        assert_eq!((beat, desk.found(at(30)).is_ok()), (Ok(false), last));
    }
}

#[test]
fn the_version_grows_with_what_discovery_could_show_and_with_nothing_else() {
    let mut desk = Desk::new(RegistryConfig::hardened());
    let grows = |desk: &mut Desk, grown: bool, step: &dyn Fn(&mut Desk)| {
        let before = desk.0.version();
        step(desk);
        assert_eq!(desk.0.version() > before, grown);
    };
    grows(&mut desk, true, &|desk| assert_eq!(desk.register(at(0), ID, 0), Ok(true)));
    grows(&mut desk, true, &|desk| assert_eq!(desk.beat(at(0), ID), Ok(true)));
    grows(&mut desk, false, &|desk| assert_eq!(desk.beat(at(1), ID), Ok(false)));
    grows(&mut desk, false, &|desk| assert!(desk.beat(at(1), Name(7)).is_err()));
    grows(&mut desk, false, &|desk| assert_eq!(desk.0.sweep(at(2)), []));
    grows(&mut desk, true, &|desk| assert_eq!(desk.live_until(at(31)).len(), 1));
    grows(&mut desk, true, &|desk| assert_eq!(desk.live_until(at(91)).len(), 1));
    grows(&mut desk, false, &|desk| {
        assert!(desk.0.deregister(at(92), SERVICE, ID, 0).is_err());
    });
    assert_eq!(desk.0.config(), &RegistryConfig::hardened());
}

#[test]
fn health_is_listed_as_believed() {
    let mut desk = Desk::new(RegistryConfig::hardened());
    let health = |desk: &Desk| desk.0.services().next().unwrap().1[0].health;
    desk.register(at(0), ID, 0).unwrap();
    assert_eq!(health(&desk), Health::Unknown);
    desk.beat(at(0), ID).unwrap();
    assert_eq!(health(&desk), Health::Healthy);
    desk.live_until(at(30));
    assert_eq!(health(&desk), Health::Unhealthy);
}

#[test]
fn whoever_comes_or_leaves_makes_a_newer_version() {
    for (_, mut desk) in both() {
        let before = desk.0.version();
        desk.register(at(0), ID, 0).unwrap();
        let registered = desk.0.version();
        desk.0.deregister(at(1), SERVICE, ID, 0).unwrap();
        assert!(before < registered && registered < desk.0.version());
    }
}
