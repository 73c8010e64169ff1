//! The fabric of a world: everything that is not a machine, so that a machine takes its step while
//! what it wants done is done.

use std::sync::Arc;

use brownout_models::contract::{Context, Ground, NodeId, Purpose, Store, Surroundings};
use brownout_models::{Span, Time};
use serde::Serialize;

use super::entry::Stamp;
use super::event::{Event, EventKind, Round};
use super::node::{Head, Host, Node};
use super::partition::Cut;
use super::queue::{Handle, Queue};
use super::{Bounds, Trace, Watch, What};
use crate::choice::{Choices, Plan};
use crate::layout::Layout;

/// What waits between the machines of a world, and what is known of their nodes.
#[derive(Clone, Debug)]
pub(super) struct Fabric<P, F> {
    pub(super) layout: Arc<Layout>,
    pub(super) bounds: Bounds,
    pub(super) now: Time,
    pub(super) rounds: u32,
    pub(super) steps: u64,
    pub(super) stopped: bool,
    /// How many steps may be taken now; none once somebody stopped the run.
    pub(super) limit: u64,
    pub(super) queue: Queue<Event<P>>,
    pub(super) round: Round,
    pub(super) heads: Vec<Head>,
    pub(super) nodes: Vec<Node>,
    pub(super) hosts: Vec<Host>,
    pub(super) stores: Vec<Store>,
    pub(super) choices: Choices,
    pub(super) trace: Trace<F>,
    /// Partitions that lasted when a message last met one.
    pub(super) cuts: Vec<Cut>,
    /// Events of foreground flows that wait.
    pub(super) foreground: u64,
    /// Some node may crash or stand still: what nodes owe is kept.
    pub(super) may_crash: bool,
    /// Some host stood still, or does.
    pub(super) has_paused: bool,
    /// Some host had its clock set, or made to go at another pace.
    pub(super) clocks_differ: bool,
    /// When the node that hears an answer in this step may come back, if the answer says so.
    pub(super) retry_after: Option<Span>,
}

/// Where nodes may crash or hosts have trouble, and where nothing of the kind can happen: runs are of one
/// kind or the other, so that nobody asks again and again.
pub(super) const DANGER: bool = true;
pub(super) const SAFETY: bool = false;

/// The source of the flow in which a life begins.
const LIFE: Purpose = Purpose("life");

impl<P: Clone, F: Clone + Serialize + 'static> Fabric<P, F> {
    /// The fabric between the places of the layout, at the start of a run that follows the plan.
    pub(super) fn new(layout: Arc<Layout>, plan: &Arc<Plan>, bounds: Bounds) -> Self {
        let mut hosts: Vec<Host> = Vec::new();
        let mut stores = Vec::new();
        let store_of = |number: usize| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let period = layout.flushes.get(&number).copied();
            period.map_or_else(Store::default, Store::flushed_every)
        };
        let mut heads = Vec::new();
        for (number, place) in (0..).zip(&layout.nodes) {
            heads.push(Head { life: 0, host: place.host, store: place.store, is_down: false });
            let (host, store) = (place.host as usize, place.store as usize);
            hosts.resize_with(hosts.len().max(host + 1), Host::default);
            stores.extend((stores.len()..=store).map(store_of));
            hosts[host].nodes.push(NodeId(number));
        }
        let choices = Choices::new(Arc::clone(&layout), Arc::clone(plan));
        let mut fabric = Self {
            layout,
            bounds,
            now: Time::ZERO,
            rounds: 0,
            steps: 0,
            stopped: false,
            limit: 0,
            queue: Queue::new(),
            round: Round::default(),
            nodes: vec![Node::default(); heads.len()],
            heads,
            hosts,
            stores,
            may_crash: choices.may_crash(),
            retry_after: None,
            choices,
            has_paused: false,
            clocks_differ: false,
            trace: Trace::new(false),
            cuts: Vec::new(),
            foreground: 0,
        };
        fabric.start_lives();
        fabric
    }

    /// Starts over under another plan; nothing happened yet.
    pub(super) fn restart(&mut self, plan: &Arc<Plan>, points: bool) {
        self.choices.restart(Arc::clone(plan), points);
        self.may_crash = self.choices.may_crash();
        self.queue.clear();
        self.foreground = 0;
        self.start_lives();
    }

    fn start_lives(&mut self) {
        for number in (0..).take(self.nodes.len()) {
            self.start_life(NodeId(number), Span::ZERO, Context::UNCAUSED);
        }
    }

    /// Schedules the beginning of the node's next life, which follows from the crash that ended the
    /// last one.
    pub(super) fn start_life(&mut self, node: NodeId, after: Span, cause: u32) {
        let life = self.choices.begin_life(node);
        self.heads[node.0 as usize].life = life;
        let ground = Ground::Background;
        let flow = self.choices.start_flow(node, LIFE, 0, ground);
        let context = Context { flow, cause, deadline: Time::NEVER, span: None };
        // The run waits for a life to begin, though not for what goes on in it.
        self.foreground += 1;
        self.queue.push(self.now + after, Event { node, ground, context, kind: EventKind::Start });
    }

    /// A life began: it no longer counts as something that the run waits for.
    pub(super) const fn life_begun(&mut self) {
        self.foreground -= 1;
    }

    /// An event that waits counts for the run while its flow is in the foreground. It is made where
    /// it will lie.
    #[inline(always)]
    pub(super) fn schedule(
        &mut self,
        at: Time,
        node: NodeId,
        context: Context,
        kind: impl FnOnce() -> EventKind<P>,
    ) -> Handle {
        let ground = self.choices.ground(context.flow);
        // Below 2^32, as places in the queue are.
        self.foreground = self.foreground.wrapping_add(u64::from(ground == Ground::Foreground));
        self.queue.push_with(at, || Event { node, ground, context, kind: kind() })
    }

    /// Like [`schedule`](Self::schedule), for what is rare.
    #[cold]
    pub(super) fn schedule_rarely(
        &mut self,
        at: Time,
        node: NodeId,
        context: Context,
        kind: EventKind<P>,
    ) -> Handle {
        self.schedule(at, node, context, || kind)
    }

    /// A timer or a timeout that waits does not happen: neither owns anything that would be dropped.
    #[inline(always)]
    pub(super) fn unschedule(&mut self, handle: Handle) {
        let ground = |event: &mut Event<P>| {
            debug_assert!(event.kind.message().is_none(), "messages are not taken back");
            event.ground
        };
        let ground = self.queue.forget(handle, ground).expect("what is taken back still waits");
        pends_no_more(&mut self.foreground, ground);
    }

    /// Something happened: everybody sees it.
    #[inline(always)]
    pub(super) fn emit(
        &mut self,
        watch: &mut impl Watch<F>,
        node: NodeId,
        context: Context,
        what: What<F>,
    ) -> u32 {
        let stamp = self.stamp(node, context);
        let entry = self.trace.push(stamp, what);
        if !watch.see(entry) {
            self.stop();
        }
        u32::try_from(stamp.seq).expect("a run has fewer than 2^32 entries")
    }

    #[inline(always)]
    pub(super) fn stamp(&self, node: NodeId, context: Context) -> Stamp {
        let seq = self.trace.next();
        let (flow, cause) = (context.flow, u64::from(context.cause).min(seq));
        Stamp { seq, cause, flow, at: self.now, node }
    }

    /// Somebody has seen enough.
    #[cold]
    pub(super) const fn stop(&mut self) {
        (self.stopped, self.limit) = (true, 0);
    }

    /// Like [`emit`](Self::emit), for what is rare.
    #[cold]
    pub(super) fn emit_rarely(
        &mut self,
        watch: &mut impl Watch<F>,
        node: NodeId,
        context: Context,
        what: What<F>,
    ) -> u32 {
        self.emit(watch, node, context, what)
    }
}

/// Of the events that wait, one of this ground does not any more.
#[inline(always)]
pub(super) fn pends_no_more(foreground: &mut u64, ground: Ground) {
    let counted = u64::from(ground == Ground::Foreground);
    debug_assert!(*foreground >= counted, "what waited was counted");
    *foreground = foreground.wrapping_sub(counted);
}
