//! Simulations against queueing theory: a simulator that gets one queue wrong is wrong about all
//! the rest. Seeds are fixed beforehand and every interval is computed from the replications.

#![expect(clippy::float_arithmetic, reason = "statistics are computed, not simulated")]
#![expect(clippy::cast_precision_loss, reason = "counts and nanoseconds of a run fit a double")]

use brownout::models::{Fact, Map};
use brownout::{Keep, Plan, Run, Scenario};

use crate::fixtures::scenario;

/// Replications of each experiment.
const REPLICATIONS: u64 = 20;
/// The quantile of Student's distribution with 19 degrees of freedom that leaves 0.05 % above.
const STUDENT: f64 = 3.883;
/// The mean service time of the experiments, in seconds.
const SERVICE: f64 = 0.01;

/// A queue of `workers` in front of which `rate` requests a second arrive, for `during`.
fn queue(rate: u32, workers: u32, work: &str, during: &str) -> Scenario {
    scenario(&format!(
        r#"(
        version: 1,
        nodes: {{
            "server": Service(
                workers: {workers},
                queue: 1000000,
                registered: false,
                handlers: {{ "get": [Work("{work}")] }},
            ),
            "client": Clients(
                arrivals: Poisson(rate: {rate}, during: "{during}"),
                script: [Call(to: "server", method: "get")],
            ),
        }},
        properties: [Quiescence()],
    )"#
    ))
}

/// How long each request of a run took, in nanoseconds.
fn latencies(run: &Run) -> impl Iterator<Item = u64> {
    run.facts().filter_map(|(_, fact)| {
        let Fact::Ended { latency, failure: None, .. } = fact else { return None };
        Some(latency.as_nanos())
    })
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    let run = scenario.run_keeping(&Plan::seed(seed), Keep { trace: true, ..Keep::VERDICT });
    assert!(run.held(), "{:?}", run.violation);
    run
}

fn square(value: f64) -> f64 {
    value * value
}

/// The mean of the replications, and half the width of its 99.9 % interval.
fn interval(means: &[f64]) -> (f64, f64) {
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    let squares = means.iter().map(|value| square(value - mean)).sum::<f64>();
    (mean, STUDENT * (squares / (count - 1.0) / count).sqrt())
}

/// The mean time in the system, in mean service times, must be `expected` within its interval, which
/// must be narrow enough to mean something.
fn mean_time_is(scenario: &Scenario, expected: f64) {
    let means: Vec<f64> = (1..=REPLICATIONS)
        .map(|seed| {
            let run = run(scenario, seed);
            let count = latencies(&run).count();
            let total = latencies(&run).sum::<u64>();
            total as f64 / count as f64 / 1e9 / SERVICE
        })
        .collect();
    let (mean, half) = interval(&means);
    assert!((mean - expected).abs() <= half, "{mean} +- {half}, theory says {expected}");
    assert!(half <= expected / 20.0, "+- {half} says nothing about {expected}");
}

#[test]
fn one_server_takes_as_long_as_theory_says() {
    // M/M/1: T = 1 / (1 - rho) service times.
    mean_time_is(&queue(50, 1, "exp 10ms", "400s"), 2.0);
    mean_time_is(&queue(80, 1, "exp 10ms", "600s"), 5.0);
}

#[test]
fn several_servers_take_as_long_as_erlang_says() {
    // M/M/2 at rho 0.8: Erlang's C is 0.7111, the wait C / (c (1 - rho)) = 1.7778, and 1 of service.
    mean_time_is(&queue(160, 2, "exp 10ms", "300s"), 2.777_8);
}

#[test]
fn constant_work_takes_as_long_as_pollaczek_and_khinchine_say() {
    // M/D/1 at rho 0.8: half the wait of M/M/1, 0.8 / (2 * 0.2) = 2, and 1 of service.
    mean_time_is(&queue(80, 1, "10ms", "600s"), 3.0);
}

#[test]
fn spread_work_takes_as_long_as_pollaczek_and_khinchine_say() {
    // Uniform on 5..15 ms: E[S^2] = 100 + 100/12 ms^2, so the wait is 0.8 * 1.08333 / 0.4.
    mean_time_is(&queue(80, 1, "5ms..15ms", "600s"), 1.0 + 0.8 * (1.0 + 1.0 / 12.0) / 0.4);
}

#[test]
fn poisson_arrivals_have_the_variance_of_their_mean() {
    // Counts over 1,000 disjoint seconds of one seed: variance over mean is 1 within 99.9 %, which
    // for a chi-squared statistic of 999 degrees of freedom is 1 +- 3.29 * sqrt(2 / 999).
    let run = run(&queue(30, 64, "1ms", "1000s"), 7);
    let mut counts = vec![0_u32; 1_000];
    for (entry, fact) in run.facts() {
        if matches!(fact, Fact::Asked { .. }) {
            let second = usize::try_from(entry.at.as_nanos() / 1_000_000_000).unwrap();
            counts[second] += 1;
        }
    }
    let mean = counts.iter().sum::<u32>() as f64 / 1_000.0;
    let variance = counts.iter().map(|count| square(f64::from(*count) - mean)).sum::<f64>() / 999.0;
    assert!((mean - 30.0).abs() <= 3.29 * (30.0_f64 / 1_000.0).sqrt(), "mean {mean}");
    assert!((variance / mean - 1.0).abs() <= 3.29 * (2.0_f64 / 999.0).sqrt(), "{variance}");
}

#[test]
fn littles_law_holds_exactly_on_a_path_that_begins_and_ends_empty() {
    let run = run(&queue(90, 1, "exp 10ms", "100s"), 3);
    // The area under the number in the system, step by step.
    let (mut area, mut inside, mut last) = (0_u64, 0_u64, 0_u64);
    for (entry, fact) in run.facts() {
        let change = if let Fact::Asked { .. } = fact {
            1
        } else if let Fact::Ended { .. } = fact {
            -1
        } else {
            continue;
        };
        let at = entry.at.as_nanos();
        area += inside * (at - last);
        (inside, last) = (inside.checked_add_signed(change).unwrap(), at);
    }
    assert_eq!(inside, 0, "it ends empty");
    assert_eq!(area, latencies(&run).sum::<u64>(), "L = lambda W, both times the length");
    assert!(area > 0);
}

#[test]
fn retries_keep_an_outage_up_as_long_as_their_load_exceeds_the_server() {
    // One standstill of a second, calm otherwise. Four attempts make 4 * rate out of the rate that
    // clients ask for: below 100 a second the backlog drains, above it it never does. A short queue
    // keeps what waits below the patience of an attempt, whatever the rate.
    let text = crate::fixture_text("metastable.ron");
    for (rate, queue, recovers) in [
        (10, "1000000", true),
        (20, "1000000", true),
        (40, "1000000", false),
        (80, "1000000", false),
        (40, "5", true),
        (80, "5", true),
    ] {
        let text = text
            .replace("rate: 40", &format!("rate: {rate}"))
            .replace("queue: 1000000", &format!("queue: {queue}"));
        let standstill = brownout::Deviation {
            site: "server-1".to_owned(),
            what: "pause".to_owned(),
            flow: "client/5.1".to_owned(),
            count: 1,
            answer: "1s".to_owned(),
        };
        let plan = Plan::calm().with_deviations(vec![standstill]);
        let run = scenario(&text).run(&plan);
        assert_eq!(run.held(), recovers, "{rate}/s, a queue of {queue}: {:?}", run.violation);
        assert!(run.fates.iter().all(|(_, fate)| *fate == brownout::choice::Fate::Applied));
    }
}

#[test]
fn a_campaign_finds_the_standstill_that_becomes_an_outage() {
    let campaign = brownout::search::Campaign { runs: 64, ..Default::default() };
    let report = campaign.run(&crate::fixture("metastable.ron"), &|_, _| true).unwrap();
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    let [standstill] = finding.shrunk.plan.deviations.as_slice() else {
        panic!("{}", finding.shrunk.plan)
    };
    assert_eq!((standstill.site.as_str(), standstill.what.as_str()), ("server-1", "pause"));
    let report = campaign.run(&crate::fixture("metastable_hardened.ron"), &|_, _| true).unwrap();
    assert_eq!(report.failed, 0, "{:?}", report.findings);
}

/// A broker with a topic whose messages take 5 ms, and another one whose messages are poison: each takes
/// 5 ms, fails, and is tried twice more, after 100 and 200 ms.
fn broker(profile: &str, good: u32, bad: u32, during: &str) -> Scenario {
    let population = |topic: &str, rate: u32| {
        if rate == 0 {
            return String::new();
        }
        format!(
            r#""{topic}": Clients(
                arrivals: Poisson(rate: {rate}, during: "{during}"),
                script: [Publish(topic: "{topic}")],
            ),"#
        )
    };
    let (good, bad) = (population("good", good), population("bad", bad));
    scenario(&format!(
        r#"(
        version: 1,
        horizon: "10000s",
        nodes: {{
            "broker": Broker(
                profile: {profile},
                subscriptions: [
                    (topic: "good", subscriber: "reader"),
                    (topic: "bad", subscriber: "poisoned"),
                ],
            ),
            "reader": Service(registered: false, handlers: {{ "good": [Work("5ms")] }}),
            "poisoned": Service(
                registered: false,
                handlers: {{ "bad": [Work("5ms"), Fail(Failed)] }},
            ),
            {good}
            {bad}
        }},
        properties: [Quiescence()],
    )"#
    ))
}

/// How long each good message waited until its handler began, in milliseconds, in that order.
fn waits(run: &Run) -> Vec<f64> {
    let is_good = |name| run.world().layout().names.text(name) == "good";
    let (mut published, mut waits) = (Map::default(), Vec::new());
    for (entry, fact) in run.facts() {
        if let Fact::Publishing { topic, key } = fact
            && is_good(*topic)
        {
            published.insert(*key, entry.at);
        } else if let Fact::Began { method, key } = fact
            && is_good(*method)
        {
            waits.push(entry.at.since(published[key]).as_nanos() as f64 / 1e6);
        }
    }
    waits
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn poison_holds_up_the_good_topic_as_long_as_pollaczek_and_khinchine_say() {
    // Of 50 messages a second 2 % take 3 * 5 + 300 ms, the others 5 ms: E[S] = 11.2 ms, rho = 0.56,
    // E[S^2] = 2,009 ms^2, and the wait is 0.05 * 2,009 / (2 * 0.44) ms.
    let expected = 0.05 * 2_009.0 / (2.0 * 0.44);
    let guide = broker("guide", 49, 1, "4000s");
    let means: Vec<f64> = (1..=REPLICATIONS).map(|seed| mean(&waits(&run(&guide, seed)))).collect();
    let (found, half) = interval(&means);
    assert!((found - expected).abs() <= half, "{found} +- {half}, theory says {expected}");
    assert!(half <= expected / 20.0, "+- {half} says nothing about {expected}");
}

#[test]
fn more_poison_than_the_dispatcher_can_take_holds_the_good_topic_up_for_good() {
    // At 6 % of 50 a second E[S] = 23.6 ms: rho is 1.18, and the backlog grows by 0.18 s a second. In
    // the last quarter of 300 s it is 47 s in the mean; the 786 poisonous messages until then, give or
    // take 3.29 * 28 in 99.9 % of all runs, make that 47 +- 29 s.
    let waits = waits(&run(&broker("guide", 47, 3, "300s"), 1));
    let last = mean(&waits[waits.len() / 4 * 3..]) / 1e3;
    assert!((last - 47.25).abs() < 29.0, "{last} s in the end");
}

#[test]
fn poison_does_not_touch_the_good_topic_where_subscriptions_have_queues_of_their_own() {
    let (with, without) = (broker("hardened", 47, 3, "60s"), broker("hardened", 47, 0, "60s"));
    assert_eq!(waits(&run(&with, 1)), waits(&run(&without, 1)));
}
