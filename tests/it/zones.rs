//! Zones: calls stay near as far as that loads no instance more than others.

use brownout::choice::Fate;
use brownout::models::Fact;
use brownout::{Deviation, Plan, Run, Scenario};

use crate::fixtures::scenario;

/// So many instances in these zones, a caller in each of some zones that asks 200 times, and what
/// their balancer is told besides.
fn stock(instances: u32, zones: &str, callers: &[&str], balancer: &str) -> Scenario {
    let caller = |zone: &&str| {
        format!(
            r#""client-{zone}": Clients(
                arrivals: Every(period: "10ms", count: 200),
                zone: "{zone}",
                balancer: (profile: hardened, zone_routing: Aware, {balancer}),
                script: [Sleep("1ms"), Call(to: "stock", method: "count")],
            ),"#
        )
    };
    let callers: String = callers.iter().map(caller).collect();
    scenario(&format!(
        r#"(
            version: 1,
            nodes: {{
                "registry": Registry(),
                "stock": Service(
                    instances: {instances}, zones: [{zones}], handlers: {{ "count": [] }},
                ),
                {callers}
            }},
        )"#
    ))
}

/// How often a node picked each instance, by the number of the instance.
fn picks(run: &Run, node: &str, instances: usize) -> Vec<u32> {
    let layout = run.world().layout();
    let mut picks = vec![0; instances];
    for (_, fact) in run.facts().filter(|(entry, _)| layout.node_name(entry.node) == node) {
        if let Fact::Picked { instance, .. } = fact {
            let number = layout.node_name(*instance).rsplit('-').next().unwrap();
            picks[number.parse::<usize>().unwrap() - 1] += 1;
        }
    }
    assert!(picks.iter().sum::<u32>() > 0, "`{node}` picked nobody");
    picks
}

const EVENLY: &str = r#""a", "b""#;

#[test]
fn calls_stay_where_instances_are_spread_as_callers_are() {
    let run = stock(6, EVENLY, &["a", "b"], "").run_seed(1);
    let near_a = picks(&run, "client-a", 6);
    assert_eq!([near_a[1], near_a[3], near_a[5]], [0; 3], "those of b");
    let near_b = picks(&run, "client-b", 6);
    assert_eq!([near_b[0], near_b[2], near_b[4]], [0; 3], "those of a");
    assert!(near_a.iter().all(|it| [0, 66, 67].contains(it)), "in turn: {near_a:?}");
}

#[test]
fn few_instances_have_no_zones_unless_the_balancer_is_told_so() {
    let run = stock(4, EVENLY, &["a", "b"], "").run_seed(1);
    assert_eq!(picks(&run, "client-a", 4), [50; 4]);
    let run = stock(4, EVENLY, &["a", "b"], "min_cluster_size: 2").run_seed(1);
    assert_eq!(picks(&run, "client-a", 4), [100, 0, 100, 0]);
}

/// Half of the callers are in b, and a quarter of the instances: half of its calls leave it.
const UNEVENLY: &str = r#""a", "a", "a", "b""#;

#[test]
fn a_zone_with_too_few_instances_sends_away_what_they_could_not_bear() {
    let scenario = stock(8, UNEVENLY, &["a", "b"], "");
    let run = scenario.run_seed(1);
    let of_b = picks(&run, "client-b", 8);
    let stayed = of_b[3] + of_b[7];
    // 200 draws of one half: beyond 4 standard deviations of 7 for one seed in 16,000.
    assert!((72..=128).contains(&stayed), "{stayed} of 200 stayed");
    let of_a = picks(&run, "client-a", 8);
    assert_eq!(of_a[3] + of_a[7], 0, "a has room for all its own");
    let calm = picks(&scenario.run_calm(), "client-b", 8);
    assert_eq!(calm[3] + calm[7], 200, "calm is to stay");
}

#[test]
fn whether_a_call_stays_is_a_choice_with_a_name() {
    let scenario = stock(8, UNEVENLY, &["a", "b"], "");
    let away = Deviation {
        site: "client-b".to_owned(),
        what: "zone".to_owned(),
        flow: "client-b/0".to_owned(),
        count: 1,
        answer: "900ms".to_owned(),
    };
    let run = scenario.run(&Plan::calm().with_deviations(vec![away]));
    assert!(run.fates.iter().all(|(_, fate)| *fate == Fate::Applied), "{:?}", run.fates);
    let of_b = picks(&run, "client-b", 8);
    assert_eq!(of_b[3] + of_b[7], 199);
}

#[test]
fn instances_and_their_sidecars_call_from_their_own_zone() {
    let shop = |own: &str, sidecar: &str| {
        let text = format!(
            r#"(
                version: 1,
                nodes: {{
                    "registry": Registry(),
                    "stock": Service(
                        instances: 6, zones: [{EVENLY}], handlers: {{ "count": [] }},
                    ),
                    "shop": Service(
                        instances: 2,
                        zones: [{EVENLY}],
                        handlers: {{ "buy": [Call(to: "stock", method: "count")] }},
                        {own}
                        {sidecar}
                    ),
                    "client": Clients(
                        arrivals: Every(period: "10ms", count: 60),
                        script: [Sleep("1ms"), Call(to: "shop", method: "buy")],
                    ),
                }},
            )"#
        );
        scenario(&text).run_seed(1)
    };
    let aware = "balancer: (profile: hardened, zone_routing: Aware),";
    let run = shop(aware, "");
    assert_eq!(picks(&run, "shop-1", 6), [10, 0, 10, 0, 10, 0]);
    assert_eq!(picks(&run, "shop-2", 6), [0, 10, 0, 10, 0, 10]);
    let run = shop("", &format!("sidecar: ({aware}),"));
    assert_eq!(picks(&run, "shop-2-sidecar", 6), [0, 10, 0, 10, 0, 10]);
}

#[test]
fn a_zone_without_instances_is_a_warning_and_its_calls_go_anywhere() {
    let scenario = stock(6, EVENLY, &["a", "south"], "");
    let warnings: Vec<String> = scenario
        .warnings
        .diagnostics()
        .iter()
        .map(|it| format!("{}; {}", it.message, it.help.as_deref().unwrap()))
        .collect();
    let expected = "no instance is in the zone `south`: calls go anywhere; \
                    use one of `a`, `b`, or add it to the `zones` of a service";
    assert_eq!(warnings, [expected]);
    let of_south = picks(&scenario.run_seed(1), "client-south", 6);
    assert!(of_south.iter().all(|it| [33, 34].contains(it)), "{of_south:?}");
}

/// The warnings about three nodes that call, each of which is told this, with or without a sidecar.
fn callers(options: &str, sidecar: &str) -> Vec<(usize, String)> {
    let text = format!(
        r#"(
        version: 1,
        nodes: {{
            "registry": Registry(),
            "stock": Service(handlers: {{ "count": [] }}),
            "shop": Service(
                handlers: {{ "look": [Call(to: "stock", method: "count")] }}, {sidecar} {options}
            ),
            "saga": Saga(
                steps: [(name: "count", action: (to: "stock", method: "count"))], {sidecar} {options}
            ),
            "page": Composition(
                parts: [(name: "count", to: "stock", method: "count")], {sidecar} {options}
            ),
            "client": Clients(script: [Call(to: "saga", method: "run")]),
        }},
    )"#
    );
    let scenario = scenario(&text);
    let warnings = scenario.warnings.diagnostics().iter();
    warnings.map(|it| (it.place.line, it.message.clone())).collect()
}

#[test]
fn options_that_a_sidecar_overrules_are_a_warning() {
    for field in ["balancer", "outlier"] {
        let options = format!("{field}: (profile: hardened),");
        let message = format!("this `{field}` is never asked: calls go through the sidecar");
        let expected = [7, 10, 13].map(|line| (line, message.clone()));
        assert_eq!(callers(&options, "sidecar: (),"), expected);
        assert_eq!(callers(&options, ""), [], "it chooses");
        let within = format!("sidecar: ({options}),");
        assert_eq!(callers("", &within), [], "the sidecar chooses");
    }
}
