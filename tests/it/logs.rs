//! Logs of brokers and orchestrators that are flushed later than they are written.

use brownout::search::{Campaign, Certificate, certify};
use brownout::{Kinds, Plan, Scenario};

fn text(name: &str) -> String {
    crate::fixture_text(&format!("stores/{name}.ron"))
}

fn parse(name: &str, text: &str) -> Scenario {
    Scenario::parse(name, text, &Kinds::new()).unwrap()
}

/// One piece of load instead of many, so that every pair of faults can be tried.
fn one(name: &str) -> Certificate {
    let text = text(name);
    assert!(text.contains("count: 20"), "{name} has twenty arrivals");
    certify(&parse(name, &text.replace("count: 20", "count: 1")), 2, None, &|_| ()).unwrap()
}

/// The plans that fail: where the crash is, and how many transactions are lost.
fn plans(certificate: &Certificate) -> Vec<String> {
    let text = |(plan, _): &(Plan, _)| {
        let deviations = plan.deviations.iter().map(|it| format!("#{} {}", it.count, it.answer));
        deviations.collect::<Vec<_>>().join(", ")
    };
    certificate.failures.iter().map(text).collect()
}

/// The kinds of faults in what a campaign finds of a planted bug; the remedy leaves nothing to find.
fn found(name: &str) -> String {
    let campaign = Campaign { runs: 200, enough: 4, ..Campaign::default() };
    let report = campaign.run(&parse(name, &text(name)), &|_, _| true).unwrap();
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    let deviations = report.findings[0].shrunk.plan.deviations.iter();
    let kinds: Vec<_> = deviations.map(|it| it.what.clone()).collect();
    let hardened = format!("{name}_hardened");
    let report = campaign.run(&parse(&hardened, &text(&hardened)), &|_, _| true).unwrap();
    assert_eq!((report.runs, report.failed), (200, 0), "{:?}", report.findings);
    kinds.join(" ")
}

#[test]
fn a_search_finds_the_message_and_the_saga_that_a_crash_takes_from_a_log() {
    assert_eq!(found("confirmed"), "crash unflushed");
    assert_eq!(found("forgotten_saga"), "crash unflushed");
}

/// The event arrives: it is kept, confirmed and handed out. Once it is confirmed, nobody publishes it
/// again; once it is handed out, the loss of the broker's log is the loss of nothing. Its
/// acknowledgement is kept as well, and comes again if that is lost.
#[test]
fn a_broker_loses_what_it_has_confirmed_and_not_handed_out_unless_it_was_flushed() {
    let certificate = one("confirmed");
    assert_eq!(certificate.crash_points, 4 + 2, "before and after each effect");
    assert_eq!(plans(&certificate), ["#1 after effect 2, #1 last 1"]);
    let certificate = one("confirmed_hardened");
    assert_eq!(certificate.crash_points, 5 + 2, "the flush is an effect as well");
    assert_eq!(plans(&certificate), [""; 0]);
}

/// The request arrives: inbox, log and the call to reserve. With both records a crash takes the saga, but
/// not what was called. The reservation is done: the third record is about the charge, and once that is
/// called the saga is as good as done.
#[test]
fn an_orchestrator_forgets_what_it_has_done_unless_its_log_was_flushed() {
    let certificate = one("forgotten_saga");
    assert_eq!(certificate.crash_points, 4 + 3 + 4, "before and after each effect");
    let expected = [
        "#1 after effect 3, #1 last 2",
        "#2 before the step, #1 last 2",
        "#2 after effect 1, #1 last 3",
    ];
    assert_eq!(plans(&certificate), expected);
    let certificate = one("forgotten_saga_hardened");
    assert_eq!(certificate.crash_points, 6 + 4 + 5, "each record is flushed, the inbox as well");
    assert_eq!(plans(&certificate), [""; 0]);
}

/// Whatever the orchestrator said has begun ends, too.
#[test]
fn a_saga_that_has_begun_on_the_disk_ends() {
    let name = "forgotten_saga_hardened";
    let text = text(name).replace("properties: [", "properties: [SagaTerminal(),");
    let campaign = Campaign { runs: 200, ..Campaign::default() };
    let report = campaign.run(&parse(name, &text), &|_, _| true).unwrap();
    assert_eq!((report.runs, report.failed), (200, 0), "{:?}", report.findings);
}
