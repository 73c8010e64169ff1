//! Balancers that heed loads, with few hosts and few calls under way, which end in any order.

use brownout_models::policy::balancer::{Balancer, BalancerConfig, BalancerKind, Host, Pick};
use brownout_models::{Name, Span, Time};

use super::{STARTS, explore};

#[derive(Clone)]
struct State {
    balancer: Balancer,
    /// The calls under way to each host.
    active: Vec<u32>,
}

struct Scope {
    kind: BalancerKind,
    weights: &'static [u32],
    calls_max: u32,
    now: Time,
    first: u32,
}

impl Scope {
    fn hosts(&self) -> Vec<Host> {
        let hosts = (self.first..).map(Name).zip(self.weights);
        hosts.map(|(id, weight)| Host { id, weight: *weight }).collect()
    }

    /// Whether `one` has less to do for its weight than `other`, were the call its own.
    fn is_less(&self, state: &State, one: usize, other: usize) -> bool {
        let load = |host: usize| state.active[host] + 1;
        load(one) * self.weights[other] < load(other) * self.weights[one]
    }

    /// The host that the rule says for a word, from its text.
    fn ruled(&self, state: &State, word: u64) -> usize {
        let count = self.weights.len();
        let first = usize::try_from(word).unwrap() % count;
        if self.kind == BalancerKind::LeastRequest {
            // From the drawn place on, the first that nobody has less to do than.
            let mut around = (0..count).map(|step| (first + step) % count);
            let is_least = |one: &usize| !(0..count).any(|other| self.is_less(state, other, *one));
            return around.find(is_least).unwrap();
        }
        let others: Vec<usize> = (0..count).filter(|other| *other != first).collect();
        let second = others[usize::try_from(word).unwrap() / count % (count - 1)];
        if self.is_less(state, second, first) { second } else { first }
    }

    fn next(&self, state: &State) -> Vec<State> {
        let (hosts, mut states) = (self.hosts(), Vec::new());
        let count = hosts.len() as u64;
        let can_call = state.active.iter().sum::<u32>() < self.calls_max;
        for word in 0..if can_call { count * (count - 1) } else { 0 } {
            let mut state = state.clone();
            let pick = Pick { now: self.now, service: Name(self.first), key: 0, word };
            let chosen = state.balancer.pick(pick, &hosts).unwrap();
            assert_eq!(chosen, self.ruled(&state, word));
            state.balancer.started(self.now, hosts[chosen].id);
            state.active[chosen] += 1;
            states.push(state);
        }
        for (place, host) in hosts.iter().enumerate().filter(|(place, _)| state.active[*place] > 0)
        {
            let mut state = state.clone();
            state.balancer.ended(self.now, host.id, Span::ZERO);
            state.active[place] -= 1;
            states.push(state);
        }
        states
    }
}

/// From every start, with up to so many calls under way.
fn count(kind: BalancerKind, weights: &'static [u32], calls_max: u32) -> Vec<usize> {
    let count = |(start, first): (u64, u32)| {
        let scope = Scope { kind, weights, calls_max, now: Time::from_nanos(start), first };
        let config = BalancerConfig { kind, ..BalancerConfig::hardened() };
        let active = vec![0; weights.len()];
        let start = State { balancer: Balancer::new(config), active };
        explore(start, |state| state.active.clone(), |state| scope.next(state)).0
    };
    STARTS.map(count).to_vec()
}

/// A host gets its second call only where each has one, which makes four. So with three under way
/// there are the 2^3 states in which each host has one or none; with four there is one with two as
/// well, while the others have one, one of them has, or none: 3 * (1 + 2 + 1) more.
#[test]
fn the_least_loaded_of_three_gets_the_next_call() {
    assert_eq!(count(BalancerKind::LeastRequest, &[1, 1, 1], 3), [8; 4]);
    assert_eq!(count(BalancerKind::LeastRequest, &[1, 1, 1], 4), [8 + 12; 4]);
}

/// Twice the weight is twice the calls: with a calls at the one of weight 2 and b at the other, it may
/// get the next one where a + 1 <= 2 (b + 1), the other where not a + 1 < 2 (b + 1). With three under
/// way nobody gets to a = 3, which needs b = 1, nor to b = 2, which needs a = 3: 3 * 2 states.
#[test]
fn a_host_of_twice_the_weight_gets_up_to_twice_the_calls() {
    assert_eq!(count(BalancerKind::LeastRequest, &[2, 1], 3), [3 * 2; 4]);
}

/// Any host may get the next call but one that has more than every other. With three under way
/// somebody gets a second call once another has one; the third of one host would need another with
/// two. So beside the 2^3 states with one or none each, one has two, and one of the others one or none
/// has any: 3 * (2 + 1) more.
#[test]
fn the_better_of_two_keeps_off_the_worst_only() {
    assert_eq!(count(BalancerKind::PowerOfTwo, &[1, 1, 1], 3), [8 + 9; 4]);
}

/// Of two hosts both are always drawn: it is the less loaded one. With three under way there is one or
/// none at each, or two at one, which needs one at the other, and then one or none there: 4 + 2 * 2.
#[test]
fn the_better_of_two_hosts_is_the_less_loaded() {
    assert_eq!(count(BalancerKind::PowerOfTwo, &[1, 1], 3), [4 + 4; 4]);
    assert_eq!(count(BalancerKind::LeastRequest, &[1, 1], 3), [4 + 4; 4]);
}
