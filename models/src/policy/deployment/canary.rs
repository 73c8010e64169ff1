//! The canary: a small share of the traffic first, and more only while its metrics are fine.
//!
//! `hardened` is Argo's canary with a traffic router: steps set a weight, wait, or analyse. An
//! analysis takes one measurement each interval; a measurement with too few requests is inconclusive
//! and says nothing; more failed ones than the limit turn everything back. How good that is can be
//! computed beforehand: with `n = weight * rate * interval` requests a measurement, a version that
//! fails with odds `p` passes one with the binomial's odds, and no failure in `n` bounds `p` by
//! `3 / n` (95 %). `guide` looks at the metrics of both versions in one heap, once, however few they
//! are (DEP-2).
//!
//! What is *not* here: comparing distributions (Kayenta's Mann-Whitney test), and baselines of their
//! own.

mod analysis;

use serde::{Deserialize, Serialize};

use super::{DeployAction, DeployEvent, Fleet, OperatorWord, Readiness, TurnBack, Version};
use crate::policy::Timeout;
use crate::profile::{Mistake, options};
use crate::{Ratio, Span, Time};
use analysis::Analysis;

options! {
    /// How a canary goes.
    config CanaryConfig;
    /// A canary's configuration as it is written.
    options CanaryOptions as "Canary";
    {
        /// What happens, one after the other; behind them the candidate gets everything.
        steps: Vec<CanaryStep> = vec![
            CanaryStep::SetWeight(10),
            CanaryStep::Analyse,
            CanaryStep::SetWeight(50),
            CanaryStep::Analyse,
        ];
        /// When an instance of the candidate may get traffic.
        readiness: Readiness = Readiness::Heartbeat, hardened Readiness::Probe;
        /// Whose requests count: the guide's metrics know no version (OB-2).
        metrics_of: MetricsOf = MetricsOf::Both, hardened MetricsOf::Candidate;
        /// How long one measurement takes; 60 s.
        interval: Span = Span::from_secs(60);
        /// How many measurements an analysis takes, from 1; Flagger's examples take 5 to 10.
        measurements: u32 = 1, hardened 5;
        /// Fewer requests than this are inconclusive. 100 bound the odds of failure by 3 %.
        min_requests: u64 = 0, hardened 100;
        /// A measurement fails when a larger share of its requests did; 1 %.
        max_errors: Ratio = Ratio::new(1, 100).unwrap_or(Ratio::ZERO);
        /// How many measurements of an analysis may fail; none, as in Argo.
        failure_limit: u32 = 0;
        /// How many may be inconclusive in a row before a person is asked; 4.
        inconclusive_limit: u32 = 4;
        /// What follows when too many failed; the drawing has no rule.
        on_failure: OnFailure = OnFailure::Pause, hardened OnFailure::RollBack;
        /// How long the instances that lost all traffic stay, for what is still under way and for a
        /// way back; 30 s in Argo.
        scale_down_delay: Span = Span::ZERO, hardened Span::from_secs(30);
    }
}

/// One step of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CanaryStep {
    /// The candidate gets this share of the traffic, in percent.
    SetWeight(u32),
    /// Nothing changes for a while; `"never"` over until a person says so.
    Pause(Timeout),
    /// The metrics are looked at.
    Analyse,
}

/// Whose requests count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricsOf {
    /// Those of both versions together.
    Both,
    /// Those of the candidate.
    Candidate,
}

/// What follows a failed analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// It stands where it is, and a person decides.
    Pause,
    /// All traffic goes back.
    RollBack,
}

impl CanaryConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut weight = 0;
        for step in &self.steps {
            let CanaryStep::SetWeight(next) = *step else { continue };
            if next > 100 || next < weight {
                mistakes.push(Mistake::new(
                    "steps",
                    format!("the weight cannot go from {weight} to {next} percent"),
                    format!("expected a number from {weight} to 100"),
                    "write rising weights; a canary that fails goes back by itself",
                ));
            }
            weight = next;
        }
        if self.measurements == 0 {
            mistakes.push(Mistake::new(
                "measurements",
                "an analysis without measurements says nothing",
                "expected 1 or more",
                "write how many intervals an analysis takes",
            ));
        }
        if self.interval.is_zero() {
            mistakes.push(Mistake::new(
                "interval",
                "a measurement takes no time",
                "expected a span longer than 0s",
                "write how long requests are counted",
            ));
        }
        mistakes
    }
}

/// One canary.
#[derive(Clone, Debug, Serialize)]
pub struct Canary {
    config: CanaryConfig,
    replicas: u32,
    fleet: Fleet,
    weight: u32,
    /// The step under way.
    step: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Phase {
    /// Not begun, or over.
    Idle,
    /// Instances for this weight are on their way.
    Scaling {
        weight: u32,
    },
    /// A pause ends then; `NEVER` when a person says so.
    Pausing {
        until: Time,
    },
    Analysing(Analysis),
    /// A person decides.
    Halted,
    /// The instances of a version have no traffic and stop then.
    Draining {
        version: Version,
        until: Time,
    },
}

impl Canary {
    /// So many instances of the stable version, with all the traffic.
    #[must_use]
    pub fn new(config: CanaryConfig, replicas: u32, now: Time) -> Self {
        let fleet = Fleet::stable(replicas, now);
        Self { config, replicas, fleet, weight: 0, step: 0, phase: Phase::Idle }
    }

    /// The canary begins.
    pub fn begin(&mut self, now: Time) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        self.enter(now, &mut actions);
        actions
    }

    /// Something happened.
    pub fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        self.fleet.note(now, event, self.config.readiness);
        self.replace_failed(event, &mut actions);
        match (event, self.phase) {
            (DeployEvent::Abort, phase) if self.can_turn_back(phase) => {
                self.turn_back(now, TurnBack::Aborted, &mut actions);
            }
            (DeployEvent::Promote, Phase::Pausing { .. } | Phase::Halted) => {
                self.go_on(now, &mut actions);
            }
            (DeployEvent::PromoteFull, phase) if self.can_turn_back(phase) => {
                self.step = self.config.steps.len();
                self.enter(now, &mut actions);
            }
            (
                DeployEvent::Metrics { version, requests, errors },
                Phase::Analysing(mut analysis),
            ) if version == Version::Candidate || self.config.metrics_of == MetricsOf::Both => {
                analysis.requests = analysis.requests.saturating_add(requests);
                analysis.errors = analysis.errors.saturating_add(errors);
                self.phase = Phase::Analysing(analysis);
            }
            (_, Phase::Scaling { weight }) if self.is_scaled(now, weight) => {
                self.weight = weight;
                actions.push(DeployAction::Weight { candidate: weight });
                self.go_on(now, &mut actions);
            }
            _ => {}
        }
        actions
    }

    /// When time alone changes something.
    #[must_use]
    pub const fn due(&self) -> Option<Time> {
        match self.phase {
            Phase::Idle | Phase::Scaling { .. } | Phase::Halted => None,
            Phase::Pausing { until } | Phase::Draining { until, .. } => Some(until),
            Phase::Analysing(analysis) => Some(analysis.until),
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        match self.phase {
            Phase::Pausing { until } if until <= now => self.go_on(now, &mut actions),
            Phase::Analysing(analysis) if analysis.until <= now => {
                self.measure(now, analysis, &mut actions);
            }
            Phase::Draining { version, until } if until <= now => {
                let instances: Vec<u32> =
                    self.fleet.of(version).map(|(instance, _)| instance).collect();
                actions.extend(instances.into_iter().map(|instance| self.fleet.stop(instance)));
                self.phase = Phase::Idle;
                actions.push(DeployAction::Done { version: version.other() });
            }
            Phase::Idle
            | Phase::Scaling { .. }
            | Phase::Halted
            | Phase::Pausing { .. }
            | Phase::Analysing(_)
            | Phase::Draining { .. } => {}
        }
        actions
    }

    /// The instances.
    #[must_use]
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The candidate's share of the traffic, in percent.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }

    /// Whether a word means something where it stands.
    #[must_use]
    pub fn heeds(&self, word: OperatorWord) -> bool {
        match word {
            OperatorWord::Promote => matches!(self.phase, Phase::Pausing { .. } | Phase::Halted),
            OperatorWord::PromoteFull | OperatorWord::Abort => self.can_turn_back(self.phase),
        }
    }

    /// Whether it is neither over nor standing still.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Halted)
    }

    fn go_on(&mut self, now: Time, actions: &mut Vec<DeployAction>) {
        self.step += 1;
        self.enter(now, actions);
    }

    /// Enters the step under way; behind the last one everything goes to the candidate.
    fn enter(&mut self, now: Time, actions: &mut Vec<DeployAction>) {
        match self.config.steps.get(self.step).copied() {
            Some(CanaryStep::SetWeight(weight)) => self.scale(now, weight, actions),
            Some(CanaryStep::Pause(pause)) => {
                let until = pause.span().map_or(Time::NEVER, |span| now + span);
                self.phase = Phase::Pausing { until };
            }
            Some(CanaryStep::Analyse) => {
                self.phase = Phase::Analysing(Analysis::new(now, &self.config))
            }
            None if self.weight < 100 => self.scale(now, 100, actions),
            None => self.drain(now, Version::Stable),
        }
    }

    /// Starts what this weight needs; the traffic follows once it is ready.
    fn scale(&mut self, now: Time, weight: u32, actions: &mut Vec<DeployAction>) {
        self.phase = Phase::Scaling { weight };
        let missing = self.needed(weight).saturating_sub(self.fleet.of(Version::Candidate).count());
        for _ in 0..missing {
            actions.push(self.fleet.start(Version::Candidate));
        }
        if self.is_scaled(now, weight) {
            self.weight = weight;
            actions.push(DeployAction::Weight { candidate: weight });
            self.go_on(now, actions);
        }
    }

    /// How many instances a share of the traffic needs: at least its share of all.
    fn needed(&self, weight: u32) -> usize {
        let hundredths = u64::from(weight) * u64::from(self.replicas);
        usize::try_from(hundredths.div_ceil(100)).unwrap_or(usize::MAX)
    }

    fn is_scaled(&self, now: Time, weight: u32) -> bool {
        let available = self.fleet.available(Version::Candidate, now, Span::ZERO).count();
        available >= self.needed(weight)
    }

    /// A crashed instance of either version is started again, as its replica set would.
    fn replace_failed(&mut self, event: DeployEvent, actions: &mut Vec<DeployAction>) {
        let DeployEvent::Failed(_) = event else { return };
        let candidates = match self.phase {
            Phase::Scaling { weight } => self.needed(weight),
            Phase::Draining { version: Version::Candidate, .. } | Phase::Idle => return,
            Phase::Pausing { .. }
            | Phase::Analysing(_)
            | Phase::Halted
            | Phase::Draining { version: Version::Stable, .. } => self.needed(self.weight),
        };
        if self.fleet.of(Version::Candidate).count() < candidates {
            actions.push(self.fleet.start(Version::Candidate));
        }
        let is_draining = matches!(self.phase, Phase::Draining { .. });
        if !is_draining && self.fleet.of(Version::Stable).count() < self.replicas as usize {
            actions.push(self.fleet.start(Version::Stable));
        }
    }

    /// An interval of an analysis is over.
    fn measure(&mut self, now: Time, mut analysis: Analysis, actions: &mut Vec<DeployAction>) {
        let config = &self.config;
        let Analysis { requests, errors, .. } = analysis;
        (analysis.requests, analysis.errors) = (0, 0);
        analysis.until = now + config.interval;
        if requests < config.min_requests {
            analysis.inconclusive += 1;
            let is_lost = analysis.inconclusive > config.inconclusive_limit;
            self.phase = if is_lost { Phase::Halted } else { Phase::Analysing(analysis) };
            actions.extend(is_lost.then_some(DeployAction::Pause));
            return;
        }
        (analysis.taken, analysis.inconclusive) = (analysis.taken + 1, 0);
        let (num, den) = (config.max_errors.num(), config.max_errors.den());
        let is_bad = u128::from(errors) * u128::from(den) > u128::from(requests) * u128::from(num);
        analysis.failed += u32::from(is_bad);
        if analysis.failed > config.failure_limit {
            match config.on_failure {
                OnFailure::RollBack => self.turn_back(now, TurnBack::Analysis, actions),
                OnFailure::Pause => {
                    self.phase = Phase::Halted;
                    actions.push(DeployAction::Pause);
                }
            }
        } else if analysis.taken >= config.measurements {
            self.go_on(now, actions);
        } else {
            self.phase = Phase::Analysing(analysis);
        }
    }

    fn can_turn_back(&self, phase: Phase) -> bool {
        !matches!(phase, Phase::Idle | Phase::Draining { .. })
    }

    fn turn_back(&mut self, now: Time, reason: TurnBack, actions: &mut Vec<DeployAction>) {
        self.weight = 0;
        actions.push(DeployAction::TurnBack { reason });
        actions.push(DeployAction::Weight { candidate: 0 });
        self.drain(now, Version::Candidate);
    }

    fn drain(&mut self, now: Time, version: Version) {
        self.phase = Phase::Draining { version, until: now + self.config.scale_down_delay };
    }
}
