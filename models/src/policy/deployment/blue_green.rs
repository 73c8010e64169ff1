//! Blue-green: a second full fleet, one switch, and the first one kept for a while.
//!
//! `hardened` is Argo's blue-green: all of the candidate must be ready before the switch, the stable
//! fleet stays 30 s for requests under way and for callers whose discovery is stale, and errors
//! within that time switch back. Nothing is cut off if and only if the delay is at least the
//! staleness of discovery and the longest request together: through the guide's registry up to 40 s
//! (REG-10), so there the delay has to be longer. `guide` switches as soon as the processes beat, and
//! stops the other fleet in the same instant (DEP-1).
//!
//! What is *not* here: two schemas in one database.

use serde::Serialize;

use super::{DeployAction, DeployEvent, Fleet, OperatorWord, Readiness, TurnBack, Version};
use crate::policy::Timeout;
use crate::profile::{Mistake, options};
use crate::{Ratio, Span, Time};

options! {
    /// How a blue-green deployment goes.
    config BlueGreenConfig;
    /// A blue-green deployment's configuration as it is written.
    options BlueGreenOptions as "BlueGreen";
    {
        /// What makes an instance count before the switch.
        readiness: Readiness = Readiness::Heartbeat, hardened Readiness::Probe;
        /// How long the candidate is shown to nobody but testers once it is ready; `"never"` over
        /// until a person says so. Not at all, as in Argo.
        preview: Timeout = Timeout::After(Span::ZERO);
        /// How long the fleet that lost the traffic stays; 30 s in Argo.
        scale_down_delay: Span = Span::ZERO, hardened Span::from_secs(30);
        /// While it stays, a larger share of failed requests switches back; 5 %.
        max_errors: Ratio = Ratio::ONE, hardened Ratio::new(5, 100).unwrap_or(Ratio::ONE);
        /// Fewer requests than this decide nothing; 100.
        min_requests: u64 = 100;
        /// How long the candidate may take to become ready; 600 s, then it is given up.
        progress_deadline: Timeout =
            Timeout::Never, hardened Timeout::After(Span::from_secs(600));
    }
}

impl BlueGreenConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let is_zero = self.progress_deadline == Timeout::After(Span::ZERO);
        let mistake = is_zero.then(|| {
            Mistake::new(
                "progress_deadline",
                "the deadline is zero",
                "expected a span longer than 0s",
                "write \"never\" to wait for ever",
            )
        });
        mistake.into_iter().collect()
    }
}

/// One blue-green deployment.
#[derive(Clone, Debug, Serialize)]
pub struct BlueGreen {
    config: BlueGreenConfig,
    replicas: u32,
    fleet: Fleet,
    serving: Version,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Phase {
    /// Not begun, or over.
    Idle,
    /// The candidate is on its way, and given up then.
    Starting { until: Time },
    /// The candidate is ready, and gets the traffic then.
    Previewing { until: Time },
    /// The other fleet has no traffic any more, and stops then.
    Switched { until: Time, requests: u64, errors: u64 },
}

impl BlueGreen {
    /// So many instances of the stable version, with all the traffic.
    #[must_use]
    pub fn new(config: BlueGreenConfig, replicas: u32, now: Time) -> Self {
        let fleet = Fleet::stable(replicas, now);
        Self { config, replicas, fleet, serving: Version::Stable, phase: Phase::Idle }
    }

    /// The deployment begins.
    pub fn begin(&mut self, now: Time) -> Vec<DeployAction> {
        let until = self.config.progress_deadline.span().map_or(Time::NEVER, |span| now + span);
        self.phase = Phase::Starting { until };
        (0..self.replicas).map(|_| self.fleet.start(Version::Candidate)).collect()
    }

    /// Something happened.
    pub fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        self.fleet.note(now, event, self.config.readiness);
        self.replace_failed(event, &mut actions);
        match (event, self.phase) {
            (DeployEvent::Abort, Phase::Starting { .. } | Phase::Previewing { .. }) => {
                self.give_up(TurnBack::Aborted, &mut actions);
            }
            (DeployEvent::Abort, Phase::Switched { .. }) if self.serving == Version::Candidate => {
                self.turn_back(now, TurnBack::Aborted, &mut actions);
            }
            (DeployEvent::Promote | DeployEvent::PromoteFull, Phase::Previewing { .. }) => {
                self.switch(now, Version::Candidate, &mut actions);
            }
            (_, Phase::Starting { .. }) if self.is_ready(now) => self.preview(now, &mut actions),
            (_, Phase::Previewing { .. }) if !self.is_ready(now) => {
                // It has to become ready again; the time it took before is forgiven.
                let limit = self.config.progress_deadline.span();
                let until = limit.map_or(Time::NEVER, |span| now + span);
                self.phase = Phase::Starting { until };
            }
            (
                DeployEvent::Metrics { version: Version::Candidate, requests, errors },
                Phase::Switched { until, requests: before, errors: failed },
            ) if self.serving == Version::Candidate => {
                let requests = before.saturating_add(requests);
                let errors = failed.saturating_add(errors);
                self.phase = Phase::Switched { until, requests, errors };
                if self.is_bad(requests, errors) {
                    self.turn_back(now, TurnBack::Analysis, &mut actions);
                }
            }
            _ => {}
        }
        actions
    }

    /// When time alone changes something.
    #[must_use]
    pub const fn due(&self) -> Option<Time> {
        match self.phase {
            Phase::Idle => None,
            Phase::Starting { until }
            | Phase::Previewing { until }
            | Phase::Switched { until, .. } => Some(until),
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        match self.phase {
            Phase::Starting { until } if until <= now => {
                self.give_up(TurnBack::ProgressDeadline, &mut actions);
            }
            Phase::Previewing { until } if until <= now => {
                self.switch(now, Version::Candidate, &mut actions);
            }
            Phase::Switched { until, .. } if until <= now => self.stop_others(&mut actions),
            Phase::Idle
            | Phase::Starting { .. }
            | Phase::Previewing { .. }
            | Phase::Switched { .. } => {}
        }
        actions
    }

    /// The instances.
    #[must_use]
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Which version has the traffic.
    #[must_use]
    pub const fn serving(&self) -> Version {
        self.serving
    }

    /// Whether a word means something where it stands.
    #[must_use]
    pub fn heeds(&self, word: OperatorWord) -> bool {
        match (word, self.phase) {
            (OperatorWord::Promote | OperatorWord::PromoteFull, phase) => {
                matches!(phase, Phase::Previewing { .. })
            }
            (OperatorWord::Abort, Phase::Starting { .. } | Phase::Previewing { .. }) => true,
            (OperatorWord::Abort, Phase::Switched { .. }) => self.serving == Version::Candidate,
            (OperatorWord::Abort, Phase::Idle) => false,
        }
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Idle
    }

    fn is_ready(&self, now: Time) -> bool {
        let available = self.fleet.available(Version::Candidate, now, Span::ZERO).count();
        available >= self.replicas as usize
    }

    fn is_bad(&self, requests: u64, errors: u64) -> bool {
        let (num, den) = (self.config.max_errors.num(), self.config.max_errors.den());
        requests >= self.config.min_requests
            && u128::from(errors) * u128::from(den) > u128::from(requests) * u128::from(num)
    }

    /// A crashed instance of a fleet that is still wanted is started again.
    fn replace_failed(&mut self, event: DeployEvent, actions: &mut Vec<DeployAction>) {
        let DeployEvent::Failed(_) = event else { return };
        let wanted: &[Version] = match self.phase {
            Phase::Idle => return,
            Phase::Starting { .. } | Phase::Previewing { .. } => {
                &[Version::Stable, Version::Candidate]
            }
            Phase::Switched { .. } => &[self.serving],
        };
        for version in wanted {
            if self.fleet.of(*version).count() < self.replicas as usize {
                actions.push(self.fleet.start(*version));
            }
        }
    }

    fn preview(&mut self, now: Time, actions: &mut Vec<DeployAction>) {
        let preview = self.config.preview.span();
        if preview.is_some_and(Span::is_zero) {
            self.switch(now, Version::Candidate, actions);
        } else {
            let until = preview.map_or(Time::NEVER, |span| now + span);
            self.phase = Phase::Previewing { until };
        }
    }

    fn switch(&mut self, now: Time, version: Version, actions: &mut Vec<DeployAction>) {
        self.serving = version;
        let candidate = if version == Version::Candidate { 100 } else { 0 };
        actions.push(DeployAction::Weight { candidate });
        let until = now + self.config.scale_down_delay;
        self.phase = Phase::Switched { until, requests: 0, errors: 0 };
        if until == now {
            self.stop_others(actions);
        }
    }

    fn turn_back(&mut self, now: Time, reason: TurnBack, actions: &mut Vec<DeployAction>) {
        actions.push(DeployAction::TurnBack { reason });
        self.switch(now, Version::Stable, actions);
    }

    /// The candidate never got any traffic.
    fn give_up(&mut self, reason: TurnBack, actions: &mut Vec<DeployAction>) {
        actions.push(DeployAction::TurnBack { reason });
        self.stop_others(actions);
    }

    fn stop_others(&mut self, actions: &mut Vec<DeployAction>) {
        let others: Vec<u32> =
            self.fleet.of(self.serving.other()).map(|(instance, _)| instance).collect();
        actions.extend(others.into_iter().map(|instance| self.fleet.stop(instance)));
        self.phase = Phase::Idle;
        actions.push(DeployAction::Done { version: self.serving });
    }
}
