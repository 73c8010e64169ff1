//! One instant, and how a run ends.

use brownout::kernel::Bounds;
use brownout::layout::Fault;
use brownout_models::Time;

use super::*;

#[test]
fn nodes_go_in_the_order_in_which_their_first_event_was_scheduled() {
    // The message for c is sent before the one for b, and b's timer is set last.
    let a = actor([
        (On::Start, vec![Do::Set(0, ms(3))]),
        (On::Wake(0), vec![Do::Send(2, PING), Do::Send(1, PING)]),
    ]);
    let b = actor([(On::Start, vec![Do::Set(1, ms(1))]), (On::Wake(1), vec![Do::Set(2, ms(7))])]);
    let layout = with_latency(layout(3, Vec::new()), ms(5));
    let story = story(&mut world(layout.clone(), vec![a, b.clone(), actor([])], &Plan::calm()));
    // b's timer was set at 1 ms, so b goes before c, and its timer before the message.
    let expected = [
        "1ms b wake 1",
        "3ms a wake 0",
        "8ms b wake 2",
        "8ms b got ping from a",
        "8ms c got ping from a",
    ];
    assert_eq!(story, expected);
}

#[test]
fn messages_of_one_instant_go_to_nodes_in_the_order_sent() {
    let a = actor([(On::Start, vec![Do::Send(2, PING), Do::Send(1, PING), Do::Send(2, PONG)])]);
    let layout = with_latency(layout(3, Vec::new()), ms(5));
    let story = story(&mut world(layout, vec![a, actor([]), actor([])], &Plan::calm()));
    assert_eq!(story, ["5ms c got ping from a", "5ms c got pong from a", "5ms b got ping from a"]);
}

#[test]
fn own_timers_go_first_in_the_order_set_then_deliveries_in_the_order_sent() {
    let a = actor([(On::Start, vec![Do::Send(1, PING), Do::Send(1, PONG)])]);
    let b = actor([(On::Start, vec![Do::Set(9, ms(5)), Do::Set(3, ms(5))])]);
    let layout = with_latency(layout(2, Vec::new()), ms(5));
    let story = story(&mut world(layout, vec![a, b], &Plan::calm()));
    let expected =
        ["5ms b wake 9", "5ms b wake 3", "5ms b got ping from a", "5ms b got pong from a"];
    assert_eq!(story, expected);
}

#[test]
fn what_a_step_schedules_for_the_same_instant_waits_for_the_next_round() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Set(2, ms(5))]),
        (On::Wake(1), vec![Do::Set(3, Span::ZERO), Do::Send(1, PING)]),
    ]);
    let b = actor([(On::Start, vec![Do::Set(4, ms(5))])]);
    let story = story(&mut world(layout(2, Vec::new()), vec![a, b], &Plan::calm()));
    let expected =
        ["5ms a wake 1", "5ms a wake 2", "5ms b wake 4", "5ms a wake 3", "5ms b got ping from a"];
    assert_eq!(story, expected);
}

#[test]
fn a_timer_cancelled_at_the_instant_it_is_due_never_wakes() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Set(2, ms(5)), Do::Set(3, ms(5))]),
        (On::Wake(1), vec![Do::Cancel(2), Do::Cancel(8)]),
    ]);
    let story = story(&mut world(layout(1, Vec::new()), vec![a], &Plan::calm()));
    assert_eq!(story, ["5ms a wake 1", "5ms a wake 3"]);
}

#[test]
fn a_timer_replaced_at_the_instant_it_is_due_wakes_only_at_its_new_time() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Set(2, ms(5))]),
        (On::Wake(1), vec![Do::Set(2, ms(4))]),
    ]);
    let story = story(&mut world(layout(1, Vec::new()), vec![a], &Plan::calm()));
    assert_eq!(story, ["5ms a wake 1", "9ms a wake 2"]);
}

#[test]
fn setting_a_set_timer_replaces_it() {
    let a = actor([(On::Start, vec![Do::Set(1, ms(5)), Do::Set(1, ms(2)), Do::Set(1, ms(3))])]);
    let story = story(&mut world(layout(1, Vec::new()), vec![a], &Plan::calm()));
    assert_eq!(story, ["3ms a wake 1"]);
}

#[test]
fn too_many_rounds_at_one_instant_end_the_run_as_stuck() {
    let start = (On::Start, vec![Do::Set(1, ms(7))]);
    let a = actor([start, (On::Wake(1), vec![Do::Set(1, Span::ZERO)])]);
    let bounds = Bounds { rounds: 10, ..Bounds::default() };
    let mut world = world_within(layout(1, Vec::new()), vec![a], &Plan::calm(), bounds);
    assert_eq!(world.run(&mut ()), End::Stuck);
    assert_eq!(world.now(), Time::ZERO + ms(7));
    assert_eq!(lines(&world).len(), 11);
}

#[test]
fn nothing_happens_after_the_horizon() {
    let start = (On::Start, vec![Do::Set(1, ms(4))]);
    let a = actor([start, (On::Wake(1), vec![Do::Set(1, ms(4))])]);
    let bounds = Bounds { horizon: Time::ZERO + ms(8), ..Bounds::default() };
    let mut world = world_within(layout(1, Vec::new()), vec![a], &Plan::calm(), bounds);
    assert_eq!(world.run(&mut ()), End::Horizon);
    assert_eq!(world.now(), Time::ZERO + ms(8));
    assert_eq!(lines(&world), ["4ms a wake 1", "8ms a wake 1"]);
}

#[test]
fn a_run_takes_no_more_steps_than_its_bound() {
    let start = (On::Start, vec![Do::Set(1, ms(4))]);
    let a = actor([start, (On::Wake(1), vec![Do::Set(1, ms(4))])]);
    let bounds = Bounds { steps: 3, ..Bounds::default() };
    let mut world = world_within(layout(1, Vec::new()), vec![a], &Plan::calm(), bounds);
    assert_eq!(world.run(&mut ()), End::Steps);
    assert_eq!(world.steps(), 3);
}

#[test]
fn a_run_is_over_when_only_the_background_goes_on() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Flow(1, Ground::Background), Do::Set(2, ms(2))]),
        (On::Wake(2), vec![Do::Set(2, ms(2))]),
    ]);
    let mut world = world(layout(1, Vec::new()), vec![a], &Plan::calm());
    assert_eq!(story(&mut world), ["2ms a wake 2", "4ms a wake 2", "5ms a wake 1"]);
    assert_eq!(world.pending(), 1);
}

#[test]
fn what_was_cancelled_at_its_instant_does_not_keep_the_run_going() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Set(2, ms(5)), Do::Flow(1, Ground::Background)]),
        (On::Wake(1), vec![Do::Cancel(2), Do::Flow(2, Ground::Background), Do::Set(3, ms(1))]),
        (On::Wake(3), vec![Do::Set(3, ms(1))]),
    ]);
    let mut world = world(layout(1, Vec::new()), vec![a], &Plan::calm());
    assert_eq!(story(&mut world), ["5ms a wake 1"]);
}

#[test]
fn background_that_is_due_with_what_was_cancelled_does_not_keep_the_run_going() {
    let a = actor([
        (
            On::Start,
            vec![
                Do::Set(1, ms(5)),
                Do::Set(2, ms(5)),
                Do::Flow(1, Ground::Background),
                Do::Set(3, ms(5)),
            ],
        ),
        (On::Wake(1), vec![Do::Cancel(2)]),
    ]);
    let mut world = world(layout(1, Vec::new()), vec![a], &Plan::calm());
    assert_eq!(story(&mut world), ["5ms a wake 1"]);
    assert_eq!(world.pending(), 1);
}

/// b has a timer, and messages from a and c, all at 5 ms.
fn crowded() -> Vec<Actor> {
    let sender = actor([(On::Start, vec![Do::Send(1, PING)])]);
    let b = actor([(On::Start, vec![Do::Set(7, ms(5))])]);
    vec![sender.clone(), b, sender]
}

#[test]
fn a_tie_is_asked_where_one_node_has_several_events_and_its_alternatives_are_they() {
    let layout = with_latency(layout(3, vec![rule(Fault::Tie(everywhere()))]), ms(5));
    let points = points(layout, crowded());
    let asked: Vec<_> =
        points.iter().map(|point| (point.address.to_string(), &point.menu)).collect();
    let [first, second] = asked.as_slice() else { panic!("two ties, not {asked:?}") };
    assert_eq!(first.0, "b  tie  b go/0 #1  ");
    assert_eq!(*first.1, ["ping from a for a go/0", "ping from c for c go/0"]);
    assert_eq!(second.0, "b  tie  a go/0 #1  ");
    assert_eq!(*second.1, ["ping from c for c go/0"]);
}

#[test]
fn a_tie_takes_the_event_that_the_plan_names() {
    let layout = with_latency(layout(3, Vec::new()), ms(5));
    let plan = plan([deviation("b", "tie", "b go/0", 1, "ping from c for c go/0")]);
    let mut world = world(layout, crowded(), &plan);
    let expected =
        ["5ms b overtook 2", "5ms b got ping from c", "5ms b wake 7", "5ms b got ping from a"];
    assert_eq!(story(&mut world), expected);
    assert_eq!(fates(&world), ["applied"]);
}

#[test]
fn no_tie_strikes_at_the_instant_at_which_faults_cease() {
    let overtaken = |heal_at: Time| {
        let mut layout = with_latency(layout(3, vec![rule(Fault::Tie(everywhere()))]), ms(5));
        layout.faults[0].odds = Ratio::new(1, 1).unwrap();
        layout.heal_at = Some(heal_at);
        story(&mut world(layout, crowded(), &Plan::seed(1))).concat().contains("overtook")
    };
    assert!(!overtaken(Time::ZERO + ms(5)));
    assert!(overtaken(Time::ZERO + ms(6)), "before, every tie has another outcome");
}

#[test]
fn steps_of_different_nodes_at_one_instant_are_no_choice() {
    let a = actor([(On::Start, vec![Do::Send(1, PING), Do::Send(2, PING)])]);
    let layout = with_latency(layout(3, vec![rule(Fault::Tie(everywhere()))]), ms(5));
    assert_eq!(points(layout, vec![a, actor([]), actor([])]), []);
}

#[test]
fn a_cancelled_timer_is_no_rival() {
    let a = actor([
        (On::Start, vec![Do::Set(1, ms(5)), Do::Set(2, ms(5)), Do::Set(3, ms(5))]),
        (On::Wake(1), vec![Do::Cancel(2)]),
    ]);
    let points = points(layout(1, vec![rule(Fault::Tie(everywhere()))]), vec![a]);
    let menus: Vec<_> = points.into_iter().map(|point| point.menu).collect();
    assert_eq!(menus, [["2 for a go/0", "3 for a go/0"]]);
}

#[test]
fn rivals_of_one_name_are_told_apart_and_of_similar_names_are_not_confused() {
    let twice = actor([(On::Start, vec![Do::Send(1, PING), Do::Send(1, PING)])]);
    let layout = with_latency(layout(2, vec![rule(Fault::Tie(everywhere()))]), ms(5));
    let menu = points(layout, vec![twice, actor([])])[0].menu.clone();
    assert_eq!(menu, ["ping from a for a go/0, 1 earlier"]);

    // Flow `more/16` begins like `more/1`; indices count in slots of 2^20.
    let set =
        |index: u64, timer| [Do::Flow(index << 20, Ground::Foreground), Do::Set(timer, ms(1))];
    let a = actor([(On::Start, [set(16, 1), set(1, 1 << 32), set(2, 2)].concat())]);
    let b = actor([(On::Start, vec![Do::Flow(16 << 20, Ground::Foreground), Do::Send(0, PING)])]);
    let c = actor([(
        On::Start,
        vec![
            Do::Flow(16 << 20, Ground::Foreground),
            Do::Send(1, PING),
            Do::Flow(1 << 20, Ground::Foreground),
            Do::Send(1, PING),
        ],
    )]);
    let layout = with_latency(super::layout(3, vec![rule(Fault::Tie(everywhere()))]), ms(5));
    let points = points(layout, vec![a, b, c]);
    let at_b = points.iter().find(|point| point.address.site == "b").unwrap();
    assert_eq!(at_b.menu, ["ping from c for c more/1"]);
}
