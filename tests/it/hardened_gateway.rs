//! The hardened gateway in a whole system: its breakers by the clock, by chance and by instance,
//! and who is asked first.

use brownout::choice::Fate;
use brownout::models::policy::BreakerState;
use brownout::models::policy::BreakerState::{Closed, HalfOpen, Open};
use brownout::models::{Fact, Span, Time};
use brownout::{Deviation, Plan, Run, Scenario};

use crate::fixtures::scenario;

/// A breaker that opens with the third failure in a row, for five seconds, and asks once.
const BREAKER: &str = r#"trip: Consecutive, failure_threshold: 3, minimum_calls: 1,
    open_timeout: "5s", probes: Permits(1)"#;

/// Two tills that do one thing at a time and let nobody wait, some of which are busy until the
/// seventh second; a client that pays every 100 ms from the first second on, for 15 seconds; and
/// what else the gateway and its breakers are told. Nobody is ejected, as that would hide what
/// breakers do.
fn tills(busy: &[&str], gateway: &str, breaker: &str) -> Scenario {
    let vandal = |till: &&str| {
        format!(
            r#""vandal-{till}": Clients(script: [Call(to: "{till}", method: "hang", may_fail: true)]),"#
        )
    };
    let vandals: String = busy.iter().map(vandal).collect();
    scenario(&format!(
        r#"(
            version: 1,
            horizon: "1m",
            nodes: {{
                "registry": Registry(),
                "gateway": Gateway(
                    profile: hardened,
                    routes: [(path: "/pay", service: "till", method: "pay", limit: 60)],
                    breaker: ({BREAKER}, {breaker}),
                    outlier: (profile: guide),
                    {gateway}
                ),
                "till": Service(
                    instances: 2,
                    workers: 1,
                    queue: 0,
                    handlers: {{ "pay": [Work("1ms")], "hang": [Work("7s")] }},
                ),
                {vandals}
                "client": Clients(
                    arrivals: Every(period: "100ms", count: 150),
                    script: [Sleep("1s"), Call(to: "gateway", method: "/pay")],
                ),
            }},
        )"#
    ))
}

const GENEROUS: &str = "limiter: (burst: Tokens(1000)),";
const BOTH: [&str; 2] = ["till-1", "till-2"];

/// That the breaker of the service entered a state.
struct Entered {
    at: Time,
    /// The number of the entry.
    seq: u64,
    state: BreakerState,
    /// In whose name.
    flow: String,
}

fn path(run: &Run) -> Vec<Entered> {
    let step = |fact: &Fact| {
        let Fact::Breaker { to, .. } = fact else { return None };
        Some(*to)
    };
    run.facts()
        .filter_map(|(entry, fact)| {
            let (state, flow) = (step(fact)?, run.world().flow_name(entry.flow));
            Some(Entered { at: entry.at, seq: entry.seq, state, flow })
        })
        .collect()
}

fn states(run: &Run) -> Vec<BreakerState> {
    path(run).into_iter().map(|entered| entered.state).collect()
}

/// How long it was open for the first time.
fn open_for(run: &Run) -> Span {
    let path = path(run);
    assert_eq!((path[0].state, path[1].state), (Open, HalfOpen));
    path[1].at.since(path[0].at)
}

/// Five seconds, of which the last instant still counts.
fn five_seconds() -> Span {
    Span::from_secs(5) + Span::from_nanos(1)
}

#[test]
fn an_open_breaker_half_opens_by_itself_and_asks_once() {
    let run = tills(&BOTH, GENEROUS, r#"open_jitter: "0%""#).run_calm();
    let path = path(&run);
    assert_eq!(states(&run), [Open, HalfOpen, Open, HalfOpen, Closed]);
    assert_eq!(open_for(&run), five_seconds());
    assert_eq!(path[3].at.since(path[2].at), five_seconds());
    // It opens and closes in the name of the call that decides, and half-opens in nobody's.
    for (at, is_clients) in [(0, true), (1, false), (2, true), (3, false), (4, true)] {
        let flow = &path[at].flow;
        assert_eq!(flow.starts_with("client/"), is_clients, "{flow}");
        assert_eq!(flow.starts_with("gateway breaker/"), !is_clients, "{flow}");
    }
    assert_eq!(path[0].flow, "client/2", "the third failure in a row");
    let probes = |from: usize, to: usize| {
        let numbers = path[from].seq..path[to].seq;
        let is_pick = |fact: &Fact| matches!(fact, Fact::Picked { .. });
        run.facts().filter(|(it, fact)| numbers.contains(&it.seq) && is_pick(fact)).count()
    };
    assert_eq!((probes(0, 1), probes(1, 2)), (0, 1), "none while open, one while half-open");
    assert_eq!((probes(2, 3), probes(3, 4)), (0, 1));
}

#[test]
fn how_much_longer_a_breaker_stays_open_is_a_choice() {
    let jittered = tills(&BOTH, GENEROUS, r#"open_jitter: "20%""#);
    let mut waits: Vec<Span> = (0..8).map(|seed| open_for(&jittered.run_seed(seed))).collect();
    for wait in &waits {
        let longest = five_seconds() + Span::from_secs(1);
        assert!((five_seconds()..=longest).contains(wait), "{wait}");
    }
    waits.sort();
    waits.dedup();
    assert_eq!(waits.len(), 8, "every seed has its own");
    let longer = Deviation {
        site: "gateway".to_owned(),
        what: "open jitter".to_owned(),
        flow: "client/2".to_owned(),
        count: 1,
        answer: "250ms".to_owned(),
    };
    let run = jittered.run(&Plan::calm().with_deviations(vec![longer]));
    assert!(run.fates.iter().all(|(_, fate)| *fate == Fate::Applied), "{:?}", run.fates);
    assert_eq!(open_for(&run), five_seconds() + Span::from_millis(250));
}

#[test]
fn a_breaker_of_an_instance_keeps_calls_from_it_and_from_nobody_else() {
    let failures = |per: &str| {
        let gateway = format!("{GENEROUS} breaker_per: {per},");
        let run = tills(&["till-1"], &gateway, r#"open_jitter: "0%""#).run_calm();
        let failed = |(_, fact): &(_, &Fact)| matches!(fact, Fact::Ended { failure: Some(_), .. });
        (run.facts().filter(failed).count(), run)
    };
    let (failed, run) = failures("Instance");
    let layout = run.world().layout();
    let mut seen = Vec::new();
    for (entry, fact) in run.facts() {
        if let Fact::InstanceBreaker { instance, to, .. } = fact {
            seen.push((entry.seq, layout.node_name(*instance), *to));
        }
    }
    let steps: Vec<_> = seen.iter().map(|(_, instance, to)| (*instance, *to)).collect();
    let expected = [Open, HalfOpen, Open, HalfOpen, Closed].map(|state| ("till-1", state));
    assert_eq!(steps, expected);
    assert!(states(&run).is_empty(), "no breaker is for the service");
    let picked_while_open = run.facts().filter(|(entry, fact)| {
        let Fact::Picked { instance, .. } = fact else { return false };
        let is_open = |from: usize| (seen[from].0..seen[from + 1].0).contains(&entry.seq);
        layout.node_name(*instance) == "till-1" && (is_open(0) || is_open(2))
    });
    assert_eq!(picked_while_open.count(), 0);
    assert_eq!(failed, 4, "three failures and a probe");
    let (failed, run) = failures("Route");
    assert!(states(&run).is_empty(), "successes of the other one come between (GW-5)");
    assert!(failed >= 30, "every second call until the seventh second, not only {failed}");
}

/// What was said to requests while the breaker was open for the first time: admitted by the
/// limiter, turned away by it, turned away by the breaker.
fn while_open(order: &str) -> [usize; 3] {
    let gateway = format!("order: {order}, limiter: (burst: Tokens(8)),");
    let run = tills(&BOTH, &gateway, r#"open_jitter: "0%""#).run_calm();
    let path = path(&run);
    let count = |which: fn(&Fact) -> bool| {
        let numbers = path[0].seq..path[1].seq;
        run.facts().filter(|(it, fact)| numbers.contains(&it.seq) && which(fact)).count()
    };
    [
        count(|fact| matches!(fact, Fact::Admitted { .. })),
        count(|fact| matches!(fact, Fact::Limited { .. })),
        count(|fact| matches!(fact, Fact::Broken { .. })),
    ]
}

#[test]
fn who_is_asked_first_decides_what_an_open_breaker_costs() {
    // Of 50 requests in five seconds the bucket has five left and earns one a second.
    let [admitted, limited, broken] = while_open("LimiterFirst");
    assert_eq!((admitted, broken), (10, 10), "what the breaker refuses has spent a token (GW-2)");
    assert_eq!(limited, 40, "and the rest is told that it comes too often");
    assert_eq!(while_open("BreakerFirst"), [0, 0, 50]);
    assert_eq!(while_open("Refund"), [0, 0, 50]);
}
