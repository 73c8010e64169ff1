//! Calls: answers, expiry and deadlines.

use super::*;

fn callee(after: Span) -> Actor {
    actor([(On::Got(PING), vec![Do::Set(0, after)]), (On::Wake(0), vec![Do::Reply])])
}

#[test]
fn an_answer_before_the_timeout_settles_the_call() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, Some(ms(10)))])]);
    let mut world = world(layout(2, Vec::new()), vec![a, callee(ms(9))], &Plan::calm());
    assert_eq!(story(&mut world), ["0s b got ping from a", "9ms b wake 0", "9ms a answer from b"]);
    assert_eq!((world.now(), world.pending()), (brownout_models::Time::ZERO + ms(9), 0));
}

#[test]
fn an_answer_after_the_timeout_is_stale() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, Some(ms(10)))])]);
    let mut world = world(layout(2, Vec::new()), vec![a, callee(ms(11))], &Plan::calm());
    let expected =
        ["0s b got ping from a", "10ms a expire b", "11ms b wake 0", "11ms a stale ping reply"];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn at_the_same_instant_the_expiry_goes_first_unless_the_tie_says_otherwise() {
    let a = actor([
        (On::Start, vec![Do::Call(1, PING, Some(ms(10)))]),
        (On::Replied, vec![Do::Call(1, PONG, Some(ms(30)))]),
    ]);
    let b = actor([(On::Got(PING), vec![Do::Reply]), (On::Got(PONG), vec![Do::Refuse])]);
    let layout = with_latency(layout(2, Vec::new()), ms(5));
    let mut first = world(layout.clone(), vec![a.clone(), b.clone()], &Plan::calm());
    let expected = ["5ms b got ping from a", "10ms a expire b", "10ms a stale ping reply"];
    assert_eq!(story(&mut first), expected);

    let plan = plan([deviation("a", "tie", "a go/0", 1, "ping reply from b for a go/0")]);
    let mut other = world(layout, vec![a, b], &plan);
    let expected = [
        "5ms b got ping from a",
        "10ms a overtook 1",
        "10ms a answer from b",
        "15ms b got pong from a",
        "20ms a failed from b",
    ];
    assert_eq!(story(&mut other), expected);
    // The second call reuses the slot of the first; the expiry of neither is left behind.
    assert_eq!((other.now(), other.pending()), (brownout_models::Time::ZERO + ms(20), 0));
}

#[test]
fn an_answer_that_comes_twice_settles_once() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, None)])]);
    let b = actor([(On::Got(PING), vec![Do::Reply])]);
    let plan = plan([deviation("b>a ping reply", "duplicate", "a go/0", 1, "yes")]);
    let mut world = world(layout(2, Vec::new()), vec![a, b], &plan);
    let expected =
        ["0s b got ping from a", "0s b duplicated", "0s a answer from b", "0s a stale ping reply"];
    assert_eq!(story(&mut world), expected);
}

#[test]
fn the_callee_sees_the_earlier_of_the_callers_deadline_and_its_timeout() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, Some(ms(10)))])]);
    let b = actor([(
        On::Got(PING),
        vec![Do::Deadline, Do::Call(2, PING, Some(ms(50))), Do::Call(2, PONG, Some(ms(2)))],
    )]);
    let c = actor([(On::Got(PING), vec![Do::Deadline]), (On::Got(PONG), vec![Do::Deadline])]);
    let layout = with_latency(layout(3, Vec::new()), ms(1));
    let mut world = world(layout, vec![a, b, c], &Plan::calm());
    let story = story(&mut world);
    let said: Vec<_> = story.iter().filter(|line| line.contains("until")).collect();
    assert_eq!(said, ["1ms b says until 10ms", "2ms c says until 10ms", "2ms c says until 3ms"]);
}

#[test]
fn a_call_without_a_timeout_waits_for_ever_and_nobody_waits_for_it() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, None)])]);
    let mut world = world(layout(2, Vec::new()), vec![a, actor([])], &Plan::calm());
    assert_eq!(story(&mut world), ["0s b got ping from a"]);
}

#[test]
fn a_lost_request_expires_and_a_lost_answer_too() {
    let a = actor([(On::Start, vec![Do::Call(1, PING, Some(ms(10)))])]);
    let b = actor([(On::Got(PING), vec![Do::Reply])]);
    let asked = plan([deviation("a>b ping", "lose", "a go/0", 1, "yes")]);
    let mut lost = world(layout(2, Vec::new()), vec![a.clone(), b.clone()], &asked);
    assert_eq!(story(&mut lost), ["0s a lost ping to b", "10ms a expire b"]);
    let answered = plan([deviation("b>a ping reply", "lose", "a go/0", 1, "yes")]);
    let mut lost = world(layout(2, Vec::new()), vec![a, b], &answered);
    let expected = ["0s b got ping from a", "0s b lost ping reply to a", "10ms a expire b"];
    assert_eq!(story(&mut lost), expected);
}

#[test]
fn the_menu_of_a_delay_is_around_what_waits_and_nothing_that_has_passed() {
    let menu =
        |min: u64, max: u64| menu_of_delay(Distribution::Uniform { min: ms(min), max: ms(max) });
    assert_eq!(menu(7, 20), ["7ms", "7.999999ms", "8ms", "8.000001ms", "20ms"]);
    assert_eq!(menu(3, 7), ["3ms", "7ms"], "the rule allows no longer one");
    assert_eq!(menu(7, 7), ["7ms"]);
}

fn menu_of_delay(by: Distribution) -> Vec<String> {
    use brownout::layout::Fault;
    let rules = vec![rule(Fault::Delay(LinkSet::ALL, by))];
    // The sender's timer is due before the message arrives, the timeout after it.
    let a = actor([(On::Start, vec![Do::Set(1, ms(1)), Do::Call(1, PING, Some(ms(10)))])]);
    let layout = with_latency(layout(2, rules), ms(2));
    let points = points(layout, vec![a, actor([])]);
    assert_eq!(points.len(), 1);
    points[0].menu.clone()
}
