//! One machine over stdio: JSON lines in, JSON lines out.
//!
//! A program in any language drives a reference machine through [`serve`], one request a line, and
//! compares itself with the answers. The format is documented in `docs/stdio.md` and stable: fields
//! are added, never renamed. Under the `guide` profile every machine does exactly what the
//! published guide's code does, defects included.
//!
//! What is *not* here: the machines' rules, which are the policies of `brownout-models`, and the
//! process around it (arguments, exit status).
//!
//! ```
//! use brownout::stdio::{Profile, serve};
//!
//! let requests = br#"{"at":0,"op":"failure"}"#;
//! let mut answers = Vec::new();
//! let config = Some("(failure_threshold: 1)");
//! let end = serve("breaker", Profile::Guide, config, &requests[..], &mut answers)?;
//! assert_eq!(end.bad_requests, 0);
//! assert!(String::from_utf8_lossy(&answers).starts_with(
//!     r#"{"request":0,"at":0,"result":{"state":"open"},"events":[{"at":0,"type":"transition","#
//! ));
//! # Ok::<(), brownout::stdio::StdioError>(())
//! ```

mod agenda;
mod balancer;
mod breaker;
mod broker;
mod client;
mod composition;
mod error;
mod fields;
mod gateway;
mod limiter;
mod observability;
mod protocol;
mod registry;
mod saga;
mod script;
mod sidecar;
mod vocabulary;

use std::io::{BufRead, Write};
use std::str::FromStr;

use serde::de::DeserializeOwned;

pub use error::StdioError;
use error::suggestion;

/// Every machine that [`serve`] knows.
pub const MACHINES: [&str; 11] = [
    "registry",
    "balancer",
    "client",
    "limiter",
    "breaker",
    "gateway",
    "sidecar",
    "broker",
    "saga",
    "composition",
    "observability",
];

/// Whose rules a machine follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// The published guide's code, defects included.
    #[default]
    Guide,
    /// What the best implementations do.
    Hardened,
}

impl FromStr for Profile {
    type Err = StdioError;

    fn from_str(text: &str) -> Result<Self, StdioError> {
        match text {
            "guide" => Ok(Self::Guide),
            "hardened" => Ok(Self::Hardened),
            _ => Err(StdioError::UnknownProfile {
                name: text.to_owned(),
                suggestion: suggestion(text, &["guide", "hardened"]),
            }),
        }
    }
}

/// How a session went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeEnd {
    /// Lines answered with `bad_request`; with any, the process ends with status 2.
    pub bad_requests: u64,
}

/// Drives the machine `name` from `input` until its end, then lives on until nothing is pending.
///
/// `config` is the machine's configuration in RON; without it the profile's defaults hold.
///
/// # Errors
/// When the machine or the profile does not exist, the configuration does not fit, or reading or
/// writing fails. A bad line is no error: it is answered and counted.
pub fn serve(
    name: &str,
    profile: Profile,
    config: Option<&str>,
    input: impl BufRead,
    output: impl Write,
) -> Result<ServeEnd, StdioError> {
    let Some(machine) = MACHINES.into_iter().find(|machine| *machine == name) else {
        return Err(StdioError::unknown_machine(name));
    };
    if profile == Profile::Hardened {
        return Err(StdioError::NotBuilt { machine });
    }
    let with = Config { machine, text: config };
    match machine {
        "registry" => protocol::run(registry::RegistryDesk::new(with.read()?), input, output),
        "client" => protocol::run(client::ClientDesk::new(with.read()?), input, output),
        "breaker" => protocol::run(breaker::BreakerDesk::new(with.read()?), input, output),
        "gateway" => protocol::run(gateway::GatewayDesk::new(with.read()?), input, output),
        "sidecar" => protocol::run(sidecar::SidecarDesk::new(with.read()?), input, output),
        "broker" => protocol::run(broker::BrokerDesk::new(with.read()?), input, output),
        "composition" => {
            protocol::run(composition::CompositionDesk::new(with.read()?), input, output)
        }
        "balancer" => {
            with.refuse()?;
            protocol::run(balancer::BalancerDesk::default(), input, output)
        }
        "limiter" => {
            with.refuse()?;
            protocol::run(limiter::LimiterDesk::default(), input, output)
        }
        "saga" => {
            with.refuse()?;
            protocol::run(saga::SagaDesk::default(), input, output)
        }
        "observability" => {
            with.refuse()?;
            protocol::run(observability::ObservabilityDesk::default(), input, output)
        }
        _ => Err(StdioError::unknown_machine(name)),
    }
}

/// The configuration as it was given.
#[derive(Clone, Copy)]
struct Config<'a> {
    machine: &'static str,
    text: Option<&'a str>,
}

impl Config<'_> {
    /// The machine's configuration, or its defaults.
    fn read<T: Default + DeserializeOwned>(self) -> Result<T, StdioError> {
        let Some(text) = self.text else { return Ok(T::default()) };
        ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .map_err(|error| StdioError::Config {
                machine: self.machine,
                message: error.to_string(),
            })
    }

    /// For machines that have nothing to configure.
    fn refuse(self) -> Result<(), StdioError> {
        match self.text {
            None => Ok(()),
            Some(_) => Err(StdioError::NoConfig { machine: self.machine }),
        }
    }
}
