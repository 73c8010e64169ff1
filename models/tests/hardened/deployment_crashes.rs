//! Instances that crash, words that come at the wrong time, and wakes that come too early.

use brownout_models::policy::{
    BlueGreen, BlueGreenConfig, Canary, CanaryConfig, CanaryStep, DeployAction, DeployEvent, Fleet,
    MetricsOf, Readiness, Rolling, RollingConfig, Timeout, TurnBack, Version,
};
use brownout_models::{Ratio, Span, Time};

const ABORTED: DeployAction = DeployAction::TurnBack { reason: TurnBack::Aborted };

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn candidate(instance: u32) -> DeployAction {
    DeployAction::Start { instance, version: Version::Candidate }
}

fn stable(instance: u32) -> DeployAction {
    DeployAction::Start { instance, version: Version::Stable }
}

fn stop(instance: u32) -> DeployAction {
    DeployAction::Stop { instance }
}

fn weight(candidate: u32) -> DeployAction {
    DeployAction::Weight { candidate }
}

fn done(version: Version) -> DeployAction {
    DeployAction::Done { version }
}

/// Two instances, and a preview of a minute.
fn blue_green() -> BlueGreen {
    let preview = Timeout::After(Span::from_secs(60));
    BlueGreen::new(BlueGreenConfig { preview, ..BlueGreenConfig::hardened() }, 2, at(0))
}

#[test]
fn a_switch_replaces_whoever_crashes_of_a_fleet_that_is_wanted() {
    let mut switch = blue_green();
    assert_eq!(switch.handle(at(0), DeployEvent::Failed(0)), [], "it has not begun");
    let mut switch = blue_green();
    assert_eq!(switch.begin(at(0)), [candidate(2), candidate(3)]);
    assert_eq!(switch.handle(at(1), DeployEvent::Failed(99)), [], "nobody knows it");
    assert_eq!(switch.handle(at(1), DeployEvent::Failed(0)), [stable(4)]);
    assert_eq!(switch.handle(at(1), DeployEvent::Failed(3)), [candidate(5)]);
    switch.handle(at(2), DeployEvent::Ready(2));
    switch.handle(at(2), DeployEvent::Ready(5));
    assert_eq!(switch.due(), Some(at(62)), "it is shown to testers");
    assert_eq!(switch.handle(at(3), DeployEvent::Failed(1)), [stable(6)]);
    assert_eq!(switch.wake(at(62)), [weight(100)]);
    assert_eq!(switch.handle(at(63), DeployEvent::Failed(4)), [], "it lost its traffic");
    assert_eq!(switch.handle(at(63), DeployEvent::Failed(2)), [candidate(7)]);
}

#[test]
fn a_switch_that_is_aborted_before_it_has_traffic_stops_its_candidate() {
    let over = [ABORTED, stop(2), stop(3), done(Version::Stable)];
    let mut starting = blue_green();
    assert!(!starting.is_running());
    starting.begin(at(0));
    assert!(starting.is_running());
    assert_eq!(starting.handle(at(1), DeployEvent::Abort), over);
    assert!(!starting.is_running() && starting.due().is_none());
    let mut previewing = blue_green();
    previewing.begin(at(0));
    previewing.handle(at(1), DeployEvent::Ready(2));
    previewing.handle(at(1), DeployEvent::Ready(3));
    assert_eq!(previewing.handle(at(2), DeployEvent::Abort), over);
    assert_eq!(previewing.fleet().of(Version::Candidate).count(), 0);
}

#[test]
fn a_switch_that_is_woken_too_early_does_nothing() {
    let mut switch = blue_green();
    assert_eq!(switch.wake(at(0)), []);
    switch.begin(at(0));
    assert_eq!(switch.wake(at(599)), [], "it may start until 600");
    switch.handle(at(599), DeployEvent::Ready(2));
    switch.handle(at(599), DeployEvent::Ready(3));
    assert_eq!(switch.wake(at(658)), [], "it is shown until 659");
    assert_eq!(switch.wake(at(659)), [weight(100)]);
    assert_eq!(switch.wake(at(688)), [], "the other fleet stays until 689");
    assert_eq!(switch.wake(at(689)), [stop(0), stop(1), done(Version::Candidate)]);
}

fn canary_of(steps: &[CanaryStep], replicas: u32) -> Canary {
    let steps = steps.to_vec();
    let mut canary =
        Canary::new(CanaryConfig { steps, ..CanaryConfig::hardened() }, replicas, at(0));
    canary.begin(at(0));
    canary
}

const HALF: CanaryStep = CanaryStep::SetWeight(50);
const LOOK: CanaryStep = CanaryStep::Analyse;

#[test]
fn a_canary_replaces_whoever_crashes_until_one_version_is_on_its_way_out() {
    let mut canary = canary_of(&[HALF, LOOK], 4);
    assert_eq!(canary.handle(at(1), DeployEvent::Failed(99)), [], "nobody knows it");
    assert_eq!(canary.handle(at(1), DeployEvent::Failed(4)), [candidate(6)], "it starts");
    assert_eq!(canary.handle(at(1), DeployEvent::Failed(0)), [stable(7)]);
    canary.handle(at(2), DeployEvent::Ready(5));
    assert_eq!(canary.handle(at(2), DeployEvent::Ready(6)), [weight(50)]);
    assert_eq!(canary.handle(at(3), DeployEvent::Failed(99)), [], "it is looked at");
    assert_eq!(canary.handle(at(3), DeployEvent::Failed(5)), [candidate(8)]);
    assert_eq!(canary.handle(at(3), DeployEvent::Failed(1)), [stable(9)]);
    assert_eq!(canary.handle(at(4), DeployEvent::PromoteFull), [candidate(10), candidate(11)]);
    for instance in [8, 10] {
        assert_eq!(canary.handle(at(5), DeployEvent::Ready(instance)), []);
    }
    assert_eq!(canary.handle(at(5), DeployEvent::Ready(11)), [weight(100)]);
    assert_eq!(canary.handle(at(6), DeployEvent::Failed(2)), [], "it is to go anyway");
    assert_eq!(canary.handle(at(6), DeployEvent::Failed(11)), [candidate(12)]);
    let mut turned = canary_of(&[HALF, LOOK], 2);
    turned.handle(at(1), DeployEvent::Abort);
    assert_eq!(turned.handle(at(2), DeployEvent::Failed(2)), [], "it is to go anyway");
}

#[test]
fn a_canary_waits_for_instances_that_are_there_and_not_ready() {
    let mut canary = canary_of(&[HALF, CanaryStep::Pause(Timeout::Never), HALF], 2);
    canary.handle(at(1), DeployEvent::Ready(2));
    canary.handle(at(2), DeployEvent::Unready(2));
    assert_eq!(canary.handle(at(3), DeployEvent::Promote), [], "it has no instance for one half");
    assert_eq!((canary.weight(), canary.due()), (50, None));
    assert_eq!(canary.handle(at(4), DeployEvent::Ready(2)), [weight(50), candidate(3)]);
}

#[test]
fn a_weight_that_needs_nobody_new_holds_at_once() {
    let quarter = CanaryStep::SetWeight(25);
    let mut canary = canary_of(&[quarter, HALF, LOOK], 2);
    let actions = canary.handle(at(1), DeployEvent::Ready(2));
    assert_eq!(actions, [weight(25), weight(50)], "one of two is enough for both");
    assert_eq!(canary.due(), Some(at(61)));
}

#[test]
fn a_canary_heeds_no_promotion_before_it_begins_nor_when_it_is_decided() {
    let mut idle = Canary::new(CanaryConfig::hardened(), 2, at(0));
    assert!(!idle.is_running());
    assert_eq!(idle.handle(at(0), DeployEvent::PromoteFull), []);
    let mut turned = canary_of(&[HALF, LOOK], 2);
    assert!(turned.is_running());
    turned.handle(at(1), DeployEvent::Abort);
    assert_eq!(turned.handle(at(2), DeployEvent::PromoteFull), []);
    assert!(turned.is_running(), "its instances are still there");
    assert_eq!(turned.wake(at(30)), [], "and stay until 31");
    assert_eq!(turned.wake(at(31)), [stop(2), done(Version::Stable)]);
    assert!(!turned.is_running());
}

#[test]
fn a_pause_ends_when_its_time_is_over_and_not_before() {
    let minute = CanaryStep::Pause(Timeout::After(Span::from_secs(60)));
    let mut canary = canary_of(&[HALF, minute, CanaryStep::SetWeight(100)], 2);
    canary.handle(at(1), DeployEvent::Ready(2));
    assert_eq!(canary.due(), Some(at(61)));
    assert_eq!(canary.wake(at(60)), []);
    assert_eq!(canary.wake(at(61)), [candidate(3)]);
}

#[test]
fn a_measurement_is_bad_above_its_share_of_errors_and_not_at_it() {
    for (errors, requests, turns_back) in
        [(0, 10, false), (2, 10, false), (3, 10, false), (4, 10, true), (1, 3, true), (1, 4, false)]
    {
        let config = CanaryConfig {
            steps: vec![LOOK],
            metrics_of: MetricsOf::Candidate,
            min_requests: 1,
            max_errors: Ratio::new(3, 10).unwrap(),
            ..CanaryConfig::hardened()
        };
        let mut canary = Canary::new(config, 2, at(0));
        canary.begin(at(0));
        let version = Version::Candidate;
        canary.handle(at(1), DeployEvent::Metrics { version, requests, errors });
        let actions = canary.wake(at(60));
        assert_eq!(!actions.is_empty(), turns_back, "{errors} of {requests}");
    }
}

#[test]
fn an_update_heeds_only_what_fits_where_it_stands() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 2, at(0));
    for event in [DeployEvent::Abort, DeployEvent::Promote, DeployEvent::PromoteFull] {
        assert_eq!(rolling.handle(at(0), event), [], "it has not begun");
        assert!(!rolling.is_running());
    }
    rolling.begin(at(0));
    assert_eq!(rolling.due(at(0)), Some(at(600)));
    assert_eq!(rolling.handle(at(100), DeployEvent::Promote), []);
    assert_eq!(rolling.due(at(100)), Some(at(600)), "it goes on anyway, and gets no more time");
    assert!(rolling.handle(at(101), DeployEvent::Abort).contains(&ABORTED));
    let again = rolling.handle(at(102), DeployEvent::Abort);
    assert!(!again.contains(&ABORTED), "it is on its way back: {again:?}");
}

#[test]
fn an_instance_that_is_known_by_its_beats_alone_stays_ready() {
    for (readiness, left) in [(Readiness::Heartbeat, 1), (Readiness::Probe, 0)] {
        let mut fleet = Fleet::stable(1, at(0));
        fleet.note(at(1), DeployEvent::Unready(0), readiness);
        let available = fleet.available(Version::Stable, at(2), Span::ZERO).count();
        assert_eq!(available, left, "{readiness:?}");
    }
}

#[test]
fn a_fleet_is_empty_when_its_last_instance_is_gone() {
    let mut fleet = Fleet::stable(2, at(0));
    assert!(!fleet.is_empty());
    fleet.stop(0);
    assert!(!fleet.is_empty());
    fleet.note(at(1), DeployEvent::Failed(1), Readiness::Probe);
    assert!(fleet.is_empty());
}
