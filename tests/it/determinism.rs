//! The same scenario and the same plan give the same trace: in another process, from a copy made on
//! the way, and whoever watches.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;

use brownout::kernel::Digest;
use brownout::{Keep, Plan, Scenario};

use crate::fixtures;

/// Every fixture under calm and under a few seeds.
fn every_plan(seeds: u64) -> impl Iterator<Item = (String, Scenario, Plan)> {
    let everything = fixtures::scenario(include_str!("everything.ron"));
    let scenarios = fixtures::all().into_iter().chain([("everything".to_owned(), everything)]);
    scenarios.flat_map(move |(name, scenario)| {
        let plans = (0..seeds).map(Plan::seed).chain([Plan::calm()]);
        plans.map(move |plan| (name.clone(), scenario.clone(), plan))
    })
}

fn digests() -> String {
    every_plan(10).fold(String::new(), |mut text, (name, scenario, plan)| {
        let run = scenario.run_keeping(&plan, Keep::VERDICT);
        writeln!(text, "digest of {name}, {plan}: {}", run.digest).unwrap();
        text
    })
}

/// What the test below starts in a process of its own.
#[test]
fn tells_its_digests() {
    println!("{}", digests());
}

#[test]
fn another_process_has_the_same_digests() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "determinism::tells_its_digests", "--nocapture"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    // The harness may begin the line.
    let told = told.lines().filter_map(|line| line.find("digest of ").map(|at| &line[at..]));
    assert_eq!(told.collect::<Vec<_>>(), digests().lines().collect::<Vec<_>>());
}

#[test]
fn a_copy_made_on_the_way_comes_to_the_same_end() {
    for ((name, scenario, plan), number) in every_plan(20).zip(1..) {
        let whole = scenario.run_keeping(&plan, Keep::VERDICT);
        let (mut world, mut judge) = (scenario.world(&Arc::new(plan)), scenario.judge());
        let step = whole.steps * (number * 37 % 101) / 101;
        assert_eq!(world.run_to_step(step, &mut judge), None);
        let (mut copy, mut copied_judge) = (world.clone(), judge.clone());
        // The original goes on first, so that anything shared would show.
        for (world, judge) in [(&mut world, &mut judge), (&mut copy, &mut copied_judge)] {
            let end = world.run(judge);
            judge.end(end, world.now());
            assert_eq!(end, whole.end, "{name}");
            assert_eq!(world.digest(), whole.digest, "{name}");
            assert_eq!(judge.violation(), whole.violation.as_ref(), "{name}");
            assert_eq!(world.applied(), whole.applied, "{name}");
        }
    }
}

#[test]
fn whoever_watches_changes_nothing() {
    for (name, scenario, plan) in every_plan(5) {
        let verdict = scenario.run_keeping(&plan, Keep::VERDICT);
        let all = scenario.run_keeping(&plan, Keep::ALL);
        assert_eq!(all.digest, verdict.digest, "{name}, {plan}");
        assert_eq!(all.steps, verdict.steps, "{name}, {plan}");
    }
}

#[test]
fn entries_make_the_digest_and_the_last_of_them_are_kept() {
    for (name, scenario, plan) in every_plan(2) {
        let all = scenario.run_keeping(&plan, Keep::ALL);
        let mut digest = Digest::new();
        all.entries().for_each(|entry| entry.pack_into(&mut digest));
        assert_eq!(digest, all.digest, "{name}, {plan}");
        let recent = scenario.run_keeping(&plan, Keep::VERDICT);
        let (recent, all): (Vec<_>, Vec<_>) = (recent.entries().collect(), all.entries().collect());
        assert_eq!(recent.len(), all.len().min(32), "{name}, {plan}");
        assert!(all.ends_with(&recent), "{name}, {plan}");
    }
}

#[test]
fn recording_from_the_middle_changes_nothing_and_keeps_what_comes() {
    for (name, scenario) in fixtures::all() {
        let whole = scenario.run_seed(1);
        let mut world = scenario.world(&Arc::new(Plan::seed(1)));
        world.run_to_step(whole.steps / 2, &mut ());
        world.record();
        let from = world.trace().next();
        world.run(&mut ());
        assert_eq!(world.digest(), whole.digest, "{name}");
        let kept: Vec<_> = world.trace().entries().collect();
        assert!(kept.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "{name}: in order");
        assert!(kept[0].seq <= from, "{name}: and the recent ones");
    }
}

#[test]
fn writing_points_down_changes_nothing() {
    for (name, scenario, plan) in every_plan(2) {
        let quiet = scenario.run_keeping(&plan, Keep::VERDICT);
        let keep = Keep { points: true, ..Keep::VERDICT };
        let loud = scenario.run_keeping(&plan, keep);
        assert_eq!(loud.digest, quiet.digest, "{name}, {plan}");
        assert_eq!(loud.applied, quiet.applied, "{name}, {plan}");
    }
}

/// Of most messages a seed is asked everything at once, unless somebody writes points down.
#[test]
fn what_is_asked_at_once_is_answered_as_what_is_asked_one_by_one() {
    let lossy = |faults: &str| {
        let text = format!(
            r#"(version: 1, title: "",
                nodes: {{
                    "shop": Service(instances: 2, handlers: {{ "buy": [Work("1ms p99 9ms")] }}),
                    "registry": Registry(),
                    "sidecar": Sidecar(max_attempts: 4, attempt_timeout: "20ms"),
                    "client": Clients(
                        arrivals: Every(period: "5ms", count: 200),
                        script: [Call(to: "shop", via: "sidecar", method: "buy", timeout: "90ms")],
                    ),
                }},
                network: (latency: "500us p99 2ms"),
                heal_at: "800ms",
                faults: [{faults}],
            )"#
        );
        fixtures::scenario(&text)
    };
    for (faults, strike) in [
        (r#"Lose(odds: "20%")"#, true),
        (r#"Lose(odds: "100%", only: ["buy"])"#, true),
        ("", false),
    ] {
        let scenario = lossy(faults);
        for seed in 1..=10 {
            let at_once = scenario.run_keeping(&Plan::seed(seed), Keep::VERDICT);
            let keep = Keep { points: true, ..Keep::VERDICT };
            let one_by_one = scenario.run_keeping(&Plan::seed(seed), keep);
            assert_eq!(at_once.digest, one_by_one.digest, "seed {seed}, {faults}");
            assert_eq!(at_once.applied, one_by_one.applied, "seed {seed}, {faults}");
            assert_eq!(!at_once.applied.is_empty(), strike, "seed {seed}, {faults}");
        }
    }
}

/// What changed in a run changes here, whatever other tests look at. A change is explained in the
/// commit that makes it.
#[test]
fn digests_are_pinned() {
    let mut text = String::new();
    // Beside the fixtures of one folder those whose facts are of a kind of their own.
    let others = ["deployments/canary_promoted", "dead_letters/redriven_hardened"];
    let others = others.map(|name| (name.to_owned(), crate::fixture(&format!("{name}.ron"))));
    for (name, scenario) in fixtures::all().into_iter().chain(others) {
        writeln!(text, "{name}").unwrap();
        let plans = [("calm".to_owned(), Plan::calm())]
            .into_iter()
            .chain((1..=5).map(|seed| (format!("seed {seed}"), Plan::seed(seed))));
        for (word, plan) in plans {
            let run = scenario.run_keeping(&plan, Keep::VERDICT);
            let verdict =
                run.violation.map_or("held".to_owned(), |it| format!("violates {}", it.property));
            writeln!(text, "  {word:<7} {} {:>8} steps  {verdict}", run.digest, run.steps).unwrap();
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("digests", text));
}
