//! Claims about an API gateway.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What an API gateway must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "GatewayClaim", deny_unknown_fields)]
pub enum GatewayClaim {
    /// Always: a request that asks for a method is called with it (GW-1).
    MethodsAreTold,
    /// Always: who is refused for its limit got as often as this past the breaker (GW-2).
    OnlyPassedRequestsCost(u64),
    /// Always: at most this many requests are told that their path is unknown (GW-3).
    UnknownPathsAreBounded(u64),
    /// Always: no breaker refuses a path none of whose calls ever failed (GW-5).
    PathsBreakAlone,
    /// Always: a service that no route leads to has no breaker (GW-7).
    BreakersBelongToRoutes,
    /// Always: no breaker refuses where no call ever reached an instance and failed (GW-9).
    OnlyCallsBreak,
    /// Always: a refusal by limiter or breaker says when to try again, or that nobody knows (GW-11).
    RefusalsSayWhen,
    /// Always: a client without a name is refused as such (GW-12).
    ClientsHaveNames,
}

impl GatewayClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Requests {
            claim: self,
            seen: 0,
            asked: BTreeMap::new(),
            routes: BTreeMap::new(),
            failed: BTreeSet::new(),
            passed: 0,
            unknown: 0,
        })
    }
}

/// What was asked, and how it ended.
#[derive(Clone, Debug)]
struct Requests {
    claim: GatewayClaim,
    /// Requests of the protocol: each is known by its number.
    seen: u64,
    asked: BTreeMap<u64, Value>,
    /// The service that a path leads to.
    routes: BTreeMap<String, String>,
    /// Paths on which a call reached an instance and failed.
    failed: BTreeSet<String>,
    /// Requests that neither limiter nor breaker refused.
    passed: u64,
    /// Requests whose path was unknown.
    unknown: u64,
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or("").to_owned()
}

impl Requests {
    /// A request is over.
    fn ended(&mut self, event: &Value) -> Result<(), String> {
        let number = event["request"].as_u64().unwrap_or(u64::MAX);
        let Some(asked) = self.asked.remove(&number) else { return Ok(()) };
        let path = text(&asked, "path");
        let error = event.get("error");
        let kind = error.map_or_else(String::new, |error| text(error, "kind"));
        let is_refused = matches!(kind.as_str(), "rate_limited" | "breaker_open");
        let other_method = |method| event.get("method").is_some_and(|called| called != method);
        let claim = self.claim;
        if claim == GatewayClaim::MethodsAreTold && asked.get("method").is_some_and(other_method) {
            return Err(format!("asked for {}, called {}", asked["method"], event["method"]));
        }
        if let GatewayClaim::OnlyPassedRequestsCost(limit) = claim
            && kind == "rate_limited"
            && self.passed < limit
        {
            return Err(format!("refused after {} of {limit} requests", self.passed));
        }
        if kind == "breaker_open" {
            if claim == GatewayClaim::PathsBreakAlone && !self.failed.contains(&path) {
                return Err(format!("{path} is refused, and no call on it failed"));
            }
            if claim == GatewayClaim::OnlyCallsBreak && self.failed.is_empty() {
                return Err("refused, and no call of an instance ever failed".to_owned());
            }
        }
        let says_when = error.is_some_and(|error| error.get("retry_after").is_some());
        if claim == GatewayClaim::RefusalsSayWhen && is_refused && !says_when {
            return Err(format!("{kind}, without a word of when to try again"));
        }
        let is_anonymous = text(&asked, "client").is_empty();
        if claim == GatewayClaim::ClientsHaveNames && is_anonymous && kind != "unidentified" {
            return Err("a client without a name is served".to_owned());
        }
        self.passed += u64::from(!is_refused);
        self.unknown += u64::from(kind == "route_not_found");
        if matches!(kind.as_str(), "failed" | "timed_out") {
            self.failed.insert(path);
        }
        if let GatewayClaim::UnknownPathsAreBounded(most) = claim
            && self.unknown > most
        {
            return Err(format!("{} requests on unknown paths were free", self.unknown));
        }
        Ok(())
    }
}

impl Account for Requests {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        match exchange.op() {
            "request" => drop(self.asked.insert(self.seen, exchange.request.clone())),
            "route" => {
                let (path, service) = ("path", text(&exchange.request, "service"));
                self.routes.insert(text(&exchange.request, path), service);
            }
            "breaker" => {
                let service = text(&exchange.request, "service");
                let is_led_to = self.routes.values().any(|known| *known == service);
                let is_there = !exchange.result["state"].is_null();
                if self.claim == GatewayClaim::BreakersBelongToRoutes && is_there && !is_led_to {
                    return Err(format!("{service} has a breaker, and no route leads to it"));
                }
            }
            _ => {}
        }
        self.seen += 1;
        for event in exchange.events_of("completed") {
            self.ended(event)?;
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
