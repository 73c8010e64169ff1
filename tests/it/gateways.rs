//! Gateways in whole systems: which route a request takes, and what their bulkheads refuse.

use brownout::choice::Fate;
use brownout::models::contract::Failure;
use brownout::models::{Fact, Name};
use brownout::{Deviation, Plan, Run, Scenario};

use brownout::search::Campaign;

use crate::fixtures::scenario;

/// A gateway with routes to the methods of one service, a client that asks for each of some lines,
/// and what else is said.
fn shop(gateway: &str, routes: &[(&str, &str)], lines: &[&str]) -> Scenario {
    let route = |(path, method): &(&str, &str)| {
        format!(r#"(path: "{path}", service: "shop", method: "{method}", limit: 60),"#)
    };
    let routes: String = routes.iter().map(route).collect();
    let call = |line: &&str| format!(r#"Call(to: "gateway", method: "{line}", may_fail: true),"#);
    let calls: String = lines.iter().map(call).collect();
    scenario(&format!(
        r#"(
            version: 1,
            nodes: {{
                "gateway": Gateway({gateway} routes: [{routes}]),
                "shop": Service(
                    registered: false,
                    handlers: {{ "list": [], "place": [], "show": [], "audit": [], "rest": [] }},
                ),
                "client": Clients(script: [{calls}]),
            }},
            faults: [Lose(odds: "1%", only: ["{}"])],
        )"#,
        lines[0]
    ))
}

fn words(run: &Run, name: Name) -> String {
    run.world().layout().names.text(name).to_owned()
}

/// The methods that the service was asked for, in order.
fn asked(run: &Run) -> Vec<String> {
    let method = |fact: &Fact| {
        let Fact::Began { method, .. } = fact else { return None };
        Some(words(run, *method))
    };
    run.facts().filter_map(|(_, fact)| method(fact)).collect()
}

const ROUTES: [(&str, &str); 5] = [
    ("/orders", "list"),
    ("POST /orders", "place"),
    ("admin.example/orders", "audit"),
    ("/orders/*", "show"),
    ("/*", "rest"),
];

#[test]
fn a_request_takes_the_route_that_says_most_about_it() {
    let cases = [
        ("/orders", "list"),
        ("GET /orders", "list"),
        ("POST /orders", "place"),
        ("GET shop.example/orders", "list"),
        ("POST shop.example/orders", "place"),
        ("GET admin.example/orders", "audit"),
        // What is left out may be anything, and a host goes before a method.
        ("POST admin.example/orders", "audit"),
        ("/orders/7/items", "show"),
        ("GET admin.example/orders/7", "show"),
        ("/ordersets", "rest"),
        ("DELETE /", "rest"),
    ];
    let shop = shop("profile: hardened,", &ROUTES, &cases.map(|(line, _)| line));
    assert_eq!(asked(&shop.run_calm()), cases.map(|(_, method)| method));
}

#[test]
fn requests_of_one_route_share_its_name_and_its_limit() {
    let lines = ["GET /orders/1", "POST /orders/2", "/orders/3"];
    let gateway = "profile: hardened, limiter: (burst: Tokens(2)),";
    let run = shop(gateway, &ROUTES, &lines).run_calm();
    let verdict = |fact: &Fact| {
        let is_in = matches!(fact, Fact::Admitted { .. });
        let (Fact::Admitted { route, .. } | Fact::Limited { route, .. }) = fact else {
            return None;
        };
        Some((words(&run, *route), is_in))
    };
    let verdicts: Vec<_> = run.facts().filter_map(|(_, fact)| verdict(fact)).collect();
    let route = || "/orders/*".to_owned();
    assert_eq!(verdicts, [(route(), true), (route(), true), (route(), false)]);
}

#[test]
fn by_path_alone_the_last_route_of_a_path_takes_all_its_requests() {
    let routes = [("GET /orders", "list"), ("POST /orders", "place"), ("/items/*", "show")];
    let shop = shop("", &routes, &["GET /orders", "POST shop.example/orders"]);
    assert_eq!(asked(&shop.run_calm()), ["place", "place"], "GW-1");
    let warnings: Vec<&str> =
        shop.warnings.diagnostics().iter().map(|warning| warning.message.as_str()).collect();
    let expected =
        ["no request takes the route `GET /orders`", "only requests for `/items/*` itself take it"];
    assert_eq!(warnings, expected);
}

#[test]
fn a_request_line_is_the_name_of_a_message() {
    let shop = shop("profile: hardened,", &ROUTES, &["POST /orders", "GET /orders"]);
    let lost = Deviation {
        site: "client>gateway POST /orders".to_owned(),
        what: "lose".to_owned(),
        flow: "client/0".to_owned(),
        count: 1,
        answer: "yes".to_owned(),
    };
    let run = shop.run(&Plan::calm().with_deviations(vec![lost]));
    assert_eq!(asked(&run), [""; 0], "it waits for ever for what was lost");
    assert!(run.fates.iter().all(|(_, fate)| *fate == Fate::Applied), "{:?}", run.fates);
}

/// Five payments within 5 ms to a bank that takes 10 ms for each, and meanwhile one question to
/// somebody else, through a gateway whose breakers bear so many failures and that is told this
/// besides.
fn crowd((failures, gateway): (u32, &str)) -> Run {
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "gateway": Gateway(
                    routes: [
                        (path: "/pay", service: "bank", method: "pay", limit: 60),
                        (path: "/ask", service: "desk", method: "ask", limit: 60),
                    ],
                    breaker: (failure_threshold: {failures}),
                    {gateway}
                ),
                "bank": Service(registered: false, handlers: {{ "pay": [Work("10ms")] }}),
                "desk": Service(registered: false, handlers: {{ "ask": [] }}),
                "payer": Clients(
                    arrivals: Every(period: "1ms", count: 5),
                    script: [Call(to: "gateway", method: "/pay")],
                ),
                "asker": Clients(script: [Sleep("4ms"), Call(to: "gateway", method: "/ask")]),
            }},
        )"#
    );
    scenario(&text).run_calm()
}

fn count(run: &Run, which: impl Fn(&Fact) -> bool) -> usize {
    run.facts().filter(|(_, fact)| which(fact)).count()
}

/// How many calls were under way, and to whom, when each of those turned away came.
fn turned_away(run: &Run) -> Vec<(String, u32)> {
    let inside = |fact: &Fact| {
        let Fact::GatewayFull { service, inside, .. } = fact else { return None };
        Some((words(run, *service), *inside))
    };
    run.facts().filter_map(|(_, fact)| inside(fact)).collect()
}

#[test]
fn a_bulkhead_bounds_the_calls_to_each_service() {
    assert_eq!(turned_away(&crowd((1, ""))), []);
    assert_eq!(turned_away(&crowd((1, "bulkhead: (profile: hardened),"))), [], "25 at once");
    let run = crowd((1, "bulkhead: (max_concurrent: AtMost(2)),"));
    assert_eq!(turned_away(&run), vec![("bank".to_owned(), 2); 3]);
    let ended = |wanted| move |fact: &Fact| matches!(fact, Fact::Ended { failure, .. } if *failure == wanted);
    assert_eq!(count(&run, ended(None)), 3, "two payers and the asker");
    assert_eq!(count(&run, ended(Some(Failure::Overloaded))), 3);
    let one = r#"bulkhead: (max_concurrent: AtMost(1)), timeout: "2500us","#;
    assert_eq!(turned_away(&crowd((9, one))).len(), 3, "a call that timed out makes room");
}

#[test]
fn a_bulkhead_is_asked_last_and_refuses_at_the_cost_of_a_token() {
    let admitted = |fact: &Fact| matches!(fact, Fact::Admitted { .. });
    for (order, tokens) in [("LimiterFirst", 6), ("BreakerFirst", 6), ("Refund", 3)] {
        let gateway = format!("bulkhead: (max_concurrent: AtMost(2)), order: {order},");
        let run = crowd((1, &gateway));
        assert_eq!(turned_away(&run).len(), 3, "{order}");
        assert_eq!(count(&run, admitted), tokens, "{order}");
        let at_breaker =
            count(&run, |fact| matches!(fact, Fact::Breaker { .. } | Fact::Broken { .. }));
        assert_eq!(at_breaker, 0, "what nobody tried is no failure");
    }
    // What the limiter refuses takes no place.
    let run = crowd((1, "bulkhead: (max_concurrent: AtMost(2)), limiter: (burst: Tokens(1)),"));
    assert_eq!(turned_away(&run), []);
}

#[test]
fn a_bulkhead_that_adapts_ends_an_outage_that_retries_keep_up() {
    let campaign = Campaign { runs: 64, ..Campaign::default() };
    let text = crate::fixture_text("metastable_gateway.ron");
    let report = campaign.run(&scenario(&text), &|_, _| true).unwrap();
    assert_eq!(report.failed, 0, "{:?}", report.findings);
    let open = text.replace("bulkhead: (limit:", "bulkhead: (max_concurrent: Unlimited), // ");
    assert_ne!(open, text);
    let report = campaign.run(&scenario(&open), &|_, _| true).unwrap();
    assert!(report.failed > 0, "without it the outage goes on");
}

#[test]
fn a_call_that_finds_no_instance_leaves_the_bulkhead() {
    let text = r#"(
        version: 1,
        nodes: {
            "registry": Registry(initial_health: Unknown),
            "gateway": Gateway(
                routes: [(path: "/pay", service: "bank", method: "pay", limit: 60)],
                breaker: (failure_threshold: 9),
                bulkhead: (max_concurrent: AtMost(1)),
            ),
            "bank": Service(handlers: { "pay": [] }),
            "payer": Clients(
                arrivals: Every(period: "1ms", count: 5),
                script: [Sleep("1ms"), Call(to: "gateway", method: "/pay")],
            ),
        },
    )"#;
    let run = scenario(text).run_calm();
    assert_eq!(turned_away(&run), []);
    let is_nobody = |fact: &Fact| {
        matches!(fact, Fact::Ended { failure: Some(Failure::NoHealthyInstances), .. })
    };
    assert_eq!(count(&run, is_nobody), 5);
}
