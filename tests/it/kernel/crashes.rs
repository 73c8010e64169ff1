//! Crashes and pauses.

use brownout::layout::Fault;

use super::*;

const RESTART: Span = Span::from_millis(100);

fn crashes() -> Vec<FaultRule> {
    vec![rule(Fault::Crash(everywhere(), RESTART))]
}

fn crash_of_b(answer: &str) -> Plan {
    plan([deviation("b", "crash", "a go/0", 1, answer)])
}

/// a calls b, which writes, asks c, writes again and answers.
fn dual_write() -> Vec<Actor> {
    let a = actor([(On::Start, vec![Do::Call(1, PING, None)])]);
    let todo = vec![
        Do::Note("begin"),
        Do::Write(1),
        Do::Set(5, ms(1)),
        Do::Send(2, PONG),
        Do::Write(2),
        Do::Reply,
    ];
    let b = actor([(On::Got(PING), todo), (On::Restart, vec![Do::Read(1), Do::Read(2)])]);
    vec![a, b, actor([])]
}

fn dual_write_under(answer: &str) -> Vec<String> {
    story(&mut world(layout(3, crashes()), dual_write(), &crash_of_b(answer)))
}

#[test]
fn a_crash_before_the_step_leaves_the_step_out() {
    let expected = [
        "0s b crash",
        &format!("0s a {RESET} from b"),
        "100ms b start life 2",
        "100ms b says row 1 is None",
        "100ms b says row 2 is None",
    ];
    // The message is consumed: it reached the node, which died of it.
    assert_eq!(dual_write_under("before the step"), expected);
}

#[test]
fn a_crash_after_an_effect_keeps_what_came_before_and_nothing_after() {
    let reset = format!("0s a {RESET} from b");
    for (answer, kept, rows) in [
        ("after no effect", vec!["0s b says begin", "0s b crash after 0"], [None, None]),
        (
            "after effect 1",
            vec!["0s b says begin", "0s b row 1 = 1", "0s b crash after 1"],
            [Some(1), None],
        ),
        (
            "after effect 2",
            vec!["0s b says begin", "0s b row 1 = 1", "0s b crash after 2", "0s c got pong from b"],
            [Some(1), None],
        ),
        (
            "after effect 3",
            vec![
                "0s b says begin",
                "0s b row 1 = 1",
                "0s b row 2 = 1",
                "0s b crash after 3",
                "0s c got pong from b",
            ],
            [Some(1), Some(1)],
        ),
    ] {
        let mut expected = vec!["0s b got ping from a".to_owned()];
        expected.extend(kept.into_iter().map(str::to_owned));
        expected.push(reset.clone());
        expected.push("100ms b start life 2".to_owned());
        for (row, value) in (1..).zip(rows) {
            expected.push(format!("100ms b says row {row} is {value:?}"));
        }
        let mut story = dual_write_under(answer);
        // The timer of the dead life is gone.
        assert!(!story.iter().any(|line| line.contains("wake")), "{answer}");
        story.sort();
        expected.sort();
        assert_eq!(story, expected, "{answer}");
    }
}

#[test]
fn a_crash_after_the_last_effect_has_answered() {
    let story = dual_write_under("after effect 4");
    assert!(story.contains(&"0s a answer from b".to_owned()), "{story:?}");
    assert!(!story.iter().any(|line| line.contains(RESET)));
}

#[test]
fn a_crash_planned_after_more_effects_than_the_step_has_is_inapplicable() {
    let mut calm = world(layout(3, crashes()), dual_write(), &Plan::calm());
    let mut world = world(layout(3, crashes()), dual_write(), &crash_of_b("after effect 5"));
    assert_eq!(story(&mut world), story(&mut calm));
    assert_eq!(fates(&world), ["inapplicable"]);
    assert_eq!(world.applied(), []);
}

#[test]
fn an_inapplicable_crash_takes_no_other_fault_with_it() {
    let crash = deviation("b", "crash", "a go/0", 1, "after effect 9");
    let lost = deviation("b>c pong", "lose", "a go/0", 1, "yes");
    let plan = plan([crash, lost.clone()]);
    let mut world = world(layout(3, crashes()), dual_write(), &plan);
    story(&mut world);
    assert_eq!(fates(&world), ["inapplicable", "applied"]);
    assert_eq!(world.applied(), [lost]);
}

#[test]
fn a_random_crash_is_shortened_and_its_recorded_plan_replays_to_the_same_digest() {
    let mut faults = crashes();
    faults.push(rule(Fault::Lose(LinkSet::ALL)));
    let (mut crashed, mut shortened) = (0, 0);
    for seed in 0..400 {
        let mut random = world(layout(3, faults.clone()), dual_write(), &Plan::seed(seed));
        story(&mut random);
        let recorded = Plan {
            random_faults: false,
            ..Plan::seed(seed).with_deviations(random.applied().to_vec())
        };
        let mut again = world(layout(3, faults.clone()), dual_write(), &recorded);
        story(&mut again);
        assert_eq!(lines(&again), lines(&random), "seed {seed}: {recorded}");
        assert_eq!(again.digest(), random.digest(), "seed {seed}");
        assert!(fates(&again).iter().all(|fate| *fate == "applied"), "seed {seed}: {recorded}");
        for fault in random.applied().iter().filter(|fault| fault.what == "crash") {
            crashed += 1;
            shortened += usize::from(fault.answer == "after effect 4" && fault.site == "b");
        }
    }
    assert!(crashed > 20 && shortened > 2, "{crashed} crashes, {shortened} shortened");
}

#[test]
fn a_crash_cancels_timers_and_calls_of_its_life() {
    let a = actor([
        (On::Start, vec![Do::Send(1, PING), Do::Set(0, ms(2))]),
        (On::Wake(0), vec![Do::Send(1, PONG)]),
    ]);
    let b = actor([(On::Got(PING), vec![Do::Set(1, ms(5)), Do::Call(2, PING, Some(ms(5)))])]);
    let c = actor([(On::Got(PING), vec![Do::Set(0, ms(3))]), (On::Wake(0), vec![Do::Reply])]);
    let plan = plan([deviation("b", "crash", "a go/0", 2, "before the step")]);
    let mut world = world(layout(3, crashes()), vec![a, b, c], &plan);
    let expected = [
        "0s b got ping from a",
        "0s c got ping from b",
        "2ms a wake 0",
        "2ms b crash",
        "3ms c wake 0",
        "3ms b dropped ping reply",
        "102ms b start life 2",
    ];
    assert_eq!(story(&mut world), expected);
}

/// a wakes at 5 ms, 50 ms and 150 ms and calls b; b dies of the first call.
fn caller_of_a_dead_node() -> Vec<Actor> {
    let call = |timer| (On::Wake(timer), vec![Do::Call(1, PING, Some(ms(20)))]);
    let timers = vec![Do::Set(1, ms(5)), Do::Set(2, ms(50)), Do::Set(3, ms(150))];
    let a = actor([(On::Start, timers), call(1), call(2), call(3)]);
    vec![a, actor([(On::Got(PING), vec![Do::Reply])])]
}

#[test]
fn a_call_to_a_node_that_is_down_is_refused_and_a_later_life_answers() {
    let plan = crash_of_b("before the step");
    let mut world = world(layout(2, crashes()), caller_of_a_dead_node(), &plan);
    let expected = [
        "5ms a wake 1".to_owned(),
        "5ms b crash".to_owned(),
        format!("5ms a {RESET} from b"),
        "50ms a wake 2".to_owned(),
        "50ms b refused ping".to_owned(),
        format!("50ms a {RESET} from b"),
        "105ms b start life 2".to_owned(),
        "150ms a wake 3".to_owned(),
        "150ms b got ping from a".to_owned(),
        "150ms a answer from b".to_owned(),
    ];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn silence_instead_of_a_reset_connection_is_a_fault() {
    let crash = deviation("b", "crash", "a go/0", 1, "before the step");
    let silence = |count| deviation("b", "silence", "a go/0", count, "yes");
    let plan = plan([crash, silence(1), silence(2)]);
    let mut world = world(layout(2, crashes()), caller_of_a_dead_node(), &plan);
    let story = story(&mut world);
    assert!(story.contains(&"25ms a expire b".to_owned()), "{story:?}");
    assert!(story.contains(&"70ms a expire b".to_owned()), "{story:?}");
    assert_eq!(fates(&world), ["applied"; 3]);
}

#[test]
fn a_message_for_a_dead_life_does_not_reach_its_successor() {
    let a =
        actor([(On::Start, vec![Do::Send(1, PING), Do::Send(1, PONG), Do::Call(1, PONG, None)])]);
    let mut layout = layout(2, vec![rule(Fault::Crash(everywhere(), ms(1)))]);
    let only = vec![(PONG, Some(false))];
    let links = LinkSet { from: NodeSet::All, to: NodeSet::All, only };
    layout.latencies.push(LatencyRule { links, latency: Distribution::Constant(ms(9)) });
    let plan = crash_of_b("before the step");
    let mut world = world(layout, vec![a, actor([])], &plan);
    let expected = [
        "0s b crash".to_owned(),
        "1ms b start life 2".to_owned(),
        "9ms b dropped pong".to_owned(),
        "9ms b refused pong".to_owned(),
        format!("9ms a {RESET} from b"),
    ];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn nodes_on_one_host_crash_together() {
    let a = actor([(On::Start, vec![Do::Send(1, PING)])]);
    let b = actor([(On::Got(PING), vec![])]);
    let c = actor([(On::Start, vec![Do::Set(3, ms(8))])]);
    let mut layout = with_latency(layout(3, crashes()), ms(5));
    layout.nodes[2].host = layout.nodes[1].host;
    let mut world = world(layout, vec![a, b, c], &crash_of_b("after no effect"));
    let expected = [
        "5ms b got ping from a",
        "5ms b crash after 0",
        "105ms b start life 2",
        "105ms c start life 2",
    ];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn a_new_life_follows_from_the_crash() {
    let mut world = world(layout(3, crashes()), dual_write(), &crash_of_b("before the step"));
    story(&mut world);
    let entries: Vec<_> = world.trace().entries().collect();
    let crash = entries.iter().find(|entry| matches!(entry.what, What::Crashed { .. })).unwrap();
    let start = entries.iter().find(|entry| matches!(entry.what, What::Started { life: 2 }));
    assert_eq!(start.unwrap().cause, crash.seq);
}

#[test]
fn a_node_that_crashed_is_not_paused_by_the_same_step() {
    let mut faults = crashes();
    faults.push(rule(Fault::Pause(everywhere(), Distribution::Constant(ms(500)))));
    let crash = deviation("b", "crash", "a go/0", 1, "after effect 1");
    let pause = deviation("b", "pause", "a go/0", 1, "500ms");
    let mut world = world(layout(3, faults), dual_write(), &plan([crash, pause]));
    let story = story(&mut world);
    assert!(story.contains(&"100ms b start life 2".to_owned()), "{story:?}");
    assert_eq!(fates(&world), ["applied", "unreached"]);
}

#[test]
fn a_pause_postpones_everything_on_the_host_in_its_order() {
    let a = actor([
        (On::Start, vec![Do::Send(1, PING), Do::Set(1, ms(5)), Do::Set(2, ms(6))]),
        (On::Wake(1), vec![Do::Send(1, PONG), Do::Send(2, PONG)]),
    ]);
    let b = actor([(
        On::Got(PING),
        vec![Do::Set(7, ms(8)), Do::Set(8, ms(30)), Do::Call(0, PING, Some(ms(9)))],
    )]);
    let mut layout = layout(3, Vec::new());
    layout.nodes[2].host = layout.nodes[1].host;
    let plan = plan([deviation("b", "pause", "a go/0", 1, "20ms")]);
    let mut world = world(layout, vec![a, b, actor([])], &plan);
    let expected = [
        "0s b got ping from a",
        "0s b pause until 20ms",
        "0s a got ping from b",
        "5ms a wake 1",
        "6ms a wake 2",
        "20ms b wake 7",
        "20ms b expire a",
        "20ms b got pong from a",
        "20ms c got pong from a",
        "30ms b wake 8",
    ];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn a_crash_point_offers_as_many_effects_as_the_step_has() {
    let points = points(layout(3, crashes()), dual_write());
    let at_b = points.iter().find(|point| point.address.site == "b").unwrap();
    let expected =
        ["before the step", "after effect 1", "after effect 2", "after effect 3", "after effect 4"];
    assert_eq!(at_b.menu, expected);
}

#[test]
fn a_world_that_takes_up_a_plan_on_its_way_answers_as_if_it_had_followed_it_all_along() {
    let plan = crash_of_b("after effect 2");
    let mut whole = world(layout(3, crashes()), dual_write(), &plan);
    story(&mut whole);
    let calm = Arc::new(Plan::calm());
    let layout = Arc::new(layout(3, crashes()));
    let world = World::new(layout, dual_write(), &calm, Bounds::default());
    let mut forked = world.under_with_points(&calm);
    assert_eq!(forked.run_to_step(3, &mut ()), None);
    forked.deviate(&Arc::new(plan), false);
    forked.run(&mut ());
    assert_eq!(forked.digest(), whole.digest());
}

#[test]
fn faults_of_a_machine_are_asked_by_name() {
    let a = actor([(On::Start, vec![Do::Fault("leak"), Do::Fault("leak")])]);
    let plan = plan([
        deviation("a", "leak", "a go/0", 2, "yes"),
        deviation("a", "leak", "a go/0", 1, "no"),
    ]);
    let mut world = world(layout(1, Vec::new()), vec![a], &plan);
    assert_eq!(story(&mut world), ["0s a says leak"]);
    assert_eq!(fates(&world), ["applied", "inapplicable"]);
}
