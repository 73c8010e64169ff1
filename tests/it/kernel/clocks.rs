//! Clocks that are wrong: machines see no other time, and the world goes on as ever.

use super::*;
use brownout::layout::{Fault, Jump};

/// `b` hears `ping`, sets a timer of 10 ms, and says what its clock reads then and when it wakes.
fn listener() -> Vec<Actor> {
    let a = actor([(On::Start, vec![Do::Send(1, PING)])]);
    let b = actor([
        (On::Got(PING), vec![Do::Clock, Do::Set(1, ms(10))]),
        (On::Wake(1), vec![Do::Clock, Do::Set(2, ms(10))]),
        (On::Wake(2), vec![Do::Clock]),
    ]);
    vec![a, b]
}

fn with_skew(ways: Jump, answers: &[&str]) -> Vec<String> {
    let skew = rule(Fault::Skew(everywhere(), Distribution::Constant(Span::from_secs(1)), ways));
    let faults =
        (1..).zip(answers).map(|(count, answer)| deviation("b", "skew", "a go/0", count, answer));
    let plan = Plan::calm().with_deviations(faults.collect());
    let layout = with_latency(layout(2, vec![skew]), ms(5));
    story(&mut world(layout, listener(), &plan))
}

#[test]
fn a_clock_that_is_set_reads_another_time_and_timers_wake_as_ever() {
    let ahead = [
        "5ms b got ping from a",
        "5ms b says it is 5ms",
        "5ms b clock set by 1s, back: false",
        "15ms b wake 1",
        "15ms b says it is 1.015s",
        "25ms b wake 2",
        "25ms b says it is 1.025s",
    ];
    assert_eq!(with_skew(Jump::Ahead, &["+1s"]), ahead);
    let back = [
        "5ms b got ping from a",
        "5ms b says it is 5ms",
        "5ms b clock set by 1s, back: false",
        "15ms b wake 1",
        "15ms b says it is 1.015s",
        "15ms b clock set by 1.015s, back: true",
        "25ms b wake 2",
        "25ms b says it is 10ms",
    ];
    assert_eq!(with_skew(Jump::Either, &["+1s", "-2s"]), back, "no clock goes below zero");
}

#[test]
fn what_a_clock_may_do_is_on_the_menu() {
    for (ways, menu) in [
        (Jump::Ahead, &["+1s"][..]),
        (Jump::Back, &["-1s"][..]),
        (Jump::Either, &["+1s", "-1s"][..]),
    ] {
        let skew = Fault::Skew(everywhere(), Distribution::Constant(Span::from_secs(1)), ways);
        let points = points(layout(2, vec![rule(skew)]), listener());
        assert_eq!(points.len(), 3, "three steps: {points:?}");
        assert!(points.iter().all(|point| point.menu == menu), "{points:?}");
    }
}

#[test]
fn a_clock_that_drifts_wakes_early_or_late_for_as_long_as_it_does() {
    let story_at = |ppm: i32| {
        let drift = rule(Fault::Drift(everywhere(), Distribution::Constant(ms(15)), ppm));
        let plan = plan([deviation("b", "drift", "a go/0", 1, "15ms")]);
        story(&mut world(layout(2, vec![drift]), listener(), &plan))
    };
    // Its first timer is set already. From 10 ms on 10 ms of the clock take 6.67 ms of the world, the
    // last 1.67 ms of which come when it keeps the true pace again.
    let fast = [
        "0s b got ping from a",
        "0s b says it is 0s",
        "0s b drift until 15ms",
        "10ms b wake 1",
        "10ms b says it is 15ms",
        "17.5ms b wake 2",
        "17.5ms b says it is 25ms",
    ];
    assert_eq!(story_at(500_000), fast);
    let slow = [
        "0s b got ping from a",
        "0s b says it is 0s",
        "0s b drift until 15ms",
        "10ms b wake 1",
        "10ms b says it is 5ms",
        "22.5ms b wake 2",
        "22.5ms b says it is 15ms",
    ];
    assert_eq!(story_at(-500_000), slow);
}

/// `a` gives `b` 100 ms, and `b`, whose clock is ahead, asks `c` in the same name.
#[test]
fn deadlines_travel_as_the_time_that_is_left() {
    let a = actor([
        (On::Start, vec![Do::Send(1, PONG), Do::Set(1, ms(10))]),
        (On::Wake(1), vec![Do::Call(1, PING, Some(ms(100)))]),
    ]);
    let b = actor([
        (On::Got(PONG), vec![]),
        (On::Got(PING), vec![Do::Clock, Do::Deadline, Do::Call(2, PING, Some(ms(500)))]),
        (On::Expired, vec![Do::Clock]),
    ]);
    let c = actor([(On::Got(PING), vec![Do::Deadline])]);
    let skew = Fault::Skew(everywhere(), Distribution::Constant(Span::from_secs(60)), Jump::Ahead);
    let plan = plan([deviation("b", "skew", "a go/0", 1, "+1m")]);
    let layout = with_latency(layout(3, vec![rule(skew)]), ms(5));
    let expected = [
        "5ms b got pong from a",
        "5ms b clock set by 60s, back: false",
        "10ms a wake 1",
        "15ms b got ping from a",
        "15ms b says it is 60.015s",
        "15ms b says until 60.11s",
        "20ms c got ping from b",
        "20ms c says until 110ms",
        "110ms a expire b",
        "515ms b expire c",
        "515ms b says it is 60.515s",
    ];
    assert_eq!(story(&mut world(layout, vec![a, b, c], &plan)), expected);
}
