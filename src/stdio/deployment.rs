//! `deployment`: one version takes the place of another, by one of three strategies.

use brownout_models::policy::{
    BlueGreen, BlueGreenConfig, BlueGreenOptions, Canary, CanaryConfig, CanaryOptions,
    DeployAction, DeployEvent, Fleet, ReplicaState, Rolling, RollingConfig, RollingOptions,
    Version,
};
use brownout_models::{Mistake, Profile, Time};
use serde::Deserialize;

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Event, Events, ReplicaView};

/// The options of every strategy.
#[derive(Default, Deserialize)]
#[serde(rename = "Deployment", deny_unknown_fields, default)]
pub(super) struct DeploymentOptions {
    rolling: RollingOptions,
    canary: CanaryOptions,
    blue_green: BlueGreenOptions,
}

/// The configuration of every strategy.
#[derive(Clone, Debug)]
pub(super) struct DeploymentConfig {
    rolling: RollingConfig,
    canary: CanaryConfig,
    blue_green: BlueGreenConfig,
}

impl Options for DeploymentOptions {
    type Config = DeploymentConfig;

    fn checked(&self, profile: Profile) -> (DeploymentConfig, Vec<Mistake>) {
        let config = DeploymentConfig {
            rolling: self.rolling.resolve(profile),
            canary: self.canary.resolve(profile),
            blue_green: self.blue_green.resolve(profile),
        };
        let within = |mistakes: Vec<Mistake>, name: &'static str| {
            mistakes.into_iter().map(move |mistake| mistake.within(name))
        };
        let mistakes = within(config.rolling.mistakes(), "rolling")
            .chain(within(config.canary.mistakes(), "canary"))
            .chain(within(config.blue_green.mistakes(), "blue_green"))
            .collect();
        (config, mistakes)
    }
}

/// A deployment, once it has begun.
#[derive(Clone, Debug)]
pub(super) struct DeploymentDesk {
    config: DeploymentConfig,
    running: Option<Running>,
    now: Time,
}

/// A deployment by its strategy.
#[derive(Clone, Debug)]
enum Running {
    Rolling(Rolling),
    Canary(Canary),
    BlueGreen(BlueGreen),
}

/// A strategy by its name.
#[derive(Clone, Copy)]
pub(super) enum Strategy {
    Rolling,
    Canary,
    BlueGreen,
}

/// A request to the deployment.
pub(super) enum DeploymentRequest {
    Begin { strategy: Strategy, replicas: u32 },
    Event(DeployEvent),
    Status,
}

/// More instances than this are refused.
const REPLICAS_MAX: u64 = 100_000;

impl DeploymentDesk {
    pub(super) const fn new(config: DeploymentConfig) -> Self {
        Self { config, running: None, now: Time::ZERO }
    }

    fn begin(&mut self, now: Time, strategy: Strategy, replicas: u32) -> Vec<DeployAction> {
        let DeploymentConfig { rolling, canary, blue_green } = self.config.clone();
        let mut running = match strategy {
            Strategy::Rolling => Running::Rolling(Rolling::new(rolling, replicas, now)),
            Strategy::Canary => Running::Canary(Canary::new(canary, replicas, now)),
            Strategy::BlueGreen => Running::BlueGreen(BlueGreen::new(blue_green, replicas, now)),
        };
        let actions = match &mut running {
            Running::Rolling(running) => running.begin(now),
            Running::Canary(running) => running.begin(now),
            Running::BlueGreen(running) => running.begin(now),
        };
        self.running = Some(running);
        actions
    }

    fn status(&self) -> Answer {
        let Some(running) = &self.running else {
            return Answer::Deployment { running: false, weight: None, instances: Vec::new() };
        };
        let (is_running, weight, fleet) = match running {
            Running::Rolling(running) => (running.is_running(), None, running.fleet()),
            Running::Canary(running) => {
                (running.is_running(), Some(running.weight()), running.fleet())
            }
            Running::BlueGreen(running) => {
                let weight = if running.serving() == Version::Candidate { 100 } else { 0 };
                (running.is_running(), Some(weight), running.fleet())
            }
        };
        Answer::Deployment { running: is_running, weight, instances: instances(fleet) }
    }
}

fn instances(fleet: &Fleet) -> Vec<ReplicaView> {
    let versions = [Version::Stable, Version::Candidate];
    let all = versions.into_iter().flat_map(|version| fleet.of(version));
    all.map(|(instance, replica)| ReplicaView {
        instance,
        version: replica.version,
        ready: matches!(replica.state, ReplicaState::Ready(_)),
    })
    .collect()
}

fn note(now: Time, actions: Vec<DeployAction>, events: &mut Events) {
    for action in actions {
        events.note(now, Event::Deploy { action });
    }
}

impl Desk for DeploymentDesk {
    type Request = DeploymentRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<DeploymentRequest, Bad> {
        let event = match operation {
            "begin" => {
                let strategy = strategy(&fields.text("strategy")?)?;
                let replicas = fields.natural("replicas")?;
                if !(1..=REPLICAS_MAX).contains(&replicas) {
                    return Err(Bad(format!("`replicas` must be from 1 to {REPLICAS_MAX}")));
                }
                let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
                return Ok(DeploymentRequest::Begin { strategy, replicas });
            }
            "status" => return Ok(DeploymentRequest::Status),
            "started" => DeployEvent::Started(instance(fields)?),
            "ready" => DeployEvent::Ready(instance(fields)?),
            "unready" => DeployEvent::Unready(instance(fields)?),
            "failed" => DeployEvent::Failed(instance(fields)?),
            "metrics" => DeployEvent::Metrics {
                version: version(&fields.text("version")?)?,
                requests: fields.natural("requests")?,
                errors: fields.natural("errors")?,
            },
            "promote" => DeployEvent::Promote,
            "promote_full" => DeployEvent::PromoteFull,
            "abort" => DeployEvent::Abort,
            _ => {
                let known = [
                    "begin",
                    "started",
                    "ready",
                    "unready",
                    "failed",
                    "metrics",
                    "promote",
                    "promote_full",
                    "abort",
                    "status",
                    "advance",
                ];
                return Err(unknown_operation(operation, &known));
            }
        };
        Ok(DeploymentRequest::Event(event))
    }

    fn due(&self) -> Option<Time> {
        match self.running.as_ref()? {
            Running::Rolling(running) => running.due(self.now),
            Running::Canary(running) => running.due(),
            Running::BlueGreen(running) => running.due(),
        }
        .filter(|due| *due < Time::NEVER)
    }

    fn wake(&mut self, now: Time, events: &mut Events) {
        self.now = now;
        let actions = match &mut self.running {
            None => return,
            Some(Running::Rolling(running)) => running.wake(now),
            Some(Running::Canary(running)) => running.wake(now),
            Some(Running::BlueGreen(running)) => running.wake(now),
        };
        note(now, actions, events);
    }

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: DeploymentRequest,
        events: &mut Events,
    ) -> Result<Answer, Bad> {
        self.now = now;
        let actions = match (request, &mut self.running) {
            (DeploymentRequest::Status, _) => return Ok(self.status()),
            (DeploymentRequest::Begin { .. }, Some(_)) => {
                return Err(Bad("`begin` comes once".to_owned()));
            }
            (DeploymentRequest::Begin { strategy, replicas }, None) => {
                self.begin(now, strategy, replicas)
            }
            (DeploymentRequest::Event(_), None) => {
                return Err(Bad("`begin` must be the first request".to_owned()));
            }
            (DeploymentRequest::Event(event), Some(Running::Rolling(running))) => {
                running.handle(now, event)
            }
            (DeploymentRequest::Event(event), Some(Running::Canary(running))) => {
                running.handle(now, event)
            }
            (DeploymentRequest::Event(event), Some(Running::BlueGreen(running))) => {
                running.handle(now, event)
            }
        };
        note(now, actions, events);
        Ok(Answer::Done {})
    }

    fn is_pending(&self) -> bool {
        self.due().is_some()
    }
}

fn instance(fields: &mut Fields) -> Result<u32, Bad> {
    let number = fields.natural("instance")?;
    u32::try_from(number).map_err(|_| Bad(format!("there is no instance {number}")))
}

fn strategy(text: &str) -> Result<Strategy, Bad> {
    match text {
        "rolling" => Ok(Strategy::Rolling),
        "canary" => Ok(Strategy::Canary),
        "blue_green" => Ok(Strategy::BlueGreen),
        _ => Err(Bad("field `strategy` must be `rolling`, `canary` or `blue_green`".to_owned())),
    }
}

fn version(text: &str) -> Result<Version, Bad> {
    match text {
        "stable" => Ok(Version::Stable),
        "candidate" => Ok(Version::Candidate),
        _ => Err(Bad("field `version` must be `stable` or `candidate`".to_owned())),
    }
}
