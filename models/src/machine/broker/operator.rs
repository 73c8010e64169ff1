//! A person who looks after the dead letters.

use std::sync::Arc;

use serde::Serialize;

use super::{BrokerNode, Envelope, Timer, number};
use crate::contract::{Ground, Purpose, Turn};
use crate::fact::{Fact, RedriveFact};
use crate::policy::{DeadLetter, Dispatcher};
use crate::{Name, Time};

const OPERATOR: Purpose = Purpose("operator");

impl<P: Clone + std::fmt::Debug + Serialize> BrokerNode<P> {
    /// Waits for the next word, a piece of work of its own; one that came while the broker was down
    /// comes when it is up.
    pub(super) fn listen(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some((at, _)) = self.config.operator.get(self.told) else { return };
        let at = Time::ZERO + *at;
        match self.asked {
            Some(context) => turn.on_behalf(context),
            None => {
                turn.start_flow(OPERATOR, (self.told as u64 + 1) << 20, Ground::Foreground);
                self.asked = Some(turn.context());
            }
        }
        turn.set(Timer::Operator, at.since(turn.now()));
    }

    /// Drives again what a person wants driven. All of it goes as one change, which is kept before
    /// anything goes; a word that the broker did not live to confirm is said again.
    pub(super) fn told(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let Some((_, which)) = self.config.operator.get(self.told) else { return };
        let which: Vec<usize> = which.iter().map(|index| self.subscribed[*index]).collect();
        if self.dispatcher.dead_letters_among(&which) > 0 && !self.kept(turn) {
            return;
        }
        // Whoever published it has ceased to wait long ago.
        let renew = |envelope: &mut Envelope<P>| envelope.context.deadline = Time::NEVER;
        let letters = self.dispatcher.redrive_those(turn.now(), &which, renew);
        let left = self.dispatcher.dead_letters_among(&which);
        let word = turn.context();
        let told = RedriveFact::Told { redriven: number(letters.len()), left: number(left) };
        turn.note(Fact::Redrive(told));
        for letter in &letters {
            let (topic, key, subscription) = self.act_for(letter, turn);
            turn.note(Fact::Redrive(RedriveFact::Letter { topic, key, subscription }));
        }
        if !letters.is_empty() {
            self.make_sure(turn);
        }
        self.dispatch(turn);
        if turn.has_power() {
            turn.on_behalf(word);
            self.told += 1;
            self.asked = None;
            self.listen(turn);
        }
    }

    /// Says of letters that are dead letters again, since the end of the log is lost that drove them,
    /// that they are.
    pub(super) fn bury_again(&self, lost: &Dispatcher<Envelope<P>>, turn: &mut Turn<'_, P, Fact>) {
        let is_same = |letter: &DeadLetter<_>, other: &DeadLetter<_>| {
            letter.subscription == other.subscription
                && letter.died_at == other.died_at
                && Arc::ptr_eq(&letter.message, &other.message)
        };
        for letter in self.dispatcher.dead_letters() {
            if !lost.dead_letters().any(|other| is_same(letter, other)) {
                let (topic, key, subscription) = self.act_for(letter, turn);
                turn.note(Fact::DeadLettered { topic, key, subscription });
            }
        }
    }

    /// Acts for whoever published a dead letter from here on: its topic, its key, and its subscription
    /// as facts have it.
    pub(super) fn act_for(
        &self,
        letter: &DeadLetter<Envelope<P>>,
        turn: &mut Turn<'_, P, Fact>,
    ) -> (Name, u64, u32) {
        let DeadLetter { message, subscription, .. } = letter;
        turn.on_behalf(message.payload.context);
        (message.topic, message.payload.request.key, number(self.configured[*subscription]))
    }
}
