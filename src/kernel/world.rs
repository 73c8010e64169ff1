//! A world: machines, what waits to happen to them, and the one loop that makes it happen.
//!
//! What is *not* here: real time, threads, and what a run means; properties and metrics only watch.

use std::sync::Arc;

use brownout_models::contract::{
    Context, Desk, Effect, FlowId, Ground, Input, Machine, NodeId, Purpose, Store, Surroundings,
    Turn,
};
use brownout_models::{Span, Time};

use super::event::{Event, EventKind, Round};
use super::node::{Head, Host, Node};
use super::queue::{Handle, Queue};
use super::{Bounds, Digest, End, Entry, Trace, Watch, What};
use crate::choice::{Choices, Deviation, Fate, Plan, Point};
use crate::layout::Layout;

/// A world of machines.
#[derive(Clone, Debug)]
pub struct World<M: Machine> {
    pub(super) layout: Arc<Layout>,
    pub(super) bounds: Bounds,
    pub(super) now: Time,
    pub(super) rounds: u32,
    steps: u64,
    pub(super) stopped: bool,
    pub(super) queue: Queue<Event<M::Payload>>,
    pub(super) round: Round,
    pub(super) machines: Vec<M>,
    pub(super) heads: Vec<Head>,
    pub(super) nodes: Vec<Node>,
    pub(super) hosts: Vec<Host>,
    pub(super) stores: Vec<Store>,
    pub(super) choices: Choices,
    pub(super) trace: Trace<M::Fact>,
    /// Events of foreground flows that wait.
    pub(super) foreground: u64,
    effects: Vec<Effect<M::Payload, M::Fact>>,
    /// Some node may crash or stand still: what nodes owe is kept.
    pub(super) may_crash: bool,
}

impl<M: Machine> World<M> {
    /// A world of these machines, one for each place of the layout in its order, at the start of a
    /// run that follows the plan.
    #[must_use]
    pub fn new(layout: Arc<Layout>, machines: Vec<M>, plan: &Arc<Plan>, bounds: Bounds) -> Self {
        let mut hosts: Vec<Host> = Vec::new();
        let mut stores = Vec::new();
        let mut heads = Vec::new();
        for (number, place) in (0..).zip(&layout.nodes) {
            heads.push(Head { life: 0, host: place.host, store: place.store, is_down: false });
            let (host, store) = (place.host as usize, place.store as usize);
            hosts.resize_with(hosts.len().max(host + 1), Host::default);
            stores.resize_with(stores.len().max(store + 1), Store::default);
            hosts[host].nodes.push(NodeId(number));
        }
        let mut world = Self {
            choices: Choices::new(Arc::clone(&layout), Arc::clone(plan)),
            layout,
            bounds,
            now: Time::ZERO,
            rounds: 0,
            steps: 0,
            stopped: false,
            queue: Queue::new(),
            round: Round::default(),
            nodes: vec![Node::default(); heads.len()],
            machines,
            heads,
            hosts,
            stores,
            trace: Trace::new(false),
            foreground: 0,
            effects: Vec::new(),
            may_crash: false,
        };
        world.may_crash = world.choices.may_crash();
        for number in 0..world.nodes.len() {
            world.start_life(
                NodeId(u32::try_from(number).unwrap_or(u32::MAX)),
                Span::ZERO,
                Context::UNCAUSED,
            );
        }
        world
    }

    /// This world, untouched so far, under another plan.
    #[must_use]
    pub fn under(&self, plan: &Arc<Plan>) -> Self {
        self.begun_anew(plan, false)
    }

    /// This world, untouched so far, under another plan; it writes down every point where the
    /// scenario's faults could strike.
    #[must_use]
    pub fn under_with_points(&self, plan: &Arc<Plan>) -> Self {
        self.begun_anew(plan, true)
    }

    /// This world, untouched so far, with what a calm run of so many steps learns of the places
    /// where something is decided: worlds made of it need not find out again, and do the same.
    #[must_use]
    pub fn scouted(&self, steps: u64) -> Self {
        let mut scout = self.clone();
        scout.run_to_step(steps, &mut ());
        let mut world = self.clone();
        world.choices = scout.choices;
        world.choices.name_sites();
        world.under(&Arc::new(Plan::calm()))
    }

    fn begun_anew(&self, plan: &Arc<Plan>, points: bool) -> Self {
        debug_assert!(self.steps == 0, "only a world that has not begun can take another plan");
        let mut world = self.clone();
        world.choices.restart(Arc::clone(plan), points);
        world.may_crash = world.choices.may_crash();
        world.queue.clear();
        world.foreground = 0;
        for number in 0..world.nodes.len() {
            world.start_life(
                NodeId(u32::try_from(number).unwrap_or(u32::MAX)),
                Span::ZERO,
                Context::UNCAUSED,
            );
        }
        world
    }

    /// Keeps every entry from here on.
    pub fn record(&mut self) {
        self.trace.record();
    }

    /// Follows another plan from here on, which begins with the deviations of the last one and must
    /// agree with the answers given so far; writes down the points from here on, or not.
    ///
    /// # Panics
    /// When the world did not write down its points so far: then nobody counted how often each site
    /// was asked, and the deviations of the plan would stand at other addresses.
    pub fn deviate(&mut self, plan: &Arc<Plan>, points: bool) {
        assert!(self.choices.writes_points(), "a world that deviates wrote down its points so far");
        self.choices.deviate(Arc::clone(plan), points);
        self.may_crash |= self.choices.may_crash();
    }

    /// Runs to the end.
    pub fn run(&mut self, watch: &mut impl Watch<M::Fact>) -> End {
        loop {
            if let Some(end) = self.step(watch) {
                return end;
            }
        }
    }

    /// Runs until this many steps have been taken, or to the end.
    pub fn run_to_step(&mut self, step: u64, watch: &mut impl Watch<M::Fact>) -> Option<End> {
        while self.steps < step {
            if let Some(end) = self.step(watch) {
                return Some(end);
            }
        }
        None
    }

    /// Takes one step: one event happens to one node.
    #[inline]
    pub fn step(&mut self, watch: &mut impl Watch<M::Fact>) -> Option<End> {
        if self.stopped {
            return Some(End::Stopped);
        }
        if self.foreground == 0 {
            return Some(End::Quiet);
        }
        if self.steps >= self.bounds.steps {
            return Some(End::Steps);
        }
        let event = match self.next_event(watch) {
            Ok(drawn) => self.queue.take(drawn),
            Err(end) => return Some(end),
        };
        if event.ground == Ground::Foreground {
            self.foreground -= 1;
        }
        self.steps += 1;
        self.choices.tick(self.now, self.steps);
        self.happen(event, watch);
        None
    }

    /// An event that waits counts for the run while its flow is in the foreground.
    #[inline(always)]
    pub(super) fn schedule(
        &mut self,
        at: Time,
        node: NodeId,
        context: Context,
        kind: EventKind<M::Payload>,
    ) -> Handle {
        let ground = self.choices.ground(context.flow);
        if ground == Ground::Foreground {
            self.foreground += 1;
        }
        self.queue.push(at, Event { node, ground, context, kind })
    }

    pub(super) fn unschedule(&mut self, handle: Handle) {
        if let Some(event) = self.queue.remove(handle)
            && event.ground == Ground::Foreground
        {
            self.foreground -= 1;
        }
    }

    /// The entry happened: everybody sees it.
    #[inline(always)]
    pub(super) fn emit(
        &mut self,
        watch: &mut impl Watch<M::Fact>,
        node: NodeId,
        context: Context,
        what: What<M::Fact>,
    ) -> u32 {
        let seq = self.trace.next();
        let (flow, cause) = (context.flow, u64::from(context.cause).min(seq));
        let entry = Entry { seq, cause, flow, at: self.now, node, what };
        if !watch.see(&entry) {
            self.stopped = true;
        }
        self.trace.push(entry);
        u32::try_from(seq).expect("a run has fewer than 2^32 entries")
    }

    /// Schedules the beginning of the node's next life, which follows from the crash that ended the
    /// last one.
    pub(super) fn start_life(&mut self, node: NodeId, after: Span, cause: u32) {
        let life = self.choices.begin_life(node);
        self.heads[node.0 as usize].life = life;
        let flow = self.choices.start_flow(node, LIFE, 0, Ground::Background);
        let context = Context { flow, cause, deadline: Time::NEVER };
        let ground = Ground::Background;
        let event = Event { node, ground, context, kind: EventKind::Start };
        // The run waits for a life to begin, though not for what goes on in it.
        self.foreground += 1;
        self.queue.push(self.now + after, event);
    }

    /// A life began: it no longer counts as something that the run waits for.
    pub(super) const fn life_begun(&mut self) {
        self.foreground -= 1;
    }

    /// The machine takes an input, and what it wants done is done. Returns how many sends, replies
    /// and writes it asked for.
    #[inline(always)]
    pub(super) fn turn(
        &mut self,
        node: NodeId,
        context: Context,
        input: Input<M::Payload, M::Timer>,
        power: u32,
        watch: &mut impl Watch<M::Fact>,
    ) -> u32 {
        let store = self.heads[node.0 as usize].store as usize;
        let calls = &mut self.nodes[node.0 as usize].calls;
        let mut effects = std::mem::take(&mut self.effects);
        let desk = Desk { effects: &mut effects, calls, store: &mut self.stores[store] };
        let mut turn =
            Turn::new(self.now, node, context, desk, &mut self.choices).with_power_for(power);
        self.machines[node.0 as usize].step(input, &mut turn);
        let acts = turn.acts();
        // Backwards, because taking the last one out moves no other and leaves nothing to clean up.
        effects.reverse();
        while let Some(effect) = effects.pop() {
            self.carry_out(node, effect, watch);
        }
        self.effects = effects;
        acts
    }

    /// The time of the world.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How many steps were taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What happened so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace<M::Fact> {
        &self.trace
    }

    /// The digest of everything that happened so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.trace.digest()
    }

    /// The parts of the system that do not move.
    #[must_use]
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The machine of a node.
    #[must_use]
    pub fn machine(&self, node: NodeId) -> Option<&M> {
        self.machines.get(node.0 as usize)
    }

    /// The databases, in the order of their numbers.
    #[must_use]
    pub fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// The name of a flow.
    #[must_use]
    pub fn flow_name(&self, flow: FlowId) -> String {
        self.choices.flow_text(flow)
    }

    /// How many flows were started.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.choices.flows()
    }

    /// The faults that struck, by plan or by chance, as deviations.
    #[must_use]
    pub fn applied(&self) -> &[Deviation] {
        self.choices.applied()
    }

    /// What became of each deviation of the plan.
    pub fn fates(&self) -> impl Iterator<Item = (&Deviation, Fate)> {
        self.choices.fates()
    }

    /// What the weather decided in this run: `latency`, `work`, ..
    #[must_use]
    pub fn weather_purposes(&self) -> &[&'static str] {
        self.choices.weather_purposes()
    }

    /// The points that were written down.
    pub fn take_points(&mut self) -> Vec<Point> {
        self.choices.take_points()
    }

    /// How many events wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.len()
    }
}

/// The source of the flow in which a life begins.
const LIFE: Purpose = Purpose("life");
