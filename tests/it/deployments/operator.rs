//! A person who watches over a deployment.

use brownout::models::fact::DeploymentFact;
use brownout::models::policy::{OperatorWord, TurnBack, Version};

use super::{holds, load, mutant, said, violation};

const WORDS: &str = "operator: [(at: \"40s\", says: Promote), (at: \"70s\", says: PromoteFull)],";

fn told(word: OperatorWord, heeded: bool) -> DeploymentFact {
    DeploymentFact::Told { word, heeded }
}

#[test]
fn a_person_promotes_a_canary_whatever_becomes_of_its_messages() {
    let scenario = load("canary_promoted");
    holds(&scenario, 0..10);
}

#[test]
fn without_a_word_a_canary_stands_for_ever() {
    let run = mutant("canary_promoted", &[(WORDS, "")]).run_calm();
    assert_eq!(violation(&run).0, "rollout ends");
    let run = mutant("canary_promoted", &[(", (at: \"70s\", says: PromoteFull)", "")]).run_calm();
    assert_eq!(violation(&run).0, "rollout ends", "one word is one step");
}

#[test]
fn a_person_aborts_a_canary_that_pauses() {
    let abort = "operator: [(at: \"40s\", says: Abort)],";
    let back = ("outcome: RolledOut", "outcome: RolledBack");
    let scenario = mutant("canary_promoted", &[(WORDS, abort), back]);
    holds(&scenario, 0..5);
    let said = said(&scenario.run_calm());
    assert!(said.contains(&told(OperatorWord::Abort, true)));
    assert!(said.contains(&DeploymentFact::TurnedBack { reason: TurnBack::Aborted }));
    assert!(!said.contains(&DeploymentFact::Weighted { percent: 50 }));
}

#[test]
fn a_word_that_means_nothing_is_heard_and_nothing_follows() {
    let early = "operator: [
        (at: \"6s\", says: Promote),
        (at: \"40s\", says: PromoteFull),
        (at: \"120s\", says: Abort),
    ],";
    let run = mutant("canary_promoted", &[(WORDS, early)]).run_calm();
    assert_eq!(violation(&run), ("", ""));
    let said = said(&run);
    let words: Vec<_> =
        said.iter().filter(|fact| matches!(fact, DeploymentFact::Told { .. })).copied().collect();
    assert_eq!(
        words,
        [
            told(OperatorWord::Promote, false),
            told(OperatorWord::PromoteFull, true),
            told(OperatorWord::Abort, false),
        ]
    );
    assert!(said.contains(&DeploymentFact::Ended { version: Version::Candidate }));
}

#[test]
fn a_person_switches_when_the_testers_have_seen_enough() {
    let strategy = |words: &str| format!("BlueGreen(preview: \"never\"), operator: [{words}]");
    let from = "BlueGreen(preview: \"10s\")";
    let promote = strategy("(at: \"60s\", says: Promote)");
    holds(&mutant("blue_green", &[(from, &promote)]), 0..5);
    let abort = strategy("(at: \"60s\", says: Promote), (at: \"70s\", says: Abort)");
    let back = ("RolledOut", "RolledBack");
    let scenario = mutant("blue_green", &[(from, &abort), back]);
    holds(&scenario, 0..5);
    let facts = said(&scenario.run_calm());
    assert!(facts.contains(&told(OperatorWord::Abort, true)), "the old fleet is there still");
}

#[test]
fn a_word_comes_when_the_control_plane_is_up_again() {
    let crash = (
        "Crash(odds: \"1/500\", at: [\"rollout\"], restart: \"2s\")",
        "Crash(odds: \"1/20\", at: [\"rollout\"], restart: \"20s\")",
    );
    let scenario = mutant("canary_promoted", &[crash, ("horizon: \"5m\"", "horizon: \"1h\"")]);
    let mut crashes = 0;
    for seed in 0..5 {
        let run = scenario.run_seed(seed);
        assert_eq!(violation(&run), ("", ""), "seed {seed}");
        crashes += run.applied.iter().filter(|fault| fault.what == "crash").count();
    }
    assert!(crashes > 10, "{crashes}");
}
