//! `balancer`: which host of the list shown gets the next call.

use brownout_models::policy::{Balancer, BalancerConfig, BalancerOptions, Host, Pick, Zones};
use brownout_models::{Mistake, Name, Names, Profile, Span, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

impl Options for BalancerOptions {
    type Config = BalancerConfig;

    fn checked(&self, profile: Profile) -> (BalancerConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A balancer and the names of its services and hosts.
#[derive(Clone, Debug)]
pub(super) struct BalancerDesk {
    names: Names,
    /// Zones count apart: rules that hash go by the numbers of names.
    zones: Names,
    balancer: Balancer,
}

impl BalancerDesk {
    pub(super) fn new(config: BalancerConfig) -> Self {
        Self { names: Names::new(), zones: Names::new(), balancer: Balancer::new(config) }
    }

    fn zone(&mut self, zone: &str) -> Name {
        self.zones.intern(zone)
    }
}

/// A request to the balancer.
pub(super) enum BalancerRequest {
    /// Which of these?
    Select { instances: Vec<Shown>, key: u64, word: u64, near: Near },
    /// A call to the host began.
    Started { id: String },
    /// It ended after so many nanoseconds.
    Ended { id: String, latency: u64 },
}

/// An entry of a list.
pub(super) struct Shown {
    service: String,
    id: String,
    weight: u32,
    zone: String,
}

/// Where the caller is, and where all callers are.
pub(super) struct Near {
    zone: String,
    callers: Vec<String>,
    word: u64,
}

impl Near {
    fn read(fields: &mut Fields) -> Result<Self, Bad> {
        let zone = fields.optional_text("zone")?.unwrap_or_default();
        let callers = if fields.has("callers") { fields.list("callers")? } else { Vec::new() };
        Ok(Self { zone, callers, word: fields.natural_or("zone_word", 0)? })
    }
}

impl Shown {
    fn read(mut entry: Fields) -> Result<Self, Bad> {
        let (service, id) = (entry.text("service")?, entry.text("id")?);
        let weight = u32::try_from(entry.natural_or("weight", 1)?);
        let weight = weight.map_err(|_| Bad("field `weight` must be below 2^32".to_owned()))?;
        let zone = entry.optional_text("zone")?.unwrap_or_default();
        entry.end()?;
        Ok(Self { service, id, weight, zone })
    }
}

impl Desk for BalancerDesk {
    type Request = BalancerRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<BalancerRequest, Bad> {
        match operation {
            "select" => {
                let mut instances = Vec::new();
                for entry in fields.array("instances")? {
                    instances.push(Shown::read(Fields::of_value(&entry, "instances")?)?);
                }
                let (key, word) = (fields.natural_or("key", 0)?, fields.natural_or("word", 0)?);
                Ok(BalancerRequest::Select { instances, key, word, near: Near::read(fields)? })
            }
            "started" => Ok(BalancerRequest::Started { id: fields.text("id")? }),
            "ended" => Ok(BalancerRequest::Ended {
                id: fields.text("id")?,
                latency: fields.natural("latency")?,
            }),
            _ => Err(unknown_operation(operation, &["select", "started", "ended", "advance"])),
        }
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: BalancerRequest,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        match request {
            BalancerRequest::Select { instances, key, word, near } => {
                // A mixed list counts for the service of its first entry.
                let Some(first) = instances.first() else {
                    return Ok(Answer::Index { index: None });
                };
                let service = self.names.intern(&first.service);
                let (mut hosts, mut zones) = (Vec::new(), Vec::new());
                for Shown { id, weight, zone, .. } in &instances {
                    hosts.push(Host { id: self.names.intern(id), weight: *weight });
                    zones.push(self.zone(zone));
                }
                let callers: Vec<Name> = near.callers.iter().map(|zone| self.zone(zone)).collect();
                let zones = Zones {
                    own: self.zone(&near.zone),
                    callers: &callers,
                    hosts: &zones,
                    // An integer of 63 bits, the largest of the protocol, stands for one of 64.
                    word: near.word << 1,
                };
                let pick = Pick { now, service, key, word };
                Ok(Answer::Index { index: self.balancer.pick_in_zones(pick, &hosts, zones) })
            }
            BalancerRequest::Started { id } => {
                self.balancer.started(now, self.names.intern(&id));
                Ok(Answer::Done {})
            }
            BalancerRequest::Ended { id, latency } => {
                let id = self.names.intern(&id);
                self.balancer.ended(now, id, Span::from_nanos(latency));
                Ok(Answer::Done {})
            }
        }
    }

    fn is_pending(&self) -> bool {
        false
    }
}
