//! How a gateway turns requests away. Refusals are rarer than requests: they lie apart from the way of those.

use serde::Serialize;

use super::{GatewayNode, NOWHERE};
use crate::contract::{Failure, Sender, Turn};
use crate::fact::Fact;
use crate::policy::{Entry, Judged, Passage, Ruling};
use crate::{Name, Span};

impl<P: Clone + std::fmt::Debug + Serialize> GatewayNode<P> {
    /// No route is for a request.
    #[cold]
    pub(super) fn turn_away_to_nowhere(
        &mut self,
        (from, path): (Sender, Name),
        client: Name,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        match self.gateway.admit_unknown(turn.now(), client, NOWHERE) {
            None => turn.reply_failure(from, path, Failure::RouteNotFound),
            Some(retry) => self.refuse(from, path, Failure::RateLimited, retry.span(), turn),
        }
    }

    /// The limiter or the breaker refuses a request.
    #[cold]
    pub(super) fn turn_away(
        &mut self,
        (from, path): (Sender, Name),
        passage: Passage,
        Judged { ruling, transitions }: Judged,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let Passage { client, route, service, limit, .. } = passage;
        match ruling {
            Ruling::Admitted(_) => {}
            Ruling::RateLimited(retry) => {
                self.tell(transitions, turn);
                turn.note(Fact::Limited { client, route, limit });
                self.refuse(from, path, Failure::RateLimited, retry.span(), turn);
            }
            Ruling::BreakerOpen { retry_after, has_spent } => {
                if has_spent {
                    turn.note(Fact::Admitted { client, route, limit });
                }
                self.tell(transitions, turn);
                turn.note(Fact::Broken { service });
                self.refuse(from, path, Failure::BreakerOpen, retry_after, turn);
            }
        }
    }

    /// There is no place for a request that limiter and breaker let in.
    #[cold]
    pub(super) fn turn_away_from_full(
        &mut self,
        (from, path, key): (Sender, Name, u64),
        passage: Passage,
        entry: Entry,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        let Passage { client, route, service, limit, .. } = passage;
        let (transitions, has_spent) = self.gateway.take_back(turn.now(), passage, entry);
        if has_spent {
            turn.note(Fact::Admitted { client, route, limit });
        }
        self.tell(transitions, turn);
        let inside = self.in_hand_of(service).map_or(0, |it| it.bulkhead().inside());
        turn.note(Fact::GatewayFull { service, key, inside });
        turn.reply_failure(from, path, Failure::Overloaded);
    }

    /// Refuses on its own account, and says when to come back where that is known.
    #[cold]
    pub(super) fn refuse(
        &self,
        from: Sender,
        path: Name,
        failure: Failure,
        after: Option<Span>,
        turn: &mut Turn<'_, P, Fact>,
    ) {
        turn.refuse(from, path, failure, self.config.policy.refusals.say(after));
    }
}
