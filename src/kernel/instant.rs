//! One instant: which event comes next, round by round, and the choice where a node has several.

use brownout_models::contract::{Ground, Machine, Timer};

use super::event::{Event, EventKind};
use super::world::{Watch, World};
use super::{End, What};
use crate::choice::{Question, purpose};

impl<M: Machine> World<M> {
    /// The event that comes next, at this instant or later.
    #[inline]
    pub(super) fn next_event(
        &mut self,
        watch: &mut impl Watch<M::Fact>,
    ) -> Result<Event<M::Payload>, End> {
        loop {
            if self.round.is_empty()
                && let Some(alone) = self.next_round()?
            {
                return Ok(alone);
            }
            if let Some(event) = self.take(watch) {
                return Ok(event);
            }
            if self.foreground == 0 {
                return Err(End::Quiet);
            }
        }
    }

    /// Time goes on to the next event, or to the next round of this instant. An event that has the
    /// instant for itself needs no round and is handed out.
    fn next_round(&mut self) -> Result<Option<Event<M::Payload>>, End> {
        let Some((at, first)) = self.queue.pop() else { return Err(End::Quiet) };
        if at > self.bounds.horizon {
            self.now = self.bounds.horizon;
            self.queue.push(at, first);
            return Err(End::Horizon);
        }
        self.rounds = if at == self.now { self.rounds + 1 } else { 0 };
        self.now = at;
        if self.rounds > self.bounds.rounds {
            return Err(End::Stuck);
        }
        let Some(second) = self.queue.pop_at(at) else { return Ok(Some(first)) };
        self.round.add(first);
        self.round.add(second);
        while let Some(event) = self.queue.pop_at(at) {
            self.round.add(event);
        }
        Ok(None)
    }

    /// The next event of the round; a choice where its node has several. `None` when the rest of
    /// the round was cancelled meanwhile.
    fn take(&mut self, watch: &mut impl Watch<M::Fact>) -> Option<Event<M::Payload>> {
        self.discard_cancelled();
        let is_tie = self.choices.may_tie() && self.round.rivals() > 1;
        let passed = if is_tie { self.choose_rival() } else { 0 };
        let event = self.round.take(passed)?;
        if passed > 0 {
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            let context = event.context;
            self.emit(watch, event.node, context, What::Overtook { passed });
        }
        Some(event)
    }

    /// What an earlier step of the round cancelled, replaced or settled neither happens nor takes
    /// part in a tie.
    fn discard_cancelled(&mut self) {
        let mut index = 0;
        while let Some(event) = self.round.own(index) {
            if self.is_due(event) {
                index += 1;
            } else if let Some(event) = self.round.take(index)
                && event.ground == Ground::Foreground
            {
                self.foreground -= 1;
            }
        }
    }

    /// Whether an event that was scheduled is still to happen.
    fn is_due(&self, event: &Event<M::Payload>) -> bool {
        let at = &self.nodes[event.node.0 as usize];
        match event.kind {
            EventKind::Start | EventKind::Deliver { .. } => true,
            EventKind::Wake { timer, number } => at.is_set(timer, number),
            EventKind::Expire { call, life } => {
                self.heads[event.node.0 as usize].life == life && at.calls.is_open(call)
            }
        }
    }

    /// Which of the events that wait for one node goes first: a choice.
    fn choose_rival(&mut self) -> usize {
        let Some(first) = self.round.of_next_node().next() else { return 0 };
        let (node, flow) = (first.node, first.context.flow);
        if self.hosts[self.host_of(node)].paused_until > self.now {
            return 0; // Nothing happens here before the host goes on, and then the tie is asked.
        }
        let site = self.choices.at_node(node, purpose::TIE, false);
        if self.choices.is_quiet(site) {
            return 0;
        }
        let mut words: Vec<String> = Vec::new();
        for event in self.round.of_next_node() {
            let text = match &event.kind {
                EventKind::Start => "start".to_owned(),
                EventKind::Wake { timer, .. } => format!("{:?}", M::Timer::from_code(*timer)),
                EventKind::Expire { .. } => "expiry".to_owned(),
                EventKind::Deliver { from, message, .. } => {
                    let kind = self.layout.kind_text(message.kind());
                    format!("{kind} from {}", self.layout.node_name(*from))
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
