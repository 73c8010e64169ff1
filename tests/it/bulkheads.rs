//! Bulkheads of services: how many requests an instance has in hand.

use brownout::Run;
use brownout::models::Fact;
use brownout::search::Campaign;

use crate::fixtures::scenario;

/// Five requests within 5 ms to an instance with one worker, and a queue for all of them.
fn five(bulkhead: &str) -> Run {
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "bank": Service(
                    workers: 1,
                    registered: false,
                    bulkhead: ({bulkhead}),
                    handlers: {{ "pay": [Work("10ms")] }},
                ),
                "client": Clients(
                    arrivals: Every(period: "1ms", count: 5),
                    script: [Call(to: "bank", method: "pay")],
                ),
            }},
        )"#
    );
    scenario(&text).run_calm()
}

/// How many were in hand when each of those turned away came.
fn turned_away(run: &Run) -> Vec<u32> {
    let inside = |fact: &Fact| {
        let Fact::BulkheadFull { inside, .. } = fact else { return None };
        Some(*inside)
    };
    run.facts().filter_map(|(_, fact)| inside(fact)).collect()
}

#[test]
fn a_bulkhead_bounds_those_who_wait_for_a_worker_too() {
    let finished =
        |run: &Run| run.facts().filter(|(_, fact)| matches!(fact, Fact::Finished { .. })).count();
    let open = five("");
    assert_eq!((turned_away(&open), finished(&open)), (vec![], 5));
    let bounded = five("max_concurrent: AtMost(2)");
    assert_eq!((turned_away(&bounded), finished(&bounded)), (vec![2; 3], 2));
    let hardened = five("profile: hardened");
    assert_eq!((turned_away(&hardened), finished(&hardened)), (vec![], 5), "25 at once");
}

/// What `metastable.ron` breaks: the same load, the same standstills, and no queue that outlasts its
/// callers.
#[test]
fn a_limit_that_adapts_ends_an_outage_that_retries_keep_up() {
    let campaign = Campaign { runs: 64, ..Campaign::default() };
    let report = campaign.run(&crate::fixture("metastable_bulkhead.ron"), &|_, _| true).unwrap();
    assert_eq!(report.failed, 0, "{:?}", report.findings);
}
