//! What a dialer asks chance for: instances that a balancer draws, and whether a call stays in its zone.

use crate::Span;
use crate::contract::{Choice, NodeId, Purpose, Turn};
use crate::fact::Fact;
use crate::policy::Draw;

/// Which instance a balancer draws, and which one besides.
const DRAW: Purpose = Purpose("draw");
const SECOND_DRAW: Purpose = Purpose("second draw");

/// Whether a call stays in its zone, and otherwise where it goes: a moment of a second, of which as
/// long a part stands for a zone as calls go there. Calm is to stay.
pub(super) const ZONE: Purpose = Purpose("zone");
const SECOND: Span = Span::from_secs(1);

/// The word that decides between the instances.
#[cold]
pub(super) fn drawn<P>(draw: Draw, instances: &[NodeId], turn: &mut Turn<'_, P, Fact>) -> u64 {
    match draw {
        Draw::Nothing => 0,
        Draw::Place => turn.pick(DRAW, instances, 0) as u64,
        Draw::TwoPlaces => two_draws(turn, instances) as u64,
        Draw::Weighted(weights) => weighted_draw(turn, instances, &weights),
    }
}

/// Where the part of a drawn instance begins, of all weights in a row.
fn weighted_draw<P>(turn: &mut Turn<'_, P, Fact>, instances: &[NodeId], weights: &[u64]) -> u64 {
    let calm = weights.iter().position(|weight| *weight > 0).unwrap_or(0);
    let drawn = turn.pick_by_weight(DRAW, instances, weights, calm);
    weights[..drawn].iter().sum()
}

/// Any 64 bits, as a moment of a second; calm is 0.
pub(super) fn any_word<P>(purpose: Purpose, turn: &mut Turn<'_, P, Fact>) -> u64 {
    let choice = Choice::Within { width: SECOND, calm: Span::ZERO };
    let moment = u128::from(turn.choose(purpose, choice));
    let word = (moment << u64::BITS) / u128::from(SECOND.as_nanos());
    u64::try_from(word).unwrap_or(u64::MAX)
}

/// A word from which a balancer takes two different places of the list.
fn two_draws<P>(turn: &mut Turn<'_, P, Fact>, instances: &[NodeId]) -> usize {
    let one = turn.pick(DRAW, instances, 0);
    let others = [&instances[..one], &instances[one + 1..]].concat();
    let other = if others.is_empty() { 0 } else { turn.pick(SECOND_DRAW, &others, 0) };
    one + instances.len() * other
}
