//! The few styles that text is written in. What is *not* here: whether there is colour at all.

use anstyle::{AnsiColor, Style};
use brownout_models::Fact;
use brownout_models::fact::{DeploymentFact, WaitingFact};

use crate::kernel::What;

/// What each kind of text looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Styles {
    /// Something broke, or did not hold.
    pub fault: Style,
    /// Something went well.
    pub good: Style,
    /// Something was turned away, gave up or came too late.
    pub bad: Style,
    /// A machine says something.
    pub fact: Style,
    /// What the eye may pass over.
    pub dim: Style,
    /// Headings.
    pub strong: Style,
}

impl Styles {
    /// Nothing but the text.
    pub const PLAIN: Self = Self {
        fault: Style::new(),
        good: Style::new(),
        bad: Style::new(),
        fact: Style::new(),
        dim: Style::new(),
        strong: Style::new(),
    };

    /// The sixteen colours that every terminal has, in its own shades.
    pub const COLOURED: Self = Self {
        fault: AnsiColor::Red.on_default().bold(),
        good: AnsiColor::Green.on_default(),
        bad: AnsiColor::Yellow.on_default(),
        fact: AnsiColor::Cyan.on_default(),
        dim: Style::new().dimmed(),
        strong: Style::new().bold(),
    };

    /// The style of an entry.
    pub(super) const fn of(&self, what: &What<Fact>) -> Style {
        match what {
            What::Lost { .. }
            | What::Delayed { .. }
            | What::Duplicated { .. }
            | What::Overtook { .. }
            | What::Crashed { .. }
            | What::Paused { .. }
            | What::Partitioned { .. }
            | What::Slowed { .. }
            | What::Inherited { .. }
            | What::Unflushed { .. }
            | What::Skewed { .. }
            | What::Drifted { .. } => self.fault,
            What::Answered { failure: Some(_), .. }
            | What::Expired { .. }
            | What::Dropped { .. }
            | What::Refused { .. }
            | What::Stale { .. }
            | What::Unwrote { .. } => self.bad,
            What::Woke { .. } => self.dim,
            What::Wrote { .. } => self.good,
            What::Started { .. } | What::Delivered { .. } | What::Answered { .. } => Style::new(),
            What::Noted(fact) => self.of_fact(fact),
        }
    }

    const fn of_fact(&self, fact: &Fact) -> Style {
        match fact {
            Fact::Ended { failure: None, .. } | Fact::SagaEnded { committed: true, .. } => {
                self.good
            }
            Fact::Ended { failure: Some(_), .. }
            | Fact::Finished { failure: Some(_), .. }
            | Fact::Called { failure: Some(_), .. }
            | Fact::SagaStep { failure: Some(_), .. }
            | Fact::SagaEnded { committed: false, .. }
            | Fact::PartMissing { .. }
            | Fact::Composed { ok: false, .. }
            | Fact::SagaFailed { .. }
            | Fact::SagaStuck { .. }
            | Fact::Unhealthy { .. }
            | Fact::Evicted { .. }
            | Fact::Ejected { .. }
            | Fact::Limited { .. }
            | Fact::Broken { .. }
            | Fact::Overloaded { .. }
            | Fact::BulkheadFull { .. }
            | Fact::GatewayFull { .. }
            | Fact::Waiting(WaitingFact::Ended { is_in: false, .. })
            | Fact::DeadLettered { .. }
            | Fact::Unwanted { .. }
            | Fact::GaveUp { .. }
            | Fact::Deployment(DeploymentFact::TurnedBack { .. } | DeploymentFact::Halted) => {
                self.bad
            }
            Fact::Asked { .. }
            | Fact::Registered { .. }
            | Fact::Revived { .. }
            | Fact::Deregistered { .. }
            | Fact::Readmitted { .. }
            | Fact::Picked { .. }
            | Fact::Admitted { .. }
            | Fact::Waiting(WaitingFact::Began { .. })
            | Fact::Waiting(WaitingFact::Ended { is_in: true, .. })
            | Fact::Waiting(WaitingFact::Refunded { .. })
            | Fact::Breaker { .. }
            | Fact::InstanceBreaker { .. }
            | Fact::Began { .. }
            | Fact::Queued { .. }
            | Fact::Finished { .. }
            | Fact::AlreadyThere { .. }
            | Fact::Conflicted { .. }
            | Fact::WriteRefused { .. }
            | Fact::Attempt { .. }
            | Fact::PushedBack { .. }
            | Fact::Called { .. }
            | Fact::Publishing { .. }
            | Fact::Published { .. }
            | Fact::Delivering { .. }
            | Fact::Acknowledged { .. }
            | Fact::Redrive(_)
            | Fact::SagaBegan { .. }
            | Fact::SagaStep { .. }
            | Fact::Composed { ok: true, .. }
            | Fact::SagaResumed { .. }
            | Fact::SagaJoined { .. }
            | Fact::Drilled { .. }
            | Fact::Deployment(_)
            | Fact::Own(_)
            | Fact::Abandoned { .. } => self.fact,
        }
    }
}
