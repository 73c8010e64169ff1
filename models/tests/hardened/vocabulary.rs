//! The small words of the contract: distributions, timers, kinds of input, and what is so unless said
//! otherwise.

use brownout_models::Span;
use brownout_models::contract::{
    Body, Choice, Context, Distribution, FlowId, Ground, Input, Machine, NodeId, Purpose, Sender,
    Surroundings, Timer, Turn,
};
use brownout_models::name::HEARTBEAT;
use serde::Serialize;

#[test]
fn a_distribution_is_calm_at_its_middle_and_constant_where_it_has_one_value() {
    let millis = Span::from_millis;
    let (none, one, two) = (Span::ZERO, millis(1), millis(2));
    let log_normal =
        |median, sigma_millionths| Distribution::LogNormal { median, sigma_millionths };
    for (distribution, calm, constant) in [
        (Distribution::default(), none, true),
        (Distribution::Constant(two), two, true),
        (Distribution::Uniform { min: one, max: two }, one, false),
        (Distribution::Uniform { min: two, max: two }, two, true),
        (Distribution::Exponential { mean: two }, two, false),
        (Distribution::Exponential { mean: none }, none, true),
        (log_normal(two, 1), two, false),
        (log_normal(two, 0), two, true),
        (log_normal(none, 1), none, true),
        (log_normal(none, 0), none, true),
    ] {
        assert_eq!(distribution.calm(), calm, "{distribution:?}");
        assert_eq!(distribution.is_constant(), constant, "{distribution:?}");
    }
}

#[test]
fn a_timer_is_its_number() {
    assert_eq!([0, 1, 7].map(u64::code), [0, 1, 7]);
    assert_eq!([0, 1, 7].map(<u64 as Timer>::from_code), [0, 1, 7]);
    assert_eq!(().code(), 0);
}

#[test]
fn every_kind_of_input_has_a_name() {
    let from = Sender { node: NodeId(0), life: 0, call: None };
    let inputs: [Input<(), u64>; 5] = [
        Input::Start,
        Input::Deliver { from, body: Body::Heartbeat(HEARTBEAT) },
        Input::Wake(1),
        Input::Reply { tag: 1, outcome: Ok(brownout_models::contract::Answer::Done(None)) },
        Input::Expired { tag: 1 },
    ];
    let kinds = inputs.each_ref().map(Input::kind);
    assert_eq!(kinds, ["start", "deliver", "wake", "reply", "expired"]);
}

/// A machine that says no more than it must, in surroundings that do.
#[derive(Clone, Debug, Serialize)]
struct Silent;

impl Machine for Silent {
    type Payload = ();
    type Timer = ();
    type Fact = ();

    fn step(&mut self, _: Input<(), ()>, _: &mut Turn<'_, (), ()>) {}

    fn power_cut(&mut self) {}
}

impl Surroundings for Silent {
    fn choose(&mut self, _: NodeId, _: &Context, _: Purpose, _: Choice<'_>) -> u64 {
        0
    }

    fn start_flow(&mut self, _: NodeId, _: Purpose, _: u64, _: Ground) -> FlowId {
        FlowId(0)
    }
}

#[test]
fn a_machine_has_one_phase_and_all_load_takes_part_unless_said_otherwise() {
    assert_eq!((Silent.phase(), Silent::PHASES), (0, &["running"][..]));
    assert!(Silent.takes_part(NodeId(0), Purpose("arrival"), 1));
}
