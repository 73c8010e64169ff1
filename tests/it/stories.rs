//! What is shown of a violation explains it: the work that it is about, and the faults that led there.

use brownout::render::{Styles, story};
use brownout::{Deviation, Plan, Run};

use crate::fixtures::scenario;

/// One worker serves two populations: who waits for it is lost when it crashes over other work.
const PRESS: &str = r#"(
    version: 1,
    nodes: {
        "press": Service(registered: false, workers: 1, handlers: { "print": [Work("10ms"), Write(table: "prints")] }),
        "reader": Clients(script: [Call(to: "press", method: "print")]),
        "writer": Clients(script: [Call(to: "press", method: "print")]),
    },
    faults: [Crash(odds: "1%", at: ["press"]), Silence(odds: "1%", at: ["press"])],
    properties: [EveryCallEnds()],
)"#;

fn deviation(what: &str, flow: &str, count: u32, answer: &str) -> Deviation {
    let [site, what, flow, answer] = ["press-1", what, flow, answer].map(str::to_owned);
    Deviation { site, what, flow, count, answer }
}

fn told(run: &Run) -> String {
    story(run, Styles::PLAIN).expect("something is violated").text
}

#[test]
fn a_fault_in_other_work_is_shown_with_the_work_that_never_ended() {
    let crash = deviation("crash", "reader/0", 2, "before the step");
    let silence = deviation("silence", "writer/0", 1, "yes");
    let run = scenario(PRESS).run(&Plan::calm().with_deviations(vec![crash, silence]));
    let violation = run.violation.as_ref().unwrap();
    assert_eq!(violation.message, "the work of writer/0 never ended", "{:?}", run.fates);
    let story = told(&run);
    assert!(story.starts_with("Everything in writer/0, reader/0 ("), "{story}");
    assert!(story.contains("\n! "), "no fault is marked: {story}");
    assert!(story.contains("work begins"), "{story}");
}

#[test]
fn a_violation_at_the_end_without_a_fault_shows_the_work_that_it_is_about() {
    let print = r#""print": [Work("10ms"), Write(table: "prints")]"#;
    let text = PRESS
        .replace(print, r#""print": [Write(table: "prints")], "log": [Write(table: "logs")]"#)
        .replace("EveryCallEnds()", r#"LedgerBalance(tables: ["prints", "logs"])"#);
    let run = scenario(&text).run_calm();
    let violation = run.violation.as_ref().unwrap();
    assert!(
        violation.message.starts_with("the books of reader/0 do not balance:"),
        "{violation:?}"
    );
    let story = told(&run);
    assert!(story.starts_with("Everything in reader/0 ("), "{story}");
}

#[test]
fn a_fault_long_before_the_end_is_shown_all_the_same() {
    let text = PRESS.replace("Work(\"10ms\"), ", &"Work(\"1ms\"), ".repeat(60));
    let pause = deviation("pause", "reader/0", 1, "1ms");
    let crash = deviation("crash", "reader/0", 50, "before the step");
    let silence = deviation("silence", "reader/0", 1, "yes");
    let run = scenario(&text).run(&Plan::calm().with_deviations(vec![pause, crash, silence]));
    assert!(!run.held(), "{:?}", run.fates);
    let story = told(&run);
    let lines: Vec<&str> = story.lines().collect();
    assert!(lines[0].starts_with("40 of "), "{story}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("! ")).count(), 2, "{story}");
    assert_eq!(lines.iter().filter(|line| **line == "  ..").count(), 2, "{story}");
    assert_eq!(lines.len(), 1 + 40 + 2, "{story}");
}

/// Two books that never agree, whoever comes: nothing struck, and no key is at fault.
#[test]
fn a_violation_about_no_work_in_particular_is_shown_with_the_load_that_it_takes() {
    let books = PRESS
        .replace("EveryCallEnds()", r#"LedgerBalance(tables: ["prints", "lost"], per: Total)"#);
    let books = books.replace(r#""reader":"#, r#""none": Service(registered: false, handlers: { "lose": [Write(table: "lost")] }), "reader":"#);
    let load = Some(vec!["writer/0".to_owned()]);
    let run = scenario(&books).run(&Plan { load, ..Plan::calm() });
    assert_eq!(
        run.violation.as_ref().unwrap().message,
        "the books do not balance: prints 1, lost 0"
    );
    let told_of_one = told(&run);
    assert!(told_of_one.starts_with("Everything in writer/0 ("), "{told_of_one}");
    assert!(!told_of_one.contains("reader"), "{told_of_one}");
    let run = scenario(&books).run(&Plan::calm());
    assert!(told(&run).starts_with("Everything in the run ("), "the plan says nothing of load");
}

/// Too little of the work succeeds, and the first piece that failed is long over when the run ends.
fn availability(property: &str) -> String {
    PRESS
        .replace("Clients(script", "Clients(arrivals: Every(period: \"1s\", count: 40), script")
        .replace("EveryCallEnds()", property)
        .replace("version: 1,", "version: 1, heal_at: \"1ms\",")
}

#[test]
fn a_share_of_the_work_that_failed_is_shown_by_the_first_piece_that_did() {
    let properties =
        ["Availability(at_least: \"100%\")", "Recovers(within: \"1s\", at_least: \"100%\")"];
    for property in properties {
        let crash = deviation("crash", "reader/7", 2, "before the step");
        let run = scenario(&availability(property)).run(&Plan::calm().with_deviations(vec![crash]));
        let story = told(&run);
        assert!(story.starts_with("Everything in reader/7 ("), "{story}");
        assert!(story.contains("work failed after 10ms: connection reset"), "{story}");
    }
}

#[test]
fn work_that_no_fault_struck_and_that_failed_is_shown_among_much_that_was_struck() {
    let text = availability("Availability(at_least: \"100%\")");
    let crash = deviation("crash", "reader/7", 2, "before the step");
    let silence = deviation("silence", "writer/7", 1, "yes");
    let pauses = (8..40).map(|at| deviation("pause", &format!("reader/{at}"), 1, "1ms"));
    let faults = [crash, silence].into_iter().chain(pauses).collect();
    let run = scenario(&text).run(&Plan::calm().with_deviations(faults));
    let violation = run.violation.as_ref().unwrap();
    assert_eq!(violation.message, "76 of 80 pieces of work succeeded, less than 100%");
    let story = told(&run);
    assert!(story.starts_with("40 of "), "{story}");
    assert!(story.contains("work failed after 10ms: connection reset"), "{story}");
}

/// The entry that shows the violation is the one that something else waited for.
#[test]
fn the_entry_that_stops_a_run_is_seen_by_every_property() {
    let text =
        PRESS.replace("EveryCallEnds()", "EveryCallEnds(within: \"1ms\"), SometimesSucceeds()");
    let run = scenario(&text).run_calm();
    assert_eq!(
        run.violation.as_ref().unwrap().message,
        "the work of reader/0 took 10ms, more than 1ms"
    );
    assert!(run.sometimes[0].1);
    assert_eq!(run.toothless, [""; 0]);
}

#[test]
fn what_should_be_reached_sometimes_and_was_not_is_said_once() {
    let text =
        PRESS.replace("EveryCallEnds()", "OncePerKey(table: \"prints\"), SometimesSucceeds()");
    let text = text
        .replace("Write(table: \"prints\")", "Write(table: \"prints\"), Write(table: \"prints\")");
    let run = scenario(&text).run_calm();
    assert!(!run.held());
    assert!(!run.sometimes[0].1);
    assert_eq!(run.toothless, [""; 0]);
}
