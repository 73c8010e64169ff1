//! What the registry holds while the network or an instance is out: self-preservation, the panic
//! threshold, and probes.

use brownout_models::policy::registry::{
    DiscoverError, Probing, RegistryConfig, RegistryError, SelfPreservation,
};
use brownout_models::{Name, Profile, Span, Time};

use super::registry_claims::{Desk, ID, SERVICE, at, both, trusting};

/// Ten instances that beat every ten seconds, spread evenly, until they stop.
fn ten_that_beat_until(desk: &mut Desk, end: Time, alive: u32) {
    for id in 0..10 {
        desk.register(at(u64::from(id)), Name(id), 0).unwrap();
    }
    for second in 0.. {
        let now = at(second);
        if now > end {
            break;
        }
        desk.live_until(now);
        let id = u32::try_from(second % 10).unwrap();
        if id < alive {
            desk.beat(now, Name(id)).unwrap();
        }
    }
}

#[test]
fn reg_13_a_network_that_falls_silent_takes_nobody_away() {
    for (profile, mut desk) in both() {
        ten_that_beat_until(&mut desk, at(100), 10);
        let gone = desk.live_until(at(1_000));
        match profile {
            Profile::Guide => {
                assert_eq!(gone.len(), 10, "broken");
                let (last, _) = gone.last().unwrap();
                assert!(*last <= at(140), "within 40 s: {last}");
                assert_eq!(desk.found(at(1_000)), Err(DiscoverError::NoHealthyInstances));
            }
            Profile::Hardened => {
                assert_eq!(gone, []);
                assert_eq!(desk.found(at(1_000)).unwrap().len(), 10);
                assert!(desk.0.is_preserving(at(1_000)));
            }
        }
    }
}

#[test]
fn reg_13_one_of_ten_that_dies_is_given_up_in_time_and_two_are_a_network() {
    let mut one = Desk::new(RegistryConfig::hardened());
    ten_that_beat_until(&mut one, at(300), 9);
    assert_eq!(one.found(at(300)).unwrap().len(), 9);
    let mut two = Desk::new(RegistryConfig::hardened());
    ten_that_beat_until(&mut two, at(300), 10);
    for second in 301..400 {
        two.live_until(at(second));
        let id = u32::try_from(second % 10).unwrap();
        if id < 8 {
            two.beat(at(second), Name(id)).unwrap();
        }
    }
    assert_eq!(two.found(at(400)).unwrap().len(), 10, "8 of 10 is no more than 85 %");
    // They come back one after the other: the silence of the last is its own.
    two.beat(at(400), Name(8)).unwrap();
    assert_eq!(two.live_until(at(409)), []);
    let gone = two.live_until(at(410));
    assert_eq!(gone.iter().map(|(at, gone)| (*at, gone.id.0)).collect::<Vec<_>>(), [(at(410), 9)]);
}

#[test]
fn reg_13_no_more_than_the_cap_are_given_up_in_one_period() {
    let config = RegistryConfig { self_preservation: SelfPreservation::Off, ..trusting() };
    let mut desk = Desk::new(config);
    for id in 0..20 {
        desk.register(at(0), Name(id), 0).unwrap();
    }
    // 15 % of 20 are 3: the first three in list order at 30 s, the next three at 40 s, ..
    let gone = desk.live_until(at(59));
    let gone: Vec<_> = gone.into_iter().map(|(at, gone)| (at, gone.id.0)).collect();
    let expected: Vec<_> = (0..9).map(|n| (at(30 + u64::from(n) / 3 * 10), n)).collect();
    assert_eq!(gone, expected);
}

#[test]
fn reg_13_below_half_of_them_healthy_all_that_ever_were_are_shown() {
    for healthy in 0..=4_u32 {
        let mut desk = Desk::new(RegistryConfig::hardened());
        for id in 0..4 {
            desk.register(at(0), Name(id), 0).unwrap();
            desk.beat(at(0), Name(id)).unwrap();
        }
        desk.register(at(29), Name(4), 0).unwrap();
        for id in 0..healthy {
            desk.beat(at(29), Name(id)).unwrap();
        }
        desk.live_until(at(30));
        let found = desk.0.discover(at(30), SERVICE).unwrap();
        assert_eq!(found.is_panic, healthy < 2, "{healthy} of 4");
        let shown = if healthy < 2 { 4 } else { healthy as usize };
        assert_eq!(found.instances.len(), shown, "the unknown is never among them");
    }
}

#[test]
fn reg_14_who_beats_and_never_answers_loses_its_traffic() {
    let config = RegistryConfig { probing: Probing::On, ..trusting() };
    let mut desk = Desk::new(config);
    desk.register(at(0), ID, 0).unwrap();
    assert_eq!(desk.beat(at(0), ID), Ok(false), "a beat proves nothing where probes do");
    let probed = |desk: &mut Desk, second, passed| desk.0.probed(at(second), SERVICE, ID, passed);
    assert_eq!(probed(&mut desk, 1, true), Ok(true));
    for (second, passed, changed) in
        [(2, false, false), (3, false, false), (4, true, false), (5, false, false)]
    {
        assert_eq!(probed(&mut desk, second, passed), Ok(changed), "at {second}");
        desk.beat(at(second), ID).unwrap();
    }
    assert_eq!(probed(&mut desk, 6, false), Ok(false));
    assert_eq!(probed(&mut desk, 7, false), Ok(true), "the third in a row");
    assert_eq!(desk.found(at(7)), Err(DiscoverError::NoHealthyInstances));
    for second in 8..12 {
        assert_eq!(desk.beat(at(second), ID), Ok(false), "beats do not heal what probes deny");
    }
    assert_eq!(probed(&mut desk, 12, true), Ok(true));
    assert_eq!(desk.found(at(12)), Ok(vec![ID.0]));
    assert_eq!(desk.0.probed(at(12), SERVICE, Name(7), true), Err(RegistryError::InstanceNotFound));
    assert_eq!(desk.0.probed(at(12), Name(7), ID, true), Err(RegistryError::ServiceNotFound));
}

#[test]
fn reg_14_a_probe_that_passes_does_not_heal_the_silent() {
    let config = RegistryConfig { probing: Probing::On, ..trusting() };
    let mut desk = Desk::new(config);
    desk.register(at(0), ID, 0).unwrap();
    let probed = |desk: &mut Desk, second, passed| desk.0.probed(at(second), SERVICE, ID, passed);
    probed(&mut desk, 1, true).unwrap();
    for second in [2, 3, 4] {
        probed(&mut desk, second, false).unwrap();
    }
    assert_eq!(probed(&mut desk, 31, true), Ok(false), "its probes pass, its lease is over");
    assert_eq!(desk.beat(at(32), ID), Ok(false));
    assert_eq!(desk.beat(at(33), ID), Ok(true));
}

#[test]
fn a_probe_may_take_until_the_next_one() {
    let mistakes = |seconds| {
        let (probe_interval, probe_timeout) = (Span::from_secs(10), Span::from_secs(seconds));
        let config = RegistryConfig { probe_interval, probe_timeout, ..trusting() };
        let mistakes = RegistryConfig { probing: Probing::On, ..config }.mistakes();
        mistakes.into_iter().map(|mistake| mistake.option).collect::<Vec<_>>()
    };
    assert_eq!([mistakes(9), mistakes(10)], [[""; 0]; 2]);
    assert_eq!([mistakes(0), mistakes(11)], [["probe_timeout"]; 2]);
}

#[test]
fn a_registry_that_holds_everybody_on_purpose_waits_for_a_word() {
    let mut desk = Desk::new(RegistryConfig::hardened());
    ten_that_beat_until(&mut desk, at(100), 10);
    assert_eq!(desk.live_until(at(1_000)), []);
    assert_eq!(desk.0.due(), None, "time alone makes the network no better");
    desk.beat(at(1_001), Name(0)).unwrap();
    assert!(desk.0.due().is_some(), "there is one less to fear for");
}

#[test]
fn a_probe_makes_a_new_version_where_it_changes_something() {
    let config = RegistryConfig { probing: Probing::On, unhealthy_threshold: 2, ..trusting() };
    let mut desk = Desk::new(config);
    desk.register(at(0), ID, 0).unwrap();
    for (second, passed, version) in
        [(1, true, 2), (2, true, 2), (3, false, 2), (4, false, 3), (5, true, 4), (6, true, 4)]
    {
        let changed = desk.0.probed(at(second), SERVICE, ID, passed);
        assert_eq!(desk.0.version(), version, "{changed:?} at {second}");
    }
}
