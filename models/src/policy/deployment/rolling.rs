//! The rolling update: a few instances at a time, never too many and never too few.
//!
//! `hardened` is Kubernetes' Deployment controller: new instances as far as the surge allows, old
//! ones stopped as far as enough others are available, unavailable ones first. Its two invariants:
//! at most `n + surge` instances are there, and unless instances fail by themselves at least
//! `n - unavailable` are available. An update of `n` therefore takes about `n / (surge +
//! unavailable)` waves. `guide` takes one out, puts one in and goes on once it beats.
//!
//! What is *not* here: the waits between restarts of an instance that crashes again and again.

use serde::{Deserialize, Serialize};

use super::{DeployAction, DeployEvent, Fleet, OperatorWord, Readiness, TurnBack, Version};
use crate::policy::Timeout;
use crate::profile::{Mistake, options};
use crate::{Span, Time};

options! {
    /// How a rolling update goes.
    config RollingConfig;
    /// A rolling update's configuration as it is written.
    options RollingOptions as "Rolling";
    {
        /// How many instances there may be beyond the wanted number; a share is rounded up.
        /// Kubernetes' default is 25 %.
        max_surge: Portion = Portion::Count(0), hardened Portion::Percent(25);
        /// How many of the wanted number may be unavailable; a share is rounded down. Kubernetes'
        /// default is 25 %; "update one instance" takes one. Where both would be none, it is one.
        max_unavailable: Portion = Portion::Count(1), hardened Portion::Percent(25);
        /// What "verify health" looks at (DEP-3).
        readiness: Readiness = Readiness::Heartbeat, hardened Readiness::Probe;
        /// How long an instance is ready before it counts as available; none, as in Kubernetes.
        min_ready: Span = Span::ZERO;
        /// How long nothing may become available before the update has failed; 600 s in Kubernetes.
        progress_deadline: Timeout =
            Timeout::Never, hardened Timeout::After(Span::from_secs(600));
        /// What follows then. Kubernetes only reports it, and leaves `rollout undo` to a person or a
        /// pipeline; hardened is that pipeline.
        on_deadline: OnDeadline = OnDeadline::Pause, hardened OnDeadline::RollBack;
    }
}

/// So many, or a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Portion {
    /// So many.
    Count(u32),
    /// A share of the wanted number, from 0 to 100.
    Percent(u32),
}

impl Portion {
    fn up(self, of: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => share(percent, of, 99),
        }
    }

    fn down(self, of: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => share(percent, of, 0),
        }
    }

    const fn is_zero(self) -> bool {
        matches!(self, Self::Count(0) | Self::Percent(0))
    }
}

/// `percent` of a number, after adding so many hundredths.
fn share(percent: u32, of: u32, more: u64) -> u32 {
    let hundredths = u64::from(percent) * u64::from(of) + more;
    u32::try_from(hundredths / 100).unwrap_or(u32::MAX)
}

/// What follows when an update makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDeadline {
    /// It stands where it is, and a person decides.
    Pause,
    /// The stable version comes back, by the same rules.
    RollBack,
}

impl RollingConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (option, portion) in
            [("max_surge", self.max_surge), ("max_unavailable", self.max_unavailable)]
        {
            if let Portion::Percent(percent) = portion
                && percent > 100
            {
                mistakes.push(Mistake::new(
                    option,
                    format!("{percent} percent of the instances are more than all"),
                    "expected a share from 0 to 100",
                    "write `Percent(25)`, or `Count(..)` for a number of instances",
                ));
            }
        }
        if self.max_surge.is_zero() && self.max_unavailable.is_zero() {
            mistakes.push(Mistake::new(
                "max_unavailable",
                "nothing may be added and nothing taken away, so nothing can be replaced",
                "expected `Count(1)` or more",
                "raise it, or `max_surge`",
            ));
        }
        if self.progress_deadline == Timeout::After(Span::ZERO) {
            mistakes.push(Mistake::new(
                "progress_deadline",
                "the deadline is zero",
                "expected a span longer than 0s",
                "write \"never\" to wait for ever",
            ));
        }
        mistakes
    }

    /// How many instances there may be, and how many must be available.
    fn bounds(&self, replicas: u32) -> (u32, u32) {
        let surge = self.max_surge.up(replicas);
        let unavailable = self.max_unavailable.down(replicas);
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        (replicas.saturating_add(surge), replicas.saturating_sub(unavailable))
    }
}

/// One rolling update.
#[derive(Clone, Debug, Serialize)]
pub struct Rolling {
    config: RollingConfig,
    replicas: u32,
    fleet: Fleet,
    /// Where it goes; nothing when it is over, or stands still.
    target: Option<Version>,
    is_turned: bool,
    /// Whether it stands still until a person decides.
    is_halted: bool,
    /// When something last became available or went away.
    progress: Time,
    /// How many of the target version were available then, and how many others there were.
    mark: (usize, usize),
}

impl Rolling {
    /// So many instances of the stable version, all available.
    #[must_use]
    pub fn new(config: RollingConfig, replicas: u32, now: Time) -> Self {
        let fleet = Fleet::stable(replicas, now);
        let mark = (0, fleet.len());
        let (target, is_turned, is_halted) = (None, false, false);
        Self { config, replicas, fleet, target, is_turned, is_halted, progress: now, mark }
    }

    /// The update begins.
    pub fn begin(&mut self, now: Time) -> Vec<DeployAction> {
        self.aim(now, Version::Candidate);
        self.reconcile(now)
    }

    /// Something happened.
    pub fn handle(&mut self, now: Time, event: DeployEvent) -> Vec<DeployAction> {
        self.fleet.note(now, event, self.config.readiness);
        match event {
            DeployEvent::Abort if self.heeds(OperatorWord::Abort) => {
                return self.turn_back(now, TurnBack::Aborted);
            }
            DeployEvent::Promote | DeployEvent::PromoteFull if self.is_halted => {
                let turned = if self.is_turned { Version::Stable } else { Version::Candidate };
                self.aim(now, turned);
            }
            DeployEvent::Abort
            | DeployEvent::Promote
            | DeployEvent::PromoteFull
            | DeployEvent::Started(_)
            | DeployEvent::Ready(_)
            | DeployEvent::Unready(_)
            | DeployEvent::Failed(_)
            | DeployEvent::Metrics { .. } => {}
        }
        self.reconcile(now)
    }

    /// When time alone changes something.
    #[must_use]
    pub fn due(&self, now: Time) -> Option<Time> {
        self.target?;
        let available = self.fleet.next_available(now, self.config.min_ready);
        let deadline = self.config.progress_deadline.span().map(|span| self.progress + span);
        available.into_iter().chain(deadline).min()
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) -> Vec<DeployAction> {
        let mut actions = self.reconcile(now);
        let Some(limit) = self.config.progress_deadline.span() else { return actions };
        if self.target.is_some() && now.since(self.progress) >= limit {
            if self.config.on_deadline == OnDeadline::RollBack && !self.is_turned {
                actions.extend(self.turn_back(now, TurnBack::ProgressDeadline));
            } else {
                (self.target, self.is_halted) = (None, true);
                actions.push(DeployAction::Pause);
            }
        }
        actions
    }

    /// The instances.
    #[must_use]
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Whether a word means something where it stands.
    #[must_use]
    pub fn heeds(&self, word: OperatorWord) -> bool {
        match word {
            OperatorWord::Promote | OperatorWord::PromoteFull => self.is_halted,
            OperatorWord::Abort => {
                let is_on_its_way = self.target == Some(Version::Candidate);
                is_on_its_way || (self.is_halted && !self.is_turned)
            }
        }
    }

    /// Whether it is neither over nor standing still.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.target.is_some()
    }

    /// How many instances are available, of both versions.
    #[must_use]
    pub fn available(&self, now: Time) -> usize {
        let of = |version| self.fleet.available(version, now, self.config.min_ready).count();
        of(Version::Stable) + of(Version::Candidate)
    }

    fn aim(&mut self, now: Time, target: Version) {
        (self.target, self.is_halted, self.progress) = (Some(target), false, now);
        let available = self.fleet.available(target, now, self.config.min_ready).count();
        self.mark = (available, self.fleet.of(target.other()).count());
    }

    fn turn_back(&mut self, now: Time, reason: TurnBack) -> Vec<DeployAction> {
        self.is_turned = true;
        self.aim(now, Version::Stable);
        let mut actions = vec![DeployAction::TurnBack { reason }];
        actions.extend(self.reconcile(now));
        actions
    }

    /// Everything that can be done now.
    fn reconcile(&mut self, now: Time) -> Vec<DeployAction> {
        let mut actions = Vec::new();
        while let Some(target) = self.target {
            let before = actions.len();
            self.scale_up(target, &mut actions);
            self.scale_down(now, target, &mut actions);
            self.note_progress(now, target);
            if actions.len() == before {
                break;
            }
        }
        let Some(target) = self.target else { return actions };
        let wanted = self.replicas as usize;
        if self.mark == (wanted, 0) && self.fleet.len() == wanted {
            self.target = None;
            actions.push(DeployAction::Done { version: target });
        }
        actions
    }

    fn scale_up(&mut self, target: Version, actions: &mut Vec<DeployAction>) {
        let (most, _) = self.config.bounds(self.replicas);
        let room = (most as usize).saturating_sub(self.fleet.len());
        let missing = (self.replicas as usize).saturating_sub(self.fleet.of(target).count());
        for _ in 0..room.min(missing) {
            actions.push(self.fleet.start(target));
        }
    }

    fn scale_down(&mut self, now: Time, target: Version, actions: &mut Vec<DeployAction>) {
        let min_ready = self.config.min_ready;
        let (_, least) = self.config.bounds(self.replicas);
        let new = self.fleet.available(target, now, min_ready).count();
        let old: Vec<_> = self.fleet.of(target.other()).collect();
        let (fine, broken): (Vec<_>, Vec<_>) =
            old.into_iter().partition(|(_, replica)| replica.is_available(now, min_ready));
        // Broken ones first, as they serve nobody; but they may come back, and those that are to take
        // their place may not be there yet.
        let starting = self.fleet.of(target).count() - new;
        let cleaned = self.fleet.len().saturating_sub(least as usize + starting);
        for (instance, _) in broken.into_iter().take(cleaned) {
            actions.push(self.fleet.stop(instance));
        }
        let spare = (fine.len() + new).saturating_sub(least as usize);
        for (instance, _) in fine.into_iter().take(spare) {
            actions.push(self.fleet.stop(instance));
        }
    }

    fn note_progress(&mut self, now: Time, target: Version) {
        let available = self.fleet.available(target, now, self.config.min_ready).count();
        let others = self.fleet.of(target.other()).count();
        if available > self.mark.0 || others < self.mark.1 {
            self.progress = now;
        }
        self.mark = (available, others);
    }
}
