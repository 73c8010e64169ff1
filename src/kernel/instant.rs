//! One instant: which event comes next, round by round, and the choice where a node has several.

use brownout_models::Time;
use brownout_models::contract::{Ground, Timer};
use serde::Serialize;

use super::bounds::Watch;
use super::event::{Event, EventKind};
use super::fabric::Fabric;
use super::queue::Drawn;
use super::{End, What};
use crate::choice::{Question, purpose};

impl<P: Clone, F: Clone + Serialize> Fabric<P, F> {
    /// The event that comes next, at this instant or later. One that has the instant for itself
    /// needs no round.
    #[inline(always)]
    pub(super) fn next_event<T: Timer>(&mut self, watch: &mut impl Watch<F>) -> Result<Drawn, End> {
        loop {
            if !self.round.is_empty() {
                if let Some(drawn) = self.take::<T>(watch) {
                    return Ok(drawn);
                }
                // The rest of the round was cancelled.
                if self.foreground == 0 {
                    return Err(End::Quiet);
                }
            }
            let Some((at, first)) = self.queue.draw() else { return Err(End::Quiet) };
            if at == self.now {
                self.rounds += 1;
                if self.rounds > self.bounds.rounds {
                    return Err(End::Stuck);
                }
            } else if at > self.bounds.horizon {
                return Err(self.reach_horizon(at, first));
            } else {
                self.rounds = 0;
                self.now = at;
            }
            if !self.queue.is_due() {
                return Ok(first);
            }
            self.begin_round(first);
        }
    }

    /// What comes next is past the last instant of the run: it waits on.
    #[cold]
    fn reach_horizon(&mut self, at: Time, first: Drawn) -> End {
        self.now = self.bounds.horizon;
        let first = self.queue.take(first);
        self.queue.push(at, first);
        End::Horizon
    }

    /// Everything that is due now makes a round.
    fn begin_round(&mut self, first: Drawn) {
        let Self { round, queue, .. } = self;
        round.begin();
        let event = queue.peek(&first);
        round.add(first, event);
        queue.draw_due(|drawn, event| round.add(drawn, event));
        round.settle();
        self.is_round_cut = false;
    }

    /// The next event of the round; a choice where its node has several. `None` when the rest of
    /// the round was cancelled meanwhile.
    #[inline]
    fn take<T: Timer>(&mut self, watch: &mut impl Watch<F>) -> Option<Drawn> {
        let may_tie = self.choices.may_tie();
        if may_tie || self.is_round_cut {
            self.discard_cancelled(may_tie);
        }
        if may_tie {
            self.settle_tie::<T>(watch);
        }
        self.round.take_next()
    }

    /// Where the node whose turn it is has several events, the one that is chosen goes first.
    #[cold]
    fn settle_tie<T: Timer>(&mut self, watch: &mut impl Watch<F>) {
        let passed = if self.round.rivals() > 1 { self.choose_rival::<T>() } else { 0 };
        if passed == 0 {
            return;
        }
        self.round.prefer(passed);
        let Some(first) = self.rivals().next() else { return };
        let Event { node, context, .. } = *first;
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.emit_rarely(watch, node, context, What::Overtook { passed });
    }

    /// What an earlier step of the round cancelled, replaced or settled does not happen, nor does it
    /// take part in a tie; without ties it is enough to look at what comes next.
    #[cold]
    fn discard_cancelled(&mut self, may_tie: bool) {
        let mut index = 0;
        while let Some(drawn) = self.round.own(index) {
            if self.is_due(self.queue.peek(drawn)) {
                if !may_tie {
                    return;
                }
                index += 1;
            } else if let Some(drawn) = self.round.remove(index)
                && self.queue.take(drawn).ground == Ground::Foreground
            {
                self.foreground -= 1;
            }
        }
    }

    /// Whether an event that was scheduled is still to happen.
    fn is_due(&self, event: &Event<P>) -> bool {
        let at = &self.nodes[event.node.0 as usize];
        match event.kind {
            EventKind::Start | EventKind::Ask { .. } | EventKind::Answer { .. } => true,
            EventKind::Wake { timer, number } => at.is_set(timer, number),
            EventKind::Expire { call, life } => {
                self.heads[event.node.0 as usize].life == life && at.calls.is_open(call)
            }
        }
    }

    /// The events of the node whose turn it is.
    fn rivals(&self) -> impl Iterator<Item = &Event<P>> {
        self.round.of_next_node().map(|drawn| self.queue.peek(drawn))
    }

    /// Which of the events that wait for one node goes first: a choice.
    fn choose_rival<T: Timer>(&mut self) -> usize {
        let Some(first) = self.rivals().next() else { return 0 };
        let (node, flow) = (first.node, first.context.flow);
        if self.hosts[self.host_of(node)].paused_until > self.now {
            return 0; // Nothing happens here before the host goes on, and then the tie is asked.
        }
        let site = self.choices.at_node(node, purpose::TIE, false);
        if self.choices.is_quiet(site) {
            return 0;
        }
        let mut words: Vec<String> = Vec::new();
        for event in self.rivals() {
            let text = match (&event.kind, event.kind.message()) {
                (EventKind::Start, _) => "start".to_owned(),
                (EventKind::Wake { timer, .. }, _) => format!("{:?}", T::from_code(*timer)),
                (EventKind::Expire { .. }, _) => "expiry".to_owned(),
                (EventKind::Ask { .. } | EventKind::Answer { .. }, message) => {
                    message.map_or_else(String::new, |(from, kind)| {
                        let kind = self.layout.kind_text(kind);
                        format!("{kind} from {}", self.layout.node_name(from))
                    })
                }
            };
            let text = format!("{text} for {}", self.choices.flow_text(event.context.flow));
            let same = |word: &&String| {
                let rest = word.strip_prefix(&text);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
            };
            let earlier = words.iter().filter(same).count();
            words.push(if earlier == 0 { text } else { format!("{text}, {earlier} earlier") });
        }
        let answer = self.choices.ask(site, flow, &Question::Tie(&words));
        usize::try_from(answer).unwrap_or(0).min(words.len() - 1)
    }
}
