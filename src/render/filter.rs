//! Which entries of a trace somebody wants to see.

use std::fmt;

use brownout_models::contract::{FlowId, NodeId};
use brownout_models::{Fact, Span};

use super::trace::shown;
use crate::kernel::{Entry, What, World};
use crate::layout::Layout;
use crate::scenario::diagnostic::did_you_mean;
use crate::system::Stock;

/// Lets entries through that fit every one of its conditions; without conditions, all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    nodes: Option<Vec<NodeId>>,
    kinds: Vec<String>,
    flows: Vec<String>,
    from: Option<Span>,
    until: Option<Span>,
}

/// A condition that no entry of this system can meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterError {
    /// There is no such node.
    UnknownNode {
        /// As it was asked for.
        name: String,
        /// The nearest that exists.
        suggestion: Option<String>,
    },
    /// No work starts at such a node.
    UnknownFlow {
        /// As it was asked for.
        flow: String,
        /// The nearest node that exists.
        suggestion: Option<String>,
    },
    /// It ends before it begins.
    Backwards {
        /// The first time that was asked for.
        from: Span,
        /// The last one.
        until: Span,
    },
    /// There is no such kind of entry.
    UnknownKind {
        /// As it was asked for.
        kind: String,
        /// The nearest that exists.
        suggestion: Option<String>,
    },
}

impl Filter {
    /// Lets everything through.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what happens at these nodes, by name or by the name of their service.
    ///
    /// # Errors
    /// There is no such node.
    pub fn at(mut self, names: &[String], layout: &Layout) -> Result<Self, FilterError> {
        for name in names {
            let found = (0..).zip(&layout.nodes).filter(|(_, place)| {
                place.name == *name || place.group == *name || place.aliases.contains(name)
            });
            let found: Vec<NodeId> = found.map(|(number, _)| NodeId(number)).collect();
            if found.is_empty() {
                let known = layout.nodes.iter().flat_map(|place| [&*place.name, &*place.group]);
                let suggestion = did_you_mean(name, known).map(str::to_owned);
                return Err(FilterError::UnknownNode { name: name.clone(), suggestion });
            }
            self.nodes.get_or_insert_default().extend(found);
        }
        Ok(self)
    }

    /// Only entries of these kinds, by the words of [`What::KINDS`].
    ///
    /// # Errors
    /// There is no such kind.
    pub fn of_kinds(mut self, kinds: &[String]) -> Result<Self, FilterError> {
        let known = What::<Fact>::KINDS;
        for kind in kinds {
            if !known.contains(&kind.as_str()) {
                let suggestion = did_you_mean(kind, known).map(str::to_owned);
                return Err(FilterError::UnknownKind { kind: kind.clone(), suggestion });
            }
        }
        self.kinds.extend_from_slice(kinds);
        Ok(self)
    }

    /// Only these pieces of work: one by its whole name (`shopper/17`), or all that start at one
    /// place (`shopper`).
    ///
    /// # Errors
    /// There is no such node for work to start at.
    pub fn of_flows(mut self, flows: &[String], layout: &Layout) -> Result<Self, FilterError> {
        for flow in flows {
            // Behind the node stand its life, `~2`, the purpose and the number.
            let node = flow.split(['~', ' ', '/']).next().unwrap_or_default();
            let mut known = layout.nodes.iter().map(|place| place.name.as_str());
            if !known.clone().any(|known| known == node) {
                let suggestion = did_you_mean(node, &mut known).map(str::to_owned);
                return Err(FilterError::UnknownFlow { flow: flow.clone(), suggestion });
            }
        }
        self.flows.extend_from_slice(flows);
        Ok(self)
    }

    /// Only what happens at these times, both included, as exactly as a trace shows them.
    ///
    /// # Errors
    /// The last of these times is before the first.
    pub fn within(mut self, from: Option<Span>, until: Option<Span>) -> Result<Self, FilterError> {
        if let (Some(from), Some(until)) = (from, until)
            && from > until
        {
            return Err(FilterError::Backwards { from, until });
        }
        (self.from, self.until) = (from, until);
        Ok(self)
    }

    /// The pieces of work that it asks for and that never began in this world.
    pub(crate) fn never_began(&self, world: &World<Stock>) -> Vec<&str> {
        let flows = || (0..u32::try_from(world.flows()).unwrap_or(u32::MAX)).map(FlowId);
        let wanted = self.flows.iter().map(String::as_str);
        wanted.filter(|it| !flows().any(|flow| is_of(it, &world.flow_name(flow)))).collect()
    }

    /// Whether an entry of this world gets through.
    #[must_use]
    pub fn lets(&self, entry: &Entry<Fact>, world: &World<Stock>) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.contains(&entry.node))
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.what.kind()))
            && self.from.is_none_or(|from| entry.at.as_nanos() >= from.as_nanos())
            && self.until.is_none_or(|until| shown(entry.at) <= until.as_nanos())
            && self.wants(entry.flow, world)
    }

    /// Whether it lets a piece of work through, whatever else it asks of entries.
    pub(super) fn wants(&self, flow: FlowId, world: &World<Stock>) -> bool {
        self.flows.is_empty() || self.wants_flow(flow, world)
    }

    fn wants_flow(&self, flow: FlowId, world: &World<Stock>) -> bool {
        let name = world.flow_name(flow);
        self.flows.iter().any(|wanted| is_of(wanted, &name))
    }
}

/// Whether a piece of work is the wanted one, or one of those that start at the wanted place.
fn is_of(wanted: &str, name: &str) -> bool {
    name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suggestion, known) = match self {
            Self::UnknownNode { name, suggestion } => {
                write!(f, "there is no node `{name}`")?;
                (suggestion, None)
            }
            Self::UnknownFlow { flow, suggestion } => {
                write!(f, "no work can be called `{flow}`: no node is called so")?;
                (suggestion, None)
            }
            Self::Backwards { from, until } => {
                return write!(f, "nothing is both from {from} on and up to {until}");
            }
            Self::UnknownKind { kind, suggestion } => {
                write!(f, "there is no kind of entry `{kind}`")?;
                (suggestion, Some(What::<Fact>::KINDS.join(", ")))
            }
        };
        match (suggestion, known) {
            (Some(suggestion), _) => write!(f, ", did you mean `{suggestion}`?"),
            (None, Some(known)) => write!(f, " (kinds: {known})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
