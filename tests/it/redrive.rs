//! A person has dead letters driven again, in whole systems.

use brownout::models::Fact;
use brownout::models::fact::RedriveFact;
use brownout::search::{Campaign, Certificate, certify};
use brownout::{Deviation, Plan, Run};

use crate::{fixture, fixture_text, fixtures};

/// A mailer that rejects everything until 10s, and what is said to the broker.
fn mailer(broker: &str) -> String {
    let text = fixture_text("dead_letters/redriven_hardened.ron");
    let said = "operator: [(at: \"30s\", says: Redrive(subscriber: \"mail\"))],";
    assert!(text.contains(said));
    text.replace(said, broker)
}

fn run(broker: &str) -> Run {
    fixtures::scenario(&mailer(broker)).run_calm()
}

/// What became of dead letters, in order.
fn letters(run: &Run) -> Vec<String> {
    let key = |key: &u64| run.world().layout().key_text(*key);
    let told = run.facts().filter_map(|(entry, fact)| {
        let at = entry.at.as_nanos() / 1_000_000_000;
        if let Fact::DeadLettered { key: it, subscription, .. } = fact {
            Some(format!("{at}s: {} is dead at {subscription}", key(it)))
        } else if let Fact::Redrive(RedriveFact::Told { redriven, left }) = fact {
            Some(format!("{at}s: {redriven} go, {left} stay"))
        } else if let Fact::Redrive(RedriveFact::Letter { key: it, subscription, .. }) = fact {
            Some(format!("{at}s: {} goes to {subscription}", key(it)))
        } else {
            None
        }
    });
    told.collect()
}

fn certified(text: &str, faults: u32) -> Certificate {
    certify(&fixtures::scenario(text), faults, None, &|_| {}).unwrap()
}

#[test]
fn a_dead_letter_is_driven_again_to_whom_it_did_not_reach_or_to_everybody() {
    for plan in [Plan::calm(), Plan::seed(1), Plan::seed(2)] {
        let run = fixture("dead_letters/redriven_hardened.ron").run(&plan);
        assert!(run.held(), "{:?}", run.violation);
        assert_eq!(run.toothless, [""; 0]);
        let run = fixture("dead_letters/redriven.ron").run(&plan);
        assert_eq!(&*run.violation.unwrap().property, "an order is booked once");
    }
}

#[test]
fn without_the_word_nobody_gets_a_mail_and_the_letters_stay() {
    let run = run("");
    let violation = run.violation.as_ref().unwrap();
    assert_eq!(&*violation.property, "every order is mailed and booked");
    assert_eq!(letters(&run).len(), 3, "each of them is dead, once");
}

#[test]
fn a_message_that_fails_again_is_dead_again_and_can_be_driven_again() {
    let run = run("operator: [(at: \"8s\", says: Redrive()), (at: \"30s\", says: Redrive())],");
    assert!(run.held(), "{:?}", run.violation);
    let mut expected: Vec<String> = Vec::new();
    for (key, at) in [(0, 1), (1, 3), (2, 5)] {
        expected.push(format!("{at}s: {key} is dead at 0"));
    }
    for (at, is_mended) in [(8, false), (30, true)] {
        expected.push(format!("{at}s: 3 go, 0 stay"));
        expected.extend((0..3).map(|key| format!("{at}s: {key} goes to 0")));
        expected
            .extend((0..3).filter(|_| !is_mended).map(|key| format!("{at}s: {key} is dead at 0")));
    }
    assert_eq!(letters(&run), expected);
}

#[test]
fn a_word_is_about_a_topic_a_subscriber_or_one_subscription() {
    for (says, go) in [
        ("Redrive()", 3),
        ("Redrive(topic: \"order.placed\")", 3),
        ("Redrive(topic: \"order.placed\", subscriber: \"mail\")", 3),
        ("Redrive(subscriber: \"stock\")", 0),
        ("Redrive(topic: \"order.placed\", subscriber: \"stock\")", 0),
    ] {
        let run = run(&format!("operator: [(at: \"30s\", says: {says})],"));
        let told = letters(&run);
        assert!(told.contains(&format!("30s: {go} go, 0 stay")), "{says}: {told:?}");
    }
}

#[test]
fn whoever_is_in_a_consumer_group_stands_for_it() {
    let text = mailer("operator: [(at: \"30s\", says: Redrive(subscriber: \"stock\"))],");
    let grouped =
        text.replace("subscriber: \"mail\")", "subscriber: \"mail\", group: \"all\")").replace(
            "subscriber: \"stock\"),\n            ],",
            "subscriber: \"stock\", group: \"all\"),\n            ],",
        );
    assert_ne!(grouped, text);
    let run = fixtures::scenario(&grouped).run_calm();
    let told = letters(&run);
    assert!(told.iter().any(|it| it.contains("is dead at 0")), "{told:?}");
    assert!(!told.contains(&"30s: 0 go, 0 stay".to_owned()), "{told:?}");
}

#[test]
fn whoever_published_it_has_ceased_to_wait_and_nobody_minds() {
    let text = mailer("operator: [(at: \"30s\", says: Redrive())],");
    let calls = text.replace(
        "[Work(\"5ms\"), Write(table: \"mails\")]",
        "[Call(to: \"post\", method: \"send\"), Write(table: \"mails\")]",
    );
    let post = "\"post\": Service(handlers: { \"send\": [] }),\n        \"stock\"";
    let calls = calls.replacen("\"stock\"", post, 2).replacen(post, "\"stock\"", 1);
    let calls = calls.replace("start_up:", "sidecar: (profile: hardened), start_up:");
    let run = fixtures::scenario(&calls).run_calm();
    assert!(run.held(), "{:?}", run.violation);
}

#[test]
fn no_crash_of_a_broker_that_drives_again_loses_or_doubles_anything() {
    let text = fixture_text("dead_letters/crashes.ron");
    let once = certified(&text, 1);
    assert_eq!(once.crash_points, 26);
    assert!(once.failures.is_empty(), "{:#?}", once.failures);
    let twice = certified(&text, 2);
    assert!(twice.failures.is_empty(), "{:#?}", twice.failures);
    // A handler that remembers nothing shows that messages come again.
    let forgetful = text.replace("inbox: true", "inbox: false");
    assert_ne!(certified(&forgetful, 1).failures.len(), 0);
    let undriven = text.replace("(at: \"20s\", says: Redrive(topic: \"order.placed\"))", "");
    assert_ne!(certified(&undriven, 0).failures.len(), 0);
}

#[test]
fn a_redrive_that_is_lost_with_the_log_is_a_dead_letter_again_unless_it_was_flushed() {
    let text = fixture_text("dead_letters/crashes.ron")
        .replace("buffer: 2,", "buffer: 2, flush: \"2s\", confirms: Written,")
        .replace("faults: [", "faults: [Unflushed(odds: \"1%\", at: [\"broker\"]), ");
    let fault = |what: &str, (flow, count): (&str, u32), answer: &str| {
        let [site, what, flow, answer] = ["broker", what, flow, answer].map(str::to_owned);
        Deviation { site, what, flow, count, answer }
    };
    // The broker crashes once the message is on its way to the mailer, which is down.
    let lost = ("broker operator/1", 1);
    let text = text.replace("at: [\"broker\"], restart", "at: [\"broker\", \"mail\"], restart");
    let plan = Plan::calm().with_deviations(vec![
        fault("crash", lost, "after effect 2"),
        fault("unflushed", lost, "last 1"),
        Deviation {
            site: "mail-1".to_owned(),
            ..fault("crash", ("shopper/1", 1), "before the step")
        },
    ]);
    let run = fixtures::scenario(&text).run(&plan);
    assert_eq!(&*run.violation.as_ref().unwrap().property, "every order is mailed");
    let told =
        ["0s: 1 is dead at 0", "20s: 1 go, 0 stay", "20s: 1 goes to 0", "21s: 1 is dead at 0"];
    assert_eq!(letters(&run), told, "and no message is lost");
    // Where it crashes before it has confirmed the word, the word is said again.
    let plan = Plan::calm().with_deviations(vec![
        fault("crash", lost, "after effect 1"),
        fault("unflushed", lost, "last 1"),
    ]);
    let run = fixtures::scenario(&text).run(&plan);
    assert!(run.held(), "{:?}", run.violation);
    let again = [&told[..], &["21s: 1 go, 0 stay", "21s: 1 goes to 0"]].concat();
    assert_eq!(letters(&run), again);
    let flushed = certified(&text.replace("Written", "Flushed"), 2);
    assert!(flushed.failures.is_empty(), "{:#?}", flushed.failures);
}

#[test]
fn the_pair_is_as_its_titles_say_under_many_seeds() {
    let campaign = Campaign { runs: 100, ..Campaign::default() };
    let report =
        campaign.run(&fixture("dead_letters/redriven_hardened.ron"), &|_, _| true).unwrap();
    assert_eq!((report.runs, report.failed), (100, 0), "{:?}", report.findings);
}
