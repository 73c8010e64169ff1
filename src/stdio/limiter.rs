//! `limiter`: how often each client may do something.

use brownout_models::policy::{Limiter, LimiterConfig, LimiterOptions};
use brownout_models::{Mistake, Names, Profile, Span, Time};

use super::Options;
use super::fields::{Bad, Fields, unknown_operation};
use super::protocol::Desk;
use super::vocabulary::{Answer, Events};

impl Options for LimiterOptions {
    type Config = LimiterConfig;

    fn checked(&self, profile: Profile) -> (LimiterConfig, Vec<Mistake>) {
        let config = self.resolve(profile);
        let mistakes = config.mistakes();
        (config, mistakes)
    }
}

/// A limiter, and the names of its clients and routes.
#[derive(Clone, Debug)]
pub(super) struct LimiterDesk {
    names: Names,
    limiter: Limiter,
}

/// A request to the limiter.
pub(super) enum LimiterRequest {
    Allow { client: String, route: String, limit: i64, cost: u64 },
    Buckets,
}

impl LimiterDesk {
    pub(super) fn new(config: LimiterConfig) -> Self {
        Self { names: Names::default(), limiter: Limiter::new(config) }
    }
}

impl Desk for LimiterDesk {
    type Request = LimiterRequest;

    fn read(operation: &str, fields: &mut Fields) -> Result<LimiterRequest, Bad> {
        match operation {
            "allow" => {
                let (client, route) = (fields.text("client")?, fields.text("route")?);
                let limit = fields.integer("limit")?;
                let cost = fields.positive_or_one("cost")?;
                Ok(LimiterRequest::Allow { client, route, limit, cost })
            }
            "buckets" => Ok(LimiterRequest::Buckets),
            _ => Err(unknown_operation(operation, &["allow", "buckets", "advance"])),
        }
    }

    fn due(&self) -> Option<Time> {
        None
    }

    fn wake(&mut self, _now: Time, _events: &mut Events) {}

    fn take(
        &mut self,
        now: Time,
        _number: u64,
        request: LimiterRequest,
        _events: &mut Events,
    ) -> Result<Answer, Bad> {
        let LimiterRequest::Allow { client, route, limit, cost } = request else {
            return Ok(Answer::Buckets { buckets: self.limiter.len() });
        };
        let (client, route) = (self.names.intern(&client), self.names.intern(&route));
        let decision = self.limiter.allow_cost(now, client, route, limit, cost);
        let says_more = *self.limiter.config() != LimiterConfig::guide();
        let remaining = says_more.then_some(decision.remaining);
        let retry_after =
            (says_more && !decision.allowed).then(|| decision.retry.span().map(Span::as_nanos));
        Ok(Answer::Allowed { allowed: decision.allowed, remaining, retry_after })
    }

    fn is_pending(&self) -> bool {
        false
    }
}
