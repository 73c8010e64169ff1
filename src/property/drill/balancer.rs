//! Claims about a balancer.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{Account, Exchange};

/// What a balancer must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "BalancerClaim", deny_unknown_fields)]
pub enum BalancerClaim {
    /// Always: a host is passed over at most this many times in a row, counting only lists that show
    /// it (LB-2).
    NobodyStarves(usize),
    /// Always: the first pick goes to the place that the `word` draws (LB-4).
    TheFirstPickIsDrawn,
}

impl BalancerClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        Box::new(Turns { claim: self, passed_over: IndexMap::new() })
    }
}

/// How often each host was passed over since its last turn.
#[derive(Clone, Debug)]
struct Turns {
    claim: BalancerClaim,
    passed_over: IndexMap<String, usize>,
}

impl Account for Turns {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let chosen =
            exchange.result["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let (Some(shown), Some(chosen)) = (exchange.request["instances"].as_array(), chosen) else {
            return Ok(());
        };
        let is_first = self.passed_over.is_empty();
        let word = exchange.request["word"].as_u64().unwrap_or(0);
        for (index, id) in shown.iter().filter_map(|host| host["id"].as_str()).enumerate() {
            let passed_over = self.passed_over.entry(id.to_owned()).or_insert(0);
            *passed_over = if index == chosen { 0 } else { *passed_over + 1 };
            if let BalancerClaim::NobodyStarves(most) = self.claim
                && *passed_over > most
            {
                return Err(format!("{id} was shown and passed over {passed_over} times"));
            }
        }
        let drawn = word % shown.len().max(1) as u64;
        match self.claim {
            BalancerClaim::TheFirstPickIsDrawn if is_first && chosen as u64 != drawn => {
                Err(format!("the first pick is place {chosen}, and place {drawn} was drawn"))
            }
            BalancerClaim::TheFirstPickIsDrawn | BalancerClaim::NobodyStarves(_) => Ok(()),
        }
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
