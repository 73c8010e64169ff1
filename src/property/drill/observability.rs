//! Claims about a platform of logs and metrics.

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What a platform must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "ObservabilityClaim", deny_unknown_fields)]
pub enum ObservabilityClaim {
    /// Always: the series of some labels has the value that was last recorded with them (OB-2).
    SeriesAreApart,
    /// Always: no query finds a line of DEBUG (OB-4).
    DebugLinesAreNotKept,
    /// Always: a query for WARN finds as many lines as there are warnings and errors (OB-5).
    ErrorsAreWarnings,
    /// Always: lines are found in the order of their time (OB-8).
    LinesComeInOrder,
}

impl ObservabilityClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Records { claim: self, asked: Vec::new() })
    }
}

/// Everything that was logged and measured.
#[derive(Clone, Debug)]
struct Records {
    claim: ObservabilityClaim,
    asked: Vec<Value>,
}

impl Account for Records {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        self.asked.push(exchange.request.clone());
        match exchange.op() {
            "read_metric" => self.read(&exchange.request, &exchange.result),
            "query" => self.found(&exchange.request, &exchange.result),
            _ => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

impl Records {
    fn read(&self, request: &Value, result: &Value) -> Result<(), String> {
        let ObservabilityClaim::SeriesAreApart = self.claim else { return Ok(()) };
        let is_of_series = |asked: &&Value| {
            asked["op"] == "metric"
                && asked["name"] == request["name"]
                && asked["tags"] == request["tags"]
        };
        let Some(last) = self.asked.iter().rfind(is_of_series) else { return Ok(()) };
        if result["value"] == last["value"] {
            return Ok(());
        }
        Err(format!("with {} it was {}, and is {}", last["tags"], last["value"], result["value"]))
    }

    fn found(&self, request: &Value, result: &Value) -> Result<(), String> {
        let lines: Vec<&Value> = result["logs"].as_array().into_iter().flatten().collect();
        match self.claim {
            ObservabilityClaim::SeriesAreApart => Ok(()),
            ObservabilityClaim::DebugLinesAreNotKept => {
                let debug = lines.iter().filter(|line| line["level"] == "DEBUG").count();
                if debug == 0 { Ok(()) } else { Err(format!("{debug} lines of DEBUG are kept")) }
            }
            ObservabilityClaim::ErrorsAreWarnings => {
                let is_bad = |asked: &&Value| {
                    asked["op"] == "log" && (asked["level"] == "WARN" || asked["level"] == "ERROR")
                };
                let logged = self.asked.iter().filter(is_bad).count();
                if request["level"] != "WARN" || lines.len() == logged {
                    return Ok(());
                }
                Err(format!("{} of {logged} lines from WARN on are found", lines.len()))
            }
            ObservabilityClaim::LinesComeInOrder => {
                let at = |line: &Value| line["at"].as_u64().unwrap_or(0);
                let back = lines.windows(2).find(|pair| at(pair[0]) > at(pair[1]));
                back.map_or(Ok(()), |pair| {
                    Err(format!("a line of {} ns follows one of {} ns", at(pair[1]), at(pair[0])))
                })
            }
        }
    }
}
