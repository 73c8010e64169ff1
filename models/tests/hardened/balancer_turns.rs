//! Turns by queue against a naive one, with whatever makes a list strange: hosts that are shown twice, in
//! any order, for several services, and forgotten in between.

use brownout_models::policy::balancer::{
    Balancer, BalancerConfig, BalancerKind, Forget, Host, Pick, Start,
};
use brownout_models::{Name, Span, Time};
use proptest::prelude::*;

use super::{config, step};

/// Where a host stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    host: Name,
    position: u64,
    credit: i128,
    seen: u64,
}

/// The queue of one service as a plain list, searched from its beginning whenever anything is asked.
#[derive(Clone, Debug, Default)]
struct Naive {
    standings: Vec<Standing>,
    next: u64,
    seen: u64,
}

impl Naive {
    fn of(&mut self, host: Name) -> &mut Standing {
        self.standings.iter_mut().find(|it| it.host == host).unwrap()
    }

    fn pick(&mut self, now: u64, kind: BalancerKind, hosts: &[Host], start: u64) -> Option<usize> {
        self.seen = now;
        let mut shown = hosts.to_vec();
        if self.standings.is_empty() {
            shown.rotate_left(usize::try_from(start % hosts.len() as u64).unwrap());
        }
        for Host { id: host, .. } in shown {
            if self.standings.iter().all(|it| it.host != host) {
                self.next += 1;
                self.standings.push(Standing { host, position: self.next, credit: 0, seen: now });
            }
            self.of(host).seen = now;
        }
        let mut best: Option<(i128, u64, usize)> = None;
        for (index, host) in hosts.iter().enumerate() {
            let weighted = kind == BalancerKind::Weighted;
            let earned = if weighted { i128::from(host.weight) * 10_000 } else { 0 };
            let standing = self.of(host.id);
            standing.credit += earned;
            let Standing { credit, position, .. } = *standing;
            let is_better = best
                .is_none_or(|(most, first, _)| credit > most || credit == most && position < first);
            if is_better && !(weighted && host.weight == 0) {
                best = Some((credit, position, index));
            }
        }
        let (.., index) = best?;
        self.next += 1;
        let next = self.next;
        let all: i128 = hosts.iter().map(|host| i128::from(host.weight) * 10_000).sum();
        let standing = self.of(hosts[index].id);
        standing.position = next;
        if kind == BalancerKind::Weighted {
            standing.credit -= all;
        }
        Some(index)
    }
}

/// All queues, and when they next forget.
#[derive(Debug, Default)]
struct NaiveBalancer {
    queues: Vec<(Name, Naive)>,
    forgets_at: u64,
}

impl NaiveBalancer {
    fn pick(
        &mut self,
        pick: Pick,
        kind: BalancerKind,
        hosts: &[Host],
        forget: u64,
    ) -> Option<usize> {
        let now = pick.now.as_nanos();
        if self.queues.iter().all(|(service, _)| *service != pick.service) {
            self.queues.push((pick.service, Naive::default()));
        }
        let (_, queue) =
            self.queues.iter_mut().find(|(service, _)| *service == pick.service).unwrap();
        let index = queue.pick(now, kind, hosts, pick.word);
        if now >= self.forgets_at {
            self.forgets_at = now + forget;
            let since = now.saturating_sub(forget);
            self.queues.retain(|(_, queue)| queue.seen >= since);
            for (_, queue) in &mut self.queues {
                queue.standings.retain(|it| it.seen >= since);
            }
        }
        index
    }
}

/// Up to six hosts in any order, the same one several times perhaps.
fn list() -> impl Strategy<Value = Vec<Host>> {
    let host = (0..6_u32, prop_oneof![4 => Just(1), 1 => 0..4_u32]);
    prop::collection::vec(host.prop_map(|(id, weight)| Host { id: Name(id), weight }), 1..7)
}

/// Lists of which each is shown several times in a row.
fn rounds() -> impl Strategy<Value = Vec<(u32, Vec<Host>, usize)>> {
    prop::collection::vec((0..2_u32, list(), 1..8_usize), 1..30)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_queue_of_turns_is_a_list_that_is_searched(
        rounds in rounds(),
        steps in prop::collection::vec(step(), 210),
        kind in prop::sample::select(vec![BalancerKind::RoundRobin, BalancerKind::Weighted]),
        start in prop::sample::select(vec![Start::First, Start::Random]),
        word in any::<u64>(),
        forget in prop::sample::select(vec![20_u64, 100, 1 << 40]),
    ) {
        let hardened = BalancerConfig::hardened();
        let forgets = Forget::After(Span::from_nanos(forget));
        let mut balancer = Balancer::new(BalancerConfig { kind, start, forget: forgets, ..hardened });
        let mut naive = NaiveBalancer::default();
        let mut steps = steps.into_iter();
        let mut now = Time::ZERO;
        for (service, hosts, times) in rounds {
            for _ in 0..times {
                now += Span::from_nanos(steps.next().unwrap_or(0));
                let pick = Pick { now, service: Name(100 + service), key: 0, word };
                let naive_word = if start == Start::Random { word } else { 0 };
                let expected =
                    naive.pick(Pick { word: naive_word, ..pick }, kind, &hosts, forget);
                prop_assert_eq!(balancer.pick(pick, &hosts), expected, "{:?} at {}", hosts, now);
            }
        }
    }
}
