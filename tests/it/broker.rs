//! The broker in whole systems: whatever crashes, nothing is lost and nothing happens twice.

use brownout::models::Profile;
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
    let certificate = certify(&fixture("broker_outbox.ron"), 1, None, &|_, _| {}).unwrap();
    // Seven of the outbox, six of the broker, three of the inbox; the fixture counts them.
    assert_eq!(certificate.crash_points, 7 + 6 + 3);
    assert_eq!(certificate.plans, 1 + 16, "the calm plan, and each of them");
    assert!(certificate.failures.is_empty(), "{:#?}", certificate.failures);
}

#[test]
fn nor_do_two_crashes() {
    let certificate = certify(&fixture("broker_outbox.ron"), 2, None, &|_, _| {}).unwrap();
    assert!(certificate.plans > 1 + 16 + 16, "{} plans", certificate.plans);
    assert!(certificate.failures.is_empty(), "{:#?}", certificate.failures);
}

#[test]
fn a_broker_that_keeps_nothing_loses_events_to_a_crash() {
    let certificate = certify(&under_guide("broker_outbox.ron"), 1, None, &|_, _| {}).unwrap();
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
