//! Claims about outlier detection.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::{Account, Exchange};

/// What outlier detection must hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename = "OutlierClaim", deny_unknown_fields)]
pub enum OutlierClaim {
    /// Always: a host whose calls failed this many times in a row is out, be it only once, unless
    /// another one is (LB-6).
    FailingHostsAreEjected(u32),
}

impl OutlierClaim {
    pub(super) fn account(self) -> Box<dyn Account> {
        let Self::FailingHostsAreEjected(most) = self;
        Box::new(Failures {
            most,
            hosts: Vec::new(),
            in_a_row: IndexMap::new(),
            is_out: IndexMap::new(),
        })
    }
}

/// Failures in a row of each host, and who is out.
#[derive(Clone, Debug)]
struct Failures {
    most: u32,
    hosts: Vec<Value>,
    in_a_row: IndexMap<String, u32>,
    is_out: IndexMap<String, bool>,
}

impl Account for Failures {
    fn see(&mut self, exchange: &Exchange<'_>) -> Result<(), String> {
        let host = |value: &Value| value["host"].as_str().unwrap_or("").to_owned();
        for event in &exchange.events {
            self.is_out.insert(host(event), event["type"] == "ejected");
            self.in_a_row.insert(host(event), 0);
        }
        if let Some(hosts) = exchange.request["hosts"].as_array() {
            self.hosts.clone_from(hosts);
        }
        let is_known = self.hosts.contains(&exchange.request["host"]);
        if exchange.op() != "report" || !is_known || self.is_out.values().any(|is_out| *is_out) {
            return Ok(());
        }
        let host = host(&exchange.request);
        let in_a_row = self.in_a_row.entry(host.clone()).or_insert(0);
        *in_a_row = if exchange.request["ok"] == true { 0 } else { *in_a_row + 1 };
        if *in_a_row >= self.most {
            return Err(format!("{host} failed {in_a_row} times in a row and is called on"));
        }
        Ok(())
    }

    fn copy(&self) -> Box<dyn Account> {
        Box::new(self.clone())
    }
}
