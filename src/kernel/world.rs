//! A world: machines, what waits to happen to them, and the one loop that makes it happen.
//!
//! What is *not* here: real time, threads, and what a run means; properties and metrics only watch.

use std::sync::Arc;

use brownout_models::Time;
use brownout_models::contract::{Context, FlowId, Input, Machine, NodeId, Store, Turn};

use super::event::Event;
use super::fabric::{DANGER, Fabric};
use super::hands::Hands;
use super::queue::Queue;
use super::{Bounds, Digest, End, Trace, Watch};
use crate::choice::{Deviation, Fate, Plan, Point};
use crate::layout::Layout;

/// What waits in a world of these machines.
pub(super) type Events<M> = Queue<Event<<M as Machine>::Payload>>;

/// A world of machines.
#[derive(Clone, Debug)]
pub struct World<M: Machine> {
    pub(super) machines: Vec<M>,
    /// Apart, as it is large: a world that is handed on is not copied.
    pub(super) fabric: Box<Fabric<M::Payload, M::Fact>>,
}

impl<M: Machine> World<M> {
    /// A world of these machines, one for each place of the layout in its order, at the start of a
    /// run that follows the plan.
    #[must_use]
    pub fn new(layout: Arc<Layout>, machines: Vec<M>, plan: &Arc<Plan>, bounds: Bounds) -> Self {
        Self { machines, fabric: Box::new(Fabric::new(layout, plan, bounds)) }
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

    /// This world, untouched so far, with what a run of so many steps, without faults, learns of the places
    /// where something is decided: worlds made of it need not find out again, and do the same.
    #[must_use]
    pub fn scouted(&self, steps: u64) -> Self {
        let plan = Plan { random_faults: false, ..Plan::seed(0) };
        let mut scout = self.under(&Arc::new(plan));
        scout.run_to_step(steps, &mut ());
        let mut world = self.clone();
        world.fabric.choices = scout.fabric.choices;
        world.fabric.choices.name_sites();
        world.under(&Arc::new(Plan::calm()))
    }

    fn begun_anew(&self, plan: &Arc<Plan>, points: bool) -> Self {
        debug_assert!(self.steps() == 0, "only a world that has not begun can take another plan");
        let mut world = self.clone();
        world.fabric.restart(plan, points);
        world
    }

    /// Keeps every entry from here on.
    pub fn record(&mut self) {
        self.fabric.trace.record();
    }

    /// Follows another plan from here on, which begins with the deviations of the last one and must
    /// agree with the answers given so far; writes down the points from here on, or not.
    ///
    /// # Panics
    /// When the world did not write down its points so far: then nobody counted how often each site
    /// was asked, and the deviations of the plan would stand at other addresses.
    pub fn deviate(&mut self, plan: &Arc<Plan>, points: bool) {
        assert!(
            self.fabric.choices.writes_points(),
            "a world that deviates wrote down its points so far"
        );
        self.fabric.choices.deviate(Arc::clone(plan), points);
        self.fabric.may_crash |= self.fabric.choices.may_crash();
    }

    /// Runs to the end.
    pub fn run(&mut self, watch: &mut impl Watch<M::Fact>) -> End {
        loop {
            if let Some(end) = self.run_to_step(u64::MAX, watch) {
                return end;
            }
        }
    }

    /// Runs until this many steps have been taken, or to the end.
    #[inline(never)]
    pub fn run_to_step(&mut self, step: u64, watch: &mut impl Watch<M::Fact>) -> Option<End> {
        let bound = step.min(self.fabric.bounds.steps);
        self.fabric.limit = if self.fabric.stopped { 0 } else { bound };
        while self.fabric.steps < self.fabric.limit {
            if let Some(end) = self.advance(watch) {
                return Some(end);
            }
        }
        if self.fabric.steps < step { self.end() } else { None }
    }

    /// Takes one step: one event happens to one node.
    pub fn step(&mut self, watch: &mut impl Watch<M::Fact>) -> Option<End> {
        self.end().or_else(|| self.advance(watch))
    }

    /// Why no further step is taken, if it is known before what comes next.
    #[inline(always)]
    const fn end(&self) -> Option<End> {
        if self.fabric.stopped {
            Some(End::Stopped)
        } else if self.fabric.foreground == 0 {
            Some(End::Quiet)
        } else if self.fabric.steps >= self.fabric.bounds.steps {
            Some(End::Steps)
        } else {
            None
        }
    }

    /// The same within the bound of steps, and while nobody stopped the run.
    #[inline(always)]
    fn advance(&mut self, watch: &mut impl Watch<M::Fact>) -> Option<End> {
        if self.fabric.foreground == 0 {
            return self.end();
        }
        let drawn = match self.fabric.next_event::<M::Timer>(watch) {
            Ok(drawn) => drawn,
            Err(end) => return Some(end),
        };
        // Below the bound of steps.
        self.fabric.steps = self.fabric.steps.wrapping_add(1);
        self.fabric.choices.tick(self.fabric.now, self.fabric.steps);
        self.happen(drawn, watch);
        None
    }

    /// The machine takes an input, which is made where it takes it, and what it wants done is done.
    /// Returns how many sends, replies and writes it asked for.
    #[inline(always)]
    pub(super) fn turn<const WHERE: bool>(
        &mut self,
        node: NodeId,
        mut context: Context,
        input: impl FnOnce(&mut Events<M>) -> Input<M::Payload, M::Timer>,
        power: u32,
        watch: &mut impl Watch<M::Fact>,
    ) -> u32 {
        let Self { machines, fabric } = self;
        let machine = &mut machines[node.0 as usize];
        let mut now = fabric.now;
        if WHERE == DANGER && fabric.clocks_differ {
            now = fabric.now_at(node);
            context.deadline = fabric.inward(node, context.deadline);
        }
        let input = input(&mut fabric.queue);
        let mut hands = Hands::<_, _, _, WHERE> { node, fabric, watch };
        let mut turn = Turn::new(now, node, context, &mut hands).with_power_for(power);
        machine.step(input, &mut turn);
        turn.acts()
    }

    /// The time of the world.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.fabric.now
    }

    /// How many steps were taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.fabric.steps
    }

    /// What happened so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace<M::Fact> {
        &self.fabric.trace
    }

    /// The digest of everything that happened so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.fabric.trace.digest()
    }

    /// The parts of the system that do not move.
    #[must_use]
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.fabric.layout
    }

    /// The machine of a node.
    #[must_use]
    pub fn machine(&self, node: NodeId) -> Option<&M> {
        self.machines.get(node.0 as usize)
    }

    /// The databases, in the order of their numbers.
    #[must_use]
    pub fn stores(&self) -> &[Store] {
        &self.fabric.stores
    }

    /// The name of a flow.
    #[must_use]
    pub fn flow_name(&self, flow: FlowId) -> String {
        self.fabric.choices.flow_text(flow)
    }

    /// How many flows were started.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.fabric.choices.flows()
    }

    /// The faults that struck, by plan or by chance, as deviations.
    #[must_use]
    pub fn applied(&self) -> &[Deviation] {
        self.fabric.choices.applied()
    }

    /// What became of each deviation of the plan.
    pub fn fates(&self) -> impl Iterator<Item = (&Deviation, Fate)> {
        self.fabric.choices.fates()
    }

    /// Which answers were possible instead, in words, for each deviation of the plan that was
    /// inapplicable; empty for the others.
    pub fn possible(&self) -> impl Iterator<Item = &str> {
        self.fabric.choices.possible()
    }

    /// What the weather decided in this run: `latency`, `work`, ..
    #[must_use]
    pub fn weather_purposes(&self) -> &[&'static str] {
        self.fabric.choices.weather_purposes()
    }

    /// The points that were written down.
    pub fn take_points(&mut self) -> Vec<Point> {
        self.fabric.choices.take_points()
    }

    /// How many events wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.fabric.queue.len()
    }
}
