//! Partitions: for a while no message gets from one side of a cut to the other.
//!
//! A partition strikes as a message leaves, between its two ends, and cuts every link of the rule that
//! speaks of them. What is under way arrives.

use brownout_models::contract::{Context, Kind, NodeId};
use brownout_models::{Span, Time};
use serde::Serialize;

use super::fabric::Fabric;
use super::{Watch, What};
use crate::choice::{LinkSites, Question};
use crate::layout::Ways;

/// A partition that lasts.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    /// The ends of the message that it struck.
    from: NodeId,
    to: NodeId,
    until: Time,
}

impl<P: Clone, F: Clone + Serialize + 'static> Fabric<P, F> {
    /// Whether the message cannot leave: a partition lasts, or strikes now. The message is then lost.
    #[cold]
    pub(super) fn is_cut_off(
        &mut self,
        (from, to): (NodeId, NodeId),
        kind: Kind,
        sites: LinkSites,
        context: Context,
        watch: &mut impl Watch<F>,
    ) -> bool {
        let now = self.now;
        self.cuts.retain(|cut| cut.until > now);
        let is_cut = self.cuts.iter().any(|cut| self.cuts_off(cut, from, to))
            || self.may_be_cut_off(from, to, sites, context, watch);
        if is_cut {
            self.emit_rarely(watch, from, context, What::Lost { to, kind });
        }
        is_cut
    }

    /// Asks whether a partition strikes.
    fn may_be_cut_off(
        &mut self,
        from: NodeId,
        to: NodeId,
        sites: LinkSites,
        context: Context,
        watch: &mut impl Watch<F>,
    ) -> bool {
        let by = self.choices.length(sites.partition).cloned();
        let question = Question::Length { by: by.as_ref(), menu: &[] };
        let answer = self.choices.ask(sites.partition, context.flow, &question);
        if answer == 0 {
            return false;
        }
        let until = self.now + Span::from_nanos(answer);
        self.emit_rarely(watch, from, context, What::Partitioned { to, until });
        self.cuts.push(Cut { from, to, until });
        true
    }

    /// Whether a partition keeps messages from getting from one node to another.
    fn cuts_off(&self, cut: &Cut, from: NodeId, to: NodeId) -> bool {
        let Some((links, ways)) = self.layout.partition(cut.from, cut.to) else {
            // A plan says so, and no rule how wide it is.
            return [(cut.from, cut.to), (cut.to, cut.from)].contains(&(from, to));
        };
        let goes = |from, to| links.from.holds(from) && links.to.holds(to);
        goes(from, to) || (ways == Ways::Both && goes(to, from))
    }
}
