//! Sites: where and what is decided. A site knows in advance whether anything but the calm answer
//! can come out, so that a calm one costs a branch.

use brownout_models::contract::{Distribution, Kind, NodeId, Purpose};

use crate::layout::{Fault, Layout};

use super::Ratio;
use super::mix::SiteKey;

/// Where something is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// At a node.
    Node(NodeId),
    /// On a link, for one kind of message.
    Link { from: NodeId, to: NodeId, kind: Kind },
}

/// What is decided by the world itself, not by a machine.
pub(crate) mod purpose {
    use super::Purpose;

    pub(crate) const LATENCY: Purpose = Purpose("latency");
    pub(crate) const LOSE: Purpose = Purpose("lose");
    pub(crate) const DUPLICATE: Purpose = Purpose("duplicate");
    pub(crate) const DELAY: Purpose = Purpose("delay");
    pub(crate) const CRASH: Purpose = Purpose("crash");
    pub(crate) const PAUSE: Purpose = Purpose("pause");
    pub(crate) const PARTITION: Purpose = Purpose("partition");
    pub(crate) const SLOW: Purpose = Purpose("slow");
    pub(crate) const SKEW: Purpose = Purpose("skew");
    pub(crate) const DRIFT: Purpose = Purpose("drift");
    /// What strikes a host after a step and lasts.
    pub(crate) const TROUBLES: [Purpose; 4] = [PAUSE, SLOW, SKEW, DRIFT];
    pub(crate) const SILENCE: Purpose = Purpose("silence");
    pub(crate) const SUCCESSOR: Purpose = Purpose("successor");
    pub(crate) const UNFLUSHED: Purpose = Purpose("unflushed");
    pub(crate) const TIE: Purpose = Purpose("tie");
}

/// The rank of a site that was never loud.
pub(crate) const UNRANKED: u32 = u32::MAX;

/// One site.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) owner: Owner,
    pub(crate) what: Purpose,
    pub(crate) weather: bool,
    /// Anything but the calm answer may come out, or somebody wants to know of the question.
    pub(crate) loud: bool,
    /// The how-manieth of those that were ever loud it is, which flows know it by.
    pub(crate) rank: u32,
    /// The seed answers.
    pub(crate) seeded: bool,
    /// The seed answers everything, nobody wants to know of the question, and where weather decides that
    /// is known.
    pub(crate) is_plain: bool,
    /// How often a fault strikes in random runs; zero where no rule of the scenario fits.
    pub(crate) odds: Ratio,
    /// How long a fault of this site lasts, if it has a length.
    pub(crate) length: Option<Distribution>,
    /// The constant of its name, once a seed needed it.
    constant: Option<SiteKey>,
    pub(crate) key: SiteKey,
    /// The weather decided something here in this run.
    pub(crate) met: bool,
    /// Where the table of what is drawn here probably stands.
    pub(crate) table: u32,
    /// The deviations of the plan at this site, as indices, in the order of flows and counts.
    pub(crate) planned: Vec<u32>,
}

impl Site {
    pub(crate) fn new(owner: Owner, what: Purpose, weather: bool, layout: &Layout) -> Self {
        let (odds, length) = if weather { (Ratio::ZERO, None) } else { rule(owner, what, layout) };
        Self {
            owner,
            what,
            weather,
            loud: false,
            rank: UNRANKED,
            seeded: false,
            is_plain: false,
            odds,
            length,
            constant: None,
            key: SiteKey(0, 0),
            met: false,
            table: 0,
            planned: Vec::new(),
        }
    }

    /// The constant of its name.
    pub(crate) fn constant(&mut self, layout: &Layout) -> SiteKey {
        *self.constant.get_or_insert_with(|| {
            SiteKey::constant(&format!("{}\n{}", identity(self.owner, layout), self.what.0))
        })
    }
}

/// The odds and the length of a fault at a site: those of the first rule that fits.
fn rule(owner: Owner, what: Purpose, layout: &Layout) -> (Ratio, Option<Distribution>) {
    layout
        .faults
        .iter()
        .find_map(|rule| {
            let (fits, length) = match &rule.what {
                Fault::Lose(links) | Fault::Duplicate(links) => (on_link(owner, links), None),
                Fault::Delay(links, by) => (on_link(owner, links), Some(by)),
                Fault::Partition(links, length, _) => (on_link(owner, links), Some(length)),
                Fault::Pause(nodes, length)
                | Fault::Slow(nodes, length, _)
                | Fault::Skew(nodes, length, _)
                | Fault::Drift(nodes, length, _) => (at_node(owner, nodes), Some(length)),
                Fault::Crash(nodes, _)
                | Fault::Successor(nodes)
                | Fault::Unflushed(nodes)
                | Fault::Silence(nodes)
                | Fault::Tie(nodes)
                | Fault::Machine(nodes, _) => (at_node(owner, nodes), None),
            };
            (fits && rule.what.word() == what.0).then(|| (rule.odds, length.cloned()))
        })
        .unwrap_or((Ratio::ZERO, None))
}

fn at_node(owner: Owner, nodes: &crate::layout::NodeSet) -> bool {
    match owner {
        Owner::Node(node) => nodes.holds(node),
        Owner::Link { .. } => false,
    }
}

fn on_link(owner: Owner, links: &crate::layout::LinkSet) -> bool {
    match owner {
        Owner::Node(_) => false,
        Owner::Link { from, to, kind } => links.holds(from, to, kind),
    }
}

/// The text of a site as plans write it, in today's names.
pub(crate) fn text(owner: Owner, layout: &Layout) -> String {
    match owner {
        Owner::Node(node) => layout.node_name(node).to_owned(),
        Owner::Link { from, to, kind } => format!(
            "{}>{} {}",
            layout.node_name(from),
            layout.node_name(to),
            layout.kind_text(kind)
        ),
    }
}

/// The text of a site in the names that never change.
fn identity(owner: Owner, layout: &Layout) -> String {
    match owner {
        Owner::Node(node) => layout.identity(node).to_owned(),
        Owner::Link { from, to, kind } => {
            format!("{}>{} {}", layout.identity(from), layout.identity(to), layout.kind_text(kind))
        }
    }
}

/// Reads what [`text`] wrote, in today's names or former ones.
pub(crate) fn parse(site: &str, layout: &Layout) -> Option<Owner> {
    let Some((from, rest)) = site.split_once('>') else {
        return layout.find(site).map(Owner::Node);
    };
    let (to, kind) = rest.split_once(' ')?;
    let (name, reply) = kind.strip_suffix(" reply").map_or((kind, false), |name| (name, true));
    let kind = Kind { name: layout.names.find(name)?, reply };
    Some(Owner::Link { from: layout.find(from)?, to: layout.find(to)?, kind })
}
