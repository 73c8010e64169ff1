//! What machines see of the chooser, and flows by their names.

use brownout_models::contract::{Choice, Context, FlowId, Ground, NodeId, Purpose, Surroundings};

use super::super::plan::Deviation;
use super::super::site::{self, Owner};
use super::super::words::Question;
use super::super::{flow, mix};
use super::Choices;
use crate::layout::Layout;

/// The address of a deviation, by whatever names it has them; `None` where the layout knows none of
/// that name.
pub(crate) fn address(deviation: &Deviation, layout: &Layout) -> Option<(Owner, String, u64, u32)> {
    let owner = site::parse(&deviation.site, layout)?;
    let flow = flow_key(&deviation.flow, layout)?;
    Some((owner, deviation.what.clone(), flow, deviation.count))
}

/// The key of a flow by its name, in today's names of nodes or former ones.
pub(super) fn flow_key(text: &str, layout: &Layout) -> Option<u64> {
    let (source, index) = text.rsplit_once('/')?;
    let (node, what) = source.split_once(' ').unwrap_or((source, ""));
    let (node, life) = node.split_once('~').unwrap_or((node, "1"));
    let identity = source_identity(layout, layout.find(node)?, what);
    Some(mix::flow_key(
        mix::SiteKey::constant(&identity),
        life.parse().ok()?,
        flow::index_of(index)?,
    ))
}

fn source_identity(layout: &Layout, node: NodeId, what: &str) -> String {
    format!("{}/{what}", layout.identity(node))
}

impl Surroundings for Choices {
    #[inline(always)]
    fn choose(
        &mut self,
        node: NodeId,
        context: &Context,
        what: Purpose,
        choice: Choice<'_>,
    ) -> u64 {
        if self.is_calm {
            return Question::Machine(choice).calm();
        }
        let weather = !matches!(choice, Choice::Fault(_));
        let site = self.at_node(node, what, weather);
        match choice {
            Choice::Span(amount) => self.takes(site, context.flow, amount).as_nanos(),
            Choice::Fault(ways) => self.fails(site, context.flow, ways),
            Choice::Within { .. } | Choice::Node { .. } | Choice::Count { .. } => {
                self.ask(site, context.flow, &Question::Machine(choice))
            }
        }
    }

    #[inline(always)]
    fn start_flow(&mut self, node: NodeId, source: Purpose, index: u64, ground: Ground) -> FlowId {
        let layout = &self.layout;
        let life = self.lives[node.0 as usize];
        self.flows
            .start((node, source), life, index, ground, || source_identity(layout, node, source.0))
    }

    #[inline(always)]
    fn takes_part(&mut self, node: NodeId, source: Purpose, index: u64) -> bool {
        self.load.is_none() || self.is_in_load(node, source, index)
    }
}

impl Choices {
    #[cold]
    fn is_in_load(&self, node: NodeId, source: Purpose, index: u64) -> bool {
        let Some(load) = &self.load else { return true };
        let identity = source_identity(&self.layout, node, source.0);
        let key = mix::flow_key(mix::SiteKey::constant(&identity), 1, index);
        load.contains(&key)
    }
}
