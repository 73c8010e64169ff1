//! Rolling updates against Kubernetes' two promises, whatever instances do; and the odds that a
//! canary's analysis has by hand.

use std::collections::BTreeMap;

use brownout_models::policy::{
    Canary, CanaryConfig, DeployAction, DeployEvent, Portion, Readiness, Rolling, RollingConfig,
    Scaler, ScalerConfig, Timeout, TurnBack, Version,
};
use brownout_models::{Span, Time};
use proptest::prelude::*;

use super::config;

/// The instances as somebody sees them who only hears the actions: version, and ready since when.
#[derive(Default)]
struct Seen {
    instances: BTreeMap<u32, (Version, Option<u64>)>,
    started: u32,
}

impl Seen {
    /// Follows the actions; whether an available instance was stopped.
    fn follow(&mut self, actions: &[DeployAction], now: u64, min_ready: u64) -> bool {
        let mut stopped_available = false;
        for action in actions {
            match *action {
                DeployAction::Start { instance, version } => {
                    assert_eq!(instance, self.started, "numbers are never used again");
                    self.started += 1;
                    self.instances.insert(instance, (version, None));
                }
                DeployAction::Stop { instance } => {
                    let (_, ready) = self.instances.remove(&instance).expect("it was there");
                    stopped_available |= ready.is_some_and(|since| since + min_ready <= now);
                }
                DeployAction::Weight { .. }
                | DeployAction::TurnBack { .. }
                | DeployAction::Pause
                | DeployAction::Done { .. } => {}
            }
        }
        stopped_available
    }

    fn available(&self, now: u64, min_ready: u64) -> usize {
        let ready = |since: &Option<u64>| since.is_some_and(|since| since + min_ready <= now);
        self.instances.values().filter(|(_, since)| ready(since)).count()
    }
}

fn portion() -> impl Strategy<Value = Portion> {
    prop_oneof![
        (0..4_u32).prop_map(Portion::Count),
        prop::sample::select(vec![0, 1, 25, 50, 99, 100]).prop_map(Portion::Percent),
    ]
}

/// The bounds, in thirds and halves of fractions and with no integer division.
fn bounds(config: &RollingConfig, n: u32) -> (usize, usize) {
    let share = |portion, ceil: bool| match portion {
        Portion::Count(count) => count,
        Portion::Percent(percent) => {
            let exact = percent * n;
            (0..=exact)
                .find(|k| k * 100 >= exact)
                .map_or(0, |up| if ceil || up * 100 == exact { up } else { up - 1 })
        }
    };
    let surge = share(config.max_surge, true);
    let unavailable = share(config.max_unavailable, false);
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    ((n + surge) as usize, n.saturating_sub(unavailable) as usize)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_rolling_update_keeps_its_two_promises_and_ends(
        (surge, unavailable) in (portion(), portion()),
        n in 1..9_u32,
        min_ready in prop::sample::select(vec![0, 1, 10_u64]),
        has_deadline in any::<bool>(),
        events in prop::collection::vec((0..5_u8, 0..16_usize, 0..12_u64), 0..60),
    ) {
        let deadline = Timeout::After(Span::from_secs(30));
        let config = RollingConfig {
            max_surge: surge,
            max_unavailable: unavailable,
            readiness: Readiness::Probe,
            min_ready: Span::from_secs(min_ready),
            progress_deadline: if has_deadline { deadline } else { Timeout::Never },
            ..RollingConfig::hardened()
        };
        prop_assume!(config.mistakes().is_empty());
        let (most, least) = bounds(&config, n);
        let mut rolling = Rolling::new(config, n, Time::ZERO);
        let mut seen = Seen::default();
        for instance in 0..n {
            seen.instances.insert(instance, (Version::Stable, Some(0)));
        }
        seen.started = n;
        let at = |seconds| Time::ZERO + Span::from_secs(seconds);
        let mut now = min_ready;
        let mut last = None;
        let mut follow = |seen: &mut Seen, now: u64, actions: Vec<DeployAction>| {
            let stopped = seen.follow(&actions, now, min_ready);
            last = actions.last().copied().or(last);
            (stopped, last)
        };
        follow(&mut seen, now, rolling.begin(at(now)));
        let check = |seen: &Seen, stopped: bool, now: u64| {
            assert!(seen.instances.len() <= most, "{} are more than {most}", seen.instances.len());
            let available = seen.available(now, min_ready);
            assert!(!stopped || available >= least, "{available} are fewer than {least}");
        };
        check(&seen, true, now);
        for (kind, which, pause) in events {
            now += pause;
            let (stopped, _) = follow(&mut seen, now, rolling.wake(at(now)));
            check(&seen, stopped, now);
            if !rolling.is_running() {
                // It is over: what fails from here on is nobody's business here.
                break;
            }
            let Some(instance) = seen.instances.keys().nth(which % seen.instances.len().max(1)) else {
                break;
            };
            let (instance, ready) = (*instance, seen.instances[instance].1);
            let event = match kind {
                0 => DeployEvent::Failed(instance),
                1 => DeployEvent::Unready(instance),
                _ => DeployEvent::Ready(instance),
            };
            match kind {
                0 => {
                    seen.instances.remove(&instance);
                }
                1 => seen.instances.get_mut(&instance).unwrap().1 = None,
                _ => seen.instances.get_mut(&instance).unwrap().1 = ready.or(Some(now)),
            }
            let (stopped, _) = follow(&mut seen, now, rolling.handle(at(now), event));
            check(&seen, stopped, now);
        }
        // From now on everything gets ready, and the update comes to an end.
        for _ in 0..8 * n + 8 {
            if !rolling.is_running() {
                break;
            }
            let pending: Vec<u32> = seen.instances.iter()
                .filter(|(_, (_, ready))| ready.is_none())
                .map(|(instance, _)| *instance)
                .collect();
            for instance in pending {
                if let Some(known) = seen.instances.get_mut(&instance) {
                    known.1 = Some(now);
                    let (stopped, _) =
                        follow(&mut seen, now, rolling.handle(at(now), DeployEvent::Ready(instance)));
                    check(&seen, stopped, now);
                }
            }
            now += min_ready.max(1);
            let (stopped, _) = follow(&mut seen, now, rolling.wake(at(now)));
            check(&seen, stopped, now);
        }
        prop_assert!(!rolling.is_running(), "it ends");
        if let (_, Some(DeployAction::Done { version })) = follow(&mut seen, now, Vec::new()) {
            prop_assert_eq!(seen.instances.len(), n as usize);
            prop_assert!(seen.instances.values().all(|(of, _)| *of == version));
            prop_assert!(seen.available(now, min_ready) == n as usize);
        }
    }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn before(time: Time) -> Time {
    Time::from_nanos(time.as_nanos() - 1)
}

#[test]
fn a_measurement_is_over_with_its_interval_and_not_before() {
    let config = CanaryConfig { measurements: 1, ..CanaryConfig::hardened() };
    let mut canary = Canary::new(config, 10, at(0));
    canary.begin(at(0));
    canary.handle(at(0), DeployEvent::Ready(10));
    let (version, requests) = (Version::Candidate, 100);
    canary.handle(at(1), DeployEvent::Metrics { version, requests, errors: 100 });
    assert_eq!(canary.wake(at(1)), []);
    assert_eq!(canary.wake(before(at(60))), []);
    let turned = canary.wake(at(60));
    assert_eq!(turned.first(), Some(&DeployAction::TurnBack { reason: TurnBack::Analysis }));
}

/// Four instances, all surge at once and none taken away before there is another: what becomes
/// available is progress, what goes away is, and nothing else.
#[test]
fn only_instances_that_come_or_go_move_the_deadline_of_an_update() {
    let config = RollingConfig {
        max_surge: Portion::Count(4),
        max_unavailable: Portion::Count(0),
        min_ready: Span::from_secs(10),
        ..RollingConfig::hardened()
    };
    let mut rolling = Rolling::new(config, 4, at(0));
    assert_eq!(rolling.begin(at(0)).len(), 4);
    // Up is not ready, and ready is not available for another ten seconds.
    rolling.handle(at(100), DeployEvent::Started(4));
    assert_eq!(rolling.due(at(100)), Some(at(600)));
    rolling.handle(at(200), DeployEvent::Ready(4));
    assert_eq!(rolling.due(at(200)), Some(at(210)));
    assert_eq!(rolling.wake(at(210)), [DeployAction::Stop { instance: 0 }]);
    assert_eq!(rolling.due(at(210)), Some(at(810)));
    // Nothing comes of these.
    for (second, event) in [
        (300, DeployEvent::Started(5)),
        (400, DeployEvent::Unready(5)),
        (500, DeployEvent::Failed(5)),
    ] {
        rolling.handle(at(second), event);
        assert_eq!(rolling.due(at(second)), Some(at(810)), "at {second} s");
    }
    // A stable one that crashes goes away, too, though none becomes available.
    rolling.handle(at(600), DeployEvent::Failed(1));
    assert_eq!(rolling.due(at(600)), Some(at(1_200)));
    // One that was available and is not any more is a step back.
    rolling.handle(at(700), DeployEvent::Unready(4));
    assert_eq!(rolling.due(at(700)), Some(at(1_200)));
}

#[test]
fn a_scaler_remembers_no_wish_that_a_later_one_exceeds() {
    let mut scaler = Scaler::new(ScalerConfig::hardened());
    let remembered: Vec<usize> = [(0, 160), (15, 120), (30, 100), (45, 120), (60, 400), (75, 40)]
        .into_iter()
        .map(|(second, usage)| {
            scaler.wanted(at(second), 4, usage);
            scaler.remembered()
        })
        .collect();
    // Wishes of 8, 6, 5, 6, 10 (20 are more than there may be) and 2.
    assert_eq!(remembered, [1, 2, 3, 2, 1, 2]);
}
