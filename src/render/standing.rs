//! How each property of a scenario stands after a run.

use crate::run::Run;
use crate::scenario::Scenario;

/// How a property stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It held, up to the end of the run.
    Held,
    /// It held, up to a violation of another one that stopped the run.
    SoFar,
    /// It did not hold.
    Violated,
    /// It never had anything to look at.
    NeverLooked,
    /// What should be reached sometimes was.
    Reached,
    /// What should be reached sometimes was not, in this run.
    NotReached,
}

impl Standing {
    /// Every property of the scenario, in its order.
    #[must_use]
    pub fn all<'a>(scenario: &'a Scenario, run: &Run) -> Vec<(&'a str, Self)> {
        scenario.properties().map(|name| (name, Self::of(name, run))).collect()
    }

    fn of(name: &str, run: &Run) -> Self {
        if run.violation.as_ref().is_some_and(|violation| violation.property == name) {
            return Self::Violated;
        }
        if let Some((_, reached)) = run.sometimes.iter().find(|(known, _)| known == name) {
            return if *reached { Self::Reached } else { Self::NotReached };
        }
        if run.toothless.iter().any(|known| known == name) {
            return Self::NeverLooked;
        }
        if run.held() { Self::Held } else { Self::SoFar }
    }

    /// The words of a summary.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Held | Self::SoFar => "held",
            Self::Violated => "VIOLATED",
            Self::NeverLooked => "idle",
            Self::Reached => "reached",
            Self::NotReached => "missed",
        }
    }

    /// The word of a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::SoFar => "so_far",
            Self::Violated => "violated",
            Self::NeverLooked => "never_looked_at",
            Self::Reached => "reached",
            Self::NotReached => "not_reached",
        }
    }
}
