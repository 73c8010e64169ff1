//! Whenever something could go more than one way, a machine asks for a choice.

use crate::Span;
use crate::contract::{Context, Distribution, FlowId, NodeId};

/// What a choice is about: `work`, `fail`, `jitter`. Together with the node it makes the site of the
/// choice, so two questions of different meaning need two purposes. `crash`, `pause`, `slow`,
/// `skew`, `drift`, `silence`, `successor`, `unflushed` and `tie` are the world's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(pub &'static str);

/// A question with a calm answer. The answer is a number whose meaning the variant gives.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Weather: how long something takes, answered in nanoseconds; calm as the distribution says.
    Span(&'a Distribution),
    /// Weather: which of these nodes, answered by its index.
    Node {
        /// The candidates, at least one.
        of: &'a [NodeId],
        /// How likely each of them is, compared with the others, below 2^64 in all; empty where all
        /// are alike.
        weights: &'a [u64],
        /// The calm answer, an index into them.
        calm: usize,
    },
    /// Weather: a moment within a slot of time, answered in nanoseconds from its beginning.
    Within {
        /// How long the slot is.
        width: Span,
        /// The calm answer, within the slot.
        calm: Span,
    },
    /// Weather: how many happen when `mean_millionths` are expected, Poisson; calm is what
    /// an even stream would bring.
    Count {
        /// The mean in millionths.
        mean_millionths: u64,
        /// The calm answer.
        calm: u32,
    },
    /// Fault: one of these ways to fail, answered by 1 + its index; calm is 0, none of them.
    Fault(&'a [&'a str]),
}

/// Whether a run waits for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The run is not over while this flow has anything pending.
    Foreground,
    /// Heartbeats and sweeps: they go on for ever, and nobody waits for them.
    Background,
}

/// Who answers choices and names flows: a seeded harness, or plain luck in production.
pub trait Surroundings {
    /// Answers `choice` of `node` for the flow of `context`.
    fn choose(
        &mut self,
        node: NodeId,
        context: &Context,
        purpose: Purpose,
        choice: Choice<'_>,
    ) -> u64;

    /// Names a new piece of work of `node`: the `index`-th of `source`. The same triple must not be
    /// started twice in one life of the node.
    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId;

    /// Whether this piece of load takes part: a plan may leave out the load that plays no part in
    /// what it shows.
    fn takes_part(&mut self, node: NodeId, source: Purpose, index: u64) -> bool {
        let _ = (node, source, index);
        true
    }
}
