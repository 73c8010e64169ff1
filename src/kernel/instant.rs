//! One instant: which event comes next, round by round, and the choice where a node has several.

use brownout_models::contract::Timer;
use serde::Serialize;

use super::bounds::Watch;
use super::event::{Event, EventKind};
use super::fabric::Fabric;
use super::queue::{Drawn, Lead, Place};
use super::{End, What};
use crate::choice::{Question, purpose};

impl<P: Clone, F: Clone + Serialize + 'static> Fabric<P, F> {
    /// The event that comes next, at this instant or later. One that has the instant for itself
    /// needs no round.
    #[inline(always)]
    pub(super) fn next_event<T: Timer>(&mut self, watch: &mut impl Watch<F>) -> Result<Drawn, End> {
        if !self.queue.is_in_round() {
            let Some((at, first)) = self.queue.lead() else { return Err(End::Quiet) };
            if at == self.now {
                self.rounds += 1;
                if self.rounds > self.bounds.rounds {
                    return Err(self.stop_at(first, End::Stuck));
                }
            } else if at > self.bounds.horizon {
                self.now = self.bounds.horizon;
                return Err(self.stop_at(first, End::Horizon));
            } else {
                self.rounds = 0;
                self.now = at;
            }
            if !self.queue.is_due() {
                return Ok(self.queue.draw_lead(first));
            }
            self.begin_round(first);
        }
        if self.choices.may_tie() {
            self.settle_tie::<T>(watch);
        }
        Ok(self.queue.draw_round())
    }

    /// What comes next waits on, past the end of the run.
    #[cold]
    fn stop_at(&mut self, first: Lead, end: End) -> End {
        self.queue.put_back(first);
        end
    }

    /// Everything that is due now makes a round.
    #[inline(never)]
    fn begin_round(&mut self, first: Lead) {
        let Self { round, queue, .. } = self;
        round.begin();
        queue.begin_round(first, |place, event| round.seat(place, event));
    }

    /// Where the node whose turn it is has several events, the one that is chosen goes first.
    #[cold]
    fn settle_tie<T: Timer>(&mut self, watch: &mut impl Watch<F>) {
        self.choices.come_to(self.now);
        let passed = if self.rivals().nth(1).is_some() { self.choose_rival::<T>() } else { 0 };
        if passed == 0 {
            return;
        }
        let Some((chosen, event)) = self.rivals().nth(passed) else { return };
        let Event { node, context, .. } = *event;
        self.queue.prefer(chosen);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.emit_rarely(watch, node, context, What::Overtook { passed });
    }

    /// The events of the node whose turn it is.
    fn rivals(&self) -> impl Iterator<Item = (Place, &Event<P>)> {
        let node = self.queue.round().next().map(|(_, event)| event.node);
        self.queue.round().take_while(move |(_, event)| Some(event.node) == node)
    }

    /// Which of the events that wait for one node goes first: a choice.
    fn choose_rival<T: Timer>(&mut self) -> usize {
        let Some((_, first)) = self.rivals().next() else { return 0 };
        let (node, flow) = (first.node, first.context.flow);
        if self.hosts[self.host_of(node)].paused_until > self.now {
            return 0; // Nothing happens here before the host goes on, and then the tie is asked.
        }
        let site = self.choices.at_node(node, purpose::TIE, false);
        if self.choices.is_quiet(site) {
            return 0;
        }
        let mut words: Vec<String> = Vec::new();
        for (_, event) in self.rivals() {
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
