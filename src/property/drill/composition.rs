//! Claims about an API composition.

use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What an API composition must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "CompositionClaim", deny_unknown_fields)]
pub enum CompositionClaim {
    /// Always: a composition that a part's failure dooms, at the very moment at which it is asked for,
    /// ends at that moment (AC-2).
    DoomedEndsAtOnce,
    /// Always: every error names the part that is missing (AC-4).
    ErrorsNameTheirParts,
}

impl CompositionClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Compositions { claim: self, healthy: Vec::new(), doomed: Vec::new(), asked: 0 })
    }
}

/// What is known of the services, and which compositions lack one.
#[derive(Clone, Debug)]
struct Compositions {
    claim: CompositionClaim,
    healthy: Vec<String>,
    /// The number of the request, and when it was asked for.
    doomed: Vec<(u64, u64)>,
    asked: u64,
}

/// The services of an order's details.
const SERVICES: [&str; 3] = ["user-service", "product-service", "payment-service"];

impl Account for Compositions {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let number = self.asked;
        self.asked += 1;
        let is_lacking =
            SERVICES.iter().any(|service| !self.healthy.iter().any(|it| it == service));
        match exchange.op() {
            "register" => {
                self.healthy.extend(exchange.request["service"].as_str().map(str::to_owned))
            }
            "compose" if is_lacking => self.doomed.push((number, exchange.at.as_nanos())),
            _ => {}
        }
        for event in exchange.events_of("completed") {
            match self.claim {
                CompositionClaim::DoomedEndsAtOnce => self.ended(event)?,
                CompositionClaim::ErrorsNameTheirParts => names(event)?,
            }
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}

impl Compositions {
    fn ended(&self, event: &Value) -> Result<(), String> {
        let (request, at) = (event["request"].as_u64(), event["at"].as_u64());
        let doomed = self.doomed.iter().find(|(number, _)| Some(*number) == request);
        match (doomed, at) {
            (Some((_, asked)), Some(at)) if at > *asked => {
                Err(format!("a doomed composition waited for {} ns", at - asked))
            }
            _ => Ok(()),
        }
    }
}

fn names(event: &Value) -> Result<(), String> {
    let errors = event["errors"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    match errors.iter().find(|error| error["part"].is_null()) {
        Some(error) => Err(format!("`{}` is nobody's", error["kind"].as_str().unwrap_or("?"))),
        None => Ok(()),
    }
}
