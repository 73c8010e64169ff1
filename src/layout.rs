//! What a system is made of besides its machines: nodes and their names, hosts, links and the
//! faults that may strike them. It never changes during a run.

mod fault;

use std::collections::BTreeSet;

use brownout_models::contract::{Distribution, Kind, NodeId};
use brownout_models::{Factor, Map, Name, Names, Span, Time};

pub use fault::{DRIFT_PPM, Fault, FaultRule, Jump, RESTART_AFTER, SLOWNESS, Ways};

/// The parts of a system that do not move.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The text of every name.
    pub names: Names,
    /// The nodes, in order of their ids.
    pub nodes: Vec<Place>,
    /// How long messages travel: the first rule that fits a link holds; without one they arrive in
    /// no time.
    pub latencies: Vec<LatencyRule>,
    /// What may break, and how often: the first rule that fits a site holds.
    pub faults: Vec<FaultRule>,
    /// When random faults cease, so that the system can recover.
    pub heal_at: Option<Time>,
    /// The populations of clients, by the high bits of the keys that they give out.
    pub populations: Map<u64, String>,
    /// How long databases take to flush what is written, by their index; the others do it at once.
    pub flushes: Map<u32, Span>,
}

/// Where a machine runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// The name of the node.
    pub name: String,
    /// Former names: seeds and plans from before a renaming keep their meaning.
    pub aliases: Vec<String>,
    /// What it is an instance of, by name; its own name when it stands alone.
    pub group: String,
    /// The host that it shares with others, as an index.
    pub host: u32,
    /// The database that it shares with the other instances of its service, as an index.
    pub store: u32,
}

/// A set of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeSet {
    /// Every node.
    All,
    /// These nodes.
    Some(BTreeSet<NodeId>),
}

/// A set of links, and of what travels on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSet {
    /// Senders.
    pub from: NodeSet,
    /// Receivers.
    pub to: NodeSet,
    /// The only kinds of messages meant; empty for all.
    pub only: Vec<(Name, Option<bool>)>,
}

/// How long messages travel on some links.
#[derive(Clone, Debug)]
pub struct LatencyRule {
    /// Which links.
    pub links: LinkSet,
    /// How long.
    pub latency: Distribution,
}

impl NodeSet {
    /// Whether the set holds `node`.
    #[must_use]
    pub fn holds(&self, node: NodeId) -> bool {
        match self {
            Self::All => true,
            Self::Some(nodes) => nodes.contains(&node),
        }
    }
}

impl LinkSet {
    /// Every link and everything on it.
    pub const ALL: Self = Self { from: NodeSet::All, to: NodeSet::All, only: Vec::new() };

    /// Whether the set holds messages of `kind` from one node to another.
    #[must_use]
    pub fn holds(&self, from: NodeId, to: NodeId, kind: Kind) -> bool {
        self.from.holds(from)
            && self.to.holds(to)
            && (self.only.is_empty()
                || self.only.iter().any(|(name, reply)| {
                    *name == kind.name && reply.is_none_or(|reply| reply == kind.reply)
                }))
    }
}

impl Layout {
    /// The name of a node.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> &str {
        self.nodes.get(node.0 as usize).map_or("?", |place| place.name.as_str())
    }

    /// The name that a node has in every address, whatever it is called now.
    #[must_use]
    pub fn identity(&self, node: NodeId) -> &str {
        self.nodes
            .get(node.0 as usize)
            .map_or("?", |place| place.aliases.first().unwrap_or(&place.name).as_str())
    }

    /// The node of this name or former name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        let at = self.nodes.iter().position(|place| place.name == name).or_else(|| {
            self.nodes.iter().position(|place| place.aliases.iter().any(|alias| alias == name))
        })?;
        u32::try_from(at).ok().map(NodeId)
    }

    /// The words for a kind of message: `charge`, or `charge reply`.
    #[must_use]
    pub fn kind_text(&self, kind: Kind) -> String {
        let name = self.names.text(kind.name);
        if kind.reply { format!("{name} reply") } else { name.to_owned() }
    }

    /// The words for a business key: the slot and, where arrivals are numbered within slots, the
    /// number (`12.4`); behind the name of its population where there are several (`shopper/12.4`).
    #[must_use]
    pub fn key_text(&self, key: u64) -> String {
        if population(key) == NAMED {
            let name = u32::try_from(key & LOW).unwrap_or(u32::MAX);
            return self.names.text(Name(name)).to_owned();
        }
        match self.populations.get(&population(key)) {
            Some(population) if self.populations.len() > 1 => {
                format!("{population}/{}", index_text(key))
            }
            Some(_) | None => index_text(key),
        }
    }

    /// The name of the piece of work that bears a business key, where clients gave it out.
    #[must_use]
    pub fn flow_of_key(&self, key: u64) -> Option<String> {
        let population = self.populations.get(&population(key))?;
        Some(format!("{population}/{}", index_text(key)))
    }

    /// How long messages of `kind` travel from one node to another.
    #[must_use]
    pub fn latency(&self, from: NodeId, to: NodeId, kind: Kind) -> Distribution {
        self.latencies
            .iter()
            .find(|rule| rule.links.holds(from, to, kind))
            .map_or(Distribution::Constant(Span::ZERO), |rule| rule.latency)
    }

    /// The links that a partition cuts which strikes between two nodes, and whether it cuts them both
    /// ways; nothing where no rule speaks of them.
    #[must_use]
    pub fn partition(&self, from: NodeId, to: NodeId) -> Option<(&LinkSet, Ways)> {
        self.faults.iter().find_map(|rule| {
            let Fault::Partition(links, _, ways) = &rule.what else { return None };
            (links.from.holds(from) && links.to.holds(to)).then_some((links, *ways))
        })
    }

    /// How many times as long work takes at `node` while it is slow.
    #[must_use]
    pub fn slowness(&self, node: NodeId) -> Factor {
        let factor = self.faults.iter().find_map(|rule| {
            let Fault::Slow(nodes, _, factor) = &rule.what else { return None };
            nodes.holds(node).then_some(*factor)
        });
        factor.unwrap_or(SLOWNESS)
    }

    /// How many millionths faster than true the clock of `node` goes while it drifts.
    #[must_use]
    pub fn drift_ppm(&self, node: NodeId) -> i32 {
        let ppm = self.faults.iter().find_map(|rule| {
            let Fault::Drift(nodes, _, ppm) = &rule.what else { return None };
            nodes.holds(node).then_some(*ppm)
        });
        ppm.unwrap_or(DRIFT_PPM)
    }

    /// Which ways the clock of `node` may jump.
    #[must_use]
    pub fn jump(&self, node: NodeId) -> Jump {
        let jump = self.faults.iter().find_map(|rule| {
            let Fault::Skew(nodes, _, jump) = &rule.what else { return None };
            nodes.holds(node).then_some(*jump)
        });
        jump.unwrap_or_default()
    }

    /// How long `node` stays down after a crash.
    #[must_use]
    pub fn restart_after(&self, node: NodeId) -> Span {
        let after = self.faults.iter().find_map(|rule| {
            let Fault::Crash(nodes, after) = &rule.what else { return None };
            nodes.holds(node).then_some(*after)
        });
        after.unwrap_or(RESTART_AFTER)
    }
}

/// The high bits of a key tell populations apart ..
const fn population(key: u64) -> u64 {
    key >> 56
}

/// .. and the low ones their arrivals.
fn index_text(key: u64) -> String {
    crate::choice::index_text(key & LOW)
}

const LOW: u64 = (1 << 56) - 1;

/// What the high bits of a key are that is a name: that of a row which many pieces of work share.
const NAMED: u64 = 0xff;

/// The key of a row that has a name.
pub(crate) const fn named_key(name: Name) -> u64 {
    NAMED << 56 | name.0 as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn node_sets() -> impl Strategy<Value = NodeSet> {
        let some = prop::collection::btree_set((0..6_u32).prop_map(NodeId), 0..4);
        prop_oneof![Just(NodeSet::All), some.prop_map(NodeSet::Some)]
    }

    fn link_sets() -> impl Strategy<Value = LinkSet> {
        let only = (10..13_u32).prop_map(Name);
        let only = prop::collection::vec((only, prop::option::of(any::<bool>())), 0..3);
        (node_sets(), node_sets(), only).prop_map(|(from, to, only)| LinkSet { from, to, only })
    }

    /// The nodes of a set, by asking it.
    fn members(set: &NodeSet) -> Vec<u32> {
        (0..6).filter(|node| set.holds(NodeId(*node))).collect()
    }

    proptest! {
        #[test]
        fn the_first_latency_that_fits_a_link_holds(
            rules in prop::collection::vec(link_sets(), 0..5),
            (from, to, name, reply) in (0..6_u32, 0..6_u32, 10..13_u32, any::<bool>()),
        ) {
            let span = |number: usize| Span::from_nanos(u64::try_from(number).unwrap() + 1);
            let fits = |links: &LinkSet| {
                let both = members(&links.from).contains(&from) && members(&links.to).contains(&to);
                let named = links.only.iter().any(|it| {
                    [(Name(name), None), (Name(name), Some(reply))].contains(it)
                });
                both && (named || links.only.is_empty())
            };
            let expected = rules.iter().position(fits).map_or(Span::ZERO, span);
            let latencies = rules.into_iter().enumerate().map(|(number, links)| LatencyRule {
                links,
                latency: Distribution::Constant(span(number)),
            });
            let layout = Layout { latencies: latencies.collect(), ..Layout::default() };
            let kind = Kind { name: Name(name), reply };
            let latency = layout.latency(NodeId(from), NodeId(to), kind);
            prop_assert_eq!(latency, Distribution::Constant(expected));
        }
    }
}
