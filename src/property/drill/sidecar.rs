//! Claims about a sidecar, its retries and its telemetry.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What a sidecar must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "SidecarClaim", deny_unknown_fields)]
pub enum SidecarClaim {
    /// Always: the average latency is that of the calls that ended; for calls that are not tried
    /// again (SC-1).
    AverageIsOfCallsThatEnded,
    /// Always: the sidecar counts at least as many attempts, or requests where it does not tell them
    /// apart, as its handlers saw in calls that ended (SC-2).
    AttemptsAreCounted,
    /// Always: all latency is time that handlers took (SC-3).
    LatencyIsTimeOfHandlers,
    /// Always: a call ends with its first failure that is said to be permanent (SC-4).
    PermanentFailuresAreFinal,
    /// Always: of calls that fail at one instant, and whose words differ, no two are tried again at
    /// one instant (SC-5).
    RetriesAreSpread,
    /// Always: no call that ended lacks its span (SC-7); for fewer calls than spans are kept.
    CallsHaveSpans,
    /// Always: a call that names its parent has a span that is part of it (SC-8).
    SpansHaveParents,
    /// Always: the rate of errors is a number (SC-13).
    ErrorRateIsANumber,
    /// Always: no call has more attempts than this (SC-14).
    AttemptsAreBounded(usize),
    /// Always: a call ends with its first failure that came from our own side (SC-15).
    OwnRejectionsAreFinal,
}

impl SidecarClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Calls { claim: self, asked: Vec::new(), ended: BTreeMap::new() })
    }
}

/// Every call, and what became of it.
#[derive(Clone, Debug)]
struct Calls {
    claim: SidecarClaim,
    /// Every line; requests are numbered by line.
    asked: Vec<Value>,
    /// The events of the calls that ended, by the number of their request.
    ended: BTreeMap<usize, Value>,
}

impl Account for Calls {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        self.asked.push(exchange.request.clone());
        for event in exchange.events_of("completed") {
            let request = event["request"].as_u64().unwrap_or(0);
            let request = usize::try_from(request).unwrap_or(usize::MAX);
            self.ended.insert(request, event.clone());
            self.ended_well(request)?;
        }
        match exchange.op() {
            "metrics" => self.metrics(&exchange.result),
            "spans" => self.spans(&exchange.result),
            _ => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

/// The instants of the attempts of a call that ended.
fn attempts(event: &Value) -> Vec<u64> {
    let attempts = event["attempts"].as_array().into_iter().flatten();
    attempts.filter_map(Value::as_u64).collect()
}

impl Calls {
    /// The steps of the script that a call went through.
    fn steps(&self, request: usize) -> impl Iterator<Item = &Value> {
        let taken = self.ended.get(&request).map_or(0, |event| attempts(event).len());
        let script = self.asked.get(request).and_then(|asked| asked["script"].as_array());
        script.into_iter().flatten().take(taken)
    }

    fn ended_well(&self, request: usize) -> Result<(), String> {
        let made = attempts(&self.ended[&request]);
        let after = |kind: &str| {
            let first = self.steps(request).position(|step| step["failure"] == kind);
            first.map_or(0, |first| made.len().saturating_sub(first + 1))
        };
        match self.claim {
            SidecarClaim::PermanentFailuresAreFinal if after("permanent") > 0 => {
                Err(format!("{} attempts after a permanent failure", after("permanent")))
            }
            SidecarClaim::OwnRejectionsAreFinal if after("own_rejection") > 0 => {
                Err(format!("{} attempts after our own rejection", after("own_rejection")))
            }
            SidecarClaim::AttemptsAreBounded(most) if made.len() > most => {
                Err(format!("{} attempts, {most} at most may be", made.len()))
            }
            SidecarClaim::RetriesAreSpread => self.spread(request, &made),
            SidecarClaim::PermanentFailuresAreFinal
            | SidecarClaim::OwnRejectionsAreFinal
            | SidecarClaim::AttemptsAreBounded(_)
            | SidecarClaim::AverageIsOfCallsThatEnded
            | SidecarClaim::AttemptsAreCounted
            | SidecarClaim::LatencyIsTimeOfHandlers
            | SidecarClaim::CallsHaveSpans
            | SidecarClaim::SpansHaveParents
            | SidecarClaim::ErrorRateIsANumber => Ok(()),
        }
    }

    fn spread(&self, request: usize, made: &[u64]) -> Result<(), String> {
        let together = |other: &Vec<u64>| {
            made.len() > 1 && other.len() > 1 && made[0] == other[0] && made[1] == other[1]
        };
        let words = |request: usize| self.asked.get(request).map(|asked| &asked["words"]);
        for (other, event) in self.ended.range(..request) {
            if words(*other) != words(request) && together(&attempts(event)) {
                return Err(format!(
                    "two calls fail together and both come back at {} ns",
                    made[1]
                ));
            }
        }
        Ok(())
    }

    fn metrics(&self, result: &Value) -> Result<(), String> {
        let number = |field: &str| result[field].as_u64();
        let made: usize = self.ended.values().map(|event| attempts(event).len()).sum();
        match self.claim {
            SidecarClaim::AverageIsOfCallsThatEnded => {
                let latencies = self.ended.values().map(|event| {
                    let ended = event["at"].as_u64().unwrap_or(0);
                    ended.saturating_sub(event["started"].as_u64().unwrap_or(0))
                });
                let count = self.ended.len() as u64;
                let average = latencies.sum::<u64>().checked_div(count).unwrap_or(0);
                match number("average_latency") {
                    Some(said) if said == average => Ok(()),
                    said => Err(format!(
                        "the average latency is said to be {} ns, of calls that ended it is {average}",
                        said.unwrap_or(0)
                    )),
                }
            }
            SidecarClaim::AttemptsAreCounted => {
                let said = number("attempts").or(number("requests")).unwrap_or(0);
                if said < made as u64 {
                    return Err(format!("{said} were counted, handlers saw {made}"));
                }
                Ok(())
            }
            SidecarClaim::LatencyIsTimeOfHandlers => {
                let steps = self.ended.keys().flat_map(|request| self.steps(*request));
                let taken: u64 = steps.filter_map(|step| step["takes"].as_u64()).sum();
                let requests = number("requests").unwrap_or(0);
                let latency = number("average_latency").unwrap_or(0).saturating_mul(requests);
                if latency > taken {
                    return Err(format!("{latency} ns of latency, handlers took {taken} ns"));
                }
                Ok(())
            }
            SidecarClaim::ErrorRateIsANumber => {
                if result.get("errors_per_million").is_none() {
                    return Err("the error rate is a text".to_owned());
                }
                Ok(())
            }
            SidecarClaim::PermanentFailuresAreFinal
            | SidecarClaim::RetriesAreSpread
            | SidecarClaim::CallsHaveSpans
            | SidecarClaim::SpansHaveParents
            | SidecarClaim::AttemptsAreBounded(_)
            | SidecarClaim::OwnRejectionsAreFinal => Ok(()),
        }
    }

    fn spans(&self, result: &Value) -> Result<(), String> {
        let spans: Vec<&Value> = result["spans"].as_array().into_iter().flatten().collect();
        match self.claim {
            SidecarClaim::CallsHaveSpans => {
                let calls = self.asked.iter().filter(|asked| asked["op"] == "call").count();
                if spans.len() < calls {
                    return Err(format!("{calls} calls have {} spans", spans.len()));
                }
                Ok(())
            }
            SidecarClaim::SpansHaveParents => {
                let mut parents = self.asked.iter().filter_map(|asked| asked.get("parent"));
                let lonely = parents
                    .find(|parent| !spans.iter().any(|span| span.get("parent") == Some(*parent)));
                lonely.map_or(Ok(()), |parent| Err(format!("no span is part of {parent}")))
            }
            SidecarClaim::AverageIsOfCallsThatEnded
            | SidecarClaim::AttemptsAreCounted
            | SidecarClaim::LatencyIsTimeOfHandlers
            | SidecarClaim::PermanentFailuresAreFinal
            | SidecarClaim::RetriesAreSpread
            | SidecarClaim::ErrorRateIsANumber
            | SidecarClaim::AttemptsAreBounded(_)
            | SidecarClaim::OwnRejectionsAreFinal => Ok(()),
        }
    }
}
