use super::*;
use crate::policy::Timeout;
use crate::{Ratio, Span, Time};

const CANDIDATE: Version = Version::Candidate;

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn started(actions: &[DeployAction]) -> Vec<u32> {
    let instance = |action: &DeployAction| match action {
        DeployAction::Start { instance, .. } => Some(*instance),
        DeployAction::Stop { .. }
        | DeployAction::Weight { .. }
        | DeployAction::TurnBack { .. }
        | DeployAction::Pause
        | DeployAction::Done { .. } => None,
    };
    actions.iter().filter_map(instance).collect()
}

/// Answers every start with this event until nothing is started any more.
fn settle(
    now: Time,
    actions: Vec<DeployAction>,
    event: fn(u32) -> DeployEvent,
    mut handle: impl FnMut(Time, DeployEvent) -> Vec<DeployAction>,
) -> Vec<DeployAction> {
    let (mut all, mut open) = (actions.clone(), started(&actions));
    while let Some(instance) = open.pop() {
        let actions = handle(now, event(instance));
        open.extend(started(&actions));
        all.extend(actions);
    }
    all
}

#[test]
fn a_rolling_update_of_four_never_has_six_and_never_serves_with_two() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 4, at(0));
    let first = rolling.begin(at(0));
    assert_eq!((rolling.fleet().len(), rolling.available(at(0))), (5, 3));
    let all = settle(at(1), first, DeployEvent::Ready, |now, event| {
        let actions = rolling.handle(now, event);
        assert!(rolling.fleet().len() <= 5 && rolling.available(now) >= 3);
        actions
    });
    assert_eq!(all.last(), Some(&DeployAction::Done { version: CANDIDATE }));
    assert_eq!(started(&all), [4, 5, 6, 7], "each replaced once");
    assert!(!rolling.is_running());
    assert_eq!(rolling.due(at(1)), None);
}

#[test]
fn shares_are_rounded_towards_more_and_towards_available() {
    for (replicas, total, available) in [(1, 2, 1), (3, 4, 3), (4, 5, 3), (5, 7, 4), (10, 13, 8)] {
        let mut rolling = Rolling::new(RollingConfig::hardened(), replicas, at(0));
        rolling.begin(at(0));
        assert_eq!(
            (rolling.fleet().len(), rolling.available(at(0))),
            (total, available),
            "{replicas}"
        );
    }
}

#[test]
fn dep_3_a_version_that_never_serves_replaces_everything_that_does() {
    let bad = |config: RollingConfig| {
        let mut rolling = Rolling::new(config, 4, at(0));
        let first = rolling.begin(at(0));
        settle(at(1), first, DeployEvent::Started, |now, event| rolling.handle(now, event));
        rolling.fleet().of(Version::Stable).count()
    };
    assert_eq!(bad(RollingConfig::guide()), 0, "every process beats, and no one serves");
    assert_eq!(bad(RollingConfig::hardened()), 3);
    let probing = RollingConfig { readiness: Readiness::Probe, ..RollingConfig::guide() };
    assert_eq!(bad(probing), 3);
    let blind = RollingConfig { readiness: Readiness::Heartbeat, ..RollingConfig::hardened() };
    assert_eq!(bad(blind), 0);
}

#[test]
fn an_update_without_progress_turns_back_at_its_deadline() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 4, at(0));
    rolling.begin(at(0));
    assert_eq!(rolling.due(at(0)), Some(at(600)));
    let before = Time::from_nanos(at(600).as_nanos() - 1);
    assert_eq!(rolling.wake(before), []);
    let actions = rolling.wake(at(600));
    let turned = DeployAction::TurnBack { reason: TurnBack::ProgressDeadline };
    assert_eq!(actions.first(), Some(&turned));
    let all = settle(at(601), actions, DeployEvent::Ready, |now, event| rolling.handle(now, event));
    assert_eq!(all.last(), Some(&DeployAction::Done { version: Version::Stable }));
    assert_eq!(rolling.fleet().of(Version::Stable).count(), 4);
    assert_eq!(rolling.fleet().of(CANDIDATE).count(), 0);
}

#[test]
fn progress_moves_the_deadline_and_a_way_back_that_fails_too_stands_still() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 4, at(0));
    rolling.begin(at(0));
    rolling.handle(at(500), DeployEvent::Ready(4));
    assert_eq!(rolling.due(at(500)), Some(at(1_100)));
    let actions = rolling.wake(at(1_100));
    assert!(actions.contains(&DeployAction::TurnBack { reason: TurnBack::ProgressDeadline }));
    assert_eq!(rolling.wake(at(1_700)), [DeployAction::Pause]);
    assert!(!rolling.is_running());
    let config = RollingConfig { on_deadline: OnDeadline::Pause, ..RollingConfig::hardened() };
    let mut reporting = Rolling::new(config, 4, at(0));
    reporting.begin(at(0));
    assert_eq!(reporting.wake(at(600)), [DeployAction::Pause], "as Kubernetes does");
}

#[test]
fn an_instance_counts_once_it_has_been_ready_for_long_enough() {
    let min_ready = Span::from_secs(10);
    let config = RollingConfig { min_ready, ..RollingConfig::hardened() };
    let mut rolling = Rolling::new(config, 4, at(0));
    rolling.begin(at(10));
    assert_eq!(rolling.handle(at(20), DeployEvent::Ready(4)), []);
    assert_eq!(rolling.due(at(20)), Some(at(30)));
    assert_eq!(rolling.wake(Time::from_nanos(at(30).as_nanos() - 1)), []);
    assert_eq!(rolling.wake(at(30)).first(), Some(&DeployAction::Stop { instance: 1 }));
    // One that falters begins to count anew.
    rolling.handle(at(31), DeployEvent::Ready(5));
    rolling.handle(at(32), DeployEvent::Unready(5));
    rolling.handle(at(33), DeployEvent::Ready(5));
    assert_eq!(rolling.due(at(33)), Some(at(43)));
}

#[test]
fn an_update_that_is_aborted_brings_the_stable_version_back() {
    let mut rolling = Rolling::new(RollingConfig::hardened(), 4, at(0));
    rolling.begin(at(0));
    rolling.handle(at(1), DeployEvent::Ready(4));
    let actions = rolling.handle(at(2), DeployEvent::Abort);
    assert_eq!(actions.first(), Some(&DeployAction::TurnBack { reason: TurnBack::Aborted }));
    let all = settle(at(3), actions, DeployEvent::Ready, |now, event| rolling.handle(now, event));
    assert_eq!(all.last(), Some(&DeployAction::Done { version: Version::Stable }));
}

/// A canary at its first analysis, with one instance of ten.
fn canary(config: CanaryConfig) -> Canary {
    let mut canary = Canary::new(config, 10, at(0));
    assert_eq!(started(&canary.begin(at(0))), [10]);
    let weight = canary.handle(at(0), DeployEvent::Ready(10));
    assert_eq!(weight, [DeployAction::Weight { candidate: 10 }]);
    canary
}

fn metrics(version: Version, requests: u64, errors: u64) -> DeployEvent {
    DeployEvent::Metrics { version, requests, errors }
}

#[test]
fn dep_2_errors_of_a_small_share_drown_among_those_of_everybody() {
    let verdict = |metrics_of| {
        let config = CanaryConfig { metrics_of, measurements: 1, ..CanaryConfig::hardened() };
        let mut canary = canary(config);
        canary.handle(at(1), metrics(Version::Stable, 9_900, 0));
        canary.handle(at(1), metrics(CANDIDATE, 100, 50));
        canary.wake(at(60)).first().copied()
    };
    let next = DeployAction::Start { instance: 11, version: CANDIDATE };
    assert_eq!(verdict(MetricsOf::Both), Some(next), "50 of 10,000 are fine");
    let back = DeployAction::TurnBack { reason: TurnBack::Analysis };
    assert_eq!(verdict(MetricsOf::Candidate), Some(back), "50 of 100 are not");
}

#[test]
fn dep_2_nobody_asked_is_no_evidence() {
    let mut hasty = canary(CanaryConfig::guide());
    assert_eq!(started(&hasty.wake(at(60))), [11, 12, 13, 14], "on it goes");
    let mut careful = canary(CanaryConfig::hardened());
    for minute in 1..=4 {
        assert_eq!(careful.wake(at(60 * minute)), [], "inconclusive");
    }
    assert_eq!(careful.wake(at(300)), [DeployAction::Pause]);
    assert_eq!(started(&careful.handle(at(400), DeployEvent::Promote)), [11, 12, 13, 14]);
}

#[test]
fn a_canary_is_measured_as_often_as_it_says_and_may_fail_as_often_as_it_says() {
    let config = CanaryConfig { failure_limit: 1, ..CanaryConfig::hardened() };
    let run = |bad: &[u64]| {
        let mut canary = canary(config.clone());
        for minute in 1..=5 {
            let errors = if bad.contains(&minute) { 2 } else { 1 };
            canary.handle(at(60 * minute - 1), metrics(CANDIDATE, 100, errors));
            let actions = canary.wake(at(60 * minute));
            if !actions.is_empty() {
                return (minute, actions[0]);
            }
        }
        unreachable!("five measurements decide")
    };
    let next = DeployAction::Start { instance: 11, version: CANDIDATE };
    let back = DeployAction::TurnBack { reason: TurnBack::Analysis };
    assert_eq!(run(&[]), (5, next), "exactly 1 % is fine");
    assert_eq!(run(&[3]), (5, next));
    assert_eq!(run(&[2, 4]), (4, back));
}

#[test]
fn a_canary_that_turns_back_keeps_its_instances_for_a_while() {
    let mut canary = canary(CanaryConfig::hardened());
    let actions = canary.handle(at(5), DeployEvent::Abort);
    let back = DeployAction::TurnBack { reason: TurnBack::Aborted };
    assert_eq!(actions, [back, DeployAction::Weight { candidate: 0 }]);
    assert_eq!((canary.due(), canary.weight()), (Some(at(35)), 0));
    assert_eq!(canary.wake(Time::from_nanos(at(35).as_nanos() - 1)), []);
    let done = DeployAction::Done { version: Version::Stable };
    assert_eq!(canary.wake(at(35)), [DeployAction::Stop { instance: 10 }, done]);
    assert_eq!(canary.handle(at(36), DeployEvent::Abort), [], "there is nothing left to abort");
}

#[test]
fn a_canary_ends_with_everything_and_waits_for_instances_before_traffic() {
    let steps = vec![CanaryStep::SetWeight(50), CanaryStep::Pause(Timeout::Never)];
    let mut canary = Canary::new(CanaryConfig { steps, ..CanaryConfig::hardened() }, 2, at(0));
    assert_eq!(started(&canary.begin(at(0))), [2]);
    assert_eq!(canary.handle(at(0), DeployEvent::Started(2)), [], "up is not ready");
    assert_eq!(
        canary.handle(at(1), DeployEvent::Failed(2)),
        [DeployAction::Start { instance: 3, version: CANDIDATE }]
    );
    assert_eq!(
        canary.handle(at(2), DeployEvent::Ready(3)),
        [DeployAction::Weight { candidate: 50 }]
    );
    assert_eq!(canary.wake(at(9_999)), [], "a person decides");
    let all = settle(
        at(10_000),
        canary.handle(at(10_000), DeployEvent::Promote),
        DeployEvent::Ready,
        |now, event| canary.handle(now, event),
    );
    assert_eq!(all.last(), Some(&DeployAction::Weight { candidate: 100 }));
    let stopped = canary.wake(at(10_030));
    assert_eq!(stopped.last(), Some(&DeployAction::Done { version: CANDIDATE }));
    assert_eq!(canary.fleet().len(), 2);
    assert!(!canary.is_running());
}

#[test]
fn a_failed_canary_without_a_rule_stands_where_it_is() {
    let mut canary = canary(CanaryConfig::guide());
    canary.handle(at(1), metrics(CANDIDATE, 10, 10));
    assert_eq!(canary.wake(at(60)), [DeployAction::Pause]);
    assert_eq!((canary.weight(), canary.is_running()), (10, false), "a tenth still fails");
}

fn blue_green(config: BlueGreenConfig) -> (BlueGreen, Vec<DeployAction>) {
    let mut deployment = BlueGreen::new(config, 2, at(0));
    assert_eq!(started(&deployment.begin(at(0))), [2, 3]);
    let mut actions = deployment.handle(at(1), DeployEvent::Started(2));
    actions.extend(deployment.handle(at(1), DeployEvent::Started(3)));
    (deployment, actions)
}

const SWITCH: DeployAction = DeployAction::Weight { candidate: 100 };

#[test]
fn dep_1_an_instant_switch_cuts_off_what_is_under_way() {
    let (_, actions) = blue_green(BlueGreenConfig::guide());
    let (stop, done) =
        (|instance| DeployAction::Stop { instance }, DeployAction::Done { version: CANDIDATE });
    assert_eq!(actions, [SWITCH, stop(0), stop(1), done], "and before anything could serve");
    let (mut careful, actions) = blue_green(BlueGreenConfig::hardened());
    assert_eq!(actions, []);
    assert_eq!(careful.handle(at(2), DeployEvent::Ready(2)), []);
    assert_eq!(careful.handle(at(2), DeployEvent::Ready(3)), [SWITCH]);
    assert_eq!(careful.due(), Some(at(32)));
    assert_eq!(careful.wake(at(32)), [stop(0), stop(1), done]);
}

#[test]
fn a_switch_that_goes_wrong_is_switched_back_while_the_other_fleet_stays() {
    let (mut deployment, _) = blue_green(BlueGreenConfig::hardened());
    deployment.handle(at(2), DeployEvent::Ready(2));
    deployment.handle(at(2), DeployEvent::Ready(3));
    assert_eq!(deployment.handle(at(3), metrics(CANDIDATE, 99, 99)), [], "too few to say");
    let actions = deployment.handle(at(4), metrics(CANDIDATE, 1, 0));
    let back = DeployAction::TurnBack { reason: TurnBack::Analysis };
    assert_eq!(actions, [back, DeployAction::Weight { candidate: 0 }]);
    assert_eq!(deployment.serving(), Version::Stable);
    let done = DeployAction::Done { version: Version::Stable };
    assert_eq!(deployment.wake(at(34)).last(), Some(&done));
    assert_eq!(deployment.fleet().of(CANDIDATE).count(), 0);
}

#[test]
fn a_candidate_that_is_never_ready_is_given_up_and_served_nobody() {
    let (mut deployment, _) = blue_green(BlueGreenConfig::hardened());
    deployment.handle(at(2), DeployEvent::Ready(2));
    assert_eq!(deployment.wake(Time::from_nanos(at(600).as_nanos() - 1)), []);
    let actions = deployment.wake(at(600));
    assert_eq!(actions[0], DeployAction::TurnBack { reason: TurnBack::ProgressDeadline });
    assert_eq!(actions.len(), 4, "two stop, and it is over: {actions:?}");
    assert_eq!(deployment.serving(), Version::Stable);
}

#[test]
fn a_preview_waits_for_a_person_or_its_time_and_for_all_to_stay_ready() {
    let config = BlueGreenConfig {
        preview: Timeout::After(Span::from_secs(60)),
        ..BlueGreenConfig::hardened()
    };
    let (mut deployment, _) = blue_green(config);
    deployment.handle(at(2), DeployEvent::Ready(2));
    deployment.handle(at(2), DeployEvent::Ready(3));
    assert_eq!(deployment.due(), Some(at(62)));
    deployment.handle(at(10), DeployEvent::Unready(3));
    assert_eq!(deployment.due(), Some(at(610)), "it has to become ready again");
    deployment.handle(at(20), DeployEvent::Ready(3));
    assert_eq!(deployment.handle(at(30), DeployEvent::Promote), [SWITCH]);
}

#[test]
fn a_scaler_flaps_without_a_tolerance_and_not_with_one() {
    let swings = [88, 72, 88, 72];
    let changes = |config| {
        let (mut scaler, mut current, mut changes) = (Scaler::new(config), 10, 0);
        for (look, usage) in (1..).zip(swings) {
            let wanted = scaler.wanted(at(15 * look), current, usage);
            changes += u32::from(wanted != current);
            current = wanted;
        }
        changes
    };
    let wide = |config| ScalerConfig { max_replicas: 100, ..config };
    assert_eq!(changes(wide(ScalerConfig::guide())), 4);
    assert_eq!(changes(wide(ScalerConfig::hardened())), 0, "88 and 72 are 10 % off 80");
}

#[test]
fn a_scaler_keeps_within_its_range_and_remembers_little() {
    let mut scaler = Scaler::new(ScalerConfig::hardened());
    assert_eq!(scaler.wanted(at(0), 5, 1_000), 10);
    assert_eq!(scaler.wanted(at(301), 1, 0), 1);
    for second in 0..10_000 {
        scaler.wanted(at(400 + second), 10, 100 - u32::try_from(second % 100).unwrap());
        assert!(scaler.remembered() <= 10);
    }
}

#[test]
fn every_deployment_option_that_makes_no_sense_is_a_mistake() {
    fn of(mistakes: Vec<crate::Mistake>) -> Vec<String> {
        mistakes.into_iter().map(|mistake| mistake.option).collect()
    }
    let rolling = RollingConfig {
        max_surge: Portion::Percent(0),
        max_unavailable: Portion::Count(0),
        progress_deadline: Timeout::After(Span::ZERO),
        ..RollingConfig::hardened()
    };
    assert_eq!(of(rolling.mistakes()), ["max_unavailable", "progress_deadline"]);
    let more = RollingConfig { max_surge: Portion::Percent(101), ..RollingConfig::hardened() };
    assert_eq!(of(more.mistakes()), ["max_surge"]);
    let canary = CanaryConfig {
        steps: vec![CanaryStep::SetWeight(50), CanaryStep::SetWeight(49)],
        measurements: 0,
        interval: Span::ZERO,
        ..CanaryConfig::hardened()
    };
    assert_eq!(of(canary.mistakes()), ["steps", "measurements", "interval"]);
    let blue_green = BlueGreenConfig {
        progress_deadline: Timeout::After(Span::ZERO),
        max_errors: Ratio::ZERO,
        ..BlueGreenConfig::hardened()
    };
    assert_eq!(of(blue_green.mistakes()), ["progress_deadline"]);
    let scaler = ScalerConfig { target_usage: 0, min_replicas: 11, ..ScalerConfig::hardened() };
    assert_eq!(of(scaler.mistakes()), ["target_usage", "max_replicas"]);
    for profile in [crate::Profile::Guide, crate::Profile::Hardened] {
        assert_eq!(of(RollingConfig::of(profile).mistakes()), [""; 0]);
        assert_eq!(of(CanaryConfig::of(profile).mistakes()), [""; 0]);
        assert_eq!(of(BlueGreenConfig::of(profile).mistakes()), [""; 0]);
        assert_eq!(of(ScalerConfig::of(profile).mistakes()), [""; 0]);
    }
}
