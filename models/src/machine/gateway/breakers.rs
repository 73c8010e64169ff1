//! A gateway's breakers: what changes at them and when, and what the end of a call tells them.

use std::sync::Arc;

use serde::Serialize;

use super::{GatewayNode, Timer};
use crate::contract::{Distribution, Failure, Ground, NodeId, Purpose, Turn};
use crate::fact::Fact;
use crate::policy::{BreakerKey, BreakerState, FailureClass, Gateway, Transition};
use crate::{Name, Span, Time};

/// How much longer a breaker stays open than it has to.
const JITTER: Purpose = Purpose("open jitter");

/// A breaker half-opens, or gives a probe up.
const WAKING: Purpose = Purpose("breaker");

impl<P: Clone + std::fmt::Debug + Serialize> GatewayNode<P> {
    /// Says what changed, which mostly is nothing.
    #[inline(always)]
    pub(super) fn tell(
        &mut self,
        transitions: Vec<(BreakerKey, Transition)>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        if !transitions.is_empty() {
            self.tell_all(transitions, turn);
        }
    }

    /// Says what changed, and draws how much longer a breaker stays open.
    #[cold]
    fn tell_all(
        &mut self,
        transitions: Vec<(BreakerKey, Transition)>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        for (key, Transition { from, to }) in transitions {
            turn.note(match key {
                BreakerKey::Service(service) => Fact::Breaker { service, from, to },
                BreakerKey::Route(service, _) => Fact::Breaker { service, from, to },
                BreakerKey::Instance(service, instance) => {
                    Fact::InstanceBreaker { service, instance: NodeId(instance), from, to }
                }
            });
            let Some(breaker) = self.gateway.breaker_mut(key) else { continue };
            let max = breaker.jitter_max();
            if to == BreakerState::Open && !max.is_zero() {
                let distribution = Distribution::Uniform { min: Span::ZERO, max };
                breaker.lengthen(turn.span(JITTER, &distribution));
            }
        }
    }

    /// Everything that is due at the breakers.
    pub(super) fn wake(&mut self, turn: &mut Turn<'_, P, Fact>) {
        self.armed = None;
        self.wakings += 1;
        turn.start_flow(WAKING, self.wakings << 20, Ground::Background);
        while let Some(transition) = self.gateway.wake(turn.now()) {
            self.tell(vec![transition], turn);
        }
    }

    /// Sets the timer for what is due next, in the name of no request.
    #[inline]
    pub(super) fn arm(&mut self, turn: &mut Turn<'_, P, Fact>) {
        let due = self.gateway.due();
        if due != self.armed {
            self.arm_for(due, turn);
        }
    }

    #[cold]
    fn arm_for(&mut self, due: Option<Time>, turn: &mut Turn<'_, P, Fact>) {
        self.armed = due;
        match due {
            None => turn.cancel(Timer::Breakers),
            Some(due) => {
                self.wakings += 1;
                turn.start_flow(WAKING, self.wakings << 20, Ground::Background);
                turn.set(Timer::Breakers, due.since(turn.now()));
            }
        }
    }
}

/// Of the instances that were found, those whose breakers admit a call.
pub(super) fn callable(
    gateway: &Gateway,
    now: Time,
    service: Name,
    found: &[NodeId],
) -> Result<Arc<[NodeId]>, Failure> {
    let callable = gateway.callable(now, service, &numbers(found));
    if callable.is_empty() {
        return Err(Failure::BreakerOpen);
    }
    Ok(callable.into_iter().map(|place| found[place]).collect())
}

pub(super) fn numbers(instances: &[NodeId]) -> Vec<u32> {
    instances.iter().map(|instance| instance.0).collect()
}

/// What a failure is about, for a breaker.
pub(super) const fn class(failure: Failure) -> FailureClass {
    match failure {
        Failure::NoInstances | Failure::NoHealthyInstances => FailureClass::Discovery,
        Failure::RouteNotFound | Failure::UnknownMethod | Failure::Rejected => {
            FailureClass::Rejected
        }
        Failure::RateLimited | Failure::BreakerOpen => FailureClass::OwnRejection,
        Failure::Overloaded => FailureClass::Overload,
        Failure::Reset => FailureClass::Reset,
        Failure::TimedOut => FailureClass::Timeout,
        Failure::Failed | Failure::RolledBack | Failure::NeedsIntervention => FailureClass::Error,
    }
}

/// Whether a failure says nothing of the service: how long it took is no latency.
pub(super) fn was_nobody_called(failure: Failure) -> bool {
    matches!(class(failure), FailureClass::Discovery | FailureClass::OwnRejection)
}
