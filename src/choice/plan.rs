//! Plans: which answers a run is given. A plan is a base for the weather and a list of faults.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a run is made of: the same scenario and the same plan give the same trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How things normally vary: arrivals, service times, latency, jitter, picks.
    pub weather: Weather,
    /// Whether faults strike with the odds of the scenario, drawn from the seed of the weather.
    /// Otherwise only the deviations strike.
    pub random_faults: bool,
    /// The only pieces of load that take part; `None` for all of them.
    pub load: Option<Vec<String>>,
    /// Answers that differ from the calm ones.
    pub deviations: Vec<Deviation>,
}

/// The base of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Weather {
    /// Everything takes its calm value.
    #[default]
    Calm,
    /// Everything varies as this seed has it.
    Seed {
        /// The seed.
        seed: u64,
        /// The purposes that stay calm all the same: `latency`, `work`, ..
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<String>,
    },
}

/// One answer that differs from the calm one, in names: it means the same after the scenario was
/// reordered, or nothing at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// Where: a node (`payment-1`) or a link and what is on it (`order-1>payment-1 charge reply`).
    pub site: String,
    /// What is decided there: `lose`, `crash`, `work`, ..
    pub what: String,
    /// For which piece of work: `shopper/17`.
    pub flow: String,
    /// The how-manieth time that this is decided there for that piece of work, from 1.
    pub count: u32,
    /// The answer: `yes`, `after effect 1`, `250ms`, a node.
    pub answer: String,
}

impl Plan {
    /// Everything calm: what happens when nothing goes wrong and nothing varies.
    #[must_use]
    pub fn calm() -> Self {
        Self::default()
    }

    /// Weather and faults as this seed has them.
    #[must_use]
    pub const fn seed(seed: u64) -> Self {
        let weather = Weather::Seed { seed, except: Vec::new() };
        Self { weather, random_faults: true, load: None, deviations: Vec::new() }
    }

    /// This plan with other deviations.
    #[must_use]
    pub fn with_deviations(&self, deviations: Vec<Deviation>) -> Self {
        Self { deviations, ..self.clone() }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}  {} #{}  {}", self.site, self.what, self.flow, self.count, self.answer)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.weather {
            Weather::Calm => f.write_str("calm weather")?,
            Weather::Seed { seed, except } if except.is_empty() => {
                write!(f, "weather of seed {seed}")?
            }
            Weather::Seed { seed, except } => {
                write!(f, "weather of seed {seed}, calm {}", except.join(", "))?;
            }
        }
        if self.random_faults {
            f.write_str(", random faults")?;
        }
        if let Some(load) = &self.load {
            match load.as_slice() {
                [] => f.write_str(", no load")?,
                _ => write!(f, ", load {}", load.join(", "))?,
            }
        }
        for deviation in &self.deviations {
            write!(f, "\n  {deviation}")?;
        }
        Ok(())
    }
}

/// What became of a deviation in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The run never came to its address.
    Unreached,
    /// The run came there, and its answer was none of those possible there, or the calm one.
    Inapplicable,
    /// It was the answer.
    Applied,
}

impl Fate {
    /// The word for a report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreached => "unreached",
            Self::Inapplicable => "inapplicable",
            Self::Applied => "applied",
        }
    }
}
