//! `limiter`: a token bucket for every client.

use brownout_models::policy::Limiter;
use brownout_models::{Names, Time};

use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

/// A limiter and its clients' names.
#[derive(Clone, Debug, Default)]
pub(super) struct LimiterDesk {
    names: Names,
    limiter: Limiter,
}

/// `allow`, without the route, which the guide's limiter never sees.
pub(super) struct Allow {
    client: String,
    limit: i64,
}

impl Desk for LimiterDesk {
    type Request = Allow;

    fn read(operation: &str, fields: &mut Fields) -> Result<Allow, Bad> {
        if operation != "allow" {
            return Err(unknown_operation(operation, &["allow", "advance"]));
        }
        let client = fields.text("client")?;
        fields.text("route")?;
        Ok(Allow { client, limit: fields.integer("limit")? })
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        Allow { client, limit }: Allow,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        let client = self.names.intern(&client);
        Ok(Answer::Allowed { allowed: self.limiter.allow(now, client, limit) })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
