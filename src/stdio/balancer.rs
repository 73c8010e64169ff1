//! `balancer`: round robin over the list shown.

use brownout_models::policy::RoundRobin;
use brownout_models::{Names, Time};

use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

/// A balancer and its services' names.
#[derive(Clone, Debug, Default)]
pub(super) struct BalancerDesk {
    names: Names,
    balancer: RoundRobin,
}

/// `select`: the service of every instance in the list; ids decide nothing.
pub(super) struct Select {
    services: Vec<String>,
}

impl Desk for BalancerDesk {
    type Request = Select;

    fn read(operation: &str, fields: &mut Fields) -> Result<Select, Bad> {
        if operation != "select" {
            return Err(unknown_operation(operation, &["select", "advance"]));
        }
        let mut services = Vec::new();
        for entry in fields.array("instances")? {
            let mut entry = Fields::of_value(&entry, "instances")?;
            services.push(entry.text("service")?);
            entry.text("id")?;
            entry.end()?;
        }
        Ok(Select { services })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        _now: Time,
        _number: u64,
        Select { services }: Select,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        // A mixed list counts for the service of its first entry.
        let index = services.first().and_then(|service| {
            let service = self.names.intern(service);
            self.balancer.select(service, services.len())
        });
        Ok(Answer::Index { index })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
