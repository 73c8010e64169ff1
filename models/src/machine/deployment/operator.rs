//! A person who watches over a deployment.

use serde::Serialize;

use super::{DeploymentNode, Phase, Timer};
use crate::contract::Turn;
use crate::fact::{DeploymentFact, Fact};
use crate::{Span, Time};

impl<P: Clone + std::fmt::Debug + Serialize> DeploymentNode<P> {
    /// Waits for the next word, in the name of the rollout; one that came while the control plane was
    /// down comes when it is up.
    pub(super) fn listen(&self, turn: &mut Turn<'_, P, Fact>) {
        if let Some((at, _)) = self.config.operator.get(self.told) {
            turn.set(Timer::Operator, (Time::ZERO + *at).since(turn.now()));
        }
    }

    /// A person says something: where it means nothing, it is heard and nothing follows.
    pub(super) fn told(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let word = self.config.operator.get(self.told).map(|(_, word)| *word);
        let (Some(word), Some(strategy)) = (word, &self.strategy) else { return };
        self.told += 1;
        let heeded = strategy.heeds(word);
        turn.note(Fact::Deployment(DeploymentFact::Told { word, heeded }));
        if heeded {
            if self.phase == Phase::Halted {
                self.phase = Phase::Running;
            }
            self.handle(word.into(), turn);
            turn.set(Timer::Look, Span::ZERO);
        }
        self.listen(turn);
    }
}
