//! The few styles that text is written in, and the room that it has. What is *not* here: whether there is
//! colour at all, and how wide the terminal is.

use anstyle::{AnsiColor, Style};
use brownout_models::Fact;
use brownout_models::fact::{DeploymentFact, WaitingFact};

use crate::kernel::What;
use crate::scenario::diagnostic::Screen;

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
    /// How many characters a line has, as far as its words and columns allow; 80.
    pub columns: usize,
}

impl Styles {
    /// What most terminals have, and what text without one is laid out for.
    const COLUMNS: usize = 80;

    /// Nothing but the text.
    pub const PLAIN: Self = Self {
        fault: Style::new(),
        good: Style::new(),
        bad: Style::new(),
        fact: Style::new(),
        dim: Style::new(),
        strong: Style::new(),
        columns: Self::COLUMNS,
    };

    /// The sixteen colours that every terminal has, in its own shades.
    pub const COLOURED: Self = Self {
        fault: AnsiColor::Red.on_default().bold(),
        good: AnsiColor::Green.on_default(),
        bad: AnsiColor::Yellow.on_default(),
        fact: AnsiColor::Cyan.on_default(),
        dim: Style::new().dimmed(),
        strong: Style::new().bold(),
        columns: Self::COLUMNS,
    };

    /// The same with room for so many characters in a line; less than 40 is taken for 40.
    #[must_use]
    pub fn within(self, columns: usize) -> Self {
        Self { columns: columns.max(Screen::COLUMNS_MIN), ..self }
    }

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
