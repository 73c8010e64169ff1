//! How a registry behaves: every difference between the profiles, by name.

use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Ratio, Span};

options! {
    /// How long a registration lasts, who may touch it, and what is shown to whoever asks.
    config RegistryConfig;
    /// A registry's configuration as it is written.
    options RegistryOptions as "Registry";
    {
        /// An instance silent for longer is given up; 30 s.
        lease: Span = Span::from_secs(30);
        /// The owner sweeps at every multiple of this span, at least a nanosecond; 10 s. With exact
        /// expiry it is how often an expiry that was withheld is looked at again.
        sweep_every: Span = Span::from_secs(10);
        /// When a lease that ran out is noticed: at the next sweep in the guide (REG-10), at its
        /// own end in `hardened`, as a TTL check of Consul.
        expiry: Expiry = Expiry::Sweep, hardened Expiry::Exact;
        /// Whether the last instant of a lease is over already: not in the guide, whose comparison
        /// is strict; it is in `hardened`, as in Consul.
        boundary: Boundary = Boundary::Exclusive, hardened Boundary::Inclusive;
        /// What is believed of an instance that has only registered: healthy in the guide (REG-2),
        /// unknown until its first passing check in `hardened`, as in Consul, Envoy and Kubernetes.
        initial_health: InitialHealth = InitialHealth::Healthy, hardened InitialHealth::Unknown;
        /// Heartbeats in a row, each within a lease of the one before, that heal an instance given
        /// up; 1 in the guide (REG-11), 2 in `hardened`, the default of HAProxy's `rise`.
        rise: u32 = 1, hardened 2;
        /// Leases in a row that an instance misses until it is given up; 1, as a lease already lasts
        /// several heartbeats.
        fall: u32 = 1;
        /// Whether a registration belongs to one life of its instance: ignored in the guide (REG-3);
        /// in `hardened` an earlier life can neither refresh nor remove what a later one registered,
        /// as SWIM's incarnation numbers and the leases of etcd.
        incarnations: Incarnations = Incarnations::Ignored, hardened Incarnations::Fenced;
        /// Where an id is unique: within its service in the guide (REG-5), in the whole registry in
        /// `hardened`, where an instance that comes back under another service moves.
        id_scope: IdScope = IdScope::Service, hardened IdScope::Registry;
        /// When an instance given up is forgotten: never in the guide (REG-12), after 1 m in
        /// `hardened`, the least of Consul's `DeregisterCriticalServiceAfter`.
        eviction: Eviction = Eviction::Never, hardened Eviction::After(Span::from_secs(60));
        /// What becomes of a service without instances: listed for ever in the guide (REG-7).
        empty_services: EmptyServices = EmptyServices::Kept, hardened EmptyServices::Removed;
        /// When silence is taken for a broken network and nobody is given up (REG-13): never in the
        /// guide; in `hardened` while no more than 85 % of the instances were heard of within the
        /// renewal window, the threshold of Eureka.
        self_preservation: SelfPreservation =
            SelfPreservation::Off, hardened SelfPreservation::Below(percent(85));
        /// How far back self-preservation listens; 20 s. Like Eureka's minute it is two heartbeats
        /// long and two thirds of the lease, lest leases run out before the silence shows.
        renewal_window: Span = Span::from_secs(20);
        /// Instances below which neither self-preservation nor the cap holds; 7, the least number of
        /// which one may die without looking like 85 % or less: 6/7 is above, 5/6 is not.
        preservation_minimum: u32 = 7;
        /// The share of all instances that may be given up within one `sweep_every`, at least one of
        /// them: no limit in the guide, 15 % in `hardened`, as Eureka.
        expiry_cap: ExpiryCap = ExpiryCap::Unlimited, hardened ExpiryCap::AtMost(percent(15));
        /// Below this share of healthy instances of a service discovery shows all that were ever
        /// healthy; 0 % (never) in the guide, 50 % in `hardened`, Envoy's panic threshold.
        panic_threshold: Ratio = Ratio::ZERO, hardened percent(50);
        /// Whether a registration is looked at before it is taken in; not in the guide (REG-4).
        validation: Validation = Validation::Off, hardened Validation::On;
        /// Whether answers say which version of the registry they show; not in the guide (REG-8).
        snapshots: Snapshots = Snapshots::Unversioned, hardened Snapshots::Versioned;
        /// Whether the owner asks the instances how they are, beside their heartbeats (REG-14); not
        /// in either profile. Then an unknown instance needs a probe that passes.
        probing: Probing = Probing::Off;
        /// The time between two probes of an instance; 10 s, as in Kubernetes.
        probe_interval: Span = Span::from_secs(10);
        /// How long an instance has to answer a probe; 1 s, as in Kubernetes.
        probe_timeout: Span = Span::from_secs(1);
        /// Probes in a row that must pass until a failing instance is well again; 1, as in
        /// Kubernetes.
        healthy_threshold: u32 = 1;
        /// Probes in a row that must fail until an instance is given up; 3, as in Kubernetes.
        unhealthy_threshold: u32 = 3;
    }
    also {
        /// Former names of the node, which recorded plans may use.
        aliases: Vec<String>;
    }
}

/// A whole percentage up to 100.
fn percent(percent: u32) -> Ratio {
    Ratio::new(percent, 100).unwrap_or(Ratio::ONE)
}

/// When a lease that ran out is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expiry {
    /// At the next multiple of `sweep_every`, and discovery shows the instance until then.
    Sweep,
    /// When it runs out.
    Exact,
}

/// Whether the last instant of a lease is over already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boundary {
    /// No: an instance silent for exactly the lease is still well.
    Exclusive,
    /// Yes.
    Inclusive,
}

/// What is believed of an instance that has only registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InitialHealth {
    /// It is well.
    Healthy,
    /// Nothing, until its first check passes.
    Unknown,
}

/// Whether a registration belongs to one life of its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Incarnations {
    /// Whoever knows the id may do anything.
    Ignored,
    /// Earlier lives are refused.
    Fenced,
}

/// Where an id is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdScope {
    /// Within its service.
    Service,
    /// In the whole registry.
    Registry,
}

/// When an instance given up is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Eviction {
    /// Never.
    Never,
    /// This long after it was given up, unless it was healed.
    After(Span),
}

/// What becomes of a service without instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EmptyServices {
    /// It is still listed.
    Kept,
    /// It is forgotten.
    Removed,
}

/// When silence is taken for a broken network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfPreservation {
    /// Never.
    Off,
    /// While no more than this share of the instances were heard of lately.
    Below(Ratio),
}

/// How many instances may be given up within one `sweep_every`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiryCap {
    /// All of them.
    Unlimited,
    /// This share of all, rounded up.
    AtMost(Ratio),
}

/// Whether a registration is looked at before it is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Validation {
    /// Everything is taken in.
    Off,
    /// What cannot be reached is refused.
    On,
}

/// Whether answers say which version of the registry they show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Snapshots {
    /// No.
    Unversioned,
    /// Yes, as `X-Consul-Index`.
    Versioned,
}

/// Whether the owner asks the instances how they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probing {
    /// No.
    Off,
    /// Yes, and an instance is well only if its probes pass.
    On,
}

impl RegistryConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        mistakes.extend(zero("lease", "the lease", self.lease, "30s"));
        let sweep = "the time between two sweeps";
        mistakes.extend(zero("sweep_every", sweep, self.sweep_every, "10s"));
        mistakes.extend(none("rise", "the number of heartbeats that heal", self.rise));
        mistakes.extend(none("fall", "the number of leases missed", self.fall));
        if let Eviction::After(grace) = self.eviction
            && grace.is_zero()
        {
            let message = "an instance given up is forgotten at once";
            let expected = "expected a span longer than 0s";
            let help = "write `Never`, or a span like `After(\"1m\")`";
            mistakes.push(Mistake::new("eviction", message, expected, help));
        }
        self.preservation_mistakes(&mut mistakes);
        if self.probing == Probing::On {
            self.probing_mistakes(&mut mistakes);
        }
        mistakes
    }

    fn preservation_mistakes(&self, mistakes: &mut Vec<Mistake>) {
        if self.expiry_cap == ExpiryCap::AtMost(Ratio::ZERO) {
            let message = "nobody is ever given up";
            let help = "write `Unlimited`, or a share like `AtMost(\"15%\")`";
            mistakes.push(Mistake::new("expiry_cap", message, "expected more than 0%", help));
        }
        let SelfPreservation::Below(threshold) = self.self_preservation else { return };
        if threshold.is_zero() || threshold == Ratio::ONE {
            let message = if threshold.is_zero() {
                "self-preservation begins when nobody is heard of, which leases notice first"
            } else {
                "self-preservation never ends, and nobody is ever given up"
            };
            let expected = "expected a share between 0% and 100%";
            let help = "write `Off`, or a share like `Below(\"85%\")`";
            mistakes.push(Mistake::new("self_preservation", message, expected, help));
        }
        if self.renewal_window.is_zero() || self.renewal_window >= self.lease_in_all() {
            let message = format!("self-preservation cannot listen for {}", self.renewal_window);
            let less = self.lease_in_all();
            let expected =
                format!("expected a `renewal_window` of more than 0s and less than {less}");
            let help = "write a span of two heartbeats, shorter than `lease` times `fall`";
            let mistake = Mistake::new("renewal_window", message, expected, help);
            mistakes.push(mistake.beside(&["lease", "fall", "self_preservation"]));
        }
    }

    fn probing_mistakes(&self, mistakes: &mut Vec<Mistake>) {
        let interval = "the time between two probes";
        mistakes.extend(zero("probe_interval", interval, self.probe_interval, "10s"));
        if self.probe_timeout.is_zero() || self.probe_timeout > self.probe_interval {
            let message = format!("a probe cannot take {}", self.probe_timeout);
            let most = self.probe_interval;
            let expected = format!("expected a `probe_timeout` of more than 0s and at most {most}");
            let help = "write a span that is over before the next probe";
            let mistake = Mistake::new("probe_timeout", message, expected, help);
            mistakes.push(mistake.beside(&["probe_interval", "probing"]));
        }
        let passes = "the number of probes that must pass";
        mistakes.extend(none("healthy_threshold", passes, self.healthy_threshold));
        let failures = "the number of probes that must fail";
        mistakes.extend(none("unhealthy_threshold", failures, self.unhealthy_threshold));
    }

    /// How long an instance may be silent in all.
    #[must_use]
    pub fn lease_in_all(&self) -> Span {
        self.lease.times(u64::from(self.fall))
    }
}

fn zero(option: &str, what: &str, span: Span, default: &str) -> Option<Mistake> {
    let help = format!("leave it out for the guide's {default}");
    let expected = "expected a span longer than 0s";
    span.is_zero().then(|| Mistake::new(option, format!("{what} is zero"), expected, help))
}

fn none(option: &str, what: &str, number: u32) -> Option<Mistake> {
    let help = "write 1 where a single one is enough";
    (number == 0).then(|| Mistake::new(option, format!("{what} is 0"), "expected 1 or more", help))
}
