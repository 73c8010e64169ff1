//! The broker in whole systems: whatever crashes, nothing is lost and nothing happens twice.

use brownout::models::{Fact, Profile};
use brownout::search::{Campaign, certify};
use brownout::system::Kinds;
use brownout::{Plan, Scenario};

use crate::{fixture, fixture_path};

fn under_guide(name: &str) -> Scenario {
    Scenario::load_under(fixture_path(name), &Kinds::new(), Profile::Guide)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn no_crash_point_of_outbox_broker_and_inbox_loses_or_doubles_anything() {
    let certificate = certify(&fixture("broker_outbox.ron"), 1, None, &|_| {}).unwrap();
    // Seven of the outbox, six of the broker, three of the inbox; the fixture counts them.
    assert_eq!(certificate.crash_points, 7 + 6 + 3);
    assert_eq!(certificate.plans, 1 + 16, "the calm plan, and each of them");
    assert!(certificate.failures.is_empty(), "{:#?}", certificate.failures);
}

#[test]
fn nor_do_two_crashes() {
    let certificate = certify(&fixture("broker_outbox.ron"), 2, None, &|_| {}).unwrap();
    assert!(certificate.plans > 1 + 16 + 16, "{} plans", certificate.plans);
    assert!(certificate.failures.is_empty(), "{:#?}", certificate.failures);
}

#[test]
fn a_broker_that_keeps_nothing_loses_events_to_a_crash() {
    let certificate = certify(&under_guide("broker_outbox.ron"), 1, None, &|_| {}).unwrap();
    // It keeps neither the event nor the acknowledgement: two moments less.
    assert_eq!(certificate.crash_points, 16 - 2);
    let lost: Vec<&str> =
        certificate.failures.iter().map(|(plan, _)| plan.deviations[0].site.as_str()).collect();
    assert_eq!(lost, ["broker", "mail-1", "mail-1"]);
}

#[test]
fn a_hardened_broker_loses_nothing_whatever_breaks() {
    let scenario = fixture("broker_conservation.ron");
    let campaign = Campaign { runs: 200, ..Campaign::default() };
    let report = campaign.run(&scenario, &|_, _| true).unwrap();
    assert_eq!(report.runs, 200);
    let found: Vec<_> = report.findings.iter().map(|found| &found.violation.message).collect();
    assert_eq!(found, [""; 0]);
    let run = scenario.run(&Plan::seed(1));
    assert_eq!(run.toothless, [""; 0]);
}

#[test]
fn a_broker_of_the_guide_loses_messages_to_one_fault() {
    let campaign = Campaign { runs: 100, enough: 1, ..Campaign::default() };
    let report = campaign.run(&under_guide("broker_conservation.ron"), &|_, _| true).unwrap();
    let found = report.findings.first().expect("the guide loses something in 100 runs");
    assert_eq!(found.shrunk.plan.deviations.len(), 1, "{}", found.shrunk.plan);
}

#[test]
fn publishing_again_for_a_key_is_no_other_message_where_it_is_published_once() {
    let campaign = Campaign { runs: 200, enough: 1, ..Campaign::default() };
    let report = campaign.run(&fixture("publish_once.ron"), &|_, _| true).unwrap();
    let found: Vec<_> = report.findings.iter().map(|found| &found.violation.message).collect();
    assert_eq!(found, [""; 0]);
    let text = std::fs::read_to_string(fixture_path("publish_once.ron")).unwrap();
    let often = text.replace("timeout: \"1s\", once: true", "timeout: \"1s\"");
    let forgetful =
        text.replace("subscriptions:", "dedup_window: Off,\n            subscriptions:");
    for changed in [often, forgetful] {
        assert_ne!(changed, text);
        let report = campaign.run(&crate::fixtures::scenario(&changed), &|_, _| true).unwrap();
        let found = report.findings.first().expect("a lost answer doubles a mail");
        assert_eq!(found.shrunk.plan.deviations.len(), 1, "{}", found.shrunk.plan);
    }
}

/// Two services that mail what is ordered, as one consumer group or each for itself.
fn mailers(broker: &str) -> (Vec<(String, u64)>, brownout::Run) {
    let text = format!(
        r#"(
            version: 1,
            nodes: {{
                "broker": Broker(
                    {broker}
                    subscriptions: [
                        (topic: "ordered", subscriber: "mail", group: "senders"),
                        (topic: "ordered", subscriber: "post", group: "senders"),
                        (topic: "ordered", subscriber: "books"),
                    ],
                ),
                "mail": Service(registered: false, handlers: {{ "ordered": [Work("30ms")] }}),
                "post": Service(registered: false, handlers: {{ "ordered": [Work("30ms")] }}),
                "books": Service(registered: false, handlers: {{ "ordered": [Work("1ms")] }}),
                "shop": Clients(
                    arrivals: Every(period: "20ms", count: 20),
                    script: [Publish(topic: "ordered")],
                ),
            }},
            properties: [MessageConservation()],
        )"#
    );
    let scenario = crate::fixtures::scenario(&text);
    let run = scenario.run_seed(1);
    let layout = run.world().layout();
    let handled = run.facts().filter_map(|(entry, fact)| {
        let Fact::Finished { key, failure: None, .. } = fact else { return None };
        Some((layout.node_name(entry.node).to_owned(), *key))
    });
    (handled.collect(), run)
}

#[test]
fn members_of_a_group_share_its_messages() {
    let (handled, run) = mailers("profile: hardened,");
    assert!(run.held(), "{:?}", run.violation);
    let by = |name: &str| -> Vec<u64> {
        handled.iter().filter(|(node, _)| node == name).map(|(_, key)| *key).collect()
    };
    let [mail, post, books] = ["mail-1", "post-1", "books-1"].map(by);
    assert_eq!(
        (mail.len(), post.len(), books.len()),
        (10, 10, 20),
        "by turns, and books all of it"
    );
    assert!(mail.iter().all(|key| !post.contains(key)));
    let (handled, run) = mailers("");
    assert!(run.held(), "{:?}", run.violation);
    assert_eq!(handled.len(), 60, "MB-10: everybody gets everything");
}

#[test]
fn a_group_that_is_ignored_is_a_warning() {
    let text = r#"(
        version: 1,
        nodes: {
            "broker": Broker(
                subscriptions: [(topic: "ordered", subscriber: "mail", group: "senders")],
            ),
            "mail": Service(registered: false, handlers: { "ordered": [] }),
            "shop": Clients(script: [Publish(topic: "ordered")]),
        },
    )"#;
    let scenario = crate::fixtures::scenario(text);
    let warnings: Vec<_> = scenario.warnings.diagnostics().iter().map(|it| &it.message).collect();
    assert_eq!(warnings, ["the group `senders` means nothing: every member gets everything"]);
}
