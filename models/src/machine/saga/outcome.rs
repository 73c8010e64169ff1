//! How a saga and its calls end, in the words of messages and facts.

use crate::Name;
use crate::contract::{Failure, Sender, Turn};
use crate::fact::Fact;
use crate::policy::{SagaEnd, StepEnd};

/// Answers a request whose saga ended.
pub(super) fn answer<P>(end: SagaEnd, from: Sender, method: Name, turn: &mut Turn<'_, P, Fact>) {
    match end {
        SagaEnd::Committed => turn.reply_done(from, method),
        SagaEnd::Compensated => turn.reply_failure(from, method, Failure::RolledBack),
        SagaEnd::NeedsIntervention => {
            turn.reply_failure(from, method, Failure::NeedsIntervention);
        }
    }
}

/// The number of a step, as facts have it.
pub(super) fn number(step: usize) -> u32 {
    u32::try_from(step).unwrap_or(u32::MAX)
}

/// What a failed call says of its step.
pub(super) const fn step_end(failure: Option<Failure>) -> StepEnd {
    match failure {
        None => StepEnd::Done,
        Some(Failure::Rejected | Failure::UnknownMethod) => StepEnd::Rejected,
        Some(Failure::TimedOut | Failure::Reset) => StepEnd::Unknown,
        Some(
            Failure::NoInstances
            | Failure::NoHealthyInstances
            | Failure::RouteNotFound
            | Failure::RateLimited
            | Failure::BreakerOpen
            | Failure::Overloaded
            | Failure::Failed
            | Failure::RolledBack
            | Failure::NeedsIntervention,
        ) => StepEnd::Failed,
    }
}
