//! Steps of nodes that may stand still or crash: before the step, or between two of its effects.

use brownout_models::contract::{Context, Machine, NodeId, Purpose, Unwritten};
use brownout_models::{Span, Time};

use serde::Serialize;

use super::What;
use super::bounds::Watch;
use super::deliver::Told;
use super::fabric::{DANGER, Fabric};
use super::queue::Drawn;
use super::world::{Events, World};
use crate::choice::{Question, purpose};

impl<M: Machine> World<M> {
    /// The node lives through a step, if it gets there.
    #[inline(never)]
    pub(super) fn live_dangerously(
        &mut self,
        drawn: Drawn,
        node: NodeId,
        context: Context,
        what: What<M::Fact>,
        told: Told,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let crash = self.fabric.choices.at_node(node, purpose::CRASH, false);
        let answer = self.fabric.choices.ask(crash, context.flow, &Question::Crash);
        if answer == 1 {
            self.fabric.queue.take(drawn);
            self.crash(node, context, None, watch);
            return;
        }
        let power = match answer {
            0 => u32::MAX,
            effects => u32::try_from(effects - 2).unwrap_or(u32::MAX),
        };
        let seq = self.fabric.emit(watch, node, context, what);
        let context = Context { cause: seq, ..context };
        let input = |events: &mut Events<M>| events.finish(drawn, |event| told.input(event));
        let acts = self.turn::<DANGER>(node, context, input, power, watch);
        if answer != 0 && (power <= acts || self.fabric.choices.shorten_crash(acts)) {
            self.crash(node, context, Some(power.min(acts)), watch);
            return;
        }
        self.fabric.choices.offer_crashes(acts);
        if self.fabric.choices.may_suffer() {
            self.suffer(node, context, watch);
        }
    }

    /// The host of the node may stand still after the step, or become slow, or its clock goes wrong.
    fn suffer(&mut self, node: NodeId, context: Context, watch: &mut impl Watch<M::Fact>) {
        let host = self.fabric.host_of(node);
        if let Some(until) = self.trouble(node, purpose::PAUSE, context) {
            self.fabric.hosts[host].paused_until = until;
            self.fabric.has_paused = true;
            self.fabric.emit_rarely(watch, node, context, What::Paused { until });
        }
        if let Some(until) = self.trouble(node, purpose::SLOW, context) {
            self.fabric.hosts[host].slow_until = until;
            self.fabric.emit_rarely(watch, node, context, What::Slowed { until });
        }
        let now = self.fabric.now;
        if let Some(until) = self.trouble(node, purpose::DRIFT, context) {
            let ppm = self.fabric.layout.drift_ppm(node);
            self.fabric.hosts[host].clock.drift(now, ppm, until);
            self.fabric.clocks_differ = true;
            self.fabric.emit_rarely(watch, node, context, What::Drifted { until });
        }
        if let Some((by, is_back)) = self.jump(node, context) {
            let by = self.fabric.hosts[host].clock.jump(now, by, is_back);
            self.fabric.clocks_differ = true;
            self.fabric.emit_rarely(watch, node, context, What::Skewed { by, is_back });
        }
    }

    /// By how much the clock of the node's host is set ahead or back, if it is.
    fn jump(&mut self, node: NodeId, context: Context) -> Option<(Span, bool)> {
        let site = self.fabric.choices.at_node(node, purpose::SKEW, false);
        if self.fabric.choices.is_quiet(site) {
            return None;
        }
        let by = self.fabric.choices.length(site).cloned();
        let question = Question::Jump { by: by.as_ref(), ways: self.fabric.layout.jump(node) };
        let answer = self.fabric.choices.ask(site, context.flow, &question);
        (answer != 0).then(|| (Span::from_nanos(answer / 2), answer % 2 == 1))
    }

    /// Until when a trouble of a host lasts, if it strikes.
    fn trouble(&mut self, node: NodeId, purpose: Purpose, context: Context) -> Option<Time> {
        let site = self.fabric.choices.at_node(node, purpose, false);
        if self.fabric.choices.is_quiet(site) {
            return None;
        }
        let by = self.fabric.choices.length(site).cloned();
        let question = Question::Length { by: by.as_ref(), menu: &[] };
        let length = Span::from_nanos(self.fabric.choices.ask(site, context.flow, &question));
        (!length.is_zero()).then_some(self.fabric.now + length)
    }

    /// Every node of the host loses its power and starts again after a while.
    fn crash(
        &mut self,
        node: NodeId,
        context: Context,
        after: Option<u32>,
        watch: &mut impl Watch<M::Fact>,
    ) {
        let seq = self.fabric.emit_rarely(watch, node, context, What::Crashed { after });
        let restart = self.fabric.layout.restart_after(node);
        let host = self.fabric.host_of(node);
        for node in self.fabric.hosts[host].nodes.clone() {
            let head = &mut self.fabric.heads[node.0 as usize];
            if head.is_down {
                continue;
            }
            head.is_down = true;
            self.machines[node.0 as usize].power_cut();
            self.fabric.lose_writes(node, Context { cause: seq, ..context }, watch);
            let at = &mut self.fabric.nodes[node.0 as usize];
            let owed = std::mem::take(&mut at.owed);
            let handles: Vec<_> = at.forget().collect();
            for handle in handles {
                self.fabric.unschedule(handle);
            }
            for (sender, kind, context) in owed {
                self.fabric.reset(node, sender, kind, context, watch);
            }
            self.fabric.start_life(node, restart, seq);
        }
    }
}

impl<P: Clone, F: Clone + Serialize + 'static> Fabric<P, F> {
    /// The database of a node that crashed may lose what is not flushed yet, latest first.
    fn lose_writes(&mut self, node: NodeId, context: Context, watch: &mut impl Watch<F>) {
        let store = self.heads[node.0 as usize].store as usize;
        let transactions = self.stores[store].unflushed(self.now);
        if transactions == 0 {
            return;
        }
        let site = self.choices.at_node(node, purpose::UNFLUSHED, false);
        let question = Question::Unflushed(transactions);
        let lost = self.choices.ask(site, context.flow, &question);
        let lost = u32::try_from(lost).unwrap_or(u32::MAX);
        let unwritten = self.stores[store].lose(lost);
        if lost == 0 {
            return;
        }
        let seq = self.emit_rarely(watch, node, context, What::Unflushed { transactions: lost });
        let context = Context { cause: seq, ..context };
        for Unwritten { table, key, amount, value } in unwritten {
            self.emit_rarely(watch, node, context, What::Unwrote { table, key, amount, value });
        }
    }
}
