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
mod backoff;
mod balancer;
mod breaker;
mod broker;
mod budget;
mod bulkhead;
mod client;
mod composition;
mod deployment;
mod error;
mod fields;
mod gateway;
mod limiter;
mod observability;
mod outlier;
mod protocol;
mod registry;
mod saga;
mod script;
mod sidecar;
mod vocabulary;

use std::io::{BufRead, Write};

use brownout_models::Mistake;
pub use brownout_models::Profile;
use brownout_models::policy::{
    BackoffOptions, BalancerOptions, BreakerOptions, BulkheadOptions, DispatcherOptions,
    LimiterOptions, ObservabilityOptions, OutlierOptions, RegistryOptions, SagaOptions,
    SidecarOptions,
};
use serde::de::DeserializeOwned;

pub use error::StdioError;
use error::suggestion;
use protocol::{Asked, seat};

/// Every machine that [`serve`] knows.
pub const MACHINES: [&str; 16] = [
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
    "deployment",
    "observability",
    "backoff",
    "retry-budget",
    "outlier",
    "bulkhead",
];

/// Reads the name of a profile.
///
/// # Errors
/// There is no such profile.
pub fn profile(name: &str) -> Result<Profile, StdioError> {
    let known = Profile::ALL.into_iter().find(|(known, _)| *known == name);
    known.map(|(_, profile)| profile).ok_or_else(|| StdioError::UnknownProfile {
        name: name.to_owned(),
        suggestion: suggestion(name, &Profile::ALL.map(|(known, _)| known)),
    })
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
    protocol::run(open(name, profile, config)?, input, output)
}

/// A machine that is asked line by line, in a process of its own or within a simulation.
#[derive(Clone, Debug)]
pub(crate) struct Subject(Box<dyn Asked>);

impl Subject {
    /// The machine `name`, untouched; see [`serve`] for the arguments and the errors.
    pub(crate) fn new(
        name: &str,
        profile: Profile,
        config: Option<&str>,
    ) -> Result<Self, StdioError> {
        open(name, profile, config).map(Self)
    }

    /// Answers a request.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        self.0.ask(request.as_bytes()).expect(SERIALIZES)
    }

    /// Lives on until nothing is pending.
    pub(crate) fn finish(&mut self) -> String {
        self.0.finish().expect(SERIALIZES)
    }
}

/// Why no response fails to be written.
const SERIALIZES: &str = "a response has text keys only";

/// The machine `name`, ready to be asked.
fn open(name: &str, profile: Profile, config: Option<&str>) -> Result<Box<dyn Asked>, StdioError> {
    let Some(machine) = MACHINES.into_iter().find(|machine| *machine == name) else {
        return Err(StdioError::unknown_machine(name));
    };
    let with = Config { machine, profile, text: config };
    Ok(match machine {
        "registry" => seat(registry::RegistryDesk::new(with.read::<RegistryOptions>()?)),
        "client" => seat(client::ClientDesk::new(with.read::<client::ClientOptions>()?)),
        "breaker" => seat(breaker::BreakerDesk::new(with.read::<BreakerOptions>()?)),
        "gateway" => seat(gateway::GatewayDesk::new(with.read::<gateway::GatewayDeskOptions>()?)),
        "sidecar" => seat(sidecar::SidecarDesk::new(with.read::<SidecarOptions>()?)),
        "backoff" => seat(backoff::BackoffDesk::new(with.read::<BackoffOptions>()?)),
        "retry-budget" => seat(budget::BudgetDesk::new(with.read::<budget::BudgetOptions>()?)),
        "broker" => seat(broker::BrokerDesk::new(with.read::<DispatcherOptions>()?)),
        "deployment" => {
            seat(deployment::DeploymentDesk::new(with.read::<deployment::DeploymentOptions>()?))
        }
        "composition" => {
            let config = with.read::<composition::CompositionDeskOptions>()?;
            seat(composition::CompositionDesk::new(config, with.profile))
        }
        "balancer" => seat(balancer::BalancerDesk::new(with.read::<BalancerOptions>()?)),
        "outlier" => seat(outlier::OutlierDesk::new(with.read::<OutlierOptions>()?)),
        "limiter" => seat(limiter::LimiterDesk::new(with.read::<LimiterOptions>()?)),
        "bulkhead" => seat(bulkhead::BulkheadDesk::new(with.read::<BulkheadOptions>()?)),
        "saga" => {
            let config = with.read::<SagaOptions>()?;
            seat(saga::SagaDesk::new(config, with.profile))
        }
        "observability" => {
            let config = with.read::<ObservabilityOptions>()?;
            seat(observability::ObservabilityDesk::new(config))
        }
        _ => return Err(StdioError::unknown_machine(name)),
    })
}

/// The configuration as it was given.
#[derive(Clone, Copy)]
struct Config<'a> {
    machine: &'static str,
    profile: Profile,
    text: Option<&'a str>,
}

/// The options of a machine as they are written, and what they resolve to.
trait Options: Default + DeserializeOwned {
    /// The configuration.
    type Config;

    /// The configuration under a profile, and everything wrong with it.
    fn checked(&self, profile: Profile) -> (Self::Config, Vec<Mistake>);
}

/// Handlers over stdio are no instances: there is nobody to choose.
fn nobody_to_choose(balancer: &BalancerOptions, outlier: &OutlierOptions) -> Vec<Mistake> {
    let written = [
        ("balancer", *balancer != BalancerOptions::default()),
        ("outlier", *outlier != OutlierOptions::default()),
    ];
    let written = written.into_iter().filter(|(_, is_written)| *is_written);
    let help = "leave it out; scenarios have instances, and the machine of this name is one alone";
    written
        .map(|(option, _)| {
            Mistake::new(option, "nobody has several instances here", "expected none", help)
        })
        .collect()
}

impl Config<'_> {
    /// The machine's configuration: what the text says, and the profile's values for the rest. Under
    /// `guide` nothing is checked, as the guide checks nothing.
    fn read<T: Options>(self) -> Result<T::Config, StdioError> {
        let (config, mistakes) = self.text::<T>()?.checked(self.profile);
        if self.profile == Profile::Hardened && !mistakes.is_empty() {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            return Err(StdioError::Config { machine: self.machine, message: mistakes.join("; ") });
        }
        Ok(config)
    }

    fn text<T: Default + DeserializeOwned>(self) -> Result<T, StdioError> {
        let Some(text) = self.text else { return Ok(T::default()) };
        ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .map_err(|error| StdioError::Config {
                machine: self.machine,
                message: error.to_string(),
            })
    }
}
