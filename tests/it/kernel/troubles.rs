//! Partitions, slow hosts, and messages that outlive their receiver.

use brownout::layout::{Fault, Ways};
use brownout_models::Factor;

use super::*;

fn nodes(numbers: &[u32]) -> NodeSet {
    NodeSet::Some(numbers.iter().copied().map(NodeId).collect())
}

/// `a` asks `b` and `c` every 10 ms, three times; `b` and `c` answer.
fn three_rounds() -> Vec<Actor> {
    let ask = vec![Do::Call(1, PING, None), Do::Call(2, PING, None)];
    let mut script = vec![(On::Start, vec![Do::Set(1, ms(10)), Do::Set(2, ms(20))])];
    for on in [On::Start, On::Wake(1), On::Wake(2)] {
        script.push((on, ask.clone()));
    }
    let answers = || actor([(On::Got(PING), vec![Do::Reply])]);
    vec![actor(script), answers(), answers()]
}

fn cut(links: LinkSet, ways: Ways) -> Vec<FaultRule> {
    vec![rule(Fault::Partition(links, Distribution::Constant(ms(15)), ways))]
}

fn links(from: NodeSet, to: NodeSet) -> LinkSet {
    LinkSet { from, to, only: Vec::new() }
}

#[test]
fn a_partition_cuts_every_link_of_its_rule_while_it_lasts() {
    let rules = cut(links(nodes(&[0]), nodes(&[1, 2])), Ways::Both);
    let plan = plan([deviation("a>c ping", "partition", "a go/0", 1, "15ms")]);
    let mut world = world(with_latency(layout(3, rules), ms(2)), three_rounds(), &plan);
    let expected = [
        "0s a cut off from c until 15ms",
        "0s a lost ping to c",
        // What left before is under way, and the answer to it does not get back.
        "2ms b got ping from a",
        "2ms b lost ping reply to a",
        "10ms a wake 1",
        "10ms a lost ping to b",
        "10ms a lost ping to c",
        "20ms a wake 2",
        "22ms b got ping from a",
        "22ms c got ping from a",
        "24ms a answer from b",
        "24ms a answer from c",
    ];
    assert_eq!(story(&mut world), expected);
    assert_eq!(fates(&world), ["applied"]);
}

#[test]
fn a_one_way_partition_lets_through_what_goes_the_other_way() {
    let rules = cut(links(nodes(&[1]), NodeSet::All), Ways::One);
    let plan = plan([deviation("b>a ping reply", "partition", "a go/0", 1, "9ms")]);
    let mut world = world(with_latency(layout(2, rules), ms(1)), two(), &plan);
    let expected = [
        "1ms b got ping from a",
        "1ms b cut off from a until 10ms",
        "1ms b lost ping reply to a",
        "6ms a wake 1",
        "7ms b got ping from a",
        "7ms b lost ping reply to a",
        "12ms a wake 2",
        "13ms b got ping from a",
        "14ms a answer from b",
    ];
    assert_eq!(story(&mut world), expected);
}

/// `a` asks `b` every 6 ms, three times.
fn two() -> Vec<Actor> {
    let mut script = vec![(On::Start, vec![Do::Set(1, ms(6)), Do::Set(2, ms(12))])];
    for on in [On::Start, On::Wake(1), On::Wake(2)] {
        script.push((on, vec![Do::Call(1, PING, None)]));
    }
    vec![actor(script), actor([(On::Got(PING), vec![Do::Reply])])]
}

#[test]
fn a_planned_partition_that_no_rule_speaks_of_cuts_its_two_nodes_both_ways() {
    let plan = plan([deviation("a>c ping", "partition", "a go/0", 1, "15ms")]);
    let layout = with_latency(layout(3, Vec::new()), ms(2));
    let story = story(&mut world(layout, three_rounds(), &plan));
    assert!(story.contains(&"10ms a lost ping to c".to_owned()), "{story:?}");
    assert!(story.contains(&"4ms a answer from b".to_owned()), "{story:?}");
}

#[test]
fn a_partition_is_a_point_of_every_message_that_is_not_cut_off() {
    let rules = cut(links(nodes(&[0]), nodes(&[1])), Ways::Both);
    let points = points(layout(3, rules), three_rounds());
    let places: Vec<_> = points.iter().map(|point| point.address.to_string()).collect();
    assert_eq!(points.iter().map(|point| &point.menu[..]).collect::<Vec<_>>(), [["15ms"]; 3]);
    assert!(places.iter().all(|place| place.starts_with("a>b ping  partition")), "{places:?}");
}

#[test]
fn work_that_begins_on_a_slow_host_takes_longer_and_timers_do_not() {
    let a = actor([
        (On::Start, vec![Do::Send(1, PING), Do::Set(1, ms(30)), Do::Set(2, ms(4))]),
        (On::Wake(1), vec![Do::Send(1, PONG)]),
        (On::Wake(2), vec![Do::Send(1, PONG)]),
    ]);
    let b = actor([
        (On::Got(PING), vec![Do::Work(1, ms(3))]),
        (On::Got(PONG), vec![Do::Work(2, ms(3)), Do::Set(3, ms(3))]),
    ]);
    let by = Factor::from_thousandths(2_500);
    let slow = rule(Fault::Slow(everywhere(), Distribution::Constant(ms(20)), by));
    let plan = plan([deviation("b", "slow", "a go/0", 1, "20ms")]);
    let mut world = world(layout(2, vec![slow]), vec![a, b], &plan);
    let expected = [
        "0s b got ping from a",
        "0s b slow until 20ms",
        "3ms b wake 1",
        "4ms a wake 2",
        "4ms b got pong from a",
        "7ms b wake 3",
        "11.5ms b wake 2",
        "30ms a wake 1",
        "30ms b got pong from a",
        "33ms b wake 2",
        "33ms b wake 3",
    ];
    assert_eq!(story(&mut world), expected);
}

/// `a` asks `b`, crashes, and asks for something else; the first answer is late.
fn late_answer() -> Vec<Actor> {
    let a = actor([
        (On::Start, vec![Do::Set(9, ms(1))]),
        (On::Wake(9), vec![Do::Call(1, PING, None)]),
        (On::Restart, vec![Do::Call(1, PONG, None)]),
        (On::Replied, vec![Do::Note("thanks")]),
    ]);
    vec![a, actor([(On::Got(PING), vec![Do::Reply]), (On::Got(PONG), vec![])])]
}

fn late_answer_under<const N: usize>(faults: [Fault; N], plan: &Plan) -> Vec<String> {
    let layout = with_latency(layout(2, faults.map(rule).to_vec()), ms(5));
    story(&mut world(layout, late_answer(), plan))
}

#[test]
fn a_late_answer_settles_a_call_of_the_next_life_where_nothing_tells_lives_apart() {
    let crash = deviation("a", "crash", "a go/0", 1, "after effect 1");
    let crashes = Fault::Crash(everywhere(), ms(3));
    let expected = [
        "1ms a wake 9",
        "1ms a crash after 1",
        "4ms a start life 2",
        "6ms b got ping from a",
        "9ms b got pong from a",
        "11ms a dropped ping reply",
    ];
    assert_eq!(late_answer_under([crashes.clone()], &plan([crash.clone()])), expected);
    let inherits = deviation("a", "successor", "a go/0", 1, "yes");
    let mixed_up = [crashes, Fault::Successor(everywhere())];
    let story = late_answer_under(mixed_up, &plan([crash, inherits]));
    assert_eq!(story[..5], expected[..5]);
    let settled = ["11ms a inherited ping reply", "11ms a answer from b", "11ms a says thanks"];
    assert_eq!(story[5..], settled);
}
