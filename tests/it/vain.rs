//! Warnings of what can make no difference.

use brownout::Kinds;
use brownout::scenario::Scenario;

fn warnings(text: &str) -> Vec<String> {
    let scenario = Scenario::parse("x", text, &Kinds::new()).unwrap_or_else(|it| panic!("{it}"));
    let warnings = scenario.warnings.diagnostics().iter();
    warnings.map(|it| format!("{} {}", it.place.line, it.message)).collect()
}

#[test]
fn what_comes_behind_the_horizon_is_a_warning() {
    let text = r#"(
        version: 1,
        horizon: "1m",
        heal_at: "50s",
        nodes: {
            "shop": Service(registered: false, handlers: { "buy": [] }),
            "just": Clients(
                arrivals: Every(period: "20s", count: 4),
                script: [Call(to: "shop", method: "buy")],
            ),
            "late": Clients(
                arrivals: Every(period: "20s", count: 5),
                script: [Call(to: "shop", method: "buy")],
            ),
            "many": Clients(
                arrivals: Poisson(rate: 1, during: "61s"),
                script: [Call(to: "shop", method: "buy")],
            ),
        },
        properties: [
            EveryCallEnds(within: "59s"),
            EveryCallEnds(name: "late", within: "1m"),
            Recovers(within: "9s", at_least: "9%"),
            Recovers(within: "10s", at_least: "9%"),
        ],
    )"#;
    let expected = [
        "12 only 4 of 5 ever arrive: the run is over at its horizon, 60s",
        "16 nobody arrives behind the horizon: the run is over at its horizon, 60s",
        "22 nothing takes longer: the run lasts 60s",
        "24 no work begins so late: the run lasts 60s",
    ];
    assert_eq!(warnings(text), expected);
}

#[test]
fn a_property_with_nothing_to_look_at_is_a_warning() {
    let text = r#"(
        version: 1,
        nodes: {
            "registry": Registry(),
            "shop": Service(handlers: { "buy": [Fail(Failed), Work("1ms"), Reply] }),
            "scale": Deployment(service: "shop", strategy: Scaling(min_replicas: 1, max_replicas: 1)),
            "client": Clients(script: [Call(to: "shop", method: "buy"), Fail(Rejected)]),
            OTHER
        },
        properties: [
            SagaTerminal(),
            BreakerPath(),
            TokenEnvelope(),
            DeploymentEnds(deployment: "scale"),
        ],
    )"#;
    let behind = "5 no run comes here: the step before it fails";
    let scale = "14 `scale` scales a service, and never ends";
    let expected = [
        behind,
        "11 this looks at nothing: there is no saga here",
        "12 this looks at nothing: there is no breaker here",
        "13 this looks at nothing: there is no limiter here",
        scale,
    ];
    assert_eq!(warnings(&text.replace("OTHER", "")), expected);
    let others = r#""gate": Gateway(), "trip": Saga(steps: [
        (name: "buy", action: (to: "shop", method: "buy"), compensation: (to: "shop", method: "buy")),
    ]),"#;
    let scale = scale.replace("14", "16");
    assert_eq!(warnings(&text.replace("OTHER", others)), [behind, scale.as_str()]);
}

#[test]
fn a_candidate_that_cannot_do_what_its_service_does_is_a_warning() {
    let text = r#"(
        version: 1,
        nodes: {
            "registry": Registry(),
            "shop": Service(handlers: { "buy": [], "sell": [] }),
            "shop-v2": Service(handlers: { "buy": [], "swap": [] }),
            "rollout": Deployment(service: "shop", candidate: "shop-v2", strategy: Rolling()),
            "client": Clients(script: [Call(to: "shop", method: "buy")]),
        },
    )"#;
    assert_eq!(warnings(text), ["7 `shop-v2` has no handler for `sell`, and `shop` has"]);
}
