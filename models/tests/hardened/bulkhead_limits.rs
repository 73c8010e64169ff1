//! Limits that move, against whole histories, and where theory says that they come to rest.

use std::collections::VecDeque;

use brownout_models::policy::{Bulkhead, BulkheadConfig, Concurrency, Entrance, Limit, Sample};
use brownout_models::{Factor, Ratio, Span, Time, Timeout};
use proptest::prelude::*;

use super::config;

fn bulkhead(limit: Limit, max_waiting: u32) -> Bulkhead {
    let max_wait = Timeout::Never;
    let config = BulkheadConfig { limit, max_waiting, max_wait, ..BulkheadConfig::hardened() };
    assert_eq!(config.mistakes(), []);
    Bulkhead::new(config)
}

fn limit_of(bulkhead: &Bulkhead) -> u32 {
    match bulkhead.limit() {
        Concurrency::AtMost(most) => most,
        Concurrency::Unlimited => panic!("it has a limit"),
    }
}

/// What a call that ended told, and how many were inside, itself included.
type Told = (u64, bool, u32);

/// The limit after a history, from its beginning, and as it is written in the documentation.
fn replayed(limit: &Limit, history: &[Told]) -> u128 {
    match *limit {
        Limit::Fixed => unreachable!("it does not move"),
        Limit::Aimd { initial_limit, min_limit, max_limit, backoff_ratio, timeout } => {
            let mut at = i128::from(initial_limit);
            for (latency, is_dropped, inside) in history {
                if *is_dropped || *latency > timeout.as_nanos() {
                    at = at * i128::from(backoff_ratio.num()) / i128::from(backoff_ratio.den());
                } else if i128::from(*inside) * 2 >= at {
                    at += 1;
                }
                at = at.clamp(min_limit.into(), max_limit.into());
            }
            u128::try_from(at).unwrap()
        }
        Limit::Gradient {
            initial_limit,
            min_limit,
            max_concurrency,
            smoothing,
            queue_size,
            rtt_tolerance,
            long_window,
        } => {
            let mut at = u128::from(initial_limit) * 1_000;
            let mut long = 0;
            for (number, (latency, _, inside)) in history.iter().enumerate() {
                let (short, window) = (u128::from(*latency), u128::from(long_window));
                long = if number < 10 {
                    let first = history[..=number].iter().map(|(latency, ..)| u128::from(*latency));
                    first.sum::<u128>() / (number as u128 + 1)
                } else {
                    (long * (window - 1) + short * 2) / (window + 1)
                };
                let average = long;
                if average > 2 * short {
                    long = long * 95 / 100;
                }
                if u128::from(*inside) * 2_000 < at {
                    continue;
                }
                // The gradient as a fraction, between one half and one.
                let mut gradient =
                    (u128::from(rtt_tolerance.as_thousandths()) * average, 1_000 * short);
                if gradient.0 > gradient.1 {
                    gradient = (1, 1);
                }
                if gradient.0 * 2 < gradient.1 {
                    gradient = (1, 2);
                }
                let shrunk = (at * gradient.0).checked_div(gradient.1).unwrap_or(at);
                let target = shrunk + u128::from(queue_size) * 1_000;
                let (num, den) = (u128::from(smoothing.num()), u128::from(smoothing.den()));
                at = (at * (den - num) + target * num) / den;
                at = at.clamp(u128::from(min_limit) * 1_000, u128::from(max_concurrency) * 1_000);
            }
            at / 1_000
        }
    }
}

fn limit() -> impl Strategy<Value = Limit> {
    let bounds = (1..5_u32, 0..10_u32, 0..30_u32);
    let aimd =
        (bounds.clone(), 50..100_u32, 1..100_u64).prop_map(|((min, up, more), part, time)| {
            Limit::Aimd {
                initial_limit: min + up,
                min_limit: min,
                max_limit: min + up + more,
                backoff_ratio: Ratio::new(part, 100).unwrap(),
                timeout: Span::from_nanos(time),
            }
        });
    let gradient = (bounds, 1..=10_u32, 0..6_u32, 1_000..2_500_u32, 1..30_u32).prop_map(
        |((min, up, more), tenths, queue_size, tolerance, long_window)| Limit::Gradient {
            initial_limit: min + up,
            min_limit: min,
            max_concurrency: min + up + more,
            smoothing: Ratio::new(tenths, 10).unwrap(),
            queue_size,
            rtt_tolerance: Factor::from_thousandths(tolerance),
            long_window,
        },
    );
    prop_oneof![aimd, gradient]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_limit_is_what_its_history_makes_it(
        limit in limit(),
        queue in 0..6_u32,
        events in prop::collection::vec(
            (0..6_u8, prop_oneof![0..100_u64, Just(1_000_000), Just(1 << 60)], prop::bool::weighted(0.1)),
            1..150,
        ),
    ) {
        let mut bulkhead = bulkhead(limit.clone(), queue);
        let mut history: Vec<Told> = Vec::new();
        let (mut inside, mut waiting, mut tickets) = (0_u32, VecDeque::new(), 0_u64);
        for (operation, latency, is_dropped) in events {
            let most = u32::try_from(replayed(&limit, &history)).unwrap();
            prop_assert_eq!(limit_of(&bulkhead), most);
            match operation {
                0..=2 => {
                    let expected = if inside < most {
                        inside += 1;
                        Entrance::Entered
                    } else if waiting.len() < queue as usize {
                        waiting.push_back(tickets);
                        tickets += 1;
                        Entrance::Waits(tickets - 1)
                    } else {
                        Entrance::Full
                    };
                    prop_assert_eq!(bulkhead.enter(Time::ZERO), expected);
                }
                3 | 4 if inside > 0 => {
                    history.push((latency, is_dropped, inside));
                    inside -= 1;
                    let sample = Sample { latency: Span::from_nanos(latency), is_dropped };
                    let most = replayed(&limit, &history);
                    let mut next = Vec::new();
                    while u128::from(inside) < most && !waiting.is_empty() {
                        inside += 1;
                        next.extend(waiting.pop_front());
                    }
                    prop_assert_eq!(bulkhead.finish(sample), next);
                }
                5 if inside > 0 => {
                    inside -= 1;
                    let next = if inside < most { waiting.pop_front() } else { None };
                    inside += u32::from(next.is_some());
                    prop_assert_eq!(bulkhead.leave(), next, "no sample moves nothing");
                }
                _ => {}
            }
            prop_assert_eq!(bulkhead.inside(), inside);
            prop_assert_eq!(bulkhead.waiting(), waiting.len());
            prop_assert!(waiting.is_empty() || inside >= limit_of(&bulkhead), "nobody waits beside room");
        }
    }
}

/// Lets in whoever there is room for.
fn fill(bulkhead: &mut Bulkhead) {
    while bulkhead.enter(Time::ZERO) == Entrance::Entered {}
}

const BASE: u64 = 1_000_000;

/// Chiu and Jain (1989): a sawtooth. In front of a backend that drops a call when more than `k` are with it,
/// a full bulkhead's limit rises by one for each call that ends, up to `k + 1`; the next call is dropped,
/// and the limit falls to the ratio of that. So a period has each limit from the fall to the peak once, and
/// the mean is that of the two. It is `(1 + ratio) / 2` of the peak, but for half a call that is rounded off.
#[test]
fn aimd_is_a_sawtooth_whose_mean_is_that_of_its_ends() {
    for (k, percent) in [(100, 90), (100, 50), (37, 75), (10, 99), (1_000, 90)] {
        let Limit::Aimd { timeout, .. } = Limit::aimd() else { unreachable!("it is AIMD") };
        let limit = Limit::Aimd {
            initial_limit: 1,
            min_limit: 1,
            max_limit: 10 * k,
            backoff_ratio: Ratio::new(percent, 100).unwrap(),
            timeout,
        };
        let mut bulkhead = bulkhead(limit, 0);
        let mut falls = Vec::new();
        let mut limits = Vec::new();
        for _ in 0..10 * k {
            fill(&mut bulkhead);
            let is_dropped = bulkhead.inside() > k;
            if is_dropped {
                falls.push(limits.len());
            }
            limits.push(limit_of(&bulkhead));
            bulkhead.finish(Sample { latency: Span::from_nanos(BASE), is_dropped });
        }
        let (peak, low) = (k + 1, (k + 1) * percent / 100);
        let period = &limits[falls[1] + 1..=falls[2]];
        assert!(period.iter().copied().eq(low..=peak), "{period:?}");
        let (sum, count) = (period.iter().sum::<u32>(), peak - low + 1);
        assert_eq!(2 * sum, (low + peak) * count);
        // 2 * mean against peak * (1 + ratio): less than one apart, as the fall is rounded down.
        let (exact, theory) = ((low + peak) * 100, peak * (100 + percent));
        assert!(exact <= theory && theory < exact + 100);
    }
}

/// How long a call takes at a backend that serves `k` at once and shares itself among more.
fn shared(k: u32, inside: u32) -> Span {
    Span::from_nanos(BASE * u64::from(inside.max(k)) / u64::from(k))
}

/// A full bulkhead in front of a backend of capacity `k`, after `samples` more.
fn settle(bulkhead: &mut Bulkhead, k: u32, samples: u32) -> u32 {
    for _ in 0..samples {
        fill(bulkhead);
        let latency = shared(k, bulkhead.inside());
        bulkhead.finish(Sample { latency, is_dropped: false });
    }
    limit_of(bulkhead)
}

fn gradient(tolerance: u32, long_window: u32) -> Limit {
    let Limit::Gradient { smoothing, queue_size, .. } = Limit::gradient() else {
        unreachable!("it is a gradient")
    };
    Limit::Gradient {
        initial_limit: 20,
        min_limit: 1,
        max_concurrency: 10_000,
        smoothing,
        queue_size,
        rtt_tolerance: Factor::from_thousandths(tolerance),
        long_window,
    }
}

/// With the latency at rest for the long one, a limit `L` above `t k` has the gradient `t k / L`, so it goes
/// by a fifth of the way from `L` to `t k + queue`: that is where it rests. What can be off:
/// - calls inside are whole, and `L / floor(L) < 1 + 1 / floor(L)`: less than `t k / L <= 1` more;
/// - a sample rounds down two thousandths at most, and a fifth of the way is left: 0.01 less;
/// - after n samples at which at most `m` were inside, a window of w has moved the long latency by at most
///   `2 n / (w + 1) (m / k - 1)` of itself, and so the rest by `2 n / (w + 1) (m - k) t`: below one call.
///
/// How many samples that takes: as many as are inside, as the limit falls faster than calls end, and falls
/// below its rest; `(t k + queue) / 0.8`, as it rises by a fifth of the queue at a time; and 40 more, which
/// leave 0.8^40 < 0.014 % of the way.
#[test]
fn a_gradient_comes_to_rest_at_the_tolerated_capacity_and_its_queue() {
    const WINDOW: u32 = 10_000_000;
    for (k, tolerance) in [(50, 1_000), (100, 1_000), (100, 1_500), (400, 1_000), (30, 2_000)] {
        let mut bulkhead = bulkhead(gradient(tolerance, WINDOW), 0);
        let (mut inside, mut all) = (20, 0);
        // Half of the backend goes away, and comes back.
        for k in [k, k / 2, k] {
            let rest = k * tolerance / 1_000 + 4;
            let samples = inside + rest * 5 / 4 + 40;
            all += samples;
            let limit = settle(&mut bulkhead, k, samples);
            let drift = 2 * all * (inside.max(rest + 2).saturating_sub(k)) * tolerance / 1_000;
            assert!(drift < WINDOW, "{drift}");
            assert!((rest - 1..=rest + 2).contains(&limit), "{limit} with {k} and {tolerance}");
            inside = limit;
        }
    }
}

/// What the long window forgets: under a load that never ends the long latency becomes the short one, and
/// the gradient one, so that the limit grows by a fifth of its queue with every call.
#[test]
fn a_gradient_takes_an_endless_load_for_normal() {
    let mut bulkhead = bulkhead(gradient(1_000, 600), 0);
    settle(&mut bulkhead, 100, 200);
    let later = [600, 6_000, 60_000].map(|samples| settle(&mut bulkhead, 100, samples));
    assert!(later[0] < later[1] && later[1] < later[2], "{later:?}");
}

/// Who asks for less than half of the limit is told nothing about it.
#[test]
fn limits_stay_where_nobody_asks_for_them() {
    for limit in [Limit::aimd(), Limit::gradient()] {
        let mut bulkhead = bulkhead(limit, 0);
        let mut ask = |count: u32| {
            (0..count).for_each(|_| assert_eq!(bulkhead.enter(Time::ZERO), Entrance::Entered));
            let sample = Sample { latency: Span::from_millis(1), is_dropped: false };
            (0..count).for_each(|_| assert_eq!(bulkhead.finish(sample), []));
            limit_of(&bulkhead)
        };
        assert_eq!(ask(9), 20);
        assert!(ask(20) > 20);
    }
}

#[test]
fn limits_that_make_no_sense_are_mistakes() {
    let count = |limit: Limit| {
        let config = BulkheadConfig { limit, ..BulkheadConfig::hardened() };
        let options: Vec<_> = config.mistakes().into_iter().map(|it| it.option).collect();
        assert!(options.iter().all(|option| option == "limit"));
        options.len()
    };
    assert_eq!((count(Limit::aimd()), count(Limit::gradient()), count(Limit::Fixed)), (0, 0, 0));
    let aimd = |percent, timeout, bounds: [u32; 3]| Limit::Aimd {
        initial_limit: bounds[1],
        min_limit: bounds[0],
        max_limit: bounds[2],
        backoff_ratio: Ratio::new(percent, 100).unwrap(),
        timeout: Span::from_secs(timeout),
    };
    let fine = [20, 20, 200];
    assert_eq!(count(aimd(50, 1, fine)), 0);
    assert_eq!(
        [count(aimd(49, 1, fine)), count(aimd(100, 1, fine)), count(aimd(90, 0, fine))],
        [1; 3]
    );
    let bounds = [[0, 1, 2], [2, 1, 3], [1, 3, 2]];
    assert_eq!(bounds.map(|bounds| count(aimd(90, 1, bounds))), [1; 3]);
    let gradient = Limit::Gradient {
        initial_limit: 1,
        min_limit: 1,
        max_concurrency: 1,
        smoothing: Ratio::ZERO,
        queue_size: 0,
        rtt_tolerance: Factor::from_thousandths(999),
        long_window: 0,
    };
    assert_eq!(count(gradient), 3);
}

#[test]
fn an_adaptive_limit_is_written_with_the_names_of_netflix() {
    let read = |text: &str| ron::from_str::<Limit>(text);
    assert_eq!(read("Aimd()").unwrap(), Limit::aimd());
    assert_eq!(read("Gradient()").unwrap(), Limit::gradient());
    let (initial_limit, min_limit, timeout) = (20, 20, Span::from_secs(5));
    let (max_limit, backoff_ratio) = (200, "90%".parse().unwrap());
    let aimd = Limit::Aimd { initial_limit, min_limit, max_limit, backoff_ratio, timeout };
    assert_eq!(aimd, Limit::aimd());
    let gradient = Limit::Gradient {
        initial_limit,
        min_limit,
        max_concurrency: 200,
        smoothing: "20%".parse().unwrap(),
        queue_size: 4,
        rtt_tolerance: Factor::from_thousandths(1_500),
        long_window: 600,
    };
    assert_eq!(gradient, Limit::gradient());
    assert_eq!(read("Fixed").unwrap(), Limit::Fixed);
    let Limit::Gradient { rtt_tolerance, long_window, .. } =
        read("Gradient(rtt_tolerance: \"2\", long_window: 60)").unwrap()
    else {
        panic!("it is a gradient")
    };
    assert_eq!((rtt_tolerance, long_window), (Factor::from_thousandths(2_000), 60));
    assert!(read("Aimd(queue_size: 4)").is_err());
}
