//! One host that two failures in a row eject, with intervals of two nanoseconds.

use brownout_models::policy::outlier::{ConsecutiveFailures, Outlier, OutlierConfig, SuccessRate};
use brownout_models::{Name, Time};

use super::{STARTS, aged, explore, nanos};

#[derive(Clone)]
struct State {
    now: Time,
    outlier: Outlier,
}

fn next(state: &State, host: Name) -> Vec<State> {
    let mut states = Vec::new();
    for ok in [true, false] {
        let State { now, mut outlier } = state.clone();
        let verdict = outlier.record(now, host, ok);
        assert!(verdict.is_none_or(|verdict| !ok && verdict.ejected_until > Some(now)));
        states.push(State { now, outlier });
    }
    let mut later = state.clone();
    later.now += nanos(1);
    let due = later.outlier.due();
    let verdicts = later.outlier.advance(later.now);
    assert!(verdicts.is_empty() || due == Some(later.now), "nothing happens before it is due");
    states.push(later);
    states
}

/// The calls of the interval only matter for rates, which are off.
fn key(state: &State) -> String {
    let text = aged(&state.outlier, state.now);
    let (_, hosts) = text.split_once(",hosts:{").unwrap();
    hosts
        .split([',', '(', ')'])
        .filter(|field| !field.starts_with("successes:") && !field.starts_with("failures:"))
        .collect::<Vec<_>>()
        .join(",")
}

/// With 2 ns out, or 4 from the second time on, and an interval that ends in 2 or 1:
/// - in the running: no or one failure in a row, a multiplier of 0, 1 or 2, two phases: 12 states;
/// - out for the first time, and let in at the first end of an interval from 2 on: for 0 or 1 where
///   it went at an end, for 0, 1 or 2 where it went between two: 5 states;
/// - out for 4: for 0 to 3, or for 0 to 4: 9 states.
#[test]
fn a_host_has_26_states() {
    for (start, first) in STARTS {
        let config = OutlierConfig {
            interval: nanos(2),
            consecutive_failures: ConsecutiveFailures::AtLeast(2),
            success_rate: SuccessRate::Off,
            base_ejection_time: nanos(2),
            max_ejection_time: nanos(4),
            ..OutlierConfig::hardened()
        };
        let (now, host) = (Time::from_nanos(start), Name(first));
        let mut outlier = Outlier::new(config);
        outlier.show(now, &[host]);
        let (states, _) = explore(State { now, outlier }, key, |state| next(state, host));
        assert_eq!(states, 12 + 5 + 9);
    }
}
