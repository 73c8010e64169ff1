//! Claims about a circuit breaker.

use brownout_models::{Span, Time};
use serde::Deserialize;

use super::{Account, Exchange};

/// What a circuit breaker must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "BreakerClaim", deny_unknown_fields)]
pub enum BreakerClaim {
    /// Always: at most this many of the calls that were admitted while it was half-open wait for
    /// their outcome (CB-1).
    ProbesAreBounded(usize),
    /// Always: once open, it does not half-open before this time is over (CB-2).
    OpenLasts(Span),
    /// Always: once half of this many results since it was last closed are failures, it is closed no
    /// more (CB-3).
    OpensWhenHalfFail(usize),
    /// Always: later than this after it opened it does not refuse because it is open (CB-4).
    OpenEnds(Span),
    /// Always: what it announces is a path from closed, without a step from a state to itself (CB-5).
    AnnouncesAPath,
    /// Always: the result of a call from before the last change of state changes no state. Results
    /// settle the oldest admitted call (CB-6).
    LateResultsChangeNothing,
    /// Always: the result of a probe does not open it once it is closed. Results settle the oldest
    /// admitted call (CB-7).
    LeftoversDoNotOpen,
    /// Always: it is half-open no more when a probe has had no result for this long. Results settle
    /// the oldest admitted call (CB-8).
    LostProbesEnd(Span),
    /// Always: later than this after it opened, it does not say that it is open (CB-10).
    StateIsCurrent(Span),
}

impl BreakerClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        match self {
            Self::ProbesAreBounded(most) => Box::new(Probes { most, waiting: 0 }),
            Self::AnnouncesAPath => Box::new(Path { state: "closed".to_owned() }),
            Self::OpensWhenHalfFail(of) => Box::new(Share { of, failed: Vec::new() }),
            Self::OpenLasts(_)
            | Self::OpenEnds(_)
            | Self::LateResultsChangeNothing
            | Self::LeftoversDoNotOpen
            | Self::LostProbesEnd(_)
            | Self::StateIsCurrent(_) => Box::new(History::new(self)),
        }
    }
}

/// Probes that wait for their outcome.
#[derive(Clone, Debug)]
struct Probes {
    most: usize,
    waiting: usize,
}

impl Account for Probes {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        // Probes of an earlier half-open period are over when the breaker moves on.
        if exchange.events_of("transition").any(|event| event["from"] == "half_open") {
            self.waiting = 0;
        }
        let probe = exchange.result["state"] == "half_open";
        match exchange.op() {
            "allow" if probe && exchange.result["allowed"] == true => self.waiting += 1,
            "success" | "failure" if probe => self.waiting = self.waiting.saturating_sub(1),
            _ => {}
        }
        if self.waiting > self.most {
            let (waiting, most) = (self.waiting, self.most);
            return Err(format!("{waiting} probes are under way in half-open, {most} at most may"));
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// What was announced last.
#[derive(Clone, Debug)]
struct Path {
    state: String,
}

impl Account for Path {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        for event in exchange.events_of("transition") {
            let (from, to) = (&event["from"], event["to"].as_str().unwrap_or(""));
            if *from != self.state.as_str() || *from == *to {
                return Err(format!("it was {} and announces {from} to {to}", self.state));
            }
            to.clone_into(&mut self.state);
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// Results since the breaker was last closed.
#[derive(Clone, Debug)]
struct Share {
    of: usize,
    failed: Vec<bool>,
}

impl Account for Share {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        if exchange.events_of("transition").next().is_some() {
            self.failed.clear();
        }
        if !matches!(exchange.op(), "success" | "failure") || exchange.result["state"] != "closed" {
            return Ok(());
        }
        self.failed.push(exchange.op() == "failure");
        let last = &self.failed[self.failed.len().saturating_sub(self.of)..];
        let failures = last.iter().filter(|failed| **failed).count();
        if last.len() == self.of && failures * 2 >= self.of {
            return Err(format!(
                "{failures} of the last {} calls failed, and it is closed",
                self.of
            ));
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// An admitted call.
#[derive(Clone, Copy, Debug)]
struct Call {
    at: Time,
    /// Changes of state before it.
    change: usize,
    was_probe: bool,
}

/// Changes of state, announced ones that change nothing left out, and calls without a result.
#[derive(Clone, Debug)]
struct History {
    claim: BreakerClaim,
    state: String,
    /// When the state was entered.
    since: Time,
    changes: usize,
    calls: Vec<Call>,
}

impl History {
    fn new(claim: BreakerClaim) -> Self {
        let state = "closed".to_owned();
        Self { claim, state, since: Time::ZERO, changes: 0, calls: Vec::new() }
    }

    /// Follows the announced changes.
    fn follow(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        for event in exchange.events_of("transition") {
            let to = event["to"].as_str().unwrap_or("");
            if self.state == to {
                continue;
            }
            let at = Time::from_nanos(event["at"].as_u64().unwrap_or(0));
            let lasted = at.since(self.since);
            if let BreakerClaim::OpenLasts(least) = self.claim
                && self.state == "open"
                && lasted < least
            {
                return Err(format!("it was open for {lasted} only"));
            }
            (self.since, self.changes) = (at, self.changes + 1);
            to.clone_into(&mut self.state);
        }
        Ok(())
    }

    /// What a result of the oldest call changed.
    fn judge_result(&self, settled: Option<Call>, before: usize) -> Result<(), String> {
        let (Some(call), true) = (settled, self.changes > before) else { return Ok(()) };
        let is_late = call.change < before;
        if is_late && self.claim == BreakerClaim::LateResultsChangeNothing {
            return Err(format!("the result of a call from before made it {}", self.state));
        }
        let opened = call.was_probe && self.state == "open";
        if is_late && opened && self.claim == BreakerClaim::LeftoversDoNotOpen {
            return Err("the result of a probe opened it when it was closed".to_owned());
        }
        Ok(())
    }
}

impl Account for History {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        // What time changed is announced with the next answer; no result half-opens a breaker.
        let due = |event: &&serde_json::Value| {
            event["at"] != exchange.at.as_nanos() || event["to"] == "half_open"
        };
        let by_time = exchange.events_of("transition").filter(due).count();
        let before = self.changes + by_time;
        self.follow(exchange)?;
        let open_for = exchange.at.since(self.since);
        let is_open = exchange.result["state"] == "open";
        match (exchange.op(), self.claim) {
            ("allow", BreakerClaim::OpenEnds(most))
                if exchange.result["allowed"] == false && is_open && open_for > most =>
            {
                return Err(format!("it refuses {open_for} after it opened"));
            }
            ("state", BreakerClaim::StateIsCurrent(most)) if is_open && open_for > most => {
                return Err(format!("it says that it is open {open_for} after it opened"));
            }
            ("state", BreakerClaim::LostProbesEnd(most)) => {
                let is_lost =
                    |call: &Call| call.change == self.changes && exchange.at.since(call.at) > most;
                if exchange.result["state"] == "half_open" && self.calls.iter().any(is_lost) {
                    return Err(format!("it waits for a probe for more than {most}"));
                }
            }
            _ => {}
        }
        if exchange.op() == "allow" && exchange.result["allowed"] == true {
            let (at, change) = (exchange.at, self.changes);
            self.calls.push(Call { at, change, was_probe: self.state == "half_open" });
        }
        // A result without a call of its own settles none.
        let is_result = matches!(exchange.op(), "success" | "failure");
        if is_result && exchange.operation != "break" {
            let settled = (!self.calls.is_empty()).then(|| self.calls.remove(0));
            self.judge_result(settled, before)?;
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
