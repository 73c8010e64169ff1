//! What can go wrong before and around the lines. What is *not* here: a line that is bad, which is
//! answered, not returned.

use std::{fmt, io};

use super::MACHINES;

/// Why a session could not start or go on.
#[derive(Debug)]
pub enum StdioError {
    /// There is no such machine.
    UnknownMachine {
        /// As it was asked for.
        name: String,
        /// The nearest that exists.
        suggestion: Option<String>,
    },
    /// There is no such profile.
    UnknownProfile {
        /// As it was asked for.
        name: String,
        /// The nearest that exists.
        suggestion: Option<String>,
    },
    /// The configuration does not fit the machine.
    Config {
        /// Which machine.
        machine: &'static str,
        /// What is wrong, and where in the text.
        message: String,
    },
    /// Reading requests or writing responses failed.
    Io(io::Error),
}

impl StdioError {
    /// For a name that is not among [`MACHINES`].
    pub(super) fn unknown_machine(name: &str) -> Self {
        Self::UnknownMachine { name: name.to_owned(), suggestion: suggestion(name, &MACHINES) }
    }
}

impl fmt::Display for StdioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let did_you_mean = |f: &mut fmt::Formatter<'_>, suggestion: &Option<String>| {
            suggestion.iter().try_for_each(|known| write!(f, ", did you mean `{known}`?"))
        };
        match self {
            Self::UnknownMachine { name, suggestion } => {
                write!(f, "there is no machine `{name}`")?;
                did_you_mean(f, suggestion)?;
                write!(f, " (machines: {})", MACHINES.join(", "))
            }
            Self::UnknownProfile { name, suggestion } => {
                write!(f, "there is no profile `{name}`")?;
                did_you_mean(f, suggestion)?;
                f.write_str(" (profiles: guide, hardened)")
            }
            Self::Config { machine, message } => {
                write!(f, "the configuration does not fit the machine `{machine}`: {message}")
            }
            Self::Io(error) => write!(f, "stdio failed: {error}"),
        }
    }
}

impl std::error::Error for StdioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::UnknownMachine { .. } | Self::UnknownProfile { .. } | Self::Config { .. } => None,
        }
    }
}

impl From<io::Error> for StdioError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The known word that a stranger most probably meant, if any is near.
pub(super) fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    let nearest = known.iter().min_by_key(|candidate| distance(candidate))?;
    (distance(nearest) <= 1 + nearest.len() / 4).then(|| (*nearest).to_owned())
}
