//! Every property has teeth: it holds on a real trace, and says so when the trace is altered or the
//! system breaks.

mod calls;
mod messages;
mod sagas;
mod tables;
mod trace;

use brownout::kernel::{Entry, Watch, What};
use brownout::models::contract::{Failure, Kind};
use brownout::models::{Fact, Span};
use brownout::{Deviation, End, Plan, Run, Scenario};

use crate::fixtures::scenario;

type Trace = Vec<Entry<Fact>>;

/// A run on which everything holds, with its scenario.
struct Case {
    scenario: Scenario,
    run: Run,
}

/// Runs a scenario calmly; its properties hold, and had something to look at.
fn holds(text: &str) -> Case {
    holds_under(text, &Plan::calm())
}

fn holds_under(text: &str, plan: &Plan) -> Case {
    let scenario = scenario(text);
    let run = scenario.run(plan);
    assert_eq!(run.violation, None, "{}", told(&run));
    assert_eq!(run.toothless, [""; 0]);
    for (deviation, fate) in &run.fates {
        assert_eq!(fate.word(), "applied", "{deviation}\n{}", told(&run));
    }
    Case { scenario, run }
}

/// Runs a scenario under faults and gives what the first property says.
fn violated(text: &str, faults: &[Deviation]) -> String {
    let run = scenario(text).run(&Plan::calm().with_deviations(faults.to_vec()));
    for (deviation, fate) in &run.fates {
        assert_eq!(fate.word(), "applied", "{deviation}\n{}", told(&run));
    }
    run.violation.unwrap_or_else(|| panic!("a violation")).message
}

/// The trace, for whoever has to find out why a test fails.
fn told(run: &Run) -> String {
    let lines =
        run.entries().map(|entry| format!("{} {:?} {:?}\n", entry.at, entry.node, entry.what));
    lines.collect()
}

fn fault(site: &str, what: &str, flow: &str, count: u32, answer: &str) -> Deviation {
    let [site, what, flow, answer] = [site, what, flow, answer].map(str::to_owned);
    Deviation { site, what, flow, count, answer }
}

impl Case {
    /// What the properties say of the altered trace.
    fn says(&self, alter: impl FnOnce(&mut Trace)) -> String {
        self.judged(alter, self.run.end).unwrap_or_else(|| panic!("a violation"))
    }

    /// The altered trace is as good as the real one.
    fn still_holds(&self, alter: impl FnOnce(&mut Trace)) {
        assert_eq!(self.judged(alter, self.run.end), None);
    }

    fn judged(&self, alter: impl FnOnce(&mut Trace), end: End) -> Option<String> {
        let mut trace: Trace = self.run.entries().cloned().collect();
        let before = trace.clone();
        alter(&mut trace);
        assert!(trace != before || end != self.run.end, "the trace is altered");
        let mut judge = self.scenario.judge();
        for entry in &trace {
            if !judge.see(entry) {
                break;
            }
        }
        judge.end(end, self.run.at);
        judge.violation().map(|violation| violation.message.clone())
    }
}

/// Where the `nth` fact like this stands, from 0.
fn fact(trace: &Trace, nth: usize, like: impl Fn(&Fact) -> bool) -> usize {
    entry(trace, nth, |what| matches!(what, What::Noted(fact) if like(fact)))
}

/// Where the `nth` entry like this stands, from 0.
fn entry(trace: &Trace, nth: usize, like: impl Fn(&What<Fact>) -> bool) -> usize {
    let mut places = trace.iter().enumerate().filter(|(_, entry)| like(&entry.what));
    places.nth(nth).expect("the trace has such an entry").0
}

fn noted(entry: &mut Entry<Fact>) -> &mut Fact {
    let What::Noted(fact) = &mut entry.what else { panic!("a fact") };
    fact
}
