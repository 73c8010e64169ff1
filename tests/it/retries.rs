//! Retries in whole systems: how they multiply, what bounds them, and what their sidecars tell.

use std::collections::BTreeMap;

use brownout::models::policy::{SpanRecord, SpanStatus};
use brownout::models::{Fact, Span, Time};
use brownout::render::{Styles, summary};
use brownout::system::Stock;
use brownout::{Plan, Run};

use crate::fixtures::scenario;

/// Three layers, each with a sidecar of its own, above a service that fails.
fn layers(sidecar: &str, timeout: &str) -> Run {
    let layer = |name: &str, below: &str| {
        format!(
            r#""{name}": Service(
                handlers: {{ "pay": [Call(to: "{below}", method: "pay")] }},
                sidecar: ({sidecar}),
            ),"#
        )
    };
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "registry": Registry(),
                {}
                {}
                {}
                "bank": Service(handlers: {{ "pay": [Fail(Failed)] }}),
                "client": Clients(script: [Sleep("1s"), Call(to: "shop", method: "pay"{timeout})]),
            }},
        )"#,
        layer("shop", "orders"),
        layer("orders", "billing"),
        layer("billing", "bank"),
    );
    scenario(&text).run_calm()
}

/// When the service at the bottom took a request up.
fn calls_of(run: &Run, node: &str) -> Vec<Time> {
    let layout = run.world().layout();
    run.facts()
        .filter(|(entry, fact)| {
            layout.node_name(entry.node) == node && matches!(fact, Fact::Began { .. })
        })
        .map(|(entry, _)| entry.at)
        .collect()
}

/// P1: four attempts in each of three layers are 4^3 at the bottom (SC-4).
#[test]
fn three_layers_of_the_guide_multiply_one_call_by_64() {
    assert_eq!(calls_of(&layers("profile: guide", ""), "bank-1").len(), 64);
    assert_eq!(calls_of(&layers("max_attempts: 3", ""), "bank-1").len(), 27);
    assert_eq!(calls_of(&layers("max_retries: 1", ""), "bank-1").len(), 8);
}

/// P2, P3: a share of one fifth of one call is no retry; an empty layer of it bounds them all.
#[test]
fn a_budget_in_every_layer_keeps_one_call_one() {
    let share = "budget: Share(percent: \"20%\", min_per_second: 0)";
    assert_eq!(calls_of(&layers(share, ""), "bank-1").len(), 1);
    let throttle = "budget: Throttle(tokens: 4)";
    // Of four tokens the first failure leaves three, the second two, which is half: each layer has one
    // retry, ever. So the lowest tries twice, and once for each retry of the two above it.
    assert_eq!(calls_of(&layers(throttle, ""), "bank-1").len(), 4);
}

/// X-6: under the guide the bottom is still busy when nobody waits any more.
#[test]
fn no_attempt_outlasts_the_deadline_of_its_caller() {
    let timeout = ", timeout: \"500ms\"";
    let deadline = Time::ZERO + Span::from_millis(1_500);
    let late = |sidecar: &str| {
        let calls = calls_of(&layers(sidecar, timeout), "bank-1");
        let late = calls.iter().filter(|at| **at >= deadline).count();
        (calls.len() - late, late)
    };
    let (in_time, late_ones) = late("profile: guide");
    assert!(late_ones > 0);
    assert_eq!(in_time + late_ones, 64);
    // Who gives up in time leaves those above it time for an attempt of their own.
    assert_eq!((in_time, late("deadline: Respected")), (3, (4, 0)));
    let (_, late_ones) = late("profile: hardened");
    assert_eq!(late_ones, 0);
}

/// A client whose sidecar stands before a service.
fn one_sidecar(sidecar: &str, handler: &str, seed: Option<u64>) -> Run {
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "sidecar": Sidecar(upstream: "bank-1", {sidecar}),
                "bank": Service(registered: false, handlers: {{ "pay": [{handler}] }}),
                "client": Clients(script: [Call(to: "sidecar", method: "pay")]),
            }},
        )"#
    );
    let scenario = scenario(&text);
    seed.map_or_else(|| scenario.run_calm(), |seed| scenario.run(&Plan::seed(seed)))
}

/// SC-5: where weather says how long a wait is, and what it is without.
#[test]
fn a_jittered_wait_is_whole_when_calm_and_anything_below_under_a_seed() {
    let full = "max_attempts: 2, backoff: (base: \"1s\", jitter: Full)";
    let second = |seed| calls_of(&one_sidecar(full, "Fail(Failed)", seed), "bank-1")[1];
    assert_eq!(second(None), Time::ZERO + Span::from_secs(1));
    let waits: Vec<Time> = (0..50).map(|seed| second(Some(seed))).collect();
    assert!(waits.iter().all(|wait| *wait <= Time::ZERO + Span::from_secs(1)));
    let half = Time::ZERO + Span::from_millis(500);
    let short = waits.iter().filter(|wait| **wait < half).count();
    // Of 50 fair coins 11 to 39 are heads but once in 10,000 times.
    assert!((11..=39).contains(&short), "{short} of 50 waits are below the half");
}

/// Polly's jitter: calm is the middle of the random number, 0.897 of the base, and under a seed the first
/// wait is from nothing to 1.377 bases, wherever its curve has it.
#[test]
fn a_wait_on_the_curve_of_polly_is_its_middle_when_calm() {
    let curved = "max_attempts: 2, backoff: (base: \"1s\", jitter: DecorrelatedV2)";
    let wait = |seed| {
        let attempts = calls_of(&one_sidecar(curved, "Fail(Failed)", seed), "bank-1");
        attempts[1].since(attempts[0]).as_nanos() / 1_000_000
    };
    let (calm, seeded) = (wait(None), (0..20).map(|seed| wait(Some(seed))).collect::<Vec<_>>());
    assert_eq!(calm, 897);
    assert!(seeded.iter().all(|wait| *wait <= 1_377), "{seeded:?}");
    let short = seeded.iter().filter(|wait| **wait < calm).count();
    // Half of them are shorter: in 999 of 1,000 cases 3 to 17 of 20.
    assert!((3..=17).contains(&short), "{seeded:?}");
}

/// P18: hedges start while nobody answers, the first answer counts, and the others are let go.
#[test]
fn the_first_answer_of_a_hedged_call_counts() {
    let hedged = "max_attempts: 3, hedging: After(\"20ms\")";
    let run = one_sidecar(hedged, "Work(\"50ms\")", None);
    let millis = |millis| Time::ZERO + Span::from_millis(millis);
    assert_eq!(calls_of(&run, "bank-1"), [millis(0), millis(20), millis(40)]);
    let facts = || run.facts().map(|(entry, fact)| (entry.at, fact));
    let let_go: Vec<_> = facts()
        .filter_map(|(at, fact)| {
            let Fact::Abandoned { attempt, .. } = fact else { return None };
            Some((at, *attempt))
        })
        .collect();
    assert_eq!(let_go, [(millis(50), 2), (millis(50), 3)]);
    let ended = facts().find(|(_, fact)| matches!(fact, Fact::Ended { failure: None, .. }));
    assert_eq!(ended.map(|(at, _)| at), Some(millis(50)));
    let unsafe_one = "max_attempts: 3, hedging: After(\"20ms\"), idempotent: Only([])";
    assert_eq!(calls_of(&one_sidecar(unsafe_one, "Work(\"50ms\")", None), "bank-1").len(), 1);
}

/// SC-4: what is no use is not tried again, and says why.
#[test]
fn a_hardened_sidecar_says_why_it_gives_up() {
    for (sidecar, handler, attempts, gave_up) in [
        ("profile: guide", "Fail(Rejected)", 4, false),
        ("profile: hardened", "Fail(Rejected)", 1, true),
        ("profile: hardened", "Fail(Failed)", 3, false),
        ("attempt_timeout: \"10ms\"", "Work(\"50ms\")", 4, false),
        ("attempt_timeout: \"10ms\", idempotent: Only([\"pay\"])", "Work(\"50ms\")", 4, false),
        ("attempt_timeout: \"10ms\", idempotent: Only([])", "Work(\"50ms\")", 1, true),
    ] {
        let run = one_sidecar(sidecar, handler, None);
        assert_eq!(calls_of(&run, "bank-1").len(), attempts, "{sidecar}: {handler}");
        let said = run.facts().any(|(_, fact)| matches!(fact, Fact::GaveUp { .. }));
        assert_eq!(said, gave_up, "{sidecar}: {handler}");
    }
}

/// SC-15: a rejection of the system's own limiter is not tried again.
#[test]
fn what_a_limiter_refused_is_final() {
    let attempts = |sidecar: &str| {
        let text = format!(
            r#"(
                version: 1,
                nodes: {{
                    "registry": Registry(),
                    "bank": Service(handlers: {{ "pay": [Fail(Failed)] }}),
                    "gateway": Gateway(routes: [
                        (path: "pay", service: "bank", method: "pay", limit: 1),
                    ]),
                    "sidecar": Sidecar(upstream: "gateway", {sidecar}),
                    "client": Clients(script: [Call(to: "sidecar", method: "pay")]),
                }},
            )"#
        );
        let run = scenario(&text).run_calm();
        run.facts().filter(|(_, fact)| matches!(fact, Fact::Attempt { .. })).count()
    };
    assert_eq!(attempts("profile: guide"), 4, "one failure and three rejections");
    assert_eq!(attempts("own_rejections: Final"), 2);
}

/// Every span of every sidecar, by the name of its node.
fn spans(run: &Run) -> BTreeMap<String, Vec<SpanRecord>> {
    let world = run.world();
    let mut spans = BTreeMap::new();
    for (number, place) in (0..).zip(&world.layout().nodes) {
        let node = brownout::models::contract::NodeId(number);
        if let Some(Stock::Sidecar(sidecar)) = world.machine(node) {
            spans.insert(place.name.clone(), sidecar.spans().iter().copied().collect());
        }
    }
    spans
}

/// SC-8, SC-10: across three layers every trace is a tree, and every span ends within its parent.
#[test]
fn the_spans_of_hardened_sidecars_make_one_tree() {
    let run = layers("profile: hardened, backoff: \"10ms\"", "");
    let all: Vec<SpanRecord> = spans(&run).into_values().flatten().collect();
    let roots = all.iter().filter(|span| span.parent.is_none()).count();
    assert_eq!(roots, 1, "one call came in from outside");
    let ids: BTreeMap<_, _> = all.iter().map(|span| (span.id, span)).collect();
    assert_eq!(ids.len(), all.len(), "SC-7");
    for span in &all {
        let end = span.end.expect("everything is over");
        assert!(span.start <= end);
        assert_eq!(span.status, SpanStatus::Error);
        if let Some(parent) = span.parent {
            let parent = ids[&parent];
            assert!(parent.start <= span.start && Some(end) <= parent.end, "{span:?}");
        }
    }
    // A call has a span, and each of its attempts: one call of shop, 3 of orders, 9 of billing.
    let count = |node: &str| spans(&run)[node].len();
    assert_eq!(
        [count("shop-1-sidecar"), count("orders-1-sidecar"), count("billing-1-sidecar")],
        [4, 12, 36]
    );
    let run = layers("profile: guide", "");
    let flat: Vec<SpanRecord> = spans(&run).into_values().flatten().collect();
    assert!(flat.iter().all(|span| span.parent.is_none() && span.status == SpanStatus::Unset));
    assert_eq!(flat.len(), 1 + 4 + 16);
}

/// SC-1, SC-2, SC-3: what a sidecar tells whoever reads the summary of a run.
#[test]
fn the_summary_shows_what_each_sidecar_counts() {
    let lines = |sidecar: &str| -> Vec<String> {
        let text = format!(
            r#"(
                version: 1,
                nodes: {{
                    "sidecar": Sidecar(upstream: "bank-1", {sidecar}),
                    "bank": Service(
                        registered: false,
                        handlers: {{ "pay": [Work("10ms"), Fail(Failed)] }},
                    ),
                    "client": Clients(script: [Call(to: "sidecar", method: "pay")]),
                }},
            )"#
        );
        let scenario = scenario(&text);
        let summary = summary(&scenario, &scenario.run_calm(), Styles::PLAIN);
        let lines = summary.lines().map(|line| line.trim().to_owned());
        lines.skip_while(|line| !line.starts_with("sidecar ")).take(2).collect()
    };
    let guide = lines("profile: guide");
    assert_eq!(guide[0], "sidecar   sidecar: 1 request, 1 error (100.00%), average 740ms");
    assert!(!guide[1].contains("attempts"), "SC-2");
    assert_eq!(
        lines("profile: hardened"),
        [
            "sidecar   sidecar: 1 request, 1 error (100.00%), average 30ms",
            "3 attempts, 2 of them again after 3s of backoff; 0 calls in flight",
        ]
    );
}
